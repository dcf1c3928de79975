"""Metrics of predictions: deviance and the share of it that is explained, accuracy, AUC, calibration.

Every function takes weights. Rows that stand for several samples, as those of a `Design` do, carry the sum of their
weights and their mean target; what that hides of the samples' deviance is handed over as `within`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from sparsereg._core.losses import LOSSES, Squared
from sparsereg.inputs.parameters import build, check_choice
from sparsereg.inputs.rows import as_numeric
from sparsereg.inputs.weights import check_sample_weight

__all__ = [
    "GREATER_IS_BETTER",
    "LIKELIHOODS",
    "METRICS",
    "SHARES",
    "STEPPED",
    "JudgedRows",
    "accuracy",
    "auc",
    "calibration_error",
    "deviance_explained",
    "has_no_deviance",
    "log_loss",
    "mean_deviance",
    "mean_squared_error",
    "measure",
    "r2",
]

Vector = npt.NDArray[np.float64]

# What models of each loss are judged by; the first decides unless something else is asked for.
METRICS: dict[str, tuple[str, ...]] = {name: loss.metrics for name, loss in LOSSES.items()}
# Losses that are likelihoods: there is a null deviance.
LIKELIHOODS = tuple(name for name, loss in LOSSES.items() if loss.is_likelihood)
GREATER_IS_BETTER = frozenset({"accuracy", "auc", "deviance_explained", "r2"})
# Shares of a deviance, and what jumps where predictions change their order or pass a threshold.
SHARES = frozenset({"deviance_explained", "r2"})
STEPPED = frozenset({"accuracy", "auc", "calibration_error"})
# A probability of 0 for what happens would cost without end; scikit-learn's choice.
MIN_PROBABILITY = float(np.finfo(np.float64).eps)


def measure(
    names: Sequence[str], loss: Any, y: Vector, predictor: Vector, weight: Vector | None, *, within: float = 0.0,
    null: float | None = None, delta: float = 1.35,
) -> dict[str, float]:
    """Take several metrics at once, all from the linear predictor.

    Parameters
    ----------
    names : sequence of str
        Among ``METRICS[loss]``.
    loss : str or registered loss
    y : ndarray of float64 of shape (n_rows,), or (n_rows, n_classes) for the losses of classifiers
    predictor : ndarray of float64 of the same shape
        Offset included.
    weight : ndarray of float64 of shape (n_rows,) or None
    within : float, default=0.0
        Mean deviance of the samples about the targets of their rows.
    null : float or None, default=None
        What shares are of, as `deviance_explained` takes it.
    delta : float, default=1.35
        Of Huber's loss.

    Returns
    -------
    values : dict of float
    """
    return JudgedRows(names, _as_loss(loss, METRICS, delta), y, weight, within=within, null=null)(predictor)


class JudgedRows:
    """Rows that many predictors are judged by: what does not hang on the predictors is done once.

    Parameters
    ----------
    names : sequence of str
        Among ``METRICS[loss.name]``.
    loss : registered loss
    y, weight, within, null
        As in `measure`.
    """

    def __init__(
        self, names: Sequence[str], loss: Any, y: Vector, weight: Vector | None, *, within: float = 0.0,
        null: float | None = None,
    ):
        self._names = [check_choice(name, "metric", loss.metrics) for name in names]
        self._loss, self._within = loss, within
        # Only these losses have squared errors.
        self._of_squares = Squared() if "mse" in loss.metrics else None
        self._y, _, self._weight = _numbers(y, y, weight)
        self._null = null
        if null is None and SHARES.intersection(names):
            self._null = _null_deviance(self._of_squares or loss, self._y, self._weight)

    def __call__(self, predictor: Vector) -> dict[str, float]:
        """Take the metrics.

        Parameters
        ----------
        predictor : ndarray of float64 of the shape of y
            Offset included.

        Returns
        -------
        values : dict of float
        """
        loss, y, weight = self._loss, self._y, self._weight
        _check_shapes(y, predictor)
        deviance = _deviance(loss, y, predictor, weight) + self._within
        squares = deviance
        if self._of_squares is not None and not loss.is_quadratic:
            squares = _deviance(self._of_squares, y, predictor, weight) + self._within
        functions: dict[str, Callable[[], float]] = {
            "deviance": lambda: deviance,
            "log_loss": lambda: 0.5 * deviance,
            "loss": lambda: 0.5 * deviance,
            "deviance_explained": lambda: self._share(deviance),
            "mse": lambda: squares,
            "r2": lambda: self._share(squares),
            "accuracy": lambda: _accuracy(y, predictor > 0.0 if y.ndim == 1 else predictor, weight),
            "auc": lambda: _auc(y, scores_of(loss, predictor), weight),
            "calibration_error": lambda: _calibration_error(y, probabilities_of(loss, predictor), weight),
        }
        return {name: functions[name]() for name in self._names}

    def _share(self, left: float) -> float:
        return _explained(left, (self._null or 0.0) + self._within)


def probabilities_of(loss: Any, predictor: Vector) -> Vector:
    """Return the probabilities that the loss of a classifier makes of linear predictors, of one class or of each.

    Parameters
    ----------
    loss : registered loss
    predictor : ndarray of float64 of shape (n_rows,) or (n_rows, n_classes)

    Returns
    -------
    probabilities : ndarray of float64 of the same shape
    """
    return loss.mean(predictor) if predictor.ndim == 1 else special.softmax(predictor, axis=1)


def scores_of(loss: Any, predictor: Vector) -> Vector:
    """Return what rows are ranked by: the predictor, but beyond two classes of a softmax the probability of each.

    Parameters
    ----------
    loss : registered loss
    predictor : ndarray of float64 of shape (n_rows,) or (n_rows, n_classes)

    Returns
    -------
    scores : ndarray of float64 of the same shape
    """
    return probabilities_of(loss, predictor) if predictor.ndim == 2 and loss.softmax else predictor


def mean_deviance(
    y: Any, predictor: Any, sample_weight: Any = None, *, loss: Any = "squared", delta: float = 1.35,
    within: float = 0.0,
) -> float:
    """Compute twice the mean loss; for counts less that of a perfect fit.

    Parameters
    ----------
    y : array-like of shape (n_rows,), or (n_rows, n_classes) with loss="logistic" or "squared_hinge"
        As `regularization_path` takes it; beyond two classes a row of probabilities for each sample.
    predictor : array-like of the same shape
        Linear predictor t, offset included: no probability has rounded to 0 yet. The mean is t for squared loss,
        1 / (1 + exp(-t)) or exp(t_k) / sum exp(t) for logistic, exp(t) for Poisson loss.
    sample_weight : None, float or array-like of shape (n_rows,)
    loss : {"squared", "logistic", "poisson", "huber", "squared_hinge"} or registered loss, default="squared"
        The deviance of squared loss is the mean squared error, that of logistic loss twice the cross-entropy. Squared
        hinges of several classes, each against the rest, are added up.
    delta : float, default=1.35
        Of Huber's loss.
    within : float, default=0.0
        Added: the mean deviance of the samples about the targets of their rows.

    Returns
    -------
    deviance : float
    """
    loss = _as_loss(loss, METRICS, delta)
    return _deviance(loss, *_numbers(y, predictor, sample_weight)) + within


def _deviance(loss: Any, y: Vector, t: Vector, weight: Vector | None) -> float:
    with np.errstate(over="ignore"):
        unit = loss.unit_deviance(y, t)
    unit = unit if unit.ndim == 1 else unit.sum(axis=1)
    if weight is not None and not weight.all():
        # Without weight they may be beyond float64, and infinity times 0 is no number.
        unit = np.where(weight > 0.0, unit, 0.0)
    return _average(unit, weight)


def _average(values: Vector, weight: Vector | None) -> float:
    return float(values.mean() if weight is None else (values * weight).sum() / weight.sum())


def deviance_explained(
    y: Any, predictor: Any, sample_weight: Any = None, *, loss: Any = "squared", within: float = 0.0,
    null: float | None = None,
) -> float:
    """Compute D2, one minus the mean deviance over that of the best constant mean; R2 for squared loss.

    Parameters
    ----------
    y, predictor, sample_weight, within
        As in `mean_deviance`.
    loss : {"squared", "logistic", "poisson"} or registered loss, default="squared"
    null : float or None, default=None
        Mean deviance of another model to compare with, less `within`: of predictors with an offset that of intercept
        plus offset. None: that of the best constant mean.

    Returns
    -------
    share : float
        1 at best; for a constant `y` 1 where it is predicted exactly, else 0.
    """
    loss = _as_loss(loss, LIKELIHOODS)
    y, t, weight = _numbers(y, predictor, sample_weight)
    null = _null_deviance(loss, y, weight) if null is None else null
    return _explained(_deviance(loss, y, t, weight) + within, null + within)


def _null_deviance(loss: Any, y: Vector, weight: Vector | None) -> float:
    """Return the mean deviance of the best constant mean."""
    mean = np.average(y, axis=0, weights=weight)
    # A count above 0 about a mean of 0 costs without end, and infinity times a weight of 0 is no number.
    weighed = y if weight is None else np.where((weight > 0.0).reshape(-1, *[1] * (y.ndim - 1)), y, mean)
    return loss.null_deviance(weighed, mean, weight)


def _explained(left: float, null: float) -> float:
    return 1.0 - left / null if null > 0.0 else float(left == 0.0)


def has_no_deviance(y: Vector, loss: Any) -> bool:
    """Say whether a constant predicts every target exactly, so that shares of the deviance are undefined.

    Parameters
    ----------
    y : ndarray of float64 of shape (n_rows,), or (n_rows, n_classes) with loss="logistic"
        Of single samples: means of several may hide that they differ.
    loss : {"squared", "logistic", "poisson", "huber", "squared_hinge"} or registered loss

    Returns
    -------
    flat : bool
    """
    same = not np.any(y != y[:1])
    return same and (not _as_loss(loss, METRICS).softmax or bool(np.isin(y[:1], (0.0, 1.0)).all()))


def mean_squared_error(y: Any, prediction: Any, sample_weight: Any = None, *, within: float = 0.0) -> float:
    """Compute the weighted mean of (y - prediction)^2.

    Parameters
    ----------
    y, prediction : array-like of shape (n_rows,)
    sample_weight : None, float or array-like of shape (n_rows,)
    within : float, default=0.0
        Added: the mean squared deviation of the samples from the targets of their rows.

    Returns
    -------
    error : float
    """
    return mean_deviance(y, prediction, sample_weight, within=within)


def r2(
    y: Any, prediction: Any, sample_weight: Any = None, *, within: float = 0.0, null: float | None = None
) -> float:
    """Compute R2, one minus the mean squared error over the variance of y.

    Parameters
    ----------
    y, prediction, sample_weight, within
        As in `mean_squared_error`.
    null : float or None, default=None
        Mean squared error of another model to compare with, as in `deviance_explained`.

    Returns
    -------
    share : float
        1 at best; for a constant `y` 1 where it is predicted exactly, else 0.
    """
    return deviance_explained(y, prediction, sample_weight, within=within, null=null)


def log_loss(y: Any, probability: Any, sample_weight: Any = None) -> float:
    """Compute the cross-entropy, the mean of minus the logarithm of the probability of what happened.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_classes)
        Probabilities of class 1, 0 and 1 for labels; or of every class.
    probability : array-like of the same shape
        Predicted; kept within [2.2e-16, 1 - 2.2e-16].
    sample_weight : None, float or array-like of shape (n_rows,)

    Returns
    -------
    loss : float
    """
    y, p, weight = _numbers(y, probability, sample_weight)
    p = np.clip(p, MIN_PROBABILITY, 1.0 - MIN_PROBABILITY)
    unit = -(y * np.log(p) + (1.0 - y) * np.log1p(-p)) if y.ndim == 1 else -(y * np.log(p)).sum(axis=1)
    return float(np.average(unit, weights=weight))


def accuracy(y: Any, probability: Any, sample_weight: Any = None) -> float:
    """Compute the share of rows whose likeliest class is right; of soft targets the probability of that class counts.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_classes)
        Probabilities of class 1, 0 and 1 for labels; or of every class.
    probability : array-like of the same shape
        Predicted. Class 1 is predicted above one half; of equally likely classes the first.
    sample_weight : None, float or array-like of shape (n_rows,)

    Returns
    -------
    share : float
    """
    return _accuracy(*_numbers(y, probability, sample_weight))


def _accuracy(y: Vector, p: Vector, weight: Vector | None) -> float:
    return _average(_of_predicted(y, p)[0], weight)


def auc(y: Any, score: Any, sample_weight: Any = None) -> float:
    """Compute the area under the ROC curve: the share of pairs of one row of each class that the score orders right.

    Ties count half. A soft target is a share y of a row of class 1 and 1 - y of one of class 0.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_classes)
        Probabilities of class 1, 0 and 1 for labels; or of every class: then the mean over the classes, each against
        the rest.
    score : array-like of the same shape
        Probabilities or anything that rises with them.
    sample_weight : None, float or array-like of shape (n_rows,)

    Returns
    -------
    area : float
        NaN where there is but one class.
    """
    return _auc(*_numbers(y, score, sample_weight))


def _auc(y: Vector, score: Vector, weight: Vector | None) -> float:
    if y.ndim == 2:
        return float(np.mean([_auc(y[:, k], score[:, k], weight) for k in range(y.shape[1])]))
    weight = np.ones(y.size) if weight is None else weight
    return area_below(*roc_steps(score, weight * y, weight * (1.0 - y))[1:])


def roc_steps(score: Vector, positive: Vector, negative: Vector) -> tuple[Vector, Vector, Vector]:
    """Sort rows by score; those of equal score are one step of the ROC curve.

    Parameters
    ----------
    score, positive, negative : ndarray of float64 of shape (n_rows,)
        Scores, and weights in class 1 and in class 0.

    Returns
    -------
    score, positive, negative : ndarray of float64 of shape (n_steps,)
        Scores ascending, each once, and sums of weights.
    """
    distinct, step = np.unique(score, return_inverse=True)
    return distinct, np.bincount(step, positive), np.bincount(step, negative)


def area_below(positive: Vector, negative: Vector) -> float:
    """Compute the area under a ROC curve.

    Parameters
    ----------
    positive, negative : ndarray of float64 of shape (n_steps,)
        Of `roc_steps`.

    Returns
    -------
    area : float
        NaN where there is but one class.
    """
    below = np.cumsum(negative) - 0.5 * negative
    pairs = positive.sum() * negative.sum()
    return float(positive @ below / pairs) if pairs > 0.0 else float("nan")


def calibration_error(y: Any, probability: Any, sample_weight: Any = None, *, n_bins: int = 10) -> float:
    """Compute the expected calibration error: by how much probabilities differ from the frequencies they stand for.

    Rows are binned by probability, into bins of equal width; the error is the mean over the bins, by weight, of the
    distance between mean probability and mean target. Beyond two classes the probability is that of the predicted class
    and the target whether it was right (Guo et al. 2017).

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_classes)
        Probabilities of class 1, 0 and 1 for labels; or of every class.
    probability : array-like of the same shape
        Predicted.
    sample_weight : None, float or array-like of shape (n_rows,)
    n_bins : int, default=10

    Returns
    -------
    error : float
        0 at best.
    """
    return _calibration_error(*_numbers(y, probability, sample_weight), n_bins)


def _calibration_error(y: Vector, p: Vector, weight: Vector | None, n_bins: int = 10) -> float:
    weight = np.ones(y.shape[0]) if weight is None else weight
    return float(np.abs(excess_by_bin(y, p, weight, n_bins)).sum() / weight.sum())


def excess_by_bin(y: Vector, probability: Vector, weight: Vector, n_bins: int = 10) -> Vector:
    """Add up by how much probabilities exceed targets, in bins of equal width of the probability.

    Parameters
    ----------
    y, probability : ndarray of float64 of shape (n_rows,) or (n_rows, n_classes)
        As in `calibration_error`.
    weight : ndarray of float64 of shape (n_rows,)
    n_bins : int, default=10

    Returns
    -------
    excess : ndarray of float64 of shape (n_used,)
        Up to the last bin that has a row.
    """
    if y.ndim == 2:
        y, probability = _of_predicted(y, probability)
    bins = np.minimum((probability * n_bins).astype(np.intp), n_bins - 1)
    return np.bincount(bins, weight * (probability - y))


def _of_predicted(y: Vector, p: Vector) -> tuple[Vector, Vector]:
    """Return target and probability of the predicted class of each row."""
    if y.ndim == 1:
        return np.where(p > 0.5, y, 1.0 - y), np.maximum(p, 1.0 - p)
    rows, best = np.arange(len(p)), p.argmax(axis=1)
    return y[rows, best], p[rows, best]


def _as_loss(loss: Any, allowed: Any, delta: float = 1.35) -> Any:
    """Build the loss of a name that is allowed; a loss stays as it is."""
    cls = LOSSES[check_choice(getattr(loss, "name", loss), "loss", allowed)]
    return loss if isinstance(loss, cls) else build(cls, delta=delta)


def _numbers(y: Any, prediction: Any, sample_weight: Any) -> tuple[Vector, Vector, Vector | None]:
    """Check that targets, predictions and weights belong together."""
    y = as_numeric(y, "y").astype(np.float64, copy=False)
    prediction = as_numeric(prediction, "predictions").astype(np.float64, copy=False)
    _check_shapes(y, prediction)
    weight = check_sample_weight(sample_weight, y.shape[0])
    if weight is not None:
        # Sums of the smallest and the largest weights would leave the range of float64; a power of 2 rounds nothing.
        weight = np.ldexp(weight, -int(np.frexp(weight.max())[1]))
    return y, prediction, weight


def _check_shapes(y: Vector, prediction: Vector) -> None:
    if y.shape != prediction.shape or y.ndim not in (1, 2) or y.size == 0:
        raise ValueError(f"y: shape {y.shape} does not match predictions of shape {prediction.shape}")
