"""What a streaming fit is worth on data in memory: F, certified as the batch fits are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import certificate
from sparsereg._core.penalties import ElasticNet
from sparsereg.coef import SparseCoef
from sparsereg.design import find_ids, make_design
from sparsereg.solvers.appraisal import Appraisal, appraise
from sparsereg.solvers.multinomial_problem import make_multinomial_problem
from sparsereg.solvers.problem import ColumnRules, make_problem
from sparsereg.streaming.chunks import Chunk
from sparsereg.streaming.course import Course

__all__ = ["appraise_course"]

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]


def appraise_course(course: Course, chunk: Chunk) -> Appraisal:
    """Certify a fit on the data that it was made of.

    Parameters
    ----------
    course : Course
    chunk : Chunk
        All rows.

    Returns
    -------
    appraisal : Appraisal
        Of classes that were fitted one against the rest: the sum of the objectives, and the worst of the rest.
    """
    rows, y, weight = chunk.rows, chunk.y, chunk.weight
    settings, penalty = course.settings, course.settings.penalty
    coef, b = course.coef, course.intercept
    vectors = [coef] if isinstance(coef, SparseCoef) else [coef.at(k) for k in range(coef.n_columns)]
    paid = np.array([_penalty_paid(penalty, vector.values) for vector in vectors])
    objectives = course.losses(rows, y, weight) + (paid.sum() if course.learner.softmax else paid)
    design = make_design(rows, weight)
    rules, w = ColumnRules.plain(design.n_active), _on(vectors, design.active)
    common = {"fit_intercept": settings.fit_intercept, "l1_ratio": penalty.l1_ratio}
    if course.learner.softmax:
        objective = float(objectives[0])
        if not isinstance(penalty, ElasticNet):
            return Appraisal(objective, np.nan, np.nan)
        joint = make_multinomial_problem(design, y, weight, rules, **common)
        return appraise(joint, penalty, w, b, objective)
    found = []
    for target, of_output, intercept, objective in zip(y.T, w, b, objectives, strict=True):
        problem = make_problem(
            design, np.ascontiguousarray(target), weight, rules, loss=settings.objective, offset=None,
            smallest_alpha=penalty.alpha, eliminate=False, **common,
        )
        found.append(appraise(problem, penalty, of_output, float(intercept), float(objective)))
    return Appraisal(
        sum(one.objective for one in found), max(one.dual_gap for one in found), max(one.violation for one in found)
    )


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
