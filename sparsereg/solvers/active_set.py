"""Parametric active set for squared loss with few rows: every alpha exactly, by homotopy from any warm start."""

from __future__ import annotations

import numpy as np

from sparsereg._core import column_objective
from sparsereg._core.active_set import ActiveSet
from sparsereg._core.bounded_correlations import BoundedCorrelations
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Ids, Solution, SolverOptions, State, Vector
from sparsereg.solvers.certificate import GapTracker, faint_columns
from sparsereg.solvers.problem import Problem

# An event costs the square of the members; with more rows sweeps are cheaper (measured at 500 and 1,500 rows).
MAX_ROWS = 700
# Columns held at a time, as dense blocks: 12 MB at most.
MAX_COLUMNS = 3 * MAX_ROWS
# With L2 there may be more members than rows.
MAX_MEMBERS = 1000
# An event passes over dense columns, about as many as there are members and candidates. Full columns start that way;
# of columns as empty as this on the average an event takes as long as a sweep, ...
FULL = 0.25
# ... and a solution about as many events, more where the support is new. Sweeps that take no longer are kept.
MAX_SWEEPS = 10
# Columns with fewer entries, on the average, are never worth it: an event takes as long as a dozen sweeps.
EMPTY = 0.02
# Violation of the optimality conditions, relative, up to which a descent has done its work.
SOLVED = 1e-7
# Alphas at which it failed, after which sweeps are left to do the rest.
MAX_FAILURES = 3
# Descents at one alpha, each with the columns in it that the last one left out, before sweeps take over.
MAX_ROUNDS = 10


def active_set_of(problem: Problem, state: State) -> ActiveSetDescent:
    """Return the descent of a problem that is kept in the state.

    Parameters
    ----------
    problem : Problem
        Of squared loss.
    state : State

    Returns
    -------
    descent : ActiveSetDescent
    """
    if state.active_set is None or state.active_set.problem is not problem:
        state.active_set = ActiveSetDescent(problem)
    return state.active_set


def solve(problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions) -> Solution | None:
    """Minimise F at one alpha from a warm start, where there are few rows and sweeps would take longer.

    Parameters
    ----------
    problem : Problem
    penalty : ElasticNet
    state : State
        Warm start; holds the solution on return.
    options : SolverOptions

    Returns
    -------
    solution : Solution or None
        None leaves it to others, from wherever the state is then.
    """
    if not problem.is_quadratic or penalty.strength <= 0.0:
        return None
    descent = active_set_of(problem, state)
    return descent.solve(penalty, state, options) if descent.is_chosen else None


def learn(problem: Problem, state: State, n_sweeps: int) -> None:
    """Have the next alphas solved by the active set, if sweeps took too many at this one.

    Parameters
    ----------
    problem : Problem
    state : State
    n_sweeps : int
        Sweeps that it took.
    """
    if state.active_set is not None and state.active_set.problem is problem:
        state.active_set.learn(n_sweeps)


class ActiveSetDescent:
    """Descends on the working sets of one problem; keeps columns, members and their factor between alphas.

    Parameters
    ----------
    problem : Problem
        Of squared loss.

    Attributes
    ----------
    is_possible : bool
        Rows are few, all columns carry a penalty, bounds are signs.
    is_chosen : bool
        It is worth it, for all that is known.
    """

    def __init__(self, problem: Problem):
        self.problem = problem
        columns, lower, upper = problem.columns, problem.lower[problem.columns], problem.upper[problem.columns]
        self.is_possible = (
            problem.n_rows <= MAX_ROWS and columns.size > 0 and problem.reference > problem.gap_rounding
            and bool(np.all(np.isinf(lower) | (lower == 0.0)) and np.all(np.isinf(upper) | (upper == 0.0)))
            and bool(np.all(problem.penalty_factor[columns] > 0.0))
        )
        self.fullness = problem.indices.size / (problem.n_rows * max(problem.indptr.size - 1, 1))
        self.n_failures = 0
        self.is_chosen = self.is_possible and self.fullness >= FULL
        if self.is_possible:
            self._prepare()

    def learn(self, n_sweeps: int) -> None:
        """Choose the active set where sweeps took longer than its events are likely to; not after failures."""
        if self.is_possible and self.fullness >= EMPTY and self.n_failures < MAX_FAILURES:
            self.is_chosen |= n_sweeps > MAX_SWEEPS * max(FULL / self.fullness, 1.0)

    def _prepare(self) -> None:
        """Take what stays the same from one alpha to the next."""
        problem, response = self.problem, self.problem.response
        weight = np.broadcast_to(response.weight, (problem.n_rows,))
        self.root = np.sqrt(weight)
        self.y_mean = float(weight @ response.y) if problem.fit_intercept else 0.0
        self.target = self.root * (response.y - self.y_mean)
        self.mean = problem.column_sum if problem.fit_intercept else np.zeros(problem.column_sum.size)
        # All of them, mostly: a slice takes no copy.
        self.usable = problem.columns if problem.columns.size < problem.column_sum.size else slice(None)
        self.unit = problem.penalty_factor * problem.scale
        self.norm = np.sqrt(problem.curvature)
        self.bounds = np.ascontiguousarray(problem.lower), np.ascontiguousarray(problem.upper)
        self.none = problem.columns[:0]
        self.kernel: ActiveSet | None = None
        self.scaled = np.empty(problem.n_rows)
        self.correlations: BoundedCorrelations | None = None
        # Alpha, intercept and coefficients of the last solution, whose residual is kept.
        self.last: tuple[float, float, Vector] | None = None

    def solve(self, penalty: ElasticNet, state: State, options: SolverOptions) -> Solution | None:
        """Minimise F at one alpha; see `solve`."""
        gap = GapTracker(self.problem, penalty, state, options)
        threshold = penalty.strength * self.unit
        if not self._resumes(state):
            self._settle(state)
        elif self._may_be_solved(penalty, state, gap) and not self._check(penalty, state, threshold, gap, self.none):
            return self._report(penalty, state, gap)
        # As in the sequential strong rule.
        share = max(2.0 - state.alpha / penalty.alpha, 0.0) if np.isfinite(state.alpha) else 0.0
        for _ in range(MAX_ROUNDS):
            columns = self._working_set(state, threshold, share)
            if columns.size > MAX_COLUMNS or not self._descend(columns, penalty, state, threshold, gap):
                break
            if not self._check(penalty, state, threshold, gap, columns):
                return self._report(penalty, state, gap)
            if gap.stalled:
                break
            share = 1.0
        self._let_go(state)
        self.n_failures += 1
        self.is_chosen = self.n_failures < MAX_FAILURES
        return None

    def _resumes(self, state: State) -> bool:
        """Say whether the state is as the last solution has left it."""
        if self.last is None or self.last[:2] != (state.alpha, state.b):
            return False
        # Others may have moved the coefficients on the way to the next alpha.
        return np.count_nonzero(state.w) == self.support.size and np.array_equal(state.w[self.support], self.last[2])

    def _settle(self, state: State) -> None:
        """Take residual and correlations from the coefficients."""
        problem = self.problem
        self.correlations = BoundedCorrelations(problem.indptr.size - 1, problem.n_rows)
        state.neg_gradient[:] = problem.response.weight * (problem.response.y - problem.predictor(state.w, state.b))
        np.divide(state.neg_gradient, self.root, out=self.scaled, where=self.root > 0.0)
        self.scaled[self.root == 0.0] = 0.0
        self.support = np.flatnonzero(state.w).astype(np.int32)
        self.is_new = True
        self._correlate(state, np.zeros_like(self.unit), self.support[:0])

    def _correlate(self, state: State, threshold: Vector, known: Ids) -> float:
        """Refresh the correlations that may be above the thresholds; return the largest, relative to these."""
        problem = self.problem
        return self.correlations.refresh(
            *problem.matrix, problem.columns, state.neg_gradient, self.scaled, self.norm, threshold, 1.0,
            *self.bounds, state.Xt_neg_gradient, known
        )

    def _working_set(self, state: State, threshold: Vector, share: float) -> Ids:
        """Take the support and the columns that are likely to join it."""
        near = np.abs(state.Xt_neg_gradient[self.usable]) >= share * threshold[self.usable]
        near |= state.w[self.usable] != 0.0
        return self.problem.columns[near]

    def _descend(
        self, columns: Ids, penalty: ElasticNet, state: State, threshold: Vector, gap: GapTracker
    ) -> bool:
        """Minimise F over the working set, and count the events as passes; say whether it went all the way allowed."""
        problem, w, mean = self.problem, state.w[columns], self.mean[columns]
        ridge = penalty.alpha * (1.0 - penalty.l1_ratio) * self.unit[columns] * problem.scale[columns]
        kernel = self._holding(columns, mean, penalty.l1_ratio < 1.0)
        lower, upper = self.bounds
        budget, n_events = max(gap.options.max_iter - gap.n_iter, 1), kernel.n_events
        v = np.empty(columns.size)
        excess = kernel.solve(
            self.target, w, self.scaled, v, threshold[columns], ridge, lower[columns], upper[columns],
            problem.reference, min(budget, 20 * (problem.n_rows + columns.size)), not self.is_new,
        )
        gap.n_iter += kernel.n_events - n_events
        if np.isinf(excess):
            return False
        state.w[columns], state.Xt_neg_gradient[columns] = w, v
        self.is_new, self.support = False, columns[w != 0.0]
        if problem.fit_intercept:
            state.b = self.y_mean - float(mean @ w)
        np.multiply(self.root, self.scaled, out=state.neg_gradient)
        state.Xt_is_current = None
        return excess <= SOLVED or gap.n_iter >= gap.options.max_iter

    def _holding(self, columns: Ids, mean: Vector, has_ridge: bool) -> ActiveSet:
        """Return the kernel with the columns in it."""
        problem, kernel = self.problem, self.kernel
        n_columns = problem.indptr.size - 1
        max_members = min(MAX_MEMBERS if has_ridge else problem.n_rows, n_columns)
        if kernel is None or max_members > kernel.max_members:
            self.kernel = kernel = ActiveSet(n_columns, problem.n_rows, min(MAX_COLUMNS, n_columns), max_members)
        kernel.hold(*problem.matrix, columns, self.root, mean)
        return kernel

    # The duality gap.

    def _may_be_solved(self, penalty: ElasticNet, state: State, gap: GapTracker) -> bool:
        """Say whether the warm start may meet the tolerance, going by its support alone."""
        primal, dual = self._objectives(penalty, state, max(state.alpha / penalty.alpha, 1.0))
        return primal - dual <= gap.target

    def _check(self, penalty: ElasticNet, state: State, threshold: Vector, gap: GapTracker, known: Ids) -> bool:
        """Update the duality gap, given columns whose correlations are in the state; say whether to go on."""
        worst = self._correlate(state, threshold, known)
        return gap.update_gap(*self._objectives(penalty, state, max(worst, 1.0)))

    def _objectives(self, penalty: ElasticNet, state: State, worst: float) -> tuple[float, float]:
        """Return F and the dual objective at the residual, as it is or scaled until it is feasible, less constants."""
        problem, w, v = self.problem, state.w, state.Xt_neg_gradient
        square = float(self.scaled @ self.scaled)
        explained = float(self.scaled @ self.target)
        penalty_sum = column_objective.penalty_value(penalty, self.support, w, *problem.penalties[:2])
        dual = -np.inf
        for scale in {1.0, 1.0 / worst}:
            conjugate = 0.0
            if penalty.l1_ratio < 1.0:
                conjugate = column_objective.conjugate_sum(penalty, problem.columns, v, scale, *problem.penalties)
            elif scale * worst > 1.0 + 1e-15:
                continue
            dual = max(dual, scale * explained - 0.5 * scale**2 * square - conjugate)
        return 0.5 * square + penalty_sum, dual

    def _report(self, penalty: ElasticNet, state: State, gap: GapTracker) -> Solution | None:
        """Report the state, if there is nothing in it that rounding alone holds up."""
        problem, w = self.problem, state.w
        if faint_columns(problem, penalty, w).size:
            self._let_go(state)
            return None
        state.alpha = penalty.alpha
        self.last = state.alpha, state.b, w[self.support]
        penalty_sum = column_objective.penalty_value(penalty, self.support, w, *problem.penalties[:2])
        objective = gap.primal + problem.response.constant
        return Solution.of(
            w.copy(), b=problem.intercept_outside(w, state.b), objective=objective, loss=objective - penalty_sum,
            dual_gap=gap.relative_gap(), n_iter=gap.n_iter, converged=gap.gap <= gap.target,
        )

    def _let_go(self, state: State) -> None:
        """Leave the state to others: its correlations are no more than estimates."""
        self.last, state.Xt_is_current = None, None
        state.anchors = ()
