"""`partial_fit`: data in parts, copies that go on, progressive losses."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from support.sgd_models import (
    RNG,
    TARGETS,
    THREE,
    X,
    each_algorithm,
    each_loss,
    epochs,
    first_part,
    make,
    state,
)
from support.wide_matrices import CROSS_WIDTH, lat_long_cross

from sparsereg import (
    SGDClassifier,
    SGDRegressor,
)
from sparsereg.streaming.learner import Learner


@each_algorithm
@each_loss
def test_division_into_parts_changes_no_bit(loss, algorithm):
    y, weight = TARGETS[loss], RNG.random(300)
    whole = first_part(make(loss, algorithm=algorithm, dropout=0.2), X, y, sample_weight=weight)
    parts = make(loss, algorithm=algorithm, dropout=0.2)
    for start, stop in ((0, 1), (1, 120), (120, 121), (121, 300)):
        first = {"classes": [0, 1]} if start == 0 and isinstance(parts, SGDClassifier) else {}
        parts.partial_fit(X[start:stop], y[start:stop], sample_weight=weight[start:stop], **first)
    assert state(whole) == state(parts)
    np.testing.assert_array_equal(whole.coef_, parts.coef_)
    np.testing.assert_array_equal(whole.intercept_, parts.intercept_)
    assert whole.t_ == parts.t_ == 301


@each_algorithm
@each_loss
def test_a_pass_in_order_is_a_part(loss, algorithm):
    y, weight = TARGETS[loss], np.where(RNG.random(300) < 0.2, 0.0, RNG.random(300))
    for settings in ({}, {"dropout": 0.3}, {"min_count": 3}, {"drop_stale": 50}):
        settings = {"algorithm": algorithm, "eta0": 0.1, **settings}
        part = first_part(make(loss, **settings), X, y, sample_weight=weight)
        fitted = epochs(make(loss, shuffle=False, **settings), 1).fit(X, y, weight)
        assert state(part) == state(fitted), settings


def test_three_classes_in_parts():
    for loss in ("logistic", "squared_hinge"):
        whole = make(loss).partial_fit(X, THREE, classes=[0, 1, 2])
        parts = make(loss).partial_fit(X[:100], THREE[:100], classes=[2, 0, 1])
        parts.partial_fit(X[100:], THREE[100:])
        assert state(whole) == state(parts)
        assert whole.coef_.shape == (3, 40)
        assert whole.decision_function(X).shape == (300, 3)


@each_algorithm
def test_a_refused_part_changes_no_bit(algorithm):
    y = TARGETS["logistic"]
    model = make("logistic", algorithm=algorithm).partial_fit(X[:200], y[:200], classes=[0, 1])
    before, words, curve = state(model), sorted(vars(model)), model.history_
    broken = X[200:].copy()
    broken.data[7] = np.nan
    refused = [
        ((X[200:, :30], y[200:]), "30 features, but SGDClassifier is expecting 40 features"),
        ((X[200:], np.where(np.arange(100) == 99, 2, y[200:])), r"2 in row 99 is not among the classes \[0, 1\]"),
        ((broken, y[200:]), "NaN"),
        ((X[200:], y[199:]), "length 101 does not match the 100 rows"),
        ((X[200:], y[200:], [1, 2]), r"classes: \[1, 2\] is not allowed, expected \[0, 1\]"),
        ((X[200:], y[200:], None, -np.ones(100)), "negative"),
    ]
    for arguments, message in refused:
        with pytest.raises(ValueError, match=message):
            model.partial_fit(*arguments)
        assert state(model) == before
        assert sorted(vars(model)) == words
    np.testing.assert_equal(model.history_, curve)


def test_the_first_part_names_the_classes():
    y = TARGETS["logistic"]
    with pytest.raises(ValueError, match="classes: None is not allowed on the first call"):
        SGDClassifier().partial_fit(X, y)
    for classes, message in (([1], "at least two labels"), ([0, 0, 1], "each once"), ([[0, 1]], "one dimension")):
        with pytest.raises(ValueError, match=message):
            SGDClassifier().partial_fit(X, y, classes=classes)
    model = SGDClassifier()
    with pytest.raises(ValueError, match="not among the classes"):
        model.partial_fit(X, y, classes=[0, 5])
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert not [name for name in vars(model) if name.endswith("_")]


def test_settings_may_not_change_under_way():
    model = make("squared").partial_fit(X, TARGETS["squared"])
    before = state(model)
    with pytest.raises(ValueError, match=r"alpha: 0\.5 is not allowed in a fit that was begun with 0\.01"):
        model.set_params(alpha=0.5).partial_fit(X, TARGETS["squared"])
    assert state(model) == before


def test_rows_out_of_order_and_repeated_ids_are_put_right_on_a_copy():
    y = TARGETS["squared"]
    ids, values, indptr = [], [], [0]
    rng = np.random.default_rng(1)
    for row in X:
        order = rng.permutation(row.indices.size)
        ids += [*row.indices[order], *row.indices[order[:1]]]
        # The last entry gives back what the first has too much.
        values += [*(row.data[order] + np.where(np.arange(order.size) == 0, 1.0, 0.0)), *[-1.0] * min(order.size, 1)]
        indptr.append(len(ids))
    messy = sparse.csr_array((np.array(values), np.array(ids), np.array(indptr)), shape=X.shape)
    copied = messy.indices.copy(), messy.data.copy()
    expected, found = make("squared").partial_fit(X, y), make("squared").partial_fit(messy, y)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(messy.indices, copied[0])
    np.testing.assert_array_equal(messy.data, copied[1])
    large = sparse.csr_array((np.array([1e308, 1e308]), np.array([3, 3]), np.array([0, 0, 2])), shape=(2, 40))
    with pytest.raises(ValueError, match="sum of duplicate entries in row 1"):
        found.partial_fit(large, [0.0, 1.0])


def test_wide_ids():
    width = 2**63 - 1
    ids = np.array([0, 2**40, 2**63 - 2, 2**40], dtype=np.int64)
    wide = sparse.csr_array((np.ones(4), ids, np.arange(5)), shape=(4, width))
    model = SGDRegressor(eta0=1.0).partial_fit(wide, [1.0, 2.0, -3.0, 2.0])
    np.testing.assert_array_equal(model.sparse_coef_.indices, [0, 2**40, 2**63 - 2])
    assert model.n_active_ == 3
    assert epochs(SGDRegressor(alpha=0.01), 50).fit(wide, [1.0, 2.0, -3.0, 2.0]).predict(wide).shape == (4,)


def test_a_cross_of_coordinates():
    rows = lat_long_cross(2000)
    y = np.random.default_rng(0).standard_normal(2000)
    model = make("squared").partial_fit(rows, y)
    assert model.sparse_coef_.shape == (1, CROSS_WIDTH)
    assert model.predict(rows).shape == (2000,)


def test_data_frames_keep_their_names():
    frame = pd.DataFrame(X.toarray(), columns=[f"x{j}" for j in range(40)])
    model = make("squared").partial_fit(frame, TARGETS["squared"])
    assert list(model.feature_names_in_) == list(frame.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        model.partial_fit(frame[frame.columns[::-1]], TARGETS["squared"])


def test_copies_go_on_alone():
    y = TARGETS["logistic"]
    model = make("logistic", dropout=0.1).partial_fit(X[:150], y[:150], classes=[0, 1])
    others = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    before = state(model)
    for other in others:
        assert state(other.partial_fit(X[150:], y[150:])) != before
        assert state(model) == before
    model.partial_fit(X[150:], y[150:])
    assert [state(other) == state(model) for other in others] == [True, True]
    assert not hasattr(clone(model), "classes_")


def test_a_model_is_read_once_after_learning(monkeypatch):
    calls = []
    read = Learner.coefficients
    monkeypatch.setattr(Learner, "coefficients", lambda learner: calls.append(1) or read(learner))
    model = make("squared")
    for start in range(0, 300, 3):
        model.partial_fit(X[start : start + 3], TARGETS["squared"][start : start + 3])
    assert not calls
    predicted = model.predict(X)
    assert not calls
    assert model.coef_.size == model.sparse_coef_.shape[1]
    np.testing.assert_allclose(model.predict(X), predicted, rtol=1e-12)
    assert len(calls) == 1
    assert model.partial_fit(X, TARGETS["squared"]).sparse_coef_.nnz > 0
    assert len(calls) == 2


def test_history_is_progressive():
    """Each row's loss is measured before the row is learned from."""
    y = TARGETS["squared"]
    model, total = make("squared"), 0.0
    for i in range(50):
        before = 0.0 if i == 0 else model.predict(X[i : i + 1])[0]
        total += 0.5 * (y[i] - before) ** 2
        model.partial_fit(X[i : i + 1], y[i : i + 1])
    whole = make("squared").partial_fit(X[:50], y[:50]).history_
    assert whole["progressive_loss"][-1] == pytest.approx(total / 50, rel=1e-9)
    parts = model.history_
    # As many entries as the number of rows has digits, and a few.
    assert 10 < len(parts["n_rows"]) < 35
    sums = np.cumsum(parts["loss"] * np.diff(parts["weight"], prepend=0.0))
    np.testing.assert_allclose(sums / parts["weight"], parts["progressive_loss"], rtol=1e-9)
    assert parts["n_nonzero"].dtype == np.int64
    assert (np.diff(parts["seconds"]) >= 0.0).all()
    assert (parts["n_touched"] >= parts["n_nonzero"]).all()
    assert "validation_loss" not in parts


def test_certificates_are_of_the_fit_alone():
    model = epochs(make("squared", certify=True), 3).fit(X, TARGETS["squared"])
    assert model.objective_ > 0.0
    model.partial_fit(X, TARGETS["squared"])
    assert np.isnan([model.objective_, model.dual_gap_, model.violation_]).all()
