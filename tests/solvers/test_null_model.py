"""The null model, the largest alpha, and warm starts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.regressions import Regression, random_regression
from support.solver_calls import check_point, prepared, started

from sparsereg import LogisticRegression
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.null_model import alpha_max, null_state, state_at

seeds = st.integers(0, 2**32 - 1)
OPTIONS = SolverOptions(tol=1e-10)


@given(seed=seeds)
def test_null_point(seed):
    regression = random_regression(seed)
    _, problem, state = started(regression, OPTIONS)
    check_point(problem, state)
    assert state.alpha == np.inf
    penalized = problem.penalty_factor > 0.0
    assert not state.w[penalized].any()
    if not np.any(problem.penalty_factor[problem.columns] == 0.0):
        assert state.b == 0.0
        assert not state.w.any()
        return
    # Least squares on the unpenalised columns; only signs and bounds may keep a correlation from zero.
    raw = regression.raw()
    factor = np.where(raw.free & ((raw.factor == 0.0) | (raw.scale == 0.0)), 0.0, np.inf)
    raw = regression.having(penalty_factor=factor).raw()
    w = np.zeros(regression.X.shape[1])
    w[prepared(regression)[0].active] = state.w
    assert raw.violation(w, state.b + problem.response.y_mean) <= 1.1e-5


def test_the_null_model_is_solved_well_even_if_little_is_asked_for():
    regression = random_regression(3, "gaussian").having(penalty_factor=0.0)
    _, problem = prepared(regression)
    loose, tight = (null_state(problem, SolverOptions(tol=tol)) for tol in (0.5, 1e-12))
    np.testing.assert_allclose(
        loose.neg_gradient, tight.neg_gradient, atol=1e-5 * np.abs(problem.response.y).max() * problem.response.s.max()
    )


def test_the_null_fit_is_silent():
    told = []
    regression = random_regression(3, "gaussian").having(penalty_factor=0.0)
    started(regression, SolverOptions(callback=told.append))
    assert told == []


@pytest.mark.parametrize("standardize", [True, False])
@given(seed=seeds)
def test_alpha_max(seed, standardize):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((15, 5)) * (rng.random((15, 5)) < 0.6), rng.standard_normal(15)
    settings = {
        "standardize": standardize, "penalty_factor": rng.choice([0.5, 1.0, np.inf], 5),
        "lower": rng.choice([-np.inf, 0.0], 5), "upper": rng.choice([np.inf, 0.0], 5),
    }
    regression = Regression(X, y, settings)
    raw = regression.raw()
    _, problem, state = started(regression, OPTIONS)
    push = raw.correlation(np.zeros(5), raw.null_intercept())
    push = np.where(push > 0.0, push * (raw.bounds[1] > 0.0), -push * (raw.bounds[0] < 0.0))
    expected = np.max((push[raw.free] / (raw.factor * raw.scale)[raw.free]), initial=0.0)
    for l1_ratio, divisor in ((1.0, 1.0), (0.3, 0.3), (1e-3, 1e-3), (1e-5, 1e-3), (0.0, 1e-3)):
        assert alpha_max(problem, state, l1_ratio) == pytest.approx(expected / divisor, rel=1e-9, abs=1e-13)


def test_alpha_max_is_zero_without_anything_to_explain():
    for y in (np.zeros(4), np.full(4, 3.0)):
        _, problem, state = started(Regression(np.eye(4), y), OPTIONS)
        assert alpha_max(problem, state, 1.0) == 0.0
    _, problem, state = started(Regression(np.zeros((4, 2)), np.arange(4.0)), OPTIONS)
    assert alpha_max(problem, state, 1.0) == 0.0


@given(seed=seeds)
def test_warm_points(seed):
    regression = random_regression(seed)
    design, problem = prepared(regression)
    # Coefficients of a least-squares fit, halved: closer than the null model, if no bounds cut them down.
    dense = np.c_[regression.X, np.ones(regression.y.size)]
    w = 0.5 * np.linalg.lstsq(dense, regression.raw().target, rcond=None)[0][design.active]
    state = state_at(problem, w, float(regression.raw().null_intercept()), 1.0, OPTIONS)
    check_point(problem, state)
    remaining = problem.columns
    if not np.array_equal(state.w, null_state(problem, OPTIONS).w):
        np.testing.assert_array_equal(state.w[remaining], np.clip(w, problem.lower, problem.upper)[remaining])
    assert not np.delete(state.w, remaining).any()
    if not problem.fit_intercept:
        assert state.b == 0.0
    elif problem.singletons is None:
        # The target was centred from its own size.
        size = np.abs(problem.response.y).max() + abs(problem.response.y_mean)
        assert state.neg_gradient.sum() == pytest.approx(0.0, abs=1e-14 * size)


def test_a_warm_point_is_kept_where_it_fits_better():
    regression = Regression(np.arange(12.0).reshape(6, 2) ** 1.5, np.arange(6.0))
    _, problem = prepared(regression)
    w = np.array([0.05, 0.04])
    state = state_at(problem, w, 0.0, 1.0, OPTIONS)
    np.testing.assert_array_equal(state.w, w)
    check_point(problem, state)


def test_a_warm_point_worse_than_the_null_model_is_not_used():
    rng = np.random.default_rng(0)
    regression = Regression(rng.standard_normal((30, 12)), 1e-9 * rng.standard_normal(30))
    _, problem = prepared(regression)
    state = state_at(problem, np.ones(12), 1.0, 1.0, OPTIONS)
    assert not state.w.any()
    assert state.b == 0.0
    np.testing.assert_array_equal(state.neg_gradient, problem.response.s * problem.response.y)

@pytest.mark.parametrize(("loss", "level"), [
    ("squared", 1.0 / 3.0), ("squared", 5e8 + 0.1), ("huber", 1.0 / 3.0), ("logistic", 0.3), ("poisson", 3.0),
    ("squared_hinge", 0.3),
])
@pytest.mark.parametrize("unpenalized", [False, True])
def test_rounding_explains_nothing(loss, level, unpenalized):
    """A constant y, or one that an unpenalised column explains, leaves no largest alpha of 1e-17."""
    rng = np.random.default_rng(0)
    X = np.c_[rng.standard_normal((50, 3)), rng.standard_normal(50) + 90.0, 1e3 * np.eye(50)[:, :2]]
    y = np.full(50, level)
    settings = {"sample_weight": rng.random(50)}
    if unpenalized:
        slope = 0.2 * X[:, 0]
        explained = {
            "logistic": 1.0 / (1.0 + np.exp(-slope)), "poisson": np.exp(slope),
            "squared_hinge": np.clip(0.5 * (1.0 + slope), 0.0, 1.0),
        }
        y = explained.get(loss, level + slope)
        settings["penalty_factor"] = {0: 0.0}
    _, problem = prepared(Regression(X, y, {**settings, "loss": loss}))
    state = null_state(problem, OPTIONS)
    for penalty in ("elastic_net", "l0"):
        assert alpha_max(problem, state, 1.0, penalty) == 0.0


def test_rounding_explains_nothing_beyond_two_classes():
    rng = np.random.default_rng(0)
    y = np.tile([0.2, 0.3, 0.5], (50, 1))
    _, problem = prepared(Regression(rng.standard_normal((50, 3)), y, {"loss": "logistic"}))
    assert alpha_max(problem, null_state(problem, OPTIONS), 1.0) == 0.0


def test_little_to_explain_is_not_nothing():
    """Of a y far from zero and of columns hardly correlated with it the largest alpha is what it always was."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 3))
    signal = 1e-4 * (X[:, 0] - X[:, 0].mean())
    _, problem, state = started(Regression(X, signal + 1e3), OPTIONS)
    expected = np.abs(X.T @ (signal - signal.mean())).max() / 50.0
    assert alpha_max(problem, state, 1.0) == pytest.approx(expected, rel=1e-7)


def test_columns_orthogonal_to_y_explain_nothing():
    levels = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3, [0.0, 1.0, 2.0])).reshape(4, -1).T[:, :3]
    y = 0.1 * levels[:, 0] * levels[:, 1] + 0.7 * levels.prod(axis=1) + 5.3
    _, problem, state = started(Regression(levels / 3.0, y, {"sample_weight": np.full(24, 0.7)}), OPTIONS)
    assert alpha_max(problem, state, 1.0) == 0.0


def test_an_intercept_of_zero_is_found_beside_an_offset():
    """No relative precision is ever reached there."""
    for seed in range(70, 90):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(5, 40))
        X, y = rng.standard_normal((n, 2)), (rng.random(n) < 0.4).astype(int)
        y[:2] = 0, 1
        model = LogisticRegression(10.0, class_weight="balanced").fit(X, y, offset=np.zeros(n))
        assert abs(model.intercept_[0]) < 1e-15
