"""Losses: names, parameters, facts and the registry; the arithmetic is in losses.pxd.

Facts about a loss that solvers use, in place of its name:

lipschitz : float
    Largest curvature.
targets : (float, float)
    Least and largest target.
location : bool
    A function of t - y alone: an offset is taken off the target, which is then centred.
sums : bool
    Linear in y but for a constant: equal rows become one row with their weighted mean as target.
log_link : bool
    The mean is exp(t): an offset is an exposure, s exp(o) and y / exp(o) stand for it, and what is reported is half the
    deviance, the loss less that of a perfect fit.
link(mean) : float
    The linear predictor that is best for all rows alike where their weighted mean target is `mean`; NaN where the mean
    does not say.
softmax : bool
    Of one class against the rest: beyond two classes the cross-entropy of the softmax takes its place.
"""
cimport cython
from libc.math cimport NAN, log, log1p


@cython.final
cdef class Squared:
    """Squared loss, (y - t)^2 / 2."""

    lipschitz = 1.0
    targets = (-float("inf"), float("inf"))
    location = True
    sums = True
    log_link = False
    softmax = False

    def link(self, double mean):
        """See above."""
        return mean

    def __reduce__(self):
        return Squared, ()


@cython.final
cdef class Logistic:
    """Logistic loss of a probability y of class 1, log(1 + exp(t)) - y t: the cross-entropy."""

    lipschitz = 0.25
    targets = (0.0, 1.0)
    location = False
    sums = True
    log_link = False
    softmax = True

    def link(self, double mean):
        """See above."""
        return log(mean) - log1p(-mean)

    def __reduce__(self):
        return Logistic, ()


@cython.final
cdef class Poisson:
    """Half the deviance of a count y at the mean exp(t): exp(t) - y t - y + y log y."""

    lipschitz = float("inf")
    targets = (0.0, float("inf"))
    location = False
    sums = True
    log_link = True
    softmax = False

    def link(self, double mean):
        """See above."""
        return log(mean)

    def __reduce__(self):
        return Poisson, ()


@cython.final
cdef class Huber:
    """Huber's loss of the residual r = y - t: r^2 / 2 up to |r| = delta, delta (|r| - delta / 2) beyond.

    Parameters
    ----------
    delta : float
        Residual from which on the loss grows linearly, in the units of y; > 0.
    """

    lipschitz = 1.0
    targets = (-float("inf"), float("inf"))
    location = True
    sums = False
    log_link = False
    softmax = False

    def __init__(self, double delta):
        self.delta = delta

    def link(self, double mean):
        """See above."""
        return NAN

    def __reduce__(self):
        return Huber, (self.delta,)


@cython.final
cdef class SquaredHinge:
    """Squared hinge loss of a share y of the positive class: y max(0, 1 - t)^2 + (1 - y) max(0, 1 + t)^2."""

    lipschitz = 2.0
    targets = (0.0, 1.0)
    location = False
    sums = True
    log_link = False
    softmax = False

    def link(self, double mean):
        """See above."""
        return 2.0 * mean - 1.0

    def __reduce__(self):
        return SquaredHinge, ()


LOSSES = {
    "squared": Squared, "logistic": Logistic, "poisson": Poisson, "huber": Huber, "squared_hinge": SquaredHinge,
}
