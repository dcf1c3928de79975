"""Fits of few rows by the active set: certified, as good as sweeps, on data of all kinds; what is left to sweeps."""

import numpy as np
import pytest
from scipy import sparse
from support.solver_calls import prepare

import sparsereg
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import active_set
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.null_model import null_state

KINDS = ("normal", "binary", "duplicated", "negated", "rank 4", "rounded", "far from zero")


def data_of(kind, rng):
    n_rows, n_columns = int(rng.integers(5, 60)), int(rng.integers(4, 120))
    X = rng.normal(size=(n_rows, n_columns))
    copies = rng.integers(0, n_columns // 3 + 1, n_columns)
    X = {
        "normal": X, "binary": (X > 0.0) * 1.0, "duplicated": X[:, copies],
        "negated": X[:, copies] * rng.choice([1.0, -1.0, 2.0], n_columns), "rounded": np.round(X),
        "rank 4": X[:, :4] @ rng.normal(size=(4, n_columns)), "far from zero": X + 100.0,
    }[kind]
    y = rng.normal(size=n_rows) if rng.random() < 0.5 else (np.arange(n_rows) % 2) * 1.0
    return X, y


def settings_of(rng, n_rows, n_columns):
    settings = {"l1_ratio": float(rng.choice([1.0, 1.0, 0.9, 0.3])), "fit_intercept": bool(rng.random() < 0.7)}
    if rng.random() < 0.3:
        settings["sample_weight"] = rng.integers(0, 4, n_rows) + 1e-3
    if rng.random() < 0.3:
        settings["penalty_factor"] = rng.choice([0.5, 1.0, 2.0], n_columns)
    if rng.random() < 0.3:
        settings["positive"] = True
    return settings


def plain_gap(X, y, w, b, alpha, settings):
    """Duality gap at the residual, relative to the null model's objective; NumPy alone."""
    l1_ratio, factor = settings["l1_ratio"], settings.get("penalty_factor", np.ones(X.shape[1]))
    weight = settings.get("sample_weight", np.ones(y.size))
    weight = weight / weight.sum()
    centred = y - (weight @ y if settings["fit_intercept"] else 0.0)
    z = weight * (y - X @ w - b)
    z -= weight * z.sum() if settings["fit_intercept"] else 0.0
    primal = 0.5 * weight @ (y - X @ w - b) ** 2
    primal += alpha * np.sum(factor * (l1_ratio * np.abs(w) + 0.5 * (1.0 - l1_ratio) * w**2))
    v = X.T @ z
    v = np.maximum(v, 0.0) if settings.get("positive") else np.abs(v)
    threshold = alpha * l1_ratio * factor
    duals = []
    for scale in (1.0, 1.0 / max(np.max(v / threshold), 1.0)):
        excess = np.maximum(scale * v - threshold, 0.0)
        if l1_ratio < 1.0:
            conjugate = np.sum(excess**2 / (2.0 * alpha * (1.0 - l1_ratio) * factor))
        else:
            conjugate = 0.0 if np.all(excess <= 1e-12 * threshold) else np.inf
        duals.append(scale * z @ centred - 0.5 * scale**2 * np.sum(z**2 / weight) - conjugate)
    return (primal - max(duals)) / (0.5 * weight @ centred**2)


@pytest.mark.parametrize("kind", KINDS)
def test_paths_are_as_good_as_they_say_and_as_those_of_sweeps(kind, monkeypatch):
    rng = np.random.default_rng(KINDS.index(kind))
    for trial in range(12):
        X, y = data_of(kind, rng)
        settings = settings_of(rng, *X.shape)
        path = sparsereg.regularization_path(X, y, n_alphas=8, eps=1e-3, tol=1e-8, **settings)
        assert np.max(path.dual_gaps) <= 1e-8
        if settings["fit_intercept"] or kind != "far from zero":
            for alpha, w, b in zip(path.alphas, path.coefs.toarray().T, path.intercepts):
                assert plain_gap(X, y, w, b, alpha, settings) <= 2e-7
        if trial < 4:
            with monkeypatch.context() as patch:
                patch.setattr(active_set, "MAX_ROWS", 0)
                swept = sparsereg.regularization_path(X, y, alphas=path.alphas, tol=1e-8, **settings)
            assert np.all(path.objectives <= swept.objectives + 1.1e-8 * path.objectives[0])


def wide_data(n_rows=40, n_columns=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_columns))
    return X, X[:, :5].sum(axis=1) + rng.normal(size=n_rows)


def test_every_alpha_of_a_wide_path_is_solved_exactly():
    X, y = wide_data()
    path = sparsereg.lasso_path(X, y, n_alphas=20, eps=1e-3, tol=1e-12)
    assert np.max(path.dual_gaps) < 1e-12
    assert np.max(path.n_iters) <= 40


def test_standardized_columns_have_thresholds_of_their_own():
    X, y = wide_data()
    X *= np.geomspace(0.1, 10.0, X.shape[1])
    size = X.std(axis=0)
    path = sparsereg.lasso_path(X, y, n_alphas=5, eps=1e-2, standardize=True)
    other = sparsereg.lasso_path(X / size, y, alphas=path.alphas)
    np.testing.assert_allclose(path.coefs.toarray() * size[:, None], other.coefs.toarray(), atol=1e-9)


@pytest.mark.parametrize("settings", [{"bounds": (-0.1, 0.1)}, {"penalty_factor": [0.0] + 199 * [1.0]}])
def test_what_it_does_not_take_is_left_to_sweeps(settings, monkeypatch):
    monkeypatch.setattr(active_set.ActiveSetDescent, "solve", None)
    path = sparsereg.lasso_path(*wide_data(), n_alphas=5, eps=0.1, **settings)
    assert np.max(path.dual_gaps) <= 1e-6


def test_a_failure_leaves_the_alpha_to_sweeps(monkeypatch):
    X, y = wide_data()
    path = sparsereg.lasso_path(X, y, n_alphas=10, eps=1e-2)
    monkeypatch.setattr(active_set.ActiveSetDescent, "_descend", lambda *_: False)
    swept = sparsereg.lasso_path(X, y, alphas=path.alphas)
    assert np.max(swept.dual_gaps) <= 1e-6
    np.testing.assert_allclose(swept.objectives, path.objectives, rtol=1e-5)


def test_coefficients_that_others_have_moved_are_taken_as_they_are():
    X, y = wide_data()
    _, problem = prepare(
        X, y, **dict.fromkeys(("sample_weight", "offset", "bounds", "penalty_factor")), fit_intercept=False,
        standardize=False, positive=False, l1_ratio=1.0, smallest_alpha=0.1,
    )
    options, penalty = SolverOptions(), ElasticNet(0.1, 1.0)
    state = null_state(problem, options)
    solved = active_set.solve(problem, penalty, state, options)
    state.w *= 0.5
    again = active_set.solve(problem, penalty, state, options)
    np.testing.assert_allclose(again.objective, solved.objective, rtol=1e-6)
    np.testing.assert_allclose(again.coefs.toarray(), solved.coefs.toarray(), atol=1e-9)


def test_sweeps_that_crawl_hand_over(monkeypatch):
    rng = np.random.default_rng(0)
    X = sparse.random(100, 400, density=0.15, rng=rng, format="csr")
    y = X.toarray()[:, :10].sum(axis=1) + 0.1 * rng.normal(size=100)
    solved = []
    report = active_set.ActiveSetDescent._report

    def note(self, *arguments):
        solved.append(self)
        return report(self, *arguments)

    monkeypatch.setattr(active_set.ActiveSetDescent, "_report", note)
    path = sparsereg.lasso_path(X, y, n_alphas=30, eps=1e-3)
    assert 0 < len(solved) < 30
    assert np.max(path.dual_gaps) <= 1e-6


def test_max_iter_and_callback_are_those_of_every_solver():
    X, y = wide_data()
    with pytest.warns(sparsereg.ConvergenceWarning):
        path = sparsereg.lasso_path(X, y, alphas=[1e-2], max_iter=1)
    assert path.dual_gaps[0] > 1e-6
    seen = []
    sparsereg.lasso_path(X, y, n_alphas=4, callback=seen.append)
    assert seen[-1].dual_gap <= 1e-6
