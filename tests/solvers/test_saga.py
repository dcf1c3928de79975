"""Stochastic descent with certificates: the same minima as coordinate descent, and points that others go on from."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from support.oracles import RawLoss
from support.regressions import ROUNDING, Regression, random_regression
from support.solver_calls import check_point, prepared, spell_out, started

from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import coordinate_descent, saga
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.null_model import alpha_max, null_state, state_at

seeds = st.integers(0, 2**32 - 1)
OPTIONS = SolverOptions(tol=1e-9)
LOSSES = ("squared", "logistic", "huber", "squared_hinge")
each_loss = pytest.mark.parametrize("loss", LOSSES)
each_ratio = pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])


def target(rng, loss, eta):
    """Draw labels where the loss is one of classes, numbers elsewhere."""
    if loss in ("logistic", "squared_hinge"):
        return (rng.random(eta.size) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
    return eta + rng.standard_normal(eta.size) + 3.0


def rows(seed, loss, n=120, p=15, **changes):
    """Return data with equal rows, an empty one and weights, some of them zero."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.3)
    X[n // 2 :] = X[rng.integers(0, n // 2, n - n // 2)]
    X[0] = 0.0
    y = target(rng, loss, X @ (rng.standard_normal(p) * rng.integers(0, 2, p)))
    weight = rng.random(n) * (rng.random(n) < 0.9) + (np.arange(n) < 2)
    return Regression(X, y, {"loss": loss, "sample_weight": weight, **changes})


def top(problem, l1_ratio=1.0):
    return alpha_max(problem, null_state(problem, OPTIONS), max(l1_ratio, 0.1))


def both(problem, penalty, tol=1e-10):
    """Return what stochastic descent finds and what coordinate descent does."""
    options = SolverOptions(tol=tol)
    ours = saga.finish(problem, penalty, null_state(problem, options), options)
    return ours, coordinate_descent.solve(problem, penalty, null_state(problem, options), options)


@each_loss
@each_ratio
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_minimum_of_coordinate_descent(loss, l1_ratio, fit_intercept):
    for seed in range(3):
        offset = {} if seed else {"offset": np.random.default_rng(seed).standard_normal(120)}
        regression = rows(seed, loss, l1_ratio=l1_ratio, fit_intercept=fit_intercept, standardize=seed == 1, **offset)
        _, problem = prepared(regression)
        ours, other = both(problem, ElasticNet(0.05 * top(problem, l1_ratio), l1_ratio))
        assert ours.converged
        assert 0.0 <= ours.dual_gap <= 1.1e-10
        assert ours.objective == pytest.approx(other.objective, abs=1e-10 * problem.reference)
        np.testing.assert_array_equal(ours.columns, other.columns)
        np.testing.assert_allclose(ours.coefs.data, other.coefs.data, atol=1e-4)
        assert np.all(ours.coefs.data != 0.0)


@each_ratio
@settings(max_examples=30)
@given(seed=seeds)
def test_certified_whatever_the_problem(l1_ratio, seed):
    """Every setting, columns without penalty that barely vary included: there the gap stays, but it tells no lies."""
    regression = random_regression(seed, l1_ratio=l1_ratio)
    design, problem, state = started(regression, OPTIONS)
    alpha = 0.2 * top(problem, l1_ratio) or 1.0
    penalty, null = ElasticNet(alpha, l1_ratio), problem.reference
    told = []
    ours = saga.finish(problem, penalty, state, SolverOptions(tol=1e-9, max_iter=300, callback=told.append))
    assert ours.n_iter <= 300 + 1
    raw, w = regression.raw(alpha), spell_out(design, ours)
    assert ours.objective == pytest.approx(raw.objective(w, ours.b), abs=ROUNDING * 10 * raw.null_objective())
    assert raw.violation(w, ours.b) <= np.sqrt(ours.dual_gap + 1e-11)
    assert not ours.converged or ours.dual_gap <= 1e-9 + 1e-11
    assert told[-1].dual_gap == pytest.approx(ours.dual_gap, abs=1e-11)
    # The last check comes before what rounding alone holds up is dropped.
    assert told[-1].n_nonzero >= ours.columns.size
    check_point(problem, state)
    assert (state.eta is None) == problem.is_quadratic
    # Coordinate descent goes on from there, and finds no more than the gap allows. It has to find a dual point anew.
    other = coordinate_descent.solve(problem, penalty, state, OPTIONS)
    assert other.objective - other.dual_gap * null <= ours.objective + 1e-11 * null
    assert ours.objective - ours.dual_gap * null <= other.objective + 1e-11 * null
    assert other.n_iter <= 10 or not ours.converged


@each_loss
def test_terms_private_columns_and_bounds(loss):
    """Each row has a column of its own, whose part a visit settles; samples of equal rows differ in offset."""
    rng = np.random.default_rng(3)
    X = np.hstack([rng.standard_normal((25, 4)), np.diag(rng.uniform(0.5, 2.0, 25))])[rng.integers(0, 25, 80)]
    y = target(rng, loss, X[:, :4] @ rng.standard_normal(4))
    for l1_ratio in (0.4, 1.0):
        changes = {"l1_ratio": l1_ratio, "lower": -0.3, "upper": 0.4, "offset": rng.standard_normal(80)}
        regression = Regression(X, y, {"loss": loss, **changes})
        design, problem = prepared(regression)
        assert problem.singletons is not None
        alpha = 0.1 * top(problem, l1_ratio)
        ours, other = both(problem, ElasticNet(alpha, l1_ratio), tol=1e-9)
        assert ours.converged
        assert ours.objective == pytest.approx(other.objective, abs=1e-9 * problem.reference)
        assert np.any(ours.coefs.data == 0.4)
        assert np.any(np.isin(ours.columns, problem.singletons.columns))
        if loss != "squared":
            raw = RawLoss(X, y, alpha, loss_name=loss, **changes)
            expected = raw.objective(spell_out(design, ours), ours.b)
            assert ours.objective == pytest.approx(expected, abs=1e-11)


def test_rows_on_the_columns_that_are_left():
    """Most columns are shown to be zero on the way; then the rows are copied without them, and steps get longer."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 1000)) * (rng.random((150, 1000)) < 0.2)
    y = X[:, :10] @ rng.standard_normal(10) + 0.1 * rng.standard_normal(150)
    design, problem = prepared(Regression(X, y))
    penalty = ElasticNet(0.2 * top(problem), 1.0)
    run = saga.Saga(problem, penalty, null_state(problem, OPTIONS), OPTIONS, 0)
    solution = run.solve()
    assert solution.converged
    assert run.rows.columns.size < 100
    whole = saga._Rows(problem, problem.columns)
    assert run.rows.step > 3.0 * whole.step
    other = coordinate_descent.solve(problem, penalty, null_state(problem, OPTIONS), OPTIONS)
    np.testing.assert_array_equal(solution.columns, other.columns)
    rest = np.setdiff1d(np.arange(1000), design.active[solution.columns])
    assert not spell_out(design, solution)[rest].any()


@each_loss
def test_a_few_heavy_rows_are_drawn_more_often(loss):
    """A uniform draw would have to step as shortly as the heaviest row asks."""
    changes = {"sample_weight": np.where(np.arange(120) < 3, 100.0, 1.0)}
    _, problem = prepared(rows(1, loss, **changes))
    of = saga._Rows(problem, problem.columns)
    weight, n = np.broadcast_to(problem.response.weight, problem.n_rows), problem.n_rows
    held = np.asarray(sparse.csr_array((of.data, of.indices, of.indptr), (n, of.columns.size)).power(2).sum(axis=1))
    curvature_scale = problem.loss.lipschitz * weight * (held + 1.0)
    assert of.chance.sum() == pytest.approx(1.0)
    assert np.all(of.chance > 0.0)
    assert of.step == pytest.approx(1.0 / np.max(curvature_scale / of.chance))
    pattern = sparse.csr_array((np.ones(of.indices.size), of.indices, of.indptr), (n, of.columns.size))
    np.testing.assert_allclose(of.spread, 1.0 / (of.chance @ pattern))
    assert all(rule.size == 1 for rule in of.penalties)
    assert of.step > 3.0 / (n * curvature_scale.max())
    drawn = np.bincount(of.draw(np.random.default_rng(0)), minlength=n)
    assert drawn.sum() == n
    assert np.all(np.abs(drawn - n * of.chance) < 1.0 + 1e-9)
    last = of.draw(mock.Mock(random=lambda: np.nextafter(1.0, 0.0), permutation=lambda rows: rows))[-1]
    assert last == n - 1
    mean = np.mean([np.bincount(of.draw(np.random.default_rng(k)), minlength=n) for k in range(400)], axis=0)
    np.testing.assert_allclose(mean, n * of.chance, atol=0.15)
    ours = saga.finish(problem, ElasticNet(0.1 * top(problem), 1.0), null_state(problem, OPTIONS), OPTIONS)
    assert ours.converged
    assert ours.n_iter < 400


@each_loss
def test_steps_that_are_too_long_are_taken_back(loss, monkeypatch):
    monkeypatch.setattr(saga, "STEP_DIVISOR", 1e-2)
    _, problem = prepared(rows(2, loss))
    penalty = ElasticNet(0.1 * top(problem), 0.8)
    primals = []
    options = SolverOptions(tol=1e-8, callback=lambda _: primals.append(run.newton.gap.primal))
    run = saga.Saga(problem, penalty, null_state(problem, OPTIONS), options, 0)
    solution = run.solve()
    assert run.step_share < 1.0
    assert solution.converged
    assert np.all(np.diff(primals) <= 1e-12 * problem.reference)


def test_a_seed_says_it_all():
    _, problem = prepared(rows(4, "logistic"))
    penalty = ElasticNet(0.05 * top(problem), 1.0)
    options = SolverOptions(tol=1e-5)
    fits = [saga.finish(problem, penalty, null_state(problem, options), options, seed) for seed in (7, 7, 8)]
    np.testing.assert_array_equal(fits[0].coefs.data, fits[1].coefs.data)
    assert fits[0].b == fits[1].b
    assert not np.array_equal(fits[0].coefs.data, fits[2].coefs.data)
    assert fits[0].objective == pytest.approx(fits[2].objective, abs=1e-5 * problem.reference)


@each_loss
def test_a_start_close_by_is_finished_in_fewer_passes(loss):
    _, problem = prepared(rows(5, loss))
    alpha = 0.02 * top(problem)
    ours, other = both(problem, ElasticNet(alpha, 1.0), tol=1e-6)
    w = np.zeros(problem.indptr.size - 1)
    w[other.columns] = other.coefs.data
    state = state_at(problem, w, other.b, alpha, OPTIONS)
    again = saga.finish(problem, ElasticNet(alpha, 1.0), state, SolverOptions(tol=1e-6))
    assert again.n_iter <= 1 + saga.SWEEPS + 1 < ours.n_iter


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("X", [np.zeros((6, 3)), np.diag(np.arange(1.0, 7.0))], ids=["empty", "private"])
def test_nothing_to_descend_on(X, fit_intercept):
    y = np.arange(6.0) + 1.0
    for loss in ("squared", "huber"):
        _, problem = prepared(Regression(X, y, {"loss": loss, "fit_intercept": fit_intercept}))
        assert problem.columns.size == 0
        ours, other = both(problem, ElasticNet(0.1, 1.0))
        assert ours.converged
        assert ours.objective == pytest.approx(other.objective, rel=1e-9)


def test_a_loss_without_a_largest_curvature_is_refused():
    _, problem = prepared(Regression(np.eye(4), np.arange(4.0), {"loss": "poisson"}))
    with pytest.raises(ValueError, match=r"^loss: value 'poisson' is not allowed, expected one of 'squared'"):
        saga.finish(problem, ElasticNet(0.1, 1.0), null_state(problem, OPTIONS), OPTIONS)
