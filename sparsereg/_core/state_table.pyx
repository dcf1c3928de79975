"""Hash table of optimizer states, one for each touched coefficient: making one, growth, look-up of many ids."""
import contextlib
import mmap

import numpy as np

cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from sparsereg._core.state_table cimport (
    LINE, NARROW_SLOTS, WIDE_SLOTS, Keys, Table, enter, find, first_line, narrow_slots, narrow_slots_scalar, slot_of,
    wide_slots, wide_slots_scalar,
)
from sparsereg._core.types cimport offset_t
from sparsereg._core.intrinsics cimport prefetch

# Of the slots; the share of ids whose line is full then is small, since a line has eight of them or five.
MAX_LOAD = 0.75

# Ids below this have narrow keys: all bits set mark an empty slot.
NARROW_IDS = (1 << 32) - 1

# Below it indices are told apart from what is no index.
MAX_STATES = (1 << 32) - 1

# From 1 MB on states lie in room for four times as many.
LARGE_STATES = 1 << 20
GROWTH_RESERVE = 4

# Huge pages, and the least number of bytes to ask for them: beyond the caches a page of 4 kB costs 15 to 30 per cent.
HUGE_PAGE = 1 << 21
MANY_BYTES = 1 << 22

# Lines asked for ahead of use: memory latency (about 80 ns) at 3 to 5 ns an id.
cdef enum:
    AHEAD = 32


def zero_bytes(n_bytes):
    """Make zeros that begin with a cache line, many of them on huge pages; what is not touched costs nothing.

    Parameters
    ----------
    n_bytes : int

    Returns
    -------
    array : ndarray of uint8 of shape (n_bytes,)
    """
    if n_bytes < MANY_BYTES or not hasattr(mmap, "MADV_HUGEPAGE"):
        array = np.zeros(n_bytes + LINE, dtype=np.uint8)
        start = -array.ctypes.data % LINE
    else:
        try:
            pages = mmap.mmap(-1, n_bytes + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except (OSError, OverflowError) as error:
            raise MemoryError(f"{n_bytes} bytes of states") from error
        # A kernel without huge pages refuses.
        with contextlib.suppress(OSError):
            pages.madvise(mmap.MADV_HUGEPAGE)
        array = np.frombuffer(pages, dtype=np.uint8)
        start = -array.ctypes.data % HUGE_PAGE
    return array[start : start + n_bytes]


def zero_states(n, wanted, width):
    """Make states of zeros, as many as wanted, or at least so many as have to be.

    Parameters
    ----------
    n, wanted, width : int

    Returns
    -------
    room : ndarray of float64 of shape (wanted, width) or (n, width)
    """
    if wanted > n:
        with contextlib.suppress(MemoryError):
            return zero_bytes(8 * wanted * width).view(np.float64).reshape(wanted, width)
    return zero_bytes(8 * n * width).view(np.float64).reshape(n, width)


@cython.final
cdef class StateTable:
    """States in order of first appearance, found by id.

    Parameters
    ----------
    width : int
        Doubles of a state.
    capacity : int, default=1
        Slots for ids at least.
    is_wide : bool, default=True
        Ids may be any below 2**63 - 1; else below `NARROW_IDS`, and take two thirds of the room.
    is_marked : bool, default=False
        Which ids were touched since the last sweep is kept.

    Attributes
    ----------
    used : int
        Ids that are there.
    keys : ndarray of uint8 of shape (64 * n_lines,)
        The hash table, as key_lines.h has it.
    capacity : int
        Slots for ids.
    limit : int
        Most ids to be there before the table has to grow.
    states : ndarray of float64 of shape (used, width)
        A view; states move where there is no more room for them, four times as many each time.
    touched : ndarray of uint8 of shape (used,) or (0,)
        A view: 1 where an id was touched since the last sweep.
    nbytes : int
        Bytes in use.
    """

    def __init__(self, offset_t width, offset_t capacity=1, bint is_wide=True, bint is_marked=False):
        self.width, self.is_wide, self.is_marked = width, is_wide, is_marked
        self.used = 0
        self.room, self.marks = np.empty((0, width)), np.empty(0, dtype=np.uint8)
        self.rows, self.marked = self.room, self.marks
        self._make_keys(capacity)
        self._make_room(self.limit)

    def _make_keys(self, capacity):
        """Make a hash table with nothing in it."""
        n_lines = max(-(-capacity // self._slots), 1)
        self.keys = zero_bytes(LINE * n_lines)
        self.lines = self.keys
        memset(&self.lines[0], 255, self.lines.shape[0])

    def _make_room(self, n):
        """Let so many states fit."""
        if n <= self.rows.shape[0]:
            return
        wanted = GROWTH_RESERVE * n if 8 * n * self.width >= LARGE_STATES else n
        room = zero_states(n, wanted, self.width)
        room[: self.used] = self.states
        if self.is_marked:
            marks = zero_bytes(room.shape[0])
            marks[: self.used] = self.touched
            self.marks = self.marked = marks
        self.room = self.rows = room

    @property
    def _slots(self):
        return WIDE_SLOTS if self.is_wide else NARROW_SLOTS

    @property
    def capacity(self):
        """See above."""
        return self.lines.shape[0] // LINE * self._slots

    @property
    def limit(self):
        """See above."""
        return int(MAX_LOAD * self.capacity)

    @property
    def states(self):
        """See above."""
        return self.room[: self.used]

    @property
    def touched(self):
        """See above."""
        return self.marks[: self.used]

    @property
    def nbytes(self):
        """See above."""
        return self.lines.shape[0] + self.used * (8 * self.width + self.is_marked)

    cdef Table table(self):
        cdef Table table
        table.keys.lines = &self.lines[0]
        table.keys.end = table.keys.lines + self.lines.shape[0]
        table.keys.n_lines = self.lines.shape[0] // LINE
        table.keys.is_wide = self.is_wide
        table.states = &self.rows[0, 0] if self.rows.shape[0] > 0 and self.width > 0 else NULL
        table.width = self.width
        table.used = self.used
        table.limit = min(self.limit, self.rows.shape[0])
        table.marks = &self.marked[0] if self.is_marked and self.marked.shape[0] > 0 else NULL
        return table

    def moves_at(self, capacity):
        """Tell whether states have to move where the hash table gets so many slots.

        Parameters
        ----------
        capacity : int

        Returns
        -------
        moves : bool
        """
        return self._limit_at(capacity) > self.rows.shape[0]

    def _limit_at(self, capacity):
        """Return the limit that so many slots have."""
        return int(MAX_LOAD * (-(-capacity // self._slots) * self._slots))

    def grow(self, offset_t capacity):
        """Make the hash table larger; states stay where they are as long as there is room.

        Parameters
        ----------
        capacity : int
            Slots at least, above the present number.

        Notes
        -----
        Cost: one pass over old and new lines, in order of memory, because lines keep their order.
        """
        # First, because it is what may fail, or be interrupted: keys without room for their states would be in vain.
        self._make_room(self._limit_at(capacity))
        former = self.keys  # stays until it has been read
        cdef int slot, n_slots = self._slots
        cdef uint32_t index = 0
        cdef int64_t id_
        cdef Table table
        cdef Keys old = self.table().keys
        cdef unsigned char *line = old.lines
        self._make_keys(capacity)
        table = self.table()
        with nogil:
            while line != old.end:
                for slot in range(n_slots):
                    id_ = slot_of(&old, line, slot, &index)
                    if id_ < 0:
                        break
                    find(&table.keys, first_line(&table.keys, id_), id_, index)
                line += LINE
        del former

    def ids(self):
        """List the ids.

        Returns
        -------
        ids : ndarray of int64 of shape (used,)
            In order of their states. Cost: one pass over the hash table.
        """
        ids = np.empty(self.used, dtype=np.int64)
        cdef int64_t[::1] out = ids
        cdef Table table = self.table()
        cdef unsigned char *line = table.keys.lines
        cdef int slot, n_slots = self._slots
        cdef uint32_t index = 0
        cdef int64_t id_
        with nogil:
            while line != table.keys.end:
                for slot in range(n_slots):
                    id_ = slot_of(&table.keys, line, slot, &index)
                    if id_ < 0:
                        break
                    out[index] = id_
                line += LINE
        return ids

    def forget_from(self, offset_t n):
        """Take out the ids that came last.

        Parameters
        ----------
        n : int
            Ids that stay.

        Notes
        -----
        Cost: that of all ids.
        """
        if n >= self.used:
            return
        staying, touched = self.ids()[:n], self.touched[:n].copy()
        self.states[n:] = 0.0
        self.touched[n:] = 0
        memset(&self.lines[0], 255, self.lines.shape[0])
        self.used = 0
        find_or_enter(staying, self, np.empty(n, dtype=np.uint32))
        self.touched[...] = touched


def find_or_enter(const int64_t[::1] ids, StateTable table, uint32_t[::1] places):
    """Find the states of ids, entering those that are new with a state of zeros; mark them as touched.

    Parameters
    ----------
    ids : (n,) int64, in
        In [0, 2**63 - 1), or below `NARROW_IDS` where the table's keys are narrow.
    table : StateTable, in-out
        With room for all that are new.
    places : (n,) uint32, out
        Index of each id's state.

    Raises
    ------
    ValueError
        Where there is no room: some of the ids have been entered then.

    Notes
    -----
    Cost: one random access to memory an id, asked for ahead of use.
    """
    cdef Table inner = table.table()
    cdef offset_t k, n = ids.shape[0]
    cdef int64_t index = 0
    cdef unsigned char *lines[AHEAD]
    with nogil:
        for k in range(min(n, AHEAD)):
            lines[k] = first_line(&inner.keys, ids[k])
            prefetch(lines[k])
        for k in range(n):
            index = enter(&inner, lines[k % AHEAD], ids[k])
            if index < 0:
                break
            places[k] = <uint32_t> index
            if inner.marks != NULL:
                inner.marks[index] = 1
            if k + AHEAD < n:
                lines[k % AHEAD] = first_line(&inner.keys, ids[k + AHEAD])
                prefetch(lines[k % AHEAD])
    table.used = inner.used
    if index < 0:
        raise ValueError(f"table: {table.used} of at most {table.limit} ids are there, expected room for all")


def slots_of_a_line(const uint32_t[::1] line, int64_t id_, bint is_wide):
    """Find an id in a line, as searches do and one by one: the same on every machine.

    Parameters
    ----------
    line : (16,) uint32, in
        Begins with a cache line.
    id_ : int
        -1: empty slots.
    is_wide : bool

    Returns
    -------
    found, found_one_by_one : int
        A bit for each slot.
    """
    if is_wide:
        return wide_slots(&line[0], <uint64_t> id_), wide_slots_scalar(&line[0], <uint64_t> id_)
    return narrow_slots(&line[0], <uint32_t> id_), narrow_slots_scalar(&line[0], <uint32_t> id_)
