"""Centering of columns far from zero: beside an intercept a constant in a column says nothing and costs digits.

Means are taken off columns without touching them, because a sparse column must stay sparse. A correlation about an
implied mean loses (mean / sd)^2 of the precision. With a share f of zeros mean / sd is at most sqrt((1 - f) / f), so
that only a column with an entry in nearly every row can be far from zero and narrow; and such a column has nothing
sparse to lose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sparsereg._core import columns as column_passes
from sparsereg.solvers.base import Ids, Matrix, Vector, inner, spelled_out

# Square of mean / sd above which a full column is moved: below it correlations keep twelve digits as they are.
FAR = 1e4
# The same for steps along single rows, which take so many times longer along such a column than along the intercept.
FAR_FOR_STEPS = 1.0
# The same for a column with zeros, which then get entries: in rows of like weight it takes 1e8 of them to be so far,
# and columns that are 1 in all but a few rows are left as sparse as they are.
FAR_WITH_ZEROS = 1e8


@dataclass(frozen=True)
class Centering:
    """Constants that were taken off columns; the intercept on the user's scale makes up for them.

    Attributes
    ----------
    columns : ndarray of int32 of shape (n_moved,)
        Ascending.
    constants : ndarray of float64 of shape (n_moved,)
    """

    columns: Ids
    constants: Vector

    def lost(self, w: Vector) -> float:
        """Return what coefficients gave to every linear predictor before the constants were taken off."""
        return inner(self.constants, w[self.columns]) if self.columns.size else 0.0

    def min_elsewhere(self, data: npt.NDArray, indptr: npt.NDArray[np.int64]) -> float:
        """Return the smallest value of the columns that were not moved, or 0."""
        if data.size == 0:
            return 0.0
        starts, ends = np.r_[0, indptr[self.columns + 1]], np.r_[indptr[self.columns], data.size]
        return min(float(data[start:end].min(initial=0.0)) for start, end in zip(starts, ends))


NOWHERE = Centering(np.empty(0, dtype=np.int32), np.empty(0))


@dataclass(frozen=True)
class Moments:
    """What columns sum up to under weights of the rows.

    Attributes
    ----------
    weight : ndarray of float64 of shape (n_rows,) or (1,)
        Of the rows, or their one value.
    weight_sum : float
    column_sum, centered : ndarray of float64 of shape (n_active,)
        `sum_i s_i x_ij` and `sum_i s_i (x_ij - mean_j)^2`.
    """

    weight: Vector
    weight_sum: float
    column_sum: Vector
    centered: Vector


def take_moments(matrix: Matrix, n_rows: int, weight: Vector, weight_sum: float) -> Moments:
    """Take sum and centred square of every column.

    Parameters
    ----------
    matrix : tuple
        `data, indices, indptr` of compact columns (CSC).
    n_rows : int
    weight : ndarray of float64 of shape (n_rows,) or (1,)
    weight_sum : float
        Sum of the weights of all rows.

    Returns
    -------
    moments : Moments
    """
    n_active = matrix[2].size - 1
    column_sum, centered = np.empty(n_active), np.empty(n_active)
    every = np.arange(n_active, dtype=np.int32)
    column_passes.moments(*matrix, every, weight, weight_sum, n_rows, column_sum, centered)
    return Moments(weight, weight_sum, column_sum, centered)


def bring_near(
    matrix: Matrix, n_rows: int, moments: Moments, varies: npt.NDArray[np.bool_], far_from: float = FAR
) -> tuple[Matrix, Centering]:
    """Take a constant near its mean off every column that is far from zero.

    Parameters
    ----------
    matrix : tuple
        `data, indices, indptr` of compact columns (CSC); never changed.
    n_rows : int
    moments : Moments
        Of the columns; those of columns that move are taken anew, in place.
    varies : ndarray of bool of shape (n_active,)
        Columns that are worth it.
    far_from : float, default=1e4
        Square of mean / sd above which a full column is far from zero.

    Returns
    -------
    matrix : tuple
        The same arrays where nothing moves. Else a copy of the values, and of the rows where a column gets entries in
        place of zeros. Differences are exact, or correctly rounded float64.
    centering : Centering
    """
    weight, indptr = moments.weight, matrix[2]
    with np.errstate(over="ignore"):
        square, spread = moments.column_sum**2, moments.weight_sum * moments.centered
        (far,) = (varies & (square > far_from * spread)).nonzero()
        if far.size == 0:
            return matrix, NOWHERE
        far, has_weight = far.astype(np.int32), np.broadcast_to(weight > 0.0, (n_rows,))
        # With zeros in more than half of the rows a column is never moved: beside a heavy row there may be many such.
        far = far[2 * np.diff(indptr)[far] >= np.count_nonzero(has_weight)]
        very_far = square[far] > FAR_WITH_ZEROS * spread[far]
    if far.size == 0:
        return matrix, NOWHERE
    missing = [_zeros(matrix[1][indptr[j] : indptr[j + 1]], has_weight) for j in far]
    n_missing = np.array([rows.size for rows in missing])
    # A column is filled where that at most doubles it.
    moves = (n_missing == 0) | (very_far & (n_missing <= np.diff(indptr)[far]))
    columns = far[moves]
    if columns.size == 0:
        return matrix, NOWHERE
    data, indices, indptr = _fill(spelled_out(matrix), columns, [missing[k] for k in np.flatnonzero(moves)])
    data, constants = _subtract(data, indptr, columns, moments.column_sum[columns] / moments.weight_sum)
    column_sum, centered = np.empty(columns.size), np.empty(columns.size)
    column_passes.moments(data, indices, indptr, columns, weight, moments.weight_sum, n_rows, column_sum, centered)
    moments.column_sum[columns], moments.centered[columns] = column_sum, centered
    return (data, indices, indptr), Centering(columns, constants)


def _zeros(rows: Ids, has_weight: npt.NDArray[np.bool_]) -> Ids:
    """Find the rows of positive weight in which a column has no entry."""
    if np.count_nonzero(has_weight[rows]) == np.count_nonzero(has_weight):
        return rows[:0]
    zero = has_weight.copy()
    zero[rows] = False
    return np.flatnonzero(zero).astype(np.int32)


def _fill(matrix: Matrix, columns: Ids, rows: list[Ids]) -> Matrix:
    """Give columns entries of 0 in the rows listed for each, which are new to it and ascending."""
    data, indices, indptr = matrix
    added = np.array([new.size for new in rows])
    if not added.any():
        return matrix
    places = [indptr[j] + np.searchsorted(indices[indptr[j] : indptr[j + 1]], new) for j, new in zip(columns, rows)]
    before = np.zeros(indptr.size, dtype=np.int64)
    before[columns + 1] = added
    where = np.concatenate(places)
    return np.insert(data, where, 0.0), np.insert(indices, where, np.concatenate(rows)), indptr + np.cumsum(before)


def _subtract(
    data: npt.NDArray, indptr: npt.NDArray[np.int64], columns: Ids, means: Vector
) -> tuple[npt.NDArray, Vector]:
    """Take each mean, rounded to the type of the values, off its column; keep float64 where float32 would round."""
    constants = means.astype(data.dtype).astype(np.float64)
    data = data.copy()
    for j, constant in zip(columns, constants):
        entries = slice(indptr[j], indptr[j + 1])
        near = data[entries].astype(np.float64) - constant
        if np.any(near.astype(data.dtype) != near):
            data = data.astype(np.float64)
        data[entries] = near
    return data, constants


def blurred(matrix: Matrix, weight: Vector, columns: Ids) -> Ids:
    """Find the columns, of those that count as constant, whose entries in rows of positive weight are not all equal.

    Parameters
    ----------
    matrix : tuple
        `data, indices, indptr` of compact columns (CSC).
    weight : ndarray of float64 of shape (n_rows,) or (1,)
    columns : ndarray of int of shape (n_columns,)

    Returns
    -------
    columns : ndarray of int32 of shape (n_blurred,)
    """
    data, indices, indptr = matrix
    if data.size == 0:
        return np.empty(0, dtype=np.int32)
    found = []
    for j in columns:
        values, rows = data[indptr[j] : indptr[j + 1]], indices[indptr[j] : indptr[j + 1]]
        if weight.size > 1:
            values = values[weight[rows] > 0.0]
        if values.min() < values.max():
            found.append(j)
    return np.array(found, dtype=np.int32)
