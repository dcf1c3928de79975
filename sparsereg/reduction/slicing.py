"""Slicing: entries of consecutive rows, as views of those of all."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sparsereg.reduction.entries import Entries
from sparsereg.reduction.spilling import entry_fields, without_totals


def slices_of(entries: Entries, max_bytes: int) -> Iterator[Entries]:
    """Cut entries into parts of consecutive rows.

    Parameters
    ----------
    entries : Entries
    max_bytes : int
        Of a part at the most, but for a part of one row.

    Returns
    -------
    parts : iterator of Entries
        Views of ids and values, and of sums where there is one entry for each row. The first has the totals of all.
    """
    rows, start, head = entries.rows, 0, entries
    per_nonzero = rows.indices.itemsize + (rows.data.itemsize if rows.data.size else 0)
    named = entry_fields(entries) | ({} if entries.row is None else {"row": entries.row})
    per_entry = sum(values.itemsize for values in named.values())
    first: npt.NDArray[np.int64] | range = range(rows.n_samples + 1)
    if entries.row is not None:
        first = np.append(0, np.cumsum(np.bincount(entries.row, minlength=rows.n_samples)))
    room = max_bytes - rows.active.nbytes - rows.indptr.itemsize

    def size(stop: int) -> int:
        nnz, n_entries = rows.indptr[stop] - rows.indptr[start], first[stop] - first[start]
        return int(rows.indptr.itemsize * (stop - start) + per_nonzero * nnz + per_entry * n_entries)

    while start < rows.n_samples or start == 0:
        stop = max(bisect_right(range(rows.n_samples + 1), room, start, key=size) - 1, min(start + 1, rows.n_samples))
        yield _slice(entries, head, start, stop)
        head, start = without_totals(entries), max(stop, 1)


def _slice(entries: Entries, head: Entries, start: int, stop: int) -> Entries:
    """Take rows, and what the head knows of samples."""
    rows = entries.rows
    span = slice(int(rows.indptr[start]), int(rows.indptr[stop]))
    part = replace(
        rows, indptr=rows.indptr[start : stop + 1] - rows.indptr[start], indices=rows.indices[span],
        data=rows.data[span] if rows.data.size else rows.data, n_samples=stop - start,
    )
    where: slice | npt.NDArray[np.intp] = slice(start, stop)
    row = None
    if entries.row is not None:
        where = np.flatnonzero((entries.row >= start) & (entries.row < stop))
        row = entries.row[where] - np.int32(start)
    fields = {name: values[where] for name, values in entry_fields(entries).items()}
    columns = tuple(fields[f"column{k}"] for k in range(len(entries.sums.columns)))
    sums = replace(head.sums, columns=columns, weight=fields.get("weight"))
    return replace(head, rows=part, row=row, part=fields.get("part"), offset=fields.get("offset"), sums=sums)
