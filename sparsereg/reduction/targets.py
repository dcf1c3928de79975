"""Sums of targets: weighted means and what lies about them, or the weight of each class."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from sparsereg._core import row_table
from sparsereg.inputs.rows import as_numeric
from sparsereg.inputs.shares import check_shares
from sparsereg.inputs.targets import check_labels, check_target, flatten, is_soft
from sparsereg.readers.blocks import located
from sparsereg.readers.labels import MAX_LEARNED
from sparsereg.reduction.numbering import Numbers, bytes_grown, cut, grow
from sparsereg.solvers.convergence import frames_of_the_package

Vector = npt.NDArray[np.float64]

# What blocks with targets of two forms have together; of a form with itself it is that form.
_TOGETHER = {
    frozenset(pair): form
    for *pair, form in (
        # Labels 0 and 1 are probabilities, and rows of one 1 are counts of one trial and probabilities alike.
        ("labels", "second", "second"), ("one-hot", "counts", "counts"), ("one-hot", "probabilities", "probabilities"),
        # Several ones in a row are counts if there are larger ones elsewhere.
        ("one-hot", "sets", "sets"), ("sets", "counts", "counts"),
    )
}
_FORMS = {
    "labels": "labels", "second": "probabilities of the second of two classes", "one-hot": "one class a row",
    "counts": "counts of classes", "sets": "several classes a row", "probabilities": "probabilities of classes",
}
# How the samples of a form share their weight among the classes.
KINDS = {
    "labels": "labels", "second": "probabilities", "one-hot": "counts", "counts": "counts", "sets": "counts",
    "probabilities": "probabilities",
}


@dataclass(frozen=True, eq=False)
class TargetSums:
    """What is kept of the targets of entries; an entry stands for samples of one row, and of one fold if there are any.

    Attributes
    ----------
    columns : tuple of ndarray of float64 of shape (n_entries,)
        The weighted mean of each response; or for each class its weight.
    weight : ndarray of float64 of shape (n_entries,) or None
        Sums of weights; None: those of the classes.
    squares, logs : ndarray of float64 of shape (n_folds,) or (1,), of several responses (n_responses, ...)
        Sums over the samples of each fold: of w / 2 (y - mean)^2, and for a log link of w y log y.
    classes : ndarray of shape (n_classes,) or None
        Labels, ascending.
    form : str or None
        How the classes were given.
    """

    columns: tuple[Vector, ...]
    weight: Vector | None
    squares: Vector
    logs: Vector
    classes: npt.NDArray[Any] | None = None
    form: str | None = None

    @property
    def n_responses(self) -> int:
        """Targets of each row."""
        return len(self.columns) if self.classes is None else 1

    def response(self, k: int) -> TargetSums:
        """Return those of one response; nothing is copied."""
        if self.n_responses == 1:
            return self
        return TargetSums(self.columns[k : k + 1], self.weight, self.squares[k], self.logs[k])

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays that are as long as there are entries."""
        return sum(array.nbytes for array in (*self.columns, self.weight) if array is not None)

    @property
    def total(self) -> Vector:
        """Sum of the weights of each entry."""
        return np.sum(self.columns, axis=0) if self.weight is None else self.weight


class Means:
    """Weighted means of numbers, for losses that are linear in y but for a constant.

    Parameters
    ----------
    loss : registered loss
    """

    def __init__(self, loss: Any):
        self._loss = loss
        self._mean, self._weight, self._squares, self._logs = (np.zeros(0) for _ in range(4))

    def encode(self, y: Any, weight: Vector, n_samples: int) -> tuple[Vector, Vector]:
        """Check the targets of samples; return them and the weights."""
        return check_target(y, n_samples, *self._loss.targets, self._loss.name), weight

    def add(self, entry: Numbers, part: Numbers | None, y: Vector, weight: Vector, n_entries: int) -> None:
        """Take further samples.

        Parameters
        ----------
        entry : ndarray of int32 of shape (n_samples,)
        part : ndarray of int32 of shape (n_samples,) or None
        y, weight : ndarray of float64 of shape (n_samples,)
            Weights above 0.
        n_entries : int
            With those that are new.
        """
        n_parts = 1 if part is None else int(part.max(initial=-1)) + 1
        self._reserve(n_entries, n_parts)
        part = np.empty(0, dtype=np.int32) if part is None else part
        row_table.add_to_means(entry, part, y, weight, self._weight, self._mean, self._squares)
        if self._loss.log_link:
            logs = weight * special.xlogy(y, y)
            self._logs[:n_parts] += np.bincount(part, logs, n_parts) if part.size else logs.sum()

    def merge(self, entry: Numbers, part: Numbers | None, parts: Numbers, sums: TargetSums, n_entries: int) -> None:
        """Take the samples of another reduction; `parts` are the numbers here of its folds."""
        self._reserve(n_entries, int(parts.max(initial=-1)) + 1)
        part = np.empty(0, dtype=np.int32) if part is None else part
        row_table.add_to_means(entry, part, sums.columns[0], sums.total, self._weight, self._mean, self._squares)
        self._squares[parts] += sums.squares
        self._logs[parts] += sums.logs

    def bytes_with(self, n_entries: int) -> int:
        """Return the most bytes taken by so many entries."""
        return bytes_grown(self._mean, n_entries) + bytes_grown(self._weight, n_entries)

    def _reserve(self, n_entries: int, n_parts: int) -> None:
        for array, size in (
            (self._mean, n_entries), (self._weight, n_entries), (self._squares, n_parts), (self._logs, n_parts)
        ):
            grow(array, size)

    def finish(self, n_entries: int, n_parts: int) -> TargetSums:
        """Return what was summed up."""
        self._reserve(n_entries, n_parts)
        return TargetSums(
            (cut(self._mean, n_entries),), cut(self._weight, n_entries), self._squares[:n_parts].copy(),
            self._logs[:n_parts].copy(),
        )


class Responses:
    """Weighted means of one response, or of several on the same samples.

    Parameters
    ----------
    loss : registered loss
    """

    def __init__(self, loss: Any):
        self._loss = loss
        self._means: list[Means] = []

    def encode(self, y: Any, weight: Vector, n_samples: int) -> tuple[Vector, Vector]:
        """Check the targets of samples; return them, a column for each response if there are several, and weights."""
        y = flatten(y, stacklevel=frames_of_the_package() + 1)
        columns = [*y.T] if getattr(y, "ndim", 1) == 2 and isinstance(y, np.ndarray) else [y]
        if n_samples or len(columns) > 1:
            self._join(len(columns))
        one, encoded = Means(self._loss), []
        for k, column in enumerate(columns):
            with located(f"response {k} (the first is 0)") if len(columns) > 1 else nullcontext():
                encoded.append(one.encode(column, weight, n_samples)[0])
        return (encoded[0] if len(columns) == 1 else np.stack(encoded, axis=1)), weight

    def _join(self, n_responses: int) -> None:
        """Refuse another number of responses than before."""
        if n_responses == 0:
            raise ValueError("y: no columns are not allowed, expected one for each response")
        if not self._means:
            self._means = [Means(self._loss) for _ in range(n_responses)]
        if n_responses != len(self._means):
            raise ValueError(f"y: {n_responses} responses, where the rows before had {len(self._means)}")

    def add(self, entry: Numbers, part: Numbers | None, y: Vector, weight: Vector, n_entries: int) -> None:
        """Take further samples; see `Means.add`."""
        for means, column in zip(self._means, np.atleast_2d(y.T)):
            means.add(entry, part, np.ascontiguousarray(column), weight, n_entries)

    def merge(self, entry: Numbers, part: Numbers | None, parts: Numbers, sums: TargetSums, n_entries: int) -> None:
        """Take the samples of another reduction; see `Means.merge`."""
        # Of no samples at all it may not be known how many there are.
        if not entry.size and sums.n_responses == 1 and not sums.squares.any() and not sums.logs.any():
            return
        self._join(sums.n_responses)
        for k, means in enumerate(self._means):
            means.merge(entry, part, parts, sums.response(k), n_entries)

    def bytes_with(self, n_entries: int) -> int:
        """Return the most bytes taken by so many entries; of no rows yet as if there were one response."""
        return sum(means.bytes_with(n_entries) for means in self._means or [Means(self._loss)])

    def finish(self, n_entries: int, n_parts: int) -> TargetSums:
        """Return what was summed up."""
        sums = [means.finish(n_entries, n_parts) for means in self._means or [Means(self._loss)]]
        if len(sums) == 1:
            return sums[0]
        squares, logs = (np.stack([getattr(one, name) for one in sums]) for name in ("squares", "logs"))
        return TargetSums(tuple(one.columns[0] for one in sums), sums[0].weight, squares, logs)


class ClassWeights:
    """The weight of each class; classes are those of all samples so far.

    Parameters
    ----------
    loss : registered loss
    """

    def __init__(self, loss: Any):
        self._labels: npt.NDArray[Any] | None = None
        self._form: str | None = None
        self._columns: list[Vector] = []

    def encode(self, y: Any, weight: Vector, n_samples: int) -> tuple[npt.NDArray[Any], Vector]:
        """Check the targets of samples; return classes by number, or shares of all of them, and the weights."""
        y = check_labels(flatten(y, stacklevel=frames_of_the_package() + 1))
        if y.shape[0] != n_samples:
            raise ValueError(f"y: length {y.shape[0]} does not match the {n_samples} rows of X")
        if y.ndim == 2:
            shares, given, is_counted = check_shares(y, n_samples, weight, all_zero=True)
            self._join(_form_of(as_numeric(y, "y")[weight > 0.0], is_counted), np.arange(y.shape[1]))
            return shares, weight if given is None else given
        if is_soft(y):
            self._join("second", np.arange(2))
            return np.column_stack([1.0 - y, y]).astype(np.float64), weight
        used, code = weight > 0.0, np.zeros(n_samples, dtype=np.int32)
        if used.any():
            self._join("labels", _distinct(y[used], self._labels))
            code[used] = _positions(y[used], self._labels)
        return code, weight

    def add(
        self, entry: Numbers, part: Numbers | None, y: npt.NDArray[Any], weight: Vector, n_entries: int
    ) -> None:
        """Take further samples; see `Means.add`."""
        for k, column in enumerate(self._columns):
            grow(column, n_entries)
            if y.ndim == 2:
                np.add.at(column, entry, weight * y[:, k])
            else:
                of_class = y == k
                np.add.at(column, entry[of_class], weight[of_class])

    def merge(self, entry: Numbers, part: Numbers | None, parts: Numbers, sums: TargetSums, n_entries: int) -> None:
        """Take the samples of another reduction; see `Means.merge`."""
        self._join(sums.form, sums.classes)
        for column in self._columns:
            grow(column, n_entries)
        for position, column in zip(_positions(sums.classes, self._labels), sums.columns):
            np.add.at(self._columns[position], entry, column)

    def bytes_with(self, n_entries: int) -> int:
        """Return the most bytes taken by so many entries; of no classes yet as if there were two."""
        columns = self._columns or [np.empty(0)] * 2
        return sum(bytes_grown(column, n_entries) for column in columns)

    def _join(self, form: str | None, labels: npt.NDArray[Any] | None) -> None:
        """Take further labels, in whichever form they come, to those that are known."""
        if form is None or labels is None:
            return
        before = self._form
        together = form if before in (None, form) else _TOGETHER.get(frozenset((before, form)))
        if together is None:
            raise ValueError(f"y: {_FORMS[form]}, where blocks before had {_FORMS[str(before)]}; expected one form")
        if together == "second":
            self._make_second(labels)
        elif self._labels is not None and form != "labels" and labels.size != self._labels.size:
            raise ValueError(f"y: {labels.size} classes, where blocks before had {self._labels.size}")
        self._form = together
        known = labels[:0] if self._labels is None else self._labels
        _check_kinds(labels, known)
        self._labels = labels if not known.size else np.concatenate([known, labels[_positions(labels, known) < 0]])
        if self._labels.size > MAX_LEARNED:
            raise ValueError(f"y: more than {MAX_LEARNED} classes, expected labels and not numbers")
        n_entries = self._columns[0].size if self._columns else 0
        self._columns += [np.zeros(n_entries) for _ in range(len(self._labels) - len(self._columns))]

    def _make_second(self, labels: npt.NDArray[Any]) -> None:
        """Let labels 0 and 1 be the probabilities that they are beside others."""
        for some in (labels, self._labels):
            if some is not None and (some.dtype.kind not in "biuf" or not np.isin(some, (0, 1)).all()):
                raise ValueError(
                    f"y: labels {some.tolist()[:3]} beside numbers between 0 and 1, expected labels, or probabilities "
                    "of class 1 in [0, 1]"
                )
        both, size = np.arange(2), self._columns[0].size if self._columns else 0
        columns = [np.zeros(size) for _ in both]
        for label, column in zip([] if self._labels is None else self._labels, self._columns):
            columns[int(label)] = column
        self._labels, self._columns = both, columns

    def finish(self, n_entries: int, n_parts: int) -> TargetSums:
        """Return what was summed up."""
        labels = np.empty(0, dtype=np.int64) if self._labels is None else self._labels
        for column in self._columns:
            grow(column, n_entries)
        order, zeros = np.argsort(labels), np.zeros(n_parts)
        columns = tuple(cut(self._columns[k], n_entries) for k in order)
        return TargetSums(columns, None, zeros, zeros, labels[order], self._form)


def _form_of(used: npt.NDArray[Any], is_counted: bool) -> str:
    """Name the form of a table of classes."""
    if not is_counted:
        return "probabilities"
    total = used.sum(axis=1)
    if (total == 1).all():
        return "one-hot"
    is_set = used.shape[1] > 2 and used.max(initial=0) <= 1 < total.max(initial=0)
    return "sets" if is_set else "counts"


def _distinct(labels: npt.NDArray[Any], known: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
    """Return the distinct labels among some, of known ones only those that are new."""
    if known is not None and labels.size:
        _check_kinds(labels, known)
        labels = labels[_positions(labels, known) < 0]
    try:
        return np.unique(labels)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in labels})
        raise TypeError(f"y: labels of types {kinds} cannot be sorted, expected labels of one type") from error


def _check_kinds(labels: npt.NDArray[Any], known: npt.NDArray[Any]) -> None:
    """Refuse labels of another type than those that are known, where there are some of both."""
    if labels.size and known.size and _kind(labels) != _kind(known):
        raise TypeError(
            f"y: labels like {labels.tolist()[0]!r}, where blocks before had ones like {known.tolist()[0]!r}; "
            "expected labels of one type"
        )


def _kind(labels: npt.NDArray[Any]) -> str:
    """Tell numbers, texts and other labels apart; objects by the type of the first."""
    kind = "U" if labels.dtype.kind == "O" and isinstance(labels[0], str) else labels.dtype.kind
    return "number" if kind in "biuf" else kind


def _positions(labels: npt.NDArray[Any], known: npt.NDArray[Any] | None) -> npt.NDArray[np.int64]:
    """Return where labels are among known ones, which may be in any order; -1 for others."""
    if known is None or not known.size:
        return np.full(labels.size, -1, dtype=np.int64)
    order = np.argsort(known)
    position = np.minimum(np.searchsorted(known, labels, sorter=order), known.size - 1)
    position = order[position]
    return np.where(known[position] == labels, position, -1)
