"""Evaluation: measures of a fitted model on other rows, in memory or block by block, and predictions of streams."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.parameters import check_choice
from sparsereg.inputs.rows import Rows
from sparsereg.inputs.sklearn import check_feature_names, check_is_fitted
from sparsereg.inputs.targets import target_of
from sparsereg.inputs.weights import check_sample_weight, check_stream_offset
from sparsereg.metrics import measure
from sparsereg.readers.blocks import as_feature_blocks, located, overlapped, refuse_stream, with_width
from sparsereg.reduction.reduced import Reduced
from sparsereg.reduction.training import JudgedEntries
from sparsereg.solvers.null_deviance import null_deviance
from sparsereg.streaming.batch import Batch, rows_of_block
from sparsereg.streaming.encode import TargetEncoder
from sparsereg.streaming.running_metrics import RunningMetrics
from sparsereg.streaming.validation import judged_batches

Vector = npt.NDArray[np.float64]


class EvaluationMixin:
    """A fitted linear model that judges itself and goes over streams."""

    _methods: tuple[str, ...]
    _has_offset: bool
    n_features_in_: int

    def evaluate(self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> dict[str, float]:
        """Judge the model on other data than it was made of, as `RegularizationPath.evaluate` judges every fit.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features), or Reduced
            A `Reduced` for the same loss brings its targets, weights and offsets.
        y : array-like of shape (n_samples,), or (n_samples, n_classes) for probabilities or counts of classes
            As `fit` takes it; labels are among `classes_`. `class_weight` and `label_smoothing` play no part.
        sample_weight : None, float or array-like of shape (n_samples,)
        offset : None, float or array-like of shape (n_samples,), of (n_samples, n_classes) beyond two classes
            Not None where the fit had one; 0 is none.

        Returns
        -------
        values : dict of float
            "n_nonzero", columns with a coefficient, and what the loss can be judged by. Squared: "mse", "r2"; logistic:
            "log_loss", "deviance_explained", "accuracy", "calibration_error", "auc"; Poisson: "deviance",
            "deviance_explained"; Huber: "loss", "mse", "r2"; squared hinge: "loss", beyond two classes the sum of
            theirs, "accuracy", "auc". See `sparsereg.metrics`. Shares ("r2", "deviance_explained") are of the deviance
            of intercept plus offset on these rows; after `calibrate` the offset counts `slope` times there too, as it
            does in predictions. (`score` compares with the mean of y, as in scikit-learn.)

        Raises
        ------
        ValueError, TypeError
            For malformed data, and for labels that are no class.
        """
        check_is_fitted(self)
        if isinstance(X, Reduced):
            return self._evaluate_reduced(X, y, sample_weight, offset)
        refuse_stream(X, y, "evaluate_stream")
        # Of a stream read here, so that predictors are sums in the same order as in `evaluate_stream`.
        loss, n_nonzero = self._make_loss(), int(self._coef.ids.size)
        predictor = self._decision(X, offset)
        weight = check_sample_weight(sample_weight, predictor.shape[0])
        y, weight = target_of(y, predictor.shape[0], weight, loss=loss, **self._target_form())
        null = null_deviance(loss, y, weight, self._effective_offset(offset, predictor))
        return {"n_nonzero": n_nonzero, **measure(loss.metrics, loss, y, predictor, weight, null=null)}

    def _evaluate_reduced(self, X: Reduced, y: Any, sample_weight: Any, offset: Any) -> dict[str, float]:
        entries = JudgedEntries(X, y, sample_weight, offset, loss=self._make_loss(), **self._target_form())
        check_feature_names(self, X, reset=False)
        predictor = self._calibrated(self._with_offset(entries.predictor(self._coef, self.intercept_), entries.offset))
        null = entries.null(self._effective_offset(entries.offset, predictor))
        return {"n_nonzero": int(self._coef.ids.size), **entries.measure(predictor, null)}

    def evaluate_stream(self, source: Iterable[Any], *, offset: float | None = None) -> dict[str, float]:
        """Judge the model on rows that come in blocks, read ahead in a thread; the numbers of `evaluate` on them all.

        Memory holds a few blocks and sums, and for the area under the ROC curve 24 bytes for every distinct score, of
        every class beyond two. On rows of a later time than those of a fit to a stream this is what tells how it will
        do, see `history_` of the streaming estimators.

        Parameters
        ----------
        source : iterable of Block, (X, y) or (X, y, sample_weight)
            A reader, a list, a generator. Readers of tables find labels whatever type a file has, as in `fit_stream`.
        offset : float or None, default=None
            For all rows: blocks carry none. Not None where the fit had one; 0 is none.

        Returns
        -------
        values : dict of float
            As `evaluate`.

        Raises
        ------
        ValueError, TypeError
            For malformed blocks, with the number of the block, and where no row has a weight.
        """
        check_is_fitted(self)
        offset = check_stream_offset(offset, has_offset=self._has_offset, owner=type(self).__name__)
        loss, n_nonzero = self._make_loss(), int(self._coef.ids.size)
        running = RunningMetrics(loss)
        for batch in self._judged(source):
            running.take(batch.y, self._of_rows(batch.rows, offset), batch.weight)
        return {"n_nonzero": n_nonzero, **running.result()}

    def predict_stream(
        self, source: Iterable[Any], method: str = "predict", *, offset: float | None = None
    ) -> Generator[npt.NDArray[Any], None, None]:
        """Predict rows that come in blocks, read ahead in a thread.

        Parameters
        ----------
        source : iterable of Block, (X, y), (X, y, sample_weight) or X
            A reader, a list, a generator. Targets and weights are not looked at; a reader of tables does not read them,
            and its files may lack them.
        method : {"predict", "predict_proba", "predict_log_proba", "decision_function"}, default="predict"
            Of this model.
        offset : float or None, default=None
            For all rows: blocks carry none. Not None where the fit had one; 0 is none.

        Returns
        -------
        predictions : generator of ndarray
            What the method returns of each block. The reading stops when the generator ends or is closed.

        Raises
        ------
        ValueError, TypeError
            At once for what is no source and for a method that the model does not have; in place of its predictions for
            a malformed block, with its number.
        """
        check_is_fitted(self)
        check_choice(method, "method", [name for name in self._methods if hasattr(self, name)])
        offset = check_stream_offset(offset, has_offset=self._has_offset, owner=type(self).__name__)
        source = with_width(source, self.n_features_in_)
        return self._predictions(as_feature_blocks(source), method, offset)

    def _judged(self, source: Iterable[Any]) -> Iterator[Batch]:
        """Iterate once over rows with targets of the form of the predictor."""
        encoder = TargetEncoder(self._make_loss(), **self._target_form())
        check = partial(check_feature_names, self, reset=False)
        return judged_batches(source, encoder, self.n_features_in_, check)

    def _predictions(
        self, matrices: Iterator[Any], method: str, offset: float | None
    ) -> Generator[npt.NDArray[Any], None, None]:
        with closing(overlapped(_with_rows(matrices))) as pairs:
            for position, (X, rows) in enumerate(pairs):
                with located(f"source: block {position} (the first is 0)"):
                    check_feature_names(self, X, reset=False)
                yield self._outcome(self._of_rows(rows, offset), method)

    def _of_rows(self, rows: Rows, offset: float | None) -> Vector:
        """Compute calibrated predictors of some rows, of which there may be none."""
        return self._calibrated(self._with_offset(self._predictor(rows), offset))

    def _target_form(self) -> dict[str, Any]:
        """Return what says which form targets have."""
        return {"classes": getattr(self, "classes_", None), "n_outputs": np.size(self.intercept_)}


def _with_rows(matrices: Iterator[Any]) -> Iterator[tuple[Any, Rows]]:
    """Read matrices as rows."""
    for position, X in enumerate(matrices):
        with located(f"source: block {position} (the first is 0)"):
            rows = rows_of_block(X, canonical=False)
        yield X, rows
