"""Regularisation paths: grids of alpha, warm starts, one certified fit an alpha."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._parameters import (
    check_alphas,
    check_flag,
    check_grid,
    check_l1_ratio,
    check_penalty,
    check_signs,
    make_controls,
    make_loss,
    make_rules,
)
from sparsereg._sklearn import ConvergenceWarning
from sparsereg._validation import check_offset, check_sample_weight, check_target
from sparsereg.coef import PathCoef
from sparsereg.design import Design, make_design
from sparsereg.path_result import RegularizationPath
from sparsereg.solvers import coordinate_descent, nonconvex, ridge
from sparsereg.solvers.base import Controls, Point, Solution
from sparsereg.solvers.concavity import HAS_GAMMA, check_gamma, make_penalty
from sparsereg.solvers.problem import Problem, make_problem
from sparsereg.solvers.start import alpha_max, null_point

__all__ = [
    "enet_path",
    "lasso_path",
    "logistic_path",
    "poisson_path",
    "prepare",
    "regularization_path",
    "ridge_path",
    "solve_grid",
]

Vector = npt.NDArray[np.float64]

# A step down the grid by more than FAR passes through alphas in between, each solved to the gap ROUGH_TOL.
FAR, ROUGH_TOL, MOST_STOPS = 2.0, 1e-3, 50
# Squares of numbers in between stay well within float64.
SMALLEST_TARGET, LARGEST_TARGET = 1e-140, 1e140


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
        Where MCP (> 1) and SCAD (> 2) level off, at |w_j| = gamma alpha l1_ratio. It must outweigh the curvature of
        every column, c_j = sum_i s_i (x_ij - mean_j)^2 / sum_i s_i: gamma > p_j / c_j (SCAD: 1 + p_j / c_j). With
        `standardize=True` every c_j is 1; without, a one-hot column of one row in a million would need a million, and
        no other column would then notice that the penalty levels off. None: 3 for MCP, 3.7 for SCAD; 3 / m and
        1 + 2.7 / m where the loss has a smaller mean curvature m at the model with intercept only (a quarter or less
        for logistic loss), and c_j counts that too.
    l1_ratio : float in [0, 1], default=1.0
        1 is the lasso, 0 is ridge. Other penalties need more than 0.
    alphas : array-like or None, default=None
        Strictly decreasing grid; None: geometric from the smallest alpha at which every penalised coefficient is zero.
    n_alphas : int, default=100
    eps : float in (0, 1), default=1e-3
        Smallest over largest alpha of the automatic grid.
    sample_weight : None or array-like of shape (n_samples,)
    offset : None or array-like of shape (n_samples,)
        Known part of the linear predictor.
    fit_intercept : bool, default=True
        The intercept is never penalised.
    standardize : bool, default=False
        Penalise sd_j w_j in place of w_j; `w` stays on the scale of X. Constant columns are left out.
    positive : bool, default=False
    bounds : None or pair (lower, upper)
        Each None, a number, an array of length n_features, or a mapping from column id; lower <= 0 <= upper. Penalties
        that are not convex allow no bound other than 0.
    penalty_factor : None, number, array-like of shape (n_features,) or mapping from column id
        p_j; 0 leaves a column unpenalised, inf excludes it. Not rescaled.
    tol : float, default=1e-6
        Duality gap to reach, relative to F of the model with intercept only. For penalties that are not convex the
        violation: the most by which minimising over one coefficient alone would still move its gradient, relative to
        the largest gradient entry of the model with intercept only.
    max_iter : int, default=10_000
        Passes at one alpha after which to stop, with a ConvergenceWarning.
    n_threads : int or None, default=None
        Threads for passes over all columns; None is 1. Results are the same for any number.
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
    and Massias (2021).

    Penalties that are not convex are solved by working sets of the columns furthest from their own minimum (Bertrand et
    al. 2022). L0 starts at every alpha from the last solution and from an L1 solution, keeps the lower F and swaps
    columns while that lowers F (Hazimeh and Mazumder 2020); its automatic grid follows the square of a gradient, so
    that `eps` reaches down to sqrt(eps) of the largest.
    """
    l1_ratio = check_l1_ratio(l1_ratio)
    grid = None if alphas is None else check_alphas(alphas)
    n_alphas, eps = check_grid(n_alphas, eps)
    controls = make_controls(tol, max_iter, n_threads, callback)
    fit_intercept = check_flag(fit_intercept, "fit_intercept")
    design, problem = prepare(
        X, y, sample_weight, offset, loss=loss, delta=delta, fit_intercept=fit_intercept, standardize=standardize,
        positive=positive, bounds=bounds, penalty_factor=penalty_factor, penalty=penalty, gamma=gamma,
        l1_ratio=l1_ratio, smallest_alpha=np.inf if grid is None else float(grid[-1]),
    )
    point = null_point(problem, controls)
    if grid is None:
        grid = _geometric(alpha_max(problem, point, l1_ratio, penalty), n_alphas, eps)
    solutions = solve_grid(problem, point, grid, l1_ratio, controls, penalty=penalty, gamma=gamma, verbose=verbose)
    return _collect(solutions, grid, l1_ratio, penalty, problem, design)


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
        As in `regularization_path`, without `l1_ratio`.

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
    y : array-like of shape (n_samples,)
        Probabilities of class 1, in [0, 1].

    Returns
    -------
    path : RegularizationPath
    """
    return regularization_path(X, y, loss="logistic", **settings)


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


def prepare(
    X: Any,
    y: Any,
    sample_weight: Any,
    offset: Any,
    *,
    loss: str = "squared",
    delta: float = 1.35,
    fit_intercept: bool,
    standardize: bool,
    positive: bool,
    bounds: Any,
    penalty_factor: Any,
    penalty: str = "elastic_net",
    gamma: float | None = None,
    l1_ratio: float,
    smallest_alpha: float,
) -> tuple[Design, Problem]:
    """Validate data and column settings and bring them into the form that solvers take.

    Parameters
    ----------
    X, y, sample_weight, offset, loss, delta, fit_intercept, standardize, positive, bounds, penalty_factor
    penalty, gamma
        As in `regularization_path`. X may also be a design already made of it with these weights.
    l1_ratio, smallest_alpha : float
        As in `make_problem`.

    Returns
    -------
    design : Design
    problem : Problem
    """
    objective, gamma = make_loss(loss, delta), check_penalty(penalty, l1_ratio, gamma)
    design = X if isinstance(X, Design) else make_design(X, sample_weight)
    offset = check_offset(offset, design.n_samples)
    target = check_target(y, design.n_samples, *objective.targets, loss)
    if objective.location:
        _check_magnitude(target if offset is None else target - offset)
    weight = check_sample_weight(sample_weight, design.n_samples)
    rules = make_rules(
        design.active, design.n_features, penalty_factor=penalty_factor, bounds=bounds, positive=positive,
        standardize=standardize,
    )
    convex = penalty == "elastic_net"
    if not convex:
        check_signs(rules, design.active, penalty)
    problem = make_problem(
        design, target, weight, rules, loss=objective, offset=offset, fit_intercept=fit_intercept, l1_ratio=l1_ratio,
        smallest_alpha=smallest_alpha, eliminate=convex,
    )
    if penalty in HAS_GAMMA:
        ridge = smallest_alpha * (1.0 - l1_ratio) if np.isfinite(smallest_alpha) else 0.0
        check_gamma(problem, design.active, penalty, gamma, ridge)
    return design, problem


def _check_magnitude(target: Vector) -> None:
    """Refuse targets whose squares leave the range of float64: they would vanish or overflow in silence."""
    largest = float(np.abs(target).max())
    if largest > 0.0 and not SMALLEST_TARGET <= largest <= LARGEST_TARGET:
        raise ValueError(
            f"y: the largest absolute value (less offset), {largest:g}, is outside "
            f"[{SMALLEST_TARGET:g}, {LARGEST_TARGET:g}]; rescale y"
        )


def solve_grid(
    problem: Problem,
    point: Point,
    alphas: Vector,
    l1_ratio: float,
    controls: Controls,
    *,
    penalty: str = "elastic_net",
    gamma: float | None = None,
    verbose: int = 0,
) -> list[Solution]:
    """Solve for every alpha in turn, each from the solution before.

    Parameters
    ----------
    problem : Problem
    point : Point
        Where to start; holds the last solution on return.
    alphas : ndarray of float64 of shape (n_alphas,)
    l1_ratio : float
    controls : Controls
    penalty : str
    gamma : float or None
    verbose : int

    Returns
    -------
    solutions : list of Solution

    Warns
    -----
    ConvergenceWarning
        Where an alpha stopped short of the tolerance.
    """
    solve = _solver(problem, l1_ratio, controls, penalty, gamma)
    if not np.isfinite(point.alpha):
        point.alpha = alpha_max(problem, point, l1_ratio, penalty)
    solutions = []
    for alpha in alphas:
        spent = 0
        for stop in _stops(point.alpha, alpha):
            budget = controls.max_iter // 2 - spent
            if budget > 0:
                rough = replace(controls, tol=max(controls.tol, ROUGH_TOL), max_iter=budget)
                spent += solve(float(stop), point, rough).n_iter
        rest = replace(controls, max_iter=controls.max_iter - spent)
        solution = solve(float(alpha), point, rest)
        solution = replace(solution, n_iter=spent + solution.n_iter)
        solutions.append(solution)
        if verbose:
            print(
                f"alpha {alpha:.4e}  non-zeros {solution.columns.size:>9,}  objective {solution.objective:.8g}  "
                f"{_measure(solution)} {_left(solution):.1e}  passes {solution.n_iter}"
            )
    _warn_unconverged(solutions, alphas, controls)
    return solutions


def _solver(
    problem: Problem, l1_ratio: float, controls: Controls, penalty: str, gamma: float | None
) -> Callable[[float, Point, Controls], Solution]:
    """Return what solves at an alpha from a point."""

    def build(alpha: float) -> Any:
        return make_penalty(problem, penalty, alpha, l1_ratio, gamma)

    if penalty == "elastic_net":
        convex = ridge.solve if l1_ratio == 0.0 else coordinate_descent.solve
        return lambda alpha, point, controls: convex(problem, build(alpha), point, controls)
    companion = nonconvex.Companion(problem, controls) if penalty == "l0" else None
    return lambda alpha, point, controls: nonconvex.solve(problem, build(alpha), point, controls, companion)


def _measure(solution: Solution) -> str:
    """Name what says how far a solution is from where it should be."""
    return "violation" if np.isnan(solution.dual_gap) else "gap"


def _left(solution: Solution) -> float:
    return solution.violation if np.isnan(solution.dual_gap) else solution.dual_gap


def _stops(start: float, end: float) -> Vector:
    """Alphas to pass through on the way down: a cold start far below alpha_max is slow where the support is large."""
    if not start > FAR * end > 0.0:
        return np.empty(0)
    end = max(end, start * FAR**-MOST_STOPS)
    n_steps = int(np.ceil(np.log(start / end) / np.log(FAR)))
    return np.geomspace(start, end, n_steps + 1)[1:-1]


def _warn_unconverged(solutions: list[Solution], alphas: Vector, controls: Controls) -> None:
    failed = [k for k, solution in enumerate(solutions) if not solution.converged]
    if failed:
        worst = max(failed, key=lambda k: _left(solutions[k]))
        measure = _measure(solutions[worst])
        name, of = ("duality gap", "objective") if measure == "gap" else ("violation", "largest gradient entry")
        warnings.warn(
            f"{len(failed)} of {len(solutions)} fits stopped before the {name} reached tol={controls.tol:g} "
            f"(relative to the {of} of the model with intercept only); the worst, alpha={alphas[worst]:.4g}, "
            f"has a {measure} of {_left(solutions[worst]):.2g} after {solutions[worst].n_iter} passes. "
            f"Increase max_iter (now {controls.max_iter}), increase tol, or use a larger alpha.",
            ConvergenceWarning,
            stacklevel=_frames_of_the_package(),
        )
    unbounded = [alpha for alpha, solution in zip(alphas, solutions) if solution.unbounded]
    if unbounded:
        warnings.warn(
            f"At {len(unbounded)} of {len(solutions)} alphas, {unbounded[0]:.4g} the largest, no finite coefficients are"
            " best: columns without penalty separate the classes, or have counts of zero on all their rows. The "
            f"solution is where the duality gap reached tol={controls.tol:g}. Penalise these columns (penalty_factor, "
            "alpha).",
            ConvergenceWarning,
            stacklevel=_frames_of_the_package(),
        )


def _frames_of_the_package() -> int:
    """Count the calls from the caller up to the first outside this package: a warning belongs to the user's line."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "sparsereg":
        frame, level = frame.f_back, level + 1
    return level


def _geometric(start: float, n_alphas: int, eps: float) -> Vector:
    """Grid from `start` down to eps * start; from 1 where no column explains anything."""
    exponents = np.linspace(0.0, 1.0, n_alphas) if n_alphas > 1 else np.zeros(1)
    return (start if start > 0.0 else 1.0) * eps**exponents


def _collect(
    solutions: list[Solution], alphas: Vector, l1_ratio: float, penalty: str, problem: Problem, design: Design
) -> RegularizationPath:
    indptr = np.cumsum([0] + [solution.columns.size for solution in solutions])
    indices = np.concatenate([solution.columns for solution in solutions])
    values = np.concatenate([solution.values for solution in solutions])
    coefs = sparse.csc_array((values, indices, indptr), shape=(design.n_active, len(solutions)))
    losses = np.array([solution.loss for solution in solutions])
    explained = 1.0 - losses / problem.reference if problem.reference > 0.0 else np.zeros(losses.size)
    coef = PathCoef.from_active(design.active, coefs, design.n_features)
    return RegularizationPath(
        alphas=alphas,
        coef=coef,
        intercepts=np.array([solution.b for solution in solutions]),
        dual_gaps=np.array([solution.dual_gap for solution in solutions]),
        n_iters=np.array([solution.n_iter for solution in solutions]),
        objectives=np.array([solution.objective for solution in solutions]),
        df=np.diff(coef.values.indptr).astype(np.int64),
        dev_ratio=explained,
        l1_ratio=l1_ratio,
        n_active=design.n_active,
        penalty=penalty,
        violations=np.array([solution.violation for solution in solutions]),
    )
