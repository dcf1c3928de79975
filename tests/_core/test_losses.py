"""The arithmetic of the losses, through the row passes, against differences and brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_calls import rules
from scipy import optimize

from sparsereg._core import newton
from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import ElasticNet

FREE = ElasticNet(0.0, 1.0)
LOSS_VALUES = {"squared": lambda y, t: 0.5 * (y - t) ** 2}
numbers = st.floats(-20.0, 20.0)
each_loss = pytest.mark.parametrize("name", sorted(LOSSES))


def at(name, y, t, s=1.0):
    """Return value, derivative and curvature of s * loss, as a row pass without private columns gives them."""
    z, weight, u = np.empty(1), np.empty(1), np.empty(1)
    value, total = newton.linearise(
        LOSSES[name](), FREE, np.array([y]), np.array([s]), np.array([t]), np.zeros(1), *rules(1), 1e-3, z, weight, u
    )
    assert total == weight[0]
    assert u[0] == 0.0
    return value, -z[0], weight[0]


def conjugate(name, y, u):
    """Return the conjugate of the loss at u: the dual sum at z = -u of one row of weight one."""
    return newton.dual_sum(
        LOSSES[name](), FREE, np.array([y]), np.ones(1), np.array([-u]), 1.0, np.empty(0), *rules(0)
    )


@each_loss
@given(y=numbers, t=numbers, s=st.floats(0.1, 10.0))
def test_value_derivative_and_curvature(name, y, t, s):
    value, derivative, curvature = at(name, y, t, s)
    assert value == pytest.approx(s * LOSS_VALUES[name](y, t), rel=1e-14)
    h = 1e-4
    below, above = at(name, y, t - h, s), at(name, y, t + h, s)
    assert (above[0] - below[0]) / (2 * h) == pytest.approx(derivative, rel=1e-6, abs=1e-6)
    assert (above[1] - below[1]) / (2 * h) == pytest.approx(curvature, rel=1e-6, abs=1e-6)


@each_loss
@given(y=numbers, u=numbers)
def test_conjugate(name, y, u):
    found = optimize.minimize_scalar(
        lambda t: LOSS_VALUES[name](y, t) - u * t, bounds=(-100, 100), method="bounded", options={"xatol": 1e-10}
    )
    assert conjugate(name, y, u) == pytest.approx(-found.fun, rel=1e-8, abs=1e-8)


@each_loss
@given(y=numbers, t=numbers, v=numbers)
def test_fenchel_young(name, y, t, v):
    value, derivative, _ = at(name, y, t)
    scale = 1e-12 * (1.0 + value + abs(v * t) + v * v + y * y)
    assert value + conjugate(name, y, v) >= v * t - scale
    assert value + conjugate(name, y, derivative) == pytest.approx(derivative * t, abs=scale + 1e-12 * derivative**2)


@each_loss
@given(
    y=numbers, t=numbers, s=st.floats(0.1, 10.0), x=st.floats(0.2, 5.0), sign=st.sampled_from([-1.0, 1.0]),
    alpha=st.floats(0.01, 5.0), l1_ratio=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_private(name, y, t, s, x, sign, alpha, l1_ratio):
    """The private coefficient minimises over u."""
    z, weight, u = np.empty(1), np.empty(1), np.empty(1)
    newton.linearise(
        LOSSES[name](), ElasticNet(alpha, l1_ratio), np.array([y]), np.array([s]), np.array([t]),
        np.array([sign * x]), *rules(1), 1e-3, z, weight, u,
    )

    def row(v):
        penalty = alpha * (l1_ratio * abs(v) + (1.0 - l1_ratio) / 2 * v * v)
        return s * LOSS_VALUES[name](y, t + sign * x * v) + penalty

    found = optimize.minimize_scalar(row, bounds=(-500, 500), method="bounded", options={"xatol": 1e-9})
    assert row(u[0]) <= min(found.fun, row(0.0)) + 1e-10 * (1.0 + abs(found.fun))
