"""Folds of samples, as weights: no part of the data is ever copied."""

from __future__ import annotations

import numbers
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.parameters import make_generator

Vector = npt.NDArray[np.float64]

# scikit-learn's default.
N_FOLDS = 5
# The fold number of rows that are in every train part and in no test part, as in scikit-learn's PredefinedSplit.
NEVER_TESTED = -1


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
    cv: Any, X: Any, y: Any, sample_weight: Vector | None, n_samples: int, *, groups: Any = None, labels: Any = None,
    random_state: Any = None,
) -> list[Fold]:
    """Split samples the way scikit-learn does, or glmnet with `foldid`.

    Parameters
    ----------
    cv : None, int, array-like of int of shape (n_samples,), splitter or iterable
        None: 5 folds. A number of folds: consecutive ones, unshuffled, with the share of every label in each where
        there are labels, as scikit-learn's `KFold` and `StratifiedKFold` make them. Fold numbers: a fold for each
        distinct one, in ascending order, but for -1, the rows that are trained on in every fold. Anything with a method
        `split`, or pairs (train, test) of positions or masks; a position that is given twice counts twice.
    X, y : the caller's data
        Handed to the splitter.
    sample_weight : ndarray of float64 of shape (n_samples,) or None
    n_samples : int
    groups : array-like of shape (n_samples,) or None, default=None
        Handed to the splitter, which must be one that uses them.
    labels : ndarray of shape (n_samples,) or None, default=None
        Classes to balance.
    random_state : None, int, RandomState or Generator, default=None
        Shuffles a number of folds, within every label where there are labels. Folds that are given stay as they are.

    Returns
    -------
    folds : list of Fold

    Raises
    ------
    ValueError, TypeError
        For what is none of these, positions out of range, and parts without weight.
    """
    if groups is not None and not _is_splitter(cv):
        raise ValueError(f"groups: not used by cv={reprlib.repr(cv)}, expected a splitter, as GroupKFold")
    # Checked where it is of no use too: scikit-learn's own tools give it beside any folds.
    generator = None if random_state is None else make_generator(random_state)
    folds: list[Fold] = []
    for train, test in _splits(cv, X, y, n_samples, groups, labels, generator):
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


def number_folds(folds: Sequence[Fold], n_samples: int) -> npt.NDArray[np.intp] | None:
    """Say which fold every sample is held out in.

    Parameters
    ----------
    folds : sequence of Fold
    n_samples : int

    Returns
    -------
    number : ndarray of intp of shape (n_samples,) or None
        -1 for samples that are in no test part. None where some are in several, or twice in one.
    """
    number = np.full(n_samples, NEVER_TESTED, dtype=np.intp)
    for k, fold in enumerate(folds):
        number[fold.test] = k
    return number if sum(fold.test.size for fold in folds) == np.count_nonzero(number != NEVER_TESTED) else None


def _splits(
    cv: Any, X: Any, y: Any, n_samples: int, groups: Any, labels: Any, generator: np.random.Generator | None
) -> Iterable[tuple[Any, Any]]:
    """Return pairs of positions or masks; None for a training part that is all the rest."""
    if _is_splitter(cv):
        return _pairs(cv.split(X, y, groups))
    cv = N_FOLDS if cv is None else cv
    if isinstance(cv, (bool, np.bool_, str, bytes, type)) or not isinstance(cv, (numbers.Integral, Iterable)):
        raise TypeError(
            f"cv: {cv!r} is not allowed, expected None, a whole number, a splitter or pairs (train, test), or a fold "
            "number for each row"
        )
    if isinstance(cv, numbers.Integral):
        of_fold = _deal(int(cv), n_samples, labels, generator)
    elif _is_vector(cv):
        of_fold = _check_fold_numbers(np.asarray(cv), n_samples)
    else:
        return _pairs(cv)
    return ((None, of_fold == k) for k in np.unique(of_fold) if k != NEVER_TESTED)


def _deal(
    n_folds: int, n_samples: int, labels: Any, generator: np.random.Generator | None
) -> npt.NDArray[np.intp]:
    """Make a number of folds, shuffled if there is a generator."""
    if not 2 <= n_folds <= n_samples:
        raise ValueError(
            f"cv: {n_folds} folds are not allowed for n_samples={n_samples} samples, expected 2 to {n_samples}"
        )
    of_fold = _consecutive(n_folds, n_samples) if labels is None else _stratified(n_folds, labels)
    if generator is None:
        return of_fold
    # Shuffled within every label, folds keep their shares of it.
    strata = np.zeros(n_samples, dtype=np.intp) if labels is None else np.unique(labels, return_inverse=True)[1]
    for k in range(strata.max() + 1):
        of_fold[strata == k] = generator.permutation(of_fold[strata == k])
    return of_fold


def _is_vector(cv: Any) -> bool:
    """Tell fold numbers, of whatever type, from pairs of positions or masks."""
    if isinstance(cv, (list, tuple)):
        return len(cv) > 0 and all(isinstance(number, (numbers.Real, np.bool_)) for number in cv)
    array = np.asarray(cv) if hasattr(cv, "__array__") else np.empty((0, 0))
    are_pairs = array.dtype.kind == "O" and not any(isinstance(number, numbers.Real) for number in array)
    return array.ndim == 1 and not are_pairs


def _check_fold_numbers(given: npt.NDArray[Any], n_samples: int) -> npt.NDArray[Any]:
    if given.dtype.kind not in "iu":
        raise TypeError(
            f"cv: fold numbers of dtype {given.dtype} are not allowed, expected whole numbers, one for each row of X"
        )
    if given.size != n_samples:
        raise ValueError(
            f"cv: {given.size} fold numbers are not allowed for n_samples={n_samples} samples, expected one for each"
        )
    distinct = np.unique(given)
    if distinct.size < 2:
        raise ValueError(
            f"cv: fold number {distinct[0]} in every row leaves no row to train on or to test, expected at least two "
            f"numbers ({NEVER_TESTED} is that of rows which are never tested)"
        )
    return given


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
