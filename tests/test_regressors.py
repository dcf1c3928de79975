"""Lasso, ElasticNet and Ridge as scikit-learn's users meet them."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.linear_model
from oracles import Raw
from regressions import ROUNDING, random_regression
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator
from wide_matrices import CROSS_WIDTH, lat_long_cross

from sparsereg import ConvergenceWarning, ElasticNet, Lasso, LatLongCross, Ridge, regularization_path

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 8)) * (RNG.random((40, 8)) < 0.5)
Y = X @ RNG.standard_normal(8) + RNG.standard_normal(40) + 2.0
MODELS = [Lasso(0.1), ElasticNet(0.1, l1_ratio=0.3), Ridge(0.1)]
RATIO = {"Lasso": 1.0, "ElasticNet": 0.3, "Ridge": 0.0}

each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


def state(model):
    """Return everything that a fit could have changed, as bytes."""
    return pickle.dumps({name: value for name, value in vars(model).items() if name.endswith("_") or name == "_coef"})


@pytest.mark.parametrize("model", [Lasso(), ElasticNet(), Ridge()])
def test_scikit_learns_own_checks(model):
    results = check_estimator(model, on_skip=None, on_fail="raise")
    status = {result["check_name"]: result["status"] for result in results}
    # The array API has to be switched on before SciPy is first imported.
    assert [name for name, what in status.items() if what != "passed"] in ([], ["check_array_api_input"])
    assert len(status) > 40


@each_model
def test_a_fit_is_a_path_of_one_alpha(model):
    fitted = clone(model).fit(X, Y)
    path = regularization_path(X, Y, l1_ratio=RATIO[type(model).__name__], alphas=[0.1])
    np.testing.assert_array_equal(fitted.coef_, path.coefs.toarray()[:, 0])
    assert fitted.intercept_ == path.intercepts[0]
    assert fitted.objective_ == path.objectives[0]
    assert fitted.dual_gap_ == path.dual_gaps[0]
    assert fitted.n_iter_ == path.n_iters[0]
    assert (fitted.n_active_, fitted.n_features_in_) == (8, 8)
    assert isinstance(fitted.sparse_coef_, sparse.csr_matrix)
    assert fitted.sparse_coef_.shape == (1, 8)
    assert fitted.sparse_coef_.nnz == np.count_nonzero(fitted.coef_)
    np.testing.assert_allclose(fitted.predict(X), X @ fitted.coef_ + fitted.intercept_, rtol=1e-12)
    np.testing.assert_allclose(fitted.predict(X, offset=np.arange(40.0)), fitted.predict(X) + np.arange(40.0))


@each_model
def test_settings_reach_the_solver(model):
    regression = random_regression(11, "gaussian", RATIO[type(model).__name__])
    n, p = regression.X.shape
    rng = np.random.default_rng(0)
    weight, offset = rng.random(n), rng.standard_normal(n)
    settings = {
        "fit_intercept": False, "standardize": True, "bounds": (-0.5, 0.5), "penalty_factor": np.arange(1.0, p + 1),
        "tol": 1e-12,
    }
    fitted = clone(model).set_params(**settings).fit(regression.X, regression.y, weight, offset)
    raw = Raw(
        regression.X, regression.y, 0.1, RATIO[type(model).__name__], weight, offset, settings["penalty_factor"],
        -0.5, 0.5, False, True,
    )
    assert fitted.objective_ == pytest.approx(raw.objective(fitted.coef_, 0.0), rel=1e-12)
    assert raw.violation(fitted.coef_, 0.0) <= 1.1e-6
    assert fitted.intercept_ == 0.0
    assert (clone(model).set_params(positive=True).fit(X, -Y).coef_ >= 0.0).all()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_objectives_of_scikit_learn(seed, fit_intercept):
    regression = random_regression(seed, "gaussian" if seed % 2 else "cross")
    data, y = regression.X, regression.y / regression.y.std() if regression.y.std() else regression.y
    n = y.size
    weight = np.random.default_rng(seed).random(n) + 0.1
    for alpha, l1_ratio in ((0.1, 1.0), (0.02, 1.0), (0.05, 0.5), (0.3, 0.0)):
        raw = Raw(data, y, alpha, l1_ratio, weight, fit_intercept=fit_intercept)
        if l1_ratio == 1.0:
            ours = Lasso(alpha)
            theirs = sklearn.linear_model.Lasso(alpha)
        elif l1_ratio:
            ours = ElasticNet(alpha, l1_ratio=l1_ratio)
            theirs = sklearn.linear_model.ElasticNet(alpha, l1_ratio=l1_ratio)
        else:
            ours = Ridge(alpha)
            theirs = sklearn.linear_model.Ridge(alpha * weight.sum(), solver="cholesky")
        ours.set_params(fit_intercept=fit_intercept, tol=1e-12).fit(data, y, weight)
        theirs.set_params(fit_intercept=fit_intercept)
        if l1_ratio:
            theirs.set_params(tol=1e-12, max_iter=1_000_000)
        theirs.fit(data, y, sample_weight=weight)
        null = raw.null_objective()
        expected = raw.objective(theirs.coef_.ravel(), theirs.intercept_)
        assert ours.objective_ == pytest.approx(expected, abs=1e-9 * null)
        assert ours.dual_gap_ <= 1e-12 + ROUNDING


@each_model
def test_wide_data_stay_wide(model):
    W = lat_long_cross(2000, n_places=4)
    y = np.sin(W.indices[::3] / 50.0)
    fitted = clone(model).set_params(alpha=1e-3).fit(W, y)
    assert fitted.n_features_in_ == CROSS_WIDTH
    assert fitted.sparse_coef_.shape == (1, CROSS_WIDTH)
    assert fitted.score(W, y) > 0.1
    assert len(pickle.dumps(fitted)) < 200_000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(W), fitted.predict(W))


@each_model
def test_nothing_is_known_before_a_fit(model):
    for ask in (lambda m: m.predict(X), lambda m: m.coef_, lambda m: m.sparse_coef_):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            ask(clone(model))


@each_model
def test_warm_start_reaches_the_same_minimum(model):
    """Whatever the last fit was: another alpha on either side, another target, other settings, other columns."""
    rng = np.random.default_rng(1)
    last = X @ rng.standard_normal(8)
    for alpha in (1e-4, 0.1, 3.0):
        for settings in ({}, {"positive": True}, {"penalty_factor": np.arange(8.0)}, {"bounds": (-0.1, 0.2)}):
            warm = clone(model).set_params(warm_start=True, alpha=1e-3, tol=1e-10).fit(X, last)
            warm.set_params(alpha=alpha, **settings).fit(X, Y)
            cold = clone(model).set_params(alpha=alpha, tol=1e-10, **settings).fit(X, Y)
            null = Raw(X, Y).null_objective()
            assert warm.objective_ == pytest.approx(cold.objective_, abs=1.1e-10 * null)
            np.testing.assert_allclose(warm.predict(X), cold.predict(X), atol=1e-4)
    again = clone(model).set_params(warm_start=True).fit(X, Y)
    passes = again.n_iter_
    assert again.fit(X, Y).n_iter_ <= passes
    # Another width starts afresh.
    assert again.fit(X[:, :5], Y).coef_.shape == (5,)


def test_warm_start_does_not_screen_by_the_residual_of_the_last_fit():
    """The residual at the start is nearly zero, the optimal one is not: column 1 must come in all the same."""
    a = RNG.standard_normal(20)
    data = np.c_[a, a]
    model = Lasso(1e-9, penalty_factor=[1.0, 1e6], warm_start=True, fit_intercept=False).fit(data, a)
    model.set_params(alpha=0.01, penalty_factor=[1.0, 0.1]).fit(data, a)
    cold = Lasso(0.01, penalty_factor=[1.0, 0.1], fit_intercept=False).fit(data, a)
    np.testing.assert_allclose(model.coef_, cold.coef_, atol=1e-6)
    assert model.objective_ == pytest.approx(cold.objective_, rel=1e-6)


@pytest.mark.parametrize("private", [True, False])
def test_warm_start_with_private_columns(private):
    data = np.hstack([X[:10], np.eye(10)]) if private else X[:10]
    for Model in (Lasso, Ridge):
        warm = Model(1e-3, warm_start=True, tol=1e-10).fit(data, Y[10:20])
        warm.set_params(alpha=0.02).fit(data, Y[:10])
        cold = Model(0.02, tol=1e-10).fit(data, Y[:10])
        assert warm.objective_ == pytest.approx(cold.objective_, rel=1e-9)


def test_ridge_keeps_the_bounds_of_columns_with_one_row():
    model = Ridge(0.1, positive=True).fit(np.eye(4), [3.0, -1.0, 2.0, -5.0])
    assert (model.coef_ >= 0.0).all()
    model = Ridge(0.1, bounds=({3: -0.1}, None)).fit(np.eye(4), [3.0, -1.0, 2.0, -5.0])
    assert model.coef_[3] == -0.1
    assert (np.abs(model.coef_[:3]) > 0.1).all()


@each_model
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_a_callback_raises_leaves_the_last_fit(model, error):
    def stop(progress):
        raise error("enough")

    fitted = clone(model).fit(X, Y)
    before, prediction = state(fitted), fitted.predict(X)
    fitted.set_params(callback=stop, alpha=1e-3)
    with pytest.raises(error, match="enough"):
        fitted.fit(X[:, :4], -Y)
    assert state(fitted) == before
    np.testing.assert_array_equal(fitted.predict(X), prediction)
    unfitted = clone(model).set_params(callback=stop)
    with pytest.raises(error):
        unfitted.fit(X, Y)
    with pytest.raises(NotFittedError):
        unfitted.predict(X)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"alpha": -1.0}, ValueError, "alpha: -1.0 is outside"),
        ({"alpha": np.nan}, ValueError, "alpha: nan is outside"),
        ({"alpha": "1"}, TypeError, "alpha: '1'"),
        ({"fit_intercept": 1}, TypeError, "fit_intercept: 1"),
        ({"standardize": 0}, TypeError, "standardize: 0"),
        ({"positive": None}, TypeError, "positive: None"),
        ({"bounds": (1.0, 2.0)}, ValueError, r"bounds \(lower\): 1.0"),
        ({"penalty_factor": np.ones(3)}, ValueError, r"penalty_factor: shape \(3,\)"),
        ({"penalty_factor": {99: 1.0}}, ValueError, "penalty_factor: column id 99"),
        ({"max_iter": 0}, ValueError, "max_iter: 0"),
        ({"tol": -1.0}, ValueError, "tol: -1.0"),
        ({"warm_start": "yes"}, TypeError, "warm_start: 'yes'"),
        ({"n_threads": 0}, ValueError, "n_threads: 0"),
        ({"callback": 1}, TypeError, "callback: 1"),
    ],
)
@each_model
def test_refused_parameters_leave_the_last_fit(model, params, error, message):
    fitted = clone(model).fit(X, Y)
    before = state(fitted)
    with pytest.raises(error, match=message):
        fitted.set_params(**params).fit(X, -Y)
    assert state(fitted) == before


def test_refused_l1_ratio():
    for bad, error in ((1.5, ValueError), (-0.1, ValueError), ("a", TypeError)):
        with pytest.raises(error, match=f"l1_ratio: {bad!r}"):
            ElasticNet(l1_ratio=bad).fit(X, Y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.r_[Y[:-1], np.nan]}, "Input y contains NaN"),
        ({"y": Y[:-1]}, "y: length 39"),
        ({"y": None}, "requires y to be passed, but the target y is None"),
        ({"X": np.where(X.max() == X, np.inf, X)}, "Input X contains infinity"),
        ({"X": X[:0], "y": []}, "0 sample"),
        ({"sample_weight": -np.ones(40)}, "sample_weight: -1.0 at position 0 is negative"),
        ({"sample_weight": np.zeros(40)}, "sample_weight: all 40 weights are zero"),
        ({"offset": np.full(40, np.nan)}, "Input offset contains NaN"),
    ],
)
@each_model
def test_refused_data_leave_the_last_fit(model, change, message):
    fitted = clone(model).fit(X, Y)
    before = state(fitted)
    with pytest.raises(ValueError, match=message):
        fitted.fit(**{"X": X, "y": -Y, **change})
    assert state(fitted) == before


@each_model
def test_names_that_are_refused_leave_the_last_fit(model):
    fitted = clone(model).fit(X, Y)
    before = state(fitted)
    mixed = pd.DataFrame(X, columns=["a", *range(7)])
    with pytest.raises(TypeError, match="only supported if all input features have string names"):
        fitted.fit(mixed, Y)
    assert state(fitted) == before


@each_model
def test_refused_predictions(model):
    fitted = clone(model).fit(X, Y)
    with pytest.raises(ValueError, match=r"X has 7 features, but .* is expecting 8 features"):
        fitted.predict(X[:, :7])
    with pytest.raises(ValueError, match="offset: length 3"):
        fitted.predict(X, offset=np.ones(3))
    with pytest.raises(ValueError, match="contains NaN"):
        fitted.predict(np.where(X.max() == X, np.nan, X))


@each_model
def test_too_few_passes_are_warned_about(model):
    with pytest.warns(ConvergenceWarning, match=r"1 of 1 fits .* has a gap of .* after 1 passes"):
        fitted = clone(model).set_params(max_iter=1, alpha=1e-3).fit(X, Y)
    assert fitted.dual_gap_ > 1e-6


@each_model
def test_column_vectors_are_flattened_with_a_warning(model):
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        fitted = clone(model).fit(X, Y[:, None])
    np.testing.assert_array_equal(fitted.coef_, clone(model).fit(X, Y).coef_)


@each_model
def test_names_of_columns_are_remembered(model):
    frame = pd.DataFrame(X, columns=list("abcdefgh"))
    fitted = clone(model).fit(frame, Y)
    assert fitted.feature_names_in_.tolist() == list("abcdefgh")
    np.testing.assert_array_equal(fitted.predict(frame), clone(model).fit(X, Y).predict(X))
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(frame[list("hgfedcba")])


@each_model
def test_clone_pickle_and_repr(model):
    fitted = clone(model).set_params(penalty_factor={1: 0.0}).fit(X, Y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    assert again.get_params() == fitted.get_params()
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "intercept_")
    assert repr(model).startswith(type(model).__name__ + "(")
    assert next(iter(model.get_params())) == "alpha"


@each_model
def test_searches_pipelines_and_cross_validation(model):
    points = RNG.uniform((30, -120), (31, -119), size=(200, 2))
    y = np.sin(10 * points[:, 0]) + 0.1 * RNG.standard_normal(200)
    pipeline = make_pipeline(LatLongCross(levels=(60, 10)), clone(model)).fit(points, y)
    assert pipeline.predict(points).shape == (200,)
    assert pipeline[-1].n_features_in_ == pipeline[0].n_features_out_
    name = type(model).__name__.lower()
    search = GridSearchCV(pipeline, {f"{name}__alpha": [1.0, 0.01]}, cv=3).fit(points, y)
    assert search.best_params_ == {f"{name}__alpha": 0.01}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = cross_val_predict(clone(model), X, Y, cv=4)
    assert np.corrcoef(out, Y)[0, 1] > 0.5


def test_verbose(capsys):
    Lasso(0.1, verbose=1).fit(X, Y)
    assert capsys.readouterr().out.startswith("alpha 1.0000e-01  non-zeros")


def test_displays_do_not_make_the_dense_vector():
    """At 2**40 columns it would take 8 TiB."""
    wide = sparse.csr_matrix((np.ones(3), [1, 5, 9], [0, 1, 2, 3]), shape=(3, 2**40))
    model = Lasso(1e-5).fit(wide, [1.0, 2.0, 3.0])
    assert "sparse_coef_" in model._repr_html_()
    assert "coef_" not in dir(model)
    assert Lasso(1e-5).fit(wide[:, :10], [1.0, 2.0, 3.0]).coef_.shape == (10,)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = model.nothing


def test_a_forked_child_can_fit_after_its_parent_used_threads():
    code = (
        "import os, numpy as np\n"
        "from sparsereg import Lasso\n"
        "X = np.random.default_rng(0).normal(size=(100, 20))\n"
        "expected = Lasso(0.1, n_threads=2).fit(X, X[:, 0]).coef_\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if np.array_equal(Lasso(0.1, n_threads=2).fit(X, X[:, 0]).coef_, expected) else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
