"""Newton's step on the support: needed where sweeps crawl."""

import numpy as np
import pytest
from support.solver_calls import prepare

from sparsereg import lasso_path
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.support_newton import MAX_STEPS, SMALL_SUPPORT, step_on_support


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sweeps_alone_would_crawl(seed):
    """Columns and rows that are sums of those before: without the step passes run out (and warnings are errors)."""
    rng = np.random.default_rng(seed)
    X = np.cumsum(np.cumsum(rng.standard_normal((150, 60)), axis=0), axis=1)
    y = X @ rng.standard_normal(60) + rng.standard_normal(150)
    alpha = 1e-4 * np.abs((X - X.mean(axis=0)).T @ (y - y.mean())).max() / 150
    path = lasso_path(X, y, alphas=[alpha], tol=1e-8, max_iter=1250)
    assert path.dual_gaps[0] <= 1e-8


def test_the_step_lowers_the_model_and_keeps_its_residual():
    rng = np.random.default_rng(0)
    X = np.cumsum(rng.standard_normal((50, 8)), axis=1)
    y = X @ rng.standard_normal(8)
    settings = dict.fromkeys(("sample_weight", "offset", "bounds", "penalty_factor"))
    _, problem = prepare(
        X, y, **settings, fit_intercept=True, standardize=False, positive=False, l1_ratio=1.0, smallest_alpha=1.0
    )
    penalty, columns = ElasticNet(0.01, 1.0), problem.columns
    w = 0.1 * rng.standard_normal(8)
    w[3] = 0.0
    before, centred = w.copy(), X - X.mean(axis=0)
    z = (y - y.mean() - centred @ w) / 50

    def objective(w):
        return 0.5 * np.mean((y - y.mean() - centred @ w) ** 2) + 0.01 * np.abs(w).sum()

    shift, _ = step_on_support(
        problem, penalty, columns, w, z, problem.response.weight, 1.0, problem.column_sum[columns],
        problem.curvature[columns],
    )
    assert objective(w) < 0.5 * objective(before)
    assert w[3] == 0.0
    np.testing.assert_allclose(z, (y - y.mean() - centred @ w) / 50, atol=1e-13)
    assert shift == pytest.approx(-X.mean(axis=0) @ (w - before))


@pytest.mark.parametrize("seed", range(10))
def test_the_step_crosses_no_bound_and_no_sign(seed):
    """Coefficients that the unbounded step would carry past a bound, or through zero, stop there or before."""
    rng = np.random.default_rng(seed)
    X = np.cumsum(rng.standard_normal((50, 8)), axis=1)
    y = X @ rng.standard_normal(8)
    lower, upper = np.full(8, -0.15), np.full(8, 0.15)
    _, problem = prepare(
        X, y, sample_weight=None, offset=None, bounds=(lower, upper), penalty_factor=None, fit_intercept=True,
        standardize=False, positive=False, l1_ratio=1.0, smallest_alpha=1.0,
    )
    columns, w = problem.columns, 0.1 * rng.choice([-1.0, 1.0], 8)
    before, centred = w.copy(), X - X.mean(axis=0)
    z = (y - y.mean() - centred @ w) / 50
    free = np.linalg.lstsq(centred, y - y.mean())[0]
    assert np.any(np.abs(free) > 0.15) and np.any(free * before < 0.0)
    step_on_support(
        problem, ElasticNet(1e-6, 1.0), columns, w, z, problem.response.weight, 1.0, problem.column_sum[columns],
        problem.curvature[columns],
    )
    assert np.any(w != before)
    assert np.all((lower <= w) & (w <= upper))
    assert np.all(w * before >= 0.0)


def on_support(n, p, seed=0):
    """Return a problem, a penalty and coefficients without a zero, and the model's value at coefficients."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    y = X @ rng.standard_normal(p) + rng.standard_normal(n)
    settings = dict.fromkeys(("sample_weight", "offset", "bounds", "penalty_factor"))
    _, problem = prepare(
        X, y, **settings, fit_intercept=True, standardize=False, positive=False, l1_ratio=1.0, smallest_alpha=1.0
    )
    centred, target = X - X.mean(axis=0), y - y.mean()
    start = np.linalg.lstsq(centred, target)[0] * rng.uniform(0.7, 1.3, p)
    return problem, start, lambda w: (target - centred @ w) / n


@pytest.mark.parametrize("p", [SMALL_SUPPORT, SMALL_SUPPORT + 1])
def test_small_supports_are_solved_at_once(p):
    """A step without sign changes ends at the minimum; larger supports only come near it."""
    problem, w, residual = on_support(400, p)
    columns, z = problem.columns, residual(w)
    arguments = problem.response.weight, 1.0, problem.column_sum[columns], problem.curvature[columns]
    _, n_passes = step_on_support(problem, ElasticNet(1e-9, 1.0), columns, w, z, *arguments)
    gradient = np.abs(problem.correlations(columns, z) - 1e-9 * np.sign(w)).max()
    assert n_passes <= MAX_STEPS + 1
    assert (gradient < 1e-12) == (p == SMALL_SUPPORT)


def test_where_no_shortened_step_helps_the_first_zero_ends_it():
    """Three columns, nearly the same: the full step is far and changes signs; up to the first the model falls."""
    rng = np.random.default_rng(3)
    base = rng.standard_normal(50)
    X = base[:, None] + 1e-5 * rng.standard_normal((50, 3))
    settings = dict.fromkeys(("sample_weight", "offset", "bounds", "penalty_factor"))
    _, problem = prepare(
        X, base + rng.standard_normal(50), **settings, fit_intercept=True, standardize=False, positive=False,
        l1_ratio=1.0, smallest_alpha=1.0,
    )
    columns, w, y = problem.columns, np.array([0.4, 0.3, 0.2]), problem.response.y
    centred = X - X.mean(axis=0)
    z = (y - y.mean() - centred @ w) / 50

    def objective(w):
        return 0.5 * np.mean((y - y.mean() - centred @ w) ** 2) + 0.01 * np.abs(w).sum()

    before = objective(w)
    step_on_support(
        problem, ElasticNet(0.01, 1.0), columns, w, z, problem.response.weight, 1.0, problem.column_sum[columns],
        problem.curvature[columns],
    )
    assert objective(w) < before
    assert np.sum(w == 0.0) >= 1
