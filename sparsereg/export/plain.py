"""Strict JSON that every language reads alike: no NaN, and integers that a double cannot hold as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

EXACT = 2**53  # up to here every integer is a double
PIECE = 1 << 14  # elements of a list that are written in one go


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


def as_json(content: dict[str, Any]) -> str:
    """Return the strict JSON of an object, without needless blanks; floats have digits that read back as the same bits.

    Raises
    ------
    ValueError
        For NaN and infinities.
    """
    return "".join(pieces_of_json(content))


def pieces_of_json(content: dict[str, Any]) -> Iterator[str]:
    """Yield the strict JSON of an object piece by piece, long lists in several: one call would let no signal through.

    Parameters
    ----------
    content : dict of str to JSON

    Raises
    ------
    ValueError
        For NaN and infinities.
    """
    write = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
    try:
        for k, (name, value) in enumerate(content.items()):
            yield f"{',' if k else '{'}{write(name)}:"
            if not isinstance(value, list) or not value:
                yield write(value)
                continue
            for first in range(0, len(value), PIECE):
                yield f"{',' if first else '['}{write(value[first : first + PIECE])[1:-1]}"
            yield "]"
        yield "}" if content else "{}"
    except ValueError as error:
        raise ValueError(f"model: it has numbers that are not finite, which cannot be exported ({error})") from error
