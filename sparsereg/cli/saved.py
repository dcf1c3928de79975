"""Saved models: what a model file holds, whatever made it, and the estimator or path at the heart of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsereg.coef import SparseCoef
from sparsereg.estimators.base import SparseLinearModel
from sparsereg.estimators.table_model import TableModel
from sparsereg.inputs.sklearn import check_is_fitted
from sparsereg.metrics import GREATER_IS_BETTER
from sparsereg.model_files.api import load_model
from sparsereg.path.result import RegularizationPath


@dataclass(frozen=True)
class Saved:
    """A model file.

    Attributes
    ----------
    file : str
        Its name.
    whole : object
        As it was saved: a model, a TableModel, a Pipeline.
    model : estimator or RegularizationPath
        At the heart of it.
    names : object or None
        What made the columns of the model, as `to_frame` takes it; None: nobody knows.
    """

    file: str
    whole: Any
    model: Any
    names: Any

    @property
    def is_composed(self) -> bool:
        """Whether scikit-learn makes the columns: a Pipeline, or a model of transformed targets."""
        return self.whole is not self.model and not isinstance(self.whole, TableModel)

    @property
    def path(self) -> RegularizationPath | None:
        """The path that the file holds: itself, or the one that a cross-validation chose from."""
        return self.model if isinstance(self.model, RegularizationPath) else vars(self.model).get("path_")

    @property
    def column_names(self) -> list[str] | None:
        """The columns of a table that predictions are made of, None where columns have no names."""
        if isinstance(self.whole, TableModel):
            return self.whole.columns
        names = getattr(self.whole, "feature_names_in_", None)
        if isinstance(self.whole, RegularizationPath):
            names = self.whole.feature_names
        if names is None:
            return None
        used = _used_positions(self.whole)
        return [str(name) for k, name in enumerate(names) if used is None or k in used]

    def at(self, alpha: float | None) -> tuple[SparseCoef, np.ndarray[Any, Any]]:
        """Return coefficients and intercepts, of a path at an alpha.

        Parameters
        ----------
        alpha : float or None

        Raises
        ------
        ValueError
            For a path without an alpha, and for an alpha of what is no path.
        """
        if alpha is None and not isinstance(self.model, RegularizationPath):
            coef, intercepts = self.model._effective()
            return coef, np.atleast_1d(intercepts)
        path, alpha = self.path_at(alpha)
        coef, intercepts = path.at(alpha)
        return coef, np.atleast_1d(intercepts)

    def path_at(self, alpha: float | None) -> tuple[RegularizationPath, float]:
        """Return the path of which one alpha is wanted, and that alpha.

        Parameters
        ----------
        alpha : float or None
            One as tables print it, in four digits, is that of the grid.

        Returns
        -------
        path : RegularizationPath
        alpha : float

        Raises
        ------
        ValueError
            As `at`.
        """
        path = self.path
        if path is None:
            raise ValueError(f"--alpha: {self.file} holds a {type(self.model).__name__}, only a path needs one")
        if alpha is None:
            raise ValueError(
                f"--alpha: {self.file} holds a path of {path.alphas.size} alphas, expected one in "
                f"[{path.alphas[-1]:.4g}, {path.alphas[0]:.4g}]{self._advice()}"
            )
        printed = [float(f"{known:.4g}") for known in path.alphas]
        alpha = float(path.alphas[printed.index(alpha)]) if alpha in printed else alpha
        path.at(alpha)
        return path, alpha

    def _advice(self) -> str:
        best = best_held_out(self.whole)
        return "" if best is None else f", such as {best[2]:.4g}, where {best[0]} of the rows held out is best"


def _used_positions(whole: Any) -> set[int] | None:
    """Find the columns that a ColumnTransformer in front does not drop: new data may lack the others."""
    while not hasattr(whole, "transformers_"):
        if hasattr(whole, "regressor_"):
            whole = whole.regressor_
        elif hasattr(whole, "steps"):
            whole = whole.steps[0][1]
        else:
            return None
    positions = whole._transformer_to_input_indices
    dropped = {name for name, step, _ in whole.transformers_ if isinstance(step, str) and step == "drop"}
    return {k for name, columns in positions.items() if name not in dropped for k in columns}


def best_held_out(whole: Any) -> tuple[str, int, float] | None:
    """Find the alpha of a path that did best on the rows that were held out.

    Parameters
    ----------
    whole : object

    Returns
    -------
    best : tuple of the measure, the position and the alpha, or None
        None: it is no path, or no rows were held out.
    """
    measures = getattr(whole, "held_out", None)
    if measures is None or not isinstance(whole.model, RegularizationPath):
        return None
    alphas = whole.model.alphas
    for name, values in measures.items():
        if name not in ("alpha", "n_nonzero", "n_samples") and np.shape(values) == alphas.shape:
            if not np.isfinite(values).any():
                continue
            k = best_position(name, values)
            return name, k, float(alphas[k])
    return None


def best_position(measure: str, values: Any) -> int:
    """Return the position of the best of several values of a measure; NaN is none.

    Parameters
    ----------
    measure : str
    values : array-like of float of shape (n,)

    Returns
    -------
    position : int
    """
    return int(np.nanargmax(values) if measure in GREATER_IS_BETTER else np.nanargmin(values))


def load_saved(file: str) -> Saved:
    """Read a model file.

    Parameters
    ----------
    file : str

    Returns
    -------
    saved : Saved

    Raises
    ------
    ValueError
        For what is no model of this library, and for a transformer alone.
    OSError
    """
    return opened(file, load_model(file))


def opened(file: str, whole: Any) -> Saved:
    """Look for the model in what was loaded.

    Parameters
    ----------
    file : str
    whole : object

    Returns
    -------
    saved : Saved

    Raises
    ------
    ValueError
        Where there is none.
    """
    model, names = whole, None
    if isinstance(model, TableModel):
        return Saved(file, whole, model.model, model)
    while not isinstance(model, SparseLinearModel | RegularizationPath):
        if hasattr(model, "steps"):
            names, model = model if names is None else names, model.steps[-1][1]
        elif hasattr(model, "regressor_"):
            model = model.regressor_
        else:
            raise ValueError(f"{file}: holds a {type(model).__name__}, expected a model that predicts")
    if isinstance(model, SparseLinearModel):
        check_is_fitted(model)
        known = getattr(model, "feature_names_in_", None)
    else:
        known = model.feature_names
    return Saved(file, whole, model, known if names is None else names)


def classes_of(saved: Saved) -> Any:
    """Return the classes that a model tells apart.

    Parameters
    ----------
    saved : Saved

    Returns
    -------
    classes : ndarray of shape (n_classes,) or None
    """
    return saved.model.classes_ if hasattr(saved.model, "classes_") else getattr(saved.path, "labels", None)
