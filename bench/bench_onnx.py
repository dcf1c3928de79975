"""ONNX exports in onnxruntime: ids a second, time of one row, bytes, against predictions of this library.

python bench/bench_onnx.py --weights 1000 100000 1000000
"""

import os
import tempfile
from functools import partial

import numpy as np
import onnxruntime
from common import interleaved, machine, make_parser, print_table
from scipy import sparse

from sparsereg import LatLongCross, LogisticRegression
from sparsereg.coef import SparseCoef
from sparsereg.export import to_onnx

ONES = 5  # of a row, as a LatLongCross with three levels makes them


def parse():
    """Arguments of the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("--weights", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--known", type=float, default=0.5, help="share of the ids that have a weight")
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


def model_of(n_weights, n_features, rng):
    """A classifier with random weights at random ids."""
    model = LogisticRegression().fit(sparse.csr_matrix((2, n_features)), [0, 1])
    ids = np.unique(rng.integers(0, n_features, n_weights))
    model._coef = SparseCoef.from_active(ids, rng.normal(size=ids.size), n_features)
    return model


def session(model, path, **words):
    """A runtime of one thread."""
    to_onnx(model, path, **words)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def many(step, n=1_000):
    """Call a step often."""
    for _ in range(n):
        step()


def measure(n_weights, compress, arguments, folder):
    """One row of the table."""
    rng = np.random.default_rng(arguments.seed)
    cross = LatLongCross(levels=(60, 10, 1))
    n_features = cross.fit(np.zeros((1, 2))).n_features_out_
    model = model_of(n_weights, n_features, rng)
    points = rng.uniform([-90, -180], [90, 180], (arguments.rows, 2))
    ids = rng.integers(0, n_features, (arguments.rows, ONES))
    known = rng.random(ids.shape) < arguments.known
    ids[known] = rng.choice(model._coef.ids, np.count_nonzero(known))
    indptr = np.arange(0, ids.size + 1, ONES)
    X = sparse.csr_matrix((np.ones(ids.size), ids.ravel(), indptr), shape=(arguments.rows, n_features))
    path = os.path.join(folder, "model.onnx")
    of_points = session(model, path, transformer=cross, compress=compress)
    of_ids, size = session(model, path, compress=compress), os.path.getsize(path)
    error = np.abs(of_ids.run(["probabilities"], {"ids": ids})[0] - model.predict_proba(X)).max()
    seconds = interleaved({
        "ids": partial(of_ids.run, None, {"ids": ids}), "points": partial(of_points.run, None, {"points": points}),
        "own": partial(model.predict_proba, X),
        "one": partial(many, partial(of_ids.run, None, {"ids": ids[:1]})),
        "one point": partial(many, partial(of_points.run, None, {"points": points[:1]})),
    }, arguments.repeats)  # fmt: skip
    speeds = [f"{ids.size / seconds[name] / 1e6:.0f}" for name in ("ids", "points", "own")]
    times = [f"{1e3 * seconds[name]:.1f}" for name in ("one", "one point")]
    return [f"{n_weights:,}", compress or "float64", f"{size / 1e3:,.1f}", *speeds, *times, f"{error:.0e}"]


def main():
    """Run and print."""
    arguments = parse()
    print(
        f"Rows of {ONES} ids of a LatLongCross, {arguments.rows:,} at once or one. CPU time, median of "
        f"{arguments.repeats}. onnxruntime {onnxruntime.__version__}, {machine()}.\n"
    )
    headings = (
        "weights", "kept as", "kB", "ids: M ids / s", "from points: M ids / s", "predict_proba: M ids / s",
        "one row of ids: us", "one point: us", "largest error",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        print_table(headings, (
            measure(n, compress, arguments, folder) for n in arguments.weights for compress in (None, "float32")
        ))  # fmt: skip


if __name__ == "__main__":
    main()
