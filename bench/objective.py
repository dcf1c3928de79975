"""The one yardstick: every solver's answer is judged by these functions and never by what the solver says of itself.

The problem, as everywhere in sparsereg:

    P(w, b) = 1/(2 n) * ||y - X w - b||^2 + alpha * (l1_ratio * ||w||_1 + (1 - l1_ratio)/2 * ||w||^2)

with `b` free when there is an intercept and zero when there is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Problem:
    """A penalised least-squares problem on the matrix without its empty columns.

    Parameters
    ----------
    X : csr_matrix of shape (n_rows, n_columns)
    y : ndarray of shape (n_rows,)
        Centred here when there is no intercept: a solver without intercept is given the centred response.
    l1_ratio : float
    fit_intercept : bool
    """

    X: object
    y: np.ndarray
    l1_ratio: float = 1.0
    fit_intercept: bool = True
    null_value: float = field(init=False)

    def __post_init__(self):
        centred = self.y - self.y.mean()
        if not self.fit_intercept:
            self.y = centred
        self.null_value = 0.5 * float(centred @ centred) / len(self.y)

    def alpha_max(self):
        """The smallest `alpha` at which all coefficients are zero (the same with and without intercept)."""
        correlation = self.X.T @ (self.y - self.y.mean())
        return float(np.abs(correlation).max()) / (len(self.y) * self.l1_ratio)

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
        n, l1, l2 = len(self.y), alpha * self.l1_ratio, alpha * (1.0 - self.l1_ratio)
        residual = self.y - self.X @ w - b
        primal = 0.5 * float(residual @ residual) / n + l1 * float(np.abs(w).sum()) + 0.5 * l2 * float(w @ w)
        return primal, (primal - self.dual_value(residual, w, l1, l2)) / self.null_value

    def dual_value(self, residual, w, l1, l2):
        """Dual value of the plainly rescaled residual.

        The residual is centred first when there is an intercept (the free `b` asks that dual points sum to zero). With
        an L1 part the ridge term is folded into the rows, which makes the constraint |X'r - n l2 w| <= n l1, and
        rescaling is all it takes to meet it. Without one the ridge dual has no constraint at all.
        """
        n = len(self.y)
        theta = residual - residual.mean() if self.fit_intercept else residual
        correlation = self.X.T @ theta / n
        if l1 == 0.0:
            return float(theta @ self.y - 0.5 * theta @ theta) / n - 0.5 * float(correlation @ correlation) / l2
        steepest = float(np.abs(correlation - l2 * w).max())
        scale = min(1.0, l1 / steepest) if steepest > 0.0 else 1.0
        squares = float(theta @ theta) / n + l2 * float(w @ w)
        return scale * float(theta @ self.y) / n - 0.5 * scale**2 * squares

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
