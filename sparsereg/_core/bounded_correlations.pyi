"""Correlations of columns with a residual that moves little: taken again only where they may matter."""

from typing import final

import numpy as np
from numpy.typing import NDArray

_Vector = NDArray[np.float64]

@final
class BoundedCorrelations:
    n_passes: int
    def __init__(self, n_columns: int, n_rows: int) -> None: ...
    def refresh(
        self, data: NDArray[np.float32] | NDArray[np.float64], indices: NDArray[np.int32], indptr: NDArray[np.int64],
        columns: NDArray[np.int32], z: _Vector, scaled: _Vector, norm: _Vector, threshold: _Vector, share: float,
        lower: _Vector, upper: _Vector, v: _Vector, known: NDArray[np.int32]
    ) -> float:
        """Take the correlations where they may exceed the share of the thresholds; return the largest, relative."""
