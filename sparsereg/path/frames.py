"""Data frames of coefficients: a row for each that is not zero, with the name of its column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.coef import SparseCoef
from sparsereg.features.names import SIDES, name_columns

INTERCEPT = "(intercept)"


def import_pandas(what: str) -> Any:
    """Return the module pandas.

    Parameters
    ----------
    what : str
        What needs it, for the message.

    Raises
    ------
    ImportError
        Without pandas.
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError(f"{what} needs pandas: pip install pandas") from error
    return pandas


def coefficient_frame(
    coef: SparseCoef, intercepts: npt.NDArray[np.float64], names: Any, classes: Sequence[Any] | None
) -> Any:
    """Return a row for each coefficient that is not zero, the largest in front.

    Parameters
    ----------
    coef : SparseCoef
    intercepts : ndarray of float64 of shape (n_outputs,)
    names
        As `name_columns` takes them; None: no names.
    classes : sequence or None
        Labels of the columns of `coef`, if there are several.

    Returns
    -------
    frame : pandas.DataFrame
        See `SparseLinearModel.to_frame`.
    """
    pd = import_pandas("to_frame")
    values = coef.values
    order = np.argsort(-np.abs(values.data), kind="stable")
    rows = values.indices[order]
    columns: dict[str, Any] = {"id": coef.ids[rows]}
    found, bounds = (None, None) if names is None else name_columns(names, coef.ids, coef.n_features)
    if found is not None:
        columns["name"] = found[rows]
    if classes is not None:
        output = np.repeat(np.arange(coef.n_columns), np.diff(values.indptr))
        columns["class"] = np.asarray(classes)[output[order]]
    columns["weight"] = values.data[order]
    if bounds is not None:
        columns |= {side: bounds[side][rows] for side in SIDES}
    frame = pd.DataFrame(columns)
    # Plain numbers: frames compare their attributes when they are put together.
    by_output = intercepts.tolist()
    labels = None if classes is None else np.asarray(classes).tolist()
    frame.attrs["intercept"] = by_output[0] if labels is None else dict(zip(labels, by_output))
    return frame


def coefficient_table(
    coef: SparseCoef, intercepts: npt.NDArray[np.float64], names: Any, classes: Sequence[Any] | None
) -> Any:
    """Return the intercept and the coefficients that are not zero, by name, the largest in front.

    Parameters
    ----------
    coef, intercepts, names, classes
        As in `coefficient_frame`; without names columns go by their ids.

    Returns
    -------
    table : pandas.Series, or with classes a pandas.DataFrame that has a column for each
    """
    pd = import_pandas("coef")
    values = coef.values.toarray()
    order = np.argsort(-np.abs(values).max(axis=1, initial=0.0), kind="stable")
    ids = coef.ids[order]
    labels = ids.tolist() if names is None else name_columns(names, ids, coef.n_features)[0].tolist()
    index = pd.Index([INTERCEPT, *labels], dtype=object)
    table = np.vstack([intercepts, values[order]])
    if classes is None:
        return pd.Series(table[:, 0], index=index, name="weight")
    return pd.DataFrame(table, index=index, columns=np.asarray(classes))
