"""The linear predictor of a fitted model and the link that turns it into predictions: all that an export is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import LOSSES
from sparsereg.coef import SparseCoef
from sparsereg.estimators.base import SparseClassifier, SparseLinearModel
from sparsereg.estimators.sgd_base import SGDEstimator
from sparsereg.estimators.table_model import TableModel
from sparsereg.export.plain import plain
from sparsereg.features.feature_cross import FeatureCross
from sparsereg.features.latlong_cross import LatLongCross
from sparsereg.inputs.sklearn import check_is_fitted
from sparsereg.path.result import RegularizationPath

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scorer:
    """What turns the ids of a row into predictions.

    Attributes
    ----------
    coef : SparseCoef
        Non-zero coefficients, a column for each linear predictor; with the calibration in them, if there is one.
    intercepts : ndarray of float64 of shape (n_outputs,)
    loss : str
        Registered name.
    link : {"identity", "logit", "softmax", "log"}
        Its inverse makes the mean of the target from the linear predictor. Squared hinge loss has scores alone.
    classes : ndarray of shape (n_classes,) or None
        Labels of a classifier; of two the second has the linear predictor.
    has_offset : bool
        The fit had an offset, so that predictions need one too.
    offset_slope : float
        How often an offset counts: the slope of the calibration, if there is one, else 1.
    """

    coef: SparseCoef
    intercepts: Vector
    loss: str
    link: str
    classes: npt.NDArray[Any] | None
    has_offset: bool
    offset_slope: float = 1.0

    @classmethod
    def of(cls, model: Any, alpha: float | None = None) -> Scorer:
        """Take what predicts from a fitted estimator, or from a path at one alpha.

        Parameters
        ----------
        model : fitted estimator or RegularizationPath
        alpha : float or None
            For a path: one of its alphas, or between two of them.

        Raises
        ------
        TypeError
            For anything else.
        ValueError
            For a path without an alpha, or with one outside of it; for a model with one; NotFittedError, which is a
            ValueError, for a model that was not fitted.
        """
        if isinstance(model, RegularizationPath):
            return cls._of_path(model, alpha)
        if not isinstance(model, SparseLinearModel):
            raise TypeError(
                f"model: an object of type {type(model).__name__} is not allowed, expected a fitted estimator of "
                "sparsereg or a RegularizationPath"
            )
        check_is_fitted(model)
        if alpha is not None:
            raise ValueError(f"alpha: {alpha!r} is not allowed with {type(model).__name__}; only a path needs one")
        coef, intercepts = model._effective()
        calibration = vars(model).get("calibration_")
        slope = 1.0 if calibration is None else float(calibration.slope)
        loss = model._loss_class.name if isinstance(model, SGDEstimator) else model._loss
        classes = model.classes_ if isinstance(model, SparseClassifier) else None
        return cls(coef, intercepts, loss, _link(loss, coef), classes, model._has_offset, slope)

    @classmethod
    def _of_path(cls, path: RegularizationPath, alpha: float | None) -> Scorer:
        if alpha is None:
            first, last = float(path.alphas[0]), float(path.alphas[-1])
            raise ValueError(f"alpha: None is not allowed with a path, expected a number in [{last!r}, {first!r}]")
        coef, intercepts = path.at(alpha)
        classes = path.classes
        if classes is None and LOSSES[path.loss].targets == (0.0, 1.0):
            classes = np.arange(max(coef.n_columns, 2))
        return cls(coef, np.atleast_1d(intercepts), path.loss, _link(path.loss, coef), classes, path.has_offset)

    @property
    def n_features(self) -> int:
        """Width of the data that the model was fitted to."""
        return self.coef.n_features

    @property
    def n_outputs(self) -> int:
        """Number of linear predictors."""
        return self.coef.n_columns

    def header(self) -> dict[str, Any]:
        """Return all but the coefficients as what JSON can hold."""
        return {
            "loss": self.loss,
            "link": self.link,
            "classes": None if self.classes is None else [plain(label) for label in self.classes.tolist()],
            "intercepts": self.intercepts.tolist(),
            "n_features": plain(self.n_features),
            "has_offset": bool(self.has_offset),
            "offset_slope": self.offset_slope,
        }


def split_pipeline(model: Any, transformer: Any) -> tuple[Any, Any]:
    """Return the model and the transformer of a Pipeline of the two, or of a TableModel; anything else as it is given.

    Parameters
    ----------
    model : object
    transformer : object
        None for a Pipeline or a TableModel. What makes the columns of a TableModel is that itself, or a cross alone.

    Raises
    ------
    TypeError
        For a Pipeline of more than two steps.
    ValueError
        For a Pipeline or a TableModel with another transformer beside it.
    """
    if isinstance(model, TableModel):
        if transformer is not None:
            raise ValueError("transformer: it is not allowed with a TableModel, which makes its columns itself")
        return model.model, _cross_alone(model)
    if not hasattr(model, "steps"):
        return model, transformer
    if transformer is not None:
        raise ValueError("transformer: it is not allowed with a Pipeline, whose steps before the last are transformers")
    *before, (_, last) = model.steps
    before = [(name, step) for name, step in before if step is not None and step != "passthrough"]
    if len(before) > 1:
        names = ", ".join(repr(name) for name, _ in before)
        raise TypeError(
            f"model: a Pipeline with the steps {names} before the model is not allowed, expected one step there; "
            "pipeline[-1], the model alone, is exported as one that takes ids of columns"
        )
    return last, before[0][1] if before else None


def _cross_alone(model: TableModel) -> Any:
    """Return the only transformer of a model where it needs no table around it, or else the model itself."""
    if isinstance(model.features, FeatureCross | LatLongCross):
        return model.features
    return model


def _link(loss: str, coef: SparseCoef) -> str:
    registered = LOSSES[loss]
    if registered.softmax:
        return "logit" if coef.n_columns == 1 else "softmax"
    return "log" if registered.log_link else "identity"
