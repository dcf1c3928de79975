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

from sparsereg._core import sgd
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
        ahead.append(pool.submit(_placed, part, learner))
        if len(ahead) > PARTS_AHEAD:
            yield ahead.popleft()
    yield from ahead


def _n_ids(part: Batch, n_rows: int, n_known: int) -> int:
    """Count ids, which come in order, up to a row."""
    places = part.places[: part.rows.indptr[n_rows]]
    return max(n_known, int(places.max()) + 1) if places.size else n_known


def _share_slots(learner: Learner, part: Batch, n_threads: int, pool: ThreadPoolExecutor) -> None:
    """Enter all ids, then let every thread learn from some of the rows."""
    if part.places is None:
        learner.make_room(part.n_entries)
        part = _placed(part, learner)
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


def _placed(part: Batch, learner: Learner) -> Batch:
    """Find the states of ids, which are entered where an entry takes part."""
    rows = part.rows
    taken = rows.data != 0.0 if rows.has_zeros and rows.data.size else np.ones(1, dtype=bool)
    if part.weight is not None and not part.weight.all():
        taken = taken & np.repeat(part.weight > 0.0, np.diff(rows.indptr))
    if taken.all():
        return replace(part, places=learner.enter(rows.indices))
    places = np.zeros(rows.indices.size, dtype=np.uint32)
    places[taken] = learner.enter(rows.indices[taken])
    return replace(part, places=places)
