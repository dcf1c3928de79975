"""Weighted Gram matrices of few columns, made dense, and the factors that stay positive definite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparsereg.solvers.base import Ids, Vector
from sparsereg.solvers.problem import Problem

# The lesser of columns and rows up to which a matrix of them is made: one of so many takes 32 MiB.
MAX_SIZE = 2000
# Nanoseconds of a multiplication by BLAS, and for a non-zero of all passes that a fit takes otherwise (measured, one
# core of a Xeon of 2023); a matrix that takes no more than SMALL nanoseconds is always worth it.
BLAS, PASSES, SMALL = 0.025, 200.0, 2e6
# Numbers that sparse columns may have when they are made dense: 32 MiB, or so many times their non-zeros.
MAX_BLOCK, MAX_FILL = 2**22, 4
# Numbers of the rows that are weighed at a time: 2 MiB, which a cache holds.
PART = 2**18
# Multiplications of one call of BLAS, about half a second: a Ctrl-C waits for no more.
CALL = 2e10
# Share of the diagonal that is added where rounding leaves a matrix indefinite, and by what it grows from try to try.
REGULAR, GROWTH = 1e-13, 100.0


def pays(problem: Problem) -> bool:
    """Say whether a problem with L2 alone is worth a Gram matrix of its columns or rows, whichever are fewer.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    pays : bool
        They are no more than 2,000, no column is eliminated or without penalty, and made dense the columns take little
        memory, or about what they take now.
    """
    columns, n = problem.columns, problem.n_rows
    few = min(n, columns.size)
    if problem.singletons is not None or not 0 < few <= MAX_SIZE or problem.has_unpenalized:
        return False
    n_entries, room = int((problem.indptr[columns + 1] - problem.indptr[columns]).sum()), float(n) * columns.size
    return room <= max(MAX_BLOCK, MAX_FILL * n_entries) and BLAS * room * few <= max(PASSES * n_entries, SMALL)


def method_of(
    problem: Problem, of_columns: Callable[[Problem], Any], of_rows: Callable[[Problem], Any]
) -> Any:
    """Make what solves a problem with L2 alone, at one alpha after another.

    Parameters
    ----------
    problem : Problem
        Without bounds.
    of_columns, of_rows : callable
        Take the problem, where its columns are few, or its rows are fewer.

    Returns
    -------
    method : what these return, or None
        None where `pays` says no.
    """
    if not pays(problem):
        return None
    return (of_columns if problem.columns.size <= problem.n_rows else of_rows)(problem)


def dense_block(problem: Problem, columns: Ids) -> Vector:
    """Return columns of a problem as the rows of a dense array; a view where they are that already.

    Parameters
    ----------
    problem : Problem
    columns : ndarray of int32 of shape (n_columns,)
        Ascending.

    Returns
    -------
    block : ndarray of float64 of shape (n_columns, n_rows)
        Not to be written to.
    """
    if problem.is_dense:
        whole = problem.data.reshape(-1, problem.n_rows)
        return np.asarray(whole if columns.size == len(whole) else whole[columns], dtype=np.float64)
    return np.asarray(problem.submatrix(columns).T.toarray(order="C"))


def own_products(block: Vector) -> Vector:
    """Multiply a matrix with its own transpose, some of its columns at a time.

    Parameters
    ----------
    block : ndarray of float64 of shape (n, n_terms)

    Returns
    -------
    products : ndarray of float64 of shape (n, n)
    """
    step = at_once(len(block))
    # NumPy knows a product with its own transpose.
    products = block[:, :step] @ block[:, :step].T
    for start in range(step, block.shape[1], step):
        part = block[:, start : start + step]
        products += part @ part.T
    return products


def at_once(n: int) -> int:
    """Return how many terms of the products of n rows one call of BLAS may sum up."""
    return max(int(CALL / max(n, 1) ** 2), 1)


def weighted_gram(block: Vector, weight: Vector, centre: bool) -> Vector:
    """Compute `X' W X` of columns, about their weighted means where these are taken off.

    Parameters
    ----------
    block : ndarray of float64 of shape (n_columns, n_rows)
    weight : ndarray of float64 of shape (n_rows,) or (1,)
        0 or more.
    centre : bool

    Returns
    -------
    gram : ndarray of float64 of shape (n_columns, n_columns)
        Cost: n_rows n_columns^2 / 2 multiplications, by BLAS.
    """
    n = block.shape[1]
    if weight.min() == weight.max():
        gram, total, share = own_products(block), block.sum(axis=1) if centre else None, float(weight[0])
        gram *= share
        return gram if total is None else gram - np.outer(total, total * (share / n))
    gram, moments = _weighted(block, np.sqrt(weight))
    if centre:
        gram -= np.outer(moments, moments / max(float(weight.sum()), np.finfo(float).tiny))
    return gram


class Model(NamedTuple):
    """A quadratic model of the loss in few coefficients, the intercept eliminated.

    Attributes
    ----------
    gram : ndarray of float64 of shape (n_columns, n_columns)
        Second derivatives.
    square : ndarray of float64 of shape (n_columns,)
        Their diagonal before the intercept was eliminated: what their rounding is relative to.
    gradient : ndarray of float64 of shape (n_columns,)
        Minus the first.
    mean : ndarray of float64 of shape (n_columns,)
        By how much the intercept falls for each.
    shift : float
        Newton's step of the intercept alone.
    """

    gram: Vector
    square: Vector
    gradient: Vector
    mean: Vector
    shift: float


def weighted_model(problem: Problem, columns: Ids, weight: Vector, weight_sum: float, z: Vector) -> Model:
    """Take the quadratic model of some columns, given weights and minus the derivatives of the rows.

    Parameters
    ----------
    problem : Problem
    columns : ndarray of int32 of shape (n_columns,)
    weight, z : ndarray of float64 of shape (n_rows,)
    weight_sum : float
        0 for a model without intercept.

    Returns
    -------
    model : Model
        The second derivatives in single precision, which takes half the time: a step is as good, and the first tell
        how good it was; not finite where that overflows. Cost: n_rows n_columns^2 / 2 multiplications, by BLAS.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        gradient, block = problem.correlations(columns, z), problem.single_block
        if columns.size < len(block):
            block = block[columns]
        gram, moments = _weighted(block, np.sqrt(weight, dtype=np.float32))
        square = np.einsum("ii->i", gram).copy()
        if weight_sum <= 0.0:
            return Model(gram, square, gradient, np.zeros(columns.size), 0.0)
        mean, shift = moments / weight_sum, float(z.sum()) / weight_sum
        return Model(gram - np.outer(moments, mean), square, gradient - moments * shift, mean, shift)


def _weighted(block: npt.NDArray[np.floating], root: npt.NDArray[np.floating]) -> tuple[Vector, Vector]:
    """Sum the products of columns, and columns, under the squares of the roots, some rows at a time."""
    p, n = block.shape
    gram, moments, n_part = np.zeros((p, p)), np.zeros(p), max(PART // p, 1)
    for start in range(0, n, n_part):
        rows = slice(start, min(start + n_part, n))
        part = block[:, rows] * root[rows]
        gram += part @ part.T
        moments += part @ root[rows]
    return gram, moments


def row_gram(block: Vector, unit: Vector, weight: Vector, centre: bool) -> Vector:
    """Compute `X U^-1 X'`, the columns about their weighted means where these are taken off.

    Parameters
    ----------
    block : ndarray of float64 of shape (n_columns, n_rows)
    unit : ndarray of float64 of shape (n_columns,)
        The diagonal of U, above 0.
    weight : ndarray of float64 of shape (n_rows,) or (1,)
    centre : bool

    Returns
    -------
    gram : ndarray of float64 of shape (n_rows, n_rows)
        Cost: n_columns n_rows^2 / 2 multiplications, by BLAS.
    """
    n = block.shape[1]
    if unit.min() == unit.max():
        gram = own_products(block.T) / unit[0]
    else:
        gram, n_part, root = np.zeros((n, n)), max(PART // n, 1), np.sqrt(unit)[:, None]
        for start in range(0, len(block), n_part):
            part = block[start : start + n_part] / root[start : start + n_part]
            gram += part.T @ part
    if centre:
        share = np.broadcast_to(weight, (n,)) / np.broadcast_to(weight, (n,)).sum()
        mean = gram @ share
        gram -= mean[:, None] + (mean - float(share @ mean))
    return gram


class Cholesky:
    """The factor of a matrix plus a diagonal, with the diagonal raised where rounding makes it indefinite.

    Parameters
    ----------
    matrix : ndarray of float64 of shape (n, n)
        Symmetric, positive semi-definite but for rounding.
    diagonal : ndarray of float64 of shape (n,)
        0 or more.

    Attributes
    ----------
    raised : float
        Share of the diagonal that was added.
    """

    def __init__(self, matrix: Vector, diagonal: Vector):
        # Imported late: it takes longer than all other imports together, and most fits do without.
        from scipy.linalg import lapack

        self._lapack, self.raised = lapack, 0.0
        while True:
            lifted = matrix.copy()
            on = np.einsum("ii->i", lifted)
            on += diagonal
            # Rounding may leave less than nothing of a square.
            size = np.abs(on)
            on += self.raised * np.where(size > 0.0, size, max(float(size.max()), np.finfo(float).tiny))
            # Symmetric: the transpose is the same matrix, in the order of LAPACK.
            self._factor, failed = lapack.dpotrf(lifted.T, lower=1, clean=0, overwrite_a=1)
            if not failed:
                break
            self.raised = max(REGULAR, self.raised * GROWTH)

    def solve(self, v: Vector) -> Vector:
        """Return the inverse of the matrix times a vector."""
        return np.asarray(self._lapack.dpotrs(self._factor, v, lower=1)[0])

    def half_solve(self, v: Vector, transposed: bool = False) -> Vector:
        """Return the inverse of the factor, or of its transpose, times a vector."""
        return np.asarray(self._lapack.dtrtrs(self._factor, v, lower=1, trans=int(transposed))[0])

    @property
    def diagonal(self) -> Vector:
        """The diagonal of the factor."""
        return np.diag(self._factor)

    def triangle(self, below: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]) -> Vector:
        """Return entries of the factor on and below its diagonal."""
        return np.asarray(self._factor[below])

    @property
    def factor(self) -> Vector:
        """The factor, lower triangular."""
        return np.tril(self._factor)
