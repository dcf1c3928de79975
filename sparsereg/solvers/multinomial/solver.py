"""Softmax regression: proximal Newton on one class after another, certified by one duality gap for all.

With the other classes held, the objective is logistic in the coefficients of a class (Friedman, Hastie, Tibshirani
2010, section 4). A shift of all classes alike changes no probability; each column's goes to where the penalty is
least. That of the intercepts, which nothing penalises, makes their mean zero.
"""

from __future__ import annotations

import numpy as np

from sparsereg._core import columns as column_passes
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Ids, Solution, SolverOptions, State, Vector
from sparsereg.solvers.certificate import GapTracker, faint_columns
from sparsereg.solvers.multinomial import softmax
from sparsereg.solvers.multinomial.newton_cg import JointQuadratic
from sparsereg.solvers.multinomial.problem import MultinomialProblem, MultinomialState
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.proximal_newton import RUNAWAY_STEP, ProximalNewton
from sparsereg.solvers.working_set import primal_objective, select_working_set

# Rounds over the classes between two certificates; the share of the first violation at which they end, as each step
# leaves less than it finds; and that up to which a class is let be.
MAX_CYCLES, ENOUGH, NEGLECTED = 10, 0.5, 0.1
# Exponentials, relative to the likeliest class at the start of a round, stay within float64.
MIN_SHARE, MAX_RISE = 1e-300, 600.0
# Intercepts that are this close to balanced leave a dual point within the simplex.
BALANCED = 0.01
# The step on the supports need not be exact: rounds over the classes follow. It is shortened at most so often.
SUPPORT_TOL, MAX_SUPPORT_ITER, SHORTENINGS = 1e-3, 500, 6
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
    run = _MultinomialRun(problem, penalty, state, options)
    while run.check_gap():
        run.descend()
    run.drop_faint()
    return run.report()


class _Class:
    """One class against the others: its working set, and steps on it."""

    def __init__(self, problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions):
        self.problem, self.penalty, self.state = problem, penalty, state
        self.newton = ProximalNewton(problem, penalty, state, options)
        self.certificate = self.newton.certificate
        self.working_set = problem.columns[:0]

    def select_working_set(self, is_first: bool) -> float:
        """Choose the working set; return the violation on it."""
        self.working_set = select_working_set(self.certificate, is_first)
        return self.certificate.violation(self.working_set)

    def linearize(self) -> float:
        """Model the loss where the other classes are now; return the violation on the working set."""
        self.newton.linearize()
        self.certificate.correlate(self.working_set, self.state.neg_gradient)
        return self.certificate.violation(self.working_set)

    def step(self, violation: float) -> None:
        """Take a step on the working set."""
        self.newton.gap.primal = primal_objective(self.newton)
        self.newton.descend(self.working_set, violation)

    def inner_support(self) -> Ids:
        """Find the columns whose coefficients are neither zero nor at a bound."""
        w, problem = self.state.w, self.problem
        return np.flatnonzero((w != 0.0) & (problem.lower < w) & (w < problem.upper)).astype(np.int32)

    def penalty_slope(self, columns: Ids) -> tuple[Vector, Vector]:
        """Return first and second derivatives of the penalty where coefficients are not zero."""
        w, problem = self.state.w[columns], self.problem
        strength = self.penalty.alpha * (1.0 - self.penalty.l1_ratio)
        ridge = strength * (problem.penalty_factor * problem.scale**2)[columns]
        return ridge * w + self.certificate.threshold(columns) * np.sign(w), ridge

    def move(self, columns: Ids, start: tuple[Vector, float, Vector], step: Vector) -> None:
        """Go a step from the start (coefficients, intercept, predictor), to zero where it would change the sign."""
        problem, state = self.problem, self.state
        w, state.b, eta = start
        target = np.clip(w + step, problem.lower[columns], problem.upper[columns])
        target[target * w < 0.0] = 0.0
        state.w[columns], state.eta = target, eta.copy()
        column_passes.accumulate(*problem.matrix, columns, target - w, state.eta)


class _MultinomialRun:
    """One call of `solve`: all classes, certified by one duality gap."""

    def __init__(
        self, problem: MultinomialProblem, penalty: ElasticNet, state: MultinomialState, options: SolverOptions
    ):
        self.problem, self.penalty, self.state, self.options = problem, penalty, state, options
        self.gap = GapTracker(problem, penalty, state, options)
        self.loss, self.unbounded = np.inf, False
        for of_class in state.outputs:
            of_class.alpha = state.alpha
        self.classes = [
            _Class(part, penalty, of_class, options) for part, of_class in zip(problem.outputs, state.outputs)
        ]
        self.certificates = [of_class.certificate for of_class in self.classes]

    def _penalty_sum(self) -> float:
        return sum(certificate.penalty_sum(certificate.screened_in) for certificate in self.certificates)

    # The certificate.

    def check_gap(self) -> bool:
        """Update the duality gap; say whether to go on."""
        problem = self.problem
        self._recenter()
        t = self._balance()
        p, log_sum = softmax.softmax(t)
        self.loss = softmax.loss(problem.y, problem.s, t, log_sum)
        theta = self._dual_point(p)
        for certificate, z in zip(self.certificates, problem.to_rows(theta)):
            certificate.correlate(certificate.screened_in, np.ascontiguousarray(z))
        dual, scale = self._best_dual(theta)
        primal = self.loss + self._penalty_sum()
        if not self.gap.update_gap(primal, dual):
            return False
        for certificate in self.certificates:
            # In each class the conjugate of the cross-entropy is as curved as that of the logistic loss.
            certificate.screen_gap_safe(scale, primal - dual)
        return True

    def _recenter(self) -> None:
        """Shift each column's coefficients in all classes to where the penalty is least; no probability changes."""
        first, states = self.problem.outputs[0], self.state.outputs
        used = np.zeros(states[0].w.size, dtype=bool)
        for state in states:
            used |= state.w != 0.0
        columns = np.flatnonzero(used).astype(np.int32)
        if columns.size == 0:
            return
        w = np.stack([state.w[columns] for state in states])
        shift = _best_shift(self.penalty, first, columns, w)
        change = first.product(columns, shift)
        lower, upper = first.lower[columns], first.upper[columns]
        for state in states:
            # Rounding must not carry a coefficient past its bound.
            state.w[columns] = np.clip(state.w[columns] - shift, lower, upper)
            state.eta = state.eta - change

    def _balance(self) -> Vector:
        """Bring the intercepts close to their best; return the arguments of the softmax."""
        problem, states = self.problem, self.state.outputs
        t = problem.to_terms(self.state.eta)
        if not problem.fit_intercept:
            return t
        shift = softmax.balance(problem.y, problem.s, t, BALANCED)
        shift -= np.mean([state.b for state in states]) + shift.mean()
        for state, delta in zip(states, shift):
            state.b += delta
            state.eta = state.eta + delta
        return problem.to_terms(self.state.eta)

    def _dual_point(self, p: Vector) -> Vector:
        """Make minus the derivative of the loss orthogonal to intercepts and unpenalised columns."""
        problem, certificates = self.problem, self.certificates
        theta = problem.s * (problem.y - p)
        if problem.fit_intercept:
            theta -= problem.s * softmax.jacobian_product(p, softmax.best_shift(p, problem.s, theta)[:, None])
        if certificates[0].unpenalized.size == 0:
            return theta
        rows = problem.to_rows(theta)
        columns = [certificate.find_solved(np.ascontiguousarray(z)) for certificate, z in zip(certificates, rows)]
        block = JointQuadratic(problem, columns, p)
        theta, change, certificates[0].slack = block.project(theta, NEGLIGIBLE * problem.reference, PROJECTIONS)
        self.unbounded = bool(np.abs(change).max() > RUNAWAY_STEP)
        return theta

    def _best_dual(self, theta: Vector) -> tuple[float, float]:
        """Return the dual objective at the best of a few scalings of theta, and that scaling."""
        problem, certificates = self.problem, self.certificates
        s = problem.s
        u = np.divide(theta, s, out=np.zeros_like(theta), where=s > 0.0)
        best, best_scale = -np.inf, 1.0
        every = (certificate.scales(certificate.screened_in) for certificate in certificates)
        for scale in {min(scales) for scales in zip(*every)}:
            conjugate = sum(certificate.conjugate(certificate.screened_in, scale) for certificate in certificates)
            if conjugate < np.inf:
                dual = -conjugate - softmax.entropy(s, problem.y - scale * u)
                if problem.offset is not None:
                    dual -= scale * float(np.sum(theta * problem.offset))
                if dual > best:
                    best, best_scale = dual, scale
        return best, best_scale

    # The descent.

    def descend(self) -> None:
        """Step on one class after another until the working sets are solved well enough for another certificate."""
        is_first = self.gap.n_iter == 1
        if self.certificates[0].unpenalized.size:
            # Projected, a dual point says nothing of what these columns still have to gain.
            self.problem.refresh(self.state)
            for certificate in self.certificates:
                certificate.correlate(certificate.screened_in, certificate.state.neg_gradient)
        violation = max([of_class.select_working_set(is_first) for of_class in self.classes])
        for _ in range(MAX_CYCLES):
            if self._cycle(NEGLECTED * violation) <= ENOUGH * violation or self.gap.n_iter >= self.options.max_iter:
                return
        self._step_on_support()

    def _cycle(self, neglected: float) -> float:
        """Step once on every class of more than a neglected violation; return the largest found on the way."""
        problem, states = self.problem, self.state.outputs
        used_iter = max(of_class.newton.gap.n_iter for of_class in self.classes)
        worst = 0.0
        t = problem.to_terms(self.state.eta)
        largest = t.max(axis=0)
        shares = np.exp(t - largest)
        for k, of_class in enumerate(self.classes):
            # Summed up anew: the difference of all and this one has no digits left where it is the likeliest by far.
            others = np.maximum(np.delete(shares, k, axis=0).sum(axis=0), MIN_SHARE)
            of_class.problem.response.offset[:] = -largest - np.log(others)
            if problem.offset is not None:
                of_class.problem.response.offset[:] += problem.offset[k]
            violation = of_class.linearize()
            worst = max(worst, violation)
            if violation > neglected:
                of_class.step(violation)
                t = problem.to_terms(states[k].eta, k)
                shares[k] = np.exp(np.minimum(t - largest, MAX_RISE))
        self.gap.n_iter += max(of_class.newton.gap.n_iter for of_class in self.classes) - used_iter
        return worst

    def _step_on_support(self) -> None:
        """Take Newton's step on the supports of all classes at once, as far as F falls."""
        problem, classes, states = self.problem, self.classes, self.state.outputs
        t = self._balance()
        p, log_sum = softmax.softmax(t)
        columns = [of_class.inner_support() for of_class in classes]
        if not any(chosen.size for chosen in columns):
            return
        z = problem.s * (problem.y - p)
        slopes, ridges = zip(*(of_class.penalty_slope(chosen) for of_class, chosen in zip(classes, columns)))
        quadratic = JointQuadratic(problem, columns, p)
        gradient = [gradient - slope for gradient, slope in zip(quadratic.correlate(z), slopes)]
        delta = quadratic.solve(gradient, ridges, SUPPORT_TOL, MAX_SUPPORT_ITER)[0]
        before = softmax.loss(problem.y, problem.s, t, log_sum) + self._penalty_sum()
        starts = [(state.w[chosen], state.b, state.eta) for state, chosen in zip(states, columns)]
        for size in 0.5 ** np.arange(SHORTENINGS):
            for of_class, chosen, start, step in zip(classes, columns, starts, delta):
                of_class.move(chosen, start, size * step)
            t = self._balance()
            after = softmax.loss(problem.y, problem.s, t, softmax.softmax(t)[1])
            if after + self._penalty_sum() < before:
                return
        for of_class, chosen, start in zip(classes, columns, starts):
            of_class.move(chosen, start, np.zeros(chosen.size))

    # The end.

    def drop_faint(self) -> None:
        """Set to zero what rounding alone holds up, in any class, if F does not tell the difference."""
        problem, classes, states = self.problem, self.classes, self.state.outputs
        faint = [faint_columns(part, self.penalty, state.w) for part, state in zip(problem.outputs, states)]
        if not any(columns.size for columns in faint):
            return
        starts = [(state.w[columns], state.b, state.eta) for state, columns in zip(states, faint)]
        for of_class, columns, start in zip(classes, faint, starts):
            of_class.move(columns, start, -start[0])
        t = problem.to_terms(self.state.eta)
        loss = softmax.loss(problem.y, problem.s, t, softmax.softmax(t)[1])
        if self.gap.accept(loss + self._penalty_sum()):
            self.loss = loss
        else:
            for of_class, columns, start in zip(classes, faint, starts):
                of_class.move(columns, start, np.zeros(columns.size))

    def report(self) -> Solution:
        """Report the state."""
        problem, states, gap = self.problem, self.state.outputs, self.gap
        self.state.alpha = self.penalty.alpha
        b = np.array([part.intercept_outside(state.w, state.b) for part, state in zip(problem.outputs, states)])
        if problem.fit_intercept and problem.outputs[0].centering.columns.size:
            b -= b.mean()
        return Solution.of(
            np.stack([state.w for state in states]), b=b, objective=gap.primal, loss=self.loss,
            dual_gap=gap.relative_gap(), n_iter=gap.n_iter, converged=gap.gap <= gap.target, unbounded=self.unbounded,
        )


def _best_shift(penalty: ElasticNet, problem: Problem, columns: Ids, w: Vector) -> Vector:
    """Find for each column the c that minimises the penalty of w_k - c, summed over classes, within the bounds.

    It is the median of the w_k and of n_classes + 1 points, where c would be if a given number of classes were below.
    """
    n_classes = len(w)
    threshold = penalty.strength * problem.penalty_factor[columns] * problem.scale[columns]
    ridge = penalty.alpha * (1.0 - penalty.l1_ratio) * problem.penalty_factor[columns] * problem.scale[columns] ** 2
    balance = np.arange(n_classes, -n_classes - 1, -2)[:, None] / n_classes
    span = np.divide(threshold, ridge, out=np.full(columns.size, np.inf), where=ridge > 0.0)
    span[threshold == 0.0] = 0.0
    with np.errstate(invalid="ignore"):
        ends = np.where(balance == 0.0, 0.0, balance * span) + np.where(np.isinf(span), 0.0, w.mean(axis=0))
    shift = np.median(np.concatenate([w, ends]), axis=0)
    return np.clip(shift, w.max(axis=0) - problem.upper[columns], w.min(axis=0) - problem.lower[columns])
