"""Kernels of dense matrices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsereg._core import dense_matrix

each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@each_dtype
@given(n_rows=st.integers(1, 150), n_columns=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_transpose_copies_tiles_and_looks_at_values(n_rows, n_columns, seed, dtype):
    rng = np.random.default_rng(seed)
    X = (rng.standard_normal((n_rows, n_columns)) * (rng.random(n_columns) < 0.7)).astype(dtype)
    columns, filled = np.full((n_columns, n_rows + 5), 7.0, dtype), np.zeros(n_columns, np.uint8)
    assert dense_matrix.transpose(X, columns, 3, filled)
    np.testing.assert_array_equal(columns[:, 3:-2], X.T)
    assert (columns[:, :3] == 7.0).all() and (columns[:, -2:] == 7.0).all()
    np.testing.assert_array_equal(filled, X.any(axis=0))
    X[rng.integers(n_rows), rng.integers(n_columns)] = rng.choice([np.nan, -np.nan, np.inf, -np.inf])
    assert not dense_matrix.transpose(X, columns, 0, filled)
    assert not dense_matrix.look(np.ascontiguousarray(X.T), filled)


@each_dtype
def test_the_largest_and_smallest_numbers_are_finite_and_not_zero(dtype):
    limits = np.finfo(dtype)
    X = np.array([[limits.max, -limits.max, limits.smallest_subnormal, -0.0]], dtype)
    filled = np.zeros(4, np.uint8)
    assert dense_matrix.look(np.ascontiguousarray(X.T), filled)
    np.testing.assert_array_equal(filled, [1, 1, 1, 0])


@each_dtype
def test_fill_spells_zeros_out_where_there_is_room(dtype):
    data, indices, indptr = np.array([1, 2, 3, 4], dtype), np.array([0, 3, 1, 2], np.int32), np.array([0, 2, 2, 3, 4])
    out_indptr = np.array([0, 4, 4, 5, 9])
    out, rows = np.full(9, 9, dtype), np.full(9, 9, np.int32)
    dense_matrix.fill(data, indices, indptr, 4, out, rows, out_indptr)
    np.testing.assert_array_equal(out, [1, 0, 0, 2, 3, 0, 0, 4, 0])
    np.testing.assert_array_equal(rows, [0, 1, 2, 3, 1, 0, 1, 2, 3])


@each_dtype
@given(seed=st.integers(0, 2**32 - 1))
def test_decision_is_the_product_and_shows_what_is_not_finite(seed, dtype):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((5, rng.integers(1, 70))).astype(dtype)
    w, out = rng.standard_normal(X.shape[1]) * (rng.random(X.shape[1]) < 0.5), np.empty(5)
    dense_matrix.decision(X, w, out)
    np.testing.assert_allclose(out, X.astype(float) @ w, rtol=1e-12, atol=1e-12)
    X[3, rng.integers(X.shape[1])] = rng.choice([np.nan, np.inf, -np.inf])
    dense_matrix.decision(X, w, out)
    np.testing.assert_array_equal(np.isfinite(out), np.arange(5) != 3)
