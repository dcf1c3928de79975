"""Growing tables against dictionaries, and running means against two passes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsereg._core import row_table


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_ids_are_numbered_as_they_first_come_until_there_is_no_room(dtype):
    ids = np.array([7, -3, 7, 0, 7 + 8, -3, 2], dtype=dtype)
    slots, known, out = np.full((8, 2), -1), np.empty(4, np.int64), np.empty(7, np.int32)
    assert row_table.number_ids(ids, slots, known, 0, out) == (6, 4)
    np.testing.assert_array_equal(known, [7, -3, 0, 15])
    np.testing.assert_array_equal(out[:6], [0, 1, 0, 2, 3, 1])
    larger, more = np.full((16, 2), -1), np.r_[known, 0]
    row_table.enter_ids(known, larger)
    assert row_table.number_ids(ids[6:], larger, more, 4, out[6:]) == (1, 5)
    assert (out[6], more[4]) == (4, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_hashes_of_different_rows_do_not_merge_them(dtype):
    indptr, indices = np.array([0, 1, 2, 4, 5]), np.array([0, 1, 0, 1, 0], np.int32)
    for data in np.empty(0, dtype), np.array([1, 1, 1, 1, 2], dtype):
        kept = np.zeros(5, np.int64), np.empty(8, np.int32), np.empty(8 if data.size else 0, dtype)
        out, table = np.empty(4, np.int32), np.zeros(8, np.uint64)
        done = row_table.number_rows(indptr, indices, data, np.full(4, 7, np.uint64), table, *kept, 0, out)
        assert done == (4, 3 if data.size == 0 else 4)
        np.testing.assert_array_equal(out, [0, 1, 2, 0] if data.size == 0 else [0, 1, 2, 3])
        # Entered anew, they are found again.
        again = np.zeros(8, np.uint64)
        row_table.enter_rows(np.full(done[1], 7, np.uint64), again)
        found = np.empty(4, np.int32)
        row_table.number_rows(indptr, indices, data, np.full(4, 7, np.uint64), again, *kept, done[1], found)
        np.testing.assert_array_equal(found, out)


def test_rows_stop_where_there_is_no_room_for_their_entries_or_their_number():
    indptr, indices, hashes = np.array([0, 2, 4, 6]), np.arange(6, dtype=np.int32), np.arange(3, dtype=np.uint64)
    for rows, room in ((4, 5), (2, 9)):
        kept = np.zeros(rows + 1, np.int64), np.empty(room, np.int32), np.empty(0)
        out = np.empty(3, np.int32)
        assert row_table.number_rows(
            indptr, indices, np.empty(0), hashes, np.zeros(8, np.uint64), *kept, 0, out
        ) == (2, 2)


def test_pairs_are_numbered_as_they_first_come_until_there_is_no_room():
    row, part = np.array([1, 0, 1, 1, 0], np.int32), np.array([2, 2, 0, 2, 1], np.int32)
    tables, out = [np.zeros(size, np.int32) for size in (2, 3, 3, 3)], np.empty(5, np.int32)
    assert row_table.number_parts(row, part, *tables, 0, out) == (4, 3)
    np.testing.assert_array_equal(out[:4], [0, 1, 2, 0])
    np.testing.assert_array_equal(np.column_stack(tables[2:]), [[1, 2], [0, 2], [1, 0]])


@given(st.data())
def test_running_means_are_those_of_two_passes(data):
    n = data.draw(st.integers(1, 40))
    numbers = st.floats(-1e3, 1e3).map(lambda value: value + 1e6)
    y = np.array(data.draw(st.lists(numbers, min_size=n, max_size=n)))
    weight = np.array(data.draw(st.lists(st.floats(1e-3, 1e3), min_size=n, max_size=n)))
    group = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), np.int32)
    part = group % 2
    total, mean, within = np.zeros(4), np.zeros(4), np.zeros(2)
    row_table.add_to_means(group, part, y, weight, total, mean, within)
    for g in np.unique(group):
        one = group == g
        assert total[g] == pytest.approx(weight[one].sum(), rel=1e-12)
        assert mean[g] == pytest.approx(np.average(y[one], weights=weight[one]), rel=1e-12)
        assert np.ptp(y[one]) > 0.0 or mean[g] == y[one][0]
    expected = np.bincount(part, 0.5 * weight * (y - mean[group]) ** 2, minlength=2)
    np.testing.assert_allclose(within, expected, rtol=1e-6, atol=1e-9 * weight.sum())
