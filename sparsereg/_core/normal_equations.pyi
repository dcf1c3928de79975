"""The normal equations of chosen columns, centred and with a ridge: conjugate gradients, and the matrix itself."""

import numpy as np
from numpy.typing import NDArray

_Vector = NDArray[np.float64]

def conjugate_gradients(
    data: NDArray[np.float32] | NDArray[np.float64], indices: NDArray[np.int32], indptr: NDArray[np.int64],
    columns: NDArray[np.int32], mean: _Vector, weight: _Vector, n_rows: int, diagonal: _Vector, size: _Vector,
    gradient: _Vector, tol: float, max_steps: int, delta: _Vector
) -> int:
    """Solve (X' W X - mean mean' sum(W) + diagonal) delta = gradient, roughly; return the number of steps."""

def gram(
    data: NDArray[np.float32] | NDArray[np.float64], indices: NDArray[np.int32], indptr: NDArray[np.int64],
    columns: NDArray[np.int32], mean: _Vector, weight: _Vector, n_rows: int, out: NDArray[np.float64]
) -> None:
    """Write X' W X - mean mean' sum(W) of chosen columns to out."""
