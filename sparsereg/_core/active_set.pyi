"""Parametric active set: lasso and elastic net on a working set, solved exactly from any warm start (homotopy)."""

from typing import final

import numpy as np
from numpy.typing import NDArray

_Vector = NDArray[np.float64]

@final
class ActiveSet:
    n_slots: int
    max_members: int
    n_members: int
    n_events: int
    n_singular: int
    n_runs: int
    def __init__(
        self, n_columns: int, n_rows: int, n_slots: int, max_members: int, gram: NDArray[np.float64] | None = None
    ) -> None: ...
    @property
    def columns(self) -> NDArray[np.int32]: ...
    def hold(
        self, data: NDArray[np.float32] | NDArray[np.float64], indices: NDArray[np.int32], indptr: NDArray[np.int64],
        columns: NDArray[np.int32], root: _Vector, mean: _Vector
    ) -> None:
        """Bring the columns of a working set into slots."""
    def choose(self, columns: NDArray[np.int32]) -> None:
        """Take the working set out of the cross-products."""
    def solve(
        self, target: _Vector, w: _Vector, z: _Vector, v: _Vector, threshold: _Vector, ridge: _Vector,
        lower: _Vector, upper: _Vector, reference: float, max_events: int, resumes: bool
    ) -> float:
        """Minimise over the working set last held; return the largest violation relative to the thresholds."""
