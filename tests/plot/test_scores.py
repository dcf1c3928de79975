"""Scores of training and held-out rows, and where alpha is too small, right and too large."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsereg import LassoCV, LogisticRegressionCV, lasso_path, logistic_path, regularization_path
from sparsereg.plot import plot_scores
from sparsereg.plot.scores import find_zones, training_measures


@pytest.fixture(scope="module")
def overfit():
    """A path that has learned by heart at its end, and rows that it has not seen."""
    rng = np.random.default_rng(0)
    w = np.r_[rng.normal(size=10), np.zeros(90)]
    X, other = rng.normal(size=(60, 100)), rng.normal(size=(300, 100))
    y, unseen = X @ w + rng.normal(size=60), other @ w + rng.normal(size=300)
    path = lasso_path(X, y, n_alphas=40, eps=1e-3)
    return path, path.evaluate(other, unseen), path.evaluate(X, y)


def line_of(ax, label):
    (line,) = (line for line in ax.lines if line.get_label().startswith(label))
    return line


def test_curves_are_what_was_measured(overfit, ax):
    path, held_out, train = overfit
    assert plot_scores(path, held_out, ax) is ax
    np.testing.assert_array_equal(line_of(ax, "held-out").get_xydata(), np.c_[path.alphas, held_out["mse"]])
    # What the path knows of its rows is what they are judged to be.
    np.testing.assert_allclose(line_of(ax, "training").get_ydata(), train["mse"], rtol=1e-9, atol=1e-12)
    best = int(np.argmin(held_out["mse"]))
    mark = line_of(ax, "best")
    assert mark.get_xydata().tolist() == [[path.alphas[best], held_out["mse"][best]]]
    assert mark.get_label() == (
        f"best: mse {held_out['mse'][best]:.4g} at alpha {path.alphas[best]:.4g}, {path.df[best]} non-zeros"
    )
    assert ax.get_ylabel() == "mse\n(less is better)"


def test_less_and_more_is_better(overfit, ax):
    """R2 is a falling function of the squared error, a straight line: both have the same zones."""
    path, held_out, _ = overfit
    spans = []
    for metric in ("mse", "r2"):
        ax.clear()
        plot_scores(path, held_out, ax, metric=metric)
        spans.append([patch.get_extents().transformed(ax.transData.inverted()).intervalx for patch in ax.patches])
        assert [text.get_text() for text in ax.texts] == ["too small", "right", "too large"]
    np.testing.assert_allclose(*spans)
    assert ax.get_ylabel() == "r2\n(more is better)"


def test_zones_cover_the_axis_and_part_at_half_a_step(overfit, ax):
    path, held_out, _ = overfit
    plot_scores(path, held_out, ax)
    spans = [patch.get_extents().transformed(ax.transData.inverted()).intervalx for patch in ax.patches]
    assert [span[1] for span in spans[:-1]] == pytest.approx([span[0] for span in spans[1:]])
    assert [spans[0][0], spans[-1][1]] == pytest.approx(list(ax.get_xlim()))
    zones = find_zones(held_out["mse"], 0.02, False)
    assert spans[1] == pytest.approx([
        np.sqrt(path.alphas[zones.last] * path.alphas[zones.last + 1]),
        np.sqrt(path.alphas[zones.first] * path.alphas[zones.first - 1]),
    ])
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))
    highest = ax.transData.transform([(1.0, np.max([line_of(ax, "held-out").get_ydata()]))])[0, 1]
    assert min(box.y0 for box in boxes) >= highest


@pytest.mark.parametrize("width", [2.0, 3.0, 12.0])
def test_names_of_narrow_zones_do_not_touch(overfit, width, ax):
    path, held_out, _ = overfit
    ax.figure.set_size_inches(width, 3.0)
    plot_scores(path, held_out, ax, within=0.0)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))


@pytest.mark.parametrize(
    ("values", "within", "expected"),
    [
        ([10.0, 5.0, 1.0, 1.5, 4.0], 0.1, (2, 2, 3)),
        ([10.0, 5.0, 1.0, 1.5, 4.0], 0.0, (2, 2, 2)),
        ([10.0, 1.0, 1.0, 1.0, 4.0], 0.0, (1, 1, 3)),  # of equals the largest alpha
        ([10.0, 1.0, 9.0, 1.1, 4.0], 0.1, (1, 1, 1)),  # no gap
        ([10.0, 5.0, 1.0, np.nan, 1.0], 0.1, (2, 2, 2)),
        ([np.nan, np.inf, 10.0, 1.0, 1.5], 0.1, (3, 3, 4)),
        ([1.0, 2.0, 3.0], 0.5, (0, 0, 0)),  # nothing is gained
        ([3.0], 0.5, (0, 0, 0)),
    ],
)
def test_zones(values, within, expected):
    values = np.array(values)
    assert find_zones(values, within, greater_is_better=False) == expected
    assert find_zones(-values, within, greater_is_better=True) == expected


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.floats(0.0, 0.99))
def test_zones_keep_their_share_of_the_gain(values, within):
    values = np.array(values)
    first, best, last = find_zones(values, within, greater_is_better=True)
    assert values[best] == values.max()
    least = values[best] - within * (values[best] - values[0])
    assert (values[first : last + 1] >= least).all()
    assert first == 0 or values[first - 1] < least
    assert last == values.size - 1 or values[last + 1] < least


def test_a_path_knows_its_training_rows(data, ax):
    """Every measure that is drawn of them without `train` is that of `evaluate`."""
    X, y = data
    labels, counts = (y > 0.0).astype(int), np.round(np.exp(0.3 * X[:, 0]))
    three = np.digitize(y, [-2.0, 2.0])
    weight = np.linspace(0.5, 2.0, 80)
    cases = [
        (y, {}), (y, {"loss": "huber"}), (y, {"fit_intercept": False}), (labels, {"loss": "logistic"}),
        (three, {"loss": "logistic"}), (counts, {"loss": "poisson"}), (labels, {"loss": "squared_hinge"}),
    ]
    n_drawn = 0
    for target, options in cases:
        fit = logistic_path if options.get("loss") == "logistic" else regularization_path
        path = fit(X, target, sample_weight=weight, n_alphas=6, **(options if fit is regularization_path else {}))
        measured = path.evaluate(X, target, weight)
        for metric in measured.keys() - {"alpha", "n_nonzero"}:
            ax.clear()
            plot_scores(path, measured, ax, metric=metric)
            known = [line for line in ax.lines if line.get_label() == "training rows"]
            for line in known:
                np.testing.assert_allclose(line.get_ydata(), measured[metric], rtol=1e-7, atol=1e-9)
            n_drawn += len(known)
    assert n_drawn == 2 + 1 + 1 + 2 + 2 + 2 + 1


def test_measures_of_training_rows_are_taken(data, ax):
    X, y = data
    path = logistic_path(X[:50], y[:50] > 0.0, n_alphas=10)
    train, held_out = path.evaluate(X[:50], y[:50] > 0.0), path.evaluate(X[50:], y[50:] > 0.0)
    plot_scores(path, held_out, ax, metric="auc", train=train)
    np.testing.assert_array_equal(line_of(ax, "training").get_ydata(), train["auc"])
    plot_scores(path, held_out, ax.figure.add_subplot(), metric="auc")
    assert not [line for line in ax.figure.axes[-1].lines if line.get_label() == "training rows"]


def test_a_cross_validated_model_has_a_path(data, ax):
    model = LassoCV(cv=3, n_alphas=10).fit(*data)
    plot_scores(model, model.path_.evaluate(*data), ax)
    np.testing.assert_array_equal(line_of(ax, "held-out").get_xdata(), model.path_.alphas)


@pytest.mark.parametrize("alphas", [[0.1], [0.1, 0.0], [0.0]])
def test_few_alphas_and_none_at_all(data, alphas, ax):
    path = lasso_path(*data, alphas=alphas)
    plot_scores(path, path.evaluate(*data), ax)
    assert "right" in [text.get_text() for text in ax.texts]
    assert line_of(ax, "held-out").get_marker() == "o"


def test_bad_measures(overfit, data, ax):
    path, held_out, _ = overfit
    with pytest.raises(TypeError, match="held_out: float is not allowed, expected what path"):
        plot_scores(path, 0.5, ax)
    with pytest.raises(TypeError, match="train: list is not allowed"):
        plot_scores(path, held_out, ax, train=[1.0])
    with pytest.raises(ValueError, match=r"held_out: 'mse' has shape \(\), expected \(40,\)"):
        plot_scores(path, {"mse": 1.0}, ax)
    with pytest.raises(ValueError, match=r"held_out: 'alpha' has shape \(2,\), expected \(40,\)"):
        plot_scores(path, held_out | {"alpha": [1.0, 2.0]}, ax)
    with pytest.raises(ValueError, match="held_out: its alphas are not those of the path"):
        plot_scores(path, held_out | {"alpha": 2.0 * path.alphas}, ax)
    with pytest.raises(ValueError, match=r"held_out: has none of \['mse', 'r2'\]"):
        plot_scores(path, {"alpha": path.alphas}, ax)
    with pytest.raises(ValueError, match=r"metric: 'auc' is not allowed, expected one of \['mse', 'r2'\]"):
        plot_scores(path, held_out, ax, metric="auc")
    with pytest.raises(ValueError, match=r"held_out: 'mse' is undefined \(NaN\) at every alpha"):
        plot_scores(path, {"mse": np.full(40, np.nan)}, ax)
    with pytest.raises(ValueError, match=r"within: 1\.0 is outside \[0, 1\)"):
        plot_scores(path, held_out, ax, within=1.0)
    with pytest.raises(TypeError, match="path: ndarray is not allowed, expected a RegularizationPath"):
        plot_scores(data[0], held_out, ax)
    assert not ax.lines


@pytest.mark.parametrize("setting", [{}, {"class_weight": {0: 1.0, 1: 5.0}}, {"label_smoothing": 0.2}])
def test_training_rows_of_a_classifier_are_what_it_is_judged_by(setting, ax):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = (X[:, 0] + rng.normal(size=80) > 0.0).astype(int)
    model = LogisticRegressionCV(n_alphas=6, cv=2, **setting).fit(X, y)
    found, expected = training_measures(model), model.path_.evaluate(X, y)
    for name in {*found} & {*expected}:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-12)
    # What was weighted or smoothed is no measure of the rows.
    assert bool(found) is not bool(setting)
    plot_scores(model, expected, ax)
    labels = [line.get_label() for line in ax.lines]
    assert ("training rows" in labels) is not bool(setting)
