"""Penalty value, KKT violation, conjugate and gap-safe screening: sums over columns."""

import numpy as np
from numpy.typing import NDArray

from sparsereg._core.penalties import _Penalty

_Vector = NDArray[np.float64]

def penalty_value(
    penalty: _Penalty, columns: NDArray[np.int32], w: _Vector, factor: _Vector, scale: _Vector,
    threshold_scale: _Vector | None = None
) -> float:
    """Return sum_j p_j penalty(scale_j w_j)."""

def inner_product(columns: NDArray[np.int32], v: _Vector, w: _Vector) -> float:
    """Return sum_j v_j w_j."""

def optimality_violation(
    penalty: _Penalty, columns: NDArray[np.int32], v: _Vector, w: _Vector, factor: _Vector, scale: _Vector,
    lower: _Vector, upper: _Vector, threshold_scale: _Vector | None = None
) -> float:
    """Return the largest distance of v_j / scale_j from the subdifferential of penalty and bounds at w_j."""

def fixpoint_distance(
    penalty: _Penalty, columns: NDArray[np.int32], v: _Vector, w: _Vector, curvature: _Vector, factor: _Vector,
    scale: _Vector, lower: _Vector, upper: _Vector, out: _Vector, threshold_scale: _Vector | None = None
) -> float:
    """Write how far minimising over w_j alone would move its scaled gradient to out; return the largest."""

def feasible_scale(
    penalty: _Penalty, columns: NDArray[np.int32], v: _Vector, w: _Vector, factor: _Vector, scale: _Vector,
    lower: _Vector, upper: _Vector
) -> float:
    """Return the largest c <= 1 with c |v_j - ridge_j w_j| below the threshold wherever w_j may grow without bound."""

def conjugate_sum(
    penalty: _Penalty, columns: NDArray[np.int32], v: _Vector, c: float, factor: _Vector, scale: _Vector,
    lower: _Vector, upper: _Vector
) -> float:
    """Return the sum over columns of the conjugate of penalty plus bounds at c v_j; inf if c z is infeasible."""

def reachable(
    penalty: _Penalty, columns: NDArray[np.int32], v: _Vector, w: _Vector, norm: _Vector, factor: _Vector,
    scale: _Vector, c: float, radius: float, out: NDArray[np.int32]
) -> int:
    """Write to out the columns that are not zero or that a dual point within radius of c z can make so; count them."""

def candidates(
    penalty: _Penalty, columns: NDArray[np.int32], v: _Vector, w: _Vector, factor: _Vector, scale: _Vector,
    lower: _Vector, upper: _Vector, share: float, out: NDArray[np.int32]
) -> tuple[int, int]:
    """Write to out the columns that are not zero or near their threshold; return (how many, how many not zero)."""
