"""Proximal Newton: descent on the quadratic model of the loss, with a line search on F itself.

For losses that are not quadratic, and wherever singleton columns are eliminated, which leaves the loss of a row only
piecewise quadratic (Friedman, Hastie, Tibshirani 2010, section 3; Yuan, Ho, Lin 2012).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np

from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import CheckedDual, Ids, QuadraticModel, SolverOptions, State, Vector
from sparsereg.solvers.certificate import DualCertificate, GapTracker
from sparsereg.solvers.gram_descent import descend_on_gram, model_gram_pays
from sparsereg.solvers.loss_rows import make_rows
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.unpenalized import UnpenalizedBlock
from sparsereg.solvers.working_set import primal_objective, sweep

# Newton steps are inexact: their inner tolerance is this share of the violation they start from.
INEXACT = 0.1
# Curvature kept, relative, for a row that has next to none, at the edge of its loss or because a singleton coefficient
# absorbs all of it: at 1 the model bounds the loss from above (if anything does), at 0 it is Newton's. The share falls
# after a full step and rises after a shortened one (Levenberg-Marquardt).
FLOOR_SINGLETONS, FLOOR_START, FLOOR_MIN = 0.1, 1e-2, 1e-8
# The least where no column has a penalty: rows that are separated have to go as far as the tolerance asks.
FLOOR_EXACT = 1e-16
# With singleton columns many rows have no curvature, and a model closer to Newton's needs shortened steps; but where a
# fit may be as rough as this a step or two are all it takes, and Newton's go further.
LOOSE_TOL = 1e-5
FLOOR_FALL, FLOOR_RISE, FLOOR_JUMP = 0.05, 8.0, 64.0
SHORTEST_STEP = 1e-9
# Newton's step of a linear predictor, along columns without penalty, that says there is no minimum to step to.
RUNAWAY_STEP = 0.5
# Rounds in which rows of a dual point are held at the edge of what the slope of their loss can be.
MAX_HELD = 10
# Without any penalty: how far a step that says so is lengthened, by twos, while the loss falls; and how many times the
# gap allowed the gain of Newton's step is where no dual point can be close enough.
MAX_DOUBLINGS, OUT_OF_REACH = 40, 2.0
# A step from a Gram matrix that has to be shortened further than this, and so many of them at one alpha, say that what
# it has left of the digits is too little: the rows have them all.
SHORTEST_FROM_GRAM, MAX_GRAM_STEPS = 0.1, 30
# A descent whose tolerance costs the gap no more than this many times what is allowed is made to be the last.
LAST_DESCENT = 30.0


class ProximalNewton:
    """Descent on one quadratic model after another; `neg_gradient` is that of the loss at eta."""

    model: QuadraticModel
    # The residual of the model after a descent that may end the fit.
    predicted_dual: Vector | None = None
    # It was solved as far as the tolerance asks, on a Gram matrix; and how many such steps are left.
    is_solved, n_gram_steps = False, MAX_GRAM_STEPS
    is_clipped, has_descended, n_newton = False, False, 0
    # Newton's step along columns none of which has a penalty or a bound, beside the shift that the intercept takes.
    newton: tuple[Vector, float] | None = None
    # Dual points that were made from it, each dearer than a step; and steps since the last: one more every time.
    n_clipped, n_waited = 0, 0
    # A dual point that the alpha before left, and the last that was looked at.
    left: CheckedDual | None = None
    checked: CheckedDual | None = None

    def __init__(self, problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions):
        self.problem, self.penalty, self.state, self.options = problem, penalty, state, options
        rough = problem.singletons is None or options.tol >= LOOSE_TOL
        self.floor = FLOOR_START if rough else FLOOR_SINGLETONS
        self.gap = GapTracker(problem, penalty, state, options)
        self.certificate = DualCertificate(problem, penalty, state, options)
        self.rows = make_rows(problem, penalty, state, options.n_threads)
        self.certificate.conjugates = self.rows.conjugates

    def begin(self) -> float:
        """Model the loss, unless the state brings the model along: without singleton columns no penalty is in it."""
        known = self.state.model
        if known is not None and known.response is self.problem.response and known.eta is self.state.eta:
            self.quadratic = known
        else:
            self.linearize()
        # It is this descent's now, which gives it back when it has finished.
        self.state.model = None
        if self.state.dual is not None and self.state.dual.response is self.problem.response:
            self.left = self.state.dual
        self.state.dual = None
        return self.quadratic.loss

    def linearize(self) -> None:
        """Model the loss at the linear predictor."""
        # The model before goes first: memory need not hold both.
        vars(self).pop("quadratic", None)
        self.quadratic = self.rows.linearize(self.floor * self.problem.null_curvature_ratio)
        self.state.Xt_is_current = None

    def dual_points(self) -> Iterator[tuple[Vector, float]]:
        """Center minus the derivative of the loss, and project it off the unpenalised columns; refresh X' theta.

        The residual of the last model comes first. It misses minus the derivative of the loss by no more than what the
        step does to second order, but meets the constraints as well as the descent solved the model, and a dual point
        pays for what it misses to second order and for constraints to first: it mostly certifies one step earlier.
        """
        certificate, self.checked, self.is_clipped = self.certificate, None, False
        if self.options.callback is not None:
            self.rows.recover()
        if self.left is not None:
            yield self._take_left(), 1.0
            return
        if self.predicted_dual is not None:
            theta, scale = self._center(self.predicted_dual)
            self.predicted_dual = None
            certificate.correlate(certificate.screened_in, theta)
            if self.is_solved:
                v = self.state.Xt_neg_gradient
                self.checked = CheckedDual(self.problem.response, theta, certificate.screened_in, v)
            yield theta, scale
            if self.is_solved and self.gap.stalled == 0:
                # Minus the derivative of the loss is one step ahead, but costs another pass; the next step takes it.
                # Where nothing gets better, rounding may have left the model's residual steeper than the loss can be.
                return
        theta, scale = self._center(self.state.neg_gradient)
        if certificate.unpenalized.size:
            theta = self._project(theta)
        certificate.correlate(certificate.screened_in, theta)
        yield theta, scale

    def _take_left(self) -> Vector:
        """Take the dual point of the alpha before for the first: next to minus the derivative, and correlated."""
        left, state, certificate = self.left, self.state, self.certificate
        self.left = None
        fresh = np.zeros(state.w.size, dtype=bool)
        fresh[left.columns] = True
        state.Xt_neg_gradient[left.columns] = left.v
        certificate.correlate(certificate.screened_in[~fresh[certificate.screened_in]], left.theta)
        return left.theta

    def _center(self, z: Vector) -> tuple[Vector, float]:
        """Make a dual point orthogonal to the intercept; return what the singleton columns allow of it, too."""
        return self.rows.center(z, self.quadratic)

    def _project(self, theta: Vector) -> Vector:
        """Make a dual point orthogonal to the unpenalised columns: the residual of their least squares in the model."""
        certificate = self.certificate
        block = certificate.find_block(theta)
        certificate.slack = 0.0
        if block.columns.size:
            rows = self.quadratic.weight, self.quadratic.weight_sum
            if self._is_smooth:
                delta, shift, projected, _ = block.solve(theta, *rows, max_rounds=1)
                self.newton = delta, shift
                gain = 0.5 * float((theta - projected) @ block.change(delta, shift))
                theta = projected
                self.n_waited += 1
                out_of_reach = gain > OUT_OF_REACH * self.gap.target or self.n_waited <= self.n_clipped
                if out_of_reach and not self.gap.is_last():
                    return theta
                self.n_waited, self.n_clipped = 0, self.n_clipped + 1
            _, _, theta, certificate.slack = block.solve(theta, *rows)
            theta = self._clip_to_slopes(block, theta)
        return theta

    @cached_property
    def _is_smooth(self) -> bool:
        """No column has a penalty or a bound: what is left is the loss alone."""
        certificate = self.certificate
        return certificate.unpenalized.size == self.problem.columns.size and not certificate.one_sided.size

    def _clip_to_slopes(self, block: UnpenalizedBlock, theta: Vector) -> Vector:
        """Bring the rows of a dual point to where the loss is as steep as that, the others making up for them.

        Where columns without penalty separate rows, Newton's step along their exponential tail is about one and may be
        more: the residual turns its sign. Such rows are held at the edge, and the rest is projected again.
        """
        fall, rise = self.problem.max_slopes
        weight = np.array(np.broadcast_to(self.quadratic.weight, theta.shape))
        for _ in range(MAX_HELD):
            outside = (theta > fall) | (theta < -rise)
            if not outside.any():
                break
            weight[outside], self.is_clipped = 0.0, True
            theta, total = np.clip(theta, -rise, fall), float(weight.sum())
            if total == 0.0:
                break
            if self.problem.fit_intercept:
                theta = theta - weight * (float(theta.sum()) / total)
            weight_sum = total if self.problem.fit_intercept else 0.0
            # Roughly while rows are being found, well once they are.
            roughly = block.solve(theta, weight, weight_sum, max_rounds=1)[2]
            if ((roughly > fall) | (roughly < -rise)).any():
                theta, self.certificate.slack = roughly, np.inf
            else:
                _, _, theta, self.certificate.slack = block.solve(roughly, weight, weight_sum)
        return theta

    def set_tolerance(self, theta: Vector) -> None:
        """Leave it: the violation on the working set says how well to solve the next model."""

    def moments(self, columns: Ids) -> tuple[Vector, Vector]:
        """Sums and curvatures of columns under the model."""
        quadratic = self.quadratic
        return self.problem.moments(columns, quadratic.weight, quadratic.weight_sum, self.options.n_threads)

    def recenter(self, theta: Vector) -> tuple[Vector, float]:
        """Center a dual point, and project it off the unpenalised columns."""
        theta, scale = self._center(theta)
        return self._project(theta) if self.certificate.unpenalized.size else theta, scale

    def centered_gradient(self) -> Vector:
        """Minus the derivative of the loss, orthogonal to the intercept."""
        return self._center(self.state.neg_gradient)[0]

    def descend(self, columns: Ids, violation: float) -> None:
        """Minimise the model on the working set, roughly, and take the step towards that."""
        problem, state, target = self.problem, self.state, self.gap.target
        if self.newton is not None:
            self._step_without_penalty(*self.newton)
            return
        w = state.w[columns]
        size = float(np.sum(np.abs(w * problem.scale[columns])))
        last_tol = 0.3 * target / size if size > 0.0 else np.inf
        tol = INEXACT * violation
        is_last = tol * size <= LAST_DESCENT * target and not self.certificate.unpenalized.size
        if is_last:
            tol = min(tol, last_tol)
        self.is_solved, self.has_descended, shift = False, True, 0.0
        if self.n_gram_steps > 0 and not self.certificate.unpenalized.size and model_gram_pays(problem, columns):
            # Sweeps cost little, so that the model is solved for good at once, unless they crawl or see too little.
            shift, self.is_solved = descend_on_gram(self, columns, w, min(tol, last_tol))
            self.n_gram_steps = self.n_gram_steps - 1 if self.is_solved else 0
            step = problem.product(columns, w - state.w[columns], shift)
            state.neg_gradient = state.neg_gradient - self.quadratic.weight * step
        if not self.is_solved:
            shift += sweep(self, columns, w, *self.moments(columns), tol)
        if is_last or self.is_solved:
            self.predicted_dual, state.neg_gradient = state.neg_gradient, self.rows.spare()
        self._search_line(columns, w - state.w[columns], shift)

    def _step_without_penalty(self, delta: Vector, shift: float) -> None:
        """Take Newton's step that the dual point was projected with, a longer one where the loss has no minimum."""
        quadratic, columns = self.quadratic, self.problem.columns
        total = quadratic.weight_sum
        shift += float(self.state.neg_gradient.sum()) / total if total > 0.0 else 0.0
        self.newton = None
        self._search_line(columns, delta, shift, may_grow=not self.problem.loss.location)

    def _search_line(self, columns: Ids, delta: Vector, shift: float, may_grow: bool = False) -> None:
        """Take the Newton step, halved until the true objective does not rise; doubled while it falls, if it may."""
        problem, state = self.problem, self.state
        start = state.w[columns]
        self.rows.set_out(columns, delta, shift)
        allowed = self.gap.primal + 1e-13 * problem.reference + problem.gap_rounding

        def objective_at(size: float) -> float:
            # Rounding must not carry a coefficient past its bound.
            state.w[columns] = np.clip(start + size * delta, problem.lower[columns], problem.upper[columns])
            self.rows.go(size)
            self.linearize()
            return primal_objective(self)

        size = 1.0
        while not (reached := objective_at(size)) <= allowed and size > 0.0:
            size = 0.5 * size if size > SHORTEST_STEP else 0.0
        if may_grow and size == 1.0 and self.rows.longest_step() > RUNAWAY_STEP:
            enough = problem.min_loss + self.gap.target
            while reached > enough and size < 2.0**MAX_DOUBLINGS and (further := objective_at(2.0 * size)) < reached:
                size, reached = 2.0 * size, further
            objective_at(size)
        state.b += size * shift
        if size < 1.0 and self.is_solved:
            self.predicted_dual = None
            if size < SHORTEST_FROM_GRAM:
                self.n_gram_steps = 0
        if size >= 1.0:
            self.floor = max(self.floor * FLOOR_FALL, FLOOR_EXACT if may_grow else FLOOR_MIN)
        else:
            self.floor = min(self.floor * (FLOOR_RISE if size >= 0.25 else FLOOR_JUMP), 1.0)

    def move(self, columns: Ids, delta: Vector) -> None:
        """Add to the coefficients of columns, the intercept held."""
        self.state.w[columns] += delta
        self.rows.set_out(columns, delta, 0.0)
        self.rows.go(1.0)
        self.linearize()

    def jump(self, columns: Ids, delta: Vector, shift: float) -> None:
        """Add to the coefficients of columns and to the intercept, if that lowers F."""
        state, gap, b = self.state, self.gap, self.state.b
        start = state.w[columns]
        state.w[columns] += delta
        state.b = b + shift
        self.rows.set_out(columns, delta, shift)
        self.rows.go(1.0)
        self.linearize()
        primal = primal_objective(self)
        if primal >= gap.primal or not gap.accept(primal):
            state.w[columns], state.b = start, b
            self.rows.go(0.0)
            self.linearize()

    def finish(self) -> bool:
        """Leave the model to the next alpha; say whether the loss keeps falling along unpenalised columns."""
        problem, quadratic, block, unbounded = self.problem, self.quadratic, self.certificate.block, False
        self.rows.recover()
        if block is not None and block.columns.size and not problem.loss.location:
            # Near a minimum Newton's steps vanish; along an exponential tail they have length 1. Residuals know no
            # tail, and are in the units of y.
            weight_sum = float(quadratic.curvature.sum()) if problem.fit_intercept else 0.0
            delta, shift, _, _ = block.solve(self.centered_gradient(), quadratic.curvature, weight_sum)
            unbounded = bool(np.abs(block.change(delta, shift)).max() > RUNAWAY_STEP)
        if problem.singletons is None:
            self.state.model = quadratic
        if self.checked is not None:
            self.state.dual = replace(self.checked, v=self.checked.v[self.checked.columns])
        return unbounded
