"""What commands print: tables of at most 80 columns, or JSON for programs."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np

from sparsereg.features.names import printable

WIDTH = 80
# Between columns.
GAP = "  "
CUT = "..."


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of what is printed.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of text")


def emit(arguments: argparse.Namespace, text: str, data: Mapping[str, Any]) -> None:
    """Print what a command has found, as text or as JSON.

    Parameters
    ----------
    arguments : argparse.Namespace
        With `json`, and the `warnings` of the command so far.
    text : str
    data : mapping
        Of what JSON can hold, and arrays and numbers of NumPy; NaN and infinities become null.
    """
    if arguments.json:
        print(json.dumps(_plain({**data, "warnings": getattr(arguments, "warnings", [])}), allow_nan=False))
    else:
        print(text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], width: int = WIDTH) -> str:
    """Lay out cells in columns: numbers to the right, texts to the left, the longest texts cut where it is too wide.

    Parameters
    ----------
    header : sequence of str
    rows : iterable of sequences of str
        As long as the header.
    width : int, default=80
        Longest line.

    Returns
    -------
    table : str
    """
    cells = [[printable(cell) for cell in row] for row in (header, *rows)]
    numbers = [all(_is_number(row[k]) for row in cells[1:]) and len(cells) > 1 for k in range(len(header))]
    widths = [max(len(row[k]) for row in cells) for k in range(len(header))]
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - width
    while excess > 0:
        longest = max(range(len(widths)), key=lambda k: (not numbers[k], widths[k]))
        second = max((w for k, w in enumerate(widths) if k != longest and not numbers[k]), default=len(CUT) + 1)
        step = min(excess, max(widths[longest] - second, 1))
        widths[longest] -= step
        excess -= step
    return "\n".join(
        GAP.join(
            _cut(cell, n).rjust(n) if number else _cut(cell, n).ljust(n)
            for cell, n, number in zip(row, widths, numbers)
        ).rstrip()
        for row in cells
    )


def number(value: float, digits: int = 4) -> str:
    """Write a number for a table.

    Parameters
    ----------
    value : int or float
        Whole numbers are written in full, with commas; NaN as "-".
    digits : int, default=4
        Of a number with a fraction.

    Returns
    -------
    text : str
    """
    if isinstance(value, (int, np.integer)):
        return f"{value:,}"
    if math.isnan(value):
        return "-"
    text = f"{value:.{digits}g}"
    # Digits before the point are shown always, up to a million: 452,600 says more than 4.526e+05.
    return f"{value:,.0f}" if "e+" in text and abs(value) < 1e6 else text


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Lay out what is known, a line or more for each fact.

    Parameters
    ----------
    pairs : iterable of tuple of str and str
        What it is, and its value.

    Returns
    -------
    text : str
        Lines of at most 80 characters.
    """
    pairs = list(pairs)
    width = max(len(title) for title, _ in pairs) + len(GAP)
    lines = [
        line
        for title, value in pairs
        for line in wrap(
            printable(value), WIDTH, initial_indent=title.ljust(width), subsequent_indent=" " * width,
            break_on_hyphens=False,  # they are in names of files
        )
    ]
    return "\n".join(lines)


def _cut(cell: str, width: int) -> str:
    """Leave out the middle of a text: names of crosses and of files differ at both ends."""
    if len(cell) <= width:
        return cell
    tail = max(width - len(CUT), 0) // 2
    return cell[: max(width - len(CUT), 0) - tail] + CUT + cell[len(cell) - tail :]


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "").removesuffix("%") or "0")
    except ValueError:
        return cell == "-"
    return True


def _plain(value: Any) -> Any:
    """Turn arrays and numbers of NumPy into what JSON holds."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
