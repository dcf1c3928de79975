"""Warm starts down a grid of alphas, continuation where a step is far, and relaxed refits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.penalties import PENALTIES
from sparsereg.solvers import coordinate_descent, ridge
from sparsereg.solvers.base import JointSolution, Solution, SolverOptions, State
from sparsereg.solvers.convergence import (
    count_rows,
    left_of,
    measure_of,
    warn_saturated,
    warn_unconverged,
)
from sparsereg.solvers.multinomial import solver as multinomial
from sparsereg.solvers.multinomial.problem import MultinomialProblem, MultinomialState
from sparsereg.solvers.nonconvex import solver as nonconvex
from sparsereg.solvers.nonconvex.convexity import make_penalty
from sparsereg.solvers.null_model import alpha_max
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.relaxed import RelaxedFit

__all__ = ["alpha_solver", "relax_all", "solve_grid"]

Vector = npt.NDArray[np.float64]

# A step down the grid by more than FAR passes through alphas in between, each solved to the gap ROUGH_TOL.
MAX_ALPHA_RATIO, CONTINUATION_TOL, MAX_STOPS = 10.0, 1e-3, 15


def solve_grid(
    problem: Problem | MultinomialProblem,
    state: State | MultinomialState,
    alphas: Vector,
    l1_ratio: float,
    options: SolverOptions,
    *,
    penalty: str = "elastic_net",
    gamma: float | None = None,
    verbose: int = 0,
) -> list[Solution] | list[JointSolution]:
    """Solve for every alpha in turn, each from the solution before.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    state : Point or MultinomialState
        Where to start; holds the last solution on return.
    alphas : ndarray of float64 of shape (n_alphas,)
    l1_ratio : float
    options : SolverOptions
    penalty : str
    gamma : float or None
    verbose : int

    Returns
    -------
    solutions : list of Solution or JointSolution

    Warns
    -----
    ConvergenceWarning
        Where an alpha stopped short of the tolerance.
    """
    solve = alpha_solver(problem, l1_ratio, options, penalty=penalty, gamma=gamma)
    solutions = []
    for alpha in alphas:
        solution = solve(float(alpha), state, options)
        solutions.append(solution)
        if verbose:
            print(
                f"alpha {alpha:.4e}  non-zeros {solution.columns.size:>9,}  objective {solution.objective:.8g}  "
                f"{measure_of(solution)} {left_of(solution):.1e}  passes {solution.n_iter}"
            )
    warn_unconverged(solutions, alphas, options)
    return solutions


def alpha_solver(
    problem: Problem | MultinomialProblem,
    l1_ratio: float,
    options: SolverOptions,
    *,
    penalty: str = "elastic_net",
    gamma: float | None = None,
) -> Callable[[float, Any, SolverOptions], Any]:
    """Return what solves at one alpha from a point, by way of other alphas where that is far away.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    l1_ratio : float
    options : SolverOptions
    penalty : str
    gamma : float or None

    Returns
    -------
    solve : callable
        Takes alpha, a point, which holds the solution on return, and controls.
    """
    solve = _solver(problem, l1_ratio, options, penalty, gamma)

    def solve_alpha(alpha: float, state: Any, options: SolverOptions) -> Any:
        if not np.isfinite(state.alpha):
            state.alpha = alpha_max(problem, state, l1_ratio, penalty)
        spent = 0
        for stop in continuation_alphas(state.alpha, alpha):
            budget = options.max_iter // 2 - spent
            if budget > 0:
                rough = replace(options, tol=max(options.tol, CONTINUATION_TOL), max_iter=budget)
                spent += solve(float(stop), state, rough).n_iter
        rest = replace(options, max_iter=options.max_iter - spent)
        solution = solve(alpha, state, rest)
        return replace(solution, n_iter=spent + solution.n_iter)

    return solve_alpha


def _solver(
    problem: Problem | MultinomialProblem, l1_ratio: float, options: SolverOptions, penalty: str, gamma: float | None
) -> Callable[[float, Any, SolverOptions], Any]:
    """Return what solves at an alpha from a point."""

    def build(alpha: float) -> Any:
        return make_penalty(penalty, alpha, l1_ratio, gamma)

    if PENALTIES[penalty].is_convex:
        convex: Callable[..., Any] = ridge.solve if l1_ratio == 0.0 else coordinate_descent.solve
        if isinstance(problem, MultinomialProblem):
            convex = multinomial.solve
        return lambda alpha, state, options: convex(problem, build(alpha), state, options)
    companion = nonconvex.LassoWarmStart(problem, options) if PENALTIES[penalty].is_l0 else None
    return lambda alpha, state, options: nonconvex.solve(problem, build(alpha), state, options, companion)


def continuation_alphas(start: float, end: float) -> Vector:
    """Alphas to pass through on the way down: a cold start far below alpha_max is slow where the support is large."""
    if not start > MAX_ALPHA_RATIO * end > 0.0:
        return np.empty(0)
    end = max(end, start * MAX_ALPHA_RATIO**-MAX_STOPS)
    n_steps = int(np.ceil(np.log(start / end) / np.log(MAX_ALPHA_RATIO)))
    return np.geomspace(start, end, n_steps + 1)[1:-1]


def relax_all(
    problem: Problem | MultinomialProblem,
    solutions: Sequence[Solution | JointSolution],
    alphas: Vector,
    options: SolverOptions,
) -> list[Any]:
    """Refit the supports of a path without penalty.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    solutions : sequence of Solution or JointSolution
    alphas : ndarray of float64 of shape (n_alphas,)
    options : SolverOptions

    Returns
    -------
    refits : list of Solution or JointSolution

    Warns
    -----
    ConvergenceWarning
        Where a refit stopped short of the tolerance, or a support has as many coefficients as there are rows.
    """
    relax = RelaxedFit(problem, options)
    refits = [relax(solution) for solution in solutions]
    warn_unconverged(refits, alphas, options, relaxed=True)
    sizes = [refit.columns.size for refit in refits]
    warn_saturated(count_rows(problem), problem.fit_intercept, sizes, alphas)
    return refits
