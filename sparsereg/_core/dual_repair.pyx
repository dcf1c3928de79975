"""Repair of a dual point: one-sided projections on the constraints that it violates, in turn."""
from cpython.exc cimport PyErr_CheckSignals
from cython cimport floating

from sparsereg._core.sparse_ops cimport axpy, axpy_weighted, dot, values_from
from sparsereg._core.types cimport index_t, offset_t

# Non-zeros touched between two checks of pending signals: about 50 ms of work.
cdef offset_t WORK_BETWEEN_SIGNALS = 30_000_000


def project(
    const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr, const index_t[::1] columns,
    const double[::1] weight, double weight_sum, const double[::1] curvature, const double[::1] column_sum,
    const double[::1] lowest, const double[::1] highest, const double[::1] ridge, double tol, int max_sweeps,
    double[::1] theta,
):
    """Bring lowest_k <= X_k' theta <= highest_k about, nearly, by a short way in the metric of 1 / weight.

    Each sweep goes through the columns and projects theta on every constraint that it violates; columns within theirs
    are not moved. Where a violation has a price only, excess^2 / (2 ridge), the step is what the price is worth.

    Arguments
    ---------
    data, indices, indptr : the compact columns (CSC), in
    columns : int32 (n_columns,), in
    weight : float64 (n_rows,), 0 or more, or (1,) where all rows weigh the same, in
    weight_sum : sum of the row weights, or 0 for a model without intercept
    curvature : float64 (n_columns,), sum_i weight_i x_ik^2, centred where there is an intercept, in
    column_sum : float64 (n_columns,), sum_i weight_i x_ik, in
    lowest, highest : float64 (n_columns,), -inf and inf where that side is free, in
    ridge : float64 (n_columns,), 0 or more, in
    tol : stop after a sweep that met no violation above this, relative to the constraint's size
    max_sweeps : stop after this many sweeps
    theta : float64 (n_rows,), of sum zero where there is an intercept, in-out

    Invariant
    ---------
    sum(theta) == 0 with an intercept, on entry and exit; in between what keeps it there is a scalar, `shift`.

    Returns
    -------
    sweeps

    Cost of a sweep: the non-zeros of the columns, twice for those that are violated. Raises KeyboardInterrupt.
    Source: Hildreth 1957, without the steps back; cyclic projections (Bregman 1967).
    """
    cdef Py_ssize_t i, k, n = columns.shape[0]
    cdef bint uniform = weight.shape[0] == 1
    cdef int sweeps = 0
    cdef offset_t start, length, work = 0
    cdef double v, excess, size, step, shift = 0.0, worst
    cdef const floating *values = &data[0] if data.shape[0] else NULL
    cdef const index_t *rows = &indices[0] if indices.shape[0] else NULL
    while n > 0 and sweeps < max_sweeps:
        worst = 0.0
        with nogil:
            for k in range(n):
                if curvature[k] <= 0.0:
                    continue
                start = indptr[columns[k]]
                length = indptr[columns[k] + 1] - start
                v = dot(values_from(values, start), rows + start, length, &theta[0]) - shift * column_sum[k]
                work += length
                if v > highest[k]:
                    excess, size = v - highest[k], highest[k]
                elif v < lowest[k]:
                    excess, size = v - lowest[k], -lowest[k]
                else:
                    continue
                step = excess / (curvature[k] + ridge[k])
                if uniform:
                    axpy(-step * weight[0], values_from(values, start), rows + start, length, &theta[0])
                else:
                    axpy_weighted(-step, values_from(values, start), rows + start, length, &weight[0], &theta[0])
                if weight_sum > 0.0:
                    shift -= step * column_sum[k] / weight_sum
                # Where a violation has a price, only what the step leaves of that to gain counts.
                worst = max(worst, abs(step) * curvature[k] / size if size > 0.0 else 1.0)
            sweeps += 1
        if worst <= tol:
            break
        if work > WORK_BETWEEN_SIGNALS:
            PyErr_CheckSignals()
            work = 0
    with nogil:
        for i in range(theta.shape[0]):
            theta[i] -= shift * weight[0 if uniform else i]
    return sweeps
