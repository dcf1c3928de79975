"""The steps of the streaming optimisers against dense twins that shrink every coefficient after every row."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.learner_twins import TWINS, dense_of, learner, prox_twin, rows_of
from support.penalty_twins import GAMMAS, twin

from sparsereg._core import sgd
from sparsereg._core.losses import LOSSES
from sparsereg._core.optimizers import OPTIMIZERS
from sparsereg._core.penalties import PENALTIES
from sparsereg.inputs.rows import Rows
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.learner import DivergenceError

each_optimizer = pytest.mark.parametrize("algorithm", sorted(OPTIMIZERS))
each_loss = pytest.mark.parametrize("loss", sorted(LOSSES))
# A state of FTRL has seven digits, and one step may round to the other side; the others differ by rounding of doubles.
CLOSE = {"ftrl": 3e-6, "prox_sgd": 1e-12, "adagrad": 1e-12, "coin_betting": 1e-10}


class Stream:
    """A few random rows with empty ones, stored zeros, rows of weight 0 and ids from the whole range."""

    def __init__(self, seed, n=20, p=6, n_outputs=1, loss="logistic", softmax=False, weights="units"):
        rng = np.random.default_rng(seed)
        self.X = rng.normal(size=(n, p)) * rng.choice([0.2, 1.0])
        if rng.random() < 0.3:
            self.X = np.ones((n, p))
        self.present = rng.random((n, p)) < rng.choice([0.15, 0.5, 1.0])
        self.present[rng.integers(n)] = False
        self.X[~self.present | (rng.random((n, p)) < 0.05)] = 0.0
        self.ids = np.sort(rng.choice([0, 1, 2, 2**31, 2**40 + 7, 2**62, 2**63 - 3, 2**63 - 2], p, replace=False))
        self.y = self.targets(rng, n, n_outputs, loss, softmax)
        self.weight = {
            "ones": np.ones(n),
            "units": rng.integers(0, 4, n).astype(float),
            "fractions": rng.choice([0.0, 0.25, 0.7, 1.0, 3.3], n),
        }[weights]

    @staticmethod
    def targets(rng, n, n_outputs, loss, softmax):
        if softmax:
            return rng.dirichlet(np.ones(n_outputs), n)
        if loss in ("logistic", "squared_hinge"):
            return rng.choice([0.0, 0.3, 1.0], (n, n_outputs))
        return rng.integers(0, 4, (n, n_outputs)) * (1.0 if loss == "poisson" else rng.normal(size=(n, n_outputs)))

    @property
    def rows(self):
        return rows_of(self.X, self.ids, self.present)

    def twins(self, algorithm, **settings):
        """Return a learner and its twin, both at the end of the stream."""
        dense = TWINS[algorithm](len(self.ids), **settings)
        dense.learn(self.X, self.y, self.weight)
        model = learner(algorithm, **settings)
        model.learn(Batch(self.rows, self.y, self.weight))
        return model, dense


def assert_alike(model, dense, ids, close):
    size = max(1.0, np.abs(dense.w).max())
    np.testing.assert_allclose(dense_of(model, ids), dense.reported, rtol=close, atol=close * size)
    if dense.fit_intercept:
        np.testing.assert_allclose(model.intercept[0], dense.b, rtol=close, atol=close * size)
    assert model.totals[0] == pytest.approx(dense.weight, rel=1e-14)
    assert model.totals[1] == pytest.approx(dense.loss_sum, rel=10 * close, abs=10 * close)


strengths = st.sampled_from([0.0, 1e-3, 0.05, 0.4])
settings_of_steps = st.fixed_dictionaries(
    {
        "alpha": strengths,
        "l1_ratio": st.sampled_from([0.0, 0.5, 1.0]),
        "eta0": st.sampled_from([0.02, 0.2]),
        "beta": st.sampled_from([0.0, 0.5, 1.0]),
        "power_t": st.sampled_from([0.0, 0.25, 0.5]),
        "weight_decay": strengths,
        "fit_intercept": st.booleans(),
    }
)


# Lazy and dense.


@each_optimizer
@each_loss
@given(seed=st.integers(0, 2**32 - 1), settings=settings_of_steps, weights=st.sampled_from(["units", "fractions"]))
def test_lazy_equals_dense(algorithm, loss, seed, settings, weights):
    data = Stream(seed, loss=loss, weights=weights)
    if loss == "poisson":  # whose slopes grow without bound
        settings = settings | {"eta0": settings["eta0"] / 20.0}
    assert_alike(*data.twins(algorithm, loss=loss, **settings), data.ids, CLOSE[algorithm])


@each_optimizer
@pytest.mark.parametrize("softmax", [True, False])
@given(seed=st.integers(0, 2**32 - 1), settings=settings_of_steps, n_outputs=st.integers(2, 4))
def test_several_outputs(algorithm, softmax, seed, settings, n_outputs):
    data = Stream(seed, n_outputs=n_outputs, softmax=softmax, weights="fractions")
    model, dense = data.twins(algorithm, n_outputs=n_outputs, softmax=softmax, **settings)
    assert_alike(model, dense, data.ids, CLOSE[algorithm])


@pytest.mark.parametrize("algorithm", [name for name in sorted(OPTIMIZERS) if OPTIMIZERS[name].any_penalty])
@pytest.mark.parametrize("penalty", sorted(PENALTIES))
@pytest.mark.parametrize("total_weight", [0.0, 25.0])
@given(seed=st.integers(0, 2**32 - 1), l1_ratio=st.sampled_from([0.0, 0.7, 1.0]), alpha=strengths)
def test_leaders_with_every_penalty(algorithm, penalty, total_weight, seed, l1_ratio, alpha):
    data = Stream(seed, n=30, loss="squared", weights="fractions")
    settings = {"penalty": penalty, "alpha": alpha, "l1_ratio": l1_ratio, "total_weight": total_weight}
    assert_alike(*data.twins(algorithm, loss="squared", **settings), data.ids, CLOSE[algorithm])


@given(seed=st.integers(0, 2**32 - 1), loss=st.sampled_from(["squared", "logistic", "huber"]))
def test_the_leader_without_a_penalty_takes_steps_of_adagrad(seed, loss):
    data = Stream(seed, n=40, loss=loss, weights="units")
    models = [learner(algorithm, loss, eta0=0.2) for algorithm in ("ftrl", "adagrad")]
    for model in models:
        model.learn(Batch(data.rows, data.y, data.weight))
    w = [dense_of(model, data.ids) for model in models]
    np.testing.assert_allclose(*w, rtol=1e-5, atol=1e-5 * np.abs(w[1]).max())


@pytest.mark.parametrize(("eta0", "share"), [(0.1, 0.001), (0.01, 0.001), (0.01, 0.3)])
def test_rounding_has_no_side(eta0, share):
    """Slopes of millions of rows are small beside the floats that they are added to: none may be lost for good."""
    n = 2_000_000
    rows = Rows(np.arange(n + 1), np.zeros(n, np.int64), np.empty(0), n, 1, True, False)
    y = (np.random.default_rng(0).random((n, 1)) < share).astype(float)
    models = [learner(algorithm, eta0=eta0, fit_intercept=False) for algorithm in ("ftrl", "adagrad")]
    for model in models:
        model.learn(Batch(rows, y))
    assert models[0].coefficients()[1][0, 0] == pytest.approx(models[1].coefficients()[1][0, 0], abs=1e-3)
    r = models[0].state()["states"][0].view(np.float32)[1]
    assert r**2 == pytest.approx(models[1].state()["states"][0, 2], rel=1e-3)


@each_optimizer
def test_the_penalty_leaves_zeros(algorithm):
    """So that the comparisons above are not among zeros or among non-zeros alone."""
    data = Stream(5, n=200, p=8, weights="ones")
    counts = []
    for alpha in (0.0, 0.01, 0.05, 0.1, 0.3, 10.0):
        model, dense = data.twins(algorithm, alpha=alpha)
        assert_alike(model, dense, data.ids, CLOSE[algorithm])
        assert np.count_nonzero(dense_of(model, data.ids)) == np.count_nonzero(dense.w)
        counts.append(np.count_nonzero(dense.w))
    assert counts[0] == 8
    assert any(0 < count < 8 for count in counts)
    assert counts[-1] == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"alpha": 1.0, "l1_ratio": 0.0, "eta0": 1.0},
        {"alpha": 0.5, "l1_ratio": 0.01, "eta0": 1.0},
        {"weight_decay": 2.0, "eta0": 0.5, "alpha": 1e-3, "l1_ratio": 0.5},
        {"weight_decay": 3.0, "eta0": 1.0},
    ],
)
@pytest.mark.parametrize("power_t", [0.0, 0.25])
def test_sums_of_the_clock_start_anew(settings, power_t):
    data = Stream(8, n=3000, weights="fractions")
    model, dense = data.twins("prox_sgd", loss="huber", power_t=power_t, **settings)
    before = np.append(0.0, np.cumsum(data.weight)[:-1])
    steps = data.weight * settings["eta0"] / (1.0 + before) ** power_t
    l2 = dense.alpha * (1.0 - dense.l1_ratio)
    scale = np.exp(-np.sum(np.log1p(steps * l2) + steps * dense.weight_decay))
    assert model.optimizer.clock[1] > 1e3 * scale
    assert_alike(model, dense, data.ids, 1e-12)
    w = dense_of(model, data.ids)
    model.rescale()
    assert model.optimizer.clock[1:3] == (1.0, 0.0)
    np.testing.assert_allclose(dense_of(model, data.ids), w, rtol=1e-14)


def assert_mean(model, dense, ids, close=1e-11):
    assert dense.averaged > 0.0
    w, b = dense.w_sum / dense.averaged, dense.b_sum / dense.averaged
    size = np.abs(w).max()
    mean = dense_of(model, ids)
    np.testing.assert_allclose(mean, w, rtol=close, atol=close * size)
    np.testing.assert_array_equal(mean[~w.any(axis=1)], 0.0)
    np.testing.assert_allclose(model.intercepts(), b * np.ones(model.n_outputs), rtol=close, atol=close)
    assert model.totals[1] == pytest.approx(dense.loss_sum, rel=close)


@pytest.mark.parametrize("n_outputs", [1, 3])
@given(seed=st.integers(0, 2**32 - 1), settings=settings_of_steps, average=st.sampled_from([0.0, 2.0, 7.3, 1e6]))
def test_averages_are_those_of_dense_iterates(n_outputs, seed, settings, average):
    """Each iterate counts with the weight of its row, from the row before which enough weight has gone by."""
    data = Stream(seed, n_outputs=n_outputs, softmax=n_outputs > 1, weights="fractions")
    settings = settings | {"n_outputs": n_outputs, "softmax": n_outputs > 1}
    model, dense = data.twins("prox_sgd", average=average, **settings)
    if dense.averaged == 0.0:
        assert_alike(model, dense, data.ids, CLOSE["prox_sgd"])
    else:
        assert_mean(model, dense, data.ids)


@pytest.mark.parametrize(
    "settings",
    [
        {"alpha": 1.0, "l1_ratio": 0.0, "eta0": 1.0},
        {"alpha": 0.5, "l1_ratio": 0.01, "eta0": 1.0},
        {"weight_decay": 2.0, "eta0": 0.5, "alpha": 1e-3, "l1_ratio": 0.5},
    ],
)
def test_averages_outlast_clocks(settings):
    """Sums are settled whenever the clock is set back, on its own or in between."""
    data = Stream(8, n=300, weights="fractions")
    settings = settings | {"loss": "huber", "average": 30.0}
    model, dense = data.twins("prox_sgd", **settings)
    assert model.optimizer.averaged > 0.0
    assert_mean(model, dense, data.ids)
    model.rescale()
    assert_mean(model, dense, data.ids)
    model.learn(Batch(data.rows, data.y, data.weight))
    dense.learn(data.X, data.y, data.weight)
    assert_mean(model, dense, data.ids)


def test_thresholds_start_anew():
    """A threshold of thousands a row, and slopes above it."""
    data = Stream(8, n=300, p=4, loss="squared", weights="ones")
    data.y = data.y * 1e6 + 1e7
    settings = {"loss": "squared", "alpha": 2e4, "eta0": 0.3, "power_t": 0.0, "fit_intercept": False}
    model, dense = data.twins("prox_sgd", **settings)
    assert model.optimizer.clock[2] < 0.5 * 300 * 0.3
    assert dense.w.any()
    assert_alike(model, dense, data.ids, 1e-11)


@each_optimizer
@pytest.mark.parametrize("fixed", [0.0, 50.0])
def test_what_is_set_is_read_back(algorithm, fixed):
    """However long the clock has run, and wherever it stands."""
    for alpha, l1_ratio in [(0.0, 1.0), (1e-12, 0.0), (1e-7, 0.0), (1e-3, 0.5)]:
        model = learner(algorithm, alpha=alpha, l1_ratio=l1_ratio, eta0=0.1, power_t=0.0, total_weight=fixed)
        if sgd.skip(model.optimizer, np.empty(0), 1_000_000):
            model.rescale()
        w = np.array([[1.0], [-2e-3], [0.0], [-0.0], [3e5]])
        model.start_from(np.arange(5), w)
        # Of prox_sgd a coefficient is what is left of a sum with l1 / l2, here 1, at most.
        # States of leaders hold floats; that of FTRL the weight so far of the penalty too.
        weight = model.optimizer.clock[0] if algorithm == "ftrl" else 0.0
        tolerance = 1e-6 * (1.0 + weight * alpha / 2e-3) if model.optimizer.any_penalty else 1e-13
        np.testing.assert_allclose(dense_of(model, np.arange(5)), w, rtol=tolerance)


# Weights.


@each_optimizer
def test_rows_of_weight_0_are_as_if_never_seen(algorithm):
    data = Stream(3, n=40, weights="units")
    model = learner(algorithm, alpha=0.02, l1_ratio=0.8)
    model.learn(Batch(data.rows, data.y, data.weight))
    used = data.weight > 0.0
    assert 0 < used.sum() < 40
    other = learner(algorithm, alpha=0.02, l1_ratio=0.8)
    other.learn(Batch(rows_of(data.X[used], data.ids, data.present[used]), data.y[used], data.weight[used]))
    np.testing.assert_array_equal(model.state()["states"].view(np.int64), other.state()["states"].view(np.int64))
    np.testing.assert_array_equal(model.intercept, other.intercept)
    assert model.n_rows == 40


@each_optimizer
def test_no_weights_are_ones(algorithm):
    data = Stream(3, n=40)
    models = [learner(algorithm, alpha=0.02), learner(algorithm, alpha=0.02)]
    for model, weight in zip(models, (None, np.ones(40)), strict=True):
        model.learn(Batch(data.rows, data.y, weight))
    np.testing.assert_array_equal(*(model.state()["states"].view(np.int64) for model in models))
    np.testing.assert_array_equal(*(model.totals for model in models))


@each_optimizer
def test_time_passes_as_in_empty_rows(algorithm):
    """`skip` moves the clock as rows without entries do."""
    data = Stream(4, n=60, weights="fractions")
    settings = {"alpha": 0.3, "l1_ratio": 0.5, "weight_decay": 0.1, "fit_intercept": False, "eta0": 1.0}
    model = learner(algorithm, **settings)
    model.learn(Batch(data.rows, data.y, data.weight))
    other = copy.deepcopy(model)
    empty = np.zeros((60, len(data.ids)))
    model.learn(Batch(rows_of(empty, data.ids), data.y, data.weight))
    sgd.skip(other.optimizer, data.weight, 60)
    np.testing.assert_allclose(dense_of(model, data.ids), dense_of(other, data.ids), rtol=1e-12)


# Numbers that are none.


@each_optimizer
@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson", "squared_hinge", "softmax"])
@given(
    size=st.sampled_from([1e3, 1e30, 1e38, 1e120, 1e200, 1e308]), eta0=st.sampled_from([1e-3, 1.0, 1e30, 1e300]),
    seed=st.integers(0, 2**32 - 1), decay=st.sampled_from([0.0, 1.0, 1e4]),
)
def test_no_state_is_ever_infinite(algorithm, loss, size, eta0, seed, decay):
    """Whatever the values: steps that lead nowhere are refused, and what is left can be read."""
    softmax = loss == "softmax"
    data = Stream(seed, n=30, n_outputs=2, loss="logistic" if softmax else loss, softmax=softmax, weights="fractions")
    model = learner(
        algorithm, "logistic" if softmax else loss, alpha=1e-2, l1_ratio=0.5, n_outputs=2, softmax=softmax, eta0=eta0,
        weight_decay=decay,
    )
    rng = np.random.default_rng(seed)
    X = data.X * np.where(rng.random(data.X.shape) < 0.3, size / 10.0, 1.0)
    if loss == "squared":
        data.y = data.y * np.where(rng.random(data.y.shape) < 0.3, size / 10.0, 1.0)
    try:
        model.learn(Batch(rows_of(X, data.ids, data.present), data.y, data.weight))
    except DivergenceError as error:
        assert f"row {model.n_rows} " in str(error)
        assert 0 <= model.n_rows < 30
    states = model.state()["states"]
    kind = np.float32 if algorithm == "ftrl" else np.float64
    assert np.isfinite(np.ascontiguousarray(states).view(kind)).all()
    assert np.isfinite(model.coefficients()[1]).all()
    assert np.isfinite(model.intercept).all()
    assert np.isfinite(model.totals).all()
    assert np.isfinite(model.optimizer.clock).all()


@pytest.mark.parametrize("algorithm", ["ftrl", "prox_sgd"])
def test_a_diverging_stream_is_reported(algorithm):
    X = np.full((400, 1), 100.0)
    model = learner(algorithm, "squared", eta0=1e10)
    with pytest.raises(DivergenceError, match=r"row \d+ of the stream .* eta0=1e\+10 "):
        model.learn(Batch(rows_of(X, [7]), np.full((400, 1), 1e100)))


@each_optimizer
@given(small=st.sampled_from([1e-30, 1e-155, 1e-165, 1e-200, 5e-324]), beta=st.sampled_from([0.0, 1.0]))
def test_tiny_slopes_are_no_divergence(algorithm, small, beta):
    model = learner(algorithm, "squared", alpha=0.0, beta=beta, eta0=0.1)
    model.learn(Batch(rows_of(np.ones((3, 1)), [7]), np.full((3, 1), small)))
    assert np.abs(model.intercept[0]) <= 1.0
    assert model.n_rows == 3


# The twin's own prox.


@pytest.mark.parametrize("name", sorted(PENALTIES))
@given(v=st.floats(-5.0, 5.0), step=st.floats(0.01, 8.0), l1_ratio=st.sampled_from([0.0, 0.5, 1.0]))
def test_the_twins_prox_is_the_minimum(name, v, step, l1_ratio):
    alpha = 0.7
    u = np.append(np.linspace(-6.0, 6.0, 4001), 0.0)
    pay = twin(name, alpha, l1_ratio, 1.0, GAMMAS.get(name))
    best = prox_twin(name, np.array([v]), step, alpha, l1_ratio)
    values = (u - v) ** 2 / 2 + step * pay(u)
    assert (best - v) ** 2 / 2 + step * pay(best) <= values.min() + 1e-12
