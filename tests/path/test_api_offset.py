"""What was fitted with an offset predicts with one, or is told that there is none."""

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV

from sparsereg import (
    ElasticNet,
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearSVC,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    PoissonRegressorCV,
    Ridge,
    RidgeCV,
    SGDRegressor,
    logistic_path,
    poisson_path,
    regularization_path,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
OFFSET = 1.0 + RNG.normal(size=60)
BINARY = (X[:, 0] + OFFSET + RNG.normal(size=60) > 1.0).astype(float)
THREE = RNG.integers(0, 3, 60)
CV = {"n_alphas": 4, "cv": 3}
MODELS = [
    Lasso(0.01), ElasticNet(0.01), Ridge(0.01), HuberRegressor(0.01), PoissonRegressor(0.01), LogisticRegression(),
    LinearSVC(), LassoCV(**CV), RidgeCV(**CV), PoissonRegressorCV(**CV), LogisticRegressionCV(**CV),
]
METHODS = ("predict", "decision_function", "predict_proba", "predict_log_proba")
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


def refused(call, owner):
    with pytest.raises(ValueError, match=rf"^offset: None is not allowed, because this {owner} was fitted with an off"):
        call()


@each_model
def test_models(model):
    fitted = model.fit(X, BINARY, offset=OFFSET)
    owner = type(model).__name__
    for name in METHODS:
        if hasattr(fitted, name):
            method = getattr(fitted, name)
            refused(lambda method=method: method(X), owner)
            np.testing.assert_array_equal(method(X, offset=0), method(X, offset=np.zeros(60)))
            assert np.isfinite(method(X, OFFSET)).all()
    refused(lambda: fitted.score(X, BINARY), owner)
    assert fitted.score(X, BINARY, offset=0) == fitted.score(X, BINARY, offset=np.zeros(60))
    assert fitted.score(X, BINARY, offset=0) != fitted.score(X, BINARY, offset=OFFSET)
    # A fit without one forgets it.
    for none in (None, np.zeros(60)):
        assert model.fit(X, BINARY, offset=none).score(X, BINARY) == model.score(X, BINARY, offset=0)


@pytest.mark.parametrize("model", [LogisticRegression(), LinearSVC(), LogisticRegressionCV(**CV)])
def test_three_classes(model):
    offset = RNG.normal(size=(60, 3))
    fitted = model.fit(X, THREE, offset=offset)
    refused(lambda: fitted.predict(X), type(model).__name__)
    np.testing.assert_array_equal(
        fitted.decision_function(X, offset=0), fitted.decision_function(X, offset=np.zeros((60, 3)))
    )
    np.testing.assert_allclose(
        fitted.decision_function(X, offset), fitted.decision_function(X, offset=0) + offset, rtol=1e-12
    )


@pytest.mark.parametrize("make", [regularization_path, logistic_path, poisson_path])
def test_paths(make):
    path = make(X, BINARY, n_alphas=4, offset=OFFSET)
    for call in (
        lambda: path.predict(X), lambda: path.decision_function(X, path.alphas[1]), lambda: path.evaluate(X, BINARY)
    ):
        refused(call, "RegularizationPath")
    np.testing.assert_array_equal(path.predict(X, offset=0), path.predict(X, offset=np.zeros(60)))
    np.testing.assert_array_equal(
        path.decision_function(X, path.alphas[1], 0), path.decision_function(X, path.alphas[1], np.zeros(60))
    )
    np.testing.assert_equal(path.evaluate(X, BINARY, offset=0), path.evaluate(X, BINARY, offset=np.zeros(60)))
    for none in (None, 0.0, np.zeros(60)):
        assert np.isfinite(make(X, BINARY, n_alphas=4, offset=none).predict(X)).all()


def test_paths_of_three_classes():
    path = logistic_path(X, THREE, n_alphas=4, offset=RNG.normal(size=(60, 3)))
    refused(lambda: path.predict(X), "RegularizationPath")
    np.testing.assert_array_equal(path.predict(X, offset=0), path.predict(X, offset=np.zeros((60, 3))))


def test_the_path_of_a_cross_validation():
    fitted = PoissonRegressorCV(**CV).fit(X, BINARY, offset=OFFSET)
    refused(lambda: fitted.path_.evaluate(X, BINARY), "RegularizationPath")
    np.testing.assert_allclose(fitted.path_.predict(X, fitted.alpha_, OFFSET), fitted.predict(X, OFFSET), rtol=1e-12)


def test_a_scorer_after_a_fit_with_an_offset():
    """The models that a scorer is handed are those of this fit."""
    model = LassoCV(**CV).fit(X, BINARY, offset=OFFSET)
    assert np.isfinite(model.set_params(scoring="r2").fit(X, BINARY).score(X, BINARY))
    model = LassoCV(**CV).fit(X, BINARY, offset=OFFSET)
    model.set_params(scoring="neg_mean_absolute_error").fit(X, BINARY)
    assert (model.cv_results_["mean_neg_mean_absolute_error"] < 0.0).all()


def test_a_stream_begun_from_a_model_with_an_offset_has_none():
    batch = ElasticNet(0.01).fit(X, BINARY, offset=OFFSET)
    stream = SGDRegressor(random_state=0).fit(X, BINARY, coef_init=batch)
    assert np.isfinite(stream.predict(X)).all()
    assert np.isfinite(stream.to_batch().predict(X)).all()


def test_searches_with_metadata_routing():
    grid = {"alpha": [0.001, 0.1]}
    with sklearn.config_context(enable_metadata_routing=True):
        model = PoissonRegressor().set_fit_request(offset=True).set_score_request(offset=True)
        search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(X, BINARY, offset=OFFSET)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        assert search.score(X, BINARY, offset=OFFSET) > 0.0
        forgetful = PoissonRegressor().set_fit_request(offset=True).set_score_request(offset=False)
        search = GridSearchCV(forgetful, grid, cv=3, error_score="raise")
        refused(lambda: search.fit(X, BINARY, offset=OFFSET), "PoissonRegressor")


def test_searches_without_routing():
    search = GridSearchCV(Lasso(), {"alpha": [0.001, 0.1]}, cv=3, error_score="raise")
    refused(lambda: search.fit(X, BINARY, offset=OFFSET), "Lasso")
