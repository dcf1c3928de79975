"""Regularization path of a stream: several FTRL learners, one for each alpha, over one table of ids."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import sgd, sgd_alphas
from sparsereg.coef import Nonzeros, SparseCoef
from sparsereg.inputs.dense_rows import DenseRows
from sparsereg.inputs.rows import Rows
from sparsereg.streaming.batch import Batch, Sampling
from sparsereg.streaming.learner import (
    CALL_ENTRIES,
    COUNTERS,
    UNPLACED,
    UNWEIGHTED,
    DivergenceError,
    Learner,
)

Ids = npt.NDArray[np.int64]
Vector = npt.NDArray[np.float64]
State = dict[str, npt.NDArray[Any]]

# A log of replaced states where nobody goes back to them.
UNLOGGED = np.empty((0, 0))


@dataclass(frozen=True, eq=False)
class LaneView:
    """What one of several learners has come to, as those who watch one look at it.

    Attributes
    ----------
    learner : AlphaLearner
    lane : int
    """

    learner: AlphaLearner
    lane: int

    @property
    def n_rows(self) -> int:
        """Rows so far."""
        return int(self.learner.counters[self.lane, 0])

    @property
    def totals(self) -> Vector:
        """Weight and losses so far."""
        return self.learner.all_totals[self.lane]

    @property
    def intercept(self) -> Vector:
        """Intercepts, and the sums of their squared slopes."""
        return self.learner.intercepts_of[self.lane]

    @property
    def optimizer(self) -> Any:
        """Optimizer."""
        return self.learner.optimizers[self.lane]

    def coefficients(self) -> tuple[Ids, Vector]:
        """Read the coefficients that are not 0; see `Learner.coefficients`."""
        return self.learner.at(self.lane).coefficients()

    def decision(self, rows: Rows | DenseRows) -> Vector:
        """Compute linear predictors, an array of shape (n_rows, n_outputs), at the cost of the rows alone."""
        return self.learner.decision_at(self.lane, rows)


class AlphaLearner(Learner):
    """State of several FTRL fits to the same rows; where one learner is asked for it is the best of them.

    Parameters
    ----------
    loss : object of the registry
    penalties : sequence of objects of the registry
        Of one class, one for each lane.
    optimizers : sequence of FTRL
        One for each lane.
    n_outputs, softmax, fit_intercept, sampling, n_features
        As `Learner` takes them; of each lane.

    Attributes
    ----------
    table : StateTable
        A state for each id touched: those of all lanes side by side.
    intercepts_of : ndarray of float64 of shape (n_lanes, 2, n_outputs) or (n_lanes, 0, 0)
    all_totals : ndarray of float64 of shape (n_lanes, 2)
    counters : ndarray of int64 of shape (n_lanes, 1)
        Rows so far.
    passes : ndarray of int64 of shape (n_lanes,)
        Over the data, the one under way included.
    judged : ndarray of float64 of shape (n_lanes,)
        Losses that the best is chosen by; NaN: the progressive loss.
    learning : ndarray of int64 of shape (n_learning,)
        Lanes that learn; passes of the others are over.
    """

    def __init__(
        self, loss: Any, penalties: Any, optimizers: Any, *, n_outputs: int = 1, softmax: bool = False,
        fit_intercept: bool = True, sampling: Sampling | None = None, n_features: int | None = None,
    ):
        self.loss, self.penalties, self.optimizers = loss, tuple(penalties), list(optimizers)
        self.n_outputs, self.softmax = n_outputs, softmax
        self.sampling = Sampling() if sampling is None else sampling
        self.n_features, n_lanes = n_features, len(self.penalties)
        self.table = self._make_table()
        self.intercepts_of = np.zeros((n_lanes, 2, n_outputs) if fit_intercept else (n_lanes, 0, 0))
        self.all_totals = np.zeros((n_lanes, 2))
        self.counters = np.zeros((n_lanes, 1), dtype=np.int64)
        self.passes = np.zeros(n_lanes, dtype=np.int64)
        self.judged = np.full(n_lanes, np.nan)
        self.learning = np.arange(n_lanes)
        self.lock, self.entering = threading.RLock(), threading.RLock()
        self.counts = np.zeros(COUNTERS if self.sampling.min_count > 1 else 0, dtype=np.uint8)

    # What stands for one learner.

    @property
    def n_lanes(self) -> int:
        """Fits side by side."""
        return len(self.penalties)

    @property
    def n_alphas(self) -> int | None:
        """Fits side by side."""
        return self.n_lanes

    @property
    def best(self) -> int:
        """Lane of the smallest loss; of equal ones that of the largest alpha."""
        weight = self.all_totals[:, 0]
        progressive = np.divide(self.all_totals[:, 1], weight, out=np.full(self.n_lanes, np.inf), where=weight > 0.0)
        losses = np.where(np.isnan(self.judged), progressive, self.judged)
        return int(np.lexsort(([-penalty.alpha for penalty in self.penalties], losses))[0])

    @property
    def penalty(self) -> Any:
        """Penalty of the best."""
        return self.penalties[self.best]

    @property
    def optimizer(self) -> Any:
        """Optimizer of the best."""
        return self.optimizers[self.best]

    @property
    def intercept(self) -> Vector:
        """Intercepts of the best, and the sums of their squared slopes."""
        return self.intercepts_of[self.best]

    @property
    def totals(self) -> Vector:
        """Weight and losses of the best."""
        return self.all_totals[self.best]

    @property
    def n_rows(self) -> int:
        """Rows of the stream so far: of the lanes that learn, or have learned from most."""
        counters = self.counters[self.learning, 0] if self.learning.size else self.counters[:, 0]
        return int(counters.max())

    @property
    def width(self) -> int:
        """Doubles of a state."""
        return self.n_lanes * self.n_outputs

    @property
    def takes_dense(self) -> bool:
        """Whether dense rows stay such: no, states of one id are those of all lanes."""
        return False

    @property
    def nbytes(self) -> int:
        """Bytes of the state."""
        return int(self.table.nbytes + self.counts.nbytes + self.intercepts_of.nbytes)

    def lanes(self) -> list[LaneView]:
        """Return a view of each fit."""
        return [LaneView(self, lane) for lane in range(self.n_lanes)]

    # Learning.

    def learn(self, batch: Batch) -> None:
        """Learn from a batch of rows in all lanes that learn; see `Learner.learn`."""
        for lanes in self.groups():
            with self.learning_together(lanes):
                super().learn(batch)

    def groups(self) -> list[Ids]:
        """Return lanes that have the same clock, and so learn together: all, unless passes of some were over before."""
        clocks: dict[Any, list[int]] = {}
        for lane in self.learning.tolist():
            key = (int(self.counters[lane, 0]), *self.optimizers[lane].clock)
            clocks.setdefault(key, []).append(lane)
        return [np.array(lanes) for lanes in clocks.values()]

    @contextmanager
    def learning_together(self, lanes: Ids) -> Iterator[None]:
        """Let these lanes alone learn for a while."""
        learning, self.learning = self.learning, lanes
        try:
            yield
        finally:
            self.learning = learning

    def parts(self, batch: Batch, n_entries: int = CALL_ENTRIES) -> Iterator[Batch]:
        """Cut a batch into pieces of about `n_entries` over all outputs and lanes; see `Learner.parts`."""
        return super().parts(batch, max(n_entries // max(self.learning.size // 4, 1), 1))

    def learn_part(self, part: Batch) -> None:
        """Learn from a few rows; see `Learner.learn_part`."""
        first, lanes = self.n_rows, self.learning
        while (done := self.n_rows - first) < part.n_rows:
            rest = part.between(done, part.n_rows) if done else part
            with self.lock:
                code, lane = self.call_lanes(rest, lanes, UNLOGGED)
            if code == sgd_alphas.DIVERGED:
                self.raise_diverged_in(lane, self.n_rows)
            if code == sgd_alphas.TABLE_FULL:
                self.make_room(part.longest)

    def call_lanes(self, part: Batch, lanes: Ids, log: Vector) -> tuple[int, int]:
        """Learn from rows in some lanes, whose clocks are the same.

        Parameters
        ----------
        part : Batch
        lanes : ndarray of int64 of shape (n,)
        log : ndarray of float64 of shape (n_entries or more, span of their columns) or (0, 0)
            Filled with the states that the steps replaced.

        Returns
        -------
        code, lane : int
            How it ended, and where; see the kernel.
        """
        rows, sampling = part.rows, self.sampling
        # For nobody else's use meanwhile.
        optimizer = copy.copy(self.optimizers[lanes[0]])
        optimizer.in_lanes = self.optimizers[lanes[0]].in_lanes
        weight = UNWEIGHTED if part.weight is None else part.weight
        unit = UNWEIGHTED if part.unit is None else part.unit
        places = UNPLACED if part.places is None else part.places
        return sgd_alphas.learn(
            self.loss, copy.copy(self.penalties[0]), optimizer, self.softmax, rows.indptr, rows.indices, places,
            rows.data, part.y, weight, unit, part.longest, self.table, self.settings(), lanes, self.intercepts_of,
            self.all_totals, self.optimizers, self.counters, self.counts, sampling.min_count, sampling.dropout,
            sampling.seed, log,
        )

    def settings(self) -> Vector:
        """Return what the lanes have to themselves, as kernels take it."""
        pairs = zip(self.penalties, self.optimizers, strict=True)
        return np.array([
            (penalty.strength, penalty.alpha * (1.0 - penalty.l1_ratio), optimizer.eta0, optimizer.beta,
             optimizer.clock[0])
            for penalty, optimizer in pairs
        ])

    def raise_diverged_in(self, lane: int, row: int) -> None:
        """Raise the error for a step that led nowhere."""
        raise DivergenceError(
            f"the step of row {row} of the stream (the first is 0) is not finite at "
            f"alpha={self.penalties[lane].alpha:g}: the optimiser has diverged, eta0={self.optimizers[lane].eta0:g} or "
            "the values of the data are too large (coefficients of all alphas are still finite, and none has learned "
            "from that row)"
        )

    def rescale(self) -> None:
        """Nothing: clocks of FTRL may run for ever."""

    def drop_stale(self) -> None:
        """Forget coefficients of the lanes that learn that are 0 and were not touched since the last time."""
        states = self.table.states
        by_lane = states.reshape(-1, self.n_lanes, self.n_outputs)
        for start, chunk in self._chunks():
            some = slice(start, start + chunk.shape[0])
            is_stale = self.table.touched[some] == 0
            for lane in self.learning.tolist():
                is_zero = ~self._read_lane(chunk, lane).any(axis=1)
                by_lane[some, lane][is_stale & is_zero] = 0.0
        # A lane whose passes are over keeps what it was; an id goes with its last state.
        stays = (self.table.touched != 0) | states.any(axis=1)
        with self.lock, self.entering:
            self._fill_table(self.table.ids()[stays], states[stays])

    # Reading.

    def _read_lane(self, states: Vector, lane: int) -> Vector:
        """Read the coefficients of a lane."""
        w = np.empty((states.shape[0], self.n_outputs))
        sgd.read(self.penalties[lane], self.optimizers[lane], self._of_lane(states, lane), w)
        return w

    def _of_lane(self, states: Vector, lane: int) -> Vector:
        """Copy the states of a lane."""
        return np.ascontiguousarray(states[:, lane * self.n_outputs : (lane + 1) * self.n_outputs])

    def _read(self, states: Vector) -> Vector:
        return self._read_lane(states, self.best)

    def count_nonzeros(self) -> Ids:
        """Count the coefficients that are not 0, lane by lane; one pass over the states."""
        counts, settings = np.zeros(self.n_lanes, dtype=np.int64), self.settings()
        penalty, optimizer = copy.copy(self.penalties[0]), copy.copy(self.optimizers[0])
        with self.lock, self.entering:
            for _, chunk in self._chunks():
                sgd_alphas.count_nonzero(penalty, optimizer, settings, chunk, self.n_outputs, counts)
        return counts

    def count_nonzero(self) -> int:
        """Count the coefficients of the best that are not 0."""
        return int(self.count_nonzeros()[self.best])

    def all_coefficients(self) -> tuple[SparseCoef, Vector]:
        """Read the coefficients of all lanes.

        Returns
        -------
        coef : SparseCoef
            A column for each output of each lane.
        intercepts : ndarray of float64 of shape (n_lanes * n_outputs,)
        """
        with self.lock, self.entering:
            read = [self._read_lane(self.table.states, lane) for lane in range(self.n_lanes)]
            ids, w = self.table.ids(), np.hstack(read)
            b = self.intercepts_of[:, 0].ravel().copy() if self.intercepts_of.size else np.zeros(self.width)
        used = np.flatnonzero(w.any(axis=1))
        order = used[np.argsort(ids[used])]
        n_features = np.iinfo(np.int64).max if self.n_features is None else self.n_features
        return SparseCoef(ids[order], Nonzeros.of_dense(w[order].T), n_features), b

    def decision(self, rows: Rows | DenseRows) -> Vector:
        """Compute linear predictors of the best; see `Learner.decision`."""
        return self.decision_at(self.best, rows)

    def decision_at(self, lane: int, rows: Rows | DenseRows) -> Vector:
        """Compute linear predictors of a lane; see `Learner.decision`.

        Parameters
        ----------
        lane : int
        rows : Rows or DenseRows

        Returns
        -------
        t : ndarray of float64 of shape (n_rows, n_outputs)
        """
        of_lane = self.penalties[lane], self.optimizers[lane], lambda states: self._read_lane(states, lane)
        with self.lock, self.entering:
            t = self._products(rows, *of_lane, first=lane * self.n_outputs, state_size=1)
            return t + self.intercepts_of[lane, 0] if self.intercepts_of.size else t

    # States.

    def start_from(self, ids: Ids, w: Vector, intercept: Vector | None = None) -> None:
        """Set the coefficients of every lane; see `Learner.start_from`."""
        for lane in range(self.n_lanes):
            one = self.at(lane)
            one.start_from(ids, w, intercept)
            self.set_lane(lane, one.state())

    def at(self, lane: int) -> Learner:
        """Return the learner of a lane, a copy that can go on by itself.

        Parameters
        ----------
        lane : int

        Returns
        -------
        learner : Learner
        """
        one = Learner(
            self.loss, self.penalties[lane], copy.copy(self.optimizers[lane]), n_outputs=self.n_outputs,
            softmax=self.softmax, fit_intercept=bool(self.intercepts_of.size), sampling=self.sampling,
            n_features=self.n_features,
        )
        one.restore(self.lane_state(lane))
        return one

    def lane_state(self, lane: int) -> State:
        """Return the state of a lane, as a learner by itself has it.

        Parameters
        ----------
        lane : int

        Returns
        -------
        state : dict from str to ndarray
        """
        with self.lock, self.entering:
            return {
                "ids": self.table.ids(),
                "states": self._of_lane(self.table.states, lane).copy(),
                "touched": self.table.touched.copy(),
                "intercept": self.intercepts_of[lane].copy(),
                "totals": self.all_totals[lane].copy(),
                "n_rows": self.counters[lane].copy(),
                "clock": np.array(self.optimizers[lane].clock),
                "counts": self.counts.copy(),
            }

    def set_lane(self, lane: int, state: State) -> None:
        """Give a lane the state of a learner by itself; what tells which ids have a state is that of all lanes.

        Parameters
        ----------
        lane : int
        state : dict from str to ndarray
            As `lane_state` returns it.
        """
        with self.lock:
            places = self.enter(state["ids"])
            columns = slice(lane * self.n_outputs, (lane + 1) * self.n_outputs)
            self.table.states[:, columns] = 0.0
            self.table.states[places, columns] = state["states"]
            if self.intercepts_of.size:
                self.intercepts_of[lane] = state["intercept"]
            self.all_totals[lane], self.counters[lane] = state["totals"], state["n_rows"]
            self.optimizers[lane].clock = tuple(state["clock"].tolist())

    def state(self) -> State:
        """Return all that is needed to go on from here with the same bits."""
        with self.lock, self.entering:
            return {
                "ids": self.table.ids(),
                "states": self.table.states.copy(),
                "touched": self.table.touched.copy(),
                "intercept": self.intercepts_of.copy(),
                "totals": self.all_totals.copy(),
                "n_rows": self.counters.copy(),
                "clock": np.array([optimizer.clock for optimizer in self.optimizers]),
                "counts": self.counts.copy(),
                "passes": self.passes.copy(),
                "judged": self.judged.copy(),
                "learning": self.learning.copy(),
            }

    def restore(self, state: State) -> None:
        """Go back to a state of a learner that was made alike; see `Learner.restore`."""
        self.check_state(state)
        self._fill_table(state["ids"], state["states"])
        self.table.touched[...] = state["touched"]
        for optimizer, clock in zip(self.optimizers, state["clock"].tolist(), strict=True):
            optimizer.clock = tuple(clock)
        self.intercepts_of, self.all_totals = state["intercept"].copy(), state["totals"].copy()
        self.counters, self.counts = state["n_rows"].copy(), state["counts"].copy()
        self.passes = state["passes"].copy()
        self.judged, self.learning = state["judged"].copy(), state["learning"].copy()

    def check_state(self, state: State) -> None:
        """Refuse arrays of another form than those of a learner that was made alike; see `Learner.check_state`."""
        if "learning" in state and state["learning"].ndim == 1:
            lanes = state["learning"]
            # Of any number of lanes: what else is checked is checked of all.
            state = {**state, "learning": np.arange(self.n_lanes)}
            if not np.isin(lanes, state["learning"]).all() or (np.diff(lanes) <= 0).any():
                raise ValueError(f"state: lanes {lanes.tolist()} are not allowed, expected some of {self.n_lanes}")
        super().check_state(state)
        if (state["n_rows"] < 0).any():
            raise ValueError(f"state: {state['n_rows'].min()} rows are not allowed, expected 0 or more")

    def __deepcopy__(self, memo: dict[int, Any]) -> AlphaLearner:
        """Copy the state, so that no other learner changes it."""
        other = AlphaLearner.__new__(AlphaLearner)
        other.__setstate__({**self.__getstate__(), "optimizers": [copy.copy(one) for one in self.optimizers]})
        return other
