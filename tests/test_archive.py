"""Archives: what goes in comes out, any damage is seen, and what was there stays until the new file is whole."""

import fcntl
import hashlib
import io
import json
import os
import re
import resource
import stat
import subprocess
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sparsereg import archive
from sparsereg.archive import load_archive, replace_file, save_archive, size_of_archive

KIND = ("test file", 3)
ARRAYS = {
    "cells": np.arange(-20, 40, dtype=np.int64).reshape(12, 5),
    "intercept": np.array([[0.1, np.nan], [-0.0, np.inf]]),
    "n_rows": np.array(7, dtype=np.int64),
    "counts": np.array([], dtype=np.uint8),
    "classes": np.array(["nein", "für immer"]),
}
META = {"loss": "logistic", "history": [0.1, 1e-300, float("inf")], "nested": {"ü": None}}


def same(array, other):
    return array.dtype == other.dtype and array.shape == other.shape and array.tobytes() == other.tobytes()


def check_equal(arrays, expected):
    assert list(arrays) == list(expected)
    assert all(same(arrays[name], expected[name]) for name in expected)


def written(arrays=ARRAYS, meta=META, kind=KIND, folder=None):
    """Return the bytes of an archive."""
    path = folder / "written"
    save_archive(path, arrays, meta, kind)
    return path.read_bytes()


@pytest.mark.parametrize("arrays", [ARRAYS, {}, {"x": np.zeros(100_000, dtype=np.float16)}])
def test_the_size_is_known_before_and_after(arrays, tmp_path):
    size = size_of_archive(arrays, META, KIND)
    assert save_archive(tmp_path / "x.npz", arrays, META, KIND) == size == (tmp_path / "x.npz").stat().st_size
    with pytest.raises(TypeError, match="arrays: 'x' is of type list"):
        size_of_archive({"x": [1]}, META, KIND)


def sealed(content):
    """Return a file with the seal that it should have."""
    return content + hashlib.sha256(content + archive.UNSEALED).hexdigest().encode()


def load_bytes(content, folder):
    path = folder / "read"
    path.write_bytes(content)
    return load_archive(path, KIND)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("archives")


@pytest.fixture(scope="module")
def whole(folder):
    return written(folder=folder)


# There and back.


def test_what_goes_in_comes_out(folder, whole):
    arrays, meta = load_bytes(whole, folder)
    check_equal(arrays, ARRAYS)
    assert meta == META
    for array in arrays.values():
        array[...] = array.dtype.type(1)
        assert array.flags.aligned


@given(
    array=st.one_of(hnp.scalar_dtypes(), hnp.byte_string_dtypes(), hnp.unicode_string_dtypes()).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
    ),
    turn=st.booleans(),
    step=st.sampled_from([1, -1, 2]),
)
def test_every_dtype_shape_and_layout(folder, array, turn, step):
    array = array.T if turn else array
    array = array[::step] if array.ndim else array
    arrays, _ = load_bytes(written({"x": array}, folder=folder), folder)
    check_equal(arrays, {"x": array})


def test_the_same_state_makes_the_same_file(folder, whole):
    assert written(folder=folder) == whole
    with zipfile.ZipFile(io.BytesIO(whole)) as found:
        assert {member.date_time for member in found.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_numpy_reads_it(tmp_path):
    save_archive(tmp_path / "x.npz", ARRAYS, META, KIND)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as found:
        check_equal({name: found[name] for name in found.files if name != "metadata"}, ARRAYS)
        metadata = json.loads(found["metadata"].item())
    assert (metadata["format"], metadata["version"], metadata["meta"]) == (*KIND, META)


def test_the_seal_can_be_checked_without_this_library(tmp_path):
    save_archive(tmp_path / "x.npz", ARRAYS, META, KIND)
    command = "(head -c -64 x.npz; printf '%064d' 0) | sha256sum | head -c 64; echo; tail -c 64 x.npz"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    computed, stored = done.stdout.split()
    assert computed == stored


def test_memory_of_one_set_of_arrays(tmp_path):
    array = np.zeros((1 << 20, 4))
    save_archive(tmp_path / "x", {"x": array}, {}, KIND)
    tracemalloc.start()
    try:
        save_archive(tmp_path / "x", {"x": array}, {}, KIND)
        assert tracemalloc.get_traced_memory()[1] < 0.6 * array.nbytes
        tracemalloc.reset_peak()
        load_archive(tmp_path / "x", KIND)
        assert tracemalloc.get_traced_memory()[1] < 1.1 * array.nbytes
    finally:
        tracemalloc.stop()


# Damage.


@given(data=st.data())
def test_any_altered_byte_is_seen(folder, whole, data):
    position = data.draw(st.integers(0, len(whole) - 1))
    flip = data.draw(st.integers(1, 255))
    altered = bytearray(whole)
    altered[position] ^= flip
    with pytest.raises(ValueError, match=r"as a test file: its bytes do not match|does not end with"):
        load_bytes(altered, folder)


def test_any_truncation_is_seen(folder, whole):
    with pytest.raises(ValueError, match="cannot be read as a test file: it is empty"):
        load_bytes(b"", folder)
    for size in {*range(1, len(whole), 37), *range(len(whole) - 70, len(whole)), 63, 64, 65}:
        with pytest.raises(ValueError, match="does not end with a SHA-256 digest, so it was cut short"):
            load_bytes(whole[:size], folder)


@pytest.mark.parametrize("extra", [b"\n", b"0" * 64, b"x" * 1000], ids=["newline", "zeros", "text"])
def test_anything_behind_the_end_is_seen(folder, whole, extra):
    with pytest.raises(ValueError, match="cannot be read as a test file: it"):
        load_bytes(whole + extra, folder)


def test_foreign_files(folder):
    other = io.BytesIO()
    np.savez(other, **ARRAYS)
    for content in (other.getvalue(), b"1 3:0.5\n", bytes(1000)):
        with pytest.raises(ValueError, match="was cut short or is something else"):
            load_bytes(content, folder)


def test_another_format_and_another_version(folder):
    with pytest.raises(ValueError, match="cannot be read as a test file: it is of format 'model'"):
        load_bytes(written(kind=("model", 3), folder=folder), folder)
    with pytest.raises(ValueError, match=r"format version 4, written by sparsereg [\d.]+; expected 3"):
        load_bytes(written(kind=("test file", 4), folder=folder), folder)


# A seal is no signature: whoever makes a file seals it too.


def zipped(members, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        made.comment = archive.UNSEALED
        for name, content in members:
            made.writestr(name, content)
    return sealed(file.getvalue()[:-64])


def npy(array, pickle=False):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=pickle)
    return file.getvalue()


def header(shape, dtype="<f8"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"shape": shape, "fortran_order": False, "descr": dtype})
    return file.getvalue()


def text(content=b'{"format": "test file", "version": 3, "sparsereg": "0", "meta": {}}'):
    return "metadata.npy", npy(np.array(content))


TWICE = b'{"format": "test file", "version": 3, "sparsereg": "0", "meta": {"a": [{"b": 1, "b": 2}]}}'
CRAFTED = {
    "no zip": (sealed(b"x" * 100), "no zip file"),
    "no metadata": (zipped([("x.npy", npy(np.ones(2)))]), "no text called 'metadata'"),
    "metadata of numbers": (zipped([("metadata.npy", npy(np.ones(2)))]), "no text called 'metadata'"),
    "metadata that is no JSON": (zipped([text(b"{")]), "not what this library writes"),
    "metadata without keys": (zipped([text(b"{}")]), "not what this library writes"),
    "metadata that is a list": (zipped([text(b"[]")]), "not what this library writes"),
    "metadata that says two things": (zipped([text(TWICE)]), "a name is there twice"),
    "metadata that is deep": (zipped([text(b"[" * 100_000)]), "not what this library writes"),
    "meta that is a list": (zipped([text(text()[1].strip()[128:].replace(b"{}", b"[]"))]), "not what this library"),
    "pickle": (zipped([text(), ("x.npy", npy(np.array([{}]), pickle=True))]), "pickled objects"),
    "compressed": (zipped([text(), ("x.npy", npy(np.zeros(9)))], zipfile.ZIP_DEFLATED), "is compressed"),
    "too few bytes": (zipped([text(), ("x.npy", header((10**9, 10**9)))]), "has 0 bytes, which are no float64"),
    "too many bytes": (zipped([text(), ("x.npy", npy(np.ones(2)) + b"0")]), "has 17 bytes, which are no float64"),
    "negative shape": (zipped([text(), ("x.npy", header((-1, -2)) + bytes(16))]), "has 16 bytes, which are no float64"),
    "no array": (zipped([text(), ("x.npy", b"123")]), "'x.npy' is no array"),
    "array of a later format": (zipped([text(), ("x.npy", b"\x93NUMPY\x03\x00")]), "another version of NumPy"),
    "header that is no header": (zipped([text(), ("x.npy", b"\x93NUMPY\x01\x00\x05\x00{{{{\n")]), "is no array"),
}


@pytest.mark.filterwarnings("ignore:Reading `.npy`:UserWarning")
@pytest.mark.parametrize("case", CRAFTED)
def test_sealed_by_someone_else(folder, case):
    content, message = CRAFTED[case]
    with pytest.raises(ValueError, match=message):
        load_bytes(content, folder)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_two_arrays_of_the_same_name(folder):
    with pytest.raises(ValueError, match="two of its arrays have the same name"):
        load_bytes(zipped([text(), ("x.npy", npy(np.ones(2))), ("x.npy", npy(np.ones(2)))]), folder)


def test_members_that_share_their_bytes_do_not_multiply(folder, whole):
    """A small file must not become many large arrays."""
    start, stop = whole.index(b"PK\1\2"), whole.rindex(b"PK\5\6")
    entries, end = whole[start:stop], bytearray(whole[stop:-64])
    copies = [entries.replace(b".npy", b"." + letter + b"py") for letter in (b"a", b"b", b"c", b"d", b"e")]
    directory = b"".join([entries, *copies])
    n = 6 * (len(ARRAYS) + 1)
    end[8:10] = end[10:12] = n.to_bytes(2, "little")
    end[12:16] = len(directory).to_bytes(4, "little")
    with pytest.raises(ValueError, match="its arrays are larger than itself"):
        load_bytes(sealed(whole[:start] + directory + bytes(end)), folder)


# Offsets into the first entry of a zip file's directory, the last one, and its end; what is written there.
DIRECTORY = {
    "encrypted": [("first", 8, b"\x09")],
    "name in no encoding": [("first", 9, b"\x08"), ("first", 46, b"\xfe")],
    "begins before the file": [("end", 12, b"\xff\xff\xff\x7f")],
    "members before the file": [("end", 16, b"\xff\xff\xff\x7f")],
    "member beyond the file": [("first", 42, b"\xff\xff\xff\x7f")],
    "member ends beyond the file": [("last", 20, b"\x00\x04\x00\x00\x00\x04\x00\x00")],
    "zip of the future": [("first", 6, b"\xff")],
    "name of another member": [("first", 46, b"M")],
}


@pytest.mark.parametrize("case", DIRECTORY)
def test_directories_that_lead_astray(folder, whole, case):
    content = bytearray(whole[:-64])
    places = {"first": content.index(b"PK\1\2"), "last": content.rindex(b"PK\1\2"), "end": content.rindex(b"PK\5\6")}
    for place, offset, data in DIRECTORY[case]:
        start = places[place] + offset
        content[start : start + len(data)] = data
    with pytest.raises(ValueError, match="cannot be read as a test file: it is no zip file of arrays"):
        load_bytes(sealed(bytes(content)), folder)


def test_a_member_that_is_shorter_than_the_directory_says(folder):
    """Memory that nothing was read into must not come out as numbers."""
    content = bytearray(zipped([text(), ("x.npy", header((3,)) + bytes(16))])[:-64])
    size = content.rindex(b"PK\1\2") + 24
    content[size : size + 4] = (int.from_bytes(content[size : size + 4], "little") + 8).to_bytes(4, "little")
    with pytest.raises(ValueError, match="cannot be read as a test file"):
        load_bytes(sealed(bytes(content)), folder)


def test_errors_of_the_disk_pass(tmp_path, monkeypatch):
    save_archive(tmp_path / "x", ARRAYS, META, KIND)

    def fail(*arguments):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(zipfile.ZipExtFile, "readinto", fail)
    with pytest.raises(OSError, match="Input/output"):
        load_archive(tmp_path / "x", KIND)


@pytest.mark.filterwarnings("ignore:Reading `.npy`:UserWarning")
@given(data=st.data())
def test_altered_and_sealed_again(folder, whole, data):
    """Anything may come out, but never another error, nor more than the file holds."""
    altered = bytearray(whole[:-64])
    start = data.draw(st.sampled_from([0, altered.index(b"PK\1\2"), altered.rindex(b"PK\5\6")]))
    for _ in range(data.draw(st.integers(1, 3))):
        altered[data.draw(st.integers(start, len(altered) - 1))] = data.draw(st.integers(0, 255))
    try:
        arrays, meta = load_bytes(sealed(bytes(altered)), folder)
    except ValueError:
        return
    assert sum(array.nbytes for array in arrays.values()) < len(whole)
    assert isinstance(meta, dict)


# What is there while it is written, and after it went wrong.


def test_arguments(tmp_path):
    path = tmp_path / "x"
    for name in ("", "a/b", "metadata", "ü", 3):
        with pytest.raises(ValueError, match=r"arrays: the name .* is not allowed"):
            save_archive(path, {name: np.ones(2)}, {}, KIND)
    with pytest.raises(TypeError, match="arrays: 'x' is of type list, expected ndarray"):
        save_archive(path, {"x": [1.0]}, {}, KIND)
    with pytest.raises(TypeError, match="arrays: 'x' has dtype object"):
        save_archive(path, {"x": np.array([{}])}, {}, KIND)
    with pytest.raises(TypeError, match=r"meta: cannot be written as JSON: .*ndarray"):
        save_archive(path, {}, {"x": np.ones(2)}, KIND)
    assert list(tmp_path.iterdir()) == []


def test_folders(tmp_path):
    with pytest.raises(ValueError, match=r"path: .* is not allowed, expected a file or the name of a new one"):
        save_archive(tmp_path, ARRAYS, META, KIND)
    with pytest.raises(FileNotFoundError, match=r"path: '.*missing/x' cannot be written: No such file"):
        save_archive(tmp_path / "missing" / "x", ARRAYS, META, KIND)
    for call in (lambda path: save_archive(path, ARRAYS, META, KIND), lambda path: load_archive(path, KIND)):
        with pytest.raises(TypeError, match=r"^path: 1.5 is not allowed, expected a path$"):
            call(1.5)
    with pytest.raises(IsADirectoryError, match=r"path: '.*' cannot be read: Is a directory"):
        load_archive(tmp_path, KIND)
    with pytest.raises(FileNotFoundError, match=r"path: '.*missing' cannot be read: No such file"):
        load_archive(tmp_path / "missing", KIND)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", [lambda path: save_archive(path, ARRAYS, META, KIND), lambda p: load_archive(p, KIND)])
def test_paths(call, tmp_path, monkeypatch):
    """Whatever is no name of a file is said to be none, and bytes are one."""
    monkeypatch.chdir(tmp_path)
    for wrong in (None, 3, 1.5, ["x"], b"x"[0]):
        with pytest.raises(TypeError, match=rf"^path: {re.escape(repr(wrong))} is not allowed, expected a path$"):
            call(wrong)
    for wrong in ("", b"", "a\0b", b"a\0b", "a/", "\ud800"):
        with pytest.raises(ValueError, match=rf"^path: {re.escape(repr(wrong))} is not allowed, expected the name"):
            call(wrong)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises((OSError, ValueError), match=r"path: '.*loop' (is not allowed|cannot be read: Too many levels)"):
        call("loop")
    save_archive(b"x", ARRAYS, META, KIND)
    call(b"x")
    assert {path.name for path in tmp_path.iterdir()} == {"loop", "x"}


@pytest.mark.parametrize("limit", [0, 100, 3000, 300_000])
def test_a_full_disk(tmp_path, limit):
    path = tmp_path / "x"
    save_archive(path, ARRAYS, META, KIND)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_archive(path, {"x": np.zeros(100_000)}, {}, KIND, f"{path}.previous")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    check_equal(load_archive(path, KIND)[0], ARRAYS)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_whatever_goes_wrong_the_old_file_stays(tmp_path, monkeypatch, call, error):
    path = tmp_path / "x"
    save_archive(path, ARRAYS, META, KIND)

    def fail(*arguments):
        raise error("on purpose")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(error, match="on purpose"):
        save_archive(path, {}, {}, KIND)
    check_equal(load_archive(path, KIND)[0], ARRAYS)
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_whole_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    path, done = tmp_path / "x", []
    sync, replace = os.fsync, os.replace

    def noted_sync(descriptor):
        status = os.fstat(descriptor)
        done.append(("sync", "folder" if stat.S_ISDIR(status.st_mode) else status.st_size))
        sync(descriptor)

    def noted_replace(source, target):
        done.append(("rename", os.path.basename(target)))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_replace)
    for _ in range(2):
        save_archive(path, ARRAYS, META, KIND, f"{path}.previous")
    size = path.stat().st_size
    assert done == [
        ("sync", size), ("rename", "x"), ("sync", "folder"),
        ("sync", size), ("rename", "x.previous"), ("rename", "x"), ("sync", "folder"),
    ]


def test_a_small_file_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    sizes = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: sizes.append(os.fstat(descriptor).st_size))
    replace_file(tmp_path / "x", lambda file: file.write(b"seven b"))
    assert sizes[0] == 7
    assert (tmp_path / "x").read_bytes() == b"seven b"


def test_what_killed_writers_left_goes_and_nothing_else(tmp_path):
    path = tmp_path / "x[1]"
    dead, alive = (tmp_path / f"x[1].{letter * 16}.tmp" for letter in "ab")
    others = [tmp_path / name for name in ("x[1].tmp", "x[1].mine.tmp", f"x1.{'a' * 16}.tmp", f"y.{'a' * 16}.tmp")]
    for file in (dead, alive, *others):
        file.write_bytes(b"half")
    with open(alive, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        save_archive(path, ARRAYS, META, KIND)
    assert {*tmp_path.iterdir()} == {path, alive, *others}
    save_archive(path, ARRAYS, META, KIND)
    assert {*tmp_path.iterdir()} == {path, *others}


def test_a_writer_holds_its_lock_until_the_file_has_its_name(tmp_path, monkeypatch):
    path, replace = tmp_path / "x", os.replace

    def another_saves_first(source, target):
        monkeypatch.setattr(os, "replace", replace)
        save_archive(path, {"other": np.ones(3)}, {}, KIND)
        replace(source, target)

    monkeypatch.setattr(os, "replace", another_saves_first)
    save_archive(path, ARRAYS, META, KIND)
    check_equal(load_archive(path, KIND)[0], ARRAYS)
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_those_of_any_file(tmp_path):
    path = tmp_path / "x"
    mask = os.umask(0o027)
    try:
        save_archive(path, ARRAYS, META, KIND)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        save_archive(path, ARRAYS, META, KIND)
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(mask)


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "data").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "data" / "x")
    for _ in range(2):
        save_archive(link, ARRAYS, META, KIND)
        check_equal(load_archive(link, KIND)[0], ARRAYS)
    assert link.is_symlink()
    assert [item.name for item in (tmp_path / "data").iterdir()] == ["x"]


def test_a_pipe_is_neither_waited_for_nor_removed(tmp_path):
    """Named like what a writer left that was killed, or like the file to read."""
    pipe, link = tmp_path / f"x.{'a' * 16}.tmp", tmp_path / f"x.{'b' * 16}.tmp"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    save_archive(tmp_path / "x", ARRAYS, META, KIND)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert link.is_symlink()
    for path in (pipe, link):
        with pytest.raises(ValueError, match="it is no file"):
            load_archive(path, KIND)
