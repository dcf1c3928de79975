"""Folds of samples, as weights: no part of the data is ever copied."""

from __future__ import annotations

import numbers
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

# scikit-learn's default.
N_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Fold:
    """One split of the samples into a training part and a held-out one.

    Attributes
    ----------
    test : ndarray of int32 of shape (n_test,)
        Positions; one that is there twice counts twice.
    train : ndarray of int32 of shape (n_train,) or None
        None: all other samples.
    """

    test: npt.NDArray[np.int32]
    train: npt.NDArray[np.int32] | None

    def train_weight(self, sample_weight: Vector | None, n_samples: int) -> Vector:
        """Return the sample weights of the training part, 0 for samples that are not in it."""
        if self.train is None:
            weight = np.ones(n_samples) if sample_weight is None else sample_weight.copy()
            weight[self.test] = 0.0
            return weight
        return _spread(self.train, sample_weight, n_samples)

    def test_weight(self, sample_weight: Vector | None, n_samples: int) -> Vector:
        """Return the sample weights of the held-out part, 0 for samples that are not in it."""
        return _spread(self.test, sample_weight, n_samples)


def _spread(positions: npt.NDArray[np.int32], sample_weight: Vector | None, n_samples: int) -> Vector:
    return np.bincount(
        positions, weights=None if sample_weight is None else sample_weight[positions], minlength=n_samples
    ).astype(np.float64, copy=False)


def make_folds(
    cv: Any, X: Any, y: Any, sample_weight: Vector | None, n_samples: int, *, groups: Any = None, labels: Any = None
) -> list[Fold]:
    """Split samples the way scikit-learn does.

    Parameters
    ----------
    cv : None, int, splitter or iterable
        None: 5 folds. A number of folds: consecutive ones, unshuffled, with the share of every label in each where
        there are labels, as scikit-learn's `KFold` and `StratifiedKFold` make them. Anything with a method `split`,
        or pairs (train, test) of positions or masks; a position that is given twice counts twice.
    X, y : the caller's data
        Handed to the splitter.
    sample_weight : ndarray of float64 of shape (n_samples,) or None
    n_samples : int
    groups : array-like of shape (n_samples,) or None, default=None
        Handed to the splitter, which must be one that uses them.
    labels : ndarray of shape (n_samples,) or None, default=None
        Classes to balance.

    Returns
    -------
    folds : list of Fold

    Raises
    ------
    ValueError, TypeError
        For what is none of these, positions out of range, and parts without weight.
    """
    if groups is not None and not _is_splitter(cv):
        raise ValueError(f"groups: not used by cv={cv!r}, expected a splitter, as GroupKFold")
    folds: list[Fold] = []
    for train, test in _splits(cv, X, y, n_samples, groups, labels):
        what = f"part of fold {len(folds)}"
        test = _positions(test, n_samples, f"cv: test {what}")
        train = None if train is None else _positions(train, n_samples, f"cv: train {what}")
        fold = Fold(test, None if train is None or _is_rest(train, test, n_samples) else train)
        for name, weight in (("train", fold.train_weight), ("test", fold.test_weight)):
            if not weight(sample_weight, n_samples).any():
                raise ValueError(f"cv: the {name} {what} has no weight, expected some in every part")
        folds.append(fold)
    if not folds:
        raise ValueError("cv: no folds, expected at least one")
    return folds


def _splits(cv: Any, X: Any, y: Any, n_samples: int, groups: Any, labels: Any) -> Iterable[tuple[Any, Any]]:
    """Return pairs of positions or masks; None for a training part that is all the rest."""
    if _is_splitter(cv):
        return _pairs(cv.split(X, y, groups))
    cv = N_FOLDS if cv is None else cv
    if isinstance(cv, (bool, np.bool_, str, bytes, type)) or not isinstance(cv, (numbers.Integral, Iterable)):
        raise TypeError(f"cv: {cv!r} is not allowed, expected None, a whole number, a splitter or pairs (train, test)")
    if not isinstance(cv, numbers.Integral):
        return _pairs(cv)
    n_folds = int(cv)
    if not 2 <= n_folds <= n_samples:
        raise ValueError(f"cv: {cv} folds are not allowed for n_samples={n_samples} samples, expected 2 to {n_samples}")
    of_fold = _consecutive(n_folds, n_samples) if labels is None else _stratified(n_folds, labels)
    return ((None, of_fold == k) for k in range(n_folds))


def _is_splitter(cv: Any) -> bool:
    return hasattr(cv, "split") and not isinstance(cv, (str, bytes, type))


def _pairs(cv: Iterable[Any]) -> Iterable[tuple[Any, Any]]:
    for k, pair in enumerate(cv):
        is_sequence = isinstance(pair, (tuple, list)) or (isinstance(pair, np.ndarray) and pair.ndim > 0)
        if not is_sequence or len(pair) != 2:
            raise ValueError(
                f"cv: entry {k} is not a pair (train, test), of positions or masks of samples, but {reprlib.repr(pair)}"
            )
        yield pair[0], pair[1]


def _consecutive(n_folds: int, n_samples: int) -> npt.NDArray[np.intp]:
    """Cut the samples into runs; the first are one longer where they do not come out even."""
    sizes = np.full(n_folds, n_samples // n_folds)
    sizes[: n_samples % n_folds] += 1
    return np.repeat(np.arange(n_folds), sizes)


def _stratified(n_folds: int, labels: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Deal the samples out so that every fold has its share of each label, consecutive ones within a label."""
    # Labels are numbered as they come, and the sorted labels dealt out like cards, which fixes the shares.
    _, first, code, count = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    if count.max() < n_folds:
        raise ValueError(
            f"cv: {n_folds} folds are not allowed, the largest class has {count.max()} members, expected no more"
        )
    code = np.argsort(np.argsort(first))[code]
    ordered, n_classes = np.sort(code), count.size
    shares = np.array([np.bincount(ordered[k::n_folds], minlength=n_classes) for k in range(n_folds)])
    out = np.empty(code.size, dtype=np.intp)
    for k in range(n_classes):
        out[code == k] = np.repeat(np.arange(n_folds), shares[:, k])
    return out


def _positions(part: Any, n_samples: int, what: str) -> npt.NDArray[np.int32]:
    """Check the positions of the samples of a part, or find those of a mask."""
    try:
        positions = np.asarray(part)
    except ValueError as error:
        raise ValueError(f"{what}: {reprlib.repr(part)} is no list of positions of samples ({error})") from error
    if positions.dtype == bool and positions.shape == (n_samples,):
        return np.flatnonzero(positions).astype(np.int32)
    if positions.ndim != 1 or positions.dtype.kind not in "iu":
        raise TypeError(f"{what}: expected positions of samples, or a mask of length {n_samples}")
    outside = (positions < 0) | (positions >= n_samples)
    if outside.any():
        raise ValueError(f"{what}: position {positions[outside][0]} is outside [0, {n_samples})")
    return positions.astype(np.int32)


def _is_rest(train: npt.NDArray[np.int32], test: npt.NDArray[np.int32], n_samples: int) -> bool:
    """Say whether every sample is in one of the parts, once."""
    return train.size + test.size == n_samples and bool(np.bincount(np.r_[train, test]).max() == 1)
