"""Passes over a shard give what the same passes over its rows give, and add up over any split."""

import numpy as np
import pytest
from scipy import special
from support.reductions import columns, equal_rows, parts_of, target

from sparsereg import Reduced
from sparsereg.shards.passes import (
    Gradient,
    Point,
    TargetFacts,
    add_gradients,
    gradient,
    large_entries,
    restrict,
    targets_of,
)

IDS = np.array([10**6, 3 * 10**6, 10**8, 10**8 + 2, 2 * 10**9 + 3], dtype=np.int64)


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
def test_restricted_rows_are_those_of_the_restricted_matrix(loss):
    X, effect, weight = equal_rows(200, with_values=True)
    y = target(loss, effect)
    of_whole = restrict(Reduced.of(X, y, weight, loss=loss, fold=np.arange(200) % 4), IDS)
    merged = Reduced.merge_all(restrict(part, IDS) for part in parts_of(X, y, weight, (30, 90), loss=loss))
    used = weight > 0
    distinct = np.unique(columns(X, IDS)[used], axis=0)
    for reduced in (of_whole, merged):
        assert (reduced.n_rows, reduced.n_features, reduced.has_folds) == (len(distinct), X.shape[1], False)
        assert (reduced.n_samples, reduced.entries.n_weighted.sum()) == (200, used.sum())
        np.testing.assert_array_equal(reduced.entries.rows.active, IDS)
        assert reduced.entries.sums.total.sum() == pytest.approx(weight.sum())
        np.testing.assert_allclose(reduced.entries.sums.squares, merged.entries.sums.squares)


def test_no_columns_leave_one_row():
    X, effect, weight = equal_rows(50)
    y = target("squared", effect)
    reduced = restrict(Reduced.of(X, y, weight, loss="squared"), IDS[:0])
    assert reduced.n_rows == 1
    assert reduced.entries.sums.columns[0][0] == pytest.approx(np.average(y, weights=weight))
    spread = 0.5 * np.sum(weight * (y - np.average(y, weights=weight)) ** 2)
    assert reduced.entries.sums.squares[0] == pytest.approx(spread)


MEANS = {"squared": lambda t: t, "logistic": special.expit, "poisson": np.exp}


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
def test_gradients_of_shards_add_up_to_that_of_the_rows(loss):
    X, effect, weight = equal_rows(200, with_values=True)
    y = target(loss, effect)
    facts = TargetFacts(np.arange(2) if loss == "logistic" else None, weight.sum(), 50.0 if loss == "squared" else 0.0)
    point = Point(IDS[[0, 3]], np.array([0.5, -0.25]), 0.1, np.array([0.5, 1.0]))
    live = np.unique(np.append(X.indices[weight[np.repeat(np.arange(200), np.diff(X.indptr))] > 0], 7))
    whole = gradient(Reduced.of(X, y, weight, loss=loss, fold=np.arange(200) % 4), live, point, facts)
    parts = parts_of(X, y, weight, (1, 30, 90), loss=loss)
    added = add_gradients([gradient(part, live, point, facts) for part in parts])
    eta = columns(X, point.ids) @ point.w + 0.1
    z = weight / weight.sum() * (y - facts.y_mean - MEANS[loss](eta))
    for found in (whole, added):
        np.testing.assert_allclose(found.v, columns(X, live).T @ z, atol=1e-12)
    # At the gradient itself Fenchel's inequality is an equality: conjugates say what the loss is.
    np.testing.assert_allclose(whole.conjugates, added.conjugates, rtol=0.05, atol=0.05)
    large = large_entries(added, np.ones(1), 0.01)
    np.testing.assert_array_equal(large.positions, np.flatnonzero(np.abs(added.v) >= 0.01))
    np.testing.assert_array_equal(large.v, added.v[large.positions])


def test_conjugates_are_those_of_the_rows():
    X, effect, _ = equal_rows(200)
    y = target("squared", effect)
    shard = Reduced.of(X, y, loss="squared")
    facts = TargetFacts(None, 200.0, 50.0)
    targets, s = targets_of(shard.entries, facts)
    found = gradient(shard, IDS, Point(IDS[:0], np.zeros(0), 0.0, np.array([0.3, 1.0])), facts)
    # sup_u u t - (y - t)^2 / 2 at u = -c r is -c r y + c^2 r^2 / 2, here r = y.
    np.testing.assert_allclose(found.conjugates, [np.sum(s * targets**2 * (c**2 / 2 - c)) for c in (0.3, 1.0)])
    assert found.within == pytest.approx(shard.entries.sums.squares.sum() / 200.0)


def test_targets_of_shards_with_other_classes_are_shares_of_the_second():
    X, _, _ = equal_rows(30)
    facts = TargetFacts(np.array(["a", "b"]), 60.0, 0.0)
    for label, share in (("a", 0.0), ("b", 1.0)):
        y, s = targets_of(Reduced.of(X, np.full(30, label), loss="logistic").entries, facts)
        assert set(y) == {share}
        assert s.sum() == pytest.approx(0.5)


def test_sums_of_gradients_keep_their_order():
    parts = [Gradient(np.array([float(k)]), np.array([1.0]), 0.5) for k in range(3)]
    total = add_gradients(parts)
    assert (total.v.tolist(), total.conjugates.tolist(), total.within) == ([3.0], [3.0], 1.5)
