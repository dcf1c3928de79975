"""Argument types: from the text of an option to its value, or a complaint that argparse shows."""

from __future__ import annotations

import argparse
import errno
import math
import os
from collections.abc import Callable
from typing import Any

from sparsereg.features.buckets import make_level

FORMATS = (".png", ".pdf", ".svg")


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


def model_path(text: str) -> str:
    """Refuse the name of a model file that does not end in .npz.

    Parameters
    ----------
    text : str

    Returns
    -------
    path : str
    """
    if not text.lower().endswith(".npz"):
        raise argparse.ArgumentTypeError(f"the name must end in .npz, got {text!r}")
    return text


def check_target(path: str | None) -> None:
    """Refuse a file that cannot be written before the work rather than after it.

    Parameters
    ----------
    path : str or None
        None: nothing is to be written.

    Raises
    ------
    OSError
        For a folder that is missing or that nothing can be written to, and for a name that is a folder's.
    """
    if path is None:
        return
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "is a folder, expected the name of a file", path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "cannot be written, there is no such folder", path)
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, "cannot be written, the folder does not allow it", path)


def _read(kind: Callable[[str], Any], text: str, is_allowed: Callable[[Any], bool], expected: str) -> Any:
    try:
        value = kind(text)
        if is_allowed(value):
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"must be {expected}, got {text!r}")


def figure_path(text: str) -> str:
    """Refuse the name of a picture of no known format before the work rather than after it.

    Parameters
    ----------
    text : str

    Returns
    -------
    path : str
    """
    if not text.lower().endswith(FORMATS):
        raise argparse.ArgumentTypeError(f"the name must end in one of {' '.join(FORMATS)}, got {text!r}")
    return text
