"""Reduced rows in the place of rows: as fits take them, a sample for each entry, and as measures do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse, special

from sparsereg._core.losses import LOSSES
from sparsereg.coef import SparseCoef
from sparsereg.design import Design, columns_of, order_rows
from sparsereg.inputs.full_columns import fill_columns
from sparsereg.inputs.rows import check_width
from sparsereg.inputs.shares import GroupedClasses
from sparsereg.metrics import measure
from sparsereg.reduction.entries import Entries
from sparsereg.reduction.reduced import Reduced
from sparsereg.reduction.scratch import release_pages
from sparsereg.reduction.streams import refuse_path
from sparsereg.reduction.targets import KINDS
from sparsereg.solvers.null_deviance import null_deviance

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class ReducedDesign(Design):
    """A design whose samples are the entries of a reduction, each of which stands for several.

    Attributes
    ----------
    part : ndarray of int32 of shape (n_samples,) or None
        Position of each entry's fold; None: there are none.
    folds : ndarray of int64 of shape (n_folds,) or None
        Fold numbers.
    within : ndarray of float64 of shape (n_folds,) or (1,)
        Half the weighted deviance of the samples of each fold about the targets of their entries.
    n_reduced : int
        Samples of positive weight that the entries stand for.
    column_names : ndarray of str of shape (n_features,) or None
    """

    part: npt.NDArray[np.int32] | None
    folds: npt.NDArray[np.int64] | None
    within: Vector
    n_reduced: int
    column_names: npt.NDArray[np.object_] | None

    @property
    def n_weighted(self) -> int:
        """Number of the samples of positive weight that the entries stand for."""
        return self.n_reduced

    def left_within(self, sample_weight: Any = None) -> float:
        """Return half the weighted deviance of the samples about the targets of their entries; see `Design`."""
        if self.part is None or sample_weight is None:
            return float(self.within.sum())
        return float(self.within[np.bincount(self.part[sample_weight > 0.0], minlength=self.within.size) > 0].sum())

    def fold_numbers(self) -> npt.NDArray[np.int64]:
        """Return the number of the fold that each entry is held out in, for cross-validation.

        Raises
        ------
        ValueError
            Where there are no folds.
        """
        if self.folds is None or self.part is None:
            raise ValueError(
                "X: this reduction has no folds, expected one of Reduced.of_blocks(..., n_folds=5), or of "
                "Reduced.of(..., n_folds=5), Reduced.of(..., groups=groups) or Reduced.of(..., fold=numbers)"
            )
        return self.folds[self.part]


def training_samples(X: Any, y: Any, sample_weight: Any, offset: Any, loss: str) -> tuple[Any, Any, Any, Any]:
    """Bring a reduction into the form of rows, targets, weights and offsets; anything else stays as it is.

    Parameters
    ----------
    X : Reduced or matrix
    y, sample_weight, offset
        None beside a reduction, which brings its own.
    loss : str
        Of the fit.

    Returns
    -------
    X : ReducedDesign, or X as given
    y : ndarray of float64 of shape (n_entries,) or GroupedClasses, or y as given
    sample_weight : ndarray of float64 of shape (n_entries,), or sample_weight as given
    offset : ndarray of float64 of shape (n_entries,) or None, or offset as given

    Raises
    ------
    ValueError, TypeError
        For a reduction that is for another loss, has no rows, several responses, or an offset beside more than two
        classes, for targets, weights or an offset beside it, and for a path.
    """
    if not isinstance(X, Reduced):
        refuse_path(X)
        return X, y, sample_weight, offset
    _check(X, {"y": y, "sample_weight": sample_weight, "offset": offset}, loss)
    entries, weight = X.entries, X.entries.sums.total
    target: Any = entries.sums.columns[0]
    if entries.sums.classes is not None:
        if entries.sums.form == "sets":
            raise ValueError(
                "y: several classes at once in a row, expected one label a row, probabilities, or counts of trials, of "
                "which some is above 1"
            )
        shares = np.column_stack(entries.sums.columns)
        shares /= weight[:, None]
        target = GroupedClasses(entries.sums.classes, shares, weight, KINDS[str(entries.sums.form)])
        _check_offset(entries, entries.sums.classes.size)
    return _design_of(entries, loss), target, weight, entries.offset


def _check(reduced: Reduced, beside: dict[str, Any], loss: str) -> None:
    for name, given in beside.items():
        if given is not None:
            raise ValueError(
                f"{name}: not allowed beside a reduction, which has its own targets, weights and offsets; expected None"
            )
    if reduced.loss != loss:
        raise ValueError(f"X: this reduction is for loss={reduced.loss!r}, expected one for loss={loss!r}")
    if reduced.n_responses > 1:
        raise ValueError(
            f"X: this reduction has {reduced.n_responses} responses, expected one: X.response(k) of k in "
            f"[0, {reduced.n_responses})"
        )
    if not reduced.entries.n_weighted.any():
        raise ValueError("X: this reduction has no row of positive weight, expected at least one")
    with np.errstate(over="ignore"):
        if not np.isfinite(reduced.entries.sums.total.sum()):
            raise ValueError("sample_weight: the sum of the weights is beyond float64, expected smaller ones")


def _check_offset(entries: Entries, n_classes: int) -> None:
    """Refuse an offset beside classes that would each need one."""
    if entries.offset is not None and n_classes > 2:
        raise ValueError(
            f"X: this reduction has an offset, one number a row, which goes with two classes and not with {n_classes}"
        )


def _design_of(entries: Entries, loss: str) -> ReducedDesign:
    rows, active = entries.rows, entries.rows.active
    order, position = order_rows(rows, np.arange(rows.n_samples, dtype=np.int32))
    indptr, indices, data = columns_of(rows, order)
    binary = rows.data.size == 0
    if not binary:
        data, indices, indptr = fill_columns(indptr, indices, data, rows.n_samples)
    del order
    # What is mapped has been read, and need not be in memory beside its columns.
    release_pages(rows.indices)
    row_of = position if entries.row is None else position[entries.row]
    is_empty = indptr[1:] == indptr[:-1]
    if is_empty.any():
        # Slices of a reduction have the columns of all of it.
        active, indptr = active[~is_empty], np.append(indptr[:-1][~is_empty], indptr[-1])
    return ReducedDesign(
        n_samples=row_of.size, n_features=rows.n_features, n_rows=rows.n_samples, active=active, indptr=indptr,
        indices=indices, data=data, row_of=row_of, binary=binary, part=entries.part, folds=entries.folds,
        within=_within(entries, loss), n_reduced=int(entries.n_weighted.sum()), column_names=entries.feature_names,
    )


def _within(entries: Entries, loss: str) -> Vector:
    """Half the weighted deviance of the samples of each fold about the targets of their entries."""
    sums = entries.sums
    if not LOSSES[loss].log_link:
        return sums.squares
    mean, weight = sums.columns[0], sums.total
    of_means = weight * special.xlogy(mean, mean)
    part = np.zeros(mean.size, dtype=np.int32) if entries.part is None else entries.part
    left = sums.logs - np.bincount(part, of_means, sums.logs.size)
    # Equal targets leave nothing, but for rounding.
    return np.where(sums.squares > 0.0, np.maximum(left, 0.0), 0.0)


class JudgedEntries:
    """Reduced rows to judge fits by.

    Parameters
    ----------
    X : Reduced
    y, sample_weight, offset : None
        A reduction brings its own. An offset of 0 says that there is none, whatever it has.
    loss : registered loss
    classes : ndarray of shape (n_classes,) or None
        Of the fit.
    n_outputs : int
        Of the fit.

    Attributes
    ----------
    offset : ndarray of float64 of shape (n_entries,), 0 or None
        What predictors of the entries are to be moved by; 0: by nothing, as was asked for.

    Raises
    ------
    ValueError
        As `training_samples`, and for samples of other classes.
    """

    def __init__(
        self, X: Reduced, y: Any, sample_weight: Any, offset: Any, *, loss: Any, classes: npt.NDArray[Any] | None,
        n_outputs: int,
    ):
        is_none = offset is not None and np.ndim(offset) == 0 and offset == 0
        _check(X, {"y": y, "sample_weight": sample_weight, "offset": None if is_none else offset}, loss.name)
        entries = self._entries = X.entries
        if not is_none:
            _check_offset(entries, n_outputs)
        self.offset = 0 if is_none else entries.offset
        self._loss, self._weight = loss, entries.sums.total
        self._y = entries.sums.columns[0]
        if entries.sums.classes is not None:
            self._y = _shares_of(entries, np.arange(max(n_outputs, 2)) if classes is None else classes, self._weight)
            self._y = self._y if n_outputs > 1 else np.ascontiguousarray(self._y[:, 1])
        rows = entries.rows
        data = rows.data if rows.data.size else np.ones(rows.indices.size, dtype=np.float32)
        self._matrix = sparse.csr_array((data, rows.indices, rows.indptr), shape=(rows.n_samples, rows.active.size))
        self._within = 2.0 * float(_within(entries, loss.name).sum()) / float(self._weight.sum())

    def predictor(self, coef: SparseCoef, intercept: Any) -> Vector:
        """Compute X w + b of each entry, without offset.

        Parameters
        ----------
        coef : SparseCoef
        intercept : float or ndarray of float64 of shape (n_outputs,)

        Returns
        -------
        predictor : ndarray of float64 of shape (n_entries,) or (n_entries, n_outputs)
        """
        check_width(self._entries.rows.n_features, coef.n_features)
        products = np.stack([self._matrix @ w for w in coef.on(self._entries.rows.active)], axis=1) + intercept
        products = products if self._entries.row is None else products[self._entries.row]
        return products if coef.n_columns > 1 else products[:, 0]

    def null(self, offset: Any) -> float | None:
        """Compute the mean deviance of the best model of intercept plus offset, less what the entries hide.

        Parameters
        ----------
        offset : ndarray of float64 of shape (n_entries,) or None

        Returns
        -------
        deviance : float or None
            As `null_deviance`.
        """
        return null_deviance(self._loss, self._y, self._weight, offset)

    def measure(self, predictor: Vector, null: float | None) -> dict[str, float]:
        """Take all metrics of the loss.

        Parameters
        ----------
        predictor : ndarray of float64 of shape (n_entries,) or (n_entries, n_outputs)
            Offset included.
        null : float or None
            What shares are of.

        Returns
        -------
        values : dict of float
        """
        return measure(self._loss.metrics, self._loss, self._y, predictor, self._weight, within=self._within, null=null)


def _shares_of(entries: Entries, classes: npt.NDArray[Any], weight: Vector) -> Vector:
    """Return shares of the classes of a fit, of which the samples may lack some."""
    known, found = classes.tolist(), entries.sums.classes
    shares = np.zeros((weight.size, classes.size))
    for label, column in zip([] if found is None else found.tolist(), entries.sums.columns):
        if label in known:
            shares[:, known.index(label)] = column / weight
        elif column.any():
            raise ValueError(f"X: this reduction has samples of {label!r}, which is not among the classes {known}")
    return shares
