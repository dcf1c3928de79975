"""A click model of fifty million rows from Parquet files by `fit_stream`, and where its time goes, stage by stage.

python bench/bench_parquet.py --rows 50000000
"""

import os
import shutil
import time

import numpy as np
from common import GIB, machine, make_parser, print_table
from parquet_data import GROUP_ROWS, parquet_files
from peers import timed

PLACES, KINDS, TARGET = ["lat", "lon"], ["device", "site"], "click"
CLASSES = np.array([False, True])
MINUTES = (60, 10, 1)
BITS = 24
# Beyond the second-level cache: what a copy or a look-up costs there is what a stage can hope for.
PROBE_BYTES = 1 << 26
STAGES = ("decoding", "crossing", "hashing", "joining", "labels", "validation", "learning")


def parse():
    """Arguments of the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--alpha", type=float, default=1e-7)
    parser.add_argument("--profiled", type=int, default=GROUP_ROWS, help="rows of which each stage is timed by itself")
    parser.add_argument("--threads", type=int, default=1, help="that learn, beside the one that reads")
    parser.add_argument("--delete", action="store_true", help="the generated files afterwards")
    return parser.parse_args()


def make_reader(paths):
    """The reader, and the two transformers of its features."""
    import pyarrow as pa

    from sparsereg import FeatureCross, LatLongCross
    from sparsereg.readers.tables import ParquetReader

    cross = LatLongCross(levels=MINUTES).fit(pa.table({name: [0.0] for name in PLACES}))
    categories = FeatureCross([tuple(KINDS)], hashed=BITS).fit(pa.table({name: ["a"] for name in KINDS}))
    features = [(cross, PLACES), (categories, KINDS)]
    return ParquetReader([*map(str, paths)], target=TARGET, features=features), cross, categories


def profile(paths, arguments):
    """CPU seconds of this thread in each stage over the first rows, the bytes that it cannot but move, and rows."""
    from sparsereg import SGDClassifier
    from sparsereg.readers.labels import LabelTarget
    from sparsereg.readers.table_rows import side_by_side
    from sparsereg.streaming.encode import ClassEncoder

    reader, cross, categories = make_reader(paths)
    labels, encoder = LabelTarget(CLASSES), ClassEncoder(CLASSES, None, 0.0)
    model = SGDClassifier(alpha=arguments.alpha, n_threads=1)
    pairs = reader._rows(reader._parts)
    spent, moved, n_rows = dict.fromkeys(STAGES, 0.0), dict.fromkeys(STAGES, 0), 0

    def step(stage, call, *given):
        start = time.thread_time()
        made = call(*given)
        spent[stage] += time.thread_time() - start
        return made

    while n_rows < min(arguments.profiled, arguments.rows):
        rows, _ = step("decoding", next, pairs)
        made = [step("crossing", cross.transform, rows.table.select(PLACES))]
        made.append(step("hashing", categories.transform, rows.table.select(KINDS)))
        X = step("joining", side_by_side, made)
        y = step("labels", labels.read, rows, TARGET, None)
        batch = step("validation", encoder.encode, X, y, None)
        if n_rows == 0:
            model.partial_fit(X[:1], y[:1], classes=CLASSES)
        step("learning", model.training_.learn, batch.between(0, batch.n_rows))
        sizes = [sum(array.nbytes for array in (part.indptr, part.indices, part.data)) for part in (*made, X)]
        moved["decoding"] += rows.table.nbytes
        moved["crossing"] += rows.table.select(PLACES).nbytes + sizes[0]
        moved["hashing"] += rows.table.select(KINDS).nbytes + sizes[1]
        moved["joining"] += sum(sizes)
        moved["labels"] += rows.table.select([TARGET]).nbytes + y.nbytes
        moved["validation"] += sizes[2] + batch.y.nbytes
        n_rows += len(y)
    return spent, moved, n_rows, X.nnz / X.shape[0], model


def copy_rate():
    """Bytes read and written a second by a copy."""
    source, target = np.ones(PROBE_BYTES // 8), np.empty(PROBE_BYTES // 8)
    np.copyto(target, source)
    return 2 * PROBE_BYTES / best_of(lambda: np.copyto(target, source))


def seconds_of_a_line(n_bytes, seed):
    """Seconds that one of many independent look-ups takes in so many bytes."""
    table = np.ones(max(n_bytes // 8, 1))
    places = np.random.default_rng(seed).integers(0, table.size, 1 << 20)
    return best_of(lambda: table.take(places)) / places.size


def best_of(call, repeats=5):
    """Least CPU seconds of a few calls."""
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        call()
        times.append(time.thread_time() - start)
    return min(times)


def stages(arguments, found):
    """Rows of the table of stages."""
    spent, moved, n_rows, n_entries, model = found
    rate = copy_rate()
    limits = {stage: n_bytes / rate / n_rows for stage, n_bytes in moved.items()}
    limits["learning"] = n_entries * seconds_of_a_line(model.training_.learner.nbytes, arguments.seed)
    for stage in STAGES:
        yield [stage, *(f"{1e9 * seconds:.0f}" for seconds in (spent[stage] / n_rows, limits[stage]))]
    reading = sum(seconds for stage, seconds in spent.items() if stage != "learning")
    for name, seconds in (("reading, all of it", reading), ("reading and learning", reading + spent["learning"])):
        yield [name, f"{1e9 * seconds / n_rows:.0f}", ""]


def fit(paths, arguments):
    """Row of the table of the fit."""
    from sparsereg import SGDClassifier

    model = SGDClassifier(alpha=arguments.alpha, n_threads=arguments.threads)
    reader = make_reader(paths)[0]
    _, record = timed(lambda: model.fit_stream(reader, classes=CLASSES, progress=False), float(1 << 20))
    history = model.history_
    return [
        f"{model.t_ - 1:,}", f"{record['wall']:.1f}", f"{(model.t_ - 1) / record['wall']:,.0f}", f"{record['cpu']:.1f}",
        f"{1e9 * record['wall'] / (model.t_ - 1):.0f}", f"{record['peak_memory'] / GIB:.2f}",
        f"{record['extra_memory'] / GIB:.2f}", f"{history['nbytes'][-1] / GIB:.2f}", f"{model.n_active_:,}",
        f"{history['n_nonzero'][-1]:,}", f"{history['progressive_loss'][-1]:.5f}",
    ]


def main():
    """Generate, fit, profile and print."""
    arguments = parse()
    paths = parquet_files(arguments.rows, arguments.seed)
    size = sum(map(os.path.getsize, paths))
    print(f"{arguments.rows:,} rows in {len(paths)} files of {size / 1e6:,.0f} MB in all. {machine()}.\n")
    headings = (
        "rows", "s", "rows a second", "CPU s", "ns a row", "peak GiB", "of it for the fit", "state GiB",
        "ids touched", "non-zeros", "progressive loss",
    )
    print_table(headings, [fit(paths, arguments)])
    print(
        f"\nCPU of each stage by itself, on one core, over the first {arguments.profiled:,} rows; the limit is a copy "
        "of the bytes that the stage takes and gives, of learning one look-up in memory a non-zero.\n"
    )
    print_table(("stage", "ns a row", "limit"), stages(arguments, profile(paths, arguments)))
    if arguments.delete:
        shutil.rmtree(paths[0].parent)


if __name__ == "__main__":
    main()
