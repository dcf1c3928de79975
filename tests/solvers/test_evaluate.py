"""What given coefficients are worth, against solvers that know the optimum."""

import numpy as np
import pytest
from scipy import sparse

from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import L0, MCP, ElasticNet
from sparsereg.design import make_design
from sparsereg.metrics import mean_deviance
from sparsereg.path.api import regularization_path
from sparsereg.solvers.column_penalties import ColumnPenalties
from sparsereg.solvers.evaluate import evaluate
from sparsereg.solvers.multinomial.problem import make_multinomial_problem
from sparsereg.solvers.presolve import make_problem

RNG = np.random.default_rng(0)
X = sparse.random_array((80, 12), density=0.3, format="csr", rng=RNG)
SIGNAL = X @ RNG.standard_normal(12)
TARGETS = {
    "squared": SIGNAL + RNG.standard_normal(80) + 3.0,
    "huber": SIGNAL + RNG.standard_t(2, 80),
    "poisson": RNG.poisson(np.exp(0.3 * SIGNAL)).astype(float),
    "logistic": (SIGNAL + RNG.standard_normal(80) > 0.0).astype(float),
    "squared_hinge": (SIGNAL + RNG.standard_normal(80) > 0.0).astype(float),
}
WEIGHT = RNG.random(80) + 0.1
ALPHA, RATIO = 0.02, 0.6


def make_loss(name):
    return LOSSES[name](1.35) if name == "huber" else LOSSES[name]()


def objective(loss, w, b):
    value = 0.5 * mean_deviance(TARGETS[loss], X @ w + b, WEIGHT, loss=loss)
    return value + ALPHA * (RATIO * np.abs(w).sum() + 0.5 * (1.0 - RATIO) * w @ w)


def problem_of(loss):
    design = make_design(X, WEIGHT)
    return make_problem(
        design, TARGETS[loss], WEIGHT, ColumnPenalties.plain(design.n_active), loss=make_loss(loss), offset=None,
        fit_intercept=True, l1_ratio=RATIO, eliminate=False,
    )


@pytest.mark.parametrize("loss", list(TARGETS))
def test_the_gap_bounds_the_distance_from_the_optimum(loss):
    problem, penalty = problem_of(loss), ElasticNet(ALPHA, RATIO)
    path = regularization_path(
        X, TARGETS[loss], sample_weight=WEIGHT, loss=loss, alphas=[ALPHA], l1_ratio=RATIO, tol=1e-12
    )
    w, b = path.coefs.toarray()[:, 0], float(path.intercepts[0])
    least = float(path.objectives[0])
    at_best = evaluate(problem, penalty, w, b, objective(loss, w, b))
    assert 0.0 <= at_best.dual_gap < 1e-8
    assert np.isnan(at_best.violation)
    for size in (1e-3, 0.1, 1.0, 30.0):
        away = w + size * RNG.standard_normal(12)
        # The intercept is judged as it is, too.
        for intercept in (b, b + size):
            value = objective(loss, away, intercept)
            found = evaluate(problem, penalty, away, intercept, value)
            assert found.objective == value
            assert found.dual_gap * problem.reference >= (value - least) * (1.0 - 1e-6)
            assert found.dual_gap * problem.reference <= value


def test_three_classes():
    design, classes = make_design(X), np.digitize(SIGNAL, [-0.3, 0.3])
    problem = make_multinomial_problem(
        design, np.eye(3)[classes], None, ColumnPenalties.plain(design.n_active), fit_intercept=True, l1_ratio=1.0
    )
    penalty = ElasticNet(ALPHA, 1.0)
    null = evaluate(problem, penalty, np.zeros((3, 12)), problem.null_intercepts, problem.reference)
    path = regularization_path(X, np.eye(3)[classes], loss="logistic", alphas=[ALPHA], tol=1e-12)
    least = float(path.objectives[0])
    assert null.dual_gap * problem.reference >= problem.reference - least
    coef, b = path.at(path.alphas[0])
    best = evaluate(problem, penalty, coef.to_csc().T.toarray(), b, least)
    assert 0.0 <= best.dual_gap < 1e-8


@pytest.mark.parametrize("penalty", [MCP(ALPHA, 1.0, 12.0), L0(ALPHA, 1.0)])
def test_violations_where_the_penalty_is_not_convex(penalty):
    problem = problem_of("squared")
    far = evaluate(problem, penalty, np.ones(12), 0.0, 1.0)
    assert np.isnan(far.dual_gap)
    assert far.violation > 0.1
    if isinstance(penalty, L0):
        path = regularization_path(X, TARGETS["squared"], sample_weight=WEIGHT, penalty="l0", alphas=[ALPHA], tol=1e-10)
        w = path.coefs.toarray()[:, 0]
        assert evaluate(problem, penalty, w, float(path.intercepts[0]), 1.0).violation < 1e-8


def test_a_target_that_is_constant():
    design = make_design(X)
    problem = make_problem(
        design, np.full(80, 2.0), None, ColumnPenalties.plain(design.n_active), loss=make_loss("squared"), offset=None,
        fit_intercept=True, l1_ratio=1.0, eliminate=False,
    )
    found = evaluate(problem, ElasticNet(ALPHA, 1.0), np.zeros(12), 2.0, 0.0)
    assert (found.objective, found.dual_gap) == (0.0, 0.0)
    assert evaluate(problem, ElasticNet(ALPHA, 1.0), np.zeros(12), 1.0, 0.5).dual_gap == np.inf
    assert evaluate(problem, L0(ALPHA, 1.0), np.zeros(12), 2.0, 0.0).violation == 0.0
