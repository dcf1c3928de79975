"""Files in svmlight form, read block by block."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse

from sparsereg._core import svmlight
from sparsereg.features.buckets import check_dtype, index_dtype
from sparsereg.inputs.parameters import check_choice, check_count, check_flag
from sparsereg.inputs.rows import MAX_SAMPLES, OPEN_WIDTH
from sparsereg.readers.blocks import Block
from sparsereg.readers.files import FilesReader, Source, as_sources

# A block with more entries than these ends before it has all its rows: 64 MiB of ids and values.
BLOCK_ENTRIES = 1 << 22
# Room when nothing is known of a file; it doubles when it is full.
FIRST_ROWS = 1 << 10
FIRST_ENTRIES = 1 << 13
# Read at once: fits in the second-level cache together with what is made of it.
CHUNK_BYTES = 1 << 18
# Looked through at once for the end of a line.
LINE_BYTES = 1 << 12
# A file without ends of lines is not text, and must not fill the memory.
MAX_LINE_BYTES = 1 << 30
# Some editors put one before text in UTF-8.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Letters of the culprit that a message shows.
SHOWN = 40

Text = bytes | memoryview

_EXPECTED = {
    svmlight.BAD_LABEL: "expected a finite number as label, found {!r}",
    svmlight.NO_LABEL: "expected a label before the first id:value, found {!r}",
    svmlight.SEVERAL_LABELS: "expected one label, found {!r}; rows with several labels are not supported",
    svmlight.BAD_QID: "expected a whole number after qid:, found {!r}",
    svmlight.BAD_ID: "expected id:value with a whole number as id, found {!r}",
    svmlight.BAD_VALUE: "expected a finite number after the colon, found {!r}",
}


class SvmlightReader(FilesReader):
    r"""Blocks of rows from text in svmlight (libsvm) form, of any size.

    A line is ``label id:value id:value ... # comment``. Blank lines and comments are passed over, and a query id
    (``qid:3``, after the label) is checked and left out. Ids may come in any order; values of one that a row
    has twice are added up by whoever learns from it. Labels and values are read to the nearest double, as `float` does.

    Parameters
    ----------
    source : path, binary file object, "-" or a list of these
        Files plain or packed by gzip, bzip2, xz or, with pyarrow, zstd, told apart by their first bytes; ``"-"`` is the
        standard input. A path may also be a folder or a pattern like ``"part-*.svm"``. Several are read one after the
        other, as if they were one.
    n_features : int, optional
        Width of the blocks; ids must be below. None: 2**63 - 1, so that any id is allowed; where rows are given to a
        fitted model, or held out of a fit, the width of the model, and an id that is not below it raises. Models that
        are to meet other data than this reader's should be fitted with a number here.
    block_rows : int, default=100_000
        Rows of a block. One with more than 4,194,304 entries ends earlier, if it has more than one row.
    zero_based : bool, default=False
        Ids in the files count from 0; False: from 1. They count from 0 in the blocks.
    on_error : {"raise", "skip"}, default="raise"
        What a line that is not as it should be does: ValueError with file, line and column, or it is left out and
        counted. A damaged packed file and a line of more than 1 GiB always raise.
    dtype : float64 or float32, default=float64
        Type of the values.

    Attributes
    ----------
    n_rows_, n_skipped_ : int
        Rows read and lines skipped by the last iteration that was begun, so far.

    Notes
    -----
    Each iteration reads from the start, so that several passes are possible; a file object is taken back to where it
    was when the reader was made, if it can be. Memory holds one block and one line.

    Iteration raises ValueError when all files together have no row.

    Examples
    --------
    >>> import io
    >>> (block,) = SvmlightReader(io.BytesIO(b"1 3:0.5 7:2\n-1 12:1\n"))
    >>> block.X.indices.tolist(), block.X.data.tolist(), block.y.tolist()
    ([2, 6, 11], [0.5, 2.0, 1.0], [1.0, -1.0])
    """

    def __init__(
        self, source: Any, *, n_features: int | None = None, block_rows: int = 100_000, zero_based: bool = False,
        on_error: str = "raise", dtype: DTypeLike = np.float64,
    ) -> None:
        self._sources = as_sources(source)
        self.n_features = OPEN_WIDTH if n_features is None else check_count(n_features, "n_features", OPEN_WIDTH)
        self._is_open = n_features is None
        self.block_rows = check_count(block_rows, "block_rows", MAX_SAMPLES)
        self.zero_based = check_flag(zero_based, "zero_based")
        self.on_error = check_choice(on_error, "on_error", ("raise", "skip"))
        self.dtype = check_dtype(dtype)
        # The buffer of the iteration that was begun last, shared with readers of another width.
        self._last = [self._start()]

    @property
    def n_rows_(self) -> int:
        """Rows of the blocks that the last iteration has given so far."""
        return self._last[0].n_given

    @property
    def n_skipped_(self) -> int:
        """Lines that the last iteration has skipped so far."""
        return self._last[0].n_skipped

    def __iter__(self) -> Iterator[Block]:
        """Read the files from the start.

        Yields
        ------
        block : Block
            X is a CSR matrix of shape (rows, n_features), y float64, sample_weight None.
        """
        # An iteration counts for itself: the thread of an abandoned one may still be reading.
        rows = self._last[0] = self._start()
        for source in self._sources:
            for _ in self._fill(rows, source):
                yield rows.give()
        if rows.n_rows:
            yield rows.give()
        if rows.n_given == 0 and not self._may_be_empty:
            names = ", ".join(source.name for source in self._sources)
            raise ValueError(f"{names}: no rows and {rows.n_skipped} skipped lines, expected at least one row")

    def _with_width(self, n_features: int) -> SvmlightReader:
        """Return a reader of the same rows as wide as a model, where this one was not told a width."""
        if not self._is_open:
            return self
        other = copy.copy(self)
        other.n_features = n_features
        return other

    def _targets(self) -> Iterator[list[float]]:
        """Go over the rows once; yield the labels of some at a time, each once."""
        for block in self:
            yield np.unique(block.y).tolist()

    def _start(self) -> _BlockBuffer:
        return _BlockBuffer(self.block_rows, self.n_features, self.zero_based, self.dtype)

    def _fill(self, rows: _BlockBuffer, source: Source) -> Iterator[None]:
        """Add the rows of one source to those that are there; stop whenever they are to be given away."""
        line = 0
        for text in _whole_lines(source):
            begin = 0
            while begin < len(text):
                code, begin, position, n_lines = rows.parse(text, begin)
                line += n_lines
                if code in (svmlight.ROWS_FULL, svmlight.ENTRIES_FULL):
                    if not rows.grow(code):
                        yield
                elif code != svmlight.END:
                    line += 1
                    # Without a width of its own no line is at fault for what a model does not know.
                    is_too_wide = code == svmlight.ID_ABOVE and self._is_open
                    if self.on_error == "raise" or is_too_wide:
                        what = self._complaint(code, bytes(text[position : position + SHOWN + 1]))
                        raise ValueError(f"{source.name}, line {line}, column {position - begin + 1}: {what}")
                    rows.n_skipped += 1
                    begin = _next_line(text, begin)

    def _complaint(self, code: int, text: bytes) -> str:
        """Say what is wrong with the word that a text begins with."""
        tokens = text.partition(b"\n")[0].partition(b"#")[0].split()
        # A word begins where there is none when a value is missing.
        word = tokens[0] if tokens and text.startswith(tokens[0]) else b""
        shown = word.decode("utf-8", "backslashreplace")
        if len(word) > SHOWN:
            shown = shown[:SHOWN] + "..."
        id_, first = shown.partition(":")[0], 0 if self.zero_based else 1
        if code == svmlight.ID_BELOW:
            hint = "; files whose ids count from 0 need zero_based=True" if id_.strip("0") == "" else ""
            return f"column id {id_} is below {first}{hint}"
        if code == svmlight.ID_ABOVE:
            last = self.n_features - 1 + first
            whose = ", the width of the model" if self._is_open and self.n_features != OPEN_WIDTH else ""
            return f"column id {id_} is above {last}, the last one with n_features={self.n_features}{whose}"
        return _EXPECTED[code].format(shown)


class _BlockBuffer:
    """Rows of the block that is being read, and counts of what was read before."""

    def __init__(self, block_rows: int, n_features: int, zero_based: bool, dtype: np.dtype[Any]) -> None:
        self.n_given, self.n_skipped = 0, 0
        self._block_rows, self._n_features, self._zero_based, self._dtype = block_rows, n_features, zero_based, dtype
        self._begin(min(block_rows, FIRST_ROWS), FIRST_ENTRIES)

    def _begin(self, max_rows: int, capacity: int) -> None:
        self.n_rows, self._n_entries = 0, 0
        # Room that is never written to takes no memory.
        self._labels = np.empty(max_rows)
        self._indptr = np.empty(max_rows + 1, dtype=np.int64)
        self._indptr[0] = 0
        self._indices = np.empty(capacity, dtype=index_dtype(self._n_features, capacity))
        self._data = np.empty(capacity, dtype=self._dtype)

    def parse(self, text: Text, begin: int) -> tuple[int, int, int, int]:
        """Read on; return what stopped it, where the line begins, where the culprit begins and the lines read."""
        arrays = (self._labels, self._indptr, self._indices, self._data)
        code, begin, position, n_lines, self.n_rows, self._n_entries = svmlight.parse(
            text, begin, self._zero_based, self._n_features, self.n_rows, self._n_entries, *arrays
        )
        return code, begin, position, n_lines

    def grow(self, code: int) -> bool:
        """Double the room for what is full, or return False because the block is complete. A row is never split."""
        if code == svmlight.ROWS_FULL:
            if self.n_rows == self._block_rows:
                return False
            room = min(2 * self.n_rows, self._block_rows)
            self._labels, self._indptr = _enlarged(self._labels, room), _enlarged(self._indptr, room + 1)
        else:
            if self.n_rows and self._indices.size >= BLOCK_ENTRIES:
                return False
            room = 2 * self._indices.size
            self._indices, self._data = _enlarged(self._indices, room), _enlarged(self._data, room)
        return True

    def give(self) -> Block:
        """Give the rows away and begin anew."""
        n_rows, n_entries, shape = self.n_rows, self._n_entries, (self.n_rows, self._n_features)
        entries = (self._data[:n_entries], self._indices[:n_entries], self._indptr[: n_rows + 1])
        block = Block(sparse.csr_matrix(entries, shape=shape), self._labels[:n_rows])
        self.n_given += n_rows
        # Blocks of one file are much alike: what one needed, the next will.
        self._begin(self._labels.size, min(self._indices.size, BLOCK_ENTRIES))
        return block


def _enlarged(array: NDArray[Any], size: int) -> NDArray[Any]:
    larger = np.empty(size, dtype=array.dtype)
    larger[: array.size] = array
    return larger


def _whole_lines(source: Source) -> Iterator[Text]:
    """Yield a file in whole lines, many at once; the last one is ended if it was not. Only the first of a chunk, of
    which the chunk before had a part, is copied.
    """
    parts: list[Text] = []
    with source.open() as file:
        if (first := file.read(len(BYTE_ORDER_MARK))) != BYTE_ORDER_MARK:
            parts.append(first)
        while chunk := file.read(CHUNK_BYTES):
            view, begin, n_whole = memoryview(chunk), 0, chunk.rfind(b"\n") + 1
            if n_whole and parts:
                begin = chunk.index(b"\n") + 1
                yield b"".join((*parts, view[:begin]))
                parts = []
            if begin < n_whole:
                yield view[begin:n_whole]
            if n_whole < len(chunk):
                parts.append(view[n_whole:])
            if sum(map(len, parts)) > MAX_LINE_BYTES:
                raise ValueError(f"{source.name}: a line has more than the {MAX_LINE_BYTES} bytes that are allowed")
    if parts:
        yield b"".join((*parts, b"\n"))


def _next_line(text: Text, begin: int) -> int:
    """Return where the line after the one from `begin` on begins; the search goes over as much as lines are long."""
    while (found := bytes(text[begin : begin + LINE_BYTES]).find(b"\n")) < 0:
        begin += LINE_BYTES
    return begin + found + 1
