"""Passes over data in memory: when they end, which rows are held out."""

from unittest.mock import Mock

import numpy as np
import pytest
from scipy import sparse
from support.sgd_models import state

from sparsereg import SGDClassifier, SGDRegressor, design
from sparsereg.inputs.rows import as_rows
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.early_stopping import EarlyStopping
from sparsereg.streaming.memory_fit import (
    CANONICAL_ROWS,
    MAX_VISITS,
    TAKEN_ENTRIES,
    _hold_out,
    _plan_visits,
    _prepare,
    fit_in_memory,
)
from sparsereg.streaming.progress import Reporter
from sparsereg.streaming.training import Training

RNG = np.random.default_rng(0)
X = sparse.random_array((200, 30), density=0.2, format="csr", rng=RNG)
Y = (X @ RNG.standard_normal(30) > 0.3).astype(float)[:, None]


def settings_of(cls=SGDClassifier, **given):
    return cls(**given)._settings()


def test_patience():
    stopping = EarlyStopping(0.1, 2)
    assert [stopping.should_stop(loss) for loss in (5.0, 4.0, 3.95, 3.0, 2.95, 2.93)] == 5 * [False] + [True]
    assert stopping.best == 2.93
    assert stopping.is_best
    # Without a tolerance nothing ends. Small steps are no steps, whatever they add up to, as in scikit-learn.
    endless = EarlyStopping(-np.inf, 1)
    assert not any(endless.should_stop(loss) for loss in (1.0, 2.0, 3.0))
    slow = EarlyStopping(0.1, 3)
    assert [slow.should_stop(loss) for loss in (1.0, 0.95, 0.9, 0.85)] == 3 * [False] + [True]


def prepared(rows, y, weight=None, cls=SGDClassifier, **settings):
    """Return rows as passes take them, and the learner that has a state for each of their ids."""
    settings = settings_of(cls, **settings)
    learner = Training(settings, rows.shape[1], 1, 0).learner
    return _prepare(Batch(as_rows(rows), y, weight), settings, learner)[1], learner


def test_the_held_out_part_is_stratified():
    settings = settings_of(early_stopping=True, validation_fraction=0.25)
    data, _ = prepared(X, Y, early_stopping=True)
    visits = np.arange(data.y.shape[0])
    learned, held = _hold_out(data, visits, settings, np.random.default_rng(0))
    assert learned.size + held.n_rows == data.y.shape[0]
    for label in (0.0, 1.0):
        n = int((data.y == label).sum())
        assert int((held.y == label).sum()) == int(np.ceil(0.25 * n))
    # The held-out rows are under the caller's ids.
    assert held.rows.n_features == 30
    kept = _hold_out(data, visits, settings_of(), np.random.default_rng(0))
    assert kept[0].size == data.y.shape[0]
    assert kept[1] is None


@pytest.mark.parametrize("settings", [
    {}, {"shuffle": False}, {"shuffle": False, "max_iter": 1}, {"min_count": 2}, {"drop_stale": 50, "shuffle": False},
    {"shuffle": False, "max_iter": 1, "early_stopping": True}, {"shuffle": False, "max_iter": 1, "dropout": 0.1},
])
def test_rows_are_the_same_by_place_and_by_id(settings):
    """Ids are spread out, so that places differ from them."""
    wide = sparse.csr_array((X.data, X.indices.astype(np.int64) * 1000, X.indptr), shape=(200, 30_000))
    weight = np.where(np.arange(200) % 7 == 0, 0.0, 1.0)
    data, learner = prepared(wide, Y, weight, **settings)
    batch = data.take(np.arange(data.y.shape[0]))
    assert (batch.places is None) == ("min_count" in settings or "drop_stale" in settings)
    ids = batch.rows.indices if batch.places is None else learner.table.ids()[batch.places]
    if "early_stopping" in settings or "dropout" in settings:
        np.testing.assert_array_equal(data.take(np.arange(data.y.shape[0]), by_id=True).rows.indices, ids)
    dense = sparse.csr_array((batch.rows.data, ids, batch.rows.indptr), shape=(batch.n_rows, batch.rows.n_features))
    found = {(row.tobytes(), label) for row, label in zip(dense[:, ::1000].toarray(), batch.y[:, 0], strict=True)}
    used = weight > 0.0
    expected = {(row.tobytes(), label) for row, label in zip(X[used].toarray(), Y[used, 0], strict=True)}
    assert found >= expected
    assert batch.weight.sum() == weight.sum()


def of_many_rows():
    """More rows than are sorted, of ids in a wide space, with values; none of its columns is full."""
    rng = np.random.default_rng(0)
    n_rows = CANONICAL_ROWS + 1000
    ids = np.sort(rng.choice(2**60, 4000, replace=False))[np.sort(rng.integers(0, 4000, (n_rows, 2)), axis=1)]
    values = rng.standard_normal(ids.size) * (rng.random(ids.size) > 0.1)
    rows = sparse.csr_array((values, ids.ravel(), np.arange(0, ids.size + 1, 2)), shape=(n_rows, 2**60))
    return rows, (values.reshape(ids.shape).sum(axis=1) > 0.0).astype(int), rng.integers(0, 3, n_rows)


def test_ids_are_not_sorted_where_nothing_asks_for_it(monkeypatch):
    """A pass or two over wide rows look ids up as they come, with the bits of passes that number them in order."""
    rows, y, weight = of_many_rows()
    rows.sum_duplicates()
    counted = Mock(side_effect=design.compact_ids)
    monkeypatch.setattr(design, "compact_ids", counted)
    for settings in ({}, {"early_stopping": True, "dropout": 0.2}):
        settings = {"tol": None, "max_iter": 2, "random_state": 0, "alpha": 1e-5, **settings}
        found, expected = (SGDClassifier(certify=c, **settings).fit(rows, y, weight) for c in ("auto", True))
        assert state(found) == state(expected)
        assert found.n_active_ == expected.n_active_ == np.unique(rows.indices).size
    assert counted.call_count == 2
    # Nor where the rows are far from zero, but no column is full.
    rows.data += 100.0
    SGDClassifier(tol=None, max_iter=1).fit(rows, y)
    assert counted.call_count == 2


def test_parts_of_a_pass_are_of_about_as_many_entries():
    data, _ = prepared(X, Y)
    assert [part.size for part in data.parts(np.arange(data.y.shape[0]))] == [data.y.shape[0]]
    many = np.repeat(np.arange(data.y.shape[0]), TAKEN_ENTRIES // X.nnz * 3)
    parts = data.parts(many)
    assert 2 < len(parts) < 5
    assert max(part.size for part in parts) - min(part.size for part in parts) <= 1
    np.testing.assert_array_equal(np.concatenate(parts), many)


def test_a_warm_start_that_knows_other_ids_moves_places():
    data, learner = prepared(X, Y)
    assert data.rows.indices.max() < 30
    settings = settings_of()
    training = Training(settings, 30, 1, 0)
    training.learner.start_from(np.array([7, 3]), np.array([[1.0], [2.0]]))
    moved = _prepare(Batch(as_rows(X), Y, None), settings, training.learner)[1]
    rows = np.arange(data.y.shape[0])
    ids = [with_.table.ids()[one.take(rows).places] for one, with_ in ((data, learner), (moved, training.learner))]
    np.testing.assert_array_equal(*ids)
    assert training.learner.table.ids()[:2].tolist() == [7, 3]


def test_coefficients_elsewhere_stay_while_others_are_learned():
    settings = settings_of(SGDRegressor, alpha=0.0, max_iter=2, tol=None)
    training = Training(settings, 10**12, 1, 0)
    training.learner.start_from(np.array([5, 10**11]), np.array([[1.5], [-2.0]]), np.array([0.5]))
    rows = sparse.csr_array((np.ones(2), np.array([5, 7]), np.array([0, 1, 2])), shape=(2, 10**12))
    batch = Batch(as_rows(rows), np.array([[1.0], [2.0]]), None)
    fit_in_memory(training, batch, np.random.default_rng(0), Reporter(False, False))
    coef = training.coef
    np.testing.assert_array_equal(coef.ids, [5, 7, 10**11])
    assert coef.values[2, 0] == -2.0


def test_visits_share_the_weight_out():
    whole = np.array([1.0, 3.0, 0.0, 2.0])
    for weight, expected, shares in (
        (whole, [0, 1, 1, 1, 3, 3], [1.0, 1.0, 0.0, 1.0]),
        (1e12 * whole, [0, 1, 1, 1, 3, 3], [1.0, 1.0, 0.0, 1.0]),  # in units of 1e12
        (0.1 * whole, [0, 1, 1, 3, 3], [2 / 3, 1.0, 0.0, 2 / 3]),  # in units of their mean, 0.15
    ):
        data, _ = prepared(X[:4], Y[:4], weight, shuffle=False)
        planned, visits = _plan_visits(data)
        np.testing.assert_array_equal(visits, expected)
        np.testing.assert_allclose(planned.weight, shares, rtol=1e-12)
    data, _ = prepared(X[:4], Y[:4], shuffle=False)
    assert _plan_visits(data)[0] is data
    heavy, _ = prepared(X[:4], Y[:4], 1e12 * whole + [1.0, 0.0, 0.0, 0.0], shuffle=False)
    planned, visits = _plan_visits(heavy)
    assert visits.size <= MAX_VISITS + 4
    assert planned.weight[visits].sum() == pytest.approx(MAX_VISITS)
