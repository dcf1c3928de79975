"""Files of arrays that are there as a whole or not at all, and show any damage.

An archive is an uncompressed `.npz`, so `numpy.load(path, allow_pickle=False)` reads it. Its array "metadata" is JSON.
The comment of the zip file, its last 64 bytes, is the seal: the SHA-256 of the file as it is with 64 zeros there.
Without this library: `(head -c -64 FILE; printf '%064d' 0) | sha256sum` must print `tail -c 64 FILE`.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import io
import json
import math
import os
import re
import secrets
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.versions import library_version

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

__all__ = ["format_of", "load_archive", "replace_file", "save_archive", "size_of_archive"]

Arrays = dict[str, npt.NDArray[Any]]
T = TypeVar("T")

METADATA = "metadata"
NAME = re.compile(r"[A-Za-z0-9_.-]+")
UNSEALED = b"0" * 64
SEAL = re.compile(rb"[0-9a-f]{64}")
# Bytes read or written in one go: they stay in the cache from the disk's copy to the digests.
CHUNK = 1 << 18
# What a file begins with that says what it is, the head of a zip member and the header of an array before it, and how
# many of its bytes that takes at most.
SAYS_FORMAT = re.compile(rb'PK\x03\x04.{26}metadata\.npy.{0,512}?\{"format": ("[^"]*"), "version": ', re.DOTALL)
HEAD = 1 << 12
# What the first version of NumPy's format can say of a header's length, and the bytes before it.
LONGEST_HEADER = 10 + (1 << 16)


class _Unreadable(Exception):
    """What is wrong with a file."""


class _Hashed:
    """A file that is written from front to back, and the SHA-256 of what was written."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.sha256 = hashlib.sha256()
        self.n_bytes = 0

    def write(self, data: bytes, /) -> int:
        self.sha256.update(data)
        self.n_bytes += len(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


def save_archive(
    path: str | os.PathLike[str], arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any],
    kind: tuple[str, int], previous: str | None = None,
) -> int:
    """Write a file in place of the one that is there, if any; whatever happens, one of them is there as a whole.

    Parameters
    ----------
    path : str or path-like
        Its folder must exist. A link is followed.
    arrays : mapping from str to ndarray
        Names are of letters, digits and `_.-`, and not "metadata". Not copied where they are contiguous.
    meta : mapping
        What JSON can hold; NaN and infinities are written as Python does.
    kind : tuple of str and int
        What the file says that it is: the name of its format, and the version.
    previous : str or None, default=None
        Path at which the file that was there stays.

    Returns
    -------
    n_bytes : int
        Size of the file.

    Raises
    ------
    OSError
        A folder that is missing, a disk that is full: the file that was there is untouched.
    """
    contents = _contents(arrays, meta, kind)
    return replace_file(path, lambda file: _write(file, contents), previous)


def replace_file(path: str | os.PathLike[str], write: Callable[[BinaryIO], T], previous: str | None = None) -> T:
    """Write a file in place of the one that is there, if any; whatever happens, one of them is there as a whole.

    Parameters
    ----------
    path : str or path-like
        Its folder must exist. A link is followed.
    write : function of one binary file, open to be written from its beginning
        Leaves it open.
    previous : str or None, default=None
        Path at which the file that was there stays.

    Returns
    -------
    written : object
        What `write` returns.

    Raises
    ------
    TypeError
        For what is no path.
    ValueError
        A path that no file can have, or at which something is that is no file.
    OSError
        A folder that is missing, a disk that is full: the file that was there is untouched.
    """
    path = _real_path(path)
    if os.path.lexists(path) and not os.path.isfile(path):
        raise ValueError(f"path: {path!r} is not allowed, expected a file or the name of a new one")
    with _named(path, "written"):
        written = _replace(path, write, previous)
        _sync_folder(os.path.dirname(path))
    return written


def _real_path(path: Any) -> str:
    """Return a path without links; TypeError for what is none, ValueError for one that no file can have."""
    try:
        text = os.fsdecode(path)
        is_name = text != "" and b"\0" not in os.fsencode(text)
    except TypeError:
        raise TypeError(f"path: {path!r} is not allowed, expected a path") from None
    except UnicodeError as error:
        raise ValueError(f"path: {path!r} is not allowed, expected the name of a file: {error}") from None
    if not is_name or (text.endswith(os.sep) and not os.path.isdir(text)):
        raise ValueError(f"path: {path!r} is not allowed, expected the name of a file")
    return os.path.realpath(text)


@contextmanager
def _named(path: str, done: str) -> Iterator[None]:
    """Put the path into what the system says of a file that could not be read or written."""
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, f"path: {path!r} cannot be {done}: {error.strerror or error}") from error


def _replace(path: str, write: Callable[[BinaryIO], T], previous: str | None) -> T:
    _remove_left_over(path)
    temporary = f"{path}.{secrets.token_hex(8)}.tmp"
    try:
        with open(temporary, "xb") as file:
            _take_over(path, file)
            written = write(file)
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:
                file.close()  # Windows renames no file that is open; elsewhere the lock must outlast the renaming
            if previous is not None and os.path.exists(path):
                os.replace(path, previous)
            os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    return written


def size_of_archive(
    arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any], kind: tuple[str, int]
) -> int:
    """Return the size of the file that `save_archive` would write; nothing is written.

    Parameters
    ----------
    arrays, meta, kind
        As `save_archive` takes them.

    Returns
    -------
    n_bytes : int
    """
    with open(os.devnull, "wb") as nowhere:
        return _write(nowhere, _contents(arrays, meta, kind))


def _contents(arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any], kind: tuple[str, int]) -> Arrays:
    """Return all arrays of a file, the one that says what it is in front."""
    _check_arrays(arrays)
    text = _as_json({"format": kind[0], "version": kind[1], "sparsereg": library_version(), "meta": dict(meta)})
    return {METADATA: np.array(text), **arrays}


def _check_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    for name, array in arrays.items():
        if not isinstance(name, str) or NAME.fullmatch(name) is None or name == METADATA:
            raise ValueError(
                f"arrays: the name {name!r} is not allowed, expected letters, digits and '_.-', and not {METADATA!r}"
            )
        if not isinstance(array, np.ndarray):
            raise TypeError(f"arrays: {name!r} is of type {type(array).__name__}, expected ndarray")
        if array.dtype.hasobject:
            raise TypeError(f"arrays: {name!r} has dtype {array.dtype}, expected one without objects")


def _as_json(header: dict[str, Any]) -> bytes:
    try:
        return json.dumps(header).encode("ascii")
    except (TypeError, ValueError) as error:
        raise type(error)(f"meta: cannot be written as JSON: {error}") from error


def _remove_left_over(path: str) -> None:
    """Remove what writers left that were killed: their locks are gone. Without locks nobody can tell."""
    if fcntl is None:
        return
    for left in glob.iglob(f"{glob.escape(path)}.{'[0-9a-f]' * 16}.tmp"):
        with suppress(OSError, _Unreadable), _open(left, getattr(os, "O_NOFOLLOW", 0)) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(left)


def _take_over(path: str, file: BinaryIO) -> None:
    """Lock a new file, and give it the permissions of the one that it will replace."""
    # Some network file systems know no locks, and then nobody removes what is left over.
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with suppress(FileNotFoundError):
        os.chmod(file.name, stat.S_IMODE(os.stat(path).st_mode))


def _write(file: BinaryIO, arrays: Arrays) -> int:
    """Write a sealed archive, from front to back; return its size."""
    hashed = _Hashed(file)
    # It has no `seek`, so `zipfile` writes sizes and checksums behind each member instead of coming back.
    with zipfile.ZipFile(hashed, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        archive.comment = UNSEALED
        for name, array in arrays.items():
            # No time of day: the same state makes the same file.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, np.lib.format.header_data_from_array_1_0(array))
                content = array.ravel(order="A").view(np.uint8)
                for start in range(0, content.size, CHUNK):
                    member.write(content.data[start : start + CHUNK])
    # The comment of the zip file is its end.
    file.seek(hashed.n_bytes - len(UNSEALED))
    file.write(hashed.sha256.hexdigest().encode("ascii"))
    return hashed.n_bytes


def _sync_folder(folder: str) -> None:
    """Make renamings last, where a folder can be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_archive(path: str | os.PathLike[str], kind: tuple[str, int]) -> tuple[Arrays, dict[str, Any]]:
    """Read a file that `save_archive` wrote; nothing in it is looked at before its seal has been checked.

    Parameters
    ----------
    path : str or path-like
    kind : tuple of str and int
        What the file must say that it is.

    Returns
    -------
    arrays : dict from str to ndarray
        Each may be written to.
    meta : dict

    Raises
    ------
    TypeError
        For what is no path.
    ValueError
        A path that no file can have; a file that was cut short or altered, or that is something else.
    OSError
        A file that is missing, or that cannot be read; a folder.
    """
    path = _real_path(path)
    try:
        with _named(path, "read"), _open(path) as file:
            _check_seal(file)
            arrays = _read(file)
        return arrays, _read_meta(arrays.pop(METADATA, None), kind)
    except _Unreadable as error:
        raise ValueError(f"path: {path!r} cannot be read as a {kind[0]}: {error}") from error.__cause__


def format_of(path: str | os.PathLike[str]) -> str | None:
    """Look up what a file says that it is, without reading the rest of it: it may be cut short or altered.

    Parameters
    ----------
    path : str or path-like
        Of a file that is there.

    Returns
    -------
    name : str or None
        Of the format; "" for a file without a byte. None for what `save_archive` did not write.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD)
    found = SAYS_FORMAT.match(head)
    return "" if head == b"" else None if found is None else found[1][1:-1].decode("ascii", "backslashreplace")


def _open(path: str, flags: int = 0) -> io.BufferedReader:
    """Open a file to read from, and nothing else: a pipe would have to be waited for."""
    flags |= os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise _Unreadable("it is no file")


def _check_seal(file: io.BufferedReader) -> None:
    """Compare the digest of a file with the one that it ends with."""
    left = os.fstat(file.fileno()).st_size - len(UNSEALED)
    if left + len(UNSEALED) == 0:
        raise _Unreadable("it is empty")
    sha256 = hashlib.sha256()
    buffer = memoryview(bytearray(CHUNK))
    while left > 0:
        n = file.readinto(buffer[: min(CHUNK, left)])
        if n == 0:
            break
        sha256.update(buffer[:n])
        left -= n
    seal = file.read()
    if SEAL.fullmatch(seal) is None:
        raise _Unreadable("it does not end with a SHA-256 digest, so it was cut short or is something else")
    sha256.update(UNSEALED)
    if sha256.hexdigest().encode("ascii") != seal:
        raise _Unreadable("its bytes do not match its SHA-256 digest, so it was altered")


def _read(file: io.BufferedReader) -> Arrays:
    """Read every array of a zip file, none of them larger than the file."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > os.fstat(file.fileno()).st_size:
                raise _Unreadable("its arrays are larger than itself")
            names = [member.filename.removesuffix(".npy") for member in members]
            if len({*names}) < len(names):
                raise _Unreadable("two of its arrays have the same name")
            return {name: _read_array(archive, member) for name, member in zip(names, members, strict=True)}
    except (zipfile.BadZipFile, RuntimeError, EOFError, ValueError) as error:
        raise _Unreadable(f"it is no zip file of arrays ({error})") from error
    except OSError as error:
        # A place before the beginning of the file; anything else is the disk's.
        if error.errno != errno.EINVAL:
            raise
        raise _Unreadable(f"it is no zip file of arrays ({error})") from error


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    """Read one array into memory of the size that the archive says, then look at what it is."""
    name = member.filename
    if member.compress_type != zipfile.ZIP_STORED:
        raise _Unreadable(f"{name!r} is compressed")
    content = np.empty(member.file_size, dtype=np.uint8)
    with archive.open(member) as stream:
        start = 0
        while n := stream.readinto(content.data[start : start + CHUNK]):  # type: ignore[attr-defined]
            start += n
    content = content[:start]
    header = io.BytesIO(content[:LONGEST_HEADER].tobytes())
    try:
        if np.lib.format.read_magic(header) != (1, 0):
            raise ValueError("of another version of NumPy's format")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(header)
    except Exception as error:  # A header is a Python literal, and NumPy lets through whatever its tokens raise.
        raise _Unreadable(f"{name!r} is no array ({error})") from error
    if dtype.hasobject:
        raise _Unreadable(f"{name!r} holds pickled objects, which are never read")
    size = content.size - header.tell()
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size:
        raise _Unreadable(f"{name!r} has {size} bytes, which are no {dtype} of shape {shape}")
    return np.ndarray(shape, dtype, content, header.tell(), order="F" if fortran else "C")


def _read_meta(array: npt.NDArray[Any] | None, kind: tuple[str, int]) -> dict[str, Any]:
    """Read what a file says of itself."""
    if array is None or array.dtype.kind != "S" or array.shape != ():
        raise _Unreadable(f"it has no text called {METADATA!r}")
    try:
        header = json.loads(array.item(), object_pairs_hook=_distinct)
        name, number, library, meta = (header[key] for key in ("format", "version", "sparsereg", "meta"))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise _Unreadable(f"its {METADATA!r} is not what this library writes ({error!r})") from error
    if name != kind[0]:
        raise _Unreadable(f"it is of format {name!r}")
    if number != kind[1]:
        raise _Unreadable(f"it is of format version {number!r}, written by sparsereg {library}; expected {kind[1]}")
    if not isinstance(meta, dict):
        raise _Unreadable(f"its {METADATA!r} is not what this library writes")
    return meta


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return what is between braces in JSON, where no name is there twice: readers differ in which one they take."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found
