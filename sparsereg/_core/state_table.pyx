"""Hash table of optimizer states, a slot for each touched coefficient: making one, growth, look-up of many ids."""
import numpy as np

cimport cython
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from sparsereg._core.state_table cimport EMPTY, Table, expected, find, first_place, id_of, touch
from sparsereg._core.types cimport offset_t
from sparsereg._core.intrinsics cimport prefetch

# At three quarters a search for a new id looks at eight slots in a row on average (Knuth, TAOCP 3, 6.4).
MAX_LOAD = 0.75

# From 1 MB on a table lies in room for four times its size.
LARGE_TABLE = 1 << 17
GROWTH_RESERVE = 4

# Slots asked for ahead of use: memory latency (about 80 ns) at 3 to 5 ns an id.
cdef enum:
    AHEAD = 32


def reserve(capacity, width):
    """Reserve memory for slots, and where there are many, for their growth: what is not touched costs nothing.

    Parameters
    ----------
    capacity, width : int

    Returns
    -------
    room : ndarray of int64 of shape (capacity or more, width)
    """
    if capacity * width >= LARGE_TABLE:
        # NumPy asks for huge pages, which a search for a slot needs; memory that is moved about would lose them.
        try:
            return on_lines(GROWTH_RESERVE * capacity, width)
        except MemoryError:
            pass
    return on_lines(capacity, width)


def on_lines(capacity, width):
    """Make an array of words that begins with a cache line.

    Parameters
    ----------
    capacity, width : int

    Returns
    -------
    array : ndarray of int64 of shape (capacity, width)
    """
    buffer = np.empty(capacity * width + 7, dtype=np.int64)
    start = -buffer.ctypes.data % 64 // 8
    return buffer[start : start + capacity * width].reshape(capacity, width)


@cython.final
cdef class StateTable:
    """Slots in one array, found by id (a hash table) or by place.

    Parameters
    ----------
    array : ndarray of int64 of shape (capacity, width)
        Kept, not copied. Column 0: the id, its top bit set where it was touched since the last sweep; -1 in empty
        slots. The other columns: the optimizer's state of each output, as raw bytes.
    used : int
        Slots that are not empty.
    by_id : bool
        The array is a hash table.

    Attributes
    ----------
    limit : int
        Most slots to be used before the table has to grow.
    """

    def __init__(self, array, offset_t used, bint by_id):
        self.array = self.room = array
        self.view = array
        self.used = used
        self.by_id = by_id

    @classmethod
    def empty(cls, offset_t capacity, offset_t width):
        """Make a hash table with nothing in it.

        Parameters
        ----------
        capacity, width : int
            Slots, in [1, 2**32); words a slot.

        Returns
        -------
        slots : StateTable
        """
        array = on_lines(capacity, width)
        array[:, 0] = EMPTY
        return cls(array, 0, True)

    @property
    def limit(self):
        """See above."""
        return int(MAX_LOAD * self.view.shape[0]) if self.by_id else self.view.shape[0]

    cdef Table table(self):
        cdef Table table
        table.slots = &self.view[0, 0] if self.view.shape[0] > 0 else NULL
        table.width = self.view.shape[1]
        table.capacity = self.view.shape[0]
        table.used = self.used
        table.in_line = 3 if table.width == 2 and table.capacity % 4 == 0 else 0
        table.by_id = self.by_id
        return table

    def grow(self, offset_t capacity):
        """Make a hash table larger, in place where there is room, so that only memory that is added is new.

        Parameters
        ----------
        capacity : int
            Above the present one, below 2**32.

        Notes
        -----
        Cost: one pass, from the end to the start. First places keep their order, so a slot moves to where others have
        left; those that would move towards the start (they lie far behind their first place), or over the end to where
        others are still to leave, are entered last.
        """
        cdef offset_t old = self.view.shape[0], k, n_late = 0
        cdef Table table
        cdef int64_t *slot
        # Memory for the worst case is asked for beforehand, and is not touched as a rule.
        cdef int64_t[:, ::1] late = np.empty((old, self.view.shape[1]), dtype=np.int64)
        if capacity > self.room.shape[0]:
            room = reserve(capacity, self.view.shape[1])
            room[:old] = self.array
            self.room = room
        self.array = self.room[:capacity]
        self.view = self.array
        table = self.table()
        with nogil:
            for k in range(old, capacity):
                table.slots[k * table.width] = EMPTY
            for k in range(old - 1, -1, -1):
                slot = table.slots + k * table.width
                if slot[0] != EMPTY and not move_on(&table, slot):
                    memcpy(&late[n_late, 0], slot, table.width * sizeof(int64_t))
                    n_late += 1
                    slot[0] = EMPTY
            for k in range(n_late):
                memcpy(find(&table, id_of(late[k, 0])), &late[k, 0], table.width * sizeof(int64_t))


cdef inline bint move_on(const Table *table, int64_t *slot) noexcept nogil:
    """Move a slot to its new place, unless that lies in front of it or over the end."""
    cdef offset_t word
    cdef int64_t *home = table.slots + first_place(table, id_of(slot[0])) * table.width
    cdef int64_t *end = table.slots + table.capacity * table.width
    if home < slot:
        return False
    while home != slot and home[0] != EMPTY:
        home += table.width
        if home == end:
            return False
    if home != slot:
        for word in range(table.width):
            home[word] = slot[word]
        slot[0] = EMPTY
    return True


def enter(const int64_t[:, ::1] source, StateTable slots):
    """Copy used slots into a hash table that has none of their ids.

    Parameters
    ----------
    source : (n, width) int64, in
        Slots in any order, -1 in front of empty ones; ids distinct, which is checked.
    slots : StateTable, in-out
        Room for all of them.

    Notes
    -----
    Cost: one pass; from table to table in order of memory, because first places keep their order.
    """
    cdef Table table = slots.table()
    cdef offset_t k = 0
    cdef int64_t *slot
    cdef bint twice = False
    with nogil:
        for k in range(source.shape[0]):
            if source[k, 0] == EMPTY:
                continue
            slot = find(&table, id_of(source[k, 0]))
            if slot[0] != EMPTY:
                twice = True
                break
            memcpy(slot, &source[k, 0], table.width * sizeof(int64_t))
            table.used += 1
    if twice:
        raise ValueError(f"cells: id {id_of(source[k, 0])} is there twice, expected distinct ids")
    slots.used = table.used


def find_or_enter(const int64_t[::1] ids, StateTable slots, int64_t[::1] places):
    """Find the slots of ids, entering those that are new with a state of zeros; mark them as touched.

    Parameters
    ----------
    ids : (n,) int64, in
        In [0, 2**63 - 1).
    slots : StateTable, in-out
        A hash table with room for n more.
    places : (n,) int64, out
        Index of each id's slot.
    """
    cdef Table table = slots.table()
    cdef offset_t k, n = ids.shape[0]
    cdef int64_t *slot
    with nogil:
        for k in range(n):
            if k + AHEAD < n:
                prefetch(expected(&table, ids[k + AHEAD]))
            slot = find(&table, ids[k])
            touch(&table, slot, ids[k])
            places[k] = (slot - table.slots) // table.width
    slots.used = table.used
