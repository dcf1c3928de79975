"""Regressors against scikit-learn's, where the objectives agree."""

import numpy as np
import pytest
import sklearn.linear_model
from scipy import optimize
from support.oracles import Raw
from support.regressions import ROUNDING, random_regression

from sparsereg import ElasticNet, HuberRegressor, Lasso, PoissonRegressor, Ridge

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 8)) * (RNG.random((40, 8)) < 0.5)
Y = X @ RNG.standard_normal(8) + RNG.standard_normal(40) + 2.0
COUNTS = RNG.poisson(np.exp(0.4 * X[:, 0] - 0.3 * X[:, 1] + 0.5)).astype(float)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_objectives_of_scikit_learn(seed, fit_intercept):
    regression = random_regression(seed, "gaussian" if seed % 2 else "cross")
    data, y = regression.X, regression.y / regression.y.std() if regression.y.std() else regression.y
    n = y.size
    weight = np.random.default_rng(seed).random(n) + 0.1
    for alpha, l1_ratio in ((0.1, 1.0), (0.02, 1.0), (0.05, 0.5), (0.3, 0.0)):
        raw = Raw(data, y, alpha, l1_ratio, weight, fit_intercept=fit_intercept)
        if l1_ratio == 1.0:
            ours = Lasso(alpha)
            theirs = sklearn.linear_model.Lasso(alpha)
        elif l1_ratio:
            ours = ElasticNet(alpha, l1_ratio=l1_ratio)
            theirs = sklearn.linear_model.ElasticNet(alpha, l1_ratio=l1_ratio)
        else:
            ours = Ridge(alpha)
            theirs = sklearn.linear_model.Ridge(alpha * weight.sum(), solver="cholesky")
        ours.set_params(fit_intercept=fit_intercept, tol=1e-12).fit(data, y, weight)
        theirs.set_params(fit_intercept=fit_intercept)
        if l1_ratio:
            theirs.set_params(tol=1e-12, max_iter=1_000_000)
        theirs.fit(data, y, sample_weight=weight)
        null = raw.null_objective()
        expected = raw.objective(theirs.coef_.ravel(), theirs.intercept_)
        assert ours.objective_ == pytest.approx(expected, abs=1e-9 * null)
        assert ours.dual_gap_ <= 1e-12 + ROUNDING


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("alpha", [0.01, 1.0])
def test_poisson_of_scikit_learn(alpha, fit_intercept):
    weight = RNG.random(40) + 0.1
    settings = {"alpha": alpha, "fit_intercept": fit_intercept}
    ours = PoissonRegressor(l1_ratio=0.0, tol=1e-12, **settings).fit(X, COUNTS, weight)
    theirs = sklearn.linear_model.PoissonRegressor(tol=1e-10, max_iter=10_000, **settings).fit(X, COUNTS, weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, abs=1e-5)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-4)
    assert ours.score(X, COUNTS, weight) == pytest.approx(theirs.score(X, COUNTS, weight), abs=1e-6)


def test_an_exposure_is_a_rate_with_a_weight():
    """Counts y at exposures e are rates y / e with weights e; what the weights sum to changes the scale of alpha."""
    exposure = RNG.uniform(0.2, 3.0, 40)
    settings = {"l1_ratio": 0.5, "tol": 1e-12}
    counts = PoissonRegressor(0.05, **settings).fit(X, COUNTS, offset=np.log(exposure))
    rates = PoissonRegressor(0.05 / exposure.mean(), **settings).fit(X, COUNTS / exposure, exposure)
    np.testing.assert_allclose(counts.coef_, rates.coef_, atol=1e-5)
    np.testing.assert_allclose(counts.predict(X, np.log(exposure)), exposure * rates.predict(X), rtol=1e-4)


def test_refused_counts():
    with pytest.raises(ValueError, match=r"y: -1 in row 3 is outside \[0, inf\), the targets of loss='poisson'"):
        PoissonRegressor().fit(X, np.where(np.arange(40) == 3, -1.0, COUNTS))
    with pytest.raises(ValueError, match="y: every target is 0"):
        PoissonRegressor().fit(X, np.zeros(40))
    fitted = PoissonRegressor(0.1).fit(X, COUNTS)
    with pytest.raises(ValueError, match="y: -1 in row 0 is outside"):
        fitted.score(X, -np.ones(40))


def test_the_score_of_constant_counts():
    fitted = PoissonRegressor(0.1).fit(np.eye(3), [1.0, 1.0, 1.0])
    assert fitted.score(np.eye(3), [1.0, 1.0, 1.0]) == 1.0
    assert fitted.score(np.eye(3), [2.0, 2.0, 2.0]) == 0.0


def test_counts_beyond_float64_are_infinite():
    fitted = PoissonRegressor(0.1).fit(X, COUNTS)
    assert np.isinf(fitted.predict(X, offset=np.full(40, 1e4))).all()


@pytest.mark.parametrize("alpha", [1e-4, 1.0, 20.0])
def test_huber_of_scikit_learn_at_its_scale(alpha):
    y = Y + 20.0 * (RNG.random(40) < 0.1)
    theirs = sklearn.linear_model.HuberRegressor(alpha=alpha, epsilon=1.35, tol=1e-9, max_iter=10_000).fit(X, y)
    ours = HuberRegressor(alpha * theirs.scale_ / 40, l1_ratio=0.0, delta=1.35 * theirs.scale_, tol=1e-12).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, abs=1e-4)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=1e-5)


def test_huber_with_l1_against_a_general_minimiser():
    """Minimised over w = positive - negative part, so that F is smooth in what L-BFGS-B is given."""
    y, alpha, delta = Y + 20.0 * (RNG.random(40) < 0.1), 0.05, 0.7

    def objective(parts):
        r = np.abs(y - X @ (parts[:8] - parts[8:16]) - parts[16])
        return np.where(r <= delta, 0.5 * r**2, delta * (r - 0.5 * delta)).mean() + alpha * parts[:16].sum()

    bounds = [(0.0, None)] * 16 + [(None, None)]
    options = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 100_000, "maxfun": 10**6}
    best = optimize.minimize(objective, np.zeros(17), method="L-BFGS-B", bounds=bounds, options=options)
    ours = HuberRegressor(alpha, delta=delta, tol=1e-10).fit(X, y)
    assert ours.objective_ == pytest.approx(best.fun, rel=1e-7)
    assert ours.objective_ <= best.fun * (1.0 + 1e-9)


def test_huber_with_a_large_delta_is_squared_loss():
    huber = HuberRegressor(0.1, delta=1e6, tol=1e-12).fit(X, Y)
    np.testing.assert_allclose(huber.coef_, Lasso(0.1, tol=1e-12).fit(X, Y).coef_, atol=1e-6)
    for bad, error in ((0.0, ValueError), (-1.0, ValueError), (np.inf, ValueError), ("1", TypeError)):
        with pytest.raises(error, match="delta: "):
            HuberRegressor(delta=bad).fit(X, Y)


def test_ridge_has_no_sparse_penalty():
    with pytest.raises(ValueError, match=r"penalty: 'mcp' is not allowed, expected one of \['elastic_net'\]"):
        Ridge(penalty="mcp").fit(X, Y)


def test_warm_start_does_not_screen_by_the_residual_of_the_last_fit():
    """The residual at the start is nearly zero, the optimal one is not: column 1 must come in all the same."""
    a = RNG.standard_normal(20)
    data = np.c_[a, a]
    model = Lasso(1e-9, penalty_factor=[1.0, 1e6], warm_start=True, fit_intercept=False).fit(data, a)
    model.set_params(alpha=0.01, penalty_factor=[1.0, 0.1]).fit(data, a)
    cold = Lasso(0.01, penalty_factor=[1.0, 0.1], fit_intercept=False).fit(data, a)
    np.testing.assert_allclose(model.coef_, cold.coef_, atol=1e-6)
    assert model.objective_ == pytest.approx(cold.objective_, rel=1e-6)


@pytest.mark.parametrize("private", [True, False])
def test_warm_start_with_private_columns(private):
    data = np.hstack([X[:10], np.eye(10)]) if private else X[:10]
    for Model in (Lasso, Ridge):
        warm = Model(1e-3, warm_start=True, tol=1e-10).fit(data, Y[10:20])
        warm.set_params(alpha=0.02).fit(data, Y[:10])
        cold = Model(0.02, tol=1e-10).fit(data, Y[:10])
        assert warm.objective_ == pytest.approx(cold.objective_, rel=1e-9)


def test_ridge_keeps_the_bounds_of_columns_with_one_row():
    model = Ridge(0.1, positive=True).fit(np.eye(4), [3.0, -1.0, 2.0, -5.0])
    assert (model.coef_ >= 0.0).all()
    model = Ridge(0.1, bounds=({3: -0.1}, None)).fit(np.eye(4), [3.0, -1.0, 2.0, -5.0])
    assert model.coef_[3] == -0.1
    assert (np.abs(model.coef_[:3]) > 0.1).all()


def test_a_count_without_weight_has_no_part_in_the_score():
    """Where it is predicted beyond float64, and where the mean of the others is 0."""
    rows = np.array([[0.0], [1.0], [2.0], [1.0]])
    model = PoissonRegressor(alpha=1e-3).fit(rows, [1.0, 3.0, 7.0, 2.0])
    weight, far = np.array([1.0, 1.0, 1.0, 0.0]), np.array([[0.0], [1.0], [2.0], [1e5]])
    expected = model.score(far[:3], [1.0, 3.0, 7.0])
    assert model.score(far, [1.0, 3.0, 7.0, 2.0], weight) == pytest.approx(expected, rel=1e-14)
    assert model.score(rows, [0.0, 0.0, 0.0, 2.0], weight) == 0.0
