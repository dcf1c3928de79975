"""Newton's step on the support: where sweeps crawl, the equations of the non-zero coefficients are solved at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.problem import Problem

__all__ = ["newton_direction"]

Vector = npt.NDArray[np.float64]

# The direction need not be exact: sweeps follow, and signs may change on the way.
TOLERANCE = 1e-6
MOST_ITERATIONS = 500


def newton_direction(
    problem: Problem, penalty: ElasticNet, columns: npt.NDArray[np.int32], w: Vector, z: Vector
) -> Vector:
    """Solve for the change of given coefficients that makes F stationary while no sign changes.

    Conjugate gradients on (X' S X + ridge) delta = X' z - ridge w - threshold sign(w), intercept eliminated, in
    unknowns scaled to unit curvature.

    Parameters
    ----------
    problem : Problem
        Without private columns.
    penalty : ElasticNet
    columns : ndarray of int32 of shape (n_columns,)
    w : ndarray of float64 of shape (n_columns,)
        Their coefficients, none of them zero.
    z : ndarray of float64 of shape (n_rows,)
        Weighted residual.

    Returns
    -------
    delta : ndarray of float64 of shape (n_columns,)
        Cost: two passes over the columns for each of at most 500 iterations.
    """
    # Imported late: it takes longer than all other imports together, and most fits do without.
    from scipy.sparse.linalg import LinearOperator, cg

    shape = (problem.n_rows, problem.indptr.size - 1)
    matrix = sparse.csc_matrix(problem.matrix, shape=shape, copy=False)[:, columns].astype(np.float64)
    mass = problem.mass[columns] if problem.fit_intercept else np.zeros(columns.size)
    scale, factor = problem.scale[columns], problem.factor[columns]
    ridge = penalty.alpha * (1.0 - penalty.l1_ratio) * factor * scale**2
    gradient = matrix.T @ z - ridge * w - penalty.strength * factor * scale * np.sign(w)
    size = np.sqrt(problem.curvature[columns] + ridge)

    def apply(scaled: Vector) -> Vector:
        delta = scaled / size
        change = problem.weight * (matrix @ delta - mass @ delta)
        return (matrix.T @ change + ridge * delta) / size

    operator = LinearOperator((columns.size, columns.size), matvec=apply, dtype=np.float64)
    return cg(operator, gradient / size, rtol=TOLERANCE, maxiter=MOST_ITERATIONS)[0] / size
