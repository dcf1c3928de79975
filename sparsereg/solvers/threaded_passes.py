"""Passes over many columns, shared among threads.

Python's own threads, in kernels that release the GIL: a library of threads for C would be one more that wheels bring
along, beside those that other packages bring.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sparsereg._core import columns as column_passes
from sparsereg.solvers.base import Ids, Vector

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

# Entries that a thread passes over in the time that it takes to wake it (about 50 microseconds), many times over.
WORTH_A_THREAD = 200_000


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    """Return threads that wait for work, beside the one that asks."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(n_threads - 1, "sparsereg")


if hasattr(os, "register_at_fork"):
    # Threads do not survive a fork; a child makes its own.
    os.register_at_fork(after_in_child=_pool.cache_clear)


def share_out(run: Callable[[int, int], None], n_parts: int, n_threads: int) -> None:
    """Run a pass over parts of its data, which threads share.

    Parameters
    ----------
    run : callable
        Takes the first part and the one after the last; what it does to a part must not depend on others.
    n_parts : int
    n_threads : int
        At most so many share the parts.
    """
    n_shares = min(n_threads, n_parts)
    if n_shares <= 1:
        run(0, n_parts)
        return
    _run_shares(run, [n_parts * k // n_shares for k in range(n_shares + 1)], n_threads)


def correlate(matrix: Any, columns: Ids, z: Vector, out: Vector, n_threads: int) -> None:
    """Correlate chosen columns with a vector; the result is the same for any number of threads.

    Parameters
    ----------
    matrix : tuple of ndarray
        `data`, `indices` and `indptr` of compact columns.
    columns : ndarray of int32 of shape (n_columns,)
    z : ndarray of float64 of shape (n_rows,)
    out : ndarray of float64 of shape (n_active,)
        X_j' z at j for each j in columns; the rest is left alone.
    n_threads : int
        At most so many share the columns; few of them are left to one.
    """
    def run(first: int, last: int) -> None:
        column_passes.correlate(*matrix, columns[first:last], z, out)

    _share_columns(run, matrix, columns, n_threads)


def take_moments(
    matrix: Any, columns: Ids, weight: Vector, weight_sum: float, n_rows: int, column_sum: Vector, centered: Vector,
    n_threads: int,
) -> None:
    """Sum up chosen columns under row weights; the result is the same for any number of threads.

    Parameters
    ----------
    matrix, columns, weight, weight_sum, n_rows, column_sum, centered
        As in `columns.moments`.
    n_threads : int
    """
    def run(first: int, last: int) -> None:
        some = slice(first, last)
        column_passes.moments(
            *matrix, columns[some], weight, weight_sum, n_rows, column_sum[some], centered[some]
        )

    _share_columns(run, matrix, columns, n_threads)


def _share_columns(run: Callable[[int, int], None], matrix: Any, columns: Ids, n_threads: int) -> None:
    """Share columns out so that every thread has about as many entries; few of them are left to one."""
    indptr, n_shares = matrix[2], 1
    if n_threads > 1:
        n_entries = int(indptr[-1]) * columns.size / max(indptr.size - 1, 1)
        n_shares = min(n_threads, int(n_entries / WORTH_A_THREAD))
    if n_shares <= 1:
        run(0, columns.size)
        return
    ends = np.cumsum(indptr[1:][columns] - indptr[:-1][columns] + 1)
    shares = np.searchsorted(ends, ends[-1] * np.arange(1, n_shares) / n_shares)
    _run_shares(run, [0, *shares.tolist(), columns.size], n_threads)


def _run_shares(run: Callable[[int, int], None], ends: list[int], n_threads: int) -> None:
    """Run what lies between the ends, the first share on this thread."""
    others = [_pool(n_threads).submit(run, *share) for share in pairwise(ends[1:])]
    run(ends[0], ends[1])
    for other in others:
        other.result()
