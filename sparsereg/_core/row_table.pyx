"""Growing hash tables (open addressing): ids and rows numbered as they first come; means that take further samples.

A kernel stops where its table, or what it fills, has no more room; the caller makes room and goes on from there.
Everywhere below, `data` of length 0 stands for "every value is 1".
"""
from cython cimport floating
from libc.stdint cimport int64_t, uint32_t, uint64_t

from sparsereg._core.intrinsics cimport prefetch
from sparsereg._core.types cimport index_t, offset_t, wide_id

# How far ahead of its use a slot is asked for: memory latency (about 80 ns) at 5 to 10 ns a look-up.
cdef enum:
    AHEAD = 12


cdef inline uint64_t spread(int64_t id_) noexcept nogil:
    """Return id * 2**64 / golden ratio, the high half folded down: low bits choose slots (Knuth, TAOCP 3, 6.4)."""
    cdef uint64_t state = <uint64_t> id_ * 0x9E3779B97F4A7C15ULL
    return state ^ (state >> 32)


def number_ids(
    const wide_id[::1] ids, int64_t[:, ::1] slots, int64_t[::1] known, offset_t n_known, index_t[::1] out
):
    """Number ids in order of first appearance.

    Parameters
    ----------
    ids : (n,) int32 or int64, in
        Any.
    slots : (size, 2) int64, in-out
        Ids and their numbers, -1 beside free ones; size is a power of two.
    known : (capacity,) int64, in-out
        The ids by their numbers, below size; those from `n_known` on are written here.
    n_known : int
    out : (n,) int32, out
        `known[out] == ids`.

    Returns
    -------
    n_done, n_known : int, int
        Ids numbered before there was no more room, and how many are known then.

    Notes
    -----
    Cost: about one random access to memory an id, asked for ahead of use.
    """
    cdef uint64_t mask = <uint64_t> slots.shape[0] - 1
    cdef uint64_t slot
    cdef offset_t k, n = ids.shape[0], n_done = ids.shape[0], capacity = known.shape[0]
    cdef int64_t id_
    with nogil:
        for k in range(n):
            if k + AHEAD < n:
                prefetch(&slots[spread(ids[k + AHEAD]) & mask, 0])
            id_ = ids[k]
            slot = spread(id_) & mask
            while slots[slot, 1] >= 0 and slots[slot, 0] != id_:
                slot = (slot + 1) & mask
            if slots[slot, 1] < 0:
                if n_known == capacity:
                    n_done = k
                    break
                slots[slot, 0] = id_
                slots[slot, 1] = n_known
                known[n_known] = id_
                n_known += 1
            out[k] = <index_t> slots[slot, 1]
    return n_done, n_known


def enter_ids(const int64_t[::1] known, int64_t[:, ::1] slots):
    """Enter ids into an empty table, under their positions.

    Parameters
    ----------
    known : (n_known,) int64, in
        Distinct.
    slots : (size, 2) int64, in-out
        -1 on entry; size is a power of two above n_known.

    Notes
    -----
    Cost: as `number_ids`.
    """
    cdef uint64_t mask = <uint64_t> slots.shape[0] - 1
    cdef uint64_t slot
    cdef offset_t k, n = known.shape[0]
    with nogil:
        for k in range(n):
            if k + AHEAD < n:
                prefetch(&slots[spread(known[k + AHEAD]) & mask, 0])
            slot = spread(known[k]) & mask
            while slots[slot, 1] >= 0:
                slot = (slot + 1) & mask
            slots[slot, 0] = known[k]
            slots[slot, 1] = k


cdef inline bint is_kept(
    const index_t[::1] indices, const floating[::1] data, offset_t start, offset_t length,
    const offset_t[::1] kept_indptr, const index_t[::1] kept_indices, const floating[::1] kept_data, offset_t row
) noexcept nogil:
    """Tell whether the entries from `start` are those of a row that is kept, ids and values."""
    cdef offset_t k, other = kept_indptr[row]
    if kept_indptr[row + 1] - other != length:
        return False
    for k in range(length):
        if indices[start + k] != kept_indices[other + k]:
            return False
    if data.shape[0] > 0:
        for k in range(length):
            if data[start + k] != kept_data[other + k]:
                return False
    return True


def number_rows(
    const offset_t[::1] indptr, const index_t[::1] indices, const floating[::1] data, const uint64_t[::1] hashes,
    uint64_t[::1] table, offset_t[::1] kept_indptr, index_t[::1] kept_indices, floating[::1] kept_data,
    offset_t n_kept, index_t[::1] out
):
    """Number rows in order of first appearance, and keep one of each.

    Parameters
    ----------
    indptr, indices, data : (n + 1,), (nnz,), (nnz,) or (0,), in
        Rows whose ids are in one and the same order; no stored zero.
    hashes : (n,) uint64, in
        From `equal_rows.hash_rows`.
    table : (power of two,) uint64, in-out
        High half: high half of the hash; low half: number + 1; 0 is free.
    kept_indptr, kept_indices, kept_data : (capacity + 1,), (room,), (room,) or (0,), in-out
        The rows kept, `kept_indptr[0] == 0`; capacity is below the table's size. Length 0 exactly when `data` has.
    n_kept : int
        How many there are.
    out : (n,) int32, out
        The number of each row.

    Returns
    -------
    n_done, n_kept : int, int
        Rows numbered before there was no more room, and how many are kept then.

    Notes
    -----
    Cost: about two random accesses to memory a row, the first asked for ahead of use.
    """
    cdef uint64_t mask = <uint64_t> table.shape[0] - 1
    cdef uint64_t slot, entry
    cdef offset_t i, k, start, length, row, n = hashes.shape[0], n_done = hashes.shape[0]
    cdef offset_t capacity = kept_indptr.shape[0] - 1, end = kept_indptr[n_kept], room = kept_indices.shape[0]
    cdef bint has_values = data.shape[0] > 0
    with nogil:
        for i in range(n):
            if i + AHEAD < n:
                prefetch(&table[hashes[i + AHEAD] & mask])
            start = indptr[i]
            length = indptr[i + 1] - start
            slot = hashes[i] & mask
            row = -1
            while table[slot] != 0:
                entry = table[slot]
                if entry >> 32 == hashes[i] >> 32:
                    row = <offset_t> <uint32_t> entry - 1
                    if is_kept(indices, data, start, length, kept_indptr, kept_indices, kept_data, row):
                        break
                    row = -1
                slot = (slot + 1) & mask
            if row < 0:
                if n_kept == capacity or end + length > room:
                    n_done = i
                    break
                for k in range(length):
                    kept_indices[end + k] = indices[start + k]
                    if has_values:
                        kept_data[end + k] = data[start + k]
                end += length
                row = n_kept
                n_kept += 1
                kept_indptr[n_kept] = end
                table[slot] = (hashes[i] >> 32 << 32) | <uint64_t> n_kept
            out[i] = <index_t> row
    return n_done, n_kept


def enter_rows(const uint64_t[::1] hashes, uint64_t[::1] table):
    """Enter rows that differ into an empty table, under their positions.

    Parameters
    ----------
    hashes : (n,) uint64, in
    table : (power of two,) uint64, in-out
        All zeros on entry, of a size above n; on exit as `number_rows` takes it.

    Notes
    -----
    Cost: one random access to memory a row, asked for ahead of use.
    """
    cdef uint64_t mask = <uint64_t> table.shape[0] - 1
    cdef uint64_t slot
    cdef offset_t i, n = hashes.shape[0]
    with nogil:
        for i in range(n):
            if i + AHEAD < n:
                prefetch(&table[hashes[i + AHEAD] & mask])
            slot = hashes[i] & mask
            while table[slot] != 0:
                slot = (slot + 1) & mask
            table[slot] = (hashes[i] >> 32 << 32) | <uint64_t> (i + 1)


def number_parts(
    const index_t[::1] row, const index_t[::1] part, index_t[::1] newest, index_t[::1] older, index_t[::1] row_of,
    index_t[::1] part_of, offset_t n_known, index_t[::1] out
):
    """Number pairs of a row and a part, of which there are few, in order of first appearance.

    Parameters
    ----------
    row, part : (n,) int32, in
    newest : (n_rows,) int32, in-out
        One more than the largest number of a pair of each row; 0: there is none.
    older, row_of, part_of : (capacity,) int32, in-out
        Of each pair one more than the next smaller number of a pair of its row, 0 where there is none; row and part.
    n_known : int
    out : (n,) int32, out
        The number of each pair.

    Returns
    -------
    n_done, n_known : int, int
        Pairs numbered before there was no more room, and how many are known then.

    Notes
    -----
    Cost: one random access to memory for each pair of the row, up to the one that is looked for.
    """
    cdef offset_t k, n = row.shape[0], n_done = row.shape[0], capacity = older.shape[0]
    cdef index_t pair
    with nogil:
        for k in range(n):
            if k + AHEAD < n:
                prefetch(&newest[row[k + AHEAD]])
            pair = newest[row[k]] - 1
            while pair >= 0 and part_of[pair] != part[k]:
                pair = older[pair] - 1
            if pair < 0:
                if n_known == capacity:
                    n_done = k
                    break
                pair = <index_t> n_known
                older[pair] = newest[row[k]]
                row_of[pair] = row[k]
                part_of[pair] = part[k]
                n_known += 1
                newest[row[k]] = <index_t> n_known
            out[k] = pair
    return n_done, n_known


def add_to_means(
    const index_t[::1] group, const index_t[::1] part, const double[::1] y, const double[::1] weight,
    double[::1] weight_sum, double[::1] mean, double[::1] within
):
    """Let groups of samples take further ones: sums of weights, weighted means, and what lies about the means.

    Parameters
    ----------
    group : (n_samples,) int32, in
    part : (n_samples,) or (0,) int32, in
        The part that a sample is of, one for each group; length 0: all are of part 0.
    y : (n_samples,) float64, in
    weight : (n_samples,) float64, in
        Above 0.
    weight_sum, mean : (n_groups,) float64, in-out
        A group that has no sample yet weighs 0.
    within : (n_parts,) float64, in-out
        sum_i weight_i / 2 * (y_i - mean)**2 of the samples of each part about the means of their groups.

    Notes
    -----
    A group of equal y has exactly that mean. Cost: about two random accesses a sample. Source: West (1979), "Updating
    mean and variance estimates: an improved method".
    """
    cdef offset_t i, g
    cdef double w, difference, total
    cdef bint has_parts = part.shape[0] > 0
    with nogil:
        for i in range(group.shape[0]):
            g = group[i]
            w = weight[i]
            if weight_sum[g] == 0.0:
                weight_sum[g] = w
                mean[g] = y[i]
                continue
            total = weight_sum[g] + w
            difference = y[i] - mean[g]
            mean[g] += difference * (w / total)
            within[part[i] if has_parts else 0] += 0.5 * weight_sum[g] * (w / total) * difference * difference
            weight_sum[g] = total
