"""Multithreaded fits at several alphas: each thread learns in lanes of its own, from states that are found once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import sgd_alphas
from sparsereg.streaming.alpha_learner import AlphaLearner
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.learner import Learner
from sparsereg.streaming.threads import entries_that_take_part, placed

Ids = npt.NDArray[np.int64]
Vector = npt.NDArray[np.float64]
# Rows and ids before parts of a batch whose states were found.
Finds = list[tuple[int, int]]

# Entries that all threads learn from before they wait for each other: some milliseconds, and what they log stays in the
# cache.
SHARED_ENTRIES = 1 << 16


def learn_lanes_in_threads(learner: AlphaLearner, batch: Batch, n_threads: int) -> None:
    """Learn from a batch of rows, each thread in some of the lanes, with the same bits.

    Parameters
    ----------
    learner : AlphaLearner
        Without admission by count, unless there is one thread.
    batch : Batch
    n_threads : int
        That learn; states are found besides, once for all of them.

    Raises
    ------
    DivergenceError
        Rows up to the one named have been learned from, in every lane.
    """
    for lanes in learner.groups():
        n_shares = min(n_threads, lanes.size)
        with learner.learning_together(lanes):
            if n_shares < 2 or learner.sampling.drop_stale:
                Learner.learn(learner, batch)
            else:
                _learn_in_shares(learner, batch, n_shares)


def _learn_in_shares(learner: AlphaLearner, batch: Batch, n_shares: int) -> None:
    """Let threads learn from one part, while the states of the next are found."""
    shares = np.array_split(learner.learning, n_shares)
    logs = [np.empty((0, 0)) for _ in shares]
    parts = Learner.parts(learner, batch, SHARED_ENTRIES * learner.n_outputs)
    finds: Finds = []
    try:
        # One more than learn: where signals are not handled, all of a part is brought to its end.
        with ThreadPoolExecutor(n_shares + 1) as pool:
            row = learner.n_rows
            ready = _to_its_end(pool, _find, learner, next(parts, None), row, finds)
            while ready is not None:
                for k, share in enumerate(shares):
                    width = int(share[-1] - share[0] + 1) * learner.n_outputs
                    if logs[k].shape[0] < ready.n_entries:
                        logs[k] = np.empty((ready.n_entries, width))
                row += ready.n_rows
                following = next(parts, None), row
                ready = _to_its_end(pool, _learn_part, learner, batch, ready, following, shares, logs, finds, pool)
    finally:
        _forget_ahead(learner, finds)


def _to_its_end(pool: ThreadPoolExecutor, step: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in another thread; what interrupts this one waits until that is over."""
    task, interruption = pool.submit(step, *arguments), None
    while not task.done():
        try:
            wait([task])
        except BaseException as error:
            interruption = error
    if interruption is not None:
        raise interruption
    return task.result()


def _learn_part(
    learner: AlphaLearner, batch: Batch, ready: Batch, following: tuple[Batch | None, int], shares: list[Ids],
    logs: list[Vector], finds: Finds, pool: ThreadPoolExecutor,
) -> Batch | None:
    """Learn from a part of a batch in all threads, and find the states of the one that follows."""
    part, _ = following
    n_known = finds[-1][1] if finds else 0
    if part is not None:
        # The table does not grow while others look at it.
        learner.make_room(part.n_entries)
    clocks = [optimizer.clock for optimizer in learner.optimizers]
    before = learner.intercepts_of.copy(), learner.all_totals.copy(), learner.counters.copy(), clocks
    with learner.lock:
        tasks = [pool.submit(learner.call_lanes, ready, share, log) for share, log in zip(shares, logs, strict=True)]
        try:
            return _find(learner, *following, finds)
        finally:
            wait(tasks)
            if not all(task.exception() is None and task.result()[0] == sgd_alphas.DONE for task in tasks):
                _go_back(learner, ready, shares, logs, before)
                for task in tasks:
                    task.result()  # which there is none of where memory has run out
                # Which ids stay, one thread says.
                finds.clear()
                _learn_again(learner, ready, batch, n_known)


def _find(learner: AlphaLearner, part: Batch | None, row: int, finds: Finds) -> Batch | None:
    """Find the states of a part that begins with a row of the stream; return it with them."""
    if part is None or part.places is not None:
        return part
    finds.append((row, learner.n_touched))
    return placed(part, learner)


def _forget_ahead(learner: AlphaLearner, finds: Finds) -> None:
    """Take out the ids of parts that have not been learned from."""
    with learner.lock, learner.entering:
        for first, n_known in finds:
            if first >= learner.n_rows:
                learner.table.forget_from(n_known)
                return


def _go_back(
    learner: AlphaLearner, part: Batch, shares: list[Ids], logs: list[Vector],
    before: tuple[Vector, Vector, Ids, list[tuple[float, float]]],
) -> None:
    """Undo what each thread has learned from a part, up to another row than the others."""
    taken = entries_that_take_part(part)
    places = part.places[taken]
    intercepts, totals, counters, clocks = before
    for share, log in zip(shares, logs, strict=True):
        n_rows = int(learner.counters[share[0], 0] - counters[share[0], 0])
        n_logged = np.count_nonzero(taken[: part.rows.indptr[n_rows]])
        # The oldest state of each is the one it began with.
        some, oldest = np.unique(places[:n_logged], return_index=True)
        columns = (share[:, None] * learner.n_outputs + np.arange(learner.n_outputs)).ravel()
        learner.table.states[np.ix_(some, columns)] = log[np.ix_(oldest, columns - columns[0])]
    learner.intercepts_of[...], learner.all_totals[...], learner.counters[...] = intercepts, totals, counters
    for optimizer, clock in zip(learner.optimizers, clocks, strict=True):
        optimizer.clock = clock


def _learn_again(learner: AlphaLearner, part: Batch, batch: Batch, n_known: int) -> None:
    """Learn from a part in one thread, which says where it leads nowhere."""
    if batch.places is None:
        learner.table.forget_from(n_known)
        part = replace(part, places=None)
    learner.learn_part(part)
