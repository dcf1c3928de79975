"""Encoders: blocks of a stream -> mini-batches, with labels as probabilities and numbers as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.targets import check_target, encode_classes, encode_known, flatten
from sparsereg.inputs.weights import check_sample_weight
from sparsereg.readers.labels import with_labels, with_numbers
from sparsereg.solvers.convergence import frames_of_the_package
from sparsereg.streaming.batch import Batch, rows_of_block
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
        rows = rows_of_block(X)
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
        if self.classes is None:
            flat = flatten(y, stacklevel=frames_of_the_package() + 1)
            coded = encode_classes(flat, sample_weight, n_samples=n_samples, **self._weights)
            self.classes = coded.classes
        else:
            coded = encode_known(y, self.classes, sample_weight, n_samples=n_samples, **self._weights)
        probabilities = coded.probabilities[:, 1:] if self.classes.size == 2 else coded.probabilities
        return np.ascontiguousarray(probabilities), coded.sample_weight

    def read(self, source: Iterable[Any], classes: Any) -> Iterable[Any]:
        """Take the classes over; see `Encoder`."""
        source, self.classes = with_labels(source, classes)
        return source


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
