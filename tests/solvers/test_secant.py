"""Secant jumps along a path: never uphill, and a head start."""

from functools import partial
from unittest import mock

import numpy as np
import pytest
from support.regressions import check_certificate, random_regression

from sparsereg import lasso_path, logistic_path
from sparsereg.solvers import active_set, coordinate_descent, secant
from sparsereg.solvers.base import Anchor


@pytest.fixture(autouse=True)
def _by_sweeps(monkeypatch):
    """Few rows would be left to the active set."""
    monkeypatch.setattr(active_set, "MAX_ROWS", 0)


def wide(seed=0, n=80, p=300):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    return X, X[:, :20] @ rng.standard_normal(20) + rng.standard_normal(n)


def jumps_of(path):
    """Run a path; return it and F before and after each jump, and its value taken afresh from the state."""
    seen = []

    def spy(descent):
        before = descent.gap.primal
        secant.jump(descent)
        problem, state = descent.problem, descent.state
        eta = problem.predictor(state.w, state.b)
        if problem.is_quadratic:
            assert np.allclose(state.neg_gradient, problem.response.weight * (problem.response.y - eta), atol=1e-12)
            fresh = problem.squared_loss(problem.response.weight * (problem.response.y - eta))
        else:
            np.testing.assert_allclose(state.eta, eta, atol=1e-10)
            fresh = descent.quadratic.loss
        fresh += descent.certificate.penalty_sum(descent.certificate.screened_in)
        seen.append((before, descent.gap.primal, fresh))

    with mock.patch.object(coordinate_descent, "jump", spy):
        return path(), np.array(seen)


@pytest.mark.parametrize("path", [lasso_path, logistic_path])
def test_no_jump_raises_the_objective(path):
    X, y = wide()
    y = y if path is lasso_path else (y > 0).astype(float)
    _, seen = jumps_of(lambda: path(X, y, n_alphas=20, eps=1e-2))
    before, after, fresh = seen.T
    assert np.all(after <= before)
    assert np.mean(after < before) > 0.5
    np.testing.assert_allclose(fresh, after, rtol=1e-10)


def test_jumps_keep_to_bounds_and_settings():
    for seed in range(16):
        regression = random_regression(seed)
        path, _ = jumps_of(partial(regression.path, n_alphas=5, eps=1e-2, tol=1e-6))
        check_certificate(path, regression)


@pytest.mark.parametrize("off", [-2.0, 100.0])
def test_a_jump_that_leads_astray_is_taken_back(off):
    """Anchors that have nothing to do with the path change neither F nor the state."""
    X, y = wide()

    def astray(descent):
        columns = np.flatnonzero(descent.state.w).astype(np.int32)
        if columns.size:
            alpha, w = descent.penalty.alpha, descent.state.w[columns]
            state = descent.state.w.copy(), descent.state.neg_gradient.copy(), descent.state.b
            anchors = Anchor(3 * alpha, columns, -off * w, 0.0), Anchor(2 * alpha, columns, w, 0.0)
            descent.state.anchors = anchors
            secant.jump(descent)
            for before, after in zip(state, (descent.state.w, descent.state.neg_gradient, descent.state.b)):
                np.testing.assert_array_equal(before, after)

    with mock.patch.object(coordinate_descent, "jump", astray):
        path = lasso_path(X, y, n_alphas=10, eps=1e-2)
    assert path.dual_gaps.max() <= 1e-6


def test_a_path_takes_fewer_passes_for_its_jumps():
    X, y = wide(1)
    path = lasso_path(X, y, n_alphas=40, eps=1e-2, tol=1e-4)
    with mock.patch.object(coordinate_descent, "jump", lambda descent: None):
        plain = lasso_path(X, y, n_alphas=40, eps=1e-2, tol=1e-4)
    assert path.n_iters.sum() < 0.9 * plain.n_iters.sum()


def test_anchors_know_what_is_zero():
    anchor = Anchor(1.0, np.array([2, 5], np.int32), np.array([0.5, -1.0]), 0.0)
    np.testing.assert_array_equal(anchor.at(np.array([0, 2, 3, 5, 9], np.int32)), [0.0, 0.5, 0.0, -1.0, 0.0])
    assert not Anchor(1.0, np.empty(0, np.int32), np.empty(0), 0.0).at(np.arange(3, dtype=np.int32)).any()
