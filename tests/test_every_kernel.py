"""Every kernel on every form of data: sends each path through all its branches and looks at the certificate.

The build that checks indices and the sanitised build run this file too: a wrong index shows there, not in the numbers.
"""

import itertools

import numpy as np
import pytest
from scipy import sparse
from support.wide_matrices import blemished_csr, lat_long_cross

from sparsereg import ElasticNet, Lasso, Ridge, enet_path, lasso_path, regularization_path, ridge_path

TOL = 1e-6


def with_empty_rows(dtype, index_dtype):
    rng = np.random.default_rng(1)
    dense = np.where(rng.random((60, 90)) < 0.05, rng.standard_normal((60, 90)), 0.0).astype(dtype)
    dense[5:15] = 0.0
    dense[-3:] = 0.0
    X = sparse.csr_array(dense)
    return sparse.csr_array((X.data, X.indices.astype(index_dtype), X.indptr.astype(index_dtype)), X.shape)


def singleton_columns():
    """Return a matrix in which every row has a column of its own."""
    rng = np.random.default_rng(2)
    return sparse.csr_array(np.hstack([np.diag(rng.uniform(1, 2, 40)), np.ones((40, 1)), rng.standard_normal((40, 3))]))


MATRICES = {
    "one-hot": lambda: lat_long_cross(300, 10),
    "one-hot, float32, int32": lambda: lat_long_cross(300, 10, dtype=np.float32, index_dtype=np.int32),
    "empty rows": lambda: with_empty_rows(np.float64, np.int64),
    "empty rows, float32, int32": lambda: with_empty_rows(np.float32, np.int32),
    "unsorted, duplicated, stored zeros": lambda: blemished_csr(3),
    "private columns": singleton_columns,
    "one row": lambda: sparse.csr_array(np.array([[1.0, 0.0, 2.0]])),
    "one column": lambda: sparse.csr_array(np.ones((5, 1))),
    "nothing stored": lambda: sparse.csr_array((6, 100)),
    "dense": lambda: np.random.default_rng(4).standard_normal((30, 8)),
    "by columns": lambda: sparse.csc_array(with_empty_rows(np.float64, np.int64)),
}


def target(n_samples):
    rng = np.random.default_rng(5)
    y = rng.standard_normal(n_samples) + np.arange(n_samples) % 3
    weight = rng.random(n_samples) * (rng.random(n_samples) > 0.2)
    weight[0] = 1.0
    return y, weight


@pytest.mark.parametrize("path", [lasso_path, enet_path, ridge_path])
@pytest.mark.parametrize("kind", MATRICES)
def test_paths_are_certified(kind, path):
    X = MATRICES[kind]()
    y, weight = target(X.shape[0])
    factors = (None,) if X.shape[1] < 3 else (None, {0: 0.0, 1: np.inf, 2: 2.0})
    positives = (False,) if path is ridge_path else (False, True)
    for sample_weight, fit_intercept, standardize, positive, factor in itertools.product(
        (None, weight), (True, False), (False, True), positives, factors
    ):
        # Either number of threads beside every setting, and every pair of them.
        odd = fit_intercept + standardize + positive + (sample_weight is None) + (factor is None)
        result = path(
            X, y, sample_weight=sample_weight, fit_intercept=fit_intercept, standardize=standardize,
            positive=positive, penalty_factor=factor, n_threads=1 + odd % 2, n_alphas=4, eps=1e-1, tol=TOL,
        )  # fmt: skip
        assert np.all(result.dual_gaps <= TOL)
        assert np.all(np.isfinite(result.predict(X)))


@pytest.mark.parametrize("penalty", ["mcp", "scad", "l0"])
@pytest.mark.parametrize("kind", MATRICES)
def test_paths_that_are_not_convex(kind, penalty):
    X = MATRICES[kind]()
    y, weight = target(X.shape[0])
    gamma = None if penalty == "l0" else 1e12
    for loss, sample_weight, standardize, positive in itertools.product(
        ("squared", "huber"), (None, weight), (False, True), (False, True)
    ):
        result = regularization_path(
            X, y, loss=loss, penalty=penalty, gamma=gamma, sample_weight=sample_weight, standardize=standardize,
            positive=positive, n_alphas=4, eps=1e-1, tol=TOL,
        )  # fmt: skip
        assert np.all(result.violations <= TOL)
        assert np.all(np.isfinite(result.predict(X)))


@pytest.mark.parametrize("kind", MATRICES)
def test_estimators_take_every_form(kind):
    X = MATRICES[kind]()
    y, weight = target(X.shape[0])
    bounded = ElasticNet(alpha=0.01, bounds=(-0.5, 0.2), warm_start=True)
    for estimator in (Lasso(alpha=0.01), Ridge(alpha=0.1), bounded):
        estimator.fit(X, y, sample_weight=weight)
        estimator.fit(X, y)
        assert estimator.dual_gap_ <= TOL
        assert np.all(np.isfinite(estimator.predict(X)))
