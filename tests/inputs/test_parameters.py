"""Checks of settings on their own; what users see of them is in path/test_api and estimators/test_regressors."""

import os

import numpy as np
import pytest

from sparsereg.inputs.parameters import (
    check_alpha,
    check_alphas,
    check_choice,
    check_flag,
    check_grid,
    check_l1_ratio,
    make_generator,
    resolve_penalty_alias,
)
from sparsereg.solvers.assemble import make_solver_options
from sparsereg.solvers.column_penalties import make_column_penalties

ACTIVE = np.array([2, 5, 10**11])
WIDTH = 10**12


def test_numbers_come_back_as_python_numbers():
    for value in (1, 1.0, np.float32(1), np.int64(1)):
        assert check_alpha(value) == 1.0
        assert type(check_alpha(value)) is float
    assert check_alpha(0) == 0.0
    assert check_l1_ratio(1) == 1.0
    assert check_grid(None, np.int64(3), 0.5) == (None, 3, 0.5)
    assert check_flag(np.True_, "x") is True
    assert check_choice("b", "x", {"b": 1}) == "b"


@pytest.mark.parametrize("bad", [-1.0, -1e-300, np.nan, np.inf])
def test_alpha_out_of_range(bad):
    with pytest.raises(ValueError, match=rf"^alpha: {bad} is outside \[0, inf\)$"):
        check_alpha(bad)


@pytest.mark.parametrize("bad", ["1", None, True, [1.0], np.ones(1), 1j])
def test_alpha_of_the_wrong_kind(bad):
    with pytest.raises(TypeError, match=r"^strength: .* is not allowed, expected a number"):
        check_alpha(bad, "strength")


def test_alphas_are_copied():
    grid = np.array([2.0, 1.0])
    out = check_alphas(grid)
    grid[0] = 5.0
    assert out.tolist() == [2.0, 1.0]
    assert check_alphas((3, 2, 0)).dtype == np.float64


def test_solver_options():
    options = make_solver_options(0.0, 1, None, None)
    assert (options.tol, options.max_iter, options.n_threads, options.callback) == (0.0, 1, 1, None)
    assert make_solver_options(1, 1, -1, print).n_threads == os.cpu_count()
    assert make_solver_options(1, 1, 3, print).callback is print
    assert make_solver_options(1, 1, -2, print).n_threads == max(os.cpu_count() - 1, 1)
    assert make_solver_options(1, 1, -10_000, print).n_threads == 1


def test_column_penalties_by_default_take_no_memory():
    penalties = make_column_penalties(ACTIVE, WIDTH)
    for array, value in ((penalties.penalty_factor, 1.0), (penalties.lower, -np.inf), (penalties.upper, np.inf)):
        assert array.shape == (3,)
        assert array.strides == (0,)
        assert array[0] == value
    assert penalties.standardize is False
    assert make_column_penalties(ACTIVE, WIDTH, penalty_factor=2).penalty_factor.strides == (0,)


def test_mappings_reach_the_compact_columns():
    penalties = make_column_penalties(
        ACTIVE, WIDTH, penalty_factor={5: 0.0, 10**11: np.inf, 7: 9.0}, bounds=({2: -1.0}, {np.int64(5): 3}),
        standardize=True,
    )
    assert penalties.penalty_factor.tolist() == [1.0, 0.0, np.inf]
    assert penalties.lower.tolist() == [-1.0, -np.inf, -np.inf]
    assert penalties.upper.tolist() == [np.inf, 3.0, np.inf]
    assert penalties.standardize is True
    assert make_column_penalties(ACTIVE, WIDTH, penalty_factor={}).penalty_factor.tolist() == [1.0] * 3
    assert make_column_penalties(np.empty(0, np.int64), 5, penalty_factor={3: 2.0}).penalty_factor.shape == (0,)


def test_arrays_reach_the_compact_columns():
    values = np.arange(12, dtype=np.int32)
    active, bounds = np.array([2, 5, 11]), [-values, values.tolist()]
    penalties = make_column_penalties(active, 12, penalty_factor=values, bounds=bounds)
    assert penalties.penalty_factor.tolist() == penalties.upper.tolist() == [2.0, 5.0, 11.0]
    assert penalties.lower.tolist() == [-2.0, -5.0, -11.0]
    # What is said of columns that do not occur is not looked at.
    values = np.full(12, -1.0)
    values[[2, 5, 11]] = 1.0
    assert make_column_penalties(np.array([2, 5, 11]), 12, penalty_factor=values).penalty_factor.tolist() == [1.0] * 3


def test_positive_overrules_lower_bounds():
    penalties = make_column_penalties(ACTIVE, WIDTH, bounds=(-1.0, 2.0), positive=True)
    assert penalties.lower.tolist() == [0.0] * 3
    assert penalties.upper.tolist() == [2.0] * 3


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"penalty_factor": {10**12: 1.0}}, ValueError, "column id 1000000000000 is outside"),
        ({"penalty_factor": {10**11: np.nan}}, ValueError, "penalty_factor: nan for column 100000000000"),
        ({"penalty_factor": {5: "a"}}, TypeError, "penalty_factor: expected a mapping from column ids to numbers"),
        ({"bounds": ({5: None}, None)}, ValueError, r"bounds \(lower\): nan for column 5"),
        ({"bounds": "ab"}, ValueError, "bounds: 'ab'"),
        ({"bounds": (None, -0.5)}, ValueError, r"bounds \(upper\): -0.5 for column 2"),
        ({"positive": "no"}, TypeError, "positive: 'no'"),
        ({"standardize": 1}, TypeError, "standardize: 1"),
        ({"penalty_factor": 1j}, TypeError, "penalty_factor"),
    ],
)
def test_refused_column_penalties(settings, error, message):
    with pytest.raises(error, match=message):
        make_column_penalties(ACTIVE, WIDTH, **settings)


@pytest.mark.parametrize("key", [1.5, "1", True])
def test_columns_are_named_by_whole_numbers(key):
    with pytest.raises(TypeError, match=r"penalty_factor: key .* is not allowed"):
        make_column_penalties(np.arange(3), 3, penalty_factor={key: 0.0})


@pytest.mark.parametrize("factor", [5e-324, 1e-101, 1e101])
def test_factors_that_would_leave_float64_are_refused(factor):
    with pytest.raises(ValueError, match=r"penalty_factor: .* for column 0 is outside"):
        make_column_penalties(np.arange(3), 3, penalty_factor=factor)


def test_counts_have_an_upper_end():
    with pytest.raises(ValueError, match="n_threads: 65536 is outside"):
        make_solver_options(1e-6, 10, 65536, None)
    with pytest.raises(ValueError, match="max_iter: 10000000000 is outside"):
        make_solver_options(1e-6, 10**10, 1, None)


def test_words_for_penalties():
    assert resolve_penalty_alias("l1", 0.5, 0.5) == ("elastic_net", 1.0)
    assert resolve_penalty_alias("l1", 1, 0.5) == ("elastic_net", 1.0)
    assert resolve_penalty_alias("l2", 1.0, 1.0) == ("elastic_net", 0.0)
    assert resolve_penalty_alias("elasticnet", [0.1, 0.9], 0.5) == ("elastic_net", [0.1, 0.9])
    assert resolve_penalty_alias("mcp", 0.3, 1.0) == ("mcp", 0.3)
    assert resolve_penalty_alias(None, 0.3, 1.0) == (None, 0.3)
    for conflicting in (0.3, 0.0, [1.0], None):
        with pytest.raises(ValueError, match=r"^l1_ratio: .* is not allowed with penalty='l1', .* l1_ratio=1; "):
            resolve_penalty_alias("l1", conflicting, 0.5)


def test_generators():
    assert make_generator(3).random() == np.random.default_rng(3).random()
    assert make_generator(np.random.RandomState(3)).random() == make_generator(np.random.RandomState(3)).random()
    generator = np.random.default_rng(0)
    assert make_generator(generator) is generator
    for wrong in (-1, 1.5, "seed", True):
        with pytest.raises(ValueError, match="random_state: "):
            make_generator(wrong)
