"""Products of columns, kept from one alpha to the next: the covariance form (Friedman et al. 2010, section 2.2).

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
# Columns whose products a gradient is worth computing for: more of them cost more than a pass over the rows (measured).
MAX_NEW = 8
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
        n_active = problem.indptr.size - 1
        self._problem = problem
        # A row for each column that was asked for, in that order, and where that of a column is; -1: nowhere.
        self._table, self._ids = np.empty((0, n_active)), np.empty(0, dtype=np.int32)
        self._place = np.full(n_active, -1)

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
        self._keep(chosen)
        return self._table[self._place[chosen]]

    def _keep(self, chosen: Ids) -> None:
        missing, n_kept = chosen[self._place[chosen] < 0], self._ids.size
        if missing.size == 0:
            return
        if n_kept + missing.size > len(self._table):
            larger = np.empty((2 * n_kept + missing.size, self._place.size))
            larger[:n_kept] = self._table[:n_kept]
            self._table = larger
        self._table[n_kept : n_kept + missing.size] = self._compute(missing)
        self._place[missing] = np.arange(n_kept, n_kept + missing.size)
        self._ids = np.append(self._ids, missing)

    def are_at_hand(self, w: Vector) -> bool:
        """Say whether the gradient at coefficients takes few products that are not kept yet."""
        return int(np.count_nonzero(self._place[np.flatnonzero(w)] < 0)) <= MAX_NEW

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
        self._keep(support)
        gradient, norm = self._target - w[self._ids] @ self._table[: self._ids.size], self.norm
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
        column = weighted_column(problem, j, problem.response.weight)
        column_passes.correlate(*problem.matrix, problem.columns, column, shared)
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
