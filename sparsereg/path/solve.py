"""Warm starts down a grid of alphas, continuation where a step is far, and relaxed refits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.solvers.assemble import ProblemOptions, make_penalty
from sparsereg.solvers.base import Solution, SolverOptions, State
from sparsereg.solvers.choice import choose_solver
from sparsereg.solvers.convergence import count_rows, warn_saturated, warn_unconverged
from sparsereg.solvers.forms import choose_form
from sparsereg.solvers.gram import GramFits
from sparsereg.solvers.null_model import alpha_max
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.relaxed import RelaxedFit

Vector = npt.NDArray[np.float64]

# A step down the grid by more than MAX_ALPHA_RATIO passes through alphas in between, each solved to the gap
# CONTINUATION_TOL.
MAX_ALPHA_RATIO, CONTINUATION_TOL, MAX_STOPS = 10.0, 1e-3, 15


def solve_grid(
    problem: Problem, state: State, alphas: Vector, options: ProblemOptions, solver_options: SolverOptions,
    verbose: int = 0,
) -> list[Solution]:
    """Solve for every alpha in turn, each from the solution before.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    state : State or MultinomialState
        Where to start; holds the last solution on return.
    alphas : ndarray of float64 of shape (n_alphas,)
    options : ProblemOptions
        Those of the problem.
    solver_options : SolverOptions
    verbose : int

    Returns
    -------
    solutions : list of Solution

    Warns
    -----
    ConvergenceWarning
        Where an alpha stopped short of the tolerance.
    """
    solver = GridSolver(problem, options, solver_options, alphas.size)
    solutions = []
    for alpha in alphas:
        solution = solver.solve(float(alpha), state)
        solutions.append(solution)
        if verbose:
            print(progress_line(float(alpha), solution))
    solver.settle(state)
    warn_unconverged(solutions, alphas, solver_options)
    return solutions


def progress_line(alpha: float, solution: Solution) -> str:
    """Say in a line what was found at an alpha.

    Parameters
    ----------
    alpha : float
    solution : Solution

    Returns
    -------
    line : str
    """
    return (
        f"alpha {alpha:.4e}  non-zeros {solution.columns.size:>9,}  objective {solution.objective:.8g}  "
        f"{solution.error_name} {solution.error:.1e}  passes {solution.n_iter}"
    )


class GridSolver:
    """Solves at one alpha after another from the solution before, by way of other alphas where that is far away.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    options : ProblemOptions
        Those of the problem.
    solver_options : SolverOptions
    n_fits : int, default=1
        Alphas to come, about.

    Attributes
    ----------
    form : {"rows", "dense", "gram"}
        What the fits descend on.
    """

    def __init__(
        self, problem: Problem, options: ProblemOptions, solver_options: SolverOptions, n_fits: int = 1
    ):
        self.problem, self.options, self.solver_options = problem, options, solver_options
        self.form = choose_form(problem, options.penalty, options.l1_ratio, n_fits)
        self._solve = choose_solver(problem, options.penalty, options.l1_ratio, solver_options, self.form)

    def solve(self, alpha: float, state: State) -> Solution:
        """Solve at one alpha.

        Parameters
        ----------
        alpha : float
        state : State or MultinomialState
            Where to start; holds the solution on return.

        Returns
        -------
        solution : Solution
        """
        options, used_iter = self.solver_options, 0
        if self.form == "gram":
            # Newton's steps make up for a start that is far away.
            return self._solve(self.problem, self._penalty_of(alpha), state, options)
        if not np.isfinite(state.alpha):
            state.alpha = alpha_max(self.problem, state, self.options.l1_ratio, self.options.penalty)
        for stop in continuation_alphas(state.alpha, alpha):
            budget = options.max_iter // 2 - used_iter
            if budget > 0:
                rough = replace(options, tol=max(options.tol, CONTINUATION_TOL), max_iter=budget)
                used_iter += self._solve(self.problem, self._penalty_of(float(stop)), state, rough).n_iter
        if not used_iter:
            return self._solve(self.problem, self._penalty_of(alpha), state, options)
        rest = replace(options, max_iter=options.max_iter - used_iter)
        solution = self._solve(self.problem, self._penalty_of(alpha), state, rest)
        return replace(solution, n_iter=used_iter + solution.n_iter)

    def settle(self, state: State) -> None:
        """Bring what a state says of the rows up to date with its coefficients, which some forms leave to this."""
        if isinstance(self._solve, GramFits):
            self._solve.settle(state)

    def _penalty_of(self, alpha: float) -> Any:
        return make_penalty(self.options.penalty, alpha, self.options.l1_ratio, self.options.gamma)


def continuation_alphas(start: float, end: float) -> Vector:
    """Alphas to pass through on the way down: a cold start far below alpha_max is slow where the support is large."""
    if not start > MAX_ALPHA_RATIO * end > 0.0:
        return np.empty(0)
    end = max(end, start * MAX_ALPHA_RATIO**-MAX_STOPS)
    n_steps = math.ceil(math.log(start / end, MAX_ALPHA_RATIO))
    return start * (end / start) ** (np.arange(1, n_steps) / n_steps)


def relax_all(
    problem: Problem, solutions: Sequence[Solution], alphas: Vector, options: SolverOptions
) -> list[Solution]:
    """Refit the supports of a path without penalty.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    solutions : sequence of Solution
    alphas : ndarray of float64 of shape (n_alphas,)
    options : SolverOptions

    Returns
    -------
    refits : list of Solution

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
