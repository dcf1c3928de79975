"""Cross-validated estimators on a Dask cluster: folds are drawn where rows lie, and each is a task."""

from __future__ import annotations

import numbers
import reprlib
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.dask.base import WHERE, DaskModel
from sparsereg.dask.cluster import Cluster, ClusterError
from sparsereg.dask.estimators import LazyProbabilities
from sparsereg.dask.folds import ClusterFolds, PreparedFacts, facts_of_folds, prepare_folds
from sparsereg.dask.inputs import as_parts, is_value, names_of
from sparsereg.dask.reducing import Reduction, begin, counted, merged
from sparsereg.estimators.cv import ElasticNetCV, LassoCV, LogisticRegressionCV, PoissonRegressorCV, RidgeCV
from sparsereg.estimators.glm_cv import CVOptions, CVPath, choose_fit, cross_validated
from sparsereg.inputs.parameters import check_choice, make_generator
from sparsereg.model_selection.folds import N_FOLDS
from sparsereg.solvers.convergence import frames_of_the_package

Vector = npt.NDArray[np.float64]

_CLUSTER = """

    Equal rows become one where they lie, with the number of the fold that they are held out in; what is left is merged
    up a tree of workers. The fits on all data and those of each fold are tasks, of all l1_ratio at once, each on a
    worker that has or fetches the merged rows. The caller gets scores and the fits on all data. Numbers are those of
    ``PLAIN().fit(reduced)`` for the `Reduced` of all rows with these folds, to the last bit.

    Parameters
    ----------
    cv : int or None, default=None
        Number of folds, None is 5. Rows are dealt to them at random, those of each partition evenly, not label by
        label; with `groups` in `fit` groups are, by a hash of each. Folds of your own: give delayed values of
        ``Reduced.of(..., fold=numbers)`` as X, and None.
    random_state : None, int, RandomState or Generator, default=None
        Of the folds; None is 0. The same number and partitions give the same folds.
    where : {"auto", "reduce"}, default="auto"
        The same: cross-validation reduces.
    features, client, timeout
        As for `DaskLasso`.
    verbose : int, default=0
        1 prints a line for each phase and when a fold is done.
    callback : callable or None, default=None
        Called here with a `sparsereg.CVProgress` for every fit of a task when the task is done.
    n_jobs : None
        Workers are what there is.
    scoring : None, str or sequence of str, default=None
        Names of this library's metrics.
    keep_predictions : False

    All other parameters, and the attributes, are those of `PLAIN`; `cv_folds_` is None.

    Attributes
    ----------
    reduction_ : DaskReduction
        Samples, distinct rows, bytes in parts and moved; `print` says it in words.
    """


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class DaskCrossValidatedModel(DaskModel):
    """A model of data on a cluster whose strength of penalty is the one that predicts held-out rows best."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None, groups: Any = None) -> Any:
        """Fit a path on all data and on all folds; keep the fit of the alpha that the folds choose.

        Parameters
        ----------
        X, y, sample_weight, offset
            As `DaskLasso.fit` takes them.
        groups : None, or as y
            Rows of a group are held out together.

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
        options = self._check(names_of(X, self.features))
        n_folds, seed = _n_folds(self.cv), _seed(self.random_state)
        data = as_parts(X, y, sample_weight, offset, self.features, groups)
        with Cluster(self.client, self.timeout) as cluster:
            reduction = begin(cluster, data, self._loss, n_folds=n_folds, random_state=seed)
            local = self._bare()
            local.callback, local.verbose, local.cv, local.random_state = None, 0, None, None
            prepared = cluster.submit(
                prepare_folds, cluster.scatter(local), merged(cluster, reduction), label="design",
                name="the merged reduction",
            )
            told = cluster.submit(facts_of_folds, prepared, label="count", name="the merged reduction")
            counted(cluster, reduction, self.verbose)
            facts = _facts(cluster, told, reduction)
            may_be_other = self.cv is None and isinstance(X, (list, tuple)) and all(map(is_value, X))
            self._tell(facts, None if may_be_other else n_folds)
            folds = ClusterFolds(cluster, prepared, facts.fold_weight.size, self._report)
            choice = choose_fit(_run(folds, options, facts.fold_weight), options)
        self._keep(choice, options, None, None)
        self.reduction_ = facts.found
        return self

    def _check(self, names: Any) -> CVOptions:
        """Check settings before any data are read."""
        check_choice(self.where, "where", WHERE)
        if self.where == "stay":
            raise ValueError(
                "where: 'stay' is not allowed in cross-validation, whose folds are fits to reduced rows; expected "
                "'auto' or 'reduce'"
            )
        options = self._cv_options(names)
        for name, given, expected in (
            ("n_jobs", self.n_jobs, "None: folds are shared by the workers of the cluster"),
            ("scoring", options.scoring.scorer, "None or names of this library's metrics"),
            ("keep_predictions", options.folds.keep_fits or None, "False: rows stay where they are"),
        ):
            if given is not None:
                raise ValueError(f"{name}: {getattr(self, name)!r} is not allowed on a cluster, expected {expected}")
        return options

    def _tell(self, facts: PreparedFacts, n_folds: int | None) -> None:
        """Say what the data were made into, and refuse folds that lack rows."""
        for message, category in facts.caught:
            warnings.warn(message, category, stacklevel=frames_of_the_package())
        found, n_found = facts.found, facts.fold_weight.size
        if n_folds is not None and n_found < n_folds:
            raise ValueError(
                f"cv: {n_folds} folds are not allowed, {n_found} of them have rows of positive weight; expected fewer "
                f"folds, or more rows (or groups) than the {found.n_samples:,} that there are"
            )
        if self.verbose:
            print(f"merged: {found.n_rows:,} rows, {found.nbytes / 1e6:,.1f} MB, {n_found} folds")


def _facts(cluster: Cluster, future: Any, reduction: Reduction) -> PreparedFacts:
    try:
        return cluster.result(future)  # type: ignore[no-any-return]
    except ClusterError as error:
        raise ClusterError(f"{error}; all {len(reduction.facts)} parts were reduced") from error


def _run(folds: ClusterFolds, options: CVOptions, fold_weight: Vector) -> list[CVPath]:
    """Go down the grids of all l1_ratio side by side."""
    going = dict(enumerate(cross_validated(options, l1_ratio, fold_weight) for l1_ratio in options.l1_ratios))
    stretches, done = {k: next(path) for k, path in going.items()}, {}
    while stretches:
        for k, fits in folds.run(stretches).items():
            try:
                stretches[k] = going[k].send(fits)
            except StopIteration as end:
                done[k] = end.value
                del stretches[k]
    return [done[k] for k in range(len(going))]


def _n_folds(cv: Any) -> int:
    if cv is None:
        return N_FOLDS
    if isinstance(cv, (bool, np.bool_)) or not isinstance(cv, numbers.Integral):
        raise TypeError(
            f"cv: {reprlib.repr(cv)} is not allowed on a cluster, expected None or a number of folds; for folds of "
            "your own give delayed values of Reduced.of(..., fold=numbers) as X"
        )
    if cv < 2:
        raise ValueError(f"cv: {cv} folds are not allowed, expected at least 2")
    return int(cv)


def _seed(random_state: Any) -> int:
    """Return a number that every part can be told."""
    if random_state is None or isinstance(random_state, numbers.Integral):
        make_generator(random_state)
        return 0 if random_state is None else int(random_state)
    return int(make_generator(random_state).integers(2**62))


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class DaskLassoCV(DaskCrossValidatedModel, LassoCV):
    __doc__ = "`LassoCV` of data on a Dask cluster." + _CLUSTER.replace("PLAIN", "LassoCV")

    _plain = LassoCV


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class DaskElasticNetCV(DaskCrossValidatedModel, ElasticNetCV):
    __doc__ = "`ElasticNetCV` of data on a Dask cluster." + _CLUSTER.replace("PLAIN", "ElasticNetCV")

    _plain = ElasticNetCV


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class DaskRidgeCV(DaskCrossValidatedModel, RidgeCV):
    __doc__ = "`RidgeCV` of data on a Dask cluster." + _CLUSTER.replace("PLAIN", "RidgeCV")

    _plain = RidgeCV


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class DaskPoissonRegressorCV(DaskCrossValidatedModel, PoissonRegressorCV):
    __doc__ = "`PoissonRegressorCV` of data on a Dask cluster." + _CLUSTER.replace("PLAIN", "PoissonRegressorCV")

    _plain = PoissonRegressorCV


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class DaskLogisticRegressionCV(LazyProbabilities, DaskCrossValidatedModel, LogisticRegressionCV):
    __doc__ = "`LogisticRegressionCV` of data on a Dask cluster. Classes are those of all parts." + _CLUSTER.replace(
        "PLAIN", "LogisticRegressionCV"
    )

    _plain = LogisticRegressionCV
