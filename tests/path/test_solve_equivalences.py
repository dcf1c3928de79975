"""Paths that must agree: with the definition, with slow solvers, and with each other, however the problem is put."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from support.oracles import Raw
from support.regressions import (
    ROUNDING,
    Regression,
    check_certificate,
    check_same_minimum,
    largest,
    one_hot_cross,
    random_regression,
)
from support.wide_matrices import CROSS_WIDTH, lat_long_cross

from sparsereg import regularization_path
from sparsereg.design import make_design
from sparsereg.path import api
from sparsereg.solvers import presolve

seeds = st.integers(0, 2**32 - 1)
RATIOS = [0.0, 0.01, 0.3, 0.9, 1.0]


@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize("kind", ["cross", "gaussian", "private", "repeated"])
@given(seed=seeds)
def test_certificates_hold_on_the_raw_problem(seed, kind, l1_ratio):
    regression = random_regression(seed, kind, l1_ratio)
    check_certificate(regression.path(), regression)


@pytest.mark.parametrize("l1_ratio", RATIOS)
@given(seed=seeds)
def test_loose_gaps_bound_the_suboptimality(seed, l1_ratio):
    regression = random_regression(seed, l1_ratio=l1_ratio)
    tight = regression.path()
    loose = regression.path(alphas=tight.alphas, tol=0.03)
    check_certificate(loose, regression)
    null = regression.raw().null_objective()
    slack = (ROUNDING + 4.0 * np.finfo(float).eps * largest(regression)) * null
    assert np.all(loose.objectives - tight.objectives <= loose.dual_gaps * null + slack)
    assert np.all(loose.dual_gaps[loose.n_iters < 10_000] <= 0.03 + ROUNDING)


@pytest.mark.parametrize("seed", range(40))
def test_objectives_are_those_of_slow_solvers(seed):
    regression = random_regression(seed)
    path = regression.path(n_alphas=3, eps=0.1)
    null = regression.raw().null_objective()
    for k, alpha in enumerate(path.alphas):
        raw = regression.raw(alpha)
        slow = raw.objective(*raw.minimise(max_epochs=3000))
        assert path.objectives[k] <= slow + 1e-9 * null
        split = raw.objective(*raw.minimise_split())
        assert path.objectives[k] <= split + 1e-9 * null
        # Neither of the slow ones got below what the gap says is possible.
        assert min(slow, split) >= path.objectives[k] - (path.dual_gaps[k] + 1e-9) * null


@pytest.mark.parametrize("l1_ratio", RATIOS)
@given(seed=seeds)
def test_plain_gap_agrees_where_it_is_finite(seed, l1_ratio):
    regression = random_regression(seed, "gaussian", l1_ratio).having(penalty_factor=1.0)
    path = regression.path()
    coefs, null = path.coefs.toarray(), regression.raw().null_objective()
    for k, alpha in enumerate(path.alphas):
        # The better of our dual points is at least as good as the plain one.
        plain = regression.raw(alpha).gap(coefs[:, k], path.intercepts[k])
        assert path.dual_gaps[k] * null <= max(plain, 0.0) + 1e-10 * null


@given(seed=seeds)
def test_a_path_equals_cold_fits(seed):
    regression = random_regression(seed)
    path = regression.path()
    for k in (2, 4):
        cold = regression.path(alphas=[path.alphas[k]])
        null = regression.raw().null_objective()
        assert cold.objectives[0] - cold.dual_gaps[0] * null <= path.objectives[k] + 1e-11 * null
        assert path.objectives[k] - path.dual_gaps[k] * null <= cold.objectives[0] + 1e-11 * null


@given(seed=seeds)
def test_aggregated_equals_raw(seed):
    regression = random_regression(seed, "repeated" if seed % 2 else "cross")
    both = []
    for aggregate in (True, False):
        def make(X, weight, aggregate=aggregate):
            return make_design(X, weight, aggregate=aggregate)

        with mock.patch.object(api, "make_design", make):
            both.append(regression.path(alphas=[0.3, 0.1, 0.03]))
    check_same_minimum(*both, regression.raw().null_objective())


@pytest.mark.parametrize("l1_ratio", RATIOS)
@given(seed=seeds)
def test_eliminated_equals_not_eliminated(seed, l1_ratio):
    regression = random_regression(seed, "private" if seed % 2 else "cross", l1_ratio)
    with mock.patch.object(presolve, "MIN_SINGLETON_SHARE", 0.0):
        eliminated = regression.path()
    with mock.patch.object(presolve, "MIN_SINGLETON_SHARE", 2.0):
        plain = regression.path()
    check_same_minimum(eliminated, plain, regression.raw().null_objective())


@given(seed=seeds)
def test_compacted_equals_wide(seed):
    regression = random_regression(seed)
    rng, p = np.random.default_rng(seed), regression.X.shape[1]
    width = 10**12
    ids = np.sort(rng.choice(10**9, p, replace=False)) * 1000
    narrow = sparse.csr_array(regression.X)
    wide = sparse.csr_array((narrow.data, ids[narrow.indices], narrow.indptr), shape=(narrow.shape[0], width))
    spread = {}
    for name, default in (("penalty_factor", 1.0), ("lower", -np.inf), ("upper", np.inf)):
        values = np.broadcast_to(regression.settings.get(name, default), p)
        spread[name] = dict(zip(ids.tolist(), values.tolist()))
    arguments = {**regression.arguments(), "penalty_factor": spread["penalty_factor"]}
    arguments["bounds"] = (spread["lower"], spread["upper"])
    expected = regression.path(max_iter=300)
    with mock.patch.object(Regression, "arguments", lambda self: arguments):
        found = regression.path(wide, max_iter=300)
    np.testing.assert_array_equal(found.alphas, expected.alphas)
    np.testing.assert_array_equal(found.objectives, expected.objectives)
    np.testing.assert_array_equal(ids[expected.sparse_coef.ids], found.sparse_coef.ids)
    np.testing.assert_array_equal(expected.sparse_coef.values.data, found.sparse_coef.values.data)
    assert found.coefs.shape == (width, 5)


@given(seed=seeds)
def test_weights_equal_repeated_rows_and_zero_weights_removed_ones(seed):
    regression = random_regression(seed)
    n = regression.y.size
    count = np.random.default_rng(seed).integers(0, 4, n)
    count[0] = 1
    rows = np.repeat(np.arange(n), count)
    offset = regression.settings.get("offset")
    weighted = regression.having(sample_weight=count)
    repeated = Regression(regression.X[rows], regression.y[rows], {**regression.settings, "sample_weight": None})
    if offset is not None:
        repeated = repeated.having(offset=offset[rows])
    null = weighted.raw().null_objective()
    np.testing.assert_allclose(repeated.raw().null_objective(), null, rtol=1e-9, atol=1e-300)
    grid = weighted.path().alphas
    check_same_minimum(weighted.path(alphas=grid), repeated.path(alphas=grid), null)


@given(seed=seeds)
def test_order_of_rows_and_columns_does_not_matter(seed):
    regression = random_regression(seed)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(regression.y.size), rng.permutation(regression.X.shape[1])
    moved = {}
    for name, value in regression.settings.items():
        by_row, by_column = name in ("sample_weight", "offset"), name in ("penalty_factor", "lower", "upper")
        moved[name] = value[rows] if by_row else value[columns] if by_column and np.ndim(value) else value
    shuffled = Regression(regression.X[rows][:, columns], regression.y[rows], moved)
    grid = regression.path().alphas
    check_same_minimum(
        regression.path(alphas=grid), shuffled.path(alphas=grid), regression.raw().null_objective()
    )


@pytest.mark.parametrize("c", [1e-30, 1e-3, -1.0, 7.0, 1e30])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", ["cross", "gaussian", "private"])
def test_scaling_of_the_target(c, l1_ratio, kind):
    """With L1 the coefficients scale with alpha and y; with L2 they scale with y at the same alpha."""
    for seed in range(5):
        regression = Regression(random_regression(seed, kind).X, random_regression(seed, kind).y, {})
        regression = regression.having(l1_ratio=l1_ratio)
        scaled = Regression(regression.X, c * regression.y, regression.settings)
        grid = regression.path(tol=1e-12).alphas
        path = regression.path(alphas=grid, tol=1e-12)
        null = regression.raw().null_objective()
        if l1_ratio == 0.5:
            # A mixed penalty scales neither way: on its own grid the L2 part is next to nothing, or nearly all.
            own = scaled.path(tol=1e-6)
            assert own.dual_gaps.max() <= 1e-6
            check_certificate(own, scaled)
            continue
        other = scaled.path(alphas=grid if l1_ratio == 0.0 else grid * abs(c), tol=1e-12)
        np.testing.assert_allclose(other.objectives / c**2, path.objectives, rtol=1e-9, atol=1e-11 * null)
        np.testing.assert_allclose(other.dual_gaps, path.dual_gaps, atol=1e-11)
        difference = regression.X @ (other.coefs.toarray() / c - path.coefs.toarray())
        np.testing.assert_allclose(difference + other.intercepts / c - path.intercepts, 0.0, atol=3e-5 * np.sqrt(null))


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("factor", [1e-6, 3.0, 1e6])
def test_standardised_fits_do_not_depend_on_the_scale_of_a_column(factor, l1_ratio):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((40, 6)) * (rng.random((40, 6)) < 0.6)
    y = X @ rng.standard_normal(6) + rng.standard_normal(40)
    scaled = X.copy()
    scaled[:, 2] *= factor
    settings = {"l1_ratio": l1_ratio, "standardize": True}
    path = Regression(X, y, settings).path(tol=1e-14)
    other = Regression(scaled, y, settings).path(tol=1e-14)
    np.testing.assert_allclose(other.alphas, path.alphas, rtol=1e-12)
    rescaled = other.coefs.toarray()
    rescaled[2] *= factor
    np.testing.assert_allclose(rescaled, path.coefs.toarray(), atol=1e-6)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", ["cross", "gaussian", "private"])
def test_threads_do_not_change_a_bit(kind, l1_ratio):
    for seed in range(5):
        regression = random_regression(seed, kind, l1_ratio)
        one, two = regression.path(n_threads=1), regression.path(n_threads=2)
        for name in ("objectives", "dual_gaps", "intercepts", "n_iters"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        np.testing.assert_array_equal(one.coefs.data, two.coefs.data)


def test_float32_and_float64_data_agree():
    for seed in range(10):
        regression = random_regression(seed, "gaussian")
        X = regression.X.astype(np.float32)
        same = Regression(X.astype(float), regression.y, regression.settings)
        path = same.path()
        check_same_minimum(
            path, same.path(sparse.csr_array(X), alphas=path.alphas), same.raw().null_objective()
        )


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_the_wide_cross(l1_ratio):
    X = lat_long_cross(3000, n_places=5)
    rng = np.random.default_rng(0)
    y = np.sin(X.indices[::3] / 50.0) + rng.standard_normal(3000)
    path = regularization_path(X, y, l1_ratio=l1_ratio, n_alphas=8, eps=1e-3)
    assert path.dual_gaps.max() <= 1e-6 + ROUNDING
    assert path.coefs.shape == (CROSS_WIDTH, 8)
    used = np.unique(X.indices)
    dense = Regression(X[:, used].toarray(), y, {"l1_ratio": l1_ratio})
    for k in (0, 3, 7):
        raw = dense.raw(path.alphas[k])
        w = np.zeros(used.size)
        coef, b = path.at(path.alphas[k])
        w[np.searchsorted(used, coef.ids)] = coef.values.data
        assert raw.objective(w, b) == pytest.approx(path.objectives[k], rel=1e-12)
        assert raw.violation(w, b) <= np.sqrt(path.dual_gaps[k] + ROUNDING)
    np.testing.assert_allclose(path.predict(X[:10]), (X[:10] @ path.coefs).toarray() + path.intercepts, rtol=1e-12)


def test_one_full_category_has_a_closed_form():
    """Without intercept the coefficient of a level is its soft-thresholded mean."""
    rng = np.random.default_rng(0)
    level = rng.integers(0, 6, 80)
    X, y = np.eye(6)[level], rng.standard_normal(80) + level
    n = np.bincount(level) / 80
    mean = np.bincount(level, y) / np.bincount(level)
    path = Regression(X, y, {"fit_intercept": False}).path(tol=1e-14)
    expected = np.sign(mean) * np.maximum(np.abs(mean) - path.alphas[:, None] / n, 0.0)
    np.testing.assert_allclose(path.coefs.toarray().T, expected, atol=1e-9)


def test_ridge_equals_the_normal_equations():
    rng = np.random.default_rng(1)
    X, y, s = one_hot_cross(rng, 50, 4, 5), rng.standard_normal(50), rng.random(50)
    s /= s.sum()
    path = Regression(X, y, {"l1_ratio": 0.0, "sample_weight": s}).path(alphas=[1.0, 0.1, 0.01], tol=1e-14)
    centred, target = X - s @ X, y - s @ y
    for k, alpha in enumerate(path.alphas):
        w = np.linalg.solve((centred.T * s) @ centred + alpha * np.eye(X.shape[1]), centred.T @ (s * target))
        np.testing.assert_allclose(path.coefs.toarray()[:, k], w, atol=1e-6)
        np.testing.assert_allclose(path.intercepts[k], s @ (y - X @ w), atol=1e-6)


def test_constant_columns_take_no_part_beside_an_intercept_and_stand_in_for_one():
    """Their standard deviation is 0, and so is what they pay: without an intercept they are one."""
    rng = np.random.default_rng(0)
    X = np.c_[np.full(20, 3.0), rng.standard_normal(20)]
    y = rng.standard_normal(20) + 5.0
    beside = Regression(X, y, {"standardize": True}).path()
    assert not beside.coefs.toarray()[0].any()
    alone = Regression(X, y, {"standardize": True, "fit_intercept": False}).path(alphas=beside.alphas)
    np.testing.assert_allclose(alone.coefs.toarray()[0], beside.intercepts / 3.0, rtol=1e-9)
    np.testing.assert_allclose(alone.coefs.toarray()[1], beside.coefs.toarray()[1], rtol=1e-4, atol=1e-12)
    assert Regression(X, y, {"fit_intercept": False}).path().coefs.toarray()[0].any()
    assert not Regression(X, y, {"fit_intercept": True}).path().coefs.toarray()[0].any()
    assert Raw(X, y, standardize=True).scale[0] == 0.0
