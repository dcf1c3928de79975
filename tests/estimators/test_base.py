"""Fitted models set by hand: what they hold and what they predict."""

import pickle
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn.linear_model
from scipy import sparse, special
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sparsereg import (
    Lasso,
    LassoCV,
    LatLongCross,
    LinearSVC,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    SGDClassifier,
    SGDRegressor,
)
from sparsereg.design import make_design
from sparsereg.inputs.sklearn import NotFittedError, clone
from sparsereg.solvers.base import Solution

WIDTH = 2**40
# Occupied are the columns 5, 7 and WIDTH - 1.
X = sparse.csr_matrix((np.ones(4), np.array([5, 7, WIDTH - 1, 5]), np.array([0, 2, 3, 4, 4])), shape=(4, WIDTH))
W = np.array([[1.0, 0.0, -2.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.0]])
B = np.array([0.25, -1.0, 3.0])
DECISIONS = np.array([[1, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 0]]) @ W.T + B


def solution(w, b, **facts):
    facts = {"objective": 0.5, "loss": 0.4, "dual_gap": 1e-9, "n_iter": 3, "converged": True, **facts}
    return Solution.of(np.asarray(w), b=b, **facts)


def fitted(Model, *solutions, classes=None):
    model = Model()
    model.n_features_in_ = WIDTH
    model._set_solutions(solutions, make_design(X))
    if classes is not None:
        model.classes_ = np.array(classes)
    return model


@pytest.mark.parametrize("Model", [Lasso, PoissonRegressor])
def test_one_output(Model):
    model = fitted(Model, solution(W[0], 0.25))
    assert (model.intercept_, model.objective_, model.dual_gap_, model.n_iter_, model.n_active_) == (
        0.25, 0.5, 1e-9, 3, 3
    )
    coef = model.sparse_coef_
    assert isinstance(coef, sparse.csr_matrix)
    assert coef.shape == (1, WIDTH)
    np.testing.assert_array_equal(coef.indices, [5, WIDTH - 1])
    np.testing.assert_array_equal(coef.data, [1.0, -2.0])
    expected = DECISIONS[:, 0] if Model is Lasso else np.exp(DECISIONS[:, 0])
    np.testing.assert_allclose(model.predict(X), expected)
    shifted = DECISIONS[:, 0] + 0.5
    np.testing.assert_allclose(model.predict(X, 0.5), shifted if Model is Lasso else np.exp(shifted))


@pytest.mark.parametrize("Model", [LinearSVC, LogisticRegression])
def test_an_output_for_each_class(Model):
    parts = [
        solution(w, b, dual_gap=gap, n_iter=n_iter) for w, b, gap, n_iter in zip(W, B, (0.0, 2e-7, 1e-9), (4, 9, 1))
    ]
    model = fitted(Model, *parts, classes=["a", "b", "c"])
    np.testing.assert_array_equal(model.intercept_, B)
    assert (model.objective_, model.dual_gap_, model.n_iter_) == (1.5, 2e-7, 9)
    coef = model.sparse_coef_
    assert isinstance(coef, sparse.csr_matrix)
    assert coef.shape == (3, WIDTH)
    for k in range(3):
        row = coef[k]
        np.testing.assert_array_equal(row.indices, np.array([5, 7, WIDTH - 1])[W[k] != 0.0])
        np.testing.assert_array_equal(row.data, W[k][W[k] != 0.0])
    np.testing.assert_allclose(model.decision_function(X), DECISIONS)
    np.testing.assert_array_equal(model.predict(X), np.array(["a", "b", "c"])[DECISIONS.argmax(axis=1)])
    offset = np.array([[0.0, 10.0, 0.0]] * 4)
    assert model.predict(X, offset).tolist() == ["b"] * 4
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def test_probabilities_of_several_classes():
    model = fitted(LogisticRegression, *map(solution, W, B), classes=[0, 1, 2])
    np.testing.assert_allclose(model.predict_proba(X), special.softmax(DECISIONS, axis=1))
    far = np.array([[0.0, 1e5, -1e5]] * 4)
    probabilities, logs = model.predict_proba(X, far), model.predict_log_proba(X, far)
    np.testing.assert_array_equal(probabilities[:, 1], 1.0)
    assert np.isfinite(logs).all()
    np.testing.assert_allclose(logs, special.log_softmax(DECISIONS + far, axis=1))


def test_the_dense_array_is_made_on_request():
    """As long as X is wide: of 2**40 columns nothing but its absence can be seen."""
    narrow = X[:, :8]
    for Model, parts, shape in (
        (Lasso, [solution([1.0, 2.0], 0.0)], (8,)),
        (LinearSVC, [solution([1.0, 2.0], 0.0)], (1, 8)),
        (LinearSVC, [solution([1.0, 0.0], 0.0), solution([0.0, 2.0], 0.0), solution([0.0, 0.0], 0.0)], (3, 8)),
    ):
        model = Model()
        model._set_solutions(parts, make_design(narrow))
        assert model.coef_.shape == shape
        np.testing.assert_array_equal(np.atleast_2d(model.coef_).sum(axis=0), [0, 0, 0, 0, 0, 1, 0, 2])
        assert "coef_" not in vars(model)
        with pytest.raises(AttributeError, match="has no attribute 'coeff_'"):
            _ = model.coeff_


MODELS = [
    Lasso(), LogisticRegression(), LassoCV(n_alphas=3, cv=2), LogisticRegressionCV(n_alphas=3, cv=2),
    SGDRegressor(random_state=0), SGDClassifier(random_state=0),
]
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
NARROW = np.random.default_rng(0).normal(size=(40, 3))
LABELS = NARROW[:, 0] + 0.5 * NARROW[:, 1] > 0.0


def refit(model):
    return model.fit(NARROW, LABELS if hasattr(model, "predict_log_proba") else LABELS.astype(float))


@each_model
def test_what_is_made_on_request_cannot_be_set(model):
    """It would be believed by itself alone, and outlive the next fit."""
    fitted = refit(clone(model))
    known, prediction = fitted.coef_, fitted.predict(NARROW)
    for name in ("coef_", "sparse_coef_"):
        for change in (lambda name=name: setattr(fitted, name, np.zeros(3)), lambda name=name: delattr(fitted, name)):
            with pytest.raises(AttributeError, match=rf"^{name} of {type(model).__name__} cannot be .*coef_init"):
                change()
        assert name not in vars(fitted)
    with pytest.raises(AttributeError, match=r"^coef_ of "):
        clone(model).coef_ = np.zeros(3)
    np.testing.assert_array_equal(fitted.coef_, known)
    np.testing.assert_array_equal(fitted.predict(NARROW), prediction)
    assert isinstance(fitted.sparse_coef_, sparse.csr_matrix)


@each_model
def test_sparsify_and_densify(model):
    fitted = refit(clone(model))
    dense, prediction = fitted.coef_, fitted.predict(NARROW)
    assert fitted.sparsify() is fitted
    assert isinstance(fitted.coef_, sparse.csr_matrix)
    assert fitted.coef_.shape == (1, 3)
    np.testing.assert_array_equal(fitted.coef_.toarray(), np.atleast_2d(dense))
    np.testing.assert_array_equal(fitted.predict(NARROW), prediction)
    assert sparse.issparse(pickle.loads(pickle.dumps(fitted)).coef_)
    assert fitted.densify() is fitted
    np.testing.assert_array_equal(fitted.coef_, dense)
    assert isinstance(refit(fitted.sparsify()).coef_, np.ndarray)
    for unfitted in (clone(model).sparsify, clone(model).densify):
        with pytest.raises(NotFittedError):
            unfitted()


def test_sparsify_is_scikit_learns():
    theirs = sklearn.linear_model.SGDClassifier(penalty="l1", random_state=0).fit(NARROW, LABELS).sparsify()
    ours = refit(SGDClassifier(random_state=0)).sparsify()
    assert type(ours.coef_) is type(theirs.coef_)
    assert ours.coef_.shape == theirs.coef_.shape
    assert type(ours.densify().coef_) is type(theirs.densify().coef_)


# Data frames of coefficients.


def test_a_row_for_each_weight_the_largest_in_front():
    frame = fitted(Lasso, solution(W[0], 0.25)).to_frame()
    assert frame.to_dict("list") == {"id": [WIDTH - 1, 5], "weight": [-2.0, 1.0]}
    assert frame.attrs == {"intercept": 0.25}
    named = fitted(Lasso, solution(W[0], 0.25)).to_frame({5: "five", WIDTH - 1: "last"})
    assert named.to_dict("list") == {"id": [WIDTH - 1, 5], "name": ["last", "five"], "weight": [-2.0, 1.0]}
    empty = fitted(Lasso, solution(W[2], 3.0)).to_frame(lambda ids: [str(k) for k in ids])
    assert (len(empty), list(empty)) == (0, ["id", "name", "weight"])


def test_a_row_for_each_class_and_weight():
    solutions = [solution(w, b) for w, b in zip(W, B)]
    frame = fitted(LogisticRegression, *solutions, classes=["a", "b", "c"]).to_frame()
    assert frame.to_dict("list") == {"id": [WIDTH - 1, 5, 7], "class": ["a", "a", "b"], "weight": [-2.0, 1.0, 0.5]}
    assert frame.attrs == {"intercept": {"a": 0.25, "b": -1.0, "c": 3.0}}
    two = fitted(LogisticRegression, solution(W[0], 0.25), classes=["a", "b"]).to_frame()
    assert "class" not in two


@pytest.mark.parametrize("Model", [Lasso, LassoCV, LinearSVC, SGDClassifier, SGDRegressor, PoissonRegressor])
def test_names_and_cells_of_every_estimator(Model):
    """Sums of weights say the same as predictions: a SQL engine can score by a join."""
    points = np.random.default_rng(0).uniform([30.0, -120.0], [31.0, -119.0], (40, 2))
    cross = LatLongCross(levels=(60, 10))
    data = cross.fit_transform(points)
    model = Model(**({"cv": 3, "n_alphas": 5} if Model is LassoCV else {"alpha": 1e-3}))
    frame = model.fit(data, np.arange(40) % 2).to_frame(cross)
    assert list(frame) == ["id", "name", "weight", "south", "west", "north", "east"]
    assert (np.diff(frame["weight"].abs()) <= 0.0).all()
    assert frame["name"].tolist() == cross.feature_name(frame["id"]).tolist()
    np.testing.assert_array_equal(frame["south"], cross.cell_bounds(frame["id"])["south"])
    weights = dict(zip(frame["id"], frame["weight"]))
    scores = np.array([sum(weights.get(k, 0.0) for k in row) for row in data.indices.reshape(40, -1).tolist()])
    np.testing.assert_allclose(scores + frame.attrs["intercept"], model._decision(data, None), atol=1e-9)


def test_names_of_the_data_frame_and_of_the_pipeline():
    frame = pd.DataFrame(np.random.default_rng(0).standard_normal((30, 3)), columns=["a", "b", "c"])
    model = Lasso(alpha=1e-3).fit(frame, frame["b"] - frame["c"])
    assert set(model.to_frame()["name"]) == {"b", "c"}
    pipeline = make_pipeline(StandardScaler(), Lasso(alpha=1e-3)).fit(frame, frame["b"] - frame["c"])
    assert set(pipeline[-1].to_frame(pipeline)["name"]) == {"b", "c"}
    with pytest.raises(ValueError, match="names: this list is of 2 columns, expected 3"):
        model.to_frame(["a", "b"])
    with pytest.raises(NotFittedError):
        Lasso().to_frame()


def test_frames_need_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="to_frame needs pandas: pip install pandas"):
        fitted(Lasso, solution(W[0], 0.25)).to_frame()
