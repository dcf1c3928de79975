"""Multithreaded SGD: states are looked up ahead of learning, or all threads step on the same states (Hogwild)."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import sgd, state_table
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.learner import UNWEIGHTED, DivergenceError, Learner

Vector = npt.NDArray[np.float64]

# Entries whose states are found at a time where they are not found on the way: 1.3 ms of learning, so that handing them
# over costs little; and how many such parts may wait to be learned from.
PLACED_ENTRIES = 1 << 17
PARTS_AHEAD = 3


def learn_in_threads(learner: Learner, batch: Batch, n_threads: int, lock_free: bool) -> None:
    """Learn from a batch of rows on several threads.

    Parameters
    ----------
    learner : Learner
        Without averages and admission by count, unless there is one thread.
    batch : Batch
        As for `Learner.learn`.
    n_threads : int
        1: exactly `Learner.learn`. More: the same bits; one thread finds the states that another learns in next, and
        others would have nothing to do.
    lock_free : bool
        Let all threads step on the same states instead, without locks (Niu et al. 2011, "Hogwild!"): different on every
        run.

    Raises
    ------
    DivergenceError
        Rows up to the one named have been learned from; with `lock_free` some after it too.
    """
    if n_threads > 1 and lock_free:
        with ThreadPoolExecutor(n_threads) as pool:
            for part in learner.parts(batch, PLACED_ENTRIES):
                _share_slots(learner, part.sparse(), n_threads, pool)
    elif n_threads > 1 and batch.places is None and not (batch.is_dense or learner.sampling.drop_stale):
        with ThreadPoolExecutor(1) as pool:
            _find_ahead(learner, learner.parts(batch, PLACED_ENTRIES), pool)
    else:
        learner.learn(batch)


def _find_ahead(learner: Learner, parts: Iterable[Batch], pool: ThreadPoolExecutor) -> None:
    """Learn from parts while the states of those that follow are found; who has nothing to do sleeps."""
    now, first, n_refused, n_known = None, 0, 0, learner.n_touched
    try:
        for future in _found(learner, parts, pool):
            now, first = future.result(), learner.n_rows
            learner.learn_part(now)
            n_known, now = _n_ids(now, now.n_rows, n_known), None
    except DivergenceError:
        n_refused = 1
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        if now is not None:
            n_known = _n_ids(now, learner.n_rows - first + n_refused, n_known)
        # Of rows that were not come to.
        with learner.lock, learner.entering:
            learner.table.forget_from(n_known)


def _found(learner: Learner, parts: Iterable[Batch], pool: ThreadPoolExecutor) -> Iterator[Future[Batch]]:
    """Give parts in their order to the thread that finds states, a few ahead of what comes out."""
    ahead = deque[Future[Batch]]()
    for part in parts:
        ahead.append(pool.submit(placed, part, learner))
        if len(ahead) > PARTS_AHEAD:
            yield ahead.popleft()
    yield from ahead


def _n_ids(part: Batch, n_rows: int, n_known: int) -> int:
    """Count ids, which come in order, up to a row."""
    places = part.places[: part.rows.indptr[n_rows]]
    # The index after that of an entry that takes no part is 0.
    return max(n_known, int((places + np.uint32(1)).max(initial=0)))


def _share_slots(learner: Learner, part: Batch, n_threads: int, pool: ThreadPoolExecutor) -> None:
    """Enter all ids, then let every thread learn from some of the rows."""
    if part.places is None:
        learner.make_room(part.n_entries)
        part = placed(part, learner)
    bounds = np.linspace(0, part.n_rows, n_threads + 1).astype(int)
    shards = [part.between(a, b) for a, b in pairwise(bounds) if b > a]
    optimizers, needs_rescale = _clocks(learner, shards)
    if needs_rescale:
        learner.rescale()
        optimizers, needs_rescale = _clocks(learner, shards)
    if needs_rescale:
        learner.learn_part(part)
        return

    def learn(shard: Batch, optimizer: Any, first_row: int) -> tuple[int, Vector, int]:
        totals, n_rows = np.zeros(2), np.array([first_row])
        code = learner.call(shard, optimizer, totals, n_rows)
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


def _clocks(learner: Learner, shards: list[Batch]) -> tuple[list[Any], bool]:
    """Set an optimiser to the beginning of each shard, and one to the end of the last."""
    optimizers, needs_rescale = [copy.copy(learner.optimizer)], False
    for shard in shards:
        clock = copy.copy(optimizers[-1])
        weight = UNWEIGHTED if shard.weight is None else shard.weight
        needs_rescale |= sgd.skip(clock, weight, shard.n_rows, shard.unit)
        optimizers.append(clock)
    return optimizers, needs_rescale


def placed(part: Batch, learner: Learner) -> Batch:
    """Find the states of ids, which are entered where an entry takes part.

    Parameters
    ----------
    part : Batch
    learner : Learner
        With room for so many more.

    Returns
    -------
    part : Batch
        With places.
    """
    has_zeros = part.rows.has_zeros and part.rows.data.size > 0
    if not has_zeros and (part.weight is None or part.weight.all()):
        return replace(part, places=learner.enter(part.rows.indices))
    taken = entries_that_take_part(part)
    places = np.full(part.n_entries, state_table.MAX_STATES, dtype=np.uint32)
    places[taken] = learner.enter(part.rows.indices[taken])
    return replace(part, places=places)


def entries_that_take_part(part: Batch) -> npt.NDArray[np.bool_]:
    """Return which entries are learned from: stored zeros and rows of weight 0 are passed over.

    Parameters
    ----------
    part : Batch

    Returns
    -------
    taken : ndarray of bool of shape (n_entries,)
    """
    rows = part.rows
    taken = np.ones(rows.indices.size, dtype=bool) if rows.data.size == 0 else rows.data != 0.0
    if part.weight is not None:
        taken &= np.repeat(part.weight > 0.0, np.diff(rows.indptr))
    return taken
