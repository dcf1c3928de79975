"""Parquet files of points and categories with clicks: seeded, of any number of rows, block by block.

Columns are `lat` and `lon` in degrees to five decimals, around 2,500 cities, `device` of a thousand levels, `site` of
fifty thousand, both text and skewed, and `click`, true or false. Files are written as most are: snappy, dictionaries
for text, several row groups each.
"""

from __future__ import annotations

import os
import shutil
import tempfile

import numpy as np
from data import SHARE_OF_ONES, cache_folder, coordinates
from scipy import optimize
from scipy.special import expit
from stream_data import BLOCK, BOX, HELD_OUT, american_cities, effects

GENERATION = 1  # part of the cache folder's name: raise it when the generator changes
GROUP_ROWS = 1_000_000
FILE_ROWS = 5 * GROUP_ROWS
LEVELS = {"device": 1_000, "site": 50_000}


def drawn(seed, number, n_rows=BLOCK):
    """Block `number`: coordinates, a code for each of `LEVELS`, log-odds, and the generator that goes on from there."""
    rng = np.random.default_rng([seed, number])
    lat, lon = coordinates(rng, american_cities(seed), n_rows, box=BOX)
    lat, lon = np.round(np.clip(lat, -89.0, 89.0), 5), np.round(np.clip(lon, -179.0, 179.0), 5)
    # Popularity falls as one over the rank.
    codes = {name: np.floor(size ** rng.random(n_rows)).astype(np.int32) for name, size in LEVELS.items()}
    cell = np.floor(lat * 60.0).astype(np.int64) * 21_600 + np.floor(lon * 60.0).astype(np.int64)
    signal = 0.8 * np.sin(0.3 * lat) + 0.8 * np.cos(0.15 * lon) + 0.4 * np.sin(lat * lon / 200.0)
    signal += effects(cell, seed + 1, 0.1, 1.0)
    for salt, code in enumerate(codes.values()):
        signal += effects(code, seed + 2 + salt, 0.3, 0.8)
    return lat, lon, codes, signal, rng


def tables(seed, n_rows):
    """The first `n_rows` rows as tables of `BLOCK` rows; the last one is cut, not generated shorter."""
    import pyarrow as pa

    signal = drawn(seed, HELD_OUT)[3]
    shift = optimize.brentq(lambda shift: expit(signal + shift).mean() - SHARE_OF_ONES, -50.0, 50.0)
    names = {name: pa.array([f"{name} {k}" for k in range(size + 1)]) for name, size in LEVELS.items()}
    for number, start in enumerate(range(0, n_rows, BLOCK)):
        lat, lon, codes, signal, rng = drawn(seed, number)
        texts = {name: pa.DictionaryArray.from_arrays(code, names[name]) for name, code in codes.items()}
        click = rng.random(BLOCK) < expit(signal + shift)
        yield pa.table({"lat": lat, "lon": lon, **texts, "click": click}).slice(0, n_rows - start)


def parquet_files(n_rows, seed=0):
    """Paths of the files, generated on first use."""
    folder = cache_folder() / f"parquet-{n_rows}-s{seed}-g{GENERATION}"
    if not folder.exists():
        partial = tempfile.mkdtemp(dir=cache_folder(), prefix="partial-")
        try:
            write(partial, tables(seed, n_rows))
            os.replace(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return sorted(folder.glob("*.parquet"))


def write(folder, blocks):
    """Write tables to files of `FILE_ROWS` rows, as text even where they hold positions in a list of texts."""
    from pyarrow import parquet

    writer = None
    try:
        for number, block in enumerate(blocks):
            place = number * BLOCK % FILE_ROWS
            if place == 0:
                if writer is not None:
                    writer.close()
                path = f"{folder}/part-{number * BLOCK // FILE_ROWS:03d}.parquet"
                # Without a schema of Arrow's they are read as what they are to all others: text.
                writer, held = parquet.ParquetWriter(path, block.schema, store_schema=False), []
            held.append(block)
            n_held = sum(map(len, held))
            if n_held >= GROUP_ROWS or len(block) < BLOCK:
                writer.write_table(joined(held), row_group_size=GROUP_ROWS)
                held = []
        if held:
            writer.write_table(joined(held), row_group_size=GROUP_ROWS)
    finally:
        if writer is not None:
            writer.close()


def joined(held):
    """Tables end to end."""
    import pyarrow as pa

    return pa.concat_tables(held)
