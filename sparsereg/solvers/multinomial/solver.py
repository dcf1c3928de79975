"""Softmax regression: proximal Newton on one class after another, certified by one duality gap for all.

With the other classes held, the objective is logistic in the coefficients of a class (Friedman, Hastie, Tibshirani
2010, section 4). A shift of all classes alike changes no probability; each column's goes to where the penalty is
least. That of the intercepts, which nothing penalises, makes their mean zero.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sparsereg._core import columns as column_passes
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Solution, SolverOptions
from sparsereg.solvers.certificate import GapTracker, faint_columns
from sparsereg.solvers.multinomial import softmax
from sparsereg.solvers.multinomial.newton_cg import JointQuadratic
from sparsereg.solvers.multinomial.problem import MultinomialProblem, MultinomialState
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.proximal_newton import RUNAWAY_STEP, ProximalNewton
from sparsereg.solvers.working_set import Model

__all__ = ["solve"]

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]

# Rounds over the classes between two certificates; the share of the first violation at which they end, as each step
# leaves less than it finds; and that up to which a class is let be.
MOST_CYCLES, ENOUGH, NEGLECTED = 10, 0.5, 0.1
# Exponentials, relative to the likeliest class at the start of a round, stay within float64.
LEAST_SHARE, LARGEST_RISE = 1e-300, 600.0
# Intercepts that are this close to balanced leave a dual point within the simplex.
BALANCED = 0.01
# The step on the supports need not be exact: rounds over the classes follow. It is shortened at most so often.
SUPPORT_TOL, SUPPORT_MOST, SHORTENINGS = 1e-3, 500, 6
# Rounds of projection, and what another may gain, relative to the objective of the null model.
PROJECTIONS, NEGLIGIBLE = 6, 1e-14


def solve(
    problem: MultinomialProblem, penalty: ElasticNet, state: MultinomialState, options: SolverOptions
) -> Solution:
    """Minimise F at one alpha from a warm start.

    Parameters
    ----------
    problem : MultinomialProblem
    penalty : ElasticNet
    state : MultinomialState
        Warm start; holds the solution on return.
    options : SolverOptions

    Returns
    -------
    solution : Solution
    """
    return _MultinomialRun(problem, penalty, state, options).run()


class _ClassRun(ProximalNewton):
    """One class against the others: which columns to look at, and steps on them."""

    def _begin(self) -> Model:
        # Each look models the loss anew.
        return Model(np.empty(0), 0.0, np.inf)

    def screen_static(self) -> Ids:
        # The loss of all classes, not this one's, bounds what the optimum can reach; the gap does that better.
        return self._within_reach()

    def look(self) -> float:
        """Model the loss where the other classes are now; return the violation on the working set."""
        self.model = self._model()
        self._correlate(self.working_set, self.state.neg_gradient)
        return self.violation(self.working_set)

    def step(self, violation: float) -> None:
        """Take a step on the working set."""
        self.primal = self._primal(self.live)
        self._descend(self.working_set, violation)

    def correlate(self, z: Vector) -> None:
        """Refresh `X' z` on the columns that are left."""
        self._correlate(self.live, np.ascontiguousarray(z))

    def tight_columns(self, z: Vector) -> Ids:
        """Find the unpenalised columns that a dual point must be orthogonal to."""
        self.solved = self._without_dual_slack(np.ascontiguousarray(z))
        return self.solved

    def inner_support(self) -> Ids:
        """Find the columns whose coefficients are neither zero nor at a bound."""
        w, problem = self.state.w, self.problem
        return np.flatnonzero((w != 0.0) & (problem.lower < w) & (w < problem.upper)).astype(np.int32)

    def penalty_slope(self, columns: Ids) -> tuple[Vector, Vector]:
        """Return first and second derivatives of the penalty where coefficients are not zero."""
        w, problem = self.state.w[columns], self.problem
        strength = self.penalty.alpha * (1.0 - self.penalty.l1_ratio)
        ridge = strength * (problem.penalty_factor * problem.scale**2)[columns]
        return ridge * w + self._threshold(columns) * np.sign(w), ridge

    def move(self, columns: Ids, start: tuple[Vector, float, Vector], step: Vector) -> None:
        """Go a step from the start (coefficients, intercept, predictor), to zero where it would change the sign."""
        problem, state = self.problem, self.state
        w, state.b, eta = start
        target = np.clip(w + step, problem.lower[columns], problem.upper[columns])
        target[target * w < 0.0] = 0.0
        state.w[columns], state.eta = target, eta.copy()
        column_passes.accumulate(*problem.matrix, columns, target - w, state.eta)


class _MultinomialRun(GapTracker):
    """The state of one call of `solve`."""

    problem: MultinomialProblem
    state: MultinomialState

    def __init__(
        self, problem: MultinomialProblem, penalty: ElasticNet, state: MultinomialState, options: SolverOptions
    ):
        super().__init__(problem, penalty, state, options)
        self.loss, self.unbounded = np.inf, False
        for at in state.classes:
            at.alpha = state.alpha
        self.runs = [
            _ClassRun(of_class, penalty, at, options) for of_class, at in zip(problem.classes, state.classes)
        ]

    def run(self) -> Solution:
        """Alternate between certificate and descent until the gap is small enough."""
        while self._certify():
            self._descend()
        self._drop_faint()
        return self._finish()

    # The certificate.

    def _certify(self) -> bool:
        """Update the duality gap; say whether to go on."""
        problem, runs = self.problem, self.runs
        self._recentre()
        t = self._balance()
        p, log_sum = softmax.softmax(t)
        self.loss = softmax.loss(problem.y, problem.s, t, log_sum)
        theta = self._dual_point(p)
        for run, z in zip(runs, problem.to_rows(theta)):
            run.correlate(z)
        dual, scale = self._best_dual(theta)
        primal = self.loss + sum(run.penalty_paid(run.live) for run in runs)
        if not self.record(primal, dual):
            return False
        for run in runs:
            # In each class the conjugate of the cross-entropy is as curved as that of the logistic loss.
            run.screen_gap_safe(scale, primal - dual)
        return True

    def _recentre(self) -> None:
        """Shift each column's coefficients in all classes to where the penalty is least; no probability changes."""
        problem, states = self.problem, self.state.classes
        used = np.zeros(states[0].w.size, dtype=bool)
        for state in states:
            used |= state.w != 0.0
        columns = np.flatnonzero(used).astype(np.int32)
        if columns.size == 0:
            return
        w = np.stack([state.w[columns] for state in states])
        shift = _best_shift(self.penalty, problem.classes[0], columns, w)
        change = np.zeros(problem.n_rows)
        column_passes.accumulate(*problem.classes[0].matrix, columns, shift, change)
        lower, upper = problem.classes[0].lower[columns], problem.classes[0].upper[columns]
        for state in states:
            # Rounding must not carry a coefficient past its bound.
            state.w[columns] = np.clip(state.w[columns] - shift, lower, upper)
            state.eta = state.eta - change

    def _balance(self) -> Vector:
        """Bring the intercepts close to their best; return the arguments of the softmax."""
        problem, states = self.problem, self.state.classes
        t = problem.to_terms(self.state.eta)
        if not problem.fit_intercept:
            return t
        shift = softmax.balance(problem.y, problem.s, t, BALANCED)
        shift -= np.mean([state.b for state in states]) + shift.mean()
        for state, by in zip(states, shift):
            state.b += by
            state.eta = state.eta + by
        return problem.to_terms(self.state.eta)

    def _dual_point(self, p: Vector) -> Vector:
        """Make minus the derivative of the loss orthogonal to intercepts and unpenalised columns."""
        problem, runs = self.problem, self.runs
        theta = problem.s * (problem.y - p)
        if problem.fit_intercept:
            theta -= problem.s * softmax.lean(p, softmax.best_shift(p, problem.s, theta)[:, None])
        if runs[0].unpenalized.size == 0:
            return theta
        columns = [run.tight_columns(z) for run, z in zip(runs, problem.to_rows(theta))]
        block = JointQuadratic(problem, columns, p)
        theta, change, runs[0].slack = block.project(theta, NEGLIGIBLE * problem.reference, PROJECTIONS)
        self.unbounded = bool(np.abs(change).max() > RUNAWAY_STEP)
        return theta

    def _best_dual(self, theta: Vector) -> tuple[float, float]:
        """Return the dual objective at the best of a few scalings of theta, and that scaling."""
        problem, runs = self.problem, self.runs
        s = problem.s
        u = np.divide(theta, s, out=np.zeros_like(theta), where=s > 0.0)
        best, best_scale = -np.inf, 1.0
        for scale in {min(scales) for scales in zip(*(run.scales(run.live) for run in runs))}:
            conjugate = sum(run.conjugate(run.live, scale) for run in runs)
            if conjugate < np.inf:
                dual = -conjugate - softmax.entropy(s, problem.y - scale * u)
                if problem.offset is not None:
                    dual -= scale * float(np.sum(theta * problem.offset))
                if dual > best:
                    best, best_scale = dual, scale
        return best, best_scale

    # The descent.

    def _descend(self) -> None:
        """Step on one class after another until the working sets are solved well enough for another certificate."""
        runs = self.runs
        if runs[0].unpenalized.size:
            # Projected, a dual point says nothing of what these columns still have to gain.
            self.problem.refresh(self.state)
            for run in runs:
                run.correlate(run.state.neg_gradient)
        violations = [run.violation(run.select_working_set()) for run in runs]
        first = max(violations)
        for _ in range(MOST_CYCLES):
            if self._cycle(NEGLECTED * first) <= ENOUGH * first or self.n_iter >= self.options.max_iter:
                return
        self._step_on_support()

    def _cycle(self, neglected: float) -> float:
        """Step once on every class of more than a neglected violation; return the largest found on the way."""
        problem, runs, states = self.problem, self.runs, self.state.classes
        spent = max(run.n_iter for run in runs)
        worst = 0.0
        t = problem.to_terms(self.state.eta)
        largest = t.max(axis=0)
        shares = np.exp(t - largest)
        for k, (run, of_class) in enumerate(zip(runs, problem.classes)):
            # Summed up anew: the difference of all and this one has no digits left where it is the likeliest by far.
            others = np.maximum(np.delete(shares, k, axis=0).sum(axis=0), LEAST_SHARE)
            of_class.response.offset[:] = -largest - np.log(others)
            if problem.offset is not None:
                of_class.response.offset[:] += problem.offset[k]
            violation = run.look()
            worst = max(worst, violation)
            if violation > neglected:
                run.step(violation)
                t = problem.to_terms_of(k, states[k].eta)
                shares[k] = np.exp(np.minimum(t - largest, LARGEST_RISE))
        self.n_iter += max(run.n_iter for run in runs) - spent
        return worst

    def _step_on_support(self) -> None:
        """Take Newton's step on the supports of all classes at once, as far as F falls."""
        problem, runs, states = self.problem, self.runs, self.state.classes
        t = self._balance()
        p, log_sum = softmax.softmax(t)
        columns = [run.inner_support() for run in runs]
        if not any(chosen.size for chosen in columns):
            return
        z = problem.s * (problem.y - p)
        terms = [run.penalty_slope(chosen) for run, chosen in zip(runs, columns)]
        quadratic = JointQuadratic(problem, columns, p)
        slopes, ridges = zip(*terms)
        gradient = [pull - slope for pull, slope in zip(quadratic.correlate(z), slopes)]
        delta = quadratic.solve(gradient, ridges, SUPPORT_TOL, SUPPORT_MOST).delta
        before = softmax.loss(problem.y, problem.s, t, log_sum) + sum(run.penalty_paid(run.live) for run in runs)
        starts = [(state.w[chosen], state.b, state.eta) for state, chosen in zip(states, columns)]
        for size in 0.5 ** np.arange(SHORTENINGS):
            for run, chosen, start, step in zip(runs, columns, starts, delta):
                run.move(chosen, start, size * step)
            t = self._balance()
            after = softmax.loss(problem.y, problem.s, t, softmax.softmax(t)[1])
            if after + sum(run.penalty_paid(run.live) for run in runs) < before:
                return
        for run, chosen, start in zip(runs, columns, starts):
            run.move(chosen, start, np.zeros(chosen.size))

    # The end.

    def _drop_faint(self) -> None:
        """Set to zero what rounding alone holds up, in any class, if F does not tell the difference."""
        problem, runs = self.problem, self.runs
        faint = [faint_columns(run.problem, run.penalty, run.state.w) for run in runs]
        if not any(columns.size for columns in faint):
            return
        starts = [(run.state.w[columns], run.state.b, run.state.eta) for run, columns in zip(runs, faint)]
        for run, columns, start in zip(runs, faint, starts):
            run.move(columns, start, -start[0])
        t = problem.to_terms(self.state.eta)
        loss = softmax.loss(problem.y, problem.s, t, softmax.softmax(t)[1])
        primal = loss + sum(run.penalty_paid(run.live) for run in runs)
        if self.allows(primal):
            self.loss = loss
            self.settle(primal)
        else:
            for run, columns, start in zip(runs, faint, starts):
                run.move(columns, start, np.zeros(columns.size))

    def _n_nonzero(self) -> int:
        return int(sum(np.count_nonzero(state.w) for state in self.state.classes))

    def _finish(self) -> Solution:
        problem, states = self.problem, self.state.classes
        self.state.alpha = self.penalty.alpha
        b = np.array([part.intercept_outside(at.w, at.b) for part, at in zip(problem.classes, states)])
        if problem.fit_intercept and problem.classes[0].centring.columns.size:
            b -= b.mean()
        return Solution.of(
            np.stack([state.w for state in states]),
            b=b,
            objective=self.primal,
            loss=self.loss,
            dual_gap=self.relative_gap(),
            n_iter=self.n_iter,
            converged=self.gap <= self.target,
            unbounded=self.unbounded,
        )


def _best_shift(penalty: ElasticNet, problem: Problem, columns: Ids, w: Vector) -> Vector:
    """Find for each column the c that minimises the penalty of w_k - c, summed over classes, within the bounds.

    It is the median of the w_k and of n_classes + 1 points, where c would be if a given number of classes were below.
    """
    n_classes = len(w)
    threshold = penalty.strength * problem.penalty_factor[columns] * problem.scale[columns]
    ridge = penalty.alpha * (1.0 - penalty.l1_ratio) * problem.penalty_factor[columns] * problem.scale[columns] ** 2
    balance = np.arange(n_classes, -n_classes - 1, -2)[:, None] / n_classes
    reach = np.divide(threshold, ridge, out=np.full(columns.size, np.inf), where=ridge > 0.0)
    reach[threshold == 0.0] = 0.0
    with np.errstate(invalid="ignore"):
        ends = np.where(balance == 0.0, 0.0, balance * reach) + np.where(np.isinf(reach), 0.0, w.mean(axis=0))
    shift = np.median(np.concatenate([w, ends]), axis=0)
    return np.clip(shift, w.max(axis=0) - problem.upper[columns], w.min(axis=0) - problem.lower[columns])
