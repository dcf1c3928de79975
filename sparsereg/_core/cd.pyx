"""Coordinate descent with Anderson extrapolation on a working set of columns."""
import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from cython cimport floating
from libc.math cimport INFINITY, fabs
from libc.string cimport memcpy

from sparsereg._core.anderson cimport HISTORY, MAX_EXTRAPOLATION, extrapolation_weights
from sparsereg._core.penalties cimport Penalty
from sparsereg._core.sparse_ops cimport axpy, axpy_weighted, dot, sum_run, values_from
from sparsereg._core.types cimport index_t, offset_t

# Non-zeros touched between two checks of pending signals: about 50 ms of work.
cdef offset_t WORK_BETWEEN_SIGNALS = 30_000_000
# An extrapolation must lower the objective by more than the rounding of the penalty (relative).
cdef double JUMP_GAIN = 1e-15


cdef struct Model:
    # The weighted least-squares model of `descend`, as plain pointers; per-column arrays follow the working set.
    const index_t *indices
    const offset_t *indptr
    const index_t *columns
    const double *weight
    bint uniform
    Py_ssize_t n_rows
    const double *curvature
    const double *column_sum
    const double *factor
    const double *scale
    const double *lower
    const double *upper
    const double *threshold_scale
    double weight_sum
    double *w
    double *z
    double shift


cdef inline double _threshold_scale(const Model *m, Py_ssize_t k) noexcept nogil:
    return 1.0 if m.threshold_scale == NULL else m.threshold_scale[k]


cdef inline void _add_column(Model *m, const floating *data, Py_ssize_t k, double delta) noexcept nogil:
    """Move coefficient k by delta and restore the invariant of z and shift."""
    cdef offset_t start = m.indptr[m.columns[k]]
    cdef offset_t n = m.indptr[m.columns[k] + 1] - start
    m.w[k] += delta
    if m.uniform:
        axpy(-delta * m.weight[0], values_from(data, start), m.indices + start, n, m.z)
    else:
        axpy_weighted(-delta, values_from(data, start), m.indices + start, n, m.weight, m.z)
    if m.weight_sum > 0.0:
        m.shift -= delta * m.column_sum[k] / m.weight_sum


cdef double _sweep(
    Model *m, const floating *data, Penalty penalty, const index_t *members, Py_ssize_t n_members
) noexcept nogil:
    """Minimise exactly over each member in turn; return the largest change of a scaled gradient entry."""
    cdef Py_ssize_t i, k
    cdef offset_t start, n
    cdef double q, scale, step, g, new, delta, violation, worst = 0.0
    for i in range(n_members):
        k = members[i]
        q = m.curvature[k]
        if q <= 0.0:
            continue
        start = m.indptr[m.columns[k]]
        n = m.indptr[m.columns[k] + 1] - start
        g = dot(values_from(data, start), m.indices + start, n, m.z) - m.shift * m.column_sum[k]
        scale = m.scale[k]
        step = scale * scale / q
        new = penalty.prox(scale * m.w[k] + g / scale * step, step, m.factor[k], _threshold_scale(m, k)) / scale
        if new < m.lower[k]:
            new = m.lower[k]
        elif new > m.upper[k]:
            new = m.upper[k]
        delta = new - m.w[k]
        if delta != 0.0:
            _add_column(m, data, k, delta)
            m.w[k] = new
            violation = q * fabs(delta) / scale
            if violation > worst:
                worst = violation
    return worst


cdef double _smooth_change(const Model *m, const double *saved, double shift) noexcept nogil:
    """Return the change of sum_i z_i^2 / (2 weight_i) from (saved, shift) to the present z and shift.

    Taken row by row: the sums may be far larger than their difference where some weights are next to nothing. Rows of
    weight 0 have no part in it.
    """
    cdef Py_ssize_t i
    cdef double before, after, weight, total = 0.0
    for i in range(m.n_rows):
        weight = m.weight[0 if m.uniform else i]
        if weight <= 0.0:
            continue
        after = m.z[i] - m.shift * weight
        before = saved[i] - shift * weight
        total += (after - before) * (after + before) / weight
    return 0.5 * total


cdef double _penalty_part(
    const Model *m, Penalty penalty, const index_t *members, Py_ssize_t n_members, const double *w
) noexcept nogil:
    cdef Py_ssize_t i, k
    cdef double total = 0.0
    for i in range(n_members):
        k = members[i]
        total += penalty.value(m.scale[k] * w[i], m.factor[k], _threshold_scale(m, k))
    return total


cdef void _move(
    Model *m, const floating *data, const index_t *members, Py_ssize_t n_members, const double *target
) noexcept nogil:
    cdef Py_ssize_t i, k
    for i in range(n_members):
        k = members[i]
        if target[i] != m.w[k]:
            _add_column(m, data, k, target[i] - m.w[k])
            m.w[k] = target[i]


cdef bint _jump(
    Model *m, const floating *data, Penalty penalty, const index_t *members, Py_ssize_t n_members,
    const double *last, const double *candidate, double *saved
) noexcept nogil:
    """Move the members from `last` to `candidate` if that lowers the objective; say whether it did.

    A refused move is undone from a copy of z (`saved`, n_rows): moving back would leave the rounding of a long way.
    """
    cdef double change, size, shift = m.shift
    cdef Py_ssize_t i
    memcpy(saved, m.z, m.n_rows * sizeof(double))
    size = _penalty_part(m, penalty, members, n_members, last)
    change = _penalty_part(m, penalty, members, n_members, candidate) - size
    _move(m, data, members, n_members, candidate)
    change += _smooth_change(m, saved, shift)
    if change < -JUMP_GAIN * size:
        return True
    memcpy(m.z, saved, m.n_rows * sizeof(double))
    m.shift = shift
    for i in range(n_members):
        m.w[members[i]] = last[i]
    return False


cdef bint _anderson(
    const Model *m, const index_t *members, Py_ssize_t n_members, const double *history, double *candidate
) noexcept nogil:
    """Write the Anderson extrapolation of the history to `candidate`, kept within the bounds."""
    cdef double weights[HISTORY]
    cdef double total
    cdef Py_ssize_t i, h, k
    if not extrapolation_weights(history, n_members, weights):
        return False
    for i in range(n_members):
        k = members[i]
        total = 0.0
        for h in range(HISTORY):
            total += weights[h] * history[(h + 1) * n_members + i]
        candidate[i] = min(max(total, m.lower[k]), m.upper[k])
    return True


cdef bint _drift(
    const Model *m, const index_t *members, Py_ssize_t n_members, const double *history, double *candidate
) noexcept nogil:
    """Write the point where the drift of the history first makes a member zero or meets a bound.

    Where the members are collinear only the penalty moves them, by the same small step in every sweep, all the way to
    that point; a sequence of equal steps has no limit for Anderson extrapolation to find.
    """
    cdef const double *last = history + HISTORY * n_members
    cdef double step, ratio, furthest = INFINITY
    cdef Py_ssize_t i, stop = -1
    for i in range(n_members):
        step = last[i] - history[i]
        if step == 0.0 or last[i] == 0.0:
            continue
        if last[i] * step < 0.0:
            ratio = -last[i] / step
        else:
            ratio = ((m.upper[members[i]] if step > 0.0 else m.lower[members[i]]) - last[i]) / step
        if ratio < furthest:
            furthest = ratio
            stop = i
    if stop < 0 or not 0.0 < furthest <= MAX_EXTRAPOLATION:
        return False
    for i in range(n_members):
        candidate[i] = last[i] + furthest * (last[i] - history[i]) if last[i] != 0.0 else 0.0
    step = last[stop] - history[stop]
    if last[stop] * step < 0.0:
        candidate[stop] = 0.0
    else:
        candidate[stop] = m.upper[members[stop]] if step > 0.0 else m.lower[members[stop]]
    return True


cdef void _extrapolate(
    Model *m, const floating *data, Penalty penalty, const index_t *members, Py_ssize_t n_members,
    const double *history, double *candidate, double *saved
) noexcept nogil:
    """Jump ahead of the sweeps where that lowers the objective: by Anderson's rule, else along the drift."""
    cdef const double *last = history + HISTORY * n_members
    if _anderson(m, members, n_members, history, candidate):
        if _jump(m, data, penalty, members, n_members, last, candidate, saved):
            return
    if _drift(m, members, n_members, history, candidate):
        _jump(m, data, penalty, members, n_members, last, candidate, saved)


cdef Py_ssize_t _support(const Model *m, Py_ssize_t n_columns, index_t *members) noexcept nogil:
    cdef Py_ssize_t k, n = 0
    for k in range(n_columns):
        if m.w[k] != 0.0:
            members[n] = <index_t>k
            n += 1
    return n


cdef offset_t _work(const Model *m, const index_t *members, Py_ssize_t n_members) noexcept nogil:
    cdef Py_ssize_t i
    cdef offset_t n = 0
    for i in range(n_members):
        n += m.indptr[m.columns[members[i]] + 1] - m.indptr[m.columns[members[i]]]
    return n + n_members


cdef void _save(const Model *m, const index_t *members, Py_ssize_t n_members, double *slot) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n_members):
        slot[i] = m.w[members[i]]


cdef int _sweep_support(
    Model *m, const floating *data, Penalty penalty, const index_t *members, Py_ssize_t n_members,
    double tol, int max_epochs, double *history, double *candidate, double *saved, offset_t *work
) except -1:
    """Sweep over the members, extrapolating every HISTORY sweeps, until one changes no gradient by more than tol."""
    cdef int epochs = 0, since = 0
    cdef double worst
    cdef offset_t cost = _work(m, members, n_members)
    _save(m, members, n_members, history)
    while epochs < max_epochs:
        with nogil:
            worst = _sweep(m, data, penalty, members, n_members)
            epochs += 1
            since += 1
            work[0] += cost
            _save(m, members, n_members, history + since * n_members)
            if since == HISTORY:
                if worst > tol:
                    _extrapolate(m, data, penalty, members, n_members, history, candidate, saved)
                    work[0] += 2 * cost
                _save(m, members, n_members, history)
                since = 0
        if worst <= tol:
            break
        _check_signals(work)
    return epochs


cdef int _check_signals(offset_t *work) except -1:
    """Let a pending Ctrl-C raise, once in a while."""
    if work[0] > WORK_BETWEEN_SIGNALS:
        PyErr_CheckSignals()
        work[0] = 0
    return 0


def descend(
    const floating[::1] data, const index_t[::1] indices, const offset_t[::1] indptr,
    const index_t[::1] columns, double[::1] w, double[::1] z, const double[::1] weight, double weight_sum,
    const double[::1] curvature, const double[::1] column_sum,
    const double[::1] factor, const double[::1] scale, const double[::1] lower, const double[::1] upper,
    Penalty penalty, double tol, int max_epochs, const double[::1] threshold_scale=None,
):
    """Minimise sum_i z_i^2 / (2 weight_i) + sum_k p_k penalty(scale_k w_k) over the working set and the intercept.

    Sweeps over the whole working set alternate with sweeps over its support, which Anderson extrapolation speeds up.

    Arguments
    ---------
    data, indices, indptr : the compact columns (CSC), `data` empty where every value is 1, in
    columns : int32 (n_columns,), the working set, in
    w : float64 (n_columns,), coefficients of the working set, in-out
    z : float64 (n_rows,), weight * (target - X w - b), in-out
    weight : float64 (n_rows,), 0 or more, or (1,) where all rows weigh the same, in
    weight_sum : sum of the row weights, or 0 for a model without intercept
    curvature : float64 (n_columns,), sum_i weight_i x_ik^2, centred where there is an intercept, in
    column_sum : float64 (n_columns,), sum_i weight_i x_ik, in
    factor, scale, lower, upper : float64 (n_columns,), the penalty of each column, in
    tol : stop after a sweep over the working set that changes no gradient X_k' z / scale_k by more than this
    max_epochs : stop after this many sweeps, whether over the working set or its support
    threshold_scale : float64 (n_columns,), the `scale` of penalties that level off; None: 1, in

    Invariant
    ---------
    z == weight * (target - X w - b) on entry and exit, sum(z) == 0 on exit with an intercept; in between the intercept
    is a scalar, `shift`, so that no step costs more than its column.

    Returns
    -------
    (sweeps, largest gradient change of the last sweep over the working set, change of b)

    Cost of a sweep: the non-zeros of its columns, twice for those that change. Raises KeyboardInterrupt.
    Source: Friedman, Hastie, Tibshirani 2010, section 2.2; Bertrand and Massias 2021.
    """
    cdef Py_ssize_t n_columns = columns.shape[0], n_rows = z.shape[0], n_members, i
    cdef int epochs = 0
    cdef offset_t work = 0
    cdef double worst = 0.0
    cdef index_t[::1] every = np.arange(n_columns, dtype=np.int32)
    cdef index_t[::1] members = np.empty(n_columns, dtype=np.int32)
    cdef double[::1] history = np.empty((HISTORY + 1) * n_columns)
    cdef double[::1] candidate = np.empty(n_columns)
    cdef double[::1] saved = np.empty(n_rows)
    cdef const floating *values = NULL
    cdef Model m
    m.indptr, m.weight, m.uniform, m.n_rows = &indptr[0], &weight[0], weight.shape[0] == 1, n_rows
    m.z, m.shift, m.weight_sum, m.threshold_scale = &z[0], 0.0, weight_sum, NULL
    if weight_sum > 0.0:
        m.shift = sum_run(&z[0], n_rows) / weight_sum
    if n_columns > 0:
        values = &data[0] if data.shape[0] else NULL
        m.indices, m.columns, m.w = &indices[0], &columns[0], &w[0]
        m.curvature, m.column_sum, m.factor, m.scale = &curvature[0], &column_sum[0], &factor[0], &scale[0]
        m.lower, m.upper = &lower[0], &upper[0]
        if threshold_scale is not None:
            m.threshold_scale = &threshold_scale[0]
    while n_columns > 0 and epochs < max_epochs:
        with nogil:
            worst = _sweep(&m, values, penalty, &every[0], n_columns)
            work += _work(&m, &every[0], n_columns)
        epochs += 1
        if worst <= tol:
            break
        _check_signals(&work)
        n_members = _support(&m, n_columns, &members[0])
        if n_members > 0:
            epochs += _sweep_support(
                &m, values, penalty, &members[0], n_members, max(0.5 * tol, 0.1 * worst), max_epochs - epochs,
                &history[0], &candidate[0], &saved[0], &work,
            )
    with nogil:
        for i in range(n_rows):
            z[i] -= m.shift * weight[0 if m.uniform else i]
    return epochs, worst, m.shift
