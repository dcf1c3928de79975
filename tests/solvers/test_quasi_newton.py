"""L2 of smooth losses with few columns or rows: the same minima as descent, certified, and where it hands over."""

import warnings
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsereg import ConvergenceWarning, LogisticRegression, regularization_path
from sparsereg.solvers import coordinate_descent, quasi_newton, ridge
from sparsereg.solvers.quasi_newton import QuasiNewton

seeds = st.integers(0, 2**32 - 1)
SMOOTH = ["logistic", "poisson", "huber", "squared_hinge"]
ALPHAS = [1.0, 0.03, 1e-4]


def data(rng, loss, n, p):
    X = rng.standard_normal((n, p)) @ (np.eye(p) + 0.3 * rng.standard_normal((p, p))) + rng.choice([0.0, 3.0])
    t = X @ rng.standard_normal(p)
    t = (t - t.mean()) / t.std()
    if loss == "poisson":
        return X, np.r_[2.0, rng.poisson(np.exp(t))[1:]]
    if loss == "huber":
        return X, t + rng.standard_t(2, n)
    return X, np.r_[0.0, 1.0, rng.random(n)[2:] < 1.0 / (1.0 + np.exp(-2.0 * t[2:]))]


def settings_of(rng, n, p):
    return {
        "fit_intercept": bool(rng.random() < 0.7), "standardize": bool(rng.random() < 0.5),
        "sample_weight": rng.uniform(0.1, 2.0, n) if rng.random() < 0.5 else None,
        "offset": 0.3 * rng.standard_normal(n) if rng.random() < 0.5 else None,
        "penalty_factor": rng.choice([0.5, 1.0, 3.0], p) if rng.random() < 0.5 else None,
    }


def value_and_slope(loss, y, t):
    """Value of the loss of each row and its derivative, as the documentation writes them."""
    if loss == "logistic":
        return np.logaddexp(0.0, t) - y * t, 1.0 / (1.0 + np.exp(-t)) - y
    if loss == "poisson":
        return np.exp(t) - y * t, np.exp(t) - y
    if loss == "huber":
        slope = np.clip(t - y, -1.35, 1.35)
        return slope * (t - y - 0.5 * slope), slope
    below, above = np.maximum(1.0 - t, 0.0), np.maximum(1.0 + t, 0.0)
    return y * below**2 + (1.0 - y) * above**2, 2.0 * ((1.0 - y) * above - y * below)


def objective_and_bound(loss, X, y, w, b, alpha, changes):
    """F, and a bound on its distance from the minimum: the strong convexity of L2, with the gradient in b taken in."""
    n, p = X.shape
    s = np.ones(n) if changes["sample_weight"] is None else changes["sample_weight"]
    s = s / s.sum()
    offset = 0.0 if changes["offset"] is None else changes["offset"]
    ridge = alpha * (np.ones(p) if changes["penalty_factor"] is None else changes["penalty_factor"])
    if changes["standardize"]:
        ridge = ridge * (s @ (X - s @ X) ** 2)
    value, slope = value_and_slope(loss, y, X @ w + b + offset)
    gradient = X.T @ (s * slope) + ridge * w
    return s @ value + 0.5 * ridge @ w**2, 0.5 * np.sum(gradient**2 / ridge), abs(s @ slope)


@pytest.mark.parametrize("few", ["columns", "rows"])
@pytest.mark.parametrize("loss", SMOOTH)
@settings(max_examples=6)
@given(seed=seeds)
def test_equals_descent_and_says_how_far_it_is(loss, few, seed):
    rng = np.random.default_rng(seed)
    n, p = (40, 6) if few == "columns" else (15, 30)
    X, y = data(rng, loss, n, p)
    changes = {**settings_of(rng, n, p), "loss": loss, "l1_ratio": 0.0, "alphas": ALPHAS}
    with mock.patch.object(coordinate_descent, "solve", side_effect=AssertionError("handed over")):
        path = regularization_path(X, y, **changes, tol=1e-6)
        tight = regularization_path(X, y, **changes, tol=1e-11)
    with mock.patch.object(ridge, "method_of", return_value=None), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = regularization_path(X, y, **changes, tol=1e-6)
    objectives = []
    for k, alpha in enumerate(ALPHAS):
        for found, gaps in ((path, path.dual_gaps[k]), (tight, tight.dual_gaps[k]), (other, other.dual_gaps[k])):
            w, b = found.coefs.toarray()[:, k], found.intercepts[k]
            value, bound, slope = objective_and_bound(loss, X, y, w, b, alpha, changes)
            objectives.append((value, gaps))
        assert bound <= 1e-2
        (loose, gap), (best, _), (descended, other_gap) = objectives[-3:]
        null = objective_and_bound(loss, X, y, np.zeros(p), 0.0, alpha, changes)[0]
        assert best <= loose + 1e-12
        assert best <= descended + 1e-10 * (1.0 + abs(null))
        assert loose - best <= (gap + 1e-10) * (1.0 + abs(null)) * 3.0
        assert descended - best <= (other_gap + 1e-10) * (1.0 + abs(null)) * 3.0
    w, b = tight.coefs.toarray()[:, 1], tight.intercepts[1]
    _, bound, slope = objective_and_bound(loss, X, y, w, b, ALPHAS[1], changes)
    assert bound <= 1e-8
    if changes["fit_intercept"]:
        assert slope <= 1e-4


@pytest.mark.parametrize("alpha", [0.1, 1e-3])
def test_equals_scikit_learn(alpha):
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    X, y = data(rng, "logistic", 200, 12)
    ours = LogisticRegression(alpha=alpha, l1_ratio=0.0, tol=1e-13).fit(X, y)
    theirs = linear_model.LogisticRegression(C=1.0 / (200 * alpha), solver="newton-cholesky", tol=1e-12).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)


@pytest.mark.parametrize("loss", SMOOTH)
@pytest.mark.parametrize("kind", ["collinear", "separable", "sparse", "repeated"])
def test_hard_data_is_certified_too(loss, kind):
    rng = np.random.default_rng(1)
    X, y = data(rng, loss, 50, 5)
    if kind == "collinear":
        X[:, 1] = X[:, 0] - X[:, 2]
    elif kind == "separable" and loss != "poisson":
        y = (X[:, 0] > X[:, 0].mean()).astype(float)
    elif kind == "sparse":
        X *= rng.random(X.shape) < 0.4
    elif kind == "repeated":
        X = X[np.arange(50) // 2]
    path = regularization_path(X, y, loss=loss, l1_ratio=0.0, alphas=[1e-2, 1e-6])
    assert path.dual_gaps.max() <= 1e-6
    with mock.patch.object(ridge, "method_of", return_value=None):
        other = regularization_path(X, y, loss=loss, l1_ratio=0.0, alphas=[1e-2, 1e-6])
    np.testing.assert_allclose(path.objectives, other.objectives, atol=3e-6)


@pytest.mark.parametrize("loss", SMOOTH)
def test_other_methods_take_what_it_does_not(loss):
    rng = np.random.default_rng(2)
    X, y = data(rng, loss, 40, 4)
    called = mock.patch.object(QuasiNewton, "minimize", side_effect=AssertionError("not for this"))
    with called:
        for changes in ({"positive": True}, {"penalty_factor": [0.0, 1.0, 1.0, 1.0]}):
            path = regularization_path(X, y, loss=loss, l1_ratio=0.0, alphas=[0.1], **changes)
            assert path.dual_gaps[0] <= 1e-6
        regularization_path(X, y, loss=loss, l1_ratio=0.0, alphas=[0.0])


def test_a_hessian_for_every_step_leads_to_the_same_minimum():
    rng = np.random.default_rng(3)
    X, y = data(rng, "squared_hinge", 60, 8)
    path = regularization_path(X, y, loss="squared_hinge", l1_ratio=0.0, alphas=[1e-5], tol=1e-10)
    with mock.patch.multiple(quasi_newton, REFRESH_AFTER=1, REFRESH_EVERY=1):
        newton = regularization_path(X, y, loss="squared_hinge", l1_ratio=0.0, alphas=[1e-5], tol=1e-10)
    assert newton.objectives[0] == pytest.approx(path.objectives[0], abs=2e-10)
    assert newton.n_iters[0] < path.n_iters[0]


@pytest.mark.parametrize("n", [60, 10])
def test_descent_goes_on_from_where_steps_run_out(n):
    rng = np.random.default_rng(4)
    X, y = data(rng, "logistic", n, 20)
    with mock.patch.object(quasi_newton, "MAX_STEPS", 2):
        path = regularization_path(X, y, loss="logistic", l1_ratio=0.0, alphas=[1e-3], tol=1e-8)
    whole = regularization_path(X, y, loss="logistic", l1_ratio=0.0, alphas=[1e-3], tol=1e-8)
    assert path.dual_gaps[0] <= 1e-8
    assert path.objectives[0] == pytest.approx(whole.objectives[0], abs=2e-8)


def test_passes_and_progress_are_counted():
    rng = np.random.default_rng(5)
    X, y = data(rng, "poisson", 60, 8)
    seen = []
    path = regularization_path(X, y, loss="poisson", l1_ratio=0.0, alphas=[1e-3], callback=seen.append)
    assert [progress.n_iter for progress in seen] == list(range(1, len(seen) + 1))
    assert path.n_iters[0] == len(seen)
    assert seen[-1].dual_gap == path.dual_gaps[0] <= 1e-6
    with pytest.warns(UserWarning, match="1 of 1 fits stopped"):
        short = regularization_path(X, y, loss="poisson", l1_ratio=0.0, alphas=[1e-3], max_iter=2)
    assert short.n_iters[0] == 2
    assert short.objectives[0] - path.objectives[0] <= short.dual_gaps[0] * 2.0
    assert short.dual_gaps[0] > 1e-6


def test_a_callback_ends_the_fit():
    rng = np.random.default_rng(6)
    X, y = data(rng, "logistic", 60, 8)
    with pytest.raises(KeyboardInterrupt):
        regularization_path(
            X, y, loss="logistic", l1_ratio=0.0, callback=mock.Mock(side_effect=[None, KeyboardInterrupt])
        )


def test_steps_that_go_too_far_at_first_say_nothing():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 20)) * np.where(np.arange(20) % 2, 1.0, 1e60)
    y = (rng.random(300) < 1.0 / (1.0 + np.exp(-X[:, 1]))) * 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        for alpha in (0.05, 1e-3):
            regularization_path(X, y, loss="squared_hinge", l1_ratio=0.0, alphas=[alpha])
