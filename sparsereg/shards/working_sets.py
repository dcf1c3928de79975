"""Working sets over shards: at each alpha the rows travel restricted to the columns that may matter, and no others.

Each round solves on the rows restricted to the working set, which are few as equal ones are one again, and takes one
gradient over all live columns. That says which columns are missing, bounds the distance from the optimum over all of
them, and chooses the working set of the next alpha (sequential strong rule: Tibshirani et al. 2012, eq. 8).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sparsereg.design import find_ids
from sparsereg.path.solve import GridSolver
from sparsereg.reduction.reduced import Reduced
from sparsereg.shards.passes import LargeEntries, Point, TargetFacts, add_gradients, gradient, large_entries, restrict
from sparsereg.shards.pool import Pool
from sparsereg.shards.restricted import RestrictedFit, RestrictedProblem
from sparsereg.shards.screening import LiveColumns
from sparsereg.solvers.assemble import ProblemOptions, make_penalty
from sparsereg.solvers.base import Solution, SolverOptions, State
from sparsereg.solvers.null_model import OVERWHELMING, null_state, state_at

Vector = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]

# Columns come in where |X_j' z| is at least this share of their threshold at the alpha to come, if not more: after a
# step far down the strong rule would take nearly all.
CAP = 0.8
# The same for columns beside such as were missing.
BESIDE_MISSING = 0.9
# Of the tolerance that is asked for: what fits on restricted rows are solved to, and what more each further round asks.
INNER_SHARE, TIGHTER = 0.3, 0.1
MAX_ROUNDS = 12
# Columns of the alpha after the next come along where rows travel anyway, up to this share of the live ones: restricted
# to so few, rows are few, and one pass is saved.
AHEAD_SHARE = 0.01
# Entries that exceed their threshold by no more than rounding are not missing.
EXCEEDS = 1.0 + 1e-9


class ShardPath:
    """Solves at one alpha after another over all shards.

    Parameters
    ----------
    pool : Pool
        Of shards that have the live columns at least.
    live : LiveColumns
    facts : TargetFacts
    null_loss : float
        Of the model with intercept only, all parts of it: the columns that are not live were bounded by it.
    options : ProblemOptions
    solver_options : SolverOptions

    Attributes
    ----------
    restricted : RestrictedProblem
        Of the working set.
    """

    restricted: RestrictedProblem
    _state: State

    def __init__(
        self, pool: Pool, live: LiveColumns, facts: TargetFacts, null_loss: float, options: ProblemOptions,
        solver_options: SolverOptions,
    ):
        self._pool, self._live, self._facts, self._null_loss = pool, live, facts, null_loss
        self._options, self._solver_options = options, solver_options
        self._v, self._cost = live.v.copy(), live.cost
        self._positions = np.empty(0, dtype=np.int64)
        self._fit: RestrictedFit | None = None
        self._last = np.inf

    def start(self) -> Vector:
        """Fit the model with intercept and columns without penalty; return `X' z` of it over the live columns.

        Returns
        -------
        v : ndarray of float64 of shape (n_live,)
        """
        free = self._live.unpenalized
        if free.size:
            self._take(free, np.inf)
            problem, state = self.restricted.problem, self._state
            intercept = problem.intercept_outside(state.w, state.b)
            penalty = make_penalty("elastic_net", OVERWHELMING, 1.0, None)
            self._fit = RestrictedFit(self.restricted, penalty, state.w, intercept, self._solver_options)
            self._look(self._fit.point(self._facts.y_mean), 0.0)
        return self._v

    def solve(self, alpha: float, later: Vector) -> Solution:
        """Solve at one alpha, from the solution before.

        Parameters
        ----------
        alpha : float
        later : ndarray of float64 of shape (n_later,)
            What comes after it, decreasing.

        Returns
        -------
        solution : Solution
            On the live columns.
        """
        self._choose(alpha, later)
        options, inner = self._solver_options, INNER_SHARE * self._solver_options.tol
        penalty = make_penalty(self._options.penalty, alpha, self._options.l1_ratio, None)
        problem, dual, n_iter = self.restricted.problem, -np.inf, 0
        target = options.tol * problem.reference + problem.gap_rounding
        # Targets that are all the same leave nothing but rounding, of rows and restricted rows another one.
        blurry = problem.reference <= problem.gap_rounding
        for _ in range(MAX_ROUNDS):
            rough = replace(options, tol=inner, max_iter=max(options.max_iter - n_iter, 1))
            solution = GridSolver(self.restricted.problem, self._options, rough).solve(alpha, self._state)
            n_iter += solution.n_iter
            w = solution.coefs.toarray()[:, 0]
            fit = self._fit = RestrictedFit(self.restricted, penalty, w, float(solution.b[0]), options)
            point = fit.point(self._facts.y_mean)
            # Of the columns to choose from at the next alphas, and all that bind the dual point at this one.
            floor = min(alpha, CAP * min([alpha, *later[:2]]))
            large = self._look(point, self._options.l1_ratio * floor)
            outside = ~np.isin(large.positions, self._positions)
            if fit.loss <= self._null_loss * EXCEEDS + problem.gap_rounding:
                dual = max(dual, fit.dual(large, point.factors, outside, self._live))
            gap = max(fit.objective - dual, 0.0)
            missing = outside & self._exceeding(large, alpha * EXCEEDS)
            if gap <= target or blurry or n_iter >= options.max_iter:
                break
            if missing.any():
                missing = outside & self._exceeding(large, BESIDE_MISSING * alpha)
                self._take(np.union1d(self._positions, large.positions[missing]), alpha)
            else:
                inner *= TIGHTER
        self._last = alpha
        relative = 0.0 if blurry else max(gap, problem.gap_rounding_floor) / problem.reference
        return fit.report(
            self._occupied(), self._live.ids.size, dual_gap=float(relative), n_iter=n_iter,
            converged=blurry or gap <= target, unbounded=solution.unbounded,
        )

    def _look(self, point: Point, floor: float) -> LargeEntries:
        """Take the gradient over all live columns; entries below `floor` times what a column costs are taken for 0."""
        large = self._pool.gather(
            gradient, add_gradients, self._live.ids, point, self._facts, finish=(large_entries, self._cost, floor),
            label="gradient",
        )
        self._v[:] = 0.0
        self._v[large.positions] = large.v
        return large

    def _exceeding(self, large: LargeEntries, alpha: float) -> npt.NDArray[np.bool_]:
        """Find the entries that reach the threshold of their columns, on a side that bounds leave."""
        at, live = large.positions, self._live
        open_side = np.where(large.v > 0.0, live.upper[at] > 0.0, live.lower[at] < 0.0)
        return open_side & (np.abs(large.v) > self._options.l1_ratio * alpha * self._cost[at])

    def _choose(self, alpha: float, later: Vector) -> None:
        """Have the columns in the working set that are likely to come in, and those of the alphas to come with them."""
        every = LargeEntries(np.arange(self._v.size, dtype=np.int32), self._v, np.empty(0), 0.0)
        strong = max(2.0 * alpha - self._last, CAP * alpha)
        wanted = np.flatnonzero(self._exceeding(every, strong) | (self._cost == 0.0))
        if self._fit is None or not np.isin(wanted, self._positions).all():
            ahead = np.flatnonzero(self._exceeding(every, CAP * min([alpha, *later[:1]])) | (self._cost == 0.0))
            wanted = ahead if ahead.size <= AHEAD_SHARE * self._v.size else wanted
            support = self._occupied()[self._fit.w != 0.0] if self._fit is not None else wanted[:0]
            self._take(np.union1d(support, wanted), self._last)

    def _occupied(self) -> Positions:
        """Return the positions among the live columns of those of the restricted rows."""
        return np.searchsorted(self._live.ids, self.restricted.design.active)

    def _take(self, positions: Positions, alpha: float) -> None:
        """Fetch the rows restricted to some columns, and start there from the last solution, which is that of alpha."""
        before = None if self._fit is None else self.restricted.design.active
        self._positions = positions
        reduced = self._pool.gather(restrict, Reduced.merge_all, self._live.ids[positions], label="restrict")
        self.restricted = RestrictedProblem(reduced, self._options)
        problem = self.restricted.problem
        if self._fit is None or before is None:
            self._state = null_state(problem, self._solver_options)
            return
        found, at = find_ids(before, self.restricted.design.active)
        w = np.zeros(self.restricted.design.n_active)
        w[at] = self._fit.w[found]
        self._state = state_at(problem, w, self._fit.intercept, alpha, self._solver_options)
