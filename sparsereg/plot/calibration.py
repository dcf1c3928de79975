"""Reliability diagrams: how often what was given a probability came true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.parameters import check_choice, check_count
from sparsereg.inputs.weights import check_sample_weight
from sparsereg.metrics import calibration_error
from sparsereg.plot.axes import COLOURS, make_axes
from sparsereg.plot.margins import legend_below, make_room

Vector = npt.NDArray[np.float64]

# Height of the bars below the curves, as a share of the axes.
BARS = 0.2
MOST_BINS = 1_000
# Where no point is beyond the first, axes end at so many times the furthest.
RARE, ROOM = 0.5, 1.15


class Reliability(NamedTuple):
    """Rows by what probability they were given; of the bins only those that have rows.

    Attributes
    ----------
    predicted, observed : ndarray of float64 of shape (n_used,)
        Mean probability, and share of the rows that it came true for, by weight.
    error : ndarray of float64 of shape (n_used,)
        Standard error of that share, half of Wilson's interval.
    share : ndarray of float64 of shape (n_bins,)
        Of the weight, of every bin.
    reach : ndarray of float64 of shape (2, n_used)
        How far Wilson's interval reaches down and up from the share that was observed.
    """

    predicted: Vector
    observed: Vector
    error: Vector
    share: Vector
    reach: Vector


class PredictedClasses(NamedTuple):
    """What `plot_calibration` asks a classifier for, of probabilities that are there already.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    table : ndarray of float64 of shape (n_samples, n_classes)
    """

    classes_: npt.NDArray[Any]
    table: Vector

    def predict_proba(self, X: Any) -> Vector:
        """Return the table, whatever the rows.

        Parameters
        ----------
        X : object

        Returns
        -------
        table : ndarray of float64 of shape (n_samples, n_classes)
        """
        return self.table


def plot_calibration(
    models: Any, X: Any, y: npt.ArrayLike, ax: Any = None, *, sample_weight: Any = None, label: Any = None,
    n_bins: int = 10, strategy: str = "uniform",
) -> Any:
    """Draw how often rows came out as predicted against the probability that they were given.

    Parameters
    ----------
    models : classifier, or mapping from name to classifier or to array-like of shape (n_samples, n_classes)
        Fitted, with `predict_proba`; or probabilities predicted before, of the classes in their order.
        Such as ``{"plain": model, "smoothed": other}``.
    X : matrix of shape (n_samples, n_features), table, or None
        What `predict_proba` takes. None: every model is given by its probabilities.
    y : array-like of shape (n_samples,)
        Labels of rows that no model has seen.
    ax : matplotlib Axes or None, default=None
        None: new axes through pyplot.
    sample_weight : None, float or array-like of shape (n_samples,), default=None
    label : object or None, default=None
        Class whose probability is drawn, against all others. None: of two classes the second, of more the one that is
        predicted for the row.
    n_bins : int, default=10
        Bins of the probability.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or of as many rows each, which suit rare events; of equal probabilities a bin has all.

    Returns
    -------
    ax : matplotlib Axes
        Points on the diagonal are calibrated; bars around them are one standard error. Below it, probabilities are too
        large. The bars at the bottom say which share of the rows is in each bin, on a scale of their own. Axes end
        earlier than at 1 where all points are below one half, as those of rare events are.

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError, TypeError
        For models without probabilities, arrays of another shape or outside [0, 1], a class that is none, and labels
        that a model does not know.

    Notes
    -----
    The calibration error of the legend is `sparsereg.metrics.calibration_error` with as many bins of equal width: the
    mean distance of their points from the diagonal, by the weight of their rows. Bars are Wilson's intervals (1927) of
    one standard error of a share of n rows, n the number that the weights stand for (the square of their sum over the
    sum of squares): a bin of a few rows that all came true is not certain.
    """
    n_bins = check_count(n_bins, "n_bins", MOST_BINS)
    check_choice(strategy, "strategy", ("uniform", "quantile"))
    named = dict(models) if isinstance(models, Mapping) else {type(models).__name__: models}
    labels = np.asarray(y)
    if labels.ndim != 1 or labels.size == 0:
        raise ValueError(f"y: shape {labels.shape} is not allowed, expected a label for each of at least one row")
    weight = check_sample_weight(sample_weight, labels.size)
    weight = np.ones(labels.size) if weight is None else weight
    drawn = {name: _probabilities(name, model, X, labels, label) for name, model in named.items()}
    classes = {text for _, _, text in drawn.values()}
    ax = make_axes(ax)
    ax.plot([0.0, 1.0], [0.0, 1.0], color="0.5", linestyle=":", linewidth=1.2)
    bars = ax.inset_axes([0.0, 0.0, 1.0, BARS], sharex=ax)
    bars.axis("off")
    handles, furthest = [], 0.0
    for k, (name, (hit, probability, _)) in enumerate(drawn.items()):
        found = reliability(hit, probability, weight, n_bins, strategy)
        error = calibration_error(hit, probability, weight, n_bins=n_bins)
        style = {"color": COLOURS[k % len(COLOURS)], "linewidth": 1.6, "marker": "os^Dv<"[k % 6], "markersize": 5.0}
        text = f"{name}: calibration error {error:.3g}"
        furthest = max(furthest, float(found.predicted.max()), float(found.observed.max()))
        handles.append(ax.errorbar(found.predicted, found.observed, found.reach, capsize=2.0, label=text, **style))
        # Bins of as many rows each have nothing to show of that.
        if strategy == "uniform":
            bars.stairs(found.share, np.linspace(0.0, 1.0, n_bins + 1), color=style["color"], fill=k == 0, alpha=0.5)
    # Of rare events all is in a corner.
    end = 1.0 if furthest > RARE else ROOM * furthest or 1.0
    bars.set_ylim(0.0, max(bars.dataLim.y1, 1e-300))
    ax.set(
        xlim=(0.0, end), ylim=(0.0, end), aspect="equal",
        xlabel=f"predicted probability of {' or '.join(sorted(classes))}",
        ylabel="share of rows that came true" + ("\n(bars: share of rows in each bin)" if bars.patches else ""),
    )
    legend_below(ax, [handles])
    make_room(ax)
    return ax


def _bin(probability: Vector, n_bins: int, strategy: str) -> npt.NDArray[np.intp]:
    """Return the bin of every row."""
    if strategy == "uniform":
        # As the calibration error has them.
        return np.minimum((probability * n_bins).astype(np.intp), n_bins - 1)
    inner = np.quantile(probability, np.linspace(0.0, 1.0, n_bins + 1)[1:-1])
    return np.searchsorted(inner, probability, side="right")


def reliability(
    hit: Vector, probability: Vector, weight: Vector, n_bins: int, strategy: str = "uniform"
) -> Reliability:
    """Bin rows by their probability.

    Parameters
    ----------
    hit, probability, weight : ndarray of float64 of shape (n_rows,)
        `hit` is 1 where it came true.
    n_bins : int
    strategy : {"uniform", "quantile"}, default="uniform"
        As `plot_calibration` has them.

    Returns
    -------
    found : Reliability
    """
    bins = _bin(probability, n_bins, strategy)
    total, squares = (np.bincount(bins, values, n_bins) for values in (weight, weight**2))
    used = total > 0.0
    predicted, observed = (np.bincount(bins, weight * v, n_bins)[used] / total[used] for v in (probability, hit))
    n_rows = total[used] ** 2 / squares[used]
    middle = (observed + 0.5 / n_rows) / (1.0 + 1.0 / n_rows)
    spread = np.clip(observed * (1.0 - observed), 0.0, None) / n_rows + 0.25 / n_rows**2
    half = np.sqrt(spread) / (1.0 + 1.0 / n_rows)
    # Rounding may leave an end of shares of 0 and 1 on the wrong side.
    reach = np.maximum([observed - (middle - half), middle + half - observed], 0.0)
    return Reliability(predicted, observed, half, total / total.sum(), reach)


def _probabilities(name: str, model: Any, X: Any, labels: npt.NDArray[Any], label: Any) -> tuple[Vector, Vector, str]:
    """Return whether each row came out as said, the probability that it was given, and of what."""
    if hasattr(model, "predict_proba"):
        table, classes = np.asarray(model.predict_proba(X)), np.asarray(model.classes_)
    elif hasattr(model, "fit"):
        raise TypeError(f"models: {name!r}, a {type(model).__name__}, has no predict_proba, expected a classifier")
    else:
        table, classes = _check_table(name, model, labels), np.unique(labels)
    if table.shape[1] == 1 and classes.size == 2:
        table = np.hstack([1.0 - table, table])
    if table.shape != (labels.size, classes.size):
        raise ValueError(
            f"models: {name!r} gives probabilities of shape {table.shape}, expected {(labels.size, classes.size)}"
        )
    unknown = ~np.isin(labels, classes)
    if unknown.any():
        raise ValueError(f"y: {labels[unknown][0]!r} is not allowed, expected one of the classes {classes.tolist()}")
    if label is not None or classes.size == 2:
        wanted = classes[-1] if label is None else label
        if wanted not in classes.tolist():
            raise ValueError(f"label: {label!r} is not allowed, expected one of the classes {classes.tolist()}")
        return (labels == wanted).astype(np.float64), table[:, classes.tolist().index(wanted)], f"{wanted}"
    best = table.argmax(axis=1)
    return (classes[best] == labels).astype(np.float64), table[np.arange(labels.size), best], "the predicted class"


def _check_table(name: str, model: Any, labels: npt.NDArray[Any]) -> Vector:
    """Check probabilities that a user brings."""
    try:
        table = np.asarray(model, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"models: {name!r} is a {type(model).__name__}, expected a classifier or probabilities"
        ) from None
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or len(table) != labels.size or not ((table >= 0.0) & (table <= 1.0)).all():
        raise ValueError(
            f"models: {name!r} of shape {table.shape} is not allowed, expected probabilities in [0, 1], a row for each "
            f"of {labels.size} labels"
        )
    return table
