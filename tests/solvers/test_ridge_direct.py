"""Ridge solved at once: as exact as the data, and one rule where many coefficients fit alike."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.regressions import Regression
from support.solver_calls import prepared, spell_out, started

from sparsereg import Ridge, ridge_path
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import ridge, ridge_direct, ridge_gram
from sparsereg.solvers.base import SolverOptions

seeds = st.integers(0, 2**32 - 1)
DEFAULT = SolverOptions()


@pytest.fixture(autouse=True, scope="module")
def _no_gram_matrix():
    """Leave nothing to methods that have fewer digits."""
    with mock.patch.object(ridge_gram, "MAX_SIZE", 0):
        yield


def exact(regression, alpha):
    """Solve the normal equations with twice the digits: eliminate in extended precision, and correct that."""
    raw = regression.raw()
    X = raw.X.astype(np.longdouble)
    s = raw.s.astype(np.longdouble)
    s = s / s.sum()
    centred = X - (s @ X if raw.fit_intercept else 0.0)
    y = raw.target - (s @ raw.target if raw.fit_intercept else 0.0)
    gram = (centred.T * s) @ centred + np.diag(alpha * raw.factor * raw.scale.astype(np.longdouble) ** 2)
    size = np.sqrt(np.diag(gram))
    matrix = np.column_stack([gram / size / size[:, None], (centred.T * s) @ y / size])
    for k in range(len(size)):
        matrix[k] /= matrix[k, k]
        for i in range(len(size)):
            if i != k:
                matrix[i] -= matrix[i, k] * matrix[k]
    return matrix[:, -1] / size


@pytest.mark.parametrize("alpha", [0.0, 1e-8, 1e-2, 10.0])
@settings(max_examples=40)
@given(
    seed=seeds, fit_intercept=st.booleans(), standardize=st.booleans(), weighted=st.booleans(), free=st.booleans()
)
def test_twelve_digits_at_the_default_tolerance(alpha, seed, fit_intercept, standardize, weighted, free):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((40, 6)) @ (np.eye(6) + 0.3 * rng.standard_normal((6, 6))) + rng.choice([0.0, 3.0])
    X *= 10.0 ** rng.uniform(-3, 3, 6)
    changes = {
        "fit_intercept": fit_intercept, "standardize": standardize, "l1_ratio": 0.0,
        "penalty_factor": np.r_[0.0 if free else 1.0, rng.choice([0.5, 1.0, 3.0], 5)],
        "sample_weight": rng.uniform(0.1, 2.0, 40) if weighted else None,
    }
    regression = Regression(X, rng.standard_normal(40), changes)
    design, problem, state = started(regression, DEFAULT)
    solution = ridge.solve(problem, ElasticNet(alpha, 0.0), state, DEFAULT)
    w, best = spell_out(design, solution), np.asarray(exact(regression, alpha), float)
    condition = np.linalg.cond((X - X.mean(axis=0) * fit_intercept) / X.std(axis=0))
    size = np.linalg.norm(best * X.std(axis=0))
    assert np.linalg.norm((w - best) * X.std(axis=0)) <= 1e-14 * condition**2 * size
    assert solution.dual_gap <= 1e-14
    assert solution.objective == pytest.approx(regression.raw(alpha).objective(w, solution.b), rel=1e-13)


def test_rare_and_large_columns_side_by_side():
    """Sixteen orders of magnitude between columns cost no digits."""
    rng = np.random.default_rng(0)
    scale = np.array([1e12, 1.0, 1e-4])
    X = rng.standard_normal((300, 3)) * scale
    y = X @ (1.0 / scale) + 0.1 * rng.standard_normal(300)
    for alpha in (0.0, 1e-12, 1e-3):
        model = Ridge(alpha).fit(X, y)
        best = exact(Regression(X, y, {"l1_ratio": 0.0}), alpha)
        np.testing.assert_allclose(model.coef_, best.astype(float), rtol=1e-12)
        assert model.dual_gap_ <= 1e-14


def shortest(X, y, weight, unit, fit_intercept):
    """Solve least squares; of several solutions take the shortest in these units."""
    s = weight / weight.sum()
    X, y = (X - s @ X, y - s @ y) if fit_intercept else (X, y)
    root = np.sqrt(s)[:, None]
    return np.linalg.lstsq(root * X / unit, root[:, 0] * y, rcond=1e-12)[0] / unit


@pytest.mark.parametrize("few", ["columns", "rows", "neither"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("standardize", [True, False])
def test_no_penalty_is_the_limit_of_little(standardize, fit_intercept, few):
    """By either way in: the shortest in units of the penalty, at alpha = 0 and on the way there."""
    rng = np.random.default_rng(3)
    X, y, weight = rng.standard_normal((20, 40)), rng.standard_normal(20), rng.uniform(0.5, 2.0, 20)
    factor = rng.choice([0.5, 1.0, 3.0], 40)
    changes = {"standardize": standardize, "fit_intercept": fit_intercept, "penalty_factor": factor}
    deviation = np.sqrt(np.average((X - np.average(X, axis=0, weights=weight)) ** 2, axis=0, weights=weight))
    unit = np.sqrt(factor) * (deviation if standardize else 1.0)
    best = shortest(X, y, weight, unit, fit_intercept)
    most = {"columns": 300, "rows": 25, "neither": 0}[few]
    with mock.patch.object(ridge_direct, "MAX_DENSE", most):
        alone = Ridge(0.0, **changes).fit(X, y, sample_weight=weight)
        path = ridge_path(X, y, alphas=[1.0, 1e-6, 1e-9, 0.0], sample_weight=weight, **changes)
        little = Ridge(1e-10, tol=1e-12, **changes).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(alone.coef_, best, atol=1e-8 if few == "neither" else 1e-12)
    np.testing.assert_allclose(path.coefs.toarray()[:, -1], best, atol=1e-8 if few == "neither" else 1e-12)
    if few != "neither":
        np.testing.assert_allclose(little.coef_, best, atol=1e-7)
    assert alone.dual_gap_ <= 1e-6


def test_the_norm_of_the_shortest():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 40)), rng.standard_normal(20)
    norms = [np.linalg.norm(Ridge(alpha).fit(X, y).coef_) for alpha in (0.0, 1e-15, 1e-12, 1e-9)]
    np.testing.assert_allclose(norms, norms[0], rtol=1e-6)
    assert norms[0] == pytest.approx(np.linalg.norm(np.linalg.lstsq(X - X.mean(axis=0), y - y.mean())[0]), rel=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 1e-13, 1e-3])
def test_collinear_columns_share(alpha):
    """All levels of two factors beside an intercept: three directions that no row sees."""
    rng = np.random.default_rng(0)
    X = np.hstack([np.eye(4)[rng.integers(0, 4, 80)], np.eye(5)[rng.integers(0, 5, 80)]])
    y = rng.standard_normal(80)
    best = shortest(X, y, np.ones(80), np.ones(9), True)
    if alpha == 1e-3:
        centred = X - X.mean(axis=0)
        best = np.linalg.solve(centred.T @ centred / 80 + alpha * np.eye(9), centred.T @ y / 80)
    model = Ridge(alpha).fit(X, y)
    np.testing.assert_allclose(model.coef_, best, atol=1e-10)
    assert model.dual_gap_ <= 1e-12


def test_without_penalty_and_beside_one():
    """Collinear columns without penalty: the others are as they would be, these as short as sd_j w_j can be."""
    rng = np.random.default_rng(1)
    x, z = rng.standard_normal(50), rng.standard_normal((50, 3))
    X, y = np.c_[x, 2.0 * x, z], rng.standard_normal(50)
    model = Ridge(0.1, penalty_factor=[0.0, 0.0, 1.0, 1.0, 1.0]).fit(X, y)
    other = Ridge(0.1, penalty_factor=[0.0, 1.0, 1.0, 1.0]).fit(X[:, [0, 2, 3, 4]], y)
    np.testing.assert_allclose(model.coef_[2:], other.coef_[1:], atol=1e-13)
    np.testing.assert_allclose(model.coef_[:2], [0.5 * other.coef_[0], 0.25 * other.coef_[0]], atol=1e-12)


@given(seed=seeds)
def test_blocks_make_no_difference(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((50, 5)) * (rng.random((50, 5)) < 0.5)
    X[:2] = rng.standard_normal((2, 5))
    regression = Regression(X, rng.standard_normal(50), {"l1_ratio": 0.0, "sample_weight": rng.uniform(0.1, 1, 50)})
    _, problem = prepared(regression)
    one = ridge_direct.factorize(problem).solve(1e-3)
    with mock.patch.object(ridge_direct, "BLOCK", 1):
        other = ridge_direct.factorize(problem).solve(1e-3)
    np.testing.assert_allclose(one.w, other.w, atol=1e-14 * np.abs(one.w).max() * 100)
    with mock.patch.object(ridge_direct, "MAX_DENSE", 4):
        assert ridge_direct.factorize(problem) is None


@given(seed=seeds)
def test_few_rows_in_blocks(seed):
    rng = np.random.default_rng(seed)
    regression = Regression(rng.standard_normal((8, 30)), rng.standard_normal(8), {"l1_ratio": 0.0})
    _, problem = prepared(regression)
    columns = ridge_direct.factorize(problem).solve(1e-2)
    with mock.patch.multiple(ridge_direct, MAX_DENSE=10, BLOCK=20):
        rows = ridge_direct.factorize(problem)
        assert isinstance(rows, ridge_direct.FewRows)
        np.testing.assert_allclose(rows.solve(1e-2).w, columns.w, atol=1e-13)


def test_what_is_too_much_is_left_to_others():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 12)), rng.standard_normal(30)
    _, problem = prepared(Regression(X, y, {"l1_ratio": 0.0}))
    assert isinstance(ridge_direct.factorize(problem), ridge_direct.FewColumns)
    with mock.patch.object(ridge_direct, "MAX_WORK", 30 * 12 * 12 - 1):
        assert ridge_direct.factorize(problem) is None
    _, problem = prepared(Regression(X.T, y[:12], {"l1_ratio": 0.0, "penalty_factor": np.r_[0.0, np.ones(29)]}))
    with mock.patch.object(ridge_direct, "MAX_DENSE", 20):
        assert ridge_direct.factorize(problem) is None


def test_private_columns_are_solved_with_the_rest():
    rng = np.random.default_rng(0)
    X, y = np.hstack([rng.standard_normal((20, 3)), np.eye(20)]), rng.standard_normal(20)
    regression = Regression(X, y, {"l1_ratio": 0.0})
    design, problem, state = started(regression, DEFAULT)
    assert problem.singletons is not None
    w = spell_out(design, ridge.solve(problem, ElasticNet(0.01, 0.0), state, DEFAULT))
    np.testing.assert_allclose(w, exact(regression, 0.01).astype(float), atol=1e-13)


def test_the_factors_serve_every_alpha_of_a_path():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 12)), rng.standard_normal(30)
    with mock.patch.object(ridge_direct, "factorize", wraps=ridge_direct.factorize) as called:
        ridge_path(X, y, n_alphas=20)
    assert called.call_count == 1
