"""Metrics of rows that come in blocks: the same numbers as of all rows at once, from sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import LOSSES
from sparsereg.metrics import (
    accuracy,
    area_below,
    excess_by_bin,
    mean_deviance,
    probabilities_of,
    roc_steps,
    scores_of,
)

Vector = npt.NDArray[np.float64]

# Blocks whose sums are kept one by one, so that their rounding does not add up.
MAX_PARTS = 1 << 10
# Steps of ROC curves that may wait to be put in order with the others.
MIN_WAITING = 1 << 16
# The metrics that are shares of a mean deviance, and the losses that it is of; None: the model's own.
SHARE_OF = {"r2": "squared", "deviance_explained": None}


class _Weighed:
    """Sums over rows whose weights may be of any size: they are counted in a power of 2 that grows with them."""

    def __init__(self) -> None:
        self._unit: int | None = None

    def _scaled(self, n_rows: int, weight: Vector | None) -> Vector | None:
        """Return the weights of rows in the unit; None where there is none above 0."""
        largest = 0.0 if n_rows == 0 else 1.0 if weight is None else float(weight.max())
        if largest == 0.0:
            return None
        unit = int(np.frexp(largest)[1])
        if self._unit is None:
            self._unit = unit
        elif unit > self._unit:
            self._rescale(float(np.ldexp(1.0, self._unit - unit)))
            self._unit = unit
        return np.ldexp(np.ones(n_rows) if weight is None else weight, -self._unit)

    def _rescale(self, factor: float) -> None:
        """Multiply all weights so far."""
        raise NotImplementedError


class RunningMean(_Weighed):
    """The mean of numbers, each of which stands for some rows, by weight."""

    def __init__(self) -> None:
        super().__init__()
        self._values: list[float] = []
        self._totals: list[float] = []

    def take(self, value: float, n_rows: int, weight: Vector | None) -> None:
        """Take some rows in.

        Parameters
        ----------
        value : float
            Their mean.
        n_rows : int
        weight : ndarray of float64 of shape (n_rows,) or None
        """
        scaled = self._scaled(n_rows, weight)
        if scaled is None:
            return
        self._values.append(value)
        self._totals.append(float(scaled.sum()))
        if len(self._values) > MAX_PARTS:
            self._values, self._totals = [self.result()], [sum(self._totals)]

    def result(self) -> float:
        """Return the mean; NaN where no row had a weight.

        Returns
        -------
        mean : float
        """
        if len(self._values) == 1:
            return self._values[0]
        return float(np.average(self._values, weights=self._totals)) if self._values else float("nan")

    def _rescale(self, factor: float) -> None:
        self._totals = [factor * total for total in self._totals]


@dataclass(frozen=True, eq=False)
class _Part:
    """What is kept of some rows: weight, mean target, mean of every loss, mean deviance about that mean target."""

    weight: float
    target: Any
    losses: dict[str, float]
    within: dict[str, float]


class RunningMetrics(_Weighed):
    """All metrics that models of a loss are judged by.

    The area under the ROC curve needs the scores of all rows; where it is among the metrics 24 bytes are kept for every
    distinct score, of every class beyond two. The others need a few numbers.

    Parameters
    ----------
    loss : registered loss
    """

    def __init__(self, loss: Any) -> None:
        super().__init__()
        self._loss = loss
        self._parts: list[_Part] = []
        self._curves: list[_Curve] = []
        self._excess = np.zeros(10)
        # What targets are measured from, where nothing depends on it: means far from zero would be rounded.
        self._origin: float | None = None
        self._shares = {name: LOSSES[SHARE_OF[name] or loss.name] for name in loss.metrics if name in SHARE_OF}
        # No share of the deviance of Huber's loss is taken, which alone has a parameter.
        self._shares = {name: cls() for name, cls in self._shares.items()}  # type: ignore[call-arg]

    def take(self, y: Vector, predictor: Vector, weight: Vector | None = None) -> None:
        """Take some rows in.

        Parameters
        ----------
        y : ndarray of float64 of shape (n_rows,), or (n_rows, n_classes) for the losses of classifiers
        predictor : ndarray of float64 of the same shape
            Offset included.
        weight : ndarray of float64 of shape (n_rows,) or None
        """
        if weight is not None and not weight.all():
            # They may hold anything: counts above 0 about a mean of 0 cost without end, and 0 times that is no number.
            y, predictor, weight = (array[weight > 0.0] for array in (y, predictor, weight))
        scaled = self._scaled(y.shape[0], weight)
        if scaled is None:
            return
        if self._origin is None:
            self._origin = float(y[0]) if self._loss.location else 0.0
        self._parts.append(self._part(y, predictor, weight, float(scaled.sum())))
        if len(self._parts) > MAX_PARTS:
            self._parts = [self._joined(self._parts)]
        if "calibration_error" in self._loss.metrics:
            excess = excess_by_bin(y, probabilities_of(self._loss, predictor), scaled)
            self._excess[: excess.size] += excess
        if "auc" in self._loss.metrics:
            y, scores = (array.reshape(y.shape[0], -1).T for array in (y, scores_of(self._loss, predictor)))
            self._curves = self._curves or [_Curve() for _ in y]
            for curve, of_class, score in zip(self._curves, y, scores):
                curve.take(score, scaled * of_class, scaled * (1.0 - of_class))

    def result(self) -> dict[str, float]:
        """Return what ``metrics.measure`` returns of all rows at once.

        Returns
        -------
        values : dict of float

        Raises
        ------
        ValueError
            Where no row had a weight.
        """
        if not self._parts:
            raise ValueError("source: no row of it has a weight, expected some")
        whole = self._joined(self._parts)
        found = {
            **whole.losses,
            "auc": float(np.mean([curve.area for curve in self._curves])) if self._curves else np.nan,
            "calibration_error": float(np.abs(self._excess).sum() / whole.weight),
        }
        for name, loss in self._shares.items():
            left, null = found["mse" if name == "r2" else "deviance"], whole.within[name]
            null += _null(loss, np.asarray(whole.target)[None], np.asarray(whole.target), None)
            found[name] = 1.0 - left / null if null > 0.0 else float(left == 0.0)
        return {name: found[name] for name in self._loss.metrics}

    def _part(self, y: Vector, predictor: Vector, weight: Vector | None, total: float) -> _Part:
        """Sum rows up."""
        losses = {"deviance": mean_deviance(y, predictor, weight, loss=self._loss)}
        losses["loss"] = losses["log_loss"] = 0.5 * losses["deviance"]
        if "mse" in self._loss.metrics:
            losses["mse"] = mean_deviance(y, predictor, weight)
        if "accuracy" in self._loss.metrics:
            losses["accuracy"] = accuracy(y, predictor > 0.0 if y.ndim == 1 else predictor, weight)
        y, weight = y - self._origin, _unitless(weight)
        target = np.average(y, axis=0, weights=weight)
        return _Part(total, target, losses, self._within(y, target, weight))

    def _joined(self, parts: Sequence[_Part]) -> _Part:
        """Sum sums up; deviances about means of parts and of those about their mean add up, as squares do."""
        weight, targets = np.array([part.weight for part in parts]), np.stack([part.target for part in parts])

        def mean(numbers: Sequence[dict[str, float]]) -> dict[str, float]:
            return {name: float(np.average([one[name] for one in numbers], weights=weight)) for name in numbers[0]}

        target = np.average(targets, axis=0, weights=weight)
        inner, between = mean([part.within for part in parts]), self._within(targets, target, weight)
        within = {name: inner[name] + between[name] for name in inner}
        return _Part(float(weight.sum()), target, mean([part.losses for part in parts]), within)

    def _within(self, y: Vector, target: Any, weight: Vector | None) -> dict[str, float]:
        """Return the mean deviance of targets about their mean, beyond that of the mean itself."""
        target = np.asarray(target)
        return {
            name: _null(loss, y, target, weight) - _null(loss, target[None], target, None)
            for name, loss in self._shares.items()
        }

    def _rescale(self, factor: float) -> None:
        self._excess *= factor
        self._parts = [_Part(part.weight * factor, part.target, part.losses, part.within) for part in self._parts]
        for curve in self._curves:
            curve.scale(factor)


class _Curve:
    """A ROC curve of scores that come in blocks."""

    def __init__(self) -> None:
        # The first is in order; the others wait.
        self._steps: list[tuple[Vector, Vector, Vector]] = []

    def take(self, score: Vector, positive: Vector, negative: Vector) -> None:
        """Take some rows in, with their weights in class 1 and in class 0."""
        self._steps.append(roc_steps(score, positive, negative))
        if sum(score.size for score, _, _ in self._steps[1:]) > max(MIN_WAITING, self._steps[0][0].size):
            self._settle()

    def scale(self, factor: float) -> None:
        """Multiply all weights."""
        self._steps = [(score, positive * factor, negative * factor) for score, positive, negative in self._steps]

    @property
    def area(self) -> float:
        """The area under it."""
        self._settle()
        return area_below(*self._steps[0][1:])

    def _settle(self) -> None:
        score, positive, negative = (np.concatenate(arrays) for arrays in zip(*self._steps))
        self._steps = [roc_steps(score, positive, negative)]


def _null(loss: Any, y: Vector, target: Vector, weight: Vector | None) -> float:
    """Return the mean deviance of targets where their mean is predicted for all."""
    return float(loss.null_deviance(y, target if target.ndim else float(target), weight))


def _unitless(weight: Vector | None) -> Vector | None:
    """Scale weights by a power of 2, so that no sum of them leaves the range of float64."""
    return None if weight is None else np.ldexp(weight, -int(np.frexp(weight.max())[1]))
