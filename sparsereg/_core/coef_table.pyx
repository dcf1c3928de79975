"""Hash table of the non-zero coefficients (open addressing), and predictions by it.

A slot is a column id, -1 where it is free, and beside it, in the same line of memory, 64 bits of what belongs to it:
the coefficient where there is one vector of them, else the position of the id.

Everywhere below, `data` of length 0 stands for "every value is 1".
"""
from cython cimport floating
from libc.stdint cimport int64_t, uint64_t

from sparsereg._core.intrinsics cimport prefetch
from sparsereg._core.sparse_ops cimport axpy
from sparsereg._core.types cimport index_t, offset_t, wide_id

# How far ahead of its use a slot is asked for: memory latency (about 80 ns) at 5 to 7 ns a look-up.
cdef enum:
    AHEAD = 16


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


cdef inline int64_t find(
    int64_t id_, const int64_t *slots, int shift, uint64_t mask, int64_t *is_there
) noexcept nogil:
    """Return what stands beside an id, or 0; `is_there` becomes -1 or 0.

    Two slots decide most cases, and are compared without a branch: whether an id is known, and in the slot where it
    should be, no processor foresees.
    """
    cdef uint64_t slot = first_slot(id_, shift), next_slot = (slot + 1) & mask
    cdef int64_t first = slots[2 * slot], second = slots[2 * next_slot]
    cdef int64_t is_first = -<int64_t> (first == id_), is_second = -<int64_t> (second == id_)
    is_there[0] = is_first | is_second
    # Not negative where neither is it and neither is free.
    if (first | second | is_there[0]) >= 0:
        return find_beyond(id_, slots, next_slot, mask, is_there)
    return (slots[2 * slot + 1] & is_first) | (slots[2 * next_slot + 1] & is_second)


cdef int64_t find_beyond(
    int64_t id_, const int64_t *slots, uint64_t slot, uint64_t mask, int64_t *is_there
) noexcept nogil:
    """Look on from the slot after `slot`."""
    while True:
        slot = (slot + 1) & mask
        if slots[2 * slot] == id_:
            is_there[0] = -1
            return slots[2 * slot + 1]
        if slots[2 * slot] < 0:
            return 0


def fill(const int64_t[::1] ids, const int64_t[::1] beside, int64_t[:, ::1] slots):
    """Enter ids into an empty table.

    Parameters
    ----------
    ids : (n,) int64, in
        Distinct, not negative.
    beside : (n,) int64, in
        What goes beside each id: positions, or the bits of float64 coefficients.
    slots : (size, 2) int64, in-out
        Ids -1 on entry; size is a power of two, at least 2, and above n.

    Notes
    -----
    Cost: O(n) expected.
    """
    cdef int shift = shift_of(slots.shape[0])
    cdef uint64_t slot, mask = <uint64_t> slots.shape[0] - 1
    cdef offset_t k
    with nogil:
        for k in range(ids.shape[0]):
            slot = first_slot(ids[k], shift)
            while slots[slot, 0] >= 0:
                slot = (slot + 1) & mask
            slots[slot, 0] = ids[k]
            slots[slot, 1] = beside[k]


def decision(
    const offset_t[::1] indptr, const wide_id[::1] indices, const floating[::1] data, const int64_t[:, ::1] slots,
    double[::1] out
):
    """Compute X @ w for a w with few non-zeros, X in the caller's own ids.

    Parameters
    ----------
    indptr, indices, data : (n_samples + 1,), (capacity,), (capacity,) or (0,), in
        Validated rows. Order is free, duplicates add up.
    slots : (size, 2) int64, in
        Filled by `fill` with the ids of w and its coefficients.
    out : (n_samples,) float64, out

    Notes
    -----
    Cost: one look-up a non-zero, in memory that was asked for ahead of use. Terms are summed in the order of the row,
    from 0 on.
    """
    cdef int shift = shift_of(slots.shape[0])
    cdef uint64_t mask = <uint64_t> slots.shape[0] - 1
    cdef offset_t i, k, nnz = indptr[out.shape[0]]
    cdef const int64_t *table = &slots[0, 0]
    cdef int64_t is_there, bits
    cdef double total, w
    cdef bint has_values = data.shape[0] > 0
    with nogil:
        for i in range(out.shape[0]):
            total = 0.0
            for k in range(indptr[i], indptr[i + 1]):
                if k + AHEAD < nnz:
                    prefetch(table + 2 * first_slot(indices[k + AHEAD], shift))
                # 0, the bits of 0.0, where it is not there: the sum keeps its own.
                bits = find(indices[k], table, shift, mask, &is_there)
                w = (<double *> &bits)[0]
                total += data[k] * w if has_values else w
            out[i] = total


def decisions(
    const offset_t[::1] indptr, const wide_id[::1] indices, const floating[::1] data, const int64_t[:, ::1] slots,
    const offset_t[::1] first, const index_t[::1] vectors, const double[::1] values, double[:, ::1] out
):
    """Add X @ W for a W of several vectors with few non-zeros, X in the caller's own ids.

    Parameters
    ----------
    indptr, indices, data : (n_samples + 1,), (capacity,), (capacity,) or (0,), in
        Validated rows. Order is free, duplicates add up.
    slots : (size, 2) int64, in
        Filled by `fill` with the ids at which some vector is not 0, and their positions.
    first, vectors, values : (n_ids + 1,) int64, (nnz,) int32, (nnz,) float64, in
        W position by position (CSR): the numbers of the vectors, strictly ascending, and their coefficients.
    out : (n_samples, n_vectors) float64, in-out

    Notes
    -----
    Cost: one look-up a non-zero of X for all vectors, and the coefficients at that id.
    """
    cdef int shift = shift_of(slots.shape[0])
    cdef uint64_t mask = <uint64_t> slots.shape[0] - 1
    cdef offset_t i, k, start, nnz = indptr[out.shape[0]]
    cdef const int64_t *table = &slots[0, 0]
    cdef int64_t is_there, position
    cdef bint has_values = data.shape[0] > 0
    with nogil:
        for i in range(out.shape[0]):
            for k in range(indptr[i], indptr[i + 1]):
                if k + AHEAD < nnz:
                    prefetch(table + 2 * first_slot(indices[k + AHEAD], shift))
                position = find(indices[k], table, shift, mask, &is_there)
                if is_there:
                    start = first[position]
                    axpy(
                        data[k] if has_values else 1.0, &values[start], &vectors[start], first[position + 1] - start,
                        &out[i, 0],
                    )
