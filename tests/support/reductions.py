"""Rows of which many are equal, with targets for every loss, and reductions of their parts."""

from itertools import pairwise

import numpy as np
from scipy import sparse

from sparsereg import Reduced
from sparsereg.design import find_ids

WIDE = 3 * 10**9
TARGETS = {
    "squared": lambda t, rng: 50.0 + t + rng.standard_normal(t.size),
    "huber": lambda t, rng: np.round(t + rng.standard_normal(t.size), 1),
    "poisson": lambda t, rng: rng.poisson(np.exp(t / 2.0)).astype(np.float64),
    "logistic": lambda t, rng: (rng.random(t.size) < 1.0 / (1.0 + np.exp(-t))).astype(np.int64),
    "squared_hinge": lambda t, rng: (rng.random(t.size) < 1.0 / (1.0 + np.exp(-t))).astype(np.int64),
}


def equal_rows(n=600, seed=0, with_values=False):
    """Return rows with three ids of a wide space, a weight (a fifth of them 0) and a part of the target."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 7, n), rng.integers(0, 5, n)
    ids = np.column_stack([first * 10**6, 10**8 + second, 2 * 10**9 + 5 * first + second])
    values = np.ones(ids.shape)
    if with_values:
        values[:, 1] = rng.integers(0, 3, n) / 2.0
    X = sparse.csr_array((values.ravel(), ids.ravel().astype(np.int64), 3 * np.arange(n + 1)), shape=(n, WIDE))
    effect = rng.standard_normal(7)[first] + rng.standard_normal(5)[second]
    weight = rng.uniform(0.1, 3.0, n) * (rng.random(n) > 0.2)
    return X, effect, weight


def target(loss, effect, seed=1):
    return TARGETS[loss](effect, np.random.default_rng(seed))


def parts_of(X, y, weight, cuts, **settings):
    """Reduce the rows between cuts, each part by itself."""
    ends = [0, *sorted(cuts), X.shape[0]]
    fold = settings.pop("fold", None)
    return [
        Reduced.of(
            X[a:b], y[a:b], None if weight is None else weight[a:b], fold=None if fold is None else fold[a:b],
            **settings,
        )
        for a, b in pairwise(ends)
        if b > a
    ]  # fmt: skip


def columns(X, ids):
    """Return some columns of a wide matrix, dense; `ids` ascending."""
    out = np.zeros((X.shape[0], len(ids)))
    rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    found, position = find_ids(X.indices.astype(np.int64), np.asarray(ids, dtype=np.int64))
    np.add.at(out, (rows[found], position), X.data[found])
    return out
