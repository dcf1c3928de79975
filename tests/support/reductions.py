"""Rows of which many are equal, with targets for every loss, and reductions of their parts."""

from itertools import pairwise

import numpy as np
from scipy import sparse

from sparsereg import Reduced

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


def content(reduced):
    """Return the entries as a dictionary: ids, values, fold (and y, where it is kept) -> weights and targets."""
    entries = reduced.entries
    rows, sums, found = entries.rows, entries.sums, {}
    each_y = reduced.loss == "huber"
    for k in range(sums.columns[0].size):
        row = k if entries.row is None else entries.row[k]
        span = slice(rows.indptr[row], rows.indptr[row + 1])
        values = rows.data[span] if rows.data.size else np.ones(span.stop - span.start)
        fold = None if entries.part is None else entries.folds[entries.part[k]]
        y = tuple(column[k] for column in sums.columns)
        key = (tuple(rows.active[rows.indices[span]].tolist()), tuple(values.tolist()), fold, y if each_y else None)
        assert key not in found
        found[key] = (sums.total[k], *y)
    return found


def assert_same(one, other):
    left, right = content(one), content(other)
    assert left.keys() == right.keys()
    for key, values in left.items():
        np.testing.assert_allclose(values, right[key], rtol=1e-10, atol=1e-12)
    a, b = one.entries, other.entries
    in_order = [slice(None) if e.folds is None else np.argsort(e.folds) for e in (a, b)]
    for name in ("squares", "logs"):
        sums = [getattr(e.sums, name)[order] for e, order in zip((a, b), in_order)]
        np.testing.assert_allclose(*sums, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(a.n_weighted[in_order[0]], b.n_weighted[in_order[1]])
    assert (one.n_samples, one.n_rows, one.n_features) == (other.n_samples, other.n_rows, other.n_features)
    assert (one.classes is None) == (other.classes is None)
    if one.classes is not None:
        np.testing.assert_array_equal(one.classes, other.classes)
