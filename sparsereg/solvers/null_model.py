"""The null model (no penalised columns), the largest useful alpha, and warm starts: where a path starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sparsereg._core.penalties import PENALTIES, ElasticNet
from sparsereg.solvers import convex
from sparsereg.solvers.base import SolverOptions, State
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.response import linearize_rows

Vector = npt.NDArray[np.float64]

# Stands for an infinite alpha where thresholds are multiplied.
OVERWHELMING = 1e200
# glmnet's convention: pure L2 has no largest useful alpha, so its grid starts where this l1_ratio would.
MIN_L1_RATIO = 1e-3
# Rounding must not let a coefficient of 1e-17 in at the head of the grid.
ROUNDED_UP = 1.0 + 1e-14
# The null model is solved this well even where the user asks for less: the grid hangs on it.
NULL_TOL = 1e-10


def null_state(problem: Problem, options: SolverOptions) -> State:
    """Fit the intercept and the unpenalised columns, everything else at zero.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    options : SolverOptions

    Returns
    -------
    state : State or MultinomialState
    """
    nulls = [_null_output(output, float(b)) for output, b in zip(problem.outputs, problem.null_intercepts)]
    state, _ = problem.joined(*zip(*nulls))
    if problem.outputs[0].has_unpenalized:
        # No callback: it would be told of an alpha that nobody asked for.
        precise = replace(options, tol=min(options.tol, NULL_TOL), callback=None)
        convex.solve(problem, ElasticNet(OVERWHELMING, 1.0), state, precise)
        problem.refresh(state)
        state.alpha = np.inf
    return state


def _null_output(problem: Problem, b: float) -> tuple[State, float]:
    """Return the state with the intercept only, and its loss."""
    eta = None if problem.is_quadratic else np.full(problem.n_rows, b)
    return _make_state(problem, np.zeros(problem.indptr.size - 1), b, eta, problem.response.y)


def _make_state(problem: Problem, w: Vector, b: float, eta: Vector | None, residual: Vector) -> tuple[State, float]:
    """Return a state without singleton columns, and its loss; the residual is that of squared loss."""
    n_singleton_rows = 0 if problem.singletons is None else problem.n_rows
    state = State(
        w=w, b=b, neg_gradient=problem.response.s * residual if eta is None else np.empty(problem.n_rows), eta=eta,
        singleton_w=np.zeros(n_singleton_rows), predictor=np.zeros(n_singleton_rows), Xt_neg_gradient=np.zeros(w.size),
    )
    if eta is None:
        return state, 0.5 * float(problem.response.s @ residual**2)
    return state, linearize_rows(problem.loss, problem.row_terms, eta, state.neg_gradient)[0]


def alpha_max(problem: Problem, state: State, l1_ratio: float, penalty: str = "elastic_net") -> float:
    """Return the smallest alpha at which every penalised coefficient is zero.

    With L0 it is the smallest at which each alone is best at zero in the quadratic model of the loss:
    alpha l1_ratio p_j = v_j^2 / (2 (q_j + ridge_j)), ridge_j that of the L2 share.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    state : State or MultinomialState
        The null state.
    l1_ratio : float
        Below 1e-3 that value is used, as glmnet does: with pure L2 no coefficient is ever zero.
    penalty : str, default="elastic_net"
        Registered name.

    Returns
    -------
    alpha : float
        0 where no column has anything to explain, but for rounding.
    """
    # What is left of a null model that fits as well as anything can are the errors it was solved with.
    allowed = problem.gap_rounding + (NULL_TOL * problem.reference if problem.outputs[0].has_unpenalized else 0.0)
    if problem.refresh(state) - problem.min_loss <= allowed:
        return 0.0
    return max(_alpha_max(*output, l1_ratio, penalty) for output in zip(problem.outputs, state.outputs))


def _alpha_max(problem: Problem, state: State, l1_ratio: float, penalty: str) -> float:
    """Return the smallest alpha at which every penalised coefficient of one output is zero."""
    usable = problem.usable
    usable = usable[problem.penalty_factor[usable] > 0.0]
    v = problem.correlations(usable, state.neg_gradient)
    noise = problem.noise * np.sqrt(problem.curvature[usable])
    lower, upper, factor = problem.lower[usable], problem.upper[usable], problem.penalty_factor[usable]
    if not PENALTIES[penalty].is_l0:
        return largest_alpha(v, noise, factor * problem.scale[usable], lower, upper, l1_ratio)
    gradient = _useful_gradient(v, noise, lower, upper)
    l1_ratio = max(l1_ratio, MIN_L1_RATIO)
    # The root of alpha l1_ratio p (2 q + 2 alpha (1 - l1_ratio) p scale^2) = gradient^2.
    half = l1_ratio * factor * null_curvature(problem)[usable]
    square = 2.0 * l1_ratio * (1.0 - l1_ratio) * (factor * problem.scale[usable]) ** 2
    alpha = gradient**2 / (half + np.sqrt(half**2 + square * gradient**2))
    return float(np.max(alpha, initial=0.0)) * ROUNDED_UP


def largest_alpha(v: Vector, noise: Vector, cost: Vector, lower: Vector, upper: Vector, l1_ratio: float) -> float:
    """Return the smallest alpha at which no column of some is worth its penalty.

    Parameters
    ----------
    v : ndarray of float64 of shape (n_columns,)
        `X_j' z` of the null model.
    noise : ndarray of float64 of shape (n_columns,)
        What rounding may leave of it.
    cost : ndarray of float64 of shape (n_columns,)
        Penalty factor times scale, above 0.
    lower, upper : ndarray of float64 of shape (n_columns,)
    l1_ratio : float
        Below 1e-3 that value is used.

    Returns
    -------
    alpha : float
        0 where no column has anything to explain, but for rounding.
    """
    gradient = _useful_gradient(v, noise, lower, upper)
    return float((gradient / cost).max(initial=0.0) / max(l1_ratio, MIN_L1_RATIO)) * ROUNDED_UP


def _useful_gradient(v: Vector, noise: Vector, lower: Vector, upper: Vector) -> Vector:
    """Return how steeply the loss falls along each column, to where bounds let it go, but for rounding."""
    v = np.where(np.abs(v) <= noise, 0.0, v)
    return np.maximum(np.where(upper > 0.0, v, 0.0), np.where(lower < 0.0, -v, 0.0))


def null_curvature(problem: Problem) -> Vector:
    """Return the curvature of the loss along each column at the model with intercept only.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    curvature : ndarray of float64 of shape (n_active,)
        Not divided by the square of the scale; 0 for columns that are not used.
    """
    curvature = np.zeros(problem.indptr.size - 1)
    remaining = problem.columns
    if problem.is_quadratic:
        curvature[remaining] = problem.curvature[remaining]
        return curvature
    curvature[remaining] = problem.moments(remaining, problem.null_model[1])[1]
    return curvature


def gain_in_sight(problem: Problem, state: State) -> float:
    """Return what a step on each column alone would win of the loss without penalty, all added up.

    Of columns at zero and of shrunken ones: with disjoint columns and squared loss it is all that smaller alphas can
    win, with correlated ones more. Another loss is taken to have the curvature of the model with intercept only.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    state : State or MultinomialState
        A solution.

    Returns
    -------
    gain : float
        On the scale of the loss. Cost: two passes over the columns.
    """
    return sum(_gain(*output) for output in zip(problem.outputs, state.outputs))


def _gain(problem: Problem, state: State) -> float:
    columns = problem.usable
    v = problem.correlations(columns, state.neg_gradient)
    return float(np.sum(v**2 / (2.0 * problem.moments(columns, problem.null_model[1])[1])))


def state_at(problem: Problem, w: Vector, intercept: float | Vector, alpha: float, options: SolverOptions) -> State:
    """Make a warm start of coefficients, or of the null model where that fits better.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    w : ndarray of float64 of shape (n_active,) or (n_outputs, n_active)
        Coefficients; clipped to their bounds, and those of excluded or singleton columns dropped.
    intercept : float, or ndarray of float64 of shape (n_outputs,)
        On the user's scale.
    alpha : float
        The strength to be solved for, which the coefficients are taken to be close to.
    options : SolverOptions

    Returns
    -------
    state : State or MultinomialState
    """
    outputs = zip(problem.outputs, np.atleast_2d(w), np.atleast_1d(intercept), strict=True)
    state, loss = problem.joined(*zip(*(_output_at(output, row, float(b)) for output, row, b in outputs)))
    if not loss <= problem.outputs[0].response.null_objective:
        # Coefficients of another target, perhaps of another size: there the null model is the better start.
        return null_state(problem, options)
    state.alpha = alpha
    return state


def _output_at(problem: Problem, w: Vector, intercept: float) -> tuple[State, float]:
    """Return the state of one output with given coefficients, and its loss."""
    remaining = problem.columns
    start = np.zeros(w.size)
    start[remaining] = np.clip(w[remaining], problem.lower[remaining], problem.upper[remaining])
    b = problem.intercept_inside(w, intercept)
    eta = problem.predictor(start, b)
    if not problem.is_quadratic:
        return _make_state(problem, start, b, eta, problem.response.y)
    if problem.fit_intercept:
        # The solver keeps the residual at weighted mean zero.
        shift = float(problem.response.s @ (problem.response.y - eta))
        b, eta = b + shift, eta + shift
    return _make_state(problem, start, b, None, problem.response.y - eta)
