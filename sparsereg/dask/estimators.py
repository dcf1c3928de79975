"""Estimators on a Dask cluster at one alpha: the plain ones, fitted to data in parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sparsereg.dask.base import DaskEstimator
from sparsereg.estimators.classifiers import LogisticRegression
from sparsereg.estimators.regressors import ElasticNet, Lasso, PoissonRegressor, Ridge

_CLUSTER = """

    Parameters
    ----------
    where : {"auto", "reduce", "stay"}, default="auto"
        "reduce": equal rows become one where they lie, what is left is merged up a tree of workers, and one worker
        solves. "stay": rows stay where they are, and only those of a small working set travel. "auto": "reduce" where
        that takes at most half the memory of the smallest worker, else "stay" where it is possible.
    features : transformer, list of column names and pairs (transformer, column names), or None, default=None
        What the columns of X are made of, of data frames and files; as for `CsvReader`. Transformers that learn must be
        fitted.
    client : distributed.Client or None, default=None
        None: the one that was made last.
    timeout : float, default=300.0
        Seconds without a worker, or without an answer of the scheduler, after which a fit is given up.

    All other parameters, and the attributes, are those of `PLAIN`, and so are the numbers. Two fits of the same parts
    are equal to the last bit. `dual_gap_` is the certificate on all data.

    Attributes
    ----------
    reduction_ : DaskReduction
        Samples, distinct rows, bytes in parts and moved, passes over the data; `print` says it in words.
    """


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class DaskLasso(DaskEstimator, Lasso):
    __doc__ = """`Lasso` of data on a Dask cluster.""" + _CLUSTER.replace("PLAIN", "Lasso")

    _plain = Lasso


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class DaskElasticNet(DaskEstimator, ElasticNet):
    __doc__ = """`ElasticNet` of data on a Dask cluster.""" + _CLUSTER.replace("PLAIN", "ElasticNet")

    _plain = ElasticNet


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class DaskRidge(DaskEstimator, Ridge):
    __doc__ = """`Ridge` of data on a Dask cluster, which are always reduced: all columns have weights.""" + (
        _CLUSTER.replace("PLAIN", "Ridge")
    )

    _plain = Ridge


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class DaskPoissonRegressor(DaskEstimator, PoissonRegressor):
    __doc__ = """`PoissonRegressor` of data on a Dask cluster.""" + _CLUSTER.replace("PLAIN", "PoissonRegressor")

    _plain = PoissonRegressor


class LazyProbabilities:
    """Scores and probabilities of classes, lazily where X is Dask's."""

    _lazily: Any

    def decision_function(self, X: Any, offset: Any = None) -> Any:
        """Compute X w + b, plus the offset, lazily where X is Dask's; see `predict` for X and offset.

        Returns
        -------
        scores : dask Series, DataFrame or array, or ndarray, of shape (n_samples,), beyond two classes
            (n_samples, n_classes)
        """
        return self._lazily(X, "decision_function", offset)

    def predict_proba(self, X: Any, offset: Any = None) -> Any:
        """Compute the probability of every class, lazily where X is Dask's; see `predict` for X and offset.

        Returns
        -------
        probabilities : dask DataFrame with a column for each class, dask array or ndarray of shape
            (n_samples, n_classes)
        """
        return self._lazily(X, "predict_proba", offset)

    def predict_log_proba(self, X: Any, offset: Any = None) -> Any:
        """Compute the logarithm of the probability of every class; see `predict_proba`.

        Returns
        -------
        logarithms : as those of `predict_proba`
        """
        return self._lazily(X, "predict_log_proba", offset)


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class DaskLogisticRegression(LazyProbabilities, DaskEstimator, LogisticRegression):
    __doc__ = """`LogisticRegression` of data on a Dask cluster. Classes are those of all parts.""" + (
        _CLUSTER.replace("PLAIN", "LogisticRegression")
    )

    _plain = LogisticRegression
