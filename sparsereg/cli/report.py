"""``sparsereg report``: what there is to know of a saved model, as one page of HTML."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sparsereg.cli.output import add_output_options, emit
from sparsereg.cli.rows import TABLES, add_data_options, format_of_data, n_columns
from sparsereg.cli.saved import Saved, load_saved
from sparsereg.cli.targets import check_place, file_name
from sparsereg.estimators.table_model import TableModel
from sparsereg.readers.blocks import Block

if TYPE_CHECKING:
    from sparsereg.readers.table_reader import TableReader

NAME = "report"
HELP = "write a page of HTML about a saved model"
DESCRIPTION = """\
Write what there is to know of a saved model as one page of HTML: what was
fitted, how good it is, its largest weights by name, pictures with what to see
in them, and its size. The page is one file that needs neither network nor
scripts. With --data it also says how the model does on the rows of files,
which have the target in them."""
EXAMPLES = (
    "sparsereg report houses.npz -o houses.html",
    "sparsereg report houses-cv.npz --data houses.csv -o report.html",
)

ENDINGS = (".html", ".htm")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument("model", metavar="MODEL", help="file of the model")
    parser.add_argument(
        "-o", "--output", type=file_name(*ENDINGS), metavar="FILE", default="report.html", help="where the page goes"
    )
    parser.add_argument(
        "--data", nargs="+", metavar="DATA",
        help="rows to judge the model by, which it should not have seen: files, folders or patterns, .csv (or packed), "
        ".parquet, .svm, .npz",
    )
    parser.add_argument(
        "--target", metavar="COLUMN",
        help="of a table that is not called as when the model was fitted; of .npz files a .npy file, in place of their "
        "array y",
    )
    add_data_options(parser)
    add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the page and say where it is.

    Parameters
    ----------
    arguments : argparse.Namespace

    Returns
    -------
    code : int
    """
    from sparsereg.plot import import_figure
    from sparsereg.report import write_report

    import_figure()
    check_place(arguments.output, [arguments.model, *(arguments.data or ())])
    saved = load_saved(arguments.model)
    write_report(saved.whole, arguments.output, data=None if arguments.data is None else _rows(saved, arguments))
    n_bytes = os.stat(arguments.output).st_size
    emit(arguments, f"{arguments.output}: {n_bytes:,} bytes", {"output": arguments.output, "bytes": n_bytes})
    return 0


def _rows(saved: Saved, arguments: argparse.Namespace) -> Any:
    """Make a reader of rows with their targets, for the model as it was saved."""
    from sparsereg.readers.npz import NpzReader
    from sparsereg.readers.svmlight import SvmlightReader

    kind = format_of_data(arguments.data, arguments.format)
    if kind in TABLES:
        return _table_rows(saved, TABLES[kind], arguments)
    if saved.column_names is not None:
        raise ValueError(
            f"{arguments.data[0]}: is no table, as {saved.file} was fitted to; expected .csv or .parquet with the "
            f"columns {', '.join(map(repr, saved.column_names))}"
        )
    if kind == "npz":
        return NpzReader(arguments.data, target=arguments.target)
    if arguments.target is not None:
        raise ValueError("--target: not for svmlight files, whose lines begin with theirs")
    return SvmlightReader(arguments.data, n_features=n_columns(saved), zero_based=arguments.zero_based)


def _table_rows(saved: Saved, reader_of: type[TableReader], arguments: argparse.Namespace) -> Any:
    data, whole = arguments.data, saved.whole
    if saved.column_names is None:
        raise ValueError(
            f"{data[0]}: is a table, but {saved.file} was fitted to columns without names; expected .svm or .npz"
        )
    of_table = isinstance(whole, TableModel)
    target = arguments.target if arguments.target is not None or not of_table else whole.target
    if target is None:
        raise ValueError(f"--target: {saved.file} does not say which column is to be predicted, expected its name")
    if of_table:
        return reader_of(data, target=target, features=whole.features, weight=whole.weight, missing=whole.missing)
    return _Frames(reader_of(data, target=None, features=saved.column_names), saved.column_names, target)


class _Frames:
    """Blocks of data frames, for what was fitted to one."""

    def __init__(self, reader: TableReader, columns: list[str], target: str):
        self.reader = reader
        self.columns = columns
        self.target = target

    def __iter__(self) -> Iterator[Block]:
        for table in self.reader.tables([*dict.fromkeys([*self.columns, self.target])]):
            frame = table.to_pandas()
            yield Block(frame[self.columns], frame[self.target].to_numpy())
