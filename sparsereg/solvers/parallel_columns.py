"""Duplicate and parallel columns: copies of another one, and what is parallel to it beside the intercept.

With L1 alone, or with a concave penalty, one column of such a set is enough, and rounding must not choose which.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from sparsereg._core import columns as column_passes
from sparsereg.design import Design
from sparsereg.solvers.base import Ids, Matrix, Vector, inner, take_columns
from sparsereg.solvers.centering import Moments

Bounds = tuple[Vector, Vector]

# Two columns of norm one are looked at closely where their products with random rows differ by no more than this, and
# are the same up to the sign where their difference has a norm of rounding: of a mean over all rows, or without an
# intercept of a few operations an entry. There columns far from zero are nearly parallel, and differ in what counts.
CLOSE, SAME, ALIKE = 1e-8, 1e-13, 8.0 * np.finfo(float).eps
# Times the least cost of a set, above which costs are not told apart.
MOST = 1e200
# Random rows of up to so many entries are drawn once: seeding takes longer than what a small fit does with them.
FEW_ROWS = 1 << 14


def find_copies(
    design: Design, weight: Vector, factor: Vector, bounds: Bounds, usable: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Find the usable columns whose part another one, with the same entries where rows have weight, can take alone.

    Parameters
    ----------
    design : Design
    weight : ndarray of float64 of shape (n_rows,) or (1,)
    factor : ndarray of float64 of shape (n_active,)
        Penalty factors.
    bounds : pair of ndarray of float64 of shape (n_active,)
        Lower and upper.
    usable : ndarray of bool of shape (n_active,)

    Returns
    -------
    copies : ndarray of bool of shape (n_active,)
        Those that others stand for: the cheapest, of equals the one with the smallest id.
    """
    copies = np.zeros(design.n_active, dtype=bool)
    group = design.equal_columns(None if weight.min() > 0.0 else weight > 0.0)
    (repeated,) = ((np.bincount(group) > 1)[group] & usable).nonzero()
    if repeated.size:
        order = repeated[np.lexsort((repeated, factor[repeated], group[repeated]))]
        leads = np.ones(order.size, dtype=bool)
        leads[1:] = group[order[1:]] != group[order[:-1]]
        leader = order[np.flatnonzero(leads)[np.cumsum(leads) - 1]]
        replaced = ~leads
        for bound in bounds:
            # Below a bound other than 0 and infinity two columns reach further than one.
            replaced &= (bound[order] == bound[leader]) & ((bound[leader] == 0.0) | np.isinf(bound[leader]))
        copies[order[replaced]] = True
    return copies


def any_may_be_parallel(matrix: Matrix, cost: Vector) -> bool:
    """Tell whether two columns of any sizes may be parallel, at the same cost.

    Parameters
    ----------
    matrix : tuple
        `data, indices, indptr` of the columns.
    cost : ndarray of float64 of shape (n_columns,)
        Penalty of a unit of each coefficient.

    Returns
    -------
    may_be : bool
        Not of positive values that all cost the same: of two multiples the larger is the cheaper.
    """
    # Ones have no values.
    if cost.size < 2 or matrix[0].size == 0:
        return False
    smallest = matrix[0].min()
    return bool(smallest < 0.0 or (cost.min() < cost.max() and smallest < matrix[0].max()))


def find_parallel(
    matrix: Matrix, n_rows: int, moments: Moments, curvature: Vector, cost: Vector, factor: Vector, bounds: Bounds,
    usable: npt.NDArray[np.bool_], *, fit_intercept: bool, of_any_size: bool,
) -> Ids:
    """Find the usable columns that are a multiple of another one, up to a constant where there is an intercept.

    Both levels of a factor, a column and its negative: F does not change as weight moves from one to the other.

    Parameters
    ----------
    matrix : tuple
        `data, indices, indptr` of the columns.
    n_rows : int
    moments : Moments
        Of the columns.
    curvature : ndarray of float64 of shape (n_active,)
        The (with intercept: centred) `sum_i s_i x_ij^2`.
    cost : ndarray of float64 of shape (n_active,)
        Penalty of a unit of the coefficient; infinite for columns that are excluded.
    factor : ndarray of float64 of shape (n_active,)
        Penalty factors.
    bounds : pair of ndarray of float64 of shape (n_active,)
        Lower and upper.
    usable : ndarray of bool of shape (n_active,)
    fit_intercept : bool
    of_any_size : bool
        What `any_may_be_parallel` says of the usable columns.

    Returns
    -------
    columns : ndarray of int32
        Those that others stand for: in each set the one with the cheapest part in the predictor stays, of equals the
        one with the smallest id.

    Notes
    -----
    Parallel columns have the same products with random rows, once they are of norm one: with a second row only if some
    are the same with the first. Where the values are all alike, two columns that differ by more than a factor fill all
    rows between them, and the others need no check.
    """
    columns = _candidates(matrix[2], n_rows, moments.weight, usable, fit_intercept, of_any_size)
    if columns.size < 2:
        return columns[:0]
    root, norm = np.sqrt(moments.weight), np.sqrt(curvature[columns])
    mean = moments.column_sum[columns] / moments.weight_sum if fit_intercept else np.zeros(columns.size)
    first = _products(matrix, columns, root * _random_row(0, n_rows), mean, norm)
    members, group = _split(np.arange(columns.size), np.zeros(columns.size, dtype=np.int64), np.abs(first))
    if members.size == 0:
        return columns[:0]
    second = _products(matrix, columns, root * _random_row(1, n_rows), mean, norm)
    members, group = _split(members, group, second * np.sign(first))
    if members.size == 0:
        return columns[:0]
    root = np.array(np.broadcast_to(root, n_rows))
    columns, first, units = columns[members], first[members], (mean[members], norm[members])
    # The cheapest first; costs that differ from the least by rounding are equal to it.
    relative_cost = cost[columns] / units[1]
    above = np.where(relative_cost > 0.0, relative_cost, np.inf)
    cheapest = np.minimum.reduceat(above, np.flatnonzero(np.diff(group, prepend=-1)))[group]
    rank = np.round(np.minimum(relative_cost / cheapest, MOST), 12)
    left = np.lexsort((columns, factor[columns], rank, group))
    replaced = [columns[:0]]
    while left.size:
        leads = np.diff(group[left], prepend=-1) > 0
        leader = left[leads][np.cumsum(leads) - 1]
        taken = ~leads & _stands_for(factor, bounds, columns[leader], columns[left], first[leader] * first[left] > 0.0)
        pairs = leader[taken], left[taken]
        taken[taken] = _are_parallel(matrix, root, columns, units, first, pairs)
        replaced.append(columns[left[taken]])
        left = left[~leads & ~taken]
    return np.sort(np.concatenate(replaced))


def _candidates(
    indptr: npt.NDArray[np.int64], n_rows: int, weight: Vector, usable: npt.NDArray[np.bool_], fit_intercept: bool,
    of_any_size: bool,
) -> Ids:
    """List the columns that may have a parallel one of the same cost."""
    (columns,) = usable.nonzero()
    if columns.size and not of_any_size:
        size = np.diff(indptr)[columns]
        n_weighted = n_rows if weight.size == 1 else np.count_nonzero(weight)
        columns = columns[size >= n_weighted - size.max()] if fit_intercept else columns[:0]
    return columns.astype(np.int32)


def _random_row(seed: int, n_rows: int) -> Vector:
    """Return numbers between -1/2 and 1/2, the same every time."""
    if n_rows <= FEW_ROWS:
        return _short_row(seed)[:n_rows]
    return np.random.default_rng(seed).random(n_rows) - 0.5


@cache
def _short_row(seed: int) -> Vector:
    return np.random.default_rng(seed).random(FEW_ROWS) - 0.5


def _products(matrix: Matrix, columns: Ids, row: Vector, mean: Vector, norm: Vector) -> Vector:
    """Multiply the columns, centred and of norm one, with a row."""
    product = np.zeros(matrix[2].size - 1)
    column_passes.correlate(*matrix, columns, row, product)
    return (product[columns] - mean * row.sum()) / norm


def _split(
    members: npt.NDArray[np.int64], group: npt.NDArray[np.int64], values: Vector
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Split groups of columns where values differ; keep and number those of several members."""
    order = np.lexsort((values[members], group))
    members, group = members[order], group[order]
    values, begins = values[members], np.ones(members.size, dtype=bool)
    begins[1:] = (group[1:] != group[:-1]) | (values[1:] - values[:-1] > CLOSE)
    if begins.all():
        return members[:0], group[:0]
    group = begins.cumsum() - 1
    several = (np.bincount(group) > 1)[group]
    return members[several], begins[several].cumsum() - 1


def _stands_for(
    factor: Vector, bounds: Bounds, leader: Ids, other: Ids, same_sign: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Say which columns can take the part of others that are parallel to them, whatever that is."""
    free, alike = np.ones(leader.size, dtype=bool), same_sign.copy()
    for bound in bounds:
        leading = bound[leader]
        free &= np.isinf(leading)
        alike &= (leading == bound[other]) & ((leading == 0.0) | np.isinf(leading))
    # What counts coefficients, as L0 does, may favour the other.
    return (factor[other] >= factor[leader]) & (free | alike)


def _are_parallel(
    matrix: Matrix, root: Vector, columns: Ids, units: tuple[Vector, Vector], first: Vector,
    pairs: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
) -> npt.NDArray[np.bool_]:
    """Compare pairs of columns entry by entry, once they are weighted, centred and of norm one.

    Cost: that of their entries. In all rows where both have the same, or none, they differ by the same number.
    """
    n_rows, (mean, norm) = root.size, units
    scaled, center, size = [], [], np.ones(pairs[0].size)
    for position, sign in zip(pairs, (1.0, np.sign(first[pairs[0]] * first[pairs[1]]))):
        x = take_columns(matrix, columns[position], n_rows)
        x.data *= np.repeat(sign / norm[position], np.diff(x.indptr))
        scaled.append(x)
        center.append(sign * mean[position] / norm[position])
        size = np.maximum(size, np.abs(mean[position]) * np.sqrt(inner(root, root)) / norm[position])
    difference, shift = scaled[0] - scaled[1], center[0] - center[1]
    pair, square = np.repeat(np.arange(shift.size), np.diff(difference.indptr)), root[difference.indices] ** 2
    distance = np.bincount(pair, square * (difference.data - shift[pair]) ** 2, minlength=shift.size)
    others = np.maximum(inner(root, root) - np.bincount(pair, square, minlength=shift.size), 0.0)
    # Of no row rounding must leave no weight.
    others[np.bincount(pair, square > 0.0, minlength=shift.size) == np.count_nonzero(root)] = 0.0
    rounding = SAME * size * np.sqrt(n_rows) if mean.any() else ALIKE
    return np.sqrt(distance + others * shift**2) <= rounding
