"""Lazy predictions: a fitted model over partitions of data frames and blocks of arrays, when they are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg.dask.inputs import is_array, is_frame, with_chunks_of, with_whole_rows
from sparsereg.dask.parts import BLOCK_ROWS
from sparsereg.inputs.sklearn import check_is_fitted
from sparsereg.readers.arrow import ArrowReader
from sparsereg.readers.table_columns import as_parts as as_column_specs
from sparsereg.readers.table_reader import import_arrow


def lazy_predictions(model: Any, X: Any, method: str, offset: Any, features: Any) -> Any:
    """Predict what is not there yet.

    Parameters
    ----------
    model : estimator
        Fitted, of the package itself: it goes to the workers.
    X : dask DataFrame or array of shape (n_samples, n_features)
    method : str
        Of the model.
    offset : None, float, name of a column, dask Series, or dask array of shape (n_samples,) or (n_samples, n_classes)
    features : transformer, list of column names and pairs (transformer, column names), or None
        Of a data frame.

    Returns
    -------
    predictions : dask Series, DataFrame or array
        Of a data frame with its index; probabilities and scores of classes have a column each. Of an array an array,
        of shape (n_samples,) or (n_samples, n_classes).

    Raises
    ------
    NotFittedError
        Before a fit.
    ValueError, TypeError
        At once for another width and for an offset that does not go with X, when they are computed for malformed rows.
    """
    check_is_fitted(model)
    sample = _none(model, method)
    if is_frame(X):
        return _of_frame(model, X, method, offset, features, sample)
    X = with_whole_rows(X)
    if X.shape[1] != model.n_features_in_:
        raise ValueError(f"X: {X.shape[1]:,} columns, expected {model.n_features_in_:,}, those of the fit")
    others = [offset]
    if is_array(offset):
        others = [with_chunks_of("offset", offset if offset.ndim == 2 else offset[:, None], X.chunks[0])]
    elif offset is not None and not np.isscalar(offset):
        raise TypeError(f"offset: {type(offset).__name__} is not allowed beside a dask array, expected a dask array")
    from dask import array

    settings = {"model": model, "method": method, "dtype": sample.dtype, "meta": sample}
    if sample.ndim == 1:
        return array.map_blocks(predict_block, X, *others, drop_axis=1, **settings)
    chunks = (X.chunks[0], (sample.shape[1],))
    return array.map_blocks(predict_block, X, *others, chunks=chunks, **settings)


def _none(model: Any, method: str) -> npt.NDArray[Any]:
    """Return predictions of no row."""
    n_outputs = np.size(model.intercept_)
    return model._outcome(np.zeros((1, n_outputs) if n_outputs > 1 else 1), method)[:0]  # type: ignore[no-any-return]


def _of_frame(model: Any, X: Any, method: str, offset: Any, features: Any, sample: npt.NDArray[Any]) -> Any:
    import pandas as pd

    if isinstance(offset, str):
        X, offset = X, X[offset]
    elif offset is not None and not np.isscalar(offset) and not hasattr(offset, "map_partitions"):
        raise TypeError(
            f"offset: {type(offset).__name__} is not allowed beside a dask DataFrame, expected a column of it, a dask "
            "Series or a number"
        )
    needed = getattr(model, "feature_names_in_", ())
    if features is not None:
        needed = [name for part in as_column_specs(features) for name in part.columns]
    absent = [name for name in needed if name not in X.columns]
    if absent:
        raise ValueError(f"X: there is no column {absent[0]!r}, expected {list(needed)[:20]}")
    names = {"columns": getattr(model, "classes_", None)} if sample.ndim == 2 else {"name": method}
    meta = (pd.DataFrame if sample.ndim == 2 else pd.Series)(sample, **names)
    return X.map_partitions(predict_frame, offset, model, method, features, meta=meta)


def predict_block(X: Any, offset: Any = None, *, model: Any, method: str) -> npt.NDArray[Any]:
    """Predict the rows of a block.

    Parameters
    ----------
    X : matrix of shape (n_samples, n_features)
    offset : None, float or ndarray of shape (n_samples, 1) or (n_samples, n_classes)
    model : estimator
    method : str

    Returns
    -------
    predictions : ndarray of shape (n_samples,) or (n_samples, n_classes)
    """
    if not X.shape[0]:
        return _none(model, method)
    if np.ndim(offset) == 2 and offset.shape[1] == 1:
        offset = offset[:, 0]
    return getattr(model, method)(X, offset)


def predict_frame(frame: Any, offset: Any, model: Any, method: str, features: Any) -> Any:
    """Predict the rows of a partition.

    Parameters
    ----------
    frame : pandas.DataFrame
    offset : None, float or pandas.Series
    model : estimator
    method : str
    features : transformer, list of column names and pairs (transformer, column names), or None

    Returns
    -------
    predictions : pandas.Series, or DataFrame with a column for each class

    Raises
    ------
    ValueError
        For malformed rows, and for an offset of other ones.
    """
    import pandas as pd

    if hasattr(offset, "index") and not frame.index.equals(offset.index):
        raise ValueError("offset: another index than that of X, expected the same rows in the same order")
    if not len(frame):
        predicted = _none(model, method)
    else:
        # Targets may still be among the columns.
        names = getattr(model, "feature_names_in_", None)
        X = matrix_of(frame if names is None else frame[list(names)], features)
        predicted = getattr(model, method)(X, None if offset is None else np.asarray(offset))
    if predicted.ndim == 2:
        return pd.DataFrame(predicted, index=frame.index, columns=model.classes_)
    return pd.Series(predicted, index=frame.index, name=method)


def matrix_of(frame: Any, features: Any) -> Any:
    """Make features of a data frame in memory.

    Parameters
    ----------
    frame : pandas.DataFrame, or anything else with ``__arrow_c_stream__``
    features : transformer, list of column names and pairs (transformer, column names), or None
        None: the columns are the features.

    Returns
    -------
    X : csr_matrix of shape (n_samples, n_features), or the frame
    """
    if features is None:
        return frame
    if hasattr(frame, "index"):
        frame = import_arrow("sparsereg.dask with features=").Table.from_pandas(frame, preserve_index=False)
    blocks = [block.X for block in ArrowReader(frame, target=None, features=features, block_rows=BLOCK_ROWS)]
    return blocks[0] if len(blocks) == 1 else sparse.vstack(blocks, format="csr")
