from typing import final

import numpy as np
import numpy.typing as npt

_Ids = npt.NDArray[np.int64]

MAX_LOAD: float
LARGE_TABLE: int
GROWTH_RESERVE: int

def reserve(capacity: int, width: int) -> _Ids: ...
def on_lines(capacity: int, width: int) -> _Ids: ...

@final
class StateTable:
    array: _Ids
    used: int
    by_id: bool
    limit: int
    def __init__(self, array: _Ids, used: int, by_id: bool) -> None: ...
    def grow(self, capacity: int) -> None: ...
    @classmethod
    def empty(cls, capacity: int, width: int) -> StateTable: ...

def enter(source: _Ids, slots: StateTable) -> None: ...
def find_or_enter(ids: _Ids, slots: StateTable, places: _Ids) -> None: ...
