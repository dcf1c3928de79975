"""Rows that arrive in blocks: two seeded synthetic streams, five ones a row, with labels, and their files.

`hashed` has five skewed categories of a hundred to a hundred million levels, hashed into 2^28 columns, and a sparse
true model. `latlong` has points around 2,500 cities in a box of the size and place of the United States, crossed with
`LatLongCross` at levels of 60, 10 and 1 arc-minutes beside the main effects, and log-odds that are smooth but for local
effects.

A block is a function of seed and number alone, so a stream of any length needs the memory of one block, and the first
rows of a long stream are those of a short one. True effects are hashed from ids: no array of them exists.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from data import SHARE_OF_ONES, cache_folder, coordinates
from scipy import optimize, sparse
from scipy.special import expit, ndtri

BLOCK = 200_000  # rows generated at a time
HELD_OUT = 2**31  # number of the block that is kept for judging
GENERATION = 1  # part of the cache folder's name: raise it when a generator changes
N_ONES = 5  # in every row

LEVELS = (100, 10_000, 1_000_000, 10_000_000, 100_000_000)  # of the categories of `hashed`
N_HASHED = 2**28
MINUTES = (60, 10, 1)
BOX = (25.0, 49.0, -124.0, -67.0)  # south, north, west, east


def scrambled(keys, salt):
    """Uniform 64-bit numbers from integers (the finaliser of splitmix64: Steele, Lea and Flood 2014)."""
    state = np.asarray(keys).astype(np.uint64) + np.uint64((salt + 1) * 0x9E3779B97F4A7C15 % 2**64)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def effects(ids, salt, density, scale):
    """The true effect of each id: normal for a share `density` of all ids, exactly zero for the others."""
    uniform = ((scrambled(ids, salt) >> np.uint64(11)) + 0.5) * 2.0**-53
    found = np.zeros(uniform.shape)
    chosen = uniform < density
    found[chosen] = scale * ndtri(uniform[chosen] / density)
    return found


def hashed_block(rng, seed, n_rows):
    """Ids and log-odds of rows of `hashed`."""
    ids = np.empty((n_rows, N_ONES), dtype=np.int64)
    for group, size in enumerate(LEVELS):
        level = np.floor(size ** rng.random(n_rows)).astype(np.int64)  # popularity falls as one over the rank
        ids[:, group] = (scrambled(level + (group << 40), seed) % N_HASHED).astype(np.int64)
    ids.sort(axis=1)
    return ids, effects(ids, seed + 1, 0.3, 0.8).sum(axis=1)


def american_cities(seed, n_cities=2_500):
    """Centres, spreads (degrees) and Zipf shares of the cities that most points come from."""
    rng = np.random.default_rng([seed, HELD_OUT + 1])
    share = 1.0 / np.arange(1, n_cities + 1)
    south, north, west, east = BOX
    spread = np.maximum(0.5 * np.sqrt(share), 0.03)
    return rng.uniform(south, north, n_cities), rng.uniform(west, east, n_cities), spread, share / share.sum()


def latlong_cross():
    """The transformer of `latlong`."""
    from sparsereg import LatLongCross

    return LatLongCross(levels=MINUTES)


def latlong_block(rng, seed, n_rows):
    """Ids and log-odds of rows of `latlong`."""
    lat, lon = coordinates(rng, american_cities(seed), n_rows, box=BOX)
    lat, lon = np.clip(lat, -89.0, 89.0), np.clip(lon, -179.0, 179.0)
    ids = latlong_cross().transform(np.column_stack([lat, lon])).indices.reshape(n_rows, N_ONES).astype(np.int64)
    smooth = 0.8 * np.sin(0.3 * lat) + 0.8 * np.cos(0.15 * lon) + 0.4 * np.sin(lat * lon / 200.0)
    local = effects(ids[:, -2], seed + 1, 0.3, 0.8) + effects(ids[:, -1], seed + 2, 0.1, 1.0)
    return ids, smooth + local


BLOCKS = {"hashed": hashed_block, "latlong": latlong_block}


def n_columns(kind):
    """Number of columns, almost all of them empty."""
    return N_HASHED if kind == "hashed" else latlong_cross().fit(np.zeros((1, 2))).n_features_out_


class Stream:
    """Blocks of one of `BLOCKS` by number; labels are drawn so that a share `SHARE_OF_ONES` of them is 1."""

    def __init__(self, kind, seed=0):
        self.kind, self.seed = kind, seed

    def _drawn(self, number, n_rows):
        rng = np.random.default_rng([self.seed, number])
        return *BLOCKS[self.kind](rng, self.seed, n_rows), rng

    @cached_property
    def _shift(self):
        signal = self._drawn(HELD_OUT + 2, BLOCK)[1]
        return optimize.brentq(lambda shift: expit(signal + shift).mean() - SHARE_OF_ONES, -50.0, 50.0)

    def block(self, number, n_rows=BLOCK):
        """Ids (int64, one line a row) and labels (0 or 1) of block `number`."""
        ids, signal, rng = self._drawn(number, n_rows)
        return ids, (rng.random(n_rows) < expit(signal + self._shift)).astype(np.float64)

    def blocks(self, n_rows):
        """The first `n_rows` rows; the last block is cut, not generated shorter."""
        for number, start in enumerate(range(0, n_rows, BLOCK)):
            ids, y = self.block(number)
            yield ids[: n_rows - start], y[: n_rows - start]


def csr(ids, width, index_dtype=np.int64):
    """The rows of ones that `ids` describes, with indices of the type that is asked."""
    X = sparse.csr_matrix((len(ids), width), dtype=np.float64)
    # Assigned one by one because the constructor would choose the index type itself.
    X.indices = ids.ravel().astype(index_dtype, copy=False)
    X.indptr = np.arange(0, ids.size + 1, ids.shape[1], dtype=index_dtype)
    X.data = np.ones(ids.size)
    return X


@dataclass(frozen=True)
class StreamFiles:
    """A stream and its held-out rows on disk, as arrays and as text."""

    folder: Path

    def load(self, name):
        """One of the arrays `ids`, `y`, `held_ids`, `held_y`."""
        return np.load(self.folder / f"{name}.npy")

    @cached_property
    def facts(self):
        """What the stream is: `kind`, `rows`, `seed` and `width`."""
        return json.loads((self.folder / "facts.json").read_text())

    def describe(self):
        """One line for the head of a table."""
        return "{kind} (seed {seed}): {rows:,} rows x {width:,} columns, five ones a row".format(**self.facts)

    def text(self, held_out=False):
        """Path of the rows as Vowpal Wabbit reads them, written on first use; ids are whole numbers, so not hashed."""
        name, prefix = ("held.vw", "held_") if held_out else ("rows.vw", "")
        return self._written(name, prefix, "%d |" + N_ONES * " %d" + "\n", labels=(-1, 1), first_id=0)

    def svmlight(self):
        """Path of the rows in svmlight form, written on first use; every id has the value that the form asks for."""
        return self._written("rows.svm", "", "%d" + N_ONES * " %d:1" + "\n", labels=(0, 1), first_id=1)

    def _written(self, name, prefix, line, labels, first_id):
        path = self.folder / name
        if not path.exists():
            partial = path.with_name(f"{name}.partial")
            ids, y = self.load(f"{prefix}ids"), self.load(f"{prefix}y").astype(np.intp)
            with partial.open("w") as file:
                for start in range(0, len(y), BLOCK):
                    some = slice(start, start + BLOCK)
                    rows = np.column_stack([np.take(labels, y[some]), ids[some] + first_id])
                    file.writelines(map(line.__mod__, map(tuple, rows.tolist())))
            os.replace(partial, path)
        return path


def stream_files(kind, n_rows, seed=0):
    """The files of a stream, generated on first use."""
    folder = cache_folder() / f"stream-{kind}-{n_rows}-s{seed}-g{GENERATION}"
    if folder.exists():
        return StreamFiles(folder)
    stream = Stream(kind, seed)
    partial = Path(tempfile.mkdtemp(dir=cache_folder(), prefix="partial-"))
    try:
        shape = (n_rows, N_ONES)
        all_ids = np.lib.format.open_memmap(partial / "ids.npy", "w+", np.int64, shape)
        all_y = np.lib.format.open_memmap(partial / "y.npy", "w+", np.float64, (n_rows,))
        start = 0
        for ids, y in stream.blocks(n_rows):
            all_ids[start : start + len(y)], all_y[start : start + len(y)] = ids, y
            start += len(y)
        for name, array in zip(("held_ids", "held_y"), stream.block(HELD_OUT)):
            np.save(partial / f"{name}.npy", array)
        facts = {"kind": kind, "rows": n_rows, "seed": seed, "width": n_columns(kind)}
        (partial / "facts.json").write_text(json.dumps(facts))
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return StreamFiles(folder)
