"""What estimators on a cluster share: where they are fitted, how they become plain ones, lazy predictions, scores."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from sparsereg.dask.cluster import Cluster
from sparsereg.dask.inputs import Parts, as_parts, is_lazy, is_value, names_of
from sparsereg.dask.predictions import lazy_predictions, matrix_of
from sparsereg.dask.reducing import Outcome, begin, solve
from sparsereg.dask.staying import fit_staying, stays
from sparsereg.inputs.parameters import check_choice
from sparsereg.inputs.sklearn import check_is_fitted
from sparsereg.path.result import RegularizationPath
from sparsereg.readers.files import FilesReader
from sparsereg.reduction.reduced import Reduced

WHERE = ("auto", "reduce", "stay")
# Settings of an estimator that a path has too; those of its grid are the alpha.
_OF_PATHS = (
    *("fit_intercept", "standardize", "positive", "bounds", "penalty_factor", "max_iter", "tol", "n_threads"),
    *("callback", "gamma"),
)
# Those of classifiers that no path has.
_OF_CLASSES = ("class_weight", "label_smoothing")


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class DaskModel:
    """Settings of the cluster, and all that goes on after a fit."""

    where: str = "auto"
    features: Any = None
    client: Any = None
    timeout: float = 300.0

    # The estimator that this is on one machine.
    _plain: ClassVar[Any]

    def to_local(self) -> Any:
        """Return the plain estimator, with the same settings and, after a fit, the same coefficients.

        It knows nothing of Dask, can be saved by `save_model`, and takes matrices with the columns of the fit.

        Returns
        -------
        model : estimator of the package itself
        """
        local = self._bare()
        beside = {*self._parameters(), "reduction_"}
        vars(local).update({name: value for name, value in vars(self).items() if name not in beside})
        return local

    def _bare(self) -> Any:
        """Return the plain estimator with the same settings."""
        return self._plain(**{name: getattr(self, name) for name in self._plain._get_param_names()})

    def _parameters(self) -> list[str]:
        return list(type(self)._get_param_names())  # type: ignore[attr-defined]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the connection behind: a copy finds the client of the process that it is in."""
        return {**super().__getstate__(), "client": None}  # type: ignore[dict-item]

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Share the connection with copies in this process."""
        other = type(self).__new__(type(self))
        memo[id(self)] = other
        rest = {name: value for name, value in vars(self).items() if name != "client"}
        vars(other).update(copy.deepcopy(rest, memo), client=self.client)
        return other

    def __sklearn_clone__(self) -> Any:
        """Share the connection with clones too, which otherwise are scikit-learn's."""
        bare = copy.copy(self)
        bare.client = None
        other = super(DaskModel, bare).__sklearn_clone__()  # type: ignore[misc]
        other.client = self.client
        return other

    def _lazily(self, X: Any, method: str, offset: Any) -> Any:
        """Predict by a method of the plain estimator."""
        local = self.to_local()
        if is_lazy(X):
            return lazy_predictions(local, X, method, offset, self.features)
        if self.features is not None and hasattr(X, "columns"):
            check_is_fitted(self)
            X = matrix_of(X, self.features)
        return getattr(local, method)(X, offset)

    def predict(self, X: Any, offset: Any = None) -> Any:
        """Predict, lazily where X is Dask's.

        Parameters
        ----------
        X : dask DataFrame or array, or what the plain estimator takes
            A data frame with the columns that `features` are made of, in memory too; of those that were fitted as they
            are, with the names of the fit.
        offset : None, float, name of a column, dask Series or array, or array-like of shape (n_samples,)
            Not None where the fit had one; 0 is none.

        Returns
        -------
        predictions : dask Series or array of shape (n_samples,), or ndarray
        """
        return self._lazily(X, "predict", offset)

    def evaluate(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> dict[str, float]:
        """Judge the model on other data than it was made of, which are reduced where they lie.

        Parameters
        ----------
        X, y, sample_weight, offset
            As `fit` takes them, or as the plain estimator does.

        Returns
        -------
        values : dict of float
            As those of the plain estimator.

        Raises
        ------
        ValueError, TypeError, ClusterError
            As `fit`.
        """
        local = self.to_local()
        if not is_distributed(X):
            return local.evaluate(X, y, sample_weight, offset)  # type: ignore[no-any-return]
        check_is_fitted(self)
        data = as_parts(X, y, sample_weight, offset, self.features)
        with Cluster(self.client, self.timeout) as cluster:
            reduction = begin(cluster, data, local._loss)
            return solve(cluster, reduction, partial(_evaluate, local), 0).value  # type: ignore[no-any-return]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> float:
        """Compute the score of the plain estimator: R2, the share of the deviance, or the accuracy.

        Parameters
        ----------
        X, y, sample_weight, offset
            As `fit` takes them, or as the plain estimator does. Of data that are Dask's no offset is allowed:
            `evaluate` takes it.

        Returns
        -------
        score : float
        """
        if not is_distributed(X):
            return float(self.to_local().score(X, y, sample_weight, offset))
        if offset is not None:
            raise ValueError("offset: not allowed in scores of data on a cluster, expected None; `evaluate` takes it")
        measures = self.evaluate(X, y, sample_weight)
        return float(next(measures[name] for name in ("accuracy", "r2", "deviance_explained") if name in measures))


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class DaskEstimator(DaskModel):
    """A fit at one alpha to data on a cluster."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> Any:
        """Minimise F(w, b) over data on a cluster; the plain estimator says what it is.

        Parameters
        ----------
        X : dask DataFrame, dask array, list of delayed blocks or futures, path, list of paths, or reader of files
            Of a data frame columns are made by `features`, or are features themselves, with their names. The blocks of
            an array are dense or CSR. A delayed value becomes a matrix, a `Block`, (X, y), (X, y, sample_weight), or a
            `Reduced`. Files are opened by workers, each is a part: Parquet, CSV and tables in tabs by `features`,
            svmlight, or as the reader says that is given, such as ``CsvReader(paths, target="y", features=cross)``.
        y : str, dask Series or array, list of delayed values, or None
            Of data frames and files the name of a column; else with the partitions of X. None beside what brings its
            targets.
        sample_weight, offset : None, float, or as y

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For malformed data, with the number of the part and where they can be told the file and the row, or
            parameters; a previous fit stays as it was.
        ClusterError
            Where the cluster cannot do it; see `Cluster`.
        """
        check_choice(self.where, "where", WHERE)
        local = self.to_local() if self.warm_start else self._bare()  # type: ignore[attr-defined]
        local.verbose = 0
        local._check_settings(names_of(X, self.features))
        data = as_parts(X, y, sample_weight, offset, self.features)
        with Cluster(self.client, self.timeout) as cluster:
            outcome = self._fit(cluster, data, local)
        # Nothing is set before everything has succeeded.
        vars(self).pop("calibration_", None)
        vars(self).pop("feature_names_in_", None)
        vars(self).update(outcome.value, reduction_=outcome.reduction)
        return self

    def _fit(self, cluster: Cluster, data: Parts, local: Any) -> Outcome:
        verbose = self.verbose  # type: ignore[attr-defined]
        reduction, settings = begin(cluster, data, local._loss), _path_settings(local)
        if not stays(cluster, reduction, self.where, local._loss, settings):
            return solve(cluster, reduction, partial(_fitted_state, local), verbose)
        outcome = fit_staying(cluster, reduction, loss=local._loss, verbose=verbose, **settings)
        return Outcome(state_of_path(outcome.value, self), outcome.reduction)


def is_distributed(X: Any) -> bool:
    """Say whether data are for a cluster.

    Parameters
    ----------
    X : object

    Returns
    -------
    is_distributed : bool
    """
    paths = (str, os.PathLike)
    is_list = isinstance(X, (list, tuple)) and len(X) > 0 and all(is_value(one) or isinstance(one, paths) for one in X)
    return is_lazy(X) or is_list or isinstance(X, (FilesReader, *paths))


def state_of_path(path: RegularizationPath, model: Any) -> dict[str, Any]:
    """Return what a fit sets, of a path at one alpha.

    Parameters
    ----------
    path : RegularizationPath
    model : DaskEstimator

    Returns
    -------
    state : dict
    """
    is_classifier = hasattr(model, "predict_proba")
    state: dict[str, Any] = {
        "_coef": path.sparse_coef, "_has_offset": path.has_offset, "_gives_sparse": False,
        "intercept_": path.intercepts[:1] if is_classifier else float(path.intercepts[0]),
        "dual_gap_": float(path.dual_gaps[0]), "violation_": float("nan"), "objective_": float(path.objectives[0]),
        "n_iter_": int(path.n_iters[0]), "n_active_": path.n_active, "n_features_in_": path.sparse_coef.n_features,
    }
    if path.classes is not None:
        state["classes_"] = path.classes
    if path.feature_names is not None:
        state["feature_names_in_"] = path.feature_names
    return state


def _path_settings(local: Any) -> dict[str, Any]:
    settings = {name: getattr(local, name) for name in (*_OF_PATHS, *_OF_CLASSES) if hasattr(local, name)}
    return {**settings, **local._spelled_penalty(), "alphas": [local.alpha]}


def _fitted_state(local: Any, reduced: Reduced) -> dict[str, Any]:
    """Fit the plain estimator; return what the fit has set."""
    before = {*local._get_param_names()}
    local.fit(reduced)
    return {name: value for name, value in vars(local).items() if name not in before}


def _evaluate(local: Any, reduced: Reduced) -> dict[str, float]:
    offset = None if reduced.has_offset or not local._has_offset else 0
    return local.evaluate(reduced, None, None, offset)  # type: ignore[no-any-return]
