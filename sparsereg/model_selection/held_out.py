"""Held-out scores of a fold: metrics of predictions for the rows that its fits have not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import columns as column_passes
from sparsereg.design import Design
from sparsereg.metrics import SHARES, JudgedRows, has_no_deviance
from sparsereg.solvers.base import Solution
from sparsereg.solvers.null_deviance import null_deviance

Vector = npt.NDArray[np.float64]


class HeldOut:
    """The held-out rows of a fold, on aggregated rows where the loss lets them stand for their samples.

    Parameters
    ----------
    design : Design
    loss : registered loss
    y : ndarray of float64 of shape (n_samples,), or (n_samples, n_classes) beyond two classes
        As the loss takes it.
    weight : ndarray of float64 of shape (n_samples,)
        0 for samples that are not in it.
    offset : ndarray of float64 of the shape of y or None
    names : sequence of str
        Metrics to take.
    """

    def __init__(
        self, design: Design, loss: Any, y: Vector, weight: Vector, offset: Vector | None, names: Sequence[str]
    ):
        self._design, within = design, 0.0
        self._offset: Vector | float = 0.0
        self._rows: npt.NDArray[Any]
        # Of a design whose columns are full, the rows that are held out.
        self._block: Vector | None = None
        left = design.left_within(weight)
        if offset is None and loss.is_likelihood:
            grouped = [design.aggregate(column, weight) for column in np.ascontiguousarray(np.atleast_2d(y.T))]
            self._rows = np.flatnonzero(grouped[0].weight > 0.0)
            means = np.stack([of_class.mean[self._rows] for of_class in grouped], axis=1)
            of_rows, row_weight = means if y.ndim == 2 else means[:, 0], grouped[0].weight[self._rows]
            within = loss.deviance_within(y, weight, of_rows, row_weight, grouped[0].within)
        else:
            samples = np.flatnonzero((weight > 0.0) & (design.row_of >= 0))
            self._rows, of_rows, row_weight = design.row_of[samples], y[samples], weight[samples]
            self._offset = 0.0 if offset is None else offset[samples]
        if design.is_dense:
            self._block = design.data.reshape(design.n_active, design.n_rows)[:, self._rows].astype(np.float64)
        within += 2.0 * left / float(row_weight.sum())
        shares = SHARES.intersection(names)
        null = null_deviance(loss, of_rows, row_weight, self._offset) if shares else None
        # What a constant predicts exactly leaves no deviance to explain, and a share of nothing says nothing.
        flat = null == 0.0
        if null is None:
            flat = has_no_deviance(y[(weight > 0.0) & (design.row_of >= 0)], loss)
        flat = flat and left == 0.0
        self._judge = JudgedRows(names, loss, of_rows, row_weight, within=within, null=null)
        self._undefined = dict.fromkeys(shares, np.nan) if flat else {}

    def __call__(self, solution: Solution) -> dict[str, float]:
        """Score a solution; NaN is for what these rows leave undefined. Cost: one pass over its columns."""
        coefs = solution.nonzeros
        predictors = [
            self._product(coefs.indices[start:end], coefs.data[start:end])
            for start, end in zip(coefs.indptr, coefs.indptr[1:])
        ]
        predictor = np.stack(predictors, axis=1) if len(predictors) > 1 else predictors[0]
        return self._judge(predictor + (solution.b + self._offset)) | self._undefined

    def _product(self, columns: npt.NDArray[np.int32], w: Vector) -> Vector:
        """Compute X w on the held-out rows."""
        if self._block is not None:
            return w @ self._block[columns]
        design, of_rows = self._design, np.zeros(self._design.n_rows)
        column_passes.accumulate(design.data, design.indices, design.indptr, columns, w, of_rows)
        return of_rows[self._rows]
