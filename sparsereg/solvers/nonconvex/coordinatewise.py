"""Working sets by fixpoint distance: one alpha, from a warm start, to a minimum along every coordinate.

For penalties that are not convex, where nothing certifies a global minimum. The scheme, once per alpha: measure how far
minimising over each coefficient alone would move its gradient; take the support and the worst columns as the working
set; descend on it, exactly along each coordinate, on the quadratic model of the loss; measure again (Bertrand et al.
2022). A step on the model that does not lower F is taken back, and the curvature of the model raised until one does:
a line search would cross the jump that L0 makes at zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparsereg._core import cd, column_objective
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Ids, Progress, QuadraticModel, Solution, SolverOptions, State, Vector
from sparsereg.solvers.certificate import MAX_STALLED, ROUNDING
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.response import linearize_rows
from sparsereg.solvers.threaded_passes import correlate
from sparsereg.solvers.working_set import CANDIDATES_PER_SUPPORT, SMALL_WORKING_SET

if TYPE_CHECKING:
    from sparsereg._core.penalties import _Penalty
    from sparsereg.solvers.nonconvex.cross_products import CrossProducts

# A descent ends at this share of the violation it starts from, or of the violation allowed where that is more.
INEXACT, ENOUGH = 0.1, 0.3
# Sweeps of one descent: a tolerance below the rounding of the residual must not use up all of max_iter.
MAX_SWEEPS = 100
# Newton steps on a working set between two measurements of all columns.
MAX_STEPS = 10
# Curvature of a row, relative to the largest of its loss, where it has next to none; and what all curvature is
# multiplied with. Both rise where a step does not lower F, and fall again where one does.
FLOOR_START, FLOOR_MIN, FLOOR_FALL, FLOOR_RISE = 1e-2, 1e-8, 0.25, 64.0
RAISE, MAX_DAMPING = 4.0, 1e12
# Share of the tolerance that rounding may cost a gradient.
PRECISE = 0.1


class CoordinatewiseMinimizer:
    """The state of one search for a coordinate-wise minimum.

    Parameters
    ----------
    problem : Problem
        Without singleton columns.
    penalty : registered penalty
    state : State
        Warm start; holds the last point on return.
    options : SolverOptions
        `tol` bounds the violation: the largest fixpoint distance, relative to the largest scaled gradient entry
        `|X_j' z| / scale_j` of the model with intercept only, which is its violation without penalty.
    products : CrossProducts or None, default=None
        Of the columns, from which gradients are taken where they say them well enough; None: from the rows.

    Attributes
    ----------
    violation : float
        At the point, relative.
    objective : float
        F at the point, less the constant of the problem.
    model : QuadraticModel
        Of the loss at the point, its weights times `damping`.
    column_sum, curvature : ndarray of float64 of shape (n_active,)
        Of the columns under the weights of the model, where last measured.
    n_iter : int
    """

    def __init__(
        self, problem: Problem, penalty: _Penalty, state: State, options: SolverOptions,
        products: CrossProducts | None = None,
    ):
        self.problem, self.penalty, self.state, self.options = problem, penalty, state, options
        self.products = products
        self.n_iter, self.stalled, self.damping, self.floor = 0, 0, 1.0, FLOOR_START
        self.violation, self.best_violation, self.best_objective = np.inf, np.inf, np.inf
        self.column_sum, self.curvature = problem.column_sum, problem.curvature
        if not problem.is_quadratic:
            self.column_sum, self.curvature = np.zeros(state.w.size), np.zeros(state.w.size)
        self.restart()

    def restart(self) -> None:
        """Take residual and model from the coefficients again, so that rounding does not build up along a path."""
        problem, state = self.problem, self.state
        eta = problem.predictor(state.w, state.b)
        if problem.is_quadratic:
            state.neg_gradient[:] = problem.response.weight * (problem.response.y - eta)
        else:
            state.eta = eta
        state.Xt_is_current = None
        self._linearize()

    def run(self) -> CoordinatewiseMinimizer:
        """Alternate between measuring all columns and descent on some until the violation is small enough."""
        self.stalled, self.best_violation, self.best_objective = 0, np.inf, np.inf
        while True:
            distance = self.measure(self.problem.columns)
            if self.options.callback is not None:
                facts = self.penalty.alpha, self.n_iter, np.nan, self.state.n_nonzero, self.violation
                self.options.callback(Progress(*facts))
            if self._is_over():
                return self
            columns = self._working_set(distance)
            inner_tol = max(INEXACT * self.violation, ENOUGH * self.allowed) * self.problem.null_violation
            for _ in range(1 if self.problem.is_quadratic else MAX_STEPS):
                if not self._descend(columns, inner_tol):
                    self._refit()
                    break
                if not self.problem.is_quadratic and self.measure(columns).max(initial=0.0) <= inner_tol:
                    break

    @property
    def allowed(self) -> float:
        """Violation to reach: the tolerance, or what rounding leaves."""
        return self.options.tol + self.problem.violation_rounding

    @property
    def converged(self) -> bool:
        """The violation is as small as asked for."""
        return self.violation <= self.allowed

    def measure(self, columns: Ids) -> Vector:
        """Measure columns: refresh their gradient, curvature and the violation; return their fixpoint distances."""
        problem, state, quadratic = self.problem, self.state, self.quadratic
        shift = float(state.neg_gradient.sum()) / quadratic.weight_sum if quadratic.weight_sum > 0.0 else 0.0
        if self.products is None or not self._take_gradient(self.products):
            theta = state.neg_gradient - shift * quadratic.weight
            correlate(problem.matrix, columns, theta, state.Xt_neg_gradient, self.options.n_threads)
        if not problem.is_quadratic:
            self.column_sum[columns], self.curvature[columns] = problem.moments(columns, quadratic.weight)
        distance = np.empty(columns.size)
        worst = column_objective.fixpoint_distance(
            self.penalty, columns, state.Xt_neg_gradient, state.w, self.curvature, *problem.penalties, distance,
            problem.threshold_scale
        )
        # The intercept in units in which the square is what a step on it would gain, relative to the null model.
        gain = abs(shift) * np.sqrt(quadratic.weight_sum / (2.0 * problem.reference)) if shift else 0.0
        self.violation = float(max(worst / problem.null_violation, gain)) if problem.violation_rounding < 1.0 else 0.0
        return distance

    def _take_gradient(self, products: CrossProducts) -> bool:
        """Take the gradient from the products of the columns; say whether rounding spares what is asked for."""
        problem, state = self.problem, self.state
        if not products.are_at_hand(state.w):
            return False
        gradient, rounding = products.gradient(state.w)
        worst = rounding * float(np.max(products.norm / problem.scale, initial=0.0))
        if not worst <= PRECISE * self.options.tol * problem.null_violation:
            return False
        state.Xt_neg_gradient[:] = gradient
        return True

    def _is_over(self) -> bool:
        """Count the measurement; say whether to stop, because of the tolerance, the budget or rounding."""
        self.n_iter += 1
        better = self.objective < self.best_objective - ROUNDING * self.problem.reference
        better |= self.violation < 0.99 * self.best_violation
        self.stalled = 0 if better else self.stalled + 1
        self.best_objective = min(self.objective, self.best_objective)
        self.best_violation = min(self.violation, self.best_violation)
        stuck = self.stalled >= MAX_STALLED or self.damping > MAX_DAMPING
        return self.converged or self.n_iter >= self.options.max_iter or stuck

    def _working_set(self, distance: Vector) -> Ids:
        """Take the support and the columns furthest from their fixed points."""
        columns = self.problem.columns
        inside = self.state.w[columns] != 0.0
        n_support = int(np.count_nonzero(inside))
        wanted = np.where(inside, np.inf, distance)
        max_size = n_support + max(CANDIDATES_PER_SUPPORT * n_support, SMALL_WORKING_SET)
        if np.count_nonzero(wanted) > max_size:
            # Of equals those that come first, whatever the machine sorts with.
            cutoff = np.partition(wanted, -max_size)[-max_size]
            ties = np.flatnonzero(wanted == cutoff)
            inside = wanted > cutoff
            inside[ties[: max_size - np.count_nonzero(inside)]] = True
            return columns[inside]
        return columns[wanted > 0.0]

    def _linearize(self) -> None:
        """Model the loss at the point, and take F there."""
        problem, state = self.problem, self.state
        if problem.is_quadratic:
            weight, weight_sum = problem.response.weight, 1.0
            loss = problem.squared_loss(state.neg_gradient)
        else:
            loss, _, weight = linearize_rows(problem.loss, problem.row_terms, state.eta, state.neg_gradient, self.floor)
            weight *= self.damping
            weight_sum = float(weight.sum())
        self.quadratic = QuadraticModel(weight, weight_sum if problem.fit_intercept else 0.0, loss)
        penalties = (problem.penalty_factor, problem.scale, problem.threshold_scale)
        penalty_sum = column_objective.penalty_value(self.penalty, problem.columns, state.w, *penalties)
        self.objective = loss + penalty_sum

    def _descend(self, columns: Ids, inner_tol: float) -> bool:
        """Minimise the model on the working set, roughly; keep the step if it does not raise F, and say so."""
        problem, state, quadratic = self.problem, self.state, self.quadratic
        max_sweeps = min(max(self.options.max_iter - self.n_iter, 1), MAX_SWEEPS)
        w = state.w[columns]
        epochs, _, shift = cd.descend(
            *problem.matrix, columns, w, state.neg_gradient, quadratic.weight, quadratic.weight_sum,
            self.curvature[columns],
            self.column_sum[columns], *[values[columns] for values in problem.penalties], self.penalty, inner_tol,
            max_sweeps, None if problem.threshold_scale is None else problem.threshold_scale[columns],
        )
        self.n_iter += epochs
        before, delta = self.objective, w - state.w[columns]
        if problem.is_quadratic:
            state.w[columns], state.b = w, state.b + shift
            self._linearize()
            return True
        old, old_w, old_eta = state.b, state.w[columns], state.eta
        state.w[columns], state.b = w, old + shift
        state.eta = old_eta + problem.product(columns, delta, shift)
        damping, floor = self.damping, self.floor
        self.damping, self.floor = max(damping / RAISE, 1.0), max(floor * FLOOR_FALL, FLOOR_MIN)
        self._linearize()
        if self.objective <= before + ROUNDING * problem.reference:
            return True
        state.w[columns], state.b, state.eta = old_w, old, old_eta
        self.damping, self.floor = damping * RAISE, min(floor * FLOOR_RISE, 1.0)
        self._linearize()
        return False

    def _refit(self) -> None:
        """With L0, take Newton steps on the support, whose cost is paid already.

        Where the model would have a column leave or come in and F would not, the others must not wait for short steps.
        """
        penalty, held = self.penalty, (self.damping, self.floor)
        if not penalty.is_l0:
            return
        self.penalty = ElasticNet(penalty.alpha * (1.0 - penalty.l1_ratio), 0.0)
        self.damping, self.floor = 1.0, min(self.floor, FLOOR_START)
        self._linearize()
        columns = np.flatnonzero(self.state.w).astype(np.int32)
        inner_tol = ENOUGH * self.allowed * self.problem.null_violation
        for _ in range(MAX_STEPS):
            if self.measure(columns).max(initial=0.0) <= inner_tol or self.n_iter >= self.options.max_iter:
                break
            self._descend(columns, inner_tol)
        self.penalty, (self.damping, self.floor) = penalty, held
        self._linearize()

    # The end.

    def finish(self) -> Solution:
        """Report the point."""
        problem, state = self.problem, self.state
        state.alpha, state.Xt_is_current = self.penalty.alpha, None
        return Solution.of(
            state.w, b=problem.intercept_outside(state.w, state.b),
            objective=self.objective + problem.response.constant, loss=self.quadratic.loss + problem.response.constant,
            dual_gap=np.nan, n_iter=self.n_iter, converged=self.converged, violation=self.violation,
        )
