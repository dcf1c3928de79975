"""Where MCP and SCAD level off: in units of each column's own curvature."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import xlogy
from support.oracles import DELTA
from support.penalty_twins import objective, twin
from support.regressions import Regression
from support.solver_calls import prepare

from sparsereg import ElasticNet, Lasso, PoissonRegressor, lasso_path, regularization_path
from sparsereg._core.penalties import PENALTIES
from sparsereg.solvers.assemble import make_penalty
from sparsereg.solvers.nonconvex.convexity import threshold_scales

seeds = st.integers(0, 2**32 - 1)
LEAST = {"mcp": 1.0, "scad": 2.0}


def build(X, y=None, **changes):
    """Return the design and the problem of an elastic net; these columns are then asked about other penalties."""
    defaults = {
        "sample_weight": None, "offset": None, "fit_intercept": True, "standardize": False, "positive": False,
        "bounds": None, "penalty_factor": None, "l1_ratio": 1.0, "smallest_alpha": 0.0,
    }
    y = np.arange(X.shape[0]) % 3 if y is None else y
    return prepare(X, y, **{**defaults, **changes})


@pytest.mark.parametrize("name", ["mcp", "scad"])
@settings(max_examples=40)
@given(
    seed=seeds, fit_intercept=st.booleans(), standardize=st.booleans(), weighted=st.booleans(), ridge=st.booleans()
)
def test_one_column_is_strictly_convex_at_every_gamma_allowed(name, seed, fit_intercept, standardize, weighted, ridge):
    """And at none below, the L2 share aside; the univariate minimum is that of a grid over the documented formula."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((20, 1)) * 10.0 ** rng.uniform(-4, 4) + rng.choice([0.0, 1.0])
    y, factor = rng.standard_normal(20) + 2.0 * x[:, 0] / x.std(), rng.choice([0.1, 1.0, 50.0])
    weight = rng.uniform(0.1, 2.0, 20) if weighted else None
    rules = {
        "penalty_factor": factor, "fit_intercept": fit_intercept, "standardize": standardize, "sample_weight": weight,
    }
    l1_ratio = 0.5 if ridge else 1.0
    raw = Regression(x, y, rules | {"l1_ratio": l1_ratio}).raw
    _, problem = build(x, y, **rules)
    unit = threshold_scales(problem)[0]
    curvature = factor / unit * raw().scale[0] ** 2
    centred = x[:, 0] - (raw().s @ x[:, 0] if fit_intercept else 0.0)
    assert curvature == pytest.approx(raw().s @ centred**2, rel=1e-9)
    for gamma, sign in ((LEAST[name] * 1.01, 1.0), (LEAST[name] * 0.99, -1.0)):
        pay = twin(name, 1.0, 1.0, factor, gamma, unit)
        # Where the penalty is most concave: between the knee and where it levels off.
        u = 0.5 * unit * gamma * (1.0 if name == "mcp" else 1.5)
        h = 1e-3 * unit
        bend = (pay(u + h) - 2 * pay(u) + pay(u - h)) / h**2 * raw().scale[0] ** 2
        assert (curvature + bend) * sign > 0.0
    path = regularization_path(
        x, y, penalty=name, gamma=LEAST[name] * 1.01, l1_ratio=l1_ratio, n_alphas=3, eps=0.1, tol=1e-12, **rules
    )
    for k, alpha in enumerate(path.alphas):
        raw_k, w, b = raw(alpha), path.coefs.toarray()[:, k], path.intercepts[k]
        found = objective(raw_k, name, w, b, LEAST[name] * 1.01)
        assert found == pytest.approx(path.objectives[k], rel=1e-9)
        size = abs(w[0]) + np.abs(raw_k.correlation(np.zeros(1), raw_k.null_intercept()))[0] / curvature
        for trial in np.linspace(-2.0, 2.0, 61) * size:
            shift = (w[0] - trial) * (raw_k.s @ x[:, 0]) if fit_intercept else 0.0
            value = objective(raw_k, name, np.array([trial]), b + shift, LEAST[name] * 1.01)
            assert found <= value + 1e-12 * raw_k.null_objective()


@pytest.mark.parametrize("name", ["mcp", "scad"])
@pytest.mark.parametrize("model", ["one-hot", "tf-idf"])
def test_the_default_works_on_rare_columns(name, model):
    """A large coefficient is not shrunk, however rare its column; beyond gamma thresholds, as on standardised ones."""
    rng = np.random.default_rng(0)
    n, p = 2000, 40
    place = np.where(rng.random(n) < 0.9, rng.integers(0, 3, n), rng.integers(3, p, n))
    data = np.ones(n) if model == "one-hot" else rng.uniform(0.01, 0.05, n)
    X = sparse.csr_array((data, (np.arange(n), place)), shape=(n, p))
    truth = np.zeros(p)
    truth[[0, 7]] = 5.0 / data.mean()
    y = X @ truth + 0.1 * rng.standard_normal(n)
    path = regularization_path(X, y, penalty=name, n_alphas=20, eps=1e-3, fit_intercept=False)
    assert path.violations.max() <= 1e-6
    found = path.coefs.toarray()[:, -1]
    # Columns of a one-hot matrix do not overlap: what levels off is the column's own least squares.
    square = (X.multiply(X)).sum(axis=0)
    alone = (X.T @ y) / square
    np.testing.assert_allclose(found[[0, 7]], alone[[0, 7]], rtol=1e-6)
    k = PENALTIES[name].gamma_default * path.alphas[-1] / (square / n)
    levelled = np.abs(alone) > k
    np.testing.assert_allclose(found[levelled], alone[levelled], rtol=1e-6)
    assert np.all(np.abs(found[~levelled]) <= np.abs(alone[~levelled]))
    shrunk = lasso_path(X, y, alphas=path.alphas, fit_intercept=False).coefs.toarray()[7, -1]
    assert shrunk < 0.99 * alone[7]


@pytest.mark.parametrize("name", ["mcp", "scad"])
@settings(max_examples=30)
@given(seed=seeds)
def test_the_scale_of_a_column_is_the_scale_of_its_coefficient_alone(name, seed):
    """With factors sd_j on columns as they are, the fit is that of standardised columns."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((40, 6)) * 10.0 ** rng.uniform(-3, 3, 6)
    y = X @ (rng.integers(0, 2, 6) / X.std(axis=0)) + rng.standard_normal(40)
    one = regularization_path(X, y, penalty=name, standardize=True, n_alphas=5, eps=0.05, tol=1e-10)
    other = regularization_path(X, y, penalty=name, penalty_factor=X.std(axis=0), alphas=one.alphas, tol=1e-10)
    np.testing.assert_allclose(
        other.coefs.toarray() * X.std(axis=0)[:, None], one.coefs.toarray() * X.std(axis=0)[:, None], atol=1e-6
    )
    np.testing.assert_allclose(other.objectives, one.objectives, rtol=1e-9)


def test_wide_columns_need_no_gamma_either():
    rng = np.random.default_rng(0)
    wide = sparse.csr_array(
        (np.ones(60), (np.r_[np.arange(50), np.arange(10)], np.r_[rng.integers(0, 2, 50) + 7, np.full(10, 10**9)])),
        shape=(50, 2 * 10**9),
    )
    y = rng.standard_normal(50)
    path = regularization_path(wide, y, penalty="mcp", n_alphas=3)
    assert path.violations.max() <= 1e-6
    factors = regularization_path(wide, y, penalty="mcp", standardize=True, penalty_factor=5.0, n_alphas=3)
    plain = regularization_path(wide, y, penalty="mcp", standardize=True, alphas=5.0 * factors.alphas)
    # A factor of all columns is a factor of alpha.
    np.testing.assert_allclose(factors.objectives, plain.objectives, rtol=1e-12)


@pytest.mark.parametrize("loss", ["logistic", "poisson", "huber", "squared_hinge", "squared"])
@pytest.mark.parametrize("standardize", [False, True])
@settings(max_examples=30)
@given(seed=seeds)
def test_the_curvature_of_the_loss_counts(loss, standardize, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((30, 6)) * (rng.random((30, 6)) < 0.5)
    y = (rng.random(30) < 0.3).astype(float)
    y[0], y[1] = 0.0, 1.0
    q = y.mean()
    _, problem = build(X, y, loss=loss, standardize=standardize)
    mean = {"logistic": q * (1 - q), "poisson": q, "squared_hinge": 2.0}.get(loss, 1.0)
    assert np.ptp(y) < DELTA  # no outlier: Huber's loss is squared loss
    expected = 1.0 / (mean * (1.0 if standardize else X.var(axis=0)[problem.columns]))
    np.testing.assert_allclose(threshold_scales(problem)[problem.columns], expected, rtol=1e-7)


@pytest.mark.parametrize("name", ["mcp", "scad"])
def test_estimators_report_the_documented_objective(name):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((60, 5)) * [0.01, 1.0, 30.0, 1.0, 1.0]
    y = X @ [50.0, 1.0, 0.02, 0.0, 0.0] + rng.standard_normal(60)
    for model, ratio in ((Lasso(0.02, penalty=name), 1.0), (ElasticNet(0.02, l1_ratio=0.4, penalty=name), 0.4)):
        model.fit(X, y)
        raw = Regression(X, y, {"l1_ratio": ratio}).raw(0.02)
        assert model.objective_ == pytest.approx(objective(raw, name, model.coef_, model.intercept_), rel=1e-10)
    counts = rng.poisson(np.exp(0.5 * X[:, 1])).astype(float)
    model = PoissonRegressor(0.05, l1_ratio=1.0, penalty=name).fit(X, counts)
    t = X @ model.coef_ + model.intercept_
    deviance = np.mean(np.exp(t) - counts * t + xlogy(counts, counts) - counts)
    pays = twin(name, 0.05, 1.0, unit=1.0 / (counts.mean() * X.var(axis=0)))(model.coef_).sum()
    assert model.objective_ == pytest.approx(deviance + pays, rel=1e-10)


def test_nothing_penalised_has_no_threshold():
    _, problem = build(np.random.default_rng(0).standard_normal((9, 2)) * 1e-3, penalty_factor=0.0)
    np.testing.assert_array_equal(threshold_scales(problem), 1.0)


@pytest.mark.parametrize("name", ["elastic_net", "l0"])
def test_penalties_without_gamma(name):
    assert not hasattr(make_penalty(name, 0.5, 1.0, None), "gamma")


@pytest.mark.parametrize("name", ["mcp", "scad"])
def test_penalties_with_gamma(name):
    assert make_penalty(name, 0.5, 1.0, None).gamma == PENALTIES[name].gamma_default
    assert make_penalty(name, 0.5, 1.0, 99.0).gamma == 99.0
