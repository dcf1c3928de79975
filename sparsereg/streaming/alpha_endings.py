"""Early stopping of fits at several alphas: each ends at the pass that its fit alone would end at."""

from __future__ import annotations

import copy

import numpy as np
import numpy.typing as npt

from sparsereg.streaming.alpha_training import AlphaTraining
from sparsereg.streaming.early_stopping import EarlyStopping

Vector = npt.NDArray[np.float64]
State = dict[str, npt.NDArray[np.float64]]


class AlphaEndings:
    """The last pass of each alpha, and the state that it goes back to.

    Parameters
    ----------
    training : AlphaTraining

    Attributes
    ----------
    stoppings : list of EarlyStopping
        One for each alpha.
    best : dict from int to dict
        The best state of each alpha on held-out rows, by its position.
    """

    def __init__(self, training: AlphaTraining):
        settings = training.settings
        self.training = training
        self.stoppings = [
            EarlyStopping(settings.tol, settings.n_iter_no_change) for _ in range(training.learner.n_lanes)
        ]
        self.best: dict[int, State] = {}

    def end_pass(
        self, n_passes: int, losses: Vector, are_held_out: bool, rng: np.random.Generator | None = None
    ) -> None:
        """Look back on a pass, and let those learn no more for whom it was the last.

        Parameters
        ----------
        n_passes : int
        losses : ndarray of float64 of shape (n_alphas,)
        are_held_out : bool
            Losses are of rows that nothing is learned from: the best state is gone back to.
        rng : numpy.random.Generator or None
            Kept as it is now by those that end.
        """
        training = self.training
        training.judge_pass(n_passes, losses if are_held_out else None)
        for k in training.learner.learning.tolist():
            stopping = self.stoppings[k]
            ended = stopping.should_stop(float(losses[k]))
            if are_held_out and stopping.is_best:
                self.best[k] = training.learner.lane_state(k)
            if are_held_out:
                training.learner.judged[k] = stopping.best
            if ended:
                training.end_lane(k)
                training.generators[k] = copy.deepcopy(rng)

    def end(self, rng: np.random.Generator | None = None) -> None:
        """Go back to the best states; all may go on from there."""
        training = self.training
        for k in training.learner.learning.tolist():
            training.generators[k] = copy.deepcopy(rng)
        for k, state in self.best.items():
            training.learner.set_lane(k, state)
        training.take_up()
