"""Every check of what a user hands in, and its message.

A message names the argument, the offending value and what is allowed. Where scikit-learn has words for the same fault,
those words are used.
"""

from __future__ import annotations

import numbers
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from sparsereg._core import compact
from sparsereg._values import as_numeric

__all__ = [
    "MAX_SAMPLES",
    "check_compressed",
    "check_dense",
    "check_ids",
    "check_new_offsets",
    "check_offset",
    "check_offsets",
    "check_sample_weight",
    "check_shape",
    "check_shares",
    "check_target",
    "check_width",
    "check_y",
    "is_offset",
]

# Row ids are int32 in every kernel.
MAX_SAMPLES = 2**31 - 1
# What rounding may leave of the sum of a row of probabilities, float32 included.
SUM_TOLERANCE = 1e-6


def check_shape(shape: tuple[int, ...], name: str = "X") -> tuple[int, int]:
    """Check that a matrix has two dimensions, at least one row and one column, and no more rows than int32 can number.

    Parameters
    ----------
    shape : tuple of int
    name : str, default="X"

    Returns
    -------
    n_samples, n_features : int
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
            raise ValueError(
                f"Found array with {count} {what}(s) (shape=({n_samples}, {n_features})) "
                "while a minimum of 1 is required."
            )
    if n_samples > MAX_SAMPLES:
        raise ValueError(f"{name}: {n_samples} rows, at most {MAX_SAMPLES} are allowed")
    return n_samples, n_features


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
        )


def check_dense(X: Any, name: str = "X") -> npt.NDArray[Any]:
    """Make a two-dimensional numeric array of an array-like, and check it.

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
        words = {0: "scalar array", 1: "1D array"}.get(array.ndim)
        if words is None:
            raise ValueError(f"Found array with dim {array.ndim}, while dim <= 2 is required: {name}.")
        raise ValueError(
            f"Expected 2D array, got {words} instead:\n{name}={array}.\nReshape your data either using "
            "array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) if it contains a single "
            "sample."
        )
    check_shape(array.shape, name)
    _check_finite(array, name)
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
    _check_index_array(ids, f"{what} ids", name)
    if ids.size and (ids.min() < 0 or ids.max() >= bound):
        position = int(np.flatnonzero((ids < 0) | (ids >= bound))[0])
        raise ValueError(f"{name}: {what} id {ids[position]} at position {position} is outside [0, {bound})")


def check_compressed(
    indptr: npt.NDArray[Any],
    indices: npt.NDArray[Any],
    data: npt.NDArray[Any],
    shape: tuple[int, int],
    *,
    major: str = "row",
    minor: str = "column",
    name: str = "X",
) -> tuple[bool, bool, bool]:
    """Check the three arrays of a compressed sparse matrix; nothing is read before it is known to exist.

    Parameters
    ----------
    indptr : ndarray of int32 or int64
    indices : ndarray of int32 or int64
        May be longer than `indptr[-1]`: unused room is not looked at.
    data : ndarray of float32 or float64
        As long as `indices`, or of length 0: every value is 1.
    shape : tuple of int
        Number of compressed slices, and bound of the ids in `indices`.
    major, minor : str
        What a slice is, and what an id in `indices` names.
    name : str, default="X"

    Returns
    -------
    is_sorted, has_zeros, binary : bool
        Ids are strictly ascending in every slice; some stored value is 0; every stored value that is not 0 is 1.
    """
    n_major, n_minor = shape
    if indptr.shape != (n_major + 1,):
        raise ValueError(
            f"{name}: indptr has shape {indptr.shape}, expected ({n_major + 1},), one more than the {n_major} {major}s"
        )
    if data.size and data.size != indices.size:
        raise ValueError(f"{name}: indices has {indices.size} entries and data {data.size}, expected as many")
    code, slice_, position, is_sorted, has_zeros, binary = compact.validate(indptr, indices, data, n_minor)
    if code == compact.VALID:
        return is_sorted, has_zeros, binary
    if code == compact.BAD_START:
        raise ValueError(f"{name}: indptr[0] is {indptr[0]}, expected 0")
    if code == compact.DECREASING:
        raise ValueError(
            f"{name}: indptr falls from {indptr[slice_]} to {indptr[slice_ + 1]} at {major} {slice_}, "
            "expected it never to decrease"
        )
    if code == compact.TOO_LONG:
        raise ValueError(
            f"{name}: indptr reaches {indptr[slice_ + 1]} at {major} {slice_}, "
            f"beyond the {indices.size} entries of indices"
        )
    if code == compact.BAD_ID:
        raise ValueError(
            f"{name}: {minor} id {indices[position]} at position {position} ({major} {slice_}) "
            f"is outside [0, {n_minor})"
        )
    raise_not_finite(data[position], data.dtype, f"at position {position} ({major} {slice_})", name)


def check_y(y: Any, n_samples: int, name: str = "y") -> npt.NDArray[np.float64]:
    """Check a numeric target.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 1)
    n_samples : int
    name : str, default="y"

    Returns
    -------
    y : ndarray of float64 of shape (n_samples,)
        The caller's own array where it fits; not to be written to.
    """
    if y is None:
        raise ValueError(f"This estimator requires {name} to be passed, but the target {name} is None.")
    array = as_numeric(y, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array.reshape(-1)
    return _check_vector(array, n_samples, name)


def check_target(y: Any, n_samples: int, least: float, most: float, what: str) -> npt.NDArray[np.float64]:
    """Check a numeric target against the range that a loss allows.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 1)
    n_samples : int
    least, most : float
    what : str
        Name of the loss, for the message.

    Returns
    -------
    y : ndarray of float64 of shape (n_samples,)
    """
    array = check_y(y, n_samples)
    outside = (array < least) | (array > most)
    if outside.any():
        i = int(np.argmax(outside))
        allowed = f"[{least:g}, {most:g}]" if np.isfinite(most) else f"[{least:g}, inf)"
        raise ValueError(f"y: {array[i]:g} in row {i} is outside {allowed}, the targets of loss={what!r}")
    return array


def check_shares(
    y: Any, n_samples: int, sample_weight: npt.NDArray[np.float64] | None = None, n_classes: int | None = None
) -> npt.NDArray[np.float64]:
    """Check shares of classes: one row for each sample, in [0, 1] and of sum one where a row has weight.

    Parameters
    ----------
    y : array-like of shape (n_samples, n_classes)
    n_samples : int
    sample_weight : ndarray of float64 of shape (n_samples,) or None, default=None
    n_classes : int or None, default=None
        None: two or more.

    Returns
    -------
    shares : ndarray of float64 of shape (n_samples, n_classes)
    """
    array = as_numeric(y, "y")
    if array.ndim != 2 or array.shape[0] != n_samples or array.shape[1] < 2:
        raise ValueError(
            f"y: shape {array.shape} is not allowed, expected ({n_samples}, n_classes), probabilities of two or more "
            "classes for every row of X"
        )
    if n_classes is not None and array.shape[1] != n_classes:
        raise ValueError(f"y: shape {array.shape} is not allowed, expected ({n_samples}, {n_classes})")
    _check_finite(array, "y")
    array = array.astype(np.float64)
    least, total = array.min(axis=1), array.sum(axis=1)
    wrong = (least < 0.0) | (np.abs(total - 1.0) > SUM_TOLERANCE)
    if sample_weight is not None:
        wrong &= sample_weight > 0.0
    if wrong.any():
        i = int(np.argmax(wrong))
        if least[i] < 0.0:
            raise ValueError(f"y: probability {least[i]:g} in row {i} is negative, expected 0 or more")
        raise ValueError(f"y: the probabilities in row {i} sum to {total[i]:g}, expected 1 (within {SUM_TOLERANCE:g})")
    return array / np.where(total > 0.0, total, 1.0)[:, None]


def check_sample_weight(
    sample_weight: Any, n_samples: int, name: str = "sample_weight"
) -> npt.NDArray[np.float64] | None:
    """Check sample weights: finite, not negative, not all 0.

    Parameters
    ----------
    sample_weight : None, float or array-like of shape (n_samples,)
    n_samples : int
    name : str, default="sample_weight"

    Returns
    -------
    sample_weight : None or ndarray of float64 of shape (n_samples,)
        None: every weight is 1.
    """
    if sample_weight is None:
        return None
    weight = _spread(sample_weight, n_samples, name)
    if weight.min() < 0:
        position = int(np.argmax(weight < 0))
        raise ValueError(f"{name}: {weight[position]} at position {position} is negative, expected 0 or more")
    if not weight.any():
        raise ValueError(f"{name}: all {n_samples} weights are zero, expected at least one above 0")
    return weight


def check_offset(offset: Any, n_samples: int, name: str = "offset") -> npt.NDArray[np.float64] | None:
    """Check an offset of the linear predictor: finite.

    Parameters
    ----------
    offset : None, float or array-like of shape (n_samples,)
    n_samples : int
    name : str, default="offset"

    Returns
    -------
    offset : None or ndarray of float64 of shape (n_samples,)
        None: every offset is 0.
    """
    if offset is None:
        return None
    return _spread(offset, n_samples, name)


def check_offsets(
    offset: Any, n_samples: int, n_outputs: int | None = None, name: str = "offset"
) -> npt.NDArray[np.float64] | None:
    """Check the offset of one linear predictor, or of several.

    Parameters
    ----------
    offset : None or array-like of shape (n_samples,) or (n_samples, n_outputs)
    n_samples : int
    n_outputs : int or None, default=None
        None: there is one, and a number for all rows will do.
    name : str, default="offset"

    Returns
    -------
    offset : None or ndarray of float64
        None: every offset is 0.
    """
    if offset is None or n_outputs is None:
        return check_offset(offset, n_samples, name)
    array = as_numeric(offset, name)
    if array.shape != (n_samples, n_outputs):
        raise ValueError(
            f"{name}: shape {array.shape} is not allowed, expected ({n_samples}, {n_outputs}), a column for each class"
        )
    _check_finite(array, name)
    return array.astype(np.float64)


def is_offset(offset: Any) -> bool:
    """Say whether an offset moves anything: zeros are as good as none.

    Parameters
    ----------
    offset : None, float or array-like
        Of numbers.

    Returns
    -------
    moves : bool
    """
    return offset is not None and bool(np.any(np.asarray(offset)))


def check_new_offsets(
    offset: Any, n_samples: int, n_outputs: int | None, *, has_offset: bool, owner: str
) -> npt.NDArray[np.float64] | None:
    """Check the offset of rows to predict: where the fit had one, predictions without it would be off by that.

    Parameters
    ----------
    offset : None, 0, float or array-like
        As in `check_offsets`; 0 says that there is none.
    n_samples : int
    n_outputs : int or None
    has_offset : bool
        Of the fit.
    owner : str
        What was fitted, for the message.

    Returns
    -------
    offset : None or ndarray of float64
        None: every offset is 0.
    """
    if offset is None and has_offset:
        raise ValueError(
            f"offset: None is not allowed, because this {owner} was fitted with an offset; expected that of the rows "
            "of X, or offset=0 to predict without"
        )
    if isinstance(offset, numbers.Real) and offset == 0:
        return None
    return check_offsets(offset, n_samples, n_outputs)


def raise_not_finite(value: Any, dtype: np.dtype[Any], where: str, name: str) -> NoReturn:
    """Raise the ValueError for a NaN or an infinity.

    Parameters
    ----------
    value : float
        What was found.
    dtype : numpy.dtype
    where : str
        Its place, in words.
    name : str
    """
    if np.isnan(value):
        raise ValueError(f"Input {name} contains NaN. ({value} {where}; expected finite numbers)")
    raise ValueError(
        f"Input {name} contains infinity or a value too large for {dtype!r}. ({value} {where}; expected finite numbers)"
    )


def _check_finite(array: npt.NDArray[Any], name: str) -> None:
    """Check that an array of any shape holds no NaN and no infinity."""
    if array.dtype.kind != "f":
        return
    finite = np.isfinite(array)
    if not finite.all():
        where = tuple(int(k) for k in np.argwhere(~finite)[0])
        raise_not_finite(array[where], array.dtype, f"at {where if len(where) > 1 else where[0]}", name)


def _spread(values: Any, n_samples: int, name: str) -> npt.NDArray[np.float64]:
    """Check one number a row, or one for all rows, which is repeated."""
    array = as_numeric(values, name)
    if array.ndim == 0:
        array = np.full(n_samples, array, dtype=np.float64)
    return _check_vector(array, n_samples, name)


def _check_vector(array: npt.NDArray[Any], n_samples: int, name: str) -> npt.NDArray[np.float64]:
    """Check shape and finiteness; return contiguous float64."""
    if array.ndim != 1:
        raise ValueError(f"{name} should be a 1d array, got an array of shape {array.shape} instead.")
    if array.size != n_samples:
        raise ValueError(f"{name}: length {array.size} does not match the {n_samples} rows of X")
    _check_finite(array, name)
    # A long double too large for float64 becomes an infinity.
    with np.errstate(over="ignore"):
        vector = np.ascontiguousarray(array, dtype=np.float64)
    if array.dtype.kind == "f" and array.dtype.itemsize > vector.itemsize:
        _check_finite(vector, name)
    return vector


def _check_index_array(ids: Any, what: str, name: str) -> None:
    """Check that ids are a flat array of integers."""
    if not isinstance(ids, np.ndarray) or ids.ndim != 1:
        raise ValueError(f"{name}: {what} are not a one-dimensional array (got {type(ids).__name__})")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"{name}: {what} have dtype {ids.dtype}, expected integers")
