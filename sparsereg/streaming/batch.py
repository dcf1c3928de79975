"""Mini-batches: rows with distinct ids, their targets, weights and steps' units; and which entries take part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._core import dense_rows, equal_rows
from sparsereg.design import compact_rows
from sparsereg.inputs.compressed import raise_not_finite
from sparsereg.inputs.dense_rows import DenseRows, read_rows
from sparsereg.inputs.equal_slices import equal_slices
from sparsereg.inputs.rows import Rows, as_rows, is_dense

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sampling:
    """Which entries and coefficients take part.

    Attributes
    ----------
    dropout : float
        Share of the entries left out of each step, in [0, 1).
    seed : int
        Of the dropout, in [0, 2**64).
    min_count : int
        A coefficient is kept from the `min_count`-th time that its id is seen, in [1, 255].
    drop_stale : int
        Every so many rows, coefficients are dropped that are 0 and were not touched since the last time; 0: never.
    """

    dropout: float = 0.0
    seed: int = 0
    min_count: int = 1
    drop_stale: int = 0


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows, their targets and their weights.

    Attributes
    ----------
    rows : Rows or DenseRows
        Ids distinct in every row. Where places are known and no entry is dropped out ids may be missing: of length 0.
    y : ndarray of float64 of shape (n_rows, n_outputs)
    weight : ndarray of float64 of shape (n_rows,) or None
        None: ones.
    unit : ndarray of float64 of shape (n_rows,) or None
        The weight that counts as 1 in the step of each row. None: ones.
    places : ndarray of uint32 of shape (n_entries,) or None
        Indices of the states that a learner keeps for the ids, any where an entry is 0 or its row has no weight. None:
        not known.
    """

    rows: Rows | DenseRows
    y: Vector
    weight: Vector | None = None
    unit: Vector | None = None
    places: npt.NDArray[np.uint32] | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.rows.n_samples

    @property
    def has_weight(self) -> bool:
        """Whether there is anything to learn from, or to judge by."""
        return self.n_rows > 0 and (self.weight is None or bool(self.weight.any()))

    @property
    def n_entries(self) -> int:
        """Number of stored values."""
        return self.rows.n_entries if isinstance(self.rows, DenseRows) else int(self.rows.indptr[-1])

    @property
    def is_dense(self) -> bool:
        """Whether rows have no ids, and no places either."""
        return isinstance(self.rows, DenseRows)

    @property
    def longest(self) -> int:
        """Most entries of a row, of sparse ones."""
        assert isinstance(self.rows, Rows)
        known = self.rows.longest
        return int(np.diff(self.rows.indptr).max(initial=0)) if known is None else known

    def end_of_part(self, start: int, n_entries: int) -> int:
        """Return where rows from `start` on end that have at most `n_entries` between them, but one row at least."""
        rows = self.rows
        if isinstance(rows, DenseRows):
            stop = start + n_entries // rows.n_features
        else:
            stop = int(np.searchsorted(rows.indptr, rows.indptr[start] + n_entries, side="right")) - 1
        return min(max(stop, start + 1), self.n_rows)

    def sparse(self) -> Batch:
        """Return the same with the entries of dense rows that are not 0, of the types that kernels take."""
        if not isinstance(self.rows, DenseRows):
            return self
        return replace(self, rows=rows_between(self.rows.sparse(), 0, self.n_rows))

    def between(self, start: int, stop: int) -> Batch:
        """Return the rows from `start` up to `stop`, a view where ids and values are of the types that kernels take."""
        some = slice(start, stop)
        weight, unit = (None if array is None else array[some] for array in (self.weight, self.unit))
        if isinstance(self.rows, DenseRows):
            return Batch(self.rows.between(start, stop), self.y[some], weight, unit)
        places = None if self.places is None else self.places[self.rows.indptr[start] : self.rows.indptr[stop]]
        return Batch(rows_between(self.rows, start, stop), self.y[some], weight, unit, places)


def rows_between(rows: Rows, start: int, stop: int) -> Rows:
    """Return the rows from `start` up to `stop`, a view where ids and values are of the types that kernels take.

    Parameters
    ----------
    rows : Rows
    start, stop : int

    Returns
    -------
    rows : Rows
    """
    is_whole = (start, stop) == (0, rows.n_samples)
    low, high = rows.indptr[start], rows.indptr[stop]
    return Rows(
        rows.indptr if is_whole else rows.indptr[start : stop + 1] - low,
        rows.indices[low:high].astype(np.int64, copy=False), rows.data[low:high].astype(np.float64, copy=False),
        stop - start, rows.n_features, is_sorted=rows.is_sorted, has_zeros=rows.has_zeros,
        longest=rows.longest if is_whole else None,
    )


def canonical_rows(X: Any) -> Rows:
    """Read a matrix as rows whose ids ascend and are distinct; sorted and summed up on a copy where need be.

    Parameters
    ----------
    X : SciPy sparse matrix or array, ndarray, DataFrame or nested sequence, of shape (n_samples, n_features)

    Returns
    -------
    rows : Rows
    """
    rows = as_rows(X)
    if rows.is_sorted:
        return rows
    nnz = int(rows.indptr[-1])
    data = rows.data[:nnz].copy() if rows.data.size else np.ones(nnz)
    shape = rows.n_samples, rows.n_features
    # The structure has been checked, and the copy's arrays have no flag that could be stale.
    matrix = sparse.csr_array((data, rows.indices[:nnz].copy(), rows.indptr.copy()), shape=shape)
    with np.errstate(over="ignore"):
        matrix.sum_duplicates()
    if not np.isfinite(matrix.data).all():
        k = int(np.argmin(np.isfinite(matrix.data)))
        row = int(np.searchsorted(matrix.indptr, k, side="right")) - 1
        raise_not_finite(np.inf, matrix.data.dtype, f"as the sum of duplicate entries in row {row}", "X")
    indptr = matrix.indptr.astype(np.int64, copy=False)
    return Rows(indptr, matrix.indices, matrix.data, *shape, is_sorted=True, has_zeros=True)


def rows_of_block(X: Any, *, canonical: bool = True) -> Rows:
    """Read a matrix as `canonical_rows` does; of a stream it may have no rows at all.

    Parameters
    ----------
    X : SciPy sparse matrix or array, ndarray, DataFrame or nested sequence, of shape (n_samples, n_features)
    canonical : bool, default=True
        False: ids may come in any order, and several times, as `as_rows` leaves them.

    Returns
    -------
    rows : Rows
    """
    shape = getattr(X, "shape", ())
    if len(shape) != 2 or shape[0] != 0 or shape[1] == 0:
        return canonical_rows(X) if canonical else as_rows(X)
    ids = np.empty(0, dtype=np.int64)
    return Rows(np.zeros(1, dtype=np.int64), ids, np.empty(0), 0, int(shape[1]), is_sorted=True, has_zeros=False)


def rows_to_learn(X: Any) -> Rows | DenseRows:
    """Read a matrix as `rows_of_block` does, dense where it is an array of which most values are not 0.

    Parameters
    ----------
    X : SciPy sparse matrix or array, ndarray, DataFrame or nested sequence, of shape (n_samples, n_features)

    Returns
    -------
    rows : Rows or DenseRows
    """
    if is_dense(X) and getattr(X, "shape", ())[:1] != (0,):
        return read_rows(X)
    return rows_of_block(X)


def merge_equal(rows: Rows | DenseRows, y: Vector, weight: Vector) -> tuple[npt.NDArray[np.int64], Vector]:
    """Make rows one that have the same ids, values and targets.

    Parameters
    ----------
    rows : Rows or DenseRows
        Compact; dense rows are as good as these.
    y : ndarray of float64 of shape (n_rows, n_outputs)
    weight : ndarray of float64 of shape (n_rows,)

    Returns
    -------
    first : ndarray of int64 of shape (n_distinct,)
        One of each, in an order that depends on what the rows hold and not on the order that they came in.
    weight : ndarray of float64 of shape (n_distinct,)
        Sums.
    """
    hashes = np.empty(y.shape[0], dtype=np.uint64)
    if isinstance(rows, DenseRows):
        group = _group_dense(rows, hashes)
    else:
        equal_rows.hash_rows(rows.indptr, rows.indices, rows.data, hashes)
        group, _ = equal_slices(rows.indptr, rows.indices, rows.data, hashes, hashes.size)
    order = np.lexsort((*y.T, group, hashes))
    is_new = np.ones(order.size, dtype=bool)
    is_new[1:] = (np.diff(group[order]) != 0) | (np.diff(y[order], axis=0) != 0.0).any(axis=1)
    starts = np.flatnonzero(is_new)
    return order[starts], np.add.reduceat(weight[order], starts)


def _group_dense(rows: DenseRows, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
    """Hash dense rows, and number them, equal ones alike."""
    ids = np.cumsum(rows.filled(None)) - 1
    dense_rows.hash_rows(*rows.arrays, ids.astype(np.int32), hashes)
    group = np.arange(hashes.size, dtype=np.int32)
    order = np.argsort(hashes)
    is_again = np.zeros(hashes.size, dtype=bool)
    is_again[1:] = hashes[order[1:]] == hashes[order[:-1]]
    if is_again.any():
        is_again[:-1] |= is_again[1:]
        # In order of rows, as all would be numbered.
        again = np.sort(order[is_again])
        some = compact_rows(rows.take(again).sparse())
        numbers, first = equal_slices(some.indptr, some.indices, some.data, hashes[again], again.size)
        group[again] = again[first[numbers]]
    return group
