"""Targets, weights and offsets by row, and the best intercept without any column."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsereg._core.losses import LOSSES, Huber
from sparsereg.design import make_design
from sparsereg.solvers import response
from sparsereg.solvers.response import best_intercept, make_response

seeds = st.integers(0, 2**32 - 1)


def made(name, rng, n):
    """Make a loss, targets, weights and offsets whose best intercept has no closed form."""
    weight = rng.random(n) * (rng.random(n) < 0.8)
    weight[:2] = 1.0
    if name == "huber":
        return LOSSES[name](10.0 ** rng.uniform(-2, 2)), rng.standard_t(1.5, n), weight / weight.sum(), np.empty(0)
    y = (rng.random(n) < 0.3).astype(float)
    y[:2] = 0.0, 1.0
    return LOSSES[name](), y, weight / weight.sum(), rng.standard_normal(n) * 10.0 ** rng.uniform(-1, 1)


@pytest.mark.parametrize("name", ["huber", "logistic", "squared_hinge"])
@given(seed=seeds)
def test_the_slope_of_the_loss_changes_its_sign_at_the_best_intercept(name, seed):
    rng = np.random.default_rng(seed)
    loss, y, s, offset = made(name, rng, int(rng.integers(2, 60)))
    b = best_intercept(loss, y, s, offset)
    room = 1e-12 * (1.0 + abs(b) + np.abs(offset).max(initial=0.0))
    slopes = [response._at_intercept(loss, y, s, offset, response.ONE_TERM, b + shift)[1] for shift in (-room, room)]
    # Flat where the loss is, but for rounding.
    assert slopes[0] <= 1e-15
    assert slopes[1] >= -1e-15


def test_few_evaluations_find_it(monkeypatch):
    rng, evaluate, asked = np.random.default_rng(0), response._at_intercept, []
    monkeypatch.setattr(response, "_at_intercept", lambda *args: asked.append(1) or evaluate(*args))
    y = rng.standard_t(3.0, 1000)
    best_intercept(Huber(1.35), y, np.full(1000, 1e-3), np.empty(0))
    assert len(asked) <= 12


@given(seed=seeds)
def test_samples_that_are_rows_need_no_sorting(seed):
    """Terms of rows that each have one sample, in another order, are those of rows that are grouped."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 30))
    X, y = np.tril(np.ones((n, n)))[rng.permutation(n)], rng.standard_normal(n)
    weight = np.where(rng.random(n) < 0.8, rng.uniform(0.5, 2.0, n), 0.0)
    weight[0] = 1.0
    made = make_response(make_design(X, weight, aggregate=True), Huber(1.0), y, weight, None, False)
    order = np.argsort(X.sum(axis=1))
    order = order[weight[order] > 0.0]
    np.testing.assert_array_equal(made.y, y[order])
    np.testing.assert_allclose(made.s, weight[order] / weight.sum(), rtol=1e-15)
    assert made.first.size == 0
