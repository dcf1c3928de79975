"""Validation of checkpoints: all that kernels and passes rely on is checked before a run is resumed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import sgd
from sparsereg.inputs.contents import array_of, check_finite, check_ids, check_names, flag_of, number_of, whole_of
from sparsereg.streaming.alpha_states import separate, separate_best
from sparsereg.streaming.learner import Learner
from sparsereg.streaming.state_forms import current_form
from sparsereg.streaming.training import BY_ALPHA, COUNTS, NUMBERS

State = dict[str, npt.NDArray[Any]]
Vector = npt.NDArray[np.float64]

# Seeds and ids are below.
MAX_INT = 2**63 - 1
# Rows are counted on from what is saved, and clocks count them in float64.
MAX_ROWS = 2**53


def check_saved_meta(meta: Mapping[str, Any]) -> None:
    """Check what a checkpoint says of itself, all but what describes the fit.

    Parameters
    ----------
    meta : mapping

    Raises
    ------
    ValueError
    """
    whole_of(meta, "n_features", 1, MAX_INT)
    whole_of(meta, "seed", 0, MAX_INT)
    for name in ("n_passes", "n_rows", "n_entries"):
        whole_of(meta, name, 0, MAX_ROWS)
    number_of(meta, "seconds", 0.0)
    flag_of(meta, "is_over")
    seen, patience = meta.get("weights_seen"), meta.get("patience", 0)
    if not isinstance(seen, list) or len(seen) != 2:
        raise ValueError(f"weights_seen: {seen!r} is not allowed, expected a number of rows and their mean weight")
    count, mean = (number_of({"weights_seen": value}, "weights_seen", 0.0) for value in seen)
    if count != int(count) or (mean > 0.0) != (count > 0.0):
        raise ValueError(f"weights_seen: {seen!r} is not allowed, expected a number of rows and their mean weight")
    if patience is not None:
        # Of several alphas a pair for each.
        several = isinstance(patience, list) and len(patience) > 0 and isinstance(patience[0], list)
        for pair in patience if several else [patience]:
            if not isinstance(pair, list) or len(pair) != 2:
                raise ValueError(f"patience: {pair!r} is not allowed, expected null or a loss and a number of passes")
            number_of({"patience": pair[0]}, "patience")
            whole_of({"patience": pair[1]}, "patience", 0, MAX_ROWS)


def check_saved_state(parts: Mapping[str, State], meta: Mapping[str, Any], learner: Learner) -> None:
    """Check the arrays of a checkpoint, whose metadata have been.

    Parameters
    ----------
    parts : mapping
        "now", "history" and "best", the last of which may be empty.
    meta : mapping
    learner : Learner
        Made like the one whose state was saved.

    Raises
    ------
    ValueError
    """
    check_history(parts["history"], learner.n_alphas)
    for one, state in separate(learner, parts["now"]):
        _check_state(state, meta["n_features"], one, "now")
    n_rows = int(parts["now"]["n_rows"].max())
    if n_rows < meta["n_rows"] or (meta["n_passes"] == 0 and n_rows != meta["n_rows"]):
        raise ValueError(
            f"n_rows: {meta['n_rows']} of pass {meta['n_passes']} (the first is 0) is not allowed after {n_rows} rows"
        )
    if meta["weights_seen"][0] > n_rows:
        raise ValueError(f"weights_seen: {meta['weights_seen'][0]:g} rows are not allowed, expected at most {n_rows}")
    for one, state in separate_best(learner, parts["best"]):
        _check_state(state, meta["n_features"], one, "best")
    if (meta["patience"] is not None) != bool(parts["best"]):
        raise ValueError("patience: a best loss and the state that had it are there together, or neither is")


def check_history(history: State, n_alphas: int | None = None) -> None:
    """Check a learning curve.

    Parameters
    ----------
    history : dict from str to ndarray
        As `History.arrays` returns it.
    n_alphas : int or None, default=None
        Of a fit at several.

    Raises
    ------
    ValueError
    """
    check_names(history, {*COUNTS, *NUMBERS} - {"validation_loss"}, {"validation_loss"})
    length = history["n_rows"].size
    for name in history:
        shape = (length,) if n_alphas is None or name not in BY_ALPHA else (length, n_alphas)
        array_of(history, name, np.int64 if name in COUNTS else np.float64, shape)
    for name in ("weight", "seconds", *COUNTS):
        check_finite(history[name], name, 0.0)
    # The sum of losses goes on from the last mean.
    if length and history["weight"][-1] > 0.0:
        check_finite(history["progressive_loss"][-1:], "progressive_loss")


def _check_state(state: State, n_features: int, learner: Learner, part: str) -> None:
    """Check the state of a learner."""
    if "cells" in state:
        check_names(state, {*learner.state(), "cells", "by_id"} - {"ids", "states", "touched"}, set())
        if not state["by_id"]:
            raise ValueError(f"{part}.by_id: False is not allowed, expected cells that are found by id")
        array_of({f"{part}.cells": state["cells"]}, f"{part}.cells", np.int64, (None, 1 + learner.width))
    state = current_form(state, learner.table.is_marked)
    check_names(state, set(learner.state()), set())
    named = {f"{part}.{name}": array for name, array in state.items()}
    ids = array_of(named, f"{part}.ids", np.int64, (None,))
    states = np.ascontiguousarray(array_of(named, f"{part}.states", np.float64, (ids.size, learner.width)))
    array_of(named, f"{part}.clock", np.float64, (None,))
    check_ids(ids, n_features, f"{part}.ids")
    learner.check_state(state)
    for name in ("intercept", "totals"):
        check_finite(state[name], f"{part}.{name}")
    check_finite(state["totals"], f"{part}.totals", 0.0)
    if not 0 <= state["n_rows"][0] <= MAX_ROWS:
        raise ValueError(f"{part}.n_rows: {state['n_rows'][0]} is not allowed, expected 0 to {MAX_ROWS}")
    clock = state["clock"]
    check_finite(clock, f"{part}.clock", 0.0)
    kind, check_numbers = CHECKS[type(learner.optimizer).__name__]
    numbers = states.view(kind)
    check_finite(numbers, f"{part}.states")
    check_numbers(numbers, clock, learner, part)
    # Each number may be fine, and what they stand for not.
    w = np.empty((ids.size, learner.n_outputs))
    optimizer = copy.copy(learner.optimizer)
    optimizer.clock = tuple(clock.tolist())
    sgd.read(learner.penalty, optimizer, states, w)
    check_finite(w, f"{part}: the coefficients")


def _check_ftrl(pairs: npt.NDArray[np.float32], clock: Vector, learner: Learner, part: str) -> None:
    """Pairs of floats: a sum, and the root of a sum of squares; the clock counts rows."""
    check_finite(pairs[:, 1::2], f"{part}.states", 0.0)
    if clock[1] > MAX_ROWS or clock[1] != int(clock[1]):
        raise ValueError(f"{part}.clock: {clock[1]:g} rows are not allowed, expected a whole number up to {MAX_ROWS}")


def _check_prox_sgd(numbers: Vector, clock: Vector, learner: Learner, part: str) -> None:
    """Numbers; with averaging sums and rows of the past besides, where the next row is looked up."""
    if not 0.0 < clock[1] <= 1.0:
        raise ValueError(f"{part}.clock: the scale {clock[1]:g} is not allowed, expected (0, 1]")
    if learner.optimizer.state_size == 1:
        return
    now, rows = (clock.size - 4) // 3 - 1, numbers[:, 2::3]
    check_finite(rows, f"{part}.states", 0.0)
    if (rows > now).any() or (rows != np.rint(rows)).any():
        raise ValueError(f"{part}.states: row {rows.max():g} of the past is not allowed, expected 0 to {now}")


def _check_adagrad(numbers: Vector, clock: Vector, learner: Learner, part: str) -> None:
    """Threes: a number, a time up to now, and a sum of squares."""
    check_finite(numbers[:, 2::3], f"{part}.states", 0.0)
    check_finite(numbers[:, 1::3], f"{part}.states", 0.0)
    if (numbers[:, 1::3] > clock[0]).any():
        raise ValueError(f"{part}.states: {numbers[:, 1::3].max():g} is a time after the clock's, {clock[0]:g}")


def _check_coin_betting(numbers: Vector, clock: Vector, learner: Learner, part: str) -> None:
    """Sixes: sums of slopes and their squares, what was won, the largest value, a mean, and two floats in one."""
    for k in (1, 3):
        check_finite(numbers[:, k::6], f"{part}.states", 0.0)
    pairs = np.ascontiguousarray(numbers[:, 5::6]).view(np.float32)
    check_finite(pairs, f"{part}.states")
    check_finite(pairs[:, 1::2], f"{part}.states", 0.0)
    poorest = float(numbers[:, 2::6].min(initial=0.0))
    least = -clock[1] * (learner.optimizer.predictor_unit or clock[1])
    if poorest < least:
        raise ValueError(f"{part}.states: {poorest:g} is more than can be lost, expected {least:g} or more")


# What states are read as, and what each number must be besides finite.
CHECKS: dict[str, tuple[Any, Callable[[Any, Vector, Learner, str], None]]] = {
    "FTRL": (np.float32, _check_ftrl),
    "ProxSGD": (np.float64, _check_prox_sgd),
    "AdaGrad": (np.float64, _check_adagrad),
    "CoinBetting": (np.float64, _check_coin_betting),
}
