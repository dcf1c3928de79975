"""The one place that knows whether scikit-learn is installed.

With it, the base classes are scikit-learn's own, so its tools (clone, pipelines, searches, HTML) know the estimators.
Without it, `sparsereg.inputs.sklearn_stubs` stands in. The feature-name checks are ours in both cases: scikit-learn's
are private names that move between versions.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsereg.inputs.rows import open_width_hint

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin, clone
    from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
    from sklearn.utils.validation import check_is_fitted as raise_unless_fitted
except ImportError:
    from sparsereg.inputs.sklearn_stubs import (
        BaseEstimator,
        ClassifierMixin,
        ConvergenceWarning,
        DataConversionWarning,
        NotFittedError,
        RegressorMixin,
        TransformerMixin,
        clone,
        raise_unless_fitted,
    )

    HAS_SKLEARN = False
else:
    HAS_SKLEARN = True

__all__ = [
    "HAS_SKLEARN",
    "BaseEstimator",
    "ClassifierMixin",
    "ConvergenceWarning",
    "DataConversionWarning",
    "NotFittedError",
    "RegressorMixin",
    "TransformerMixin",
    "check_feature_names",
    "check_is_fitted",
    "clone",
    "compare_feature_names",
    "feature_names",
    "metric",
    "refuse_lazy_frame",
    "set_feature_names",
]

MAX_SHOWN = 5  # scikit-learn's


def metric(name: str) -> Callable[..., float]:
    """Return a function of ``sklearn.metrics``, or its stand-in.

    Parameters
    ----------
    name : {"accuracy_score", "r2_score"}

    Returns
    -------
    function
        Takes y, predictions and `sample_weight`.
    """
    # scikit-learn's metrics take longer to import than this package, and few fits are followed by a score.
    module = "sklearn.metrics" if HAS_SKLEARN else "sparsereg.inputs.sklearn_stubs"
    return getattr(importlib.import_module(module), name)


def check_is_fitted(estimator: Any) -> None:
    """Raise `NotFittedError` unless an estimator was fitted.

    Parameters
    ----------
    estimator : estimator
        One with ``__sklearn_is_fitted__`` answers for itself.
    """
    # scikit-learn looks at the tags before it asks, which takes longer than to predict a row.
    answers = getattr(estimator, "__sklearn_is_fitted__", None)
    if answers is None or not answers():
        raise_unless_fitted(estimator)


def feature_names(X: Any) -> NDArray[np.object_] | None:
    """Return the column names of a data frame whose columns are all strings.

    Parameters
    ----------
    X : object
        Anything with ``columns`` (pandas, polars) counts as a data frame; tables of pyarrow have ``column_names``.

    Returns
    -------
    (n_features,) object array of str, or None
        None without columns, or when no column has a string name.

    Raises
    ------
    TypeError
        When some names are strings and some are not, or for a lazy frame.
    """
    refuse_lazy_frame(X)
    columns = getattr(X, "column_names", None)
    if columns is None:
        columns = getattr(X, "columns", None)
    if columns is None or callable(columns) or len(columns) == 0:
        return None
    names = np.empty(len(columns), dtype=object)
    names[:] = list(columns)
    types = sorted({type(name).__qualname__ for name in names})
    if len(types) > 1 and "str" in types:
        raise TypeError(
            f"Feature names are only supported if all input features have string names, but your input has {types} as "
            "feature name / column name types. If you want feature names to be stored and validated, you must convert "
            "them all to strings, by using X.columns = X.columns.astype(str) for example. Otherwise you can remove "
            "feature / column names from your input data, or convert them all to a non-string data type."
        )
    return names if types == ["str"] else None


def refuse_lazy_frame(X: Any) -> None:
    """Raise TypeError for a frame that has not been computed yet, such as a polars.LazyFrame.

    Parameters
    ----------
    X : object
    """
    if hasattr(type(X), "collect") and not hasattr(type(X), "shape"):
        raise TypeError(f"X is a {type(X).__name__}, whose rows are not there yet: collect() it first")


def check_feature_names(estimator: Any, X: Any, *, reset: bool) -> None:
    """Remember the width and names of `X` at fit; compare with them afterwards.

    Parameters
    ----------
    estimator : estimator
        Gets ``n_features_in_`` and, for named columns, ``feature_names_in_`` when `reset`.
    X : array, sparse matrix or data frame, (n_samples, n_features)
        The caller's own object: names are lost in conversion.
    reset : bool
        True in `fit` and in the first `partial_fit`, False elsewhere.

    Raises
    ------
    ValueError
        When the number, the names or the order of columns differ from those at fit, or `X` is not 2-D.
    TypeError
        When only some names are strings.

    Warns
    -----
    UserWarning
        When names were given at fit and not now, or the other way round.
    """
    names = feature_names(X)
    n_features = _n_features(X)
    if reset:
        set_feature_names(estimator, n_features, names)
        return
    fitted = vars(estimator)
    _compare_names(type(estimator).__name__, fitted.get("feature_names_in_"), names)
    expected = fitted.get("n_features_in_", n_features)
    if n_features != expected:
        raise ValueError(
            f"X has {n_features} features, but {type(estimator).__name__} is expecting {expected} features as input"
            f"{open_width_hint(n_features, expected)}."
        )


def set_feature_names(estimator: Any, n_features: int, names: NDArray[np.object_] | None) -> None:
    """Remember width and names at fit.

    Parameters
    ----------
    estimator : estimator
    n_features : int
    names : (n_features,) object array of str, or None
        As `feature_names` returns them.
    """
    attributes = vars(estimator)
    attributes["n_features_in_"] = n_features
    attributes.pop("feature_names_in_", None)
    if names is not None:
        attributes["feature_names_in_"] = names


def compare_feature_names(owner: str, fitted: NDArray[np.object_] | None, X: Any) -> None:
    """Compare the column names of `X` with those that something was fitted with.

    Parameters
    ----------
    owner : str
        What was fitted, for messages.
    fitted : (n_features,) object array of str, or None
    X : array, sparse matrix or data frame, (n_samples, n_features)

    Raises
    ------
    ValueError, TypeError
        As in `check_feature_names`.

    Warns
    -----
    UserWarning
        As in `check_feature_names`.
    """
    _compare_names(owner, fitted, feature_names(X))


def _n_features(X: Any) -> int:
    try:
        shape = np.asarray(X).shape if getattr(X, "shape", None) is None else X.shape
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"X: expected an array; {error}") from error
    if len(shape) != 2:
        raise ValueError(
            f"Expected 2D array, got {len(shape)}D array instead. Reshape your data using X.reshape(-1, 1) if it has "
            "a single feature or X.reshape(1, -1) if it is a single sample."
        )
    return int(shape[1])


def _compare_names(estimator_name: str, fitted: NDArray[np.object_] | None, given: NDArray[np.object_] | None) -> None:
    if given is None and fitted is None:
        return
    if fitted is None or given is None:
        message = f"X has feature names, but {estimator_name} was fitted without feature names"
        if given is None:
            message = f"X does not have valid feature names, but {estimator_name} was fitted with feature names"
        # It should point at the caller of predict or transform, two calls above that of this function.
        warnings.warn(message, UserWarning, stacklevel=4)
        return
    if np.array_equal(fitted, given):
        return
    unexpected, missing = sorted(set(given) - set(fitted)), sorted(set(fitted) - set(given))
    message = "The feature names should match those that were passed during fit.\n"
    if unexpected:
        message += "Feature names unseen at fit time:\n" + _name_list(unexpected)
    if missing:
        message += "Feature names seen at fit time, yet now missing:\n" + _name_list(missing)
    if not missing and not unexpected:
        message += "Feature names must be in the same order as they were in fit.\n"
    raise ValueError(message)


def _name_list(names: Iterable[str]) -> str:
    lines = [f"- {name}\n" for name in names]
    return "".join(lines[:MAX_SHOWN]) + ("- ...\n" if len(lines) > MAX_SHOWN else "")
