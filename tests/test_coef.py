"""Sparse coefficients: predictions equal those of the wide vector."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from support.wide_matrices import CROSS_WIDTH, blemished_csr, coordinates_of, lat_long_cross, raw_csr

from sparsereg import coef as coef_module
from sparsereg.coef import SparseCoef
from sparsereg.design import make_design


def random_w(rng, shape):
    return np.where(rng.random(shape) < 0.4, rng.standard_normal(shape), 0.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(seed=st.integers(0, 2**32 - 1))
def test_decision_is_the_dense_product(seed, dtype):
    X = blemished_csr(seed, dtype=dtype)
    rng = np.random.default_rng(seed)
    w = random_w(rng, X.shape[1])
    coef = SparseCoef.from_active(np.arange(X.shape[1]), w, X.shape[1])
    np.testing.assert_allclose(coef.decision(X), coordinates_of(X).toarray() @ w, atol=1e-12)
    W = random_w(rng, (X.shape[1], 4))
    for given_w in (W, sparse.csc_array(W), sparse.csr_matrix(W)):
        path = SparseCoef.from_active(np.arange(X.shape[1]), given_w, X.shape[1])
        np.testing.assert_allclose(path.decision(X), coordinates_of(X).toarray() @ W, atol=1e-12)


def test_from_active_keeps_only_non_zeros():
    coef = SparseCoef.from_active(np.array([3, 10, 2**40]), [0.0, -0.0, 2.5], 2**41)
    np.testing.assert_array_equal(coef.ids, [2**40])
    np.testing.assert_array_equal(coef.values.toarray(), [[2.5]])
    assert coef.ids.dtype == np.int64
    assert coef.nbytes == 16
    path = SparseCoef.from_active(np.array([3, 10, 2**40]), [[0.0, -0.0], [0, 0], [1, 2]], 2**41)
    np.testing.assert_array_equal(path.ids, [2**40])
    assert path.values.nnz == 2
    assert path.nbytes < 100


def test_from_active_leaves_the_callers_path_alone():
    w = sparse.csc_array((np.array([1.0, 0.0, 2.0]), np.array([1, 0, 1]), np.array([0, 2, 3])), shape=(2, 2))
    before = w.indices.copy(), w.data.copy()
    SparseCoef.from_active(np.array([4, 7]), w, 10)
    np.testing.assert_array_equal(w.indices, before[0])
    np.testing.assert_array_equal(w.data, before[1])


@pytest.mark.parametrize("n_features", [7, 2**31 + 5, 2**62])
def test_scipy_forms(n_features):
    active = np.array([0, 2, n_features - 1])
    coef = SparseCoef.from_active(active, [1.0, 0.0, -2.0], n_features)
    row = coef.to_csr()
    assert row.shape == (1, n_features)
    assert isinstance(row, sparse.csr_matrix)
    np.testing.assert_array_equal(row.indices, [0, n_features - 1])
    np.testing.assert_array_equal(row.data, [1, -2])
    path = SparseCoef.from_active(active, np.array([[1.0, 0.0], [0.0, 3.0], [-2.0, 0.0]]), n_features)
    columns = path.to_csc()
    assert columns.shape == (n_features, 2)
    np.testing.assert_array_equal(columns.indices, [0, n_features - 1, 2])
    assert path.n_columns == 2
    for column in range(2):
        one = path.at(column)
        ids = columns.indices[columns.indptr[column] : columns.indptr[column + 1]]
        np.testing.assert_array_equal(one.ids, ids)
        assert one.n_features == n_features
    np.testing.assert_array_equal(path.at(1).values.toarray(), [[3]])


def test_forms_are_copies():
    coef = SparseCoef.from_active(np.arange(3), [1.0, 2.0, 3.0], 3)
    coef.to_csr().data[:] = 0
    np.testing.assert_array_equal(coef.values.data, [1, 2, 3])


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_a_real_cross(index):
    X = lat_long_cross(3000, n_places=5, index_dtype=index)
    active = make_design(X).active
    rng = np.random.default_rng(0)
    w, W = random_w(rng, active.size), random_w(rng, (active.size, 3))
    small = X[:, active]
    np.testing.assert_allclose(SparseCoef.from_active(active, w, CROSS_WIDTH).decision(X), small @ w, atol=1e-12)
    np.testing.assert_allclose(SparseCoef.from_active(active, W, CROSS_WIDTH).decision(X), small @ W, atol=1e-12)


def test_every_kind_of_matrix():
    dense = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]])
    w = np.array([2.0, 0.0, -1.0])
    coef = SparseCoef.from_active(np.arange(3), w, 3)
    forms = [sparse.csr_array(dense).asformat(fmt) for fmt in ("csr", "csc", "coo", "lil")]
    for X in (dense, dense.tolist(), pd.DataFrame(dense), *forms):
        np.testing.assert_array_equal(coef.decision(X), dense @ w)


def test_all_zero_model():
    X = blemished_csr(0)
    np.testing.assert_array_equal(SparseCoef.from_active(np.arange(50), np.zeros(50), 50).decision(X), np.zeros(30))
    path = SparseCoef.from_active(np.arange(50), np.zeros((50, 2)), 50)
    np.testing.assert_array_equal(path.decision(X), np.zeros((30, 2)))
    assert path.at(0).ids.size == 0
    assert path.to_csc().nnz == 0


def test_width_and_structure_are_checked():
    coef = SparseCoef.from_active(np.arange(3), np.ones(3), 3)
    path = SparseCoef.from_active(np.arange(3), np.ones((3, 2)), 3)
    broken = raw_csr(np.array([0, 1]), np.array([7]), np.array([1.0]), (1, 3))
    for model in (coef, path):
        with pytest.raises(ValueError, match="X has 4 features, but the model is expecting 3 features as input"):
            model.decision(np.eye(4))
        with pytest.raises(ValueError, match="column id 7"):
            model.decision(broken)


def test_pickle_leaves_the_table_out():
    X = np.eye(3)
    for model in (
        SparseCoef.from_active(np.arange(3), np.ones(3), 3),
        SparseCoef.from_active(np.arange(3), np.ones((3, 2)), 3),
    ):
        expected = model.decision(X)
        again = pickle.loads(pickle.dumps(model))
        assert not {"_table", "_by_id"} & {*again.__dict__}
        np.testing.assert_array_equal(again.decision(X), expected)


def test_pickles_of_older_versions():
    """One vector was an array there; several were what they are now."""
    for values in (np.array([1.0, -2.0]), sparse.csc_array([[1.0, 0.0], [-2.0, 3.0]])):
        coef = SparseCoef.__new__(SparseCoef)
        coef.__setstate__({"ids": np.array([1, 4]), "values": values, "n_features": 6})
        W = values.toarray() if sparse.issparse(values) else values[:, None]
        np.testing.assert_array_equal(coef.to_csc().toarray()[[1, 4]], W)
        np.testing.assert_array_equal(coef.decision(np.eye(6)[[4, 1]]), W[::-1].squeeze())


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_dense_matrices_of_several_blocks(dtype, order, monkeypatch):
    monkeypatch.setattr(coef_module, "CHUNK", 100)
    rng = np.random.default_rng(0)
    X = np.array(9 * rng.standard_normal((50, 30)), dtype=dtype, order=order)
    W = rng.standard_normal((30, 3)) * (rng.random((30, 1)) < 0.4)
    for w in (W, W[:, 0]):
        coef = SparseCoef.from_active(np.arange(30), w, 30)
        np.testing.assert_allclose(coef.decision(X), X @ w, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(coef.decision(X[::2, :]), (X @ w)[::2], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_columns", [1, 2])
def test_what_is_not_finite_is_refused_even_where_no_coefficient_is(n_columns):
    coef = SparseCoef.from_active(np.arange(1), np.ones((1, n_columns)), 20)
    X = np.ones((30, 20))
    X[11, 7] = np.nan
    with pytest.raises(ValueError, match=r"Input X contains NaN. \(nan at \(11, 7\)"):
        coef.decision(X)
    X[11, 7], X[11, 0] = 1.0, 1e308
    huge = SparseCoef.from_active(np.arange(1), np.full((1, n_columns), 1e9), 20)
    assert np.isinf(huge.decision(X)).sum() == n_columns


def test_many_vectors_are_looked_up_at_once():
    """One look-up of each id for all of them, in parts of the rows."""
    rng = np.random.default_rng(1)
    X = sparse.random_array((40, 90), density=0.2, rng=rng, format="csr")
    W = rng.standard_normal((90, 25)) * (rng.random((90, 25)) < 0.3)
    W[5], W[7, 2:] = 1.0, 2.0
    coef = SparseCoef.from_active(np.arange(90), W, 90)
    np.testing.assert_allclose(coef.decision(X), X @ W, rtol=1e-12, atol=1e-12)
