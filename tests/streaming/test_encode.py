"""Blocks that are read ahead: batches in the types of the kernels, with what estimators are told of them."""

import numpy as np
import pytest
from scipy import sparse

from sparsereg.inputs.targets import encode_known
from sparsereg.readers.blocks import Block
from sparsereg.streaming.encode import ClassEncoder, read_ahead, second_of_two

CLASSES = np.array([0, 1])


def block(index, value, n_rows=6):
    X = sparse.csr_matrix(sparse.random_array((n_rows, 9), density=0.4, rng=np.random.default_rng(0)))
    X.indices, X.indptr, X.data = X.indices.astype(index), X.indptr.astype(index), X.data.astype(value)
    return Block(X, np.arange(n_rows) % 2)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("value", [np.float32, np.float64])
def test_batches_come_in_the_types_that_kernels_take(index, value):
    given = block(index, value)
    ((read, batch),) = read_ahead([given], ClassEncoder(CLASSES, None, 0.0))
    assert read is given
    rows = batch.rows
    assert (rows.indptr.dtype, rows.indices.dtype, rows.data.dtype) == (np.int64, np.int64, np.float64)
    np.testing.assert_array_equal(rows.indices, given.X.indices)
    np.testing.assert_array_equal(rows.data, given.X.data)
    assert batch.longest == np.diff(given.X.indptr).max()
    np.testing.assert_array_equal(batch.y, given.y[:, None])


def test_a_block_without_rows_is_one():
    empty = Block(sparse.csr_matrix((0, 9)), np.empty(0))
    ((_, batch),) = read_ahead([empty], ClassEncoder(CLASSES, None, 0.0))
    assert (batch.n_rows, batch.n_entries, batch.longest) == (0, 0, 0)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1, 0, 1, 0, 2], "source: block 0 .*y: 2 in row 5 is not among the classes"),
        ([0, 1, 0, 1, 0], "source: block 0 .*y: length 5 does not match the 6 rows of X"),
        ([0.0, 1.0, 0.0, np.nan, 0.0, 1.0], "source: block 0 .*Input y contains NaN"),
    ],
)
def test_other_labels_are_refused_as_ever(y, message):
    with pytest.raises(ValueError, match=message):
        list(read_ahead([Block(block(np.int32, np.float64).X, np.array(y))], ClassEncoder(CLASSES, None, 0.0)))


@pytest.mark.parametrize("weight", [None, 2.0, np.arange(6.0)])
@pytest.mark.parametrize("settings", [(None, 0.0), ({1: 2.0}, 0.0), (None, 0.2)])
def test_plain_labels_are_encoded_as_all_are(weight, settings):
    y = np.array([0, 1, 1, 0, 1, 0])
    plain, words = ClassEncoder(CLASSES, *settings), ClassEncoder(CLASSES, *settings)
    made, expected = plain.targets(y, weight, 6), words.targets(y.tolist(), weight, 6)
    np.testing.assert_array_equal(made[0], expected[0])
    np.testing.assert_array_equal(made[1], expected[1])


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        ([0.0, 1.0, 1.0], [0.0, 1.0]),
        ([0, 1, 0], [0.0, 1.0]),
        ([True, False, True], [False, True]),
        ([-1.0, 1.0, -1.0], [-1, 1]),
        ([3, 7, 7], np.array([3, 7], dtype=np.uint8)),
        ([], [0, 1]),
    ],
)
def test_labels_of_two_classes_are_encoded_as_by_the_way_for_all_targets(y, classes):
    y, classes = np.array(y), np.array(classes)
    shares = second_of_two(y, classes)
    np.testing.assert_array_equal(shares, encode_known(y, classes, n_samples=y.size).probabilities[:, 1])
    assert shares.dtype == np.float64


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.array([0.0, 0.25]), np.array([0.0, 1.0])),
        (np.array([0.0, 2.0]), np.array([0.0, 1.0])),
        (np.array([0.0, np.nan]), np.array([0.0, 1.0])),
        (np.array([0.25, 0.75]), np.array([0.25, 0.75])),
        (np.array([0, 1]), np.array([0, 1, 2])),
        (np.array(["a", "b"]), np.array(["a", "b"])),
        (np.array([0, 1], dtype=object), np.array([0, 1])),
        (np.array([[0, 1]]), np.array([0, 1])),
        (np.ma.MaskedArray([0, 1], [False, True]), np.array([0, 1])),
        ([0, 1], np.array([0, 1])),
    ],
)
def test_other_targets_are_left_to_the_way_for_all(y, classes):
    assert second_of_two(y, classes) is None
