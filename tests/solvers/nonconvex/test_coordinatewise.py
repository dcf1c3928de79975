"""The search for coordinate-wise minima: what it measures, which columns it takes, when it ends."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.penalty_twins import twin
from support.solver_calls import prepare

from sparsereg.solvers.assemble import make_penalty
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.nonconvex import coordinatewise
from sparsereg.solvers.nonconvex.coordinatewise import CoordinatewiseMinimizer
from sparsereg.solvers.null_model import alpha_max, null_state

NAMES = ("mcp", "scad", "l0")
seeds = st.integers(0, 2**32 - 1)


def problem_of(seed, name, n=40, p=10, loss="squared", **settings):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, p)) + 0.7 * rng.standard_normal((n, 1)), rng.standard_normal(n)
    y = y + X @ (rng.standard_normal(p) * rng.integers(0, 2, p))
    y = {"poisson": np.round(np.exp(y / 3.0)), "logistic": (y > np.median(y)).astype(float)}.get(loss, y)
    return X, y, prepare_for(X, y, loss, name, **settings)


def prepare_for(X, y, loss, name, **settings):
    defaults = {
        "sample_weight": None, "offset": None, "fit_intercept": True, "standardize": True, "positive": False,
        "bounds": None, "penalty_factor": None, "l1_ratio": 1.0, "smallest_alpha": np.inf,
    }
    return prepare(X, y, **{**defaults, **settings}, loss=loss, penalty=name)[1]


def start(problem, name, share, **options):
    state = null_state(problem, SolverOptions())
    penalty = make_penalty(name, share * alpha_max(problem, state, 1.0, name), 1.0, None)
    return CoordinatewiseMinimizer(problem, penalty, state, SolverOptions(**options))


@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds, fit_intercept=st.booleans())
def test_the_violation_is_the_largest_step_along_a_coordinate(name, seed, fit_intercept):
    X, y, problem = problem_of(seed, name, fit_intercept=fit_intercept)
    run = start(problem, name, 0.3)
    rng = np.random.default_rng(seed)
    run.state.w[:] = rng.standard_normal(10) * rng.integers(0, 2, 10)
    run.state.b = -float(X.mean(axis=0) @ run.state.w) if fit_intercept else 0.0
    run.restart()
    distance = run.measure(problem.columns)
    sd = X.std(axis=0)
    Z = (X - X.mean(axis=0) if fit_intercept else X) / sd
    residual = y - X @ run.state.w
    residual, target = (residual - residual.mean(), y - y.mean()) if fit_intercept else (residual, y)
    for j in range(10):
        q, u = np.mean(Z[:, j] ** 2), sd[j] * run.state.w[j]
        pay = twin(name, run.penalty.alpha, 1.0, gamma=getattr(run.penalty, "gamma", None), unit=1.0 / q)
        best = u + np.mean(Z[:, j] * residual) / q
        reach = 1.5 * abs(best) + 1e-9
        low, high = -reach, reach
        for _ in range(8):
            grid = np.append(np.linspace(low, high, 2001), 0.0)
            k = int(np.argmin(0.5 * q * (grid - best) ** 2 + pay(grid)))
            low, high = grid[k] - (high - low) / 1000, grid[k] + (high - low) / 1000
        assert distance[j] == pytest.approx(q * abs(u - grid[k]), abs=1e-6 * (1 + abs(best)))
    scale = np.max(np.abs(Z.T @ target)) / target.size
    assert problem.null_violation == pytest.approx(scale, rel=1e-10)
    assert run.violation == pytest.approx(distance.max() / scale, rel=1e-10)
    # Without any strength the null model's own violation is 1.
    free = start(problem, name, 0.0)
    free.measure(problem.columns)
    assert free.violation == pytest.approx(1.0, rel=1e-10)


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
@pytest.mark.parametrize("name", NAMES)
def test_small_working_sets_end_at_a_minimum_too(name, loss):
    _, _, problem = problem_of(2, name, 200, 15, loss)
    whole = start(problem, name, 0.2, tol=1e-9).run()
    with mock.patch.multiple(coordinatewise, SMALL_WORKING_SET=2, CANDIDATES_PER_SUPPORT=0):
        small = start(problem, name, 0.2, tol=1e-9)
        assert small._working_set(np.ones(15)).size == 2
        small.run()
    assert small.converged
    assert whole.converged
    # Other ways may lead to other minima.
    assert small.objective == pytest.approx(whole.objective, abs=0.1 * problem.reference)


def test_of_equally_wrong_columns_the_first_are_taken():
    _, _, problem = problem_of(2, "mcp", 80, 40)
    run = start(problem, "mcp", 0.2)
    with mock.patch.multiple(coordinatewise, SMALL_WORKING_SET=3, CANDIDATES_PER_SUPPORT=0):
        assert run._working_set(np.ones(40)).tolist() == [0, 1, 2]
        assert run._working_set(np.r_[np.ones(38), 2.0, 0.0]).tolist() == [0, 1, 38]
        run.state.w[20] = 1.0
        assert run._working_set(np.ones(40)).tolist() == [0, 1, 2, 20]
        assert run._working_set(np.zeros(40)).tolist() == [20]


@pytest.mark.parametrize("name", NAMES)
def test_steps_that_raise_the_objective_are_taken_back(name):
    """Far out on the exponential its quadratic model is worth little."""
    _, _, problem = problem_of(3, name, 60, 6, "poisson")
    run = start(problem, name, 0.1, tol=1e-9)
    run.state.w[:], run.state.b = -2.0, -6.0
    run.restart()
    seen, damping = [run.objective], []
    whole, penalty = run._descend, run.penalty

    def watched(columns, goal):
        kept = whole(columns, goal)
        if run.penalty is penalty:  # a refit leaves the price out
            seen.append(run.objective)
            damping.append(run.damping)
        return kept

    with mock.patch.object(run, "_descend", watched):
        run.run()
    assert run.converged
    assert np.all(np.diff(seen) <= 1e-13 * problem.reference)
    assert max(damping) > 1.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("loss", ["logistic", "squared_hinge", "poisson", "huber"])
@given(seed=seeds)
def test_columns_that_only_the_model_wants_hold_nobody_up(loss, name, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((60, 12)) * (rng.random((60, 12)) < 0.5)
    t = X[:, :3].sum(axis=1) + 1.5 * rng.logistic(size=60)
    y = {"poisson": rng.poisson(np.exp(t / 4.0)), "huber": t}.get(loss, t > 0.0).astype(float)
    problem = prepare_for(X, y, loss, name)
    run = start(problem, name, 0.05 if name != "l0" else 0.02, tol=1e-8, max_iter=2_000).run()
    assert run.converged


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_a_tolerance_of_nothing_ends_at_rounding(loss):
    _, _, problem = problem_of(4, "mcp", loss=loss)
    run = start(problem, "mcp", 0.3, tol=0.0).run()
    assert run.violation <= 1e-12
    assert run.n_iter < 2_000


def test_the_intercept_counts():
    _, _, problem = problem_of(5, "l0", loss="poisson")
    run = start(problem, "l0", 2.0)
    run.measure(problem.columns)
    assert run.violation <= 1e-12
    run.state.b += 0.5
    run.restart()
    run.measure(problem.columns)
    assert run.violation > 1e-3
    run.run()
    assert run.state.b == pytest.approx(problem.response.null_intercept, abs=1e-6)


def test_solutions_carry_the_violation_and_no_gap():
    _, _, problem = problem_of(6, "scad")
    run = start(problem, "scad", 0.3, max_iter=1)
    solution = run.run().finish()
    assert np.isnan(solution.dual_gap)
    assert solution.violation == run.violation > 1e-6
    assert not solution.converged
    assert run.run().finish().n_iter >= 2
