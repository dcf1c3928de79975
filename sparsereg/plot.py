"""Plots of paths, weights and learning curves. matplotlib is imported when something is drawn, not before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg.coef import SparseCoef
from sparsereg.inputs.parameters import check_count

__all__ = ["COLOURS", "import_figure", "plot_contours", "plot_history", "plot_path", "plot_weights"]

Vector = npt.NDArray[np.float64]

# Okabe and Ito (2008): told apart with every common form of colour blindness.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
N_GRID = 201  # points along each axis of a contour plot
LINE_POINTS, LONGEST_LABEL = 11.0, 40  # distance of labels of curves, and their length in characters


def import_figure() -> Any:
    """Return the class `matplotlib.figure.Figure`.

    Raises
    ------
    ImportError
        Without matplotlib, naming the extra.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("plots need matplotlib: pip install 'sparsereg[plot]'") from None
    return Figure


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
    ax = _axes(ax)
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
    """
    ax = _axes(ax)
    found = {label: _nonzeros(w) for label, w in weights.items()}
    widest = max((np.abs(values).max(initial=0.0) for values, _ in found.values()), default=0.0) or 1.0
    edges = np.linspace(-widest, widest, bins + 1)
    for colour, (label, (values, n_features)) in zip(COLOURS, found.items()):
        n_zero = (n_features if n_active is None else n_active) - values.size
        counts, _ = np.histogram(values, edges)
        text = f"{label}: {values.size:,} weights, {n_zero:,} exactly zero"
        ax.stairs(counts, edges, color=colour, linewidth=1.6, label=text)
        if n_zero > 0:
            ax.vlines(0.0, 0.5, n_zero, color=colour, linewidth=3.5)
            ax.plot([0.0], [n_zero], marker="o", color=colour)
    ax.set(yscale="log", xlabel="weight", ylabel="columns")
    ax.set_ylim(bottom=0.5)
    ax.legend()
    return ax


def plot_contours(path: Any, X: Any, y: npt.ArrayLike, ax: Any = None, *, alpha: float) -> Any:
    """Draw, for two columns, the contours of the loss, the path and the ball of the penalty that the fit touches.

    Parameters
    ----------
    path : RegularizationPath
        Fitted with intercept, without weights, on `X` and `y`.
    X : matrix of shape (n_samples, 2)
    y : array-like of shape (n_samples,)
    ax : matplotlib Axes or None, default=None
        None: new axes through pyplot.
    alpha : float
        One of `path.alphas`: where the ball is drawn.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        For any other number of columns.
    """
    dense = X.toarray() if sparse.issparse(X) else np.asarray(X, dtype=np.float64)
    if dense.ndim != 2 or dense.shape[1] != 2:
        raise ValueError(f"X must have two columns to draw contours over, got shape {dense.shape}")
    ax = _axes(ax)
    centred, target = dense - dense.mean(axis=0), np.asarray(y, dtype=np.float64)
    target = target - target.mean()
    free = np.linalg.lstsq(centred, target, rcond=None)[0]
    fitted = path.at(alpha)[0].to_csr().toarray().ravel()
    w0, w1 = _grid_around(free, fitted)
    residual = target - np.stack([w0, w1], axis=-1) @ centred.T
    touched = _ball(path.l1_ratio, *fitted)
    ax.contour(w0, w1, 0.5 * np.mean(residual**2, axis=-1), levels=12, colors="0.6", linewidths=0.9)
    if touched > 0.0:
        ax.contour(w0, w1, _ball(path.l1_ratio, w0, w1), levels=[touched], colors=COLOURS[0], linewidths=2.0)
    ax.plot(*path.coefs.toarray(), color=COLOURS[1], linewidth=2.0, label="path")
    ax.plot(*free, "k+", markersize=10, label="no penalty")
    ax.plot(*fitted, "o", color=COLOURS[0], label=f"alpha = {alpha:.3g}")
    ax.axhline(0.0, color="0.3", linewidth=0.8)
    ax.axvline(0.0, color="0.3", linewidth=0.8)
    ax.set(xlabel="weight of column 0", ylabel="weight of column 1", aspect="equal")
    ax.legend()
    return ax


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
    ax = _axes(ax)
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


def _axes(ax: Any) -> Any:
    """Return `ax`, or new axes."""
    import_figure()
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


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


def _nonzeros(w: Any) -> tuple[Vector, int]:
    """Return the non-zero values of one coefficient vector and its width."""
    if isinstance(w, SparseCoef):
        w = w.to_csr()
    if sparse.issparse(w):
        return w.data[w.data != 0.0], int(np.prod(w.shape, dtype=np.int64))
    w = np.asarray(w, dtype=np.float64).ravel()
    return w[w != 0.0], w.size


def _grid_around(free: Vector, fitted: Vector) -> tuple[Vector, Vector]:
    """Return a square grid that shows the origin, the unpenalised fit and as much again around them."""
    limit = 1.4 * max(np.abs(free).max(), np.abs(fitted).max()) or 1.0
    axis = np.linspace(-limit, limit, N_GRID)
    w0, w1 = np.meshgrid(axis, axis)
    return w0, w1


def _ball(l1_ratio: float, w0: Any, w1: Any) -> Any:
    """Penalty of two coefficients at alpha = 1."""
    return l1_ratio * (np.abs(w0) + np.abs(w1)) + 0.5 * (1.0 - l1_ratio) * (w0**2 + w1**2)
