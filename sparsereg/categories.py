"""Columns of categories: taken from a table, learned, coded as integers, or hashed to 64 bits.

A missing value (None, NaN, pandas.NA) is never a category. Equal numbers are one category whatever their type: 3, 3.0
and True are as Python's ``==`` has them.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Column = NDArray[Any]

_NUMBERS = "biuf"
_OBJECTS = "OUST"  # objects, fixed-width str and bytes, numpy's variable-width strings
_WORD = 2**64


def table_columns(X: Any) -> list[Column]:
    """Return the columns of a data frame or 2-D array as 1-D arrays.

    Parameters
    ----------
    X : data frame, ndarray or list of rows, (n_samples, n_columns)

    Returns
    -------
    list of (n_samples,) arrays
        Views where possible.

    Raises
    ------
    ValueError
        When `X` is not 2-D or a column is neither of numbers, strings nor objects.
    TypeError
        For a sparse matrix.
    """
    if sparse.issparse(X):
        raise TypeError("X must be a data frame or a dense array of categories, got a sparse matrix")
    if hasattr(X, "iloc"):  # by position, because pandas allows one name for two columns
        columns = [np.asarray(X.iloc[:, j]) for j in range(X.shape[1])]
    elif hasattr(X, "columns"):
        columns = [np.asarray(X[name]) for name in X.columns]
    else:
        # Rows of mixed types would otherwise all be turned into strings.
        given = X if isinstance(X, np.ndarray) else np.asarray(X, dtype=object)
        if given.ndim != 2:
            raise ValueError(f"X must be a table of rows and columns, got an array of shape {given.shape}")
        columns = [given[:, j] for j in range(given.shape[1])]
    for j, column in enumerate(columns):
        if column.dtype.kind not in _NUMBERS + _OBJECTS:
            raise ValueError(f"column {j} must hold numbers, strings or objects, got dtype {column.dtype}")
    return columns


def learn_categories(column: Column, name: str) -> Column:
    """Return the distinct values of `column`, sorted, without missing ones.

    Parameters
    ----------
    column : (n_samples,) array
    name : str
        For messages.

    Returns
    -------
    (n_categories,) array
        Own memory; dtype of the column, or object.

    Raises
    ------
    ValueError
        When there is none, or values cannot be hashed or compared with each other.
    """
    if column.dtype.kind in _NUMBERS:
        categories = np.unique(column)
        if column.dtype.kind == "f":
            categories = categories[~np.isnan(categories)]
    else:
        present = [value for value in _distinct(column.tolist(), name) if not is_missing(value)]
        categories = np.empty(len(present), dtype=object)
        try:
            categories[:] = sorted(present)
        except TypeError:
            types = sorted({type(value).__name__ for value in present})
            raise ValueError(f"column {name!r} mixes values that have no common order: {', '.join(types)}") from None
    if categories.size == 0:
        raise ValueError(f"column {name!r} has no value that is not missing")
    return categories


def encode(column: Column, categories: Column, name: str) -> NDArray[np.int64]:
    """Return the position of each value in `categories`, -1 for missing values and those not learned.

    Parameters
    ----------
    column : (n_samples,) array
    categories : (n_categories,) array
        From `learn_categories`.
    name : str
        For messages.

    Returns
    -------
    (n_samples,) int64 array

    Raises
    ------
    ValueError
        When a value cannot be hashed.
    """
    if column.dtype.kind == categories.dtype.kind and column.dtype.kind in _NUMBERS:
        codes = np.searchsorted(categories, column).astype(np.int64, copy=False)
        codes[codes == len(categories)] = 0
        codes[categories[codes] != column] = -1
        return codes
    code_of = {value: code for code, value in enumerate(categories.tolist())}
    try:
        return np.fromiter((code_of.get(value, -1) for value in column.tolist()), np.int64, len(column))
    except TypeError as error:
        raise ValueError(f"column {name!r} holds a value that cannot be a category: {error}") from None


def hash_column(column: Column, name: str) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return a 64-bit key for each value, the same in every process and on every machine, and which are missing.

    A whole number is its own key modulo 2**64. Other values are the first 8 bytes, little-endian, of BLAKE2b: of UTF-8
    for strings, of the 8 bytes (little-endian) for other floats, of the value itself for bytes.

    Parameters
    ----------
    column : (n_samples,) array
    name : str
        For messages.

    Returns
    -------
    keys : (n_samples,) uint64 array
    missing : (n_samples,) bool array

    Raises
    ------
    ValueError
        For values that are not numbers, strings or bytes.
    """
    if column.dtype.kind in "biu":
        return column.astype(np.uint64), np.zeros(len(column), dtype=bool)
    values = column.tolist()  # once: a second list would hold other NaN objects, which equal nothing
    position = {value: at for at, value in enumerate(_distinct(values, name))}
    missing = np.array([is_missing(value) for value in position], dtype=bool)
    keys = np.array([0 if gone else _key(value, name) for value, gone in zip(position, missing)], dtype=np.uint64)
    where = np.fromiter((position[value] for value in values), np.intp, len(values))
    return keys[where], missing[where]


def text_key(text: str) -> int:
    """Return the 64-bit key of a string: the first 8 bytes, little-endian, of the BLAKE2b of its UTF-8."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def _distinct(values: list[Any], name: str) -> list[Any]:
    try:
        return list(dict.fromkeys(values))
    except TypeError as error:
        raise ValueError(f"column {name!r} holds a value that cannot be a category: {error}") from None


def is_missing(value: Any) -> bool:
    """Return whether a value is None, not a number, or pandas.NA."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except TypeError:  # pandas.NA has no truth value
        return True


def _key(value: Any, name: str) -> int:
    if isinstance(value, str):
        return text_key(value)
    if isinstance(value, bytes):
        return int.from_bytes(blake2b(value, digest_size=8).digest(), "little")
    if isinstance(value, (int, np.integer, np.bool_)):
        return int(value) % _WORD
    if isinstance(value, (float, np.floating)):
        real = float(value)
        if real.is_integer():
            return int(real) % _WORD
        return int.from_bytes(blake2b(struct.pack("<d", real), digest_size=8).digest(), "little")
    raise ValueError(
        f"column {name!r}: only numbers, strings and bytes can be hashed, got {value!r} ({type(value).__name__})"
    )
