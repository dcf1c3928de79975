"""Streaming on several threads: cells are found ahead of learning, or all threads step on the same cells."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import sgd, state_table
from sparsereg._core.state_table import Cells
from sparsereg.inputs.rows import Rows
from sparsereg.streaming.learner import Learner
from sparsereg.streaming.part import Part

__all__ = ["learn_in_threads"]

Vector = npt.NDArray[np.float64]

# Entries whose cells are found at a time where they are not found on the way; so many more may be asked for than used.
PLACED_ENTRIES = 1 << 17


def learn_in_threads(
    learner: Learner, rows: Rows, y: Vector, weight: Vector | None, n_threads: int, lock_free: bool,
    unit: Vector | None = None,
) -> None:
    """Learn from a block of rows on several threads.

    Parameters
    ----------
    learner : Learner
        Without averages and admission by count, unless there is one thread.
    rows, y, weight : Rows, ndarray of shape (n_rows, n_outputs), ndarray of shape (n_rows,) or None
        As for `Learner.learn`.
    n_threads : int
        1: exactly `Learner.learn`. More: the same bits; one thread finds the cells that another learns in next, and
        others would have nothing to do.
    lock_free : bool
        Let all threads step on the same cells instead, without locks (Niu et al. 2011, "Hogwild!"): different on every
        run.
    unit : ndarray of float64 of shape (n_rows,) or None, default=None
        As for `Learner.learn`.

    Raises
    ------
    DivergenceError
        Rows up to the one named have been learned from; with `lock_free` some after it too.
    """
    if n_threads > 1 and lock_free:
        with ThreadPoolExecutor(n_threads) as pool:
            for part in learner.parts(rows, y, weight, PLACED_ENTRIES, unit):
                _share_cells(learner, part, n_threads, pool)
    elif n_threads > 1 and learner.cells.by_id and not learner.sampling.drop_stale:
        with ThreadPoolExecutor(1) as pool:
            _find_ahead(learner, learner.parts(rows, y, weight, PLACED_ENTRIES, unit), pool)
    else:
        learner.learn(rows, y, weight, unit)


def _find_ahead(learner: Learner, parts: Iterable[Part], pool: ThreadPoolExecutor) -> None:
    """Learn from one part while the cells of the next are found."""
    found = None
    for part in parts:
        if found is not None and not learner.has_room(part.ids.size):
            learner.learn_part(found, is_placed=True)
            found = None
        learner.make_room(part.ids.size)
        ahead = pool.submit(_placed, part, learner)
        if found is not None:
            learner.learn_part(found, is_placed=True, before_renewal=ahead.result)
        found = ahead.result()
    if found is not None:
        learner.learn_part(found, is_placed=True)


def _share_cells(learner: Learner, part: Part, n_threads: int, pool: ThreadPoolExecutor) -> None:
    """Enter all ids, then let every thread learn from some of the rows."""
    if learner.cells.by_id:
        learner.make_room(part.ids.size)
        part = _placed(part, learner)
    bounds = np.linspace(0, part.n_rows, n_threads + 1).astype(int)
    shards = [part.between(a, b) for a, b in pairwise(bounds) if b > a]
    optimizers, worn = _clocks(learner, shards)
    if worn:
        learner.renew()
        optimizers, worn = _clocks(learner, shards)
    if worn:
        learner.learn_part(part, is_placed=True)
        return
    cells = Cells(learner.cells.array, learner.cells.used, False)

    def learn(shard: Part, optimizer: Any, first_row: int) -> tuple[int, Vector, int]:
        totals, n_rows = np.zeros(2), np.array([first_row])
        code = learner.call(shard, optimizer, cells, totals, n_rows)
        return code, totals, int(n_rows[0])

    ends = learner.n_rows + np.cumsum([shard.n_rows for shard in shards])
    firsts = [learner.n_rows, *ends[:-1].tolist()]
    with learner.lock:
        results = list(pool.map(learn, shards, optimizers[:-1], firsts))
        learner.optimizer.clock = optimizers[-1].clock
        learner.counter[0] = ends[-1]
        learner.totals += sum(totals for _, totals, _ in results)
    for code, _, row in results:
        if code == sgd.DIVERGED:
            learner.raise_diverged(row)


def _clocks(learner: Learner, shards: list[Part]) -> tuple[list[Any], bool]:
    """Set an optimiser to the beginning of each shard, and one to the end of the last."""
    optimizers, worn = [copy.copy(learner.optimizer)], False
    for shard in shards:
        clock = copy.copy(optimizers[-1])
        worn |= sgd.skip(clock, shard.weight, shard.n_rows, shard.unit)
        optimizers.append(clock)
    return optimizers, worn


def _placed(part: Part, learner: Learner) -> Part:
    """Replace ids by the places of their cells, which are entered where an entry takes part."""
    taken = np.ones(part.ids.size, dtype=bool) if part.data.size == 0 else part.data != 0.0
    if part.weight.size:
        taken &= np.repeat(part.weight > 0.0, np.diff(part.indptr))
    places = np.zeros(part.ids.size, dtype=np.int64)
    found = places if taken.all() else np.empty(np.count_nonzero(taken), dtype=np.int64)
    with learner.entering:
        state_table.find_or_enter(part.ids if found is places else part.ids[taken], learner.cells, found)
    if found is not places:
        places[taken] = found
    return Part(part.indptr, places, part.data, part.y, part.weight, part.unit)
