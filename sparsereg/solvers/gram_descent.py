"""Coordinate descent on the Gram matrix of a working set: the quadratic model of a Newton step, without its rows.

With the Cholesky factor R of the Gram matrix the model is a least-squares problem of as many rows as columns: sweeps
over the columns of R cost n_columns^2, where those over the rows cost n_rows n_columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsereg._core import cd
from sparsereg.solvers.base import Ids, Vector
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.weighted_gram import Cholesky, weighted_model

# Sweeps that a model takes, and nanoseconds for an entry of a column in one of them and for a multiplication of BLAS
# (measured, one core of a Xeon of 2023).
SWEEPS, DENSE_PASS, BLAS = 10, 0.6, 0.025
# Share of the entries of columns that must be there for them to be made dense.
LEAST_DENSITY = 0.25
# Sweeps on the matrix between two looks at the loss.
MAX_SWEEPS = 1000
UNIT_WEIGHT = np.ones(1)


def gram_pays(problem: Problem, columns: Ids) -> bool:
    """Say whether the Gram matrix of columns costs less than sweeps over their rows."""
    if problem.singletons is not None or columns.size == 0:
        return False
    n_entries = int((problem.indptr[columns + 1] - problem.indptr[columns]).sum())
    room = problem.n_rows * columns.size
    return n_entries >= LEAST_DENSITY * room and BLAS * room * columns.size <= SWEEPS * DENSE_PASS * n_entries


def descend_on_gram(descent: Any, columns: Ids, w: Vector, tol: float) -> float:
    """Minimise the quadratic model of a descent over columns and intercept.

    Parameters
    ----------
    descent : ProximalNewton
    columns : ndarray of int32 of shape (n_columns,)
    w : ndarray of float64 of shape (n_columns,)
        Their coefficients; changed in place.
    tol : float
        Largest change of a scaled gradient entry in the last sweep.

    Returns
    -------
    shift : float
        Change of the intercept.
    """
    problem, quadratic, gap, size = descent.problem, descent.quadratic, descent.gap, columns.size
    start = w.copy()
    model = weighted_model(problem, columns, quadratic.weight, quadratic.weight_sum, descent.state.neg_gradient)
    factor = Cholesky(model.gram, np.zeros(size))
    below = np.tril_indices(size)
    # The columns of R end at the diagonal; by rows of its transpose.
    ends = np.arange(size + 1, dtype=np.int64)
    epochs, _, _ = cd.descend(
        factor.factor[below], below[1].astype(np.int32), ends * (ends + 1) // 2, np.arange(size, dtype=np.int32), w,
        factor.half_solve(model.gradient), UNIT_WEIGHT, 0.0, np.einsum("ii->i", model.gram).copy(), np.zeros(size),
        *[values[columns] for values in problem.penalties], descent.penalty, tol,
        min(max(descent.options.max_iter - gap.n_iter, 1), MAX_SWEEPS),
    )
    gap.n_iter += epochs
    return model.shift - float(model.mean @ (w - start))
