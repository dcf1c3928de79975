import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import _Loss
from sparsereg._core.optimizers import FTRL
from sparsereg._core.penalties import _Penalty
from sparsereg._core.state_table import StateTable

_Array = npt.NDArray[np.float64]
_Ids = npt.NDArray[np.int64]

DONE: int
TABLE_FULL: int
DIVERGED: int

def learn(
    loss: _Loss, penalty: _Penalty, optimizer: FTRL, softmax: bool, indptr: _Ids, ids: _Ids,
    places: npt.NDArray[np.uint32], data: _Array, y: _Array, weight: _Array, unit: _Array, longest: int,
    table: StateTable, settings: _Array, which: _Ids, intercept: _Array, totals: _Array, optimizers: list[FTRL],
    counters: _Ids, counts: npt.NDArray[np.uint8], min_count: int, dropout: float, seed: int, log: _Array
) -> tuple[int, int]: ...
def count_nonzero(
    penalty: _Penalty, optimizer: FTRL, settings: _Array, states: _Array, n_outputs: int, n_nonzero: _Ids
) -> None: ...
