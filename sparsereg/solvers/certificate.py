"""Duality-gap bookkeeping, and the dual certificate: dual objective, its scalings, and gap-safe screening."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sparsereg._core import column_objective
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Ids, Progress, SolverOptions, State, Vector
from sparsereg.solvers.loss_rows import conjugates_of
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.threaded_passes import correlate
from sparsereg.solvers.unpenalized import UnpenalizedBlock

if TYPE_CHECKING:
    from sparsereg._core.penalties import _Penalty

# Rounds that better neither objective nor gap after which rounding is to blame.
MAX_STALLED = 8
# What rounding may add to F, relative to that of the null model.
ROUNDING = 1e-14
# A coefficient whose part in the predictor is this small, relative to what is to be explained, is worth less than that.
FAINT = 1e-9
# Correlation with an unpenalised column, relative to the norms of both, up to which a dual point counts as feasible.
FEASIBLE = 1e-12
# The same for a column that was solved for, where the gap is told what the rest may be worth.
SOLVED = 1e-9
# Evaluating the loss of a row costs about as much as this many non-zeros.
CHEAP_ROWS = 30


class GapTracker:
    """Duality-gap bookkeeping of one call of `solve`: best dual bound, gap, stalling, passes.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    penalty : ElasticNet
    state : State or MultinomialState
    options : SolverOptions
    """

    def __init__(self, problem: Any, penalty: ElasticNet, state: Any, options: SolverOptions):
        self.problem, self.penalty, self.state, self.options = problem, penalty, state, options
        self.target = options.tol * problem.reference + problem.gap_rounding
        self.best_dual, self.gap, self.best_gap = problem.min_loss, np.inf, np.inf
        self.min_gap = problem.outputs[0].gap_rounding_floor
        self.n_iter, self.stalled = 0, 0
        self.primal, self.best_primal = np.inf, np.inf

    def update_gap(self, primal: float, dual: float) -> bool:
        """Take in a primal and a dual objective; say whether to go on."""
        self.primal, self.best_dual = primal, max(self.best_dual, dual)
        self.gap = max(primal - self.best_dual, 0.0)
        self.n_iter += 1
        better = primal < self.best_primal - 1e-14 * self.problem.reference or self.gap < 0.99 * self.best_gap
        self.stalled = 0 if better else self.stalled + 1
        self.best_gap, self.best_primal = min(self.gap, self.best_gap), min(primal, self.best_primal)
        if self.options.callback is not None:
            progress = Progress(self.penalty.alpha, self.n_iter, self.relative_gap(), self.state.n_nonzero)
            self.options.callback(progress)
        return self.gap > self.target and self.n_iter < self.options.max_iter and self.stalled < MAX_STALLED

    def is_last(self) -> bool:
        """Say whether the next update may end the run, whatever the gap is."""
        return self.n_iter + 1 >= self.options.max_iter or self.stalled + 1 >= MAX_STALLED

    def accept(self, primal: float) -> bool:
        """Take a state of this F for the last if it is no higher but for rounding, and still certified; say so.

        The dual objective bounds the minimum from below wherever the state is.
        """
        gap = max(primal - self.best_dual, 0.0)
        accepted = primal <= self.primal + ROUNDING * self.problem.reference and gap <= max(self.gap, self.target)
        if accepted:
            self.primal, self.gap = primal, gap
        return accepted

    def relative_gap(self) -> float:
        """Gap over the objective of the null model, no less than what rounding may hide; 0 where that is all of it."""
        reference = self.problem.reference
        if reference <= self.problem.gap_rounding:
            return 0.0
        return float(max(self.gap, self.min_gap) / reference)


class DualCertificate:
    """Dual objective at a dual point whose correlations with the columns are in the state, and what it rules out.

    Parameters
    ----------
    problem : Problem
    penalty : ElasticNet
    state : State
        Holds `X' theta` of the dual point that was correlated last.
    options : SolverOptions

    Attributes
    ----------
    norm : ndarray of float64 of shape (n_active,)
        Of the columns, under the weights of the rows.
    unpenalized : ndarray of int32
        Columns whose dual constraint is an equality or a sign: no penalty and no bound on some side.
    one_sided : ndarray of int32
        Those of them with one bound.
    solved : ndarray of int32
        Those that the dual point was made orthogonal to.
    slack : float
        What another step on these would gain.
    block : UnpenalizedBlock or None
        Of these, where it was asked for.
    screened_in : ndarray of int32
        Columns that may be non-zero at the optimum, for all that is known.
    rows_are_cheap : bool
        A dual point is worth evaluating on the rows even where that cannot end the run.
    conjugates : callable
        Takes a dual point; returns the sum of the conjugates of the rows' losses there as a function of its scale.
    """

    def __init__(self, problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions):
        self.problem, self.penalty, self.state, self.n_threads = problem, penalty, state, options.n_threads
        self.conjugates: Callable[[Vector], Callable[[float], float]] = partial(
            conjugates_of, problem, penalty, state, options.n_threads
        )
        self.norm = problem.norm
        self.rows_are_cheap = CHEAP_ROWS * problem.response.y.size <= problem.indices.size
        unpenalized = problem.columns
        if penalty.alpha > 0.0:
            unpenalized = unpenalized[problem.penalty_factor[unpenalized] == 0.0]
        below, above = np.isfinite(problem.lower[unpenalized]), np.isfinite(problem.upper[unpenalized])
        self.unpenalized: Ids = unpenalized[~(below & above)]
        self.one_sided: Ids = unpenalized[below ^ above]
        self.solved, self.slack = self.unpenalized[:0], 0.0
        self.block: UnpenalizedBlock | None = None
        self.screened_in = self._screen_by_slope()

    def correlate(self, columns: Ids, z: Vector) -> None:
        """Refresh `X' z` of the columns."""
        correlate(self.problem.matrix, columns, z, self.state.Xt_neg_gradient, self.n_threads)

    def penalty_sum(self, columns: Ids) -> float:
        """Penalty of the coefficients of the columns."""
        problem = self.problem
        return column_objective.penalty_value(
            self.penalty, columns, self.state.w, problem.penalty_factor, problem.scale
        )

    def violation(self, columns: Ids) -> float:
        """Largest distance from the optimality conditions on the columns, in units of the gradient."""
        state = self.state
        return column_objective.optimality_violation(
            self.penalty, columns, state.Xt_neg_gradient, state.w, *self.problem.penalties
        )

    def threshold(self, columns: Ids) -> Vector:
        """Correlation X_j' z up to which column j stays at zero."""
        return self.penalty.strength * self.problem.penalty_factor[columns] * self.problem.scale[columns]

    # The dual objective.

    def best_dual(self, theta: Vector, columns: Ids, singleton_scale: float, useful_gap: float) -> tuple[float, float]:
        """Find the best of a few scalings of a dual point.

        Parameters
        ----------
        theta : ndarray of float64 of shape (n_rows,)
        columns : ndarray of int32
        singleton_scale : float
            The largest c <= 1 with c theta feasible for the singleton columns.
        useful_gap : float
            Gap above which a scaling need not be evaluated on the rows.

        Returns
        -------
        dual : float
            Dual objective; -inf where nothing was evaluated.
        scale : float
        """
        state = self.state
        explained = column_objective.inner_product(columns, state.Xt_neg_gradient, state.w)
        penalty_sum = self.penalty_sum(columns)
        best, best_scale = -np.inf, 1.0
        rows_at = self.conjugates(theta)
        for scale in {min(scale, singleton_scale) for scale in self.scales(columns)}:
            conjugate = self.conjugate(columns, scale)
            # By Fenchel's inequality for the loss the gap is at least this, without evaluating the rows.
            if penalty_sum + conjugate - scale * explained <= useful_gap:
                dual = -conjugate - rows_at(scale)
                if dual > best:
                    best, best_scale = dual, scale
        return best, best_scale

    def scales(self, columns: Ids) -> list[float]:
        """List the factors of a dual point that are worth a try, given its correlations; 1 is the first."""
        state, penalties = self.state, self.problem.penalties
        columns = np.setdiff1d(columns, self.unpenalized, assume_unique=True) if self.unpenalized.size else columns
        # The least infeasibility costs much beside far bounds; scaled as if there were none the point costs nothing.
        sign_bounds, bounds = self.problem.sign_bounds, penalties[2:]
        tried = (bounds,) if sign_bounds is None else (sign_bounds, bounds)
        feasible = column_objective.feasible_scale
        v, w = state.Xt_neg_gradient, state.w
        return [1.0, *[feasible(self.penalty, columns, v, w, *penalties[:2], *sides) for sides in tried]]

    def conjugate(self, columns: Ids, scale: float) -> float:
        """Sum the conjugates of penalties and bounds at the scaled correlations; inf where those are infeasible."""
        unpenalized = 0.0
        if self.unpenalized.size:
            unpenalized = scale * self._unpenalized_conjugate()
            columns = np.setdiff1d(columns, self.unpenalized, assume_unique=True)
        return unpenalized + column_objective.conjugate_sum(
            self.penalty, columns, self.state.Xt_neg_gradient, scale, *self.problem.penalties
        )

    def _unpenalized_conjugate(self) -> float:
        """Sum sup_w v_j w over the bounds; inf where nothing bounds w and v_j is more than rounding.

        What is left on the columns that were solved for, if little, costs what another step on them would gain.
        """
        problem, columns = self.problem, self.unpenalized
        v = self.state.Xt_neg_gradient[columns]
        bound = np.where(v > 0.0, problem.upper[columns], problem.lower[columns])
        little = np.where(np.isin(columns, self.solved, assume_unique=True), SOLVED, FEASIBLE)
        little *= self.norm[columns] * np.sqrt(2.0 * max(problem.reference, 0.0))
        if np.any(np.isinf(bound) & (np.abs(v) > little)):
            return np.inf
        bound[np.isinf(bound)] = 0.0
        return float(np.sum(v * bound)) + self.slack

    def find_block(self, theta: Vector) -> UnpenalizedBlock:
        """Return what solves for the unpenalised columns that X' theta must vanish on."""
        columns = self.find_solved(theta)
        if self.block is None or not np.array_equal(self.block.columns, columns):
            self.block = UnpenalizedBlock(self.problem, columns)
        return self.block

    def find_solved(self, theta: Vector) -> Ids:
        """Find the unpenalised columns that X' theta must vanish on: within their bounds, or pushed off one."""
        state, columns = self.state, self.unpenalized
        w, lower, upper = state.w[columns], self.problem.lower[columns], self.problem.upper[columns]
        self.correlate(columns, theta)
        v = state.Xt_neg_gradient[columns]
        self.solved = columns[((lower < w) | (v > 0.0)) & ((w < upper) | (v < 0.0))]
        return self.solved

    # Screening.

    def screen_static(self, loss: float) -> None:
        """Drop columns that are zero at the optimum whatever the others are, given the loss at the state.

        By Cauchy-Schwarz, as the loss there is at most F here and at 0 and f'^2 <= 2 L f for f >= 0.
        """
        problem = self.problem
        if np.isfinite(problem.loss.lipschitz):
            primal = min(loss + self.penalty_sum(self.screened_in), problem.response.null_objective)
            # Next to nothing may be below it by rounding.
            primal = max(primal, problem.gap_rounding)
            self.screened_in = self._survivors(0.0, np.sqrt(2.0 * problem.loss.lipschitz * primal))

    def screen_gap_safe(self, scale: float, gap: float, keep: float | None = None) -> None:
        """Drop columns that are zero at the optimum (Ndiaye et al. 2017).

        Parameters
        ----------
        scale : float
            Of the dual point.
        gap : float
            Between its dual objective and F.
        keep : float or None, default=None
            Drop columns only where at most this share of them remains.
        """
        lipschitz = self.problem.loss.lipschitz
        if np.isfinite(gap) and np.isfinite(lipschitz):
            columns = self._survivors(scale, np.sqrt(2.0 * lipschitz * max(gap, 0.0)))
            if keep is None or columns.size <= keep * self.screened_in.size:
                self.screened_in = columns

    def _screen_by_slope(self) -> Ids:
        """Drop the columns that the loss is nowhere steep enough for."""
        problem, columns = self.problem, self.problem.columns
        if problem.max_gradient is None:
            return columns
        return columns[(problem.max_gradient[columns] > self.threshold(columns)) | (self.state.w[columns] != 0.0)]

    def _survivors(self, scale: float, radius: float) -> Ids:
        """Find the surviving columns that are not zero at every dual point within the radius of a scaled one."""
        out, problem, state = np.empty_like(self.screened_in), self.problem, self.state
        n = column_objective.reachable(
            self.penalty, self.screened_in, state.Xt_neg_gradient, state.w, self.norm, problem.penalty_factor,
            problem.scale, scale, radius, out
        )
        return out[:n].copy()


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
    columns = (w != 0.0).nonzero()[0].astype(np.int32)
    # The curvature of the loss is that of the model with intercept only.
    curvature = problem.response.null_curvature / problem.weight_sum * problem.curvature[columns]
    faint = np.sqrt(curvature) * np.abs(w[columns]) <= FAINT * np.sqrt(2.0 * max(problem.reference, 0.0))
    return columns[faint & (penalty.strength * problem.penalty_factor[columns] > 0.0)]
