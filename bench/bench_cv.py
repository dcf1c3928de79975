"""Cross-validated lasso: sparsereg on the wide matrix, beside one path of its own, against scikit-learn's LassoCV.

python bench/bench_cv.py --data crossed --rows 1000000 --alphas 100 --folds 10 --jobs 1 2
"""

import argparse
import json
import sys
import warnings
from pathlib import Path

import numpy as np
from common import GIB, dataset_path, machine, make_parser, medians, print_table, run_job
from data import Dataset
from peers import leave_record, timed

HEADINGS = (
    "what", "threads", "wall s", "CPU s", "wall / one path", "extra GiB", "extra / one path", "alpha chosen",
    "its mean MSE", "n",
)
READING = """
Medians over n interleaved runs, each in a process of its own. `extra GiB`: peak memory of the fit beyond the data.
sparsereg was given the matrix with all its columns, scikit-learn one whose empty columns had been removed by hand, and
the same alphas. Folds are consecutive rows. Conversion from CSR is timed; imports, loading and a warm-up are not."""


def parse():
    """Arguments of the command line."""
    parser = make_parser(__doc__, files=())
    parser.add_argument("--alphas", type=int, default=100)
    parser.add_argument("--eps", type=float, default=1e-3, help="smallest alpha over largest")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2], help="threads that share the folds")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--time-limit", type=float, default=600.0, help="seconds for one fit")
    parser.add_argument("--skip-sklearn", action="store_true")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def one_path(job, X, y):
    """One path, as long as those of the folds."""
    from sparsereg import lasso_path

    return lasso_path(X, y, n_alphas=job["alphas"], eps=job["eps"])


def ours(job, X, y):
    """Our own LassoCV."""
    from sparsereg import LassoCV

    return LassoCV(n_alphas=job["alphas"], eps=job["eps"], cv=job["folds"], n_jobs=job["jobs"]).fit(X, y)


def theirs(job, X, y):
    """scikit-learn's LassoCV on the alphas of ours; its threads share the folds too."""
    from joblib import parallel_backend
    from sklearn.linear_model import LassoCV

    top = float(np.abs(X.T @ (y - y.mean())).max() / y.size)
    model = LassoCV(alphas=top * np.geomspace(1.0, job["eps"], job["alphas"]), cv=job["folds"], n_jobs=job["jobs"])
    with warnings.catch_warnings(), parallel_backend("threading"):
        warnings.simplefilter("ignore")
        return model.fit(X, y)


FITS = {"sparsereg, one path": one_path, "sparsereg LassoCV": ours, "scikit-learn LassoCV": theirs}


def work(folder):
    """Do one job in this process: its record."""
    job = json.loads((folder / "job.json").read_text())
    dataset = Dataset.load(Path(job["dataset"]))
    X = dataset.X if job["what"].startswith("scikit") else dataset.wide()
    fit = FITS[job["what"]]
    rows = slice(0, 2_000)
    fit({**job, "alphas": 3, "folds": 2}, X[rows], dataset.y[rows])
    model, record = timed(lambda: fit(job, X, dataset.y), job["time_limit"])
    if hasattr(model, "alpha_"):
        record["alpha"] = float(model.alpha_)
        scores = model.mse_path_.mean(axis=1) if hasattr(model, "mse_path_") else model.cv_results_["mean_mse"]
        record["mse"] = float(np.min(scores))
    return record


def run_once(arguments, path, what, jobs):
    """Do one job in a process of its own: its record, or why there is none."""
    job = {key: getattr(arguments, key) for key in ("alphas", "eps", "folds", "time_limit")}
    job |= {"what": what, "jobs": jobs, "dataset": str(path)}
    failure, record, _ = run_job([sys.executable, __file__, "--worker"], job)
    print(f"{what}, {jobs} threads: {failure or record}", file=sys.stderr, flush=True)
    return {"failure": failure} if failure else record


def cells(name, jobs, records, path_records):
    """One row of the table."""
    good = [record for record in records if "failure" not in record]
    if not good:
        return [name, str(jobs), records[0]["failure"], *[""] * 6, "0"]
    wall, cpu, extra = medians(good, "wall", "cpu", "extra_memory")
    base_wall, base_extra = medians(path_records, "wall", "extra_memory")
    chosen = [f"{good[0]['alpha']:.4g}", f"{good[0]['mse']:.6g}"] if "alpha" in good[0] else ["", ""]
    return [
        name, str(jobs), f"{wall:.3g}", f"{cpu:.3g}", f"{wall / base_wall:.2f}", f"{extra / GIB:.2f}",
        f"{extra / base_extra:.2f}", *chosen, str(len(good)),
    ]


def main():
    """Run and print."""
    arguments = parse()
    if arguments.worker:
        leave_record(arguments.worker, work)
        return
    path = dataset_path(arguments)
    tasks = [("sparsereg, one path", 1), *(("sparsereg LassoCV", jobs) for jobs in arguments.jobs)]
    if not arguments.skip_sklearn:
        tasks.append(("scikit-learn LassoCV", max(arguments.jobs)))
    records = {task: [] for task in tasks}
    for _ in range(arguments.repeats):
        for task in tasks:
            if not any("failure" in record or record["wall"] > 60.0 for record in records[task]):
                records[task].append(run_once(arguments, path, *task))
    print(f"{Dataset.load(path).describe()}; {arguments.folds} folds, {arguments.alphas} alphas. {machine()}.\n")
    print_table(HEADINGS, [cells(*task, records[task], records[tasks[0]]) for task in tasks])
    print(READING)


if __name__ == "__main__":
    main()
