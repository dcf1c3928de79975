"""Ridge by QR and SVD, where the columns or the rows are few, to the digits that the data have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sparsereg.solvers.base import Ids, Vector
from sparsereg.solvers.problem import Problem

# The lesser of columns and rows, and multiplications of the factorisation, a second or two, up to which it is worth it.
MAX_DENSE, MAX_WORK = 300, 2e9
# Numbers of a block of rows or columns that are made dense at a time.
BLOCK = 2**20
# A diagonal entry of the triangular factor, of columns of norm one, below which columns may be collinear.
COLLINEAR = 1e-5
# What rounding leaves of an entry of a unit vector.
ROUNDING = 1e-13
# Steps of refinement from singular values, and the share of the solution that the last may take at most.
MAX_STEPS, CONVERGED = 4, 1e-13


@dataclass(frozen=True)
class Direct:
    """The solution at one alpha.

    Attributes
    ----------
    columns : ndarray of int32 of shape (n_columns,)
        All of them, singletons too.
    w : ndarray of float64 of shape (n_columns,)
        Their coefficients.
    inverse : ndarray of float64 of shape (n_columns, rank) or None
        `inverse @ inverse.T` is the inverse of the second derivatives of F; None: not known.
    """

    columns: Ids
    w: Vector
    inverse: Vector | None = None

    def gain(self, columns: Ids, gradient: Vector) -> float:
        """Return what Newton's step from a point near the solution would gain: all that there is, F being quadratic.

        Parameters
        ----------
        columns : ndarray of int32
            Ascending; the gradient along others is 0.
        gradient : ndarray of float64
        """
        if self.inverse is None:
            return np.inf
        return 0.5 * float(np.sum((gradient @ self.inverse[np.searchsorted(self.columns, columns)]) ** 2))


def factorize(problem: Problem) -> FewColumns | FewRows | None:
    """Factorise the columns of a problem, for all alphas.

    Parameters
    ----------
    problem : Problem
        Of squared loss.

    Returns
    -------
    factors : FewColumns, FewRows or None
        With a method `solve`, from alpha to `Direct`; None where this is too much work. Of all
        coefficients that minimise F, and at alpha = 0 there may be many, those with the least
        `sum_j p_j (scale_j w_j)^2`: the limit as alpha goes to 0. Columns without penalty for which that leaves a
        choice get the least `sum_j (sd_j w_j)^2`.
    """
    columns = problem.usable
    n, p = problem.n_rows, columns.size
    if p == 0 or min(n, p) > MAX_DENSE or float(n) * p * min(n, p) > MAX_WORK:
        return None
    if p <= MAX_DENSE:
        return FewColumns(problem, columns)
    return FewRows(problem, columns) if problem.penalty_factor[columns].min() > 0.0 else None


class FewColumns:
    """The triangular factor of the columns, weighted, centred and of norm one, and the target turned with them.

    Attributes
    ----------
    columns : ndarray of int32 of shape (n_columns,)
    size : ndarray of float64 of shape (n_columns,)
        Their norms.
    penalty_root : ndarray of float64 of shape (n_columns,)
        Root of the penalty of a coefficient over the norm of its column.
    factor : ndarray of float64 of shape (n_turned, n_columns)
    target : ndarray of float64 of shape (n_turned,)

    Notes
    -----
    Rows are taken in block by block (TSQR: Demmel, Grigori, Hoemmen, Langou 2012).
    """

    def __init__(self, problem: Problem, columns: Ids):
        size = np.sqrt(problem.curvature[columns])
        turned = np.empty((0, columns.size + 1))
        for block, y in _row_blocks(problem, columns):
            turned = np.vstack([turned, np.column_stack([block / size, y])])
            if len(turned) > columns.size + 1:
                turned = np.linalg.qr(turned, mode="r")
        self.columns, self.size = columns, size
        self.penalty_root = np.sqrt(problem.penalty_factor[columns]) * problem.scale[columns] / size
        factor, target = turned[:, :-1], turned[:, -1]
        left, values, right = np.linalg.svd(factor, full_matrices=False)
        seen = values > 10.0 * np.finfo(float).eps * columns.size * values[0]
        if not seen.all():
            # What rounding leaves along directions that no row sees must not pull on them, however small alpha is.
            factor, target = (values[:, None] * right)[seen], left[:, seen].T @ target
        self.factor, self.target = factor, target

    @cached_property
    def _singular(self) -> tuple[Vector, Vector] | None:
        """Singular values of the columns in units of their penalty, and what turns coefficients to them."""
        n = self.penalty_root.size
        if len(self.factor) < n or self.penalty_root.min() <= 0.0:
            return None
        _, values, right = np.linalg.svd(self.factor / self.penalty_root, full_matrices=False)
        return values, right.T / self.penalty_root[:, None]

    def solve(self, alpha: float) -> Direct:
        """Solve at one alpha: from the singular values where these have the digits, else with factors of its own."""
        found = self._refined(alpha)
        return self._solve_augmented(alpha) if found is None else found

    def _refined(self, alpha: float) -> Direct | None:
        """Take Newton's steps with the inverse that singular values give, which costs columns^2 a step."""
        if self._singular is None or alpha <= 0.0:
            return None
        values, turn = self._singular
        inverse, x = turn / np.sqrt(values**2 + alpha), np.zeros(self.penalty_root.size)
        for _ in range(MAX_STEPS):
            gradient = (self.target - self.factor @ x) @ self.factor - alpha * self.penalty_root**2 * x
            step = (gradient @ inverse) @ inverse.T
            x += step
            if np.abs(step).max() <= CONVERGED * np.abs(x).max():
                return Direct(self.columns, x / self.size, inverse / self.size[:, None])
        return None

    def _solve_augmented(self, alpha: float) -> Direct:
        # Of norm one again, so that neither the scale of a column nor alpha costs digits.
        length = np.sqrt(1.0 + alpha * self.penalty_root**2)
        matrix = np.vstack([self.factor, np.diag(np.sqrt(alpha) * self.penalty_root)]) / length
        target = np.concatenate([self.target, np.zeros(self.penalty_root.size)])
        found, inverse = _shortest(matrix, target, self.penalty_root / length)
        length *= self.size
        return Direct(self.columns, found / length, inverse / length[:, None])


def _shortest(matrix: Vector, target: Vector, penalty_root: Vector) -> tuple[Vector, Vector]:
    """Minimise |matrix x - target|; of several solutions take that with the least |penalty_root x|.

    Returns
    -------
    x : ndarray of float64 of shape (n_columns,)
    inverse : ndarray of float64 of shape (n_columns, rank)
        Times its transpose the pseudo-inverse of `matrix.T @ matrix`.
    """
    turned = np.linalg.qr(np.column_stack([matrix, target]), mode="r")
    n = penalty_root.size
    if len(turned) >= n and np.abs(np.diag(turned)[:n]).min() > COLLINEAR:
        # Imported late: it takes long, and most fits do without.
        from scipy.linalg import solve_triangular

        inverse = np.asarray(solve_triangular(turned[:n, :n], np.eye(n)))
        return np.asarray(solve_triangular(turned[:n, :n], turned[:n, n])), inverse
    left, values, right = np.linalg.svd(turned[:, :n])
    rank = int(np.count_nonzero(values > np.finfo(float).eps * max(turned.shape) * values[0]))
    found = right[:rank].T @ (left[:, :rank].T @ turned[:, n] / values[:rank])
    # Along the directions that no row sees; what is rounding in them may be of columns that pay the most.
    free = np.where(np.abs(right[rank:].T) > ROUNDING, right[rank:].T, 0.0)
    penalized = penalty_root[:, None] * free
    length = np.linalg.norm(penalized, axis=0)
    length[length == 0.0] = 1.0
    found = found - free @ (np.linalg.lstsq(penalized / length, penalty_root * found, rcond=None)[0] / length)
    return found, right[:rank].T / values[:rank]


class FewRows:
    """The singular values of the columns, weighted, centred and in units of their penalty, and the target turned.

    Attributes
    ----------
    problem : Problem
    columns : ndarray of int32 of shape (n_columns,)
    left : ndarray of float64 of shape (n_rows, rank)
    values, target : ndarray of float64 of shape (rank,)
    """

    def __init__(self, problem: Problem, columns: Ids):
        n, turned = problem.n_rows, np.empty((0, problem.n_rows))
        root = np.sqrt(problem.response.weight)
        for some in np.array_split(columns, max(1, columns.size * n // BLOCK)):
            block = (problem.submatrix(some).T.toarray() - _means(problem, some)[:, None]) * root
            block /= (np.sqrt(problem.penalty_factor[some]) * problem.scale[some])[:, None]
            turned = np.linalg.qr(np.vstack([turned, block]), mode="r")
        left, values, _ = np.linalg.svd(turned.T, full_matrices=False)
        rank = int(np.count_nonzero(values > np.finfo(float).eps * columns.size * values[0]))
        self.problem, self.columns, self.left, self.values = problem, columns, left[:, :rank], values[:rank]
        self.target = self.left.T @ (root * problem.response.y)

    def solve(self, alpha: float) -> Direct:
        """Solve at one alpha."""
        problem, columns = self.problem, self.columns
        dual = self.left @ (self.target / (self.values**2 + alpha))
        z = np.sqrt(problem.response.weight) * dual
        gradient = problem.correlations(columns, z) - _means(problem, columns) * z.sum()
        return Direct(columns, gradient / (problem.penalty_factor[columns] * problem.scale[columns] ** 2))


def _means(problem: Problem, columns: Ids) -> Vector:
    """Means of columns, 0 where there is no intercept to make up for them."""
    return problem.column_sum[columns] / problem.weight_sum if problem.fit_intercept else np.zeros(columns.size)


def _row_blocks(problem: Problem, columns: Ids) -> Iterator[tuple[Vector, Vector]]:
    """Yield few columns made dense, about their means, and the target, some rows at a time, times roots of weights."""
    n, mean = problem.n_rows, _means(problem, columns)
    max_rows = max(BLOCK // columns.size, 2 * columns.size)
    root = np.sqrt(np.broadcast_to(problem.response.weight, (n,)))
    parts = [slice(problem.indptr[j], problem.indptr[j + 1]) for j in columns]
    for start in range(0, n, max_rows):
        rows = slice(start, min(start + max_rows, n))
        block = np.zeros((columns.size, rows.stop - start))
        for out, part in zip(block, parts):
            rows_of = problem.indices[part]
            first, last = np.searchsorted(rows_of, (start, rows.stop))
            out[rows_of[first:last] - start] = problem.data[part][first:last] if problem.data.size else 1.0
        yield ((block - mean[:, None]) * root[rows]).T, root[rows] * problem.response.y[rows]
