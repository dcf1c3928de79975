"""States of learners side by side, taken apart: what is checked of one by itself is checked of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.streaming.alpha_learner import AlphaLearner
from sparsereg.streaming.learner import Learner

State = dict[str, npt.NDArray[Any]]


def separate(learner: Learner, state: State) -> list[tuple[Learner, State]]:
    """Take the state of a learner apart by lanes.

    Parameters
    ----------
    learner : Learner
        Made like the one that it is of.
    state : dict from str to ndarray

    Returns
    -------
    shares : list of (Learner, dict)
        A learner by itself and its state, of each lane. Of one by itself it, and all of the state.
    """
    if not isinstance(learner, AlphaLearner):
        return [(learner, state)]
    learner.check_state(state)
    own, n_outputs = ("intercept", "totals", "n_rows", "clock"), learner.n_outputs
    of_all = {name: state[name] for name in ("ids", "touched", "counts")}
    shares = []
    for lane in range(learner.n_lanes):
        states = np.ascontiguousarray(state["states"][:, lane * n_outputs : (lane + 1) * n_outputs])
        shares.append((learner.at(lane), {**of_all, "states": states, **{name: state[name][lane] for name in own}}))
    return shares


def separate_best(learner: Learner, state: State) -> list[tuple[Learner, State]]:
    """Take the states that passes go back to at their end apart by lanes; see `separate`.

    Parameters
    ----------
    learner : Learner
    state : dict from str to ndarray
        Empty: there are none. Of lanes names begin with their numbers.

    Returns
    -------
    shares : list of (Learner, dict)
    """
    if not isinstance(learner, AlphaLearner):
        return [(learner, state)] if state else []
    found: dict[int, State] = {}
    for name, array in state.items():
        lane, _, inner = name.partition(".")
        if not lane.isdecimal() or int(lane) >= learner.n_lanes:
            raise ValueError(f"best: {name!r} is not allowed, expected arrays of {learner.n_lanes} alphas")
        found.setdefault(int(lane), {})[inner] = array
    return [(learner.at(lane), of_lane) for lane, of_lane in found.items()]
