"""The arithmetic of the penalties, through the kernels that use it, against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kernel_calls import descend, every, rules
from support.penalty_twins import CONVEX, build, twin

from sparsereg._core import column_objective
from sparsereg._core.penalties import L0, MCP, PENALTIES, ElasticNet

coefficients = st.floats(-10.0, 10.0)
factors = st.sampled_from([0.0, 0.3, 1.0, 4.0])
ratios = st.sampled_from([0.0, 0.3, 1.0])
alphas = st.floats(0.01, 3.0)
scales = st.sampled_from([0.2, 1.0, 3.0])
names = st.sampled_from(sorted(PENALTIES))
concave = st.sampled_from(sorted({*PENALTIES} - CONVEX))
# From where most steps bend the one-dimensional problem down to where hardly any does.
gammas = st.sampled_from([2.1, 3.0, 10.0])
# How far a unit of strength moves a coefficient alone.
units = st.sampled_from([0.04, 1.0, 7.0])


@given(
    name=names, u=coefficients, alpha=alphas, l1_ratio=ratios, factor=factors, scale=scales, gamma=gammas, unit=units
)
def test_value(name, u, alpha, l1_ratio, factor, scale, gamma, unit):
    settings, pay = rules(1, factor, scale)[:2], twin(name, alpha, l1_ratio, factor, gamma, unit)
    penalty, w = build(name, alpha, l1_ratio, gamma), np.array([u])
    found = column_objective.penalty_value(penalty, every(1), w, *settings, np.array([unit]))
    assert found == pytest.approx(float(pay(scale * u)), rel=1e-11, abs=1e-300)
    if unit == 1.0:
        assert found == column_objective.penalty_value(penalty, every(1), w, *settings)


@pytest.mark.parametrize("name", PENALTIES)
def test_the_value_of_zero_is_zero_even_where_the_factor_is_infinite(name):
    assert column_objective.penalty_value(build(name, 1.0, 1.0), every(1), np.zeros(1), *rules(1, np.inf)[:2]) == 0.0


def lowest(objective, low, high, n=4001, rounds=8):
    """Return the least value on [low, high] and at 0: a grid around the best point of the last."""
    best = float(objective(np.zeros(1))[0])
    for _ in range(rounds):
        grid = np.linspace(low, high, n)
        values = objective(grid)
        k = int(np.argmin(values))
        best = min(best, float(values[k]))
        low, high = grid[max(k - 2, 0)], grid[min(k + 2, n - 1)]
    return best


@given(
    name=names, v=coefficients, q=st.floats(0.1, 5.0), alpha=alphas, l1_ratio=ratios, factor=factors, scale=scales,
    gamma=gammas, unit=units,
)
def test_prox(name, v, q, alpha, l1_ratio, factor, scale, gamma, unit):
    """A descent on one column of one row is one prox: min_u q/2 (v - u)^2 + penalty(scale u), whatever the step."""
    penalty = twin(name, alpha, l1_ratio, factor, gamma, unit)
    out = descend(
        np.ones((1, 1)), np.array([v]), q, build(name, alpha, l1_ratio, gamma), intercept=False, factor=factor,
        scale=scale, unit=[unit],
    )

    def objective(u):
        return 0.5 * q * (v - u) ** 2 + penalty(scale * u)

    found = lowest(objective, -11.0, 11.0)
    assert objective(out.w[0]) <= found + 1e-12 * (1.0 + found)
    assert out.w[0] * v >= 0.0
    assert out.w[0] != 0.0 or not np.signbit(out.w[0])
    if objective(0.0) < found + 1e-14:
        assert objective(0.0) > found - 1e-12
    if name in CONVEX and factor * alpha * l1_ratio * scale > q * abs(v):
        assert out.w[0] == 0.0


def one_prox(penalty, v, q=1.0, **settings):
    """Minimise q/2 (u - v)^2 + penalty(u)."""
    return descend(np.ones((1, 1)), np.array([v]), q, penalty, intercept=False, **settings).w[0]


@given(v=coefficients, q=st.floats(0.5, 5.0), alpha=alphas, l1_ratio=st.sampled_from([0.3, 1.0]), factor=factors)
@pytest.mark.parametrize("name", ["mcp", "scad"])
def test_soft_threshold_as_gamma_grows(name, v, q, alpha, l1_ratio, factor):
    soft = one_prox(ElasticNet(alpha, l1_ratio), v, q, factor=factor)
    assert one_prox(build(name, alpha, l1_ratio, 1e12), v, q, factor=factor) == pytest.approx(soft, abs=1e-9)


@given(v=coefficients, alpha=alphas)
def test_mcp_is_a_hard_threshold_where_it_bends_as_much_as_the_loss(v, alpha):
    """At gamma = 1 / q, and where its flat part costs what L0 does."""
    hard = one_prox(L0(0.5 * alpha**2, 1.0), v)
    assert one_prox(MCP(alpha, 1.0, 1.0), v) == pytest.approx(hard, abs=1e-12)


@given(v=coefficients, alpha=alphas, factor=st.sampled_from([0.3, 0.9]))
def test_mcp_is_the_firm_threshold(v, alpha, factor):
    size = min(max(abs(v) - factor * alpha, 0.0) / (1.0 - factor), abs(v))
    assert one_prox(MCP(alpha, 1.0, 1.0), v, factor=factor) == pytest.approx(np.sign(v) * size, abs=1e-9)


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_the_tie_of_the_hard_threshold_goes_to_zero(l1_ratio):
    penalty = L0(2.0, l1_ratio)
    stiff = 1.0 + 2.0 * (1.0 - l1_ratio)
    edge = np.sqrt(4.0 * l1_ratio * stiff)
    assert one_prox(penalty, edge * (1 + 1e-13)) == 0.0
    assert one_prox(penalty, edge * (1 + 1e-11)) == pytest.approx(edge / stiff)
    assert one_prox(L0(2.0, 1.0), 2.0) == 0.0
    assert one_prox(L0(2.0, 1.0), -2.0) == 0.0


@given(v=st.floats(2.1, 9.9), name=st.sampled_from(["mcp", "scad"]))
def test_large_coefficients_are_not_shrunk(v, name):
    assert one_prox(build(name, 0.5, 1.0), v) == pytest.approx(v, rel=1e-15)
    assert one_prox(ElasticNet(0.5, 1.0), v) == pytest.approx(v - 0.5)


@given(
    name=names, u=st.one_of(st.just(0.0), coefficients), g=coefficients, alpha=alphas, l1_ratio=ratios, factor=factors,
    scale=scales, gamma=gammas, unit=units,
)
def test_distance_from_the_subdifferential(name, u, g, alpha, l1_ratio, factor, scale, gamma, unit):
    found = column_objective.optimality_violation(
        build(name, alpha, l1_ratio, gamma), every(1), np.array([g * scale]), np.array([u / scale]),
        *rules(1, factor, scale), np.array([unit]),
    )
    penalty, h = twin(name, alpha, l1_ratio, factor, gamma, unit), 1e-7
    if abs(u) < 1e-3 and u != 0.0:
        return
    low, high = ((penalty(u) - penalty(u - h)) / h, (penalty(u + h) - penalty(u)) / h)
    assert found == pytest.approx(max(low - g, g - high, 0.0), abs=1e-4)


@given(
    name=names, v=coefficients, w=st.one_of(st.just(0.0), coefficients), q=st.floats(0.1, 5.0), alpha=alphas,
    l1_ratio=ratios, factor=factors, scale=scales, gamma=gammas, unit=units,
)
def test_fixpoint_distance_is_what_a_sweep_would_change(name, v, w, q, alpha, l1_ratio, factor, scale, gamma, unit):
    penalty, settings, out = build(name, alpha, l1_ratio, gamma), rules(1, factor, scale), np.empty(1)
    worst = column_objective.fixpoint_distance(
        penalty, every(1), np.array([q * (v - w)]), np.array([w]), np.array([q]), *settings, out, np.array([unit])
    )
    swept = descend(
        np.ones((1, 1)), np.array([v]), q, penalty, intercept=False, w=[w], factor=factor, scale=scale, tol=np.inf,
        unit=[unit],
    )
    assert worst == out[0] == pytest.approx(q * abs(swept.w[0] - w) / scale, abs=1e-9)
    if name in CONVEX:
        # Minimising over a convex function moves the gradient at least as far as it is from the subdifferential.
        v, w = np.array([q * (v - w)]), np.array([w])
        assert out[0] <= column_objective.optimality_violation(penalty, every(1), v, w, *settings) + 1e-9


@given(
    g=coefficients, alpha=alphas, l1_ratio=ratios, factor=factors, scale=scales,
    lower=st.sampled_from([-2.0, -0.5, 0.0]), upper=st.sampled_from([0.0, 0.7, 3.0]), name=names,
)
def test_conjugate_within_bounds(name, g, alpha, l1_ratio, factor, scale, lower, upper):
    found = column_objective.conjugate_sum(
        build(name, alpha, l1_ratio), every(1), np.array([2.0 * g]), 0.5, *rules(1, factor, scale, lower, upper)
    )
    penalty, grid = twin(name, alpha, l1_ratio, factor), np.linspace(lower, upper, 20_001)
    expected = (g * grid - penalty(scale * grid)).max(initial=0.0)
    assert penalty(0.0) == 0.0
    if name in CONVEX:
        assert found == pytest.approx(expected, abs=1e-6)
    else:
        assert found >= expected
        assert found == 0.0 or (upper if g > 0.0 else lower) != 0.0


@given(g=coefficients, alpha=alphas, l1_ratio=ratios, factor=factors)
def test_conjugate_without_bounds(g, alpha, l1_ratio, factor):
    found = column_objective.conjugate_sum(ElasticNet(alpha, l1_ratio), every(1), np.array([g]), 1.0, *rules(1, factor))
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
    value = column_objective.penalty_value(penalty, every(1), np.array([u]), *rules(1, factor)[:2])
    conjugate = column_objective.conjugate_sum(penalty, every(1), np.array([v]), 1.0, *rules(1, factor))
    assert value + conjugate >= u * v - 1e-9


@pytest.mark.parametrize("name", PENALTIES)
def test_derived_attributes(name):
    penalty = build(name, 0.5, 0.25)
    assert penalty.strength == 0.125
    assert build(name, 2, 1).strength == 2.0
    with pytest.raises(TypeError):
        build(name, "a", 1.0)
