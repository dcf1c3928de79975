"""Column ids of crossed features: latitude by longitude cells, mixed-radix crosses and hashed crosses."""
from cython cimport floating
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc

from sparsereg._core.mixing cimport mix

ctypedef fused id_t:  # the two index types of a scipy CSR matrix
    int32_t
    int64_t


# Distance from an edge, in buckets, from which on the first guess is known to be right.
cdef double SURE = 1e-6


cdef inline int64_t bucket(
    double x, double origin, double numerator, double denominator, double per_degree
) noexcept nogil:
    """Return the largest k whose edge, the double nearest to origin + k * numerator / denominator, is <= x.

    The relative error of the first guess is 3 * 2**-53 and there are fewer than 2**31 buckets, so that it is off by
    less than 0.72e-6 of a bucket; edges are rounded to doubles below 360 and buckets have 1e-4 / 60 degrees at least,
    which is less than 0.04e-6. Only closer to an edge than both is the edge itself looked at: every operand of it is a
    whole number below 2**53, so its one division is correctly rounded.
    """
    cdef double base = origin * denominator, guess = (x - origin) * per_degree, rest
    cdef int64_t k = <int64_t> guess
    rest = guess - <double> k
    if SURE < rest < 1.0 - SURE:
        return k
    k += (<double>(k + 1) * numerator + base) / denominator <= x
    k -= (<double>k * numerator + base) / denominator > x
    return k


def lat_long_ids(
    const double[:, ::1] points, const double[:, ::1] widths, const int64_t[:, ::1] shapes, bint main_effects,
    id_t[:, ::1] ids
):
    """Fill `ids` with the column ids of each point, ascending in every row.

    Parameters
    ----------
    points : (n, 2) float64, in
        Latitude and longitude in degrees.
    widths : (n_levels, 3) float64, in
        Numerator and denominator of each level's width in degrees, whole numbers, coarse to fine, and how often it goes
        into a degree, rounded once.
    shapes : (n_levels, 3) int64, in
        Number of latitude buckets, number of longitude buckets and first column id of each level.
    main_effects : bool, in
        Whether latitude and longitude buckets of the finest level take the first columns.
    ids : (n, n_levels + 2 * main_effects) int32 or int64, out
        Complete on exit only when the return value is -1.

    Returns
    -------
    int
        First row with a latitude outside [-90, 90] or a longitude outside [-180, 360) or a NaN; -1 if none.

    Notes
    -----
    Cost: O(n * n_levels), two multiplications a level.
    """
    cdef Py_ssize_t n = points.shape[0], n_levels = widths.shape[0], first = 2 if main_effects else 0
    cdef Py_ssize_t i, level
    cdef int64_t row = 0, column = 0
    cdef double latitude, longitude, origin, numerator, denominator, per_degree
    with nogil:
        for i in range(n):
            latitude = points[i, 0]
            longitude = points[i, 1]
            if not (-90.0 <= latitude <= 90.0 and -180.0 <= longitude < 360.0):
                with gil:
                    return i
            origin = 180.0 if longitude >= 180.0 else -180.0
            for level in range(n_levels):
                numerator = widths[level, 0]
                denominator = widths[level, 1]
                per_degree = widths[level, 2]
                row = bucket(latitude, -90.0, numerator, denominator, per_degree)
                if row == shapes[level, 0]:  # the north pole closes the last band
                    row -= 1
                column = bucket(longitude, origin, numerator, denominator, per_degree)
                ids[i, first + level] = <id_t>(shapes[level, 2] + row * shapes[level, 1] + column)
            if main_effects:
                ids[i, 0] = <id_t>row
                ids[i, 1] = <id_t>(shapes[n_levels - 1, 0] + column)
    return -1


def mixed_radix_ids(
    const int64_t[:, ::1] codes, const int64_t[::1] sizes, const int64_t[::1] members, const int64_t[::1] member_ptr,
    const int64_t[::1] starts, id_t[::1] indptr, id_t[::1] indices
):
    """Write the id of each block's combination of category codes, row by row.

    Parameters
    ----------
    codes : (n_columns, n) int64, in
        Category code of each value, -1 where unknown: the blocks it takes part in then have no entry.
    sizes : (n_columns,) int64, in
        Number of categories of each column.
    members : (member_ptr[-1],) int64, in
        Columns of all blocks; block b has ``members[member_ptr[b]:member_ptr[b + 1]]``, most significant first.
    member_ptr : (n_blocks + 1,) int64, in
    starts : (n_blocks,) int64, in
        First id of each block, ascending; start + product of sizes fits in `id_t`.
    indptr : (n + 1,) int32 or int64, out
    indices : (n * n_blocks,) int32 or int64, out
        Filled up to ``indptr[n]``; ascending in every row.

    Notes
    -----
    Cost: O(n * len(members)).
    """
    cdef Py_ssize_t n = codes.shape[1], n_blocks = starts.shape[0]
    cdef Py_ssize_t i, b, m
    cdef int64_t code, value, used = 0
    with nogil:
        indptr[0] = 0
        for i in range(n):
            for b in range(n_blocks):
                value = 0
                code = 0
                for m in range(member_ptr[b], member_ptr[b + 1]):
                    code = codes[members[m], i]
                    if code < 0:
                        break
                    value = value * sizes[members[m]] + code
                if code >= 0:
                    indices[used] = <id_t>(starts[b] + value)
                    used += 1
            indptr[i + 1] = <id_t>used


def hashed_ids(
    const uint64_t[:, ::1] keys, const uint8_t[:, ::1] missing, const int64_t[::1] members,
    const int64_t[::1] member_ptr, const uint64_t[::1] seeds, int bits, id_t[::1] indptr, id_t[::1] indices,
    floating[::1] data
):
    """Write the hash of each block's combination of keys, ids sorted and collisions of one row added up.

    The id of a block is the top `bits` bits of h, where h starts as the block's seed and each member's key k
    turns it into ``mix(h ^ mix(k))``.

    Parameters
    ----------
    keys : (n_columns, n) uint64, in
        Stable 64-bit key of each value.
    missing : (n_columns, n) uint8, in
        1 where the value is missing: the blocks it takes part in then have no entry.
    members, member_ptr : int64, in
        Columns of each block, as in `mixed_radix_ids`.
    seeds : (n_blocks,) uint64, in
    bits : int, in
        1 to 62; 2**bits fits in `id_t`.
    indptr : (n + 1,) int32 or int64, out
    indices : (n * n_blocks,) int32 or int64, out
        Filled up to ``indptr[n]``; strictly ascending in every row.
    data : (n * n_blocks,) float32 or float64, out
        Number of blocks that share the id, filled up to ``indptr[n]``.

    Notes
    -----
    Cost: O(n * (len(members) + n_blocks**2)), by counting how many ids are below each: unlike insertion that has no
    branches to guess wrong.
    """
    cdef Py_ssize_t n = keys.shape[1], n_blocks = seeds.shape[0]
    cdef Py_ssize_t i, b, m, count
    cdef int64_t used = 0
    cdef uint64_t h
    cdef bint known
    cdef Py_ssize_t n_columns = keys.shape[0]
    # Of one row: ids, and the keys of its columns, each mixed once for all blocks.
    cdef id_t *row = <id_t *> malloc(n_blocks * sizeof(id_t))
    cdef uint64_t *mixed = <uint64_t *> malloc(n_columns * sizeof(uint64_t))
    if row == NULL or mixed == NULL:
        free(row)
        free(mixed)
        raise MemoryError
    with nogil:
        indptr[0] = 0
        for i in range(n):
            for m in range(n_columns):
                mixed[m] = mix(keys[m, i])
            count = 0
            for b in range(n_blocks):
                h = seeds[b]
                known = True
                for m in range(member_ptr[b], member_ptr[b + 1]):
                    if missing[members[m], i]:
                        known = False
                        break
                    h = mix(h ^ mixed[members[m]])
                row[count] = <id_t>(h >> (64 - bits))
                count += known
            used += write_row(row, count, &indices[used], &data[used])
            indptr[i + 1] = <id_t>used
    free(row)
    free(mixed)


cdef inline Py_ssize_t write_row(const id_t *row, Py_ssize_t count, id_t *ids, floating *data) noexcept nogil:
    """Write the ids of a row in ascending order, equal ones as one with their number; return how many were written."""
    cdef Py_ssize_t k, m, used = 0
    cdef id_t value, rank, repeats = 0
    for k in range(count):
        value = row[k]
        rank = 0
        for m in range(k):
            rank += row[m] <= value
            repeats += row[m] == value
        for m in range(k + 1, count):
            rank += row[m] < value
        ids[rank] = value
        data[k] = 1
    if repeats == 0:
        return count
    for k in range(1, count):
        if ids[k] == ids[used]:
            data[used] += 1
        else:
            used += 1
            ids[used] = ids[k]
            data[used] = 1
    return used + 1
