"""Warm-started fits of a fold down a grid of alphas, which can be paused and resumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sparsereg.path.solve import GridSolver
from sparsereg.solvers.assemble import ProblemOptions
from sparsereg.solvers.base import Solution, SolverOptions
from sparsereg.solvers.convergence import count_rows
from sparsereg.solvers.forms import FITS_AHEAD
from sparsereg.solvers.null_model import gain_in_sight, null_state, state_at
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.relaxed import RelaxedFit

# The loss is as low as it gets where less than this share of that of the null model is left, or where neither what the
# last alphas took off nor what columns could take off lets one expect that smaller ones take this share of it off.
MIN_LOSS_RATIO, MIN_DECREASE = 1e-6, 1e-4


@dataclass(frozen=True, eq=False)
class PausedPath:
    """What is kept of the fits of a fold, or of all data, between two stretches of the grid; it may travel.

    Attributes
    ----------
    last : Solution
        The last fit without relaxation, which the next starts from.
    n_nonzero : int
        Columns with a non-zero coefficient in it.
    alphas : tuple of float
        So far.
    fitted, refitted : tuple of Solution
        What is known of all fits, and of their relaxed refits if any; without coefficients.
    n_rows : int
        Distinct rows of positive weight.
    fit_intercept : bool
    null_loss : float
        Of the model with intercept only; 0 where that is nothing but rounding.
    in_sight : float
        What smaller alphas could win.
    """

    last: Solution
    n_nonzero: int
    alphas: tuple[float, ...]
    fitted: tuple[Solution, ...]
    refitted: tuple[Solution, ...]
    n_rows: int
    fit_intercept: bool
    null_loss: float
    in_sight: float

    def without_coefficients(self) -> PausedPath:
        """Return what is known of the fits, without what the next starts from."""
        return replace(self, last=self.last.without_coefficients())

    def is_saturated(self, n_steps: int, l1_ratio: float) -> bool:
        """Say whether smaller alphas have nothing left to win.

        Parameters
        ----------
        n_steps : int
            Fits of the last stretch.
        l1_ratio : float
            Of the fits.

        Returns
        -------
        saturated : bool
            Next to no loss is left; or it hardly falls any more, what is left to fall shrinks with alpha, and no column
            could lower it (between columns of very different sizes it stops falling for a while); or, where nothing but
            L1 (or a penalty that is not convex) bounds the number of non-zeros, they are as many as the rows.
        """
        loss, alpha = self.last.loss, self.alphas[-1]
        before, start = self.null_loss, np.inf
        if n_steps < len(self.fitted):
            before, start = self.fitted[-1 - n_steps].loss, self.alphas[-1 - n_steps]
        if loss <= MIN_LOSS_RATIO * self.null_loss:
            return True
        if (before - loss) * alpha <= MIN_DECREASE * loss * (start - alpha) and self.in_sight <= MIN_DECREASE * loss:
            return True
        return l1_ratio == 1.0 and self.n_nonzero + self.fit_intercept >= self.n_rows


class FoldPath:
    """Fits of a fold, or of all data, alpha by alpha, each from the last; while paused only the last fit is kept.

    Parameters
    ----------
    make_problem : callable
        Takes the smallest alpha ahead.
    options : ProblemOptions
    solver_options : SolverOptions
    relax : bool
        Refit every support without penalty.
    paused : PausedPath or None, default=None
        Fits of the same problem to go on from; stays as it is.

    Attributes
    ----------
    problem : Problem or MultinomialProblem or None
        Between `resume` and `pause`.
    state : State or MultinomialState or None
        The last fit without relaxation, which the next starts from.
    n_rows : int
        Distinct rows of positive weight.
    fit_intercept : bool
    fitted, refitted : list of Solution
        What is known of all fits, and of their relaxed refits if any; without coefficients.
    """

    def __init__(
        self, make_problem: Callable[[float], Problem], options: ProblemOptions, solver_options: SolverOptions, *,
        relax: bool, paused: PausedPath | None = None,
    ):
        self._make_problem, self._options, self._solver_options = make_problem, options, solver_options
        self._relax = relax
        self._last: Any = None if paused is None else paused.last
        self._alphas: list[float] = [] if paused is None else list(paused.alphas)
        self.problem: Any = None
        self.state: Any = None
        self.n_rows, self.fit_intercept = 0, False
        self.fitted: list[Solution] = [] if paused is None else list(paused.fitted)
        self.refitted: list[Solution] = [] if paused is None else list(paused.refitted)
        self._in_sight = 0.0 if paused is None else paused.in_sight

    def resume(self, smallest_alpha: float) -> None:
        """Go on from the null model, or from the last fit.

        Parameters
        ----------
        smallest_alpha : float
            Of the stretch to come; infinite where it is not known yet.
        """
        problem, options, last = self._make_problem(smallest_alpha), self._solver_options, self._last
        self._solver = GridSolver(problem, self._options, options, FITS_AHEAD)
        self._refit = RelaxedFit(problem, options)
        self.problem, self.n_rows, self.fit_intercept = problem, count_rows(problem), bool(problem.fit_intercept)
        self._null_loss = problem.reference if problem.reference > problem.gap_rounding else 0.0
        if last is None:
            self.state = null_state(problem, options)
        else:
            self.state = state_at(problem, last.coefs.toarray().T, last.b, self._alphas[-1], options)

    def step(self, alpha: float) -> Any:
        """Fit at the next alpha.

        Parameters
        ----------
        alpha : float

        Returns
        -------
        solution : Solution
            Relaxed where that is asked for.
        """
        solution = self._solver.solve(alpha, self.state)
        self._last = solution
        self._alphas.append(alpha)
        self.fitted.append(solution.without_coefficients())
        if not self._relax:
            return solution
        refit = self._refit(solution)
        self.refitted.append(refit.without_coefficients())
        return refit

    def pause(self) -> PausedPath:
        """Free all but the last fit and what smaller alphas could win.

        Returns
        -------
        paused : PausedPath
            To go on from, here or elsewhere.
        """
        self._solver.settle(self.state)
        if self.problem.reference > self.problem.gap_rounding:
            self._in_sight = gain_in_sight(self.problem, self.state)
        self.problem = self.state = self._solver = self._refit = None
        return PausedPath(
            self._last, self._last.columns.size, tuple(self._alphas), tuple(self.fitted), tuple(self.refitted),
            self.n_rows, self.fit_intercept, self._null_loss, self._in_sight,
        )
