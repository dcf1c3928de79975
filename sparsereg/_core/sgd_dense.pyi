import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import _Loss
from sparsereg._core.optimizers import FTRL
from sparsereg._core.state_table import StateTable

_Array = npt.NDArray[np.float64]
_Narrow = npt.NDArray[np.float32]
_Order = npt.NDArray[np.int32]

DONE: int
DIVERGED: int

def use_lanes(most: int) -> int: ...
def learn(
    loss: _Loss, optimizer: FTRL, l1: float, l2: float, wide: _Array, narrow: _Narrow, order: _Order, y: _Array,
    weight: _Array, unit: _Array, states: _Array, intercept: _Array, totals: _Array, n_rows: npt.NDArray[np.int64]
) -> int: ...
def decision(wide: _Array, narrow: _Narrow, order: _Order, w: _Array, t: _Array) -> None: ...
def find_columns(table: StateTable, places: npt.NDArray[np.int64]) -> None: ...
