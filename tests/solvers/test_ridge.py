"""Pure L2 by conjugate gradients: the gap it stops on, and when it hands over to coordinate descent."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.regressions import ROUNDING, Regression, random_regression
from support.solver_calls import check_point, spell_out, started

from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import coordinate_descent, ridge, ridge_direct, ridge_gram
from sparsereg.solvers.base import SolverOptions

seeds = st.integers(0, 2**32 - 1)
OPTIONS = SolverOptions(tol=1e-10)


@pytest.fixture(autouse=True, scope="module")
def _no_direct_solution():
    """Leave small problems to conjugate gradients too."""
    with mock.patch.object(ridge_direct, "MAX_DENSE", 0), mock.patch.object(ridge_gram, "MAX_SIZE", 0):
        yield


def simple(seed, kind):
    return random_regression(seed, kind, 0.0).having(lower=-np.inf, upper=np.inf, penalty_factor=2.0)


@pytest.mark.parametrize("kind", ["cross", "gaussian", "private", "repeated"])
@pytest.mark.parametrize("alpha", [10.0, 0.1, 1e-3])
@given(seed=seeds)
def test_equals_coordinate_descent(seed, alpha, kind):
    regression = simple(seed, kind)
    design, problem, state = started(regression, OPTIONS)
    _, _, other = started(regression, OPTIONS)
    penalty, raw, null = ElasticNet(alpha, 0.0), regression.raw(alpha), problem.reference
    solution = ridge.solve(problem, penalty, state, OPTIONS)
    descent = coordinate_descent.solve(problem, penalty, other, OPTIONS)
    w = spell_out(design, solution)
    assert solution.objective == pytest.approx(raw.objective(w, solution.b), abs=10 * ROUNDING * null)
    assert solution.loss == pytest.approx(raw.loss(w, solution.b), abs=10 * ROUNDING * null)
    assert raw.violation(w, solution.b) <= np.sqrt(solution.dual_gap + 1e-11)
    assert abs(solution.objective - descent.objective) <= (solution.dual_gap + descent.dual_gap + 1e-11) * null
    assert state.alpha == alpha
    check_point(problem, state)


@given(seed=seeds)
def test_loose_gaps_bound_the_suboptimality(seed):
    regression = simple(seed, None)
    _, problem, state = started(regression, OPTIONS)
    penalty = ElasticNet(0.01, 0.0)
    loose = ridge.solve(problem, penalty, state, SolverOptions(tol=0.05))
    tight = ridge.solve(problem, penalty, state, OPTIONS)
    assert loose.objective - tight.objective <= (loose.dual_gap + 1e-11) * problem.reference
    assert loose.dual_gap <= 0.05 + ROUNDING


def test_gap_is_exact_where_the_penalty_is_all_there_is():
    """At a huge alpha F is the penalty plus a line, and half the squared gradient is the very suboptimality."""
    regression = Regression(np.eye(4), np.arange(4.0), {"fit_intercept": False, "l1_ratio": 0.0})
    _, problem, state = started(regression, OPTIONS)
    penalty = ElasticNet(1e6, 0.0)
    stopped = ridge.solve(problem, penalty, state, SolverOptions(tol=0.0, max_iter=1))
    best = ridge.solve(problem, penalty, state, OPTIONS)
    assert (stopped.objective - best.objective) / problem.reference == pytest.approx(stopped.dual_gap, abs=1e-12)


@pytest.mark.parametrize(
    ("settings", "alpha"),
    [({"lower": 0.0}, 0.1), ({"upper": 0.2}, 0.1), ({"penalty_factor": np.r_[0.0, np.ones(7)]}, 0.1), ({}, 0.0)],
)
def test_what_conjugate_gradients_cannot_do_goes_to_descent(settings, alpha):
    rng = np.random.default_rng(0)
    regression = Regression(rng.standard_normal((20, 8)), rng.standard_normal(20), {"l1_ratio": 0.0, **settings})
    _, problem, state = started(regression, OPTIONS)
    with mock.patch.object(ridge.coordinate_descent, "solve", wraps=coordinate_descent.solve) as descent:
        ridge.solve(problem, ElasticNet(alpha, 0.0), state, OPTIONS)
    assert descent.call_count == 1


def test_bounds_of_private_columns_alone_go_to_descent():
    lower = np.r_[np.full(3, -np.inf), np.zeros(20)]
    rng = np.random.default_rng(0)
    data = np.hstack([rng.standard_normal((20, 3)), np.eye(20)])
    regression = Regression(data, rng.standard_normal(20), {"l1_ratio": 0.0, "lower": lower})
    design, problem, state = started(regression, OPTIONS)
    assert problem.singletons is not None
    solution = ridge.solve(problem, ElasticNet(0.1, 0.0), state, OPTIONS)
    w = spell_out(design, solution)
    assert (w[3:] >= 0.0).all()
    assert regression.raw(0.1).violation(w, solution.b) <= 2e-5


def test_passes_allowed_and_told():
    regression = simple(1, "gaussian")
    for max_iter in (1, 2, 3, 10):
        told = []
        _, problem, state = started(regression, OPTIONS)
        solution = ridge.solve(
            problem, ElasticNet(1e-6, 0.0), state, SolverOptions(tol=0.0, max_iter=max_iter, callback=told.append)
        )
        assert solution.n_iter <= max_iter + 1
        assert told[-1].n_iter == solution.n_iter
        assert told[-1].n_nonzero == solution.columns.size


def test_warm_starts_save_passes():
    regression = simple(7, "gaussian")
    _, problem, state = started(regression, OPTIONS)
    first = ridge.solve(problem, ElasticNet(0.1, 0.0), state, OPTIONS)
    again = ridge.solve(problem, ElasticNet(0.1, 0.0), state, OPTIONS)
    assert again.n_iter == 1
    np.testing.assert_allclose(again.coefs.data, first.coefs.data, rtol=1e-12)
