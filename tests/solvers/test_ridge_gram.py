"""Ridge by a Gram matrix of columns or rows: as many digits as by turning the columns, or none."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.regressions import Regression
from support.solver_calls import check_point, spell_out, started

from sparsereg import ridge_path
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import ridge, ridge_gram, weighted_gram
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.weighted_gram import method_of

seeds = st.integers(0, 2**32 - 1)
DEFAULT = SolverOptions()


def method_for(problem):
    return method_of(problem, ridge_gram.FewColumns, ridge_gram.FewRows)


def random(seed, n, p):
    rng = np.random.default_rng(seed)
    changes = {
        "fit_intercept": bool(rng.random() < 0.7), "standardize": bool(rng.random() < 0.5), "l1_ratio": 0.0,
        "penalty_factor": rng.choice([0.5, 1.0, 3.0], p),
        "sample_weight": rng.uniform(0.1, 2.0, n) if rng.random() < 0.5 else None,
    }
    X = rng.standard_normal((n, p)) * (rng.random((n, p)) < rng.choice([0.7, 1.0])) + rng.choice([0.0, 3.0])
    return Regression(X, X @ rng.standard_normal(p) + rng.standard_normal(n), changes)


@pytest.mark.parametrize("shape", [(40, 6), (12, 30)])
@pytest.mark.parametrize("alpha", [10.0, 0.1, 1e-4])
@settings(max_examples=20)
@given(seed=seeds)
def test_twelve_digits_and_an_honest_gap(alpha, shape, seed):
    regression = random(seed, *shape)
    design, problem, state = started(regression, DEFAULT)
    method = method_for(problem)
    assert type(method) is (ridge_gram.FewColumns if shape[0] > shape[1] else ridge_gram.FewRows)
    solution = method.solve(ElasticNet(alpha, 0.0), state, DEFAULT)
    w, raw = spell_out(design, solution), regression.raw(alpha)
    centred = regression.X - (raw.s @ regression.X if raw.fit_intercept else 0.0)
    target = raw.target - (raw.s @ raw.target if raw.fit_intercept else 0.0)
    best = np.linalg.lstsq(
        np.vstack([np.sqrt(raw.s)[:, None] * centred, np.diag(np.sqrt(raw.l2))]),
        np.r_[np.sqrt(raw.s) * target, np.zeros(shape[1])],
    )[0]
    np.testing.assert_allclose(w, best, atol=1e-11 * np.abs(best).max())
    assert solution.objective == pytest.approx(raw.objective(w, solution.b[0]), rel=1e-12)
    assert solution.dual_gap <= 1e-16
    assert raw.gap(w, solution.b[0]) <= 1e-9 * raw.null_objective()
    assert solution.converged
    check_point(problem, state)


@pytest.mark.parametrize("shape", [(40, 6), (8, 30)])
def test_a_rough_factor_is_refined(shape):
    """An error in the Gram matrix costs steps, and no digits; one that refinement does not mend gives nothing."""
    _, problem, state = started(random(0, *shape), DEFAULT)
    method, exact = method_for(problem), method_for(problem)
    method._gram = method._gram + 1e-4 * np.diag(np.diag(method._gram))
    best = exact.solve(ElasticNet(1.0, 0.0), state, DEFAULT)
    found = method.solve(ElasticNet(1.0, 0.0), state, DEFAULT)
    assert found.n_iter > best.n_iter
    np.testing.assert_allclose(found.coefs.toarray(), best.coefs.toarray(), atol=1e-11)
    method._gram = 0.1 * method._gram
    assert method.solve(ElasticNet(0.1, 0.0), state, DEFAULT) is None


@pytest.mark.parametrize("shape", [(40, 6), (8, 30)])
def test_what_it_has_no_digits_for_goes_on(shape):
    rng = np.random.default_rng(0)
    X = rng.standard_normal(shape)
    X[:, 1] = X[:, 0] + 1e-7 * rng.standard_normal(shape[0])
    y = X @ rng.standard_normal(shape[1]) + rng.standard_normal(shape[0])
    path = ridge_path(X, y, alphas=[1e-1, 1e-12])
    with mock.patch.object(ridge, "method_of", return_value=None):
        other = ridge_path(X, y, alphas=[1e-1, 1e-12])
    np.testing.assert_allclose(path.objectives, other.objectives, rtol=1e-9, atol=1e-12)
    assert path.dual_gaps.max() <= 1e-6


@pytest.mark.parametrize("changes", [{"penalty_factor": [0.0, 1.0, 1.0]}, {"upper": 1.0}, {"size": True}])
def test_what_it_does_not_take(changes, monkeypatch):
    rng = np.random.default_rng(0)
    if changes.pop("size", False):
        monkeypatch.setattr(weighted_gram, "MAX_SIZE", 2)
    regression = Regression(rng.standard_normal((20, 3)), rng.standard_normal(20), {"l1_ratio": 0.0, **changes})
    _, problem, state = started(regression, DEFAULT)
    assert ridge.Factors(problem).gram is None
    assert ridge.solve(problem, ElasticNet(0.1, 0.0), state, DEFAULT).converged


def test_it_reports_once():
    rng = np.random.default_rng(0)
    seen = []
    ridge_path(rng.standard_normal((30, 4)), rng.standard_normal(30), alphas=[0.1], callback=seen.append)
    assert [(progress.alpha, progress.n_iter, progress.n_nonzero) for progress in seen] == [(0.1, 1, 4)]
