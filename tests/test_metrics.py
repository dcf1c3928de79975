"""Metrics against scikit-learn's, and against themselves: samples that share a row, soft targets as two samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from sparsereg import metrics
from sparsereg._core.losses import LOSSES

seeds = st.integers(0, 2**32 - 1)


def random_rows(seed, n=60):
    rng = np.random.default_rng(seed)
    return rng, rng.standard_normal(n).round(1), rng.random(n) * rng.integers(0, 2, n) + np.eye(n)[0]


@given(seed=seeds)
def test_regression(seed):
    judge = pytest.importorskip("sklearn.metrics")
    rng, t, weight = random_rows(seed)
    y, counts = rng.standard_normal(60), rng.poisson(1.0, 60).astype(float)
    for w in (None, weight):
        assert metrics.mean_squared_error(y, t, w) == pytest.approx(judge.mean_squared_error(y, t, sample_weight=w))
        assert metrics.r2(y, t, w) == pytest.approx(judge.r2_score(y, t, sample_weight=w))
        known = judge.mean_poisson_deviance(counts, np.exp(t), sample_weight=w)
        assert metrics.mean_deviance(counts, t, w, loss="poisson") == pytest.approx(known)
        if np.average(counts, weights=w) > 0.0:
            known = judge.d2_tweedie_score(counts, np.exp(t), sample_weight=w, power=1)
            assert metrics.deviance_explained(counts, t, w, loss="poisson") == pytest.approx(known)


@given(seed=seeds)
def test_two_classes(seed):
    judge = pytest.importorskip("sklearn.metrics")
    rng, t, weight = random_rows(seed)
    y = rng.integers(0, 2, 60)
    y[:3], weight[:3] = (0, 1, 1), 1.0
    p = special.expit(t)
    for w in (None, weight):
        known = judge.log_loss(y, p, sample_weight=w)
        assert metrics.log_loss(y, p, w) == pytest.approx(known)
        assert metrics.mean_deviance(y, t, w, loss="logistic") == pytest.approx(2.0 * known)
        assert metrics.accuracy(y, p, w) == pytest.approx(judge.accuracy_score(y, t > 0.0, sample_weight=w))
        assert metrics.auc(y, t, w) == pytest.approx(judge.roc_auc_score(y, t, sample_weight=w))
        assert metrics.deviance_explained(y, t, w, loss="logistic") == pytest.approx(
            judge.d2_log_loss_score(y, p, sample_weight=w)
        )


@given(seed=seeds)
def test_many_classes(seed):
    judge = pytest.importorskip("sklearn.metrics")
    rng, _, weight = random_rows(seed)
    t, y = rng.standard_normal((60, 4)), np.r_[np.arange(4), rng.integers(0, 4, 56)]
    weight[:4] = 1.0
    p, hot = special.softmax(t, axis=1), np.eye(4)[y]
    known = judge.log_loss(y, p, sample_weight=weight)
    assert metrics.log_loss(hot, p, weight) == pytest.approx(known)
    assert metrics.mean_deviance(hot, t, weight, loss="logistic") == pytest.approx(2.0 * known)
    known = judge.d2_log_loss_score(y, p, sample_weight=weight)
    assert metrics.deviance_explained(hot, t, weight, loss="logistic") == pytest.approx(known)
    assert metrics.accuracy(hot, p, weight) == pytest.approx(np.average(t.argmax(axis=1) == y, weights=weight))
    known = judge.roc_auc_score(y, p, multi_class="ovr", sample_weight=weight)
    assert metrics.auc(hot, p, weight) == pytest.approx(known)


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
@given(seed=seeds)
def test_a_soft_target_is_two_samples(seed, loss):
    rng, t, weight = random_rows(seed)
    y = rng.random(60)
    samples = np.repeat([1.0, 0.0], 60), np.r_[t, t], np.r_[weight * y, weight * (1.0 - y)]
    names = [name for name in metrics.METRICS[loss] if name != "calibration_error"]
    soft, hard = (metrics.measure(names, loss, *rows) for rows in ((y, t, weight), samples))
    assert soft == pytest.approx(hard)


@pytest.mark.parametrize("loss", ["squared", "poisson", "logistic"])
@given(seed=seeds)
def test_rows_that_stand_for_samples(seed, loss):
    rng, t, weight = random_rows(seed)
    y = rng.integers(0, 2 if loss == "logistic" else 5, 60).astype(float)
    row = rng.integers(0, 20, 60)
    t = t[:20][row]
    names = metrics.METRICS[loss]
    expected = metrics.measure(names, loss, y, t, weight)
    total, mass = (np.bincount(row, values, minlength=20) for values in (weight, weight * y))
    kept = np.flatnonzero(total)
    mean = np.divide(mass, total, out=np.zeros(20), where=total > 0.0)
    unit = {
        "squared": (y - mean[row]) ** 2,
        "poisson": 2.0 * (special.xlogy(y, y) - special.xlogy(mean[row], mean[row])),
        "logistic": np.zeros(60),
    }[loss]
    within = np.average(unit, weights=weight)
    predictor = np.array([t[row == r][0] for r in kept])
    found = metrics.measure(names, loss, mean[kept], predictor, total[kept], within=within)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("loss", list(metrics.METRICS))
@given(seed=seeds, weighted=st.booleans())
def test_rows_that_are_judged_often_are_judged_as_each_metric_judges_them(seed, loss, weighted):
    rng, t, weight = random_rows(seed)
    weight = np.where(rng.random(60) < 0.1, 0.0, weight) if weighted else None
    y = rng.integers(0, 2, 60).astype(float)
    judged = metrics.JudgedRows(metrics.METRICS[loss], LOSSES[loss](*[1.35] * (loss == "huber")), y, weight)
    for predictor in (t, -t):
        scores, p = (predictor, predictor > 0.0) if loss == "squared_hinge" else (predictor, special.expit(predictor))
        deviance = metrics.mean_deviance(y, predictor, weight, loss=loss)
        expected = {
            "deviance": deviance, "log_loss": 0.5 * deviance, "loss": 0.5 * deviance,
            "mse": metrics.mean_squared_error(y, predictor, weight), "r2": metrics.r2(y, predictor, weight),
            "accuracy": metrics.accuracy(y, p, weight), "auc": metrics.auc(y, scores, weight),
            "calibration_error": metrics.calibration_error(y, p, weight),
        }
        if loss in metrics.LIKELIHOODS:
            expected["deviance_explained"] = metrics.deviance_explained(y, predictor, weight, loss=loss)
        found = judged(predictor)
        assert found == pytest.approx({name: expected[name] for name in found}, rel=1e-13)
    with pytest.raises(ValueError, match=r"y: shape \(60,\) does not match predictions of shape \(59,\)"):
        judged(t[1:])


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-200, 1.7e308])
def test_the_size_of_the_weights_does_not_matter(size):
    rng, t, _ = random_rows(0)
    y, classes, counts = rng.standard_normal(60), rng.integers(0, 2, 60), rng.poisson(1.0, 60)
    p, weight = special.expit(t), np.full(60, size)
    for metric, target, known in (
        (metrics.mean_squared_error, y, t), (metrics.r2, y, t), (metrics.log_loss, classes, p),
        (metrics.accuracy, classes, p), (metrics.auc, classes, t), (metrics.calibration_error, classes, p),
    ):
        assert metric(target, known, weight) == pytest.approx(metric(target, known), rel=1e-13)
    deviance = metrics.mean_deviance(counts, t, weight, loss="poisson")
    assert deviance == pytest.approx(metrics.mean_deviance(counts, t, loss="poisson"), rel=1e-13)


def test_rows_without_weight_may_be_beyond_float64():
    y, t, weight = np.array([0.0, 2.0, 1.0]), np.array([0.0, 0.5, 800.0]), np.array([1.0, 2.0, 0.0])
    names = ("deviance", "deviance_explained")
    expected = metrics.measure(names, "poisson", y[:2], t[:2], weight[:2])
    assert metrics.measure(names, "poisson", y, t, weight) == pytest.approx(expected, rel=1e-14)


def test_calibration_by_hand():
    y, p = np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.05, 0.09, 0.95, 1.0])
    # Two bins, each of weight one half: means 0.07 and 0.5, 0.975 and 0.5.
    assert metrics.calibration_error(y, p) == pytest.approx(0.5 * 0.43 + 0.5 * 0.475)
    assert metrics.calibration_error(y, p, [3.0, 0.0, 1.0, 0.0]) == pytest.approx(0.75 * 0.05 + 0.25 * 0.05)
    assert metrics.calibration_error(y, np.full(4, 0.5), n_bins=1) == 0.0
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.6, 0.2]])
    assert metrics.calibration_error(np.eye(3)[[0, 2]], probabilities) == pytest.approx(0.5 * 0.2 + 0.5 * 0.6)


def test_edges():
    assert np.isnan(metrics.auc([1.0, 1.0], [0.2, 0.3]))
    assert metrics.r2([2.0, 2.0], [2.0, 2.0]) == 1.0
    assert metrics.r2([2.0, 2.0], [2.0, 2.5]) == 0.0
    assert metrics.mean_deviance([0.0, 1.0], [800.0, 800.0], loss="logistic") == pytest.approx(800.0)
    assert metrics.mean_deviance([1.0], [800.0], loss="poisson") == np.inf
    assert np.isfinite(metrics.log_loss([1.0], [0.0]))
    huber = metrics.mean_deviance([0.0, 0.0], [0.5, 4.0], loss="huber", delta=1.0)
    assert huber == pytest.approx(0.5 * (0.25 + 2.0 * 3.5))
    with pytest.raises(ValueError, match=r"y: shape \(2,\) does not match predictions of shape \(3,\)"):
        metrics.r2([1.0, 2.0], [1.0, 2.0, 3.0])


def test_losses_and_metrics_have_names():
    y, t = [0.0, 1.0], [0.3, 0.4]
    with pytest.raises(ValueError, match=r"^loss: 'nonsense' is not allowed, expected one of \['huber', 'logistic', "):
        metrics.mean_deviance(y, t, loss="nonsense")
    for loss in ("huber", "squared_hinge", "nonsense"):
        with pytest.raises(ValueError, match=rf"^loss: '{loss}' .* one of \['logistic', 'poisson', 'squared'\]$"):
            metrics.deviance_explained(y, t, loss=loss)
    with pytest.raises(ValueError, match=r"^metric: 'auc' is not allowed, expected one of \['mse', 'r2'\]"):
        metrics.measure(["auc"], "squared", np.array(y), np.array(t), None)
    assert metrics.mean_deviance(y, t, loss="squared_hinge") == pytest.approx(1.3**2 + 0.6**2)
    with pytest.raises(ValueError, match=r"^y: expected numbers; .*'yes'\)? at 0\)"):
        metrics.accuracy(["yes", "no"], t)


def test_a_count_without_weight_costs_nothing():
    """Though about a mean of 0, or where it is predicted beyond float64, it would cost without end."""
    y, weight = np.array([5.0, 0.0, 0.0]), np.array([0.0, 1.0, 2.0])
    assert metrics.deviance_explained(y, np.zeros(3), weight, loss="poisson") == 0.0
    y, weight = np.array([5.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0])
    found = metrics.deviance_explained(y, [800.0, 0.1, 0.2], weight, loss="poisson")
    assert found == metrics.deviance_explained(y, [0.0, 0.1, 0.2], weight, loss="poisson")
