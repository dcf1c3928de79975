"""Grids of cross-validation: they go on while their smallest alpha is the best, or say that it is."""

import numpy as np
import pytest
from scipy import sparse

from sparsereg import (
    ElasticNetCV,
    Lasso,
    LassoCV,
    LogisticRegressionCV,
    PoissonRegressorCV,
    RidgeCV,
    regularization_path,
)
from sparsereg.model_selection.alpha_grid import make_grid
from sparsereg.model_selection.folds import make_folds

N, N_CELLS = 600, 40
RNG = np.random.default_rng(0)
CELL, DENSE = RNG.integers(0, N_CELLS, N), RNG.standard_normal((N, 2))
# Two dense columns set the largest alpha, and cells need 1e-4 of it.
X = sparse.csr_array(np.c_[DENSE, np.eye(N_CELLS)[CELL]])
Y = 30.0 * DENSE[:, 0] + 10.0 * DENSE[:, 1] + 2.0 * RNG.standard_normal(N_CELLS)[CELL] + RNG.standard_normal(N)
LABELS, COUNTS = (Y > 0.0).astype(int), RNG.poisson(np.exp(0.02 * Y + 0.3 * np.sin(CELL)))

REGRESSORS = {LassoCV: (1.0, 1e-3, 1e-6), ElasticNetCV: (0.5, 1e-3, 1e-6), RidgeCV: (0.0, 1e-6, 1e-9)}


@pytest.mark.parametrize("kind", REGRESSORS, ids=lambda kind: kind.__name__)
def test_a_grid_goes_on_while_its_smallest_alpha_is_the_best(kind):
    l1_ratio, usual, least = REGRESSORS[kind]
    model = kind(n_alphas=20).fit(X, Y)
    n_alphas = model.alphas_.size
    np.testing.assert_allclose(model.alphas_, model.alphas_[0] * usual ** (np.arange(n_alphas) / 19), rtol=1e-12)
    assert n_alphas > 20
    assert model.alphas_[-1] >= least * model.alphas_[0]
    # The best is inside, and what lies above the usual end is what a grid that ends there gives.
    mean = model.cv_results_["mean_mse"]
    assert 19 < model.best_index_ == np.argmin(mean) < n_alphas - 1
    with pytest.warns(UserWarning, match="eps: the best alpha of the grid is its smallest"):
        short = kind(n_alphas=20, eps=usual).fit(X, Y)
    assert short.best_index_ == 19
    np.testing.assert_array_equal(short.cv_results_["fold_mse"], model.cv_results_["fold_mse"][:20])
    np.testing.assert_array_equal(short.path_.coefs.toarray(), model.path_.coefs.toarray()[:, :20])
    assert mean[model.best_index_] < mean[19]
    # Fits further down are as exact as those before.
    assert model.path_.dual_gaps.max() <= 1e-8
    folds = make_folds(5, X, Y, None, N)
    for k, fold in enumerate(folds):
        train, test = fold.train_weight(None, N) > 0.0, fold.test_weight(None, N) > 0.0
        path = regularization_path(X[train], Y[train], l1_ratio=l1_ratio, alphas=model.alphas_, tol=1e-10)
        expected = path.evaluate(X[test], Y[test])["mse"]
        np.testing.assert_allclose(model.cv_results_["fold_mse"][:, k], expected, rtol=1e-3)


def small_cells(size):
    """One dense column is fitted long before the cells, which are much smaller, come in."""
    rng = np.random.default_rng(1)
    cell, dense = rng.integers(0, 60, 400), rng.standard_normal(400)
    y = 5.0 * dense + rng.standard_normal(60)[cell] + rng.standard_normal(400)
    return np.c_[dense, size * np.eye(60)[cell]], y


def test_a_grid_goes_on_where_the_loss_stops_falling_for_a_while():
    columns, y = small_cells(3e-2)
    model = LassoCV(cv=5, n_alphas=20).fit(columns, y)
    # At the usual end the dense column alone is in, whose R2 is 0.92 at best.
    assert model.path_.df[19] == 1
    assert 20 < model.best_index_ < model.alphas_.size - 1
    assert model.score(columns, y) > 0.95


def test_the_end_of_an_automatic_grid_is_told_of():
    columns, y = small_cells(1e-5)
    with pytest.warns(UserWarning, match=r"alphas: the best .* smallest, .* ends at 1e-06 of its largest: .*standard"):
        model = LassoCV(cv=5, n_alphas=20).fit(columns, y)
    assert model.best_index_ == model.alphas_.size - 1
    assert LassoCV(cv=5, n_alphas=20, standardize=True).fit(columns, y).score(columns, y) > 0.95


def test_how_a_grid_goes_on_does_not_depend_on_threads():
    one, two = (LassoCV(n_alphas=10, cv=4, n_jobs=n_jobs).fit(X, Y) for n_jobs in (1, 2))
    assert one.alphas_.size > 10
    np.testing.assert_array_equal(one.alphas_, two.alphas_)
    np.testing.assert_array_equal(one.cv_results_["fold_mse"], two.cv_results_["fold_mse"])
    np.testing.assert_array_equal(one.coef_, two.coef_)


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (LogisticRegressionCV(n_alphas=12, l1_ratio=0.5, cv=3), LABELS),
        (LogisticRegressionCV(n_alphas=5, l1_ratio=0.01, cv=3, scoring="auc"), np.digitize(Y, [-10.0, 10.0])),
        (PoissonRegressorCV(n_alphas=5, l1_ratio=0.001, cv=3), COUNTS),
        (LassoCV(n_alphas=12, relax=True, cv=3), Y),
        (LassoCV(n_alphas=12, penalty="scad", gamma=300.0, cv=3), Y),
    ],
    ids=["logistic", "three classes", "poisson", "relaxed", "scad"],
)
def test_every_kind_of_model_goes_on(model, y):
    model.fit(X, y)
    assert model.alphas_.size > model.n_alphas
    np.testing.assert_allclose(np.diff(np.log(model.alphas_)), np.log(1e-3) / (model.n_alphas - 1), rtol=1e-9)
    path = model.path_
    assert path.alphas.size == path.df.size == path.sparse_coef.n_columns // path.n_outputs == model.alphas_.size
    predicted = model.predict_proba(X) if path.classes is not None else model.predict(X)
    predicted = predicted[:, 1] if path.classes is not None and path.n_outputs == 1 else predicted
    np.testing.assert_allclose(path.predict(X, model.alpha_), predicted, atol=1e-9)
    assert path.alphas[model.best_index_] == model.alpha_


def test_each_l1_ratio_has_a_grid_of_its_own():
    model = ElasticNetCV(l1_ratio=[0.1, 0.9], n_alphas=20).fit(X, Y)
    lengths = []
    for row, errors, l1_ratio in zip(model.alphas_, model.mse_path_, (0.1, 0.9), strict=True):
        alone = ElasticNetCV(l1_ratio=l1_ratio, n_alphas=20).fit(X, Y)
        n_alphas = alone.alphas_.size
        np.testing.assert_array_equal(row[:n_alphas], alone.alphas_)
        np.testing.assert_array_equal(errors[:n_alphas], alone.mse_path_)
        assert np.isnan(row[n_alphas:]).all()
        assert np.isnan(errors[n_alphas:]).all()
        part = model.cv_results_["l1_ratio"] == l1_ratio
        np.testing.assert_array_equal(model.cv_results_["alpha"][part], alone.alphas_)
        lengths.append(n_alphas)
    assert lengths[0] != lengths[1]
    assert model.alphas_.shape == (2, max(lengths))
    assert model.alpha_ == model.cv_results_["alpha"][model.best_index_] == model.path_.alphas[
        model.best_index_ - (model.l1_ratio_ == 0.9) * lengths[0]
    ]


def test_where_a_grid_stops():
    rng = np.random.default_rng(1)
    few = rng.standard_normal((200, 3))
    # Least squares is best, and the loss has all but reached it at the end of the grid.
    model = LassoCV(cv=5).fit(few, few @ [1.0, 2.0, 3.0] + 0.1 * rng.standard_normal(200))
    assert model.best_index_ == model.alphas_.size - 1
    assert 100 < model.alphas_.size < 150
    # No noise: nothing is left of the deviance.
    assert LassoCV(cv=5).fit(few, few @ [1.0, 2.0, 3.0]).path_.dev_ratio[-1] > 1.0 - 1e-6
    # As many non-zeros as rows.
    wide = rng.standard_normal((30, 200)) * np.r_[100.0, np.ones(199)]
    model = LassoCV(cv=3, n_alphas=30).fit(wide, 0.1 * wide[:, 0] + wide[:, 1:].sum(axis=1))
    assert model.path_.df[-1] <= 30
    # A millionth of the largest alpha, or where pure L2 begins, a billionth.
    assert make_grid(None, 11, None, 1e-3).further(np.array([5.0]), 1.0).size == 1
    alphas = 5.0 * 1e-3 ** (np.arange(20) / 10)
    assert make_grid(None, 11, None, 1e-3).further(alphas, 1.0) == pytest.approx([5e-6])
    assert make_grid(None, 11, None, 1e-3).further(np.r_[alphas, 5e-6], 1.0).size == 0
    assert make_grid(None, 11, None, 1e-3).further(np.r_[alphas, 5e-6], 0.0).size == 1


def test_grids_of_ones_own_are_kept():
    with pytest.warns(UserWarning, match=r"alphas: the best alpha of the grid is its smallest, 1, .* Give smaller"):
        model = LassoCV(alphas=[1.0, 10.0, 3.0]).fit(X, Y)
    assert model.alphas_.tolist() == [10.0, 3.0, 1.0]
    # Nothing is wrong with one that has its best inside, holds one alpha, ends at 0, or where the loss is at its least.
    for alphas in ([1.0, 1e-3, 1e-6], [1.0], [1.0, 0.0], [1.0, 1e-5, 1e-7, 1e-8]):
        LassoCV(alphas=alphas).fit(X, Y)
    with pytest.raises(ValueError, match=r"alphas: 0\.5 at position 2 follows 0\.5 at position 0, expected each once"):
        LassoCV(alphas=[0.5, 1.0, 0.5]).fit(X, Y)


def test_a_number_of_alphas():
    for number in (7, np.int64(7)):
        model, expected = LassoCV(alphas=number, cv=3).fit(X, Y), LassoCV(n_alphas=7, cv=3).fit(X, Y)
        np.testing.assert_array_equal(model.alphas_, expected.alphas_)
        np.testing.assert_array_equal(model.coef_, expected.coef_)
    assert regularization_path(X, Y, alphas=7).alphas.size == 7
    for bad, error, message in (
        (0, ValueError, r"alphas: 0 is outside \[1, inf\)"), (True, ValueError, "alphas: shape"),
        (7.0, ValueError, r"alphas: shape \(\) is not allowed, expected .*, or a whole number of alphas"),
    ):
        with pytest.raises(error, match=message):
            LassoCV(alphas=bad).fit(X, Y)


def test_rising_grids_are_turned_round():
    down, up = (regularization_path(X, Y, alphas=alphas) for alphas in ([1.0, 0.5, 0.1], [0.1, 1.0, 0.5]))
    np.testing.assert_array_equal(up.alphas, [1.0, 0.5, 0.1])
    np.testing.assert_array_equal(up.coefs.toarray(), down.coefs.toarray())


def test_threads_as_joblib_counts_them():
    expected = LassoCV(n_alphas=5, cv=3).fit(X, Y).coef_
    for n_jobs in (-1, -2, -1000):
        np.testing.assert_array_equal(LassoCV(n_alphas=5, cv=3, n_jobs=n_jobs).fit(X, Y).coef_, expected)
    Lasso(0.1, n_threads=-2).fit(X, Y)
    with pytest.raises(ValueError, match=r"n_jobs: 0 is outside \[1, \d+\]; negative numbers leave threads free"):
        LassoCV(n_jobs=0).fit(X, Y)


def test_the_mse_path_of_scikit_learn():
    model = LassoCV(n_alphas=6, cv=3)
    assert not hasattr(model, "mse_path_")
    model.fit(X, Y)
    np.testing.assert_array_equal(model.mse_path_, model.cv_results_["fold_mse"])
    assert not hasattr(model.set_params(scoring=["r2"]).fit(X, Y), "mse_path_")
    linear_model = pytest.importorskip("sklearn.linear_model")
    settings = {"l1_ratio": [0.3, 1.0], "alphas": [3.0, 1e-2, 1e-6], "cv": 3, "tol": 1e-8}
    both = ElasticNetCV(**settings).fit(X[:, :20], Y)
    theirs = linear_model.ElasticNetCV(**settings).fit(X[:, :20].toarray(), Y)
    np.testing.assert_allclose(both.mse_path_, theirs.mse_path_, rtol=1e-4)
