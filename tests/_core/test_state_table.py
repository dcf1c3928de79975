"""The table of touched coefficients against a dict; how far keys lie from where the search for them begins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support.learner_twins import learner

from sparsereg._core import state_table
from sparsereg._core.state_table import MAX_LOAD, MAX_STATES, NARROW_IDS, StateTable
from sparsereg.streaming import learner as learner_module

LAST = 2**63 - 2
SLOTS = {False: 8, True: 5}
each_width = pytest.mark.parametrize("is_wide", [False, True])


def keys_of(table):
    """Read ids and indices of every line, an empty slot as -1."""
    lines = table.keys.reshape(-1, 64)
    if table.is_wide:
        return lines[:, :40].copy().view(np.int64), lines[:, 40:60].copy().view(np.uint32)
    ids = lines[:, :32].copy().view(np.uint32).astype(np.int64)
    return np.where(ids == NARROW_IDS, -1, ids), lines[:, 32:].copy().view(np.uint32)


def first_lines(ids, n_lines):
    """The line that the search for each id begins with."""
    word = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    word = (word ^ (word >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return (((word >> np.uint64(32)) * np.uint64(n_lines)) >> np.uint64(32)).astype(np.int64)


def displacements(table):
    """How many lines each key lies behind its first, around the end of the table; all lines in between are full."""
    ids, _ = keys_of(table)
    n_lines, n_slots = ids.shape
    used = ids >= 0
    n_used = used.sum(axis=1)
    # Slots of a line are taken in order.
    np.testing.assert_array_equal(used, np.arange(n_slots) < n_used[:, None])
    line, slot = np.nonzero(used)
    behind = (line - first_lines(ids[line, slot], n_lines)) % n_lines
    n_not_full = np.append(0, np.cumsum(np.tile(n_used < n_slots, 2)))
    assert np.all(n_not_full[n_lines + line] == n_not_full[n_lines + line - behind])
    return behind


def entered(ids, capacity=1, is_wide=True, width=1):
    table = StateTable(width, capacity, is_wide)
    places = np.empty(len(ids), dtype=np.uint32)
    state_table.find_or_enter(np.asarray(ids, dtype=np.int64), table, places)
    return table, places


# Against a dict.

few = st.integers(0, 40)
many = st.integers(0, LAST)
ends = st.sampled_from([0, 1, LAST, LAST - 1, 2**62, 2**32 + 1, 2**32, 2**32 - 1, 2**32 - 2, 2**31])
runs = st.builds(lambda step, n: [step * k for k in range(n)], st.integers(1, 2**40), st.integers(1, 99))
batches = st.one_of(st.lists(few, max_size=9), st.lists(many, max_size=9), st.lists(ends, max_size=9), runs)


class TableAndDict(RuleBasedStateMachine):
    """Proximal SGD at the start of its clock: a state is the coefficient itself."""

    is_wide = True

    def __init__(self):
        super().__init__()
        self.model = self.make()
        self.words, self.touched = {}, set()

    def make(self):
        n_features = None if self.is_wide else NARROW_IDS
        return learner("prox_sgd", sampling={"drop_stale": 5}, n_features=n_features)

    @rule(ids=batches, w=st.sampled_from([None, 0.0, 1.5, -2.0]))
    def enter(self, ids, w):
        ids = np.array(ids, dtype=np.int64) % (LAST + 1 if self.is_wide else NARROW_IDS)
        places = self.model.enter(ids)
        for id_, value in zip(ids.tolist(), self.model.table.states[places, 0], strict=True):
            assert value == self.words.setdefault(id_, 0.0)
            self.touched.add(id_)
        if w is not None:
            self.model.table.states[places] = w
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

    @rule(share=st.floats(0.0, 1.0))
    def forget_the_last(self, share):
        n = int(share * len(self.words))
        gone = [*self.words][n:]
        self.model.table.forget_from(n)
        for id_ in gone:
            del self.words[id_]
        self.touched -= {*gone}

    @rule()
    def save_and_restore(self):
        state = self.model.state()
        self.model = self.make()
        self.model.restore(state)

    @invariant()
    def same_contents(self):
        """A dict is in order of first appearance too."""
        table = self.model.table
        assert table.used == self.model.n_touched == len(self.words)
        assert table.ids().tolist() == [*self.words]
        assert table.states[:, 0].tolist() == [*self.words.values()]
        assert set(table.ids()[table.touched != 0].tolist()) == self.touched
        displacements(table)

    @invariant()
    def same_coefficients(self):
        ids, w = self.model.coefficients()
        expected = {id_: value for id_, value in self.words.items() if value != 0.0}
        assert ids.tolist() == sorted(expected)
        assert w[:, 0].tolist() == [expected[id_] for id_ in sorted(expected)]


class NarrowTableAndDict(TableAndDict):
    is_wide = False


TestTableAndDict, TestNarrowTableAndDict = TableAndDict.TestCase, NarrowTableAndDict.TestCase
TestTableAndDict.settings = TestNarrowTableAndDict.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None
)


# Lines.


@each_width
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_ids_of_a_line_are_compared_alike_at_once_and_one_by_one(is_wide, seed):
    """Halves of ids that agree, and indices that look like ids."""
    rng = np.random.default_rng(seed)
    room = np.zeros(32, dtype=np.uint32)
    start = -room.ctypes.data % 64 // 4
    line = room[start : start + 16]
    line[:] = rng.choice([0, 1, 7, 2**31, 2**32 - 1], 16)
    ids = line[:10].view(np.int64) if is_wide else line[:8].astype(np.int64)
    for id_ in (*ids, 0, 1, 7 * 2**32 + 1, -1):
        wanted = id_ if is_wide else id_ % 2**32
        expected = sum(1 << int(slot) for slot in np.flatnonzero(ids == wanted))
        assert state_table.slots_of_a_line(line, int(wanted) if is_wide else int(id_ % 2**32), is_wide) == (
            expected, expected
        )


@each_width
def test_an_id_twice_has_one_state(is_wide):
    table, places = entered([9, 4, 9], 8, is_wide)
    assert table.used == 2
    assert places.tolist() == [0, 1, 0]


@each_width
@pytest.mark.parametrize("start", [0, 5, NARROW_IDS - 700])
def test_a_table_as_full_as_it_may_be(is_wide, start):
    capacity = 100 * SLOTS[is_wide]
    ids = np.arange(start, start + int(MAX_LOAD * capacity))
    table, places = entered(ids, capacity, is_wide)
    assert table.used == table.limit
    np.testing.assert_array_equal(places, np.arange(ids.size))
    again = np.empty(ids.size, dtype=np.uint32)
    state_table.find_or_enter(ids[::-1].copy(), table, again)
    np.testing.assert_array_equal(again, places[::-1])
    with pytest.raises(ValueError, match=rf"table: {table.used} of at most {table.used} ids are there, expected room"):
        state_table.find_or_enter(np.array([3 * 10**9]), table, np.empty(1, dtype=np.uint32))


def test_the_limit():
    for is_wide, slots in SLOTS.items():
        found = [StateTable(1, n, is_wide).capacity for n in (0, 1, slots, slots + 1)]
        assert found == [slots, slots, slots, 2 * slots]
        assert StateTable(1, 100, is_wide).limit == int(MAX_LOAD * StateTable(1, 100, is_wide).capacity)


@each_width
@pytest.mark.parametrize("width", [1, 3])
@given(
    seed=st.integers(0, 2**32 - 1), capacity=st.integers(1, 60), load=st.floats(0.0, 1.0),
    growth=st.sampled_from([1, 2, 7, 30, 500]), crowded=st.booleans(),
)
@settings(max_examples=25)
def test_growth_keeps_every_state(is_wide, width, seed, capacity, load, growth, crowded):
    """Full tables, and lines that run over, also over the end."""
    rng = np.random.default_rng(seed)
    ids = np.unique(rng.choice(LAST if is_wide else NARROW_IDS, 4000))
    table = StateTable(width, capacity, is_wide)
    if crowded:  # at either end
        n_lines = table.capacity // SLOTS[is_wide]
        first = first_lines(ids, n_lines)
        ids = ids[(first == 0) | (first == n_lines - 1)]
    ids = rng.permutation(ids)[: int(load * table.limit)]
    places = np.empty(ids.size, dtype=np.uint32)
    state_table.find_or_enter(ids, table, places)
    displacements(table)
    words = rng.normal(size=(ids.size, width))
    table.states[places] = words
    table.grow(table.capacity + growth)
    displacements(table)
    np.testing.assert_array_equal(table.ids(), ids)
    np.testing.assert_array_equal(table.states, words)
    assert table.limit == int(MAX_LOAD * table.capacity)
    again = np.empty(ids.size, dtype=np.uint32)
    state_table.find_or_enter(ids, table, again)
    np.testing.assert_array_equal(again, places)


def test_new_states_are_zeros_also_where_some_were_forgotten():
    table, _ = entered(np.arange(30), 64, width=2)
    table.states[:] = -1.0
    table.forget_from(10)
    state_table.find_or_enter(np.arange(100, 125), table, np.empty(25, dtype=np.uint32))
    np.testing.assert_array_equal(table.states, np.repeat([-1.0, 0.0], [10, 25])[:, None] * np.ones(2))


def test_growth_keeps_marks():
    model = learner("prox_sgd", sampling={"drop_stale": 5})
    model.start_from(np.arange(10), np.ones((10, 1)))
    model.drop_stale()
    model.enter(np.array([2, 5, 9]))
    model.make_room(10_000)
    np.testing.assert_array_equal(model.table.ids()[model.table.touched != 0], [2, 5, 9])
    assert model.table.used == 10


def test_states_move_only_where_there_is_no_more_room():
    model = learner("ftrl", n_features=10**6)
    moves = 0
    for start in range(0, 300_000, 10_000):
        before = model.table.states.ctypes.data
        model.enter(np.arange(start, start + 10_000))
        model.table.states[start:] = np.arange(start, start + 10_000)[:, None]
        moves += model.table.states.ctypes.data != before
    assert moves <= 7
    np.testing.assert_array_equal(model.table.states[:, 0], np.arange(300_000))
    # Of 8 bytes a state, and as many or twice as many slots of 8 bytes as make it three quarters full.
    assert 8 + 8 / MAX_LOAD <= model.nbytes / 300_000 <= 8 + 2 * 8 / MAX_LOAD


def test_growth_is_geometric_and_stops_at_the_bound():
    model = learner("prox_sgd")
    sizes = [model.table.capacity]
    while sizes[-1] < 100_000:
        model.enter(np.arange(model.table.used, model.table.limit + 1))
        sizes.append(model.table.capacity)
    np.testing.assert_allclose(np.divide(sizes[1:], sizes[:-1]), learner_module.GROWTH, rtol=0.01)
    with pytest.raises(MemoryError, match=r"a table of \d+ coefficients, expected less than 4294967296"):
        model.make_room(MAX_STATES)


def test_memory_is_zeros_on_whole_lines():
    for n_bytes in (0, 1, 1000, state_table.MANY_BYTES, 3 * state_table.MANY_BYTES + 8):
        array = state_table.zero_bytes(n_bytes)
        assert array.shape == (n_bytes,)
        assert n_bytes == 0 or array.ctypes.data % 64 == 0
        assert not array[:1000].any()
        array[-1:] = 1
    with pytest.raises(MemoryError):
        state_table.zero_bytes(2**62)
    assert state_table.zero_states(3, 2**59, 1).shape == (3, 1)


# How far keys lie from their first lines.

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
def test_keys_lie_in_their_first_lines(pattern):
    """At three quarters full, of a random hash about 10 of 100 keys lie in a later line of eight, 25 in one of five."""
    ids = PATTERNS[pattern]
    for is_wide in (False, True):
        if not is_wide and ids.max() >= NARROW_IDS:
            continue
        table, _ = entered(ids, int(len(ids) / MAX_LOAD) + 1, is_wide)
        assert table.used == len(ids) <= table.limit
        behind = displacements(table)
        assert behind.mean() < (0.45 if is_wide else 0.25)
        assert behind.max() < 25


def test_growth_that_fails_leaves_the_table_as_it_was(monkeypatch):
    table = StateTable(1, 8, is_wide=False)
    ids = np.arange(table.limit)
    state_table.find_or_enter(ids, table, np.empty(ids.size, dtype=np.uint32))
    table.states[:, 0] = ids
    before = table.limit, table.capacity, table.nbytes

    def full(*_):
        raise MemoryError

    monkeypatch.setattr(state_table, "zero_states", full)
    with pytest.raises(MemoryError):
        table.grow(1000)
    assert (table.limit, table.capacity, table.nbytes) == before
    monkeypatch.undo()
    table.grow(1000)
    places = np.empty(200, dtype=np.uint32)
    state_table.find_or_enter(np.arange(200), table, places)
    np.testing.assert_array_equal(table.states[: ids.size, 0], ids)
