"""Fitted models set by hand: what they hold and what they predict."""

import pickle

import numpy as np
import pytest
from scipy import sparse, special

from sparsereg import Lasso, LinearSVC, LogisticRegression, PoissonRegressor
from sparsereg.design import make_design
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
