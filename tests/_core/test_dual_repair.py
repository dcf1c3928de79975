"""One-sided projections of a dual point: what they leave alone, where they end, and that they can be interrupted."""

import _thread
import threading

import numpy as np
import pytest
from support.kernel_calls import compact

from sparsereg._core.dual_repair import project

each_weight = pytest.mark.parametrize("uniform", [True, False])
each_intercept = pytest.mark.parametrize("intercept", [True, False])


def repaired(X, weight, theta, highest, lowest=None, *, intercept=True, ridge=0.0, tol=0.0, max_sweeps=500):
    """Return the point after the sweeps, and how many there were."""
    n, p = X.shape
    spread = np.broadcast_to(weight, n)
    column_sum = spread @ X
    weight_sum = spread.sum() if intercept else 0.0
    curvature = spread @ X**2 - (column_sum**2 / weight_sum if intercept else 0.0)
    highest = np.broadcast_to(np.asarray(highest, float), p).copy()
    lowest = -highest if lowest is None else np.broadcast_to(np.asarray(lowest, float), p).copy()
    out = theta.copy()
    sweeps = project(
        *compact(X), np.arange(p, dtype=np.int32), weight, weight_sum, curvature, column_sum, lowest, highest,
        np.full(p, ridge), tol, max_sweeps, out,
    )
    return out, sweeps


def point(uniform, intercept, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((30, 12)) * (rng.random((30, 12)) < 0.6)
    weight = np.full(30, 0.4) if uniform else rng.random(30)
    theta = weight * rng.standard_normal(30)
    theta -= weight * theta.sum() / weight.sum() * intercept
    return X, weight[:1] if uniform else weight, theta


@each_weight
@each_intercept
def test_violations_vanish_and_the_sum_stays_zero(uniform, intercept):
    X, weight, theta = point(uniform, intercept)
    limit = 0.7 * np.abs(X.T @ theta).max()
    out, sweeps = repaired(X, weight, theta, limit, intercept=intercept, tol=1e-10)
    assert 1 < sweeps < 500
    assert np.abs(X.T @ out).max() <= limit * (1 + 1e-9)
    if intercept:
        assert out.sum() == pytest.approx(0.0, abs=1e-13)
    # The way is short: no projection carries it away from any feasible point, of which 0 is one.
    assert np.sum(out**2 / weight) < np.sum(theta**2 / weight)


@each_weight
def test_columns_within_their_constraints_do_not_move_the_point(uniform):
    X, weight, theta = point(uniform, True)
    v = X.T @ theta
    out, sweeps = repaired(X, weight, theta, np.where(v > 0, np.inf, -v), np.where(v < 0, -np.inf, -v))
    assert sweeps == 1
    np.testing.assert_array_equal(out, theta)


def test_a_single_constraint_is_met_at_its_nearest_point():
    X, weight, theta = point(False, False)
    v = float(X[:, 0] @ theta)
    out, _ = repaired(X[:, :1], weight, theta, abs(v) / 2, intercept=False)
    np.testing.assert_allclose(out, theta - weight * X[:, 0] * (v / 2) / (weight @ X[:, 0] ** 2), atol=1e-15)


def test_a_price_is_paid_where_it_is_cheaper_than_the_way():
    """The step minimises curvature step^2 / 2 + (excess - curvature step)^2 / (2 ridge)."""
    X, weight, theta = point(False, False)
    v, q, ridge = float(X[:, 0] @ theta), float(weight @ X[:, 0] ** 2), 0.8
    out, _ = repaired(X[:, :1], weight, theta, abs(v) / 2, intercept=False, ridge=ridge, max_sweeps=1)
    step = np.linspace(-1, 1, 200_001)
    price = 0.5 * q * step**2 + (v / 2 - q * step) ** 2 / (2 * ridge)
    row = np.argmax(np.abs(X[:, 0]))
    assert (theta - out)[row] / (weight * X[:, 0])[row] == pytest.approx(step[price.argmin()], abs=2e-5)


def test_no_sweeps_and_no_columns_change_nothing():
    X, weight, theta = point(True, True)
    for columns, max_sweeps in ((X, 0), (X[:, :0], 5)):
        out, sweeps = repaired(columns, weight, theta, 0.0, max_sweeps=max_sweeps)
        assert sweeps == 0
        np.testing.assert_allclose(out, theta, atol=1e-15)


def test_sweeps_can_be_interrupted():
    """The same column twice, with constraints that contradict each other: no end but an interrupt."""
    X = np.repeat(np.random.default_rng(0).standard_normal((200_000, 1)), 2, axis=1)
    threading.Timer(0.1, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        repaired(X, np.ones(1), X[:, 0].copy(), [1.0, np.inf], [-np.inf, 2.0], intercept=False, max_sweeps=10**6)
