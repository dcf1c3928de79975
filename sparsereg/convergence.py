"""Warnings of fits that are less than what was asked for, once for all of them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sparsereg._sklearn import ConvergenceWarning
from sparsereg.solvers.base import Controls, Solution
from sparsereg.solvers.problem import Problem

__all__ = ["warn_saturated", "warn_unconverged"]

Vector = npt.NDArray[np.float64]


def warn_unconverged(solutions: Sequence[Solution], alphas: Vector, controls: Controls) -> None:
    """Warn of fits that stopped short of the tolerance, once for all of them, with the worst.

    Parameters
    ----------
    solutions : sequence of Solution
    alphas : ndarray of float64 of shape (n_solutions,)
    controls : Controls
        What they were asked for.

    Warns
    -----
    ConvergenceWarning
    """
    failed = [k for k, solution in enumerate(solutions) if not solution.converged]
    if failed:
        worst = max(failed, key=lambda k: solutions[k].dual_gap)
        warnings.warn(
            f"{len(failed)} of {len(solutions)} fits stopped before the duality gap reached tol={controls.tol:g} "
            f"(relative to the objective of the model with intercept only); the worst, alpha={alphas[worst]:.4g}, "
            f"has a gap of {solutions[worst].dual_gap:.2g} after {solutions[worst].n_iter} passes. "
            f"Increase max_iter (now {controls.max_iter}), increase tol, or use a larger alpha.",
            ConvergenceWarning,
            stacklevel=_frames_of_the_package(),
        )


def warn_saturated(problem: Problem, refits: Sequence[Solution], alphas: Vector) -> None:
    """Warn of supports that have as many coefficients as there are rows: what fits them says nothing of other rows.

    Parameters
    ----------
    problem : Problem
    refits : sequence of Solution
    alphas : ndarray of float64 of shape (n_refits,)

    Warns
    -----
    ConvergenceWarning
    """
    n_rows = int(np.count_nonzero(np.broadcast_to(problem.weight, (problem.n_rows,))))
    saturated = [k for k, refit in enumerate(refits) if refit.columns.size + problem.fit_intercept >= n_rows]
    if saturated:
        warnings.warn(
            f"relax: {len(saturated)} of {len(refits)} supports, the first at alpha={alphas[saturated[0]]:.4g}, "
            f"have as many coefficients as there are distinct rows, {n_rows}, which are fitted exactly. "
            "Use larger alphas.",
            ConvergenceWarning,
            stacklevel=_frames_of_the_package(),
        )


def _frames_of_the_package() -> int:
    """Count the calls from the caller up to the first outside this package: a warning belongs to the user's line."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "sparsereg":
        frame, level = frame.f_back, level + 1
    return level
