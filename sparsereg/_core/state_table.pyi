from typing import final

import numpy as np
import numpy.typing as npt

_Ids = npt.NDArray[np.int64]

MAX_LOAD: float
MANY_WORDS: int
AHEAD_OF_GROWTH: int

def reserve(capacity: int, width: int) -> _Ids: ...
def on_lines(capacity: int, width: int) -> _Ids: ...

@final
class Cells:
    array: _Ids
    used: int
    by_id: bool
    limit: int
    def __init__(self, array: _Ids, used: int, by_id: bool) -> None: ...
    def grow(self, capacity: int) -> None: ...
    @classmethod
    def empty(cls, capacity: int, width: int) -> Cells: ...

def enter(source: _Ids, cells: Cells) -> None: ...
def find_or_enter(ids: _Ids, cells: Cells, places: _Ids) -> None: ...
