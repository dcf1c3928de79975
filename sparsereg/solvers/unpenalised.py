"""Least squares on the columns that carry no penalty, by conjugate gradients on their normal equations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg

from sparsereg.solvers.problem import Problem

__all__ = ["UnpenalisedBlock"]

Vector = npt.NDArray[np.float64]

# Correlation with the residual, relative to the norms of both, that counts as orthogonal.
ORTHOGONAL = 1e-10
MAX_ROUNDS = 6


class UnpenalisedBlock:
    """Exact minimisation over a set of columns without penalty, together with the intercept.

    A dual point must be orthogonal to every unpenalised column; the residual after this step is, to rounding.

    Parameters
    ----------
    problem : Problem
    columns : ndarray of int32 of shape (n_columns,)
    """

    def __init__(self, problem: Problem, columns: npt.NDArray[np.int32]):
        self.columns = columns
        self._weight = problem.weight
        self._mass = problem.mass[columns] if problem.fit_intercept else None
        self._size = np.sqrt(problem.curvature[columns])
        shape = (problem.n_rows, problem.indptr.size - 1)
        self._matrix = sparse.csc_matrix(problem.matrix, shape=shape, copy=False)[:, columns].astype(np.float64)
        self._allowed = ORTHOGONAL * np.sqrt(2.0 * problem.reference)

    def solve(self, z: Vector) -> tuple[Vector, float, Vector]:
        """Minimise from the point with weighted residual z.

        Parameters
        ----------
        z : ndarray of float64 of shape (n_rows,)
            `s * (y - X w - b)`, of sum zero with an intercept.

        Returns
        -------
        delta : ndarray of float64 of shape (n_columns,)
            Change of the coefficients.
        shift : float
            Change of the intercept.
        z : ndarray of float64 of shape (n_rows,)
            Weighted residual after the change, orthogonal to every column.
        """
        delta, shift = np.zeros(self.columns.size), 0.0
        operator = LinearOperator((delta.size, delta.size), matvec=self._normal, dtype=np.float64)
        for _ in range(MAX_ROUNDS):
            gradient = (self._matrix.T @ z) / self._size
            if np.abs(gradient).max() <= self._allowed:
                break
            # Columns may be collinear (all levels of a category): the system is singular but consistent.
            step, _ = cg(operator, gradient, rtol=1e-12, maxiter=10 * delta.size + 100)
            step /= self._size
            change, step_shift = self._response(step)
            delta, shift, z = delta + step, shift + step_shift, z - self._weight * change
        return delta, shift, z

    def _response(self, step: Vector) -> tuple[Vector, float]:
        """Change of the linear predictor, intercept adjusted, and the change of the intercept."""
        change = self._matrix @ step
        if self._mass is None:
            return change, 0.0
        shift = -float(self._mass @ step)
        return change + shift, shift

    def _normal(self, scaled: Vector) -> Vector:
        change, _ = self._response(scaled / self._size)
        return (self._matrix.T @ (self._weight * change)) / self._size
