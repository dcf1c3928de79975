"""The working-set scheme: one alpha, from a warm start, to a certified duality gap.

The scheme, once per alpha (references in the functions): certify; drop columns that cannot matter or that the gap-safe
sphere proves to be zero; choose a working set, by the sequential strong rule first and by priority later; descend on it
to a tolerance set by the gap that is still to go; certify again. How to descend, and what the dual point is, depends on
whether the loss is its own quadratic model (coordinate_descent) or not (proximal_newton).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sparsereg._core import column_objective, row_objective
from sparsereg._core import columns as column_passes
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Solution, SolverOptions, State
from sparsereg.solvers.certificate import GapTracker, faint_columns
from sparsereg.solvers.problem import Problem

__all__ = ["MAX_SWEEPS", "Model", "WorkingSetRun"]

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]

# The working set holds the support and up to twice as many more (the growth of celer), but at least this many.
SMALL_WORKING_SET = 200
GROWTH = 2
# Sweeps between two looks at the gap: a tolerance below the rounding of the residual must not use up all of max_iter.
MAX_SWEEPS = 100
# Correlation with an unpenalised column, relative to the norms of both, up to which a dual point counts as feasible.
FEASIBLE = 1e-12
# The same for a column that was solved for, where the gap is told what the rest may be worth.
SOLVED = 1e-9


@dataclass
class Model:
    """The quadratic model that the kernel descends on: weights of the rows, their sum, and the loss at its centre.

    `weight_sum` is 0 for a model without intercept.
    """

    weight: Vector
    weight_sum: float
    loss: float


class WorkingSetRun(GapTracker):
    """The state of one call of `solve`; a subclass says how to descend.

    Parameters
    ----------
    problem : Problem
    penalty : ElasticNet
    state : Point
        Warm start; holds the solution on return.
    options : SolverOptions
    """

    model: Model
    unbounded = False

    def __init__(self, problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions):
        super().__init__(problem, penalty, state, options)
        self.norm = np.sqrt(problem.curvature)
        self.is_z = False
        self.is_first = True
        self.working_set: Ids = problem.columns[:0]
        self.model = self._begin()
        self.unpenalized = self._without_penalty()
        # The unpenalised columns that the dual point was made orthogonal to, and what another step on them would gain.
        self.solved, self.slack = self.unpenalized[:0], 0.0
        self.live = self.screen_static()

    def run(self) -> Solution:
        """Alternate between certificate and descent until the gap is small enough."""
        while self.certify():
            columns = self.select_working_set()
            self._descend(columns, self.violation(columns))
        self._drop_faint()
        return self.finish()

    # What a subclass says.

    def _begin(self) -> Model:
        """Bring the point into the form that the descent keeps, and model the loss there."""
        raise NotImplementedError

    def _dual_point(self) -> tuple[Vector, float]:
        """Make minus the derivative of the loss orthogonal to intercept and unpenalised columns.

        Returns
        -------
        theta : ndarray of float64 of shape (n_rows,)
        scale : float
            The largest c <= 1 with c theta feasible for the singleton columns.
        """
        raise NotImplementedError

    def _descend(self, columns: Ids, violation: float) -> None:
        """Lower F on the working set, whose largest violation is given."""
        raise NotImplementedError

    def _move(self, columns: Ids, delta: Vector) -> None:
        """Add to the coefficients of columns, and bring point and model along."""
        raise NotImplementedError

    def _tighten(self, theta: Vector, singleton_scale: float) -> None:
        """Learn from a certificate how well to solve the next descent; nothing, where violations say that."""

    def _predictor(self) -> Vector:
        """Linear predictor of every row, singleton columns included; read where rows have several terms."""
        raise NotImplementedError

    # Which columns to look at.

    def _without_penalty(self) -> Ids:
        """Find the columns whose dual constraint is an equality or a sign: no penalty and no bound on some side."""
        problem = self.problem
        remaining = problem.columns
        if self.penalty.alpha > 0.0:
            remaining = remaining[problem.penalty_factor[remaining] == 0.0]
        return remaining[np.isinf(problem.lower[remaining]) | np.isinf(problem.upper[remaining])]

    def screen_static(self) -> Ids:
        """Drop columns that are zero at the optimum whatever the others are.

        By Cauchy-Schwarz, as the loss there is at most F here and at 0 and f'^2 <= 2 L f for f >= 0; and by how steep
        the loss can be at all.
        """
        problem, columns = self.problem, self._within_reach()
        if np.isfinite(problem.loss.lipschitz):
            primal = min(self._primal(columns), problem.null_objective)
            columns = self._reachable(columns, 0.0, np.sqrt(2.0 * problem.loss.lipschitz * primal))
        return columns

    def _within_reach(self) -> Ids:
        """Drop the columns that the loss is nowhere steep enough for."""
        problem, columns = self.problem, self.problem.columns
        if problem.max_gradient is None:
            return columns
        return columns[(problem.max_gradient[columns] > self._threshold(columns)) | (self.state.w[columns] != 0.0)]

    def _reachable(self, columns: Ids, c: float, radius: float) -> Ids:
        """Keep the columns that are not zero at every dual point within the radius of c z."""
        out, problem, state = np.empty_like(columns), self.problem, self.state
        n = column_objective.reachable(
            self.penalty, columns, state.Xt_neg_gradient, state.w, self.norm, problem.penalty_factor, problem.scale, c,
            radius, out
        )
        return out[:n].copy()

    def _primal(self, columns: Ids) -> float:
        """F less the constants, for coefficients that are zero outside the columns and the singletons."""
        return self.model.loss + self.penalty_paid(columns)

    def penalty_paid(self, columns: Ids) -> float:
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

    def _threshold(self, columns: Ids) -> Vector:
        """Correlation X_j' z up to which column j stays at zero."""
        return self.penalty.strength * self.problem.penalty_factor[columns] * self.problem.scale[columns]

    def _correlate(self, columns: Ids, z: Vector) -> None:
        column_passes.correlate(*self.problem.matrix, columns, z, self.state.Xt_neg_gradient, self.options.n_threads)

    # The certificate.

    def certify(self) -> bool:
        """Update the duality gap; say whether to go on."""
        theta, singleton_scale = self._dual_point()
        dual, scale = self._best_dual(theta, self.live, singleton_scale)
        primal = self._primal(self.live)
        if not self.record(primal, dual):
            return False
        self._tighten(theta, singleton_scale)
        self.screen_gap_safe(scale, primal - dual)
        return True

    def look_off_bounds(self, z: Vector) -> None:
        """Correlate the unpenalised columns with one bound with minus the derivative of the loss.

        Projected, a dual point does not show that these have something to gain, off the bound at which they are.
        """
        lower, upper = self.problem.lower[self.unpenalized], self.problem.upper[self.unpenalized]
        one_sided = np.isfinite(lower) | np.isfinite(upper)
        if one_sided.any():
            self._correlate(self.unpenalized[one_sided], z)

    def _without_dual_slack(self, theta: Vector) -> Ids:
        """Find the unpenalised columns that X' theta must vanish on: within their bounds, or pushed off one."""
        state, columns = self.state, self.unpenalized
        w, lower, upper = state.w[columns], self.problem.lower[columns], self.problem.upper[columns]
        self._correlate(columns, theta)
        v = state.Xt_neg_gradient[columns]
        return columns[((lower < w) | (v > 0.0)) & ((w < upper) | (v < 0.0))]

    def _best_dual(self, theta: Vector, columns: Ids, singleton_scale: float) -> tuple[float, float]:
        """Return the dual objective at the best of a few scalings of theta, and that scaling."""
        problem, state = self.problem, self.state
        explained = float(state.w[columns] @ state.Xt_neg_gradient[columns])
        paid = self.penalty_paid(columns)
        best, best_scale, predictor = -np.inf, 1.0, self._predictor()
        for scale in {min(scale, singleton_scale) for scale in self.scales(columns)}:
            conjugate = self.conjugate(columns, scale)
            # By Fenchel's inequality for the loss the gap is at least this, without a look at the rows.
            if paid + conjugate - scale * explained <= self._useful_gap():
                dual = -conjugate - row_objective.dual_sum(
                    problem.loss, self.penalty, *problem.row_terms, predictor, theta, scale,
                    *problem.singleton_penalties
                )
                if dual > best:
                    best, best_scale = dual, scale
        return best, best_scale

    def scales(self, columns: Ids) -> list[float]:
        """List the factors of a dual point that are worth a try, given its correlations; 1 is the first."""
        state, rules = self.state, self.problem.penalties
        columns = np.setdiff1d(columns, self.unpenalized, assume_unique=True) if self.unpenalized.size else columns
        # Far bounds price the least infeasibility dearly; scaled as if there were none the point costs nothing.
        every = (rules[2:],) if self.problem.sign_bounds is None else (self.problem.sign_bounds, rules[2:])
        feasible = column_objective.feasible_scale
        v, w = state.Xt_neg_gradient, state.w
        return [1.0, *(feasible(self.penalty, columns, v, w, *rules[:2], *sides) for sides in every)]

    def conjugate(self, columns: Ids, scale: float) -> float:
        """Sum the conjugates of penalties and bounds at the scaled correlations; inf where those are infeasible."""
        unpenalized = 0.0
        if self.unpenalized.size:
            unpenalized = scale * self._unpenalized_conjugate()
            columns = np.setdiff1d(columns, self.unpenalized, assume_unique=True)
        return unpenalized + column_objective.conjugate_sum(
            self.penalty, columns, self.state.Xt_neg_gradient, scale, *self.problem.penalties
        )

    def _useful_gap(self) -> float:
        """Gap above which a dual point need not be evaluated."""
        return np.finfo(float).max

    def _unpenalized_conjugate(self) -> float:
        """Sum sup_w v_j w over the bounds; inf where nothing bounds w and v_j is more than rounding.

        What is left on the columns that were solved for, if little, is priced by what another step on them would gain.
        """
        problem, columns = self.problem, self.unpenalized
        v = self.state.Xt_neg_gradient[columns]
        bound = np.where(v > 0.0, problem.upper[columns], problem.lower[columns])
        little = np.where(np.isin(columns, self.solved, assume_unique=True), SOLVED, FEASIBLE)
        little *= self.norm[columns] * np.sqrt(2.0 * problem.reference)
        if np.any(np.isinf(bound) & (np.abs(v) > little)):
            return np.inf
        bound[np.isinf(bound)] = 0.0
        return float(np.sum(v * bound)) + self.slack

    def screen_gap_safe(self, scale: float, gap: float) -> None:
        """Drop columns that are zero at the optimum, given a scaled dual point and its distance from the objective."""
        lipschitz = self.problem.loss.lipschitz
        if np.isfinite(gap) and np.isfinite(lipschitz):
            self.live = self._reachable(self.live, scale, np.sqrt(2.0 * lipschitz * max(gap, 0.0)))

    # The working set.

    def select_working_set(self) -> Ids:
        """Take the support and the columns most likely to join it (strong rules: Tibshirani et al. 2012, eq. 8)."""
        share = 1.0 - 1e-3
        if self.is_first:
            ratio = self.state.alpha / self.penalty.alpha if self.penalty.alpha > 0.0 else np.inf
            share = max(2.0 - ratio, 0.0)
        self.is_first = False
        out = np.empty_like(self.live)
        n, n_support = column_objective.candidates(
            self.penalty, self.live, self.state.Xt_neg_gradient, self.state.w, *self.problem.penalties, share, out
        )
        most = n_support + max(GROWTH * n_support, SMALL_WORKING_SET)
        self.working_set = out[:n].copy() if n <= most else self._most_likely(out[:n], most)
        return self.working_set

    def _most_likely(self, columns: Ids, most: int) -> Ids:
        """Keep the support and the columns closest to joining it, by distance of the dual constraint (celer)."""
        threshold = self._threshold(columns)
        priority = (threshold - np.abs(self.state.Xt_neg_gradient[columns])) / self.norm[columns]
        priority[self.state.w[columns] != 0.0] = -np.inf
        return np.sort(columns[np.argpartition(priority, most)[:most]])

    # The end.

    def _drop_faint(self) -> None:
        """Set to zero what rounding alone holds up, if F does not tell the difference."""
        faint = faint_columns(self.problem, self.penalty, self.state.w)
        if faint.size == 0:
            return
        w = self.state.w[faint]
        self._move(faint, -w)
        # The correlations are those of before.
        self.is_z, self.state.Xt_is_current = False, None
        primal = self._primal(self.live)
        if self.allows(primal):
            self.settle(primal)
        else:
            self._move(faint, w)

    def _n_nonzero(self) -> int:
        return int(np.count_nonzero(self.state.w) + np.count_nonzero(self.state.singleton_w))

    def finish(self) -> Solution:
        """Put the singleton columns back and report."""
        problem, state = self.problem, self.state
        w = state.w.copy()
        if problem.singletons is not None:
            w[problem.singletons.columns] = state.singleton_w[problem.singletons.rows]
        state.alpha = self.penalty.alpha
        if self.is_z:
            state.Xt_is_current = np.zeros(w.size, dtype=bool)
            state.Xt_is_current[self.live] = True
        support = np.flatnonzero(w != 0.0).astype(np.int32)
        paid = column_objective.penalty_value(self.penalty, support, w, problem.penalty_factor, problem.scale)
        return Solution.of(
            w,
            b=problem.intercept_outside(state.w, state.b),
            objective=self.primal + problem.constant,
            loss=self.primal + problem.constant - paid,
            dual_gap=self.relative_gap(),
            n_iter=self.n_iter,
            converged=self.gap <= self.target,
            unbounded=self.unbounded,
        )
