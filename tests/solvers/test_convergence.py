"""What fits that stopped short are told."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from sparsereg import ConvergenceWarning, lasso_path
from sparsereg.solvers.base import Solution, SolverOptions
from sparsereg.solvers.convergence import warn_unconverged

SHORT = Solution.of(
    np.ones(2), b=0.0, objective=1.0, loss=0.9, dual_gap=1e-3, n_iter=204, converged=False
)


@pytest.mark.parametrize(
    ("n_iter", "relaxed", "advice"),
    [
        (10_000, False, r"Increase max_iter \(now 10000\)"),
        (10_003, True, r"Increase max_iter \(now 10000\)"),
        (204, False, r"More passes would not help, .* Rescale them"),
        (2000, True, "nearly collinear, .* Use larger alphas"),
    ],
)
def test_the_advice_fits_the_case(n_iter, relaxed, advice):
    with pytest.warns(ConvergenceWarning, match=f"after {n_iter} passes. .*{advice}") as caught:
        warn_unconverged([replace(SHORT, n_iter=n_iter)], np.ones(1), SolverOptions(), relaxed=relaxed)
    assert ("Increase max_iter" in str(caught[0].message)) == (n_iter >= 10_000)


def test_the_worst_is_named():
    fits = [replace(SHORT, dual_gap=gap, converged=gap < 1e-6) for gap in (1e-9, 0.1, 0.2)]
    with pytest.warns(ConvergenceWarning, match="2 of 3 fits .* alpha=1, has a gap of 0.2"):
        warn_unconverged(fits, np.array([3.0, 2.0, 1.0]), SolverOptions())


def test_passes_that_are_used_up_are_what_is_short():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 30)), rng.standard_normal(40)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        lasso_path(X, y, alphas=[1e-4], max_iter=3, tol=1e-14)
    assert ["Increase max_iter (now 3)" in str(warning.message) for warning in caught] == [True]
