"""Classifiers for one alpha: LogisticRegression, LinearSVC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.estimators.base import ProbabilisticClassifier, SparseClassifier
from sparsereg.estimators.glm import COMMON_ATTRIBUTES, COMMON_PARAMETERS, GLMEstimator
from sparsereg.inputs.targets import encode_classes, flatten

__all__ = ["LinearSVC", "LogisticRegression"]

Vector = npt.NDArray[np.float64]

_PARAMETERS = """
    Parameters
    ----------
    alpha : float, default=0.01
        Strength, >= 0. On standardised columns and with L1, 0.5 and more leave no column in.
    l1_ratio : float in [0, 1], default=1.0
        Share of L1; the rest is L2.
    class_weight : None, "balanced" or mapping from label to float, default=None
        c_k; the weight of a row is multiplied by sum_k y_ik c_k, which is c_k for a row of class k. "balanced": the sum
        of all weights over n_classes times that of class k. Labels that a mapping leaves out have c_k = 1; one with
        c_k = 0 is no class, as if its rows had weight 0.
    label_smoothing : float in [0, 1), default=0.0
        eps: the target y_ik, 0 or 1 or a probability, becomes (1 - eps) y_ik + eps / n_classes. The weight of a row is
        that of its label before.""" + COMMON_PARAMETERS

_ATTRIBUTES = """
    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, ascending; 0, 1, ... after a fit to probabilities.
    sparse_coef_ : scipy.sparse.csr_matrix of shape (1, n_features), (n_classes, n_features) beyond two classes
        Non-zero coefficients only.
    coef_ : ndarray of float64 of shape (1, n_features), (n_classes, n_features) beyond two classes
        All coefficients; made anew each time it is asked for, as wide as X.
    intercept_ : ndarray of float64 of shape (1,), (n_classes,) beyond two classes""" + COMMON_ATTRIBUTES


class OneAlphaClassifier(GLMEstimator):
    """A fit at one alpha to labels or probabilities of classes."""

    def __init__(
        self,
        alpha: float = 0.01,
        *,
        l1_ratio: float = 1.0,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        fit_intercept: bool = True,
        standardize: bool = False,
        positive: bool = False,
        bounds: Any = None,
        penalty_factor: Any = None,
        penalty: str = "elastic_net",
        gamma: float | None = None,
        max_iter: int = 10_000,
        tol: float = 1e-6,
        warm_start: bool = False,
        n_threads: int | None = None,
        verbose: int = 0,
        callback: Callable[..., Any] | None = None,
    ):
        super().__init__(
            alpha, fit_intercept=fit_intercept, standardize=standardize, positive=positive, bounds=bounds,
            penalty_factor=penalty_factor, penalty=penalty, gamma=gamma, max_iter=max_iter, tol=tol,
            warm_start=warm_start, n_threads=n_threads, verbose=verbose, callback=callback,
        )
        self.l1_ratio = l1_ratio
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Any:
        """Minimise F(w, b); see `regularization_path` for its definition.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
            int32 or int64 ids; never changed.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels of any kind that can be sorted. Or probabilities: a row of them for each sample, non-negative and of
            sum one; or numbers in [0, 1], not all 0 or 1, the probabilities of class 1 of the classes 0 and 1.
        sample_weight : None, float or array-like of shape (n_samples,)
        offset : None or array-like of shape (n_samples,), of (n_samples, n_classes) beyond two classes
            Known part of the linear predictor. All that predicts then needs one too.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For malformed data or parameters, and less than two classes; a previous fit stays as it was.
        """
        return super().fit(X, y, sample_weight, offset)

    def _encode(
        self, y: Any, sample_weight: Any, n_samples: int
    ) -> tuple[Sequence[Vector], Vector | None, npt.NDArray[Any]]:
        coded = encode_classes(
            flatten(y, stacklevel=5), sample_weight, n_samples=n_samples, class_weight=self.class_weight,
            label_smoothing=self.label_smoothing,
        )
        shares = coded.probabilities
        outputs = [np.ascontiguousarray(shares[:, 1])] if coded.classes.size == 2 else self._outputs(shares)
        return outputs, coded.sample_weight, coded.classes

    def _outputs(self, shares: Vector) -> list[Vector]:
        """Return the targets of more than two classes."""
        raise NotImplementedError


class LogisticRegression(ProbabilisticClassifier, OneAlphaClassifier):
    __doc__ = """Logistic regression: log-odds that are linear in the columns, L1 by default.

    Minimises the mean cross-entropy, mean_i -sum_k y_ik log(probability of class k), + alpha * sum_j p_j
    (l1_ratio |w_j| + (1 - l1_ratio) / 2 w_j^2). It is scikit-learn's `LogisticRegression` at C = 1 / (n_samples alpha),
    the sum of the weights in place of n_samples where there are weights.

    Beyond two classes it is the cross-entropy of the softmax: every class has coefficients, for all of which the
    penalty is paid, and an intercept. A shift of all classes alike changes no probability; the intercepts have mean
    zero, and with L1 alone the coefficients need not be unique.
    """ + _PARAMETERS + _ATTRIBUTES

    def _outputs(self, shares: Vector) -> list[Vector]:
        return [shares]


class LinearSVC(SparseClassifier, OneAlphaClassifier):
    __doc__ = """Support vector machine with squared hinge loss, one class against the rest, L1 by default.

    For each class (for two, for the second) minimises mean_i [y_i max(0, 1 - t_i)^2 + (1 - y_i) max(0, 1 + t_i)^2]
    + alpha * sum_j p_j (l1_ratio |w_j| + (1 - l1_ratio) / 2 w_j^2), y_i the share of the class, 0 or 1 for labels. It
    is scikit-learn's `LinearSVC` at C = 1 / (n_samples alpha), but for the intercept, which is not penalised here, and
    class weights, which here weigh the rows of every class in every fit.

    `objective_` is the sum over these fits, `dual_gap_` the largest and `n_iter_` the most.
    """ + _PARAMETERS + _ATTRIBUTES

    _loss = "squared_hinge"

    def _outputs(self, shares: Vector) -> list[Vector]:
        return list(np.ascontiguousarray(shares.T))
