"""Ingestion of sparse rows: validate, select, renumber occupied columns, transpose, merge duplicates.

Everywhere below, `data` of length 0 stands for "every value is 1", so that one-hot rows need no values array.
"""
from cpython.exc cimport PyErr_CheckSignals
from cython cimport floating
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from sparsereg._core.entry_scan cimport scan_ids, scan_ones, scan_values
from sparsereg._core.intrinsics cimport popcount, prefetch
from sparsereg._core.types cimport index_t, offset_t, wide_id, wide_offset

ctypedef fused row_id:  # ids of rows that are joined
    int32_t
    int64_t

# What `validate` finds.
cpdef enum:
    VALID, BAD_START, DECREASING, TOO_LONG, BAD_ID, NOT_FINITE

# Entries of the rows that are checked at once: their ids and values fit in the first-level cache.
cdef enum:
    GROUP = 1 << 11

# How far ahead of their use random places in memory are asked for: memory latency (about 80 ns) at 3 to 5 ns a step.
cdef enum:
    AHEAD = 24

# Entries moved between two checks of pending signals: about 50 ms of work.
cdef offset_t WORK_BETWEEN_SIGNALS = 4_000_000


def validate(const wide_offset[::1] indptr, const wide_id[::1] indices, const floating[::1] data, offset_t n_features):
    """Check a compressed sparse matrix of unknown origin, in one pass, reading nothing that it has not checked.

    Parameters
    ----------
    indptr : (n_rows + 1,) int32 or int64, in
        At least one entry.
    indices : (capacity,) int32 or int64, in
    data : (capacity,) or (0,) float32 or float64, in
        Length 0: every value is 1.
    n_features : int64
        Ids must be in [0, n_features).

    Returns
    -------
    code, row, position, is_sorted, has_zeros, binary, longest : int, int, int, bool, bool, bool, int
        `code` is VALID or what is wrong first, at `row` and `position` in `indices`. When VALID: ids are strictly
        ascending in every row; some stored value is 0; every stored value that is not 0 is 1; most entries of a row.

    Notes
    -----
    Invariant: no array is changed. Cost: one sequential pass, O(n_rows + nnz), in groups of rows that stay in the
    first-level cache: first where they start, then ids and values without a branch. A group with anything wrong is gone
    over again, entry by entry.
    """
    cdef offset_t n_rows = indptr.shape[0] - 1, capacity = indices.shape[0]
    cdef offset_t group = 0, i = 0, k = 0, start = 0, end, longest = 0
    cdef const wide_id *ids = &indices[0] if capacity else NULL
    cdef const floating *values = &data[0] if data.shape[0] else NULL
    cdef uint64_t falls = 0, falls_between = 0
    cdef bint has_zeros = False, binary = True, all_ones = True
    cdef int code = VALID
    with nogil:
        if indptr[0] != 0:
            code = BAD_START
            n_rows = 0
        while group < n_rows and code == VALID:
            i = group
            start = indptr[group]
            end = start
            while i < n_rows and end - start < GROUP and end <= indptr[i + 1] <= capacity:
                k = end
                end = indptr[i + 1]
                longest = max(longest, end - k)
                falls_between += 0 < k < end and ids[k] <= ids[k - 1]
                i += 1
            if scan_ids(ids, start, end, n_features, &falls):
                code = BAD_ID
            if values != NULL:
                all_ones = all_ones and scan_ones(values, start, end)
                if not all_ones and scan_values(values, start, end, &has_zeros, &binary):
                    code = NOT_FINITE
            if i == group:
                code = TOO_LONG
            if code != VALID:
                code = first_fault(indptr, indices, data, n_features, &group, &k)
                break
            group = i
    return code, group, k, falls == falls_between, bool(has_zeros), bool(binary), longest


cdef int first_fault(
    const wide_offset[::1] indptr, const wide_id[::1] indices, const floating[::1] data, offset_t n_features,
    offset_t *row, offset_t *position
) noexcept nogil:
    """Look for the first fault from a row on, and move row and position to it; return its code."""
    cdef offset_t k, start, end
    cdef double value
    while True:
        start = indptr[row[0]]
        end = indptr[row[0] + 1]
        if end < start:
            return DECREASING
        if end > indices.shape[0]:
            return TOO_LONG
        for k in range(start, end):
            position[0] = k
            # One unsigned comparison refuses negative ids as well.
            if <uint64_t> indices[k] >= <uint64_t> n_features:
                return BAD_ID
            if data.shape[0]:
                value = data[k]
                if value - value != 0.0:
                    return NOT_FINITE
        row[0] += 1


def select(
    const offset_t[::1] indptr, const wide_id[::1] indices, const floating[::1] data, const uint8_t[::1] keep,
    offset_t[::1] out_indptr, wide_id[::1] out_indices, floating[::1] out_data
):
    """Copy the rows marked in `keep`, in order, without their stored zeros.

    Parameters
    ----------
    indptr, indices, data : (n_rows + 1,), (capacity,), (capacity,) or (0,), in
        Validated rows.
    keep : (n_rows,) uint8, in
    out_indptr : (n_kept + 1,) int64, out
    out_indices : (nnz,) ids, out
        At least as long as what is kept; `out_indptr[-1]` says how much was written.
    out_data : (nnz,) or (0,), out
        Length 0 exactly when `data` has length 0.

    Returns
    -------
    binary : bool
        Every value written is 1.

    Notes
    -----
    Invariant: the order of rows and of entries in a row is kept. Cost: O(n_rows + nnz).
    """
    cdef offset_t i, k, row = 0, position = 0
    cdef bint has_values = data.shape[0] > 0, binary = True
    with nogil:
        out_indptr[0] = 0
        for i in range(keep.shape[0]):
            if not keep[i]:
                continue
            for k in range(indptr[i], indptr[i + 1]):
                if has_values:
                    if data[k] == 0:
                        continue
                    binary &= data[k] == 1
                    out_data[position] = data[k]
                out_indices[position] = indices[k]
                position += 1
            row += 1
            out_indptr[row] = position
    return bool(binary)


def mark(const wide_id[::1] ids, uint64_t[::1] bitmap):
    """Set the bit of every id: the set of occupied columns, 1 bit a column.

    Parameters
    ----------
    ids : (nnz,) int32 or int64, in
        Validated: in [0, 64 * n_words).
    bitmap : (n_words,) uint64, in-out
        Bit `j % 64` of word `j // 64` stands for column j.

    Notes
    -----
    Cost: one random access a non-zero, asked for ahead of use.
    """
    cdef offset_t k, n = ids.shape[0]
    with nogil:
        for k in range(n):
            if k + AHEAD < n:
                prefetch(&bitmap[ids[k + AHEAD] >> 6])
            bitmap[ids[k] >> 6] |= (<uint64_t> 1) << (ids[k] & 63)


def count_before(const uint64_t[::1] bitmap, index_t[::1] before):
    """Count the set bits in front of every word.

    Parameters
    ----------
    bitmap : (n_words,) uint64, in
    before : (n_words,) int32, out

    Returns
    -------
    n_active : int
        All set bits; `before` is right only if this is below 2**31.

    Notes
    -----
    Cost: one sequential pass over the words; empty words need no count.
    """
    cdef offset_t word, total = 0
    with nogil:
        for word in range(bitmap.shape[0]):
            before[word] = <index_t> total
            if bitmap[word]:
                total += popcount(bitmap[word])
    return total


def marked_ids(const uint64_t[::1] bitmap, int64_t[::1] active):
    """List the set bits in ascending order.

    Parameters
    ----------
    bitmap : (n_words,) uint64, in
    active : (n_active,) int64, out

    Notes
    -----
    Cost: one sequential pass over the words, and O(1) a set bit.
    """
    cdef offset_t word, position = 0
    cdef uint64_t rest, lowest
    with nogil:
        for word in range(bitmap.shape[0]):
            rest = bitmap[word]
            while rest:
                lowest = rest & (~rest + 1)
                active[position] = 64 * word + popcount(lowest - 1)
                position += 1
                rest ^= lowest


def rank(const wide_id[::1] ids, const uint64_t[::1] bitmap, const index_t[::1] before, index_t[::1] out):
    """Replace each id by its rank among the marked ids: order is kept, gaps go.

    Parameters
    ----------
    ids : (nnz,) int32 or int64, in
        All marked in `bitmap`.
    bitmap, before : (n_words,) uint64, int32, in
        From `mark` and `count_before`.
    out : (nnz,) int32, out
        `active[out[k]] == ids[k]`.

    Notes
    -----
    Cost: two random accesses a non-zero, asked for ahead of use.
    """
    cdef offset_t k, word, n = ids.shape[0]
    cdef uint64_t lower
    with nogil:
        for k in range(n):
            if k + AHEAD < n:
                prefetch(&bitmap[ids[k + AHEAD] >> 6])
                prefetch(&before[ids[k + AHEAD] >> 6])
            word = ids[k] >> 6
            lower = ((<uint64_t> 1) << (ids[k] & 63)) - 1
            out[k] = before[word] + popcount(bitmap[word] & lower)


cdef inline void ask_for_row(
    const offset_t[::1] indptr, const index_t[::1] indices, const index_t[::1] order, offset_t i
) noexcept nogil:
    """Ask for the rows that come up in a while, first for where they start and later for their ids."""
    cdef offset_t start
    if i + AHEAD < order.shape[0]:
        prefetch(&indptr[order[i + AHEAD]])
        start = indptr[order[i + AHEAD // 2]]
        if start < indices.shape[0]:
            prefetch(&indices[start])


def transpose(
    const offset_t[::1] indptr, const index_t[::1] indices, const floating[::1] data, const index_t[::1] order,
    offset_t[::1] out_indptr, index_t[::1] out_indices, floating[::1] out_data
):
    """Turn compact rows, read in the given order, into columns (or the reverse) by a stable counting sort.

    Parameters
    ----------
    indptr, indices, data : (n_rows + 1,), (nnz,), (nnz,) or (0,), in
        Ids in [0, n_columns).
    order : (n_out,) int32, in
        Rows to read, in turn; row `order[i]` becomes id i.
    out_indptr : (n_columns + 1,) int64, in-out
        All zeros on entry.
    out_indices : (nnz_out,) int32, out
        Ascending in each column; equal only where a row had duplicates.
    out_data : (nnz_out,) or (0,), out
        Length 0 exactly when `data` has length 0.

    Notes
    -----
    Cost: two passes, one random write a non-zero. Source: Gustavson (1978), "Two fast algorithms for sparse
    matrices", HALFPERM.
    """
    cdef offset_t i, j, total = 0, count
    cdef offset_t n_columns = out_indptr.shape[0] - 1, n_rows = order.shape[0]
    i = 0
    while i < n_rows:
        with nogil:
            i = _count_rows(indptr, indices, order, out_indptr, i)
        PyErr_CheckSignals()
    # While filling, out_indptr[j + 1] is the next free place of column j; it ends as the end of the column.
    with nogil:
        for j in range(n_columns):
            count = out_indptr[j + 1]
            out_indptr[j + 1] = total
            total += count
    i = 0
    while i < n_rows:
        with nogil:
            i = _fill_rows(indptr, indices, data, order, out_indptr, out_indices, out_data, i)
        PyErr_CheckSignals()


cdef offset_t _count_rows(
    const offset_t[::1] indptr, const index_t[::1] indices, const index_t[::1] order, offset_t[::1] out_indptr,
    offset_t i
) noexcept nogil:
    """Count the ids of some rows from the i-th; return where to go on."""
    cdef offset_t k, work = 0
    while i < order.shape[0] and work < WORK_BETWEEN_SIGNALS:
        ask_for_row(indptr, indices, order, i)
        for k in range(indptr[order[i]], indptr[order[i] + 1]):
            out_indptr[indices[k] + 1] += 1
        work += indptr[order[i] + 1] - indptr[order[i]] + 1
        i += 1
    return i


cdef offset_t _fill_rows(
    const offset_t[::1] indptr, const index_t[::1] indices, const floating[::1] data, const index_t[::1] order,
    offset_t[::1] out_indptr, index_t[::1] out_indices, floating[::1] out_data, offset_t i
) noexcept nogil:
    """Put some rows from the i-th in their places; return where to go on."""
    cdef offset_t k, position, work = 0
    cdef bint has_values = data.shape[0] > 0
    while i < order.shape[0] and work < WORK_BETWEEN_SIGNALS:
        ask_for_row(indptr, indices, order, i)
        for k in range(indptr[order[i]], indptr[order[i] + 1]):
            position = out_indptr[indices[k] + 1]
            out_indptr[indices[k] + 1] = position + 1
            out_indices[position] = <index_t> i
            if has_values:
                out_data[position] = data[k]
        work += indptr[order[i] + 1] - indptr[order[i]] + 1
        i += 1
    return i


def place(const offset_t[::1] indptr, const index_t[::1] order, offset_t[::1] out_indptr):
    """Say where copies of rows go that follow each other.

    Parameters
    ----------
    indptr : (n_rows + 1,), in
    order : (n_out,) int32, in
        Rows to copy, in turn.
    out_indptr : (n_out + 1,) int64, out

    Notes
    -----
    Cost: one random access to memory a row, asked for ahead of use.
    """
    cdef offset_t i
    with nogil:
        out_indptr[0] = 0
        for i in range(order.shape[0]):
            if i + AHEAD < order.shape[0]:
                prefetch(&indptr[order[i + AHEAD]])
            out_indptr[i + 1] = out_indptr[i] + indptr[order[i] + 1] - indptr[order[i]]


def take(
    const offset_t[::1] indptr, const index_t[::1] indices, const floating[::1] data, const index_t[::1] order,
    const offset_t[::1] out_indptr, index_t[::1] out_ids, double[::1] out_data
):
    """Copy compact rows in the given order, as streaming kernels take them.

    Parameters
    ----------
    indptr, indices, data : (n_rows + 1,), (nnz,), (nnz,) or (0,), in
    order : (n_out,) int32, in
        Rows to copy, in turn.
    out_indptr : (n_out + 1,) int64, in
        Where each copy goes, from `place`.
    out_ids : (nnz_out,) int32, out
    out_data : (nnz_out,) or (0,) float64, out
        Length 0 exactly when `data` has length 0.

    Notes
    -----
    Cost: one pass, one random access to memory a row, asked for ahead of use.
    """
    cdef offset_t i, k, start, shift
    cdef bint has_values = data.shape[0] > 0
    with nogil:
        for i in range(order.shape[0]):
            ask_for_row(indptr, indices, order, i)
            start = indptr[order[i]]
            shift = out_indptr[i] - start
            for k in range(start, indptr[order[i] + 1]):
                out_ids[k + shift] = indices[k]
                if has_values:
                    out_data[k + shift] = data[k]


def put_beside(
    const wide_offset[::1] indptr, const wide_id[::1] indices, const floating[::1] data, int64_t first_id,
    int64_t[::1] places, row_id[::1] out_indices, double[::1] out_data
):
    """Copy rows behind what other rows have there already, as the columns from `first_id` on.

    Parameters
    ----------
    indptr, indices, data : (n_rows + 1,), (nnz,), (nnz,), in
        Validated rows.
    first_id : int, in
        Added to every id.
    places : (n_rows,) int64, in-out
        Where the entries of each row go; behind them on exit.
    out_indices : (nnz_out,) int32 or int64, out
        Ids, wide enough for all columns.
    out_data : (nnz_out,) float64, out

    Notes
    -----
    Cost: one sequential pass.
    """
    cdef offset_t i, k = 0, shift, end
    with nogil:
        for i in range(places.shape[0]):
            shift = places[i] - k
            end = indptr[i + 1]
            while k < end:
                out_indices[k + shift] = <row_id> (indices[k] + first_id)
                out_data[k + shift] = data[k]
                k += 1
            places[i] = end + shift


def merge_duplicates(
    const offset_t[::1] indptr, const index_t[::1] indices, const floating[::1] data,
    offset_t[::1] out_indptr, index_t[::1] out_indices, floating[::1] out_data
):
    """Add up entries of equal id, in double precision, and drop sums that are 0.

    Parameters
    ----------
    indptr, indices, data : (n_rows + 1,), (nnz,), (nnz,) or (0,), in
        Ids ascending in each row, duplicates allowed.
    out_indptr, out_indices, out_data : (n_rows + 1,), (nnz,), (nnz,), out
        `out_indptr[-1]` says how much was written.

    Returns
    -------
    n_dropped, not_finite_row, binary : int, int, bool
        Sums dropped; first row with a sum that overflows, or -1; every value written is 1.

    Notes
    -----
    Invariant: ids are strictly ascending in each row on exit. Cost: one sequential pass.
    """
    cdef offset_t i, k, end, position = 0, n_dropped = 0, not_finite_row = -1
    cdef index_t id_
    cdef double total
    cdef floating stored
    cdef bint has_values = data.shape[0] > 0, binary = True
    with nogil:
        out_indptr[0] = 0
        for i in range(indptr.shape[0] - 1):
            k = indptr[i]
            end = indptr[i + 1]
            while k < end:
                id_ = indices[k]
                total = 0.0
                while k < end and indices[k] == id_:
                    total += data[k] if has_values else 1.0
                    k += 1
                stored = <floating> total
                if stored == 0:
                    n_dropped += 1
                    continue
                if stored - stored != 0 and not_finite_row < 0:
                    not_finite_row = i
                binary &= stored == 1
                out_indices[position] = id_
                out_data[position] = stored
                position += 1
            out_indptr[i + 1] = position
    return n_dropped, not_finite_row, bool(binary)
