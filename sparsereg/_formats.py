"""Any matrix that users hand in -> validated rows.

No conversion of SciPy's runs on a structure that has not been checked, because SciPy trusts its own fields and crashes
on wrong ones. No flag of SciPy's is read, because it may be stale. The caller's arrays are only read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._core import compact
from sparsereg._validation import (
    check_compressed,
    check_dense,
    check_ids,
    check_shape,
)
from sparsereg._values import check_value_dtype

__all__ = ["Rows", "as_rows"]

# Entries looked at in one go where NumPy would make temporaries as long as its input.
CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class Rows:
    """Validated compressed rows under the caller's own column ids.

    Attributes
    ----------
    indptr : ndarray of int64 of shape (n_samples + 1,)
    indices : ndarray of int32 or int64
        May be longer than `indptr[-1]`, may be the caller's own.
    data : ndarray of float32 or float64
        As long as `indices`, or of length 0: every value is 1. Its dtype is the one that values are kept in.
    n_samples, n_features : int
    is_sorted : bool
        Ids are strictly ascending in every row, so there are no duplicates either.
    has_zeros : bool
        Some stored value is 0.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[Any]
    data: npt.NDArray[Any]
    n_samples: int
    n_features: int
    is_sorted: bool
    has_zeros: bool


def as_rows(X: Any, dtype: Any = None, name: str = "X") -> Rows:
    """Read a matrix of any accepted kind as validated rows.

    Parameters
    ----------
    X : SciPy sparse matrix or array, ndarray, DataFrame or nested sequence, of shape (n_samples, n_features)
        Or rows, which are taken as they are.
    dtype : None, float32 or float64, default=None
        How to keep values. None: float32 stays, anything else becomes float64.
    name : str, default="X"
        Name of the argument in messages.

    Returns
    -------
    rows : Rows
    """
    if isinstance(X, Rows):
        return X
    if _is_sparse_frame(X):
        X = X.sparse.to_coo()
    if not sparse.issparse(X):
        return _from_dense(check_dense(X, name), dtype, name)
    check_shape(X.shape, name)
    check_value_dtype(X.dtype, name)
    if X.format == "csr":
        return _from_compressed(X.indptr, X.indices, X.data, X.shape, dtype, name)
    if X.format == "csc":
        return _from_columns(X, dtype, name)
    if X.format == "bsr":
        _check_blocks(X, name)
        return as_rows(X.tocsr(), dtype, name)
    return _from_coordinates(X if X.format == "coo" else X.tocoo(), dtype, name)


def _is_sparse_frame(X: Any) -> bool:
    """Tell whether X is a pandas DataFrame whose columns are all sparse."""
    is_frame = hasattr(X, "dtypes") and getattr(X, "ndim", 0) == 2
    return is_frame and len(X.dtypes) > 0 and all(hasattr(dtype, "fill_value") for dtype in X.dtypes)


def _from_compressed(
    indptr: Any, indices: Any, data: Any, shape: tuple[int, int], dtype: Any, name: str
) -> Rows:
    """Bring CSR arrays into types that the kernels read, and validate them."""
    indptr = _native(indptr, "indptr", name)
    indices = _native(indices, "indices", name)
    return _describe(indptr, indices, _values(data, indices.size, dtype, name), shape, name)


def _describe(
    indptr: npt.NDArray[Any], indices: npt.NDArray[Any], data: npt.NDArray[Any], shape: tuple[int, int], name: str
) -> Rows:
    """Validate CSR arrays whose types the kernels read; drop values that are all 1."""
    is_sorted, has_zeros, binary = check_compressed(indptr, indices, data, shape, name=name)
    if binary and not has_zeros:
        data = data[:0]
    return Rows(indptr.astype(np.int64, copy=False), indices, data, int(shape[0]), int(shape[1]), is_sorted, has_zeros)


def _from_dense(array: npt.NDArray[Any], dtype: Any, name: str) -> Rows:
    """Keep the non-zeros of a dense array, some rows at a time: a Ctrl-C waits for no more than these."""
    n_samples, n_features = array.shape
    step = max(CHUNK // max(n_features, 1), 1)
    blocks = [array[start : start + step] for start in range(0, n_samples, step)]
    counts = [np.count_nonzero(block, axis=1) for block in blocks]
    indptr = np.zeros(n_samples + 1, dtype=np.int64)
    np.cumsum(np.concatenate([np.empty(0, dtype=np.int64), *counts]), out=indptr[1:])
    indices = np.empty(indptr[-1], dtype=np.int32 if n_features <= np.iinfo(np.int32).max else np.int64)
    values = np.empty(indptr[-1], dtype=array.dtype)
    for block, start in zip(blocks, range(0, n_samples, step)):
        some = slice(indptr[start], indptr[start + block.shape[0]])
        row, column = np.nonzero(block)
        indices[some], values[some] = column, block[row, column]
    return _from_compressed(indptr, indices, values, array.shape, dtype, name)


def _from_columns(X: Any, dtype: Any, name: str) -> Rows:
    """Transpose CSC, counting over its occupied columns only."""
    n_samples, n_features = X.shape
    indptr = _native(X.indptr, "indptr", name)
    indices = _native(X.indices, "indices", name)
    data = _values(X.data, indices.size, dtype, name)
    check_compressed(indptr, indices, data, (n_features, n_samples), major="column", minor="row", name=name)
    occupied = _occupied(indptr)
    starts = np.append(indptr[occupied], indptr[-1]).astype(np.int64)
    nnz = int(starts[-1])
    out_indptr = np.zeros(n_samples + 1, dtype=np.int64)
    out_indices = np.empty(nnz, dtype=np.int32)
    out_data = np.empty(nnz if data.size else 0, dtype=data.dtype)
    order = np.arange(occupied.size, dtype=np.int32)
    rows = indices[:nnz].astype(np.int32, copy=False)
    compact.transpose(starts, rows, data, order, out_indptr, out_indices, out_data)
    return _describe(out_indptr, occupied[out_indices], out_data, X.shape, name)


def _occupied(indptr: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """List the columns that hold something, a chunk of `indptr` at a time: it may be very long."""
    found = [
        start + np.flatnonzero(np.diff(indptr[start : start + CHUNK + 1])) for start in range(0, indptr.size - 1, CHUNK)
    ]
    return np.concatenate(found).astype(np.int64, copy=False)


def _from_coordinates(X: Any, dtype: Any, name: str) -> Rows:
    """Check both ids of every entry, then let SciPy sort the entries into rows."""
    row, column, data = X.row, X.col, X.data
    check_ids(row, X.shape[0], "row", name)
    check_ids(column, X.shape[1], "column", name)
    if not row.size == column.size == data.size:
        raise ValueError(
            f"{name}: {row.size} row ids, {column.size} column ids and {data.size} values, expected as many of each"
        )
    # Sums of duplicates must not saturate in a narrow integer type; an overflow is reported below.
    with np.errstate(over="ignore"):
        values = data if data.dtype in (np.float32, np.float64) else data.astype(np.float64)
    csr = sparse.coo_array((values, (row, column)), shape=X.shape).tocsr()
    return _from_compressed(csr.indptr, csr.indices, csr.data, X.shape, dtype, name)


def _check_blocks(X: Any, name: str) -> None:
    """Check the structure of a BSR matrix, whose ids count blocks."""
    height, width = X.blocksize
    shape = (X.shape[0] // height, X.shape[1] // width)
    indptr, indices = _native(X.indptr, "indptr", name), _native(X.indices, "indices", name)
    if X.data.shape != (indices.size, height, width):
        raise ValueError(f"{name}: data has shape {X.data.shape}, expected ({indices.size}, {height}, {width})")
    check_compressed(indptr, indices, np.empty(0), shape, major="block row", minor="block column", name=name)


def _native(ids: Any, what: str, name: str) -> npt.NDArray[Any]:
    """Bring an index array into one of the two types that the kernels read, contiguous and in native byte order."""
    ids = np.asarray(ids)
    if ids.ndim != 1:
        raise ValueError(f"{name}: {what} has {ids.ndim} dimensions, expected 1")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"{name}: {what} has dtype {ids.dtype}, expected int32 or int64")
    wanted = np.int32 if ids.dtype == np.int32 else np.int64
    return np.ascontiguousarray(ids, dtype=wanted)


def _values(data: Any, size: int, dtype: Any, name: str) -> npt.NDArray[Any]:
    """Bring values into float32 or float64; length 0 when they are narrow and all 1."""
    data = np.asarray(data)
    check_value_dtype(data.dtype, name)
    if data.ndim != 1 or data.size != size:
        raise ValueError(f"{name}: data has shape {data.shape}, expected ({size},), as long as indices")
    if dtype is None:
        dtype = np.float32 if data.dtype == np.float32 else np.float64
    if data.dtype.kind in "biu" and all((data[k : k + CHUNK] == 1).all() for k in range(0, size, CHUNK)):
        return np.empty(0, dtype=dtype)
    # A value too large for `dtype` becomes an infinity, which validation reports.
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(data, dtype=dtype)
