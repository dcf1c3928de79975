"""Evaluation of paths: measures of every fit on other rows, in memory or block by block."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.rows import as_rows, check_width
from sparsereg.inputs.sklearn import compare_feature_names
from sparsereg.inputs.targets import target_of
from sparsereg.inputs.weights import check_sample_weight, check_stream_offset
from sparsereg.metrics import measure
from sparsereg.readers.blocks import as_feature_blocks, located, overlapped, refuse_stream, with_width
from sparsereg.reduction.reduced import Reduced
from sparsereg.reduction.training import JudgedEntries
from sparsereg.solvers.null_deviance import null_deviance
from sparsereg.streaming.batch import rows_of_block
from sparsereg.streaming.encode import TargetEncoder
from sparsereg.streaming.running_metrics import RunningMetrics
from sparsereg.streaming.validation import judged_batches

Vector = npt.NDArray[np.float64]


class PathEvaluation:
    """Fits along a grid that are judged on other data."""

    alphas: Vector
    df: npt.NDArray[np.int64]
    classes: npt.NDArray[Any] | None
    has_offset: bool
    feature_names: npt.NDArray[np.object_] | None

    def evaluate(
        self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Judge every fit on other data than it was made of.

        Parameters
        ----------
        X : matrix of shape (n_samples, n_features) or Reduced
            Anything that the path functions accept. A `Reduced` for the same loss brings its targets, weights and
            offsets.
        y : array-like of shape (n_samples,), or (n_samples, n_classes) for probabilities or counts of classes
            As the function that made the path takes it; labels are among `classes`.
        sample_weight : None, float or array-like of shape (n_samples,)
        offset : None, float or array-like of shape (n_samples,), beyond two classes (n_samples, n_classes)
            Not None where the fits had one; 0 is none.

        Returns
        -------
        table : dict of ndarray of shape (n_alphas,)
            "alpha", "n_nonzero" and what the loss can be judged by. Squared: "mse", "r2"; logistic: "log_loss",
            "deviance_explained", "accuracy", "calibration_error", "auc"; Poisson: "deviance", "deviance_explained";
            Huber: "loss", "mse", "r2"; squared hinge: "loss", "accuracy", "auc". See `sparsereg.metrics`. Shares
            ("r2", "deviance_explained") are of the deviance of intercept plus offset on these rows: on the training
            rows they are `dev_ratio`, but for the r2 of Huber's loss, and for fits without intercept.
        """
        loss, form = self._objective, {"classes": self.classes, "n_outputs": self.n_outputs}
        if not isinstance(X, Reduced):
            refuse_stream(X, y, "evaluate_stream")
        compare_feature_names(type(self).__name__, self.feature_names, X)
        if isinstance(X, Reduced):
            entries = JudgedEntries(X, y, sample_weight, offset, loss=loss, **form)
            offset = self._new_offset(entries.offset, X.entries.n_entries)
            null, shift = entries.null(offset), 0.0 if offset is None else offset
            fits = (self._fit(k) for k in range(self.alphas.size))
            return self._table(loss, [entries.measure(entries.predictor(*fit) + shift, null) for fit in fits])
        rows = as_rows(X)
        check_width(rows.n_features, self.n_features)
        weight = check_sample_weight(sample_weight, rows.n_samples)
        y, weight = target_of(y, rows.n_samples, weight, loss=loss, **form)
        offset = self._new_offset(offset, rows.n_samples)
        null, values = null_deviance(loss, y, weight, offset), []
        for k in range(self.alphas.size):
            coef, intercept = self._fit(k)
            predictor = coef.decision(rows) + intercept
            predictor = predictor if offset is None else predictor + offset
            values.append(measure(loss.metrics, loss, y, predictor, weight, null=null))
        return self._table(loss, values)

    def evaluate_stream(self, source: Iterable[Any], *, offset: float | None = None) -> dict[str, npt.NDArray[Any]]:
        """Judge every fit on rows that come in blocks, read ahead in a thread; the numbers of `evaluate` on them all.

        Parameters
        ----------
        source : iterable of Block, (X, y) or (X, y, sample_weight)
            A reader, a list, a generator.
        offset : float or None, default=None
            For all rows: blocks carry none. Not None where the fits had one; 0 is none.

        Returns
        -------
        table : dict of ndarray of shape (n_alphas,)
            As `evaluate`. For the area under the ROC curve memory holds 24 bytes for every distinct score of each fit.
        """
        offset = check_stream_offset(offset, has_offset=self.has_offset, owner=type(self).__name__)
        loss, fits = self._objective, [self._fit(k) for k in range(self.alphas.size)]
        judges = [RunningMetrics(loss) for _ in fits]
        encoder = TargetEncoder(loss, self.classes, self.n_outputs)
        for batch in judged_batches(source, encoder, self.n_features, self._check_columns):
            shift = self._new_offset(offset, batch.n_rows)
            for (coef, intercept), judge in zip(fits, judges):
                predictor = coef.decision(batch.rows) + intercept
                judge.take(batch.y, predictor if shift is None else predictor + shift, batch.weight)
        return self._table(loss, [judge.result() for judge in judges])

    def predict_stream(
        self, source: Iterable[Any], method: str = "predict", *, alpha: float | None = None, offset: float | None = None
    ) -> Generator[npt.NDArray[Any], None, None]:
        """Predict rows that come in blocks, read ahead in a thread.

        Parameters
        ----------
        source : iterable of Block, (X, y), (X, y, sample_weight) or X
            A reader, a list, a generator. Targets and weights are not looked at; a reader of tables does not read them,
            and its files may lack them.
        method : {"predict", "predict_classes", "decision_function"}, default="predict"
        alpha : float or None, default=None
            One of `alphas`, or between two of them, as in `at`; None: all.
        offset : float or None, default=None
            For all rows: blocks carry none. Not None where the fits had one; 0 is none.

        Returns
        -------
        predictions : generator of ndarray
            What the method returns of each block. The reading stops when the generator ends or is closed.

        Raises
        ------
        ValueError, TypeError
            At once for what is no source, another method and an alpha off the grid; in place of its predictions for a
            malformed block, with its number.
        """
        method = self._check_method(method)
        if alpha is not None:
            self.at(alpha)
        offset = check_stream_offset(offset, has_offset=self.has_offset, owner=type(self).__name__)
        matrices = as_feature_blocks(with_width(source, self.n_features))

        def predictions() -> Generator[npt.NDArray[Any], None, None]:
            with closing(overlapped(matrices)) as blocks:
                for position, X in enumerate(blocks):
                    with located(f"source: block {position} (the first is 0)"):
                        compare_feature_names(type(self).__name__, self.feature_names, X)
                        rows = rows_of_block(X, canonical=False)
                        check_width(rows.n_features, self.n_features)
                        found = self._outcome(self._predictors(rows, alpha, offset), method)
                    yield found

        return predictions()

    def _table(self, loss: Any, values: Sequence[dict[str, float]]) -> dict[str, npt.NDArray[Any]]:
        table: dict[str, npt.NDArray[Any]] = {"alpha": self.alphas.copy(), "n_nonzero": self.df.copy()}
        return table | {name: np.array([value[name] for value in values]) for name in loss.metrics}

    def _check_columns(self, X: Any) -> None:
        compare_feature_names(type(self).__name__, self.feature_names, X)
        check_width(np.shape(X)[1], self.n_features)
