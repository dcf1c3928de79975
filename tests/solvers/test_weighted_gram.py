"""Weighted Gram matrices: what they are made of, part by part, and factors that stay positive definite."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.solver_calls import prepare

from sparsereg.solvers import weighted_gram
from sparsereg.solvers.weighted_gram import Cholesky

seeds = st.integers(0, 2**32 - 1)
PLAIN = dict.fromkeys(("sample_weight", "offset", "bounds", "penalty_factor"))


@pytest.mark.parametrize("centre", [True, False])
@given(seed=seeds)
def test_gram_matrices_are_what_they_say(centre, seed):
    rng = np.random.default_rng(seed)
    X, weight = rng.standard_normal((23, 4)) + 2.0, rng.uniform(0.0, 1.0, 23)
    unit = rng.choice([1.0, 3.0], 4)
    centred = X - (weight @ X) / weight.sum() if centre else X
    block = np.ascontiguousarray(X.T)
    saved, weighted_gram.PART = weighted_gram.PART, int(rng.integers(4, 200))
    try:
        gram = weighted_gram.weighted_gram(block, weight, centre)
        rows = weighted_gram.row_gram(block, unit, weight, centre)
    finally:
        weighted_gram.PART = saved
    np.testing.assert_allclose(gram, (centred.T * weight) @ centred, atol=1e-12)
    np.testing.assert_allclose(rows, centred / unit @ centred.T, atol=1e-12)
    alike = weighted_gram.weighted_gram(block, np.full(1, 0.3), centre)
    plain = X - X.mean(axis=0) if centre else X
    np.testing.assert_allclose(alike, 0.3 * plain.T @ plain, atol=1e-12)


@pytest.mark.parametrize("full", [True, False])
def test_blocks_are_the_columns(full):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((12, 5)) * (full | (rng.random((12, 5)) < 0.5))
    _, problem = prepare(
        X, rng.standard_normal(12), **PLAIN, fit_intercept=True, standardize=False, positive=False, l1_ratio=0.0,
        smallest_alpha=np.inf,
    )
    some = problem.columns[::2]
    assert weighted_gram.pays(problem)
    dense = problem.submatrix(problem.columns).toarray()
    np.testing.assert_array_equal(weighted_gram.dense_block(problem, problem.columns), dense.T)
    np.testing.assert_array_equal(weighted_gram.dense_block(problem, some), dense.T[::2])


def test_a_factor_is_raised_no_more_than_it_takes():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 4))
    whole = Cholesky(X.T @ X, np.full(4, 0.5))
    assert whole.raised == 0.0
    v = rng.standard_normal(4)
    np.testing.assert_allclose((X.T @ X + 0.5 * np.eye(4)) @ whole.solve(v), v)
    np.testing.assert_allclose(whole.factor @ whole.half_solve(v), v)
    np.testing.assert_allclose(whole.factor.T @ whole.half_solve(v, transposed=True), v)
    np.testing.assert_allclose(whole.factor @ whole.factor.T, X.T @ X + 0.5 * np.eye(4))
    np.testing.assert_allclose(whole.diagonal, np.diag(whole.factor))
    flat = np.outer(np.ones(3), np.ones(3))
    raised = Cholesky(flat, np.zeros(3))
    assert 0.0 < raised.raised <= 1e-9
    np.testing.assert_allclose(raised.factor @ raised.factor.T, flat, atol=1e-8)


def test_a_factor_takes_what_rounding_leaves_of_squares():
    rough = np.diag([1.0, -1e-9, 0.0])
    rough[1, 2] = rough[2, 1] = 1e-12
    raised = Cholesky(rough, np.zeros(3))
    assert np.isfinite(raised.factor).all() and raised.diagonal.min() > 0.0


def test_products_are_summed_in_parts_of_bounded_work(monkeypatch):
    block = np.random.default_rng(0).standard_normal((5, 40))
    whole = block @ block.T
    assert weighted_gram.at_once(2000) * 2000**2 <= 2e10
    assert weighted_gram.at_once(0) > 0
    monkeypatch.setattr(weighted_gram, "CALL", 7 * 5**2)
    assert weighted_gram.at_once(5) == 7
    np.testing.assert_allclose(weighted_gram.own_products(block), whole, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(weighted_gram.own_products(block.T), block.T @ block, rtol=1e-12, atol=1e-12)
