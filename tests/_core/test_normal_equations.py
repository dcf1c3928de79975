"""The normal equations of chosen columns: against NumPy on the dense matrix, for every kind of weights."""

import _thread
import threading

import numpy as np
import pytest
from support.kernel_calls import compact

from sparsereg._core.normal_equations import conjugate_gradients, gram

each_weight = pytest.mark.parametrize("uniform", [True, False])
each_intercept = pytest.mark.parametrize("intercept", [True, False])


def equations(uniform, intercept, dtype=np.float64, n=40, p=9):
    """Return the arguments that both kernels share, the dense matrix without diagonal, and random numbers."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.6) + 0.5 * (rng.random((n, p)) < 0.3)
    X = X.astype(dtype).astype(float)
    weight = np.full(n, 0.3) if uniform else rng.random(n) * (rng.random(n) < 0.8)
    columns = np.array([7, 0, 3, 4, 8], np.int32)
    mean = weight @ X[:, columns] / weight.sum() * intercept
    centred = X[:, columns] - mean
    shared = (*compact(X, dtype), columns, mean, weight[:1] if uniform else weight, n)
    return shared, centred.T @ (weight[:, None] * centred), rng


@each_weight
@each_intercept
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_matrix_is_that_of_the_centred_columns(uniform, intercept, dtype):
    shared, expected, _ = equations(uniform, intercept, dtype)
    out = np.full_like(expected, np.nan)
    gram(*shared, out)
    np.testing.assert_allclose(out, expected, atol=1e-14)


@each_weight
@each_intercept
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_conjugate_gradients_find_the_dense_solution(uniform, intercept, dtype):
    shared, matrix, rng = equations(uniform, intercept, dtype)
    diagonal, gradient = rng.random(5) * [0, 1, 0, 1, 1], rng.standard_normal(5)
    matrix += np.diag(diagonal)
    delta = np.full(5, np.nan)
    steps = conjugate_gradients(*shared, diagonal, matrix.diagonal().copy(), gradient, 1e-12, 50, delta)
    assert 1 < steps <= 8
    np.testing.assert_allclose(delta, np.linalg.solve(matrix, gradient), rtol=1e-8)


def test_every_step_lowers_the_model_and_the_last_is_small():
    shared, matrix, rng = equations(False, True)
    gradient, values = rng.standard_normal(5), [0.0]
    for max_steps in range(1, 6):
        delta = np.empty(5)
        assert conjugate_gradients(*shared, np.zeros(5), np.diag(matrix).copy(), gradient, 0.0, max_steps, delta) > 0
        values.append(0.5 * delta @ matrix @ delta - gradient @ delta)
    assert np.all(np.diff(values) <= 1e-14)
    assert conjugate_gradients(*shared, np.zeros(5), np.diag(matrix).copy(), gradient, 1.0, 9, delta) == 0
    assert not delta.any()


def test_no_columns_take_no_steps():
    shared = *compact(np.ones((3, 1))), np.empty(0, np.int32), np.empty(0), np.ones(1), 3
    assert conjugate_gradients(*shared, np.empty(0), np.empty(0), np.empty(0), 0.1, 5, np.empty(0)) == 0
    gram(*shared, np.empty((0, 0)))


def test_conjugate_gradients_can_be_interrupted():
    X = np.random.default_rng(0).standard_normal((2000, 500))
    columns, size = np.arange(500, dtype=np.int32), np.full(500, 2000.0)
    threading.Timer(0.1, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        conjugate_gradients(
            *compact(X), columns, np.zeros(500), np.ones(1), 2000, np.zeros(500), size, np.ones(500), 0.0, 10**6,
            np.empty(500),
        )
