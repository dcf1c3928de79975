"""Learners side by side: each lane has the bits of its single learner, in any division of rows, lanes and threads."""

import copy
import pickle
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kernel_calls import loss_of
from support.learner_twins import DEFAULTS, learner, rows_of
from support.penalty_twins import build

from sparsereg._core import sgd_alphas
from sparsereg.inputs.dense_rows import DenseRows, read_rows
from sparsereg.streaming import alpha_learner as alpha_module
from sparsereg.streaming import alpha_threads
from sparsereg.streaming import learner as learner_module
from sparsereg.streaming.alpha_learner import AlphaLearner
from sparsereg.streaming.alpha_threads import learn_lanes_in_threads
from sparsereg.streaming.batch import Batch, Sampling
from sparsereg.streaming.learner import DivergenceError
from sparsereg.streaming.optimizer import make_optimizer

N, P = 90, 30
EDGES = [2**32 - 2, 2**32 - 1, 2**32]
IDS = np.sort(np.append(np.random.default_rng(1).choice(2**63 - 2, P - 3, replace=False), EDGES))
ALPHAS = (0.03, 0.0, 0.3, 0.01, 0.1)
SAMPLINGS = {
    "plain": {},
    "dropout": {"dropout": 0.4, "seed": 7},
    "min_count": {"min_count": 3},
    "drop_stale": {"drop_stale": 11},
    "all": {"dropout": 0.2, "seed": 2**64 - 1, "min_count": 2, "drop_stale": 7},
}
# Loss, outputs, softmax.
TARGETS = [
    ("logistic", 1, False), ("squared", 1, False), ("huber", 1, False), ("poisson", 1, False),
    ("squared_hinge", 3, False), ("logistic", 3, True), ("logistic", 2, False),
]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """States are compared as wholes, hundreds of times; parts are short."""
    for module in (learner_module, alpha_module):
        monkeypatch.setattr(module, "COUNTERS", 1 << 12)
    monkeypatch.setattr(alpha_threads, "SHARED_ENTRIES", 50)


def problem(n_outputs=1, n_rows=N):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, P)) * (rng.random((n_rows, P)) < np.geomspace(0.5, 0.01, P))
    X[3] = 0.0
    y = rng.integers(0, 2, (n_rows, 1)).astype(float) if n_outputs == 1 else rng.dirichlet(np.ones(n_outputs), n_rows)
    return X, y, rng.choice([0.0, 0.5, 1.0, 2.0], n_rows)


def side_by_side(target, sampling="plain", penalty="elastic_net", alphas=ALPHAS, in_lanes=True, l1_ratio=1.0, **steps):
    loss, n_outputs, softmax = target
    penalties = [build(penalty, alpha, l1_ratio) for alpha in alphas]
    optimizers = [make_optimizer("ftrl", one, **(DEFAULTS | steps)) for one in penalties]
    for optimizer in optimizers:
        optimizer.in_lanes = in_lanes
    return AlphaLearner(
        loss_of(loss), penalties, optimizers, n_outputs=n_outputs, softmax=softmax,
        sampling=Sampling(**SAMPLINGS[sampling]),
    )


def alone(target, alpha, sampling="plain", penalty="elastic_net", l1_ratio=1.0, **steps):
    loss, n_outputs, softmax = target
    return learner(
        "ftrl", loss, penalty, alpha, l1_ratio, n_outputs=n_outputs, softmax=softmax, sampling=SAMPLINGS[sampling],
        **steps,
    )


def batch(target, start=0, stop=N):
    X, y, weight = problem(target[1])
    return Batch(rows_of(X[start:stop], IDS), y[start:stop], weight[start:stop])


def assert_lane(many, lane, one):
    """Bit for bit. Where stale ones are dropped, an id stays as long as some lane has a state for it."""
    found, expected = many.lane_state(lane), one.state()
    for name in ("intercept", "totals", "n_rows", "clock"):
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    states = []
    for state in (found, expected):
        order = np.argsort(state["ids"])
        used = state["states"][order].view(np.int64).any(axis=1)
        states.append((state["ids"][order][used], state["states"][order][used].view(np.int64)))
    for one_array, another in zip(*states, strict=True):
        np.testing.assert_array_equal(one_array, another)
    assert many.count_nonzeros()[lane] == one.count_nonzero()


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("in_lanes", [True, False])
@settings(max_examples=2)
@given(cuts=st.lists(st.integers(0, N), max_size=4), n_alphas=st.integers(1, len(ALPHAS)))
def test_each_lane_has_the_bits_of_its_single_learner(target, sampling, in_lanes, cuts, n_alphas):
    many = side_by_side(target, sampling, alphas=ALPHAS[:n_alphas], in_lanes=in_lanes)
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), N], strict=True):
        many.learn(batch(target, start, stop))
    for lane, alpha in enumerate(ALPHAS[:n_alphas]):
        one = alone(target, alpha, sampling)
        one.learn(batch(target))
        assert_lane(many, lane, one)


@pytest.mark.parametrize("penalty", ["elastic_net", "mcp", "scad", "l0"])
@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
@pytest.mark.parametrize("target", [TARGETS[0], TARGETS[5]], ids=str)
def test_threads_and_penalties(penalty, n_threads, target):
    l1_ratio = 0.7 if penalty == "elastic_net" else 1.0
    many = side_by_side(target, penalty=penalty, l1_ratio=l1_ratio, total_weight=70.0)
    learn_lanes_in_threads(many, batch(target), n_threads)
    for lane, alpha in enumerate(ALPHAS):
        one = alone(target, alpha, penalty=penalty, l1_ratio=l1_ratio, total_weight=70.0)
        one.learn(batch(target))
        assert_lane(many, lane, one)


def test_lanes_in_another_order_are_other_lanes():
    """What is compared above would not do if lanes were alike."""
    many = side_by_side(TARGETS[0])
    many.learn(batch(TARGETS[0]))
    states = [many.lane_state(lane)["states"].tobytes() for lane in range(len(ALPHAS))]
    assert len(set(states)) == len(ALPHAS)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("lane", [0, 2, 4])
def test_steps_may_differ_by_lane(n_threads, lane):
    many = side_by_side(TARGETS[0])
    penalty = many.penalties[lane]
    many.optimizers[lane] = make_optimizer("ftrl", penalty, **(DEFAULTS | {"eta0": 0.07, "beta": 0.5}))
    learn_lanes_in_threads(many, batch(TARGETS[0]), n_threads)
    for k, alpha in enumerate(ALPHAS):
        one = alone(TARGETS[0], alpha, **({"eta0": 0.07, "beta": 0.5} if k == lane else {}))
        one.learn(batch(TARGETS[0]))
        assert_lane(many, k, one)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("in_lanes", [True, False])
def test_a_row_that_leads_nowhere_at_one_alpha_is_learned_at_none(n_threads, in_lanes):
    """A value whose square a float cannot hold, but where the penalty keeps its coefficient at 0."""
    rng = np.random.default_rng(2)
    target = ("squared", 1, False)
    X = np.zeros((60, P))
    X[np.arange(60), rng.integers(0, P - 1, 60)] = 1.0
    X[30:, P - 1] = 1.0
    X[50, :] = 0.0
    X[50, P - 1] = 1e30
    y = np.ones((60, 1))
    alphas = (5.0, 1e-3, 5.0)

    def rows(start, stop):
        return Batch(rows_of(X[start:stop], IDS), y[start:stop])

    many, whole = (side_by_side(target, alphas=alphas, in_lanes=in_lanes) for _ in range(2))
    with pytest.raises(DivergenceError, match=r"row 50 .* at alpha=0\.001"):
        learn_lanes_in_threads(many, rows(0, 60), n_threads)
    whole.learn(rows(0, 50))
    assert many.n_rows == 50
    assert many.n_touched == whole.n_touched
    for lane in range(3):
        assert_lane(many, lane, whole.at(lane))
    # Those whose passes are over, between those that learn, stay where they are.
    some = side_by_side(target, alphas=(5.0, 7.0, 1e-3, 8.0, 6.0), in_lanes=in_lanes)
    some.learn(rows(0, 30))
    before = [some.lane_state(lane) for lane in (1, 3)]
    some.learning = np.array([0, 2, 4])
    with pytest.raises(DivergenceError, match=r"row 50 .* at alpha=0\.001"):
        learn_lanes_in_threads(some, rows(30, 60), n_threads)
    assert_lane(some, 2, whole.at(1))
    for lane, state in zip((1, 3), before, strict=True):
        assert some.lane_state(lane)["states"].tobytes()[: state["states"].nbytes] == state["states"].tobytes()
    # The others could have gone on.
    held = alone(target, 5.0)
    held.learn(rows(0, 51))


def test_lanes_whose_passes_are_over_stay():
    many = side_by_side(TARGETS[0])
    many.learn(batch(TARGETS[0], 0, 40))
    before = [many.lane_state(lane) for lane in range(len(ALPHAS))]
    many.learning = np.array([0, 3])
    learn_lanes_in_threads(many, batch(TARGETS[0], 40, N), 2)
    for lane, alpha in enumerate(ALPHAS):
        one = alone(TARGETS[0], alpha)
        one.learn(batch(TARGETS[0], 0, N if lane in (0, 3) else 40))
        assert_lane(many, lane, one)
    assert before[1]["totals"].tolist() == many.lane_state(1)["totals"].tolist()
    # All go on together, each from where it is.
    many.learning = np.arange(len(ALPHAS))
    assert [lanes.tolist() for lanes in many.groups()] == [[0, 3], [1, 2, 4]]
    learn_lanes_in_threads(many, batch(TARGETS[0], 0, 30), 2)
    for lane, alpha in enumerate(ALPHAS):
        one = alone(TARGETS[0], alpha)
        one.learn(batch(TARGETS[0], 0, N if lane in (0, 3) else 40))
        one.learn(batch(TARGETS[0], 0, 30))
        assert_lane(many, lane, one)


@pytest.mark.parametrize("sampling", ["plain", "all"])
def test_states_copies_and_pickles_go_on(sampling):
    many = side_by_side(TARGETS[5], sampling)
    many.learn(batch(TARGETS[5], 0, 50))
    again = side_by_side(TARGETS[5], sampling)
    again.restore(many.state())
    others = [again, copy.deepcopy(many), pickle.loads(pickle.dumps(many))]
    many.learn(batch(TARGETS[5], 50, N))
    for other in others:
        other.learn(batch(TARGETS[5], 50, N))
        for lane in range(len(ALPHAS)):
            assert_lane(other, lane, many.at(lane))
    state = many.state()
    for name, wrong in {
        "learning": np.array([0, 9]), "totals": state["totals"][:2], "states": state["states"][:, :4],
        "clock": state["clock"][0], "judged": state["judged"][:1],
    }.items():
        with pytest.raises(ValueError, match="state: "):
            again.restore({**state, name: wrong})


def test_counts_next_to_thresholds_are_those_of_the_coefficients():
    """Sums that are the threshold, or the next number to it, and states without a step."""
    many = side_by_side(TARGETS[0], alphas=(0.25, 0.5))
    many.learn(batch(TARGETS[0]))
    time = many.optimizers[0].clock[0]
    edges = np.float32([0.25 * time, 0.5 * time, 0.0, -0.0])
    z = np.concatenate([edges, np.nextafter(edges, np.float32(0)), np.nextafter(edges, np.float32(np.inf))])
    pairs = np.zeros((many.n_touched, 2, 2), dtype=np.float32)
    pairs[: z.size, :, 0] = z[:, None]
    pairs[: z.size : 2, :, 1] = 1.0
    many.table.states[...] = pairs.reshape(-1, 4).view(np.float64)
    expected = [many.at(lane).count_nonzero() for lane in range(2)]
    assert many.count_nonzeros().tolist() == expected
    assert 0 < expected[1] < expected[0] < z.size


def test_best_is_the_smallest_loss_then_the_largest_alpha():
    many = side_by_side(TARGETS[0])
    assert many.best == 2
    many.learn(batch(TARGETS[0]))
    losses = many.all_totals[:, 1]
    assert many.best == losses.argmin()
    many.judged[:] = [0.5, 0.4, 0.4, 0.4, np.inf]
    assert many.best == 2


def interrupted_once(function, at, *, after):
    """Call a function; in the call of that number raise as Ctrl-C does, after it or before."""
    calls = []

    def wrapped(*arguments, **settings):
        calls.append(1)
        if len(calls) == at and not after:
            signal.raise_signal(signal.SIGINT)
        found = function(*arguments, **settings)
        if len(calls) == at and after:
            signal.raise_signal(signal.SIGINT)
        return found

    return wrapped


def assert_whole_rows(many):
    """All of the state is that of as many rows as are counted, learned from without an interruption."""
    expected = side_by_side(TARGETS[0])
    expected.learn(batch(TARGETS[0], 0, many.n_rows))
    found = many.state()
    for name, array in expected.state().items():
        np.testing.assert_array_equal(found[name].view(np.uint8), array.view(np.uint8), err_msg=name)


@pytest.mark.parametrize("at", [1, 3])
def test_an_interruption_leaves_whole_rows(monkeypatch, at):
    many = side_by_side(TARGETS[0])
    monkeypatch.setattr(many, "parts", lambda rows: AlphaLearner.parts(many, rows, 40))
    monkeypatch.setattr(alpha_module.sgd_alphas, "learn", interrupted_once(sgd_alphas.learn, at, after=True))
    with pytest.raises(KeyboardInterrupt):
        many.learn(batch(TARGETS[0]))
    assert 0 < many.n_rows < N
    assert_whole_rows(many)


@pytest.mark.parametrize("at", [1, 4])
def test_interruptions_of_who_waits_for_threads_leave_whole_rows(monkeypatch, at):
    """The impatient do it again and again."""
    many = side_by_side(TARGETS[0])
    learn, calls = many.call_lanes, []

    def call_lanes(*arguments):
        calls.append(1)
        if len(calls) == at:
            for _ in range(3):
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
                time.sleep(0.01)
        return learn(*arguments)

    monkeypatch.setattr(many, "call_lanes", call_lanes)
    with pytest.raises(KeyboardInterrupt):
        learn_lanes_in_threads(many, batch(TARGETS[0]), 2)
    assert 0 < many.n_rows < N
    assert_whole_rows(many)


@pytest.mark.parametrize("at", [1, 2, 4])
def test_an_interruption_of_who_cuts_rows_forgets_what_was_found_ahead(monkeypatch, at):
    many = side_by_side(TARGETS[0])
    monkeypatch.setattr(Batch, "between", interrupted_once(Batch.between, at, after=False))
    with pytest.raises(KeyboardInterrupt):
        learn_lanes_in_threads(many, batch(TARGETS[0]), 2)
    monkeypatch.undo()
    assert many.n_rows < N
    assert_whole_rows(many)


def test_what_a_thread_could_not_learn_no_other_has(monkeypatch):
    """Memory that runs out in one of them."""
    many = side_by_side(TARGETS[0])
    learn = many.call_lanes

    def call_lanes(part, lanes, log):
        if lanes[0] > 0 and many.counters[lanes[0], 0] > 40:
            raise MemoryError("lanes")
        return learn(part, lanes, log)

    monkeypatch.setattr(many, "call_lanes", call_lanes)
    with pytest.raises(MemoryError, match="lanes"):
        learn_lanes_in_threads(many, batch(TARGETS[0]), 2)
    assert 40 < many.n_rows < N
    assert_whole_rows(many)


@pytest.mark.parametrize("target", [TARGETS[0], TARGETS[5]], ids=str)
@pytest.mark.parametrize("penalty", ["elastic_net", "mcp"])
def test_predictions_of_a_lane_are_those_of_its_single_learner(monkeypatch, target, penalty):
    """Ids that have no state too; none of the coefficients are read but those of the rows."""
    monkeypatch.setattr(learner_module, "CALL_ROWS", 7)
    numbers = np.arange(P)
    X, y, _ = problem(target[1])
    many = side_by_side(target, penalty=penalty)
    monkeypatch.setattr(many, "all_coefficients", None)
    many.learn(Batch(rows_of(X[:40, : P - 4], numbers[: P - 4]), y[:40]))
    sparse, dense = rows_of(X, numbers), read_rows(X + 10.0)
    assert isinstance(dense, DenseRows)
    predictors = []
    for lane, view in enumerate(many.lanes()):
        one = many.at(lane)
        for rows in (sparse, dense):
            found = view.decision(rows)
            predictors.append(found.tobytes())
            np.testing.assert_array_equal(found, one.decision(rows))
            if lane == many.best:
                np.testing.assert_array_equal(many.decision(rows), found)
    assert len(set(predictors)) > len(ALPHAS)


def test_predictions_read_only_the_states_of_the_rows(monkeypatch):
    many = side_by_side(TARGETS[0])
    many.learn(batch(TARGETS[0]))
    monkeypatch.setattr(many, "_read_lane", None)
    assert many.decision(batch(TARGETS[0], 5, 6).rows).shape == (1, 1)


@pytest.mark.parametrize("in_lanes", [True, False])
@pytest.mark.parametrize("beta", [0.0, 1.0, 1e101])
def test_counts_are_exact_whatever_the_settings(in_lanes, beta):
    """Sizes do not tell everywhere; blocks of states of which one is next to its threshold are looked at closely."""
    many = side_by_side(TARGETS[5], alphas=(0.25, 0.5, 0.0), in_lanes=in_lanes, beta=beta)
    rng = np.random.default_rng(0)
    many.enter(np.arange(700))
    many.learn(batch(TARGETS[5]))
    pairs = rng.normal(size=(many.n_touched, 9, 2)).astype(np.float32) * np.float32(many.optimizers[0].clock[0])
    pairs[:, :, 1] = np.abs(pairs[:, :, 1])
    pairs[300, :, 0] = np.repeat(np.float32([0.25, 0.5, 0.0]), 3) * np.float32(many.optimizers[0].clock[0])
    pairs[301:310] = 0.0
    many.table.states[...] = pairs.reshape(-1, 18).view(np.float64)
    assert many.count_nonzeros().tolist() == [np.count_nonzero(many.at(lane).coefficients()[1]) for lane in range(3)]
