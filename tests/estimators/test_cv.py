"""Cross-validated models: folds are subsets, rules and scores are what they say, and scikit-learn is at home."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from support.wide_matrices import CROSS_WIDTH, lat_long_cross

import sparsereg
from sparsereg import (
    ConvergenceWarning,
    ElasticNetCV,
    LassoCV,
    LogisticRegressionCV,
    PoissonRegressorCV,
    RidgeCV,
    metrics,
    regularization_path,
)
from sparsereg.solvers import ridge_direct, weighted_gram

CLASSES = {
    "squared": (LassoCV, ElasticNetCV, RidgeCV), "poisson": (PoissonRegressorCV,), "logistic": (LogisticRegressionCV,),
}
EVERY = [(loss, kind) for loss, kinds in CLASSES.items() for kind in kinds]
every_model = pytest.mark.parametrize(("loss", "kind"), EVERY, ids=[kind.__name__ for _, kind in EVERY])


def data(loss, seed=0, n=120, p=12, repeats=True):
    """Return rows, some of them equal, and a target."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.6)
    if repeats:
        X = X[rng.integers(0, n // 3, n)]
    t = X[:, :4] @ np.array([1.0, -1.0, 0.5, 0.3]) + 0.2
    if loss == "squared":
        return X, t + rng.standard_normal(n)
    if loss == "poisson":
        return X, rng.poisson(np.exp(0.5 * t)).astype(float)
    return X, (rng.random(n) < 1.0 / (1.0 + np.exp(-t))).astype(float)


def parts(fold, n):
    """Return the two parts of a fold as masks."""
    return fold.train_weight(None, n) > 0.0, fold.test_weight(None, n) > 0.0


def eps_of(kind):
    """Return an end of the grid below the best alpha: that of pure L2 starts a thousand times higher."""
    return 1e-6 if kind is RidgeCV else 1e-2


def l1_ratio_of(kind):
    return {LassoCV: 1.0, RidgeCV: 0.0, ElasticNetCV: 0.5}.get(kind, 1.0)


@every_model
@pytest.mark.parametrize("weighted", [True, False])
def test_scores_are_those_of_fits_to_subsets(loss, kind, weighted):
    X, y = data(loss)
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 3, y.size).astype(float) if weighted else None
    offset = 0.3 * rng.standard_normal(y.size) if weighted else None
    model = kind(n_alphas=8, eps=eps_of(kind), cv=3, tol=1e-10).fit(sparse.csr_array(X), y, weight, offset)
    folds = sparsereg.model_selection.folds.make_folds(
        3, X, y, weight, y.size, labels=y if loss == "logistic" else None
    )
    results, names = model.cv_results_, metrics.METRICS[loss][:4]
    for k, fold in enumerate(folds):
        train, test = parts(fold, y.size)
        w = np.ones(y.size) if weight is None else weight
        o = np.zeros(y.size) if offset is None else offset
        path = regularization_path(
            X[train], y[train], loss=loss, l1_ratio=l1_ratio_of(kind), alphas=model.alphas_, sample_weight=w[train],
            offset=o[train] if weighted else None, tol=1e-10,
        )
        expected = path.evaluate(X[test], y[test], w[test], o[test])
        for name in names:
            found = results[f"fold_{name}"][:, k]
            np.testing.assert_allclose(found, expected[name], rtol=1e-4, atol=1e-4, err_msg=name)


@every_model
def test_what_a_fit_leaves_behind(loss, kind):
    X, y = data(loss)
    model = kind(n_alphas=12, eps=eps_of(kind), cv=4).fit(X, y)
    k = model.best_index_
    assert model.alpha_ == model.alphas_[k] == model.cv_results_["alpha"][k]
    assert model.l1_ratio_ == l1_ratio_of(kind)
    coef, intercept = model.path_.at(model.alpha_)
    np.testing.assert_array_equal(np.ravel(model.coef_), coef.to_csr().toarray().ravel())
    assert np.ravel(model.intercept_)[0] == intercept
    assert model.dual_gap_ == model.path_.dual_gaps[k] <= 1e-6
    assert model.objective_ == model.path_.objectives[k]
    assert model.n_iter_ == model.path_.n_iters[k]
    assert (model.n_features_in_, model.n_active_) == (12, 12)
    assert np.isfinite(model.score(X, y))
    first = metrics.METRICS[loss][0]
    assert k == np.argmin(model.cv_results_[f"mean_{first}"])
    plain = getattr(sparsereg, kind.__name__.removesuffix("CV"))(alpha=model.alpha_).fit(X, y)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-2 * np.abs(plain.coef_).max())


@every_model
def test_threads_change_nothing(loss, kind):
    X, y = data(loss)
    one, two = (kind(n_alphas=10, eps=eps_of(kind), cv=4, n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2))
    assert one.cv_results_.keys() == two.cv_results_.keys()
    for name, values in one.cv_results_.items():
        np.testing.assert_array_equal(values, two.cv_results_[name], err_msg=name)
    np.testing.assert_array_equal(one.coef_, two.coef_)


def test_means_and_standard_errors():
    """Folds of unequal size count by their weight; the standard error is glmnet's."""
    X, y = data("squared", n=50)
    weight = np.random.default_rng(0).random(50)
    model = LassoCV(cv=[(np.arange(10, 50), np.arange(10)), (np.arange(30), np.arange(30, 50))], n_alphas=5)
    results = model.fit(X, y, weight).cv_results_
    share = np.array([weight[:10].sum(), weight[30:].sum()])
    folds = results["fold_mse"]
    mean = folds @ share / share.sum()
    np.testing.assert_allclose(results["mean_mse"], mean)
    spread = (folds - mean[:, None]) ** 2 @ share / share.sum()
    np.testing.assert_allclose(results["std_mse"], np.sqrt(spread))
    np.testing.assert_allclose(results["se_mse"], np.sqrt(spread / 1.0))


def test_rules():
    table = {
        "mean_mse": np.array([5.0, 3.1, 3.0, 3.5, 2.9, 2.95]), "se_mse": np.full(6, 0.15),
        "l1_ratio": np.array([0.5, 0.5, 0.5, 1.0, 1.0, 1.0]),
    }
    choose = sparsereg.model_selection.cross_validation.choose
    assert choose(table, "mse", "min", False) == 4
    assert choose(table, "mse", "1se", False) == 4  # 3.5 is too far, and the first three have another l1_ratio
    table["se_mse"][4] = 0.6
    assert choose(table, "mse", "1se", False) == 3
    assert choose(table, "mse", "min", True) == 0
    table["mean_mse"][4] = np.nan
    assert choose(table, "mse", "min", False) == 5
    with pytest.raises(ValueError, match="scoring: 'mse' is undefined"):
        choose({**table, "mean_mse": np.full(6, np.nan)}, "mse", "min", False)
    X, y = data("squared")
    best, sparser = (LassoCV(rule=rule).fit(X, y) for rule in ("min", "1se"))
    assert sparser.alpha_ > best.alpha_
    results, k = best.cv_results_, best.best_index_
    limit = results["mean_mse"][k] + results["se_mse"][k]
    assert results["mean_mse"][sparser.best_index_] <= limit < results["mean_mse"][sparser.best_index_ - 1]


def test_several_l1_ratios():
    X, y = data("squared")
    model = ElasticNetCV(l1_ratio=[0.2, 1.0], n_alphas=6, cv=3).fit(X, y)
    assert model.alphas_.shape == (2, 6)
    assert model.l1_ratio_ in (0.2, 1.0)
    assert model.path_.l1_ratio == model.l1_ratio_
    for row, l1_ratio in zip(model.alphas_, (0.2, 1.0)):
        alone = ElasticNetCV(l1_ratio=l1_ratio, n_alphas=6, cv=3).fit(X, y)
        np.testing.assert_array_equal(alone.alphas_, row)
        part = model.cv_results_["l1_ratio"] == l1_ratio
        np.testing.assert_array_equal(alone.cv_results_["fold_mse"], model.cv_results_["fold_mse"][part])


def test_a_grid_of_ones_own():
    X, y = data("squared")
    with pytest.warns(UserWarning, match=r"alphas: the best alpha of the grid is its smallest, 0\.01, .* Give smaller"):
        model = RidgeCV(alphas=(0.1, 1.0, 0.01)).fit(X, y)
    assert model.alphas_.tolist() == [1.0, 0.1, 0.01]


def test_names_of_metrics_and_scorers():
    X, y = data("logistic")
    model = LogisticRegressionCV(n_alphas=8, cv=3)
    by_name = model.set_params(scoring="auc").fit(X, y)
    assert by_name.best_index_ == np.argmax(by_name.cv_results_["mean_auc"])
    assert {"mean_log_loss", "mean_calibration_error"} <= by_name.cv_results_.keys()
    several = model.set_params(scoring=["accuracy", "auc"]).fit(X, y).cv_results_
    assert {name for name in several if name.startswith("mean_")} == {"mean_accuracy", "mean_auc"}
    pytest.importorskip("sklearn.metrics")
    np.testing.assert_allclose(
        model.set_params(scoring="roc_auc").fit(X, y).cv_results_["fold_roc_auc"], several["fold_auc"]
    )
    weight = np.random.default_rng(0).random(y.size)
    ours = model.set_params(scoring="accuracy").fit(X, y, weight).cv_results_
    theirs = model.set_params(scoring=lambda m, X, y, sample_weight: m.score(X, y, sample_weight)).fit(X, y, weight)
    np.testing.assert_allclose(theirs.cv_results_["fold_score"], ours["fold_accuracy"])


def test_scorers_see_the_callers_kind_of_rows():
    pd = pytest.importorskip("pandas")
    X, y = data("squared")
    frame = pd.DataFrame(X, columns=[f"x{k}" for k in range(12)])
    seen = []

    def scorer(model, X, y):
        seen.append((type(X), len(y)))
        return -np.mean((model.predict(X) - y) ** 2)

    model = LassoCV(n_alphas=4, cv=3, scoring=scorer).fit(frame, pd.Series(y))
    np.testing.assert_allclose(model.cv_results_["fold_score"], -model.cv_results_["fold_mse"])
    assert set(seen) == {(pd.DataFrame, 40)}
    assert model.feature_names_in_.tolist() == frame.columns.tolist()
    LassoCV(n_alphas=4, cv=3, scoring="neg_mean_squared_error").fit(sparse.csr_array(X), y)


def test_groups_stay_together():
    selection = pytest.importorskip("sklearn.model_selection")
    X, y = data("squared")
    groups = np.arange(120) % 4
    splitter = selection.GroupKFold(4)
    model = LassoCV(n_alphas=5, cv=splitter).fit(X, y, groups=groups)
    again = LassoCV(n_alphas=5, cv=list(splitter.split(X, y, groups))).fit(X, y)
    np.testing.assert_array_equal(model.cv_results_["fold_mse"], again.cv_results_["fold_mse"])


def test_folds_have_their_share_of_each_label():
    """Sorted labels would leave consecutive folds with one class."""
    X, y = data("logistic")
    order = np.argsort(y)
    labels = np.where(y == 1.0, "b", "a")[order]
    model = LogisticRegressionCV(n_alphas=4, cv=3, scoring="auc").fit(X[order], labels)
    assert np.isfinite(model.cv_results_["fold_auc"]).all()
    assert model.classes_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match=r"cv: the train part of fold \d cannot be fitted, because a class"):
        LogisticRegressionCV(n_alphas=4, cv=[(order[:30], order[30:]), (order[60:], order[:60])]).fit(X, y)


def test_smoothing_and_class_weights_are_for_the_fits_alone():
    X, y = data("logistic")
    soft = LogisticRegressionCV(n_alphas=5, cv=3, tol=1e-9, label_smoothing=0.2, class_weight={0.0: 3.0}).fit(X, y)
    target, weight = 0.8 * y + 0.1, np.where(y == 0.0, 3.0, 1.0)
    folds = sparsereg.model_selection.folds.make_folds(3, X, y, None, y.size, labels=y)
    for k, fold in enumerate(folds):
        train, test = parts(fold, y.size)
        path = regularization_path(
            X[train], target[train], loss="logistic", alphas=soft.alphas_, sample_weight=weight[train],
            tol=1e-9,
        )
        expected = path.evaluate(X[test], y[test])["log_loss"]
        np.testing.assert_allclose(soft.cv_results_["fold_log_loss"][:, k], expected, rtol=1e-3)


@every_model
def test_a_callback_is_told_of_every_fit(loss, kind):
    X, y = data(loss)
    told = []
    model = kind(n_alphas=5, cv=3, n_jobs=2, callback=told.append).fit(X, y)
    n_alphas = model.alphas_.size
    assert sorted((one.fold, one.position) for one in told) == [(f, k) for f in range(-1, 3) for k in range(n_alphas)]
    for one in told:
        assert one.alpha == model.alphas_[one.position]
        # A grid that goes on is told of as it grows.
        assert (one.n_folds, one.n_alphas) == (3, max(5, one.position + 1))
        for name, value in one.scores.items():
            assert value == model.cv_results_[f"fold_{name}"][one.position, one.fold]


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("when", [-1, 0, 1])
def test_an_interrupt_leaves_the_estimator_unfitted(n_jobs, when):
    X, y = data("squared")

    def interrupt(progress):
        if progress.fold == when and progress.position == 2:
            raise KeyboardInterrupt

    model = LassoCV(n_alphas=5, cv=3, n_jobs=n_jobs, callback=interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert [name for name in vars(model) if name.endswith("_")] == []
    assert not model.__sklearn_is_fitted__()
    before = LassoCV(n_alphas=4, cv=3).fit(X, y)
    coef = before.coef_
    with pytest.raises(KeyboardInterrupt):
        before.set_params(callback=interrupt, n_alphas=5, n_jobs=n_jobs).fit(X, y)
    np.testing.assert_array_equal(before.coef_, coef)
    assert before.alphas_.size == 4


def test_relaxed_models_judge_relaxed_fits():
    X, y = data("squared")
    model = LassoCV(n_alphas=10, eps=1e-2, cv=3, relax=True).fit(X, y)
    assert model.path_.relaxed
    support = np.flatnonzero(model.coef_)
    design = np.c_[X[:, support], np.ones(y.size)]
    np.testing.assert_allclose(np.r_[model.coef_[support], model.intercept_], np.linalg.lstsq(design, y)[0], atol=1e-5)
    for k, fold in enumerate(sparsereg.model_selection.folds.make_folds(3, X, y, None, y.size)):
        train, test = parts(fold, y.size)
        path = regularization_path(X[train], y[train], alphas=model.alphas_, relax=True)
        expected = path.evaluate(X[test], y[test])["mse"]
        assert np.median(np.abs(model.cv_results_["fold_mse"][:, k] - expected) / expected) < 1e-4


@pytest.mark.parametrize("penalty", ["mcp", "scad", "l0"])
def test_penalties_that_are_not_convex(penalty):
    X, y = data("squared", n=300, repeats=False)
    settings = {"penalty": penalty, "gamma": None if penalty == "l0" else 8.0}
    model = LassoCV(n_alphas=6, eps=0.002 if penalty == "l0" else 0.05, cv=3, **settings).fit(X, y)
    assert (model.path_.penalty, model.path_.alphas.size) == (penalty, 6)
    assert np.isnan(model.dual_gap_)
    for k, fold in enumerate(sparsereg.model_selection.folds.make_folds(3, X, y, None, 300)):
        train, test = parts(fold, 300)
        path = regularization_path(X[train], y[train], alphas=model.alphas_, **settings)
        expected = path.evaluate(X[test], y[test])["mse"]
        np.testing.assert_allclose(model.cv_results_["fold_mse"][:, k], expected, rtol=1e-3)
    with pytest.raises(ValueError, match=r"gamma: 0\.5 is outside"):
        LassoCV(penalty="mcp", gamma=0.5).fit(X, y)


def test_a_wide_cross():
    X = lat_long_cross(3000, n_places=20)
    y = np.sin(np.asarray(X[:, :500].sum(axis=1)).ravel()) + np.random.default_rng(0).standard_normal(3000)
    # With L1 alone main effects and cells may share in several ways, which unseen cells tell apart.
    model = ElasticNetCV(l1_ratio=0.9, n_alphas=20, cv=3, tol=1e-9).fit(X, y)
    assert model.sparse_coef_.shape == (1, CROSS_WIDTH)
    assert model.predict(X[:5]).shape == (5,)
    for k, fold in enumerate(sparsereg.model_selection.folds.make_folds(3, X, y, None, 3000)):
        train, test = parts(fold, 3000)
        path = regularization_path(X[train], y[train], l1_ratio=0.9, alphas=model.alphas_, tol=1e-9)
        expected = path.evaluate(X[test], y[test])["mse"]
        np.testing.assert_allclose(model.cv_results_["fold_mse"][:, k], expected, rtol=1e-3)


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        ({"rule": "best"}, ValueError, r"rule: 'best' is not allowed, expected one of \['1se', 'min'\]"),
        ({"scoring": "f2"}, ValueError, r"scoring: 'f2' is not allowed, expected None, one or several names"),
        ({"scoring": ["mse", "auc"]}, ValueError, "scoring: "),
        ({"relax": 1}, TypeError, "relax: 1 is not allowed"),
        ({"n_jobs": 0}, ValueError, r"n_jobs: 0 is outside \[1, "),
        ({"callback": 3}, TypeError, "callback: 3 is not callable"),
        ({"alphas": [1.0, -1.0]}, ValueError, "alphas: -1.0 at position 1"),
        ({"cv": 0}, ValueError, "cv: 0 folds are not allowed"),
        ({"tol": -1.0}, ValueError, "tol: -1.0 is outside"),
    ],
)
def test_bad_settings(setting, error, message):
    X, y = data("squared")
    with pytest.raises(error, match=message):
        LassoCV(**setting).fit(X, y)


def test_bad_l1_ratios_and_offsets():
    X, y = data("squared")
    with pytest.raises(ValueError, match="l1_ratio: an empty list"):
        ElasticNetCV(l1_ratio=[]).fit(X, y)
    with pytest.raises(ValueError, match="l1_ratio: 2 is outside"):
        ElasticNetCV(l1_ratio=[0.5, 2]).fit(X, y)
    with pytest.raises(ValueError, match="knows no offset"):
        LassoCV(scoring=lambda model, X, y: 0.0).fit(X, y, offset=np.ones(y.size))


def test_one_warning_for_all_folds():
    X, y = data("squared", repeats=False)
    with pytest.warns(ConvergenceWarning) as caught:
        LassoCV(n_alphas=5, eps=1e-4, cv=3, max_iter=2, tol=0.0).fit(X, y)
    assert len(caught) == 2  # one for all data, one for the folds
    assert all(one.filename == __file__ for one in caught)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1))
def test_against_scikit_learn(seed):
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = data("squared", seed)
    ours = LassoCV(n_alphas=20, cv=4)
    usual = ours.fit(X, y).cv_results_["mean_mse"]
    exact = ours.set_params(tol=1e-10).fit(X, y).cv_results_
    # What the default tolerance leaves is far less than a standard error.
    assert np.all(np.abs(usual - exact["mean_mse"]) < 0.01 * exact["se_mse"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = linear_model.LassoCV(alphas=ours.alphas_, cv=4, tol=1e-8).fit(X, y)
    np.testing.assert_allclose(exact["fold_mse"], theirs.mse_path_, rtol=1e-4)


@every_model
def test_tol_reaches_the_folds(loss, kind, monkeypatch):
    # Ridge of few columns is exact whatever is asked for.
    monkeypatch.setattr(ridge_direct, "MAX_DENSE", 0)
    monkeypatch.setattr(weighted_gram, "MAX_SIZE", 0)
    X, y = data(loss)
    first = f"fold_{metrics.METRICS[loss][0]}"
    by_tol = {
        tol: kind(n_alphas=10, eps=eps_of(kind), cv=3, tol=tol).fit(X, y).cv_results_[first]
        for tol in (1e-3, 1e-7, 1e-13)
    }
    rough, usual = (np.abs(by_tol[tol] / by_tol[1e-13] - 1.0).max() for tol in (1e-3, 1e-7))
    assert usual < 1e-3
    assert rough > 10.0 * usual


@pytest.mark.parametrize(("loss", "kind"), [("squared", LassoCV), ("logistic", LogisticRegressionCV)])
def test_without_scikit_learn(loss, kind, tmp_path):
    X, y = data(loss)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    code = (
        "import sys\n"
        "sys.modules['sklearn'] = None\n"
        "import numpy as np, sparsereg\n"
        "data = np.load('data.npz')\n"
        f"model = sparsereg.{kind.__name__}(n_alphas=6, cv=3, rule='1se').fit(data['X'], data['y'])\n"
        "print(repr(model))\n"
        "print(model.alpha_, float(model.score(data['X'], data['y'])))\n"
        "try:\n"
        "    model.set_params(scoring='roc_auc').fit(data['X'], data['y'])\n"
        "except ValueError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown, numbers, refusal = done.stdout.splitlines()
    assert shown.startswith(kind.__name__ + "(")
    model = kind(n_alphas=6, cv=3, rule="1se").fit(X, y)
    np.testing.assert_allclose([float(number) for number in numbers.split()], [model.alpha_, model.score(X, y)])
    assert refusal.startswith("scoring: 'roc_auc' is not allowed")


@every_model
def test_scikit_learns_own_checks(loss, kind):
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = checks.check_estimator(kind(n_alphas=3, cv=2), on_fail=None)
    failed = [f"{one['check_name']}: {one['exception']}" for one in results if one["status"] == "failed"]
    assert not failed, "\n".join(failed)
