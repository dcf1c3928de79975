"""Quasi-Newton steps in the metric of a weighted Gram matrix: L2 of any smooth loss, where columns are few.

A Hessian costs as much as many gradients, so one serves for many steps: L-BFGS starts from its Cholesky factor in the
place of the identity (Nocedal and Wright 2006, algorithm 7.4), and a new one, at the point reached by then, is taken
only where that does not do. The intercept is eliminated by a Newton step of its own that goes with every step.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from sparsereg._core import row_objective
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Solution, SolverOptions, State, Vector
from sparsereg.solvers.certificate import GapTracker
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.response import NO_OFFSET, NO_SINGLETONS
from sparsereg.solvers.weighted_gram import Cholesky, dense_block, row_gram, weighted_gram

# Tolerance on the factor of the rows, in place of that on the columns.
STRICTER = 0.5
# Steps that L-BFGS remembers.
MAX_PAIRS = 10
# Steps at one alpha after which a Hessian is taken anew, about what it costs in passes over the columns (measured on
# 1,000 x 100 and 10,000 x 300); and steps from one to the next, where that did not do.
REFRESH_AFTER, REFRESH_EVERY = 8, 3
# Steps at one alpha after which another method may try.
MAX_STEPS = 80
# Share of the slope that a step must gain (Armijo), and the least and the most that it is shortened by.
SUFFICIENT, SHORTEN_MOST, SHORTEN_LEAST = 1e-4, 0.1, 0.5
SHORTEST_STEP = 1e-9
# Weight of a row with next to no curvature in the metric, relative to the curvature typical of its loss.
FLOOR = 1e-6
# Rounding of F in a line search, relative to that of the null model.
ROUNDING = 1e-13


@dataclass
class Point:
    """Coefficients, and what the loss says there.

    Attributes
    ----------
    w : ndarray of float64 of shape (n_columns,)
    b : float
    eta : ndarray of float64 of shape (n_rows,)
    loss : float
    z, curvature, weight : ndarray of float64 of shape (n_rows,)
        Minus the derivatives of the loss, its second derivatives, and the same but for a floor.
    share : float
        Newton's step of the intercept.
    theta : ndarray of float64 of shape (n_rows,)
        z after that step, to first order: orthogonal to the intercept, a dual point.
    v : ndarray of float64 of shape (n_columns,)
        `X' theta`.
    """

    w: Vector
    b: float
    eta: Vector
    loss: float
    z: Vector
    curvature: Vector
    weight: Vector
    share: float
    theta: Vector
    v: Vector


class QuasiNewton:
    """Minimises a smooth loss of few columns plus L2, at one alpha after another; metric and memory go along.

    Parameters
    ----------
    problem : Problem
        Its response and loss.
    block : ndarray of float64 of shape (n_columns, n_rows)
        The columns.
    unit : ndarray of float64 of shape (n_columns,)
        L2 is `alpha / 2 sum_j unit_j w_j^2`; above 0.

    Attributes
    ----------
    point : Point or None
        Where the last minimisation ended.
    """

    def __init__(self, problem: Problem, block: Vector, unit: Vector):
        self.problem, self.block, self.unit = problem, block, unit
        self.point: Point | None = None
        self._gram: Vector | None = None
        self._pairs: deque[tuple[Vector, Vector]] = deque(maxlen=MAX_PAIRS)

    def minimize(self, penalty: ElasticNet, gap: GapTracker, w: Vector, b: float, eta: Vector) -> bool:
        """Go from a point to where the duality gap meets the target; say whether there is no more to do.

        Parameters
        ----------
        penalty : ElasticNet
            Of l1_ratio 0 and alpha above 0.
        gap : GapTracker
        w : ndarray of float64 of shape (n_columns,)
        b : float
        eta : ndarray of float64 of shape (n_rows,)
            `X w + b`.

        Returns
        -------
        done : bool
            The gap is small enough, or passes are used up; otherwise rounding or the number of steps is in the way.
        """
        self._penalty, self._ridge = penalty, penalty.alpha * self.unit
        if self.point is None or self.point.eta is not eta:
            self.point = self.evaluate(penalty, w, b, eta)
        self._factor_metric()
        for step in range(MAX_STEPS):
            if self.is_certified(gap, self.point):
                return True
            if step >= REFRESH_AFTER and (step - REFRESH_AFTER) % REFRESH_EVERY == 0:
                self._refresh()
            moved = self._step(self.point)
            if moved is None:
                return False
            self._remember(self.point, moved)
            self.point = moved
        return self.is_certified(gap, self.point)

    def evaluate(self, penalty: ElasticNet, w: Vector, b: float, eta: Vector) -> Point:
        """Return a point with a dual point at it; arguments as in `minimize`."""
        self._penalty, self._ridge = penalty, penalty.alpha * self.unit
        return self._correlate(self._linearize(w, b, eta))

    # The loss.

    def _linearize(self, w: Vector, b: float, eta: Vector) -> Point:
        """Take value and derivatives of the loss of every row."""
        n, problem = eta.size, self.problem
        z, curvature, weight = np.empty(n), np.empty(n), np.empty(n)
        loss, _ = row_objective.linearize(
            problem.loss, self._penalty, *problem.row_terms, eta, *NO_SINGLETONS, FLOOR, z, curvature, weight,
            NO_OFFSET, NO_OFFSET,
        )
        return Point(w, b, eta, loss, z, curvature, weight, 0.0, z, NO_OFFSET)

    def _correlate(self, point: Point) -> Point:
        """Make a dual point of minus the derivatives, and its correlations with the columns."""
        if self.problem.fit_intercept:
            # A row at the edge of the domain of its conjugate has no curvature and stays there.
            spread = point.curvature if point.curvature.any() else point.weight
            point.share = float(point.z.sum() / spread.sum())
            point.theta = point.z - point.share * spread
        point.v = self.block @ point.theta
        return point

    def _primal(self, point: Point) -> float:
        # Steps may go far too far at first, and are shortened.
        with np.errstate(over="ignore"):
            return point.loss + 0.5 * float((self._ridge * point.w) @ point.w)

    def is_certified(self, gap: GapTracker, point: Point) -> bool:
        """Look at the gap, if only after a bound of it from below that costs nothing; say whether to stop."""
        gradient = point.v - self._ridge * point.w
        excess = 0.5 * float((gradient / self._ridge) @ gradient)
        # By Fenchel and Young the gap is this plus what rows leave.
        if excess > gap.target and gap.n_iter + 1 < gap.options.max_iter and gap.options.callback is None:
            gap.n_iter += 1
            return False
        rows = row_objective.dual_sum(
            self.problem.loss, self._penalty, *self.problem.row_terms, point.eta, point.theta, 1.0, *NO_SINGLETONS
        )
        dual = -rows - 0.5 * float((point.v / self._ridge) @ point.v)
        gap.update_gap(self._primal(point), dual if np.isfinite(dual) else -np.inf)
        return gap.gap <= gap.target or gap.n_iter >= gap.options.max_iter

    # The step.

    def _step(self, point: Point) -> Point | None:
        """Go along the direction of L-BFGS as far as F falls; None where it does not fall at all."""
        gradient = point.v - self._ridge * point.w
        delta = self._direction(gradient)
        change = delta @ self.block
        shift = 0.0
        if self.problem.fit_intercept:
            spread = point.curvature if point.curvature.any() else point.weight
            shift = point.share - float(spread @ change / spread.sum())
            change += shift
        slope = float(point.z @ change) - float((self._ridge * point.w) @ delta)
        start, size = self._primal(point), 1.0
        allowed = ROUNDING * self.problem.reference + self.problem.gap_rounding
        while slope > 0.0 and size > SHORTEST_STEP:
            moved = self._linearize(point.w + size * delta, point.b + size * shift, point.eta + size * change)
            rise = self._primal(moved) - start
            if rise <= allowed - SUFFICIENT * size * slope:
                return self._correlate(moved)
            # Where the parabola through both values and the slope is least.
            best = 0.5 * slope * size / (slope * size + rise) if np.isfinite(rise) else 0.0
            size *= min(max(best, SHORTEN_MOST), SHORTEN_LEAST)
        return None

    def _direction(self, gradient: Vector) -> Vector:
        """Apply the inverse Hessian of L-BFGS to minus the gradient, by two loops over the steps remembered."""
        q, shares = gradient.copy(), []
        for delta, change, curvature in reversed(self._history):
            shares.append(float(delta @ q) / curvature)
            q -= shares[-1] * change
        found = self._scale * self._metric.solve(q)
        for (delta, change, curvature), share in zip(self._history, reversed(shares)):
            found += (share - float(change @ found) / curvature) * delta
        return found

    def _remember(self, before: Point, after: Point) -> None:
        """Keep a step, and what it did to the gradient of the loss: that of the penalty hangs on alpha."""
        self._pairs.append((after.w - before.w, before.v - after.v))
        self._add_to_history(*self._pairs[-1])

    def _add_to_history(self, delta: Vector, change: Vector) -> None:
        change = change + self._ridge * delta
        curvature = float(delta @ change)
        if curvature > 0.0:
            self._history.append((delta, change, curvature))
            del self._history[:-MAX_PAIRS]
            self._scale = curvature / float(change @ self._metric.solve(change))

    # The metric.

    def _refresh(self) -> None:
        """Take the Hessian here for the metric; what was remembered is of another one."""
        self._gram = None
        self._pairs.clear()
        self._factor_metric()

    def _factor_metric(self) -> None:
        if self._gram is None:
            self._gram = weighted_gram(self.block, self.point.weight, self.problem.fit_intercept)
        self._metric, self._scale, self._history = Cholesky(self._gram, self._ridge), 1.0, []
        for pair in self._pairs:
            self._add_to_history(*pair)


class FewColumns:
    """A problem with few columns: its quasi-Newton method, from state to state.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem):
        self.problem, self.columns = problem, problem.columns
        unit = problem.penalty_factor[self.columns] * problem.scale[self.columns] ** 2
        self.method = QuasiNewton(problem, dense_block(problem, self.columns), unit)

    def solve(self, penalty: ElasticNet, state: State, options: SolverOptions) -> Solution | int:
        """Minimise F at one alpha from a warm start, which holds the solution on return.

        Returns
        -------
        solution : Solution, or int
            The number of passes, where another method has to go on from the state.
        """
        problem = self.problem
        gap = GapTracker(problem, penalty, state, options)
        done, point = self._minimize(penalty, state, gap)
        state.w[self.columns], state.b, state.eta = point.w, point.b, point.eta
        state.neg_gradient[:] = point.z
        state.Xt_is_current = state.model = None
        if not done:
            return gap.n_iter
        state.alpha = penalty.alpha
        constant = problem.response.constant
        return Solution.of(
            state.w, b=problem.intercept_outside(state.w, state.b), objective=gap.primal + constant,
            loss=point.loss + constant, dual_gap=gap.relative_gap(), n_iter=gap.n_iter,
            converged=gap.gap <= gap.target,
        )

    def _minimize(self, penalty: ElasticNet, state: State, gap: GapTracker) -> tuple[bool, Point]:
        """Return whether there is no more to do, and where."""
        done = self.method.minimize(penalty, gap, state.w[self.columns], state.b, state.eta)
        return done, self.method.point


class FewRows(FewColumns):
    """A problem with fewer rows than columns: one with as many columns as rows, the factor of the Gram matrix of rows.

    With `L L' = X U^-1 X'`, about the means, `w = U^-1 X' L^-T v` has the predictor `L v` and the penalty of `v`. The
    gap is taken on the columns themselves.
    """

    def __init__(self, problem: Problem):
        super().__init__(problem)
        gram = row_gram(self.method.block, self.method.unit, problem.response.weight, problem.fit_intercept)
        n = problem.n_rows
        self._factor = Cholesky(gram, np.zeros(n))
        self._rows = QuasiNewton(problem, np.ascontiguousarray(self._factor.factor.T), np.ones(n))
        self._left: Vector | None = None

    def _minimize(self, penalty: ElasticNet, state: State, gap: GapTracker) -> tuple[bool, Point]:
        problem, rows, columns, b = self.problem, self._rows, self.method, state.b
        share = problem.response.weight / float(np.broadcast_to(problem.response.weight, (problem.n_rows,)).sum())
        if self._left is state.eta:
            start = rows.point.w, rows.point.b, rows.point.eta
        else:
            rows.point, predictor = None, state.eta - b
            if problem.fit_intercept:
                b += float((share * predictor).sum())
            v = self._factor.half_solve(state.eta - b)
            start = v, b, v @ rows.block + b
        inner = GapTracker(problem, penalty, state, replace(gap.options, tol=STRICTER * gap.options.tol))
        done, found = rows.minimize(penalty, inner, *start), rows.point
        gap.n_iter = max(inner.n_iter - 1, 0)
        q = self._factor.half_solve(found.w, transposed=True)
        if problem.fit_intercept:
            q = q - share * q.sum()
        w = (columns.block @ q) / columns.unit
        eta = w @ columns.block
        b = float((share * (found.eta - eta)).sum()) if problem.fit_intercept else 0.0
        point = columns.evaluate(penalty, w, b, eta + b)
        self._left = point.eta
        return columns.is_certified(gap, point) and done, point
