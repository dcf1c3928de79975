# The arithmetic of each loss, inlined into every kernel through the fused type `Loss`.
#
# A loss is a final class with these methods (y: target, t: linear predictor, all double), convex in t:
#   value(y, t)                        loss(y, t)
#   half_deviance(y, t)                what is reported: the value, for a log link less that of a perfect fit
#   derivative(y, t)                   d loss / dt
#   curvature(y, t)                    d2 loss / dt2; at a kink of the derivative, that of either side
#   curvature_scale(y)                 a curvature typical of the loss, to fall back on where there is next to none
#   conjugate(y, u)                    sup_t u t - loss(y, t)
#   max_descent_slope(y)               sup_t of minus the derivative
#   max_ascent_slope(y)                sup_t of the derivative
#   minimize_scalar(y, s, t, x, l1, l2) argmin_u s loss(y, t + x u) + l1 |u| + l2/2 u^2; NaN: not in closed form
# To add one: a stanza here and its name in `Loss`; a stanza in losses.pyx and its name in LOSSES.
cimport cython
from libc.math cimport INFINITY, NAN, exp, fabs, fmax, log, log1p


cdef inline double entropy(double q, double scale) noexcept nogil:
    """Return q log q; 0 at a q below 0 by rounding of numbers of the size of scale, infinite below that."""
    if q > 0.0:
        return q * log(q)
    return 0.0 if q >= -1e-12 * scale else INFINITY


cdef inline double entropy_of_share(double q, double rest, double scale) noexcept nogil:
    """Return q log q for a share q = 1 - rest, to all digits where q is next to 1."""
    return q * log1p(-rest) if 0.0 <= rest < 0.5 else entropy(q, scale)


cdef class BaseLoss:
    pass


@cython.final
cdef class Squared(BaseLoss):
    cdef inline double value(self, double y, double t) noexcept nogil:
        return 0.5 * (y - t) * (y - t)

    cdef inline double half_deviance(self, double y, double t) noexcept nogil:
        return self.value(y, t)

    cdef inline double derivative(self, double y, double t) noexcept nogil:
        return t - y

    cdef inline double curvature(self, double y, double t) noexcept nogil:
        return 1.0

    cdef inline double curvature_scale(self, double y) noexcept nogil:
        return 1.0

    cdef inline double conjugate(self, double y, double u) noexcept nogil:
        return u * (y + 0.5 * u)

    cdef inline double max_descent_slope(self, double y) noexcept nogil:
        return INFINITY

    cdef inline double max_ascent_slope(self, double y) noexcept nogil:
        return INFINITY

    cdef inline double minimize_scalar(
        self, double y, double s, double t, double x, double l1, double l2
    ) noexcept nogil:
        cdef double g = s * x * (y - t)
        if g > l1:
            return (g - l1) / (s * x * x + l2)
        if g < -l1:
            return (g + l1) / (s * x * x + l2)
        return 0.0


@cython.final
cdef class Logistic(BaseLoss):
    # exp(-|t|) never overflows, and both branches keep all digits of the smaller probability. (log1p takes twice as
    # long as log, for digits of rows that fit to within 1e-16.)
    cdef inline double value(self, double y, double t) noexcept nogil:
        return ((1.0 - y) * t if t > 0.0 else -y * t) + log(1.0 + exp(-fabs(t)))

    cdef inline double half_deviance(self, double y, double t) noexcept nogil:
        return self.value(y, t)

    cdef inline double derivative(self, double y, double t) noexcept nogil:
        cdef double e = exp(-fabs(t))
        return ((1.0 - y) - y * e if t > 0.0 else (1.0 - y) * e - y) / (1.0 + e)

    cdef inline double curvature(self, double y, double t) noexcept nogil:
        cdef double e = exp(-fabs(t))
        return e / ((1.0 + e) * (1.0 + e))

    cdef inline double curvature_scale(self, double y) noexcept nogil:
        return 0.25

    cdef inline double conjugate(self, double y, double u) noexcept nogil:
        cdef double q = y + u, rest = (1.0 - y) - u
        return entropy_of_share(q, rest, fmax(y, fabs(u))) + entropy_of_share(rest, q, fmax(1.0 - y, fabs(u)))

    cdef inline double max_descent_slope(self, double y) noexcept nogil:
        return y

    cdef inline double max_ascent_slope(self, double y) noexcept nogil:
        return 1.0 - y

    cdef inline double minimize_scalar(
        self, double y, double s, double t, double x, double l1, double l2
    ) noexcept nogil:
        cdef double g = -s * x * self.derivative(y, t)
        cdef double m
        if fabs(g) <= l1:
            return 0.0
        if l2 > 0.0:
            return NAN
        m = (l1 if g > 0.0 else -l1) / (s * x)
        return (log(y - m) - log((1.0 - y) + m) - t) / x


@cython.final
cdef class Poisson(BaseLoss):
    cdef inline double value(self, double y, double t) noexcept nogil:
        return exp(t) - y * t

    cdef inline double half_deviance(self, double y, double t) noexcept nogil:
        return self.value(y, t) + self.conjugate(y, 0.0)

    cdef inline double derivative(self, double y, double t) noexcept nogil:
        return exp(t) - y

    cdef inline double curvature(self, double y, double t) noexcept nogil:
        return exp(t)

    cdef inline double curvature_scale(self, double y) noexcept nogil:
        return y

    cdef inline double conjugate(self, double y, double u) noexcept nogil:
        return entropy(y + u, fmax(y, fabs(u))) - (y + u)

    cdef inline double max_descent_slope(self, double y) noexcept nogil:
        return y

    cdef inline double max_ascent_slope(self, double y) noexcept nogil:
        return INFINITY

    cdef inline double minimize_scalar(
        self, double y, double s, double t, double x, double l1, double l2
    ) noexcept nogil:
        cdef double g = -s * x * self.derivative(y, t)
        if fabs(g) <= l1:
            return 0.0
        if l2 > 0.0:
            return NAN
        return (log(y - (l1 if g > 0.0 else -l1) / (s * x)) - t) / x


@cython.final
cdef class Huber(BaseLoss):
    cdef readonly double delta

    # Without branches: which side of delta a residual is on nobody can predict.
    cdef inline double value(self, double y, double t) noexcept nogil:
        cdef double slope = self.derivative(y, t)
        return slope * ((t - y) - 0.5 * slope)

    cdef inline double half_deviance(self, double y, double t) noexcept nogil:
        return self.value(y, t)

    cdef inline double derivative(self, double y, double t) noexcept nogil:
        return min(max(t - y, -self.delta), self.delta)

    cdef inline double curvature(self, double y, double t) noexcept nogil:
        return <double> (fabs(t - y) <= self.delta)

    cdef inline double curvature_scale(self, double y) noexcept nogil:
        return 1.0

    cdef inline double conjugate(self, double y, double u) noexcept nogil:
        return u * (y + 0.5 * u) if fabs(u) <= self.delta * (1.0 + 1e-12) else INFINITY

    cdef inline double max_descent_slope(self, double y) noexcept nogil:
        return self.delta

    cdef inline double max_ascent_slope(self, double y) noexcept nogil:
        return self.delta

    cdef inline double minimize_scalar(
        self, double y, double s, double t, double x, double l1, double l2
    ) noexcept nogil:
        cdef double g = s * x * (y - t)
        cdef double excess = fabs(g) - l1
        cdef double steepest = s * fabs(x) * self.delta
        cdef double u
        if min(fabs(g), steepest) <= l1:
            return 0.0
        u = excess / (s * x * x + l2)
        # Without L2 the residual always ends within delta.
        if l2 > 0.0 and fabs(y - t) - fabs(x) * u > self.delta:
            u = (steepest - l1) / l2
        return u if g > 0.0 else -u


@cython.final
cdef class SquaredHinge(BaseLoss):
    # y is the share of the positive class, which makes y max(0, 1 - t)^2 + (1 - y) max(0, 1 + t)^2 linear in y.
    cdef inline double value(self, double y, double t) noexcept nogil:
        cdef double below = max(1.0 - t, 0.0), above = max(1.0 + t, 0.0)
        return y * below * below + (1.0 - y) * above * above

    cdef inline double half_deviance(self, double y, double t) noexcept nogil:
        return self.value(y, t)

    cdef inline double derivative(self, double y, double t) noexcept nogil:
        return 2.0 * ((1.0 - y) * max(1.0 + t, 0.0) - y * max(1.0 - t, 0.0))

    cdef inline double curvature(self, double y, double t) noexcept nogil:
        return 2.0 * ((y if t < 1.0 else 0.0) + (1.0 - y if t > -1.0 else 0.0))

    cdef inline double curvature_scale(self, double y) noexcept nogil:
        return 2.0

    cdef inline double conjugate(self, double y, double u) noexcept nogil:
        # The t at which the derivative is u: within [-1, 1], or where only one of the two parts is left.
        cdef double t = 0.5 * u - 1.0 + 2.0 * y
        if t > 1.0:
            if y > 1.0 - 1e-12:
                return u if u <= 1e-12 else INFINITY
            t = 0.5 * u / (1.0 - y) - 1.0
        elif t < -1.0:
            if y < 1e-12:
                return -u if u >= -1e-12 else INFINITY
            t = 1.0 + 0.5 * u / y
        return u * t - self.value(y, t)

    cdef inline double max_descent_slope(self, double y) noexcept nogil:
        return INFINITY if y > 0.0 else 0.0

    cdef inline double max_ascent_slope(self, double y) noexcept nogil:
        return INFINITY if y < 1.0 else 0.0

    cdef inline double minimize_scalar(
        self, double y, double s, double t, double x, double l1, double l2
    ) noexcept nogil:
        return NAN


ctypedef fused Loss:
    Squared
    Logistic
    Poisson
    Huber
    SquaredHinge
