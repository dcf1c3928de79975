"""Rows of files -> what certified fits need of them: one pass for categories and labels, one for everything."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparsereg._core.losses import LOSSES
from sparsereg.cli.arguments import count, share, size
from sparsereg.cli.objective import loss_of
from sparsereg.cli.progress import Bar
from sparsereg.cli.sources import Input

if TYPE_CHECKING:
    from sparsereg.reduction.reduced import Reduced

# A target of so many values is one of classes.
_TWO = 2
NO_TARGET = "target: there is none; .npz files need an array y, or --target FILE.npy"


def add_holdout_options(parser: argparse.ArgumentParser) -> None:
    """Add what sets rows apart.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument(
        "--holdout", type=share, metavar="SHARE", help="share of the rows, drawn at random, that judge and do not teach"
    )
    parser.add_argument("--seed", type=count(0), default=0, help="of all that is drawn at random")


def add_memory_option(parser: argparse.ArgumentParser) -> None:
    """Add what keeps the reading of rows within some memory.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument(
        "--memory-limit", type=size, metavar="SIZE",
        help="what distinct rows may take while they are read, like 500MB or 2GiB; more is put aside in the folder for "
        "temporary files (TMPDIR)",
    )


def reduce_input(arguments: argparse.Namespace, given: Input, n_folds: int | None = None) -> Reduced:
    """Read all rows, block by block; memory holds those that are distinct.

    Parameters
    ----------
    arguments : argparse.Namespace
    given : Input
    n_folds : int or None, default=None
        Of a cross-validation.

    Returns
    -------
    reduced : Reduced

    Raises
    ------
    ValueError, TypeError
        For what is in the files, and for a target of two values or of texts where no loss was asked for.
    """
    from sparsereg.readers.labels import with_labels, with_numbers
    from sparsereg.reduction.reduced import Reduced

    loss, reader = loss_of(arguments), given.reader
    with explained(arguments, given):
        learn_categories(arguments, given)
        if LOSSES[loss].is_classification and getattr(reader, "can_repeat", True):
            with Bar(arguments, "reading labels"):
                reader, _ = with_labels(reader, None)
        else:
            reader = with_numbers(reader)
        with Bar(arguments, "reading", n_rows_of(given)) as bar:
            watch = _Watch(arguments.loss is None)
            reduced = Reduced.of_blocks(
                bar.over(watch.over(reader)), loss=loss, n_folds=n_folds, holdout=arguments.holdout,
                random_state=arguments.seed, memory_limit=arguments.memory_limit,
            )
    # Before the fit, which would be lost.
    if reduced.held_out is not None and not reduced.held_out.entries.n_weighted.any():
        raise ValueError(
            f"--holdout: {arguments.holdout:g} of {reduced.n_samples:,} rows is none that has weight, expected a "
            "larger share"
        )
    return reduced


def learn_categories(arguments: argparse.Namespace, given: Input) -> None:
    """Learn the categories of a table, in a pass over their columns alone.

    Parameters
    ----------
    arguments : argparse.Namespace
    given : Input

    """
    if given.features is None:
        return
    with Bar(arguments, "learning categories"):
        given.reader.fit_features()


def n_rows_of(given: Input) -> int | None:
    """Count the rows of Parquet files, which say so themselves; None: not known.

    Parameters
    ----------
    given : Input

    Returns
    -------
    n_rows : int or None
    """
    if given.kind != "parquet":
        return None
    from pyarrow import parquet

    total = 0
    for source in given.reader._sources:
        with source.open_raw() as file:
            total += parquet.read_metadata(file).num_rows
    return total


class _Watch:
    """Refuses numbers of two values where nobody said that they are numbers, and rows without targets."""

    def __init__(self, is_watchful: bool) -> None:
        self._values: set[float] | None = set() if is_watchful else None

    def over(self, blocks: Iterable[Any]) -> Iterator[Any]:
        """Go over blocks; raise ValueError at their end."""
        n_rows = 0
        for block in blocks:
            if block.y is None:
                raise ValueError(NO_TARGET)
            n_rows += len(block.y)
            if self._values is not None and block.y.ndim == 1 and block.y.dtype.kind in "biuf":
                self._values |= set(np.unique(block.y)[: _TWO + 1].tolist())
                self._values = self._values if len(self._values) <= _TWO else None
            yield block
        if self._values is not None and len(self._values) == _TWO and n_rows > _TWO:
            low, high = sorted(self._values)
            raise ValueError(
                f"target: it has two values, {low:g} and {high:g}; use --loss logistic for classes, or --loss squared "
                "if they are numbers"
            )


@contextmanager
def explained(arguments: argparse.Namespace, given: Input) -> Iterator[None]:
    """Say which option may help where the library cannot know that there are options."""
    try:
        yield
    except ValueError as error:
        text, hint = str(error), ""
        text = NO_TARGET if "the target y is None" in text else text
        if given.target is not None and arguments.loss is None and f"column {given.target!r}" in text:
            is_text = "conversion error" in text or "expected numbers" in text
            hint = "; --loss logistic takes texts as classes" if is_text else ""
        elif given.features is not None and "has no value, expected a number" in text:
            hint = "; --missing indicator, or a number in its place, fills blanks"
        raise ValueError(f"{text.removeprefix('blocks: ')}{hint}") from error
