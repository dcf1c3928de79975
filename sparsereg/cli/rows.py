"""Rows to predict: blocks of X, or of a table, from files of every kind, with some columns beside them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sparsereg.cli.arguments import delimiter
from sparsereg.cli.saved import Saved
from sparsereg.cli.sources import KINDS, TABLES, hold_pipes
from sparsereg.estimators.table_model import TableModel
from sparsereg.path.result import RegularizationPath
from sparsereg.readers.npz import NpzReader
from sparsereg.readers.svmlight import SvmlightReader
from sparsereg.readers.tables import CsvReader, ParquetReader


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows.

    Attributes
    ----------
    X : csr_matrix, or a DataFrame for what was fitted to one
    beside : dict of str to pyarrow.ChunkedArray
        Columns that were asked for.
    """

    X: Any
    beside: dict[str, Any]


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of data.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument(
        "--format", choices=sorted(set(KINDS.values())), help="of data whose names do not say"
    )
    parser.add_argument("--delimiter", type=delimiter, metavar="LETTER", default=",", help="between the fields of CSV")
    parser.add_argument("--zero-based", action="store_true", help="ids in svmlight files count from 0, not from 1")


def read_rows(saved: Saved, arguments: argparse.Namespace, beside: Sequence[str] = ()) -> Iterator[Rows]:
    """Read rows for a model, block by block.

    Parameters
    ----------
    saved : Saved
    arguments : argparse.Namespace
        With `data`, `format` and `zero_based`.
    beside : sequence of str
        Columns of the table to hand on.

    Yields
    ------
    rows : Rows

    Raises
    ------
    ValueError
        For data of another kind than the model was fitted to, and malformed ones.
    """
    kind = hold_pipes(arguments)
    if kind in TABLES:
        yield from _of_tables(saved, kind, arguments, beside)
        return
    if beside:
        raise ValueError(f"--keep: {arguments.data[0]} is no table, it has no columns with names")
    for block in _matrices(saved, kind, arguments):
        yield Rows(block.X, {})


def n_columns(saved: Saved) -> int:
    """Return how many columns X has for a model."""
    model = saved.whole if saved.is_composed else saved.model
    return int(model.n_features if isinstance(model, RegularizationPath) else model.n_features_in_)


def _of_tables(saved: Saved, kind: str, arguments: argparse.Namespace, beside: Sequence[str]) -> Iterator[Rows]:
    columns = _columns_of(saved, arguments)
    if not isinstance(saved.whole, TableModel):
        reader = _table_reader(kind, arguments, target=None, features=columns)
        for table in reader.tables([*dict.fromkeys([*columns, *beside])]):
            yield Rows(_as_frame(table.select(columns)), {name: table.column(name) for name in beside})
        return
    whole = saved.whole
    reader = _table_reader(kind, arguments, target=None, features=whole.features, missing=whole.missing)
    for X, table in reader.with_columns(beside):
        yield Rows(X, {name: table.column(name) for name in beside})


def _as_frame(table: Any) -> Any:
    try:
        return table.to_pandas()
    except ImportError:
        raise ImportError("a model of data frames needs pandas: pip install pandas") from None


def _columns_of(saved: Saved, arguments: argparse.Namespace) -> list[str]:
    if saved.column_names is None:
        raise ValueError(
            f"{arguments.data[0]}: is a table, but {saved.file} was fitted to columns without names; expected .svm or "
            ".npz"
        )
    return saved.column_names


def _table_reader(kind: str, arguments: argparse.Namespace, **settings: Any) -> CsvReader | ParquetReader:
    of_text = {"delimiter": arguments.delimiter} if kind == "csv" else {}
    return TABLES[kind](arguments.data, **settings, **of_text)


def _matrices(saved: Saved, kind: str, arguments: argparse.Namespace) -> Any:
    """Return a reader of rows that are no table."""
    if saved.column_names is not None:
        raise ValueError(
            f"{arguments.data[0]}: is no table, as {saved.file} was fitted to; expected .csv or .parquet with the "
            f"columns {', '.join(map(repr, saved.column_names))}"
        )
    if kind == "npz":
        return NpzReader(arguments.data)
    return SvmlightReader(arguments.data, n_features=n_columns(saved), zero_based=arguments.zero_based)


def rows_with_target(saved: Saved, arguments: argparse.Namespace) -> Any:
    """Read the rows of ``--data`` with their target.

    Parameters
    ----------
    saved : Saved
    arguments : argparse.Namespace
        With `data`, `target`, `format` and `zero_based`.

    Returns
    -------
    source : reader

    Raises
    ------
    ValueError
        Where nobody knows the target, and for data of another kind than those of the fit.
    """
    kind = hold_pipes(arguments)
    if kind not in TABLES:
        return _matrices(saved, kind, arguments)
    columns, whole = _columns_of(saved, arguments), saved.whole
    if saved.is_composed:
        raise ValueError(f"{saved.file}: a {type(whole).__name__} cannot be judged here, expected a TableModel")
    if not isinstance(whole, TableModel):
        whole = TableModel(saved.model, columns)
    target = arguments.target or whole.target
    if target is None:
        raise ValueError(f"--target: {saved.file} does not know the target, expected the name of its column in --data")
    return _table_reader(
        kind, arguments, target=target, features=whole.features, weight=whole.weight, missing=whole.missing
    )
