"""Categories into columns: values a second of FeatureCross, from integers and strings in every container.

python bench/bench_categories.py --rows 1000000
"""

from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from common import interleaved, machine, make_parser, print_table

COLUMNS = ("ad", "device", "site", "user")


def parse():
    """Arguments of the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--levels", type=int, default=1_000_000, help="distinct values of a column")
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


def tables(n_rows, levels, seed):
    """Yield (container, table): four columns of integers, or of words of 5 to 11 letters."""
    rng = np.random.default_rng(seed)
    numbers = rng.integers(0, levels, (n_rows, len(COLUMNS)))
    wide = rng.integers(0, 2**63 - 1, numbers.shape)
    frame = pd.DataFrame(numbers, columns=COLUMNS)
    words = pd.DataFrame({name: np.char.add("user_", frame[name].to_numpy().astype("U6")) for name in COLUMNS})
    yield "integers, NumPy", numbers
    yield "integers of 63 bits, NumPy", wide
    yield "integers, pandas", frame
    yield "integers with a mask, pandas", frame.astype("Int64")
    yield "integers, Arrow", pa.Table.from_pandas(frame)
    yield "integers, polars", pl.from_pandas(frame)
    yield "whole floats, pandas", frame.astype(np.float64)
    yield "strings, Arrow", pa.Table.from_pandas(words)
    yield "strings, polars", pl.from_pandas(words)
    yield "strings, pandas (its own type)", words.astype("str")
    yield "strings, pandas (objects)", words.astype(object)
    yield "strings, pandas (categories)", words.astype("category")
    yield "strings, NumPy (fixed width)", words.to_numpy(dtype="U11")
    yield "strings, NumPy (variable width)", words.to_numpy(dtype=object).astype(np.dtypes.StringDType())


def speeds(table, repeats):
    """Millions of values a second of `transform`, hashed and exact."""
    from sparsereg import FeatureCross

    columns = list(range(len(COLUMNS)))
    crosses = {"hashed": FeatureCross(columns, hashed=30).fit(table), "exact": FeatureCross(columns).fit(table)}
    times = interleaved({name: partial(cross.transform, table) for name, cross in crosses.items()}, repeats)
    return [f"{len(table) * len(COLUMNS) / seconds / 1e6:.1f}" for seconds in times.values()]


def main():
    """Run and print."""
    arguments = parse()
    print(
        f"Four columns of {arguments.rows:,} rows, {arguments.levels:,} levels each, no crosses: millions of values a "
        f"second of `FeatureCross.transform`, CPU time, median of {arguments.repeats}. {machine()}.\n"
    )
    every = tables(arguments.rows, arguments.levels, arguments.seed)
    rows = ([container, *speeds(table, arguments.repeats)] for container, table in every)
    print_table(("container", "hashed to 2^30", "exact"), rows)


if __name__ == "__main__":
    main()
