"""Warm starts of streaming fits: coefficients in any form -> the state of a learner."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg.coef import SparseCoef
from sparsereg.inputs.rows import as_numeric
from sparsereg.streaming.batch import canonical_rows
from sparsereg.streaming.training import Training

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]


def start_from(training: Training, coef: Any, intercept: Any) -> None:
    """Give a learner coefficients before its first row.

    Parameters
    ----------
    training : Training
    coef : None, array-like, SciPy sparse matrix or SparseCoef
        As `fit` takes it.
    intercept : None, float or array-like of shape (n_outputs,)

    Raises
    ------
    ValueError
        For another shape, numbers that are not finite, and where the algorithm cannot start elsewhere than at 0.
    """
    n_outputs = training.learner.n_outputs
    ids, w = _read_coefficients(coef, n_outputs, training.n_features)
    _check_start(training, w)
    if intercept is not None:
        numbers = np.atleast_1d(as_numeric(intercept, "intercept_init")).astype(np.float64).ravel()
        if numbers.shape != (n_outputs,) or not np.isfinite(numbers).all():
            raise ValueError(f"intercept_init: {intercept!r} is not allowed, expected {n_outputs} finite number(s)")
        intercept = numbers
    training.learner.start_from(ids, w, intercept)
    training.start = ids, w


def _check_start(training: Training, w: Vector) -> None:
    """Refuse starts that the state of an optimiser cannot hold."""
    settings = training.settings
    if not training.learner.optimizer.is_adaptive or not w.any():
        return
    if settings.optimizer["beta"] == 0.0:
        raise ValueError(
            f"beta: 0 is not allowed with a warm start of algorithm={settings.algorithm!r}, expected a number above 0"
        )
    if settings.optimizer["total_weight"] and not settings.penalty.is_convex:
        raise ValueError(
            f"total_weight: {settings.fixed_while_training['total_weight']!r} is not allowed with a warm start and "
            f"penalty={settings.fixed_while_training['penalty']!r}, expected None"
        )


def _read_coefficients(coef: Any, n_outputs: int, n_features: int) -> tuple[Ids, Vector]:
    """Bring coefficients of any kind to distinct ids and an array of shape (n_ids, n_outputs)."""
    if coef is None:
        return np.empty(0, dtype=np.int64), np.empty((0, n_outputs))
    if isinstance(coef, SparseCoef):
        coef = coef.to_csr()
    if not sparse.issparse(coef):
        coef = np.atleast_2d(as_numeric(coef, "coef_init"))
    if coef.shape != (n_outputs, n_features):
        raise ValueError(f"coef_init: shape {coef.shape} is not allowed, expected ({n_outputs}, {n_features})")
    rows = canonical_rows(coef)
    ids = np.unique(rows.indices[: rows.indptr[-1]]).astype(np.int64)
    w = np.zeros((ids.size, n_outputs))
    for k in range(n_outputs):
        some = slice(rows.indptr[k], rows.indptr[k + 1])
        w[np.searchsorted(ids, rows.indices[some]), k] = rows.data[some] if rows.data.size else 1.0
    return ids, w
