"""Pickles of this version, of others, and of those that did not say which they were."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

import sparsereg
from sparsereg import (
    ElasticNet,
    FeatureCross,
    InconsistentVersionWarning,
    Lasso,
    LassoCV,
    LatLongCross,
    LogisticRegression,
    LogisticRegressionCV,
    RegularizationPath,
    SGDClassifier,
    SGDRegressor,
    lasso_path,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
Y = X[:, 0] - X[:, 1]
FITTED = {
    "model": Lasso(alpha=0.01).fit(X, Y),
    "classifier": LogisticRegression(alpha=0.01).fit(X, Y > 0.0),
    "CV model": LassoCV(n_alphas=5, cv=3).fit(X, Y),
    "CV classifier": LogisticRegressionCV(n_alphas=5, cv=3).fit(X, Y > 0.0),
    "stream": SGDRegressor(random_state=0).partial_fit(X, Y),
    "stream of classes": SGDClassifier(random_state=0).partial_fit(X, Y > 0.0, classes=[False, True]),
    "path": lasso_path(X, Y, n_alphas=5),
    "cross": FeatureCross(crosses=[("a", "b")]).fit(pd.DataFrame({"a": [1, 2], "b": [3, 4]})),
    "grid": LatLongCross(levels=(60,)).fit([[1.0, 2.0]]),
}
each_kind = pytest.mark.parametrize("kind", FITTED)


class Raw:
    """Pickles as an object of a class with the given state, whatever the class itself would write."""

    def __init__(self, model, state):
        self.model, self.state = model, state

    def __reduce__(self):
        return object.__new__, (type(self.model),), self.state


def load(model, state):
    """Load a pickle of the given state, recording what is said about it."""
    content = pickle.dumps(Raw(model, state))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = pickle.loads(content)
    return loaded, [str(w.message) for w in caught if w.category is InconsistentVersionWarning]


def outcome(model):
    return model.predict(X) if hasattr(model, "predict") else model.get_params()


@each_kind
def test_this_version_says_nothing(kind):
    model = FITTED[kind]
    assert model.__getstate__()["_sparsereg_version"] == sparsereg.__version__
    for same in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        assert "_sparsereg_version" not in vars(same)
        assert vars(same).keys() == vars(model).keys()
        np.testing.assert_equal(outcome(same), outcome(model))


@each_kind
@pytest.mark.parametrize(
    ("written", "words"),
    [(None, "by an older version of sparsereg"), ("0.0.7", "by sparsereg 0.0.7"), ("9.1", "by sparsereg 9.1")],
)
def test_another_version_loads_with_a_warning(kind, written, words):
    model = FITTED[kind]
    state = dict(vars(model)) if written is None else {**vars(model), "_sparsereg_version": written}
    loaded, said = load(model, state)
    assert len(said) == 1
    assert f"This {type(model).__name__} was pickled {words} and is loaded by {sparsereg.__version__}." in said[0]
    np.testing.assert_equal(outcome(loaded), outcome(model))
    # What is written next is of this version.
    assert load(loaded, loaded.__getstate__())[1] == []


@each_kind
def test_what_an_older_version_lacks_takes_its_default(kind):
    model = FITTED[kind]
    names = {
        "path": {"penalty", "violations", "classes", "has_offset", "feature_names"},
        "cross": {"hashed"},
        "grid": {"levels"},
    }.get(kind, {"penalty", "gamma", "tol", "verbose"})
    state = {name: value for name, value in vars(model).items() if name not in {*names, "_has_offset"}}
    loaded, said = load(model, state)
    assert len(said) == 1
    blank = RegularizationPath if kind == "path" else type(model)()
    for name in names:
        assert getattr(loaded, name) == getattr(blank, name)
    if kind != "grid":
        np.testing.assert_equal(outcome(loaded), outcome(model))
    if hasattr(model, "get_params"):
        assert loaded.get_params().keys() == model.get_params().keys()
        assert repr(loaded)


def test_a_pickle_of_before_knows_of_no_offset():
    fitted = ElasticNet(alpha=0.01).fit(X, Y, offset=np.ones(60))
    loaded, _ = load(fitted, {name: value for name, value in vars(fitted).items() if name != "_has_offset"})
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X, offset=0))


@pytest.mark.parametrize("algorithm", ["ftrl", "prox_sgd", "adagrad"])
def test_a_stream_of_before_goes_on(algorithm, monkeypatch):
    fitted = SGDRegressor(algorithm=algorithm, random_state=0).partial_fit(X, Y)
    expected = copy.deepcopy(fitted).partial_fit(X, Y)
    training = fitted.training_
    before = ("settings", "n_features", "seed", "learner", "history", "seconds", "n_iter", "n_entries", "_totals")
    state = {**{name: vars(training)[name] for name in before}, "_coef": None}
    monkeypatch.setattr(type(training), "__getstate__", lambda training: state, raising=False)
    loaded, _ = load(fitted, dict(vars(fitted)))
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    np.testing.assert_array_equal(loaded.partial_fit(X, Y).coef_, expected.coef_)
    assert "_coef" not in vars(loaded.training_)


def test_an_array_that_hid_the_coefficients_is_left_behind():
    fitted = FITTED["model"]
    loaded, _ = load(fitted, {**vars(fitted), "coef_": np.zeros(5)})
    np.testing.assert_array_equal(loaded.coef_, fitted.coef_)
    assert "coef_" not in vars(loaded)
