"""Sparse coefficient vectors of wide columns, and predictions that look the ids of X up in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._core import coef_table, dense_matrix
from sparsereg.design import find_ids
from sparsereg.inputs.dense_rows import DenseRows
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


@dataclass(frozen=True, eq=False)
class Nonzeros:
    """The non-zeros of vectors side by side: the arrays of a CSC matrix, and the matrix for whoever asks.

    SciPy checks whatever it makes a matrix of, which takes longer than all else between the data and a small fit.

    Attributes
    ----------
    data : ndarray of float64 of shape (nnz,)
        No zeros.
    indices : ndarray of int32 of shape (nnz,)
        Places in the vectors, ascending in each.
    indptr : ndarray of int32 or int64 of shape (n_columns + 1,)
    length : int
        Of a vector, zeros included.
    """

    data: Vector
    indices: npt.NDArray[np.int32]
    indptr: npt.NDArray[Any]
    length: int

    @classmethod
    def of(cls, matrix: Any) -> Nonzeros:
        """Take the non-zeros of a SciPy matrix of shape (length, n_columns), which is not changed."""
        matrix = sparse.csc_array(matrix, dtype=np.float64, copy=True)
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        return cls(matrix.data, matrix.indices, matrix.indptr, matrix.shape[0])

    @classmethod
    def of_dense(cls, w: Vector) -> Nonzeros:
        """Take the non-zeros of an array of shape (n_columns, length); a zero of either sign is a zero."""
        n_columns, length = w.shape
        # Thirteen times as fast as the non-zeros of numbers.
        (flat,) = (w != 0.0).ravel().nonzero()
        if n_columns == 1:
            return cls(w.ravel()[flat], flat.astype(np.int32), np.array([0, flat.size], dtype=np.int32), length)
        indptr = flat.searchsorted(length * np.arange(n_columns + 1)).astype(np.int32)
        return cls(w.ravel()[flat], (flat % length).astype(np.int32), indptr, length)

    @classmethod
    def none(cls, length: int, n_columns: int) -> Nonzeros:
        """Return vectors of zeros."""
        return cls(np.empty(0), np.empty(0, dtype=np.int32), np.zeros(n_columns + 1, dtype=np.int32), length)

    @classmethod
    def joined(cls, parts: Sequence[Nonzeros]) -> Nonzeros:
        """Put vectors of the same length side by side."""
        if len(parts) == 1:
            return parts[0]
        data, indices = (np.concatenate([getattr(part, name) for part in parts]) for name in ("data", "indices"))
        sizes = np.concatenate([np.diff(part.indptr) for part in parts])
        indptr = np.zeros(sizes.size + 1, dtype=np.int64 if data.size > np.iinfo(np.int32).max else np.int32)
        np.cumsum(sizes, out=indptr[1:])
        return cls(data, indices, indptr, parts[0].length)

    @property
    def n_columns(self) -> int:
        """Number of vectors."""
        return self.indptr.size - 1

    @property
    def matrix(self) -> sparse.csc_array:
        """SciPy's matrix of shape (length, n_columns), on the same arrays."""
        return sparse.csc_array((self.data, self.indices, self.indptr), shape=(self.length, self.n_columns))

    def toarray(self) -> Vector:
        """Return an array of shape (length, n_columns), zeros included."""
        out = np.zeros((self.length, self.n_columns))
        out[self.indices, np.arange(self.n_columns).repeat(self.indptr[1:] - self.indptr[:-1])] = self.data
        return out

    def compressed(self) -> tuple[npt.NDArray[np.intp], Nonzeros]:
        """Leave out the places at which every vector is zero; return the others, ascending, too."""
        is_used = np.zeros(self.length, dtype=bool)
        is_used[self.indices] = True
        (used,) = is_used.nonzero()
        places = (is_used.cumsum(dtype=np.int32) - 1)[self.indices]
        return used, Nonzeros(self.data, places, self.indptr, used.size)


@dataclass(frozen=True, eq=False)
class SparseCoef:
    """The non-zeros of wide coefficient vectors: one, one for each class, or one for each alpha of a path.

    Attributes
    ----------
    ids : ndarray of int64 of shape (n_ids,)
        Strictly ascending, in [0, n_features); every id at which some column is not zero.
    nonzeros : Nonzeros
        Of length n_ids: place k belongs to `ids[k]`.
    n_features : int
        Width of the vectors.
    """

    ids: Ids
    nonzeros: Nonzeros
    n_features: int

    @classmethod
    def from_active(cls, active: Ids, w: Any, n_features: int) -> SparseCoef:
        """Keep the non-zeros of compact vectors; a zero of either sign is a zero.

        Parameters
        ----------
        active : ndarray of int64 of shape (n_active,)
            Strictly ascending ids, as in `Design.active`.
        w : Nonzeros of length n_active, SciPy sparse matrix, or array-like
            The last two of shape (n_active, n_columns), an array-like of shape (n_active,) too.
        n_features : int
        """
        if sparse.issparse(w):
            w = Nonzeros.of(w)
        elif not isinstance(w, Nonzeros):
            w = Nonzeros.of_dense(np.atleast_2d(np.asarray(w, dtype=np.float64).T))
        used, nonzeros = w.compressed()
        return cls(np.asarray(active, dtype=np.int64)[used], nonzeros, int(n_features))

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
            places, nonzeros = np.searchsorted(ids, part.ids).astype(np.int32), part.nonzeros
            moved.append(Nonzeros(nonzeros.data, places[nonzeros.indices], nonzeros.indptr, ids.size))
        return cls(ids, Nonzeros.joined(moved), parts[0].n_features)

    def mixed(self, other: SparseCoef, share: float) -> SparseCoef:
        """Return the vectors that lie a share of the way to those of another of the same shape."""
        both, n = self.joined([self, other]), self.n_columns
        mixed = (1.0 - share) * both.values[:, :n] + share * both.values[:, n:]
        return self.from_active(both.ids, mixed, self.n_features)

    @property
    def n_columns(self) -> int:
        """Number of coefficient vectors."""
        return self.nonzeros.n_columns

    @cached_property
    def values(self) -> sparse.csc_array:
        """The coefficients as a csc_array of shape (n_ids, n_columns): row k belongs to `ids[k]`."""
        return self.nonzeros.matrix

    @property
    def nbytes(self) -> int:
        """Bytes of ids and values, and of what says where these belong if there are several vectors."""
        nonzeros = self.nonzeros
        indices = nonzeros.indices.nbytes + nonzeros.indptr.nbytes if self.n_columns > 1 else 0
        return int(self.ids.nbytes + nonzeros.data.nbytes + indices)

    @cached_property
    def _table(self) -> npt.NDArray[np.int64]:
        """Hash table from ids: to the values where there is one vector, else to positions."""
        room = 4 if self.ids.size <= ROOMY else 2
        size = 1 << max(1, (room * self.ids.size - 1).bit_length())
        slots = np.full((size, 2), -1, dtype=np.int64)
        beside = self.nonzeros.data.view(np.int64) if self.n_columns == 1 else np.arange(self.ids.size)
        coef_table.fill(self.ids, beside, slots)
        return slots

    def __getstate__(self) -> dict[str, Any]:
        """Keep the coefficients as SciPy's matrix, as ever; tables are quicker to build than to read."""
        return {"ids": self.ids, "values": self.values, "n_features": self.n_features}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take attributes over; older versions kept one vector as an array."""
        values = state["values"]
        nonzeros = Nonzeros.of(values) if sparse.issparse(values) else Nonzeros.of_dense(values[None])
        vars(self).update(ids=state["ids"], nonzeros=nonzeros, n_features=state["n_features"])

    def at(self, column: int) -> SparseCoef:
        """Return one of the vectors."""
        return self.between(column, column + 1)

    def between(self, start: int, stop: int) -> SparseCoef:
        """Return the vectors from `start` up to `stop`."""
        whole, indptr = self.nonzeros, self.nonzeros.indptr[start : stop + 1]
        kept = slice(indptr[0], indptr[-1])
        some = Nonzeros(whole.data[kept].copy(), whole.indices[kept], indptr - indptr[0], whole.length)
        used, nonzeros = some.compressed()
        return SparseCoef(self.ids[used], nonzeros, self.n_features)

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
        w[:, position] = self.nonzeros.toarray()[found].T
        return w

    def to_csr(self) -> sparse.csr_matrix:
        """Return the vectors as rows of a SciPy matrix of shape (n_columns, n_features)."""
        nonzeros = self.nonzeros
        rows = (nonzeros.data.copy(), self.ids[nonzeros.indices], nonzeros.indptr.astype(np.int64))
        return sparse.csr_matrix(rows, shape=(self.n_columns, self.n_features))

    def to_csc(self) -> sparse.csc_matrix:
        """Return the vectors as columns of a SciPy matrix of shape (n_features, n_columns)."""
        return self.to_csr().T

    def decision(self, X: Any) -> Vector:
        """Compute X @ w.

        Parameters
        ----------
        X : anything that `make_design` accepts, of shape (n_samples, n_features)
            Or dense rows, whose products have the bits that those of their entries have.

        Returns
        -------
        Xw : ndarray of float64 of shape (n_samples,) for one vector, else (n_samples, n_columns)
        """
        if isinstance(X, DenseRows):
            check_width(X.n_features, self.n_features)
            out = X.decision(self.on(X.column_ids))
            return out if self.n_columns > 1 else out[:, 0]
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
        if self.n_columns == 1:
            w = np.zeros(n_features)
            w[self.ids[self.nonzeros.indices]] = self.nonzeros.data
            return lambda block, out: dense_matrix.decision(np.ascontiguousarray(block), w, out[:, 0])
        vectors = np.ascontiguousarray(self.nonzeros.toarray().T)

        def multiply(block: npt.NDArray[Any], out: Vector) -> None:
            used = np.ascontiguousarray(block if self.ids.size == n_features else block[:, self.ids])
            product = np.zeros(len(block))
            # Not by BLAS, whose bits of a row depend on what other rows there are.
            for k, w in enumerate(vectors):
                if w.size:
                    dense_matrix.decision(used, w, product)
                out[:, k] = product
            if not np.isfinite(block).all():
                out.fill(np.nan)

        return multiply
