"""Validation: the loss of held-out rows, which are in memory or read anew each time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.rows import check_width
from sparsereg.inputs.sklearn import compare_feature_names, feature_names
from sparsereg.readers.blocks import Block, as_blocks, can_repeat, check_source, located, with_width
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.encode import Encoder, read_ahead
from sparsereg.streaming.running_metrics import RunningMean
from sparsereg.streaming.training import Training

Vector = npt.NDArray[np.float64]

_EXPECTED = "expected a Block, (X, y) or (X, y, sample_weight), or a reader or a list of these"


class Validation:
    """Held-out rows of a fit to a stream.

    Parameters
    ----------
    source : iterable of blocks
        That can be iterated over again.
    encoder : Encoder
    held : tuple (Block, Batch) or None
        The only block, where it stays in memory.
    """

    def __init__(self, source: Iterable[Any], encoder: Encoder, held: tuple[Block, Batch] | None = None):
        self._source, self._encoder, self._held = source, encoder, held
        self._names, self._n_features = None, 0

    @classmethod
    def of(cls, validation: Any, encoder: Encoder) -> Validation | None:
        """Take what a user gives as held-out rows.

        Parameters
        ----------
        validation : None, Block, tuple (X, y[, sample_weight]) or iterable of these
        encoder : Encoder
            That of the stream; it knows its classes.

        Returns
        -------
        validation : Validation or None
        """
        if validation is None:
            return None
        if isinstance(validation, (Block, tuple)):
            try:
                (block,) = as_blocks([validation])
            except TypeError as error:
                raise TypeError(f"validation: {type(validation).__name__} is not allowed, {_EXPECTED}") from error
            return cls([block], encoder, (block, encoder.encode(block.X, block.y, block.sample_weight)))
        check_source(validation, "validation", _EXPECTED)
        if not can_repeat(validation):
            raise ValueError(
                f"validation: this {type(validation).__name__} can be iterated over only once, but held-out rows are "
                f"gone over again and again; {_EXPECTED}"
            )
        with located("validation"):
            return cls(encoder.read(validation, encoder.classes), encoder)

    def check(self, block: Block, batch: Batch) -> None:
        """Look at the first rows; they must have the columns of the stream, and a weight.

        Parameters
        ----------
        block : Block
            The first of the stream.
        batch : Batch
            Made of it.
        """
        self._names, self._n_features = feature_names(block.X), batch.rows.n_features
        self._source = with_width(self._source, self._n_features)
        with closing(self._pairs()) as pairs:
            for held, rows in pairs:
                self._check_columns(held, rows)
                if rows.has_weight:
                    return
        raise ValueError("validation: no row of it has a weight, expected some")

    def losses(self, training: Training) -> Vector:
        """Measure the mean loss, penalty and dropout left out.

        Parameters
        ----------
        training : Training

        Returns
        -------
        losses : ndarray of float64 of shape (1,) or (n_alphas,)
        """
        means: list[RunningMean] = []
        with closing(self._pairs()) as pairs:
            for held, rows in pairs:
                if self._held is None:
                    self._check_columns(held, rows)
                if rows.has_weight:
                    losses = training.judge(rows.rows, rows.y, rows.weight)
                    means = means or [RunningMean() for _ in losses]
                    for mean, loss in zip(means, losses.tolist(), strict=True):
                        mean.take(loss, rows.n_rows, rows.weight)
        return np.array([mean.result() for mean in means]) if means else np.array([np.nan])

    def _pairs(self) -> Generator[tuple[Block, Batch], None, None]:
        if self._held is None:
            return read_ahead(self._source, self._encoder, "validation")
        return (pair for pair in [self._held])

    def _check_columns(self, held: Block, rows: Batch) -> None:
        """Refuse rows whose columns are not those of the stream: they would tell nothing, and end a fit by it."""
        check_width(rows.rows.n_features, self._n_features, "validation", "the stream")
        with located("validation"):
            compare_feature_names("the stream", self._names, held.X)


def judged_batches(
    source: Iterable[Any], encoder: Encoder, n_features: int, check_columns: Callable[[Any], None]
) -> Iterator[Batch]:
    """Iterate once over rows to judge a fit by, those without weight left out; a thread reads ahead.

    Parameters
    ----------
    source : iterable of blocks
    encoder : Encoder
        Which knows the classes.
    n_features : int
        Width of the fit.
    check_columns : callable
        Refuses an X whose columns are not those of the fit.

    Returns
    -------
    batches : iterator of Batch
    """
    check_source(source)
    source = with_width(encoder.read(source, encoder.classes), n_features)
    with closing(read_ahead(source, encoder)) as pairs:
        for position, (block, batch) in enumerate(pairs):
            with located(f"source: block {position} (the first is 0)"):
                check_columns(block.X)
            if batch.has_weight:
                yield batch
