"""Axes that are drawn on once a test has ended, data and a path of them."""

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from sparsereg import lasso_path

matplotlib.use("Agg")


@pytest.fixture
def ax():
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
