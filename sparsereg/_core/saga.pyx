"""Sparse proximal SAGA: steps on one row at a time, corrected by a table of the derivatives of all rows."""
from cpython.exc cimport PyErr_CheckSignals
from cython cimport floating

from sparsereg._core.losses cimport Loss
from sparsereg._core.penalties cimport Penalty
from sparsereg._core.sparse_ops cimport dot, dot_ones
from sparsereg._core.row_loss cimport Terms, as_terms, minimize_singleton, row_at
from sparsereg._core.types cimport index_t, offset_t
from sparsereg._core.intrinsics cimport prefetch

# Non-zeros touched between two checks of pending signals: about 50 ms of work.
cdef offset_t WORK_BETWEEN_SIGNALS = 1_000_000
# Rows come up in no order: memory is asked for what belongs to one so many visits ahead, for its entries half as many.
cdef Py_ssize_t AHEAD = 16


cdef struct Rows:
    # What belongs to each row, as plain pointers.
    const index_t *indices
    const offset_t *indptr
    const double *chance
    double *slope
    const double *x  # NULL for no singleton columns
    double *u
    Terms terms


cdef struct Columns:
    # The state of each column, as plain pointers.
    double *w
    double *gradient
    const double *spread
    const double *factor
    const double *scale
    const double *lower
    const double *upper
    bint shared  # one penalty for all columns


cdef inline offset_t _ask_for_row(
    const Rows *r, const floating *value, const index_t *order, Py_ssize_t k, Py_ssize_t n
) noexcept nogil:
    """Ask for what the coming visits need; return how many entries one of them has, near enough that of visit k.

    GCC takes a function that does nothing but ask for one without effect, and drops it.
    """
    cdef index_t i = order[k]
    if k + AHEAD < n:
        i = order[k + AHEAD]
        prefetch(&r.indptr[i])
        prefetch(&r.slope[i])
        prefetch(&r.chance[i])
        # No row has its terms before those of as many rows.
        prefetch(&r.terms.y[i])
        prefetch(&r.terms.s[i])
        if r.x != NULL:
            prefetch(&r.x[i])
            prefetch(&r.u[i])
        i = order[k + AHEAD // 2]
        prefetch(&r.indices[r.indptr[i]])
        if value != NULL:
            prefetch(&value[r.indptr[i]])
    return r.indptr[i + 1] - r.indptr[i]


cdef inline double _singleton_derivative(
    Loss loss, Penalty penalty, const Rows *r, Py_ssize_t i, double t,
    double factor, double scale, double lower, double upper
) noexcept nogil:
    """Minimise over the singleton coefficient of row i at t; return the derivative there."""
    cdef double l1 = penalty.threshold(factor) * scale, ridge = penalty.ridge(factor) * scale * scale
    return minimize_singleton(loss, &r.terms, i, t, r.x[i], l1, ridge, lower, upper, &r.u[i]).derivative


cdef inline void _step(
    const Columns *c, Penalty penalty, const floating *value, const index_t *index, offset_t n,
    double jump, double change, double size
) noexcept nogil:
    """Move the columns of a row along -(jump x + spread * gradient); add change * x to the gradient."""
    cdef offset_t k
    cdef index_t j
    cdef Py_ssize_t r
    cdef double x, step, scale, new
    for k in range(n):
        j = index[k]
        x = 1.0 if value == NULL else value[k]
        r = 0 if c.shared else j
        step, scale = size * c.spread[j], c.scale[r]
        new = c.w[j] - size * jump * x - step * c.gradient[j]
        new = penalty.prox(scale * new, step * scale * scale, c.factor[r], 1.0) / scale
        if new < c.lower[r]:
            new = c.lower[r]
        elif new > c.upper[r]:
            new = c.upper[r]
        c.w[j] = new + 0.0  # no -0.0
        c.gradient[j] += change * x


def sweep(
    Loss loss, Penalty penalty,
    const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr,
    const index_t[::1] order, const double[::1] chance, double size,
    const double[::1] y, const double[::1] s, const double[::1] offset, const offset_t[::1] first,
    const double[::1] x, const double[:] x_factor, const double[:] x_scale, const double[:] x_lower,
    const double[:] x_upper, double[::1] u,
    const double[::1] spread, const double[::1] factor, const double[::1] scale, const double[::1] lower,
    const double[::1] upper,
    double[::1] w, double b, bint fit_intercept, double[::1] slope, double[::1] gradient,
):
    """Step towards the minimum of sum_i h_i(X_i w + b) + sum_j p_j penalty(scale_j w_j), h_i as in row_objective.

    Arguments
    ---------
    data, indices, indptr : compact rows (CSR), `data` empty where every value is 1, in
    order : int32, rows to visit, drawn with probabilities `chance`, in
    chance : float64 (n_rows,), of sum one; above 0 for every row that is visited, in
    size : the step, about 1 / L with L the largest lipschitz_i (X_i X_i' + 1) / chance_i
    y, s, offset, first : the terms of the rows, as in row_objective, in
    x, x_factor, x_scale, x_lower, x_upper : the singleton columns by row, as in row_objective, in
    u : float64 (n_rows,), singleton coefficients where the rows were last visited, or empty with x, in-out
    spread : float64 (n_columns,), 1 / sum of `chance` over the rows that hold the column, in
    factor, scale, lower, upper : float64 (n_columns,), or (1,) where one is for all, in
    w : float64 (n_columns,), in-out
    b : the intercept, which stays as it is without `fit_intercept`
    slope : float64 (n_rows,), derivative of h_i where row i was last visited, in-out
    gradient : float64 (n_columns,), in-out

    Invariant
    ---------
    gradient == X' slope on entry and exit.

    Returns
    -------
    b

    A visit moves what the row holds, along an estimate of the gradient whose expectation is exact and whose variance
    vanishes at the minimum. Cost of a sweep: twice the non-zeros of the rows visited. Raises KeyboardInterrupt.
    Source: Defazio, Bach, Lacoste-Julien 2014; Pedregosa, Leblond, Lacoste-Julien 2017, algorithm 1; rows drawn by
    their share of the curvature_scale: Schmidt et al. 2015.
    """
    cdef Py_ssize_t i, k = 0, n = order.shape[0]
    cdef offset_t start, length, work
    cdef double t, new, change, total = 0.0
    cdef const floating *values = &data[0] if data.shape[0] else NULL
    cdef const floating *row = NULL
    cdef Columns c
    cdef Rows r
    r.indices, r.indptr = &indices[0] if indices.shape[0] else NULL, &indptr[0]
    r.chance, r.slope, r.terms = &chance[0], &slope[0], as_terms(y, s, offset, first)
    r.x, r.u = &x[0] if x.shape[0] else NULL, &u[0] if x.shape[0] else NULL
    c.shared = factor.shape[0] == 1
    if w.shape[0] > 0:
        c.w, c.gradient, c.spread = &w[0], &gradient[0], &spread[0]
        c.factor, c.scale, c.lower, c.upper = &factor[0], &scale[0], &lower[0], &upper[0]
    for i in range(slope.shape[0]):
        total += slope[i]
    while k < n:
        work = 0
        with nogil:
            while k < n and work < WORK_BETWEEN_SIGNALS:
                work += 1 + _ask_for_row(&r, values, &order[0], k, n)
                i = order[k]
                start, length = indptr[i], indptr[i + 1] - indptr[i]
                if values == NULL:
                    t = b + dot_ones(r.indices + start, length, c.w)
                else:
                    row = values + start
                    t = b + dot(row, r.indices + start, length, c.w)
                if r.x == NULL or r.x[i] == 0.0:
                    new = row_at(loss, &r.terms, i, t).derivative
                else:
                    new = _singleton_derivative(
                        loss, penalty, &r, i, t, x_factor[i], x_scale[i], x_lower[i], x_upper[i]
                    )
                change = new - slope[i]
                slope[i] = new
                _step(&c, penalty, row, r.indices + start, length, change / chance[i], change, size)
                if fit_intercept:
                    b -= size * (change / chance[i] + total)
                    total += change
                k += 1
        PyErr_CheckSignals()
    return b
