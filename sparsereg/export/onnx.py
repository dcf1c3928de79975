"""ONNX graphs that score: ids, points or categories to weights, their sum, and the link."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.archive import replace_file
from sparsereg.export.crosses import REFUSED, describe, is_hashed
from sparsereg.export.graph import Graph
from sparsereg.export.plain import as_json, plain
from sparsereg.export.scorer import Scorer, split_pipeline
from sparsereg.export.transformers import Features, add_features
from sparsereg.inputs.parameters import check_choice, check_flag
from sparsereg.inputs.versions import library_version

LARGEST = 2**31 - 2**20  # bytes of weights: ONNX files end at 2 GiB


def to_onnx(
    model: Any, path: str | os.PathLike[str], *, transformer: Any = None, alpha: float | None = None,
    values: bool = False, compress: str | None = None,
) -> None:
    """Write a model as one ONNX graph, which looks the ids of a row up and needs no array as wide as the data.

    The graph is made of standard operators (opset 18; `ai.onnx.ml` 4, whose LabelEncoder is the table of weights) and
    computes in double precision.

    Parameters
    ----------
    model : fitted estimator, RegularizationPath, TableModel or scikit-learn Pipeline
        Batch, streaming or cross-validated; a Pipeline of a transformer and one of these. A calibration
        (`calibrate`) becomes part of weights and intercepts.
    path : str or path-like
        File to write. Whatever happens, it is there as a whole or as it was.
    transformer : None, LatLongCross, FeatureCross or one of scikit-learn, default=None
        What made the columns; the graph then begins before it. Of scikit-learn a OneHotEncoder, a StandardScaler, or a
        ColumnTransformer whose steps are these, exact crosses or "passthrough", without `transformer_weights`. A hashed
        FeatureCross cannot be part of a graph, as ONNX has no operator that reads letters: the graph takes ids, which
        ``sparsereg/features/hashing.md`` says how to compute in a few lines of any language, and its metadata name the
        cross.
    alpha : float or None, default=None
        For a path: one of its alphas, or between two of them.
    values : bool, default=False
        Whether the graph takes values beside ids, for columns that are not all ones. Not with a transformer.
    compress : {None, "float32"}, default=None
        "float32" keeps weights in 4 bytes instead of 8, with a relative error up to 6e-8 each.

    Raises
    ------
    TypeError
        For what is not a model, for a transformer or a step of another kind, and for labels that are neither numbers,
        truth values nor strings.
    ValueError
        For a model that was not fitted, a transformer of another width than the model, and weights beyond 2 GiB.
    ImportError
        Without onnx: ``pip install 'sparsereg-wide[onnx]'``.
    OSError
        A folder that is missing, a disk that is full: the file that was there is untouched.

    Notes
    -----
    Inputs, for n rows:

    ==================  ============================================================================================
    ``ids``             int64 (n, k): ids of the columns of each row that are not zero, in any order; -1 fills rows
                        that have fewer than k. Ids without a weight, which is most of them, count 0
    ``values``          double (n, k), with ``values=True``: their values; any finite ones beside -1
    ``points``          double (n, 2), with a LatLongCross in the place of ids: latitude and longitude in degrees
    each column         (n,), with an exact FeatureCross in the place of ids, under the name of the column (``x0``,
                        ``x1`` where it has none), for columns that take part: int64 where all its categories are whole
                        numbers of 64 bits, else string, the text of the category. With those of scikit-learn too:
                        double for coordinates and numbers, and what a OneHotEncoder was fitted to
    ``offset``          double (n,), beyond two classes (n, n_classes), of models that were fitted with an offset
    ==================  ============================================================================================

    Outputs, named as skl2onnx names them:

    ==================  ============================================================================================
    ``label``           (n,): classifiers, as `predict`
    ``probabilities``   double (n, n_classes): of logistic loss, as `predict_proba`
    ``scores``          double (n, 1), beyond two classes (n, n_classes): of squared hinge loss, as `decision_function`
    ``variable``        double (n, 1): regressors, as `predict`
    ``ids``             int64 (n, k): with a transformer in the graph, the ids of the columns that it found to be one,
                        -1 where there is none
    ==================  ============================================================================================

    A graph cannot raise errors. A row that `transform` refuses (coordinates out of range or not finite; with
    ``handle_unknown="error"`` unknown categories) has ids -2 there and NaN for every prediction; its label is the first
    class.
    """
    model, transformer = split_pipeline(model, transformer)
    scorer = Scorer.of(model, alpha)
    if check_flag(values, "values") and transformer is not None:
        raise ValueError("values: True is not allowed with a transformer, which makes them itself")
    dtype = _check_compress(compress, scorer)
    graph = Graph()
    features = add_features(graph, transformer, scorer.n_features)
    given = graph.input("values", np.float64, ("n", "k")) if values else None
    _add_predictions(graph, scorer, _add_predictors(graph, scorer, features, given, dtype))
    if features.ids is not None and features.axis == 0:
        graph.output(graph.node("Transpose", features.ids, perm=[1, 0]), "ids", np.int64, ("n", features.n_ids))
    facts = {"loss": scorer.loss, "link": scorer.link, "n_features": plain(scorer.n_features)}
    if is_hashed(transformer):
        facts["transformer"] = describe(transformer)
    content = graph.serialized(library_version(), {"sparsereg": as_json(facts)})
    replace_file(path, lambda file: file.write(content))


def _check_compress(compress: str | None, scorer: Scorer) -> np.dtype[Any]:
    """Return the type of the weights, unless they are too many."""
    if compress is not None:
        check_choice(compress, "compress", ("float32",))
    dtype = np.dtype(np.float64 if compress is None else np.float32)
    size = scorer.coef.ids.size * (8 + dtype.itemsize * scorer.n_outputs)
    if size > LARGEST:
        raise ValueError(f"model: its weights take {size} bytes, more than an ONNX file can hold ({LARGEST})")
    return dtype


def _add_predictors(
    graph: Graph, scorer: Scorer, features: Features, values: str | None, dtype: np.dtype[Any]
) -> str:
    """Add linear predictors: double (n,), of several (n, n_outputs)."""
    one = scorer.n_outputs == 1
    terms = [graph.constant(scorer.intercepts[0] if one else scorer.intercepts)]
    if features.ids is not None:
        weights = _add_weights(graph, scorer, features.ids, dtype, refuses=features.axis == 0)
        if values is not None:
            weights = graph.node("Mul", weights, values if one else graph.node("Unsqueeze", values, np.array([2])))
        terms.append(graph.node("ReduceSum", weights, np.array([features.axis]), keepdims=0))
    if features.numbers is not None:
        w = scorer.coef.on(features.positions)
        # Weights first: onnxruntime 1.32 joins a transposition and a product with a vector into something wrong.
        term = graph.node("MatMul", w[0] if one else w, features.numbers)
        terms.append(term if one else graph.node("Transpose", term, perm=[1, 0]))
    if scorer.has_offset:
        shape: tuple[str | int, ...] = ("n",) if one else ("n", scorer.n_outputs)
        offset = graph.input("offset", np.float64, shape)
        is_plain = scorer.offset_slope == 1.0
        terms.append(offset if is_plain else graph.node("Mul", offset, np.float64(scorer.offset_slope)))
    total = terms[-1]
    for term in terms[-2::-1]:
        total = graph.node("Add", total, term)
    return total


def _add_weights(graph: Graph, scorer: Scorer, ids: str, dtype: np.dtype[Any], refuses: bool) -> str:
    """Add the weights of ids: double, of their shape, with another axis in the end for several outputs."""
    keys, table = scorer.coef.ids, scorer.coef.values.toarray().astype(dtype)
    if refuses or keys.size == 0:  # a LabelEncoder is never empty
        last = np.full((1, scorer.n_outputs), np.nan if refuses else 0.0, dtype=dtype)
        keys, table = np.append(keys, REFUSED), np.vstack([table, last])
    if scorer.n_outputs == 1:
        weights = graph.look_up(ids, keys, table[:, 0], 0.0)
    else:
        position = graph.look_up(ids, keys, np.arange(keys.size), keys.size)
        weights = graph.node("Gather", np.vstack([table, np.zeros_like(table[:1])]), position, axis=0)
    return weights if dtype == np.float64 else graph.cast(weights, np.float64)


def _add_predictions(graph: Graph, scorer: Scorer, predictors: str) -> None:
    """Add the outputs that are made of linear predictors."""
    one = scorer.n_outputs == 1
    columns = graph.node("Unsqueeze", predictors, np.array([1])) if one else predictors
    if scorer.classes is None:
        mean = graph.node("Exp", columns) if scorer.link == "log" else columns
        graph.output(mean, "variable", np.float64, ("n", 1))
        return
    if one:
        code = graph.cast(graph.node("Greater", predictors, np.float64(0.0)), np.int64)
    else:
        code = graph.node("ArgMax", predictors, axis=1, keepdims=0)
    labels, dtype = _labels(scorer.classes)
    graph.output(graph.node("Gather", labels, code, axis=0), "label", dtype, ("n",))
    if scorer.link == "identity":
        graph.output(columns, "scores", np.float64, ("n", scorer.n_outputs))
        return
    if one:
        shares = graph.node("Sigmoid", graph.node("Mul", columns, np.array([-1.0, 1.0])))
    else:
        shares = graph.node("Softmax", predictors, axis=1)
    graph.output(shares, "probabilities", np.float64, ("n", scorer.classes.size))


def _labels(classes: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Any]:
    """Return labels as an array of a type that ONNX has, and that type."""
    labels = np.array([plain(label) for label in classes.tolist()], dtype=object)
    if all(isinstance(label, str) for label in classes.tolist()):
        return labels, str
    for kinds, dtype in (("b", np.bool_), ("iu", np.int64), ("f", np.float64)):
        if classes.dtype.kind in kinds and (kinds != "iu" or classes.max() < 2**63):
            return classes.astype(dtype), dtype
    raise TypeError(
        f"classes: labels of type {classes.dtype} cannot be part of an ONNX graph, expected strings, truth values, "
        "floats or integers of 64 bits"
    )
