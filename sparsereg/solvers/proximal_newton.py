"""Proximal Newton: descent on the quadratic model of the loss, with a line search on F itself.

For losses that are not quadratic, and wherever singleton columns are eliminated, which leaves the loss of a row only
piecewise quadratic (Friedman, Hastie, Tibshirani 2010, section 3; Yuan, Ho, Lin 2012).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sparsereg._core import cd, row_objective
from sparsereg._core import columns as column_passes
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Solution, SolverOptions, State
from sparsereg.solvers.certificate import MAX_STALLED
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.support_newton import step_on_support
from sparsereg.solvers.unpenalized import UnpenalizedBlock
from sparsereg.solvers.working_set import MAX_SWEEPS, Model, WorkingSetRun

__all__ = ["RUNAWAY_STEP", "ProximalNewton"]

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]

# Newton steps are inexact: their inner tolerance is this share of the violation they start from.
INEXACT = 0.1
# Curvature kept, relative, for a row that has next to none, at the edge of its loss or because a singleton coefficient
# absorbs all of it: at 1 the model bounds the loss from above (if anything does), at 0 it is Newton's. The share falls
# after a full step and rises after a shortened one (Levenberg-Marquardt).
FLOOR_PRIVATE, FLOOR_START, FLOOR_LEAST = 0.1, 1e-2, 1e-8
# With singleton columns many rows have no curvature, and a model closer to Newton's needs shortened steps; but where a
# fit may be as rough as this a step or two are all it takes, and Newton's go further.
CONTINUATION_TOL = 1e-5
FLOOR_FALL, FLOOR_RISE, FLOOR_JUMP = 0.05, 8.0, 64.0
SHORTEST_STEP = 1e-9
# Newton's step of a linear predictor, along columns without penalty, that says there is no minimum to step to.
RUNAWAY_STEP = 0.5
# Rounds in which rows of a dual point are held at the edge of what the slope of their loss can be.
MOST_HELD = 10
# A look at a row's loss costs about as much as this many non-zeros.
CHEAP_ROWS = 30
# A descent whose tolerance costs the gap no more than this many times what is allowed is made to be the last.
FORESIGHT = 30.0


class ProximalNewton(WorkingSetRun):
    """Descent on one quadratic model after another; z is minus the derivative of the loss at eta."""

    block: UnpenalizedBlock | None = None

    # The residual of the model after a descent that may end the fit.
    foreseen: Vector | None = None

    def __init__(self, problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions):
        rough = problem.singletons is None or options.tol >= CONTINUATION_TOL
        self.floor = FLOOR_START if rough else FLOOR_PRIVATE
        super().__init__(problem, penalty, state, options)

    def _begin(self) -> Model:
        """Model the loss, unless the point brings the model along: without singleton columns no penalty is in it."""
        known = self.state.known
        if known is not None and known[0] is self.problem.response and known[1] is self.state.eta:
            _, _, self.curvature, model = known
            return model
        return self._model()

    def finish(self) -> Solution:
        """Report, and leave the model for the next alpha."""
        if self.block is not None and self.block.columns.size and not self.problem.loss.location:
            # Near a minimum Newton's steps vanish; along an exponential tail they have length 1. Residuals know no
            # tail, and are in the units of y.
            centre = float(self.curvature.sum()) if self.problem.fit_intercept else 0.0
            delta, shift, _, _ = self.block.solve(self._centred(self.state.neg_gradient)[0], self.curvature, centre)
            self.unbounded = bool(np.abs(self.block.change(delta, shift)).max() > RUNAWAY_STEP)
        if self.problem.singletons is None:
            self.state.known = self.problem.response, self.state.eta, self.curvature, self.model
        return super().finish()

    def certify(self) -> bool:
        """Update the duality gap; say whether to go on.

        The residual of the last model comes first. It misses minus the derivative of the loss by no more than what the
        step does to second order, but meets the constraints as well as the descent solved the model, and a dual point
        pays for what it misses to second order and for constraints to first: it mostly certifies one step earlier.
        """
        if self.foreseen is not None:
            theta, scale = self._centred(self.foreseen)
            self.foreseen = None
            self._correlate(self.live, theta)
            primal = self._primal(self.live)
            dual, _ = self._best_dual(theta, self.live, scale)
            if primal - dual <= self.target:
                return self.record(primal, dual)
        if not super().certify():
            return False
        self.look_off_bounds(self._centred(self.state.neg_gradient)[0])
        return True

    def _model(self) -> Model:
        """Linearise the loss at the linear predictor."""
        problem, state = self.problem, self.state
        self.curvature, weight = np.empty(problem.n_rows), np.empty(problem.n_rows)
        loss, weight_sum = row_objective.linearise(
            problem.loss, self.penalty, *problem.row_terms, state.eta, *problem.singleton_penalties,
            self.floor * problem.null_curvature_ratio,
            state.neg_gradient, self.curvature, weight, state.singleton_w, state.predictor,
        )
        state.Xt_is_current = None
        return Model(weight, weight_sum if problem.fit_intercept else 0.0, loss)

    def _predictor(self) -> Vector:
        return self.state.eta if self.problem.singletons is None else self.state.predictor

    def _dual_point(self) -> tuple[Vector, float]:
        """Centre z, project it off the unpenalised columns; refresh X' theta."""
        theta, scale = self._centred(self.state.neg_gradient)
        if self.unpenalized.size:
            theta = self._project(theta)
        self._correlate(self.live, theta)
        return theta, scale

    def _centred(self, z: Vector) -> tuple[Vector, float]:
        theta = np.empty(z.size)
        scale = row_objective.centre_dual(
            self.penalty, z, self.curvature, self.model.weight, self.problem.fit_intercept,
            *self.problem.singleton_penalties, theta,
        )
        return theta, scale

    def _useful_gap(self) -> float:
        """Look at the rows only where that may end the fit, or costs little beside the columns it may spare."""
        last = self.n_iter + 1 >= self.options.max_iter or self.stalled + 1 >= MAX_STALLED
        cheap = CHEAP_ROWS * self.problem.y.size <= self.problem.indices.size
        return super()._useful_gap() if last or cheap else self.target

    def _project(self, theta: Vector) -> Vector:
        """Make a dual point orthogonal to the unpenalised columns: the residual of their least squares in the model."""
        self.solved = columns = self._without_dual_slack(theta)
        if self.block is None or not np.array_equal(self.block.columns, columns):
            self.block = UnpenalizedBlock(self.problem, columns)
        self.slack = 0.0
        if columns.size:
            _, _, theta, self.slack = self.block.solve(theta, self.model.weight, self.model.weight_sum)
            theta = self._within(theta)
        return theta

    def _within(self, theta: Vector) -> Vector:
        """Bring the rows of a dual point to where the loss is as steep as that, the others making up for them.

        Where columns without penalty separate rows, Newton's step along their exponential tail is about one and may be
        more: the residual turns its sign. Such rows are held at the edge, and the rest is projected again.
        """
        fall, rise = self.problem.max_slopes
        weight = np.array(np.broadcast_to(self.model.weight, theta.shape))
        for _ in range(MOST_HELD):
            outside = (theta > fall) | (theta < -rise)
            if not outside.any():
                break
            weight[outside] = 0.0
            theta, total = np.clip(theta, -rise, fall), float(weight.sum())
            if total == 0.0:
                break
            if self.problem.fit_intercept:
                theta = theta - weight * (float(theta.sum()) / total)
            centre = total if self.problem.fit_intercept else 0.0
            _, _, theta, self.slack = self.block.solve(theta, weight, centre)
        return theta

    def _descend(self, columns: Ids, violation: float) -> None:
        """Minimise the model on the working set, roughly, and take the step towards that."""
        problem, state, model = self.problem, self.state, self.model
        most = min(max(self.options.max_iter - self.n_iter, 1), MAX_SWEEPS)
        w = state.w[columns]
        column_sum, curvature = problem.moments(columns, model.weight)
        inner = INEXACT * violation
        size = float(np.sum(np.abs(w * problem.scale[columns])))
        last = inner * size <= FORESIGHT * self.target and not self.unpenalized.size
        if last:
            inner = min(inner, 0.3 * self.target / size if size > 0.0 else np.inf)
        epochs, _, shift = cd.descend(
            *problem.matrix, columns, w, state.neg_gradient, model.weight, model.weight_sum, curvature, column_sum,
            *(rule[columns] for rule in problem.penalties), self.penalty, inner, most,
        )
        self.n_iter += epochs
        if epochs >= MAX_SWEEPS:
            shift += step_on_support(
                problem, self.penalty, columns, w, state.neg_gradient, model.weight, model.weight_sum, column_sum,
                curvature
            )
        self.foreseen = state.neg_gradient.copy() if last else None
        self._search_line(columns, w - state.w[columns], shift)

    def _move(self, columns: Ids, delta: Vector) -> None:
        """Move, the intercept held."""
        change = np.zeros(self.problem.n_rows)
        column_passes.accumulate(*self.problem.matrix, columns, delta, change)
        self.state.w[columns] += delta
        self.state.eta = self.state.eta + change
        self.model = self._model()

    def _search_line(self, columns: Ids, delta: Vector, shift: float) -> None:
        """Take the Newton step, halved until the true objective does not rise."""
        problem, state = self.problem, self.state
        start, eta = state.w[columns], state.eta
        step = np.full(problem.n_rows, shift)
        column_passes.accumulate(*problem.matrix, columns, delta, step)
        allowed = self.primal + 1e-13 * problem.reference + problem.gap_rounding
        size = 1.0
        while True:
            # Rounding must not carry a coefficient past its bound.
            state.w[columns] = np.clip(start + size * delta, problem.lower[columns], problem.upper[columns])
            state.eta = eta + size * step
            self.model = self._model()
            if self._primal(self.live) <= allowed or size == 0.0:
                break
            size = 0.5 * size if size > SHORTEST_STEP else 0.0
        state.b += size * shift
        if size == 1.0:
            self.floor = max(self.floor * FLOOR_FALL, FLOOR_LEAST)
        else:
            self.floor = min(self.floor * (FLOOR_RISE if size >= 0.25 else FLOOR_JUMP), 1.0)
