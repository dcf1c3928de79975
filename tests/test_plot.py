"""Pictures: what is drawn is what was fitted."""

import subprocess
import sys

import numpy as np
import pytest

from sparsereg import Lasso, Ridge, enet_path, lasso_path, ridge_path
from sparsereg.plot import plot_contours, plot_history, plot_path, plot_weights

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


@pytest.fixture
def ax():
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    yield figure.subplots()
    figure.draw_without_rendering()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(80, 12))
    return X, X[:, :3] @ [3.0, -2.0, 1.0] + 0.1 * rng.normal(size=80)


@pytest.fixture(scope="module")
def path(data):
    return lasso_path(*data, n_alphas=30)


def test_every_coefficient_is_a_line(path, ax):
    assert plot_path(path, ax) is ax
    (lines,) = ax.collections
    drawn = np.stack(lines.get_segments())
    assert np.array_equal(drawn[0, :, 0], path.alphas)
    dense = path.coefs.toarray()
    by_size = dense[np.argsort(-np.abs(dense).max(axis=1), kind="stable")]
    assert np.array_equal(drawn[:, :, 1], by_size[: len(drawn)])
    assert ax.get_xscale() == "log"
    assert ax.get_ylabel() == "weight"


def test_largest_coefficients_only(path, ax):
    plot_path(path, ax, most=2)
    (lines,) = ax.collections
    drawn = np.stack(lines.get_segments())[:, :, 1]
    assert np.array_equal(np.abs(drawn).max(axis=1), np.sort(np.abs(path.coefs.toarray()).max(axis=1))[::-1][:2])
    assert f"largest 2 of {np.count_nonzero(path.coefs.getnnz(axis=1))}" in ax.get_ylabel()


def test_counts_on_top(path, ax):
    plot_path(path, ax)
    ax.figure.draw_without_rendering()
    (top,) = ax.child_axes
    labels = {tick.get_text() for tick in top.get_xticklabels()}
    assert str(path.df[0]) in labels
    assert str(path.df[-1]) in labels


def test_path_with_nothing_in_it(ax):
    path = lasso_path(np.eye(4), np.ones(4), n_alphas=3)
    assert plot_path(path, ax) is ax


def test_path_of_one_alpha(data, ax):
    assert plot_path(lasso_path(*data, alphas=[0.1]), ax) is ax


def test_method_of_the_path(path):
    import matplotlib.pyplot as plt

    try:
        assert len(path.plot(most=3).collections[0].get_segments()) == 3
    finally:
        plt.close("all")


def test_weights_and_exact_zeros(data, ax):
    lasso, ridge = Lasso(alpha=0.3).fit(*data), Ridge(alpha=0.3).fit(*data)
    plot_weights({"L1": lasso.sparse_coef_, "L2": ridge.coef_}, ax)
    n_zero = int(np.sum(lasso.coef_ == 0.0))
    assert n_zero > 0
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [f"L1: {12 - n_zero:,} weights, {n_zero:,} exactly zero", "L2: 12 weights, 0 exactly zero"]
    steps = [patch.get_data().values.sum() for patch in ax.patches]
    assert steps == [12 - n_zero, 12]
    (spike,) = (line for line in ax.lines if line.get_marker() == "o")
    assert spike.get_xydata().tolist() == [[0.0, n_zero]]
    assert ax.get_yscale() == "log"


def test_zeros_among_occupied_columns(path, ax):
    coef, _ = path.at(path.alphas[5])
    plot_weights({"L1": coef}, ax, n_active=1000)
    assert f"{1000 - coef.ids.size:,} exactly zero" in ax.get_legend().get_texts()[0].get_text()


def test_weights_that_are_all_zero(ax):
    plot_weights({"nothing": np.zeros(5)}, ax)
    assert ax.get_legend().get_texts()[0].get_text() == "nothing: 0 weights, 5 exactly zero"


@pytest.mark.parametrize("kind", [lasso_path, enet_path, ridge_path])
def test_ball_touches_the_fit(kind, data, ax):
    X, y = data[0][:, :2], data[1]
    path = kind(X, y, n_alphas=20)
    plot_contours(path, X, y, ax, alpha=path.alphas[12])
    fitted = path.coefs.toarray()[:, 12]
    (ball,) = (lines for lines in ax.collections if len(lines.levels) == 1)
    edge = np.concatenate([line.vertices for line in ball.get_paths()])
    grid_step = np.diff(ax.get_xlim())[0] / 200
    assert np.min(np.hypot(*(edge - fitted).T)) < 2 * grid_step
    drawn, free = ax.lines[0].get_xydata(), ax.lines[1].get_xydata()[0]
    assert np.array_equal(drawn, path.coefs.toarray().T)
    centred = X - X.mean(axis=0)
    assert np.allclose(centred.T @ (y - y.mean() - centred @ free), 0.0, atol=1e-9)


def test_contours_without_a_ball(data, ax):
    X, y = data[0][:, :2], data[1]
    path = lasso_path(X, y, n_alphas=20)
    plot_contours(path, X, y, ax, alpha=path.alphas[0])
    assert len(ax.collections) == 1


def test_contours_need_two_columns(data, path, ax):
    with pytest.raises(ValueError, match=r"two columns to draw contours over, got shape \(80, 12\)"):
        plot_contours(path, *data, ax, alpha=path.alphas[0])


def test_without_matplotlib(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for draw in (path.plot, lambda: plot_weights({"w": np.ones(2)})):
        with pytest.raises(ImportError, match=r"pip install 'sparsereg-wide\[plot\]'"):
            draw()


def test_matplotlib_is_imported_late():
    code = "import sys, sparsereg, sparsereg.plot, sparsereg.cli; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


def test_learning_curves_are_those_of_the_history(ax):
    rows, losses, counts = np.array([10, 20, 40]), np.array([0.7, 0.6, 0.5]), np.array([3, 30, 20])
    histories = {
        name: {"n_rows": rows, "progressive_loss": factor * losses, "n_nonzero": counts}
        for name, factor in (("a", 1.0), ("b", 2.0))
    }
    assert plot_history(histories, ax) is ax
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    for line, factor in zip(ax.get_lines(), (1.0, 2.0), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), rows)
        np.testing.assert_array_equal(line.get_ydata(), factor * losses)
    (right,) = (other for other in ax.figure.axes if other is not ax)
    assert all(np.array_equal(line.get_ydata(), counts) for line in right.get_lines())
