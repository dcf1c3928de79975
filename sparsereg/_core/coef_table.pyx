"""Hash table of the non-zero coefficients, column id -> position, and predictions by it (open addressing).

Everywhere below, `data` of length 0 stands for "every value is 1".
"""
from cython cimport floating
from libc.stdint cimport int64_t, uint64_t

from sparsereg._core.types cimport index_t, offset_t, wide_id


cdef inline uint64_t first_slot(int64_t id_, int shift) noexcept nogil:
    """Return the high bits of id * 2**64 / golden ratio: spreads runs of ids evenly (Knuth, TAOCP 3, 6.4)."""
    return (<uint64_t> id_ * 0x9E3779B97F4A7C15ULL) >> shift


cdef inline int shift_of(offset_t size) noexcept nogil:
    """Return 64 - log2(size), size a power of two, at least 2."""
    cdef int shift = 64
    while size > 1:
        size >>= 1
        shift -= 1
    return shift


cdef inline index_t find(
    int64_t id_, const int64_t[::1] keys, const index_t[::1] positions, int shift, uint64_t mask
) noexcept nogil:
    """Return the position of an id, or -1."""
    cdef uint64_t slot = first_slot(id_, shift)
    while keys[slot] != id_:
        if keys[slot] < 0:
            return -1
        slot = (slot + 1) & mask
    return positions[slot]


def fill(const int64_t[::1] ids, int64_t[::1] keys, index_t[::1] positions):
    """Enter ids into an empty table.

    Parameters
    ----------
    ids : (n,) int64, in
        Distinct, not negative.
    keys : (size,) int64, in-out
        All -1 on entry; size is a power of two, at least 2, and above n.
    positions : (size,) int32, out
        `ids[positions[slot]] == keys[slot]` where a slot is used.

    Notes
    -----
    Cost: O(n) expected.
    """
    cdef int shift = shift_of(keys.shape[0])
    cdef uint64_t slot, mask = <uint64_t> keys.shape[0] - 1
    cdef offset_t k
    with nogil:
        for k in range(ids.shape[0]):
            slot = first_slot(ids[k], shift)
            while keys[slot] >= 0:
                slot = (slot + 1) & mask
            keys[slot] = ids[k]
            positions[slot] = <index_t> k


def decision(
    const offset_t[::1] indptr, const wide_id[::1] indices, const floating[::1] data,
    const int64_t[::1] keys, const index_t[::1] positions, const double[::1] values, double[::1] out
):
    """Compute X @ w for a w with few non-zeros, X in the caller's own ids.

    Parameters
    ----------
    indptr, indices, data : (n_samples + 1,), (capacity,), (capacity,) or (0,), in
        Validated rows. Order is free, duplicates add up.
    keys, positions : (size,) int64, int32, in
        Filled by `fill` from the ids of w.
    values : (n_ids,) float64, in
        Coefficient of each id.
    out : (n_samples,) float64, out

    Notes
    -----
    Cost: one look-up a non-zero.
    """
    cdef int shift = shift_of(keys.shape[0])
    cdef uint64_t mask = <uint64_t> keys.shape[0] - 1
    cdef offset_t i, k
    cdef index_t j
    cdef double total
    cdef bint has_values = data.shape[0] > 0
    with nogil:
        for i in range(out.shape[0]):
            total = 0.0
            for k in range(indptr[i], indptr[i + 1]):
                j = find(indices[k], keys, positions, shift, mask)
                if j >= 0:
                    total += data[k] * values[j] if has_values else values[j]
            out[i] = total


def restrict(
    const offset_t[::1] indptr, const wide_id[::1] indices, const floating[::1] data,
    const int64_t[::1] keys, const index_t[::1] positions,
    offset_t[::1] out_indptr, index_t[::1] out_indices, double[::1] out_data
):
    """Keep the entries of X whose ids are in the table, under their positions.

    Parameters
    ----------
    indptr, indices, data : (n_samples + 1,), (capacity,), (capacity,) or (0,), in
        Validated rows.
    keys, positions : (size,) int64, int32, in
        Filled by `fill`.
    out_indptr : (n_samples + 1,) int64, out
    out_indices, out_data : (nnz,) int32, float64, out
        At least as long as what is kept; `out_indptr[-1]` says how much was written.

    Notes
    -----
    Invariant: order and duplicates are kept. Cost: one look-up a non-zero.
    """
    cdef int shift = shift_of(keys.shape[0])
    cdef uint64_t mask = <uint64_t> keys.shape[0] - 1
    cdef offset_t i, k, position = 0
    cdef index_t j
    cdef bint has_values = data.shape[0] > 0
    with nogil:
        out_indptr[0] = 0
        for i in range(out_indptr.shape[0] - 1):
            for k in range(indptr[i], indptr[i + 1]):
                j = find(indices[k], keys, positions, shift, mask)
                if j >= 0:
                    out_indices[position] = j
                    out_data[position] = data[k] if has_values else 1.0
                    position += 1
            out_indptr[i + 1] = position
