"""Kernels of aggregation against dictionaries and loops."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wide_matrices import blemished_csr

from sparsereg._core import equal_rows


def canonical(seed, **kwargs):
    """Return compact canonical arrays with many equal rows."""
    X = blemished_csr(seed, n_features=6, n_values=1, **kwargs)
    X = X.__class__((X.data.copy(), X.indices.copy(), X.indptr.copy()), shape=X.shape)
    X.sum_duplicates()
    X.eliminate_zeros()
    return X.indptr.astype(np.int64), X.indices.astype(np.int32), X.data


def hashes_of(indptr, indices, data):
    hashes = np.empty(indptr.size - 1, np.uint64)
    equal_rows.hash_rows(indptr, indices, data, hashes)
    return hashes


def keys_of(indptr, indices, data):
    """Return each row as something that a dictionary can hold."""
    spans = [slice(a, b) for a, b in pairwise(indptr)]
    return [(tuple(indices[s]), tuple(data[s]) if data.size else ()) for s in spans]


def group(indptr, indices, data, hashes, size=256, room=100):
    out = np.empty(hashes.size, np.int32), np.empty(room, np.int32)
    n_groups = equal_rows.group_rows(indptr, indices, data, hashes, np.zeros(size, np.uint64), *out)
    return n_groups, *out


@pytest.mark.parametrize("with_data", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(seed=st.integers(0, 2**32 - 1))
def test_groups_are_those_of_a_dictionary(seed, dtype, with_data):
    indptr, indices, data = canonical(seed, dtype=dtype)
    data = data if with_data else data[:0]
    number = {}
    expected = [number.setdefault(key, len(number)) for key in keys_of(indptr, indices, data)]
    n_groups, found, representative = group(indptr, indices, data, hashes_of(indptr, indices, data))
    assert n_groups == len(number)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(representative[:n_groups], [expected.index(g) for g in range(n_groups)])


def test_equal_hashes_of_different_rows_do_not_merge_them():
    indptr, indices = np.array([0, 1, 2, 4, 5]), np.array([0, 1, 0, 1, 0], np.int32)
    for data in np.empty(0), np.array([1.0, 1, 1, 1, 2]):
        n_groups, found, _ = group(indptr, indices, data, np.full(4, 7, np.uint64))
        assert n_groups == (3 if data.size == 0 else 4)
        assert found[3] == (0 if data.size == 0 else 3)


def test_more_groups_than_room_is_reported():
    indptr, indices, data = np.arange(11), np.arange(10, dtype=np.int32), np.empty(0)
    hashes = hashes_of(indptr, indices, data)
    assert group(indptr, indices, data, hashes, size=16, room=9)[0] == -1
    assert group(indptr, indices, data, hashes, size=16, room=10)[0] == 10


def test_hashes_are_spread_evenly_over_high_and_low_bits():
    n = 1 << 16
    hashes = hashes_of(np.arange(n + 1), np.arange(n, dtype=np.int32), np.empty(0))
    assert np.unique(hashes).size == n
    for bits in hashes >> np.uint64(58), hashes & np.uint64(63):
        counts = np.bincount(bits.astype(np.int64), minlength=64)
        # Binomial with mean 1024 and deviation 32: five deviations.
        assert abs(counts - n / 64).max() < 160


@given(seed=st.integers(0, 2**32 - 1))
def test_order_by_last_id_is_a_stable_argsort(seed):
    indptr, indices, _ = canonical(seed)
    rows = np.random.default_rng(seed).permutation(indptr.size - 1)[:20].astype(np.int32)
    last = np.array([indices[indptr[r + 1] - 1] if indptr[r + 1] > indptr[r] else -1 for r in rows])
    order, position = np.empty_like(rows), np.empty_like(rows)
    equal_rows.order_by_last_id(indptr, indices, rows, np.zeros(8, np.int64), order, position)
    np.testing.assert_array_equal(order, rows[np.argsort(last, kind="stable")])
    np.testing.assert_array_equal(order[position], rows)


@pytest.mark.parametrize("weighted", [True, False])
def test_weighted_means(weighted):
    rng = np.random.default_rng(0)
    number = rng.integers(-1, 5, 100).astype(np.int32)
    y, weight = rng.standard_normal(100) + 1e6, rng.random(100)
    weight[number == 3] = 0
    used = weight if weighted else np.ones(100)
    total, mean = np.zeros(5), np.zeros(5)
    within = equal_rows.weighted_means(number, y, weight if weighted else np.empty(0), total, mean)
    expected = 0.0
    for g in range(5):
        mine = number == g
        if used[mine].sum() == 0:
            assert total[g] == mean[g] == 0
            continue
        average = np.average(y[mine], weights=used[mine])
        np.testing.assert_allclose(total[g], used[mine].sum(), rtol=1e-13)
        np.testing.assert_allclose(mean[g], average, rtol=1e-13)
        expected += (used[mine] / 2 * (y[mine] - average) ** 2).sum()
    np.testing.assert_allclose(within, expected, rtol=1e-9)
