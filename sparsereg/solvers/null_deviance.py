"""The null deviance with an offset: that of the best model of intercept plus offset, which shares are measured by."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from sparsereg.metrics import has_no_deviance, mean_deviance
from sparsereg.solvers.multinomial import softmax
from sparsereg.solvers.multinomial.problem import PRECISION
from sparsereg.solvers.response import best_intercept

Vector = npt.NDArray[np.float64]


def null_deviance(loss: Any, y: Vector, weight: Vector | None, offset: Any) -> float | None:
    """Compute the mean deviance of the best model of intercept plus offset on some rows.

    Without an offset, and with the same one in all rows, that is the best constant mean, which `sparsereg.metrics`
    knows by itself.

    Parameters
    ----------
    loss : registered loss
    y : ndarray of float64 of shape (n_rows,), or (n_rows, n_classes) for the losses of classifiers
        As the loss takes it.
    weight : ndarray of float64 of shape (n_rows,) or None
        Not all 0.
    offset : ndarray of float64 of the shape of y, float or None

    Returns
    -------
    deviance : float or None
        Of numbers the mean squared error, whatever their loss; 0 where the model predicts every target exactly, or
        comes as close as one likes. None: that of the best constant mean; and for a loss that explains no share.
    """
    if np.ndim(offset) == 0 or not (loss.location or loss.is_likelihood):
        return None
    if weight is not None:
        kept = weight > 0.0
        y, offset, weight = y[kept], offset[kept], weight[kept]
        # No sum of weights leaves the range of float64.
        weight = np.ldexp(weight, -int(np.frexp(weight.max())[1]))
    if not np.any(offset != offset[:1]):
        return None
    if loss.location:
        rest = y - offset
        if has_no_deviance(rest, loss):
            return 0.0
        return mean_deviance(rest, np.full(rest.shape, np.average(rest, weights=weight)), weight)
    share = np.full(y.shape[0], 1.0 / y.shape[0]) if weight is None else weight / weight.sum()
    found = _null_predictor(loss, y, share, offset)
    return 0.0 if found is None else mean_deviance(*found, weight, loss=loss)


def _null_predictor(loss: Any, y: Vector, share: Vector, offset: Vector) -> tuple[Vector, Vector] | None:
    """Return targets and predictors of the null model; None where no finite intercept is best, but an infinite one."""
    if y.ndim == 2:
        # A class without rows has none either.
        present = share @ y > 0.0
        y, offset = y[:, present], offset[:, present]
        if y.shape[1] == 1:
            return None
        return y, offset + softmax.balance(np.ascontiguousarray(y.T), share, offset.T, PRECISION)
    if not y.any() or (loss.softmax and (y == 1.0).all()):
        return None
    if loss.log_link:
        return y, offset + (np.log(share @ y) - special.logsumexp(offset, b=share))
    return y, offset + best_intercept(loss, y, share, offset)
