"""Plots of paths, weights and learning curves. matplotlib is imported when something is drawn, not before."""

from sparsereg.plot.alphas import plot_alphas
from sparsereg.plot.axes import COLOURS, import_figure
from sparsereg.plot.calibration import plot_calibration
from sparsereg.plot.contours import plot_contours, plot_geometry
from sparsereg.plot.cv import plot_cv
from sparsereg.plot.history import plot_history
from sparsereg.plot.map import plot_map
from sparsereg.plot.paths import plot_path
from sparsereg.plot.scores import plot_scores
from sparsereg.plot.weights import plot_weights

__all__ = [
    "COLOURS",
    "import_figure",
    "plot_alphas",
    "plot_calibration",
    "plot_contours",
    "plot_cv",
    "plot_geometry",
    "plot_history",
    "plot_map",
    "plot_path",
    "plot_scores",
    "plot_weights",
]
