"""Files that a command is to write: names are checked before the work, not after it."""

from __future__ import annotations

import argparse
import errno
import os
import tempfile
from collections.abc import Callable, Iterable

from sparsereg.readers.folders import expanded

# What ends the names of pictures.
OF_PICTURES = (".png", ".pdf", ".svg")


def file_name(*endings: str) -> Callable[[str], str]:
    """Make a reader of the name of a file to write, which refuses unknown endings.

    Parameters
    ----------
    *endings : str
        Those that there are, ``.csv`` and the like.

    Returns
    -------
    read : callable
    """

    def read(text: str) -> str:
        if not text.lower().endswith(endings):
            allowed = f"{'one of ' if len(endings) > 1 else ''}{' '.join(endings)}"
            raise argparse.ArgumentTypeError(f"the name must end in {allowed}, got {text!r}")
        return text

    return read


def check_place(path: str, sources: Iterable[str] = ()) -> None:
    """Check that a file can be written, and that it replaces none that the command reads.

    Parameters
    ----------
    path : str
    sources : iterable of str
        Files that are read, folders and patterns of such; the standard input is none.

    Raises
    ------
    ValueError
        For a folder or the like, and for a file that is read.
    OSError
        A folder that is missing or must not be written to.
    """
    if os.path.lexists(path) and not os.path.isfile(path):
        raise ValueError(f"{path}: is no file and cannot be replaced, expected a file or the name of a new one")
    read = [file for source in sources for file, _ in expanded(source)] if os.path.exists(path) else []
    for file in read:
        if os.path.exists(file) and os.path.samefile(path, file):
            raise ValueError(f"{path}: is read by this command and would be replaced, expected another name")
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {folder!r} to write it into", path)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise type(error)(error.errno, f"nothing can be written into {folder!r}: {error.strerror}", path) from error
