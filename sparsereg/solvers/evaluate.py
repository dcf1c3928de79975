"""Evaluation of given coefficients: F, and a bound on its distance from the minimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import convex
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.nonconvex.coordinatewise import CoordinatewiseMinimizer
from sparsereg.solvers.null_model import null_state, state_at
from sparsereg.solvers.problem import Problem

Vector = npt.NDArray[np.float64]

# A certificate, and no descent after it.
CERTIFY = SolverOptions(tol=0.0, max_iter=1)
# The same, and one descent.
STEP = SolverOptions(tol=0.0, max_iter=2)


@dataclass(frozen=True)
class Evaluation:
    """F of given coefficients, certified.

    Attributes
    ----------
    objective : float
        F(w, b) on the user's scale.
    dual_gap : float
        Bound on its distance from the minimum, relative to the objective of the null model, infinite where that is 0;
        NaN for a penalty that is not convex.
    violation : float
        As in `Solution`.
    """

    objective: float
    dual_gap: float
    violation: float


def evaluate(problem: Problem, penalty: Any, w: Vector, intercept: Any, objective: float) -> Evaluation:
    """Measure how far coefficients are from the optimum, at the cost of one pass over all columns.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
        Without singleton columns (`eliminate=False`).
    penalty : registered penalty
    w : ndarray of float64 of shape (n_active,) or (n_outputs, n_active)
    intercept : float, or ndarray of float64 of shape (n_outputs,)
    objective : float
        F(w, intercept).

    Returns
    -------
    evaluation : Evaluation
        The bound is that of a dual point made of (w, b), with the intercept that is best beside w: the gap is from
        F(w, intercept) as it is.
    """
    if not penalty.is_convex:
        return Evaluation(objective, np.nan, _violation(problem, penalty, w, intercept))
    # Where the null model fits better it makes the bound.
    state = state_at(problem, w, intercept, penalty.alpha, CERTIFY)
    certified = convex.solve(problem, penalty, state, CERTIFY)
    bound = certified.objective - certified.dual_gap * problem.reference
    gap = max(objective - bound, 0.0)
    if problem.reference <= problem.gap_rounding:
        # The null model fits exactly: so does this, or it is infinitely worse.
        return Evaluation(objective, 0.0 if gap <= problem.gap_rounding else np.inf, np.nan)
    return Evaluation(objective, gap / problem.reference, np.nan)


def gain_of_a_descent(problem: Problem, penalty: ElasticNet, w: Vector, intercept: Any, objective: float) -> float:
    """Measure what coordinate descent gains at once: as the duality gap is a bound from above, this is one from below.

    Parameters
    ----------
    problem, penalty, w, intercept, objective
        As `evaluate` takes them.

    Returns
    -------
    gain : float
        Part of the distance of F(w, intercept) from its minimum, relative to the objective of the null model.
    """
    state = state_at(problem, w, intercept, penalty.alpha, STEP)
    return (objective - convex.solve(problem, penalty, state, STEP).objective) / problem.reference


def _violation(problem: Problem, penalty: Any, w: Vector, intercept: float) -> float:
    """Measure how far coefficients are from a minimum along every coordinate."""
    if problem.reference <= problem.gap_rounding:
        return 0.0
    state = null_state(problem, CERTIFY)
    state.w, state.b = w.copy(), problem.intercept_inside(w, intercept)
    run = CoordinatewiseMinimizer(problem, penalty, state, CERTIFY)
    run.measure(problem.columns)
    return run.violation
