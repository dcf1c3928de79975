"""Tables in CSV and Parquet files, read block by block. pyarrow is imported when a reader is made, not before."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sparsereg._parameters import check_count
from sparsereg._sklearn import NotFittedError
from sparsereg._validation import MAX_SAMPLES
from sparsereg.streaming.blocks import Block
from sparsereg.streaming.sources import Source, as_sources

__all__ = ["CsvReader", "ParquetReader"]

_FEATURES = "expected a transformer or a list of column names and pairs (transformer, column names)"

# How pyarrow reports a field that is not of its column's type; the line of names is its row 1.
_CSV_FAULT = re.compile(r"In CSV column #(?P<column>\d+): Row #(?P<line>\d+): (?P<what>.*)", flags=re.DOTALL)
_TYPES_HINT = "; `types` says how to read columns for transformers"


class _TableReader(ABC):
    """What CSV and Parquet have in common."""

    def __init__(self, source: Any, target: Any, features: Any, weight: Any, block_rows: Any) -> None:
        _import_arrow()
        self._sources = as_sources(source)
        self.target = _check_name(target, "target")
        self.weight = None if weight is None else _check_name(weight, "weight")
        self.features = features
        self._parts = _as_parts(features)
        self.block_rows = check_count(block_rows, "block_rows", MAX_SAMPLES)

    def __iter__(self) -> Iterator[Block]:
        """Read the files from the start.

        Yields
        ------
        block : Block
            X is a CSR matrix, y float64, sample_weight float64 or None.
        """
        n_rows = 0
        for source in self._sources:
            first = 1
            for table, parts in self._tables(source):
                rows = _Rows(source.name, first, table)
                weight = None if self.weight is None else rows.numbers(self.weight)
                yield Block(rows.features(parts), rows.numbers(self.target), weight)
                first += table.num_rows
            n_rows += first - 1
        if n_rows == 0:
            raise ValueError(f"{', '.join(source.name for source in self._sources)}: no rows, expected at least one")

    def _tables(self, source: Source) -> Iterator[tuple[Any, list[_Part]]]:
        """Yield tables of `block_rows` rows with the columns that are needed, and the parts that they make."""
        with _blamed_on(source.name):
            names = self._names(source)
        with _blamed_on(source.name, names):
            others = [name for name in names if name not in (self.target, self.weight)]
            parts = [part if part.columns else _Part(part.transformer, others) for part in self._parts]
            if not all(part.columns for part in parts):
                raise ValueError(f"{source.name}: no column is left for features, the file has {_shortened(names)}")
            numbers = [self.target] if self.weight is None else [self.target, self.weight]
            numbers += [name for part in parts if part.transformer is None for name in part.columns]
            needed = [*dict.fromkeys(numbers + [name for part in parts for name in part.columns])]
            for name in needed:
                if names.count(name) != 1:
                    fault = "two columns" if name in names else "no column"
                    raise ValueError(f"{source.name}: {fault} {name!r}, the file has {_shortened(names)}")
            for table in _regrouped(self._batches(source, needed, numbers), self.block_rows):
                yield table, parts

    @abstractmethod
    def _names(self, source: Source) -> list[str]:
        """Return the names of all columns of a file."""

    @abstractmethod
    def _batches(self, source: Source, columns: list[str], numbers: list[str]) -> Iterator[Any]:
        """Yield record batches of some columns of a file, those among `numbers` as numbers if they can be."""


class CsvReader(_TableReader):
    """Blocks of rows from CSV files, of any size.

    The first line holds the names of the columns. Empty fields and the usual words for them (NA, null, NaN) are missing
    values.

    Parameters
    ----------
    source : path, binary file object that can seek, or a list of these
        Files plain or gzipped. Several are read one after the other; each has a line of names.
    target : str
        Column of the labels or values to predict, numbers without gaps.
    features : transformer, or list of column names and pairs (transformer, column names)
        What the columns of X are made of, side by side in this order. A name stands for a column of numbers without
        gaps. A transformer, such as `LatLongCross` or `FeatureCross`, is given its columns block by block: it
        must be fitted already, on a sample for example, or need no fit. One of this package that was fitted on a data
        frame gets a table with names; scikit-learn's take that for an array, so give them columns by position. A
        transformer in place of a list gets the columns it was fitted on, or if it has no names for them, all columns
        but target and weight.
    weight : str, optional
        Column of the sample weights.
    block_rows : int, default=100_000
    types : mapping from column name to pyarrow type or its name, optional
        How to read columns for transformers, like ``{"zip": "string"}``. What is not named is guessed from the first
        megabyte of each file.
    delimiter : str, default=","

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
        self,
        source: Any,
        *,
        target: str,
        features: Any,
        weight: str | None = None,
        block_rows: int = 100_000,
        types: Mapping[str, Any] | None = None,
        delimiter: str = ",",
    ) -> None:
        super().__init__(source, target, features, weight, block_rows)
        self.types = {name: _as_type(kind, name) for name, kind in (types or {}).items()}
        if not isinstance(delimiter, str) or len(delimiter.encode()) != 1:
            raise ValueError(f"delimiter: {delimiter!r} is not allowed, expected one ASCII letter")
        self.delimiter = delimiter

    def _names(self, source: Source) -> list[str]:
        with self._open(source) as reader:
            return list(reader.schema.names)

    def _batches(self, source: Source, columns: list[str], numbers: list[str]) -> Iterator[Any]:
        types = {**self.types, **dict.fromkeys(numbers, _import_arrow().float64())}
        with self._open(source, include_columns=columns, column_types=types) as reader:
            yield from reader

    @contextmanager
    def _open(self, source: Source, **convert: Any) -> Iterator[Any]:
        from pyarrow import csv

        # Faults come with their row from one thread only.
        options = {
            "read_options": csv.ReadOptions(use_threads=False),
            "parse_options": csv.ParseOptions(delimiter=self.delimiter),
            "convert_options": csv.ConvertOptions(strings_can_be_null=True, **convert),
        }
        # The reader is closed before the file, from which it may be reading ahead.
        with source.open() as file, csv.open_csv(file, **options) as reader:
            yield reader


class ParquetReader(_TableReader):
    """Blocks of rows from Parquet files, of any size.

    Parameters
    ----------
    source : path, binary file object that can seek, or a list of these
        Several are read one after the other.
    target : str
        Column of the labels or values to predict, numbers without gaps.
    features : transformer, or list of column names and pairs (transformer, column names)
        As for `CsvReader`.
    weight : str, optional
        Column of the sample weights.
    block_rows : int, default=100_000

    Raises
    ------
    ImportError
        Without pyarrow, which the extra ``io`` brings.

    Notes
    -----
    As for `CsvReader`. Beside one block, memory holds one row group of the columns that are read.
    """

    def __init__(
        self, source: Any, *, target: str, features: Any, weight: str | None = None, block_rows: int = 100_000
    ) -> None:
        super().__init__(source, target, features, weight, block_rows)

    def _names(self, source: Source) -> list[str]:
        with self._open(source) as file:
            return list(file.schema_arrow.names)

    def _batches(self, source: Source, columns: list[str], numbers: list[str]) -> Iterator[Any]:
        with self._open(source) as file:
            yield from file.iter_batches(batch_size=min(self.block_rows, 1 << 16), columns=columns, use_threads=False)

    @contextmanager
    def _open(self, source: Source) -> Iterator[Any]:
        from pyarrow import parquet

        with source.open_raw() as file, parquet.ParquetFile(file) as reader:
            yield reader


@dataclass(frozen=True, eq=False)
class _Part:
    """Neighbouring columns of X: what makes them, None for numbers as they are, and of which columns."""

    transformer: Any
    columns: list[str]


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of a file, the first of them numbered `first`."""

    name: str
    first: int
    table: Any

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Return a column of finite numbers without gaps."""
        kinds, values = _import_arrow().types, self.table.column(column)
        numeric = (kinds.is_integer, kinds.is_floating, kinds.is_decimal, kinds.is_boolean, kinds.is_null)
        if not any(is_kind(values.type) for is_kind in numeric):
            raise ValueError(f"{self.name}: column {column!r} holds {values.type}, expected numbers")
        missing = values.is_null().to_numpy()
        if missing.any():
            raise ValueError(f"{self._row(missing)}: column {column!r} has no value, expected a number")
        numbers = values.cast("float64", safe=False).to_numpy()
        infinite = ~np.isfinite(numbers)
        if infinite.any():
            found = numbers[infinite][0]
            raise ValueError(f"{self._row(infinite)}: column {column!r} has {found}, expected a finite number")
        return numbers

    def features(self, parts: Iterable[_Part]) -> sparse.csr_matrix:
        """Return what the parts make, side by side."""
        made = [self._plain(part) if part.transformer is None else self._transformed(part) for part in parts]
        return sparse.csr_matrix(made[0] if len(made) == 1 else sparse.hstack(made, format="csr"))

    def _plain(self, part: _Part) -> sparse.csr_matrix:
        return sparse.csr_matrix(np.column_stack([self.numbers(name) for name in part.columns]))

    def _transformed(self, part: _Part) -> Any:
        columns = _Columns(part.columns, [_as_array(self.table.column(name)) for name in part.columns])
        named = hasattr(part.transformer, "feature_names_in_")
        try:
            made = part.transformer.transform(columns if named else np.asarray(columns))
        except NotFittedError:
            raise
        except (ValueError, TypeError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{self.name}, in the block from row {self.first} on: {error}") from error
        return made if sparse.issparse(made) else sparse.csr_matrix(np.asarray(made))

    def _row(self, marked: NDArray[np.bool_]) -> str:
        return f"{self.name}, row {self.first + int(np.argmax(marked))}"


class _Columns:
    """The least that counts as a data frame with names, for transformers that were fitted on one."""

    def __init__(self, names: list[str], arrays: list[NDArray[Any]]) -> None:
        self.columns = names
        self.shape = (arrays[0].size, len(arrays))
        self._arrays = dict(zip(names, arrays))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        arrays = [self._arrays[name] for name in self.columns]
        # Numbers beside words would become words.
        if any(array.dtype.kind not in "biuf" for array in arrays):
            arrays = [array.astype(object) for array in arrays]
        table = np.column_stack(arrays)
        return table if dtype is None else table.astype(dtype)


def _as_parts(features: Any) -> list[_Part]:
    """Read what X is to be made of; neighbouring columns of numbers become one part."""
    if hasattr(features, "transform"):
        return [_Part(features, list(getattr(features, "feature_names_in_", [])))]
    if not isinstance(features, (list, tuple)) or not features:
        raise TypeError(f"features: {features!r} is not allowed, {_FEATURES}")
    parts: list[_Part] = []
    for plain, entries in groupby(features, key=lambda entry: isinstance(entry, str)):
        if plain:
            parts.append(_Part(None, list(entries)))
        else:
            parts.extend(_as_part(entry) for entry in entries)
    return parts


def _as_part(pair: Any) -> _Part:
    """Read a transformer and its columns."""
    is_pair = isinstance(pair, tuple) and len(pair) == 2 and hasattr(pair[0], "transform")
    if not is_pair or isinstance(pair[1], str) or not isinstance(pair[1], Iterable):
        raise TypeError(f"features: {pair!r} is not allowed, {_FEATURES}")
    columns = [_check_name(name, "features") for name in pair[1]]
    if not columns:
        raise ValueError(f"features: {pair!r} is not allowed, expected at least one column")
    return _Part(pair[0], columns)


def _regrouped(batches: Iterator[Any], n_rows: int) -> Iterator[Any]:
    """Cut record batches, joined end to end, into tables of `n_rows` rows; the last one may have fewer."""
    table = _import_arrow().Table
    held: list[Any] = []
    n_held = 0
    for batch in batches:
        while n_held + batch.num_rows >= n_rows:
            yield table.from_batches([*held, batch.slice(0, n_rows - n_held)])
            batch = batch.slice(n_rows - n_held)
            held, n_held = [], 0
        held.append(batch)
        n_held += batch.num_rows
    if n_held:
        yield table.from_batches(held)


def _as_array(column: Any) -> NDArray[Any]:
    """Return a column as an array; missing numbers are NaN, other missing values None."""
    if _import_arrow().types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.to_numpy()


@contextmanager
def _blamed_on(name: str, columns: Sequence[str] = ()) -> Iterator[None]:
    """Put the name of a file, and of its column, on what pyarrow finds wrong with it."""
    arrow = _import_arrow()
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: {error}, expected UTF-8") from error
    except arrow.ArrowException as error:
        fault = _CSV_FAULT.fullmatch(str(error))
        if fault is None or int(fault["column"]) >= len(columns):
            raise ValueError(f"{name}: {error}") from error
        column, row = columns[int(fault["column"])], int(fault["line"]) - 1
        raise ValueError(f"{name}, row {row}: column {column!r}: {fault['what']}{_TYPES_HINT}") from error
    except OSError as error:
        # Without a number it is not the system that complains.
        if error.errno is not None:
            raise
        raise ValueError(f"{name}: {error}") from error


def _as_type(kind: Any, name: str) -> Any:
    arrow = _import_arrow()
    try:
        return arrow.type_for_alias(kind) if isinstance(kind, str) else arrow.field(name, kind).type
    except (TypeError, ValueError) as error:
        raise type(error)(f"types: {kind!r} for column {name!r} is not allowed; {error}") from error


def _check_name(name: Any, argument: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{argument}: {name!r} is not allowed, expected the name of a column")
    return name


def _shortened(names: list[str]) -> str:
    return ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")


def _import_arrow() -> ModuleType:
    try:
        import pyarrow
    except ImportError:
        raise ImportError("CsvReader and ParquetReader need pyarrow: pip install 'sparsereg[io]'") from None
    return pyarrow
