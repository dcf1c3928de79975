"""Targets: numbers, labels of classes, their probabilities, or counts of trials."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.compressed import raise_not_finite
from sparsereg.inputs.parameters import check_number
from sparsereg.inputs.rows import as_numeric, check_vector, refuse_sparse_and_masked
from sparsereg.inputs.shares import GroupedClasses, Shares, check_shares, occurring
from sparsereg.inputs.sklearn import DataConversionWarning
from sparsereg.inputs.weights import check_sample_weight

Vector = npt.NDArray[np.float64]

@dataclass(frozen=True, eq=False)
class ClassTargets:
    """Targets of a classification, as losses take them.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Labels, ascending.
    probabilities : ndarray of float64 of shape (n_samples, n_classes)
        Rows sum to one; rows of weight 0 may hold anything.
    sample_weight : None or ndarray of float64 of shape (n_samples,)
        Totals of counts and class weights included.
    """

    classes: npt.NDArray[Any]
    probabilities: Vector
    sample_weight: Vector | None


def flatten(y: Any, stacklevel: int = 3) -> Any:
    """Flatten a column vector, with scikit-learn's warning.

    Parameters
    ----------
    y : array-like
    stacklevel : int, default=3
        Frames up to the caller that the warning is for.

    Returns
    -------
    y : ndarray
        None, sparse matrices and `GroupedClasses` are returned as they are.
    """
    if y is None or hasattr(y, "tocsr") or isinstance(y, GroupedClasses):
        return y
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples,), "
            "for example using ravel().", DataConversionWarning, stacklevel=stacklevel,
        )
        y = y.ravel()
    return y


def check_y(y: Any, n_samples: int) -> npt.NDArray[np.float64]:
    """Check a numeric target.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 1)
    n_samples : int

    Returns
    -------
    y : ndarray of float64 of shape (n_samples,)
        The caller's own array where it fits; not to be written to.
    """
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None.")
    array = as_numeric(y, "y")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array.reshape(-1)
    return check_vector(array, n_samples, "y")


def check_target(y: Any, n_samples: int, lower: float, upper: float, what: str) -> npt.NDArray[np.float64]:
    """Check a numeric target against the range that a loss allows.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 1)
    n_samples : int
    lower, upper : float
    what : str
        Name of the loss, for the message.

    Returns
    -------
    y : ndarray of float64 of shape (n_samples,)
    """
    array = check_y(y, n_samples)
    if lower == -np.inf and upper == np.inf:
        return array
    outside = (array < lower) | (array > upper)
    if outside.any():
        i = int(np.argmax(outside))
        allowed = f"[{lower:g}, {upper:g}]" if np.isfinite(upper) else f"[{lower:g}, inf)"
        raise ValueError(f"y: {array[i]:g} in row {i} is outside {allowed}, the targets of loss={what!r}")
    return array


def encode_classes(
    y: Any, sample_weight: Any = None, *, n_samples: int | None = None, class_weight: Any = None,
    label_smoothing: Any = 0.0,
) -> ClassTargets:
    """Make probabilities of classes of labels, or check those given.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels of any kind that can be sorted. Or probabilities: one row of them for each sample, non-negative and of
        sum one; or numbers in [0, 1], not all 0 or 1, which are probabilities of class 1 of the classes 0 and 1. Or
        counts: whole numbers, how many trials of each row came out as each class; a row without any weighs nothing. Or
        `GroupedClasses`, which bring their weights.
    sample_weight : None, float or array-like of shape (n_samples,)
        Of a row, of counts that of each of its trials.
    n_samples : int or None, default=None
        Rows of X, to check against.
    class_weight : None, "balanced" or mapping from label to float, default=None
        Each row's weight is multiplied by sum_k y_ik c_k, so c_k for a row of class k; of counts each trial's is.
        "balanced": c_k is the sum of all weights over n_classes times that of class k. Labels that a mapping leaves out
        have c_k = 1. With c_k = 0 the rows of class k weigh nothing, and it is no class, as if they had been given the
        weight 0; probabilities and counts then need that class left out.
    label_smoothing : float in [0, 1), default=0.0
        eps: each probability y_ik becomes (1 - eps) y_ik + eps / n_classes. Class weights are those of the y given.

    Returns
    -------
    targets : ClassTargets

    Raises
    ------
    ValueError, TypeError
        For labels that are missing or cannot be sorted, numbers that are neither labels nor probabilities, less than
        two classes with a positive weight, and settings that are out of range.
    """
    smoothing = check_number(label_smoothing, "label_smoothing", "[0, 1)")
    if isinstance(y, GroupedClasses):
        y, class_weight = leave_out_grouped(y, class_weight)
        # A sample of several in a row is weighted as one of several trials is.
        classes, given = y.classes, Shares(y.shares, y.weight, True)
    else:
        classes, given, class_weight = _of_samples(y, sample_weight, n_samples, class_weight)
    _check_presence(classes, given)
    weighted = _weigh(classes, given, class_weight)
    # A class of weight 0 may have had the rows of another, which shared them, to itself.
    _check_presence(classes, weighted)
    return ClassTargets(classes, _smooth(weighted.shares, smoothing), weighted.sample_weight)


def _of_samples(
    y: Any, sample_weight: Any, n_samples: int | None, class_weight: Any
) -> tuple[npt.NDArray[Any], Shares, Any]:
    """Return classes, shares and the class weights that are left, of a row for each sample."""
    y = check_labels(y)
    if n_samples is not None and y.shape[0] != n_samples:
        raise ValueError(f"y: length {y.shape[0]} does not match the {n_samples} rows of X")
    weight, class_weight = leave_out(y, check_sample_weight(sample_weight, y.shape[0]), class_weight)
    if y.ndim == 2:
        return np.arange(y.shape[1]), check_shares(y, y.shape[0], weight), class_weight
    if is_soft(y):
        return np.arange(2), _of_second(y, weight), class_weight
    return *_one_hot(y, weight), class_weight


def encode_known(
    y: Any, classes: npt.NDArray[Any], sample_weight: Any = None, *, n_samples: int, class_weight: Any = None,
    label_smoothing: Any = 0.0,
) -> ClassTargets:
    """Make probabilities of known classes, some of which the rows may lack.

    Parameters
    ----------
    y, sample_weight, n_samples, label_smoothing
        As in `encode_classes`.
    classes : ndarray of shape (n_classes,)
        Ascending.
    class_weight : None or mapping from label to float, default=None
        As in `encode_classes`; "balanced" takes all rows at once.

    Returns
    -------
    targets : ClassTargets

    Raises
    ------
    ValueError, TypeError
        For other labels, and settings that are out of range.
    """
    smoothing = check_number(label_smoothing, "label_smoothing", "[0, 1)")
    if isinstance(class_weight, str) and class_weight == "balanced":
        raise ValueError(
            "class_weight: 'balanced' is not allowed with data that come in parts, expected None or a mapping: only "
            "all rows together say how often a class occurs"
        )
    weight = check_sample_weight(sample_weight, n_samples, all_zero=True)
    weighted = _weigh(classes, shares_of(y, classes, n_samples, weight, all_zero=True), class_weight)
    return ClassTargets(classes, _smooth(weighted.shares, smoothing), weighted.sample_weight)


def leave_out(y: npt.NDArray[Any], sample_weight: Vector | None, class_weight: Any) -> tuple[Vector | None, Any]:
    """Take the weight from rows whose label has the class weight 0.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Probabilities and counts are left as they are: their rows weigh what is left of them.
    sample_weight : ndarray of float64 of shape (n_samples,) or None
    class_weight : None, "balanced" or mapping from label to float

    Returns
    -------
    sample_weight : ndarray of float64 of shape (n_samples,) or None
    class_weight : None, "balanced" or mapping from label to float
        Without the labels that are no classes any more.
    """
    if not isinstance(class_weight, Mapping) or y.ndim == 2 or is_soft(y):
        return sample_weight, class_weight
    kept = dict(class_weight)
    for label in [label for label, factor in kept.items() if _check_class_weight(factor, label) == 0.0]:
        rows = np.asarray(y == label)
        if rows.any():
            sample_weight = np.where(rows, 0.0, 1.0 if sample_weight is None else sample_weight)
            del kept[label]
    return sample_weight, kept


def leave_out_grouped(y: GroupedClasses, class_weight: Any) -> tuple[GroupedClasses, Any]:
    """Take labels with the class weight 0 out of rows that stand for several samples, as `leave_out` does.

    Parameters
    ----------
    y : GroupedClasses
    class_weight : None, "balanced" or mapping from label to float

    Returns
    -------
    y : GroupedClasses
    class_weight : None, "balanced" or mapping from label to float
        Without the labels that are no classes any more.

    Raises
    ------
    ValueError
        For any class weights of probabilities, whose shares in a row do not say what each sample would weigh.
    """
    if class_weight is not None and y.kind == "probabilities":
        raise ValueError(
            "class_weight: not allowed with reduced rows of probabilities, expected None; multiply the sample weights "
            "before the reduction"
        )
    if not isinstance(class_weight, Mapping) or y.kind != "labels":
        return y, class_weight
    labels = y.classes.tolist()
    none = [label for label, factor in class_weight.items() if _check_class_weight(factor, label) == 0.0]
    left_out = np.array([label in none for label in labels])
    kept = {label: factor for label, factor in class_weight.items() if label not in none or label not in labels}
    return y.without(left_out), kept


def check_classes(classes: Any) -> npt.NDArray[Any]:
    """Check labels that are given beforehand: distinct, at least two.

    Parameters
    ----------
    classes : array-like of shape (n_classes,)

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Ascending.
    """
    classes = np.asarray(classes)
    if classes.ndim != 1:
        raise ValueError(f"classes: shape {classes.shape} is not allowed, expected one dimension")
    distinct = np.unique(check_labels(classes))
    if distinct.size < 2 or distinct.size < classes.size:
        raise ValueError(f"classes: {classes.tolist()} is not allowed, expected at least two labels, each once")
    return distinct


def shares_of(
    y: Any, classes: npt.NDArray[Any], n_samples: int, sample_weight: Vector | None = None, *, all_zero: bool = False
) -> Shares:
    """Make shares of known classes of labels, or check those given.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        As `encode_classes` takes it.
    classes : ndarray of shape (n_classes,)
        Ascending.
    n_samples : int
    sample_weight : ndarray of float64 of shape (n_samples,) or None, default=None
        Rows of weight 0 may hold anything.
    all_zero : bool, default=False
        Counts may all be 0: these rows are some of many.

    Returns
    -------
    shares : Shares

    Raises
    ------
    ValueError
        For other labels.
    """
    y = check_labels(flatten(y))
    if y.ndim == 2:
        return check_shares(y, n_samples, sample_weight, classes.size, all_zero=all_zero)
    if y.shape[0] != n_samples:
        raise ValueError(f"y: length {y.shape[0]} does not match the {n_samples} rows of X")
    if classes.size == 2 and is_soft(y):
        return _of_second(y, sample_weight)
    matches = [y == label for label in classes]
    shares = np.stack(matches, axis=1).astype(np.float64)
    unknown = ~np.logical_or.reduce(matches)
    if sample_weight is not None:
        unknown &= sample_weight > 0.0
    if unknown.any():
        i = int(np.argmax(unknown))
        raise ValueError(f"y: {y.tolist()[i]!r} in row {i} is not among the classes {classes.tolist()}")
    return Shares(shares, sample_weight, False)


def target_of(
    y: Any, n_samples: int, sample_weight: Vector | None, *, loss: Any, classes: npt.NDArray[Any] | None,
    n_outputs: int, all_zero: bool = False,
) -> tuple[Vector, Vector | None]:
    """Bring the target of other data, and its weights, into the form of the linear predictor of a fit, or its several.

    Parameters
    ----------
    y : array-like of shape (n_samples,), or (n_samples, n_classes) for probabilities or counts of classes
    n_samples : int
    sample_weight : ndarray of float64 of shape (n_samples,) or None
        Rows of weight 0 may be of no class.
    loss : registered loss
    classes : ndarray of shape (n_classes,) or None
        Labels, where the fit was to labels.
    n_outputs : int
    all_zero : bool, default=False
        Counts may all be 0: these rows are some of many.

    Returns
    -------
    y : ndarray of float64 of shape (n_samples,), or (n_samples, n_outputs) for several outputs
    sample_weight : ndarray of float64 of shape (n_samples,) or None
        Totals of counts included.
    """
    if classes is not None:
        shares, weight, _ = shares_of(y, classes, n_samples, sample_weight, all_zero=all_zero)
    elif n_outputs > 1 or (loss.softmax and np.ndim(y) == 2 and np.shape(y)[1] > 1):
        shares, weight, _ = check_shares(y, n_samples, sample_weight, max(n_outputs, 2), all_zero=all_zero)
    else:
        return check_target(y, n_samples, *loss.targets, loss.name), sample_weight
    return shares if n_outputs > 1 else np.ascontiguousarray(shares[:, 1]), weight


def _weigh(classes: npt.NDArray[Any], given: Shares, class_weight: Any) -> Shares:
    """Multiply weights by those of the classes: of a row, or of each of the trials that it stands for."""
    if class_weight is None:
        return given
    shares, weight, is_counted = given
    factors = _class_factors(class_weight, classes, shares, weight)
    of_row = shares @ factors
    if is_counted:
        shares = shares * factors / np.where(of_row > 0.0, of_row, 1.0)[:, None]
    return Shares(shares, of_row if weight is None else weight * of_row, is_counted)


def _smooth(shares: Vector, smoothing: float) -> Vector:
    return (1.0 - smoothing) * shares + smoothing / shares.shape[1] if smoothing else shares


def _of_second(y: npt.NDArray[Any], sample_weight: Vector | None) -> Shares:
    """Make shares of two classes of the probabilities of the second."""
    return Shares(np.column_stack([1.0 - y, y]).astype(np.float64), sample_weight, False)


def check_labels(y: Any) -> npt.NDArray[Any]:
    """Check the form of labels or probabilities, and that none is missing.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_classes)

    Returns
    -------
    y : ndarray of the same shape
    """
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None.")
    refuse_sparse_and_masked(y, "y")
    y = np.asarray(y)
    if y.ndim not in (1, 2) or (y.ndim == 2 and y.shape[1] < 2):
        raise ValueError(
            f"y should be a 1d array of labels, or have one column of probabilities for each of at least two classes, "
            f"got an array of shape {y.shape} instead."
        )
    if y.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: y has dtype {y.dtype}")
    if y.dtype.kind in "OmM":
        missing = np.array([_is_missing(value) for value in y.ravel()], dtype=bool)
        if missing.any():
            i = int(np.argmax(missing)) // (y.shape[1] if y.ndim == 2 else 1)
            raise ValueError(f"Input y contains NaN. (a missing label in row {i}; expected a label for every row)")
    elif y.dtype.kind == "f" and not np.isfinite(y).all():
        where = tuple(int(k) for k in np.argwhere(~np.isfinite(y))[0])
        raise_not_finite(y[where], y.dtype, f"in row {where[0]}", "y")
    return y


def _is_missing(label: Any) -> bool:
    """Say whether a label is None, NaN, or the missing value of pandas, whose comparisons have no truth value."""
    if label is None:
        return True
    same = label == label
    return not (isinstance(same, (bool, np.bool_)) and bool(same))


def is_soft(y: npt.NDArray[Any]) -> bool:
    """Tell probabilities of class 1 from labels; refuse other fractions.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)

    Returns
    -------
    are_probabilities : bool
    """
    if y.dtype.kind != "f" or np.array_equal(y, np.rint(y)):
        return False
    outside = (y < 0.0) | (y > 1.0)
    if outside.any():
        i = int(np.argmax(outside))
        raise ValueError(
            f"Unknown label type: continuous. (y: {y[i]:g} in row {i}; expected labels, or probabilities of class 1 in "
            "[0, 1])"
        )
    return True


def _one_hot(y: npt.NDArray[Any], sample_weight: Vector | None) -> tuple[npt.NDArray[Any], Shares]:
    """Encode labels; those of rows without weight alone make no class."""
    used: Any = slice(None) if sample_weight is None else sample_weight > 0.0
    try:
        classes = np.unique(y[used])
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in y})
        raise TypeError(f"y: labels of types {kinds} cannot be sorted, expected labels of one type") from error
    shares = np.zeros((y.size, classes.size))
    shares[np.arange(y.size)[used], np.searchsorted(classes, y[used])] = 1.0
    return classes, Shares(shares, sample_weight, False)


def _check_presence(classes: npt.NDArray[Any], given: Shares) -> None:
    shares, weight, _ = given
    present = occurring(shares if weight is None else shares[weight > 0.0])
    n_present = int(present.sum())
    if n_present < 2:
        names = classes[present].tolist()
        raise ValueError(f"y: only one class, {names}, has a positive weight, expected samples of at least two classes")
    if n_present < classes.size:
        k = int(np.argmin(present))
        raise ValueError(f"y: class {classes[k]} has probability 0 in every row, expected a positive one in some row")


def _class_factors(class_weight: Any, classes: npt.NDArray[Any], shares: Vector, weight: Any) -> Vector:
    """Return c_k for each class."""
    if isinstance(class_weight, str) and class_weight == "balanced":
        class_weights = shares.sum(axis=0) if weight is None else weight @ shares
        return class_weights.sum() / (classes.size * class_weights)
    if not isinstance(class_weight, Mapping):
        raise ValueError(
            f"class_weight: {class_weight!r} is not allowed, expected None, 'balanced' or a mapping from labels"
        )
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    # As scikit-learn does: a part of the data may lack a class, but a label that is misspelt leaves its class unnamed.
    if unknown and not all(label in class_weight for label in labels):
        raise ValueError(f"class_weight: {unknown[0]!r} is not among the classes {labels}")
    return np.array([_check_class_weight(class_weight.get(label, 1.0), label) for label in labels])


def _check_class_weight(weight: Any, label: Any) -> float:
    return check_number(weight, f"class_weight of {label!r}", "[0, inf)")
