"""Effective degrees of freedom: the trace of the hat matrix, against a dense one made in NumPy."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, special
from support.wide_matrices import lat_long_cross

import sparsereg as sr
from sparsereg import ConvergenceWarning, regularization_path
from sparsereg.path import degrees_of_freedom

RNG = np.random.default_rng(0)
N, P = 40, 12
X = RNG.standard_normal((N, P)) * (RNG.random((N, P)) < 0.4)
T = X @ RNG.standard_normal(P)
WEIGHT, OFFSET, FACTOR = RNG.random(N) + 0.1, 0.3 * RNG.standard_normal(N), RNG.random(P) + 0.2
FACTOR[[2, 7]] = 0.0, np.inf
WEIGHT[3] = 0.0
TARGETS = {
    "squared": T + RNG.standard_normal(N), "logistic": (T + RNG.standard_normal(N) > 0.0) * 1.0,
    "poisson": RNG.poisson(np.exp(np.clip(0.5 * T, -2.0, 2.0))) * 1.0,
}
CURVATURES = {
    "squared": np.ones_like, "logistic": lambda t: special.expit(t) * special.expit(-t), "poisson": np.exp,
}


def dense_traces(path, X, weight=None, offset=0.0, *, factor=None, standardize=False, intercept=True, every=False):
    """Compute tr A (A'A + R)^+ A' of every fit, less one for the intercept."""
    n, p = X.shape
    s = np.full(n, 1.0 / n) if weight is None else weight / weight.sum()
    mean = s @ X
    scale = s @ (X - mean) ** 2 if standardize else np.ones(p)
    factor = np.ones(p) if factor is None else factor
    out = []
    for k, alpha in enumerate(path.alphas):
        w = path.coefs.toarray()[:, k]
        t = X @ w + path.intercepts[k] + offset
        active = np.flatnonzero(np.isfinite(factor) & (np.abs(X).sum(axis=0) > 0.0) if every else w)
        root = np.sqrt(s * CURVATURES[path.loss](t))
        A = root[:, None] * X[:, active]
        strength = 0.0 if path.relaxed else alpha * (1.0 - path.l1_ratio)
        R = strength * factor[active] * scale[active]
        if intercept:
            A, R = np.column_stack([root, A]), np.r_[0.0, R]
        out.append(np.trace(A @ np.linalg.pinv(A.T @ A + np.diag(R), rcond=1e-13) @ A.T) - intercept)
    return np.array(out)


def check(path, X, found, **settings):
    np.testing.assert_allclose(found, dense_traces(path, X, **settings), rtol=1e-8, atol=1e-8)


# Oracles.


@pytest.mark.parametrize("loss", TARGETS)
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("standardize", [False, True])
def test_a_dense_trace(loss, l1_ratio, standardize):
    path = regularization_path(
        X, TARGETS[loss], loss=loss, l1_ratio=l1_ratio, sample_weight=WEIGHT, offset=OFFSET, standardize=standardize,
        penalty_factor=FACTOR, n_alphas=6, tol=1e-10,
    )
    found = path.effective_df(sparse.csc_array(X), WEIGHT, OFFSET)
    settings = {"weight": WEIGHT, "offset": OFFSET, "factor": FACTOR, "standardize": standardize}
    check(path, X, found, every=l1_ratio == 0.0, **settings)
    if l1_ratio == 1.0:
        np.testing.assert_allclose(found, path.df, atol=1e-8)


@pytest.mark.parametrize("loss", TARGETS)
@pytest.mark.parametrize("shape", [(20, 60), (60, 20)])
@pytest.mark.parametrize("max_dense", [0, degrees_of_freedom.MAX_DENSE])
def test_both_sides_both_ways(loss, shape, max_dense, monkeypatch):
    """By rows or by columns, from the matrix itself or from its Gram matrix, without an intercept too."""
    monkeypatch.setattr(degrees_of_freedom, "MAX_DENSE", max(max_dense, shape[0]))
    rng = np.random.default_rng(1)
    wide = rng.standard_normal(shape) * (rng.random(shape) < 0.2)
    y = {"squared": rng.standard_normal, "logistic": lambda n: rng.integers(0, 2, n) * 1.0}.get(
        loss, lambda n: rng.poisson(2.0, n) * 1.0
    )(shape[0])
    for intercept in (True, False):
        path = regularization_path(wide, y, loss=loss, l1_ratio=0.0, fit_intercept=intercept, n_alphas=3)
        check(path, wide, path.effective_df(wide), intercept=intercept, every=True)
        path = regularization_path(wide, y, loss=loss, l1_ratio=0.3, fit_intercept=intercept, n_alphas=3)
        check(path, wide, path.effective_df(wide), intercept=intercept)


@pytest.mark.parametrize("loss", TARGETS)
@pytest.mark.parametrize("wide", [False, True])
def test_columns_of_one_row_are_eliminated(loss, wide, monkeypatch):
    """Several to a row, some without penalty; those that are left by columns and by rows."""
    rng = np.random.default_rng(2)
    n, n_single, n_rest = 25, 30, 60 if wide else 8
    single = np.zeros((n, n_single))
    single[rng.integers(0, n, n_single), np.arange(n_single)] = rng.standard_normal(n_single)
    X = np.column_stack([single, rng.standard_normal((n, n_rest)), np.ones(n)])
    factor = rng.random(X.shape[1]) + 0.2
    factor[[1, 35]] = 0.0
    # Shares, because a column of one row without penalty separates classes.
    y = {"logistic": rng.random(n), "poisson": rng.poisson(2.0, n) + 1.0}.get(loss, rng.standard_normal(n))
    path = regularization_path(X, y, loss=loss, l1_ratio=0.0, penalty_factor=factor, n_alphas=4)
    expected = dense_traces(path, X, factor=factor, every=True)
    np.testing.assert_allclose(path.effective_df(X), expected, rtol=1e-8)
    # Squared loss takes one factorisation of all columns where that is small enough.
    monkeypatch.setattr(degrees_of_freedom, "MAX_SIDE", min(n_rest, n))
    np.testing.assert_allclose(path.effective_df(X), expected, rtol=1e-8)
    path = regularization_path(X, y, loss=loss, l1_ratio=0.5, n_alphas=4)
    check(path, X, path.effective_df(X))


def softmax_traces(path, X, weight):
    """The same for classes: one Hessian of all coefficients of all classes."""
    s, n_classes, out = weight / weight.sum(), path.n_outputs, []
    for k, alpha in enumerate(path.alphas):
        w = path.coefs.toarray()[:, k * n_classes : (k + 1) * n_classes]
        p = special.softmax(X @ w + path.intercepts[k], axis=1)
        ones = np.column_stack([np.ones(len(X)), X])
        H = np.zeros((ones.shape[1] * n_classes,) * 2)
        for i, row in enumerate(ones):
            H += s[i] * np.kron(np.diag(p[i]) - np.outer(p[i], p[i]), np.outer(row, row))
        R = np.tile(np.r_[0.0, np.full(X.shape[1], alpha * (1.0 - path.l1_ratio))], n_classes)
        full = np.vstack([np.ones(n_classes), w])
        active = np.flatnonzero(np.ones(full.size) if path.l1_ratio == 0.0 else full.T.ravel())
        H, R = H[np.ix_(active, active)], R[active]
        out.append(np.trace(np.linalg.pinv(H + np.diag(R), rcond=1e-12) @ H) - (n_classes - 1))
    return out


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_classes(l1_ratio):
    labels = np.digitize(T, np.quantile(T, [0.3, 0.6]))
    weight = WEIGHT + 0.1
    path = sr.logistic_path(X, labels, l1_ratio=l1_ratio, sample_weight=weight, n_alphas=4, tol=1e-10)
    np.testing.assert_allclose(path.effective_df(X, weight), softmax_traces(path, X, weight), rtol=1e-8, atol=1e-8)


# Identities.


def test_ridge_from_none_to_all():
    """No freedom under an infinite penalty, that of least squares without one; and what scikit-learn's GCV sees."""
    Y = TARGETS["squared"]
    path = sr.ridge_path(X, Y, alphas=[1e12, 1.0, 1e-3, 0.0])
    df = path.effective_df(X)
    assert df[0] == pytest.approx(0.0, abs=1e-9)
    assert df[-1] == pytest.approx(np.linalg.matrix_rank(X - X.mean(axis=0)))
    assert (np.diff(df) > 0.0).all()


def test_equal_rows_and_orders_and_shifts_say_the_same(monkeypatch):
    Y = TARGETS["squared"]
    doubled = np.vstack([X, X])
    path = sr.ridge_path(X, Y, n_alphas=4)
    df = path.effective_df(X)
    np.testing.assert_allclose(sr.ridge_path(doubled, np.r_[Y, Y], alphas=path.alphas).effective_df(doubled), df)
    order = np.random.default_rng(0).permutation(N)
    np.testing.assert_allclose(path.effective_df(X[order]), df)
    far = X + np.where(np.arange(P) == 1, 1e8, 0.0)
    away = sr.ridge_path(far, Y, alphas=path.alphas)
    np.testing.assert_allclose(away.effective_df(far), df, rtol=1e-6)
    # Gram matrices of columns that are far from zero would hold nothing else.
    monkeypatch.setattr(degrees_of_freedom, "MAX_DENSE", N)
    np.testing.assert_allclose(away.effective_df(far), df, rtol=1e-6)


def test_copies_count_once_for_the_lasso_and_ridge_knows_no_coincidence():
    Y = TARGETS["squared"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        path = regularization_path(np.column_stack([X, X[:, 0]]), Y, l1_ratio=0.9, relax=True, n_alphas=5)
    df = path.effective_df(np.column_stack([X, X[:, 0]]))
    assert df[-1] == path.df[-1] - 1
    # Where there is nothing to explain no column has a weight, and each takes its freedom all the same.
    path = sr.ridge_path(X, np.ones(N), alphas=[1.0, 0.1])
    assert path.sparse_coef.ids.size == 0
    np.testing.assert_allclose(path.effective_df(X), sr.ridge_path(X, Y, alphas=[1.0, 0.1]).effective_df(X))


def test_crosses_need_their_coarse_columns_only(monkeypatch):
    """A cell of its own for every row, in a wide matrix: what is factorised is the bands."""
    wide = lat_long_cross(60, seed=1)
    y = np.random.default_rng(3).standard_normal(60)
    path = sr.ridge_path(wide, y, n_alphas=3)
    occupied, column = np.unique(wide.indices, return_inverse=True)
    dense = np.zeros((60, occupied.size))
    dense[np.repeat(np.arange(60), 3), column] = 1.0
    narrow = sr.ridge_path(dense, y, alphas=path.alphas)
    expected = dense_traces(narrow, dense, every=True)
    np.testing.assert_allclose(path.effective_df(wide), expected, rtol=1e-8)
    monkeypatch.setattr(degrees_of_freedom, "MAX_SIDE", 59)
    np.testing.assert_allclose(path.effective_df(wide), expected, rtol=1e-8)


def test_the_path_of_a_cross_validation_knows_too():
    Y = TARGETS["squared"]
    model = sr.RidgeCV(standardize=True, cv=3).fit(X, Y)
    path = sr.ridge_path(X, Y, alphas=model.path_.alphas, standardize=True)
    np.testing.assert_allclose(model.path_.effective_df(X), path.effective_df(X))
    named = pd.DataFrame(X, columns=[f"x{k}" for k in range(P)])
    path = sr.ridge_path(named, Y, penalty_factor={"x2": 5.0}, n_alphas=3)
    check(path, X, path.effective_df(named), factor=np.where(np.arange(P) == 2, 5.0, 1.0), every=True)
    with pytest.raises(ValueError, match="The feature names should match"):
        path.effective_df(named[named.columns[::-1]])


# Bad input.


def test_data_that_are_not_those_of_the_fit():
    path = sr.ridge_path(X, TARGETS["squared"], sample_weight=WEIGHT, n_alphas=3)
    with pytest.raises(ValueError, match="X: 40 rows of positive weight, expected the training data of the path, 39"):
        path.effective_df(X)
    with pytest.raises(ValueError, match="for the sum of the weights, expected the training data"):
        path.effective_df(X, 2.0 * WEIGHT)
    with pytest.raises(ValueError, match="X has 11 features"):
        path.effective_df(X[:, :11], WEIGHT)
    emptied = X.copy()
    emptied[:, 4] = 0.0
    with pytest.raises(ValueError, match="X: 11 occupied columns, expected the training data of the path, 12"):
        path.effective_df(emptied, WEIGHT)
    offset = sr.ridge_path(X, TARGETS["squared"], offset=OFFSET, n_alphas=3)
    with pytest.raises(ValueError, match="offset"):
        offset.effective_df(X)


def test_what_has_no_such_trace(monkeypatch):
    Y = TARGETS["squared"]
    with pytest.raises(ValueError, match="loss of the path: 'huber' is not allowed"):
        regularization_path(X, Y, loss="huber", n_alphas=2).effective_df(X)
    with pytest.raises(ValueError, match="penalty of the path: 'mcp' is not allowed"):
        regularization_path(X, Y, penalty="mcp", n_alphas=2).effective_df(X)
    with pytest.raises(ValueError, match="effective_df: bounds other than 0 are not allowed"):
        sr.ridge_path(X, Y, bounds=(-1.0, 1.0), n_alphas=2).effective_df(X)
    path = sr.ridge_path(X, Y, n_alphas=3)
    monkeypatch.setattr(degrees_of_freedom, "MAX_SIDE", 11)
    with pytest.raises(ValueError, match=r"effective_df at alpha=.*: 12 columns over 40 rows, .* at most 11 of either"):
        path.effective_df(X)
    state = {name: value for name, value in path.__getstate__().items() if name != "fit_intercept"}
    old = object.__new__(type(path))
    old.__setstate__(state)
    with pytest.raises(ValueError, match="effective_df: this path was made by an older version"):
        old.effective_df(X)
    for l1_ratio in (0.0, 0.5):
        positive = regularization_path(X, Y, l1_ratio=l1_ratio, positive=True, n_alphas=4)
        check(positive, X, positive.effective_df(X))


def test_of_counts_the_weights_are_numbers_of_trials():
    counts = RNG.integers(0, 4, size=(N, 2))
    rows, labels = np.repeat(np.arange(N).repeat(2), counts.ravel()), np.repeat(np.tile([0, 1], N), counts.ravel())
    settings = {"loss": "logistic", "l1_ratio": 0.0, "alphas": [0.1, 0.01], "tol": 1e-12}
    path, of_trials = (regularization_path(*data, **settings) for data in ((X, counts), (X[rows], labels)))
    found = path.effective_df(X, sample_weight=counts.sum(axis=1))
    np.testing.assert_allclose(found, of_trials.effective_df(X[rows]), rtol=1e-6)
    with pytest.raises(ValueError, match="expected the training data of the path"):
        path.effective_df(X)
