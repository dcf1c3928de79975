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

def decisions(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[Any], data: npt.NDArray[Any], slots: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64], vectors: npt.NDArray[np.int32], values: npt.NDArray[np.float64],
    out: npt.NDArray[np.float64]
) -> None:
    """Add X @ W, several vectors with few non-zeros, to out."""
