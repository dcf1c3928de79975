"""Where a path starts: the model without penalised columns, the largest useful alpha, and warm starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sparsereg._core import columns as column_passes
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import coordinate_descent
from sparsereg.solvers.base import SolverOptions, State
from sparsereg.solvers.multinomial import solver as multinomial
from sparsereg.solvers.multinomial.problem import MultinomialProblem, MultinomialState
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.response import linearize_rows

__all__ = ["alpha_max", "gain_in_sight", "null_curvature", "null_state", "state_at"]

# Stands for an infinite alpha where thresholds are multiplied.
OVERWHELMING = 1e200
# glmnet's convention: pure L2 has no largest useful alpha, so its grid starts where this l1_ratio would.
LEAST_L1_RATIO = 1e-3
# Rounding must not let a coefficient of 1e-17 in at the head of the grid.
ROUNDED_UP = 1.0 + 1e-14
# The null model is solved this well even where the user asks for less: the grid hangs on it.
NULL_TOL = 1e-10


def null_state(problem: Problem | MultinomialProblem, options: SolverOptions) -> State | MultinomialState:
    """Fit the intercept and the unpenalised columns, everything else at zero.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    options : SolverOptions

    Returns
    -------
    state : State or MultinomialState
    """
    # No callback: it would be told of an alpha that nobody asked for.
    precise = replace(options, tol=min(options.tol, NULL_TOL), callback=None)
    if isinstance(problem, MultinomialProblem):
        state = problem.null_state()
        if problem.has_unpenalized:
            multinomial.solve(problem, ElasticNet(OVERWHELMING, 1.0), state, precise)
            problem.refresh(state)
            state.alpha = np.inf
        return state
    n_active, n_rows = problem.indptr.size - 1, problem.n_rows
    state = State(
        w=np.zeros(n_active),
        b=problem.response.null_intercept,
        neg_gradient=np.empty(n_rows),
        eta=None if problem.is_quadratic else np.full(n_rows, problem.response.null_intercept),
        singleton_w=np.zeros(0 if problem.singletons is None else n_rows),
        predictor=np.zeros(0 if problem.singletons is None else n_rows),
        Xt_neg_gradient=np.zeros(n_active),
    )
    if np.any(problem.penalty_factor[problem.columns] == 0.0):
        coordinate_descent.solve(problem, ElasticNet(OVERWHELMING, 1.0), state, precise)
        state.alpha = np.inf
    elif problem.is_quadratic:
        state.neg_gradient[:] = problem.s * problem.y
    else:
        _linearise(problem, state)
    return state


def _linearise(problem: Problem, state: State) -> float:
    """Refresh z, without singleton columns; return the loss."""
    return linearize_rows(problem.loss, problem.row_terms, state.eta, state.neg_gradient)[0]


def alpha_max(
    problem: Problem | MultinomialProblem,
    state: State | MultinomialState,
    l1_ratio: float,
    penalty: str = "elastic_net",
) -> float:
    """Return the smallest alpha at which every penalised coefficient is zero.

    With L0 it is the smallest at which each alone is best at zero in the quadratic model of the loss:
    alpha l1_ratio p_j = v_j^2 / (2 (q_j + ridge_j)), ridge_j that of the L2 share.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    state : State or MultinomialState
        The null point.
    l1_ratio : float
        Below 1e-3 that value is used, as glmnet does: with pure L2 no coefficient is ever zero.
    penalty : str, default="elastic_net"
        Registered name.

    Returns
    -------
    alpha : float
        0 where no column has anything to explain, but for rounding.
    """
    if _is_exact(problem, state):
        return 0.0
    parts = [(problem, state)]
    if isinstance(problem, MultinomialProblem):
        parts = list(zip(problem.classes, state.classes))
    return max(_largest_pull(part, at, l1_ratio, penalty) for part, at in parts)


def _is_exact(problem: Problem | MultinomialProblem, state: State | MultinomialState) -> bool:
    """Say whether the null model fits as well as anything can: what is left are the errors it was solved with."""
    if isinstance(problem, MultinomialProblem):
        loss, has_unpenalized = problem.refresh(state), problem.has_unpenalized
    else:
        has_unpenalized = bool(np.any(problem.penalty_factor[problem.columns] == 0.0))
        if problem.is_quadratic:
            loss = problem.squared_loss(state.neg_gradient)
        else:
            loss = linearize_rows(problem.loss, problem.row_terms, state.eta, np.empty(problem.n_rows))[0]
    allowed = problem.gap_rounding + (NULL_TOL * problem.reference if has_unpenalized else 0.0)
    return bool(loss - problem.min_loss <= allowed)


def _largest_pull(problem: Problem, state: State, l1_ratio: float, penalty: str) -> float:
    """Return the smallest alpha at which every penalised coefficient of one linear predictor is zero."""
    usable = problem.usable
    usable = usable[problem.penalty_factor[usable] > 0.0]
    v = np.zeros(state.Xt_neg_gradient.size)
    column_passes.correlate(*problem.matrix, usable, state.neg_gradient, v, 1)
    v = v[usable]
    v[np.abs(v) <= problem.noise * np.sqrt(problem.curvature[usable])] = 0.0
    push = np.maximum(np.where(problem.upper[usable] > 0.0, v, 0.0), np.where(problem.lower[usable] < 0.0, -v, 0.0))
    l1_ratio = max(l1_ratio, LEAST_L1_RATIO)
    if penalty == "l0":
        # The root of alpha l1_ratio p (2 q + 2 alpha (1 - l1_ratio) p scale^2) = push^2.
        factor, curvature = problem.penalty_factor[usable], null_curvature(problem)[usable]
        half = l1_ratio * factor * curvature
        square = 2.0 * l1_ratio * (1.0 - l1_ratio) * (factor * problem.scale[usable]) ** 2
        return float(np.max(push**2 / (half + np.sqrt(half**2 + square * push**2)), initial=0.0)) * ROUNDED_UP
    price = problem.penalty_factor[usable] * problem.scale[usable]
    return float(np.max(push / price, initial=0.0) / l1_ratio) * ROUNDED_UP


def null_curvature(problem: Problem) -> npt.NDArray[np.float64]:
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


def gain_in_sight(problem: Problem | MultinomialProblem, state: State | MultinomialState) -> float:
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
    if isinstance(problem, MultinomialProblem):
        return sum(gain_in_sight(part, at) for part, at in zip(problem.classes, state.classes))
    columns, v = problem.usable, np.zeros(state.Xt_neg_gradient.size)
    column_passes.correlate(*problem.matrix, columns, state.neg_gradient, v, 1)
    return float(np.sum(v[columns] ** 2 / (2.0 * problem.moments(columns, problem.null_model[1])[1])))


def state_at(
    problem: Problem | MultinomialProblem,
    w: npt.NDArray[np.float64],
    intercept: float | npt.NDArray[np.float64],
    alpha: float,
    options: SolverOptions,
) -> State | MultinomialState:
    """Make a warm start of coefficients, or of the null model where that fits better.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    w : ndarray of float64 of shape (n_active,), or (n_classes, n_active) for a MultinomialProblem
        Coefficients; clipped to their bounds, and those of excluded or singleton columns dropped.
    intercept : float, or ndarray of float64 of shape (n_classes,)
        On the user's scale.
    alpha : float
        The strength to be solved for, which the coefficients are taken to be close to.
    options : SolverOptions

    Returns
    -------
    state : State or MultinomialState
    """
    if isinstance(problem, MultinomialProblem):
        moved = problem.state_at(w, np.asarray(intercept), alpha)
        return moved if problem.refresh(moved) <= problem.null_objective else null_state(problem, options)
    state = null_state(problem, options)
    remaining = problem.columns
    start = np.zeros(state.w.size)
    start[remaining] = np.clip(w[remaining], problem.lower[remaining], problem.upper[remaining])
    b = problem.intercept_inside(w, float(intercept))
    eta = problem.predictor(start, b)
    if problem.is_quadratic:
        return _with_residual(problem, state, start, b, eta, alpha)
    old, state.eta = state.eta, eta
    if not _linearise(problem, state) <= problem.null_objective:
        # Coefficients of another target, perhaps of another size: there the null model is the better start.
        state.eta = old
        _linearise(problem, state)
        return state
    state.w, state.b, state.alpha, state.Xt_is_current = start, b, alpha, None
    return state


def _with_residual(
    problem: Problem, state: State, start: npt.NDArray[np.float64], b: float, eta: npt.NDArray[np.float64], alpha: float
) -> State:
    """Start squared loss from coefficients, where they fit better than the null point."""
    if problem.fit_intercept:
        # The solver keeps the residual at weighted mean zero.
        shift = float(problem.s @ (problem.y - eta))
        b, eta = b + shift, eta + shift
    residual = problem.y - eta
    if not 0.5 * float(problem.s @ residual**2) <= problem.null_objective:
        # Coefficients of another target, perhaps of another size: what they leave would cost the residual its digits.
        return state
    state.w, state.b, state.alpha, state.Xt_is_current = start, b, alpha, None
    state.neg_gradient[:] = problem.s * residual
    return state
