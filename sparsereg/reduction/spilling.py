"""External aggregation: what outgrows a limit is spilled in runs by row hash, and merged range by range of the hash."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.design import merge_ids
from sparsereg.inputs.rows import MAX_SAMPLES, Rows
from sparsereg.inputs.sizes import shown_bytes
from sparsereg.reduction.builder import Accumulator
from sparsereg.reduction.entries import Entries
from sparsereg.reduction.scratch import Scratch, Section
from sparsereg.reduction.targets import TargetSums

# Rows are dealt to so many buckets by the leading bits of their hash; a range of the hash is some in a row.
BUCKET_BITS = 12
N_BUCKETS = 1 << BUCKET_BITS
# Rows written in one go: what is copied for it stays small beside any limit that holds a block.
CHUNK_ROWS = 1 << 16
ONE = np.float64(1.0).view(np.uint64)

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Run:
    """Entries in a scratch file, in the order of their buckets.

    Attributes
    ----------
    head : Entries
        The same without rows and entries: what is known of all of them.
    sections : dict of Section
        By field: `length`, `ids` and `values` of the rows; `row`, `part`, `weight`, `offset` and `column0`, ... of the
        entries.
    n_active : int
        Distinct ids.
    first_row, first_nonzero, first_entry : ndarray of int64 of shape (N_BUCKETS + 1,)
        Where each bucket begins.
    """

    head: Entries
    sections: dict[str, Section]
    n_active: int
    first_row: Counts
    first_nonzero: Counts
    first_entry: Counts

    def entries(self, scratch: Scratch, start: int, stop: int) -> Entries:
        """Read the entries of some buckets, without what the head knows of the samples."""

        def read(name: str, first: Counts) -> Any:
            section = self.sections.get(name)
            return None if section is None else scratch.read(section, int(first[start]), int(first[stop]))

        lengths, ids, values = (
            read("length", self.first_row), read("ids", self.first_nonzero), read("values", self.first_nonzero)
        )
        indptr = np.zeros(lengths.size + 1, dtype=np.int64)
        np.cumsum(lengths, out=indptr[1:])
        values = np.empty(0, dtype=np.float32) if values is None else values
        rows = Rows(indptr, ids, values, lengths.size, self.head.rows.n_features, True, False)
        row, part = read("row", self.first_entry), read("part", self.first_entry)
        head = without_totals(self.head)
        columns = tuple(read(f"column{k}", self.first_entry) for k in range(len(head.sums.columns)))
        sums = replace(head.sums, columns=columns, weight=read("weight", self.first_entry))
        row = None if row is None else row - np.int32(self.first_row[start])
        return replace(head, rows=rows, row=row, part=part, sums=sums, offset=read("offset", self.first_entry))


def spill(entries: Entries, scratch: Scratch) -> Run:
    """Write entries into a scratch file, in the order of the hashes of their rows.

    Parameters
    ----------
    entries : Entries
    scratch : Scratch

    Returns
    -------
    run : Run
    """
    rows = entries.rows
    bucket, counts = buckets(rows)
    first_row, first_nonzero = _starts(np.bincount(bucket, minlength=N_BUCKETS)), _starts(counts)
    order = np.argsort(bucket, kind="stable").astype(np.int32)
    del bucket
    sections = _write_rows(rows, order, scratch)
    by_entry: npt.NDArray[np.int32] = order
    first_entry = first_row
    if entries.row is not None:
        position = np.empty_like(order)
        position[order] = np.arange(order.size, dtype=np.int32)
        row = position[entries.row]
        del position
        by_entry = np.argsort(row, kind="stable").astype(np.int32)
        row = row[by_entry]
        first_entry = np.searchsorted(row, first_row)
        sections["row"] = scratch.append(row)
    for name, values in entry_fields(entries).items():
        sections[name] = scratch.append(values[by_entry])
    return Run(head_of(entries), sections, rows.active.size, first_row, first_nonzero, first_entry)


def entry_fields(entries: Entries) -> dict[str, npt.NDArray[Any]]:
    """Return what there is of each entry but its row, by name."""
    named: dict[str, npt.NDArray[Any] | None] = {
        f"column{k}": column for k, column in enumerate(entries.sums.columns)
    }
    named |= {"part": entries.part, "weight": entries.sums.weight, "offset": entries.offset}
    return {name: values for name, values in named.items() if values is not None}


def head_of(entries: Entries) -> Entries:
    """Return what is known of all entries, without any of them."""
    rows, sums = entries.rows, entries.sums
    none = {name: values[:0].copy() for name, values in entry_fields(entries).items()}
    columns = tuple(none[f"column{k}"] for k in range(len(sums.columns)))
    no_rows = Rows(
        np.zeros(1, dtype=np.int64), rows.indices[:0].copy(), rows.data[:0].copy(), 0, rows.n_features, True, False,
        np.empty(0, dtype=np.int64),
    )
    row = None if entries.row is None else entries.row[:0].copy()
    return replace(
        entries, rows=no_rows, row=row, part=none.get("part"), offset=none.get("offset"),
        sums=replace(sums, columns=columns, weight=none.get("weight")),
    )


def without_totals(head: Entries) -> Entries:
    """Return a head that knows the same classes, folds and columns, of no sample."""
    sums: TargetSums = head.sums
    zeros = np.zeros_like(sums.squares)
    return replace(
        head, sums=replace(sums, squares=zeros, logs=zeros), n_weighted=np.zeros_like(head.n_weighted), n_samples=0
    )


def buckets(rows: Rows) -> tuple[npt.NDArray[np.uint16], Counts]:
    """Deal rows to buckets by a hash of their ids and values, whatever their compact numbers are.

    Parameters
    ----------
    rows : Rows
        Compact.

    Returns
    -------
    bucket : ndarray of uint16 of shape (n_rows,)
        Below N_BUCKETS. Equal rows have the same, ones spelled out or not.
    counts : ndarray of int64 of shape (N_BUCKETS,)
        Entries of the rows of each.
    """
    of_id = _mix(rows.active.astype(np.uint64) + np.uint64(1))
    of_id = of_id if rows.data.size else _mix(of_id ^ ONE)
    out, counts = np.empty(rows.n_samples, dtype=np.uint16), np.zeros(N_BUCKETS, dtype=np.int64)
    for start in range(0, rows.n_samples, CHUNK_ROWS):
        ends = rows.indptr[start : start + CHUNK_ROWS + 1]
        span = slice(int(ends[0]), int(ends[-1]))
        words = of_id[rows.indices[span]]
        if rows.data.size:
            words = _mix(words ^ rows.data[span].astype(np.float64).view(np.uint64))
        # Sums modulo 2^64, of rows without ids too.
        sums = np.zeros(words.size + 1, dtype=np.uint64)
        np.cumsum(words, out=sums[1:])
        hashes = _mix(sums[ends[1:] - ends[0]] - sums[ends[:-1] - ends[0]])
        bucket = (hashes >> np.uint64(64 - BUCKET_BITS)).astype(np.uint16)
        out[start : start + bucket.size] = bucket
        counts += np.bincount(bucket, np.diff(ends), N_BUCKETS).astype(np.int64)
    return out, counts


def _mix(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Mix bits well: the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _starts(counts: npt.NDArray[Any]) -> Counts:
    starts = np.zeros(counts.size + 1, dtype=np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def _write_rows(rows: Rows, order: npt.NDArray[np.int32], scratch: Scratch) -> dict[str, Section]:
    """Write rows in the given order, under the caller's own ids."""
    chunks = [order[start : start + CHUNK_ROWS] for start in range(0, order.size, CHUNK_ROWS)]
    lengths = (rows.indptr[chunk + np.int64(1)] - rows.indptr[chunk] for chunk in chunks)
    sections = {"length": scratch.append_all(lengths, np.int32)}
    dtype = np.int32 if rows.n_features <= MAX_SAMPLES else np.int64
    sections["ids"] = scratch.append_all(
        (rows.active[rows.indices[where]] for where in _gathered(rows.indptr, chunks)), dtype
    )
    if rows.data.size:
        sections["values"] = scratch.append_all(
            (rows.data[where] for where in _gathered(rows.indptr, chunks)), rows.data.dtype
        )
    return sections


def _gathered(indptr: Counts, chunks: Sequence[npt.NDArray[np.int32]]) -> Iterator[Counts]:
    """Give the positions of the entries of rows in the given order, chunk by chunk."""
    for chunk in chunks:
        starts = indptr[chunk]
        lengths = indptr[chunk + np.int64(1)] - starts
        before = np.cumsum(lengths) - lengths
        yield np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))


class Merger:
    """Merges runs, range by range of the hash, into arrays in a file that is mapped into memory.

    Parameters
    ----------
    make : callable
        Makes an empty accumulator.
    runs : sequence of Run
        In the order in which they were spilled: every one knows the classes and folds of those before.
    budget : int
        Bytes that a range may take.
    limit : int
        That the caller gave, for messages.
    """

    def __init__(self, make: Any, runs: Sequence[Run], budget: int, limit: int):
        self._make, self._runs, self._budget, self._limit = make, runs, budget, limit
        self._latest = without_totals(runs[-1].head)
        self._total = self._primed()
        for run in runs:
            self._total.merge(run.head)

    def _primed(self) -> Accumulator:
        """Make an accumulator that knows all classes and folds, in the same order every time."""
        accumulator = self._make()
        accumulator.merge(self._latest)
        return accumulator

    def ranges(self) -> list[tuple[int, int]]:
        """Choose ranges of buckets that fit the budget each.

        Returns
        -------
        ranges : list of pairs (start, stop)

        Raises
        ------
        ValueError
            Where one bucket does not.
        """
        firsts = [[getattr(run, f"first_{name}") for run in self._runs] for name in ("row", "nonzero", "entry")]
        rows, nonzeros, entries = (np.sum(first, axis=0) for first in firsts)
        # Beside the tables the part of one run that is read, and what is written.
        slices = [4 * row + 12 * nonzero + 24 * entry for row, nonzero, entry in zip(*firsts)]
        empty, cuts = self._primed(), [0]

        def need(start: int, stop: int) -> int:
            read = max(int(part[stop] - part[start]) for part in slices)
            read_ids = [int(run.first_nonzero[stop] - run.first_nonzero[start]) for run in self._runs]
            n_ids = sum(min(run.n_active, n) for run, n in zip(self._runs, read_ids))
            n_rows, nnz, n_entries = (int(first[stop] - first[start]) for first in (rows, nonzeros, entries))
            return read + empty.bytes_with(n_rows, nnz, n_entries, n_ids)

        while (start := cuts[-1]) < N_BUCKETS:
            stops = range(start + 1, N_BUCKETS + 1)
            n_fitting = bisect_right(stops, self._budget, key=partial(need, start))
            if n_fitting == 0:
                raise ValueError(
                    f"memory_limit: {shown_bytes(self._limit)} is too little to merge what was spilled, of which "
                    f"{shown_bytes(need(start, start + 1))} must be held at once, expected more"
                )
            cuts.append(start + n_fitting)
        return list(pairwise(cuts))

    def merge(self, spilled: Scratch, folder: str | None) -> Entries:
        """Merge the runs.

        Parameters
        ----------
        spilled : Scratch
            Where they are.
        folder : str or None
            Of further scratch files.

        Returns
        -------
        entries : Entries
            Of arrays in a mapped file without a name.
        """
        ranges = self.ranges()
        parts: list[Part] = []
        with Scratch(folder) as merged:
            for start, stop in ranges:
                entries = self._merge_range(spilled, start, stop)
                parts.append(Part.of(entries, parts[-1] if parts else None, merged))
                del entries
            with Scratch(folder) as final:
                return _joined(self._total.finish(), parts, merged, final)

    def _merge_range(self, spilled: Scratch, start: int, stop: int) -> Entries:
        accumulator = self._primed()
        for run in self._runs:
            accumulator.merge(run.entries(spilled, start, stop))
        return accumulator.finish()


@dataclass(frozen=True, eq=False)
class Part:
    """The merged entries of a range of the hash in a scratch file, those of the ranges before counted in."""

    sections: dict[str, Section]
    n_rows: int
    nnz: int
    squares: npt.NDArray[np.float64]
    logs: npt.NDArray[np.float64]

    @classmethod
    def of(cls, entries: Entries, before: Part | None, scratch: Scratch) -> Part:
        """Write entries, under their own compact ids."""
        rows, sums = entries.rows, entries.sums
        n_rows, nnz = (0, 0) if before is None else (before.n_rows, before.nnz)
        if n_rows + max(rows.n_samples, entries.n_entries) > MAX_SAMPLES:
            raise ValueError(f"X: more than {MAX_SAMPLES} distinct rows are not allowed")
        indptr = rows.indptr if before is None else rows.indptr[1:] + nnz
        named = {"indptr": indptr, "indices": rows.indices, "values": rows.data, "active": rows.active}
        named |= entry_fields(entries) | ({} if entries.row is None else {"row": entries.row + np.int32(n_rows)})
        sections = {name: scratch.append(values) for name, values in named.items()}
        return cls(sections, n_rows + rows.n_samples, nnz + rows.indices.size, sums.squares, sums.logs)


def _joined(total: Entries, parts: Sequence[Part], merged: Scratch, final: Scratch) -> Entries:
    """Put ranges one after the other, under compact ids of all of them, into a file; map it."""
    active = np.empty(0, dtype=np.int64)
    for part in parts:
        active = merge_ids([active, merged.read(part.sections["active"])])
    sections = {
        name: final.append_all((merged.read(part.sections[name]) for part in parts), first.dtype)
        for name, first in parts[0].sections.items()
        if name not in ("indices", "values", "active")
    }
    sections["indices"] = final.append_all((_renumbered(part, active, merged) for part in parts), np.dtype(np.int32))
    kinds = {part.sections["values"].dtype for part in parts if part.sections["values"].size}
    if kinds:
        kind = max(kinds, key=lambda dtype: dtype.itemsize)
        sections["values"] = final.append_all((_spelled_out(part, merged, kind) for part in parts), kind)
    sections["active"] = final.append(active)
    arrays = final.mapped(sections)
    rows = Rows(
        arrays["indptr"], arrays["indices"], arrays.get("values", np.empty(0, dtype=np.float32)), parts[-1].n_rows,
        total.rows.n_features, True, False, arrays["active"],
    )
    sums = replace(
        total.sums, columns=tuple(arrays[f"column{k}"] for k in range(len(total.sums.columns))),
        weight=arrays.get("weight"), squares=total.sums.squares + np.sum([part.squares for part in parts], axis=0),
        logs=total.sums.logs + np.sum([part.logs for part in parts], axis=0),
    )
    row, part_of, offset = (arrays.get(name) for name in ("row", "part", "offset"))
    return replace(total, rows=rows, sums=sums, row=row, part=part_of, offset=offset)


def _renumbered(part: Part, active: Counts, merged: Scratch) -> npt.NDArray[np.int32]:
    """Read compact ids, and bring them from those of a range to those of all."""
    number = np.searchsorted(active, merged.read(part.sections["active"])).astype(np.int32)
    return number[merged.read(part.sections["indices"])]


def _spelled_out(part: Part, merged: Scratch, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Read values, ones too where other ranges have others."""
    if part.sections["values"].size:
        return merged.read(part.sections["values"]).astype(dtype, copy=False)
    return np.ones(part.sections["indices"].size, dtype=dtype)
