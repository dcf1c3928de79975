"""Row passes: the quadratic model of the loss at the current point, with private columns eliminated.

A private column has one row, and that row has no other private column, so its coefficient u_i has a closed form given
the rest: the row's loss becomes h_i(t) = min_u s_i loss(y_i, t + x_i u) + penalty(u), convex and smooth again.

Arguments common to the functions, all float64: `y`, `s` targets and weights of the rows (in); `x` the private column's
value in each row, 0 where there is none, or empty when no row has one (in); `factor`, `scale`, `lower`, `upper` the
penalty of the private columns by row (any stride, in).
"""
from libc.math cimport INFINITY, fabs

from sparsereg._core.losses cimport Loss
from sparsereg._core.penalties cimport Penalty

# A value this close to its threshold (relative) counts as feasible: it is rounding, not infeasibility.
cdef double ROUNDING = 1e-12


def linearise(
    Loss loss, Penalty penalty, const double[::1] y, const double[::1] s, const double[::1] eta,
    const double[::1] x, const double[:] factor, const double[:] scale, const double[:] lower, const double[:] upper,
    double floor, double[::1] z, double[::1] weight, double[::1] u,
):
    """Model sum_i h_i around the linear predictor `eta` (in).

    On exit `u` holds the private coefficients (0 where there is none), `z` minus the derivative of h_i and `weight`
    its second derivative, but at least floor * s_i * loss'' (all out). Returns (sum_i h_i(eta_i), sum_i weight_i).
    Cost: one step a row.
    """
    cdef Py_ssize_t i
    cdef double total = 0.0, weight_sum = 0.0, t, c, b, ridge, curvature
    with nogil:
        for i in range(y.shape[0]):
            t = eta[i]
            b = 0.0
            ridge = 0.0
            if x[i] != 0.0:
                ridge = penalty.ridge(factor[i]) * scale[i] * scale[i]
                b = loss.private(y[i], s[i], t, x[i], penalty.threshold(factor[i]) * scale[i], ridge)
                b = min(max(b, lower[i]), upper[i])
            u[i] = b
            if b == 0.0:
                curvature = s[i] * loss.curvature(y[i], t)
            else:
                t += x[i] * b
                total += penalty.value(b * scale[i], factor[i])
                c = s[i] * loss.curvature(y[i], t)
                curvature = c
                if lower[i] < b < upper[i]:
                    curvature = c * max(ridge / (c * x[i] * x[i] + ridge), floor)
            weight[i] = curvature
            weight_sum += curvature
            z[i] = -s[i] * loss.derivative(y[i], t)
            total += s[i] * loss.value(y[i], t)
    return total, weight_sum


def centre_dual(
    Penalty penalty, const double[::1] z, const double[::1] weight, double weight_sum,
    const double[::1] x, const double[:] factor, const double[:] scale, const double[:] lower, const double[:] upper,
    double[::1] theta,
):
    """Write z, less its sum shared out by weight, to theta (out): a dual point must be orthogonal to the intercept.

    With weight_sum 0 (no intercept) theta is z. Returns the largest c <= 1 with c theta feasible for the private
    columns. Cost: two steps a row.
    """
    cdef Py_ssize_t i
    cdef double share = 0.0, g, limit, c = 1.0
    with nogil:
        if weight_sum > 0.0:
            for i in range(z.shape[0]):
                share += z[i]
            share /= weight_sum
        for i in range(z.shape[0]):
            theta[i] = z[i] - share * weight[i]
            if x[i] != 0.0:
                g = theta[i] * x[i]
                limit = penalty.threshold(factor[i]) * scale[i]
                if c * fabs(g) > limit * (1.0 + ROUNDING) and penalty.ridge(factor[i]) == 0.0:
                    if (upper[i] if g > 0.0 else -lower[i]) == INFINITY:
                        c = limit / fabs(g)
    return c


def dual_sum(
    Loss loss, Penalty penalty, const double[::1] y, const double[:] s, const double[::1] z, double c,
    const double[::1] x, const double[:] factor, const double[:] scale, const double[:] lower, const double[:] upper,
):
    """Return sum_i of the conjugate of h_i at the dual point c z (Fenchel: that of the loss plus that of the penalty).

    Cost: one step a row.
    """
    cdef Py_ssize_t i
    cdef bint private = x.shape[0] > 0
    cdef double g, total = 0.0
    with nogil:
        for i in range(y.shape[0]):
            total += s[i] * loss.conjugate(y[i], -c * z[i] / s[i])
            if private and x[i] != 0.0:
                g = c * z[i] * x[i] / scale[i]
                if fabs(g) > penalty.threshold(factor[i]) * (1.0 + 2.0 * ROUNDING):
                    total += penalty.conjugate(g, factor[i], lower[i] * scale[i], upper[i] * scale[i])
    return total
