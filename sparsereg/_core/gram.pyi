from typing import Any

import numpy as np
import numpy.typing as npt

_Vector = npt.NDArray[np.float64]

def add_cross_products(
    data: npt.NDArray[Any], indices: npt.NDArray[np.int32], indptr: npt.NDArray[np.int64], weight: _Vector, out: _Vector
) -> None: ...

class GramDescent:
    w: _Vector
    primal: float
    dual: float
    gap: float
    penalty_sum: float
    rounding: float
    n_iter: int
    def __init__(
        self,
        gram: _Vector,
        q: _Vector,
        total: float,
        size: _Vector,
        epsilon: float,
        factor: _Vector,
        scale: _Vector,
        lower: _Vector,
        upper: _Vector,
    ) -> None: ...
    def start(self, w: _Vector) -> None: ...
    def solve(self, penalty: Any, target: float, max_iter: int, faint: float) -> bool: ...
