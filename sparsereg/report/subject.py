"""Model composition: what a saved object consists of, from the table it takes to the coefficients at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sparsereg.estimators.base import SparseLinearModel
from sparsereg.estimators.glm_cv import CrossValidatedModel
from sparsereg.estimators.sgd_base import SGDEstimator
from sparsereg.estimators.table_model import TableModel
from sparsereg.inputs.sklearn import check_is_fitted
from sparsereg.path.result import RegularizationPath


@dataclass(frozen=True)
class Subject:
    """What a report is about.

    Attributes
    ----------
    given : object
        As it was handed over, a TableModel, Pipeline, estimator or path.
    model : SparseLinearModel or RegularizationPath
        Where the coefficients are.
    path : RegularizationPath or None
        The model itself, or what a cross-validated one has kept.
    table : TableModel or None
    pipeline : Pipeline of scikit-learn or None
        The steps before the model and the model, one after the other.
    target : object or None
        A TransformedTargetRegressor around it all.
    """

    given: Any
    model: Any
    path: Any
    table: TableModel | None = None
    pipeline: Any = None
    target: Any = None

    @classmethod
    def of(cls, given: Any) -> Subject:
        """Look into what was handed over.

        Parameters
        ----------
        given : object

        Returns
        -------
        subject : Subject

        Raises
        ------
        TypeError
            For what has no coefficients, as transformers.
        NotFittedError
            Before a fit.
        """
        table = given if isinstance(given, TableModel) else None
        model, steps, composed, target = given if table is None else table.model, [], None, None
        while hasattr(model, "steps") or hasattr(model, "regressor"):
            if hasattr(model, "steps"):
                composed = model
                steps += model.steps[:-1]
                model = model.steps[-1][1]
            else:
                check_is_fitted(model)
                target, model = model, model.regressor_
        if not isinstance(model, (SparseLinearModel, RegularizationPath)):
            raise TypeError(
                f"model: an object of type {type(given).__name__} is not allowed, expected a fitted estimator, path, "
                "TableModel or Pipeline of these"
            )
        path = model if isinstance(model, RegularizationPath) else None
        if path is None:
            check_is_fitted(model)
            path = getattr(model, "path_", None)
        pipeline = None if composed is None else type(composed)([*steps, ("model", model)])
        return cls(given, model, path, table, pipeline, target)

    @property
    def names(self) -> Any:
        """What names the columns, as `to_frame` takes it; None where nothing does."""
        known = self.table if self.table is not None else self.pipeline
        if known is None:
            name = "feature_names" if isinstance(self.model, RegularizationPath) else "feature_names_in_"
            known = getattr(self.model, name, None)
        return known

    @property
    def cv(self) -> Any:
        """The model, if it was cross-validated, else None."""
        return self.model if isinstance(self.model, CrossValidatedModel) else None

    @property
    def stream(self) -> Any:
        """The model, if it learns from streams, else None."""
        return self.model if isinstance(self.model, SGDEstimator) else None

    @property
    def held_out(self) -> Mapping[str, Any] | None:
        """Measures of held-out rows that came with the model."""
        return None if self.table is None else self.table.held_out

    @property
    def n_samples(self) -> int | None:
        """Rows that it was fitted to; None where nothing says."""
        known = None if self.table is None else self.table.n_samples
        return self.path.n_samples if known is None and self.path is not None else known

    @property
    def loss(self) -> Any:
        """The registered loss."""
        return self.model._objective if isinstance(self.model, RegularizationPath) else self.model._make_loss()

    @property
    def n_features(self) -> int:
        """Width of the model."""
        return int(getattr(self.model, "n_features_in_", 0) or self.model.n_features)

    @property
    def n_active(self) -> int:
        """Columns that some training row has, of a stream those that were touched."""
        return int(self.model.n_active if self.path is self.model else self.model.n_active_)

    @property
    def title(self) -> str:
        """Kind of the model, and what it was fitted to."""
        sources = () if self.table is None else self.table.sources
        kind = type(self.model).__name__
        return f"{kind} of {', '.join(sources)}" if sources else kind
