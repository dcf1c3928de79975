"""Ingestion of sparse rows; `data` of length 0 stands for ones."""

from typing import Any

import numpy as np
import numpy.typing as npt

VALID: int
BAD_START: int
DECREASING: int
TOO_LONG: int
BAD_ID: int
NOT_FINITE: int

def validate(
    indptr: npt.NDArray[Any], indices: npt.NDArray[Any], data: npt.NDArray[Any], n_features: int
) -> tuple[int, int, int, bool, bool, bool, int]:
    """Check a compressed sparse matrix; return (code, row, position, is_sorted, has_zeros, binary, longest)."""

def select(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[Any], data: npt.NDArray[Any], keep: npt.NDArray[np.uint8],
    out_indptr: npt.NDArray[np.int64], out_indices: npt.NDArray[Any], out_data: npt.NDArray[Any]
) -> bool:
    """Copy marked rows without stored zeros; return whether every value written is 1."""

def mark(ids: npt.NDArray[Any], bitmap: npt.NDArray[np.uint64]) -> None:
    """Set the bit of every id."""

def count_before(bitmap: npt.NDArray[np.uint64], before: npt.NDArray[np.int32]) -> int:
    """Count the set bits in front of every word; return how many there are in all."""

def marked_ids(bitmap: npt.NDArray[np.uint64], active: npt.NDArray[np.int64]) -> None:
    """List the set bits in ascending order."""

def rank(
    ids: npt.NDArray[Any], bitmap: npt.NDArray[np.uint64], before: npt.NDArray[np.int32], out: npt.NDArray[np.int32]
) -> None:
    """Replace each id by its rank among the marked ids."""

def transpose(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[np.int32], data: npt.NDArray[Any], order: npt.NDArray[np.int32],
    out_indptr: npt.NDArray[np.int64], out_indices: npt.NDArray[np.int32], out_data: npt.NDArray[Any]
) -> None:
    """Turn compact rows, read in the given order, into columns (or the reverse)."""

def place(indptr: npt.NDArray[np.int64], order: npt.NDArray[np.int32], out_indptr: npt.NDArray[np.int64]) -> None:
    """Say where copies of rows go that follow each other."""

def take(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[np.int32], data: npt.NDArray[Any], order: npt.NDArray[np.int32],
    out_indptr: npt.NDArray[np.int64], out_ids: npt.NDArray[np.int32], out_data: npt.NDArray[np.float64]
) -> None:
    """Copy compact rows in the given order, as streaming kernels take them."""

def put_beside(
    indptr: npt.NDArray[Any], indices: npt.NDArray[Any], data: npt.NDArray[Any], first_id: int,
    places: npt.NDArray[np.int64], out_indices: npt.NDArray[Any], out_data: npt.NDArray[np.float64]
) -> None:
    """Copy rows behind what other rows have there already, as the columns from `first_id` on."""

def merge_duplicates(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[np.int32], data: npt.NDArray[Any],
    out_indptr: npt.NDArray[np.int64], out_indices: npt.NDArray[np.int32], out_data: npt.NDArray[Any]
) -> tuple[int, int, bool]:
    """Add up entries of equal id; return (n_dropped, not_finite_row, binary)."""
