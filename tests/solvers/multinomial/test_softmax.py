"""The arithmetic of the softmax: identities, extremes, conjugate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from support.multinomial_twins import log_sum

from sparsereg.solvers.multinomial import softmax

RNG = np.random.default_rng(0)
T = RNG.standard_normal((4, 25)) * 3.0
S = RNG.random(25)
S /= S.sum()
Y = RNG.dirichlet(np.ones(4), 25).T


def test_softmax_and_loss():
    p, total = softmax.softmax(T)
    np.testing.assert_allclose(p, special.softmax(T, axis=0), rtol=1e-14)
    np.testing.assert_allclose(total, log_sum(T.T), rtol=1e-14)
    assert softmax.loss(Y, S, T, total) == pytest.approx(S @ (total - np.sum(Y * T, axis=0)), rel=1e-13)


def test_nothing_overflows():
    t = np.array([[1e4, -1e4, 0.0], [0.0, 1e300, -1e300], [-1e4, 0.0, 1e300]])
    p, total = softmax.softmax(t)
    np.testing.assert_array_equal(p, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    np.testing.assert_array_equal(total, [1e4, 1e300, 1e300])


def test_lean_is_the_derivative():
    e, h = RNG.standard_normal(T.shape), 1e-6
    slope = (softmax.softmax(T + h * e)[0] - softmax.softmax(T - h * e)[0]) / (2.0 * h)
    np.testing.assert_allclose(softmax.jacobian_product(softmax.softmax(T)[0], e), slope, atol=1e-9)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 30.0))
def test_entropy_is_the_conjugate_of_the_log_sum(seed, size):
    """Fenchel: <q, t> - log_sum(t) <= sum q log q, with equality where q is the softmax of t."""
    rng = np.random.default_rng(seed)
    t, q = size * rng.standard_normal((3, 8)), rng.dirichlet(np.ones(3), 8).T
    s = rng.random(8)
    p, total = softmax.softmax(t)
    assert s @ (np.sum(q * t, axis=0) - total) <= softmax.entropy(s, q) + 1e-12 * size
    assert s @ (np.sum(p * t, axis=0) - total) == pytest.approx(softmax.entropy(s, p), abs=1e-12 * size)


def test_entropy_at_and_beyond_the_edge():
    q = np.array([[1.0, 0.5], [0.0, 0.5]])
    assert softmax.entropy(np.array([1.0, 2.0]), q) == pytest.approx(2.0 * np.log(0.5))
    assert softmax.entropy(np.ones(2), q - [[-1e-15], [1e-15]]) == pytest.approx(np.log(0.5))
    assert softmax.entropy(np.ones(2), q - [[-1e-6], [1e-6]]) == np.inf


@pytest.mark.parametrize("size", [0.0, 1.0, 10.0, 30.0])
def test_balance_gives_every_class_its_share(size):
    t = size * T
    b = softmax.balance(Y, S, t, 1e-13)
    assert abs(b.sum()) < 1e-9 * (1.0 + size)
    np.testing.assert_allclose(softmax.softmax(t + b[:, None])[0] @ S, Y @ S, rtol=1e-9)


def test_balance_from_afar():
    t = np.zeros((3, 5)) + np.array([[500.0], [0.0], [-500.0]])
    y = np.eye(3)[[0, 0, 1, 1, 2]].T
    b = softmax.balance(y, np.full(5, 0.2), t, 1e-13)
    expected = np.log([0.4, 0.4, 0.2]) - t[:, 0]
    np.testing.assert_allclose(b, expected - expected.mean(), atol=1e-9)


def test_best_shift_centres_to_first_order():
    p, _ = softmax.softmax(T)
    z = S * (Y - p)
    shift = softmax.best_shift(p, S, z)
    left = z - S * softmax.jacobian_product(p, shift[:, None])
    np.testing.assert_allclose(left.sum(axis=1), 0.0, atol=1e-15)
    np.testing.assert_allclose(left.sum(axis=0), 0.0, atol=1e-15)
    assert abs(shift.sum()) < 1e-12
