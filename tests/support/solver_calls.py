"""Solvers called on random regressions, below the face of the library."""

import numpy as np
from scipy import sparse

from sparsereg.design import Design, make_design
from sparsereg.solvers import assemble
from sparsereg.solvers.base import spelled_out
from sparsereg.solvers.null_model import null_state


def prepare(X, y, *, sample_weight=None, offset=None, loss="squared", delta=1.35, smallest_alpha, **settings):
    """Return the design of X and the problem of its target."""
    options = assemble.ProblemOptions(assemble.make_loss(loss, delta), **settings)
    design = X if isinstance(X, Design) else make_design(X, sample_weight)
    return design, assemble.prepare(design, y, sample_weight, offset, options, smallest_alpha)


def options_of(l1_ratio):
    """Return what `solve_grid` takes besides a problem that has its loss: the elastic net."""
    return assemble.ProblemOptions(assemble.make_loss("squared", 1.35), l1_ratio=l1_ratio)


def prepared(regression, X=None):
    """Return the design and the problem of a regression, or of its target on another X."""
    arguments = regression.arguments()
    defaults = {
        "sample_weight": None, "offset": None, "loss": "squared", "fit_intercept": True, "standardize": False,
        "positive": False, "bounds": None, "penalty_factor": None, "l1_ratio": 1.0, "smallest_alpha": np.inf,
    }
    X = sparse.csr_array(regression.X) if X is None else X
    return prepare(X, regression.y, **{**defaults, **arguments})


def started(regression, options):
    """Return the design, the problem and its null state."""
    design, problem = prepared(regression)
    return design, problem, null_state(problem, options)


def spell_out(design, solution):
    """Return the coefficients of a solution on the user's columns."""
    w = np.zeros(design.n_features)
    w[design.active[solution.columns]] = solution.coefs.data
    return w


def matrix_of(problem):
    shape = problem.n_rows, problem.indptr.size - 1
    return sparse.csc_array(spelled_out(problem.matrix), shape=shape).toarray()


def check_point(problem, state):
    """Check what a state says of itself: its z and eta belong to its w and b, and v to z where it claims so."""
    X = matrix_of(problem)
    size = np.abs(problem.response.y).max()
    if problem.singletons is None:
        expected = problem.response.s * (problem.response.y - X @ state.w - state.b)
        np.testing.assert_allclose(state.neg_gradient, expected, atol=1e-11 * size, rtol=1e-9)
    else:
        assert not state.w[problem.singletons.columns].any()
        np.testing.assert_allclose(state.eta, X @ state.w + state.b, atol=1e-11 * size, rtol=1e-9)
    if state.Xt_is_current is None:
        return
    fresh, size = state.Xt_is_current, size * np.abs(X).max(initial=1.0)
    np.testing.assert_allclose(
        state.Xt_neg_gradient[fresh], (X.T @ state.neg_gradient)[fresh], atol=1e-11 * size, rtol=1e-9
    )
