"""Backward compatibility of learner states: those that earlier versions saved, in today's form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

State = dict[str, npt.NDArray[Any]]

# Ids are below; the sign of a cell's id was a mark.
MAX_ID = np.iinfo(np.int64).max


def current_form(state: Mapping[str, npt.NDArray[Any]], is_marked: bool) -> State:
    """Return the state of a learner in today's form.

    Parameters
    ----------
    state : mapping from str to ndarray
        As any version saved it. Formerly ids, their marks in the sign, and states were words side by side in "cells",
        and "by_id" told whether these were to be looked up.
    is_marked : bool
        Which ids were touched since the last sweep is kept.

    Returns
    -------
    state : dict from str to ndarray
    """
    if "cells" not in state:
        return dict(state)
    cells = np.ascontiguousarray(state["cells"])
    if cells.dtype != np.int64 or cells.ndim != 2 or cells.shape[1] < 2:
        raise ValueError(
            f"cells: {cells.dtype} of shape {cells.shape} is not allowed, expected int64 of shape (None, 2 or more)"
        )
    rest = {name: array for name, array in state.items() if name not in ("cells", "by_id")}
    touched = cells[:, 0] < 0 if is_marked else np.empty(0)
    return {
        "ids": cells[:, 0] & MAX_ID,
        "states": np.ascontiguousarray(cells[:, 1:]).view(np.float64),
        "touched": touched.astype(np.uint8),
        **rest,
    }
