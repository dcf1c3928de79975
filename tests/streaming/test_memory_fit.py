"""Passes over data in memory: when they end, which rows are held out."""

import numpy as np
import pytest
from scipy import sparse

from sparsereg import SGDClassifier, SGDRegressor
from sparsereg.inputs.rows import as_rows
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.memory_fit import MAX_VISITS, EarlyStopping, _hold_out, _plan_visits, _prepare, fit_in_memory
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


def test_the_held_out_part_is_stratified():
    data = _prepare(Batch(as_rows(X), Y, None), True, True)
    settings = settings_of(early_stopping=True, validation_fraction=0.25)
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


def test_rows_are_those_that_count_under_the_ids_of_the_caller():
    """Ids are spread out, so that compact ones differ from them."""
    wide = sparse.csr_array((X.data, X.indices.astype(np.int64) * 1000, X.indptr), shape=(200, 30_000))
    weight = np.where(np.arange(200) % 7 == 0, 0.0, 1.0)
    data = _prepare(Batch(as_rows(wide), Y, weight), True)
    batch = data.take(np.arange(data.y.shape[0]), wide=True)
    dense = sparse.csr_array(
        (batch.rows.data, batch.rows.indices, batch.rows.indptr), shape=(batch.n_rows, batch.rows.n_features)
    )
    found = {(row.tobytes(), label) for row, label in zip(dense[:, ::1000].toarray(), batch.y[:, 0], strict=True)}
    used = weight > 0.0
    expected = {(row.tobytes(), label) for row, label in zip(X[used].toarray(), Y[used, 0], strict=True)}
    assert found == expected
    assert batch.weight.sum() == weight.sum()


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
        data = _prepare(Batch(as_rows(X[:4]), Y[:4], weight), False, True)
        planned, visits = _plan_visits(data)
        np.testing.assert_array_equal(visits, expected)
        np.testing.assert_allclose(planned.weight, shares, rtol=1e-12)
    data = _prepare(Batch(as_rows(X[:4]), Y[:4], None), False, True)
    assert _plan_visits(data)[0] is data
    heavy = _prepare(Batch(as_rows(X[:4]), Y[:4], 1e12 * whole + [1.0, 0.0, 0.0, 0.0]), False, True)
    planned, visits = _plan_visits(heavy)
    assert visits.size <= MAX_VISITS + 4
    assert planned.weight[visits].sum() == pytest.approx(MAX_VISITS)
