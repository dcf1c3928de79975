"""Coordinate descent and Newton steps for squared loss on the cross-products of few columns."""

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from sparsereg._core.penalties import ElasticNet

_Vector = NDArray[np.float64]

def add_cross_products(
    data: NDArray[np.float32] | NDArray[np.float64], indices: NDArray[np.int32], indptr: NDArray[np.int64],
    weight: _Vector, out: _Vector
) -> None:
    """Add X'SX of sparse rows to the lower triangle of a matrix."""

@disjoint_base
class GramDescent:
    """Minimises F at one alpha after another, from the solution before, given the cross-products of the columns."""

    w: _Vector
    primal: float
    dual: float
    gap: float
    penalty_sum: float
    rounding: float
    n_iter: int

    def __init__(
        self, gram: _Vector, q: _Vector, total: float, size: _Vector, epsilon: float, factor: _Vector, scale: _Vector,
        lower: _Vector, upper: _Vector
    ) -> None: ...

    def start(self, w: _Vector) -> None:
        """Take coefficients to start from."""

    def solve(self, penalty: ElasticNet, target: float, max_iter: int, faint: float) -> bool:
        """Minimise F at one alpha, until the duality gap is at most the target; say whether it is."""
