"""Newton's step on the support: where sweeps crawl, the equations of the non-zero coefficients are solved at once."""

from __future__ import annotations

import numpy as np

from sparsereg._core import column_objective, normal_equations
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Ids, Vector, inner
from sparsereg.solvers.problem import Problem

# The direction need not be exact: sweeps follow, and signs change on the way, which spoils long ones (measured on text:
# residuals of .03 in up to 60 steps make a path slower than .1 in up to 20). A fit takes few steps of conjugate
# gradients at first, enough where the tolerance is loose (a fifth of all passes saved), and twice as many each time.
TOLERANCE = 0.1
FIRST_STEPS, MAX_STEPS = 8, 100
# Up to so many columns the matrix itself costs no more passes over them than 20 steps do, and the direction is exact.
SMALL_SUPPORT = 80
# Along collinear columns the model is flat; this much curvature, relative, keeps the step finite there.
REGULAR = 1e-12
# A step is shortened at most so often.
SHORTENINGS = 6


def step_on_support(
    problem: Problem, penalty: ElasticNet, columns: Ids, w: Vector, neg_gradient: Vector,
    weight: Vector, weight_sum: float, column_sum: Vector, curvature: Vector,
    max_steps: int = MAX_STEPS,
) -> tuple[float, int]:
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
    max_steps : int, default=MAX_STEPS
        Of conjugate gradients.

    Returns
    -------
    shift : float
        Change of the intercept.
    n_passes : int
        Over the support.
    """
    lower, upper = problem.lower[columns], problem.upper[columns]
    inside = np.flatnonzero((w != 0.0) & (lower < w) & (w < upper) & (curvature > 0.0))
    if inside.size == 0:
        return 0.0, 0
    chosen, start, lower, upper = columns[inside], w[inside], lower[inside], upper[inside]
    mean = column_sum[inside] / weight_sum if weight_sum > 0.0 else np.zeros(inside.size)
    delta, n_passes = _direction(
        problem, penalty, chosen, start, neg_gradient, weight, mean, curvature[inside], max_steps
    )
    penalties = (problem.penalty_factor[chosen], problem.scale[chosen])
    local = np.arange(inside.size, dtype=np.int32)
    penalty_sum = column_objective.penalty_value(penalty, local, start, *penalties)
    for size in [*0.5 ** np.arange(SHORTENINGS), _first_zero(start, delta)]:
        target = np.clip(start + size * delta, lower, upper)
        target[target * start < 0.0] = 0.0
        shift = -inner(mean, target - start)
        change = problem.product(chosen, target - start, shift)
        # sum_i ((z_i - weight_i change_i)^2 - z_i^2) / (2 weight_i), without dividing by weights of next to nothing.
        gain = inner(change, neg_gradient - 0.5 * weight * change)
        if column_objective.penalty_value(penalty, local, target, *penalties) - penalty_sum < gain:
            w[inside] = target
            neg_gradient -= weight * change
            return shift, n_passes
    return 0.0, n_passes


def _first_zero(w: Vector, delta: Vector) -> float:
    """Return the share of a step, 1 at most, at which a coefficient is zero first: up to there the model only falls."""
    falls = w * delta < 0.0
    return float(np.min(-w[falls] / delta[falls], initial=1.0))


def _direction(
    problem: Problem, penalty: ElasticNet, columns: Ids, w: Vector, neg_gradient: Vector,
    weight: Vector, mean: Vector, curvature: Vector, max_steps: int,
) -> tuple[Vector, int]:
    """Solve for the change of the coefficients that makes the model stationary while no sign changes; count the passes.

    That is (X' W X + ridge) delta = X' z - ridge w - threshold sign(w), intercept eliminated.
    """
    scale, factor = problem.scale[columns], problem.penalty_factor[columns]
    ridge = penalty.alpha * (1.0 - penalty.l1_ratio) * factor * scale**2
    gradient = problem.correlations(columns, neg_gradient)
    gradient -= ridge * w + penalty.strength * factor * scale * np.sign(w)
    size = curvature + ridge
    diagonal = ridge + REGULAR * size
    rows = mean, weight, problem.n_rows
    if columns.size <= SMALL_SUPPORT:
        gram = np.empty((columns.size, columns.size))
        normal_equations.gram(*problem.matrix, columns, *rows, gram)
        gram[np.diag_indices_from(gram)] += diagonal
        root = np.sqrt(size)
        return np.linalg.solve(gram / np.outer(root, root), gradient / root) / root, columns.size // 4 + 1
    delta = np.empty(columns.size)
    steps = normal_equations.conjugate_gradients(
        *problem.matrix, columns, *rows, diagonal, size, gradient, TOLERANCE, max_steps, delta
    )
    return delta, steps + 1
