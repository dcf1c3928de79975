"""Row passes of squared loss whose singleton columns are eliminated and have no bounds."""

import numpy as np
from numpy.typing import NDArray

_Vector = NDArray[np.float64]

CHUNK: int

def linearize(
    y: _Vector, s: _Vector, limit: _Vector, bend: _Vector, strength: float, ridge: float, floor: float, eta: _Vector,
    step: _Vector, size: float, moved: _Vector, z: _Vector, weight: _Vector, first: int, sums: _Vector
) -> None:
    """Model sum_i h_i at eta + size step in moved, z and weight, chunk by chunk from the first, with sums of each."""

def center_dual(
    y: _Vector, s: _Vector, limit: _Vector, bend: _Vector, strength: float, ridge: float, share: float, eta: _Vector,
    z: _Vector, theta: _Vector, first: int, sums: _Vector
) -> None:
    """Write z, less its share of the curvature, to theta, chunk by chunk from the first, with sums of each."""

def recover(
    y: _Vector, s: _Vector, limit: _Vector, bend: _Vector, strength: float, ridge: float, eta: _Vector, x: _Vector,
    u: _Vector, t: _Vector
) -> None:
    """Write the singleton coefficients to u and the linear predictors with them to t."""
