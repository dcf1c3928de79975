"""Stand-ins for the few scikit-learn base classes that the estimators need, for machines without scikit-learn.

Same names, same behaviour as far as the estimators use it. Only `sparsereg.inputs.sklearn` imports this module.
"""

from __future__ import annotations

import copy
import inspect
from typing import Any

import numpy as np


class NotFittedError(ValueError, AttributeError):
    """An estimator was asked for results before `fit`."""


class ConvergenceWarning(UserWarning):
    """A fit stopped before it reached its tolerance."""


class DataConversionWarning(UserWarning):
    """Input was brought into another shape."""


class BaseEstimator:
    """Parameters are the arguments of ``__init__``, stored under their own names."""

    @classmethod
    def _get_param_names(cls) -> list[str]:
        signature = inspect.signature(cls.__init__)
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return sorted(p.name for p in signature.parameters.values() if p.name != "self" and p.kind in kinds)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with `deep`, those of nested estimators too, as ``outer__inner``.

        Parameters
        ----------
        deep : bool

        Returns
        -------
        dict
        """
        out: dict[str, Any] = {}
        for name in self._get_param_names():
            value = getattr(self, name)
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                out.update((f"{name}__{key}", inner) for key, inner in value.get_params().items())
            out[name] = value
        return out

    def set_params(self, **params: Any) -> BaseEstimator:
        """Set parameters, ``outer__inner`` for those of a nested estimator.

        Parameters
        ----------
        **params : dict
            New values by name.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a name that is not a parameter.
        """
        valid = self._get_param_names()
        nested: dict[str, dict[str, Any]] = {}
        for key, value in params.items():
            name, separator, inner = key.partition("__")
            if name not in valid:
                raise ValueError(f"Invalid parameter {name!r} for estimator {self}. Valid parameters are: {valid!r}.")
            if separator:
                nested.setdefault(name, {})[inner] = value
            else:
                setattr(self, name, value)
        for name, inner_params in nested.items():
            getattr(self, name).set_params(**inner_params)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        given = self.get_params(deep=False).items()
        shown = [f"{name}={value!r}" for name, value in given if repr(value) != repr(defaults[name].default)]
        return f"{type(self).__name__}({', '.join(shown)})"


class TransformerMixin:
    """Adds `fit_transform`."""

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit to `X`, then transform it.

        Parameters
        ----------
        X : array-like
        y : array-like, optional
        **fit_params : dict
            Passed to `fit`.

        Returns
        -------
        array or sparse matrix
        """
        targets = () if y is None else (y,)
        return self.fit(X, *targets, **fit_params).transform(X)  # type: ignore[attr-defined]


class RegressorMixin:
    """Adds `score`, the coefficient of determination."""

    _estimator_type = "regressor"

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R2 of the predictions: 1 - sum w (y - p)^2 / sum w (y - mean)^2, 1 at best.

        A constant `y` scores 1 when predicted exactly and 0 otherwise; several outputs are averaged.

        Parameters
        ----------
        X : array-like or sparse, (n_samples, n_features)
        y : array-like, (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like, (n_samples,), optional

        Returns
        -------
        float
        """
        return r2_score(y, self.predict(X), sample_weight)  # type: ignore[attr-defined]


class ClassifierMixin:
    """Adds `score`, the accuracy."""

    _estimator_type = "classifier"

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the (weighted) share of rows whose predicted class is right.

        Parameters
        ----------
        X : array-like or sparse, (n_samples, n_features)
        y : array-like, (n_samples,)
        sample_weight : array-like, (n_samples,), optional

        Returns
        -------
        float
        """
        return accuracy_score(y, self.predict(X), sample_weight)  # type: ignore[attr-defined]


def r2_score(y: Any, prediction: Any, sample_weight: Any = None) -> float:
    """Return 1 - sum w (y - p)^2 / sum w (y - mean)^2, averaged over outputs.

    Parameters
    ----------
    y, prediction : array-like, (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like, (n_samples,), optional

    Returns
    -------
    float
    """
    target = np.asarray(y, dtype=np.float64)
    error = target - np.asarray(prediction, dtype=np.float64).reshape(target.shape)
    weight = np.ones(len(target)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    residual = weight @ error**2
    total = weight @ (target - np.average(target, axis=0, weights=weight)) ** 2
    perfect = np.where(residual == 0.0, 1.0, 0.0)
    ratio = np.divide(residual, total, out=np.zeros_like(np.asarray(total)), where=total != 0.0)
    return float(np.mean(np.where(total == 0.0, perfect, 1.0 - ratio)))


def accuracy_score(y: Any, prediction: Any, sample_weight: Any = None) -> float:
    """Return the (weighted) share of right predictions.

    Parameters
    ----------
    y, prediction : array-like, (n_samples,)
    sample_weight : array-like, (n_samples,), optional

    Returns
    -------
    float
    """
    return float(np.average(np.asarray(prediction) == np.asarray(y), weights=sample_weight))


def raise_unless_fitted(estimator: Any) -> None:
    """Raise `NotFittedError` unless `fit` has set an attribute whose name ends in ``_``.

    Parameters
    ----------
    estimator : estimator
        One with ``__sklearn_is_fitted__`` answers for itself.
    """
    if hasattr(estimator, "__sklearn_is_fitted__"):
        fitted = estimator.__sklearn_is_fitted__()
    else:
        fitted = any(name.endswith("_") and not name.startswith("__") for name in vars(estimator))
    if not fitted:
        raise NotFittedError(
            f"This {type(estimator).__name__} instance is not fitted yet. Call 'fit' with appropriate arguments before "
            "using this estimator."
        )


def clone(estimator: Any) -> Any:
    """Return an unfitted copy with the same parameters.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    estimator
    """
    params = {
        name: clone(value) if hasattr(value, "get_params") and not isinstance(value, type) else copy.deepcopy(value)
        for name, value in estimator.get_params(deep=False).items()
    }
    return type(estimator)(**params)
