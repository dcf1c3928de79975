"""Repaired dual points: what they certify is true, whatever the problem, and saves passes."""

from unittest import mock

import numpy as np
import pytest
from support.regressions import check_certificate, check_same_minimum, random_regression
from support.solver_calls import matrix_of

from sparsereg import lasso_path, logistic_path, poisson_path
from sparsereg.solvers import dual_repair, working_set


def dual_objective(problem, penalty, theta):
    """The dual of squared loss and elastic net as Fenchel's duality writes it, plainly, on the rows of a problem."""
    response, factor = problem.response, problem.penalty_factor
    v = matrix_of(problem).T @ theta
    threshold, ridge = penalty.strength * factor * problem.scale, penalty.alpha * (1 - penalty.l1_ratio) * factor
    ridge = ridge * problem.scale**2
    if problem.fit_intercept and abs(theta.sum()) > 1e-12 * np.abs(theta).sum():
        return -np.inf
    total = float(theta @ response.y - 0.5 * np.sum(theta**2 / response.s))
    for j in problem.columns:
        excess = abs(v[j]) - threshold[j] * (1 + 1e-13)
        bound = problem.upper[j] if v[j] > 0 else -problem.lower[j]
        if excess > 0.0 and bound > 0.0:
            u = min(excess / ridge[j] if ridge[j] > 0.0 else np.inf, bound)
            total -= u * (excess - 0.5 * ridge[j] * u)
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


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-6])
def test_no_certificate_is_better_than_the_truth(tol):
    """Weights, offsets, factors of 0 and inf, bounds, standardised columns, elastic net: as the seed has it."""
    n_repairs = 0
    for seed in range(40):
        regression = random_regression(seed)
        path, calls = repairs_of(lambda: regression.path(tol=tol, n_alphas=6, eps=1e-3))
        check_certificate(path, regression)
        precise = regression.path(tol=1e-11, alphas=path.alphas)
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


def test_a_saturated_path_takes_fewer_passes():
    X, y = saturated(1)
    repaired = lasso_path(X, y, n_alphas=30, eps=1e-3, tol=1e-5)
    with mock.patch.object(working_set, "repair", lambda *_: None):
        plain = lasso_path(X, y, n_alphas=30, eps=1e-3, tol=1e-5)
    assert max(repaired.dual_gaps.max(), plain.dual_gaps.max()) <= 1e-5
    assert repaired.n_iters.sum() < 0.9 * plain.n_iters.sum()


def test_the_gradient_is_kept():
    """After a repair the correlations in the state are those of the residual, from which the next alpha starts."""
    X, y = saturated(2)
    path, calls = repairs_of(lambda: lasso_path(X, y, n_alphas=10, eps=1e-2, tol=1e-4))
    assert calls
    for descent, _ in calls[-1:]:
        state, columns = descent.state, descent.certificate.screened_in
        v = descent.problem.correlations(columns, state.neg_gradient)
        np.testing.assert_allclose(state.Xt_neg_gradient[columns], v, atol=1e-13)
