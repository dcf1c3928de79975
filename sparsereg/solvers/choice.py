"""The choice of solver, by number of outputs and penalty."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sparsereg._core.penalties import PENALTIES
from sparsereg.solvers import coordinate_descent, ridge
from sparsereg.solvers.base import Solution, SolverOptions, State
from sparsereg.solvers.gram import GramFits
from sparsereg.solvers.gram_descent import model_gram_pays
from sparsereg.solvers.multinomial import solver as multinomial
from sparsereg.solvers.nonconvex import solver as nonconvex
from sparsereg.solvers.problem import Problem


def choose_solver(
    problem: Problem, penalty: str, l1_ratio: float, options: SolverOptions, form: str
) -> Callable[..., Solution]:
    """Return what solves a problem at one alpha after another.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    penalty : str
        Registered name.
    l1_ratio : float
    options : SolverOptions
    form : {"rows", "dense", "gram"}
        What fits descend on, as `choose_form` says.

    Returns
    -------
    solve : callable
        Takes the problem, a penalty, a state, which holds the solution on return, and options.
    """
    if problem.n_outputs > 1:
        return multinomial.solve
    if form == "gram":
        return GramFits(problem)
    kind = PENALTIES[penalty]
    if kind.is_convex:
        return ridge.solve if l1_ratio == 0.0 else coordinate_descent.solve
    if kind.is_l0:
        return partial(nonconvex.solve, lasso=nonconvex.LassoWarmStart(problem, options))
    return nonconvex.solve


def goes_at_once(problem: Problem, penalty: str, l1_ratio: float, state: State) -> bool:
    """Say whether an alpha far below the last one needs no others in between.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    penalty : str
        Registered name.
    l1_ratio : float
    state : State or MultinomialState

    Returns
    -------
    at_once : bool
    """
    if problem.n_outputs > 1 or not PENALTIES[penalty].is_convex:
        return False
    if l1_ratio == 0.0:
        return ridge.goes_at_once(problem, state)
    # Newton's steps that cost so little go all the way themselves.
    return not problem.is_quadratic and not problem.has_unpenalized and model_gram_pays(problem, problem.columns)
