"""Files that readers take: by path or already open, plain or packed, opened anew for every pass."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sparsereg.readers.compression import FAULTS, MAGIC_BYTES, packing_of, unpacked
from sparsereg.readers.folders import expanded


class SourceFile:
    """A file open for reading, unpacked where it is packed, whose faults name it.

    Parameters
    ----------
    file : binary file object
    name : str
        For messages.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        self._packing = packing_of(_first_bytes(file))
        self._contents = file if self._packing is None else unpacked(file, self._packing, name)

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
            When the file is packed and cut short or damaged.
        TypeError
            When the file gives text.
        """
        try:
            chunk = self._contents.read(size)
        except EOFError as error:
            raise ValueError(f"{self._name}: the {self._packing} data are cut short") from error
        except FAULTS as error:
            # With a number it is the system that complains.
            if self._packing is None or getattr(error, "errno", None) is not None:
                raise
            raise ValueError(f"{self._name}: the {self._packing} data are damaged: {error}") from error
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
    partitions : dict of str to str, int or None, optional
        What the folders that it is in say of all its rows.

    Attributes
    ----------
    name : str
        For messages.
    partitions : dict
    """

    def __init__(self, source: Any, partitions: dict[str, Any] | None = None) -> None:
        self.partitions = partitions or {}
        self._path, self._was_read = None, False
        if _is_path(source):
            self._path = os.fspath(source)
            self.name = os.fsdecode(self._path)
            # Opened again a named pipe waits for ever, for someone to write into it.
            self._is_pipe = Path(self.name).is_fifo()
            return
        file = sys.stdin.buffer if source == "-" else source
        if not hasattr(file, "read"):
            kind = type(source).__name__
            raise TypeError(f"source: {kind} is not allowed, expected paths, binary file objects or '-'")
        self.name = "standard input" if source == "-" else str(getattr(file, "name", f"<{type(file).__name__}>"))
        self._file = file
        self._start = file.tell() if _can_seek(file) else None

    @property
    def has_path(self) -> bool:
        """Whether it is a file that can be opened by its path, and as often as is wanted."""
        return self._path is not None and not self._is_pipe

    @property
    def can_repeat(self) -> bool:
        """Whether the file can be read more than once."""
        return not self._is_pipe if self._path is not None else self._start is not None

    @contextmanager
    def open(self) -> Iterator[SourceFile]:
        """Open the file for reading onwards, unpacked where it is packed; see `open_raw`.

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
            if self._is_pipe:
                self._read_once()
            with open(self._path, "rb") as file:
                yield file
            return
        if self._start is not None:
            self._file.seek(self._start)
        else:
            self._read_once()
        yield self._file

    def _read_once(self) -> None:
        """Refuse to read what only goes onwards a second time."""
        if self._was_read:
            raise ValueError(f"{self.name}: was read before and cannot be taken back to its start")
        self._was_read = True


class FilesReader:
    """What readers of files share."""

    _sources: list[Source]
    # Of one file among many, which others read.
    _may_be_empty = False

    @property
    def can_repeat(self) -> bool:
        """Whether the files can be read more than once."""
        return all(source.can_repeat for source in self._sources)

    def _divided(self) -> tuple[list[Source], Any]:
        """Return the files, and a reader of none of them: `_with_file` makes one of each, in any place, at any time.

        Returns
        -------
        sources : list of Source
        reader : reader

        Raises
        ------
        TypeError
            For what is no file with a path.
        """
        for source in self._sources:
            if not source.has_path:
                raise TypeError(f"source: {source.name} is not allowed, expected paths that can be opened anywhere")
        reader = copy.copy(self)
        reader._sources = []
        return self._sources, reader

    def _with_file(self, source: Source) -> Any:
        """Return a reader of one file, to which it is no error if that has no rows.

        Parameters
        ----------
        source : Source

        Returns
        -------
        reader : reader
        """
        reader = copy.copy(self)
        reader._sources, reader._may_be_empty = [source], True
        return reader


def as_sources(source: Any) -> list[Source]:
    """List the files that a reader is given.

    Parameters
    ----------
    source : path, binary file object, "-", or a list or tuple of these
        A path may be a folder or a pattern, see `expanded`.

    Returns
    -------
    sources : list of Source
    """
    if isinstance(source, (list, tuple)):
        if not source:
            raise ValueError("source: an empty list is not allowed, expected at least one file")
        return [found for one in source for found in _as_sources(one)]
    return _as_sources(source)


def _as_sources(source: Any) -> list[Source]:
    """List the files that one path stands for, or take one that is open."""
    if _is_path(source):
        return [Source(path, partitions) for path, partitions in expanded(os.fsdecode(source))]
    return [Source(source)]


def _is_path(source: Any) -> bool:
    return isinstance(source, (str, os.PathLike)) and source != "-"


def _first_bytes(file: IO[bytes]) -> bytes:
    """Look at how a file begins; of one that can only be read onwards nothing is known."""
    if hasattr(file, "peek"):
        return bytes(file.peek(MAGIC_BYTES)[:MAGIC_BYTES])
    if not _can_seek(file):
        return b""
    here = file.tell()
    first = file.read(MAGIC_BYTES)
    file.seek(here)
    return first if isinstance(first, bytes) else b""


def _can_seek(file: Any) -> bool:
    return hasattr(file, "seekable") and file.seekable()
