# Value, derivative and curvature of the loss of one row, a sum over terms, each with a target, a weight and an offset;
# and its minimum over the coefficient of the row's singleton column. row_objective.pyx says what these are.
from libc.math cimport INFINITY, fabs, fmax, fmin

from sparsereg._core.losses cimport Loss
from sparsereg._core.types cimport offset_t

cdef enum:
    # Bisection on a singleton coefficient needs no more.
    MAX_STEPS = 200


cdef struct Terms:
    const double *y
    const double *s
    const double *offset  # NULL for none
    const offset_t *first  # NULL where every row has one term


cdef struct Row:
    double value
    double derivative
    double curvature
    double curvature_scale


cdef inline Terms as_terms(
    const double[::1] y, const double[::1] s, const double[::1] offset, const offset_t[::1] first
) noexcept:
    cdef Terms terms
    terms.y = &y[0] if y.shape[0] else NULL
    terms.s = &s[0] if s.shape[0] else NULL
    terms.offset = &offset[0] if offset.shape[0] else NULL
    terms.first = &first[0] if first.shape[0] else NULL
    return terms


cdef inline Row row_at(Loss loss, const Terms *terms, Py_ssize_t i, double t) noexcept nogil:
    """Sum value, derivative, curvature and curvature_scale over the terms of row i at its linear predictor t."""
    cdef Row row
    cdef Py_ssize_t k
    cdef double v
    row.value = row.derivative = row.curvature = row.curvature_scale = 0.0
    for k in range(i if terms.first == NULL else terms.first[i], i + 1 if terms.first == NULL else terms.first[i + 1]):
        if terms.s[k] > 0.0:
            v = t if terms.offset == NULL else t + terms.offset[k]
            row.value += terms.s[k] * loss.value(terms.y[k], v)
            row.derivative += terms.s[k] * loss.derivative(terms.y[k], v)
            row.curvature += terms.s[k] * loss.curvature(terms.y[k], v)
            row.curvature_scale += terms.s[k] * loss.curvature_scale(terms.y[k])
    return row


cdef inline Row minimize_unbounded(
    Loss loss, const Terms *terms, Py_ssize_t i, double t, double x, double l1, double l2, double *u
) noexcept nogil:
    """Set u to the argmin of the loss of row i at t + x u, plus l1 |u| + l2/2 u^2; return the row there.

    In closed form where the loss has one, else by Newton's method within a bracket, from the u given, until the slope
    is rounding relative to its parts or the change is so relative to the predictor.
    """
    cdef Row row
    cdef double a, sign, slope, curvature, new, moved = INFINITY
    cdef double low = -1.0, high = INFINITY  # low is below 0 until 0 has been tried
    cdef int _step
    if terms.first == NULL and terms.s[i] > 0.0:
        a = loss.minimize_scalar(terms.y[i], terms.s[i], t if terms.offset == NULL else t + terms.offset[i], x, l1, l2)
        if a == a:
            u[0] = a
            return row_at(loss, terms, i, t + x * a)
    sign = 1.0 if u[0] > 0.0 else -1.0
    a = fabs(u[0])
    for _step in range(MAX_STEPS):
        row = row_at(loss, terms, i, t + x * sign * a)
        slope = sign * x * row.derivative
        if a == 0.0:
            if fabs(slope) <= l1:
                break
            if slope > 0.0:  # the minimum is on the other side
                sign, slope, high = -sign, -slope, INFINITY
        slope += l1 + l2 * a
        if fabs(slope) <= 1e-12 * (l1 + l2 * a):
            break
        if slope < 0.0:
            low = a
        else:
            high = a
        curvature = row.curvature * x * x + l2
        # No step goes further than a bracket that grows a thousandfold: bisection has to come back.
        new = fmin(a - slope / curvature, 1e3 * (a + 1.0 / fabs(x))) if curvature > 0.0 else INFINITY
        # Newton's steps count where they halve from one to the next; the bracket makes progress where they do not.
        if not fmax(low, 0.0) < new < high or (fabs(new - a) > 0.5 * moved and high < INFINITY):
            if high == INFINITY:
                new = 2.0 * a + 1.0 / fabs(x)
            elif low < 0.0:
                new = 0.0
            else:
                new = 0.5 * (low + high)
        moved = fabs(new - a)
        if moved <= 1e-15 * (a + fabs(t / x)):
            break
        a = new
    u[0] = sign * a
    return row


cdef inline Row minimize_singleton(
    Loss loss, const Terms *terms, Py_ssize_t i, double t, double x, double l1, double l2, double lower, double upper,
    double *u
) noexcept nogil:
    """Do the same within lower <= u <= upper."""
    cdef Row row = minimize_unbounded(loss, terms, i, t, x, l1, l2, u)
    if not lower <= u[0] <= upper:
        u[0] = min(max(u[0], lower), upper)
        row = row_at(loss, terms, i, t + x * u[0])
    return row
