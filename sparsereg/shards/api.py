"""`staying_path`: regularisation paths over shards that are too large, together, to be put together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import PENALTIES
from sparsereg.inputs.names import UNKNOWN_NAMES
from sparsereg.inputs.parameters import check_choice, check_grid, check_l1_ratio, check_relax
from sparsereg.path.result import RegularizationPath
from sparsereg.path.solve import progress_line
from sparsereg.reduction.reduced import Reduced
from sparsereg.shards.passes import NO_DELTA, TargetFacts, restrict
from sparsereg.shards.pool import Pool
from sparsereg.shards.restricted import RestrictedProblem
from sparsereg.shards.screening import Grid, LiveColumns, NullFacts, add_sums, find_live, sum_columns
from sparsereg.shards.working_sets import ShardPath
from sparsereg.solvers.assemble import ProblemOptions, make_loss, make_solver_options
from sparsereg.solvers.base import Solution, SolverOptions
from sparsereg.solvers.convergence import warn_blurred, warn_unconverged

STAYING = " for rows that stay where they are"


def staying_path(
    pool: Pool,
    *,
    loss: str = "squared",
    l1_ratio: float = 1.0,
    alphas: Any = None,
    n_alphas: int = 100,
    eps: float = 1e-3,
    fit_intercept: bool = True,
    standardize: bool = False,
    positive: bool = False,
    bounds: Any = None,
    penalty_factor: Any = None,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    n_threads: int | None = None,
    verbose: int = 0,
    callback: Any = None,
    penalty: str = "elastic_net",
) -> RegularizationPath:
    """Minimise F(w, b) for every alpha of a grid, over reductions that stay where they are.

    For data whose distinct rows are too many to be put together: what travels are sums of columns, rows restricted to
    the few columns that an alpha may bring in, and gradients. The path is that of `regularization_path` on all
    reductions merged, to the tolerance, and so are its duality gaps: they are over all columns and all rows.

    Parameters
    ----------
    pool : Pool
        Of reductions for this loss, such as `LocalPool`; they may have folds, which are passed over.
    loss : {"squared", "logistic", "poisson"}, default="squared"
        Logistic loss of two classes, which are those of all shards.
    l1_ratio : float in (0, 1], default=1.0
        Without L1 share every column comes in, and nothing would stay.
    alphas, n_alphas, eps, fit_intercept, standardize, positive, bounds, penalty_factor
        As in `regularization_path`; alphas above 0.
    tol, max_iter, n_threads, callback
        As there. The callback is told of gaps on restricted rows.
    verbose : int, default=0
        1 prints a line for each alpha.
    penalty : {"elastic_net"}, default="elastic_net"

    Returns
    -------
    path : RegularizationPath

    Raises
    ------
    ValueError, TypeError
        For malformed settings, and for shards that do not go together.

    Warns
    -----
    ConvergenceWarning
        Where an alpha stopped short of the tolerance.

    Notes
    -----
    The shards are gone over three times before the first alpha (targets, sums of columns, columns that no alpha of the
    grid can bring in), and at most about twice for each: once to restrict rows to a working set, unless that of the
    alpha before will do, once for a gradient. See `find_live` for the columns that are left out, and `ShardPath`.
    """
    l1_ratio = _check(loss, penalty, l1_ratio)
    grid = _check_grid(alphas, n_alphas, eps)
    solver_options = make_solver_options(tol, max_iter, n_threads, callback)
    # Names of columns are checked when shards have told them.
    options = ProblemOptions(
        make_loss(loss, NO_DELTA), penalty, l1_ratio, None, fit_intercept, standardize, positive, bounds,
        penalty_factor, UNKNOWN_NAMES,
    )
    survey = _survey(pool, options, grid)
    warn_blurred(survey.live.blurred)
    fewer = pool.apply(restrict, survey.live.ids, label="live")
    try:
        path, solutions = _solve(fewer, survey, solver_options, verbose)
    finally:
        fewer.release()
    warn_unconverged(solutions, path.alphas, solver_options)
    return path


@dataclass(frozen=True, eq=False)
class NullPart:
    """The rows of some shards without columns.

    Attributes
    ----------
    reduced : Reduced
        Of one row.
    within : float
        Half the weighted squares of the targets about those of the shards' own rows.
    """

    reduced: Reduced
    within: float


@dataclass(frozen=True, eq=False)
class Survey:
    """What is known of all shards before the first alpha.

    Attributes
    ----------
    options : ProblemOptions
    facts : TargetFacts
    null : Reduced
        All rows, without columns.
    null_loss : float
        Of the model with intercept only.
    live : LiveColumns
    """

    options: ProblemOptions
    facts: TargetFacts
    null: Reduced
    null_loss: float
    live: LiveColumns


def staying_settings(
    *, gamma: Any = None, delta: Any = NO_DELTA, relax: Any = False, sample_weight: None = None, offset: None = None,
    class_weight: Any = None, label_smoothing: Any = 0.0, **settings: Any,
) -> dict[str, Any]:
    """Return settings of `regularization_path`, or of an estimator, as `staying_path` takes them.

    Parameters
    ----------
    gamma, delta
        Of penalties and losses that `staying_path` refuses by their names.
    relax : bool
        False.
    sample_weight, offset : None
    class_weight : None
    label_smoothing : 0.0
    **settings
        All others.

    Returns
    -------
    settings : dict

    Raises
    ------
    ValueError
        For what cannot be fitted to rows that stay where they are.
    """
    given = {"loss": "squared", "penalty": "elastic_net", "l1_ratio": 1.0, **settings}
    _check(given["loss"], given["penalty"], given["l1_ratio"])
    _check_grid(given.get("alphas"), given.get("n_alphas", 100), given.get("eps", 1e-3))
    if check_relax(relax, 1.0):
        raise ValueError(f"relax: True is not allowed{STAYING}, expected False; where='reduce' allows it")
    for name, value, expected in (("class_weight", class_weight, None), ("label_smoothing", label_smoothing, 0.0)):
        if value is not expected and value != expected:
            raise ValueError(
                f"{name}: {value!r} is not allowed{STAYING}, expected {expected}; where='reduce' allows it"
            )
    return settings


def _check(loss: Any, penalty: Any, l1_ratio: Any) -> float:
    """Check what cannot be done everywhere."""
    allowed = {
        "loss": [name for name, kind in LOSSES.items() if kind.is_likelihood],
        "penalty": [name for name, kind in PENALTIES.items() if kind.is_convex],
    }
    check_choice(loss, "loss", LOSSES)
    check_choice(penalty, "penalty", PENALTIES)
    for name, value in (("loss", loss), ("penalty", penalty)):
        if value not in allowed[name]:
            raise ValueError(
                f"{name}: {value!r} is not allowed{STAYING}, expected one of {allowed[name]}; where='reduce' allows it"
            )
    if check_l1_ratio(l1_ratio) == 0.0:
        raise ValueError(
            f"l1_ratio: 0 is not allowed{STAYING}, as every column comes in; expected one in (0, 1], or where='reduce'"
        )
    return check_l1_ratio(l1_ratio)


def _check_grid(alphas: Any, n_alphas: Any, eps: Any) -> Grid:
    grid = Grid(*check_grid(alphas, n_alphas, eps))
    if grid.alphas is not None and grid.alphas[-1] == 0.0:
        raise ValueError(
            f"alphas: 0 is not allowed{STAYING}, as every column comes in; expected ones above 0, or where='reduce'"
        )
    return grid


def _check_shards(null: Reduced, loss: str) -> None:
    """Refuse reductions that have what only one in one place can be fitted with."""
    if null.loss != loss:
        raise ValueError(f"shards: they are for loss={null.loss!r}, expected such for loss={loss!r}")
    if null.classes is not None and null.classes.size > 2:
        raise ValueError(
            f"y: {null.classes.size} classes are not allowed{STAYING}, expected two; where='reduce' allows more"
        )


def null_part(shard: Reduced) -> NullPart:
    """Reduce a shard to its targets.

    Parameters
    ----------
    shard : Reduced

    Returns
    -------
    part : NullPart
    """
    if shard.has_offset:
        raise ValueError(f"offset: not allowed{STAYING}, expected None; where='reduce' allows it")
    if shard.n_responses > 1:
        raise ValueError(f"y: {shard.n_responses} responses, expected one; `reduced.response(k)` gives it")
    return NullPart(restrict(shard, np.empty(0, dtype=np.int64)), float(shard.entries.sums.squares.sum()))


def merge_null_parts(parts: list[NullPart]) -> NullPart:
    """Merge shards that were reduced to their targets; refuse such as do not go together.

    Parameters
    ----------
    parts : list of NullPart

    Returns
    -------
    part : NullPart
    """
    return NullPart(Reduced.merge_all(part.reduced for part in parts), sum(part.within for part in parts))


def _survey(pool: Pool, options: ProblemOptions, grid: Grid) -> Survey:
    """Go over targets, then over columns; make the grid."""
    part = pool.gather(null_part, merge_null_parts, label="targets")
    null, names = part.reduced, part.reduced.feature_names
    _check_shards(null, options.loss.name)
    options = replace(options, names=names)
    problem = RestrictedProblem(null, replace(options, bounds=None, penalty_factor=None)).problem
    response, total = problem.response, float(null.entries.sums.total.sum())
    facts = TargetFacts(null.classes, total, response.y_mean)
    within = part.within / total if options.loss.location else response.constant
    null_facts = NullFacts(response.null_intercept, max(problem.reference - within, 0.0))
    live = pool.gather(
        sum_columns, add_sums, facts, null_facts,
        finish=(find_live, options, null.n_features, grid, null_facts, response.y_mean), label="columns",
    )
    live = live.unpacked()
    survey = Survey(options, facts, null, problem.reference, live)
    if live.alphas is not None:
        return survey
    v = ShardPath(pool, survey.live, facts, problem.reference, options, SolverOptions()).start()
    return replace(survey, live=live.narrowed(grid.made(live.start(v, options.l1_ratio)), options.l1_ratio))


def _solve(
    pool: Pool, survey: Survey, solver_options: SolverOptions, verbose: int
) -> tuple[RegularizationPath, list[Solution]]:
    """Solve down the grid; return the path, and the solutions on the live columns."""
    live, options, solutions = survey.live, survey.options, []
    run = ShardPath(pool, live, survey.facts, survey.null_loss, options, solver_options)
    run.start()
    alphas = live.alphas
    for k, alpha in enumerate(alphas):
        solution = run.solve(float(alpha), alphas[k + 1 :])
        solutions.append(solution)
        if verbose:
            print(progress_line(alpha, solution))
    design = replace(run.restricted.design, active=live.ids)
    path = RegularizationPath.of(
        solutions, alphas, run.restricted.problem, design, loss=options.loss.name, penalty=options.penalty,
        l1_ratio=options.l1_ratio, standardize=options.standardize, feature_names=survey.null.feature_names,
        classes=survey.null.classes,
    )
    return replace(path, n_active=live.n_occupied, **live.facts), solutions
