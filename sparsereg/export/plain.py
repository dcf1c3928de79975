"""Strict JSON that every language reads alike: no NaN, and integers that a double cannot hold as text."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

EXACT = 2**53  # up to here every integer is a double


def plain(value: Any) -> Any:
    """Return what JSON can hold of a label or an integer.

    Parameters
    ----------
    value : str, bool, int, float or their NumPy types

    Returns
    -------
    str, bool, int or float
        An integer beyond 2**53 as text, as readers that know doubles alone would round it.

    Raises
    ------
    TypeError
        For anything else.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) <= EXACT else str(value)
    if not isinstance(value, (str, bool, float)):
        raise TypeError(
            f"classes: {value!r} of type {type(value).__name__} cannot be exported, expected labels that are strings, "
            "numbers or truth values"
        )
    return value


def as_json(value: Any) -> str:
    """Return strict JSON without needless blanks; floats have the digits that read back as the same bits.

    Raises
    ------
    ValueError
        For NaN and infinities.
    """
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ValueError(f"model: it has numbers that are not finite, which cannot be exported ({error})") from error
