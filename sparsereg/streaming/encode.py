"""Encoders: blocks of a stream -> mini-batches, with labels as probabilities and numbers as they are; read ahead."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.dense_rows import DenseRows
from sparsereg.inputs.targets import check_target, encode_classes, encode_known, flatten, target_of
from sparsereg.inputs.weights import check_sample_weight
from sparsereg.readers.blocks import Block, as_blocks, located, overlapped
from sparsereg.readers.labels import with_labels, with_numbers
from sparsereg.solvers.convergence import frames_of_the_package
from sparsereg.streaming.batch import Batch, rows_of_block, rows_to_learn
from sparsereg.streaming.options import StreamSettings

Vector = npt.NDArray[np.float64]


class Encoder:
    """Rows, targets and weights of blocks; subclasses say what targets are.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,) or None
        Labels of the targets, where they are labels.
    """

    classes: npt.NDArray[Any] | None = None

    def targets(self, y: Any, sample_weight: Any, n_samples: int) -> tuple[Vector, Vector | None]:
        """Return targets of shape (n_samples, n_outputs), and weights."""
        raise NotImplementedError

    def read(self, source: Iterable[Any], classes: Any) -> Iterable[Any]:
        """Check labels that are given before the data, or learn them, and have the source give what targets are."""
        raise NotImplementedError

    def encode(self, X: Any, y: Any, sample_weight: Any) -> Batch:
        """Make a batch of a block, which may have no rows."""
        rows = rows_to_learn(X)
        return Batch(rows, *self.targets(y, sample_weight, rows.n_samples))


class ClassEncoder(Encoder):
    """Labels, or probabilities of classes.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,) or None
        None: those of the first targets.
    class_weight, label_smoothing
        As the estimators take them.
    """

    def __init__(self, classes: npt.NDArray[Any] | None, class_weight: Any, label_smoothing: Any):
        self.classes = classes
        self._weights = {"class_weight": class_weight, "label_smoothing": label_smoothing}

    def targets(self, y: Any, sample_weight: Any, n_samples: int) -> tuple[Vector, Vector | None]:
        """Return a column for each class, of two one for the second; see `Encoder`."""
        if (known := self._plain(y, n_samples)) is not None:
            return known[:, None], check_sample_weight(sample_weight, n_samples, all_zero=True)
        if self.classes is None:
            flat = flatten(y, stacklevel=frames_of_the_package() + 1)
            coded = encode_classes(flat, sample_weight, n_samples=n_samples, **self._weights)
            self.classes = coded.classes
        else:
            coded = encode_known(y, self.classes, sample_weight, n_samples=n_samples, **self._weights)
        probabilities = coded.probabilities[:, 1:] if self.classes.size == 2 else coded.probabilities
        return np.ascontiguousarray(probabilities), coded.sample_weight

    def _plain(self, y: Any, n_samples: int) -> Vector | None:
        """Encode labels of two known classes that nothing is done to; None for all other targets."""
        is_changed = self._weights["class_weight"] is not None or self._weights["label_smoothing"] != 0.0
        if self.classes is None or is_changed or getattr(y, "shape", None) != (n_samples,):
            return None
        return second_of_two(y, self.classes)

    def read(self, source: Iterable[Any], classes: Any) -> Iterable[Any]:
        """Take the classes over; see `Encoder`."""
        source, self.classes = with_labels(source, classes)
        return source


class TargetEncoder(Encoder):
    """Targets in the form of the linear predictor of a fit, which is judged by them.

    Parameters
    ----------
    loss : registered loss
    classes : ndarray of shape (n_classes,) or None
    n_outputs : int
    """

    def __init__(self, loss: Any, classes: npt.NDArray[Any] | None, n_outputs: int):
        self.classes, self._loss, self._n_outputs = classes, loss, n_outputs

    def targets(self, y: Any, sample_weight: Any, n_samples: int) -> tuple[Vector, Vector | None]:
        """Return targets of shape (n_samples,), or (n_samples, n_outputs) for several; see `Encoder`."""
        weight = check_sample_weight(sample_weight, n_samples, all_zero=True)
        fit = {"loss": self._loss, "classes": self.classes, "n_outputs": self._n_outputs}
        return target_of(y, n_samples, weight, all_zero=True, **fit)

    def read(self, source: Iterable[Any], classes: Any) -> Iterable[Any]:
        """Have labels read as classes, and anything else as numbers; see `Encoder`."""
        return with_numbers(source) if classes is None else with_labels(source, classes)[0]

    def encode(self, X: Any, y: Any, sample_weight: Any) -> Batch:
        """Make a batch whose rows are as they come: nothing is learned from them; see `Encoder`."""
        rows = rows_of_block(X, canonical=False)
        return Batch(rows, *self.targets(y, sample_weight, rows.n_samples))


class NumberEncoder(Encoder):
    """Numbers that a loss allows.

    Parameters
    ----------
    settings : StreamSettings
    """

    def __init__(self, settings: StreamSettings):
        self._settings = settings

    def targets(self, y: Any, sample_weight: Any, n_samples: int) -> tuple[Vector, Vector | None]:
        """Return a single column; see `Encoder`."""
        flat = flatten(y, stacklevel=frames_of_the_package() + 1)
        numbers = check_target(flat, n_samples, *self._settings.objective.targets, self._settings.objective.name)
        return numbers[:, None], check_sample_weight(sample_weight, n_samples, all_zero=True)

    def read(self, source: Iterable[Any], classes: Any) -> Iterable[Any]:
        """Refuse classes; see `Encoder`."""
        if classes is not None:
            raise ValueError(f"classes: {classes!r} is not allowed for a regression, expected None")
        return with_numbers(source)


def second_of_two(y: Any, classes: npt.NDArray[Any]) -> Vector | None:
    """Encode labels of two classes at the price of two comparisons.

    Parameters
    ----------
    y : array-like
    classes : ndarray of shape (n_classes,)
        Ascending.

    Returns
    -------
    shares : ndarray of float64 of shape (n_samples,) or None
        1 for the second class. None: y is no array of numbers that all are one of two classes, or they may be
        probabilities.
    """
    numbers = "biuf"
    if not isinstance(y, np.ndarray) or y.ndim != 1 or y.dtype.kind not in numbers or isinstance(y, np.ma.MaskedArray):
        return None
    if classes.size != 2 or classes.dtype.kind not in numbers or not (classes == np.rint(classes)).all():
        return None
    is_second = y == classes[1]
    if np.count_nonzero(is_second) + np.count_nonzero(y == classes[0]) < y.size:
        return None
    return is_second.astype(np.float64)


def read_ahead(
    source: Iterable[Any], encoder: Encoder, name: str = "source"
) -> Generator[tuple[Block, Batch], None, None]:
    """Iterate over the blocks of a source once, with their batches; a thread reads and encodes ahead.

    Parameters
    ----------
    source : iterable of blocks
    encoder : Encoder
    name : str, default="source"
        Of the argument, for messages.

    Returns
    -------
    pairs : generator of (Block, Batch)
        To be closed.
    """
    return overlapped(_encoded(source, encoder, name))


def _encoded(source: Iterable[Any], encoder: Encoder, name: str) -> Iterator[tuple[Block, Batch]]:
    """Encode blocks one by one."""
    for position, block in enumerate(as_blocks(source, name)):
        with located(f"{name}: block {position} (the first is 0)"):
            batch = encoder.encode(block.X, block.y, block.sample_weight)
        # Ids and values become of the types that kernels take here, beside the thread that learns; a source may fill an
        # array of its own again while the rows that it held are still being learned from.
        rows = batch.rows
        yield block, replace(batch, rows=rows.copy()) if isinstance(rows, DenseRows) else batch.between(0, batch.n_rows)
