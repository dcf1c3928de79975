"""Kernels of compaction against NumPy and SciPy."""

import signal
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wide_matrices import blemished_csr

from sparsereg._core import compact

INDEX_TYPES = [np.int32, np.int64]
VALUE_TYPES = [np.float32, np.float64]


def validate(indptr, indices, data, n_features, offset=np.int64, index=np.int64, value=np.float64):
    arrays = np.array(indptr, offset), np.array(indices, index), np.array(data, value)
    for array in arrays:
        array.flags.writeable = False
    return compact.validate(*arrays, n_features)


@pytest.mark.parametrize("offset", INDEX_TYPES)
@pytest.mark.parametrize("index", INDEX_TYPES)
@pytest.mark.parametrize("value", VALUE_TYPES)
@pytest.mark.parametrize(
    ("indptr", "indices", "data", "expected"),
    [
        ([1, 2], [0, 1], [1, 1], (compact.BAD_START, 0, 0)),
        ([0, 2, 1, 2], [0, 1], [1, 1], (compact.DECREASING, 1, 1)),
        ([0, 1, 3], [0, 1], [1, 1], (compact.TOO_LONG, 1, 0)),
        ([0, -1, 2], [0, 1], [1, 1], (compact.DECREASING, 0, 0)),
        ([0, 1, 2], [0, 5], [1, 1], (compact.BAD_ID, 1, 1)),
        ([0, 1, 2], [-1, 1], [1, 1], (compact.BAD_ID, 0, 0)),
        ([0, 1, 2], [0, 1], [1, np.nan], (compact.NOT_FINITE, 1, 1)),
        ([0, 1, 2], [0, 1], [-np.inf, 1], (compact.NOT_FINITE, 0, 0)),
    ],
)
def test_validate_says_what_is_wrong_and_where(indptr, indices, data, expected, offset, index, value):
    code, row, position, *_ = validate(indptr, indices, data, 5, offset, index, value)
    assert (code, row) == expected[:2]
    if code in (compact.BAD_ID, compact.NOT_FINITE):
        assert position == expected[2]


@pytest.mark.parametrize("value", VALUE_TYPES)
@pytest.mark.parametrize(
    ("indptr", "indices", "data", "facts"),
    [
        ([0, 2, 3], [0, 1, 0], [1, 1, 1], (True, False, True, 2)),
        ([0, 2, 3], [0, 1, 0], [], (True, False, True, 2)),
        ([0, 2, 3], [1, 0, 0], [1, 1, 1], (False, False, True, 2)),
        ([0, 2, 3], [1, 1, 0], [1, 1, 1], (False, False, True, 2)),
        ([0, 2, 3], [0, 1, 0], [1, 0, 1], (True, True, True, 2)),
        ([0, 2, 3], [0, 1, 0], [1, -0.0, 2], (True, True, False, 2)),
        ([0, 0, 0], [], [], (True, False, True, 0)),
        ([0], [], [], (True, False, True, 0)),
        ([0, 1], [0, 99, -7], [1, np.nan, 0], (True, False, True, 1)),
    ],
)
def test_validate_states_facts_about_the_used_part(indptr, indices, data, facts, value):
    assert validate(indptr, indices, data, 5, value=value)[0] == compact.VALID
    assert validate(indptr, indices, data, 5, value=value)[3:] == facts


def long_rows(rng, lengths, n_features, values):
    """Rows of ascending distinct ids, many times as many entries as are checked at once."""
    indptr = np.append(0, np.cumsum(rng.choice(lengths, 3_000)))
    ids = np.concatenate([np.sort(rng.choice(n_features, k, replace=False)) for k in np.diff(indptr)])
    return indptr, ids, rng.choice(values, ids.size)


@pytest.mark.parametrize("index", INDEX_TYPES)
@pytest.mark.parametrize("value", VALUE_TYPES)
@pytest.mark.parametrize("values", [[1.0], [0.0, 1.0], [1.0, -2.5, 5e-324, np.finfo(np.float32).max]])
@pytest.mark.parametrize("lengths", [[5], [0, 1, 2, 40], [3_000]])
def test_validate_of_many_rows_states_the_facts(index, value, values, lengths):
    rng = np.random.default_rng(0)
    indptr, ids, data = long_rows(rng, lengths, 4_000, values) if lengths != [3_000] else (
        np.arange(0, 12_001, 3_000), np.tile(np.arange(3_000), 4), rng.choice(values, 12_000)
    )
    data = data.astype(value)
    facts = (bool((data == 0).any()), bool(((data == 0) | (data == 1)).all()), int(np.diff(indptr).max()))
    assert validate(indptr, ids, data, 4_000, index=index, value=value)[0::3] == (compact.VALID, True, facts[2])
    assert validate(indptr, ids, data, 4_000, index=index, value=value)[4:] == facts
    # Two ids of a row in the wrong order, or one of them twice.
    row = int(np.flatnonzero(np.diff(indptr) > 1)[-1])
    for wrong in (ids[indptr[row] : indptr[row] + 2][::-1], ids[indptr[row]]):
        other = ids.copy()
        other[indptr[row] : indptr[row] + 2] = wrong
        assert validate(indptr, other, data, 4_000, index=index, value=value)[:4:3] == (compact.VALID, False)


@pytest.mark.parametrize("index", INDEX_TYPES)
@pytest.mark.parametrize("value", VALUE_TYPES)
def test_validate_of_many_rows_finds_the_first_fault(index, value):
    rng = np.random.default_rng(1)
    indptr, ids, data = long_rows(rng, [0, 1, 5], 4_000, [1.0, 2.0])
    faults = [(compact.BAD_ID, 4_000), (compact.BAD_ID, -1)]
    faults += [(compact.NOT_FINITE, np.nan), (compact.NOT_FINITE, -np.inf)]
    for k in (0, 2_047, 2_048, 5_000, ids.size - 1):
        for code, wrong in faults:
            bad = ids.copy(), data.copy()
            bad[code == compact.NOT_FINITE][k] = wrong
            # One more behind it, of the other kind.
            bad[code != compact.NOT_FINITE][k + 1 : k + 2] = np.inf if code == compact.BAD_ID else -5
            row = int(np.searchsorted(indptr, k, side="right")) - 1
            assert validate(indptr, *bad, 4_000, index=index, value=value)[:3] == (code, row, k)
    for code, wrong in ((compact.DECREASING, -1), (compact.TOO_LONG, ids.size + 1)):
        starts = indptr.copy()
        starts[2_000] = wrong
        assert validate(starts, ids, data, 4_000, index=index, value=value)[:2] == (code, 1_999)
        # What is wrong in a row before comes first.
        other = ids.copy()
        other[indptr[1_998] - 1] = 4_000
        assert validate(starts, other, data, 4_000, index=index, value=value)[0] == compact.BAD_ID


def test_ids_up_to_the_largest_int64_are_valid():
    top = 2**63 - 1
    assert validate([0, 1], [top - 1], [1], top)[0] == compact.VALID
    assert validate([0, 1], [top], [1], top)[0] == compact.BAD_ID


@pytest.mark.parametrize("index", INDEX_TYPES)
@given(ids=st.lists(st.integers(0, 999), max_size=60))
def test_bitmap_rank_is_unique_inverse(ids, index):
    ids = np.array(ids, dtype=index)
    bitmap = np.zeros(16, np.uint64)
    before = np.empty(16, np.int32)
    compact.mark(ids, bitmap)
    n_active = compact.count_before(bitmap, before)
    active, out = np.empty(n_active, np.int64), np.empty(ids.size, np.int32)
    compact.marked_ids(bitmap, active)
    compact.rank(ids, bitmap, before, out)
    expected, inverse = np.unique(ids, return_inverse=True)
    np.testing.assert_array_equal(active, expected)
    np.testing.assert_array_equal(out, inverse.reshape(-1))


def test_all_bits_of_a_word():
    bitmap = np.array([2**64 - 1, 0, 1 << 63], np.uint64)
    before = np.empty(3, np.int32)
    assert compact.count_before(bitmap, before) == 65
    np.testing.assert_array_equal(before, [0, 64, 64])
    active = np.empty(65, np.int64)
    compact.marked_ids(bitmap, active)
    np.testing.assert_array_equal(active, [*range(64), 191])


@pytest.mark.parametrize("value", VALUE_TYPES)
@pytest.mark.parametrize("index", INDEX_TYPES)
def test_select_keeps_marked_rows_without_zeros(index, value):
    X = blemished_csr(3, dtype=value)
    indices = X.indices.astype(index)
    keep = np.random.default_rng(0).random(X.shape[0]) < 0.6
    indptr = np.empty(keep.sum() + 1, np.int64)
    out_indices, out_data = np.empty_like(indices), np.empty_like(X.data)
    compact.select(X.indptr, indices, X.data, keep.view(np.uint8), indptr, out_indices, out_data)
    for row, i in enumerate(np.flatnonzero(keep)):
        entries = slice(X.indptr[i], X.indptr[i + 1])
        stored = X.data[entries] != 0
        kept = slice(indptr[row], indptr[row + 1])
        np.testing.assert_array_equal(out_indices[kept], indices[entries][stored])
        np.testing.assert_array_equal(out_data[kept], X.data[entries][stored])


def test_select_says_whether_all_that_is_left_is_one():
    indptr, indices, data = np.array([0, 1, 2]), np.array([0, 1]), np.array([1.0, 2.0])
    for keep, binary in ([1, 0], True), ([1, 1], False):
        out = np.empty(sum(keep) + 1, np.int64), np.empty(2, np.int64), np.empty(2)
        assert compact.select(indptr, indices, data, np.array(keep, np.uint8), *out) is binary


@pytest.mark.parametrize("with_data", [True, False])
@given(seed=st.integers(0, 2**32 - 1))
def test_transpose_is_a_stable_sort_by_column(seed, with_data):
    X = blemished_csr(seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(X.shape[0])[: rng.integers(1, X.shape[0])].astype(np.int32)
    entries = [(j, i, v) for i, r in enumerate(order)
               for j, v in zip(X.indices[X.indptr[r]:X.indptr[r + 1]], X.data[X.indptr[r]:X.indptr[r + 1]])]
    entries.sort(key=lambda entry: entry[:1])
    indptr = np.zeros(X.shape[1] + 1, np.int64)
    indices = np.empty(len(entries), np.int32)
    data = np.empty(len(entries) if with_data else 0)
    given_data = X.data if with_data else X.data[:0]
    compact.transpose(X.indptr, X.indices.astype(np.int32), given_data, order, indptr, indices, data)
    counts = np.bincount([j for j, _, _ in entries], minlength=X.shape[1])
    np.testing.assert_array_equal(np.diff(indptr), counts)
    np.testing.assert_array_equal(indices, [i for _, i, _ in entries])
    if with_data:
        np.testing.assert_array_equal(data, [v for _, _, v in entries])


@pytest.mark.parametrize("with_data", [True, False])
@given(seed=st.integers(0, 2**32 - 1))
def test_take_copies_rows_in_the_order_given(seed, with_data):
    X = blemished_csr(seed)
    rng = np.random.default_rng(seed)
    order = rng.integers(0, X.shape[0], rng.integers(1, 60)).astype(np.int32)
    places = np.concatenate([np.arange(X.indptr[r], X.indptr[r + 1]) for r in order])
    indptr = np.full(order.size + 1, -1)
    compact.place(X.indptr, order, indptr)
    np.testing.assert_array_equal(indptr, np.r_[0, np.cumsum(np.diff(X.indptr)[order])])
    ids, data = np.empty(places.size, np.int32), np.empty(places.size if with_data else 0)
    given_data = X.data if with_data else X.data[:0]
    compact.take(X.indptr, X.indices.astype(np.int32), given_data, order, indptr, ids, data)
    np.testing.assert_array_equal(ids, X.indices[places])
    if with_data:
        np.testing.assert_array_equal(data, X.data[places])


def test_merge_adds_duplicates_and_drops_what_cancels():
    indptr, indices = np.array([0, 3, 5, 5, 6]), np.array([0, 0, 2, 1, 1, 3], np.int32)
    data = np.array([1.0, 2.0, 1.0, 4.0, -4.0, 5.0])
    out = np.empty(5, np.int64), np.empty(6, np.int32), np.empty(6)
    assert compact.merge_duplicates(indptr, indices, data, *out) == (1, -1, False)
    np.testing.assert_array_equal(out[0], [0, 2, 2, 2, 3])
    np.testing.assert_array_equal(out[1][:3], [0, 2, 3])
    np.testing.assert_array_equal(out[2][:3], [3, 1, 5])


def test_merge_of_ones_counts():
    indptr, indices = np.array([0, 2, 3]), np.array([0, 0, 2], np.int32)
    out = np.empty(3, np.int64), np.empty(3, np.int32), np.empty(3)
    assert compact.merge_duplicates(indptr, indices, np.empty(0), *out) == (0, -1, False)
    np.testing.assert_array_equal(out[2][:2], [2, 1])


def test_merge_reports_a_sum_that_overflows():
    data = np.array([1, 3e38, 3e38], np.float32)
    out = np.empty(3, np.int64), np.empty(3, np.int32), np.empty(3, np.float32)
    _, row, _ = compact.merge_duplicates(np.array([0, 1, 3]), np.array([0, 1, 1], np.int32), data, *out)
    assert row == 1


def test_an_interrupt_does_not_wait_for_a_whole_transposition():
    """Measured in CPU time, which other processes do not change."""
    n_rows, width = 400_000, 40
    indices = np.tile(np.arange(width, dtype=np.int32), n_rows)
    indptr = np.arange(0, indices.size + 1, width)
    arrays = (indptr, indices, np.empty(0), np.arange(n_rows, dtype=np.int32))

    def transpose():
        out = (np.zeros(width + 1, dtype=np.int64), np.empty(indices.size, dtype=np.int32), np.empty(0))
        start = time.process_time()
        try:
            compact.transpose(*arrays, *out)
        except TimeoutError:
            return time.process_time() - start, True
        return time.process_time() - start, False

    def interrupt(*_):
        raise TimeoutError

    whole, _ = transpose()
    before = signal.signal(signal.SIGPROF, interrupt)
    try:
        signal.setitimer(signal.ITIMER_PROF, 0.02)
        spent, was_interrupted = transpose()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)
    assert was_interrupted
    assert spent < 0.75 * whole
