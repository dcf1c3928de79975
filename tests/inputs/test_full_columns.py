"""Full columns: dense matrices and dense columns, against the same matrix as CSR and against plain products."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sparsereg import enet_path, lasso_path
from sparsereg.design import make_design
from sparsereg.inputs.full_columns import fill_columns
from sparsereg.solvers.column_penalties import ColumnPenalties
from sparsereg.solvers.presolve import make_problem

VIEWS = {
    "by rows": np.ascontiguousarray,
    "by columns": np.asfortranarray,
    "every other column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "every other row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "backwards": lambda X: X[::-1].copy()[::-1],
    "other byte order": lambda X: X.astype(X.dtype.newbyteorder()),
    "unaligned": lambda X: np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(X.dtype).reshape(X.shape),
    "frame": lambda X: pd.DataFrame(X),
    "list": lambda X: X.tolist(),
}


def random_matrix(rng, shape, dtype=np.float64, density=0.8):
    return np.where(rng.random(shape) < density, rng.standard_normal(shape), 0.0).astype(dtype)


def matrix_of(design):
    return design.data.reshape(design.n_active, design.n_rows).T


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (40, 1), (70, 33), (129, 5)])
def test_dense_input_becomes_contiguous_columns(shape, dtype, view):
    rng = np.random.default_rng(0)
    X = random_matrix(rng, shape, dtype, density=1.0)
    before = X.copy()
    design = make_design(VIEWS[view](X))
    assert design.is_dense
    assert design.data.dtype == (np.float64 if view in ("list", "other byte order") else dtype)
    np.testing.assert_array_equal(matrix_of(design), X)
    np.testing.assert_array_equal(design.indices, np.tile(np.arange(shape[0]), shape[1]))
    np.testing.assert_array_equal(X, before)


def test_columns_that_are_contiguous_already_are_not_copied():
    X = np.asfortranarray(np.random.default_rng(0).standard_normal((50, 6)))
    assert np.shares_memory(make_design(X).data, X)
    assert not np.shares_memory(make_design(X, dtype=np.float32).data, X)


@pytest.mark.parametrize("order", ["C", "F"])
def test_zeros_stay_rows_without_weight_and_empty_columns_go(order):
    rng = np.random.default_rng(1)
    X = random_matrix(rng, (60, 8))
    X[:, [2, 7]] = 0.0
    weight = np.where(rng.random(60) < 0.3, 0.0, rng.random(60))
    X[weight == 0.0, 4], X[weight > 0.0, 4] = 5.0, 0.0
    design = make_design(np.array(X, order=order), weight)
    kept = weight > 0.0
    np.testing.assert_array_equal(design.active, [0, 1, 3, 5, 6])
    np.testing.assert_array_equal(matrix_of(design), X[kept][:, design.active])
    np.testing.assert_array_equal(design.row_of[kept], np.arange(kept.sum()))
    assert (design.row_of[~kept] == -1).all()
    assert (design.data == 0.0).any()
    whole = make_design(np.array(X, order=order))
    np.testing.assert_array_equal(matrix_of(whole), X[:, whole.active])


@pytest.mark.parametrize("kind", [bool, np.int8, np.uint16, np.float16, np.longdouble])
def test_other_types_of_numbers(kind):
    X = (np.random.default_rng(2).random((40, 12)) * 9 - 2).astype(np.int64)
    X = (X > 0 if kind is bool else abs(X)).astype(kind)
    design = make_design(X)
    assert design.is_dense
    # Zeros and ones are exact in either type.
    assert design.data.dtype == (np.float32 if kind is bool else np.float64)
    np.testing.assert_array_equal(matrix_of(design), X)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_with_its_place(bad, order):
    X = np.array(np.random.default_rng(3).standard_normal((50, 20)), order=order)
    X[33, 17] = bad
    for weight in (None, np.arange(50.0) != 33):
        with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity).*at \(33, 17\)"):
            make_design(X, weight)
    X[33, 17] = 1e300
    with pytest.raises(ValueError, match="too large for dtype"):
        make_design(X, dtype=np.float32)


def test_many_equal_rows_are_still_grouped():
    rng = np.random.default_rng(4)
    X = np.repeat(rng.standard_normal((400, 3)), 5, axis=0)
    assert make_design(X).n_rows == 400
    assert make_design(X[rng.permutation(2000)]).n_rows == 400
    few = rng.integers(1, 4, (5000, 3)).astype(float)
    assert make_design(few).n_rows == 27
    assert make_design(few, aggregate=False).is_dense


def test_dense_columns_of_a_sparse_matrix_are_full_beside_the_others():
    rng = np.random.default_rng(5)
    X = random_matrix(rng, (200, 6), density=0.1)
    X[:, 1] = random_matrix(rng, 200, density=0.8)
    X[:, 4] = rng.standard_normal(200)
    for given_ in (sparse.csr_array(X), X):
        design = make_design(given_)
        size = np.diff(design.indptr)
        assert (size[[1, 4]] == 200).all() and (size[[0, 2, 3, 5]] < 60).all()
        assert not design.is_dense
        columns = sparse.csc_array((design.data, design.indices, design.indptr), shape=(200, 6))
        np.testing.assert_array_equal(columns.toarray(), X)


def test_columns_of_few_rows_stay_as_they_are():
    columns = np.array([0, 3]), np.arange(3, dtype=np.int32), np.ones(3)
    assert fill_columns(*columns, 4)[0] is columns[2]


def test_equal_columns_are_found_where_only_one_is_full():
    """They differ in rows that have no weight in a fold."""
    rng = np.random.default_rng(6)
    X = np.c_[random_matrix(rng, 100, density=0.45), rng.random(100) < 0.1, rng.random(100) < 0.1]
    fold = np.arange(100) < 60
    X = np.c_[X, np.where(fold, X[:, 0], 1.0)]
    design = make_design(sparse.csr_array(X), aggregate=False)
    assert np.diff(design.indptr)[3] == 100 > np.diff(design.indptr)[0]
    group = design.equal_columns(fold)
    assert group[0] == group[3]


@pytest.mark.parametrize("path", [lasso_path, enet_path])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_fits_are_those_of_the_same_matrix_as_csr(seed, dtype, path):
    rng = np.random.default_rng(seed)
    shape = rng.integers(2, 60), rng.integers(1, 30)
    X = random_matrix(rng, shape, dtype, density=rng.uniform(0.3, 1.0)) + dtype(rng.integers(0, 2) * 3)
    y, weight = rng.standard_normal(shape[0]), rng.random(shape[0]) * (rng.random(shape[0]) < 0.8)
    weight[0] = 1.0
    alphas = np.array([0.3, 0.03]) * np.abs(X.T @ (weight * y)).max() / weight.sum()
    rules = {"sample_weight": weight, "alphas": np.maximum(alphas, 1e-9), "tol": 1e-8}
    dense, by_row = path(X, y, **rules), path(sparse.csr_array(X), y, **rules)
    np.testing.assert_allclose(dense.objectives, by_row.objectives, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(dense.predict(X), by_row.predict(sparse.csr_array(X)), atol=1e-3)


def test_correlations_and_products_of_a_dense_problem():
    rng = np.random.default_rng(7)
    X, y = random_matrix(rng, (90, 40)), rng.standard_normal(90)
    problem = make_problem(make_design(X), y, None, ColumnPenalties.plain(40), fit_intercept=True)
    assert problem.is_dense
    every = np.arange(40, dtype=np.int32)
    np.testing.assert_allclose(problem.correlations(every, y), X.T @ y, atol=1e-12)
    np.testing.assert_allclose(problem.product(every, np.arange(40.0)), X @ np.arange(40.0), atol=1e-11)
