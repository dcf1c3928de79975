"""Scale invariance of sample weights: steps are measured in the mean weight, as F is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sparsereg._core import sgd
from sparsereg.streaming.alpha_learner import AlphaLearner
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.learner import Learner

Vector = npt.NDArray[np.float64]


class WeightUnit:
    """Running mean of the sample weights: the weight that counts as 1 in the step of each row.

    Equal weights are weights of exactly 1, whatever they are. Any division of rows among batches gives the same bits.

    Attributes
    ----------
    seen : ndarray of float64 of shape (2,)
        Number of the rows so far that have a weight, and their mean weight.
    """

    def __init__(self) -> None:
        self.seen = np.zeros(2)

    def step_unit(self, batch: Batch, learner: Learner, known: float | None = None) -> Vector | None:
        """Return the weight that counts as 1 in the step of each row.

        Parameters
        ----------
        batch : Batch
            The rows that come next.
        learner : Learner
            Is told of the unit of the first row: what is known beforehand of the whole stream is in it.
        known : float or None, default=None
            The unit of all rows. None: the mean weight of all rows so far.

        Returns
        -------
        unit : ndarray of float64 of shape (n_rows,) or None
            None: 1.
        """
        if batch.n_rows == 0:
            return None
        seen, weight = self.seen, batch.weight
        is_first = seen[0] == 0.0
        if known is not None:
            seen[:] = seen[0] + batch.n_rows, known
            unit = None if known == 1.0 else np.full(batch.n_rows, known)
        elif weight is None and (is_first or seen[1] == 1.0):
            seen[:] = seen[0] + batch.n_rows, 1.0
            unit = None
        else:
            unit = np.empty(batch.n_rows)
            sgd.mean_so_far(np.ones(batch.n_rows) if weight is None else weight, seen, unit)
        if is_first and unit is not None and seen[0] > 0.0:
            _begin_in(learner, float(unit[0 if weight is None else np.argmax(weight > 0.0)]))
        return unit


def _begin_in(learner: Learner, unit: float) -> None:
    """Bring the weight of the whole stream to the unit of its first row; coefficients to start from stay."""
    if isinstance(learner, AlphaLearner):
        for lane in range(learner.n_lanes):
            one = learner.at(lane)
            _begin_in(one, unit)
            learner.set_lane(lane, one.state())
        return
    optimizer = learner.optimizer
    total_weight = getattr(optimizer, "total_weight", 0.0)
    if total_weight == 0.0 or unit == 1.0:
        return
    states = learner.table.states
    w = np.empty((states.shape[0], learner.n_outputs))
    sgd.read(learner.penalty, optimizer, states, w)
    optimizer.clock = (total_weight / unit, *optimizer.clock[1:])
    sgd.write(optimizer, *learner.l1_l2, w, states)
