"""Folds of cross-validated models: as exact as their scores need, of any form, each with what a fit takes."""

import numpy as np
import pytest

from sparsereg import (
    ElasticNetCV,
    Lasso,
    LassoCV,
    LogisticRegressionCV,
    RidgeCV,
    regularization_path,
)


def diabetes():
    """Return 442 patients, and five shuffled folds of them."""
    datasets, selection = pytest.importorskip("sklearn.datasets"), pytest.importorskip("sklearn.model_selection")
    X, y = datasets.load_diabetes(return_X_y=True, scaled=False)
    return X, y, list(selection.KFold(5, shuffle=True, random_state=0).split(X))


def test_relaxed_folds_are_exact():
    """Just below the largest alpha a rough fit uses no column where the exact one uses one."""
    X, y, folds = diabetes()
    model = LassoCV(relax=True, standardize=True, cv=folds, n_alphas=30).fit(X, y)
    expected = np.empty((30, 5))
    for k, (train, test) in enumerate(folds):
        path = regularization_path(X[train], y[train], standardize=True, alphas=model.alphas_[:30], tol=1e-14)
        for position in range(30):
            support = path.sparse_coef.at(position).ids
            design, unseen = (np.c_[np.ones(len(rows)), X[rows][:, support]] for rows in (train, test))
            coef = np.linalg.lstsq(design, y[train])[0]
            expected[position, k] = np.mean((y[test] - unseen @ coef) ** 2)
    np.testing.assert_allclose(model.cv_results_["fold_mse"][:30], expected, rtol=1e-6)
    assert model.cv_results_["mean_mse"][0] == pytest.approx(5259.5549, abs=1e-3)


@pytest.mark.parametrize("scoring", ["auc", ["log_loss", "accuracy"], "roc_auc"])
def test_folds_are_tight_where_scores_jump(scoring):
    X, y, folds = diabetes()
    labels = y > np.median(y)
    model = LogisticRegressionCV(standardize=True, cv=folds, n_alphas=20, scoring=scoring, tol=1e-3).fit(X, labels)
    for k, (train, test) in enumerate(folds):
        path = regularization_path(
            X[train], labels[train].astype(float), loss="logistic", standardize=True, alphas=model.alphas_, tol=1e-12
        )
        expected = path.evaluate(X[test], labels[test].astype(float))
        for name, metric in {"auc": "auc", "roc_auc": "auc", "accuracy": "accuracy"}.items():
            if f"fold_{name}" in model.cv_results_:
                np.testing.assert_allclose(model.cv_results_[f"fold_{name}"][:, k], expected[metric], rtol=1e-12)


def test_a_single_validation_set():
    """One pair (train, test) is the plain validation workflow; a standard error takes more."""
    train, test = np.arange(60), np.arange(60, 90)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((90, 5))
    y = X[:, 0] + rng.standard_normal(90)
    model = LassoCV(cv=[(train, test)], n_alphas=8).fit(X, y)
    fits = [Lasso(alpha).fit(X[train], y[train]) for alpha in model.alphas_]
    errors = [np.mean((fit.predict(X[test]) - y[test]) ** 2) for fit in fits]
    np.testing.assert_allclose(model.cv_results_["mean_mse"], errors, rtol=1e-2)
    assert np.isnan(model.cv_results_["se_mse"]).all()
    with pytest.raises(ValueError, match="rule: '1se' needs a standard error and cv gives one fold"):
        LassoCV(cv=[(train, test)], rule="1se", n_alphas=3).fit(X, y)


def test_settings_that_make_no_sense_together():
    X, y = np.eye(20)[:, :4], np.arange(20.0)
    with pytest.raises(ValueError, match="alphas: shape"):
        LassoCV(alphas=20.0).fit(X, y)
    with pytest.raises(ValueError, match="relax: True is not allowed with l1_ratio=0"):
        RidgeCV(relax=True).fit(X, y)
    with pytest.raises(TypeError, match="scoring: the scorer returned 'good', expected a number"):
        LassoCV(n_alphas=3, scoring=lambda model, X, y: "good").fit(X, y)
    labels = np.r_[7, np.arange(19) % 2]
    with pytest.raises(ValueError, match=r"cv: the train part of fold \d cannot be fitted, because a class"):
        LogisticRegressionCV(n_alphas=3, cv=2).fit(X, labels)


@pytest.mark.parametrize("level", [1.0 / 3.0, 5e8 + 0.1])
@pytest.mark.parametrize("kind", [LassoCV, ElasticNetCV, RidgeCV])
def test_a_constant_target_gives_the_intercept_and_a_grid_from_one(kind, level):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3))
    for y in (np.full(40, level), np.r_[np.full(32, level), np.full(8, level)]):
        model = kind(n_alphas=5).fit(X, y)
        assert model.alphas_[0] == model.alpha_ == 1.0
        assert not model.coef_.any()
        assert model.intercept_ == pytest.approx(level, rel=1e-15)


def test_a_column_may_be_far_from_zero_in_a_fold_alone():
    """Its one zero is in the row that the fold leaves out; scores are those of the column near zero."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((60, 2))
    y = z @ [1.0, -0.5] + 0.1 * rng.standard_normal(60)
    X = z + [1e8, 0.0]
    X[7, 0] = 0.0
    kept = np.delete(np.arange(60), 7)
    train, test = kept[:40], kept[40:]
    alphas = [0.1, 0.01, 0.001]
    far = LassoCV(alphas=alphas, cv=[(train, test)]).fit(X, y)
    near = LassoCV(alphas=alphas, cv=[(train, test)]).fit(z, y)
    # Folds are solved to a gap of 1e-4.
    np.testing.assert_allclose(far.cv_results_["fold_mse"], near.cv_results_["fold_mse"], rtol=1e-3)
