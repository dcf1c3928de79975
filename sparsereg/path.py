"""Regularisation paths: grids of alpha, warm starts, one certified fit an alpha."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._parameters import (
    check_flag,
    check_given_alphas,
    check_grid,
    check_l1_ratio,
    check_relax,
    make_controls,
)
from sparsereg._sklearn import feature_names
from sparsereg._validation import is_offset
from sparsereg.convergence import count_rows, left_of, measure_of, warn_blurred, warn_saturated, warn_unconverged
from sparsereg.naming import rules_by_id
from sparsereg.path_result import RegularizationPath
from sparsereg.preparation import prepare
from sparsereg.solvers import coordinate_descent, multinomial, nonconvex, ridge
from sparsereg.solvers.base import Controls, JointSolution, Point, Solution
from sparsereg.solvers.concavity import make_penalty
from sparsereg.solvers.multinomial_problem import MultinomialPoint, MultinomialProblem
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.relaxed import Relaxation
from sparsereg.solvers.start import alpha_max, null_point
from sparsereg.targets import encode_classes, flatten

__all__ = [
    "alpha_solver",
    "enet_path",
    "geometric_grid",
    "lasso_path",
    "logistic_path",
    "poisson_path",
    "prepare",
    "regularization_path",
    "relax_all",
    "ridge_path",
    "solve_grid",
]

Vector = npt.NDArray[np.float64]

# A step down the grid by more than FAR passes through alphas in between, each solved to the gap ROUGH_TOL.
FAR, ROUGH_TOL, MOST_STOPS = 10.0, 1e-3, 15


def regularization_path(
    X: Any,
    y: Any,
    *,
    loss: str = "squared",
    delta: float = 1.35,
    penalty: str = "elastic_net",
    gamma: float | None = None,
    l1_ratio: float = 1.0,
    alphas: Any = None,
    n_alphas: int = 100,
    eps: float = 1e-3,
    sample_weight: Any = None,
    offset: Any = None,
    fit_intercept: bool = True,
    standardize: bool = False,
    positive: bool = False,
    bounds: Any = None,
    penalty_factor: Any = None,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    relax: bool = False,
    n_threads: int | None = None,
    verbose: int = 0,
    callback: Callable[..., Any] | None = None,
) -> RegularizationPath:
    """Minimise F(w, b) for every alpha of a grid, each fit started from the last.

    F(w, b) = sum_i s_i loss(y_i, x_i.w + b + o_i) / sum_i s_i
    + alpha sum_j p_j (l1_ratio |w_j| + (1 - l1_ratio) / 2 w_j^2)

    Parameters
    ----------
    X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        int32 or int64 ids; `n_features` may be far larger than memory. Never changed.
    y : array-like of shape (n_samples,)
        For logistic loss also of shape (n_samples, n_classes), probabilities of the classes: see `logistic_path`.
    loss : {"squared", "logistic", "poisson", "huber", "squared_hinge"}, default="squared"
        Of the target y and the linear predictor t. "squared": (y - t)^2 / 2. "logistic": log(1 + exp(t)) - y t, y the
        probability of class 1, in [0, 1]. "poisson": half the deviance of a count y >= 0 at the mean exp(t). "huber":
        r^2 / 2 of the residual r up to `delta`, delta (|r| - delta / 2) beyond. "squared_hinge": y max(0, 1 - t)^2
        + (1 - y) max(0, 1 + t)^2, y the share of the positive class, in [0, 1].
    delta : float, default=1.35
        Of the Huber loss, in the units of y.
    penalty : {"elastic_net", "mcp", "scad", "l0"}, default="elastic_net"
        What stands in the place of |w_j|. "mcp" and "scad" rise like it and level off, so that large coefficients are
        not shrunk (see `gamma`); "l0" is 1 where w_j is not 0. These three are not convex: every fit is a minimum along
        each coordinate, nothing says that it is the global one (see Notes).
    gamma : float or None, default=None
        Where MCP (> 1) and SCAD (> 2) level off, in thresholds of the column: at |w_j| = gamma k_j with
        k_j = alpha l1_ratio p_j / c_j, the size that the column alone must reach to come in. c_j is its curvature,
        m sum_i s_i (x_ij - mean_j)^2 / sum_i s_i (squares about 0 without intercept), m the mean curvature of the loss
        in the model with intercept only: 1 for squared loss, q (1 - q) for logistic with a share q of class 1, the
        mean for Poisson. With `standardize=True` w_j and c_j are those of the column divided by sd_j: c_j is 1 for
        squared loss, and the definition the usual one. None: 3 for MCP, 3.7 for SCAD (see Notes for the formulas).
    l1_ratio : float in [0, 1], default=1.0
        1 is the lasso, 0 is ridge. Other penalties need more than 0.
    alphas : None, int or array-like, default=None
        Grid of distinct strengths, in any order: the path goes down it. None: geometric from the smallest alpha at
        which every penalised coefficient is zero, or from 1 where no column has anything to explain (a constant y), and
        every fit is that of the intercept. A whole number: the same, of that many alphas.
    n_alphas : int, default=100
    eps : float in (0, 1), default=1e-3
        Smallest over largest alpha of the automatic grid.
    sample_weight : None or array-like of shape (n_samples,)
    offset : None or array-like of shape (n_samples,)
        Known part of the linear predictor; what the path predicts then needs one too.
    fit_intercept : bool, default=True
        The intercept is never penalised.
    standardize : bool, default=False
        Penalise sd_j w_j in place of w_j; `w` stays on the scale of X. A constant column, of no use beside an
        intercept, is left out; without one it pays nothing, as its sd_j is 0.
    positive : bool, default=False
    bounds : None or pair (lower, upper)
        Each None, a number, an array of length n_features, or a mapping from column id, or from column name where X is
        a data frame; lower <= 0 <= upper. Penalties that are not convex allow no bound other than 0.
    penalty_factor : None, number, array-like of shape (n_features,) or mapping from column id or name
        p_j; 0 leaves a column unpenalised, inf excludes it. Not rescaled.
    tol : float, default=1e-6
        Duality gap to reach, relative to F of the model with intercept only. For penalties that are not convex the
        violation: the most by which minimising over one coefficient alone would still move its gradient, relative to
        the largest gradient entry of the model with intercept only.
    max_iter : int, default=10_000
        Passes at one alpha after which to stop, with a ConvergenceWarning.
    relax : bool, default=False
        Give the relaxed path: least loss on the support of every fit, without penalty (bounds stay). Its objectives
        are losses, and its gaps those of the problems on the supports. Beyond two classes the support is the columns
        that some class uses.
    n_threads : int or None, default=None
        Threads for passes over all columns; None is 1, -1 all, -2 all but one. Results are the same for any number.
    verbose : int, default=0
        1 prints a line for each alpha.
    callback : callable or None
        Called with a `sparsereg.Progress` after every look at the gap; whatever it raises ends the fit.

    Returns
    -------
    path : RegularizationPath

    Raises
    ------
    ValueError, TypeError
        For malformed data or settings, before any work, naming the argument, the value and what is allowed.

    Notes
    -----
    Time and memory follow the non-zeros of X, not its width. An outer round at one alpha costs one pass over the
    columns that screening leaves; a pass over the working set costs its non-zeros. Working sets and strong rules:
    Tibshirani et al. (2012), Massias et al. (2018); gap-safe screening: Ndiaye et al. (2017); extrapolation: Bertrand
    and Massias (2021). Relaxed fits: Hastie, Tibshirani and Tibshirani (2020), gamma = 0.

    In the place of alpha l1_ratio p_j |w_j| = c_j k_j |w_j|, MCP has c_j (k_j |w_j| - w_j^2 / (2 gamma)) up to
    |w_j| = gamma k_j and c_j gamma k_j^2 / 2 beyond. SCAD has c_j k_j |w_j| up to k_j, from there
    c_j (k_j |w_j| - (|w_j| - k_j)^2 / (2 gamma - 2)) up to gamma k_j, and c_j (gamma + 1) k_j^2 / 2 beyond. Either
    bends less than the loss along every column by itself.

    Penalties that are not convex are solved by working sets of the columns furthest from their own minimum (Bertrand et
    al. 2022). L0 starts at every alpha from the last solution and from an L1 solution, keeps the lower F and swaps
    columns while that lowers F (Hazimeh and Mazumder 2020); its automatic grid follows the square of a gradient, so
    that `eps` reaches down to sqrt(eps) of the largest.
    """
    l1_ratio = check_l1_ratio(l1_ratio)
    grid, n_alphas = check_given_alphas(alphas, n_alphas)
    n_alphas, eps = check_grid(n_alphas, eps)
    controls = make_controls(tol, max_iter, n_threads, callback)
    fit_intercept, relax = check_flag(fit_intercept, "fit_intercept"), check_relax(relax, l1_ratio)
    names = feature_names(X)
    design, problem = prepare(
        X, y, sample_weight, offset, loss=loss, delta=delta, fit_intercept=fit_intercept, standardize=standardize,
        positive=positive, **rules_by_id(penalty_factor, bounds, names), penalty=penalty, gamma=gamma,
        l1_ratio=l1_ratio, smallest_alpha=np.inf if grid is None else float(grid[-1]),
    )
    warn_blurred(design.active[problem.blurred])
    point = null_point(problem, controls)
    if grid is None:
        grid = geometric_grid(alpha_max(problem, point, l1_ratio, penalty), n_alphas, eps)
    solutions = solve_grid(problem, point, grid, l1_ratio, controls, penalty=penalty, gamma=gamma, verbose=verbose)
    if relax:
        solutions = relax_all(problem, solutions, grid, controls)
    return RegularizationPath.of(
        solutions, grid, problem, design, loss=loss, delta=delta, penalty=penalty, l1_ratio=l1_ratio, relaxed=relax,
        has_offset=is_offset(offset), feature_names=names,
    )


def lasso_path(X: Any, y: Any, **settings: Any) -> RegularizationPath:
    """L1 path: coefficients are exactly zero where a column does not pay for itself.

    Parameters
    ----------
    X, y, **settings
        As in `regularization_path`, without `l1_ratio`.

    Returns
    -------
    path : RegularizationPath
    """
    return regularization_path(X, y, l1_ratio=1.0, **settings)


def enet_path(X: Any, y: Any, *, l1_ratio: float = 0.5, **settings: Any) -> RegularizationPath:
    """Elastic-net path: L1 for zeros, L2 to share weight among correlated columns.

    Parameters
    ----------
    X, y, **settings
        As in `regularization_path`.
    l1_ratio : float in [0, 1], default=0.5

    Returns
    -------
    path : RegularizationPath
    """
    return regularization_path(X, y, l1_ratio=l1_ratio, **settings)


def ridge_path(X: Any, y: Any, **settings: Any) -> RegularizationPath:
    """L2 path (weight decay): every coefficient shrinks, none becomes zero.

    Parameters
    ----------
    X, y, **settings
        As in `regularization_path`, without `l1_ratio`. At alpha = 0 the solution is that of `Ridge(0.0)`.

    Returns
    -------
    path : RegularizationPath
    """
    return regularization_path(X, y, l1_ratio=0.0, **settings)


def logistic_path(X: Any, y: Any, **settings: Any) -> RegularizationPath:
    """Logistic path: log-odds that are linear in the columns, L1 by default.

    Parameters
    ----------
    X, **settings
        As in `regularization_path`, without `loss`.
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels of any kind that can be sorted. Or probabilities: a row of them for each sample, non-negative and of sum
        one; or numbers in [0, 1], not all 0 or 1, the probabilities of class 1 of the classes 0 and 1.

    Returns
    -------
    path : RegularizationPath
        With its `classes`. Beyond two of them every class has coefficients and an intercept of its own.

    Notes
    -----
    Beyond two classes the loss is the cross-entropy of the softmax, log sum_k exp(t_k) - sum_k y_k t_k, and the penalty
    is paid for every class. A shift of all classes alike changes no probability: intercepts have mean zero, and the
    coefficients of each column are where the penalty is least. With L1 alone they need not be unique.
    """
    weight = settings.get("sample_weight")
    coded = encode_classes(flatten(y), weight)
    target = coded.probabilities if coded.classes.size > 2 else coded.probabilities[:, 1]
    path = regularization_path(X, target, loss="logistic", **settings)
    return replace(path, classes=coded.classes)


def poisson_path(X: Any, y: Any, **settings: Any) -> RegularizationPath:
    """Poisson path: logarithms of expected counts that are linear in the columns, L1 by default.

    Parameters
    ----------
    X, **settings
        As in `regularization_path`, without `loss`; `offset` is the logarithm of the exposure.
    y : array-like of shape (n_samples,)
        Counts, or any numbers >= 0.

    Returns
    -------
    path : RegularizationPath
    """
    return regularization_path(X, y, loss="poisson", **settings)


def solve_grid(
    problem: Problem | MultinomialProblem,
    point: Point | MultinomialPoint,
    alphas: Vector,
    l1_ratio: float,
    controls: Controls,
    *,
    penalty: str = "elastic_net",
    gamma: float | None = None,
    verbose: int = 0,
) -> list[Solution] | list[JointSolution]:
    """Solve for every alpha in turn, each from the solution before.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    point : Point or MultinomialPoint
        Where to start; holds the last solution on return.
    alphas : ndarray of float64 of shape (n_alphas,)
    l1_ratio : float
    controls : Controls
    penalty : str
    gamma : float or None
    verbose : int

    Returns
    -------
    solutions : list of Solution or JointSolution

    Warns
    -----
    ConvergenceWarning
        Where an alpha stopped short of the tolerance.
    """
    solve = alpha_solver(problem, l1_ratio, controls, penalty=penalty, gamma=gamma)
    solutions = []
    for alpha in alphas:
        solution = solve(float(alpha), point, controls)
        solutions.append(solution)
        if verbose:
            print(
                f"alpha {alpha:.4e}  non-zeros {solution.columns.size:>9,}  objective {solution.objective:.8g}  "
                f"{measure_of(solution)} {left_of(solution):.1e}  passes {solution.n_iter}"
            )
    warn_unconverged(solutions, alphas, controls)
    return solutions


def alpha_solver(
    problem: Problem | MultinomialProblem,
    l1_ratio: float,
    controls: Controls,
    *,
    penalty: str = "elastic_net",
    gamma: float | None = None,
) -> Callable[[float, Any, Controls], Any]:
    """Return what solves at one alpha from a point, by way of other alphas where that is far away.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    l1_ratio : float
    controls : Controls
    penalty : str
    gamma : float or None

    Returns
    -------
    solve : callable
        Takes alpha, a point, which holds the solution on return, and controls.
    """
    solve = _solver(problem, l1_ratio, controls, penalty, gamma)

    def solve_alpha(alpha: float, point: Any, controls: Controls) -> Any:
        if not np.isfinite(point.alpha):
            point.alpha = alpha_max(problem, point, l1_ratio, penalty)
        spent = 0
        for stop in _stops(point.alpha, alpha):
            budget = controls.max_iter // 2 - spent
            if budget > 0:
                rough = replace(controls, tol=max(controls.tol, ROUGH_TOL), max_iter=budget)
                spent += solve(float(stop), point, rough).n_iter
        rest = replace(controls, max_iter=controls.max_iter - spent)
        solution = solve(alpha, point, rest)
        return replace(solution, n_iter=spent + solution.n_iter)

    return solve_alpha


def _solver(
    problem: Problem | MultinomialProblem, l1_ratio: float, controls: Controls, penalty: str, gamma: float | None
) -> Callable[[float, Any, Controls], Any]:
    """Return what solves at an alpha from a point."""

    def build(alpha: float) -> Any:
        return make_penalty(penalty, alpha, l1_ratio, gamma)

    if penalty == "elastic_net":
        convex: Callable[..., Any] = ridge.solve if l1_ratio == 0.0 else coordinate_descent.solve
        if isinstance(problem, MultinomialProblem):
            convex = multinomial.solve
        return lambda alpha, point, controls: convex(problem, build(alpha), point, controls)
    companion = nonconvex.Companion(problem, controls) if penalty == "l0" else None
    return lambda alpha, point, controls: nonconvex.solve(problem, build(alpha), point, controls, companion)


def _stops(start: float, end: float) -> Vector:
    """Alphas to pass through on the way down: a cold start far below alpha_max is slow where the support is large."""
    if not start > FAR * end > 0.0:
        return np.empty(0)
    end = max(end, start * FAR**-MOST_STOPS)
    n_steps = int(np.ceil(np.log(start / end) / np.log(FAR)))
    return np.geomspace(start, end, n_steps + 1)[1:-1]


def geometric_grid(start: float, n_alphas: int, eps: float) -> Vector:
    """Make a grid from `start` down to eps * start; from 1 where no column explains anything.

    Parameters
    ----------
    start : float
        The largest useful alpha, 0 where there is none.
    n_alphas : int
    eps : float

    Returns
    -------
    alphas : ndarray of float64 of shape (n_alphas,)
    """
    exponents = np.linspace(0.0, 1.0, n_alphas) if n_alphas > 1 else np.zeros(1)
    return (start if start > 0.0 else 1.0) * eps**exponents


def relax_all(
    problem: Problem | MultinomialProblem,
    solutions: Sequence[Solution | JointSolution],
    alphas: Vector,
    controls: Controls,
) -> list[Any]:
    """Refit the supports of a path without penalty.

    Parameters
    ----------
    problem : Problem or MultinomialProblem
    solutions : sequence of Solution or JointSolution
    alphas : ndarray of float64 of shape (n_alphas,)
    controls : Controls

    Returns
    -------
    refits : list of Solution or JointSolution

    Warns
    -----
    ConvergenceWarning
        Where a refit stopped short of the tolerance, or a support has as many coefficients as there are rows.
    """
    relax = Relaxation(problem, controls)
    refits = [relax(solution) for solution in solutions]
    warn_unconverged(refits, alphas, controls, relaxed=True)
    sizes = [refit.columns.size for refit in refits]
    warn_saturated(count_rows(problem), problem.fit_intercept, sizes, alphas)
    return refits
