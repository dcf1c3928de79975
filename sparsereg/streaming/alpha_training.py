"""State of a training run at several alphas: learners side by side, a learning curve for each, the best one's model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.coef import SparseCoef
from sparsereg.inputs.dense_rows import DenseRows
from sparsereg.inputs.rows import Rows
from sparsereg.streaming.alpha_learner import AlphaLearner, LaneView
from sparsereg.streaming.alpha_threads import learn_lanes_in_threads
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.divergence import DivergenceMonitor
from sparsereg.streaming.options import StreamSettings
from sparsereg.streaming.training import History, Training

Ids = npt.NDArray[np.int64]
Vector = npt.NDArray[np.float64]


class LaneMonitors:
    """A monitor of divergence for each alpha, as one.

    Parameters
    ----------
    monitors : list of DivergenceMonitor
    alphas : sequence of float
    """

    def __init__(self, monitors: list[DivergenceMonitor], alphas: tuple[float, ...]):
        self._monitors, self._alphas = monitors, alphas

    @property
    def finding(self) -> str | None:
        """What is wrong, and where, as of the last check."""
        found = [
            f"{monitor.finding} (alpha={alpha:g})"
            for monitor, alpha in zip(self._monitors, self._alphas, strict=True) if monitor.finding is not None
        ]
        return "; ".join(found) or None

    def start(self, learner: AlphaLearner) -> None:
        """Begin to watch a learner as it is now."""
        for lane, monitor in enumerate(self._monitors):
            monitor.start(LaneView(learner, lane))

    def check(self, learner: AlphaLearner, batch: Batch, *n_rows: int) -> None:
        """Compare the losses of those that learn; see `DivergenceMonitor.check`."""
        for lane in learner.learning.tolist():
            self._monitors[lane].check(LaneView(learner, lane), batch, *n_rows)


class AlphaTraining(Training):
    """State of one training run at several alphas. What is asked of one fit is that of the best.

    Parameters
    ----------
    settings : StreamSettings
        With several alphas.
    n_features, n_outputs, seed : int
        As `Training` takes them.

    Attributes
    ----------
    generators : list of numpy.random.Generator or None
        As each alpha has left them at its last pass over data in memory.
    """

    learner: AlphaLearner

    def __init__(self, settings: StreamSettings, n_features: int, n_outputs: int, seed: int):
        super().__init__(settings, n_features, n_outputs, seed)
        self.history = History(self.learner.n_lanes)
        self.generators: list[np.random.Generator | None] = [None] * self.learner.n_lanes
        self._totals = np.zeros((self.learner.n_lanes, 2))
        undecided = 1.0 / max(n_outputs, 2) if settings.objective.is_classification else None
        monitors = [DivergenceMonitor(self.mean_losses, undecided) for _ in range(self.learner.n_lanes)]
        # Coefficients that were read, and the number of changes before that.
        self._read_all: tuple[int, SparseCoef, Vector] | None = None
        self._watch: Any = LaneMonitors(monitors, settings.alphas or ())

    @property
    def n_iter(self) -> int:
        """Passes over the data so far, the one under way included, of the best."""
        return int(self.learner.passes[self.learner.best])

    @n_iter.setter
    def n_iter(self, n_iter: int) -> None:
        """Set that of those that learn."""
        self.learner.passes[self.learner.learning] = n_iter

    @property
    def n_rows(self) -> int:
        """Rows that the best has learned from."""
        return int(self.learner.counters[self.learner.best, 0])

    def at(self, lane: int) -> Training:
        """Return the run of one alpha, which can go on by itself.

        Parameters
        ----------
        lane : int

        Returns
        -------
        training : Training
        """
        one = Training(self.settings.at(lane), self.n_features, self.n_outputs, self.seed)
        one.resume(self.learner.lane_state(lane), self.history.at(lane), self.seconds, self.seed)
        one.n_iter, one.n_entries, one.start = int(self.learner.passes[lane]), self.n_entries, self.start
        one.units.seen[:] = self.units.seen
        return one

    @property
    def best(self) -> int:
        """Position of the alpha whose model this is."""
        return self.learner.best

    def set_run(self, k: int, run: Training) -> None:
        """Take over what one alpha has come to by itself.

        Parameters
        ----------
        k : int
            Its position.
        run : Training
            Of `at`.
        """
        self.learner.set_lane(k, run.learner.state())
        self.learner.passes[k] = run.n_iter
        self._n_changes += 1

    def end_lane(self, k: int) -> None:
        """Let an alpha learn no more: it has had its last pass."""
        self.learner.learning = self.learner.learning[self.learner.learning != k]

    def finish(self, step: Callable[[Training, Any], Any], rng: np.random.Generator) -> Any:
        """Bring passes over data in memory to their end; see `Training.finish`. Of all alphas the best is certified."""
        settings, best = self.settings, self.best
        evaluation = None
        for k in range(self.learner.n_lanes):
            if k != best and settings.finish_tol is None:
                continue
            one = self.at(k)
            one.settings = replace(one.settings, certify=settings.certify if k == best else False)
            found = step(one, rng if self.generators[k] is None else self.generators[k])
            if settings.finish_tol is not None:
                self.set_run(k, one)
            if k == best:
                evaluation = found
        return evaluation

    def judge_pass(self, n_passes: int, held_out: Vector | None) -> None:
        """Take note of what the best alpha is chosen by, after a pass.

        Parameters
        ----------
        n_passes : int
            Over all rows so far.
        held_out : ndarray of float64 of shape (n_alphas,) or None
            Losses of held-out rows. None: the progressive losses of the first pass, because all rows of a later one
            have been learned from before.
        """
        learner = self.learner
        if held_out is not None:
            learner.judged[learner.learning] = held_out[learner.learning]
        elif n_passes == 1:
            learner.judged[:] = self.progressive_losses

    def take_up(self) -> None:
        """Let all alphas learn again, of a fit that was interrupted too."""
        self.learner.learning = np.arange(self.learner.n_lanes)
        self._n_changes += 1

    def take_steps(self, batch: Batch) -> None:
        """Learn from rows whose steps have their units."""
        learn_lanes_in_threads(self.learner, batch, self.settings.n_threads)

    @property
    def progressive_losses(self) -> Vector:
        """Mean loss of each alpha so far; NaN before any row."""
        return _means(self.learner.all_totals)

    def record_losses(self, losses: Vector) -> None:
        """Add an entry to the history; `losses`: of shape (n_alphas,), or (1,) where it is NaN."""
        self.record(losses)

    def record(self, validation_loss: Any = np.nan) -> None:
        """Add an entry to the history; see `Training.record`.

        Parameters
        ----------
        validation_loss : float or ndarray of float64 of shape (n_alphas,), default=NaN
        """
        learner = self.learner
        self.history.append(
            n_rows=learner.n_rows, n_nonzero=learner.count_nonzeros(), n_touched=learner.n_touched,
            nbytes=learner.nbytes, weight=learner.all_totals[:, 0].max(), seconds=self.seconds,
            loss=_means(learner.all_totals - self._totals), progressive_loss=self.progressive_losses,
            validation_loss=np.where(np.isin(np.arange(learner.n_lanes), learner.learning), validation_loss, np.nan),
        )
        self._totals = learner.all_totals.copy()
        self.n_entries = 0

    def last(self, name: str) -> float:
        """Return the last number of a column of the history, of the best where there is one for each alpha."""
        return float(np.broadcast_to(self.history.last(name), self.learner.n_lanes)[self.learner.best])

    def judge(self, rows: Rows | DenseRows, y: Vector, weight: Vector | None) -> Vector:
        """Measure the mean loss of rows at each alpha, penalty and dropout left out.

        Parameters
        ----------
        rows : Rows or DenseRows
        y : ndarray of float64 of shape (n_rows, n_outputs)
        weight : ndarray of float64 of shape (n_rows,) or None

        Returns
        -------
        losses : ndarray of float64 of shape (n_alphas,)
            Of outputs that have their loss to themselves the sum.
        """
        if self._read_all is None or self._read_all[0] != self._n_changes or self._is_learning:
            self._read_all = self._n_changes, *self.learner.all_coefficients()
        _, coef, intercepts = self._read_all
        t = coef.decision(rows).reshape(rows.n_samples, -1) + intercepts
        by_lane = [np.ascontiguousarray(of_lane) for of_lane in np.split(t, self.learner.n_lanes, axis=1)]
        return np.array([float(self.mean_losses(y, of_lane, weight).sum()) for of_lane in by_lane])

    def _totals_of(self, history: History) -> Vector:
        """Return weights and losses as they were at the last entry."""
        totals = np.zeros((self.learner.n_lanes, 2))
        if len(history):
            totals[:, 0] = history.last("weight")
            totals[:, 1] = totals[:, 0] * history.last("progressive_loss")
        return totals


def _means(totals: Vector) -> Vector:
    """Return mean losses; NaN where there is no weight."""
    weight, losses = totals.T
    return np.divide(losses, weight, out=np.full(losses.shape, np.nan), where=weight > 0.0)


def make_training(settings: StreamSettings, n_features: int, n_outputs: int, seed: int) -> Training:
    """Begin a run at one alpha or at several.

    Parameters
    ----------
    settings : StreamSettings
    n_features, n_outputs, seed : int
        As `Training` takes them.

    Returns
    -------
    training : Training
    """
    kind = Training if settings.alphas is None else AlphaTraining
    return kind(settings, n_features, n_outputs, seed)
