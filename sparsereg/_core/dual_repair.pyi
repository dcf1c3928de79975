"""Repair of a dual point: one-sided projections on the constraints that it violates, in turn."""

import numpy as np
from numpy.typing import NDArray

_Vector = NDArray[np.float64]

def project(
    data: NDArray[np.float32] | NDArray[np.float64], indices: NDArray[np.int32], indptr: NDArray[np.int64],
    columns: NDArray[np.int32], weight: _Vector, weight_sum: float, curvature: _Vector, column_sum: _Vector,
    lowest: _Vector, highest: _Vector, ridge: _Vector, tol: float, max_sweeps: int, theta: _Vector
) -> int:
    """Bring lowest <= X' theta <= highest about, nearly, by a short way; return the number of sweeps."""
