"""Losses: names, parameters, facts and the registry; the arithmetic of kernels is in losses.pxd.

What the package asks of a loss, in place of its name:

name : str
    Under which it is registered.
parameters : tuple of str
    Names of the arguments of the constructor.
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
softmax : bool
    Of one class against the rest: beyond two classes the cross-entropy of the softmax takes its place.
is_quadratic : bool
    Its curvature is 1 everywhere.
is_classification : bool
    Targets are shares of classes.
is_likelihood : bool
    Minus the log-likelihood of an exponential family: there are a null deviance and information criteria, and rows that
    are equal but for their targets are judged by their mean target, `deviance_within` added.
metrics : tuple of str
    What fits are judged by; the first decides unless something else is asked for.
link(mean) : float
    The linear predictor that is best for all rows alike where their weighted mean target is `mean`; NaN where the mean
    does not say.
mean(t) : array
    The mean target at linear predictors, where the loss says one; else the predictors themselves.
unit_deviance(y, t) : array
    Twice the loss of each row; for a log link less that of a perfect fit.
null_deviance(y, mean, weight) : float
    Mean deviance of the best constant mean.
deviance_within(y, weight, means, sums, squares) : float
    Mean deviance of samples about the targets of the rows that stand for them: `means`, of weights `sums`; `squares` is
    the sum of half the squared deviations. The last two are those of likelihoods.
"""
cimport cython
from libc.math cimport NAN, log, log1p

import numpy as np
from scipy import special


cdef class BaseLoss:
    """Facts that hold of a loss that does not say otherwise."""

    parameters = ()
    location = False
    sums = False
    log_link = False
    softmax = False
    is_quadratic = False
    is_classification = False
    is_likelihood = False

    def mean(self, t):
        """See above."""
        return t

    def __reduce__(self):
        return type(self), tuple([getattr(self, name) for name in self.parameters])


@cython.final
cdef class Squared(BaseLoss):
    """Squared loss, (y - t)^2 / 2."""

    name = "squared"
    lipschitz = 1.0
    targets = (-float("inf"), float("inf"))
    location = True
    sums = True
    is_quadratic = True
    is_likelihood = True
    metrics = ("mse", "r2")

    def link(self, double mean):
        """See above."""
        return mean

    def unit_deviance(self, y, t):
        """See above."""
        return (y - t) ** 2

    def null_deviance(self, y, mean, weight):
        """See above."""
        return float(np.average((y - mean) ** 2, weights=weight))

    def deviance_within(self, y, weight, means, sums, squares):
        """See above."""
        return 2.0 * squares / float(sums.sum())


@cython.final
cdef class Logistic(BaseLoss):
    """Logistic loss of a probability y of class 1, log(1 + exp(t)) - y t: the cross-entropy."""

    name = "logistic"
    lipschitz = 0.25
    targets = (0.0, 1.0)
    sums = True
    softmax = True
    is_classification = True
    is_likelihood = True
    metrics = ("log_loss", "deviance_explained", "accuracy", "calibration_error", "auc")

    def link(self, double mean):
        """See above."""
        return log(mean) - log1p(-mean)

    def mean(self, t):
        """See above."""
        return special.expit(t)

    def unit_deviance(self, y, t):
        """See above; of a column for each class the cross-entropy of the softmax."""
        if y.ndim == 1:
            return 2.0 * (np.logaddexp(0.0, t) - y * t)
        return 2.0 * (special.logsumexp(t, axis=1) - (y * t).sum(axis=1))

    def null_deviance(self, y, mean, weight):
        """See above."""
        return 2.0 * float(special.entr(mean).sum() + (special.entr(1.0 - mean) if y.ndim == 1 else 0.0))

    def deviance_within(self, y, weight, means, sums, squares):
        """See above: linear in y, deviances of means are means of deviances."""
        return 0.0


@cython.final
cdef class Poisson(BaseLoss):
    """Half the deviance of a count y at the mean exp(t): exp(t) - y t - y + y log y."""

    name = "poisson"
    lipschitz = float("inf")
    targets = (0.0, float("inf"))
    sums = True
    log_link = True
    is_likelihood = True
    metrics = ("deviance", "deviance_explained")

    def link(self, double mean):
        """See above."""
        return log(mean)

    def mean(self, t):
        """See above."""
        return np.exp(t)

    def unit_deviance(self, y, t):
        """See above."""
        return 2.0 * (np.exp(t) - y * t + special.xlogy(y, y) - y)

    def null_deviance(self, y, mean, weight):
        """See above."""
        return float(np.average(2.0 * special.kl_div(y, mean), weights=weight))

    def deviance_within(self, y, weight, means, sums, squares):
        """See above."""
        saturated = weight @ special.xlogy(y, y) - sums @ special.xlogy(means, means)
        return 2.0 * max(float(saturated), 0.0) / float(sums.sum())


@cython.final
cdef class Huber(BaseLoss):
    """Huber's loss of the residual r = y - t: r^2 / 2 up to |r| = delta, delta (|r| - delta / 2) beyond.

    Parameters
    ----------
    delta : float
        Residual from which on the loss grows linearly, in the units of y; > 0.
    """

    name = "huber"
    parameters = ("delta",)
    lipschitz = 1.0
    targets = (-float("inf"), float("inf"))
    location = True
    metrics = ("loss", "mse", "r2")

    def __init__(self, double delta):
        self.delta = delta

    def link(self, double mean):
        """See above."""
        return NAN

    def unit_deviance(self, y, t):
        """See above."""
        return 2.0 * special.huber(self.delta, y - t)


@cython.final
cdef class SquaredHinge(BaseLoss):
    """Squared hinge loss of a share y of the positive class: y max(0, 1 - t)^2 + (1 - y) max(0, 1 + t)^2."""

    name = "squared_hinge"
    lipschitz = 2.0
    targets = (0.0, 1.0)
    sums = True
    is_classification = True
    metrics = ("loss", "accuracy", "auc")

    def link(self, double mean):
        """See above."""
        return 2.0 * mean - 1.0

    def unit_deviance(self, y, t):
        """See above."""
        return 2.0 * (y * np.maximum(0.0, 1.0 - t) ** 2 + (1.0 - y) * np.maximum(0.0, 1.0 + t) ** 2)


LOSSES = {loss.name: loss for loss in (Squared, Logistic, Poisson, Huber, SquaredHinge)}
