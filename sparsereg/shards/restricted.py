"""Fits on rows restricted to a working set, and their duality gap over the columns of all shards."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import column_objective
from sparsereg._core.penalties import ElasticNet
from sparsereg.design import make_design
from sparsereg.path.api import training_data
from sparsereg.reduction.reduced import Reduced
from sparsereg.shards.passes import LargeEntries, Point
from sparsereg.shards.screening import LiveColumns
from sparsereg.solvers.assemble import ProblemOptions, prepare
from sparsereg.solvers.base import Solution, SolverOptions
from sparsereg.solvers.certificate import SOLVED, DualCertificate
from sparsereg.solvers.null_model import state_at
from sparsereg.solvers.response import linearize_rows

Vector = npt.NDArray[np.float64]

# Newton's steps on intercept and columns without penalty, from a solution; they are few.
MAX_STEPS = 20
# What may be left of sum_i z_i, relative to the sum of their sizes.
BALANCED = 1e-14
# Shares of the largest feasible factor of a dual point, as the working set knows it, that the conjugate of the loss is
# summed at too: other columns may allow less. In between it is bounded by chords, as it is convex.
SHARES = np.array([1.0, 1.0 - 1e-6, 1.0 - 1e-4, 0.99, 0.8])


class RestrictedProblem:
    """The rows of all shards, restricted to a working set, as solvers take them.

    Parameters
    ----------
    reduced : Reduced
    options : ProblemOptions
        Alphas are above 0.

    Attributes
    ----------
    design : Design
    problem : Problem
    whole : Problem
        The same, with no column eliminated.
    """

    def __init__(self, reduced: Reduced, options: ProblemOptions):
        X, y, weight, _ = training_data(reduced, None, None, None, options.loss)
        self.design = make_design(X)
        self.problem = prepare(self.design, y, weight, None, options, np.inf)
        self.whole = self.problem.restrict(self.problem.usable)


class RestrictedFit:
    """A solution on restricted rows, its F, and what bounds its distance from the optimum over all columns.

    F is that over all columns, as the others have no coefficient. Intercept and columns without penalty are minimised
    over to the last digit, so that minus the derivative of the loss is a dual point but for its size.

    Parameters
    ----------
    restricted : RestrictedProblem
    penalty : ElasticNet
    w : ndarray of float64 of shape (n_active,)
        Of the solution.
    intercept : float
        On the user's scale.
    options : SolverOptions

    Attributes
    ----------
    w : ndarray of float64 of shape (n_active,)
    intercept : float
        On the user's scale.
    loss, objective : float
    """

    def __init__(
        self, restricted: RestrictedProblem, penalty: ElasticNet, w: Vector, intercept: float, options: SolverOptions
    ):
        problem = self._problem = restricted.whole
        self._penalty, self._active = penalty, restricted.design.active
        self._state = state_at(problem, w, intercept, penalty.alpha, options)
        self._state.w[:] = w
        self._b, self._z = problem.intercept_inside(w, intercept), np.empty(problem.n_rows)
        self._eta = problem.predictor(w, self._b)
        self._certificate = DualCertificate(problem, penalty, self._state, options)
        value = self._balance()
        self._certificate.correlate(problem.columns, self._z)
        self.w, self.intercept = self._state.w, problem.intercept_outside(self._state.w, self._b)
        self.loss = value + problem.response.constant
        self.objective = self.loss + self._certificate.penalty_sum(problem.columns)

    def _balance(self) -> float:
        """Minimise over intercept and columns without penalty; return the loss of the rows."""
        problem = self._problem
        for _ in range(MAX_STEPS):
            value, curvature, _ = linearize_rows(problem.loss, problem.row_terms, self._eta, self._z)
            total = float(curvature.sum()) if problem.fit_intercept else 0.0
            left = float(self._z.sum())
            if total > 0.0 and abs(left) > max(BALANCED * float(np.abs(self._z).sum()), problem.noise):
                self._b, self._eta = self._b + left / total, self._eta + left / total
            elif not self._certificate.unpenalized.size or not self._step(curvature, total):
                break
        return value

    def _step(self, curvature: Vector, total: float) -> bool:
        """Take Newton's step on columns without penalty, and the intercept with them; say whether there was one."""
        problem, state, block = self._problem, self._state, self._certificate.find_block(self._z)
        columns = block.columns
        little = 0.1 * SOLVED * self._certificate.norm[columns] * np.sqrt(2.0 * max(problem.reference, 0.0))
        if np.all(np.abs(state.Xt_neg_gradient[columns]) <= little):
            return False
        delta, shift, _, _ = block.solve(self._z, curvature, total)
        w = np.clip(state.w[columns] + delta, problem.lower[columns], problem.upper[columns])
        self._eta = self._eta + block.change(w - state.w[columns], shift)
        self._b, state.w[columns] = self._b + shift, w
        return bool(delta.any())

    def point(self, y_mean: float) -> Point:
        """Return where the shards are to take the gradient.

        Parameters
        ----------
        y_mean : float
            That is taken off the targets there.

        Returns
        -------
        point : Point
        """
        factors = np.unique(np.concatenate([[1.0], *(SHARES * scale for scale in self._scales())]))
        used = np.flatnonzero(self.w)
        return Point(self._active[used], self.w[used], self.intercept - y_mean, factors[factors > 0.0])

    def _scales(self) -> list[float]:
        return self._certificate.scales(self._problem.columns)

    def dual(self, large: LargeEntries, factors: Vector, outside: Vector, live: LiveColumns) -> float:
        """Return the best dual objective over all columns of the shards.

        Parameters
        ----------
        large : LargeEntries
            Of the gradient of all shards, at `point`; entries that are not among them are below their thresholds.
        factors : ndarray of float64 of shape (n_factors,)
            Those of `point`.
        outside : ndarray of bool of shape (n_large,)
            Large entries of columns that are not in the working set.
        live : LiveColumns

        Returns
        -------
        dual : float
            -inf where no factor makes the point feasible.
        """
        columns, at = np.arange(np.count_nonzero(outside), dtype=np.int32), large.positions[outside]
        v, zeros = large.v[outside], np.zeros(columns.size)
        penalties = live.penalty_factor[at], live.scale[at], live.lower[at], live.upper[at]
        allowed = column_objective.feasible_scale(self._penalty, columns, v, zeros, *penalties)
        response = self._problem.response
        constant = large.within if self._problem.loss.location else response.constant
        best = -np.inf
        for factor in np.unique(np.concatenate([factors, np.minimum(factors, allowed)])):
            if factor >= factors[0]:
                conjugates = self._certificate.conjugate(self._problem.columns, factor)
                conjugates += column_objective.conjugate_sum(self._penalty, columns, v, factor, *penalties)
                best = max(best, constant - conjugates - float(np.interp(factor, factors, large.conjugates)))
        return best

    def report(self, positions: npt.NDArray[np.int64], n_live: int, **facts: Any) -> Solution:
        """Return the solution on the live columns.

        Parameters
        ----------
        positions : ndarray of int64 of shape (n_active,)
            Of the columns here among the live ones.
        n_live : int
        **facts
            `dual_gap`, `n_iter`, `converged` and `unbounded`.

        Returns
        -------
        solution : Solution
        """
        w = np.zeros(n_live)
        w[positions] = self.w
        return Solution.of(w, b=self.intercept, objective=self.objective, loss=self.loss, **facts)
