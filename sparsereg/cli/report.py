"""``sparsereg report``: what there is to know of a saved model, as one page of HTML."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from sparsereg.cli.output import add_output_options, emit
from sparsereg.cli.rows import add_data_options, read_rows, rows_with_target
from sparsereg.cli.saved import Saved, load_saved
from sparsereg.cli.targets import check_place, file_name
from sparsereg.readers.blocks import Block

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
    parser.add_argument("--target", metavar="COLUMN", help="of the target in --data, where the model does not know it")
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
    """Make a reader of rows with their targets, as the model that was saved takes them."""
    if not saved.is_composed:
        return rows_with_target(saved, arguments)
    if arguments.target is None:
        raise ValueError(f"--target: {saved.file} does not know the target, expected the name of its column in --data")
    return _Frames(saved, arguments)


class _Frames:
    """Blocks of data frames with their targets, for what was fitted to a frame; each iteration reads from the start."""

    def __init__(self, saved: Saved, arguments: argparse.Namespace):
        self.saved = saved
        self.arguments = arguments

    def __iter__(self) -> Iterator[Block]:
        target = self.arguments.target
        for rows in read_rows(self.saved, self.arguments, [target]):
            yield Block(rows.X, np.asarray(rows.beside[target].to_pylist()))
