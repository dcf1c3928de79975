"""Sparse rows (CSR), validated, of any matrix that users hand in.

No conversion of SciPy's runs on a structure that has not been checked, because SciPy trusts its own fields and crashes
on wrong ones. No flag of SciPy's is read, because it may be stale. The caller's arrays are only read.

A message names the argument, the offending value and what is allowed. Where scikit-learn has words for the same fault,
those words are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._core import compact
from sparsereg.inputs.compressed import check_compressed, raise_not_finite

CHUNK = 1 << 20  # entries looked at in one go where NumPy would make temporaries as long as its input
# Row ids are int32 in every kernel; a reader that is not told a width gives its blocks any id of int64.
MAX_SAMPLES, OPEN_WIDTH = 2**31 - 1, 2**63 - 1


@dataclass(frozen=True, eq=False)
class Rows:
    """Validated compressed rows, under the caller's own column ids or compact ones.

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
    active : ndarray of int64 of shape (n_active,) or None
        Of compact rows: the occupied columns, ascending; `indices`, int32 then, count in it. None: they are ids.
    longest : int or None
        Most entries of a row. None: nobody has counted them.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[Any]
    data: npt.NDArray[Any]
    n_samples: int
    n_features: int
    is_sorted: bool
    has_zeros: bool
    active: Any = None
    longest: int | None = None


def as_rows(X: Any, dtype: Any = None, name: str = "X") -> Rows:
    """Read a matrix of any accepted kind as validated rows.

    Parameters
    ----------
    X : SciPy sparse matrix or array, ndarray, DataFrame or nested sequence, of shape (n_samples, n_features)
        Or rows, which are taken as they are.
    dtype : None, float32 or float64, default=None
        How to keep values. None: float32 stays, anything else becomes float64.
    name : str, default="X"
        Of the argument, in messages.

    Returns
    -------
    rows : Rows
    """
    if isinstance(X, Rows):
        return X
    if _is_sparse_frame(X):
        X = X.sparse.to_coo()
    if not sparse.issparse(X):
        return _from_dense(dense_array(X, name), dtype, name)
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


def is_dense(X: Any) -> bool:
    """Tell whether X is to be read as an array.

    Parameters
    ----------
    X : anything that `as_rows` takes
    """
    return not (isinstance(X, Rows) or sparse.issparse(X) or _is_sparse_frame(X))


def _is_sparse_frame(X: Any) -> bool:
    """Tell whether X is a pandas DataFrame whose columns are all sparse."""
    is_frame = hasattr(X, "dtypes") and getattr(X, "ndim", 0) == 2
    return is_frame and len(X.dtypes) > 0 and all(hasattr(dtype, "fill_value") for dtype in X.dtypes)


def _from_compressed(indptr: Any, indices: Any, data: Any, shape: tuple[int, int], dtype: Any, name: str) -> Rows:
    """Bring CSR arrays into types that the kernels read, and validate them."""
    indptr, indices = _native(indptr, "indptr", name), _native(indices, "indices", name)
    return _describe(indptr, indices, _values(data, indices.size, dtype, name), shape, name)


def _describe(
    indptr: npt.NDArray[Any], indices: npt.NDArray[Any], data: npt.NDArray[Any], shape: tuple[int, int], name: str
) -> Rows:
    """Validate CSR arrays whose types the kernels read; drop values that are all 1."""
    is_sorted, has_zeros, binary, longest = check_compressed(indptr, indices, data, shape, name=name)
    if binary and not has_zeros:
        data = data[:0]
    return Rows(
        indptr.astype(np.int64, copy=False), indices, data, int(shape[0]), int(shape[1]), is_sorted, has_zeros,
        longest=longest,
    )


def _from_dense(array: npt.NDArray[Any], dtype: Any, name: str) -> Rows:
    """Keep the non-zeros of a dense array, some rows at a time: a Ctrl-C waits for no more than these."""
    check_finite(array, name)
    n_samples, n_features = array.shape
    step = max(CHUNK // n_features, 1)
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
    indptr, indices = _native(X.indptr, "indptr", name), _native(X.indices, "indices", name)
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
    starts = range(0, indptr.size - 1, CHUNK)
    found = [start + np.flatnonzero(np.diff(indptr[start : start + CHUNK + 1])) for start in starts]
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
    if data.dtype == dtype:
        return np.ascontiguousarray(data)
    # A value too large for `dtype` becomes an infinity, which validation reports.
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(data, dtype=dtype)


def check_shape(shape: tuple[int, ...], name: str = "X") -> None:
    """Check that a matrix has two dimensions, at least one row and one column, and no more rows than int32 can number.

    Parameters
    ----------
    shape : tuple of int
    name : str, default="X"
    """
    if len(shape) != 2:
        raise ValueError(
            f"Expected 2D array, got {len(shape)}D array instead: {name} has shape {shape}. Reshape your data either "
            "using array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) if it contains a "
            "single sample."
        )
    n_samples, n_features = int(shape[0]), int(shape[1])
    for count, what in ((n_samples, "sample"), (n_features, "feature")):
        if count < 1:
            shape_of = f"shape=({n_samples}, {n_features})"
            raise ValueError(f"Found array with {count} {what}(s) ({shape_of}) while a minimum of 1 is required.")
    if n_samples > MAX_SAMPLES:
        raise ValueError(f"{name}: {n_samples} rows, at most {MAX_SAMPLES} are allowed")


def check_width(n_features: int, expected: int, name: str = "X", owner: str = "the model") -> None:
    """Check that a matrix is as wide as what it is multiplied with.

    Parameters
    ----------
    n_features, expected : int
    name, owner : str
    """
    if n_features != expected:
        raise ValueError(
            f"{name} has {n_features} features, but {owner} is expecting {expected} features as input"
            f"{open_width_hint(n_features, expected)}"
        )


def open_width_hint(n_features: int, expected: int) -> str:
    """Say where a width comes from that no data have.

    Parameters
    ----------
    n_features, expected : int
        Widths that differ.

    Returns
    -------
    hint : str
        The end of a message; empty where both are those of data.
    """
    if expected == OPEN_WIDTH:
        return f"; it was fitted to a reader without n_features: give that reader n_features={n_features}"
    return f"; give the reader n_features={expected}" if n_features == OPEN_WIDTH else ""


def dense_array(X: Any, name: str = "X") -> npt.NDArray[Any]:
    """Make a two-dimensional numeric array of an array-like, and check its shape alone.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    name : str, default="X"

    Returns
    -------
    array : ndarray of bool, integers or float, of shape (n_samples, n_features)
        The caller's own array where it is one.
    """
    array = as_numeric(X, name)
    if array.ndim != 2:
        kind = {0: "scalar array", 1: "1D array"}.get(array.ndim)
        if kind is None:
            raise ValueError(f"Found array with dim {array.ndim}, while dim <= 2 is required: {name}.")
        raise ValueError(
            f"Expected 2D array, got {kind} instead:\n{name}={array}.\nReshape your data either using "
            "array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) if it contains a single "
            "sample."
        )
    check_shape(array.shape, name)
    return array


def check_ids(ids: Any, bound: int, what: str, name: str = "X") -> None:
    """Check ids that stand alone, as the row and column ids of a COO matrix do.

    Parameters
    ----------
    ids : ndarray of int of shape (nnz,)
    bound : int
        Ids must be in [0, bound).
    what : {"row", "column"}
    name : str, default="X"
    """
    if not isinstance(ids, np.ndarray) or ids.ndim != 1:
        raise ValueError(f"{name}: {what} ids are not a one-dimensional array (got {type(ids).__name__})")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"{name}: {what} ids have dtype {ids.dtype}, expected integers")
    if ids.size and (ids.min() < 0 or ids.max() >= bound):
        position = int(np.flatnonzero((ids < 0) | (ids >= bound))[0])
        raise ValueError(f"{name}: {what} id {ids[position]} at position {position} is outside [0, {bound})")


def check_finite(array: npt.NDArray[Any], name: str) -> None:
    """Check that an array of any shape holds no NaN and no infinity."""
    if array.dtype.kind != "f":
        return
    finite = np.isfinite(array)
    if not finite.all():
        where = tuple(int(k) for k in np.argwhere(~finite)[0])
        raise_not_finite(array[where], array.dtype, f"at {where if len(where) > 1 else where[0]}", name)


def check_vector(array: npt.NDArray[Any], n_samples: int, name: str) -> npt.NDArray[np.float64]:
    """Check shape and finiteness; return contiguous float64."""
    if array.ndim != 1:
        raise ValueError(f"{name} should be a 1d array, got an array of shape {array.shape} instead.")
    if array.size != n_samples:
        raise ValueError(f"{name}: length {array.size} does not match the {n_samples} rows of X")
    check_finite(array, name)
    if array.dtype == np.float64:
        return np.ascontiguousarray(array)
    # A long double too large for float64 becomes an infinity.
    with np.errstate(over="ignore"):
        vector = np.ascontiguousarray(array, dtype=np.float64)
    check_finite(vector, name)
    return vector


def check_value_dtype(dtype: np.dtype[Any], name: str = "X") -> None:
    """Check that values of a dtype are real numbers.

    Parameters
    ----------
    dtype : numpy.dtype
    name : str, default="X"
    """
    if dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} has dtype {dtype}")
    if dtype.kind not in "biuf":
        raise TypeError(f"{name}: dtype {dtype} is not allowed, expected bool, integers or real floating point numbers")


def as_numeric(values: Any, name: str) -> npt.NDArray[Any]:
    """Make an array of real numbers; objects must convert one by one.

    Parameters
    ----------
    values : array-like
    name : str

    Returns
    -------
    array : ndarray of bool, integers or float
        The caller's own array where it is one.
    """
    refuse_sparse_and_masked(values, name)
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name}: expected an array of numbers; {error}") from error
    if array.dtype.kind in "OSU":
        if array.dtype.kind == "O" and any(isinstance(value, complex) for value in array.ravel()):
            raise ValueError(f"Complex data not supported: {name} has complex entries")
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{name}: expected numbers; {error}{_place_of_no_number(array)}") from error
    check_value_dtype(array.dtype, name)
    return array


def refuse_sparse_and_masked(values: Any, name: str) -> None:
    """Raise TypeError for what NumPy would silently make another array of."""
    if hasattr(values, "tocsr"):
        raise TypeError(f"{name}: sparse data is not allowed here, expected a dense array")
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name}: masked arrays are not allowed, expected values for all entries")


def _place_of_no_number(array: npt.NDArray[Any]) -> str:
    """Say which entry is the first that is no float64."""
    for place, value in np.ndenumerate(array):
        try:
            float(value)
        except (TypeError, ValueError, OverflowError):
            where = place if len(place) > 1 else "".join(map(str, place))
            return f" ({shown(value)} at {where})" if place else ""
    return ""


def shown(value: Any) -> str:
    """Write a value for a message, cut short where it is long.

    Parameters
    ----------
    value : object

    Returns
    -------
    text : str
    """
    # Python itself refuses to write out more than 4300 digits.
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a whole number of {value.bit_length()} bits"
    try:
        text = repr(value)
    except RecursionError:
        return f"a {type(value).__name__} that is nested too deep to be shown"
    return text if len(text) <= 80 else f"{text[:40]}..."
