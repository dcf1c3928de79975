"""One alpha from any start: certified, within the passes allowed, and leaving a state to go on from."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from support.regressions import ROUNDING, Regression, random_regression
from support.solver_calls import check_point, prepared, spell_out, started

from sparsereg import ConvergenceWarning, regularization_path
from sparsereg._core.penalties import ElasticNet
from sparsereg.design import make_design
from sparsereg.solvers import coordinate_descent, ridge
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.null_model import alpha_max, null_state, state_at

seeds = st.integers(0, 2**32 - 1)
OPTIONS = SolverOptions(tol=1e-9)


def judge(regression, alpha, design, solution, options=OPTIONS):
    raw = regression.raw(alpha)
    w, null = spell_out(design, solution), raw.null_objective()
    assert solution.objective == pytest.approx(raw.objective(w, solution.b), abs=ROUNDING * 10 * null)
    assert solution.loss == pytest.approx(raw.loss(w, solution.b), abs=ROUNDING * 10 * null)
    assert raw.violation(w, solution.b) <= np.sqrt(solution.dual_gap + 1e-11)
    if solution.converged:
        assert solution.dual_gap <= options.tol + 1e-11
    assert np.all(np.diff(solution.columns) > 0)
    assert np.all(solution.coefs.data != 0.0)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
@given(seed=seeds)
def test_any_start_leads_to_the_minimum(seed, l1_ratio):
    regression = random_regression(seed, l1_ratio=l1_ratio)
    design, problem, state = started(regression, OPTIONS)
    rng = np.random.default_rng(seed)
    top = alpha_max(problem, state, max(l1_ratio, 0.1))
    alpha = 0.2 * top if top > 0.0 else 1.0
    cold = coordinate_descent.solve(problem, ElasticNet(alpha, l1_ratio), state, OPTIONS)
    judge(regression, alpha, design, cold)
    check_point(problem, state)
    assert state.alpha == alpha
    # From below, from above, and from somewhere.
    starts = [null_state(problem, OPTIONS) for _ in range(2)]
    coordinate_descent.solve(problem, ElasticNet(0.01 * alpha, l1_ratio), starts[0], OPTIONS)
    coordinate_descent.solve(problem, ElasticNet(4 * alpha, l1_ratio), starts[1], OPTIONS)
    starts.append(state_at(problem, rng.standard_normal(problem.indptr.size - 1), 0.5, 1.0, OPTIONS))
    for start in starts:
        warm = coordinate_descent.solve(problem, ElasticNet(alpha, l1_ratio), start, OPTIONS)
        judge(regression, alpha, design, warm)
        null = regression.raw().null_objective()
        assert warm.objective - warm.dual_gap * null <= cold.objective + 1e-11 * null
        assert cold.objective - cold.dual_gap * null <= warm.objective + 1e-11 * null


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@given(seed=seeds)
def test_a_fold_is_fitted_on_the_design_of_all_rows(seed, l1_ratio):
    """Zero weights on the design of all rows lead where a design of the fold's rows does."""
    regression = random_regression(seed, l1_ratio=l1_ratio)
    weight = np.random.default_rng(seed).integers(0, 2, regression.y.size).astype(float)
    weight[0] = 1.0
    fold = regression.having(sample_weight=weight)
    _, subset, state = started(fold, OPTIONS)
    design, problem = prepared(fold, make_design(sparse.csr_array(regression.X)))
    alpha = 0.1 * alpha_max(subset, state, max(l1_ratio, 0.1)) or 1.0
    solve = ridge.solve if l1_ratio == 0.0 else coordinate_descent.solve
    expected = solve(subset, ElasticNet(alpha, l1_ratio), state, OPTIONS)
    state = null_state(problem, OPTIONS)
    solution = solve(problem, ElasticNet(alpha, l1_ratio), state, OPTIONS)
    judge(fold, alpha, design, solution)
    assert solution.converged == expected.converged
    slack = ROUNDING * 10 * problem.reference
    assert abs(solution.objective - expected.objective) <= 2.0 * OPTIONS.tol * problem.reference + slack
    if problem.singletons is None:
        check_point(problem, state)


def test_working_sets_larger_than_the_smallest():
    """More candidates than fit in the first working set, with a support that has to grow."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 1000)) * (rng.random((150, 1000)) < 0.2)
    y = X[:, :80] @ rng.standard_normal(80) + rng.standard_normal(150)
    regression = Regression(X, y, {})
    design, problem, state = started(regression, OPTIONS)
    alpha = 0.02 * alpha_max(problem, state, 1.0)
    solution = coordinate_descent.solve(problem, ElasticNet(alpha, 1.0), state, OPTIONS)
    assert solution.converged
    judge(regression, alpha, design, solution)
    assert solution.columns.size > 80


def test_solved_points_are_left_alone():
    for kind in ("gaussian", "cross"):
        regression = random_regression(5, kind, 1.0)
        _, problem, state = started(regression, OPTIONS)
        penalty = ElasticNet(0.3 * alpha_max(problem, state, 1.0), 1.0)
        first = coordinate_descent.solve(problem, penalty, state, OPTIONS)
        again = coordinate_descent.solve(problem, penalty, state, OPTIONS)
        assert again.n_iter == 1
        np.testing.assert_array_equal(again.columns, first.columns)
        np.testing.assert_allclose(again.coefs.data, first.coefs.data, rtol=1e-12)


@pytest.mark.parametrize("max_iter", [1, 2, 5, 20])
@given(seed=seeds)
def test_passes_allowed(seed, max_iter):
    regression = random_regression(seed, l1_ratio=1.0)
    options = SolverOptions(tol=0.0, max_iter=max_iter)
    design, problem, state = started(regression, OPTIONS)
    alpha = 0.1 * alpha_max(problem, state, 1.0)
    solution = coordinate_descent.solve(problem, ElasticNet(alpha, 1.0), state, options)
    # The last descent is one epoch at least, and a look at the gap ends the fit; once more where elimination gives up.
    assert solution.n_iter <= max_iter + 3
    judge(regression, alpha, design, solution)
    check_point(problem, state)


@pytest.mark.parametrize("loss", ["logistic", "poisson", "huber", "squared_hinge"])
def test_small_fits_take_no_step_more_than_allowed(loss):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 10))
    y = (X[:, 0] + rng.standard_normal(60) > 0.0).astype(float)
    for max_iter in (2, 3, 5):
        with pytest.warns(ConvergenceWarning):
            path = regularization_path(X, y, loss=loss, alphas=[1e-3], max_iter=max_iter)
        assert path.n_iters[0] <= max_iter + 2


@pytest.mark.parametrize("bounded", [True, False])
def test_columns_of_one_row_alone(bounded):
    """All columns eliminated: only the intercept is left to move, and it must."""
    rng = np.random.default_rng(0)
    y = rng.gamma(0.5, size=30)
    regression = Regression(np.diag(rng.choice([0.5, 1.0, -2.0], 30)), y, {"lower": 0.0} if bounded else {})
    design, problem, state = started(regression, OPTIONS)
    assert problem.columns.size == 0
    for l1_ratio in (1.0, 0.9, 0.0):
        for share in (0.5, 0.1, 0.01):
            alpha = share * alpha_max(problem, null_state(problem, OPTIONS), 1.0)
            solution = coordinate_descent.solve(problem, ElasticNet(alpha, l1_ratio), state, OPTIONS)
            assert solution.converged
            judge(regression.having(l1_ratio=l1_ratio), alpha, design, solution)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_elimination_at_alpha_zero(l1_ratio):
    rng = np.random.default_rng(0)
    regression = Regression(np.hstack([rng.standard_normal((6, 2)), np.eye(6)[:, :3]]), rng.standard_normal(6))
    design, problem, state = started(regression, OPTIONS)
    assert problem.singletons is not None
    for alpha in (0.1, 0.0):
        solution = coordinate_descent.solve(problem, ElasticNet(alpha, l1_ratio), state, OPTIONS)
        assert solution.converged
        judge(regression.having(l1_ratio=l1_ratio), alpha, design, solution)
        check_point(problem, state)
    assert 0.0 <= solution.objective <= OPTIONS.tol * problem.reference  # the minimum is 0


def test_unpenalised_columns_with_a_bound_on_one_side():
    """The dual constraint of such a column is a sign, and its conjugate counts where the bound is not at zero."""
    rng = np.random.default_rng(0)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((20, 5)), rng.standard_normal(20)
        y += X[:, 0] * rng.choice([-3.0, 3.0])
        settings = {
            "penalty_factor": np.array([0.0, 0.0, 1.0, 1.0, 1.0]),
            "lower": np.array([-0.5, -np.inf, -np.inf, -np.inf, 0.0]),
            "upper": np.array([np.inf, rng.choice([0.0, 0.3]), np.inf, np.inf, np.inf]),
        }
        regression = Regression(X, y, settings)
        design, problem, state = started(regression, OPTIONS)
        for options in (SolverOptions(tol=0.1), OPTIONS):
            start = replace(
                state, w=state.w.copy(), neg_gradient=state.neg_gradient.copy(),
                Xt_neg_gradient=state.Xt_neg_gradient.copy(), Xt_is_current=state.Xt_is_current.copy(),
            )
            solution = coordinate_descent.solve(problem, ElasticNet(0.05, 1.0), start, options)
            assert solution.converged
            judge(regression, 0.05, design, solution, options)
        best = regression.raw(0.05).objective(*regression.raw(0.05).minimise())
        assert solution.objective == pytest.approx(best, abs=2e-9 * problem.reference)


def test_the_gap_is_never_too_small_on_the_way():
    """Every gap that a callback hears of bounds the suboptimality at that moment."""
    for seed in range(30):
        regression = random_regression(seed)
        _, problem = prepared(regression)
        null, settings = problem.reference, regression.settings
        if null == 0.0:
            continue
        top = alpha_max(problem, null_state(problem, OPTIONS), 1.0)
        penalty = ElasticNet(0.05 * top if top > 0.0 else 1.0, settings["l1_ratio"])
        start = null_state(problem, OPTIONS)
        best = coordinate_descent.solve(problem, penalty, start, SolverOptions(tol=1e-11)).objective
        for max_iter in (1, 2, 4, 8, 16):
            told = []
            options = SolverOptions(tol=1e-11, max_iter=max_iter, callback=told.append)
            stopped = coordinate_descent.solve(problem, penalty, null_state(problem, OPTIONS), options)
            assert (stopped.objective - best) / null <= told[-1].dual_gap + 1e-11
            assert stopped.dual_gap == pytest.approx(told[-1].dual_gap, abs=1e-11)
