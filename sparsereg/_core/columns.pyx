"""Passes over chosen columns: X'z, weighted moments and X w."""
from cython cimport floating

from sparsereg._core.sparse_ops cimport axpy, dot, dot_run, is_run, squares_run, sum_run, weighted_squares_run
from sparsereg._core.types cimport index_t, offset_t

# Share of a column's square that its spread must be for their difference to keep thirteen digits.
cdef double VARIES = 1e-2


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
    cdef Py_ssize_t k, n = columns.shape[0]
    cdef offset_t start
    cdef index_t j
    cdef const floating *values = &data[0] if data.shape[0] else NULL
    cdef const index_t *rows = &indices[0] if indices.shape[0] else NULL
    with nogil:
        for k in range(n):
            j = columns[k]
            start = indptr[j]
            out[j] = dot(values + start, rows + start, indptr[j + 1] - start, &z[0])


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
    cdef Py_ssize_t i, k, n_filled, n_weighted = n_rows
    cdef offset_t p
    cdef index_t j
    cdef bint uniform = weight.shape[0] == 1
    cdef double total, square, covered, mean, v, x
    with nogil:
        if not uniform:
            n_weighted = 0
            for i in range(n_rows):
                n_weighted += weight[i] > 0.0
        for k in range(columns.shape[0]):
            j = columns[k]
            total = square = covered = 0.0
            n_filled = 0
            p = indptr[j]
            if indptr[j + 1] - p == n_rows and is_run(&indices[p], n_rows):
                n_filled = n_weighted
                if uniform:
                    total, square = weight[0] * sum_run(&data[p], n_rows), weight[0] * squares_run(&data[p], n_rows)
                else:
                    total = dot_run(&data[p], n_rows, &weight[0])
                    square = weighted_squares_run(&data[p], n_rows, &weight[0])
            else:
                for p in range(indptr[j], indptr[j + 1]):
                    v = weight[0] if uniform else weight[indices[p]]
                    n_filled += v > 0.0
                    covered += v
                    total += v * data[p]
                    square += v * data[p] * data[p]
            mean = total / weight_sum
            column_sum[k] = total
            centred[k] = square - total * mean
            if centred[k] > VARIES * square:
                continue
            # A column that is full where there is weight covers all of it; the difference would be rounding.
            total = max(weight_sum - covered, 0.0) * mean * mean if n_filled < n_weighted else 0.0
            for p in range(indptr[j], indptr[j + 1]):
                v = weight[0] if uniform else weight[indices[p]]
                x = data[p] - mean
                total += v * x * x
            centred[k] = total


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
    with nogil:
        for k in range(columns.shape[0]):
            if delta[k] != 0.0:
                start = indptr[columns[k]]
                axpy(delta[k], &data[start], &indices[start], indptr[columns[k] + 1] - start, &out[0])
