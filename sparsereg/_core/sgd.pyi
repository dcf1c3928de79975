import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import _Loss
from sparsereg._core.optimizers import _Optimizer
from sparsereg._core.penalties import _Penalty
from sparsereg._core.state_table import StateTable

_Array = npt.NDArray[np.float64]
_Ids = npt.NDArray[np.int64]

DONE: int
TABLE_FULL: int
NEEDS_RESCALE: int
DIVERGED: int

def learn(
    loss: _Loss, penalty: _Penalty, optimizer: _Optimizer, softmax: bool, indptr: _Ids, ids: _Ids,
    places: npt.NDArray[np.uint32], data: _Array, y: _Array, weight: _Array, unit: _Array, longest: int,
    table: StateTable, intercept: _Array, totals: _Array, n_rows: _Ids, counts: npt.NDArray[np.uint8], min_count: int,
    dropout: float, seed: int
) -> int: ...
def skip(optimizer: _Optimizer, weight: _Array, n_rows: int, unit: _Array | None = ...) -> bool: ...
def mean_so_far(weight: _Array, seen: _Array, unit: _Array) -> None: ...
def read(penalty: _Penalty, optimizer: _Optimizer, states: _Array, w: _Array) -> None: ...
def count(penalty: _Penalty, optimizer: _Optimizer, states: _Array, n_outputs: int) -> int: ...
def decision(
    penalty: _Penalty, optimizer: _Optimizer, indptr: _Ids, ids: _Ids, data: _Array, table: StateTable, t: _Array,
    first: int = ..., state_size: int = ...
) -> None: ...
def flush(optimizer: _Optimizer, states: _Array, n_outputs: int) -> None: ...
def write(optimizer: _Optimizer, l1: float, l2: float, w: _Array, states: _Array) -> None: ...
