"""Streaming on several threads: the same bits where they are promised, the same minimum where they are not."""

import copy
import threading
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from sparsereg._core import losses, penalties
from sparsereg.inputs.rows import as_rows
from sparsereg.streaming import threads
from sparsereg.streaming.batch import Batch, Sampling
from sparsereg.streaming.learner import DivergenceError, Learner
from sparsereg.streaming.optimizer import make_optimizer
from sparsereg.streaming.threads import learn_in_threads

ALGORITHMS = ["ftrl", "prox_sgd", "adagrad"]
SETTINGS = {"eta0": 0.2, "beta": 1.0, "power_t": 0.3, "weight_decay": 0.0, "total_weight": 0.0, "average": -1.0}


@pytest.fixture(autouse=True)
def small_rounds(monkeypatch):
    monkeypatch.setattr(threads, "PLACED_ENTRIES", 256)


def rows_and_targets(n_rows=3_000, n_outputs=1, seed=0):
    rng = np.random.default_rng(seed)
    ids = np.sort(rng.zipf(1.3, (n_rows, 4)) % 2_000, axis=1) * 2**50
    X = sparse.csr_array(
        (rng.normal(size=ids.size), ids.ravel(), np.arange(0, ids.size + 1, 4)), shape=(n_rows, 2**62)
    )
    X.sum_duplicates()
    y = (rng.random((n_rows, n_outputs)) < 0.3).astype(float)
    return as_rows(X), y, rng.choice([0.0, 0.5, 1.0, 3.0], n_rows)


def learner(algorithm, n_outputs=1, alpha=1e-3, l1_ratio=0.9, sampling=None, **settings):
    penalty = penalties.ElasticNet(alpha, l1_ratio)
    return Learner(
        losses.Logistic(), penalty, make_optimizer(algorithm, penalty, **{**SETTINGS, **settings}),
        n_outputs=n_outputs, softmax=n_outputs > 1, sampling=sampling,
    )


def assert_same_bits(a, b):
    for one, other in zip(a.coefficients(), b.coefficients(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(a.intercept, b.intercept)
    np.testing.assert_array_equal(a.totals, b.totals)
    assert a.n_rows == b.n_rows
    assert a.optimizer.clock == b.optimizer.clock


@pytest.mark.parametrize("sampling", [None, Sampling(dropout=0.2, seed=5), Sampling(drop_stale=700)])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_two_threads_give_the_bits_of_one(algorithm, n_outputs, sampling):
    rows, y, weight = rows_and_targets(n_outputs=n_outputs)
    alone = learner(algorithm, n_outputs, sampling=sampling)
    alone.learn(Batch(rows, y, weight))
    together = learner(algorithm, n_outputs, sampling=sampling)
    learn_in_threads(together, Batch(rows, y, weight), 2, False)
    assert alone.coefficients()[0].size > 50
    assert_same_bits(alone, together)


def test_two_threads_renew_worn_states_like_one():
    rows, y, _ = rows_and_targets()
    alone = learner("prox_sgd", alpha=0.5, l1_ratio=0.1, power_t=0.0)
    alone.learn(Batch(rows, y))
    together = copy.deepcopy(learner("prox_sgd", alpha=0.5, l1_ratio=0.1, power_t=0.0))
    learn_in_threads(together, Batch(rows, y), 2, False)
    assert alone.optimizer.clock[1] > 1e-6 * 0.9 ** rows.n_samples  # scales were set back
    assert_same_bits(alone, together)


@pytest.mark.parametrize("n_threads", [3, 8])
def test_more_threads_give_the_bits_of_one_too(n_threads):
    rows, y, weight = rows_and_targets()
    runs = [learner("ftrl") for _ in range(2)]
    runs[0].learn(Batch(rows, y, weight))
    learn_in_threads(runs[1], Batch(rows, y, weight), n_threads, False)
    assert_same_bits(*runs)


def test_entries_and_rows_that_count_for_nothing_get_no_slots():
    X = sparse.csr_array((np.tile([1.0, 0.0], 300), np.arange(600), 2 * np.arange(301)), shape=(300, 2**40))
    weight = np.tile([1.0, 0.0, 2.0], 100)
    runs = [learner("ftrl") for _ in range(2)]
    runs[0].learn(Batch(as_rows(X), np.ones((300, 1)), weight))
    learn_in_threads(runs[1], Batch(as_rows(X), np.ones((300, 1)), weight), 2, False)
    assert runs[0].n_touched == runs[1].n_touched == 200
    assert_same_bits(*runs)


@pytest.mark.parametrize("by_place", [False, True])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_threads_without_locks_learn_about_as_much_as_one(algorithm, by_place, monkeypatch):
    monkeypatch.undo()  # rounds as large as they are
    rows, y, weight = rows_and_targets(n_rows=100_000)
    y[:] = (rows.indices.reshape(-1)[rows.indptr[:-1]] > 2**51)[:, None]
    runs = [learner(algorithm, alpha=1e-5) for _ in range(2)]
    batches = [Batch(rows, y, weight)] * 2
    if by_place:
        batches = [replace(batch, places=run.enter(rows.indices)) for batch, run in zip(batches, runs, strict=True)]
    for _ in range(2):
        runs[0].learn(batches[0])
        learn_in_threads(runs[1], batches[1], 3, True)
    losses_ = [run.totals[1] / run.totals[0] for run in runs]
    assert losses_[0] < 0.9 * np.log(2.0)
    assert losses_[1] == pytest.approx(losses_[0], rel=0.1)
    assert runs[0].n_rows == runs[1].n_rows
    assert runs[0].totals[0] == runs[1].totals[0]


def test_a_model_can_be_read_while_it_learns():
    rows, y, _ = rows_and_targets(n_rows=50_000)
    run = learner("ftrl")
    seen = []
    done = threading.Event()

    def look():
        while not done.is_set():
            ids, w = run.coefficients()
            seen.append(np.all(np.diff(ids) > 0) and np.isfinite(w).all() and run.count_nonzero() >= 0)

    thread = threading.Thread(target=look)
    thread.start()
    for start in range(0, 50_000, 100):
        low, high = rows.indptr[start], rows.indptr[start + 100]
        run.learn(Batch(replace(
                rows, indptr=rows.indptr[start : start + 101] - low, indices=rows.indices[low:high],
                data=rows.data[low:high], n_samples=100,
            ), y[start : start + 100]))
    done.set()
    thread.join()
    assert len(seen) > 1
    assert all(seen)


def test_divergence_is_told_with_and_without_locks():
    rows, y, weight = rows_and_targets(n_rows=600)
    y[-1], weight[-1] = 1e300, 1.0
    for n_threads, lock_free in ((2, False), (2, True)):
        broken = learner("ftrl")
        broken.loss = losses.Squared()
        with pytest.raises(DivergenceError, match="row 599"):
            learn_in_threads(broken, Batch(rows, y, weight), n_threads, lock_free)
        assert np.isfinite(broken.coefficients()[1]).all()
