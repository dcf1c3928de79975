"""What stands beside axes: legends below them, names in a column at their side, and the room for both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

LEGEND_SIZE, SMALL_SIZE = 9, 6
# A legend that would take more of the figure than this stands inside.
MOST_OF_FIGURE = 0.4
TICK_POINTS = 17.0  # ticks, and the distances around their labels and that of the axis
LINE_HEIGHT = 1.3  # of the size of the font


def spread(places: Vector, sizes: Vector, low: float, high: float) -> Vector:
    """Move things along a line as little as possible so that they do not touch.

    Parameters
    ----------
    places : ndarray of float64 of shape (n,)
        Their middles, in ascending order.
    sizes : ndarray of float64 of shape (n,)
        How long they are, distances included.
    low, high : float
        Ends of the line. What is longer than it together overlaps evenly.

    Returns
    -------
    places : ndarray of float64 of shape (n,)
        In ascending order. Without the ends these are the least squares solution.
    """
    from scipy.optimize import isotonic_regression

    sizes = sizes * min(1.0, (high - low) / sizes.sum())
    # Under "at least so far apart": positions less those of things packed tightly must not fall.
    packed = np.cumsum(sizes) - 0.5 * sizes
    free = isotonic_regression(places - packed).x
    return np.clip(free, low, high - sizes.sum()) + packed


def legend_below(ax: Any, handles: Sequence[Any]) -> None:
    """Write the legend below axes of one picture, in as many columns as are not wider than them.

    Parameters
    ----------
    ax : matplotlib Axes
    handles : sequence of matplotlib Artist
        With labels.
    """
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties
    from matplotlib.transforms import ScaledTranslation

    text = sum(FontProperties(size=rcParams[name]).get_size_in_points() for name in ("xtick.labelsize", "axes.labelsize"))
    down = ScaledTranslation(0.0, -(TICK_POINTS + LINE_HEIGHT * text) / 72.0, ax.figure.dpi_scale_trans)
    for n_columns in range(len(handles), 0, -1):
        legend = ax.legend(
            handles=handles, ncols=n_columns, loc="upper center", bbox_to_anchor=(0.5, 0.0), frameon=False,
            bbox_transform=ax.transAxes + down, fontsize=LEGEND_SIZE, borderaxespad=0.0,
        )
        if legend.get_window_extent().width <= 1.1 * ax.bbox.width:
            break
    size, figure = legend.get_window_extent(), ax.figure.bbox
    if size.height > MOST_OF_FIGURE * figure.height or size.width > figure.width:
        ax.legend(handles=handles, loc="best", fontsize=SMALL_SIZE, framealpha=0.6).set_in_layout(False)


def make_room(ax: Any) -> None:
    """Make axes smaller where what stands beside them would leave the figure, and no layout engine sees to that.

    Parameters
    ----------
    ax : matplotlib Axes
    """
    figure = ax.figure
    if figure.get_layout_engine() is not None:
        return
    whole, needed, place = figure.bbox, ax.get_tightbbox(), ax.get_position()
    over = [
        max(0.0, (whole.x0 - needed.x0) / whole.width), max(0.0, (whole.y0 - needed.y0) / whole.height),
        max(0.0, (needed.x1 - whole.x1) / whole.width), max(0.0, (needed.y1 - whole.y1) / whole.height),
    ]
    left, bottom = place.x0 + over[0], place.y0 + over[1]
    width, height = place.x1 - over[2] - left, place.y1 - over[3] - bottom
    if any(over) and min(width, height) > 0.0:
        ax.set_position([left, bottom, width, height])
