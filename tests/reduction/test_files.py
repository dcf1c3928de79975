"""Files of reductions: what is loaded is what was saved, and nothing else is loaded."""

import os
from fractions import Fraction

import numpy as np
import pytest
from support.reductions import assert_identical, assert_same, equal_rows, kinds_of_reductions, target

from sparsereg import Lasso, Reduced, load_model
from sparsereg.archive import load_archive
from sparsereg.reduction.files import FORMAT


def test_what_is_loaded_is_what_was_saved(tmp_path):
    path = tmp_path / "part.npz"
    for reduced in kinds_of_reductions():
        assert reduced.save(path) == path.stat().st_size
        assert_identical(Reduced.load(path), reduced)
    assert os.listdir(tmp_path) == ["part.npz"]


def test_one_of_several_responses_is_saved_alone(tmp_path):
    X, effect, _ = equal_rows(60)
    for loss in ("squared", "huber"):
        one = Reduced.of(X, np.column_stack([effect, np.round(effect)]), loss=loss).response(1)
        one.save(tmp_path / "one.npz")
        assert Reduced.load(tmp_path / "one.npz").entries.n_entries == one.entries.n_entries


def test_loaded_parts_merge_and_fit(tmp_path):
    X, effect, weight = equal_rows(200)
    y = target("squared", effect)
    for k, rows in enumerate((slice(0, 90), slice(90, 200))):
        Reduced.of(X[rows], y[rows], weight[rows], loss="squared").save(tmp_path / f"{k}.npz")
    merged = Reduced.merge_all(Reduced.load(tmp_path / f"{k}.npz") for k in range(2))
    found = Lasso(0.01, tol=1e-11).fit(merged).objective_
    assert found == pytest.approx(Lasso(0.01, tol=1e-11).fit(X, y, weight).objective_, rel=1e-9)


def test_slices_are_saved_and_merge_to_the_whole(tmp_path):
    X, effect, weight = equal_rows(200)
    for loss in ("squared", "poisson", "huber", "logistic"):
        y, fold = target(loss, effect), np.arange(200) // 100
        whole = Reduced.of(X, y, weight, np.round(effect), loss=loss, fold=fold)
        for k, part in enumerate(whole.slices(1200)):
            part.save(tmp_path / f"{k}.npz")
        assert k > 2
        assert_same(Reduced.merge_all(Reduced.load(tmp_path / f"{j}.npz") for j in range(k + 1)), whole)


def test_files_are_small(tmp_path):
    X, effect, _ = equal_rows(5000, seed=3)
    n_bytes = Reduced.of(X, target("logistic", effect), loss="logistic").save(tmp_path / "part.npz")
    assert n_bytes < 35 * (1 + 3 + 4) + 47 * 4 + 3500


def test_every_damage_shows(tmp_path):
    X, effect, _ = equal_rows(60)
    path, other = tmp_path / "part.npz", tmp_path / "other.npz"
    Reduced.of(X, effect, loss="squared").save(path)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(content)
        damaged[rng.integers(len(content))] ^= 1 << rng.integers(8)
        other.write_bytes(damaged)
        with pytest.raises(ValueError, match="cannot be read as a sparsereg reduction: "):
            Reduced.load(other)
    for length in (0, 1, 63, 64, len(content) // 2, len(content) - 1):
        other.write_bytes(content[:length])
        with pytest.raises(ValueError, match="cannot be read as a sparsereg reduction: "):
            Reduced.load(other)


def test_other_files_are_told_apart(tmp_path):
    X, effect, _ = equal_rows(60)
    reduced, path = Reduced.of(X, effect, loss="squared"), tmp_path / "part.npz"
    reduced.save(path)
    with pytest.raises(ValueError, match="sparsereg reduction"):
        load_model(path)
    with pytest.raises(FileNotFoundError):
        Reduced.load(tmp_path / "none.npz")
    with pytest.raises(TypeError, match="expected a path"):
        Reduced.load(3)
    with pytest.raises(OSError, match="cannot be written"):
        reduced.save(tmp_path / "none" / "part.npz")
    arrays, meta = load_archive(path, FORMAT)
    assert set(meta) == {"loss", "rows", "held_out"}
    assert arrays["lengths"].dtype == np.uint8


def test_labels_that_no_file_holds(tmp_path):
    X, _, _ = equal_rows(4)
    for labels, strange in (([Fraction(1, 2), Fraction(1, 3)], "Fraction"), (["a\0", "b"], "a")):
        reduced = Reduced.of(X, np.array(labels * 2, dtype=object), loss="logistic")
        with pytest.raises(TypeError, match=f"classes: labels like .*{strange}.* cannot be saved"):
            reduced.save(tmp_path / "part.npz")
    assert not os.listdir(tmp_path)
