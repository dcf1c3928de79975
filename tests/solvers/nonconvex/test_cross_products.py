"""Products of columns against dense ones, and L0 by way of them against L0 from the rows."""

from unittest import mock

import numpy as np
import pytest
from scipy import sparse
from support.solver_calls import prepare

from sparsereg import regularization_path
from sparsereg.solvers.nonconvex import cross_products
from sparsereg.solvers.nonconvex.cross_products import CrossProducts

DEFAULTS = {
    "sample_weight": None, "offset": None, "fit_intercept": True, "standardize": False, "positive": False,
    "bounds": None, "penalty_factor": None, "smallest_alpha": np.inf,
}


def random_data(kind, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((30, 7)) + 2.0
    X = X if kind == "dense" else sparse.csr_matrix(np.where(rng.random(X.shape) < 0.5, X, 0.0))
    return X, rng.standard_normal(30) + 3.0, rng.random(30) + 0.1


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_products_and_gradients_are_those_of_the_rows(kind, fit_intercept):
    X, y, weight = random_data(kind)
    settings = {**DEFAULTS, "sample_weight": weight, "fit_intercept": fit_intercept}
    problem = prepare(X, y, **settings, l1_ratio=1.0, penalty="l0")[1]
    products, s = CrossProducts(problem), weight / weight.sum()
    dense = X if kind == "dense" else X.toarray()
    dense, target = (dense - s @ dense, y - s @ y) if fit_intercept else (dense, y)
    gram = (dense.T * s) @ dense
    for chosen in ([2, 5], [5, 0, 2]):
        np.testing.assert_allclose(products.rows(np.array(chosen, dtype=np.int32)), gram[chosen], atol=1e-12)
    w = np.where(np.arange(7) % 3 == 1, 0.5, 0.0)
    gradient, rounding = products.gradient(w)
    np.testing.assert_allclose(gradient, (dense.T * s) @ (target - dense @ w), atol=1e-12)
    assert 0.0 < rounding <= 1e-12


@pytest.mark.parametrize("l1_ratio", [0.7, 1.0])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_paths_are_those_of_the_rows(kind, l1_ratio):
    X, y, weight = random_data(kind, seed=1)
    settings = {"penalty": "l0", "l1_ratio": l1_ratio, "n_alphas": 8, "sample_weight": weight, "tol": 1e-10}
    path = regularization_path(X, y, **settings)
    with mock.patch.object(CrossProducts, "suits", return_value=False):
        rows = regularization_path(X, y, **settings)
    np.testing.assert_allclose(path.objectives, rows.objectives, rtol=1e-9)
    assert path.violations.max() <= 1e-10


def test_gradients_that_rounding_spoils_are_taken_from_the_rows():
    X, y, _ = random_data("dense")
    X[:, 1] = X[:, 0] + 1e-6 * X[:, 1]
    with mock.patch.object(cross_products, "ROUNDING", np.inf):
        path = regularization_path(X, y, penalty="l0", n_alphas=5)
    rows = regularization_path(X, y, penalty="l0", n_alphas=5)
    np.testing.assert_allclose(path.objectives, rows.objectives, rtol=1e-9)


def test_many_columns_and_other_losses_do_without():
    X, y, _ = random_data("dense")
    problem = prepare(X, y, **DEFAULTS, l1_ratio=1.0, penalty="l0")[1]
    assert CrossProducts.suits(problem)
    with mock.patch.object(cross_products, "MAX_COLUMNS", 6):
        assert not CrossProducts.suits(problem)
    problem = prepare(X, (y > 3.0).astype(float), **DEFAULTS, l1_ratio=1.0, penalty="l0", loss="logistic")[1]
    assert not CrossProducts.suits(problem)
