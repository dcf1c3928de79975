from typing import Any

import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[np.float64]
_Narrow = npt.NDArray[np.float32]
_Order = npt.NDArray[np.int32]

def look(values: npt.NDArray[Any]) -> tuple[bool, int, bool]: ...
def mark(wide: _Array, narrow: _Narrow, order: _Order, weight: _Array, filled: npt.NDArray[np.uint8]) -> None: ...
def hash_rows(
    wide: _Array, narrow: _Narrow, order: _Order, ids: npt.NDArray[np.int32], out: npt.NDArray[np.uint64]
) -> None: ...
def moments(
    wide: _Array, narrow: _Narrow, order: _Order, weight: _Array, about: _Array, held: npt.NDArray[np.int64],
    column_sum: _Array, square: _Array
) -> None: ...
