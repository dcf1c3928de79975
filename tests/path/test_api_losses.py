"""Paths of every loss against an independent minimiser, and against themselves in other words."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import sparse
from support.oracles import DELTA, RawLoss
from support.regressions import one_hot_cross, random_matrix

from sparsereg import ConvergenceWarning, logistic_path, poisson_path, regularization_path

LOSSES = ["logistic", "poisson", "huber", "squared_hinge"]
each_loss = pytest.mark.parametrize("loss", LOSSES)
seeds = st.integers(0, 2**32 - 1)


def random_target(rng, loss, eta):
    if loss == "huber":
        return eta + rng.standard_t(2, eta.size) + 3.0
    if loss == "poisson":
        return rng.poisson(np.exp(np.clip(eta, -3.0, 3.0))).astype(float) + np.eye(eta.size)[0]
    share = 1.0 / (1.0 + np.exp(-eta))
    y = (rng.random(eta.size) < share).astype(float) if rng.random() < 0.7 else rng.random(eta.size)
    y[:2] = 0.0, 1.0
    return y


def random_problem(seed, loss):
    """Return X, y and settings, as `RawLoss` names them."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 40))
    X = random_matrix(rng, rng.choice(["cross", "gaussian", "private", "repeated"]), n)
    p = X.shape[1]
    eta = X @ (rng.standard_normal(p) * (rng.random(p) < 0.5))
    settings = {
        "l1_ratio": float(rng.choice([0.0, 0.3, 1.0])),
        "fit_intercept": bool(rng.random() < 0.7),
        "standardize": bool(rng.random() < 0.3),
    }
    if rng.random() < 0.4:
        settings["sample_weight"] = np.where(np.arange(n) < 2, 1.0, rng.integers(0, 3, n) * rng.random(n))
    if rng.random() < 0.4:
        settings["offset"] = rng.standard_normal(n)
    if rng.random() < 0.3:
        allowed = [0.0, 0.5, 1.0, 2.0, np.inf] if rng.random() < 0.5 else [0.5, 1.0, 2.0, np.inf]
        settings["penalty_factor"] = rng.choice(allowed, p)
    limits = rng.random()
    if limits < 0.15:
        settings["lower"] = 0.0
    elif limits < 0.3:
        settings["lower"], settings["upper"] = rng.choice([-np.inf, -0.1, 0.0], p), rng.choice([np.inf, 0.1, 0.0], p)
    return X, random_target(rng, loss, eta), settings


def fit(X, y, loss, settings, **options):
    arguments = dict(settings)
    if "lower" in arguments:
        arguments["bounds"] = arguments.pop("lower"), arguments.pop("upper", np.inf)
    options = {"n_alphas": 4, "eps": 2e-2, "tol": 1e-9, **options}
    with warnings.catch_warnings():
        # Columns without penalty may separate the classes; what stops short says so in its gap.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return regularization_path(sparse.csr_array(X), y, loss=loss, delta=DELTA, **arguments, **options)


@each_loss
@hypothesis_settings(max_examples=20)
@given(seed=seeds)
def test_certified_and_as_good_as_an_independent_minimiser(loss, seed):
    X, y, settings = random_problem(seed, loss)
    path, raw = fit(X, y, loss, settings), RawLoss(X, y, loss_name=loss, **settings)
    null = raw.loss(np.zeros(X.shape[1]), raw.null_intercept())
    coefs = path.coefs.toarray()
    # Columns without penalty may leave no finite optimum to certify; the objective tends to its infimum all the same.
    firm = np.min(settings.get("penalty_factor", 1.0)) > 0.0
    assert np.all(path.dual_gaps >= 0.0)
    assert path.dual_gaps.max() <= 1.1e-9 or not firm
    for k in (1, 3):
        here = raw.at(path.alphas[k])
        objective = here.objective(coefs[:, k], path.intercepts[k])
        assert objective == pytest.approx(path.objectives[k], rel=1e-11, abs=1e-12 * null)
        other = here.objective(*here.minimise_split())
        # The gap bounds the distance from any other point, and the other minimiser is nearly as good.
        assert objective - path.dual_gaps[k] * null <= other + 1e-12 * null
        assert objective <= other + (2e-9 if firm else 1e-8) * null
        assert here.kkt(coefs[:, k], path.intercepts[k]) <= 1e-2


@each_loss
@given(seed=seeds)
def test_alpha_max_is_where_coefficients_start(loss, seed):
    X, y, settings = random_problem(seed, loss)
    if settings["l1_ratio"] == 0.0:
        settings["l1_ratio"] = 1.0
    settings["penalty_factor"] = np.maximum(settings.get("penalty_factor", 1.0), 0.5)
    path = fit(X, y, loss, settings)
    assert path.df[0] == 0
    if path.df.any():
        below = fit(X, y, loss, settings, alphas=[path.alphas[0] * (1.0 - 1e-3)], tol=1e-13)
        assert below.df[0] > 0


@each_loss
@given(seed=seeds)
def test_weights_are_repeated_rows(loss, seed):
    X, y, settings = random_problem(seed, loss)
    count = np.random.default_rng(seed).integers(1, 4, y.size)
    settings.pop("sample_weight", None)
    settings["penalty_factor"] = np.maximum(settings.get("penalty_factor", 1.0), 0.5)
    weighted = fit(X, y, loss, {**settings, "sample_weight": count})
    repeated = dict(settings)
    if "offset" in settings:
        repeated["offset"] = np.repeat(settings["offset"], count)
    again = fit(np.repeat(X, count, axis=0), np.repeat(y, count), loss, repeated, alphas=weighted.alphas)
    null = weighted.objectives[0]
    np.testing.assert_allclose(again.objectives, weighted.objectives, rtol=3e-9, atol=3e-9 * null)


@each_loss
def test_wide_ids_and_aggregated_rows(loss):
    """A cross of 233 million columns gives what its occupied columns give, and equal rows what their samples give."""
    rng = np.random.default_rng(0)
    X = one_hot_cross(rng, 300, 6, 5)
    X = X[:, X.any(axis=0)]
    y = random_target(rng, loss, X @ rng.standard_normal(X.shape[1]))
    narrow = sparse.csr_array(X)
    ids = np.sort(rng.choice(233_312_400, X.shape[1], replace=False))
    wide = sparse.csr_array((narrow.data, ids[narrow.indices], narrow.indptr), shape=(300, 233_312_400))
    paths = [regularization_path(A, y, loss=loss, n_alphas=6, eps=1e-2, tol=1e-9) for A in (narrow, wide)]
    np.testing.assert_array_equal(paths[0].objectives, paths[1].objectives)
    np.testing.assert_array_equal(paths[1].sparse_coef.ids, ids[paths[0].sparse_coef.ids])
    # A column that tells all rows apart, excluded, keeps them from being aggregated.
    marked = np.c_[X, np.arange(300.0)]
    apart = regularization_path(
        marked, y, loss=loss, alphas=paths[0].alphas, tol=1e-9, penalty_factor={X.shape[1]: np.inf}
    )
    np.testing.assert_allclose(apart.objectives, paths[0].objectives, rtol=3e-9)


def test_exposure_is_an_offset():
    """Counts with exposures are rates with exposures as weights."""
    rng = np.random.default_rng(0)
    X, exposure = rng.standard_normal((60, 5)), rng.random(60) + 0.5
    y = rng.poisson(exposure * np.exp(0.5 * X[:, 0])).astype(float)
    counts = poisson_path(X, y, offset=np.log(exposure), n_alphas=4, tol=1e-10)
    rates = poisson_path(
        X, y / exposure, sample_weight=exposure, alphas=counts.alphas * 60.0 / exposure.sum(), tol=1e-10
    )
    np.testing.assert_allclose(counts.coefs.toarray(), rates.coefs.toarray(), atol=1e-4)
    np.testing.assert_allclose(counts.intercepts, rates.intercepts, atol=1e-4)


def test_huber_is_squared_loss_for_a_large_delta():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((50, 6)), rng.standard_normal(50)
    huber = regularization_path(X, y, loss="huber", delta=1e6, n_alphas=5, tol=1e-11)
    squared = regularization_path(X, y, alphas=huber.alphas, tol=1e-11)
    np.testing.assert_allclose(huber.objectives, squared.objectives, rtol=1e-10)
    np.testing.assert_allclose(huber.dev_ratio, squared.dev_ratio, atol=1e-5)


def test_memory_follows_the_nonzeros():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 2**40, (2_000, 3))
    X = sparse.csr_array((np.ones(6_000), ids.ravel(), np.arange(0, 6_001, 3)), shape=(2_000, 2**40))
    path = logistic_path(X, rng.integers(0, 2, 2_000).astype(float), n_alphas=3, eps=0.3)
    assert path.n_features == 2**40
    assert path.sparse_coef.nbytes < 1e6


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("logistic", [0.0, 1.0, 2.0, 0.0], r"y: 2 in row 2 is outside \[0, 1\], the targets of loss='logistic'"),
        ("squared_hinge", [0.0, 1.0, -1.0, 0.0], r"y: -1 in row 2 is outside \[0, 1\]"),
        ("poisson", [0.0, 1.0, -1.0, 0.0], r"y: -1 in row 2 is outside \[0, inf\), the targets of loss='poisson'"),
        ("poisson", [0.0, 0.0, 0.0, 0.0], "y: every target is 0, at the edge of what the loss allows"),
        ("squared_hinge", [1.0, 1.0, 1.0, 1.0], "y: every target is 1, at the edge of what the loss allows"),
        ("huber", [0.0, np.nan, 1.0, 0.0], "y contains NaN"),
    ],
)
def test_refused_targets(loss, y, message):
    with pytest.raises(ValueError, match=message):
        regularization_path(np.eye(4), np.array(y), loss=loss)


def test_refused_settings_of_losses():
    X, y = np.eye(4), np.array([0.0, 1.0, 3.0, 0.0])
    with pytest.raises(ValueError, match=r"delta: 0 is outside \(0, inf\)"):
        regularization_path(X, y, loss="huber", delta=0)
    with pytest.raises(ValueError, match=r"offset: 1000.0 in row 1 is outside \[-300, 300\]"):
        poisson_path(X, y, offset=[0.0, 1e3, 0.0, 0.0])


def test_no_finite_coefficients():
    """Unpenalised columns that separate, or that have no count: a warning, and everything stays finite."""
    X = np.c_[np.repeat([0.0, 1.0], 10), np.random.default_rng(0).standard_normal(20)]
    for loss, y in (("logistic", X[:, 0]), ("poisson", 1.0 - X[:, 0])):
        for settings in ({"penalty_factor": {0: 0.0}, "alphas": [0.01]}, {"alphas": [0.0]}):
            with pytest.warns(ConvergenceWarning, match="no finite coefficients are best"):
                path = regularization_path(X, y, loss=loss, **settings)
            assert np.abs(X @ path.coefs.toarray() + path.intercepts).max() < 100.0
            assert path.dual_gaps[0] <= 1e-6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regularization_path(X, X[:, 0], loss="squared_hinge", alphas=[0.0])
        regularization_path(X, np.arange(20) % 2 * 1.0, loss="logistic", alphas=[0.0])


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_columns_without_penalty_leave_a_bound(loss, fit_intercept, seed):
    """At the start some of them are at a bound with something to gain, which the dual points do not show."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((60, 4)), random_target(rng, loss, 0.3 * rng.standard_normal(60))
    up = rng.random(4) < 0.5
    settings = {
        "lower": np.where(up, 0.0, -np.inf), "upper": np.where(up, np.inf, 0.0), "fit_intercept": fit_intercept,
        "penalty_factor": np.zeros(4),
    }
    path = fit(X, y, loss, settings, alphas=[0.1])
    assert path.dual_gaps[0] <= 1e-9
    here = RawLoss(X, y, loss_name=loss, **settings).at(0.1)
    assert path.objectives[0] == pytest.approx(here.objective(*here.minimise_split()), rel=1e-8)
