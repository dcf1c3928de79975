"""Where a path starts: the model without penalised columns, the largest useful alpha, and warm starts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sparsereg._core import columns as column_passes
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import coordinate_descent
from sparsereg.solvers.base import Controls, Point
from sparsereg.solvers.problem import Problem

__all__ = ["alpha_max", "null_point", "point_at"]

# Stands for an infinite alpha where thresholds are multiplied.
OVERWHELMING = 1e200
# glmnet's convention: pure L2 has no largest useful alpha, so its grid starts where this l1_ratio would.
LEAST_L1_RATIO = 1e-3


def null_point(problem: Problem, controls: Controls) -> Point:
    """Fit the intercept and the unpenalised columns, everything else at zero.

    Parameters
    ----------
    problem : Problem
    controls : Controls

    Returns
    -------
    point : Point
    """
    n_active = problem.indptr.size - 1
    point = Point(
        w=np.zeros(n_active),
        b=0.0,
        z=problem.s * problem.y,
        eta=None if problem.private is None else np.zeros(problem.n_rows),
        v=np.zeros(n_active),
    )
    if np.any(problem.factor[problem.public] == 0.0):
        coordinate_descent.solve(problem, ElasticNet(OVERWHELMING, 1.0), point, controls)
        point.alpha = np.inf
    return point


def alpha_max(problem: Problem, point: Point, l1_ratio: float) -> float:
    """Return the smallest alpha at which every penalised coefficient is zero.

    Parameters
    ----------
    problem : Problem
    point : Point
        The null point.
    l1_ratio : float
        Below 1e-3 that value is used, as glmnet does: with pure L2 no coefficient is ever zero.

    Returns
    -------
    alpha : float
        0 where no column has anything to explain.
    """
    mask = np.zeros(point.v.size, dtype=bool)
    mask[problem.public] = True
    if problem.private is not None:
        mask[problem.private.columns] = True
    usable = np.flatnonzero(mask & (problem.factor > 0.0)).astype(np.int32)
    v = np.zeros(point.v.size)
    column_passes.correlate(*problem.matrix, usable, point.z, v, 1)
    v = v[usable]
    push = np.maximum(np.where(problem.upper[usable] > 0.0, v, 0.0), np.where(problem.lower[usable] < 0.0, -v, 0.0))
    price = problem.factor[usable] * problem.scale[usable]
    return float(np.max(push / price, initial=0.0) / max(l1_ratio, LEAST_L1_RATIO))


def point_at(problem: Problem, w: npt.NDArray[np.float64], intercept: float, controls: Controls) -> Point:
    """Make a warm start of coefficients.

    Parameters
    ----------
    problem : Problem
    w : ndarray of float64 of shape (n_active,)
        Coefficients; those outside their bounds, of excluded or of private columns are dropped.
    intercept : float
        On the user's scale.
    controls : Controls

    Returns
    -------
    point : Point
    """
    point = null_point(problem, controls)
    public = problem.public
    point.w[:] = 0.0
    point.w[public] = np.clip(w[public], problem.lower[public], problem.upper[public])
    point.b = intercept - problem.centre if problem.fit_intercept else 0.0
    eta = np.full(problem.n_rows, point.b)
    column_passes.accumulate(*problem.matrix, public, point.w[public], eta)
    if problem.fit_intercept and problem.private is None:
        # The solvers keep the residual at weighted mean zero.
        shift = float(problem.s @ (problem.y - eta))
        point.b, eta = point.b + shift, eta + shift
    point.z[:] = problem.s * (problem.y - eta)
    point.fresh = None
    if point.eta is not None:
        point.eta = eta
    return point
