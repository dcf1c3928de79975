"""Argument types: from the text of an option to its value, or a complaint that argparse shows."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

from sparsereg.features.buckets import make_level
from sparsereg.inputs.sizes import check_bytes


def delimiter(text: str) -> str:
    """Read what stands between fields; a tab may be spelled out.

    Parameters
    ----------
    text : str

    Returns
    -------
    delimiter : str
    """
    return "\t" if text == "\\t" else text


def width(text: str) -> float:
    """Read the width of a level in arc-minutes.

    Parameters
    ----------
    text : str

    Returns
    -------
    width : float

    Raises
    ------
    argparse.ArgumentTypeError
        As all readers of this module, saying what is allowed.
    """
    try:
        make_level(float(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return float(text)


def share(text: str) -> float:
    """Read a number between 0 and 1, both excluded.

    Parameters
    ----------
    text : str

    Returns
    -------
    share : float
    """
    return _read(float, text, lambda value: 0.0 < value < 1.0, "a number between 0 and 1, both excluded")


def count(lowest: int) -> Callable[[str], int]:
    """Make a reader of whole numbers from `lowest` up.

    Parameters
    ----------
    lowest : int

    Returns
    -------
    read : callable
    """
    return lambda text: _read(int, text, lambda value: value >= lowest, f"a whole number of at least {lowest}")


def ratio(text: str) -> float:
    """Read a number from 0 to 1.

    Parameters
    ----------
    text : str

    Returns
    -------
    ratio : float
    """
    return _read(float, text, lambda value: 0.0 <= value <= 1.0, "a number from 0 to 1")


def nonnegative(text: str) -> float:
    """Read a finite number of at least 0.

    Parameters
    ----------
    text : str

    Returns
    -------
    value : float
    """
    return _read(float, text, lambda value: 0.0 <= value < math.inf, "a finite number of at least 0")


def positive(text: str) -> float:
    """Read a finite number above 0.

    Parameters
    ----------
    text : str

    Returns
    -------
    value : float
    """
    return _read(float, text, lambda value: 0.0 < value < math.inf, "a finite number above 0")


def size(text: str) -> int:
    """Read a size of memory, in bytes or with a unit.

    Parameters
    ----------
    text : str

    Returns
    -------
    n_bytes : int
    """
    try:
        return check_bytes(int(text) if text.strip().isdecimal() else text, "size")
    except ValueError:
        message = f"must be a number of bytes above 0, or a number and its unit, like 500MB or 2GiB, got {text!r}"
        raise argparse.ArgumentTypeError(message) from None


def _read(kind: Callable[[str], Any], text: str, is_allowed: Callable[[Any], bool], expected: str) -> Any:
    try:
        value = kind(text)
        if is_allowed(value):
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"must be {expected}, got {text!r}")
