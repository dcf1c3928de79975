"""Crosses outside of this library: their ids computed by ONNX operators, and their definition as plain data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.export.graph import Graph
from sparsereg.export.plain import plain
from sparsereg.features.feature_cross import FeatureCross
from sparsereg.features.latlong_cross import LatLongCross
from sparsereg.inputs.sklearn import check_is_fitted

Cross = LatLongCross | FeatureCross

# The id of rows that a transformer refuses; its weight is NaN.
REFUSED = -2

def check_cross(transformer: Any, n_features: int) -> Cross:
    """Check that a transformer is one of our crosses, and of a model's width.

    Parameters
    ----------
    transformer : object
    n_features : int
        Of the model.

    Raises
    ------
    TypeError
        For other transformers.
    ValueError
        For one that was not fitted where it has to be, or of another width.
    """
    if not isinstance(transformer, Cross):
        raise TypeError(
            f"transformer: an object of type {type(transformer).__name__} is not allowed, expected None, a "
            "LatLongCross or a FeatureCross; to_json(model, path) without a transformer, or of pipeline[-1], takes ids "
            "of columns"
        )
    if isinstance(transformer, FeatureCross):
        check_is_fitted(transformer)
    check_width(transformer._blocks()[-1].stop, n_features)
    return transformer


def check_width(width: int, n_features: int) -> None:
    """Refuse a transformer of another width than the model."""
    if width != n_features:
        raise ValueError(f"transformer: it makes {width} columns, expected {n_features}, those of the model")


def is_hashed(transformer: Any) -> bool:
    """Return whether a transformer hashes."""
    return isinstance(transformer, FeatureCross) and transformer._bits is not None


def add_points(graph: Graph, cross: LatLongCross, points: str) -> str:
    """Add buckets of both coordinates at every level, and the ids made of them.

    Parameters
    ----------
    graph : Graph
    cross : LatLongCross
    points : str
        double (2, n): latitudes and longitudes.

    Returns
    -------
    ids : str
        int64 (n_blocks, n), `REFUSED` all over the rows that `transform` would not take.

    Notes
    -----
    A bucket is guessed, and then the edges at which it starts and stops are compared with the coordinate, each of them
    one rounded division, as the compiled kernel does it. Tensors have the axes (start or stop, latitude or longitude,
    level, row): runtimes are fast along the last.
    """
    levels, blocks = cross._layout()
    given = graph.node("Unsqueeze", points, np.array([1]))
    low, high = _column(-90.0, -180.0), _column(90.0, np.nextafter(360.0, 0.0))
    inside = graph.node("And", graph.node("GreaterOrEqual", given, low), graph.node("LessOrEqual", given, high))
    is_valid = graph.node("And", *(graph.node("Gather", inside, np.int64(k), axis=0) for k in (0, 1)))
    x = graph.node("Where", inside, given, np.float64(0.0))
    is_beyond = graph.node("GreaterOrEqual", x, _column(np.inf, 180.0))
    origin = graph.node("Where", is_beyond, np.float64(180.0), low)
    numerators, denominators, n_lat, n_lon = (
        np.array([[getattr(level, name)] for level in levels], dtype=dtype)
        for name, dtype in zip(("numerator", "denominator", "n_lat", "n_lon"), "ddqq")
    )
    denominator = graph.constant(denominators)
    guess = graph.node("Floor", graph.node("Mul", graph.node("Sub", x, origin), denominators / numerators))
    start = graph.node("Add", graph.node("Mul", guess, numerators), graph.node("Mul", origin, denominator))
    edges = graph.node("Div", graph.node("Add", start, np.stack([0.0 * numerators, numerators])[:, None]), denominator)
    passed = graph.cast(graph.node("LessOrEqual", edges, x), np.float64)
    # One more than the bucket: an edge that was passed is that of the guess or the next.
    number = graph.node("Add", guess, graph.node("ReduceSum", passed, np.array([0]), keepdims=0))
    no_limit = np.full_like(n_lon, np.iinfo(np.int64).max)
    # The north pole closes the last band.
    number = graph.node("Min", graph.cast(number, np.int64), np.stack([n_lat, no_limit]))
    cell = graph.node("Mul", number, np.stack([n_lon, np.ones_like(n_lon)]))
    # Not by ReduceSum, which onnxruntime computes in doubles: ids may be above 2**53.
    ids = graph.node("Add", *(graph.node("Gather", cell, np.int64(k), axis=0) for k in (0, 1)))
    too_much = (n_lon + 1).ravel()
    if cross.main_effects:
        ids = graph.node("Concat", graph.node("Gather", number, np.int64(len(levels) - 1), axis=1), ids, axis=0)
        too_much = np.concatenate([[1, 1], too_much])
    ids = graph.node("Add", ids, (np.array([block.start for block in blocks]) - too_much)[:, None])
    return graph.node("Where", is_valid, ids, np.int64(REFUSED))


def _column(latitude: float, longitude: float) -> npt.NDArray[np.float64]:
    return np.array([latitude, longitude]).reshape(2, 1, 1)


def add_categories(graph: Graph, cross: FeatureCross, column: Callable[[int, Any], str]) -> str:
    """Add the codes of categories, and mixed-radix numbers of these.

    Parameters
    ----------
    graph : Graph
    cross : FeatureCross
        Without hashing.
    column : function of position and type
        Gives the tensor (n,) of a column of the table that the cross was fitted to.

    Returns
    -------
    ids : str
        int64 (n_blocks, n), -1 where a block has no entry, `REFUSED` all over the rows that `transform` would not take.
    """
    codes = {}
    for j, categories in cross.categories_.items():
        numbers = whole_numbers(categories)
        given = column(j, str if numbers is None else np.int64)
        keys: npt.NDArray[Any] = categories if numbers is None else numbers
        codes[j] = graph.look_up(given, keys, np.arange(len(keys), dtype=np.int64), -1)
    ids = []
    for members, block in zip(cross._members, cross.blocks_):
        value = codes[members[0]]
        for j in members[1:]:
            size = np.int64(len(cross.categories_[j]))
            value = graph.node("Add", graph.node("Mul", value, size), codes[j])
        value = graph.node("Add", value, np.int64(block.start))
        is_known = _all_known(graph, [codes[j] for j in members])
        value = graph.node("Where", is_known, value, np.int64(-1))
        ids.append(graph.node("Unsqueeze", value, np.array([0])))
    joined = graph.node("Concat", *ids, axis=0)
    if cross.handle_unknown == "ignore":
        return joined
    return graph.node("Where", _all_known(graph, list(codes.values())), joined, np.int64(REFUSED))


def _all_known(graph: Graph, codes: list[str]) -> str:
    least = graph.node("Min", *codes) if len(codes) > 1 else codes[0]
    return graph.node("GreaterOrEqual", least, np.int64(0))


def whole_numbers(texts: npt.NDArray[np.object_]) -> npt.NDArray[np.int64] | None:
    """Return texts as integers, where each of them is one of 64 bits as `str` writes it; else None."""
    try:
        numbers = np.array([int(text) for text in texts], dtype=np.int64)
    except (ValueError, OverflowError):
        return None
    return numbers if numbers.astype(str).tolist() == texts.tolist() else None


def describe(transformer: Cross) -> dict[str, Any]:
    """Return a cross as what JSON can hold: all that its ids are computed from.

    Parameters
    ----------
    transformer : LatLongCross or FeatureCross

    Returns
    -------
    definition : dict
        "kind" says which; integers beyond 2**53 are text.
    """
    blocks = [{"name": block.name, "start": plain(block.start)} for block in transformer._blocks()]
    if isinstance(transformer, LatLongCross):
        levels, _ = transformer._layout()
        grids = [{key: plain(getattr(level, key)) for key in level._fields} for level in levels]
        cells = blocks[len(blocks) - len(levels) :]
        return {
            "kind": "LatLongCross",
            "main_effects": bool(transformer.main_effects),
            "levels": [grid | cell for grid, cell in zip(grids, cells)],
        }
    common = {
        "kind": "FeatureCross",
        "columns": list(transformer._names),
        "handle_unknown": transformer.handle_unknown,
        "hashed": transformer._bits,
    }
    crossed = [list(members) for members in transformer._members]
    if transformer._bits is not None:
        return common | {"crosses": crossed}
    sizes = {str(j): list(categories) for j, categories in transformer.categories_.items()}
    return common | {"crosses": crossed, "starts": [block["start"] for block in blocks], "categories": sizes}
