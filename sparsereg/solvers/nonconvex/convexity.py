"""Penalties from their names; for MCP and SCAD the threshold of each column, in whose units gamma is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sparsereg._core.penalties import PENALTIES
from sparsereg.inputs.values import build
from sparsereg.solvers.problem import Problem

if TYPE_CHECKING:
    from sparsereg._core.penalties import _Penalty


def threshold_scales(problem: Problem) -> npt.NDArray[np.float64]:
    """Compute the threshold of each coefficient for a strength of 1: p_j / c_j.

    The threshold of column j is alpha l1_ratio p_j / c_j, and the penalty levels off at gamma times that (the "adaptive
    rescaling" of Breheny and Huang 2011). So the slope falls by p_j / (gamma p_j / c_j), less than c_j: F is strictly
    convex along every column by itself for every gamma above 1 (MCP) or 2 (SCAD), whatever the scale of the column and
    its factor. For losses other than squared, whose curvature differs from row to row and from point to point, that is
    in the mean.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    scales : ndarray of float64 of shape (n_active,)
        c_j is the weighted mean of squares of the column (about its mean where there is an intercept), over scale_j^2,
        times the mean curvature of the loss in the model with intercept only. 1 where a column is not used or not
        penalised.
    """
    scales = np.ones(problem.indptr.size - 1)
    columns = problem.columns[problem.penalty_factor[problem.columns] > 0.0]
    # The weights of a log link hold the exposures and sum to more or less than one.
    mean = 1.0 if problem.is_quadratic else float(problem.null_model[1].sum()) / problem.weight_sum
    curvature = mean * problem.curvature[columns] / problem.scale[columns] ** 2
    scales[columns] = problem.penalty_factor[columns] / curvature
    return scales


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
    cls = PENALTIES[name]
    return build(cls, alpha=alpha, l1_ratio=l1_ratio, gamma=cls.gamma_default if gamma is None else gamma)
