"""Information criteria with degrees of freedom that users bring: those of ridge, and GCV."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV

from sparsereg import enet_path, lasso_path, logistic_path, ridge_path

RNG = np.random.default_rng(0)
N = 60
X = RNG.standard_normal((N, 10))
Y = X @ RNG.standard_normal(10) + 3.0 * RNG.standard_normal(N)
RIDGE = ridge_path(X, Y, alphas=np.geomspace(100.0, 1e-3, 30))
DF = RIDGE.effective_df(X)


def test_aic_and_bic_of_ridge():
    likelihood = N * np.log(RIDGE.deviances)
    np.testing.assert_allclose(RIDGE.criterion("aic", effective_df=DF), likelihood + 2.0 * DF)
    np.testing.assert_allclose(RIDGE.criterion("bic", effective_df=DF), likelihood + np.log(N) * DF)
    # Of all columns there is one set.
    np.testing.assert_allclose(RIDGE.criterion("ebic", effective_df=DF), likelihood + np.log(N) * DF, rtol=1e-12)
    shares = logistic_path(X, Y > 0.0, l1_ratio=0.0, n_alphas=8)
    df = shares.effective_df(X)
    np.testing.assert_allclose(shares.criterion("aic", effective_df=df), N * shares.deviances + 2.0 * df)


@pytest.mark.parametrize("intercept", [True, False])
def test_gcv_by_hand_and_as_scikit_learn_chooses(intercept):
    path = ridge_path(X, Y, alphas=RIDGE.alphas, fit_intercept=intercept, tol=1e-12)
    df = path.effective_df(X)
    residual = Y[:, None] - path.predict(X)
    expected = np.mean(residual**2, axis=0) / (1.0 - (df + intercept) / N) ** 2
    np.testing.assert_allclose(path.criterion("gcv", effective_df=df), expected, rtol=1e-9)
    # Leave-one-out of scikit-learn chooses the same alpha here or its neighbour.
    theirs = RidgeCV(alphas=N * RIDGE.alphas, fit_intercept=intercept).fit(X, Y).alpha_ / N
    assert abs(int(np.argmin(expected)) - int(np.argmin(np.abs(path.alphas - theirs)))) <= 1


def test_effective_df_of_the_lasso_are_its_non_zeros():
    path = lasso_path(X, Y, n_alphas=10)
    for name in ("aic", "bic", "ebic", "gcv"):
        np.testing.assert_allclose(path.criterion(name, effective_df=path.effective_df(X)), path.criterion(name))
    net = enet_path(X, Y, n_alphas=10)
    assert (net.criterion("aic", effective_df=net.effective_df(X)) <= net.criterion("aic")).all()


def test_saturated_fits_are_no_candidates():
    values = RIDGE.criterion("gcv", effective_df=np.r_[DF[:-1], N - 1.0])
    assert np.isinf(values[-1])
    assert np.isfinite(values[:-1]).all()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (DF[:-1], ValueError, r"effective_df: shape \(29,\) is not allowed, expected \(30,\), one for each alpha"),
        (-DF, ValueError, r"effective_df: -.* is outside \[0, inf\)"),
        (np.full(30, np.nan), ValueError, r"effective_df: nan is outside \[0, inf\)"),
        (["a"] * 30, TypeError, "effective_df: dtype <U1 is not allowed, expected numbers"),
        (None, ValueError, "criterion: l1_ratio=0 is not allowed, expected .* zeros, or effective_df="),
    ],
)
def test_bad_input(given, error, message):
    with pytest.raises(error, match=message):
        RIDGE.criterion("aic", effective_df=given)
