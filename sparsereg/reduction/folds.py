"""Folds and held-out rows, drawn block by block, or told by the groups that rows are of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.features.categories import Column, hash_column
from sparsereg.features.text_columns import as_column, is_arrow
from sparsereg.inputs.parameters import check_count, check_number, make_generator
from sparsereg.inputs.rows import as_numeric

Mask = npt.NDArray[np.bool_]
Folds = npt.NDArray[np.int64]

# Groups that are whole numbers below are their own folds; all others have numbers from here on.
LARGEST_NUMBER = 1 << 62


def fold_numbers(
    n_rows: int, fold: Any = None, groups: Any = None, n_folds: Any = None, random_state: Any = 0
) -> Folds | None:
    """Say which fold each row is held out in, in whichever way that is asked for.

    Parameters
    ----------
    n_rows : int
    fold : None or array-like of int of shape (n_rows,)
        The numbers themselves.
    groups : None or array-like of shape (n_rows,)
    n_folds : None or int
        Groups are dealt to so many folds, each to one that follows from the group and `random_state` alone; without
        groups rows are, at random. None: every group is a fold.
    random_state : None, int, RandomState or Generator
        With groups a whole number.

    Returns
    -------
    fold : ndarray of int64 of shape (n_rows,) or None
        None: nothing was asked for.

    Raises
    ------
    ValueError, TypeError
    """
    if fold is not None:
        for name, given in (("groups", groups), ("n_folds", n_folds)):
            if given is not None:
                raise ValueError(f"{name}: not allowed beside fold, which says it all; expected None")
        return _check_fold(fold, n_rows)
    draw = FoldDraw(n_folds, None, 0 if groups is not None else random_state)
    if groups is None:
        return draw.draw(n_rows)[0]
    keys, column = _keys_of(groups, n_rows)
    return _number(keys, column) if draw.n_folds is None else _deal(keys, draw.n_folds, random_state)


def _check_fold(fold: Any, n_rows: int) -> Folds:
    """Check fold numbers."""
    given = as_numeric(fold, "fold")
    if given.size == n_rows == 0:
        return np.empty(0, dtype=np.int64)
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise TypeError(f"fold: {given.ndim} dimensions of {given.dtype}, expected one whole number for each row")
    if given.size and given.min() < -1:
        raise ValueError(f"fold: {given.min()} is outside [-1, inf)")
    if given.size and given.max() > np.iinfo(np.int64).max:
        raise ValueError(f"fold: {given.max()} is beyond int64")
    if given.size != n_rows:
        raise ValueError(f"fold: {given.size} numbers are not allowed for {n_rows} rows, expected one for each")
    return given.astype(np.int64)


def _keys_of(groups: Any, n_rows: int) -> tuple[npt.NDArray[np.uint64], Column]:
    """Hash the text of the group of each row: a number, and what a file of text has for it, are one group."""
    values = groups
    if not (is_arrow(groups) or hasattr(groups, "iloc")):
        values = np.asarray(groups, dtype=None if hasattr(groups, "__array__") else object)
    shape = (len(values),) if is_arrow(values) else np.shape(values)
    if shape != (n_rows,):
        raise ValueError(f"groups: shape {shape} is not allowed, expected ({n_rows},), a group for each row")
    column = as_column(values, "groups")
    keys, missing = hash_column(column)
    if missing.any():
        raise ValueError(f"groups: none in row {int(np.argmax(missing))}, expected one for each row")
    return keys, column


def _number(keys: npt.NDArray[np.uint64], column: Column) -> Folds:
    """Number groups, wherever they come in the same way: whole numbers from 0 on by themselves, others by hash."""
    distinct, first, code = np.unique(keys, return_index=True, return_inverse=True)
    number = (distinct >> np.uint64(2)).astype(np.int64) + LARGEST_NUMBER
    for k, row in enumerate(first.tolist()):
        text = str(column.text(row))
        if text.isdecimal() and text == str(int(text)) and int(text) < LARGEST_NUMBER:
            number[k] = int(text)
    return number[code]


def _deal(keys: npt.NDArray[np.uint64], n_folds: int, random_state: Any) -> Folds:
    """Deal groups to folds, as a hash of the group and the state says."""
    if isinstance(random_state, (bool, np.bool_)) or not isinstance(random_state, (int, np.integer)):
        raise TypeError(
            f"random_state: {random_state!r} is not allowed with groups, expected a whole number, so that every part "
            "of the data deals them alike"
        )
    make_generator(random_state)
    # Another mixture of the bits for every state: SplitMix64 of a key that was mixed with it.
    seed = np.random.SeedSequence(int(random_state)).generate_state(1, dtype=np.uint64)
    z = keys ^ seed
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) % np.uint64(n_folds)).astype(np.int64)


class FoldDraw:
    """Draws a fold number for every row, and rows to hold out, block by block.

    Parameters
    ----------
    n_folds : int or None
        At least 2.
    holdout : float in (0, 1) or None
        Share of the rows.
    random_state : None, int, RandomState or Generator
    name : str, default="n_folds"
        Of the argument that says how many folds, for messages.
    """

    def __init__(self, n_folds: Any, holdout: Any, random_state: Any, name: str = "n_folds"):
        self.n_folds, self._name = None if n_folds is None else check_count(n_folds, name), name
        if self.n_folds == 1:
            raise ValueError(f"{name}: 1 is outside [2, inf), expected None or at least 2")
        self.holdout = None if holdout is None else check_number(holdout, "holdout", "(0, 1)")
        self._generator = make_generator(random_state)
        self._n_seen = self._n_held = self._n_dealt = 0

    def draw(self, n_rows: int) -> tuple[npt.NDArray[np.int64] | None, Mask | None]:
        """Draw for the rows of the next block.

        Parameters
        ----------
        n_rows : int

        Returns
        -------
        fold : ndarray of int64 of shape (n_rows,) or None
            Sizes of folds differ by one at most, within a block and over all blocks, held-out rows apart.
        held_out : ndarray of bool of shape (n_rows,) or None
            That share of all rows so far, rounded.
        """
        held_out, fold = None, None
        self._n_seen += n_rows
        if self.holdout is not None:
            n_held = min(max(round(self.holdout * self._n_seen) - self._n_held, 0), n_rows)
            held_out = np.zeros(n_rows, dtype=bool)
            held_out[self._generator.permutation(n_rows)[:n_held]] = True
            self._n_held += n_held
        if self.n_folds is not None:
            rest = np.flatnonzero(~held_out) if held_out is not None else np.arange(n_rows)
            fold = np.zeros(n_rows, dtype=np.int64)
            fold[rest] = self._generator.permutation((self._n_dealt + np.arange(rest.size)) % self.n_folds)
            self._n_dealt += rest.size
        return fold, held_out

    def check(self) -> None:
        """Refuse, when all rows are drawn for, a share that leaves none on one side and folds without rows.

        Raises
        ------
        ValueError
        """
        if self.holdout is not None and not 0 < self._n_held < self._n_seen:
            raise ValueError(
                f"holdout: {self.holdout:g} of {self._n_seen:,} rows are {self._n_held:,}, expected at least one to "
                "hold out and one to fit"
            )
        if self.n_folds is not None and self.n_folds > self._n_dealt:
            raise ValueError(
                f"{self._name}: {self.n_folds} is not allowed for {self._n_dealt:,} rows, expected no more"
            )
