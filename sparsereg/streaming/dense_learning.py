"""Stochastic gradient steps over dense rows: their columns' states side by side, in the table where they lie so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import sgd_dense
from sparsereg.inputs.dense_rows import DenseRows
from sparsereg.streaming.batch import Batch

Vector = npt.NDArray[np.float64]

# Weights as kernels take them where all are 1.
UNWEIGHTED = np.empty(0)
# Stands for the class of module learner, which learns by this one.
Learner = Any


class DenseStates:
    """States of the columns of dense rows, as a learner has them; to be stored again.

    Parameters
    ----------
    learner : Learner
    n_columns : int

    Attributes
    ----------
    array : ndarray of float64 of shape (n_columns, width)
        A part of the learner's own states where columns lie in order there, as they do where the first rows had no
        zeros; else a copy, zeros where a column has no state yet.
    """

    def __init__(self, learner: Learner, n_columns: int):
        self._learner = learner
        self._places = np.empty(n_columns, dtype=np.int64)
        self.load()

    def load(self) -> None:
        """Read the states."""
        places, table = self._places, self._learner.table
        sgd_dense.find_columns(table, places)
        first = int(places[0])
        self._is_known = places >= 0
        self._is_copy = first < 0 or not np.array_equal(places, np.arange(first, first + places.size))
        if not self._is_copy:
            self.array = table.states[first : first + places.size]
            return
        self._learner.make_room(int(np.count_nonzero(~self._is_known)))
        self.array = np.zeros((places.size, table.states.shape[1]))
        self.array[self._is_known] = table.states[places[self._is_known]]

    def store(self, learned: Batch | None) -> None:
        """Write the states back.

        Parameters
        ----------
        learned : Batch or None
            Dense rows that have been learned from since they were read: their columns alone are entered. None: none.
        """
        if not self._is_copy or learned is None:
            return
        touched = self._is_known.copy()
        if not touched.all():
            touched |= learned.rows.filled(learned.weight)
        ids = np.flatnonzero(touched)
        places = self._learner.enter(ids)
        self._learner.table.states[places] = self.array[ids]


def learn_dense(learner: Learner, part: Batch) -> None:
    """Learn from a few dense rows.

    Parameters
    ----------
    learner : Learner
        That takes them.
    part : Batch
        Of dense rows.

    Raises
    ------
    DivergenceError
        Rows up to the one named have been learned from.
    """
    first = learner.n_rows
    with learner.lock, learner.entering:
        while (done := learner.n_rows - first) < part.n_rows:
            rest = part.between(done, part.n_rows) if done else part
            states = DenseStates(learner, rest.rows.n_features)
            code, before = None, learner.n_rows
            try:
                code = _call(learner, rest, states.array)
            finally:
                n_learned = learner.n_rows - before
                states.store(rest.between(0, n_learned) if n_learned else None)
            if code == sgd_dense.DIVERGED:
                learner.raise_diverged(learner.n_rows)


def _call(learner: Learner, part: Batch, states: Vector) -> int:
    """Call the kernel; see there."""
    assert isinstance(part.rows, DenseRows)
    weight = UNWEIGHTED if part.weight is None else part.weight
    unit = UNWEIGHTED if part.unit is None else part.unit
    return sgd_dense.learn(
        learner.loss, learner.optimizer, *learner.l1_l2, *part.rows.arrays, part.y, weight, unit, states,
        learner.intercept, learner.totals, learner.counter,
    )


def takes_dense(learner: Learner) -> bool:
    """Tell whether a learner learns from dense rows as they lie, on vector registers; else entry by entry.

    Parameters
    ----------
    learner : Learner

    Returns
    -------
    takes_dense : bool
    """
    sampling = learner.sampling
    # Entries are neither counted, marked as touched nor dropped one by one.
    is_plain = sampling.min_count == 1 and sampling.drop_stale == 0 and sampling.dropout == 0.0
    return is_plain and learner.n_outputs == 1 and learner.optimizer.has_lanes and learner.penalty.is_convex


def column_coefficients(learner: Learner, n_columns: int, read_states: Callable[[Vector], Vector]) -> Vector:
    """Read the coefficients of the columns from the first on, or their averages.

    Parameters
    ----------
    learner : Learner
    n_columns : int
    read_states : callable
        Reads the coefficients of states.

    Returns
    -------
    w : ndarray of float64 of shape (n_outputs, n_columns)
    """
    places = np.empty(n_columns, dtype=np.int64)
    w = np.zeros((n_columns, learner.n_outputs))
    with learner.lock, learner.entering:
        sgd_dense.find_columns(learner.table, places)
        known = places >= 0
        w[known] = read_states(learner.table.states[places[known]])
    return np.ascontiguousarray(w.T)
