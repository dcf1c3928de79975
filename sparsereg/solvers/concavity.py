"""How concave MCP and SCAD may be: less than the loss is convex, along every column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sparsereg._core.penalties import PENALTIES
from sparsereg.solvers.problem import Problem

if TYPE_CHECKING:
    from sparsereg._core.penalties import _Penalty

__all__ = ["HAS_GAMMA", "check_gamma", "default_gamma", "make_penalty"]

# The penalties that have a gamma, and where it starts: their slope falls by 1 / (gamma - start) for a unit of w.
HAS_GAMMA = {"mcp": 0.0, "scad": 1.0}
# Of Breheny and Huang 2011 and of Fan and Li 2001, for columns and a loss of curvature 1.
DEFAULT_GAMMA = {"mcp": 3.0, "scad": 3.7}


def default_gamma(problem: Problem, name: str) -> float:
    """Return 3 for MCP and 3.7 for SCAD, further out where the null model leaves the loss a curvature below 1.

    Parameters
    ----------
    problem : Problem
    name : str
        A penalty of `HAS_GAMMA`.

    Returns
    -------
    gamma : float
    """
    return HAS_GAMMA[name] + (DEFAULT_GAMMA[name] - HAS_GAMMA[name]) / min(_total_curvature(problem), 1.0)


def _total_curvature(problem: Problem) -> float:
    """Sum over the rows of the curvature of the loss in the model with intercept only; 1 for squared loss."""
    return 1.0 if problem.is_quadratic else float(problem.null_model[1].sum())


def make_penalty(problem: Problem, name: str, alpha: float, l1_ratio: float, gamma: float | None) -> _Penalty:
    """Build a penalty from its registered name.

    Parameters
    ----------
    problem : Problem
    name : str
    alpha, l1_ratio : float
    gamma : float or None
        None: the default, or none where the penalty has no gamma.

    Returns
    -------
    penalty : registered penalty
    """
    parameters: tuple[float, ...] = (alpha, l1_ratio)
    if name in HAS_GAMMA:
        parameters += (default_gamma(problem, name) if gamma is None else gamma,)
    return PENALTIES[name](*parameters)


def check_gamma(
    problem: Problem, active: npt.NDArray[np.int64], name: str, gamma: float | None, ridge: float = 0.0
) -> None:
    """Check that F is strictly convex along every column by itself.

    For losses other than squared, whose curvature differs from row to row and from point to point, that is in the mean:
    with the mean curvature of the rows in the model with intercept only.

    Parameters
    ----------
    problem : Problem
    active : ndarray of int64 of shape (n_active,)
        Ids of its columns.
    name : str
        A penalty of `HAS_GAMMA`.
    gamma : float or None
        None: the default.
    ridge : float, default=0.0
        Curvature that the L2 share adds at penalty factor 1.

    Raises
    ------
    ValueError
        Naming the column that needs the largest gamma, and that gamma.
    """
    gamma = default_gamma(problem, name) if gamma is None else gamma
    columns = problem.public[problem.factor[problem.public] > 0.0]
    if columns.size == 0:
        return
    # The weights of a log link hold the exposures and sum to more or less than one.
    mean = _total_curvature(problem) / problem.weight_sum
    curvature = mean * problem.curvature[columns] / problem.scale[columns] ** 2
    with np.errstate(divide="ignore"):
        least = HAS_GAMMA[name] + 1.0 / (curvature / problem.factor[columns] + ridge)
    k = int(np.argmax(least))
    if gamma > least[k]:
        return
    advice = "raise gamma" if np.any(problem.scale != 1.0) else "raise gamma, or set standardize=True"
    raise ValueError(
        f"gamma: {gamma:g} is too small for column {active[columns[k]]}, whose curvature (weighted mean of squares "
        f"about the mean, times that of the loss) is {curvature[k]:.3g} at penalty factor "
        f"{problem.factor[columns[k]]:g}: expected above {least[k]:.6g}; {advice}"
    )
