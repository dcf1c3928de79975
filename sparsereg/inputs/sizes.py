"""Sizes of memory: as users give them, and as messages show them."""

from __future__ import annotations

import numbers
import re
from typing import Any

import numpy as np

UNITS = {
    "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40,
}  # fmt: skip
# Digits, a point among them if any, and a unit.
_SIZE = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*([a-z]+)\s*", re.IGNORECASE)
_EXPECTED = "expected None, a whole number of bytes above 0, or a number and its unit, like '500 MB' or '2GiB'"


def check_bytes(size: Any, name: str) -> int:
    """Read a size of memory.

    Parameters
    ----------
    size : int or str
        Bytes; or a number and a unit, B, kB, MB, GB or TB, or KiB, MiB, GiB or TiB, in letters of any size.
    name : str
        Of the argument, for messages.

    Returns
    -------
    n_bytes : int
        At least 1.

    Raises
    ------
    ValueError, TypeError
        For what is no such size.
    """
    if isinstance(size, (bool, np.bool_)) or not isinstance(size, (numbers.Integral, str)):
        raise TypeError(f"{name}: {size!r} is not allowed, {_EXPECTED}")
    if not isinstance(size, str):
        n_bytes = int(size)
    else:
        found = _SIZE.fullmatch(size)
        unit = None if found is None else UNITS.get(found[2].upper())
        if found is None or unit is None:
            raise ValueError(f"{name}: {size!r} is not allowed, {_EXPECTED}")
        n_bytes = int(float(found[1]) * unit)
    if n_bytes < 1:
        raise ValueError(f"{name}: {size!r} is not allowed, {_EXPECTED}")
    return n_bytes


def shown_bytes(n_bytes: float) -> str:
    """Show a size to two or three digits, in the largest decimal unit that leaves at least one before the point.

    Parameters
    ----------
    n_bytes : float

    Returns
    -------
    text : str
    """
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 999.5:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1e3
    return f"{n_bytes:,.3g} TB"
