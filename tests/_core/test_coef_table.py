"""Kernels of look-up against dictionaries."""

from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from support.wide_matrices import blemished_csr

from sparsereg._core import coef_table


def table_of(ids, beside, size):
    slots = np.full((size, 2), -1)
    coef_table.fill(np.array(ids, np.int64), np.array(beside).view(np.int64), slots)
    return slots


@given(ids=st.sets(st.integers(0, 2**63 - 1), max_size=31), probes=st.lists(st.integers(0, 2**63 - 1), max_size=20))
def test_every_id_is_found_and_no_other(ids, probes):
    ids = sorted(ids)
    asked = np.array(ids + probes, np.int64)
    indptr, out = np.arange(asked.size + 1), np.empty(asked.size)
    coef_table.decision(indptr, asked, np.empty(0), table_of(ids, np.arange(1.0, len(ids) + 1), 32), out)
    position = {id_: k + 1.0 for k, id_ in enumerate(ids)}
    np.testing.assert_array_equal(out, [position.get(id_, 0.0) for id_ in asked.tolist()])


def test_smallest_table():
    out = np.empty(2)
    coef_table.decision(np.array([0, 1, 2]), np.array([0, 9]), np.empty(0), table_of([9], [3.0], 2), out)
    np.testing.assert_array_equal(out, [0, 3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@given(seed=st.integers(0, 2**32 - 1))
def test_decisions_agree_with_a_dense_product(seed, index, dtype):
    X = blemished_csr(seed, dtype=dtype)
    indices = X.indices.astype(index)
    ids = np.arange(0, X.shape[1], 3)
    values = np.random.default_rng(seed).standard_normal(ids.size)
    w = np.zeros(X.shape[1])
    w[ids] = values
    products = X.data * w[indices]
    # The order of the row, from 0 on, to the last bit; what is not in the table adds nothing.
    expected = [reduce(add, products[a:b], 0.0) for a, b in pairwise(X.indptr)]
    out = np.empty(X.shape[0])
    coef_table.decision(X.indptr, indices, X.data, table_of(ids, values, 64), out)
    np.testing.assert_array_equal(out, expected)
    # Several vectors: one of many entries, which ids near each other have in a run, and some of every third.
    W = np.zeros((X.shape[1], 40))
    W[ids, ::3], W[ids[0], 5:] = values[:, None], 2.0
    by_id = sparse.csr_array(W[ids])
    outs = np.zeros((X.shape[0], 40))
    coef_table.decisions(
        X.indptr, indices, X.data, table_of(ids, np.arange(ids.size), 64), by_id.indptr.astype(np.int64),
        by_id.indices.astype(np.int32), by_id.data, outs,
    )
    expected = [reduce(add, X.data[a:b, None] * W[indices[a:b]], np.zeros(40)) for a, b in pairwise(X.indptr)]
    np.testing.assert_array_equal(outs, expected)
