"""The end of a run: what rounding alone holds up is zero, and nothing else is."""

from unittest import mock

import numpy as np
import pytest
from scipy import sparse
from support.regressions import Regression
from support.solver_calls import started

from sparsereg import lasso_path, logistic_path, poisson_path, regularization_path
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import certificate
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.forms import forced

OPTIONS = SolverOptions()
# Data on which sweeps leave a coefficient between 1e-16 and 1e-10 somewhere on the path; with squared loss a Newton
# step that is solved directly leaves none.
SEEDS = {
    "huber": (5, 14, 22), "logistic": (1, 4, 5), "poisson": (19, 34), "squared_hinge": (0, 14, 26),
    "softmax": (11, 15, 20),
}


def nested(seed, n=300):
    """A coarse factor, a fine one within it, and numbers: each coarse level is the sum of two fine ones."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 4, n)
    fine = 2 * coarse + rng.integers(0, 2, n)
    X = np.hstack([np.eye(4)[coarse], np.eye(8)[fine], rng.standard_normal((n, 3))])
    return X, X @ rng.standard_normal(X.shape[1]) + rng.standard_normal(n)


def path_of(loss, X, y, **settings):
    if loss == "softmax":
        return logistic_path(X, np.digitize(y, np.quantile(y, [0.3, 0.6])), **settings)
    y = {"poisson": np.round(np.exp(y / 3.0))}.get(loss, (y > 0.0) if loss in ("logistic", "squared_hinge") else y)
    with forced("rows"):
        return regularization_path(X, y.astype(float), loss=loss, **settings)


@pytest.mark.parametrize("loss", SEEDS)
def test_what_rounding_holds_up_is_zero(loss):
    settings, held = {"n_alphas": 15, "eps": 1e-2}, 0
    for seed in SEEDS[loss]:
        for tol in (1e-6, 1e-10):
            path = path_of(loss, *nested(seed), tol=tol, **settings)
            assert path.dual_gaps.max() <= tol
            assert np.abs(path.coefs.data).min() > 1e-10, (seed, tol)
            with mock.patch.object(certificate, "FAINT", 0.0):
                before = path_of(loss, *nested(seed), tol=tol, **settings)
            held += before.coefs.nnz - path.coefs.nnz
            np.testing.assert_allclose(path.objectives, before.objectives, rtol=1e-13)
    assert held > 0


def test_the_objective_is_that_of_the_coefficients_left():
    X, y = nested(27)
    path = lasso_path(X, y, n_alphas=15, eps=1e-2, tol=1e-12)
    for k, alpha in enumerate(path.alphas):
        raw, w, b = Regression(X, y, {}).raw(alpha), path.coefs.toarray()[:, k], path.intercepts[k]
        assert raw.objective(w, b) == pytest.approx(path.objectives[k], rel=1e-14)
        assert raw.violation(w, b) <= 1e-6


@pytest.mark.parametrize("loss", ["squared", *SEEDS])
def test_coefficients_that_F_would_miss_are_put_back(loss):
    X, y = nested(1)
    settings = {"n_alphas": 6, "eps": 1e-2, "tol": 1e-8}
    kept = path_of(loss, X, y, **settings)
    with mock.patch.object(certificate, "FAINT", 1e9):
        path = path_of(loss, X, y, **settings)
    assert path.dual_gaps.max() <= 1e-8
    np.testing.assert_allclose(path.objectives, kept.objectives, rtol=1e-7)
    assert path.df[-1] > 5


def test_small_numbers_that_say_much_stay():
    """What counts is their part in the predictor, not how small the units make them."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 3)) * [1.0, 1e14, 1e-3]
    y = 1e-6 * (X @ [1.0, 1e-14, 1e3]) + 1e-7 * rng.standard_normal(200)
    path = lasso_path(X, y, alphas=[1e-10], penalty_factor=[1.0, 1e14, 1e-3], tol=1e-12)
    np.testing.assert_allclose(path.coefs.toarray()[:, 0], [1e-6, 1e-20, 1e-3], rtol=0.1)


def test_coefficients_that_L2_alone_keeps_small_stay():
    X = sparse.csr_array(np.vstack([np.eye(4), np.zeros((4, 4))]) * [1.0, 1.0, 1.0, 1e-7])
    y = np.r_[1.0, 2.0, 3.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    path = regularization_path(X, y, l1_ratio=0.0, bounds=(-10.0, 10.0), alphas=[1e8], tol=1e-14)
    assert path.df[0] == 4


def test_a_loss_that_rounds_below_zero_rules_no_column_out():
    _, problem, state = started(Regression(*nested(0), {}), OPTIONS)
    screened = certificate.DualCertificate(problem, ElasticNet(1e-20, 1.0), state, OPTIONS)
    screened.screen_static(-1e-20)
    assert screened.screened_in.size == problem.columns.size


@pytest.mark.parametrize("count", [0.023, 0.043, 0.1, 0.213])
def test_a_constant_count_whose_deviance_rounds_below_zero(count):
    """Nothing is left to explain, and rounding may make that less than nothing."""
    X = np.tile(np.eye(5), (12, 1))
    path = poisson_path(X, np.full(60, count), alphas=[0.1])
    assert path.df.tolist() == [0]
    assert path.intercepts[0] == pytest.approx(np.log(count))
