"""Fits, paths, cross-validation and measures of reduced rows against those of the rows themselves."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from support.reductions import ESTIMATORS, assert_tables_equal, equal_rows, parts_of, target

import sparsereg
from sparsereg import (
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearSVC,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    PoissonRegressorCV,
    Reduced,
    SGDClassifier,
    SGDRegressor,
    lasso_path,
    load_model,
    logistic_path,
    poisson_path,
    regularization_path,
    ridge_path,
    save_model,
)

CUTS = (90, 100, 333)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", ESTIMATORS)
def test_paths_are_those_of_the_rows(loss, weighted):
    X, effect, weight = equal_rows(with_values=loss in ("squared", "logistic"))
    y, weight = target(loss, effect), weight if weighted else None
    reduced = Reduced.merge_all(parts_of(X, y, weight, CUTS, loss=loss))
    settings = {"loss": loss, "n_alphas": 6, "eps": 0.01, "tol": 1e-10}
    path = regularization_path(X, y, sample_weight=weight, **settings)
    found = regularization_path(reduced, **settings)
    for name in ("alphas", "objectives", "deviances", "dev_ratio", "intercepts", "total_weight"):
        np.testing.assert_allclose(getattr(found, name), getattr(path, name), rtol=1e-8, atol=1e-10, err_msg=name)
    for name in ("n_samples", "n_active", "n_features"):
        np.testing.assert_array_equal(getattr(found, name), getattr(path, name), err_msg=name)
    assert np.all(found.dual_gaps <= 1e-10)
    # There are more columns than dimensions: where supports are large the predictor is unique, not the coefficients.
    small = path.df <= 20
    np.testing.assert_array_equal(found.df[small], path.df[small])
    assert abs((found.coefs - path.coefs)[:, small]).max() < 1e-5
    np.testing.assert_allclose(found.predict(X), path.predict(X), atol=1e-4)
    # The same fits on the same rows, in either form.
    assert_tables_equal(found.evaluate(reduced), found.evaluate(X, y, weight), rtol=1e-10)
    if loss in ("squared", "logistic", "poisson"):
        np.testing.assert_allclose(found.criterion("bic")[small], path.criterion("bic")[small], rtol=1e-8)


@pytest.mark.parametrize("loss", ESTIMATORS)
def test_estimators_are_those_of_the_rows(loss):
    X, effect, weight = equal_rows()
    y = target(loss, effect)
    blocks = [(X[k : k + 70], y[k : k + 70], weight[k : k + 70]) for k in range(0, 600, 70)]
    reduced = Reduced.of_blocks(blocks, loss=loss, n_folds=3)
    model, found = (ESTIMATORS[loss](alpha=0.01, tol=1e-11) for _ in range(2))
    model.fit(X, y, weight)
    found.fit(reduced)
    assert found.objective_ == pytest.approx(model.objective_, rel=1e-9)
    assert found.intercept_ == pytest.approx(model.intercept_, rel=1e-5, abs=1e-5)
    assert abs(found.sparse_coef_ - model.sparse_coef_).max() < 1e-5
    assert found.n_features_in_ == model.n_features_in_
    assert_tables_equal(found.evaluate(reduced), found.evaluate(X, y, weight), rtol=1e-10)
    warm = found.set_params(warm_start=True).fit(reduced)
    assert warm.n_iter_ <= model.n_iter_


@pytest.mark.parametrize(
    ("model", "loss"),
    [
        (LassoCV(n_alphas=6, eps=0.01), "squared"), (PoissonRegressorCV(n_alphas=6, eps=0.01), "poisson"),
        (LassoCV(n_alphas=4, eps=0.01, relax=True, scoring="r2"), "squared"),
        (
            LogisticRegressionCV(
                n_alphas=6, eps=0.01, class_weight="balanced", label_smoothing=0.1,
                scoring=["log_loss", "auc", "accuracy", "calibration_error", "deviance_explained"],
            ), "logistic",
        ),
    ],
)  # fmt: skip
def test_cross_validation_is_that_of_the_rows(model, loss):
    X, effect, weight = equal_rows()
    y, fold = target(loss, effect), np.random.default_rng(3).integers(-1, 3, 600)
    reduced = Reduced.merge_all(parts_of(X, y, weight, CUTS, loss=loss, fold=fold))
    rows = model.set_params(cv=fold).fit(X, y, weight).__dict__.copy()
    found = model.set_params(cv=None).fit(reduced)
    assert_tables_equal(found.cv_results_, rows["cv_results_"], rtol=1e-5, atol=1e-7)
    assert (found.alpha_min_, found.alpha_1se_) == pytest.approx((rows["alpha_min_"], rows["alpha_1se_"]))
    assert found.cv_folds_ is None
    assert str(found).startswith(type(model).__name__)


def test_folds_of_blocks_cross_validate():
    X, effect, _ = equal_rows()
    y = target("squared", effect)
    reduced = Reduced.of_blocks([(X[:400], y[:400]), (X[400:], y[400:])], loss="squared", n_folds=5, holdout=0.2)
    model = LassoCV(n_alphas=8).fit(reduced)
    assert model.cv_results_["fold_mse"].shape[1] == 5
    assert model.evaluate(reduced.held_out)["r2"] > 0.3


@pytest.mark.parametrize("labels", [np.array(["a", "b", "c"]), np.array([3, 5, 9]), np.array(["b", "a", "x"], object)])
def test_several_classes(labels):
    X, effect, weight = equal_rows()
    y = labels[np.digitize(effect + np.random.default_rng(0).gumbel(size=600), [-0.5, 1.0])]
    # A class that only the last block has.
    order = np.argsort(y == labels[-1], kind="stable")
    X, y, weight = X[order], y[order], weight[order]
    reduced = Reduced.merge_all(parts_of(X, y, weight, CUTS, loss="logistic"))
    settings = {"alpha": 0.005, "tol": 1e-10, "class_weight": "balanced", "label_smoothing": 0.05}
    model, found = (LogisticRegression(**settings) for _ in range(2))
    model.fit(X, y, weight)
    found.fit(reduced)
    assert found.objective_ == pytest.approx(model.objective_, rel=1e-9)
    np.testing.assert_array_equal(found.classes_, model.classes_)
    assert_tables_equal(found.evaluate(reduced), found.evaluate(X, y, weight), rtol=1e-9)
    path = logistic_path(reduced, n_alphas=3, eps=0.1, tol=1e-10)
    rows = logistic_path(X, y, sample_weight=weight, n_alphas=3, eps=0.1, tol=1e-10)
    np.testing.assert_allclose(path.objectives, rows.objectives, rtol=1e-9)
    np.testing.assert_array_equal(path.classes, rows.classes)
    assert_tables_equal(path.evaluate(reduced), path.evaluate(X, y, weight), rtol=1e-9)
    hinge = Reduced.of(X, y, weight, loss="squared_hinge")
    svc = [LinearSVC(0.01, tol=1e-10).fit(X, y, weight), LinearSVC(0.01, tol=1e-10).fit(hinge)]
    assert svc[0].objective_ == pytest.approx(svc[1].objective_, rel=1e-9)
    with pytest.raises(ValueError, match="X: 3 classes, expected two for loss='squared_hinge'"):
        regularization_path(hinge, loss="squared_hinge")


@pytest.mark.parametrize("form", ["probabilities", "counts", "second"])
def test_probabilities_and_counts(form):
    X, effect, weight = equal_rows()
    rng = np.random.default_rng(4)
    p = 1.0 / (1.0 + np.exp(-effect))
    y = {
        "probabilities": np.column_stack([1.0 - p, 0.4 * p, 0.6 * p]),
        "counts": np.column_stack([rng.binomial(4, 1.0 - p), rng.binomial(3, p)]), "second": p,
    }[form]  # fmt: skip
    reduced = Reduced.merge_all(parts_of(X, y, weight, CUTS, loss="logistic"))
    model, found = (LogisticRegression(0.005, tol=1e-11) for _ in range(2))
    model.fit(X, y, weight)
    found.fit(reduced)
    assert found.objective_ == pytest.approx(model.objective_, rel=1e-9)
    assert_tables_equal(found.evaluate(reduced), found.evaluate(X, y, weight), rtol=1e-9)
    weighted = LogisticRegression(0.005, tol=1e-11, class_weight={1: 3.0})
    if form == "counts":
        expected = weighted.fit(X, y, weight).objective_
        assert weighted.fit(reduced).objective_ == pytest.approx(expected, rel=1e-9)
    else:
        with pytest.raises(ValueError, match="class_weight: not allowed with reduced rows of probabilities"):
            weighted.fit(reduced)


def test_a_class_of_weight_0_is_none():
    X, effect, weight = equal_rows()
    y = np.digitize(effect + 2.0 * np.random.default_rng(0).standard_normal(600), [-0.5, 1.0])
    reduced = Reduced.of(X, y, weight, loss="logistic", fold=np.arange(600) % 3)
    settings = {"tol": 1e-10, "class_weight": {0: 0.0, 1: 2.0}}
    model, found = (LogisticRegression(0.01, **settings) for _ in range(2))
    assert model.fit(X, y, weight).objective_ == pytest.approx(found.fit(reduced).objective_, rel=1e-9)
    assert found.classes_.tolist() == [1, 2]
    cv = {"n_alphas": 6, "eps": 1e-3, **settings}
    rows = LogisticRegressionCV(cv=np.arange(600) % 3, **cv).fit(X, y, weight)
    assert_tables_equal(LogisticRegressionCV(**cv).fit(reduced).cv_results_, rows.cv_results_, rtol=1e-5, atol=1e-7)


@given(constant=st.floats(0.01, 20.0), loss=st.sampled_from(["squared", "poisson"]))
def test_shares_of_no_deviance_are_undefined(constant, loss):
    X, _, _ = equal_rows(60)
    y, fold = np.full(60, constant), np.arange(60) % 3
    y[fold == 2] = np.where(np.arange(20) % 2, 0.5, 1.0)
    model = {"squared": LassoCV, "poisson": PoissonRegressorCV}[loss](alphas=[0.1], scoring=None)
    reduced = model.fit(Reduced.of(X, y, loss=loss, fold=fold)).cv_results_
    name = {"squared": "r2", "poisson": "deviance_explained"}[loss]
    assert np.isnan(reduced[f"fold_{name}"][0]).tolist() == [True, True, False]


def test_means_that_are_all_the_same_may_hide_a_deviance():
    X, y = sparse.csr_array(np.tile(np.eye(2), (6, 1))), np.repeat([0.0, 2.0, 1.0], 4)
    fold = np.tile([0, 0, 1, 1], 3)
    found = LassoCV(alphas=[0.1]).fit(Reduced.of(X, y, loss="squared", fold=fold)).cv_results_["fold_r2"]
    np.testing.assert_array_equal(found, [[0.0, 0.0]])


def test_counts_of_0_and_1_hide_a_deviance_too():
    # All w y log y are 0 where every count is 0 or 1.
    rng = np.random.default_rng(0)
    X = sparse.csr_array((rng.random((200, 4)) < 0.5).astype(float))
    y = (rng.random(200) < 0.3).astype(float)
    reduced = Reduced.of(X, y, loss="poisson")
    path, found = (poisson_path(*data, alphas=[0.1, 0.01], tol=1e-10) for data in ((X, y), (reduced,)))
    for name in ("objectives", "deviances", "dev_ratio"):
        np.testing.assert_allclose(getattr(found, name), getattr(path, name), rtol=1e-8, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(found.evaluate(reduced)["deviance"], path.evaluate(X, y)["deviance"], rtol=1e-8)


def test_short_forms_and_other_settings():
    X, effect, weight = equal_rows(with_values=True)
    y, counts = target("squared", effect), target("poisson", effect)
    reduced = Reduced.of(X, y, weight, loss="squared")
    settings = {"alphas": [0.1, 0.01], "tol": 1e-11}
    for path in (lasso_path, sparsereg.enet_path, ridge_path):
        others = {"standardize": True}, {"fit_intercept": False}, {"positive": True}, {"penalty_factor": {10**6: 0}}
        for more in others:
            rows = path(X, y, sample_weight=weight, **settings, **more)
            np.testing.assert_allclose(path(reduced, **settings, **more).objectives, rows.objectives, rtol=1e-9)
    rows, found = poisson_path(X, counts, **settings), poisson_path(Reduced.of(X, counts, loss="poisson"), **settings)
    np.testing.assert_allclose(found.objectives, rows.objectives)
    for penalty in ("mcp", "l0"):
        rows = lasso_path(X, y, sample_weight=weight, penalty=penalty, alphas=[0.1])
        np.testing.assert_allclose(lasso_path(reduced, penalty=penalty, alphas=[0.1]).objectives, rows.objectives, 1e-6)


def test_columns_by_name_and_saved_models(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).integers(0, 3, (80, 3)).astype(float), columns=["a", "b", "c"])
    y = frame.a - frame.c + np.sin(np.arange(80))
    reduced = Reduced.of_blocks([(frame[:50], y[:50]), (frame[50:], y[50:])], loss="squared")
    model = Lasso(0.01, bounds=({"a": -0.5}, None)).fit(reduced)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    assert model.objective_ == pytest.approx(Lasso(0.01, bounds=({"a": -0.5}, None)).fit(frame, y).objective_)
    path = lasso_path(reduced, n_alphas=3)
    for thing in (model, path):
        save_model(thing, tmp_path / "model.npz")
        found = load_model(tmp_path / "model.npz").evaluate(reduced)
        assert_tables_equal(found, thing.evaluate(frame, y))
    with pytest.raises(ValueError, match=r"(?s)feature names"):
        model.evaluate(Reduced.of(frame[["b", "a", "c"]], y, loss="squared"))


def test_columns_that_only_rows_without_weight_have_are_none():
    X = sparse.csr_array(np.diag([1.0, 1.0, 1.0, 1.0]))
    reduced = Reduced.of(X, [1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 0.0, 1.0], loss="squared")
    path = lasso_path(reduced, n_alphas=2)
    assert (path.n_active, path.n_samples, path.total_weight) == (3, 3, 3.0)


def test_what_does_not_go_with_a_reduction():
    X, effect, _ = equal_rows(60)
    y = target("squared", effect)
    reduced, labels = Reduced.of(X, y, loss="squared"), Reduced.of(X, np.sign(effect), loss="logistic")
    folded = Reduced.of(X, y, loss="squared", fold=np.arange(60) % 2)
    calls = {
        r"y: not allowed beside a reduction": lambda: Lasso().fit(reduced, y),
        r"sample_weight: not allowed beside": lambda: lasso_path(reduced, sample_weight=np.ones(60)),
        r"offset: not allowed beside": lambda: Lasso().fit(reduced, offset=y),
        r"is for loss='squared', expected one for loss='huber'": lambda: HuberRegressor().fit(reduced),
        r"is for loss='logistic', expected one for loss='squared'": lambda: lasso_path(labels),
        r"is for loss='squared', expected one for loss='poisson'": lambda: poisson_path(reduced),
        r"this reduction has no folds": lambda: LassoCV().fit(reduced),
        r"cv: not allowed with reduced rows": lambda: LassoCV(cv=3).fit(folded),
        r"groups: not allowed with reduced": lambda: LassoCV().fit(folded, groups=np.ones(60)),
        r"scoring: not allowed with reduced": lambda: LassoCV(scoring=lambda *_: 0.0).fit(folded),
        r"keep_predictions: not allowed": lambda: LassoCV(keep_predictions=True).fit(folded),
        r"no row of positive weight": lambda: Lasso().fit(Reduced.of(X, y, np.zeros(60), loss="squared")),
        r"sum of the weights is beyond": lambda: Lasso().fit(Reduced.of(X, y, np.full(60, 1e308), loss="squared")),
        r"is for loss='logistic', expected one for": lambda: Lasso().fit(X, y).evaluate(labels),
        r"y: not allowed beside": lambda: Lasso().fit(X, y).evaluate(reduced, y),
        r"60 features, but|features as input": lambda: Lasso().fit(X[:, :9], y).evaluate(reduced),
        r"only one class, \[1.0\], has": lambda: LogisticRegression().fit(Reduced.of(X, np.ones(60), loss="logistic")),
        r"several classes at once": lambda: logistic_path(Reduced.of(np.eye(3), np.tri(3), loss="logistic")),
    }
    for message, call in calls.items():
        with pytest.raises(ValueError, match=message):
            call()


def test_classes_that_a_fit_does_not_know():
    X, effect, _ = equal_rows(60)
    y = np.digitize(effect, [-0.5, 1.0])
    model = LogisticRegression(0.01).fit(X[y > 0], y[y > 0])
    with pytest.raises(ValueError, match=r"samples of 0, which is not among the classes \[1, 2\]"):
        model.evaluate(Reduced.of(X, y, loss="logistic"))
    # Fewer are welcome.
    some = y == 2
    found = model.evaluate(Reduced.of(X[some], y[some], loss="logistic"))
    assert found["log_loss"] == pytest.approx(model.evaluate(X[some], y[some])["log_loss"])


def test_a_failed_fit_leaves_the_last_one():
    X, effect, _ = equal_rows(60)
    y = target("squared", effect)
    model = Lasso(0.01).fit(X, y)
    before = model.objective_
    with pytest.raises(ValueError, match="expected one for loss='squared'"):
        model.fit(Reduced.of(X, y, loss="huber"))
    assert model.objective_ == before


def test_calibrated_models_are_judged_with_their_calibration():
    X, effect, _ = equal_rows()
    y = target("logistic", effect)
    model = LogisticRegression(0.02).fit(X, y).calibrate(X, y)
    assert_tables_equal(model.evaluate(Reduced.of(X, y, loss="logistic")), model.evaluate(X, y))


def test_what_needs_rows_says_so():
    X, effect, _ = equal_rows(60)
    y = target("squared", effect)
    reduced, labels = Reduced.of(X, y, loss="squared"), Reduced.of(X, y > 50, loss="logistic")
    model, sgd = Lasso(0.01).fit(X, y), SGDRegressor(max_iter=5, tol=None).fit(X, y)
    calls = [
        lambda: SGDRegressor().fit(reduced), lambda: SGDRegressor().fit(reduced, y),
        lambda: SGDClassifier().fit(labels), lambda: sgd.partial_fit(reduced, y), lambda: sgd.predict(reduced),
        lambda: model.predict(reduced), lambda: model.score(reduced), lambda: model.score(reduced, y),
        lambda: sgd.score(reduced), lambda: LogisticRegression(0.01).fit(labels).predict_proba(labels),
        lambda: LinearSVC().fit(X, y > 50).score(labels), lambda: PoissonRegressor().fit(X, y).score(reduced),
        lambda: lasso_path(reduced, n_alphas=2).predict(reduced), lambda: Reduced.of(reduced, y, loss="squared"),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(TypeError, match="X: a Reduced is not allowed here, expected the rows of a matrix"):
            call()
    for fitted in (model, sgd, LogisticRegression(0.01).fit(labels), PoissonRegressor().fit(X, y)):
        with pytest.raises(TypeError, match="y: None is not allowed, expected the targets"):
            fitted.score(X)
