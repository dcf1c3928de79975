"""Streams in the place of rows: fits reduce a reader or other blocks first, block by block."""

from __future__ import annotations

import numbers
import os
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sparsereg._core.losses import LOSSES
from sparsereg.inputs.parameters import build, check_count
from sparsereg.readers.blocks import Block, check_source
from sparsereg.reduction.folds import FoldDraw
from sparsereg.reduction.reading import reduce_blocks
from sparsereg.reduction.reduced import ANY_DELTA, Reduced

_EXPECTED = "expected the rows of a matrix or data frame beside y, or a Reduced, a reader or blocks [(X, y)] without y"


def refuse_path(X: Any) -> None:
    """Refuse what stands for a stream and is none, a path or a single block, with what makes a stream of it.

    Parameters
    ----------
    X : object

    Raises
    ------
    TypeError
    """
    if isinstance(X, (str, bytes, os.PathLike, Block)):
        check_source(X, "X", _EXPECTED)


def reduce_stream(
    X: Iterable[Any], beside: Mapping[str, Any], *, loss: str, n_folds: int | None = None, random_state: Any = 0,
    memory_limit: Any = None,
) -> Reduced:
    """Reduce blocks that a fit was given in the place of rows.

    Parameters
    ----------
    X : iterable of Block, (X, y) or (X, y, sample_weight)
    beside : mapping
        What else the fit was given, by name; blocks bring it, so that it is None.
    loss : str
        Of the fit.
    n_folds : int or None, default=None
        To draw, for cross-validation.
    random_state : None, int, RandomState or Generator, default=0
        Of the draw.
    memory_limit : int, str or None, default=None
        As `Reduced.of_blocks` takes it.

    Returns
    -------
    reduced : Reduced

    Raises
    ------
    ValueError, TypeError
        For what is no stream, anything beside it, and as `Reduced.of_blocks`.
    """
    check_source(X, "X", _EXPECTED)
    for name, given in beside.items():
        if given is not None:
            raise ValueError(
                f"{name}: not allowed beside a stream, whose blocks (X, y) or (X, y, sample_weight) bring targets and "
                "weights; expected None"
            )
    draw = FoldDraw(n_folds, None, random_state, "cv")
    entries = reduce_blocks(X, "X", build(LOSSES[loss], delta=ANY_DELTA), draw, memory_limit)
    return Reduced(loss, entries[0])


def folds_to_draw(cv: Any, default: int) -> int:
    """Return how many folds are to be drawn while a stream is read.

    Parameters
    ----------
    cv : None or int
        At least 2.
    default : int
        Of None.

    Returns
    -------
    n_folds : int

    Raises
    ------
    ValueError, TypeError
        For splitters, fold numbers and pairs, which need the rows.
    """
    if cv is None:
        return default
    if isinstance(cv, (bool, np.bool_)) or not isinstance(cv, numbers.Integral):
        raise TypeError(
            f"cv: {reprlib.repr(cv)} is not allowed with a stream, expected None or how many folds to draw while it is "
            "read; Reduced.of(X, y, fold=numbers) of every block, and Reduced.merge_all, keep folds of your own"
        )
    n_folds = check_count(cv, "cv")
    if n_folds == 1:
        raise ValueError("cv: 1 is outside [2, inf), expected None or at least 2")
    return n_folds
