"""Categories are texts. Columns of texts are learned, coded as integers, or hashed to 64 bits.

The text of a value does not depend on what it came in (list, array, frame, file) nor on its type:

=========================  =============================================================================================
value                      text
=========================  =============================================================================================
integer                    decimal: ``7``, ``-3``, ``18446744073709551615``
float                      a whole number as that integer, to the last digit: 7.0 is ``7``, -0.0 is ``0``, 1e20 is
                           ``100000000000000000000``; else the shortest digits that read back as the same float of its
                           width, as Python prints them: ``0.1`` (also of a float32), ``1e-05``, ``inf``, ``-inf``
Decimal                    without zeros at its end: ``7`` for 7.00, ``7.5`` for 7.50; a float with the same digits
                           has the same text
bool                       ``true``, ``false``
string                     itself, to the letter: ``007`` and ``7`` are two. Only what Python prints for whole floats
                           and truth values is read as these: ``7.0`` is ``7`` (decimal digits without needless zeros
                           in front, perhaps a minus, then exactly ``.0``), ``True`` is ``true``, ``False`` is ``false``
bytes                      the string that they are in UTF-8
date                       ISO 8601: ``2024-05-06``
datetime                   at midnight the text of its date; else ISO 8601 with seconds, and a fraction only where there
                           is one, without zeros at its end: ``2024-05-06T07:08:09.5``. With a time zone: the same in
                           UTC, always with the time, then Z: ``2024-05-06T00:00:00Z``
time of day                ``07:08:09``, ``07:08:09.5``
difference of times        ISO 8601 in seconds: ``PT5400S``, ``-PT0.5S``
pandas Period, Interval    as pandas prints it: ``2024-05``, ``(0.0, 1.5]``
=========================  =============================================================================================

None, NaN, NaT, pandas.NA, nulls and masked entries are missing: never a category. So is an empty field of a CSV file;
an empty string elsewhere is a category. All other values are refused.

What follows from the table: fields of CSV files, which are text, agree with the numbers that they were written from,
but 7.50 or 1e+20 in a file is a category other than 7.5 or 1e20; so are ``TRUE``, and times that are not
written like above.

**Key.** ``key(text)`` has 64 bits. It starts as the number of bytes of the text in UTF-8. Then, for each 8 bytes, read
as a little-endian integer w, the last ones filled up with zero bytes: ``key = mix(key ^ w)``. In this mix(z), all
modulo 2**64, is the output function of SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number
generators, 2014)::

    z = z + 0x9E3779B97F4A7C15
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    mix = z ^ (z >> 31)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsereg._core.texts import distinct_texts, find_texts, hash_texts, object_texts

_WHOLE = r"-?(?:0|[1-9][0-9]*)"
_WHOLE_FLOAT = re.compile(rf"({_WHOLE})\.0")
_NUMBER = re.compile(rf"{_WHOLE}(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")
_LITERALS = {"True": "true", "False": "false", "-0.0": "0"}
_MAX_DIGITS = 4000  # Python itself prints no integer of more than 4300

# Digits after the point of a second, by numpy's unit.
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9, "ps": 12, "fs": 15, "as": 18}


@dataclass(frozen=True, eq=False)
class Column:
    """A column of texts, as kernels take them: UTF-8 end to end, and where each begins and ends.

    With `codes`, these are the distinct texts (perhaps more than occur), and row i has text ``codes[i]``, -1 for a
    missing one.
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    missing: NDArray[np.uint8]
    codes: NDArray[np.int64] | None = None

    @property
    def is_missing(self) -> NDArray[np.uint8]:
        """1 for each row that is missing, else 0."""
        return self.missing if self.codes is None else np.append(self.missing, np.uint8(1))[self.codes]

    def text(self, row: int) -> str | None:
        """Return the text of a row, None for a missing one."""
        k = row if self.codes is None else int(self.codes[row])
        if k < 0 or self.missing[k]:
            return None
        return category_text(self.data[self.offsets[k] : self.offsets[k + 1]].tobytes())


def category_text(value: Any) -> str | None:
    """Return the text of a value, as the head of this module tells.

    Parameters
    ----------
    value : object

    Returns
    -------
    str or None
        None for a missing value.

    Raises
    ------
    ValueError
        For a value that cannot be a category.
    """
    if isinstance(value, (str, bytes)):
        text = value.decode() if isinstance(value, bytes) else str(value)
        whole = _WHOLE_FLOAT.fullmatch(text)
        return _LITERALS.get(text, text if whole is None else whole[1])
    if isinstance(value, Decimal):
        return _decimal_text(value)
    if is_missing(value):
        return None
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (datetime, date, time, timedelta, np.datetime64, np.timedelta64)):
        return _time_text(value)  # numpy counts timedelta64 among the integers
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        if value.is_integer():
            return str(int(value))
        return repr(float(value)) if isinstance(value, float) else str(value)
    if type(value).__name__ in ("Period", "Interval") and type(value).__module__.partition(".")[0] == "pandas":
        return str(value)
    raise ValueError(f"{value!r} is of type {type(value).__name__}, expected a number, a string or a time")


def is_missing(value: Any) -> bool:
    """Return whether a value is None, not a number, not a time, or pandas.NA."""
    if value is None or type(value).__name__ == "NAType":
        return True
    return isinstance(value, (float, np.floating, datetime, np.datetime64, np.timedelta64)) and bool(value != value)


def text_column(values: list[Any], name: str, codes: NDArray[Any] | None = None) -> Column:
    """Return a column of objects.

    Parameters
    ----------
    values : list
    name : str
        Of the column, for messages.
    codes : (n_samples,) array of int, optional
        Row i has ``values[codes[i]]``, or a missing value where the code is -1. None: one value a row.

    Returns
    -------
    Column

    Raises
    ------
    ValueError
        For a value that cannot be a category, with the first row that has it.
    """
    offsets, missing = np.empty(len(values) + 1, dtype=np.int64), np.empty(len(values), dtype=np.uint8)
    data, end = object_texts(values, category_text, offsets, missing)
    if end < len(values):
        row = end if codes is None else int(np.argmax(codes == end))
        raise ValueError(f"row {row}: column {name!r} holds a value that cannot be a category: {_fault(values[end])}")
    known = None if codes is None else codes.astype(np.int64, copy=False)
    return Column(np.frombuffer(data, dtype=np.uint8), offsets, missing, known)


def learn_categories(column: Column, name: str) -> NDArray[np.object_]:
    """Return the distinct texts of a column, without missing ones.

    Parameters
    ----------
    column : Column
    name : str
        For messages.

    Returns
    -------
    (n_categories,) object array of str
        Numbers first, in their order; then the others in the order of their letters.

    Raises
    ------
    ValueError
        When there is none.
    """
    found = more_categories(column, np.empty(0, dtype=object))
    if found.size == 0:
        raise ValueError(f"column {name!r} has no value that is not missing")
    return found


def more_categories(column: Column, known: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the categories that are known together with the distinct texts of a column.

    Parameters
    ----------
    column : Column
    known : (n_known,) object array of str
        As this function returns them.

    Returns
    -------
    (n_categories,) object array of str
        In the order of `learn_categories`; `known` itself where the column has nothing new.
    """
    left_out = column.missing
    if column.codes is not None:
        occurs = np.zeros(len(column.missing) + 1, dtype=bool)
        occurs[column.codes] = True  # a missing one marks the last
        left_out = left_out | ~occurs[:-1]
    firsts = np.empty(len(column.missing), dtype=np.int64)
    n_distinct = distinct_texts(column.data, column.offsets, left_out, _keys(column), firsts)
    plain = Column(column.data, column.offsets, column.missing)
    texts = {*known, *(plain.text(row) for row in firsts[:n_distinct].tolist())}
    if len(texts) == len(known):
        return known
    categories = np.empty(len(texts), dtype=object)
    categories[:] = sorted(texts, key=category_order)
    return categories


def category_order(text: str) -> tuple[bool, float, str]:
    """Return what categories are sorted by: numbers come first, then the order of letters.

    Parameters
    ----------
    text : str

    Returns
    -------
    order : tuple
        Ends in the text, so that no two are equal.
    """
    if len(text) > _MAX_DIGITS or not _NUMBER.fullmatch(text):
        return True, 0, text
    # A float would confuse large integers.
    return False, float(text) if "." in text or "e" in text else int(text), text


def encode(column: Column, categories: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return the position of each value in `categories`, -1 for missing values and those not learned.

    Parameters
    ----------
    column : Column
    categories : (n_categories,) object array of str
        From `learn_categories`.

    Returns
    -------
    (n_samples,) int64 array
    """
    known = text_column(categories.tolist(), "categories")
    codes = np.empty(len(column.missing), dtype=np.int64)
    find_texts(
        column.data, column.offsets, column.missing, _keys(column), known.data, known.offsets, _keys(known), codes
    )
    return codes if column.codes is None else np.append(codes, -1)[column.codes]


def hash_column(column: Column) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Return the key of each value, the same in every process and on every machine, and which are missing.

    Parameters
    ----------
    column : Column

    Returns
    -------
    keys : (n_samples,) uint64 array
        Of missing values: anything.
    missing : (n_samples,) uint8 array
    """
    keys = _keys(column)
    return keys if column.codes is None else np.append(keys, np.uint64(0))[column.codes], column.is_missing


def text_key(text: str) -> int:
    """Return the key of a text."""
    return int(_keys(text_column([text], text))[0])


def _fault(value: Any) -> str:
    """Return why a value has no text in UTF-8."""
    try:
        text = category_text(value)
    except UnicodeError as error:
        return f"{value!r} is not UTF-8: {error.reason}"
    except ValueError as error:
        return str(error)
    return f"{text!r} is not Unicode: it has a lone surrogate"


def _keys(column: Column) -> NDArray[np.uint64]:
    """Return the keys of the texts, in their own order."""
    keys = np.empty(len(column.missing), dtype=np.uint64)
    hash_texts(column.data, column.offsets, keys)
    return keys


def _decimal_text(value: Decimal) -> str | None:
    if value.is_nan():
        return None
    if value.is_infinite():
        return "inf" if value > 0 else "-inf"
    if abs(value.adjusted()) > _MAX_DIGITS:
        raise ValueError(f"{value!r} has too many digits, expected at most {_MAX_DIGITS}")
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").removesuffix(".")
    if "." in text:
        short = repr(float(value))
        return short if Decimal(short) == value else text
    return "0" if value == 0 else text


def _time_text(value: Any) -> str | None:
    if isinstance(value, time):
        return _without_zeros(value.isoformat()) if value.tzinfo is None else value.isoformat()
    if isinstance(value, (timedelta, np.timedelta64)):
        exact = value.to_timedelta64() if hasattr(value, "to_timedelta64") else np.timedelta64(value)
        return difference_texts(np.array([exact]))[0]
    if not isinstance(value, datetime):
        return moment_texts(np.array([np.datetime64(value)]))[0]
    zone = value.utcoffset() is not None
    if hasattr(value, "to_datetime64"):  # pandas, down to nanoseconds; in UTC
        return moment_texts(np.array([value.to_datetime64()]), zone)[0]
    plain = value.astimezone(timezone.utc).replace(tzinfo=None) if zone else value
    return moment_texts(np.array([np.datetime64(plain)]), zone)[0]


def moment_texts(moments: NDArray[np.datetime64], zone: bool = False) -> list[str | None]:
    """Return the texts of dates and datetimes, which are in UTC where they have a time zone.

    Parameters
    ----------
    moments : (n,) datetime64 array
        NaT for missing ones.
    zone : bool

    Returns
    -------
    list of str or None

    Raises
    ------
    ValueError
        For dates out of the range of seconds in 64 bits.
    """
    if np.datetime_data(moments.dtype)[0] not in _DIGITS:
        exact, moments = moments, moments.astype("M8[s]")
        if not np.array_equal(moments.astype(exact.dtype), exact, equal_nan=True):
            raise ValueError(f"dates of type {exact.dtype} are beyond the range of seconds")
    texts = [None if text == "NaT" else _without_zeros(text) for text in np.datetime_as_string(moments).tolist()]
    if zone:
        return [None if text is None else text + "Z" for text in texts]
    return [None if text is None else text.removesuffix("T00:00:00") for text in texts]


def difference_texts(differences: NDArray[np.timedelta64]) -> list[str | None]:
    """Return the texts of differences of times.

    Parameters
    ----------
    differences : (n,) timedelta64 array
        NaT for missing ones.

    Returns
    -------
    list of str or None

    Raises
    ------
    ValueError
        For units that have no fixed length: years, months, none.
    """
    unit, _ = np.datetime_data(differences.dtype)
    if unit in ("Y", "M", "generic"):
        raise ValueError(f"differences of times in {differences.dtype} have no length in seconds")
    unit = unit if unit in _DIGITS else "s"
    exact = differences.astype(f"m8[{unit}]")
    texts: list[str | None] = []
    for count, gone in zip(exact.astype(np.int64).tolist(), np.isnat(exact).tolist()):
        seconds, rest = divmod(abs(count), 10 ** _DIGITS[unit])
        fraction = f".{rest:0{_DIGITS[unit]}d}".rstrip("0") if rest else ""
        texts.append(None if gone else f"{'-' if count < 0 else ''}PT{seconds}{fraction}S")
    return texts


def _without_zeros(text: str) -> str:
    """Drop zeros at the end of a fraction of seconds."""
    return text.rstrip("0").removesuffix(".") if "." in text else text
