"""Which entries a streaming kernel leaves out, and which coefficients it admits."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.learner_twins import TWINS, dense_of, learner, rows_of

from sparsereg._core.optimizers import OPTIMIZERS
from sparsereg.streaming.batch import Batch

each_optimizer = pytest.mark.parametrize("algorithm", sorted(OPTIMIZERS))
CLOSE = {"ftrl": 3e-6, "prox_sgd": 1e-12, "adagrad": 1e-12, "coin_betting": 1e-10}
IDS = np.array([0, 3, 2**33, 2**60 + 1, 2**63 - 2])
BITS = 2**64 - 1


def mix(word):
    """Finaliser of MurmurHash3."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        word = ((word ^ (word >> 33)) * factor) & BITS
    return word ^ (word >> 33)


def chance(seed, row, id_):
    return (mix(seed ^ mix(row ^ mix(id_))) >> 11) / 2**53


def chances(seed, n, ids=IDS, first=0):
    return np.array([[chance(seed, first + i, int(id_)) for id_ in ids] for i in range(n)])


def some_rows(seed, n=40, n_outputs=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, len(IDS))) * (rng.random((n, len(IDS))) < 0.6)
    y = rng.integers(0, 2, (n, 1)).astype(float) if n_outputs == 1 else rng.dirichlet(np.ones(n_outputs), n)
    return X, y, rng.integers(0, 3, n).astype(float)


# Dropout.


@each_optimizer
@pytest.mark.parametrize("n_outputs", [1, 3])
@given(dropout=st.sampled_from([0.01, 0.5, 0.9]), seed=st.sampled_from([0, 1, 12345, 2**63, 2**64 - 1]))
def test_dropout_is_that_of_its_definition(algorithm, n_outputs, dropout, seed):
    """Steps see the mask; the progressive loss does not. Rows of weight 0 have numbers too."""
    X, y, weight = some_rows(1, n_outputs=n_outputs)
    kept = np.where(chances(seed, len(X)) >= dropout, X / (1.0 - dropout), 0.0)
    settings = {"alpha": 0.01, "l1_ratio": 0.5, "n_outputs": n_outputs, "softmax": n_outputs > 1}
    dense = TWINS[algorithm](len(IDS), **settings)
    dense.learn(X, y, weight, kept)
    model = learner(algorithm, **settings, sampling={"dropout": dropout, "seed": seed})
    model.learn(Batch(rows_of(X, IDS), y, weight))
    close = CLOSE[algorithm]
    np.testing.assert_allclose(dense_of(model, IDS), dense.reported, rtol=close, atol=close)
    np.testing.assert_allclose(model.intercept[0], dense.b, rtol=close, atol=close)
    assert model.totals[1] == pytest.approx(dense.loss_sum, rel=10 * close)


def test_the_share_left_out():
    """Every entry is as likely to stay, whatever its row, its id and the seed, and whether others do."""
    u = np.stack([chances(seed, 50, np.arange(50) * 21_600) for seed in range(50)])
    for share in (0.1, 0.5, 0.8):
        out = (u < share) - share
        spread = np.sqrt(share * (1.0 - share))
        for axis in range(3):
            means = out.mean(axis=axis)
            assert np.abs(means).max() < 6.0 * spread / np.sqrt(u.shape[axis])
            neighbours = (np.delete(out, 0, axis) * np.delete(out, -1, axis)).mean()
            assert abs(neighbours) < 5.0 * spread**2 / np.sqrt(u.size / 2)


def test_what_stays_makes_up_for_what_does_not():
    """With a loss of slope t - y = -1 in every row, a coefficient is the sum of what the step saw of its column."""
    n, dropout = 20_000, 0.3
    model = learner(
        "prox_sgd", "huber", alpha=0.0, eta0=1e-9, power_t=0.0, fit_intercept=False,
        sampling={"dropout": dropout, "seed": 9},
    )
    X = np.random.default_rng(0).normal(size=(n, 1)) + 3.0
    model.learn(Batch(rows_of(X, [5]), np.full((n, 1), 1.0)))
    seen = model.coefficients()[1][0, 0] / 1e-9
    sigma = np.sqrt(np.sum(X**2) * dropout / (1.0 - dropout))
    assert seen != pytest.approx(X.sum(), rel=1e-6)
    assert abs(seen - X.sum()) < 4.0 * sigma


# Admission by count.


@each_optimizer
@given(seed=st.integers(0, 2**32 - 1), least=st.sampled_from([1, 2, 3, 7, 30, 255]))
def test_coefficients_are_kept_from_the_count_on(algorithm, seed, least):
    """An entry takes part once its id has been seen as often: in rows of weight 0, and with stored zeros, it is not."""
    X, y, weight = some_rows(seed, n=60)
    present = (X != 0.0) | (np.random.default_rng(seed).random(X.shape) < 0.1)
    seen, part = Counter(), np.zeros_like(X)
    for i in range(len(X)):
        for j in np.flatnonzero(X[i]):
            if weight[i] > 0.0:
                seen[j] += 1
                part[i, j] = X[i, j] if seen[j] >= least else 0.0
    dense = TWINS[algorithm](len(IDS), alpha=0.01)
    dense.learn(part, y, weight)
    model = learner(algorithm, alpha=0.01, sampling={"min_count": least})
    model.learn(Batch(rows_of(X, IDS, present), y, weight))
    assert model.n_touched == sum(count >= least for count in seen.values())
    close = CLOSE[algorithm]
    np.testing.assert_allclose(dense_of(model, IDS), dense.reported, rtol=close, atol=close)
    assert model.totals[1] == pytest.approx(dense.loss_sum, rel=10 * close)


@given(seed=st.integers(0, 2**32 - 1), least=st.integers(2, 255), size=st.sampled_from([1, 2, 50]))
def test_admission_is_never_late(seed, least, size):
    """Counters that ids share admit too soon, never too late."""
    rng = np.random.default_rng(seed)
    ids = np.sort(rng.choice(2**62, 20, replace=False))
    X = (rng.random((300, 20)) < rng.random(20)).astype(float)
    model = learner("prox_sgd", alpha=0.0, sampling={"min_count": least})
    model.counts = np.zeros(size, dtype=np.uint8)
    model.learn(Batch(rows_of(X, ids), rng.integers(0, 2, (300, 1)).astype(float)))
    assert np.all(dense_of(model, ids)[X.sum(axis=0) >= least] != 0.0)
    assert model.counts.max() < least


def test_one_in_a_million_is_admitted_too_soon():
    """Ids seen once do not add up to a count of two: the counters have room for millions."""
    rng = np.random.default_rng(0)
    ids = np.sort(rng.choice(2**62, 40_000, replace=False))
    model = learner("ftrl", sampling={"min_count": 2})
    model.learn(Batch(rows_of(np.ones((1, 40_000)), ids), np.ones((1, 1))))
    assert model.n_touched < 5
    model.learn(Batch(rows_of(np.ones((1, 40_000)), ids), np.ones((1, 1))))
    assert model.n_touched == 40_000
