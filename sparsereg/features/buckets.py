"""Columns and their blocks, and the exact arithmetic of latitude and longitude buckets.

The width of a bucket is kept as a fraction p / (60 q) of a degree, so that an edge, origin + k p / (60 q), is one
division of two whole numbers below 2**53 and therefore the double nearest to the true edge. A bucket holds the doubles
from its edge up to the next edge. So a coordinate that is the closest double to an edge, like 0.1 = 6/60 degrees,
always belongs to the bucket that starts there; floor((x + 90) * 60) goes wrong at one edge in ten.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsereg.inputs.rows import shown

MIN_MINUTES = 1e-4  # 0.2 metres; finer widths would need edges beyond 2**53
MAX_MINUTES = 10_800.0  # 180 degrees: one band of latitude
MAX_DENOMINATOR = 10**9  # keeps 21,600 q and k p below 2**53, and reads 0.1 as 1/10 and 1 / 3 as 1/3
MAX_FEATURES = 2**62  # leaves room to add ids in int64
MAX_NAMES = 1_000_000  # about 100 MB of strings


class ColumnBlock(NamedTuple):
    """Consecutive columns with one meaning: ids `start` to ``start + count - 1``."""

    name: str
    start: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody needs here

    @property
    def stop(self) -> int:
        """The first id behind them; of the last block the number of all columns."""
        return self.start + self.count


class BlockedColumns:
    """What transformers whose columns come in blocks share: names for columns, without naming them all."""

    def _blocks(self) -> tuple[ColumnBlock, ...]:
        raise NotImplementedError

    def feature_name(self, ids: ArrayLike) -> NDArray[np.object_]:
        """Return a readable name for each given column."""
        raise NotImplementedError

    def block_of(self, ids: ArrayLike) -> NDArray[np.str_]:
        """Return the name of the block that each column belongs to.

        Parameters
        ----------
        ids : array-like of int, any shape

        Returns
        -------
        array of str, same shape

        Raises
        ------
        ValueError
            For ids that are not integers or out of range.
        """
        blocks = self._blocks()
        _, position = block_of(ids, blocks)
        return np.asarray(np.array([block.name for block in blocks])[position])

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of all columns, where there are at most a million.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        (n_features_out_,) object array of str

        Raises
        ------
        ValueError
            For wider crosses: ask `feature_name` for the columns of interest.
        """
        n_features = self._blocks()[-1].stop
        if n_features > MAX_NAMES:
            raise ValueError(
                f"{n_features} feature names are too many to build (limit {MAX_NAMES}); "
                "use feature_name(ids) for the columns of interest"
            )
        return self.feature_name(np.arange(n_features))


class Level(NamedTuple):
    """One grid over the globe: buckets of p / (60 q) degrees from 90 south and from 180 west."""

    name: str
    numerator: int
    denominator: int
    n_lat: int
    n_lon: int

    @property
    def n_cells(self) -> int:
        """Number of cells, latitude buckets times longitude buckets."""
        return self.n_lat * self.n_lon

    def lat_edges(self, k: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the southern edges of latitude buckets `k`, in degrees (`n_lat`: the north pole)."""
        return np.minimum((k * self.numerator - 90 * self.denominator) / self.denominator, 90.0)

    def lon_edges(self, k: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the western edges of longitude buckets `k`, in degrees (`n_lon`: the date line, 180)."""
        return np.minimum((k * self.numerator - 180 * self.denominator) / self.denominator, 180.0)


def make_level(minutes: float, argument: str = "minutes") -> Level:
    """Return the grid of buckets `minutes` arc-minutes wide.

    The width is the fraction nearest to `minutes` with a denominator up to 10**9: 0.1 is read as 1/10. The last bucket
    is smaller when the width does not divide 180 (or 360) degrees.

    Parameters
    ----------
    minutes : float
        Width in arc-minutes, from 1e-4 to 10,800.
    argument : str, default="minutes"
        Whose value it is, for messages.

    Returns
    -------
    Level

    Raises
    ------
    ValueError
        For any other width.
    """
    try:
        width = float(minutes)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{argument} must be a number, got {shown(minutes)}") from None
    if isinstance(minutes, (bool, str, bytes)) or not MIN_MINUTES <= width <= MAX_MINUTES:
        raise ValueError(f"{argument} must be between {MIN_MINUTES} and {MAX_MINUTES:g} arc-minutes, got {minutes!r}")
    exact = Fraction(width).limit_denominator(MAX_DENOMINATOR)
    return Level(
        name=f"cell_{repr(width).removesuffix('.0')}", numerator=exact.numerator, denominator=60 * exact.denominator,
        n_lat=math.ceil(180 * 60 / exact), n_lon=math.ceil(360 * 60 / exact),
    )


def layout(sizes: list[tuple[str, int]]) -> tuple[ColumnBlock, ...]:
    """Return blocks of the given names and sizes, one after the other from column 0.

    Parameters
    ----------
    sizes : list of (name, number of columns)

    Returns
    -------
    tuple of Block

    Raises
    ------
    ValueError
        When they need more than 2**62 columns.
    """
    blocks, start = [], 0
    for name, count in sizes:
        blocks.append(ColumnBlock(name, start, count))
        start += count
    if start > MAX_FEATURES:
        raise ValueError(f"the blocks have {start} columns in all, more than the limit 2**62 = {MAX_FEATURES}")
    return tuple(blocks)


def block_of(ids: ArrayLike, blocks: tuple[ColumnBlock, ...]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Return column ids as int64 and the position in `blocks` of the block that each belongs to.

    Parameters
    ----------
    ids : array-like of int, any shape
    blocks : tuple of Block

    Returns
    -------
    ids : int64 array, same shape
    position : intp array, same shape

    Raises
    ------
    ValueError
        For ids that are not integers or not below the number of columns.
    """
    given = np.asarray(ids)
    if given.size and given.dtype.kind not in "iu":
        raise ValueError(f"ids must be integers, got dtype {given.dtype}")
    n_features = blocks[-1].stop
    wrong = (given < 0) | (given >= n_features)
    if wrong.any():
        raise ValueError(f"ids must be in [0, {n_features}), got {given[wrong][0]}")
    known = given.astype(np.int64)
    starts = np.array([block.start for block in blocks], dtype=np.int64)
    return known, np.searchsorted(starts, known, side="right") - 1


def index_dtype(n_features: int, capacity: int) -> np.dtype[Any]:
    """Return int32 when ids below `n_features` and positions up to `capacity` fit in it, else int64."""
    return np.dtype(np.int32 if max(n_features, capacity) <= np.iinfo(np.int32).max else np.int64)


def check_dtype(dtype: Any) -> np.dtype[Any]:
    """Return `dtype` as a numpy dtype; ValueError unless float32 or float64."""
    try:
        known = np.dtype(dtype)
    except TypeError:
        known = np.dtype(object)
    if dtype is None or known not in (np.float32, np.float64):  # numpy reads None as float64
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
    return known
