"""MCP, SCAD and L0: coordinate-wise minima, for L0 from two starts and with local swaps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sparsereg._core.penalties import L0, ElasticNet
from sparsereg.solvers import coordinate_descent, swaps
from sparsereg.solvers.base import Controls, Point, Solution
from sparsereg.solvers.fixpoint import FixpointRun
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.start import null_curvature, null_point

if TYPE_CHECKING:
    from sparsereg._core.penalties import _Penalty

__all__ = ["Companion", "solve"]

# A start need not be solved for further than this relative duality gap.
ROUGH = 1e-4


class Companion:
    """The L1 path beside an L0 path, with the same threshold for each column.

    L0 keeps a column alone where `v_j^2 / (2 q_j) > strength p_j`; so does L1 of strength `sqrt(strength)` with factors
    `sqrt(2 q_j p_j) / scale_j`, on coefficients that move from zero without a jump.

    Parameters
    ----------
    problem : Problem
        That of the L0 path.
    controls : Controls

    Attributes
    ----------
    neighbours : Neighbours
        Of the columns of the problem, for swaps.
    """

    def __init__(self, problem: Problem, controls: Controls):
        curvature = null_curvature(problem)
        with np.errstate(invalid="ignore"):
            # Excluded columns may have no curvature.
            factor = np.sqrt(2.0 * curvature * problem.factor) / problem.scale
        self.neighbours = swaps.Neighbours(problem)
        self._problem = replace(problem, factor=factor)
        self._point = null_point(self._problem, controls)

    def start(self, penalty: L0, controls: Controls) -> tuple[Point, int]:
        """Solve L1 for the threshold of an L0 penalty.

        Parameters
        ----------
        penalty : L0
        controls : Controls

        Returns
        -------
        point : Point
            The solution, a warm start for L0.
        n_iter : int
            Passes that it took.
        """
        rough = replace(controls, tol=max(controls.tol, ROUGH), callback=None)
        point, lasso = self._point, ElasticNet(np.sqrt(penalty.strength), 1.0)
        n_iter = coordinate_descent.solve(self._problem, lasso, point, rough).n_iter
        return replace(point, w=point.w.copy(), z=point.z.copy(), v=point.v.copy()), n_iter


def solve(
    problem: Problem, penalty: _Penalty, point: Point, controls: Controls, companion: Companion | None = None
) -> Solution:
    """Find a minimum of F along every coordinate at one alpha, from a warm start.

    Nothing says that it is the global minimum. For losses other than squared it is one of F with the loss replaced by
    its quadratic model there.

    Parameters
    ----------
    problem : Problem
        Without private columns (`eliminate=False`), every finite bound 0.
    penalty : MCP, SCAD or L0
    point : Point
        Warm start; holds the solution on return.
    controls : Controls
        `tol` bounds the violation relative to that of the null model, the largest `|X_j' z| / scale_j` of the model
        with intercept only.
    companion : Companion or None, default=None
        The L1 path that an L0 path runs beside; None: a new one.

    Returns
    -------
    solution : Solution
        With `violation`, and NaN for the duality gap. L0 starts from the warm start and from the L1 solution and keeps
        the lower F, of equals the former; then columns are swapped while that lowers F.
    """
    run = FixpointRun(problem, penalty, point, controls).run()
    if not isinstance(penalty, L0) or penalty.strength == 0.0:
        return run.finish()
    if companion is None:
        companion = Companion(problem, controls)
    start, spent = companion.start(penalty, _less(controls, run.n_iter))
    spent += run.n_iter
    other = FixpointRun(problem, penalty, start, _less(controls, spent)).run()
    spent += other.n_iter
    if other.objective < run.objective:
        run = other
    run.controls, run.n_iter = controls, spent
    swaps.improve(run, companion.neighbours)
    solution, best = run.finish(), run.point
    point.w, point.b, point.z, point.eta = best.w, best.b, best.z, best.eta
    point.alpha, point.fresh = best.alpha, None
    return solution


def _less(controls: Controls, spent: int) -> Controls:
    """Take passes off the budget, but for one."""
    return replace(controls, max_iter=max(controls.max_iter - spent, 1))
