"""Cholesky factor of the Gram matrix of chosen columns, which are held dense."""

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

_Vector = NDArray[np.float64]

@disjoint_base
class GramFactor:
    @property
    def n_slots(self) -> int: ...
    @property
    def max_members(self) -> int: ...
    @property
    def n_members(self) -> int: ...
    @property
    def columns(self) -> NDArray[np.int32]: ...
    def __init__(self, n_columns: int, n_rows: int, n_slots: int, max_members: int) -> None: ...
    def hold(
        self, data: NDArray[np.float32] | NDArray[np.float64], indices: NDArray[np.int32], indptr: NDArray[np.int64],
        columns: NDArray[np.int32], root: _Vector, mean: _Vector
    ) -> None:
        """Bring the columns of a working set into slots."""
