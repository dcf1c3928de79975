"""Rows of a block, ready to be learned from: ids in order, targets and weights beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._core import equal_rows
from sparsereg.design import CompactRows, equal_slices
from sparsereg.inputs.rows import Rows, as_rows, raise_not_finite

__all__ = ["Chunk", "canonical_rows", "merge_equal", "rows_of_block"]

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some rows, their targets and their weights.

    Attributes
    ----------
    rows : Rows
        Ids distinct in every row.
    y : ndarray of float64 of shape (n_rows, n_outputs)
    weight : ndarray of float64 of shape (n_rows,) or None
    unit : float or None
        The weight that counts as 1 in steps. None: the mean weight of all rows so far.
    """

    rows: Rows
    y: Vector
    weight: Vector | None
    unit: float | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.rows.n_samples

    @property
    def n_entries(self) -> int:
        """Number of stored values."""
        return int(self.rows.indptr[-1])

    def between(self, start: int, stop: int) -> Chunk:
        """Return the rows from `start` up to `stop`; a view."""
        rows = self.rows
        low, high = rows.indptr[start], rows.indptr[stop]
        some = replace(
            rows, indptr=rows.indptr[start : stop + 1] - low, indices=rows.indices[low:high], data=rows.data[low:high],
            n_samples=stop - start,
        )
        return Chunk(some, self.y[start:stop], None if self.weight is None else self.weight[start:stop], self.unit)


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


def rows_of_block(X: Any) -> Rows:
    """Read a matrix as `canonical_rows` does; of a stream it may have no rows at all.

    Parameters
    ----------
    X : SciPy sparse matrix or array, ndarray, DataFrame or nested sequence, of shape (n_samples, n_features)

    Returns
    -------
    rows : Rows
    """
    shape = getattr(X, "shape", ())
    if len(shape) != 2 or shape[0] != 0 or shape[1] == 0:
        return canonical_rows(X)
    ids = np.empty(0, dtype=np.int64)
    return Rows(np.zeros(1, dtype=np.int64), ids, np.empty(0), 0, int(shape[1]), is_sorted=True, has_zeros=False)


def merge_equal(rows: CompactRows, y: Vector, weight: Vector) -> tuple[npt.NDArray[np.int64], Vector]:
    """Make rows one that have the same ids, values and targets.

    Parameters
    ----------
    rows : CompactRows
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
    equal_rows.hash_rows(rows.indptr, rows.indices, rows.data, hashes)
    group, _ = equal_slices(rows.indptr, rows.indices, rows.data, hashes, hashes.size)
    order = np.lexsort((*y.T, group, hashes))
    is_new = np.ones(order.size, dtype=bool)
    is_new[1:] = (np.diff(group[order]) != 0) | (np.diff(y[order], axis=0) != 0.0).any(axis=1)
    starts = np.flatnonzero(is_new)
    return order[starts], np.add.reduceat(weight[order], starts)
