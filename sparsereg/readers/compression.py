"""Compressed files, told apart by their first bytes, and decompressed as they are read."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from functools import partial
from typing import IO, Any

# Enough to tell every kind.
MAGIC_BYTES = 10

_KINDS = {
    "gzip": (b"\x1f\x8b",),
    # Ten bytes, because text may begin with the first three: the second six are pi, or the root of it where nothing
    # was packed.
    "bzip2": tuple(b"BZh%d%b" % (n, tail) for n in range(1, 10) for tail in (b"1AY&SY", b"\x17rE8P\x90")),
    "xz": (b"\xfd7zXZ\0",),
    "zstd": (b"\x28\xb5\x2f\xfd",),
    "zip": (b"PK\x03\x04", b"PK\x05\x06"),
}

# Raised by what `unpacked` returns when bytes are not what they should be; an end that comes too early is an EOFError.
FAULTS = (gzip.BadGzipFile, zlib.error, lzma.LZMAError, OSError)
_TOO_SHORT = "Truncated"


def unpacked_name(name: str) -> str:
    """Leave out of a file's name what says that it is packed.

    Parameters
    ----------
    name : str

    Returns
    -------
    name : str
        In small letters.
    """
    name = name.lower()
    for ending in (".gz", ".bz2", ".xz", ".zst"):
        name = name.removesuffix(ending)
    return name


def packing_of(first: bytes) -> str | None:
    """Tell how a file is packed.

    Parameters
    ----------
    first : bytes
        Its first bytes, `MAGIC_BYTES` if it has so many.

    Returns
    -------
    packing : str or None
        None: not at all.
    """
    return next((kind for kind, magic in _KINDS.items() if first.startswith(magic)), None)


def unpacked(file: IO[bytes], packing: str, name: str) -> Any:
    """Return what gives the contents of a packed file, all its members one after the other.

    Parameters
    ----------
    file : binary file object
    packing : str
        From `packing_of`.
    name : str
        For messages.

    Returns
    -------
    contents : object with ``read(size)``

    Raises
    ------
    ValueError
        For a zip archive.
    ImportError
        For zstd without pyarrow.
    """
    if packing == "zip":
        raise ValueError(
            f"{name}: a zip archive is not allowed, expected a plain file or one packed by gzip, bzip2, xz or zstd"
        )
    if packing == "gzip":
        return gzip.GzipFile(fileobj=file, mode="rb")
    if packing == "zstd":
        return _Zstd(file, name)
    return _Members(file, bz2.BZ2Decompressor if packing == "bzip2" else partial(lzma.LZMADecompressor, lzma.FORMAT_XZ))


class _Members:
    """Members of a bzip2 or xz file end to end.

    The file classes of the standard library take a damaged second member for rubbish behind the first, and end there.
    """

    def __init__(self, file: IO[bytes], make: Callable[[], Any]) -> None:
        self._file, self._make = file, make
        self._member = make()
        # Bytes behind the end of a member.
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes, or what is left: who reads text in pieces takes a short one for the last."""
        parts: list[bytes] = []
        while size and (chunk := self._read_some(size)):
            parts.append(chunk)
            size -= len(chunk) if size > 0 else 0
        return b"".join(parts)

    def _read_some(self, size: int) -> bytes:
        """Read up to `size` bytes, or any number where that is negative; none when the last member has ended."""
        while not self._member.eof or self._next_member():
            packed = b""
            if self._member.needs_input:
                packed, self._rest = self._rest or self._file.read(1 << 16), b""
                if not packed:
                    raise EOFError
            if chunk := self._member.decompress(packed, size):
                return chunk
        return b""

    def _next_member(self) -> bool:
        """Begin the next member, behind any padding of zeros, if there is one."""
        rest = self._member.unused_data
        while not (rest := rest.lstrip(b"\0")):
            if not (rest := self._file.read(1 << 16)):
                return False
        self._member, self._rest = self._make(), rest
        return True


class _Lent:
    """A file that pyarrow must not close: whoever opened it does."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self.read = file.read

    def close(self) -> None:
        """Do nothing."""


class _Zstd:
    """Frames of a zstd file end to end."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        try:
            import pyarrow
        except ImportError:
            raise ImportError(f"{name}: zstd needs pyarrow: pip install 'sparsereg-wide[io]'") from None
        self._stream = pyarrow.CompressedInputStream(pyarrow.PythonFile(_Lent(file), mode="r"), "zstd")

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes; none when the last frame has ended."""
        try:
            return self._stream.read(None if size < 0 else size)
        except OSError as error:
            if error.errno is None and str(error).startswith(_TOO_SHORT):
                raise EOFError from error
            raise
