"""Hash table of the non-zero coefficients; `data` of length 0 stands for ones."""

from typing import Any

import numpy as np
import numpy.typing as npt

def fill(ids: npt.NDArray[np.int64], beside: npt.NDArray[np.int64], slots: npt.NDArray[np.int64]) -> None:
    """Enter ids into an empty table."""

def decision(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[Any], data: npt.NDArray[Any], slots: npt.NDArray[np.int64],
    out: npt.NDArray[np.float64]
) -> None:
    """Compute X @ w for a w with few non-zeros, X in the caller's own ids."""

def restrict(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[Any], data: npt.NDArray[Any], slots: npt.NDArray[np.int64],
    out_indptr: npt.NDArray[np.int64], out_indices: npt.NDArray[np.int32], out_data: npt.NDArray[np.float64]
) -> None:
    """Keep the entries of X whose ids are in the table, under their positions."""
