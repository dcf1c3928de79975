"""Sample weights and offsets, checked."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.parameters import check_number
from sparsereg.inputs.rows import as_numeric, check_finite, check_vector

Vector = npt.NDArray[np.float64]


def check_sample_weight(sample_weight: Any, n_samples: int, *, all_zero: bool = False) -> Vector | None:
    """Check sample weights: finite, not negative, not all 0.

    Parameters
    ----------
    sample_weight : None, float or array-like of shape (n_samples,)
    n_samples : int
    all_zero : bool, default=False
        They may all be 0: these rows are some of many.

    Returns
    -------
    sample_weight : None or ndarray of float64 of shape (n_samples,)
        None: every weight is 1.
    """
    if sample_weight is None:
        return None
    weight = _spread(sample_weight, n_samples, "sample_weight")
    if (weight < 0).any():
        position = int(np.argmax(weight < 0))
        raise ValueError(f"sample_weight: {weight[position]} at position {position} is negative, expected 0 or more")
    if not (all_zero or weight.any()):
        raise ValueError(f"sample_weight: all {n_samples} weights are zero, expected at least one above 0")
    return weight


def check_offset(offset: Any, n_samples: int) -> Vector | None:
    """Check an offset of the linear predictor: finite.

    Parameters
    ----------
    offset : None, float or array-like of shape (n_samples,)
    n_samples : int

    Returns
    -------
    offset : None or ndarray of float64 of shape (n_samples,)
        None: every offset is 0.
    """
    return None if offset is None else _spread(offset, n_samples, "offset")


def check_offsets(offset: Any, n_samples: int, n_outputs: int | None = None) -> Vector | None:
    """Check the offset of one linear predictor, or of several.

    Parameters
    ----------
    offset : None or array-like of shape (n_samples,) or (n_samples, n_outputs)
    n_samples : int
    n_outputs : int or None, default=None
        None: there is one, and a number for all rows will do.

    Returns
    -------
    offset : None or ndarray of float64
        None: every offset is 0.
    """
    if offset is None or n_outputs is None:
        return check_offset(offset, n_samples)
    array = as_numeric(offset, "offset")
    if array.shape != (n_samples, n_outputs):
        raise ValueError(
            f"offset: shape {array.shape} is not allowed, expected ({n_samples}, {n_outputs}), a column for each class"
        )
    check_finite(array, "offset")
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
) -> Vector | None:
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


def check_stream_offset(offset: Any, *, has_offset: bool, owner: str) -> float | None:
    """Check the offset of rows that come in blocks, which carry none: one number for all of them.

    Parameters
    ----------
    offset : None or float
    has_offset : bool
        Of the fit.
    owner : str
        What was fitted, for the message.

    Returns
    -------
    offset : None or float
    """
    if offset is not None:
        return check_number(offset, "offset", "(-inf, inf)")
    if has_offset:
        raise ValueError(
            f"offset: None is not allowed, because this {owner} was fitted with an offset and blocks of a stream carry "
            "none; expected a number for all rows, such as 0, or a call with the offset of its rows for each block"
        )
    return None


def _spread(values: Any, n_samples: int, name: str) -> Vector:
    """Check one number a row, or one for all rows, which is repeated."""
    array = as_numeric(values, name)
    if array.ndim == 0:
        array = np.full(n_samples, array, dtype=np.float64)
    return check_vector(array, n_samples, name)
