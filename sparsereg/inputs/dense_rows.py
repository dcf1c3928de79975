"""Dense rows for streams: the values of a matrix as they lie, without column ids, zeros included."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import dense_matrix, dense_rows, sgd_dense
from sparsereg.inputs.rows import CHUNK, Rows, as_rows, check_finite, dense_array, is_dense

Vector = npt.NDArray[np.float64]
Order = npt.NDArray[np.int32]

# Share of the values that are not 0 from which on zeros cost less than the ids of the others: an entry takes 4 ns with
# its column, 15 with a look-up (measured).
DENSE_SHARE = 0.3
AS_THEY_LIE = np.empty(0, dtype=np.int32)
_NO_WIDE, _NO_NARROW = np.empty((0, 0)), np.empty((0, 0), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class DenseRows:
    """Validated rows of a dense matrix; a value of 0 is as good as none.

    Attributes
    ----------
    values : ndarray of float32 or float64 of shape (n_stored, n_features)
        In any order of memory; may be the caller's own.
    order : ndarray of int32
        The rows among them, in turn; of length 0: all, as they lie.
    is_full : bool
        No value is 0.
    is_binary : bool
        Every value is 0 or 1.
    """

    values: npt.NDArray[Any]
    order: Order
    is_full: bool
    is_binary: bool

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return int(self.order.size or self.values.shape[0])

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return int(self.values.shape[1])

    @property
    def column_ids(self) -> npt.NDArray[np.int64]:
        """The ids of the columns: their numbers."""
        return np.arange(self.n_features)

    @property
    def n_entries(self) -> int:
        """Number of values, zeros included."""
        return self.n_samples * self.n_features

    @property
    def arrays(self) -> tuple[Vector, npt.NDArray[np.float32], Order]:
        """Wide values, narrow values and order, as kernels take them."""
        if self.values.dtype == np.float32:
            return _NO_WIDE, self.values, self.order
        return self.values, _NO_NARROW, self.order

    @property
    def matrix(self) -> npt.NDArray[Any]:
        """The rows as an array: the values themselves where these lie in order."""
        return self.values[self.order] if self.order.size else self.values

    def by_rows(self) -> DenseRows:
        """Return the same, each row contiguous, so that rows can be drawn: a copy where need be."""
        if self.values.strides[1] == self.values.itemsize:
            return self
        n_stored, n_features = self.values.shape
        values = np.empty((n_stored, n_features), dtype=self.values.dtype)
        step = max(CHUNK // n_features, 1)
        for start in range(0, n_stored, step):
            some = self.values[start : start + step].T
            dense_matrix.transpose(some, values[start : start + step], 0, np.zeros(some.shape[1], dtype=np.uint8))
        return replace(self, values=values)

    def between(self, start: int, stop: int) -> DenseRows:
        """Return the rows from `start` up to `stop`, a view."""
        if self.order.size:
            return self._drawn(self.order[start:stop])
        return replace(self, values=self.values[start:stop])

    def take(self, chosen: npt.NDArray[Any]) -> DenseRows:
        """Return some rows, in the given order, without copying them.

        Parameters
        ----------
        chosen : ndarray of int of shape (n_chosen,)
        """
        return self._drawn(self.order[chosen] if self.order.size else chosen)

    def _drawn(self, order: npt.NDArray[Any]) -> DenseRows:
        """Return stored rows in an order; of none there is no order."""
        if order.size == 0:
            return replace(self, values=self.values[:0], order=AS_THEY_LIE)
        return replace(self, order=order.astype(np.int32, copy=False))

    def copy(self) -> DenseRows:
        """Return the same rows on memory of their own."""
        return replace(self, values=np.array(self.matrix, order="C"), order=AS_THEY_LIE)

    def sparse(self) -> Rows:
        """Return the same rows by their non-zeros."""
        if not self.is_full:
            return as_rows(self.matrix)
        n, width = self.n_samples, self.n_features
        values = self.values[:0, 0] if self.is_binary else self.matrix.ravel()
        return Rows(
            np.arange(n + 1) * width, np.tile(self.column_ids, n), values, n, width, is_sorted=True, has_zeros=False,
            longest=width,
        )

    def decision(self, w: Vector) -> Vector:
        """Compute linear predictors, with the bits that sparse rows have.

        Parameters
        ----------
        w : ndarray of float64 of shape (n_outputs, n_features)

        Returns
        -------
        t : ndarray of float64 of shape (n_samples, n_outputs)
        """
        t = np.zeros((self.n_samples, w.shape[0]))
        w = np.ascontiguousarray(w)
        step = max(CHUNK // self.n_features, 1)
        for start in range(0, self.n_samples, step):
            stop = min(start + step, self.n_samples)
            sgd_dense.decision(*self.between(start, stop).arrays, w, t[start:stop])
        return t

    def filled(self, weight: Vector | None) -> npt.NDArray[np.bool_]:
        """Tell which columns hold something in rows that have a weight.

        Parameters
        ----------
        weight : ndarray of float64 of shape (n_samples,) or None

        Returns
        -------
        filled : ndarray of bool of shape (n_features,)
        """
        if self.is_full:
            return np.full(self.n_features, weight is None or bool((weight > 0.0).any()))
        filled = np.zeros(self.n_features, dtype=np.uint8)
        step = max(CHUNK // self.n_features, 1)
        for start in range(0, self.n_samples, step):
            stop = min(start + step, self.n_samples)
            some = np.empty(0) if weight is None else weight[start:stop]
            dense_rows.mark(*self.between(start, stop).arrays, some, filled)
        return filled.view(bool)


def read_rows(X: Any, name: str = "X") -> Rows | DenseRows:
    """Read a matrix as validated rows: dense where it is an array of which most values are not 0.

    Parameters
    ----------
    X : anything that `as_rows` takes
        Or dense rows, which are taken as they are.
    name : str, default="X"
        Of the argument, in messages.

    Returns
    -------
    rows : Rows or DenseRows
    """
    if isinstance(X, DenseRows):
        return X
    if not is_dense(X):
        return as_rows(X, name=name)
    array = dense_array(X, name)
    values = _readable(array)
    is_finite, n_nonzero, is_binary = _look(values)
    if not is_finite:
        check_finite(array, name)
        check_finite(values, name)
    if n_nonzero < DENSE_SHARE * values.size:
        return as_rows(values, name=name)
    return DenseRows(values, AS_THEY_LIE, n_nonzero == values.size, is_binary)


def _readable(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Bring values into types that the kernels read: the caller's own array, or a copy of it."""
    wanted = np.float32 if array.dtype == np.float32 else np.float64
    if array.dtype == wanted and array.dtype.isnative and array.flags.aligned:
        return array
    # A value too large becomes an infinity, which is reported.
    with np.errstate(over="ignore"):
        return array.astype(wanted)


def _look(values: npt.NDArray[Any]) -> tuple[bool, int, bool]:
    """Look at all values along memory, some at a time: a Ctrl-C waits for no more than these."""
    along = values.T if abs(values.strides[0]) < abs(values.strides[1]) else values
    step = max(CHUNK // along.shape[1], 1)
    parts = [dense_rows.look(along[start : start + step]) for start in range(0, along.shape[0], step)]
    return all(part[0] for part in parts), sum(part[1] for part in parts), all(part[2] for part in parts)
