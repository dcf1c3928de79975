"""Coefficients of a regularisation path against alpha."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg.inputs.parameters import check_count
from sparsereg.plot.axes import COLOURS, make_axes

Vector = npt.NDArray[np.float64]

LINE_POINTS, LONGEST_LABEL = 11.0, 40  # distance of labels of curves, and their length in characters


def plot_path(path: Any, ax: Any = None, *, most: int = 500, names: Any = None, labels: int = 10) -> Any:
    """Draw every coefficient against alpha, with the number of non-zeros on top.

    Parameters
    ----------
    path : RegularizationPath
    ax : matplotlib Axes or None, default=None
        None: new axes through pyplot.
    most : int, default=500
        Draw at most this many coefficients, those that become largest; a wide path has more than a screen has pixels.
    names : transformer, Pipeline, array-like of str, mapping or callable, default=None
        As `RegularizationPath.feature_name` takes it. With names, or those of a data frame that the path was fitted to,
        curves are labelled, and alpha falls from left to right, so that they are labelled at their right ends.
    labels : int, default=10
        How many are labelled, those that end furthest from zero; 0: none.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError, TypeError
        As `RegularizationPath.feature_name`, and for a number of labels that is not at least 0.
    """
    if labels != 0:
        check_count(labels, "labels")
    ax = make_axes(ax)
    from matplotlib.collections import LineCollection

    values = path.sparse_coef.values
    # A curve for each column, beyond two classes for each column and class.
    by_curve = sparse.vstack([values[:, k :: path.n_outputs] for k in range(path.n_outputs)], format="csr")
    by_size = np.argsort(-abs(by_curve).max(axis=1).toarray().ravel(), kind="stable")
    shown = by_size[:most]
    curves = by_curve[shown].toarray()
    lines = np.stack([np.broadcast_to(path.alphas, curves.shape), curves], axis=2)
    colours = [COLOURS[k % len(COLOURS)] for k in range(len(shown))]
    drawn = ax.add_collection(LineCollection(list(lines), colors=colours, linewidths=0.8, alpha=0.7))
    ax.plot(path.alphas, np.zeros(path.alphas.size), color="0.3", linewidth=0.8)
    of_all = f" (largest {len(shown):,} of {len(by_size):,})" if len(shown) < len(by_size) else ""
    ax.set(xscale="log", xlabel="alpha (strength of the penalty)", ylabel="weight" + of_all)
    ax.autoscale_view()
    _count_on_top(path, ax)
    if labels and (names is not None or path.feature_names is not None):
        # The axis is logarithmic, and knows no alpha of 0; curves that end at zero have no end to be told by.
        last = np.flatnonzero(path.alphas > 0.0)[-1:]
        ends = curves[:, last].ravel()
        largest = np.argsort(-np.abs(ends), kind="stable")[:labels]
        largest = largest[ends[largest] != 0.0]
        texts = _curve_names(path, shown[largest], names)
        drawn.set_linewidths(np.where(np.isin(np.arange(len(shown)), largest), 1.8, 0.8))
        ax.invert_xaxis()
        _label_ends(ax, texts, path.alphas[last], ends[largest], [colours[k] for k in largest])
    return ax


def _count_on_top(path: Any, ax: Any) -> None:
    """Label a few alphas with the number of non-zero weights there."""
    ticks = np.linspace(0, path.alphas.size - 1, min(5, path.alphas.size)).astype(int)
    top = ax.secondary_xaxis("top")
    top.set_xticks(path.alphas[ticks], [f"{n:,}" for n in path.df[ticks]])
    top.set_xticks([], minor=True)
    top.set_xlabel("weights that are not zero")


def _curve_names(path: Any, curves: npt.NDArray[np.int64], names: Any) -> list[str]:
    """Name curves by their columns, and beyond two classes by their classes too."""
    ids = path.sparse_coef.ids
    texts = path.feature_name(ids[curves % max(ids.size, 1)], names).tolist()
    if path.n_outputs > 1:
        classes = np.arange(path.n_outputs) if path.classes is None else path.classes
        texts = [f"{text} ({classes[k]})" for text, k in zip(texts, curves // max(ids.size, 1))]
    cut = LONGEST_LABEL - 3
    return [text if len(text) <= LONGEST_LABEL else f"{text[:cut]}..." for text in texts]


def _label_ends(ax: Any, texts: list[str], x: Vector, ends: Vector, colours: list[str]) -> None:
    """Write the names of curves beside their ends, each on a line of its own and as near to its end as that leaves."""
    if not texts:
        return
    from scipy.optimize import isotonic_regression

    order = np.argsort(ends, kind="stable")
    bottom, top = ax.get_ylim()
    height = ax.get_window_extent().height / ax.figure.dpi * 72.0
    line = min(LINE_POINTS / height, 1.0 / max(len(texts) - 1, 1))
    # Least squares under "at least a line apart": positions less those of lines packed tightly must not fall.
    packed = line * np.arange(len(texts))
    free = isotonic_regression((ends[order] - bottom) / (top - bottom) - packed).x
    places = np.clip(free, 0.0, 1.0 - packed[-1]) + packed
    for k, place in zip(order, places):
        ax.annotate(
            texts[k], xy=(x[0], ends[k]), xytext=(1.05, place), textcoords="axes fraction", va="center", fontsize=8,
            color=colours[k], annotation_clip=False,
            # From the left edge of the text, not from its middle, which a line would strike out.
            arrowprops={
                "arrowstyle": "-", "color": colours[k], "linewidth": 0.6, "shrinkA": 2.0, "shrinkB": 0.0,
                "relpos": (0.0, 0.5),
            },
        )
