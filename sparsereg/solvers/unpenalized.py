"""Least squares on the columns that carry no penalty, by LSMR (Fong and Saunders 2011)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sparsereg.solvers.base import Vector, inner
from sparsereg.solvers.problem import Problem

# Gain, relative to the objective of the null model, below which another round is not worth it.
NEGLIGIBLE = 1e-14
MAX_ROUNDS = 6
# The same for all that is left: so little that it is orthogonal to every column, as far as a dual point must be.
EXACT = 1e-24
# Of a round, each of two passes over the columns.
MAX_STEPS = 1000


class UnpenalizedBlock:
    """Exact minimisation over a set of columns without penalty, together with the intercept.

    A dual point must be orthogonal to every unpenalised column; the residual after this step is, to rounding.

    Parameters
    ----------
    problem : Problem
    columns : ndarray of int32 of shape (n_columns,)
    unit : ndarray of float64 of shape (n_columns,) or None, default=None
        What coefficients are multiplied with before their length is taken; None: the root of the column's curvature.
    """

    def __init__(self, problem: Problem, columns: npt.NDArray[np.int32], unit: Vector | None = None):
        self.columns, self._unit = columns, unit
        self._problem, self._matrix = problem, problem.submatrix(columns)
        self._allowed = NEGLIGIBLE * problem.reference

    def solve(self, neg_gradient: Vector, weight: Vector, weight_sum: float) -> tuple[Vector, float, Vector, float]:
        """Minimise from the point with weighted residual z.

        Parameters
        ----------
        neg_gradient : ndarray of float64 of shape (n_rows,)
            `weight * (target - X w - b)`, of sum zero with an intercept.
        weight : ndarray of float64 of shape (n_rows,) or (1,)
        weight_sum : float
            Sum of the weights; 0 for a model without intercept.

        Returns
        -------
        delta : ndarray of float64 of shape (n_columns,)
            Change of the coefficients; of all that minimise, the shortest in the given units.
        shift : float
            Change of the intercept.
        neg_gradient : ndarray of float64 of shape (n_rows,)
            Weighted residual after the change, orthogonal to every column.
        slack : float
            What the last round still gained, an estimate from above of what another would.
        """
        # Imported late: it takes longer than all other imports together, and most fits do without.
        from scipy.sparse.linalg import LinearOperator, lsmr

        self._weigh(weight, weight_sum)
        delta, shift, slack = np.zeros(self.columns.size), 0.0, 0.0
        shape = (neg_gradient.size, delta.size)
        operator = LinearOperator(shape, matvec=self._forward, rmatvec=self._backward, dtype=np.float64)
        for _ in range(MAX_ROUNDS):
            residual = np.divide(neg_gradient, self._root, out=np.zeros_like(neg_gradient), where=self._root > 0.0)
            # No step gains more than all that is left.
            slack = 0.5 * inner(residual, residual)
            gradient = self._backward(residual)
            if slack <= EXACT * self._problem.reference or not gradient.any():
                return delta, shift, neg_gradient, slack if gradient.any() else 0.0
            # Columns may be collinear (all levels of a category); conjugate gradients would run away along them.
            max_iter = min(10 * delta.size + 100, MAX_STEPS)
            step = lsmr(operator, residual, atol=1e-14, btol=0.0, conlim=0.0, maxiter=max_iter)[0]
            delta, shift = delta + step / self._size, shift - float(self._mean @ (step / self._size))
            neg_gradient = neg_gradient - self._root * self._forward(step)
            slack = 0.5 * abs(float(gradient @ step))
            if slack <= self._allowed:
                break
        return delta, shift, neg_gradient, slack

    def change(self, delta: Vector, shift: float) -> Vector:
        """Return the change of the linear predictor, row by row."""
        return np.asarray(self._matrix @ delta + shift)

    def _weigh(self, weight: Vector, weight_sum: float) -> None:
        """Take the moments of the columns under the weights of the rows."""
        column_sum, curvature = self._problem.moments(self.columns, weight)
        self._root = np.sqrt(weight)
        self._mean = column_sum / weight_sum if weight_sum > 0.0 else np.zeros(column_sum.size)
        # A column that no row with weight tells from a constant stays where it is.
        self._size = np.where(curvature > 0.0, np.sqrt(curvature) if self._unit is None else self._unit, np.inf)

    def _forward(self, scaled: Vector) -> Vector:
        """Change of the linear predictor, intercept adjusted, in units of one over the root of the weights."""
        step = np.ravel(scaled) / self._size
        return self._root * (self._matrix @ step - self._mean @ step)

    def _backward(self, residual: Vector) -> Vector:
        weighted = self._root * np.ravel(residual)
        return (self._matrix.T @ weighted - self._mean * weighted.sum()) / self._size
