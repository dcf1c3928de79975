"""Column names: penalty factors and bounds by name, where X is a data frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

# Of names that do not exist, and of those that do.
MAX_SHOWN = 5
# In the place of names that data still to be read may have: what is given by name is left as it is.
UNKNOWN_NAMES: npt.NDArray[np.object_] = np.empty(0, dtype=object)


def bounds_by_id(bounds: Any, names: npt.NDArray[np.object_] | None) -> Any:
    """Put ids in the place of column names in bounds.

    Parameters
    ----------
    bounds
        As users set them; whatever is no pair is left to `make_column_penalties`.
    names : (n_features,) object array of str, or None
        Of the columns of X.

    Returns
    -------
    bounds

    Raises
    ------
    ValueError, TypeError
        As `values_by_id`.
    """
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        return bounds
    return tuple(values_by_id(bound, names, f"bounds ({side})") for bound, side in zip(bounds, ("lower", "upper")))


def values_by_id(values: Any, names: npt.NDArray[np.object_] | None, what: str) -> Any:
    """Put ids in the place of column names in what is given column by column.

    Parameters
    ----------
    values
        As users set them; a mapping may have names among its keys, and a Series with names for index is one. Whatever
        is no such thing is left to `make_column_penalties`.
    names : (n_features,) object array of str, or None
        Of the columns of X; `UNKNOWN_NAMES` before it is read.
    what : str
        For the message.

    Returns
    -------
    values

    Raises
    ------
    ValueError
        For a name that no column has or several have, and a column that is named twice.
    TypeError
        For a Series of names where X has none: its order is its own, and need not be that of the columns.
    """
    if names is UNKNOWN_NAMES:
        return values
    # A Series of pandas, or a mapping.
    is_series = hasattr(values, "index") and hasattr(values, "items") and all(isinstance(k, str) for k in values.index)
    if names is None:
        if is_series and len(values):
            raise TypeError(
                f"{what}: a Series whose index are names is not allowed, because this X has no column names; expected "
                "a mapping from column ids, or an array in the order of the columns"
            )
        return values
    if not is_series and not (isinstance(values, Mapping) and any(isinstance(key, str) for key in values)):
        return values
    pairs = list(values.items())
    wanted = Counter(key for key, _ in pairs if isinstance(key, str))
    positions: dict[str, list[int]] = {name: [] for name in wanted}
    for k, name in enumerate(names):
        if name in positions:
            positions[name].append(k)
    _check_names(positions, names, what)
    ids = [positions[key][0] if isinstance(key, str) else key for key, _ in pairs]
    twice = [key for key, count in Counter(ids).items() if count > 1]
    if twice:
        raise ValueError(f"{what}: column {twice[0]} is named twice, expected each once")
    return dict(zip(ids, (value for _, value in pairs)))


def _check_names(positions: Mapping[str, list[int]], names: npt.NDArray[np.object_], what: str) -> None:
    unknown = [name for name, found in positions.items() if not found]
    if unknown:
        raise ValueError(f"{what}: X has no column {_listed(unknown)}, its columns are {_listed(names)}")
    for name, found in positions.items():
        if len(found) > 1:
            raise ValueError(f"{what}: {name!r} is the name of {len(found)} columns of X, expected ids, {found}")


def _listed(names: Any) -> str:
    return ", ".join(map(repr, names[:MAX_SHOWN])) + (", ..." if len(names) > MAX_SHOWN else "")
