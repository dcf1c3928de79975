"""Transformers that turn coordinates and categories into very wide, very sparse columns of ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse

from sparsereg._core.crosses import lat_long_ids
from sparsereg.features.buckets import (
    BlockedColumns,
    ColumnBlock,
    Level,
    block_of,
    check_dtype,
    index_dtype,
    layout,
    make_level,
)
from sparsereg.features.frames import table_numbers
from sparsereg.inputs.rows import shown
from sparsereg.inputs.sklearn import BaseEstimator, TransformerMixin, check_feature_names
from sparsereg.inputs.versions import Versioned


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class LatLongCross(BlockedColumns, TransformerMixin, Versioned, BaseEstimator):
    """Latitude buckets, longitude buckets and the cells that they cross to, one column each.

    With ``minutes=1`` there are 10,800 + 21,600 + 233,280,000 = 233,312,400 columns, and a row has three ones. The
    columns come in blocks: ``"lat"`` and ``"lon"`` (finest width), then one block of cells per level from coarse to
    fine. The ids of a row therefore ascend, and its finest cell comes last.

    Parameters
    ----------
    minutes : float, default 1.0
        Width of a bucket in arc-minutes, from 1e-4 to 10,800. It is read as the nearest fraction with a denominator up
        to 10**9 (0.1 as 1/10). If it does not divide 180 or 360 degrees, the last bucket is smaller.
        Not used when `levels` is given.
    levels : sequence of float, optional
        Widths in arc-minutes, strictly decreasing, like ``(60, 10, 1)``: a block of cells for each. Levels nest exactly
        when each is a whole multiple of the next.
    main_effects : bool, default True
        Whether to have the latitude and the longitude block.
    dtype : float32 or float64, default float64
        Type of the ones.

    Attributes
    ----------
    n_features_out_ : int
        Number of columns.
    blocks_ : tuple of ColumnBlock(name, start, count)
        The blocks: ``"lat"``, ``"lon"``, ``"cell_60"``, ``"cell_10"``, ``"cell_1"``.
    n_features_in_ : int
        2.
    feature_names_in_ : (2,) object array of str
        Only when fitted on a data frame with string column names.

    Notes
    -----
    Bucket k of latitude starts at -90 + k * minutes / 60 degrees, rounded to the nearest double, and ends before the
    next one starts; longitude likewise from -180. So a coordinate that is the nearest double to an edge lies in the
    bucket that starts there; one that was rounded to float32 before may lie on the other side. The north pole lies
    in the last band of latitude. Longitudes from -180 up to, not including, 360 are accepted: 180 to 360 means -180 to
    0, so the date line is one line, under both its names.

    Nothing is learned from data: `transform` works before `fit` too, and follows the parameters as they are now.

    Examples
    --------
    >>> cross = LatLongCross(minutes=1).fit([[37.88, -122.23]])
    >>> cross.transform([[37.88, -122.23]]).indices.tolist()
    [7672, 14266, 165751066]
    """

    _takes_tables = True  # a pyarrow.Table as it is: readers need not make arrays of it
    _takes_text = False  # columns of files without types are read as numbers

    minutes: float = field(default=1.0, kw_only=False)
    levels: Any = field(default=None, kw_only=False)
    main_effects: bool = True
    dtype: DTypeLike = np.float64

    def fit(self, X: Any, y: Any = None) -> LatLongCross:
        """Check the parameters and the shape of `X`; learn nothing else.

        Parameters
        ----------
        X : array-like, data frame or pyarrow.Table, (n_samples, 2)
            Latitude and longitude in degrees.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For parameters out of range or an `X` without exactly two columns.
        """
        _, blocks = self._layout()
        _as_points(X)
        check_feature_names(self, X, reset=True)
        self.blocks_ = blocks
        self.n_features_out_ = blocks[-1].stop
        return self

    def transform(self, X: Any) -> sparse.csr_matrix:
        """Return the columns of each point.

        Parameters
        ----------
        X : array-like, data frame or pyarrow.Table, (n_samples, 2)
            Latitude in [-90, 90] and longitude in [-180, 360), in degrees. A C-contiguous float64 array is not copied.

        Returns
        -------
        CSR matrix, (n_samples, n_features_out_)
            Ones, with sorted ids: int32 where they fit, else int64.

        Raises
        ------
        ValueError
            For a coordinate out of range or not finite, with its row, or an `X` without exactly two columns.
        TypeError
            For a sparse `X`.
        """
        levels, blocks = self._layout()
        dtype = check_dtype(self.dtype)
        points = _as_points(X)
        if hasattr(self, "n_features_in_"):
            check_feature_names(self, X, reset=False)
        n_samples, n_features = len(points), blocks[-1].stop
        ids = np.empty((n_samples, len(blocks)), dtype=index_dtype(n_features, n_samples * len(blocks)))
        cells = blocks[len(blocks) - len(levels) :]
        shapes = [(level.n_lat, level.n_lon, block.start) for level, block in zip(levels, cells)]
        widths = [(level.numerator, level.denominator, level.denominator / level.numerator) for level in levels]
        row = lat_long_ids(
            points, np.array(widths, dtype=np.float64), np.array(shapes, dtype=np.int64), bool(self.main_effects), ids
        )
        if row >= 0:
            raise ValueError(_complaint(row, *points[row]))
        indptr = np.arange(0, ids.size + 1, len(blocks), dtype=ids.dtype)
        out = sparse.csr_matrix((np.ones(ids.size, dtype=dtype), ids.ravel(), indptr), shape=(n_samples, n_features))
        out.has_canonical_format = True
        return out

    def cell_bounds(self, ids: ArrayLike) -> NDArray[np.void]:
        """Return the rectangle of the globe that each column stands for.

        Parameters
        ----------
        ids : array-like of int, any shape
            Column ids.

        Returns
        -------
        structured array of the same shape, fields south, west, north, east
            Degrees, float64. South and west edges belong to the rectangle, north and east ones do not, except the pole.
            A latitude bucket is a whole band (west -180, east 180), a longitude bucket a whole sector (-90 to 90).

        Raises
        ------
        ValueError
            For ids that are not integers or out of range.
        """
        levels, blocks = self._layout()
        known, position = block_of(ids, blocks)
        out = np.empty(known.shape, dtype=[(side, np.float64) for side in ("south", "west", "north", "east")])
        out["south"], out["west"], out["north"], out["east"] = -90.0, -180.0, 90.0, 180.0
        n_main = len(blocks) - len(levels)
        for k, block in enumerate(blocks):
            inside = position == k
            local = known[inside] - block.start
            level = levels[k - n_main] if k >= n_main else levels[-1]
            lat, lon = divmod(local, level.n_lon) if k >= n_main else (local, local)
            if block.name != "lon":
                out["south"][inside], out["north"][inside] = level.lat_edges(lat), level.lat_edges(lat + 1)
            if block.name != "lat":
                out["west"][inside], out["east"][inside] = level.lon_edges(lon), level.lon_edges(lon + 1)
        return out

    def feature_name(self, ids: ArrayLike) -> NDArray[np.object_]:
        """Return a readable name for each given column, like ``lat[37.88,37.9)`` or ``cell_60[37,-123]``.

        Bands and sectors show both edges, cells their south-west corner, in degrees.

        Parameters
        ----------
        ids : array-like of int, any shape

        Returns
        -------
        object array of str, same shape

        Raises
        ------
        ValueError
            For ids that are not integers or out of range.
        """
        bounds, names = self.cell_bounds(ids), self.block_of(ids)
        out = np.empty(bounds.shape, dtype=object)
        texts = []
        # Plain numbers: a scalar of a structured array takes ten times as long to read as to print.
        for name, (south, west, north, east) in zip(names.ravel().tolist(), bounds.ravel().tolist()):
            if name == "lat":
                texts.append(f"lat[{south:.9g},{north:.9g})")
            elif name == "lon":
                texts.append(f"lon[{west:.9g},{east:.9g})")
            else:
                texts.append(f"{name}[{south:.9g},{west:.9g}]")
        out[...] = np.array(texts, dtype=object).reshape(out.shape)
        return out

    def _blocks(self) -> tuple[ColumnBlock, ...]:
        return self._layout()[1]

    def _layout(self) -> tuple[list[Level], tuple[ColumnBlock, ...]]:
        """Return the levels, coarse to fine, and the blocks that today's parameters ask for."""
        if self.levels is None:
            levels = [make_level(self.minutes)]
        else:
            if isinstance(self.levels, (str, bytes)):
                raise ValueError(f"levels must be a sequence of widths in arc-minutes, got {shown(self.levels)}")
            widths = np.atleast_1d(np.asarray(self.levels, dtype=object))
            levels = [make_level(width, "levels: each width") for width in widths]
        if not levels:
            raise ValueError("levels must name at least one width, got none")
        if any(a.numerator * b.denominator <= b.numerator * a.denominator for a, b in pairwise(levels)):
            raise ValueError(f"levels must be strictly decreasing widths in arc-minutes, got {self.levels!r}")
        sizes = [("lat", levels[-1].n_lat), ("lon", levels[-1].n_lon)] if self.main_effects else []
        return levels, layout(sizes + [(level.name, level.n_cells) for level in levels])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


def _as_points(X: Any) -> NDArray[np.float64]:
    """Return `X` as a C-contiguous (n, 2) float64 array, without a copy where it is one."""
    if sparse.issparse(X):
        raise TypeError("X must be a dense array of latitudes and longitudes, got a sparse matrix")
    given = table_numbers(X)
    if given.ndim != 2 or given.shape[1] != 2:
        raise ValueError(f"X must have two columns, latitude and longitude in degrees, got shape {given.shape}")
    if given.dtype.kind == "c":
        raise ValueError("X must be real numbers of degrees, got complex ones")
    try:
        return np.ascontiguousarray(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"X must be numbers of degrees: {error}") from None


def _complaint(row: int, latitude: float, longitude: float) -> str:
    if not -90.0 <= latitude <= 90.0:
        return f"row {row}: latitude must be in [-90, 90] degrees, got {float(latitude)!r}"
    return f"row {row}: longitude must be in [-180, 360) degrees, got {float(longitude)!r}"
