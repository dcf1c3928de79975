"""The one yardstick: every solver's answer is judged by these functions and never by what the solver says of itself.

The problem, as everywhere in sparsereg:

    P(w, b) = 1/n * sum_i loss(y_i, x_i.w + b) + alpha * (l1_ratio * ||w||_1 + (1 - l1_ratio)/2 * ||w||^2)

with `b` free when there is an intercept and zero when there is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import optimize
from scipy.special import entr, expit, xlogy

DELTA = 1.35  # of the Huber loss: the default of sparsereg


# --- losses -----------------------------------------------------------------------------------------------------------


class Loss:
    """A loss of the target y and the linear predictor t, with what certificates need of it."""

    location = False  # a function of t - y alone: without intercept the target is centred beforehand

    def intercept(self, y, t, weight=None):
        """The shift of `t` of least mean loss, where the slopes sum to zero."""

        def mean_slope(shift):
            return float(np.average(self.slope(y, t + shift), weights=weight))

        low, high = -1.0, 1.0
        while mean_slope(low) > 0.0:
            low *= 2.0
        while mean_slope(high) < 0.0:
            high *= 2.0
        return float(optimize.brentq(mean_slope, low, high, xtol=1e-15, rtol=1e-15))


class Squared(Loss):
    """(y - t)^2 / 2."""

    location = True

    def value(self, y, t):
        """The loss of every row."""
        return 0.5 * (y - t) ** 2

    def slope(self, y, t):
        """Its derivative with respect to t."""
        return t - y

    def dual(self, y, theta):
        """Minus the conjugate at -theta: every row's share of the dual value."""
        return theta * (y - 0.5 * theta)

    def intercept(self, y, t, weight=None):
        """The mean residual."""
        return float(np.average(y - t, weights=weight))


class Huber(Squared):
    """Squared loss up to a residual of `DELTA`, linear beyond. Slopes never exceed DELTA, so its dual is squared's."""

    intercept = Loss.intercept

    def value(self, y, t):
        """The loss of every row."""
        size = np.abs(y - t)
        inside = np.minimum(size, DELTA)
        return inside * (size - 0.5 * inside)

    def slope(self, y, t):
        """Its derivative with respect to t."""
        return np.clip(t - y, -DELTA, DELTA)


class Logistic(Loss):
    """log(1 + exp(t)) - y t of a probability y of class 1 (0 or 1: a label)."""

    def value(self, y, t):
        """The loss of every row."""
        return np.logaddexp(0.0, t) - y * t

    def slope(self, y, t):
        """Its derivative with respect to t."""
        return expit(t) - y

    def dual(self, y, theta):
        """Minus the conjugate at -theta: the entropy of the probability y - theta."""
        p = np.clip(y - theta, 0.0, 1.0)  # what lies outside is rounding: the intercept's root keeps p within
        return entr(p) + entr(1.0 - p)


class Poisson(Loss):
    """exp(t) - y t of a count y, less its value at exp(t) = y: half the deviance."""

    def value(self, y, t):
        """The loss of every row."""
        return np.exp(t) - y * t + xlogy(y, y) - y

    def slope(self, y, t):
        """Its derivative with respect to t."""
        return np.exp(t) - y

    def dual(self, y, theta):
        """Minus the conjugate at -theta: the loss's value at the mean y - theta."""
        mean = np.maximum(y - theta, 0.0)
        return entr(mean) + mean + xlogy(y, y) - y

    def intercept(self, y, t, weight=None):
        """The logarithm of observed over expected counts."""
        return float(np.log(np.average(y, weights=weight) / np.average(np.exp(t), weights=weight)))


class SquaredHinge(Loss):
    """max(0, 1 - t)^2 of class 1 and max(0, 1 + t)^2 of class 0."""

    def value(self, y, t):
        """The loss of every row."""
        return np.maximum(1.0 - (2.0 * y - 1.0) * t, 0.0) ** 2

    def slope(self, y, t):
        """Its derivative with respect to t."""
        sign = 2.0 * y - 1.0
        return -2.0 * sign * np.maximum(1.0 - sign * t, 0.0)

    def dual(self, y, theta):
        """Minus the conjugate at -theta; what has the wrong sign is rounding."""
        size = np.maximum((2.0 * y - 1.0) * theta, 0.0)
        return size - 0.25 * size**2


LOSSES = {
    "squared": Squared(), "logistic": Logistic(), "poisson": Poisson(), "huber": Huber(),
    "squared_hinge": SquaredHinge(),
}


# --- problems ---------------------------------------------------------------------------------------------------------


def response(y, loss, fit_intercept, weight=None):
    """The target that a solver is given: centred where no intercept will do it and the loss allows it."""
    return y - np.average(y, weights=weight) if LOSSES[loss].location and not fit_intercept else y


@dataclass
class Problem:
    """A penalised problem on the matrix without its empty columns.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_columns)
    y : ndarray of shape (n_rows,)
        As in the data; `response` of it is what the problem is about.
    l1_ratio : float
    fit_intercept : bool
    loss : str
        A key of `LOSSES`.
    weight : ndarray of shape (n_rows,) or None
        How many rows each stands for, with their mean target: the same means for losses that are linear in y.
    """

    X: object
    y: np.ndarray
    l1_ratio: float = 1.0
    fit_intercept: bool = True
    loss: str = "squared"
    weight: np.ndarray | None = None
    null_value: float = field(init=False)

    def __post_init__(self):
        self.y = response(self.y, self.loss, self.fit_intercept, self.weight)
        self.null_value = self.mean(LOSSES[self.loss].value(self.y, self.null_predictor()))

    def mean(self, values):
        """Mean over the rows."""
        return float(np.average(values, weights=self.weight))

    def correlation(self, slopes):
        """Mean over the rows of each column times the slopes."""
        if self.weight is None:
            return self.X.T @ slopes / len(self.y)
        return self.X.T @ (self.weight * slopes) / self.weight.sum()

    def null_predictor(self):
        """The linear predictor of the model without coefficients."""
        zeros = np.zeros(len(self.y))
        return zeros + LOSSES[self.loss].intercept(self.y, zeros, self.weight) if self.fit_intercept else zeros

    def alpha_max(self):
        """The smallest `alpha` at which all coefficients are zero."""
        slope = LOSSES[self.loss].slope(self.y, self.null_predictor())
        return float(np.abs(self.correlation(slope)).max()) / self.l1_ratio

    def grid(self, n_alphas, eps):
        """`n_alphas` values from `alpha_max` down to `eps * alpha_max`, evenly spaced in logarithm."""
        return self.alpha_max() * np.geomspace(1.0, eps, n_alphas)

    def evaluate(self, w, b, alpha):
        """Primal value and relative duality gap at one dense `w` and its intercept.

        Returns
        -------
        primal : float
            In the units of P.
        gap : float
            (primal - dual) / P(0), with the dual point that `dual_value` builds; an upper bound of the
            suboptimality, loose away from the optimum.
        """
        loss, l1, l2 = LOSSES[self.loss], alpha * self.l1_ratio, alpha * (1.0 - self.l1_ratio)
        t = self.X @ w + b
        fit = self.mean(loss.value(self.y, t))
        primal = fit + l1 * float(np.abs(w).sum()) + 0.5 * l2 * float(w @ w)
        if self.fit_intercept:
            t = t + loss.intercept(self.y, t, self.weight)
        return primal, (primal - self.dual_value(-loss.slope(self.y, t), w, l1, l2)) / self.null_value

    def dual_value(self, theta, w, l1, l2):
        """Dual value of the plainly rescaled slopes.

        They are taken at the best intercept for `w` when there is one (the free `b` asks that dual points sum to zero).
        With an L1 part the ridge term is folded into the rows, which makes the constraint |X'theta - n l2 w| <= n l1,
        and rescaling is all it takes to meet it. Without one the ridge dual has no constraint at all.
        """
        correlation = self.correlation(theta)
        dual = LOSSES[self.loss].dual
        if l1 == 0.0:
            return self.mean(dual(self.y, theta)) - 0.5 * float(correlation @ correlation) / l2
        steepest = float(np.abs(correlation - l2 * w).max())
        scale = min(1.0, l1 / steepest) if steepest > 0.0 else 1.0
        return self.mean(dual(self.y, scale * theta)) - 0.5 * scale**2 * l2 * float(w @ w)

    def evaluate_path(self, coefs, intercepts, alphas):
        """Primal values and relative gaps of a whole path.

        Parameters
        ----------
        coefs : csc_matrix of shape (n_columns, n_alphas)
        intercepts, alphas : ndarray of shape (n_alphas,)

        Returns
        -------
        primals, gaps : ndarray of shape (n_alphas,)
        """
        values = [
            self.evaluate(coefs[:, [k]].toarray().ravel(), intercepts[k], alpha) for k, alpha in enumerate(alphas)
        ]
        primals, gaps = np.array(values).T
        return primals, gaps


def worst_suboptimality(primals, best, null_value):
    """The largest excess over the best objective anyone reached, along the path, relative to P(0)."""
    return float(np.max((primals - best) / null_value))
