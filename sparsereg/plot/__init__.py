"""Plots of paths, weights and learning curves. matplotlib is imported when something is drawn, not before."""

from sparsereg.plot.axes import COLOURS, import_figure
from sparsereg.plot.contours import plot_contours
from sparsereg.plot.cv import plot_cv
from sparsereg.plot.history import plot_history
from sparsereg.plot.paths import plot_path
from sparsereg.plot.scores import plot_scores
from sparsereg.plot.weights import plot_weights

__all__ = [
    "COLOURS",
    "import_figure",
    "plot_contours",
    "plot_cv",
    "plot_history",
    "plot_path",
    "plot_scores",
    "plot_weights",
]
