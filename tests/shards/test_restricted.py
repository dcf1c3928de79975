"""Fits on restricted rows: F is that of all rows, intercept and columns without penalty are at their minimum."""

import numpy as np
import pytest
from support.reductions import equal_rows, target

from sparsereg import Reduced, regularization_path
from sparsereg.shards.passes import restrict
from sparsereg.shards.restricted import RestrictedFit, RestrictedProblem
from sparsereg.solvers.assemble import ProblemOptions, make_loss, make_penalty
from sparsereg.solvers.base import SolverOptions

LOSSES = ("squared", "logistic", "poisson")


@pytest.mark.parametrize("loss", LOSSES)
def test_the_objective_is_that_of_all_rows(loss):
    X, effect, weight = equal_rows(300, with_values=True)
    whole = Reduced.of(X, target(loss, effect), weight, loss=loss)
    path = regularization_path(whole, loss=loss, n_alphas=4, eps=0.1, tol=1e-12)
    coef, intercept = path.at(path.alphas[-1])
    restricted = RestrictedProblem(restrict(whole, coef.ids), ProblemOptions(make_loss(loss, 1.0)))
    assert restricted.whole.n_rows < whole.n_rows
    penalty = make_penalty("elastic_net", path.alphas[-1], 1.0, None)
    fit = RestrictedFit(restricted, penalty, coef.on(coef.ids)[0], intercept, SolverOptions())
    assert fit.objective == pytest.approx(path.objectives[-1], rel=1e-11)
    assert 2.0 * fit.loss == pytest.approx(path.deviances[-1], rel=1e-8)


@pytest.mark.parametrize("free", [None, {0: 0.0, 10**6: 0.0}])
@pytest.mark.parametrize("loss", LOSSES)
def test_intercept_and_columns_without_penalty_are_at_their_minimum(loss, free):
    """From anywhere near."""
    X, effect, weight = equal_rows(300)
    whole = restrict(Reduced.of(X, target(loss, effect), weight, loss=loss), np.arange(4, dtype=np.int64) * 10**6)
    restricted = RestrictedProblem(whole, ProblemOptions(make_loss(loss, 1.0), penalty_factor=free))
    w, start = np.array([0.3, -0.2, 0.1, 0.0]), 50.5 if loss == "squared" else 0.2
    fit = RestrictedFit(restricted, make_penalty("elastic_net", 0.01, 1.0, None), w, start, SolverOptions())
    held = 0 if free is None else 2
    np.testing.assert_array_equal(fit.w[held:], w[held:])
    problem, h = restricted.whole, 1e-5
    inside = problem.intercept_inside(fit.w, fit.intercept)

    def loss_at(w, b):
        from sparsereg.solvers.response import linearize_rows

        return linearize_rows(problem.loss, problem.row_terms, problem.predictor(w, b), np.empty(problem.n_rows))[0]

    slopes = [(loss_at(fit.w, inside + h) - loss_at(fit.w, inside - h)) / (2 * h)]
    for j in range(held):
        step = h * np.eye(4)[j]
        slopes.append((loss_at(fit.w + step, inside) - loss_at(fit.w - step, inside)) / (2 * h))
    np.testing.assert_allclose(slopes, 0.0, atol=1e-8)
