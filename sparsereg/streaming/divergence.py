"""Divergence detection: losses far above those of predicting 0, at numbers that are still finite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sparsereg.design import select_rows
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.learner import Learner
from sparsereg.streaming.optimizer import told_step

Vector = npt.NDArray[np.float64]

# What learns, however badly, soon loses about as much as a model that predicts 0; what diverges loses more by powers of
# ten, from pass to pass.
MAX_LOSS_RATIO = 1e3
# Rows between two checks: the first rows of a fit may lose much, and the next ones mend it.
WATCHED_ROWS = 256
# Rows that are checked one by one.
SAMPLE = 64


class DivergenceMonitor:
    """Compares the loss of a learner with that of predicting 0, by the sums that it keeps anyway.

    Parameters
    ----------
    losses : callable
        Takes targets and predictors of shape (n_rows, n_outputs); returns the mean loss of each output.
    undecided : float or None
        Of classes the target that stands for all of them alike: a row far on the right side may have no loss at all.

    Attributes
    ----------
    finding : str or None
        What is wrong, as of the last check.
    """

    def __init__(self, losses: Callable[[Vector, Vector], Vector], undecided: float | None):
        self._losses, self._undecided = losses, undecided
        self.finding: str | None = None
        self._n_rows, self._totals = 0, np.zeros(2)
        # Mean loss of predicting 0: of the first rows, and of later ones where those lose more.
        self._null = 0.0

    def start(self, learner: Learner) -> None:
        """Begin to watch a learner as it is now."""
        self._n_rows, self._totals = learner.n_rows, learner.totals.copy()

    def check(self, learner: Learner, batch: Batch, n_rows: int = WATCHED_ROWS) -> None:
        """Compare the losses since the last check, if that is `n_rows` rows ago, and keep what is wrong in `finding`.

        Parameters
        ----------
        learner : Learner
        batch : Batch
            The rows that it has learned from last.
        n_rows : int, default=WATCHED_ROWS

        Notes
        -----
        Wrong is that the mean loss was above MAX_LOSS_RATIO times that of predicting 0, and that most rows have such
        predictors after they have been learned from: a few rows that are unlike all others are no divergence.
        """
        weight, loss = learner.totals - self._totals
        if learner.n_rows - self._n_rows < n_rows or weight <= 0.0:
            return
        self.start(learner)
        self.finding = None
        loss /= weight
        if loss <= MAX_LOSS_RATIO * self._null:
            return
        some = _sample(batch)
        if some.n_rows == 0:
            return
        self._null = max(self._null, float(self._losses(some.y, np.zeros_like(some.y)).sum()))
        if loss <= MAX_LOSS_RATIO * self._null:
            return
        t = learner.decision(_by_id(some, learner).rows)
        y = some.y if self._undecided is None else np.full_like(some.y, self._undecided)
        now = float(np.median([self._losses(y[i : i + 1], t[i : i + 1]).sum() for i in range(some.n_rows)]))
        # A model that predicts 0 loses nothing where all targets are 0: nothing to compare with.
        if now > MAX_LOSS_RATIO * self._null > 0.0:
            self.finding = (
                f"after row {learner.n_rows - 1} of the stream (the first is 0) the mean loss is {loss:.3g}, more "
                f"than {MAX_LOSS_RATIO:g} times the {self._null:.3g} of a model that predicts 0: "
                f"{told_step(learner.optimizer)} is too large for the values of the data; scale the columns, or "
                f"{'give a number as' if learner.optimizer.tunes_itself else 'decrease'} eta0"
            )


def _sample(batch: Batch) -> Batch:
    """Take rows with a weight, evenly over all."""
    used = np.arange(batch.n_rows) if batch.weight is None else np.flatnonzero(batch.weight)
    keep = np.zeros(batch.n_rows, dtype=bool)
    keep[used[np.linspace(0, used.size - 1, min(SAMPLE, used.size)).astype(np.intp)]] = True
    if batch.is_dense:
        return Batch(batch.rows.take(np.flatnonzero(keep)), batch.y[keep])
    rows = batch.rows if batch.places is None else replace(batch.rows, indices=batch.places.view(np.int32))
    rows = select_rows(rows, keep)
    return Batch(rows, batch.y[keep], places=None if batch.places is None else rows.indices.view(np.uint32))


def _by_id(batch: Batch, learner: Learner) -> Batch:
    """Name entries by their ids, where only the places of their states are known."""
    if batch.places is None:
        return batch
    return replace(batch, rows=replace(batch.rows, indices=learner.table.ids()[batch.places]))
