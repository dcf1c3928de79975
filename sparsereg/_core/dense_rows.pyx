"""Dense rows: what their values are, which columns they fill, their hashes and the sums of their columns.

A value of 0 stands for an entry that is not there. Arguments common to the functions: `wide` and `narrow`, float64 and
float32 of shape (n_stored, n_columns), in any order of memory, in, are the values: one of them, the other has the shape
(0, 0). `order`, int32 of shape (n_rows,), in: the stored rows to go through, in turn; of length 0: all as they lie.
"""
from cython cimport floating
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from sparsereg._core.dense_rows cimport Matrix, matrix_of, row_of
from sparsereg._core.equal_rows cimport finished, mix
from sparsereg._core.types cimport index_t, offset_t

cdef enum:
    # Rows hashed side by side: the multiplications of one wait for each other.
    TOGETHER = 4


cdef inline void look_at(const floating *x, offset_t n, int64_t *found) noexcept nogil:
    """Count the zeros, the ones and what is no number among contiguous values."""
    cdef offset_t k
    # Counts as wide as values: compilers keep both in registers of one kind.
    cdef int64_t zeros = 0, ones = 0, beyond = 0
    cdef int narrow_zeros, narrow_ones, narrow_beyond
    if floating is double:
        for k in range(n):
            zeros += <int64_t> (x[k] == 0.0)
            beyond += <int64_t> (x[k] - x[k] != 0.0)
        if zeros > 0 or (n > 0 and x[0] == 1.0):
            for k in range(n):
                ones += <int64_t> (x[k] == 1.0)
    else:
        narrow_zeros = narrow_ones = narrow_beyond = 0
        for k in range(n):
            narrow_zeros += x[k] == 0.0
            narrow_ones += x[k] == 1.0
            narrow_beyond += x[k] - x[k] != 0.0
        zeros, ones, beyond = narrow_zeros, narrow_ones, narrow_beyond
    found[0] += zeros
    found[1] += ones
    found[2] += beyond


def look(const floating[:, :] values):
    """Look at dense values.

    Parameters
    ----------
    values : (n_rows, n_columns) float32 or float64, in any order of memory, in
        Less than 2**31 columns.

    Returns
    -------
    is_finite, n_nonzero, is_binary : bool, int, bool
        All are numbers; how many are not 0; those are all 1.

    Notes
    -----
    Cost: one pass, along the rows.
    """
    cdef offset_t i, k, n = values.shape[1], n_values = values.shape[0] * n
    cdef offset_t row_stride = values.strides[0], stride = values.strides[1]
    cdef const char *first = <const char *> &values[0, 0]
    cdef const char *start
    cdef int64_t found[3]
    found[0] = found[1] = found[2] = 0
    with nogil:
        for i in range(values.shape[0]):
            start = first + i * row_stride
            if stride == sizeof(floating):
                look_at(<const floating *> start, n, &found[0])
            else:
                for k in range(n):
                    look_at(<const floating *> (start + k * stride), 1, &found[0])
    return found[2] == 0, n_values - found[0], n_values == found[0] + found[1]


def mark(
    const double[:, :] wide, const float[:, :] narrow, const index_t[::1] order, const double[::1] weight,
    uint8_t[::1] filled
):
    """Mark the columns that hold something in rows with a weight.

    Parameters
    ----------
    wide, narrow, order
        See above.
    weight : (n_rows,) or (0,) float64, in
        Length 0: ones.
    filled : (n_columns,) uint8, in-out

    Notes
    -----
    Cost: one pass.
    """
    cdef Matrix matrix = matrix_of(wide, narrow, order)
    cdef offset_t i, k, n = matrix.n_columns
    cdef const double *x
    cdef double *room = <double *> malloc(n * sizeof(double))
    if room == NULL:
        raise MemoryError(f"a row of {n} entries")
    with nogil:
        for i in range(matrix.n_rows):
            if weight.shape[0] > 0 and not weight[i] > 0.0:
                continue
            x = row_of(&matrix, i, room)
            for k in range(n):
                filled[k] |= x[k] != 0.0
    free(room)


def hash_rows(
    const double[:, :] wide, const float[:, :] narrow, const index_t[::1] order, const index_t[::1] ids,
    uint64_t[::1] out
):
    """Hash each row as `equal_rows.hash_rows` does without its zeros.

    Parameters
    ----------
    wide, narrow, order
        See above; some value is neither 0 nor 1.
    ids : (n_columns,) int32, in
        Compact ids of the columns; any where a column is empty.
    out : (n_rows,) uint64, out

    Notes
    -----
    Cost: a pass, two multiplications a value.
    """
    cdef Matrix matrix = matrix_of(wide, narrow, order)
    cdef offset_t i = 0, j, k, n = matrix.n_columns, together
    cdef const double *x[TOGETHER]
    cdef uint64_t state[TOGETHER]
    cdef uint64_t bits
    cdef double *room = <double *> malloc(TOGETHER * n * sizeof(double))
    if room == NULL:
        raise MemoryError(f"{TOGETHER} rows of {n} entries")
    with nogil:
        while i < matrix.n_rows:
            together = min(matrix.n_rows - i, <offset_t> TOGETHER)
            for j in range(TOGETHER):
                # A last row stands in for those that are not there.
                x[j] = row_of(&matrix, i + min(j, together - 1), room + j * n)
                state[j] = 0
                for k in range(n):
                    state[j] += x[j][k] != 0.0
            for k in range(n):
                for j in range(TOGETHER):
                    if x[j][k] != 0.0:
                        memcpy(&bits, &x[j][k], sizeof(double))
                        state[j] = mix(mix(state[j], <uint64_t> ids[k]), bits)
            for j in range(together):
                out[i + j] = finished(state[j])
            i += together
    free(room)


def moments(
    const double[:, :] wide, const float[:, :] narrow, const index_t[::1] order, const double[::1] weight,
    const double[::1] about, int64_t[::1] held, double[::1] column_sum, double[::1] square
):
    """Add rows to the sums of all columns, as `columns.moments_of_rows` does with sparse ones.

    Parameters
    ----------
    wide, narrow, order
        See above.
    weight : (n_rows,) float64, in
        A row of weight 0 does not count.
    about : (n_columns,) float64, in
    held : (n_columns,) int64, in-out
        Entries of each column.
    column_sum, square : (n_columns,) float64, in-out
        Of columns without zeros sum_i weight_i (x_ij - about_j), and of squares; of others whatever comes.

    Notes
    -----
    Cost: a pass.
    """
    cdef Matrix matrix = matrix_of(wide, narrow, order)
    cdef offset_t i, k, n = matrix.n_columns
    cdef const double *x
    cdef double v, moved
    cdef double *room = <double *> malloc(n * sizeof(double))
    if room == NULL:
        raise MemoryError(f"a row of {n} entries")
    with nogil:
        for i in range(matrix.n_rows):
            v = weight[i]
            if v == 0.0:
                continue
            x = row_of(&matrix, i, room)
            for k in range(n):
                moved = x[k] - about[k]
                held[k] += x[k] != 0.0
                column_sum[k] += v * moved
                square[k] += v * moved * moved
    free(room)
