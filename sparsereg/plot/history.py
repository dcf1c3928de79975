"""Learning curves of streaming fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparsereg.plot.axes import COLOURS, make_axes


def plot_history(histories: Mapping[str, Mapping[str, Any]], ax: Any = None) -> Any:
    """Draw learning curves: the loss of rows before they were learned from, and the number of non-zeros, against rows.

    Parameters
    ----------
    histories : mapping from name to the `history_` of a streaming fit
    ax : matplotlib Axes or None, default=None
        For the losses, drawn through; the numbers of non-zeros are on an axis of their own, dashed. None: new axes
        through pyplot.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    ax = make_axes(ax)
    right = ax.twinx()
    for k, (name, history) in enumerate(histories.items()):
        colour = COLOURS[k % len(COLOURS)]
        ax.plot(history["n_rows"], history["progressive_loss"], color=colour, label=name)
        right.plot(history["n_rows"], history["n_nonzero"], color=colour, linestyle="--", linewidth=0.9)
    ax.set(xlabel="rows", ylabel="progressive loss (mean so far)")
    right.set_ylabel("weights that are not zero (dashed)")
    right.set_yscale("symlog", linthresh=10)
    ax.legend()
    return ax
