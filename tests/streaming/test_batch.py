"""Rows as learners take them: ids in order, equal rows merged in an order of their own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from sparsereg.design import compact_rows
from sparsereg.inputs.rows import as_rows
from sparsereg.streaming.batch import Batch, canonical_rows, merge_equal

ENTRIES = st.lists(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from([-1.0, 0.5, 1.0, 2.0])), max_size=6), min_size=1, max_size=6
)


def matrix_of(entries, width=6):
    """Return rows as they are listed: ids in any order, more than once."""
    indptr = np.cumsum([0, *(len(row) for row in entries)])
    ids = np.array([k for row in entries for k, _ in row], dtype=np.int64)
    values = np.array([value for row in entries for _, value in row])
    return sparse.csr_array((values, ids, indptr), shape=(len(entries), width))


def dense_of(rows):
    values = rows.data if rows.data.size else np.ones(rows.indices.size)
    out = np.zeros((rows.n_samples, rows.n_features))
    for i in range(rows.n_samples):
        mine = slice(rows.indptr[i], rows.indptr[i + 1])
        out[i, rows.indices[mine]] = values[mine]
    return out


@given(ENTRIES)
def test_canonical_rows_hold_the_same_matrix(entries):
    messy = matrix_of(entries)
    expected = np.zeros((len(entries), 6))
    for i, row in enumerate(entries):
        for k, value in row:
            expected[i, k] += value
    before = messy.indices.copy(), messy.data.copy()
    rows = canonical_rows(messy)
    np.testing.assert_array_equal(dense_of(rows), expected)
    for i in range(rows.n_samples):
        assert (np.diff(rows.indices[rows.indptr[i] : rows.indptr[i + 1]]) > 0).all()
    np.testing.assert_array_equal(messy.indices, before[0])
    np.testing.assert_array_equal(messy.data, before[1])


def test_canonical_rows_are_not_copied():
    tidy = sparse.random_array((20, 9), density=0.3, format="csr", rng=np.random.default_rng(0))
    rows = canonical_rows(tidy)
    assert np.shares_memory(rows.indices, tidy.indices)
    assert np.shares_memory(rows.data, tidy.data)


def test_ones_that_are_repeated_add_up():
    rows = canonical_rows(matrix_of([[(3, 1.0), (1, 1.0), (3, 1.0)]]))
    np.testing.assert_array_equal(dense_of(rows), [[0.0, 1.0, 0.0, 2.0, 0.0, 0.0]])


@pytest.mark.parametrize("binary", [True, False])
def test_parts_of_a_chunk(binary):
    whole = sparse.random_array((20, 9), density=0.3, format="csr", rng=np.random.default_rng(0))
    if binary:
        whole.data[:] = 1.0
    y, weight = np.arange(20.0)[:, None], np.arange(20.0)
    batch = Batch(as_rows(whole), y, weight)
    part = batch.between(5, 12)
    np.testing.assert_array_equal(dense_of(part.rows), whole[5:12].toarray())
    np.testing.assert_array_equal(part.y, y[5:12])
    np.testing.assert_array_equal(part.weight, weight[5:12])
    assert (part.n_rows, part.n_entries) == (7, whole[5:12].nnz)
    assert Batch(as_rows(whole), y, None).between(5, 12).weight is None


@given(ENTRIES, st.randoms(use_true_random=False))
def test_equal_rows_become_one_whatever_their_order(entries, random):
    n = len(entries)
    listed = [(k, label) for k in range(n) for label in (0.0, 1.0) for _ in range(random.randint(0, 2))]
    if not listed:
        return
    dense = dense_of(canonical_rows(matrix_of(entries)))

    def merged(pairs):
        x, y = dense[[k for k, _ in pairs]], np.array([[label, 1.0 - label] for _, label in pairs])
        compacted = compact_rows(as_rows(sparse.csr_array(x)))
        first, weight = merge_equal(compacted, y, np.arange(1.0, len(pairs) + 1.0) * 0.0 + 1.0)
        return [(x[i].tobytes(), y[i].tobytes(), s) for i, s in zip(first, weight, strict=True)]

    found = merged(listed)
    expected = {}
    for k, label in listed:
        key = dense[k].tobytes(), np.array([label, 1.0 - label]).tobytes()
        expected[key] = expected.get(key, 0.0) + 1.0
    assert {row[:2]: row[2] for row in found} == expected
    assert len(found) == len(expected)
    shuffled = listed.copy()
    random.shuffle(shuffled)
    assert merged(shuffled) == found


@pytest.mark.parametrize(("start", "stop"), [(0, 20), (0, 7), (5, 20), (6, 6)])
def test_longest_row_of_a_part_is_its_own(start, stop):
    rows = canonical_rows(sparse.random_array((20, 9), density=0.3, format="csr", rng=np.random.default_rng(0)))
    part = Batch(rows, np.zeros((20, 1))).between(start, stop)
    lengths = np.diff(rows.indptr)[start:stop]
    assert part.longest == lengths.max(initial=0)
    np.testing.assert_array_equal(np.diff(part.rows.indptr), lengths)
    assert part.rows.indptr[0] == 0
