"""The column part of the certificate, against loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kernel_calls import every, rules
from support.penalty_twins import CONVEX, build

from sparsereg._core import column_objective
from sparsereg._core.penalties import PENALTIES, ElasticNet

seeds = st.integers(0, 2**32 - 1)
ratios = st.sampled_from([0.0, 0.3, 1.0])


def random_columns(seed, n=12):
    rng = np.random.default_rng(seed)
    factor, scale = rng.choice([0.0, 0.5, 2.0], n), rng.choice([0.5, 1.0, 2.0], n)
    lower, upper = rng.choice([-np.inf, -1.0, 0.0], n), rng.choice([np.inf, 1.0, 0.0], n)
    w = np.clip(rng.standard_normal(n) * rng.integers(0, 2, n), lower, upper)
    columns = np.sort(rng.choice(n, rng.integers(0, n + 1), replace=False)).astype(np.int32)
    return columns, 3.0 * rng.standard_normal(n), w, (factor, scale, lower, upper)


def one(function, penalty, k, *vectors):
    return function(penalty, every(1), *(np.array([v[k]]) if np.ndim(v) else v for v in vectors))


@given(seed=seeds, l1_ratio=ratios)
def test_sums_and_extremes_are_those_of_single_columns(seed, l1_ratio):
    columns, v, w, settings = random_columns(seed)
    penalty = ElasticNet(0.4, l1_ratio)
    value = column_objective.penalty_value(penalty, columns, w, *settings[:2])
    expected = sum(one(column_objective.penalty_value, penalty, k, w, *settings[:2]) for k in columns)
    assert value == pytest.approx(expected, rel=1e-13)
    violation = column_objective.optimality_violation(penalty, columns, v, w, *settings)
    single = [one(column_objective.optimality_violation, penalty, k, v, w, *settings) for k in columns]
    assert violation == max(single, default=0.0)
    conjugate = column_objective.conjugate_sum(penalty, columns, v, 0.7, *settings)
    assert conjugate == pytest.approx(
        sum(one(column_objective.conjugate_sum, penalty, k, v, 0.7, *settings) for k in columns), rel=1e-13
    )
    scale = column_objective.feasible_scale(penalty, columns, v, w, *settings)
    singly = [one(column_objective.feasible_scale, penalty, k, v, w, *settings) for k in columns]
    assert scale == min(singly, default=1.0)


@given(seed=seeds)
def test_the_scaled_point_is_feasible_with_l1(seed):
    columns, v, w, settings = random_columns(seed)
    penalty = ElasticNet(0.4, 1.0)
    c = column_objective.feasible_scale(penalty, columns, v, w, *settings)
    assert 0.0 <= c <= 1.0
    assert column_objective.conjugate_sum(penalty, columns, v, c, *settings) < np.inf
    if 0.0 < c < 1.0:
        assert column_objective.conjugate_sum(penalty, columns, v, c * (1 + 1e-9), *settings) == np.inf


@pytest.mark.parametrize(
    ("w", "v", "violation"),
    [
        (0.0, 0.4, 0.0), (0.0, -0.5, 0.0), (0.0, 0.8, 0.3), (0.0, -0.9, 0.4),
        (2.0, 0.5, 0.0), (2.0, 0.1, 0.4), (2.0, -0.5, 1.0), (-2.0, -0.5, 0.0), (-2.0, 0.5, 1.0),
    ],
)
def test_violation_with_l1(w, v, violation):
    found = column_objective.optimality_violation(
        ElasticNet(0.5, 1.0), every(1), np.array([v]), np.array([w]), *rules(1)
    )
    assert found == pytest.approx(violation, abs=1e-15)


@pytest.mark.parametrize(
    ("w", "v", "lower", "upper", "violation"),
    [
        # At an upper bound the gradient may push up, not down.
        (1.0, 9.0, -1.0, 1.0, 0.0), (1.0, 0.5, -1.0, 1.0, 0.0), (1.0, 0.2, -1.0, 1.0, 0.3),
        (-1.0, -9.0, -1.0, 1.0, 0.0), (-1.0, -0.2, -1.0, 1.0, 0.3),
        # At zero with zero as a bound only one side counts.
        (0.0, -9.0, 0.0, 1.0, 0.0), (0.0, 0.9, 0.0, 1.0, 0.4), (0.0, 9.0, -1.0, 0.0, 0.0), (0.0, -0.9, -1.0, 0.0, 0.4),
        (0.0, 9.0, 0.0, 0.0, 0.0), (0.0, -9.0, 0.0, 0.0, 0.0),
    ],
)
def test_violation_at_bounds(w, v, lower, upper, violation):
    found = column_objective.optimality_violation(
        ElasticNet(0.5, 1.0), every(1), np.array([v]), np.array([w]), *rules(1, lower=lower, upper=upper)
    )
    assert found == pytest.approx(violation, abs=1e-15)


def test_broadcast_rules():
    columns, v, w, _ = random_columns(1)
    flat = [np.broadcast_to(np.float64(value), w.size) for value in (2.0, 0.5, -np.inf, np.inf)]
    full = [np.array(rule) for rule in flat]
    penalty = ElasticNet(0.3, 0.5)
    assert column_objective.penalty_value(penalty, columns, w, *flat[:2]) == column_objective.penalty_value(
        penalty, columns, w, *full[:2]
    )
    for function, extra in (
        (column_objective.optimality_violation, (v, w)), (column_objective.feasible_scale, (v, w)),
        (column_objective.conjugate_sum, (v, 0.9)),
    ):
        assert function(penalty, columns, *extra, *flat) == function(penalty, columns, *extra, *full)


@given(seed=seeds, name=st.sampled_from(sorted(PENALTIES)))
def test_fixpoint_distances_are_those_of_single_columns(seed, name):
    columns, v, w, settings = random_columns(seed)
    curvature = np.random.default_rng(seed).choice([0.0, 0.5, 2.0], w.size)
    out, alone = np.empty(columns.size), np.empty(1)
    worst = column_objective.fixpoint_distance(build(name, 0.4, 0.5), columns, v, w, curvature, *settings, out)
    assert worst == out.max(initial=0.0)
    for k, j in enumerate(columns):
        single = (np.array([values[j]]) for values in (v, w, curvature, *settings))
        column_objective.fixpoint_distance(build(name, 0.4, 0.5), every(1), *single, alone)
        assert out[k] == alone[0]
        if curvature[j] == 0.0:
            assert out[k] == 0.0
        if w[j] == 0.0 and (settings[3] if v[j] > 0.0 else settings[2])[j] == 0.0:
            assert out[k] == 0.0  # the bound is in the way


@given(seed=seeds, name=st.sampled_from(sorted({*PENALTIES} - CONVEX)))
def test_what_is_not_convex_is_never_screened_nor_bounded(seed, name):
    _, v, w, settings = random_columns(seed)
    penalty, everything, out = build(name, 0.4, 0.5), every(w.size), np.empty(w.size, np.int32)
    n = column_objective.reachable(penalty, everything, v, w, np.zeros(w.size), *settings[:2], 1.0, 0.0, out)
    assert n == w.size
    inf = np.full(w.size, np.inf)
    assert column_objective.conjugate_sum(penalty, everything, v, 1.0, *settings[:2], -inf, inf) == np.inf
    assert column_objective.feasible_scale(penalty, everything, v, np.zeros(w.size), *settings[:2], -inf, inf) == 0.0
