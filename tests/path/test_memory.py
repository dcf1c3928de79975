"""Memory of fits: what is estimated is about what is taken, and a limit below it is refused before anything is."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from sparsereg import Reduced, lasso_path, regularization_path, ridge_path
from sparsereg.path.memory import path_bytes
from sparsereg.solvers.assemble import ProblemOptions, make_loss

N = 20_000


def rows(loss, n_columns=3000):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, n_columns, (N, 3)) + n_columns * np.arange(3)
    X = sparse.csr_array((np.ones(ids.size), ids.ravel(), 3 * np.arange(N + 1)), shape=(N, 3 * n_columns))
    effect = rng.standard_normal(20)[ids[:, 0] % 20]
    y = rng.poisson(np.exp(effect / 2)) if loss == "poisson" else effect + rng.standard_normal(N)
    return X, y > 0 if loss in ("logistic", "squared_hinge") else y


@pytest.mark.parametrize("l1_ratio", [1.0, 0.0])
@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson", "huber"])
def test_the_estimate_is_about_what_is_taken(loss, l1_ratio):
    reduced = Reduced.of(*rows(loss), loss=loss)
    settings = {"loss": loss, "n_alphas": 3, "eps": 0.5, "l1_ratio": l1_ratio, "tol": 1e-3}
    # What is imported late is no part of it.
    regularization_path(next(reduced.slices(100_000)), **settings)
    tracemalloc.start()
    regularization_path(reduced, **settings)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    estimate = path_bytes(reduced, ProblemOptions(make_loss(loss, 1.35), l1_ratio=l1_ratio), 3)
    assert 0.7 * taken < estimate < 1.3 * taken


def test_the_estimate_holds_for_more_columns_than_rows():
    reduced = Reduced.of(*rows("squared", n_columns=N), loss="squared")
    settings = {"n_alphas": 3, "eps": 0.9}
    regularization_path(next(reduced.slices(100_000)), **settings)
    tracemalloc.start()
    regularization_path(reduced, **settings)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.85 * taken < path_bytes(reduced, ProblemOptions(make_loss("squared", 1.35)), 3) < 1.3 * taken


def test_a_limit_below_the_estimate_is_refused_before_anything_is_taken():
    reduced = Reduced.of(*rows("squared"), loss="squared")
    tracemalloc.start()
    message = (
        r"^memory_limit: this fit takes about [\d.]+ MB beside [\d.]+ [kM]B of data in memory, more than the 2 MB "
        r"allowed; expected a limit of at least [\d.]+ MB"
    )
    with pytest.raises(MemoryError, match=message + r"; of a reduction .*sparsereg\.shards\.staying_path\(LocalPool"):
        lasso_path(reduced, memory_limit="2 MB")
    with pytest.raises(MemoryError, match=message + "$"):
        ridge_path(reduced, memory_limit="2 MB")
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()
    plain, limited = (lasso_path(reduced, n_alphas=3, memory_limit=limit) for limit in (None, "1 GiB"))
    np.testing.assert_array_equal(plain.objectives, limited.objectives)


def test_rows_and_streams_have_limits_too():
    X, y = rows("squared")
    for data in ((X, y), ([(X[k : k + 1000], y[k : k + 1000]) for k in range(0, N, 1000)],)):
        with pytest.raises(MemoryError, match="memory_limit: this fit takes about"):
            ridge_path(*data, memory_limit="2.6 MB", n_alphas=3)
    with pytest.raises(ValueError, match=r"X: block 0 .*memory_limit: 1 MB is too little for a block of 20,000 rows"):
        lasso_path([(X, y)], memory_limit="1 MB")
    with pytest.raises(TypeError, match=r"memory_limit: 1\.0 is not allowed"):
        lasso_path(X, y, memory_limit=1.0)


def test_classes_count_by_themselves():
    X, _ = rows("squared", 300)
    options = ProblemOptions(make_loss("logistic", 1.35))
    two, four = (Reduced.of(X, np.arange(N) % k, loss="logistic") for k in (2, 4))
    assert path_bytes(four, options, 1, 4) > 2.5 * path_bytes(two, options, 1)
    need = path_bytes(four, options, 100, 4) + four.nbytes
    with pytest.raises(MemoryError):
        lasso_path(four, loss="logistic", memory_limit=need - 1)
