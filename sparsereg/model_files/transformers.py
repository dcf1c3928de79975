"""Feature crosses in model files: parameters and learned categories; all that follows from them is computed anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsereg.features.buckets import check_dtype
from sparsereg.features.categories import category_order, category_text
from sparsereg.features.feature_cross import FeatureCross, used_columns
from sparsereg.features.latlong_cross import LatLongCross
from sparsereg.inputs.contents import whole_of, within
from sparsereg.inputs.rows import shown
from sparsereg.model_files.attributes import names_of, pack_attributes, unpack_attributes
from sparsereg.model_files.plain_values import check_dtype_word
from sparsereg.model_files.values import Kind, Packer, Unpacker

COLUMNS = ("n_features_in_", "feature_names_in_")
# A cross of so many columns is a table on its side. Names are made of all of them, and blocks have names made of these,
# so a small file might ask for much.
MAX_COLUMNS = 100_000
MAX_LETTERS = 100_000_000
# Texts with one have no UTF-8.
LONE_SURROGATE = re.compile("[\ud800-\udfff]")

LATLONG = ("minutes", "levels", "main_effects", "dtype")
LATLONG_FOLLOWS = ("blocks_", "n_features_out_")
CROSS = ("crosses", "main_effects", "hashed", "handle_unknown", "dtype")
CROSS_LEARNED = (*COLUMNS, "categories_")
CROSS_FOLLOWS = ("blocks_", "n_features_out_", "_names", "_members", "_bits")


def _pack_latlong(cross: LatLongCross, packer: Packer, where: str) -> dict[str, Any]:
    with within(where):
        _check_unchanged(cross, _built_latlong(_of(cross, LATLONG), _of(cross, COLUMNS)), LATLONG_FOLLOWS)
    return pack_attributes(cross, LATLONG, COLUMNS, packer, where, LATLONG_FOLLOWS)


def _unpack_latlong(state: Mapping[str, Any], unpacker: Unpacker, where: str) -> LatLongCross:
    parameters, fitted, output = unpack_attributes(state, LATLONG, COLUMNS, unpacker, where)
    with within(where):
        cross = _built_latlong(parameters, fitted)
    vars(cross).update(output)
    return cross


def _built_latlong(parameters: dict[str, Any], fitted: dict[str, Any]) -> LatLongCross:
    """Return a cross as `fit` makes it; all but its parameters follows from them."""
    cross = LatLongCross(**parameters)
    _check_switch(cross.main_effects)
    check_dtype_word(cross.dtype)
    check_dtype(cross.dtype)
    _, blocks = cross._layout()
    if fitted:
        whole_of(fitted, "n_features_in_", 2, 2)
        _check_names(fitted)
        vars(cross).update(fitted, blocks_=blocks, n_features_out_=blocks[-1].stop)
    return cross


def _pack_cross(cross: FeatureCross, packer: Packer, where: str) -> dict[str, Any]:
    with within(where):
        _check_unchanged(cross, _built_cross(_of(cross, CROSS), _of(cross, CROSS_LEARNED)), CROSS_FOLLOWS)
    return pack_attributes(cross, CROSS, CROSS_LEARNED, packer, where, CROSS_FOLLOWS)


def _unpack_cross(state: Mapping[str, Any], unpacker: Unpacker, where: str) -> FeatureCross:
    parameters, fitted, output = unpack_attributes(state, CROSS, CROSS_LEARNED, unpacker, where)
    with within(where):
        cross = _built_cross(parameters, fitted)
    vars(cross).update(output)
    return cross


def _built_cross(parameters: dict[str, Any], fitted: dict[str, Any]) -> FeatureCross:
    """Return a cross as `fit` makes it; all but its parameters and what it has learned follows from them."""
    cross = FeatureCross(**parameters)
    _check_switch(cross.main_effects)
    if not isinstance(cross.handle_unknown, str):
        raise ValueError(f"handle_unknown: {shown(cross.handle_unknown)} is not allowed, expected text")
    check_dtype_word(cross.dtype)
    cross._check_params()
    if fitted:
        whole_of(fitted, "n_features_in_", 1, MAX_COLUMNS)
        _check_names(fitted)
        vars(cross).update(fitted)
        names, members = cross._columns()
        if sum(len(names[j]) for columns in members for j in columns) > MAX_LETTERS:
            raise ValueError(f"feature_names_in_: the names of the blocks have more than {MAX_LETTERS:,} letters")
        cross.categories_ = _learned(fitted.get("categories_"), [] if cross.hashed else used_columns(members))
        cross._lay_out(names, members, cross.categories_)
    return cross


def _learned(categories: Any, columns: list[int]) -> dict[int, NDArray[np.object_]]:
    """Return the categories of columns, which must be as `fit` learns them."""
    if not isinstance(categories, dict) or list(categories) != columns:
        raise ValueError(
            f"categories_: {shown(categories)} is not allowed, expected those of the columns {columns}, as they were "
            "at the fit"
        )
    for j in columns:
        _check_categories(categories[j], f"categories_[{j}]")
    return {j: categories[j] for j in columns}


def _check_categories(texts: Any, name: str) -> None:
    """Check categories; ids count on their order."""
    if not isinstance(texts, np.ndarray) or texts.dtype != object or texts.ndim != 1 or texts.size == 0:
        raise ValueError(f"{name}: {shown(texts)} is not allowed, expected categories")
    known = texts.tolist()
    for text in known:
        if type(text) is not str or LONE_SURROGATE.search(text) or category_text(text) != text:
            raise ValueError(f"{name}: {shown(text)} is no category")
    for a, b in pairwise(map(category_order, known)):
        if not a < b:
            raise ValueError(
                f"{name}: {shown(b[-1])} is not allowed after {shown(a[-1])}, expected each once and in order"
            )


def _check_names(fitted: dict[str, Any]) -> None:
    if "feature_names_in_" in fitted:
        names_of(fitted, "feature_names_in_", fitted["n_features_in_"])


def _check_switch(value: Any) -> None:
    if not isinstance(value, (bool, np.bool_)) and type(value) is not int:
        raise ValueError(f"main_effects: {shown(value)} is not allowed, expected true or false")


def _of(cross: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Return those of these attributes that are there."""
    return {name: vars(cross)[name] for name in names if name in vars(cross)}


def _check_unchanged(cross: Any, fresh: Any, names: tuple[str, ...]) -> None:
    """Check that a fitted cross is what its parameters make of it, for only they travel."""
    if any(vars(cross).get(name) != vars(fresh).get(name) for name in names):
        raise ValueError(f"parameters of this {type(cross).__name__} were changed after its fit, fit it anew")


TRANSFORMERS: tuple[Kind, ...] = (
    Kind("sparsereg.LatLongCross", lambda: LatLongCross, _pack_latlong, _unpack_latlong),
    Kind("sparsereg.FeatureCross", lambda: FeatureCross, _pack_cross, _unpack_cross),
)
