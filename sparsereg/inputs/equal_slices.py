"""Equal slices of compressed matrices, by their hashes and then entry by entry."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import equal_rows


def equal_slices(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[np.int32], data: npt.NDArray[Any],
    hashes: npt.NDArray[np.uint64], expected: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Number the distinct slices of a compressed matrix.

    Parameters
    ----------
    indptr : ndarray of int64 of shape (n_slices + 1,)
    indices : ndarray of int32 of shape (nnz,)
    data : ndarray of float32 or float64 of shape (nnz,) or (0,)
        Length 0: ones.
    hashes : ndarray of uint64 of shape (n_slices,)
        Of `hash_rows`.
    expected : int
        A guess of how many there are.

    Returns
    -------
    group : ndarray of int32 of shape (n_slices,)
        Number of each slice.
    representative : ndarray of int32 of shape (n_distinct,)
        First slice of each number.
    """
    group = np.empty(hashes.size, dtype=np.int32)
    n_groups = -1
    while n_groups < 0:
        # At most two thirds full, where linear probing is still quick; a low estimate is made good by another round.
        size = 1 << max(4, (expected + expected // 2).bit_length())
        table = np.zeros(size, dtype=np.uint64)
        representative = np.empty(2 * size // 3, dtype=np.int32)
        n_groups = equal_rows.group_rows(indptr, indices, data, hashes, table, group, representative)
        expected *= 2
    return group, representative[:n_groups].copy()
