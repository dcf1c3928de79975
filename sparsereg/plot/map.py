"""Maps of models over cells of latitude and longitude: their weights, or what they predict, as one raster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from sparsereg._core.losses import LOSSES
from sparsereg.coef import SparseCoef
from sparsereg.features.names import find_cells
from sparsereg.inputs.parameters import build, check_choice
from sparsereg.inputs.sklearn import check_is_fitted
from sparsereg.plot.axes import make_axes
from sparsereg.plot.margins import make_room

Vector = npt.NDArray[np.float64]
Cells = npt.NDArray[np.void]

# Pixels of a raster are at least as large as those that show it, or single cells would fall between these. A little
# larger: the numbers at the colour bar, which come last, may take some of the room.
ROOM = 0.95
# Around the cells, as a share of the longer side; and the least that the shorter side is of the longer.
MARGIN, LEAST_SHAPE = 0.03, 0.3
BLANK = "0.9"  # white is the middle of the colours of weights
# Widths and edges of cells are good to so many degrees.
SAME = 1e-7
# Colours reach from one of these shares of the values to the other: outliers would leave the rest one colour.
LOW, HIGH = 1.0, 99.0


class Grid(NamedTuple):
    """Pixels of a raster, or the finest cells: how many, from which corner, of which size in degrees.

    Attributes
    ----------
    south, west, height, width : float
    n_lat, n_lon : int
    """

    south: float
    west: float
    height: float
    width: float
    n_lat: int
    n_lon: int


def plot_map(
    model: Any, names: Any = None, ax: Any = None, *, alpha: float | None = None, what: str = "predictions",
    level: float | None = None, label: Any = None, transform: Callable[[Vector], Vector] | None = None,
    quantity: str | None = None,
) -> Any:
    """Draw the weights of cells, or what a model predicts in them, as a raster over latitude and longitude.

    Parameters
    ----------
    model : fitted estimator, RegularizationPath, TableModel or Pipeline
    names : LatLongCross, ColumnTransformer, Pipeline or None, default=None
        What made the columns of `model`, with a `LatLongCross` in it. None: the model itself knows, as a TableModel or
        a Pipeline does.
    ax : matplotlib Axes or None, default=None
        None: new axes through pyplot. A colour bar is put beside them.
    alpha : float or None, default=None
        Of a path: one of its alphas, or between two of them.
    what : {"predictions", "weights"}, default="predictions"
        "predictions": intercept and weights of all cells, bands and sectors around a point, as a mean of the response
        (a probability, a count) where the model has no other columns, and else their sum on the scale of the linear
        predictor, without the intercept. "weights": those of the cells of one level alone.
    level : float or None, default=None
        Width in arc-minutes of the cells that are drawn: the weights of those, or predictions as if finer ones had
        none. None: the finest that has a weight.
    label : object or None, default=None
        Class to draw; beyond two of them one is needed.
    transform : callable or None, default=None
        Applied to predictions, an ndarray of float64, before they are drawn, such as `numpy.exp` for those of a
        logarithm.
    quantity : str or None, default=None
        What stands at the colour bar; None: what is drawn.

    Returns
    -------
    ax : matplotlib Axes
        With one image, `ax.images[-1]`. Where no cell has a weight it is blank. Cells on both sides of the date line
        are drawn side by side.

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        Where nothing knows of cells, or none has a weight; for a path without `alpha`, a level that no cell has, an
        unknown class or another word; where `transform` does not give a finite number for each.
    TypeError
        For what is no model.

    Notes
    -----
    Cost follows the non-zeros and the pixels, which are cells of the finest level, or so many of them that no more
    pixels are made than are shown at the resolution of the figure. Where the cells of a level are smaller than a pixel
    it shows the mean of those in it that are not zero; bands and sectors narrower than a pixel count with their mean.
    Colours reach from the 1st to the 99th percentile, those of weights as far on both sides of 0; where the colour bar
    has arrows there are values beyond.
    """
    check_choice(what, "what", ("predictions", "weights"))
    fit, names = _unwrap(model, names)
    coef, intercepts, loss, labels = _coefficients(fit, alpha)
    output = _find_class(labels, coef.n_columns, label)
    cells, knows_all = _cells_of(coef, names)
    dense, is_cell = coef.values.toarray(), _are_cells(cells)
    # Probabilities of one of several classes depend on the weights of all.
    used = is_cell & (dense if what == "predictions" else dense[:, [output]]).any(axis=1)
    sizes = _sizes(cells, used, level)
    used &= sizes <= 0.0 if what == "predictions" else sizes == 0.0
    if not used.any():
        raise ValueError("model: no cell of latitude and longitude has a weight, expected some to draw")
    cells = _across_the_date_line(cells, used)
    finest = _lay_grid(cells[used])
    is_signed = what == "weights" or not knows_all
    ax = make_axes(ax)
    image, bar = _empty_map(ax, finest, is_signed)
    grid = _coarsened(finest, ax)
    sums, shown = _paint(grid, cells[used], dense[used][:, [output]])
    if what == "weights":
        values, title = sums[..., 0], "weight"
    else:
        kept = used | ~(is_cell | np.isnan(cells["south"]))
        values, title = _predict(grid, cells[kept], dense[kept], intercepts, loss, output, knows_all)
        values = _transformed(values, transform)
    _fill(ax, image, bar, grid, np.where(shown, values, np.nan), is_signed, quantity or _titled(title, labels, output))
    return ax


def _unwrap(model: Any, names: Any) -> tuple[Any, Any]:
    """Return the model inside what carries what made its columns, and that."""
    if hasattr(model, "features") and hasattr(model, "model"):
        return model.model, model if names is None else names
    if hasattr(model, "steps"):
        return model.steps[-1][1], model if names is None else names
    if names is None:
        raise ValueError("names: None is not allowed for a model that does not know what made its columns")
    return model, names


def _coefficients(fit: Any, alpha: Any) -> tuple[SparseCoef, Vector, Any, Any]:
    """Return coefficients and intercepts of a fit, its loss, and its classes if it has several outputs."""
    if hasattr(fit, "sparse_coef"):
        if alpha is None:
            raise ValueError("alpha: None is not allowed for a path, expected one of its alphas")
        coef, intercept = fit.at(alpha)
        return coef, np.atleast_1d(intercept), build(LOSSES[fit.loss], delta=fit.delta), fit.classes
    if not hasattr(fit, "_effective"):
        raise TypeError(f"model: {type(fit).__name__} is not allowed, expected a fitted model of sparsereg")
    if alpha is not None:
        raise ValueError(f"alpha: {alpha!r} is not allowed with {type(fit).__name__}; only a path needs one")
    check_is_fitted(fit)
    return *fit._effective(), fit._make_loss(), getattr(fit, "classes_", None)


def _find_class(labels: Any, n_outputs: int, label: Any) -> int:
    """Return the output that stands for a class; that of two classes is the second."""
    if n_outputs == 1:
        if label is not None and (labels is None or label != labels[-1]):
            allowed = "None" if labels is None else f"None or {labels[-1]!r}"
            raise ValueError(f"label: {label!r} is not allowed, expected {allowed}")
        return 0
    classes = list(range(n_outputs)) if labels is None else list(labels)
    if label not in classes:
        raise ValueError(f"label: {label!r} is not allowed, expected one of the classes {classes}")
    return classes.index(label)


def _cells_of(coef: SparseCoef, names: Any) -> tuple[Cells, bool]:
    """Return the rectangle of every column with a weight, and whether each has one."""
    cells = find_cells(names, coef.ids, coef.n_features)
    if cells is None:
        raise ValueError(f"names: {type(names).__name__} has no LatLongCross in it, expected one that made the cells")
    known = ~np.isnan(cells["south"])
    # What is no cell must not be painted, and covers nothing.
    for side in cells.dtype.names:
        cells[side][~known] = np.nan
    return cells, bool(known.all())


def _are_cells(cells: Cells) -> npt.NDArray[np.bool_]:
    """Say which rectangles are cells, and not bands or sectors that go all around, or nothing."""
    return (cells["east"] - cells["west"] < 360.0 - SAME) & (cells["north"] - cells["south"] < 180.0 - SAME)


def _sizes(cells: Cells, used: npt.NDArray[np.bool_], level: float | None) -> npt.NDArray[np.int8]:
    """Say which cells are smaller (1), as large as (0) or larger (-1) than those of a level, or of the finest."""
    minutes = np.round((cells["north"] - cells["south"]) * 60.0 / SAME) * SAME
    there = np.unique(minutes[used])
    if level is None:
        level = there[0] if there.size else 0.0
    elif not np.any(np.abs(there - level) <= 60.0 * SAME):
        listed = ", ".join(f"{width:g}" for width in there)
        raise ValueError(f"level: {level!r} is not allowed, expected one with weights: {listed or 'there is none'}")
    larger = np.nan_to_num(minutes - level)
    return np.where(np.abs(larger) <= 60.0 * SAME, 0, -np.sign(larger)).astype(np.int8)


def _across_the_date_line(cells: Cells, used: npt.NDArray[np.bool_]) -> Cells:
    """Move what lies west of Greenwich behind the date line, where cells there are neighbours and none is between."""
    west, east = cells["west"][used], cells["east"][used]
    behind = np.where(west < 0.0, 360.0, 0.0)
    if np.ptp([west.min(), east.max()]) <= 180.0 or (east + behind).max() - (west + behind).min() > 180.0:
        return cells
    cells = cells.copy()
    band = cells["east"] - cells["west"] >= 360.0 - SAME
    moved = (cells["west"] < 0.0) & ~band
    cells["west"][moved] += 360.0
    cells["east"][moved] += 360.0
    # Bands go all around; they are cut to the grid where they are painted.
    cells["west"][band], cells["east"][band] = -180.0, 540.0
    return cells


def _lay_grid(cells: Cells) -> Grid:
    """Lay a grid of the size of the smallest cells over all."""
    height, width = (cells["north"] - cells["south"]).min(), (cells["east"] - cells["west"]).min()
    south, west = cells["south"].min(), cells["west"].min()
    n_lat = round(float((cells["north"].max() - south) / height))
    n_lon = round(float((cells["east"].max() - west) / width))
    return Grid(south, west, height, width, n_lat, n_lon)


def _coarsened(grid: Grid, ax: Any) -> Grid:
    """Put a whole number of cells into a pixel, where axes would show fewer pixels than there are cells."""
    box = ax.get_window_extent()
    shares = (np.ptp(ax.get_ylim()) / (grid.height * box.height), np.ptp(ax.get_xlim()) / (grid.width * box.width))
    stride = max(1, int(np.ceil(max(shares) / ROOM)))
    return Grid(
        grid.south, grid.west, stride * grid.height, stride * grid.width, -(-grid.n_lat // stride),
        -(-grid.n_lon // stride),
    )


def _paint(grid: Grid, cells: Cells, weights: Vector) -> tuple[Vector, npt.NDArray[np.bool_]]:
    """Add up the weights of the cells that cover a pixel's middle, and the means of those that lie inside it.

    Returns
    -------
    sums : ndarray of float64 of shape (n_lat, n_lon, n_outputs)
    covered : ndarray of bool of shape (n_lat, n_lon)
    """
    n_outputs = weights.shape[1]
    sums, covered = np.zeros((grid.n_lat, grid.n_lon, n_outputs)), np.zeros((grid.n_lat, grid.n_lon), dtype=bool)
    height, width = cells["north"] - cells["south"], cells["east"] - cells["west"]
    small = (height <= grid.height + SAME) & (width <= grid.width + SAME)
    if (~small).any():
        total, n = _cover(grid, cells[~small], weights[~small])
        sums += total
        covered |= n > 0
    for minutes in np.unique(np.round(height[small] * 60.0 / SAME)):
        level = np.flatnonzero(small)[np.round(height[small] * 60.0 / SAME) == minutes]
        row, column = _pixel(grid, cells[level])
        inside = (row >= 0) & (row < grid.n_lat) & (column >= 0) & (column < grid.n_lon)
        pixel = row[inside] * grid.n_lon + column[inside]
        n = np.bincount(pixel, minlength=covered.size).reshape(covered.shape)
        for k in range(n_outputs):
            total = np.bincount(pixel, weights[level, k][inside], covered.size).reshape(covered.shape)
            sums[..., k] += total / np.maximum(n, 1)
        covered |= n > 0
    return sums, covered


def _pixel(grid: Grid, cells: Cells) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return row and column of the pixel in which the middle of each cell lies."""
    row = (0.5 * (cells["south"] + cells["north"]) - grid.south) / grid.height
    column = (0.5 * (cells["west"] + cells["east"]) - grid.west) / grid.width
    return np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)


def _cover(grid: Grid, cells: Cells, weights: Vector) -> tuple[Vector, npt.NDArray[np.int64]]:
    """Add up weights over rectangles of pixels whose centres they cover: four corners each, then running sums."""

    def first(edge: Vector, start: float, step: float, n: int) -> npt.NDArray[np.int64]:
        # The first pixel whose centre is not below the edge.
        return np.clip(np.ceil((edge - start) / step - 0.5 - SAME), 0, n).astype(np.int64)

    top, bottom = (first(cells[side], grid.south, grid.height, grid.n_lat) for side in ("north", "south"))
    left, right = (first(cells[side], grid.west, grid.width, grid.n_lon) for side in ("west", "east"))
    shape = (grid.n_lat + 1, grid.n_lon + 1)
    corners = np.concatenate([row * shape[1] + column for row, column in
                              ((bottom, left), (top, right), (bottom, right), (top, left))])
    signs = np.repeat([1.0, 1.0, -1.0, -1.0], top.size)

    def painted(values: Vector) -> Vector:
        steps = np.bincount(corners, signs * np.tile(values, 4), shape[0] * shape[1]).reshape(shape)
        return steps.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]

    sums = np.stack([painted(column) for column in weights.T], axis=2)
    return sums, np.rint(painted(np.ones(top.size))).astype(np.int64)


def _along(start: float, step: float, n: int, low: Vector, high: Vector, weights: Vector) -> Vector:
    """Average the weights of bands beside each other over n steps of a grid, of what is none as 0."""
    if low.size == 0:
        return np.zeros((n, weights.shape[1]))
    edges, order = start + step * np.arange(n + 1), np.argsort(low, kind="stable")
    low, high, weights = low[order], high[order], weights[order]
    # The integral from the south, or west, is linear between the edges of bands.
    knots = np.column_stack([low, high]).ravel()
    out = []
    for column in weights.T:
        risen = np.cumsum(column * (high - low))
        integral = np.column_stack([risen - column * (high - low), risen]).ravel()
        out.append(np.diff(np.interp(edges, knots, integral)) / step)
    return np.stack(out, axis=1)


def _sectors(grid: Grid, cells: Cells, weights: Vector) -> Vector:
    """Average the weights of sectors of longitude over the columns of a grid, which may reach behind the date line."""
    west, east = (np.concatenate([cells[side], cells[side] + 360.0]) for side in ("west", "east"))
    return _along(grid.west, grid.width, grid.n_lon, west, east, np.concatenate([weights, weights]))


def _predict(
    grid: Grid, cells: Cells, dense: Vector, intercepts: Vector, loss: Any, output: int, knows_all: bool
) -> tuple[Vector, str]:
    """Return what is predicted in every pixel, and what that is called."""
    is_band, is_cell = cells["east"] - cells["west"] >= 360.0 - SAME, _are_cells(cells)
    is_sector = ~(is_band | is_cell)
    bands = cells[is_band]
    predictor = _paint(grid, cells[is_cell], dense[is_cell])[0]
    predictor += _along(grid.south, grid.height, grid.n_lat, bands["south"], bands["north"], dense[is_band])[:, None]
    predictor += _sectors(grid, cells[is_sector], dense[is_sector])
    if not knows_all:
        return predictor[..., output], "effect of the place on the linear predictor"
    predictor = predictor + intercepts
    if predictor.shape[2] > 1:
        return special.softmax(predictor, axis=2)[..., output], "probability"
    kind = "probability" if loss.softmax else "decision value" if loss.is_classification else "predicted mean"
    return loss.mean(predictor[..., 0]), kind


def _titled(title: str, labels: Any, output: int) -> str:
    if labels is None or not title.startswith("prob"):
        return title
    return f"{title} of {labels[output if len(labels) > 2 else -1]}"


def _transformed(values: Vector, transform: Any) -> Vector:
    """Apply what a user asks for to predictions."""
    if transform is None:
        return values
    out = np.asarray(transform(values), dtype=np.float64)
    if out.shape != values.shape or not np.isfinite(out).all():
        raise ValueError(f"transform: {transform!r} is not allowed, expected what gives a finite number for each")
    return out


def _empty_map(ax: Any, grid: Grid, is_signed: bool) -> tuple[Any, Any]:
    """Lay out axes around a grid; return an image of nothing, and the axes for its colour bar."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    height, width = grid.n_lat * grid.height, grid.n_lon * grid.width
    aspect = 1.0 / np.cos(np.deg2rad(np.clip(grid.south + 0.5 * height, -80.0, 80.0)))
    image = ax.imshow(
        np.full((1, 1), np.nan), origin="lower", extent=(grid.west, grid.west + width, grid.south, grid.south + height),
        interpolation="nearest", aspect=aspect, cmap="RdBu_r" if is_signed else "viridis",
    )
    longer = max(height, width / aspect)
    up, right = (max(MARGIN * longer, 0.5 * (LEAST_SHAPE * longer - side)) for side in (height, width / aspect))
    ax.set_ylim(max(grid.south - up, -90.0), min(grid.south + height + up, 90.0))
    end = 180.0 if grid.west + width <= 180.0 + SAME else 360.0
    ax.set_xlim(max(grid.west - right * aspect, end - 360.0), min(grid.west + width + right * aspect, end))
    ax.set(xlabel="longitude (degrees east)", ylabel="latitude (degrees north)", facecolor=BLANK)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 1.5, 2, 3, 4.5, 5, 6, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _degrees(value)))
    # As high as the map, whatever the shape of that.
    bar = ax.inset_axes([1.03, 0.0, 0.04, 1.0])
    bar.set(xticks=[], ylabel="quantity")
    bar.yaxis.tick_right()
    bar.yaxis.set_label_position("right")
    make_room(ax)
    ax.apply_aspect()
    return image, bar


def _fill(ax: Any, image: Any, bar: Any, grid: Grid, values: Vector, is_signed: bool, title: str) -> None:
    """Show values in an image, and what colours they have."""
    there = values[~np.isnan(values)]
    low, high = np.percentile(there, [LOW, HIGH])
    if is_signed:
        high = np.percentile(np.abs(there), HIGH)
        low = -high
    if low == high:
        low, high = low - 0.5, high + 0.5
    image.set_data(np.ma.masked_invalid(values))
    image.set_clim(low, high)
    east, north = grid.west + grid.n_lon * grid.width, grid.south + grid.n_lat * grid.height
    image.set_extent((grid.west, east, grid.south, north))
    beyond = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    extend = beyond[bool(there.min() < low), bool(there.max() > high)]
    ax.figure.colorbar(image, cax=bar, extend=extend, label=title)
    make_room(ax)


def _degrees(longitude: float) -> str:
    """Write a longitude, which may be beyond the date line, from -180 to 180."""
    return f"{longitude - 360.0 if longitude > 180.0 else longitude:g}".replace("-", "\N{MINUS SIGN}")
