"""Squared loss on a Gram matrix: the same fits as on the rows, certified by an independent gap, or left to the rows."""

import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sparsereg import lasso_path, regularization_path
from sparsereg._core import gram
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import forms
from sparsereg.solvers.gram import GramFits, take_cross_products
from tests.support.solver_calls import matrix_of, prepare

TOL = 1e-8


def regression(seed, n, p, kind):
    """A random regression whose columns are independent, correlated, collinear, binary or sparse."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    if kind == "correlated":
        X = np.cumsum(X, axis=1)
    elif kind == "collinear":
        X[:, p // 2 :] = X[:, : p - p // 2] @ rng.standard_normal((p - p // 2, p - p // 2))
    elif kind == "binary":
        X = (X > 0.5) * 1.0
    elif kind == "sparse":
        X = np.where(rng.random((n, p)) < 0.3, X, 0.0)
        X[rng.integers(0, n, p), np.arange(p)] = 1.0
    return X, X[:, : min(p, 4)].sum(axis=1) + rng.standard_normal(n) + 3.0


def options_of(seed, p, n):
    """Random settings of every kind that the Gram form takes."""
    rng = np.random.default_rng(seed)
    settings_of = {
        "l1_ratio": float(rng.choice([1.0, 0.5, 0.05])), "fit_intercept": bool(rng.random() < 0.7),
        "standardize": bool(rng.random() < 0.4), "positive": bool(rng.random() < 0.2),
    }
    if rng.random() < 0.4:
        settings_of["sample_weight"] = rng.uniform(0.1, 3.0, n)
    if rng.random() < 0.3:
        settings_of["offset"] = rng.standard_normal(n)
    if rng.random() < 0.3:
        settings_of["penalty_factor"] = rng.uniform(0.2, 2.0, p)
    if rng.random() < 0.3 and not settings_of["positive"]:
        settings_of["bounds"] = (-rng.uniform(0.0, 0.5, p), rng.uniform(0.1, 0.5, p))
    return settings_of


def plain_gap(X, y, w, b, alpha, settings_of):
    """Duality gap by NumPy of a fit without bounds, relative to the null model; the dual point is scaled as it is."""
    weight = settings_of.get("sample_weight", np.ones(y.size))
    s, y = weight / weight.sum(), y - settings_of.get("offset", 0.0)
    mean = s @ X if settings_of["fit_intercept"] else np.zeros(X.shape[1])
    scale = np.sqrt(s @ (X - s @ X) ** 2) if settings_of["standardize"] else np.ones(X.shape[1])
    factor = settings_of.get("penalty_factor", np.ones(X.shape[1]))
    strength, ridge = alpha * settings_of["l1_ratio"], alpha * (1.0 - settings_of["l1_ratio"])
    limit, curve = strength * factor * scale, ridge * factor * scale**2
    residual = y - X @ w - b
    primal = 0.5 * s @ residual**2 + limit @ np.abs(w) + 0.5 * curve @ w**2
    v = (X - mean).T @ (s * residual)
    target = y - (s @ y if settings_of["fit_intercept"] else 0.0)
    best = 0.0
    for c in (1.0, min(1.0, np.min(limit / np.maximum(np.abs(v), 1e-300)))):
        excess = np.maximum(c * np.abs(v) - limit, 0.0)
        if ridge == 0.0 and (excess > 1e-12 * limit).any():
            continue
        conjugate = np.sum(excess**2 / (2.0 * curve)) if ridge > 0.0 else 0.0
        best = max(best, c * s @ (residual * target) - 0.5 * c**2 * s @ residual**2 - conjugate)
    return (primal - best) / (0.5 * s @ target**2)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6), n=st.integers(12, 60), p=st.integers(1, 20),
    kind=st.sampled_from(["plain", "correlated", "collinear", "binary", "sparse"]),
)
def test_forms_agree_and_gaps_are_true(seed, n, p, kind):
    X, y = regression(seed, n, p, kind)
    chosen = options_of(seed + 1, p, n)
    given_as = sparse.csr_array(X) if kind == "sparse" else X
    # Columns of one row each are eliminated, which leaves the loss only piecewise quadratic.
    assume(forms.takes_gram(prepare(given_as, y, smallest_alpha=1e-3, **chosen)[1], "elastic_net", chosen["l1_ratio"]))
    fits = {}
    alphas = regularization_path(given_as, y, n_alphas=5, eps=1e-2, **chosen).alphas
    for form in ("rows", "gram"):
        with forms.forced(form):
            fits[form] = regularization_path(given_as, y, alphas=alphas, tol=TOL, **chosen)
    rows, by_gram = fits["rows"], fits["gram"]
    assert by_gram.form == "gram"
    null = by_gram.objectives.max() + 1e-300
    np.testing.assert_allclose(by_gram.objectives, rows.objectives, atol=2.0 * TOL * null, rtol=2.0 * TOL)
    assert by_gram.dual_gaps.max() <= 1.01 * TOL
    if "bounds" in chosen or chosen["positive"]:
        w = by_gram.coefs.toarray()
        lower, upper = chosen.get("bounds", (0.0, np.inf))
        assert (w >= np.reshape(lower, (-1, 1))).all()
        assert (w <= np.reshape(upper, (-1, 1))).all()
        return
    for k, alpha in enumerate(alphas):
        gap = plain_gap(X, y, by_gram.coefs[:, [k]].toarray()[:, 0], by_gram.intercepts[k], alpha, chosen)
        assert gap <= 5.0 * TOL


def test_rows_of_like_columns_are_cross_products_of_their_samples():
    X, y = regression(3, 80, 4, "binary")
    weight = np.random.default_rng(4).uniform(0.5, 2.0, 80)
    _, problem = prepare(X, y, sample_weight=weight, smallest_alpha=1.0)
    assert problem.n_rows < 80
    products, s = take_cross_products(problem), weight / weight.sum()
    centred = (X - s @ X)[:, products.columns]
    np.testing.assert_allclose(products.gram, centred.T @ (s[:, None] * centred), atol=1e-14)
    np.testing.assert_allclose(products.q, centred.T @ (s * y), atol=1e-13)


@pytest.mark.parametrize("kind", ["plain", "far", "sparse"])
@pytest.mark.parametrize("work", [1e9, 1e2])
def test_rows_in_several_blocks(kind, work, monkeypatch):
    monkeypatch.setattr("sparsereg.solvers.weighted_gram.CALL", work)
    monkeypatch.setattr("sparsereg.solvers.gram.PAIRS", work)
    X, y = regression(5, 2500, 3, kind)
    X += 20.0 * (kind == "far")
    X = sparse.csr_array(X) if kind == "sparse" else X
    _, problem = prepare(X, y, smallest_alpha=1.0)
    products, full, s = take_cross_products(problem), matrix_of(problem), problem.response.s
    centred = full - s @ full
    np.testing.assert_allclose(products.gram, centred.T @ (s[:, None] * centred), atol=1e-13)
    np.testing.assert_allclose(products.size**2, s @ (centred if kind == "far" else full) ** 2)


def test_what_rounding_spoils_goes_to_the_rows_and_says_the_truth():
    # Coefficients of 1e7 that cancel: what the cross-products keep of them is worth more than a tenth of the tolerance.
    rng = np.random.default_rng(0)
    base = rng.standard_normal(60)
    X = np.stack([base, base + 1e-7 * rng.standard_normal(60)], axis=1)
    y = (X[:, 1] - X[:, 0]) * 1e7 + 0.1 * rng.standard_normal(60)
    _, problem = prepare(X, y, smallest_alpha=1e-9)
    fits = GramFits(problem)
    fits.descent.start(np.array([-1e7, 1e7]))
    fits.descent.solve(ElasticNet(1e-9, 1.0), 1e-6 * problem.reference, 1, 0.0)
    assert fits.descent.rounding > 0.1 * 1e-6 * problem.reference
    with forms.forced("gram"), pytest.warns(ConvergenceWarning, match="1 of 1 fits stopped"):
        path = lasso_path(X, y, alphas=[1e-9], max_iter=200)
    residual = y - X @ path.coefs.toarray()[:, 0] - path.intercepts[0]
    objective = 0.5 * np.mean(residual**2) + 1e-9 * np.abs(path.coefs).sum()
    np.testing.assert_allclose(path.objectives[0], objective, rtol=1e-6)


def test_a_copy_of_a_fold_starts_anywhere():
    X, y = regression(7, 50, 6, "plain")
    _, problem = prepare(X, y, smallest_alpha=1e-3)
    descent = GramFits(problem).descent
    penalty, target = ElasticNet(1e-3, 1.0), 1e-10 * problem.reference
    assert descent.solve(penalty, target, 1000, 0.0)
    w = descent.w.copy()
    descent.start(np.full(6, 5.0))
    assert descent.solve(penalty, target, 1000, 0.0)
    np.testing.assert_allclose(descent.w, w, atol=1e-4)
    assert not descent.solve(ElasticNet(1e-9, 1.0), 0.0, 3, 0.0)


@pytest.mark.parametrize("kind", ["plain", "sparse"])
def test_cross_products_are_taken_in_parts(monkeypatch, kind):
    X, y = regression(1, 60, 5, kind)
    data = sparse.csr_array(X) if kind == "sparse" else X
    _, problem = prepare(data, y, smallest_alpha=1e-3)
    whole = take_cross_products(problem)
    monkeypatch.setattr("sparsereg.solvers.gram.at_once", lambda n: 7)
    monkeypatch.setattr("sparsereg.solvers.gram.PAIRS", 7.0 * X.shape[1] ** 2)
    parts = take_cross_products(problem)
    np.testing.assert_allclose(parts.gram, whole.gram, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(parts.q, whole.q, rtol=1e-12, atol=1e-12)


def test_what_a_far_start_rounds_off_certifies_nothing():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        X, n = rng.standard_normal((100, 6)), 100
        y = X[:, 0] + rng.standard_normal(n)
        G, q, one, far = X.T @ X / n, X.T @ y / n, np.ones(6), np.full(6, np.inf)
        descent = gram.GramDescent(G, q, y @ y / n, np.sqrt(np.diagonal(G)), 2e-14, one, one, -far, far)
        descent.start(rng.standard_normal(6) * 10.0 ** rng.uniform(5.0, 13.0))
        if descent.solve(ElasticNet(0.05, 1.0), 1e-7 * (y @ y / n), 1000, 0.0):
            settings_of = {"l1_ratio": 1.0, "fit_intercept": False, "standardize": False}
            assert plain_gap(X, y, descent.w, 0.0, 0.05, settings_of) < 1e-6


def test_forms_are_chosen_by_cost_and_can_be_forced():
    X, y = regression(1, 60, 5, "plain")
    assert lasso_path(X, y, n_alphas=3).form == "gram"
    assert "form='gram'" in repr(lasso_path(X, y, n_alphas=3))
    assert lasso_path(X[:8], y[:8], n_alphas=3).form == "dense"
    assert lasso_path(sparse.csr_array(np.eye(60)), y, n_alphas=3).form == "rows"
    assert regularization_path(X, y, l1_ratio=0.0, n_alphas=2).form == "dense"
    with forms.forced("gram"):
        for bad in ({"penalty": "mcp"}, {"loss": "huber"}, {"penalty_factor": {0: 0.0}}):
            with pytest.raises(ValueError, match="form: 'gram' is not possible for this problem"):
                regularization_path(X, y, n_alphas=2, **bad)
    with pytest.raises(ValueError, match="form: 'sparse' is not allowed, expected one of"), forms.forced("sparse"):
        pass


def test_too_many_columns_never_get_a_gram_matrix(monkeypatch):
    X, y = regression(1, 60, 5, "plain")
    monkeypatch.setattr(forms, "MAX_GRAM", 4)
    monkeypatch.setattr(gram, "GramDescent", None)
    assert lasso_path(X, y, n_alphas=3).form == "dense"


def test_a_callback_is_told_and_may_end_the_fit():
    X, y = regression(1, 60, 5, "plain")
    told = []
    path = lasso_path(X, y, n_alphas=4, callback=told.append)
    assert [progress.alpha for progress in told] == path.alphas.tolist()
    assert [progress.n_nonzero for progress in told] == path.df.tolist()
    with pytest.raises(ZeroDivisionError):
        lasso_path(X, y, n_alphas=4, callback=lambda progress: 1 / 0)


def test_an_interrupt_is_heard_within_a_second():
    n = 400
    G = np.full((n, n), 1.0) + 1e-9 * np.eye(n)
    q = np.linspace(0.5, 1.0, n)
    one, far = np.ones(n), np.full(n, np.inf)
    descent = gram.GramDescent(G, q, 1e3, one, 0.0, one, one, -far, far)
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        while True:
            descent.solve(ElasticNet(1e-12, 1.0), 0.0, 10**9, 0.0)
    assert time.monotonic() - start < 2.0
