"""The response, row by row: targets, weights and offsets, and the model with intercept only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._core import row_objective
from sparsereg._core.penalties import ElasticNet
from sparsereg.design import Design
from sparsereg.solvers.base import inner

if TYPE_CHECKING:
    from sparsereg._core.losses import _Loss

Vector = npt.NDArray[np.float64]

# Stand for "none" where kernels take offsets, first terms and singleton columns.
NO_OFFSET: Vector = np.empty(0)
ONE_TERM: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
NO_SINGLETONS: tuple[Vector, ...] = (np.empty(0),) * 5
TINY = np.finfo(float).tiny
# Exposures, the exponentials of offsets, stay well within float64.
MAX_OFFSET = 300.0
# Relative precision of a best intercept, and evaluations after which what is left is far below the rounding of the
# derivative: halving alone takes 52 for all the digits of a number, and three times as many for a root near 0.
ROOT_TOL, MAX_STEPS = 1e-15, 200
NEAR_ROOT = 8.0 * ROOT_TOL


@dataclass(frozen=True)
class Response:
    """Targets, weights and offsets, row by row; weights are relative to the sum over the caller's samples.

    Attributes
    ----------
    y : ndarray of float64 of shape (n_terms,)
        Response of each term, less `y_mean`.
    s : ndarray of float64 of shape (n_terms,)
    offset : ndarray of float64 of shape (n_terms,) or (0,)
    first : ndarray of int64 of shape (n_rows + 1,) or (0,)
        First term of each row; empty where every row has one.
    weight : ndarray of float64 of shape (n_rows,) or (1,)
        Sum of each row's `s`, or its one value where all rows weigh the same.
    y_mean : float
        Taken off the target, and to be added to the intercept.
    constant : float
        Part of the objective that no coefficient changes.
    null_intercept : float
        The best intercept without any column, relative to `y_mean`; 0 without intercept.
    null_objective : float
        The loss there, less `constant`.
    null_curvature : float
        Its second derivative there.
    total : float
        Sum of the caller's weights.
    """

    y: Vector
    s: Vector
    offset: Vector
    first: npt.NDArray[np.int64]
    weight: Vector
    y_mean: float
    constant: float
    null_intercept: float
    null_objective: float
    null_curvature: float
    total: float


def make_response(
    design: Design, loss: _Loss, y: Vector, sample_weight: Vector | None, offset: Vector | None, fit_intercept: bool
) -> Response:
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
    response : Response

    Raises
    ------
    ValueError
        Where no finite intercept minimises the loss, weights leave the range of float64, or offsets that of exposures.
    """
    weight = None if sample_weight is None else sample_weight / sample_weight.max()
    total = float(design.n_samples if weight is None else weight.sum())
    given = total if sample_weight is None else total * float(sample_weight.max())
    left = design.left_within(sample_weight) / (1.0 if sample_weight is None else float(sample_weight.max()))
    constant = 0.0
    if offset is not None and loss.location:
        y, offset = y - offset, None
    if loss.log_link:
        if offset is not None:
            y, weight = _expose(y, weight, offset)
            offset = None
        logs = y * np.log(np.where(y > 0.0, y, 1.0)) - y
        constant = (float(logs.sum() if weight is None else inner(weight, logs)) + left) / total
    positive = slice(None) if sample_weight is None else sample_weight > 0.0
    if weight is not None and np.any(weight[positive] / total < TINY):
        raise ValueError("sample_weight: weights differ by more than the range of float64; raise or zero the smallest")
    if loss.sums and offset is None:
        grouped = design.aggregate(y, weight)
        s, mean, terms = grouped.weight / total, grouped.mean, (NO_OFFSET, ONE_TERM)
        weight = s
        if loss.location:
            constant = (grouped.within + left) / total
    else:
        mean, s, *terms = _terms(design, y, weight, offset)
        s = s / total
        weight = s if terms[1].size == 0 else np.add.reduceat(s, terms[1][:-1])
    y_mean = inner(s, mean) if fit_intercept and loss.location else 0.0
    mean = mean - y_mean
    b = best_intercept(loss, mean, s, *terms) if fit_intercept else 0.0
    value, _, curvature = _at_intercept(loss, mean, s, *terms, b)
    uniform = weight.min() == weight.max()
    weight = weight[:1].copy() if uniform else weight
    return Response(mean, s, *terms, weight, y_mean, constant, b, value, curvature, given)


def _expose(y: Vector, weight: Vector | None, offset: Vector) -> tuple[Vector, Vector]:
    """Turn the offset of a log link into exposure."""
    if np.abs(offset).max() > MAX_OFFSET:
        i = int(np.argmax(np.abs(offset)))
        raise ValueError(
            f"offset: {offset[i]} in row {i} is outside [-{MAX_OFFSET:g}, {MAX_OFFSET:g}], the logarithms of "
            "exposures allowed"
        )
    exposure = np.exp(offset)
    return y / exposure, exposure if weight is None else weight * exposure


def _terms(
    design: Design, y: Vector, weight: Vector | None, offset: Vector | None
) -> tuple[Vector, Vector, Vector, npt.NDArray[np.int64]]:
    """List the samples row by row: targets, weights, offsets and the first of each row."""
    (kept,) = (design.row_of >= 0).nonzero()
    rows, first = design.row_of[kept], ONE_TERM
    if kept.size == design.n_rows:
        order = np.empty_like(kept)
        order[rows] = kept
    else:
        # A transposition sorts by counting, and keeps the order within a row.
        entries = (np.ones(rows.size, dtype=np.int8), rows, np.arange(rows.size + 1))
        by_row = sparse.csc_array(entries, shape=(design.n_rows, rows.size)).tocsr()
        order, first = kept[by_row.indices], by_row.indptr.astype(np.int64)
    s = np.ones(order.size) if weight is None else weight[order]
    by_term = NO_OFFSET if offset is None else offset[order]
    return y[order], s, by_term, first


def best_intercept(
    loss: _Loss, y: Vector, s: Vector, offset: Vector, first: npt.NDArray[np.int64] = ONE_TERM
) -> float:
    """Find the best intercept without any column: in closed form, or as the root of a monotone function.

    Parameters
    ----------
    loss : registered loss
    y, s, offset, first
        As those of a response.

    Returns
    -------
    intercept : float

    Raises
    ------
    ValueError
        Where no finite one is best.
    """
    if loss.location and loss.sums:
        return 0.0  # y is centred
    weighty = s > 0.0
    mean, fall, rise = inner(s, y) / float(s.sum()), np.empty(1), np.empty(1)
    row_objective.max_slopes(loss, y, s, np.array([0, y.size], dtype=np.int64), fall, rise)
    if not (fall[0] > 0.0 and rise[0] > 0.0):
        raise ValueError(
            f"y: every target is {y[weighty][0]:g}, at the edge of what the loss allows, so that no finite intercept "
            f"is best; expected {'a count above 0' if loss.log_link else 'two classes'}"
        )
    best = loss.link(mean)
    if offset.size == 0 and np.isfinite(best):
        return best
    if np.isfinite(best):
        low, high = best - offset[weighty].max(), best - offset[weighty].min()
    else:
        low, high = y[weighty].min(), y[weighty].max()
    # The derivative has its root within, at an end only by rounding.
    room = 1e-9 * (1.0 + abs(low) + abs(high))
    return _root(lambda b: _at_intercept(loss, y, s, offset, first, b)[1:], float(low - room), float(high + room))


def _root(slopes: Callable[[float], tuple[float, float]], low: float, high: float) -> float:
    """Find the root of a rising function by Newton's method, halving what it lies within where that goes too slowly.

    Press et al. (2007), Numerical Recipes, section 9.4. `slopes` returns the function and its derivative.
    """
    b, last = 0.5 * (low + high), high - low
    for _ in range(MAX_STEPS):
        value, slope = slopes(b)
        low, high = (low, b) if value > 0.0 else (b, high)
        step = -value / slope if slope > 0.0 else np.inf
        if abs(step) <= NEAR_ROOT * abs(b):
            # Rounding alone keeps this from getting better; halving from here would start all over.
            return b + step
        if not (low < b + step < high and abs(step) <= 0.5 * abs(last)):
            step = 0.5 * (low + high) - b
        # A root of 0, as balanced classes have it, is never found to a relative precision.
        if value == 0.0 or b + step in (low, high) or abs(step) <= ROOT_TOL * abs(b):
            return b + step if value else b
        b, last = b + step, step
    return b


def _at_intercept(
    loss: _Loss, y: Vector, s: Vector, offset: Vector, first: npt.NDArray[np.int64], b: float
) -> tuple[float, float, float]:
    """Return the loss of the model with intercept only, its derivative and its second derivative."""
    if loss.is_quadratic:
        residual = y - b
        z = s * residual
        return 0.5 * float((z * residual).sum()), -float(z.sum()), float(s.sum())
    z = np.empty(max(first.size - 1, 0) or y.size)
    value, curvature, _ = linearize_rows(loss, (y, s, offset, first), np.full(z.size, b), z)
    return value, -float(z.sum()), float(curvature.sum())


def linearize_rows(
    loss: _Loss, terms: tuple[Any, ...], eta: Vector, z: Vector, floor: float = 0.0
) -> tuple[float, Vector, Vector]:
    """Model the loss of every row around its linear predictor, without singleton columns.

    Parameters
    ----------
    loss : registered loss
    terms : tuple
        `y, s, offset, first` of a response.
    eta : ndarray of float64 of shape (n_rows,)
    z : ndarray of float64 of shape (n_rows,)
        Minus the derivatives, written here.
    floor : float, default=0.0
        Least weight, as a share of the largest curvature of the row.

    Returns
    -------
    value : float
        The loss.
    curvature, weight : ndarray of float64 of shape (n_rows,)
        Second derivatives, and the same but for the floor.
    """
    curvature, weight = np.empty(z.size), np.empty(z.size)
    value, _ = row_objective.linearize(
        loss, ElasticNet(0.0, 1.0), *terms, eta, *NO_SINGLETONS, floor, z, curvature, weight, NO_OFFSET, NO_OFFSET
    )
    return value, curvature, weight
