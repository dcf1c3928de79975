"""Out-of-fold predictions must be those of each fold's own fits to the rows that it holds out."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import RepeatedKFold, ShuffleSplit, StratifiedKFold, cross_val_predict

from sparsereg import (
    ElasticNetCV,
    LassoCV,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressorCV,
    RidgeCV,
    metrics,
    regularization_path,
)

N = 90
GRID = {"n_alphas": 6, "eps": 3e-3, "tol": 1e-10}


def data(kind, seed=0):
    """Return rows, a target, weights (some of them 0) and offsets."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, 6)) * (rng.random((N, 6)) < 0.7)
    t = X[:, :3] @ [1.0, -1.0, 0.5]
    targets = {
        "numbers": t + rng.standard_normal(N), "counts": rng.poisson(np.exp(0.5 * t)).astype(float),
        "two": (t + rng.logistic(size=N) > 0.0).astype(int),
        "three": np.digitize(t + rng.logistic(size=N), [-1.0, 1.0]),
    }
    offset = 0.3 * rng.standard_normal((N, 3) if kind == "three" else N)
    return X, targets[kind], rng.integers(0, 3, N).astype(float), offset


CASES = {
    "numbers": (LassoCV, {"loss": "squared"}), "counts": (PoissonRegressorCV, {"loss": "poisson"}),
    "two": (LogisticRegressionCV, {"loss": "logistic"}), "three": (LogisticRegressionCV, {"loss": "logistic"}),
}


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("kind", CASES)
def test_predictions_are_those_of_fits_to_subsets(kind, plain):
    X, y, weight, offset = data(kind)
    weight, offset = (None, None) if plain else (weight, offset)
    estimator, settings = CASES[kind]
    model = estimator(cv=3, keep_predictions=True, n_jobs=2, **GRID).fit(sparse.csr_array(X), y, weight, offset)
    target = np.eye(3)[y] if kind == "three" else y
    assert model.cv_predictions_.shape == (N, 6, 3)[: 3 if kind == "three" else 2]
    for k in range(3):
        train, test = model.cv_folds_ != k, model.cv_folds_ == k
        path = regularization_path(
            X[train], target[train], alphas=model.alphas_, tol=1e-10,
            sample_weight=None if plain else weight[train], offset=None if plain else offset[train], **settings,
        )
        expected = path.predict(X[test], offset=None if plain else offset[test])
        np.testing.assert_allclose(model.cv_predictions_[test], expected, atol=1e-4)
    # Rows of weight 0 are predicted too.
    assert np.isfinite(model.cv_predictions_).all()
    again = estimator(cv=3, keep_predictions=True, **GRID).fit(pd.DataFrame(X), y, weight, offset)
    np.testing.assert_array_equal(again.cv_predictions_, model.cv_predictions_)


@pytest.mark.parametrize("settings", [{}, {"relax": True}, {"n_alphas": 30, "eps": None}], ids=str)
def test_scores_are_those_of_the_predictions(settings):
    """Weighted, relaxed, and on a grid that goes on."""
    X, y, weight, offset = data("numbers")
    y = y if "n_alphas" not in settings else X @ np.ones(6) + 1e-4 * y
    model = LassoCV(cv=4, keep_predictions=True, **{**GRID, **settings}).fit(X, y, weight, offset)
    assert model.cv_predictions_.shape == (N, model.path_.alphas.size)
    assert ("n_alphas" in settings) == (model.path_.alphas.size > 30)
    for k in range(4):
        test = model.cv_folds_ == k
        errors = np.average((model.cv_predictions_[test] - y[test, None]) ** 2, axis=0, weights=weight[test])
        np.testing.assert_allclose(errors, model.cv_results_["fold_mse"][:, k], rtol=1e-9)


def test_of_several_l1_ratios_those_of_the_one_chosen():
    X, y, _, _ = data("two")
    model = LogisticRegressionCV(l1_ratio=[1.0, 0.5, 0.1], cv=3, keep_predictions=True, **GRID).fit(X, y)
    ratio = model.l1_ratio_
    alone = LogisticRegressionCV(l1_ratio=ratio, cv=3, keep_predictions=True, **GRID).fit(X, y)
    np.testing.assert_array_equal(model.cv_predictions_, alone.cv_predictions_)


@pytest.mark.parametrize("kind", [RidgeCV, ElasticNetCV])
def test_stacking_inputs_have_the_pooled_error(kind):
    X, y, _, _ = data("numbers")
    model = kind(cv=5, keep_predictions=True, n_alphas=6).fit(X, y)
    pooled = np.mean((model.cv_predictions_ - y[:, None]) ** 2, axis=0)
    np.testing.assert_allclose(pooled, model.cv_results_["mean_mse"], rtol=1e-9)


def test_pooled_auc_and_calibration():
    """The same as scikit-learn's of cross_val_predict, at the same alpha with the same folds."""
    X, y, _, _ = data("two")
    folds = StratifiedKFold(4, shuffle=True, random_state=1)
    model = LogisticRegressionCV(cv=folds, keep_predictions=True, **GRID).fit(X, y)
    for k, alpha in enumerate(model.alphas_[1:], 1):
        single = LogisticRegression(alpha, tol=1e-10)
        expected = cross_val_predict(single, X, y, cv=folds, method="predict_proba")[:, 1]
        found = model.cv_predictions_[:, k]
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert metrics.auc(y, found) == pytest.approx(roc_auc_score(y, expected), rel=1e-12)
        assert metrics.calibration_error(y, found) == pytest.approx(metrics.calibration_error(y, expected), abs=1e-3)


def test_rows_of_no_fold_and_of_several():
    X, y, _, _ = data("numbers")
    splitter = ShuffleSplit(3, test_size=0.3, random_state=0)
    model = LassoCV(cv=splitter, keep_predictions=True, **GRID).fit(X, y)
    total, count = np.zeros((N, 6)), np.zeros(N)
    for pair in splitter.split(X):
        one = LassoCV(alphas=model.alphas_, cv=[pair], keep_predictions=True, tol=1e-10).fit(X, y)
        test = pair[1]
        assert np.flatnonzero(np.isfinite(one.cv_predictions_[:, 0])).tolist() == sorted(test)
        assert np.flatnonzero(one.cv_folds_ == 0).tolist() == sorted(test)
        total[test] += one.cv_predictions_[test]
        count[test] += 1
    assert set(count) == {0.0, 1.0, 2.0, 3.0}
    np.testing.assert_allclose(model.cv_predictions_[count > 0], (total / count[:, None].clip(1.0))[count > 0])
    assert np.isnan(model.cv_predictions_[count == 0]).all()
    assert model.cv_folds_ is None
    assert LassoCV(cv=RepeatedKFold(n_splits=2, n_repeats=2), n_alphas=3).fit(X, y).cv_folds_ is None


def test_a_row_that_is_tested_twice_in_a_fold_counts_once():
    X, y, _, _ = data("numbers")
    train = np.arange(60)
    twice = LassoCV(cv=[(train, [60, 61, 61])], keep_predictions=True, **GRID).fit(X, y)
    once = LassoCV(cv=[(train, [60, 61])], keep_predictions=True, **GRID).fit(X, y)
    np.testing.assert_array_equal(twice.cv_predictions_, once.cv_predictions_)
    assert twice.cv_folds_ is None
    assert once.cv_folds_[[0, 60, 61, 62]].tolist() == [-1, 0, 0, -1]


def test_counts_beyond_float64_are_infinite_without_a_warning():
    X = np.r_[np.linspace(0.0, 1.0, 40), 1e4][:, None]
    y = np.r_[np.exp(3.0 * X[:40, 0]), 1.0].round()
    model = PoissonRegressorCV(alphas=[1e-4], cv=[(np.arange(40), [40])], keep_predictions=True).fit(X, y)
    assert np.isinf(model.cv_predictions_[40]).all()


def test_predictions_are_kept_where_asked_for():
    X, y, _, _ = data("numbers")
    model = LassoCV(cv=3, keep_predictions=True, n_alphas=4).fit(X, y)
    assert model.set_params(keep_predictions=False).fit(X, y).cv_predictions_ is None
    with pytest.raises(TypeError, match="keep_predictions: 1 is not allowed, expected True or False"):
        LassoCV(keep_predictions=1).fit(X, y)
