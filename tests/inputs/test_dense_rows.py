"""Dense rows: which matrices become such, their parts, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sparsereg.inputs.dense_rows import DenseRows, read_rows
from sparsereg.inputs.rows import Rows


def matrix(share=1.0, dtype=np.float64):
    rng = np.random.default_rng(0)
    return ((1.0 + rng.random((12, 5))) * (rng.random((12, 5)) < share)).astype(dtype)


@pytest.mark.parametrize(
    "given",
    [
        matrix(), matrix(dtype=np.float32), np.asfortranarray(matrix()), matrix()[:, ::2], pd.DataFrame(matrix()),
        matrix().tolist(), np.arange(1, 13).reshape(4, 3), matrix().astype(">f8"), matrix().astype(np.float16),
        matrix(0.6),
    ],
    ids=["double", "float", "columns", "strided", "frame", "list", "int", "swapped", "half", "zeros"],
)
def test_arrays_stay_as_they_lie(given):
    rows = read_rows(given)
    values = np.asarray(given)
    assert isinstance(rows, DenseRows)
    assert (rows.n_samples, rows.n_features, rows.n_entries) == (*values.shape, values.size)
    np.testing.assert_array_equal(rows.values, values)
    assert rows.is_full == values.all()
    assert rows.values.dtype == (np.float32 if values.dtype == np.float32 else np.float64)
    if isinstance(given, np.ndarray) and values.dtype in (np.float32, np.float64) and values.dtype.isnative:
        assert rows.values is given
    assert read_rows(rows) is rows


@pytest.mark.parametrize("given", [matrix(0.2), sparse.csr_array(matrix()), np.zeros((3, 4))])
def test_what_is_mostly_zeros_or_sparse_is_sparse(given):
    rows = read_rows(given)
    assert isinstance(rows, Rows)
    assert rows.indptr[-1] == (given.nnz if sparse.issparse(given) else np.count_nonzero(given))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(("value", "words"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_what_is_no_number_is_refused(value, words, order):
    X = matrix().copy(order=order)
    X[7, 3] = value
    with pytest.raises(ValueError, match=rf"Input X contains {words}.*\(7, 3\)"):
        read_rows(X)
    with pytest.raises(ValueError, match="Input source contains"):
        read_rows(X, "source")


def test_a_value_too_large_for_double_is_refused():
    X = matrix().astype(np.longdouble)
    X[1, 1] = np.longdouble("1e4000")
    with pytest.raises(ValueError, match="infinity or a value too large"):
        read_rows(X)


def test_parts_are_views():
    X = matrix(0.6)
    rows = read_rows(X)
    drawn = rows.take(np.array([9, 2, 2, 5])).between(1, 4)
    assert drawn.n_samples == 3
    np.testing.assert_array_equal(drawn.values[drawn.order], X[[2, 2, 5]])
    np.testing.assert_array_equal(drawn.take(np.array([2, 0])).order, [5, 2])
    assert np.shares_memory(drawn.values, X)
    assert np.shares_memory(rows.between(3, 8).values, X)
    plain = drawn.sparse()
    dense = sparse.csr_array((plain.data, plain.indices, plain.indptr), shape=(3, 5)).toarray()
    np.testing.assert_array_equal(dense, X[[2, 2, 5]])


def test_products_are_added_up_entry_by_entry():
    X, w = matrix(0.6), np.random.default_rng(1).normal(size=(2, 5))
    expected = np.zeros((12, 2))
    for k in range(5):
        expected += X[:, k, None] * w[:, k]
    np.testing.assert_array_equal(read_rows(X).decision(w), expected)
    np.testing.assert_array_equal(read_rows(X).take(np.array([4, 0])).decision(w), expected[[4, 0]])


def test_columns_filled_by_rows_with_a_weight():
    X = matrix(0.7)
    X[:, 2] = 0.0
    weight = np.arange(12.0) % 3.0
    np.testing.assert_array_equal(read_rows(X).filled(None), X.any(axis=0))
    np.testing.assert_array_equal(read_rows(X).filled(weight), X[weight > 0.0].any(axis=0))


def test_no_rows_are_no_rows():
    rows = read_rows(np.arange(1.0, 13.0).reshape(4, 3))
    drawn = rows.take(np.array([2, 0, 3]))
    for some in (rows.take(np.empty(0, dtype=np.int64)), drawn.between(1, 1), drawn.take(np.empty(0, dtype=np.int64))):
        assert (some.n_samples, some.n_features, some.n_entries) == (0, 3, 0)
        assert some.decision(np.ones((2, 3))).shape == (0, 2)
    np.testing.assert_array_equal(drawn.copy().values, drawn.matrix)
    assert not np.shares_memory(drawn.copy().values, rows.values)
