"""Reliability diagrams: points are the shares of their bins."""

import numpy as np
import pytest

from sparsereg import Lasso, LogisticRegression
from sparsereg.metrics import calibration_error
from sparsereg.plot import plot_calibration


@pytest.fixture(scope="module")
def judged():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 5))
    y = np.where(rng.random(600) < 1 / (1 + np.exp(-X @ [2.0, -1.0, 0.5, 0.0, 0.0])), "yes", "no")
    return X, y, LogisticRegression(alpha=1e-3).fit(X, y)


def curves(ax):
    return [container.lines[0].get_xydata() for container in ax.containers]


def test_points_are_those_of_the_bins(judged, ax):
    X, y, model = judged
    weight = np.random.default_rng(1).integers(0, 4, 600).astype(float)
    assert plot_calibration(model, X, y, ax, sample_weight=weight, n_bins=5) is ax
    p, hit = model.predict_proba(X)[:, 1], y == "yes"
    expected = []
    for k in range(5):
        inside = (p >= k / 5) & ((p < (k + 1) / 5) | (k == 4)) & (weight > 0)
        expected.append([np.average(values[inside], weights=weight[inside]) for values in (p, hit)])
    np.testing.assert_allclose(curves(ax)[0], expected)
    (text,) = ax.get_legend().get_texts()
    error = calibration_error(hit.astype(float), p, weight, n_bins=5)
    assert text.get_text() == f"LogisticRegression: calibration error {error:.3g}"
    assert ax.get_xlabel() == "predicted probability of yes"
    (bars,) = ax.child_axes
    shares = bars.patches[0].get_data().values
    assert shares.sum() == pytest.approx(1.0)


def test_bars_are_those_of_wilson_even_where_all_came_true(ax):
    """Against a general inversion of the score test: |observed - q| is one standard error of a true share q."""
    from scipy.optimize import brentq

    counts = [(4, 4), (0, 9), (30, 100)]
    p = np.concatenate([np.full(n, 0.1 + 0.2 * k) for k, (_, n) in enumerate(counts)])
    y = np.concatenate([np.arange(n) < hits for hits, n in counts])
    plot_calibration({"p": p}, None, y, ax, n_bins=5)
    (bars,) = ax.containers[0].lines[2]
    for (hits, n), segment in zip(counts, bars.get_segments(), strict=True):
        share = hits / n

        def score(q, share=share, n=n):
            return (share - q) ** 2 - q * (1.0 - q) / n

        # At shares of 0 and 1 the share itself is a root as well.
        low = brentq(score, 1e-12, share - 1e-6) if share > 0.0 else 0.0
        high = brentq(score, share + 1e-6, 1.0 - 1e-12) if share < 1.0 else 1.0
        np.testing.assert_allclose(segment[:, 1], [low, high], atol=1e-9)


def test_bins_of_as_many_rows(ax):
    rng = np.random.default_rng(0)
    p = 1 / (1 + np.exp(5 - rng.normal(size=2000)))
    y = rng.random(2000) < p
    plot_calibration({"p": p}, None, y, ax, strategy="quantile")
    order = np.argsort(p)
    expected = np.stack([values[order].reshape(10, 200).mean(axis=1) for values in (p, y.astype(float))], axis=1)
    np.testing.assert_allclose(curves(ax)[0], expected)
    assert ax.get_xlim()[1] < 0.2
    ax.clear()
    plot_calibration({"p": np.full(2000, 0.25)}, None, y, ax, strategy="quantile")
    np.testing.assert_allclose(curves(ax)[0], [[0.25, y.mean()]])
    with pytest.raises(ValueError, match="strategy: 'rows' is not allowed"):
        plot_calibration({"p": p}, None, y, ax, strategy="rows")


def test_rare_events_fill_the_picture(ax):
    p = np.repeat([0.001, 0.003, 0.006], 1000)
    y = np.random.default_rng(0).random(3000) < p
    plot_calibration({"p": p}, None, y, ax, n_bins=500)
    (points,) = curves(ax)
    assert len(points) == 3
    assert points.max() < ax.get_xlim()[1] == ax.get_ylim()[1] < 0.01
    ax.clear()
    plot_calibration({"p": np.full(3000, 0.9)}, None, y, ax)
    assert ax.get_xlim() == (0.0, 1.0)


def test_several_models_and_probabilities(judged, ax):
    X, y, model = judged
    table = model.predict_proba(X)
    plot_calibration({"model": model, "table": table, "second column": table[:, 1]}, X, y, ax)
    first, *others = curves(ax)
    assert all(np.array_equal(first, other) for other in others)


def test_confidence_and_one_class_of_several(ax):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 3))
    y = np.argmax(X + rng.normal(size=X.shape), axis=1)
    model = LogisticRegression(alpha=1e-3).fit(X, y)
    plot_calibration(model, X, y, ax)
    assert ax.get_xlabel() == "predicted probability of the predicted class"
    text = ax.get_legend().get_texts()[0].get_text()
    assert text.endswith(f"{model.evaluate(X, y)['calibration_error']:.3g}")
    ax.clear()
    plot_calibration(model, X, y, ax, label=2)
    found = curves(ax)[0]
    p = model.predict_proba(X)[:, 2]
    assert found[0][1] == np.mean(y[p < 0.1] == 2)


def test_bad_calibrations(judged, ax):
    X, y, model = judged
    for models, labels, settings, error, complaint in (
        (Lasso().fit(X, X[:, 0]), y, {}, TypeError, "has no predict_proba, expected a classifier"),
        ({"a": "text"}, y, {}, TypeError, "models: 'a' is a str"),
        ({"a": np.ones(3)}, y, {}, ValueError, r"models: 'a' of shape \(3, 1\) is not allowed"),
        ({"a": np.full(600, 1.5)}, y, {}, ValueError, r"probabilities in \[0, 1\]"),
        ({"a": np.full((600, 3), 0.1)}, y, {}, ValueError, r"expected \(600, 2\)"),
        (model, np.where(y == "no", "never", y), {}, ValueError, "y: .*'never'.* is not allowed"),
        (model, y, {"label": "maybe"}, ValueError, "label: 'maybe' is not allowed"),
        (model, y, {"n_bins": 0}, ValueError, "n_bins"),
        (model, [], {}, ValueError, r"y: shape \(0,\)"),
    ):
        with pytest.raises(error, match=complaint):
            plot_calibration(models, X, labels, ax, **settings)
