"""How good each alpha is, on training rows and on others, and where it is too small, right and too large."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import LOSSES
from sparsereg.inputs.parameters import check_choice, check_number
from sparsereg.metrics import GREATER_IS_BETTER, METRICS
from sparsereg.plot.alpha_axis import count_on_top, count_text, scale_alphas
from sparsereg.plot.axes import COLOURS, make_axes
from sparsereg.plot.margins import legend_below, make_room, spread
from sparsereg.plot.paths import path_of

Vector = npt.NDArray[np.float64]

# Zones from the smallest alpha on, and their colours.
ZONES = {"too small": COLOURS[1], "right": COLOURS[2], "too large": COLOURS[0]}
SHADE, ZONE_SIZE = 0.13, 10
STRIP = 0.12  # of the height of the axes, above the curves, for the names of the zones
POINTS_A_CHARACTER, GAP_POINTS = 5.6, 8.0
SAME_ALPHA = 1e-6  # relative; files may keep measures in single precision
FEW_FITS = 12  # up to so many are marked one by one


class Zones(NamedTuple):
    """Which fits of a path are right.

    Attributes
    ----------
    first, best, last : int
        Of the right ones the one at the largest alpha, the best, and the one at the smallest.
    """

    first: int
    best: int
    last: int


def plot_scores(
    path: Any, held_out: Mapping[str, Any], ax: Any = None, *, metric: str | None = None,
    train: Mapping[str, Any] | None = None, within: float = 0.02,
) -> Any:
    """Draw a measure of training rows and of others against alpha, and where alpha is too small, right and too large.

    Parameters
    ----------
    path : RegularizationPath, or fitted estimator that has one (`path_`)
    held_out : mapping from name to array-like of shape (n_alphas,)
        What ``path.evaluate(X_test, y_test)`` returns.
    ax : matplotlib Axes or None, default=None
        None: new axes through pyplot.
    metric : str or None, default=None
        One of `held_out`; None: the first there that models of this loss are judged by.
    train : mapping from name to array-like of shape (n_alphas,), or None, default=None
        What ``path.evaluate(X, y)`` returns of the training rows. None: what the path itself knows of them, the mean
        loss and, of fits with an intercept, the share of it explained; other measures are drawn of held-out rows alone,
        and so are all of an estimator with class weights or label smoothing, which are part of what the path knows.
    within : float in [0, 1), default=0.02
        How much of the gain of the best alpha a right one may lose.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        For a measure that is not there or undefined (NaN) at every alpha, and for measures of another path.
    TypeError
        For what is or has no path, and for what is no mapping.

    Notes
    -----
    The best alpha is the one whose measure of held-out rows is best, of equals the largest. Its gain is how much better
    it is than the largest alpha of the path (with L1 the model without columns). Right is every alpha around the best,
    without a gap, that keeps a share of at least 1 - `within` of that gain; too small are those below, which learn the
    training rows by heart, and too large those above, which have not learned what there is. Borders are half way, on
    the logarithmic scale, to the next alpha of the path. Of an alpha chosen and judged on the same rows the measure is
    a little too good: choose by cross-validation where that matters.
    """
    known = training_measures(path)
    path = path_of(path)
    within = check_number(within, "within", "[0, 1)")
    values = _check_measures(held_out, "held_out", path)
    metric = _check_metric(metric, values, path)
    learned = known if train is None else _check_measures(train, "train", path)
    greater = metric in GREATER_IS_BETTER
    zones = find_zones(values[metric], within, greater)
    ax = make_axes(ax)
    x = scale_alphas(ax, path.alphas)
    handles, marker = [], "o" if x.size <= FEW_FITS else ""
    if metric in learned:
        style = {"color": "0.35", "linestyle": "--", "linewidth": 1.5, "marker": marker, "markersize": 3.0}
        handles += ax.plot(x, learned[metric], label="training rows", **style)
    style = {"color": "0.1", "linewidth": 2.0, "marker": marker, "markersize": 4.0}
    handles += ax.plot(x, values[metric], label="held-out rows", **style)
    best = _mark_best(ax, path, x, values[metric], zones.best, metric)
    ax.set_ylabel(f"{metric}\n({'more' if greater else 'less'} is better)")
    columns = "weights" if path.n_outputs == 1 else "columns with weights"
    count_on_top(ax, x, path.df, f"{columns} that are not zero")
    legend_below(ax, [handles, [best]])
    make_room(ax)
    _shade(ax, x, zones)
    return ax


def find_zones(values: Vector, within: float, greater_is_better: bool) -> Zones:
    """Find the best fit, and those around it that keep a share of its gain over the first.

    Parameters
    ----------
    values : ndarray of float64 of shape (n_alphas,)
        From the largest alpha down, not all NaN.
    within : float in [0, 1)
    greater_is_better : bool

    Returns
    -------
    zones : Zones
    """
    cost = -values if greater_is_better else values
    best = int(np.nanargmin(cost))
    # A grid may begin with fits that cannot be judged, or are infinitely bad.
    before = cost[: best + 1][np.isfinite(cost[: best + 1])]
    gain = before[0] - cost[best] if before.size else 0.0
    is_right = cost <= cost[best] + within * gain
    wrong = np.flatnonzero(~is_right)
    above, below = wrong[wrong < best], wrong[wrong > best]
    return Zones(int(above[-1]) + 1 if above.size else 0, best, int(below[0]) - 1 if below.size else cost.size - 1)


def _check_measures(measures: Any, name: str, path: Any) -> dict[str, Vector]:
    """Check that measures are those of a path, one for each alpha."""
    if not isinstance(measures, Mapping):
        raise TypeError(f"{name}: {type(measures).__name__} is not allowed, expected what path.evaluate(X, y) returns")
    n_alphas = path.alphas.size
    wanted = {"alpha", *METRICS[path.loss]}
    columns = {key: np.asarray(measures[key], dtype=np.float64) for key in measures if key in wanted}
    for key, column in columns.items():
        if column.shape != (n_alphas,):
            raise ValueError(
                f"{name}: {key!r} has shape {column.shape}, expected ({n_alphas},), a value for each alpha of the path"
            )
    if not np.allclose(columns.pop("alpha", path.alphas), path.alphas, rtol=SAME_ALPHA, atol=0.0):
        raise ValueError(f"{name}: its alphas are not those of the path, expected what path.evaluate(X, y) returns")
    return columns


def _check_metric(metric: str | None, values: dict[str, Vector], path: Any) -> str:
    """Return the measure to draw, which must be there and defined somewhere."""
    there = [name for name in METRICS[path.loss] if name in values]
    if not there:
        raise ValueError(f"held_out: has none of {sorted(METRICS[path.loss])}, expected what path.evaluate returns")
    metric = there[0] if metric is None else check_choice(metric, "metric", there)
    if np.isnan(values[metric]).all():
        raise ValueError(f"held_out: {metric!r} is undefined (NaN) at every alpha, expected another metric")
    return metric


def training_measures(model: Any) -> dict[str, Vector]:
    """Return the measures of its training rows that a path has kept.

    Parameters
    ----------
    model : RegularizationPath, or fitted estimator that has one (`path_`)

    Returns
    -------
    measures : dict of ndarray of float64 of shape (n_alphas,)
        None of an estimator with class weights or label smoothing: its path was fitted to other weights or shares than
        the rows have.
    """
    path = path_of(model)
    if getattr(model, "class_weight", None) is not None or getattr(model, "label_smoothing", 0.0):
        return {}
    known = {"deviance": path.deviances, "log_loss": 0.5 * path.deviances, "loss": 0.5 * path.deviances}
    shares = {"deviance_explained": path.dev_ratio}
    if LOSSES[path.loss].is_quadratic:
        known["mse"], shares["r2"] = path.deviances, path.dev_ratio
    # Without intercept they are shares of something else.
    return known if path.fit_intercept is False else known | shares


def _mark_best(ax: Any, path: Any, x: Vector, values: Vector, best: int, metric: str) -> Any:
    """Mark the best fit, and say in the legend which it is."""
    label = f"best: {metric} {values[best]:.4g} at alpha {path.alphas[best]:.4g}, {count_text(path.df[best])}"
    style = {"marker": "o", "markersize": 9.0, "markeredgecolor": "white", "linestyle": "", "zorder": 4}
    return ax.plot(x[best], values[best], color=ZONES["right"], label=label, **style)[0]


def _shade(ax: Any, x: Vector, zones: Zones) -> None:
    """Shade the zones, and write their names above the curves, each as near to its middle as the others let it."""
    ax.autoscale_view()
    low, high = ax.get_xlim()
    bottom, top = ax.get_ylim()
    ax.set(xlim=(low, high), ylim=(bottom, top + STRIP / (1.0 - STRIP) * (top - bottom)))
    borders = [low, *(np.sqrt(x[k] * x[k + 1]) for k in (zones.last, zones.first - 1) if 0 <= k < x.size - 1), high]
    names = [name for name, is_there in zip(ZONES, (zones.last < x.size - 1, True, zones.first > 0)) if is_there]
    for name, left, right in zip(names, borders[:-1], borders[1:]):
        ax.axvspan(left, right, color=ZONES[name], alpha=SHADE, linewidth=0.0, zorder=0)
    edges = np.log(np.array(borders) / low) / np.log(high / low)
    width = ax.bbox.width / ax.figure.dpi * 72.0
    sizes = np.array([POINTS_A_CHARACTER * len(name) + GAP_POINTS for name in names]) / width
    size = ZONE_SIZE / max(1.0, sizes.sum())
    for name, place in zip(names, spread(0.5 * (edges[:-1] + edges[1:]), sizes, 0.0, 1.0)):
        ax.text(
            place, 1.0 - 0.5 * STRIP, name, transform=ax.transAxes, ha="center", va="center", color=ZONES[name],
            fontsize=size, fontweight="bold",
        )
