"""Scores that a fold leaves undefined: they decide nothing."""

import warnings

import numpy as np
import pytest

from sparsereg import (
    ConvergenceWarning,
    LassoCV,
    LogisticRegressionCV,
    PoissonRegressorCV,
    metrics,
    regularization_path,
)
from sparsereg.model_selection.cross_validation import choose, comparable_means

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 5))
Y = 3.0 * X[:, 0] + RNG.standard_normal(40)


@pytest.mark.parametrize("scoring", ["r2", ["r2", "mse"], lambda model, X, y: float("nan")])
def test_a_score_that_is_undefined_everywhere_is_refused(scoring):
    """Leave-one-out with R2 made all alphas equal, and the empty model the first of them."""
    model = LassoCV(cv=40, scoring=scoring, n_alphas=10)
    with pytest.raises(ValueError, match=r"scoring: '(r2|score)' is undefined \(NaN\) at every alpha.*Expected folds"):
        model.fit(X, Y)
    assert not model.__sklearn_is_fitted__()
    # The mean squared error of one row is defined, and R2 is reported for what it is.
    default = LassoCV(cv=40, n_alphas=10).fit(X, Y)
    assert default.score(X, Y) > 0.8
    assert np.isnan(default.cv_results_["fold_r2"]).all()


def test_scorers_of_scikit_learn_that_are_undefined():
    selection, sk_metrics = pytest.importorskip("sklearn.model_selection"), pytest.importorskip("sklearn.metrics")
    scorer = sk_metrics.make_scorer(sk_metrics.r2_score)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # scikit-learn's, of every fold
        with pytest.raises(ValueError, match="scoring: 'score' is undefined"):
            LassoCV(cv=selection.LeaveOneOut(), scoring=scorer, n_alphas=5).fit(X, Y)


def test_a_fold_that_leaves_a_score_undefined_has_no_part_in_the_choice():
    labels = (Y > 0.0).astype(int)
    ones = np.flatnonzero(labels)[:6]
    rest = np.setdiff1d(np.arange(40), ones)
    folds = [(np.setdiff1d(np.arange(40), test), test) for test in (ones, rest[:17], rest[17:])]
    with_it = LogisticRegressionCV(cv=folds, scoring="auc", n_alphas=15).fit(X, labels)
    without = LogisticRegressionCV(cv=folds[1:], scoring="auc", n_alphas=15).fit(X, labels)
    assert np.isnan(with_it.cv_results_["fold_auc"][:, 0]).all()
    assert np.isnan(with_it.cv_results_["fold_deviance_explained"][:, 0]).all()
    np.testing.assert_array_equal(with_it.alphas_, without.alphas_)
    np.testing.assert_allclose(with_it.cv_results_["mean_auc"], without.cv_results_["mean_auc"])
    assert with_it.alpha_ == without.alpha_
    assert with_it.best_index_ > 0


def test_an_alpha_that_is_undefined_in_some_folds_is_not_chosen():
    """A mean over the easier folds alone would win."""
    nan = np.nan
    table = {
        "fold_s": np.array([[nan, nan, nan], [0.9, nan, nan], [0.5, 0.2, nan], [0.6, 0.3, nan]]),
        "mean_s": np.array([nan, 0.9, 0.35, 0.45]), "se_s": np.full(4, 0.2), "l1_ratio": np.ones(4),
    }
    means = comparable_means(table, "s")
    np.testing.assert_array_equal(means, [nan, nan, 0.35, 0.45])
    comparable = {**table, "mean_s": means}
    assert choose(comparable, "s", "min", True) == 3
    assert choose(comparable, "s", "1se", True) == 2

    def correlation(model, X, y):
        prediction = model.predict(X)
        return np.corrcoef(prediction, y)[0, 1] if np.ptp(prediction) > 0.0 else float("nan")

    # No correlation with the constant predictions of the empty model, which is best for no fold of its own.
    model = LassoCV(cv=4, scoring=correlation, n_alphas=10).fit(X, Y)
    assert np.isnan(model.cv_results_["fold_score"][0]).any()
    assert model.best_index_ > 0
    assert model.score(X, Y) > 0.5


def test_what_a_constant_predicts_exactly():
    for y, loss, flat in (
        ([2.0, 2.0], "squared", True), ([2.0, 3.0], "squared", False), ([0.1], "squared", True),
        ([0.0, 0.0], "poisson", True), ([1.0, 1.0], "logistic", True), ([0.3, 0.3], "logistic", False),
        ([[0.0, 1.0, 0.0]] * 2, "logistic", True), ([[0.2, 0.8, 0.0]] * 2, "logistic", False),
        ([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], "logistic", False),
    ):
        assert metrics.has_no_deviance(np.array(y), loss) is flat


def test_counts_of_a_fold_that_are_all_alike():
    counts = RNG.poisson(np.exp(X[:, 0]))
    counts[:10] = 1
    model = PoissonRegressorCV(cv=4, scoring="deviance_explained", n_alphas=10).fit(X, counts)
    shares = model.cv_results_["fold_deviance_explained"]
    assert np.isnan(shares[:, 0]).all()
    assert np.isfinite(shares[:, 1:]).all()
    assert np.isfinite(model.cv_results_["fold_deviance"]).all()


def test_ties_go_to_the_larger_alpha():
    table = {"mean_mse": 1.0 + np.array([1.0, 3e-16, 0.0, 2e-16, 0.5]), "se_mse": np.zeros(5), "l1_ratio": np.ones(5)}
    assert choose(table, "mse", "min", False) == 1
    assert choose({**table, "mean_mse": -table["mean_mse"]}, "mse", "min", True) == 1
    for end in (np.inf, -np.inf):
        assert choose({**table, "mean_mse": np.array([np.nan, end, end])}, "mse", "min", end < 0.0) == 1
    # Copies of rows: supports that differ in columns which fit alike give the same relaxed fits but for rounding.
    wide = np.c_[X, X[:, :1] * 2.0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LassoCV(relax=True, cv=4, n_alphas=60).fit(wide, Y)
    mean = model.cv_results_["mean_mse"]
    assert model.best_index_ == np.argmax(mean <= mean.min() * (1.0 + 1e-10))


@pytest.mark.filterwarnings("ignore:eps. the best alpha")
@pytest.mark.parametrize(("Model", "loss", "y"), [
    (LassoCV, "squared", Y), (PoissonRegressorCV, "poisson", np.abs(Y).round()),
    (LogisticRegressionCV, "logistic", np.where(Y > 0.0, 1, 0)),
])
def test_shares_are_of_intercept_plus_offset(Model, loss, y):
    """As `evaluate` measures them on the rows of a fold."""
    offset, folds = RNG.standard_normal(40), np.arange(40) % 2
    name = "r2" if loss == "squared" else "deviance_explained"
    model = Model(cv=folds, scoring=name, n_alphas=4, eps=0.1, tol=1e-10).fit(X, y, offset=offset)
    for fold in (0, 1):
        learn, held = folds != fold, folds == fold
        path = regularization_path(X[learn], y[learn], loss=loss, alphas=model.alphas_, offset=offset[learn], tol=1e-10)
        expected = path.evaluate(X[held], y[held], offset=offset[held])[name]
        np.testing.assert_allclose(model.cv_results_[f"fold_{name}"][:, fold], expected, rtol=1e-5, atol=1e-6)


def test_what_intercept_plus_offset_predicts_is_undefined():
    """And no more what a constant predicts, where there is an offset."""
    offset, folds = np.arange(40.0), np.arange(40) % 2
    flat = np.where(folds == 0, offset, Y)
    table = LassoCV(cv=folds, scoring="mse", n_alphas=3).fit(X, flat, offset=offset).cv_results_
    assert np.isnan(table["fold_r2"][:, 0]).all()
    assert np.isfinite(table["fold_r2"][:, 1]).all()
    table = LassoCV(cv=folds, scoring="mse", n_alphas=3).fit(X, np.where(folds == 0, 1.0, Y), offset=offset).cv_results_
    assert np.isfinite(table["fold_r2"]).all()
