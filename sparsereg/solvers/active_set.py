"""Parametric active set for squared loss with few rows: exact descents where sweeps crawl (homotopy)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparsereg._core.active_set import ActiveSet
from sparsereg.solvers.base import Ids, State, Vector

if TYPE_CHECKING:
    from sparsereg.solvers.problem import Problem

# An event costs the square of the members; beyond so many rows sweeps are cheaper (measured at 500 and 1,500 rows).
MAX_ROWS = 700
# Columns held at a time, as dense blocks: 12 MB at most.
MAX_COLUMNS = 2 * MAX_ROWS + 700
# With L2 there may be more members than rows.
MAX_MEMBERS = 1000
# Sweeps that get so far are the cheaper way: an event costs about as much as one over the working set.
MAX_SWEEPS = 10
# Columns that wait to join, up to which events are fewer than the sweeps it would take.
FEW_JOINS = 20
# Violation of the optimality conditions, relative, up to which a descent has done its work.
SOLVED = 1e-7
# Descents that fail at one alpha before sweeps take over.
MAX_FAILURES = 2


def active_set_of(problem: Problem, state: State) -> ActiveSetDescent | None:
    """Return what descends on the active set of a problem, kept in the state; None where sweeps do.

    Parameters
    ----------
    problem : Problem
        Of squared loss.
    state : State

    Returns
    -------
    active_set : ActiveSetDescent or None
    """
    if state.active_set is None or state.active_set.problem is not problem:
        state.active_set = ActiveSetDescent(problem)
    state.active_set.n_failures = 0
    return state.active_set if state.active_set.applies else None


class ActiveSetDescent:
    """Descends on the working set of one problem; keeps its columns, its members and their factor between alphas.

    Parameters
    ----------
    problem : Problem
        Of squared loss.
    """

    def __init__(self, problem: Problem):
        self.problem = problem
        root = np.sqrt(problem.response.weight)
        self.root = root if root.size == problem.n_rows else root[:1].copy()
        self.kernel: ActiveSet | None = None
        self.n_failures, self.was_exact = 0, False
        bounds = np.concatenate([problem.lower[problem.columns], problem.upper[problem.columns]])
        self.applies = problem.n_rows <= MAX_ROWS and bool(np.all(np.isinf(bounds) | (bounds == 0.0)))

    def descend(self, descent: Any, columns: Ids) -> bool:
        """Minimise F over the working set, if that is likely to take less work than sweeps; say whether it is done.

        Parameters
        ----------
        descent : _LeastSquares
        columns : ndarray of int32
            The working set.

        Returns
        -------
        is_done : bool
            False leaves the working set to sweeps, from wherever it is then.
        """
        if self.n_failures >= MAX_FAILURES or descent.gap.stalled > 0 or columns.size > MAX_COLUMNS:
            return False
        state = descent.state
        w = state.w[columns]
        excess, shift = self.solve(columns, w, state.neg_gradient, descent.penalty)
        descent.gap.n_iter += 1
        if np.isfinite(excess):
            state.w[columns] = w
            state.b += shift
            descent.working_set = columns
            descent._update_loss()
        self.n_failures += excess > SOLVED
        return excess <= SOLVED

    def solve(self, columns: Ids, w: Vector, neg_gradient: Vector, penalty: Any) -> tuple[float, float]:
        """Minimise F over the working set.

        Parameters
        ----------
        columns : ndarray of int32 of shape (n_columns,)
        w : ndarray of float64 of shape (n_columns,)
            Their coefficients; changed in place.
        neg_gradient : ndarray of float64 of shape (n_rows,)
            Weighted residual, of sum zero with an intercept; changed in place.
        penalty : ElasticNet

        Returns
        -------
        excess : float
            Largest violation of the optimality conditions, relative; infinite where nothing was changed.
        shift : float
            Change of the intercept.
        """
        problem, start = self.problem, w.copy()
        factor, scale = problem.penalty_factor[columns], problem.scale[columns]
        threshold = penalty.strength * factor * scale
        ridge = penalty.alpha * (1.0 - penalty.l1_ratio) * factor * scale**2
        mean = problem.column_sum[columns] if problem.fit_intercept else np.zeros(columns.size)
        kernel = self._holding(columns, mean, penalty.l1_ratio < 1.0)
        excess = kernel.solve(
            w, neg_gradient, self.root, threshold, ridge, problem.lower[columns], problem.upper[columns],
            problem.reference, 20 * (problem.n_rows + columns.size),
        )
        return excess, -float(mean @ (w - start))

    def _holding(self, columns: Ids, mean: Vector, has_ridge: bool) -> ActiveSet:
        """Return the kernel with the columns in it, made larger where they need that."""
        problem, kernel = self.problem, self.kernel
        n_columns = problem.indptr.size - 1
        max_members = min(MAX_MEMBERS if has_ridge else problem.n_rows, n_columns)
        if kernel is None or max_members > kernel.max_members:
            n_slots = min(MAX_COLUMNS, n_columns)
            self.kernel = kernel = ActiveSet(n_columns, problem.n_rows, n_slots, max_members)
        kernel.hold(*problem.matrix, columns, self.root, mean)
        return kernel
