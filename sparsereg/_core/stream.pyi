import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import _Loss
from sparsereg._core.optimisers import _Optimiser
from sparsereg._core.penalties import _Penalty
from sparsereg._core.table import Cells

Array = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

DONE: int
FULL: int
WORN: int
DIVERGED: int

def learn(
    loss: _Loss,
    penalty: _Penalty,
    optimiser: _Optimiser,
    softmax: bool,
    indptr: Ids,
    ids: Ids,
    data: Array,
    y: Array,
    weight: Array,
    longest: int,
    cells: Cells,
    intercept: Array,
    totals: Array,
    n_rows: Ids,
    counts: npt.NDArray[np.uint8],
    least: int,
    dropout: float,
    seed: int,
) -> int: ...
def skip(optimiser: _Optimiser, weight: Array, n_rows: int) -> bool: ...
def read(penalty: _Penalty, optimiser: _Optimiser, cells: Ids, w: Array) -> None: ...
def decide(
    penalty: _Penalty, optimiser: _Optimiser, indptr: Ids, ids: Ids, data: Array, cells: Cells, t: Array
) -> None: ...
def settle(optimiser: _Optimiser, cells: Ids, n_outputs: int) -> None: ...
def write(optimiser: _Optimiser, l1: float, l2: float, w: Array, cells: Ids) -> None: ...
