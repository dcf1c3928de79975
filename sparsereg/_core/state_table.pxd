# States of touched coefficients, dense in order of first appearance, and the hash table that finds them by wide id.
#
# The hash table (key_lines.h) holds an id and the index of its state; states never move when it grows. States are rows
# of a float64 array, which are zeros until something is learned.
cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from sparsereg._core.types cimport offset_t

cdef extern from "key_lines.h":
    ctypedef struct Keys "sparsereg_keys":
        unsigned char *lines
        unsigned char *end
        uint64_t n_lines
        int is_wide
    enum:
        LINE "SPARSEREG_LINE"
        NARROW_SLOTS "SPARSEREG_NARROW_SLOTS"
        WIDE_SLOTS "SPARSEREG_WIDE_SLOTS"
    unsigned char *first_line "sparsereg_first_line"(const Keys *keys, int64_t id_) noexcept nogil
    int64_t find "sparsereg_find"(const Keys *keys, unsigned char *line, int64_t id_, int64_t fresh) noexcept nogil
    int64_t slot_of "sparsereg_slot"(
        const Keys *keys, const unsigned char *line, int slot, uint32_t *index
    ) noexcept nogil
    void take_out "sparsereg_take_out"(const Keys *keys, int64_t id_) noexcept nogil
    unsigned narrow_slots "sparsereg_narrow_slots"(const void *line, uint32_t id_) noexcept nogil
    unsigned wide_slots "sparsereg_wide_slots"(const void *line, uint64_t id_) noexcept nogil
    unsigned narrow_slots_scalar "sparsereg_narrow_slots_scalar"(const void *line, uint32_t id_) noexcept nogil
    unsigned wide_slots_scalar "sparsereg_wide_slots_scalar"(const void *line, uint64_t id_) noexcept nogil

ctypedef struct Table:
    Keys keys
    double *states  # (used, width), and room for more: zeros
    offset_t width
    offset_t used
    offset_t limit  # most ids to be entered before the table has to grow
    uint8_t *marks  # by index: touched since the last sweep; NULL: nobody asks


@cython.final
cdef class StateTable:
    cdef readonly offset_t width
    cdef readonly offset_t used
    cdef readonly bint is_wide
    cdef readonly bint is_marked
    cdef readonly object keys  # bytes, whole lines of 64
    cdef object room  # float64 (n, width), whose beginning `states` is
    cdef object marks  # uint8 (n,), or (0,) where not marked
    cdef unsigned char[::1] lines
    cdef double[:, ::1] rows
    cdef uint8_t[::1] marked
    cdef Table table(self)


cdef inline uint64_t mix(uint64_t word) noexcept nogil:
    """Return 64 well mixed bits, a bijection (finaliser of MurmurHash3, Appleby 2011)."""
    word = (word ^ (word >> 33)) * 0xFF51AFD7ED558CCDULL
    word = (word ^ (word >> 33)) * 0xC4CEB9FE1A85EC53ULL
    return word ^ (word >> 33)


cdef inline int64_t index_of(const Table *table, int64_t id_) noexcept nogil:
    """Return the index of an id's state, below 0 where it has none."""
    return find(&table.keys, first_line(&table.keys, id_), id_, -1)


cdef inline int64_t enter(Table *table, unsigned char *line, int64_t id_) noexcept nogil:
    """Return the index of an id's state, a new one where it has none; below 0 where there is no room.

    `line` is where the search begins.
    """
    cdef int64_t index = find(&table.keys, line, id_, table.used if table.used < table.limit else -1)
    if index == table.used:
        table.used += 1
    return index
