"""Newton's step on the support: where sweeps crawl, the equations of the non-zero coefficients are solved at once."""

from __future__ import annotations

import numpy as np

from sparsereg._core import column_objective
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Ids, Vector, inner
from sparsereg.solvers.problem import Problem

# The direction need not be exact: sweeps follow, and signs may change on the way.
TOLERANCE = 1e-2
MAX_ITER = 100
# Along collinear columns the model is flat; this much curvature, relative, keeps the step finite there.
REGULAR = 1e-12
# A step is shortened at most so often.
SHORTENINGS = 6


def step_on_support(
    problem: Problem, penalty: ElasticNet, columns: Ids, w: Vector, neg_gradient: Vector,
    weight: Vector, weight_sum: float, column_sum: Vector, curvature: Vector,
) -> float:
    """Take Newton's step on the support, coefficients that change sign stopped at zero, if that lowers the model.

    The model is sum_i z_i^2 / (2 weight_i) and the penalty, as in `cd.descend`, whose arguments these are.

    Parameters
    ----------
    problem : Problem
    penalty : ElasticNet
    columns : ndarray of int32 of shape (n_columns,)
    w : ndarray of float64 of shape (n_columns,)
        Their coefficients; changed in place.
    neg_gradient : ndarray of float64 of shape (n_rows,)
        Weighted residual, of sum zero with an intercept; changed in place.
    weight : ndarray of float64 of shape (n_rows,) or (1,)
    weight_sum : float
        Sum of the weights; 0 for a model without intercept.
    column_sum, curvature : ndarray of float64 of shape (n_columns,)

    Returns
    -------
    shift : float
        Change of the intercept.
    """
    lower, upper = problem.lower[columns], problem.upper[columns]
    inside = np.flatnonzero((w != 0.0) & (lower < w) & (w < upper) & (curvature > 0.0))
    if inside.size == 0:
        return 0.0
    chosen, start, lower, upper = columns[inside], w[inside], lower[inside], upper[inside]
    mean = column_sum[inside] / weight_sum if weight_sum > 0.0 else np.zeros(inside.size)
    delta = _direction(problem, penalty, chosen, start, neg_gradient, weight, mean, curvature[inside])
    penalties = (problem.penalty_factor[chosen], problem.scale[chosen])
    local = np.arange(inside.size, dtype=np.int32)
    penalty_sum = column_objective.penalty_value(penalty, local, start, *penalties)
    for size in 0.5 ** np.arange(SHORTENINGS):
        target = np.clip(start + size * delta, lower, upper)
        target[target * start < 0.0] = 0.0
        shift = -inner(mean, target - start)
        change = problem.product(chosen, target - start, shift)
        # sum_i ((z_i - weight_i change_i)^2 - z_i^2) / (2 weight_i), without dividing by weights of next to nothing.
        gain = inner(change, neg_gradient - 0.5 * weight * change)
        if column_objective.penalty_value(penalty, local, target, *penalties) - penalty_sum < gain:
            w[inside] = target
            neg_gradient -= weight * change
            return shift
    return 0.0


def _direction(
    problem: Problem, penalty: ElasticNet, columns: Ids, w: Vector, neg_gradient: Vector,
    weight: Vector, mean: Vector, curvature: Vector,
) -> Vector:
    """Solve for the change of the coefficients that makes the model stationary while no sign changes.

    Conjugate gradients on (X' W X + ridge) delta = X' z - ridge w - threshold sign(w), intercept eliminated, in
    unknowns scaled to unit curvature. Cost: two passes over the columns for each of at most 100 iterations.
    """
    # Imported late: it takes longer than all other imports together, and most fits do without.
    from scipy.sparse.linalg import LinearOperator, cg

    matrix = problem.submatrix(columns)
    scale, factor = problem.scale[columns], problem.penalty_factor[columns]
    ridge = penalty.alpha * (1.0 - penalty.l1_ratio) * factor * scale**2
    gradient = matrix.T @ neg_gradient - ridge * w - penalty.strength * factor * scale * np.sign(w)
    size = np.sqrt(curvature + ridge)

    def apply(scaled: Vector) -> Vector:
        delta = scaled / size
        change = weight * (matrix @ delta - inner(mean, delta))
        return (matrix.T @ change + ridge * delta) / size + REGULAR * scaled

    operator = LinearOperator((columns.size, columns.size), matvec=apply, dtype=np.float64)
    return cg(operator, gradient / size, rtol=TOLERANCE, maxiter=MAX_ITER)[0] / size
