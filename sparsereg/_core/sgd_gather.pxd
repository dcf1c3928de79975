# The entries of a row whose states have been found, as kernels take them.
from libc.stdint cimport int64_t, uint32_t, uint64_t

from sparsereg._core.look_ahead cimport NOWHERE, Entries, Ring
from sparsereg._core.sgd_rows cimport Row, chance
from sparsereg._core.state_table cimport Table
from sparsereg._core.types cimport offset_t


cdef inline void gather(
    Row *row, Ring *ring, const Entries *entries, offset_t i, Table *table, double dropout, uint64_t seed,
    uint64_t number
) noexcept nogil:
    """Take a row's entries with their states, which have been found, and drop some of its values out."""
    cdef offset_t k
    cdef uint32_t place
    cdef double x = 1.0
    row.n = 0
    for k in range(entries.indptr[i], entries.indptr[i + 1]):
        place = ring.places[k & ring.mask]
        if entries.data != NULL:
            x = entries.data[k]
        if x == 0.0 or place == NOWHERE:
            continue
        if entries.data != NULL:
            row.x[row.n] = x
        row.state[row.n] = table.states + table.width * place
        if place >= ring.kept:
            ring.kept = place + 1
        if table.marks != NULL:
            table.marks[place] = 1
        if dropout > 0.0:
            row.kept[row.n] = x / (1.0 - dropout) if chance(seed, number, entries.ids[k]) >= dropout else 0.0
        row.n += 1
