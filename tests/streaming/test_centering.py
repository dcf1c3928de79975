"""Streaming fits to data in memory: columns far from zero, brought near it, and intercepts that make up for it."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from support.far_columns import containers, far_columns
from support.oracles import Raw, RawLoss

from sparsereg import ConstantColumnWarning, ConvergenceWarning, SGDClassifier, SGDRegressor
from sparsereg.design import compact_rows
from sparsereg.inputs.rows import as_rows
from sparsereg.streaming.centering import center_rows, may_be_centered

seeds = st.integers(0, 2**32 - 1)
ALGORITHMS = ("ftrl", "adagrad", "prox_sgd")


def fitted(model, X, y, weight=None):
    """Fit; passes that are still worth something are no fault here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, sample_weight=weight)


@given(seed=seeds)
def test_full_columns_whose_mean_outweighs_their_spread_are_moved(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((30, 4)) + [1e9, 0.0, -3.0, 5.0]
    X[rng.integers(1, 30), 3] = 0.0
    weight = rng.integers(0, 3, 30) * rng.random(30)
    weight[0] = 1.0
    rows = compact_rows(as_rows(sparse.csr_array(X)))
    position = rng.permutation(30).astype(np.int32)
    near, centering = center_rows(rows, position, weight[position])
    mean = np.average(X, axis=0, weights=weight)
    kept = X[weight > 0.0]
    full = np.all(kept != 0.0, axis=0)
    moved = full & (mean**2 > np.average((X - mean) ** 2, axis=0, weights=weight))
    assert centering.ids.tolist() == np.flatnonzero(moved).tolist()
    np.testing.assert_allclose(centering.constants, mean[moved], rtol=1e-14)
    out = sparse.csr_array((near.data, near.indices, near.indptr), shape=X.shape).toarray()
    expected = X.copy()
    expected[:, moved] -= centering.constants
    np.testing.assert_array_equal(out[weight > 0.0], np.where(X == 0.0, 0.0, expected)[weight > 0.0])
    np.testing.assert_array_equal(rows.data, X[X != 0.0])


@given(seed=seeds)
def test_a_few_rows_tell_that_no_column_is_full(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200, 5)) * (rng.random((200, 5)) < rng.choice([0.3, 0.9, 1.0], 5))
    weight = None if seed % 2 else rng.integers(0, 2, 200).astype(float)
    used = X if weight is None else X[weight > 0.0]
    rows = as_rows(sparse.csr_array(X))
    if len(used) and (used != 0.0).all(axis=0).any():
        assert may_be_centered(rows, weight)
    few = used[np.linspace(0, len(used) - 1, min(64, len(used))).astype(int)] if len(used) else used
    assert may_be_centered(rows, weight) == bool(len(few) and (few != 0.0).all(axis=0).any())
    assert not may_be_centered(as_rows(sparse.csr_array(X != 0.0)), weight)


def test_nothing_is_copied_where_nothing_moves():
    rng = np.random.default_rng(0)
    for X in (rng.standard_normal((30, 3)), np.ones((30, 2)), np.full((30, 1), 3.0)):
        rows = compact_rows(as_rows(sparse.csr_array(X)))
        near, centering = center_rows(rows, np.arange(30, dtype=np.int32), None)
        assert near is rows
        assert centering.ids.size == 0


@pytest.mark.parametrize("ratio", [0.0, 10.0, 1e3, 1e9])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_far_columns_learn_as_near_ones(algorithm, ratio):
    rng = np.random.default_rng(0)
    z, cells = rng.standard_normal((1000, 3)), np.eye(4)[rng.integers(0, 4, 1000)]
    y = z @ [1.0, -0.5, 0.0] + cells[:, 0] + 0.1 * rng.standard_normal(1000)
    for X in containers(np.hstack([z + ratio, cells])):
        model = fitted(SGDRegressor(alpha=1e-3, algorithm=algorithm, random_state=0, certify=True), X, y)
        assert model.score(X, y) == pytest.approx(0.992, abs=0.01)
        np.testing.assert_allclose(model.coef_[:3], [1.0, -0.5, 0.0], atol=0.1)
        assert model.dual_gap_ <= 0.5


@pytest.mark.parametrize("settings", [
    {"algorithm": "ftrl"}, {"algorithm": "adagrad"}, {"algorithm": "prox_sgd"},
    {"algorithm": "prox_sgd", "average": True}, {"early_stopping": True}, {"min_count": 2}, {"drop_stale": 50},
])
def test_intercepts_make_up_for_what_rows_lost(settings):
    """From the same steps a fit of columns far from zero predicts what that of columns less their means does."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((400, 2))
    # Means of exactly zero, and constants that float64 takes off without rounding.
    z = np.round(np.r_[z, -z] * 1024.0) / 1024.0
    y = z @ [1.0, -0.5] + 0.3 * rng.standard_normal(800)
    common = {"alpha": 1e-3, "random_state": 0, "max_iter": 5, "tol": None, "shuffle": False, **settings}
    near = fitted(SGDRegressor(**common), z, y)
    far = fitted(SGDRegressor(**common), z + 4096.0, y)
    np.testing.assert_allclose(far.coef_, near.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(far.predict(z + 4096.0), near.predict(z), atol=1e-9)
    # Another part of the data goes on from the same point.
    goes_on = near.intercept_ - 4096.0 * near.coef_.sum()
    np.testing.assert_allclose(far.intercept_, goes_on, rtol=1e-9)


def test_learning_goes_on_from_the_coefficients_beneath_averages():
    rng = np.random.default_rng(0)
    z = np.round(rng.standard_normal((400, 2)) * 1024.0) / 1024.0
    z = np.r_[z, -z]
    y = z @ [1.0, -0.5] + 0.3 * rng.standard_normal(800)
    common = {"algorithm": "prox_sgd", "average": True, "alpha": 1e-3, "max_iter": 2, "tol": None, "shuffle": False}
    near, far = fitted(SGDRegressor(**common), z, y), fitted(SGDRegressor(**common), z + 8.0, y)
    averages = near.coef_
    for model in (near, far):
        # With no row in the averages learners report what the next step starts from.
        optimizer = model.training_.learner.optimizer
        optimizer.clock = (*optimizer.clock[:3], 0.0, *optimizer.clock[4:])
    (_, of_near), (_, of_far) = (model.training_.learner.coefficients() for model in (near, far))
    assert np.abs(of_near[:, 0] - averages).max() > 1e-3
    np.testing.assert_allclose(of_far, of_near, rtol=1e-9)
    lost = far.training_.learner.intercepts() - near.training_.learner.intercepts()
    np.testing.assert_allclose(lost, -8.0 * of_near.sum(), rtol=1e-9)


@pytest.mark.parametrize("loss", ["squared", "logistic", "huber", "squared_hinge"])
@given(seed=seeds)
def test_finished_fits_of_far_columns_are_those_of_near_ones(loss, seed):
    data = far_columns(seed, scale=1.0)
    y = data.target(loss)
    cls = SGDClassifier if loss in ("logistic", "squared_hinge") else SGDRegressor
    names = {"logistic": "log_loss", "squared": "squared_error"}
    model = cls(names.get(loss, loss), alpha=0.05, l1_ratio=0.9, max_iter=3000, tol=None, n_iter_no_change=1)
    model.set_params(tol=1e-1, finish_tol=1e-9, certify=True, random_state=0)
    fitted(model, data.X, y, data.weight)
    kind = {} if loss == "squared" else {"loss_name": loss}
    raw = (RawLoss if kind else Raw)(
        data.near, y, alpha=0.05, l1_ratio=0.9, sample_weight=data.weight, **kind
    )
    w = np.ravel(model.coef_)
    b, lost, null = data.intercept_near(w, np.ravel(model.intercept_)[0]), data.rounding(w), raw.null_objective()
    slack = 1e-9 * null + 2.0 * lost * (np.sqrt(2.0 * null) + lost)
    assert abs(raw.objective(w, b) - model.objective_) <= slack
    assert model.dual_gap_ <= 1e-8 + slack / null
    if loss == "squared":
        least = raw.objective(*raw.minimise())
        assert model.objective_ - least <= model.dual_gap_ * null + slack
    else:
        assert raw.kkt(w, b) <= 1e-3


def test_the_gap_of_a_fit_far_from_zero_is_honest():
    """Coefficients of another fit, on columns that are 1e8 from zero."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((300, 1))
    X, y = z + 1e8, z[:, 0]
    model = SGDRegressor(alpha=0.01, max_iter=1, tol=None, certify=True, random_state=0, shuffle=False)
    fitted(model, X, y)
    mean = X.astype(np.longdouble).mean()
    raw = Raw((X - mean).astype(float), y, alpha=0.01)
    least = raw.objective(*raw.minimise())
    objective = raw.objective(model.coef_, float(model.intercept_ + mean * model.coef_[0]))
    assert model.objective_ == pytest.approx(objective, rel=1e-5)
    assert objective - least > 1e-4 * raw.null_objective()
    assert model.dual_gap_ >= (objective - least) / raw.null_objective() * (1.0 - 1e-4)


def test_columns_too_narrow_to_tell_take_no_part_and_are_named():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, 2))
    X = np.c_[z[:, 0], z[:, 1] + 1e12, np.full(200, 3.0)]
    with pytest.warns(ConstantColumnWarning, match=r"X: 1 columns, the first of them 1, vary by less than 1e-10"):
        model = SGDRegressor(alpha=1e-3, random_state=0).fit(X, z[:, 0])
    assert model.coef_[1] == 0.0
    assert model.score(X, z[:, 0]) > 0.99
