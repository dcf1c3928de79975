"""State of a training run: learner, learning curve, clock."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.coef import Nonzeros, SparseCoef
from sparsereg.inputs.dense_rows import DenseRows
from sparsereg.inputs.rows import Rows
from sparsereg.inputs.sklearn import ConvergenceWarning
from sparsereg.metrics import mean_deviance
from sparsereg.solvers.convergence import frames_of_the_package
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.divergence import DivergenceMonitor
from sparsereg.streaming.learner import DivergenceError, Learner
from sparsereg.streaming.options import StreamSettings
from sparsereg.streaming.threads import learn_in_threads
from sparsereg.streaming.weight_unit import WeightUnit

Ids = npt.NDArray[np.int64]
Vector = npt.NDArray[np.float64]

# Rows between two entries of a history, at least.
ENTRY_ROWS = 1 << 16
# Non-zeros learned from for each coefficient that is then read: counting takes a tenth of the time.
ENTRIES_OF_A_COUNT = 4
# At the end of a call there is an entry where that many more rows are this share of all before, or more: as many
# entries as the number of rows has digits, and a few.
ENTRY_SHARE = 0.125
COUNTS = ("n_rows", "n_nonzero", "n_touched", "nbytes")
NUMBERS = ("weight", "seconds", "loss", "progressive_loss", "validation_loss")
# What a fit at several alphas has of each of them.
BY_ALPHA = ("n_nonzero", "loss", "progressive_loss", "validation_loss")


class History:
    """A learning curve: columns of numbers, a row for each time that losses were recorded.

    Parameters
    ----------
    n_alphas : int or None, default=None
        Of a fit at several alphas: losses and numbers of non-zeros are rows of so many numbers.
    """

    # Histories that earlier versions pickled were of one.
    _n_alphas: int | None = None

    def __init__(self, n_alphas: int | None = None) -> None:
        self._n_alphas = n_alphas
        self._columns: dict[str, list[Any]] = {name: [] for name in (*COUNTS, *NUMBERS)}

    def __len__(self) -> int:
        return len(self._columns["n_rows"])

    def append(self, **entry: Any) -> None:
        """Add an entry.

        Parameters
        ----------
        **entry : float, or ndarray of shape (n_alphas,)
            Of each column.
        """
        for name, value in entry.items():
            self._columns[name].append(value)

    def last(self, name: str) -> Any:
        """Return the last number of a column, or of several alphas their numbers; 0 where there is none."""
        column = self._columns[name]
        return column[-1] if column else 0

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the columns that hold something, by name."""
        out = {name: np.array(self._columns[name], dtype=np.int64) for name in COUNTS}
        out |= {name: np.array(self._columns[name], dtype=np.float64) for name in NUMBERS}
        if self._n_alphas is not None:
            out |= {name: out[name].reshape(-1, self._n_alphas) for name in BY_ALPHA}
        if np.isnan(out["validation_loss"]).all():
            del out["validation_loss"]
        return out

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> History:
        """Make a history of what `arrays` returned."""
        loss = arrays["loss"]
        history = cls(loss.shape[1] if loss.ndim == 2 else None)
        for name, column in history._columns.items():
            array = arrays.get(name, np.full_like(loss, np.nan))
            column.extend(list(array) if array.ndim == 2 else array.tolist())
        return history

    def at(self, k: int) -> History:
        """Return the learning curve of one of several alphas, up to its last pass.

        Parameters
        ----------
        k : int
            Its position.

        Returns
        -------
        history : History
        """
        arrays = self.arrays()
        # Where others have learned, and it has not, its passes were over.
        has_loss = ~np.isnan(arrays["loss"])
        own = has_loss[:, k] | ~has_loss.any(axis=1)
        return History.from_arrays({
            name: array[own, k] if name in BY_ALPHA else array[own] for name, array in arrays.items()
        })


class Training:
    """State of one training run: settings, learner, history, clock.

    Parameters
    ----------
    settings : StreamSettings
    n_features, n_outputs : int
    seed : int
        Of the dropout.

    Attributes
    ----------
    learner : Learner
    history : History
    seconds : float
        Spent learning.
    n_entries : int
        Non-zeros since the last entry of the history.
    n_iter : int
        Passes over the data so far, the one under way included.
    units : WeightUnit
        Of weights.
    start : tuple of ndarray of int64 of shape (n_ids,) and of float64 of shape (n_ids, n_outputs)
        Ids and coefficients before the first row, as they were given: states round them.
    """

    def __init__(self, settings: StreamSettings, n_features: int, n_outputs: int, seed: int):
        self.settings, self.n_features, self.seed = settings, n_features, seed
        self.learner: Learner = settings.make_learner(n_outputs, seed, n_features)
        self.history = History()
        self.seconds, self.n_iter, self.n_entries = 0.0, 0, 0
        self.units = WeightUnit()
        self.start: tuple[Ids, Vector] = np.empty(0, dtype=np.int64), np.empty((0, n_outputs))
        self._totals = np.zeros(2)
        # Coefficients that were read, and the number of changes before that.
        self._read: tuple[int, SparseCoef] | None = None
        self._n_changes, self._is_learning = 0, False
        # Of classes the target that stands for all of them alike; one output is of two.
        undecided = 1.0 / max(n_outputs, 2) if settings.objective.is_classification else None
        self._watch = DivergenceMonitor(self.mean_losses, undecided)

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        """Take attributes over; those that an older version did not have are as if the learner had come here now."""
        learner = pickled["learner"]
        self.__init__(pickled["settings"], pickled["n_features"], learner.n_outputs, pickled["seed"])
        vars(self).update({name: value for name, value in pickled.items() if name in vars(self)})
        if "units" not in pickled:
            # Weights were what they are then, in units of 1.
            self.units.seen[:] = learner.n_rows, 1.0
        if "_watch" not in pickled:
            self._watch.start(learner)

    def learn(self, batch: Batch, unit: float | None = None) -> None:
        """Learn from some rows.

        Parameters
        ----------
        batch : Batch
        unit : float or None, default=None
            The weight that counts as 1 in steps. None: the mean weight of all rows so far.

        Raises
        ------
        DivergenceError
            Where a step is not finite, and where the loss shows that steps of one length for all lead nowhere.
        """
        start = time.perf_counter()
        self._n_changes, self._is_learning = self._n_changes + 1, True
        try:
            units = self.units.step_unit(batch, self.learner, unit)
            measured = batch if units is None else replace(batch, unit=units)
            self.take_steps(measured)
            self._check_divergence(batch)
        finally:
            # What another thread has read on the way is not what there is now.
            self._n_changes, self._is_learning = self._n_changes + 1, False
            self.seconds += time.perf_counter() - start
            self.n_entries += batch.n_entries

    def take_up(self) -> None:
        """Let all alphas learn again, of a fit that was interrupted too; one always does."""

    def take_steps(self, batch: Batch) -> None:
        """Learn from rows whose steps have their units."""
        learn_in_threads(self.learner, batch, self.settings.n_threads, self.settings.lock_free)

    def end_pass(self, batch: Batch) -> None:
        """Check whether a pass over few rows has led anywhere.

        Parameters
        ----------
        batch : Batch
            The last of them.
        """
        self._check_divergence(batch, 1)

    def finish(self, step: Callable[[Training, Any], Any], rng: np.random.Generator) -> Any:
        """Bring passes over data in memory to their end.

        Parameters
        ----------
        step : callable
            Takes a run of one alpha and a generator; what it returns is said of the run.
        rng : numpy.random.Generator

        Returns
        -------
        evaluation
            What `step` has returned.
        """
        return step(self, rng)

    def end(self) -> None:
        """Warn where the last rows say that all of it has led nowhere.

        Warns
        -----
        ConvergenceWarning
        """
        if self._watch.finding is not None:
            message = f"The fit has not settled: {self._watch.finding}."
            warnings.warn(message, ConvergenceWarning, stacklevel=frames_of_the_package())

    def _check_divergence(self, batch: Batch, *n_rows: int) -> None:
        self._watch.check(self.learner, batch, *n_rows)
        # Steps that adapt get shorter by themselves, so that later rows may mend what the first have done.
        if self._watch.finding is not None and not self.learner.optimizer.is_adaptive:
            raise DivergenceError(f"the optimiser has diverged: {self._watch.finding}")

    @property
    def is_due(self) -> bool:
        """Counting non-zeros costs little beside what has been learned since the last entry of the history."""
        learner = self.learner
        return self._rows_since_entry >= ENTRY_ROWS and self.n_entries >= ENTRIES_OF_A_COUNT * learner.n_touched

    @property
    def is_due_at_end(self) -> bool:
        """The same at the end of a call, after which nothing may follow."""
        return self.is_due or self._rows_since_entry >= ENTRY_SHARE * self.learner.n_rows

    @property
    def _rows_since_entry(self) -> int:
        return self.learner.n_rows - int(self.history.last("n_rows"))

    def record_losses(self, losses: Vector) -> None:
        """Add an entry to the history; `losses`: of held-out rows, an array of shape (1,), NaN where there are none."""
        self.record(float(losses[0]))

    def record(self, validation_loss: float = np.nan) -> None:
        """Add an entry to the history.

        Parameters
        ----------
        validation_loss : float, default=NaN
        """
        learner = self.learner
        weight, loss = learner.totals
        gained = learner.totals - self._totals
        self.history.append(
            n_rows=learner.n_rows, n_nonzero=learner.count_nonzero(), n_touched=learner.n_touched,
            nbytes=learner.nbytes, weight=weight, seconds=self.seconds,
            loss=gained[1] / gained[0] if gained[0] > 0.0 else np.nan,
            progressive_loss=loss / weight if weight > 0.0 else np.nan, validation_loss=validation_loss,
        )
        self._totals = learner.totals.copy()
        self.n_entries = 0

    def last(self, name: str) -> float:
        """Return the last number of a column of the history; 0 where there is none."""
        return float(self.history.last(name))

    def set_coefficients(self, ids: Ids, w: Vector, intercept: Vector) -> None:
        """Replace the coefficients by those that something else has found.

        Parameters
        ----------
        ids : ndarray of int64 of shape (n_ids,)
        w : ndarray of float64 of shape (n_ids, n_outputs)
        intercept : ndarray of float64 of shape (n_outputs,)
        """
        self.learner.start_from(ids, w, intercept)
        self._n_changes += 1

    def decision(self, rows: Rows | DenseRows) -> Vector:
        """Compute linear predictors, an array of shape (n_rows, n_outputs), at the cost of the rows alone.

        Parameters
        ----------
        rows : Rows or DenseRows
        """
        if self._known is None:
            return self.learner.decision(rows)
        return self.coef.decision(rows).reshape(rows.n_samples, -1) + self.intercept

    @property
    def best(self) -> int:
        """Position of the alpha whose model this is: of one the first."""
        return 0

    def at(self, k: int) -> Training:
        """Return a run of its own of one alpha; of one a copy."""
        return copy.deepcopy(self)

    @property
    def n_outputs(self) -> int:
        """Linear predictors."""
        return self.learner.n_outputs

    @property
    def n_rows(self) -> int:
        """Rows learned from."""
        return self.learner.n_rows

    @property
    def n_touched(self) -> int:
        """Coefficients touched."""
        return self.learner.n_touched

    @property
    def coef(self) -> SparseCoef:
        """Coefficients now; read from the state once after each time that something was learned."""
        known, n_changes, is_learning = self._known, self._n_changes, self._is_learning
        if known is not None:
            return known
        ids, w = self.learner.coefficients()
        coef = SparseCoef(ids, Nonzeros.of_dense(w.T), self.n_features)
        if not is_learning:
            self._read = n_changes, coef
        return coef

    @property
    def _known(self) -> SparseCoef | None:
        """Coefficients that were read after the last change."""
        read = self._read
        return read[1] if read is not None and read[0] == self._n_changes else None

    @property
    def intercept(self) -> Vector:
        """Intercepts now, one for each output; a copy."""
        return self.learner.intercepts()

    def resume(self, state: dict[str, npt.NDArray[Any]], history: History, seconds: float, seed: int) -> None:
        """Go on where another run was.

        Parameters
        ----------
        state : dict from str to ndarray
            Of its learner.
        history : History
        seconds : float
        seed : int
        """
        self.learner = self.settings.make_learner(self.learner.n_outputs, seed, self.n_features)
        self.seed, self.history, self.seconds = seed, history, seconds
        self.rewind(state)
        # The last entry may be older than the state; what was learned since then is in the next one.
        self._watch.start(self.learner)
        self._totals = self._totals_of(history)

    def _totals_of(self, history: History) -> Vector:
        """Return weight and losses as they were at the last entry."""
        weight = history.last("weight")
        return np.array([weight, weight * history.last("progressive_loss") if weight else 0.0])

    def rewind(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Go back to a state of the learner."""
        self.learner.restore(state)
        self._n_changes += 1
        self._watch.start(self.learner)

    def judge(self, rows: Rows | DenseRows, y: Vector, weight: Vector | None) -> Vector:
        """Measure the mean loss of rows, an array of shape (1,): the sum of `losses`.

        Parameters
        ----------
        rows, y, weight
            As `losses` takes them.
        """
        return np.array([float(self.losses(rows, y, weight).sum())])

    def losses(self, rows: Rows | DenseRows, y: Vector, weight: Vector | None) -> Vector:
        """Measure the mean loss of rows, penalty and dropout left out.

        Parameters
        ----------
        rows : Rows or DenseRows
        y : ndarray of float64 of shape (n_rows, n_outputs)
        weight : ndarray of float64 of shape (n_rows,) or None

        Returns
        -------
        losses : ndarray of float64 of shape (1,) or (n_outputs,)
            Of the softmax, or of each output by itself.
        """
        return self.mean_losses(y, self.decision(rows), weight)

    def mean_losses(self, y: Vector, t: Vector, weight: Vector | None = None) -> Vector:
        """Measure the mean loss of rows whose linear predictors are known.

        Parameters
        ----------
        y, t : ndarray of float64 of shape (n_rows, n_outputs)
        weight : ndarray of float64 of shape (n_rows,) or None, default=None

        Returns
        -------
        losses : ndarray of float64 of shape (1,) or (n_outputs,)
            Of the softmax, or of each output by itself.
        """
        pairs = [(y, t)] if self.learner.softmax else zip(y.T, t.T, strict=True)
        return 0.5 * np.array([
            mean_deviance(target, predictor, weight, loss=self.settings.objective) for target, predictor in pairs
        ])

    # Pickles of older versions hold the method by this name.
    _mean_losses = mean_losses
