"""Hash tables that grow: numbers of ids and of rows, in order of first appearance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import equal_rows, row_table
from sparsereg.design import CALL_IDS
from sparsereg.inputs.rows import MAX_SAMPLES, Rows

Numbers = npt.NDArray[np.int32]

# Arrays grow by this part of their length: what they hold is moved seldom, and little of them lies idle.
GROWTH = 0.25
# Tables are at most two thirds full, where linear probing is still quick.
SMALLEST_TABLE = 1 << 10
# Two numbers below 2^31 make one id: the first in the high half, the second in the low one.
HALF = 32
LOW = (1 << HALF) - 1


def grow(array: npt.NDArray[Any], needed: int) -> None:
    """Lengthen an array in place by zeros, so that memory never holds it twice where the system can move pages.

    Parameters
    ----------
    array : ndarray of shape (capacity,)
        No view of it may be in use.
    needed : int
        It is left as it is where it is as long as that.
    """
    if array.size < needed:
        array.resize(max(needed, int(array.size * (1.0 + GROWTH))), refcheck=False)


def cut(array: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """Give the unused end of an array back.

    Parameters
    ----------
    array : ndarray of shape (capacity,)
        No view of it may be in use.
    length : int

    Returns
    -------
    array : ndarray of shape (length,)
        The same.
    """
    array.resize(length, refcheck=False)
    return array


def _room_in(table: npt.NDArray[Any]) -> int:
    return 2 * len(table) // 3


def _length_with(table: npt.NDArray[Any], needed: int) -> int:
    """Return how long a table becomes that must hold so many."""
    length = len(table)
    while 2 * length // 3 < needed:
        length *= 2
    return length


def bytes_grown(array: npt.NDArray[Any], needed: int) -> int:
    """Return the most bytes that an array takes which must be as long as that.

    Parameters
    ----------
    array : ndarray of shape (capacity,)
    needed : int

    Returns
    -------
    n_bytes : int
    """
    length = array.size if array.size >= needed else int((1.0 + GROWTH) * needed) + 1
    return length * array.itemsize


class IdNumbers:
    """Numbers of ids, from 0 in order of first appearance.

    Attributes
    ----------
    n_known : int
    """

    def __init__(self) -> None:
        self._slots = np.full((SMALLEST_TABLE, 2), -1, dtype=np.int64)
        self._known = np.empty(_room_in(self._slots), dtype=np.int64)
        self.n_known = 0

    def number(self, ids: npt.NDArray[Any]) -> Numbers:
        """Number ids; those that are new come after those that are known.

        Parameters
        ----------
        ids : ndarray of int32 or int64 of shape (n,)

        Returns
        -------
        numbers : ndarray of int32 of shape (n,)
        """
        out, done = np.empty(ids.size, dtype=np.int32), 0
        while True:
            n_done, self.n_known = row_table.number_ids(
                ids[done:], self._slots, self._known, self.n_known, out[done:]
            )
            done += n_done
            if done == ids.size:
                return out
            self._make_room()

    def _make_room(self) -> None:
        """Double the table where the ids fill it, else make room for further ids."""
        limit = min(_room_in(self._slots), MAX_SAMPLES)
        if self.n_known >= MAX_SAMPLES:
            raise ValueError(f"X: more than {MAX_SAMPLES} distinct ids or rows are not allowed")
        if self.n_known >= limit:
            length = 2 * len(self._slots)
            # The old one goes first: memory never holds both.
            del self._slots
            self._slots = np.full((length, 2), -1, dtype=np.int64)
            row_table.enter_ids(self._known[: self.n_known], self._slots)
            limit = min(_room_in(self._slots), MAX_SAMPLES)
        grow(self._known, min(limit, self.n_known + max(int(GROWTH * self.n_known), 1)))

    def bytes_with(self, n_more: int) -> int:
        """Return the most bytes taken with so many further ids, all of them new."""
        needed = self.n_known + n_more
        return 16 * _length_with(self._slots, needed) + bytes_grown(self._known, needed)

    def finish(self) -> npt.NDArray[np.int64]:
        """Give the table back.

        Returns
        -------
        known : ndarray of int64 of shape (n_known,)
            The ids by their numbers.
        """
        del self._slots
        return cut(self._known, self.n_known)


class ValueNumbers:
    """Numbers of rows beside the values that they come with, from 0 in order of first appearance."""

    def __init__(self) -> None:
        self._values = IdNumbers()
        # Of pairs of a row and its first value, of these and the second one, and so on.
        self._pairs: list[IdNumbers] = []

    def number(self, row: Numbers, columns: Sequence[npt.NDArray[np.float64]]) -> tuple[Numbers, int]:
        """Number rows with their values; those that are new come after those that are known.

        Parameters
        ----------
        row : ndarray of int32 of shape (n,)
        columns : sequence of ndarray of float64 of shape (n,)
            At least one; as many in every call.

        Returns
        -------
        numbers : ndarray of int32 of shape (n,)
        n_known : int
            With those that are new.
        """
        self._pairs += [IdNumbers() for _ in columns[len(self._pairs) :]]
        for pairs, column in zip(self._pairs, columns, strict=True):
            # -0.0 is 0.0, whose bits differ.
            value = self._values.number((column + 0.0).view(np.int64))
            row = pairs.number((row.astype(np.int64) << HALF) | value)
        return row, self.n_known

    @property
    def n_known(self) -> int:
        """How many rows with values there are so far."""
        return self._pairs[-1].n_known if self._pairs else 0

    def bytes_with(self, n_more: int) -> int:
        """Return the most bytes taken with so many further rows, all of them and of their values new."""
        pairs = self._pairs or [IdNumbers()]
        return self._values.bytes_with(n_more * len(pairs)) + sum(each.bytes_with(n_more) for each in pairs)

    def finish(self, n_columns: int) -> tuple[Numbers, list[npt.NDArray[np.float64]]]:
        """Give the tables back.

        Parameters
        ----------
        n_columns : int
            How many of the values are asked for, from the first on.

        Returns
        -------
        row : ndarray of int32 of shape (n_known,)
        columns : list of ndarray of float64 of shape (n_known,)
            By the numbers of both.
        """
        values, columns = self._values.finish().view(np.float64), [np.empty(0) for _ in range(n_columns)]
        row: Numbers | None = None
        for k in reversed(range(len(self._pairs))):
            known = self._pairs.pop().finish()
            known = known if row is None else known[row]
            row = (known >> HALF).astype(np.int32)
            if k < n_columns:
                columns[k] = values[known & LOW]
        return np.empty(0, dtype=np.int32) if row is None else row, columns


class PartNumbers:
    """Numbers of pairs of a row and one of few parts, from 0 in order of first appearance.

    Attributes
    ----------
    n_known : int
    """

    def __init__(self) -> None:
        self._newest, self._older, self._row, self._part = (np.zeros(0, dtype=np.int32) for _ in range(4))
        self.n_known = 0

    def number(self, row: Numbers, part: Numbers, n_rows: int) -> Numbers:
        """Number pairs; those that are new come after those that are known.

        Parameters
        ----------
        row, part : ndarray of int32 of shape (n,)
        n_rows : int
            Above every row.

        Returns
        -------
        numbers : ndarray of int32 of shape (n,)
        """
        grow(self._newest, n_rows)
        out, done = np.empty(row.size, dtype=np.int32), 0
        while True:
            n_done, self.n_known = row_table.number_parts(
                row[done:], part[done:], self._newest, self._older, self._row, self._part, self.n_known, out[done:]
            )
            done += n_done
            if done == row.size:
                return out
            if self.n_known >= MAX_SAMPLES:
                raise ValueError(f"X: more than {MAX_SAMPLES} distinct rows of folds are not allowed")
            for array in (self._older, self._row, self._part):
                grow(array, self.n_known + 1)

    def bytes_with(self, n_more: int, n_rows: int) -> int:
        """Return the most bytes taken with so many further pairs, all of them new, of so many rows in all."""
        columns = sum(bytes_grown(array, self.n_known + n_more) for array in (self._older, self._row, self._part))
        return bytes_grown(self._newest, n_rows) + columns

    def finish(self) -> tuple[Numbers, Numbers]:
        """Give the tables back.

        Returns
        -------
        row, part : ndarray of int32 of shape (n_known,)
            Of the pairs by their numbers.
        """
        del self._newest, self._older
        return cut(self._row, self.n_known), cut(self._part, self.n_known)


class RowNumbers:
    """Distinct rows, numbered from 0 in order of first appearance, under ids that are numbered likewise."""

    def __init__(self) -> None:
        self._ids = IdNumbers()
        self._table = np.zeros(SMALLEST_TABLE, dtype=np.uint64)
        self._indptr, self._indices = np.zeros(2, dtype=np.int64), np.empty(0, dtype=np.int32)
        self._data: npt.NDArray[Any] = np.empty(0, dtype=np.float32)
        self._has_values, self.n_rows = False, 0

    @property
    def _nnz(self) -> int:
        return int(self._indptr[self.n_rows])

    def number(self, rows: Rows) -> Numbers:
        """Number rows; those that are new come after those that are known.

        Parameters
        ----------
        rows : Rows
            Ids strictly ascending in every row, no stored zeros; compact or not.

        Returns
        -------
        numbers : ndarray of int32 of shape (n_rows,)
        """
        nnz = int(rows.indptr[-1])
        indices, data = rows.indices[:nnz], rows.data[:nnz]
        indices = self._ids.number(indices) if rows.active is None else self._ids.number(rows.active)[indices]
        data = self._as_kept(data, nnz)
        hashes = np.empty(rows.n_samples, dtype=np.uint64)
        equal_rows.hash_rows(rows.indptr, indices, data, hashes)
        out, done = np.empty(rows.n_samples, dtype=np.int32), 0
        while True:
            n_done, self.n_rows = row_table.number_rows(
                rows.indptr[done:], indices, data, hashes[done:], self._table, self._indptr, self._indices, self._data,
                self.n_rows, out[done:],
            )
            done += n_done
            if done == rows.n_samples:
                return out
            self._make_room(int(rows.indptr[done + 1] - rows.indptr[done]))

    def _as_kept(self, data: npt.NDArray[Any], nnz: int) -> npt.NDArray[Any]:
        """Bring values of further rows, and of those kept, into the same form: ones, float32 or float64."""
        if data.size and not self._has_values:
            self._data, self._has_values = np.ones(self._indices.size, dtype=data.dtype), True
            # What values rows are hashed with is part of the table.
            self._table[:] = 0
            self._enter_rows()
        elif data.size and data.dtype == np.float64 and self._data.dtype != np.float64:
            self._data = self._data.astype(np.float64)
        if self._has_values and not data.size:
            return np.ones(nnz, dtype=self._data.dtype)
        return data.astype(self._data.dtype, copy=False)

    def _make_room(self, length: int) -> None:
        """Double the table where the rows fill it, and make room for further rows, the next of so many entries."""
        if self.n_rows >= MAX_SAMPLES:
            raise ValueError(f"X: more than {MAX_SAMPLES} distinct rows are not allowed")
        if self.n_rows >= _room_in(self._table):
            length_of_table = 2 * len(self._table)
            # The old one goes first: memory never holds both.
            del self._table
            self._table = np.zeros(length_of_table, dtype=np.uint64)
            self._enter_rows()
        if self.n_rows == self._indptr.size - 1:
            most = min(_room_in(self._table), MAX_SAMPLES)
            grow(self._indptr, min(most, self.n_rows + 1 + int(GROWTH * self.n_rows)) + 1)
        grow(self._indices, self._nnz + length)
        if self._has_values:
            grow(self._data, self._nnz + length)

    def bytes_with(self, n_more: int, nnz: int, n_ids: int) -> int:
        """Return the most bytes taken with so many further rows, all of them new, of so many entries and new ids."""
        n_rows, length = self.n_rows + n_more, _length_with(self._table, self.n_rows + n_more)
        # A larger table is made of hashes of all rows.
        hashes = 0 if length == len(self._table) else 8 * n_rows
        arrays = bytes_grown(self._indptr, n_rows + 1) + bytes_grown(self._indices, self._nnz + nnz)
        arrays += bytes_grown(self._data, self._nnz + nnz) if self._has_values else 0
        return self._ids.bytes_with(n_ids) + 8 * length + hashes + arrays

    def _enter_rows(self) -> None:
        indptr, nnz = self._indptr[: self.n_rows + 1], self._nnz
        hashes = np.empty(self.n_rows, dtype=np.uint64)
        equal_rows.hash_rows(indptr, self._indices[:nnz], self._data[:nnz], hashes)
        row_table.enter_rows(hashes, self._table)

    def finish(self, n_features: int) -> Rows:
        """Give the tables back.

        Parameters
        ----------
        n_features : int

        Returns
        -------
        rows : Rows
            The distinct ones by their numbers; compact.
        """
        del self._table
        nnz = self._nnz
        known = self._ids.finish()
        indptr, indices = cut(self._indptr, self.n_rows + 1), cut(self._indices, nnz)
        data = cut(self._data, nnz) if self._has_values else self._data
        order = np.argsort(known)
        rank = np.empty(known.size, dtype=np.int32)
        rank[order] = np.arange(known.size, dtype=np.int32)
        for start in range(0, nnz, CALL_IDS):
            indices[start : start + CALL_IDS] = rank[indices[start : start + CALL_IDS]]
        return Rows(indptr, indices, data, self.n_rows, n_features, True, False, known[order])
