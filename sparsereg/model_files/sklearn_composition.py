"""Pipelines, column transformers and transformed targets of scikit-learn in model files."""

from __future__ import annotations

import copy
from collections import UserList
from collections.abc import Mapping
from string import Formatter
from typing import Any

import numpy as np

from sparsereg.inputs.contents import within
from sparsereg.inputs.rows import shown
from sparsereg.model_files.sklearn_state import FittedState, FunctionState, is_flag, is_whole, sklearn_class
from sparsereg.model_files.values import Kind, Packer, Unpacker

# Processes are started as asked for.
MAX_JOBS = 1024
# What stands for no transformer.
WORDS = ("drop", "passthrough")
# Of lists of transformers with their columns, and the one of the remaining columns.
WITH_COLUMNS = ("transformers", "transformers_", "_columns", "_remainder")

UNION: Mapping[str, Any] = {
    "transformer_list": list, "n_jobs": (int, type(None)), "transformer_weights": (dict, type(None)), "verbose": bool,
    "verbose_feature_names_out": bool,
}


class _ColumnTransformerState(FittedState):
    """Column transformers, whose columns come in several forms."""

    def pack(self, estimator: Any, packer: Packer, where: str) -> dict[str, Any]:
        """Return the state of a column transformer."""
        same = copy.copy(estimator)
        vars(same).update({name: _plain(value) for name, value in vars(estimator).items() if name in WITH_COLUMNS})
        return super().pack(same, packer, where)


def _plain(value: Any) -> Any:
    """Return columns as lists where they are lists of some library's own; all else as it is."""
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    # pandas.Index, and what scikit-learn 1.5 and 1.6 keep the remaining columns in.
    if isinstance(value, UserList):
        return list(value.data)
    return value.tolist() if type(value).__module__.partition(".")[0] == "pandas" else value


def _check_pipeline(pipeline: Any) -> None:
    if pipeline.memory is not None:
        # joblib reads pickles from it.
        raise ValueError(f"memory: {shown(pipeline.memory)} cannot be saved, expected None")
    _check_steps(pipeline.steps)


def _check_union(union: Any) -> None:
    """Check a union, of which scikit-learn checks nothing before it is used."""
    for name, types in UNION.items():
        if not isinstance(getattr(union, name), types):
            raise ValueError(f"{name}: {shown(getattr(union, name))} is not allowed")
    _check_steps(union.transformer_list)
    _check_work(union)


def _check_steps(steps: Any) -> None:
    for step in steps:
        if not isinstance(step, (tuple, list)) or len(step) != 2:
            raise ValueError(f"steps: {shown(step)} is not allowed, expected pairs of a name and an estimator")
        _check_step(*step)


def _check_step(name: Any, step: Any) -> None:
    if not isinstance(name, str):
        raise ValueError(f"steps: {shown(name)} is not allowed as a name")
    if step is None or (isinstance(step, str) and step in WORDS):
        return
    # Classes have methods as well, but are no estimators.
    if isinstance(step, type) or not any(hasattr(step, method) for method in ("transform", "fit")):
        raise ValueError(f"steps: {shown(step)} called {name!r} is no estimator")


def _check_column_transformer(transformer: Any) -> None:
    _check_work(transformer)
    _check_form(transformer.verbose_feature_names_out)
    for entry in transformer.transformers:
        _check_entry(entry)
    _check_step("remainder", transformer.remainder)


def _check_work(transformer: Any) -> None:
    """Check how transformers are run side by side."""
    n_jobs, weights = transformer.n_jobs, transformer.transformer_weights
    if n_jobs is not None and not -MAX_JOBS <= n_jobs <= MAX_JOBS:
        raise ValueError(f"n_jobs: {shown(n_jobs)} is not allowed, expected at most {MAX_JOBS}")
    if weights is not None and not all(isinstance(weight, (int, float)) for weight in weights.values()):
        raise ValueError(f"transformer_weights: {shown(weights)} is not allowed, expected numbers by name")


def _check_entry(entry: Any) -> None:
    if not isinstance(entry, (tuple, list)) or len(entry) != 3:
        raise ValueError(f"transformers: {shown(entry)} is not allowed, expected a name, a transformer and columns")
    name, transformer, columns = entry
    _check_step(name, transformer)
    if not _are_columns(columns):
        raise ValueError(f"transformers: {shown(columns)} of {name!r} is not allowed, expected columns")


def _check_form(form: Any) -> None:
    """Check the form of feature names: it may name two things, and nothing that they are made of."""
    if isinstance(form, str):
        for _, name, spec, conversion in Formatter().parse(form):
            if name not in (None, "transformer_name", "feature_name") or spec or conversion:
                raise ValueError(
                    f"verbose_feature_names_out: {shown(form)} cannot be saved, expected text with "
                    "{transformer_name} and {feature_name}"
                )


def _are_columns(columns: Any) -> bool:
    """Return whether these are columns: a name, a position, a list of them or a mask, a slice, or a rule for names."""
    if isinstance(columns, slice):
        return all(part is None or _is_column(part) for part in (columns.start, columns.stop, columns.step))
    if isinstance(columns, np.ndarray):
        return columns.ndim == 1 and all(map(_is_column, columns.tolist()))
    if isinstance(columns, (list, tuple)):
        return all(map(_is_column, columns))
    return _is_column(columns) or type(columns) is _find_selector()


def _is_column(column: Any) -> bool:
    return isinstance(column, (str, bool, np.bool_)) or is_whole(column)


def _are_transformers(value: Any, n_features: int) -> bool:
    if isinstance(value, list):
        for entry in value:
            _check_entry(entry)
    return isinstance(value, list)


def _are_lists_of_columns(value: Any, n_features: int) -> bool:
    return isinstance(value, list) and all(map(_are_columns, value))


def _are_positions(value: Any, n_features: int) -> bool:
    """Return whether these are positions of columns, by the names of transformers."""
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(columns, list)
        and all(is_whole(column) and 0 <= column < n_features for column in columns)
        for name, columns in value.items()
    )


def _is_remainder(value: Any, n_features: int) -> bool:
    if isinstance(value, tuple):
        _check_entry(value)
    return isinstance(value, tuple)


def _are_slices(value: Any, n_features: int) -> bool:
    """Return whether these are slices of the columns that come out, by the names of transformers."""
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(part, slice)
        and part.step is None and is_whole(part.start) and is_whole(part.stop)
        for name, part in value.items()
    )


def _are_names(value: Any, n_features: int) -> bool:
    """Return whether these are names, of the columns that came out."""
    return isinstance(value, np.ndarray) and value.ndim == 1 and all(isinstance(name, str) for name in value.tolist())


def _check_target_regressor(model: Any) -> None:
    names = getattr(model, "feature_names_in_", None)
    if names is not None and names.shape != (model.n_features_in_,):
        raise ValueError(f"feature_names_in_: {shown(names)} is not allowed for {model.n_features_in_} columns")


def _has(value: Any, *methods: str) -> bool:
    """Return whether something is an estimator with some methods."""
    return not isinstance(value, type) and all(hasattr(value, method) for method in methods)


def _state_of_column_transformers() -> FittedState:
    required: Mapping[str, Any] = {
        "transformers_": _are_transformers, "_columns": _are_lists_of_columns, "_remainder": _is_remainder,
        "_transformer_to_input_indices": _are_positions,
    }
    # Without any transformer there are none of these.
    optional = {
        "sparse_output_": is_flag, "output_indices_": _are_slices, "_transformers_feature_names_out": _are_names,
    }
    return _ColumnTransformerState(
        "compose", "ColumnTransformer", required, optional, check=_check_column_transformer
    )


def _find_selector() -> Any:
    return sklearn_class("compose", "make_column_selector")


def _pack_selector(selector: Any, packer: Packer, where: str) -> dict[str, Any]:
    return packer.pack_all(vars(selector), where)


def _unpack_selector(state: Mapping[str, Any], unpacker: Unpacker, where: str) -> Any:
    rule = unpacker.unpack_all(state, where, ("pattern", "dtype_include", "dtype_exclude"))
    with within(where):
        if rule["pattern"] is not None and not isinstance(rule["pattern"], str):
            raise ValueError(f"pattern: {shown(rule['pattern'])} is not allowed, expected text")
    return _find_selector()(**rule)


COMPOSITIONS: tuple[Kind, ...] = (
    FittedState("pipeline", "Pipeline", check=_check_pipeline).kind(),
    FittedState("pipeline", "FeatureUnion", has_columns=False, check=_check_union).kind(),
    _state_of_column_transformers().kind(),
    FunctionState(
        "compose", "TransformedTargetRegressor",
        {
            "regressor_": lambda value, n_features: _has(value, "fit", "predict"),
            "transformer_": lambda value, n_features: _has(value, "transform", "inverse_transform"),
            "_training_dim": lambda value, n_features: is_whole(value) and value >= 1,
        },
        # The number of columns is that of its regressor.
        {"feature_names_in_": _are_names}, has_columns=False, check=_check_target_regressor,
    ).kind(),
    Kind("sklearn.compose.make_column_selector", _find_selector, _pack_selector, _unpack_selector),
)
