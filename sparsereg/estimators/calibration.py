"""Calibration: linear predictors whose slope and shifts are those of held-out rows (Platt scaling, prior shift)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.coef import SparseCoef
from sparsereg.inputs.parameters import check_choice
from sparsereg.inputs.sklearn import ConvergenceWarning, check_feature_names, check_is_fitted
from sparsereg.inputs.targets import target_of
from sparsereg.inputs.weights import check_sample_weight, check_stream_offset
from sparsereg.readers.blocks import refuse_stream
from sparsereg.solvers.convergence import frames_of_the_package

Vector = npt.NDArray[np.float64]

METHODS = ("sigmoid", "prior")
MAX_STEPS = 100
# A Newton step that promises less than this share of the loss is taken whole: from there on each squares the error.
WHOLE_STEP = 1e-4
# And one that promises less than this is the last: the next would be rounding.
LAST_STEP = 1e-20
# Share of what a step promises that it must bring (Armijo; the constant of Lin, Lin and Weng).
SUFFICIENT = 1e-4


@dataclass(frozen=True, eq=False)
class Calibration:
    """What predictions are made of in the place of a linear predictor t = X w + b + offset: slope * t + shift.

    Attributes
    ----------
    method : {"sigmoid", "prior"}
    slope : float
        1 after "prior". Beyond two classes one over the temperature.
    shift : ndarray of float64 of shape (1,), (n_classes,) beyond two classes
        Of sum zero beyond two classes.
    """

    method: str
    slope: float
    shift: Vector

    def apply(self, predictor: Vector) -> Vector:
        """Calibrate linear predictors.

        Parameters
        ----------
        predictor : ndarray of float64 of shape (n_samples,) or (n_samples, n_classes)

        Returns
        -------
        predictor : ndarray of float64 of the same shape
        """
        return self.slope * predictor + self.shift

    def folded(self, coef: SparseCoef, intercept: Vector) -> tuple[SparseCoef, Vector]:
        """Return the coefficients and intercepts that give calibrated predictors; offsets then count `slope` times.

        Parameters
        ----------
        coef : SparseCoef
        intercept : ndarray of float64 of shape (n_outputs,)

        Returns
        -------
        coef : SparseCoef
        intercept : ndarray of float64 of shape (n_outputs,)
        """
        scaled = SparseCoef.from_active(coef.ids, self.slope * coef.values, coef.n_features)
        return scaled, self.slope * intercept + self.shift


class CalibrationMixin:
    """Recalibration of a classifier with probabilities."""

    _has_offset: bool

    def calibrate(
        self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None, *, method: str = "sigmoid"
    ) -> Any:
        """Fit the level of the probabilities, or level and slope, to rows that the model was not fitted to.

        For models whose probabilities are off though they rank well: of a stream, of rows that were sampled or weighted
        by class (`class_weight`), with smoothed labels or much penalty, or carried to where a class has become rarer.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
            Held-out rows, of the classes in the shares that predictions are for.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels among `classes_`, every one of them, or probabilities or counts. `class_weight` and `label_smoothing`
            play no part.
        sample_weight : None, float or array-like of shape (n_samples,)
        offset : None, float or array-like of shape (n_samples,), of (n_samples, n_classes) beyond two classes
            Not None where the fit had one; 0 is none.
        method : {"sigmoid", "prior"}, default="sigmoid"
            "prior": t + shift in the place of the linear predictor t = X w + b + offset; log-odds change by a constant,
            as they do where classes become more or less frequent. Beyond two classes a shift for each, of sum zero.
            "sigmoid": slope * t + shift (Platt 1999). Beyond two classes one slope for all of them, the inverse of a
            temperature (Guo et al. 2017), and a shift for each.

        Returns
        -------
        self
            With `calibration_`, by which everything goes that predicts or judges: `decision_function`, `predict`,
            probabilities, `score`, `evaluate` and the streams. `to_frame` and the exports have it folded into weights
            and intercept. `coef_` and `intercept_` stay those of the fit, and so does `path_` of a cross-validation,
            whose predictions are not calibrated.

        Raises
        ------
        ValueError, TypeError
            For malformed data, a class without rows, and "sigmoid" where the predictor is the same in all rows; a
            previous calibration stays as it was.

        Warns
        -----
        ConvergenceWarning
            Where the predictor separates the classes, so that no finite slope is best: it is then fitted to Platt's
            targets, (N_k + 1) / (N_k + n_classes) for the class of a row and 1 / (N_k + n_classes) for the others, N_k
            rows of that class.
        UserWarning
            Where the slope is 0 or less: the model ranks these rows the wrong way round.

        Notes
        -----
        Slope and shift are those of maximum likelihood, found by Newton's method (Lin, Lin and Weng 2007): the mean
        probability of every class is its frequency. Calibrating again begins with the predictor of the fit. `fit` and
        `fit_stream` discard the calibration; `partial_fit` keeps it; ``del model.calibration_`` undoes it.
        """
        check_choice(method, "method", METHODS)
        check_is_fitted(self)
        refuse_stream(X, y, "calibrate_stream")
        check_feature_names(self, X, reset=False)
        predictor = self._with_offset(self._predictor(X), offset)  # type: ignore[attr-defined]
        weight = check_sample_weight(sample_weight, predictor.shape[0])
        loss, classes = self._make_loss(), self.classes_  # type: ignore[attr-defined]
        n_outputs = 1 if predictor.ndim == 1 else predictor.shape[1]
        y, weight = target_of(y, predictor.shape[0], weight, loss=loss, classes=classes, n_outputs=n_outputs)
        self.calibration_ = fit_calibration(method, predictor, y, weight, classes)
        return self

    def calibrate_stream(self, source: Iterable[Any], *, method: str = "sigmoid", offset: float | None = None) -> Any:
        """Fit the level of the probabilities, or level and slope, to rows that come in blocks, read ahead in a thread.

        Memory holds a few blocks, and of all rows linear predictor, target and weight: 24 bytes a row, beyond two
        classes 16 for each class and 8. The fit at the end takes about 80 bytes a row for each class, of two too.

        Parameters
        ----------
        source : iterable of Block, (X, y) or (X, y, sample_weight)
            A reader, a list, a generator, of held-out rows as `calibrate` takes them.
        method : {"sigmoid", "prior"}, default="sigmoid"
            As in `calibrate`.
        offset : float or None, default=None
            For all rows: blocks carry none. Not None where the fit had one; 0 is none.

        Returns
        -------
        self
            As `calibrate` of all rows at once leaves it, but for rounding.

        Raises
        ------
        ValueError, TypeError
            As `calibrate`; for malformed blocks with the number of the block, and where no row has a weight.

        Warns
        -----
        ConvergenceWarning, UserWarning
            As `calibrate`.
        """
        check_choice(method, "method", METHODS)
        check_is_fitted(self)
        offset = check_stream_offset(offset, has_offset=self._has_offset, owner=type(self).__name__)
        parts = []
        for batch in self._judged(source):  # type: ignore[attr-defined]
            predictor = self._with_offset(self._predictor(batch.rows), offset)  # type: ignore[attr-defined]
            parts.append((predictor, batch.y, np.ones(batch.n_rows) if batch.weight is None else batch.weight))
        if not parts:
            raise ValueError("source: no row of it has a weight, expected some")
        predictor, y, weight = (np.concatenate(arrays) for arrays in zip(*parts))
        del parts
        self.calibration_ = fit_calibration(method, predictor, y, weight, self.classes_)  # type: ignore[attr-defined]
        return self


def fit_calibration(
    method: str, predictor: Vector, y: Vector, weight: Vector | None, classes: npt.NDArray[Any]
) -> Calibration:
    """Fit slope and shifts by maximum likelihood.

    Parameters
    ----------
    method : {"sigmoid", "prior"}
    predictor : ndarray of float64 of shape (n_samples,) or (n_samples, n_classes)
    y : ndarray of float64 of the same shape
        Probabilities of the second class, or of each.
    weight : ndarray of float64 of shape (n_samples,) or None
    classes : ndarray of shape (n_classes,)
        For messages.

    Returns
    -------
    calibration : Calibration
    """
    # A row for each class. Two classes are a softmax whose predictors differ by t.
    t, y = predictor.T, y.T
    if y.ndim == 1:
        t, y = np.stack([-0.5 * t, 0.5 * t]), np.stack([1.0 - y, y])
    share = np.ones(y.shape[1]) if weight is None else weight
    # No sum of weights leaves the range of float64.
    share = np.ldexp(share, -int(np.frexp(share.max())[1]))
    if not (share > 0.0).all():
        t, y, share = t[:, share > 0.0], y[:, share > 0.0], share[share > 0.0]
    absent = ~(y > 0.0).any(axis=1)
    if absent.any():
        label = classes.tolist()[int(np.argmax(absent))]
        raise ValueError(f"y: no row of positive weight is of class {label!r}, expected some of every class")
    rows = _Rows.of(t, share / share.sum(), is_steep=method == "sigmoid")
    theta = None if rows.is_steep and _is_separated(t, y) else rows.solve(y)
    if theta is None:
        warnings.warn(
            "calibrate: the linear predictor separates the classes of these rows, so that no finite slope is best; it "
            "is fitted to Platt's targets", ConvergenceWarning, stacklevel=frames_of_the_package(),
        )
        theta = rows.solve(_platt_targets(y), is_bounded=True)
    slope, shift = rows.unscaled(theta)
    if slope <= 0.0:
        warnings.warn(
            f"calibrate: the slope is {slope:.3g}, because the model ranks these rows the wrong way round or not at "
            "all; predictions change sides", UserWarning, stacklevel=frames_of_the_package(),
        )
    return Calibration(method, slope, shift if classes.size > 2 else np.array([shift[1] - shift[0]]))


@dataclass(frozen=True, eq=False)
class _Rows:
    """The likelihood of slope and shifts on some rows, in units in which their predictors have mean 0 and sd 1.

    Parameters
    ----------
    scaled : ndarray of float64 of shape (n_classes, n_samples)
        Linear predictors in these units.
    mean : ndarray of float64 of shape (n_classes,)
    unit : float
    share : ndarray of float64 of shape (n_samples,)
        Weights of sum one.
    is_steep : bool
        The slope is fitted, beside the shifts.
    """

    scaled: Vector
    mean: Vector
    unit: float
    share: Vector
    is_steep: bool

    @classmethod
    def of(cls, t: Vector, share: Vector, *, is_steep: bool) -> _Rows:
        """Bring linear predictors into these units."""
        # What all classes of a row have in common changes no probability.
        t = t - t.mean(axis=0)
        mean = t @ share
        centred = t - mean[:, None]
        largest = float(np.abs(centred).max())
        if is_steep and largest <= 1e-12 * float(np.abs(t).max()):
            raise ValueError(
                "method: 'sigmoid' is not allowed where the linear predictor is the same in all rows, expected 'prior'"
            )
        # The squares of the smallest and the largest numbers would leave the range of float64.
        unit = largest if largest > 0.0 else 1.0
        unit = unit * float(np.sqrt(((centred / unit) ** 2 @ share).sum())) if largest > 0.0 else 1.0
        return cls(centred / unit, mean, unit, share, is_steep)

    def unscaled(self, theta: Vector) -> tuple[float, Vector]:
        """Return slope and shifts."""
        slope = float(theta[0] / self.unit) if self.is_steep else 1.0
        shift = theta[1:] - slope * self.mean
        return slope, shift - shift.mean()

    def solve(self, y: Vector, *, is_bounded: bool = False) -> Vector | None:
        """Return the slope and shifts of maximum likelihood; None where there is no finite slope."""
        # From here on no probability has been rounded to 0 or 1 yet.
        theta = np.concatenate([[0.0 if self.is_steep else self.unit], np.log(y @ self.share)])
        loss, p = self._at(theta, y)
        for _ in range(MAX_STEPS):
            step, promise = self._newton_step(p, y)
            if promise <= LAST_STEP * loss:
                return theta - step
            new_loss, p = self._at(theta - step, y)
            while promise > WHOLE_STEP * loss and new_loss > loss - SUFFICIENT * promise:
                step, promise = 0.5 * step, 0.5 * promise
                new_loss, p = self._at(theta - step, y)
            theta, loss = theta - step, new_loss
        # Steps without end lead to where there is no end: to an ever steeper slope.
        return theta if is_bounded or not self.is_steep else None

    def _at(self, theta: Vector, y: Vector) -> tuple[float, Vector]:
        """Return the mean loss and the probabilities."""
        t = theta[0] * self.scaled + theta[1:, None]
        t -= t.max(axis=0)
        p = np.exp(t)
        total = p.sum(axis=0)
        p /= total
        return float((np.log(total) - np.einsum("ki,ki->i", y, t)) @ self.share), p

    def _newton_step(self, p: Vector, y: Vector) -> tuple[Vector, float]:
        """Return a step against the gradient, and twice the decrease that the quadratic model of the loss promises."""
        residual = (p - y) * self.share
        gradient = np.concatenate([[np.vdot(residual, self.scaled)], residual.sum(axis=1)])
        n_classes = p.shape[0]
        hessian = np.empty((n_classes + 1, n_classes + 1))
        of_share = p * self.share
        # A shift of all classes alike changes nothing; the mean of the shifts stays where it is.
        hessian[1:, 1:] = np.diag(of_share.sum(axis=1)) - of_share @ p.T + 1.0 / n_classes
        if self.is_steep:
            about = self.scaled - np.einsum("ki,ki->i", p, self.scaled)
            of_share *= about
            hessian[0, 1:] = hessian[1:, 0] = of_share.sum(axis=1)
            hessian[0, 0] = np.vdot(of_share, about)
        else:
            hessian[0, :] = hessian[:, 0] = gradient[0] = 0.0
            hessian[0, 0] = 1.0
        # Where all probabilities are 0 or 1 there is no curvature left to divide by.
        hessian[np.diag_indices(n_classes + 1)] += 1e-14 * np.trace(hessian)
        step = np.linalg.solve(hessian, gradient)
        return step, float(gradient @ step)


def _is_separated(t: Vector, y: Vector) -> bool:
    """Say whether a threshold separates two classes; rows of both may lie on it."""
    if y.shape[0] > 2:
        return False
    first, second = (t[1][of_class > 0.0] for of_class in y)
    return bool(first.max() <= second.min() or second.max() <= first.min())


def _platt_targets(y: Vector) -> Vector:
    """Return targets a little off 0 and 1: those of a uniform prior that has seen a row of every class."""
    n = y.sum(axis=1, keepdims=True)
    return (n * y + 1.0) / ((n * y).sum(axis=0) + y.shape[0])
