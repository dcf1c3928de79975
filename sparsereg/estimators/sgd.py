"""Streaming estimators: SGDClassifier, SGDRegressor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.estimators.base import LogLinkRegressor, ProbabilisticClassifier, SparseRegressor
from sparsereg.estimators.classifiers import LinearSVC, LogisticRegression
from sparsereg.estimators.docstrings import STREAM_ALGORITHM, STREAM_ATTRIBUTES, STREAM_OBJECTIVE, STREAM_SAMPLING
from sparsereg.estimators.regressors import ElasticNet, HuberRegressor, PoissonRegressor
from sparsereg.estimators.sgd_base import StreamModel, to_batch_estimator
from sparsereg.inputs.targets import check_classes, check_target, encode_classes, encode_known, flatten
from sparsereg.inputs.weights import check_sample_weight
from sparsereg.readers.labels import with_labels, with_numbers
from sparsereg.solvers.convergence import frames_of_the_package
from sparsereg.streaming.options import StreamSettings
from sparsereg.streaming.turns import in_turn

__all__ = ["SGDClassifier", "SGDRegressor"]

Vector = npt.NDArray[np.float64]


class SGDClassifier(ProbabilisticClassifier, StreamModel):
    __doc__ = """Linear classification of streams, sparse, by proximal stochastic steps.""" + STREAM_OBJECTIVE + """
    Parameters
    ----------
    loss : {"logistic", "squared_hinge"}, default="logistic"
        "log_loss" is "logistic". Beyond two classes "logistic" is the cross-entropy of the softmax, and "squared_hinge"
        fits one class against the rest.""" + STREAM_ALGORITHM + """
    class_weight : None, "balanced" or mapping from label to float, default=None
        c_k; the weight of a row is multiplied by sum_k y_ik c_k, which is c_k for a row of class k. "balanced", only in
        `fit`: the sum of all weights over n_classes times that of class k.
    label_smoothing : float in [0, 1), default=0.0
        eps: the target y_ik, 0 or 1 or a probability, becomes (1 - eps) y_ik + eps / n_classes. The weight of a row is
        that of its label before.""" + STREAM_SAMPLING + """
    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, ascending; 0, 1, ... after a fit to probabilities.
    sparse_coef_ : scipy.sparse.csr_matrix of shape (1, n_features), (n_classes, n_features) beyond two classes
        Non-zero coefficients only.
    coef_ : ndarray of float64 of shape (1, n_features), (n_classes, n_features) beyond two classes
        All coefficients; made anew each time it is asked for, as wide as X.
    intercept_ : ndarray of float64 of shape (1,), (n_classes,) beyond two classes
    """ + STREAM_ATTRIBUTES

    _losses = ("logistic", "squared_hinge")

    def __init__(
        self,
        loss: str = "logistic",
        *,
        algorithm: str = "ftrl",
        penalty: str = "elastic_net",
        alpha: float = 1e-4,
        l1_ratio: float = 1.0,
        gamma: float | None = None,
        fit_intercept: bool = True,
        eta0: float | None = None,
        beta: float = 1.0,
        learning_rate: str = "invscaling",
        power_t: float = 0.5,
        weight_decay: float = 0.0,
        average: bool | int = False,
        max_iter: int = 1000,
        tol: float | None = 1e-4,
        n_iter_no_change: int = 5,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        certify: bool = True,
        finish_tol: float | None = None,
        shuffle: bool = True,
        random_state: Any = None,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        dropout: float = 0.0,
        min_count: int = 1,
        drop_stale: int = 0,
        total_weight: float | None = None,
        warm_start: bool = False,
        n_threads: int | None = None,
        lock_free: bool = False,
        verbose: int = 0,
    ):
        super().__init__(
            loss, algorithm=algorithm, penalty=penalty, alpha=alpha, l1_ratio=l1_ratio, gamma=gamma,
            fit_intercept=fit_intercept, eta0=eta0, beta=beta, learning_rate=learning_rate, power_t=power_t,
            weight_decay=weight_decay, average=average, max_iter=max_iter, tol=tol, n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping, validation_fraction=validation_fraction, certify=certify,
            finish_tol=finish_tol, shuffle=shuffle,
            random_state=random_state, dropout=dropout, min_count=min_count, drop_stale=drop_stale,
            total_weight=total_weight, warm_start=warm_start, n_threads=n_threads, lock_free=lock_free,
            verbose=verbose,
        )
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    @in_turn
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> SGDClassifier:
        """Learn from some more rows, once and in their order. Any division of rows into calls gives the same bits.

        Rows of weight 0, and calls without rows, teach nothing. Calls in several threads wait for each other.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels among the classes, or probabilities.
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
            if known is not None and not self._has_classes(known):
                raise ValueError(
                    f"classes: {known.tolist()} is not allowed, expected {self.classes_.tolist()}, as on the first call"
                )
            known = self.classes_
        elif known is None:
            raise ValueError("classes: None is not allowed on the first call of partial_fit, expected all labels")
        self._partial_fit(X, y, sample_weight, known)
        return self

    def _encode(
        self, settings: StreamSettings, y: Any, sample_weight: Any, n_samples: int, classes: Any
    ) -> tuple[Vector, Vector | None, npt.NDArray[Any]]:
        weights = {"class_weight": self.class_weight, "label_smoothing": self.label_smoothing}
        if classes is None:
            flat = flatten(y, stacklevel=frames_of_the_package() + 1)
            coded = encode_classes(flat, sample_weight, n_samples=n_samples, **weights)
        else:
            coded = encode_known(y, classes, sample_weight, n_samples=n_samples, **weights)
        shares = coded.probabilities
        shares = shares[:, 1:] if coded.classes.size == 2 else shares
        return np.ascontiguousarray(shares), coded.sample_weight, coded.classes

    def _read_targets(self, source: Iterable[Any], classes: Any) -> tuple[Iterable[Any], npt.NDArray[Any]]:
        return with_labels(source, classes)

    def _set_classes(self, classes: npt.NDArray[Any] | None) -> None:
        self.classes_ = classes

    def _has_classes(self, classes: npt.NDArray[Any] | None) -> bool:
        return np.array_equal(self.classes_, classes)

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


class SGDRegressor(LogLinkRegressor, StreamModel):
    __doc__ = """Linear regression on streams, sparse, by proximal stochastic steps.""" + STREAM_OBJECTIVE + """
    Parameters
    ----------
    loss : {"squared", "huber", "poisson"}, default="squared"
        "squared_error" is "squared". With "poisson" predictions are expected counts, exp(X w + b), and `score` is D2.
    delta : float, default=1.35
        Of Huber's loss: residual from which on it grows linearly, > 0.""" + STREAM_ALGORITHM + STREAM_SAMPLING + """
    Attributes
    ----------
    sparse_coef_ : scipy.sparse.csr_matrix of shape (1, n_features)
        Non-zero coefficients only.
    coef_ : ndarray of float64 of shape (n_features,)
        All coefficients; made anew each time it is asked for, as wide as X.
    intercept_ : float
    """ + STREAM_ATTRIBUTES

    _losses = ("squared", "huber", "poisson")

    def __init__(
        self,
        loss: str = "squared",
        *,
        delta: float = 1.35,
        algorithm: str = "ftrl",
        penalty: str = "elastic_net",
        alpha: float = 1e-4,
        l1_ratio: float = 1.0,
        gamma: float | None = None,
        fit_intercept: bool = True,
        eta0: float | None = None,
        beta: float = 1.0,
        learning_rate: str = "invscaling",
        power_t: float = 0.5,
        weight_decay: float = 0.0,
        average: bool | int = False,
        max_iter: int = 1000,
        tol: float | None = 1e-4,
        n_iter_no_change: int = 5,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        certify: bool = True,
        finish_tol: float | None = None,
        shuffle: bool = True,
        random_state: Any = None,
        dropout: float = 0.0,
        min_count: int = 1,
        drop_stale: int = 0,
        total_weight: float | None = None,
        warm_start: bool = False,
        n_threads: int | None = None,
        lock_free: bool = False,
        verbose: int = 0,
    ):
        super().__init__(
            loss, algorithm=algorithm, penalty=penalty, alpha=alpha, l1_ratio=l1_ratio, gamma=gamma,
            fit_intercept=fit_intercept, eta0=eta0, beta=beta, learning_rate=learning_rate, power_t=power_t,
            weight_decay=weight_decay, average=average, max_iter=max_iter, tol=tol, n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping, validation_fraction=validation_fraction, certify=certify,
            finish_tol=finish_tol, shuffle=shuffle,
            random_state=random_state, dropout=dropout, min_count=min_count, drop_stale=drop_stale,
            total_weight=total_weight, warm_start=warm_start, n_threads=n_threads, lock_free=lock_free,
            verbose=verbose,
        )
        self.delta = delta

    @in_turn
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

    def _encode(
        self, settings: StreamSettings, y: Any, sample_weight: Any, n_samples: int, classes: Any
    ) -> tuple[Vector, Vector | None, None]:
        flat = flatten(y, stacklevel=frames_of_the_package() + 1)
        numbers = check_target(flat, n_samples, *settings.objective.targets, settings.objective.name)
        return numbers[:, None], check_sample_weight(sample_weight, n_samples, all_zero=True), None

    def _read_targets(self, source: Iterable[Any], classes: Any) -> tuple[Iterable[Any], None]:
        if classes is not None:
            raise ValueError(f"classes: {classes!r} is not allowed for a regression, expected None")
        return with_numbers(source), None

    @property
    def intercept_(self) -> float:
        """Intercept."""
        return float(self._training.intercept[0])

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
        return super().predict(X, offset) if self._loss_class.log_link else self._decision(X, offset)

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
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
