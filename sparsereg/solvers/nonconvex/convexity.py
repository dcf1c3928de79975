"""Convexity of F along each column under MCP and SCAD: thresholds of the columns, in whose units gamma is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sparsereg.solvers.problem import Problem


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
