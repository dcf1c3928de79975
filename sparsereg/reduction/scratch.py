"""Scratch files: arrays that are put aside on disk, read in parts, or mapped into memory; nothing of them stays."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.sizes import shown_bytes

# Arrays begin at multiples of this, as kernels want them.
ALIGNMENT = 64


class Section(NamedTuple):
    """Where an array is in a file."""

    offset: int
    dtype: np.dtype[Any]
    size: int


class Scratch:
    """A file that arrays are appended to, gone when it is closed.

    It has no name where the system allows that: an error, Ctrl-C or the end of the process leave nothing behind.

    Parameters
    ----------
    folder : str or None
        None: the system's folder for temporary files.
    """

    def __init__(self, folder: str | None):
        self._folder = tempfile.gettempdir() if folder is None else folder
        try:
            self._file: Any = tempfile.TemporaryFile(prefix="sparsereg-", dir=self._folder, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise OSError(
                error.errno, f"spill_folder: no file can be made in {self._folder!r} ({error.strerror})"
            ) from error
        self._end = 0

    def __enter__(self) -> Scratch:
        """Return the file."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Give the disk back, but for arrays that are mapped: theirs is given back with the last of them."""
        self._file.close()

    def append(self, array: npt.NDArray[Any]) -> Section:
        """Write an array.

        Parameters
        ----------
        array : ndarray of shape (n,)

        Returns
        -------
        section : Section
        """
        return self.append_all([array], array.dtype)

    def append_all(self, arrays: Iterable[npt.NDArray[Any]], dtype: Any) -> Section:
        """Write arrays one after the other, as one.

        Parameters
        ----------
        arrays : iterable of ndarray of shape (n_k,)
        dtype : dtype
            Of all.

        Returns
        -------
        section : Section

        Raises
        ------
        OSError
            Where the disk is full, with what was to be written and the folder.
        """
        start = -(-self._end // ALIGNMENT) * ALIGNMENT
        self._end, size, dtype = start, 0, np.dtype(dtype)
        for array in arrays:
            self._write(np.ascontiguousarray(array, dtype=dtype))
            size += array.size
        return Section(start, dtype, size)

    def _write(self, array: npt.NDArray[Any]) -> None:
        try:
            self._file.seek(self._end)
            left = memoryview(array.view(np.uint8))
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise OSError(
                error.errno,
                f"spill_folder: {self._folder!r} has no room for {shown_bytes(array.nbytes)} more after "
                f"{shown_bytes(self._end)} of a scratch file ({error.strerror}); expected a folder with more room, or "
                "a larger memory_limit",
            ) from error
        self._end += array.nbytes

    def read(self, section: Section, start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
        """Read part of an array.

        Parameters
        ----------
        section : Section
        start, stop : int
            Positions in the array; stop None: its end.

        Returns
        -------
        array : ndarray of shape (stop - start,)
        """
        stop = section.size if stop is None else stop
        out = np.empty(stop - start, dtype=section.dtype)
        self._file.seek(section.offset + start * out.itemsize)
        left = memoryview(out.view(np.uint8))
        while left:
            n_read = self._file.readinto(left)
            if not n_read:
                raise OSError(f"spill_folder: {self._folder!r} has lost part of a scratch file")
            left = left[n_read:]
        return out

    def mapped(self, sections: Mapping[str, Section]) -> dict[str, npt.NDArray[Any]]:
        """Map arrays into memory, for reading alone; the system keeps as much of them there as it has room for.

        Parameters
        ----------
        sections : mapping from name to Section

        Returns
        -------
        arrays : dict of ndarray
            Each keeps the file on disk as long as it lives, whether the file is closed or not.
        """
        shared = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return {
            name: np.frombuffer(shared, dtype, size, offset) if size else np.empty(0, dtype=dtype)
            for name, (offset, dtype, size) in sections.items()
        }


def release_pages(*arrays: npt.NDArray[Any] | None) -> None:
    """Let the system take the memory of mapped arrays back; they are read from disk again where they are used again.

    Parameters
    ----------
    arrays : ndarray or None
        Those that are not mapped stay as they are.
    """
    for array in arrays:
        shared = mapping_of(array)
        if shared is not None and hasattr(shared, "madvise"):
            shared.madvise(mmap.MADV_DONTNEED)


def mapping_of(array: npt.NDArray[Any] | None) -> mmap.mmap | None:
    """Return the mapping of a file that an array is a view of, None for others.

    Parameters
    ----------
    array : ndarray or None

    Returns
    -------
    mapping : mmap or None
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    # Of `numpy.memmap` it is the base itself.
    shared = getattr(base, "obj", base)
    return shared if isinstance(shared, mmap.mmap) else None
