"""Sparse proximal SAGA: steps on one row at a time, corrected by a table of the derivatives of all rows."""

import numpy as np
from numpy.typing import NDArray

from sparsereg._core.losses import _Loss
from sparsereg._core.penalties import _Penalty

_Vector = NDArray[np.float64]

def sweep(
    loss: _Loss, penalty: _Penalty, data: NDArray[np.float32] | NDArray[np.float64], indices: NDArray[np.int32],
    indptr: NDArray[np.int64], order: NDArray[np.int32], chance: _Vector, size: float, y: _Vector, s: _Vector,
    offset: _Vector, first: NDArray[np.int64], x: _Vector, x_factor: _Vector, x_scale: _Vector, x_lower: _Vector,
    x_upper: _Vector, u: _Vector, spread: _Vector, factor: _Vector, scale: _Vector, lower: _Vector, upper: _Vector,
    w: _Vector, b: float, fit_intercept: bool, slope: _Vector, gradient: _Vector
) -> float:
    """Step along the rows of `order` in turn; return the intercept."""
