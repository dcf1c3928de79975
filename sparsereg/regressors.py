"""Regressors for one alpha: Lasso, ElasticNet, Ridge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sparsereg.linear_model import COMMON_ATTRIBUTES, COMMON_PARAMETERS, OneAlphaModel, SparseRegressor

__all__ = ["ElasticNet", "Lasso", "Ridge"]

_ATTRIBUTES = """
    Attributes
    ----------
    sparse_coef_ : scipy.sparse.csr_matrix of shape (1, n_features)
        Non-zero coefficients only.
    coef_ : ndarray of float64 of shape (n_features,)
        All coefficients; made anew each time it is asked for, as wide as X.
    intercept_ : float""" + COMMON_ATTRIBUTES


class Lasso(SparseRegressor, OneAlphaModel):
    __doc__ = """Linear regression with an L1 penalty: coefficients that do not pay for themselves are exactly zero.

    Minimises mean squared error / 2 + alpha * sum_j p_j |w_j|.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength, >= 0.""" + COMMON_PARAMETERS + _ATTRIBUTES

    def _l1_ratio(self) -> float:
        return 1.0


class Ridge(SparseRegressor, OneAlphaModel):
    __doc__ = """Linear regression with an L2 penalty (weight decay): coefficients shrink, none becomes zero.

    Minimises mean squared error / 2 + alpha / 2 * sum_j p_j w_j^2: scikit-learn's `Ridge` at n_samples * alpha.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength, >= 0.""" + COMMON_PARAMETERS + _ATTRIBUTES

    def _l1_ratio(self) -> float:
        return 0.0


class ElasticNet(SparseRegressor, OneAlphaModel):
    __doc__ = """Linear regression with a mixed penalty: L1 for zeros, L2 to share weight among correlated columns.

    Minimises mean squared error / 2 + alpha * sum_j p_j (l1_ratio |w_j| + (1 - l1_ratio) / 2 w_j^2).

    Parameters
    ----------
    alpha : float, default=1.0
        Strength, >= 0.
    l1_ratio : float in [0, 1], default=0.5
        1 is `Lasso`, 0 is `Ridge`.""" + COMMON_PARAMETERS + _ATTRIBUTES

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
