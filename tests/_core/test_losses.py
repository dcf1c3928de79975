"""The arithmetic of the losses, through the row passes, against differences and brute force."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize
from support.kernel_calls import loss_of, one_row, rules
from support.oracles import LOSS_VALUES

from sparsereg._core import row_objective
from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import ElasticNet

FREE = ElasticNet(0.0, 1.0)
predictors = st.floats(-20.0, 20.0)
shares = st.floats(0.0, 1.0)
weights = st.floats(0.1, 10.0)
each_loss = pytest.mark.parametrize("name", sorted(LOSSES))


def target(name, share):
    """Spread a share over the targets that a loss allows, ends included."""
    least, most = LOSSES[name].targets
    return share * (20.0 if np.isinf(most) else most) - (1.0 - share) * (20.0 if np.isinf(least) else 0.0)


def at(name, y, t, s=1.0):
    """Return value, derivative and curvature of s * loss, as a row pass without singleton columns gives them."""
    z, curvature, weight = np.empty(1), np.empty(1), np.empty(1)
    value, total = row_objective.linearize(
        loss_of(name), FREE, *one_row(y, s), np.array([t]), *rules(0, with_x=True), 0.0, z,
        curvature, weight, np.empty(0), np.empty(0),
    )
    assert total == weight[0] == curvature[0]
    return value, -z[0], weight[0]


def conjugate(name, y, u):
    """Return the conjugate of the loss at u: the dual sum at z = -u of one row of weight one."""
    z = np.array([-u])
    return row_objective.dual_sum(loss_of(name), FREE, *one_row(y), z, z, 1.0, *rules(0, with_x=True))


@each_loss
@given(share=shares, t=predictors, s=weights)
def test_value_derivative_and_curvature(name, share, t, s):
    y, h = target(name, share), 1e-4
    value, derivative, curvature = at(name, y, t, s)
    assert value == pytest.approx(s * LOSS_VALUES[name](y, t), rel=1e-13, abs=1e-14)
    below, above = at(name, y, t - h, s), at(name, y, t + h, s)
    size = s * (1.0 + abs(LOSS_VALUES[name](y, t)))
    if below[2] == pytest.approx(above[2], rel=1e-2, abs=1e-9):  # no kink of the derivative in between
        assert (above[0] - below[0]) / (2 * h) == pytest.approx(derivative, rel=1e-6, abs=1e-6 * size)
        assert (above[1] - below[1]) / (2 * h) == pytest.approx(curvature, rel=1e-6, abs=1e-6 * size)
    assert curvature >= 0.0
    assert curvature <= s * LOSSES[name].lipschitz * (1.0 + 1e-15)


@each_loss
@pytest.mark.parametrize("t", [-1e5, -800.0, -40.0, 40.0, 800.0, 1e5])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_nothing_overflows_in_silence(name, share, t):
    """Far out values are exact or infinite, never NaN, and derivatives within their bounds."""
    y = target(name, share)
    value, derivative, curvature = at(name, y, t)
    assert value == pytest.approx(LOSS_VALUES[name](y, t), rel=1e-13)
    fall, rise = np.empty(1), np.empty(1)
    row_objective.max_slopes(loss_of(name), *one_row(y)[:2], one_row(y)[3], fall, rise)
    assert -fall[0] <= derivative <= rise[0]
    assert curvature >= 0.0


@each_loss
@given(share=shares, u=st.floats(-30.0, 30.0))
def test_conjugate(name, share, u):
    y = target(name, share)
    found = optimize.minimize_scalar(
        lambda t: LOSS_VALUES[name](y, t) - u * t, bounds=(-100, 100), method="bounded", options={"xatol": 1e-10}
    )
    attained = abs(found.x) < 90.0
    got = conjugate(name, y, u)
    assert got >= -found.fun - 1e-8 * (1.0 + abs(found.fun))
    if attained:
        assert got == pytest.approx(-found.fun, rel=1e-8, abs=1e-8)


@each_loss
@given(share=shares, t=predictors, other=predictors)
def test_fenchel_young(name, share, t, other):
    y = target(name, share)
    value, derivative, _ = at(name, y, t)
    v = at(name, y, other)[1]
    scale = 1e-11 * (1.0 + value + abs(v * t) + v * v + y * y + abs(derivative * t))
    assert value + conjugate(name, y, v) >= v * t - scale - 1e-11 * abs(LOSS_VALUES[name](y, other))
    assert value + conjugate(name, y, derivative) == pytest.approx(derivative * t, abs=scale + 1e-12 * derivative**2)


@each_loss
@given(share=shares)
def test_steepest(name, share):
    """The bounds of the derivative are what it tends to."""
    y = target(name, share)
    fall, rise = np.empty(1), np.empty(1)
    row_objective.max_slopes(loss_of(name), *one_row(y)[:2], one_row(y)[3], fall, rise)
    for bound, far in ((fall[0], -at(name, y, -700.0)[1]), (rise[0], at(name, y, 700.0)[1])):
        if np.isinf(bound):
            assert far > 100.0 * min(share, 1.0 - share)
        else:
            assert far == pytest.approx(bound, abs=1e-9)


@each_loss
@given(
    share=shares, t=st.floats(-5.0, 5.0), s=weights, x=st.floats(0.2, 5.0), sign=st.sampled_from([-1.0, 1.0]),
    alpha=st.floats(0.01, 5.0), l1_ratio=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_private(name, share, t, s, x, sign, alpha, l1_ratio):
    """The coefficient of a singleton column minimises over u."""
    y = target(name, share)
    z, curvature, weight, u, with_private = (np.zeros(1) for _ in range(5))
    row_objective.linearize(
        loss_of(name), ElasticNet(alpha, l1_ratio), *one_row(y, s), np.array([t]), np.array([sign * x]), *rules(1),
        1e-3, z, curvature, weight, u, with_private,
    )

    def row(v):
        penalty = alpha * (l1_ratio * abs(v) + (1.0 - l1_ratio) / 2 * v * v)
        return s * LOSS_VALUES[name](y, t + sign * x * v) + penalty

    found = optimize.minimize_scalar(row, bounds=(-500, 500), method="bounded", options={"xatol": 1e-9})
    assert row(u[0]) <= min(found.fun, row(0.0)) + 1e-10 * (1.0 + abs(found.fun))


@each_loss
@given(seed=st.integers(0, 2**32 - 1), l1_ratio=st.sampled_from([0.3, 1.0]))
def test_private_over_several_terms(name, seed, l1_ratio):
    """A row of several terms with offsets: the singleton column's coefficient is stationary, from any guess."""
    rng = np.random.default_rng(seed)
    y = np.array([target(name, share) for share in rng.random(4)])
    s, offset, alpha = rng.random(4) + 0.1, rng.standard_normal(4), 0.2
    x, t = rng.standard_normal(2)
    assume(abs(x) > 0.1)
    results = []
    for guess in (0.0, 1.0, -30.0):
        z, curvature, weight, u = np.empty(1), np.empty(1), np.empty(1), np.array([guess])
        with_private = t + x * u
        value, _ = row_objective.linearize(
            loss_of(name), ElasticNet(alpha, l1_ratio), y, s, offset, np.array([0, 4]), np.array([t]), np.array([x]),
            *rules(1), 1e-8, z, curvature, weight, u, with_private,
        )
        slope = sum(s[k] * at(name, y[k], t + offset[k] + x * u[0])[1] for k in range(4))
        assert z[0] == pytest.approx(-slope, rel=1e-9, abs=1e-9)
        if u[0] == 0.0:
            assert abs(x * slope) <= alpha * l1_ratio * (1.0 + 1e-9)
        else:
            balance = x * slope + alpha * (l1_ratio * np.sign(u[0]) + (1.0 - l1_ratio) * u[0])
            assert balance == pytest.approx(0.0, abs=1e-9 * (1.0 + abs(x * slope)))
        results.append(value)
    assert results == pytest.approx([results[0]] * 3, rel=1e-12)
