"""Coordinate descent on the Gram matrix of a working set: the quadratic model of a Newton step, without its rows.

With the Cholesky factor R of the Gram matrix the model is a least-squares problem of as many rows as columns: sweeps
over the columns of R cost n_columns^2, where those over the rows cost n_rows n_columns.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from sparsereg._core import cd
from sparsereg.solvers.base import Ids, Vector
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.weighted_gram import Cholesky, weighted_model

# Sweeps that a model takes, and nanoseconds for an entry of a column in one of them and for a multiplication of BLAS
# (measured, one core of a Xeon of 2023).
SWEEPS, DENSE_PASS, BLAS = 10, 0.6, 0.015
# Share of all entries that must be there for the columns to be made dense.
LEAST_DENSITY = 0.5
# Sweeps on the matrix, after which they crawl: on the rows Newton's step on the support takes their place.
MAX_SWEEPS = 100
UNIT_WEIGHT = np.ones(1)
# What is left of the square of a column beside the intercept and the columns before it, relative, below which single
# precision says too little of it.
ROUGH = 1e-5
# Shapes of triangular factors that are remembered, a few MiB.
SHAPES = 16


def model_gram_pays(problem: Problem, columns: Ids) -> bool:
    """Say whether the Gram matrix of columns costs less than sweeps over their rows."""
    if problem.singletons is not None or columns.size == 0 or not problem.fits_single:
        return False
    room = problem.n_rows * (problem.indptr.size - 1)
    return problem.indices.size >= LEAST_DENSITY * room and BLAS * columns.size <= SWEEPS * DENSE_PASS


@lru_cache(SHAPES)
def _triangle(size: int) -> tuple[Any, ...]:
    """Return where a lower triangle has its entries, and the columns of its transpose, which end at the diagonal."""
    below, ends = np.tril_indices(size), np.arange(size + 1, dtype=np.int64)
    return below, below[1].astype(np.int32), ends * (ends + 1) // 2, np.arange(size, dtype=np.int32)


def descend_on_gram(descent: Any, columns: Ids, w: Vector, tol: float) -> tuple[float, bool]:
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
    solved : bool
        False where sweeps did not meet the tolerance, or rounding left too little of a column to begin with.
    """
    problem, quadratic, gap, size = descent.problem, descent.quadratic, descent.gap, columns.size
    start = w.copy()
    model = weighted_model(problem, columns, quadratic.weight, quadratic.weight_sum, descent.state.neg_gradient)
    diagonal, least = np.einsum("ii->i", model.gram).copy(), ROUGH * model.square
    if not (diagonal > least).all():
        return 0.0, False
    factor = Cholesky(model.gram, np.zeros(size))
    if not (factor.diagonal**2 > least).all():
        return 0.0, False
    below, rows, ends, every = _triangle(size)
    epochs, worst, _ = cd.descend(
        factor.triangle(below), rows, ends, every, w,
        factor.half_solve(model.gradient), UNIT_WEIGHT, 0.0, diagonal, np.zeros(size),
        *[values[columns] for values in problem.penalties], descent.penalty, tol,
        min(max(descent.options.max_iter - gap.n_iter, 1), MAX_SWEEPS),
    )
    gap.n_iter += epochs
    return model.shift - float(model.mean @ (w - start)), worst <= tol
