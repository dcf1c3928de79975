"""Shares of classes, a row for each sample: probabilities, or counts of trials, whose totals are weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.rows import as_numeric, check_finite

Vector = npt.NDArray[np.float64]

# Rows that are looked at before further ones are.
FEW_ROWS = 1 << 12
# What rounding may leave of the sum of a row of probabilities, float32 included.
SUM_TOLERANCE = 1e-6


class Shares(NamedTuple):
    """Shares of classes and the weights that go with them.

    Attributes
    ----------
    shares : ndarray of float64 of shape (n_samples, n_classes)
        Rows of positive weight sum to one.
    sample_weight : ndarray of float64 of shape (n_samples,) or None
        Totals of counts included.
    is_counted : bool
        The shares were whole numbers: each row stands for so many trials of each class. Where every row has one trial
        counts and probabilities are the same.
    """

    shares: Vector
    sample_weight: Vector | None
    is_counted: bool


@dataclass(frozen=True, eq=False)
class GroupedClasses:
    """Shares of classes of rows that stand for several samples each; they take the place of labels.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Labels, ascending.
    shares : ndarray of float64 of shape (n_rows, n_classes)
        Rows sum to one.
    weight : ndarray of float64 of shape (n_rows,)
        Sums over the samples, totals of counts included.
    kind : {"labels", "counts", "probabilities"}
        What the samples had.
    """

    classes: npt.NDArray[Any]
    shares: Vector
    weight: Vector
    kind: str

    def without(self, left_out: npt.NDArray[np.bool_]) -> GroupedClasses:
        """Take the samples of some classes out.

        Parameters
        ----------
        left_out : ndarray of bool of shape (n_classes,)

        Returns
        -------
        grouped : GroupedClasses
            Rows that nothing is left of weigh nothing.
        """
        if not left_out.any():
            return self
        mass = self.shares[:, ~left_out] * self.weight[:, None]
        weight = mass.sum(axis=1)
        shares = mass / np.where(weight > 0.0, weight, 1.0)[:, None]
        return GroupedClasses(self.classes[~left_out], shares, weight, self.kind)


def check_shares(
    y: Any, n_samples: int, sample_weight: Vector | None = None, n_classes: int | None = None, *, all_zero: bool = False
) -> Shares:
    """Check probabilities or counts of classes, and bring counts into shares and weights.

    Parameters
    ----------
    y : array-like of shape (n_samples, n_classes)
        Whole numbers in all rows that have weight are counts, 0 or more; all else is read as probabilities.
    n_samples : int
    sample_weight : ndarray of float64 of shape (n_samples,) or None, default=None
        Of each trial, where there are several in a row.
    n_classes : int or None, default=None
        None: two or more.
    all_zero : bool, default=False
        Counts may all be 0: these rows are some of many.

    Returns
    -------
    shares : Shares

    Raises
    ------
    ValueError, TypeError
        For other shapes, what is not finite or negative, probabilities that do not sum to one, and beyond two classes
        zeros and ones with several ones in a row: labels of several classes at once.
    """
    array = _check_form(y, n_samples, n_classes)
    used = slice(None) if sample_weight is None else sample_weight > 0.0
    if not _are_whole(array[used]):
        return Shares(check_probabilities(array, n_samples, sample_weight, n_classes), sample_weight, False)
    negative = (array < 0.0).any(axis=1)
    if sample_weight is not None:
        negative &= used
    if negative.any():
        i = int(np.argmax(negative))
        raise ValueError(f"y: count {array[i].min():g} in row {i} is negative, expected 0 or more")
    shares, total = _split(array)
    # In a block there may by chance be no larger count.
    if not all_zero and array.shape[1] > 2 and array[used].max(initial=0.0) <= 1.0 < total[used].max(initial=0.0):
        i = int(np.argmax(np.where(array.max(axis=1) <= 1.0, total, 0.0)))
        raise ValueError(
            f"y: row {i} is of {total[i]:g} classes at once, expected one label a row, probabilities, or counts of "
            "trials, of which some is above 1"
        )
    if (total[used] != 1.0).any():
        with np.errstate(over="ignore"):
            sample_weight = total if sample_weight is None else np.where(used, sample_weight * total, 0.0)
        if not np.isfinite(sample_weight).all():
            i = int(np.argmin(np.isfinite(sample_weight)))
            raise ValueError(f"y: the counts in row {i}, times its weight, are beyond float64, expected smaller ones")
        if not (all_zero or sample_weight.any()):
            raise ValueError("y: every count is 0 in the rows that have weight, expected some above 0")
    return Shares(shares, sample_weight, True)


def check_probabilities(
    y: Any, n_samples: int, sample_weight: Vector | None = None, n_classes: int | None = None
) -> Vector:
    """Check shares of classes: one row for each sample, in [0, 1] and of sum one where a row has weight.

    Parameters
    ----------
    y : array-like of shape (n_samples, n_classes)
    n_samples : int
    sample_weight : ndarray of float64 of shape (n_samples,) or None, default=None
    n_classes : int or None, default=None
        None: two or more.

    Returns
    -------
    shares : ndarray of float64 of shape (n_samples, n_classes)
    """
    array = _check_form(y, n_samples, n_classes)
    smallest, total = array.min(axis=1), array.sum(axis=1)
    wrong = (smallest < 0.0) | (np.abs(total - 1.0) > SUM_TOLERANCE)
    if sample_weight is not None:
        wrong &= sample_weight > 0.0
    if wrong.any():
        i = int(np.argmax(wrong))
        if smallest[i] < 0.0:
            raise ValueError(f"y: probability {smallest[i]:g} in row {i} is negative, expected 0 or more")
        raise ValueError(
            f"y: the probabilities in row {i} sum to {total[i]:g}, expected 1 (within {SUM_TOLERANCE:g}), or whole "
            "numbers in every row, which are counts of each class"
        )
    return _split(array)[0]


def drop_untried(y: Any, sample_weight: Any, X: Any) -> Any:
    """Take the weight from rows whose counts are all 0, so that columns which only they occupy are none.

    Parameters
    ----------
    y : array-like
        Whatever is no table of numbers is left to its own checks.
    sample_weight : None, float or array-like of shape (n_samples,)
    X : matrix of shape (n_samples, n_features)
        Not checked yet.

    Returns
    -------
    sample_weight : None, float or array-like of shape (n_samples,)
        As given where every row has trials, or none has.
    """
    if not _is_table(y):
        return sample_weight
    try:
        untried = ~as_numeric(y, "y").any(axis=1)
    except (TypeError, ValueError):
        return sample_weight
    weight = 1.0 if sample_weight is None else sample_weight
    fits = getattr(X, "shape", untried.shape)[:1] == untried.shape and np.shape(weight) in ((), untried.shape)
    return np.where(untried, 0.0, weight) if fits and untried.any() and not untried.all() else sample_weight


def _is_table(y: Any) -> bool:
    if isinstance(y, (list, tuple)):
        return len(y) > 0 and isinstance(y[0], (list, tuple, np.ndarray)) and np.ndim(y[0]) == 1
    return len(getattr(y, "shape", ())) == 2 and y.shape[1] > 1


def _check_form(y: Any, n_samples: int, n_classes: int | None) -> Vector:
    array = as_numeric(y, "y")
    if array.ndim != 2 or array.shape[0] != n_samples or array.shape[1] < 2:
        raise ValueError(
            f"y: shape {array.shape} is not allowed, expected ({n_samples}, n_classes), probabilities or counts of "
            "two or more classes for every row of X"
        )
    if n_classes is not None and array.shape[1] != n_classes:
        raise ValueError(f"y: shape {array.shape} is not allowed, expected ({n_samples}, {n_classes})")
    check_finite(array, "y")
    return array.astype(np.float64)


def _are_whole(array: npt.NDArray[Any]) -> bool:
    return array.dtype.kind in "biu" or np.array_equal(array, np.rint(array))


def _split(array: Vector) -> tuple[Vector, Vector]:
    with np.errstate(over="ignore"):
        total = array.sum(axis=1)
    return array / np.where(total > 0.0, total, 1.0)[:, None], total


def occurring(shares: Vector) -> npt.NDArray[np.bool_]:
    """Tell which classes have a share in any row.

    Parameters
    ----------
    shares : ndarray of float64 of shape (n_rows, n_classes)

    Returns
    -------
    occurring : ndarray of bool of shape (n_classes,)
        Cost: most classes are seen in the first rows; a reduction along the longer axis takes 20 ns a row.
    """
    found = shares[:FEW_ROWS].any(axis=0)
    for start in range(FEW_ROWS, shares.shape[0], FEW_ROWS):
        if found.all():
            break
        found |= shares[start : start + FEW_ROWS].any(axis=0)
    return found
