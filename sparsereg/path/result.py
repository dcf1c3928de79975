"""Regularisation path: coefficients, certificates and predictions at every alpha of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse, special

from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import PENALTIES
from sparsereg.coef import Nonzeros, SparseCoef
from sparsereg.design import Design
from sparsereg.inputs.parameters import build, check_alpha, check_choice
from sparsereg.inputs.sklearn import compare_feature_names
from sparsereg.inputs.versions import Versioned
from sparsereg.inputs.weights import check_new_offsets
from sparsereg.path.evaluation import PathEvaluation
from sparsereg.path.reports import PathReports
from sparsereg.solvers.base import Solution
from sparsereg.solvers.problem import Problem

Vector = npt.NDArray[np.float64]

# Alphas closer than this, relative, are the same alpha.
SAME_ALPHA = 1e-9


class FittedColumns(NamedTuple):
    """The columns of one fit, where the design that they are of may be elsewhere.

    Attributes
    ----------
    active : ndarray of int64 of shape (n_ids,)
        Ids of those that are not zero.
    n_features : int
    n_active : int
        Occupied columns of the training data.
    """

    active: npt.NDArray[np.int64]
    n_features: int
    n_active: int


@dataclass(frozen=True, eq=False, repr=False)
class RegularizationPath(PathEvaluation, PathReports, Versioned):
    """Fits along a grid of penalty strengths, each with what certifies it.

    Attributes
    ----------
    alphas : ndarray of float64 of shape (n_alphas,)
        Strictly decreasing.
    sparse_coef : SparseCoef
        Non-zero coefficients of every fit.
        Beyond two classes those of the first alpha come first, class by class, then those of the second.
    intercepts : ndarray of float64 of shape (n_alphas,), of (n_alphas, n_classes) beyond two classes
    dual_gaps : ndarray of float64 of shape (n_alphas,)
        Certified distance from the optimum, relative to the objective of the model with intercept only. NaN for a
        penalty that is not convex: see `certificate`.
    n_iters : ndarray of int64 of shape (n_alphas,)
        Passes over the working set plus passes over all columns.
    objectives : ndarray of float64 of shape (n_alphas,)
        F(w, b).
    df : ndarray of int64 of shape (n_alphas,)
        Number of columns with a non-zero coefficient.
    dev_ratio : ndarray of float64 of shape (n_alphas,)
        Share of the deviance of the model with intercept only that is explained, on the training data.
    l1_ratio : float
    n_active : int
        Occupied columns of the training data.
    n_samples : int
        Rows of the training data with a positive weight.
    deviances : ndarray of float64 of shape (n_alphas,)
        Twice the mean loss on the training data.
    loss : str
        Registered name.
    delta : float
        Of Huber's loss.
    relaxed : bool
        The fits are relaxed ones: least loss on the supports, without penalty.
    penalty : str
        Registered name.
    violations : ndarray of float64 of shape (n_alphas,) or None
        How far each fit of a penalty that is not convex is from a minimum along every coordinate: the most by which
        minimising over one alone would move its gradient, relative to the largest gradient entry of the model with
        intercept only. NaN where a duality gap says more.
    classes : ndarray of shape (n_classes,) or None
        Labels, where the target was encoded from them.
    total_weight : float or None
        Sum of the sample weights of the training data; None: `n_samples`.
    has_offset : bool
        The fits had an offset, so that predictions need one too.
    feature_names : ndarray of str of shape (n_features,) or None
        Names of the columns, after fits to a data frame; data to predict must have the same in the same order.
    fit_intercept, standardize : bool or None
        As the fits were asked for; None in pickles of versions that did not keep it.
    bounds : {"none", "signs", "box"} or None
        What kept coefficients in a range: nothing, bounds of 0 alone, or others too.
    penalty_factors : tuple of ndarray of int64 and ndarray of float64, both of shape (n_columns,), or None
        Ids and penalty factors of the occupied columns whose factor is not 1; None: all are 1.
    """

    alphas: Vector
    sparse_coef: SparseCoef
    intercepts: Vector
    dual_gaps: Vector
    n_iters: npt.NDArray[np.int64]
    objectives: Vector
    df: npt.NDArray[np.int64]
    dev_ratio: Vector
    l1_ratio: float
    n_active: int
    n_samples: int
    deviances: Vector
    loss: str = "squared"
    delta: float = 1.35
    relaxed: bool = False
    penalty: str = "elastic_net"
    violations: Vector | None = None
    classes: npt.NDArray[Any] | None = None
    total_weight: float | None = None
    has_offset: bool = False
    feature_names: npt.NDArray[np.object_] | None = None
    fit_intercept: bool | None = None
    standardize: bool | None = None
    bounds: str | None = None
    penalty_factors: tuple[npt.NDArray[np.int64], Vector] | None = None

    @classmethod
    def of(
        cls, solutions: Sequence[Solution], alphas: Vector, problem: Problem, design: Design, **facts: Any
    ) -> RegularizationPath:
        """Put the solutions of a grid together.

        Parameters
        ----------
        solutions : sequence of Solution
        alphas : ndarray of float64 of shape (n_alphas,)
        problem : Problem or MultinomialProblem
        design : Design
        **facts
            `loss`, `delta`, `penalty`, `l1_ratio`, `relaxed`, `standardize`, `classes`, `has_offset` and
            `feature_names`, as they are to be kept.

        Returns
        -------
        path : RegularizationPath
        """
        coefs = Nonzeros.joined([solution.nonzeros for solution in solutions])
        losses, gaps, violations, objectives, n_iters = (
            np.array([getattr(solution, name) for solution in solutions])
            for name in ("loss", "dual_gap", "violation", "objective", "n_iter")
        )
        has_deviance = problem.reference > problem.gap_rounding
        explained = 1.0 - losses / problem.reference if has_deviance else np.zeros(losses.size)
        intercepts = np.stack([solution.b for solution in solutions])
        return cls(
            alphas=alphas, sparse_coef=SparseCoef.from_active(design.active, coefs, design.n_features),
            intercepts=intercepts if problem.n_outputs > 1 else intercepts[:, 0], dual_gaps=gaps, n_iters=n_iters,
            objectives=objectives, df=np.array([solution.columns.size for solution in solutions], dtype=np.int64),
            dev_ratio=explained, n_active=design.n_active, n_samples=design.n_weighted,
            deviances=2.0 * np.maximum(losses, 0.0), violations=violations,
            total_weight=problem.outputs[0].response.total, **_facts_of(problem.outputs[0], design), **facts,
        )

    def joined(self, further: RegularizationPath) -> RegularizationPath:
        """Put the fits of a grid and those of another below it together.

        Parameters
        ----------
        further : RegularizationPath
            Of the same data and settings.

        Returns
        -------
        path : RegularizationPath
        """
        names = ("alphas", "intercepts", "dual_gaps", "n_iters", "objectives", "df", "dev_ratio", "deviances")
        arrays = {name: np.concatenate([getattr(self, name), getattr(further, name)]) for name in names}
        if self.violations is not None and further.violations is not None:
            arrays["violations"] = np.concatenate([self.violations, further.violations])
        return replace(self, sparse_coef=SparseCoef.joined([self.sparse_coef, further.sparse_coef]), **arrays)

    def solution(self, k: int) -> tuple[Solution, FittedColumns]:
        """Return the k-th fit as solvers give it, on the columns that it uses.

        Parameters
        ----------
        k : int

        Returns
        -------
        solution : Solution
        columns : FittedColumns
        """
        coef, b = self._fit(k)
        solution = Solution(
            nonzeros=coef.nonzeros, b=np.atleast_1d(b), objective=float(self.objectives[k]),
            loss=0.5 * float(self.deviances[k]), dual_gap=float(self.dual_gaps[k]), n_iter=int(self.n_iters[k]),
            converged=True, violation=np.nan if self.violations is None else float(self.violations[k]),
        )
        return solution, FittedColumns(coef.ids, self.n_features, self.n_active)

    @property
    def certificate(self) -> str:
        """What the fits are known to be near: "duality gap" (the optimum) or "coordinate-wise minimum" (only that)."""
        return "duality gap" if self._has_gaps else "coordinate-wise minimum"

    @property
    def labels(self) -> npt.NDArray[Any]:
        """Labels of a loss of classes, (n_classes,): where the target were probabilities their columns, from 0 on."""
        if not self._objective.is_classification:
            raise AttributeError(f"a path of {self.loss} loss has no classes here")
        return np.arange(max(self.n_outputs, 2)) if self.classes is None else self.classes

    @property
    def gives_probabilities(self) -> bool:
        """Whether `predict` gives probabilities of classes."""
        return bool(self._objective.softmax)

    @property
    def _objective(self) -> Any:
        """The registered loss."""
        return build(LOSSES[self.loss], delta=self.delta)

    @property
    def _has_gaps(self) -> bool:
        return PENALTIES[self.penalty].is_convex or self.relaxed

    @property
    def coefs(self) -> sparse.csc_matrix:
        """Coefficients as a SciPy matrix of shape (n_features, n_alphas * n_outputs)."""
        return self.sparse_coef.to_csc()

    @property
    def n_outputs(self) -> int:
        """Number of linear predictors: that of the classes if there are more than two, else 1."""
        return 1 if self.intercepts.ndim == 1 else int(self.intercepts.shape[1])

    @property
    def n_features(self) -> int:
        """Number of columns of the training data, empty ones included."""
        return self.sparse_coef.n_features

    def at(self, alpha: float) -> tuple[SparseCoef, Any]:
        """Return coefficients and intercept at an alpha of the grid, or between two of them.

        Parameters
        ----------
        alpha : float
            Within the ends of `alphas`. Between two of them coefficients and intercept are interpolated, linearly in
            alpha, as glmnet's `predict(s=)` does, and nothing certifies them: fit that alpha where its optimum is
            wanted. Beyond the ends is an error, where glmnet takes the end.

        Returns
        -------
        coef : SparseCoef
            Beyond two classes with a column for each.
        intercept : float, beyond two classes ndarray of float64 of shape (n_classes,)
        """
        k, share = self._position(alpha)
        left, b_left = self._fit(k)
        if share == 0.0:
            return left, b_left
        right, b_right = self._fit(k + 1)
        return left.mixed(right, share), (1.0 - share) * b_left + share * b_right

    def _fit(self, k: int) -> tuple[SparseCoef, Any]:
        n_outputs, b = self.n_outputs, self.intercepts[k]
        coef = self.sparse_coef.between(k * n_outputs, (k + 1) * n_outputs)
        return coef, float(b) if n_outputs == 1 else b.copy()

    def decision_function(self, X: Any, alpha: float | None = None, offset: Any = None) -> Vector:
        """Compute linear predictors, X w + b plus the offset, at one alpha or at all of them.

        Parameters
        ----------
        X : matrix of shape (n_samples, n_features)
            Anything that the path functions accept.
        alpha : float or None, default=None
            One of `alphas`, or between two of them, as in `at`; None: all.
        offset : None, float or array-like of shape (n_samples,), beyond two classes (n_samples, n_classes)
            Not None where the fits had one; 0 is none.

        Returns
        -------
        predictors : ndarray of float64 of shape (n_samples,), or (n_samples, n_alphas) for all alphas
            Beyond two classes with another axis, the last, for the classes.
        """
        compare_feature_names(type(self).__name__, self.feature_names, X)
        return self._predictors(X, alpha, offset)

    def _predictors(self, X: Any, alpha: float | None, offset: Any) -> Vector:
        if alpha is None:
            flat = self.sparse_coef.decision(X)
            out = flat.reshape(flat.shape[0], *self.intercepts.shape)
            out += self.intercepts
        else:
            coef, intercept = self.at(alpha)
            out = coef.decision(X) + intercept
        offset = self._new_offset(offset, out.shape[0])
        if offset is not None:
            out += offset if alpha is not None else offset[:, None]
        return out

    def predict(self, X: Any, alpha: float | None = None, offset: Any = None) -> Vector:
        """Predict the mean of the target at one alpha, or at all of them.

        Parameters
        ----------
        X, alpha, offset
            As in `decision_function`.

        Returns
        -------
        predictions : ndarray of float64 of shape (n_samples,), or (n_samples, n_alphas) for all alphas
            Logistic loss: the probability of the second class; beyond two classes that of each, along another axis, the
            last. Poisson: the expected count, infinite beyond the range of float64. Other losses: the linear predictor.
        """
        compare_feature_names(type(self).__name__, self.feature_names, X)
        return self._outcome(self._predictors(X, alpha, offset), "predict")

    def predict_classes(self, X: Any, alpha: float | None = None, offset: Any = None) -> npt.NDArray[Any]:
        """Name the likeliest class at one alpha, or at all of them; of equally likely ones the first.

        Parameters
        ----------
        X, alpha, offset
            As in `decision_function`.

        Returns
        -------
        labels : ndarray of shape (n_samples,), or (n_samples, n_alphas) for all alphas
            Of `classes`; where the target were probabilities their columns, 0 and 1 for numbers in [0, 1].

        Raises
        ------
        ValueError
            For a loss that knows no classes.
        """
        self._check_method("predict_classes")
        compare_feature_names(type(self).__name__, self.feature_names, X)
        return self._outcome(self._predictors(X, alpha, offset), "predict_classes")

    def _check_method(self, method: Any) -> str:
        check_choice(method, "method", ("predict", "predict_classes", "decision_function"))
        if method == "predict_classes" and not self._objective.is_classification:
            raise ValueError(f"predict_classes: loss={self.loss!r} is not allowed, expected that of a classifier")
        return str(method)

    def _outcome(self, predictors: Vector, method: str) -> npt.NDArray[Any]:
        """Return what a method makes of linear predictors."""
        if method == "decision_function":
            return predictors
        if method == "predict_classes":
            number = predictors.argmax(axis=-1) if self.n_outputs > 1 else (predictors > 0.0).astype(np.int64)
            return number if self.classes is None else self.classes[number]
        if self.n_outputs > 1:
            return special.softmax(predictors, axis=-1)
        with np.errstate(over="ignore"):
            return self._objective.mean(predictors)

    def _new_offset(self, offset: Any, n_samples: int) -> Vector | None:
        n_outputs = None if self.n_outputs == 1 else self.n_outputs
        return check_new_offsets(offset, n_samples, n_outputs, has_offset=self.has_offset, owner=type(self).__name__)

    def _position(self, alpha: float) -> tuple[int, float]:
        """Find the last alpha of the grid that is not smaller, and what share of the step to the next it takes."""
        alpha, alphas = check_alpha(alpha), self.alphas
        nearest = int(np.argmin(np.abs(alphas - alpha)))
        if abs(alphas[nearest] - alpha) <= SAME_ALPHA * alphas[nearest]:
            return nearest, 0.0
        if not alphas[-1] < alpha < alphas[0]:
            raise ValueError(
                f"alpha: {alpha!r} is outside [{float(alphas[-1])!r}, {float(alphas[0])!r}], the ends of the grid of "
                f"this path; the nearest is {float(alphas[nearest])!r}"
            )
        k = int(np.searchsorted(-alphas, -alpha)) - 1
        return k, float((alphas[k] - alpha) / (alphas[k] - alphas[k + 1]))


def _facts_of(problem: Problem, design: Design) -> dict[str, Any]:
    columns = problem.penalty_factor, problem.lower, problem.upper, design.active
    return {"fit_intercept": problem.fit_intercept, **column_facts(*columns)}


def column_facts(factor: Vector, lower: Vector, upper: Vector, active: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Keep how columns were penalised and bounded, as far as that is not as usual.

    Parameters
    ----------
    factor, lower, upper : ndarray of float64 of shape (n_active,)
    active : ndarray of int64 of shape (n_active,)
        Ids of the occupied columns.

    Returns
    -------
    facts : dict
        `bounds` and `penalty_factors` of a path.
    """
    finite = [limit[np.isfinite(limit)] for limit in (lower, upper)]
    bounds = "signs" if any(limit.size for limit in finite) else "none"
    if any(limit.any() for limit in finite):
        bounds = "box"
    odd = np.flatnonzero(factor != 1.0)
    return {"bounds": bounds, "penalty_factors": (active[odd], factor[odd]) if odd.size else None}
