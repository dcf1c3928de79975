"""Pickles of reductions: beside the stream, in few bytes, and without copies where arrays stay as they are."""

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse
from support.reductions import assert_identical, assert_same, equal_rows, kinds_of_reductions, target

from sparsereg import Lasso, Reduced
from sparsereg.reduction.entries import Entries
from sparsereg.reduction.scratch import mapping_of


@pytest.mark.parametrize("protocol", [2, 5])
def test_pickles_are_the_same(protocol):
    for reduced in kinds_of_reductions():
        assert_identical(reduced, pickle.loads(pickle.dumps(reduced, protocol=protocol)))
    assert_identical(reduced, copy.deepcopy(reduced))


def large():
    """Return a reduction of more columns than two bytes number, with weights and means of eight bytes."""
    n = 70_000
    ids = np.column_stack([np.arange(n), np.arange(n) // 2 + 10**6])
    X = sparse.csr_array((np.full(2 * n, 0.5), ids.ravel(), 2 * np.arange(n + 1)), shape=(n, 2 * 10**6))
    return X, np.sin(np.arange(n)), np.linspace(0.5, 1.5, n)


def test_large_arrays_lie_beside_the_stream_and_are_not_copied():
    X, y, weight = large()
    reduced, buffers = Reduced.of(X, y, weight, offset=y, loss="squared"), []
    stream = pickle.dumps(reduced, protocol=5, buffer_callback=buffers.append)
    assert len(stream) < 3000
    given = [np.frombuffer(buffer.raw(), dtype=np.uint8) for buffer in buffers]
    entries = reduced.entries
    kept = (entries.rows.indices, entries.rows.data, entries.offset, entries.sums.weight, entries.sums.columns[0])
    for array in kept:
        assert any(np.shares_memory(array, buffer) for buffer in given)
    found = pickle.loads(stream, buffers=[buffer.raw().toreadonly() for buffer in buffers])
    for array, other in zip(kept, (found.entries.rows.indices, found.entries.rows.data, found.entries.offset)):
        assert np.shares_memory(array, other)
    np.testing.assert_array_equal(found.entries.rows.indptr, entries.rows.indptr)
    np.testing.assert_array_equal(found.entries.rows.active, entries.rows.active)
    # What cannot be written to merges and fits as well.
    assert found.merge(found).n_rows == reduced.n_rows
    assert Lasso(0.01).fit(found).objective_ == Lasso(0.01).fit(reduced).objective_
    # Lengths of rows take a byte each, and distances between columns no more than they need.
    assert sum(buffer.nbytes for buffer in given) < 70_000 * (1 + 2 * (4 + 8) + 4 + 3 * 8) + 4 * 105_000 + 1000


def test_counts_take_a_byte():
    X, effect, _ = equal_rows(2000)
    reduced, buffers = Reduced.of(X, target("logistic", effect), loss="logistic"), []
    pickle.dumps(reduced, protocol=5, buffer_callback=buffers.append)
    # A length, three ids and two counts a row, and four bytes of a distance for each column.
    assert sum(buffer.raw().nbytes for buffer in buffers) <= 35 * (1 + 3 + 2) + 4 * 47 + 8 * (3 + 2)
    assert reduced.nbytes > 35 * (8 + 12 + 16)


def test_what_is_mapped_is_handed_over_as_it_lies(tmp_path):
    X, effect, _ = equal_rows(300)
    reduced = Reduced.of(X, target("logistic", effect), loss="logistic", fold=np.arange(300) % 3)
    entries, mapped = reduced.entries, {}

    def as_mapped(array, name):
        mapped[name] = np.memmap(tmp_path / name, array.dtype, "w+", shape=array.shape)
        mapped[name][:] = array
        return mapped[name]

    rows, sums = (copy.copy(each) for each in (entries.rows, entries.sums))
    for name in ("indptr", "indices", "active"):
        object.__setattr__(rows, name, as_mapped(getattr(rows, name), name))
    columns = tuple(as_mapped(column, f"column{k}") for k, column in enumerate(sums.columns))
    object.__setattr__(sums, "columns", columns)
    fields = {**vars(entries), "rows": rows, "sums": sums, "row": as_mapped(entries.row, "row")}
    lying, buffers = Reduced("logistic", Entries(**fields)), []
    stream = pickle.dumps(lying, protocol=5, buffer_callback=buffers.append)
    given = [np.frombuffer(buffer.raw(), dtype=np.uint8) for buffer in buffers]
    for name, array in mapped.items():
        assert any(np.shares_memory(array, buffer) for buffer in given), name
    assert_same(pickle.loads(stream, buffers=buffers), reduced)


def test_what_was_spilled_is_handed_over_as_it_lies(tmp_path):
    X = sparse.csr_array(np.eye(300)[np.random.default_rng(0).integers(0, 300, 2000)])
    blocks = [(X[k : k + 50], np.arange(k, k + 50) % 3.0) for k in range(0, 2000, 50)]
    spilled = Reduced.of_blocks(blocks, loss="huber", memory_limit=100_000, spill_folder=tmp_path)
    shared, buffers = mapping_of(spilled.entries.rows.indices), []
    stream = pickle.dumps(spilled, protocol=5, buffer_callback=buffers.append)
    given = [np.frombuffer(buffer.raw(), dtype=np.uint8) for buffer in buffers if buffer.raw().nbytes]
    lying = np.frombuffer(shared, dtype=np.uint8)
    # All but the totals of samples.
    assert sum(array.size for array in given if np.shares_memory(array, lying)) > lying.size - 200
    found = pickle.loads(stream, buffers=buffers)
    assert_same(found, Reduced.of_blocks(blocks, loss="huber"))
    spilled.save(tmp_path / "part.npz")
    assert_identical(Reduced.load(tmp_path / "part.npz"), spilled)
