"""MCP, SCAD and L0: coordinate-wise minima, their objectives, and L0 against exhaustive search."""

import warnings
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from support.oracles import DELTA, LOSS_VALUES
from support.penalty_twins import best_fall, best_subset, objective, twin
from support.regressions import Regression, random_regression
from support.solver_calls import check_point, prepare, prepared, spell_out

from sparsereg import ConvergenceWarning, lasso_path, regularization_path
from sparsereg.design import make_design
from sparsereg.solvers.assemble import make_penalty
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.nonconvex import solver as nonconvex
from sparsereg.solvers.nonconvex.coordinatewise import CoordinatewiseMinimizer
from sparsereg.solvers.null_model import alpha_max, null_state

seeds = st.integers(0, 2**32 - 1)
NAMES = ("mcp", "scad", "l0")
OPTIONS = SolverOptions(tol=1e-10)


def signs_only(regression):
    """Drop the bounds that these penalties do not take."""
    kept = {}
    for side, free in (("lower", -np.inf), ("upper", np.inf)):
        bound = np.asarray(regression.settings.get(side, free))
        kept[side] = np.where(bound == 0.0, 0.0, free) if bound.ndim else (0.0 if bound == 0.0 else free)
    return regression.having(**kept)


@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds, l1_ratio=st.sampled_from([0.3, 1.0]), beyond=st.sampled_from([None, 0.01, 5.0]))
def test_no_single_coefficient_lowers_the_objective(name, seed, l1_ratio, beyond):
    """Whatever the scales, weights and factors of the columns, at the default gamma and right above the least."""
    regression = signs_only(random_regression(seed, l1_ratio=l1_ratio))
    gamma = None if beyond is None or name == "l0" else {"mcp": 1.0, "scad": 2.0}[name] + beyond
    path = regression.path(penalty=name, gamma=gamma, n_alphas=4, tol=1e-8)
    null = regression.raw().null_objective()
    largest = np.abs(np.r_[regression.y, regression.raw().target]).max() ** 2
    for k, alpha in enumerate(path.alphas):
        raw, w, b = regression.raw(alpha), path.coefs.toarray()[:, k], path.intercepts[k]
        found = objective(raw, name, w, b, gamma)
        assert found == pytest.approx(path.objectives[k], rel=1e-9, abs=1e-12 * null + 1e-14 * largest)
        assert found <= null * (1 + 1e-12) + 1e-14 * largest
        assert np.isnan(path.dual_gaps[k])
        assert best_fall(raw, name, w, gamma) <= 1e-9 * null + 1e-14 * largest
    assert path.violations.max() <= 1e-8


@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds)
def test_the_point_is_what_it_says(name, seed):
    regression = Regression(*gaussian(seed), {"standardize": True})
    design, problem = prepare_for(regression, name)
    state = null_state(problem, OPTIONS)
    penalty = make_penalty(name, 0.3 * alpha_max(problem, state, 1.0, name), 1.0, None)
    solution = nonconvex.solve(problem, penalty, state, OPTIONS)
    check_point(problem, state)
    assert state.alpha == penalty.alpha
    np.testing.assert_array_equal(spell_out(design, solution)[design.active], state.w)
    again = nonconvex.solve(problem, penalty, state, OPTIONS)
    assert again.objective == pytest.approx(solution.objective, rel=1e-12)


def gaussian(seed, n=25, p=8):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + rng.choice([0.0, 1.0]) * rng.standard_normal((n, 1))
    return X, X @ (rng.standard_normal(p) * rng.integers(0, 2, p)) + 0.3 * rng.standard_normal(n)


def prepare_for(regression, name, **changes):
    defaults = {
        "sample_weight": None, "offset": None, "fit_intercept": True, "standardize": False, "positive": False,
        "bounds": None, "penalty_factor": None, "l1_ratio": 1.0, "smallest_alpha": np.inf,
    }
    return prepare(regression.X, regression.y, **{**defaults, **regression.arguments(), **changes}, penalty=name)


@pytest.mark.parametrize("name", ["mcp", "scad"])
@pytest.mark.parametrize("loss", sorted(LOSS_VALUES))
def test_the_lasso_as_gamma_grows(name, loss):
    X, y = gaussian(3, 60)
    if loss in ("logistic", "squared_hinge"):
        y = (y + np.random.default_rng(0).standard_normal(60) > 0.0).astype(float)
    elif loss == "poisson":
        y = np.round(np.exp(y / 4.0))
    lasso = regularization_path(X, y, loss=loss, n_alphas=6, eps=0.05, tol=1e-10)
    found = regularization_path(X, y, loss=loss, penalty=name, gamma=1e9, alphas=lasso.alphas, tol=1e-8)
    np.testing.assert_allclose(found.objectives, lasso.objectives, rtol=1e-7)
    np.testing.assert_allclose(found.coefs.toarray(), lasso.coefs.toarray(), atol=1e-4)


@pytest.mark.parametrize("name", ["mcp", "scad"])
@settings(max_examples=5)
@given(seed=seeds)
def test_the_minimum_where_the_whole_objective_is_convex(name, seed):
    """A gamma beyond the smallest eigenvalue leaves one minimum: paths, single fits and another solver agree."""
    X, y = gaussian(seed, 40, 4)
    centred = X - X.mean(axis=0)
    gamma = 1.2 * centred.var(axis=0).max() / np.linalg.eigvalsh(centred.T @ centred / 40)[0] + 2.0
    path = regularization_path(X, y, penalty=name, gamma=gamma, n_alphas=4, eps=0.1, tol=1e-9)
    regression = Regression(X, y, {})
    for k in (1, 3):
        single = regularization_path(X, y, penalty=name, gamma=gamma, alphas=path.alphas[[k]], tol=1e-9)
        np.testing.assert_allclose(single.coefs.toarray()[:, 0], path.coefs.toarray()[:, k], atol=1e-6)
        raw = regression.raw(path.alphas[k])
        w, b = path.coefs.toarray()[:, k], path.intercepts[k]
        best = objective(raw, name, w, b, gamma)
        found = optimize.minimize(
            lambda u: objective(raw, name, u[:4], u[4], gamma), np.r_[w, b] + 0.05, method="Powell",  # noqa: B023
            options={"xtol": 1e-7, "ftol": 1e-10},
        )
        assert best <= found.fun + 1e-9 * raw.null_objective()


@pytest.mark.parametrize("name", NAMES)
def test_thresholds_on_an_orthogonal_design(name):
    """Each coefficient is its own problem: firm or hard thresholds of the least squares."""
    rng = np.random.default_rng(0)
    X = np.linalg.qr(rng.standard_normal((40, 10)))[0] * np.sqrt(40)
    y = X @ rng.standard_normal(10)
    free = X.T @ y / 40
    path = regularization_path(X, y, penalty=name, fit_intercept=False, alphas=[0.6, 0.3, 0.05], tol=1e-12)
    for k, alpha in enumerate(path.alphas):
        soft, size = np.sign(free) * np.maximum(np.abs(free) - alpha, 0.0), np.abs(free)
        if name == "l0":
            expected = np.where(size**2 > 2 * alpha, free, 0.0)
        elif name == "mcp":
            expected = np.where(size > 3 * alpha, free, soft / (1 - 1 / 3))
        else:
            middle = np.sign(free) * (2.7 * size - 3.7 * alpha) / 1.7
            expected = np.where(size > 3.7 * alpha, free, np.where(size > 2 * alpha, middle, soft))
        np.testing.assert_allclose(path.coefs.toarray()[:, k], expected, atol=1e-10)


@pytest.mark.parametrize("loss", sorted(LOSS_VALUES))
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10)
@given(seed=seeds)
def test_the_objective_never_rises(name, loss, seed):
    """And it is the objective of the documentation, constants of the Poisson deviance aside."""
    X, y = gaussian(seed, 30)
    y = {"poisson": np.round(np.abs(y)), "squared": y, "huber": y}.get(loss, (y > np.median(y)).astype(float))
    design, problem = prepare_for(Regression(X, y, {"standardize": True}), name, loss=loss)
    state, seen = null_state(problem, OPTIONS), []
    penalty = make_penalty(name, 0.1 * alpha_max(problem, state, 0.5, name), 0.5, None)
    options = SolverOptions(tol=1e-9, max_iter=200, callback=lambda progress: seen.append(run.objective))
    run = CoordinatewiseMinimizer(problem, penalty, state, options)
    run.run()
    assert len(seen) > 1
    assert np.all(np.diff(seen) <= 1e-13 * problem.reference)
    t = X[:, design.active] @ state.w + state.b + problem.response.y_mean
    value = np.mean([LOSS_VALUES[loss](*pair) for pair in zip(y, t)])
    constant = np.mean(np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0)) - y, 0.0)) if loss == "poisson" else 0.0
    # Mean curvature of the loss at the model with intercept only; a row of none counts as a hundredth.
    residual, q = y - problem.response.null_intercept - problem.response.y_mean, y.mean()
    curvature = {
        "logistic": q * (1 - q), "poisson": q, "squared_hinge": 2.0,
        "huber": np.where(np.abs(residual) <= DELTA, 1.0, 0.01).mean(),
    }
    pay = twin(name, penalty.alpha, 0.5, gamma=getattr(penalty, "gamma", None), unit=1.0 / curvature.get(loss, 1.0))
    pays = pay(problem.scale * state.w).sum()
    assert run.finish().objective == pytest.approx(value + constant + pays, rel=1e-10)


@pytest.mark.parametrize("loss", ["logistic", "poisson", "huber", "squared_hinge"])
@pytest.mark.parametrize("name", NAMES)
def test_other_losses_recover_a_support(name, loss):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((500, 60))
    w = np.zeros(60)
    w[[3, 17, 40]] = 1.0, -1.0, 0.8
    t = X @ w
    y = {
        "logistic": rng.random(500) < 1 / (1 + np.exp(-2 * t)), "squared_hinge": t + 0.5 * rng.standard_normal(500) > 0,
        "poisson": rng.poisson(np.exp(t)), "huber": t + 0.3 * rng.standard_t(2, 500),
    }[loss].astype(float)
    path = regularization_path(X, y, loss=loss, penalty=name, standardize=True, n_alphas=12, eps=0.1)
    assert path.violations.max() <= 1e-6
    supports = [np.flatnonzero(column).tolist() for column in path.coefs.toarray().T]
    assert [3, 17, 40] in supports
    assert path.df[0] == 0


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_l0_finds_the_best_subset_in_nearly_all_cases(l1_ratio):
    cases = missed = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        X, y = gaussian(seed, int(rng.integers(10, 30)), 6)
        regression = Regression(X, y, {"l1_ratio": l1_ratio, "fit_intercept": bool(seed % 2)})
        path = regression.path(penalty="l0")
        for alpha, found in zip(path.alphas, path.objectives):
            best = best_subset(regression.raw(alpha))
            assert found >= best * (1 - 1e-9)
            cases += 1
            missed += found > best * (1 + 1e-7)
    assert missed <= 0.05 * cases


@given(seed=seeds)
def test_l0_on_noiseless_data_finds_the_best_subset(seed):
    rng = np.random.default_rng(seed)
    X, w = rng.standard_normal((40, 7)), rng.choice([-2.0, -1.0, 1.0, 2.0], 7) * (rng.random(7) < 0.4)
    regression = Regression(X, X @ w, {})
    alpha = 0.02
    path = regularization_path(X, X @ w, penalty="l0", alphas=[alpha], tol=1e-10)
    assert path.objectives[0] == pytest.approx(best_subset(regression.raw(alpha)), abs=1e-12)
    np.testing.assert_allclose(path.coefs.toarray()[:, 0], w, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_support_recovery_on_noiseless_data(name):
    rng = np.random.default_rng(7)
    X, w = rng.standard_normal((100, 1000)), np.zeros(1000)
    w[rng.choice(1000, 10, replace=False)] = 1.0
    path = regularization_path(X, X @ w, penalty=name, standardize=True, n_alphas=20, eps=1e-2)
    exact = [np.array_equal(np.flatnonzero(column), np.flatnonzero(w)) for column in path.coefs.toarray().T]
    assert sum(exact) >= 8
    assert path.df[-1] == 10
    np.testing.assert_allclose(path.coefs.toarray()[:, -1], w, atol=1e-4)
    # The lasso keeps shrinking what it selects, and selects more.
    assert not np.array_equal(np.flatnonzero(lasso_path(X, X @ w, alphas=[0.01]).coefs.toarray()), np.flatnonzero(w))


@given(seed=seeds)
def test_starts_and_moves_never_do_worse_than_descent_alone(seed):
    _, problem = prepare_for(Regression(*gaussian(seed), {}), "l0")
    start = null_state(problem, OPTIONS)
    penalty = make_penalty("l0", 0.05 * alpha_max(problem, start, 1.0, "l0"), 1.0, None)
    plain = CoordinatewiseMinimizer(problem, penalty, start, OPTIONS).run().objective
    found = nonconvex.solve(problem, penalty, null_state(problem, OPTIONS), OPTIONS)
    assert found.objective - problem.response.constant <= plain + 1e-13 * problem.reference


@given(seed=seeds)
def test_ties_of_whole_numbers_end(seed):
    """At these alphas a column is worth exactly its price, and rounding may see it on either side."""
    rng = np.random.default_rng(seed)
    X, y = rng.integers(-1, 2, (12, 5)).astype(float), rng.integers(-3, 4, 12).astype(float)
    square, v = np.mean(X**2, axis=0), X.T @ y / 12
    price = np.unique(v[square > 0.0] ** 2 / (2 * square[square > 0.0]))[::-1]
    price = price[np.append(np.diff(price) < -1e-9, True)]
    path = regularization_path(X, y, penalty="l0", fit_intercept=False, alphas=price, tol=1e-8, max_iter=500)
    assert path.violations.max() <= 1e-8


@given(seed=seeds, l1_ratio=st.sampled_from([0.5, 1.0]))
def test_alpha_max_of_l0(seed, l1_ratio):
    regression = Regression(*gaussian(seed), {"l1_ratio": l1_ratio, "penalty_factor": np.r_[0.5, np.ones(7)]})
    _, problem = prepare_for(regression, "l0")
    alpha = alpha_max(problem, null_state(problem, OPTIONS), l1_ratio, "l0")
    path = regression.path(penalty="l0", alphas=[1.000001 * alpha])
    first = best_fall(regression.raw(0.999 * alpha), "l0", np.zeros(8))
    assert best_fall(regression.raw(1.000001 * alpha), "l0", np.zeros(8)) == 0.0
    assert first > 0.0
    # Two together may pay before one alone does.
    assert path.df[0] != 1


@pytest.mark.parametrize("name", NAMES)
def test_of_copies_the_cheapest_is_used(name):
    X, y = gaussian(5)
    doubled, factor = np.hstack([X, X]), np.r_[np.full(8, 2.0), np.ones(8)]
    one = regularization_path(X, y, penalty=name, standardize=True, n_alphas=5, eps=0.05, tol=1e-9)
    two = regularization_path(
        doubled, y, penalty=name, standardize=True, penalty_factor=factor, alphas=one.alphas, tol=1e-9
    )
    np.testing.assert_allclose(two.objectives, one.objectives, rtol=1e-8)
    assert not two.coefs.toarray()[:8].any()


def test_a_split_over_copies_may_pay_with_an_l2_share():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(50)
    path = regularization_path(
        np.c_[x, x], 3.0 * x, penalty="l0", l1_ratio=0.01, alphas=[0.5], fit_intercept=False, tol=1e-10
    )
    assert path.df[0] == 2
    np.testing.assert_allclose(*path.coefs.toarray()[:, 0], rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_positive_and_factors(name):
    X, y = gaussian(11, 60)
    factor = {0: 0.0, 1: np.inf, 2: 3.0}
    path = regularization_path(
        X, y, penalty=name, positive=True, penalty_factor=factor, gamma={"l0": None}.get(name, 20.0), n_alphas=6,
        eps=1e-2, standardize=True,
    )
    coefs = path.coefs.toarray()
    assert np.all(coefs >= 0.0)
    assert not coefs[1].any()
    assert path.violations.max() <= 1e-6
    free = regularization_path(X, y, penalty=name, penalty_factor={0: 0.0}, n_alphas=3, standardize=True)
    assert (free.coefs.toarray()[0] != 0.0).all()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_explain(name):
    X, _ = gaussian(0)
    path = regularization_path(X, np.full(25, 5.1), penalty=name, standardize=True, n_alphas=3)
    assert not path.coefs.nnz
    np.testing.assert_allclose(path.intercepts, 5.1)
    assert path.violations.max() == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_no_strength_is_least_squares(name):
    X, y = gaussian(2, 40, 4)
    path = regularization_path(X, y, penalty=name, standardize=True, alphas=[0.0], tol=1e-9)
    expected = np.linalg.lstsq(np.c_[np.ones(40), X], y, rcond=None)[0]
    np.testing.assert_allclose(np.r_[path.intercepts, path.coefs.toarray()[:, 0]], expected, atol=1e-6)


def test_separable_data_end_with_a_warning_and_finite_numbers():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 3))
    with pytest.warns(ConvergenceWarning, match="before the violation reached tol=1e-06"):
        path = regularization_path(
            X, (X[:, 0] > 0).astype(float), loss="logistic", penalty="l0", alphas=[1e-4], max_iter=50
        )
    assert np.all(np.isfinite(path.predict(X)))
    assert np.isfinite(path.objectives[0])


def test_the_callback_hears_of_violations():
    told = []
    X, y = gaussian(4)
    path = regularization_path(X, y, penalty="scad", standardize=True, n_alphas=3, callback=told.append)
    assert all(np.isnan(progress.dual_gap) for progress in told)
    assert told[-1].violation == path.violations[-1]
    assert type(told[-1].violation) is float


def test_results_do_not_depend_on_threads():
    X, y = gaussian(9, 50, 30)
    one, two = (
        regularization_path(X, y, penalty="l0", n_alphas=5, eps=1e-3, n_threads=n).coefs.toarray() for n in (1, 2)
    )
    np.testing.assert_array_equal(one, two)


def test_budget():
    X, y = gaussian(9, 50, 30)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        path = regularization_path(X, y, penalty="l0", alphas=[1e-4], max_iter=3, tol=0.0)
    assert [warning.category for warning in caught] == [ConvergenceWarning]
    assert path.violations[0] > 0.0


@pytest.mark.parametrize("loss", ["squared", "huber"])
@pytest.mark.parametrize("name", NAMES)
def test_rows_of_weight_zero_say_nothing(name, loss):
    X, y = gaussian(8, 40, 6)
    kept = np.random.default_rng(0).random(40) < 0.7
    design, results = make_design(X, None), []
    for rows, of, weight in ((slice(None), design, kept.astype(float)), (kept, X[kept], None)):
        regression = Regression(of, y[rows], {"standardize": True})
        _, problem = prepare_for(regression, name, loss=loss, sample_weight=weight)
        state = null_state(problem, OPTIONS)
        penalty = make_penalty(name, 0.2 * alpha_max(problem, state, 1.0, name), 1.0, None)
        results.append((nonconvex.solve(problem, penalty, state, OPTIONS), state.w))
    (fold, w), (alone, v) = results
    assert fold.converged
    assert fold.objective == pytest.approx(alone.objective, rel=1e-9)
    np.testing.assert_allclose(w, v, atol=1e-7)


def test_prepared_problems_keep_private_columns():
    X = np.hstack([np.eye(10), np.ones((10, 1)), np.arange(10.0)[:, None]])
    assert prepared(Regression(X, np.arange(10.0), {"smallest_alpha": 1.0}))[1].singletons is not None
    assert prepare_for(Regression(X, np.arange(10.0), {"smallest_alpha": 1.0}), "l0")[1].singletons is None


@pytest.mark.parametrize("share", [0.2, 0.05, 0.01])
def test_of_two_starts_the_lower_end_is_kept(share):
    """Swaps aside, which would make up for it: on correlated columns the ends differ, and either may be the lower."""
    lower = {"warm": 0, "lasso": 0}
    for seed in range(12):
        X, y = gaussian(seed, 40, 12)
        X = X + 2.0 * np.random.default_rng(seed).standard_normal((40, 1))
        _, problem = prepare_for(Regression(X, y, {}), "l0")
        alpha = share * alpha_max(problem, null_state(problem, OPTIONS), 1.0, "l0")
        penalty = make_penalty("l0", alpha, 1.0, None)
        lasso = nonconvex.LassoWarmStart(problem, OPTIONS)
        warm = CoordinatewiseMinimizer(problem, penalty, null_state(problem, OPTIONS), OPTIONS).run().objective
        start, _ = lasso.start(penalty, OPTIONS)
        other = CoordinatewiseMinimizer(problem, penalty, start, OPTIONS).run().objective
        with mock.patch.object(nonconvex.swaps, "improve"):
            found = nonconvex.solve(problem, penalty, null_state(problem, OPTIONS), OPTIONS)
        assert found.objective == pytest.approx(min(warm, other) + problem.response.constant, rel=1e-10)
        lower["warm"] += warm < other * (1 - 1e-6)
        lower["lasso"] += other < warm * (1 - 1e-6)
    assert sum(lower.values()) > 2
