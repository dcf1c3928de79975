"""Tables: data frames, Arrow tables, arrays, lists of rows. Nothing is imported before it is met."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sparsereg.features.text_columns import is_arrow
from sparsereg.inputs.sklearn import refuse_lazy_frame

_INTERFACES = ("__narwhals_dataframe__", "__arrow_c_stream__", "__dataframe__")  # by which frames are known


def table_columns(X: Any) -> list[Any]:
    """Return the columns of a table, each 1-D, as `features.text_columns.as_column` takes them.

    Parameters
    ----------
    X : data frame, pyarrow.Table, ndarray or list of rows, (n_samples, n_columns)
        Frames other than those of pandas are read through narwhals and pyarrow.

    Returns
    -------
    list of arrays, pandas Series or Arrow arrays, each (n_samples,)
        Views where possible.

    Raises
    ------
    ValueError
        When `X` is not 2-D.
    TypeError
        For a sparse matrix or a lazy frame.
    ImportError
        For a frame that needs narwhals and pyarrow where they are not installed.
    """
    if sparse.issparse(X):
        raise TypeError("X must be a data frame or a dense array of categories, got a sparse matrix")
    refuse_lazy_frame(X)
    if len(getattr(X, "shape", (0, 0))) != 2:
        raise ValueError(f"X must be a table of rows and columns, got an array of shape {X.shape}")
    if hasattr(X, "iloc"):  # by position, because pandas allows one name for two columns
        return [X.iloc[:, j] for j in range(X.shape[1])]
    table = X if is_arrow(X) and hasattr(X, "num_columns") else _as_arrow_table(X)
    if table is not None:
        return [table.column(j) for j in range(table.num_columns)]
    if hasattr(X, "columns"):
        return [np.asarray(X[name]) for name in X.columns]
    # Rows of mixed types would otherwise all be turned into strings.
    given = X if isinstance(X, np.ndarray) else np.asarray(X, dtype=object)
    if given.ndim != 2:
        raise ValueError(f"X must be a table of rows and columns, got an array of shape {given.shape}")
    if isinstance(given, np.ma.MaskedArray):
        given = np.where(np.ma.getmaskarray(given), None, given.data.astype(object))
    return [given[:, j] for j in range(given.shape[1])]


def table_numbers(X: Any) -> NDArray[Any]:
    """Return a table of numbers as one array, NaN for missing ones.

    Parameters
    ----------
    X : data frame, pyarrow.Table, ndarray or list of rows, (n_samples, n_columns)

    Returns
    -------
    ndarray
        The same one where it is one.

    Raises
    ------
    ValueError
        For a column of an Arrow table or a frame that is not of numbers.
    TypeError
        For a lazy frame.
    """
    refuse_lazy_frame(X)
    if isinstance(X, np.ma.MaskedArray):
        return X.astype(np.float64).filled(np.nan)
    if hasattr(X, "iloc") and not all(isinstance(dtype, np.dtype) for dtype in X.dtypes):
        return np.asarray(X.to_numpy(dtype=np.float64, na_value=np.nan))
    if is_arrow(X):
        return np.column_stack([_numbers(X.column(j), name) for j, name in enumerate(X.schema.names)])
    return np.asarray(X)


def _as_arrow_table(X: Any) -> Any:
    """Return a frame as a pyarrow.Table, None for what is no frame."""
    if isinstance(X, np.ndarray) or not any(hasattr(X, name) for name in _INTERFACES):
        return None
    try:
        import narwhals
        import pyarrow  # noqa: F401
    except ImportError:
        kind = f"{type(X).__module__.partition('.')[0]}.{type(X).__name__}"
        raise ImportError(f"a {kind} needs narwhals and pyarrow: pip install 'sparsereg-wide[frames]'") from None
    return narwhals.from_native(X, eager_only=True).to_arrow()


def _numbers(column: Any, name: str) -> NDArray[np.float64]:
    import pyarrow

    try:
        return np.asarray(column.cast("float64", safe=False))
    except pyarrow.ArrowException as error:
        raise ValueError(f"column {name!r} must hold numbers, got type {column.type}: {error}") from None
