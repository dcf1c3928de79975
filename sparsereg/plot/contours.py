"""Squared loss of two weights, and the ball of the penalty that its contour through a fit touches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import PENALTIES
from sparsereg.inputs.parameters import check_choice
from sparsereg.plot.axes import COLOURS, import_figure, make_axes
from sparsereg.plot.margins import legend_below, make_room

Vector = npt.NDArray[np.float64]

N_GRID = 301  # points along each axis
N_LEVELS = 14
MARGIN = 0.12  # around what is shown, as a share of it
VIEWS = ("contours", "loss", "objective")
# Fits closer to the optimum than this, relative, have no contour of their own.
SAME = 1e-9


class Geometry(NamedTuple):
    """Squared loss of two weights as a quadratic function, with the intercept at its best.

    Attributes
    ----------
    hessian : ndarray of float64 of shape (2, 2)
    free : ndarray of float64 of shape (2,)
        The weights of least loss, of several the shortest.
    least : float
        The loss there.
    """

    hessian: Vector
    free: Vector
    least: float

    def loss(self, w0: Any, w1: Any) -> Any:
        """Return the mean of half the squared residuals."""
        u, v = w0 - self.free[0], w1 - self.free[1]
        (a, b), (_, c) = self.hessian
        return self.least + 0.5 * (a * u * u + 2.0 * b * u * v + c * v * v)


def plot_contours(
    path: Any, X: Any, y: npt.ArrayLike, ax: Any = None, *, alpha: float, view: str = "contours", reach: Any = None
) -> Any:
    """Draw, for two columns, the loss, the path and the ball of the penalty that the fit touches.

    Parameters
    ----------
    path : RegularizationPath
        Of squared loss and the elastic-net penalty (L1 and L2 are its ends), with intercept, without weights, bounds
        and penalty factors, fitted on `X` and `y`.
    X : matrix of shape (n_samples, 2)
    y : array-like of shape (n_samples,)
    ax : matplotlib Axes or None, default=None
        None: new axes through pyplot.
    alpha : float
        One of `path.alphas`, or between two of them: where the ball is drawn.
    view : {"contours", "loss", "objective"}, default="contours"
        "contours": contours of the loss around its minimum, that through the fit drawn thick, and the ball. "loss" and
        "objective": the loss, or the loss with alpha times the penalty, as a landscape, dark where it is low; with L1
        that has its creases along the axes, where weights are exactly zero.
    reach : pair of pairs of float or None, default=None
        Ends of both axes, ((left, right), (bottom, top)); None: the origin, the ball and the minimum of the loss.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        For any other number of columns, another loss or penalty, or another view.

    See Also
    --------
    plot_geometry : several penalties side by side
    """
    check_choice(view, "view", VIEWS)
    picture = _Picture.of(path, *_check_columns(path, X, y), alpha)
    ax = make_axes(ax)
    handles = picture.draw(ax, view, picture.reach() if reach is None else np.asarray(reach, dtype=np.float64))
    legend_below(ax, [handles])
    make_room(ax)
    return ax


def plot_geometry(
    paths: Mapping[str, Any], X: Any, y: npt.ArrayLike, axes: Any = None, *, alphas: Mapping[str, float]
) -> Any:
    """Draw penalties side by side: above their balls and the contours that touch them, below their landscapes.

    Parameters
    ----------
    paths : mapping from name to RegularizationPath
        As `plot_contours` takes them, such as ``{"L1": lasso_path(X, y), "L2": ridge_path(X, y)}``.
    X : matrix of shape (n_samples, 2)
    y : array-like of shape (n_samples,)
    axes : array of matplotlib Axes of shape (2, len(paths) + 1) or None, default=None
        None: a new figure through pyplot.
    alphas : mapping from name to float
        For each path the alpha at which the ball is drawn.

    Returns
    -------
    axes : ndarray of matplotlib Axes of shape (2, len(paths) + 1)
        All show the same part of the plane: below in the first column the landscape of the loss alone, and above it
        what the signs mean; then a column for each path.

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        As `plot_contours`; for a path without its alpha, no path at all, and axes of another shape.
    """
    if not paths or {*paths} != {*alphas}:
        raise ValueError(f"alphas: those of {[*alphas]} are not allowed, expected one for each path of {[*paths]}")
    pictures = {name: _Picture.of(path, *_check_columns(path, X, y), alphas[name]) for name, path in paths.items()}
    axes = _grid_of_axes(axes, len(paths) + 1)
    reaches = np.stack([picture.reach() for picture in pictures.values()])
    reach = np.stack([reaches[:, :, 0].min(axis=0), reaches[:, :, 1].max(axis=0)], axis=1)
    handles: list[Any] = []
    for k, (name, picture) in enumerate(pictures.items(), start=1):
        handles = picture.draw(axes[0, k], "contours", reach)
        picture.draw(axes[1, k], "objective", reach)
        axes[0, k].set_title(name)
        axes[1, k].set_title(f"loss + alpha \N{MULTIPLICATION SIGN} {name}")
        axes[0, k].set(xlabel="", ylabel="" if k > 1 else axes[0, k].get_ylabel())
        axes[1, k].set(ylabel="")
    # Paths and fits differ, and the loss is that of all.
    picture.draw(axes[1, 0], "loss", reach, with_path=False)
    axes[1, 0].set_title("loss alone")
    axes[0, 0].axis("off")
    # The alphas, which differ, are not part of what the signs mean.
    texts = [str(handle.get_label()).partition(" at alpha")[0] for handle in handles]
    axes[0, 0].legend(handles, texts, loc="center", frameon=False)
    return axes


class _Picture(NamedTuple):
    """A path of two weights, its loss, and one of its fits."""

    path: Any
    geometry: Geometry
    alpha: float
    fitted: Vector
    scale: Vector

    @classmethod
    def of(cls, path: Any, dense: Vector, target: Vector, alpha: float) -> _Picture:
        fitted = path.at(alpha)[0].to_csr().toarray().ravel()
        return cls(path, _geometry(dense, target), alpha, fitted, dense.std(axis=0) if path.standardize else np.ones(2))

    def penalty(self, w0: Any, w1: Any) -> Any:
        """Penalty at alpha = 1."""
        return _ball(self.path.l1_ratio, self.scale[0] * w0, self.scale[1] * w1)

    def reach(self) -> Vector:
        """Return the ends of both axes, so that the origin, the ball and the minimum of the loss are shown."""
        touched, ratio = self.penalty(*self.fitted), self.path.l1_ratio
        # Where the ball cuts the axes: a r + (1 - a) / 2 r^2 is what it is at the fit.
        radius = 2.0 * touched / (ratio + np.sqrt(ratio**2 + 2.0 * (1.0 - ratio) * touched)) if touched else 0.0
        ball = radius / np.where(self.scale > 0.0, self.scale, 1.0)
        low, high = np.minimum(-ball, self.geometry.free), np.maximum(ball, self.geometry.free)
        middle, half = 0.5 * (low + high), (0.5 + MARGIN) * float((high - low).max() or 1.0)
        return np.stack([middle - half, middle + half], axis=1)

    def draw(self, ax: Any, view: str, reach: Vector, *, with_path: bool = True) -> list[Any]:
        """Draw on axes; return what a legend explains."""
        w0, w1 = np.meshgrid(*(np.linspace(low, high, N_GRID) for low, high in reach))
        loss, penalty = self.geometry.loss(w0, w1), self.penalty(w0, w1)
        ax.axhline(0.0, color="0.3", linewidth=0.8)
        ax.axvline(0.0, color="0.3", linewidth=0.8)
        if view == "contours":
            handles = self._draw_contours(ax, w0, w1, loss, penalty)
        else:
            handles = []
            _draw_landscape(ax, w0, w1, loss if view == "loss" else loss + self.alpha * penalty)
        if with_path:
            handles += ax.plot(*self.path.coefs.toarray(), color=COLOURS[1], linewidth=2.0, label="path")
        style = {"linestyle": "", "markersize": 9.0, "markeredgecolor": "white", "zorder": 4.0}
        handles += ax.plot(*self.geometry.free, marker="X", color="0.1", label="least loss, without penalty", **style)
        text = f"fit at alpha = {self.alpha:.3g}"
        if with_path:
            handles += ax.plot(*self.fitted, marker="o", color=COLOURS[0], label=text, **style)
        names = self.path.feature_names
        names = ("column 0", "column 1") if names is None else names
        ax.set(xlabel=f"weight of {names[0]}", ylabel=f"weight of {names[1]}", aspect="equal")
        ax.set(xlim=reach[0], ylim=reach[1])
        return handles

    def _draw_contours(self, ax: Any, w0: Vector, w1: Vector, loss: Vector, penalty: Vector) -> list[Any]:
        from matplotlib.lines import Line2D

        at_fit, touched, least = self.geometry.loss(*self.fitted), self.penalty(*self.fitted), self.geometry.least
        ax.contour(w0, w1, loss, levels=_levels(least, float(loss.max())), colors="0.75", linewidths=0.9)
        handles = []
        if at_fit > least * (1.0 + SAME):
            ax.contour(w0, w1, loss, levels=[at_fit], colors=COLOURS[2], linewidths=2.0)
            handles.append(Line2D([], [], color=COLOURS[2], linewidth=2.0, label="equal loss, through the fit"))
        if touched > 0.0:
            ax.contour(w0, w1, penalty, levels=[touched], colors=COLOURS[0], linewidths=2.0)
            handles.append(Line2D([], [], color=COLOURS[0], linewidth=2.0, label="equal penalty"))
        return handles


def _draw_landscape(ax: Any, w0: Vector, w1: Vector, height: Vector) -> None:
    levels = _levels(float(height.min()), float(height.max()))
    ax.contourf(w0, w1, height, levels=levels, cmap="cividis", extend="both")
    ax.contour(w0, w1, height, levels=levels, colors="white", linewidths=0.4)


def _levels(low: float, high: float) -> Vector:
    """Return levels whose contours are about evenly apart around a minimum: a quadratic function's root is even."""
    return low + (high - low) * np.linspace(0.0, 1.0, N_LEVELS + 1)[1:] ** 2


def _check_columns(path: Any, X: Any, y: npt.ArrayLike) -> tuple[Vector, Vector]:
    """Return the two columns and the target, refusing what the picture would be wrong for."""
    dense = X.toarray() if sparse.issparse(X) else np.asarray(X, dtype=np.float64)
    if dense.ndim != 2 or dense.shape[1] != 2:
        raise ValueError(f"X must have two columns to draw contours over, got shape {dense.shape}")
    target = np.asarray(y, dtype=np.float64)
    if target.shape != dense.shape[:1]:
        raise ValueError(f"y: shape {target.shape} is not allowed, expected {dense.shape[:1]}")
    quadratic = LOSSES[path.loss].is_quadratic and LOSSES[path.loss].location
    if not quadratic or not PENALTIES[path.penalty].is_convex or path.n_features != 2 or path.relaxed:
        raise ValueError(
            f"path: one of {path.loss} loss, penalty {path.penalty!r}, {path.n_features} columns"
            f"{', relaxed,' if path.relaxed else ''} is not allowed, expected squared loss, 'elastic_net' and 2 columns"
        )
    return dense, target


def _geometry(dense: Vector, target: Vector) -> Geometry:
    centred, target = dense - dense.mean(axis=0), target - target.mean()
    free = np.linalg.lstsq(centred, target, rcond=None)[0]
    hessian = centred.T @ centred / len(target)
    return Geometry(hessian, free, float(0.5 * np.mean((target - centred @ free) ** 2)))


def _grid_of_axes(axes: Any, n_columns: int) -> npt.NDArray[np.object_]:
    """Return axes in two rows, those given or new ones."""
    if axes is None:
        import_figure()
        import matplotlib.pyplot as plt

        size = (3.1 * n_columns, 6.4)
        return plt.subplots(2, n_columns, figsize=size, layout="constrained", squeeze=False)[1]
    axes = np.asarray(axes, dtype=object)
    if axes.shape != (2, n_columns):
        raise ValueError(f"axes: shape {axes.shape} is not allowed, expected {(2, n_columns)}")
    return axes


def _ball(l1_ratio: float, w0: Any, w1: Any) -> Any:
    """Penalty of two coefficients at alpha = 1."""
    return l1_ratio * (np.abs(w0) + np.abs(w1)) + 0.5 * (1.0 - l1_ratio) * (w0**2 + w1**2)
