"""What cross-validated models share: their settings, and the way from data to the fit that was chosen."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.design import Design, make_design
from sparsereg.estimators.base import SparseLinearModel
from sparsereg.inputs.names import rules_by_id
from sparsereg.inputs.parameters import (
    check_choice,
    check_flag,
    check_l1_ratio,
    check_penalty,
    check_relax,
    check_threads,
)
from sparsereg.inputs.sklearn import check_feature_names, feature_names
from sparsereg.inputs.targets import check_y, flatten
from sparsereg.inputs.weights import check_offsets, check_sample_weight, is_offset
from sparsereg.model_selection.alpha_grid import Grid, make_grid, pad
from sparsereg.model_selection.cross_validation import (
    CrossValidation,
    CVProgress,
    FoldJob,
    choose,
    comparable_means,
    fold_controls,
    summarise,
)
from sparsereg.model_selection.fold_path import Walk
from sparsereg.model_selection.folds import Fold, make_folds
from sparsereg.model_selection.held_out import HeldOut
from sparsereg.model_selection.scoring import Scoring, check_score, make_scoring, take
from sparsereg.path.result import RegularizationPath
from sparsereg.solvers.assemble import make_solver_options, prepare
from sparsereg.solvers.base import Solution, SolverOptions
from sparsereg.solvers.convergence import warn_blurred, warn_saturated, warn_unconverged
from sparsereg.solvers.null_model import alpha_max

__all__ = ["CV_ATTRIBUTES", "CV_PARAMETERS", "CVTargets", "CrossValidatedModel"]

Vector = npt.NDArray[np.float64]

CV_PARAMETERS = """
    alphas : None, int or array-like, default=None
        Grid of distinct strengths, in any order; None: geometric from the smallest at which every penalised coefficient
        is zero on all data, or from 1 where no column has anything to explain; a whole number: the same, of that many.
        Folds share it.
    n_alphas : int, default=100
    eps : float in (0, 1) or None, default=None
        Smallest over largest alpha of a grid that is not given. None: {eps}, and the grid goes on below, in the same
        ratio, while its smallest alpha is the best: until the loss on all data has stopped falling, there are as many
        non-zeros as rows (without L2 part), or alpha has come to {least} of the largest. A number, as `alphas`, is
        kept, with a warning where the best alpha is the smallest and that loss still falls.
    cv : None, int, splitter or iterable, default=None
        Number of folds, None is 5: consecutive rows{stratified}. Or a splitter of scikit-learn, or pairs (train, test)
        of positions or masks; one pair is a validation set. Every class needs rows in every train part.
    scoring : None, str, sequence of str or callable, default=None
        What decides, measured on the unseen rows of every fold. None: {first}. Or other names among {names}: of several
        the first decides, the others are reported. Or a scikit-learn scorer or its name, where greater is better. A
        fold in which it is undefined (NaN) at every alpha has no part in the choice, as one row with "r2" or one class
        with "auc"; nor has an alpha at which some other fold leaves it undefined. ValueError if no alpha is left.
    rule : {{"min", "1se"}}, default="min"
        "min": the alpha of best mean score, of equals the largest. "1se": the largest whose mean is within a standard
        error of it.
    relax : bool, default=False
        Refit every support without penalty, in the folds and on all data.
    fit_intercept : bool, default=True
        The intercept is never penalised.
    standardize : bool, default=False
        Penalise sd_j w_j in place of w_j, sd_j that of the training part; coefficients stay on the scale of X.
    positive : bool, default=False
        Keep every coefficient at 0 or above.
    bounds : None or pair (lower, upper), default=None
        Each None, a number, an array of length n_features, or a mapping from column id, or from column name where X is
        a data frame; lower <= 0 <= upper.
    penalty_factor : None, number, array-like of shape (n_features,) or mapping from column id or name, default=None
        p_j; 0 leaves a column unpenalised, inf excludes it. Not rescaled.
{penalty}    max_iter : int, default=10_000
        Passes at one alpha after which to stop, with a ConvergenceWarning.
    tol : float, default=1e-8
        Duality gap to reach on all data and in every fold, relative to F of the model with intercept only. Folds are
        solved to 1e-10 or better where supports are refitted (relax) or scores jump with the order of predictions or at
        a threshold: {stepped}scorers that are callables or scikit-learn's.
    n_jobs : int or None, default=None
        Threads to share the folds; None is 1, -1 all, -2 all but one. Results are the same for any number.
    verbose : int, default=0
        1 prints a line when a fold is done.
    callback : callable or None, default=None
        Called with a `sparsereg.CVProgress` after every fit, from one thread at a time; whatever it raises ends the fit
        and leaves the estimator as it was.
"""

CV_ATTRIBUTES = """
    alpha_ : float
        The strength chosen.
    l1_ratio_ : float
        The share of L1 chosen.
    alphas_ : ndarray of float64 of shape (n_alphas,), of (n_l1_ratios, n_alphas) for several l1_ratio
        Of several l1_ratio each grid goes on as far as it should: NaN where one is shorter than the longest.
    path_ : RegularizationPath
        The fits on all data at l1_ratio_.
    cv_results_ : dict of ndarray
        One entry for each l1_ratio and alpha: "alpha", "l1_ratio", "n_nonzero" (mean over folds); for every metric
        "mean_", "std_", "se_" and its name, and "fold_" and its name of shape (n_entries, n_folds). Means over folds
        are weighted by the weight of their unseen rows; the standard error is the root of the weighted variance over
        the number of folds less one, as in glmnet.
    best_index_ : int
        Entry of cv_results_ that was chosen.
    dual_gap_ : float
        Certified distance of the objective of the fit on all data from its minimum, relative to F of the model with
        intercept only. NaN where the penalty is not convex.
    violation_ : float
        As that of a single fit: says how far a penalty that is not convex is from its minimum along every coordinate.
    objective_ : float
        F(w, b) at alpha_; for relaxed fits the loss alone.
    n_iter_ : int
        Passes over the working set plus passes over all columns at alpha_ on all data.
    n_active_ : int
        Columns of X with a non-zero in some row of positive weight.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Only after a fit on a data frame with string column names.
"""


@dataclass(frozen=True)
class CVTargets:
    """What the fits and the scores of a cross-validation take for y.

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
class _Settings:
    """Checked settings of a cross-validation."""

    l1_ratios: list[float]
    grid: Grid
    scoring: Scoring
    rule: str
    relax: bool
    n_jobs: int
    options: SolverOptions
    problem: dict[str, Any]
    penalty: dict[str, Any]


@dataclass(frozen=True)
class _Run:
    """The fits at one l1_ratio, the scores of their folds, and whether smaller alphas would fit no better."""

    path: RegularizationPath
    table: dict[str, Vector]
    is_saturated: bool


@dataclass(frozen=True)
class _Data:
    """What the fits share besides settings."""

    X: Any
    y: Any
    design: Design
    targets: CVTargets
    offset: Vector | None
    folds: list[Fold]
    names: npt.NDArray[np.object_] | None


class CrossValidatedModel(SparseLinearModel):
    """A model whose strength of penalty is the one that predicts unseen rows best."""

    # Smallest over largest alpha of a grid to begin with.
    _usual_eps = 1e-3

    def __init__(
        self,
        *,
        alphas: Any = None,
        n_alphas: int = 100,
        eps: float | None = None,
        cv: Any = None,
        scoring: Any = None,
        rule: str = "min",
        relax: bool = False,
        fit_intercept: bool = True,
        standardize: bool = False,
        positive: bool = False,
        bounds: Any = None,
        penalty_factor: Any = None,
        penalty: str = "elastic_net",
        gamma: float | None = None,
        max_iter: int = 10_000,
        tol: float = 1e-8,
        n_jobs: int | None = None,
        verbose: int = 0,
        callback: Callable[[CVProgress], Any] | None = None,
    ):
        self.alphas = alphas
        self.n_alphas = n_alphas
        self.eps = eps
        self.cv = cv
        self.scoring = scoring
        self.rule = rule
        self.relax = relax
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.positive = positive
        self.bounds = bounds
        self.penalty_factor = penalty_factor
        self.penalty = penalty
        self.gamma = gamma
        self.max_iter = max_iter
        self.tol = tol
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.callback = callback

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, groups: Any = None) -> Any:
        """Fit a path on all data and on all folds; keep the fit of the alpha that the folds choose.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
            int32 or int64 ids; never changed, and not copied for the folds.
        y : array-like of shape (n_samples,); for classifiers also (n_samples, n_classes), their probabilities
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
        names = feature_names(X)  # refuses mixed names before any work
        settings = self._settings(names)
        design = make_design(X, sample_weight)
        targets = self._encode(y, sample_weight, design.n_samples)
        n_predictors = targets.fit.shape[1] if targets.fit.ndim == 2 else None
        offset = check_offsets(offset, design.n_samples, n_predictors)
        if offset is not None and settings.scoring.scorer is not None:
            raise ValueError(f"scoring: {self.scoring!r} knows no offset, expected a name of this library's metrics")
        folds = make_folds(
            self.cv, X, y, targets.score_weight, design.n_samples, groups=groups, labels=targets.codes
        )
        if settings.rule == "1se" and len(folds) < 2:
            raise ValueError("rule: '1se' needs a standard error and cv gives one fold, expected 'min' or more folds")
        data = _Data(X, y, design, targets, offset, folds, names)
        runs = [self._run(data, settings, l1_ratio) for l1_ratio in settings.l1_ratios]
        results = {name: np.concatenate([run.table[name] for run in runs]) for name in runs[0].table}
        best = _choose(results, settings, settings.rule)
        run, position = _entry(runs, _choose(results, settings, "min"))
        _warn_of_end(run, position, settings.grid)
        # Nothing is set before everything has succeeded.
        check_feature_names(self, X, reset=True)
        run, position = _entry(runs, best)
        path = run.path
        self._set_solutions([path.solution(position, design)], design)
        self._has_offset = is_offset(offset)
        if targets.classes is not None:
            self.classes_ = targets.classes
        self.alpha_, self.l1_ratio_ = float(results["alpha"][best]), float(results["l1_ratio"][best])
        grids = [run.path.alphas for run in runs]
        self.alphas_ = pad(grids) if isinstance(self._l1_ratios(), (list, tuple, np.ndarray)) else grids[0]
        self.path_, self.cv_results_, self.best_index_ = path, results, best
        return self

    def _l1_ratios(self) -> Any:
        return self.l1_ratio  # type: ignore[attr-defined]

    def _settings(self, names: npt.NDArray[np.object_] | None) -> _Settings:
        """Check what can be checked without data but for the names of its columns."""
        spelled = self._spelled_penalty()
        ratios = self._l1_ratios() if spelled["l1_ratio"] is None else spelled["l1_ratio"]
        ratios = list(ratios) if isinstance(ratios, (list, tuple, np.ndarray)) else [ratios]
        if not ratios:
            raise ValueError("l1_ratio: an empty list is not allowed, expected at least one number in [0, 1]")
        ratios = [check_l1_ratio(ratio) for ratio in ratios]
        penalty = {"penalty": spelled["penalty"], "gamma": check_penalty(spelled["penalty"], min(ratios), self.gamma)}
        if self.callback is not None and not callable(self.callback):
            raise TypeError(f"callback: {self.callback!r} is not callable")
        return _Settings(
            l1_ratios=ratios,
            grid=make_grid(self.alphas, self.n_alphas, self.eps, self._usual_eps),
            scoring=make_scoring(self.scoring, self._loss),
            rule=check_choice(self.rule, "rule", ("min", "1se")),
            relax=check_relax(self.relax, min(ratios)),
            n_jobs=check_threads(self.n_jobs, "n_jobs"),
            options=make_solver_options(self.tol, self.max_iter, None, None),
            problem={
                "loss": self._loss,
                "fit_intercept": check_flag(self.fit_intercept, "fit_intercept"),
                "standardize": self.standardize,
                "positive": self.positive,
                **rules_by_id(self.penalty_factor, self.bounds, names),
                **penalty,
            },
            penalty=penalty,
        )

    def _encode(self, y: Any, sample_weight: Any, n_samples: int) -> CVTargets:
        """Return y as fits and scores take it."""
        target, weight = check_y(flatten(y, stacklevel=4), n_samples), check_sample_weight(sample_weight, n_samples)
        return CVTargets(target, target, weight, weight)

    def _run(self, data: _Data, settings: _Settings, l1_ratio: float) -> _Run:
        """Fit all data and all folds at one l1_ratio, on a grid that goes on while its smallest alpha is the best."""
        grid, options = settings.grid, settings.options
        whole = Walk(
            lambda smallest: self._problem(data, settings, l1_ratio, data.targets.fit_weight, smallest),
            l1_ratio=l1_ratio, penalty=settings.penalty, options=options, relax=settings.relax,
        )
        folds = CrossValidation(self._fits(data, settings, l1_ratio), data.folds, settings.n_jobs, self._tell)
        fold_weight = np.array(
            [fold.test_weight(data.targets.score_weight, data.design.n_samples).sum() for fold in data.folds]
        )
        path = self._fit_all(whole, data, settings, l1_ratio, grid.alphas)
        while True:
            folds.go_on(path.alphas[folds.alphas.size :])
            table = summarise(folds.results, fold_weight, path.alphas, l1_ratio)
            is_saturated = whole.is_saturated(grid.stretch(path.alphas))
            further = grid.further(path.alphas, l1_ratio)
            if is_saturated or not further.size or not _ends_at_best(table, settings):
                break
            path = path.joined(self._fit_all(whole, data, settings, l1_ratio, further))
        warn_unconverged(whole.fitted, path.alphas, options)
        if settings.relax:
            warn_unconverged(whole.refitted, path.alphas, options, relaxed=True)
            warn_saturated(whole.n_rows, whole.fit_intercept, path.df.tolist(), path.alphas)
        folds.warn()
        return _Run(path, table, is_saturated)

    def _fits(self, data: _Data, settings: _Settings, l1_ratio: float) -> FoldJob:
        """Say what the fits of all folds share."""
        stepped = settings.scoring.is_stepped
        return FoldJob(
            problem_of=lambda weight, smallest: self._problem(data, settings, l1_ratio, weight, smallest),
            unseen_of=lambda weight: self._unseen(data, settings, weight),
            l1_ratio=l1_ratio,
            penalty=settings.penalty,
            options=fold_controls(settings.options, settings.relax, stepped),
            relax=settings.relax,
            n_samples=data.design.n_samples,
            sample_weight=data.targets.fit_weight,
            score_weight=data.targets.score_weight,
        )

    def _fit_all(
        self, whole: Walk, data: _Data, settings: _Settings, l1_ratio: float, alphas: Vector | None
    ) -> RegularizationPath:
        """Fit all data at further alphas, or at the first of them."""
        whole.resume(np.inf if alphas is None else float(alphas[-1]))
        if not whole.fitted and l1_ratio == settings.l1_ratios[0]:
            warn_blurred(data.design.active[whole.problem.blurred])
        if alphas is None:
            largest = alpha_max(whole.problem, whole.state, l1_ratio, settings.penalty["penalty"])
            alphas = settings.grid.first(largest)
        solutions, start, n_folds = [], len(whole.fitted), len(data.folds)
        for k, alpha in enumerate(alphas.tolist(), start):
            solutions.append(whole.step(alpha))
            n_nonzero = solutions[-1].columns.size
            self._tell(CVProgress(-1, n_folds, l1_ratio, alpha, k, start + alphas.size, n_nonzero, {}))
        path = RegularizationPath.of(
            solutions, alphas, whole.problem, data.design, loss=self._loss, delta=1.35, l1_ratio=l1_ratio,
            penalty=settings.penalty["penalty"], relaxed=settings.relax, classes=data.targets.classes,
            has_offset=is_offset(data.offset), feature_names=data.names,
        )
        whole.pause()
        return path

    def _problem(
        self, data: _Data, settings: _Settings, l1_ratio: float, weight: Vector | None, smallest_alpha: float
    ) -> Any:
        _, problem = prepare(
            data.design, data.targets.fit, weight, data.offset, l1_ratio=l1_ratio, smallest_alpha=smallest_alpha,
            **settings.problem,
        )
        return problem

    def _tell(self, progress: CVProgress) -> None:
        if self.verbose and progress.position == progress.n_alphas - 1:
            part = "all data" if progress.fold < 0 else f"fold {progress.fold + 1} of {progress.n_folds}"
            print(f"l1_ratio {progress.l1_ratio:g}  {part}  {progress.n_nonzero:,} non-zeros at the smallest alpha")
        if self.callback is not None:
            self.callback(progress)

    def _unseen(
        self, data: _Data, settings: _Settings, weight: Vector
    ) -> Callable[[Solution], dict[str, float]]:
        """Make the judge of the unseen rows with the given weights."""
        scoring, scorer = settings.scoring, settings.scoring.scorer
        judge = HeldOut(data.design, self._loss, data.targets.score, weight, data.offset, scoring.names)
        if scorer is None:
            return judge
        rows = np.flatnonzero(weight > 0.0)
        X, y = take(data.X, rows), take(data.y, rows)
        weights = {} if (weight[rows] == 1.0).all() else {"sample_weight": weight[rows]}

        def judge_model(solution: Solution) -> dict[str, float]:
            model = self._model_of(solution, data)
            return {**judge(solution), scoring.name: check_score(scorer(model, X, y, **weights))}

        return judge_model

    def _model_of(self, solution: Solution, data: _Data) -> Any:
        """Make a fitted model of a solution, for scorers."""
        model = copy.copy(self)
        check_feature_names(model, data.X, reset=True)
        model._set_solutions([solution], data.design)
        model._has_offset = False  # scorers know none
        if data.targets.classes is not None:
            model.classes_ = data.targets.classes
        return model


def _choose(table: dict[str, Vector], settings: _Settings, rule: str) -> int:
    """Return the entry of a table that a rule chooses."""
    name = settings.scoring.name
    comparable = {**table, f"mean_{name}": comparable_means(table, name)}
    return choose(comparable, name, rule, settings.scoring.greater_is_better)


def _ends_at_best(table: dict[str, Vector], settings: _Settings) -> bool:
    """Say whether the best alpha of a grid is its smallest; not where none can be compared."""
    if np.isnan(comparable_means(table, settings.scoring.name)).all():
        return False
    return _choose(table, settings, "min") == table["alpha"].size - 1


def _entry(runs: list[_Run], index: int) -> tuple[_Run, int]:
    """Return the run that an entry of the joint table belongs to, and its position there."""
    for run in runs:
        if index < run.path.alphas.size:
            break
        index -= run.path.alphas.size
    return run, index


def _warn_of_end(run: _Run, position: int, grid: Grid) -> None:
    """Warn where a grid that may go no further has its best alpha at its end, and smaller ones fit better."""
    alphas = run.path.alphas
    if not run.is_saturated and 0 < position == alphas.size - 1 and alphas[-1] > 0.0:
        grid.warn_of_end(alphas)
