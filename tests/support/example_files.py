"""The files that the examples of the command line and the README work on."""

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sparsereg.cli.main import main


def write_example_files(folder: Path) -> None:
    """Write houses.csv, houses-new.csv (the last rows, without the target), clicks.parquet and words.svm."""
    assert main(["demo", "--write", str(folder / "houses.csv")]) == 0
    with open(folder / "houses.csv", newline="") as file:
        names, *rows = csv.reader(file)
    kept = [k for k, name in enumerate(names) if name != "median_house_value"]
    with open(folder / "houses-new.csv", "w", newline="") as file:
        csv.writer(file).writerows([[row[k] for k in kept] for row in (names, *rows[-100:])])
    pq.write_table(pa.table(clicks(3_000)), folder / "clicks.parquet")
    write_words(folder / "words.svm", 500)


def clicks(n_rows: int, seed: int = 0) -> dict:
    """Clicks around ten cities: whether one comes depends on place, device and hour."""
    rng = np.random.default_rng(seed)
    city = rng.integers(0, 10, n_rows)
    centres = np.random.default_rng(1).uniform([25, -120], [48, -70], (10, 2))
    lat, lon = (centres[city] + rng.normal(scale=0.3, size=(n_rows, 2))).T
    device = rng.integers(0, 3, n_rows)
    hour = rng.integers(0, 24, n_rows)
    odds = 1.5 * np.sin(3 * lat) + 0.8 * (device == 1) + 0.5 * np.cos(hour / 4) - 0.5
    return {
        "lat": lat,
        "lon": lon,
        "device": np.array(["phone", "desk", "tablet"])[device],
        "hour": hour,
        "clicked": (rng.random(n_rows) < 1 / (1 + np.exp(-odds))).astype(np.int64),
    }


def write_words(path: Path, n_rows: int, seed: int = 0) -> None:
    """Write texts as counts of 1,000 words in svmlight, with labels 1 and -1."""
    rng = np.random.default_rng(seed)
    with open(path, "w") as file:
        for _ in range(n_rows):
            ids = np.unique(np.minimum(rng.zipf(1.3, 20), 1_000))
            label = 1 if rng.random() < 1 / (1 + np.exp(0.5 * (5 in ids) - 1.0 * (7 in ids))) else -1
            file.write(f"{label} " + " ".join(f"{i}:{rng.integers(1, 4)}" for i in ids) + "\n")
