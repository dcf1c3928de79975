"""Tables that are held or made elsewhere, read as Arrow's record batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from sparsereg.readers.table_reader import TableReader, Wanted, import_arrow

_EXPECTED = (
    "expected record batches or tables of Arrow's, an iterable of these, a pyarrow dataset, anything with "
    "__arrow_c_stream__, such as a data frame, or a function that returns one of them"
)


class ArrowReader(TableReader):
    """Blocks of rows from whatever speaks Arrow: polars, DuckDB, pandas, datasets of pyarrow, record batches.

    Parameters
    ----------
    source : pyarrow dataset, table, record batch or reader, object with ``__arrow_c_stream__``, iterable, or function
        An iterable holds record batches, tables or objects with ``__arrow_c_stream__``. A function without arguments
        is called for every pass and returns one of the others.
    target : str or None
        As for `ParquetReader`.
    features : transformer, or list of column names and pairs (transformer, column names)
        As for `CsvReader`.
    weight : str, optional
        Column of the sample weights.
    block_rows : int, default=100_000
        The last block has fewer, and so has one before the types of the columns change.
    missing : "error", "indicator" or float, default="error"
        As for `ParquetReader`.

    Raises
    ------
    ImportError
        Without pyarrow, which the extra ``io`` brings.

    Notes
    -----
    Several passes are possible if the source can be read again: a reader of record batches and an iterator cannot, a
    function that makes one can, such as one that runs a query. Memory holds one block and what the source itself
    holds. Messages count the rows of the source from 1, or those of each file of a dataset.

    Examples
    --------
    >>> import pyarrow as pa
    >>> batches = [pa.record_batch({"x": [1.0, 2.0], "y": [0, 1]}), pa.record_batch({"x": [3.0], "y": [1]})]
    >>> [block.y.tolist() for block in ArrowReader(batches, target="y", features=["x"])]
    [[0.0, 1.0, 1.0]]
    """

    def __init__(
        self, source: Any, *, target: str | None, features: Any, weight: str | None = None, block_rows: int = 100_000,
        missing: str | float = "error",
    ) -> None:
        super().__init__(target, features, weight, block_rows, missing)
        is_function = callable(source) and not hasattr(source, "__arrow_c_stream__")
        if not is_function:
            _check_source(source)
        self.source = source
        self._make: Callable[[], Any] = source if is_function else lambda: source
        self._passes = _Passes()

    @property
    def can_repeat(self) -> bool:
        """Whether the source can be read more than once."""
        return self._make is self.source or not isinstance(self.source, Iterator)

    def _pieces(self) -> Iterable[_Piece]:
        if self._passes.n_begun and not self.can_repeat:
            raise ValueError(
                f"source: this {type(self.source).__name__} was read before and cannot be read again, expected a "
                "function that makes one"
            )
        self._passes.n_begun += 1
        source = self._make()
        _check_source(source)
        return _pieces_of(source)

    def _names(self, piece: _Piece) -> list[str]:
        return piece.names

    def _batches(self, piece: _Piece, columns: list[str], wanted: Wanted) -> Iterator[Any]:
        return piece.batches(columns, self.block_rows)


@dataclass
class _Passes:
    """How often a source was read, whoever reads it: readers of one source share this."""

    n_begun: int = 0


@dataclass(frozen=True, eq=False)
class _Piece:
    """Something with columns of these names, and what yields record batches of some of them."""

    name: str
    names: list[str]
    batches: Callable[[list[str], int], Iterator[Any]]
    partitions: dict[str, Any] = field(default_factory=dict)


def _check_source(source: Any) -> None:
    """Refuse what cannot be read."""
    if type(source).__name__ == "LazyFrame":
        raise TypeError("source: a LazyFrame is not allowed, expected a DataFrame: collect() it")
    if isinstance(source, (str, bytes, dict)):
        known = "paths go to ParquetReader, CsvReader or pyarrow.dataset.dataset"
        raise TypeError(f"source: {type(source).__name__} is not allowed, {_EXPECTED}; {known}")
    if not (hasattr(source, "__arrow_c_stream__") or hasattr(source, "get_fragments") or isinstance(source, Iterable)):
        raise TypeError(f"source: {type(source).__name__} is not allowed, {_EXPECTED}")


def _pieces_of(source: Any) -> Iterable[_Piece]:
    """Divide a source into what has a name of its own."""
    name = f"<{type(source).__name__}>"
    if hasattr(source, "get_fragments"):  # a dataset
        files = _files_of(source)
        return [_scanned(one, one.path, {"schema": source.schema}) for one in files] or [_scanned(source, name, {})]
    if hasattr(source, "__arrow_c_stream__"):
        reader = _as_reader(source)
        return [_Piece(name, reader.schema.names, lambda columns, _: _selected(reader, columns, name))]
    batches = _flattened(source)
    first = next(batches, None)
    if first is None:
        raise ValueError(f"{name}: no record batch, expected at least one")
    found = chain([first], batches)
    return [_Piece(name, first.schema.names, lambda columns, _: _selected(found, columns, name))]


def _files_of(dataset: Any) -> list[Any]:
    """List the files of a dataset; none where it is read as a whole, because it is filtered or not in files."""
    try:
        fragments = list(dataset.get_fragments())
    except ValueError:
        return []
    return fragments if all(hasattr(one, "path") for one in fragments) else []


def _scanned(part: Any, name: str, schema: dict[str, Any]) -> _Piece:
    """Return what reads a dataset, or a file of one, one batch ahead."""
    names = (schema.get("schema") or part.schema).names

    def batches(columns: list[str], n_rows: int) -> Iterator[Any]:
        return part.to_batches(
            **schema, columns=columns, batch_size=min(n_rows, 1 << 16), batch_readahead=1, fragment_readahead=1
        )

    return _Piece(name, names, batches)


def _flattened(source: Iterable[Any]) -> Iterator[Any]:
    """Yield the record batches of an iterable of batches, tables and streams."""
    arrow = import_arrow()
    for number, item in enumerate(source):
        if isinstance(item, arrow.RecordBatch):
            yield item
        elif hasattr(item, "__arrow_c_stream__"):
            yield from _as_reader(item)
        else:
            raise TypeError(f"source: item {number} is of type {type(item).__name__}, {_EXPECTED}")


def _as_reader(source: Any) -> Any:
    """Open a stream; a record batch is one of itself."""
    arrow = import_arrow()
    if isinstance(source, arrow.RecordBatch):
        return arrow.RecordBatchReader.from_batches(source.schema, [source])
    return source if isinstance(source, arrow.RecordBatchReader) else arrow.RecordBatchReader.from_stream(source)


def _selected(batches: Iterable[Any], columns: list[str], name: str) -> Iterator[Any]:
    """Yield some columns of record batches, all of which must have them."""
    for number, batch in enumerate(batches):
        absent = [column for column in columns if batch.schema.get_field_index(column) < 0]
        if absent:
            raise ValueError(f"{name}: no column {absent[0]!r} in batch {number}, which has {batch.schema.names}")
        yield batch.select(columns)
