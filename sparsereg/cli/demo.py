"""``sparsereg demo``: real places on a grid of one arc-minute, with and without penalties."""

from __future__ import annotations

import argparse
import os
import time
from itertools import pairwise
from typing import TYPE_CHECKING

from sparsereg.cli.arguments import count, share, width
from sparsereg.cli.targets import OF_PICTURES, file_name

if TYPE_CHECKING:
    from sparsereg.demo.job import Demo

NAME = "demo"
HELP = "fit real places on a grid of one arc-minute over the whole globe, with and without penalties"
DESCRIPTION = """\
Cross latitude and longitude, fit no penalty, L2, L1 and elastic net, and
compare them on rows that were held out."""
EXAMPLES = ("sparsereg demo --levels 60 10 --n-alphas 20 --figure demo.png", "sparsereg demo --write houses.csv")

COARSE = (60.0, 10.0)  # arc-minutes of the levels above --minutes
FIGURE = "sparsereg_demo.png"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument(
        "--data", choices=("housing", "places"), default="housing",
        help="house values of California, or time zones of the places of the world (needs sparsereg-wide[places])",
    )
    widths = parser.add_mutually_exclusive_group()
    widths.add_argument(
        "--minutes", type=width, default=1.0, help="width of the finest cells in arc-minutes, below cells of 60 and 10"
    )
    widths.add_argument(
        "--levels", type=width, nargs="+", metavar="MINUTES", default=argparse.SUPPRESS,
        help="widths of all nested cells, coarse to fine (default: 60 10 1)",
    )
    parser.add_argument("--seed", type=count(0), default=0, help="of the random split")
    parser.add_argument(
        "--train-share", type=share, default=0.6, metavar="SHARE",
        help="share of the rows to train on; half of the others choose alpha, half are held out",
    )
    parser.add_argument("--n-alphas", type=count(2), default=50, metavar="N", help="alphas on each path")
    parser.add_argument("--l1-ratio", type=share, default=0.5, metavar="RATIO", help="of the elastic net")
    parser.add_argument(
        "--write", metavar="FILE.csv",
        help="write the table of houses as CSV, to try the other commands on, and do nothing else",
    )
    figure = parser.add_mutually_exclusive_group()
    figure.add_argument(
        "--figure", type=file_name(*OF_PICTURES), metavar="PATH", default=FIGURE,
        help="where to save the figure (needs sparsereg-wide[plot])",
    )
    figure.add_argument(
        "--no-figure", dest="figure", action="store_const", const=None, default=argparse.SUPPRESS, help="draw no figure"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demo and print it as it goes.

    Parameters
    ----------
    arguments : argparse.Namespace

    Returns
    -------
    code : int
    """
    if arguments.write is not None:
        from sparsereg.datasets import write_california_housing

        print(f"{write_california_housing(arguments.write):,} rows in {arguments.write}")
        return 0
    from sparsereg.demo.job import Settings, fit, peak_memory, prepare
    from sparsereg.demo.report import costs, heading, reading, table

    start = time.perf_counter()
    levels = tuple(getattr(arguments, "levels", [*(w for w in COARSE if w > arguments.minutes), arguments.minutes]))
    if any(coarse <= fine for coarse, fine in pairwise(levels)):
        arguments.parser.error("argument --levels: widths must fall from coarse to fine")
    chosen = {name: getattr(arguments, name) for name in ("data", "seed", "train_share", "n_alphas", "l1_ratio")}
    demo = prepare(Settings(levels=levels, **chosen))
    print(heading(demo), end="\n\n", flush=True)
    fit(demo)
    print(table(demo), reading(demo), costs(demo, time.perf_counter() - start, peak_memory()), sep="\n\n", flush=True)
    if arguments.figure is not None:
        print(_figure(demo, arguments.figure), flush=True)
    return 0


def _figure(demo: Demo, path: str) -> str:
    """Draw the figure; say where it is, or why there is none."""
    from sparsereg.demo.figure import draw
    from sparsereg.demo.job import peak_memory

    start = time.perf_counter()
    try:
        draw(demo, path)
    except ImportError as error:
        return f"Figure: none; {error}"
    except OSError as error:
        return f"Figure: none; {path} cannot be written: {error.strerror or error}"
    seconds, peak = time.perf_counter() - start, peak_memory()
    return f"Figure: {os.path.abspath(path)} ({seconds:.1f} s more, peak memory with matplotlib {peak / 1e6:,.0f} MB)"
