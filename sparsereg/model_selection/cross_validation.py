"""Cross-validation on one shared design: folds are weights, scored on aggregated rows, alpha by alpha."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.model_selection.fold_path import FoldPath
from sparsereg.model_selection.folds import Fold
from sparsereg.solvers.assemble import ProblemOptions
from sparsereg.solvers.base import Solution, SolverOptions
from sparsereg.solvers.convergence import warn_unconverged
from sparsereg.solvers.problem import Problem

Vector = npt.NDArray[np.float64]

# Scores closer than this, relative, are equal but for rounding.
SAME_SCORE = 1e-10


@dataclass(frozen=True)
class CVProgress:
    """What the callback of a cross-validation is told after every fit.

    Attributes
    ----------
    fold : int
        From 0; -1 for the fits on all data, which come first.
    n_folds : int
    l1_ratio, alpha : float
    position : int
        Of alpha in its grid, from 0.
    n_alphas : int
    n_nonzero : int
        Columns with a non-zero coefficient.
    scores : dict of float
        Metrics on the unseen part of the fold; empty for fits on all data.
    """

    fold: int
    n_folds: int
    l1_ratio: float
    alpha: float
    position: int
    n_alphas: int
    n_nonzero: int
    scores: dict[str, float]


@dataclass(frozen=True, eq=False)
class FoldScores:
    """Scores and sizes of the fits of one fold.

    Attributes
    ----------
    scores : dict of list of float
        By metric, one value for each alpha.
    n_nonzero : list of int
    fits : list of Solution
        Where they are kept.
    """

    scores: dict[str, list[float]]
    n_nonzero: list[int]
    fits: list[Solution]


class _Stopped(Exception):
    """Another fold has failed, or the user has lost patience."""


class CrossValidation:
    """Fits and scores of every fold, down a grid that may go on once they are known.

    Parameters
    ----------
    make_problem : callable
        Takes a fold and the smallest alpha ahead.
    make_scorer : callable
        Takes a fold; returns a function of a solution that returns a dict of scores.
    folds : list of Fold
    options : ProblemOptions
    solver_options : SolverOptions
        Of the folds.
    relax : bool
        Score relaxed fits.
    n_jobs : int
        Threads to share the folds; results do not depend on it.
    keep_fits : bool
        Keep the non-zeros of every fit.
    callback : callable
        Called with a `CVProgress` after every fit, by one thread at a time; whatever it raises ends all folds.

    Attributes
    ----------
    alphas : ndarray of float64 of shape (n_alphas,)
        The grid so far.
    results : list of FoldScores
        One for each fold.
    """

    def __init__(
        self, make_problem: Callable[[Fold, float], Problem],
        make_scorer: Callable[[Fold], Callable[[Any], dict[str, float]]], folds: Sequence[Fold],
        options: ProblemOptions, solver_options: SolverOptions, *, relax: bool, n_jobs: int, keep_fits: bool,
        callback: Callable[[CVProgress], object],
    ):
        self._make_problem, self._make_scorer, self._folds = make_problem, make_scorer, folds
        self._options, self._solver_options, self._relax = options, solver_options, relax
        self._n_jobs, self._keep_fits, self._callback = n_jobs, keep_fits, callback
        self._stop, self._reporting, self._preparing = threading.Event(), threading.Lock(), threading.Lock()
        self._paths = [self._path_of(fold) for fold in folds]
        self.alphas: Vector = np.empty(0)
        self.results = [FoldScores({}, [], []) for _ in folds]

    def extend(self, alphas: Vector) -> None:
        """Fit and score every fold at further alphas.

        Parameters
        ----------
        alphas : ndarray of float64 of shape (n_alphas,)
            Below those before.
        """
        before, self.alphas = self.alphas.size, np.concatenate([self.alphas, alphas])
        _run_in_threads(lambda number: self._run(number, before), len(self._folds), self._n_jobs, self._stop)

    def warn(self) -> None:
        """Warn, once for all folds, of fits that stopped short of the tolerance.

        Warns
        -----
        ConvergenceWarning
        """
        for relaxed in (False, True):
            fits = [fit for path in self._paths for fit in (path.refitted if relaxed else path.fitted)]
            warn_unconverged(fits, np.resize(self.alphas, len(fits)), self._solver_options, relaxed=relaxed)

    def _path_of(self, fold: Fold) -> FoldPath:
        def make_problem(smallest_alpha: float) -> Problem:
            # A fold takes the most memory before it is solved, and little time: one does so while others solve.
            with self._preparing:
                return self._make_problem(fold, smallest_alpha)

        solver_options = replace(self._solver_options, callback=self._check_stop)
        return FoldPath(make_problem, self._options, solver_options, relax=self._relax)

    def _check_stop(self, _: object) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _report(self, progress: CVProgress) -> None:
        self._check_stop(None)
        with self._reporting:
            self._callback(progress)

    def _run(self, number: int, start: int) -> None:
        """Fit and score one fold, alpha by alpha, from position `start` of the grid."""
        results, path = self.results[number], self._paths[number]
        try:
            path.resume(float(self.alphas[-1]))
        except ValueError as error:
            raise ValueError(
                f"cv: the train part of fold {number} cannot be fitted, because a class or all counts are missing "
                f"there or have no weight; expected folds that keep some of each in every train part ({error})"
            ) from error
        score = self._make_scorer(self._folds[number])
        for k in range(start, self.alphas.size):
            alpha = float(self.alphas[k])
            solution = path.step(alpha)
            scores = score(solution)
            for name, value in scores.items():
                results.scores.setdefault(name, []).append(value)
            results.n_nonzero.append(solution.columns.size)
            if self._keep_fits:
                results.fits.append(solution)
            n_folds, n_alphas, n_nonzero = len(self._folds), self.alphas.size, results.n_nonzero[-1]
            self._report(CVProgress(number, n_folds, self._options.l1_ratio, alpha, k, n_alphas, n_nonzero, scores))
        path.pause()


def _run_in_threads(run: Callable[[int], None], n_tasks: int, n_jobs: int, stop: threading.Event) -> None:
    """Run tasks in this thread and n_jobs - 1 others; raise the first failure once all have ended.

    This thread takes part because the memory that it has freed before is of no use to others.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for k in range(n_tasks):
        waiting.put(k)

    def work() -> None:
        try:
            while not waiting.empty() and not stop.is_set():
                run(waiting.get_nowait())
        except queue.Empty:
            return
        except BaseException:
            stop.set()
            raise

    with ThreadPoolExecutor(max(n_jobs - 1, 1)) as pool:
        others = [pool.submit(work) for _ in range(min(n_jobs, n_tasks) - 1)]
        failures: list[BaseException | None] = []
        try:
            work()
        except BaseException as failure:
            failures.append(failure)
        try:
            failures += [other.exception() for other in others]
        except BaseException:
            stop.set()
            raise
    for failure in failures:
        if failure is not None and not isinstance(failure, _Stopped):
            raise failure


def summarise(
    results: Sequence[FoldScores], fold_weight: Vector, alphas: Vector, l1_ratio: float
) -> dict[str, npt.NDArray[np.float64]]:
    """Average over folds.

    Parameters
    ----------
    results : list of FoldScores
    fold_weight : ndarray of float64 of shape (n_folds,)
        Weight of the held-out part of each fold. A metric that a fold leaves undefined (NaN) has no part in its means.
    alphas : ndarray of float64 of shape (n_alphas,)
    l1_ratio : float

    Returns
    -------
    table : dict of ndarray
        "alpha", "l1_ratio" and "n_nonzero" (mean over folds); for every metric "mean_", "std_" and "se_" of shape
        (n_alphas,), and "fold_" of shape (n_alphas, n_folds).

    Notes
    -----
    Means and variances over folds are weighted by fold_weight. The standard error is the root of the variance over the
    number of folds less one, as in glmnet.
    """
    counts = np.array([result.n_nonzero for result in results], dtype=np.float64)
    n_nonzero = np.average(counts, axis=0, weights=fold_weight)
    table = {"alpha": alphas, "l1_ratio": np.full(alphas.size, l1_ratio), "n_nonzero": n_nonzero}
    for name in results[0].scores:
        values = np.array([result.scores[name] for result in results]).T
        weight = np.where(np.isnan(values), 0.0, fold_weight)
        total, n_defined = weight.sum(axis=1), (weight > 0.0).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (weight * np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf)).sum(axis=1) / total
            spread = (weight * np.nan_to_num(values - mean[:, None], nan=0.0) ** 2).sum(axis=1) / total
            table[f"mean_{name}"], table[f"std_{name}"] = mean, np.sqrt(spread)
            table[f"se_{name}"] = np.sqrt(spread / (n_defined - 1))
        table[f"fold_{name}"] = values
    return table


def comparable_means(table: dict[str, Vector], name: str) -> Vector:
    """Return the mean scores that may be compared: those over all folds in which the metric is defined at all.

    Parameters
    ----------
    table : dict of ndarray
        From `summarise`; several of them, one after the other.
    name : str
        The metric.

    Returns
    -------
    means : ndarray of float64 of shape (n_entries,)
        NaN where a fold leaves the metric undefined that defines it elsewhere: a mean over fewer folds, perhaps
        the easier ones, says nothing beside one over more.
    """
    undefined = np.isnan(table[f"fold_{name}"])
    usable = ~undefined.all(axis=0)
    return np.where(undefined[:, usable].any(axis=1), np.nan, table[f"mean_{name}"])


def choose(table: dict[str, Vector], name: str, rule: str, greater_is_better: bool) -> int:
    """Choose a fit by its mean score.

    Parameters
    ----------
    table : dict of ndarray
        From `summarise`; several of them, one after the other. An entry whose mean is NaN is none to choose.
    name : str
        The metric to choose by.
    rule : {"min", "1se"}
        The best; or the largest alpha, with the l1_ratio of the best, whose mean is at most one standard error (that of
        the best) from it. Of equals, to rounding, the first, which is the largest alpha.
    greater_is_better : bool

    Returns
    -------
    index : int

    Raises
    ------
    ValueError
        Where the metric is defined at no alpha; and with "1se" where the best mean has no standard error.
    """
    cost = -table[f"mean_{name}"] if greater_is_better else table[f"mean_{name}"]
    if np.isnan(cost).all():
        raise ValueError(
            f"scoring: {name!r} is undefined (NaN) at every alpha, in all folds or in some that define it elsewhere, "
            "as shares of the variance and ranks are where all unseen rows are alike. Expected folds (cv) whose unseen "
            "rows differ, or another scoring: None is the mean loss, which every row defines"
        )
    lowest = np.nanmin(cost)
    best = int(np.argmax(cost <= lowest + (SAME_SCORE * abs(lowest) if np.isfinite(lowest) else 0.0)))
    if rule == "min":
        return best
    standard_error = table[f"se_{name}"][best]
    if np.isnan(standard_error):
        raise ValueError(
            f"rule: '1se' needs a standard error, and fewer than two folds define {name!r} at the best alpha; expected "
            "'min', or more folds (cv) whose unseen rows differ"
        )
    near = cost <= cost[best] + standard_error
    return int(np.argmax(near & (table["l1_ratio"] == table["l1_ratio"][best])))
