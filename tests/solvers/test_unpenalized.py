"""Exact least squares on the unpenalised columns, collinear ones included."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from support.regressions import Regression
from support.solver_calls import matrix_of, prepared

from sparsereg import ConvergenceWarning, regularization_path
from sparsereg.solvers import unpenalized
from sparsereg.solvers.unpenalized import UnpenalizedBlock

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("collinear", [True, False])
@given(seed=seeds)
def test_the_residual_becomes_orthogonal(seed, collinear, fit_intercept):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((30, 6)) * 10.0 ** rng.integers(-3, 4, 6)
    if collinear:
        level = rng.integers(0, 4, 30)
        X = np.hstack([X, np.eye(4)[level], 3.0 * X[:, :2]])
    y, weight = rng.standard_normal(30) + 5.0, rng.random(30) + 0.1
    _, problem = prepared(Regression(X, y, {"fit_intercept": fit_intercept, "sample_weight": weight}))
    columns = problem.columns[1:]
    block = UnpenalizedBlock(problem, columns)
    z = problem.response.s * problem.response.y
    given_z = z.copy()
    delta, shift, theta, slack = block.solve(z, problem.response.weight, 1.0 if problem.fit_intercept else 0.0)
    assert 0.0 <= slack <= 1e-12 * problem.reference
    np.testing.assert_array_equal(z, given_z)
    dense = matrix_of(problem)[:, columns]
    np.testing.assert_allclose(theta, problem.response.s * (problem.response.y - dense @ delta - shift), atol=1e-10)
    size = np.sqrt(problem.curvature[columns] * 2.0 * problem.reference)
    assert np.all(np.abs(dense.T @ theta) <= 1e-9 * size)
    if fit_intercept:
        assert theta.sum() == pytest.approx(0.0, abs=1e-12)
    else:
        assert shift == 0.0
    root = np.sqrt(problem.response.s)
    design = np.c_[dense, np.ones(30)] if fit_intercept else dense
    scaled = root[:, None] * design / np.linalg.norm(design, axis=0)
    solution = np.linalg.lstsq(scaled, root * problem.response.y, rcond=None)[0]
    best = problem.response.y - design / np.linalg.norm(design, axis=0) @ solution
    assert theta**2 @ (1.0 / problem.response.s) == pytest.approx(problem.response.s @ best**2, rel=1e-9)


def test_a_residual_that_is_orthogonal_is_left_alone():
    rng = np.random.default_rng(0)
    _, problem = prepared(Regression(rng.standard_normal((20, 4)), rng.standard_normal(20)))
    block, rows = UnpenalizedBlock(problem, problem.columns), (problem.response.weight, 1.0)
    _, _, theta, _ = block.solve(problem.response.s * problem.response.y, *rows)
    delta, shift, again, slack = block.solve(theta, *rows)
    np.testing.assert_allclose(delta, 0.0, atol=1e-14)
    np.testing.assert_allclose(again, theta, atol=1e-15)
    assert abs(shift) <= 1e-14
    assert slack <= 1e-20


@pytest.mark.parametrize("work", [0.0, 1e99])
@pytest.mark.parametrize("shape", [(40, 8), (12, 30)])
def test_a_factor_at_once_or_later_is_the_same(shape, work):
    """Supports with more columns than rows are fitted exactly, by the shortest change."""
    rng = np.random.default_rng(4)
    X = rng.standard_normal(shape) + 10.0 * rng.standard_normal((shape[0], 1))
    X[:, 1] = X[:, 0] + 1e-4 * X[:, 1]
    _, problem = prepared(Regression(X, rng.standard_normal(shape[0])))
    z = problem.response.s * problem.response.y
    block = UnpenalizedBlock(problem, problem.columns)
    with mock.patch.multiple(unpenalized, LITTLE_WORK=work, PLAIN_STEPS=3):
        delta, _, theta, _ = block.solve(z, problem.response.weight, 1.0)
    assert block._factor is not None
    size = np.sqrt(problem.curvature)
    dense = (matrix_of(problem) - problem.column_sum) / size
    best = np.linalg.lstsq(dense, problem.response.y, rcond=1e-12)[0]
    np.testing.assert_allclose(delta * size, best, atol=1e-6 * np.abs(best).max())
    np.testing.assert_allclose(theta, problem.response.s * (problem.response.y - dense @ best), atol=1e-11)


def test_copies_without_penalty_that_separate_a_row():
    y, X = np.ones(25), np.ones((25, 9))
    y[[0, 16, 18]] = 0.0
    X[[19, 16, 18], [6, 7, 8]] = 0.0
    with pytest.warns(ConvergenceWarning, match="no finite coefficients"):
        path = regularization_path(
            sparse.csr_array(X), y, loss="logistic", l1_ratio=0.9, fit_intercept=False,
            penalty_factor=np.r_[np.zeros(7), 1.0, 1.0], n_alphas=3, tol=1e-4, max_iter=600,
        )
    assert path.dual_gaps.max() <= 1e-4


@pytest.mark.parametrize("seed", [0, 1])
def test_clipped_dual_points_do_not_say_how_well_to_descend(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200, 15)) + 100.0 * rng.choice([0.0, 1.0], 15)
    y = X[:, 3] - X[:, 3].mean() + rng.standard_normal(200) + 50.0
    path = regularization_path(
        X, y, loss="huber", l1_ratio=0.5, fit_intercept=False, penalty_factor=np.r_[np.zeros(4), np.ones(11)],
        n_alphas=2, eps=0.1, tol=1e-8, max_iter=600,
    )
    assert path.dual_gaps.max() <= 1e-8


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_rows_that_depend_on_each_other_are_no_obstacle(l1_ratio):
    """Fewer dimensions than rows than columns: what no column fits must not grow in the factor of the rows."""
    rng = np.random.default_rng(28)
    X, y = rng.standard_normal((60, 40)) @ rng.standard_normal((40, 120)), rng.standard_normal(60)
    path = regularization_path(X, y, l1_ratio=l1_ratio, alphas=[0.0])
    centred, target = X - X.mean(axis=0), y - y.mean()
    best = np.linalg.lstsq(centred, target, rcond=1e-10)[0]
    assert path.objectives[0] == pytest.approx(0.5 * np.mean((target - centred @ best) ** 2), rel=1e-9)
    assert path.dual_gaps[0] < 1e-6
