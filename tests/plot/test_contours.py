"""The ball of the penalty touches the contour of the loss through the fit; landscapes are lowest there."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from sparsereg import enet_path, lasso_path, logistic_path, regularization_path, ridge_path
from sparsereg.plot import plot_contours, plot_geometry


@pytest.fixture(scope="module")
def two(data):
    return data[0][:, :2], data[1]


def contours_with(ax, n_levels):
    return [lines for lines in ax.collections if hasattr(lines, "levels") and len(lines.levels) == n_levels]


@pytest.mark.parametrize("kind", [lasso_path, enet_path, ridge_path])
@pytest.mark.parametrize("standardize", [False, True])
def test_ball_and_contour_touch_at_the_fit(kind, standardize, two, ax):
    X, y = two[0] * [1.0, 3.0], two[1]
    path = kind(X, y, n_alphas=20, standardize=standardize)
    plot_contours(path, X, y, ax, alpha=path.alphas[12])
    fitted = path.coefs.toarray()[:, 12]
    loss, ball = contours_with(ax, 1)
    grid_step = np.diff(ax.get_xlim())[0] / 300
    for drawn in (loss, ball):
        edge = np.concatenate([line.vertices for line in drawn.get_paths()])
        assert np.min(np.hypot(*(edge - fitted).T)) < 2 * grid_step
    # They touch and do not cross: no point of the ball has less loss.
    centred = X - X.mean(axis=0)
    inside = np.concatenate([line.vertices for line in ball.get_paths()])
    losses = 0.5 * np.mean((y - y.mean() - inside @ centred.T) ** 2, axis=1)
    assert losses.min() > loss.levels[0] * (1 - 1e-3)
    assert loss.levels[0] == pytest.approx(0.5 * np.mean((y - y.mean() - centred @ fitted) ** 2))


def test_path_and_the_least_loss(two, ax):
    X, y = two
    path = lasso_path(X, y, n_alphas=20)
    plot_contours(path, X, y, ax, alpha=path.alphas[12])
    by_label = {line.get_label(): line.get_xydata() for line in ax.lines}
    assert np.array_equal(by_label["path"], path.coefs.toarray().T)
    (free,), centred = by_label["least loss, without penalty"], X - X.mean(axis=0)
    assert np.allclose(centred.T @ (y - y.mean() - centred @ free), 0.0, atol=1e-9)
    legend = ax.get_legend().get_window_extent()
    assert legend.y1 <= ax.bbox.y0


def test_contours_without_a_ball(two, ax):
    path = lasso_path(*two, n_alphas=20)
    plot_contours(path, *two, ax, alpha=path.alphas[0])
    assert len(contours_with(ax, 1)) == 1  # that of the loss


@pytest.mark.parametrize("kind", [lasso_path, enet_path, ridge_path])
def test_objective_is_lowest_at_the_fit(kind, two, ax):
    path = kind(*two, n_alphas=20)
    plot_contours(path, *two, ax, alpha=path.alphas[8], view="objective")
    lowest = next(lines for lines in ax.collections if hasattr(lines, "levels") and not lines.filled)
    around = lowest.get_paths()[0].vertices
    fitted = path.coefs.toarray()[:, 8]
    assert (around.min(axis=0) < fitted).all() and (fitted < around.max(axis=0)).all()


def test_penalties_side_by_side(two):
    paths = {"L1": lasso_path(*two), "L2": ridge_path(*two)}
    axes = Figure(layout="constrained").subplots(2, 3)
    shown = plot_geometry(paths, *two, axes, alphas={name: path.alphas[20] for name, path in paths.items()})
    assert shown.shape == (2, 3)
    assert [ax.get_title() for ax in shown.ravel()[1:]] == ["L1", "L2", "loss alone", "loss + alpha × L1",
                                                            "loss + alpha × L2"]
    assert len({(*ax.get_xlim(), *ax.get_ylim()) for ax in shown.ravel()[1:]}) == 1
    # The loss alone knows nothing of a path or a fit.
    alone = [line for line in shown[1, 0].lines if not str(line.get_label()).startswith("_")]
    assert [line.get_label() for line in alone] == ["least loss, without penalty"]
    axes[0, 0].figure.draw_without_rendering()


def test_bad_contours(two, data, path, ax):
    X, y = two
    ours = lasso_path(X, y, n_alphas=5)
    with pytest.raises(ValueError, match=r"two columns to draw contours over, got shape \(80, 12\)"):
        plot_contours(path, *data, ax, alpha=path.alphas[0])
    with pytest.raises(ValueError, match="view: 'above' is not allowed"):
        plot_contours(ours, X, y, ax, alpha=ours.alphas[2], view="above")
    with pytest.raises(ValueError, match=r"y: shape \(79,\) is not allowed, expected \(80,\)"):
        plot_contours(ours, X, y[1:], ax, alpha=ours.alphas[2])
    for other in (logistic_path(X, y > 0), regularization_path(X, y, penalty="mcp"), lasso_path(X, y, relax=True)):
        with pytest.raises(ValueError, match="expected squared loss, 'elastic_net' and 2 columns"):
            plot_contours(other, X, y, ax, alpha=other.alphas[2])
    with pytest.raises(ValueError, match="alphas: those of"):
        plot_geometry({"L1": ours}, X, y, alphas={})
    with pytest.raises(ValueError, match=r"axes: shape \(1,\) is not allowed, expected \(2, 2\)"):
        plot_geometry({"L1": ours}, X, y, [ax], alphas={"L1": ours.alphas[2]})
