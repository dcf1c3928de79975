"""Repaired dual points: what they certify is true, whatever the problem, and saves passes."""

from functools import partial
from unittest import mock

import numpy as np
import pytest
from scipy import sparse
from support.regressions import check_certificate, check_same_minimum, random_regression
from support.solver_calls import matrix_of

from sparsereg import lasso_path, logistic_path, poisson_path
from sparsereg.solvers import active_set, dual_repair, working_set


@pytest.fixture(autouse=True)
def _by_sweeps(monkeypatch):
    """Few rows would be left to the active set."""
    monkeypatch.setattr(active_set, "MAX_ROWS", 0)


def dual_objective(problem, penalty, theta):
    """The dual of squared loss and elastic net as Fenchel's duality writes it, plainly, on the rows of a problem."""
    response, columns = problem.response, problem.columns
    factor, scale = problem.penalty_factor[columns], problem.scale[columns]
    v = matrix_of(problem)[:, columns].T @ theta
    threshold, ridge = penalty.strength * factor * scale, penalty.alpha * (1 - penalty.l1_ratio) * factor * scale**2
    if problem.fit_intercept and abs(theta.sum()) > 1e-12 * np.abs(theta).sum():
        return -np.inf
    total = float(theta @ response.y - 0.5 * np.sum(theta**2 / response.s))
    for k, j in enumerate(columns):
        excess = abs(v[k]) - threshold[k] * (1 + 1e-13)
        bound = problem.upper[j] if v[k] > 0 else -problem.lower[j]
        if excess > 0.0 and bound > 0.0:
            u = min(excess / ridge[k] if ridge[k] > 0.0 else np.inf, bound)
            total -= u * (excess - 0.5 * ridge[k] * u)
    return total


def repairs_of(path, **worth):
    """Run a path with repair tried everywhere; return it and what `repair` was given and returned."""
    calls, real = [], dual_repair.repair

    def spy(descent, *arguments):
        repaired = real(descent, *arguments)
        if repaired is not None:
            calls.append((descent, repaired))
            if descent.problem.is_quadratic and not descent.certificate.unpenalized.size:
                plain = dual_objective(descent.problem, descent.penalty, repaired.scale * repaired.theta)
                size = descent.problem.reference
                assert repaired.dual <= plain + 1e-11 * size, (repaired.dual, plain)
        return repaired

    with mock.patch.object(working_set, "repair", spy), mock.patch.object(dual_repair, "WORTH_REPAIR", 1e6):
        return path(), calls


def test_no_certificate_is_better_than_the_truth():
    """Weights, offsets, factors of 0 and inf, bounds, standardised columns, elastic net: as the seed has it."""
    n_repairs = 0
    for seed in range(45):
        regression = random_regression(seed)
        path, calls = repairs_of(partial(regression.path, tol=10.0 ** -(2 + seed % 4), n_alphas=4, eps=1e-3))
        check_certificate(path, regression)
        precise = regression.path(tol=1e-10, alphas=path.alphas)
        check_same_minimum(path, precise, regression.raw().null_objective())
        n_repairs += len(calls)
    assert n_repairs > 10


def saturated(seed=0, n=60, p=200):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.3)
    return X, X[:, :10] @ rng.standard_normal(10) + rng.standard_normal(n)


@pytest.mark.parametrize("path", [logistic_path, poisson_path])
def test_losses_that_are_not_quadratic_are_repaired_within_their_domain(path):
    X, y = saturated()
    y = (y > 0).astype(float) if path is logistic_path else np.round(np.exp(y / 4))
    rough, calls = repairs_of(lambda: path(X, y, n_alphas=20, eps=1e-2, tol=1e-4))
    precise = path(X, y, alphas=rough.alphas, tol=1e-10)
    null = precise.objectives[0]
    assert calls and np.isfinite([repaired.dual for _, repaired in calls]).any()
    assert np.all(rough.objectives - precise.objectives <= rough.dual_gaps * null + 1e-9 * null)


def text(n=1000, p=1500, words=30):
    """Columns by a power law, rows of unit length."""
    rng = np.random.default_rng(0)
    share = (np.arange(p) + 10.0) ** -0.9
    X = (rng.random((n, p)) < np.minimum(words * share / share.sum(), 1.0)) * rng.exponential(size=(n, p))
    X /= np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-9)
    y = X[:, :200] @ rng.standard_normal(200)
    return sparse.csr_array(X), y / y.std() + 0.7 * rng.standard_normal(n)


def test_a_saturated_path_takes_fewer_passes():
    X, y = text()
    path = lasso_path(X, y, n_alphas=20, eps=1e-3, tol=1e-4)
    assert path.df[-1] > 0.8 * y.size
    with mock.patch.object(working_set, "repair", lambda *_: None):
        plain = lasso_path(X, y, n_alphas=20, eps=1e-3, tol=1e-4)
    assert max(path.dual_gaps.max(), plain.dual_gaps.max()) <= 1e-4
    assert path.n_iters.sum() < 0.95 * plain.n_iters.sum()
    # Hundreds an alpha at the end, before dual points were repaired and sweeps interrupted by Newton's step.
    assert path.n_iters.max() < 200


def test_the_gradient_is_kept():
    """After a repair the correlations in the state are those of the residual, from which the next alpha starts."""
    X, y = saturated(2)
    _, calls = repairs_of(lambda: lasso_path(X, y, n_alphas=10, eps=1e-2, tol=1e-4))
    assert calls
    for descent, _ in calls[-1:]:
        state, columns = descent.state, descent.certificate.screened_in
        v = descent.problem.correlations(columns, state.neg_gradient)
        np.testing.assert_allclose(state.Xt_neg_gradient[columns], v, atol=1e-13)
