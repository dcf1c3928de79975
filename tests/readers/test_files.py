"""Files by path or open, plain or gzipped, read again, and what is wrong with them."""

import gzip
import io
import os
import sys
import threading

import pytest

from sparsereg.readers.files import Source, as_sources

TEXT = b"some text\n" * 5000


class Pipe(io.RawIOBase):
    """A file that can only be read onwards."""

    name = "pipe"

    def __init__(self, content):
        self._content = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, room):
        return self._content.readinto(room)


def read(source):
    with source.open() as file:
        return b"".join(iter(lambda: file.read(1000), b""))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda text: gzip.compress(text[:7]) + gzip.compress(text[7:])])
def test_plain_and_gzipped_are_told_apart_by_content(tmp_path, pack):
    path = tmp_path / "no_telling_name"
    path.write_bytes(pack(TEXT))
    for source in (Source(path), Source(str(path)), Source(io.BytesIO(pack(TEXT)))):
        assert [read(source) for _ in range(2)] == [TEXT, TEXT]
    with open(path, "rb") as file:
        assert read(Source(file)) == TEXT
    assert read(Source(io.BufferedReader(Pipe(pack(TEXT))))) == TEXT


def test_an_open_file_is_read_from_where_it_was():
    file = io.BytesIO(TEXT)
    file.seek(10)
    source = Source(file)
    assert [read(source) for _ in range(2)] == [TEXT[10:]] * 2
    assert not file.closed


def test_a_pipe_is_read_once():
    source = Source(Pipe(TEXT))
    assert read(source) == TEXT
    with pytest.raises(ValueError, match="pipe: was read before and cannot be taken back"):
        read(source)


def test_the_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Pipe(TEXT))))
    source = Source("-")
    assert source.name == "standard input"
    assert read(source) == TEXT


def test_names(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"")
    with open(path, "rb") as file:
        assert Source(path).name == Source(file).name == str(path)
    assert Source(io.BytesIO()).name == "<BytesIO>"


def test_gzip_cut_short_at_every_place():
    packed = gzip.compress(TEXT)
    assert len(packed) < 200
    for n in range(2, len(packed)):
        with pytest.raises(ValueError, match="<BytesIO>: the gzip data are cut short"):
            read(Source(io.BytesIO(packed[:n])))


def test_gzip_altered():
    packed = gzip.compress(TEXT)
    for place in (len(packed) // 2, len(packed) - 8, len(packed) - 2):
        altered = bytearray(packed)
        altered[place] ^= 0xFF
        with pytest.raises(ValueError, match=r"<BytesIO>: the gzip data are (damaged|cut short)"):
            read(Source(io.BytesIO(bytes(altered))))
    with pytest.raises(ValueError, match="damaged: Not a gzipped file"):
        read(Source(io.BytesIO(packed + b"something else")))


def test_a_file_opened_as_text_is_refused():
    with pytest.raises(TypeError, match=r"StringIO.* gives str, expected a file opened in binary mode"):
        read(Source(io.StringIO("1 1:1\n")))


@pytest.mark.parametrize("source", [3, None, object()])
def test_what_is_no_file(source):
    with pytest.raises(TypeError, match=r"source: .* is not allowed, expected paths"):
        as_sources(source)
    with pytest.raises(TypeError, match=r"source: .* is not allowed, expected paths"):
        as_sources([source])


def test_lists():
    assert [source.name for source in as_sources(["a", "b"])] == ["a", "b"]
    with pytest.raises(ValueError, match="source: an empty list is not allowed"):
        as_sources([])


def test_folders_and_patterns_among_files(tmp_path):
    for name in ("b=1/x", "b=2/y", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    found = as_sources([tmp_path / "c", io.BytesIO(b"z"), f"{tmp_path}/b=*/*"])
    assert [read(source) for source in found] == [b"c", b"z", b"b=1/x", b"b=2/y"]
    assert [source.partitions for source in found] == [{}, {}, {"b": 1}, {"b": 2}]
    assert [read(source) for source in as_sources(tmp_path)] == [b"b=1/x", b"b=2/y", b"c"]


def test_what_can_be_read_again(tmp_path):
    assert [Source(one).can_repeat for one in (tmp_path / "a", io.BytesIO(), Pipe(b""))] == [True, True, False]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_read_once(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    source = Source(path)
    assert not source.can_repeat
    writer = threading.Thread(target=path.write_bytes, args=(TEXT,), daemon=True)
    writer.start()
    assert read(source) == TEXT
    writer.join()
    # Another who opens it to write would be waited for.
    with pytest.raises(ValueError, match="pipe: was read before and cannot be taken back"):
        read(source)


def test_a_path_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        read(Source(tmp_path / "absent"))
