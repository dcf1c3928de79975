import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import _Loss
from sparsereg._core.optimisers import _Optimiser
from sparsereg._core.penalties import _Penalty
from sparsereg._core.table import Cells

_Array = npt.NDArray[np.float64]
_Ids = npt.NDArray[np.int64]

DONE: int
FULL: int
WORN: int
DIVERGED: int

def learn(
    loss: _Loss,
    penalty: _Penalty,
    optimiser: _Optimiser,
    softmax: bool,
    indptr: _Ids,
    ids: _Ids,
    data: _Array,
    y: _Array,
    weight: _Array,
    unit: _Array,
    longest: int,
    cells: Cells,
    intercept: _Array,
    totals: _Array,
    n_rows: _Ids,
    counts: npt.NDArray[np.uint8],
    least: int,
    dropout: float,
    seed: int,
) -> int: ...
def skip(optimiser: _Optimiser, weight: _Array, n_rows: int, unit: _Array | None = ...) -> bool: ...
def mean_so_far(weight: _Array, seen: _Array, unit: _Array) -> None: ...
def read(penalty: _Penalty, optimiser: _Optimiser, cells: _Ids, w: _Array) -> None: ...
def decide(
    penalty: _Penalty, optimiser: _Optimiser, indptr: _Ids, ids: _Ids, data: _Array, cells: Cells, t: _Array
) -> None: ...
def settle(optimiser: _Optimiser, cells: _Ids, n_outputs: int) -> None: ...
def write(optimiser: _Optimiser, l1: float, l2: float, w: _Array, cells: _Ids) -> None: ...
