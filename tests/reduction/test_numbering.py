"""Growing numbers of ids and rows against dictionaries."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from sparsereg.inputs.rows import as_rows
from sparsereg.reduction import numbering
from sparsereg.reduction.numbering import IdNumbers, PartNumbers, RowNumbers, cut, grow


def test_arrays_grow_by_zeros_and_are_cut_in_place():
    array = np.arange(5)
    grow(array, 4)
    assert array.size == 5
    grow(array, 6)
    np.testing.assert_array_equal(array, [0, 1, 2, 3, 4, 0])
    assert cut(array, 2) is array
    assert array.size == 2


def test_ids_of_any_size_keep_their_numbers_while_the_table_grows():
    rng, numbers, seen = np.random.default_rng(0), IdNumbers(), {}
    for _ in range(30):
        ids = np.r_[rng.integers(-(2**63), 2**63 - 1, 200), rng.integers(0, 300, 200)]
        found = numbers.number(ids)
        np.testing.assert_array_equal(found, [seen.setdefault(i, len(seen)) for i in ids.tolist()])
    assert numbers.n_known == len(seen) > 2 * numbering.SMALLEST_TABLE
    np.testing.assert_array_equal(numbers.finish(), list(seen))


def test_pairs_of_a_row_and_a_part():
    rng, numbers, seen = np.random.default_rng(2), PartNumbers(), {}
    for k in range(20):
        row = rng.integers(0, 10 * (k + 1), 50).astype(np.int32)
        part = rng.integers(0, 4, 50).astype(np.int32)
        expected = [seen.setdefault(pair, len(seen)) for pair in zip(row.tolist(), part.tolist())]
        np.testing.assert_array_equal(numbers.number(row, part, 10 * (k + 1)), expected)
    assert numbers.n_known == len(seen)
    np.testing.assert_array_equal(np.column_stack(numbers.finish()), list(seen))


def keys(rows):
    ids = rows.indices if rows.active is None else rows.active[rows.indices]
    values = rows.data if rows.data.size else np.ones(ids.size)
    return [(tuple(ids[a:b].tolist()), tuple(values[a:b].tolist())) for a, b in pairwise(rows.indptr)]


@pytest.mark.parametrize("kinds", ["1", "1f", "fd", "1fd1", "d1"], ids=str)
def test_rows_are_those_of_a_dictionary_whatever_their_values(kinds):
    """Ones, float32 (f) and float64 (d) come in turn, empty rows and empty blocks among them."""
    rng, numbers, seen = np.random.default_rng(1), RowNumbers(), {}
    for position in range(40):
        kind = kinds[position * len(kinds) // 40]
        dense = np.where(rng.random((60, 40)) < 0.1, 1.0, 0.0)
        if kind != "1":
            dense *= rng.integers(1, 3, dense.shape) / 3.0
        X = sparse.csr_array(dense.astype(np.float32 if kind == "f" else np.float64))
        wide = sparse.csr_array((X.data, X.indices.astype(np.int64) * 10**8 + 5, X.indptr), shape=(60, 10**10))
        rows = as_rows(wide)
        np.testing.assert_array_equal(numbers.number(rows), [seen.setdefault(key, len(seen)) for key in keys(rows)])
    kept = numbers.finish(10**10)
    assert keys(kept) == list(seen)
    assert np.all(np.diff(kept.active) > 0)
    assert kept.data.dtype == (np.float64 if "d" in kinds else np.float32)
    assert (kept.data.size == 0) == (kinds == "1")
    assert len(seen) > numbering.SMALLEST_TABLE
