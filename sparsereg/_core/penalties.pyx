"""Penalties: names, parameters, facts and the registry; the arithmetic is in penalties.pxd.

What the package asks of a penalty, in place of its name:

name : str
    Under which it is registered.
parameters : tuple of str
    Names of the arguments of the constructor.
is_convex : bool
    Fits are certified by a duality gap, else by their distance from a minimum along every coordinate.
is_l0 : bool
    Counts coefficients: it jumps at 0, and elsewhere its slope is that of the L2 share.
gamma_min : float or None
    What gamma, which measures in curvatures of the column, has to exceed so that the slope falls by less than the
    curvature: it falls by 1 / (gamma - gamma_min + 1). None: there is no gamma.
gamma_default : float or None
    For columns and a loss of curvature 1. Sources: Breheny and Huang 2011; Fan and Li 2001.
"""
cimport cython


cdef class BasePenalty:
    """The split of alpha into strength and L2 share, and facts that hold of a penalty that does not say otherwise."""

    parameters = ("alpha", "l1_ratio")
    is_convex = True
    is_l0 = False
    gamma_min = None
    gamma_default = None

    def __init__(self, double alpha, double l1_ratio):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.strength = alpha * l1_ratio
        self.l2 = alpha * (1.0 - l1_ratio)

    def __reduce__(self):
        return type(self), tuple([getattr(self, name) for name in self.parameters])


cdef class NonConvexPenalty(BasePenalty):
    """A penalty without a slope below which 0 is best, and without a duality gap: see penalties.pxd."""

    is_convex = False


@cython.final
cdef class ElasticNet(BasePenalty):
    """Elastic net, alpha * (l1_ratio |u| + (1 - l1_ratio)/2 u^2); L1 at l1_ratio 1, L2 at 0.

    Parameters
    ----------
    alpha : float
        Strength, >= 0.
    l1_ratio : float
        Share of the L1 part, in [0, 1].

    Attributes
    ----------
    strength : float
        Threshold at penalty factor 1, alpha * l1_ratio.
    """

    name = "elastic_net"


@cython.final
cdef class MCP(NonConvexPenalty):
    """Minimax concave penalty: the slope of L1 at 0, falling to none at gamma * scale * strength; with an L2 share.

    With m = alpha * l1_ratio and k = gamma * scale, m |u| - u^2 / (2 k) up to |u| = k m, k m^2 / 2 beyond, plus
    alpha (1 - l1_ratio)/2 u^2. A penalty factor multiplies all of it. The scale is the column's, 1 where kernels
    get none. L1 as gamma grows. Source: Zhang 2010.

    Parameters
    ----------
    alpha : float
        Strength, >= 0.
    l1_ratio : float
        Share of the concave part, in (0, 1].
    gamma : float
        How fast the slope falls, > 1.

    Attributes
    ----------
    strength : float
        Slope at 0, alpha * l1_ratio.
    """

    name = "mcp"
    parameters = ("alpha", "l1_ratio", "gamma")
    gamma_min = 1.0
    gamma_default = 3.0

    def __init__(self, double alpha, double l1_ratio, double gamma):
        BasePenalty.__init__(self, alpha, l1_ratio)
        self.gamma = gamma


@cython.final
cdef class SCAD(NonConvexPenalty):
    """Smoothly clipped absolute deviation: L1 up to scale * strength, its slope falling to none at gamma times that.

    With m = alpha * l1_ratio and k = scale * m, m |u| up to |u| = k, m |u| - (|u| - k)^2 / (2 scale (gamma - 1)) up to
    gamma k, (gamma + 1) m k / 2 beyond, plus alpha (1 - l1_ratio)/2 u^2. A penalty factor multiplies all of it. The
    scale is the column's, 1 where kernels get none. L1 as gamma grows. Source: Fan and Li 2001.

    Parameters
    ----------
    alpha : float
        Strength, >= 0.
    l1_ratio : float
        Share of the concave part, in (0, 1].
    gamma : float
        How far the slope reaches, > 2.

    Attributes
    ----------
    strength : float
        Slope at 0, alpha * l1_ratio.
    """

    name = "scad"
    parameters = ("alpha", "l1_ratio", "gamma")
    gamma_min = 2.0
    gamma_default = 3.7

    def __init__(self, double alpha, double l1_ratio, double gamma):
        BasePenalty.__init__(self, alpha, l1_ratio)
        self.gamma = gamma


@cython.final
cdef class L0(NonConvexPenalty):
    """A price for every coefficient that is not zero, alpha * (l1_ratio [u != 0] + (1 - l1_ratio)/2 u^2).

    Its prox is the hard threshold; where zero and another coefficient are equally good, it is zero.

    Parameters
    ----------
    alpha : float
        Strength, >= 0.
    l1_ratio : float
        Share of the price, in (0, 1].

    Attributes
    ----------
    strength : float
        Price at penalty factor 1, alpha * l1_ratio.
    """

    name = "l0"
    is_l0 = True


PENALTIES = {penalty.name: penalty for penalty in (ElasticNet, MCP, SCAD, L0)}
