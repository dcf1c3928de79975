"""What exports take from a model."""

import numpy as np
import pytest
from support.sgd_models import BATCH, TARGETS, THREE, X, make

import sparsereg as sr
from sparsereg.export.scorer import Scorer
from sparsereg.inputs.sklearn import clone

LINKS = {"squared": "identity", "huber": "identity", "squared_hinge": "identity", "logistic": "logit", "poisson": "log"}


@pytest.mark.parametrize("loss", LINKS)
@pytest.mark.parametrize("stream", [False, True])
def test_loss_and_link_are_those_of_the_fit(loss, stream):
    model = (make(loss) if stream else BATCH[loss](alpha=0.01)).fit(X, TARGETS[loss])
    scorer = Scorer.of(model)
    assert (scorer.loss, scorer.link, scorer.n_outputs, scorer.n_features) == (loss, LINKS[loss], 1, 40)
    assert scorer.intercepts.dtype == np.float64
    predictors = scorer.coef.decision(X) + scorer.intercepts
    expected = model._decision(X, None)
    np.testing.assert_allclose(predictors, expected, rtol=1e-13, atol=1e-14)


def test_beyond_two_classes_logistic_loss_has_softmax():
    for model in (sr.LogisticRegression(alpha=0.01), make("logistic")):
        assert Scorer.of(model.fit(X, THREE)).link == "softmax"
    assert Scorer.of(sr.LinearSVC(alpha=0.01).fit(X, THREE)).link == "identity"


def test_a_path_is_the_model_of_its_alpha():
    path = sr.lasso_path(X, TARGETS["squared"], alphas=[0.1, 0.01])
    model = sr.Lasso(alpha=0.01, tol=1e-10).fit(X, TARGETS["squared"])
    scorer, same = Scorer.of(path, 0.01), Scorer.of(model)
    np.testing.assert_allclose(scorer.coef.on(np.arange(40)), same.coef.on(np.arange(40)), atol=1e-3)
    assert scorer.header() | {"intercepts": 0} == same.header() | {"intercepts": 0}


def test_classes_of_a_path():
    shares = np.eye(3)[THREE]
    for make_path, y, classes in (
        (sr.logistic_path, TARGETS["logistic"].astype(float) * 0.5, [0, 1]), (sr.logistic_path, shares, [0, 1, 2]),
        (sr.lasso_path, TARGETS["squared"], None), (sr.poisson_path, TARGETS["poisson"], None),
    ):  # fmt: skip
        path = make_path(X, y, n_alphas=3)
        found = Scorer.of(path, path.alphas[1]).classes
        assert classes == (None if found is None else found.tolist())
    hinge = sr.regularization_path(X, TARGETS["logistic"], loss="squared_hinge", n_alphas=3)
    assert Scorer.of(hinge, hinge.alphas[1]).classes.tolist() == [0, 1]


def test_what_is_no_model():
    for wrong in (None, sr.Lasso, X, sr.LatLongCross()):
        with pytest.raises(TypeError, match=r"^model: an object of type .* is not allowed, expected a fitted"):
            Scorer.of(wrong)
    for cls in (sr.Lasso, sr.SGDClassifier, sr.LogisticRegressionCV):
        with pytest.raises(ValueError, match="not fitted"):
            Scorer.of(cls())
    with pytest.raises(ValueError, match="only a path needs one"):
        Scorer.of(clone(sr.Ridge()).fit(X, TARGETS["squared"]), alpha=0.5)
