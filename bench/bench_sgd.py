"""SGD estimators: passes, several alphas, two threads, fits in memory; dense rows beside scikit-learn.

python bench/bench_sgd.py --rows 1000000
"""

import numpy as np
from common import interleaved_clocks, machine, make_parser, print_table
from stream_data import N_ONES, csr, stream_files
from stream_peers import parts_of

BATCH = 100_000
CLASSES = np.array([0.0, 1.0])
DENSE_SHAPE = 20_000, 500


def parse():
    """Arguments of the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the two streams")
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def pass_over(X, y, alpha, **settings):
    """One pass of partial_fit over blocks of rows."""
    from sparsereg import SGDClassifier

    model = SGDClassifier(alpha=alpha, **settings)
    for block, labels in parts_of(X, y, BATCH):
        model.partial_fit(block, labels, classes=CLASSES)
    return model


def known_places(X, y, alpha):
    """A second pass over rows in memory whose states are known: seconds of the first two passes less those of one."""
    from sparsereg import SGDClassifier

    settings = {"alpha": alpha, "tol": None, "shuffle": False, "certify": False}
    one, two = (SGDClassifier(max_iter=n, **settings).fit(X, y).training_.seconds for n in (1, 3))
    return (two - one) / 2


def stream_contests(X, y, n_rows):
    """What is timed on one stream: names and calls."""
    from sparsereg import SGDClassifier

    alpha = 1.0 / n_rows
    four, eight = (tuple(alpha * np.geomspace(0.1, 100.0, n)) for n in (4, 8))
    return {
        "partial_fit": lambda: pass_over(X, y, alpha),
        "partial_fit, n_threads=2": lambda: pass_over(X, y, alpha, n_threads=2),
        "4 alphas": lambda: pass_over(X, y, four),
        "8 alphas": lambda: pass_over(X, y, eight),
        "8 alphas, n_threads=2": lambda: pass_over(X, y, eight, n_threads=2),
        "fit(max_iter=1)": lambda: SGDClassifier(alpha=alpha, max_iter=1, tol=None).fit(X, y),
        "partial_fit, eta0='auto'": lambda: pass_over(X, y, alpha, eta0="auto"),
    }


def dense_contests(seed):
    """What is timed on dense rows: names and calls, ours and scikit-learn's in turn."""
    from sklearn.linear_model import SGDClassifier as Peer

    from sparsereg import SGDClassifier

    rng = np.random.default_rng(seed)
    X = rng.normal(size=DENSE_SHAPE)
    y = (X[:, :20] @ rng.normal(size=20) + 2.0 * rng.normal(size=len(X)) > 0.0).astype(float)
    few = {"tol": None, "certify": False, "random_state": 0}
    peer = {"loss": "log_loss", "penalty": "l1", "random_state": 0}
    return {
        "a pass": lambda: SGDClassifier().partial_fit(X, y, classes=CLASSES),
        "a pass, scikit-learn": lambda: Peer(**peer).partial_fit(X, y, CLASSES),
        "five passes": lambda: SGDClassifier(max_iter=5, **few).fit(X, y),
        "five passes, scikit-learn": lambda: Peer(max_iter=5, tol=None, **peer).fit(X, y),
        "default fit": lambda: SGDClassifier(random_state=0).fit(X, y),
        "default fit, scikit-learn": lambda: Peer("log_loss", random_state=0).fit(X, y),
    }


def main():
    """Print what everything costs: nanoseconds a non-zero of streams, seconds of dense fits."""
    arguments = parse()
    print(machine())
    for kind in ("latlong", "hashed"):
        data = stream_files(kind, arguments.rows, arguments.seed)
        X, y = csr(data.load("ids"), data.facts["width"]), data.load("y")
        found = interleaved_clocks(stream_contests(X, y, arguments.rows), arguments.repeats)
        unit = arguments.rows * N_ONES * 1e-9
        one = found["partial_fit"]
        rows = [[name, f"{wall / unit:.1f}", f"{cpu / unit:.1f}", f"{wall / one[0]:.2f}", f"{cpu / one[1]:.2f}"]
                for name, (wall, cpu) in found.items()]
        print(f"\n{data.describe()}\n")
        print_table(["", "wall ns a non-zero", "CPU ns", "wall / partial_fit", "CPU / partial_fit"], rows)
        learner = pass_over(X, y, 1.0 / arguments.rows).training_.learner
        places = known_places(X, y, 1.0 / arguments.rows)
        print(f"\nbytes a touched id: {learner.nbytes / learner.n_touched:.1f}; known places: {places / unit:.1f} ns")
    found = interleaved_clocks(dense_contests(arguments.seed), arguments.repeats)
    print("\ndense, {:,} x {:,}\n".format(*DENSE_SHAPE))
    print_table(["", "wall s", "CPU s"], [[name, f"{wall:.3f}", f"{cpu:.3f}"] for name, (wall, cpu) in found.items()])


if __name__ == "__main__":
    main()
