"""scikit-learn's words for penalties give the models that `l1_ratio` gives, in every estimator that has one."""

import numpy as np
import pytest

from sparsereg import (
    ElasticNet,
    ElasticNetCV,
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearSVC,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    PoissonRegressorCV,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sparsereg.inputs.sklearn import clone

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = (X[:, 0] + 0.5 * RNG.normal(size=60) > 0.0).astype(float)
CV = {"n_alphas": 4, "cv": 3}
STREAM = {"random_state": 0, "max_iter": 3, "tol": None}
MODELS = [
    ElasticNet(0.05), HuberRegressor(0.05), PoissonRegressor(0.05), LogisticRegression(0.05), LinearSVC(0.05),
    ElasticNetCV(**CV), PoissonRegressorCV(**CV), LogisticRegressionCV(**CV), SGDRegressor(**STREAM),
    SGDClassifier(**STREAM),
]
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


@each_model
@pytest.mark.filterwarnings("ignore::sparsereg.ConvergenceWarning")
def test_words(model):
    def fitted(**settings):
        made = clone(model).set_params(**settings).fit(X, Y)
        assert made.get_params()["penalty"] == settings["penalty"]  # as it was given
        return made.coef_

    for word, l1_ratio in (("l1", 1.0), ("l2", 0.0)):
        plain = fitted(penalty="elastic_net", l1_ratio=l1_ratio)
        np.testing.assert_array_equal(fitted(penalty=word), plain)
        np.testing.assert_array_equal(fitted(penalty=word, l1_ratio=l1_ratio), plain)
        with pytest.raises(ValueError, match=rf"^l1_ratio: 0.3 is not allowed with penalty='{word}'"):
            fitted(penalty=word, l1_ratio=0.3)
    np.testing.assert_array_equal(
        fitted(penalty="elasticnet", l1_ratio=0.3), fitted(penalty="elastic_net", l1_ratio=0.3)
    )
    assert (fitted(penalty="l2") != 0.0).all()


@pytest.mark.parametrize("model", [Lasso(), Ridge(), LassoCV(**CV)], ids=lambda model: type(model).__name__)
def test_models_whose_name_says_it(model):
    with pytest.raises(ValueError, match=r"^penalty: 'l1' is not allowed, expected one of "):
        clone(model).set_params(penalty="l1").fit(X, Y)


def test_paths_of_cross_validations_say_what_they_are():
    path = LogisticRegressionCV(penalty="l2", **CV).fit(X, Y).path_
    assert (path.penalty, path.l1_ratio, path.certificate) == ("elastic_net", 0.0, "duality gap")
    with pytest.raises(ValueError, match="l1_ratio=0"):
        path.criterion("bic")


@pytest.mark.filterwarnings("ignore::sparsereg.ConvergenceWarning")
def test_what_a_stream_hands_over():
    batch = SGDRegressor(penalty="l2", alpha=0.1, **STREAM).fit(X, Y).to_batch()
    assert (batch.penalty, batch.l1_ratio) == ("elastic_net", 0.0)
    np.testing.assert_array_equal(batch.fit(X, Y).coef_, ElasticNet(0.1, l1_ratio=0.0).fit(X, Y).coef_)
