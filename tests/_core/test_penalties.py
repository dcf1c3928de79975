"""The arithmetic of the penalties, through the kernels that use it, against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_calls import descend, every, rules
from scipy import optimize

from sparsereg._core import certificate
from sparsereg._core.penalties import ElasticNet

coefficients = st.floats(-10.0, 10.0)
factors = st.sampled_from([0.0, 0.3, 1.0, 4.0])
ratios = st.sampled_from([0.0, 0.3, 1.0])
alphas = st.floats(0.01, 3.0)
scales = st.sampled_from([0.2, 1.0, 3.0])


def twin(alpha, l1_ratio, factor):
    return lambda u: factor * alpha * (l1_ratio * abs(u) + (1.0 - l1_ratio) / 2 * u * u)


@given(u=coefficients, alpha=alphas, l1_ratio=ratios, factor=factors, scale=scales)
def test_value(u, alpha, l1_ratio, factor, scale):
    settings = rules(1, factor, scale)[:2]
    found = certificate.penalty_value(ElasticNet(alpha, l1_ratio), every(1), np.array([u]), *settings)
    assert found == pytest.approx(twin(alpha, l1_ratio, factor)(scale * u), rel=1e-13, abs=1e-300)


def test_the_value_of_zero_is_zero_even_where_the_factor_is_infinite():
    assert certificate.penalty_value(ElasticNet(1.0, 1.0), every(1), np.zeros(1), *rules(1, np.inf)[:2]) == 0.0


@given(v=coefficients, q=st.floats(0.1, 5.0), alpha=alphas, l1_ratio=ratios, factor=factors, scale=scales)
def test_prox(v, q, alpha, l1_ratio, factor, scale):
    """A descent on one column of one row is one prox: min_u q/2 (v - u)^2 + penalty(scale u)."""
    out = descend(
        np.ones((1, 1)), np.array([v]), q, ElasticNet(alpha, l1_ratio), intercept=False, factor=factor, scale=scale
    )
    penalty = twin(alpha, l1_ratio, factor)

    def objective(u):
        return 0.5 * q * (v - u) ** 2 + penalty(scale * u)

    found = optimize.minimize_scalar(objective, bounds=(-11, 11), method="bounded", options={"xatol": 1e-10})
    assert objective(out.w[0]) <= min(found.fun, objective(0.0)) + 1e-12 * (1.0 + found.fun)
    if factor * alpha * l1_ratio * scale > q * abs(v):
        assert out.w[0] == 0.0
        assert not np.signbit(out.w[0])


@given(
    u=st.one_of(st.just(0.0), coefficients), g=coefficients, alpha=alphas, l1_ratio=ratios, factor=factors, scale=scales
)
def test_distance_from_the_subdifferential(u, g, alpha, l1_ratio, factor, scale):
    found = certificate.optimality_violation(
        ElasticNet(alpha, l1_ratio), every(1), np.array([g * scale]), np.array([u / scale]), *rules(1, factor, scale)
    )
    penalty, h = twin(alpha, l1_ratio, factor), 1e-7
    if abs(u) < 1e-3 and u != 0.0:
        return
    low, high = ((penalty(u) - penalty(u - h)) / h, (penalty(u + h) - penalty(u)) / h)
    assert found == pytest.approx(max(low - g, g - high, 0.0), abs=1e-4)


@given(
    g=coefficients, alpha=alphas, l1_ratio=ratios, factor=factors, scale=scales,
    lower=st.sampled_from([-2.0, -0.5, 0.0]), upper=st.sampled_from([0.0, 0.7, 3.0]),
)
def test_conjugate_within_bounds(g, alpha, l1_ratio, factor, scale, lower, upper):
    found = certificate.conjugate_sum(
        ElasticNet(alpha, l1_ratio), every(1), np.array([2.0 * g]), 0.5, *rules(1, factor, scale, lower, upper)
    )
    penalty, grid = twin(alpha, l1_ratio, factor), np.linspace(lower, upper, 20_001)
    values = g * grid - factor * alpha * (l1_ratio * abs(scale * grid) + (1 - l1_ratio) / 2 * (scale * grid) ** 2)
    assert penalty(0.0) == 0.0
    assert found == pytest.approx(values.max(initial=0.0), abs=1e-6)


@given(g=coefficients, alpha=alphas, l1_ratio=ratios, factor=factors)
def test_conjugate_without_bounds(g, alpha, l1_ratio, factor):
    found = certificate.conjugate_sum(ElasticNet(alpha, l1_ratio), every(1), np.array([g]), 1.0, *rules(1, factor))
    excess = abs(g) - factor * alpha * l1_ratio
    ridge = factor * alpha * (1.0 - l1_ratio)
    if excess <= 0.0:
        assert found == 0.0
    elif excess < 1e-12 * abs(g):
        # So close to the threshold counts as on it.
        assert found in (0.0, np.inf)
    elif ridge == 0.0:
        assert found == np.inf
    else:
        assert found == pytest.approx(excess**2 / (2 * ridge), rel=1e-12)


@given(u=coefficients, v=coefficients, alpha=alphas, factor=factors)
def test_fenchel_young(u, v, alpha, factor):
    penalty = ElasticNet(alpha, 0.5)
    value = certificate.penalty_value(penalty, every(1), np.array([u]), *rules(1, factor)[:2])
    assert value + certificate.conjugate_sum(penalty, every(1), np.array([v]), 1.0, *rules(1, factor)) >= u * v - 1e-9


def test_derived_attributes():
    penalty = ElasticNet(0.5, 0.25)
    assert penalty.strength == 0.125
    assert ElasticNet(2, 1).strength == 2.0
    with pytest.raises(TypeError):
        ElasticNet("a", 1.0)
