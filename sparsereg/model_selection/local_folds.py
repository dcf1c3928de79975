"""Folds in the threads of this process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.model_selection.cross_validation import CVProgress
from sparsereg.model_selection.fold_data import FoldData
from sparsereg.model_selection.stretches import Judge, Stretch, StretchFits, Watch, fit_all, fit_fold
from sparsereg.solvers.convergence import warn_blurred


class _Stopped(Exception):
    """Another fold has failed, or the user has lost patience."""


class LocalFolds:
    """Fits all data, then the folds, which threads share; results do not depend on their number.

    Parameters
    ----------
    data : FoldData
    n_jobs : int
        Threads.
    report : callable
        Called with a `CVProgress` after every fit, by one thread at a time; whatever it raises ends all fits.
    make_judge : callable or None
        Takes the number of a fold; returns a function of a solution that gives further scores.
    """

    def __init__(
        self, data: FoldData, *, n_jobs: int, report: Callable[[CVProgress], object],
        make_judge: Callable[[int], Judge] | None,
    ):
        self._data, self._n_jobs, self._make_judge = data, n_jobs, make_judge
        self._stop = threading.Event()
        self._watch_all, self._watch_folds = _WatchAll(report), _WatchFolds(report, self._stop)

    def run(self, stretch: Stretch) -> StretchFits:
        """Fit and score a stretch.

        Parameters
        ----------
        stretch : Stretch

        Returns
        -------
        fits : StretchFits

        Warns
        -----
        ConstantColumnWarning
            Before the first fit.
        """
        settings, data = stretch.settings, self._data
        start = stretch.grid if stretch.alphas is None else stretch.alphas
        # Threads that are to fit folds have nothing else to do yet.
        n_threads = max(settings.solver.n_threads, self._n_jobs)
        alone = replace(settings, solver=replace(settings.solver, n_threads=n_threads))
        path, whole = fit_all(data, alone, start, stretch.whole, self._watch_all)
        folds: list[Any] = [None] * len(data.folds)

        def run(number: int) -> None:
            folds[number] = fit_fold(
                data, number, settings, path.alphas, stretch.folds[number], self._watch_folds, self._make_judge
            )

        _run_in_threads(run, len(folds), self._n_jobs, self._stop)
        return StretchFits(path, whole, folds)


class _WatchAll(Watch):
    """Warns and reports, in the thread that called."""

    def __init__(self, report: Callable[[CVProgress], object]):
        self._report, self._is_first = report, True

    def started(self, blurred: npt.NDArray[np.int64]) -> None:
        # The columns are the same at every l1_ratio.
        if self._is_first:
            warn_blurred(blurred)
        self._is_first = False

    def fitted(self, progress: CVProgress) -> None:
        self._report(progress)


class _WatchFolds(Watch):
    """Reports from one thread at a time, and ends all folds where one has failed."""

    def __init__(self, report: Callable[[CVProgress], object], stop: threading.Event):
        self._report, self._stop, self._reporting = report, stop, threading.Lock()
        # A fold takes the most memory before it is solved: one does so while others solve.
        self.preparing = threading.Lock()

    def check(self, _: object) -> None:  # type: ignore[override]
        if self._stop.is_set():
            raise _Stopped

    def fitted(self, progress: CVProgress) -> None:
        self.check(None)
        with self._reporting:
            self._report(progress)


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
