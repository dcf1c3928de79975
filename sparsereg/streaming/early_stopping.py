"""Early stopping: passes end when the loss no longer gets better."""

from __future__ import annotations

import numpy as np


class EarlyStopping:
    """Stops passes when the loss no longer gets better.

    Parameters
    ----------
    tol : float
        What a pass has to better the best loss by; -inf: nothing.
    n_iter_no_change : int
        Passes in a row that may fail to.

    Attributes
    ----------
    best : float
    is_best : bool
        The last loss is the best so far.
    """

    def __init__(self, tol: float, n_iter_no_change: int):
        self.tol, self.n_iter_no_change = tol, n_iter_no_change
        self.best, self.is_best, self.failed = np.inf, False, 0

    def should_stop(self, loss: float) -> bool:
        """Take note of the loss of a pass; say whether it should be the last."""
        self.failed = self.failed + 1 if loss > self.best - self.tol else 0
        self.is_best = loss < self.best
        self.best = min(self.best, loss)
        return self.failed >= self.n_iter_no_change
