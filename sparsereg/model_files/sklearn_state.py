"""Estimators of scikit-learn in model files: their parameters, and fitted attributes that a table names and checks.

Fitted attributes are not what scikit-learn promises to keep. So a file says which version wrote it; an attribute that
the tables do not know is refused when saving, one that is missing or of another form when loading.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from inspect import Parameter, signature
from typing import Any

import numpy as np

from sparsereg.inputs.contents import check_entries, whole_of, within
from sparsereg.inputs.rows import shown
from sparsereg.inputs.versions import InconsistentVersionWarning
from sparsereg.model_files.attributes import names_of, pack_attributes, unpack_attributes
from sparsereg.model_files.plain_values import pack_ufunc, unpack_ufunc
from sparsereg.model_files.values import Kind, Packer, Unpacker

COLUMNS = ("n_features_in_", "feature_names_in_")
MAX_COLUMNS = 2**63 - 1
# A parameter of older versions that no longer does anything, and the address of an object.
GONE = ("force_int_remainder_cols", "_stop_words_id")
VERSION = "scikit-learn"
# Parameters that may be functions of NumPy.
FUNCTIONS = ("func", "inverse_func")

# Of a value and the number of columns: whether it may be.
Check = Callable[[Any, int], bool]


@dataclass(frozen=True)
class FittedState:
    """What a fitted estimator of scikit-learn consists of, besides its columns.

    Parameters
    ----------
    module, name : str
        Where its class is, below `sklearn`.
    required, optional : dict of str to Check
        Fitted attributes.
    follows : dict of str to str
        Attributes that are the same as another one.
    has_columns : bool
        Whether it counts and names the columns that it was fitted on.
    check : callable
        Takes the estimator as loaded, or about to be saved; ValueError for what cannot be.
    """

    module: str
    name: str
    required: Mapping[str, Check] = field(default_factory=dict)
    optional: Mapping[str, Check] = field(default_factory=dict)
    follows: Mapping[str, str] = field(default_factory=dict)
    has_columns: bool = True
    check: Callable[[Any], None] = lambda estimator: None

    @property
    def attributes(self) -> tuple[str, ...]:
        """All that may be there once it is fitted."""
        return (*(COLUMNS if self.has_columns else ()), *self.required, *self.optional)

    def kind(self) -> Kind:
        """Return how such estimators travel."""
        return Kind(f"sklearn.{self.module}.{self.name}", self.find, self.pack, self.unpack)

    def find(self) -> Any:
        """Return the class; ImportError without scikit-learn."""
        return sklearn_class(self.module, self.name)

    def pack(self, estimator: Any, packer: Packer, where: str) -> dict[str, Any]:
        """Return the state of an estimator."""
        parameters = [name for name in estimator.get_params(deep=False) if name not in GONE]
        known = {name: value for name, value in vars(estimator).items() if name in self.attributes}
        gone = (*self.follows, *GONE)
        state = pack_attributes(estimator, parameters, self.attributes, packer, where, gone)
        with within(where):
            self._check(estimator, known)
        return {VERSION: import_module("sklearn").__version__, **state}

    def unpack(self, state: Mapping[str, Any], unpacker: Unpacker, where: str) -> Any:
        """Return the estimator."""
        cls = self.find()
        with within(where):
            check_entries(state, (VERSION, "parameters", "fitted"), ("output",))
        _compare_versions(state[VERSION], unpacker, where)
        rest = {name: value for name, value in state.items() if name != VERSION}
        parameters, fitted, output = unpack_attributes(
            rest, [*signature(cls).parameters], self.attributes, unpacker, where
        )
        with within(where):
            check_entries(parameters, needed_parameters(cls), parameters)
            estimator = cls(**parameters)
            vars(estimator).update(fitted)
            self._check(estimator, fitted)
            vars(estimator).update({name: fitted[like] for name, like in self.follows.items() if like in fitted})
        vars(estimator).update(output)
        return estimator

    def _check(self, estimator: Any, fitted: Mapping[str, Any]) -> None:
        """Check an estimator: its parameters by scikit-learn's own words, its attributes by the tables."""
        # A few classes have no such words, and a check of their own.
        if hasattr(estimator, "_parameter_constraints"):
            estimator._validate_params()
        if fitted:
            n_features = whole_of(fitted, "n_features_in_", 0, MAX_COLUMNS) if self.has_columns else 0
            if self.has_columns and "feature_names_in_" in fitted:
                names_of(fitted, "feature_names_in_", n_features)
            check_entries({**fitted}, self.required, self.attributes)
            for name, check in {**self.required, **self.optional}.items():
                if name in fitted and not check(fitted[name], n_features):
                    raise ValueError(f"{name}: {shown(fitted[name])} is not allowed for {n_features} columns")
        self.check(estimator)


class FunctionState(FittedState):
    """Estimators with functions of numbers, of which those of NumPy that a table names may travel, and no others."""

    def pack(self, estimator: Any, packer: Packer, where: str) -> dict[str, Any]:
        """Return the state of an estimator."""
        given = {name: getattr(estimator, name) for name in FUNCTIONS}
        packed = {
            name: pack_ufunc(value, f"{where}.{name}") for name, value in given.items() if isinstance(value, np.ufunc)
        }
        same = copy.copy(estimator)
        vars(same).update(dict.fromkeys(packed))
        state = super().pack(same, packer, where)
        state["parameters"] |= packed
        return state

    def unpack(self, state: Mapping[str, Any], unpacker: Unpacker, where: str) -> Any:
        """Return the estimator."""
        parameters = state.get("parameters")
        given = parameters if isinstance(parameters, dict) else {}
        functions = {}
        for name in FUNCTIONS:
            if isinstance(given.get(name), dict) and given[name].get("type") == "ufunc":
                with within(f"{where}.{name}"):
                    functions[name] = unpack_ufunc(given[name])
        if functions:
            state = {**state, "parameters": {**given, **dict.fromkeys(functions)}}
        estimator = super().unpack(state, unpacker, where)
        vars(estimator).update(functions)
        return estimator


def sklearn_class(module: str, name: str) -> Any:
    """Return a class of scikit-learn.

    Parameters
    ----------
    module, name : str
        Of a table, never of a file.

    Returns
    -------
    cls : type

    Raises
    ------
    ImportError
        Where scikit-learn is not installed.
    """
    try:
        found = import_module(f"sklearn.{module}")
    except ImportError as error:
        raise ImportError(f"a {name} needs scikit-learn: pip install 'sparsereg-wide[sklearn]'") from error
    return getattr(found, name)


def needed_parameters(cls: Any) -> list[str]:
    """Return the parameters of a class that have no default.

    Parameters
    ----------
    cls : type

    Returns
    -------
    names : list of str
    """
    return [name for name, parameter in signature(cls).parameters.items() if parameter.default is Parameter.empty]


def _compare_versions(written: Any, unpacker: Unpacker, where: str) -> None:
    if not isinstance(written, str):
        raise ValueError(f"{where}: {shown(written)} is not allowed as a version of scikit-learn")
    installed = import_module("sklearn").__version__
    if written != installed:
        unpacker.warn(
            f"estimators of scikit-learn {shown(written)} are loaded by scikit-learn {installed}: results may differ "
            "or be wrong; fit anew, or use the version that wrote them", InconsistentVersionWarning,
        )


def is_vector(*kinds: str, optional: bool = False) -> Check:
    """Return a check for an array of one value a column.

    Parameters
    ----------
    *kinds : str
        Of its type, as NumPy has them.
    optional : bool, default=False
        Whether None is allowed.

    Returns
    -------
    check : callable
    """
    def check(value: Any, n_features: int) -> bool:
        if value is None:
            return optional
        return isinstance(value, np.ndarray) and value.dtype.kind in kinds and value.shape == (n_features,)

    return check


def is_count(value: Any, n_features: int) -> bool:
    """Return whether a value is a number of rows, or one for each column."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "iuf" and value.shape == (n_features,)
    return is_whole(value) or isinstance(value, (float, np.floating))


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number, of Python or NumPy."""
    return type(value) is int or isinstance(value, np.integer)


def is_flag(value: Any, n_features: int) -> bool:
    """Return whether a value is true or false."""
    return isinstance(value, (bool, np.bool_))
