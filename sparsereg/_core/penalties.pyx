"""Penalties: names, parameters and the registry; the arithmetic is in penalties.pxd."""
cimport cython


@cython.final
cdef class ElasticNet:
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

    def __init__(self, double alpha, double l1_ratio):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.strength = alpha * l1_ratio
        self.l2 = alpha * (1.0 - l1_ratio)

    def __reduce__(self):
        return ElasticNet, (self.alpha, self.l1_ratio)


@cython.final
cdef class MCP:
    """Minimax concave penalty: the slope of L1 at 0, falling to none at gamma * unit * strength; with an L2 share.

    With m = alpha * l1_ratio and k = gamma * unit, m |u| - u^2 / (2 k) up to |u| = k m, k m^2 / 2 beyond, plus
    alpha (1 - l1_ratio)/2 u^2. A penalty factor multiplies all of it. The unit is the column's, 1 where kernels get
    none. L1 as gamma grows. Source: Zhang 2010.

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

    def __init__(self, double alpha, double l1_ratio, double gamma):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.gamma = gamma
        self.strength = alpha * l1_ratio
        self.l2 = alpha * (1.0 - l1_ratio)

    def __reduce__(self):
        return MCP, (self.alpha, self.l1_ratio, self.gamma)


@cython.final
cdef class SCAD:
    """Smoothly clipped absolute deviation: L1 up to unit * strength, its slope falling to none at gamma times that.

    With m = alpha * l1_ratio and k = unit * m, m |u| up to |u| = k, m |u| - (|u| - k)^2 / (2 unit (gamma - 1)) up to
    gamma k, (gamma + 1) m k / 2 beyond, plus alpha (1 - l1_ratio)/2 u^2. A penalty factor multiplies all of it. The
    unit is the column's, 1 where kernels get none. L1 as gamma grows. Source: Fan and Li 2001.

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

    def __init__(self, double alpha, double l1_ratio, double gamma):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.gamma = gamma
        self.strength = alpha * l1_ratio
        self.l2 = alpha * (1.0 - l1_ratio)

    def __reduce__(self):
        return SCAD, (self.alpha, self.l1_ratio, self.gamma)


@cython.final
cdef class L0:
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

    def __init__(self, double alpha, double l1_ratio):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.strength = alpha * l1_ratio
        self.l2 = alpha * (1.0 - l1_ratio)

    def __reduce__(self):
        return L0, (self.alpha, self.l1_ratio)


PENALTIES = {"elastic_net": ElasticNet, "mcp": MCP, "scad": SCAD, "l0": L0}
