"""The ball of the penalty touches the contour of the loss through the fit."""


import numpy as np
import pytest

from sparsereg import enet_path, lasso_path, ridge_path
from sparsereg.plot import plot_contours


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
