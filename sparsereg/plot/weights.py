"""Histograms of weights, with the exact zeros beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg.coef import SparseCoef
from sparsereg.plot.axes import COLOURS, make_axes

Vector = npt.NDArray[np.float64]


def plot_weights(weights: Mapping[str, Any], ax: Any = None, *, n_active: int | None = None, bins: int = 61) -> Any:
    """Draw histograms of weights on a log scale, with the exact zeros as a spike of their own.

    Parameters
    ----------
    weights : mapping from label to SparseCoef, SciPy sparse matrix or ndarray
        Such as ``{"L1": lasso.sparse_coef_, "L2": ridge.sparse_coef_}``.
    ax : matplotlib Axes or None, default=None
        None: new axes through pyplot.
    n_active : int or None, default=None
        Number of columns among which zeros are counted, such as `n_active_` of an estimator; None: all columns.
    bins : int, default=61
        Number of bins, the same for every label, symmetric about zero.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    ax = make_axes(ax)
    found = {label: _nonzeros(w) for label, w in weights.items()}
    widest = max((np.abs(values).max(initial=0.0) for values, _ in found.values()), default=0.0) or 1.0
    edges = np.linspace(-widest, widest, bins + 1)
    for colour, (label, (values, n_features)) in zip(COLOURS, found.items()):
        n_zero = (n_features if n_active is None else n_active) - values.size
        counts, _ = np.histogram(values, edges)
        text = f"{label}: {values.size:,} weights, {n_zero:,} exactly zero"
        ax.stairs(counts, edges, color=colour, linewidth=1.6, label=text)
        if n_zero > 0:
            ax.vlines(0.0, 0.5, n_zero, color=colour, linewidth=3.5)
            ax.plot([0.0], [n_zero], marker="o", color=colour)
    ax.set(yscale="log", xlabel="weight", ylabel="columns")
    ax.set_ylim(bottom=0.5)
    ax.legend()
    return ax


def _nonzeros(w: Any) -> tuple[Vector, int]:
    """Return the non-zero values of one coefficient vector and its width."""
    if isinstance(w, SparseCoef):
        w = w.to_csr()
    if sparse.issparse(w):
        return w.data[w.data != 0.0], int(np.prod(w.shape, dtype=np.int64))
    w = np.asarray(w, dtype=np.float64).ravel()
    return w[w != 0.0], w.size
