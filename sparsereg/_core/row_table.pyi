"""Growing hash tables: ids and rows numbered as they first come; `data` of length 0 stands for ones."""

from typing import Any

import numpy as np
import numpy.typing as npt

def number_ids(
    ids: npt.NDArray[Any], slots: npt.NDArray[np.int64], known: npt.NDArray[np.int64], n_known: int,
    out: npt.NDArray[np.int32]
) -> tuple[int, int]:
    """Number ids in order of first appearance; return how many were, and how many are known."""

def enter_ids(known: npt.NDArray[np.int64], slots: npt.NDArray[np.int64]) -> None:
    """Enter ids into an empty table, under their positions."""

def number_rows(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[np.int32], data: npt.NDArray[Any],
    hashes: npt.NDArray[np.uint64], table: npt.NDArray[np.uint64], kept_indptr: npt.NDArray[np.int64],
    kept_indices: npt.NDArray[np.int32], kept_data: npt.NDArray[Any], n_kept: int, out: npt.NDArray[np.int32]
) -> tuple[int, int]:
    """Number rows in order of first appearance, keep one of each; return how many were, and how many are kept."""

def enter_rows(hashes: npt.NDArray[np.uint64], table: npt.NDArray[np.uint64]) -> None:
    """Enter rows that differ into an empty table, under their positions."""

def number_parts(
    row: npt.NDArray[np.int32], part: npt.NDArray[np.int32], newest: npt.NDArray[np.int32],
    older: npt.NDArray[np.int32], row_of: npt.NDArray[np.int32], part_of: npt.NDArray[np.int32], n_known: int,
    out: npt.NDArray[np.int32]
) -> tuple[int, int]:
    """Number pairs of a row and a part; return how many were, and how many are known."""

def add_to_means(
    group: npt.NDArray[np.int32], part: npt.NDArray[np.int32], y: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64], weight_sum: npt.NDArray[np.float64], mean: npt.NDArray[np.float64],
    within: npt.NDArray[np.float64]
) -> None:
    """Let groups of samples take further ones: sums of weights, weighted means, and what lies about the means."""
