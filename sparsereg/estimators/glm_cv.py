"""Cross-validated models: the settings that they share, and the way from data to the fit that was chosen."""

from __future__ import annotations

import copy
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.estimators.cv_summary import summarize_cv
from sparsereg.estimators.glm import GLMBase
from sparsereg.inputs.names import UNKNOWN_NAMES
from sparsereg.inputs.parameters import check_choice, check_flag, check_l1_ratio, check_relax, check_threads
from sparsereg.inputs.sklearn import feature_names
from sparsereg.inputs.targets import check_y, flatten
from sparsereg.inputs.weights import check_offsets, check_sample_weight
from sparsereg.model_selection.alpha_grid import Grid, make_grid, pad
from sparsereg.model_selection.cross_validation import CVProgress, FoldScores, choose, comparable_means, summarise
from sparsereg.model_selection.fold_data import CVTargets, FoldData, FoldSettings
from sparsereg.model_selection.fold_path import PausedPath
from sparsereg.model_selection.folds import N_FOLDS, make_folds, number_folds
from sparsereg.model_selection.local_folds import LocalFolds
from sparsereg.model_selection.out_of_fold import predict_out_of_fold
from sparsereg.model_selection.scoring import Scoring, check_score, make_scoring, take
from sparsereg.model_selection.stretches import Judge, Stretch, StretchFits
from sparsereg.path.result import RegularizationPath
from sparsereg.plot import plot_cv
from sparsereg.readers.blocks import is_stream
from sparsereg.reduction.reduced import Reduced
from sparsereg.reduction.streams import folds_to_draw, reduce_stream
from sparsereg.reduction.training import ReducedDesign, training_samples
from sparsereg.solvers.assemble import make_solver_options
from sparsereg.solvers.base import Solution
from sparsereg.solvers.convergence import warn_saturated, warn_unconverged

Vector = npt.NDArray[np.float64]

# Just below the largest useful alpha a gap of 1e-8 still lets the model without columns pass for the best, whose area
# under the curve is one half: at this one, orders and supports were those of exact fits on all data tried.
STEPPED_TOL = 1e-10


@dataclass(frozen=True)
class CVOptions:
    """Checked settings of a cross-validation.

    Attributes
    ----------
    folds : FoldSettings
        At the smallest l1_ratio.
    l1_ratios : list of float
    grid : Grid
    scoring : Scoring
    rule : {"min", "1se"}
    n_jobs : int
    """

    folds: FoldSettings
    l1_ratios: list[float]
    grid: Grid
    scoring: Scoring
    rule: str
    n_jobs: int


@dataclass(frozen=True)
class CVPath:
    """The fits at one l1_ratio, the scores of their folds, and whether smaller alphas would fit no better.

    Attributes
    ----------
    path : RegularizationPath
    table : dict of ndarray
        From `summarise`.
    is_saturated : bool
    fits : list of list of Solution
        Those of every fold, where they are kept.
    """

    path: RegularizationPath
    table: dict[str, Vector]
    is_saturated: bool
    fits: list[list[Solution]]


@dataclass(frozen=True)
class CVChoice:
    """What the folds choose.

    Attributes
    ----------
    chosen : CVPath
        That of the l1_ratio chosen.
    position : int
        Of the alpha chosen, in its path.
    grids : list of ndarray of float64 of shape (n_alphas,)
        Of each l1_ratio.
    results : dict of ndarray
        The tables of all l1_ratio, one after the other.
    best, lowest, within : int
        Entries of `results`: the one chosen, and those of the rules "min" and "1se"; -1 where that has none.
    """

    chosen: CVPath
    position: int
    grids: list[Vector]
    results: dict[str, Vector]
    best: int
    lowest: int
    within: int


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class CrossValidatedModel(GLMBase):
    """A model whose strength of penalty is the one that predicts held-out rows best."""

    alphas: Any = None
    n_alphas: int = 100
    eps: float | None = None
    cv: Any = None
    random_state: Any = None
    scoring: Any = None
    rule: str = "min"
    relax: bool = False
    keep_predictions: bool = False
    tol: float = 1e-8
    n_jobs: int | None = None

    # Smallest over largest alpha of a grid to begin with.
    _default_eps = 1e-3

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None, groups: Any = None) -> Any:
        """Fit a path on all data and on all folds; keep the fit of the alpha that the folds choose.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features), Reduced or stream
            int32 or int64 ids; never changed, and not copied for the folds. A `Reduced` for the same loss brings its
            targets, weights, offsets and folds: all else, and `cv`, is then None, `scoring` names metrics,
            `keep_predictions` is False, and `cv_folds_` becomes None. So it is with a stream, a reader or an iterable
            of blocks (X, y) or (X, y, sample_weight), but that `cv`, None or a number, says how many folds are drawn
            while it is read, at random within every block by `random_state` (None: 0).
        y : array-like of shape (n_samples,); for classifiers also (n_samples, n_classes), probabilities or counts
        sample_weight : None, float or array-like of shape (n_samples,)
            In the fits and in the scores.
        offset : None, float or array-like of shape (n_samples,), beyond two classes (n_samples, n_classes)
            Known part of the linear predictor. `predict` and `score` then need one too.
        groups : None or array-like of shape (n_samples,)
            For splitters that keep groups together.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For malformed data or parameters; a previous fit stays as it was.
        """
        X, y, data, options = self._fold_data(X, y, sample_weight, offset, groups)

        def make_judge(number: int) -> Judge:
            return self._make_judge(X, y, data, options.scoring, number)

        scorer = options.scoring.scorer
        folds = LocalFolds(
            data, n_jobs=options.n_jobs, report=self._report, make_judge=None if scorer is None else make_judge
        )
        weight = data.fold_weight
        paths = [_run(cross_validated(options, l1_ratio, weight), folds) for l1_ratio in options.l1_ratios]
        choice = choose_fit(paths, options)
        predictions = None
        if options.folds.keep_fits:
            chosen = choice.chosen
            predictions = predict_out_of_fold(chosen.path, chosen.fits, data.folds, X, data.design, data.offset)
        # Of a reduction the rows that folds could be told of are gone.
        is_reduced = isinstance(data.design, ReducedDesign)
        numbers = None if is_reduced else number_folds(data.folds, data.design.n_samples)
        return self._keep(choice, options, numbers, predictions)

    def _keep(
        self, choice: CVChoice, options: CVOptions, fold_numbers: npt.NDArray[np.intp] | None,
        predictions: Vector | None,
    ) -> Any:
        """Take over what the folds have chosen; nothing is set before everything has succeeded."""
        path, results, best = choice.chosen.path, choice.results, choice.best
        solution, columns = path.solution(choice.position)
        self._adopt([solution], columns, path.feature_names, path.classes, path.has_offset)
        self.alpha_, self.l1_ratio_ = float(results["alpha"][best]), float(results["l1_ratio"][best])
        self.alpha_min_ = float(results["alpha"][choice.lowest])
        self.alpha_1se_ = np.nan if choice.within < 0 else float(results["alpha"][choice.within])
        self.alphas_ = pad(choice.grids) if isinstance(self.l1_ratio, (list, tuple, np.ndarray)) else choice.grids[0]
        self.path_, self.cv_results_, self.best_index_ = path, results, best
        self.measure_ = options.scoring.name
        self.cv_folds_, self.cv_predictions_ = fold_numbers, predictions
        return self

    def _cv_source(
        self, X: Any, y: Any, sample_weight: Any, offset: Any, groups: Any
    ) -> tuple[Any, npt.NDArray[np.object_] | None, CVOptions]:
        """Check settings before any work; reduce a stream, and draw its folds."""
        if not is_stream(X):
            names = feature_names(X)  # refuses mixed names before any work
            options = self._cv_options(names)
            if isinstance(X, Reduced):
                _refuse_rows_alone(self.cv, groups, options)
            return X, names, options
        options = self._cv_options(UNKNOWN_NAMES)
        _refuse_rows_alone(None, groups, options)
        X = reduce_stream(
            X, {"y": y, "sample_weight": sample_weight, "offset": offset}, loss=self._loss,
            n_folds=folds_to_draw(self.cv, N_FOLDS), random_state=0 if self.random_state is None else self.random_state,
        )
        names = X.feature_names
        return X, names, replace(options, folds=options.folds.with_names(names))

    def _fold_data(
        self, X: Any, y: Any, sample_weight: Any, offset: Any, groups: Any
    ) -> tuple[Any, Any, FoldData, CVOptions]:
        """Check settings and data; return the rows, the targets, the design with its folds, and the settings."""
        X, names, options = self._cv_source(X, y, sample_weight, offset, groups)
        X, y, sample_weight, offset = training_samples(X, y, sample_weight, offset, self._loss)
        design = self._make_design(X, y, sample_weight)
        targets = self._encode(y, sample_weight, design.n_samples)
        n_outputs = targets.fit.shape[1] if targets.fit.ndim == 2 else None
        offset = check_offsets(offset, design.n_samples, n_outputs)
        if offset is not None and options.scoring.scorer is not None:
            raise ValueError(f"scoring: {self.scoring!r} knows no offset, expected a name of this library's metrics")
        cv = design.fold_numbers() if isinstance(design, ReducedDesign) else self.cv
        folds = make_folds(
            cv, X, y, targets.score_weight, design.n_samples, groups=groups, labels=targets.codes,
            random_state=self.random_state,
        )
        if options.rule == "1se" and len(folds) < 2:
            raise ValueError("rule: '1se' needs a standard error and cv gives one fold, expected 'min' or more folds")
        return X, y, FoldData(design, targets, offset, folds, names), options

    def __str__(self) -> str:
        """Sum a fit up, as glmnet's `print` of one does; what is not fitted is what `repr` says."""
        return summarize_cv(self) if hasattr(self, "measure_") else repr(self)

    def plot(self, ax: Any = None, *, metric: str | None = None) -> Any:
        """Draw the mean scores of unseen rows against alpha, with one standard error; see `sparsereg.plot.plot_cv`.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            None: new axes.
        metric : str or None, default=None
            One of the measures of `cv_results_`; None: `measure_`, which decided.

        Returns
        -------
        ax : matplotlib Axes

        Raises
        ------
        ImportError
            Without matplotlib.
        ValueError
            For a measure that was not taken.
        """
        return plot_cv(self, ax, metric=metric)

    def _cv_options(self, names: npt.NDArray[np.object_] | None) -> CVOptions:
        """Check what can be checked without data but for the names of its columns."""
        spelled = self._spelled_penalty()
        ratios = spelled["l1_ratio"]
        ratios = list(ratios) if isinstance(ratios, (list, tuple, np.ndarray)) else [ratios]
        if not ratios:
            raise ValueError("l1_ratio: an empty list is not allowed, expected at least one number in [0, 1]")
        ratios = [check_l1_ratio(ratio) for ratio in ratios]
        problem = self._problem_options(names, spelled["penalty"], min(ratios))
        if self.callback is not None and not callable(self.callback):
            raise TypeError(f"callback: {self.callback!r} is not callable")
        solver = fold_solver = make_solver_options(self.tol, self.max_iter, None, None)
        grid = make_grid(self.alphas, self.n_alphas, self.eps, self._default_eps)
        scoring = make_scoring(self.scoring, problem.loss)
        rule, relax = check_choice(self.rule, "rule", ("min", "1se")), check_relax(self.relax, min(ratios))
        # Of relaxed fits a column more or less is another refit; steps are jumps of the scores.
        if relax or scoring.is_stepped:
            fold_solver = replace(solver, tol=min(solver.tol, STEPPED_TOL))
        keep_predictions = check_flag(self.keep_predictions, "keep_predictions")
        n_jobs = check_threads(self.n_jobs, "n_jobs")
        settings = FoldSettings(problem, solver, fold_solver, scoring.names, relax, keep_predictions)
        return CVOptions(settings, ratios, grid, scoring, rule, n_jobs)

    def _encode(self, y: Any, sample_weight: Any, n_samples: int) -> CVTargets:
        """Return y as fits and scores take it."""
        target, weight = check_y(flatten(y, stacklevel=4), n_samples), check_sample_weight(sample_weight, n_samples)
        return CVTargets(target, target, weight, weight)

    def _report(self, progress: CVProgress) -> None:
        if self.verbose and progress.position == progress.n_alphas - 1:
            part = "all data" if progress.fold < 0 else f"fold {progress.fold + 1} of {progress.n_folds}"
            print(f"l1_ratio {progress.l1_ratio:g}  {part}  {progress.n_nonzero:,} non-zeros at the smallest alpha")
        if self.callback is not None:
            self.callback(progress)

    def _make_judge(self, X: Any, y: Any, data: FoldData, scoring: Scoring, number: int) -> Judge:
        """Make what a scorer judges solutions by, on the held-out rows of a fold."""
        weight = data.test_weight(number)
        rows = np.flatnonzero(weight > 0.0)
        X, y = take(X, rows), take(y, rows)
        weights = {} if (weight[rows] == 1.0).all() else {"sample_weight": weight[rows]}

        def judge(solution: Solution) -> dict[str, float]:
            model = copy.copy(self)
            model._adopt([solution], data.design, data.names, data.targets.classes, False)  # scorers know no offset
            return {scoring.name: check_score(scoring.scorer(model, X, y, **weights))}

        return judge


def cross_validated(
    options: CVOptions, l1_ratio: float, fold_weight: Vector
) -> Generator[Stretch, StretchFits, CVPath]:
    """Go down the grid of an l1_ratio, and on below while its smallest alpha is the best.

    Parameters
    ----------
    options : CVOptions
    l1_ratio : float
    fold_weight : ndarray of float64 of shape (n_folds,)
        Weight of the held-out part of each fold.

    Yields
    ------
    stretch : Stretch
        To fit and score, anywhere; `send` what came of it.

    Returns
    -------
    path : CVPath
    """
    settings, grid = options.folds.at(l1_ratio), options.grid
    further: Vector | None = grid.alphas
    whole: PausedPath | None = None
    paused: list[PausedPath | None] = [None] * fold_weight.size
    path, results = None, [FoldScores({}, [], [])] * fold_weight.size
    while True:
        fits = yield Stretch(settings, grid, further, whole, paused)
        whole, paused = fits.whole, [fold for _, fold in fits.folds]
        path = fits.path if path is None else path.joined(fits.path)
        results = [before.joined(scores) for before, (scores, _) in zip(results, fits.folds, strict=True)]
        table = summarise(results, fold_weight, path.alphas, l1_ratio)
        is_saturated = whole.is_saturated(grid.stretch(path.alphas), l1_ratio)
        further = grid.further(path.alphas, l1_ratio)
        if is_saturated or not further.size or not _ends_at_best(table, options):
            break
    _warn_of_fits(settings, path, whole, fits.folds)
    return CVPath(path, table, is_saturated, [result.fits for result in results])


def _run(path: Generator[Stretch, StretchFits, CVPath], folds: LocalFolds) -> CVPath:
    """Fit and score what a path asks for until it has come to its end."""
    stretch = next(path)
    while True:
        try:
            stretch = path.send(folds.run(stretch))
        except StopIteration as end:
            return end.value


def _warn_of_fits(
    settings: FoldSettings, path: RegularizationPath, whole: PausedPath, folds: list[tuple[FoldScores, PausedPath]]
) -> None:
    """Warn of fits that stopped short of the tolerance: once for those on all data, and once for those of all folds."""
    warn_unconverged(whole.fitted, path.alphas, settings.solver)
    if settings.relax:
        warn_unconverged(whole.refitted, path.alphas, settings.solver, relaxed=True)
        warn_saturated(whole.n_rows, whole.fit_intercept, path.df.tolist(), path.alphas)
    for relaxed in (False, True):
        fits = [fit for _, fold in folds for fit in (fold.refitted if relaxed else fold.fitted)]
        warn_unconverged(fits, np.resize(path.alphas, len(fits)), settings.fold_solver, relaxed=relaxed)


def _refuse_rows_alone(cv: Any, groups: Any, options: CVOptions) -> None:
    """Refuse what would need the rows that were reduced."""
    for name, given, expected in (
        ("cv", cv, "None: folds are those of the reduction"), ("groups", groups, "None"),
        ("scoring", options.scoring.scorer, "a name of this library's metrics"),
        ("keep_predictions", options.folds.keep_fits or None, "False"),
    ):
        if given is not None:
            raise ValueError(f"{name}: not allowed with reduced rows, expected {expected}")


def choose_fit(paths: list[CVPath], options: CVOptions) -> CVChoice:
    """Choose an l1_ratio and an alpha."""
    results = {name: np.concatenate([one.table[name] for one in paths]) for name in paths[0].table}
    lowest = _choose(results, options, "min")
    within = -1 if np.isnan(results[f"se_{options.scoring.name}"][lowest]) else _choose(results, options, "1se")
    best = lowest if options.rule == "min" else _choose(results, options, "1se")
    _warn_of_end(*_entry(paths, lowest), options.grid)
    return CVChoice(*_entry(paths, best), [one.path.alphas for one in paths], results, best, lowest, within)


def _choose(table: dict[str, Vector], options: CVOptions, rule: str) -> int:
    """Return the entry of a table that a rule chooses."""
    name = options.scoring.name
    comparable = {**table, f"mean_{name}": comparable_means(table, name)}
    return choose(comparable, name, rule, options.scoring.greater_is_better)


def _ends_at_best(table: dict[str, Vector], options: CVOptions) -> bool:
    """Say whether the best alpha of a grid is its smallest; not where none can be compared."""
    if np.isnan(comparable_means(table, options.scoring.name)).all():
        return False
    return _choose(table, options, "min") == table["alpha"].size - 1


def _entry(paths: list[CVPath], index: int) -> tuple[CVPath, int]:
    """Return the path that an entry of the joint table belongs to, and its position there."""
    for one in paths:
        if index < one.path.alphas.size:
            break
        index -= one.path.alphas.size
    return one, index


def _warn_of_end(best: CVPath, position: int, grid: Grid) -> None:
    """Warn where a grid that may go no further has its best alpha at its end, and smaller ones fit better."""
    alphas = best.path.alphas
    if not best.is_saturated and 0 < position == alphas.size - 1 and alphas[-1] > 0.0:
        grid.warn_of_end(alphas)
