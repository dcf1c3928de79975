"""Data for the benchmarks, cached outside the source tree: seeded synthetic ones, and a file in svmlight format.

Two families are synthetic. `crossed` has the shape of latitude/longitude crosses: three ones per row, 233 million
columns, almost all of them empty. `text` has the shape of the classic sparse corpora (rcv1, news20): power-law columns
and tf-idf rows of unit length. Neither is a real data set, and no result obtained on them should be quoted as one of a
real data set.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import optimize, sparse
from scipy.special import expit

N_LAT = 180 * 60  # one-arc-minute bins of latitude
N_LON = 360 * 60  # and of longitude
N_CROSSED = N_LAT + N_LON + N_LAT * N_LON  # 233,312,400 columns: both main effects and every cell
CHUNK = 1_000_000  # points drawn at a time, so that ten million rows need little working memory
GENERATION = 2  # part of the cache file's name: raise it when a generator changes

TEXT_SHAPES = {"rcv1": (20_000, 47_236, 77), "news20": (20_000, 1_355_191, 444)}
SYNTHETIC = ("crossed", *TEXT_SHAPES)

TARGETS = ("gaussian", "labels", "counts")
SHARE_OF_ONES = 0.27
MEAN_COUNT = 1.0
TEXT_LOG_ODDS = 4.0  # standard deviation of the log-odds of text's labels: about nine in ten can be told


@dataclass(frozen=True)
class Dataset:
    """A matrix whose empty columns were removed, with what it takes to put them back, and a target.

    Parameters
    ----------
    name : str
        What the data are, for table headers.
    X : csr_matrix of shape (n_rows, n_occupied), float64 with int32 indices
        The matrix without its empty columns: the most that a peer can ask of its user.
    y : ndarray of shape (n_rows,)
    columns : ndarray of int64, shape (n_occupied,)
        Sorted ids of the occupied columns among all `n_wide`.
    n_wide : int
        Number of columns before the empty ones were removed.
    """

    name: str
    X: sparse.csr_matrix
    y: np.ndarray
    columns: np.ndarray
    n_wide: int

    def wide(self, index_dtype=np.int32):
        """The matrix as a user has it, empty columns included (CSR)."""
        indices = self.columns.astype(index_dtype)[self.X.indices]
        wide = sparse.csr_matrix((self.X.shape[0], self.n_wide), dtype=np.float64)
        # Assigned one by one because the constructor would choose the index type itself.
        wide.data, wide.indices, wide.indptr = self.X.data, indices, self.X.indptr.astype(index_dtype)
        return wide

    def describe(self):
        """One line for the head of a table."""
        return (
            f"{self.name}: {self.X.shape[0]:,} rows x {self.n_wide:,} columns, "
            f"{self.X.shape[1]:,} of them occupied, {self.X.nnz:,} non-zeros"
        )

    def save(self, path):
        """Write to `path`, atomically: an interrupted run leaves no half-written cache."""
        path = Path(path)
        partial = path.with_name(f"{path.stem}.{os.getpid()}.partial.npz")
        np.savez(
            partial,
            name=self.name,
            data=self.X.data,
            indices=self.X.indices,
            indptr=self.X.indptr,
            y=self.y,
            columns=self.columns,
            n_wide=self.n_wide,
        )
        os.replace(partial, path)

    @classmethod
    def load(cls, path):
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            columns, y = stored["columns"], stored["y"]
            arrays = (stored["data"], stored["indices"], stored["indptr"])
            X = sparse.csr_matrix(arrays, shape=(len(y), len(columns)))
            return cls(str(stored["name"]), X, y, columns, int(stored["n_wide"]))


def cities(rng, n_cities=2_500):
    """Centres, spreads (degrees) and Zipf shares of the cities that most points come from."""
    share = 1.0 / np.arange(1, n_cities + 1)
    latitude = np.clip(rng.normal(25.0, 22.0, n_cities), -55.0, 70.0)
    longitude = rng.uniform(-180.0, 180.0, n_cities)
    spread = np.maximum(0.5 * np.sqrt(share), 0.03)
    return latitude, longitude, spread, share / share.sum()


def coordinates(rng, places, n_points, background=0.02, box=(-60.0, 75.0, -180.0, 180.0)):
    """Latitude and longitude of `n_points` points; a share `background` falls anywhere in `box`."""
    latitude, longitude, spread, share = places
    city = rng.choice(len(share), size=n_points, p=share)
    # The power 1.45 gives a dense centre and a long tail: two thirds of the cells have one point, a few have thousands.
    distance = spread[city] * rng.exponential(size=n_points) ** 1.45
    angle = rng.uniform(0.0, 2.0 * np.pi, n_points)
    lat = latitude[city] + distance * np.cos(angle)
    lon = longitude[city] + distance * np.sin(angle)
    anywhere = np.flatnonzero(rng.random(n_points) < background)
    lat[anywhere] = rng.uniform(*box[:2], len(anywhere))
    lon[anywhere] = rng.uniform(*box[2:], len(anywhere))
    return lat, lon


def points(rng, places, n_points):
    """One-arc-minute bins (latitude, longitude) of `n_points` points."""
    lat, lon = coordinates(rng, places, n_points)
    lat_bin = np.clip((lat + 90.0) * 60.0, 0, N_LAT - 1).astype(np.int32)
    lon_bin = np.floor((lon + 180.0) * 60.0).astype(np.int64) % N_LON
    return lat_bin, lon_bin.astype(np.int32)


def sparse_effects(rng, size, density, scale):
    """An effect for each of `size` levels, exactly zero for all but a share `density` of them."""
    effects = np.zeros(size)
    chosen = np.flatnonzero(rng.random(size) < density)
    effects[chosen] = rng.normal(0.0, scale, len(chosen))
    return effects


def drawn(rng, signal, target):
    """Labels (0 or 1) whose log-odds, or counts whose log-mean, are `signal` and what makes their mean as wanted."""
    if target == "counts":
        return rng.poisson(MEAN_COUNT * np.exp(signal) / np.exp(signal).mean()).astype(float)
    shift = optimize.brentq(lambda shift: expit(signal + shift).mean() - SHARE_OF_ONES, -50.0, 50.0)
    return (rng.random(len(signal)) < expit(signal + shift)).astype(float)


def crossed(n_rows, seed=0, target="gaussian"):
    """Points on the globe as one-hot latitude, longitude and cell, with a target of sparse true effects.

    Parameters
    ----------
    n_rows : int
    seed : int
        Gives the same matrix and effects whatever the target.
    target : str
        One of `TARGETS`.

    Returns
    -------
    Dataset
        Three ones per row. At a million rows about 300,000 cells are occupied, two thirds of them by a single row.
    """
    rng = np.random.default_rng(seed)
    places = cities(rng)
    bins = np.empty((2, n_rows), dtype=np.int32)
    for start in range(0, n_rows, CHUNK):
        stop = min(start + CHUNK, n_rows)
        bins[:, start:stop] = points(rng, places, stop - start)
    cell = bins[0].astype(np.int64) * N_LON + bins[1]
    noise = rng.normal(size=n_rows)
    levels, codes, y = [], [], noise if target == "gaussian" else np.zeros(n_rows)
    density = {"lat": 0.05, "lon": 0.05, "cell": 0.03}
    for values, share in zip((bins[0], bins[1], cell), density.values()):
        found, code = np.unique(values, return_inverse=True)
        levels.append(found.astype(np.int64))
        codes.append(code.astype(np.int32))
        y += sparse_effects(rng, len(found), share, 1.0)[code]
    if target != "gaussian":
        y = drawn(rng, y, target)
    return Dataset(f"crossed, {target} (seed {seed})", *one_hot(levels, codes, y), N_CROSSED)


def one_hot(levels, codes, y):
    """(X, y, columns) of the three one-hot groups laid side by side."""
    n_rows = len(y)
    starts = np.cumsum([0, *(len(found) for found in levels)])
    indices = np.empty((n_rows, len(codes)), dtype=np.int32)
    for group, code in enumerate(codes):
        np.add(code, starts[group], out=indices[:, group], casting="unsafe")
    indptr = np.arange(0, indices.size + 1, len(codes), dtype=np.int32)
    X = sparse.csr_matrix((np.ones(indices.size), indices.ravel(), indptr), shape=(n_rows, int(starts[-1])))
    first_ids = (0, N_LAT, N_LAT + N_LON)
    columns = np.concatenate([found + first for found, first in zip(levels, first_ids)])
    return X, y, columns


def tokens_for(popularity, n_distinct):
    """How many tokens to draw so that a row has `n_distinct` different ones on average (bisection)."""
    low, high = float(n_distinct), 64.0 * n_distinct
    for _ in range(40):
        middle = 0.5 * (low + high)
        expected = -np.expm1(middle * np.log1p(-popularity)).sum()
        low, high = (middle, high) if expected < n_distinct else (low, middle)
    return low


def token_counts(rng, n_rows, n_features, nnz_per_row, n_topics=100):
    """Rows, columns and counts of a bag of words with a power law of popularity and topics.

    Half of a row's tokens follow its topic, whose popular columns lie elsewhere in the list: columns of one topic occur
    together, which is what makes text harder than independent columns.
    """
    popularity = 1.0 / (np.arange(n_features) + 50.0) ** 0.9
    popularity /= popularity.sum()
    # Lengths vary by a log-normal factor of mean one, as document lengths do.
    length = tokens_for(popularity, nnz_per_row) * rng.lognormal(-0.125, 0.5, n_rows)
    length = np.maximum(np.rint(length).astype(np.int64), 1)
    rank = np.searchsorted(np.cumsum(popularity), rng.random(int(length.sum())))
    shift = rng.integers(0, n_topics, n_rows) * (n_features // (4 * n_topics))
    rank += np.where(rng.random(len(rank)) < 0.5, np.repeat(shift, length), 0)
    names = rng.permutation(n_features)  # popular columns lie anywhere, not all at the left
    column = names[rank % n_features]
    key = np.repeat(np.arange(n_rows), length) * n_features + column
    key, count = np.unique(key, return_counts=True)
    return key // n_features, key % n_features, count


def text(n_rows, n_features, nnz_per_row, seed=0, target="gaussian"):
    """A tf-idf-like matrix with rows of unit length, and a target from a sparse linear model.

    Parameters
    ----------
    n_rows, n_features, nnz_per_row : int
        `nnz_per_row` holds on average.
    seed : int
        Gives the same matrix and effects whatever the target.
    target : str
        One of `TARGETS`.

    Returns
    -------
    Dataset
    """
    rng = np.random.default_rng(seed)
    row, column, count = token_counts(rng, n_rows, n_features, nnz_per_row)
    columns, column, in_rows = np.unique(column, return_inverse=True, return_counts=True)
    value = (1.0 + np.log(count)) * np.log((1.0 + n_rows) / in_rows)[column]
    value /= np.sqrt(np.bincount(row, weights=value**2, minlength=n_rows))[row]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n_rows))]).astype(np.int32)
    X = sparse.csr_matrix((value, column.astype(np.int32), indptr), shape=(n_rows, len(columns)))
    # True effects sit where there is data to see them: columns are chosen by how many rows they have.
    chosen = rng.choice(len(columns), size=3_000, replace=False, p=in_rows / in_rows.sum())
    w = np.zeros(len(columns))
    w[chosen] = rng.normal(size=3_000)
    signal = X @ w
    signal /= signal.std()
    if target == "gaussian":
        y = signal + rng.normal(0.0, 0.7, n_rows)
    else:
        y = drawn(rng, TEXT_LOG_ODDS * signal if target == "labels" else signal, target)
    return Dataset(f"text, {target} (seed {seed})", X, y, columns.astype(np.int64), n_features)


def svmlight(name, path):
    """Labels and columns of a file in svmlight format, gzipped or not; the larger label becomes 1, the other 0."""
    from sklearn.datasets import load_svmlight_file

    X, y = load_svmlight_file(str(path))
    columns, indices = np.unique(X.indices, return_inverse=True)
    occupied = sparse.csr_matrix((X.data, indices.astype(np.int32), X.indptr), shape=(len(y), len(columns)))
    return Dataset(name, occupied, (y == y.max()).astype(float), columns.astype(np.int64), X.shape[1])


def cache_folder():
    """Where generated data are kept: `SPARSEREG_BENCH_CACHE`, or a folder in the system's temporary one."""
    default = Path(tempfile.gettempdir()) / "sparsereg-bench"
    folder = Path(os.environ.get("SPARSEREG_BENCH_CACHE", default))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def cached(kind, n_rows=None, seed=0, target="gaussian"):
    """Path of the cached synthetic data set `kind` (of `SYNTHETIC`) with `target`, generated on first use."""
    if kind == "crossed":
        shape = (n_rows or 1_000_000,)
    else:
        default_rows, *rest = TEXT_SHAPES[kind]
        shape = (n_rows or default_rows, *rest)
    words = [kind, "x".join(map(str, shape)), f"s{seed}", f"g{GENERATION}", *([] if target == "gaussian" else [target])]
    path = cache_folder() / f"{'-'.join(words)}.npz"
    if not path.exists():
        make = crossed if kind == "crossed" else text
        make(*shape, seed=seed, target=target).save(path)
    return path


def cached_file(name, source):
    """Path of the cached data set `name`, read from the svmlight file `source` on first use."""
    digest = hashlib.sha256(Path(source).read_bytes()).hexdigest()[:12]
    path = cache_folder() / f"{name}-{digest}-g{GENERATION}.npz"
    if not path.exists():
        svmlight(name, source).save(path)
    return path
