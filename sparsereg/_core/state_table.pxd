# Slots of touched coefficients, found by wide id: open addressing in one array, id and state side by side.
#
# A slot is `width` words of 8 bytes: the id, then the optimizer's state. The id's top bit says that the coefficient was
# touched since the last sweep; an empty slot holds -1, which no id with that bit is, because ids stay below 2**63 - 1.
# The first place to look at grows with the hash, so a table can be copied into a larger one in order.
cimport cython
from libc.stdint cimport int64_t, uint64_t

from sparsereg._core.types cimport offset_t

cdef enum:
    EMPTY = -1

ctypedef struct Table:
    int64_t *slots  # NULL: no slots
    offset_t width  # words a slot
    offset_t capacity  # slots, below 2**32
    offset_t used
    offset_t in_line  # 3 where four slots are a cache line and all lines are whole, else 0
    bint by_id  # else ids are places


@cython.final
cdef class StateTable:
    cdef readonly object array
    cdef object room  # whose beginning `array` is
    cdef int64_t[:, ::1] view
    cdef public offset_t used
    cdef readonly bint by_id
    cdef Table table(self)


cdef inline uint64_t mix(uint64_t word) noexcept nogil:
    """Return 64 well mixed bits, a bijection (finaliser of MurmurHash3, Appleby 2011)."""
    word = (word ^ (word >> 33)) * 0xFF51AFD7ED558CCDULL
    word = (word ^ (word >> 33)) * 0xC4CEB9FE1A85EC53ULL
    return word ^ (word >> 33)


cdef inline offset_t first_place(const Table *table, int64_t id_) noexcept nogil:
    """Return where the search for an id begins: the high half of its hash, scaled to the capacity; a line's start."""
    return <offset_t> (((mix(<uint64_t> id_) >> 32) * <uint64_t> table.capacity) >> 32) & ~table.in_line


cdef inline int64_t id_of(int64_t key) noexcept nogil:
    """Return the id of a used slot, without its mark."""
    return <int64_t> (<uint64_t> key & 0x7FFFFFFFFFFFFFFFULL)


cdef inline int64_t marked(int64_t id_) noexcept nogil:
    """Return the key of a slot touched since the last sweep."""
    return <int64_t> (<uint64_t> id_ | 0x8000000000000000ULL)


cdef inline int64_t *find(const Table *table, int64_t id_) noexcept nogil:
    """Search for the slot of an id, or the empty one to put it in."""
    cdef int64_t *slot = table.slots + first_place(table, id_) * table.width
    cdef int64_t *end = table.slots + table.capacity * table.width
    cdef bint second, third, fourth
    if table.in_line:
        # Four slots at once, without a branch on which of them it is: nobody can predict that.
        while True:
            second, third, fourth = id_of(slot[2]) == id_, id_of(slot[4]) == id_, id_of(slot[6]) == id_
            if second | third | fourth | (id_of(slot[0]) == id_):
                return slot + 2 * second + 4 * third + 6 * fourth
            if slot[6] == EMPTY:  # slots of a line are taken in order
                break
            slot += 8
            if slot == end:
                slot = table.slots
    while slot[0] != EMPTY and id_of(slot[0]) != id_:
        slot += table.width
        if slot == end:
            slot = table.slots
    return slot


cdef inline int64_t *slot_of(const Table *table, int64_t id_) noexcept nogil:
    """Return the slot of an id, or the empty one to put it in."""
    if table.by_id:
        return find(table, id_)
    return table.slots + id_ * table.width


cdef inline void touch(Table *table, int64_t *slot, int64_t id_) noexcept nogil:
    """Mark the slot of an id; a new one begins with a state of zeros."""
    cdef offset_t word
    if slot[0] == EMPTY:
        for word in range(1, table.width):
            slot[word] = 0
        table.used += 1
    slot[0] = marked(id_)


cdef inline const int64_t *expected(const Table *table, int64_t id_) noexcept nogil:
    """Return where the search for an id begins, to ask memory for it ahead of use.

    (GCC takes a function that only prefetches for one without effects, and leaves its calls out.)
    """
    return table.slots + (first_place(table, id_) if table.by_id else id_) * table.width
