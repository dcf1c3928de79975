"""Folds and held-out rows, drawn block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.parameters import check_count, check_number, make_generator

Mask = npt.NDArray[np.bool_]


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
