"""The table of touched coefficients against a dict; how far keys lie from where the search for them begins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.learner_twins import learner

from sparsereg._core import state_table
from sparsereg._core.state_table import MAX_LOAD, StateTable

LAST = 2**63 - 2
TOP = np.uint64(1) << np.uint64(63)


def mix(word):
    """Finaliser of MurmurHash3 for an array of uint64."""
    word = np.array(word, dtype=np.uint64)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        word = (word ^ (word >> np.uint64(33))) * np.uint64(factor)
    return word ^ (word >> np.uint64(33))


def displacements(array):
    """How far each key lies behind its first place, in slots, around the end of the table."""
    capacity = len(array)
    at = np.flatnonzero(array[:, 0] != -1)
    ids = array[at, 0].view(np.uint64) & ~TOP
    first = ((mix(ids) >> np.uint64(32)) * np.uint64(capacity)) >> np.uint64(32)
    in_line = 4 if array.shape[1] == 2 and capacity % 4 == 0 else 1
    return (at - first.astype(np.int64) // in_line * in_line) % capacity


def assert_reachable(array):
    """No key has an empty slot between its first place and itself."""
    used = array[:, 0] != -1
    at = np.flatnonzero(used)
    length = np.arange(2 * len(array)) - np.maximum.accumulate(
        np.where(np.tile(used, 2), -1, np.arange(2 * len(array)))
    )
    # Slots in use without a gap up to and with each one; all of them where no slot is empty.
    run = np.where(used.all(), len(array), length[len(array) + at])
    assert np.all(displacements(array) < run)


def entered(ids, capacity, width=2):
    slots = StateTable.empty(capacity, width)
    places = np.empty(len(ids), dtype=np.int64)
    state_table.find_or_enter(np.asarray(ids, dtype=np.int64), slots, places)
    return slots, places


# Against a dict.

few = st.integers(0, 40)
many = st.integers(0, LAST)
ends = st.sampled_from([0, 1, LAST, LAST - 1, 2**62, 2**32, 2**32 - 1])
runs = st.builds(lambda step, n: [step * k for k in range(n)], st.integers(1, 2**40), st.integers(1, 99))
batches = st.one_of(st.lists(few, max_size=9), st.lists(many, max_size=9), st.lists(ends, max_size=9), runs)


class TableAndDict(RuleBasedStateMachine):
    """Proximal SGD at the start of its clock: the word of a slot is the coefficient itself."""

    def __init__(self):
        super().__init__()
        self.model = learner("prox_sgd")
        self.model.table = StateTable.empty(1, 2)
        self.words, self.touched = {}, set()

    @rule(ids=batches, w=st.sampled_from([None, 0.0, 1.5, -2.0]))
    def enter(self, ids, w):
        ids = np.array(ids, dtype=np.int64)
        places = np.empty(ids.size, dtype=np.int64)
        self.model.make_room(ids.size)
        slots = self.model.table
        state_table.find_or_enter(ids, slots, places)
        np.testing.assert_array_equal(slots.array[places, 0] & (LAST + 1), ids)
        for id_, value in zip(ids.tolist(), slots.array[places, 1].view(np.float64), strict=True):
            assert value == self.words.setdefault(id_, 0.0)
            self.touched.add(id_)
        if w is not None:
            slots.array[places, 1] = np.float64(w).view(np.int64)
            self.words.update(dict.fromkeys(ids.tolist(), w))

    @rule(n=st.integers(0, 5000))
    def make_room(self, n):
        self.model.make_room(n)
        assert self.model.table.used + n <= self.model.table.limit

    @rule()
    def drop_stale(self):
        self.model.drop_stale()
        self.words = {id_: w for id_, w in self.words.items() if w != 0.0 or id_ in self.touched}
        self.touched = set()

    @precondition(lambda self: self.words)
    @rule()
    def fill_to_the_limit(self):
        """A table as full as it may be."""
        capacity = int(len(self.words) / MAX_LOAD) + 1
        slots = StateTable.empty(capacity, 2)
        state_table.enter(self.model.table.array, slots)
        assert slots.used <= slots.limit
        self.model.table = slots

    @rule()
    def save_and_restore(self):
        state = self.model.state()
        self.model = learner("prox_sgd")
        self.model.restore(state)

    @rule()
    def by_place_and_back(self):
        """Places do not remember what was touched since the last sweep."""
        self.model.know_ids(np.array(sorted(self.words), dtype=np.int64))
        self.model.forget_places()
        self.touched = set()

    @invariant()
    def same_contents(self):
        array = self.model.table.array
        used = array[array[:, 0] != -1]
        ids = (used[:, 0].view(np.uint64) & ~TOP).astype(np.int64)
        assert self.model.table.used == self.model.n_touched == len(used) == len(self.words)
        assert dict(zip(ids.tolist(), used[:, 1].view(np.float64).tolist(), strict=True)) == self.words
        assert set(ids[used[:, 0] < 0].tolist()) == self.touched
        assert_reachable(array)

    @invariant()
    def same_coefficients(self):
        ids, w = self.model.coefficients()
        expected = {id_: value for id_, value in self.words.items() if value != 0.0}
        assert ids.tolist() == sorted(expected)
        assert w[:, 0].tolist() == [expected[id_] for id_ in sorted(expected)]


TestTableAndDict = TableAndDict.TestCase
TestTableAndDict.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


# Corners.


@pytest.mark.parametrize("capacity", [1, 2, 3, 7])
@pytest.mark.parametrize("start", [0, 5, LAST - 6])
def test_a_table_without_an_empty_cell(capacity, start):
    ids = np.arange(start, start + capacity)
    slots, places = entered(ids, capacity)
    assert slots.used == capacity
    assert sorted(places) == list(range(capacity))
    again = np.empty(capacity, dtype=np.int64)
    state_table.find_or_enter(ids[::-1].copy(), slots, again)
    np.testing.assert_array_equal(again, places[::-1])
    larger = StateTable.empty(2 * capacity + 1, 2)
    state_table.enter(slots.array, larger)
    assert larger.used == capacity
    assert_reachable(larger.array)


def test_an_id_twice_has_one_cell():
    slots, places = entered([9, 4, 9], 8)
    assert slots.used == 2
    assert places[0] == places[2] != places[1]


def test_the_limit():
    assert [StateTable.empty(capacity, 2).limit for capacity in (1, 2, 4, 1000)] == [0, 1, 3, 750]
    assert StateTable(np.zeros((5, 2), dtype=np.int64), 5, False).limit == 5


def test_new_cells_begin_with_zeros():
    """Whatever the memory held."""
    slots = StateTable.empty(64, 4)
    slots.array[:, 1:] = -1
    places = np.empty(30, dtype=np.int64)
    state_table.find_or_enter(np.arange(30), slots, places)
    assert not slots.array[places, 1:].any()


@pytest.mark.parametrize("width", [2, 4])
@given(
    seed=st.integers(0, 2**32 - 1), capacity=st.integers(1, 60), load=st.floats(0.0, 1.0),
    growth=st.sampled_from([1, 2, 7, 30, 500]), crowded=st.booleans(),
)
def test_growth_in_place_keeps_every_cell(width, seed, capacity, load, growth, crowded):
    """Full tables, clusters over the end, and steps so small that slots lie behind their new first places."""
    rng = np.random.default_rng(seed)
    ids = rng.choice(LAST, 4000)
    first = (mix(ids) >> np.uint64(32)) * np.uint64(capacity) >> np.uint64(32)
    if crowded:  # at either end
        ids = ids[(first == 0) | (first >= capacity - 2)]
    ids = np.unique(ids)[: int(load * capacity)]
    slots, places = entered(ids, capacity, width)
    words = rng.integers(-(2**63), 2**63 - 1, (ids.size, width - 1))
    slots.array[places, 1:] = words
    slots.grow(capacity + growth)
    assert len(slots.array) == capacity + growth
    assert slots.used == ids.size == np.count_nonzero(slots.array[:, 0] != -1)
    assert slots.limit == int(MAX_LOAD * (capacity + growth))
    assert_reachable(slots.array)
    again = np.empty(ids.size, dtype=np.int64)
    state_table.find_or_enter(ids, slots, again)
    assert slots.used == ids.size
    np.testing.assert_array_equal(slots.array[again, 1:], words)


def test_growth_keeps_marks():
    model = learner("prox_sgd")
    model.start_from(np.arange(10), np.ones((10, 1)))
    model.drop_stale()
    places = np.empty(3, dtype=np.int64)
    state_table.find_or_enter(np.array([2, 5, 9]), model.table, places)
    model.make_room(10_000)
    keys = model.table.array[model.table.array[:, 0] != -1, 0]
    assert sorted(keys[keys < 0] & (LAST + 1)) == [2, 5, 9]
    assert sorted(keys[keys >= 0]) == [0, 1, 3, 4, 6, 7, 8]


def test_growth_is_geometric_and_stops_at_the_bound():
    model = learner("prox_sgd")
    sizes = [len(model.table.array)]
    while sizes[-1] < 200_000:
        model.table.used = model.table.limit
        model.make_room(1)
        sizes.append(len(model.table.array))
    assert np.all(np.diff(sizes) >= 0.4 * np.array(sizes[:-1]))
    assert np.all(np.diff(sizes) <= 0.5 * np.array(sizes[:-1]))
    with pytest.raises(MemoryError, match=r"a table of \d+ coefficients, expected less than 4294967296"):
        model.make_room(2**32)


# How far keys lie from their first places.

N = 30_000
GRID = (np.arange(100)[:, None] * 21_600 + np.arange(300)).ravel() + 10_800 + 21_600
PATTERNS = {
    "a run": np.arange(N),
    "the last ids": LAST - np.arange(N),
    "a grid of cells": GRID,
    "all rows of one column of cells": np.arange(10_800) * 21_600,
    "high bits only": np.arange(N) << 48,
    "both halves alike": np.arange(N) * (2**32 + 1),
    **{f"multiples of 2**{k}": np.arange(N) << k for k in (1, 5, 12, 20, 31, 32, 33, 40)},
    **{f"multiples of {k}": np.arange(N) * k for k in (3, 40_000, 1_000_003, 0x9E3779B9)},
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_keys_lie_near_their_first_places(pattern):
    """At three quarters full a random hash leaves keys 1.5 slots behind on average (Knuth, TAOCP 3, 6.4)."""
    ids = PATTERNS[pattern]
    slots, _ = entered(ids, int(len(ids) / MAX_LOAD) + 1)
    assert slots.used == len(ids) <= slots.limit
    assert_reachable(slots.array)
    behind = displacements(slots.array)
    assert 1.2 < behind.mean() < 1.8
    assert behind.max() < 150
    larger = StateTable.empty(int(len(slots.array) * 1.45) + 1, 2)
    state_table.enter(slots.array, larger)
    assert displacements(larger.array).mean() < 0.7
    assert_reachable(larger.array)


@pytest.mark.parametrize("factor", [1.0, 1.01, 1.45, 2.0, 5.0])
@pytest.mark.parametrize("pattern", ["random", "run"])
def test_growth_in_place_loses_nothing_and_leaves_no_gap(pattern, factor):
    rng = np.random.default_rng(int(10 * factor))
    for _ in range(200):
        capacity = int(rng.integers(2, 300))
        n = int(MAX_LOAD * capacity)
        ids = rng.choice(2**40, n, replace=False) if pattern == "random" else np.arange(n) * rng.integers(1, 10**6)
        slots, places = entered(ids, capacity)
        slots.array[places, 1] = ids + 7
        slots.grow(int(factor * capacity) + 1)
        assert_reachable(slots.array)
        places = np.empty(n, dtype=np.int64)
        state_table.find_or_enter(ids, slots, places)
        assert slots.used == n == np.count_nonzero(slots.array[:, 0] != -1)
        np.testing.assert_array_equal(slots.array[places, 1], ids + 7)
