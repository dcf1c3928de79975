"""Coordinate descent for squared loss, whose quadratic model is the loss itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sparsereg._core import cd
from sparsereg._core import columns as column_passes
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Solution, SolverOptions, State
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.proximal_newton import ProximalNewton
from sparsereg.solvers.support_newton import step_on_support
from sparsereg.solvers.unpenalized import UnpenalizedBlock
from sparsereg.solvers.working_set import MAX_SWEEPS, Model, WorkingSetRun

__all__ = ["solve"]

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]


def solve(problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions) -> Solution:
    """Minimise F at one alpha from a warm start.

    Parameters
    ----------
    problem : Problem
    penalty : ElasticNet
    state : Point
        Warm start; holds the solution on return.
    options : SolverOptions

    Returns
    -------
    solution : Solution
    """
    run = _LeastSquares if problem.is_quadratic else ProximalNewton
    return run(problem, penalty, state, options).run()


class _LeastSquares(WorkingSetRun):
    """Descent on F itself; z, the weighted residual, is kept up to date and centred by the kernel."""

    block: UnpenalizedBlock | None = None
    tol: float | None = None

    def _begin(self) -> Model:
        """Take z from the coefficients again, so that rounding does not build up along a path."""
        problem, state = self.problem, self.state
        state.neg_gradient[:] = problem.weight * (problem.y - problem.predictor(state.w, state.b))
        return self._model()

    def certify(self) -> bool:
        """Update the duality gap; say whether to go on."""
        if not super().certify():
            return False
        self.look_off_bounds(self.state.neg_gradient)
        return True

    def _model(self) -> Model:
        problem = self.problem
        return Model(
            problem.weight, 1.0 if problem.fit_intercept else 0.0, problem.squared_loss(self.state.neg_gradient)
        )

    def _predictor(self) -> Vector:
        # Rows have one term each.
        return self.state.neg_gradient

    def _dual_point(self) -> tuple[Vector, float]:
        """Take z itself, orthogonal to the intercept already; refresh X' theta."""
        state = self.state
        theta = self._orthogonalise() if self.unpenalized.size else state.neg_gradient
        stale = self.live
        if theta is state.neg_gradient and state.Xt_is_current is not None:
            stale = stale[~state.Xt_is_current[stale]]
        self._correlate(stale, theta)
        state.Xt_is_current = None
        self.is_z = theta is state.neg_gradient
        return theta, 1.0

    def _orthogonalise(self) -> Vector:
        """Solve for the unpenalised columns exactly; move the coefficients along where no bound is in the way."""
        problem, state = self.problem, self.state
        self.solved = columns = self._without_dual_slack(state.neg_gradient)
        if self.block is None or not np.array_equal(self.block.columns, columns):
            self.block = UnpenalizedBlock(problem, columns)
        if columns.size == 0:
            self.slack = 0.0
            return state.neg_gradient
        delta, shift, theta, self.slack = self.block.solve(state.neg_gradient, self.model.weight, self.model.weight_sum)
        bound = np.where(delta > 0.0, problem.upper[columns], problem.lower[columns])
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.min(np.where(delta != 0.0, (bound - state.w[columns]) / delta, np.inf), initial=1.0)
        if size > 0.0 and (shift or delta.any()):
            low, high = problem.lower[columns], problem.upper[columns]
            state.w[columns] = np.clip(state.w[columns] + size * delta, low, high)
            state.b += size * shift
            state.neg_gradient[:] = theta if size == 1.0 else state.neg_gradient + size * (theta - state.neg_gradient)
            state.Xt_is_current = None
            self.model = self._model()
        return state.neg_gradient if size == 1.0 else theta

    def _tighten(self, theta: Vector, singleton_scale: float) -> None:
        """Set the tolerance of the next descent from the gap of the last one on its own working set."""
        if self.tol is None:
            return
        dual, _ = self._best_dual(theta, self.working_set, singleton_scale)
        gap = self.primal - dual
        if gap > 0.5 * self.target:
            ratio = 0.3 * self.target / gap
            self.tol *= min(max(ratio, 0.02), 0.5)

    def _move(self, columns: Ids, delta: Vector) -> None:
        """Move, the intercept following."""
        problem, state = self.problem, self.state
        shift = -float(problem.column_sum[columns] @ delta) if problem.fit_intercept else 0.0
        change = np.full(problem.n_rows, shift)
        column_passes.accumulate(*problem.matrix, columns, delta, change)
        state.w[columns] += delta
        state.b += shift
        state.neg_gradient -= problem.weight * change
        self.model = self._model()

    def _descend(self, columns: Ids, violation: float) -> None:
        """Run the kernel on the working set, until a sweep changes no scaled gradient entry by more than `tol`."""
        problem, state = self.problem, self.state
        if self.tol is None:
            size = np.sum(np.abs(state.w[columns] * problem.scale[columns]))
            self.tol = min(0.1 * violation, 0.5 * self.target / size if size > 0.0 else np.inf)
        most = min(max(self.options.max_iter - self.n_iter, 1), MAX_SWEEPS)
        w = state.w[columns]
        epochs, _, shift = cd.descend(
            *problem.matrix, columns, w, state.neg_gradient, self.model.weight, self.model.weight_sum,
            problem.curvature[columns], problem.column_sum[columns], *(rule[columns] for rule in problem.penalties),
            self.penalty, self.tol, most,
        )
        self.n_iter += epochs
        if epochs >= MAX_SWEEPS:
            shift += step_on_support(
                problem, self.penalty, columns, w, state.neg_gradient, self.model.weight, self.model.weight_sum,
                problem.column_sum[columns], problem.curvature[columns],
            )
        state.w[columns] = w
        state.b += shift
        self.model = self._model()
