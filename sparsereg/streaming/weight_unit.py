"""The unit of weights: F does not change when all of them are multiplied, and steps are measured accordingly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sparsereg._core import sgd
from sparsereg.streaming.batch import Chunk
from sparsereg.streaming.learner import Learner

__all__ = ["Units"]

Vector = npt.NDArray[np.float64]


class Units:
    """Measures the weight of each row in the mean weight of the rows up to it.

    Equal weights are weights of exactly 1, whatever they are. Any division of rows among chunks gives the same bits.

    Attributes
    ----------
    seen : ndarray of float64 of shape (2,)
        Number of the rows so far that have a weight, and their mean weight.
    """

    def __init__(self) -> None:
        self.seen = np.zeros(2)

    def of(self, chunk: Chunk, learner: Learner) -> Vector | None:
        """Return the weight that counts as 1 in the step of each row.

        Parameters
        ----------
        chunk : Chunk
            The rows that come next.
        learner : Learner
            Is told of the unit of the first row: what is known beforehand of the whole stream is in it.

        Returns
        -------
        unit : ndarray of float64 of shape (n_rows,) or None
            None: 1.
        """
        seen, weight = self.seen, chunk.weight
        is_first = seen[0] == 0.0
        if chunk.unit is not None:
            seen[:] = seen[0] + chunk.n_rows, chunk.unit
            unit = None if chunk.unit == 1.0 else np.full(chunk.n_rows, chunk.unit)
        elif weight is None and (is_first or seen[1] == 1.0):
            seen[:] = seen[0] + chunk.n_rows, 1.0
            unit = None
        else:
            unit = np.empty(chunk.n_rows)
            sgd.mean_so_far(np.ones(chunk.n_rows) if weight is None else weight, seen, unit)
        if is_first and unit is not None and seen[0] > 0.0:
            _begin_in(learner, float(unit[0 if weight is None else np.argmax(weight > 0.0)]))
        return unit


def _begin_in(learner: Learner, unit: float) -> None:
    """Bring the weight of the whole stream to the unit of its first row; coefficients to start from stay."""
    optimizer = learner.optimizer
    total_weight = getattr(optimizer, "total_weight", 0.0)
    if total_weight == 0.0 or unit == 1.0:
        return
    cells = learner.cells.array
    w = np.empty((cells.shape[0], learner.n_outputs))
    sgd.read(learner.penalty, optimizer, cells, w)
    optimizer.clock = (total_weight / unit, *optimizer.clock[1:])
    sgd.write(optimizer, *learner.l1_l2, w, cells)
