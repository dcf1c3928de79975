"""Offsets of reductions: part of what makes rows equal, and of fits, folds and measures."""

import numpy as np
import pytest
from support.reductions import ESTIMATORS, assert_tables_equal, equal_rows, parts_of, target

from sparsereg import (
    ElasticNetCV,
    Lasso,
    LassoCV,
    LinearSVC,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressorCV,
    Reduced,
    lasso_path,
    logistic_path,
    regularization_path,
)

CUTS = (90, 100, 333)


def rows_with_offset(loss, n=600):
    """Return rows, targets, weights and offsets of few values, which the targets follow."""
    X, effect, weight = equal_rows(n)
    offset = np.random.default_rng(5).integers(-2, 2, n) / 2.0
    return X, target(loss, effect + offset), weight, offset


@pytest.mark.parametrize("loss", ESTIMATORS)
def test_paths_are_those_of_the_rows(loss):
    X, y, weight, offset = rows_with_offset(loss)
    reduced = Reduced.merge_all(parts_of(X, y, weight, CUTS, loss=loss, offset=offset))
    settings = {"loss": loss, "n_alphas": 4, "eps": 0.05, "tol": 1e-10}
    path = regularization_path(X, y, sample_weight=weight, offset=offset, **settings)
    found = regularization_path(reduced, **settings)
    for name in ("alphas", "objectives", "deviances", "dev_ratio", "intercepts", "total_weight"):
        np.testing.assert_allclose(getattr(found, name), getattr(path, name), rtol=1e-8, atol=1e-10, err_msg=name)
    np.testing.assert_array_equal(found.df, path.df)
    assert found.has_offset
    assert_tables_equal(found.evaluate(reduced), found.evaluate(X, y, weight, offset), rtol=1e-9)
    assert_tables_equal(found.evaluate(reduced, offset=0), found.evaluate(X, y, weight, 0), rtol=1e-9)
    # Of a fit without an offset those of the rows count as well.
    plain = regularization_path(X, y, sample_weight=weight, **settings)
    assert_tables_equal(plain.evaluate(reduced), plain.evaluate(X, y, weight, offset), rtol=1e-9)


@pytest.mark.parametrize("loss", ESTIMATORS)
def test_estimators_are_those_of_the_rows(loss):
    X, y, weight, offset = rows_with_offset(loss)
    reduced = Reduced.of(X, y, weight, offset, loss=loss)
    model, found = (ESTIMATORS[loss](alpha=0.01, tol=1e-11) for _ in range(2))
    model.fit(X, y, weight, offset)
    found.fit(reduced)
    assert found.objective_ == pytest.approx(model.objective_, rel=1e-9)
    assert abs(found.sparse_coef_ - model.sparse_coef_).max() < 1e-5
    assert_tables_equal(found.evaluate(reduced), found.evaluate(X, y, weight, offset), rtol=1e-9)
    with pytest.raises(ValueError, match="offset: None is not allowed"):
        found.predict(X)
    with pytest.raises(ValueError, match="offset: None is not allowed"):
        found.evaluate(Reduced.of(X, y, weight, loss=loss))
    assert_tables_equal(found.evaluate(Reduced.of(X, y, weight, loss=loss), offset=0), found.evaluate(X, y, weight, 0))


@pytest.mark.parametrize(
    ("model", "loss"),
    [
        (LassoCV(n_alphas=5, eps=1e-3), "squared"), (ElasticNetCV(n_alphas=5, eps=1e-3), "squared"),
        (PoissonRegressorCV(n_alphas=5, eps=1e-3), "poisson"), (LogisticRegressionCV(n_alphas=5, eps=1e-3), "logistic"),
    ],
)  # fmt: skip
def test_cross_validation_is_that_of_the_rows(model, loss):
    X, y, weight, offset = rows_with_offset(loss)
    fold = np.random.default_rng(3).integers(0, 3, 600)
    reduced = Reduced.merge_all(parts_of(X, y, weight, CUTS, loss=loss, fold=fold, offset=offset))
    model.set_params(scoring=["mse", "r2"] if loss == "squared" else ["deviance_explained"])
    rows = model.set_params(cv=fold).fit(X, y, weight, offset).cv_results_
    assert_tables_equal(model.set_params(cv=None).fit(reduced).cv_results_, rows, rtol=1e-5, atol=1e-7)
    with pytest.raises(ValueError, match="offset: None is not allowed"):
        model.predict(X)


def test_what_an_offset_and_an_intercept_leave_within_entries_is_a_deviance():
    # Means that offset and intercept meet exactly: what the samples are about them is left to explain.
    X, offset = np.tile(np.eye(2), (6, 1)), np.tile([0.0, 1.0], 6)
    y = np.repeat([-1.0, 1.0, 0.0], 4) + offset
    fold = np.tile([0, 0, 1, 1], 3)
    reduced = Reduced.of(X, y, offset=offset, loss="squared", fold=fold)
    found = LassoCV(alphas=[0.1]).fit(reduced).cv_results_["fold_r2"]
    np.testing.assert_allclose(found, LassoCV(alphas=[0.1], cv=fold).fit(X, y, offset=offset).cv_results_["fold_r2"])
    np.testing.assert_allclose(found, 0.0, atol=1e-12)


def test_rows_are_equal_if_their_offsets_are():
    reduced = Reduced.of(np.ones((4, 1)), [1.0, 2.0, 3.0, 4.0], offset=[0.5, 0.0, 0.5, -0.0], loss="squared")
    entries = reduced.entries
    assert (reduced.n_rows, reduced.has_offset) == (1, True)
    assert entries.offset.tolist() == [0.5, 0.0]
    assert entries.sums.columns[0].tolist() == [2.0, 3.0]
    assert "an offset" in repr(reduced)
    assert Reduced.of(np.ones((2, 1)), [1.0, 2.0], offset=0.5, loss="squared").entries.offset.tolist() == [0.5]


def test_calibrated_models_count_offsets_by_their_slope():
    X, y, weight, offset = rows_with_offset("logistic")
    model = LogisticRegression(0.02).fit(X, y, weight, offset).calibrate(X, y, offset=offset)
    reduced = Reduced.of(X, y, offset=offset, loss="logistic")
    assert_tables_equal(model.evaluate(reduced), model.evaluate(X, y, offset=offset))


def test_zeros_are_as_good_as_none():
    X, y, weight, _ = rows_with_offset("squared", 60)
    model = Lasso(0.01).fit(Reduced.of(X, y, weight, np.zeros(60), loss="squared"))
    assert model.objective_ == pytest.approx(Lasso(0.01).fit(X, y, weight).objective_)
    model.predict(X)


def test_what_does_not_go_with_an_offset():
    X, y, _, offset = rows_with_offset("squared", 60)
    plain, moved = Reduced.of(X, y, loss="squared"), Reduced.of(X, y, offset=offset, loss="squared")
    labels = np.arange(60) % 3
    of_three = Reduced.of(X, labels, offset=offset, loss="logistic")
    hinges = Reduced.of(X, labels, offset=offset, loss="squared_hinge")
    calls = {
        "part 1 .*offsets are in some parts": lambda: plain.merge(moved),
        "offset: not allowed beside a reduction": lambda: lasso_path(moved, offset=offset),
        "offset: not allowed beside": lambda: Lasso(0.1).fit(moved).evaluate(moved, offset=offset),
        "an offset, one number a row, which goes with two classes and not with 3": lambda: logistic_path(of_three),
        "which goes with two classes and not": lambda: LinearSVC().fit(hinges),
        "with two classes and not with 3": lambda: LogisticRegression().fit(X, labels).evaluate(of_three),
        r"offset: length 59|offset: .*59": lambda: Reduced.of(X, y, offset=offset[1:], loss="squared"),
        r"offset contains NaN": lambda: Reduced.of(X, y, offset=np.where(labels, 0, np.nan), loss="squared"),
        "scoring: .* knows no offset": lambda: LassoCV(scoring=lambda *_: 0.0, cv=2).fit(X, y, offset=offset),
    }
    for message, call in calls.items():
        with pytest.raises(ValueError, match=message):
            call()
