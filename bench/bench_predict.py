"""What a prediction costs: one row at a time, and batches against SciPy's product with a dense vector.

python bench/bench_predict.py --rows 400000
"""

import argparse
import time

import numpy as np
from common import interleaved, machine, print_table
from scipy import sparse

PER_ROW = 5  # non-zeros, as crosses of three levels and two bands have
CROSSED = 235_710_000
DENSE = 1_000_000  # the widest that a dense vector is made for
CALLS = 20


def model_of(cls, n_weights, width, rng, n_vectors=1):
    """Return a fitted model with weights at random ids, and the ids."""
    from sparsereg.coef import SparseCoef

    ids = np.unique(rng.integers(0, width, n_weights + n_weights // 10))
    ids = np.sort(rng.permutation(ids)[:n_weights])
    model = cls(alpha=1.0).fit(np.eye(3), np.arange(3) % max(n_vectors, 2))
    model._coef = SparseCoef.from_active(ids, rng.standard_normal((ids.size, n_vectors)), width)
    model.n_features_in_ = width
    return model, ids


def rows_of(ids, hits, n_rows, width, index, rng):
    """Return rows that meet a share of the ids beside others."""
    indices = rng.integers(0, width, n_rows * PER_ROW)
    known = rng.random(indices.size) < hits
    indices[known] = ids[rng.integers(0, ids.size, np.count_nonzero(known))]
    data, indptr = rng.standard_normal(indices.size), np.arange(0, indices.size + 1, PER_ROW)
    return sparse.csr_array((data, indices.astype(index), indptr.astype(index)), shape=(n_rows, width))


def shortest(call, repeats=1000):
    """Return the seconds of a call, a mean of some, the smallest of many such means: what else runs only adds to it."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        times.append((time.perf_counter() - start) / CALLS)
    return min(times)


def single_rows(rng):
    """Rows of the table of single predictions: microseconds."""
    from sparsereg import Lasso, LogisticRegression, PoissonRegressor, SGDClassifier

    calls = (
        (Lasso, "predict"), (PoissonRegressor, "predict"), (LogisticRegression, "predict"),
        (LogisticRegression, "predict_proba"),
    )
    for cls, name in calls:
        model, ids = model_of(cls, 1000, CROSSED, rng)
        row = rows_of(ids, 0.5, 1, CROSSED, np.int64, rng)
        yield [f"{cls.__name__}.{name}", f"{1e6 * shortest(lambda: getattr(model, name)(row)):.1f}"]  # noqa: B023
    row = rows_of(np.arange(DENSE), 0.5, 1, DENSE, np.int32, rng)
    model = SGDClassifier().partial_fit(row, [1], classes=[0, 1])
    yield ["SGDClassifier.predict_proba", f"{1e6 * shortest(lambda: model.predict_proba(row)):.1f}"]
    w = rng.standard_normal(DENSE)
    yield [f"SciPy: X @ w, {DENSE:,} columns", f"{1e6 * shortest(lambda: row @ w):.1f}"]


def batches(n_rows, repeats, rng):
    """Rows of the table of batches: millions of non-zeros a second."""
    from sparsereg import Lasso

    for n_weights in (1_000, 100_000, 1_000_000):
        for width, index in ((DENSE, np.int32), (CROSSED, np.int32), (CROSSED, np.int64)):
            if n_weights == width:
                continue
            model, ids = model_of(Lasso, n_weights, width, rng)
            for hits in (0.05, 1.0):
                X = rows_of(ids, hits, n_rows, width, index, rng)
                steps = {"ours": lambda: model.predict(X)}  # noqa: B023
                if width <= DENSE:
                    w = model.sparse_coef_.toarray().ravel()
                    steps["SciPy"] = lambda: X @ w  # noqa: B023
                rates = {name: X.nnz / seconds / 1e6 for name, seconds in interleaved(steps, repeats).items()}
                name = f"{n_weights:,}", f"{width:,}", np.dtype(index).name, f"{hits:.0%}"
                yield [*name, f"{rates['ours']:.0f}", f"{rates['SciPy']:.0f}" if "SciPy" in rates else ""]


def several(n_rows, repeats, rng):
    """Rows of the table of several vectors: millions of non-zeros a second."""
    from sparsereg import LogisticRegression

    for n_vectors in (3, 10, 100):
        model, ids = model_of(LogisticRegression, 10_000, DENSE, rng, n_vectors)
        X = rows_of(ids, 0.5, n_rows // n_vectors, DENSE, np.int32, rng)
        w = model.sparse_coef_.toarray().T
        steps = {"ours": lambda: model._coef.decision(X), "SciPy": lambda: X @ w}  # noqa: B023
        rates = {name: X.nnz / seconds / 1e6 for name, seconds in interleaved(steps, repeats).items()}
        yield [f"{n_vectors}", f"{rates['ours']:.1f}", f"{rates['SciPy']:.1f}"]


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    print(f"{PER_ROW} non-zeros a row. {machine()}.\n")
    print_table(("one row", "microseconds"), single_rows(rng))
    print(f"\n{arguments.rows:,} rows; millions of non-zeros a second, median CPU of {arguments.repeats} runs.\n")
    headings = ("weights", "columns", "ids", "with a weight", "sparsereg, predict", "SciPy, X @ w")
    print_table(headings, batches(arguments.rows, arguments.repeats, rng))
    print("\n10,000 weights a vector in 1,000,000 columns, half of the ids with one.\n")
    print_table(("vectors", "sparsereg", "SciPy, X @ W"), several(arguments.rows, arguments.repeats, rng))


if __name__ == "__main__":
    main()
