"""Passes over the rows of one shard: restriction to columns, and the gradient over the columns that are left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._core import row_objective
from sparsereg._core.penalties import ElasticNet
from sparsereg.design import find_ids
from sparsereg.inputs.rows import Rows
from sparsereg.reduction.builder import Accumulator
from sparsereg.reduction.entries import Entries
from sparsereg.reduction.numbering import ValueNumbers
from sparsereg.reduction.reduced import Reduced
from sparsereg.solvers.assemble import make_loss
from sparsereg.solvers.response import NO_OFFSET, NO_SINGLETONS, ONE_TERM, linearize_rows

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

# Of Huber's loss, which shards are not for.
NO_DELTA = 1.0
NO_PENALTY = ElasticNet(0.0, 1.0)


@dataclass(frozen=True, eq=False)
class TargetFacts:
    """What every shard must know of all of them to tell targets and their weights on one scale.

    Attributes
    ----------
    classes : ndarray of shape (2,) or None
        Labels, ascending, for the losses of classifiers.
    total : float
        Sum of all weights.
    y_mean : float
        Taken off the targets.
    """

    classes: npt.NDArray[Any] | None
    total: float
    y_mean: float


@dataclass(frozen=True, eq=False)
class Point:
    """A model to take the gradient at.

    Attributes
    ----------
    ids : ndarray of int64 of shape (n_nonzero,)
        Ascending.
    w : ndarray of float64 of shape (n_nonzero,)
    b : float
        Intercept, less the mean that is taken off the targets.
    factors : ndarray of float64 of shape (n_factors,)
        Of the dual point, to sum the conjugate of the loss at.
    """

    ids: Ids
    w: Vector
    b: float
    factors: Vector


@dataclass(frozen=True, eq=False)
class Gradient:
    """Minus the derivative of the loss of some shards, and its conjugate there.

    Attributes
    ----------
    v : ndarray of float64 of shape (n_live,)
        `X' z`, z minus the derivative of each row.
    conjugates : ndarray of float64 of shape (n_factors,)
        Sums over the rows of the conjugate at the dual point, times each factor.
    within : float
        Half the weighted squares of the targets about those of their rows.
    """

    v: Vector
    conjugates: Vector
    within: float


def targets_of(entries: Entries, facts: TargetFacts) -> tuple[Vector, Vector]:
    """Return targets, less their mean, and weights, of sum one over all shards.

    Parameters
    ----------
    entries : Entries
    facts : TargetFacts

    Returns
    -------
    y, s : ndarray of float64 of shape (n_entries,)
    """
    sums, weight = entries.sums, entries.sums.total
    if not sums.columns:
        # Of no rows: there is no class.
        return np.zeros(0), np.zeros(0)
    if facts.classes is None or sums.classes is None:
        return sums.columns[0] - facts.y_mean, weight / facts.total
    known = sums.classes.tolist()
    second = facts.classes.tolist()[1]
    of_second = sums.columns[known.index(second)] / weight if second in known else np.zeros(weight.size)
    return of_second, weight / facts.total


def restrict(shard: Reduced, ids: Ids) -> Reduced:
    """Keep some columns, and make the rows that are equal in them one.

    Parameters
    ----------
    shard : Reduced
        Folds are forgotten.
    ids : ndarray of int64 of shape (n_ids,)
        Ascending; those that this shard has no entries in are passed over.

    Returns
    -------
    restricted : Reduced
        Of the same width.
    """
    entries, rows = shard.entries, shard.entries.rows
    _, position = find_ids(ids, rows.active)
    number = np.full(rows.active.size, -1, dtype=np.int32)
    number[position] = np.arange(position.size, dtype=np.int32)
    moved = number[rows.indices]
    kept = moved >= 0
    before = np.zeros(kept.size + 1, dtype=np.int64)
    np.cumsum(kept, out=before[1:])
    fewer = Rows(
        before[rows.indptr], moved[kept], rows.data[kept] if rows.data.size else rows.data, rows.n_samples,
        rows.n_features, True, False, rows.active[position],
    )
    sums = entries.sums
    sums = replace(sums, squares=sums.squares.sum(keepdims=True), logs=sums.logs.sum(keepdims=True))
    n_weighted = entries.n_weighted.sum(keepdims=True)
    accumulator = Accumulator(make_loss(shard.loss, NO_DELTA), False)
    accumulator.merge(replace(entries, rows=fewer, part=None, folds=None, sums=sums, n_weighted=n_weighted))
    return Reduced(shard.loss, accumulator.finish())


def gradient(shard: Reduced, live: Ids, point: Point, facts: TargetFacts) -> Gradient:
    """Compute `X' z` over the live columns, and what the dual objective needs of the rows.

    Parameters
    ----------
    shard : Reduced
    live : ndarray of int64 of shape (n_live,)
        Ids, ascending.
    point : Point
    facts : TargetFacts

    Returns
    -------
    gradient : Gradient
        Cost: two passes over the non-zeros.
    """
    entries, rows = shard.entries, shard.entries.rows
    y, s = targets_of(entries, facts)
    loss, terms = make_loss(shard.loss, NO_DELTA), (y, s, NO_OFFSET, ONE_TERM)
    data = rows.data if rows.data.size else np.ones(rows.indices.size, dtype=np.float32)
    matrix = sparse.csr_array((data, rows.indices, rows.indptr), shape=(rows.n_samples, rows.active.size))
    found, position = find_ids(point.ids, rows.active)
    w, z = np.zeros(rows.active.size), np.empty(y.size)
    w[position] = point.w[found]
    eta = matrix @ w + point.b
    eta = eta if entries.row is None else eta[entries.row]
    linearize_rows(loss, terms, eta, z)
    conjugates = _dual_sums(loss, y, s, eta, z, point.factors)
    of_rows = z if entries.row is None else np.bincount(entries.row, z, rows.n_samples)
    found, position = find_ids(rows.active, live)
    v = np.zeros(live.size)
    v[position] = (matrix.T @ of_rows)[found]
    return Gradient(v, np.array(conjugates), float(entries.sums.squares.sum()) / facts.total)


def _dual_sums(loss: Any, y: Vector, s: Vector, eta: Vector, z: Vector, factors: Vector) -> list[float]:
    """Sum the conjugates of rows at some factors; rows alike in target and predictor, of which there are many, once."""
    number, n_kinds = ValueNumbers().number(np.zeros(y.size, dtype=np.int32), [eta, y])
    row = np.empty(n_kinds, dtype=np.intp)
    row[number] = np.arange(y.size)
    # Of no rows NumPy counts in whole numbers.
    s, z = (np.bincount(number, values, n_kinds).astype(np.float64, copy=False) for values in (s, z))
    terms = y[row], s, NO_OFFSET, ONE_TERM
    return [row_objective.dual_sum(loss, NO_PENALTY, *terms, eta[row], z, factor, *NO_SINGLETONS) for factor in factors]


def add_gradients(parts: list[Gradient]) -> Gradient:
    """Add the gradients of several shards up.

    Parameters
    ----------
    parts : list of Gradient

    Returns
    -------
    gradient : Gradient
    """
    v, conjugates = (np.sum([getattr(part, name) for part in parts], axis=0) for name in ("v", "conjugates"))
    return Gradient(v, conjugates, sum(part.within for part in parts))


@dataclass(frozen=True, eq=False)
class LargeEntries:
    """The entries of a gradient that matter, and the conjugates beside them.

    Attributes
    ----------
    positions : ndarray of int32 of shape (n_large,)
        Among the live columns, ascending.
    v : ndarray of float64 of shape (n_large,)
    conjugates : ndarray of float64 of shape (n_factors,)
    within : float
    """

    positions: npt.NDArray[np.int32]
    v: Vector
    conjugates: Vector
    within: float


def large_entries(whole: Gradient, cost: Vector, floor: float) -> LargeEntries:
    """Keep the entries of a gradient that are large beside what a column costs.

    Parameters
    ----------
    whole : Gradient
    cost : ndarray of float64 of shape (n_live,) or (1,)
        Of each live column, or their one value.
    floor : float
        Entries of at least `floor * cost` are kept.

    Returns
    -------
    large : LargeEntries
    """
    positions = np.flatnonzero(np.abs(whole.v) >= floor * cost).astype(np.int32)
    return LargeEntries(positions, whole.v[positions], whole.conjugates, whole.within)
