"""Passes over chosen columns: X'z, weighted moments and X w. Empty `data` stands for ones."""
from cython cimport floating

from sparsereg._core.sparse_ops cimport (
    axpy, dot, dot_ones, dot_run, is_run, squares_run, sum_run, values_from, weighted_squares_run
)
from sparsereg._core.types cimport index_t, offset_t

cdef extern from "four_columns.h":
    void sparsereg_dot_four_float(const float **value, const double *dense, offset_t n, double *out) noexcept nogil
    void sparsereg_dot_four_double(const double **value, const double *dense, offset_t n, double *out) noexcept nogil

cdef enum:
    # Columns shorter than this are as quick one by one.
    SHORTEST_OF_FOUR = 64

# Share of a column's square that its spread must be for their difference to keep thirteen digits.
cdef double VARIES = 1e-2


cdef inline bint _correlate_four(
    const floating *data, const index_t *indices, const offset_t *indptr, const index_t *columns, const double *z,
    double *out
) noexcept nogil:
    """Correlate four columns if they are runs of the same rows; say whether they are."""
    cdef const floating *value[4]
    cdef double four[4]
    cdef offset_t start = indptr[columns[0]], n = indptr[columns[0] + 1] - start
    cdef index_t first
    cdef int i
    if n < SHORTEST_OF_FOUR or data == NULL or not is_run(indices + start, n):
        return False
    first = indices[start]
    for i in range(4):
        start = indptr[columns[i]]
        if indptr[columns[i] + 1] - start != n or indices[start] != first or not is_run(indices + start, n):
            return False
        value[i] = data + start
    if floating is float:
        sparsereg_dot_four_float(value, z + first, n, four)
    else:
        sparsereg_dot_four_double(value, z + first, n, four)
    for i in range(4):
        out[columns[i]] = four[i]
    return True


def correlate(
    const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr,
    const index_t[::1] columns, const double[::1] z, double[::1] out
):
    """Correlate chosen columns with a vector.

    Arguments
    ---------
    data, indices, indptr : the compact columns (CSC), in
    columns : int32 (n_columns,), in
    z : float64 (n_rows,), in
    out : float64 (n_active,), X_j' z at j for each j in columns; the rest is left alone, out

    Cost: one pass over the columns.
    """
    cdef Py_ssize_t k = 0, n = columns.shape[0]
    cdef offset_t start
    cdef index_t j
    cdef const floating *values = &data[0] if data.shape[0] else NULL
    cdef const index_t *rows = &indices[0] if indices.shape[0] else NULL
    with nogil:
        while k < n:
            if k + 4 <= n and _correlate_four(values, rows, &indptr[0], &columns[k], &z[0], &out[0]):
                k += 4
                continue
            j = columns[k]
            start = indptr[j]
            out[j] = dot(values_from(values, start), rows + start, indptr[j + 1] - start, &z[0])
            k += 1


cdef double _sum_by_fours(const index_t *index, offset_t n, const double *weight) noexcept nogil:
    """Return sum_k weight[index[k]], the k-th in the (k mod 4)-th of four sums."""
    cdef double a = 0.0, b = 0.0, c = 0.0, d = 0.0
    cdef offset_t k = 0
    while k + 3 < n:
        a += weight[index[k]]
        b += weight[index[k + 1]]
        c += weight[index[k + 2]]
        d += weight[index[k + 3]]
        k += 4
    if k < n:
        a += weight[index[k]]
    if k + 1 < n:
        b += weight[index[k + 1]]
    if k + 2 < n:
        c += weight[index[k + 2]]
    return (a + b) + (c + d)


cdef void _sums(
    const floating *value, const index_t *index, offset_t n, const double *weight, bint uniform, Py_ssize_t n_rows,
    double *total, double *square
) noexcept nogil:
    """Sum up weight times value and weight times its square over a column, four sums of either side by side."""
    cdef double[4] sums
    cdef double[4] squares
    cdef double v, x = 1.0
    cdef offset_t k
    sums[0] = sums[1] = sums[2] = sums[3] = squares[0] = squares[1] = squares[2] = squares[3] = 0.0
    if n == n_rows and is_run(index, n):
        if value == NULL:
            total[0] = square[0] = weight[0] * n if uniform else dot_ones(index, n, weight)
        elif uniform:
            total[0], square[0] = weight[0] * sum_run(value, n), weight[0] * squares_run(value, n)
        else:
            total[0], square[0] = dot_run(value, n, weight), weighted_squares_run(value, n, weight)
        return
    if value == NULL and not uniform:
        total[0] = square[0] = _sum_by_fours(index, n, weight)
        return
    for k in range(n):
        v = weight[0] if uniform else weight[index[k]]
        if value != NULL:
            x = value[k]
        sums[k & 3] += v * x
        squares[k & 3] += v * x * x
    total[0] = (sums[0] + sums[1]) + (sums[2] + sums[3])
    square[0] = (squares[0] + squares[1]) + (squares[2] + squares[3])


cdef double _square_about(
    double mean, const floating *value, const index_t *index, offset_t n, const double *weight, bint uniform,
    double weight_sum, Py_ssize_t n_weighted
) noexcept nogil:
    """Return the weighted square of a column about its mean, taken entry by entry."""
    cdef double v, x = 1.0, covered = 0.0, total = 0.0
    cdef Py_ssize_t n_filled = 0
    cdef offset_t k
    for k in range(n):
        v = weight[0] if uniform else weight[index[k]]
        if value != NULL:
            x = value[k]
        n_filled += v > 0.0
        covered += v
        total += v * (x - mean) * (x - mean)
    # A column that is full where there is weight covers all of it; the difference would be rounding.
    return total + (max(weight_sum - covered, 0.0) * mean * mean if n_filled < n_weighted else 0.0)


def moments(
    const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr,
    const index_t[::1] columns, const double[::1] weight, double weight_sum, Py_ssize_t n_rows,
    double[::1] column_sum, double[::1] centred,
):
    """Sum up chosen columns under row weights.

    Arguments
    ---------
    data, indices, indptr : the compact columns (CSC), in
    columns : int32 (n_columns,), in
    weight : float64 (n_rows,), or (1,) where all rows weigh the same, in
    weight_sum : sum of the weights of all n_rows rows
    column_sum : float64 (n_columns,), sum_i weight_i x_ik, out
    centred : float64 (n_columns,), sum_i weight_i (x_ik - m_k)^2 about the weighted mean m_k, out; taken in a second
        pass where the column hardly varies and the difference of square and squared mean has lost digits

    Cost: one pass over the columns, two over those that hardly vary.
    """
    cdef Py_ssize_t i, k, n_weighted = -1
    cdef offset_t start
    cdef index_t j
    cdef bint uniform = weight.shape[0] == 1
    cdef double total, square, mean
    cdef const floating *values = &data[0] if data.shape[0] else NULL
    cdef const index_t *rows = &indices[0] if indices.shape[0] else NULL
    with nogil:
        for k in range(columns.shape[0]):
            j = columns[k]
            start = indptr[j]
            _sums(
                values_from(values, start), rows + start, indptr[j + 1] - start, &weight[0], uniform, n_rows, &total,
                &square
            )
            mean = total / weight_sum
            column_sum[k] = total
            centred[k] = square - total * mean
            if centred[k] <= VARIES * square:
                if n_weighted < 0:
                    n_weighted = n_rows if uniform else 0
                    for i in range(0 if uniform else n_rows):
                        n_weighted += weight[i] > 0.0
                centred[k] = _square_about(
                    mean, values_from(values, start), rows + start, indptr[j + 1] - start, &weight[0], uniform,
                    weight_sum, n_weighted
                )


def moments_of_rows(
    const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr,
    const index_t[::1] rows, const double[::1] weight, const double[::1] about,
    offset_t[::1] held, double[::1] column_sum, double[::1] square,
):
    """Add chosen rows to the sums of all columns.

    Arguments
    ---------
    data, indices, indptr : compact rows (CSR), in
    rows : int32 (n_chosen,), in
    weight : float64 (n_chosen,), in; a row of weight 0 does not count
    about : float64 (n_active,), in
    held : int64 (n_active,), entries of each column, in-out
    column_sum, square : float64 (n_active,), sum_i weight_i (x_ij - about_j) over its entries, and that of squares,
        in-out

    Cost: one pass over the rows.
    """
    cdef Py_ssize_t k
    cdef offset_t p
    cdef index_t j
    cdef double v, x
    with nogil:
        for k in range(rows.shape[0]):
            v = weight[k]
            if v == 0.0:
                continue
            for p in range(indptr[rows[k]], indptr[rows[k] + 1]):
                j = indices[p]
                x = data[p] - about[j]
                held[j] += 1
                column_sum[j] += v * x
                square[j] += v * x * x


def accumulate(
    const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr,
    const index_t[::1] columns, const double[::1] delta, double[::1] out,
):
    """Add X_j delta_k to a vector, for the k-th of chosen columns.

    Arguments
    ---------
    data, indices, indptr : the compact columns (CSC), in
    columns : int32 (n_columns,), in
    delta : float64 (n_columns,), in
    out : float64 (n_rows,), in-out

    Cost: one pass over the columns whose delta is not zero.
    """
    cdef Py_ssize_t k
    cdef offset_t start
    cdef const floating *values = &data[0] if data.shape[0] else NULL
    with nogil:
        for k in range(columns.shape[0]):
            if delta[k] != 0.0:
                start = indptr[columns[k]]
                axpy(delta[k], values_from(values, start), &indices[start], indptr[columns[k] + 1] - start, &out[0])
