"""Information criteria: what the deviance of a fit and its non-zeros cost together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

Vector = npt.NDArray[np.float64]

CRITERIA = ("aic", "bic", "ebic", "gcv")


def check_df(effective_df: Any, n_fits: int) -> Vector:
    """Check degrees of freedom that users bring.

    Parameters
    ----------
    effective_df : array-like of float of shape (n_fits,)
    n_fits : int

    Returns
    -------
    df : ndarray of float64 of shape (n_fits,)

    Raises
    ------
    ValueError, TypeError
        For another shape, and for what is no number of at least 0.
    """
    given = np.asarray(effective_df)
    if given.dtype.kind not in "iuf":
        raise TypeError(f"effective_df: dtype {given.dtype} is not allowed, expected numbers")
    if given.shape != (n_fits,):
        raise ValueError(f"effective_df: shape {given.shape} is not allowed, expected ({n_fits},), one for each alpha")
    bad = ~(np.isfinite(given) & (given >= 0.0))
    if bad.any():
        raise ValueError(f"effective_df: {given[bad][0]} is outside [0, inf)")
    return given.astype(np.float64)


def information(
    name: str, gamma: float, deviances: Vector, n_nonzero: npt.NDArray[np.int64], df: npt.NDArray[Any], *, loss: Any,
    n_samples: int, total_weight: float, n_candidates: int, fit_intercept: bool,
) -> Vector:
    """Compute an information criterion of several fits; see `RegularizationPath.criterion`.

    Parameters
    ----------
    name : {"aic", "bic", "ebic", "gcv"}
    gamma : float in [0, 1]
        Of "ebic".
    deviances : ndarray of float64 of shape (n_fits,)
        Twice the mean losses.
    n_nonzero : ndarray of int64 of shape (n_fits,)
        Coefficients that are not zero.
    df : ndarray of shape (n_fits,)
        Degrees of freedom, without the intercept.
    loss : registered loss
        A likelihood.
    n_samples : int
        Of positive weight.
    total_weight : float
        Sum of their weights.
    n_candidates : int
        Coefficients that might not be zero.
    fit_intercept : bool
        Whether there is one more degree of freedom, which differences between fits know nothing of.

    Returns
    -------
    values : ndarray of float64 of shape (n_fits,)
        inf for fits with as many degrees of freedom as rows.
    """
    n, n_rows = total_weight, float(n_samples)
    if loss.is_quadratic:
        n = n_rows
    elif loss.is_classification:
        # A row of weight s is a cell of s rows.
        n_rows = max(n_rows, total_weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        if name == "gcv":
            value = deviances / (1.0 - (df + fit_intercept) / n_rows) ** 2
        else:
            value = n * (np.log(deviances) if loss.is_quadratic else deviances)
            value = value + df * (2.0 if name == "aic" else np.log(n))
    if name == "ebic":
        p, k = float(n_candidates), n_nonzero
        value = value + 2.0 * gamma * -(np.log1p(p) + special.betaln(p - k + 1.0, k + 1.0))
    return np.where(df >= n_rows - 1.0, np.inf, value)
