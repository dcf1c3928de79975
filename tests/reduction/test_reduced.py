"""Reductions: what they keep, that they merge in any order, what they refuse."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from support.reductions import LOSSES, WIDE, assert_same, content, equal_rows, target
from support.wide_matrices import blemished_csr

from sparsereg import Block, ParquetReader, Reduced


@pytest.mark.parametrize("loss", LOSSES)
def test_entries_are_those_of_a_dictionary(loss):
    X, effect, weight = equal_rows(200)
    y = target(loss, effect)
    reduced = Reduced.of(X, y, weight, loss=loss)
    samples = {}
    for i in np.flatnonzero(weight):
        ids = tuple(X.indices[3 * i : 3 * i + 3].tolist())
        samples.setdefault((ids, (1.0,) * 3, None, None, (y[i],) if loss == "huber" else None), []).append(i)
    found, within = content(reduced), 0.0
    assert found.keys() == samples.keys()
    for key, rows in samples.items():
        mean = np.average(y[rows], weights=weight[rows])
        within += 0.5 * weight[rows] @ (y[rows] - mean) ** 2
        of_class = [weight[rows] @ (y[rows] == k) for k in (0, 1)]
        expected = of_class if reduced.classes is not None else [mean]
        np.testing.assert_allclose(found[key], [weight[rows].sum(), *expected], rtol=1e-12)
    squares = reduced.entries.sums.squares
    np.testing.assert_allclose(squares, within if reduced.classes is None else 0.0, rtol=1e-10, atol=1e-12)
    assert (reduced.n_samples, reduced.entries.n_weighted[0]) == (200, np.count_nonzero(weight))


def test_unsorted_duplicated_rows_and_stored_zeros():
    X = blemished_csr(3)
    y = np.arange(X.shape[0], dtype=np.float64)
    tidy = X.copy()
    tidy.sum_duplicates()
    tidy.eliminate_zeros()
    assert_same(Reduced.of(X, y, loss="squared"), Reduced.of(tidy, y, loss="squared"))


def test_blocks_of_every_form_are_one_reduction():
    X, effect, weight = equal_rows(100)
    y = target("squared", effect)
    empty = (X[:0], y[:0])
    blocks = [
        Block(X[:30], y[:30], weight[:30]), empty, (X[30:40].tocoo(), y[30:40], weight[30:40]),
        (X[40:], y[40:].tolist(), weight[40:]),
    ]
    assert_same(Reduced.of(X, y, weight, loss="squared"), Reduced.of_blocks(iter(blocks), loss="squared"))


def test_a_reader_gives_numbers_or_text_labels(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.integers(0, 4, 50), "y": rng.integers(0, 2, 50)})
    frame["label"] = np.array(["no", "yes"])[frame.y]
    frame.to_parquet(tmp_path / "rows.parquet")
    read = {"features": ["a"], "block_rows": 7}
    numbers = Reduced.of_blocks(ParquetReader(tmp_path / "rows.parquet", target="y", **read), loss="logistic")
    texts = Reduced.of_blocks(ParquetReader(tmp_path / "rows.parquet", target="label", **read), loss="logistic")
    assert numbers.classes.tolist() == [0.0, 1.0]
    assert texts.classes.tolist() == ["no", "yes"]
    for one, other in zip(numbers.entries.sums.columns, texts.entries.sums.columns, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match=r"(?s)label"):
        Reduced.of_blocks(ParquetReader(tmp_path / "rows.parquet", target="label", **read), loss="squared")


def test_folds_and_held_out_rows():
    X, effect, weight = equal_rows(100)
    y = target("squared", effect)
    blocks = [(X[k : k + 30], y[k : k + 30], weight[k : k + 30]) for k in range(0, 100, 30)]
    reduced = Reduced.of_blocks(blocks, loss="squared", n_folds=4, holdout=0.25)
    assert sorted(reduced.entries.folds) == [0, 1, 2, 3]
    assert (reduced.n_samples, reduced.held_out.n_samples) == (75, 25)
    assert not reduced.held_out.has_folds
    assert reduced.held_out.held_out is None
    total = [part.entries.sums.total.sum() for part in (reduced, reduced.held_out)]
    assert sum(total) == pytest.approx(weight.sum())
    twice = reduced.merge(reduced)
    assert (twice.n_samples, twice.n_rows, twice.held_out.n_samples) == (150, reduced.n_rows, 50)
    again = Reduced.of_blocks(blocks, loss="squared", n_folds=4, holdout=0.25)
    assert_same(reduced, again)
    other = Reduced.of_blocks(blocks, loss="squared", n_folds=4, holdout=0.25, random_state=1)
    assert content(other).keys() != content(reduced).keys()


@pytest.mark.parametrize("kind", ["U2", "O"])
def test_classes_are_those_of_all_blocks(kind):
    X, _, _ = equal_rows(9)
    y = np.array(["m", "m", "b", "b", "m", "b", "zz", "a", "m"]).astype(kind)
    reduced = Reduced.of_blocks([(X[k : k + 3], y[k : k + 3]) for k in (0, 3, 6)], loss="logistic")
    assert reduced.classes.tolist() == ["a", "b", "m", "zz"]
    assert [column.sum() for column in reduced.entries.sums.columns] == [1, 3, 4, 1]


def test_labels_of_rows_without_weight_are_no_class():
    X, _, _ = equal_rows(4)
    reduced = Reduced.of(X, ["a", "b", "c", "a"], [1, 1, 0, 1], loss="logistic")
    assert reduced.classes.tolist() == ["a", "b"]


def test_labels_beside_probabilities_are_probabilities():
    X, _, _ = equal_rows(6)
    for blocks in ([[0, 1, 1], [0.5, 0.25, 1.0]], [[0.5, 0.25, 1.0], [0.0, 1.0, 1.0]]):
        reduced = Reduced.of_blocks([(X[:3], blocks[0]), (X[3:], blocks[1])], loss="logistic")
        assert [column.sum() for column in reduced.entries.sums.columns] == [2.25, 3.75]
        assert reduced.classes.tolist() == [0, 1]


def test_a_zero_of_either_sign_is_one_target():
    reduced = Reduced.of(np.ones((3, 1)), [0.0, -0.0, 1.0], loss="huber")
    assert reduced.entries.sums.total.tolist() == [2.0, 1.0]


def test_what_is_printed_is_brief():
    X, effect, _ = equal_rows(100)
    text = repr(Reduced.of_blocks([(X, target("logistic", effect))], loss="logistic", n_folds=5, holdout=0.1))
    assert text.startswith("Reduced(loss='logistic', 90 samples -> ")
    for part in ("3,000,000,000 features", "2 classes", "5 folds", "10 held out"):
        assert part in text


def test_bytes_follow_the_distinct_rows():
    X, effect, _ = equal_rows(2000)
    reduced = Reduced.of(X, target("squared", effect), loss="squared")
    assert reduced.n_rows == 35
    assert reduced.nbytes == 35 * (8 + 3 * 4 + 16) + 8 + 8 * reduced.entries.rows.active.size


def test_names_of_columns_are_kept_and_compared():
    frame = pd.DataFrame({"a": [1.0, 0.0], "b": [0.0, 2.0]})
    reduced = Reduced.of(frame, [1.0, 2.0], loss="squared")
    assert reduced.feature_names.tolist() == ["a", "b"]
    for other in (frame[["b", "a"]], frame.to_numpy()):
        with pytest.raises(ValueError, match=r"part 1 .*: X: other column names"):
            Reduced.merge_all([reduced, Reduced.of(other, [1.0, 2.0], loss="squared")])


X3, Y3 = sparse.csr_array(np.eye(3)), [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("blocks", "loss", "message"),
    [
        ([], "squared", "blocks: there is none"),
        ([(X3, Y3), (sparse.csr_array(np.eye(3, 4)), Y3)], "squared", "block 1 .* has 4 features, .* had 3"),
        ([(X3, Y3), (X3, [1.0, np.nan, 1.0])], "squared", r"block 1 .*y contains NaN. \(nan at 1"),
        ([(X3, Y3), (X3 * np.nan, Y3)], "squared", r"block 1 .*X contains NaN.*\(row 0\)"),
        ([(X3, Y3), (X3, Y3, [1.0, -1.0, 1.0])], "squared", "block 1 .*sample_weight: -1.0 at position 1"),
        ([(X3, [1.0, -2.0, 3.0])], "poisson", "block 0 .*y: -2 in row 1 is outside"),
        ([(X3, Y3[:2])], "squared", "block 0 .*length 2 does not match the 3 rows"),
        ([(X3, ["a", "b"])], "logistic", "block 0 .*length 2 does not match the 3 rows"),
        ([(X3, None)], "squared", "block 0 .*y is None"),
        ([(X3, ["a", None, "b"])], "logistic", "block 0 .*missing label in row 1"),
        ([(X3, np.eye(3)), (X3, np.eye(3, 2) + [[0, 0], [0, 0], [1, 0]])], "logistic", "block 1 .*2 classes, .* had 3"),
        ([(X3, np.eye(3)), (X3, [0, 1, 2])], "logistic", "block 1 .*y: labels, where blocks before had one class"),
        ([(X3, [[2, 1]] * 3), (X3, [[0.5, 0.5]] * 3)], "logistic", "block 1 .*probabilities of classes, .* counts"),
        ([(X3, [0, 1, 2]), (X3, [0.5, 1.0, 0.0])], "logistic", r"block 1 .*labels \[0, 1, 2\] beside numbers"),
        ([(X3, Y3)], "hinge", "loss: 'hinge' is not allowed"),
        ([(sparse.csr_array(np.ones((2000, 1))), np.arange(2000))], "logistic", "more than 1000 classes"),
    ],
)  # fmt: skip
def test_malformed_blocks(blocks, loss, message):
    with pytest.raises(ValueError, match=message):
        Reduced.of_blocks(blocks, loss=loss)


def test_blocks_of_other_types():
    with pytest.raises(TypeError, match=r"block 1 .*labels like 'a', where blocks before had ones like 1"):
        Reduced.of_blocks([(X3, [1, 2, 3]), (X3, ["a", "b", "c"])], loss="logistic")
    with pytest.raises(TypeError, match="blocks: block 0 is a float"):
        Reduced.of_blocks([1.0], loss="squared")
    with pytest.raises(TypeError, match="blocks: csr_array is not allowed"):
        Reduced.of_blocks(X3, loss="squared")
    with pytest.raises(TypeError, match=r"part 1 \(the first is 0\): csr_array is not allowed"):
        Reduced.merge_all([Reduced.of(X3, Y3, loss="squared"), X3])


def test_parts_that_do_not_go_together():
    part = Reduced.of(X3, Y3, loss="squared")
    others = {
        "for loss='huber', where those before are for 'squared'": Reduced.of(X3, Y3, loss="huber"),
        "folds are in some parts": Reduced.of(X3, Y3, loss="squared", fold=[0, 1, 0]),
        "4 features, where the rows before had 3": Reduced.of(np.eye(3, 4), Y3, loss="squared"),
    }
    for message, other in others.items():
        with pytest.raises(ValueError, match=f"part 1 .*{message}"):
            part.merge(other)
    of_texts = Reduced.of(X3, ["a", "b", "a"], loss="logistic")
    with pytest.raises(TypeError, match=r"part 1 .*y: labels like 'a', where blocks before had ones like 0"):
        Reduced.of(X3, [0, 1, 1], loss="logistic").merge(of_texts)
    with pytest.raises(ValueError, match="parts: there is none"):
        Reduced.merge_all([])


@pytest.mark.parametrize(
    ("fold", "error", "message"),
    [
        ([0, 1], ValueError, "fold: 2 numbers are not allowed for 3 rows"), ([0, 1, -2], ValueError, "fold: -2"),
        ([0.0, 1.0, 2.0], TypeError, "fold: 1 dimensions of float64"), ([[0], [1], [1]], TypeError, "fold: 2 dim"),
    ],
)
def test_malformed_folds(fold, error, message):
    with pytest.raises(error, match=message):
        Reduced.of(X3, Y3, loss="squared", fold=fold)


def test_memory_holds_what_is_distinct_and_two_blocks():
    X, effect, _ = equal_rows(20_000)
    block_bytes = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes

    def blocks(n_blocks):
        for _ in range(n_blocks):
            yield X.copy(), effect.copy()

    peaks = []
    for n_blocks in (4, 24):
        tracemalloc.start()
        reduced = Reduced.of_blocks(blocks(n_blocks), loss="squared")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert reduced.n_samples == 480_000
    assert peaks[1] < 1.2 * peaks[0] < 7 * block_bytes


def test_wide_columns_cost_nothing():
    assert Reduced.of(equal_rows(5)[0], np.ones(5), loss="squared").n_features == WIDE
