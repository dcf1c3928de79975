"""Contours of a loss of two weights, and the ball of the penalty that a fit touches."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg.plot.axes import COLOURS, make_axes

Vector = npt.NDArray[np.float64]

N_GRID = 201  # points along each axis


def plot_contours(path: Any, X: Any, y: npt.ArrayLike, ax: Any = None, *, alpha: float) -> Any:
    """Draw, for two columns, the contours of the loss, the path and the ball of the penalty that the fit touches.

    Parameters
    ----------
    path : RegularizationPath
        Fitted with intercept, without weights, on `X` and `y`.
    X : matrix of shape (n_samples, 2)
    y : array-like of shape (n_samples,)
    ax : matplotlib Axes or None, default=None
        None: new axes through pyplot.
    alpha : float
        One of `path.alphas`: where the ball is drawn.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        For any other number of columns.
    """
    dense = X.toarray() if sparse.issparse(X) else np.asarray(X, dtype=np.float64)
    if dense.ndim != 2 or dense.shape[1] != 2:
        raise ValueError(f"X must have two columns to draw contours over, got shape {dense.shape}")
    ax = make_axes(ax)
    centred, target = dense - dense.mean(axis=0), np.asarray(y, dtype=np.float64)
    target = target - target.mean()
    free = np.linalg.lstsq(centred, target, rcond=None)[0]
    fitted = path.at(alpha)[0].to_csr().toarray().ravel()
    w0, w1 = _grid_around(free, fitted)
    residual = target - np.stack([w0, w1], axis=-1) @ centred.T
    touched = _ball(path.l1_ratio, *fitted)
    ax.contour(w0, w1, 0.5 * np.mean(residual**2, axis=-1), levels=12, colors="0.6", linewidths=0.9)
    if touched > 0.0:
        ax.contour(w0, w1, _ball(path.l1_ratio, w0, w1), levels=[touched], colors=COLOURS[0], linewidths=2.0)
    ax.plot(*path.coefs.toarray(), color=COLOURS[1], linewidth=2.0, label="path")
    ax.plot(*free, "k+", markersize=10, label="no penalty")
    ax.plot(*fitted, "o", color=COLOURS[0], label=f"alpha = {alpha:.3g}")
    ax.axhline(0.0, color="0.3", linewidth=0.8)
    ax.axvline(0.0, color="0.3", linewidth=0.8)
    ax.set(xlabel="weight of column 0", ylabel="weight of column 1", aspect="equal")
    ax.legend()
    return ax


def _grid_around(free: Vector, fitted: Vector) -> tuple[Vector, Vector]:
    """Return a square grid that shows the origin, the unpenalised fit and as much again around them."""
    limit = 1.4 * max(np.abs(free).max(), np.abs(fitted).max()) or 1.0
    axis = np.linspace(-limit, limit, N_GRID)
    w0, w1 = np.meshgrid(axis, axis)
    return w0, w1


def _ball(l1_ratio: float, w0: Any, w1: Any) -> Any:
    """Penalty of two coefficients at alpha = 1."""
    return l1_ratio * (np.abs(w0) + np.abs(w1)) + 0.5 * (1.0 - l1_ratio) * (w0**2 + w1**2)
