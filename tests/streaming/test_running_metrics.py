"""Metrics of blocks are those of all rows at once."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsereg._core.losses import LOSSES
from sparsereg.inputs.parameters import build
from sparsereg.metrics import mean_deviance, measure
from sparsereg.streaming import running_metrics
from sparsereg.streaming.running_metrics import RunningMean, RunningMetrics

each_loss = pytest.mark.parametrize("loss", list(LOSSES))


def rows(loss, n, rng, n_classes=2):
    """Return targets and linear predictors with ties."""
    if LOSSES[loss].is_classification:
        y = rng.integers(0, n_classes, n)
        y = y.astype(float) if n_classes == 2 else np.eye(n_classes)[y]
    else:
        y = rng.poisson(3.0, n).astype(float)
    return y, np.round(rng.normal(size=y.shape), 1)


def in_blocks(loss, y, t, weight, cuts):
    running = RunningMetrics(loss)
    edges = [0, *sorted(cuts), len(y)]
    for a, b in itertools.pairwise(edges):
        running.take(y[a:b], t[a:b], None if weight is None else weight[a:b])
    return running.result()


def same(found, expected, rel=1e-12):
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=rel, abs=1e-14, nan_ok=True), name


@each_loss
@given(seed=st.integers(0, 2**32 - 1), cuts=st.lists(st.integers(0, 40), max_size=6), kind=st.sampled_from("nwz"))
def test_blocks_are_all_rows(loss, seed, cuts, kind):
    rng = np.random.default_rng(seed)
    classifies = LOSSES[loss].is_classification
    for n_classes in (2, 4) if classifies else (2,):
        y, t = rows(loss, 40, rng, n_classes)
        # None, of any size, many of them zero.
        weight = {"n": None, "w": 10.0 ** rng.uniform(-3, 3, 40), "z": rng.integers(0, 2, 40) * rng.random(40)}[kind]
        if weight is not None and not weight.any():
            continue
        objective = build(LOSSES[loss], delta=0.7)
        same(in_blocks(objective, y, t, weight, cuts), measure(objective.metrics, objective, y, t, weight))


@each_loss
def test_one_block_is_measured_as_it_is(loss):
    y, t = rows(loss, 200, np.random.default_rng(0))
    objective = build(LOSSES[loss], delta=0.7)
    same(in_blocks(objective, y, t, None, []), measure(objective.metrics, objective, y, t, None), rel=1e-15)


@each_loss
@pytest.mark.parametrize("order", [1, -1])
def test_weights_of_any_size(loss, order):
    """Their sums would leave the range of float64."""
    y, t = rows(loss, 60, np.random.default_rng(0))
    weight = np.repeat([1e-300, 1.0, 1.7e308], 20)[::order]
    objective = build(LOSSES[loss], delta=0.7)
    expected = measure(objective.metrics, objective, y, t, weight)
    same(in_blocks(objective, y, t, weight, [20, 40]), expected)
    mean = RunningMean()
    for a in (0, 20, 40):
        some = slice(a, a + 20)
        mean.take(mean_deviance(y[some], t[some], weight[some], loss=objective), 20, weight[some])
    assert mean.result() == pytest.approx(mean_deviance(y, t, weight, loss=objective), rel=1e-12)


def test_targets_far_from_zero():
    """The variance is not the difference of two large sums."""
    rng = np.random.default_rng(0)
    y = 1e9 + rng.normal(size=3000)
    t = y + 0.5 * rng.normal(size=3000)
    same(in_blocks(LOSSES["squared"](), y, t, None, range(0, 3000, 7)), measure(("mse", "r2"), "squared", y, t, None))
    counts = rng.poisson(1e4, 3000).astype(float)
    poisson = LOSSES["poisson"]()
    found = in_blocks(poisson, counts, np.log(counts + 30.0), None, range(0, 3000, 7))
    same(found, measure(poisson.metrics, poisson, counts, np.log(counts + 30.0), None), rel=1e-10)


def test_many_blocks_take_little(monkeypatch):
    monkeypatch.setattr(running_metrics, "MAX_PARTS", 5)
    monkeypatch.setattr(running_metrics, "MIN_WAITING", 20)
    rng = np.random.default_rng(0)
    logistic = LOSSES["logistic"]()
    y, t = rng.integers(0, 2, 2000).astype(float), np.round(rng.normal(size=2000), 1)
    running, mean = RunningMetrics(logistic), RunningMean()
    for a in range(0, 2000, 8):
        running.take(y[a : a + 8], t[a : a + 8])
        mean.take(t[a : a + 8].mean(), 8, None)
    assert len(running._parts) <= 6
    assert sum(score.size for score, _, _ in running._curves[0]._steps) <= 2 * np.unique(t).size + 20
    same(running.result(), measure(logistic.metrics, logistic, y, t, None))
    assert mean.result() == pytest.approx(t.mean(), rel=1e-12)


def test_nothing_to_judge():
    running = RunningMetrics(LOSSES["squared"]())
    running.take(np.empty(0), np.empty(0))
    running.take(np.ones(3), np.ones(3), np.zeros(3))
    with pytest.raises(ValueError, match="source: no row of it has a weight"):
        running.result()
    assert np.isnan(RunningMean().result())


def test_rows_without_weight_say_nothing_where_all_others_are_zero():
    """The deviance of their counts about a mean of 0 has no end."""
    y, t = np.array([0.0, 0.0, 5.0, 2.0, 3.0, 1.0]), np.array([-1.0, 0.0, 800.0, 0.5, 1.0, 0.0])
    weight = np.array([1.0, 2.0, 0.0, 1.0, 1.0, 0.5])
    used, poisson = weight > 0.0, LOSSES["poisson"]()
    expected = measure(poisson.metrics, poisson, y[used], t[used], weight[used])
    assert 0.1 < expected["deviance_explained"] < 0.9
    same(in_blocks(poisson, y, t, weight, [3]), expected)
