"""Tables in CSV and Parquet files, read block by block. pyarrow is imported when a reader is made, not before."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsereg.inputs.parameters import check_count
from sparsereg.readers.files import FilesReader, Source, as_sources
from sparsereg.readers.labels import AnyTarget
from sparsereg.readers.table_reader import TableReader, Wanted, import_arrow

# How pyarrow reports a field that is not of its column's type; a line of names is its row 1.
_CSV_FAULT = re.compile(r"In CSV column #(?P<column>\d+): Row #(?P<line>\d+): (?P<what>.*)", flags=re.DOTALL)
_TOO_LONG = "straddl"
_TYPES_HINT = "; `types` says how to read columns for transformers"
_LABELS_HINT = "; `types` says that labels are text, and SGDClassifier.fit_stream reads them as they are"
# Letters of a fault that a message shows: it may quote a field of any size.
_SHOWN = 200
_LARGEST_BLOCK = 2**31 - 1
# Rows that are decoded at once, at most: each batch makes its own lists of texts.
BATCH_ROWS = 1 << 17
# In front of every text that stands for itself in a Parquet file.
LENGTH_BYTES = 4


class _TableFiles(FilesReader, TableReader):
    """Tables in files, which tell their columns before they are read."""

    def column_kinds(self) -> dict[str, str]:
        """Look at the columns of the first file, as far as its beginning tells.

        Returns
        -------
        kinds : dict of str
            By name: "number", or "text" for all that is no number, truth value or blank; target and weight included.
        """
        piece = next(iter(self._pieces()))
        with self._blamed_on(piece.name):
            schema = self._schema(piece)
        told = {name: "text" if isinstance(value, str) else "number" for name, value in piece.partitions.items()}
        return {**told, **{field.name: "number" if _is_numeric(field.type) else "text" for field in schema}}

    @abstractmethod
    def _schema(self, piece: Any) -> Any:
        """Return the names and types of the columns of a piece."""


class CsvReader(_TableFiles):
    """Blocks of rows from CSV files, of any size.

    The first line holds the names of the columns, unless `names` does.

    Parameters
    ----------
    source : path, binary file object that can seek, or a list of these
        Files plain or packed by gzip, bzip2, xz or zstd, told apart by their first bytes. A path may also be a folder,
        all of whose files are read, or a pattern like ``"part-*.csv"``; what folders like ``year=2024`` say in their
        names is a column then too. Several are read one after the other; each has a line of names.
    target : str or None
        Column of the labels or values to predict, without gaps. Read as numbers; `SGDClassifier.fit_stream` has it read
        as labels: text, true and false, or numbers. With ``types={target: "string"}`` blocks hold text. None: there is
        none, as in files to predict; `predict_stream` reads neither target nor weight, whether they are named or not.
    features : transformer, or list of column names and pairs (transformer, column names)
        What the columns of X are made of, side by side in this order. A name stands for a column of numbers. A
        transformer, such as `LatLongCross` or `FeatureCross`, is given its columns block by block: it
        must be fitted already, on a sample for example, or need no fit. One of this package that was fitted on a data
        frame gets a table with names; scikit-learn's take that for an array, so give them columns by position. A
        transformer in place of a list gets the columns it was fitted on, or if it has no names for them, all columns
        but target and weight. The target itself is refused.
    weight : str, optional
        Column of the sample weights.
    block_rows : int, default=100_000
    missing : "error", "indicator" or float, default="error"
        What stands in X where a column of numbers has none. "error": nothing may be missing. "indicator": every such
        column becomes two, side by side, whether something is missing or not: the number, or 0, and then 1 where it is
        missing, else 0; ``price`` is followed by ``price is missing``, see `feature_name`. A number stands for itself.
        Targets and weights are never filled.
    types : mapping from column name to pyarrow type or its name, optional
        How to read columns for transformers, like ``{"zip": "string"}``. Those of a `FeatureCross` are text if they are
        not named, and those of a `LatLongCross` numbers. For other transformers what is not named is guessed from the
        first megabyte of the first file that has the column, and is the same in all others.
    delimiter : str, default=","
    names : sequence of str, optional
        Names of all columns, for files without a line of names.
    null_values : sequence of str, optional
        Fields that mean a missing value. None: the empty field, and in columns of numbers also the usual words for it
        (NA, null, NaN); in text "NA" is Namibia.
    block_size : int, default=1_048_576
        Bytes that are read at once. A row must not have more.

    Raises
    ------
    ImportError
        Without pyarrow, which the extra ``io`` brings.

    Notes
    -----
    Each iteration reads from the start, so that several passes are possible. Memory holds one block. Messages count
    rows from 1, the line of names left out. Iteration raises ValueError when all files together have no row.
    """

    def __init__(
        self, source: Any, *, target: str | None, features: Any, weight: str | None = None, block_rows: int = 100_000,
        missing: str | float = "error", types: Mapping[str, Any] | None = None, delimiter: str = ",",
        names: Sequence[str] | None = None, null_values: Sequence[str] | None = None, block_size: int = 1 << 20,
    ) -> None:
        super().__init__(target, features, weight, block_rows, missing)
        self._sources = as_sources(source)
        if types is not None and not isinstance(types, Mapping):
            raise TypeError(f"types: {types!r} is not allowed, expected a mapping from column names to types")
        self.types = {name: _as_type(kind, name) for name, kind in (types or {}).items()}
        if not isinstance(delimiter, str) or len(delimiter.encode()) != 1:
            raise ValueError(f"delimiter: {delimiter!r} is not allowed, expected one ASCII letter")
        self.delimiter = delimiter
        self.names = None if names is None else _check_strings(names, "names")
        self.null_values = None if null_values is None else _check_strings(null_values, "null_values")
        self.block_size = check_count(block_size, "block_size", _LARGEST_BLOCK)

    @property
    def _is_untyped(self) -> bool:
        """Whether the target is text without a type, which may mean numbers."""
        return self.target not in self.types

    @property
    def _no_number(self) -> list[str]:
        from pyarrow import csv

        # Those that the user has named are missing values before anything is read as a number.
        return csv.ConvertOptions().null_values if self.null_values is None else []

    def _pieces(self) -> Iterable[_CsvFile]:
        guessed: dict[str, Any] = {}
        return [_CsvFile(source, source.name, source.partitions, guessed) for source in self._sources]

    def _schema(self, piece: _CsvFile) -> Any:
        with self._open(piece.source, column_types=self.types) as reader:
            return reader.schema

    def _names(self, piece: _CsvFile) -> list[str]:
        with self._open(piece.source) as reader:
            for field in reader.schema:
                piece.guess(field)
            return list(reader.schema.names)

    def _batches(self, piece: _CsvFile, columns: list[str], wanted: Wanted) -> Iterator[Any]:
        types = {**piece.guessed, **self._types(wanted)}
        with self._open(piece.source, include_columns=columns, column_types=types) as reader:
            yield from reader if self.null_values is not None else map(_with_gaps, reader)

    def _types(self, wanted: Wanted) -> dict[str, Any]:
        """Say how columns are read. What is wanted as text and as a number is read as text."""
        arrow = import_arrow()
        types = dict.fromkeys([*wanted.given([False]), *wanted.numbers], arrow.float64())
        types |= dict.fromkeys(wanted.given([True]), arrow.string())
        types |= {name: self.types[name] for name in wanted.given() if name in self.types}
        if wanted.target is not None and self._target_kind is not None:
            by_default = _as_type(self._target_kind.text_type, wanted.target)
            types[wanted.target] = self.types.get(wanted.target, by_default)
        return types

    @contextmanager
    def _open(self, source: Source, **convert: Any) -> Iterator[Any]:
        from pyarrow import csv

        if self.null_values is not None:
            convert |= {"null_values": self.null_values, "strings_can_be_null": True}
        # Faults come with their row from one thread only.
        read = csv.ReadOptions(use_threads=False, block_size=self.block_size, column_names=self.names or None)
        parse = csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True)
        # The reader is closed before the file, from which it may be reading ahead.
        with source.open() as file, csv.open_csv(file, read, parse, csv.ConvertOptions(**convert)) as reader:
            yield reader

    def _explained(self, name: str, columns: Sequence[str], fault: str) -> str:
        if _TOO_LONG in fault:
            return f"{name}: a row does not fit into block_size={self.block_size} bytes, expected a larger block_size"
        found = _CSV_FAULT.fullmatch(fault)
        if found is None or int(found["column"]) >= len(columns):
            return f"{name}: {_shortened(fault)}"
        column, row = columns[int(found["column"])], int(found["line"]) - (self.names is None)
        return f"{name}, row {row}: column {column!r}: {_shortened(found['what'])}{self._hint(column)}"

    def _hint(self, column: str) -> str:
        """Say what may help where a field is not of its column's type."""
        if column == self.target:
            return _LABELS_HINT if isinstance(self._target_kind, AnyTarget) else ""
        plain = {name for part in self._parts if part.transformer is None for name in part.columns}
        return "" if column == self.weight or column in plain else _TYPES_HINT


class ParquetReader(_TableFiles):
    """Blocks of rows from Parquet files, of any size.

    Parameters
    ----------
    source : path, binary file object that can seek, or a list of these
        A path may also be a folder, all of whose files are read, or a pattern like ``"part-*.parquet"``; what folders
        like ``year=2024`` say in their names is a column then too. Several are read one after the other.
    target : str or None
        Column of the labels or values to predict, without gaps: numbers, true and false as 1 and 0, or text, which
        `SGDClassifier` takes as labels. None: there is none, as for `CsvReader`.
    features : transformer, or list of column names and pairs (transformer, column names)
        As for `CsvReader`.
    weight : str, optional
        Column of the sample weights.
    block_rows : int, default=100_000
    missing : "error", "indicator" or float, default="error"
        As for `CsvReader`; NaN is missing too.

    Raises
    ------
    ImportError
        Without pyarrow, which the extra ``io`` brings.

    Notes
    -----
    As for `CsvReader`. Beside one block, memory holds one row group of the columns that are read.
    """

    def __init__(
        self, source: Any, *, target: str | None, features: Any, weight: str | None = None, block_rows: int = 100_000,
        missing: str | float = "error",
    ) -> None:
        super().__init__(target, features, weight, block_rows, missing)
        self._sources = as_sources(source)

    def _pieces(self) -> Iterable[Source]:
        return self._sources

    def _schema(self, piece: Source) -> Any:
        with self._open(piece) as file:
            return file.schema_arrow

    def _names(self, piece: Source) -> list[str]:
        with self._open(piece) as file:
            return list(file.schema_arrow.names)

    def _batches(self, piece: Source, columns: list[str], wanted: Wanted) -> Iterator[Any]:
        with self._open(piece) as file:
            coded = coded_columns(file.metadata, wanted.coded())
        with self._open(piece, coded) as file:
            n_rows = min(self.block_rows, BATCH_ROWS)
            yield from file.iter_batches(batch_size=n_rows, columns=columns, use_threads=False)

    @contextmanager
    def _open(self, source: Source, coded: Sequence[str] = ()) -> Iterator[Any]:
        from pyarrow import parquet

        with source.open_raw() as file, parquet.ParquetFile(file, read_dictionary=[*coded]) as reader:
            yield reader


@dataclass(frozen=True, eq=False)
class _CsvFile:
    """A file, and the types of columns that were guessed from those before it."""

    source: Source
    name: str
    partitions: dict[str, Any]
    guessed: dict[str, Any]

    def guess(self, field: Any) -> None:
        """Keep the first type of a column, but let whole numbers become fractions."""
        kinds = import_arrow().types
        if kinds.is_null(field.type):
            return
        known = self.guessed.setdefault(field.name, field.type)
        if kinds.is_integer(known) and kinds.is_floating(field.type):
            self.guessed[field.name] = field.type


def coded_columns(metadata: Any, columns: Iterable[str]) -> list[str]:
    """Choose the columns of text that a file holds as positions in a list of texts, and that are better left so.

    Parameters
    ----------
    metadata : pyarrow.parquet.FileMetaData
    columns : iterable of str
        To choose from.

    Returns
    -------
    coded : list of str
    """
    every = [metadata.schema.column(k) for k in range(metadata.num_columns)]
    texts = {column.path: k for k, column in enumerate(every) if column.logical_type.type == "STRING"}
    return [name for name in columns if name in texts and _is_coded(metadata, texts[name])]


def _is_coded(metadata: Any, column: int) -> bool:
    """Say whether a column has few bytes a value: one with too many texts falls back on what each is."""
    chunks = [metadata.row_group(group).column(column) for group in range(metadata.num_row_groups)]
    n_bytes, n_values = np.sum([(0, 0), *((c.total_uncompressed_size, c.num_values) for c in chunks)], axis=0)
    return all(chunk.has_dictionary_page for chunk in chunks) and bool(n_bytes < LENGTH_BYTES * n_values)


def _is_numeric(kind: Any) -> bool:
    known = import_arrow().types
    numeric = (known.is_integer, known.is_floating, known.is_decimal, known.is_boolean, known.is_null)
    return any(is_kind(kind) for is_kind in numeric)


def _with_gaps(batch: Any) -> Any:
    """Make missing values of empty text."""
    import pyarrow as pa
    from pyarrow import compute

    columns = list(batch.columns)
    for k, column in enumerate(columns):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            empty = compute.equal(compute.binary_length(column), 0)
            if compute.any(empty).as_py():
                columns[k] = compute.if_else(empty, pa.scalar(None, column.type), column)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _as_type(kind: Any, name: str) -> Any:
    arrow = import_arrow()
    try:
        return arrow.type_for_alias(kind) if isinstance(kind, str) else arrow.field(name, kind).type
    except (TypeError, ValueError) as error:
        raise type(error)(f"types: {kind!r} for column {name!r} is not allowed; {error}") from error


def _check_strings(strings: Any, argument: str) -> list[str]:
    if isinstance(strings, str) or not isinstance(strings, Iterable):
        raise TypeError(f"{argument}: {strings!r} is not allowed, expected a sequence of str")
    strings = list(strings)
    strange = [word for word in strings if not isinstance(word, str)]
    if strange or not strings:
        raise TypeError(f"{argument}: {(strange or [strings])[0]!r} is not allowed, expected a sequence of str")
    return strings


def _shortened(fault: str) -> str:
    return fault if len(fault) <= _SHOWN else fault[:_SHOWN] + "..."
