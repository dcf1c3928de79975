"""The relaxed fit: least loss on a given support, without penalty (Hastie, Tibshirani, Tibshirani 2020, gamma = 0)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import coordinate_descent
from sparsereg.solvers.base import Controls, Solution
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.start import point_at

__all__ = ["Relaxation"]


class Relaxation:
    """Refits of the supports of one problem; equal supports are refitted once.

    Parameters
    ----------
    problem : Problem
    controls : Controls
    """

    def __init__(self, problem: Problem, controls: Controls):
        # Nobody asked for alpha = 0, and so no callback is told of it.
        self._problem, self._controls = problem, replace(controls, callback=None)
        self._refits: dict[bytes, Solution] = {}

    def __call__(self, solution: Solution) -> Solution:
        """Refit the support of a penalised solution.

        Parameters
        ----------
        solution : Solution

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
        problem = restrict(self._problem, solution.columns)
        w = np.zeros(problem.factor.size)
        w[solution.columns] = solution.values
        point = point_at(problem, w, solution.b, 0.0, self._controls)
        refit = coordinate_descent.solve(problem, ElasticNet(0.0, 1.0), point, self._controls)
        if refit.loss <= solution.loss:
            return refit
        return replace(
            refit, columns=solution.columns, values=solution.values, b=solution.b, loss=solution.loss,
            objective=solution.loss,
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
    return replace(problem, public=columns, private=None)
