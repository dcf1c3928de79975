"""Columns far from zero: what is taken off them, and that every fit is that of the columns near zero."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from support.far_columns import containers, far_columns
from support.oracles import Raw, RawLoss

from sparsereg import Lasso, regularization_path
from sparsereg._core.losses import Logistic
from sparsereg.design import make_design
from sparsereg.solvers import centering
from sparsereg.solvers.base import SolverOptions, spelled_out
from sparsereg.solvers.column_penalties import ColumnPenalties
from sparsereg.solvers.null_model import null_state, state_at
from sparsereg.solvers.presolve import make_problem

seeds = st.integers(0, 2**32 - 1)
LOSSES = ("squared", "logistic", "poisson", "huber", "squared_hinge")


def problem_of(X, weight=None, *, fit_intercept=True, loss=None, eliminate=True):
    design = make_design(X, aggregate=False)
    y = np.linspace(0.0, 1.0, X.shape[0])
    rules = ColumnPenalties.plain(design.n_active)
    return design, make_problem(
        design, y, weight, rules, fit_intercept=fit_intercept, loss=loss, eliminate=eliminate
    )


def dense(problem):
    return sparse.csc_array(spelled_out(problem.matrix), shape=(problem.n_rows, problem.indptr.size - 1)).toarray()


def test_a_full_column_far_from_zero_is_moved_and_no_other():
    rng = np.random.default_rng(0)
    X = np.c_[rng.standard_normal(50) + 1e9, rng.standard_normal(50) + 50.0, rng.standard_normal(50)]
    design, problem = problem_of(X)
    assert problem.centering.columns.tolist() == [0]
    np.testing.assert_array_equal(dense(problem)[:, 0] + problem.centering.constants[0], X[:, 0])
    np.testing.assert_array_equal(dense(problem)[:, 1:], X[:, 1:])
    np.testing.assert_array_equal(design.data[:50], X[:, 0])
    assert abs(problem.column_sum[0]) < 1.0
    np.testing.assert_allclose(problem.curvature, X.astype(np.longdouble).var(axis=0).astype(float), rtol=1e-12)


def test_nothing_is_copied_where_nothing_moves():
    rng = np.random.default_rng(0)
    X = np.c_[rng.standard_normal(50) + 50.0, np.ones(50), np.eye(50)[:, 0]]
    for matrix, fit_intercept in ((X, True), (X + 1e9, False)):
        design, problem = problem_of(matrix, fit_intercept=fit_intercept)
        assert problem.matrix == (design.data, design.indices, design.indptr)
        assert problem.centering.columns.size == 0


def test_a_column_may_be_full_on_the_rows_of_a_fold_alone():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 1)) + 1e8
    X[7] = 0.0
    weight = np.ones(40)
    assert problem_of(X, weight)[1].centering.columns.size == 0
    weight[7] = 0.0
    problem = problem_of(X, weight)[1]
    assert problem.centering.columns.tolist() == [0]
    kept = np.delete(X[:, 0], 7)
    np.testing.assert_allclose(problem.curvature, kept.astype(np.longdouble).var().astype(float), rtol=1e-12)


def test_a_column_whose_zeros_weigh_next_to_nothing_gets_entries():
    """Its mean is as large beside its spread as if it were full."""
    rng = np.random.default_rng(0)
    X = np.c_[rng.standard_normal(40) + 1e8, rng.standard_normal(40)]
    X[[3, 39], 0] = 0.0
    weight = np.ones(40)
    weight[[3, 39]] = 1e-20
    problem = problem_of(X, weight)[1]
    np.testing.assert_array_equal(dense(problem) + [problem.centering.constants[0], 0.0], X)
    # A column that is 1 in all rows but one is not far: it stays as it is.
    ones = np.ones((200_000, 1))
    ones[0] = 0.0
    assert problem_of(sparse.csr_array(ones))[1].centering.columns.size == 0


def test_float32_stays_where_differences_are_exact():
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((50, 2)) + [1e5, 0.0]).astype(np.float32)
    problem = problem_of(X)[1]
    assert problem.data.dtype == np.float32
    np.testing.assert_array_equal(dense(problem).astype(float) + [problem.centering.constants[0], 0.0], X.astype(float))
    X[0, 0] = 3.14159
    weight = np.ones(50)
    weight[0] = 1e-9
    problem = problem_of(X, weight)[1]
    assert problem.data.dtype == np.float64
    np.testing.assert_array_equal(dense(problem)[:, 0] + problem.centering.constants[0], X[:, 0].astype(float))


def test_columns_too_narrow_to_tell_are_named_and_constant_ones_are_not():
    rng = np.random.default_rng(0)
    X = np.c_[np.full(50, 0.1), rng.standard_normal(50) + 1e12, rng.standard_normal(50)]
    problem = problem_of(X)[1]
    assert problem.columns.tolist() == [2]
    assert problem.blurred.tolist() == [1]
    assert problem_of(X, fit_intercept=False)[1].blurred.size == 0
    # In the rows of a fold it may be constant.
    weight = (X[:, 1] == X[0, 1]).astype(float)
    X[weight == 0.0, 1] += 1.0
    assert problem_of(X, weight)[1].blurred.size == 0


def test_screening_by_the_reach_of_the_loss_spares_the_other_columns():
    """A moved column has both signs; those beside it keep their bound."""
    rng = np.random.default_rng(0)
    cells = np.eye(5)[rng.integers(0, 5, 60)]
    beside = problem_of(np.hstack([cells, rng.standard_normal((60, 1)) + 1e6]), loss=Logistic(), eliminate=False)[1]
    alone = problem_of(cells, loss=Logistic(), eliminate=False)[1]
    np.testing.assert_array_equal(beside.max_gradient[:5], alone.max_gradient)
    assert beside.max_gradient[5] == np.inf
    assert problem_of(-cells, loss=Logistic(), eliminate=False)[1].max_gradient is None


@pytest.mark.parametrize("loss", [None, Logistic()])
def test_a_warm_start_brings_its_intercept_along(loss):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 2)) + [1e6, 0.0]
    problem = problem_of(X, loss=loss)[1]
    null = null_state(problem, SolverOptions())
    # Downhill, so that the null model is not the better start.
    w = 0.1 * dense(problem).T @ null.neg_gradient
    intercept = null.b + problem.response.y_mean - w[0] * 1e6
    state = state_at(problem, w, intercept, 0.1, SolverOptions())
    np.testing.assert_array_equal(state.w, w)
    assert problem.intercept_outside(state.w, state.b) == pytest.approx(intercept, abs=0.1 * abs(w[0]))
    assert abs(state.b - null.b) <= 0.5 * abs(w[0])
    assert problem.intercept_outside(w, problem.intercept_inside(w, intercept)) == pytest.approx(intercept, rel=1e-14)


# The answer is that of columns near zero.


def check_far(data, loss, path, alphas, **settings):
    """Check optimality, objectives and gaps against the same data less exact means."""
    rules = dict(settings)
    kind = {} if loss == "squared" else {"loss_name": loss}
    for k, alpha in enumerate(alphas):
        raw = (RawLoss if kind else Raw)(
            data.near, data.target(loss), alpha=alpha, sample_weight=data.weight, **rules, **kind
        )
        w = path.coefs.toarray()[:, k]
        b = data.intercept_near(w, path.intercepts[k])
        lost, null = data.rounding(w), raw.null_objective()
        # The predictor is off by what float64 loses of the intercept, and its loss by so much times the slopes.
        slack = 1e-11 * null + 2.0 * lost * (np.sqrt(2.0 * null) + lost)
        assert abs(raw.objective(w, b) - path.objectives[k]) <= slack
        if loss == "squared":
            least = raw.objective(*raw.minimise())
            assert path.objectives[k] - least <= path.dual_gaps[k] * null + 1e-11 * null
            assert least - path.objectives[k] <= 1e-11 * null
            assert path.dual_gaps[k] <= 1e-10
        else:
            assert raw.kkt(w, b) <= 3e-5 + 10.0 * lost


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("loss", LOSSES)
@given(seed=seeds, l1_ratio=st.sampled_from([1.0, 0.5]))
def test_far_columns_give_the_answer_of_near_ones(loss, standardize, seed, l1_ratio):
    data = far_columns(seed)
    settings = {"standardize": standardize, "l1_ratio": l1_ratio}
    paths = [
        regularization_path(
            X, data.target(loss), loss=loss, sample_weight=data.weight, n_alphas=3, eps=1e-2, tol=1e-10, **settings
        )
        for X in containers(data.X)
    ]
    for path in paths:
        check_far(data, loss, path, paths[0].alphas, **settings)
    np.testing.assert_array_equal(paths[0].coefs.toarray(), paths[1].coefs.toarray())


@given(seed=seeds, ratio=st.sampled_from([1e3, 1e9]))
def test_far_columns_without_penalty_and_within_bounds(seed, ratio):
    data = far_columns(seed, ratio)
    y = data.target("squared")
    factor = np.r_[0.0, np.ones(data.X.shape[1] - 1)]
    path = regularization_path(
        data.X, y, sample_weight=data.weight, penalty_factor=factor, n_alphas=3, eps=1e-2, tol=1e-10
    )
    check_far(data, "squared", path, path.alphas, penalty_factor=factor)
    upper = np.r_[0.01, np.full(data.X.shape[1] - 1, np.inf)]
    path = regularization_path(
        data.X, y, sample_weight=data.weight, bounds=(0.0, upper), n_alphas=3, eps=1e-2, tol=1e-10
    )
    check_far(data, "squared", path, path.alphas, lower=0.0, upper=upper)


@pytest.mark.parametrize("settings", [
    {"l1_ratio": 0.0}, {"penalty": "mcp"}, {"penalty": "scad"}, {"penalty": "l0"}, {"relax": True},
    {"loss": "logistic", "l1_ratio": 0.0}, {"loss": "logistic", "penalty": "mcp", "l1_ratio": 0.5},
    {"loss": "poisson", "penalty": "l0"},
])
@pytest.mark.parametrize("ratio", [1e4, 1e9])
def test_every_solver_moves_far_columns(ratio, settings):
    """Against the same fit of columns that are near zero already."""
    data = far_columns(1, ratio, n_samples=120)
    y = data.target(settings.get("loss", "squared"))
    common = {"sample_weight": data.weight, "standardize": True, "tol": 1e-12, **settings}
    far = regularization_path(data.X, y, n_alphas=4, eps=0.1, **common)
    near = regularization_path(data.near, y, alphas=far.alphas, **common)
    np.testing.assert_allclose(far.coefs.toarray(), near.coefs.toarray(), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(far.objectives, near.objectives, rtol=1e-11)
    for k, b in enumerate(far.intercepts):
        w = far.coefs.toarray()[:, k]
        assert data.intercept_near(w, b) == pytest.approx(near.intercepts[k], abs=1e-6 + data.rounding(w))


@pytest.mark.parametrize("ratio", [1e4, 1e9])
def test_softmax_moves_far_columns(ratio):
    data = far_columns(1, ratio, n_samples=150)
    labels = np.digitize(data.target("squared"), [-0.5, 0.7])
    y = np.eye(3)[labels]
    common = {"loss": "logistic", "sample_weight": data.weight, "standardize": True, "tol": 1e-12}
    far = regularization_path(data.X, y, n_alphas=4, eps=1e-2, **common)
    near = regularization_path(data.near, y, alphas=far.alphas, **common)
    np.testing.assert_allclose(far.objectives, near.objectives, rtol=1e-11)
    assert far.dual_gaps.max() <= 1e-11
    np.testing.assert_allclose(far.predict(data.X), near.predict(data.near), atol=1e-5)
    np.testing.assert_allclose(far.intercepts.mean(axis=1), 0.0, atol=1e-15 * ratio)


def test_a_heavy_row_of_many_sparse_columns_costs_no_look_at_all_rows():
    """Under its weight all its columns are narrow; none has entries in half of the rows."""
    X = np.zeros((50, 30))
    X[0], X[1:, 0] = 1.0 + np.arange(30), np.arange(1.0, 50.0)
    weight = np.ones(50)
    weight[0] = 1e9
    with mock.patch.object(centering, "_zeros", wraps=centering._zeros) as zeros:
        Lasso(0.01).fit(X, X[:, 0], sample_weight=weight)
    assert zeros.call_count <= 1
