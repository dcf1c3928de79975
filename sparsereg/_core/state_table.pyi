from typing import final

import numpy as np
import numpy.typing as npt

_Bytes = npt.NDArray[np.uint8]
_Ids = npt.NDArray[np.int64]
_States = npt.NDArray[np.float64]

MAX_LOAD: float
NARROW_IDS: int
MAX_STATES: int
LARGE_STATES: int
GROWTH_RESERVE: int
HUGE_PAGE: int
MANY_BYTES: int

def zero_bytes(n_bytes: int) -> _Bytes: ...
def zero_states(n: int, wanted: int, width: int) -> _States: ...

@final
class StateTable:
    width: int
    used: int
    is_wide: bool
    is_marked: bool
    keys: _Bytes
    capacity: int
    limit: int
    states: _States
    touched: _Bytes
    nbytes: int
    def __init__(self, width: int, capacity: int = ..., is_wide: bool = ..., is_marked: bool = ...) -> None: ...
    def moves_at(self, capacity: int) -> bool: ...
    def grow(self, capacity: int) -> None: ...
    def ids(self) -> _Ids: ...
    def forget_from(self, n: int) -> None: ...

def find_or_enter(ids: _Ids, table: StateTable, places: npt.NDArray[np.uint32]) -> None: ...
def slots_of_a_line(line: npt.NDArray[np.uint32], id_: int, is_wide: bool) -> tuple[int, int]: ...
