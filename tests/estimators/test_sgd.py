"""Streaming estimators, as scikit-learn's users meet them, and as their documentation describes them."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse, special
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator
from support.sgd_models import (
    BATCH,
    TARGETS,
    THREE,
    X,
    each_loss,
    epochs,
    make,
    state,
)

from sparsereg import (
    ElasticNet,
    SGDClassifier,
    SGDRegressor,
)


@pytest.mark.parametrize(
    "model",
    [
        SGDClassifier(), SGDRegressor(algorithm="adagrad"), SGDClassifier(algorithm="prox_sgd"),
        SGDRegressor("poisson"), SGDClassifier(early_stopping=True),
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


# Batch models.


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


def test_a_changed_setting_does_not_change_what_was_fitted():
    model = make("squared_hinge").fit(X, TARGETS["logistic"]).set_params(loss="logistic")
    assert not hasattr(model, "predict_proba")
    assert type(model.to_batch()).__name__ == "LinearSVC"


@pytest.mark.parametrize(
    "settings", [{}, {"algorithm": "prox_sgd", "average": True}, {"algorithm": "adagrad"}], ids=str
)
@pytest.mark.parametrize("classes", [2, 3])
def test_predictions_keep_their_bits_when_coefficients_are_read(settings, classes):
    """By id from the state, from coefficients that were read, and from their copy elsewhere."""
    y = THREE if classes == 3 else TARGETS["logistic"]
    model = SGDClassifier(alpha=1e-3, random_state=0, **settings).partial_fit(X, y, classes=np.unique(y))
    before = model.decision_function(X)
    coef, intercept = model._coef, model.intercept_
    np.testing.assert_array_equal(model.decision_function(X), before)
    np.testing.assert_array_equal((coef.decision(X).reshape(X.shape[0], -1) + intercept).reshape(before.shape), before)


@pytest.mark.parametrize("name", ["predict_proba", "predict_log_proba", "calibrate"])
def test_a_loss_without_probabilities_says_so(name):
    model = SGDClassifier(loss="squared_hinge")
    assert not hasattr(model, name)
    with pytest.raises(AttributeError, match=r"^loss='squared_hinge' gives no probabilities$"):
        getattr(model, name)
