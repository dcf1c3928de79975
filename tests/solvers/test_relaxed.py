"""Relaxed fits: least squares on the support, never worse than what they relax, once for equal supports."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.regressions import ROUNDING, random_regression
from support.solver_calls import options_of, started

from sparsereg import ConvergenceWarning, lasso_path, regularization_path
from sparsereg.path.solve import solve_grid
from sparsereg.solvers import relaxed
from sparsereg.solvers.base import SolverOptions, spelled_out
from sparsereg.solvers.null_model import alpha_max
from sparsereg.solvers.relaxed import RelaxedFit

seeds = st.integers(0, 2**32 - 1)
OPTIONS = SolverOptions(tol=1e-10)


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@given(seed=seeds)
def test_least_squares_on_the_support(seed, l1_ratio):
    regression = random_regression(seed, l1_ratio=l1_ratio)
    _, problem, state = started(regression, OPTIONS)
    top = alpha_max(problem, state, l1_ratio) or 1.0
    relax = RelaxedFit(problem, OPTIONS)
    for solution in solve_grid(problem, state, top * np.array([0.5, 0.1]), options_of(l1_ratio), OPTIONS):
        refit = relax(solution)
        slack = ROUNDING * 10 * problem.reference + problem.gap_rounding
        assert refit.loss <= solution.loss + slack
        assert refit.objective == refit.loss
        assert refit.dual_gap <= OPTIONS.tol + 1e-11
        assert np.isin(refit.columns, solution.columns).all()
        if problem.singletons is None and np.isinf(problem.lower).all() and np.isinf(problem.upper).all():
            x = np.zeros((problem.n_rows, problem.penalty_factor.size))
            data, indices, indptr = spelled_out(problem.matrix)
            for j in solution.columns:
                entries = slice(indptr[j], indptr[j + 1])
                x[indices[entries], j] = data[entries]
            x = np.c_[x[:, solution.columns], np.ones((problem.n_rows, int(problem.fit_intercept)))]
            root = np.sqrt(np.broadcast_to(problem.response.s, problem.n_rows))
            best = np.linalg.lstsq(x * root[:, None], problem.response.y * root)[0]
            least = 0.5 * float(np.sum((root * (problem.response.y - x @ best)) ** 2)) + problem.response.constant
            assert refit.loss == pytest.approx(least, abs=2e-10 * problem.reference + slack)


def test_equal_supports_are_refitted_once():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 8))
    y = X[:, 0] + 0.1 * rng.standard_normal(60)
    calls = mock.Mock(side_effect=relaxed.convex.solve)
    with mock.patch.object(relaxed.convex, "solve", calls):
        path = lasso_path(X, y, n_alphas=30, eps=0.1, relax=True)
    n_distinct = len({path.sparse_coef.at(k).ids.tobytes() for k in range(30)})
    refits = sum(call.args[1].alpha == 0.0 for call in calls.call_args_list)
    assert refits == n_distinct < 10


@pytest.mark.parametrize("loss", ["logistic", "poisson", "huber", "squared_hinge"])
def test_other_losses(loss):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 6))
    t = X[:, 0] - 0.5 * X[:, 1]
    y = {
        "logistic": (rng.random(200) < 1.0 / (1.0 + np.exp(-t))).astype(float),
        "poisson": rng.poisson(np.exp(t)).astype(float),
        # Some rows are exactly fitted: there is no penalty to tell the loss's flat parts apart.
        "huber": np.where(rng.random(200) < 0.1, 8.0, t + 0.3 * rng.standard_normal(200)),
        "squared_hinge": (rng.random(200) < 1.0 / (1.0 + np.exp(-t))).astype(float),
    }[loss]
    settings = {"loss": loss, "alphas": [0.1, 0.03]}
    penalized = regularization_path(X, y, **settings)
    path = regularization_path(X, y, **settings, relax=True)
    assert np.all(path.deviances < penalized.deviances)
    for k in range(2):
        support = penalized.sparse_coef.at(k).ids
        alone = regularization_path(X[:, support], y, loss=loss, alphas=[0.0])
        assert path.deviances[k] == pytest.approx(alone.deviances[0], rel=1e-5)
        assert path.sparse_coef.at(k).ids.tolist() == support.tolist()


def test_supports_as_large_as_the_data_warn():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 30)), rng.standard_normal(8)
    with pytest.warns(ConvergenceWarning, match=r"relax: \d+ of 20 supports, the first at alpha=\S+, have as many"):
        path = lasso_path(X, y, n_alphas=20, relax=True)
    assert np.isfinite(path.coefs.data).all()
    assert np.abs(path.coefs.data).max() < 100.0


def test_bounds_stay():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((50, 5))
    y = X @ np.array([1.0, -1.0, 0.5, 2.0, 0.0])
    path = lasso_path(X, y, bounds=(-0.6, 0.9), n_alphas=10, relax=True)
    assert path.coefs.max() == 0.9
    assert path.coefs.min() == -0.6


def test_huber_always_has_a_best_fit():
    """Steps are in the units of y: long ones do not say that there is no minimum."""
    rng = np.random.default_rng(141)
    X = rng.standard_normal((60, 8)) * (rng.random((60, 8)) < 0.6)
    y = 100.0 * np.where(rng.random(60) < 0.15, 8.0 * rng.standard_normal(60), X[:, 0] + 0.3 * rng.standard_normal(60))
    settings = {"loss": "huber", "delta": 30.0, "alphas": [10.0, 3.0, 1.0], "tol": 1e-9}
    penalized = regularization_path(X, y, **settings)
    path = regularization_path(X, y, **settings, relax=True)  # warnings are errors
    assert path.dual_gaps.max() <= 1e-9
    for k in range(3):
        support = penalized.sparse_coef.at(k).ids
        alone = regularization_path(X[:, support], y, **{**settings, "alphas": [0.0]})
        assert path.deviances[k] == pytest.approx(alone.deviances[0], rel=1e-8)


def rare_words(seed, n=200, p=60):
    """Rows of a few rare words each; some words occur in one class alone."""
    rng = np.random.default_rng(seed)
    chance = 1.0 / np.arange(1, p + 1)
    X = (rng.random((n, p)) < 0.5 * chance).astype(float) * rng.uniform(0.2, 1.0, (n, p))
    return X, (X @ rng.standard_normal(p) + 0.3 * rng.standard_normal(n) > 0.0).astype(float)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_separated_classes_end_with_a_gap_that_holds(seed):
    X, y = rare_words(seed)
    settings = {"loss": "logistic", "n_alphas": 12, "eps": 0.02}
    with pytest.warns(ConvergenceWarning) as caught:
        path = regularization_path(X, y, relax=True, **settings)
    assert not any("stopped before" in str(warning.message) for warning in caught)
    assert path.dual_gaps.max() <= 1e-6
    with pytest.warns(ConvergenceWarning):
        best = regularization_path(X, y, relax=True, tol=1e-10, **settings)
    null = regularization_path(X, y, loss="logistic", alphas=[1e3]).objectives[0]
    fallen = (path.objectives - best.objectives) / null
    assert np.all(fallen <= path.dual_gaps + 1e-14)
    assert np.any(fallen > 1e-9)


def test_passes_are_bounded_and_the_advice_fits():
    rng = np.random.default_rng(0)
    X = np.cumsum(rng.standard_normal((60, 20)), axis=1)
    y = (X @ rng.standard_normal(20) + rng.standard_normal(60) > 0.0).astype(float)
    with mock.patch.object(relaxed, "MAX_REFIT_PASSES", 3), pytest.warns(ConvergenceWarning) as caught:
        regularization_path(X, y, loss="logistic", n_alphas=5, eps=0.01, relax=True)
    assert any("do without relax" in str(warning.message) for warning in caught)
    assert not any("Increase max_iter" in str(warning.message) for warning in caught)


def test_a_refit_that_stopped_short_is_tried_again_from_a_better_start():
    """Of two fits with one support the second may be below what the refit of the first came to."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 3))
    y = (X @ [2.0, -1.0, 1.0] + rng.standard_normal(100) > 0.0).astype(float)
    regression = random_regression(0).__class__(X, y, {"loss": "logistic"})
    _, problem, state = started(regression, OPTIONS)
    first, second = solve_grid(problem, state, np.array([1e-2, 1e-3]), options_of(1.0), OPTIONS)
    assert first.columns.tolist() == second.columns.tolist() == [0, 1, 2]
    relax = RelaxedFit(problem, SolverOptions(max_iter=1))
    assert relax(first).loss > second.loss
    assert relax(second).loss <= second.loss


def test_coefficients_that_separate_are_lengthened_within_their_bounds():
    rng = np.random.default_rng(5)
    X = rng.standard_normal((40, 3))
    y = (X[:, 0] > 0.0).astype(float)
    settings = {"loss": "logistic", "alphas": [0.02], "relax": True}
    with pytest.warns(ConvergenceWarning, match="no finite coefficients are best"):
        path = regularization_path(X, y, **settings)
    assert path.objectives[0] <= path.dual_gaps[0] * np.log(2.0) + 1e-15
    assert path.dual_gaps[0] <= 1e-6
    assert np.array_equal(path.predict(X)[:, 0] > 0.5, y > 0.5)
    bounded = regularization_path(X, y, bounds=(-4.0, 4.0), **settings)  # warnings are errors
    assert bounded.coefs.max() == 4.0
    assert bounded.dual_gaps[0] <= 1e-6


def test_nearly_separated_classes_take_few_steps():
    """Curvature that vanishes row by row must not hold the steps up: 60 passes where there were thousands."""
    X, y = rare_words(0)
    with pytest.warns(ConvergenceWarning, match="no finite"):
        path = regularization_path(X, y, loss="logistic", n_alphas=12, eps=0.02, relax=True, tol=1e-10)
    assert path.n_iters.max() <= 60
    assert path.dual_gaps.max() <= 1e-10
