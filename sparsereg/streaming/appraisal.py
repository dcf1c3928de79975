"""A streaming fit on data in memory as the batch fits see it: certified, and brought to its end."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import certificate
from sparsereg._core.penalties import ElasticNet
from sparsereg._sklearn import ConvergenceWarning
from sparsereg.coef import SparseCoef
from sparsereg.convergence import frames_of_the_package, warn_unconverged
from sparsereg.design import Design, find_ids
from sparsereg.solvers import saga
from sparsereg.solvers.appraisal import Appraisal, appraise, gain_of_a_descent
from sparsereg.solvers.base import Controls
from sparsereg.solvers.centring import FAR_FOR_STEPS, NOWHERE
from sparsereg.solvers.multinomial_problem import make_multinomial_problem
from sparsereg.solvers.problem import ColumnRules, Problem, make_problem
from sparsereg.solvers.start import point_at
from sparsereg.streaming.chunks import Chunk
from sparsereg.streaming.course import Course
from sparsereg.streaming.settings import StreamSettings

__all__ = ["appraise_course", "finish_course"]

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

# Of the objective of the null model, the least that a fit may be above its minimum without a word. A gap alone does not
# say so: on the way to the minimum it is often far above the distance.
FAR = 0.1
# The share of L1 of a problem that keeps all columns: passes leave something on each of those that one could stand for.
ALL_COLUMNS = 0.0


def appraise_course(course: Course, chunk: Chunk, design: Design) -> Appraisal:
    """Certify a fit on the data that it was made of.

    Parameters
    ----------
    course : Course
    chunk : Chunk
        All rows.
    design : Design
        Of these rows and their weights.

    Returns
    -------
    appraisal : Appraisal
        Of classes that were fitted one against the rest: the sum of the objectives, and the worst of the rest.

    Warns
    -----
    ConvergenceWarning
        Where passes went on until they brought no more, and the fit is known to be far from the minimum.
    """
    rows, y, weight = chunk.rows, chunk.y, chunk.weight
    settings, penalty = course.settings, course.settings.penalty
    vectors, b = _vectors(course), course.intercept
    paid = np.array([_penalty_paid(penalty, vector.values) for vector in vectors])
    objectives = course.losses(rows, y, weight) + (paid.sum() if course.learner.softmax else paid)
    w = _on(vectors, design.active)
    if course.learner.softmax:
        objective = float(objectives[0])
        if not isinstance(penalty, ElasticNet):
            return Appraisal(objective, np.nan, np.nan)
        joint = make_multinomial_problem(
            design, y, weight, ColumnRules.plain(design.n_active), fit_intercept=settings.fit_intercept,
            l1_ratio=ALL_COLUMNS,
        )
        return _appraise(settings, joint, w, b, objective)
    problems = _problems(settings, chunk, design, ALL_COLUMNS)
    found = [
        _appraise(settings, problem, of_output, float(intercept), float(objective))
        for problem, of_output, intercept, objective in zip(problems, w, b, objectives, strict=True)
    ]
    return Appraisal(
        sum(one.objective for one in found), max(one.dual_gap for one in found), max(one.violation for one in found)
    )


def _appraise(settings: StreamSettings, problem: Any, w: Vector, b: Any, objective: float) -> Appraisal:
    """Certify one loss, and warn where its minimum is far away for certain, but passes went on to look for it."""
    penalty = settings.penalty
    appraisal = appraise(problem, penalty, w, b, objective)
    if settings.seeks_minimum and FAR < appraisal.dual_gap < np.inf:
        gain = gain_of_a_descent(problem, penalty, w, b, objective)
        if gain > FAR:
            warnings.warn(
                f"The objective is {objective:.4g}, and one pass of coordinate descent lowers it by "
                f"{gain * problem.reference:.4g}: passes of stochastic steps stopped far from the minimum "
                f"(dual_gap_={appraisal.dual_gap:.2g}). Columns of very different scales are the usual reason: scale "
                "them, or choose another eta0, or set finish_tol.",
                ConvergenceWarning,
                stacklevel=frames_of_the_package(),
            )
    return appraisal


def finish_course(course: Course, chunk: Chunk, design: Design, seed: int) -> None:
    """Bring a fit to its end on the data that it was made of: sparse proximal SAGA, to a certified duality gap.

    Parameters
    ----------
    course : Course
        Of the elastic net; on return its coefficients are the solution.
    chunk : Chunk
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
    settings, penalty = course.settings, course.settings.penalty
    controls = Controls(settings.finish_tol, settings.max_iter, settings.n_threads)
    starts = zip(_on(_vectors(course), design.active), course.intercept, strict=True)
    solutions, centring = [], NOWHERE
    for problem, (w, b) in zip(_problems(settings, chunk, design, penalty.l1_ratio), starts, strict=True):
        # The same for every output.
        centring = problem.centring
        point = point_at(problem, w, float(b), penalty.alpha, controls)
        solutions.append(saga.finish(problem, penalty, point, controls, seed))
    warn_unconverged(solutions, np.full(len(solutions), penalty.alpha), controls)
    w = np.column_stack([solution.on(design.n_active).toarray().ravel() for solution in solutions])
    used = np.flatnonzero(w.any(axis=1))
    course.settle(design.active[used], w[used], np.array([solution.b for solution in solutions]))
    if centring.columns.size:
        # Cells round coefficients, and where columns are far from zero intercepts have to know.
        rounded = w.T - _on(_vectors(course), design.active)
        course.learner.intercept[0] += [centring.lost(of_output) for of_output in rounded]
    course.n_iter += max(solution.n_iter for solution in solutions)


def _problems(settings: StreamSettings, chunk: Chunk, design: Design, l1_ratio: float) -> Iterator[Problem]:
    """Make a problem of each output, without the columns that others can stand for at this share of L1."""
    for target in chunk.y.T:
        yield make_problem(
            design, np.ascontiguousarray(target), chunk.weight, ColumnRules.plain(design.n_active),
            loss=settings.objective, offset=None, smallest_alpha=settings.penalty.alpha, eliminate=False,
            fit_intercept=settings.fit_intercept, l1_ratio=l1_ratio, far=FAR_FOR_STEPS,
        )


def _vectors(course: Course) -> list[SparseCoef]:
    """Return the coefficients of each output."""
    coef = course.coef
    return [coef] if isinstance(coef, SparseCoef) else [coef.at(k) for k in range(coef.n_columns)]


def _on(vectors: list[SparseCoef], active: Ids) -> Vector:
    """Bring coefficients to compact columns, an array of shape (n_outputs, n_active)."""
    w = np.zeros((len(vectors), active.size))
    for row, vector in zip(w, vectors, strict=True):
        found, position = find_ids(vector.ids, active)
        row[position] = vector.values[found]
    return w


def _penalty_paid(penalty: Any, values: Vector) -> float:
    """Sum the penalty over coefficients."""
    ones = np.ones(values.size)
    return certificate.penalty_value(penalty, np.arange(values.size, dtype=np.int32), values, ones, ones)
