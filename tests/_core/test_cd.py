"""Coordinate descent on a working set: its invariant, descent, optimality, and every kind of weights and bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kernel_calls import descend
from support.oracles import Raw

from sparsereg._core.penalties import ElasticNet

seeds = st.integers(0, 2**32 - 1)
ratios = st.sampled_from([0.0, 0.3, 1.0])
each_weight = pytest.mark.parametrize("uniform", [True, False])
each_intercept = pytest.mark.parametrize("intercept", [True, False])


def random_problem(seed, uniform, n=25, p=8):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.5)
    y = X @ rng.standard_normal(p) + rng.standard_normal(n) + 3.0
    s = np.full(n, 1.0 / n) if uniform else rng.random(n) + 0.05
    return rng, X, y, s / s.sum()


def weights(s, uniform):
    return s[:1] if uniform else s


@each_weight
@each_intercept
@given(seed=seeds, l1_ratio=ratios, epochs=st.integers(0, 30))
def test_invariant_and_descent(seed, uniform, intercept, l1_ratio, epochs):
    """After any number of epochs z = s (y - X w - b), with b moved by the shift, and F has not risen."""
    rng, X, y, s = random_problem(seed, uniform)
    columns = np.sort(rng.choice(8, rng.integers(0, 9), replace=False))
    w, b = rng.standard_normal(8), float(rng.standard_normal()) if intercept else 0.0
    raw = Raw(X, y, 0.1, l1_ratio, s, fit_intercept=intercept)
    out = descend(
        X, y, weights(s, uniform), ElasticNet(0.1, l1_ratio), intercept=intercept, w=w, b=b, columns=columns,
        max_epochs=epochs,
    )
    assert out.epochs <= epochs or columns.size == 0
    if not intercept:
        assert out.shift == 0.0
    np.testing.assert_allclose(out.z, s * raw.residual(out.w, b + out.shift), atol=1e-13)
    if intercept:
        assert out.z.sum() == pytest.approx(0.0, abs=1e-13)
    assert raw.objective(out.w, b + out.shift) <= raw.objective(w, b) * (1 + 1e-13)
    held = np.setdiff1d(np.arange(8), columns)
    np.testing.assert_array_equal(out.w[held], w[held])


@each_weight
@each_intercept
@given(seed=seeds, l1_ratio=ratios)
def test_optimality(seed, uniform, intercept, l1_ratio):
    rng, X, y, s = random_problem(seed, uniform)
    factor = rng.choice([0.0, 0.5, 1.0, 3.0], 8)
    lower, upper = rng.choice([-np.inf, -0.3, 0.0], 8), rng.choice([np.inf, 0.3], 8)
    scale = rng.choice([0.5, 1.0, 2.0], 8)
    settings = {"factor": factor, "lower": lower, "upper": upper}
    out = descend(
        X, y, weights(s, uniform), ElasticNet(0.1, l1_ratio), intercept=intercept, tol=1e-13, scale=scale, **settings
    )
    assert out.worst <= 1e-13
    assert np.all((out.w >= lower) & (out.w <= upper))
    # A column of another scale is the column divided by it, with coefficient and bounds multiplied.
    raw = Raw(
        X / scale, y, 0.1, l1_ratio, s, penalty_factor=factor, lower=lower * scale, upper=upper * scale,
        fit_intercept=intercept,
    )
    w = np.clip(out.w * scale, raw.lower, raw.upper)
    assert raw.violation(w, out.shift) <= 1e-10


@each_weight
def test_uniform_weights_may_be_given_in_full(uniform):
    _, X, y, s = random_problem(4, True)
    one = descend(X, y, s[:1], ElasticNet(0.05, 0.7))
    full = descend(X, y, s, ElasticNet(0.05, 0.7))
    np.testing.assert_allclose(one.w, full.w, atol=1e-11)
    assert one.shift == pytest.approx(full.shift, abs=1e-11)


@each_intercept
def test_rows_of_weight_zero_change_nothing(intercept):
    """Not even the extrapolations: a row without weight must not spoil the comparison of two objectives."""
    rng, X, y, s = random_problem(7, False)
    X = X @ (np.eye(8) + 0.9)  # columns so alike that plain sweeps take far longer
    without = descend(X, y, s, ElasticNet(0.01, 0.5), intercept=intercept)
    held_out = np.vstack([X, rng.standard_normal((5, 8))])
    y, s = np.r_[y, np.full(5, 9.0)], np.r_[s, np.zeros(5)]
    zero = descend(held_out, y, s, ElasticNet(0.01, 0.5), intercept=intercept)
    assert zero.epochs == without.epochs > 20
    np.testing.assert_array_equal(zero.w, without.w)
    np.testing.assert_array_equal(zero.z, np.r_[without.z, np.zeros(5)])


@each_weight
@given(seed=seeds)
def test_float32_data_mean_the_same_numbers(seed, uniform):
    _, X, y, s = random_problem(seed, uniform)
    X = X.astype(np.float32).astype(float)
    narrow, wide = (
        descend(X, y, weights(s, uniform), ElasticNet(0.1, 0.5), dtype=dtype) for dtype in (np.float32, np.float64)
    )
    np.testing.assert_allclose(narrow.w, wide.w, atol=1e-10)
    np.testing.assert_allclose(narrow.z, wide.z, atol=1e-10)


@each_intercept
def test_an_empty_working_set_moves_the_intercept_only(intercept):
    for uniform in (True, False):
        _, X, y, s = random_problem(0, uniform)
        out = descend(X, y, weights(s, uniform), ElasticNet(0.1, 1.0), intercept=intercept, columns=[], b=1.0)
        assert (out.epochs, out.worst) == (0, 0.0)
        assert out.shift == pytest.approx(s @ y - 1.0 if intercept else 0.0, abs=1e-14)
        np.testing.assert_allclose(out.z, s * (y - 1.0 - out.shift), atol=1e-15)


def test_columns_without_curvature_stay():
    _, X, y, s = random_problem(0, True)
    X[:, 3] = 0.0
    out = descend(X, y, s[:1], ElasticNet(0.01, 1.0), w=np.full(8, 0.5))
    assert out.w[3] == 0.5


def test_coefficients_become_exact_positive_zeros():
    _, X, y, s = random_problem(0, True)
    out = descend(X, y, s[:1], ElasticNet(1e3, 1.0), w=np.full(8, -1.0))
    assert out.w.tolist() == [0.0] * 8
    assert not np.signbit(out.w).any()


def test_tolerance_and_epochs():
    _, X, y, s = random_problem(3, False)
    loose = descend(X, y, s, ElasticNet(0.001, 1.0), tol=1e-2)
    tight = descend(X, y, s, ElasticNet(0.001, 1.0), tol=1e-12)
    assert loose.worst <= 1e-2
    assert tight.worst <= 1e-12
    assert loose.epochs < tight.epochs
    again = descend(X, y, s, ElasticNet(0.001, 1.0), w=tight.w, b=tight.shift, tol=1e-10)
    assert again.epochs == 1
    assert descend(X, y, s, ElasticNet(0.001, 1.0), tol=0.0, max_epochs=3).epochs == 3


def test_extrapolation_pays_on_crossed_columns():
    """Plain cyclic descent takes 1610 epochs here."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 30, 120), rng.integers(0, 30, 120)
    X, y = np.hstack([np.eye(30)[first], np.eye(30)[second]]), rng.standard_normal(120)
    out = descend(X, y, 1.0 / 120, ElasticNet(1e-4, 1.0), tol=1e-12)
    assert out.worst <= 1e-12
    assert out.epochs < 400
    assert Raw(X, y, 1e-4).violation(out.w, out.shift) <= 1e-9


def dummies(rng, n, *levels):
    return np.hstack([np.eye(size)[rng.integers(0, size, n)] for size in levels])


def test_collinear_supports_are_left_quickly():
    """Nearly interpolating on two full categories: sweeps drift by equal steps, 10,000 of them would not be enough."""
    rng = np.random.default_rng(3)
    X, n = dummies(rng, 33, 20, 19), 33
    y = rng.standard_normal(n)
    out = descend(X, y, np.array([1.0 / n]), ElasticNet(5e-4, 1.0), tol=1e-11, max_epochs=5_000)
    assert out.epochs < 2_000
    assert Raw(X, y, 5e-4, 1.0, np.full(n, 1.0 / n)).violation(out.w, out.shift) <= 1e-9


def test_unpenalised_collinear_columns_do_not_run_away():
    """Rounding must not be taken for progress along directions that change nothing."""
    rng = np.random.default_rng(4)
    X, n = dummies(rng, 200, 6, 5), 200
    y = rng.standard_normal(n)
    out = descend(X, y, np.array([1.0 / n]), ElasticNet(0.1, 1.0), factor=0.0, tol=1e-18, max_epochs=3_000)
    assert np.abs(out.w).max() < 10.0
