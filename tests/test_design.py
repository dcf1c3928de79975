"""Ingestion: what comes out equals what went in, whatever its kind and blemishes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from support.wide_matrices import CROSS_WIDTH, blemished_csr, coordinates_of, lat_long_cross, raw_csr

from sparsereg import design as design_module
from sparsereg.design import compact_ids, make_design, merge_ids

FORMATS = ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"]


def dense_of(X):
    """Add a raw CSR up into a dense array, entry by entry."""
    out = np.zeros(X.shape)
    for i in range(X.shape[0]):
        for k in range(X.indptr[i], X.indptr[i + 1]):
            out[i, X.indices[k]] += X.data[k]
    return out


def expand(design):
    """Spell a design out over all samples and all columns; dropped rows are zeros."""
    out = np.zeros((design.n_samples, design.n_features))
    rows = np.zeros((design.n_rows, design.n_active))
    for j in range(design.n_active):
        entries = slice(design.indptr[j], design.indptr[j + 1])
        rows[design.indices[entries], j] = design.data[entries]
    kept = design.row_of >= 0
    out[np.ix_(kept, design.active)] = rows[design.row_of[kept]]
    return out


def check_invariants(design):
    """Check what every consumer of a design relies on."""
    assert design.active.dtype == np.int64
    assert design.indptr.dtype == np.int64
    assert design.indices.dtype == np.int32
    assert design.row_of.dtype == np.int32
    assert design.data.dtype in (np.float32, np.float64)
    assert design.data.shape == design.indices.shape == (design.nnz,)
    assert design.indptr.shape == (design.n_active + 1,)
    assert design.row_of.shape == (design.n_samples,)
    assert (np.diff(design.active) > 0).all()
    assert (np.diff(design.indptr) > 0).all()
    assert (design.data != 0).all()
    assert design.binary == bool((design.data == 1).all())
    for j in range(design.n_active):
        assert (np.diff(design.indices[design.indptr[j] : design.indptr[j + 1]]) > 0).all()
    used = np.unique(design.row_of[design.row_of >= 0])
    np.testing.assert_array_equal(used, np.arange(design.n_rows))


@pytest.mark.parametrize("aggregate", ["auto", True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(seed=st.integers(0, 2**32 - 1))
def test_design_equals_the_wide_matrix(seed, dtype, aggregate):
    X = blemished_csr(seed, dtype=dtype)
    design = make_design(X, aggregate=aggregate)
    check_invariants(design)
    dense = dense_of(X)
    np.testing.assert_array_equal(expand(design), dense)
    np.testing.assert_array_equal(design.active, np.flatnonzero(dense.any(axis=0)))
    if aggregate is True:
        assert design.n_rows == np.unique(dense, axis=0).shape[0]
    if aggregate is False:
        np.testing.assert_array_equal(design.row_of, np.arange(X.shape[0]))


@given(seed=st.integers(0, 2**32 - 1))
def test_rows_of_weight_zero_are_dropped_with_their_columns(seed):
    X = blemished_csr(seed)
    weight = np.random.default_rng(seed).integers(0, 2, X.shape[0]).astype(float)
    weight[0] = 1
    design = make_design(X, weight)
    check_invariants(design)
    dense = dense_of(X) * weight[:, None]
    np.testing.assert_array_equal(expand(design), dense)
    np.testing.assert_array_equal(design.row_of == -1, weight == 0)
    np.testing.assert_array_equal(design.active, np.flatnonzero(dense.any(axis=0)))


@given(seed=st.integers(0, 2**32 - 1))
def test_squared_loss_of_samples_is_that_of_rows_plus_within(seed):
    X = blemished_csr(seed)
    rng = np.random.default_rng(seed)
    y, weight = rng.standard_normal(X.shape[0]), rng.random(X.shape[0])
    design = make_design(X, weight, aggregate=True)
    grouped = design.aggregate(y, weight)
    prediction = rng.standard_normal(design.n_rows)
    of_samples = (weight / 2 * (y - prediction[design.row_of]) ** 2).sum()
    of_rows = (grouped.weight / 2 * (grouped.mean - prediction) ** 2).sum()
    np.testing.assert_allclose(of_samples, of_rows + grouped.within, rtol=1e-12)


def test_aggregated_products_equal_raw_products():
    X = lat_long_cross(5000, n_places=3)
    design = make_design(X, aggregate=True)
    rng = np.random.default_rng(0)
    w, residual = rng.standard_normal(design.n_active), rng.standard_normal(design.n_samples)
    columns = sparse.csc_array((design.data, design.indices, design.indptr), shape=(design.n_rows, design.n_active))
    raw = X[:, design.active]
    np.testing.assert_allclose((columns @ w)[design.row_of], raw @ w, rtol=1e-12, atol=1e-12)
    summed = np.bincount(design.row_of, residual, design.n_rows)
    np.testing.assert_allclose(columns.T @ summed, raw.T @ residual, rtol=1e-12, atol=1e-12)


def test_aggregated_rows_are_in_the_order_of_their_finest_cell():
    X = lat_long_cross(5000, n_places=3)
    design = make_design(X, aggregate=True)
    assert design.n_rows < 5000
    cell = np.empty(design.n_rows, np.int64)
    cell[design.row_of] = X.indices[2::3]
    assert (np.diff(cell) > 0).all()


def test_automatic_aggregation_only_where_it_pays():
    assert make_design(np.eye(100)).n_rows == 100
    repeated = np.repeat(np.eye(50), 2, axis=0)
    assert make_design(repeated).n_rows == 50
    np.testing.assert_array_equal(make_design(np.eye(100)).row_of, np.arange(100))


@pytest.mark.parametrize("n_distinct", [2_000, 18_000, 36_000])
def test_estimate_of_distinct_rows_from_a_sample(n_distinct):
    n_samples = 40_000
    ids = np.random.default_rng(0).permutation(np.arange(n_samples) % n_distinct)
    X = sparse.csr_array((np.ones(n_samples), ids, np.arange(n_samples + 1)), shape=(n_samples, n_distinct))
    design = make_design(X)
    assert design.n_rows == (n_distinct if n_distinct < 36_000 else design.n_rows)
    np.testing.assert_array_equal(design.active[ids], ids)


def test_a_low_estimate_only_costs_another_round(monkeypatch):
    monkeypatch.setattr(design_module, "_estimate_distinct", lambda hashes: 1)
    X = lat_long_cross(3000, n_places=2)
    design = make_design(X)
    assert design.n_rows == np.unique(X.indices[2::3]).size


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("fmt", FORMATS)
def test_every_sparse_format(fmt, kind):
    rng = np.random.default_rng(0)
    dense = rng.integers(-1, 2, (12, 8)) * rng.random((12, 8))
    X = getattr(sparse, f"{fmt}_{kind}")(dense)
    design = make_design(X)
    check_invariants(design)
    np.testing.assert_array_equal(expand(design), dense)


@pytest.mark.parametrize("fmt", ["csr", "csc", "coo"])
@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.uint64, np.float32, np.longdouble])
def test_every_value_type(fmt, dtype):
    dense = np.array([[1, 0, 1], [0, 2, 0], [1, 1, 0]]).astype(dtype)
    design = make_design(sparse.csr_array(dense).asformat(fmt))
    np.testing.assert_array_equal(expand(design), dense.astype(float))
    if dtype is bool:
        assert design.binary
    else:
        assert design.data.dtype == (np.float32 if dtype == np.float32 else np.float64)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.float64])
def test_ones_are_kept_as_float32(dtype):
    design = make_design(sparse.csr_array(np.eye(4, dtype=dtype)))
    assert design.binary
    assert design.data.dtype == np.float32
    assert make_design(sparse.csr_array(np.eye(4, dtype=dtype)), dtype=np.float64).data.dtype == np.float64


def test_ones_that_repeat_are_not_binary():
    X = raw_csr(np.array([0, 2, 3]), np.array([1, 1, 0]), np.array([True, True, True]), (2, 2))
    design = make_design(X)
    assert not design.binary
    assert design.data.dtype == np.float64
    np.testing.assert_array_equal(expand(design), [[0, 2], [1, 0]])


def test_int8_duplicates_do_not_saturate():
    row, column = np.zeros(3, int), np.zeros(3, int)
    X = sparse.coo_array((np.array([100, 100, 100], np.int8), (row, column)), shape=(1, 2))
    np.testing.assert_array_equal(make_design(X).data, [300])


def test_stored_zeros_and_dropped_rows_may_leave_only_ones():
    X = raw_csr(np.array([0, 2, 3]), np.array([0, 1, 1]), np.array([1.0, 0.0, 2.0]), (2, 2))
    assert not make_design(X).binary
    design = make_design(X, [1, 0])
    assert design.binary
    np.testing.assert_array_equal(design.active, [0])


@pytest.mark.parametrize("n_features", [2**40, 2**62, 2**63 - 1])
def test_ids_as_wide_as_int64(n_features):
    ids = np.array([n_features - 1, 5, n_features - 1, 2**35])
    X = raw_csr(np.array([0, 2, 4]), ids, np.array([1.0, 2.0, 3.0, 4.0]), (2, n_features))
    design = make_design(X)
    assert design.n_features == n_features
    np.testing.assert_array_equal(design.active, [5, 2**35, n_features - 1])
    np.testing.assert_array_equal(design.data, [2, 4, 1, 3])
    np.testing.assert_array_equal(make_design(X.tocoo()).active, design.active)


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_bitmap_and_sorting_agree(monkeypatch, index):
    ids = np.random.default_rng(0).integers(0, 10_000, 3000).astype(index)
    by_bitmap = compact_ids(ids, 10_000)
    monkeypatch.setattr(design_module, "SMALL_WIDTH", 0)
    monkeypatch.setattr(design_module, "LARGEST_WIDTH", 0)
    by_sorting = compact_ids(ids, 10_000)
    for one, other in zip(by_bitmap, by_sorting):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_ids_of_parts_are_merged():
    parts = [np.array([0, 3, 2**40]), np.empty(0, dtype=np.int64), np.array([3, 5]), np.array([2**40])]
    merged = merge_ids(parts)
    assert merged.dtype == np.int64
    assert merged.tolist() == [0, 3, 5, 2**40]
    assert merge_ids(parts[1:2]).size == 0


def test_wide_columns_are_read_by_their_occupied_part(monkeypatch):
    monkeypatch.setattr("sparsereg.inputs.rows.CHUNK", 7)
    dense = np.zeros((3, 100))
    dense[[0, 1, 1, 2], [0, 6, 7, 99]] = 1, 2, 3, 4
    np.testing.assert_array_equal(expand(make_design(sparse.csc_array(dense))), dense)


def test_a_real_cross_in_every_wide_format():
    X = lat_long_cross(200, n_places=2)
    assert X.shape[1] == CROSS_WIDTH
    expected = make_design(X)
    for other in (X.tocoo(), X.astype(np.float32), X.astype(bool)):
        design = make_design(other)
        for name in ("active", "indptr", "indices", "data", "row_of"):
            np.testing.assert_array_equal(getattr(design, name), getattr(expected, name))


@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("fmt", ["csr", "csc", "coo"])
def test_callers_arrays_are_never_changed(fmt, seed):
    X = blemished_csr(seed)
    if fmt != "csr":
        X = coordinates_of(X).asformat(fmt)
    names = ["row", "col", "data"] if fmt == "coo" else ["indptr", "indices", "data"]
    before = [getattr(X, name).copy() for name in names]
    make_design(X, np.arange(30.0))
    for name, old in zip(names, before):
        assert getattr(X, name).tobytes() == old.tobytes()


@pytest.mark.parametrize("lie", [True, False])
def test_flags_are_not_believed(lie):
    X = blemished_csr(1)
    expected = dense_of(X)
    X.has_canonical_format = X.has_sorted_indices = lie
    np.testing.assert_array_equal(expand(make_design(X)), expected)


def test_read_only_strided_and_swapped_arrays():
    X = blemished_csr(2)
    expected = dense_of(X)
    for array in (X.indptr, X.indices, X.data):
        array.flags.writeable = False
    np.testing.assert_array_equal(expand(make_design(X)), expected)
    X.indices = np.repeat(X.indices, 2)[::2]
    X.data = X.data.astype(">f8")
    X.indptr = X.indptr.astype(">i4")
    np.testing.assert_array_equal(expand(make_design(X)), expected)


def test_half_precision_values():
    X = raw_csr(np.array([0, 2]), np.array([0, 2]), np.array([0.5, 1], np.float16), (1, 3))
    np.testing.assert_array_equal(expand(make_design(X)), [[0.5, 0, 1]])


def test_mixed_index_widths_and_small_index_types():
    X = blemished_csr(2)
    expected = dense_of(X)
    for offset, index in ((np.int32, np.int64), (np.int64, np.int32), (np.uint16, np.uint8)):
        mixed = raw_csr(X.indptr.astype(offset), X.indices.astype(index), X.data, X.shape)
        np.testing.assert_array_equal(expand(make_design(mixed)), expected)


def test_memory_mapped_arrays(tmp_path):
    X = blemished_csr(2)
    expected = dense_of(X)
    arrays = []
    for name in ("indptr", "indices", "data"):
        np.save(tmp_path / f"{name}.npy", getattr(X, name))
        arrays.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    np.testing.assert_array_equal(expand(make_design(raw_csr(*arrays, X.shape))), expected)


def test_unused_room_is_not_looked_at():
    X = raw_csr(np.array([0, 1, 2]), np.array([0, 1, -9, 99]), np.array([1.0, 2.0, np.nan, 0.0]), (2, 2))
    np.testing.assert_array_equal(expand(make_design(X)), [[1, 0], [0, 2]])
    assert make_design(X, [0, 1]).nnz == 1


def test_dense_input():
    dense = np.array([[0.0, 1.5], [2.0, 0.0], [0.0, 0.0]])
    frame = pd.DataFrame(dense, columns=["a", "b"])
    for X in (dense, np.asfortranarray(dense), dense.tolist(), frame, frame.astype(pd.SparseDtype(float, 0.0))):
        np.testing.assert_array_equal(expand(make_design(X)), dense)
    mixed = pd.DataFrame({"a": [True, False], "b": [1, 2]})
    np.testing.assert_array_equal(expand(make_design(mixed)), [[1, 1], [0, 2]])


def test_matrices_of_nothing():
    design = make_design(sparse.csr_array((3, 5)))
    check_invariants(design)
    assert (design.n_rows, design.n_active, design.nnz) == (1, 0, 0)
    np.testing.assert_array_equal(design.row_of, [0, 0, 0])
    cancelling = raw_csr(np.array([0, 2]), np.array([3, 3]), np.array([1.0, -1.0]), (1, 5))
    assert make_design(cancelling).n_active == 0


def test_dtype_is_kept_to():
    X = sparse.csr_array(np.array([[1.5, 0.0], [1e-60, 3.0]]))
    design = make_design(X, dtype=np.float32)
    assert design.data.dtype == np.float32
    # 1e-60 is 0 in float32, and zeros are not kept.
    assert design.nnz == 2
    with pytest.raises(ValueError, match="too large for dtype\\('float32'\\)"):
        make_design(X * 1e50, dtype=np.float32)
    with pytest.raises(ValueError, match="dtype: int64"):
        make_design(X, dtype=np.int64)


def test_aggregate_argument_is_checked():
    with pytest.raises(ValueError, match="aggregate: 'maybe'"):
        make_design(np.eye(2), aggregate="maybe")


def test_sums_that_overflow_are_refused():
    X = raw_csr(np.array([0, 2]), np.array([0, 0]), np.array([3e38, 3e38], np.float32), (1, 1))
    with pytest.raises(ValueError, match=r"Input X contains infinity.*duplicate entries in row 0"):
        make_design(X)


def test_other_weights_than_at_construction():
    design = make_design([[1], [1], [2], [3]], [1, 1, 1, 0], aggregate=True)
    grouped = design.aggregate(np.array([1.0, 3.0, 9.0, 7.0]), np.array([3.0, 1.0, 0.0, 0.0]))
    np.testing.assert_array_equal(grouped.weight, [4, 0])
    np.testing.assert_array_equal(grouped.mean, [1.5, 0])
    assert grouped.within == 1.5 * 0.25 + 0.5 * 2.25
    for weight in (None, np.ones(4)):
        with pytest.raises(ValueError, match="1 rows had weight 0 when the design was made"):
            design.aggregate(np.zeros(4), weight)


def test_repr_says_what_is_left():
    text = repr(make_design(np.repeat(np.eye(3), 4, axis=0)))
    assert text == "Design(12 samples -> 3 rows, 3 features -> 3 active, 3 non-zeros, ones)"
