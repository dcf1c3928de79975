"""Centring of rows in memory whose columns are far from zero: a step along such a column goes to its mean.

A learner knows nothing of means, and its intercept cannot keep up with coefficients of columns that hardly vary. Only
columns with an entry in every row are moved, and their constants are taken from the intercept when passes end.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import columns as column_passes
from sparsereg._core import dense_rows
from sparsereg.design import find_ids
from sparsereg.inputs.dense_rows import DenseRows
from sparsereg.inputs.rows import Rows
from sparsereg.solvers.centering import FAR_FOR_STEPS
from sparsereg.solvers.presolve import CONSTANT
from sparsereg.streaming.learner import Learner

Ids = npt.NDArray[np.int64]
Vector = npt.NDArray[np.float64]

# Rows summed up, and entries changed, in one go: about 50 ms of work.
ROWS, ENTRIES = 1 << 18, 1 << 22
# Rows that tell whether any column can be full.
SAMPLE = 64


@dataclass(frozen=True)
class RowCentering:
    """Constants that were taken off the entries of columns.

    Attributes
    ----------
    ids : ndarray of int64 of shape (n_moved,)
        The caller's ids of the columns.
    constants : ndarray of float64 of shape (n_moved,)
    blurred : ndarray of int64
        Ids of columns that count as constant, though they are not: their entries are 0 now.
    """

    ids: Ids
    constants: Vector
    blurred: Ids

    @contextmanager
    def applied(self, learner: Learner, start: tuple[Ids, Vector]) -> Iterator[None]:
        """Give the intercepts of a learner what the rows have lost, and take it back at the end, however that comes.

        Parameters
        ----------
        learner : Learner
        start : tuple
            Ids and coefficients that it starts from, as they were before its states rounded them.
        """
        if not self.ids.size:
            yield
            return
        learner.intercept[0] += self._lost(*start)
        try:
            yield
        finally:
            learner.intercept[0] -= self._lost(*_coefficients_now(learner))
            weight = learner.optimizer.averaged if learner.optimizer.average >= 0.0 else 0.0
            if weight > 0.0:
                learner.intercept[1] -= weight * self._lost(*learner.coefficients())

    def _lost(self, ids: Ids, w: Vector) -> Vector:
        """Return what coefficients, some of these, gave to every linear predictor."""
        found, position = find_ids(ids, self.ids)
        return self.constants[position] @ w[found]


NOWHERE = RowCentering(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0, dtype=np.int64))


def _coefficients_now(learner: Learner) -> tuple[Ids, Vector]:
    """Read the coefficients that steps are taken from, where the learner reports averages of them."""
    reported = learner.optimizer
    if not (reported.average >= 0.0 and reported.averaged > 0.0):
        return learner.coefficients()
    now = copy.copy(reported)
    # Where no row has been averaged yet the coefficients are reported as they are.
    now.clock = (*now.clock[:3], 0.0, *now.clock[4:])
    learner.optimizer = now
    try:
        return learner.coefficients()
    finally:
        learner.optimizer = reported


def may_be_centered(rows: Rows, weight: Vector | None) -> bool:
    """Tell, by a few rows, that no column can be far from zero, as each lacks an entry somewhere.

    Parameters
    ----------
    rows : Rows
        Compact or not.
    weight : ndarray of float64 of shape (n_rows,) or None

    Returns
    -------
    may_be : bool
        False for certain; True: all rows have to be looked at.
    """
    if rows.data.size == 0:
        return False
    counted = np.arange(rows.n_samples) if weight is None else np.flatnonzero(weight)
    if not counted.size:
        return False
    common = None
    for i in counted[np.linspace(0, counted.size - 1, min(SAMPLE, counted.size)).astype(np.intp)]:
        ids = rows.indices[rows.indptr[i] : rows.indptr[i + 1]]
        common = ids if common is None else np.intersect1d(common, ids)
        if not common.size:
            return False
    return True


def center_rows(
    rows: Rows | DenseRows, position: npt.NDArray[np.int32], weight: Vector | None
) -> tuple[Any, RowCentering]:
    """Take its mean off every full column whose mean is large beside its standard deviation.

    Parameters
    ----------
    rows : Rows or DenseRows
        Compact, or dense. Never changed.
    position : ndarray of int32 of shape (n_chosen,)
        The rows that count.
    weight : ndarray of float64 of shape (n_chosen,) or None
        Their weights.

    Returns
    -------
    rows : Rows or DenseRows
        With values of its own where a column moved.
    centering : RowCentering
    """
    is_dense = isinstance(rows, DenseRows)
    active = rows.column_ids if is_dense else rows.active
    weight = np.ones(position.size) if weight is None else weight
    if not weight.any() or not (is_dense or rows.data.size):
        return rows, NOWHERE
    # Sums about an entry of the column itself keep their digits; that of the heaviest row is no outlier.
    about = _entries_of(rows, int(position[np.argmax(weight)]))
    sums = np.zeros(active.size, dtype=np.int64), np.zeros(active.size), np.zeros(active.size)
    for start in range(0, position.size, ROWS):
        some = slice(start, start + ROWS)
        if is_dense:
            dense_rows.moments(*rows.take(position[some]).arrays, weight[some], about, *sums)
        else:
            chosen = position[some], weight[some]
            column_passes.moments_of_rows(rows.data, rows.indices, rows.indptr, *chosen, about, *sums)
    held, column_sum, square = sums
    total = float(weight.sum())
    offset = column_sum / total
    variance, mean = square / total - offset**2, about + offset
    far = (held == np.count_nonzero(weight)) & (square > 0.0) & (mean**2 > FAR_FOR_STEPS * variance)
    blurred = far & (variance <= CONSTANT * mean**2)
    if not far.any():
        return rows, NOWHERE
    centering = RowCentering(active[far], mean[far], active[blurred])
    if is_dense:
        return _dense_less(rows, np.flatnonzero(far), mean[far], ~blurred[far]), centering
    return replace(rows, data=_subtract(rows, np.where(far, mean, 0.0), ~blurred)), centering


def _entries_of(rows: Rows | DenseRows, row: int) -> Vector:
    """Return the values of a row, with the zeros of columns that it lacks."""
    if isinstance(rows, DenseRows):
        return rows.values[rows.order[row] if rows.order.size else row].astype(np.float64)
    entries = slice(rows.indptr[row], rows.indptr[row + 1])
    values = np.zeros(rows.active.size)
    values[rows.indices[entries]] = rows.data[entries]
    return values


def _dense_less(rows: DenseRows, columns: Ids, constants: Vector, varies: npt.NDArray[np.bool_]) -> DenseRows:
    """Return dense rows whose columns have lost a constant each, and are 0 where they do not vary."""
    values = rows.values.astype(np.float64, order="C")
    step = max(ENTRIES // rows.n_features, 1)
    for start in range(0, values.shape[0], step):
        part = values[start : start + step]
        # A zero, of a row without weight, is no entry.
        part[:, columns] = np.where(part[:, columns] == 0.0, 0.0, (part[:, columns] - constants) * varies)
    return replace(rows, values=values, is_full=False)


def _subtract(rows: Rows, constants: Vector, varies: npt.NDArray[np.bool_]) -> Vector:
    """Return the values less a constant of each column, and 0 in columns that do not vary."""
    data = rows.data.astype(np.float64)
    for start in range(0, int(rows.indptr[-1]), ENTRIES):
        some = slice(start, min(start + ENTRIES, int(rows.indptr[-1])))
        ids = rows.indices[some]
        data[some] = (data[some] - constants[ids]) * varies[ids]
    return data
