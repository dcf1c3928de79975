"""Classifiers for one alpha: LogisticRegression, LinearSVC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.estimators.base import ProbabilisticClassifier, SparseClassifier
from sparsereg.estimators.docstrings import CLASSIFIER_ATTRIBUTES, CLASSIFIER_PARAMETERS, PROBABILITY_ATTRIBUTES
from sparsereg.estimators.glm import GLMEstimator
from sparsereg.inputs.targets import encode_classes, flatten

Vector = npt.NDArray[np.float64]

@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class GLMClassifier(GLMEstimator):
    """A fit at one alpha to labels or probabilities of classes."""

    alpha: float = field(default=0.01, kw_only=False)
    l1_ratio: float = 1.0
    class_weight: Any = None
    label_smoothing: float = 0.0

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> Any:
        """Minimise F(w, b); see `regularization_path` for its definition.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features), Reduced or stream
            int32 or int64 ids; never changed. A `Reduced` for the same loss brings its targets, weights and offsets; a
            stream, a reader or an iterable of blocks (X, y) or (X, y, sample_weight), is reduced first and brings its
            targets and weights: all else is then None.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels of any kind that can be sorted. Or probabilities: a row of them for each sample, non-negative and of
            sum one; or numbers in [0, 1], not all 0 or 1, the probabilities of class 1 of the classes 0 and 1. Or
            counts, whole numbers in every row: how many of its trials came out as each class, of two classes
            (failures, successes) as in glmnet; the fit is that to a row of weight 1 for each trial.
        sample_weight : None, float or array-like of shape (n_samples,)
            Of a row; of counts that of each trial in it.
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
        if coded.classes.size > 2 and self._make_loss().softmax:
            return [coded.probabilities], coded.sample_weight, coded.classes
        # Of two classes the second says it all.
        first = 1 if coded.classes.size == 2 else 0
        return list(np.ascontiguousarray(coded.probabilities.T[first:])), coded.sample_weight, coded.classes


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class LogisticRegression(ProbabilisticClassifier, GLMClassifier):
    __doc__ = """Logistic regression: log-odds that are linear in the columns, L1 by default.

    Minimises the mean cross-entropy, mean_i -sum_k y_ik log(probability of class k), + alpha * sum_j p_j
    (l1_ratio |w_j| + (1 - l1_ratio) / 2 w_j^2). It is scikit-learn's `LogisticRegression` at C = 1 / (n_samples alpha),
    the sum of the weights in place of n_samples where there are weights.

    Beyond two classes it is the cross-entropy of the softmax: every class has coefficients, for all of which the
    penalty is paid, and an intercept. A shift of all classes alike changes no probability; the intercepts have mean
    zero, and with L1 alone the coefficients need not be unique.
    """ + CLASSIFIER_PARAMETERS + PROBABILITY_ATTRIBUTES


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class LinearSVC(SparseClassifier, GLMClassifier):
    __doc__ = """Support vector machine with squared hinge loss, one class against the rest, L1 by default.

    For each class (for two, for the second) minimises mean_i [y_i max(0, 1 - t_i)^2 + (1 - y_i) max(0, 1 + t_i)^2]
    + alpha * sum_j p_j (l1_ratio |w_j| + (1 - l1_ratio) / 2 w_j^2), y_i the share of the class, 0 or 1 for labels. It
    is scikit-learn's `LinearSVC` at C = 1 / (n_samples alpha), but for the intercept, which is not penalised here, and
    class weights, which here weigh the rows of every class in every fit.

    `objective_` is the sum over these fits, `dual_gap_` the largest and `n_iter_` the most.
    """ + CLASSIFIER_PARAMETERS + CLASSIFIER_ATTRIBUTES

    _loss = "squared_hinge"
