"""Loss, gradient, curvature and conjugate: the sums over rows of objective, quadratic model and duality gap.

A row holds one or more terms, each with a target, a weight and an offset: its loss is the sum of theirs. Equal rows are
one row whose terms are the samples, or a single term with their mean where that says all.

A singleton column has one row, and that row has no other singleton column, so its coefficient u_i has a closed form
given the rest, or is the root of a monotone function. It is eliminated: the row's loss becomes
h_i(t) = min_u sum_k s_k loss(y_k, t + o_k + x_i u) + penalty(u), convex and smooth again.

Arguments common to the functions: `y`, `s`, `offset` targets, weights and offsets of the terms (float64 (n_terms,), in;
`offset` may be empty for none); `first` the first term of each row and the number of terms (int64 (n_rows + 1,), in;
empty where every row has one); `x` the singleton column's value in each row, 0 where there is none, or empty when no
row has one (float64, in); `factor`, `scale`, `lower`, `upper` the penalty of the singleton columns by row (float64, any
stride, in).
"""
from libc.math cimport INFINITY, fabs

from sparsereg._core.losses cimport Loss
from sparsereg._core.penalties cimport Penalty
from sparsereg._core.row_loss cimport Row, Terms, as_terms, minimize_singleton, row_at
from sparsereg._core.types cimport offset_t

# A value this close to its threshold (relative) counts as feasible: it is rounding, not infeasibility.
cdef double ROUNDING = 1e-12
# Rows are summed up in blocks: one long sum would lose the digits that tell two steps apart.
cdef Py_ssize_t BLOCK = 512


def linearize(
    Loss loss, Penalty penalty, const double[::1] y, const double[::1] s, const double[::1] offset,
    const offset_t[::1] first, const double[::1] eta,
    const double[::1] x, const double[:] factor, const double[:] scale, const double[:] lower, const double[:] upper,
    double floor, double[::1] z, double[::1] curvature, double[::1] weight, double[::1] u, double[::1] t,
):
    """Model sum_i h_i around the linear predictor `eta` (in).

    On exit `z` is minus the derivative of h_i, `curvature` its second derivative, and `weight` the same but at least
    `floor` times the curvature_scale of the row, and times the curvature of its loss alone (out). `u` holds the
    singleton coefficients, 0 where there is none, and `t` the linear predictors with them: of another eta on entry,
    which gives a guess, of this one on exit (in-out, both empty with x). Returns (sum_i h_i(eta_i), sum_i weight_i).
    Cost: one step a term, a few where a singleton coefficient has no closed form.
    """
    cdef Py_ssize_t i
    cdef bint singleton = x.shape[0] > 0
    cdef double total = 0.0, block = 0.0, weight_sum = 0.0, b, l1, ridge, share
    cdef Row row
    cdef Terms terms = as_terms(y, s, offset, first)
    with nogil:
        for i in range(eta.shape[0]):
            b = 0.0
            if singleton and x[i] != 0.0:
                ridge = penalty.ridge(factor[i]) * scale[i] * scale[i]
                l1 = penalty.threshold(factor[i]) * scale[i]
                if u[i] != 0.0:
                    # Without L2 the best predictor does not depend on eta.
                    u[i] = (t[i] - eta[i]) / x[i]
                row = minimize_singleton(loss, &terms, i, eta[i], x[i], l1, ridge, lower[i], upper[i], &u[i])
                b = u[i]
                t[i] = eta[i] + x[i] * b
            else:
                if singleton:
                    t[i] = eta[i]
                row = row_at(loss, &terms, i, eta[i])
            block += row.value
            curvature[i] = row.curvature
            weight[i] = max(row.curvature, floor * row.curvature_scale)
            z[i] = -row.derivative
            if b != 0.0:
                block += penalty.value(b * scale[i], factor[i], 1.0)
                if lower[i] < b < upper[i]:
                    share = ridge / (weight[i] * x[i] * x[i] + ridge)
                    curvature[i] *= share
                    weight[i] *= max(share, floor)
                    # What the root of a monotone function says to its last digit, so that the dual point is feasible.
                    z[i] = ((l1 if b > 0.0 else -l1) + ridge * b) / x[i]
            weight_sum += weight[i]
            if i % BLOCK == 0:
                total += block
                block = 0.0
    return total + block, weight_sum


def center_dual(
    Penalty penalty, const double[::1] z, const double[::1] curvature, const double[::1] weight, bint centre,
    const double[::1] x, const double[:] factor, const double[:] scale, const double[:] lower, const double[:] upper,
    double[::1] theta,
):
    """Write z, less its sum shared out by curvature, to theta (out): a dual point must be orthogonal to the intercept.

    A row at the edge of the domain of its conjugate has no curvature and stays there; where none has any, `weight`
    stands in. Without `centre` (no intercept) theta is z. Returns the largest c <= 1 with c theta feasible for the
    singleton columns. Cost: two steps a row.
    """
    cdef Py_ssize_t i
    cdef bint singleton = x.shape[0] > 0
    cdef const double[::1] spread = curvature
    cdef double share = 0.0, total = 0.0, g, limit, c = 1.0
    with nogil:
        if centre:
            for i in range(z.shape[0]):
                share += z[i]
                total += curvature[i]
            if total <= 0.0:
                total = 0.0
                spread = weight
                for i in range(z.shape[0]):
                    total += weight[i]
            share /= total
        for i in range(z.shape[0]):
            theta[i] = z[i] - share * spread[i]
            if singleton and x[i] != 0.0:
                g = theta[i] * x[i]
                limit = penalty.threshold(factor[i]) * scale[i]
                if c * fabs(g) > limit * (1.0 + ROUNDING) and penalty.ridge(factor[i]) == 0.0:
                    if (upper[i] if g > 0.0 else -lower[i]) == INFINITY:
                        c = limit / fabs(g)
    return c


cdef double _conjugate(Loss loss, const Terms *terms, Py_ssize_t i, double t, double z, double c) noexcept nogil:
    """Return a bound from above of the conjugate of row i's loss at -c z; exact where the row has one term.

    Any split of z over the terms gives a bound. Each gets minus its derivative at the predictor t, and what is left is
    shared out by curvature, which keeps terms at the edge of their domain where they are.
    """
    cdef Row row
    cdef Py_ssize_t k
    cdef double part, v, left, total = 0.0
    if terms.first == NULL:
        if terms.s[i] > 0.0:
            total = terms.s[i] * loss.conjugate(terms.y[i], -c * z / terms.s[i])
            if terms.offset != NULL:
                total += c * z * terms.offset[i]
        return total
    row = row_at(loss, terms, i, t)
    left = z + row.derivative
    for k in range(terms.first[i], terms.first[i + 1]):
        if terms.s[k] > 0.0:
            v = t if terms.offset == NULL else t + terms.offset[k]
            part = loss.curvature(terms.y[k], v) / row.curvature if row.curvature > 0.0 \
                else loss.curvature_scale(terms.y[k]) / row.curvature_scale
            part = left * part - loss.derivative(terms.y[k], v)
            total += terms.s[k] * loss.conjugate(terms.y[k], -c * part)
            total += c * part * terms.s[k] * (v - t)
    return total


def dual_sum(
    Loss loss, Penalty penalty, const double[::1] y, const double[::1] s, const double[::1] offset,
    const offset_t[::1] first, const double[::1] t, const double[::1] z, double c,
    const double[::1] x, const double[:] factor, const double[:] scale, const double[:] lower, const double[:] upper,
):
    """Return sum_i of the conjugate of h_i at the dual point c z (Fenchel: that of the loss plus that of the penalty).

    `t` is the linear predictor with singleton columns (float64 (n_rows,), in; read where rows have several terms).
    Cost: one step a term.
    """
    cdef Py_ssize_t i
    cdef bint singleton = x.shape[0] > 0
    cdef double g, total = 0.0
    cdef Terms terms = as_terms(y, s, offset, first)
    with nogil:
        for i in range(z.shape[0]):
            total += _conjugate(loss, &terms, i, t[i], z[i], c)
            if singleton and x[i] != 0.0:
                g = c * z[i] * x[i] / scale[i]
                if fabs(g) > penalty.threshold(factor[i]) * (1.0 + 2.0 * ROUNDING):
                    total += penalty.conjugate(g, factor[i], lower[i] * scale[i], upper[i] * scale[i])
    return total


def max_slopes(
    Loss loss, const double[::1] y, const double[::1] s, const offset_t[::1] first, double[::1] fall, double[::1] rise
):
    """Write how steeply the loss of each row can fall and rise to `fall` and `rise` (float64 (n_rows,), out).

    Cost: one step a term.
    """
    cdef Py_ssize_t i, k
    cdef Py_ssize_t n_rows = fall.shape[0]
    cdef bint single = first.shape[0] == 0
    with nogil:
        for i in range(n_rows):
            fall[i] = rise[i] = 0.0
            for k in range(i if single else first[i], i + 1 if single else first[i + 1]):
                if s[k] > 0.0:
                    fall[i] += s[k] * loss.max_descent_slope(y[k])
                    rise[i] += s[k] * loss.max_ascent_slope(y[k])
