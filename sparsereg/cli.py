"""The command line: ``python -m sparsereg``, also installed as ``sparsereg``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sparsereg.features.buckets import make_level
from sparsereg.inputs.versions import library_version

if TYPE_CHECKING:
    from sparsereg.demo.job import Demo

__all__ = ["main"]

COARSE = (60.0, 10.0)  # arc-minutes of the levels above --minutes
FIGURE = "sparsereg_demo.png"
FORMATS = (".png", ".pdf", ".svg")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str or None, default=None
        Arguments without the program's name; None: those of the process.

    Returns
    -------
    code : int
        0 when all went well, 1 when the job could not be done, 130 after Ctrl-C. Wrong arguments exit with 2.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return 0
    try:
        return _demo(arguments)
    except BrokenPipeError:
        # Whoever read the output has had enough; nothing may be flushed to them at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ImportError, ValueError, MemoryError) as error:
        print(f"sparsereg: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("sparsereg: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("sparsereg", description="Regularised linear models for very wide sparse data.")
    parser.add_argument("--version", action="version", version=f"sparsereg {library_version()}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    demo = commands.add_parser(
        "demo", help="fit real places on a grid of one arc-minute over the whole globe, with and without penalties",
        description="Cross latitude and longitude, fit no penalty, L2, L1 and elastic net, and compare them on rows "
        "that were held out.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _add_options(demo)
    demo.set_defaults(parser=demo)
    return parser


def _add_options(demo: argparse.ArgumentParser) -> None:
    """Add the options of the demo."""
    demo.add_argument(
        "--data", choices=("housing", "places"), default="housing",
        help="house values of California, or time zones of the places of the world (needs sparsereg-wide[places])",
    )
    widths = demo.add_mutually_exclusive_group()
    widths.add_argument(
        "--minutes", type=_width, default=1.0, help="width of the finest cells in arc-minutes, below cells of 60 and 10"
    )
    widths.add_argument(
        "--levels", type=_width, nargs="+", metavar="MINUTES", default=argparse.SUPPRESS,
        help="widths of all nested cells, coarse to fine (default: 60 10 1)",
    )
    demo.add_argument("--seed", type=_count(0), default=0, help="of the random split")
    demo.add_argument(
        "--train-share", type=_share, default=0.6, metavar="SHARE",
        help="share of the rows to train on; half of the others choose alpha, half are held out",
    )
    demo.add_argument("--n-alphas", type=_count(2), default=50, metavar="N", help="alphas on each path")
    demo.add_argument("--l1-ratio", type=_share, default=0.5, metavar="RATIO", help="of the elastic net")
    figure = demo.add_mutually_exclusive_group()
    figure.add_argument(
        "--figure", type=_figure_path, metavar="PATH", default=FIGURE,
        help="where to save the figure (needs sparsereg-wide[plot])",
    )
    figure.add_argument(
        "--no-figure", dest="figure", action="store_const", const=None, default=argparse.SUPPRESS, help="draw no figure"
    )


def _demo(arguments: argparse.Namespace) -> int:
    """Run the demo and print it as it goes."""
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


def _width(text: str) -> float:
    """Read the width of a level."""
    try:
        make_level(float(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return float(text)


def _share(text: str) -> float:
    """Read a number between 0 and 1, both excluded."""
    return _read(float, text, lambda share: 0.0 < share < 1.0, "a number between 0 and 1, both excluded")


def _count(lowest: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from `lowest` up."""
    return lambda text: _read(int, text, lambda count: count >= lowest, f"a whole number of at least {lowest}")


def _read(kind: Callable[[str], Any], text: str, is_allowed: Callable[[Any], bool], expected: str) -> Any:
    try:
        value = kind(text)
        if is_allowed(value):
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"must be {expected}, got {text!r}")


def _figure_path(text: str) -> str:
    """Refuse a file name of no known format before the work rather than after it."""
    if not text.lower().endswith(FORMATS):
        raise argparse.ArgumentTypeError(f"the name must end in one of {' '.join(FORMATS)}, got {text!r}")
    return text
