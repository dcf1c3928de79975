"""How large gamma must be, and what it is where nobody says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from penalty_twins import twin
from scipy import sparse

from sparsereg import regularization_path
from sparsereg.path import prepare
from sparsereg.solvers.concavity import check_gamma, default_gamma, make_penalty

START = {"mcp": 0.0, "scad": 1.0}


def build(X, y=None, **settings):
    """Return the design and the problem of an elastic net; these columns are then asked about other penalties."""
    defaults = {
        "sample_weight": None, "offset": None, "fit_intercept": True, "standardize": False, "positive": False,
        "bounds": None, "penalty_factor": None, "l1_ratio": 1.0, "smallest_alpha": 0.0,
    }
    y = np.arange(X.shape[0]) % 3 if y is None else y
    return prepare(X, y, **{**defaults, **settings})


@pytest.mark.parametrize("name", ["mcp", "scad"])
@given(seed=st.integers(0, 2**32 - 1), ridge=st.sampled_from([0.0, 0.4]))
def test_one_column_is_strictly_convex_exactly_where_gamma_is_allowed(name, seed, ridge):
    rng = np.random.default_rng(seed)
    x, factor = rng.standard_normal((20, 1)) * rng.choice([0.3, 1.0]), rng.choice([0.5, 1.0, 2.0])
    design, problem = build(x, penalty_factor={0: factor})
    curvature = x.var()
    least = START[name] + 1.0 / (curvature / factor + ridge)
    check_gamma(problem, design.active, name, least * (1 + 1e-9), ridge)
    with pytest.raises(ValueError, match=rf"gamma: .* too small for column 0, .* expected above {least:.6g}; raise"):
        check_gamma(problem, design.active, name, least * (1 - 1e-9), ridge)
    # The second differences of loss and penalty, where the penalty is most concave.
    u, h, gamma = 1.5, 1e-3, least * 1.01
    for gamma, sign in ((least * 1.01, 1.0), (START[name] + (least - START[name]) * 0.99, -1.0)):
        pay = twin(name, 2.0 / gamma * (1.0 if name == "mcp" else gamma / 2.0), 1.0, factor, gamma)
        if name == "scad":
            # The concave piece reaches from the strength to gamma times it.
            pay, u = twin(name, 1.0, 1.0, factor, gamma), 0.5 * (1.0 + gamma)
        bend = (pay(u + h) - 2 * pay(u) + pay(u - h)) / h**2
        assert (curvature + factor * ridge + bend) * sign > 0.0


def test_the_message_names_the_column_of_the_users_matrix_and_the_way_out():
    rng = np.random.default_rng(0)
    wide = sparse.csr_array(
        (np.ones(60), (np.r_[np.arange(50), np.arange(10)], np.r_[rng.integers(0, 2, 50) + 7, np.full(10, 10**9)])),
        shape=(50, 2 * 10**9),
    )
    y = rng.standard_normal(50)
    message = r"gamma: 3 is too small for column 1000000000, .* is 0\.16 at .* above 6\.25; .* set standardize=True$"
    with pytest.raises(ValueError, match=message):
        regularization_path(wide, y, penalty="mcp")
    path = regularization_path(wide, y, penalty="mcp", standardize=True, n_alphas=3)
    assert path.violations.max() <= 1e-6
    with pytest.raises(ValueError, match=r"too small for column .*; raise gamma$"):
        regularization_path(wide, y, penalty="mcp", standardize=True, penalty_factor=5.0)


@pytest.mark.parametrize("loss", ["logistic", "poisson", "huber", "squared_hinge", "squared"])
@pytest.mark.parametrize("name", ["mcp", "scad"])
@given(seed=st.integers(0, 2**32 - 1))
def test_the_default_suits_standardised_columns_of_every_loss(name, loss, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((30, 6)) * (rng.random((30, 6)) < 0.5)
    y = (rng.random(30) < 0.3).astype(float)
    y[0], y[1] = 0.0, 1.0
    design, problem = build(X, y, loss=loss, standardize=True)
    gamma = default_gamma(problem, name)
    check_gamma(problem, design.active, name, None)
    base = {"mcp": 3.0, "scad": 2.7}[name]
    if loss == "logistic":
        assert gamma == pytest.approx(START[name] + base / (y.mean() * (1 - y.mean())))
    elif loss == "poisson":
        assert gamma == pytest.approx(START[name] + base / min(y.mean(), 1.0))
    elif loss in ("squared", "squared_hinge"):
        assert gamma == {"mcp": 3.0, "scad": 3.7}[name]
    assert make_penalty(problem, name, 0.5, 1.0, None).gamma == gamma
    assert make_penalty(problem, name, 0.5, 1.0, 99.0).gamma == 99.0


def test_nothing_penalised_needs_no_gamma():
    design, problem = build(np.random.default_rng(0).standard_normal((9, 2)) * 1e-3, penalty_factor=0.0)
    check_gamma(problem, design.active, "mcp", 1.5)


@pytest.mark.parametrize("name", ["elastic_net", "l0"])
def test_penalties_without_gamma(name):
    _, problem = build(np.eye(4))
    assert not hasattr(make_penalty(problem, name, 0.5, 1.0, None), "gamma")
