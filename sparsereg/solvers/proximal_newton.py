"""Proximal Newton: descent on the quadratic model of the loss, with a line search on F itself.

For losses that are not quadratic, and wherever private columns are eliminated, which leaves the loss of a row only
piecewise quadratic (Friedman, Hastie, Tibshirani 2010, section 3; Yuan, Ho, Lin 2012).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sparsereg._core import cd, newton
from sparsereg._core import columns as column_passes
from sparsereg.solvers.unpenalised import UnpenalisedBlock
from sparsereg.solvers.working_set import MAX_STALLED, MAX_SWEEPS, Model, WorkingSetRun

__all__ = ["ProximalNewton"]

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]

# Newton steps are inexact: their inner tolerance is this share of the violation they start from.
INEXACT = 0.1
# Curvature kept, relative, for a row that has next to none, at the edge of its loss or because a private coefficient
# absorbs all of it: at 1 the model bounds the loss from above (if anything does), at 0 it is Newton's. The share falls
# after a full step and rises after a shortened one (Levenberg-Marquardt).
FLOOR_START, FLOOR_LEAST = 0.1, 1e-8
FLOOR_FALL, FLOOR_RISE, FLOOR_JUMP = 0.05, 8.0, 64.0
SHORTEST_STEP = 1e-9
# Newton's step of a linear predictor, along columns without penalty, that says there is no minimum to step to.
RUNAWAY_STEP = 0.5
# A look at a row's loss costs about as much as this many non-zeros.
CHEAP_ROWS = 10


class ProximalNewton(WorkingSetRun):
    """Descent on one quadratic model after another; z is minus the derivative of the loss at eta."""

    floor = FLOOR_START
    block: UnpenalisedBlock | None = None

    def _begin(self) -> Model:
        return self._model()

    def _model(self) -> Model:
        """Linearise the loss at the linear predictor."""
        problem, point = self.problem, self.point
        self.curvature, weight = np.empty(problem.n_rows), np.empty(problem.n_rows)
        loss, weight_sum = newton.linearise(
            problem.loss, self.penalty, *problem.terms, point.eta, *problem.private_rules, self.floor,
            point.z, self.curvature, weight, point.u, point.t,
        )
        point.fresh = None
        return Model(weight, weight_sum if problem.fit_intercept else 0.0, loss)

    def _predictor(self) -> Vector:
        return self.point.eta if self.problem.private is None else self.point.t

    def _dual_point(self) -> tuple[Vector, float]:
        """Centre z, project it off the unpenalised columns; refresh X' theta."""
        problem = self.problem
        theta = np.empty(problem.n_rows)
        scale = newton.centre_dual(
            self.penalty, self.point.z, self.curvature, self.model.weight, problem.fit_intercept,
            *problem.private_rules, theta,
        )
        if self.unpenalised.size:
            theta = self._project(theta)
        self._correlate(self.live, theta)
        return theta, scale

    def _useful_gap(self) -> float:
        """Look at the rows only where that may end the fit, or costs little beside the columns it may spare."""
        last = self.n_iter + 1 >= self.controls.max_iter or self.stalled + 1 >= MAX_STALLED
        cheap = CHEAP_ROWS * self.problem.y.size <= self.problem.indices.size
        return super()._useful_gap() if last or cheap else self.target

    def _project(self, theta: Vector) -> Vector:
        """Make a dual point orthogonal to the unpenalised columns: the residual of their least squares in the model."""
        self.solved = columns = self._without_dual_slack(theta)
        if self.block is None or not np.array_equal(self.block.columns, columns):
            self.block = UnpenalisedBlock(self.problem, columns)
        self.slack = 0.0
        if columns.size:
            centre = float(self.curvature.sum()) if self.problem.fit_intercept else 0.0
            delta, shift, theta, self.slack = self.block.solve(theta, self.curvature, centre)
            # Near a minimum Newton's steps vanish; along an exponential tail they have length 1.
            self.unbounded = bool(np.abs(self.block.change(delta, shift)).max() > RUNAWAY_STEP)
        return theta

    def _tighten(self, theta: Vector, private_scale: float) -> None:
        """Leave the tolerance alone: a Newton step's is a share of the violation it starts from."""

    def _descend(self, columns: Ids, violation: float, tol: float) -> None:
        """Minimise the model on the working set, roughly, and take the step towards that."""
        problem, point, model = self.problem, self.point, self.model
        most = min(max(self.controls.max_iter - self.n_iter, 1), MAX_SWEEPS)
        w = point.w[columns]
        mass, curvature = self._moments(columns)
        epochs, _, shift = cd.descend(
            *problem.matrix, columns, w, point.z, model.weight, model.weight_sum, curvature, mass,
            *(rule[columns] for rule in problem.rules), self.penalty, INEXACT * violation, most,
        )
        self.n_iter += epochs
        self._search_line(columns, w - point.w[columns], shift)

    def _moments(self, columns: Ids) -> tuple[Vector, Vector]:
        """Mass and centred curvature of columns under the weights of the model."""
        mass, centred = np.empty(columns.size), np.empty(columns.size)
        weight, n_rows = self.model.weight, self.problem.n_rows
        total = float(weight.sum())
        column_passes.moments(*self.problem.matrix, columns, weight, total, n_rows, mass, centred)
        return mass, centred if self.problem.fit_intercept else centred + mass**2 / total

    def _search_line(self, columns: Ids, delta: Vector, shift: float) -> None:
        """Take the Newton step, halved until the true objective does not rise."""
        problem, point = self.problem, self.point
        start, eta = point.w[columns], point.eta
        step = np.full(problem.n_rows, shift)
        column_passes.accumulate(*problem.matrix, columns, delta, step)
        allowed = self.primal + 1e-13 * problem.reference + problem.rounding
        size = 1.0
        while True:
            # Rounding must not carry a coefficient past its bound.
            point.w[columns] = np.clip(start + size * delta, problem.lower[columns], problem.upper[columns])
            point.eta = eta + size * step
            self.model = self._model()
            if self._primal(self.live) <= allowed or size < SHORTEST_STEP:
                break
            size *= 0.5
        point.b += size * shift
        if size == 1.0:
            self.floor = max(self.floor * FLOOR_FALL, FLOOR_LEAST)
        else:
            self.floor = min(self.floor * (FLOOR_RISE if size >= 0.25 else FLOOR_JUMP), 1.0)
