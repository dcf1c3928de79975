"""Targets of a stream: numbers, or labels that are learned, or looked up, whatever form a file has them in.

A label is what its class is, not what type it came in. Where classes are numbers or booleans, text stands for the
number that it reads as, and true and false, in letters of any size, for 1 and 0. Where classes are text, text is taken
letter by letter, a number is its shortest text, "7" for 7.0, and true and false are the classes that are called so in
letters of any size.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsereg.inputs.targets import check_classes
from sparsereg.readers.blocks import can_repeat
from sparsereg.readers.table_rows import TableRows

# Beyond these, what should be classes are most likely numbers or names, and a model of each would fill the memory.
MAX_LEARNED = 1_000

_TRUTH = {"true": True, "false": False}
_UNKNOWN = (
    "classes: None is not allowed with a stream, expected all labels; a reader of what can be read more than once "
    "learns them in a first pass"
)


class NumberTarget:
    """Targets that must be numbers."""

    # What untyped text is read as.
    text_type = "float64"

    def read(self, rows: TableRows, column: str, weight: NDArray[np.float64] | None) -> NDArray[Any]:
        """Return the targets of some rows.

        Parameters
        ----------
        rows : TableRows
        column : str
        weight : ndarray of float64 of shape (n_rows,) or None
            Labels of rows of weight 0 may be of no class.

        Returns
        -------
        y : ndarray of shape (n_rows,)

        Raises
        ------
        ValueError
            With file and row, for what does not belong there.
        """
        return rows.numbers(column)


class AnyTarget(NumberTarget):
    """Targets as they are in the file: text, or else numbers."""

    def read(self, rows: TableRows, column: str, weight: NDArray[np.float64] | None) -> NDArray[Any]:
        """Return the targets of some rows, text as objects; see `NumberTarget`."""
        if not rows.is_text(column):
            return rows.numbers(column)
        position, distinct = rows.encoded(column)
        return np.array(distinct, dtype=object)[position]


class LabelTarget(NumberTarget):
    """Labels of known classes, or probabilities of the second of two.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
    """

    text_type = "string"

    def __init__(self, classes: NDArray[Any]) -> None:
        self.classes = classes
        labels = classes.tolist()
        self._of_text = any(isinstance(label, str) for label in labels)
        self._position = {label: k for k, label in enumerate(labels)}
        self._truth = {_TRUTH.get(str(label).lower()): k for k, label in enumerate(labels)}

    def read(self, rows: TableRows, column: str, weight: NDArray[np.float64] | None) -> NDArray[Any]:
        """Return the labels of some rows, each the class that it is; see `NumberTarget`."""
        position, distinct = rows.encoded(column)
        # Probabilities are many, and not looked up one by one.
        probabilities = self._probabilities(rows, column) if len(distinct) > self.classes.size else None
        if probabilities is not None:
            return probabilities
        known = np.array([self._find(value) for value in distinct], dtype=np.intp)[position]
        unknown = known < 0 if weight is None else (known < 0) & (weight > 0.0)
        if not unknown.any():
            return self.classes[known]
        probabilities = self._probabilities(rows, column)
        if probabilities is not None:
            return probabilities
        value = distinct[position[np.argmax(unknown)]]
        raise ValueError(
            f"{rows.place(unknown)}: column {column!r} has {value!r}, expected one of the classes "
            f"{self.classes.tolist()}"
        )

    def _find(self, value: Any) -> int:
        """Return the class of a label, -1 if it is none."""
        if self._of_text:
            if isinstance(value, bool):
                return self._truth.get(value, -1)
            value = _as_text(value)
        elif isinstance(value, str):
            value = _as_number(value)
        return self._position.get(value, -1)

    def _probabilities(self, rows: TableRows, column: str) -> NDArray[np.float64] | None:
        """Return probabilities of the second class, or None where these are none."""
        if self.classes.size != 2:
            return None
        try:
            numbers = rows.numbers(column)
        except ValueError:
            return None
        is_soft = ((numbers >= 0.0) & (numbers <= 1.0)).all() and (numbers != np.rint(numbers)).any()
        return numbers if is_soft else None


def with_labels(source: Iterable[Any], classes: Any) -> tuple[Iterable[Any], NDArray[Any]]:
    """Have a source give labels of classes; learn the classes in a first pass if they are not given.

    Parameters
    ----------
    source : iterable of blocks
        A reader learns them, if it can be read more than once.
    classes : array-like of shape (n_classes,) or None

    Returns
    -------
    source : iterable of blocks
    classes : ndarray of shape (n_classes,)
        Ascending.

    Raises
    ------
    ValueError
        For classes that are none, and without classes where they cannot be learned.
    """
    if classes is None:
        if not hasattr(source, "_targets") or not can_repeat(source):
            raise ValueError(_UNKNOWN)
        classes = _learned(source)
    classes = check_classes(classes)
    if hasattr(source, "_with_target"):
        source = source._with_target(LabelTarget(classes))
    return source, classes


def with_words(source: Iterable[Any]) -> Iterable[Any]:
    """Have a reader of untyped text give labels where its first targets do not read as numbers.

    Parameters
    ----------
    source : iterable of blocks

    Returns
    -------
    source : iterable of blocks
        As it is where targets are numbers, and where it is no reader that can be read more than once.

    Raises
    ------
    ValueError
        As `with_labels`, which learns the classes in a pass over the targets alone.
    """
    if not getattr(source, "_is_untyped", False) or not can_repeat(source):
        return source
    with closing(source._targets()) as targets:  # type: ignore[attr-defined]
        read = _as_read(dict.fromkeys(next(targets, [])))
    is_words = any(isinstance(label, (str, bool)) for label in read)
    return with_labels(source, None)[0] if is_words else source


def with_numbers(source: Iterable[Any]) -> Iterable[Any]:
    """Have a source give numbers, and nothing else.

    Parameters
    ----------
    source : iterable of blocks

    Returns
    -------
    source : iterable of blocks
    """
    return source._with_target(NumberTarget()) if hasattr(source, "_with_target") else source


def _learned(source: Any) -> list[Any]:
    """Go over a source once and list its labels."""
    found: dict[Any, None] = {}
    for labels in source._targets():
        found.update(dict.fromkeys(labels))
        if len(found) > MAX_LEARNED:
            raise ValueError(
                f"classes: None is not allowed with more than {MAX_LEARNED} labels, like "
                f"{', '.join(repr(label) for label in [*found][:3])}, expected all labels"
            )
    labels = _as_read(found) if getattr(source, "_is_untyped", False) else [*found]
    if any(isinstance(label, str) for label in labels):
        return [*dict.fromkeys(_as_text(label) for label in labels)]
    for label in labels:
        if isinstance(label, float) and not label.is_integer():
            raise ValueError(
                f"classes: None is not allowed with targets like {label}, expected the two classes if these are "
                "probabilities; SGDRegressor fits numbers"
            )
    if not all(isinstance(label, bool) for label in labels):
        labels = [int(label) if isinstance(label, (bool, float)) else label for label in labels]
    return [*dict.fromkeys(labels)]


def _as_read(texts: Iterable[str]) -> list[Any]:
    """Read words that have no type: numbers if all are, truth values if all are, and else text."""
    numbers = [_as_number(word) for word in texts]
    truths = sum(isinstance(number, bool) for number in numbers)
    return numbers if None not in numbers and truths in (0, len(numbers)) else [*texts]


def _as_number(word: str) -> Any:
    """Return the number that a word reads as, True or False for those words, None if it is neither."""
    word = word.strip()
    if word.lower() in _TRUTH:
        return _TRUTH[word.lower()]
    if "_" in word:
        return None
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return None


def _as_text(value: Any) -> Any:
    """Return the shortest text of a number or truth value, and anything else as it is."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, (int, float)) else value
