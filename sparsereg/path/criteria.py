"""Information criteria: what the deviance of a fit and its non-zeros cost together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

Vector = npt.NDArray[np.float64]

CRITERIA = ("aic", "bic", "ebic")


def information(
    name: str, gamma: float, deviances: Vector, n_coefficients: npt.NDArray[np.int64], *, loss: Any, n_samples: int,
    total_weight: float, n_candidates: int,
) -> Vector:
    """Compute an information criterion of several fits; see `RegularizationPath.criterion`.

    Parameters
    ----------
    name : {"aic", "bic", "ebic"}
    gamma : float in [0, 1]
        Of "ebic".
    deviances : ndarray of float64 of shape (n_fits,)
        Twice the mean losses.
    n_coefficients : ndarray of int64 of shape (n_fits,)
        That are not zero.
    loss : registered loss
        A likelihood.
    n_samples : int
        Of positive weight.
    total_weight : float
        Sum of their weights.
    n_candidates : int
        Coefficients that might not be zero.

    Returns
    -------
    values : ndarray of float64 of shape (n_fits,)
        inf for fits with as many coefficients as rows.
    """
    n, n_rows = total_weight, float(n_samples)
    if loss.is_quadratic:
        n = n_rows
    elif loss.is_classification:
        # A row of weight s is a cell of s rows.
        n_rows = max(n_rows, total_weight)
    with np.errstate(divide="ignore"):
        value = n * (np.log(deviances) if loss.is_quadratic else deviances)
        value = value + n_coefficients * (2.0 if name == "aic" else np.log(n))
    if name == "ebic":
        p, d = float(n_candidates), n_coefficients
        value = value + 2.0 * gamma * -(np.log1p(p) + special.betaln(p - d + 1.0, d + 1.0))
    return np.where(n_coefficients >= n_rows - 1.0, np.inf, value)
