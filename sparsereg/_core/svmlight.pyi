import numpy as np
from numpy.typing import NDArray

END: int
ROWS_FULL: int
ENTRIES_FULL: int
BAD_LABEL: int
NO_LABEL: int
SEVERAL_LABELS: int
BAD_QID: int
BAD_ID: int
ID_BELOW: int
ID_ABOVE: int
BAD_VALUE: int

def parse(
    text: bytes | memoryview, begin: int, zero_based: bool, n_features: int, n_rows: int, n_entries: int,
    labels: NDArray[np.float64], indptr: NDArray[np.int64], indices: NDArray[np.int32] | NDArray[np.int64],
    data: NDArray[np.float32] | NDArray[np.float64]
) -> tuple[int, int, int, int, int, int]: ...
