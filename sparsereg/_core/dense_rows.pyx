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

cdef extern from "dense_look.h":
    bint sparsereg_count_float(const float *value, int64_t n, int64_t *zeros, int64_t *ones) noexcept nogil
    bint sparsereg_count_double(const double *value, int64_t n, int64_t *zeros, int64_t *ones) noexcept nogil

cdef enum:
    # Rows hashed side by side: the multiplications of one wait for each other.
    TOGETHER = 4


cdef inline bint look_at(const floating *x, offset_t n, int64_t *zeros, int64_t *ones) noexcept nogil:
    """Count the zeros and the ones among contiguous values; tell whether some is no number."""
    if floating is double:
        return sparsereg_count_double(x, n, zeros, ones)
    else:
        return sparsereg_count_float(x, n, zeros, ones)


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
    cdef int64_t zeros = 0, ones = 0
    cdef bint beyond = False
    with nogil:
        for i in range(values.shape[0]):
            start = first + i * row_stride
            if stride == sizeof(floating):
                beyond |= look_at(<const floating *> start, n, &zeros, &ones)
            else:
                for k in range(n):
                    beyond |= look_at(<const floating *> (start + k * stride), 1, &zeros, &ones)
    return not beyond, n_values - zeros, n_values == zeros + ones


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
    cdef int64_t zeros, n_zeros, ones = 0
    cdef double *room = <double *> malloc(TOGETHER * n * sizeof(double))
    if room == NULL:
        raise MemoryError(f"{TOGETHER} rows of {n} entries")
    with nogil:
        while i < matrix.n_rows:
            together = min(matrix.n_rows - i, <offset_t> TOGETHER)
            n_zeros = 0
            for j in range(TOGETHER):
                # A last row stands in for those that are not there.
                x[j] = row_of(&matrix, i + min(j, together - 1), room + j * n)
                zeros = 0
                sparsereg_count_double(x[j], n, &zeros, &ones)
                state[j] = n - zeros
                n_zeros += zeros
            for k in range(n):
                for j in range(TOGETHER):
                    if n_zeros == 0 or x[j][k] != 0.0:
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
