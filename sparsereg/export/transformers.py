"""What a graph begins with: ids as they are, or a fitted transformer that makes them and numbers beside them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.estimators.table_model import TableModel
from sparsereg.export.crosses import REFUSED, Cross, add_categories, add_points, check_cross, check_width, is_hashed
from sparsereg.export.graph import Graph
from sparsereg.features.feature_cross import FeatureCross
from sparsereg.features.latlong_cross import LatLongCross
from sparsereg.inputs.rows import shown
from sparsereg.inputs.sklearn import check_is_fitted
from sparsereg.readers.table_columns import width_of

# What the graphs of models call their other inputs and their outputs.
RESERVED = ("ids", "values", "offset", "label", "probabilities", "scores", "variable")

# Transformers of scikit-learn that need no ColumnTransformer around them.
ALONE = ("OneHotEncoder", "StandardScaler")


@dataclass(frozen=True)
class Features:
    """Tensors that say what the rows hold.

    Attributes
    ----------
    ids : str or None
        int64: columns that are one. None: there are no such columns.
    axis : int
        Along which the ids of a row lie. It is 1 for those that are given, and else 0, along which sums are faster.
    n_ids : int or str
        How many a row has; "k": any number.
    numbers : str or None
        double (m, n): columns of any value. None: there are none.
    positions : ndarray of int64 of shape (m,)
        Which columns these are, ascending.
    """

    ids: str | None
    axis: int = 0
    n_ids: int | str = "k"
    numbers: str | None = None
    positions: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))


class _Columns:
    """Inputs of a graph that are columns of a table, each made when it is first asked for."""

    def __init__(self, graph: Graph, names: Sequence[str]):
        self._graph = graph
        self._names = names
        self._types: dict[int, Any] = {}

    @property
    def n_columns(self) -> int:
        """How many columns the table has."""
        return len(self._names)

    def __call__(self, j: int, dtype: Any) -> str:
        name = self._names[j]
        if j not in self._types:
            if name in RESERVED or not name or [*self._names].count(name) > 1:
                raise ValueError(
                    f"transformer: the column name {name!r} is not allowed, expected names that are not empty, each of "
                    f"them once, and none of {', '.join(RESERVED)}"
                )
            self._types[j] = dtype
            self._graph.input(name, dtype, ("n",))
        if self._types[j] is not dtype:
            given, asked = (np.dtype(object if kind is str else kind).name for kind in (self._types[j], dtype))
            raise ValueError(f"transformer: column {name!r} is used as {given} and as {asked}, expected one type")
        return name

    def stacked(self, positions: Sequence[int]) -> str:
        """Return some columns of numbers as rows of one tensor."""
        rows = [self._graph.node("Unsqueeze", self(j, np.float64), np.array([0])) for j in positions]
        return self._graph.node("Concat", *rows, axis=0)


def add_features(graph: Graph, transformer: Any, n_features: int) -> Features:
    """Add the inputs of a graph, and what makes the columns of a model of them.

    Parameters
    ----------
    graph : Graph
    transformer : None, LatLongCross, FeatureCross, ColumnTransformer, OneHotEncoder, StandardScaler or TableModel
    n_features : int
        Of the model.

    Raises
    ------
    TypeError
        For transformers, and steps of a ColumnTransformer, that cannot be part of a graph, and weights of steps.
    ValueError
        For those of another width than the model, and for columns whose names cannot be those of inputs.
    """
    if _is(transformer, "sklearn.compose", "ColumnTransformer"):
        check_is_fitted(transformer)
        check_width(max(part.stop for part in transformer.output_indices_.values()), n_features)
        if transformer.transformer_weights is not None:
            raise TypeError(
                f"transformer: its transformer_weights {shown(transformer.transformer_weights)} cannot be part of an "
                "ONNX graph, expected None"
            )
        return _add_table(graph, transformer, transformer.transformers_, transformer.output_indices_)
    if isinstance(transformer, TableModel):
        return _add_table_model(graph, transformer)
    if any(_is(transformer, "sklearn.preprocessing", name) for name in ALONE):
        check_is_fitted(transformer)
        name = type(transformer).__name__
        width = sum(transformer._n_features_outs) if name == "OneHotEncoder" else transformer.n_features_in_
        check_width(width, n_features)
        return _add_table(graph, transformer, [(name, transformer, slice(None))], {name: slice(0, width)})
    if transformer is not None and not isinstance(transformer, Cross):
        raise TypeError(
            f"transformer: an object of type {type(transformer).__name__} is not allowed, expected "
            f"None, a LatLongCross, a FeatureCross, a {', a '.join(ALONE)} or a ColumnTransformer of these; "
            "to_onnx(model, path) without a transformer, or of pipeline[-1], takes ids of columns"
        )
    cross = None if transformer is None else check_cross(transformer, n_features)
    if cross is None or is_hashed(cross):
        return Features(graph.input("ids", np.int64, ("n", "k")), axis=1)
    if isinstance(cross, LatLongCross):
        points = graph.node("Transpose", graph.input("points", np.float64, ("n", 2)), perm=[1, 0])
        ids = add_points(graph, cross, points)
    else:
        ids = add_categories(graph, cross, _Columns(graph, cross._names))
    return Features(ids, n_ids=len(cross._blocks()))


def _add_table_model(graph: Graph, model: TableModel) -> Features:
    """Add what makes the columns of a table model."""
    names = model.columns
    columns, steps, places, start = _Columns(graph, names), [], {}, 0
    for k, part in enumerate(model._parts):
        label = f"{k}: {', '.join(part.columns)}"
        width = width_of(part, model.missing == "indicator")
        if width is None or not part.columns:
            raise TypeError(
                f"transformer: a {type(part.transformer).__name__} cannot be part of an ONNX graph; to_onnx of the "
                "model alone takes ids of columns"
            )
        steps.append((label, _Filled(model.missing) if part.transformer is None else part.transformer, part.columns))
        places[label] = slice(start, start + width)
        start += width
    return _add_steps(graph, columns, steps, places, names)


@dataclass(frozen=True)
class _Filled:
    """Stands for numbers as they are, and says what is in the place of those that are missing."""

    missing: str | float


def _is(value: Any, module: str, name: str) -> bool:
    """Return whether something is of a class of scikit-learn, without importing that."""
    return module in sys.modules and type(value) is getattr(sys.modules[module], name)


def _add_table(graph: Graph, transformer: Any, steps: Sequence[Any], places: Mapping[str, slice]) -> Features:
    """Add the steps of a ColumnTransformer side by side, or one that stands alone."""
    names = [str(name) for name in getattr(transformer, "feature_names_in_", ())]
    columns = _Columns(graph, names or [f"x{j}" for j in range(transformer.n_features_in_)])
    return _add_steps(graph, columns, steps, places, names)


def _add_steps(
    graph: Graph, columns: _Columns, steps: Sequence[Any], places: Mapping[str, slice], names: list[str]
) -> Features:
    """Add steps side by side."""
    ids, numbers, positions, n_ids = [], [], [], 0
    for name, step, chosen in steps:
        part = places[name]
        if part.start == part.stop:
            continue
        used = _positions(chosen, names, columns.n_columns)
        found = _add_ids(graph, name, step, part.start, used, columns)
        if found is None:
            numbers.append(_add_numbers(graph, name, step, used, columns))
            positions.append(np.arange(part.start, part.stop))
            continue
        ids.append(found[0])
        n_ids += found[1]
    return Features(
        ids=graph.node("Concat", *ids, axis=0) if ids else None, n_ids=n_ids,
        numbers=graph.node("Concat", *numbers, axis=0) if numbers else None,
        positions=np.concatenate(positions) if positions else np.empty(0, dtype=np.int64),
    )


def _positions(chosen: Any, names: list[str], n_columns: int) -> list[int]:
    """Return the positions of the columns that a step of a ColumnTransformer names in one of its ways."""
    if isinstance(chosen, str):
        return [names.index(chosen)]
    if isinstance(chosen, slice) and isinstance(chosen.start or chosen.stop, str):
        first = 0 if chosen.start is None else names.index(chosen.start)
        last = n_columns - 1 if chosen.stop is None else names.index(chosen.stop)  # which belongs to it, as in pandas
        return [*range(first, last + 1)]
    if not isinstance(chosen, slice) and len(chosen) and all(isinstance(name, str) for name in chosen):
        return [names.index(name) for name in chosen]
    return np.atleast_1d(np.arange(n_columns)[chosen]).tolist()


def _add_ids(
    graph: Graph, name: str, step: Any, start: int, used: list[int], columns: _Columns
) -> tuple[str, int] | None:
    """Add a step whose columns are ones: ids, as many as the number says. None for any other step."""
    if isinstance(step, LatLongCross):
        ids, count = add_points(graph, step, columns.stacked(used)), len(step._blocks())
    elif isinstance(step, FeatureCross) and not is_hashed(step):
        ids, count = add_categories(graph, step, lambda j, dtype: columns(used[j], dtype)), len(step._blocks())
    elif _is(step, "sklearn.preprocessing", "OneHotEncoder"):
        return _add_one_hot(graph, name, step, start, used, columns), len(used)
    else:
        return None
    # What stands for no id stays what it is.
    is_id = graph.node("GreaterOrEqual", ids, np.int64(0))
    return graph.node("Where", is_id, graph.node("Add", ids, np.int64(start)), ids), count


def _add_one_hot(graph: Graph, name: str, step: Any, start: int, used: list[int], columns: _Columns) -> str:
    if step.min_frequency is not None or step.max_categories is not None:
        raise TypeError(f"transformer: the infrequent categories of its step {name!r} cannot be part of an ONNX graph")
    rows, unknown = [], REFUSED if step.handle_unknown == "error" else -1
    for position, (j, categories) in enumerate(zip(used, step.categories_)):
        dropped = None if step.drop_idx_ is None else step.drop_idx_[position]
        ids = np.arange(start, start + categories.size)
        if dropped is not None:
            ids[dropped:] -= 1
            ids[dropped] = -1
        start += categories.size - (dropped is not None)
        keys, dtype = _keys(name, categories)
        rows.append(graph.node("Unsqueeze", graph.look_up(columns(j, dtype), keys, ids, unknown), np.array([0])))
    return graph.node("Concat", *rows, axis=0)


def _keys(name: str, categories: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Any]:
    """Return categories as a LabelEncoder takes them, and the type of the column that they are looked up in."""
    if all(isinstance(category, str) for category in categories.tolist()):
        return categories.astype(object), str
    if categories.dtype.kind in "iu":
        return categories.astype(np.int64), np.int64
    if categories.dtype.kind == "f" and not np.isnan(categories).any():
        return categories.astype(np.float64), np.float64
    raise TypeError(
        f"transformer: categories of its step {name!r} of type {categories.dtype} cannot be part of an ONNX graph, "
        "expected strings alone, or integers or floats without NaN"
    )


def _add_numbers(graph: Graph, name: str, step: Any, used: list[int], columns: _Columns) -> str:
    """Add a step that scales numbers, or takes them as they are."""
    is_identity = isinstance(step, _Filled) or step == "passthrough" or (
        _is(step, "sklearn.preprocessing", "FunctionTransformer") and step.func is None
    )
    if not is_identity and not _is(step, "sklearn.preprocessing", "StandardScaler"):
        kind = "a FeatureCross that hashes" if is_hashed(step) else f"of type {type(step).__name__}"
        raise TypeError(
            f"transformer: its step {name!r}, {kind}, cannot be part of an ONNX graph, expected a LatLongCross, an "
            'exact FeatureCross, a OneHotEncoder, a StandardScaler or "passthrough"'
        )
    values = columns.stacked(used)
    if isinstance(step, _Filled):
        return _add_filled(graph, values, step.missing)
    if is_identity:
        return values
    if step.mean_ is not None and step.with_mean:
        values = graph.node("Sub", values, np.asarray(step.mean_, dtype=np.float64)[:, None])
    if step.scale_ is None:
        return values
    return graph.node("Div", values, np.asarray(step.scale_, dtype=np.float64)[:, None])


def _add_filled(graph: Graph, values: str, missing: str | float) -> str:
    """Fill what is missing, NaN in a graph; behind each column may stand whether it was. "error" leaves NaN."""
    if missing == "error":
        return values
    gap = graph.node("IsNaN", values)
    filled = graph.node("Where", gap, np.float64(0.0 if missing == "indicator" else missing), values)
    if missing != "indicator":
        return filled
    flag = graph.cast(gap, np.float64)
    pairs = [graph.node("Unsqueeze", tensor, np.array([1])) for tensor in (filled, flag)]
    # The number of rows, which is not known, stays; each column and its flag lie side by side.
    stacked = graph.node("Concat", *pairs, axis=1)
    shape = graph.node("Concat", np.array([-1]), graph.node("Shape", values, start=1), axis=0)
    return graph.node("Reshape", stacked, shape)
