"""Local moves of L0, against refits by least squares."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from support.oracles import Raw
from support.penalty_twins import best_subset
from support.solver_calls import prepare
from support.wide_matrices import lat_long_cross

from sparsereg.solvers.assemble import make_penalty
from sparsereg.solvers.base import SolverOptions, spelled_out
from sparsereg.solvers.nonconvex import swaps
from sparsereg.solvers.nonconvex.coordinatewise import CoordinatewiseMinimizer
from sparsereg.solvers.nonconvex.swaps import Neighbors, improve
from sparsereg.solvers.null_model import null_state

seeds = st.integers(0, 2**32 - 1)
OPTIONS = SolverOptions(tol=1e-11)


def problem_of(X, y, l1_ratio=1.0, **settings):
    defaults = {
        "sample_weight": None, "offset": None, "fit_intercept": True, "standardize": False, "positive": False,
        "bounds": None, "penalty_factor": None, "smallest_alpha": np.inf,
    }
    return prepare(X, y, **{**defaults, **settings}, l1_ratio=l1_ratio, penalty="l0")[1]


def run_from(problem, alpha, l1_ratio, w=None):
    state = null_state(problem, OPTIONS)
    if w is not None:
        state.w[:] = w
    return CoordinatewiseMinimizer(problem, make_penalty("l0", alpha, l1_ratio, None), state, OPTIONS).run()


def correlated(seed, p=6):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((25, p)) + rng.standard_normal((25, 1))
    return X, X @ rng.standard_normal(p) + rng.standard_normal(25)


def refitted(raw, support):
    """F of the least squares on a support, at the price of all of it."""
    w = np.zeros(raw.X.shape[1])
    X = raw.X - (raw.s @ raw.X if raw.fit_intercept else 0.0)
    y, columns = raw.target - raw.null_intercept(), list(support)
    gram = (X[:, columns].T * raw.s) @ X[:, columns] + np.diag(raw.l2[columns])
    w[columns] = np.linalg.solve(gram, X[:, columns].T @ (raw.s * y))
    value = 0.5 * (raw.s @ (y - X @ w) ** 2) + 0.5 * (raw.l2 @ w**2)
    return value + raw.alpha * raw.l1_ratio * raw.factor[columns].sum()


@given(seed=seeds, l1_ratio=st.sampled_from([0.4, 1.0]), fit_intercept=st.booleans(), standardize=st.booleans())
def test_gains_are_those_of_refits(seed, l1_ratio, fit_intercept, standardize):
    X, y = correlated(seed)
    rng = np.random.default_rng(seed)
    settings = {
        "fit_intercept": fit_intercept, "standardize": standardize, "penalty_factor": rng.choice([0.5, 1.0], 6),
        "sample_weight": rng.random(25) + 0.1,
    }
    raw = Raw(X, y, alpha=0.1, l1_ratio=l1_ratio, **settings)
    run = run_from(problem_of(X, y, l1_ratio, **settings), 0.1, l1_ratio)
    moves = swaps._Moves(run, Neighbors(run.problem))
    gain, before = moves._gains(), run.objective
    inside, outside = list(moves.inside), list(moves.outside)
    assert gain.shape == (len(inside) + 1, len(outside) + 1)
    for i, leaving in enumerate([*inside, None]):
        for j, entering in enumerate([*outside, None]):
            support = [k for k in inside if k != leaving] + ([] if entering is None else [entering])
            expected = before - refitted(raw, support) if (leaving, entering) != (None, None) else 0.0
            assert gain[i, j] == pytest.approx(expected, abs=1e-7 * raw.null_objective())


@given(seed=seeds)
def test_moves_end_where_none_helps(seed):
    X, y = correlated(seed)
    raw, run = Raw(X, y, alpha=0.05), run_from(problem_of(X, y), 0.05, 1.0)
    before, neighbors = run.objective, Neighbors(run.problem)
    improve(run, neighbors)
    assert run.objective <= before + 1e-13
    assert run.converged
    assert swaps._Moves(run, neighbors)._gains().max() <= 1e-9 * raw.null_objective()
    assert run.objective >= best_subset(raw) * (1 - 1e-9)
    assert refitted(raw, np.flatnonzero(run.state.w)) == pytest.approx(run.objective, rel=1e-9)


def test_a_wrong_column_is_taken_out():
    """A blurred copy of the right column explains nearly all, so that the right one does not pay beside it."""
    rng = np.random.default_rng(0)
    Z = np.linalg.qr(rng.standard_normal((60, 3)))[0] * np.sqrt(60)
    run = run_from(problem_of(np.c_[Z[:, 0], Z[:, 0] + 0.1 * Z[:, 1]], Z[:, 0], fit_intercept=False), 0.02, 1.0, [0, 1])
    assert run.converged
    assert np.flatnonzero(run.state.w).tolist() == [1]
    improve(run, Neighbors(run.problem))
    np.testing.assert_allclose(run.state.w, [1.0, 0.0], atol=1e-9)


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
@given(seed=seeds)
def test_promises_of_the_model_are_checked_on_the_loss(loss, seed):
    X, y = correlated(seed)
    y = (y > np.median(y)).astype(float) if loss == "logistic" else np.round(np.abs(y))
    run = run_from(problem_of(X, y, 0.5, loss=loss), 0.05, 0.5)
    before = run.objective
    improve(run, Neighbors(run.problem))
    assert run.objective <= before + 1e-13
    assert run.converged


@given(seed=seeds)
def test_unpenalised_columns_stay_and_signs_are_kept(seed):
    X, y = correlated(seed)
    problem = problem_of(X, y, penalty_factor={0: 0.0}, bounds=({1: 0.0}, {2: 0.0}))
    run = run_from(problem, 0.05, 1.0)
    improve(run, Neighbors(problem))
    assert run.state.w[0] != 0.0
    assert run.state.w[1] >= 0.0
    assert run.state.w[2] <= 0.0


@given(seed=seeds)
def test_a_choice_of_candidates_is_a_choice(seed):
    X, y = correlated(seed, 12)
    raw = Raw(X, y, alpha=0.05)
    with mock.patch.multiple(swaps, MAX_OUTSIDE=4, NEAREST=2, MAX_INSIDE=3):
        run = run_from(problem_of(X, y), 0.05, 1.0)
        before, moves = run.objective, swaps._Moves(run, Neighbors(run.problem))
        assert moves.inside.size <= 3
        assert moves.outside.size <= 2 + 2 * moves.inside.size
        assert not run.state.w[moves.outside].any()
        # What refits only some of the inside promises no more than there is.
        gain = moves._gains()
        for i, j in zip(*np.nonzero(gain[:, :-1] > 0.0)):
            support = {*np.flatnonzero(run.state.w), moves.outside[j]} - {*moves.inside[i : i + 1]}
            assert before - refitted(raw, sorted(support)) >= gain[i, j] - 1e-8 * raw.null_objective()
        improve(run, Neighbors(run.problem))
        assert run.objective <= before + 1e-13


def test_collinear_columns_do_no_harm():
    X, y = correlated(1)
    X = np.c_[X, X[:, 0] + X[:, 1], np.round(X[:, 2])]
    run = run_from(problem_of(X, y, 0.9), 0.01, 0.9, w=np.ones(8))
    improve(run, Neighbors(run.problem))
    assert np.isfinite(run.objective)
    assert run.converged


def test_neighbours():
    X = lat_long_cross(80, 4)
    problem = problem_of(X, np.random.default_rng(0).standard_normal(80))
    shape = (problem.n_rows, problem.indptr.size - 1)
    dense = sparse.csc_array(spelled_out(problem.matrix), shape=shape).toarray() != 0.0
    neighbors = Neighbors(problem)
    for j in range(0, dense.shape[1], 7):
        np.testing.assert_array_equal(neighbors.of(j), np.flatnonzero(dense[dense[:, j]].any(axis=0)))
