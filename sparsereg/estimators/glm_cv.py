"""Cross-validated models: the settings that they share, and the way from data to the fit that was chosen."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.design import Design
from sparsereg.estimators.cv_summary import summarize_cv
from sparsereg.estimators.glm import GLMBase
from sparsereg.inputs.names import UNKNOWN_NAMES
from sparsereg.inputs.parameters import check_choice, check_flag, check_l1_ratio, check_relax, check_threads
from sparsereg.inputs.sklearn import feature_names
from sparsereg.inputs.targets import check_y, flatten
from sparsereg.inputs.weights import check_offsets, check_sample_weight, is_offset
from sparsereg.model_selection.alpha_grid import Grid, make_grid, pad
from sparsereg.model_selection.cross_validation import CrossValidation, CVProgress, choose, comparable_means, summarise
from sparsereg.model_selection.fold_path import FoldPath
from sparsereg.model_selection.folds import N_FOLDS, Fold, make_folds, number_folds
from sparsereg.model_selection.held_out import HeldOut
from sparsereg.model_selection.out_of_fold import predict_out_of_fold
from sparsereg.model_selection.scoring import Scoring, check_score, make_scoring, take
from sparsereg.path.result import RegularizationPath
from sparsereg.plot import plot_cv
from sparsereg.readers.blocks import is_stream
from sparsereg.reduction.reduced import Reduced
from sparsereg.reduction.streams import folds_to_draw, reduce_stream
from sparsereg.reduction.training import ReducedDesign, training_samples
from sparsereg.solvers.assemble import ProblemOptions, make_solver_options, prepare
from sparsereg.solvers.base import Solution, SolverOptions
from sparsereg.solvers.convergence import warn_blurred, warn_saturated, warn_unconverged
from sparsereg.solvers.null_model import alpha_max

Vector = npt.NDArray[np.float64]

# Just below the largest useful alpha a gap of 1e-8 still lets the model without columns pass for the best, whose area
# under the curve is one half: at this one, orders and supports were those of exact fits on all data tried.
STEPPED_TOL = 1e-10


@dataclass(frozen=True)
class CVTargets:
    """Targets and weights of the fits of a cross-validation, and of its scores.

    Attributes
    ----------
    fit, score : ndarray of float64 of shape (n_samples,), or (n_samples, n_classes) beyond two classes
        As the loss takes it; labels are smoothed for the fits alone.
    fit_weight, score_weight : ndarray of float64 of shape (n_samples,) or None
        Classes are weighted for the fits alone.
    classes : ndarray of shape (n_classes,) or None
    codes : ndarray of shape (n_samples,) or None
        Labels that folds should have their share of.
    """

    fit: Vector
    score: Vector
    fit_weight: Vector | None
    score_weight: Vector | None
    classes: npt.NDArray[Any] | None = None
    codes: npt.NDArray[Any] | None = None


@dataclass(frozen=True)
class _CVOptions:
    """Checked settings of a cross-validation; `problem` has the l1_ratio at hand."""

    problem: ProblemOptions
    solver: SolverOptions
    fold_solver: SolverOptions
    l1_ratios: list[float]
    grid: Grid
    scoring: Scoring
    rule: str
    relax: bool
    keep_predictions: bool
    n_jobs: int


@dataclass(frozen=True)
class _CVPath:
    """The fits at one l1_ratio, the scores of their folds, and whether smaller alphas would fit no better.

    `fits` are those of every fold, where they are kept.
    """

    path: RegularizationPath
    table: dict[str, Vector]
    is_saturated: bool
    fits: list[list[Solution]]


@dataclass(frozen=True)
class _CVData:
    """Data and folds, which all fits share."""

    X: Any
    y: Any
    design: Design
    targets: CVTargets
    offset: Vector | None
    folds: list[Fold]
    names: npt.NDArray[np.object_] | None

    def test_weight(self, fold: Fold) -> Vector:
        return fold.test_weight(self.targets.score_weight, self.design.n_samples)


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
        X, names, options = self._cv_source(X, y, sample_weight, offset, groups)
        data = self._cv_data(X, y, sample_weight, offset, groups, names, options)
        paths = []
        for l1_ratio in options.l1_ratios:
            paths.append(self._fit_path(data, replace(options, problem=replace(options.problem, l1_ratio=l1_ratio))))
        results = {name: np.concatenate([one.table[name] for one in paths]) for name in paths[0].table}
        lowest, name = _choose(results, options, "min"), options.scoring.name
        within = None if np.isnan(results[f"se_{name}"][lowest]) else _choose(results, options, "1se")
        best = lowest if options.rule == "min" else _choose(results, options, "1se")
        _warn_of_end(*_entry(paths, lowest), options.grid)
        chosen, position = _entry(paths, best)
        predictions = None
        if options.keep_predictions:
            predictions = predict_out_of_fold(chosen.path, chosen.fits, data.folds, X, data.design, data.offset)
        # Nothing is set before everything has succeeded.
        solution, classes = chosen.path.solution(position, data.design), data.targets.classes
        self._adopt([solution], data.design, names, classes, is_offset(data.offset))
        self.alpha_, self.l1_ratio_ = float(results["alpha"][best]), float(results["l1_ratio"][best])
        self.alpha_min_ = float(results["alpha"][lowest])
        self.alpha_1se_ = np.nan if within is None else float(results["alpha"][within])
        grids = [one.path.alphas for one in paths]
        self.alphas_ = pad(grids) if isinstance(self.l1_ratio, (list, tuple, np.ndarray)) else grids[0]
        self.path_, self.cv_results_, self.best_index_, self.measure_ = chosen.path, results, best, name
        # Of a reduction the rows that folds could be told of are gone.
        is_reduced = isinstance(data.design, ReducedDesign)
        self.cv_folds_ = None if is_reduced else number_folds(data.folds, data.design.n_samples)
        self.cv_predictions_ = predictions
        return self

    def _cv_source(
        self, X: Any, y: Any, sample_weight: Any, offset: Any, groups: Any
    ) -> tuple[Any, npt.NDArray[np.object_] | None, _CVOptions]:
        """Check settings before any work; reduce a stream, and draw its folds."""
        if not is_stream(X):
            names = feature_names(X)
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
        return X, names, replace(options, problem=replace(options.problem, names=names))

    def _cv_data(
        self, X: Any, y: Any, sample_weight: Any, offset: Any, groups: Any, names: Any, options: _CVOptions
    ) -> _CVData:
        """Check data, and make the design and the folds."""
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
        return _CVData(X, y, design, targets, offset, folds, names)

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

    def _cv_options(self, names: npt.NDArray[np.object_] | None) -> _CVOptions:
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
        return _CVOptions(problem, solver, fold_solver, ratios, grid, scoring, rule, relax, keep_predictions, n_jobs)

    def _encode(self, y: Any, sample_weight: Any, n_samples: int) -> CVTargets:
        """Return y as fits and scores take it."""
        target, weight = check_y(flatten(y, stacklevel=4), n_samples), check_sample_weight(sample_weight, n_samples)
        return CVTargets(target, target, weight, weight)

    def _fit_path(self, data: _CVData, options: _CVOptions) -> _CVPath:
        """Fit all data and all folds at one l1_ratio, on a grid that goes on while its smallest alpha is the best."""
        grid = options.grid
        make_problem = partial(_make_problem, data, options)
        whole = FoldPath(partial(make_problem, None), options.problem, options.solver, relax=options.relax)
        folds = CrossValidation(
            make_problem, partial(self._make_scorer, data, options), data.folds, options.problem, options.fold_solver,
            relax=options.relax, n_jobs=options.n_jobs, keep_fits=options.keep_predictions, callback=self._report,
        )
        fold_weight = np.array([data.test_weight(fold).sum() for fold in data.folds])
        path = self._fit_all(whole, data, options, grid.alphas)
        while True:
            folds.extend(path.alphas[folds.alphas.size :])
            table = summarise(folds.results, fold_weight, path.alphas, options.problem.l1_ratio)
            is_saturated = whole.is_saturated(grid.stretch(path.alphas))
            further = grid.further(path.alphas, options.problem.l1_ratio)
            if is_saturated or not further.size or not _ends_at_best(table, options):
                break
            path = path.joined(self._fit_all(whole, data, options, further))
        warn_unconverged(whole.fitted, path.alphas, options.solver)
        if options.relax:
            warn_unconverged(whole.refitted, path.alphas, options.solver, relaxed=True)
            warn_saturated(whole.n_rows, whole.fit_intercept, path.df.tolist(), path.alphas)
        folds.warn()
        return _CVPath(path, table, is_saturated, [result.fits for result in folds.results])

    def _fit_all(
        self, whole: FoldPath, data: _CVData, options: _CVOptions, alphas: Vector | None
    ) -> RegularizationPath:
        """Fit all data at further alphas, or at the first of them."""
        penalty, l1_ratio = options.problem.penalty, options.problem.l1_ratio
        whole.resume(np.inf if alphas is None else float(alphas[-1]))
        if not whole.fitted and l1_ratio == options.l1_ratios[0]:
            warn_blurred(data.design.active[whole.problem.outputs[0].blurred])
        if alphas is None:
            alphas = options.grid.first(alpha_max(whole.problem, whole.state, l1_ratio, penalty))
        solutions, start, n_folds = [], len(whole.fitted), len(data.folds)
        for k, alpha in enumerate(alphas.tolist(), start):
            solutions.append(whole.step(alpha))
            n_nonzero = solutions[-1].columns.size
            self._report(CVProgress(-1, n_folds, l1_ratio, alpha, k, start + alphas.size, n_nonzero, {}))
        path = RegularizationPath.of(
            solutions, alphas, whole.problem, data.design, loss=self._loss, l1_ratio=l1_ratio, penalty=penalty,
            relaxed=options.relax, standardize=options.problem.standardize, classes=data.targets.classes,
            has_offset=is_offset(data.offset), feature_names=data.names,
        )
        whole.pause()
        return path

    def _report(self, progress: CVProgress) -> None:
        if self.verbose and progress.position == progress.n_alphas - 1:
            part = "all data" if progress.fold < 0 else f"fold {progress.fold + 1} of {progress.n_folds}"
            print(f"l1_ratio {progress.l1_ratio:g}  {part}  {progress.n_nonzero:,} non-zeros at the smallest alpha")
        if self.callback is not None:
            self.callback(progress)

    def _make_scorer(self, data: _CVData, options: _CVOptions, fold: Fold) -> Callable[[Solution], dict[str, float]]:
        """Make what scores solutions on the held-out rows of a fold."""
        scoring, scorer, weight = options.scoring, options.scoring.scorer, data.test_weight(fold)
        held_out = HeldOut(data.design, options.problem.loss, data.targets.score, weight, data.offset, scoring.names)
        if scorer is None:
            return held_out
        rows = np.flatnonzero(weight > 0.0)
        X, y = take(data.X, rows), take(data.y, rows)
        weights = {} if (weight[rows] == 1.0).all() else {"sample_weight": weight[rows]}

        def score(solution: Solution) -> dict[str, float]:
            model = copy.copy(self)
            model._adopt([solution], data.design, data.names, data.targets.classes, False)  # scorers know no offset
            return {**held_out(solution), scoring.name: check_score(scorer(model, X, y, **weights))}

        return score


def _refuse_rows_alone(cv: Any, groups: Any, options: _CVOptions) -> None:
    """Refuse what would need the rows that were reduced."""
    for name, given, expected in (
        ("cv", cv, "None: folds are those of the reduction"), ("groups", groups, "None"),
        ("scoring", options.scoring.scorer, "a name of this library's metrics"),
        ("keep_predictions", options.keep_predictions or None, "False"),
    ):
        if given is not None:
            raise ValueError(f"{name}: not allowed with reduced rows, expected {expected}")


def _make_problem(data: _CVData, options: _CVOptions, fold: Fold | None, smallest_alpha: float) -> Any:
    """Make the problem of the training part of a fold, or of all data."""
    weight = data.targets.fit_weight
    if fold is not None:
        weight = fold.train_weight(weight, data.design.n_samples)
    return prepare(data.design, data.targets.fit, weight, data.offset, options.problem, smallest_alpha)


def _choose(table: dict[str, Vector], options: _CVOptions, rule: str) -> int:
    """Return the entry of a table that a rule chooses."""
    name = options.scoring.name
    comparable = {**table, f"mean_{name}": comparable_means(table, name)}
    return choose(comparable, name, rule, options.scoring.greater_is_better)


def _ends_at_best(table: dict[str, Vector], options: _CVOptions) -> bool:
    """Say whether the best alpha of a grid is its smallest; not where none can be compared."""
    if np.isnan(comparable_means(table, options.scoring.name)).all():
        return False
    return _choose(table, options, "min") == table["alpha"].size - 1


def _entry(paths: list[_CVPath], index: int) -> tuple[_CVPath, int]:
    """Return the path that an entry of the joint table belongs to, and its position there."""
    for one in paths:
        if index < one.path.alphas.size:
            break
        index -= one.path.alphas.size
    return one, index


def _warn_of_end(best: _CVPath, position: int, grid: Grid) -> None:
    """Warn where a grid that may go no further has its best alpha at its end, and smaller ones fit better."""
    alphas = best.path.alphas
    if not best.is_saturated and 0 < position == alphas.size - 1 and alphas[-1] > 0.0:
        grid.warn_of_end(alphas)
