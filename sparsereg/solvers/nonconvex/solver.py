"""MCP, SCAD and L0: coordinate-wise minima, for L0 from two starts and with local swaps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sparsereg._core.penalties import L0, ElasticNet
from sparsereg.solvers import coordinate_descent
from sparsereg.solvers.base import Ids, Solution, SolverOptions, State
from sparsereg.solvers.nonconvex import swaps
from sparsereg.solvers.nonconvex.coordinatewise import CoordinatewiseMinimizer
from sparsereg.solvers.nonconvex.cross_products import CrossProducts
from sparsereg.solvers.null_model import null_curvature, null_state
from sparsereg.solvers.problem import Problem

if TYPE_CHECKING:
    from sparsereg._core.penalties import _Penalty

# A start need not be solved for further than this relative duality gap.
START_TOL = 1e-4
# Times that columns which the strong rule missed are added to a start, at most.
MAX_ADDITIONS = 3


class LassoWarmStart:
    """The L1 path beside an L0 path, with the same threshold for each column.

    L0 keeps a column alone where `v_j^2 / (2 q_j) > strength p_j`; so does L1 of strength `sqrt(strength)` with factors
    `sqrt(2 q_j p_j) / scale_j`, on coefficients that move from zero without a jump.

    Parameters
    ----------
    problem : Problem
        That of the L0 path.
    options : SolverOptions

    Attributes
    ----------
    neighbors : Neighbors
        Of the columns of the problem, for swaps.
    products : CrossProducts or None
        Of these columns, where they are few.
    """

    def __init__(self, problem: Problem, options: SolverOptions):
        curvature = null_curvature(problem)
        with np.errstate(invalid="ignore"):
            # Excluded columns may have no curvature.
            factor = np.sqrt(2.0 * curvature * problem.penalty_factor) / problem.scale
        self.neighbors = swaps.Neighbors(problem)
        self.products = CrossProducts(problem) if CrossProducts.suits(problem) else None
        self._problem = replace(problem, penalty_factor=factor)
        self._state = null_state(self._problem, options)
        self._strength = np.inf

    def start(self, penalty: L0, options: SolverOptions) -> tuple[State, int]:
        """Solve L1 for the threshold of an L0 penalty.

        Parameters
        ----------
        penalty : L0
        options : SolverOptions

        Returns
        -------
        state : State
            The solution, a warm start for L0.
        n_iter : int
            Passes that it took.
        """
        rough = replace(options, tol=max(options.tol, START_TOL), callback=None)
        state, lasso = self._state, ElasticNet(np.sqrt(penalty.strength), 1.0)
        n_iter, near = 0, self._problem.columns if self.products is None else self._near(lasso)
        for _ in range(MAX_ADDITIONS):
            problem = self._problem if self.products is None else self._problem.restrict(near)
            n_iter += coordinate_descent.solve(problem, lasso, state, rough).n_iter
            missed = near[:0] if self.products is None else np.setdiff1d(self._near(lasso), near)
            if missed.size == 0:
                break
            near = np.union1d(near, missed)
        copied = replace(
            state, w=state.w.copy(), neg_gradient=state.neg_gradient.copy(),
            Xt_neg_gradient=state.Xt_neg_gradient.copy(),
        )
        return copied, n_iter

    def _near(self, lasso: ElasticNet) -> Ids:
        """Find the support and the columns that may join it (strong rule), from the products of columns.

        After a solution at the same strength these are the columns that it has missed.
        """
        problem, w = self._problem, self._state.w
        columns = problem.columns
        if self.products.are_at_hand(w):
            share = np.abs(self.products.gradient(w)[0][columns])
        else:
            share = np.abs(problem.correlations(columns, self._state.neg_gradient))
        threshold = problem.penalty_factor[columns] * problem.scale[columns]
        last = self._strength
        if not np.isfinite(last):
            last = float(np.max(share[threshold > 0.0] / threshold[threshold > 0.0], initial=0.0))
        least = 2.0 * lasso.strength - last if last > lasso.strength else lasso.strength * (1.0 + START_TOL)
        self._strength = lasso.strength
        return columns[(share > least * threshold) | (w[columns] != 0.0)]


def solve(
    problem: Problem, penalty: _Penalty, state: State, options: SolverOptions, lasso: LassoWarmStart | None = None
) -> Solution:
    """Find a minimum of F along every coordinate at one alpha, from a warm start.

    Nothing says that it is the global minimum. For losses other than squared it is one of F with the loss replaced by
    its quadratic model there.

    Parameters
    ----------
    problem : Problem
        Without singleton columns (`eliminate=False`), every finite bound 0.
    penalty : MCP, SCAD or L0
    state : State
        Warm start; holds the solution on return.
    options : SolverOptions
        `tol` bounds the violation relative to that of the null model, the largest `|X_j' z| / scale_j` of the model
        with intercept only.
    lasso : LassoWarmStart or None, default=None
        The L1 path that an L0 path runs beside; None: a new one.

    Returns
    -------
    solution : Solution
        With `violation`, and NaN for the duality gap. L0 starts from the warm start and from the L1 solution and keeps
        the lower F, of equals the former; then columns are swapped while that lowers F.
    """
    if not penalty.is_l0 or penalty.strength == 0.0:
        return CoordinatewiseMinimizer(problem, penalty, state, options).run().finish()
    if lasso is None:
        lasso = LassoWarmStart(problem, options)
    run = CoordinatewiseMinimizer(problem, penalty, state, options, lasso.products).run()
    start, used_iter = lasso.start(penalty, _less(options, run.n_iter))
    used_iter += run.n_iter
    other = CoordinatewiseMinimizer(problem, penalty, start, _less(options, used_iter), lasso.products).run()
    used_iter += other.n_iter
    if other.objective < run.objective:
        run = other
    run.options, run.n_iter = options, used_iter
    swaps.improve(run, lasso.neighbors)
    solution, best = run.finish(), run.state
    state.w, state.b, state.neg_gradient, state.eta = best.w, best.b, best.neg_gradient, best.eta
    state.alpha, state.Xt_is_current = best.alpha, None
    return solution


def _less(options: SolverOptions, used_iter: int) -> SolverOptions:
    """Take passes off the budget, but for one."""
    return replace(options, max_iter=max(options.max_iter - used_iter, 1))
