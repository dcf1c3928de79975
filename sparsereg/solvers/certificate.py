"""What a solver knows of the optimum on its way there: a bound from below, the gap to it, whether they still move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Progress, SolverOptions
from sparsereg.solvers.problem import Problem

if TYPE_CHECKING:
    from sparsereg._core.penalties import _Penalty

__all__ = ["MAX_STALLED", "ROUNDING", "GapTracker", "faint_columns"]

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]

# Rounds that better neither objective nor gap after which rounding is to blame.
MAX_STALLED = 8
# What rounding may add to F, relative to that of the null model.
ROUNDING = 1e-14
# A coefficient whose part in the predictor is this small, relative to what is to be explained, is worth less than that.
FAINT = 1e-9


class GapTracker:
    """The state of a call of `solve` that alternates between a certificate and a descent.

    Parameters
    ----------
    problem : Problem or SoftmaxProblem
    penalty : ElasticNet
    state : Point or SoftmaxPoint
        Warm start; holds the solution on return.
    options : SolverOptions
    """

    def __init__(self, problem: Any, penalty: ElasticNet, state: Any, options: SolverOptions):
        self.problem, self.penalty, self.state, self.options = problem, penalty, state, options
        self.target = options.tol * problem.reference + problem.gap_rounding
        self.best_dual, self.gap, self.best_gap = problem.min_loss, np.inf, np.inf
        self.n_iter, self.stalled = 0, 0
        self.primal, self.best_primal = np.inf, np.inf

    def record(self, primal: float, dual: float) -> bool:
        """Take note of a primal and a dual objective; say whether to go on."""
        self.primal, self.best_dual = primal, max(self.best_dual, dual)
        self.gap = max(primal - self.best_dual, 0.0)
        self.n_iter += 1
        better = primal < self.best_primal - 1e-14 * self.problem.reference or self.gap < 0.99 * self.best_gap
        self.stalled = 0 if better else self.stalled + 1
        self.best_gap, self.best_primal = min(self.gap, self.best_gap), min(primal, self.best_primal)
        if self.options.callback is not None:
            progress = Progress(self.penalty.alpha, self.n_iter, self.relative_gap(), self._n_nonzero())
            self.options.callback(progress)
        return self.gap > self.target and self.n_iter < self.options.max_iter and self.stalled < MAX_STALLED

    def allows(self, primal: float) -> bool:
        """Say whether F may become this once the descent has ended: no higher but for rounding, and still certified.

        The dual objective bounds the minimum from below wherever the point is.
        """
        gap = primal - self.best_dual
        return primal <= self.primal + ROUNDING * self.problem.reference and gap <= max(self.gap, self.target)

    def settle(self, primal: float) -> None:
        """Take a point of this F for the last."""
        self.primal, self.gap = primal, max(primal - self.best_dual, 0.0)

    def relative_gap(self) -> float:
        """Gap over the objective of the null model, no less than what rounding may hide; 0 where that is all of it."""
        reference = self.problem.reference
        if reference <= self.problem.gap_rounding:
            return 0.0
        return float(max(self.gap, self.problem.gap_rounding_floor) / reference)

    def _n_nonzero(self) -> int:
        """Count the coefficients that are not zero."""
        raise NotImplementedError


def faint_columns(problem: Problem, penalty: _Penalty, w: Vector) -> Ids:
    """Find the coefficients that only rounding keeps from zero, where L1 would have them there.

    Some columns may replace others (all levels of a factor, beside the intercept or another factor): F does not change
    as weight moves from these to those, up to the point where one is zero; sweeps stop a rounding error short of it.

    Parameters
    ----------
    problem : Problem
    penalty : registered penalty
    w : ndarray of float64 of shape (n_active,)

    Returns
    -------
    columns : ndarray of int32
    """
    columns = np.flatnonzero(w != 0.0).astype(np.int32)
    # The curvature of the loss is that of the model with intercept only.
    curvature = problem.response.null_curvature / problem.weight_sum * problem.curvature[columns]
    faint = np.sqrt(curvature) * np.abs(w[columns]) <= FAINT * np.sqrt(2.0 * problem.reference)
    return columns[faint & (penalty.strength * problem.penalty_factor[columns] > 0.0)]
