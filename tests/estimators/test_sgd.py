"""Streaming estimators, as scikit-learn's users meet them, and as their documentation describes them."""

import copy
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, special
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator
from support.wide_matrices import CROSS_WIDTH, lat_long_cross

from sparsereg import (
    ConvergenceWarning,
    ElasticNet,
    HuberRegressor,
    Lasso,
    LinearSVC,
    LogisticRegression,
    PoissonRegressor,
    SGDClassifier,
    SGDRegressor,
    lasso_path,
    logistic_path,
)
from sparsereg.streaming.learner import DivergenceError, Learner

RNG = np.random.default_rng(0)
X = sparse.random_array((300, 40), density=0.15, format="csr", rng=RNG)
SIGNAL = X @ (3.0 * RNG.standard_normal(40) * (RNG.random(40) < 0.4))
TARGETS = {
    "squared": SIGNAL + RNG.standard_normal(300),
    "huber": SIGNAL + RNG.standard_t(2, 300),
    "poisson": RNG.poisson(np.exp(0.5 * SIGNAL)).astype(float),
    "logistic": (SIGNAL + RNG.logistic(size=300) > 0.0).astype(int),
}
TARGETS["squared_hinge"] = TARGETS["logistic"]
THREE = np.digitize(SIGNAL + RNG.standard_normal(300), [-0.5, 0.5])
ALGORITHMS = ("ftrl", "prox_sgd", "adagrad")
BATCH = {
    "squared": Lasso, "huber": HuberRegressor, "poisson": PoissonRegressor, "logistic": LogisticRegression,
    "squared_hinge": LinearSVC,
}

each_loss = pytest.mark.parametrize("loss", list(BATCH))
each_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)


def make(loss, **settings):
    """Return an estimator for a loss."""
    cls = SGDClassifier if loss in ("logistic", "squared_hinge") else SGDRegressor
    return cls(loss, **{"random_state": 0, "alpha": 0.01, **settings})


def first_part(model, rows, y, **settings):
    """Call partial_fit for the first time."""
    if isinstance(model, SGDClassifier):
        settings = {"classes": np.unique(y), **settings}
    return model.partial_fit(rows, y, **settings)


def state(model):
    """Return what the fit is, as bytes."""
    learned = model.training_.learner.state()
    cells = learned.pop("cells")
    cells = cells[np.argsort(cells[:, 0] & np.iinfo(np.int64).max)]
    cells[:, 0] &= np.iinfo(np.int64).max
    used = cells[:, 1:].any(axis=1)
    return b"".join([cells[used].tobytes(), *(array.tobytes() for array in learned.values())])


def epochs(model, n):
    return model.set_params(tol=None, max_iter=n)


# scikit-learn.


@pytest.mark.parametrize(
    "model",
    [
        SGDClassifier(), SGDRegressor(), SGDClassifier(algorithm="prox_sgd"), SGDClassifier(algorithm="adagrad"),
        SGDRegressor(algorithm="adagrad"), SGDRegressor("huber", algorithm="prox_sgd"), SGDClassifier("squared_hinge"),
        SGDRegressor("poisson"), SGDClassifier(early_stopping=True), SGDClassifier(penalty="mcp"),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore::sparsereg.ConvergenceWarning")
def test_scikit_learns_own_checks(model):
    results = check_estimator(model, on_skip=None, on_fail="raise")
    status = {result["check_name"]: result["status"] for result in results}
    # The array API has to be switched on before SciPy is first imported.
    assert [name for name, what in status.items() if what != "passed"] in ([], ["check_array_api_input"])
    assert len(status) > 40


def test_probabilities_come_with_logistic_loss_alone():
    y = TARGETS["logistic"]
    model = make("logistic").fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], special.expit(model.decision_function(X)), rtol=1e-12)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X), rtol=1e-12)
    hinge = make("squared_hinge").fit(X, y)
    for name in ("predict_proba", "predict_log_proba"):
        assert hasattr(model, name)
        assert not hasattr(hinge, name)


def test_names_of_scikit_learn_are_understood():
    for loss, same in (("logistic", "log_loss"), ("squared", "squared_error")):
        y = TARGETS[loss]
        assert state(epochs(make(loss), 3).fit(X, y)) == state(epochs(make(loss), 3).set_params(loss=same).fit(X, y))


def test_without_scikit_learn(tmp_path):
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import numpy as np\n"
        "from sparsereg import SGDClassifier, SGDRegressor\n"
        "X = np.eye(6)\n"
        "model = SGDClassifier(random_state=0).fit(X, [0, 1, 0, 1, 0, 1])\n"
        "assert model.score(X, [0, 1, 0, 1, 0, 1]) == 1.0\n"
        "assert repr(model) == 'SGDClassifier(random_state=0)'\n"
        "assert SGDRegressor('poisson').partial_fit(X, np.arange(6.0)).predict(X).shape == (6,)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# Parts.


@each_algorithm
@each_loss
def test_division_into_parts_changes_no_bit(loss, algorithm):
    y, weight = TARGETS[loss], RNG.random(300)
    whole = first_part(make(loss, algorithm=algorithm, dropout=0.2), X, y, sample_weight=weight)
    parts = make(loss, algorithm=algorithm, dropout=0.2)
    for start, stop in ((0, 1), (1, 120), (120, 121), (121, 300)):
        first = {"classes": [0, 1]} if start == 0 and isinstance(parts, SGDClassifier) else {}
        parts.partial_fit(X[start:stop], y[start:stop], sample_weight=weight[start:stop], **first)
    assert state(whole) == state(parts)
    np.testing.assert_array_equal(whole.coef_, parts.coef_)
    np.testing.assert_array_equal(whole.intercept_, parts.intercept_)
    assert whole.t_ == parts.t_ == 301


@each_algorithm
@each_loss
def test_a_pass_in_order_is_a_part(loss, algorithm):
    y, weight = TARGETS[loss], np.where(RNG.random(300) < 0.2, 0.0, RNG.random(300))
    for settings in ({}, {"dropout": 0.3}, {"min_count": 3}, {"drop_stale": 50}):
        settings = {"algorithm": algorithm, "eta0": 0.1, **settings}
        part = first_part(make(loss, **settings), X, y, sample_weight=weight)
        fitted = epochs(make(loss, shuffle=False, **settings), 1).fit(X, y, weight)
        assert state(part) == state(fitted), settings


def test_three_classes_in_parts():
    for loss in ("logistic", "squared_hinge"):
        whole = make(loss).partial_fit(X, THREE, classes=[0, 1, 2])
        parts = make(loss).partial_fit(X[:100], THREE[:100], classes=[2, 0, 1])
        parts.partial_fit(X[100:], THREE[100:])
        assert state(whole) == state(parts)
        assert whole.coef_.shape == (3, 40)
        assert whole.decision_function(X).shape == (300, 3)


@each_algorithm
def test_a_refused_part_changes_no_bit(algorithm):
    y = TARGETS["logistic"]
    model = make("logistic", algorithm=algorithm).partial_fit(X[:200], y[:200], classes=[0, 1])
    before, words, curve = state(model), sorted(vars(model)), model.history_
    broken = X[200:].copy()
    broken.data[7] = np.nan
    refused = [
        ((X[200:, :30], y[200:]), "30 features, but SGDClassifier is expecting 40 features"),
        ((X[200:], np.where(np.arange(100) == 99, 2, y[200:])), r"2 in row 99 is not among the classes \[0, 1\]"),
        ((broken, y[200:]), "NaN"),
        ((X[200:], y[199:]), "length 101 does not match the 100 rows"),
        ((X[200:], y[200:], [1, 2]), r"classes: \[1, 2\] is not allowed, expected \[0, 1\]"),
        ((X[200:], y[200:], None, -np.ones(100)), "negative"),
    ]
    for arguments, message in refused:
        with pytest.raises(ValueError, match=message):
            model.partial_fit(*arguments)
        assert state(model) == before
        assert sorted(vars(model)) == words
    np.testing.assert_equal(model.history_, curve)


def test_the_first_part_names_the_classes():
    y = TARGETS["logistic"]
    with pytest.raises(ValueError, match="classes: None is not allowed on the first call"):
        SGDClassifier().partial_fit(X, y)
    for classes, message in (([1], "at least two labels"), ([0, 0, 1], "each once"), ([[0, 1]], "one dimension")):
        with pytest.raises(ValueError, match=message):
            SGDClassifier().partial_fit(X, y, classes=classes)
    model = SGDClassifier()
    with pytest.raises(ValueError, match="not among the classes"):
        model.partial_fit(X, y, classes=[0, 5])
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert not [name for name in vars(model) if name.endswith("_")]


def test_settings_may_not_change_under_way():
    model = make("squared").partial_fit(X, TARGETS["squared"])
    before = state(model)
    with pytest.raises(ValueError, match=r"alpha: 0\.5 is not allowed in a fit that was begun with 0\.01"):
        model.set_params(alpha=0.5).partial_fit(X, TARGETS["squared"])
    assert state(model) == before


def test_rows_out_of_order_and_repeated_ids_are_put_right_on_a_copy():
    y = TARGETS["squared"]
    ids, values, indptr = [], [], [0]
    rng = np.random.default_rng(1)
    for row in X:
        order = rng.permutation(row.indices.size)
        ids += [*row.indices[order], *row.indices[order[:1]]]
        # The last entry gives back what the first has too much.
        values += [*(row.data[order] + np.where(np.arange(order.size) == 0, 1.0, 0.0)), *[-1.0] * min(order.size, 1)]
        indptr.append(len(ids))
    messy = sparse.csr_array((np.array(values), np.array(ids), np.array(indptr)), shape=X.shape)
    copied = messy.indices.copy(), messy.data.copy()
    expected, found = make("squared").partial_fit(X, y), make("squared").partial_fit(messy, y)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(messy.indices, copied[0])
    np.testing.assert_array_equal(messy.data, copied[1])
    large = sparse.csr_array((np.array([1e308, 1e308]), np.array([3, 3]), np.array([0, 0, 2])), shape=(2, 40))
    with pytest.raises(ValueError, match="sum of duplicate entries in row 1"):
        found.partial_fit(large, [0.0, 1.0])


def test_wide_ids():
    width = 2**63 - 1
    ids = np.array([0, 2**40, 2**63 - 2, 2**40], dtype=np.int64)
    wide = sparse.csr_array((np.ones(4), ids, np.arange(5)), shape=(4, width))
    model = SGDRegressor(eta0=1.0).partial_fit(wide, [1.0, 2.0, -3.0, 2.0])
    np.testing.assert_array_equal(model.sparse_coef_.indices, [0, 2**40, 2**63 - 2])
    assert model.n_active_ == 3
    assert epochs(SGDRegressor(alpha=0.01), 50).fit(wide, [1.0, 2.0, -3.0, 2.0]).predict(wide).shape == (4,)


def test_a_cross_of_coordinates():
    rows = lat_long_cross(2000)
    y = np.random.default_rng(0).standard_normal(2000)
    model = make("squared").partial_fit(rows, y)
    assert model.sparse_coef_.shape == (1, CROSS_WIDTH)
    assert model.predict(rows).shape == (2000,)


def test_data_frames_keep_their_names():
    frame = pd.DataFrame(X.toarray(), columns=[f"x{j}" for j in range(40)])
    model = make("squared").partial_fit(frame, TARGETS["squared"])
    assert list(model.feature_names_in_) == list(frame.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        model.partial_fit(frame[frame.columns[::-1]], TARGETS["squared"])


def test_copies_go_on_alone():
    y = TARGETS["logistic"]
    model = make("logistic", dropout=0.1).partial_fit(X[:150], y[:150], classes=[0, 1])
    others = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    before = state(model)
    for other in others:
        assert state(other.partial_fit(X[150:], y[150:])) != before
        assert state(model) == before
    model.partial_fit(X[150:], y[150:])
    assert [state(other) == state(model) for other in others] == [True, True]
    assert not hasattr(clone(model), "classes_")


def test_a_model_is_read_once_after_learning(monkeypatch):
    calls = []
    read = Learner.coefficients
    monkeypatch.setattr(Learner, "coefficients", lambda learner: calls.append(1) or read(learner))
    model = make("squared")
    for start in range(0, 300, 3):
        model.partial_fit(X[start : start + 3], TARGETS["squared"][start : start + 3])
    assert not calls
    predicted = model.predict(X)
    assert not calls
    assert model.coef_.size == model.sparse_coef_.shape[1]
    np.testing.assert_allclose(model.predict(X), predicted, rtol=1e-12)
    assert len(calls) == 1
    assert model.partial_fit(X, TARGETS["squared"]).sparse_coef_.nnz > 0
    assert len(calls) == 2


# What is learned.


@pytest.mark.parametrize(("algorithm", "settings", "within"), [
    ("ftrl", {"eta0": 0.3}, 1e-4), ("adagrad", {"eta0": 0.1}, 1.5e-3),
    ("prox_sgd", {"eta0": 1.0, "average": 6000}, 1.5e-3),
])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.3])
@each_loss
def test_passes_converge_to_the_batch_optimum(loss, algorithm, settings, within, l1_ratio):
    y = TARGETS[loss]
    best = (ElasticNet if loss == "squared" else BATCH[loss])(0.02, l1_ratio=l1_ratio, tol=1e-10).fit(X, y)
    model = epochs(make(loss, algorithm=algorithm, alpha=0.02, l1_ratio=l1_ratio, **settings), 300).fit(X, y)
    excess = (model.objective_ - best.objective_) / best.objective_
    assert -1e-9 < excess < within
    # The bound holds, and says something.
    assert model.dual_gap_ >= excess * 0.5
    assert model.dual_gap_ < 0.1
    assert model.n_iter_ == 300


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
def test_three_classes_converge(loss):
    best = BATCH[loss](0.02, tol=1e-10).fit(X, THREE)
    model = epochs(make(loss, alpha=0.02, eta0=0.3), 300).fit(X, THREE)
    assert abs(model.objective_ / best.objective_ - 1.0) < 1e-4
    np.testing.assert_allclose(model.coef_, best.coef_, atol=0.02)
    assert 0.0 <= model.dual_gap_ < 0.02
    assert np.mean(model.predict(X) == best.predict(X)) > 0.98


def test_the_objective_is_that_of_the_definition():
    y, weight = TARGETS["logistic"], RNG.random(300)
    model = epochs(make("logistic", l1_ratio=0.4, label_smoothing=0.1), 5).fit(X, y, weight)
    w, b, target = model.coef_[0], model.intercept_[0], 0.9 * y + 0.05
    t = X @ w + b
    loss = np.average(np.logaddexp(0.0, t) - target * t, weights=weight)
    assert model.objective_ == pytest.approx(loss + 0.01 * (0.4 * np.abs(w).sum() + 0.3 * w @ w), rel=1e-12)
    best = LogisticRegression(0.01, l1_ratio=0.4, label_smoothing=0.1, tol=1e-12).fit(X, y, weight)
    null = LogisticRegression(1e3, label_smoothing=0.1).fit(X, y, weight).objective_
    assert model.dual_gap_ * null >= model.objective_ - best.objective_ > 0.0


def test_penalties_that_are_not_convex():
    y = TARGETS["squared"]
    # FTRL's steps, which scale the jump of L0, are not as long as coordinate descent's: it keeps more columns.
    for penalty, most in (("mcp", 0.1), ("scad", 0.1), ("l0", 1.0)):
        model = epochs(make("squared", penalty=penalty, eta0=0.3), 100).fit(X, y)
        assert np.isnan(model.dual_gap_)
        assert 0.0 <= model.violation_ < most
        assert 0 < model.sparse_coef_.nnz < 40
    assert np.isnan(epochs(make("logistic", penalty="mcp"), 3).fit(X, THREE).violation_)


def test_weights_are_repetitions():
    y, times = TARGETS["logistic"], np.random.default_rng(2).integers(0, 4, 300)
    order = np.random.default_rng(3).permutation(np.repeat(np.arange(300), times))
    for settings in ({}, {"early_stopping": True}, {"dropout": 0.1}):
        weighted = epochs(make("logistic", **settings), 10).fit(X, y, times.astype(float))
        repeated = epochs(make("logistic", **settings), 10).fit(X[order], y[order])
        assert state(weighted) == state(repeated)


def test_seeds_decide():
    y = TARGETS["logistic"]
    one, same, other = (epochs(make("logistic", random_state=seed), 2).fit(X, y) for seed in (0, 0, 1))
    assert state(one) == state(same)
    assert state(one) != state(other)
    for seed in (np.random.RandomState(0), np.random.default_rng(0), None):
        assert epochs(make("logistic", random_state=seed), 1).fit(X, y).t_ > 1
    with pytest.raises(ValueError, match="random_state: -1 is not allowed"):
        make("logistic", random_state=-1).fit(X, y)


# Targets.


def test_label_smoothing_is_soft_targets():
    y = TARGETS["logistic"]
    smoothed = make("logistic", label_smoothing=0.2).partial_fit(X, y, classes=[0, 1])
    soft = make("logistic").partial_fit(X, 0.8 * y + 0.1, classes=[0, 1])
    assert state(smoothed) == state(soft)
    shares = np.full((300, 3), 0.1)
    shares[np.arange(300), THREE] = 0.8
    smoothed = epochs(make("logistic", label_smoothing=0.3), 3).fit(X, THREE)
    soft = epochs(make("logistic"), 3).fit(X, shares)
    np.testing.assert_allclose(smoothed.coef_, soft.coef_, rtol=1e-4, atol=1e-6)


def test_class_weights_are_weights():
    y = TARGETS["logistic"]
    by_class = make("logistic", class_weight={1: 3.0}).partial_fit(X, y, classes=[0, 1])
    by_row = make("logistic").partial_fit(X, y, classes=[0, 1], sample_weight=np.where(y == 1, 3.0, 1.0))
    assert state(by_class) == state(by_row)
    counts = np.bincount(y)
    balanced = epochs(make("logistic", class_weight="balanced"), 3).fit(X, y)
    by_row = epochs(make("logistic"), 3).fit(X, y, (300 / (2 * counts))[y])
    np.testing.assert_allclose(balanced.coef_, by_row.coef_, rtol=1e-6)
    with pytest.raises(ValueError, match="class_weight: 'balanced' is not allowed with data that come in parts"):
        make("logistic", class_weight="balanced").partial_fit(X, y, classes=[0, 1])


def test_labels_of_any_kind():
    names = np.array(["no", "yes"])[TARGETS["logistic"]]
    model = epochs(make("logistic"), 5).fit(X, names)
    assert set(model.predict(X)) == {"no", "yes"}
    assert state(model) == state(epochs(make("logistic"), 5).fit(X, TARGETS["logistic"]))
    part = make("logistic").partial_fit(X, names, classes=["yes", "no"])
    assert list(part.classes_) == ["no", "yes"]


def test_targets_that_a_loss_does_not_allow():
    with pytest.raises(ValueError, match=r"y: -1 in row 0 is outside \[0, inf\)"):
        make("poisson").partial_fit(X, -np.ones(300))
    with pytest.raises(ValueError, match="only one class"):
        make("logistic").fit(X, np.zeros(300))
    with pytest.raises(ValueError, match="is not allowed for a regression, expected None"):
        make("squared").fit_stream([(X, TARGETS["squared"])], classes=[0, 1])


def test_counts_are_predicted_as_means():
    y = TARGETS["poisson"]
    model = epochs(make("poisson"), 50).fit(X, y)
    t = X @ model.coef_ + model.intercept_
    np.testing.assert_allclose(model.predict(X), np.exp(t), rtol=1e-10)
    assert model.score(X, y) == pytest.approx(model.to_batch().score(X, y), rel=1e-12)


# Dropout.


def test_dropout_keeps_the_mean_of_a_step():
    """The first step of proximal SGD is linear in what is left of a row."""
    row, y = sparse.csr_array(np.arange(1.0, 201.0)[None, :]), np.array([1.0])
    settings = {"algorithm": "prox_sgd", "alpha": 0.0, "fit_intercept": False, "eta0": 1.0, "learning_rate": "constant"}
    full = make("squared", **settings).partial_fit(row, y).coef_
    dropped = np.array([
        make("squared", dropout=0.4, random_state=seed, **settings).partial_fit(row, y).coef_ for seed in range(200)
    ])
    share = dropped / full
    # What is left is divided by 0.6.
    np.testing.assert_allclose(share[share != 0.0], 1.0 / 0.6, rtol=1e-12)
    assert abs(np.mean(share == 0.0) - 0.4) < 0.01
    assert abs(share.mean() - 1.0) < 0.02


def test_dropout_shrinks():
    y = TARGETS["squared"]
    plain = epochs(make("squared", alpha=0.0, eta0=0.3), 60).fit(X, y)
    dropped = epochs(make("squared", alpha=0.0, eta0=0.3, dropout=0.5), 60).fit(X, y)
    # The mean over the noise is the loss and a ridge, dropout / (1 - dropout) / 2 mean x_ij^2 w_j^2.
    dense = X.toarray() - 0.0
    centred = np.column_stack([dense, np.ones(300)])
    ridge = np.diag(np.append((dense**2).sum(axis=0), 0.0))
    expected = np.linalg.solve(centred.T @ centred + ridge, centred.T @ y)[:-1]
    assert np.linalg.norm(dropped.coef_ - expected) < 0.15 * np.linalg.norm(expected)
    assert np.linalg.norm(dropped.coef_) < 0.8 * np.linalg.norm(plain.coef_)


# Where fits start and end.


def test_warm_start_from_a_batch_path():
    y = TARGETS["squared"]
    path = lasso_path(X, y, n_alphas=5, tol=1e-10)
    coef, intercept = path.at(path.alphas[-1])
    model = epochs(make("squared", alpha=path.alphas[-1], algorithm="prox_sgd", eta0=1e-12), 1)
    for start, b in (
        (coef, intercept), (coef.to_csr(), intercept), (coef.to_csr().toarray(), [intercept]),
        (coef.to_csr().toarray().ravel(), intercept), (Lasso(path.alphas[-1], tol=1e-10).fit(X, y), None),
    ):
        fitted = model.fit(X, y, coef_init=start, intercept_init=b)
        np.testing.assert_allclose(fitted.coef_, path.coefs[:, [4]].toarray().ravel(), atol=1e-5)
        assert fitted.intercept_ == pytest.approx(intercept, abs=1e-5)
        assert fitted.dual_gap_ < 1e-4
    cold = epochs(make("squared", alpha=path.alphas[-1]), 3).fit(X, y)
    warm = epochs(make("squared", alpha=path.alphas[-1]), 3).fit(X, y, coef_init=coef, intercept_init=intercept)
    assert warm.objective_ < cold.objective_


def test_warm_start_of_three_classes():
    path = logistic_path(X, THREE, n_alphas=4)
    coef, intercept = path.at(path.alphas[-1])
    model = epochs(make("logistic", algorithm="prox_sgd", eta0=1e-12), 1)
    model.fit(X, THREE, coef_init=coef, intercept_init=intercept)
    np.testing.assert_allclose(model.coef_, coef.to_csc().T.toarray(), atol=1e-9)
    np.testing.assert_allclose(model.intercept_, intercept, atol=1e-9)


def test_warm_start_from_the_last_fit():
    y = TARGETS["logistic"]
    model = epochs(make("logistic"), 20).fit(X, y)
    last = model.objective_
    cold = epochs(make("logistic"), 1).fit(X, y).objective_
    warm = epochs(model, 1).set_params(warm_start=True).fit(X, y).objective_
    assert abs(warm - last) < 0.3 * abs(cold - last)
    # Other columns, other classes: nothing to start from.
    for rows, labels in ((X[:, :30], y), (X, y + 1)):
        again = copy.deepcopy(model).fit(rows, labels)
        assert state(again) == state(epochs(make("logistic"), 1).fit(rows, labels))


def test_starts_that_are_refused():
    y = TARGETS["squared"]
    for coef, b, message in (
        (np.ones(39), None, r"coef_init: shape \(1, 39\) is not allowed, expected \(1, 40\)"),
        (Lasso(), None, "coef_init: this Lasso is not fitted"),
        (np.full(40, np.nan), None, "NaN"),
        (None, [1.0, 2.0], "intercept_init"),
        (None, np.inf, "intercept_init"),
    ):
        with pytest.raises(ValueError, match=message):
            make("squared").fit(X, y, coef_init=coef, intercept_init=b)
    with pytest.raises(ValueError, match=r"coef_init: a model of the classes \[0, 1\] is not allowed"):
        make("logistic").fit(X, TARGETS["logistic"] + 1, coef_init=make("logistic").fit(X, TARGETS["logistic"]))
    with pytest.raises(ValueError, match="beta: 0 is not allowed with a warm start"):
        make("squared", beta=0.0).fit(X, y, coef_init=np.ones(40))
    with pytest.raises(ValueError, match=r"total_weight: 300.0 is not allowed with a warm start and penalty='l0'"):
        make("squared", penalty="l0", total_weight=300.0).fit(X, y, coef_init=np.ones(40))


def test_a_fit_stops_when_passes_bring_no_more():
    y = TARGETS["logistic"]
    model = make("logistic", tol=1e-3).fit(X, y)
    loss = model.history_["loss"]
    assert model.n_iter_ == len(loss) < 100
    assert (loss[-5:] > np.minimum.accumulate(loss)[-6:-1] - 1e-3).all()
    with pytest.warns(ConvergenceWarning, match="max_iter=2 passes did not bring the progressive loss"):
        make("logistic", max_iter=2).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        epochs(make("logistic"), 2).fit(X, y)


def test_early_stopping_keeps_the_best():
    y = TARGETS["logistic"]
    # Long steps and no penalty overfit soon.
    model = make("logistic", alpha=0.0, eta0=3.0, early_stopping=True, tol=0.0, validation_fraction=0.3).fit(X, y)
    held = model.history_["validation_loss"]
    best = int(np.argmin(held))
    assert best < len(held) - 1
    assert model.n_iter_ == len(held) == best + 1 + 5
    again = make("logistic", alpha=0.0, eta0=3.0, early_stopping=True, validation_fraction=0.3)
    assert state(epochs(again, best + 1).fit(X, y)) == state(model)
    with pytest.raises(ValueError, match=r"n_samples=2\) leaves none to validate on"):
        make("logistic", early_stopping=True).fit(X[:2], [0, 1])


def test_history_is_progressive():
    """Each row's loss is measured before the row is learned from."""
    y = TARGETS["squared"]
    model, total = make("squared"), 0.0
    for i in range(50):
        before = 0.0 if i == 0 else model.predict(X[i : i + 1])[0]
        total += 0.5 * (y[i] - before) ** 2
        model.partial_fit(X[i : i + 1], y[i : i + 1])
    whole = make("squared").partial_fit(X[:50], y[:50]).history_
    assert whole["progressive_loss"][-1] == pytest.approx(total / 50, rel=1e-9)
    parts = model.history_
    # As many entries as the number of rows has digits, and a few.
    assert 10 < len(parts["n_rows"]) < 35
    sums = np.cumsum(parts["loss"] * np.diff(parts["weight"], prepend=0.0))
    np.testing.assert_allclose(sums / parts["weight"], parts["progressive_loss"], rtol=1e-9)
    assert parts["n_nonzero"].dtype == np.int64
    assert (np.diff(parts["seconds"]) >= 0.0).all()
    assert (parts["n_touched"] >= parts["n_nonzero"]).all()
    assert "validation_loss" not in parts


def test_an_interrupted_fit_is_a_model(monkeypatch):
    y = TARGETS["logistic"]
    learn, calls = Learner.learn, []

    def interrupted(learner, *arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        learn(learner, *arguments)

    monkeypatch.setattr(Learner, "learn", interrupted)
    model = make("logistic")
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    monkeypatch.undo()
    assert state(model) == state(epochs(make("logistic"), 3).fit(X, y))
    assert np.isnan(model.objective_)
    assert np.isnan(model.dual_gap_)
    model.partial_fit(X, y)


def test_divergence_is_reported_and_a_last_fit_stays():
    y = TARGETS["squared"]
    model = epochs(make("squared", algorithm="prox_sgd"), 3).fit(X, y)
    before = state(model)
    with pytest.raises(DivergenceError, match="eta0=1e\\+06"):
        model.set_params(eta0=1e6).fit(100.0 * X, y)
    assert state(model) == before
    assert np.isfinite(model.coef_).all()


def test_certificates_are_of_the_fit_alone():
    model = epochs(make("squared"), 3).fit(X, TARGETS["squared"])
    assert model.objective_ > 0.0
    model.partial_fit(X, TARGETS["squared"])
    assert np.isnan([model.objective_, model.dual_gap_, model.violation_]).all()


def test_a_batch_model_has_the_settings_of_the_fit():
    """Parameters that were set since are those of the next fit."""
    y = TARGETS["huber"]
    model = epochs(make("huber", delta=0.7), 2).fit(X, y)
    model.set_params(alpha=9.0, l1_ratio=0.1, delta=5.0, fit_intercept=False, penalty="l0")
    batch = model.to_batch()
    assert (batch.alpha, batch.l1_ratio, batch.delta, batch.fit_intercept) == (0.01, 1.0, 0.7, True)
    assert batch.penalty == "elastic_net"


@each_loss
def test_conversion_to_a_batch_model(loss):
    y = TARGETS[loss]
    model = epochs(make(loss, l1_ratio=0.5), 5).fit(X, y)
    batch = model.to_batch()
    assert type(batch) is (ElasticNet if loss == "squared" else BATCH[loss])
    assert (batch.alpha, batch.l1_ratio) == (0.01, 0.5)
    np.testing.assert_array_equal(batch.predict(X), model.predict(X))
    np.testing.assert_array_equal(batch.sparse_coef_.toarray(), model.sparse_coef_.toarray())
    assert (batch.objective_, batch.n_features_in_) == (model.objective_, 40)
    with pytest.raises(NotFittedError):
        make(loss).to_batch()
    # What the batch model has does not change when the stream goes on.
    before = batch.predict(X)
    model.partial_fit(X, y)
    np.testing.assert_array_equal(batch.predict(X), before)


def test_threads_repeat_their_bits():
    y = TARGETS["logistic"]
    alone, two, three, again = (epochs(make("logistic", n_threads=n), 3).fit(X, y) for n in (None, 2, 3, 3))
    assert state(alone) == state(two)
    assert state(three) == state(again)
    assert three.objective_ < 1.05 * alone.objective_
    parts = [make("logistic", n_threads=n).partial_fit(X, y, classes=[0, 1]) for n in (1, 2)]
    assert state(parts[0]) == state(parts[1])
    free = epochs(make("logistic", n_threads=2, lock_free=True), 30).fit(X, y)
    assert free.objective_ < 1.05 * alone.objective_


# Rows that are there many times, weights, and units.


def repeated_rows():
    """Three binary columns: eight distinct rows, each there thousands of times."""
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 2, (20_000, 3)).astype(float)
    y = (rng.random(20_000) < 1 / (1 + np.exp(-cells @ [1.0, -1.0, 0.5]))).astype(int)
    return sparse.csr_array(cells), y


@pytest.mark.parametrize("algorithm", ["ftrl", "prox_sgd", "adagrad"])
def test_equal_rows_are_visited_one_by_one(algorithm):
    cells, y = repeated_rows()
    model = SGDClassifier(algorithm=algorithm, random_state=0, max_iter=30, tol=None).fit(cells, y)
    best = LogisticRegression(alpha=1e-4).fit(cells, y)
    assert model.objective_ < 1.002 * best.objective_
    assert model.t_ == 30 * 20_000 + 1
    assert SGDClassifier(min_count=5, random_state=0, max_iter=1, tol=None).fit(cells, y).n_active_ == 3


def test_the_held_out_part_has_some_of_every_cell():
    cells, y = repeated_rows()
    model = SGDClassifier(early_stopping=True, random_state=0).fit(cells, y)
    best = LogisticRegression(alpha=1e-4).fit(cells, y)
    assert model.objective_ < 1.005 * best.objective_


def test_the_scale_of_weights_does_not_matter():
    y = TARGETS["logistic"]
    weight = np.random.default_rng(1).random(300)
    models = [make("logistic").fit(X, y, sample_weight=factor * weight) for factor in (1.0, 1e-6, 1e9)]
    for model in models[1:]:
        np.testing.assert_allclose(model.coef_, models[0].coef_, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("algorithm", ["ftrl", "adagrad"])
@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (1000.0, 1.0), (-1e6, 1e4), (0.0, 1e-6)])
def test_the_unit_of_y_does_not_matter(shift, scale, algorithm):
    y = TARGETS["squared"]
    plain = make("squared", algorithm=algorithm, alpha=1e-3, l1_ratio=0.0, tol=None, max_iter=50).fit(X, y)
    other = make("squared", algorithm=algorithm, alpha=1e-3, l1_ratio=0.0, tol=None, max_iter=50)
    other.fit(X, shift + scale * y)
    np.testing.assert_allclose(other.coef_, scale * plain.coef_, rtol=1e-2, atol=1e-4 * scale)
    assert other.score(X, shift + scale * y) == pytest.approx(plain.score(X, y), abs=1e-4)


def test_given_steps_are_taken_as_they_are():
    model = make("squared", eta0=0.1, max_iter=1, tol=None).fit(X, TARGETS["squared"])
    assert model.training_.learner.optimizer.eta0 == 0.1
    assert make("poisson", max_iter=1, tol=None).fit(X, TARGETS["poisson"]).training_.learner.optimizer.eta0 == 0.1


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge", "squared", "huber"])
@pytest.mark.parametrize("algorithm", ["ftrl", "prox_sgd", "adagrad"])
def test_saga_brings_a_fit_to_its_end(loss, algorithm):
    y = TARGETS[loss]
    plain = make(loss, algorithm=algorithm, max_iter=5, tol=None).fit(X, y)
    finished = make(loss, algorithm=algorithm, max_iter=500, tol=0.1, finish_tol=1e-6).fit(X, y)
    assert plain.dual_gap_ > 1e-5
    assert finished.dual_gap_ < 2e-6
    # It is the state of a learner that can go on.
    assert np.isfinite(first_part_again(finished, y).coef_).all()


def first_part_again(model, y):
    return model.partial_fit(X, y)


def test_saga_warns_where_it_does_not_get_there():
    model = make("logistic", alpha=1e-5, finish_tol=1e-12, max_iter=2, tol=None)
    with pytest.warns(ConvergenceWarning, match="duality gap"):
        model.fit(X, TARGETS["logistic"])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("penalty", {"penalty": "mcp"}), ("average", {"average": True, "algorithm": "prox_sgd"}),
        ("early_stopping", {"early_stopping": True}), ("beta", {"beta": 0.0}),
    ],
)
def test_what_saga_cannot_do_is_refused(name, given):
    with pytest.raises(ValueError, match=f"^{name}: "):
        make("logistic", finish_tol=1e-3, **given).fit(X, TARGETS["logistic"])
    with pytest.raises(ValueError, match=r"^loss: "):
        make("poisson", finish_tol=1e-3).fit(X, TARGETS["poisson"])


def test_a_certificate_can_be_left_out():
    model = make("logistic", certify=False).fit(X, TARGETS["logistic"])
    assert np.isnan(model.dual_gap_)
    assert np.isnan(model.objective_)
    assert state(model) == state(make("logistic").fit(X, TARGETS["logistic"]))


def test_a_changed_setting_does_not_change_what_was_fitted():
    model = make("squared_hinge").fit(X, TARGETS["logistic"]).set_params(loss="logistic")
    assert not hasattr(model, "predict_proba")
    assert type(model.to_batch()).__name__ == "LinearSVC"


def test_an_interrupt_while_slots_are_moved_leaves_a_model_that_goes_on(monkeypatch):
    """Of `forget_places`, the first time, after some passes."""
    move = Learner._move
    calls = []

    def interrupted(learner, *arguments):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        move(learner, *arguments)

    monkeypatch.setattr(Learner, "_move", interrupted)
    model = make("logistic", max_iter=3, tol=None)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, TARGETS["logistic"])
    assert model.training_.learner.table.by_id
    wide = sparse.csr_array((X.data, X.indices, X.indptr), shape=X.shape)
    assert np.isfinite(model.partial_fit(wide, TARGETS["logistic"]).coef_).all()


def test_an_interrupt_before_the_first_row_leaves_the_fit_before(monkeypatch):
    model = make("logistic").fit(X, TARGETS["logistic"])
    before = state(model)
    monkeypatch.setattr(
        "sparsereg.estimators.sgd_base.fit_in_memory", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        model.fit(X[:50], TARGETS["logistic"][:50])
    assert state(model) == before


# Fits that stop far from the minimum.


def of_other_scales():
    """Three columns alike but for their unit."""
    rng = np.random.default_rng(0)
    columns = rng.standard_normal((2000, 3))
    y = columns.sum(axis=1) + 0.1 * rng.standard_normal(2000)
    return columns, columns * [1.0, 1e3, 1e6], y


@pytest.mark.parametrize("algorithm", ["ftrl", "adagrad"])
@pytest.mark.parametrize("loss", ["squared", "huber", "logistic", "softmax"])
def test_columns_of_other_scales_are_told_of(loss, algorithm):
    alike, unlike, y = of_other_scales()
    if loss == "softmax":
        loss, y = "logistic", np.digitize(y, [-1.0, 1.0])
    elif loss == "logistic":
        y = (y > 0.0).astype(int)
    good = make(loss, algorithm=algorithm, alpha=1e-4).fit(alike, y)
    model = make(loss, algorithm=algorithm, alpha=1e-4)
    with pytest.warns(ConvergenceWarning, match="one pass of coordinate descent lowers it by .*scales.*scale them"):
        model.fit(unlike, y)
    assert model.dual_gap_ > 0.1
    assert model.objective_ > 1.2 * good.objective_


def test_a_fit_that_saga_cannot_finish_is_told_of():
    _, unlike, y = of_other_scales()
    with pytest.warns(ConvergenceWarning) as told:
        model = make("squared", alpha=1e-4, finish_tol=1e-3, max_iter=50).fit(unlike, y)
    assert model.dual_gap_ > 0.1
    assert any("scale them" in str(warning.message) for warning in told)


def test_a_gap_that_is_only_loose_is_no_warning():
    """With more columns than rows say anything of, the bound is far below the minimum all the way there."""
    rng = np.random.default_rng(0)
    wide = sparse.random_array((300, 2000), density=0.02, format="csr", rng=rng)
    y = rng.standard_normal(300)
    model = make("squared", alpha=1e-3, tol=1e-3).fit(wide, y)
    best = Lasso(1e-3).fit(wide, y)
    null = 0.5 * np.var(y)
    assert model.dual_gap_ > 0.1 > (model.objective_ - best.objective_) / null


def test_passes_that_were_asked_for_are_no_search_for_a_minimum():
    _, unlike, y = of_other_scales()
    for settings in ({"tol": None, "max_iter": 2}, {"dropout": 0.1}, {"early_stopping": True}):
        assert make("squared", alpha=1e-4, **settings).fit(unlike, y).dual_gap_ > 0.1


def test_held_out_rows_have_the_columns_of_the_stream():
    """In another order they would tell nothing, and end a fit by it."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
    y = frame.to_numpy() @ [3.0, -1.0, 0.0]
    settings = {"progress": False, "validation": (frame[["b", "a", "c"]][:20], y[:20])}
    model = SGDRegressor(random_state=0)
    with pytest.raises(ValueError, match=r"^validation: The feature names should match"):
        model.fit_stream([(frame[20:], y[20:])], **settings)
    assert not model.__sklearn_is_fitted__()
    settings["validation"] = (frame[:20], y[:20])
    assert np.isfinite(model.fit_stream([(frame[20:], y[20:])], **settings).history_["validation_loss"]).all()
