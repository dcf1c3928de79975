"""Data and settings of a cross-validation: one design, of which every fold is a choice of weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.design import Design
from sparsereg.inputs.weights import is_offset
from sparsereg.model_selection.folds import Fold
from sparsereg.path.result import RegularizationPath
from sparsereg.solvers.assemble import ProblemOptions, prepare
from sparsereg.solvers.base import Solution, SolverOptions
from sparsereg.solvers.forms import FITS_AHEAD, choose_form
from sparsereg.solvers.problem import Problem

Vector = npt.NDArray[np.float64]


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
class FoldSettings:
    """Checked settings of the fits and scores of a cross-validation at one l1_ratio.

    Attributes
    ----------
    problem : ProblemOptions
    solver, fold_solver : SolverOptions
        Of the fits on all data, and of those of the folds.
    metrics : tuple of str
        To score unseen rows by.
    relax : bool
        Refit every support without penalty, and score that.
    keep_fits : bool
        Keep the non-zeros of every fit of the folds.
    """

    problem: ProblemOptions
    solver: SolverOptions
    fold_solver: SolverOptions
    metrics: tuple[str, ...]
    relax: bool
    keep_fits: bool

    def at(self, l1_ratio: float) -> FoldSettings:
        """Return the same settings at another l1_ratio."""
        return replace(self, problem=replace(self.problem, l1_ratio=l1_ratio))

    def with_names(self, names: npt.NDArray[np.object_] | None) -> FoldSettings:
        """Return the same settings for columns of these names, which bounds and penalty factors may be given by."""
        return replace(self, problem=replace(self.problem, names=names))


@dataclass(frozen=True, eq=False)
class FoldData:
    """Data and folds, which all fits of a cross-validation share; it may travel.

    Attributes
    ----------
    design : Design
    targets : CVTargets
    offset : ndarray of float64 of shape (n_samples,), beyond two classes (n_samples, n_classes), or None
    folds : list of Fold
    names : ndarray of str of shape (n_features,) or None
        Of the columns.
    """

    design: Design
    targets: CVTargets
    offset: Vector | None
    folds: list[Fold]
    names: npt.NDArray[np.object_] | None

    @property
    def fold_weight(self) -> Vector:
        """Weight of the held-out part of each fold, (n_folds,)."""
        return np.array([self.test_weight(number).sum() for number in range(len(self.folds))])

    def test_weight(self, number: int) -> Vector:
        """Return the weights of the samples in the scores of a fold, 0 where they are not held out; (n_samples,)."""
        return self.folds[number].test_weight(self.targets.score_weight, self.design.n_samples)

    def problem(self, number: int | None, options: ProblemOptions, smallest_alpha: float) -> Problem:
        """Make the problem of the training part of a fold.

        Parameters
        ----------
        number : int or None
            Of the fold; None: of all data.
        options : ProblemOptions
        smallest_alpha : float
            Of the fits to come.

        Returns
        -------
        problem : Problem or MultinomialProblem
        """
        weight = self.targets.fit_weight
        if number is not None:
            weight = self.folds[number].train_weight(weight, self.design.n_samples)
        return prepare(self.design, self.targets.fit, weight, self.offset, options, smallest_alpha)

    def path_of(
        self, solutions: list[Solution], alphas: Vector, problem: Problem, settings: FoldSettings
    ) -> RegularizationPath:
        """Put fits on all data together.

        Parameters
        ----------
        solutions : list of Solution
        alphas : ndarray of float64 of shape (n_alphas,)
        problem : Problem or MultinomialProblem
        settings : FoldSettings

        Returns
        -------
        path : RegularizationPath
        """
        options = settings.problem
        return RegularizationPath.of(
            solutions, alphas, problem, self.design, loss=options.loss.name, l1_ratio=options.l1_ratio,
            penalty=options.penalty, relaxed=settings.relax, standardize=options.standardize,
            classes=self.targets.classes, has_offset=is_offset(self.offset), feature_names=self.names,
            form=choose_form(problem, options.penalty, options.l1_ratio, FITS_AHEAD),
        )
