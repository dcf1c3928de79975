"""Accumulation: blocks and reductions in, one reduction out; memory follows the distinct rows and one block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.design import select_rows
from sparsereg.inputs.rows import Rows, open_width_hint
from sparsereg.inputs.sklearn import feature_names
from sparsereg.inputs.weights import check_offset, check_sample_weight
from sparsereg.reduction.entries import Entries
from sparsereg.reduction.numbering import IdNumbers, Numbers, PartNumbers, RowNumbers, ValueNumbers, cut, grow
from sparsereg.reduction.targets import ClassWeights, Responses
from sparsereg.streaming.batch import canonical_rows, rows_of_block

Vector = npt.NDArray[np.float64]


class Accumulator:
    """Takes samples in and sums those up that are alike in their features, in their offset and in their fold.

    Losses that are not linear in y keep samples apart that differ in it.

    Parameters
    ----------
    loss : registered loss
    has_folds : bool
    has_offset : bool, default=False
    """

    def __init__(self, loss: Any, has_folds: bool, has_offset: bool = False):
        self._rows = RowNumbers()
        self._has_offset, self._each_y = has_offset, not loss.sums
        self._values = ValueNumbers() if has_offset or not loss.sums else None
        self._entries = PartNumbers() if has_folds else None
        self._folds = IdNumbers() if has_folds else None
        self._sums: Responses | ClassWeights = (ClassWeights if loss.is_classification else Responses)(loss)
        self._n_features = 0
        self._names: npt.NDArray[np.object_] | None = None
        self._n_weighted, self._n_samples = np.zeros(1, dtype=np.int64), 0

    def add(
        self, X: Any, y: Any, sample_weight: Any, fold: npt.NDArray[np.int64] | None = None,
        kept: npt.NDArray[np.bool_] | None = None, offset: Any = None,
    ) -> None:
        """Take the rows of a matrix.

        Parameters
        ----------
        X : matrix of shape (n_samples, n_features)
            Of any kind that estimators accept; there may be no rows.
        y : array-like of shape (n_samples,), (n_samples, n_responses) or (n_samples, n_classes)
        sample_weight : None, float or array-like of shape (n_samples,)
        fold : ndarray of int64 of shape (n_samples,) or None
        kept : ndarray of bool of shape (n_samples,) or None
            The others are no part of this.
        offset : None, float or array-like of shape (n_samples,)
            Not None where these have offsets.
        """
        rows = rows_of_block(X, canonical=False)
        n_samples = rows.n_samples
        self._check_columns(rows.n_features, feature_names(X))
        weight = check_sample_weight(sample_weight, n_samples, all_zero=True)
        weight = np.ones(n_samples) if weight is None else weight
        weight = weight if kept is None else np.where(kept, weight, 0.0)
        offset = check_offset(offset, n_samples)
        y, weight = self._sums.encode(y, weight, n_samples)
        used = weight > 0.0
        if rows.has_zeros or not used.all():
            rows, y, weight = select_rows(rows, used), y[used], weight[used]
            fold, offset = (None if each is None else each[used] for each in (fold, offset))
        rows = _canonical(rows)
        self._n_samples += n_samples if kept is None else int(np.count_nonzero(kept))
        part = None if self._folds is None or fold is None else self._folds.number(fold)
        entry, n_entries = self._number(self._rows.number(rows), part, offset, tuple(np.atleast_2d(y.T)))
        self._sums.add(entry, part, y, weight, n_entries)
        self._count(part, np.bincount(part) if part is not None else np.array([weight.size]))

    def merge(self, other: Entries) -> None:
        """Take what other samples were reduced to; they have folds and offsets if these have."""
        self._check_columns(other.rows.n_features, other.feature_names)
        row, part, parts = self._rows.number(other.rows), other.part, np.zeros(1, dtype=np.int32)
        row = row if other.row is None else row[other.row]
        if self._folds is not None and other.folds is not None and part is not None:
            parts = self._folds.number(other.folds)
            part = parts[part]
        entry, n_entries = self._number(row, part, other.offset, other.sums.columns)
        self._sums.merge(entry, part, parts, other.sums, n_entries)
        self._n_samples += other.n_samples
        self._count(parts, np.bincount(parts, other.n_weighted).astype(np.int64))

    def bytes_with(self, n_rows: int, nnz: int, n_entries: int | None = None, n_ids: int | None = None) -> int:
        """Return the most bytes that tables and sums take with further rows, all of them new.

        Parameters
        ----------
        n_rows, nnz : int
            Of the further rows.
        n_entries : int or None, default=None
            Of them; None: one for each row.
        n_ids : int or None, default=None
            Of them at the most; None: as many as there are non-zeros.

        Returns
        -------
        n_bytes : int
        """
        more = n_rows if n_entries is None else n_entries
        total = self._rows.bytes_with(n_rows, nnz, nnz if n_ids is None else n_ids)
        known = self._rows.n_rows
        if self._values is not None:
            total, known = total + self._values.bytes_with(more), self._values.n_known
        if self._entries is not None:
            total += self._entries.bytes_with(more, known + more)
            known = self._entries.n_known
        return total + self._sums.bytes_with(known + more)

    @property
    def n_rows(self) -> int:
        """Distinct rows so far."""
        return self._rows.n_rows

    def _number(
        self, row: Numbers, part: Numbers | None, offset: Vector | None, y: Sequence[Vector]
    ) -> tuple[Numbers, int]:
        """Number the entries of samples, and say how many there are."""
        entry, n_entries = row, self._rows.n_rows
        # Where there are no samples there may be no columns either.
        if self._values is not None and row.size:
            values = ([] if offset is None else [offset]) + [*y] * self._each_y
            entry, n_entries = self._values.number(entry, values)
        if self._entries is not None and part is not None:
            entry = self._entries.number(entry, part, n_entries)
            n_entries = self._entries.n_known
        return entry, n_entries

    def _count(self, part: Numbers | None, counts: npt.NDArray[np.int64]) -> None:
        grow(self._n_weighted, counts.size)
        self._n_weighted[: counts.size] += counts

    def _check_columns(self, n_features: int, names: npt.NDArray[np.object_] | None) -> None:
        """Refuse other columns than those before."""
        if self._n_features == 0:
            self._n_features, self._names = n_features, names
        if n_features != self._n_features:
            raise ValueError(
                f"X has {n_features} features, where the rows before had {self._n_features}"
                f"{open_width_hint(n_features, self._n_features)}"
            )
        if (names is None) != (self._names is None) or (names is not None and not np.array_equal(names, self._names)):
            raise ValueError("X: other column names than in the rows before, expected the same in the same order")

    def finish(self) -> Entries:
        """Return what the samples were reduced to; nothing can be added any more."""
        rows = self._rows.finish(self._n_features)
        row = part = folds = offset = None
        n_parts = 1 if self._folds is None else self._folds.n_known
        if self._entries is not None:
            row, part = self._entries.finish()
        if self._values is not None:
            row_of_values, columns = self._values.finish(int(self._has_offset))
            row, columns = (
                (row_of_values, columns) if row is None else (row_of_values[row], [each[row] for each in columns])
            )
            offset = columns[0] if self._has_offset else None
        if self._folds is not None:
            folds = self._folds.finish()
        n_entries = rows.n_samples if row is None else row.size
        grow(self._n_weighted, n_parts)
        return Entries(
            rows, row, part, folds, self._sums.finish(n_entries, n_parts), cut(self._n_weighted, n_parts),
            self._n_samples, self._names, offset,
        )


def _canonical(rows: Rows) -> Rows:
    """Sort ids and add duplicates up where need be; zeros that come of it are dropped."""
    if rows.is_sorted:
        return rows
    rows = canonical_rows(rows)
    return select_rows(rows, np.ones(rows.n_samples, dtype=bool))
