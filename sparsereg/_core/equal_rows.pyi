"""Aggregation of equal rows; `data` of length 0 stands for ones."""

from typing import Any

import numpy as np
import numpy.typing as npt

def hash_rows(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[np.int32], data: npt.NDArray[Any], out: npt.NDArray[np.uint64]
) -> None:
    """Hash each row's ids and values to 64 well mixed bits."""

def group_rows(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[np.int32], data: npt.NDArray[Any],
    hashes: npt.NDArray[np.uint64], table: npt.NDArray[np.uint64], group: npt.NDArray[np.int32],
    representative: npt.NDArray[np.int32]
) -> int:
    """Give equal rows one number; return how many there are, -1 if more than there is room for."""

def order_by_last_id(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[np.int32], rows: npt.NDArray[np.int32],
    start: npt.NDArray[np.int64], order: npt.NDArray[np.int32], position: npt.NDArray[np.int32]
) -> None:
    """Order rows by their largest id, empty rows first, ties as given."""

def weighted_means(
    group: npt.NDArray[np.int32], y: npt.NDArray[np.float64], weight: npt.NDArray[np.float64],
    weight_sum: npt.NDArray[np.float64], mean: npt.NDArray[np.float64]
) -> float:
    """Sum weights and average y in each group; return half the weighted squares about the means."""
