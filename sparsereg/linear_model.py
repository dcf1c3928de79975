"""What sparse linear models share: coefficients as small as their non-zeros, predictions, and the fit of one alpha."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._parameters import check_alpha, check_flag, check_l1_ratio, make_controls
from sparsereg._sklearn import (
    BaseEstimator,
    RegressorMixin,
    check_feature_names,
    check_is_fitted,
    feature_names,
    metric,
)
from sparsereg._validation import check_offset
from sparsereg.coef import PathCoef, SparseCoef
from sparsereg.design import Design, find_ids, make_design
from sparsereg.path import prepare, solve_grid
from sparsereg.solvers.base import Controls, Point, Solution
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.start import null_point, point_at
from sparsereg.targets import flatten

__all__ = ["COMMON_ATTRIBUTES", "COMMON_PARAMETERS", "OneAlphaModel", "SparseLinearModel", "SparseRegressor"]

Vector = npt.NDArray[np.float64]

COMMON_PARAMETERS = """
    fit_intercept : bool, default=True
        The intercept is never penalised.
    standardize : bool, default=False
        Penalise sd_j w_j in place of w_j; coefficients stay on the scale of X. Constant columns are left out.
    positive : bool, default=False
        Keep every coefficient at 0 or above.
    bounds : None or pair (lower, upper), default=None
        Each None, a number, an array of length n_features, or a mapping from column id; lower <= 0 <= upper.
    penalty_factor : None, number, array-like of shape (n_features,) or mapping from column id, default=None
        p_j; 0 leaves a column unpenalised, inf excludes it. Not rescaled.
    max_iter : int, default=10_000
        Passes after which to stop, with a ConvergenceWarning.
    tol : float, default=1e-6
        Duality gap to reach, relative to F of the model with intercept only.
    warm_start : bool, default=False
        Start from the coefficients of the last fit.
    n_threads : int or None, default=None
        Threads for passes over all columns; None is 1, -1 all. Results are the same for any number.
    verbose : int, default=0
        1 prints a line when the fit is done.
    callback : callable or None, default=None
        Called with a `sparsereg.Progress` after every look at the duality gap; whatever it raises ends the fit and
        leaves the estimator as it was.
"""

COMMON_ATTRIBUTES = """
    dual_gap_ : float
        Certified distance of the objective from its minimum, relative to F of the model with intercept only.
    objective_ : float
        F(w, b).
    n_iter_ : int
        Passes over the working set plus passes over all columns.
    n_active_ : int
        Columns of X with a non-zero in some row of positive weight.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Only after a fit on a data frame with string column names.
"""


class SparseLinearModel(BaseEstimator):
    """Coefficients, one vector or one for each class, and the linear predictor made from them."""

    _coef: SparseCoef | PathCoef
    intercept_: Any

    def _set_solutions(self, solutions: Sequence[Solution], design: Design) -> None:
        """Take over what solvers found: one solution, or one for each class."""
        active, n_features = design.active, design.n_features
        if len(solutions) == 1:
            self._coef = SparseCoef(active[solutions[0].columns], solutions[0].values, n_features)
        else:
            self._coef = PathCoef.from_active(active, _side_by_side(solutions, active.size), n_features)
        self.intercept_ = np.array([solution.b for solution in solutions])
        self.dual_gap_ = max(solution.dual_gap for solution in solutions)
        self.objective_ = float(sum(solution.objective for solution in solutions))
        self.n_iter_ = max(solution.n_iter for solution in solutions)
        self.n_active_ = design.n_active

    def _decision(self, X: Any, offset: Any) -> Vector:
        """Compute X w + b, plus the offset, by looking the ids of X up among the non-zero coefficients."""
        check_is_fitted(self)
        check_feature_names(self, X, reset=False)
        out = self._coef.decision(X) + self.intercept_
        offset = check_offset(offset, out.shape[0])
        return out if offset is None else out + offset

    @property
    def sparse_coef_(self) -> sparse.csr_matrix:
        """Non-zero coefficients, as a matrix of shape (1 or n_classes, n_features)."""
        check_is_fitted(self)
        return self._coef.to_csr() if isinstance(self._coef, SparseCoef) else self._coef.to_csc().T

    def _dense_coef(self) -> Vector:
        return self.sparse_coef_.toarray()

    def __getattr__(self, name: str) -> Vector:
        """Make `coef_`, all coefficients as a dense array, for whoever asks for it by name.

        A property would be evaluated by everything that lists members, such as displays: 1.9 GB at 233 million columns.
        """
        if name == "sparse_coef_":
            check_is_fitted(self)  # what the property raised, which looking here has replaced
        if name != "coef_":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self._dense_coef()

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether `fit` has succeeded."""
        return hasattr(self, "_coef")

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that sparse input is welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class SparseRegressor(RegressorMixin, SparseLinearModel):
    """A sparse linear model of numbers."""

    def _set_solutions(self, solutions: Sequence[Solution], design: Design) -> None:
        super()._set_solutions(solutions, design)
        self.intercept_ = float(self.intercept_[0])

    def _dense_coef(self) -> Vector:
        return super()._dense_coef().ravel()

    def predict(self, X: Any, offset: Any = None) -> Vector:
        """Compute X w + b, plus the offset, by looking the ids of X up among the non-zero coefficients.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        offset : None or array-like of shape (n_samples,)

        Returns
        -------
        predictions : ndarray of float64 of shape (n_samples,)
        """
        return self._decision(X, offset)

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """Compute R2 of the predictions: 1 - sum_i s_i (y_i - p_i)^2 / sum_i s_i (y_i - mean)^2, 1 at best.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : None or array-like of shape (n_samples,)
        offset : None or array-like of shape (n_samples,)

        Returns
        -------
        score : float
        """
        return metric("r2_score")(y, self.predict(X, offset), sample_weight=sample_weight)


class OneAlphaModel(SparseLinearModel):
    """Settings of a fit at one alpha, and the fit; each estimator says which loss and l1_ratio it stands for."""

    _loss = "squared"

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        standardize: bool = False,
        positive: bool = False,
        bounds: Any = None,
        penalty_factor: Any = None,
        max_iter: int = 10_000,
        tol: float = 1e-6,
        warm_start: bool = False,
        n_threads: int | None = None,
        verbose: int = 0,
        callback: Callable[..., Any] | None = None,
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.positive = positive
        self.bounds = bounds
        self.penalty_factor = penalty_factor
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.n_threads = n_threads
        self.verbose = verbose
        self.callback = callback

    def _l1_ratio(self) -> float:
        raise NotImplementedError

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Any:
        """Minimise F(w, b); see `regularization_path` for its definition.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
            int32 or int64 ids; never changed.
        y : array-like of shape (n_samples,)
        sample_weight : None or array-like of shape (n_samples,)
        offset : None or array-like of shape (n_samples,)
            Known part of the linear predictor. `predict` and `score` take one too.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For malformed data or parameters; a previous fit stays as it was.
        """
        alpha, l1_ratio = check_alpha(self.alpha), check_l1_ratio(self._l1_ratio())
        fit_intercept = check_flag(self.fit_intercept, "fit_intercept")
        warm = check_flag(self.warm_start, "warm_start")
        controls = make_controls(self.tol, self.max_iter, self.n_threads, self.callback)
        feature_names(X)  # refuses mixed names before any work
        design = make_design(X, sample_weight)
        _, problem = prepare(
            design, flatten(y), sample_weight, offset, loss=self._loss, fit_intercept=fit_intercept,
            standardize=self.standardize, positive=self.positive, bounds=self.bounds,
            penalty_factor=self.penalty_factor, l1_ratio=l1_ratio, smallest_alpha=alpha,
        )
        if warm and getattr(self, "_coef", None) is not None and self._coef.n_features == design.n_features:
            point = self._warm_point(problem, design.active, alpha, controls)
        else:
            point = null_point(problem, controls)
        solutions = solve_grid(problem, point, np.array([alpha]), l1_ratio, controls, verbose=self.verbose)
        # Nothing is set before everything has succeeded.
        check_feature_names(self, X, reset=True)
        self._set_solutions(solutions, design)
        return self

    def _warm_point(
        self, problem: Problem, active: npt.NDArray[np.int64], alpha: float, controls: Controls
    ) -> Point:
        old, w = self._coef, np.zeros(active.size)
        found, position = find_ids(old.ids, active)
        w[position] = old.values[found]
        return point_at(problem, w, self.intercept_, alpha, controls)


def _side_by_side(solutions: Sequence[Solution], n_active: int) -> sparse.csc_array:
    """Make one column of each solution."""
    indptr = np.cumsum([0] + [solution.columns.size for solution in solutions])
    indices = np.concatenate([solution.columns for solution in solutions])
    values = np.concatenate([solution.values for solution in solutions])
    return sparse.csc_array((values, indices, indptr), shape=(n_active, len(solutions)))
