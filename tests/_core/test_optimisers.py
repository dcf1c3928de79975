"""The steps of the streaming optimisers against dense twins that shrink every coefficient after every row."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from learner_twins import TWINS, dense_of, learner, prox_twin, rows_of
from penalty_twins import GAMMAS, twin
from scipy import sparse

from sparsereg._core import losses, penalties, stream
from sparsereg._core.losses import LOSSES
from sparsereg._core.optimisers import OPTIMISERS
from sparsereg._core.penalties import PENALTIES
from sparsereg._formats import as_rows
from sparsereg.solvers.streaming import DivergenceError, Learner, make_optimiser

each_optimiser = pytest.mark.parametrize("algorithm", sorted(OPTIMISERS))
each_loss = pytest.mark.parametrize("loss", sorted(LOSSES))
# A state of FTRL has seven digits, and one step may round to the other side; the others differ by rounding of doubles.
CLOSE = {"ftrl": 3e-6, "prox_sgd": 1e-12, "adagrad": 1e-12}


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
        model.learn(self.rows, self.y, self.weight)
        return model, dense


def assert_alike(model, dense, ids, close):
    size = max(1.0, np.abs(dense.w).max())
    np.testing.assert_allclose(dense_of(model, ids), dense.w, rtol=close, atol=close * size)
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


@each_optimiser
@each_loss
@given(seed=st.integers(0, 2**32 - 1), settings=settings_of_steps, weights=st.sampled_from(["units", "fractions"]))
def test_lazy_equals_dense(algorithm, loss, seed, settings, weights):
    data = Stream(seed, loss=loss, weights=weights)
    if loss == "poisson":  # whose slopes grow without bound
        settings = settings | {"eta0": settings["eta0"] / 20.0}
    assert_alike(*data.twins(algorithm, loss=loss, **settings), data.ids, CLOSE[algorithm])


@each_optimiser
@pytest.mark.parametrize("softmax", [True, False])
@given(seed=st.integers(0, 2**32 - 1), settings=settings_of_steps, n_outputs=st.integers(2, 4))
def test_several_outputs(algorithm, softmax, seed, settings, n_outputs):
    data = Stream(seed, n_outputs=n_outputs, softmax=softmax, weights="fractions")
    model, dense = data.twins(algorithm, n_outputs=n_outputs, softmax=softmax, **settings)
    assert_alike(model, dense, data.ids, CLOSE[algorithm])


@pytest.mark.parametrize("penalty", sorted(PENALTIES))
@pytest.mark.parametrize("total_weight", [0.0, 25.0])
@given(seed=st.integers(0, 2**32 - 1), l1_ratio=st.sampled_from([0.0, 0.7, 1.0]), alpha=strengths)
def test_ftrl_with_every_penalty(penalty, total_weight, seed, l1_ratio, alpha):
    data = Stream(seed, n=30, loss="squared", weights="fractions")
    settings = {"penalty": penalty, "alpha": alpha, "l1_ratio": l1_ratio, "total_weight": total_weight}
    assert_alike(*data.twins("ftrl", loss="squared", **settings), data.ids, CLOSE["ftrl"])


@each_optimiser
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
    data = Stream(8, n=300, weights="fractions")
    model, dense = data.twins("prox_sgd", loss="huber", power_t=power_t, **settings)
    before = np.append(0.0, np.cumsum(data.weight)[:-1])
    steps = data.weight * settings["eta0"] / (1.0 + before) ** power_t
    l2 = dense.alpha * (1.0 - dense.l1_ratio)
    scale = np.exp(-np.sum(np.log1p(steps * l2) + steps * dense.weight_decay))
    assert model.optimiser.clock[1] > 1e3 * scale
    assert_alike(model, dense, data.ids, 1e-12)
    w = dense_of(model, data.ids)
    model.renew()
    assert model.optimiser.clock[1:3] == (1.0, 0.0)
    np.testing.assert_allclose(dense_of(model, data.ids), w, rtol=1e-14)


def test_thresholds_start_anew():
    """A threshold of thousands a row, and slopes above it."""
    data = Stream(8, n=300, p=4, loss="squared", weights="ones")
    data.y = data.y * 1e6 + 1e7
    settings = {"loss": "squared", "alpha": 2e4, "eta0": 0.3, "power_t": 0.0, "fit_intercept": False}
    model, dense = data.twins("prox_sgd", **settings)
    assert model.optimiser.clock[2] < 0.5 * 300 * 0.3
    assert dense.w.any()
    assert_alike(model, dense, data.ids, 1e-11)


@each_optimiser
@pytest.mark.parametrize("fixed", [0.0, 50.0])
def test_what_is_set_is_read_back(algorithm, fixed):
    """However long the clock has run, and wherever it stands."""
    for alpha, l1_ratio in [(0.0, 1.0), (1e-12, 0.0), (1e-7, 0.0), (1e-3, 0.5)]:
        model = learner(algorithm, alpha=alpha, l1_ratio=l1_ratio, eta0=0.1, power_t=0.0, total_weight=fixed)
        if stream.skip(model.optimiser, np.empty(0), 1_000_000):
            model.renew()
        w = np.array([[1.0], [-2e-3], [0.0], [-0.0], [3e5]])
        model.start_from(np.arange(5), w)
        tolerance = 1e-14 if algorithm != "ftrl" else 1e-6 * (1.0 + model.optimiser.clock[0] * alpha / 2e-3)
        np.testing.assert_allclose(dense_of(model, np.arange(5)), w, rtol=tolerance)


# Weights.


@each_optimiser
def test_rows_of_weight_0_are_as_if_never_seen(algorithm):
    data = Stream(3, n=40, weights="units")
    model = learner(algorithm, alpha=0.02, l1_ratio=0.8)
    model.learn(data.rows, data.y, data.weight)
    used = data.weight > 0.0
    assert 0 < used.sum() < 40
    other = learner(algorithm, alpha=0.02, l1_ratio=0.8)
    other.learn(rows_of(data.X[used], data.ids, data.present[used]), data.y[used], data.weight[used])
    np.testing.assert_array_equal(model.state()["cells"], other.state()["cells"])
    np.testing.assert_array_equal(model.intercept, other.intercept)
    assert model.n_rows == 40


@each_optimiser
def test_no_weights_are_ones(algorithm):
    data = Stream(3, n=40)
    models = [learner(algorithm, alpha=0.02), learner(algorithm, alpha=0.02)]
    for model, weight in zip(models, (None, np.ones(40)), strict=True):
        model.learn(data.rows, data.y, weight)
    np.testing.assert_array_equal(*(model.state()["cells"] for model in models))
    np.testing.assert_array_equal(*(model.totals for model in models))


@each_optimiser
def test_time_passes_as_in_empty_rows(algorithm):
    """`skip` moves the clock as rows without entries do."""
    data = Stream(4, n=60, weights="fractions")
    settings = {"alpha": 0.3, "l1_ratio": 0.5, "weight_decay": 0.1, "fit_intercept": False, "eta0": 1.0}
    model = learner(algorithm, **settings)
    model.learn(data.rows, data.y, data.weight)
    other = copy.deepcopy(model)
    empty = np.zeros((60, len(data.ids)))
    model.learn(rows_of(empty, data.ids), data.y, data.weight)
    stream.skip(other.optimiser, data.weight, 60)
    np.testing.assert_allclose(dense_of(model, data.ids), dense_of(other, data.ids), rtol=1e-12)


# Numbers that are none.


@each_optimiser
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
        model.learn(rows_of(X, data.ids, data.present), data.y, data.weight)
    except DivergenceError as error:
        assert f"row {model.n_rows} " in str(error)
        assert 0 <= model.n_rows < 30
    states = model.state()["cells"][:, 1:]
    kind = np.float32 if algorithm == "ftrl" else np.float64
    assert np.isfinite(np.ascontiguousarray(states).view(kind)).all()
    assert np.isfinite(model.coefficients()[1]).all()
    assert np.isfinite(model.intercept).all()
    assert np.isfinite(model.totals).all()
    assert np.isfinite(model.optimiser.clock).all()


@pytest.mark.parametrize("algorithm", ["ftrl", "prox_sgd"])
def test_a_diverging_stream_is_reported(algorithm):
    X = np.full((400, 1), 100.0)
    model = learner(algorithm, "squared", eta0=1e10)
    with pytest.raises(DivergenceError, match=r"row \d+ of the stream .* eta0=1e\+10 "):
        model.learn(rows_of(X, [7]), np.full((400, 1), 1e100), None)


@each_optimiser
@given(small=st.sampled_from([1e-30, 1e-155, 1e-165, 1e-200, 5e-324]), beta=st.sampled_from([0.0, 1.0]))
def test_tiny_slopes_are_no_divergence(algorithm, small, beta):
    model = learner(algorithm, "squared", alpha=0.0, beta=beta, eta0=0.1)
    model.learn(rows_of(np.ones((3, 1)), [7]), np.full((3, 1), small), None)
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


@pytest.mark.parametrize("start", [0.0, 50.0])
@pytest.mark.parametrize("decay", [0.0, 0.2])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
def test_averages_are_those_of_the_dense_iterates(l1_ratio, decay, start):
    """Of every row after the start, by weight; also where a state was pickled and the clock set back in between."""
    n, alpha, eta0, power = 400, 0.05, 0.3, 0.4
    X = sparse.random(n, 12, 0.3, format="csr", random_state=0)
    rng = np.random.default_rng(0)
    y, weight = rng.normal(size=n), rng.choice([0.0, 0.5, 1.0, 2.0], n)
    penalty = penalties.ElasticNet(alpha, l1_ratio)
    settings = {"eta0": eta0, "power_t": power, "weight_decay": decay, "average": start}
    model = Learner(losses.Squared(), penalty, make_optimiser("prox_sgd", penalty, **settings))
    model.learn(as_rows(X[:123]), y[:123, None], weight[:123])
    model = pickle.loads(pickle.dumps(model))
    model.learn(as_rows(X[123:200]), y[123:200, None], weight[123:200])
    model.renew()
    model.learn(as_rows(X[200:]), y[200:, None], weight[200:])
    w, b, sums, total, t = np.zeros(12), 0.0, np.zeros(13), 0.0, 0.0
    for x, target, s in zip(X.toarray(), y, weight, strict=True):
        eta = eta0 / (1.0 + t) ** power
        slope = s * (x @ w + b - target)
        moved = np.exp(-eta * s * decay) * w - eta * slope * x
        w = np.sign(moved) * np.maximum(np.abs(moved) - eta * s * alpha * l1_ratio, 0.0)
        w /= 1.0 + eta * s * alpha * (1.0 - l1_ratio)
        b -= eta * slope
        if s > 0.0 and t >= start:
            sums, total = sums + s * np.r_[w, b], total + s
        t += s
    ids, found = model.coefficients()
    dense = np.zeros(12)
    dense[ids] = found[:, 0]
    np.testing.assert_allclose(dense, sums[:-1] / total, rtol=0.0, atol=1e-13)
    np.testing.assert_allclose(model.intercepts(), sums[-1] / total, atol=1e-13)
