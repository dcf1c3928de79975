"""Grids of alpha."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


def geometric_grid(start: float, n_alphas: int, eps: float) -> Vector:
    """Make a grid from `start` down to eps * start; from 1 where no column explains anything.

    Parameters
    ----------
    start : float
        The largest useful alpha, 0 where there is none.
    n_alphas : int
    eps : float

    Returns
    -------
    alphas : ndarray of float64 of shape (n_alphas,)
    """
    exponents = np.linspace(0.0, 1.0, n_alphas) if n_alphas > 1 else np.zeros(1)
    return (start if start > 0.0 else 1.0) * eps**exponents
