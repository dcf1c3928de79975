"""Whole passes over columns, against dense products."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kernel_calls import compact

from sparsereg._core import columns as passes

seeds = st.integers(0, 2**32 - 1)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
every = np.arange(1, dtype=np.int32)


def run_of(seed, dtype):
    """Draw a column whose rows are a contiguous run, as a matrix of one column, and a vector by rows."""
    rng = np.random.default_rng(seed)
    n, first = rng.integers(16, 120), rng.integers(0, 9)
    values = rng.standard_normal(n).astype(dtype)
    rows = np.arange(first, first + n, dtype=np.int32)
    return rng, (values, rows, np.array([0, n])), rng.standard_normal(first + n + 3)


def sum_of_sixteen(terms):
    """Add up as kernels do along a run, whatever the width of the registers."""
    n = terms.size - terms.size % 16
    sums = np.zeros(16)
    for lanes in terms[:n].reshape(-1, 16):
        sums += lanes
    four = (sums[:4] + sums[4:8]) + (sums[8:12] + sums[12:])
    return ((four[0] + four[2]) + (four[1] + four[3])) + sum(terms[n:], 0.0)


@each_dtype
@given(seed=seeds)
def test_runs_have_the_same_bits_on_any_machine(seed, dtype):
    rng, (values, rows, indptr), z = run_of(seed, dtype)
    wide, out = values.astype(float), np.empty(1)
    passes.correlate(values, rows, indptr, every, z, out)
    assert out[0] == sum_of_sixteen(wide * z[rows])
    delta, moved = rng.standard_normal(1), z.copy()
    passes.accumulate(values, rows, indptr, every, delta, moved)
    expected = z.copy()
    expected[rows] += delta * wide
    np.testing.assert_array_equal(moved, expected)


@each_dtype
@given(seed=seeds)
def test_runs_and_gaps_agree(seed, dtype):
    """A row left out, of value 0, makes a sparse column of a run."""
    rng, (values, rows, _), z = run_of(seed, dtype)
    hole = rng.integers(1, rows.size - 1)
    values[hole] = 0.0
    kept, out = np.arange(rows.size) != hole, np.empty((2, 1))
    for result, some in zip(out, (slice(None), kept)):
        column = values[some], rows[some], np.array([0, values[some].size])
        passes.correlate(*column, every, z, result)
    np.testing.assert_allclose(out[0], out[1], rtol=1e-12, atol=1e-12)


@each_dtype
@pytest.mark.parametrize("uniform", [True, False])
@given(seed=seeds)
def test_moments_of_full_columns(seed, dtype, uniform):
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 80)
    X = (rng.standard_normal((n, 3)) + [0.0, 1e3, 0.0]).astype(dtype)
    X[:, 2] = 0.25
    weight = rng.random(1 if uniform else n)
    matrix = X.T.ravel(), np.tile(np.arange(n, dtype=np.int32), 3), np.arange(4) * n
    total, centred, spread = np.empty(3), np.empty(3), np.broadcast_to(weight, n)
    passes.moments(*matrix, np.arange(3, dtype=np.int32), weight, spread.sum(), n, total, centred)
    np.testing.assert_allclose(total, spread @ X.astype(float), rtol=1e-12, atol=1e-12)
    about = X - spread @ X.astype(float) / spread.sum()
    np.testing.assert_allclose(centred, spread @ about**2, rtol=1e-9, atol=1e-26)


def random_columns(seed, dtype):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((17, 9)) * (rng.random((17, 9)) < 0.4)
    X = X.astype(dtype).astype(float)
    chosen = np.sort(rng.choice(9, rng.integers(0, 10), replace=False)).astype(np.int32)
    return rng, X, compact(X, dtype), chosen


@each_dtype
@given(seed=seeds)
def test_correlate(seed, dtype):
    rng, X, matrix, chosen = random_columns(seed, dtype)
    z, out = rng.standard_normal(17), np.full(9, 7.0)
    passes.correlate(*matrix, chosen, z, out)
    expected = np.full(9, 7.0)
    expected[chosen] = (X.T @ z)[chosen]
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-13)


@each_dtype
@pytest.mark.parametrize("uniform", [True, False])
@given(seed=seeds)
def test_moments(seed, dtype, uniform):
    rng, X, matrix, chosen = random_columns(seed, dtype)
    weight = rng.random(1 if uniform else 17)
    mass, centred = np.empty(chosen.size), np.empty(chosen.size)
    spread = np.broadcast_to(weight, 17)
    passes.moments(*matrix, chosen, weight, spread.sum(), 17, mass, centred)
    np.testing.assert_allclose(mass, (spread @ X)[chosen], rtol=1e-12, atol=1e-13)
    about = X - spread @ X / spread.sum()
    np.testing.assert_allclose(centred, (spread @ about**2)[chosen], rtol=1e-12, atol=1e-13)


def test_centred_moments_keep_their_digits():
    """The difference of square and squared mean would have none left; a full constant column has exactly no spread."""
    moment = np.arange(1.0, 31.0)
    X = np.c_[1.7e9 + moment, np.full(30, 0.1), np.r_[1.7e9 + moment[:29], 0.0]]
    mass, centred = np.empty(3), np.empty(3)
    passes.moments(*compact(X), np.arange(3, dtype=np.int32), np.full(1, 1 / 30), 1.0, 30, mass, centred)
    np.testing.assert_allclose(centred[[0, 2]], X[:, [0, 2]].var(axis=0), rtol=1e-9)
    assert centred[1] < 1e-30


def test_a_column_that_is_full_where_there_is_weight_has_no_spread():
    X = np.c_[np.ones(30), np.r_[np.ones(29), 0.0], np.r_[np.ones(28), 0.0, 0.0]]
    weight = np.r_[np.random.default_rng(0).random(29), 0.0]
    mass, centred = np.empty(3), np.empty(3)
    for share in (1.0 - 1e-15, 1.0, 1.0 + 1e-15):
        passes.moments(*compact(X), np.arange(3, dtype=np.int32), weight, share * weight.sum(), 30, mass, centred)
        assert np.all(centred[:2] < 1e-28)
        assert centred[2] > 1e-3


@each_dtype
@given(seed=seeds)
def test_accumulate(seed, dtype):
    rng, X, matrix, chosen = random_columns(seed, dtype)
    delta, out = rng.standard_normal(chosen.size) * rng.integers(0, 2, chosen.size), rng.standard_normal(17)
    expected = out + X[:, chosen] @ delta
    passes.accumulate(*matrix, chosen, delta, out)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-13)


def test_a_matrix_without_entries():
    matrix = np.empty(0), np.empty(0, np.int32), np.zeros(4, np.int64)
    out, chosen = np.ones(3), np.array([0, 2], np.int32)
    passes.correlate(*matrix, chosen, np.ones(5), out)
    assert out.tolist() == [0.0, 1.0, 0.0]
    mass, centred = np.ones(2), np.ones(2)
    passes.moments(*matrix, chosen, np.ones(1), 5.0, 5, mass, centred)
    assert mass.tolist() == centred.tolist() == [0.0, 0.0]


def test_long_columns_keep_their_digits():
    """Values that cancel, in columns longer than one round of the four running sums."""
    for n in range(1, 12):
        X = np.full((n, 1), 1e8)
        z, out = np.where(np.arange(n) % 2, -1.0, 1.0), np.empty(1)
        passes.correlate(*compact(X), np.zeros(1, np.int32), z, out)
        assert out[0] == 1e8 * (n % 2)


@each_dtype
@given(seed=seeds)
def test_moments_of_rows(seed, dtype):
    rng, X, _, _ = random_columns(seed, dtype)
    rows = compact(X.T, dtype)
    chosen = rng.permutation(17)[: rng.integers(0, 18)].astype(np.int32)
    weight, about = rng.random(chosen.size) * rng.integers(0, 2, chosen.size), rng.standard_normal(9)
    held, mass, square = np.full(9, 2), np.ones(9), np.ones(9)
    data, indices, indptr = rows
    passes.moments_of_rows(data, indices, indptr, chosen, weight, about, held, mass, square)
    there, off = X[chosen] != 0.0, X[chosen] - about
    np.testing.assert_array_equal(held, 2 + there[weight > 0.0].sum(axis=0))
    np.testing.assert_allclose(mass, 1.0 + weight @ (off * there), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(square, 1.0 + weight @ (off**2 * there), rtol=1e-12, atol=1e-13)
