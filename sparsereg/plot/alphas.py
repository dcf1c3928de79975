"""Losses of a streaming fit at several alphas, against alpha."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sparsereg.plot.alpha_axis import count_on_top, scale_alphas
from sparsereg.plot.axes import COLOURS, make_axes
from sparsereg.plot.margins import legend_below, make_room


def plot_alphas(history: Mapping[str, Any], ax: Any = None) -> Any:
    """Draw what has come of each alpha: progressive loss, that of held-out rows, and the number of non-zeros on top.

    Parameters
    ----------
    history : mapping
        The `history_` of a streaming fit at several alphas; its last entry is drawn.
    ax : matplotlib Axes or None, default=None
        None: new axes through pyplot.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        For the history of one alpha, and one without entries.
    """
    if "alpha" not in history or not len(history["n_rows"]):
        raise ValueError("history: there are no entries of several alphas, expected that of a fit with alpha=[...]")
    ax = make_axes(ax)
    order = np.argsort(history["alpha"])
    x = scale_alphas(ax, np.asarray(history["alpha"], dtype=np.float64)[order])
    handles = []
    names = {"progressive_loss": "progressive loss", "validation_loss": "held-out loss"}
    for colour, (name, label) in zip(COLOURS, names.items(), strict=False):
        if name in history:
            # An alpha whose passes were over before has no later loss of held-out rows.
            losses = np.array([_last(column) for column in np.asarray(history[name]).T])[order]
            handles += ax.plot(x, losses, color=colour, marker="o", markersize=4.0, label=label)
            best = int(np.nanargmin(losses)) if not np.isnan(losses).all() else 0
            ax.plot(x[best], losses[best], color=colour, marker="o", markersize=8.0, fillstyle="none")
    ax.set_ylabel("mean loss")
    count_on_top(ax, x, np.asarray(history["n_nonzero"])[-1][order])
    legend_below(ax, [handles])
    make_room(ax)
    return ax


def _last(column: Any) -> float:
    """Return the last number that is there."""
    known = column[~np.isnan(column)]
    return float(known[-1]) if known.size else float("nan")
