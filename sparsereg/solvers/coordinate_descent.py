"""Working-set coordinate descent: one alpha, from a warm start, to a certified duality gap.

The scheme, once per alpha (references in the functions): certify; drop columns that the gap-safe sphere proves to be
zero; choose a working set, by the sequential strong rule first and by priority later; descend on it to a tolerance set
by the gap that is still to go; certify again. With private columns eliminated the loss is only piecewise quadratic and
the descent runs on its quadratic model, with a line search on the true objective (proximal Newton).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sparsereg._core import cd, certificate, newton
from sparsereg._core import columns as column_passes
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Controls, Point, Progress, Solution
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.support import newton_direction
from sparsereg.solvers.unpenalised import UnpenalisedBlock

__all__ = ["solve"]

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]

# The working set holds the support and up to twice as many more (the growth of celer), but at least this many.
SMALL_WORKING_SET = 200
GROWTH = 2
# Sweeps between two looks at the gap: a tolerance below the rounding of the residual must not use up all of max_iter.
MAX_SWEEPS = 100
# Where that many were not enough the support takes a Newton step of its own, shortened at most so often.
SHORTENINGS = 6
# Newton steps are inexact: their inner tolerance is this share of the violation they start from.
INEXACT = 0.3
# Curvature kept, relative, for a row whose private coefficient absorbs all of it: at 1 the model bounds the loss from
# above, at 0 it is Newton's. It falls after a full step and rises after a shortened one (Levenberg-Marquardt).
FLOOR_START, FLOOR_LEAST = 1e-2, 1e-8
FLOOR_FALL, FLOOR_RISE, FLOOR_JUMP = 0.25, 8.0, 64.0
SHORTEST_STEP = 1e-9
# Rounds that better neither objective nor gap after which rounding is to blame.
MAX_STALLED = 8
# Correlation with an unpenalised column, relative to the norms of both, up to which a dual point counts as feasible.
FEASIBLE = 1e-12


def solve(problem: Problem, penalty: ElasticNet, point: Point, controls: Controls) -> Solution:
    """Minimise F at one alpha from a warm start.

    Parameters
    ----------
    problem : Problem
    penalty : ElasticNet
    point : Point
        Warm start; holds the solution on return.
    controls : Controls

    Returns
    -------
    solution : Solution
    """
    run = _Run(problem, penalty, point, controls)
    while run.certify():
        columns = run.choose_working_set()
        run.descend(columns)
    return run.finish()


@dataclass
class _Model:
    """The quadratic model that the kernel descends on: weights of the rows, their sum, and the loss at its centre."""

    weight: Vector
    weight_sum: float
    loss: float
    u: Vector | None = None


class _Run:
    """The state of one call of `solve`."""

    def __init__(self, problem: Problem, penalty: ElasticNet, point: Point, controls: Controls):
        self.problem, self.penalty, self.point, self.controls = problem, penalty, point, controls
        self.target = controls.tol * problem.reference + problem.rounding
        self.norm = np.sqrt(problem.curvature)
        self.best_dual, self.gap, self.best_gap = -np.inf, np.inf, np.inf
        self.n_iter, self.stalled, self.is_z = 0, 0, False
        self.best_primal, self.floor = np.inf, FLOOR_START
        self.tol: float | None = None
        if problem.private is None:
            self._refresh_residual()
        self.model = self._model_at(point.eta)
        self._split_unpenalised()
        self.live = self._statically_live()

    # The model of the loss.

    def _refresh_residual(self) -> None:
        """Take z from the coefficients again, so that rounding does not build up along a path."""
        problem, point = self.problem, self.point
        support = np.flatnonzero(point.w).astype(np.int32)
        eta = np.full(problem.n_rows, point.b)
        column_passes.accumulate(*problem.matrix, support, point.w[support], eta)
        point.z[:] = problem.weight * (problem.y - eta)

    def _model_at(self, eta: Vector | None) -> _Model:
        """Linearise the loss; with plain squared loss the model is the loss itself."""
        problem, point = self.problem, self.point
        if problem.private is None:
            weight_sum = 1.0 if problem.fit_intercept else 0.0
            return _Model(problem.weight, weight_sum, self._square_norm(point.z))
        weight, u = np.empty(problem.n_rows), np.empty(problem.n_rows)
        loss, weight_sum = newton.linearise(
            problem.loss, self.penalty, problem.y, problem.s, eta, *problem.private.rules, self.floor,
            point.z, weight, u,
        )
        point.fresh = None
        return _Model(weight, weight_sum if problem.fit_intercept else 0.0, loss, u)

    # Which columns to look at.

    def _split_unpenalised(self) -> None:
        """Find the columns whose dual constraint is an equality or a sign: no penalty and no bound on some side."""
        problem = self.problem
        public = problem.public
        if self.penalty.alpha > 0.0:
            public = public[problem.factor[public] == 0.0]
        lower, upper = problem.lower[public], problem.upper[public]
        self.unpenalised = public[np.isinf(lower) | np.isinf(upper)]
        self.block: UnpenalisedBlock | None = None
        self.block_slack = 0.0

    def _statically_live(self) -> Ids:
        """Drop columns that are zero at the optimum by Cauchy-Schwarz: the loss there is at most F here and at 0."""
        public = self.problem.public
        primal = min(self._primal(public), self.problem.null_objective)
        return self._reachable(public, 0.0, np.sqrt(2.0 * primal))

    def _reachable(self, columns: Ids, c: float, radius: float) -> Ids:
        """Keep the columns that are not zero at every dual point within the radius of c z."""
        out, problem, point = np.empty_like(columns), self.problem, self.point
        n = certificate.reachable(
            self.penalty, columns, point.v, point.w, self.norm, problem.factor, problem.scale, c, radius, out
        )
        return out[:n].copy()

    def _primal(self, columns: Ids) -> float:
        """F less the constants, for coefficients that are zero outside the columns and the private ones."""
        problem = self.problem
        return self.model.loss + certificate.penalty_value(
            self.penalty, columns, self.point.w, problem.factor, problem.scale
        )

    def _square_norm(self, z: Vector) -> float:
        return float(0.5 * np.sum(z**2 / self.problem.weight))

    def _threshold(self, columns: Ids) -> Vector:
        """Correlation X_j' z up to which column j stays at zero."""
        return self.penalty.strength * self.problem.factor[columns] * self.problem.scale[columns]

    def _correlate(self, columns: Ids, z: Vector) -> None:
        column_passes.correlate(*self.problem.matrix, columns, z, self.point.v, self.controls.n_threads)

    # The certificate.

    def certify(self) -> bool:
        """Update the duality gap; say whether to go on."""
        theta, private_scale = self._dual_point()
        primal = self._primal(self.live)
        dual, scale = self._best_dual(theta, self.live, private_scale)
        self.best_dual = max(self.best_dual, dual)
        self.primal, self.dual_scale, self.sphere_gap = primal, scale, primal - dual
        self.gap = max(primal - self.best_dual, 0.0)
        self.n_iter += 1
        better = primal < self.best_primal - 1e-14 * self.problem.reference or self.gap < 0.99 * self.best_gap
        self.stalled = 0 if better else self.stalled + 1
        self.best_gap, self.best_primal = min(self.gap, self.best_gap), min(primal, self.best_primal)
        self._tell()
        if self.gap <= self.target or self.n_iter >= self.controls.max_iter or self.stalled >= MAX_STALLED:
            return False
        self._tighten(theta, private_scale)
        self._drop_safely()
        return True

    def _dual_point(self) -> tuple[Vector, float]:
        """Make minus the derivative of the loss orthogonal to intercept and unpenalised columns; refresh X' theta."""
        problem, point = self.problem, self.point
        theta, scale = point.z, 1.0
        if problem.private is not None:
            theta = np.empty(problem.n_rows)
            scale = newton.centre_dual(
                self.penalty, point.z, self.model.weight, self.model.weight_sum, *problem.private.rules, theta
            )
        elif self.unpenalised.size:
            theta = self._orthogonalise()
        stale = self.live
        if theta is point.z and point.fresh is not None:
            stale = stale[~point.fresh[stale]]
        self._correlate(stale, theta)
        point.fresh = None
        self.is_z = theta is point.z
        return theta, scale

    def _orthogonalise(self) -> Vector:
        """Solve for the unpenalised columns exactly; move the coefficients along where no bound is in the way."""
        problem, point = self.problem, self.point
        columns = self._without_dual_slack()
        if self.block is None or not np.array_equal(self.block.columns, columns):
            self.block = UnpenalisedBlock(problem, columns)
        if columns.size == 0:
            self.block_slack = 0.0
            return point.z
        delta, shift, theta, self.block_slack = self.block.solve(point.z)
        bound = np.where(delta > 0.0, problem.upper[columns], problem.lower[columns])
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.min(np.where(delta != 0.0, (bound - point.w[columns]) / delta, np.inf), initial=1.0)
        if size > 0.0 and (shift or delta.any()):
            low, high = problem.lower[columns], problem.upper[columns]
            point.w[columns] = np.clip(point.w[columns] + size * delta, low, high)
            point.b += size * shift
            point.z[:] = theta if size == 1.0 else point.z + size * (theta - point.z)
            point.fresh = None
            self.model = self._model_at(None)
        return point.z if size == 1.0 else theta

    def _without_dual_slack(self) -> Ids:
        """Find the unpenalised columns that X' theta must vanish on: within their bounds, or pushed off one."""
        point, columns = self.point, self.unpenalised
        w, lower, upper = point.w[columns], self.problem.lower[columns], self.problem.upper[columns]
        self._correlate(columns, point.z)
        v = point.v[columns]
        return columns[((lower < w) | (v > 0.0)) & ((w < upper) | (v < 0.0))]

    def _best_dual(self, theta: Vector, columns: Ids, private_scale: float) -> tuple[float, float]:
        """Return the dual objective at the best of a few scalings of theta, and that scaling."""
        problem, point, rules = self.problem, self.point, self.problem.rules
        unpenalised = 0.0
        if self.unpenalised.size:
            unpenalised = self._unpenalised_conjugate()
            columns = np.setdiff1d(columns, self.unpenalised, assume_unique=True)
        scales = {min(1.0, private_scale)}
        # Far bounds price the least infeasibility dearly; scaled as if there were none the point costs nothing.
        for sides in (rules[2:],) if problem.signs is None else (problem.signs, rules[2:]):
            feasible = certificate.feasible_scale(self.penalty, columns, point.v, point.w, *rules[:2], *sides)
            scales.add(min(feasible, private_scale))
        best, best_scale = -np.inf, 1.0
        private = problem.private
        private_rules = private.rules if private is not None else (np.empty(0),) * 5
        for scale in scales:
            conjugate = certificate.conjugate_sum(self.penalty, columns, point.v, scale, *rules) + scale * unpenalised
            if conjugate < np.inf:
                s = np.broadcast_to(problem.weight, (problem.n_rows,))
                dual = -conjugate - newton.dual_sum(
                    problem.loss, self.penalty, problem.y, s, theta, scale, *private_rules
                )
                if dual > best:
                    best, best_scale = dual, scale
        return best, best_scale

    def _unpenalised_conjugate(self) -> float:
        """Sum sup_w v_j w over the bounds; inf where nothing bounds w and v_j is more than rounding.

        What rounding leaves on the columns of the block is priced by what another step on them would gain.
        """
        problem = self.problem
        block = self.block.columns if self.block is not None else self.unpenalised[:0]
        columns = np.setdiff1d(self.unpenalised, block, assume_unique=True)
        v = self.point.v[columns]
        bound = np.where(v > 0.0, problem.upper[columns], problem.lower[columns])
        rounding = FEASIBLE * self.norm[columns] * np.sqrt(2.0 * problem.reference)
        if np.any(np.isinf(bound) & (np.abs(v) > rounding)):
            return np.inf
        bound[np.isinf(bound)] = 0.0
        return float(np.sum(v * bound)) + self.block_slack

    def _drop_safely(self) -> None:
        """Drop columns that are zero at the optimum."""
        if np.isfinite(self.sphere_gap):
            self.live = self._reachable(self.live, self.dual_scale, np.sqrt(2.0 * max(self.sphere_gap, 0.0)))

    def _tighten(self, theta: Vector, private_scale: float) -> None:
        """Set the tolerance of the next descent from the gap of the last one on its own working set."""
        if self.tol is None:
            return
        dual, _ = self._best_dual(theta, self.working_set, private_scale)
        gap = self.primal - dual
        if gap > 0.5 * self.target:
            ratio = 0.3 * self.target / gap
            self.tol *= min(max(ratio, 0.02), 0.5)

    # The descent.

    def choose_working_set(self) -> Ids:
        """Take the support and the columns most likely to join it (strong rules: Tibshirani et al. 2012, eq. 8)."""
        share = 1.0 - 1e-3
        if self.tol is None:
            ratio = self.point.alpha / self.penalty.alpha if self.penalty.alpha > 0.0 else np.inf
            share = max(2.0 - ratio, 0.0)
        out = np.empty_like(self.live)
        n, n_support = certificate.candidates(
            self.penalty, self.live, self.point.v, self.point.w, *self.problem.rules, share, out
        )
        most = n_support + max(GROWTH * n_support, SMALL_WORKING_SET)
        self.working_set = out[:n].copy() if n <= most else self._most_likely(out[:n], most)
        return self.working_set

    def _most_likely(self, columns: Ids, most: int) -> Ids:
        """Keep the support and the columns closest to joining it, by distance of the dual constraint (celer)."""
        threshold = self._threshold(columns)
        priority = (threshold - np.abs(self.point.v[columns])) / self.norm[columns]
        priority[self.point.w[columns] != 0.0] = -np.inf
        return np.sort(columns[np.argpartition(priority, most)[:most]])

    def descend(self, columns: Ids) -> None:
        """Run the kernel on the working set and take its step."""
        problem, point, penalty, rules = self.problem, self.point, self.penalty, self.problem.rules
        violation = certificate.optimality_violation(penalty, columns, point.v, point.w, *rules)
        if self.tol is None:
            size = np.sum(np.abs(point.w[columns] * problem.scale[columns]))
            self.tol = min(0.1 * violation, 0.5 * self.target / size if size > 0.0 else np.inf)
        tol, most = self.tol, min(max(self.controls.max_iter - self.n_iter, 1), MAX_SWEEPS)
        mass, curvature = problem.mass[columns], problem.curvature[columns]
        if problem.private is not None:
            tol = max(tol, INEXACT * violation)
            mass, curvature = self._model_moments(columns)
        w = point.w[columns]
        args = (self.model.weight, self.model.weight_sum, curvature, mass, *(rule[columns] for rule in rules))
        epochs, _, shift = cd.descend(*problem.matrix, columns, w, point.z, *args, penalty, tol, most)
        self.n_iter += epochs
        if problem.private is None:
            point.w[columns] = w
            point.b += shift
            self.model.loss = self._square_norm(point.z)
            if epochs >= MAX_SWEEPS:
                self._step_on_support(columns)
        else:
            self._search_line(columns, w - point.w[columns], shift)

    def _step_on_support(self, columns: Ids) -> None:
        """Take Newton's step on the support, coefficients that change sign stopped at zero, if F falls."""
        problem, point = self.problem, self.point
        w = point.w[columns]
        inside = (w != 0.0) & (problem.lower[columns] < w) & (w < problem.upper[columns])
        columns, start, z = columns[inside], w[inside], point.z.copy()
        if columns.size == 0:
            return
        delta = newton_direction(problem, self.penalty, columns, start, z)
        before, model = self._primal(self.live), self.model
        for size in 0.5 ** np.arange(SHORTENINGS):
            target = np.clip(start + size * delta, problem.lower[columns], problem.upper[columns])
            target[target * start < 0.0] = 0.0
            change = np.zeros(problem.n_rows)
            column_passes.accumulate(*problem.matrix, columns, target - start, change)
            shift = -float(problem.mass[columns] @ (target - start)) if problem.fit_intercept else 0.0
            point.w[columns], point.z[:] = target, z - problem.weight * (change + shift)
            self.model = self._model_at(None)
            if self._primal(self.live) < before:
                point.b += shift
                return
        point.w[columns], point.z[:], self.model = start, z, model

    def _model_moments(self, columns: Ids) -> tuple[Vector, Vector]:
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
        allowed = self.primal + 1e-13 * problem.reference
        size = 1.0
        while True:
            # Rounding must not carry a coefficient past its bound.
            point.w[columns] = np.clip(start + size * delta, problem.lower[columns], problem.upper[columns])
            point.eta = eta + size * step
            self.model = self._model_at(point.eta)
            if self._primal(self.live) <= allowed or size < SHORTEST_STEP:
                break
            size *= 0.5
        point.b += size * shift
        if size == 1.0:
            self.floor = max(self.floor * FLOOR_FALL, FLOOR_LEAST)
        else:
            self.floor = min(self.floor * (FLOOR_RISE if size >= 0.25 else FLOOR_JUMP), 1.0)

    # The end.

    def _tell(self) -> None:
        if self.controls.callback is not None:
            n_nonzero = int(np.count_nonzero(self.point.w))
            if self.model.u is not None:
                n_nonzero += int(np.count_nonzero(self.model.u))
            self.controls.callback(Progress(self.penalty.alpha, self.n_iter, self._relative_gap(), n_nonzero))

    def _relative_gap(self) -> float:
        """Gap over the objective of the null model; 0 where that is itself rounding."""
        reference = self.problem.reference
        return float(self.gap / reference) if reference > self.problem.rounding else 0.0

    def finish(self) -> Solution:
        """Put the private columns back and report."""
        problem, point = self.problem, self.point
        w = point.w.copy()
        loss = self._square_norm(point.z) + problem.within
        if problem.private is not None:
            w[problem.private.columns] = self.model.u[problem.private.rows]
        point.alpha = self.penalty.alpha
        if self.is_z:
            point.fresh = np.zeros(w.size, dtype=bool)
            point.fresh[self.live] = True
        return Solution.of(
            w,
            b=point.b + problem.centre,
            objective=self.primal + problem.within,
            loss=loss,
            dual_gap=self._relative_gap(),
            n_iter=self.n_iter,
            converged=self.gap <= self.target,
        )
