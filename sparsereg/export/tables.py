"""Weights as tables, one row a non-zero, and Parquet files of them: what SQL engines score with by a join."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.archive import replace_file
from sparsereg.estimators.table_model import TableModel
from sparsereg.export.plain import as_json
from sparsereg.export.scorer import Scorer
from sparsereg.features.names import SIDES, name_columns
from sparsereg.inputs.versions import library_version
from sparsereg.path.result import RegularizationPath

FORMAT, VERSION = "sparsereg weights", 1


def to_parquet(
    model: Any, path: str | os.PathLike[str], *, names: Any = None, alpha: float | None = None
) -> None:
    """Write the weights of a model as a Parquet file, one row a non-zero.

    Parameters
    ----------
    model : fitted estimator, RegularizationPath, TableModel or scikit-learn Pipeline
        Batch, streaming or cross-validated; a Pipeline that ends in one of these. A calibration
        (`calibrate`) becomes part of weights and intercepts.
    path : str or path-like
        File to write. Whatever happens, it is there as a whole or as it was.
    names : transformer, Pipeline, reader of tables, array-like of str, mapping or callable, default=None
        What made the columns, or their names, as in `Lasso.to_frame`. None: the features of a TableModel, the steps
        before the model in a Pipeline, else the columns of the data frame that the model was fitted to, if it was.
    alpha : float or None, default=None
        For a path: one of its alphas, or between two of them.

    Raises
    ------
    TypeError
        For what is not a model, for labels that are neither strings, numbers nor truth values, and for anything else in
        the place of names.
    ValueError
        For a model that was not fitted, and for names of another width than the model.
    ImportError
        Without pyarrow: ``pip install 'sparsereg-wide[io]'``.
    OSError
        A folder that is missing, a disk that is full: the file that was there is untouched.

    Notes
    -----
    Columns: ``id`` (int64, ascending), ``name`` where there are names, beyond two classes ``class`` (the label),
    ``weight`` (double), and where names are those of cells ``south``, ``west``, ``north`` and ``east`` (double,
    degrees; null for columns that are no cells).

    The metadata of the schema have, under the key ``sparsereg``, JSON with "format", "version", "sparsereg" (the
    version of this library), "loss", "link" ("identity", "logit", "softmax" or "log"), "classes" (or null),
    "intercepts" (one for each linear predictor), "n_features", "has_offset" and "offset_slope" (how often an offset
    counts: the slope of a calibration, else 1). Integers beyond 2**53 are text there.
    """
    model, known = _split(model)
    known = known if names is None else names
    scorer = Scorer.of(model, alpha)
    header = {"format": FORMAT, "version": VERSION, "sparsereg": library_version(), **scorer.header()}
    arrow, parquet = _import("pyarrow"), _import("pyarrow.parquet")
    # Degrees that are NaN become null.
    arrays = {name: arrow.array(column, from_pandas=True) for name, column in columns(scorer, known).items()}
    table = arrow.table(arrays).replace_schema_metadata({"sparsereg": as_json(header)})
    replace_file(path, lambda file: parquet.write_table(table, file, compression="zstd"))


def columns(scorer: Scorer, names: Any = None) -> dict[str, npt.NDArray[Any]]:
    """Return the non-zeros of a model as columns of equal length, ids ascending, classes of an id in their order.

    Parameters
    ----------
    scorer : Scorer
    names
        As `name_columns` takes them; None: no names.

    Returns
    -------
    columns : dict of ndarray
        "id" (int64), "name" where there are names, beyond two classes "class", "weight" (float64), and "south", "west",
        "north" and "east" (float64) where names know of cells.
    """
    entries = scorer.coef.values.tocsr()
    entries.sort_indices()
    rows = np.repeat(np.arange(scorer.coef.ids.size), np.diff(entries.indptr))
    out: dict[str, npt.NDArray[Any]] = {"id": scorer.coef.ids[rows]}
    found, bounds = (None, None) if names is None else name_columns(names, scorer.coef.ids, scorer.n_features)
    if found is not None:
        out["name"] = found[rows]
    if scorer.classes is not None and scorer.n_outputs > 1:
        out["class"] = scorer.classes[entries.indices]
    out["weight"] = entries.data
    return out if bounds is None else out | {side: bounds[side][rows] for side in SIDES}


def _split(model: Any) -> tuple[Any, Any]:
    """Return the model itself, and what names its columns, whatever the steps before it are."""
    if isinstance(model, TableModel):
        return model.model, model
    return (model.steps[-1][1], model) if hasattr(model, "steps") else (model, _known_names(model))


def _known_names(model: Any) -> Any:
    """Return the columns of the data frame that a model or a path was fitted to, None where it was none."""
    return model.feature_names if isinstance(model, RegularizationPath) else getattr(model, "feature_names_in_", None)


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ImportError("to_parquet needs pyarrow: pip install 'sparsereg-wide[io]'") from None
