"""The relaxed fit: least loss on a given support, without penalty (Hastie, Tibshirani, Tibshirani 2020, gamma = 0)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import coordinate_descent
from sparsereg.solvers.base import JointSolution, Solution, SolverOptions
from sparsereg.solvers.multinomial import solver as multinomial
from sparsereg.solvers.multinomial.problem import MultinomialProblem
from sparsereg.solvers.null_model import state_at
from sparsereg.solvers.problem import Problem

__all__ = ["RelaxedFit"]

# Without penalty nearly collinear columns leave a fit that hardly changes for tens of thousands of passes.
MOST_PASSES = 2000


class RelaxedFit:
    """Refits of the supports of one problem; equal supports are refitted once.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    options : SolverOptions
    """

    def __init__(self, problem: Problem | MultinomialProblem, options: SolverOptions):
        # Nobody asked for alpha = 0, and so no callback is told of it.
        self._problem = problem
        self._controls = replace(options, callback=None, max_iter=min(options.max_iter, MOST_PASSES))
        self._refits: dict[bytes, Any] = {}

    def __call__(self, solution: Solution | JointSolution) -> Any:
        """Refit the support of a penalised solution.

        Parameters
        ----------
        solution : Solution or JointSolution
            The support of a joint solution is the columns that some class uses; every class may use them.

        Returns
        -------
        refit : Solution or JointSolution
            Its objective is its loss, never above that of the penalised solution; its gap is that of the problem on
            the support. Where several coefficients are best (a support with more columns than rows, or collinear ones)
            those that the solver reaches from the penalised solution.
        """
        key = solution.columns.tobytes()
        known = self._refits.get(key)
        if known is None or known.loss > solution.loss:
            known = self._refits[key] = self._refit(solution)
        return known

    def _refit(self, solution: Solution | JointSolution) -> Any:
        problem, columns, nothing = self._problem, solution.columns, ElasticNet(0.0, 1.0)
        refit: Solution | JointSolution
        if isinstance(problem, MultinomialProblem):
            joint = replace(problem, classes=tuple(restrict(part, columns) for part in problem.classes))
            w = solution.on(joint.classes[0].penalty_factor.size).toarray()
            start = state_at(joint, np.ascontiguousarray(w.T), solution.b, 0.0, self._controls)
            refit = multinomial.solve(joint, nothing, start, self._controls)
        else:
            single = restrict(problem, columns)
            w = solution.on(single.penalty_factor.size).toarray().ravel()
            start = state_at(single, w, solution.b, 0.0, self._controls)
            refit = coordinate_descent.solve(single, nothing, start, self._controls)
        if refit.loss <= solution.loss:
            return refit
        return replace(
            solution, objective=solution.loss, dual_gap=refit.dual_gap, violation=refit.violation,
            n_iter=refit.n_iter, converged=refit.converged, unbounded=refit.unbounded,
        )


def restrict(problem: Problem, columns: npt.NDArray[np.int32]) -> Problem:
    """Return a problem that has no columns but those given, none of them eliminated.

    Parameters
    ----------
    problem : Problem
    columns : ndarray of int32 of shape (n_columns,)

    Returns
    -------
    problem : Problem
    """
    return replace(problem, columns=columns, singletons=None)
