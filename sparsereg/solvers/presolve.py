"""Presolve: unusable and parallel columns out, those far from zero brought near, singletons eliminated.

Everything that is decided about the columns once, before any alpha: what is left is a `Problem`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import Squared
from sparsereg.design import Design
from sparsereg.solvers.base import Ids, Matrix, Vector, repeated
from sparsereg.solvers.centering import FAR, NOWHERE, Moments, blurred, bring_near, take_moments
from sparsereg.solvers.column_penalties import ColumnPenalties
from sparsereg.solvers.parallel_columns import any_may_be_parallel, find_copies, find_parallel
from sparsereg.solvers.problem import Problem, SingletonColumns
from sparsereg.solvers.response import make_response

if TYPE_CHECKING:
    from sparsereg._core.losses import _Loss

# A column whose centred square falls below this share of its square is constant to ten digits; what is left of it
# cannot be told from rounding once it is correlated with a residual.
CONSTANT = 1e-20
# The range of float64 without its subnormal numbers.
TINY, LARGEST = np.finfo(float).tiny, np.finfo(float).max
# Singleton columns are eliminated where they hold at least this share of the non-zeros: below it what they save is less
# than the extra passes over the rows cost (a word that occurs once is one too).
MIN_SINGLETON_SHARE = 0.1


def make_problem(
    design: Design, y: Vector, sample_weight: Vector | None, penalties: ColumnPenalties, *, fit_intercept: bool,
    loss: _Loss | None = None, offset: Vector | None = None, l1_ratio: float = 1.0, eliminate: bool = True,
    far: float = FAR,
) -> Problem:
    """Bring target, weights and penalties to the rows and columns of a design.

    Parameters
    ----------
    design : Design
    y : ndarray of float64 of shape (n_samples,)
    sample_weight : ndarray of float64 of shape (n_samples,) or None
        May hold zeros, as those of a fold do.
    penalties : ColumnPenalties
    fit_intercept : bool
    loss : registered loss or None, default=None
        None is squared loss.
    offset : ndarray of float64 of shape (n_samples,) or None, default=None
    l1_ratio : float, default=1.0
        Without L2 share, of columns that are copies of each other only one is used (see Notes).
    eliminate : bool, default=True
        Whether singleton columns may be eliminated. At alpha = 0 nothing penalises them: then they may not.
    far : float, default=1e4
        As in `bring_near`.

    Returns
    -------
    problem : Problem

    Notes
    -----
    With L1 alone the weight of a set of identical columns (a coarse cell with one occupied fine cell) may be split in
    any way. All of it goes to the one with the smallest penalty factor, of equals to the one with the smallest id, so
    that results do not depend on the starting point, and coarse levels, which come first, speak for unseen cells. So it
    is with columns that are the same up to a factor and, beside an intercept, a constant (both levels of a factor).
    With a concave penalty a split costs more than that, never less; an L2 share may favour one.
    """
    loss = Squared() if loss is None else loss
    response = make_response(design, loss, y, sample_weight, offset, fit_intercept)
    weight, matrix = response.weight, (design.data, design.indices, design.indptr)
    moments = take_moments(matrix, design.n_rows, weight, float(response.s.sum()))
    square = _squares(design, moments)
    varies = moments.centered > CONSTANT * square
    # Columns whose rows all weigh nothing have no square.
    usable = (penalties.penalty_factor < np.inf) & (square > 0.0) & (penalties.lower < penalties.upper)
    blurred_columns, centering = np.empty(0, dtype=np.int32), NOWHERE
    if fit_intercept:
        blurred_columns = blurred(matrix, weight, (usable & ~varies).nonzero()[0])
        usable &= varies
        matrix, centering = bring_near(matrix, design.n_rows, moments, usable, far)
    elif penalties.standardize and not varies.all():
        # Nothing but the intercept makes up for a constant; its penalty is 0, as its standard deviation is.
        penalties = replace(penalties, penalty_factor=np.where(varies | ~usable, penalties.penalty_factor, 0.0))
    curvature = moments.centered if fit_intercept else square
    scale = repeated(1.0, design.n_active)
    if penalties.standardize:
        scale = np.where(varies, _deviations(design, matrix, y, sample_weight, moments, loss, offset), 1.0)
    if l1_ratio == 1.0:
        _drop_parallel(design, matrix, moments, curvature, penalties, scale, usable, fit_intercept)
    singletons = _find_singletons(matrix, design.n_rows, penalties, scale, usable) if eliminate else None
    if singletons is not None:
        usable[singletons.columns] = False
    return Problem(
        *matrix, centering=centering, blurred=blurred_columns, loss=loss, response=response,
        fit_intercept=fit_intercept, penalty_factor=penalties.penalty_factor, scale=scale, lower=penalties.lower,
        upper=penalties.upper, column_sum=moments.column_sum, curvature=curvature,
        columns=usable.nonzero()[0].astype(np.int32), singletons=singletons,
    )


def _drop_parallel(
    design: Design, matrix: Matrix, moments: Moments, curvature: Vector, penalties: ColumnPenalties, scale: Vector,
    usable: npt.NDArray[np.bool_], fit_intercept: bool,
) -> None:
    """Take columns that another one can stand for out of the usable ones, in place."""
    factor, bounds = penalties.penalty_factor, (penalties.lower, penalties.upper)
    cost = factor * scale
    # Where all columns are compared with each other copies are among those that are parallel.
    if not any_may_be_parallel(matrix, cost[usable]):
        usable &= ~find_copies(design, moments.weight, factor, bounds, usable)
    usable[find_parallel(
        matrix, design.n_rows, moments, curvature, cost, factor, bounds, usable, fit_intercept=fit_intercept
    )] = False


def _deviations(
    design: Design, matrix: Matrix, y: Vector, sample_weight: Vector | None, moments: Moments, loss: _Loss,
    offset: Vector | None,
) -> Vector:
    """Standard deviations of the columns under the caller's weights, without the exposure of a log link."""
    if offset is None or not loss.log_link:
        return np.sqrt(moments.centered)
    weight = design.aggregate(y, sample_weight).weight
    total = float(weight.sum())
    return np.sqrt(take_moments(matrix, design.n_rows, weight, total).centered / total)


def _squares(design: Design, moments: Moments) -> Vector:
    """Return each column's mean square; refuse those that leave the range of float64."""
    weight = moments.weight
    with np.errstate(over="ignore"):
        square = moments.centered + moments.column_sum**2 / moments.weight_sum
    bad = ~((square >= TINY) & (square <= LARGEST))
    if not bad.any():
        return square
    if weight.min() == 0.0:
        has_entry = (weight > 0.0)[design.indices] & (design.data != 0.0)
        bad &= np.logical_or.reduceat(has_entry, design.indptr[:-1])
    if bad.any():
        j = int(np.argmax(bad))
        values = np.abs(design.data[design.indptr[j] : design.indptr[j + 1]])
        raise ValueError(
            f"X: the squares of column {design.active[j]} (largest absolute value {values.max():g}) leave the range of "
            "float64; rescale it to between 1e-150 and 1e150"
        )
    return square


def _find_singletons(
    matrix: Matrix, n_rows: int, penalties: ColumnPenalties, scale: Vector, usable: npt.NDArray[np.bool_]
) -> SingletonColumns | None:
    """Choose the columns to eliminate: of each row's columns with one row, the one that is cheapest to use."""
    data, indices, indptr = matrix
    if indptr.size - 1 <= MIN_SINGLETON_SHARE * indices.size:
        return None
    single = np.flatnonzero((np.diff(indptr) == 1) & usable & (penalties.penalty_factor > 0.0)).astype(np.int32)
    unpenalized = usable & (penalties.penalty_factor == 0.0)
    if single.size <= MIN_SINGLETON_SHARE * indices.size or unpenalized.any():
        return None
    position = indptr[single]
    rows, x = indices[position], data[position].astype(np.float64)
    # Penalty paid for a unit of fit; with L1 the dearer of two columns on the same row is zero at the optimum.
    cost = penalties.penalty_factor[single] * scale[single] / np.abs(x)
    # Assignment in falling order of cost leaves the cheapest, of equals the first.
    order = np.arange(single.size)[::-1]
    if cost.min() < cost.max():
        order = order[np.argsort(-cost[order], kind="stable")]
    of_row = np.full(n_rows, -1, dtype=np.int32)
    of_row[rows[order]] = order
    rows = np.flatnonzero(of_row >= 0).astype(np.int32)
    chosen = of_row[rows]
    columns = single[chosen]
    if columns.size < MIN_SINGLETON_SHARE * indices.size:
        return None
    by_row_x = np.zeros(n_rows)
    by_row_x[rows] = x[chosen]
    per_column = (penalties.penalty_factor, scale, penalties.lower, penalties.upper)
    by_row = (_by_row(values, columns, rows, n_rows) for values in per_column)
    return SingletonColumns(columns, rows, by_row_x, *by_row)


def _by_row(values: Vector, columns: Ids, rows: Ids, n_rows: int) -> Vector:
    """Bring a per-column rule to rows, broadcast where it is the same for all columns."""
    if values.strides == (0,):
        return repeated(values[0], n_rows)
    out = np.ones(n_rows)
    out[rows] = values[columns]
    return out
