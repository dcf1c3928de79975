"""Full columns: those of a dense matrix, and of a sparse one where most rows have an entry, with their zeros.

The ids of a full column are a contiguous run, which kernels go along without reading them, on vector registers: from
about half full on that is less work than the entries alone, and takes no more memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparsereg._core import dense_matrix
from sparsereg.inputs.rows import CHUNK, check_finite, dense_array, is_dense

Matrix = tuple[npt.NDArray[Any], npt.NDArray[np.int32], npt.NDArray[np.int64]]

# Share of the rows above which a column is stored with its zeros.
FULL_SHARE = 0.5
# With fewer rows a column is as quick the one way as the other.
FEWEST_ROWS = 32
# Of so many rows drawn for each square root of their number, pairs of equal ones are seen where these abound: where
# grouping would leave nine tenths of the rows, 1.6 pairs on average.
SAMPLED_PER_ROOT, MOST_SAMPLED, PAIRS = 4, 1 << 14, 3


class FullColumns(NamedTuple):
    """A dense matrix by columns.

    Attributes
    ----------
    active : ndarray of int64 of shape (n_active,)
        Ids of the columns that have a value other than 0.
    data : ndarray of float32 or float64 of shape (n_active * n_rows,)
    binary : bool
        Every value is 1.
    """

    active: npt.NDArray[np.int64]
    data: npt.NDArray[Any]
    binary: bool


def read_dense(X: Any, grouped: bool) -> npt.NDArray[Any] | None:
    """Return a matrix that is best kept with its zeros as an array; None for any other.

    Parameters
    ----------
    X : any matrix that `make_design` takes
    grouped : bool
        Whether equal rows are to become one where they are many.

    Returns
    -------
    array : ndarray of bool, integers or float, or None
        Not checked for finiteness. None for sparse matrices, and for arrays of which a sample of the rows is at most
        half full or shows that many rows are equal.
    """
    if not is_dense(X):
        return None
    array = dense_array(X)
    n_rows = array.shape[0]
    sample = array[_sample(n_rows)]
    if np.count_nonzero(sample) <= FULL_SHARE * sample.size:
        return None
    return None if grouped and _has_many_equal(sample, n_rows) else array


def _has_many_equal(sample: npt.NDArray[Any], n_rows: int) -> bool:
    """Tell from a sample whether grouping equal rows may be worth it; sums tell most rows apart."""
    with np.errstate(all="ignore"):
        if np.unique(sample.sum(axis=1)).size == sample.shape[0]:
            return False
    n_pairs = sample.shape[0] - len({row.tobytes() for row in sample})
    return n_pairs >= PAIRS or n_pairs * 10 >= n_rows


def _sample(n_rows: int) -> Any:
    """Choose rows to look at: all where they are few."""
    n_sampled = min(int(SAMPLED_PER_ROOT * n_rows**0.5), MOST_SAMPLED)
    if n_sampled >= n_rows:
        return slice(None)
    # Drawn, as equal rows may be neighbours or stand at any distance; ascending, so that a row comes once.
    return np.unique((_uniform()[:n_sampled] * n_rows).astype(np.int64))


@cache
def _uniform() -> npt.NDArray[np.float64]:
    return np.random.default_rng(0).random(MOST_SAMPLED)


def columns_of_dense(array: npt.NDArray[Any], keep: npt.NDArray[np.bool_] | None, dtype: Any) -> FullColumns:
    """Read a dense matrix by columns.

    Parameters
    ----------
    array : ndarray of bool, integers or float of shape (n_samples, n_features)
    keep : ndarray of bool of shape (n_samples,) or None
        Rows to read; None: all.
    dtype : None, float32 or float64
        As in `make_design`; without it zeros and ones take float32.

    Returns
    -------
    columns : FullColumns
        The caller's memory where the array is contiguous by columns, of the right type and whole.
    """
    wanted = np.dtype(dtype or (np.float32 if array.dtype == np.float32 else np.float64))
    n_rows = array.shape[0] if keep is None else int(np.count_nonzero(keep))
    filled = np.zeros(array.shape[1], dtype=np.uint8)
    if keep is not None and not np.isfinite(array[~keep]).all():
        check_finite(array, "X")
    readable = array.dtype == wanted and array.flags.aligned
    if readable and keep is None and array.flags.f_contiguous:
        columns = array.T
        is_finite = _look(columns, filled)
    else:
        columns = np.empty((array.shape[1], n_rows), dtype=wanted)
        is_finite = _transpose(array, keep, columns, filled)
    if not is_finite:
        check_finite(array, "X")
        check_finite(columns.T, "X")
    if not filled.all():
        columns = _squeezed(columns if columns.base is None else columns.copy(), np.flatnonzero(filled))
    ones = _all(columns, lambda part: part == 1)
    if dtype is None and (ones or _all(columns, lambda part: (part == 0) | (part == 1))):
        columns = columns.astype(np.float32, copy=False)
    return FullColumns(np.flatnonzero(filled), columns.reshape(-1), ones)


def _all(columns: npt.NDArray[Any], condition: Callable[[npt.NDArray[Any]], npt.NDArray[np.bool_]]) -> bool:
    """Say whether all values meet a condition; one column settles it for most matrices."""
    return all(condition(column).all() for column in columns)


def _look(columns: npt.NDArray[Any], filled: npt.NDArray[np.uint8]) -> bool:
    """Look at all columns, some at a time: a Ctrl-C waits for no more than these."""
    step = max(CHUNK // max(columns.shape[1], 1), 1)
    parts = (slice(start, start + step) for start in range(0, columns.shape[0], step))
    return all(dense_matrix.look(columns[part], filled[part]) for part in parts)


def _transpose(
    array: npt.NDArray[Any], keep: npt.NDArray[np.bool_] | None, columns: npt.NDArray[Any],
    filled: npt.NDArray[np.uint8],
) -> bool:
    """Read rows into columns, some at a time, in the type of the columns."""
    step, at, is_finite = max(CHUNK // array.shape[1], 1), 0, True
    for start in range(0, array.shape[0], step):
        block = array[start : start + step]
        if keep is not None:
            block = block[keep[start : start + step]]
        if block.dtype != columns.dtype or not block.flags.aligned:
            # A value too large for the type becomes an infinity, which is reported.
            with np.errstate(over="ignore"):
                block = block.astype(columns.dtype)
        if block.shape[0]:
            is_finite &= dense_matrix.transpose(block, columns, at, filled)
        at += block.shape[0]
    return is_finite


def _squeezed(columns: npt.NDArray[Any], kept: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Move the columns to keep to the front, without another copy of them."""
    for k, j in enumerate(kept):
        if k < j:
            columns[k] = columns[j]
    return columns[: kept.size]


def all_rows(n_active: int, n_rows: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return `indptr` and `indices` of columns that leave no row out.

    Parameters
    ----------
    n_active, n_rows : int

    Returns
    -------
    indptr : ndarray of int64 of shape (n_active + 1,)
    indices : ndarray of int32 of shape (n_active * n_rows,)
    """
    indices = np.empty((n_active, n_rows), dtype=np.int32)
    indices[:] = np.arange(n_rows, dtype=np.int32)
    return n_rows * np.arange(n_active + 1, dtype=np.int64), indices.reshape(-1)


def fill_columns(indptr: npt.NDArray[np.int64], indices: npt.NDArray[np.int32], data: Any, n_rows: int) -> Matrix:
    """Give the columns of which more than half is not zero their zeros, too.

    Parameters
    ----------
    indptr, indices, data : ndarray
        Compact columns (CSC).
    n_rows : int

    Returns
    -------
    data, indices, indptr : ndarray
        The same arrays where there is no such column.
    """
    size = np.diff(indptr)
    is_full = (size > FULL_SHARE * n_rows) & (size < n_rows)
    if n_rows < FEWEST_ROWS or not is_full.any():
        return data, indices, indptr
    out_indptr = np.zeros_like(indptr)
    np.cumsum(np.where(is_full, n_rows, size), out=out_indptr[1:])
    out_data = np.empty(out_indptr[-1], dtype=data.dtype)
    out_indices = np.empty(out_indptr[-1], dtype=np.int32)
    dense_matrix.fill(data, indices, indptr, n_rows, out_data, out_indices, out_indptr)
    return out_data, out_indices, out_indptr
