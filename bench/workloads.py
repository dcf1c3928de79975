"""Workloads away from wide crosses and on them: what is fitted to what, and who is asked.

A workload is a problem of objective.py on a few alphas, or a cross-validation, or a prediction. Contenders are written
`name:key=value,...`, as everywhere in this folder; contenders.py knows what they do. `goal` is what CPU seconds of
sparsereg may be of those of the best peer that got at least as far (`reached`).
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from data import Dataset, cached, drawn
from scipy import sparse


class Workload(NamedTuple):
    """One line of the table.

    Attributes
    ----------
    group : str
        What is run by one command.
    what : str
    make : callable
        Gives X (ndarray or CSR) and y.
    contenders : tuple of str
        The first is ours.
    alphas : tuple of (int, float) or None
        How many, and the smallest over the largest; one alone is that share of the largest.
    l1_ratio, loss
        As in `objective.Problem`.
    goal : float
        CPU over that of the best peer.
    reached : float
        Excess over the best objective anyone reached, relative to that of the null model, up to which a contender
        counts as having got there.
    is_judged : bool
        Contenders give coefficients; else their time is all that is compared.
    clock : str
        "cpu", or "wall".
    """

    group: str
    what: str
    make: object
    contenders: tuple
    alphas: tuple | None = None
    l1_ratio: float = 1.0
    loss: str = "squared"
    goal: float = 1.0
    reached: float = 1e-5
    is_judged: bool = True
    clock: str = "cpu"


def dense(n_rows, n_columns, n_true, correlation=0.0, target="gaussian", seed=0):
    """Gaussian columns, each correlated with the one before, and a sparse linear model with a signal of 3 to 1."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_columns))
    if correlation:
        for j in range(1, n_columns):
            X[:, j] = correlation * X[:, j - 1] + np.sqrt(1.0 - correlation**2) * X[:, j]
    w = np.zeros(n_columns)
    w[rng.choice(n_columns, n_true, replace=False)] = rng.normal(size=n_true)
    signal = X @ w
    signal /= signal.std()
    if target == "gaussian":
        return X, signal + rng.normal(size=n_rows) / np.sqrt(3.0)
    return X, drawn(rng, 2.0 * signal if target == "labels" else signal, target)


def generated(kind, n_rows=None):
    """A synthetic data set of data.py, its empty columns removed."""
    dataset = Dataset.load(cached(kind, n_rows))
    return dataset.X, dataset.y


def documents(n_rows=1_187, n_columns=36_576, words=110, seed=0):
    """tf-idf rows of the shape of a small corpus, and a target of few words."""
    rng = np.random.default_rng(seed)
    popularity = 1.0 / (np.arange(n_columns) + 20.0)
    popularity /= popularity.sum()
    columns = rng.choice(n_columns, size=(n_rows, words), p=popularity)
    X = sparse.csr_matrix((np.ones(columns.size), columns.ravel(), np.arange(n_rows + 1) * words), (n_rows, n_columns))
    X.sum_duplicates()
    X = X.multiply(np.log((1.0 + n_rows) / (1.0 + np.bincount(X.indices, minlength=n_columns)))[None, :]).tocsr()
    X = sparse.diags(1.0 / np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())) @ X
    w = np.zeros(n_columns)
    w[:60] = rng.normal(size=60)
    signal = X @ w
    return X.tocsr(), signal / signal.std() + 0.5 * rng.normal(size=n_rows)


def small(n_rows, n_columns, target="gaussian"):
    """A table as most people have it, a tenth of whose columns matter."""
    return dense(n_rows, n_columns, n_columns // 10, 0.3, target)


# Fits of which scikit-learn's estimator solves the same problem: liblinear penalises the intercept, and HuberRegressor
# estimates a scale. Of those only times are compared.
SAME = ("Lasso", "Ridge", "logistic L2", "Poisson L2")
SIZES = {"1,000 x 100": (1_000, 100), "200 x 50": (200, 50)}
# Shapes of tables that textbooks fit: rows, columns, target.
CLASSICAL = {
    "97 x 8": (97, 8, "gaussian"), "462 x 9": (462, 9, "labels"), "263 x 19": (263, 19, "gaussian"),
    "62 x 2,000": (62, 2_000, "labels"), "71 x 4,088": (71, 4_088, "gaussian"),
}


def _paths():
    """Whole paths on dense data."""
    lasso = ("sparsereg:tol=1e-5", "sklearn-dense:tol=1e-4", "sklearn-dense:tol=1e-6", "adelie:tol=1e-7",
             "glmnet:thresh=1e-7", "glmnet:thresh=1e-10")
    tall = {"correlation .95": (10_000, 500, 50, 0.95), "1,000 columns": (10_000, 1_000, 100)}
    for name, shape in tall.items():
        what = f"dense lasso 10,000 x {shape[1]}, {name}, 100 alphas to 1e-3"
        yield Workload("tall", what, partial(dense, *shape), lasso, (100, 1e-3))
    yield Workload(
        "tall", "dense elastic net .5, 10,000 x 500, 50 alphas", partial(dense, 10_000, 500, 50), lasso, (50, 1e-3), 0.5
    )
    yield Workload(
        "saturated", "dense lasso 500 x 10,000, correlation .5, 100 alphas to 1e-2",
        partial(dense, 500, 10_000, 50, 0.5), ("sparsereg:tol=1e-6", *lasso[3:]), (100, 1e-2), reached=2e-6,
    )
    yield Workload(
        "saturated", "dense lasso 300 x 3,000, 60 alphas to 1e-4", partial(dense, 300, 3_000, 50, 0.5),
        ("sparsereg:tol=1e-6", *lasso[3:]), (60, 1e-4), reached=2e-6,
    )
    text = partial(generated, "rcv1")
    peers = ("adelie:tol=1e-7", "adelie:tol=1e-9", "glmnet:thresh=1e-7", "glmnet:thresh=1e-9")
    yield Workload(
        "saturated", "text lasso, 60 alphas to 1e-3, at 2.5e-5", text, ("sparsereg:tol=1e-4", *peers), (60, 1e-3),
        goal=0.7, reached=2.5e-5,
    )
    yield Workload(
        "saturated", "text lasso, 60 alphas to 1e-3, at 1e-6", text, ("sparsereg:tol=1e-4", "sparsereg:tol=1e-5",
        *peers), (60, 1e-3), goal=0.4, reached=1e-6,
    )
    yield Workload(
        "saturated", "text lasso, one cold fit at 1e-3 of the largest alpha", text,
        ("sparsereg:tol=1e-4", "glmnet:thresh=1e-7", "glmnet:thresh=1e-9"), (1, 1e-3), reached=2.5e-5,
    )
    yield Workload(
        "relaxed", "relaxed lasso path on tf-idf 1,187 x 36,576, 20 alphas, beside the path alone", documents,
        ("sparsereg-relaxed", "sparsereg"), (20, 1e-2), goal=20.0, is_judged=False,
    )


def _small_fits():
    """One fit of an estimator, over and over."""
    fits = (
        ("Lasso", "squared", 1.0, "gaussian"), ("Ridge", "squared", 0.0, "gaussian"),
        ("logistic L2", "logistic", 0.0, "labels"), ("Poisson L2", "poisson", 0.0, "counts"),
        ("squared hinge L2", "squared_hinge", 0.0, "labels"), ("Huber L2", "huber", 0.0, "gaussian"),
        ("logistic L1", "logistic", 1.0, "labels"),
    )
    peers = {"logistic L1": ("sklearn-fit:solver=liblinear,tol=1e-6", "sklearn-fit:solver=liblinear")}
    for size, shape in SIZES.items():
        for name, loss, l1_ratio, target in fits:
            contenders = ("sparsereg-fit", *peers.get(name, ("sklearn-fit", "sklearn-fit:tol=1e-8")))
            share = 0.05 if l1_ratio else 0.01
            yield Workload(
                "small", f"one fit, {name}, {size}", partial(small, *shape, target), contenders, (1, share), l1_ratio,
                loss, reached=1e-5 if name in SAME else np.inf,
            )
        yield Workload(
            "cv", f"LassoCV, 5 folds x 100 alphas, {size}", partial(small, *shape), ("sparsereg-cv", "sklearn-cv"),
            is_judged=False,
        )
    for size, (n_rows, n_columns, target) in CLASSICAL.items():
        make = partial(dense, n_rows, n_columns, max(n_columns // 5, 3) if n_columns < 100 else 10, 0.3, target)
        loss = "squared" if target == "gaussian" else "logistic"
        yield Workload(
            "cv", f"10 folds, {loss}, {size}", make, ("sparsereg-cv:folds=10", "glmnet-cv:folds=10"), loss=loss,
            is_judged=False,
        )
    yield Workload(
        "predict", "predict dense 1,000 x 100", partial(small, 1_000, 100), ("sparsereg-predict", "sklearn-predict"),
        is_judged=False,
    )
    yield Workload(
        "predict", "path.predict of 30 alphas on 1M crossed rows, beside one predict", partial(generated, "crossed"),
        ("sparsereg-predict-path", "sparsereg-predict-path:last=1"), goal=5.0, is_judged=False,
    )


def _glms():
    """Other losses, and L2, on dense data."""
    labels, counts = (partial(dense, 10_000, 300, 30, 0.3, target) for target in ("labels", "counts"))
    l1 = ("sparsereg:tol=1e-5", "adelie:tol=1e-7", "glmnet:thresh=1e-7", "glmnet:thresh=1e-9")
    yield Workload(
        "glm", "dense L1 logistic 10,000 x 300, 30 alphas", labels, l1, (30, 1e-2), loss="logistic"
    )
    yield Workload("glm", "dense L1 Poisson 10,000 x 300, 30 alphas", counts, l1, (30, 1e-2), loss="poisson")
    yield Workload(
        "glm", "dense L2 logistic 10,000 x 300, 4 alphas", labels,
        ("sparsereg:tol=1e-6", "sklearn-logistic:tol=1e-4", "sklearn-logistic:tol=1e-7"), (4, 1e-2), 0.0, "logistic",
    )
    for n_rows, n_columns in ((10_000, 500), (500, 10_000)):
        yield Workload(
            "glm", f"ridge dense {n_rows:,} x {n_columns:,}, 4 alphas", partial(dense, n_rows, n_columns, 50),
            ("sparsereg:tol=1e-6", "sklearn-ridge-dense:solver=lsqr", "sklearn-ridge-dense:solver=lsqr,tol=1e-6",
             "sklearn-ridge-dense:solver=cholesky"), (4, 1e-2), 0.0,
        )
    yield Workload(
        "l0", "L0, 1,000 x 2,000, 20 true, 30 sizes", partial(dense, 1_000, 2_000, 20), ("sparsereg-l0", "abess"),
        is_judged=False,
    )


def _home():
    """Wide crosses; the peer is glmnet, and ourselves with more threads."""
    crossed = partial(generated, "crossed")
    for n_rows in (1_000_000, 10_000_000):
        yield Workload(
            "crossed", f"crossed lasso path, {n_rows:,} rows, 30 alphas to 1e-3", partial(generated, "crossed", n_rows),
            ("sparsereg:tol=1e-6", "glmnet:thresh=1e-9"), (30, 1e-3), reached=1e-6,
        )
    yield Workload(
        "threads", "crossed lasso path, 1M rows: two threads beside one, wall", crossed,
        ("sparsereg:tol=1e-6,n_threads=2", "sparsereg:tol=1e-6"), (30, 1e-3), goal=1.0 / 1.6, clock="wall",
    )
    yield Workload(
        "threads", "crossed LassoCV, 1M rows, 10 folds: two threads beside one, wall", crossed,
        ("sparsereg-cv:folds=10,jobs=2", "sparsereg-cv:folds=10,jobs=1"), goal=1.0 / 1.8, is_judged=False, clock="wall",
    )


WORKLOADS = tuple(workload for make in (_paths, _small_fits, _glms, _home) for workload in make())
GROUPS = tuple(dict.fromkeys(workload.group for workload in WORKLOADS))
