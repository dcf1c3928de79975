"""Streaming on several threads: finding cells ahead, shards merged in a fixed order, or all on the same cells."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import stream, table
from sparsereg._core.table import Cells
from sparsereg._formats import Rows
from sparsereg.solvers.learner import Learner, Part

__all__ = ["learn_in_threads"]

Vector = npt.NDArray[np.float64]

# Entries of a shard: its cells fit into the cache, and a call from Python costs nothing beside it. What the shards of a
# round learn they do not know of one another.
SHARD_ENTRIES = 1 << 16
# Entries whose cells are found at a time where they are not found on the way; so many more may be asked for than used.
PLACED_ENTRIES = 1 << 17


def learn_in_threads(
    learner: Learner, rows: Rows, y: Vector, weight: Vector | None, n_threads: int, lock_free: bool
) -> None:
    """Learn from a block of rows on several threads.

    Parameters
    ----------
    learner : Learner
        Without averages and admission by count.
    rows, y, weight : Rows, ndarray of shape (n_rows, n_outputs), ndarray of shape (n_rows,) or None
        As for `Learner.learn`.
    n_threads : int
        1: exactly `Learner.learn`. 2: the same bits; one thread finds the cells that the other learns in next. More:
        each round of rows is cut into one shard a thread, each learns from a copy of what it touches, and what it has
        learned is added in the order of the shards: the same bits on every run with as many threads and the same
        blocks.
    lock_free : bool
        Let all threads step on the same cells instead, without locks (Niu et al. 2011, "Hogwild!"): fastest, and
        different on every run.

    Raises
    ------
    DivergenceError
        Nothing of the round has been learned, with shards; some of it, otherwise.
    """
    nothing_to_find = not learner.cells.by_id or learner.sampling.drop_stale > 0
    if n_threads == 1 or (n_threads == 2 and nothing_to_find and not lock_free):
        learner.learn(rows, y, weight)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        size = PLACED_ENTRIES if lock_free or n_threads == 2 else SHARD_ENTRIES * n_threads
        parts = learner.parts(rows, y, weight, size)
        if n_threads == 2 and not lock_free:
            _find_ahead(learner, parts, pool)
        else:
            _learn_rounds(learner, parts, _share_cells if lock_free else _learn_apart, n_threads, pool)


def _find_ahead(learner: Learner, parts: Iterable[Part], pool: ThreadPoolExecutor) -> None:
    """Learn from one part while the cells of the next are found."""
    found = None
    for part in parts:
        if found is not None and not learner.has_room(part.ids.size):
            learner.learn_part(found, is_placed=True)
            found = None
        learner.make_room(part.ids.size)
        ahead = pool.submit(_placed, part, learner.cells)
        if found is not None:
            learner.learn_part(found, is_placed=True, before_renewal=ahead.result)
        found = ahead.result()
    if found is not None:
        learner.learn_part(found, is_placed=True)


def _learn_rounds(
    learner: Learner, parts: Iterable[Part], learn_round: Callable[..., None], n_threads: int,
    pool: ThreadPoolExecutor,
) -> None:
    """Cut each part into as many shards as there are threads."""
    for part in parts:
        bounds = np.linspace(0, part.n_rows, n_threads + 1).astype(int)
        shards = [part.between(a, b) for a, b in pairwise(bounds) if b > a]
        optimisers, worn = _clocks(learner, shards)
        if worn:
            learner.renew()
            optimisers, worn = _clocks(learner, shards)
        if worn:
            learner.learn_part(part)
        else:
            learn_round(learner, shards, optimisers, pool.map)


def _clocks(learner: Learner, shards: list[Part]) -> tuple[list[Any], bool]:
    """Set an optimiser to the beginning of each shard, and one to the end of the last."""
    optimisers, worn = [copy.copy(learner.optimiser)], False
    for shard in shards:
        clock = copy.copy(optimisers[-1])
        worn |= stream.skip(clock, shard.weight, shard.n_rows)
        optimisers.append(clock)
    return optimisers, worn


def _learn_apart(
    learner: Learner, shards: list[Part], optimisers: list[Any], run: Callable[..., Any]
) -> None:
    """Learn from each shard on a copy of the cells it touches, then merge."""
    size = learner.width - 1

    def learn(shard: Part, optimiser: Any, first_row: int) -> tuple[Cells, Vector, Vector, int, int]:
        cells = Cells.empty(int((shard.ids.size + 1) / table.MAX_LOAD) + 2, 1 + 2 * size)
        intercept, totals = learner.intercept.copy(), np.zeros(2)
        code, row = learner.call(shard, optimiser, cells, learner.cells, intercept, totals, first_row)
        return cells, intercept, totals, code, first_row + row

    firsts = learner.n_rows + np.cumsum([0, *(shard.n_rows for shard in shards)])
    results = list(run(learn, shards, optimisers[:-1], firsts[:-1].tolist()))
    for _, _, _, code, row in results:
        if code == stream.DIVERGED:
            learner.raise_diverged(row)
    before = learner.intercept.copy()
    learner.optimiser.clock = optimisers[-1].clock
    for cells, intercept, totals, _, _ in results:
        if learner.cells.by_id:
            learner.make_room(cells.used)
        stream.merge(learner.optimiser, *learner.l1_l2, cells, learner.cells)
        learner.intercept += intercept - before
        learner.totals += totals
    learner.n_rows = int(firsts[-1])


def _share_cells(
    learner: Learner, shards: list[Part], optimisers: list[Any], run: Callable[..., Any]
) -> None:
    """Enter all ids, then let every thread step on the same cells."""
    if learner.cells.by_id:
        learner.make_room(sum(shard.ids.size for shard in shards))
        shards = [_placed(shard, learner.cells) for shard in shards]
    cells = Cells(learner.cells.array, learner.cells.used, False)

    def learn(shard: Part, optimiser: Any, first_row: int) -> tuple[Vector, int, int]:
        totals = np.zeros(2)
        code, row = learner.call(shard, optimiser, cells, None, learner.intercept, totals, first_row)
        return totals, code, first_row + row

    firsts = learner.n_rows + np.cumsum([0, *(shard.n_rows for shard in shards)])
    results = list(run(learn, shards, optimisers[:-1], firsts[:-1].tolist()))
    learner.optimiser.clock = optimisers[-1].clock
    learner.n_rows = int(firsts[-1])
    for totals, code, row in results:
        learner.totals += totals
        if code == stream.DIVERGED:
            learner.raise_diverged(row)


def _placed(shard: Part, cells: Cells) -> Part:
    """Replace ids by the places of their cells."""
    places = np.empty(shard.ids.size, dtype=np.int64)
    table.find_or_enter(shard.ids, cells, places)
    return Part(shard.indptr, places, shard.data, shard.y, shard.weight)
