"""Rows of which many are equal, with targets for every loss, and reductions of their parts."""

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import sparse

from sparsereg import HuberRegressor, Lasso, LinearSVC, LogisticRegression, PoissonRegressor, Reduced
from sparsereg.design import find_ids

WIDE = 3 * 10**9
TARGETS = {
    "squared": lambda t, rng: 50.0 + t + rng.standard_normal(t.size),
    "huber": lambda t, rng: np.round(t + rng.standard_normal(t.size), 1),
    "poisson": lambda t, rng: rng.poisson(np.exp(t / 2.0)).astype(np.float64),
    "logistic": lambda t, rng: (rng.random(t.size) < 1.0 / (1.0 + np.exp(-t))).astype(np.int64),
    "squared_hinge": lambda t, rng: (rng.random(t.size) < 1.0 / (1.0 + np.exp(-t))).astype(np.int64),
}

LOSSES = tuple(TARGETS)
ESTIMATORS = {
    "squared": Lasso, "poisson": PoissonRegressor, "logistic": LogisticRegression, "huber": HuberRegressor,
    "squared_hinge": LinearSVC,
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


def parts_of(X, y, weight, cuts, *, loss, **by_row):
    """Reduce the rows between cuts, each part by itself; equal cuts make parts without rows."""
    by_row = {name: values for name, values in {"sample_weight": weight, **by_row}.items() if values is not None}
    return [
        Reduced.of(X[a:b], y[a:b], loss=loss, **{name: values[a:b] for name, values in by_row.items()})
        for a, b in pairwise([0, *sorted(cuts), X.shape[0]])
    ]


def content(reduced):
    """Return entries as a dictionary: ids, values, fold, offset (and y, where it is kept) -> weights and targets."""
    entries = reduced.entries
    rows, sums, found = entries.rows, entries.sums, {}
    each_y = reduced.loss == "huber"
    for k in range(entries.n_entries):
        row = k if entries.row is None else entries.row[k]
        span = slice(rows.indptr[row], rows.indptr[row + 1])
        values = rows.data[span] if rows.data.size else np.ones(span.stop - span.start)
        fold = None if entries.part is None else entries.folds[entries.part[k]]
        y = tuple(column[k] for column in sums.columns)
        offset = None if entries.offset is None else entries.offset[k]
        ids = tuple(rows.active[rows.indices[span]].tolist())
        key = (ids, tuple(values.tolist()), fold, offset, y if each_y else None)
        assert key not in found
        found[key] = (sums.total[k], *y)
    return found


def assert_same(one, other):
    """Compare reductions, whose entries may be in any order: sums up to rounding, all else exactly."""
    left, right = content(one), content(other)
    assert left.keys() == right.keys()
    for key, values in left.items():
        np.testing.assert_allclose(values, right[key], rtol=1e-10, atol=1e-12)
    a, b = one.entries, other.entries
    in_order = [slice(None) if e.folds is None else np.argsort(e.folds) for e in (a, b)]
    for name in ("squares", "logs"):
        sums = [getattr(e.sums, name)[..., order] for e, order in zip((a, b), in_order)]
        np.testing.assert_allclose(*sums, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(a.n_weighted[in_order[0]], b.n_weighted[in_order[1]])
    assert (one.n_samples, one.n_rows, one.n_features) == (other.n_samples, other.n_rows, other.n_features)
    assert (one.classes is None) == (other.classes is None)
    if one.classes is not None:
        np.testing.assert_array_equal(one.classes, other.classes)


def kinds_of_reductions():
    """Yield a reduction for each thing that there may be in one."""
    X, effect, weight = equal_rows(200, with_values=True)
    for loss in LOSSES:
        y = target(loss, effect)
        yield Reduced.of(X, y, weight, np.round(effect), loss=loss, fold=np.arange(200) % 3)
        yield Reduced.of(X, y, loss=loss)
    yield Reduced.of_blocks([(X, target("squared", effect), weight)], loss="squared", holdout=0.25, n_folds=2)
    yield Reduced.of(X, np.column_stack([effect, effect**2]), weight, loss="squared", fold=np.arange(200) % 2)
    for labels in (["b", "a"], np.array(["b", "a"], dtype=object), [7, 9], [3.0, 1.0], [True, False]):
        yield Reduced.of(X, np.asarray(labels)[np.arange(200) % 2], loss="logistic")
    yield Reduced.of(X, np.eye(4)[np.arange(200) % 3] + 1.0, loss="logistic")
    yield Reduced.of(pd.DataFrame({"a": [1.0, 0.0], "ä": [0.0, 2.0]}), [1.0, 2.0], loss="squared")
    yield Reduced.of(X[:0], effect[:0], loss="squared", fold=[], offset=[])
    yield Reduced.of(X[:0], effect[:0], loss="logistic")
    yield Reduced.of(X[:0], effect[:0], loss="huber")


def assert_identical(one, other):
    """Compare two reductions, whose arrays are the same to the bit."""
    assert_same(one, other)
    assert (one.loss, repr(one), one.nbytes) == (other.loss, repr(other), other.nbytes)
    assert (one.feature_names is None) == (other.feature_names is None)
    if one.feature_names is not None:
        assert one.feature_names.tolist() == other.feature_names.tolist()
    if one.classes is not None:
        assert one.classes.dtype == other.classes.dtype
    arrays = []
    for entries in (one.entries, other.entries):
        of_rows = [getattr(entries.rows, name) for name in ("indptr", "indices", "data", "active")]
        arrays.append([*of_rows, entries.row, entries.part, entries.offset, entries.sums.weight, *entries.sums.columns])
    for left, right in zip(*arrays, strict=True):
        if left is not None:
            np.testing.assert_array_equal(left, right, strict=True)
    if one.held_out is not None:
        assert_identical(one.held_out, other.held_out)


def assert_tables_equal(one, other, rtol=1e-7, atol=1e-9):
    """Compare dictionaries of numbers."""
    assert one.keys() == other.keys()
    for name, values in one.items():
        np.testing.assert_allclose(values, other[name], rtol=rtol, atol=atol, err_msg=name)


def columns(X, ids):
    """Return some columns of a wide matrix, dense; `ids` ascending."""
    out = np.zeros((X.shape[0], len(ids)))
    rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    found, position = find_ids(X.indices.astype(np.int64), np.asarray(ids, dtype=np.int64))
    np.add.at(out, (rows[found], position), X.data[found])
    return out
