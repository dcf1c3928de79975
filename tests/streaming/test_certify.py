"""Certificates of fits in memory: when there is one, that it is of the learner's own rows, what it says."""

from unittest.mock import Mock

import numpy as np
import pytest
from scipy import sparse
from support.sgd_models import TARGETS, THREE, X, epochs, make

from sparsereg import ConvergenceWarning, SGDClassifier
from sparsereg.design import compact_ids, make_design
from sparsereg.estimators import sgd_base
from sparsereg.inputs.rows import as_rows
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.certify import certify_fit
from sparsereg.streaming.options import CERTIFIED_PASSES

RNG = np.random.default_rng(0)


def is_certified(model):
    certified = ~np.isnan([model.objective_, model.dual_gap_])
    assert certified[0] == certified[1]
    return bool(certified[0])


@pytest.mark.parametrize(("settings", "expected"), [
    ({"tol": None, "max_iter": CERTIFIED_PASSES - 1}, False),
    ({"tol": None, "max_iter": CERTIFIED_PASSES}, True),
    # Passes that were not enough say so by a warning; those that brought no more are certified, however few.
    ({"max_iter": 1, "n_iter_no_change": 1}, False),
    ({"max_iter": 2, "n_iter_no_change": 1, "tol": 1e9}, True),
    ({"tol": None, "max_iter": 1, "finish_tol": 1e-3}, True),
    ({"tol": None, "max_iter": 1, "certify": True}, True),
    ({"tol": None, "max_iter": 2 * CERTIFIED_PASSES, "certify": False}, False),
    ({"tol": None, "max_iter": 1, "finish_tol": 1e-3, "certify": False}, False),
])
def test_fits_are_certified_where_passes_outweigh_it(settings, expected):
    model = make("logistic", alpha=0.05, **{"certify": "auto", **settings})
    if "tol" not in settings:
        with pytest.warns(ConvergenceWarning, match="max_iter=1 passes did not bring"):
            model.fit(X, TARGETS["logistic"])
    else:
        model.fit(X, TARGETS["logistic"])
    assert is_certified(model) == expected
    # What a fit finds is no other for being certified.
    again = epochs(make("logistic", alpha=0.05, certify=not expected), model.n_iter_).fit(X, TARGETS["logistic"])
    if "finish_tol" not in settings:
        np.testing.assert_array_equal(again.coef_, model.coef_)


def test_auto_is_the_default():
    assert SGDClassifier().certify == "auto"
    assert not is_certified(epochs(make("logistic"), 1).fit(X, TARGETS["logistic"]))


def test_the_parameter_is_checked():
    for certify, error in (("yes", ValueError), ("True", ValueError), (1, TypeError), (None, TypeError)):
        model = make("logistic", certify=certify)
        with pytest.raises(error, match=r"certify: .* is not allowed, expected 'auto', True or False"):
            model.fit(X, TARGETS["logistic"])
        assert not model.__sklearn_is_fitted__()


def rows_of(case):
    """Rows of many kinds: weighted, repeated, with stored zeros, far from zero, of very wide ids, in any order."""
    rows = X.copy()
    weight = RNG.integers(0, 4, 300).astype(float) if case % 2 else None
    if case % 3 == 1:
        rows = rows[RNG.integers(0, 300, 300)]
        rows.data = np.ones(rows.nnz)
    if case % 3 == 2:
        rows.data[::7] = 0.0
    if case >= 6:
        rows = sparse.csr_array(rows.toarray() + 20.0)
    if case in (4, 5):
        indices = rows.indices.astype(np.int64) * 10**15
        rows = sparse.csr_array((rows.data, indices, rows.indptr), shape=(300, 40 * 10**15))
    if case == 3:
        rows = sparse.csr_array((rows.data, 39 - rows.indices, rows.indptr), shape=rows.shape)
    return rows, weight


@pytest.mark.parametrize("case", range(8))
def test_the_certificate_is_that_of_the_rows_as_they_were_given(case):
    rows, weight = rows_of(case)
    for loss, y in (*TARGETS.items(), ("logistic", THREE), ("squared_hinge", THREE)):
        l1_ratio = 1.0 if case % 2 else 0.5
        model = epochs(make(loss, certify=True, l1_ratio=l1_ratio, eta0=0.1), 2).fit(rows, y, weight)
        targets = y.astype(float)[:, None] if y is not THREE else np.eye(3)[THREE]
        batch = Batch(as_rows(rows), targets, weight)
        known = certify_fit(model.training_, batch, make_design(rows, weight))
        for found, expected in ((model.objective_, known.objective), (model.dual_gap_, known.dual_gap)):
            assert found == pytest.approx(expected, rel=1e-10, abs=1e-14)


def test_the_objective_is_what_the_model_predicts():
    rows, weight = rows_of(3)
    model = epochs(make("logistic", certify=True), 2).fit(rows, TARGETS["logistic"], weight)
    t, w = model.decision_function(rows), model.coef_[0]
    loss = np.average(np.logaddexp(0.0, t) - TARGETS["logistic"] * t, weights=weight)
    assert model.objective_ == pytest.approx(loss + 0.01 * np.abs(w).sum(), rel=1e-12)


@pytest.mark.parametrize("settings", [{}, {"finish_tol": 0.5}, {"shuffle": False}, {"early_stopping": True}])
def test_rows_are_compacted_once_and_transposed_once(settings, monkeypatch):
    counted, transposed = Mock(side_effect=compact_ids), Mock(side_effect=make_design)
    monkeypatch.setattr("sparsereg.design.compact_ids", counted)
    monkeypatch.setattr(sgd_base, "make_design", transposed)
    wide, weight = rows_of(5)
    for given in (None, weight):
        model = epochs(make("logistic", certify=True, **settings), 2).fit(wide, TARGETS["logistic"], given)
        assert is_certified(model)
    assert counted.call_count == 2
    assert transposed.call_count == 2
    transposed.reset_mock()
    epochs(make("logistic", **{"certify": False, **settings, "finish_tol": None}), 2).fit(wide, TARGETS["logistic"])
    transposed.assert_not_called()
