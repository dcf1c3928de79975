"""Folds as tasks: each is fitted and scored on a worker, from where its last stretch of the grid ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.dask.cluster import Cluster, make_check
from sparsereg.dask.parts import Part
from sparsereg.dask.reducing import recorded, report_of
from sparsereg.dask.report import DaskReduction
from sparsereg.estimators.glm_cv import CrossValidatedModel
from sparsereg.model_selection.alpha_grid import Grid
from sparsereg.model_selection.cross_validation import CVProgress, FoldScores
from sparsereg.model_selection.fold_data import FoldData, FoldSettings
from sparsereg.model_selection.fold_path import PausedPath
from sparsereg.model_selection.stretches import Stretch, StretchFits, Told, Watch, first_alphas, fit_all, fit_fold
from sparsereg.path.result import RegularizationPath
from sparsereg.solvers.convergence import warn_blurred

Vector = npt.NDArray[np.float64]
NO_COLUMNS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Prepared:
    """What all folds are fitted to, on a worker: made once, and fetched by others that are given a fold.

    Attributes
    ----------
    data : FoldData
    settings : FoldSettings
    fold_numbers : ndarray of int64 of shape (n_folds,)
        As rows have them.
    found : DaskReduction
        What the data were made of.
    caught : list of tuple of str and type
        Warnings.
    """

    data: FoldData
    settings: FoldSettings
    fold_numbers: npt.NDArray[np.int64]
    found: DaskReduction
    caught: list[tuple[str, type[Warning]]]

    def __sizeof__(self) -> int:
        """Tell Dask's scheduler what it costs to move this."""
        data = self.data
        held = (*vars(data.design).values(), *vars(data.targets).values(), *(fold.test for fold in data.folds))
        arrays = {id(one): one for one in held if isinstance(one, np.ndarray)}
        return object.__sizeof__(self) + sum(one.nbytes for one in arrays.values())


@dataclass(frozen=True, eq=False)
class PreparedFacts:
    """What the caller is told of it; see `Prepared`."""

    fold_weight: Vector
    fold_numbers: npt.NDArray[np.int64]
    found: DaskReduction
    caught: list[tuple[str, type[Warning]]]


@dataclass(frozen=True, eq=False)
class WholeDone:
    """Fits on all data along a stretch.

    Attributes
    ----------
    path : RegularizationPath
    paused : PausedPath
    blurred : ndarray of int64 of shape (n_columns,)
        Ids of columns that are left out as constant though they are not.
    """

    path: RegularizationPath
    paused: PausedPath
    blurred: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FoldDone:
    """Fits and scores of a fold along a stretch."""

    scores: FoldScores
    paused: PausedPath


class _OnWorker(Watch):
    """Keeps the columns that it hears of, as warnings of a worker are seen by nobody; ends what nobody waits for."""

    def __init__(self) -> None:
        self.blurred = NO_COLUMNS
        self.check = make_check()

    def started(self, blurred: npt.NDArray[np.int64]) -> None:
        self.blurred = blurred


def prepare_folds(model: CrossValidatedModel, part: Part) -> Prepared:
    """Make the design of all data, and its folds.

    Parameters
    ----------
    model : CrossValidatedModel
        The plain estimator, whose folds are those of the reduction.
    part : Part
        The merged reduction.

    Returns
    -------
    prepared : Prepared

    Raises
    ------
    ValueError
        Where there are no rows, or what the estimator refuses.
    """
    found, reduced = report_of(part), part.reduced
    (_, _, data, options), caught = recorded(partial(model._fold_data, reduced, None, None, None, None))
    return Prepared(data, options.folds, np.unique(data.design.fold_numbers()), found, caught)


def facts_of_folds(prepared: Prepared) -> PreparedFacts:
    """Say what the caller has to know."""
    numbers = prepared.fold_numbers
    return PreparedFacts(prepared.data.fold_weight, numbers[numbers >= 0], prepared.found, prepared.caught)


def begin_grid(prepared: Prepared, l1_ratio: float, grid: Grid) -> Vector:
    """Find the alphas that the grid of an l1_ratio begins with."""
    return first_alphas(prepared.data, prepared.settings.at(l1_ratio), grid)


def fit_whole(prepared: Prepared, l1_ratio: float, alphas: Vector, before: WholeDone | None) -> WholeDone:
    """Fit all data along a stretch of the grid, from where the one before ended; see `fit_all`."""
    watch, paused = _OnWorker(), None if before is None else before.paused
    path, paused = fit_all(prepared.data, prepared.settings.at(l1_ratio), alphas, paused, watch)
    return WholeDone(path, paused, watch.blurred)


def fit_one_fold(
    prepared: Prepared, l1_ratio: float, alphas: Vector, number: int, before: FoldDone | None
) -> FoldDone:
    """Fit and score a fold along a stretch of the grid, from where the one before ended; see `fit_fold`."""
    paused = None if before is None else before.paused
    return FoldDone(*fit_fold(prepared.data, number, prepared.settings.at(l1_ratio), alphas, paused, _OnWorker()))


def told(done: WholeDone | FoldDone) -> WholeDone | FoldDone:
    """Return what the caller has to know: all but the coefficients that the next fit starts from."""
    return replace(done, paused=done.paused.without_coefficients())


class ClusterFolds:
    """Fits all data and the folds in tasks, of all l1_ratio at once.

    States of fits stay on workers; scores, and the fits on all data, come to the caller.

    Parameters
    ----------
    cluster : Cluster
    prepared : distributed.Future
        Of `Prepared`.
    n_folds : int
    report : callable
        Called with a `CVProgress` for every fit of a task when that is done; whatever it raises ends the fit.
    """

    def __init__(self, cluster: Cluster, prepared: Any, n_folds: int, report: Callable[[CVProgress], object]):
        self._cluster, self._prepared, self._n_folds, self._report = cluster, prepared, n_folds, report
        self._before: dict[int, list[Any]] = {}

    def run(self, stretches: Mapping[int, Stretch]) -> dict[int, StretchFits]:
        """Fit and score a stretch of the grids of some l1_ratio.

        Parameters
        ----------
        stretches : mapping from int to Stretch
            By the position of the l1_ratio.

        Returns
        -------
        fits : dict from int to StretchFits
        """
        tasks = {k: self._submit(k, stretches[k], alphas) for k, alphas in self._alphas(stretches).items()}
        places = [(k, number) for k, of_ratio in tasks.items() for number in range(-1, len(of_ratio) - 1)]
        done: dict[tuple[int, int], Any] = {}
        futures = [future for of_ratio in tasks.values() for future in of_ratio]
        for position, result in self._cluster.as_completed(futures):
            k, number = places[position]
            done[k, number] = result
            self._tell(number, stretches[k].settings, result)
        return {k: self._fits_of(k, done) for k in tasks}

    def _alphas(self, stretches: Mapping[int, Stretch]) -> dict[int, Vector]:
        """Return the alphas of each stretch; the data decide where a grid begins."""
        alphas = {k: stretch.alphas for k, stretch in stretches.items() if stretch.alphas is not None}
        open_ones = [k for k in stretches if k not in alphas]
        ratios = [stretches[k].settings.problem.l1_ratio for k in open_ones]
        grids, shared = [stretches[k].grid for k in open_ones], [self._prepared] * len(open_ones)
        names = [f"l1_ratio {ratio:g}" for ratio in ratios]
        futures = self._cluster.map(begin_grid, shared, ratios, grids, label="grid", names=names)
        return dict(sorted((alphas | dict(zip(open_ones, self._cluster.results(futures)))).items()))

    def _submit(self, k: int, stretch: Stretch, alphas: Vector) -> list[Any]:
        """Have all data and the folds fitted; return futures of what is told of them."""
        cluster, prepared, n_folds = self._cluster, self._prepared, self._n_folds
        l1_ratio = stretch.settings.problem.l1_ratio
        whole, *folds = self._before.get(k, [None] * (n_folds + 1))
        # All data take the longest.
        whole = cluster.submit(
            fit_whole, prepared, l1_ratio, alphas, whole, label="path", name=f"all data at l1_ratio {l1_ratio:g}",
            priority=1,
        )
        names = [f"fold {number} at l1_ratio {l1_ratio:g}" for number in range(n_folds)]
        folds = cluster.map(
            fit_one_fold, [prepared] * n_folds, [l1_ratio] * n_folds, [alphas] * n_folds, range(n_folds), folds,
            label="fold", names=names,
        )
        self._before[k] = [whole, *folds]
        return cluster.map(told, [whole, *folds], label="scores", names=["all data", *names], priority=2)

    def _tell(self, number: int, settings: FoldSettings, result: Any) -> None:
        for progress in _progress_of(number, self._n_folds, settings.problem.l1_ratio, result):
            self._report(progress)

    def _fits_of(self, k: int, done: dict[tuple[int, int], Any]) -> StretchFits:
        whole = done[k, -1]
        if k == 0:
            # The columns are the same at every l1_ratio.
            warn_blurred(whole.blurred)
        folds = [done[k, number] for number in range(self._n_folds)]
        return StretchFits(whole.path, whole.paused, [(fold.scores, fold.paused) for fold in folds])


def _progress_of(number: int, n_folds: int, l1_ratio: float, result: Any) -> Iterator[CVProgress]:
    """Tell of one fit of a task after another."""
    if isinstance(result, WholeDone):
        n_nonzero, scores = result.path.df.tolist(), {}
    else:
        n_nonzero, scores = result.scores.n_nonzero, result.scores.scores
    alphas = np.array(result.paused.alphas)
    start = alphas.size - len(n_nonzero)
    of = Told(number, n_folds, l1_ratio, alphas[start:], start)
    for k, size in enumerate(n_nonzero):
        yield of.of(k, size, {name: values[k] for name, values in scores.items()})
