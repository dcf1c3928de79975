"""What it costs to read text in svmlight form: sparsereg and scikit-learn.

python bench/bench_svmlight.py --rows 500000
"""

import gzip
import os
import tempfile
from pathlib import Path

import numpy as np
from common import interleaved, machine, make_parser, print_table

# How values are written; ids are those of 2**28 columns, which scikit-learn can hold too.
VALUES = {"1": "1", "6 digits": "{:.6f}", "17 digits": "{!r}"}
N_COLUMNS = 2**28


def parse():
    """Arguments of the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--nonzeros", type=int, default=5, help="of a row")
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def write(path, pattern, arguments):
    """Write rows of labels 0 and 1 and ascending random ids."""
    rng = np.random.default_rng(arguments.seed)
    shape = (arguments.rows, arguments.nonzeros)
    ids, labels = np.sort(rng.integers(1, N_COLUMNS + 1, shape), axis=1), rng.integers(0, 2, arguments.rows)
    with open(path, "w", encoding="ascii") as file:
        for label, row, values in zip(labels.tolist(), ids.tolist(), rng.random(shape).tolist()):
            pairs = (f"{id_}:{pattern.format(value)}" for id_, value in zip(row, values))
            file.write(f"{label} {' '.join(pairs)}\n")


def ours(path):
    """Read all blocks; return the sums of labels, ids and values."""
    from sparsereg.readers.svmlight import SvmlightReader

    sums = np.zeros(3)
    for block in SvmlightReader(path, n_features=N_COLUMNS):
        sums += block.y.sum(), block.X.indices.sum(dtype=np.int64), block.X.data.sum()
    return sums


def theirs(path):
    """Read with scikit-learn; return the same sums."""
    from sklearn.datasets import load_svmlight_file

    X, y = load_svmlight_file(str(path), n_features=N_COLUMNS, zero_based=False)
    return y.sum(), X.indices.sum(dtype=np.int64), X.data.sum()


def rows_of(folder, arguments):
    """Rows of the table: one for every way of writing values and every reader."""
    for values, pattern in VALUES.items():
        plain = Path(folder) / "plain.svm"
        write(plain, pattern, arguments)
        packed = Path(folder) / "packed.svm.gz"
        packed.write_bytes(gzip.compress(plain.read_bytes(), 6))
        # Sums of values are taken block by block in one case and at once in the other.
        np.testing.assert_allclose(ours(plain), theirs(plain), rtol=1e-12)
        steps = {
            "sparsereg": lambda plain=plain: ours(plain),
            "scikit-learn": lambda plain=plain: theirs(plain),
            "sparsereg, gzipped": lambda packed=packed: ours(packed),
            "scikit-learn, gzipped": lambda packed=packed: theirs(packed),
        }
        n_bytes, times = os.path.getsize(plain), interleaved(steps, arguments.repeats)
        for name, seconds in times.items():
            peer = times["scikit-learn" + (", gzipped" if "gzipped" in name else "")]
            rate, per_entry = n_bytes / seconds / 1e6, 1e9 * seconds / (arguments.rows * arguments.nonzeros)
            yield [values, name, f"{seconds:.3f}", f"{rate:,.0f}", f"{per_entry:.0f}", f"{peer / seconds:.1f}"]


def main():
    """Run and print."""
    arguments = parse()
    print(
        f"{arguments.rows:,} rows x {arguments.nonzeros}, ids up to 2**28. {machine()}. "
        f"Median CPU of {arguments.repeats} interleaved runs; MB of text, unpacked.\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        columns = ("values", "reader", "CPU s", "MB/s", "ns per non-zero", "times faster than scikit-learn")
        print_table(columns, rows_of(folder, arguments))


if __name__ == "__main__":
    main()
