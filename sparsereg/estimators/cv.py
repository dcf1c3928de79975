"""Models that choose their own strength of penalty: Lasso, elastic net, ridge, logistic and Poisson regression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.estimators.base import LogLinkRegressor, ProbabilisticClassifier, SparseRegressor
from sparsereg.estimators.glm_cv import CV_ATTRIBUTES, CV_PARAMETERS, CrossValidatedModel, CVTargets
from sparsereg.inputs.targets import encode_classes, flatten, leave_out
from sparsereg.inputs.weights import check_sample_weight
from sparsereg.metrics import METRICS, STEPPED
from sparsereg.model_selection.alpha_grid import pad
from sparsereg.model_selection.cross_validation import CVProgress

__all__ = ["ElasticNetCV", "LassoCV", "LogisticRegressionCV", "PoissonRegressorCV", "RidgeCV"]


_PENALTY = """    penalty : {"elastic_net", "mcp", "scad", "l0"}, default="elastic_net"
        Form of the sparse part of the penalty; the last three are not convex, see `regularization_path`. Where l1_ratio
        can be set, scikit-learn's words will do: "elasticnet", and "l1" and "l2" for l1_ratio 1 and 0, which must then
        be left at its default.
    gamma : float or None, default=None
        Where MCP (> 1) and SCAD (> 2) level off; see `regularization_path`.
"""


def _parameters(
    loss: str, first: str, *, eps: str = "1e-3", least: str = "1e-6", stratified: str = "", penalty: str = _PENALTY
) -> str:
    """Spell out the common parameters for a loss."""
    names, stepped = METRICS[loss], [f"{name}, " for name in METRICS[loss] if name in STEPPED]
    return CV_PARAMETERS.format(
        eps=eps, least=least, first=first, names=", ".join(names), stepped="".join(stepped), stratified=stratified,
        penalty=penalty,
    )


_COEFFICIENTS = """
    Attributes
    ----------
    sparse_coef_ : scipy.sparse.csr_matrix of shape (1, n_features)
        Non-zero coefficients only.
    coef_ : ndarray of float64 of shape (n_features,)
        All coefficients; made anew each time it is asked for, as wide as X.
    intercept_ : float"""
_ERROR = "the mean squared error"
_MSE_PATH = """    mse_path_ : ndarray of shape (n_alphas, n_folds), of (n_l1_ratios, n_alphas, n_folds) for several
        Mean squared error of the unseen rows of each fold, as scikit-learn keeps it; padded as `alphas_` is. Not there
        where `scoring` is a list without "mse".
"""
_L1_RATIO = """
    Parameters
    ----------
    l1_ratio : float in [0, 1] or list of float, default={default}
        Share of L1; the rest is L2. Of several the folds choose one."""


class _SquaredLossCV(SparseRegressor, CrossValidatedModel):
    """What the cross-validated models of squared loss have beyond the others."""

    @property
    def mse_path_(self) -> npt.NDArray[np.float64]:
        """Mean squared errors, in scikit-learn's shape."""
        errors = self.cv_results_.get("fold_mse")
        if errors is None:
            raise AttributeError("mse_path_: scoring does not name 'mse'")
        if self.alphas_.ndim == 1:
            return errors
        return pad(np.split(errors, np.cumsum((~np.isnan(self.alphas_)).sum(axis=1))[:-1]))


class LassoCV(_SquaredLossCV):
    __doc__ = """`Lasso` at the alpha that predicts unseen rows best.

    Parameters
    ----------""" + _parameters("squared", _ERROR) + _COEFFICIENTS + CV_ATTRIBUTES + _MSE_PATH

    def _l1_ratios(self) -> float:
        return 1.0


class RidgeCV(_SquaredLossCV):
    __doc__ = """`Ridge` at the alpha that predicts unseen rows best.

    The automatic grid starts where that of an elastic net with l1_ratio = 0.001 does, as glmnet's: pure L2 has no
    largest useful alpha.

    Parameters
    ----------""" + _parameters(
        "squared", _ERROR, eps="1e-6", least="1e-9", penalty=""
    ) + _COEFFICIENTS + CV_ATTRIBUTES + _MSE_PATH

    _usual_eps = 1e-6

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
        max_iter: int = 10_000,
        tol: float = 1e-8,
        n_jobs: int | None = None,
        verbose: int = 0,
        callback: Callable[[CVProgress], Any] | None = None,
    ):
        super().__init__(
            alphas=alphas, n_alphas=n_alphas, eps=eps, cv=cv, scoring=scoring, rule=rule, relax=relax,
            fit_intercept=fit_intercept, standardize=standardize, positive=positive, bounds=bounds,
            penalty_factor=penalty_factor, max_iter=max_iter, tol=tol, n_jobs=n_jobs, verbose=verbose,
            callback=callback,
        )

    def _l1_ratios(self) -> float:
        return 0.0


class ElasticNetCV(_SquaredLossCV):
    __doc__ = """`ElasticNet` at the alpha, and of several l1_ratio the one, that predicts unseen rows best.
    """ + _L1_RATIO.format(default="0.5") + _parameters("squared", _ERROR) + _COEFFICIENTS + CV_ATTRIBUTES + _MSE_PATH

    def __init__(
        self,
        *,
        l1_ratio: Any = 0.5,
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
        super().__init__(
            alphas=alphas, n_alphas=n_alphas, eps=eps, cv=cv, scoring=scoring, rule=rule, relax=relax,
            fit_intercept=fit_intercept, standardize=standardize, positive=positive, bounds=bounds,
            penalty_factor=penalty_factor, penalty=penalty, gamma=gamma, max_iter=max_iter, tol=tol, n_jobs=n_jobs,
            verbose=verbose, callback=callback,
        )
        self.l1_ratio = l1_ratio


class PoissonRegressorCV(LogLinkRegressor, CrossValidatedModel):
    __doc__ = """`PoissonRegressor` at the alpha, and of several l1_ratio the one, that predicts unseen rows best.
    """ + _L1_RATIO.format(default="1.0") + _parameters(
        "poisson", "the mean deviance"
    ) + _COEFFICIENTS + CV_ATTRIBUTES

    def __init__(
        self,
        *,
        l1_ratio: Any = 1.0,
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
        super().__init__(
            alphas=alphas, n_alphas=n_alphas, eps=eps, cv=cv, scoring=scoring, rule=rule, relax=relax,
            fit_intercept=fit_intercept, standardize=standardize, positive=positive, bounds=bounds,
            penalty_factor=penalty_factor, penalty=penalty, gamma=gamma, max_iter=max_iter, tol=tol, n_jobs=n_jobs,
            verbose=verbose, callback=callback,
        )
        self.l1_ratio = l1_ratio


class LogisticRegressionCV(ProbabilisticClassifier, CrossValidatedModel):
    __doc__ = """`LogisticRegression` at the alpha, and of several l1_ratio the one, that predicts unseen rows best.

    Beyond two classes every fit is to the cross-entropy of the softmax, with one alpha for all classes; "auc" is then
    the mean over the classes, each against the rest, and the training part of every fold needs every class.

    Scores are those of the labels and sample weights given: smoothing and class weights are for the fits alone.
    """ + _L1_RATIO.format(default="1.0") + """
    class_weight : None, "balanced" or mapping from label to float, default=None
        As in `LogisticRegression`; "balanced" by the weights of all data.
    label_smoothing : float in [0, 1), default=0.0
        As in `LogisticRegression`.""" + _parameters(
        "logistic", "log_loss, the mean cross-entropy", stratified=", with its share of each label in every fold"
    ) + """
    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, ascending; 0, 1, ... after a fit to probabilities.
    sparse_coef_ : scipy.sparse.csr_matrix of shape (1, n_features), (n_classes, n_features) beyond two classes
        Non-zero coefficients only.
    coef_ : ndarray of float64 of shape (1, n_features), (n_classes, n_features) beyond two classes
        All coefficients; made anew each time it is asked for, as wide as X.
    intercept_ : ndarray of float64 of shape (1,), (n_classes,) beyond two classes""" + CV_ATTRIBUTES

    def __init__(
        self,
        *,
        l1_ratio: Any = 1.0,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
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
        super().__init__(
            alphas=alphas, n_alphas=n_alphas, eps=eps, cv=cv, scoring=scoring, rule=rule, relax=relax,
            fit_intercept=fit_intercept, standardize=standardize, positive=positive, bounds=bounds,
            penalty_factor=penalty_factor, penalty=penalty, gamma=gamma, max_iter=max_iter, tol=tol, n_jobs=n_jobs,
            verbose=verbose, callback=callback,
        )
        self.l1_ratio = l1_ratio
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    def _encode(self, y: Any, sample_weight: Any, n_samples: int) -> CVTargets:
        y = flatten(y, stacklevel=4)
        coded = encode_classes(
            y, sample_weight, n_samples=n_samples, class_weight=self.class_weight,
            label_smoothing=self.label_smoothing,
        )
        # What is no class for the fits is none to be judged.
        weight, _ = leave_out(np.asarray(y), check_sample_weight(sample_weight, n_samples), self.class_weight)
        plain = encode_classes(y, weight, n_samples=n_samples).probabilities
        codes = None
        if np.all((plain == 0.0) | (plain == 1.0)):
            # Rows without weight have no target, but a label all the same.
            codes = plain.argmax(axis=1) if np.ndim(y) == 2 else np.unique(y, return_inverse=True)[1]
        # Of two classes the second says it all.
        used = 1 if coded.classes.size == 2 else slice(None)
        return CVTargets(
            fit=np.ascontiguousarray(coded.probabilities[:, used]),
            score=np.ascontiguousarray(plain[:, used]),
            fit_weight=coded.sample_weight,
            score_weight=weight,
            classes=coded.classes,
            codes=codes,
        )
