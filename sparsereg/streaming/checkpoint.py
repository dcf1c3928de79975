"""Checkpoints: the state of a fit in a file, and the state before it in a second one.

A process that is killed at any moment leaves a file that loads: either the new one, or the one before.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from sparsereg.archive import format_of, load_archive, save_archive

FORMAT = ("sparsereg checkpoint", 2)


def check_place(checkpoint: Any, *, resume: bool = False) -> Path:
    """Check that checkpoints can be written, before there is anything to lose, and that nothing else is lost by them.

    Parameters
    ----------
    checkpoint : str or path-like
    resume : bool, default=False
        What is there will be read, and refused then if it is no checkpoint.

    Returns
    -------
    path : Path

    Raises
    ------
    TypeError, ValueError
        For what is no path, or the path of a folder or the like, or of a file that is neither empty nor a checkpoint;
        one that was cut short, of whose beginning something is left, or altered may be replaced.
    OSError
        A folder that is missing or must not be written to.
    """
    try:
        path = os.path.realpath(os.fsdecode(checkpoint))
    except TypeError as error:
        raise TypeError(f"checkpoint: {checkpoint!r} is not allowed, expected a path") from error
    if os.path.lexists(path) and not os.path.isfile(path):
        raise ValueError(f"checkpoint: {path!r} is not allowed, expected a file or the name of a new one")
    for old in (() if resume else (path,)) + (f"{path}.previous",):
        if os.path.isfile(old) and (found := format_of(old)) not in ("", FORMAT[0]):
            what = "no checkpoint" if found is None else f"a {found}"
            raise ValueError(
                f"checkpoint: {old!r} is {what} and would be replaced; expected the name of a new file or a checkpoint"
            )
    try:
        with tempfile.TemporaryFile(dir=os.path.dirname(path)):
            pass
    except OSError as error:
        message = f"checkpoint: no file can be written beside {path!r}: {error.strerror}"
        raise type(error)(error.errno, message) from error
    return Path(path)


def save_checkpoint(
    path: str | os.PathLike[str], arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]
) -> None:
    """Write a checkpoint; the one that is there becomes `<path>.previous`.

    Parameters
    ----------
    path : str or path-like
        Its folder must exist. Of a link, both files are beside what it points to.
    arrays : mapping from str to ndarray
        As `Learner.state` returns them. Names are of letters, digits and `_.-`, and not "metadata".
    meta : mapping
        What JSON can hold.

    Raises
    ------
    OSError
        A folder that is missing, a disk that is full: the checkpoint that is there is untouched.
    """
    path = os.path.realpath(path)
    save_archive(path, arrays, meta, FORMAT, f"{path}.previous")


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Read a checkpoint, every byte of it checked first.

    Parameters
    ----------
    path : str or path-like
        Where it is missing, a writer was killed at the last moment, and `<path>.previous` is read.

    Returns
    -------
    arrays : dict from str to ndarray
    meta : dict
        Tuples have become lists.

    Raises
    ------
    ValueError
        A file that was cut short or altered, or is something else; the message says whether `<path>.previous` loads.
    FileNotFoundError
        Neither of them is there.
    """
    path = os.path.realpath(path)
    previous = f"{path}.previous"
    if not os.path.lexists(path) and os.path.lexists(previous):
        return load_archive(previous, FORMAT)
    try:
        return load_archive(path, FORMAT)
    except ValueError as error:
        raise ValueError(f"{error}; {_what_is_left(previous)}") from error.__cause__


def _what_is_left(previous: str) -> str:
    """Say whether the checkpoint before a damaged one loads."""
    try:
        load_archive(previous, FORMAT)
    except FileNotFoundError:
        return f"there is no {previous!r}"
    except (OSError, ValueError):
        return f"nor does {previous!r} load"
    return f"the checkpoint before it, {previous!r}, loads"
