"""Scaling, one-hot encoding and imputation of scikit-learn in model files."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from sparsereg.inputs.rows import shown
from sparsereg.model_files.plain_values import check_dtype_word
from sparsereg.model_files.sklearn_state import (
    Check,
    FittedState,
    FunctionState,
    is_count,
    is_flag,
    is_vector,
    is_whole,
    sklearn_class,
)
from sparsereg.model_files.values import Kind

INFREQUENT = ("_infrequent_indices", "_default_to_infrequent_mappings")


def _check_encoder(encoder: Any) -> None:
    """Check a one-hot encoder: it writes sparse rows whose ids nobody checks again."""
    check_dtype_word(encoder.dtype)
    if not hasattr(encoder, "categories_"):
        return
    dropped = encoder._drop_idx_after_grouping
    is_limited = encoder.min_frequency is not None or encoder.max_categories is not None
    if not {encoder._infrequent_enabled, *(hasattr(encoder, name) for name in INFREQUENT)} == {is_limited}:
        raise ValueError(f"{', '.join(INFREQUENT)} do not agree with min_frequency and max_categories")
    n_outs = []
    for i, categories in enumerate(encoder.categories_):
        _check_categories(categories, i)
        n_groups = _n_groups(encoder, i) if is_limited else categories.size
        n_outs.append(n_groups - _is_dropped(dropped, i, n_groups))
        _is_dropped(encoder.drop_idx_, i, categories.size)
    written = encoder._n_features_outs
    if not all(map(is_whole, written)) or written != n_outs:
        raise ValueError(f"_n_features_outs: {shown(written)} is not allowed, expected {shown(n_outs)}")


def _check_categories(categories: Any, i: int) -> None:
    """Check the categories of a column: numbers are found by bisection, so they must be in order, NaN last."""
    if not isinstance(categories, np.ndarray) or categories.ndim != 1 or categories.size == 0:
        raise ValueError(f"categories_[{i}]: {shown(categories)} is not allowed, expected an array of categories")
    if categories.dtype.kind in "US":
        return
    # Of objects, those that numbers in X can be compared with.
    known = categories.tolist() if categories.dtype.kind == "O" else list(categories)
    known = [x for x in known if isinstance(x, (bool, int, float, np.generic)) and not isinstance(x, str)]
    if known and known[-1] != known[-1]:
        known.pop()
    if any(x != x for x in known) or not all(a < b for a, b in pairwise(known)):
        raise ValueError(f"categories_[{i}]: {shown(categories)} is not allowed, expected ascending numbers")


def _n_groups(encoder: Any, i: int) -> int:
    """Return into how many groups the infrequent categories of a column leave it; they are the last of them."""
    n_categories = encoder.categories_[i].size
    rare, groups = encoder._infrequent_indices[i], encoder._default_to_infrequent_mappings[i]
    if rare is None and groups is None:
        return int(n_categories)
    is_rare = np.zeros(n_categories, dtype=bool)
    if _is_positions(rare, n_categories) and rare.size and rare.min() >= 0 and rare.max() < n_categories:
        is_rare[rare] = True
    expected = np.where(is_rare, n_categories - is_rare.sum(), np.cumsum(~is_rare) - 1)
    if not is_rare.any() or not isinstance(groups, np.ndarray) or not np.array_equal(groups, expected):
        raise ValueError(f"the infrequent categories of column {i} are not allowed: {shown(rare)}, {shown(groups)}")
    return int(n_categories - is_rare.sum() + 1)


def _is_dropped(indices: Any, i: int, n_groups: int) -> bool:
    """Return whether one of the categories of a column is dropped."""
    if indices is None or indices[i] is None:
        return False
    if not is_whole(indices[i]) or not 0 <= indices[i] < n_groups:
        raise ValueError(f"the dropped category {shown(indices[i])} of column {i} is outside [0, {n_groups})")
    return True


def _is_list(value: Any, n_features: int) -> bool:
    return isinstance(value, list) and len(value) == n_features


def _is_dtype(value: Any, n_features: int) -> bool:
    return isinstance(value, np.dtype)


def _is_indicator(value: Any, n_features: int) -> bool:
    return value is None or type(value) is sklearn_class("impute", "MissingIndicator")


def _check_indicator(indicator: Any) -> None:
    """Check which columns an indicator is for."""
    columns = getattr(indicator, "features_", None)
    n_features = getattr(indicator, "_n_features", 0)
    if columns is not None and columns.size and (columns.min() < 0 or columns.max() >= n_features):
        raise ValueError(f"features_: {shown(columns)} is not allowed for {n_features} columns")


def _is_positions(value: Any, n_features: int) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind == "i"


def _at_least(least: float, optional: bool = False) -> Check:
    """Return a check for an array of one number a column, none of them smaller; NaN is that of an empty column."""
    is_right = is_vector("f", optional=optional)
    return lambda value, n_features: is_right(value, n_features) and (value is None or not (value < least).any())


NUMBERS = is_vector("f")
NUMBERS_OR_NONE = is_vector("f", optional=True)
# Columns are divided by them, and fits put 1 in the place of 0. The smallest number is subnormal.
DIVISORS, DIVISORS_OR_NONE = _at_least(5e-324), _at_least(5e-324, optional=True)
SIZES, SIZES_OR_NONE = _at_least(0.0), _at_least(0.0, optional=True)

STATES: tuple[FittedState, ...] = (
    FittedState(
        "preprocessing", "StandardScaler",
        {
            "n_samples_seen_": is_count, "mean_": NUMBERS_OR_NONE, "var_": SIZES_OR_NONE, "scale_": DIVISORS_OR_NONE,
        },
    ),
    FittedState(
        "preprocessing", "MinMaxScaler",
        {
            "n_samples_seen_": is_count,
            **dict.fromkeys(("min_", "data_min_", "data_max_"), NUMBERS),
            **dict.fromkeys(("scale_", "data_range_"), SIZES),
        },
    ),
    FittedState(
        "preprocessing", "MaxAbsScaler", {"n_samples_seen_": is_count, "max_abs_": SIZES, "scale_": DIVISORS}
    ),
    FittedState(
        "preprocessing", "OneHotEncoder",
        {
            "categories_": _is_list,
            "_infrequent_enabled": is_flag,
            "_drop_idx_after_grouping": is_vector("O", optional=True),
            "drop_idx_": is_vector("O", optional=True),
            "_n_features_outs": _is_list,
        },
        dict.fromkeys(INFREQUENT, _is_list),
        check=_check_encoder,
    ),
    FittedState(
        "impute", "SimpleImputer",
        {"statistics_": is_vector("f", "i", "u", "O"), "_fit_dtype": _is_dtype, "indicator_": _is_indicator},
        follows={"_fill_dtype": "_fit_dtype"},
    ),
    FittedState(
        "impute", "MissingIndicator",
        {
            "_precomputed": is_flag, "features_": _is_positions,
            "_n_features": lambda value, n_features: is_whole(value) and value == n_features,
        },
        check=_check_indicator,
    ),
    FittedState("preprocessing", "RobustScaler", {"center_": NUMBERS_OR_NONE, "scale_": DIVISORS_OR_NONE}),
    FittedState("preprocessing", "Normalizer"),
    FittedState("preprocessing", "Binarizer"),
    FunctionState("preprocessing", "FunctionTransformer"),
)
SKLEARN_TRANSFORMERS: tuple[Kind, ...] = tuple(state.kind() for state in STATES)
