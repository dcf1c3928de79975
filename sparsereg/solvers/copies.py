"""Columns that another one can stand for: its copies, and what is parallel to it beside the intercept.

With L1 alone, or with a concave penalty, one column of such a set is enough, and rounding must not choose which.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sparsereg._core import columns as column_passes
from sparsereg.design import Design

__all__ = ["find_copies", "find_parallel"]

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]
Matrix = tuple[npt.NDArray, Ids, npt.NDArray[np.int64]]
Bounds = tuple[Vector, Vector]

# Two columns of norm one are looked at closely where their products with random rows differ by no more than this, and
# are the same up to the sign where their difference has a norm of rounding: of a mean over all rows, or without an
# intercept of a few operations an entry. There columns far from zero are nearly parallel, and differ in what counts.
CLOSE, SAME, ALIKE = 1e-8, 1e-13, 8.0 * np.finfo(float).eps
# Of the random rows; results are the same every time.
SEED = 0


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
    repeated = np.flatnonzero((np.bincount(group) > 1)[group] & usable)
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


def find_parallel(
    matrix: Matrix, weight: Vector, mass: Vector, curvature: Vector, price: Vector, factor: Vector, bounds: Bounds,
    usable: npt.NDArray[np.bool_], *, fit_intercept: bool,
) -> Ids:
    """Find the usable columns that are a multiple of another one, up to a constant where there is an intercept.

    Both levels of a factor, a column and its negative: F does not change as weight moves from one to the other.

    Parameters
    ----------
    matrix : tuple
        `data, indices, indptr` of the columns.
    weight : ndarray of float64 of shape (n_rows,)
        Weights of the rows.
    mass, curvature : ndarray of float64 of shape (n_active,)
        `sum_i s_i x_ij` and the (with intercept: centred) `sum_i s_i x_ij^2`.
    price : ndarray of float64 of shape (n_active,)
        Penalty of a unit of the coefficient; infinite for columns that are excluded.
    factor : ndarray of float64 of shape (n_active,)
        Penalty factors.
    bounds : pair of ndarray of float64 of shape (n_active,)
        Lower and upper.
    usable : ndarray of bool of shape (n_active,)
    fit_intercept : bool

    Returns
    -------
    columns : ndarray of int32
        Those that others stand for: in each set the one with the cheapest part in the predictor stays, of equals the
        one with the smallest id.

    Notes
    -----
    Parallel columns have the same products with random rows, once they are of norm one. Where the values are all alike,
    two columns that differ by more than a factor fill all rows between them, and the others need no look.
    """
    columns = _candidates(matrix, weight, price, usable, fit_intercept)
    if columns.size < 2:
        return columns[:0]
    norm = np.sqrt(curvature[columns])
    mean = mass[columns] / weight.sum() if fit_intercept else np.zeros(columns.size)
    first, second = _prints(matrix, columns, np.sqrt(weight), mean, norm)
    second *= np.sign(first)
    cost, near = price[columns] / norm, np.argsort(np.abs(first), kind="stable")
    ends = np.concatenate([[0], np.flatnonzero(np.diff(np.abs(first)[near]) > CLOSE) + 1, [near.size]])
    replaced: list[int] = []
    for k in np.flatnonzero(np.diff(ends) > 1):
        members = near[ends[k] : ends[k + 1]]
        # The cheapest first; costs that differ by rounding are equal.
        rank_of = np.round(cost[members] / (cost[members].max() or 1.0), 12)
        ranks = (columns[members], factor[columns[members]], rank_of)
        left = members[np.lexsort(ranks)]
        while left.size > 1:
            leader, others = left[0], left[1:]
            taken = [
                other for other in others[np.abs(second[others] - second[leader]) <= CLOSE]
                if _stands_for(factor, bounds, columns[leader], columns[other], first[leader] * first[other] > 0.0)
                and _is_parallel(matrix, np.sqrt(weight), columns[[leader, other]], mean[[leader, other]])
            ]
            replaced += taken
            left = others[~np.isin(others, taken)]
    return np.sort(columns[replaced]) if replaced else columns[:0]


def _candidates(
    matrix: Matrix, weight: Vector, price: Vector, usable: npt.NDArray[np.bool_], fit_intercept: bool
) -> Ids:
    """List the columns that may have a parallel one of the same cost."""
    data, _, indptr = matrix
    if not usable.any():
        return np.empty(0, dtype=np.int32)
    if data.min() < 0.0 or (data.min() < data.max() and np.ptp(price[usable]) > 0.0):
        return np.flatnonzero(usable).astype(np.int32)
    if not fit_intercept:
        return np.empty(0, dtype=np.int32)
    size = np.diff(indptr)
    return np.flatnonzero(usable & (size >= np.count_nonzero(weight) - size[usable].max())).astype(np.int32)


def _prints(matrix: Matrix, columns: Ids, root: Vector, mean: Vector, norm: Vector) -> Vector:
    """Multiply the columns, weighted, centred and of norm one, with two random rows."""
    rng, prints = np.random.default_rng(SEED), np.empty((2, columns.size))
    for out in prints:
        row, product = root * rng.standard_normal(root.size), np.zeros(matrix[2].size - 1)
        column_passes.correlate(*matrix, columns, row, product, 1)
        out[:] = (product[columns] - mean * row.sum()) / norm
    return prints


def _stands_for(factor: Vector, bounds: Bounds, leader: int, other: int, same_sign: bool) -> bool:
    """Say whether a column can take the part of another that is parallel to it, whatever that is."""
    if factor[other] < factor[leader]:
        return False  # what counts coefficients, as L0 does, may favour the other
    sides = [(bound[leader], bound[other]) for bound in bounds]
    free = all(np.isinf(own) for own, _ in sides)
    return free or (same_sign and all(own == its and (own == 0.0 or np.isinf(own)) for own, its in sides))


def _is_parallel(matrix: Matrix, root: Vector, pair: Ids, mean: Vector) -> bool:
    """Compare two columns entry by entry, once they are weighted, centred and of norm one."""
    data, indices, indptr = matrix
    units, size = [], 1.0
    for j, centre in zip(pair, mean):
        x = np.zeros(root.size)
        entries = slice(indptr[j], indptr[j + 1])
        x[indices[entries]] = data[entries]
        x = root * (x - centre)
        norm = np.linalg.norm(x)
        units.append(x / norm)
        size = max(size, abs(centre) * np.linalg.norm(root) / norm)
    sign = np.sign(units[0] @ units[1])
    rounding = SAME * size * np.sqrt(root.size) if mean.any() else ALIKE
    return bool(np.linalg.norm(units[0] - sign * units[1]) <= rounding)
