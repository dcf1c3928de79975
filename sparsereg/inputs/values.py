"""Single values that users hand in: real numbers, and names among those that are allowed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


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
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:40]}..."


def check_choice(value: Any, name: str, allowed: Any) -> str:
    """Check a name against those allowed.

    Parameters
    ----------
    value : str
    name : str
        Of the argument.
    allowed : collection of str

    Returns
    -------
    value : str
    """
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name}: {value!r} is not allowed, expected one of {sorted(allowed)}")
    return value


def build(cls: Any, **values: Any) -> Any:
    """Build a loss, a penalty or an optimizer from those of the values that it has parameters for.

    Parameters
    ----------
    cls : registered class
    **values : float

    Returns
    -------
    built : instance of cls
    """
    return cls(*(values[name] for name in cls.parameters))
