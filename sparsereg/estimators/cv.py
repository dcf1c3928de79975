"""Cross-validated models: LassoCV, ElasticNetCV, RidgeCV, LogisticRegressionCV, PoissonRegressorCV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.estimators.base import LogLinkRegressor, ProbabilisticClassifier, SparseRegressor
from sparsereg.estimators.docstrings import (
    CLASSIFIER_CV_ATTRIBUTES,
    CV_L1_RATIO,
    CV_MSE_PATH,
    REGRESSOR_CV_ATTRIBUTES,
    cv_parameters,
)
from sparsereg.estimators.glm import PenaltyChoice
from sparsereg.estimators.glm_cv import CrossValidatedModel, CVTargets
from sparsereg.inputs.shares import GroupedClasses
from sparsereg.inputs.targets import ClassTargets, encode_classes, flatten, leave_out, leave_out_grouped
from sparsereg.inputs.weights import check_sample_weight
from sparsereg.model_selection.alpha_grid import pad


class _SquaredLossCV(SparseRegressor, CrossValidatedModel):
    """A cross-validated model of squared loss, which keeps the errors of its folds as scikit-learn does."""

    @property
    def mse_path_(self) -> npt.NDArray[np.float64]:
        """Mean squared errors, in scikit-learn's shape."""
        errors = self.cv_results_.get("fold_mse")
        if errors is None:
            raise AttributeError("mse_path_: scoring does not name 'mse'")
        if self.alphas_.ndim == 1:
            return errors
        return pad(np.split(errors, np.cumsum((~np.isnan(self.alphas_)).sum(axis=1))[:-1]))


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class LassoCV(PenaltyChoice, _SquaredLossCV):
    __doc__ = """`Lasso` at the alpha that predicts unseen rows best.

    Parameters
    ----------""" + cv_parameters("squared", "the mean squared error") + REGRESSOR_CV_ATTRIBUTES + CV_MSE_PATH

    l1_ratio = 1.0


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class RidgeCV(_SquaredLossCV):
    __doc__ = """`Ridge` at the alpha that predicts unseen rows best.

    The automatic grid starts where that of an elastic net with l1_ratio = 0.001 does, as glmnet's: pure L2 has no
    largest useful alpha.

    Parameters
    ----------""" + cv_parameters(
        "squared", "the mean squared error", eps="1e-6", min_ratio="1e-9", penalty=""
    ) + REGRESSOR_CV_ATTRIBUTES + CV_MSE_PATH

    penalty, gamma, l1_ratio = "elastic_net", None, 0.0
    _default_eps = 1e-6


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class ElasticNetCV(PenaltyChoice, _SquaredLossCV):
    __doc__ = """`ElasticNet` at the alpha, and of several l1_ratio the one, that predicts unseen rows best.
    """ + CV_L1_RATIO.format(default="0.5") + cv_parameters(
        "squared", "the mean squared error"
    ) + REGRESSOR_CV_ATTRIBUTES + CV_MSE_PATH

    l1_ratio: Any = 0.5


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class PoissonRegressorCV(LogLinkRegressor, PenaltyChoice, CrossValidatedModel):
    __doc__ = """`PoissonRegressor` at the alpha, and of several l1_ratio the one, that predicts unseen rows best.
    """ + CV_L1_RATIO.format(default="1.0") + cv_parameters(
        "poisson", "the mean deviance"
    ) + REGRESSOR_CV_ATTRIBUTES

    l1_ratio: Any = 1.0


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class LogisticRegressionCV(ProbabilisticClassifier, PenaltyChoice, CrossValidatedModel):
    __doc__ = """`LogisticRegression` at the alpha, and of several l1_ratio the one, that predicts unseen rows best.

    Beyond two classes every fit is to the cross-entropy of the softmax, with one alpha for all classes; "auc" is then
    the mean over the classes, each against the rest, and the training part of every fold needs every class.

    Scores are those of the labels and sample weights given: smoothing and class weights are for the fits alone. Of
    counts the trials of a row are in one fold together, and folds have their share of each label only where every row
    is of one label.
    """ + CV_L1_RATIO.format(default="1.0") + """
    class_weight : None, "balanced" or mapping from label to float, default=None
        As in `LogisticRegression`; "balanced" by the weights of all data.
    label_smoothing : float in [0, 1), default=0.0
        As in `LogisticRegression`.""" + cv_parameters(
        "logistic", "log_loss, the mean cross-entropy", folds=", with its share of each label in every fold",
        shuffled=", label by label",
    ) + CLASSIFIER_CV_ATTRIBUTES

    l1_ratio: Any = 1.0
    class_weight: Any = None
    label_smoothing: float = 0.0

    def _encode(self, y: Any, sample_weight: Any, n_samples: int) -> CVTargets:
        y = flatten(y, stacklevel=4)
        weights = {"class_weight": self.class_weight, "label_smoothing": self.label_smoothing}
        coded = encode_classes(y, sample_weight, n_samples=n_samples, **weights)
        if isinstance(y, GroupedClasses):
            scored = encode_classes(leave_out_grouped(y, self.class_weight)[0])
            return self._targets(coded, scored, None)
        # What is no class for the fits is none to be scored.
        weight, _ = leave_out(np.asarray(y), check_sample_weight(sample_weight, n_samples), self.class_weight)
        scored = encode_classes(y, weight, n_samples=n_samples)
        plain, codes = scored.probabilities, None
        if np.all((plain == 0.0) | (plain == 1.0)):
            # Rows without weight have no target, but a label all the same.
            codes = plain.argmax(axis=1) if np.ndim(y) == 2 else np.unique(y, return_inverse=True)[1]
        return self._targets(coded, scored, codes)

    def _targets(self, coded: ClassTargets, scored: ClassTargets, codes: Any) -> CVTargets:
        plain = scored.probabilities
        # Of two classes the second says it all.
        used = 1 if coded.classes.size == 2 else slice(None)
        fit, score = (np.ascontiguousarray(shares[:, used]) for shares in (coded.probabilities, plain))
        return CVTargets(fit, score, coded.sample_weight, scored.sample_weight, coded.classes, codes)
