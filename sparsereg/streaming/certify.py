"""Duality gaps of streaming fits on data in memory, and SAGA that brings them to a gap."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import column_objective, columns
from sparsereg.design import Design
from sparsereg.inputs.sklearn import ConvergenceWarning
from sparsereg.solvers import saga
from sparsereg.solvers.assemble import make_multinomial_problem
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.centering import FAR_FOR_STEPS, NOWHERE
from sparsereg.solvers.column_penalties import ColumnPenalties
from sparsereg.solvers.convergence import frames_of_the_package, warn_unconverged
from sparsereg.solvers.evaluate import Evaluation, evaluate, gain_of_a_descent
from sparsereg.solvers.null_model import state_at
from sparsereg.solvers.presolve import make_problem
from sparsereg.solvers.problem import Problem
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.options import StreamSettings
from sparsereg.streaming.training import Training

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

# Of the objective of the null model, the least that a fit may be above its minimum without a word. A gap alone does not
# say so: on the way to the minimum it is often far above the distance.
WARN_GAP = 0.1
# The share of L1 of a problem that keeps all columns: passes leave something on each of those that one could stand for.
ALL_COLUMNS = 0.0


def certify_fit(training: Training, batch: Batch, design: Design) -> Evaluation:
    """Certify a fit on the data that it was made of.

    Parameters
    ----------
    training : Training
    batch : Batch
        All rows.
    design : Design
        Of these rows and their weights, all that is looked at of the rows.

    Returns
    -------
    evaluation : Evaluation
        Of classes that were fitted one against the rest: the sum of the objectives, and the worst of the rest.

    Warns
    -----
    ConvergenceWarning
        Where passes went on until they brought no more, and the fit is known to be far from the minimum.
    """
    y, weight = batch.y, batch.weight
    settings, penalty = training.settings, training.settings.penalty
    coef, b = training.coef, training.intercept
    penalty_sums = np.array([_penalty_sum(penalty, coef.at(k).values.data) for k in range(coef.n_columns)])
    w = coef.on(design.active)
    losses = training.mean_losses(y, _predictors(design, w) + b, weight)
    objectives = losses + (penalty_sums.sum() if training.learner.softmax else penalty_sums)
    if training.learner.softmax:
        objective = float(objectives[0])
        if not penalty.is_convex:
            return Evaluation(objective, np.nan, np.nan)
        joint = make_multinomial_problem(
            design, y, weight, ColumnPenalties.plain(design.n_active), fit_intercept=settings.fit_intercept,
            l1_ratio=ALL_COLUMNS,
        )
        return _evaluate(settings, joint, w, b, objective)
    problems = _problems(settings, batch, design, ALL_COLUMNS)
    found = [
        _evaluate(settings, problem, of_output, float(intercept), float(objective))
        for problem, of_output, intercept, objective in zip(problems, w, b, objectives, strict=True)
    ]
    return Evaluation(
        sum(one.objective for one in found), max(one.dual_gap for one in found), max(one.violation for one in found)
    )


def _predictors(design: Design, w: Vector) -> Vector:
    """Compute the products of all rows, an array of shape (n_samples, n_outputs); rows of weight 0 have any."""
    t = np.zeros((w.shape[0], design.n_rows))
    for of_output, out in zip(w, t, strict=True):
        used = np.flatnonzero(of_output).astype(np.int32)
        columns.accumulate(design.data, design.indices, design.indptr, used, of_output[used], out)
    return t.T[design.row_of]


def _evaluate(settings: StreamSettings, problem: Any, w: Vector, b: Any, objective: float) -> Evaluation:
    """Certify one loss, and warn where its minimum is far away for certain, but passes went on to look for it."""
    penalty = settings.penalty
    evaluation = evaluate(problem, penalty, w, b, objective)
    if settings.seeks_minimum and WARN_GAP < evaluation.dual_gap < np.inf:
        gain = gain_of_a_descent(problem, penalty, w, b, objective)
        if gain > WARN_GAP:
            warnings.warn(
                f"The objective is {objective:.4g}, and one pass of coordinate descent lowers it by "
                f"{gain * problem.reference:.4g}: passes of stochastic steps stopped far from the minimum "
                f"(dual_gap_={evaluation.dual_gap:.2g}). Columns of very different scales are the usual reason: scale "
                "them, or choose another eta0, or set finish_tol.",
                ConvergenceWarning, stacklevel=frames_of_the_package(),
            )
    return evaluation


def finish_fit(training: Training, batch: Batch, design: Design, seed: int) -> None:
    """Bring a fit to its end on the data that it was made of: sparse proximal SAGA, to a certified duality gap.

    Parameters
    ----------
    training : Training
        Of the elastic net; on return its coefficients are the solution.
    batch : Batch
        All rows.
    design : Design
        Of these rows and their weights.
    seed : int
        Of the order of rows.

    Warns
    -----
    ConvergenceWarning
        Where `max_iter` passes were not enough.
    """
    settings, penalty = training.settings, training.settings.penalty
    options = SolverOptions(settings.finish_tol, settings.max_iter, settings.n_threads)
    starts = zip(training.coef.on(design.active), training.intercept, strict=True)
    solutions, centering = [], NOWHERE
    for problem, (w, b) in zip(_problems(settings, batch, design, penalty.l1_ratio), starts, strict=True):
        # The same for every output.
        centering = problem.centering
        state = state_at(problem, w, float(b), penalty.alpha, options)
        solutions.append(saga.finish(problem, penalty, state, options, seed))
    warn_unconverged(solutions, np.full(len(solutions), penalty.alpha), options)
    w = np.hstack([solution.coefs.toarray() for solution in solutions])
    used = np.flatnonzero(w.any(axis=1))
    training.set_coefficients(design.active[used], w[used], np.concatenate([solution.b for solution in solutions]))
    if centering.columns.size:
        # States round coefficients, and where columns are far from zero intercepts have to know.
        rounded = w.T - training.coef.on(design.active)
        training.learner.intercept[0] += [centering.lost(of_output) for of_output in rounded]
    training.n_iter += max(solution.n_iter for solution in solutions)


def _problems(settings: StreamSettings, batch: Batch, design: Design, l1_ratio: float) -> Iterator[Problem]:
    """Make a problem of each output, without the columns that others can stand for at this share of L1."""
    for target in batch.y.T:
        yield make_problem(
            design, np.ascontiguousarray(target), batch.weight, ColumnPenalties.plain(design.n_active),
            loss=settings.objective, offset=None, eliminate=False,
            fit_intercept=settings.fit_intercept, l1_ratio=l1_ratio, far=FAR_FOR_STEPS,
        )


def _penalty_sum(penalty: Any, values: Vector) -> float:
    """Sum the penalty over coefficients."""
    ones = np.ones(values.size)
    return column_objective.penalty_value(penalty, np.arange(values.size, dtype=np.int32), values, ones, ones)
