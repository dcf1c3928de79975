"""Coefficients of a regularisation path against alpha, their L1 norm or the share of deviance explained."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparsereg.features.names import printable
from sparsereg.inputs.parameters import check_choice, check_count
from sparsereg.inputs.sklearn import check_is_fitted
from sparsereg.plot.alpha_axis import count_on_top, scale_alphas
from sparsereg.plot.axes import COLOURS, make_axes
from sparsereg.plot.margins import make_room, spread

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

# What there is to draw against, and what it is called.
X_LABELS = {
    "alpha": "alpha (strength of the penalty)",
    "norm": "L1 norm of the weights",
    "deviance": "share of deviance explained, training rows",
}
LINE_POINTS, LABEL_SIZE = 11.0, 8  # of labels of curves: their distance and the size of their font
# Labels in characters: at least, at most, and the share of the width of the axes that they may take.
SHORTEST_LABEL, LONGEST_LABEL, SHARE_OF_WIDTH, POINTS_A_CHARACTER = 8, 40, 0.52, 4.6
FEW_FITS = 12  # up to so many are marked one by one
# More points than this are an image in drawings of lines (SVG, PDF), which would take tens of megabytes.
MOST_AS_LINES = 200_000


class _Curves(NamedTuple):
    """The largest curves of a path.

    Attributes
    ----------
    numbers : ndarray of int64 of shape (n_shown,)
        Class times number of ids plus position among the ids; the largest first.
    values : ndarray of float64 of shape (n_shown, n_alphas)
    n_curves : int
        All that are not zero throughout.
    norms : ndarray of float64 of shape (n_alphas,)
        Sums of the absolute values of all coefficients.
    """

    numbers: Ids
    values: Vector
    n_curves: int
    norms: Vector


def plot_path(
    path: Any, ax: Any = None, *, x: str = "alpha", most: int = 500, names: Any = None, labels: int = 10
) -> Any:
    """Draw every coefficient that is not zero throughout against alpha, with the number of non-zeros on top.

    Parameters
    ----------
    path : RegularizationPath, or fitted estimator that has one (`path_`)
    ax : matplotlib Axes or None, default=None
        None: new axes through pyplot.
    x : {"alpha", "norm", "deviance"}, default="alpha"
        What is from left to right: alpha, on a logarithmic scale, where 0 stands a step left of the smallest other; the
        sum of the absolute values of all weights, drawn or not; or `dev_ratio`. As glmnet's "lambda", "norm", "dev".
    most : int, default=500
        Draw at most this many coefficients, those that become largest; a wide path has more than a screen has pixels.
    names : transformer, Pipeline, array-like of str, mapping or callable, default=None
        As `RegularizationPath.feature_name` takes it. With names, or those of a data frame that the path was fitted to,
        curves are labelled, and alpha falls from left to right, so that they are labelled at their right ends.
    labels : int, default=10
        How many are labelled, those that end furthest from zero; fewer where axes are not as high. 0: none. Names of
        more than 40 characters, fewer on narrow axes, are shortened in their middle.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError, TypeError
        As `RegularizationPath.feature_name`; for another `x`, for `most` below 1 and `labels` below 0, and for what is
        or has no path.

    Notes
    -----
    Time is that of a pass over the non-zeros of all fits and of the drawing of at most `most` curves. More than 200,000
    points are drawn as an image where a file is one of lines, such as SVG.
    """
    path = path_of(path)
    check_choice(x, "x", X_LABELS)
    check_count(most, "most")
    if labels != 0:
        check_count(labels, "labels")
    named = labels != 0 and (names is not None or path.feature_names is not None)
    curves = largest_curves(path, most)
    ends = _labelled(curves, labels) if named else np.empty(0, dtype=np.int64)
    texts = curve_names(path, curves.numbers[ends], names) if named else []
    ax = make_axes(ax)
    if x == "alpha":
        at = scale_alphas(ax, path.alphas)
    else:
        at = {"norm": curves.norms, "deviance": path.dev_ratio}[x]
        ax.set(xscale="linear", xlabel=X_LABELS[x])
    colours = [COLOURS[k % len(COLOURS)] for k in range(len(curves.numbers))]
    _draw(ax, at, curves, colours, ends)
    ax.xaxis.set_inverted(bool(named and x == "alpha"))
    columns = "weights" if path.n_outputs == 1 else "columns with weights"
    count_on_top(ax, at, path.df, f"{columns} that are not zero")
    make_room(ax)
    if texts:
        _label_ends(ax, texts, float(at[-1]), curves.values[ends, -1], [colours[k] for k in ends])
        make_room(ax)
    return ax


def path_of(thing: Any) -> Any:
    """Return the path that something is or has.

    Parameters
    ----------
    thing : RegularizationPath, or fitted estimator that has one

    Returns
    -------
    path : RegularizationPath

    Raises
    ------
    TypeError
        For anything else.
    NotFittedError
        For a cross-validated estimator that is not fitted.
    """
    if hasattr(thing, "cv") and hasattr(thing, "fit"):
        check_is_fitted(thing)
    path = getattr(thing, "path_", thing)
    if not hasattr(path, "sparse_coef"):
        raise TypeError(
            f"path: {type(thing).__name__} is not allowed, expected a RegularizationPath, or an estimator that has one "
            "(path_)"
        )
    return path


def largest_curves(path: Any, most: int) -> _Curves:
    """Find the coefficients that become largest in one pass over those of all fits, and take their values in another.

    A curve for each column, beyond two classes for each class and column.
    """
    values, n_outputs = path.sparse_coef.values, path.n_outputs
    n_ids, n_alphas = values.shape[0], path.alphas.size
    parts = [slice(*ends) for ends in zip(values.indptr[:-1], values.indptr[1:])]
    peaks, norms = np.zeros((n_outputs, n_ids)), np.zeros(n_alphas)
    for column, part in enumerate(parts):
        rows, sizes, of_class = values.indices[part], np.abs(values.data[part]), peaks[column % n_outputs]
        of_class[rows] = np.maximum(of_class[rows], sizes)
        norms[column // n_outputs] += sizes.sum()
    peaks = peaks.ravel()
    candidates = np.flatnonzero(peaks)
    n_curves = candidates.size
    if n_curves > most:
        candidates = np.flatnonzero(peaks >= np.partition(peaks, -most)[-most])
    numbers = candidates[np.argsort(-peaks[candidates], kind="stable")][:most]
    line_of = np.full(peaks.size, -1, dtype=np.int32)
    line_of[numbers] = np.arange(numbers.size, dtype=np.int32)
    drawn = np.zeros((numbers.size, n_alphas))
    for column, part in enumerate(parts):
        start = column % n_outputs * n_ids
        lines = line_of[start : start + n_ids][values.indices[part]]
        found = np.flatnonzero(lines >= 0)
        drawn[lines[found], column // n_outputs] = values.data[part][found]
    return _Curves(numbers, drawn, n_curves, norms)


def _draw(ax: Any, x: Vector, curves: _Curves, colours: list[str], thick: Ids) -> None:
    """Draw curves as one artist, and a line at zero."""
    from matplotlib.collections import LineCollection

    lines = np.stack([np.broadcast_to(x, curves.values.shape), curves.values], axis=2)
    widths = np.where(np.isin(np.arange(len(lines)), thick), 1.8, 0.8)
    as_image = curves.values.size > MOST_AS_LINES
    low, high = curves.values.min(initial=0.0), curves.values.max(initial=0.0)
    drawn = LineCollection(lines, colors=colours, linewidths=widths, alpha=0.7, rasterized=as_image)
    # The limits of many curves are known sooner here than curve by curve.
    ax.add_collection(drawn, autolim=False)
    ax.update_datalim([(end, value) for end in (x.min(), x.max()) for value in (low, high)])
    if x.size <= FEW_FITS:
        line, fit = np.nonzero(curves.values)
        ax.scatter(x[fit], curves.values[line, fit], s=10, c=[colours[k] for k in line], alpha=0.7)
    ax.plot(x, np.zeros(x.size), color="0.3", linewidth=0.8)
    n_shown = len(curves.numbers)
    of_all = f"\n(largest {n_shown:,} of {curves.n_curves:,})" if n_shown < curves.n_curves else ""
    ax.set_ylabel("weight" + of_all)
    ax.autoscale_view()


def _labelled(curves: _Curves, labels: int) -> Ids:
    """Choose the curves that end furthest from zero."""
    ends = curves.values[:, -1]
    largest = np.argsort(-np.abs(ends), kind="stable")[:labels]
    return largest[ends[largest] != 0.0]


def curve_names(path: Any, curves: Ids, names: Any) -> list[str]:
    """Name curves by their columns, and beyond two classes by their classes too."""
    ids = path.sparse_coef.ids
    texts = path.feature_name(ids[curves % max(ids.size, 1)], names).tolist()
    if path.n_outputs > 1:
        classes = np.arange(path.n_outputs) if path.classes is None else path.classes
        texts = [f"{text} ({classes[k]})" for text, k in zip(texts, curves // max(ids.size, 1))]
    return [printable(text) for text in texts]


def _shortened(text: str, length: int) -> str:
    """Leave the middle of a text out: names of one kind differ at their ends."""
    if len(text) <= length:
        return text
    tail = (length - 3) // 2
    return f"{text[: length - 3 - tail]}...{text[len(text) - tail :]}"


def _label_ends(ax: Any, texts: list[str], x: float, ends: Vector, colours: list[str]) -> None:
    """Write the names of curves beside their ends, each on a line of its own and as near to its end as that leaves."""
    width, height = (side / ax.figure.dpi * 72.0 for side in (ax.bbox.width, ax.bbox.height))
    # The largest come first; where the axes are too low for all, the others are not labelled.
    n_labels = min(len(texts), max(1, int(height / LINE_POINTS)))
    length = int(np.clip(SHARE_OF_WIDTH * width / POINTS_A_CHARACTER, SHORTEST_LABEL, LONGEST_LABEL))
    order = np.argsort(ends[:n_labels], kind="stable")
    bottom, top = ax.get_ylim()
    line = LINE_POINTS / height
    sizes = np.full(n_labels, line)
    places = spread((ends[order] - bottom) / (top - bottom), sizes, -0.5 * line, 1.0 + 0.5 * line)
    for k, place in zip(order, places):
        ax.annotate(
            _shortened(texts[k], length), xy=(x, ends[k]), xytext=(1.05, place), textcoords="axes fraction",
            va="center", fontsize=LABEL_SIZE, color=colours[k], annotation_clip=False, parse_math=False,
            # From the left edge of the text, not from its middle, which a line would strike out.
            arrowprops={
                "arrowstyle": "-", "color": colours[k], "linewidth": 0.6, "shrinkA": 2.0, "shrinkB": 0.0,
                "relpos": (0.0, 0.5),
            },
        )
