"""Rows to predict: blocks of X, or of a table, from files of every kind, with some columns beside them."""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scipy import sparse

from sparsereg.cli.saved import Saved
from sparsereg.estimators.table_model import TableModel
from sparsereg.path.result import RegularizationPath
from sparsereg.readers.files import as_sources
from sparsereg.readers.svmlight import SvmlightReader
from sparsereg.readers.table_reader import TableReader
from sparsereg.readers.tables import CsvReader, ParquetReader

# Formats by the ends of names, what packs them left out.
FORMATS = {
    ".csv": "csv", ".parquet": "parquet", ".svm": "svmlight", ".svmlight": "svmlight", ".libsvm": "svmlight",
    ".npz": "npz",
}  # fmt: skip
PACKED = (".gz", ".bz2", ".xz", ".zst")
TABLES: dict[str, type[TableReader]] = {"csv": CsvReader, "parquet": ParquetReader}
BLOCK_ROWS = 100_000


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows.

    Attributes
    ----------
    X : csr_matrix, or a DataFrame for what was fitted to one
    beside : dict of str to list
        Columns that were asked for.
    """

    X: Any
    beside: dict[str, list[Any]]


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of data.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument(
        "--format", choices=[*dict.fromkeys(FORMATS.values())], help="of the data, where their names do not say it"
    )
    parser.add_argument("--zero-based", action="store_true", help="ids in svmlight files count from 0, not from 1")


def format_of_data(data: Sequence[str], given: str | None) -> str:
    """Tell the format of files by the end of the first one's name.

    Parameters
    ----------
    data : sequence of str
    given : str or None
        What the user says that it is.

    Returns
    -------
    format : str

    Raises
    ------
    ValueError
        For an ending that is not known.
    """
    if given is not None:
        return given
    name = as_sources([*data])[0].name
    stem = name.lower()
    for packing in PACKED:
        stem = stem.removesuffix(packing)
    for ending, found in FORMATS.items():
        if stem.endswith(ending):
            return found
    raise ValueError(f"{name}: is of no known format, expected a name that ends in {', '.join(FORMATS)}, or --format")


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
    kind = format_of_data(arguments.data, arguments.format)
    if kind in TABLES:
        yield from _of_tables(saved, TABLES[kind], arguments.data, beside)
        return
    if beside:
        raise ValueError(f"--keep: {arguments.data[0]} is no table, it has no columns with names")
    if saved.column_names is not None:
        raise ValueError(
            f"{arguments.data[0]}: is no table, as {saved.file} was fitted to; expected .csv or .parquet with the "
            f"columns {', '.join(map(repr, saved.column_names))}"
        )
    for X in MATRICES[kind](arguments, n_columns(saved)):
        yield Rows(X, {})


def n_columns(saved: Saved) -> int:
    """Return how many columns X has for a model."""
    model = saved.whole if saved.is_composed else saved.model
    return int(model.n_features if isinstance(model, RegularizationPath) else model.n_features_in_)


def _of_tables(saved: Saved, reader_of: type[TableReader], data: list[str], beside: Sequence[str]) -> Iterator[Rows]:
    columns = saved.column_names
    if columns is None:
        raise ValueError(
            f"{data[0]}: is a table, but {saved.file} was fitted to columns without names; expected .svm or .npz"
        )
    if not isinstance(saved.whole, TableModel):
        reader = reader_of(data, target=None, features=columns)
        for table in reader.tables([*dict.fromkeys([*columns, *beside])]):
            yield Rows(_as_frame(table.select(columns)), table.select(beside).to_pydict())
        return
    reader = reader_of(data, target=None, features=saved.whole.features, missing=saved.whole.missing)
    for X, table in reader.with_columns(beside):
        yield Rows(X, table.to_pydict())


def _as_frame(table: Any) -> Any:
    try:
        return table.to_pandas()
    except ImportError:
        raise ImportError("a model of data frames needs pandas: pip install pandas") from None


def _of_svmlight(arguments: argparse.Namespace, width: int) -> Iterator[Any]:
    for block in SvmlightReader(arguments.data, n_features=width, zero_based=arguments.zero_based):
        yield block.X


def _of_npz(arguments: argparse.Namespace, width: int) -> Iterator[Any]:
    for name in arguments.data:
        try:
            X = sparse.csr_matrix(sparse.load_npz(name))
        except (ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
            raise ValueError(f"{name}: is no matrix that scipy.sparse.save_npz wrote ({error})") from error
        if X.shape[0] == 0:
            raise ValueError(f"{name}: no rows, expected at least one")
        if X.shape[1] != width:
            raise ValueError(f"{name}: has {X.shape[1]} columns, expected {width}, those of the model")
        for start in range(0, X.shape[0], BLOCK_ROWS):
            yield X[start : start + BLOCK_ROWS]


MATRICES = {"svmlight": _of_svmlight, "npz": _of_npz}
