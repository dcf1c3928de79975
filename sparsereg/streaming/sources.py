"""Files that readers take: by path or already open, plain or gzipped, opened anew for every pass."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

__all__ = ["Source", "SourceFile", "as_sources"]

_GZIP_MAGIC = b"\x1f\x8b"


class SourceFile:
    """A file open for reading, unzipped where it is gzipped, whose faults name it.

    Parameters
    ----------
    file : binary file object
    name : str
        For messages.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = _unzipped(file)
        self._name = name

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes; none when the file has ended.

        Parameters
        ----------
        size : int, default=-1
            Negative: all that is left.

        Returns
        -------
        chunk : bytes

        Raises
        ------
        ValueError
            When the file is gzipped and cut short or damaged.
        TypeError
            When the file gives text.
        """
        try:
            chunk = self._file.read(size)
        except EOFError as error:
            raise ValueError(f"{self._name}: the gzip data are cut short") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{self._name}: the gzip data are damaged: {error}") from error
        if not isinstance(chunk, bytes):
            raise TypeError(f"source: {self._name} gives {type(chunk).__name__}, expected a file opened in binary mode")
        return chunk

    @property
    def closed(self) -> bool:
        """Whether the file is closed; whoever opened it closes it."""
        return self._file.closed

    def close(self) -> None:
        """Do nothing: whoever opened the file closes it."""


class Source:
    """One file.

    Parameters
    ----------
    source : path, binary file object or "-"
        ``"-"`` is the standard input.

    Attributes
    ----------
    name : str
        For messages.
    """

    def __init__(self, source: Any) -> None:
        self._path = None
        if isinstance(source, (str, os.PathLike)) and source != "-":
            self._path = os.fspath(source)
            self.name = os.fsdecode(self._path)
            return
        file = sys.stdin.buffer if source == "-" else source
        if not hasattr(file, "read"):
            kind = type(source).__name__
            raise TypeError(f"source: {kind} is not allowed, expected paths, binary file objects or '-'")
        self.name = "standard input" if source == "-" else str(getattr(file, "name", f"<{type(file).__name__}>"))
        self._file = file
        self._start = file.tell() if _can_seek(file) else None
        self._was_read = False

    @contextmanager
    def open(self) -> Iterator[SourceFile]:
        """Open the file for reading onwards, unzipped where it is gzipped; see `open_raw`.

        Yields
        ------
        file : SourceFile
        """
        with self.open_raw() as file:
            yield SourceFile(file, self.name)

    @contextmanager
    def open_raw(self) -> Iterator[IO[bytes]]:
        """Open the file, or take it back to where it was when the source was made.

        Yields
        ------
        file : binary file object

        Raises
        ------
        OSError
            For a path that cannot be opened.
        ValueError
            When the file was read before and cannot be taken back.
        """
        if self._path is not None:
            with open(self._path, "rb") as file:
                yield file
            return
        if self._start is not None:
            self._file.seek(self._start)
        elif self._was_read:
            raise ValueError(f"{self.name}: was read before and cannot be taken back to its start")
        self._was_read = True
        yield self._file


def as_sources(source: Any) -> list[Source]:
    """List the files that a reader is given.

    Parameters
    ----------
    source : path, binary file object, "-", or a list or tuple of these

    Returns
    -------
    sources : list of Source
    """
    if isinstance(source, (list, tuple)):
        if not source:
            raise ValueError("source: an empty list is not allowed, expected at least one file")
        return [Source(one) for one in source]
    return [Source(source)]


def _unzipped(file: IO[bytes]) -> IO[bytes] | gzip.GzipFile:
    """Return a file, or what it holds when it is gzipped; one that can only be read onwards is taken as it is."""
    if hasattr(file, "peek"):
        first = file.peek(len(_GZIP_MAGIC))[: len(_GZIP_MAGIC)]
    elif _can_seek(file):
        here = file.tell()
        first = file.read(len(_GZIP_MAGIC))
        file.seek(here)
    else:
        return file
    return gzip.GzipFile(fileobj=file, mode="rb") if first == _GZIP_MAGIC else file


def _can_seek(file: Any) -> bool:
    return hasattr(file, "seekable") and file.seekable()
