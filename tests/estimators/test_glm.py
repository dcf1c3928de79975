"""What every estimator for one alpha does, as scikit-learn's users meet it."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.linear_model
import sklearn.metrics
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator
from support.wide_matrices import CROSS_WIDTH, lat_long_cross

from sparsereg import (
    ConvergenceWarning,
    ElasticNet,
    HuberRegressor,
    Lasso,
    LatLongCross,
    LinearSVC,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    regularization_path,
)
from sparsereg.solvers import ridge_direct, weighted_gram

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 8)) * (RNG.random((40, 8)) < 0.5)
SIGNAL = X @ RNG.standard_normal(8)
Y = SIGNAL + RNG.standard_normal(40) + 2.0
TARGETS = {
    "squared": Y,
    "huber": Y,
    "poisson": RNG.poisson(np.exp(0.5 * SIGNAL)).astype(float),
    "logistic": (SIGNAL + RNG.standard_normal(40) > 0.0).astype(float),
}
TARGETS["squared_hinge"] = TARGETS["logistic"]
LOSS = {
    "Lasso": "squared", "ElasticNet": "squared", "Ridge": "squared", "HuberRegressor": "huber",
    "PoissonRegressor": "poisson", "LogisticRegression": "logistic", "LinearSVC": "squared_hinge",
}
MODELS = [
    Lasso(0.1), ElasticNet(0.1, l1_ratio=0.3), Ridge(0.1), HuberRegressor(0.1), PoissonRegressor(0.1, l1_ratio=0.7),
    LogisticRegression(0.1, l1_ratio=0.5), LinearSVC(0.1),
]
RATIO = {
    "Lasso": 1.0, "ElasticNet": 0.3, "Ridge": 0.0, "HuberRegressor": 1.0, "PoissonRegressor": 0.7,
    "LogisticRegression": 0.5, "LinearSVC": 1.0,
}

each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


def name_of(model):
    return type(model).__name__


def target(model):
    """Return a target that suits the loss of a model."""
    return TARGETS[LOSS[name_of(model)]]


def dense(model):
    return model.coef_.ravel()


def intercept(model):
    return float(np.ravel(model.intercept_)[0])


def decision(model, data, **settings):
    """Return the linear predictor."""
    if is_classifier(model):
        return model.decision_function(data, **settings)
    out = model.predict(data, **settings)
    return np.log(out) if name_of(model) == "PoissonRegressor" else out


def state(model):
    """Return everything that a fit could have changed, as bytes."""
    return pickle.dumps({name: value for name, value in vars(model).items() if name.endswith("_") or name == "_coef"})


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_scikit_learns_own_checks(model):
    results = check_estimator(type(model)(), on_skip=None, on_fail="raise")
    status = {result["check_name"]: result["status"] for result in results}
    # The array API has to be switched on before SciPy is first imported.
    assert [name for name, what in status.items() if what != "passed"] in ([], ["check_array_api_input"])
    assert len(status) > 40


@each_model
def test_a_fit_is_a_path_of_one_alpha(model):
    y = target(model)
    fitted = clone(model).fit(X, y)
    path = regularization_path(X, y, loss=LOSS[name_of(model)], l1_ratio=RATIO[name_of(model)], alphas=[0.1])
    np.testing.assert_array_equal(dense(fitted), path.coefs.toarray()[:, 0])
    assert intercept(fitted) == path.intercepts[0]
    assert fitted.objective_ == path.objectives[0]
    assert fitted.dual_gap_ == path.dual_gaps[0]
    assert fitted.n_iter_ == path.n_iters[0]
    assert (fitted.n_active_, fitted.n_features_in_) == (8, 8)
    assert isinstance(fitted.sparse_coef_, sparse.csr_matrix)
    assert fitted.sparse_coef_.shape == (1, 8)
    assert fitted.sparse_coef_.nnz == np.count_nonzero(fitted.coef_)
    np.testing.assert_allclose(decision(fitted, X), X @ dense(fitted) + fitted.intercept_, rtol=1e-10, atol=1e-12)
    offset = np.arange(40.0)
    np.testing.assert_allclose(decision(fitted, X, offset=offset), decision(fitted, X) + offset, rtol=1e-12)


@each_model
def test_settings_reach_the_solver(model):
    y, rng = target(model), np.random.default_rng(0)
    weight, offset = rng.random(40), 0.3 * rng.standard_normal(40)
    settings = {
        "fit_intercept": False, "standardize": True, "bounds": ({0: -0.1, 1: -0.1}, {0: 0.1, 2: 0.1}),
        "penalty_factor": np.arange(1.0, 9.0), "tol": 1e-12,
    }
    extra = {"delta": 2.0} if name_of(model) == "HuberRegressor" else {}
    fitted = clone(model).set_params(alpha=0.02, **settings, **extra).fit(X, y, weight, offset)
    path = regularization_path(
        X, y, loss=LOSS[name_of(model)], l1_ratio=RATIO[name_of(model)], alphas=[0.02], sample_weight=weight,
        offset=offset, **settings, **extra,
    )
    np.testing.assert_array_equal(dense(fitted), path.coefs.toarray()[:, 0])
    assert fitted.objective_ == path.objectives[0]
    assert intercept(fitted) == 0.0
    for setting in ("standardize", "bounds", "penalty_factor"):
        other = clone(fitted).set_params(**{setting: clone(model).get_params()[setting]}).fit(X, y, weight, offset)
        assert np.abs(dense(other) - dense(fitted)).max() > 1e-3, setting
    against = -X if dense(clone(model).fit(X, y)).max() > 0.0 else X
    assert (dense(clone(model).set_params(positive=True).fit(against, y)) >= 0.0).all()


@pytest.mark.parametrize("penalty", ["mcp", "scad", "l0"])
@each_model
def test_penalties_that_are_not_convex(model, penalty):
    y, settings = target(model), {"penalty": penalty, "gamma": None if penalty == "l0" else 30.0, "standardize": True}
    settings["alpha"] = 0.05
    if name_of(model) == "Ridge":
        with pytest.raises(ValueError, match=rf"penalty: '{penalty}' is not allowed, .* \['elastic_net'\]"):
            clone(model).set_params(**settings).fit(X, y)
        return
    fitted = clone(model).set_params(**settings).fit(X, y)
    settings["alphas"] = [settings.pop("alpha")]
    path = regularization_path(X, y, loss=LOSS[name_of(model)], l1_ratio=RATIO[name_of(model)], **settings)
    np.testing.assert_array_equal(dense(fitted), path.coefs.toarray()[:, 0])
    assert fitted.objective_ == path.objectives[0]
    assert np.isnan(fitted.dual_gap_)
    assert 0.0 <= fitted.violation_ <= 1e-6
    assert np.isnan(clone(model).fit(X, y).violation_)
    again = pickle.loads(pickle.dumps(fitted)).set_params(warm_start=True).fit(X, y)
    assert again.n_iter_ < fitted.n_iter_
    assert again.objective_ <= fitted.objective_ * (1.0 + 1e-9)


@each_model
def test_integer_weights_are_repeated_rows(model):
    y, times = target(model), np.random.default_rng(2).integers(0, 4, 40)
    weighted = clone(model).set_params(tol=1e-12).fit(X, y, times)
    repeated = clone(model).set_params(tol=1e-12).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-5)
    assert weighted.objective_ == pytest.approx(repeated.objective_, rel=1e-10)
    assert weighted.score(X, y, times) == pytest.approx(
        repeated.score(np.repeat(X, times, axis=0), np.repeat(y, times)), rel=1e-4
    )


@each_model
def test_scores_take_an_offset(model):
    y, offset = target(model), np.random.default_rng(3).standard_normal(40)
    fitted = clone(model).fit(X, y, offset=offset)
    for shift in (0, offset):
        prediction = fitted.predict(X, offset=shift)
        if is_classifier(model):
            expected = np.mean(prediction == y)
        elif name_of(model) == "PoissonRegressor":
            expected = sklearn.metrics.d2_tweedie_score(y, prediction, power=1)
        else:
            expected = sklearn.metrics.r2_score(y, prediction)
        assert fitted.score(X, y, offset=shift) == pytest.approx(expected, rel=1e-12)
    assert fitted.score(X, y, offset=offset) != fitted.score(X, y, offset=0)


@each_model
def test_wide_data_stay_wide(model):
    W = lat_long_cross(2000, n_places=4)
    wave = np.sin(W.indices[::3] / 50.0)
    y = {"poisson": np.rint(3.0 + 3.0 * wave), "logistic": wave > 0.0, "squared_hinge": wave > 0.0}
    fitted = clone(model).set_params(alpha=1e-3)
    y = y.get(LOSS[name_of(model)], wave)
    fitted.fit(W, y)
    assert fitted.n_features_in_ == CROSS_WIDTH
    assert fitted.sparse_coef_.shape == (1, CROSS_WIDTH)
    assert fitted.score(W, y) > 0.1
    assert len(pickle.dumps(fitted)) < 200_000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(W), fitted.predict(W))


@each_model
def test_nothing_is_known_before_a_fit(model):
    asks = [lambda m: m.predict(X), lambda m: m.coef_, lambda m: m.sparse_coef_, lambda m: m.score(X, target(m))]
    for ask in asks:
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            ask(clone(model))


@each_model
def test_warm_start_reaches_the_same_minimum(model):
    """Whatever the last fit was: another alpha on either side, another target, other settings, other columns."""
    y, last = target(model), target(model)[np.random.default_rng(1).permutation(40)]
    null = clone(model).set_params(alpha=1e3).fit(X, y).objective_
    # Huber's loss has rows without curvature, which the dual point of unpenalised columns does not reach.
    factors = np.arange(8.0) + 0.5 * (name_of(model) == "HuberRegressor")
    for alpha in (1e-3, 0.1, 3.0):
        for settings in ({}, {"positive": True}, {"penalty_factor": factors}, {"bounds": (-0.1, 0.2)}):
            warm = clone(model).set_params(warm_start=True, alpha=1e-2, tol=1e-10).fit(X, last)
            warm.set_params(alpha=alpha, **settings).fit(X, y)
            cold = clone(model).set_params(alpha=alpha, tol=1e-10, **settings).fit(X, y)
            assert warm.objective_ == pytest.approx(cold.objective_, abs=1.1e-10 * null)
            np.testing.assert_allclose(decision(warm, X), decision(cold, X), atol=1e-3)
    again = clone(model).set_params(warm_start=True).fit(X, y)
    passes = again.n_iter_
    assert again.fit(X, y).n_iter_ <= passes
    # Another width starts afresh.
    assert again.fit(X[:, :5], y).n_features_in_ == 5


@each_model
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_a_callback_raises_leaves_the_last_fit(model, error):
    def stop(progress):
        raise error("enough")

    y = target(model)
    fitted = clone(model).fit(X, y)
    before, prediction = state(fitted), fitted.predict(X)
    fitted.set_params(callback=stop, alpha=1e-3)
    with pytest.raises(error, match="enough"):
        fitted.fit(X[:, :4], y[::-1])
    assert state(fitted) == before
    np.testing.assert_array_equal(fitted.predict(X), prediction)
    unfitted = clone(model).set_params(callback=stop)
    with pytest.raises(error):
        unfitted.fit(X, y)
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
        ({"penalty": "lasso"}, ValueError, r"penalty: 'lasso' is not allowed, expected one of \['elastic_net'"),
        ({"gamma": 3.0}, ValueError, "gamma: 3.0 is not allowed with penalty='elastic_net'"),
        ({"max_iter": 0}, ValueError, "max_iter: 0"),
        ({"tol": -1.0}, ValueError, "tol: -1.0"),
        ({"warm_start": "yes"}, TypeError, "warm_start: 'yes'"),
        ({"n_threads": 0}, ValueError, "n_threads: 0"),
        ({"callback": 1}, TypeError, "callback: 1"),
    ],
)
@each_model
def test_refused_parameters_leave_the_last_fit(model, params, error, message):
    fitted = clone(model).fit(X, target(model))
    before = state(fitted)
    with pytest.raises(error, match=message):
        fitted.set_params(**params).fit(X, target(model)[::-1])
    assert state(fitted) == before


def test_refused_l1_ratio():
    for model in MODELS:
        if "l1_ratio" not in model.get_params():
            continue
        for bad, error in ((1.5, ValueError), (-0.1, ValueError), ("a", TypeError)):
            with pytest.raises(error, match=f"l1_ratio: {bad!r}"):
                clone(model).set_params(l1_ratio=bad).fit(X, target(model))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [*TARGETS["logistic"][:-1], np.nan]}, "Input y contains NaN"),
        ({"y": TARGETS["logistic"][:-1]}, "y: length 39"),
        ({"y": None}, "requires y to be passed, but the target y is None"),
        ({"X": np.where(X.max() == X, np.inf, X)}, "Input X contains infinity"),
        ({"X": X[:0], "y": []}, "0 sample"),
        ({"sample_weight": -np.ones(40)}, "sample_weight: -1.0 at position 0 is negative"),
        ({"sample_weight": np.zeros(40)}, "sample_weight: all 40 weights are zero"),
        ({"sample_weight": np.ones(39)}, "sample_weight: length 39"),
        ({"offset": np.full(40, np.nan)}, "Input offset contains NaN"),
        ({"offset": np.ones((40, 2))}, "offset should be a 1d array"),
    ],
)
@each_model
def test_refused_data_leave_the_last_fit(model, change, message):
    fitted = clone(model).fit(X, target(model))
    before = state(fitted)
    with pytest.raises(ValueError, match=message):
        fitted.fit(**{"X": X, "y": target(model)[::-1], **change})
    assert state(fitted) == before


@each_model
def test_names_that_are_refused_leave_the_last_fit(model):
    fitted = clone(model).fit(X, target(model))
    before = state(fitted)
    mixed = pd.DataFrame(X, columns=["a", *range(7)])
    with pytest.raises(TypeError, match="only supported if all input features have string names"):
        fitted.fit(mixed, target(model))
    assert state(fitted) == before


@each_model
def test_refused_predictions(model):
    fitted = clone(model).fit(X, target(model))
    with pytest.raises(ValueError, match=r"X has 7 features, but .* is expecting 8 features"):
        fitted.predict(X[:, :7])
    with pytest.raises(ValueError, match="offset: length 3"):
        fitted.predict(X, offset=np.ones(3))
    with pytest.raises(ValueError, match="contains NaN"):
        fitted.predict(np.where(X.max() == X, np.nan, X))


@each_model
def test_too_few_passes_are_warned_about(model, monkeypatch):
    # Ridge of few columns takes no passes.
    monkeypatch.setattr(ridge_direct, "MAX_DENSE", 0)
    monkeypatch.setattr(weighted_gram, "MAX_SIZE", 0)
    with pytest.warns(ConvergenceWarning, match=r"1 of 1 fits .* has a gap of .* after 1 passes") as caught:
        fitted = clone(model).set_params(max_iter=1, alpha=1e-3).fit(X, target(model))
    assert fitted.dual_gap_ > 1e-6
    assert caught[0].filename == __file__


@each_model
def test_column_vectors_are_flattened_with_a_warning(model):
    with pytest.warns(DataConversionWarning, match="column-vector y was passed") as caught:
        fitted = clone(model).fit(X, target(model)[:, None])
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(fitted.coef_, clone(model).fit(X, target(model)).coef_)


@each_model
def test_names_of_columns_are_remembered(model):
    frame = pd.DataFrame(X, columns=list("abcdefgh"))
    fitted = clone(model).fit(frame, pd.Series(target(model)))
    assert fitted.feature_names_in_.tolist() == list("abcdefgh")
    np.testing.assert_array_equal(fitted.predict(frame), clone(model).fit(X, target(model)).predict(X))
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(frame[list("hgfedcba")])


@each_model
def test_clone_pickle_and_repr(model):
    fitted = clone(model).set_params(penalty_factor={1: 0.5}).fit(X, target(model))
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
    rng = np.random.default_rng(4)
    points = rng.uniform((30, -120), (31, -119), size=(200, 2))
    wave = np.sin(10 * points[:, 0])
    y = {"poisson": rng.poisson(np.exp(wave)), "logistic": wave > 0.0, "squared_hinge": wave > 0.0}
    y = y.get(LOSS[name_of(model)], wave + 0.1 * rng.standard_normal(200))
    pipeline = make_pipeline(LatLongCross(levels=(60, 10)), clone(model)).fit(points, y)
    assert pipeline.predict(points).shape == (200,)
    assert pipeline[-1].n_features_in_ == pipeline[0].n_features_out_
    name = type(model).__name__.lower()
    search = GridSearchCV(pipeline, {f"{name}__alpha": [1.0, 0.01]}, cv=3).fit(points, y)
    assert search.best_params_ == {f"{name}__alpha": 0.01}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = cross_val_predict(clone(model), X, target(model), cv=4)
    assert np.corrcoef(out, target(model))[0, 1] > 0.2


@each_model
def test_weights_and_offsets_are_routed(model):
    y, weight, offset = target(model), np.arange(1.0, 41.0), np.linspace(-1.0, 1.0, 40)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clone(model).set_fit_request(sample_weight=True, offset=True)
        routed.set_score_request(sample_weight=True, offset=True)
        params = {"sample_weight": weight, "offset": offset}
        scores = cross_val_score(routed, X, y, cv=[(np.arange(30), np.arange(30, 40))], params=params)
    fitted = clone(model).fit(X[:30], y[:30], weight[:30], offset[:30])
    assert scores[0] == fitted.score(X[30:], y[30:], weight[30:], offset[30:])


@each_model
def test_verbose(model, capsys):
    clone(model).set_params(verbose=1).fit(X, target(model))
    assert capsys.readouterr().out.startswith("alpha 1.0000e-01  non-zeros")


@each_model
def test_displays_do_not_make_the_dense_vector(model):
    """At 2**40 columns it would take 8 TiB."""
    wide = sparse.csr_matrix((np.ones(3), [1, 5, 9], [0, 1, 2, 3]), shape=(3, 2**40))
    fitted = clone(model).set_params(alpha=1e-2).fit(wide, [1.0, 0.0, 1.0])
    # Which scikit-learn shows fitted attributes its own model says.
    shows = "dual_gap_" in sklearn.linear_model.Lasso().fit(np.eye(3), [1.0, 0.0, 1.0])._repr_html_()
    assert ("sparse_coef_" in fitted._repr_html_()) == shows
    assert "coef_" not in dir(fitted)
    assert clone(model).fit(wide[:, :10], [1.0, 0.0, 1.0]).coef_.size == 10
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = fitted.nothing


def test_a_forked_child_can_fit_after_its_parent_used_threads():
    code = (
        "import os, numpy as np\n"
        "from sparsereg import Lasso\n"
        "X = np.random.default_rng(0).normal(size=(2000, 300))\n"
        "expected = Lasso(0.1, n_threads=2).fit(X, X[:, 0]).coef_\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if np.array_equal(Lasso(0.1, n_threads=2).fit(X, X[:, 0]).coef_, expected) else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_estimators_work_without_scikit_learn():
    code = (
        "import sys\n"
        "sys.modules['sklearn'] = None\n"
        "import numpy as np\n"
        "import sparsereg\n"
        "X, y = np.eye(6), np.array([0, 1, 0, 1, 0, 1])\n"
        f"for name in {[*LOSS]}:\n"
        "    model = getattr(sparsereg, name)(alpha=1e-3)\n"
        "    assert model.fit(X, y).score(X, y) > 0.9, name\n"
        "    assert repr(model) != '' and model.get_params()['alpha'] == 1e-3\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
