"""Secant extrapolation along a path: where the coefficients will be at the next alpha, from the last two.

Paths of L1 penalties are piecewise linear in alpha, and nearly so for losses that are not quadratic (Rosset and Zhu
2007).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsereg.solvers.base import Anchor, State

# Steps, relative to the last one, beyond which a line says little.
FURTHEST = 3.0


def jump(descent: Any) -> None:
    """Extrapolate the coefficients to the alpha of a descent, where that lowers F.

    The warm start is to be certified first: where the jump lands, the residual is no good dual point.

    Parameters
    ----------
    descent : object
        As in `working_set.check_gap`.
    """
    problem, state, alpha = descent.problem, descent.state, descent.penalty.alpha
    # Where rows are dear, modelling the loss once more costs what the jump saves (measured on crosses).
    if len(state.anchors) < 2 or not descent.certificate.rows_are_cheap:
        return
    before, last = state.anchors
    if not alpha < last.alpha < before.alpha < np.inf:
        return
    ratio = (last.alpha - alpha) / (before.alpha - last.alpha)
    if ratio > FURTHEST:
        return
    columns = last.columns
    start = state.w[columns]
    target = last.w + ratio * (last.w - before.at(columns))
    target[target * start <= 0.0] = 0.0
    target = np.clip(target, problem.lower[columns], problem.upper[columns])
    descent.jump(columns, target - start, ratio * (last.b - before.b))


def keep_anchor(state: State, alpha: float) -> None:
    """Keep the solution at an alpha for jumps from it.

    Parameters
    ----------
    state : State
    alpha : float
    """
    columns = np.flatnonzero(state.w != 0.0).astype(np.int32)
    state.anchors = (*state.anchors[-1:], Anchor(alpha, columns, state.w[columns], state.b))
