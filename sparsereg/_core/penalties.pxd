# The arithmetic of each penalty, inlined into every kernel through the fused type `Penalty`.
#
# A penalty is a final class with these methods (u: coefficient, p: its penalty factor, scale: that of its threshold,
# all double). The threshold of u is strength * scale, scale = p / curvature of the column (1 where kernels get none),
# and penalties that level off do so at gamma times that: the "adaptive rescaling" of Breheny and Huang 2011.
#   value(u, p, scale)                 p * penalty(u)
#   prox(v, step, p, scale)            argmin_u (u - v)^2 / (2 step) + p * penalty(u), over all u, for any step > 0;
#                                      of several, and of those that rounding cannot tell apart, the smallest in size
#   threshold(p)                       u = 0 solves min_u -g u + p * penalty(u) where |g| <= threshold(p)
#   subdiff_distance(u, g, p, scale)   distance of g from the (regular) subdifferential of p * penalty at u
#   strengths(&l1, &l2)                tell whether its prox is that of the elastic net, and with which strengths
#   ridge(p)                           curvature of the smooth quadratic part, the L2 share
#   conjugate(g, p, lower, upper)      sup over lower <= u <= upper of g u - p * penalty(u); 0 lies within the bounds
# With a penalty that is convex "where" is "if and only if", and conjugate is exact. One that is not has no slope below
# which 0 is best and certifies no duality gap: threshold is 0 and conjugate inf (but where bounds leave 0 alone), so
# that screening keeps every column and no dual bound is claimed. Singleton columns are for convex penalties.
# To add one: a stanza here and its name in `Penalty`; a stanza in penalties.pyx and its name in PENALTIES.
cimport cython
from libc.math cimport INFINITY, fabs


cdef class BasePenalty:
    cdef readonly double alpha, l1_ratio, strength
    cdef double l2

    @cython.final
    cdef inline double ridge(self, double p) noexcept nogil:
        return self.l2 * p


@cython.final
cdef class ElasticNet(BasePenalty):
    cdef inline double value(self, double u, double p, double scale) noexcept nogil:
        return p * (self.strength * fabs(u) + 0.5 * self.l2 * u * u) if u != 0.0 else 0.0

    cdef inline double prox(self, double v, double step, double p, double scale) noexcept nogil:
        # Two comparisons, not fmax and copysign: 1.6 times faster.
        cdef double t = step * self.strength * p
        if v > t:
            return (v - t) / (1.0 + step * self.l2 * p)
        if v < -t:
            return (v + t) / (1.0 + step * self.l2 * p)
        return 0.0

    cdef inline bint strengths(self, double *l1, double *l2) noexcept nogil:
        l1[0] = self.strength
        l2[0] = self.l2
        return True

    cdef inline double threshold(self, double p) noexcept nogil:
        return self.strength * p

    cdef inline double subdiff_distance(self, double u, double g, double p, double scale) noexcept nogil:
        cdef double excess
        if u != 0.0:
            return fabs(g - self.l2 * p * u - (self.strength * p if u > 0.0 else -self.strength * p))
        excess = fabs(g) - self.strength * p
        return excess if excess > 0.0 else 0.0

    cdef inline double conjugate(self, double g, double p, double lower, double upper) noexcept nogil:
        cdef double excess = fabs(g) - self.strength * p
        cdef double ridge = self.l2 * p
        cdef double bound = upper if g > 0.0 else -lower
        cdef double u
        if excess <= 0.0 or bound == 0.0:
            return 0.0
        if ridge == 0.0:
            return excess * bound
        u = excess / ridge
        if u > bound:
            u = bound
        return u * (excess - 0.5 * ridge * u)


cdef inline double jump(double far, double gain, double cost) noexcept nogil:
    """Return `far` where the gain is more than the cost, else 0."""
    # At a tie, which whole numbers make, rounding would send a coefficient to and fro for ever.
    return far if gain > cost * (1.0 + 1e-12) else 0.0


cdef class NonConvexPenalty(BasePenalty):
    @cython.final
    cdef inline bint strengths(self, double *l1, double *l2) noexcept nogil:
        return False

    @cython.final
    cdef inline double threshold(self, double p) noexcept nogil:
        return 0.0

    @cython.final
    cdef inline double conjugate(self, double g, double p, double lower, double upper) noexcept nogil:
        # A bound from above.
        return 0.0 if g == 0.0 or (upper if g > 0.0 else -lower) == 0.0 else INFINITY


@cython.final
cdef class MCP(NonConvexPenalty):
    cdef readonly double gamma

    cdef inline double value(self, double u, double p, double scale) noexcept nogil:
        cdef double size = fabs(u)
        if u == 0.0:
            return 0.0
        if size < self.gamma * scale * self.strength:
            return p * (self.strength * size - 0.5 * u * u / (self.gamma * scale) + 0.5 * self.l2 * u * u)
        return p * (0.5 * self.gamma * scale * self.strength * self.strength + 0.5 * self.l2 * u * u)

    cdef inline double prox(self, double v, double step, double p, double scale) noexcept nogil:
        # In units of 1 / step: `inner` is the curvature up to where it levels off, `outer` the one beyond.
        cdef double t = step * p, width = self.gamma * scale
        cdef double outer = 1.0 + t * self.l2
        cdef double inner = outer - t / width
        cdef double excess = fabs(v) - t * self.strength
        if inner <= 0.0:
            return jump(v / outer, v * v, t * width * self.strength * self.strength * outer)
        if excess <= 0.0:
            return 0.0
        if excess >= width * self.strength * inner:
            return v / outer
        return excess / inner if v > 0.0 else -excess / inner

    cdef inline double subdiff_distance(self, double u, double g, double p, double scale) noexcept nogil:
        cdef double slope = self.strength - fabs(u) / (self.gamma * scale)
        if u == 0.0:
            return max(fabs(g) - self.strength * p, 0.0)
        slope = p * max(slope, 0.0)
        return fabs(g - self.l2 * p * u - (slope if u > 0.0 else -slope))


@cython.final
cdef class SCAD(NonConvexPenalty):
    cdef readonly double gamma

    cdef inline double value(self, double u, double p, double scale) noexcept nogil:
        cdef double size = fabs(u), knee = self.strength * scale, part
        if u == 0.0:
            return 0.0
        if size <= knee:
            part = self.strength * size
        elif size < self.gamma * knee:
            part = self.strength * size - 0.5 * (size - knee) ** 2 / ((self.gamma - 1.0) * scale)
        else:
            part = 0.5 * (self.gamma + 1.0) * self.strength * knee
        return p * (part + 0.5 * self.l2 * u * u)

    cdef inline double prox(self, double v, double step, double p, double scale) noexcept nogil:
        # In units of 1 / step: `inner` is the curvature from the knee to gamma times it, `outer` the one around.
        cdef double t = step * p, knee = self.strength * scale
        cdef double outer = 1.0 + t * self.l2
        cdef double inner = outer - t / ((self.gamma - 1.0) * scale)
        cdef double size = fabs(v), near = size - t * self.strength, far = size / outer, edge
        near = near / outer if near > 0.0 else 0.0
        if inner <= 0.0:
            # The slope falls in between: one local minimum on each side of it, or one in all.
            if near >= knee:
                near = far
            elif far > self.gamma * knee:
                edge = t * (self.gamma + 1.0) * self.strength * knee
                if jump(far, outer * (far * far - near * near), edge) != 0.0:
                    near = far
        elif far >= self.gamma * knee:
            near = far
        elif near > knee:
            near = (size - t * self.strength * self.gamma / (self.gamma - 1.0)) / inner
        if near == 0.0:
            return 0.0
        return near if v > 0.0 else -near

    cdef inline double subdiff_distance(self, double u, double g, double p, double scale) noexcept nogil:
        cdef double slope = (self.gamma * self.strength - fabs(u) / scale) / (self.gamma - 1.0)
        if u == 0.0:
            return max(fabs(g) - self.strength * p, 0.0)
        slope = p * min(max(slope, 0.0), self.strength)
        return fabs(g - self.l2 * p * u - (slope if u > 0.0 else -slope))


@cython.final
cdef class L0(NonConvexPenalty):
    cdef inline double value(self, double u, double p, double scale) noexcept nogil:
        return p * (self.strength + 0.5 * self.l2 * u * u) if u != 0.0 else 0.0

    cdef inline double prox(self, double v, double step, double p, double scale) noexcept nogil:
        cdef double t = step * p
        cdef double outer = 1.0 + t * self.l2
        return jump(v / outer, v * v, 2.0 * t * self.strength * outer)

    cdef inline double subdiff_distance(self, double u, double g, double p, double scale) noexcept nogil:
        if u != 0.0 or self.strength * p == 0.0:
            return fabs(g - self.l2 * p * u)
        return 0.0


ctypedef fused Penalty:
    ElasticNet
    MCP
    SCAD
    L0
