"""Rows in seven parts, as files, data frames, arrays and delayed blocks, and the same rows in one place."""

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import sparse

from sparsereg import FeatureCross, LatLongCross

N_ROWS, N_PARTS = 2_000, 7
ENDS = np.linspace(0, N_ROWS, N_PARTS + 1).astype(int)


def table():
    """Return a data frame of places, a category, a number, targets of every kind, a weight and an offset."""
    rng = np.random.default_rng(0)
    places = {"lat": rng.integers(0, 12, N_ROWS) / 6.0, "lon": rng.integers(0, 12, N_ROWS) / 6.0}
    frame = pd.DataFrame({**places, "shop": rng.choice(["a", "b", "c"], N_ROWS), "x": rng.integers(0, 4, N_ROWS) * 0.5})
    effect = (frame["lat"] > 1.0) * 1.0 + (frame["shop"] == "b") * 0.7 - frame["x"] * 0.3
    frame["y"] = effect + rng.standard_normal(N_ROWS)
    frame["label"] = np.where(frame["y"] > 0.5, "yes", "no")
    frame["colour"] = np.select([frame["y"] < 0.0, frame["y"] < 1.0], ["red", "green"], "blue")
    frame["count"] = rng.poisson(np.exp(effect)).astype(np.float64)
    frame["weight"] = rng.integers(0, 4, N_ROWS) * 0.5
    frame["offset"] = rng.integers(0, 3, N_ROWS) * 0.25
    return frame


def features(frame):
    """Return what X is made of: a cross of places, a category and a number."""
    shop = FeatureCross(["shop"]).fit(frame[["shop"]])
    return [(LatLongCross(minutes=10), ["lat", "lon"]), (shop, ["shop"]), "x"]


def matrix(frame):
    """Return X in one place."""
    (cross, places), (shop, names), x = features(frame)
    blocks = [cross.transform(frame[places].to_numpy()), shop.transform(frame[names]), frame[[x]].to_numpy()]
    return sparse.hstack(blocks, format="csr")


def parts_of(rows):
    """Cut rows of whatever kind into the seven parts."""
    cut = getattr(rows, "iloc", rows)
    return [cut[a:b] for a, b in pairwise(ENDS)]


def write_parts(frame, folder):
    """Write a Parquet file for each part; return their names."""
    names = [f"{folder}/part-{k}.parquet" for k in range(N_PARTS)]
    for name, part in zip(names, parts_of(frame), strict=True):
        part.to_parquet(name, index=False)
    return names
