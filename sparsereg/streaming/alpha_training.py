"""State of a training run at several alphas: learners side by side, a learning curve for each, the best one's model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

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
    passes : ndarray of int64 of shape (n_alphas,)
        Over the data, of each alpha.
    ends : list of int or None
        Entries of the history up to the last pass of each alpha; None: it goes on.
    """

    learner: AlphaLearner

    def __init__(self, settings: StreamSettings, n_features: int, n_outputs: int, seed: int):
        self.passes = np.zeros(len(settings.alphas or ()), dtype=np.int64)
        super().__init__(settings, n_features, n_outputs, seed)
        self.ends: list[int | None] = [None] * self.learner.n_lanes
        self.history = History(self.learner.n_lanes)
        self._totals = np.zeros((self.learner.n_lanes, 2))
        undecided = 1.0 / max(n_outputs, 2) if settings.objective.is_classification else None
        monitors = [DivergenceMonitor(self._mean_losses, undecided) for _ in self.passes]
        self._watch: Any = LaneMonitors(monitors, settings.alphas or ())

    @property
    def n_iter(self) -> int:
        """Passes over the data so far, the one under way included, of the best."""
        return int(self.passes[self.learner.best])

    @n_iter.setter
    def n_iter(self, n_iter: int) -> None:
        learner = getattr(self, "learner", None)
        self.passes[slice(None) if learner is None else learner.learning] = n_iter

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
        one.resume(self.learner.lane_state(lane), self.history.at(lane, self.ends[lane]), self.seconds, self.seed)
        one.n_iter, one.n_entries, one.start = int(self.passes[lane]), self.n_entries, self.start
        one.units.seen[:] = self.units.seen
        return one

    def end_lane(self, lane: int) -> None:
        """Let an alpha learn no more: it has had its last pass."""
        self.learner.learning = self.learner.learning[self.learner.learning != lane]
        self.ends[lane] = len(self.history)

    def take_up(self) -> None:
        """Let all alphas learn again."""
        self.learner.learning = np.arange(self.learner.n_lanes)
        self._n_changes += 1

    def take_steps(self, batch: Batch) -> None:
        """Learn from rows whose steps have their units."""
        learn_lanes_in_threads(self.learner, batch, self.settings.n_threads)

    @property
    def progressive_losses(self) -> Vector:
        """Mean loss of each alpha so far; NaN before any row."""
        return _means(self.learner.all_totals)

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
            validation_loss=np.broadcast_to(validation_loss, learner.n_lanes).copy(),
        )
        self._totals = learner.all_totals.copy()
        self.n_entries = 0

    def last(self, name: str) -> float:
        """Return the last number of a column of the history, of the best where there is one for each alpha."""
        return float(np.broadcast_to(self.history.last(name), self.learner.n_lanes)[self.learner.best])

    def losses_of_alphas(self, rows: Rows, y: Vector, weight: Vector | None) -> Vector:
        """Measure the mean loss of rows at each alpha, penalty and dropout left out.

        Parameters
        ----------
        rows : Rows
        y : ndarray of float64 of shape (n_rows, n_outputs)
        weight : ndarray of float64 of shape (n_rows,) or None

        Returns
        -------
        losses : ndarray of float64 of shape (n_alphas,)
            Of outputs that have their loss to themselves the sum.
        """
        coef, intercepts = self.learner.all_coefficients()
        t = coef.decision(rows).reshape(rows.n_samples, -1) + intercepts
        by_lane = np.split(t, self.learner.n_lanes, axis=1)
        return np.array([float(self._mean_losses(y, np.ascontiguousarray(of_lane), weight).sum()) for of_lane in by_lane])

    def resume(self, state: Any, history: History, seconds: float, seed: int) -> None:
        """Go on where another run was; see `Training.resume`."""
        super().resume(state, history, seconds, seed)
        totals = np.zeros((self.learner.n_lanes, 2))
        if len(history):
            totals[:, 0] = history.last("weight")
            totals[:, 1] = totals[:, 0] * history.last("progressive_loss")
        self._totals = totals


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
