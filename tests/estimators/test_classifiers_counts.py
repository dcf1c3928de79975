"""Fits to counts of trials must be those to a row of weight 1 for each trial."""

import numpy as np
import pytest
from scipy import sparse
from support.trials import count_trials, one_by_one

from sparsereg import (
    LinearSVC,
    LogisticRegression,
    LogisticRegressionCV,
    SGDClassifier,
    logistic_path,
    regularization_path,
)

FACTORS = {2: {0: 1.0, 1: 2.5}, 3: {0: 1.0, 1: 2.5, 2: 0.5}}


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize(
    "settings", [{}, {"label_smoothing": 0.1}, {"class_weight": "balanced"}, {"class_weight": FACTORS}], ids=str
)
@pytest.mark.parametrize("kind", [LogisticRegression, LinearSVC])
def test_estimators(kind, settings, weighted, n_classes):
    X, counts, weight = count_trials(n_classes)
    settings = {name: value.get(n_classes) if value is FACTORS else value for name, value in settings.items()}
    offset = 0.3 * X[:, :1].repeat(n_classes, axis=1) if n_classes > 2 else 0.3 * X[:, 0]
    labels, rows, of_trial, moved = one_by_one(counts, X, weight, offset)
    weights = (weight, of_trial) if weighted else (None, None)
    offsets = (offset, moved) if weighted else (0.0 * offset, 0.0 * moved)
    model = kind(0.01, tol=1e-13, **settings)
    found = kind(**model.get_params()).fit(sparse.csr_array(X), counts, weights[0], offsets[0])
    trials = model.fit(sparse.csr_array(rows), labels, weights[1], offsets[1])
    np.testing.assert_allclose(found.coef_, trials.coef_, atol=1e-10)
    np.testing.assert_allclose(found.intercept_, trials.intercept_, atol=1e-10)
    assert found.objective_ == pytest.approx(trials.objective_, rel=1e-10)
    assert found.classes_.tolist() == list(range(n_classes))
    accuracy = trials.score(rows, labels, weights[1], offsets[1])
    assert found.score(X, counts, weights[0], offsets[0]) == pytest.approx(accuracy, rel=1e-12)
    total = counts.sum(axis=1)
    shares = counts / np.maximum(total, 1)[:, None]
    assert found.score(X, shares, total * (weight if weighted else 1.0), offsets[0]) == pytest.approx(accuracy)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("make", [logistic_path, lambda X, y, **s: regularization_path(X, y, loss="logistic", **s)])
def test_paths(make, n_classes):
    X, counts, weight = count_trials(n_classes)
    X[counts.sum(axis=1) == 0, 4] = 1.0
    X[counts.sum(axis=1) > 0, 4] = 0.0
    labels, rows, of_trial = one_by_one(counts, X, weight)
    found = make(X, counts, sample_weight=weight, n_alphas=6, tol=1e-13)
    trials = logistic_path(rows, labels, sample_weight=of_trial, n_alphas=6, tol=1e-13)
    np.testing.assert_allclose(found.alphas, trials.alphas, rtol=1e-12)
    np.testing.assert_allclose(found.sparse_coef.to_csc().toarray(), trials.sparse_coef.to_csc().toarray(), atol=1e-10)
    np.testing.assert_allclose(found.dev_ratio, trials.dev_ratio, atol=1e-10)
    assert found.total_weight == pytest.approx(trials.total_weight)
    # Rows without trials are no rows, and columns that only they occupy no columns.
    assert found.n_samples == np.count_nonzero(counts.any(axis=1))
    assert found.n_active == trials.n_active == 4
    judged, expected = found.evaluate(X, counts, weight), trials.evaluate(rows, labels, of_trial)
    for name, values in expected.items():
        np.testing.assert_allclose(judged[name], values, rtol=1e-8, atol=1e-10, err_msg=name)


def test_failures_stand_before_successes():
    """As glmnet has it: the second column is what the probability is of."""
    X = np.array([[1.0], [0.0]])
    model = LogisticRegression(0.0, tol=1e-12).fit(X, [[1, 3], [3, 1]])
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], [0.75, 0.25], rtol=1e-4)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [True, False])
def test_cross_validation(weighted, n_classes):
    X, counts, weight = count_trials(n_classes, n=90)
    folds = np.arange(90) % 3
    labels, rows, of_trial, of_fold = one_by_one(counts, X, weight, folds)
    settings = {"n_alphas": 5, "eps": 1e-2, "tol": 1e-11, "class_weight": "balanced"}
    found = LogisticRegressionCV(cv=folds, **settings).fit(X, counts, weight if weighted else None)
    trials = LogisticRegressionCV(cv=of_fold, **settings).fit(rows, labels, of_trial if weighted else None)
    for name, values in trials.cv_results_.items():
        np.testing.assert_allclose(found.cv_results_[name], values, atol=1e-7, rtol=1e-7, err_msg=name)
    assert found.alpha_ == pytest.approx(trials.alpha_, rel=1e-12)
    np.testing.assert_allclose(found.coef_, trials.coef_, atol=1e-8)


def test_folds_of_rows_of_one_label_are_stratified():
    rng = np.random.default_rng(0)
    X, label = rng.standard_normal((40, 3)), np.sort(np.arange(40) % 2)
    counts = np.eye(2, dtype=int)[label] * rng.integers(1, 4, 40)[:, None]
    by_count = LogisticRegressionCV(n_alphas=3, cv=4, eps=0.1).fit(X, counts)
    by_label = LogisticRegressionCV(n_alphas=3, cv=4, eps=0.1).fit(X, label, counts.sum(axis=1))
    assert by_count.cv_folds_.tolist() == by_label.cv_folds_.tolist()
    np.testing.assert_allclose(by_count.cv_results_["fold_log_loss"], by_label.cv_results_["fold_log_loss"])


def test_streams():
    """Rows of several trials are rows of that weight, in `fit` and part by part."""
    X, counts, _ = count_trials()
    total = counts.sum(axis=1)
    shares = counts / np.maximum(total, 1)[:, None]
    settings = {"alpha": 1e-3, "random_state": 0, "max_iter": 3, "tol": None}
    found = SGDClassifier(**settings).fit(X, counts)
    weighted = SGDClassifier(**settings).fit(X, shares, total)
    np.testing.assert_array_equal(found.coef_, weighted.coef_)
    found, weighted = SGDClassifier(**settings), SGDClassifier(**settings)
    for part in np.split(np.arange(60), 4):
        found.partial_fit(X[part], counts[part], classes=[0, 1])
        weighted.partial_fit(X[part], shares[part], classes=[0, 1], sample_weight=total[part])
    np.testing.assert_array_equal(found.coef_, weighted.coef_)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y - 1, "y: count -1 in row 1 is negative"),
        (lambda y: y * 0.9, "y: the probabilities in row 0 sum to"),
        (lambda y: y * 0, "y: every count is 0"),
        (lambda y: y[:50], "y: length 50 does not match the 60 rows of X"),
        (lambda y: np.where(y == 2, np.nan, y), "Input y contains NaN"),
    ],
)
@pytest.mark.parametrize("model", [LogisticRegression(), LogisticRegressionCV(n_alphas=3), SGDClassifier()])
def test_refused(model, change, message):
    X, counts, _ = count_trials()
    counts[0], counts[1] = [1, 2], [0, 2]
    with pytest.raises(ValueError, match=message):
        model.fit(X, change(counts))
    assert not hasattr(model, "intercept_")


def test_a_score_of_other_classes():
    X, counts, _ = count_trials()
    model = LogisticRegression().fit(X, counts)
    with pytest.raises(ValueError, match=r"y: shape \(60, 3\) is not allowed, expected \(60, 2\)"):
        model.score(X, np.column_stack([counts, counts[:, 0]]))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_counts_judge_and_calibrate(n_classes):
    """As their trials do: in memory, over blocks (one of which has no trials), and as held-out rows."""
    X, counts, weight = count_trials(n_classes)
    order = np.argsort(~counts.any(axis=1), kind="stable")
    X, counts, weight = X[order], counts[order], weight[order]
    labels, rows, of_trial = one_by_one(counts, X, weight)
    model = LogisticRegression(0.01, class_weight="balanced").fit(X, counts)
    expected = model.evaluate(rows, labels, of_trial)
    n_tried = np.count_nonzero(counts.any(axis=1))
    blocks = [(X[part], counts[part], weight[part]) for part in np.split(np.arange(60), [20, n_tried])]
    path = logistic_path(X, counts, n_alphas=4)
    for found in (model.evaluate(X, counts, weight), model.evaluate_stream(blocks)):
        assert found == pytest.approx(expected, rel=1e-10)
    by_trial = path.evaluate(rows, labels, of_trial)
    for name, values in path.evaluate_stream(blocks).items():
        np.testing.assert_allclose(values, by_trial[name], rtol=1e-10, atol=1e-12)
    found = model.calibrate(X, counts, weight).calibration_
    trials = model.calibrate(rows, labels, of_trial).calibration_
    assert found.slope == pytest.approx(trials.slope, rel=1e-8)
    np.testing.assert_allclose(found.shift, trials.shift, atol=1e-8)
