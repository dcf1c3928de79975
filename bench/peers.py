"""One adapter per solver, and the process that runs it.

`comparison.py` starts this file with the interpreter of the solver's own environment, so it may import nothing but
NumPy, SciPy and this folder's modules before it knows which solver is wanted. Imports, loading the data and a warm-up
fit (JIT compilation) come before the clock starts; converting the CSR matrix to whatever the solver wants comes
after.

An adapter takes `(X, y, alphas, l1_ratio, intercept, **settings)` with X in CSR and alphas descending, on the scale of
`objective.Problem`, and returns `(coefs, intercepts)`: coefficients as (n_columns, n_alphas), dense or sparse.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import logistic_peers
import numpy as np
from data import Dataset
from logistic_peers import CANNOT
from objective import DELTA, LOSSES, Problem, response
from scipy import sparse


class NotInstalled(Exception):
    """The peer cannot be imported in the environment it was given."""


# --- adapters ---------------------------------------------------------------------------------------------------------


def sparsereg_path(X, y, alphas, l1_ratio, intercept, *, loss="squared", **settings):
    """Paths of sparsereg itself; `l1_ratio` 0 is the ridge path."""
    import sparsereg

    common = {"alphas": alphas, "l1_ratio": l1_ratio, "fit_intercept": intercept, "loss": loss, "delta": DELTA}
    path = sparsereg.regularization_path(X, y, **common, **settings)
    return path.coefs, path.intercepts


def sklearn_path(X, y, alphas, l1_ratio, intercept, *, tol=1e-6, max_iter=100_000):
    """The enet_path of scikit-learn (lasso_path is a call of it). It has no intercept."""
    from sklearn.linear_model import enet_path

    _, coefs, _ = enet_path(X.tocsc(), y, l1_ratio=l1_ratio, alphas=alphas, tol=tol, max_iter=max_iter)
    return coefs, np.zeros(len(alphas))


def sklearn_lasso(X, y, alphas, l1_ratio, intercept, *, tol=1e-6, max_iter=100_000):
    """The ElasticNet estimator of scikit-learn, warm-started from one alpha to the next."""
    from sklearn.linear_model import ElasticNet

    X = X.tocsc()
    model = ElasticNet(l1_ratio=l1_ratio, fit_intercept=intercept, tol=tol, max_iter=max_iter, warm_start=True)
    coefs, intercepts = [], []
    for alpha in alphas:
        model.set_params(alpha=alpha).fit(X, y)
        coefs.append(model.sparse_coef_.T)
        intercepts.append(model.intercept_)
    return sparse.hstack(coefs, format="csc"), np.array(intercepts)


def sklearn_ridge(X, y, alphas, l1_ratio, intercept, *, solver="sparse_cg", tol=1e-6, max_iter=None):
    """The Ridge of scikit-learn, one fit per alpha (no path, no warm start). Its loss is a sum, not a mean."""
    from sklearn.linear_model import Ridge

    if l1_ratio != 0.0:
        raise ValueError(CANNOT)
    coefs, intercepts = [], []
    for alpha in alphas:
        model = Ridge(alpha * len(y), fit_intercept=intercept, solver=solver, tol=tol, max_iter=max_iter)
        model.set_params(random_state=0).fit(X, y)
        # With an intercept on sparse data it may take another solver than asked (sag becomes sparse_cg).
        if model.solver_ != solver:
            raise RuntimeError(f"scikit-learn used {model.solver_} in place of {solver}")
        coefs.append(model.coef_)
        intercepts.append(model.intercept_)
    return np.array(coefs).T, np.array(intercepts)


def celer_path(X, y, alphas, l1_ratio, intercept, *, tol=1e-6, prune=1, max_iter=200):
    """The celer_path of celer. It has no intercept; its elastic net has another scale, so only the lasso is run."""
    from celer import celer_path as solve

    if l1_ratio != 1.0:
        raise ValueError(CANNOT)
    _, coefs, _ = solve(X.tocsc(), y, "lasso", alphas=alphas, tol=tol, prune=int(prune), max_iter=int(max_iter))
    return coefs, np.zeros(len(alphas))


def skglm_path(X, y, alphas, l1_ratio, intercept, *, tol=1e-8, max_iter=1_000):
    """The path of skglm. Its `tol` is absolute: a bound on the subgradient's violation, in the units of alpha."""
    from skglm import ElasticNet, Lasso

    options = {"fit_intercept": intercept, "tol": tol, "max_iter": int(max_iter), "warm_start": True}
    if l1_ratio == 0.0:
        raise ValueError(CANNOT)
    model = Lasso(**options) if l1_ratio == 1.0 else ElasticNet(l1_ratio=l1_ratio, **options)
    coefs = np.asarray(model.path(X.tocsc(), y, alphas)[1])
    if not intercept:
        return coefs, np.zeros(len(alphas))
    return coefs[:-1], coefs[-1]


def adelie_path(X, y, alphas, l1_ratio, intercept, *, family="gaussian", tol=1e-7, **settings):
    """The grpnet of adelie, with one group per column and its early exit off; `tol` also ends its outer iterations."""
    import adelie

    options = {"screen_rule": "pivot", "irls_tol": tol, **settings}
    kind, X = (adelie.matrix.sparse, X.tocsc()) if sparse.issparse(X) else (adelie.matrix.dense, np.asfortranarray(X))
    state = adelie.grpnet(
        kind(X, method="naive", n_threads=1),
        getattr(adelie.glm, family)(y=y),
        alpha=l1_ratio,
        lmda_path=alphas,
        intercept=intercept,
        tol=tol,
        early_exit=False,
        progress_bar=False,
        **options,
    )
    return state.betas.T, np.asarray(state.intercepts)


class Peer(NamedTuple):
    """What the runner must know of a solver."""

    package: str  # what to import, and whose version to report
    fits: dict[str, Callable]  # the adapter of each loss it can minimise
    intercept: bool = True  # whether it takes an intercept on sparse data at a bearable cost


FAMILIES = {"squared": "gaussian", "logistic": "binomial", "poisson": "poisson"}
PEERS = {
    "sparsereg": Peer("sparsereg-wide", {loss: partial(sparsereg_path, loss=loss) for loss in LOSSES}),
    "sklearn-path": Peer("scikit-learn", {"squared": sklearn_path}, intercept=False),
    "sklearn-lasso": Peer("scikit-learn", {"squared": sklearn_lasso}),
    "sklearn-ridge": Peer("scikit-learn", {"squared": sklearn_ridge}),
    "sklearn-liblinear": Peer("scikit-learn", {"logistic": logistic_peers.sklearn_liblinear}),
    "sklearn-saga": Peer("scikit-learn", {"logistic": logistic_peers.sklearn_saga}),
    "celer": Peer("celer", {"squared": celer_path, "logistic": logistic_peers.celer_path}, intercept=False),
    "skglm": Peer("skglm", {"squared": skglm_path, "logistic": logistic_peers.skglm_path}),
    "adelie": Peer("adelie", {loss: partial(adelie_path, family=family) for loss, family in FAMILIES.items()}),
    "glmnet": Peer("glmnet", {}),  # run by a process of R
}
# Where the import has another name than the package.
MODULES = {"scikit-learn": "sklearn", "sparsereg-wide": "sparsereg"}


# --- measuring --------------------------------------------------------------------------------------------------------


def memory(field):
    """`field` of this process's status (VmRSS: now, VmHWM: peak), in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {field} in the process status")


def forget_peak():
    """Make the peak start again from the memory in use now."""
    Path("/proc/self/clear_refs").write_text("5")


def timed(call, time_limit):
    """Run `call` under a clock: its result, and wall, CPU, peak memory and how much of it is beyond the memory before.

    Past `time_limit` the alarm's default action ends the process. A Python handler would not do: it waits for compiled
    code to return.
    """
    forget_peak()
    before = memory("VmRSS")
    signal.setitimer(signal.ITIMER_REAL, time_limit)
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    peak = memory("VmHWM")
    return result, {"wall": wall, "cpu": cpu, "peak_memory": peak, "extra_memory": peak - before}


def warm_up(fit, job):
    """A fit of toy size, so that compiling and lazy imports are not timed."""
    rng = np.random.default_rng(0)
    X = sparse.random(200, 50, density=0.1, format="csr", random_state=rng)
    y = rng.normal(size=200)
    y = y if LOSSES[job["loss"]].location else (y > 0.0).astype(float)
    toy = Problem(X, y, max(job["l1_ratio"], 0.1), job["fit_intercept"], job["loss"])
    fit(X, toy.y, toy.alpha_max() * np.array([0.5, 0.1]), job["l1_ratio"], job["fit_intercept"], **job["settings"])


def run_python(peer, job, X, y, alphas):
    """Fit with a Python peer in this process: coefficients, intercepts and the record of the run."""
    try:
        importlib.import_module(MODULES.get(peer.package, peer.package))
    except ImportError as error:
        raise NotInstalled(str(error)) from error
    if job["loss"] not in peer.fits:
        raise ValueError(CANNOT)
    fit = peer.fits[job["loss"]]
    warm_up(fit, job)
    (coefs, intercepts), record = timed(
        lambda: fit(X, y, alphas, job["l1_ratio"], job["fit_intercept"], **job["settings"]), job["time_limit"]
    )
    record["version"] = importlib.metadata.version(peer.package)
    return coefs, intercepts, record


def run_glmnet(job, X, y, alphas, folder):
    """Fit with R's glmnet in an Rscript process that reads and writes flat binary files in `folder`.

    R is handed the matrix in its own format (CSC, or dense), so glmnet is the one peer whose conversion is not in its
    time.

    glmnet divides a Gaussian response by its standard deviation s before it penalises, which leaves the lasso alone but
    divides every L2 penalty by s. So it is given y / s, which it does not change, and the lambda and l1_ratio of the
    same problem on that scale.
    """
    rscript = shutil.which("Rscript")
    if rscript is None:
        raise NotInstalled("no Rscript on the path")
    if job["loss"] not in FAMILIES:
        raise ValueError(CANNOT)
    family = FAMILIES[job["loss"]]
    scale = y.std() if family == "gaussian" else 1.0
    weight = job["l1_ratio"] / scale + 1.0 - job["l1_ratio"]
    n_rows, n_columns = X.shape
    if sparse.issparse(X):
        X = X.tocsc()
        parts = {"p": X.indptr.astype(np.int32), "i": X.indices.astype(np.int32), "x": X.data}
    else:
        parts = {"x": X.ravel(order="F")}
    parts |= {"y": y / scale, "lambda": alphas * weight}
    for name, values in parts.items():
        values.tofile(folder / f"{name}.bin")
    del X, parts
    settings = {"thresh": 1e-7, "newton": "Newton", **job["settings"]}
    arguments = [folder, family, settings["newton"], n_rows, n_columns, job["l1_ratio"] / scale / weight]
    arguments += [int(job["fit_intercept"]), settings["thresh"]]
    signal.setitimer(signal.ITIMER_REAL, job["time_limit"])
    script = Path(__file__).with_name("glmnet.R")
    done = subprocess.run([rscript, str(script), *map(str, arguments)], capture_output=True, text=True)
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    if done.returncode == 42:
        raise NotInstalled(done.stderr.strip())
    if done.returncode != 0:
        raise RuntimeError(f"R: {done.stderr.strip()}")
    return read_glmnet(folder, n_columns, scale)


def read_glmnet(folder, n_columns, scale):
    """What `glmnet.R` wrote, brought back to the scale of the response."""
    read = {name: np.fromfile(folder / f"{name}.out", kind) for name, kind in zip("pixb", "iidd")}
    n_alphas = len(read["b"])
    coefs = sparse.csc_matrix((read["x"], read["i"], read["p"]), shape=(n_columns, n_alphas))
    return scale * coefs, scale * read["b"], json.loads((folder / "record.json").read_text())


# --- the process ------------------------------------------------------------------------------------------------------


def run_job(folder):
    """Run the job described in `folder`; write its record, coefficients and intercepts there."""
    job = json.loads((folder / "job.json").read_text())
    alphas = np.load(folder / "alphas.npy")
    dataset = Dataset.load(job["dataset"])
    X = dataset.wide() if job["wide"] else dataset.X
    y = response(dataset.y, job["loss"], job["fit_intercept"])
    del dataset
    unlimited = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (job["memory_limit"], unlimited[1]))
    peer = PEERS[job["peer"]]
    if job["peer"] == "glmnet":
        coefs, intercepts, record = run_glmnet(job, X, y, alphas, folder)
    else:
        coefs, intercepts, record = run_python(peer, job, X, y, alphas)
    resource.setrlimit(resource.RLIMIT_AS, unlimited)
    if coefs.shape[1] != len(alphas):
        raise RuntimeError(f"the path stopped after {coefs.shape[1]} of {len(alphas)} alphas")
    sparse.save_npz(folder / "coefs.npz", sparse.csc_matrix(coefs), compressed=False)
    np.save(folder / "intercepts.npy", np.broadcast_to(np.asarray(intercepts, dtype=float), len(alphas)))
    return record


def leave_record(folder, run):
    """Do the job that is described in a folder by `run`, and leave its record there, or why there is none."""
    try:
        record = {"status": "ok", **run(folder)}
    except NotInstalled as error:
        record = {"status": "not installed", "message": str(error)}
    except (Exception, SystemExit) as error:
        record = {"status": "failed", "message": f"{type(error).__name__}: {error}"}
    (folder / "record.json").write_text(json.dumps(record))


if __name__ == "__main__":
    leave_record(Path(sys.argv[1]), run_job)
