"""Learners: blocks of any size, states that go on, slots by place, warm starts, and where streams lead."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.learner_twins import dense_of, learner, rows_of

from sparsereg import regularization_path
from sparsereg._core.optimizers import OPTIMIZERS
from sparsereg._core.penalties import PENALTIES
from sparsereg.streaming import learner as learner_module
from sparsereg.streaming.batch import Batch, Sampling
from sparsereg.streaming.learner import DivergenceError

each_optimizer = pytest.mark.parametrize("algorithm", sorted(OPTIMIZERS))
# "average": proximal SGD that reports the mean of its iterates.
each_state = pytest.mark.parametrize("algorithm", [*sorted(OPTIMIZERS), "average"])
SAMPLINGS = {
    "plain": {},
    "dropout": {"dropout": 0.4, "seed": 7},
    "min_count": {"min_count": 3},
    "drop_stale": {"drop_stale": 11},
    "all": {"dropout": 0.2, "seed": 2**64 - 1, "min_count": 2, "drop_stale": 7},
}
each_sampling = pytest.mark.parametrize("sampling", SAMPLINGS)
N, P = 120, 40
IDS = np.sort(np.random.default_rng(1).choice(2**63 - 2, P, replace=False))


@pytest.fixture(autouse=True)
def few_counters(monkeypatch):
    """States are compared as wholes, hundreds of times."""
    monkeypatch.setattr(learner_module, "COUNTERS", 1 << 12)


def problem(seed=0, n_outputs=1):
    """Rows of which most columns are rare, so that some coefficients go stale and some are never admitted."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, P)) * (rng.random((N, P)) < np.geomspace(0.5, 0.01, P))
    y = rng.integers(0, 2, (N, 1)).astype(float) if n_outputs == 1 else rng.dirichlet(np.ones(n_outputs), N)
    return X, y, rng.choice([0.0, 0.5, 1.0, 2.0], N)


def make(algorithm, sampling="plain", n_outputs=1):
    average = 20.0 if algorithm == "average" else -1.0
    return learner(
        "prox_sgd" if algorithm == "average" else algorithm, alpha=0.03, l1_ratio=0.9, weight_decay=0.01,
        n_outputs=n_outputs, softmax=n_outputs > 1, average=average, sampling=SAMPLINGS[sampling],
    )


def learn(model, X, y, weight, start=0, stop=N):
    model.learn(Batch(rows_of(X[start:stop], IDS), y[start:stop], weight[start:stop]))


def assert_same(model, other):
    """Bit for bit; ids come in the same order too."""
    states, others = model.state(), other.state()
    assert states.keys() == others.keys()
    for key, value in states.items():
        assert value.tobytes() == others[key].tobytes(), key
    for one, another in zip(model.coefficients(), other.coefficients(), strict=True):
        np.testing.assert_array_equal(one, another)


# Blocks.


@each_state
@each_sampling
@pytest.mark.parametrize("n_outputs", [1, 3])
@settings(max_examples=10)
@given(cuts=st.lists(st.integers(0, N), min_size=1, max_size=12))
def test_blocks_do_not_matter(algorithm, sampling, n_outputs, cuts):
    data = problem(n_outputs=n_outputs)
    whole, parts = make(algorithm, sampling, n_outputs), make(algorithm, sampling, n_outputs)
    learn(whole, *data)
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), N], strict=True):
        learn(parts, *data, start, stop)
    assert whole.n_rows == N
    assert_same(whole, parts)


@each_optimizer
def test_samplings_do_something(algorithm):
    data, models = problem(), {name: make(algorithm, name) for name in SAMPLINGS}
    for model in models.values():
        learn(model, *data)
    touched = {name: model.n_touched for name, model in models.items()}
    assert touched["dropout"] == touched["plain"]
    assert max(touched["min_count"], touched["drop_stale"]) < touched["plain"]
    w = {name: dense_of(model, IDS) for name, model in models.items()}
    # Proximal SGD remembers nothing of a coefficient that is 0.
    lossless = {"drop_stale"} if algorithm == "prox_sgd" else set()
    assert {name for name in SAMPLINGS if np.array_equal(w[name], w["plain"])} == {"plain", *lossless}


@given(n_entries=st.integers(1, 400), every=st.sampled_from([0, 1, 7, 50]))
def test_parts_are_the_block(n_entries, every):
    """In pieces of about as many entries, cut where stale coefficients are dropped."""
    X, y, weight = problem()
    rows = rows_of(X, IDS)
    model = learner("ftrl", sampling={"drop_stale": every})
    parts, longest = [], np.diff(rows.indptr).max()
    for part in model.parts(Batch(rows, y, weight), n_entries):
        model.counter += part.n_rows
        assert every == 0 or model.n_rows - part.n_rows >= (model.n_rows - 1) // every * every
        parts.append(part)
    assert all(part.n_entries <= max(n_entries, longest) for part in parts)
    lengths = [np.diff(part.rows.indptr) for part in parts]
    assert [part.longest for part in parts] == [some.max() for some in lengths]
    np.testing.assert_array_equal(np.concatenate(lengths), np.diff(rows.indptr))
    for name, value in {"indices": rows.indices, "data": rows.data}.items():
        np.testing.assert_array_equal(np.concatenate([getattr(part.rows, name) for part in parts]), value)
    for name, value in {"y": y, "weight": weight}.items():
        np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in parts]), value)
    first = parts[0]
    inner = first.between(1, first.n_rows)
    np.testing.assert_array_equal(inner.rows.indices, first.rows.indices[first.rows.indptr[1] :])
    assert inner.rows.indptr[0] == 0
    assert inner.n_rows == len(inner.y) == len(inner.weight) == first.n_rows - 1


@each_state
def test_small_parts_and_large_ones_learn_alike(algorithm):
    X, y, weight = problem()
    whole, pieces = make(algorithm, "all"), make(algorithm, "all")
    learn(whole, X, y, weight)
    for part in pieces.parts(Batch(rows_of(X, IDS), y, weight), 5):
        pieces.learn_part(part)
    assert_same(whole, pieces)


@each_optimizer
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_values_of_one_need_not_be_stored(algorithm, dtype):
    X, y, weight = problem()
    X, ids = (X != 0.0).astype(float), np.arange(P)
    stored = rows_of(X, ids)
    implied = type(stored)(
        stored.indptr, stored.indices.astype(dtype), np.empty(0, np.float32), N, P, True, False
    )
    models = make(algorithm), make(algorithm)
    for model, rows in zip(models, (stored, implied), strict=True):
        model.learn(Batch(rows, y, weight))
    assert_same(*models)


@each_optimizer
def test_nothing_is_learned_from_no_rows(algorithm):
    model = make(algorithm)
    model.learn(Batch(rows_of(np.zeros((0, P)), IDS), np.zeros((0, 1))))
    assert_same(model, make(algorithm))
    model.learn(Batch(rows_of(np.zeros((3, P)), IDS), np.ones((3, 1)), np.zeros(3)))
    assert model.n_rows == 3
    assert model.n_touched == 0
    assert not model.totals.any()
    assert not model.intercept.any()


# States.


def reborn(model, way, algorithm, sampling="plain", n_outputs=1):
    if way == "deepcopy":
        return copy.deepcopy(model)
    if way == "pickle":
        return pickle.loads(pickle.dumps(model))
    other = make(algorithm, sampling, n_outputs)
    learn(other, *problem(3, n_outputs), 0, 9)  # what it was before leaves no trace
    other.restore({key: value.copy() for key, value in model.state().items()})
    return other


@each_state
@each_sampling
@pytest.mark.parametrize("way", ["state", "pickle", "deepcopy"])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_resumed_equals_uninterrupted(algorithm, sampling, way, n_outputs):
    data = problem(n_outputs=n_outputs)
    for stop in (0, 1, 50, N):
        model = make(algorithm, sampling, n_outputs)
        learn(model, *data, 0, stop)
        other = reborn(model, way, algorithm, sampling, n_outputs)
        assert_same(model, other)
        before = {key: value.copy() for key, value in model.state().items()}
        learn(other, *data, stop)
        for key, value in model.state().items():
            np.testing.assert_array_equal(value, before[key], err_msg=key)
        learn(model, *data, stop)
        assert_same(model, other)


def test_states_are_plain_arrays():
    """As a checkpoint stores them: nothing to pickle."""
    model = make("adagrad", "all")
    learn(model, *problem())
    for value in model.state().values():
        assert isinstance(value, np.ndarray)
        assert not value.dtype.hasobject


@each_optimizer
def test_a_refused_step_leaves_a_model_that_goes_on(algorithm):
    X, y, weight = problem()
    model = learner(algorithm, "squared", alpha=0.03)
    learn(model, X, y, weight)
    y[3], weight[3] = 1e200, 1.0
    with pytest.raises(DivergenceError, match=f"row {N + 3} "):
        learn(model, X, y, weight)
    assert model.n_rows == N + 3
    assert np.isfinite(model.coefficients()[1]).all()
    learn(model, X, y, weight, 4)
    assert model.n_rows == 2 * N - 1
    assert np.isfinite(model.coefficients()[1]).all()


# Stale coefficients.


@each_optimizer
def test_stale_coefficients_are_those_at_0_since_the_last_time(algorithm):
    """Kept: what is not 0, and what was touched since; dropped: the rest, whose memory of slopes is lost."""
    X = np.zeros((8, 3))
    X[0] = [1.0, 1e-9, 1e-9]
    X[5, 2] = 1e-9
    y = np.full((8, 1), 5.0)
    counts = []
    model = learner(
        algorithm, "squared", alpha=1e-3, eta0=0.1, fit_intercept=False, sampling={"drop_stale": 4}
    )
    for i in range(8):
        model.learn(Batch(rows_of(X[i : i + 1], [4, 5, 6]), y[i : i + 1]))
        counts.append(model.n_touched)
    assert counts == [3, 3, 3, 3, 3, 3, 3, 2]
    ids, w = model.coefficients()
    assert ids.tolist() == [4]
    assert w[0, 0] > 0.01


def test_memory_follows_what_is_kept():
    n = 30_000
    X = rows_of(np.eye(1, n) + 1e-9, np.arange(n) * 1_000_003)
    model = learner("ftrl", "squared", alpha=1e-3, sampling={"drop_stale": 1})
    model.learn(Batch(X, np.ones((1, 1))))
    large = model.nbytes
    assert (8 + 12) * n <= large <= (8 + 2 * 13 / 0.75) * n
    model.learn(Batch(rows_of(np.zeros((1, 1)), [0]), np.ones((1, 1))))
    assert model.n_touched == 1
    assert model.nbytes < large / 10


# By place.


@each_state
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("sampling", ["plain", "dropout"])
def test_by_place_equals_by_id(algorithm, n_outputs, sampling):
    X, y, weight = problem(n_outputs=n_outputs)
    order = np.random.default_rng(2).permutation(P)
    model, other = make(algorithm, sampling, n_outputs), make(algorithm, sampling, n_outputs)
    learn(model, X, y, weight, 0, 50)
    learn(other, X, y, weight, 0, 50)
    before = other.coefficients()
    place = np.empty(P, dtype=np.uint32)
    place[order] = other.enter(IDS[order])
    for one, another in zip(before, other.coefficients(), strict=True):
        np.testing.assert_array_equal(one, another)
    assert other.n_touched == P
    learn(model, X, y, weight, 50)
    rows = rows_of(X[50:], IDS)
    other.learn(Batch(rows, y[50:], weight[50:], places=place[np.searchsorted(IDS, rows.indices)]))
    learn(model, X, y, weight)
    learn(other, X, y, weight)
    for one, another in zip(model.coefficients(), other.coefficients(), strict=True):
        np.testing.assert_array_equal(one, another)
    np.testing.assert_array_equal(model.intercepts(), other.intercepts())


@each_optimizer
def test_no_ids_at_all(algorithm):
    model = make(algorithm)
    places = model.enter(np.empty(0, dtype=np.int64))
    nothing = np.empty(0, dtype=np.int64)
    model.learn(Batch(rows_of(np.zeros((4, 0)), nothing), np.ones((4, 1)), places=places))
    assert model.n_touched == 0
    assert model.totals[0] == 4.0
    assert model.coefficients()[0].size == 0


# Warm starts.


STARTS = [("ftrl", penalty, 0.0) for penalty in sorted(PENALTIES)]
STARTS += [("ftrl", "elastic_net", 20.0), ("prox_sgd", "elastic_net", 0.0), ("adagrad", "elastic_net", 0.0)]


@pytest.mark.parametrize(("algorithm", "penalty", "total_weight"), STARTS)
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_start_gives_exactly_those_coefficients(algorithm, penalty, total_weight, n_outputs):
    model = learner(
        algorithm, penalty=penalty, alpha=0.05, l1_ratio=0.6, n_outputs=n_outputs, total_weight=total_weight
    )
    rng = np.random.default_rng(0)
    w = rng.normal(size=(P, n_outputs)) * (rng.random((P, n_outputs)) < 0.7)
    order = rng.permutation(P)
    model.start_from(IDS[order], w[order], np.arange(n_outputs) + 0.5)
    # A state of FTRL has seven digits, of the coefficient and the fixed penalty together.
    tolerance = 1e-6 if algorithm == "ftrl" else 0.0
    np.testing.assert_allclose(dense_of(model, IDS), w, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(model.intercept[0], np.arange(n_outputs) + 0.5)
    assert model.n_rows == 0
    assert not model.totals.any()


def test_a_start_without_an_intercept():
    model = learner("prox_sgd", fit_intercept=False)
    model.start_from(np.array([3]), np.array([[2.0]]), np.array([1.0]))
    assert model.intercept.size == 0


@pytest.mark.parametrize("algorithm", ["adagrad", "prox_sgd"])
def test_a_start_is_where_the_steps_begin(algorithm):
    """One row of slope 0 moves nothing."""
    model = learner(algorithm, "squared", alpha=0.0, fit_intercept=False)
    model.start_from(IDS[:2], np.array([[2.0], [-1.0]]))
    model.learn(Batch(rows_of(np.ones((1, 2)), IDS[:2]), np.ones((1, 1))))
    np.testing.assert_array_equal(model.coefficients()[1], [[2.0], [-1.0]])


# Outputs.


# Bettors of all outputs share the largest slope.
@pytest.mark.parametrize("algorithm", [name for name in sorted(OPTIMIZERS) if not OPTIMIZERS[name].tunes_itself])
def test_one_against_the_rest_is_each_by_itself(algorithm):
    X, y, weight = problem(n_outputs=3)
    together = learner(algorithm, n_outputs=3, alpha=0.02, l1_ratio=0.7)
    learn(together, X, y, weight)
    alone = [learner(algorithm, alpha=0.02, l1_ratio=0.7) for _ in range(3)]
    for k, model in enumerate(alone):
        learn(model, X, np.ascontiguousarray(y[:, k : k + 1]), weight)
    np.testing.assert_array_equal(dense_of(together, IDS), np.hstack([dense_of(model, IDS) for model in alone]))
    np.testing.assert_array_equal(together.intercept, np.hstack([model.intercept for model in alone]))
    assert together.totals[1] == pytest.approx(sum(model.totals[1] for model in alone), rel=1e-12)


@each_optimizer
def test_two_classes_mirror_each_other(algorithm):
    X, y, weight = problem()
    model = learner(algorithm, n_outputs=2, softmax=True, alpha=0.02, l1_ratio=0.7)
    learn(model, X, np.hstack([1.0 - y, y]), weight)
    w = dense_of(model, IDS)
    assert w.any()
    np.testing.assert_allclose(w[:, 0], -w[:, 1], rtol=1e-6, atol=1e-9)


def test_the_sampling_by_default_is_none():
    assert Sampling() == Sampling(dropout=0.0, seed=0, min_count=1, drop_stale=0)


# Where streams lead.


PASSES = {
    "ftrl": {"eta0": 0.3, "beta": 1.0},
    "prox_sgd": {"eta0": 0.3, "power_t": 0.5},
    "adagrad": {"eta0": 0.5, "beta": 1.0},
    "coin_betting": {},
}


@each_optimizer
@pytest.mark.parametrize("loss", ["squared", "logistic", "huber", "squared_hinge", "poisson"])
def test_many_passes_reach_the_batch_optimum(algorithm, loss):
    rng = np.random.default_rng(4)
    n, p, l1_ratio = 80, 6, 0.8
    X = rng.normal(size=(n, p)) * (rng.random((n, p)) < 0.7)
    t = X @ np.array([1.0, -0.7, 0.4, 0.0, 0.0, 0.0]) + 0.3
    y = {
        "squared": t + 0.3 * rng.normal(size=n),
        "huber": t + 0.3 * rng.standard_t(2, size=n),
        "poisson": rng.poisson(np.exp(0.5 * t)),
    }.get(loss, rng.random(n) < 1.0 / (1.0 + np.exp(-2.0 * t))).astype(float)
    alpha = 0.25 if loss in ("squared_hinge", "poisson") else 0.06
    path = regularization_path(X, y, loss=loss, alphas=[alpha], l1_ratio=l1_ratio, tol=1e-12)
    model = learner(algorithm, loss, alpha=alpha, l1_ratio=l1_ratio, **PASSES[algorithm])
    for _ in range(60):
        order = np.concatenate([rng.permutation(n) for _ in range(50)])
        model.learn(Batch(rows_of(X[order], IDS[:p]), y[order, None]))
    best = path.coefs.toarray()[:, [0]]
    assert 0 < np.count_nonzero(best) < p
    np.testing.assert_allclose(dense_of(model, IDS[:p]), best, atol=0.03)
    assert model.intercept[0, 0] == pytest.approx(path.intercepts[0], abs=0.03)
