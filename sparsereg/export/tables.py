"""Weights as tables, one row a non-zero, and Parquet files of them: what SQL engines score with by a join."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.archive import replace_file
from sparsereg.export.plain import as_json, plain
from sparsereg.export.scorer import Scorer, last_and_first
from sparsereg.inputs.versions import library_version

FORMAT, VERSION = "sparsereg weights", 1


def to_parquet(model: Any, path: str | os.PathLike[str], *, alpha: float | None = None) -> None:
    """Write the weights of a model as a Parquet file, one row a non-zero.

    Parameters
    ----------
    model : fitted estimator, RegularizationPath or scikit-learn Pipeline
        Batch, streaming or cross-validated; a Pipeline of a transformer and one of these.
    path : str or path-like
        File to write. Whatever happens, it is there as a whole or as it was.
    alpha : float or None, default=None
        For a path: one of its alphas, or between two of them.

    Raises
    ------
    TypeError
        For what is not a model, and for labels that are neither strings, numbers nor truth values.
    ValueError
        For a model that was not fitted.
    ImportError
        Without pyarrow: ``pip install 'sparsereg-wide[io]'``.
    OSError
        A folder that is missing, a disk that is full: the file that was there is untouched.

    Notes
    -----
    Columns: ``id`` (int64, ascending), beyond two classes ``class`` (its label), and ``weight`` (double). The metadata
    of the schema have, under the key ``sparsereg``, JSON with "format", "version", "sparsereg" (the version of this
    library), "loss", "link" ("identity", "logit", "softmax" or "log"), "classes" (or null), "intercepts" (one for each
    linear predictor), "n_features" and "has_offset". Integers beyond 2**53 are text there.
    """
    model, _ = last_and_first(model, None)
    scorer = Scorer.of(model, alpha)
    header = {"format": FORMAT, "version": VERSION, "sparsereg": library_version(), **scorer.header(plain)}
    arrow, parquet = _import("pyarrow"), _import("pyarrow.parquet")
    table = arrow.table(columns(scorer)).replace_schema_metadata({"sparsereg": as_json(header)})
    replace_file(path, lambda file: parquet.write_table(table, file, compression="zstd"))


def columns(scorer: Scorer) -> dict[str, npt.NDArray[Any]]:
    """Return the non-zeros of a model as columns of equal length, ids ascending, classes of an id in their order.

    Parameters
    ----------
    scorer : Scorer

    Returns
    -------
    columns : dict of ndarray
        "id" (int64), beyond two classes "class", and "weight" (float64).
    """
    entries = scorer.coef.values.tocsr()
    entries.sort_indices()
    ids = np.repeat(scorer.coef.ids, np.diff(entries.indptr))
    if scorer.classes is None or scorer.n_outputs == 1:
        return {"id": ids, "weight": entries.data}
    return {"id": ids, "class": scorer.classes[entries.indices], "weight": entries.data}


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ImportError("to_parquet needs pyarrow: pip install 'sparsereg-wide[io]'") from None
