"""Convex problems of one output or of several, by the solver that takes any of them."""

from __future__ import annotations

from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import coordinate_descent
from sparsereg.solvers.base import Solution, SolverOptions, State
from sparsereg.solvers.multinomial import solver as multinomial
from sparsereg.solvers.problem import Problem


def solve(problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions) -> Solution:
    """Minimise F at one alpha from a warm start.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    penalty : ElasticNet
    state : State or MultinomialState
        Warm start; holds the solution on return.
    options : SolverOptions

    Returns
    -------
    solution : Solution
    """
    solver = coordinate_descent if problem.n_outputs == 1 else multinomial
    return solver.solve(problem, penalty, state, options)
