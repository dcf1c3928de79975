"""One estimator in several threads."""

import copy
import pickle
import threading

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from sparsereg import SGDClassifier, SGDRegressor

RNG = np.random.default_rng(0)
X = sparse.random_array((4000, 3000), density=0.01, format="csr", rng=RNG)
Y = RNG.integers(0, 2, 4000)


def together(calls):
    """Make calls, each in a thread, all at the same moment; raise what one of them raises."""
    gate, failed = threading.Barrier(len(calls)), []

    def run(call):
        gate.wait()
        try:
            call()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("first", [False, True])
def test_every_row_is_learned_from_once(n_threads, first):
    """Also where the first call of all is among them."""
    model = SGDClassifier(n_threads=n_threads, random_state=0)
    if not first:
        model.partial_fit(X[:10], Y[:10], classes=[0, 1])

    def learn(k):
        for start in range(1000 * k, 1000 * (k + 1), 50):
            model.partial_fit(X[start : start + 50], Y[start : start + 50], classes=[0, 1])

    together([lambda k=k: learn(k) for k in range(4)])
    assert model.t_ == 4001 + (0 if first else 10)
    ids = model.training_.learner.state()["ids"]
    assert np.unique(ids).size == ids.size == np.unique(X.indices).size
    assert model.history_["weight"][-1] <= model.t_ - 1


def test_fits_of_all_kinds_wait_for_each_other():
    """The one that is last begins anew, or goes on."""
    model = SGDRegressor(max_iter=2, tol=None, random_state=0, certify=False)
    y = Y.astype(float)
    together([
        lambda: model.fit(X, y), lambda: model.partial_fit(X, y), lambda: model.fit_stream([(X, y)] * 3),
        lambda: model.partial_fit(X, y),
    ])
    assert (model.t_ - 1) % 4000 == 0
    assert model.t_ - 1 <= 5 * 4000


@pytest.mark.parametrize("n_threads", [1, 2])
def test_predictions_during_a_fit_are_those_of_some_moment(n_threads):
    model = SGDClassifier(n_threads=n_threads).partial_fit(X[:10], Y[:10], classes=[0, 1])
    done, seen = threading.Event(), []

    def watch():
        while not done.is_set():
            seen.append(np.isfinite(model.decision_function(X[:500])).all())
            seen.append(np.isfinite(model.coef_).all())

    def learn():
        for start in range(0, 4000, 100):
            model.partial_fit(X[start : start + 100], Y[start : start + 100])
        done.set()

    together([learn, watch, watch])
    assert all(seen)
    # Nothing that was read on the way is left.
    ids, w = model.training_.learner.coefficients()
    expected = np.zeros(3000)
    expected[ids] = w[:, 0]
    np.testing.assert_array_equal(model.coef_[0], expected)
    np.testing.assert_allclose(model.decision_function(X), X @ expected + model.intercept_[0], rtol=1e-9, atol=1e-12)


def test_coefficients_read_during_a_fit_are_not_kept():
    model = SGDClassifier().partial_fit(X[:100], Y[:100], classes=[0, 1])
    training = model.training_
    call = training.learner.call

    def reading(*arguments):
        assert np.isfinite(model.coef_).all()
        return call(*arguments)

    training.learner.call = reading
    model.partial_fit(X[100:], Y[100:])
    assert np.count_nonzero(model.coef_) == training.learner.count_nonzero()


def test_locks_are_not_part_of_an_estimator():
    model = SGDClassifier(alpha=1e-3).partial_fit(X, Y, classes=[0, 1])
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
        np.testing.assert_array_equal(other.coef_, model.coef_)
        assert other.partial_fit(X, Y).t_ == 8001
        # A shallow copy shares what was learned.
        if other.training_ is model.training_:
            continue
        assert model.t_ == 4001
    assert clone(model).get_params() == model.get_params() == SGDClassifier(alpha=1e-3).get_params()
    assert not any("lock" in name for name in vars(model) if name != "lock_free")
