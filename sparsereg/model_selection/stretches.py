"""Stretches of a grid of alphas: pure functions that fit and score a fold, or all data, from where it was paused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.model_selection.alpha_grid import Grid
from sparsereg.model_selection.cross_validation import CVProgress, FoldScores
from sparsereg.model_selection.fold_data import FoldData, FoldSettings
from sparsereg.model_selection.fold_path import FoldPath, PausedPath
from sparsereg.model_selection.held_out import HeldOut
from sparsereg.path.result import RegularizationPath
from sparsereg.solvers.base import Solution
from sparsereg.solvers.null_model import alpha_max, null_state
from sparsereg.solvers.problem import Problem

Vector = npt.NDArray[np.float64]
# Further scores of a solution on the unseen rows of a fold.
Judge = Callable[[Solution], dict[str, float]]


class Watch:
    """What is told of fits while they go on; this one listens to nothing.

    Attributes
    ----------
    check : callable or None
        Called with a `Progress` by the solver; whatever it raises ends the fits.
    preparing : context manager
        Held while the problem of a fold is made, which takes the most memory, and little time.
    """

    check: Callable[[Any], None] | None = None
    preparing: AbstractContextManager[Any] = nullcontext()

    def started(self, blurred: npt.NDArray[np.int64]) -> None:
        """Hear, before the first fit on all data, of columns that are left out as constant though they are not.

        Parameters
        ----------
        blurred : ndarray of int64 of shape (n_columns,)
            Their ids.
        """

    def fitted(self, progress: CVProgress) -> None:
        """Hear of a fit; whatever this raises ends the fits."""


SILENT = Watch()


@dataclass(frozen=True, eq=False)
class Told:
    """Makes of the fits of a stretch what is told of them.

    Attributes
    ----------
    fold : int
        From 0; -1 for the fits on all data.
    n_folds : int
    l1_ratio : float
    alphas : ndarray of float64 of shape (n_alphas,)
        Of the stretch.
    start : int
        Alphas before it.
    """

    fold: int
    n_folds: int
    l1_ratio: float
    alphas: Vector
    start: int

    def of(self, k: int, n_nonzero: int, scores: dict[str, float]) -> CVProgress:
        """Return what is told of the k-th fit."""
        n_alphas, alpha = self.start + self.alphas.size, float(self.alphas[k])
        return CVProgress(
            self.fold, self.n_folds, self.l1_ratio, alpha, self.start + k, n_alphas, int(n_nonzero), scores
        )


@dataclass(frozen=True, eq=False)
class Stretch:
    """What comes next of a cross-validation at one l1_ratio.

    Attributes
    ----------
    settings : FoldSettings
    grid : Grid
    alphas : ndarray of float64 of shape (n_alphas,) or None
        To fit at, below those before; None: the first of the grid, which the data decide.
    whole : PausedPath or None
        Fits on all data so far.
    folds : list of PausedPath or of None
        Fits of each fold so far.
    """

    settings: FoldSettings
    grid: Grid
    alphas: Vector | None
    whole: PausedPath | None
    folds: list[PausedPath | None]


@dataclass(frozen=True, eq=False)
class StretchFits:
    """What came of a stretch.

    Attributes
    ----------
    path : RegularizationPath
        The fits on all data.
    whole : PausedPath
        What they go on from.
    folds : list of tuple of FoldScores and PausedPath
        Of each fold: scores of this stretch, and what it goes on from.
    """

    path: RegularizationPath
    whole: PausedPath
    folds: list[tuple[FoldScores, PausedPath]]


def first_alphas(data: FoldData, settings: FoldSettings, grid: Grid) -> Vector:
    """Find the alphas that a grid begins with; `fit_all` finds the same.

    Parameters
    ----------
    data : FoldData
    settings : FoldSettings
    grid : Grid

    Returns
    -------
    alphas : ndarray of float64 of shape (n_alphas,)
    """
    problem = data.problem(None, settings.problem, np.inf)
    return _first(grid, problem, null_state(problem, settings.solver), settings)


def _first(grid: Grid, problem: Problem, state: Any, settings: FoldSettings) -> Vector:
    return grid.first(alpha_max(problem, state, settings.problem.l1_ratio, settings.problem.penalty))


def fit_all(
    data: FoldData, settings: FoldSettings, alphas: Vector | Grid, paused: PausedPath | None = None,
    watch: Watch = SILENT,
) -> tuple[RegularizationPath, PausedPath]:
    """Fit all data along a stretch of the grid.

    Parameters
    ----------
    data : FoldData
    settings : FoldSettings
    alphas : ndarray of float64 of shape (n_alphas,), or Grid
        Below those before; of a grid its first alphas, which the data decide.
    paused : PausedPath or None, default=None
        Where the stretch before ended; None: there was none.
    watch : Watch, default=SILENT

    Returns
    -------
    path : RegularizationPath
        Of this stretch.
    paused : PausedPath
    """
    make_problem, solver = partial(data.problem, None, settings.problem), replace(settings.solver, callback=watch.check)
    whole = FoldPath(make_problem, settings.problem, solver, relax=settings.relax, paused=paused)
    whole.resume(np.inf if isinstance(alphas, Grid) else float(alphas[-1]))
    if paused is None:
        watch.started(data.design.active[whole.problem.outputs[0].blurred])
    if isinstance(alphas, Grid):
        alphas = _first(alphas, whole.problem, whole.state, settings)
    told, solutions = _told(-1, data, settings, alphas, paused), []
    for k, alpha in enumerate(alphas.tolist()):
        solutions.append(whole.step(alpha))
        watch.fitted(told.of(k, solutions[-1].columns.size, {}))
    return data.path_of(solutions, alphas, whole.problem, settings), whole.pause()


def fit_fold(
    data: FoldData, number: int, settings: FoldSettings, alphas: Vector, paused: PausedPath | None = None,
    watch: Watch = SILENT, make_judge: Callable[[int], Judge] | None = None,
) -> tuple[FoldScores, PausedPath]:
    """Fit the training part of a fold along a stretch of the grid, and score it on the rows that it has not seen.

    Parameters
    ----------
    data : FoldData
    number : int
        Of the fold, from 0.
    settings : FoldSettings
    alphas : ndarray of float64 of shape (n_alphas,)
        Below those before.
    paused : PausedPath or None, default=None
        Where the stretch before ended; None: there was none.
    watch : Watch, default=SILENT
    make_judge : callable or None, default=None
        Takes the number of the fold; returns a function of a solution that gives further scores.

    Returns
    -------
    results : FoldScores
        Of this stretch.
    paused : PausedPath

    Raises
    ------
    ValueError
        Where the training part lacks what the loss needs.
    """
    fold_solver = replace(settings.fold_solver, callback=watch.check)
    make_problem = partial(_prepare, data, number, settings, watch)
    path = FoldPath(make_problem, settings.problem, fold_solver, relax=settings.relax, paused=paused)
    try:
        path.resume(float(alphas[-1]))
    except ValueError as error:
        raise ValueError(
            f"cv: the train part of fold {number} cannot be fitted, because a class or all counts are missing "
            f"there or have no weight; expected folds that keep some of each in every train part ({error})"
        ) from error
    held_out = HeldOut(
        data.design, settings.problem.loss, data.targets.score, data.test_weight(number), data.offset, settings.metrics
    )
    judge = None if make_judge is None else make_judge(number)
    results, told = FoldScores({}, [], []), _told(number, data, settings, alphas, paused)
    for k, alpha in enumerate(alphas.tolist()):
        solution = path.step(alpha)
        scores = held_out(solution) if judge is None else held_out(solution) | judge(solution)
        results.add(solution, scores, keep_fit=settings.keep_fits)
        watch.fitted(told.of(k, solution.columns.size, scores))
    return results, path.pause()


def _prepare(data: FoldData, number: int, settings: FoldSettings, watch: Watch, smallest_alpha: float) -> Problem:
    with watch.preparing:
        return data.problem(number, settings.problem, smallest_alpha)


def _told(number: int, data: FoldData, settings: FoldSettings, alphas: Vector, paused: PausedPath | None) -> Told:
    start = 0 if paused is None else len(paused.alphas)
    return Told(number, len(data.folds), settings.problem.l1_ratio, alphas, start)
