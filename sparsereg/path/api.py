"""Regularisation paths: `regularization_path` and its short forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.design import make_design
from sparsereg.inputs.names import UNKNOWN_NAMES
from sparsereg.inputs.parameters import check_grid, check_l1_ratio, check_relax
from sparsereg.inputs.shares import GroupedClasses, drop_untried
from sparsereg.inputs.sklearn import feature_names
from sparsereg.inputs.targets import encode_classes, flatten
from sparsereg.inputs.weights import is_offset
from sparsereg.path.grid import geometric_grid
from sparsereg.path.memory import check_memory
from sparsereg.path.result import RegularizationPath
from sparsereg.path.solve import relax_all, solve_grid
from sparsereg.readers.blocks import is_stream
from sparsereg.reduction.reduced import Reduced
from sparsereg.reduction.streams import reduce_stream, refuse_path
from sparsereg.reduction.training import training_samples
from sparsereg.solvers.assemble import ProblemOptions, make_loss, make_solver_options, prepare
from sparsereg.solvers.convergence import warn_blurred
from sparsereg.solvers.forms import choose_form
from sparsereg.solvers.null_model import alpha_max, null_state

Vector = npt.NDArray[np.float64]


def regularization_path(
    X: Any,
    y: Any = None,
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
    memory_limit: int | str | None = None,
) -> RegularizationPath:
    """Minimise F(w, b) for every alpha of a grid, each fit started from the last.

    F(w, b) = sum_i s_i loss(y_i, x_i.w + b + o_i) / sum_i s_i
    + alpha sum_j p_j (l1_ratio |w_j| + (1 - l1_ratio) / 2 w_j^2)

    Parameters
    ----------
    X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features), Reduced or stream
        int32 or int64 ids; `n_features` may be far larger than memory. Never changed. A `Reduced` for the same loss
        brings its targets, weights and offsets; a stream, a reader or an iterable of blocks (X, y) or (X, y,
        sample_weight), is reduced first and brings its targets and weights: y, `sample_weight` and `offset` are then
        None.
    y : array-like of shape (n_samples,)
        For logistic loss also of shape (n_samples, n_classes), probabilities or counts of the classes: see
        `logistic_path`.
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
    memory_limit : None, int or str, default=None
        What the data and the fit may take, in bytes or as "500 MB", "2GiB". A stream is reduced within it, with the
        help of the disk: see `Reduced.of_blocks`. A fit that would take more, by an estimate, is refused before it
        begins.

    Returns
    -------
    path : RegularizationPath

    Raises
    ------
    ValueError, TypeError
        For malformed data or settings, before any work, naming the argument, the value and what is allowed.
    MemoryError
        Where the fit would take more than `memory_limit`, with about how much.

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
    grid, n_alphas, eps = check_grid(alphas, n_alphas, eps)
    solver_options = make_solver_options(tol, max_iter, n_threads, callback)
    relax = check_relax(relax, l1_ratio)
    names = UNKNOWN_NAMES if is_stream(X) else feature_names(X)
    options = ProblemOptions(
        make_loss(loss, delta), penalty, l1_ratio, gamma, fit_intercept, standardize, positive, bounds, penalty_factor,
        names,
    )
    if names is UNKNOWN_NAMES:
        beside = {"y": y, "sample_weight": sample_weight, "offset": offset}
        X = reduce_stream(X, beside, loss=loss, memory_limit=memory_limit)
        names = X.feature_names
        options = replace(options, names=names)
    check_memory(memory_limit, X, y, options, n_alphas if grid is None else grid.size)
    classes = X.classes if isinstance(X, Reduced) else None
    X, y, sample_weight, offset = training_data(X, y, sample_weight, offset, options.loss)
    tried = drop_untried(y, sample_weight, X) if options.loss.softmax else sample_weight
    design = make_design(X, tried)
    check_memory(memory_limit, design, y, options, n_alphas if grid is None else grid.size)
    problem = prepare(design, y, sample_weight, offset, options, np.inf if grid is None else float(grid[-1]))
    # Of a reduction they are large, and nobody else's.
    del X, y, sample_weight, tried
    warn_blurred(design.active[problem.outputs[0].blurred])
    state = null_state(problem, solver_options)
    if grid is None:
        grid = geometric_grid(alpha_max(problem, state, l1_ratio, penalty), n_alphas, eps)
    solutions = solve_grid(problem, state, grid, options, solver_options, verbose)
    if relax:
        solutions = relax_all(problem, solutions, grid, solver_options)
    return RegularizationPath.of(
        solutions, grid, problem, design, loss=loss, delta=delta, penalty=penalty, l1_ratio=l1_ratio, relaxed=relax,
        standardize=options.standardize, has_offset=is_offset(offset), feature_names=names, classes=classes,
        form=choose_form(problem, penalty, l1_ratio, grid.size),
    )


def training_data(X: Any, y: Any, sample_weight: Any, offset: Any, loss: Any) -> tuple[Any, Any, Any, Any]:
    """Return rows, targets, weights and offsets; of a reduction of classes the probabilities of the second, or of each.

    Parameters
    ----------
    X, y, sample_weight, offset
        As in `regularization_path`.
    loss : registered loss

    Returns
    -------
    X, y, sample_weight, offset
        As `make_design` and `prepare` take them.
    """
    X, y, sample_weight, offset = training_samples(X, y, sample_weight, offset, loss.name)
    if isinstance(y, GroupedClasses):
        coded = encode_classes(y)
        y, sample_weight = coded.probabilities, coded.sample_weight
        if coded.classes.size > 2 and not loss.softmax:
            raise ValueError(f"X: {coded.classes.size} classes, expected two for loss={loss.name!r}")
        y = y if coded.classes.size > 2 else np.ascontiguousarray(y[:, 1])
    return X, y, sample_weight, offset


def lasso_path(X: Any, y: Any = None, **settings: Any) -> RegularizationPath:
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


def enet_path(X: Any, y: Any = None, *, l1_ratio: float = 0.5, **settings: Any) -> RegularizationPath:
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


def ridge_path(X: Any, y: Any = None, **settings: Any) -> RegularizationPath:
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


def logistic_path(X: Any, y: Any = None, **settings: Any) -> RegularizationPath:
    """Logistic path: log-odds that are linear in the columns, L1 by default.

    Parameters
    ----------
    X, **settings
        As in `regularization_path`, without `loss`.
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels of any kind that can be sorted. Or probabilities: a row of them for each sample, non-negative and of sum
        one; or numbers in [0, 1], not all 0 or 1, the probabilities of class 1 of the classes 0 and 1. Or counts, whole
        numbers in every row: how many of its trials came out as each class, of two classes (failures, successes) as in
        glmnet. The weight of a row is then that of each trial, and a row without trials is none.

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
    if isinstance(X, Reduced) or is_stream(X):
        return regularization_path(X, y, loss="logistic", **settings)
    refuse_path(X)
    weight = settings.get("sample_weight")
    coded = encode_classes(flatten(y), weight)
    target = coded.probabilities if coded.classes.size > 2 else coded.probabilities[:, 1]
    path = regularization_path(X, target, loss="logistic", **{**settings, "sample_weight": coded.sample_weight})
    return replace(path, classes=coded.classes)


def poisson_path(X: Any, y: Any = None, **settings: Any) -> RegularizationPath:
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
