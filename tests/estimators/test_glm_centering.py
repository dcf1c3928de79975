"""Columns far from zero, of ones, or too narrow, in estimators for one alpha."""

import numpy as np
import pytest

from sparsereg import (
    ConstantColumnWarning,
    Lasso,
    LinearSVC,
    Ridge,
)


@pytest.mark.parametrize("shift", [0.0, 1e6, 1e7, 5e7, 1e9])
def test_a_column_far_from_zero_has_the_coefficient_of_the_closed_form(shift):
    z = np.random.default_rng(0).normal(size=200)
    x = z + shift
    model = Lasso(alpha=0.01).fit(x[:, None], z)
    # Soft-thresholded least squares of one column, in more digits than float64 has.
    about, y = x.astype(np.longdouble) - x.astype(np.longdouble).mean(), z.astype(np.longdouble)
    expected = float(((about @ (y - y.mean())) / 200.0 - np.longdouble(0.01)) / ((about @ about) / 200.0))
    assert expected == pytest.approx(0.98918, abs=5e-6)
    assert model.coef_[0] == pytest.approx(expected, rel=1e-12)
    assert model.dual_gap_ <= 1e-6
    assert model.score(x[:, None], z) == pytest.approx(0.99988284, abs=1e-8)


@pytest.mark.parametrize("standardize", [True, False])
def test_a_column_of_ones_stands_in_for_the_intercept(standardize):
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=(200, 2)), np.ones(200)]
    y = X[:, 0] + 7.0
    model = Ridge(alpha=1e-6, fit_intercept=False, standardize=standardize).fit(X, y)
    np.testing.assert_allclose(model.coef_, [1.0, 0.0, 7.0], atol=2e-5)
    assert model.score(X, y) > 1.0 - 1e-9


def test_columns_too_narrow_for_float64_are_named_once_for_all_outputs():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((60, 3))
    X = np.c_[z[:, 0], 1e13 + z[:, 1], np.full(60, 5.0), 1e12 + z[:, 2]]
    with pytest.warns(ConstantColumnWarning) as caught:
        model = LinearSVC(alpha=0.01).fit(X, np.digitize(z[:, 0], [-0.5, 0.5]))
    assert [str(warning.message).partition(", vary")[0] for warning in caught] == [
        "X: 2 columns, the first of them 1"
    ]
    assert not model.coef_[:, 1:].any()


@pytest.mark.parametrize("shift", [1e6, 1e9])
def test_a_warm_start_far_from_zero_is_where_the_last_fit_was(shift):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((300, 4))
    y = z @ [1.0, -1.0, 0.5, 0.0] + 0.1 * rng.standard_normal(300)
    told = []
    model = Lasso(alpha=0.01, warm_start=True, tol=1e-6, callback=told.append).fit(z + shift, y)
    first = len(told)
    model.fit(z + shift, y)
    assert len(told) == first + 1
