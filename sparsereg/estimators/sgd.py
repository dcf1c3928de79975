"""SGD estimators for streams: SGDClassifier, SGDRegressor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.estimators.base import LogLinkRegressor, ProbabilisticClassifier, SparseRegressor
from sparsereg.estimators.classifiers import LinearSVC, LogisticRegression
from sparsereg.estimators.docstrings import (
    CALIBRATION,
    CLASSIFIER_COEFFICIENTS,
    LABEL_SMOOTHING,
    REGRESSOR_COEFFICIENTS,
    STREAM_ALGORITHM,
    STREAM_ATTRIBUTES,
    STREAM_OBJECTIVE,
    STREAM_SAMPLING,
)
from sparsereg.estimators.regressors import ElasticNet, HuberRegressor, PoissonRegressor
from sparsereg.estimators.sgd_base import SGDEstimator, to_batch_estimator
from sparsereg.inputs.targets import check_classes
from sparsereg.streaming.encode import ClassEncoder, NumberEncoder
from sparsereg.streaming.locking import synchronized
from sparsereg.streaming.options import StreamSettings

Vector = npt.NDArray[np.float64]


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class SGDClassifier(ProbabilisticClassifier, SGDEstimator):
    __doc__ = """Linear classification of streams, sparse, by proximal stochastic steps.""" + STREAM_OBJECTIVE + """
    Parameters
    ----------
    loss : {"logistic", "squared_hinge"}, default="logistic"
        "log_loss" is "logistic". Beyond two classes "logistic" is the cross-entropy of the softmax, and "squared_hinge"
        fits one class against the rest.""" + STREAM_ALGORITHM + """
    class_weight : None, "balanced" or mapping from label to float, default=None
        c_k; the weight of a row is multiplied by sum_k y_ik c_k, which is c_k for a row of class k. "balanced", only in
        `fit`: the sum of all weights over n_classes times that of class k.""" + (
        LABEL_SMOOTHING + STREAM_SAMPLING + CLASSIFIER_COEFFICIENTS + CALIBRATION + STREAM_ATTRIBUTES
    )

    _losses = ("logistic", "squared_hinge")

    loss: str = field(default="logistic", kw_only=False)
    class_weight: Any = None
    label_smoothing: float = 0.0

    @synchronized
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> SGDClassifier:
        """Learn from some more rows, once and in their order. Any division of rows into calls gives the same bits.

        Rows of weight 0, and calls without rows, teach nothing. Calls in several threads wait for each other. A
        calibration stays.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels among the classes, probabilities of each, or counts of trials.
        classes : array-like of shape (n_classes,) or None, default=None
            All labels that there will be; needed on the first call.
        sample_weight : None, float or array-like of shape (n_samples,)

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For malformed data or parameters; nothing has been learned then.
        DivergenceError
            Where a step is not finite, and with "prox_sgd" where the loss is a thousand times that of predicting 0;
            rows up to the one named have been learned from.
        """
        known = check_classes(classes) if classes is not None else None
        if self.__sklearn_is_fitted__():
            if known is not None and not np.array_equal(self.classes_, known):
                raise ValueError(
                    f"classes: {known.tolist()} is not allowed, expected {self.classes_.tolist()}, as on the first call"
                )
            known = self.classes_
        elif known is None:
            raise ValueError("classes: None is not allowed on the first call of partial_fit, expected all labels")
        self._partial_fit(X, y, sample_weight, known)
        return self

    def _encoder(self, settings: StreamSettings, classes: npt.NDArray[Any] | None) -> ClassEncoder:
        return ClassEncoder(classes, self.class_weight, self.label_smoothing)

    @property
    def predict_proba(self) -> Callable[..., Vector]:
        """Compute the probability of every class, as `LogisticRegression.predict_proba`; with loss="logistic" only."""
        self._check_probabilities()
        return super().predict_proba

    @property
    def predict_log_proba(self) -> Callable[..., Vector]:
        """Compute the logarithms of `predict_proba`; with loss="logistic" only."""
        self._check_probabilities()
        return super().predict_log_proba

    @property
    def calibrate(self) -> Callable[..., SGDClassifier]:
        """Fit the level of the probabilities to held-out rows, as `LogisticRegression.calibrate`; loss="logistic" only.

        Further calls of `partial_fit` keep the calibration, which is then that of an older state: calibrate again.
        """
        self._check_probabilities()
        return super().calibrate

    def __getattr__(self, name: str) -> Any:
        """Say why there are no probabilities, which looking here has replaced."""
        if name in ("predict_proba", "predict_log_proba", "calibrate"):
            self._check_probabilities()
        return super().__getattr__(name)

    def _check_probabilities(self) -> None:
        if not self._loss_class.is_likelihood:
            raise AttributeError(f"loss={self._loss_class.name!r} gives no probabilities")

    def to_batch(self) -> LogisticRegression | LinearSVC:
        """Make the batch model of the same loss with these coefficients.

        Returns
        -------
        model : LogisticRegression or LinearSVC
            Fitted, with the same penalty; not trained any further.
        """
        models = {model._loss: model for model in (LogisticRegression, LinearSVC)}
        given = {name: getattr(self, name) for name in ("class_weight", "label_smoothing")}
        model = to_batch_estimator(self, models[self._loss_class.name](**given))
        model.classes_ = self.classes_
        return model


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class SGDRegressor(LogLinkRegressor, SGDEstimator):
    __doc__ = """Linear regression on streams, sparse, by proximal stochastic steps.""" + STREAM_OBJECTIVE + """
    Parameters
    ----------
    loss : {"squared", "huber", "poisson"}, default="squared"
        "squared_error" is "squared". With "poisson" predictions are expected counts, exp(X w + b), and `score` is D2.
    delta : float, default=1.35
        Of Huber's loss: residual from which on it grows linearly, > 0.""" + (
        STREAM_ALGORITHM + STREAM_SAMPLING + REGRESSOR_COEFFICIENTS + STREAM_ATTRIBUTES
    )

    _losses = ("squared", "huber", "poisson")

    loss: str = field(default="squared", kw_only=False)
    delta: float = 1.35

    @synchronized
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> SGDRegressor:
        """Learn from some more rows, once and in their order. Any division of rows into calls gives the same bits.

        Rows of weight 0, and calls without rows, teach nothing. Calls in several threads wait for each other.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : None, float or array-like of shape (n_samples,)

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For malformed data or parameters; nothing has been learned then.
        DivergenceError
            Where a step is not finite, and with "prox_sgd" where the loss is a thousand times that of predicting 0;
            rows up to the one named have been learned from.
        """
        self._partial_fit(X, y, sample_weight, None)
        return self

    def _encoder(self, settings: StreamSettings, classes: npt.NDArray[Any] | None) -> NumberEncoder:
        return NumberEncoder(settings)

    @property
    def intercept_(self) -> float:
        """Intercept."""
        return float(self.training_.intercept[0])

    def predict(self, X: Any, offset: Any = None) -> Vector:
        """Compute X w + b, plus the offset; with loss="poisson" expected counts, the exponential of that.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        offset : None or array-like of shape (n_samples,)

        Returns
        -------
        predictions : ndarray of float64 of shape (n_samples,)
        """
        return super().predict(X, offset)

    def _outcome(self, predictor: Vector, method: str) -> Vector:
        return super()._outcome(predictor, method) if self._loss_class.log_link else predictor

    def score(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> float:
        """Compute R2 of the predictions, with loss="poisson" D2, the share of the deviance that is explained.

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
        if self._loss_class.log_link:
            return super().score(X, y, sample_weight, offset)
        return SparseRegressor.score(self, X, y, sample_weight, offset)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn which targets are allowed."""
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self._loss_class.log_link
        return tags

    def to_batch(self) -> ElasticNet | HuberRegressor | PoissonRegressor:
        """Make the batch model of the same loss with these coefficients.

        Returns
        -------
        model : ElasticNet, HuberRegressor or PoissonRegressor
            Fitted, with the same penalty; not trained any further.
        """
        models = {model._loss: model for model in (ElasticNet, HuberRegressor, PoissonRegressor)}
        return to_batch_estimator(self, models[self._loss_class.name]())
