"""Aggregation of equal rows: hash them, number them, order them, sum their weights and average their targets.

Everywhere below, `data` of length 0 stands for "every value is 1".
"""
from cython cimport floating
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from sparsereg._core.equal_rows cimport finished, mix
from sparsereg._core.types cimport index_t, offset_t
from sparsereg._core.intrinsics cimport prefetch

# Table slots asked for ahead of use; enough for memory latency (about 80 ns) at 10 ns a row.
cdef enum:
    AHEAD = 12


cdef inline bint same_row(
    const index_t[::1] indices, const floating[::1] data, bint has_values, offset_t a, offset_t b, offset_t n
) noexcept nogil:
    """Tell whether the n entries from a equal the n entries from b, ids and values."""
    cdef offset_t k
    for k in range(n):
        if indices[a + k] != indices[b + k]:
            return False
    if has_values:
        for k in range(n):
            if data[a + k] != data[b + k]:
                return False
    return True


def hash_rows(const offset_t[::1] indptr, const index_t[::1] indices, const floating[::1] data, uint64_t[::1] out):
    """Hash each row's ids and values to 64 well mixed bits.

    Parameters
    ----------
    indptr, indices, data : (n_rows + 1,), (nnz,), (nnz,) or (0,), in
        Canonical rows: ids strictly ascending, no stored zero.
    out : (n_rows,) uint64, out
        Equal rows have equal hashes.

    Notes
    -----
    Cost: one sequential pass, one multiplication an id and one a value.
    """
    cdef offset_t i, k
    cdef uint64_t state, bits
    cdef double value
    cdef bint has_values = data.shape[0] > 0
    with nogil:
        for i in range(out.shape[0]):
            state = <uint64_t> (indptr[i + 1] - indptr[i])
            for k in range(indptr[i], indptr[i + 1]):
                state = mix(state, <uint64_t> indices[k])
                if has_values:
                    value = data[k]
                    memcpy(&bits, &value, sizeof(double))
                    state = mix(state, bits)
            out[i] = finished(state)


def group_rows(
    const offset_t[::1] indptr, const index_t[::1] indices, const floating[::1] data, const uint64_t[::1] hashes,
    uint64_t[::1] table, index_t[::1] group, index_t[::1] representative
):
    """Give equal rows one number, in order of first appearance: open addressing, linear probing, exact comparison.

    Parameters
    ----------
    indptr, indices, data : (n_rows + 1,), (nnz,), (nnz,) or (0,), in
        Canonical rows.
    hashes : (n_rows,) uint64, in
        From `hash_rows`.
    table : (power of two,) uint64, in-out
        All zeros on entry. High half: high half of the hash; low half: group + 1.
    group : (n_rows,) int32, out
    representative : (max_groups,) int32, out
        First row of each group; `max_groups` must be below the table's size.

    Returns
    -------
    n_groups : int
        -1 when there are more than `max_groups`: call again with more room.

    Notes
    -----
    Cost: about two random accesses a row, the first asked for ahead of use.
    """
    cdef offset_t i, start, length, other, n_rows = hashes.shape[0]
    cdef offset_t n_groups = 0, max_groups = representative.shape[0]
    cdef uint64_t mask = <uint64_t> table.shape[0] - 1
    cdef uint64_t slot, entry
    cdef index_t g
    cdef bint has_values = data.shape[0] > 0
    with nogil:
        for i in range(n_rows):
            if i + AHEAD < n_rows:
                prefetch(&table[hashes[i + AHEAD] & mask])
            start = indptr[i]
            length = indptr[i + 1] - start
            slot = hashes[i] & mask
            while True:
                entry = table[slot]
                if entry == 0:
                    if n_groups == max_groups:
                        n_groups = -1
                        break
                    representative[n_groups] = <index_t> i
                    group[i] = <index_t> n_groups
                    n_groups += 1
                    table[slot] = (hashes[i] >> 32 << 32) | <uint64_t> n_groups
                    break
                if entry >> 32 == hashes[i] >> 32:
                    g = <index_t> (<uint32_t> entry) - 1
                    other = indptr[representative[g]]
                    if indptr[representative[g] + 1] - other == length and same_row(
                        indices, data, has_values, start, other, length
                    ):
                        group[i] = g
                        break
                slot = (slot + 1) & mask
            if n_groups < 0:
                break
    return n_groups


def order_by_last_id(
    const offset_t[::1] indptr, const index_t[::1] indices, const index_t[::1] rows, offset_t[::1] start,
    index_t[::1] order, index_t[::1] position
):
    """Order rows by their largest id, empty rows first, ties as given: a stable counting sort.

    Parameters
    ----------
    indptr, indices : (n_rows + 1,), (nnz,), in
        Ids ascending in each row, in [0, n_columns).
    rows : (n,) int32, in
        The rows to order.
    start : (n_columns + 2,) int64, in-out
        Room to count in; all zeros on entry.
    order : (n,) int32, out
        `rows`, reordered.
    position : (n,) int32, out
        `order[position[g]] == rows[g]`.

    Notes
    -----
    Cost: O(n + n_columns).
    """
    cdef offset_t g, key, end
    with nogil:
        for g in range(rows.shape[0]):
            end = indptr[rows[g] + 1]
            key = indices[end - 1] + 1 if end > indptr[rows[g]] else 0
            start[key + 1] += 1
        for key in range(1, start.shape[0]):
            start[key] += start[key - 1]
        for g in range(rows.shape[0]):
            end = indptr[rows[g] + 1]
            key = indices[end - 1] + 1 if end > indptr[rows[g]] else 0
            position[g] = <index_t> start[key]
            order[start[key]] = rows[g]
            start[key] += 1


def weighted_means(
    const index_t[::1] group, const double[::1] y, const double[::1] weight, double[::1] weight_sum, double[::1] mean
):
    """Sum weights and average y in each group.

    Parameters
    ----------
    group : (n_samples,) int32, in
        -1: the sample belongs to no group and is passed over.
    y : (n_samples,) float64, in
    weight : (n_samples,) or (0,) float64, in
        Length 0: every weight is 1.
    weight_sum, mean : (n_groups,) float64, in-out
        All zeros on entry. The mean of a group of total weight 0 is 0.

    Returns
    -------
    within : float
        sum_i weight_i / 2 * (y_i - mean[group_i])**2, on the scale of weight * y**2: what the squared loss of the
        samples exceeds that of the groups by, whatever the prediction.

    Notes
    -----
    Cost: two passes, about three random accesses a sample. The second pass subtracts means before squaring, so `within`
    keeps its digits when y is far from 0.
    """
    cdef offset_t i, g
    cdef double w = 1.0, residual, within = 0.0
    cdef bint weighted = weight.shape[0] > 0
    with nogil:
        for i in range(group.shape[0]):
            if group[i] >= 0:
                if weighted:
                    w = weight[i]
                weight_sum[group[i]] += w
                mean[group[i]] += w * y[i]
        for g in range(mean.shape[0]):
            mean[g] = mean[g] / weight_sum[g] if weight_sum[g] > 0 else 0.0
        for i in range(group.shape[0]):
            if group[i] >= 0:
                if weighted:
                    w = weight[i]
                residual = y[i] - mean[group[i]]
                within += 0.5 * w * residual * residual
    return within
