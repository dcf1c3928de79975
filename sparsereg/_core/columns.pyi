"""Passes over chosen columns: X'z, weighted moments and X w."""

import numpy as np
from numpy.typing import NDArray

_Values = NDArray[np.float32] | NDArray[np.float64]
_Vector = NDArray[np.float64]

def correlate(
    data: _Values, indices: NDArray[np.int32], indptr: NDArray[np.int64], columns: NDArray[np.int32], z: _Vector,
    out: _Vector
) -> None:
    """Write X_j' z to out[j] for each j in columns."""

def moments(
    data: _Values, indices: NDArray[np.int32], indptr: NDArray[np.int64], columns: NDArray[np.int32], weight: _Vector,
    weight_sum: float, n_rows: int, column_sum: _Vector, centred: _Vector
) -> None:
    """Write the weighted sum of each of columns to column_sum, and its weighted squares about the mean to centred."""

def moments_of_rows(
    data: _Values, indices: NDArray[np.int32], indptr: NDArray[np.int64], rows: NDArray[np.int32], weight: _Vector,
    about: _Vector, held: NDArray[np.int64], column_sum: _Vector, square: _Vector
) -> None:
    """Add entries, weighted sums and weighted squares about given numbers of chosen rows to those of all columns."""

def accumulate(
    data: _Values, indices: NDArray[np.int32], indptr: NDArray[np.int64], columns: NDArray[np.int32], delta: _Vector,
    out: _Vector
) -> None:
    """Add X_j delta[k] to out for the k-th of columns."""
