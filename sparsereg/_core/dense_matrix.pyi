"""Dense matrices: rows into contiguous columns, products with a vector, and sparse columns that are made full."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

def transpose(rows: NDArray[Any], columns: NDArray[Any], start: int, filled: NDArray[np.uint8]) -> bool:
    """Read rows into columns, and mark those that have a value other than 0; return whether all values are finite."""

def look(columns: NDArray[Any], filled: NDArray[np.uint8]) -> bool:
    """Do the same with columns that are contiguous already."""

def fill(
    data: NDArray[Any], indices: NDArray[np.int32], indptr: NDArray[np.int64], n_rows: int, out_data: NDArray[Any],
    out_indices: NDArray[np.int32], out_indptr: NDArray[np.int64]
) -> None:
    """Copy compact columns, with their zeros where out_indptr has room for them."""

def decision(rows: NDArray[Any], w: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Write X @ w to out."""
