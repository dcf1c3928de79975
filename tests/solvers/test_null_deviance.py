"""What shares of the deviance are of where there is an offset: intercept plus offset, found by other means here."""

import numpy as np
import pytest
from scipy import special
from scipy.optimize import minimize

from sparsereg import metrics
from sparsereg._core.losses import LOSSES
from sparsereg.solvers.null_deviance import null_deviance

RNG = np.random.default_rng(0)
N = 60
OFFSET = 1.5 * RNG.standard_normal(N)
OFFSETS = RNG.standard_normal((N, 3))
WEIGHT = RNG.random(N) * (RNG.random(N) < 0.7)
THREE = np.eye(3)[RNG.integers(0, 3, N)]
DATA = {
    "squared": (RNG.standard_normal(N), OFFSET),
    "poisson": (RNG.poisson(np.exp(OFFSET)).astype(float), OFFSET),
    "logistic": ((OFFSET + RNG.logistic(size=N) > 0.0).astype(float), OFFSET),
    "shares": (RNG.random(N), OFFSET),
    "softmax": (THREE, OFFSETS),
    "softmax shares": (special.softmax(OFFSETS + RNG.standard_normal((N, 3)), axis=1), OFFSETS),
}


def loss_of(name):
    return LOSSES[{"squared": "squared", "poisson": "poisson"}.get(name, "logistic")]()


def found_by_search(loss, y, weight, offset):
    b = np.zeros(1 if y.ndim == 1 else y.shape[1])
    search = minimize(
        lambda b: metrics.mean_deviance(y, offset + b, weight, loss=loss), b, method="BFGS", options={"gtol": 1e-9}
    )
    return search.fun


@pytest.mark.parametrize("weight", [None, WEIGHT, 1e300 * WEIGHT], ids=["equal", "weights", "huge"])
@pytest.mark.parametrize("name", DATA)
def test_the_best_intercept_beside_the_offset(name, weight):
    loss, (y, offset) = loss_of(name), DATA[name]
    expected = found_by_search(loss, y, weight, offset)
    assert null_deviance(loss, y, weight, offset) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", DATA)
def test_what_all_rows_share_is_the_intercept(name):
    loss, (y, offset) = loss_of(name), DATA[name]
    constant = np.broadcast_to(offset[:1], offset.shape)
    assert null_deviance(loss, y, WEIGHT, None) is None
    assert null_deviance(loss, y, WEIGHT, 0.3) is None
    assert null_deviance(loss, y, WEIGHT, constant) is None
    # A row that differs, if only in the last digits, makes no other number.
    nearly = constant.copy()
    nearly[np.argmax(WEIGHT)] += 1e-12
    mean = np.average(y, axis=0, weights=WEIGHT)
    assert null_deviance(loss, y, WEIGHT, nearly) == pytest.approx(loss.null_deviance(y, mean, WEIGHT), rel=1e-9)


def test_what_intercept_and_offset_predict_exactly():
    for loss, y in (("poisson", np.zeros(N)), ("logistic", np.zeros(N)), ("logistic", np.ones(N))):
        assert null_deviance(LOSSES[loss](), y, None, OFFSET) == 0.0
    assert null_deviance(LOSSES["squared"](), np.arange(N) + 2.0, None, np.arange(N) * 1.0) == 0.0
    assert null_deviance(LOSSES["logistic"](), np.eye(3)[np.zeros(N, int)], None, OFFSETS) == 0.0


def test_a_class_without_rows():
    two = np.eye(3)[RNG.integers(0, 2, N)]
    found = null_deviance(LOSSES["logistic"](), two, None, OFFSETS)
    alone = null_deviance(LOSSES["logistic"](), two[:, 1].copy(), None, OFFSETS[:, 1] - OFFSETS[:, 0])
    assert found == pytest.approx(alone, rel=1e-12)


def test_exposures_beyond_float64():
    y, offset = DATA["poisson"]
    found = null_deviance(LOSSES["poisson"](), y, None, offset + 1000.0)
    assert found == pytest.approx(null_deviance(LOSSES["poisson"](), y, None, offset), rel=1e-9)


def test_losses_that_explain_no_share():
    assert null_deviance(LOSSES["squared_hinge"](), np.ones(N), None, OFFSET) is None
    huber, (y, offset) = LOSSES["huber"](0.5), DATA["squared"]
    # Its r2 is of squares.
    assert null_deviance(huber, y, WEIGHT, offset) == null_deviance(LOSSES["squared"](), y, WEIGHT, offset)
