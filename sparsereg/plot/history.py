"""Learning curves of streaming fits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sparsereg.plot.axes import COLOURS, check_labelled, make_axes
from sparsereg.plot.margins import legend_below, make_room

FEW = 12  # up to so many points are marked one by one
WIDE = 1.0  # decades of counts beyond which their axis is logarithmic


def plot_history(histories: Mapping[str, Mapping[str, Any]], ax: Any = None) -> Any:
    """Draw learning curves: the loss of rows before they were learned from, and the number of non-zeros, against rows.

    Parameters
    ----------
    histories : mapping from name to the `history_` of a streaming fit
        One at several alphas has a curve for each of them.
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
    TypeError
        For histories that are no mapping.
    """
    check_labelled(histories, "histories")
    ax = make_axes(ax)
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    histories = _by_alpha(histories)
    right = ax.twinx()
    handles = []
    for k, (name, history) in enumerate(histories.items()):
        colour = COLOURS[k % len(COLOURS)]
        marker = "o" if len(history["n_rows"]) <= FEW else ""
        style = {"color": colour, "marker": marker, "markersize": 3.0}
        handles += ax.plot(history["n_rows"], history["progressive_loss"], label=name, **style)
        right.plot(history["n_rows"], history["n_nonzero"], linestyle="--", linewidth=0.9, **style)
    ax.set(xlabel="rows", ylabel="progressive loss (mean so far)")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    right.set_ylabel("weights that are not zero (dashed)")
    _scale_counts(right, [int(n) for history in histories.values() for n in history["n_nonzero"]])
    legend_below(ax, [handles])
    make_room(ax)
    return ax


def _by_alpha(histories: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Take histories at several alphas apart."""
    curves: dict[str, Mapping[str, Any]] = {}
    for name, history in histories.items():
        if "alpha" not in history:
            curves[name] = history
            continue
        before = f"{name}, " if len(histories) > 1 else ""
        for k, alpha in enumerate(history["alpha"]):
            columns = {column: history[column][:, k] for column in ("progressive_loss", "n_nonzero")}
            curves[f"{before}alpha = {alpha:g}"] = {"n_rows": history["n_rows"], **columns}
    return curves


def _scale_counts(ax: Any, counts: list[int]) -> None:
    """Give an axis of counts whole numbers that can be read: logarithmic where they differ by more than a decade."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, SymmetricalLogLocator

    positive = [n for n in counts if n > 0]
    n_decades = math.log10(max(positive) / min(positive)) if positive else 0.0
    if n_decades > WIDE:
        # Counts of 0 have a place too, below the smallest other.
        ax.set_yscale("symlog", linthresh=min(positive))
        subs = (1.0,) if n_decades > 3.0 else (1.0, 3.0) if n_decades > 2.0 else (1.0, 2.0, 5.0)
        ax.yaxis.set_major_locator(SymmetricalLogLocator(base=10.0, linthresh=min(positive), subs=subs))
        ax.yaxis.set_minor_formatter(NullFormatter())
    else:
        low, high = min(counts, default=0), max(counts, default=0)
        if high - low < 2:
            ax.set_ylim(max(low - 1, 0) - 0.1, high + 1.1)
        ax.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):,.0f}"))
