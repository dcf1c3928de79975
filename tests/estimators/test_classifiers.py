"""Classifiers: against scikit-learn's where the objectives agree, and what labels, weights and smoothing mean."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.linear_model
import sklearn.svm
from scipy import special
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score, log_loss
from support.oracles import LOSS_VALUES

from sparsereg import ConvergenceWarning, LinearSVC, LogisticRegression

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 6)) * (RNG.random((60, 6)) < 0.6)
SIGNAL = X @ [1.5, -1.0, 0.7, 0.0, 0.0, 0.3]
BINARY = (SIGNAL + RNG.logistic(size=60) > 0.0).astype(int)
THREE = np.digitize(SIGNAL + 0.5 * RNG.standard_normal(60), [-0.5, 0.5])
SOFT = special.expit(SIGNAL)
SOFT3 = special.softmax(np.column_stack([SIGNAL, -SIGNAL, X[:, 3]]), axis=1)
WEIGHT = RNG.random(60) + 0.1
TIGHT = {"tol": 1e-12}
# Before 1.8 a mixed penalty had to be asked for by name; since then the name is deprecated.
MIXED = {"penalty": "elasticnet"} if tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8) else {}

each_model = pytest.mark.parametrize("model", [LogisticRegression(), LinearSVC()], ids=lambda m: type(m).__name__)


def same_fit(one, other, atol=1e-5):
    np.testing.assert_allclose(one.coef_, other.coef_, atol=atol)
    np.testing.assert_allclose(one.intercept_, other.intercept_, atol=atol)


# Against scikit-learn.


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("y", [BINARY, THREE], ids=["two", "three"])
def test_logistic_regression_of_scikit_learn(y, l1_ratio, fit_intercept):
    alpha = 0.03
    settings = {"C": 1.0 / (alpha * WEIGHT.sum()), "l1_ratio": l1_ratio, "fit_intercept": fit_intercept}
    theirs = sklearn.linear_model.LogisticRegression(solver="saga", tol=1e-12, max_iter=100_000, **settings, **MIXED)
    theirs.fit(X, y, WEIGHT)
    ours = LogisticRegression(alpha, l1_ratio=l1_ratio, fit_intercept=fit_intercept, **TIGHT).fit(X, y, WEIGHT)
    same_fit(ours, theirs)
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.intercept_.shape == theirs.intercept_.shape
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-4)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), atol=1e-4)
    assert ours.score(X, y) == theirs.score(X, y)


@pytest.mark.parametrize("penalty", ["l1", "l2"])
@pytest.mark.parametrize("y", [BINARY, THREE], ids=["two", "three"])
def test_linear_svc_of_scikit_learn(y, penalty):
    """Without intercept, which is penalised there."""
    alpha = 0.02
    theirs = sklearn.svm.LinearSVC(
        penalty=penalty, dual=False, C=1.0 / (alpha * WEIGHT.sum()), fit_intercept=False, tol=1e-10, max_iter=100_000
    ).fit(X, y, WEIGHT)
    l1_ratio = 1.0 if penalty == "l1" else 0.0
    ours = LinearSVC(alpha, l1_ratio=l1_ratio, fit_intercept=False, **TIGHT).fit(X, y, WEIGHT)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.sparse_coef_.shape == theirs.coef_.shape
    assert ours.intercept_.shape == ((1,) if y is BINARY else (3,))
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-3)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert not hasattr(ours, "predict_proba")


# What is minimised.


@each_model
@pytest.mark.parametrize("y", [BINARY, SOFT], ids=["labels", "probabilities"])
def test_the_objective_is_what_the_documentation_says(model, y):
    value = LOSS_VALUES["logistic" if isinstance(model, LogisticRegression) else "squared_hinge"]
    fitted = clone(model).set_params(alpha=0.05, l1_ratio=0.7, **TIGHT).fit(X, y, WEIGHT)
    w, b = fitted.coef_[0], fitted.intercept_[0]

    def objective(w, b):
        losses = [value(target, t) for target, t in zip(y, X @ w + b)]
        return np.average(losses, weights=WEIGHT) + 0.05 * (0.7 * np.abs(w).sum() + 0.15 * (w @ w))

    best = objective(w, b)
    assert fitted.objective_ == pytest.approx(best, rel=1e-12)
    for j in range(6):
        for step in (-1e-4, 1e-4):
            assert objective(w + step * np.eye(6)[j], b) >= best
    assert min(objective(w, b - 1e-4), objective(w, b + 1e-4)) >= best


# Labels, weights, smoothing.


@each_model
@pytest.mark.parametrize("names", [["no", "yes"], [7, -3], [False, True], [0.0, 1.0]], ids=str)
def test_labels_are_given_back(model, names):
    y = np.array(names)[BINARY]
    fitted = clone(model).fit(X, y)
    np.testing.assert_array_equal(fitted.classes_, sorted(names))
    assert fitted.classes_.dtype == y.dtype
    out = fitted.predict(X)
    assert out.dtype == y.dtype
    assert fitted.score(X, y) == accuracy_score(y, out) > 0.6
    direct = clone(model).fit(X, BINARY)
    sign = 1.0 if names[0] < names[1] else -1.0
    np.testing.assert_allclose(fitted.coef_, sign * direct.coef_, atol=1e-3)


@each_model
@pytest.mark.parametrize("y", [BINARY, THREE], ids=["two", "three"])
def test_smoothing_is_a_fit_to_the_smoothed_targets(model, y):
    n_classes = y.max() + 1
    targets = 0.8 * np.eye(n_classes)[y] + 0.2 / n_classes
    smoothed = clone(model).set_params(label_smoothing=0.2, **TIGHT).fit(X, y, WEIGHT)
    soft = clone(model).set_params(**TIGHT).fit(X, targets, WEIGHT)
    np.testing.assert_array_equal(smoothed.coef_, soft.coef_)
    np.testing.assert_array_equal(smoothed.intercept_, soft.intercept_)
    plain = clone(model).set_params(**TIGHT).fit(X, y, WEIGHT)
    assert np.abs(smoothed.coef_).sum() < np.abs(plain.coef_).sum()


@each_model
def test_numbers_in_0_1_are_two_columns_of_probabilities(model):
    one = clone(model).set_params(**TIGHT).fit(X, SOFT)
    two = clone(model).set_params(**TIGHT).fit(X, np.column_stack([1.0 - SOFT, SOFT]))
    same_fit(one, two, atol=1e-9)
    np.testing.assert_array_equal(one.classes_, [0, 1])
    np.testing.assert_array_equal(two.classes_, [0, 1])


@each_model
@pytest.mark.parametrize("soft", [np.column_stack([1.0 - SOFT, SOFT]), SOFT3], ids=["two", "three"])
def test_probabilities_are_rows_repeated_with_weights(model, soft):
    n_classes = soft.shape[1]
    fitted = clone(model).set_params(**TIGHT).fit(X, soft, WEIGHT)
    labels = np.tile(np.arange(n_classes), 60)
    repeated = clone(model).set_params(**TIGHT)
    repeated.fit(np.repeat(X, n_classes, axis=0), labels, (soft * WEIGHT[:, None]).ravel())
    same_fit(fitted, repeated)
    assert fitted.objective_ == pytest.approx(repeated.objective_, rel=1e-9)


@each_model
@pytest.mark.parametrize("y", [BINARY, THREE], ids=["two", "three"])
def test_class_weights_are_sample_weights(model, y):
    by_class = {0: 2.0, 1: 0.5, 2: 1.5} if y is THREE else {0: 2.0, 1: 0.5}
    for smoothing in (0.0, 0.1):
        base = clone(model).set_params(label_smoothing=smoothing, **TIGHT)
        weighted = clone(base).set_params(class_weight=by_class).fit(X, y, WEIGHT)
        expected = clone(base).fit(X, y, WEIGHT * np.array([by_class[k] for k in y]))
        np.testing.assert_array_equal(weighted.coef_, expected.coef_)
        np.testing.assert_array_equal(weighted.intercept_, expected.intercept_)
    share = np.bincount(y, WEIGHT) / WEIGHT.sum()
    balanced = clone(model).set_params(class_weight="balanced", **TIGHT).fit(X, y, WEIGHT)
    expected = clone(model).set_params(class_weight=dict(enumerate(1.0 / share)), **TIGHT).fit(X, y, WEIGHT)
    same_fit(balanced, expected, atol=1e-6)


@each_model
def test_rows_without_weight_are_as_if_absent(model):
    weight = np.where(THREE == 2, 0.0, WEIGHT)
    fitted = clone(model).set_params(**TIGHT).fit(X, THREE, weight)
    kept = clone(model).set_params(**TIGHT).fit(X[THREE < 2], THREE[THREE < 2], WEIGHT[THREE < 2])
    np.testing.assert_array_equal(fitted.classes_, [0, 1])
    same_fit(fitted, kept)


@each_model
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.ones(60)}, "y: only one class"),
        ({"y": ["a"] * 60}, r"y: only one class, \['a'\]"),
        ({"y": np.where(np.arange(60) == 7, np.nan, BINARY)}, "Input y contains NaN"),
        ({"y": np.array([None, *map(str, BINARY[1:])], dtype=object)}, "a missing label in row 0"),
        ({"y": np.column_stack([SOFT, SOFT])}, r"y: the probabilities in row 0 sum to"),
        ({"y": 3.0 * SIGNAL}, "Unknown label type: continuous"),
        ({"label_smoothing": 1.0}, r"label_smoothing: 1.0 is outside \[0, 1\)"),
        ({"label_smoothing": -0.1}, "label_smoothing: -0.1 is outside"),
        ({"class_weight": "even"}, "class_weight: 'even' is not allowed"),
        ({"class_weight": {5: 1.0}}, "class_weight: 5 is not among the classes"),
        ({"offset": np.zeros((60, 3))}, "offset should be a 1d array"),
    ],
)
def test_refused_fits_leave_the_last_one(model, change, message):
    fitted = clone(model).fit(X, BINARY)
    before = pickle.dumps(fitted._coef), fitted.intercept_.tobytes(), fitted.classes_.tobytes()
    arguments = {name: change[name] for name in change if name in ("y", "offset")}
    fitted.set_params(**{name: value for name, value in change.items() if name not in arguments})
    with pytest.raises(ValueError, match=message):
        fitted.fit(**{"X": X, "y": BINARY, **arguments})
    assert (pickle.dumps(fitted._coef), fitted.intercept_.tobytes(), fitted.classes_.tobytes()) == before


# Predictions.


@each_model
def test_frames_and_column_vectors(model):
    frame = pd.DataFrame(X, columns=list("abcdef"))
    labels = pd.Series(np.array(["no", "yes"])[BINARY], dtype="category")
    fitted = clone(model).fit(frame, labels)
    assert fitted.predict(frame).tolist() == clone(model).fit(X, labels.to_numpy()).predict(X).tolist()
    with pytest.warns(DataConversionWarning, match="column-vector") as caught:
        clone(model).fit(X, BINARY[:, None])
    assert caught[0].filename == __file__


def test_probabilities_do_not_overflow():
    fitted = LogisticRegression(1e-3).fit(X, BINARY)
    for shift, certain in ((1e5, 1), (-1e5, 0)):
        offset = np.full(60, shift)
        assert fitted.predict_proba(X, offset)[:, certain].min() == 1.0
        np.testing.assert_array_equal(fitted.predict_proba(X, offset)[:, 1 - certain], 0.0)
        logs = fitted.predict_log_proba(X, offset)
        assert np.isfinite(logs).all()
        np.testing.assert_allclose(logs[:, 1 - certain], -np.abs(fitted.decision_function(X, offset)))
        assert (fitted.predict(X, offset) == certain).all()


def test_probabilities_are_calibrated_on_the_training_data():
    """The intercept is free: the mean probability is the share of the class."""
    fitted = LogisticRegression(0.02, **TIGHT).fit(X, BINARY, WEIGHT)
    probabilities = fitted.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-15)
    assert np.average(probabilities[:, 1], weights=WEIGHT) == pytest.approx(np.average(BINARY, weights=WEIGHT))
    entropy = log_loss(BINARY, probabilities, sample_weight=WEIGHT)
    assert fitted.objective_ == pytest.approx(entropy + 0.02 * np.abs(fitted.coef_).sum(), rel=1e-10)


@each_model
def test_ties_go_to_the_first_class(model):
    fitted = clone(model).set_params(alpha=10.0, fit_intercept=False).fit(X, BINARY)
    assert fitted.sparse_coef_.nnz == 0
    assert (fitted.predict(X) == 0).all()


# More than two classes.


def test_the_objective_of_three_classes():
    offset = 0.5 * RNG.standard_normal((60, 3))
    fitted = LogisticRegression(0.02, l1_ratio=0.7, label_smoothing=0.1, **TIGHT).fit(X, THREE, WEIGHT, offset)
    targets = 0.9 * np.eye(3)[THREE] + 0.1 / 3.0
    w, b = fitted.coef_, fitted.intercept_

    def objective(w, b):
        entropy = -np.sum(targets * special.log_softmax(X @ w.T + b + offset, axis=1), axis=1)
        return np.average(entropy, weights=WEIGHT) + 0.02 * (0.7 * np.abs(w).sum() + 0.15 * np.sum(w**2))

    best = objective(w, b)
    assert fitted.objective_ == pytest.approx(best, rel=1e-12)
    for step in 1e-3 * RNG.standard_normal((50, 3, 7)):
        assert objective(w + step[:, :6], b + step[:, 6]) >= best
    probabilities = special.softmax(X @ w.T + b + offset, axis=1)
    np.testing.assert_allclose(fitted.predict_proba(X, offset), probabilities, rtol=1e-9)
    assert b.mean() == pytest.approx(0.0, abs=1e-9)


def test_two_of_three_classes_shared_out_are_two():
    """A softmax of two classes with L2 is a logistic regression of twice the alpha, as each takes half of w."""
    both = np.column_stack([1.0 - SOFT, SOFT])
    thrice = np.column_stack([both, np.full(60, 1e-9)])
    binary = LogisticRegression(0.04, l1_ratio=0.0, **TIGHT).fit(X, SOFT)
    softmax = LogisticRegression(0.08, l1_ratio=0.0, **TIGHT).fit(X, thrice / thrice.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(softmax.coef_[1] - softmax.coef_[0], binary.coef_[0], atol=1e-4)
    np.testing.assert_allclose(softmax.predict_proba(X)[:, :2], binary.predict_proba(X), atol=1e-5)


def test_other_penalties_are_refused_beyond_two_classes():
    settings = {"alpha": 0.1, "penalty": "l0"}
    assert LogisticRegression(**settings).fit(X, BINARY).coef_.shape == (1, 6)
    with pytest.raises(ValueError, match=r"penalty \(beyond two classes\): 'l0' is not allowed"):
        LogisticRegression(**settings).fit(X, THREE)
    assert LinearSVC(**settings).fit(X, THREE).coef_.shape == (3, 6)


def test_three_classes_are_three_fits_against_the_rest():
    settings = {"alpha": 0.02, "l1_ratio": 0.5, **TIGHT}
    offset = 0.1 * RNG.standard_normal((60, 3))
    fitted = LinearSVC(**settings).fit(X, THREE, WEIGHT, offset)
    alone = [LinearSVC(**settings).fit(X, np.equal(THREE, k), WEIGHT, offset[:, k]) for k in range(3)]
    np.testing.assert_array_equal(fitted.coef_, np.vstack([one.coef_ for one in alone]))
    np.testing.assert_array_equal(fitted.intercept_, np.concatenate([one.intercept_ for one in alone]))
    scores = np.column_stack([one.decision_function(X, offset[:, k]) for k, one in enumerate(alone)])
    np.testing.assert_allclose(fitted.decision_function(X, offset), scores, rtol=1e-12)
    np.testing.assert_array_equal(fitted.predict(X, offset), scores.argmax(axis=1))
    assert fitted.objective_ == pytest.approx(sum(one.objective_ for one in alone))
    assert fitted.dual_gap_ == max(one.dual_gap_ for one in alone)
    assert fitted.n_iter_ == max(one.n_iter_ for one in alone)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X, offset), fitted.predict(X, offset))


@each_model
@pytest.mark.parametrize("bad", [np.zeros(60), np.zeros((60, 2)), 1.0], ids=["one", "two", "number"])
def test_three_classes_need_an_offset_each(model, bad):
    with pytest.raises(ValueError, match=r"offset: shape .* expected \(60, 3\), a column for each class"):
        clone(model).fit(X, THREE, offset=bad)
    fitted = clone(model).fit(X, THREE)
    with pytest.raises(ValueError, match=r"offset: shape .* expected \(60, 3\)"):
        fitted.predict(X, bad)


@each_model
def test_warm_starts_class_by_class(model):
    settings = {"l1_ratio": 0.5, "tol": 1e-10}
    warm = clone(model).set_params(warm_start=True, alpha=0.03, **settings).fit(X, THREE)
    first = warm.n_iter_
    assert warm.fit(X, THREE).n_iter_ < first
    warm.set_params(alpha=0.01).fit(X, THREE, WEIGHT)
    cold = clone(model).set_params(alpha=0.01, **settings).fit(X, THREE, WEIGHT)
    same_fit(warm, cold, atol=1e-3)
    # Another number of classes starts afresh.
    assert warm.fit(X, BINARY).coef_.shape == (1, 6)
    assert warm.fit(X, THREE).coef_.shape == (3, 6)


# Data that a hyperplane separates.


@pytest.mark.parametrize("settings", [{"penalty_factor": {0: 0.0}}, {"alpha": 0.0}], ids=str)
def test_separable_data_without_penalty_stay_finite(settings):
    y = (X[:, 0] > 0.0).astype(int)
    with pytest.warns(ConvergenceWarning, match="no finite coefficients are best"):
        fitted = LogisticRegression(**settings).fit(X, y)
    assert np.isfinite(fitted.coef_).all()
    assert np.isfinite(fitted.decision_function(X)).all()
    assert np.isfinite(fitted.objective_)
    assert fitted.score(X, y) == 1.0
    with warnings.catch_warnings():
        # Squared hinge is 0 beyond the margin: there is nothing to run after.
        warnings.simplefilter("error")
        assert LinearSVC(**settings).fit(X, y).score(X, y) == 1.0


def test_three_separable_classes_without_penalty_stay_finite():
    y = np.digitize(X[:, 0], [-0.3, 0.3])
    with pytest.warns(ConvergenceWarning, match="no finite coefficients are best"):
        fitted = LogisticRegression(alpha=0.0).fit(X, y)
    assert np.isfinite(fitted.coef_).all()
    assert np.isfinite(fitted.intercept_).all()
    assert fitted.score(X, y) == 1.0
    assert log_loss(y, fitted.predict_proba(X)) == pytest.approx(fitted.objective_, abs=1e-9)
