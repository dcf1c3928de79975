"""Out-of-fold predictions: what the fits of every fold say of the rows that they have not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.coef import Nonzeros, SparseCoef
from sparsereg.design import Design, select_rows
from sparsereg.inputs.rows import as_rows
from sparsereg.model_selection.folds import Fold
from sparsereg.path.result import RegularizationPath
from sparsereg.solvers.base import Solution

Vector = npt.NDArray[np.float64]


def predict_out_of_fold(
    path: RegularizationPath, fits: Sequence[Sequence[Solution]], folds: Sequence[Fold], X: Any, design: Design,
    offset: Vector | None,
) -> Vector:
    """Predict the mean target of every row by the fits of the folds that hold it out.

    Parameters
    ----------
    path : RegularizationPath
        The fits on all data, whose alphas and loss are those of the folds.
    fits : sequence of sequence of Solution
        Of every fold, one for each alpha.
    folds : sequence of Fold
    X : matrix of shape (n_samples, n_features)
        As it was given: rows of weight 0 are not in the design.
    design : Design
        Of the fits.
    offset : ndarray of float64 of shape (n_samples,), beyond two classes (n_samples, n_classes), or None

    Returns
    -------
    predictions : ndarray of float64 of shape (n_samples, n_alphas), beyond two classes (n_samples, n_alphas, n_classes)
        As `RegularizationPath.predict` gives them; their mean for rows that several folds hold out, NaN for those that
        none does.
    """
    rows, shape = as_rows(X), path.intercepts.shape
    total, count = np.zeros((rows.n_samples, *shape)), np.zeros(rows.n_samples)
    for fold, of_fold in zip(folds, fits):
        is_test = np.zeros(rows.n_samples, dtype=bool)
        is_test[fold.test] = True
        coefs = Nonzeros.joined([fit.nonzeros for fit in of_fold])
        fold_path = replace(
            path, sparse_coef=SparseCoef.from_active(design.active, coefs, design.n_features),
            intercepts=np.stack([fit.b for fit in of_fold]).reshape(shape), feature_names=None,
        )
        of_test = None if offset is None else offset[is_test]
        total[is_test] += fold_path.predict(select_rows(rows, is_test), offset=of_test)
        count[is_test] += 1.0
    with np.errstate(invalid="ignore"):
        return np.divide(total, count.reshape(-1, *[1] * len(shape)), out=total)
