"""Settings of streaming estimators: each refused by name, and what contradicts itself."""

import numpy as np
import pytest

from sparsereg import SGDClassifier, SGDRegressor
from sparsereg.streaming.options import check_settings

LOSSES = ("squared", "huber", "poisson")


def checked(cls=SGDRegressor, **settings):
    model = cls(**settings)
    return check_settings(model, cls._losses, model.penalty, model.l1_ratio)


@pytest.mark.parametrize(("settings", "message"), [
    ({"loss": "logistic"}, "loss: 'logistic' is not allowed, expected one of .*'huber', 'poisson', 'squared'"),
    ({"algorithm": "adam"}, r"algorithm: 'adam' is not allowed, expected one of \['adagrad', 'ftrl', 'prox_sgd'\]"),
    ({"alpha": -1.0}, r"alpha: -1.0 is outside \[0, inf\)"),
    ({"l1_ratio": 2.0}, r"l1_ratio: 2.0 is outside \[0, 1\]"),
    ({"penalty": "l1"}, "penalty: 'l1' is not allowed"),
    ({"penalty": "mcp", "gamma": 1.0}, r"gamma: 1.0 is outside \(1, inf\)"),
    ({"gamma": 3.0}, "gamma: 3.0 is not allowed with penalty='elastic_net', expected None"),
    ({"penalty": "l0", "algorithm": "adagrad"}, "penalty: 'l0' is not allowed with algorithm='adagrad'"),
    ({"weight_decay": 0.1}, "weight_decay: 0.1 is not allowed with algorithm='ftrl', expected 0.0, or algorithm='prox"),
    ({"learning_rate": "constant"}, "learning_rate: 'constant' is not allowed with algorithm='ftrl'"),
    ({"learning_rate": "optimal", "algorithm": "prox_sgd"}, "learning_rate: 'optimal' is not allowed"),
    ({"average": True}, "average: True is not allowed with algorithm='ftrl'"),
    ({"average": 0, "algorithm": "prox_sgd"}, r"average: 0 is outside \[1"),
    ({"average": True, "algorithm": "prox_sgd", "n_threads": 2}, "average: True is not allowed with n_threads=2"),
    ({"total_weight": 9.0, "algorithm": "adagrad"}, "total_weight: 9.0 is not allowed with algorithm='adagrad'"),
    ({"total_weight": 0.0}, r"total_weight: 0.0 is outside \(0, inf\)"),
    ({"min_count": 2, "n_threads": 2}, "min_count: 2 is not allowed with n_threads=2, expected 1"),
    ({"min_count": 256}, r"min_count: 256 is outside \[1, 255\]"),
    ({"min_count": 0}, r"min_count: 0 is outside \[1, 255\]"),
    ({"drop_stale": -1}, r"drop_stale: -1 is outside \[1, inf\)"),
    ({"dropout": 1.0}, r"dropout: 1.0 is outside \[0, 1\)"),
    ({"eta0": 0.0}, r"eta0: 0.0 is outside \(0, inf\)"),
    ({"beta": -1.0}, r"beta: -1.0 is outside \[0, inf\)"),
    ({"power_t": -0.5}, r"power_t: -0.5 is outside \[0, inf\)"),
    ({"tol": -1.0}, r"tol: -1.0 is outside \[0, inf\)"),
    ({"max_iter": 0}, "max_iter: 0 is outside"),
    ({"n_iter_no_change": 0}, "n_iter_no_change: 0 is outside"),
    ({"validation_fraction": 1.0}, r"validation_fraction: 1.0 is outside \(0, 1\)"),
    ({"n_threads": 0}, "n_threads: 0 is outside"),
    ({"delta": 0.0}, r"delta: 0.0 is outside \(0, inf\)"),
])
def test_values_that_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        checked(**settings)


@pytest.mark.parametrize(
    "name", ["fit_intercept", "shuffle", "early_stopping", "warm_start", "lock_free", "min_count", "drop_stale"]
)
def test_types_that_are_refused(name):
    with pytest.raises(TypeError, match=f"{name}: 'no' is not allowed"):
        checked(**{name: "no"})


@pytest.mark.parametrize("cls", [SGDClassifier, SGDRegressor])
def test_settings_are_checked_before_any_work(cls):
    classes = {"classes": [0, 1]} if cls is SGDClassifier else {}
    for fit, given in (("fit", {}), ("partial_fit", classes)):
        with pytest.raises(ValueError, match="alpha: -1 is outside"):
            getattr(cls(alpha=-1), fit)(None, None, **given)


def test_what_learners_are_made_of():
    settings = checked(
        algorithm="prox_sgd", alpha=0.5, l1_ratio=0.2, eta0=0.3, weight_decay=0.1, learning_rate="constant", average=7,
        dropout=0.25, min_count=3, drop_stale=11,
    )
    learner = settings.make_learner(1, 5, 9)
    optimizer, sampling = learner.optimizer, learner.sampling
    assert (optimizer.eta0, optimizer.power_t, optimizer.weight_decay, optimizer.average) == (0.3, 0.0, 0.1, 7.0)
    assert (optimizer.l1, optimizer.l2) == (0.1, 0.4)
    assert (sampling.dropout, sampling.seed, sampling.min_count, sampling.drop_stale) == (0.25, 5, 3, 11)
    assert checked(tol=None).tol == -np.inf
    assert not checked(fit_intercept=False).make_learner(1, 0, 9).intercept.size
    assert checked(SGDClassifier).make_learner(3, 0, 9).softmax
    assert not checked(SGDClassifier, loss="squared_hinge").make_learner(3, 0, 9).softmax
    assert checked(total_weight=70).make_learner(1, 0, 9).optimizer.total_weight == 70.0


def test_gamma_is_further_out_where_the_loss_is_less_curved():
    assert checked(penalty="mcp").penalty.gamma == 3.0
    assert checked(penalty="mcp", gamma=2.0).penalty.gamma == 2.0
    assert checked(SGDClassifier, penalty="mcp").penalty.gamma == 12.0
    assert checked(SGDClassifier, penalty="scad").penalty.gamma == pytest.approx(1.0 + 2.7 * 4.0)
