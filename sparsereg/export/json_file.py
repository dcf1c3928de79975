"""A model as strict JSON that scores wherever JSON can be read, with the definition of the crosses before it."""

from __future__ import annotations

import os
from typing import Any

from sparsereg.archive import replace_file
from sparsereg.estimators.table_model import TableModel
from sparsereg.export.crosses import check_cross, describe
from sparsereg.export.plain import EXACT, pieces_of_json, plain
from sparsereg.export.scorer import Scorer, split_pipeline
from sparsereg.inputs.versions import library_version
from sparsereg.readers.table_columns import width_of

FORMAT, VERSION = "sparsereg model", 1


def to_json(
    model: Any, path: str | os.PathLike[str], *, transformer: Any = None, alpha: float | None = None
) -> None:
    """Write a model as one JSON file that holds all it takes to score, for instance in a browser.

    ``sparsereg/export/exports.md`` has 20 lines of JavaScript that do it.

    Parameters
    ----------
    model : fitted estimator, RegularizationPath, TableModel or scikit-learn Pipeline
        Batch, streaming or cross-validated; a Pipeline of one of the crosses and one of these. A calibration
        (`calibrate`) becomes part of weights and intercepts.
    path : str or path-like
        File to write. Whatever happens, it is there as a whole or as it was.
    transformer : None, LatLongCross or FeatureCross, default=None
        The crosses that made the columns, whose definition then becomes part of the file.
    alpha : float or None, default=None
        For a path: one of its alphas, or between two of them.

    Raises
    ------
    TypeError
        For what is not a model or not a transformer of these kinds, and for labels that are neither strings, numbers
        nor truth values.
    ValueError
        For a model that was not fitted, and for a transformer of another width than the model.
    OSError
        A folder that is missing, a disk that is full: the file that was there is untouched.

    Notes
    -----
    An object with these keys, in which integers beyond 2**53 are text and floats have the digits that read back as the
    same bits:

    =================  =============================================================================================
    ``format``         "sparsereg model"; ``version``: 1; ``sparsereg``: the version of this library
    ``loss``           registered name; ``link``: "identity", "logit", "softmax" or "log"
    ``classes``        labels, or null for a regressor
    ``intercepts``     one for each linear predictor: one for each class if there are more than two, else one
    ``n_features``     width of the data; ``has_offset``: whether predictions need an offset, which then counts
                       ``offset_slope`` times
    ``ids``            of the non-zeros, ascending
    ``weights``        theirs, as many
    ``outputs``        beyond two classes, as many: position of the class in ``classes``; else null
    ``transformer``    null, or the definition of the crosses: "kind" and all that ids are computed from; of a
                       TableModel "kind" is "Table", with "missing" and "parts", side by side: the "columns" of a part,
                       the id at which those of the part "start", and the "transformer", null for numbers as they are
    =================  =============================================================================================
    """
    model, transformer = split_pipeline(model, transformer)
    scorer = Scorer.of(model, alpha)
    made_by = None if transformer is None else _described(transformer, scorer.n_features)
    entries = scorer.coef.values.tocsr()
    entries.sort_indices()
    ids = scorer.coef.ids.repeat(entries.indptr[1:] - entries.indptr[:-1]).tolist()
    content = {
        "format": FORMAT, "version": VERSION, "sparsereg": library_version(), **scorer.header(),
        "ids": [k if k <= EXACT else str(k) for k in ids],
        "weights": entries.data.tolist(),
        "outputs": None if scorer.n_outputs == 1 else entries.indices.tolist(),
        "transformer": made_by,
    }  # fmt: skip
    replace_file(path, lambda file: file.writelines(piece.encode("ascii") for piece in pieces_of_json(content)))


def _described(transformer: Any, n_features: int) -> dict[str, Any]:
    """Return the definition of what makes the columns."""
    if not isinstance(transformer, TableModel):
        return describe(check_cross(transformer, n_features))
    parts, start = [], 0
    for part in transformer._parts:
        width = width_of(part, transformer.missing == "indicator") or 0
        made_by = None if part.transformer is None else describe(check_cross(part.transformer, width))
        parts.append({"columns": part.columns, "start": plain(start), "transformer": made_by})
        start += width
    return {"kind": "Table", "missing": transformer.missing, "parts": parts}
