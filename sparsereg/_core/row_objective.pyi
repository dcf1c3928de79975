"""Loss, gradient, curvature and conjugate: sums over rows, singleton columns eliminated."""

import numpy as np
from numpy.typing import NDArray

from sparsereg._core.losses import _Loss
from sparsereg._core.penalties import _Penalty

_Vector = NDArray[np.float64]

def linearize(
    loss: _Loss, penalty: _Penalty, y: _Vector, s: _Vector, offset: _Vector, first: NDArray[np.int64], eta: _Vector,
    x: _Vector, factor: _Vector, scale: _Vector, lower: _Vector, upper: _Vector, floor: float, z: _Vector,
    curvature: _Vector, weight: _Vector, u: _Vector, t: _Vector
) -> tuple[float, float]:
    """Model sum_i h_i around eta in z, curvature, weight and u; return (sum_i h_i(eta_i), sum_i weight_i)."""

def center_dual(
    penalty: _Penalty, z: _Vector, curvature: _Vector, weight: _Vector, centre: bool, x: _Vector, factor: _Vector,
    scale: _Vector, lower: _Vector, upper: _Vector, theta: _Vector
) -> float:
    """Write z, less its sum shared out by curvature, to theta; return the largest feasible c <= 1."""

def dual_sum(
    loss: _Loss, penalty: _Penalty, y: _Vector, s: _Vector, offset: _Vector, first: NDArray[np.int64], t: _Vector,
    z: _Vector, c: float, x: _Vector, factor: _Vector, scale: _Vector, lower: _Vector, upper: _Vector
) -> float:
    """Return sum_i of the conjugate of h_i at the dual point c z."""

def max_slopes(loss: _Loss, y: _Vector, s: _Vector, first: NDArray[np.int64], fall: _Vector, rise: _Vector) -> None:
    """Write how steeply the loss of each row can fall and rise to fall and rise."""
