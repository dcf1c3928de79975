"""Factors of blocks of columns, against dense least squares."""

from unittest import mock

import numpy as np
import pytest
from scipy import sparse

from sparsereg.solvers import block_factor
from sparsereg.solvers.block_factor import BlockFactor, ScaledBlock

SHAPES = [(40, 12), (12, 40)]


def random_block(shape, seed=0, fit_intercept=True):
    """A block of weighted, centred columns, and the same dense."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal(shape) * (rng.random(shape) < 0.5) * 10.0 ** rng.integers(-2, 3, shape[1])
    weight = rng.random(shape[0]) + 0.1
    mean = weight @ X / weight.sum() if fit_intercept else np.zeros(shape[1])
    size = np.sqrt(weight @ (X - mean) ** 2)
    dense = np.sqrt(weight)[:, None] * (X - mean) / size
    return ScaledBlock(sparse.csc_matrix(X), np.sqrt(weight), mean, size), dense


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("sparse_start", [0.0, np.inf])
@pytest.mark.parametrize("shape", SHAPES)
def test_products_are_those_of_the_dense_block(shape, sparse_start, fit_intercept):
    block, dense = random_block(shape, fit_intercept=fit_intercept)
    with mock.patch.multiple(block_factor, SPARSE_START=sparse_start, SPARSE_COST=0.0):
        products = block.products()
    expected = dense.T @ dense if shape[1] <= shape[0] else dense @ dense.T
    np.testing.assert_allclose(products, expected, atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_solutions_are_the_shortest_best_fits(shape):
    block, dense = random_block(shape)
    residual = np.random.default_rng(1).standard_normal(shape[0]) * 10.0
    residual -= block.root * (block.root @ residual) / (block.root @ block.root)
    factor = BlockFactor(block)
    best = np.linalg.lstsq(dense, residual, rcond=1e-10)[0]
    np.testing.assert_allclose(factor.solve(residual), best, atol=1e-9)
    assert factor.serves(moves=True)
    unknowns = np.random.default_rng(2).standard_normal(factor.n_unknowns)
    scaled = np.random.default_rng(3).standard_normal(shape[1])
    assert scaled @ factor.apply(unknowns) == pytest.approx(unknowns @ factor.apply_transposed(scaled), rel=1e-6)


def test_collinear_columns_are_told():
    block, _ = random_block((40, 12))
    twice = ScaledBlock(
        sparse.hstack([block.matrix, 3.0 * block.matrix[:, :2]]).tocsc(), block.root,
        np.append(block.mean, 3.0 * block.mean[:2]), np.append(block.size, block.size[:2]),
    )
    factor = BlockFactor(twice)
    assert not factor.serves(moves=True)
    assert factor.serves(moves=False)
    residual = np.random.default_rng(1).standard_normal(40)
    # What is left is orthogonal to every column all the same, after steps of refinement.
    for _ in range(4):
        residual = residual - twice.forward(factor.solve(residual))
    assert np.abs(twice.backward(residual)).max() <= 1e-12


def test_sides_that_are_long_are_no_work_for_a_factor():
    block, _ = random_block((40, 12))
    assert block.work() < 1e9
    with mock.patch.object(block_factor, "MAX_SIDE", 11):
        assert block.work() == np.inf
