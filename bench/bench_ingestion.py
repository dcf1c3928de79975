"""What it costs to bring a matrix in, and to make one of coordinates.

python bench/bench_ingestion.py --rows 1000000
"""

import numpy as np
from common import dataset_path, interleaved, machine, make_parser, print_table
from data import N_LAT, N_LON, Dataset

UNIQUE = "np.unique(indices, return_inverse=True)"


def ingestion(dataset, repeats):
    """Rows of the table of ingestion: nanoseconds per non-zero."""
    from sparsereg.design import compact_ids, make_design

    wide, compact = dataset.wide(), dataset.X
    long_ids = wide.indices.astype(np.int64)
    vector = np.ones(compact.shape[1])
    steps = {
        UNIQUE: lambda: np.unique(wide.indices, return_inverse=True),
        f"{UNIQUE}, int64": lambda: np.unique(long_ids, return_inverse=True),
        "X @ w on the compacted matrix, for scale": lambda: compact @ vector,
        "compact_ids, int64": lambda: compact_ids(long_ids, wide.shape[1]),
        "compact_ids": lambda: compact_ids(wide.indices, wide.shape[1]),
        "make_design, rows not aggregated": lambda: make_design(wide, aggregate=False),
        "make_design": lambda: make_design(wide),
    }
    times = interleaved(steps, repeats)
    for name, seconds in times.items():
        yield [name, f"{seconds:.4f}", f"{1e9 * seconds / wide.nnz:.1f}", f"{times[UNIQUE] / seconds:.1f}"]


def coordinates(dataset):
    """Middle of every row's cell, in degrees (latitude, longitude)."""
    cell = dataset.columns[dataset.X.indices[2::3]] - N_LAT - N_LON
    return np.column_stack([(cell // N_LON + 0.5) / 60.0 - 90.0, (cell % N_LON + 0.5) / 60.0 - 180.0])


def crosses(dataset, repeats):
    """Rows of the table of crosses: rows per second."""
    from sparsereg import LatLongCross

    degrees = coordinates(dataset)
    cross = LatLongCross(minutes=1.0).fit(degrees)
    made = cross.transform(degrees)
    if not np.array_equal(made.indices, dataset.columns[dataset.X.indices]):
        raise AssertionError("LatLongCross and the generator disagree on the columns")
    seconds = interleaved({"LatLongCross": lambda: cross.transform(degrees)}, repeats)["LatLongCross"]
    yield ["LatLongCross(minutes=1).transform", f"{seconds:.4f}", f"{len(degrees) / seconds:,.0f}"]


def main():
    """Run and print."""
    parser = make_parser(__doc__, files=())
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    dataset = Dataset.load(dataset_path(arguments))
    print(f"{dataset.describe()}. {machine()}. Median CPU of {arguments.repeats} interleaved runs.\n")
    rows = ingestion(dataset, arguments.repeats)
    print_table(("step", "CPU s", "ns per non-zero", "times faster than np.unique"), rows)
    if arguments.data == "crossed":
        print()
        print_table(("step", "CPU s", "rows per second"), crosses(dataset, arguments.repeats))


if __name__ == "__main__":
    main()
