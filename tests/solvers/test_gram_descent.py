"""Newton steps on the Gram matrix of a working set: the same model, the same paths, and where they are taken."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.solver_calls import prepare

from sparsereg import regularization_path
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import proximal_newton
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.gram_descent import descend_on_gram, model_gram_pays
from sparsereg.solvers.null_model import null_state
from sparsereg.solvers.proximal_newton import ProximalNewton
from sparsereg.solvers.working_set import sweep

seeds = st.integers(0, 2**32 - 1)
OPTIONS = SolverOptions()


def settings_of(rng, n, p):
    lower = np.where(rng.random(p) < 0.3, 0.0, -np.inf)
    return {
        "fit_intercept": bool(rng.random() < 0.7), "standardize": bool(rng.random() < 0.5),
        "sample_weight": rng.uniform(0.1, 2.0, n) if rng.random() < 0.5 else None,
        "offset": 0.3 * rng.standard_normal(n) if rng.random() < 0.5 else None,
        "penalty_factor": rng.choice([0.5, 1.0, 3.0], p) if rng.random() < 0.5 else None,
        "bounds": (lower, np.full(p, np.inf)) if rng.random() < 0.5 else None,
    }


def target(rng, loss, t):
    t = (t - t.mean()) / t.std()
    if loss == "poisson":
        return np.r_[2.0, rng.poisson(np.exp(t))[1:]]
    if loss == "huber":
        return t + rng.standard_t(2, t.size)
    return np.r_[0.0, 1.0, rng.random(t.size - 2) < 1.0 / (1.0 + np.exp(-2.0 * t[2:]))]


@settings(max_examples=20)
@given(seed=seeds, l1_ratio=st.sampled_from([1.0, 0.5]))
def test_the_model_is_that_of_sweeps_over_the_rows(seed, l1_ratio):
    rng = np.random.default_rng(seed)
    n, p = 30, 8
    X = rng.standard_normal((n, p)) + rng.choice([0.0, 2.0])
    changes = {**settings_of(rng, n, p), "positive": False, "l1_ratio": l1_ratio, "smallest_alpha": 0.01}
    _, problem = prepare(X, target(rng, "logistic", X @ rng.standard_normal(p)), loss="logistic", **changes)
    found = []
    for way in (0, 1):
        descent = ProximalNewton(problem, ElasticNet(0.01, l1_ratio), null_state(problem, OPTIONS), OPTIONS)
        descent.begin()
        columns, w = problem.columns, np.zeros(p)
        moments = problem.moments(columns, descent.quadratic.weight)
        if way:
            shift = sweep(descent, columns, w, *moments, 1e-12)
        else:
            shift, _ = descend_on_gram(descent, columns, w, 1e-12)
        found.append(np.r_[w, shift])
    np.testing.assert_allclose(*found, atol=1e-5 * np.abs(found[1]).max())


@pytest.mark.parametrize("loss", ["logistic", "poisson", "huber", "squared_hinge"])
@settings(max_examples=6)
@given(seed=seeds, l1_ratio=st.sampled_from([1.0, 0.5]))
def test_paths_are_the_same(loss, seed, l1_ratio):
    rng = np.random.default_rng(seed)
    n, p = 60, int(rng.choice([3, 12]))
    X = rng.standard_normal((n, p)) + rng.choice([0.0, 2.0])
    if p == 12:
        X[:, 1] = X[:, 0] - X[:, 2]
    y = target(rng, loss, X @ rng.standard_normal(p))
    changes = {**settings_of(rng, n, p), "loss": loss, "l1_ratio": l1_ratio, "n_alphas": 6, "eps": 1e-2}
    with mock.patch.object(proximal_newton, "descend_on_gram", wraps=descend_on_gram) as called:
        path = regularization_path(X, y, **changes)
    with mock.patch.object(proximal_newton, "model_gram_pays", return_value=False):
        other = regularization_path(X, y, **changes, tol=1e-9)
    assert called.called or not path.n_nonzero.any()
    assert path.dual_gaps.max() <= 1e-6
    size = np.abs(other.objectives).max() + 1.0
    assert (path.objectives - other.objectives <= 1e-6 * size).all()
    assert (path.objectives - other.objectives >= -1e-8 * size).all()


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge", "poisson"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("seed", [1, 2, 6])
def test_columns_that_are_hard_to_tell_apart_are_left_to_the_rows(loss, fit_intercept, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200, 8))
    X[:, :4] = X[:, :4] > 0.0
    t = X @ rng.standard_normal(8)
    X = np.round(X) + 7.0 if seed == 2 else X + np.r_[0.0, 0.0, 0.0, 0.0, 4 * [50.0]]
    path = regularization_path(
        X, (t > np.median(t)) * 1.0, loss=loss, fit_intercept=fit_intercept, n_alphas=6, max_iter=3000
    )
    assert path.dual_gaps.max() <= 1e-6
    assert path.n_iters.sum() <= 3000


@pytest.mark.parametrize("size", [1e-30, 1e-24, 1e-21, 1e19, 1e25, 1e100])
def test_columns_of_any_size(size):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4))
    y = target(rng, "logistic", X @ rng.standard_normal(4))
    changes = {"loss": "logistic", "standardize": True, "n_alphas": 5, "eps": 1e-2}
    path = regularization_path(X, y, **changes)
    X[:, ::2] *= size
    other = regularization_path(X, y, **changes)
    assert other.dual_gaps.max() <= 1e-6
    np.testing.assert_allclose(other.objectives, path.objectives, rtol=2e-6)


def test_where_it_pays():
    rng = np.random.default_rng(0)
    changes = dict.fromkeys(("sample_weight", "offset", "bounds", "penalty_factor"))
    changes |= {"fit_intercept": True, "standardize": False, "positive": False, "smallest_alpha": np.inf}
    y = target(rng, "logistic", rng.standard_normal(50))
    for X, pays in ((rng.standard_normal((50, 6)), True), (np.eye(50)[:, :6] + 1.0, True), (np.eye(50)[:, :6], False)):
        X[:6] += rng.random((6, 1)) * (X[:6] != 0.0)
        _, problem = prepare(X, y, loss="logistic", l1_ratio=0.9, **changes)
        assert model_gram_pays(problem, problem.columns) is pays
        assert not model_gram_pays(problem, problem.columns[:0])


@pytest.mark.parametrize("size", [1e-60, 1e60])
def test_columns_that_single_precision_does_not_hold_are_swept_over(size):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 6))
    y, factor = target(rng, "logistic", X[:, 0]), np.where(np.arange(6) % 2, 1.0, size)
    settings = {"loss": "logistic", "alphas": [0.05, 0.001], "standardize": True}
    # Some that are left out, too.
    for kept in (np.ones(6), np.where(np.arange(6) == 2, np.inf, 1.0)):
        plain = regularization_path(X, y, penalty_factor=kept, **settings)
        scaled = regularization_path(X * factor, y, penalty_factor=kept, **settings)
        np.testing.assert_allclose(scaled.objectives, plain.objectives, rtol=1e-5)


@pytest.mark.parametrize(("loss", "seed", "spread"), [("huber", 8, 3.0), ("logistic", 9, 4.0), ("poisson", 10, 2.0)])
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_collinear_columns_of_different_sizes_are_left_to_the_rows(loss, seed, spread, l1_ratio):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((150, 11)) @ rng.standard_normal((11, 40)), rng.standard_normal(150)
    X = X * 10.0 ** np.random.default_rng(1).uniform(-spread, spread, 40)
    y = {"logistic": (y > 0.0) * 1.0, "poisson": np.round(np.exp(y))}.get(loss, y)
    assert regularization_path(X, y, loss=loss, alphas=[1e-3], l1_ratio=l1_ratio).dual_gaps[0] <= 1e-6


@pytest.mark.parametrize("share", [-1.0, 1e-3])
def test_steps_that_lead_nowhere_are_left_to_the_rows(share):
    """Away from the minimum of the model, or by next to nothing towards it, whatever is said to be solved."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 8))
    y = (X[:, 0] + rng.standard_normal(200) > 0.0).astype(float)

    def astray(descent, columns, w, tol):
        start = w.copy()
        shift, _ = descend_on_gram(descent, columns, w, tol)
        w[:] = start + share * (w - start)
        return share * shift, True

    with mock.patch.object(proximal_newton, "descend_on_gram", astray):
        path = regularization_path(X, y, loss="logistic", alphas=[0.01], tol=1e-8)
    assert path.dual_gaps[0] <= 1e-8
