"""Coordinate descent for squared loss, whose quadratic model is the loss itself."""

from __future__ import annotations

import numpy as np

from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import active_set
from sparsereg.solvers.base import Ids, QuadraticModel, Solution, SolverOptions, State, Vector, inner
from sparsereg.solvers.certificate import DualCertificate, GapTracker
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.proximal_newton import ProximalNewton
from sparsereg.solvers.secant import jump, keep_anchor
from sparsereg.solvers.working_set import check_gap, primal_objective, report, select_working_set, sweep

# Entries of so small a problem that a Newton step is nothing beside what surrounds a fit.
FEW_ENTRIES = 2**12


def solve(problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions) -> Solution:
    """Minimise F at one alpha from a warm start.

    Parameters
    ----------
    problem : Problem
    penalty : ElasticNet
    state : State
        Warm start; holds the solution on return.
    options : SolverOptions

    Returns
    -------
    solution : Solution
    """
    solution = active_set.solve(problem, penalty, state, options)
    if solution is not None:
        return solution
    descent = (_LeastSquares if problem.is_quadratic else ProximalNewton)(problem, penalty, state, options)
    certificate = descent.certificate
    certificate.screen_static(descent.begin())
    goes_on = check_gap(descent)
    if goes_on:
        jump(descent)
    while goes_on:
        columns = select_working_set(certificate, descent.gap.n_iter == 1)
        descent.descend(columns, certificate.violation(columns))
        goes_on = check_gap(descent)
    is_small = problem.indices.size <= FEW_ENTRIES and problem.singletons is None
    is_solved = descent.has_descended and descent.gap.gap <= descent.gap.target
    if is_solved and not problem.is_quadratic and is_small:
        # One step more takes no time that shows, and makes up for all that the gap allows.
        descent.descend(columns, certificate.violation(columns))
        check_gap(descent)
    solution = report(descent)
    active_set.learn(problem, state, solution.n_iter)
    if descent.has_descended:
        keep_anchor(state, penalty.alpha)
    return solution


class _LeastSquares:
    """Descent on F itself; the weighted residual is kept up to date and centered by the kernel."""

    tol: float | None = None
    is_clipped, has_descended, n_newton = False, False, 0

    def __init__(self, problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions):
        self.problem, self.penalty, self.state, self.options = problem, penalty, state, options
        self.gap = GapTracker(problem, penalty, state, options)
        self.certificate = DualCertificate(problem, penalty, state, options)
        self.certificate.rows_are_cheap = True
        # The weights sum to one.
        self.quadratic = QuadraticModel(problem.response.weight, 1.0 if problem.fit_intercept else 0.0, np.inf)
        self.is_dual_point = False

    def begin(self) -> float:
        """Take the residual from the coefficients again, so that rounding does not build up along a path."""
        problem, state = self.problem, self.state
        state.neg_gradient[:] = self.quadratic.weight * (problem.response.y - problem.predictor(state.w, state.b))
        self._update_loss()
        return self.quadratic.loss

    def _update_loss(self) -> None:
        self.quadratic.loss = self.problem.squared_loss(self.state.neg_gradient)

    def dual_points(self) -> tuple[tuple[Vector, float]]:
        """Take the residual itself, orthogonal to the intercept already; refresh X' theta."""
        state, certificate = self.state, self.certificate
        theta = self._orthogonalize() if certificate.unpenalized.size else state.neg_gradient
        self.is_dual_point = theta is state.neg_gradient
        stale = certificate.screened_in
        if self.is_dual_point and state.Xt_is_current is not None:
            stale = stale[~state.Xt_is_current[stale]]
        certificate.correlate(stale, theta)
        state.Xt_is_current = None
        return ((theta, 1.0),)

    def _orthogonalize(self) -> Vector:
        """Solve for the unpenalised columns exactly; move the coefficients along where no bound is in the way."""
        problem, state, certificate, quadratic = self.problem, self.state, self.certificate, self.quadratic
        block = certificate.find_block(state.neg_gradient)
        columns, certificate.slack = block.columns, 0.0
        if columns.size == 0:
            return state.neg_gradient
        delta, shift, theta, certificate.slack = block.solve(state.neg_gradient, quadratic.weight, quadratic.weight_sum)
        bound = np.where(delta > 0.0, problem.upper[columns], problem.lower[columns])
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.min(np.where(delta != 0.0, (bound - state.w[columns]) / delta, np.inf), initial=1.0)
        if size > 0.0 and (shift or delta.any()):
            low, high = problem.lower[columns], problem.upper[columns]
            state.w[columns] = np.clip(state.w[columns] + size * delta, low, high)
            state.b += size * shift
            state.neg_gradient[:] = theta if size == 1.0 else state.neg_gradient + size * (theta - state.neg_gradient)
            state.Xt_is_current = None
            self._update_loss()
        return state.neg_gradient if size == 1.0 else theta

    def set_tolerance(self, theta: Vector) -> None:
        """Set the tolerance of the next descent from the gap of the last one on its own working set."""
        if self.tol is None:
            return
        dual, _ = self.certificate.best_dual(theta, self.working_set, 1.0, np.finfo(float).max)
        gap = self.gap.primal - dual
        if gap > 0.5 * self.gap.target:
            ratio = 0.3 * self.gap.target / gap
            self.tol *= min(max(ratio, 0.02), 0.5)

    def moments(self, columns: Ids) -> tuple[Vector, Vector]:
        """Sums and curvatures of columns."""
        return self.problem.column_sum[columns], self.problem.curvature[columns]

    def recenter(self, theta: Vector) -> tuple[Vector, float]:
        """Project a dual point off the unpenalised columns that the last one was projected off."""
        block, quadratic = self.certificate.block, self.quadratic
        if self.certificate.solved.size and block is not None:
            _, _, theta, self.certificate.slack = block.solve(theta, quadratic.weight, quadratic.weight_sum)
        return theta, 1.0

    def centered_gradient(self) -> Vector:
        """Minus the derivative of the loss, orthogonal to the intercept."""
        return self.state.neg_gradient

    def descend(self, columns: Ids, violation: float) -> None:
        """Run the kernel on the working set, until a sweep changes no scaled gradient entry by more than `tol`."""
        problem, state = self.problem, self.state
        w = state.w[columns]
        if self.tol is None:
            size = np.sum(np.abs(w * problem.scale[columns]))
            self.tol = min(0.1 * violation, 0.5 * self.gap.target / size if size > 0.0 else np.inf)
        self.working_set, self.has_descended = columns, True
        state.b += sweep(self, columns, w, problem.column_sum[columns], problem.curvature[columns], self.tol)
        state.w[columns] = w
        self._update_loss()

    def move(self, columns: Ids, delta: Vector) -> None:
        """Add to the coefficients of columns, the intercept following."""
        problem, state = self.problem, self.state
        shift = -inner(problem.column_sum[columns], delta) if problem.fit_intercept else 0.0
        state.w[columns] += delta
        state.b += shift
        state.neg_gradient -= self.quadratic.weight * problem.product(columns, delta, shift)
        self.is_dual_point, state.Xt_is_current = False, None
        self._update_loss()

    def jump(self, columns: Ids, delta: Vector, shift: float) -> None:
        """Add to the coefficients of columns, if that lowers F; the intercept is best wherever they are."""
        state, gap, loss = self.state, self.gap, self.quadratic.loss
        start, z, b, is_dual_point = state.w[columns], state.neg_gradient.copy(), state.b, self.is_dual_point
        self.move(columns, delta)
        primal = primal_objective(self)
        if primal >= gap.primal or not gap.accept(primal):
            state.w[columns], state.neg_gradient[:], state.b = start, z, b
            self.is_dual_point, self.quadratic.loss = is_dual_point, loss

    def finish(self) -> bool:
        """Say where the correlations are those of the residual; residuals fall no further than their minimum."""
        state = self.state
        if self.is_dual_point:
            state.Xt_is_current = np.zeros(state.w.size, dtype=bool)
            state.Xt_is_current[self.certificate.screened_in] = True
        return False
