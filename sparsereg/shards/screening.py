"""Static screening over shards: sums of every column, and which columns no alpha of a grid can bring in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import columns as column_passes
from sparsereg._core import row_objective
from sparsereg.design import columns_of, merge_ids
from sparsereg.path.grid import geometric_grid
from sparsereg.path.result import column_facts
from sparsereg.reduction.reduced import Reduced
from sparsereg.shards.passes import NO_DELTA, TargetFacts, targets_of
from sparsereg.solvers.assemble import ProblemOptions, make_loss
from sparsereg.solvers.base import spelled_out
from sparsereg.solvers.column_penalties import ColumnPenalties, make_column_penalties
from sparsereg.solvers.null_model import largest_alpha
from sparsereg.solvers.presolve import CONSTANT
from sparsereg.solvers.response import NO_OFFSET, ONE_TERM, linearize_rows

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

# Rounding must not call a column dead that is at its threshold.
SAFE = 1.0 - 1e-9


@dataclass(frozen=True, eq=False)
class ColumnSums:
    """Sums over the rows of some shards, for every column that they occupy.

    Attributes
    ----------
    ids : ndarray of int64 of shape (n_columns,)
        Ascending.
    weight : float
        Of the rows, all shards together 1.
    total, centered : ndarray of float64 of shape (n_columns,)
        `sum_i s_i x_ij` and `sum_i s_i (x_ij - mean_j)^2`.
    gradient : ndarray of float64 of shape (n_columns,)
        `X_j' z` of the model with intercept only.
    up, down : ndarray of float64 of shape (n_columns,)
        Largest `X_j' z` and `-X_j' z` at any coefficients, as the slopes of the loss bound them.
    low, high : ndarray of float64 of shape (n_columns,)
        Range of the entries; of a column with zeros 0 is among them.
    n_rows : ndarray of int64 of shape (n_columns,)
        Rows with an entry.
    all_rows : int
    size : float
        Largest absolute target, less the mean.
    """

    ids: Ids
    weight: float
    total: Vector
    centered: Vector
    gradient: Vector
    up: Vector
    down: Vector
    low: Vector
    high: Vector
    n_rows: Ids
    all_rows: int
    size: float


@dataclass(frozen=True, eq=False)
class NullFacts:
    """The model with intercept only.

    Attributes
    ----------
    b : float
        Its intercept, less the mean that is taken off the targets.
    loss : float
        What its loss is above the least that rows can have, where that bounds slopes.
    """

    b: float
    loss: float


@dataclass(frozen=True, eq=False)
class LiveColumns:
    """Columns that some alpha may bring in; arrays of shape (n_live,).

    Attributes
    ----------
    ids : ndarray of int64
        Ascending.
    penalty_factor, scale, lower, upper : ndarray of float64
        As in `Problem`.
    v : ndarray of float64
        `X_j' z` of the model with intercept only.
    noise : ndarray of float64
        What rounding may leave of it; empty where the grid is known.
    reach : ndarray of float64
        The largest that `|X_j' z|` can be at any fit, on the sides that bounds leave; empty where the grid is known.
    alphas : ndarray of float64 of shape (n_alphas,) or None
        The grid; None: it is to be made yet.
    n_occupied : int
        Columns with entries, dead ones too.
    facts : dict
        Penalty factors and bounds of all columns, as paths keep them.
    blurred : ndarray of int64
        Ids of columns that vary too little for float64.
    """

    ids: Ids
    penalty_factor: Vector
    scale: Vector
    lower: Vector
    upper: Vector
    v: Vector
    noise: Vector
    reach: Vector
    alphas: Vector | None
    n_occupied: int
    facts: dict[str, Any]
    blurred: Ids

    @property
    def cost(self) -> Vector:
        """Penalty of a unit of each coefficient at alpha l1_ratio = 1."""
        return self.penalty_factor * self.scale

    @property
    def unpenalized(self) -> npt.NDArray[np.int64]:
        """Positions of the columns without penalty."""
        return np.flatnonzero(self.penalty_factor == 0.0)

    def start(self, v: Vector, l1_ratio: float) -> float:
        """Return the smallest alpha at which every penalised coefficient is zero, given `X' z` of the null model."""
        at = self.penalty_factor > 0.0
        # Sums over shards are rounded otherwise than those of restricted rows: at the head no column comes in.
        v = np.where(np.abs(v) <= self.noise, 0.0, v + np.sign(v) * self.noise)
        columns = (v, self.noise, self.cost, self.lower, self.upper)
        return largest_alpha(*(values[at] for values in columns), l1_ratio)

    def narrowed(self, alphas: Vector, l1_ratio: float) -> LiveColumns:
        """Keep the columns that come in at the smallest alpha, for all that is known."""
        live = (self.reach > SAFE * alphas[-1] * l1_ratio * self.cost) | (self.penalty_factor == 0.0)
        kept = {name: getattr(self, name)[live] for name in ("ids", "v", "penalty_factor", "scale", "lower", "upper")}
        return replace(self, alphas=alphas, noise=self.noise[:0], reach=self.reach[:0], **kept)

    def packed(self) -> LiveColumns:
        """Keep one number for all columns where it is the same, to travel."""
        return replace(self, **{
            name: values[:1] if values.size and values.min() == values.max() else values
            for name, values in self._rules().items()
        })

    def unpacked(self) -> LiveColumns:
        """Undo `packed`."""
        return replace(self, **{name: np.resize(values, self.ids.size) for name, values in self._rules().items()})

    def _rules(self) -> dict[str, Vector]:
        return {name: getattr(self, name) for name in ("penalty_factor", "scale", "lower", "upper")}


@dataclass(frozen=True, eq=False)
class Grid:
    """Strengths that are asked for: given ones, or how many, down to which share of the largest useful one."""

    alphas: Vector | None
    n_alphas: int
    eps: float

    def made(self, start: float) -> Vector:
        """Return the given strengths, or the geometric grid from the largest useful one."""
        return geometric_grid(start, self.n_alphas, self.eps) if self.alphas is None else self.alphas


def sum_columns(shard: Reduced, facts: TargetFacts, null: NullFacts) -> ColumnSums:
    """Sum up the columns of a shard.

    Parameters
    ----------
    shard : Reduced
    facts : TargetFacts
    null : NullFacts

    Returns
    -------
    sums : ColumnSums
        Cost: some passes over the non-zeros.
    """
    entries, rows = shard.entries, shard.entries.rows
    y, s = targets_of(entries, facts)
    loss, z, fall, rise = make_loss(shard.loss, NO_DELTA), *(np.empty(y.size) for _ in range(3))
    linearize_rows(loss, (y, s, NO_OFFSET, ONE_TERM), np.full(y.size, null.b), z)
    row_objective.max_slopes(loss, y, s, ONE_TERM, fall, rise)
    if entries.row is not None:
        s, z, fall, rise = (np.bincount(entries.row, values, rows.n_samples) for values in (s, z, fall, rise))
    indptr, indices, data = columns_of(rows, np.arange(rows.n_samples, dtype=np.int32))
    data, _, _ = spelled_out((data, indices, indptr))
    # Slices of a reduction have all of its columns, some of them without entries.
    occupied = np.flatnonzero(np.diff(indptr))
    indptr = np.append(indptr[occupied], indptr[-1])
    every, n_rows = np.arange(occupied.size, dtype=np.int32), np.diff(indptr)
    total, centered, v, up, down = (np.zeros(every.size) for _ in range(5))
    column_passes.moments(
        data, indices, indptr, every, s, float(s.sum()), rows.n_samples, total, centered
    )
    column_passes.correlate(data, indices, indptr, every, z, v)
    for sign in (1.0, -1.0):
        part = np.maximum(sign * data, 0.0)
        for out, slope in ((up, fall if sign > 0.0 else rise), (down, rise if sign > 0.0 else fall)):
            out += _sum_products(part, indices, indptr, slope)
    low, high = (_extremes(of, data, indptr) for of in (np.minimum, np.maximum))
    return ColumnSums(
        rows.active[occupied], float(s.sum()), total, centered, v, up, down, low, high, n_rows, rows.n_samples,
        float(np.abs(y).max(initial=0.0)),
    )


def _sum_products(part: npt.NDArray[Any], indices: Any, indptr: Any, slope: Vector) -> Vector:
    """Sum the slopes of each column's rows, times its entries of one sign; infinite slopes count where these are."""
    out, every = np.zeros(indptr.size - 1), np.arange(indptr.size - 1, dtype=np.int32)
    if not part.any():
        return out
    endless = np.isinf(slope)
    column_passes.correlate(part, indices, indptr, every, np.where(endless, 0.0, slope), out)
    if endless.any():
        reached = np.zeros(out.size)
        column_passes.correlate(part, indices, indptr, every, endless.astype(np.float64), reached)
        out[reached > 0.0] = np.inf
    return out


def _extremes(of: np.ufunc, data: npt.NDArray[Any], indptr: Ids) -> Vector:
    return of.reduceat(data, indptr[:-1]).astype(np.float64) if data.size else np.zeros(indptr.size - 1)


def add_sums(parts: list[ColumnSums]) -> ColumnSums:
    """Add the sums of several shards up; centred squares by their means (Chan, Golub and LeVeque 1983).

    Parameters
    ----------
    parts : list of ColumnSums

    Returns
    -------
    sums : ColumnSums
    """
    ids = merge_ids([part.ids for part in parts])
    names = ("total", "gradient", "up", "down")
    added = {name: np.zeros(ids.size) for name in names}
    centered, weight = np.zeros(ids.size), 0.0
    low, high = np.full(ids.size, np.inf), np.full(ids.size, -np.inf)
    n_rows, all_rows = np.zeros(ids.size, dtype=np.int64), 0
    for part in (part for part in parts if part.weight > 0.0):
        at = np.searchsorted(ids, part.ids)
        mean = np.zeros(ids.size)
        mean[at] = part.total / part.weight
        if weight > 0.0:
            centered += (mean - added["total"] / weight) ** 2 * (weight * part.weight / (weight + part.weight))
        centered[at] += part.centered
        for name, values in added.items():
            values[at] += getattr(part, name)
        low[at], high[at] = np.minimum(low[at], part.low), np.maximum(high[at], part.high)
        n_rows[at] += part.n_rows
        weight, all_rows = weight + part.weight, all_rows + part.all_rows
    size = max(part.size for part in parts)
    return ColumnSums(ids, weight, centered=centered, low=low, high=high, n_rows=n_rows, all_rows=all_rows, size=size,
                      **added)


def find_live(
    sums: ColumnSums, options: ProblemOptions, n_features: int, grid: Grid, null: NullFacts, y_mean: float
) -> LiveColumns:
    """Find the columns that some alpha of a grid may bring in.

    Parameters
    ----------
    sums : ColumnSums
        Of all shards.
    options : ProblemOptions
    n_features : int
    grid : Grid
    null : NullFacts
    y_mean : float

    Returns
    -------
    live : LiveColumns
        All that can be used, where columns without penalty come before the grid.

    Notes
    -----
    At any coefficients `X_j' z` is at most what the slopes of the loss let it be: for columns of ones and logistic
    loss max(S_j, N_j - S_j) / n, N_j rows of which S_j are of the second class. And where the loss is smooth and not
    negative, as f'^2 <= 2 L f, by Cauchy-Schwarz at most norm_j sqrt(2 L f0), f0 the loss of the model with intercept
    only, which no fit exceeds; the norm is that about the mean beside an intercept. A column whose bound is below its
    threshold at the smallest alpha is zero in every fit, and no constraint of any dual point.
    """
    penalties, square = _penalties_of(sums, options, n_features)
    varies = sums.centered > CONSTANT * square
    usable = (penalties.penalty_factor < np.inf) & (square > 0.0) & (penalties.lower < penalties.upper)
    unlike = (sums.low < sums.high) | (sums.n_rows < sums.all_rows)
    blurred = usable & ~varies & unlike if options.fit_intercept else np.zeros(usable.size, dtype=bool)
    usable &= varies | (not options.fit_intercept)
    scale = np.where(varies, np.sqrt(sums.centered), 1.0) if options.standardize else np.ones(usable.size)
    curvature = sums.centered if options.fit_intercept else square
    noise = 8.0 * np.finfo(float).eps * (abs(y_mean) + sums.size) * np.sqrt(curvature)
    lipschitz = options.loss.lipschitz
    slope = np.sqrt(2.0 * lipschitz * null.loss * curvature) if np.isfinite(lipschitz) else np.inf
    up, down = np.minimum(sums.up, slope), np.minimum(sums.down, slope)
    reach = np.maximum(np.where(penalties.upper > 0.0, up, 0.0), np.where(penalties.lower < 0.0, down, 0.0))
    per_column = (penalties.penalty_factor, scale, penalties.lower, penalties.upper, sums.gradient, noise, reach)
    every = LiveColumns(
        sums.ids[usable], *(values[usable] for values in per_column), None, sums.ids.size,
        column_facts(penalties.penalty_factor, penalties.lower, penalties.upper, sums.ids), sums.ids[blurred],
    )
    if grid.alphas is None and every.unpenalized.size:
        return every.packed()
    return every.narrowed(grid.made(every.start(every.v, options.l1_ratio)), options.l1_ratio).packed()


def _penalties_of(sums: ColumnSums, options: ProblemOptions, n_features: int) -> tuple[ColumnPenalties, Vector]:
    """Return how columns are penalised, and their mean squares."""
    penalties = make_column_penalties(
        sums.ids, n_features, penalty_factor=options.penalty_factor, bounds=options.bounds, positive=options.positive,
        standardize=options.standardize,
    )
    square = sums.centered + sums.total**2
    varies = sums.centered > CONSTANT * square
    if penalties.standardize and not options.fit_intercept and not varies.all():
        # As in problems: a constant column pays nothing, as its standard deviation is 0.
        kept = varies | (penalties.penalty_factor == np.inf)
        penalties = replace(penalties, penalty_factor=np.where(kept, penalties.penalty_factor, 0.0))
    return penalties, square
