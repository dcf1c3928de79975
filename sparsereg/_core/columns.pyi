"""Whole passes over chosen columns: gradient, moments and products."""

import numpy as np
from numpy.typing import NDArray

_Values = NDArray[np.float32] | NDArray[np.float64]
_Vector = NDArray[np.float64]

def correlate(
    data: _Values,
    indices: NDArray[np.int32],
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    z: _Vector,
    out: _Vector,
    n_threads: int,
) -> None:
    """Write X_j' z to out[j] for each j in columns."""

def moments(
    data: _Values,
    indices: NDArray[np.int32],
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    weight: _Vector,
    mass: _Vector,
    square: _Vector,
) -> None:
    """Write sum_i weight_i x_ij to mass[k] and sum_i weight_i x_ij^2 to square[k] for the k-th of columns."""

def accumulate(
    data: _Values,
    indices: NDArray[np.int32],
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    delta: _Vector,
    out: _Vector,
) -> None:
    """Add X_j delta[k] to out for the k-th of columns."""
