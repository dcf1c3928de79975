"""scikit-learn estimators for one alpha: Lasso, ElasticNet, Ridge."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._parameters import check_alpha, check_flag, check_l1_ratio, make_controls
from sparsereg._sklearn import (
    BaseEstimator,
    DataConversionWarning,
    RegressorMixin,
    check_feature_names,
    check_is_fitted,
    feature_names,
)
from sparsereg._validation import check_offset
from sparsereg.coef import SparseCoef
from sparsereg.design import find_ids
from sparsereg.path import prepare, solve_grid
from sparsereg.solvers.base import Controls, Point, Solution
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.start import null_point, point_at

__all__ = ["ElasticNet", "Lasso", "Ridge"]

_PARAMETERS = """
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

    Attributes
    ----------
    sparse_coef_ : scipy.sparse.csr_matrix of shape (1, n_features)
        Non-zero coefficients only.
    coef_ : ndarray of float64 of shape (n_features,)
        All coefficients; made anew each time it is asked for, as wide as X.
    intercept_ : float
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


class _CoordinateDescentRegressor(RegressorMixin, BaseEstimator):
    """What the three regressors share; each says which l1_ratio it stands for."""

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
            Known part of the linear predictor. `predict` takes one too; `score` does not, and judges without.

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
        design, problem = prepare(
            X, _flat(y), sample_weight, offset, fit_intercept=fit_intercept, standardize=self.standardize,
            positive=self.positive, bounds=self.bounds, penalty_factor=self.penalty_factor,
            l1_ratio=l1_ratio, smallest_alpha=alpha,
        )
        if warm and getattr(self, "_coef", None) is not None and self._coef.n_features == design.n_features:
            point = self._warm_point(problem, design.active, alpha, controls)
        else:
            point = null_point(problem, controls)
        solution = solve_grid(problem, point, np.array([alpha]), l1_ratio, controls, verbose=self.verbose)[0]
        # Nothing is set before everything has succeeded.
        check_feature_names(self, X, reset=True)
        self._set_result(solution, design.active, design.n_features)
        return self

    def _warm_point(
        self, problem: Problem, active: npt.NDArray[np.int64], alpha: float, controls: Controls
    ) -> Point:
        old, w = self._coef, np.zeros(active.size)
        found, position = find_ids(old.ids, active)
        w[position] = old.values[found]
        return point_at(problem, w, self.intercept_, alpha, controls)

    def _set_result(self, solution: Solution, active: npt.NDArray[np.int64], n_features: int) -> None:
        self._coef = SparseCoef(active[solution.columns], solution.values, n_features)
        self.intercept_ = solution.b
        self.dual_gap_ = solution.dual_gap
        self.objective_ = solution.objective
        self.n_iter_ = solution.n_iter
        self.n_active_ = int(active.size)

    def predict(self, X: Any, offset: Any = None) -> npt.NDArray[np.float64]:
        """Compute X w + b, plus the offset, by looking the ids of X up among the non-zero coefficients.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        offset : None or array-like of shape (n_samples,)

        Returns
        -------
        predictions : ndarray of float64 of shape (n_samples,)
        """
        check_is_fitted(self)
        check_feature_names(self, X, reset=False)
        out = self._coef.decision(X) + self.intercept_
        offset = check_offset(offset, out.size)
        return out if offset is None else out + offset

    @property
    def sparse_coef_(self) -> sparse.csr_matrix:
        """Non-zero coefficients, as a matrix of shape (1, n_features)."""
        check_is_fitted(self)
        return self._coef.to_csr()

    def __getattr__(self, name: str) -> npt.NDArray[np.float64]:
        """Make `coef_`, all coefficients as a dense vector, for whoever asks for it by name.

        A property would be evaluated by everything that lists members, such as displays: 1.9 GB at 233 million columns.
        """
        if name == "sparse_coef_":
            check_is_fitted(self)  # what the property raised, which looking here has replaced
        if name != "coef_":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self.sparse_coef_.toarray().ravel()

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether `fit` has succeeded."""
        return hasattr(self, "_coef")

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that sparse input is welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class Lasso(_CoordinateDescentRegressor):
    __doc__ = """Linear regression with an L1 penalty: coefficients that do not pay for themselves are exactly zero.

    Minimises mean squared error / 2 + alpha * sum_j p_j |w_j|.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength, >= 0.""" + _PARAMETERS

    def _l1_ratio(self) -> float:
        return 1.0


class Ridge(_CoordinateDescentRegressor):
    __doc__ = """Linear regression with an L2 penalty (weight decay): coefficients shrink, none becomes zero.

    Minimises mean squared error / 2 + alpha / 2 * sum_j p_j w_j^2: scikit-learn's `Ridge` at n_samples * alpha.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength, >= 0.""" + _PARAMETERS

    def _l1_ratio(self) -> float:
        return 0.0


class ElasticNet(_CoordinateDescentRegressor):
    __doc__ = """Linear regression with a mixed penalty: L1 for zeros, L2 to share weight among correlated columns.

    Minimises mean squared error / 2 + alpha * sum_j p_j (l1_ratio |w_j| + (1 - l1_ratio) / 2 w_j^2).

    Parameters
    ----------
    alpha : float, default=1.0
        Strength, >= 0.
    l1_ratio : float in [0, 1], default=0.5
        1 is `Lasso`, 0 is `Ridge`.""" + _PARAMETERS

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
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
        super().__init__(
            alpha, fit_intercept=fit_intercept, standardize=standardize, positive=positive, bounds=bounds,
            penalty_factor=penalty_factor, max_iter=max_iter, tol=tol, warm_start=warm_start, n_threads=n_threads,
            verbose=verbose, callback=callback,
        )
        self.l1_ratio = l1_ratio

    def _l1_ratio(self) -> float:
        return self.l1_ratio


def _flat(y: Any) -> Any:
    """Flatten a column vector, with scikit-learn's warning."""
    if y is None or hasattr(y, "tocsr"):
        return y
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples,), "
            "for example using ravel().",
            DataConversionWarning,
            stacklevel=3,
        )
        y = y.ravel()
    return y
