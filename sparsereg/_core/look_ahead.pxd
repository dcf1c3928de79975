# Look-ahead over the entries of rows: ask for the line of an id, find its state and ask for that, then learn from it.
#
# Lines are asked for LINES_AHEAD entries before they are searched, states found FOUND_AHEAD before they are learned
# from. Each takes about 150 ns to come from memory, at 15 ns an entry; measured on 10^7 rows: fewer are slower, more no
# faster.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from sparsereg._core.state_table cimport Table, enter, first_line, index_of, mix, take_out
from sparsereg._core.types cimport offset_t
from sparsereg._core.intrinsics cimport prefetch

cdef enum:
    LINES_AHEAD = 80
    FOUND_AHEAD = 40
    LINES = 128  # above LINES_AHEAD, a power of 2

# What stands for a state where an entry takes no part.
cdef enum: NOWHERE = 0xFFFFFFFF

ctypedef struct Entries:
    const offset_t *indptr
    const int64_t *ids
    const uint32_t *places  # of states; NULL: to be found
    const double *data  # NULL: ones
    const double *weight  # of rows; NULL: ones
    offset_t n

ctypedef struct Admission:
    uint8_t *counts  # saturating counters, a count-min sketch of two hashes
    uint64_t size
    int min_count  # occurrences that admit an id; 1: all are

ctypedef struct Ring:
    unsigned char *lines[LINES]  # of the entries from `found` on
    uint32_t *places  # of states, of the entries up to `found`
    offset_t mask  # entry k is at k & mask
    offset_t found, row  # the next entry to be found, and a row no later than its own
    offset_t ahead  # entries to be found beyond a row
    offset_t kept  # ids that were there, or came with rows that were learned from


cdef inline void set_entries(
    Entries *entries, const offset_t[::1] indptr, const int64_t[::1] ids, const uint32_t[::1] places,
    const double[::1] data, const double[::1] weight
) noexcept:
    """Take the arguments of a kernel that learns from rows."""
    entries.indptr, entries.n = &indptr[0], indptr[indptr.shape[0] - 1]
    entries.ids = NULL if ids.shape[0] == 0 else &ids[0]
    entries.places = NULL if places.shape[0] == 0 else &places[0]
    entries.data = NULL if data.shape[0] == 0 else &data[0]
    entries.weight = NULL if weight.shape[0] == 0 else &weight[0]


cdef inline void set_admission(Admission *admission, uint8_t[::1] counts, int min_count) noexcept:
    """Do the same with what says which ids are admitted."""
    admission.counts = NULL if counts.shape[0] == 0 else &counts[0]
    admission.size, admission.min_count = counts.shape[0], min_count


cdef inline bint make_ring(
    Ring *ring, const Entries *entries, const Table *table, const Admission *admission, offset_t longest
) noexcept nogil:
    """Begin to look ahead over rows of at most so many entries; `end_ring` frees what this finds room for."""
    cdef offset_t k
    ring.found = ring.row = 0
    # Where ids are counted, each is when its row is learned from.
    ring.ahead = FOUND_AHEAD if admission.min_count == 1 else 0
    ring.kept = table.used
    if entries.places != NULL:
        ring.places, ring.mask = <uint32_t *> entries.places, ~<offset_t> 0
        return True
    ring.mask = 1
    while ring.mask < longest + FOUND_AHEAD:
        ring.mask *= 2
    ring.places = <uint32_t *> malloc(ring.mask * sizeof(uint32_t))
    ring.mask -= 1
    for k in range(min(LINES_AHEAD, entries.n)):
        ring.lines[k] = first_line(&table.keys, entries.ids[k])
        prefetch(ring.lines[k])
    return ring.places != NULL


cdef inline void end_ring(Ring *ring, const Entries *entries) noexcept nogil:
    """Free what `make_ring` has found room for."""
    if entries.places == NULL:
        free(ring.places)


cdef inline bint admitted(Admission *admission, int64_t id_) noexcept nogil:
    """Count an id that has no state; tell whether it has been seen often enough by now, or may have."""
    cdef uint64_t bits = mix(<uint64_t> id_)
    cdef uint8_t *a = admission.counts + (((bits >> 32) * admission.size) >> 32)
    cdef uint8_t *b = admission.counts + (((bits & 0xFFFFFFFFULL) * admission.size) >> 32)
    cdef int count = min(a[0], b[0]) + 1
    if count >= admission.min_count:
        return True
    a[0] = <uint8_t> max(a[0], count)
    b[0] = <uint8_t> max(b[0], count)
    return False


cdef inline bint takes_part(Ring *ring, const Entries *entries, offset_t k) noexcept nogil:
    """Tell whether an entry is learned from: stored zeros and rows of weight 0 are passed over."""
    if entries.data != NULL and entries.data[k] == 0.0:
        return False
    if entries.weight != NULL:
        while k >= entries.indptr[ring.row + 1]:
            ring.row += 1
        return entries.weight[ring.row] > 0.0
    return True


cdef inline void ask_for(const Table *table, offset_t place) noexcept nogil:
    """Ask memory for a state, line by line."""
    cdef offset_t word
    cdef double *state = table.states + table.width * place
    prefetch(state)
    for word in range(8, table.width, 8):
        prefetch(state + word)


cdef inline bint look_ahead(
    Ring *ring, Table *table, const Entries *entries, Admission *admission, offset_t i
) noexcept nogil:
    """Find the states of all entries of row i, and of some beyond; False where the table has no room for its ids."""
    cdef offset_t k = ring.found, end = min(entries.indptr[i + 1] + ring.ahead, entries.n)
    cdef int64_t index
    if ring.ahead == 0 and table.used + entries.indptr[i + 1] - entries.indptr[i] > table.limit:
        return False  # before any of them is counted
    if entries.places != NULL:
        for k in range(k, end):
            ask_for(table, entries.places[k])
        ring.found = max(ring.found, end)
        return True
    while k < end:
        index = NOWHERE
        if takes_part(ring, entries, k):
            if admission.min_count == 1 or index_of(table, entries.ids[k]) >= 0 or admitted(admission, entries.ids[k]):
                index = enter(table, ring.lines[k & (LINES - 1)], entries.ids[k])
                if index < 0:
                    break
                ask_for(table, index)
        if k + LINES_AHEAD < entries.n:
            ring.lines[(k + LINES_AHEAD) & (LINES - 1)] = first_line(&table.keys, entries.ids[k + LINES_AHEAD])
            prefetch(ring.lines[(k + LINES_AHEAD) & (LINES - 1)])
        ring.places[k & ring.mask] = <uint32_t> index
        k += 1
    ring.found = k
    return k >= entries.indptr[i + 1]


cdef inline void take_back(Ring *ring, Table *table, const Entries *entries, offset_t first) noexcept nogil:
    """Take out the ids that came with entries from `first` on: that came last goes first, so nothing else moves."""
    cdef offset_t k
    if entries.places != NULL:
        return
    for k in range(ring.found - 1, first - 1, -1):
        if table.used > ring.kept and ring.places[k & ring.mask] == table.used - 1:
            take_out(&table.keys, entries.ids[k])
            table.used -= 1


cdef inline offset_t count_shared(const offset_t *indptr, const int64_t *ids, offset_t n) noexcept nogil:
    """Count the first entries that have the same ids in every row, as numbers beside categories do.

    Of most streams there are none, which two rows tell. Empty rows at the end are not looked at.
    """
    cdef offset_t i = 1, k, n_shared = indptr[1] if n > 0 else 0
    if n_shared == n:  # of a single row
        return 0
    while n_shared > 0 and indptr[i] < n:
        k = 0
        while k < min(n_shared, indptr[i + 1] - indptr[i]) and ids[indptr[i] + k] == ids[k]:
            k += 1
        n_shared = k
        i += 1
    return n_shared


cdef inline bint is_shared(const offset_t *indptr, offset_t n_shared, offset_t *row, offset_t k) noexcept nogil:
    """Tell whether an entry is one of the first of its row that all have; `row` is one no later than its own."""
    if n_shared == 0:
        return False
    while k >= indptr[row[0] + 1]:
        row[0] += 1
    return k - indptr[row[0]] < n_shared
