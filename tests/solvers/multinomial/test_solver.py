"""Softmax regression: certificates against an independent twin, equivalences, other solvers."""

from dataclasses import replace

import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn import linear_model
from support.multinomial_twins import RawMultinomial
from support.solver_calls import options_of, prepare

from sparsereg._core.losses import Logistic
from sparsereg._core.penalties import ElasticNet
from sparsereg.design import make_design
from sparsereg.path.solve import solve_grid
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.column_penalties import ColumnPenalties
from sparsereg.solvers.multinomial import solver as multinomial
from sparsereg.solvers.multinomial.problem import make_multinomial_problem
from sparsereg.solvers.null_model import alpha_max, null_state, state_at
from sparsereg.solvers.presolve import make_problem

TIGHT = SolverOptions(tol=1e-10, max_iter=100_000)


def random_raw(seed, n_samples=40, **facts):
    """Return a small problem with every setting that the solver knows."""
    rng = np.random.default_rng(seed)
    n_features, n_classes = int(rng.integers(1, 9)), int(rng.integers(3, 6))
    X = np.round(rng.standard_normal((n_samples, n_features)), 1) * (rng.random((n_samples, n_features)) < 0.6)
    X[-5:] = X[:5]
    hard = np.eye(n_classes)[rng.permutation(np.arange(n_samples) % n_classes)]
    Y = hard if rng.random() < 0.5 else 0.8 * hard + 0.2 * rng.dirichlet(np.ones(n_classes), n_samples)
    raw = RawMultinomial(
        X, Y, alpha=float(10.0 ** rng.uniform(-4.5, -0.8)), l1_ratio=float(rng.choice([0.0, 0.3, 1.0])),
        fit_intercept=bool(rng.integers(0, 2)), standardize=bool(rng.random() < 0.3),
    )
    if rng.random() < 0.4:
        raw = replace(raw, sample_weight=rng.integers(1, 4, n_samples) * 1.0)
    if rng.random() < 0.3:
        raw = replace(raw, offset=rng.standard_normal(Y.shape))
    if rng.random() < 0.4:
        raw = replace(raw, penalty_factor=rng.choice([0.0, 0.5, 2.0], n_features))
    if rng.random() < 0.4:
        raw = replace(raw, lower=float(rng.choice([-0.2, 0.0])), upper=float(rng.choice([0.3, np.inf])))
    return replace(raw, **facts)


def prepared(raw, X=None):
    offset = raw.offset if np.ndim(raw.offset) else None
    return prepare(
        sparse.csr_array(raw.X) if X is None else X, raw.Y, sample_weight=raw.sample_weight, offset=offset,
        loss="logistic", fit_intercept=raw.fit_intercept, standardize=raw.standardize, positive=False,
        bounds=(raw.lower, raw.upper), penalty_factor=np.array(raw.factor), l1_ratio=raw.l1_ratio,
        smallest_alpha=raw.alpha,
    )


def fit(raw, X=None, options=TIGHT):
    """Return (W, b, solution) on the user's columns."""
    design, problem = prepared(raw, X)
    state = null_state(problem, options)
    solution = solve_grid(problem, state, np.array([raw.alpha]), options_of(raw.l1_ratio), options)[0]
    W = np.zeros((raw.X.shape[1], raw.Y.shape[1]))
    W[design.active] = solution.coefs.toarray()
    return W, solution.b, solution


def reference(raw):
    """Objective of the model with intercepts only: of what gaps are shares."""
    return prepared(raw)[1].reference


# Certificates.


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_every_claim_of_a_solution(seed):
    raw = random_raw(seed)
    W, b, solution = fit(raw)
    assert solution.converged
    assert 0.0 <= solution.dual_gap <= 1e-10 + 1e-12
    assert solution.objective == pytest.approx(raw.objective(W, b), rel=1e-12)
    assert solution.loss == pytest.approx(raw.loss(W, b), rel=1e-12)
    assert np.all((raw.lower <= W) & (raw.upper >= W))
    assert raw.violation(W, b) < 2e-5
    assert abs(b.sum()) < 1e-9 * (1.0 + np.abs(b).max()) if raw.fit_intercept else not b.any()


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_no_other_solver_finds_less(seed):
    raw = random_raw(seed)
    _, _, solution = fit(raw)
    assert solution.objective <= raw.objective(*raw.minimise_split()) + 1e-9


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
def test_the_gap_is_at_least_the_suboptimality(seed, max_iter):
    """However early it stops."""
    raw = random_raw(seed)
    _, problem = prepared(raw)
    penalty, state = ElasticNet(raw.alpha, raw.l1_ratio), null_state(problem, TIGHT)
    early = multinomial.solve(problem, penalty, state, SolverOptions(tol=0.0, max_iter=max_iter))
    best = fit(raw)[2].objective
    assert early.objective >= best - 1e-9
    assert early.objective - early.dual_gap * problem.reference <= best + 1e-12


def test_unpenalised_columns_leave_their_bound():
    """Where the dual point is projected off some of them only, it says nothing of the rest."""
    rng = np.random.default_rng(0)
    for l1_ratio in (0.3, 1.0):
        raw = RawMultinomial(
            rng.standard_normal((60, 2)), np.eye(5)[np.arange(60) % 5], alpha=0.01, l1_ratio=l1_ratio,
            penalty_factor=np.array([0.0, 1.0]), lower=0.0, fit_intercept=False,
        )
        W, b, solution = fit(raw)
        assert solution.converged
        assert W[0].max() > 0.01
        assert raw.violation(W, b) < 1e-5


@pytest.mark.parametrize(("seed", "alpha"), [(0, 1e-6), (1, 1e-6), (1587, 5.344219205432411e-06)])
def test_small_alphas(seed, alpha):
    """Long steps on the supports are taken back whole: intercepts go with their predictors."""
    raw = random_raw(seed, alpha=alpha, l1_ratio=1.0, standardize=False, penalty_factor=1.0, fit_intercept=True)
    W, b, solution = fit(raw)
    assert solution.converged
    assert solution.objective == pytest.approx(raw.objective(W, b), rel=1e-12)
    assert np.abs(raw.slope(W, b)[1]).max() < 1e-5


def test_null_point_and_largest_alpha():
    raw = random_raw(3, penalty_factor=1.0, l1_ratio=1.0, lower=-np.inf, upper=np.inf)
    _, problem = prepared(raw)
    state = null_state(problem, TIGHT)
    largest = alpha_max(problem, state, 1.0)
    g, of_b = raw.slope(np.zeros((raw.X.shape[1], raw.Y.shape[1])), np.array([at.b for at in state.outputs]))
    assert largest == pytest.approx(np.max(np.abs(g) / raw.scale[:, None]), rel=1e-9)
    assert np.abs(of_b).max() < 1e-12 or not raw.fit_intercept
    assert not fit(replace(raw, alpha=largest))[0].any()
    assert fit(replace(raw, alpha=0.99 * largest))[0].any()


def test_the_null_point_fits_unpenalised_columns():
    raw = random_raw(5, n_samples=80, lower=-np.inf, upper=np.inf, l1_ratio=1.0)
    raw = replace(raw, penalty_factor=np.where(np.arange(raw.X.shape[1]) == 0, 0.0, 1.0))
    W, _, _ = fit(replace(raw, alpha=1e3))
    assert W[0].any()
    assert not W[1:].any()
    _, problem = prepared(raw)
    largest = alpha_max(problem, null_state(problem, TIGHT), 1.0)
    assert not fit(replace(raw, alpha=largest * (1 + 1e-6)))[0][1:].any()
    assert fit(replace(raw, alpha=0.99 * largest))[0][1:].any()


@pytest.mark.parametrize("seed", range(4))
def test_the_start_does_not_matter(seed):
    raw = random_raw(seed)
    rng = np.random.default_rng(seed)
    best = fit(raw)[2]
    _, problem = prepared(raw)
    shape = raw.Y.shape[1], problem.outputs[0].indptr.size - 1
    for size in (0.1, 100.0):
        w, b = size * rng.standard_normal(shape), size * rng.standard_normal(shape[0])
        state = state_at(problem, w, b, 2.0 * raw.alpha, TIGHT)
        assert state.alpha in (2.0 * raw.alpha, np.inf)
        again = solve_grid(problem, state, np.array([raw.alpha]), options_of(raw.l1_ratio), TIGHT)[0]
        assert again.objective == pytest.approx(best.objective, abs=3e-10 * problem.reference)


def test_stopping_short_is_said():
    raw = random_raw(1, alpha=1e-4)
    with pytest.warns(match="fits stopped before the duality gap"):
        _, _, solution = fit(raw, options=SolverOptions(tol=1e-12, max_iter=3))
    assert not solution.converged


def test_separated_by_unpenalised_columns():
    """No finite coefficients are best: the predictor stays bounded, and a warning says so."""
    raw = random_raw(2, penalty_factor=0.0, lower=-np.inf, upper=np.inf, offset=0.0)
    raw = replace(raw, Y=np.eye(3)[np.arange(40) % 3], X=np.eye(3)[np.arange(40) % 3], fit_intercept=True)
    with pytest.warns(match="no finite coefficients are best"):
        W, b, solution = fit(raw)
    assert solution.converged
    assert np.abs(raw.predictor(W, b)).max() < 100.0


def test_callbacks_hear_of_progress():
    heard = []
    raw = random_raw(7)
    _, _, solution = fit(raw, options=replace(TIGHT, callback=heard.append))
    assert heard[-1].dual_gap == solution.dual_gap
    assert heard[-1].n_nonzero == solution.coefs.nnz
    assert {progress.alpha for progress in heard} >= {raw.alpha}


# Equivalences.


@pytest.mark.parametrize("seed", range(6))
def test_two_classes_are_logistic_regression(seed):
    """Of the split of a difference over two classes L1 does not mind which; L2 halves it and costs half as much."""
    raw = random_raw(seed, lower=-np.inf, upper=np.inf, offset=0.0, penalty_factor=1.0, standardize=False)
    raw = replace(raw, Y=np.stack([raw.Y[:, 0], 1.0 - raw.Y[:, 0]], axis=1))
    design = make_design(sparse.csr_array(raw.X), raw.sample_weight)
    rules, weight = ColumnPenalties.plain(design.n_active), raw.sample_weight
    problem = make_multinomial_problem(
        design, raw.Y, weight, rules, fit_intercept=raw.fit_intercept, l1_ratio=raw.l1_ratio
    )
    joint = solve_grid(problem, null_state(problem, TIGHT), np.array([raw.alpha]), options_of(raw.l1_ratio), TIGHT)[0]
    l1, l2 = raw.alpha * raw.l1_ratio, 0.5 * raw.alpha * (1.0 - raw.l1_ratio)
    binary = make_problem(
        design, raw.Y[:, 1], weight, rules, fit_intercept=raw.fit_intercept, loss=Logistic(),
        l1_ratio=l1 / (l1 + l2), eliminate=False,
    )
    state = null_state(binary, TIGHT)
    single = solve_grid(binary, state, np.array([l1 + l2]), options_of(l1 / (l1 + l2)), TIGHT)[0]
    assert problem.reference == pytest.approx(binary.reference, rel=1e-12)
    assert joint.objective == pytest.approx(single.objective, abs=1e-9)
    difference = joint.coefs[:, [1]] - joint.coefs[:, [0]]
    np.testing.assert_allclose(difference.toarray(), single.coefs.toarray(), atol=2e-4)
    assert joint.b[1] - joint.b[0] == pytest.approx(single.b, abs=2e-4)


@pytest.mark.parametrize("seed", range(4))
def test_classes_may_be_permuted(seed):
    raw = random_raw(seed, l1_ratio=0.5, offset=0.0)
    order = np.random.default_rng(seed).permutation(raw.Y.shape[1])
    W, _, solution = fit(raw)
    permuted = fit(replace(raw, Y=raw.Y[:, order]))
    assert permuted[2].objective == pytest.approx(solution.objective, abs=1e-9)
    penalized = raw.factor > 0.0
    np.testing.assert_allclose(permuted[0][penalized], W[penalized][:, order], atol=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_weights_are_repeated_rows(seed):
    rng = np.random.default_rng(seed)
    weight = rng.integers(0, 4, 40)
    raw = random_raw(seed, offset=0.0, sample_weight=weight * 1.0)
    rows = np.repeat(np.arange(40), weight)
    again = replace(raw, X=raw.X[rows], Y=raw.Y[rows], sample_weight=None)
    assert fit(raw)[2].objective == pytest.approx(fit(again)[2].objective, abs=1e-9)


@pytest.mark.parametrize("with_offset", [False, True])
def test_aggregated_or_not(with_offset):
    """Rows that are equal are one row, whose terms differ where offsets do."""
    raw = random_raw(11)
    rows = np.repeat(np.arange(40), 3)
    offset = np.random.default_rng(1).standard_normal((120, raw.Y.shape[1])) if with_offset else 0.0
    Y = np.eye(raw.Y.shape[1])[np.random.default_rng(2).integers(0, raw.Y.shape[1], 120)]
    raw = replace(raw, X=raw.X[rows], Y=Y, offset=offset, sample_weight=None)
    merged, apart = (make_design(sparse.csr_array(raw.X), aggregate=aggregate) for aggregate in (True, False))
    assert merged.n_rows < apart.n_rows == 120
    one, other = fit(raw, merged), fit(raw, apart)
    assert one[2].objective == pytest.approx(other[2].objective, abs=1e-9)
    assert one[2].objective == pytest.approx(raw.objective(one[0], one[1]), rel=1e-12)


def test_soft_targets_are_weighted_hard_ones():
    raw = random_raw(4, offset=0.0, sample_weight=None)
    n_classes = raw.Y.shape[1]
    Y = np.random.default_rng(0).dirichlet(np.ones(n_classes), 40)
    hard = replace(
        raw, X=np.repeat(raw.X, n_classes, axis=0), Y=np.tile(np.eye(n_classes), (40, 1)), sample_weight=Y.ravel()
    )
    assert fit(replace(raw, Y=Y))[2].objective == pytest.approx(fit(hard)[2].objective, abs=1e-9)


def test_offsets_constant_in_a_class_move_its_intercept():
    raw = random_raw(6, l1_ratio=0.5, fit_intercept=True, offset=0.0)
    _, b, solution = fit(raw)
    constant = np.arange(raw.Y.shape[1]) * 1.0
    moved = fit(replace(raw, offset=np.zeros(raw.Y.shape) + constant))
    assert moved[2].objective == pytest.approx(solution.objective, abs=1e-9)
    np.testing.assert_allclose(moved[1], b - constant + constant.mean(), atol=1e-3)


@given(st.integers(0, 2**32 - 1))
def test_no_shift_of_a_column_costs_less(seed):
    """Of all shifts of a column's coefficients, within the bounds, the solver takes the cheapest."""
    raw = random_raw(seed, n_samples=20)
    _, problem = prepared(raw)
    rng, first = np.random.default_rng(seed), problem.outputs[0]
    columns = first.columns
    w = np.clip(np.round(rng.standard_normal((raw.Y.shape[1], columns.size)), 1), raw.lower, raw.upper)
    penalty = ElasticNet(raw.alpha, raw.l1_ratio)
    shift = multinomial._best_shift(penalty, first, columns, w)
    grid = np.r_[np.linspace(-3.0, 3.0, 601), shift, 0.0]
    l1, l2 = (raw.alpha * share * first.penalty_factor[columns] for share in (raw.l1_ratio, 1.0 - raw.l1_ratio))
    for k, scale in enumerate(first.scale[columns]):
        moved = w[:, k] - grid[:, None]
        inside = np.all((moved >= raw.lower - 1e-12) & (moved <= raw.upper + 1e-12), axis=1)
        cost = np.sum(l1[k] * scale * np.abs(moved) + 0.5 * l2[k] * scale**2 * moved**2, axis=1)
        chosen = np.flatnonzero(grid == shift[k])[0]
        assert inside[chosen]
        assert cost[chosen] <= cost[inside].min() + 1e-12


# Other solvers.


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_scikit_learn_finds_the_same(l1_ratio):
    is_new = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 8)
    penalty = {"l1_ratio": l1_ratio} if is_new else {"penalty": "l1" if l1_ratio else "l2"}
    raw = random_raw(
        8, l1_ratio=l1_ratio, alpha=0.02, fit_intercept=False, standardize=False, penalty_factor=1.0,
        lower=-np.inf, upper=np.inf, offset=0.0, sample_weight=None,
    )
    labels = raw.Y.argmax(axis=1)
    raw = replace(raw, Y=np.eye(raw.Y.shape[1])[labels])
    other = linear_model.LogisticRegression(
        C=1.0 / (raw.alpha * len(labels)), solver="saga" if l1_ratio else "lbfgs", tol=1e-10, max_iter=100_000,
        fit_intercept=False, random_state=0, **penalty,
    ).fit(raw.X, labels)
    W, b, solution = fit(raw)
    assert solution.objective == pytest.approx(raw.objective(other.coef_.T, b), abs=1e-8)
    np.testing.assert_allclose(W, other.coef_.T, atol=2e-4)


# Bad input.


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda Y: Y * 1.1, "y: the probabilities in row 0 sum to 1.1, expected 1"),
        (lambda Y: Y - 0.5 * (np.arange(40) == 3)[:, None], "y: probability -0.5 in row 3 is negative"),
        (lambda Y: Y[:7], r"y: shape \(7, \d\) is not allowed, expected \(40, n_classes\)"),
        (lambda Y: np.where(np.arange(40)[:, None] == 5, np.nan, Y), "Input y contains NaN"),
        (lambda Y: np.eye(Y.shape[1])[np.zeros(40, int)], "no finite intercept is best"),
    ],
)
def test_refused_shares(spoil, message):
    raw = random_raw(9, fit_intercept=True, offset=0.0)
    with pytest.raises(ValueError, match=message):
        prepared(replace(raw, Y=spoil(raw.Y)))
