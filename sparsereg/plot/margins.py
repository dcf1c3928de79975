"""What stands beside axes: legends below them, names in a column at their side, and the room for both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

LEGEND_SIZES = (9.0, 7.5, 6.0)  # smaller ones where there is no room for the first
SMALLEST_LABEL = 5.0  # size of the font
# A legend that is higher than this beside its axes stands inside.
HIGHEST = 0.5
WIDEST = 1.2  # legend, beside the width of its axes
TICK_POINTS = 17.0  # ticks, and the distances around their labels and that of the axis
EDGE_PIXELS = 3.0  # left free around everything
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


def legend_below(ax: Any, groups: Sequence[Sequence[Any]]) -> None:
    """Write legends below axes, group by group, each in as many columns as are about as wide as the axes.

    Parameters
    ----------
    ax : matplotlib Axes
        Where even letters of 6 points leave them too little room, there is one legend inside, half transparent.
    groups : sequence of sequences of matplotlib Artist
        With labels. The last that is not empty is `ax.get_legend()`.
    """
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties

    fonts = [FontProperties(size=rcParams[name]) for name in ("xtick.labelsize", "axes.labelsize")]
    text = sum(font.get_size_in_points() for font in fonts)
    down = TICK_POINTS + LINE_HEIGHT * text
    groups = [group for group in groups if len(group)]
    for size in LEGEND_SIZES:
        legends, below = [], down
        for handles in groups:
            # The next would take the place of this one.
            if legends:
                ax.add_artist(legends[-1])
            legends.append(_legend_at(ax, handles, below, size))
            below += legends[-1].get_window_extent().height / ax.figure.dpi * 72.0
        extents = [legend.get_window_extent() for legend in legends]
        is_low = sum(extent.height for extent in extents) <= HIGHEST * ax.bbox.height
        if is_low and max(extent.width for extent in extents) <= ax.figure.bbox.width:
            return
        for legend in legends[:-1]:
            legend.remove()
    handles = [handle for group in groups for handle in group]
    ax.legend(handles=handles, loc="best", fontsize=LEGEND_SIZES[-1], framealpha=0.6).set_in_layout(False)


def _legend_at(ax: Any, handles: Sequence[Any], down: float, size: float) -> Any:
    """Make a legend so many points below axes."""
    from matplotlib.transforms import ScaledTranslation

    place = ax.transAxes + ScaledTranslation(0.0, -down / 72.0, ax.figure.dpi_scale_trans)
    for n_columns in range(len(handles), 0, -1):
        legend = ax.legend(
            handles=handles, ncols=n_columns, loc="upper center", bbox_to_anchor=(0.5, 0.0), bbox_transform=place,
            frameon=False, fontsize=size, borderaxespad=0.0,
        )
        if legend.get_window_extent().width <= WIDEST * ax.bbox.width:
            break
    return legend


def make_room(ax: Any) -> None:
    """Make labels smaller that are longer than their axes, and axes where what stands beside them has no room.

    Parameters
    ----------
    ax : matplotlib Axes
        A layout engine of the figure sees to them now, so that what is placed next knows their size, and whenever they
        are drawn. Without one they become so much smaller that nothing leaves the figure, or comes nearer to other axes
        than half way.
    """
    engine = ax.figure.get_layout_engine()
    if engine is not None:
        # The figure of a part of a figure is the whole.
        engine.execute(ax.figure.figure)
        _fit_labels(ax)
        return
    _fit_labels(ax)
    needed, place = ax.get_tightbbox().padded(EDGE_PIXELS), ax.get_position()
    needed = needed.transformed(ax.figure.transFigure.inverted())
    left, bottom, right, top = _cell(ax, place)
    left, bottom = place.x0 + max(0.0, left - needed.x0), place.y0 + max(0.0, bottom - needed.y0)
    right, top = place.x1 - max(0.0, needed.x1 - right), place.y1 - max(0.0, needed.y1 - top)
    if [left, bottom, right, top] != [*place.extents] and left < right and bottom < top:
        ax.set_position([left, bottom, right - left, top - bottom])
        _fit_labels(ax)


def _fit_labels(ax: Any) -> None:
    """Make the labels of axes smaller that are longer than these."""
    for other in (ax, *ax.child_axes):
        for label, side in ((other.xaxis.label, ax.bbox.width), (other.yaxis.label, ax.bbox.height)):
            extent = label.get_window_extent()
            share = side / max(extent.width, extent.height, 1.0)
            if share < 1.0:
                label.set_fontsize(max(SMALLEST_LABEL, share * label.get_fontsize()))


def _cell(ax: Any, place: Any) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top of the part of a figure that is nearer to some axes than to others."""
    left, bottom, right, top = 0.0, 0.0, 1.0, 1.0
    for other in (other.get_position() for other in ax.figure.axes if other is not ax):
        if other.y0 < place.y1 and place.y0 < other.y1:
            left = max(left, 0.5 * (other.x1 + place.x0)) if other.x1 <= place.x0 else left
            right = min(right, 0.5 * (other.x0 + place.x1)) if other.x0 >= place.x1 else right
        if other.x0 < place.x1 and place.x0 < other.x1:
            bottom = max(bottom, 0.5 * (other.y1 + place.y0)) if other.y1 <= place.y0 else bottom
            top = min(top, 0.5 * (other.y0 + place.y1)) if other.y0 >= place.y1 else top
    return left, bottom, right, top
