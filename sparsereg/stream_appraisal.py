"""What a streaming fit is worth on data in memory: F, certified as the batch fits are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import certificate
from sparsereg.chunks import Chunk
from sparsereg.coef import PathCoef, SparseCoef
from sparsereg.course import Course
from sparsereg.design import find_ids, make_design
from sparsereg.solvers.appraisal import Appraisal, appraise
from sparsereg.solvers.multinomial_problem import make_multinomial_problem
from sparsereg.solvers.problem import ColumnRules, make_problem

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
    design = make_design(rows, weight)
    rules = ColumnRules.plain(design.n_active)
    w, b = _on(course.coef, design.active), course.intercept
    common = {"fit_intercept": settings.fit_intercept, "l1_ratio": penalty.l1_ratio}
    if course.learner.softmax:
        problem = make_multinomial_problem(design, y, weight, rules, **common)
        paid = _penalty_paid(penalty, np.concatenate(list(w)))
        return appraise(problem, penalty, w, b, course.mean_loss(rows, y, weight) + paid)
    found = []
    for k in range(y.shape[1]):
        target = np.ascontiguousarray(y[:, k])
        problem = make_problem(
            design, target, weight, rules, loss=settings.objective, offset=None, smallest_alpha=penalty.alpha,
            eliminate=False, **common,
        )
        objective = course.mean_loss(rows, y, weight, output=k) + _penalty_paid(penalty, w[k])
        found.append(appraise(problem, penalty, w[k], float(b[k]), objective))
    return Appraisal(
        sum(one.objective for one in found), max(one.dual_gap for one in found), max(one.violation for one in found)
    )


def _on(coef: SparseCoef | PathCoef, active: Ids) -> Vector:
    """Bring coefficients to compact columns, an array of shape (n_outputs, n_active)."""
    vectors = [coef] if isinstance(coef, SparseCoef) else [coef.at(k) for k in range(coef.n_columns)]
    w = np.zeros((len(vectors), active.size))
    for row, vector in zip(w, vectors, strict=True):
        found, position = find_ids(vector.ids, active)
        row[position] = vector.values[found]
    return w


def _penalty_paid(penalty: Any, w: Vector) -> float:
    """Sum the penalty over coefficients."""
    values = w[w != 0.0]
    ones = np.ones(values.size)
    return certificate.penalty_value(penalty, np.arange(values.size, dtype=np.int32), values, ones, ones)
