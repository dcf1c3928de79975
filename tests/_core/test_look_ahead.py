"""States found ahead of the row that is learned from: the bits of row by row, and ids as a dict would have them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.learner_twins import learner

from sparsereg._core import sgd
from sparsereg._core.state_table import NARROW_IDS
from sparsereg.inputs.rows import Rows
from sparsereg.streaming import learner as learner_module
from sparsereg.streaming import threads
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.learner import DivergenceError

# Ids on either side of where narrow ones end, few of them, so that many come again within a few entries.
WIDE = np.unique(np.append(2**32 + np.arange(-40, 40), [0, 1, 2**40, 2**62, 2**63 - 2, *range(5000, 6200)]))
NARROW = np.unique(np.append(NARROW_IDS - 1 - np.arange(40), [0, 1, 2**31, *range(5000, 6200)]))
# More than lines are asked for ahead, than states are found ahead, and than tables have room for at first.
LENGTHS = {"short": (0, 1, 2, 3), "five": (5,), "mixed": (0, 0, 1, 5, 39, 41, 81, 130), "long": (0, 7, 900, 1200)}
each_lengths = pytest.mark.parametrize("lengths", LENGTHS)


@pytest.fixture(autouse=True)
def small_tables(monkeypatch):
    """Tables grow from one line on, often within a row."""
    monkeypatch.setattr(learner_module, "MIN_CAPACITY", 1)


def stream(seed, ids, lengths, n_rows=60):
    """Rows with stored zeros among them, and rows without weight."""
    rng = np.random.default_rng(seed)
    rows = [np.sort(rng.choice(ids, length, replace=False)) for length in rng.choice(LENGTHS[lengths], n_rows)]
    indptr = np.append(0, np.cumsum([row.size for row in rows])).astype(np.int64)
    found = np.concatenate([np.empty(0, dtype=np.int64), *rows])
    data = rng.normal(size=found.size) * (rng.random(found.size) < 0.9)
    y = rng.integers(0, 2, (n_rows, 1)).astype(float)
    return Batch(Rows(indptr, found, data, n_rows, 2**63 - 1, True, True), y, rng.choice([0.0, 1.0, 2.0], n_rows))


def first_seen(batch, stop, min_count=1):
    """Ids of the rows up to one in order of their `min_count`-th time."""
    counts = {}
    entered = {}
    for i in range(stop):
        if batch.weight[i] > 0.0:
            for k in range(batch.rows.indptr[i], batch.rows.indptr[i + 1]):
                if batch.rows.data[k] != 0.0:
                    id_ = int(batch.rows.indices[k])
                    counts[id_] = counts.get(id_, 0) + 1
                    if counts[id_] >= min_count:
                        entered.setdefault(id_)
    return [*entered]


def row_by_row(model, batch):
    """Learn from each row by itself: nothing is found beyond it. Rows whose step is refused are passed over."""
    for i in range(batch.n_rows):
        try:
            model.learn(batch.between(i, i + 1))
        except DivergenceError:
            model.counter += 1


def in_one_go(model, batch, n_threads=1):
    """The same with as few calls as there are rows whose step is refused."""
    start = 0
    while start < batch.n_rows:
        try:
            threads.learn_in_threads(model, batch.between(start, batch.n_rows), n_threads, False)
        except DivergenceError:
            assert model.table.ids().tolist() == first_seen(batch, model.n_rows + 1)
            model.counter += 1
        start = model.n_rows


def assert_same(model, other):
    states, others = model.state(), other.state()
    for name, array in states.items():
        assert array.tobytes() == others[name].tobytes(), name


@each_lengths
@pytest.mark.parametrize("is_wide", [False, True])
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=4, deadline=None)
def test_many_rows_are_each_by_itself(is_wide, lengths, seed):
    batch = stream(seed, WIDE if is_wide else NARROW, lengths)
    models = [learner("ftrl", alpha=0.02, n_features=None if is_wide else NARROW_IDS) for _ in range(2)]
    models[0].learn(batch)
    row_by_row(models[1], batch)
    assert models[0].table.is_wide is is_wide
    assert models[0].table.ids().tolist() == first_seen(batch, batch.n_rows)
    assert_same(*models)


@each_lengths
@pytest.mark.parametrize("sampling", [{"min_count": 3}, {"drop_stale": 7}, {"min_count": 2, "drop_stale": 7}])
def test_admission_and_sweeps_are_those_of_rows_by_themselves(lengths, sampling):
    batch = stream(5, WIDE, lengths)
    models = [learner("adagrad", alpha=0.05, sampling=sampling) for _ in range(2)]
    models[0].learn(batch)
    row_by_row(models[1], batch)
    assert_same(*models)
    if "drop_stale" not in sampling:
        assert models[0].table.ids().tolist() == first_seen(batch, batch.n_rows, 3)


@each_lengths
@pytest.mark.parametrize("n_threads", [1, 2])
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=4, deadline=None)
def test_ids_of_rows_behind_one_whose_step_is_refused_are_not_there(n_threads, lengths, seed):
    batch = stream(seed, WIDE, lengths)
    refused = np.random.default_rng(seed).choice(batch.n_rows, 6, replace=False)
    batch.y[refused], batch.weight[refused] = 1e300, 1.0
    models = [learner("ftrl", "squared", alpha=0.02) for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "PLACED_ENTRIES", 100)
        in_one_go(models[0], batch, n_threads)
    row_by_row(models[1], batch)
    assert models[0].n_rows == batch.n_rows
    assert_same(*models)


def test_an_interrupt_leaves_no_ids_of_rows_to_come(monkeypatch):
    """While a thread has found those of the next parts."""
    batch, model, other = stream(1, WIDE, "mixed"), learner("ftrl"), learner("ftrl")
    call = learner_module.Learner.call
    monkeypatch.setattr(threads, "PLACED_ENTRIES", 100)

    def interrupted(self, *arguments):
        if self.n_rows > 20:
            raise KeyboardInterrupt
        return call(self, *arguments)

    monkeypatch.setattr(learner_module.Learner, "call", interrupted)
    with pytest.raises(KeyboardInterrupt):
        threads.learn_in_threads(model, batch, 2, False)
    monkeypatch.undo()
    assert 20 < model.n_rows < batch.n_rows
    assert model.table.ids().tolist() == first_seen(batch, model.n_rows)
    model.learn(batch.between(model.n_rows, batch.n_rows))
    other.learn(batch)
    assert_same(model, other)


def test_rows_are_predicted_by_id_as_from_coefficients():
    batch = stream(2, WIDE, "mixed")
    model = learner("ftrl", alpha=0.01, n_outputs=1)
    model.learn(batch.between(0, 40))
    ids, w = model.coefficients()
    known = dict(zip(ids.tolist(), w[:, 0].tolist(), strict=True))
    terms = [known.get(id_, 0.0) for id_ in batch.rows.indices.tolist()] * batch.rows.data
    sums = np.append(0.0, np.cumsum(terms))[batch.rows.indptr]
    n_touched = model.n_touched
    assert len(known) > 20
    np.testing.assert_allclose(model.decision(batch.rows)[:, 0], np.diff(sums) + model.intercepts()[0], rtol=1e-9)
    assert model.n_touched == n_touched


# Counts.


@pytest.mark.parametrize("in_lanes", [False, True])
@pytest.mark.parametrize("beta", [0.0, 1.0])
@pytest.mark.parametrize(("alpha", "eta0"), [(0.5, 0.1), (0.0, 0.1), (0.5, 1e-200), (1e-300, 0.1), (0.3, 7.0)])
def test_counts_are_those_of_what_is_read(in_lanes, beta, alpha, eta0):
    """At the last digits on either side of the bound of |z|, too."""
    model = learner("ftrl", alpha=alpha, l1_ratio=0.7, total_weight=8.0, beta=beta, eta0=eta0)
    model.optimizer.in_lanes = in_lanes
    bound = np.float32(8.0 * alpha * 0.7)
    near = [np.nextafter(bound, np.float32(end), dtype=np.float32) for end in (0.0, np.inf)]
    z = np.array([0.0, bound, *near, 2 * bound, bound / 2, 1e-45, 1e30], dtype=np.float32)
    r = np.array([0.0, 1.0, 3.3, 1e30], dtype=np.float32)
    pairs = np.stack([np.tile([*z, *-z], r.size), np.repeat(r, 2 * z.size)], axis=1)
    model.enter(np.arange(len(pairs) * 200))
    model.table.states[:] = np.tile(pairs, (200, 1)).view(np.float64)
    w = np.empty((model.table.used, 1))
    sgd.read(model.penalty, model.optimizer, model.table.states, w)
    assert model.count_nonzero() == np.count_nonzero(w)
