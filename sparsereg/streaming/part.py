"""What learners are given: pieces of a block of rows, and which of their entries take part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Part", "Sampling"]

Ids = npt.NDArray[np.int64]
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sampling:
    """Which entries and coefficients take part.

    Attributes
    ----------
    dropout : float
        Share of the entries left out of each step, in [0, 1).
    seed : int
        Of the dropout, in [0, 2**64).
    min_count : int
        A coefficient is kept from the `min_count`-th time that its id is seen, in [1, 255].
    drop_stale : int
        Every so many rows, coefficients are dropped that are 0 and were not touched since the last time; 0: never.
    """

    dropout: float = 0.0
    seed: int = 0
    min_count: int = 1
    drop_stale: int = 0


@dataclass(frozen=True, eq=False)
class Part:
    """Some consecutive rows of a block, as the kernels take them.

    Attributes
    ----------
    indptr, ids : ndarray of int64 of shape (n_rows + 1,), (nnz,)
    data : ndarray of float64 of shape (nnz,) or (0,)
        Length 0: ones.
    y : ndarray of float64 of shape (n_rows, n_outputs)
    weight : ndarray of float64 of shape (n_rows,) or (0,)
        Length 0: ones.
    unit : ndarray of float64 of shape (n_rows,) or (0,)
        The weight that counts as 1 in the step of each row. Length 0: ones.
    """

    indptr: Ids
    ids: Ids
    data: Vector
    y: Vector
    weight: Vector
    unit: Vector

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.indptr.size - 1

    @property
    def longest(self) -> int:
        """Most entries of a row."""
        return int(np.diff(self.indptr).max(initial=0))

    def between(self, start: int, stop: int) -> Part:
        """Return the rows from `start` up to `stop`."""
        low, high = self.indptr[start], self.indptr[stop]
        return Part(
            self.indptr[start : stop + 1] - low, self.ids[low:high], self.data[low:high], self.y[start:stop],
            self.weight[start:stop], self.unit[start:stop],
        )
