"""Progress of the commands: a bar on the standard error where that is a terminal and tqdm is installed."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any


def add_progress_options(parser: argparse.ArgumentParser) -> None:
    """Add what switches the bar off.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument("--quiet", action="store_true", help="show no progress on a terminal")


class Bar:
    """A bar, or nothing.

    Parameters
    ----------
    arguments : argparse.Namespace
        With `quiet`.
    label : str
        What is being done.
    total : int or None, default=None
        None: not known.
    unit : str, default=" rows"
    """

    def __init__(
        self, arguments: argparse.Namespace, label: str, total: int | None = None, unit: str = " rows"
    ) -> None:
        make = None if arguments.quiet or not sys.stderr.isatty() else _tqdm()
        self._bar: Any = None
        if make is not None:
            # Letters alone: not every terminal has blocks. It leaves nothing behind.
            self._bar = make(desc=label, total=total, unit=unit, unit_scale=unit == " rows", ascii=True, leave=False)

    def __enter__(self) -> Bar:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def advance(self, n: int = 1) -> None:
        """Take note of so much more that is done.

        Parameters
        ----------
        n : int, default=1
        """
        if self._bar is not None:
            self._bar.update(n)

    def reach(self, n: int, total: int, note: str) -> None:
        """Say how much is done in all, of how much.

        Parameters
        ----------
        n, total : int
        note : str
            What stands behind the bar.
        """
        if self._bar is not None:
            self._bar.total = max(total, n)
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(n - self._bar.n)

    def over(self, blocks: Iterable[Any]) -> Iterator[Any]:
        """Go over blocks, and count their rows.

        Parameters
        ----------
        blocks : iterable of Block

        Yields
        ------
        block : Block
        """
        for block in blocks:
            yield block
            self.advance(block.X.shape[0])


def _tqdm() -> Any:
    try:
        return importlib.import_module("tqdm").tqdm
    except ImportError:
        return None
