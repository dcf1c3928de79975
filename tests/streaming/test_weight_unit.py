"""F does not change when all weights are multiplied: neither does what a stream teaches."""

import numpy as np
import pytest
from scipy import sparse

from sparsereg import SGDClassifier, SGDRegressor
from sparsereg._core import sgd

RNG = np.random.default_rng(0)
X = sparse.random_array((1000, 30), density=0.2, format="csr", rng=RNG)
Y = (X @ (4.0 * RNG.standard_normal(30)) + RNG.logistic(size=1000) > 0.0).astype(int)
WEIGHT = RNG.random(1000) + 0.5

each_algorithm = pytest.mark.parametrize("algorithm", ["ftrl", "prox_sgd", "adagrad"])


def make(algorithm, **settings):
    return SGDClassifier(algorithm=algorithm, alpha=1e-3, eta0=0.5, random_state=0, **settings)


def in_parts(model, weight):
    for start, stop in ((0, 1), (1, 400), (400, 1000)):
        model.partial_fit(X[start:stop], Y[start:stop], [0, 1], weight if np.isscalar(weight) else weight[start:stop])
    return model


def streamed(model, weight):
    return model.fit_stream([(X[a : a + 250], Y[a : a + 250], weight[a : a + 250]) for a in range(0, 1000, 250)],
                            classes=[0, 1])


def passed(model, weight):
    return model.set_params(shuffle=False, max_iter=2, tol=None).fit(X, Y, weight)


def shuffled(model, weight):
    return model.set_params(max_iter=2, tol=None).fit(X, Y, weight)


@each_algorithm
@pytest.mark.parametrize("fit", [in_parts, streamed, passed, shuffled])
@pytest.mark.parametrize("factor", [1e6, 1e-6, 2.0**40, 3e100])
def test_the_unit_of_weights_does_not_matter(algorithm, fit, factor):
    expected, model = fit(make(algorithm), WEIGHT), fit(make(algorithm), factor * WEIGHT)
    # FTRL rounds by noise that its bits decide, to single precision.
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.intercept_, expected.intercept_, rtol=1e-4)
    assert model.score(X, Y) > 0.65
    np.testing.assert_allclose(model.history_["weight"], factor * expected.history_["weight"], rtol=1e-12)
    np.testing.assert_allclose(model.history_["loss"], expected.history_["loss"], rtol=1e-4)


@each_algorithm
@pytest.mark.parametrize("factor", [1e6, 0.1, 7.0])
def test_equal_weights_are_none(algorithm, factor):
    """To the bit: the mean of equal numbers is that number."""
    plain, weighted = in_parts(make(algorithm), 1.0), in_parts(make(algorithm), factor)
    np.testing.assert_array_equal(weighted.coef_, plain.coef_)
    np.testing.assert_array_equal(weighted.intercept_, plain.intercept_)
    np.testing.assert_array_equal(make(algorithm).partial_fit(X, Y, [0, 1]).coef_, plain.coef_)


def test_whole_numbers_with_a_common_factor_are_few_visits():
    times = RNG.integers(1, 4, 1000).astype(float)
    plain, heavy = shuffled(make("ftrl"), times), shuffled(make("ftrl"), 1e6 * times)
    np.testing.assert_array_equal(heavy.coef_, plain.coef_)
    assert heavy.t_ == plain.t_ == 2 * times.sum() + 1


def test_no_weights_are_ones():
    """Where blocks with and without weights are mixed."""
    one, other = make("ftrl"), make("ftrl")
    for k, weight in enumerate((5.0 * WEIGHT[:300], None, 5.0 * WEIGHT[600:])):
        a, b = ((0, 300), (300, 600), (600, 1000))[k]
        one.partial_fit(X[a:b], Y[a:b], [0, 1], weight)
        other.partial_fit(X[a:b], Y[a:b], [0, 1], np.ones(300) if weight is None else weight)
    np.testing.assert_array_equal(one.coef_, other.coef_)


@pytest.mark.parametrize("fit", [in_parts, streamed, passed, shuffled])
@pytest.mark.parametrize("factor", [1e6, 1e-6])
def test_the_weight_of_the_whole_stream_is_in_that_unit(fit, factor):
    whole = float(WEIGHT.sum())
    expected = fit(make("ftrl", total_weight=whole).set_params(alpha=0.02), WEIGHT)
    model = fit(make("ftrl", total_weight=factor * whole).set_params(alpha=0.02), factor * WEIGHT)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-4, atol=1e-6)
    assert 0 < expected.sparse_coef_.nnz < 30


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("factor", [1.0, 1e6, 1e-6])
def test_a_warm_start_is_where_it_was_told_to_be(factor, shuffle):
    """A step as good as none leaves the coefficients where they started."""
    start = np.linspace(-1.0, 1.0, 30)[None, :]
    model = SGDClassifier(alpha=0.1, eta0=1e-9, total_weight=factor * 1e3, shuffle=shuffle, max_iter=1, tol=None)
    model.fit(X, Y, factor * WEIGHT, coef_init=start)
    np.testing.assert_allclose(model.coef_, start, atol=1e-4)


@pytest.mark.parametrize("n_threads", [2, 3])
@pytest.mark.parametrize("lock_free", [False, True])
def test_threads_use_the_same_unit(n_threads, lock_free):
    alone = make("ftrl").partial_fit(X, Y, [0, 1], 1e6 * WEIGHT)
    model = make("ftrl", n_threads=n_threads, lock_free=lock_free).partial_fit(X, Y, [0, 1], 1e6 * WEIGHT)
    if lock_free:
        assert abs(np.abs(model.coef_).sum() / np.abs(alone.coef_).sum() - 1.0) < 0.3
    else:
        np.testing.assert_array_equal(model.coef_, alone.coef_)


def test_a_heavy_row_does_not_end_learning():
    """Beside a row of a million times the weight of the others, they still teach, in time."""
    weight = np.ones(1000)
    weight[0] = 1e3
    model = SGDRegressor(algorithm="prox_sgd", eta0=0.05).partial_fit(X, X @ np.ones(30), sample_weight=weight)
    assert model.score(X, X @ np.ones(30)) > 0.3


def test_the_mean_so_far():
    weight = np.where(RNG.random(200) < 0.2, 0.0, RNG.random(200))
    weight[:2] = 0.0
    seen, unit = np.zeros(2), np.empty(200)
    sgd.mean_so_far(weight, seen, unit)
    used = weight > 0.0
    means = np.cumsum(weight[used]) / np.arange(1, used.sum() + 1)
    np.testing.assert_allclose(unit[used], means, rtol=1e-13)
    assert list(unit[:2]) == [1.0, 1.0]
    assert seen[0] == used.sum()
    assert seen[1] == unit[-1]
    pieces, parts = np.zeros(2), [np.empty(70), np.empty(0), np.empty(130)]
    for part, start in zip(parts, (0, 70, 70), strict=True):
        sgd.mean_so_far(weight[start : start + part.size], pieces, part)
    assert np.concatenate(parts).tobytes() == unit.tobytes()
    assert pieces.tobytes() == seen.tobytes()
