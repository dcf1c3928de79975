"""Repair of a dual point: where it violates its constraints a little, sweeps over these bring it back.

The residual of a saturated fit violates the constraints of a few columns by much: scaled down until it meets them all,
it pays for the worst column on every one of them, and certifies a hundred times more than the coefficients are off.
Projected on the violated constraints in turn it pays to second order, and for these alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsereg._core import column_objective, dual_repair
from sparsereg.solvers.base import Vector

# Repair is tried where the gap is at most this many times what is allowed: beyond, it is the coefficients that are off.
WORTH_REPAIR = 100.0
MAX_SWEEPS = 10
# Share of what is allowed that violations which are left may cost, scaled away.
NEGLIGIBLE = 0.1
# Columns that reach this share of their threshold may be pushed over it on the way; the others are looked at once.
NEAR = 0.8


@dataclass
class RepairedPoint:
    """A repaired dual point and what it certifies.

    Attributes
    ----------
    theta : ndarray of float64 of shape (n_rows,)
    dual : float
        Dual objective of the best scaling.
    scale : float
    before : ndarray of float64 of shape (n_screened_in,)
        Correlations of the columns with the point as it was; those in the state are of `theta`.
    """

    theta: Vector
    dual: float
    scale: float
    before: Vector


def repair(descent: Any, theta: Vector, singleton_scale: float, gap: float) -> RepairedPoint | None:
    """Repair the dual point that was checked last, where that may end the run.

    Parameters
    ----------
    descent : object
        As in `working_set.check_gap`.
    theta : ndarray of float64 of shape (n_rows,)
        Its correlations are in the state.
    singleton_scale : float
    gap : float
        That it certifies.

    Returns
    -------
    repaired : RepairedPoint or None
    """
    certificate, target = descent.certificate, descent.gap.target
    left = descent.options.max_iter - descent.gap.n_iter
    if not descent.has_descended or not target < gap <= WORTH_REPAIR * target or left <= 0:
        return None
    before = certificate.state.Xt_neg_gradient[certificate.screened_in]
    theta, singleton_scale = descent.recenter(_project(descent, theta.copy(), min(left, MAX_SWEEPS)))
    certificate.correlate(certificate.screened_in, theta)
    dual, scale = certificate.best_dual(theta, certificate.screened_in, singleton_scale, np.finfo(float).max)
    return RepairedPoint(theta, dual, scale, before)


def _project(descent: Any, theta: Vector, max_sweeps: int) -> Vector:
    """Project a dual point, in place, on the constraints that it violates."""
    certificate, quadratic = descent.certificate, descent.quadratic
    problem, penalty, state = certificate.problem, certificate.penalty, certificate.state
    columns = np.empty_like(certificate.screened_in)
    n, _ = column_objective.candidates(
        penalty, certificate.screened_in, state.Xt_neg_gradient, state.w, *problem.penalties, NEAR, columns
    )
    columns = columns[:n]
    column_sum, curvature = descent.moments(columns)
    w, threshold = state.w[columns], certificate.threshold(columns)
    ridge = penalty.alpha * (1.0 - penalty.l1_ratio) * problem.penalty_factor[columns] * problem.scale[columns] ** 2
    highest = np.where(w < problem.upper[columns], threshold + ridge * np.maximum(w, 0.0), np.inf)
    lowest = np.where(w > problem.lower[columns], -threshold + ridge * np.minimum(w, 0.0), -np.inf)
    penalty_sum = certificate.penalty_sum(columns)
    tol = NEGLIGIBLE * descent.gap.target / penalty_sum if penalty_sum > 0.0 else np.inf
    descent.gap.n_iter += dual_repair.project(
        *problem.matrix, columns, quadratic.weight, quadratic.weight_sum, curvature, column_sum, lowest, highest,
        ridge, tol, max_sweeps, theta,
    )
    return theta
