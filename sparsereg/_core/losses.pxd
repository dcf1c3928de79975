# The arithmetic of each loss, inlined into every kernel through the fused type `Loss`.
#
# A loss is a final class with these methods (y: target, t: linear predictor, all double):
#   value(y, t)                        loss(y, t)
#   derivative(y, t)                   d loss / dt
#   curvature(y, t)                    d2 loss / dt2
#   conjugate(y, u)                    sup_t u t - loss(y, t)
#   private(y, s, t, x, l1, l2)        argmin_u s loss(y, t + x u) + l1 |u| + l2/2 u^2
# To add one: a stanza here and its name in `Loss`; a stanza in losses.pyx and its name in LOSSES.
cimport cython


@cython.final
cdef class Squared:
    cdef inline double value(self, double y, double t) noexcept nogil:
        return 0.5 * (y - t) * (y - t)

    cdef inline double derivative(self, double y, double t) noexcept nogil:
        return t - y

    cdef inline double curvature(self, double y, double t) noexcept nogil:
        return 1.0

    cdef inline double conjugate(self, double y, double u) noexcept nogil:
        return u * (y + 0.5 * u)

    cdef inline double private(
        self, double y, double s, double t, double x, double l1, double l2
    ) noexcept nogil:
        cdef double g = s * x * (y - t)
        if g > l1:
            return (g - l1) / (s * x * x + l2)
        if g < -l1:
            return (g + l1) / (s * x * x + l2)
        return 0.0


ctypedef fused Loss:
    Squared
