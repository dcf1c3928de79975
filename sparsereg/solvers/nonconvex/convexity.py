"""MCP and SCAD: where they level off, in units of each column's own curvature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sparsereg._core.penalties import PENALTIES
from sparsereg.solvers.problem import Problem

if TYPE_CHECKING:
    from sparsereg._core.penalties import _Penalty

__all__ = ["DEFAULT_GAMMA", "HAS_GAMMA", "make_penalty", "threshold_units"]

# The penalties that have a gamma, and where it starts: their slope falls by 1 / (gamma - start) of the curvature.
HAS_GAMMA = {"mcp": 0.0, "scad": 1.0}
# Of Breheny and Huang 2011 and of Fan and Li 2001, for columns and a loss of curvature 1.
DEFAULT_GAMMA = {"mcp": 3.0, "scad": 3.7}


def threshold_units(problem: Problem) -> npt.NDArray[np.float64]:
    """Measure how far a unit of strength alone moves each coefficient: p_j / c_j.

    The threshold of column j is alpha l1_ratio p_j / c_j, and the penalty levels off at gamma times that. So the slope
    falls by p_j / (gamma p_j / c_j), less than c_j: F is strictly convex along every column by itself for every gamma
    above 1 (MCP) or 2 (SCAD), whatever the scale of the column and its factor. For losses other than squared, whose
    curvature differs from row to row and from point to point, that is in the mean.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    unit : ndarray of float64 of shape (n_active,)
        c_j is the weighted mean of squares of the column (about its mean where there is an intercept), over scale_j^2,
        times the mean curvature of the loss in the model with intercept only. 1 where a column is not used or not
        penalised.
    """
    unit = np.ones(problem.indptr.size - 1)
    columns = problem.columns[problem.penalty_factor[problem.columns] > 0.0]
    # The weights of a log link hold the exposures and sum to more or less than one.
    mean = 1.0 if problem.is_quadratic else float(problem.null_model[1].sum()) / problem.weight_sum
    curvature = mean * problem.curvature[columns] / problem.scale[columns] ** 2
    unit[columns] = problem.penalty_factor[columns] / curvature
    return unit


def make_penalty(name: str, alpha: float, l1_ratio: float, gamma: float | None) -> _Penalty:
    """Build a penalty from its registered name.

    Parameters
    ----------
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
        parameters += (DEFAULT_GAMMA[name] if gamma is None else gamma,)
    return PENALTIES[name](*parameters)
