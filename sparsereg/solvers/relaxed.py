"""The relaxed fit: least loss on a given support, without penalty (Hastie, Tibshirani, Tibshirani 2020, gamma = 0)."""

from __future__ import annotations

from dataclasses import replace

from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import convex
from sparsereg.solvers.base import Solution, SolverOptions
from sparsereg.solvers.null_model import state_at
from sparsereg.solvers.problem import Problem

# Without penalty nearly collinear columns leave a fit that hardly changes for tens of thousands of passes.
MAX_REFIT_PASSES = 2000


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
            those that the solver reaches from the penalised solution.
        """
        key = solution.columns.tobytes()
        known = self._refits.get(key)
        if known is None or known.loss > solution.loss:
            known = self._refits[key] = self._refit(solution)
        return known

    def _refit(self, solution: Solution) -> Solution:
        problem = self._problem.restrict(solution.columns)
        start = state_at(problem, solution.coefs.toarray().T, solution.b, 0.0, self._options)
        refit = convex.solve(problem, ElasticNet(0.0, 1.0), start, self._options)
        if refit.loss <= solution.loss:
            return refit
        return replace(
            solution, objective=solution.loss, dual_gap=refit.dual_gap, violation=refit.violation,
            n_iter=refit.n_iter, converged=refit.converged, unbounded=refit.unbounded,
        )
