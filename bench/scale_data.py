"""Rows in many files: points on the globe with labels, as Parquet parts, cached outside the source tree.

Points are those of `crossed` in `data.py`, 2,500 cities and 2 % anywhere, as latitude and longitude in degrees.
Log-odds are sums of sparse effects of the latitude, of the longitude and of the cell of one arc-minute, hashed from
ids. A block of rows is a function of seed and number alone, so parts are written in any order, the first rows of many
are those of few, and a larger set is never generated for a smaller one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import islice, repeat
from pathlib import Path

import numpy as np
from data import N_LAT, N_LON, SHARE_OF_ONES, cache_folder, cities, coordinates
from objective import Problem
from scipy import optimize
from scipy.special import expit
from stream_data import csr, effects

BLOCK = 62_500  # rows generated at a time: 25 blocks make a part of 100 million rows in 64 parts
ROW_GROUP = 4 * BLOCK  # rows that a reader holds at a time
HELD_OUT = 2**31  # number of the block that the share of ones is set on
GENERATION = 1  # part of the cache folder's name: raise it when the generator changes
COLUMNS = ("latitude", "longitude")
TARGET = "y"
DENSITY = (0.05, 0.05, 0.03)  # shares of latitudes, of longitudes and of cells that have an effect
SCALE = 0.8  # standard deviation of those


def cross():
    """The transformer that makes three ones of a point, in 233,312,400 columns."""
    from sparsereg import LatLongCross

    return LatLongCross(minutes=1, dtype=np.float32)


def features():
    """What a reader makes columns of."""
    return [(cross(), list(COLUMNS))]


@cache
def _cities(seed):
    return cities(np.random.default_rng([seed, HELD_OUT + 1]))


def points_of(rng, seed):
    """Points of a block (float32, degrees) and the ids of their three columns."""
    lat, lon = coordinates(rng, _cities(seed), BLOCK)
    points = np.column_stack([np.clip(lat, -89.0, 89.0), (lon + 180.0) % 360.0 - 180.0]).astype(np.float32)
    return points, cross().transform(points).indices.reshape(BLOCK, 3)


def _drawn(seed, number):
    """Points of a block, their log-odds but for a constant, and what draws the labels."""
    rng = np.random.default_rng([seed, number])
    points, ids = points_of(rng, seed)
    signal = sum(effects(ids[:, k], seed + k, share, SCALE) for k, share in enumerate(DENSITY))
    return points, signal, rng


@cache
def _shift(seed):
    signal = _drawn(seed, HELD_OUT)[1]
    return optimize.brentq(lambda shift: expit(signal + shift).mean() - SHARE_OF_ONES, -50.0, 50.0)


def block(seed, number):
    """Points (float32, degrees) and labels (0 or 1) of the rows `number * BLOCK` and following."""
    points, signal, rng = _drawn(seed, number)
    return points, (rng.random(BLOCK) < expit(signal + _shift(seed))).astype(np.int8)


def count_cells(seed, steps):
    """Distinct cells of the first rows, which are never stored: a byte of memory for every cell that there can be.

    Parameters
    ----------
    seed : int
    steps : sequence of int, ascending
        Multiples of `BLOCK`.

    Yields
    ------
    n_distinct : int
        For every step.
    """
    seen, numbers = np.zeros(N_LAT * N_LON, dtype=bool), iter(range(steps[-1] // BLOCK))
    for n_blocks in np.diff(steps, prepend=0) // BLOCK:
        for number in islice(numbers, int(n_blocks)):
            _, ids = points_of(np.random.default_rng([seed, number]), seed)
            seen[ids[:, 2] - (N_LAT + N_LON)] = True
        yield int(np.count_nonzero(seen))


def write_part(path, seed, first, n_blocks):
    """Write some blocks as one file."""
    import pyarrow as pa
    from pyarrow import parquet

    points, labels = zip(*(block(seed, first + k) for k in range(n_blocks)))
    points = np.concatenate(points)
    columns = [np.ascontiguousarray(points[:, k]) for k in range(2)]
    table = pa.table(dict(zip((*COLUMNS, TARGET), (*columns, np.concatenate(labels)))))
    parquet.write_table(table, path, row_group_size=ROW_GROUP, use_dictionary=[TARGET])


def parts(n_rows, n_parts, seed=0):
    """Paths of `n_rows` rows in `n_parts` files of the same size, generated on first use by all cores.

    Parameters
    ----------
    n_rows : int
        A multiple of `n_parts * BLOCK`.
    n_parts, seed : int

    Returns
    -------
    paths : list of str
    """
    n_blocks, rest = divmod(n_rows, n_parts * BLOCK)
    if rest or not n_blocks:
        raise SystemExit(f"{n_rows:,} rows in {n_parts} parts: expected a multiple of {n_parts * BLOCK:,} rows")
    folder = cache_folder() / f"points-{n_rows}-{n_parts}-s{seed}-g{GENERATION}"
    names = [f"part-{number:05d}.parquet" for number in range(n_parts)]
    if not folder.exists():
        partial = Path(tempfile.mkdtemp(dir=cache_folder(), prefix="partial-"))
        try:
            with ProcessPoolExecutor() as pool:
                starts = range(0, n_parts * n_blocks, n_blocks)
                paths = [partial / name for name in names]
                list(pool.map(write_part, paths, repeat(seed), starts, repeat(n_blocks)))
            os.replace(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return [str(folder / name) for name in names]


def reader(paths, block_rows=BLOCK):
    """A reader of parts."""
    from sparsereg import ParquetReader

    return ParquetReader(paths, target=TARGET, features=features(), block_rows=block_rows)


def matrix(path):
    """Rows of one part as they are given to a fit: CSR with all columns, and labels."""
    from pyarrow import parquet

    table = parquet.read_table(path)
    points = np.column_stack([table[name].to_numpy() for name in COLUMNS])
    return cross().transform(points), table[TARGET].to_numpy().astype(np.float64)


def problem(paths):
    """What fits are judged on, made without the package but for the ids of the columns.

    Rows of the same cell are one: its number of rows, and the mean of their labels.

    Returns
    -------
    problem : Problem
        Logistic, on the occupied columns.
    columns : ndarray of int64 of shape (n_occupied,)
        Their ids, ascending.
    """
    parts = []
    for path in paths:
        X, y = matrix(path)
        cells, code = np.unique(X.indices.reshape(-1, 3)[:, 2], return_inverse=True)
        parts.append((cells, np.bincount(code, minlength=cells.size), np.bincount(code, y, cells.size)))
    cells, rows, ones = (np.concatenate(arrays) for arrays in zip(*parts))
    cells, code = np.unique(cells, return_inverse=True)
    rows, ones = np.bincount(code, rows), np.bincount(code, ones)
    lat, lon = np.divmod(cells - (N_LAT + N_LON), N_LON)
    levels, codes = zip(*(np.unique(ids, return_inverse=True) for ids in (lat, N_LAT + lon, cells)))
    starts = np.cumsum([0, *map(len, levels[:-1])])
    columns, X = np.concatenate(levels), csr(np.column_stack(codes) + starts, sum(map(len, levels)), np.int32)
    return Problem(X, ones / rows, loss="logistic", weight=rows), columns
