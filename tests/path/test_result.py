"""What a path gives back: prediction, look-up, frames."""

import math
import pickle
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, special
from support.wide_matrices import CROSS_WIDTH, lat_long_cross

import sparsereg
from sparsereg import (
    ConvergenceWarning,
    LassoCV,
    RegularizationPath,
    lasso_path,
    metrics,
    regularization_path,
    ridge_path,
)
from sparsereg.coef import SparseCoef
from sparsereg.solvers.null_deviance import null_deviance

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 8)) * (RNG.random((30, 8)) < 0.5)
Y = X @ RNG.standard_normal(8) + RNG.standard_normal(30) + 2.0
PATH = lasso_path(X, Y, n_alphas=6, eps=0.01)


def test_shapes_and_dtypes():
    assert isinstance(PATH, RegularizationPath)
    for name in ("alphas", "intercepts", "dual_gaps", "objectives", "dev_ratio"):
        assert getattr(PATH, name).shape == (6,)
        assert getattr(PATH, name).dtype == np.float64
    for name in ("n_iters", "df"):
        assert getattr(PATH, name).shape == (6,)
        assert getattr(PATH, name).dtype == np.int64
    assert isinstance(PATH.coefs, sparse.csc_matrix)
    assert PATH.coefs.shape == (8, 6)
    assert (PATH.n_features, PATH.n_active) == (8, 8)
    np.testing.assert_array_equal(PATH.df, np.count_nonzero(PATH.coefs.toarray(), axis=0))
    assert np.count_nonzero(PATH.coefs.data) == PATH.coefs.nnz


def test_dev_ratio_is_the_share_explained_on_the_training_data():
    residual = Y[:, None] - PATH.predict(X)
    expected = 1.0 - (residual**2).sum(axis=0) / ((Y - Y.mean()) ** 2).sum()
    np.testing.assert_allclose(PATH.dev_ratio, expected, atol=1e-12)
    assert PATH.dev_ratio[0] == pytest.approx(0.0, abs=1e-12)
    assert (np.diff(PATH.dev_ratio) > 0).all()
    np.testing.assert_allclose(lasso_path(X, np.full(30, 2.0), n_alphas=3).dev_ratio, 0.0, atol=1e-15)


def test_at():
    for k, alpha in enumerate(PATH.alphas):
        coef, intercept = PATH.at(alpha)
        assert isinstance(coef, SparseCoef)
        assert isinstance(intercept, float)
        assert intercept == PATH.intercepts[k]
        np.testing.assert_array_equal(coef.to_csr().toarray()[0], PATH.coefs.toarray()[:, k])
        assert PATH.at(alpha * (1 + 1e-12))[1] == intercept
    with pytest.raises(ValueError, match=r"alpha: 123.0 is outside \[0\.\d+, \d\.\d+\], the ends .*; the nearest is"):
        PATH.at(123.0)
    for alpha in (np.nan, np.inf, -1.0, 0.0, PATH.alphas[-1] * 0.999, PATH.alphas[0] * 1.001):
        with pytest.raises(ValueError, match=r"alpha: .* is outside \["):
            PATH.at(alpha)
    assert lasso_path(X, Y, alphas=[0.1, 0.0]).at(0.0)[0].ids.size == 8


@pytest.mark.parametrize("share", [0.25, 0.999])
def test_between_two_alphas_of_the_grid(share):
    """Linear in alpha, as lambda.interp of glmnet."""
    labels = np.digitize(Y, np.quantile(Y, [0.3, 0.6]))
    for path in (PATH, sparsereg.logistic_path(X, labels, n_alphas=6)):
        for k in (0, 3):
            alpha = (1.0 - share) * path.alphas[k] + share * path.alphas[k + 1]
            (left, b_left), (right, b_right) = path.at(path.alphas[k]), path.at(path.alphas[k + 1])
            coef, intercept = path.at(alpha)
            assert type(coef) is type(left)
            dense, first, second = (one.decision(np.eye(8)) for one in (coef, left, right))
            np.testing.assert_allclose(dense, (1.0 - share) * first + share * second, atol=1e-12)
            np.testing.assert_allclose(intercept, (1.0 - share) * b_left + share * b_right, atol=1e-12)
            scores = path.decision_function(X, alpha)
            np.testing.assert_allclose(scores, X @ dense + intercept, atol=1e-12)
            expected = scores if path is PATH else special.softmax(scores, axis=1)
            np.testing.assert_allclose(path.predict(X, alpha), expected, atol=1e-12)
    # Coefficients that cancel leave no stored zero.
    left, right = (SparseCoef.from_active(np.array([3, 7]), [value, 1.0], 9) for value in (1.0, -1.0))
    assert left.mixed(right, 0.5).ids.tolist() == [7]


def test_predict():
    everything = PATH.predict(X)
    np.testing.assert_allclose(everything, X @ PATH.coefs.toarray() + PATH.intercepts, rtol=1e-12)
    for kind in (sparse.csr_matrix, sparse.csc_array, sparse.coo_array, np.asarray, pd.DataFrame):
        np.testing.assert_allclose(PATH.predict(kind(X)), everything, rtol=1e-12)
    np.testing.assert_allclose(PATH.predict(X, alpha=PATH.alphas[3]), everything[:, 3], rtol=1e-12)
    offset = RNG.standard_normal(30)
    np.testing.assert_allclose(PATH.predict(X, offset=offset), everything + offset[:, None], rtol=1e-12)
    np.testing.assert_allclose(PATH.predict(X, PATH.alphas[1], offset), everything[:, 1] + offset, rtol=1e-12)
    np.testing.assert_allclose(PATH.predict(X, PATH.alphas[1], 2.0), everything[:, 1] + 2.0, rtol=1e-12)
    with pytest.raises(ValueError, match="X has 7 features"):
        PATH.predict(X[:, :7])
    with pytest.raises(ValueError, match="offset: length 3 does not match"):
        PATH.predict(X, offset=np.ones(3))


def test_predict_classes():
    labels = np.array(["low", "mid", "top"])[np.digitize(Y, np.quantile(Y, [0.3, 0.6]))]
    for target in (labels, labels == "low"):
        path = sparsereg.logistic_path(X, target, n_alphas=5)
        everything = path.predict_classes(X)
        assert everything.shape == (30, 5)
        assert everything.dtype == path.classes.dtype
        for k, alpha in enumerate(path.alphas):
            np.testing.assert_array_equal(path.predict_classes(X, alpha), everything[:, k])
            likeliest = path.predict(X, alpha)
            likeliest = likeliest.argmax(axis=1) if path.n_outputs > 1 else (likeliest > 0.5).astype(int)
            np.testing.assert_array_equal(everything[:, k], path.classes[likeliest])
        between = float(path.alphas[1:3].mean())
        assert path.predict_classes(X, between).shape == (30,)
    # Where targets were probabilities, classes go by their columns.
    shares = np.eye(3)[np.searchsorted(["low", "mid", "top"], labels)]
    alphas = sparsereg.logistic_path(X, labels, n_alphas=3).alphas
    named = sparsereg.logistic_path(X, labels, alphas=alphas)
    unnamed = regularization_path(X, shares, loss="logistic", alphas=alphas)
    np.testing.assert_array_equal(named.classes[unnamed.predict_classes(X)], named.predict_classes(X))
    for loss in ("logistic", "squared_hinge"):
        path = regularization_path(X, (Y > 2.0) * 1.0, loss=loss, n_alphas=4, offset=np.full(30, 0.5))
        found = path.predict_classes(X, offset=5.0)
        np.testing.assert_array_equal(found, path.decision_function(X, offset=5.0) > 0.0)
        assert found.dtype == np.int64
    with pytest.raises(ValueError, match="predict_classes: loss='squared' is not allowed, expected that of a class"):
        PATH.predict_classes(X)


def test_repr():
    text = repr(PATH)
    assert text.startswith("RegularizationPath(6 alphas from ")
    assert "l1_ratio=1, 0 to 8 non-zeros of 8 occupied columns, largest gap " in text


def test_frame(monkeypatch):
    frame = PATH.to_frame()
    assert list(frame.columns) == ["alpha", "df", "dev_ratio", "objective", "dual_gap", "intercept", "n_iter"]
    np.testing.assert_array_equal(frame["alpha"], PATH.alphas)
    np.testing.assert_array_equal(frame["n_iter"], PATH.n_iters)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="to_frame needs pandas: pip install pandas"):
        PATH.to_frame()


def test_penalties_that_are_not_convex_say_what_they_found():
    path = regularization_path(X, Y, penalty="l0", n_alphas=4, eps=0.01)
    assert PATH.certificate == "duality gap"
    assert path.certificate == "coordinate-wise minimum"
    assert (PATH.penalty, path.penalty) == ("elastic_net", "l0")
    assert np.isnan(path.dual_gaps).all()
    assert np.isnan(PATH.violations).all()
    assert path.violations.max() <= 1e-6
    assert "penalty='l0': coordinate-wise minimum, largest violation " in repr(path)
    assert "optim" not in repr(path)
    frame = path.to_frame()
    np.testing.assert_array_equal(frame["violation"], path.violations)
    assert "violation" not in PATH.to_frame()
    again = pickle.loads(pickle.dumps(path))
    assert repr(again) == repr(path)


def test_pickle():
    again = pickle.loads(pickle.dumps(PATH))
    np.testing.assert_array_equal(again.predict(X), PATH.predict(X))
    assert repr(again) == repr(PATH)


def test_wide_paths_are_as_small_as_their_non_zeros():
    W = lat_long_cross(500, n_places=3)
    path = lasso_path(W, np.sin(np.arange(500.0)), n_alphas=4)
    assert path.coefs.shape == (CROSS_WIDTH, 4)
    assert len(pickle.dumps(path)) < 100_000
    np.testing.assert_allclose(path.predict(W)[:, 2], path.predict(W, path.alphas[2]), rtol=1e-12)


# Other data.


@pytest.mark.parametrize("loss", ["squared", "huber", "poisson", "logistic", "squared_hinge"])
def test_evaluate(loss):
    """Every alpha is judged as its own predictions would be."""
    rng = np.random.default_rng(1)
    y, seen = rng.integers(0, 2, 30).astype(float), slice(0, 20)
    weight, offset = rng.random(30), 0.1 * rng.standard_normal(30)
    path = regularization_path(X[seen], y[seen], loss=loss, delta=0.3, n_alphas=5, offset=offset[seen])
    rest = slice(20, 30)
    table = path.evaluate(X[rest], y[rest], weight[rest], offset[rest])
    null = null_deviance(path._objective, y[rest], weight[rest], offset[rest])
    assert list(table) == ["alpha", "n_nonzero", *metrics.METRICS[loss]]
    np.testing.assert_array_equal(table["alpha"], path.alphas)
    np.testing.assert_array_equal(table["n_nonzero"], path.df)
    for k, alpha in enumerate(path.alphas):
        t = path.decision_function(X[rest], alpha, offset[rest])
        expected = metrics.measure(metrics.METRICS[loss], loss, y[rest], t, weight[rest], null=null, delta=0.3)
        assert {name: table[name][k] for name in expected} == pytest.approx(expected)
    with pytest.raises(ValueError, match="X has 7 features, but the model is expecting 8"):
        path.evaluate(X[rest, :7], y[rest])
    with pytest.raises(ValueError, match="y: length 30 does not match the 10 rows"):
        path.evaluate(X[rest], y)


def test_deviances_are_twice_the_losses():
    np.testing.assert_allclose(PATH.deviances, PATH.evaluate(X, Y)["mse"], rtol=1e-10)
    weighted = lasso_path(X, Y, n_alphas=3, sample_weight=np.r_[np.zeros(10), np.ones(20)])
    assert (PATH.n_samples, weighted.n_samples) == (30, 20)
    counts = np.abs(Y.round())
    path = regularization_path(X, counts, loss="poisson", n_alphas=4)
    np.testing.assert_allclose(path.deviances, path.evaluate(X, counts)["deviance"], rtol=1e-9)


# Information criteria.


def test_criteria_by_hand():
    n, d = 30, PATH.df
    log_likelihood = n * np.log(((Y[:, None] - PATH.predict(X)) ** 2).mean(axis=0))
    np.testing.assert_allclose(PATH.criterion("aic"), log_likelihood + 2 * d)
    np.testing.assert_allclose(PATH.criterion("bic"), log_likelihood + np.log(n) * d)
    extra = 2.0 * np.array([math.log(math.comb(8, k)) for k in d])
    np.testing.assert_allclose(PATH.criterion("ebic"), log_likelihood + np.log(n) * d + extra)
    np.testing.assert_allclose(PATH.criterion("ebic", gamma=0.5), log_likelihood + np.log(n) * d + 0.5 * extra)
    y = np.sign(Y - np.median(Y)) * 0.5 + 0.5
    path = regularization_path(X, y, loss="logistic", n_alphas=4)
    expected = 2.0 * 30 * path.evaluate(X, y)["log_loss"]
    np.testing.assert_allclose(path.criterion("aic"), expected + 2 * path.df, rtol=1e-9)


def test_the_size_of_weights_in_criteria():
    """The same likelihood, as counts with exposures and as rates, as rows and as cells of a table, chooses the same."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((60, 30))
    exposure = rng.uniform(20.0, 200.0, 60)
    counts = rng.poisson(exposure * np.exp(0.3 * X[:, 0] - 0.2 * X[:, 1]))
    as_counts = sparsereg.poisson_path(X, counts, offset=np.log(exposure), tol=1e-10)
    # The mean loss over counts is that over exposures times the mean exposure, and the penalty has to follow.
    as_rates = sparsereg.poisson_path(
        X, counts / exposure, sample_weight=exposure, tol=1e-10, alphas=as_counts.alphas / exposure.mean()
    )
    np.testing.assert_allclose(as_rates.coefs.toarray(), as_counts.coefs.toarray(), atol=1e-6)
    for name in ("aic", "bic"):
        best = [int(np.argmin(path.criterion(name))) for path in (as_counts, as_rates)]
        assert best[0] == best[1] > 0
    # The objective is exact to the gap, its loss alone to the root of it.
    scale = np.sqrt(1e-10) * as_counts.total_weight
    np.testing.assert_allclose(
        np.diff(as_rates.criterion("aic")), np.diff(as_counts.criterion("aic")), atol=scale
    )


def test_cells_of_a_table_are_rows():
    rng = np.random.default_rng(0)
    cells = np.array(np.meshgrid(*[[0.0, 1.0]] * 4)).reshape(4, -1).T
    rows = cells[rng.integers(0, 16, 500)]
    y = (rng.random(500) < 1.0 / (1.0 + np.exp(1.0 - 2.0 * rows[:, 0] + rows[:, 1]))).astype(float)
    single = regularization_path(rows, y, loss="logistic", tol=1e-10)
    which = (rows[:, None, :] == cells).all(axis=2)
    weight, share = which.sum(axis=0), which.T @ y / np.maximum(which.sum(axis=0), 1)
    table = regularization_path(
        cells, share, loss="logistic", sample_weight=weight.astype(float), alphas=single.alphas, tol=1e-10
    )
    for name in ("aic", "bic", "ebic"):
        # The objective is exact to the gap, its loss alone to the root of it.
        np.testing.assert_allclose(table.criterion(name), single.criterion(name), rtol=np.sqrt(1e-10))
    # With squared loss the size of weights says nothing, and a row is a row.
    one, many = (lasso_path(X, Y, sample_weight=np.full(30, s), n_alphas=5) for s in (1.0, 1000.0))
    np.testing.assert_allclose(many.criterion("bic"), one.criterion("bic"))


@pytest.mark.parametrize("relax", [False, True])
def test_saturated_fits_are_no_candidates(relax):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 300))
    y = X[:, 0] + rng.standard_normal(40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        path = lasso_path(X, y, relax=relax, eps=1e-5)
    assert path.df.max() >= 39
    for name in ("aic", "bic", "ebic"):
        values = path.criterion(name)
        np.testing.assert_array_equal(np.isinf(values), path.df >= 39)
        assert path.df[np.argmin(values)] < 39


def test_the_binomial_coefficient_of_a_wide_matrix():
    wide = lasso_path(sparse.csr_array((X[X != 0], np.nonzero(X)), shape=(30, 10**9)), Y, n_alphas=4)
    expected = [2.0 * sum(math.log(10**9 - i) - math.log(i + 1) for i in range(k)) for k in wide.df]
    np.testing.assert_allclose(wide.criterion("ebic") - wide.criterion("bic"), expected, rtol=1e-6, atol=1e-6)


def test_what_has_no_criterion():
    with pytest.raises(ValueError, match=r"name: 'cp' is not allowed, expected one of \['aic', 'bic', 'ebic', 'gcv'\]"):
        PATH.criterion("cp")
    with pytest.raises(ValueError, match="gamma: 2 is outside"):
        PATH.criterion("ebic", gamma=2)
    with pytest.raises(ValueError, match="loss of the path: 'huber' is not allowed"):
        regularization_path(X, Y, loss="huber", n_alphas=2).criterion("aic")
    with pytest.raises(ValueError, match="criterion: l1_ratio=0 is not allowed"):
        ridge_path(X, Y, n_alphas=2).criterion("aic")


# Column names.


def test_names_are_compared_wherever_rows_are_predicted():
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    target = frame.to_numpy() @ [1.0, -2.0, 0.5]
    fitted = LassoCV(n_alphas=4, cv=2).fit(frame, target)
    for path in (lasso_path(frame, target, n_alphas=4), fitted.path_):
        assert path.feature_names.tolist() == ["a", "b", "c"]
        known = path.evaluate(frame, target)
        for method in (path.predict, path.decision_function, lambda X, path=path: path.evaluate(X, target)):
            with pytest.raises(ValueError, match="Feature names must be in the same order as they were in fit"):
                method(frame[["b", "a", "c"]])
            with pytest.raises(ValueError, match="Feature names unseen at fit time:\n- d\n"):
                method(frame.rename(columns={"c": "d"}))
            with pytest.warns(UserWarning, match="X does not have valid feature names, but RegularizationPath") as w:
                method(frame.to_numpy())
            assert w[0].filename == __file__
        again = pickle.loads(pickle.dumps(path))
        np.testing.assert_equal(again.evaluate(frame, target), known)
        with pytest.raises(ValueError, match="same order"):
            again.predict(frame[["c", "a", "b"]])
    with pytest.warns(UserWarning, match="X has feature names, but RegularizationPath was fitted without"):
        lasso_path(frame.to_numpy(), target, n_alphas=2).predict(frame)
    with pytest.raises(TypeError, match="only supported if all input features have string names"):
        lasso_path(frame.rename(columns={"a": 0}), target)
