"""What is seen of dense rows, against the same rows without their zeros."""

import numpy as np
import pytest

from sparsereg._core import columns, dense_rows, equal_rows
from sparsereg.design import compact_rows
from sparsereg.inputs.rows import as_rows

NO_NARROW = np.empty((0, 0), dtype=np.float32)


@pytest.fixture(params=["float64", "float32", "columns"])
def matrix(request):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(11, 6)) * (rng.random((11, 6)) < 0.7)
    X[:, 3] = 0.0
    X = X.astype(np.float32 if request.param == "float32" else np.float64)
    return np.asfortranarray(X) if request.param == "columns" else X


def arrays(X, order=()):
    order = np.asarray(order, dtype=np.int32)
    return (np.empty((0, 0)), X, order) if X.dtype == np.float32 else (X, NO_NARROW, order)


def test_look(matrix):
    assert dense_rows.look(matrix) == (True, np.count_nonzero(matrix), False)
    assert dense_rows.look((matrix != 0.0).astype(matrix.dtype)) == (True, np.count_nonzero(matrix), True)
    assert dense_rows.look(np.ones_like(matrix)) == (True, matrix.size, True)
    for value in (np.nan, np.inf, -np.inf):
        matrix[4, 5] = value
        assert not dense_rows.look(matrix)[0]


def test_columns_are_marked_by_rows_with_a_weight(matrix):
    filled = np.zeros(6, dtype=np.uint8)
    weight = np.array([0.0, 1.0, 0.0])
    dense_rows.mark(*arrays(matrix, [7, 2, 3]), weight, filled)
    np.testing.assert_array_equal(filled, matrix[2] != 0.0)
    dense_rows.mark(*arrays(matrix), np.empty(0), filled)
    np.testing.assert_array_equal(filled, matrix.any(axis=0))


def test_hashes_are_those_of_the_entries(matrix):
    order = [3, 0, 10, 3, 5]
    rows = compact_rows(as_rows(matrix[order]))
    expected, found = np.empty((2, 5), dtype=np.uint64)
    equal_rows.hash_rows(rows.indptr, rows.indices, rows.data, expected)
    ids = np.zeros(6, dtype=np.int32)
    ids[rows.active] = np.arange(rows.active.size)
    dense_rows.hash_rows(*arrays(matrix, order), ids, found)
    np.testing.assert_array_equal(found, expected)


def test_moments_have_the_bits_of_those_of_sparse_rows(matrix):
    matrix[:, [0, 4]] += 3.0
    rng = np.random.default_rng(1)
    order, weight, about = rng.permutation(11).astype(np.int32), rng.choice([0.0, 1.0, 2.5], 11), rng.normal(size=6)
    sparse, dense = [(np.zeros(6, dtype=np.int64), np.zeros(6), np.zeros(6)) for _ in range(2)]
    rows = as_rows(matrix)
    ids = rows.indices.astype(np.int32)
    columns.moments_of_rows(rows.data, ids, rows.indptr, order, weight, about, *sparse)
    dense_rows.moments(*arrays(matrix, order), weight, about, *dense)
    np.testing.assert_array_equal(dense[0], sparse[0])
    for found, expected in zip(dense[1:], sparse[1:], strict=True):
        np.testing.assert_array_equal(found[[0, 4]], expected[[0, 4]])
