"""Coefficients as small as their non-zeros, and predictions that look the ids of X up in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._core import coef_table
from sparsereg.inputs.rows import Rows, as_rows, check_width
from sparsereg.inputs.versions import moved_class

__all__ = ["PathCoef", "SparseCoef"]

__getattr__ = partial(moved_class, __name__)


@dataclass(frozen=True, eq=False)
class IdTable:
    """A hash table from ids to their positions.

    Attributes
    ----------
    keys : ndarray of int64 of shape (size,)
        -1 where a slot is free.
    positions : ndarray of int32 of shape (size,)
    """

    keys: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int32]

    @classmethod
    def of(cls, ids: npt.NDArray[np.int64]) -> IdTable:
        """Enter distinct ids, at most half filling the table."""
        size = 1 << max(1, (2 * ids.size - 1).bit_length())
        table = cls(np.full(size, -1, dtype=np.int64), np.empty(size, dtype=np.int32))
        coef_table.fill(ids, table.keys, table.positions)
        return table


@dataclass(frozen=True, eq=False)
class SparseCoef:
    """The non-zeros of one wide coefficient vector.

    Attributes
    ----------
    ids : ndarray of int64 of shape (n_nonzero,)
        Strictly ascending, in [0, n_features).
    values : ndarray of float64 of shape (n_nonzero,)
        No zeros.
    n_features : int
        Width of the vector.
    """

    ids: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    n_features: int

    @classmethod
    def from_active(cls, active: npt.NDArray[np.int64], w: npt.ArrayLike, n_features: int) -> SparseCoef:
        """Keep the non-zeros of a compact vector; a zero of either sign is a zero.

        Parameters
        ----------
        active : ndarray of int64 of shape (n_active,)
            Strictly ascending ids, as in `Design.active`.
        w : array-like of shape (n_active,)
        n_features : int
        """
        w = np.asarray(w, dtype=np.float64)
        kept = np.flatnonzero(w)
        return cls(np.asarray(active, dtype=np.int64)[kept], w[kept], int(n_features))

    @property
    def nbytes(self) -> int:
        """Bytes of ids and values."""
        return int(self.ids.nbytes + self.values.nbytes)

    @cached_property
    def _table(self) -> IdTable:
        return IdTable.of(self.ids)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the table out of pickles: it is quicker to build than to read."""
        return {name: value for name, value in self.__dict__.items() if name != "_table"}

    def mixed(self, other: SparseCoef, share: float) -> SparseCoef:
        """Return the vector that lies a share of the way to another of the same width."""
        ids = np.union1d(self.ids, other.ids)
        w = np.zeros(ids.size)
        w[np.searchsorted(ids, self.ids)] = (1.0 - share) * self.values
        w[np.searchsorted(ids, other.ids)] += share * other.values
        return SparseCoef.from_active(ids, w, self.n_features)

    def to_csr(self) -> sparse.csr_matrix:
        """Return the vector as a SciPy row of shape (1, n_features)."""
        row = (self.values.copy(), self.ids.copy(), np.array([0, self.ids.size], dtype=np.int64))
        return sparse.csr_matrix(row, shape=(1, self.n_features))

    def decision(self, X: Any) -> npt.NDArray[np.float64]:
        """Compute X @ w.

        Parameters
        ----------
        X : anything that `make_design` accepts, of shape (n_samples, n_features)

        Returns
        -------
        Xw : ndarray of float64 of shape (n_samples,)
        """
        rows = as_rows(X)
        check_width(rows.n_features, self.n_features)
        out = np.empty(rows.n_samples)
        table = self._table
        coef_table.decision(rows.indptr, rows.indices, rows.data, table.keys, table.positions, self.values, out)
        return out


@dataclass(frozen=True, eq=False)
class PathCoef:
    """Several wide coefficient vectors: one column for each alpha of a path, or for each class.

    Attributes
    ----------
    ids : ndarray of int64 of shape (n_ids,)
        Strictly ascending; every id at which some column is not zero.
    values : csc_array of float64 of shape (n_ids, n_columns)
        Row k belongs to `ids[k]`. No stored zeros.
    n_features : int
        Width of the vectors.
    """

    ids: npt.NDArray[np.int64]
    values: sparse.csc_array
    n_features: int

    @classmethod
    def from_active(cls, active: npt.NDArray[np.int64], w: Any, n_features: int) -> PathCoef:
        """Keep the non-zeros of compact vectors; a zero of either sign is a zero.

        Parameters
        ----------
        active : ndarray of int64 of shape (n_active,)
            Strictly ascending ids, as in `Design.active`.
        w : array-like or SciPy sparse matrix of shape (n_active, n_columns)
        n_features : int
        """
        w = sparse.csc_array(w, dtype=np.float64, copy=True)
        w.sum_duplicates()
        w.eliminate_zeros()
        is_used = np.zeros(w.shape[0], dtype=bool)
        is_used[w.indices] = True
        used = np.flatnonzero(is_used)
        indices = (np.cumsum(is_used, dtype=np.int32) - 1)[w.indices]
        values = sparse.csc_array((w.data, indices, w.indptr), shape=(used.size, w.shape[1]))
        return cls(np.asarray(active, dtype=np.int64)[used], values, int(n_features))

    @classmethod
    def joined(cls, parts: Sequence[PathCoef]) -> PathCoef:
        """Put vectors of the same width side by side.

        Parameters
        ----------
        parts : sequence of PathCoef

        Returns
        -------
        coef : PathCoef
        """
        ids = np.unique(np.concatenate([part.ids for part in parts]))
        moved = []
        for part in parts:
            rows = np.searchsorted(ids, part.ids).astype(np.int32)
            columns = (part.values.data, rows[part.values.indices], part.values.indptr)
            moved.append(sparse.csc_array(columns, shape=(ids.size, part.n_columns)))
        return cls(ids, sparse.hstack(moved, format="csc"), parts[0].n_features)

    def mixed(self, other: PathCoef, share: float) -> PathCoef:
        """Return the vectors that lie a share of the way to those of another of the same shape."""
        both, n = self.joined([self, other]), self.n_columns
        mixed = (1.0 - share) * both.values[:, :n] + share * both.values[:, n:]
        return self.from_active(both.ids, mixed, self.n_features)

    @property
    def n_columns(self) -> int:
        """Number of coefficient vectors."""
        return int(self.values.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes of ids and values."""
        values = self.values
        return int(self.ids.nbytes + values.data.nbytes + values.indices.nbytes + values.indptr.nbytes)

    @cached_property
    def _table(self) -> IdTable:
        return IdTable.of(self.ids)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the table out of pickles: it is quicker to build than to read."""
        return {name: value for name, value in self.__dict__.items() if name != "_table"}

    def at(self, column: int) -> SparseCoef:
        """Return one of the vectors."""
        start, end = self.values.indptr[column], self.values.indptr[column + 1]
        ids = self.ids[self.values.indices[start:end]]
        return SparseCoef(ids, self.values.data[start:end].copy(), self.n_features)

    def between(self, start: int, stop: int) -> PathCoef:
        """Return the vectors from `start` up to `stop`."""
        return self.from_active(self.ids, self.values[:, start:stop], self.n_features)

    def to_csc(self) -> sparse.csc_matrix:
        """Return the vectors as a SciPy matrix of shape (n_features, n_columns)."""
        values = self.values
        columns = (values.data.copy(), self.ids[values.indices], values.indptr.astype(np.int64))
        return sparse.csc_matrix(columns, shape=(self.n_features, self.n_columns))

    def decision(self, X: Any) -> npt.NDArray[np.float64]:
        """Compute X @ W.

        Parameters
        ----------
        X : anything that `make_design` accepts, of shape (n_samples, n_features)

        Returns
        -------
        XW : ndarray of float64 of shape (n_samples, n_columns)
        """
        rows = as_rows(X)
        check_width(rows.n_features, self.n_features)
        return (self._restrict(rows) @ self.values).toarray()

    def _restrict(self, rows: Rows) -> sparse.csr_array:
        """Keep the columns of X that some vector uses, renumbered to match `values`."""
        nnz = int(rows.indptr[-1])
        indptr = np.empty(rows.n_samples + 1, dtype=np.int64)
        indices, data = np.empty(nnz, dtype=np.int32), np.empty(nnz)
        table = self._table
        coef_table.restrict(
            rows.indptr, rows.indices, rows.data, table.keys, table.positions, indptr, indices, data
        )
        nnz = int(indptr[-1])
        return sparse.csr_array((data[:nnz], indices[:nnz], indptr), shape=(rows.n_samples, self.ids.size))
