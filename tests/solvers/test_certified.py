"""The end of a run: what rounding alone holds up is zero, and nothing else is."""

from unittest import mock

import numpy as np
import pytest
from regressions import Regression
from scipy import sparse

from sparsereg import lasso_path, logistic_path, regularization_path
from sparsereg.solvers import certified

LOSSES = ("squared", "huber", "logistic", "poisson", "squared_hinge", "softmax")


def factors(seed, n=300, n_factors=3):
    """Both levels of a few factors, and a few numbers: with an intercept, two columns for one."""
    rng = np.random.default_rng(seed)
    first = (rng.random((n, n_factors)) < rng.uniform(0.2, 0.8, n_factors)).astype(float)
    X = np.hstack([first, 1.0 - first, rng.standard_normal((n, 5))])
    return X, X @ rng.standard_normal(X.shape[1]) + rng.standard_normal(n)


def path_of(loss, X, y, **settings):
    if loss == "softmax":
        return logistic_path(X, np.digitize(y, np.quantile(y, [0.3, 0.6])), **settings)
    y = {"poisson": np.round(np.exp(y / 3.0))}.get(loss, (y > 0.0) if loss in ("logistic", "squared_hinge") else y)
    return regularization_path(X, y.astype(float), loss=loss, **settings)


@pytest.mark.parametrize("tol", [1e-6, 1e-10])
@pytest.mark.parametrize("loss", LOSSES)
def test_levels_that_say_the_same_are_zero_not_nearly_zero(loss, tol):
    for seed in range(4):
        X, y = factors(seed)
        path = path_of(loss, X, y, n_alphas=15, eps=1e-2, tol=tol)
        assert path.dual_gaps.max() <= tol
        assert np.abs(path.coefs.data).min() > 1e-7, seed


def test_scad_too():
    for seed in range(4):
        X, y = factors(seed)
        path = regularization_path(X, y, penalty="scad", n_alphas=15, eps=1e-2, tol=1e-10)
        assert path.violations.max() <= 1e-10
        assert np.abs(path.coefs.data).min() > 1e-7, seed


def test_the_objective_is_that_of_the_coefficients_left():
    X, y = factors(0)
    path = lasso_path(X, y, n_alphas=15, eps=1e-2, tol=1e-12)
    regression, size = Regression(X, y, {}), []
    for k, alpha in enumerate(path.alphas):
        raw, w, b = regression.raw(alpha), path.coefs.toarray()[:, k], path.intercepts[k]
        assert raw.objective(w, b) == pytest.approx(path.objectives[k], rel=1e-14)
        assert raw.violation(w, b) <= 1e-6
        # One column of each factor will do.
        size.append(np.count_nonzero(w[:3] * w[3:6]))
    assert min(size) == 0


@pytest.mark.parametrize("loss", LOSSES)
def test_coefficients_that_F_would_miss_are_put_back(loss):
    X, y = factors(1)
    settings = {"n_alphas": 6, "eps": 1e-2, "tol": 1e-8}
    kept = path_of(loss, X, y, **settings)
    with mock.patch.object(certified, "FAINT", 1e9):
        path = path_of(loss, X, y, **settings)
    assert path.dual_gaps.max() <= 1e-8
    np.testing.assert_allclose(path.objectives, kept.objectives, rtol=1e-7)
    assert path.df[-1] > 5


def test_scad_puts_back_too():
    X, y = factors(1)
    settings = {"penalty": "scad", "n_alphas": 6, "eps": 1e-2, "tol": 1e-8}
    kept = regularization_path(X, y, **settings)
    with mock.patch.object(certified, "FAINT", 1e9):
        path = regularization_path(X, y, **settings)
    assert path.violations.max() <= 1e-8
    np.testing.assert_allclose(path.objectives, kept.objectives, rtol=1e-7)
    assert path.df[-1] > 5


def test_small_numbers_that_say_much_stay():
    """What counts is their part in the predictor and in F, not how small the units make them."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 3)) * [1.0, 1e14, 1e-3]
    y = 1e-6 * (X @ [1.0, 1e-14, 1e3]) + 1e-7 * rng.standard_normal(200)
    path = lasso_path(X, y, alphas=[1e-10], penalty_factor=[1.0, 1e14, 1e-3], tol=1e-12)
    np.testing.assert_allclose(path.coefs.toarray()[:, 0], [1e-6, 1e-20, 1e-3], rtol=0.1)
    # Counts of 1e15 know their rates to 3e-8.
    counts = 1e15 * (1.0 + 1e-6 * X[:, 0])
    path = regularization_path(X[:, [0]], counts, loss="poisson", alphas=[1.0], tol=1e-10)
    assert path.coefs.toarray()[0, 0] == pytest.approx(1e-6, rel=1e-3)


def test_a_pure_ridge_has_small_coefficients():
    X = sparse.csr_array(np.vstack([np.eye(4), np.zeros((4, 4))]) * [1.0, 1.0, 1.0, 1e-7])
    y = np.r_[1.0, 2.0, 3.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    path = regularization_path(X, y, l1_ratio=0.0, bounds=(-10.0, 10.0), alphas=[1e8], tol=1e-14)
    assert path.df[0] == 4
