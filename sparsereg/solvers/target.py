"""What the rows of a design are fitted to: targets, weights and offsets, and the model with intercept only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sparsereg._core import newton
from sparsereg._core.losses import Squared
from sparsereg._core.penalties import ElasticNet
from sparsereg.design import Design

if TYPE_CHECKING:
    from sparsereg._core.losses import _Loss

__all__ = ["NO_PRIVATE", "Target", "make_target"]

Vector = npt.NDArray[np.float64]

# Stand for "none" where kernels take offsets, first terms and private columns.
NO_OFFSET: Vector = np.empty(0)
ONE_TERM: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
NO_PRIVATE: tuple[Vector, ...] = (np.empty(0),) * 5
# Steps of Newton's method and bisection, and the relative change at which they end.
MAX_STEPS, PRECISION = 200, 1e-15
# Exposures, the exponentials of offsets, stay well within float64.
LARGEST_OFFSET = 300.0


@dataclass(frozen=True)
class Target:
    """Targets, weights and offsets, row by row; weights are relative to the sum over the caller's samples.

    Attributes
    ----------
    y : ndarray of float64 of shape (n_terms,)
        Target of each term, less `centre`.
    s : ndarray of float64 of shape (n_terms,)
    offset : ndarray of float64 of shape (n_terms,) or (0,)
    first : ndarray of int64 of shape (n_rows + 1,) or (0,)
        First term of each row; empty where every row has one.
    weight : ndarray of float64 of shape (n_rows,) or (1,)
        Sum of each row's `s`, or its one value where all rows weigh the same.
    centre : float
        Taken off the target, and to be added to the intercept.
    within : float
        Part of the objective that no coefficient changes.
    null_intercept : float
        The best intercept without any column, relative to `centre`; 0 without intercept.
    null_objective : float
        The loss there, less `within`.
    """

    y: Vector
    s: Vector
    offset: Vector
    first: npt.NDArray[np.int64]
    weight: Vector
    centre: float
    within: float
    null_intercept: float
    null_objective: float


def make_target(
    design: Design, loss: _Loss, y: Vector, sample_weight: Vector | None, offset: Vector | None, fit_intercept: bool
) -> Target:
    """Bring targets, weights and offsets from samples to rows.

    Parameters
    ----------
    design : Design
    loss : registered loss
    y : ndarray of float64 of shape (n_samples,)
    sample_weight, offset : ndarray of float64 of shape (n_samples,) or None
    fit_intercept : bool

    Returns
    -------
    target : Target

    Raises
    ------
    ValueError
        Where no finite intercept minimises the loss, weights leave the range of float64, or offsets that of exposures.
    """
    weight = None if sample_weight is None else sample_weight / sample_weight.max()
    total = float(design.n_samples if weight is None else weight.sum())
    if weight is not None and np.any(weight[sample_weight > 0.0] / total < np.finfo(float).tiny):
        raise ValueError("sample_weight: weights differ by more than the range of float64; raise or zero the smallest")
    within = 0.0
    if offset is not None and loss.location:
        y, offset = y - offset, None
    if loss.log_link:
        if offset is not None:
            y, weight = _expose(y, weight, offset)
            offset = None
        logs = y * np.log(np.where(y > 0.0, y, 1.0)) - y
        within = float(logs.sum() if weight is None else weight @ logs) / total
    if loss.sums and offset is None:
        grouped = design.aggregate(y, weight)
        s, mean, terms = grouped.weight / total, grouped.mean, (NO_OFFSET, ONE_TERM)
        weight = s
        if loss.location:
            within = grouped.within / total
    else:
        mean, s, *terms = _terms(design, y, weight, offset)
        s = s / total
        weight = s if terms[1].size == 0 else np.add.reduceat(s, terms[1][:-1])
    centre = float(s @ mean) if fit_intercept and loss.location else 0.0
    mean = mean - centre
    b, value = _null_model(loss, mean, s, *terms, fit_intercept)
    uniform = weight.min() == weight.max()
    return Target(mean, s, *terms, weight[:1].copy() if uniform else weight, centre, within, b, value)


def _expose(y: Vector, weight: Vector | None, offset: Vector) -> tuple[Vector, Vector]:
    """Turn the offset of a log link into exposure."""
    if np.abs(offset).max() > LARGEST_OFFSET:
        i = int(np.argmax(np.abs(offset)))
        raise ValueError(
            f"offset: {offset[i]} in row {i} is outside [-{LARGEST_OFFSET:g}, {LARGEST_OFFSET:g}], the logarithms of "
            "exposures allowed"
        )
    exposure = np.exp(offset)
    return y / exposure, exposure if weight is None else weight * exposure


def _terms(
    design: Design, y: Vector, weight: Vector | None, offset: Vector | None
) -> tuple[Vector, Vector, Vector, npt.NDArray[np.int64]]:
    """List the samples row by row: targets, weights, offsets and the first of each row."""
    kept = design.row_of >= 0
    rows = design.row_of[kept]
    order = np.flatnonzero(kept)[np.argsort(rows, kind="stable")]
    first = np.zeros(design.n_rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=design.n_rows), out=first[1:])
    s = np.ones(order.size) if weight is None else weight[order]
    by_term = NO_OFFSET if offset is None else offset[order]
    return y[order], s, by_term, ONE_TERM if order.size == design.n_rows else first


def _null_model(
    loss: _Loss, y: Vector, s: Vector, offset: Vector, first: npt.NDArray[np.int64], fit_intercept: bool
) -> tuple[float, float]:
    """Fit the intercept alone, by Newton's method within a bracket; return it and the loss there."""
    if isinstance(loss, Squared):
        return 0.0, float(0.5 * (s @ y**2))
    fall, rise = np.empty(1), np.empty(1)
    if offset.size == 0 and loss.sums and not loss.location:
        # All terms have the same predictor: their mean says all.
        y, s = np.array([s @ y / s.sum()]), np.array([s.sum()])
    everything = np.array([0, y.size], dtype=np.int64)
    newton.steepest(loss, y, s, everything, fall, rise)
    if fit_intercept and not (fall[0] > 0.0 and rise[0] > 0.0):
        raise ValueError(
            f"y: every target is {y[s > 0.0][0]:g}, at the edge of what the loss allows, so that no finite intercept "
            "is best; expected two classes, or a count above 0"
        )

    def slope(b: float) -> tuple[float, float, float]:
        z, curvature, weight = np.empty(1), np.empty(1), np.empty(1)
        penalty = ElasticNet(0.0, 1.0)
        value, _ = newton.linearise(
            loss, penalty, y, s, offset, everything, np.array([b]), *NO_PRIVATE, 0.0, z, curvature, weight,
            NO_OFFSET, NO_OFFSET,
        )
        return value, z[0], weight[0]

    b, low, high = 0.0, -np.inf, np.inf
    value, fall_here, stiffness = slope(b)
    for _ in range(MAX_STEPS if fit_intercept else 0):
        low, high = (b, high) if fall_here > 0.0 else (low, b)
        new = b + fall_here / stiffness if stiffness > 0.0 else np.nan
        if not low < new < high:
            inside = np.isfinite(low) and np.isfinite(high)
            new = 0.5 * (low + high) if inside else 2.0 * b + np.copysign(1.0, fall_here)
        if abs(new - b) <= PRECISION * max(abs(new), abs(b)) or fall_here == 0.0:
            break
        b = new
        value, fall_here, stiffness = slope(b)
    return b, value
