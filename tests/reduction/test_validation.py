"""Files that are sealed and yet no reduction: one clear error, and nothing that they point at is touched before it."""

import numpy as np
import pytest
from support.reductions import ESTIMATORS, equal_rows, kinds_of_reductions, target

from sparsereg import Reduced
from sparsereg.archive import load_archive, save_archive
from sparsereg.reduction.files import FORMAT


def tampered(path, change):
    """Change the contents of a file, and seal it again."""
    arrays, meta = load_archive(path, FORMAT)
    change(arrays, meta)
    save_archive(path, arrays, meta, FORMAT)


def put(name, position, value):
    """Return a change of one number."""

    def change(arrays, meta):
        arrays[name] = arrays[name].astype(np.int64 if arrays[name].dtype.kind in "iu" else arrays[name].dtype)
        arrays[name][position] = value

    return change


def make(name, function):
    """Return a change of one array."""
    return lambda arrays, meta: arrays.update({name: function(arrays[name])})


def say(name, value):
    """Return a change of what is said of the rows."""
    return lambda arrays, meta: meta["rows"].update({name: value})


def call_it(loss):
    """Return a change of the loss."""
    return lambda arrays, meta: meta.update(loss=loss)


def drop(name):
    """Return a change that takes an array away."""
    return lambda arrays, meta: arrays.pop(name)


CHANGES = [
    ("the array 'indices' is missing", drop("indices")),
    ("the array 'gaps' is missing", drop("gaps")),
    ("the array 'more' is not allowed", lambda arrays, meta: arrays.update(more=np.zeros(2))),
    ("the array 'target.0' is missing", lambda arrays, meta: arrays.update({"target.1": arrays.pop("target.0")})),
    ("n_features: 0", say("n_features", 0)),
    ("n_features: 2.0", say("n_features", 2.0)),
    ("active: expected ids", say("n_features", 10)),
    ("n_samples: -1", say("n_samples", -1)),
    ("n_weighted: .* of at most 3 samples", say("n_samples", 3)),
    ("'form' is missing", lambda arrays, meta: meta["rows"].pop("form")),
    ("'loss' is missing", lambda arrays, meta: meta.pop("loss")),
    ("form: 'labels' is not allowed", say("form", "labels")),
    ("feature_names: ", say("feature_names", ["a", "b"])),
    ("label_texts: true is not allowed", say("label_texts", True)),
    ("label_texts: 1 is not allowed", say("label_texts", 1)),
    ("loss: 'hinge' is not allowed", call_it("hinge")),
    ("loss: \\[\\] is not allowed", call_it([])),
    ("classes, weight: one of them does not go with loss='logistic'", call_it("logistic")),
    ("squares: expected 0 where", call_it("huber")),
    ("y: .* is outside \\[0, inf\\)", lambda *both: (call_it("poisson")(*both), put("target.0", 0, -1.0)(*both))),
    ("held_out: ", lambda arrays, meta: meta.update(held_out=meta["rows"])),
    ("held_out: ", lambda arrays, meta: arrays.update({"held_out.indices": arrays["indices"]})),
    ("lengths: -1 is not allowed", put("lengths", 0, -1)),
    ("rows: ", put("lengths", 0, 5)),
    ("lengths: 4294967296 is not allowed", put("lengths", 0, 2**32)),
    ("lengths: float64 of shape", make("lengths", lambda a: a.astype(np.float64))),
    ("lengths: uint64 of shape", make("lengths", lambda a: a.astype(np.uint64))),
    ("lengths: .* of shape \\(1, 35\\)", make("lengths", lambda a: a.reshape(1, -1))),
    ("rows: ", make("lengths", lambda a: a[:-1])),
    ("gaps: -1 is not allowed", put("gaps", 2, -1)),
    ("active: expected ids", put("gaps", 2, 0)),
    ("active: expected ids", put("gaps", [1, 2], 2**62)),
    ("rows: .*outside|rows: column id", put("indices", 4, 2**31 - 1)),
    ("indices: 2147483648 is not allowed", put("indices", 4, 2**31)),
    ("rows: expected ids in ascending order", make("indices", lambda a: a[::-1].copy())),
    ("rows: ", make("indices", lambda a: a[:-1])),
    ("rows: ", make("indices", lambda a: np.append(a, a[:1]))),
    ("data: float16", make("data", lambda a: a.astype(np.float16))),
    ("rows: .*NaN|rows.*nan", put("data", 0, np.nan)),
    ("rows: expected ids in ascending order, as many as rows are long, and no zeros", put("data", 0, 0.0)),
    ("rows: indices has .* entries and data", make("data", lambda a: a[1:])),
    ("row: 35 is not allowed, expected numbers below 35", put("row", 0, 35)),
    ("row: -1 is not allowed", put("row", 0, -1)),
    ("row: .* is of nothing", make("row", lambda a: a * 0)),
    ("part: .* numbers are not allowed for", make("part", lambda a: a[1:])),
    ("part: 3 is not allowed, expected numbers below 3", put("part", 0, 3)),
    ("part, folds: one is there", drop("folds")),
    ("folds: expected different numbers", put("folds", 0, -2)),
    ("folds: expected different numbers", make("folds", lambda a: a * 0)),
    ("folds: int32", make("folds", lambda a: a.astype(np.int32))),
    ("offset: .* numbers are not allowed", make("offset", lambda a: a[1:])),
    ("offset: inf at position 0", put("offset", 0, np.inf)),
    ("weight: 0.0 at position 1", put("weight", 1, 0.0)),
    ("weight: nan at position 1", put("weight", 1, np.nan)),
    ("weight: .* numbers are not allowed", make("weight", lambda a: a[1:])),
    ("classes, weight: one of them", drop("weight")),
    ("Input y contains NaN", put("target.0", 1, np.nan)),
    ("target.0: .* numbers are not allowed", make("target.0", lambda a: a[1:])),
    ("target.0: complex128", make("target.0", lambda a: a.astype(complex))),
    ("squares: -1.0 at position 0", put("squares", 0, -1.0)),
    ("squares: shape \\(2,\\) is not allowed, expected \\(3,\\)", make("squares", lambda a: a[1:])),
    ("squares: float32", make("squares", lambda a: a.astype(np.float32))),
    ("logs: expected 0 with loss='squared'", put("logs", 0, 1.0)),
    ("logs: nan at position 0", put("logs", 0, np.nan)),
    ("n_weighted: .* is not allowed", put("n_weighted", 0, -1)),
    ("n_weighted: .* is not allowed", put("n_weighted", 0, 2**62)),
    ("n_weighted: .* is not allowed", make("n_weighted", lambda a: a[1:])),
]  # fmt: skip


@pytest.mark.parametrize(("message", "change"), CHANGES)
def test_what_is_wrong_is_said(message, change, tmp_path):
    X, effect, weight = equal_rows(400)
    X.data[:] = 2.0
    path, fold = tmp_path / "part.npz", np.arange(400) % 3
    y = target("squared", effect)
    Reduced.of(X[200:], y[200:], weight[200:], np.round(effect[200:]), loss="squared", fold=fold[200:]).save(path)
    tampered(path, lambda arrays, meta: None)
    Reduced.load(path)
    with pytest.raises(ValueError, match=f"path: .*part.npz' cannot be read as a sparsereg reduction: .*({message})"):
        tampered(path, change)
        Reduced.load(path)


CLASS_CHANGES = [
    ("classes: .* expected labels in ascending order", make("classes", lambda a: a[::-1].copy())),
    ("classes: .* expected labels in ascending order", make("classes", lambda a: a[[0, 0]])),
    ("classes: .* expected a label for each of the 2 targets", make("classes", lambda a: a[:1])),
    ("classes: complex128", make("classes", lambda a: np.arange(2) * 1j)),
    ("form: 'second' is not allowed without", drop("classes")),
    ("form: 'words' is not allowed", say("form", "words")),
    ("form: None is not allowed|form: null|form:", say("form", None)),
    ("classes: \\[1, 2\\] is not allowed", make("classes", lambda a: a + 1)),
    ("target.1: -1.0 at position 0", put("target.1", 0, -1.0)),
    ("weight: 0.0 at position", lambda arrays, meta: [put(f"target.{k}", 0, 0.0)(arrays, meta) for k in (0, 1)]),
    ("squares: expected 0", put("squares", 0, 1.0)),
    ("logs: expected 0", put("logs", 0, 1.0)),
    ("classes, weight: one of them", lambda arrays, meta: arrays.update(weight=arrays["target.0"] + 1.0)),
]  # fmt: skip


@pytest.mark.parametrize(("message", "change"), CLASS_CHANGES)
def test_what_is_wrong_with_classes_is_said(message, change, tmp_path):
    X, effect, _ = equal_rows(60)
    Reduced.of(X, 1.0 / (1.0 + np.exp(effect)), loss="logistic").save(tmp_path / "part.npz")
    tampered(tmp_path / "part.npz", change)
    with pytest.raises(ValueError, match=f"cannot be read as a sparsereg reduction: {message}"):
        Reduced.load(tmp_path / "part.npz")


def test_anything_that_loads_can_be_merged_and_fitted(tmp_path):
    rng, path, n_loaded = np.random.default_rng(0), tmp_path / "part.npz", 0
    for reduced in kinds_of_reductions():
        reduced.save(path)
        arrays, meta = load_archive(path, FORMAT)
        for _ in range(4):
            name = sorted(arrays)[rng.integers(len(arrays))]
            changed = arrays[name].copy()
            if changed.size and changed.dtype.kind in "iuf":
                changed[tuple(rng.integers(changed.shape))] = rng.choice([0, 1, 3, 250])
            else:
                changed = np.resize(changed, changed.size + 1)
            save_archive(path, {**arrays, name: changed}, meta, FORMAT)
            try:
                loaded = Reduced.load(path)
            except ValueError as error:
                assert "cannot be read as a sparsereg reduction: " in str(error)
                continue
            n_loaded += 1
            merged = loaded.merge(loaded).response(0)
            if merged.entries.n_entries and (merged.classes is None or merged.classes.size == 2):
                ESTIMATORS[merged.loss](alpha=0.5, tol=0.1).fit(merged)
    assert n_loaded > 10
