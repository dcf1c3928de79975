"""From a design to the problem that solvers see: centring, scales, and which columns are eliminated."""

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from support.oracles import Raw
from support.regressions import random_regression
from support.wide_matrices import lat_long_cross

from sparsereg import regularization_path
from sparsereg.design import make_design
from sparsereg.path import api
from sparsereg.solvers import presolve
from sparsereg.solvers.base import inner, spelled_out, take_columns
from sparsereg.solvers.column_penalties import ColumnPenalties
from sparsereg.solvers.presolve import make_problem

seeds = st.integers(0, 2**32 - 1)


def build(X, y, weight=None, *, fit_intercept=True, standardize=False, aggregate="auto", l1_ratio=0.5, **rules):
    design = make_design(sparse.csr_array(X), weight, aggregate=aggregate)
    return build_on(
        design, y, weight, fit_intercept=fit_intercept, standardize=standardize, l1_ratio=l1_ratio, **rules
    )


def build_on(design, y, weight, *, fit_intercept=True, standardize=False, l1_ratio=0.5, **rules):
    arrays = {"penalty_factor": 1.0, "lower": -np.inf, "upper": np.inf, **rules}
    arrays = {
        name: np.broadcast_to(np.float64(value), design.n_active) if np.ndim(value) == 0 else value[design.active]
        for name, value in arrays.items()
    }
    problem = make_problem(
        design, np.asarray(y, float), weight, ColumnPenalties(**arrays, standardize=standardize),
        fit_intercept=fit_intercept, l1_ratio=l1_ratio,
    )
    return design, problem


def usable_columns(problem):
    """Return the compact ids of public and private columns."""
    singletons = [] if problem.singletons is None else problem.singletons.columns
    return np.union1d(problem.columns, singletons).astype(int)


@pytest.mark.parametrize("fit_intercept", [True, False])
@given(seed=seeds)
def test_moments_and_reference(seed, fit_intercept):
    regression = random_regression(seed)
    X, y = regression.X, regression.y
    weight = np.random.default_rng(seed).integers(0, 3, y.size).astype(float)
    weight[0] = 1.0
    raw = Raw(X, y, sample_weight=weight, fit_intercept=fit_intercept)
    for aggregate in (True, False):
        design, problem = build(X, y, weight, fit_intercept=fit_intercept, aggregate=aggregate)
        assert problem.response.s.sum() == pytest.approx(1.0, abs=1e-14)
        assert problem.response.weight.size in (1, problem.n_rows)
        of_rows = np.broadcast_to(problem.response.weight, problem.n_rows)
        np.testing.assert_allclose(of_rows, problem.response.s, rtol=1e-15)
        assert problem.response.y_mean == pytest.approx(raw.null_intercept(), rel=1e-12, abs=1e-14)
        assert problem.reference == pytest.approx(raw.null_objective(), rel=1e-10, abs=1e-25)
        columns = X[:, design.active]
        column_sum = raw.s @ columns
        np.testing.assert_allclose(problem.column_sum, column_sum, rtol=1e-12, atol=1e-14)
        square = raw.s @ (columns - (column_sum if fit_intercept else 0.0)) ** 2
        np.testing.assert_allclose(problem.curvature, square, rtol=1e-9, atol=1e-14)
        if fit_intercept:
            assert problem.response.s @ problem.response.y == pytest.approx(0.0, abs=1e-13 * np.abs(y).max())


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("standardize", [True, False])
@given(seed=seeds)
def test_rows_of_weight_zero_are_as_if_they_were_not_there(seed, standardize, l1_ratio):
    """The problem of a fold on a design of all rows, against that of a design of the fold's rows."""
    regression = random_regression(seed)
    weight = np.random.default_rng(seed).integers(0, 2, regression.y.size).astype(float)
    weight[0] = 1.0
    settings = {"standardize": standardize, "l1_ratio": l1_ratio, "fit_intercept": bool(seed % 2)}
    design, fold = build_on(make_design(sparse.csr_array(regression.X)), regression.y, weight, **settings)
    subset, expected = build(regression.X, regression.y, weight, **settings)
    assert fold.reference == pytest.approx(expected.reference, rel=1e-12, abs=1e-25)
    usable, wanted = usable_columns(fold), usable_columns(expected)
    assert design.active[usable].tolist() == subset.active[wanted].tolist()
    for name in ("column_sum", "curvature", "scale"):
        np.testing.assert_allclose(getattr(fold, name)[usable], getattr(expected, name)[wanted], rtol=1e-9, atol=1e-14)


def test_only_columns_with_weight_may_leave_the_range_of_float64():
    X, y = np.diag([1.0, 1e-170, 2.0]), np.arange(3.0)
    _, problem = build_on(make_design(X), y, np.array([1.0, 0.0, 1.0]))
    assert usable_columns(problem).tolist() == [0, 2]
    with pytest.raises(ValueError, match=r"X: the squares of column 1 \(largest absolute value 1e-170\) leave"):
        build_on(make_design(X), y, np.array([1.0, 1.0, 0.0]))


def test_scale_is_the_weighted_standard_deviation():
    rng = np.random.default_rng(0)
    X, y, weight = rng.standard_normal((20, 3)) + 5.0, rng.standard_normal(20), rng.random(20)
    _, problem = build(X, y, weight, standardize=True)
    np.testing.assert_allclose(problem.scale, Raw(X, y, sample_weight=weight, standardize=True).scale, rtol=1e-12)
    _, plain = build(X, y, weight)
    assert plain.scale.strides == (0,)
    assert (plain.scale == 1.0).all()


def test_columns_that_cannot_help_are_not_public():
    rng = np.random.default_rng(0)
    X = np.c_[rng.standard_normal((20, 5)), np.ones(20)]
    factor = np.array([1.0, np.inf, 0.0, 1.0, 1.0, 1.0])
    lower = np.array([-np.inf, -np.inf, -np.inf, 0.0, -np.inf, -np.inf])
    upper = np.array([np.inf, np.inf, np.inf, 0.0, np.inf, np.inf])
    y = rng.standard_normal(20)
    for fit_intercept, standardize, expected in (
        (True, False, [0, 2, 4]), (False, False, [0, 2, 4, 5]), (False, True, [0, 2, 4, 5]),
    ):
        _, problem = build(
            X, y, penalty_factor=factor, lower=lower, upper=upper, fit_intercept=fit_intercept, standardize=standardize
        )
        assert problem.columns.tolist() == expected


def test_a_column_constant_up_to_rounding_is_constant():
    X = np.c_[np.full(20, 0.1), np.arange(20.0)]
    assert build(X, np.arange(20.0))[1].columns.tolist() == [1]


def test_private_columns_of_a_cross():
    X = lat_long_cross(3000, n_places=5)
    design = make_design(X)
    rules = ColumnPenalties.plain(design.n_active)
    problem = make_problem(design, np.sin(np.arange(3000.0)), None, rules, fit_intercept=True, l1_ratio=0.5)
    singletons = problem.singletons
    # After aggregation every cell has one row, and every row one cell.
    assert singletons.columns.size == singletons.rows.size >= 0.99 * problem.n_rows
    assert np.unique(singletons.rows).size == singletons.rows.size
    assert (np.diff(design.indptr)[singletons.columns] == 1).all()
    np.testing.assert_array_equal(design.indices[design.indptr[singletons.columns]], singletons.rows)
    assert np.intersect1d(singletons.columns, problem.columns).size == 0
    assert np.union1d(singletons.columns, problem.columns).size == design.n_active
    np.testing.assert_array_equal(singletons.x[singletons.rows], 1.0)
    for rule in problem.singleton_penalties[1:]:
        assert rule.strides == (0,)


@given(seed=seeds)
def test_a_row_gives_up_its_cheapest_column(seed):
    rng = np.random.default_rng(seed)
    n = 12
    X = np.hstack([np.diag(rng.choice([-2.0, 0.5, 1.0], n)) for _ in range(3)])
    X = np.hstack([X, rng.standard_normal((n, 2))])
    factor = rng.choice([0.5, 1.0, 2.0, np.inf], 3 * n + 2)
    with mock.patch.object(presolve, "MIN_SINGLETON_SHARE", 0.0):
        _, problem = build(X, rng.standard_normal(n), penalty_factor=factor, lower=-factor, upper=2.0 * factor)
    singletons = problem.singletons
    for row in range(n):
        mine = [row + k * n for k in range(3) if factor[row + k * n] < np.inf]
        chosen = singletons.columns[singletons.rows == row]
        if not mine:
            assert chosen.size == 0
            assert singletons.x[row] == 0.0
            continue
        price = [factor[j] / abs(X[row, j]) for j in mine]
        assert price[mine.index(chosen[0])] == min(price)
        j = chosen[0]
        expected = (X[row, j], factor[j], 1.0, -factor[j], 2.0 * factor[j])
        assert [rule[row] for rule in problem.singleton_penalties] == list(expected)


@pytest.mark.parametrize(("share", "expected"), [(0.25, False), (0.5, True)])
def test_few_private_columns_are_not_eliminated(share, expected):
    rng = np.random.default_rng(0)
    X = np.hstack([rng.standard_normal((20, 4)), np.eye(20)[:, : int(20 * share)]])
    assert (build(X, rng.standard_normal(20))[1].singletons is not None) == expected


def test_unpenalised_columns_rule_elimination_out():
    rng = np.random.default_rng(0)
    X, y = np.hstack([rng.standard_normal((20, 4)), np.eye(20)]), rng.standard_normal(20)
    assert build(X, y, penalty_factor=np.repeat([0.0, 1.0], [1, 23]))[1].singletons is None
    # Private columns without penalty are not eliminated: they would leave their rows no curvature.
    assert build(X, y, penalty_factor=np.repeat([1.0, 0.0], [4, 20]))[1].singletons is None


@pytest.mark.parametrize(
    ("factor", "lower", "upper", "expected"),
    [
        ([1.0, 1.0, 1.0, 1.0], -np.inf, np.inf, [0, 1]),
        ([2.0, 1.0, 1.0, 1.0], -np.inf, np.inf, [1, 2]),  # the copy that costs less is kept
        ([1.0, 1.0, 1.0, 1.0], 0.0, np.inf, [0, 1]),
        ([1.0, 1.0, 1.0, 1.0], -0.5, np.inf, [0, 1, 2, 3]),  # together copies reach below -0.5
        ([np.inf, 1.0, 1.0, 1.0], -np.inf, np.inf, [1, 2]),
    ],
)
def test_one_of_identical_columns_is_used_with_pure_l1(factor, lower, upper, expected):
    first, second = np.arange(8.0) % 3.0, np.cos(np.arange(8.0))
    X = np.c_[first, second, first, first]
    settings = {"penalty_factor": np.array(factor), "lower": np.full(4, lower), "upper": np.full(4, upper)}
    assert build(X, np.arange(8.0), l1_ratio=1.0, **settings)[1].columns.tolist() == expected
    mixed = build(X, np.arange(8.0), **settings)[1].columns
    assert mixed.tolist() == [j for j in range(4) if np.isfinite(factor[j])]


@given(seed=seeds)
def test_the_model_with_intercept_only(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((20, 4)) * (rng.random((20, 4)) < 0.6)
    y, weight = rng.standard_normal(20) + 3.0, rng.random(20) + 0.1
    design, problem = build(X, y, weight, standardize=True)
    raw = Raw(X, y, sample_weight=weight, standardize=True)
    z, curvature = problem.null_model
    np.testing.assert_allclose(z, problem.response.s * problem.response.y, atol=1e-15)
    np.testing.assert_allclose(curvature, problem.response.s, rtol=1e-14)
    expected = np.abs(raw.correlation(np.zeros(4), raw.null_intercept()))[design.active] / raw.scale[design.active]
    assert problem.null_violation == pytest.approx(expected.max(), rel=1e-10)
    assert 0.0 < problem.violation_rounding < 1e-12


def test_rounding_is_all_there_is_where_nothing_is_to_explain():
    _, problem = build(np.random.default_rng(0).standard_normal((20, 4)), np.full(20, 0.1))
    assert problem.violation_rounding >= 1.0


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"l1_ratio": 0.5, "positive": True}, {"loss": "logistic"}, {"l1_ratio": 0.0}, {"penalty": "mcp"},
        {"penalty": "l0"}, {"fit_intercept": False, "standardize": True}, {"penalty_factor": {3: 0.0}},
    ],
)
def test_ones_without_values_give_the_bits_of_ones(settings, monkeypatch):
    rng = np.random.default_rng(0)
    X = sparse.csr_array((rng.random((120, 40)) < rng.choice([0.02, 0.2, 0.6], 40)).astype(float))
    X = sparse.csr_array(sparse.hstack([X, np.ones((120, 1)), sparse.eye_array(120).tocsc()[:, :30]]))
    y, paths = (X[:, :5].sum(axis=1) + rng.standard_normal(120) > 1.0).astype(float), []
    for spells_out in (False, True):
        def make(*given, spells_out=spells_out, **named):
            design = make_design(*given, **named)
            assert design.data.size == 0
            return replace(design, data=np.ones(design.nnz, design.data.dtype)) if spells_out else design

        monkeypatch.setattr(api, "make_design", make)
        paths.append(regularization_path(X, y, n_alphas=6, eps=1e-2, **settings))
    for one, other in zip(paths[0].coefs.toarray(), paths[1].coefs.toarray(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(paths[0].objectives, paths[1].objectives)


def test_columns_of_ones_can_be_taken_with_their_values():
    rng = np.random.default_rng(1)
    dense = (rng.random((20, 9)) < 0.4).astype(float)
    dense[:, 5] = 0.0
    columns = sparse.csc_matrix(dense)
    matrix = np.empty(0, np.float32), columns.indices.astype(np.int32), columns.indptr.astype(np.int64)
    for some in ([], [7, 0, 5], list(range(9))):
        taken = take_columns(matrix, np.array(some, dtype=np.int32), 20)
        assert taken.dtype == np.float64
        np.testing.assert_array_equal(taken.toarray(), dense[:, some])
    np.testing.assert_array_equal(spelled_out(matrix)[0], columns.data)


def test_inner_products_are_those_of_long_vectors():
    a, b = np.random.default_rng(2).standard_normal((2, 30_001))
    assert inner(a, b) == pytest.approx(float(np.sum(a * b)), rel=1e-11)
    assert inner(a[:0], b[:0]) == 0.0


@pytest.mark.parametrize("l1_ratio", [1.0, 0.0])
def test_zeros_of_full_columns_hide_no_slope_without_end(l1_ratio):
    """The loss of a count rises without end; a zero in such a row is nothing to it."""
    rng = np.random.default_rng(0)
    X = rng.uniform(1.0, 2.0, (40, 2)) * (rng.random((40, 2)) < 0.7)
    y = rng.poisson(np.exp(X[:, 0])).astype(float)
    paths = [
        regularization_path(data, y, loss="poisson", l1_ratio=l1_ratio, alphas=[1e-2], bounds=(-5.0, 5.0))
        for data in (X, sparse.csr_array(X))
    ]
    assert paths[0].coefs.nnz == 2
    np.testing.assert_allclose(paths[0].objectives, paths[1].objectives, rtol=1e-6)
