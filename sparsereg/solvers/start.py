"""Where a path starts: the model without penalised columns, the largest useful alpha, and warm starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sparsereg._core import columns as column_passes
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import coordinate_descent, multinomial
from sparsereg.solvers.base import Controls, Point
from sparsereg.solvers.multinomial_problem import MultinomialPoint, MultinomialProblem
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.target import linearise_rows

__all__ = ["alpha_max", "gain_in_sight", "null_curvature", "null_point", "point_at"]

# Stands for an infinite alpha where thresholds are multiplied.
OVERWHELMING = 1e200
# glmnet's convention: pure L2 has no largest useful alpha, so its grid starts where this l1_ratio would.
LEAST_L1_RATIO = 1e-3
# Rounding must not let a coefficient of 1e-17 in at the head of the grid.
ROUNDED_UP = 1.0 + 1e-14
# The null model is solved this well even where the user asks for less: the grid hangs on it.
NULL_TOL = 1e-10


def null_point(problem: Problem | MultinomialProblem, controls: Controls) -> Point | MultinomialPoint:
    """Fit the intercept and the unpenalised columns, everything else at zero.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    controls : Controls

    Returns
    -------
    point : Point or MultinomialPoint
    """
    # No callback: it would be told of an alpha that nobody asked for.
    precise = replace(controls, tol=min(controls.tol, NULL_TOL), callback=None)
    if isinstance(problem, MultinomialProblem):
        point = problem.null_point()
        if problem.has_unpenalised:
            multinomial.solve(problem, ElasticNet(OVERWHELMING, 1.0), point, precise)
            problem.refresh(point)
            point.alpha = np.inf
        return point
    n_active, n_rows = problem.indptr.size - 1, problem.n_rows
    point = Point(
        w=np.zeros(n_active),
        b=problem.target.null_intercept,
        z=np.empty(n_rows),
        eta=None if problem.is_quadratic else np.full(n_rows, problem.target.null_intercept),
        u=np.zeros(0 if problem.private is None else n_rows),
        t=np.zeros(0 if problem.private is None else n_rows),
        v=np.zeros(n_active),
    )
    if np.any(problem.factor[problem.public] == 0.0):
        coordinate_descent.solve(problem, ElasticNet(OVERWHELMING, 1.0), point, precise)
        point.alpha = np.inf
    elif problem.is_quadratic:
        point.z[:] = problem.s * problem.y
    else:
        _linearise(problem, point)
    return point


def _linearise(problem: Problem, point: Point) -> float:
    """Refresh z, without private columns; return the loss."""
    return linearise_rows(problem.loss, problem.terms, point.eta, point.z)[0]


def alpha_max(
    problem: Problem | MultinomialProblem,
    point: Point | MultinomialPoint,
    l1_ratio: float,
    penalty: str = "elastic_net",
) -> float:
    """Return the smallest alpha at which every penalised coefficient is zero.

    With L0 it is the smallest at which each alone is best at zero in the quadratic model of the loss:
    alpha l1_ratio p_j = v_j^2 / (2 (q_j + ridge_j)), ridge_j that of the L2 share.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    point : Point or MultinomialPoint
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
    if _is_exact(problem, point):
        return 0.0
    parts = [(problem, point)]
    if isinstance(problem, MultinomialProblem):
        parts = list(zip(problem.classes, point.classes))
    return max(_largest_pull(part, at, l1_ratio, penalty) for part, at in parts)


def _is_exact(problem: Problem | MultinomialProblem, point: Point | MultinomialPoint) -> bool:
    """Say whether the null model fits as well as anything can: what is left are the errors it was solved with."""
    if isinstance(problem, MultinomialProblem):
        loss, has_unpenalised = problem.refresh(point), problem.has_unpenalised
    else:
        has_unpenalised = bool(np.any(problem.factor[problem.public] == 0.0))
        if problem.is_quadratic:
            loss = problem.squared_loss(point.z)
        else:
            loss = linearise_rows(problem.loss, problem.terms, point.eta, np.empty(problem.n_rows))[0]
    allowed = problem.rounding + (NULL_TOL * problem.reference if has_unpenalised else 0.0)
    return bool(loss - problem.least_loss <= allowed)


def _largest_pull(problem: Problem, point: Point, l1_ratio: float, penalty: str) -> float:
    """Return the smallest alpha at which every penalised coefficient of one linear predictor is zero."""
    usable = problem.usable
    usable = usable[problem.factor[usable] > 0.0]
    v = np.zeros(point.v.size)
    column_passes.correlate(*problem.matrix, usable, point.z, v, 1)
    v = v[usable]
    v[np.abs(v) <= problem.noise * np.sqrt(problem.curvature[usable])] = 0.0
    push = np.maximum(np.where(problem.upper[usable] > 0.0, v, 0.0), np.where(problem.lower[usable] < 0.0, -v, 0.0))
    l1_ratio = max(l1_ratio, LEAST_L1_RATIO)
    if penalty == "l0":
        # The root of alpha l1_ratio p (2 q + 2 alpha (1 - l1_ratio) p scale^2) = push^2.
        factor, curvature = problem.factor[usable], null_curvature(problem)[usable]
        half = l1_ratio * factor * curvature
        square = 2.0 * l1_ratio * (1.0 - l1_ratio) * (factor * problem.scale[usable]) ** 2
        return float(np.max(push**2 / (half + np.sqrt(half**2 + square * push**2)), initial=0.0)) * ROUNDED_UP
    price = problem.factor[usable] * problem.scale[usable]
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
    public = problem.public
    if problem.is_quadratic:
        curvature[public] = problem.curvature[public]
        return curvature
    curvature[public] = problem.moments(public, problem.null_model[1])[1]
    return curvature


def gain_in_sight(problem: Problem | MultinomialProblem, point: Point | MultinomialPoint) -> float:
    """Return what a step on each column alone would win of the loss without penalty, all added up.

    Of columns at zero and of shrunken ones: with disjoint columns and squared loss it is all that smaller alphas can
    win, with correlated ones more. Another loss is taken to have the curvature of the model with intercept only.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    point : Point or MultinomialPoint
        A solution.

    Returns
    -------
    gain : float
        On the scale of the loss. Cost: two passes over the columns.
    """
    if isinstance(problem, MultinomialProblem):
        return sum(gain_in_sight(part, at) for part, at in zip(problem.classes, point.classes))
    columns, v = problem.usable, np.zeros(point.v.size)
    column_passes.correlate(*problem.matrix, columns, point.z, v, 1)
    return float(np.sum(v[columns] ** 2 / (2.0 * problem.moments(columns, problem.null_model[1])[1])))


def point_at(
    problem: Problem | MultinomialProblem,
    w: npt.NDArray[np.float64],
    intercept: float | npt.NDArray[np.float64],
    alpha: float,
    controls: Controls,
) -> Point | MultinomialPoint:
    """Make a warm start of coefficients, or of the null model where that fits better.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    w : ndarray of float64 of shape (n_active,), or (n_classes, n_active) for a MultinomialProblem
        Coefficients; clipped to their bounds, and those of excluded or private columns dropped.
    intercept : float, or ndarray of float64 of shape (n_classes,)
        On the user's scale.
    alpha : float
        The strength to be solved for, which the coefficients are taken to be close to.
    controls : Controls

    Returns
    -------
    point : Point or MultinomialPoint
    """
    if isinstance(problem, MultinomialProblem):
        moved = problem.point_at(w, np.asarray(intercept), alpha)
        return moved if problem.refresh(moved) <= problem.null_objective else null_point(problem, controls)
    point = null_point(problem, controls)
    public = problem.public
    start = np.zeros(point.w.size)
    start[public] = np.clip(w[public], problem.lower[public], problem.upper[public])
    b = problem.intercept_inside(w, float(intercept))
    eta = problem.predictor(start, b)
    if problem.is_quadratic:
        return _with_residual(problem, point, start, b, eta, alpha)
    old, point.eta = point.eta, eta
    if not _linearise(problem, point) <= problem.null_objective:
        # Coefficients of another target, perhaps of another size: there the null model is the better start.
        point.eta = old
        _linearise(problem, point)
        return point
    point.w, point.b, point.alpha, point.fresh = start, b, alpha, None
    return point


def _with_residual(
    problem: Problem, point: Point, start: npt.NDArray[np.float64], b: float, eta: npt.NDArray[np.float64], alpha: float
) -> Point:
    """Start squared loss from coefficients, where they fit better than the null point."""
    if problem.fit_intercept:
        # The solver keeps the residual at weighted mean zero.
        shift = float(problem.s @ (problem.y - eta))
        b, eta = b + shift, eta + shift
    residual = problem.y - eta
    if not 0.5 * float(problem.s @ residual**2) <= problem.null_objective:
        # Coefficients of another target, perhaps of another size: what they leave would cost the residual its digits.
        return point
    point.w, point.b, point.alpha, point.fresh = start, b, alpha, None
    point.z[:] = problem.s * residual
    return point
