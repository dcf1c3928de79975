"""``sparsereg export``: a saved model as ONNX, JSON or Parquet, for other programs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from sparsereg.cli.arguments import nonnegative
from sparsereg.cli.output import add_output_options, emit
from sparsereg.cli.saved import load_saved
from sparsereg.cli.targets import check_place, file_name
from sparsereg.export import to_json, to_onnx, to_parquet
from sparsereg.path.result import RegularizationPath

NAME = "export"
HELP = "write a saved model as ONNX, JSON or Parquet"
DESCRIPTION = """\
Write a saved model for other programs: .onnx is one graph that predicts, with
what makes the columns in front where that can be part of a graph; .json scores
in a browser; .parquet is a table of the weights, by name, for SQL."""
EXAMPLES = ("sparsereg export houses.npz -o houses.parquet", "sparsereg export houses.npz -o houses.json")

ENDINGS = (".onnx", ".json", ".parquet")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument("model", metavar="MODEL", help="file of the model")
    parser.add_argument(
        "-o", "--output", type=file_name(*ENDINGS), metavar="FILE", required=True,
        help=f"file to write, {', '.join(ENDINGS)}",
    )
    parser.add_argument("--alpha", type=nonnegative, metavar="A", help="which fit of a path")
    parser.add_argument(
        "--ids", action="store_true", help="the model alone, which takes ids of columns, without what makes these"
    )
    add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the file.

    Parameters
    ----------
    arguments : argparse.Namespace

    Returns
    -------
    code : int
    """
    check_place(arguments.output, [arguments.model])
    saved = load_saved(arguments.model)
    # Of a path the fit that is wanted; a model of a cross-validation is the one that it chose.
    alpha = saved.path_at(arguments.alpha)[1] if isinstance(saved.model, RegularizationPath) else arguments.alpha
    model = saved.model if arguments.ids else saved.whole
    WRITERS[os.path.splitext(arguments.output)[1].lower()](model, arguments.output, alpha=alpha)
    n_bytes = os.stat(arguments.output).st_size
    emit(arguments, f"{n_bytes:,} bytes: {arguments.output}", {"output": arguments.output, "file_bytes": n_bytes})
    return 0


WRITERS: dict[str, Callable[..., None]] = {".onnx": to_onnx, ".json": to_json, ".parquet": to_parquet}
