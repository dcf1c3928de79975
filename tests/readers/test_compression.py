"""Packed files: every kind is told by its first bytes, comes out whole, and is never silently shorter."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile

import pytest

from sparsereg.readers.compression import MAGIC_BYTES, packing_of
from sparsereg.readers.files import Source

TEXT = b"some text\n" * 5000


def zstd(content):
    arrow = pytest.importorskip("pyarrow")
    out = arrow.BufferOutputStream()
    with arrow.CompressedOutputStream(out, "zstd") as file:
        file.write(content)
    return out.getvalue().to_pybytes()


PACK = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd}


def read(content, size=1000):
    with Source(io.BytesIO(content)).open() as file:
        return b"".join(iter(lambda: file.read(size), b""))


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_members_come_out_end_to_end(kind, size):
    pack = PACK[kind]
    text = TEXT[:3000] if size == 1 else TEXT
    assert packing_of(pack(text)[:MAGIC_BYTES]) == kind
    assert read(pack(text), size) == text
    assert read(pack(b""), size) == b""
    assert read(pack(text[:700]) + pack(b"") + pack(text[700:]), size) == text


@pytest.mark.parametrize("kind", PACK)
def test_a_piece_is_as_long_as_is_asked_for(kind):
    """Text that is read in pieces is cut at the ends of lines; a row must not be longer than two pieces."""
    content = b"".join(PACK[kind](bytes([65 + k % 26])) for k in range(300))
    with Source(io.BytesIO(content)).open() as file:
        assert [len(file.read(size)) for size in (0, 1, 200, 200, 200)] == [0, 1, 200, 99, 0]


@pytest.mark.parametrize("kind", PACK)
def test_all_at_once_and_again(kind):
    source = Source(io.BytesIO(PACK[kind](TEXT)))
    for _ in range(2):
        with source.open() as file:
            assert file.read() == TEXT
    assert source.can_repeat


@pytest.mark.parametrize("kind", PACK)
def test_cut_short_at_every_place(kind):
    packed = PACK[kind](TEXT)
    for n in range(MAGIC_BYTES, len(packed)):
        with pytest.raises(ValueError, match=f"^<BytesIO>: the {kind} data are cut short"):
            read(packed[:n])


@pytest.mark.parametrize("kind", PACK)
def test_a_second_member_is_no_rubbish(kind):
    """Whoever packs with many threads writes many members; a damaged one must not end the file."""
    packed = PACK[kind](TEXT)
    with pytest.raises(ValueError, match=f"^<BytesIO>: the {kind} data are (damaged|cut short)"):
        read(packed + b"x" + packed[1:])
    with pytest.raises(ValueError, match=f"^<BytesIO>: the {kind} data are cut short"):
        read(packed + packed[:-5])


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz"])
def test_a_checksum_that_does_not_fit(kind):
    packed = bytearray(PACK[kind](TEXT))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(ValueError, match=f"^<BytesIO>: the {kind} data are (damaged|cut short)"):
        read(bytes(packed))


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz"])
def test_padding_of_zeros(kind):
    pack = PACK[kind]
    assert read(pack(TEXT) + bytes(70_000)) == TEXT
    assert read(pack(TEXT) + bytes(8) + pack(TEXT)) == 2 * TEXT


@pytest.mark.parametrize("text", [b"", b"BZh9 is a word\n", b"\x1f", b"(\xb5", b"PK is a word\n", b"\xfd7"])
def test_what_is_not_packed(text):
    assert packing_of(text[:MAGIC_BYTES]) is None
    assert read(text) == text


@pytest.mark.parametrize("names", [["a.csv"], []])
def test_zip_archives_are_refused_by_name(names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, TEXT)
    with pytest.raises(ValueError, match=r"^<BytesIO>: a zip archive is not allowed, expected a plain file"):
        read(file.getvalue())


def test_zstd_without_pyarrow(monkeypatch):
    packed = zstd(TEXT)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"<BytesIO>: zstd needs pyarrow: pip install 'sparsereg-wide\[io\]'"):
        read(packed)
