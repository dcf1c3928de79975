"""Intake: reductions that are filled side by side from the same blocks, within a limit of memory if there is one."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Any

import numpy as np

from sparsereg.inputs.sizes import check_bytes, shown_bytes
from sparsereg.reduction.builder import Accumulator
from sparsereg.reduction.entries import Entries
from sparsereg.reduction.scratch import Scratch
from sparsereg.reduction.spilling import Merger, Run, spill, without_totals

# Of a block and of the one that is read ahead: ids and values, and what taking it in makes of them, at its most.
BYTES_PER_NONZERO, BYTES_PER_ROW = 56, 112
# Share of the limit that samples beside those that were spilled may stay in memory with.
SMALL_SHARE = 0.25


class Intake:
    """Accumulators for the samples of a stream: one for most, and one for those that are held out.

    Parameters
    ----------
    loss : registered loss
    has_folds : sequence of bool
        Of each accumulator.
    memory_limit : int, str or None
        As `Reduced.of_blocks` takes it.
    spill_folder : str, path or None

    Attributes
    ----------
    accumulators : list of Accumulator
        Those to add to; others may take their place with every block.
    """

    def __init__(self, loss: Any, has_folds: Sequence[bool], memory_limit: Any, spill_folder: Any):
        self._limit = None if memory_limit is None else check_bytes(memory_limit, "memory_limit")
        self._folder = _check_folder(spill_folder)
        self._makes = [partial(Accumulator, loss, folds) for folds in has_folds]
        self.accumulators = [make() for make in self._makes]
        self._runs: list[list[Run]] = [[] for _ in self._makes]
        self._scratch: Scratch | None = None

    def __enter__(self) -> Intake:
        """Return the intake."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the disk back."""
        if self._scratch is not None:
            self._scratch.close()

    def make_room(self, X: Any) -> None:
        """Spill until the rows of a block fit in.

        Parameters
        ----------
        X : matrix of shape (n_samples, n_features)

        Raises
        ------
        ValueError
            Where the limit is too little for the block alone.
        """
        if self._limit is None:
            return
        n_rows, nnz = _counts(X)
        block = BYTES_PER_ROW * n_rows + BYTES_PER_NONZERO * nnz
        while (need := block + self._bytes_with(n_rows, nnz)) > self._limit:
            largest = max(range(len(self._makes)), key=lambda k: self.accumulators[k].n_rows)
            if self.accumulators[largest].n_rows == 0:
                raise ValueError(
                    f"memory_limit: {shown_bytes(self._limit)} is too little for a block of {n_rows:,} rows and "
                    f"{nnz:,} non-zeros, expected at least {shown_bytes(need)}, or smaller blocks"
                )
            self._spill(largest)

    def _bytes_with(self, n_rows: int, nnz: int) -> int:
        return sum(accumulator.bytes_with(n_rows, nnz) for accumulator in self.accumulators)

    def _spill(self, k: int) -> None:
        """Put what one accumulator holds aside, and begin another that knows the same classes, folds and columns."""
        self._runs[k].append(spill(self.accumulators[k].finish(), self._spill_file()))
        self.accumulators[k] = self._makes[k]()
        self.accumulators[k].merge(without_totals(self._runs[k][-1].head))

    def _spill_file(self) -> Scratch:
        if self._scratch is None:
            self._scratch = Scratch(self._folder)
        return self._scratch

    def finish(self) -> list[Entries]:
        """Return what the samples were reduced to, of each accumulator; nothing can be added any more."""
        if not any(self._runs):
            return [accumulator.finish() for accumulator in self.accumulators]
        limit = self._limit or 0
        # What is small stays in memory, and the others are merged beside it.
        spilled = [
            k for k, accumulator in enumerate(self.accumulators)
            if self._runs[k] or accumulator.bytes_with(0, 0) > SMALL_SHARE * limit
        ]
        for k in spilled:
            self._spill(k)
        found = {k: accumulator.finish() for k, accumulator in enumerate(self.accumulators) if k not in spilled}
        budget = limit - sum(entries.nbytes for entries in found.values())
        with self._spill_file() as scratch:
            for k in spilled:
                found[k] = Merger(self._makes[k], self._runs[k], budget, limit).merge(scratch, self._folder)
        return [found[k] for k in range(len(self._makes))]


def _check_folder(folder: Any) -> str | None:
    """Refuse what is no folder before anything is read."""
    if folder is None:
        return None
    if not isinstance(folder, (str, os.PathLike)):
        raise TypeError(f"spill_folder: {folder!r} is not allowed, expected None or the path of a folder")
    if not os.path.isdir(folder):
        raise ValueError(f"spill_folder: {os.fspath(folder)!r} is no folder, expected one for temporary files")
    return os.fspath(folder)


def shape_of(X: Any) -> tuple[int, ...]:
    """Measure a matrix.

    Parameters
    ----------
    X : matrix of any kind that estimators accept

    Returns
    -------
    shape : tuple of int
    """
    shape = getattr(X, "shape", None)
    return tuple(int(length) for length in (np.shape(X) if shape is None else shape))


def _counts(X: Any) -> tuple[int, int]:
    """Count the rows of a matrix and, at the most, its non-zeros."""
    shape, nnz = shape_of(X), getattr(X, "nnz", None)
    return shape[0], math.prod(shape) if nnz is None else int(nnz)
