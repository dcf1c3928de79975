"""Coordinate descent with Anderson extrapolation on a working set of columns."""

import numpy as np
from numpy.typing import NDArray

from sparsereg._core.penalties import _Penalty

_Vector = NDArray[np.float64]

def descend(
    data: NDArray[np.float32] | NDArray[np.float64], indices: NDArray[np.int32], indptr: NDArray[np.int64],
    columns: NDArray[np.int32], w: _Vector, z: _Vector, weight: _Vector, weight_sum: float, curvature: _Vector,
    column_sum: _Vector, factor: _Vector, scale: _Vector, lower: _Vector, upper: _Vector, penalty: _Penalty, tol: float,
    max_epochs: int, threshold_scale: _Vector | None = None
) -> tuple[int, float, float]:
    """Minimise over the columns; return (epochs, largest change of a scaled gradient entry, intercept shift)."""
