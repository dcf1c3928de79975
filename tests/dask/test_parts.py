"""Partial reductions, as workers make them; no cluster is needed."""

import sys

import numpy as np
import pytest
from support.distributed_data import features, matrix, parts_of

from sparsereg import Block, CsvReader, ParquetReader, Reduced, SvmlightReader
from sparsereg.dask.parts import Part, PartSettings, combine_parts, facts_of, reduce_block, reduce_file, reduce_frame
from sparsereg.readers.files import Source


def same(one, other):
    """Compare two reductions, rows in any order."""
    assert (one.n_samples, one.n_rows, one.n_features) == (other.n_samples, other.n_rows, other.n_features)
    assert np.isclose(one.entries.sums.total.sum(), other.entries.sums.total.sum(), rtol=1e-13)


def test_a_file_is_reduced_block_by_block(frame, files):
    source = Source(files[2])
    template = ParquetReader(files, target="y", features=features(frame), weight="weight", block_rows=50)
    reader = template._divided()[1]
    part = reduce_file(PartSettings("squared", offset="offset", reader=reader), source, 2)
    rows = parts_of(frame)[2]
    X, y = parts_of(matrix(frame))[2], rows["y"].to_numpy()
    same(part.reduced, Reduced.of(X, y, rows["weight"], rows["offset"], loss="squared"))
    assert part.reduced.has_offset
    assert (part.name, part.n_bytes) == (f"part 2 ({files[2]})", part.reduced.nbytes)
    assert sys.getsizeof(part) > part.nbytes == part.reduced.nbytes


def test_folds_depend_on_the_place_of_a_row_alone(frame):
    settings = PartSettings("squared", target="y", n_folds=3, random_state=4)
    rows = frame[["x", "y"]][:100]
    one, again, elsewhere = (reduce_frame(settings, rows, None, None, None, k).reduced for k in (1, 1, 2))
    assert np.array_equal(one.entries.part, again.entries.part)
    assert not np.array_equal(one.entries.n_weighted[one.entries.part], elsewhere.entries.n_weighted[one.entries.part])
    assert sorted(one.entries.n_weighted) == [33, 33, 34]
    # Fewer rows than folds are no error of a part.
    assert reduce_frame(settings, rows[:2], None, None, None, 0).reduced.n_samples == 2


def test_svmlight_files_know_their_labels(tmp_path):
    path = tmp_path / "rows.svm"
    path.write_text("1 1:2\n0 2:1\n1 1:2\n")
    reader = SvmlightReader([path], n_features=3)._divided()[1]
    part = reduce_file(PartSettings("logistic", reader=reader), Source(path), 0)
    assert (part.reduced.n_rows, part.reduced.classes.tolist()) == (2, [0.0, 1.0])
    path.write_text("1 1:2\n0 2:nan\n")
    with pytest.raises(ValueError, match=r"part 5: .*rows\.svm, line 2, column 5: expected a finite number"):
        reduce_file(PartSettings("logistic", reader=reader), Source(path), 5)


def test_parts_without_rows_leave_nothing_behind(frame):
    settings = PartSettings("squared", target="y")
    empty = reduce_frame(settings, frame[["x", "y"]][:0], None, None, None, 0)
    full = reduce_frame(settings, frame[["x", "y"]][:9], None, None, None, 1)
    assert empty.reduced is None and facts_of(empty).n_samples == 0
    both = combine_parts([empty, full, empty])
    assert (both.reduced.n_samples, both.n_parts, both.name) == (9, 3, "part 1")
    assert combine_parts([empty, empty]).reduced is None


def test_what_comes_from_elsewhere_is_counted(frame):
    here, there = (
        Part(Reduced.of(frame[["x"]][a : a + 9], frame["y"][a : a + 9], loss="squared"), f"part {a}", 1, 7, where, 5)
        for a, where in ((0, ""), (9, "tcp://there:1"))
    )
    both = combine_parts([here, there])
    assert both.bytes_moved == 10 + there.nbytes
    assert (both.n_bytes, both.n_parts, both.address) == (14, 2, "")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((np.ones((3, 2)), np.ones(4), None, None), "part 37: y: 4 rows, where X has 3; expected as many"),
        ((np.ones((3, 2)), np.ones(3), np.ones(2), None), "part 37: sample_weight: 2 rows, where X has 3"),
        ((np.array([[1.0], [np.nan]]), np.ones(2), None, None), r"part 37: Input X contains NaN\. \(nan at \(1, 0\)"),
        (((np.ones((2, 1)), np.array([0.0, np.nan])), None, None, None), r"part 37: Input y contains NaN.*at 1;"),
        ((Block(np.ones((2, 1)), np.ones(2)), np.ones(2), None, None), "part 37: y, sample_weight: not allowed"),
        (("x", None, None, None), "part 37: X: str is not allowed, expected a matrix, a Block"),
        ((Reduced.of(np.ones((2, 1)), [0, 1], loss="logistic"), None, None, None), "part 37: X: this reduction is for"),
        ((Reduced.of(np.ones((2, 1)), [0, 1], loss="squared"), np.ones(2), None, None), "part 37: y, sample_weight, o"),
    ],
)
def test_data_that_are_wrong_are_found_with_their_part_and_row(given, message):
    with pytest.raises((ValueError, TypeError), match=message):
        reduce_block(PartSettings("squared"), *given, 37)


def test_a_gap_in_a_table_is_found_with_its_row(frame):
    rows = frame[:300].copy()
    rows.loc[123, "x"] = np.nan
    settings = PartSettings("squared", features=features(frame), target="y")
    with pytest.raises(ValueError, match=r"part 37: .*row 124: column 'x' has no value, expected a number"):
        reduce_frame(settings, rows, None, None, None, 37)
    shifted = rows["y"].set_axis(range(1, 301))
    with pytest.raises(ValueError, match="part 37: y: another index than that of X, expected the same rows"):
        reduce_frame(PartSettings("squared"), rows[["x"]], shifted, None, None, 37)


def test_parts_that_do_not_go_together_are_named():
    def part(number, X, y=(0.0, 1.0), loss="squared"):
        return reduce_block(PartSettings(loss), X, np.array(y), None, None, number)

    good, wide = part(4, np.ones((2, 3))), part(5, np.ones((2, 7)))
    with pytest.raises(ValueError, match=r"part 5: X has 7 features, where the rows before had 3 \(in part 4 and on\)"):
        combine_parts([good, wide])
    numbers, words = part(0, np.ones((2, 3)), (0, 1), "logistic"), part(1, np.ones((2, 3)), ("a", "b"), "logistic")
    with pytest.raises(TypeError, match="part 1: y: labels like 'a', where blocks before had ones like 0"):
        combine_parts([numbers, words])


def test_words_in_files_without_types_are_labels(frame, tmp_path):
    frame[["x", "label"]].iloc[:50].to_csv(tmp_path / "a.csv", index=False)
    sources, template = CsvReader(tmp_path / "a.csv", target="label", features=["x"])._divided()
    part = reduce_file(PartSettings("logistic", reader=template), sources[0], 0)
    assert part.reduced.classes.tolist() == ["no", "yes"]
