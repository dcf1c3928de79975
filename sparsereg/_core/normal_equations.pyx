"""The normal equations of chosen columns, centred and with a ridge: conjugate gradients, and the matrix itself."""
import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from cython cimport floating
from libc.string cimport memset

from sparsereg._core.sparse_ops cimport axpy, axpy_weighted, dot, values_from
from sparsereg._core.types cimport index_t, offset_t

# Non-zeros touched between two checks of pending signals: about 50 ms of work.
cdef offset_t WORK_BETWEEN_SIGNALS = 30_000_000


cdef struct Columns:
    # The chosen columns under the weights of the rows, as plain pointers; `mean` and `diagonal` follow the choice.
    const index_t *indices
    const offset_t *indptr
    const index_t *columns
    Py_ssize_t n_columns
    const double *mean
    const double *diagonal
    const double *weight
    bint uniform
    Py_ssize_t n_rows
    double *row


cdef double _weigh(const Columns *c, double mean) noexcept nogil:
    """Take the mean off the row and weigh it; return its sum."""
    cdef Py_ssize_t i
    cdef double total = 0.0
    for i in range(c.n_rows):
        c.row[i] = (c.row[i] - mean) * c.weight[0 if c.uniform else i]
        total += c.row[i]
    return total


cdef double _apply(const Columns *c, const floating *data, const double *p, double *out) noexcept nogil:
    """Write (X' W X - mean mean' sum(W) + diagonal) p to `out`; return p' out."""
    cdef Py_ssize_t k
    cdef offset_t start
    cdef double mean = 0.0, total, curvature = 0.0
    memset(c.row, 0, c.n_rows * sizeof(double))
    for k in range(c.n_columns):
        start = c.indptr[c.columns[k]]
        mean += c.mean[k] * p[k]
        axpy(p[k], values_from(data, start), c.indices + start, c.indptr[c.columns[k] + 1] - start, c.row)
    total = _weigh(c, mean)
    for k in range(c.n_columns):
        start = c.indptr[c.columns[k]]
        out[k] = dot(values_from(data, start), c.indices + start, c.indptr[c.columns[k] + 1] - start, c.row)
        out[k] += c.diagonal[k] * p[k] - c.mean[k] * total
        curvature += p[k] * out[k]
    return curvature


cdef double _advance(
    Py_ssize_t n, double step, const double *p, const double *out, const double *size, double *delta, double *residual
) noexcept nogil:
    """Take a step along p; return the squared norm of the residual, in units of the preconditioner."""
    cdef Py_ssize_t k
    cdef double norm = 0.0
    for k in range(n):
        delta[k] += step * p[k]
        residual[k] -= step * out[k]
        norm += residual[k] * residual[k] / size[k]
    return norm


def conjugate_gradients(
    const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr, const index_t[::1] columns,
    const double[::1] mean, const double[::1] weight, Py_ssize_t n_rows, const double[::1] diagonal,
    const double[::1] size, const double[::1] gradient, double tol, int max_steps, double[::1] delta,
):
    """Solve (X' W X - mean mean' sum(W) + diagonal) delta = gradient, roughly, on chosen columns.

    Arguments
    ---------
    data, indices, indptr : the compact columns (CSC), in
    columns : int32 (n_columns,), in
    mean : float64 (n_columns,), weighted means of the columns, or 0 for a model without intercept, in
    weight : float64 (n_rows,), 0 or more, or (1,) where all n_rows rows weigh the same, in
    diagonal : float64 (n_columns,), 0 or more, in
    size : float64 (n_columns,), diagonal of the whole matrix, the preconditioner, > 0, in
    gradient : float64 (n_columns,), in
    tol : stop where the residual, in units of the preconditioner, is this share of the gradient
    max_steps : stop after this many steps
    delta : float64 (n_columns,), out

    Invariant
    ---------
    Every step lowers delta' A delta / 2 - gradient' delta, A the matrix: from 0 it only falls.

    Returns
    -------
    steps

    Cost of a step: twice the non-zeros of the columns, and the rows. Raises KeyboardInterrupt.
    Source: Hestenes and Stiefel 1952, with Jacobi's preconditioner.
    """
    cdef Py_ssize_t k, n = columns.shape[0]
    cdef int steps = 0
    cdef offset_t work = 0, cost = n_rows + n
    cdef double first, norm = 0.0, curvature, ratio
    cdef double[::1] row = np.empty(max(n_rows, 1))
    cdef double[:, ::1] vectors = np.empty((3, max(n, 1)))
    cdef double *residual = &vectors[0, 0]
    cdef double *p = &vectors[1, 0]
    cdef double *out = &vectors[2, 0]
    cdef const floating *values = &data[0] if data.shape[0] else NULL
    cdef Columns c
    if n == 0:
        return 0
    c.indices, c.indptr, c.columns, c.n_columns = &indices[0], &indptr[0], &columns[0], n
    c.mean, c.diagonal, c.weight, c.uniform = &mean[0], &diagonal[0], &weight[0], weight.shape[0] == 1
    c.n_rows, c.row = n_rows, &row[0]
    for k in range(n):
        cost += 2 * (indptr[columns[k] + 1] - indptr[columns[k]])
        delta[k] = 0.0
        residual[k] = gradient[k]
        p[k] = gradient[k] / size[k]
        norm += gradient[k] * p[k]
    first = norm
    while steps < max_steps and norm > tol * tol * first:
        with nogil:
            curvature = _apply(&c, values, p, out)
            steps += 1
            work += cost
            if not curvature > 0.0:
                break
            ratio = norm
            norm = _advance(n, norm / curvature, p, out, &size[0], &delta[0], residual)
            ratio = norm / ratio
            for k in range(n):
                p[k] = residual[k] / size[k] + ratio * p[k]
        if work > WORK_BETWEEN_SIGNALS:
            PyErr_CheckSignals()
            work = 0
    return steps


def gram(
    const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr, const index_t[::1] columns,
    const double[::1] mean, const double[::1] weight, Py_ssize_t n_rows, double[:, ::1] out,
):
    """Write X' W X - mean mean' sum(W) of chosen columns to `out`.

    Arguments
    ---------
    data, indices, indptr : the compact columns (CSC), in
    columns : int32 (n_columns,), in
    mean : float64 (n_columns,), weighted means of the columns, or 0 for a model without intercept, in
    weight : float64 (n_rows,), 0 or more, or (1,) where all n_rows rows weigh the same, in
    out : float64 (n_columns, n_columns), out

    Cost: for each column, the rows and the non-zeros of the columns after it. Raises KeyboardInterrupt.
    """
    cdef Py_ssize_t i, k, other, n = columns.shape[0]
    cdef offset_t start, size, work = 0
    cdef bint uniform = weight.shape[0] == 1
    cdef double total
    cdef double[::1] row = np.empty(max(n_rows, 1))
    cdef const floating *values = &data[0] if data.shape[0] else NULL
    cdef const index_t *rows = &indices[0] if indices.shape[0] else NULL
    for k in range(n):
        with nogil:
            start = indptr[columns[k]]
            work += n_rows
            total = 0.0
            for i in range(n_rows):
                row[i] = -mean[k] * weight[0 if uniform else i]
            if uniform:
                axpy(weight[0], values_from(values, start), rows + start, indptr[columns[k] + 1] - start, &row[0])
            else:
                axpy_weighted(
                    1.0, values_from(values, start), rows + start, indptr[columns[k] + 1] - start, &weight[0], &row[0]
                )
            for i in range(n_rows):
                total += row[i]
            for other in range(k, n):
                start = indptr[columns[other]]
                size = indptr[columns[other] + 1] - start
                work += size
                out[k, other] = dot(values_from(values, start), rows + start, size, &row[0])
                out[k, other] -= mean[other] * total
                out[other, k] = out[k, other]
        if work > WORK_BETWEEN_SIGNALS:
            PyErr_CheckSignals()
            work = 0
