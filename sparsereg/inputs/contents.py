"""Validation of what files hold, before it is used: a checksum says that it is undamaged, not that it is right."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.rows import shown

Arrays = Mapping[str, npt.NDArray[Any]]


class Malformed(ValueError):
    """Something in a file is wrong, and the message says where."""


@contextmanager
def within(where: str) -> Iterator[None]:
    """Say in the error where something is wrong, unless it does.

    Parameters
    ----------
    where : str

    Raises
    ------
    Malformed
        In place of any ValueError that is raised inside.
    """
    try:
        yield
    except Malformed:
        raise
    except ValueError as error:
        raise Malformed(f"{where}: {error}") from error


@contextmanager
def reading(path: Any, kind: str) -> Iterator[None]:
    """Name the file in the error for what is wrong in it.

    Parameters
    ----------
    path : str or path-like
    kind : str
        What the file should be.

    Raises
    ------
    ValueError
        In place of any that is raised inside.
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(f"path: {str(path)!r} cannot be read as a {kind}: {error}") from error


def whole_of(meta: Mapping[str, Any], name: str, lower: int, upper: int) -> int:
    """Return a whole number of the metadata.

    Parameters
    ----------
    meta : mapping
    name : str
    lower, upper : int
        What is allowed, both included.

    Returns
    -------
    value : int
    """
    value = _entry(meta, name)
    # JSON's true is no number.
    if type(value) is not int or not lower <= value <= upper:
        raise ValueError(f"{name}: {shown(value)} is not allowed, expected a whole number in [{lower}, {upper}]")
    return value


def number_of(meta: Mapping[str, Any], name: str, lower: float = -math.inf) -> float:
    """Return a finite number of the metadata.

    Parameters
    ----------
    meta : mapping
    name : str
    lower : float, default=-inf

    Returns
    -------
    value : float
    """
    value = _entry(meta, name)
    if type(value) not in (int, float) or not lower <= value <= sys.float_info.max:
        raise ValueError(f"{name}: {shown(value)} is not allowed, expected a finite number from {lower:g} on")
    return float(value)


def flag_of(meta: Mapping[str, Any], name: str) -> bool:
    """Return a truth value of the metadata.

    Parameters
    ----------
    meta : mapping
    name : str

    Returns
    -------
    value : bool
    """
    value = _entry(meta, name)
    if not isinstance(value, bool):
        raise ValueError(f"{name}: {shown(value)} is not allowed, expected true or false")
    return value


def check_names(arrays: Arrays, needed: set[str], allowed: set[str]) -> None:
    """Check that all arrays are there, and no others.

    Parameters
    ----------
    arrays : mapping from str to ndarray
    needed, allowed : set of str
        `allowed` may be there besides.
    """
    if missing := sorted(needed - set(arrays)):
        raise ValueError(f"the array {missing[0]!r} is missing")
    if strange := sorted(set(arrays) - needed - allowed):
        raise ValueError(f"the array {strange[0]!r} is not allowed, expected {', '.join(sorted(needed | allowed))}")


def check_entries(entries: Any, required: Iterable[str], optional: Iterable[str] = ()) -> None:
    """Check that a dictionary has the entries that it must have, and no others.

    Parameters
    ----------
    entries : object
    required, optional : iterable of str

    Raises
    ------
    ValueError
    """
    needed = {*required}
    allowed = needed | {*optional}
    if type(entries) is not dict:
        raise ValueError(f"{shown(entries)} is not allowed, expected named values")
    if missing := sorted(needed - set(entries)):
        raise ValueError(f"{missing[0]!r} is missing")
    if strange := sorted(set(entries) - allowed):
        raise ValueError(f"{shown(strange[0])} is not allowed, expected {', '.join(sorted(allowed))}")


def array_of(arrays: Arrays, name: str, dtype: Any, shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
    """Return an array of a known form.

    Parameters
    ----------
    arrays : mapping from str to ndarray
    name : str
    dtype : dtype-like
    shape : tuple of int or None
        None: any length.

    Returns
    -------
    array : ndarray
    """
    if name not in arrays:
        raise ValueError(f"the array {name!r} is missing")
    array = arrays[name]
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name}: {shown(array)} is not allowed, expected an array of {np.dtype(dtype)}")
    fits = len(array.shape) == len(shape) and all(b in (None, a) for a, b in zip(array.shape, shape, strict=True))
    if array.dtype != np.dtype(dtype) or not fits:
        raise ValueError(
            f"{name}: {array.dtype} of shape {array.shape} is not allowed, expected {np.dtype(dtype)} of shape {shape}"
        )
    return array


def check_finite(array: npt.NDArray[Any], name: str, lower: float = -math.inf) -> None:
    """Check numbers: finite, and no less than some bound.

    Parameters
    ----------
    array : ndarray of float
    name : str
    lower : float, default=-inf
    """
    right = np.isfinite(array) & (array >= lower)
    if not right.all():
        where = int(np.argmin(right.ravel()))
        raise ValueError(
            f"{name}: {array.ravel()[where]} at position {where} is not allowed, expected finite numbers"
            + (f" from {lower:g} on" if lower > -math.inf else "")
        )


def check_ids(ids: npt.NDArray[np.int64], n_features: int, name: str) -> None:
    """Check ids of columns: in range and distinct.

    Parameters
    ----------
    ids : ndarray of int64 of shape (n_ids,)
    n_features : int
    name : str
    """
    outside = (ids < 0) | (ids >= n_features)
    if outside.any():
        where = int(np.argmax(outside))
        raise ValueError(f"{name}: id {ids[where]} at position {where} is outside [0, {n_features})")
    ordered = np.sort(ids)
    repeated = ordered[1:] == ordered[:-1]
    if repeated.any():
        raise ValueError(f"{name}: id {ordered[int(np.argmax(repeated))]} is there twice, expected each once")


def _entry(meta: Mapping[str, Any], name: str) -> Any:
    if name not in meta:
        raise ValueError(f"{name!r} is missing in what it says of itself")
    return meta[name]
