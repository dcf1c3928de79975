"""Regressors for one alpha: Lasso, ElasticNet, Ridge, HuberRegressor, PoissonRegressor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sparsereg.estimators.base import LogLinkRegressor, SparseRegressor
from sparsereg.estimators.docstrings import COMMON_PARAMETERS, L1_SHARE, REGRESSOR_ALPHA, REGRESSOR_ATTRIBUTES
from sparsereg.estimators.glm import GLMEstimator
from sparsereg.solvers.assemble import make_loss


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class Lasso(SparseRegressor, GLMEstimator):
    __doc__ = """Linear regression with an L1 penalty: coefficients that do not pay for themselves are exactly zero.

    Minimises mean squared error / 2 + alpha * sum_j p_j |w_j|.
    """ + REGRESSOR_ALPHA + COMMON_PARAMETERS + REGRESSOR_ATTRIBUTES

    l1_ratio = 1.0


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class Ridge(SparseRegressor, GLMEstimator):
    __doc__ = """Linear regression with an L2 penalty (weight decay): coefficients shrink, none becomes zero.

    Minimises mean squared error / 2 + alpha / 2 * sum_j p_j w_j^2: scikit-learn's `Ridge` at n_samples * alpha. Where
    many coefficients fit alike at alpha = 0, and there are no bounds, the solution is the limit as alpha goes to 0:
    that with the least sum_j p_j w_j^2, sum_j p_j (sd_j w_j)^2 with `standardize=True`. With a few hundred columns or
    rows at most it is solved directly, to the last digits that the data have, whatever `tol`.
    """ + REGRESSOR_ALPHA + COMMON_PARAMETERS + REGRESSOR_ATTRIBUTES

    l1_ratio = 0.0
    # It has no sparse part whose form could be chosen.
    _penalties = ("elastic_net",)


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class ElasticNet(SparseRegressor, GLMEstimator):
    __doc__ = """Linear regression with a mixed penalty: L1 for zeros, L2 to share weight among correlated columns.

    Minimises mean squared error / 2 + alpha * sum_j p_j (l1_ratio |w_j| + (1 - l1_ratio) / 2 w_j^2).
    """ + REGRESSOR_ALPHA + """
    l1_ratio : float in [0, 1], default=0.5
        1 is `Lasso`, 0 is `Ridge`.""" + COMMON_PARAMETERS + REGRESSOR_ATTRIBUTES

    l1_ratio: float = 0.5


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class HuberRegressor(SparseRegressor, GLMEstimator):
    __doc__ = """Linear regression that outliers pull at with a bounded force: Huber's loss, L1 by default.

    Minimises mean_i h(y_i - t_i) + alpha * sum_j p_j (l1_ratio |w_j| + (1 - l1_ratio) / 2 w_j^2), with h(r) = r^2 / 2
    up to |r| = delta and delta (|r| - delta / 2) beyond. `score` is R2.

    scikit-learn's `HuberRegressor(epsilon, alpha)` estimates a scale `scale_` too, and penalises with L2. At that scale
    its coefficients are those of delta = epsilon * scale_, l1_ratio = 0 and our alpha = alpha * scale_ / n_samples.
    """ + REGRESSOR_ALPHA + L1_SHARE + """
    delta : float, default=1.35
        Residual from which on the loss grows linearly, > 0, in the units of y. 1.35 standard deviations of the noise
        are 95 % as efficient as squared loss where the noise is normal.""" + COMMON_PARAMETERS + REGRESSOR_ATTRIBUTES

    _loss = "huber"
    l1_ratio: float = 1.0
    delta: float = 1.35

    def _make_loss(self) -> Any:
        return make_loss(self._loss, self.delta)


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class PoissonRegressor(LogLinkRegressor, GLMEstimator):
    __doc__ = """Log-linear regression of counts, L1 by default.

    Minimises half the mean deviance of y at the means exp(t), D / 2 = y log(y / mean) - y + mean,
    + alpha * sum_j p_j (l1_ratio |w_j| + (1 - l1_ratio) / 2 w_j^2). The linear predictor t includes `offset`, the
    logarithm of the exposure, in `fit`, `predict` and `score`. `score` is D2, the share of the deviance explained.
    With l1_ratio = 0 it is scikit-learn's `PoissonRegressor` at the same alpha.
    """ + REGRESSOR_ALPHA + L1_SHARE + COMMON_PARAMETERS + REGRESSOR_ATTRIBUTES

    l1_ratio: float = 1.0

