"""Rows with singleton columns eliminated, against brute-force minimisation over their coefficients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from sparsereg._core import row_objective
from sparsereg._core.losses import Squared
from sparsereg._core.penalties import ElasticNet

seeds = st.integers(0, 2**32 - 1)
ratios = st.sampled_from([0.0, 0.3, 1.0])
FLOOR = 1e-6
# Neither offsets nor rows of several terms.
SINGLE = np.empty(0), np.empty(0, np.int64)


class Rows:
    """Random rows, some with a singleton column."""

    def __init__(self, seed, l1_ratio, bounded=True, n=9):
        rng = np.random.default_rng(seed)
        self.y, self.eta, self.s = rng.standard_normal(n), rng.standard_normal(n), rng.random(n) + 0.1
        self.x = rng.standard_normal(n) * rng.integers(0, 2, n)
        self.alpha, self.l1_ratio = 0.3, l1_ratio
        self.factor, self.scale = rng.choice([0.5, 1.0, 2.0], n), rng.choice([0.5, 1.0, 2.0], n)
        self.lower = rng.choice([-np.inf, -0.5, 0.0], n) if bounded else np.full(n, -np.inf)
        self.upper = rng.choice([np.inf, 0.5, 0.0], n) if bounded else np.full(n, np.inf)

    @property
    def rules(self):
        return self.x, self.factor, self.scale, self.lower, self.upper

    @property
    def penalty(self):
        return ElasticNet(self.alpha, self.l1_ratio)

    def linearize(self, eta=None, floor=FLOOR):
        z, curvature, weight, u, t = (np.zeros(self.y.size) for _ in range(5))
        eta = self.eta if eta is None else eta
        total, mass = row_objective.linearize(
            Squared(), self.penalty, self.y, self.s, *SINGLE, eta, *self.rules, floor, z, curvature, weight, u, t
        )
        return total, mass, z, curvature, weight, u

    def row(self, i, eta, u):
        """The loss and penalty of row i at a coefficient of a singleton column."""
        v = self.scale[i] * u
        penalty = self.factor[i] * self.alpha * (self.l1_ratio * abs(v) + (1 - self.l1_ratio) / 2 * v * v)
        return self.s[i] / 2 * (self.y[i] - eta - self.x[i] * u) ** 2 + penalty

    def eliminated(self, i, eta):
        """h_i(eta), by minimisation."""
        if self.x[i] == 0.0:
            return self.row(i, eta, 0.0)
        low, high = max(self.lower[i], -1e3), min(self.upper[i], 1e3)
        found = optimize.minimize_scalar(
            lambda u: self.row(i, eta, u), bounds=(low, high), method="bounded", options={"xatol": 1e-11}
        )
        return min(found.fun, self.row(i, eta, 0.0), self.row(i, eta, low), self.row(i, eta, high))


@given(seed=seeds, l1_ratio=ratios)
def test_values_and_private_coefficients(seed, l1_ratio):
    rows = Rows(seed, l1_ratio)
    total, mass, z, _, weight, u = rows.linearize()
    expected = [rows.eliminated(i, rows.eta[i]) for i in range(rows.y.size)]
    assert total == pytest.approx(sum(expected), rel=1e-9)
    for i in range(rows.y.size):
        assert rows.row(i, rows.eta[i], u[i]) <= expected[i] + 1e-12
    assert np.all(u[rows.x == 0.0] == 0.0)
    assert np.all((u >= rows.lower) & (u <= rows.upper) | (rows.x == 0.0))
    assert mass == pytest.approx(weight.sum(), rel=1e-13)
    np.testing.assert_allclose(z, rows.s * (rows.y - rows.eta - rows.x * u), rtol=1e-12, atol=1e-14)


@given(seed=seeds, l1_ratio=ratios)
def test_derivatives(seed, l1_ratio):
    rows, h = Rows(seed, l1_ratio), 1e-6
    _, _, z, curvature, weight, u = rows.linearize()
    below, above = rows.linearize(rows.eta - h), rows.linearize(rows.eta + h)
    assert (above[0] - below[0]) / (2 * h) == pytest.approx(-z.sum(), rel=1e-5, abs=1e-6)
    # The second derivative jumps where the coefficient of a singleton column starts or stops moving.
    def kind(u):
        return np.sign(u) + 3 * (u <= rows.lower) + 9 * (u >= rows.upper)

    smooth = (kind(below[5]) == kind(u)) & (kind(above[5]) == kind(u))
    slope = -(above[2] - below[2]) / (2 * h)
    np.testing.assert_allclose(slope[smooth], curvature[smooth], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.maximum(slope, FLOOR * rows.s)[smooth], weight[smooth], rtol=1e-4, atol=1e-6)
    assert np.all(weight >= FLOOR * rows.s)


def test_floor_of_the_curvature():
    rows = Rows(0, 1.0, bounded=False)
    rows.y += 10.0
    _, _, _, curvature, weight, u = rows.linearize(floor=0.01)
    private = rows.x != 0.0
    assert (u[private] != 0.0).all()
    np.testing.assert_allclose(weight, np.where(private, 0.01, 1.0) * rows.s, rtol=1e-12)
    np.testing.assert_allclose(curvature, np.where(private, 0.0, 1.0) * rows.s, rtol=1e-12)


@given(seed=seeds, l1_ratio=ratios, c=st.floats(0.0, 1.0))
def test_dual_sum_is_the_conjugate_of_the_eliminated_rows(seed, l1_ratio, c):
    """Fenchel: sum_i h_i(t_i) + h_i*(-c z_i) >= -c z't, with equality at the derivative."""
    rows = Rows(seed, l1_ratio)
    total, _, z, _, _, _ = rows.linearize()
    arguments = Squared(), rows.penalty, rows.y, rows.s, *SINGLE, rows.eta
    attained = row_objective.dual_sum(*arguments, z, 1.0, *rows.rules)
    assert attained + total == pytest.approx(-(z @ rows.eta), abs=1e-11 * (1 + abs(attained) + total))
    for eta in (rows.eta, np.zeros_like(z), rows.y):
        value = rows.linearize(eta)[0]
        assert row_objective.dual_sum(*arguments, z, c, *rows.rules) + value >= -c * (z @ eta) - 1e-11 * (1 + value)


@given(seed=seeds)
def test_dual_sum_without_private_columns(seed):
    rng = np.random.default_rng(seed)
    y, s, z = rng.standard_normal(7), rng.random(7) + 0.1, rng.standard_normal(7)
    expected = np.sum(-0.5 * z * y + 0.125 * z**2 / s)
    none = (np.empty(0),) * 5
    found = row_objective.dual_sum(Squared(), ElasticNet(1.0, 1.0), y, s, *SINGLE, z, z, 0.5, *none)
    assert found == pytest.approx(expected, abs=1e-12)


@given(seed=seeds, l1_ratio=ratios)
def test_centred_dual_points(seed, l1_ratio):
    rows = Rows(seed, l1_ratio)
    _, _, z, curvature, weight, _ = rows.linearize()
    theta = np.empty_like(z)
    assert row_objective.center_dual(rows.penalty, z, curvature, weight, False, *rows.rules, theta) == 1.0
    np.testing.assert_array_equal(theta, z)
    c = row_objective.center_dual(rows.penalty, z, curvature, weight, True, *rows.rules, theta)
    assert theta.sum() == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(theta, z - z.sum() / curvature.sum() * curvature, rtol=1e-12, atol=1e-14)
    assert 0.0 <= c <= 1.0
    dual = row_objective.dual_sum(Squared(), rows.penalty, rows.y, rows.s, *SINGLE, theta, theta, c, *rows.rules)
    assert dual < np.inf
    flat = np.zeros_like(z)
    row_objective.center_dual(rows.penalty, z, flat, weight, True, *rows.rules, theta)
    np.testing.assert_allclose(theta, z - z.sum() / weight.sum() * weight, rtol=1e-12, atol=1e-14)
