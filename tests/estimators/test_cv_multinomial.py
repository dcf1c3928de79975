"""Beyond two classes: folds are subsets, scores are what they say, relaxed fits are plain ones on fewer columns."""

import numpy as np
import pytest
from scipy import optimize, sparse, special

import sparsereg
from sparsereg import LogisticRegression, LogisticRegressionCV, logistic_path, metrics

N = 150
RNG = np.random.default_rng(0)
X = (RNG.standard_normal((N, 9)) * (RNG.random((N, 9)) < 0.6))[RNG.integers(0, N // 2, N)]
CODES = np.argmax(1.5 * X[:, :3] + RNG.gumbel(size=(N, 3)), axis=1)
LABELS = np.array(["ash", "elm", "fir"])[CODES]
SHARES = np.eye(3)[CODES]
WEIGHT = RNG.integers(0, 3, N).astype(float)
OFFSET = 0.3 * RNG.standard_normal((N, 3))


def parts(n_folds, weight=None):
    """Return the two parts of every fold as masks."""
    folds = sparsereg.model_selection.folds.make_folds(n_folds, X, LABELS, weight, N, labels=CODES)
    return [(fold.train_weight(None, N) > 0.0, fold.test_weight(None, N) > 0.0) for fold in folds]


def null_loss(shares, weight, offset):
    """Mean cross-entropy of the best intercepts beside the offset."""

    def mean_loss(b):
        return -np.average((shares * special.log_softmax(offset + b, axis=1)).sum(axis=1), weights=weight)

    return optimize.minimize(mean_loss, np.zeros(3)).fun


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_scores_are_those_of_fits_to_subsets(weighted, l1_ratio):
    weight, offset = (WEIGHT, OFFSET) if weighted else (None, None)
    names = metrics.METRICS["logistic"]
    model = LogisticRegressionCV(l1_ratio=l1_ratio, n_alphas=6, eps=0.03, cv=3, tol=1e-9, scoring=list(names))
    model.fit(sparse.csr_array(X), LABELS, weight, offset)
    w, o = np.ones(N) if weight is None else weight, np.zeros((N, 3)) if offset is None else offset
    for k, (train, test) in enumerate(parts(3, weight)):
        for position, alpha in enumerate(model.alphas_):
            fit = LogisticRegression(alpha, l1_ratio=l1_ratio, tol=1e-9)
            fit.fit(X[train], LABELS[train], w[train], o[train])
            t = fit.decision_function(X[test], o[test])
            found = {name: model.cv_results_[f"fold_{name}"][position, k] for name in names}
            judged = SHARES[test], special.softmax(t, axis=1), w[test]
            assert found["log_loss"] == pytest.approx(metrics.log_loss(*judged), rel=1e-4)
            assert found["auc"] == pytest.approx(metrics.auc(*judged), abs=2e-3)
            assert found["accuracy"] == pytest.approx(fit.score(X[test], LABELS[test], w[test], o[test]), abs=1e-9)
            assert found["calibration_error"] == pytest.approx(metrics.calibration_error(*judged), abs=1e-3)
            left = metrics.log_loss(*judged) / null_loss(SHARES[test], w[test], o[test])
            assert found["deviance_explained"] == pytest.approx(1.0 - left, abs=1e-4)


def test_what_a_fit_leaves_behind():
    model = LogisticRegressionCV(n_alphas=8, eps=1e-2, cv=4).fit(X, LABELS)
    k = model.best_index_
    assert k == np.argmin(model.cv_results_["mean_log_loss"])
    assert model.classes_.tolist() == model.path_.classes.tolist() == ["ash", "elm", "fir"]
    assert (model.coef_.shape, model.intercept_.shape) == ((3, 9), (3,))
    coef, intercept = model.path_.at(model.alpha_)
    np.testing.assert_array_equal(model.coef_, coef.to_csc().toarray().T)
    np.testing.assert_array_equal(model.intercept_, intercept)
    plain = LogisticRegression(model.alpha_, tol=1e-9).fit(X, LABELS)
    np.testing.assert_allclose(model.predict_proba(X), plain.predict_proba(X), atol=1e-3)
    assert (model.dual_gap_, model.objective_) == (model.path_.dual_gaps[k], model.path_.objectives[k])
    assert model.objective_ == pytest.approx(plain.objective_, rel=1e-6)
    used = [np.count_nonzero(np.any(fit.coef_ != 0.0, axis=0)) for fit in (model, plain)]
    assert used[0] == model.path_.df[k] == used[1]


def test_codes_and_shares_say_the_same_as_labels():
    model = LogisticRegressionCV(n_alphas=5, cv=3, n_jobs=2)
    known = model.fit(X, LABELS).cv_results_
    for y in (CODES, SHARES):
        found = model.fit(X, y).cv_results_
        for name, values in known.items():
            np.testing.assert_array_equal(found[name], values, err_msg=name)
        assert model.classes_.tolist() == [0, 1, 2]


def test_soft_targets_have_consecutive_folds():
    soft = 0.7 * SHARES + 0.1
    model = LogisticRegressionCV(n_alphas=5, eps=0.05, cv=3).fit(X, soft)
    path = logistic_path(X[50:], soft[50:], alphas=model.alphas_)
    expected = path.evaluate(X[:50], soft[:50])["log_loss"]
    np.testing.assert_allclose(model.cv_results_["fold_log_loss"][:, 0], expected, rtol=1e-3)


def test_smoothing_and_class_weights_are_for_the_fits_alone():
    settings = {"label_smoothing": 0.2, "class_weight": {"elm": 3.0}}
    model = LogisticRegressionCV(n_alphas=4, eps=0.05, cv=3, tol=1e-9, **settings).fit(X, LABELS)
    for k, (train, test) in enumerate(parts(3)):
        for position, alpha in enumerate(model.alphas_):
            fit = LogisticRegression(alpha, tol=1e-9, **settings).fit(X[train], LABELS[train])
            expected = metrics.log_loss(SHARES[test], fit.predict_proba(X[test]))
            assert model.cv_results_["fold_log_loss"][position, k] == pytest.approx(expected, rel=1e-4)


def test_a_class_of_weight_0_is_neither_fitted_nor_judged():
    settings = {"n_alphas": 5, "eps": 0.05, "tol": 1e-9}
    model = LogisticRegressionCV(class_weight={"elm": 0.0, "fir": 2.0}, cv=parts(3), **settings).fit(X, LABELS)
    weight = np.where(LABELS == "elm", 0.0, 1.0)
    expected = LogisticRegressionCV(class_weight={"fir": 2.0}, cv=parts(3), **settings).fit(X, LABELS, weight)
    assert model.classes_.tolist() == expected.classes_.tolist() == ["ash", "fir"]
    np.testing.assert_allclose(model.coef_, expected.coef_, atol=1e-6)
    np.testing.assert_allclose(
        model.cv_results_["fold_log_loss"], expected.cv_results_["fold_log_loss"], rtol=1e-6
    )
    one = LogisticRegression(0.01, class_weight={"elm": 0.0}, tol=1e-9).fit(X, LABELS)
    np.testing.assert_allclose(one.coef_, LogisticRegression(0.01, tol=1e-9).fit(X, LABELS, weight).coef_, atol=1e-6)


def test_relaxed_fits_are_plain_ones_on_the_columns_used():
    path = logistic_path(X, LABELS, n_alphas=6, eps=0.05, relax=True, tol=1e-9)
    plain = logistic_path(X, LABELS, n_alphas=6, eps=0.05, tol=1e-9)
    assert path.relaxed
    np.testing.assert_array_equal(path.df, plain.df)
    assert np.all(path.deviances <= plain.deviances)
    assert path.dual_gaps.max() <= 1e-9
    for k, alpha in enumerate(path.alphas):
        used = np.flatnonzero(np.any(path.at(alpha)[0].to_csc().toarray() != 0.0, axis=1))
        if used.size:
            fit = LogisticRegression(0.0, tol=1e-10).fit(X[:, used], LABELS)
            assert path.objectives[k] == pytest.approx(fit.objective_, rel=1e-8)
            assert path.deviances[k] == pytest.approx(2.0 * fit.objective_, rel=1e-8)
    model = LogisticRegressionCV(alphas=path.alphas, relax=True, cv=3).fit(X, LABELS)
    assert model.path_.relaxed
    for k, (train, test) in enumerate(parts(3)):
        part = logistic_path(X[train], LABELS[train], alphas=path.alphas, relax=True)
        expected = part.evaluate(X[test], LABELS[test])["log_loss"]
        assert np.median(np.abs(model.cv_results_["fold_log_loss"][:, k] - expected)) < 1e-3


def test_scorers_of_scikit_learn():
    pytest.importorskip("sklearn.metrics")
    model = LogisticRegressionCV(n_alphas=5, cv=3, scoring="roc_auc_ovr").fit(X, LABELS)
    ours = LogisticRegressionCV(n_alphas=5, cv=3, scoring="auc").fit(X, LABELS)
    np.testing.assert_allclose(model.cv_results_["fold_roc_auc_ovr"], ours.cv_results_["fold_auc"])
    assert model.alpha_ == ours.alpha_
    model.set_params(scoring="neg_log_loss").fit(X, LABELS, WEIGHT)
    np.testing.assert_allclose(model.cv_results_["fold_neg_log_loss"], -model.cv_results_["fold_log_loss"], rtol=1e-6)


def test_folds_need_every_class():
    order = np.argsort(CODES)
    with pytest.raises(ValueError, match=r"cv: the train part of fold 0 cannot be fitted"):
        LogisticRegressionCV(n_alphas=3, cv=[(order[:60], order[60:]), (order[60:], order[:60])]).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"offset: shape \(150,\) is not allowed, expected \(150, 3\)"):
        LogisticRegressionCV(n_alphas=3).fit(X, LABELS, offset=np.zeros(N))
    with pytest.raises(ValueError, match=r"penalty \(beyond two classes\): 'mcp' is not allowed"):
        LogisticRegressionCV(n_alphas=3, penalty="mcp").fit(X, LABELS)


def test_evaluate():
    """Every alpha is judged as its own probabilities would be."""
    seen, rest = slice(0, 100), slice(100, N)
    path = logistic_path(X[seen], LABELS[seen], n_alphas=5, eps=0.05, offset=OFFSET[seen])
    table = path.evaluate(X[rest], LABELS[rest], WEIGHT[rest], OFFSET[rest])
    assert list(table) == ["alpha", "n_nonzero", *metrics.METRICS["logistic"]]
    for k, alpha in enumerate(path.alphas):
        judged = SHARES[rest], path.predict(X[rest], alpha, OFFSET[rest]), WEIGHT[rest]
        for name in ("log_loss", "accuracy", "auc", "calibration_error"):
            assert table[name][k] == pytest.approx(getattr(metrics, name)(*judged)), name
    same = path.evaluate(X[rest], SHARES[rest], WEIGHT[rest], OFFSET[rest])
    np.testing.assert_array_equal(same["log_loss"], table["log_loss"])
    own = path.evaluate(X[seen], LABELS[seen], offset=OFFSET[seen])
    np.testing.assert_allclose(path.deviances, 2.0 * own["log_loss"])


def test_evaluate_refuses_what_was_not_among_the_classes():
    path = logistic_path(X, LABELS, n_alphas=2)
    with pytest.raises(ValueError, match=r"y: .*'oak'.* in row 0 is not among the classes \['ash', 'elm', 'fir'\]"):
        path.evaluate(X[:2], ["oak", "elm"])
    assert path.evaluate(X[:2], ["oak", "elm"], [0.0, 1.0])["log_loss"].shape == (2,)
    with pytest.raises(ValueError, match=r"y: shape \(2, 4\) is not allowed, expected \(2, 3\)"):
        path.evaluate(X[:2], np.full((2, 4), 0.25))
    two = logistic_path(X, np.where(CODES == 0, "b", "a"), n_alphas=3)
    by_label, by_number = two.evaluate(X, np.where(CODES == 0, "b", "a")), two.evaluate(X, 0.999 * (CODES == 0))
    np.testing.assert_allclose(by_label["log_loss"], by_number["log_loss"], rtol=1e-2)


def test_criteria_count_coefficients():
    path = logistic_path(X, LABELS, n_alphas=4, eps=0.05)
    counted = np.count_nonzero(path.coefs.toarray().reshape(9, 4, 3), axis=(0, 2))
    assert np.any(counted > path.df)
    np.testing.assert_allclose(path.criterion("aic"), N * path.deviances + 2.0 * counted)
    np.testing.assert_allclose(path.criterion("bic"), N * path.deviances + np.log(N) * counted)
