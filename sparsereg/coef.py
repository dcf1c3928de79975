"""Sparse coefficient vectors of wide columns, and predictions that look the ids of X up in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._core import coef_table, dense_matrix
from sparsereg.design import find_ids
from sparsereg.inputs.rows import CHUNK, as_rows, check_finite, check_width, dense_array, is_dense
from sparsereg.inputs.versions import moved_class

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

# Up to so many ids (64 MiB) a table is at most a quarter full, beyond at most half full. That an id is not in it is
# seen twice as quickly where two slots nearly always say so.
ROOMY = 1 << 20
# Rows whose predictions at all alphas take about 50 ms: a Ctrl-C waits for no more.
CALL_ROWS = 1 << 17

# Pickles of older versions name classes here that have another name now.
__getattr__ = partial(moved_class, __name__)


def nonzeros_of(w: Vector) -> sparse.csc_array:
    """Return the non-zeros of dense vectors; a zero of either sign is a zero.

    Parameters
    ----------
    w : ndarray of float64 of shape (n_columns, n)
        A vector in each row.

    Returns
    -------
    columns : csc_array of float64 of shape (n, n_columns)
    """
    return Nonzeros.of(w).to_csc()


class Nonzeros(NamedTuple):
    """The non-zeros of dense vectors: what a `csc_array` holds, which takes longer to make than a small fit.

    Attributes
    ----------
    data : ndarray of float64 of shape (n_nonzeros,)
    indices : ndarray of int32 of shape (n_nonzeros,)
    indptr : ndarray of int32 of shape (n_columns + 1,)
    n : int
        Length of the vectors.
    """

    data: Vector
    indices: npt.NDArray[np.int32]
    indptr: npt.NDArray[np.int32]
    n: int

    @classmethod
    def of(cls, w: npt.NDArray[np.float64]) -> Nonzeros:
        """Take the non-zeros of dense vectors, each a row; a zero of either sign is a zero."""
        n_columns, n = w.shape
        # Thirteen times as fast as the non-zeros of numbers.
        flat = np.flatnonzero(w != 0.0)
        if n_columns == 1:
            return cls(w[0, flat], flat.astype(np.int32), np.array([0, flat.size], dtype=np.int32), n)
        indptr = np.searchsorted(flat, n * np.arange(n_columns + 1)).astype(np.int32)
        return cls(w.ravel()[flat], (flat % n).astype(np.int32), indptr, n)

    @classmethod
    def of_csc(cls, columns: sparse.csc_array) -> Nonzeros:
        """Take those of a matrix without stored zeros."""
        return cls(columns.data, columns.indices, columns.indptr, columns.shape[0])

    @classmethod
    def joined(cls, parts: Sequence[Nonzeros]) -> Nonzeros:
        """Put vectors of one length side by side."""
        starts = np.concatenate([[0], np.cumsum([part.data.size for part in parts])])
        indptr = [part.indptr[:-1] + start for part, start in zip(parts, starts)]
        ends = np.concatenate([*indptr, starts[-1:]])
        ends = ends.astype(np.int32) if starts[-1] <= np.iinfo(np.int32).max else ends
        return cls(
            np.concatenate([part.data for part in parts]), np.concatenate([part.indices for part in parts]), ends,
            parts[0].n,
        )

    def to_csc(self) -> sparse.csc_array:
        """Return them as a matrix of shape (n, n_columns)."""
        return sparse.csc_array((self.data, self.indices, self.indptr), shape=(self.n, self.indptr.size - 1))


@dataclass(frozen=True, eq=False)
class SparseCoef:
    """The non-zeros of wide coefficient vectors: one, one for each class, or one for each alpha of a path.

    Attributes
    ----------
    ids : ndarray of int64 of shape (n_ids,)
        Strictly ascending, in [0, n_features); every id at which some column is not zero.
    values : csc_array of float64 of shape (n_ids, n_columns)
        Row k belongs to `ids[k]`. No stored zeros.
    n_features : int
        Width of the vectors.
    """

    ids: Ids
    values: sparse.csc_array
    n_features: int

    @classmethod
    def from_active(cls, active: Ids, w: Any, n_features: int) -> SparseCoef:
        """Keep the non-zeros of compact vectors; a zero of either sign is a zero.

        Parameters
        ----------
        active : ndarray of int64 of shape (n_active,)
            Strictly ascending ids, as in `Design.active`.
        w : array-like of shape (n_active,), or array-like or SciPy sparse matrix of shape (n_active, n_columns)
        n_features : int
        """
        if sparse.issparse(w):
            w = sparse.csc_array(w, dtype=np.float64, copy=True)
            w.sum_duplicates()
            w.eliminate_zeros()
        else:
            w = nonzeros_of(np.atleast_2d(np.asarray(w, dtype=np.float64).T))
        is_used = np.zeros(w.shape[0], dtype=bool)
        is_used[w.indices] = True
        used = np.flatnonzero(is_used)
        positions = (np.cumsum(is_used, dtype=np.int32) - 1)[w.indices]
        values = sparse.csc_array((w.data, positions, w.indptr), shape=(used.size, w.shape[1]))
        return cls(np.asarray(active, dtype=np.int64)[used], values, int(n_features))

    @classmethod
    def joined(cls, parts: Sequence[SparseCoef]) -> SparseCoef:
        """Put vectors of the same width side by side.

        Parameters
        ----------
        parts : sequence of SparseCoef

        Returns
        -------
        coef : SparseCoef
        """
        ids = np.unique(np.concatenate([part.ids for part in parts]))
        moved = []
        for part in parts:
            rows = np.searchsorted(ids, part.ids).astype(np.int32)
            columns = (part.values.data, rows[part.values.indices], part.values.indptr)
            moved.append(sparse.csc_array(columns, shape=(ids.size, part.n_columns)))
        return cls(ids, sparse.hstack(moved, format="csc"), parts[0].n_features)

    def mixed(self, other: SparseCoef, share: float) -> SparseCoef:
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
        """Bytes of ids and values, and of what says where these belong if there are several vectors."""
        values = self.values
        indices = values.indices.nbytes + values.indptr.nbytes if self.n_columns > 1 else 0
        return int(self.ids.nbytes + values.data.nbytes + indices)

    @cached_property
    def _table(self) -> npt.NDArray[np.int64]:
        """Hash table from ids: to the values where there is one vector, else to positions."""
        room = 4 if self.ids.size <= ROOMY else 2
        size = 1 << max(1, (room * self.ids.size - 1).bit_length())
        slots = np.full((size, 2), -1, dtype=np.int64)
        beside = self.values.data.view(np.int64) if self.n_columns == 1 else np.arange(self.ids.size)
        coef_table.fill(self.ids, beside, slots)
        return slots

    def __getstate__(self) -> dict[str, Any]:
        """Leave the tables out of pickles: they are quicker to build than to read."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_table", "_by_id")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take attributes over; older versions kept one vector as an array."""
        values = state["values"]
        if not sparse.issparse(values):
            values = nonzeros_of(values[None])
        vars(self).update(state, values=values)

    def at(self, column: int) -> SparseCoef:
        """Return one of the vectors."""
        return self.between(column, column + 1)

    def between(self, start: int, stop: int) -> SparseCoef:
        """Return the vectors from `start` up to `stop`."""
        indptr = self.values.indptr[start : stop + 1]
        kept = slice(indptr[0], indptr[-1])
        used, positions = np.unique(self.values.indices[kept], return_inverse=True)
        columns = (self.values.data[kept].copy(), positions.astype(np.int32), indptr - indptr[0])
        values = sparse.csc_array(columns, shape=(used.size, stop - start))
        return SparseCoef(self.ids[used], values, self.n_features)

    def on(self, active: Ids) -> Vector:
        """Return the coefficients of some columns.

        Parameters
        ----------
        active : ndarray of int64 of shape (n_active,)
            Strictly ascending ids, as in `Design.active`.

        Returns
        -------
        w : ndarray of float64 of shape (n_columns, n_active)
        """
        w = np.zeros((self.n_columns, active.size))
        found, position = find_ids(self.ids, active)
        w[:, position] = self.values.toarray()[found].T
        return w

    def to_csr(self) -> sparse.csr_matrix:
        """Return the vectors as rows of a SciPy matrix of shape (n_columns, n_features)."""
        values = self.values
        rows = (values.data.copy(), self.ids[values.indices], values.indptr.astype(np.int64))
        return sparse.csr_matrix(rows, shape=(self.n_columns, self.n_features))

    def to_csc(self) -> sparse.csc_matrix:
        """Return the vectors as columns of a SciPy matrix of shape (n_features, n_columns)."""
        return self.to_csr().T

    def decision(self, X: Any) -> Vector:
        """Compute X @ w.

        Parameters
        ----------
        X : anything that `make_design` accepts, of shape (n_samples, n_features)

        Returns
        -------
        Xw : ndarray of float64 of shape (n_samples,) for one vector, else (n_samples, n_columns)
        """
        if is_dense(X):
            array = dense_array(X)
            check_width(array.shape[1], self.n_features)
            return self._dense_decision(array)
        rows = as_rows(X)
        check_width(rows.n_features, self.n_features)
        if self.n_columns == 1:
            out = np.empty(rows.n_samples)
            coef_table.decision(rows.indptr, rows.indices, rows.data, self._table, out)
            return out
        outs = np.zeros((rows.n_samples, self.n_columns))
        for start in range(0, rows.n_samples, CALL_ROWS):
            part = rows.indptr[start : start + CALL_ROWS + 1], rows.indices, rows.data
            coef_table.decisions(*part, self._table, *self._by_id, outs[start : start + CALL_ROWS])
        return outs

    @cached_property
    def _by_id(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], Vector]:
        """`indptr, indices, data` of the values, id by id."""
        values = self.values.tocsr()
        return values.indptr.astype(np.int64), values.indices.astype(np.int32, copy=False), values.data

    def _dense_decision(self, array: npt.NDArray[Any]) -> Vector:
        """Compute X @ w of a dense matrix, some rows at a time."""
        n_samples, n_features = array.shape
        out = np.empty((n_samples, self.n_columns))
        step = max(CHUNK // n_features, 1)
        multiply = self._multiplier(n_features)
        with np.errstate(invalid="ignore", over="ignore"):
            for start in range(0, n_samples, step):
                block = array[start : start + step]
                if block.dtype not in (np.float32, np.float64) or not block.flags.aligned:
                    block = block.astype(np.float64)
                multiply(block, out[start : start + step])
        if not np.isfinite(out).all():
            check_finite(array, "X")
        return out if self.n_columns > 1 else out[:, 0]

    def _multiplier(self, n_features: int) -> Callable[[npt.NDArray[Any], Vector], None]:
        """Return what writes the product of a block of rows; whatever is not finite in the block, some of it is not."""
        values = self.values.toarray()
        if self.n_columns == 1:
            w = np.zeros(n_features)
            w[self.ids] = values[:, 0]
            return lambda block, out: dense_matrix.decision(np.ascontiguousarray(block), w, out[:, 0])

        def multiply(block: npt.NDArray[Any], out: Vector) -> None:
            used = block if self.ids.size == n_features else block[:, self.ids]
            np.matmul(used.astype(np.float64, copy=False), values, out=out)
            if not np.isfinite(block).all():
                out.fill(np.nan)

        return multiply
