"""Columns that another one can stand for, beside the intercept."""


import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from support.regressions import Regression
from support.solver_calls import prepared

from sparsereg import ConvergenceWarning, lasso_path, logistic_path, poisson_path, regularization_path

seeds = st.integers(0, 2**32 - 1)


def used(X, y=None, **settings):
    """List the columns that a pure L1 problem uses."""
    y = np.arange(len(X)) % 3.0 if y is None else y
    return prepared(Regression(X, y, settings), X)[1].columns.tolist()


def factor(rng, n=60):
    level = (rng.random(n) < rng.uniform(0.1, 0.9)).astype(float)
    level[:2] = 0.0, 1.0
    return level


@given(seed=seeds, weighted=st.booleans(), standardize=st.booleans())
def test_one_level_of_two_is_enough_beside_an_intercept(seed, weighted, standardize):
    rng = np.random.default_rng(seed)
    a, b = factor(rng), factor(rng)
    X = np.c_[a, rng.standard_normal(60), 1.0 - b, 1.0 - a, b]
    settings = {"standardize": standardize, "sample_weight": rng.uniform(0.1, 2.0, 60) if weighted else None}
    assert used(X, **settings) == [0, 1, 2]
    assert used(X, fit_intercept=False, **settings) == [0, 1, 2, 3, 4]
    assert used(X, l1_ratio=0.5, **settings) == [0, 1, 2, 3, 4]
    # Neither can reach below zero for the other.
    assert used(X, lower=0.0, **settings) == [0, 1, 2, 3, 4]
    # The cheaper one stays.
    assert used(X, penalty_factor=np.array([2.0, 1.0, 1.0, 1.0, 1.0]), **settings) == [1, 2, 3]


@given(seed=seeds, fit_intercept=st.booleans())
def test_multiples_of_the_same_cost(seed, fit_intercept):
    rng = np.random.default_rng(seed)
    x, z = rng.standard_normal(60), rng.random(60) * (rng.random(60) < 0.5)
    X = np.c_[x, -x, z, 3.0 * z, z + 1e-6 * x]
    assert used(X, fit_intercept=fit_intercept, standardize=True) == [0, 2, 4]
    # Without standardising the larger one is the cheaper one.
    assert used(X, fit_intercept=fit_intercept) == [0, 3, 4]
    # Of the same sign and with the same bounds.
    assert used(X, fit_intercept=fit_intercept, standardize=True, lower=0.0) == [0, 1, 2, 4]
    assert used(X, fit_intercept=fit_intercept, standardize=True, upper=0.5) == [0, 1, 2, 3, 4]
    # What counts coefficients may favour the one that is dearer by its size.
    factor = np.array([1.0, 1.0, 0.9, 1.0, 1.0])
    assert used(X, fit_intercept=fit_intercept, penalty_factor=factor) == [0, 2, 3, 4]


def test_one_that_is_dearest_by_far_does_not_blur_what_the_others_cost():
    x = np.random.default_rng(0).standard_normal(60)
    X = np.c_[1e-12 * x, x, 1.001 * x, 1e3 * x]
    assert used(X) == used(X, fit_intercept=False) == [3]
    assert used(X[:, :3]) == used(X[:, :3], fit_intercept=False) == [2]


def test_of_parallel_columns_of_one_row_the_cheapest_stays():
    """Words that one document alone has, hashed with signs: all those of a document are parallel."""
    n_rows, n_own = 2_000, 5
    shape = n_rows, n_rows * n_own
    signs = np.where(np.arange(shape[1]) % 2 == 0, 1.0, -1.0)
    own = np.arange(shape[1])
    X = sparse.csc_array((signs * (1.0 + own % n_own), (own // n_own, own)), shape=shape)
    y = np.arange(n_rows) % 3.0
    problem = prepared(Regression(X, y, {}), X)[1]
    np.testing.assert_array_equal(problem.singletons.columns, own[own % n_own == n_own - 1])
    assert problem.columns.size == 0


@pytest.mark.parametrize("shift", [1e11, 1e12, 1e13])
def test_far_columns_without_intercept_are_not_one(shift):
    # To 1e-12 one is the negative of the other, and their sum is what explains y.
    rng = np.random.default_rng(0)
    z, u, noise = rng.standard_normal((3, 200))
    X, y = np.c_[z + shift, u - shift], z + 0.3 * u + 0.1 * noise
    assert used(X, y, fit_intercept=False) == [0, 1]
    # At most a hundredth of what is certified may be missing, where that point has a quarter of F.
    with pytest.warns(ConvergenceWarning):
        path = lasso_path(X, y, alphas=[0.01], fit_intercept=False)
    better = np.full(2, 0.62)
    residual = y - X @ better
    known = 0.5 * residual @ residual / 200 + 0.01 * np.abs(better).sum()
    assert path.objectives[0] - known <= path.dual_gaps[0] * 0.5 * y @ y / 200


def test_rows_of_no_weight_are_not_looked_at():
    rng = np.random.default_rng(0)
    a = factor(rng)
    X, weight = np.c_[a, 1.0 - a, rng.standard_normal(60)], np.ones(60)
    X[[3, 5], 1], weight[[3, 5]] = 7.0, 0.0
    assert used(X, sample_weight=weight) == [0, 2]
    assert used(X) == [0, 1, 2]


@pytest.mark.parametrize("loss", ["squared", "huber", "logistic", "poisson", "squared_hinge"])
def test_paths_with_both_levels_are_those_with_one(loss):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        first = np.column_stack([factor(rng, 200) for _ in range(3)])
        Z = np.hstack([first, rng.standard_normal((200, 4))])
        y = Z @ rng.standard_normal(7) + rng.standard_normal(200)
        y = {"poisson": np.round(np.exp(y / 3)), "squared": y, "huber": y}.get(loss, (y > 0).astype(float))
        one = regularization_path(Z, y, loss=loss, n_alphas=12, eps=1e-2)
        both = regularization_path(np.hstack([Z, 1.0 - first]), y, loss=loss, alphas=one.alphas)
        np.testing.assert_array_equal(both.df, one.df)
        np.testing.assert_allclose(both.objectives, one.objectives, rtol=1e-5)
        assert not both.coefs.toarray()[7:].any()


def test_softmax_too():
    rng = np.random.default_rng(0)
    first = np.column_stack([factor(rng, 200) for _ in range(3)])
    y = (first @ [1.0, 2.0, -1.0] + rng.standard_normal(200)).round().clip(-1, 1)
    one = logistic_path(first, y, n_alphas=8)
    both = logistic_path(np.hstack([first, 1.0 - first]), y, alphas=one.alphas)
    np.testing.assert_array_equal(both.df, one.df)


def test_criteria_count_one():
    """The last steps of a path over many factors: no coefficient of next to nothing is counted."""
    rng = np.random.default_rng(1)
    first = np.column_stack([factor(rng, 300) for _ in range(8)])
    X = np.hstack([first, 1.0 - first])
    y = first @ rng.standard_normal(8) + rng.standard_normal(300)
    for path in (lasso_path(X, y), poisson_path(X, np.round(np.exp(y / 3)))):
        assert path.df.max() == 8
        assert np.abs(path.coefs.data).min() > 1e-9
