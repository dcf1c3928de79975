import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]

MAX_LOAD: float
MANY_WORDS: int
AHEAD_OF_GROWTH: int

def reserve(capacity: int, width: int) -> Ids: ...
def on_lines(capacity: int, width: int) -> Ids: ...

class Cells:
    array: Ids
    used: int
    by_id: bool
    limit: int
    def __init__(self, array: Ids, used: int, by_id: bool) -> None: ...
    def grow(self, capacity: int) -> None: ...
    @classmethod
    def empty(cls, capacity: int, width: int) -> Cells: ...

def enter(source: Ids, cells: Cells) -> None: ...
def find_or_enter(ids: Ids, cells: Cells, places: Ids) -> None: ...
