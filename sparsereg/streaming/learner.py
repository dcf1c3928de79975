"""Stochastic gradient learner: a hash table of the coefficients touched so far, one kernel call every 50 ms."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import sgd, state_table
from sparsereg._core.state_table import StateTable
from sparsereg.inputs.dense_rows import DenseRows
from sparsereg.inputs.rows import Rows
from sparsereg.inputs.versions import current_state
from sparsereg.streaming.batch import Batch, Sampling, rows_between
from sparsereg.streaming.dense_learning import column_coefficients, learn_dense, takes_dense
from sparsereg.streaming.optimizer import strengths_of, told_step
from sparsereg.streaming.state_forms import current_form

Ids = npt.NDArray[np.int64]
Vector = npt.NDArray[np.float64]

# Entries learned from in one kernel call, about 50 ms of work.
CALL_ENTRIES = 1 << 21
# Rows predicted in one kernel call.
CALL_ROWS = 1 << 17
# States read in one go by what reads them all.
CHUNK_STATES = 1 << 18
# Keys alone move when the table grows, in order of memory.
GROWTH = 2
MIN_CAPACITY = 1 << 10
UNPICKLED = ("table", "counts", "lock", "entering")
# Counters of the ids not admitted yet: 16 MB of one byte each.
COUNTERS = 1 << 24
# Weights as kernels take them where all are 1, and places where ids are to be looked up.
UNWEIGHTED = np.empty(0)
UNPLACED = np.empty(0, dtype=np.uint32)


class DivergenceError(ArithmeticError):
    """A step was so long that a number is no longer finite."""


class Learner:
    """State of a stochastic gradient fit: a table of coefficients, intercepts and the optimiser's clock.

    Parameters
    ----------
    loss, penalty, optimizer : objects of the registries
        The elastic net, unless the optimiser takes any penalty.
    n_outputs : int
        Linear predictors: 1, or one for each class.
    softmax : bool
        The classes share one softmax; else each has the loss to itself, against the rest.
    fit_intercept : bool
    sampling : Sampling
    n_features : int or None, default=None
        Ids are below. None: below 2**63 - 1.

    Attributes
    ----------
    table : StateTable
        A state for each coefficient touched.
    intercept : ndarray of float64 of shape (2, n_outputs) or (0, 0)
        Intercepts, and the sums of their squared slopes.
    totals : ndarray of float64 of shape (2,)
        Weight of all rows so far, and their weighted losses, each measured before the row was learned from.
    counter : ndarray of int64 of shape (1,)
        Rows so far.
    lock : threading.RLock
        Held by who learns in the states, moves them about or reads them.
    entering : threading.RLock
        Held by who enters ids while another thread learns, and, inside the other lock, by who reads them.
    """

    def __init__(
        self, loss: Any, penalty: Any, optimizer: Any, *, n_outputs: int = 1, softmax: bool = False,
        fit_intercept: bool = True, sampling: Sampling | None = None, n_features: int | None = None,
    ):
        self.loss, self.penalty, self.optimizer = loss, penalty, optimizer
        self.n_outputs, self.softmax = n_outputs, softmax
        self.sampling = Sampling() if sampling is None else sampling
        self.n_features = n_features
        self.table = self._make_table()
        self.intercept = np.zeros((2, n_outputs) if fit_intercept else (0, 0))
        self.totals = np.zeros(2)
        self.counter = np.zeros(1, dtype=np.int64)
        self.lock, self.entering = threading.RLock(), threading.RLock()
        self.counts = np.zeros(COUNTERS if self.sampling.min_count > 1 else 0, dtype=np.uint8)

    @property
    def n_rows(self) -> int:
        """Rows so far."""
        return int(self.counter[0])

    @property
    def n_alphas(self) -> int | None:
        """Fits side by side; None: one by itself."""
        return None

    @property
    def width(self) -> int:
        """Doubles of a state."""
        return self.n_outputs * int(self.optimizer.state_size)

    @property
    def takes_dense(self) -> bool:
        """Whether dense rows stay such."""
        return takes_dense(self)

    @property
    def l1_l2(self) -> tuple[float, float]:
        """Strengths of the elastic net; 0 where the optimiser knows the penalty by its prox alone."""
        return strengths_of(self.penalty) if self.penalty.is_convex else (0.0, 0.0)

    @property
    def n_touched(self) -> int:
        """Coefficients that have a state."""
        return int(self.table.used)

    @property
    def nbytes(self) -> int:
        """Bytes of the state."""
        return int(self.table.nbytes + self.counts.nbytes + self.intercept.nbytes)

    def learn(self, batch: Batch) -> None:
        """Learn from a batch of rows, in order; any division of a stream into batches gives the same bits.

        Parameters
        ----------
        batch : Batch
            Ids below 2**63 - 1.

        Raises
        ------
        DivergenceError
            Rows up to the one named have been learned from.
        """
        for part in self.parts(batch):
            self.learn_part(part)

    def parts(self, batch: Batch, n_entries: int = CALL_ENTRIES) -> Iterator[Batch]:
        """Cut a batch into pieces of about `n_entries` over all outputs, and where coefficients are to be dropped."""
        start, every = 0, self.sampling.drop_stale
        n_entries = max(n_entries // self.n_outputs, 1)
        while start < batch.n_rows:
            stop = batch.end_of_part(start, n_entries)
            if every:
                stop = min(stop, start + every - self.n_rows % every)
            part = batch.between(start, stop)
            yield part if self.takes_dense else part.sparse()
            start = stop
            if every and self.n_rows % every == 0:
                self.drop_stale()

    def learn_part(self, part: Batch) -> None:
        """Learn from a few rows.

        Parameters
        ----------
        part : Batch
            Of `parts`.
        """
        if part.is_dense:
            learn_dense(self, part)
            return
        first = self.n_rows
        while (done := self.n_rows - first) < part.n_rows:
            with self.lock:
                rest = part.between(done, part.n_rows) if done else part
                code = self.call(rest, self.optimizer, self.totals, self.counter)
            if code == sgd.DIVERGED:
                self.raise_diverged(self.n_rows)
            if code == sgd.NEEDS_RESCALE:
                self.rescale()
            if code == sgd.TABLE_FULL:
                self.make_room(part.longest)

    def call(self, part: Batch, optimizer: Any, totals: Vector, n_rows: Ids) -> int:
        """Call the kernel; see there.

        Returns
        -------
        code : int
            How it ended.
        """
        rows, sampling = part.rows, self.sampling
        weight = UNWEIGHTED if part.weight is None else part.weight
        unit = UNWEIGHTED if part.unit is None else part.unit
        places = UNPLACED if part.places is None else part.places
        return sgd.learn(
            self.loss, self.penalty, optimizer, self.softmax, rows.indptr, rows.indices, places, rows.data, part.y,
            weight, unit, part.longest, self.table, self.intercept, totals, n_rows, self.counts, sampling.min_count,
            sampling.dropout, sampling.seed,
        )

    def raise_diverged(self, row: int) -> None:
        """Raise the error for a step that led nowhere.

        Parameters
        ----------
        row : int
            Its number in the stream.
        """
        raise DivergenceError(
            f"the step of row {row} of the stream (the first is 0) is not finite: the optimiser has diverged, "
            f"{told_step(self.optimizer)} or the values of the data are too large (coefficients are still finite)"
        )

    def has_room(self, n: int) -> bool:
        """Tell whether the table can take `n` more ids.

        Parameters
        ----------
        n : int

        Returns
        -------
        has_room : bool
        """
        return self.table.used + n <= self.table.limit

    def make_room(self, n: int) -> None:
        """Let the table grow until `n` more ids fit.

        Parameters
        ----------
        n : int
        """
        if self.has_room(n):
            return
        wanted = max(self.table.capacity * GROWTH, int((self.table.used + n) / state_table.MAX_LOAD) + 1)
        self._check_capacity(wanted)
        # Who learns by place does not look at keys.
        with self.lock if self.table.moves_at(wanted) else nullcontext(), self.entering:
            self.table.grow(wanted)

    def enter(self, ids: Ids) -> npt.NDArray[np.uint32]:
        """Find the states of ids, of zeros where they are new; mark them as touched.

        Parameters
        ----------
        ids : ndarray of int64 of shape (n_ids,)

        Returns
        -------
        places : ndarray of uint32 of shape (n_ids,)
            Indices into the states, which stay as they are as long as no coefficient is dropped.
        """
        places = np.empty(ids.size, dtype=np.uint32)
        self.make_room(ids.size)
        with self.entering:
            state_table.find_or_enter(ids, self.table, places)
        return places

    def _make_table(self, n: int = 0) -> StateTable:
        """Make a table for `n` ids, with room for as many as come first."""
        capacity = max(MIN_CAPACITY, int(n / state_table.MAX_LOAD) + 1)
        self._check_capacity(capacity)
        is_wide = self.n_features is None or self.n_features > state_table.NARROW_IDS
        return StateTable(self.width, capacity, is_wide, self.sampling.drop_stale > 0)

    def _fill_table(self, ids: Ids, states: Vector) -> None:
        """Make a new table of some states."""
        table = self._make_table(ids.size)
        state_table.find_or_enter(ids, table, np.empty(ids.size, dtype=np.uint32))
        table.states[...] = states
        table.touched[...] = 0
        self.table = table

    def _check_capacity(self, capacity: int) -> None:
        if capacity > state_table.MAX_STATES:
            raise MemoryError(f"a table of {capacity} coefficients, expected less than {state_table.MAX_STATES + 1}")

    def rescale(self) -> None:
        """Set the clock's sums back to zero, so that no digits are lost: every state is rewritten."""
        with self.lock:
            sgd.flush(self.optimizer, self.table.states, self.n_outputs)

    def drop_stale(self) -> None:
        """Forget coefficients that are 0 and have not been touched since the last time; mark the rest as seen."""
        states = self.table.states
        stays = self.table.touched != 0
        for start, chunk in self._chunks():
            stays[start : start + chunk.shape[0]] |= (self._read(chunk) != 0.0).any(axis=1)
        with self.lock, self.entering:
            self._fill_table(self.table.ids()[stays], states[stays])

    def _chunks(self) -> Iterator[tuple[int, Vector]]:
        states = self.table.states
        for start in range(0, states.shape[0], CHUNK_STATES):
            yield start, states[start : start + CHUNK_STATES]

    def _read(self, states: Vector) -> Vector:
        w = np.empty((states.shape[0], self.n_outputs))
        sgd.read(self.penalty, self.optimizer, states, w)
        return w

    def count_nonzero(self) -> int:
        """Count the coefficients that are not 0; one pass over the states."""
        with self.lock, self.entering:
            return sgd.count(self.penalty, self.optimizer, self.table.states, self.n_outputs)

    def coefficients(self) -> tuple[Ids, Vector]:
        """Read the coefficients that are not 0.

        Returns
        -------
        ids : ndarray of int64 of shape (n_ids,)
            Ascending; every id at which some output has a coefficient.
        w : ndarray of float64 of shape (n_ids, n_outputs)
            Zeros are exact, and never -0.0. Cost: a pass over states and one over ids, and a sort of what is not 0.
        """
        places, values = [np.empty(0, dtype=np.int64)], [np.empty((0, self.n_outputs))]
        with self.lock, self.entering:
            for start, chunk in self._chunks():
                w = self._read(chunk)
                used = np.flatnonzero(w.any(axis=1))
                places.append(start + used)
                values.append(w[used])
            ids = self.table.ids()[np.concatenate(places)]
        order = np.argsort(ids)
        return ids[order], np.concatenate(values)[order]

    def decision(self, rows: Rows | DenseRows) -> Vector:
        """Compute linear predictors, intercepts included; by id, at the price of one look-up a non-zero.

        Parameters
        ----------
        rows : Rows or DenseRows

        Returns
        -------
        t : ndarray of float64 of shape (n_rows, n_outputs)
        """
        # Intercepts come last, as where coefficients have been read, so that these predict with the same bits.
        with self.lock, self.entering:
            return self._products(rows, self.penalty, self.optimizer, self._read) + self.intercepts()

    def _products(
        self, rows: Rows | DenseRows, penalty: Any, optimizer: Any, read_states: Callable[[Vector], Vector],
        first: int = 0, state_size: int = 0,
    ) -> Vector:
        """Multiply rows by the coefficients of one fit, whose first output lies at `first` in a state."""
        if isinstance(rows, DenseRows):
            return rows.decision(column_coefficients(self, rows.n_features, read_states))
        t = np.zeros((rows.n_samples, self.n_outputs))
        for start in range(0, rows.n_samples, CALL_ROWS):
            stop = min(start + CALL_ROWS, rows.n_samples)
            some, out = rows_between(rows, start, stop), t[start:stop]
            arrays = some.indptr, some.indices, some.data
            sgd.decision(penalty, optimizer, *arrays, self.table, out, first, state_size)
        return t

    def intercepts(self) -> Vector:
        """Return the intercepts, or their averages.

        Returns
        -------
        b : ndarray of float64 of shape (n_outputs,)
        """
        if not self.intercept.size:
            return np.zeros(self.n_outputs)
        weight = self.optimizer.averaged if self.optimizer.average >= 0.0 else 0.0
        return self.intercept[1] / weight if weight > 0.0 else self.intercept[0].copy()

    def start_from(self, ids: Ids, w: Vector, intercept: Vector | None = None) -> None:
        """Set coefficients; all others become 0.

        Parameters
        ----------
        ids : ndarray of int64 of shape (n_ids,)
            Distinct, below 2**63 - 1.
        w : ndarray of float64 of shape (n_ids, n_outputs)
        intercept : ndarray of float64 of shape (n_outputs,) or None, default=None
        """
        places = self.enter(ids)
        for _, chunk in self._chunks():
            sgd.write(self.optimizer, 0.0, 0.0, np.zeros((chunk.shape[0], self.n_outputs)), chunk)
        states = self.table.states[places]
        sgd.write(self.optimizer, *self.l1_l2, w, states)
        self.table.states[places] = states
        if intercept is not None and self.intercept.size:
            self.intercept[0] = intercept

    def lanes(self) -> list[Any]:
        """Return what has intercepts and coefficients of its own: itself."""
        return [self]

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that is needed to go on from here with the same bits.

        Returns
        -------
        state : dict from str to ndarray
        """
        with self.lock, self.entering:
            return {
                "ids": self.table.ids(),
                "states": self.table.states.copy(),
                "touched": self.table.touched.copy(),
                "intercept": self.intercept.copy(),
                "totals": self.totals.copy(),
                "n_rows": self.counter.copy(),
                "clock": np.array(self.optimizer.clock),
                "counts": self.counts.copy(),
            }

    def restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Go back to a state of a learner that was made alike.

        Parameters
        ----------
        state : dict from str to ndarray
            What `state` returned.

        Raises
        ------
        ValueError
            For anything else; the learner is as it was then.
        """
        state = current_form(state, self.table.is_marked)
        self.check_state(state)
        self._fill_table(state["ids"], state["states"])
        self.table.touched[...] = state["touched"]
        self.optimizer.clock = tuple(state["clock"].tolist())
        for name in ("intercept", "totals", "counts"):
            setattr(self, name, state[name].copy())
        self.counter = state["n_rows"].copy()

    def check_state(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Refuse arrays of another form than those of a learner that was made alike.

        Parameters
        ----------
        state : dict from str to ndarray
        """
        expected = self.state()
        for name, array in expected.items():
            if name not in state:
                raise ValueError(f"state: {name!r} is missing, expected {', '.join(expected)}")
            given = state[name]
            if name == "ids" or (name == "clock" and self.optimizer.average >= 0.0):
                shape = (given.size,)
            elif name in ("states", "touched"):
                is_there = name == "states" or self.table.is_marked
                shape = (state["ids"].size if is_there else 0, *array.shape[1:])
            else:
                shape = array.shape
            if given.shape != shape or given.dtype != array.dtype:
                raise ValueError(
                    f"state: {name!r} has shape {given.shape} and type {given.dtype}, expected {shape}, {array.dtype}"
                )
        self._check_ids(state["ids"])
        if state["n_rows"][0] < 0:
            raise ValueError(f"state: {state['n_rows'][0]} rows are not allowed, expected 0 or more")

    def _check_ids(self, ids: Ids) -> None:
        """Refuse ids that the table cannot hold."""
        last = (self.n_features or np.iinfo(np.int64).max) - 1
        if ids.size and not 0 <= ids.min() <= ids.max() <= last:
            outside = ids[(ids < 0) | (ids > last)][0]
            raise ValueError(f"state: id {outside} is not allowed, expected 0 to {last}")
        if np.unique(ids).size < ids.size:
            raise ValueError("state: an id is there twice, expected each once")

    def __deepcopy__(self, memo: dict[int, Any]) -> Learner:
        """Copy the state, so that no other learner changes it."""
        other = Learner.__new__(Learner)
        other.__setstate__({**self.__getstate__(), "optimizer": copy.copy(self.optimizer)})
        return other

    def __getstate__(self) -> dict[str, Any]:
        """Pickle ids and states, not the table."""
        out = {key: value for key, value in self.__dict__.items() if key not in UNPICKLED}
        return {**out, "state": self.state()}

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        attributes = current_state(self, pickled)
        state = attributes.pop("state")
        # Older versions had no bound for ids.
        self.__dict__.update({"n_features": None, **attributes})
        self.lock, self.entering = threading.RLock(), threading.RLock()
        self.table, self.counts = self._make_table(), state["counts"]
        self.restore(state)
