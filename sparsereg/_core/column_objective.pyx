"""Penalty value, KKT violation, conjugate and gap-safe screening: the sums over columns of objective and duality gap.

In every function `columns` are the columns to look at (int32, in); `v[j]` is X_j' z and `w[j]` the coefficient
(float64, length n_active, in); `factor`, `scale`, `lower`, `upper` describe each column's penalty
(float64, length n_active, any stride, in). The penalty acts on scale_j w_j; `threshold_scale[j]` is what penalties that
level off take for their `scale` (the same, or None for 1).
"""
from libc.math cimport INFINITY, fabs

from sparsereg._core.penalties cimport Penalty
from sparsereg._core.types cimport index_t

# A correlation this close to its threshold (relative) counts as feasible: it is rounding, not infeasibility.
cdef double ROUNDING = 1e-14


def penalty_value(
    Penalty penalty, const index_t[::1] columns, const double[::1] w, const double[:] factor, const double[:] scale,
    const double[:] threshold_scale=None,
):
    """Return sum_j p_j penalty(scale_j w_j). Cost: one step a column."""
    cdef Py_ssize_t k
    cdef index_t j
    cdef double total = 0.0
    with nogil:
        for k in range(columns.shape[0]):
            j = columns[k]
            if w[j] != 0.0:
                total += penalty.value(
                    scale[j] * w[j], factor[j], 1.0 if threshold_scale is None else threshold_scale[j]
                )
    return total


def inner_product(const index_t[::1] columns, const double[::1] v, const double[::1] w):
    """Return sum_j v_j w_j. Cost: one step a column, and no threads of BLAS woken."""
    cdef Py_ssize_t k
    cdef double total = 0.0
    with nogil:
        for k in range(columns.shape[0]):
            if w[columns[k]] != 0.0:
                total += v[columns[k]] * w[columns[k]]
    return total


def optimality_violation(
    Penalty penalty, const index_t[::1] columns, const double[::1] v, const double[::1] w,
    const double[:] factor, const double[:] scale, const double[:] lower, const double[:] upper,
    const double[:] threshold_scale=None,
):
    """Return the largest distance of v_j / scale_j from the subdifferential of penalty and bounds at w_j.

    Zero exactly at a solution (Karush-Kuhn-Tucker conditions). Cost: one step a column.
    """
    cdef Py_ssize_t k
    cdef index_t j
    cdef double g, distance, slope, worst = 0.0
    with nogil:
        for k in range(columns.shape[0]):
            j = columns[k]
            g = v[j] / scale[j]
            distance = penalty.subdiff_distance(
                scale[j] * w[j], g, factor[j], 1.0 if threshold_scale is None else threshold_scale[j]
            )
            if w[j] >= upper[j] or w[j] <= lower[j]:
                # At a bound the gradient may push outwards without end.
                slope = penalty.ridge(factor[j]) * w[j] * scale[j]
                if w[j] != 0.0:
                    slope += penalty.threshold(factor[j]) if w[j] > 0.0 else -penalty.threshold(factor[j])
                if (w[j] >= upper[j] and g >= slope) or (w[j] <= lower[j] and g <= slope):
                    distance = 0.0
            if distance > worst:
                worst = distance
    return worst


def fixpoint_distance(
    Penalty penalty, const index_t[::1] columns, const double[::1] v, const double[::1] w,
    const double[::1] curvature, const double[:] factor, const double[:] scale,
    const double[:] lower, const double[:] upper, double[::1] out, const double[:] threshold_scale=None,
):
    """Write to out[k] how far the loss along columns[k] moves its gradient when minimising over w_j alone.

    That is q_j |w_j - u| / scale_j, u the minimiser within the bounds and q_j = curvature[j] (float64, length n_active,
    in); in the units of v_j / scale_j. All are zero exactly where w is a minimum along every coordinate. Columns
    without curvature count as 0. Returns the largest. Cost: one step a column.
    Source: Bertrand et al. 2022, section 2 (fixed points of the prox as optimality conditions).
    """
    cdef Py_ssize_t k
    cdef index_t j
    cdef double q, step, new, worst = 0.0
    with nogil:
        for k in range(columns.shape[0]):
            j = columns[k]
            q = curvature[j]
            out[k] = 0.0
            if q <= 0.0:
                continue
            step = scale[j] * scale[j] / q
            new = scale[j] * (w[j] + v[j] / q)
            new = penalty.prox(new, step, factor[j], 1.0 if threshold_scale is None else threshold_scale[j]) / scale[j]
            new = min(max(new, lower[j]), upper[j])
            out[k] = q * fabs(w[j] - new) / scale[j]
            if out[k] > worst:
                worst = out[k]
    return worst


def feasible_scale(
    Penalty penalty, const index_t[::1] columns, const double[::1] v, const double[::1] w,
    const double[:] factor, const double[:] scale, const double[:] lower, const double[:] upper,
):
    """Return the largest c <= 1 with c |v_j - ridge_j w_j| below the threshold wherever w_j may grow without bound.

    At l1_ratio = 1 this makes c z dual feasible (El Ghaoui, Viallon, Rabbani 2012, section 2.1).
    Cost: one step a column.
    """
    cdef Py_ssize_t k
    cdef index_t j
    cdef double g, limit, c = 1.0
    with nogil:
        for k in range(columns.shape[0]):
            j = columns[k]
            g = v[j]
            if w[j] != 0.0:
                g -= penalty.ridge(factor[j]) * scale[j] * scale[j] * w[j]
            limit = penalty.threshold(factor[j]) * scale[j] * (1.0 + ROUNDING)
            if c * fabs(g) > limit and (upper[j] if g > 0.0 else -lower[j]) == INFINITY:
                c = limit / fabs(g)
    return c


def conjugate_sum(
    Penalty penalty, const index_t[::1] columns, const double[::1] v, double c,
    const double[:] factor, const double[:] scale, const double[:] lower, const double[:] upper,
):
    """Return the sum over columns of the conjugate of penalty plus bounds at c v_j; inf if c z is infeasible.

    Cost: one step a column.
    """
    cdef Py_ssize_t k
    cdef index_t j
    cdef double g, total = 0.0
    with nogil:
        for k in range(columns.shape[0]):
            j = columns[k]
            if c * fabs(v[j]) > penalty.threshold(factor[j]) * scale[j] * (1.0 + 2.0 * ROUNDING):
                g = c * v[j] / scale[j]
                total += penalty.conjugate(g, factor[j], lower[j] * scale[j], upper[j] * scale[j])
                if total == INFINITY:
                    break
    return total


def reachable(
    Penalty penalty, const index_t[::1] columns, const double[::1] v, const double[::1] w, const double[::1] norm,
    const double[:] factor, const double[:] scale, double c, double radius, index_t[::1] out,
):
    """Write to `out` the columns that are not zero or that some dual point within `radius` of c z can make so.

    `norm[j]` is the (centred) weighted norm of the column (float64, length n_active, in). With the radius of the
    gap-safe sphere (Ndiaye et al. 2017, theorem 6) the others are zero at the optimum; with c = 0 and the norm of z as
    radius this is Cauchy-Schwarz. Returns how many were written. Cost: one step a column.
    """
    cdef Py_ssize_t k, n = 0
    cdef index_t j
    cdef double bound
    with nogil:
        for k in range(columns.shape[0]):
            j = columns[k]
            bound = c * fabs(v[j]) + radius * norm[j]
            if w[j] != 0.0 or bound * (1.0 + ROUNDING) >= penalty.threshold(factor[j]) * scale[j]:
                out[n] = j
                n += 1
    return n


def candidates(
    Penalty penalty, const index_t[::1] columns, const double[::1] v, const double[::1] w,
    const double[:] factor, const double[:] scale, const double[:] lower, const double[:] upper,
    double share, index_t[::1] out,
):
    """Write to `out` the columns that are not zero or whose v_j, where free to move, reaches share * threshold.

    Returns (how many were written, how many of them are not zero). Cost: one step a column.
    """
    cdef Py_ssize_t k, n = 0, n_support = 0
    cdef index_t j
    with nogil:
        for k in range(columns.shape[0]):
            j = columns[k]
            if w[j] != 0.0:
                n_support += 1
            elif (upper[j] if v[j] > 0.0 else -lower[j]) <= 0.0:
                continue
            elif fabs(v[j]) < share * penalty.threshold(factor[j]) * scale[j]:
                continue
            out[n] = j
            n += 1
    return n, n_support
