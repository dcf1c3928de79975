"""Multithreaded fits at several alphas: each thread learns in lanes of its own, from states that are found once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sparsereg._core import sgd_alphas
from sparsereg.streaming.alpha_learner import AlphaLearner
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.learner import Learner
from sparsereg.streaming.threads import entries_that_take_part, placed

Ids = npt.NDArray[np.int64]
Vector = npt.NDArray[np.float64]

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
                learner.learn_in_step(batch)
            else:
                with ThreadPoolExecutor(n_shares) as pool:
                    _learn_in_shares(learner, batch, n_shares, pool)


def _learn_in_shares(learner: AlphaLearner, batch: Batch, n_shares: int, pool: ThreadPoolExecutor) -> None:
    """Let threads learn from one part, while the states of the next are found."""
    shares = np.array_split(learner.learning, n_shares)
    logs = [np.empty((0, 0)) for _ in shares]
    parts = Learner.parts(learner, batch, SHARED_ENTRIES * learner.n_outputs)
    n_known, ready = _find(learner, next(parts, None))
    while ready is not None:
        part = next(parts, None)
        if part is not None:
            # The table does not grow while others look at it.
            learner.make_room(part.n_entries)
        for k, share in enumerate(shares):
            width = int(share[-1] - share[0] + 1) * learner.n_outputs
            if logs[k].shape[0] < ready.n_entries:
                logs[k] = np.empty((ready.n_entries, width))
        n_known_next, found = _learn_part(learner, batch, ready, part, shares, logs, n_known, pool)
        n_known, ready = n_known_next, found


def _learn_part(
    learner: AlphaLearner, batch: Batch, ready: Batch, following: Batch | None, shares: list[Ids], logs: list[Vector],
    n_known: int, pool: ThreadPoolExecutor,
) -> tuple[int, Batch | None]:
    """Learn from a part of a batch in all threads, and find the states of the one that follows; see `_find`."""
    before = learner.intercepts_of.copy(), learner.all_totals.copy()
    with learner.lock:
        tasks = [pool.submit(learner.learn_lanes, ready, share, log) for share, log in zip(shares, logs, strict=True)]
        try:
            return _find(learner, following)
        finally:
            results = [task.result() for task in tasks]
            if all(code == sgd_alphas.DONE for code, *_ in results):
                learner.set_clocks(learner.learning, *results[0][1:])
            else:
                _go_back(learner, ready, shares, logs, [int(n_rows[0]) for *_, n_rows in results], before)
                _learn_again(learner, ready, batch, n_known)


def _find(learner: AlphaLearner, part: Batch | None) -> tuple[int, Batch | None]:
    """Find the states of a part; return it with them, and the number of ids before."""
    n_known = learner.n_touched
    if part is None or part.places is not None:
        return n_known, part
    return n_known, placed(part, learner)


def _go_back(
    learner: AlphaLearner, part: Batch, shares: list[Ids], logs: list[Vector], n_rows: list[int],
    before: tuple[Vector, Vector],
) -> None:
    """Undo what each thread has learned from a part, up to another row than the others."""
    taken = entries_that_take_part(part)
    places, first = part.places[taken], learner.n_rows
    for share, log, row in zip(shares, logs, n_rows, strict=True):
        n_logged = np.count_nonzero(taken[: part.rows.indptr[row - first]])
        # The oldest state of each is the one it began with.
        some, oldest = np.unique(places[:n_logged], return_index=True)
        columns = (share[:, None] * learner.n_outputs + np.arange(learner.n_outputs)).ravel()
        learner.table.states[np.ix_(some, columns)] = log[np.ix_(oldest, columns - columns[0])]
    learner.intercepts_of[...], learner.all_totals[...] = before


def _learn_again(learner: AlphaLearner, part: Batch, batch: Batch, n_known: int) -> None:
    """Learn from a part in one thread, which says where it leads nowhere."""
    if batch.places is None:
        learner.table.forget_from(n_known)
        part = replace(part, places=None)
    learner.learn_part(part)
