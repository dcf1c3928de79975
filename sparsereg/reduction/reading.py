"""Reading: the blocks of a stream to what they reduce to, with folds drawn and rows set apart on the way."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import Any

from sparsereg.readers.blocks import as_blocks, located, overlapped
from sparsereg.readers.labels import with_numbers, with_words
from sparsereg.reduction.entries import Entries
from sparsereg.reduction.folds import FoldDraw
from sparsereg.reduction.intake import Intake, shape_of


def reduce_blocks(
    blocks: Iterable[Any], name: str, loss: Any, draw: FoldDraw, memory_limit: Any = None, spill_folder: Any = None
) -> list[Entries]:
    """Reduce rows that come in blocks, read ahead in a thread.

    Parameters
    ----------
    blocks : iterable of Block, (X, y) or (X, y, sample_weight)
        Gone over once.
    name : str
        Of the argument, for messages.
    loss : registered loss
    draw : FoldDraw
    memory_limit, spill_folder
        As `Reduced.of_blocks` takes them.

    Returns
    -------
    entries : list of Entries
        Of most rows; and, where some are held out, of those.

    Raises
    ------
    ValueError, TypeError, OSError
        As `Reduced.of_blocks`.
    """
    source = as_blocks((with_words if loss.is_classification else with_numbers)(blocks), name)
    has_folds = [draw.n_folds is not None] + [False] * (draw.holdout is not None)
    n_blocks = 0
    with (
        Intake(loss, has_folds, memory_limit, spill_folder) as intake,
        closing(overlapped(source, depth=1)) as ahead,
    ):
        for position, block in enumerate(ahead):
            with located(f"{name}: block {position} (the first is 0)"):
                intake.make_room(block.X)
                fold, held = draw.draw(shape_of(block.X)[0])
                rest = None if held is None else ~held
                for accumulator, drawn, kept in zip(intake.accumulators, (fold, None), (rest, held)):
                    accumulator.add(block.X, block.y, block.sample_weight, drawn, kept)
            n_blocks += 1
            del block
        if n_blocks == 0:
            raise ValueError(f"{name}: there is none, expected at least one; a generator gives its blocks only once")
        draw.check()
        return intake.finish()
