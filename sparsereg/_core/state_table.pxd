# Cells of touched coefficients, found by wide id: open addressing in one array, id and state side by side.
#
# A cell is `width` words of 8 bytes: the id, then the optimizer's state. The id's top bit says that the coefficient was
# touched since the last sweep; an empty cell holds -1, which no id with that bit is, because ids stay below 2**63 - 1.
# The first place to look at grows with the hash, so a table can be copied into a larger one in order.
cimport cython
from libc.stdint cimport int64_t, uint64_t

from sparsereg._core.types cimport offset_t

cdef enum:
    EMPTY = -1

ctypedef struct Table:
    int64_t *cells  # NULL: no cells
    offset_t width  # words a cell
    offset_t capacity  # cells, below 2**32
    offset_t used
    offset_t in_line  # 3 where four cells are a cache line and all lines are whole, else 0
    bint by_id  # else ids are places


@cython.final
cdef class Cells:
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
    """Return the id of a used cell, without its mark."""
    return <int64_t> (<uint64_t> key & 0x7FFFFFFFFFFFFFFFULL)


cdef inline int64_t marked(int64_t id_) noexcept nogil:
    """Return the key of a cell touched since the last sweep."""
    return <int64_t> (<uint64_t> id_ | 0x8000000000000000ULL)


cdef inline int64_t *find(const Table *table, int64_t id_) noexcept nogil:
    """Search for the cell of an id, or the empty one to put it in."""
    cdef int64_t *cell = table.cells + first_place(table, id_) * table.width
    cdef int64_t *end = table.cells + table.capacity * table.width
    cdef bint second, third, fourth
    if table.in_line:
        # Four cells at once, without a branch on which of them it is: nobody can predict that.
        while True:
            second, third, fourth = id_of(cell[2]) == id_, id_of(cell[4]) == id_, id_of(cell[6]) == id_
            if second | third | fourth | (id_of(cell[0]) == id_):
                return cell + 2 * second + 4 * third + 6 * fourth
            if cell[6] == EMPTY:  # cells of a line are taken in order
                break
            cell += 8
            if cell == end:
                cell = table.cells
    while cell[0] != EMPTY and id_of(cell[0]) != id_:
        cell += table.width
        if cell == end:
            cell = table.cells
    return cell


cdef inline int64_t *cell_at(const Table *table, int64_t id_) noexcept nogil:
    """Return the cell of an id, or the empty one to put it in."""
    if table.by_id:
        return find(table, id_)
    return table.cells + id_ * table.width


cdef inline void touch(Table *table, int64_t *cell, int64_t id_) noexcept nogil:
    """Mark the cell of an id; a new one begins with a state of zeros."""
    cdef offset_t word
    if cell[0] == EMPTY:
        for word in range(1, table.width):
            cell[word] = 0
        table.used += 1
    cell[0] = marked(id_)


cdef inline const int64_t *expected(const Table *table, int64_t id_) noexcept nogil:
    """Return where the search for an id begins, to ask memory for it ahead of use.

    (GCC takes a function that only prefetches for one without effects, and leaves its calls out.)
    """
    return table.cells + (first_place(table, id_) if table.by_id else id_) * table.width
