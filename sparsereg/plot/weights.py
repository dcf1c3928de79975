"""Histograms of weights, with the exact zeros beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg.coef import SparseCoef
from sparsereg.plot.axes import COLOURS, check_labelled, make_axes
from sparsereg.plot.margins import legend_below, make_room

Vector = npt.NDArray[np.float64]

SPIKES = 0.025  # between the spikes of two labels, as a share of the largest weight


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
    ValueError
        Where `n_active` is less than the number of weights that are not zero.
    TypeError
        For weights that are no mapping.
    """
    check_labelled(weights, "weights")
    found = {label: _nonzeros(w) for label, w in weights.items()}
    widest = max((np.abs(values).max(initial=0.0) for values, _ in found.values()), default=0.0) or 1.0
    edges = np.linspace(-widest, widest, bins + 1)
    zeros = {label: (n if n_active is None else n_active) - values.size for label, (values, n) in found.items()}
    if any(n < 0 for n in zeros.values()):
        most = max(values.size for values, _ in found.values())
        raise ValueError(f"n_active: {n_active} is not allowed, expected at least {most}, as many are not zero")
    spiked = [label for label, n in zeros.items() if n > 0]
    ax = make_axes(ax)
    handles = []
    for k, (label, (values, _)) in enumerate(found.items()):
        n_zero, colour = zeros[label], COLOURS[k % len(COLOURS)]
        counts, _ = np.histogram(values, edges)
        text = f"{label}: {values.size:,} weights, {n_zero:,} exactly zero"
        handles.append(ax.stairs(counts, edges, color=colour, linewidth=1.6, label=text))
        if n_zero > 0:
            # Side by side, or the last would hide the others.
            place = SPIKES * widest * (spiked.index(label) - 0.5 * (len(spiked) - 1))
            ax.vlines(place, 0.5, n_zero, color=colour, linewidth=3.5)
            ax.plot([place], [n_zero], marker="o", color=colour)
    ax.set(yscale="log", xlabel="weight (spikes: weights that are exactly 0)", ylabel="columns")
    ax.set_ylim(bottom=0.5)
    legend_below(ax, [handles])
    make_room(ax)
    return ax


def _nonzeros(w: Any) -> tuple[Vector, int]:
    """Return the non-zero values of one coefficient vector and its width."""
    if isinstance(w, SparseCoef):
        w = w.to_csr()
    if sparse.issparse(w):
        return w.data[w.data != 0.0], int(np.prod(w.shape, dtype=np.int64))
    w = np.asarray(w, dtype=np.float64).ravel()
    return w[w != 0.0], w.size
