"""Newton's step on the support: needed where sweeps crawl."""

import numpy as np
import pytest
from support.solver_calls import prepare

from sparsereg import lasso_path
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.support_newton import step_on_support


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

    shift = step_on_support(
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
