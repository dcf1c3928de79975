"""Steps that lead nowhere at numbers that are still finite."""

import numpy as np
import pytest

from sparsereg import ConvergenceWarning, DivergenceError, SGDClassifier, SGDRegressor

RNG = np.random.default_rng(0)
X = RNG.standard_normal((1000, 100))
SIGNAL = X @ RNG.standard_normal(100)
TARGETS = {"squared": SIGNAL, "huber": SIGNAL, "squared_hinge": (SIGNAL > 0.0).astype(int)}
THREE = np.digitize(SIGNAL, [-5.0, 5.0])


def make(loss, **settings):
    cls = SGDRegressor if loss in ("squared", "huber", "poisson") else SGDClassifier
    return cls(loss, **{"alpha": 1e-3, "max_iter": 6, "tol": None, "random_state": 0, **settings})


def given(loss):
    return {"classes": [0, 1]} if loss == "squared_hinge" else {}


def parts(model, rows, y, classes=None):
    for start in range(0, 1000, 10):
        first = {} if classes is None else {"classes": classes}
        model.partial_fit(rows[start : start + 10], y[start : start + 10], **first)
    return model


FITS = {
    "fit": lambda model, rows, y, **_: model.fit(rows, y),
    "stream": lambda model, rows, y, **known: model.fit_stream([(rows, y)] * 2, **known),
    "part": lambda model, rows, y, **known: model.partial_fit(rows, y, **known),
    "parts": parts,
}


@pytest.mark.parametrize("loss", ["squared", "squared_hinge"])
@pytest.mark.parametrize("scale", [2.0, 3.0, 4.0])
@pytest.mark.parametrize("how", FITS)
def test_divergence_at_finite_numbers(how, scale, loss):
    """eta0 |x|^2 is 40 and more, where a step of squared loss must be below 2."""
    with pytest.raises(DivergenceError, match=r"after row \d+ of the stream .* eta0=0.1 is too large .*scale the col"):
        FITS[how](make(loss, algorithm="prox_sgd"), scale * X, TARGETS[loss], **given(loss))


@pytest.mark.parametrize("how", FITS)
def test_divergence_of_a_small_fit_and_of_several_classes(how):
    few = slice(0, 100)
    model = make("squared_hinge", algorithm="prox_sgd")
    with pytest.raises(DivergenceError):
        FITS[how](model, 3.0 * X, THREE, classes=[0, 1, 2])
    if how in ("fit", "stream"):
        with pytest.raises(DivergenceError, match=r"after row (99|199) "):
            FITS[how](make("squared", algorithm="prox_sgd"), 3.0 * X[few], SIGNAL[few])


def test_a_fit_before_stays():
    model = make("squared", algorithm="prox_sgd", eta0=1e-3).fit(X, SIGNAL)
    before = model.coef_
    with pytest.raises(DivergenceError):
        model.set_params(eta0=0.1).fit(3.0 * X, SIGNAL)
    np.testing.assert_array_equal(model.coef_, before)


def test_a_checkpoint_of_what_diverged_is_not_written(tmp_path):
    with pytest.raises(DivergenceError):
        make("squared", algorithm="prox_sgd").fit_stream(
            [(3.0 * X, SIGNAL)], checkpoint=tmp_path / "state", checkpoint_every=1
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("loss", ["squared", "huber", "squared_hinge"])
@pytest.mark.parametrize("algorithm", ["ftrl", "adagrad"])
def test_steps_that_adapt_mend_what_the_first_ones_did(algorithm, loss):
    """The first rows lose 10^8 times what predicting 0 loses: no error."""
    rows, y = 1e4 * X, TARGETS[loss]
    model = parts(make(loss, algorithm=algorithm), rows, y, **given(loss))
    assert model.history_["progressive_loss"][0] > 1e3
    many = make(loss, algorithm=algorithm, certify=False, max_iter=400).fit(rows, y)
    assert many.history_["loss"][-1] < many.history_["loss"][0] / 10.0


@pytest.mark.parametrize("algorithm", ["ftrl", "adagrad"])
@pytest.mark.parametrize("how", ["fit", "stream"])
def test_what_has_not_settled_at_the_end_is_told_of(how, algorithm):
    model = make("squared_hinge", algorithm=algorithm, certify=False, max_iter=2)
    with pytest.warns(ConvergenceWarning, match=r"has not settled: after row 1999 .* scale the columns"):
        FITS[how](model, 1e4 * X, TARGETS["squared_hinge"], classes=[0, 1])


@pytest.mark.parametrize("how", FITS)
def test_a_row_unlike_the_others_is_no_divergence(how):
    rows = np.zeros((1000, 3))
    rows[:, 0] = X[:, 0]
    rows[:, 1] = 1.0
    rows[::300, 2] = 1e9
    model = FITS[how](make("squared", certify=False), rows, X[:, 0])
    assert model.score(rows[1:300], X[1:300, 0]) > 0.5


@pytest.mark.parametrize("how", FITS)
def test_targets_that_grow_are_no_divergence(how):
    y = np.where(np.arange(1000) < 500, 1e-6, 1e6) * (1.0 + X[:, 0])
    model = FITS[how](make("squared", certify=False, shuffle=False), X, y)
    assert np.isfinite(model.coef_).all()
    none = FITS[how](make("squared"), X, np.zeros(1000))
    assert not none.coef_.any()
