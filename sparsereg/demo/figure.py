"""The demo in a picture of four panels."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from sparsereg.demo.job import Demo, Fit
from sparsereg.plot import COLOURS, import_figure, plot_map, plot_weights

COLOUR = {"L1": COLOURS[0], "L2": COLOURS[1]}
MARKERS = {"too small": "v", "right": "o", "too large": "^"}
FONT_SIZE = 9


def draw(demo: Demo, path: str) -> None:
    """Draw the figure and save it.

    Parameters
    ----------
    demo : Demo
    path : str
        Its extension says the format.

    Raises
    ------
    ImportError
        Without matplotlib.
    OSError
        Where the file cannot be written.
    """
    figure = import_figure()(figsize=(10.0, 7.4), layout="constrained")
    from matplotlib import rc_context

    with rc_context({"font.size": FONT_SIZE, "axes.titlesize": FONT_SIZE + 1, "axes.titleweight": "bold"}):
        axes = figure.subplots(2, 2)
        _draw_scores(demo, axes[0, 0])
        _draw_counts(demo, axes[0, 1])
        _draw_weights(demo, axes[1, 0])
        _draw_map(demo, axes[1, 1])
        figure.suptitle(
            f"{demo.task.y.size:,} {demo.task.rows} on {demo.cross.n_features_out_:,} columns", fontsize=FONT_SIZE + 3
        )
        figure.savefig(path, dpi=100)


def _draw_scores(demo: Demo, ax: Any) -> None:
    from matplotlib.lines import Line2D

    for name in ("L1", "L2"):
        fit = demo.fits[name]
        ax.plot(fit.path.alphas, fit.train_r2, "--", color=COLOUR[name], linewidth=1.3)
        ax.plot(fit.path.alphas, fit.held_out_r2, "-", color=COLOUR[name], linewidth=2.0)
        _mark(fit, fit.held_out_r2, ax)
    handles = [Line2D([], [], color=COLOUR[name], linewidth=2.0, label=f"{name}, held out") for name in COLOUR]
    handles += [Line2D([], [], color=COLOUR[name], linestyle="--", label=f"{name}, training") for name in COLOUR]
    for choice, marker in MARKERS.items():
        handles.append(Line2D([], [], linestyle="", marker=marker, color="0.3", label=choice))
    ax.legend(handles=handles, loc="lower left", frameon=False)
    ax.set(xscale="log", xlabel="alpha (strength of the penalty)", ylabel="R2 (share of variance explained)")
    ax.set_title("How well each alpha predicts")
    ax.grid(alpha=0.25)


def _draw_counts(demo: Demo, ax: Any) -> None:
    for name in ("L1", "L2"):
        fit = demo.fits[name]
        shown = fit.path.df > 0
        ax.plot(fit.path.alphas[shown], fit.path.df[shown], "-", color=COLOUR[name], linewidth=2.0, label=name)
        _mark(fit, fit.path.df, ax)
    ax.legend(frameon=False, loc="lower left")
    ax.set(xscale="log", yscale="log", xlabel="alpha (strength of the penalty)", ylabel="weights that are not zero")
    ax.set_title(f"How large the model is ({demo.fits['L1'].path.n_active:,} occupied columns)")
    ax.grid(alpha=0.25)


def _draw_weights(demo: Demo, ax: Any) -> None:
    right = {name: demo.fits[name].path.sparse_coef.at(demo.fits[name].choices["right"]) for name in ("L1", "L2")}
    plot_weights(right, ax, n_active=demo.fits["L1"].path.n_active)
    ax.set_title("Weights at the right alpha; the spike is the exact zeros")
    ax.set_ylabel("columns (log scale)")


def _draw_map(demo: Demo, ax: Any) -> None:
    fit = demo.fits["L1"]
    k = fit.choices["right"]
    plot_map(
        fit.path, demo.cross, ax, alpha=float(fit.path.alphas[k]), transform=demo.task.show,
        quantity=f"fitted {demo.task.quantity}",
    )
    ax.set_title(f"L1 at its right alpha: the sum of {fit.path.df[k]:,} nested effects")


def _mark(fit: Fit, values: npt.NDArray[Any], ax: Any) -> None:
    """Mark the too small, the right and the too large alpha of a curve."""
    for choice, marker in MARKERS.items():
        k = fit.choices[choice]
        if values[k] != 0 or ax.get_yscale() == "linear":
            alpha, colour = fit.path.alphas[k], COLOUR[fit.name]
            ax.plot(alpha, values[k], marker, color=colour, markersize=8, markeredgecolor="white")
