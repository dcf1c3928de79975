"""The relaxed fit: least loss on a given support, without penalty (Hastie, Tibshirani, Tibshirani 2020, gamma = 0)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import convex
from sparsereg.solvers.base import Solution, SolverOptions, State
from sparsereg.solvers.null_model import state_at
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.response import linearize_rows

# Without penalty nearly collinear columns leave a fit that hardly changes for tens of thousands of passes.
MAX_REFIT_PASSES = 2000
# Doublings of coefficients that separate the classes, at most.
MAX_DOUBLINGS = 40


class RelaxedFit:
    """Refits of the supports of one problem; equal supports are refitted once.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    options : SolverOptions
    """

    def __init__(self, problem: Problem, options: SolverOptions):
        # Nobody asked for alpha = 0, and so no callback is told of it.
        self._problem = problem
        self._options = replace(options, callback=None, max_iter=min(options.max_iter, MAX_REFIT_PASSES))
        self._refits: dict[bytes, Solution] = {}

    def __call__(self, solution: Solution) -> Solution:
        """Refit the support of a penalised solution.

        Parameters
        ----------
        solution : Solution
            Its support is the columns that some output uses; every output may use them.

        Returns
        -------
        refit : Solution
            Its objective is its loss, never above that of the penalised solution; its gap is that of the problem on
            the support. Where several coefficients are best (a support with more columns than rows, or collinear ones)
            those that the solver reaches from the penalised solution. Where none are best, because that one tells the
            classes apart, it is lengthened until its loss is within the tolerance of the least there is.
        """
        key = solution.columns.tobytes()
        known = self._refits.get(key)
        if known is None or known.loss > solution.loss:
            known = self._refits[key] = self._refit(solution)
        return known

    def _refit(self, solution: Solution) -> Solution:
        problem = self._problem.restrict(solution.columns)
        start = state_at(problem, solution.coefs.toarray().T, solution.b, 0.0, self._options)
        separated = _grow(problem, start, self._options)
        if separated is not None:
            return separated
        refit = convex.solve(problem, ElasticNet(0.0, 1.0), start, self._options)
        if refit.loss <= solution.loss:
            return refit
        return replace(
            solution, objective=solution.loss, dual_gap=refit.dual_gap, violation=refit.violation,
            n_iter=refit.n_iter, converged=refit.converged, unbounded=refit.unbounded,
        )


def _grow(problem: Problem, state: State, options: SolverOptions) -> Solution | None:
    """Lengthen coefficients that separate the classes until the loss is as good as the least that it can be.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    state : State or MultinomialState
        Left as it is.
    options : SolverOptions

    Returns
    -------
    solution : Solution or None
        None where lengthening does not get there: some row is on the wrong side, or a bound is in the way.
    """
    if problem.n_outputs > 1 or problem.loss.location or state.eta is None:
        return None
    reference, floor = problem.reference, problem.min_loss
    allowed = floor + options.tol * reference

    def loss_at(size: float) -> float:
        return linearize_rows(problem.loss, problem.row_terms, size * state.eta, np.empty(problem.n_rows))[0]

    if not loss_at(2.0**MAX_DOUBLINGS) <= allowed:
        return None
    size = next(size for size in 2.0 ** np.arange(MAX_DOUBLINGS + 1) if loss_at(size) <= allowed)
    if np.any((size * state.w < problem.lower) | (size * state.w > problem.upper)):
        return None
    loss = loss_at(size)
    objective = loss + problem.response.constant
    return Solution.of(
        size * state.w, b=problem.intercept_outside(size * state.w, size * state.b), objective=objective,
        loss=objective, dual_gap=max(loss - floor, 0.0) / reference, n_iter=1, converged=True, unbounded=True,
    )
