"""Products of columns, kept from one alpha to the next: the covariance form of squared loss (Friedman et al. 2010, 2.2).

A path of L0 looks at the same few columns again and again; their products with all others say what every gradient is
and what every swap gains, without a pass over the rows.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from sparsereg._core import columns as column_passes
from sparsereg.solvers.base import Ids, Vector
from sparsereg.solvers.problem import Problem

# Columns up to which products are kept: 32 MB for all of them.
MAX_COLUMNS = 2_000
# What rounding leaves of a sum of products, relative to their sizes, for each term.
ROUNDING = 4.0 * np.finfo(float).eps


class CrossProducts:
    """Weighted products of the columns of a problem of squared loss, about the means where there is an intercept.

    Parameters
    ----------
    problem : Problem
        Its own quadratic model, of at most MAX_COLUMNS columns.
    """

    def __init__(self, problem: Problem):
        self._problem = problem
        self._kept: dict[int, Vector] = {}

    @staticmethod
    def suits(problem: Problem) -> bool:
        """Say whether the products of a problem are few, and the same at every point."""
        return problem.is_quadratic and problem.indptr.size - 1 <= MAX_COLUMNS

    def rows(self, chosen: Ids) -> Vector:
        """Return the products of chosen columns with all.

        Parameters
        ----------
        chosen : ndarray of int32 of shape (n_chosen,)

        Returns
        -------
        products : ndarray of float64 of shape (n_chosen, n_active)
            Cost: a pass over the columns for each that was not asked for before.
        """
        missing = np.array([j for j in chosen.tolist() if j not in self._kept], dtype=np.int32)
        if missing.size:
            self._kept.update(zip(missing.tolist(), self._compute(missing)))
        return np.array([self._kept[j] for j in chosen.tolist()]).reshape(chosen.size, self._problem.indptr.size - 1)

    def gradient(self, w: Vector) -> tuple[Vector, float]:
        """Compute `X' z` of the residual at coefficients, beside their best intercept.

        Parameters
        ----------
        w : ndarray of float64 of shape (n_active,)

        Returns
        -------
        gradient : ndarray of float64 of shape (n_active,)
        rounding : float
            What rounding may have added to it, at most, over the norm of a column.
        """
        support = np.flatnonzero(w).astype(np.int32)
        gradient, norm = self._target - w[support] @ self.rows(support), self.norm
        size = np.sqrt(2.0 * self._problem.response.null_objective) + float(np.abs(w[support]) @ norm[support])
        return gradient, ROUNDING * (support.size + np.sqrt(self._problem.n_rows)) * size

    @cached_property
    def norm(self) -> Vector:
        """Roots of the products of the columns with themselves."""
        return np.sqrt(self._problem.curvature)

    @cached_property
    def _target(self) -> Vector:
        """Products of the columns with the target."""
        problem, v = self._problem, np.zeros(self._problem.indptr.size - 1)
        z = np.broadcast_to(problem.response.weight, (problem.n_rows,)) * problem.response.y
        column_passes.correlate(*problem.matrix, problem.columns, z, v)
        return v

    def _compute(self, missing: Ids) -> Vector:
        problem = self._problem
        if problem.is_dense and problem.data.dtype == np.float64:
            matrix = problem.data.reshape(-1, problem.n_rows)
            products = (matrix[missing] * problem.response.weight) @ matrix.T
        else:
            products = np.array([self._overlap(int(j)) for j in missing])
        if problem.fit_intercept:
            products -= np.outer(problem.column_sum[missing], problem.column_sum)
        return products

    def _overlap(self, j: int) -> Vector:
        problem, shared = self._problem, np.zeros(self._problem.indptr.size - 1)
        column_passes.correlate(*problem.matrix, problem.columns, weighted_column(problem, j, problem.response.weight), shared)
        return shared


def weighted_column(problem: Problem, j: int, weight: Vector) -> Vector:
    """Return a column times the weights of the rows.

    Parameters
    ----------
    problem : Problem
    j : int
    weight : ndarray of float64 of shape (n_rows,) or (1,)

    Returns
    -------
    column : ndarray of float64 of shape (n_rows,)
    """
    entries, column = slice(problem.indptr[j], problem.indptr[j + 1]), np.zeros(problem.n_rows)
    # No values at all are ones.
    column[problem.indices[entries]] = problem.data[entries] if problem.data.size else 1.0
    return column * weight
