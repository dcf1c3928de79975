import numpy as np
from numpy.typing import NDArray

_Ids = NDArray[np.int32] | NDArray[np.int64]

def lat_long_ids(
    points: NDArray[np.float64], widths: NDArray[np.float64], shapes: NDArray[np.int64], main_effects: bool, ids: _Ids
) -> int: ...
def mixed_radix_ids(
    codes: NDArray[np.int64], sizes: NDArray[np.int64], members: NDArray[np.int64], member_ptr: NDArray[np.int64],
    starts: NDArray[np.int64], indptr: _Ids, indices: _Ids
) -> None: ...
def hashed_ids(
    keys: NDArray[np.uint64], missing: NDArray[np.uint8], members: NDArray[np.int64], member_ptr: NDArray[np.int64],
    seeds: NDArray[np.uint64], bits: int, indptr: _Ids, indices: _Ids, data: NDArray[np.float32] | NDArray[np.float64]
) -> None: ...
