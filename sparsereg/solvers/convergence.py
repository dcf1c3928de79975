"""Convergence warnings: fits that are less than what was asked for, once for all of them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.sklearn import ConvergenceWarning
from sparsereg.solvers.base import Solution, SolverOptions
from sparsereg.solvers.problem import Problem

Vector = npt.NDArray[np.float64]


def warn_unconverged(
    solutions: Sequence[Solution], alphas: Vector, options: SolverOptions, *, relaxed: bool = False
) -> None:
    """Warn of fits that stopped short of the tolerance, once for all of them, with the worst.

    Parameters
    ----------
    solutions : sequence of Solution
    alphas : ndarray of float64 of shape (n_solutions,)
    options : SolverOptions
        What they were asked for.
    relaxed : bool, default=False
        They are relaxed fits, without the penalty that settles what collinear columns leave open.

    Warns
    -----
    ConvergenceWarning
    """
    failed = [k for k, solution in enumerate(solutions) if not solution.converged]
    if failed:
        alpha, worst = max(((alphas[k], solutions[k]) for k in failed), key=lambda fit: fit[1].error)
        is_gap = worst.error_name == "gap"
        name, of = ("duality gap", "objective") if is_gap else ("violation", "largest gradient entry")
        _warn(
            f"{len(failed)} of {len(solutions)} fits stopped before the {name} reached tol={options.tol:g} "
            f"(relative to the {of} of the model with intercept only); the worst, alpha={alpha:.4g}, "
            f"has a {worst.error_name} of {worst.error:.2g} after {worst.n_iter} passes. "
            f"{_advice(worst, options, relaxed)}"
        )
    unbounded = [alpha for alpha, solution in zip(alphas, solutions) if solution.unbounded]
    if unbounded:
        _warn(
            f"At {len(unbounded)} of {len(solutions)} alphas, {unbounded[0]:.4g} the largest, no finite coefficients "
            "are best: columns without penalty separate the classes, or have counts of zero on all their rows. The "
            f"solution is where the duality gap reached tol={options.tol:g}. Penalise these columns (penalty_factor, "
            "alpha)."
        )


def _warn(message: str, category: type[Warning] = ConvergenceWarning) -> None:
    warnings.warn(message, category, stacklevel=frames_of_the_package())


def _advice(solution: Solution, options: SolverOptions, relaxed: bool) -> str:
    """Say what helps a fit that stopped short of the tolerance."""
    if solution.n_iter >= options.max_iter:
        return f"Increase max_iter (now {options.max_iter}), increase tol, or use a larger alpha."
    if relaxed:
        return (
            "The columns of its support are nearly collinear, or leave the loss without a minimum. Use larger alphas, "
            "increase tol, or do without relax."
        )
    return (
        "More passes would not help, rounding is in the way: columns are of very different sizes, or nearly collinear. "
        "Rescale them (divide each by its standard deviation), increase tol, or use a larger alpha."
    )


def count_rows(problem: Problem) -> int:
    """Count the distinct rows of positive weight.

    Parameters
    ----------
    problem : Problem or MultinomialProblem

    Returns
    -------
    n_rows : int
    """
    rows = problem.outputs[0]
    return int(np.count_nonzero(np.broadcast_to(rows.response.weight, (rows.n_rows,))))


def warn_saturated(n_rows: int, fit_intercept: bool, n_nonzero: Sequence[int], alphas: Vector) -> None:
    """Warn of supports that have as many coefficients as there are rows: what fits them says nothing of other rows.

    Parameters
    ----------
    n_rows : int
        As `count_rows` says.
    fit_intercept : bool
    n_nonzero : sequence of int
        Columns of each support.
    alphas : ndarray of float64 of shape (n_supports,)

    Warns
    -----
    ConvergenceWarning
    """
    saturated = [k for k, size in enumerate(n_nonzero) if size + fit_intercept >= n_rows]
    if saturated:
        _warn(
            f"relax: {len(saturated)} of {len(n_nonzero)} supports, the first at alpha={alphas[saturated[0]]:.4g}, "
            f"have as many coefficients as there are distinct rows, {n_rows}, which are fitted exactly. "
            "Use larger alphas."
        )


class ConstantColumnWarning(UserWarning):
    """A column varies, but so little beside its size that float64 cannot tell: it counts as constant."""


def warn_blurred(ids: npt.NDArray[np.int64]) -> None:
    """Warn of columns that were left out as constant though they are not, once for all of them.

    Parameters
    ----------
    ids : ndarray of int64 of shape (n_columns,)
        Of the columns, ascending.

    Warns
    -----
    ConstantColumnWarning
    """
    if ids.size:
        _warn(
            f"X: {ids.size} columns, the first of them {ids[0]}, vary by less than 1e-10 of their size, too little for "
            "what float64 keeps of sums; they count as constant and are left out. Subtract from each a number near "
            "its mean, before values are rounded if that can be.",
            ConstantColumnWarning,
        )


def frames_of_the_package() -> int:
    """Count the calls from the caller up to the first outside this package: a warning belongs to the user's line.

    Returns
    -------
    level : int
        For `warnings.warn`.
    """
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "sparsereg":
        frame, level = frame.f_back, level + 1
    return level
