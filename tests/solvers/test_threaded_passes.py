"""Passes that threads share give what one thread does."""

import threading

import numpy as np
import pytest
from support.kernel_calls import compact

from sparsereg.solvers import threaded_passes


@pytest.fixture
def calls(monkeypatch):
    """Say in which thread the kernel ran, and for how many columns; small matrices are shared too."""
    monkeypatch.setattr(threaded_passes, "WORTH_A_THREAD", 10)
    kernel, seen = threaded_passes.column_passes.correlate, []

    class Watched:
        @staticmethod
        def correlate(data, indices, indptr, columns, z, out):
            seen.append((threading.current_thread().name, columns.size))
            kernel(data, indices, indptr, columns, z, out)

    monkeypatch.setattr(threaded_passes, "column_passes", Watched)
    return seen


@pytest.mark.parametrize("n_threads", [1, 2, 3, 50])
def test_columns_are_shared_and_every_sum_is_one_threads(n_threads, calls):
    rng = np.random.default_rng(n_threads)
    X = rng.standard_normal((30, 20)) * (rng.random((30, 20)) < 0.5)
    matrix, z, out, alone = compact(X, np.float64), rng.standard_normal(30), np.full(20, 7.0), np.full(20, 7.0)
    columns = np.delete(np.arange(20, dtype=np.int32), [3, 11])
    threaded_passes.correlate(matrix, columns, z, out, n_threads)
    np.testing.assert_allclose(out[columns], X.T[columns] @ z, rtol=1e-12, atol=1e-13)
    assert (out[[3, 11]] == 7.0).all()
    # No more parts than are worth it.
    n_parts = min(n_threads, int(matrix[2][-1] * 18 / 20 / 10))
    assert len(calls) == n_parts
    assert sum(size for _, size in calls) == 18
    assert sum(name.startswith("sparsereg") for name, _ in calls) == n_parts - 1
    calls.clear()
    threaded_passes.correlate(matrix, columns, z, alone, 1)
    np.testing.assert_array_equal(out, alone)


def test_little_work_is_left_to_one_thread(calls, monkeypatch):
    monkeypatch.setattr(threaded_passes, "WORTH_A_THREAD", 1000)
    matrix = compact(np.ones((30, 20)), np.float64)
    for columns in (np.arange(20), np.arange(0)):
        threaded_passes.correlate(matrix, columns.astype(np.int32), np.ones(30), np.empty(20), 4)
    assert [name for name, _ in calls] == [threading.current_thread().name] * 2


def test_what_fails_in_a_thread_fails_here(monkeypatch):
    monkeypatch.setattr(threaded_passes, "WORTH_A_THREAD", 1)
    matrix = compact(np.ones((30, 20)), np.float64)
    with pytest.raises(ValueError, match="dtype"):
        threaded_passes.correlate(matrix, np.arange(20), np.ones(30), np.empty(20), 2)
