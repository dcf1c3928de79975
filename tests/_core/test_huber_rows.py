"""The row passes of Huber's function against those of any loss, and their bits, whatever share of the rows they get."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsereg._core import huber_rows, row_objective
from sparsereg._core.losses import Squared
from sparsereg._core.penalties import ElasticNet

seeds = st.integers(0, 2**32 - 1)
ratios = st.sampled_from([0.3, 1.0])
sizes = st.sampled_from([1, 7, 8, 13, 515, 1100])
SINGLE = np.empty(0), np.empty(0, np.int64)


class Rows:
    """Random rows, most with a singleton column, some without weight, in the terms of both modules."""

    def __init__(self, seed, n, l1_ratio):
        rng = np.random.default_rng(seed)
        self.y, self.eta, self.step = rng.standard_normal((3, n))
        self.s = rng.choice([0.0, 0.3, 1.0, 2.0], n)
        self.x = rng.choice([0.0, 1.0, -2.0], n)
        self.factor, self.scale = rng.choice([0.5, 1.0], n), rng.choice([0.5, 2.0], n)
        self.penalty = ElasticNet(0.4, l1_ratio)
        size = np.where(self.x == 0.0, 1.0, np.abs(self.x))
        limit = np.where(self.x == 0.0, np.inf, self.factor * self.scale / size)
        bend = np.where(self.x == 0.0, 0.0, self.factor * (self.scale / size) ** 2)
        self.huber = self.y, self.s, limit, bend, self.penalty.strength, 0.4 * (1.0 - l1_ratio)
        unbounded = np.full(n, np.inf)
        self.rules = self.x, self.factor, self.scale, -unbounded, unbounded

    def linearize(self, floor=0.0, step=True, size=0.5):
        z, weight, moved = np.zeros((3, self.y.size))
        sums = np.full((-(-self.y.size // huber_rows.CHUNK), 4), np.nan)
        step = self.step if step else self.step[:0]
        huber_rows.linearize(*self.huber, floor, self.eta, step, size, moved, z, weight, 0, sums)
        return sums.sum(axis=0), moved, z, weight

    def plain(self, eta, floor=0.0):
        z, curvature, weight, u, t = np.zeros((5, self.y.size))
        value, weight_sum = row_objective.linearize(
            Squared(), self.penalty, self.y, self.s, *SINGLE, eta, *self.rules, floor, z, curvature, weight, u, t
        )
        return (value, z.sum(), curvature.sum(), weight_sum), z, curvature, weight, u, t


@given(seed=seeds, n=sizes, l1_ratio=ratios, floor=st.sampled_from([0.0, 1e-3]), moves=st.booleans())
def test_model_is_that_of_any_loss(seed, n, l1_ratio, floor, moves):
    rows = Rows(seed, n, l1_ratio)
    sums, moved, z, weight = rows.linearize(floor, moves)
    eta = rows.eta + 0.5 * rows.step if moves else rows.eta
    expected, plain_z, _, plain_weight, u, t = rows.plain(eta, floor)
    np.testing.assert_array_equal(moved, eta if moves else np.zeros(n))
    np.testing.assert_allclose(sums, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(z, plain_z, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(weight, plain_weight, rtol=1e-12, atol=1e-15)
    recovered = np.full((2, n), np.nan)
    huber_rows.recover(*rows.huber, eta, rows.x, *recovered)
    np.testing.assert_allclose(recovered, [u, t], rtol=1e-12, atol=1e-13)


@given(seed=seeds, n=sizes, l1_ratio=ratios)
def test_dual_point_is_that_of_any_loss(seed, n, l1_ratio):
    rows = Rows(seed, n, l1_ratio)
    totals, z, curvature, weight, _, t = rows.plain(rows.eta)
    theta, expected, sums = np.empty(n), np.empty(n), np.empty((1, 3))
    if totals[2] == 0.0:
        return
    huber_rows.center_dual(*rows.huber, totals[1] / totals[2], rows.eta, z, theta, 0, sums)
    scale = row_objective.center_dual(rows.penalty, z, curvature, weight, True, *rows.rules, expected)
    np.testing.assert_allclose(theta, expected, rtol=1e-12, atol=1e-13)
    linear, square, least = sums[0]
    assert least == pytest.approx(scale, rel=1e-12)
    if l1_ratio == 1.0:
        conjugate = row_objective.dual_sum(
            Squared(), rows.penalty, rows.y, rows.s, *SINGLE, t, theta, 0.9 * scale, *rows.rules
        )
        assert 0.9 * least * (0.45 * least * square - linear) == pytest.approx(conjugate, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_shares_of_the_rows_have_the_bits_of_all(l1_ratio):
    n = 2 * huber_rows.CHUNK + 777
    rows = Rows(0, n, l1_ratio)
    whole, z, weight, moved = np.empty((3, 4)), *np.empty((3, n))
    parts, other_z, other_weight, other_moved = np.empty((3, 4)), *np.full((3, n), np.nan)
    huber_rows.linearize(*rows.huber, 0.1, rows.eta, rows.step, 0.3, moved, z, weight, 0, whole)
    for first, last in ((1, 3), (0, 1)):
        huber_rows.linearize(
            *rows.huber, 0.1, rows.eta, rows.step, 0.3, other_moved, other_z, other_weight, first, parts[first:last]
        )
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal([other_moved, other_z, other_weight], [moved, z, weight])
    dual, other_dual, theta, other_theta = np.empty((3, 3)), np.empty((3, 3)), np.empty(n), np.full(n, np.nan)
    huber_rows.center_dual(*rows.huber, 0.2, rows.eta, z, theta, 0, dual)
    for first, last in ((2, 3), (0, 2)):
        huber_rows.center_dual(*rows.huber, 0.2, rows.eta, z, other_theta, first, other_dual[first:last])
    np.testing.assert_array_equal(other_dual, dual)
    np.testing.assert_array_equal(other_theta, theta)


def test_sums_have_the_same_bits_on_any_machine():
    """Row k of a block goes to the (k mod 8)-th of eight sums, which are added up in one order."""
    rows = Rows(3, 512 + 21, 1.0)
    sums, _, z, _ = rows.linearize()
    total = 0.0
    for block in (z[:512], z[512:]):
        lanes = np.zeros(8)
        for k, value in enumerate(block):
            lanes[k % 8] += value
        total += ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
    assert sums[1] == total
