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


PENALTIES = {"elastic_net": ElasticNet}
