"""Base classes of estimators: coefficients as small as their non-zeros, predictions and scores."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse, special

from sparsereg.coef import Nonzeros, SparseCoef
from sparsereg.design import Design
from sparsereg.estimators.calibration import CalibrationMixin
from sparsereg.estimators.evaluation import EvaluationMixin
from sparsereg.inputs.parameters import resolve_penalty_alias
from sparsereg.inputs.sklearn import (
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    check_feature_names,
    check_is_fitted,
    metric,
)
from sparsereg.inputs.targets import check_target, target_of
from sparsereg.inputs.versions import Versioned
from sparsereg.inputs.weights import check_new_offsets, check_sample_weight
from sparsereg.metrics import accuracy
from sparsereg.path.frames import coefficient_frame
from sparsereg.solvers.base import Solution

Vector = npt.NDArray[np.float64]


@cache
def _parameters(cls: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(cls.__init__).parameters


def _given(y: Any) -> Any:
    """Refuse to judge without targets."""
    if y is None:
        raise TypeError("y: None is not allowed, expected the targets of the rows of X")
    return y


class SparseLinearModel(EvaluationMixin, Versioned, BaseEstimator):
    """Coefficients, one vector or one for each class, and the linear predictor made from them."""

    _loss = "squared"
    _coef: SparseCoef
    intercept_: Any
    penalty: str
    gamma: float | None
    l1_ratio: Any
    # Of models without, and of pickles that say nothing of it.
    _has_offset = False
    _gives_sparse = False
    _views = ("coef_", "sparse_coef_")
    # What can be asked for of the linear predictor, where the model has a method of that name.
    _methods: tuple[str, ...] = ("predict",)

    def _spelled_penalty(self) -> dict[str, Any]:
        """Return `penalty` and `l1_ratio`, with scikit-learn's words put into ours where l1_ratio can be set."""
        setting = _parameters(type(self)).get("l1_ratio")  # type: ignore[arg-type]
        if setting is None:
            return {"penalty": self.penalty, "l1_ratio": self.l1_ratio}
        return dict(zip(("penalty", "l1_ratio"), resolve_penalty_alias(self.penalty, self.l1_ratio, setting.default)))

    def _set_solutions(self, solutions: Sequence[Solution], design: Design) -> None:
        """Take over what solvers found: one solution, or one for each class."""
        coefs = Nonzeros.joined([solution.nonzeros for solution in solutions])
        # None of these is a view, which `__setattr__` would refuse.
        vars(self).update(
            _coef=SparseCoef.from_active(design.active, coefs, design.n_features),
            intercept_=np.concatenate([solution.b for solution in solutions]),
            dual_gap_=float(np.array([solution.dual_gap for solution in solutions]).max()),
            violation_=float(np.array([solution.violation for solution in solutions]).max()),
            objective_=float(sum([solution.objective for solution in solutions])),
            n_iter_=max([solution.n_iter for solution in solutions]),
            n_active_=design.n_active,
            _gives_sparse=False,
        )

    def _predictor(self, X: Any) -> Vector:
        """Compute X w + b."""
        return self._coef.decision(X) + self.intercept_

    def _decision(self, X: Any, offset: Any) -> Vector:
        """Compute X w + b, plus the offset, by looking the ids of X up among the non-zero coefficients; calibrated."""
        check_is_fitted(self)
        check_feature_names(self, X, reset=False)
        return self._calibrated(self._with_offset(self._predictor(X), offset))

    def _with_offset(self, predictor: Vector, offset: Any) -> Vector:
        offset = self._new_offset(offset, predictor)
        return predictor if offset is None else predictor + offset

    def _new_offset(self, offset: Any, predictor: Vector) -> Vector | None:
        n, n_outputs = len(predictor), None if predictor.ndim == 1 else predictor.shape[1]
        return check_new_offsets(offset, n, n_outputs, has_offset=self._has_offset, owner=type(self).__name__)

    def _effective_offset(self, offset: Any, predictor: Vector) -> Vector | None:
        """Return what an offset adds to predictors that may be calibrated."""
        offset, calibration = self._new_offset(offset, predictor), vars(self).get("calibration_")
        return offset if offset is None or calibration is None else calibration.slope * offset

    def _calibrated(self, predictor: Vector) -> Vector:
        calibration = vars(self).get("calibration_")
        return predictor if calibration is None else calibration.apply(predictor)

    def _effective(self) -> tuple[SparseCoef, Vector]:
        """Return coefficients and intercepts that predictions are made of, with the calibration in them."""
        coef, intercept = self._coef, np.atleast_1d(self.intercept_)
        calibration = vars(self).get("calibration_")
        return (coef, intercept) if calibration is None else calibration.folded(coef, intercept)

    def _make_loss(self) -> Any:
        """Return the registered loss of the fit."""
        raise NotImplementedError

    def _outcome(self, predictor: Vector, method: str) -> npt.NDArray[Any]:
        """Return what a method makes of linear predictors."""
        raise NotImplementedError

    @property
    def sparse_coef_(self) -> sparse.csr_matrix:
        """Non-zero coefficients, as a matrix of shape (1 or n_classes, n_features)."""
        check_is_fitted(self)
        return self._coef.to_csr()

    def _dense_coef(self) -> Vector:
        return self.sparse_coef_.toarray()

    def __getattr__(self, name: str) -> Any:
        """Make `coef_`, all coefficients as a dense array, for whoever asks for it by name.

        A property would be evaluated by everything that lists members, such as displays: 1.9 GB at 233 million columns.
        """
        if name == "sparse_coef_":
            check_is_fitted(self)  # what the property raised, which looking here has replaced
        if name != "coef_":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self.sparse_coef_ if self._gives_sparse else self._dense_coef()

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse to set what would hide the coefficients that predictions are made of."""
        if name in self._views:
            self._refuse_view(name, "set")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        """Refuse to delete what is made on request."""
        if name in self._views:
            self._refuse_view(name, "deleted")
        super().__delattr__(name)

    def _refuse_view(self, name: str, done: str) -> None:
        raise AttributeError(
            f"{name} of {type(self).__name__} cannot be {done}: it is made of the non-zero coefficients each time "
            "it is asked for. To go on from other coefficients give them to `SGDRegressor` or `SGDClassifier` as "
            "`fit(..., coef_init=)`; to keep coefficients in a range use `bounds`"
        )

    def sparsify(self) -> Any:
        """Let `coef_` be what `sparse_coef_` is, a SciPy matrix of shape (1 or n_classes, n_features).

        As in scikit-learn, for whose pipelines it is there. Here nothing is converted and no memory is saved: a model
        holds its non-zeros alone, before and after. The next fit makes `coef_` dense again.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self._gives_sparse = True
        return self

    def densify(self) -> Any:
        """Let `coef_` be a dense array, as it is after a fit; undoes `sparsify`.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self._gives_sparse = False
        return self

    def to_frame(self, names: Any = None) -> Any:
        """Return a pandas data frame with a row for each coefficient that is not zero, the largest in front.

        They are those that predictions are made of: of a model that was calibrated the calibration is in them, and in
        the intercept.

        Parameters
        ----------
        names : transformer, Pipeline, array-like of str, mapping or callable, default=None
            What made the columns: a fitted `LatLongCross` or `FeatureCross`, a transformer, ColumnTransformer,
            FeatureUnion or Pipeline of scikit-learn (that ends in this model or not), a reader of tables. Or the names
            of all columns, names by id, or a function that takes an array of ids and returns as many names. Names of
            all columns are never made to find a few. None: the columns of the data frame that the model was fitted to,
            if it was.

        Returns
        -------
        frame : pandas.DataFrame
            Columns "id", "name" where there are names, "class" beyond two classes, "weight", and where `names` knows of
            cells "south", "west", "north" and "east", in degrees, NaN for columns that are no cells. The intercept is
            ``frame.attrs["intercept"]``, a number, beyond two classes a dict by class.

        Raises
        ------
        NotFittedError
            Before a fit.
        ImportError
            Without pandas.
        ValueError
            For a transformer that is not fitted, or of another width than the model.
        TypeError
            For anything else in the place of names.
        """
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None) if names is None else names
        coef, intercepts = self._effective()
        classes = getattr(self, "classes_", None) if coef.n_columns > 1 else None
        return coefficient_frame(coef, intercepts, names, classes)

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
        offset : None, float or array-like of shape (n_samples,)
            Not None where the fit had one; 0 is none.

        Returns
        -------
        predictions : ndarray of float64 of shape (n_samples,)
        """
        return self._outcome(self._decision(X, offset), "predict")

    def _outcome(self, predictor: Vector, method: str) -> npt.NDArray[Any]:
        return predictor

    def score(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> float:
        """Compute R2 of the predictions: 1 - sum_i s_i (y_i - p_i)^2 / sum_i s_i (y_i - mean)^2, 1 at best.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : None or array-like of shape (n_samples,)
        offset : None, float or array-like of shape (n_samples,)
            Not None where the fit had one; 0 is none.

        Returns
        -------
        score : float
        """
        prediction = self.predict(X, offset)
        return float(metric("r2_score")(_given(y), prediction, sample_weight=sample_weight))


class LogLinkRegressor(SparseRegressor):
    """A sparse log-linear model of counts."""

    _loss = "poisson"

    def predict(self, X: Any, offset: Any = None) -> Vector:
        """Compute expected counts, exp(X w + b + offset).

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        offset : None, float or array-like of shape (n_samples,)
            Logarithm of the exposure. Not None where the fit had one; 0 is none.

        Returns
        -------
        means : ndarray of float64 of shape (n_samples,)
            Infinite beyond the range of float64.
        """
        return super().predict(X, offset)

    def _outcome(self, predictor: Vector, method: str) -> npt.NDArray[Any]:
        with np.errstate(over="ignore"):
            return np.exp(predictor)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> float:
        """Compute D2, the share of the deviance that is explained: 1 - D(y, means) / D(y, mean of y), 1 at best.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : None or array-like of shape (n_samples,)
        offset : None, float or array-like of shape (n_samples,)
            Logarithm of the exposure. Not None where the fit had one; 0 is none.

        Returns
        -------
        score : float
            For a constant `y` 1 where it is predicted exactly, else 0.
        """
        mean = self.predict(X, offset)
        y = check_target(_given(y), mean.size, 0.0, np.inf, self._loss)
        weight = check_sample_weight(sample_weight, mean.size)
        null = np.average(y, weights=weight)
        # SciPy's kl_div(y, m) is y log(y / m) - y + m, half the deviance.
        left, total = special.kl_div(y, mean), special.kl_div(y, null)
        if weight is not None:
            # Without weight they may be beyond float64, and infinity times 0 is no number.
            left, total = (np.where(weight > 0.0, unit, 0.0) for unit in (left, total))
        left, total = (np.average(unit, weights=weight) for unit in (left, total))
        if total == 0.0:
            return float(left == 0.0)
        return float(1.0 - left / total)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that targets are not negative."""
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags


class SparseClassifier(ClassifierMixin, SparseLinearModel):
    """A sparse linear model of classes: one linear predictor for two of them, else one for each."""

    classes_: npt.NDArray[Any]
    _methods = ("predict", "decision_function")

    def decision_function(self, X: Any, offset: Any = None) -> Vector:
        """Compute X w + b, plus the offset, by looking the ids of X up among the non-zero coefficients.

        Calibrated where `calibrate` was called.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        offset : None, float or array-like of shape (n_samples,), of (n_samples, n_classes) beyond two classes
            Not None where the fit had one; 0 is none.

        Returns
        -------
        scores : ndarray of float64 of shape (n_samples,), of (n_samples, n_classes) beyond two classes
            For two classes positive where the second is more likely.
        """
        return self._decision(X, offset)

    def predict(self, X: Any, offset: Any = None) -> npt.NDArray[Any]:
        """Name the likeliest class of each row, of equally likely ones the first.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        offset : None, float or array-like of shape (n_samples,), of (n_samples, n_classes) beyond two classes
            Not None where the fit had one; 0 is none.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        return self._outcome(self._decision(X, offset), "predict")

    def _outcome(self, predictor: Vector, method: str) -> npt.NDArray[Any]:
        if method == "decision_function":
            return predictor
        return self.classes_[(predictor > 0.0).astype(np.intp) if predictor.ndim == 1 else predictor.argmax(axis=1)]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> float:
        """Compute the accuracy, the share of rows whose class is named right.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or (n_samples, n_classes)
            Labels; or probabilities or counts of classes, of which the share of the class that is named counts.
        sample_weight : None or array-like of shape (n_samples,)
            Of counts that of each trial.
        offset : None, float or array-like of shape (n_samples,), of (n_samples, n_classes) beyond two classes
            Not None where the fit had one; 0 is none.

        Returns
        -------
        score : float
        """
        if np.ndim(y) < 2 or np.shape(y)[1] < 2:
            prediction = self.predict(X, offset)
            return float(metric("accuracy_score")(_given(y), prediction, sample_weight=sample_weight))
        scores = self._decision(X, offset)
        weight = check_sample_weight(sample_weight, len(scores))
        target, weight = target_of(y, len(scores), weight, loss=self._make_loss(), **self._target_form())
        return accuracy(target, scores > 0.0 if scores.ndim == 1 else scores, weight)


class ProbabilisticClassifier(CalibrationMixin, SparseClassifier):
    """A sparse linear model of log-odds."""

    _loss = "logistic"
    _methods = ("predict", "decision_function", "predict_proba", "predict_log_proba")

    def predict_proba(self, X: Any, offset: Any = None) -> Vector:
        """Compute the probability of every class.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        offset : None, float or array-like of shape (n_samples,), of (n_samples, n_classes) beyond two classes
            Not None where the fit had one; 0 is none.

        Returns
        -------
        probabilities : ndarray of float64 of shape (n_samples, n_classes)
            In the order of `classes_`; rows sum to one.
        """
        return self._outcome(self._decision(X, offset), "predict_proba")

    def predict_log_proba(self, X: Any, offset: Any = None) -> Vector:
        """Compute the logarithm of the probability of every class; finite where the probability itself rounds to 0.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
        offset : None, float or array-like of shape (n_samples,), of (n_samples, n_classes) beyond two classes
            Not None where the fit had one; 0 is none.

        Returns
        -------
        logarithms : ndarray of float64 of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return self._outcome(self._decision(X, offset), "predict_log_proba")

    def _outcome(self, predictor: Vector, method: str) -> npt.NDArray[Any]:
        if method == "predict_proba":
            expit, softmax = special.expit, special.softmax
        elif method == "predict_log_proba":
            expit, softmax = special.log_expit, special.log_softmax
        else:
            return super()._outcome(predictor, method)
        if predictor.ndim > 1:
            return softmax(predictor, axis=1)
        of_classes = np.empty((predictor.size, 2))
        expit(-predictor, out=of_classes[:, 0])
        expit(predictor, out=of_classes[:, 1])
        return of_classes
