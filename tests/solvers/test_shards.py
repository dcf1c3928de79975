"""Streaming on several threads: the same bits where they are promised, the same minimum where they are not."""

import copy

import numpy as np
import pytest
from scipy import sparse

from sparsereg._core import losses, penalties
from sparsereg._formats import as_rows
from sparsereg.solvers import shards
from sparsereg.solvers.learner import DivergenceError, Learner, Sampling, make_optimiser
from sparsereg.solvers.shards import learn_in_threads

ALGORITHMS = ["ftrl", "prox_sgd", "adagrad"]
SETTINGS = {"eta0": 0.2, "beta": 1.0, "power_t": 0.3, "weight_decay": 0.0, "total_weight": 0.0, "average": -1.0}


@pytest.fixture(autouse=True)
def small_rounds(monkeypatch):
    monkeypatch.setattr(shards, "SHARD_ENTRIES", 256)
    monkeypatch.setattr(shards, "PLACED_ENTRIES", 256)


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
        losses.Logistic(), penalty, make_optimiser(algorithm, penalty, **{**SETTINGS, **settings}),
        n_outputs=n_outputs, softmax=n_outputs > 1, sampling=sampling,
    )


def assert_same_bits(a, b):
    for one, other in zip(a.coefficients(), b.coefficients(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(a.intercept, b.intercept)
    np.testing.assert_array_equal(a.totals, b.totals)
    assert a.n_rows == b.n_rows
    assert a.optimiser.clock == b.optimiser.clock


@pytest.mark.parametrize("sampling", [None, Sampling(dropout=0.2, seed=5), Sampling(drop_stale=700)])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_two_threads_give_the_bits_of_one(algorithm, n_outputs, sampling):
    rows, y, weight = rows_and_targets(n_outputs=n_outputs)
    alone = learner(algorithm, n_outputs, sampling=sampling)
    alone.learn(rows, y, weight)
    together = learner(algorithm, n_outputs, sampling=sampling)
    learn_in_threads(together, rows, y, weight, 2, False)
    assert alone.coefficients()[0].size > 50
    assert_same_bits(alone, together)


def test_two_threads_renew_worn_states_like_one():
    rows, y, _ = rows_and_targets()
    alone = learner("prox_sgd", alpha=0.5, l1_ratio=0.1, power_t=0.0)
    alone.learn(rows, y)
    together = copy.deepcopy(learner("prox_sgd", alpha=0.5, l1_ratio=0.1, power_t=0.0))
    learn_in_threads(together, rows, y, None, 2, False)
    assert alone.optimiser.clock[1] > 1e-6 * 0.9 ** rows.n_samples  # scales were set back
    assert_same_bits(alone, together)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_shards_give_the_same_bits_on_every_run(algorithm, n_outputs):
    rows, y, weight = rows_and_targets(n_outputs=n_outputs)
    runs = [learner(algorithm, n_outputs) for _ in range(2)]
    for run in runs:
        learn_in_threads(run, rows, y, weight, 3, False)
    assert_same_bits(*runs)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_one_shard_of_a_round_is_the_sequential_result(algorithm, monkeypatch):
    monkeypatch.setattr(shards, "SHARD_ENTRIES", 1 << 20)
    rows, y, weight = rows_and_targets(n_rows=400)
    weight[20:] = 0.0  # the rows of the first shard alone weigh
    alone, apart = learner(algorithm), learner(algorithm)
    alone.learn(rows, y, weight)
    learn_in_threads(apart, rows, y, weight, 3, False)
    for one, other in zip(alone.coefficients(), apart.coefficients(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    np.testing.assert_allclose(alone.intercept, apart.intercept, rtol=1e-12)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_shard_adds_its_slopes_to_those_of_the_others(algorithm):
    # Rows without common columns do not need to know of one another.
    n = 300
    X = sparse.csr_array((np.ones(n), np.arange(n) * 2**40, np.arange(n + 1)), shape=(n, 2**60))
    y = np.ones((n, 1))
    settings = {"alpha": 1e-4, "power_t": 0.0}
    runs = [learner(algorithm, **settings) for _ in range(2)]
    for run in runs:
        run.intercept = np.zeros((0, 0))
    runs[0].learn(as_rows(X), y)
    learn_in_threads(runs[1], as_rows(X), y, None, 4, False)
    for one, other in zip(runs[0].coefficients(), runs[1].coefficients(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("by_place", [False, True])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(("n_threads", "lock_free"), [(3, False), (2, True)])
def test_threads_learn_about_as_much_as_one(n_threads, lock_free, algorithm, by_place):
    rows, y, weight = rows_and_targets()
    y[:] = (rows.indices.reshape(-1)[rows.indptr[:-1]] > 2**51)[:, None]
    runs = [learner(algorithm, alpha=1e-5) for _ in range(2)]
    if by_place:
        known = np.unique(rows.indices)
        rows = as_rows(
            sparse.csr_array(
                (rows.data, np.searchsorted(known, rows.indices), rows.indptr), shape=(rows.n_samples, known.size)
            )
        )
        for run in runs:
            run.know_ids(known)
    for _ in range(3):
        runs[0].learn(rows, y, weight)
        learn_in_threads(runs[1], rows, y, weight, n_threads, lock_free)
    losses_ = [run.totals[1] / run.totals[0] for run in runs]
    assert losses_[0] < 0.5
    assert losses_[1] == pytest.approx(losses_[0], rel=0.1)


def test_a_round_that_diverges_is_not_learned(monkeypatch):
    monkeypatch.setattr(shards, "SHARD_ENTRIES", 1 << 20)
    rows, y, weight = rows_and_targets(n_rows=60)
    broken = learner("ftrl")
    broken.loss = losses.Squared()
    before = broken.state()
    y[-1], weight[-1] = 1e300, 1.0
    with pytest.raises(DivergenceError, match="row"):
        learn_in_threads(broken, rows, y, weight, 3, False)
    for key, value in broken.state().items():
        np.testing.assert_array_equal(value, before[key])
