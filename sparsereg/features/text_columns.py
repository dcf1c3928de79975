"""Columns of arrays, pandas and Arrow, as columns of the texts that are their categories."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsereg._core.texts import fixed_texts, integer_texts
from sparsereg.features.categories import Column, difference_texts, moment_texts, text_column

_LETTERS = 20  # of the longest 64-bit integer; the kernel writes by eights


def as_column(values: Any, name: str) -> Column:
    """Return the texts of a column.

    Parameters
    ----------
    values : 1-D array, pandas Series, Arrow array or Arrow chunked array
    name : str
        For messages.

    Returns
    -------
    Column
        Strings in Arrow are not copied.

    Raises
    ------
    ValueError
        For values that cannot be categories, with the first such row where it is known.
    """
    if isinstance(values, np.ndarray):
        return _from_array(values, name)
    return _from_arrow(values, name) if is_arrow(values) else _from_series(values, name)


def is_arrow(values: Any) -> bool:
    """Return whether something is of pyarrow, without importing that."""
    return type(values).__module__.partition(".")[0] == "pyarrow"


def _from_array(values: NDArray[Any], name: str) -> Column:
    kind = values.dtype.kind
    if kind in "iu":
        return _from_integers(values, np.zeros(len(values), dtype=np.uint8))
    if kind == "b":
        return text_column([False, True], name, values)
    if kind == "f":
        return _from_floats(values, name)
    if kind in "mM":
        return _from_times(values, name)
    if kind == "U" and values.dtype.itemsize:
        return _from_letters(values, name)
    if kind in "OUST":
        return text_column(values.tolist(), name)
    raise ValueError(f"column {name!r} must hold numbers, strings, times or objects, got dtype {values.dtype}")


def _from_integers(values: NDArray[Any], missing: NDArray[Any]) -> Column:
    wide = np.ascontiguousarray(values, dtype=np.uint64 if values.dtype.kind == "u" else np.int64)
    data, offsets = np.empty(_LETTERS * wide.size + 8, dtype=np.uint8), np.empty(wide.size + 1, dtype=np.int64)
    integer_texts(wide, data, offsets)
    return Column(data, offsets, missing.astype(np.uint8, copy=False))


def _from_floats(values: NDArray[Any], name: str) -> Column:
    missing = np.isnan(values)
    wide = np.where(missing, 0, values.astype(np.promote_types(values.dtype, np.float64), copy=False))
    if ((np.floor(wide) == wide) & (np.abs(wide) < 2.0**63)).all():
        return _from_integers(wide.astype(np.int64), missing)
    distinct, codes = np.unique(values, return_inverse=True)
    return text_column(list(distinct), name, codes)


def _from_letters(values: NDArray[np.str_], name: str) -> Column:
    native = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
    letters = native.view(np.uint32).reshape(values.size, values.dtype.itemsize // 4)
    data, offsets = np.empty(4 * letters.size, dtype=np.uint8), np.empty(values.size + 1, dtype=np.int64)
    if fixed_texts(letters, data, offsets) < values.size:
        return text_column(values.tolist(), name)  # which says what is wrong
    return Column(data, offsets, np.zeros(values.size, dtype=np.uint8))


def _from_times(values: NDArray[Any], name: str, zone: bool = False) -> Column:
    distinct, codes = np.unique(values, return_inverse=True)
    try:
        texts = moment_texts(distinct, zone) if values.dtype.kind == "M" else difference_texts(distinct)
    except ValueError as error:
        raise ValueError(f"column {name!r}: {error}") from None
    return text_column(texts, name, codes)


def _coded(texts: Column, codes: NDArray[Any]) -> Column:
    """Return the column whose row i has text ``codes[i]``, -1 for a missing one."""
    known = codes.astype(np.int64, copy=False)
    if texts.codes is not None:
        known = np.append(texts.codes, -1)[known]
    return Column(texts.data, texts.offsets, texts.missing, known)


def _from_series(series: Any, name: str) -> Column:
    dtype, array = series.dtype, series.array
    kind = type(dtype).__name__
    if isinstance(dtype, np.dtype):
        return _from_array(series.to_numpy(), name)
    if kind == "CategoricalDtype":
        if len(dtype.categories) > len(series):
            return _from_series(series.cat.remove_unused_categories(), name)
        return _coded(as_column(dtype.categories.to_series(), name), array.codes)
    if kind == "DatetimeTZDtype":
        return _from_times(series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(), name, zone=True)
    if kind == "ArrowDtype" or (kind == "StringDtype" and dtype.storage == "pyarrow"):
        return _from_arrow(array.__arrow_array__(), name)
    if hasattr(dtype, "numpy_dtype"):  # values and a mask
        values = series.to_numpy(dtype=dtype.numpy_dtype, na_value=np.nan if dtype.numpy_dtype.kind == "f" else 0)
        if values.dtype.kind in "iu":
            return _from_integers(values, series.isna().to_numpy())
        if values.dtype.kind == "b":
            return text_column([False, True], name, np.where(series.isna(), -1, values))
        return _from_array(values, name)
    if kind in ("SparseDtype", "StringDtype"):
        return _from_array(np.asarray(series), name)
    codes, distinct = series.factorize()
    return text_column(list(distinct), name, codes)


def _from_arrow(values: Any, name: str) -> Column:
    import pyarrow

    types, kind = pyarrow.types, values.type
    # pyarrow knows views since version 16.
    if types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view":
        return _from_strings(_joined(values.cast(pyarrow.large_string())))
    values = _joined(values)
    if isinstance(values, pyarrow.ExtensionArray):
        return _from_arrow(values.storage, name)
    if types.is_dictionary(kind):
        if len(values.dictionary) > len(values):
            return _from_arrow(values.dictionary_decode(), name)
        return _coded(_from_arrow(values.dictionary, name), _codes(values))
    if types.is_boolean(kind):
        return text_column([False, True], name, _filled(values.cast("int8"), -1))
    if types.is_integer(kind):
        return _from_integers(_filled(values, 0), values.is_null().to_numpy(zero_copy_only=False))
    if types.is_floating(kind):
        return _from_floats(values.to_numpy(zero_copy_only=False), name)
    if types.is_timestamp(kind) or types.is_date(kind) or types.is_duration(kind):
        return _from_times(values.to_numpy(zero_copy_only=False), name, bool(getattr(kind, "tz", None)))
    if types.is_nested(kind):
        raise ValueError(f"column {name!r} must hold numbers, strings or times, got type {kind}")
    if not types.is_null(kind):
        values = values.dictionary_encode()
        return text_column(values.dictionary.to_pylist(), name, _codes(values))
    return text_column([None] * len(values), name)


def _joined(values: Any) -> Any:
    """Return a chunked array as one array."""
    return values.combine_chunks() if hasattr(values, "chunks") else values


def _filled(values: Any, missing: int) -> NDArray[Any]:
    """Return an Arrow array of integers with a number in the place of nulls."""
    return np.asarray(values.fill_null(missing).to_numpy(zero_copy_only=False))


def _codes(values: Any) -> NDArray[Any]:
    """Return the positions that an Arrow dictionary array has in its dictionary, -1 for nulls."""
    return _filled(values.indices.cast("int64"), -1)


def _from_strings(values: Any) -> Column:
    _, offsets, data = values.buffers()
    missing = values.is_null().to_numpy(zero_copy_only=False).astype(np.uint8)
    if len(values) == 0 or data is None:
        return Column(np.empty(0, np.uint8), np.zeros(len(values) + 1, np.int64), missing)
    ends = np.frombuffer(offsets, dtype=np.int64)[values.offset : values.offset + len(values) + 1]
    return Column(np.frombuffer(data, dtype=np.uint8), ends, missing)
