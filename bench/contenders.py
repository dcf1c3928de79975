"""What the contenders of bench_peers.py do, and the process that runs one of them.

As peers.py, this file is started with the interpreter of the solver's own environment. A contender is given X, y and a
job, and returns the call that is timed, which may return coefficients and intercepts to be judged. Imports, data and a
first call come before the clock; short calls are repeated, and the median counts.
"""

from __future__ import annotations

import functools
import json
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import peers
from objective import DELTA
from scipy import sparse
from workloads import WORKLOADS

# Calls are repeated for so many seconds, but no more often; one that takes longer than SLOW is not.
ENOUGH, MOST_CALLS, SLOW = 0.6, 300, 0.5


# --- paths ------------------------------------------------------------------------------------------------------------


def path_of(name):
    """A path, by an adapter of peers.py."""

    def contender(X, y, job):
        fit = peers.PEERS[name].fits[job.loss]
        return lambda: fit(X, y, job.alphas, job.l1_ratio, True, **job.settings)

    return contender


def sklearn_dense(X, y, job):
    """The enet_path of scikit-learn on centred columns; it decides about a Gram matrix."""
    from sklearn.linear_model import enet_path

    options = {"l1_ratio": job.l1_ratio, "alphas": job.alphas, "max_iter": 100_000, "copy_X": False, **job.settings}

    def call():
        mean, y_mean = X.mean(axis=0), y.mean()
        _, coefs, _ = enet_path(X - mean, y - y_mean, **options)
        return coefs, y_mean - mean @ coefs

    return call


def sklearn_ridge(X, y, job):
    """The Ridge of scikit-learn, one fit an alpha."""
    return lambda: peers.sklearn_ridge(X, y, job.alphas, 0.0, True, **job.settings)


def sklearn_logistic(X, y, job):
    """The L-BFGS of scikit-learn's LogisticRegression, warm-started from one alpha to the next."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(warm_start=True, max_iter=10_000, **job.settings)

    def call():
        coefs, intercepts = zip(*(read(model.set_params(C=1 / (alpha * y.size)).fit(X, y)) for alpha in job.alphas))
        return np.column_stack(coefs), np.array(intercepts)

    return call


# --- one fit ----------------------------------------------------------------------------------------------------------


def read(model):
    """Coefficients and intercept of a fitted model."""
    return np.array(np.ravel(model.coef_)), float(np.ravel(model.intercept_)[0])


def fit_of(make):
    """Fit an estimator at the first alpha; `make` takes the job and the number of rows."""

    def contender(X, y, job):
        model = make(job, y.size)
        fit = functools.partial(model.fit, X, y)
        fit.answer = lambda: tuple(np.atleast_1d(values).reshape(-1, 1) for values in read(model))
        return fit

    return contender


def our_estimator(job, n_rows):
    """The estimator of sparsereg for a loss and a penalty."""
    import sparsereg

    names = {"logistic": "LogisticRegression", "poisson": "PoissonRegressor", "squared_hinge": "LinearSVC",
             "huber": "HuberRegressor", "squared": "Lasso" if job.l1_ratio else "Ridge"}
    beside = {"delta": DELTA} if job.loss == "huber" else {}
    if job.loss != "squared":
        beside["l1_ratio"] = job.l1_ratio
    return getattr(sparsereg, names[job.loss])(alpha=job.alphas[0], **beside, **job.settings)


def sklearn_estimator(job, n_rows):
    """The estimator of scikit-learn for the same problem, or for the one closest to it."""
    from sklearn import linear_model, svm

    alpha, options = job.alphas[0], job.settings
    if job.loss == "logistic":
        l1_ratio = {"l1_ratio": job.l1_ratio} if job.l1_ratio else {}
        return linear_model.LogisticRegression(C=1 / (alpha * n_rows), max_iter=10_000, **l1_ratio, **options)
    if job.loss == "poisson":
        return linear_model.PoissonRegressor(alpha=alpha, max_iter=10_000, **options)
    if job.loss == "squared_hinge":
        return svm.LinearSVC(C=1 / (alpha * n_rows), max_iter=100_000, **options)
    if job.loss == "huber":
        return linear_model.HuberRegressor(epsilon=DELTA, alpha=alpha * n_rows, max_iter=10_000, **options)
    if job.l1_ratio == 0.0:
        return linear_model.Ridge(alpha * n_rows, **options)
    return linear_model.Lasso(alpha, max_iter=100_000, **options)


# --- cross-validation, L0, relaxed paths, predictions -----------------------------------------------------------------


def our_cv(X, y, job):
    """Fit the cross-validated estimator of sparsereg."""
    import sparsereg

    kind = sparsereg.LassoCV if job.loss == "squared" else sparsereg.LogisticRegressionCV
    model = kind(cv=job.settings.get("folds", 5), n_jobs=job.settings.get("jobs", 1))
    return functools.partial(model.fit, X, y)


def sklearn_cv(X, y, job):
    """The LassoCV of scikit-learn."""
    from sklearn.linear_model import LassoCV

    return functools.partial(LassoCV(cv=5, max_iter=100_000).fit, X, y)


def our_l0(X, y, job):
    """The L0 path of sparsereg."""
    import sparsereg

    return lambda: sparsereg.regularization_path(X, y, penalty="l0", n_alphas=30)


def abess(X, y, job):
    """The LinearRegression of abess at 30 sizes."""
    from abess.linear import LinearRegression

    return functools.partial(LinearRegression(support_size=range(30), thread=1).fit, X, y)


def relaxed_path(X, y, job):
    """The relaxed path of sparsereg."""
    import sparsereg

    return lambda: sparsereg.lasso_path(X, y, alphas=job.alphas, relax=True)


def our_prediction(X, y, job):
    """Predictions of one model."""
    import sparsereg

    return functools.partial(sparsereg.Lasso(alpha=job.alphas[0]).fit(X, y).predict, X)


def sklearn_prediction(X, y, job):
    """Predictions of one model of scikit-learn."""
    from sklearn.linear_model import Lasso

    return functools.partial(Lasso(alpha=job.alphas[0]).fit(X, y).predict, X)


def path_prediction(X, y, job):
    """Predictions of a path at all of 30 alphas, or at the last."""
    import sparsereg

    path = sparsereg.lasso_path(X, y, n_alphas=30, eps=1e-2)
    return functools.partial(path.predict, X, path.alphas[-1] if "last" in job.settings else None)


CONTENDERS = {
    "sparsereg": path_of("sparsereg"), "adelie": path_of("adelie"), "sklearn-dense": sklearn_dense,
    "sklearn-ridge-dense": sklearn_ridge, "sklearn-logistic": sklearn_logistic,
    "sparsereg-fit": fit_of(our_estimator), "sklearn-fit": fit_of(sklearn_estimator),
    "sparsereg-cv": our_cv, "sklearn-cv": sklearn_cv, "sparsereg-l0": our_l0, "abess": abess,
    "sparsereg-relaxed": relaxed_path, "sparsereg-predict": our_prediction, "sklearn-predict": sklearn_prediction,
    "sparsereg-predict-path": path_prediction,
}


# --- the process ------------------------------------------------------------------------------------------------------


def repeated(call):
    """Call once, then again and again: medians of CPU and wall seconds, and what the last call returned."""
    wall, cpu, answer = clocked(call)
    if wall > SLOW:
        return answer, {"wall": wall, "cpu": cpu}
    spent = []
    while sum(wall for wall, _ in spent) < ENOUGH and len(spent) < MOST_CALLS:
        wall, cpu, answer = clocked(call)
        spent.append((wall, cpu))
    walls, cpus = zip(*spent)
    return answer, {"wall": statistics.median(walls), "cpu": statistics.median(cpus)}


def clocked(call):
    """Wall and CPU seconds of a call, and what it returned."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = call()
    return time.perf_counter() - wall, time.process_time() - cpu, answer


def run_python(X, y, job):
    """Time a contender in this process."""
    make = CONTENDERS[job.name]
    rows = slice(0, 500)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make(X[rows], y[rows], job)()
        call = make(X, y, job)
        answer, record = repeated(call)
    answer = call.answer() if hasattr(call, "answer") else answer
    return answer, record


def run_r(X, y, job, folder):
    """Time glmnet or cv.glmnet in a process of R."""
    if job.name == "glmnet":
        coefs, intercepts, record = peers.run_glmnet({**vars(job), "fit_intercept": True}, X, y, job.alphas, folder)
        return (coefs, intercepts), record
    X.ravel(order="F").tofile(folder / "x.bin")
    y.tofile(folder / "y.bin")
    script = Path(__file__).with_name("glmnet_cv.R")
    arguments = [folder, peers.FAMILIES[job.loss], *X.shape, job.settings["folds"]]
    done = subprocess.run(["Rscript", str(script), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise (peers.NotInstalled if done.returncode == 42 else RuntimeError)(done.stderr.strip())
    return None, json.loads((folder / "record.json").read_text())


def run_job(folder):
    """Run the job described in a folder; leave coefficients there, where it has any, and return its record."""
    told = json.loads((folder / "job.json").read_text())
    workload = next(workload for workload in WORKLOADS if workload.what == told["what"])
    job = SimpleNamespace(**told, alphas=np.load(folder / "alphas.npy"), loss=workload.loss, l1_ratio=workload.l1_ratio)
    X, y = workload.make()
    answer, record = run_r(X, y, job, folder) if job.name.startswith("glmnet") else run_python(X, y, job)
    if workload.is_judged:
        coefs, intercepts = answer[0], np.ravel(np.asarray(answer[1], dtype=float))
        sparse.save_npz(folder / "coefs.npz", sparse.csc_matrix(coefs), compressed=False)
        np.save(folder / "intercepts.npy", np.broadcast_to(intercepts, job.alphas.size))
    return record


if __name__ == "__main__":
    peers.leave_record(Path(sys.argv[1]), run_job)
