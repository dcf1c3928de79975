"""Base class of the table readers: which columns are needed, blocks of rows, and who is to blame for a fault."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from sparsereg.inputs.parameters import check_count, check_number
from sparsereg.inputs.rows import MAX_SAMPLES
from sparsereg.readers.blocks import Block
from sparsereg.readers.labels import AnyTarget, NumberTarget
from sparsereg.readers.table_columns import ColumnSpec, as_parts, cell_bounds, check_name, feature_names
from sparsereg.readers.table_rows import TableRows


@dataclass(frozen=True, eq=False)
class Wanted:
    """The columns of a file that are read, and what for.

    Attributes
    ----------
    target : str or None
        None: it is not read.
    numbers : list of str
        Weights, and columns that enter X as they are.
    parts : list of ColumnSpec
        What X is made of.
    """

    target: str | None
    numbers: list[str]
    parts: list[ColumnSpec]

    @property
    def columns(self) -> list[str]:
        """All of them, each once."""
        target = [] if self.target is None else [self.target]
        return [*dict.fromkeys([*target, *self.numbers, *self.given()])]

    def given(self, takes_text: Collection[bool | None] = (True, False, None)) -> list[str]:
        """Return the columns that transformers are given.

        Parameters
        ----------
        takes_text : collection of bool or None
            Only those whose transformer says this of columns without a type.

        Returns
        -------
        columns : list of str
        """
        parts = [part for part in self.parts if part.transformer is not None and part.takes_text in takes_text]
        return [name for part in parts for name in part.columns]

    def coded(self) -> list[str]:
        """Return the columns of text that may come as positions in a list of texts: nothing else is made of them."""
        others = [name for part in self.parts if not (part.takes_tables and part.takes_text) for name in part.columns]
        own = {self.target, *self.numbers, *others}
        return [name for name in dict.fromkeys(self.given([True])) if name not in own]


class TableReader(ABC):
    """Blocks of rows from something that can be read piece by piece as record batches."""

    # Words that mean that there is no number, where files are text; None: columns have types.
    _no_number: Collection[str] | None = None
    # No features either, where they are read beside the rows.
    _beside: tuple[str, ...] = ()
    # Of one file among many, which others read.
    _may_be_empty = False

    def __init__(self, target: Any, features: Any, weight: Any, block_rows: Any, missing: Any) -> None:
        import_arrow(type(self).__name__)
        self.target = None if target is None else check_name(target, "target")
        self.weight = None if weight is None else check_name(weight, "weight")
        self.features = features
        self._parts = as_parts(features)
        if any(self.target in part.used for part in self._parts):
            raise ValueError(
                f"features: {self.target!r} is not allowed, it is the target too, which rows to predict do not have"
            )
        self.block_rows = check_count(block_rows, "block_rows", MAX_SAMPLES)
        self.missing = check_missing(missing)
        # What is not read is None.
        self._target_kind: NumberTarget | None = None if target is None else AnyTarget()
        self._read_weight = self.weight

    def __iter__(self) -> Iterator[Block]:
        """Read from the start.

        Yields
        ------
        block : Block
            X is a CSR matrix, y float64, or objects where the target is text, sample_weight float64; y and
            sample_weight are None where no column is named for them.
        """
        for _, block, _, _ in self._blocks_beside():
            yield block

    def _blocks_beside(
        self, offset: str | None = None, groups: str | None = None
    ) -> Iterator[tuple[int, Block, NDArray[np.float64] | None, Any]]:
        """Read from the start, and beside each block columns that are no features.

        Parameters
        ----------
        offset : str or None, default=None
            Column of numbers.
        groups : str or None, default=None
            Column of anything that can be told apart by its text.

        Yields
        ------
        first : int
            Number of the first row in its file, from 1.
        block : Block
        offset : ndarray of float64 of shape (n_rows,) or None
        groups : pyarrow.ChunkedArray of length n_rows or None
        """
        reader = copy.copy(self)
        reader._beside = tuple(name for name in (offset, groups) if name is not None)
        beside = [] if offset is None else [ColumnSpec(None, [offset])]
        beside += [] if groups is None else [self._as_is(groups)]
        for rows, parts in reader._rows([*self._parts, *beside]):
            weight = None if self._read_weight is None else rows.numbers(self._read_weight)
            y = None if self._target_kind is None else self._target_kind.read(rows, self._check_target(), weight)
            block = Block(rows.features(parts[: len(self._parts)], self.missing), y, weight)
            yield (
                rows.first, block, None if offset is None else rows.numbers(offset),
                None if groups is None else rows.table[groups],
            )

    def _as_is(self, name: str) -> ColumnSpec:
        """Read a column as text where files have no types, and where no feature is made of it in another form."""
        is_typed = any(name in part.columns for part in self._parts if part.takes_text is not True)
        return ColumnSpec(_AsIs(None if is_typed else True), [name])

    def with_columns(self, columns: Sequence[str]) -> Iterator[tuple[sparse.csr_matrix, Any]]:
        """Read X from the start, and beside it some columns of the table as they are: keys, names, dates.

        Parameters
        ----------
        columns : sequence of str
            Any of the table, those of the features and the target too. In CSV files they are read as text, but for
            those of which features are made in another form.

        Returns
        -------
        pairs : iterator of (X, table)
            Block by block: a csr_matrix of shape (n_rows, n_features) and a pyarrow.Table of shape (n_rows, n_columns).

        Raises
        ------
        ValueError
            For columns that are not there, beside the names of those that are.
        """
        alone = self._with_features_alone()
        for rows, parts in alone._rows([*self._parts, *map(self._as_is, columns)]):
            made = parts[: len(self._parts)]
            yield rows.features(made, self.missing), rows.table.select([*columns])

    def tables(self, columns: Sequence[str]) -> Iterator[Any]:
        """Read some columns of the table from the start as they are, and make no features.

        Parameters
        ----------
        columns : sequence of str
            Any of the table. What they hold in CSV files is guessed, where `types` does not say it.

        Returns
        -------
        tables : iterator of pyarrow.Table of shape (n_rows, n_columns)
            Block by block.
        """
        for rows, _ in self._with_features_alone()._rows([ColumnSpec(_AsIs(None), [*columns])]):
            yield rows.table.select([*columns])

    @property
    @abstractmethod
    def can_repeat(self) -> bool:
        """Whether iteration can begin again."""

    def feature_name(self, ids: ArrayLike) -> NDArray[np.object_]:
        """Return a readable name for each given column of X, like ``price``, ``price is missing`` or ``city=Oslo``.

        Parameters
        ----------
        ids : array-like of int, any shape

        Returns
        -------
        names : object array of str, same shape
            Those of transformers are the transformers' own.

        Raises
        ------
        ValueError
            For ids that are not integers or out of range.
        """
        return feature_names(self._parts, ids, self.missing == "indicator")

    def cell_bounds(self, ids: ArrayLike) -> NDArray[np.void]:
        """Return the cells that given columns of X stand for.

        Parameters
        ----------
        ids : array-like of int, any shape

        Returns
        -------
        bounds : structured array of the shape of ids
            Fields south, west, north and east, in degrees; NaN for columns that are no cells.

        Raises
        ------
        ValueError
            As `feature_name`.
        """
        return cell_bounds(self._parts, ids, self.missing == "indicator")

    @property
    def has_cells(self) -> bool:
        """Whether some columns of X stand for cells of latitude and longitude."""
        return any(part.has_cells for part in self._parts)

    def fit_features(self) -> None:
        """Have the transformers that learn part by part learn from the columns they are given, in one pass over these.

        Transformers without `partial_fit`, and those that are fitted, stay as they are.

        Raises
        ------
        ValueError
            For malformed files, and for a column without any value.
        """
        parts = [part for part in self._parts if hasattr(part.transformer, "partial_fit")]
        parts = [part for part in parts if not hasattr(part.transformer, "n_features_in_")]
        if not parts:
            return
        for rows, found in self._with_features_alone()._rows(parts):
            for part in found:
                part.transformer.partial_fit(rows.table.select(part.columns))
        for part in parts:
            for j, categories in getattr(part.transformer, "categories_", {}).items():
                if len(categories) == 0:
                    raise ValueError(f"column {part.columns[j]!r} has no value that is not missing")

    @property
    def _is_untyped(self) -> bool:
        """Whether the target is text without a type, which may mean numbers."""
        return self._no_number is not None

    def _check_target(self) -> str:
        """Return the column of the target; refuse to go on without one."""
        if self.target is None:
            raise ValueError(
                f"target: None is not allowed for a {type(self).__name__} to learn from or to judge by, expected the "
                "name of a column"
            )
        return self.target

    def _with_target(self, kind: NumberTarget) -> TableReader:
        """Return a reader of the same rows that reads targets in another way."""
        self._check_target()
        other = copy.copy(self)
        other._target_kind = kind
        return other

    def _with_features_alone(self) -> TableReader:
        """Return a reader of the same rows that reads neither targets nor weights: files may lack their columns."""
        other = copy.copy(self)
        other._target_kind = other._read_weight = None
        return other

    def _targets(self) -> Iterator[list[Any]]:
        """Go over the rows once, of the target alone; yield the targets of some at a time, each once."""
        alone = copy.copy(self)
        alone._read_weight = None
        alone._target_kind = _TextTarget()
        for rows, _ in alone._rows([]):
            yield rows.encoded(self._check_target())[1]

    def _rows(self, parts: list[ColumnSpec]) -> Iterator[tuple[TableRows, list[ColumnSpec]]]:
        """Yield `block_rows` rows at a time with the columns that are needed, and the parts that they make."""
        n_rows, names = 0, []
        for piece in self._pieces():
            names.append(piece.name)
            first = 1
            with self._blamed_on(piece.name):
                columns_there = self._names(piece)
            # A column that is in the file too is the file's.
            partitions = {name: value for name, value in piece.partitions.items() if name not in columns_there}
            wanted = self._wanted(piece.name, [*columns_there, *partitions], parts)
            columns = [name for name in wanted.columns if name not in partitions]
            with self._blamed_on(piece.name, columns_there):
                batches = _extended(self._batches(piece, columns, wanted), partitions)
                for table in _regrouped(batches, self.block_rows):
                    yield TableRows(piece.name, first, table, self._no_number), wanted.parts
                    first += table.num_rows
            n_rows += first - 1
        if n_rows == 0 and not self._may_be_empty:
            raise ValueError(f"{', '.join(names)}: no rows, expected at least one")

    def _wanted(self, source: str, names: list[str], parts: list[ColumnSpec]) -> Wanted:
        """Choose among the columns of a piece."""
        others = [name for name in names if name not in (self.target, self.weight, *self._beside)]
        parts = [part if part.columns else ColumnSpec(part.transformer, others) for part in parts]
        if not all(part.columns for part in parts):
            raise ValueError(f"{source}: no column is left for features, the file has {_shortened(names)}")
        numbers = [name for part in parts if part.transformer is None for name in part.columns]
        weight = [] if self._read_weight is None else [self._read_weight]
        wanted = Wanted(None if self._target_kind is None else self.target, [*weight, *numbers], parts)
        for name in wanted.columns:
            if names.count(name) != 1:
                fault = "two columns" if name in names else "no column"
                raise ValueError(f"{source}: {fault} {name!r}, the file has {_shortened(names)}")
        return wanted

    @abstractmethod
    def _pieces(self) -> Iterable[Any]:
        """Yield what is read one after the other, each with a `name` for messages and `partitions`."""

    @abstractmethod
    def _names(self, piece: Any) -> list[str]:
        """Return the names of all columns of a piece."""

    @abstractmethod
    def _batches(self, piece: Any, columns: list[str], wanted: Wanted) -> Iterator[Any]:
        """Yield record batches of some columns of a piece."""

    @contextmanager
    def _blamed_on(self, name: str, columns: Sequence[str] = ()) -> Iterator[None]:
        """Put the name of a file, and of its column, on what pyarrow finds wrong with it."""
        try:
            yield
        except UnicodeDecodeError as error:
            raise ValueError(f"{name}: {error}, expected UTF-8") from error
        except import_arrow().ArrowException as error:
            raise ValueError(self._explained(name, columns, str(error))) from error
        except OSError as error:
            # Without a number it is not the system that complains.
            if error.errno is not None:
                raise
            raise ValueError(f"{name}: {error}") from error

    def _explained(self, name: str, columns: Sequence[str], fault: str) -> str:
        """Say what is wrong with a file in the user's terms."""
        return f"{name}: {fault}"


@dataclass(frozen=True)
class _AsIs:
    """Stands in the place of a transformer for columns that are handed on, whatever is in them."""

    _takes_text: bool | None


class _TextTarget(NumberTarget):
    """Targets that are looked at, and not read."""

    text_type = "string"


def import_arrow(who: str = "this") -> ModuleType:
    """Import pyarrow.

    Parameters
    ----------
    who : str
        Who needs it, for the message.

    Returns
    -------
    pyarrow : module

    Raises
    ------
    ImportError
        Without pyarrow, which the extra ``io`` brings.
    """
    try:
        import pyarrow
    except ImportError:
        raise ImportError(f"{who} needs pyarrow: pip install 'sparsereg-wide[io]'") from None
    return pyarrow


def check_missing(missing: Any) -> str | float:
    """Return what stands where a column of numbers has none.

    Parameters
    ----------
    missing : "error", "indicator" or float

    Returns
    -------
    missing : str or float

    Raises
    ------
    ValueError, TypeError
        For anything else.
    """
    if isinstance(missing, str):
        if missing not in ("error", "indicator"):
            raise ValueError(f"missing: {missing!r} is not allowed, expected 'error', 'indicator' or a number")
        return missing
    return check_number(missing, "missing", "(-inf, inf)")


def _extended(batches: Iterator[Any], partitions: dict[str, Any]) -> Iterator[Any]:
    """Add columns whose value is the same in every row."""
    if not partitions:
        return batches
    arrow = import_arrow()

    def extend(batch: Any) -> Any:
        columns = dict(zip(batch.schema.names, batch.columns))
        columns.update((name, arrow.repeat(arrow.scalar(value), batch.num_rows)) for name, value in partitions.items())
        return arrow.RecordBatch.from_pydict(columns)

    return map(extend, batches)


def _regrouped(batches: Iterable[Any], n_rows: int) -> Iterator[Any]:
    """Cut record batches, joined end to end, into tables of `n_rows` rows.

    The last one, and one before the types of the columns change, may have fewer.
    """
    table = import_arrow().Table
    held: list[Any] = []
    n_held = 0
    for batch in batches:
        if held and not batch.schema.equals(held[0].schema):
            yield table.from_batches(held)
            held, n_held = [], 0
        while n_held + batch.num_rows >= n_rows:
            yield table.from_batches([*held, batch.slice(0, n_rows - n_held)])
            batch = batch.slice(n_rows - n_held)
            held, n_held = [], 0
        if batch.num_rows:
            held.append(batch)
            n_held += batch.num_rows
    if n_held:
        yield table.from_batches(held)


def _shortened(names: list[str]) -> str:
    return ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
