"""Files in svmlight form: the same rows whatever the blocks, every fault with its place, memory that stays bounded."""

import bz2
import gzip
import io
import lzma
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from support import svmlight_twin

from sparsereg.readers import svmlight
from sparsereg.readers.blocks import overlapped
from sparsereg.readers.svmlight import SvmlightReader


def reader(text, **settings):
    return SvmlightReader(io.BytesIO(text), **settings)


def joined(blocks):
    """Return labels and rows of blocks, as the twin does."""
    labels, rows = [], []
    for block in blocks:
        X = block.X
        assert X.format == "csr" and block.sample_weight is None
        assert X.shape[0] == len(block.y) >= 1
        pairs = list(zip(X.indices.tolist(), X.data.tolist()))
        labels += block.y.tolist()
        rows += [pairs[a:b] for a, b in pairwise(X.indptr)]
    return labels, rows


lines = st.one_of(
    st.builds(
        lambda label, pairs, end: " ".join([str(label), *(f"{id_}:{value!r}" for id_, value in pairs)]) + end,
        st.integers(-3, 3),
        st.lists(st.tuples(st.integers(1, 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)), max_size=8),
        st.sampled_from(["", " # comment", "\r"]),
    ),
    st.sampled_from(["", "# nothing"]),
)
texts = st.lists(lines, min_size=1, max_size=12).map(lambda found: ("0\n" + "\n".join(found)).encode())


# The sizes of things inside do not show.


@given(texts, st.integers(1, 9), st.integers(1, 40), st.booleans())
def test_rows_do_not_depend_on_blocks_nor_on_chunks(text, block_rows, chunk, packed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(svmlight, "CHUNK_BYTES", chunk)
        patch.setattr(svmlight, "FIRST_ROWS", 1)
        patch.setattr(svmlight, "FIRST_ENTRIES", 1)
        blocks = list(reader(gzip.compress(text, mtime=0) if packed else text, block_rows=block_rows))
    assert joined(blocks) == svmlight_twin.parse(text)
    assert [block.X.shape[0] for block in blocks[:-1]] == [block_rows] * (len(blocks) - 1)


def test_a_block_with_many_entries_ends_early(monkeypatch):
    monkeypatch.setattr(svmlight, "BLOCK_ENTRIES", 8)
    monkeypatch.setattr(svmlight, "FIRST_ENTRIES", 2)
    counts = [3, 3, 3, 8, 1, 30, 0, 2, 7, 1]
    text = "".join("1 " + " ".join(f"{k + 1}:{k}" for k in range(n)) + "\n" for n in counts).encode()
    blocks = list(reader(text))
    # The long row takes the room that it needs, which its block may then fill up.
    assert [np.diff(block.X.indptr).tolist() for block in blocks] == [[3, 3], [3], [8], [1], [30, 0, 2], [7, 1]]
    assert joined(blocks) == svmlight_twin.parse(text)


def test_a_line_longer_than_a_chunk(monkeypatch):
    monkeypatch.setattr(svmlight, "CHUNK_BYTES", 1000)
    row = " ".join(f"{k + 1}:{k}.25" for k in range(5000))
    text = f"1 {row}\n2 7:1\n3 {row}".encode()
    assert joined(reader(text)) == svmlight_twin.parse(text)
    monkeypatch.setattr(svmlight, "MAX_LINE_BYTES", len(row) // 2)
    with pytest.raises(ValueError, match=f"<BytesIO>: a line has more than the {len(row) // 2} bytes"):
        list(reader(text))


def test_memory_follows_the_block_not_the_file(tmp_path):
    path = tmp_path / "long.svm.gz"
    line = "1 " + " ".join(f"{7919 * k + 1}:0.125" for k in range(20)) + "\n"
    with gzip.open(path, "wt", compresslevel=1) as file:
        for _ in range(200):
            file.write(line * 1000)
    tracemalloc.start()
    n_rows = sum(len(block.y) for block in SvmlightReader(path, block_rows=2000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_rows == 200_000
    assert peak < 8e6 < 16 * 20 * n_rows


# What comes out.


def test_as_scikit_learn_reads(tmp_path):
    datasets = pytest.importorskip("sklearn.datasets")
    X = sparse.random(300, 50, density=0.1, random_state=0, format="csr")
    X.data = np.round(X.data, 6)
    y = np.arange(300) % 3 - 1.0
    for zero_based in (False, True):
        path = str(tmp_path / f"{zero_based}.svm")
        datasets.dump_svmlight_file(X, y, path, zero_based=zero_based, comment="with words", query_id=np.arange(300))
        expected, labels = datasets.load_svmlight_file(path, n_features=50, zero_based=zero_based)
        blocks = list(SvmlightReader(path, n_features=50, block_rows=70, zero_based=zero_based))
        found = sparse.vstack([block.X for block in blocks])
        assert found.shape == (300, 50)
        np.testing.assert_array_equal(found.toarray(), expected.toarray())
        np.testing.assert_array_equal(np.concatenate([block.y for block in blocks]), labels)


def test_widths_and_types():
    (block,) = reader(b"1 9223372036854775807:0.1\n")
    assert block.X.shape == (1, 2**63 - 1) and block.X.indices.tolist() == [2**63 - 2]
    (block,) = reader(b"1 4:0.1 2:1 4:2\n", n_features=2**40, dtype=np.float32)
    assert block.X.shape == (1, 2**40) and block.X.dtype == np.float32
    assert block.X.indices.tolist() == [3, 1, 3]
    assert block.X.data.tolist() == [np.float32(0.1), 1.0, 2.0]


def test_blocks_are_what_estimators_take():
    from sparsereg import Lasso

    (block,) = reader(b"1 3:1 9223372036854775807:2\n2 3:2\n3 3:3\n0\n")
    model = Lasso(alpha=0.01).fit(block.X, block.y)
    assert model.sparse_coef_.shape == (1, 2**63 - 1)
    assert 2 in model.sparse_coef_.indices


def test_several_files_are_one(tmp_path):
    paths = [tmp_path / "a.svm", tmp_path / "b.svm.gz", tmp_path / "c.svm"]
    paths[0].write_bytes(b"1 1:1\n2 2:2")
    paths[1].write_bytes(gzip.compress(b"3 3:3\n", mtime=0))
    paths[2].write_bytes(b"")
    found = SvmlightReader(paths, block_rows=2)
    for _ in range(2):
        assert joined(found) == ([1.0, 2.0, 3.0], [[(0, 1.0)], [(1, 2.0)], [(2, 3.0)]])
        assert (found.n_rows_, found.n_skipped_) == (3, 0)


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 1000])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_byte_order_mark_is_no_text(monkeypatch, chunk, pack):
    monkeypatch.setattr(svmlight, "CHUNK_BYTES", chunk)
    text = b"1 1:1\n2 2:2\n"
    mark = b"\xef\xbb\xbf"
    assert joined(reader(pack(mark + text))) == svmlight_twin.parse(text)
    with pytest.raises(ValueError, match=r"line 1, column 3: expected id:value"):
        list(reader(pack(mark + b"1 x\n")))
    with pytest.raises(ValueError, match="line 2, column 1: expected a finite number as label"):
        list(reader(pack(text[:6] + mark + text[6:])))
    for short in (b"", mark, b"\n", b"#"):
        with pytest.raises(ValueError, match="no rows and 0 skipped lines"):
            list(reader(pack(short)))


def test_folders_and_patterns(tmp_path):
    for k in (2, 1):
        (tmp_path / f"part-{k}.svm.xz").write_bytes(lzma.compress(f"{k} {k}:{k}\n".encode()))
    for source in (tmp_path, f"{tmp_path}/part-*"):
        assert joined(SvmlightReader(source)) == ([1.0, 2.0], [[(0, 1.0)], [(1, 2.0)]])
        assert SvmlightReader(source).can_repeat


def test_reading_ahead_gives_the_same():
    text = "".join(f"{k % 2} {k + 1}:{k}\n" for k in range(500)).encode()
    assert joined(overlapped(reader(text, block_rows=7))) == svmlight_twin.parse(text)


def test_counts_are_those_of_the_last_iteration():
    found = reader(b"1\n2\nx\n3\n4\n", block_rows=1, on_error="skip")
    abandoned = iter(found)
    next(abandoned)
    assert (found.n_rows_, found.n_skipped_) == (1, 0)
    assert len(list(found)) == 4
    assert (found.n_rows_, found.n_skipped_) == (4, 1)
    list(abandoned)
    assert (found.n_rows_, found.n_skipped_) == (4, 1)


# Faults.


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("1,2 3:1", 1, "expected one label, found '1,2'; rows with several labels are not supported"),
        ("3:1 4:1", 1, "expected a label before the first id:value, found '3:1'"),
        ("  yes 3:1", 3, "expected a finite number as label, found 'yes'"),
        ("nan 3:1", 1, "expected a finite number as label, found 'nan'"),
        ("\xe9 3:1", 1, "expected a finite number as label, found 'é'"),
        ("\0\1 3:1", 1, r"expected a finite number as label, found '\x00\x01'"),
        ("1 qid:x 3:1", 3, "expected a whole number after qid:, found 'qid:x'"),
        ("1 3:1 qid:4", 7, "expected id:value with a whole number as id, found 'qid:4'"),
        ("1 17 # 3:1", 3, "expected id:value with a whole number as id, found '17'"),
        ("1 2:1 -3:1", 7, "column id -3 is below 1"),
        ("1 2:1 0:1", 7, "column id 0 is below 1; files whose ids count from 0 need zero_based=True"),
        ("1 2:1 8:1", 7, "column id 8 is above 7, the last one with n_features=7"),
        ("1 3:", 5, "expected a finite number after the colon, found ''"),
        ("1 3: 1", 5, "expected a finite number after the colon, found ''"),
        ("1 3:1e400", 5, "expected a finite number after the colon, found '1e400'"),
        ("1 3:inf#", 5, "expected a finite number after the colon, found 'inf'"),
        (f"1 3:{'x' * 60}", 5, f"expected a finite number after the colon, found '{'x' * 40}...'"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "", "\r\n9 1:1\n"])
def test_a_fault_is_reported_with_its_place(tmp_path, line, column, words, end):
    path = tmp_path / "faulty.svm"
    path.write_bytes(b"1 1:1\n\n# words\n0 2:2 # more\n" + (line + end).encode())
    found = SvmlightReader(path, n_features=7, block_rows=2)
    blocks = iter(found)
    assert next(blocks).y.tolist() == [1.0, 0.0]
    with pytest.raises(ValueError) as caught:
        next(blocks)
    assert str(caught.value) == f"{path}, line 5, column {column}: {words}"
    found = SvmlightReader(path, n_features=7, on_error="skip")
    assert joined(found)[0] == [1.0, 0.0] + [9.0] * end.count("9")
    assert found.n_skipped_ == 1


def test_ids_that_count_from_0():
    (block,) = reader(b"1 0:1 6:2\n", zero_based=True, n_features=7)
    assert block.X.indices.tolist() == [0, 6]
    with pytest.raises(ValueError, match=r"line 1, column 3: column id -1 is below 0$"):
        list(reader(b"1 -1:1\n", zero_based=True))
    with pytest.raises(ValueError, match=r"column id 7 is above 6, the last one with n_features=7$"):
        list(reader(b"1 7:1\n", zero_based=True, n_features=7))


@given(texts, st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["x", "1 1", "1 2:", "1 0:1"])), max_size=5))
def test_skipping_leaves_the_other_rows(text, faults):
    mixed = text.decode().split("\n")
    for place, fault in faults:
        mixed.insert(place, fault)
    found = reader("\n".join(mixed).encode(), on_error="skip", block_rows=3)
    assert joined(found) == svmlight_twin.parse(text)
    assert found.n_skipped_ == len(faults)


def test_a_skipped_line_may_be_longer_than_what_is_searched_at_once():
    for length in (svmlight.LINE_BYTES - 1, svmlight.LINE_BYTES, 3 * svmlight.LINE_BYTES + 5):
        found = reader(b"1 1:1\n1 x" + b"y" * (length - 3) + b"\n0 2:1\n", on_error="skip")
        assert joined(found) == ([1.0, 0.0], [[(0, 1.0)], [(1, 1.0)]])
        assert found.n_skipped_ == 1


@pytest.mark.parametrize(("width", "kind"), [(9, np.int32), (2**31 - 1, np.int32), (2**31, np.int64), (None, np.int64)])
def test_ids_are_as_wide_as_the_columns_need(width, kind):
    (block,) = reader(b"1 1:1 9:2\n", n_features=width)
    assert block.X.indices.dtype == block.X.indptr.dtype == kind
    assert block.X.indices.tolist() == [0, 8]


def test_lines_are_counted_across_chunks_and_in_every_file(monkeypatch, tmp_path):
    monkeypatch.setattr(svmlight, "CHUNK_BYTES", 64)
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"1 1:1\n" * 100)
    second.write_bytes(b"1 1:1\n" * 100 + b"1 1:1 x\n")
    with pytest.raises(ValueError, match="second, line 101, column 7: expected id:value"):
        list(SvmlightReader([first, second], block_rows=3))


@pytest.mark.parametrize("text", [b"", b"\n\n", b"# only words", gzip.compress(b"", mtime=0)])
def test_no_rows(text):
    with pytest.raises(ValueError, match=r"^<BytesIO>: no rows and 0 skipped lines, expected at least one row"):
        list(reader(text))


def test_nothing_but_faults():
    with pytest.raises(ValueError, match="no rows and 2 skipped lines"):
        list(reader(b"x\ny\n", on_error="skip"))


def test_gzip_cut_short_comes_after_the_rows_before_it(tmp_path):
    path = tmp_path / "cut.svm.gz"
    rng = np.random.default_rng(0)
    text = "".join(f"1 {id_}:1\n" for id_ in rng.integers(1, 2**62, 200_000)).encode()
    path.write_bytes(gzip.compress(text, 1, mtime=0)[:-20])
    blocks = iter(SvmlightReader(path, block_rows=1000, on_error="skip"))
    assert len(next(blocks).y) == 1000
    with pytest.raises(ValueError, match=r"cut\.svm\.gz: the gzip data are cut short"):
        list(blocks)


# Parameters.


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"n_features": 0}, ValueError),
        ({"n_features": 2**63}, ValueError),
        ({"n_features": 2.0}, TypeError),
        ({"block_rows": 0}, ValueError),
        ({"block_rows": "many"}, TypeError),
        ({"zero_based": 1}, TypeError),
        ({"zero_based": "auto"}, TypeError),
        ({"on_error": "warn"}, ValueError),
        ({"dtype": np.int64}, ValueError),
    ],
)
def test_parameters_are_checked_at_once(settings, error):
    with pytest.raises(error, match=next(iter(settings))):
        reader(b"1\n", **settings)
