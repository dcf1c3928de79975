"""Column names: penalty factors and bounds by name, where X is a data frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["rules_by_id"]

# Of names that do not exist, and of those that do.
MAX_SHOWN = 5


def rules_by_id(
    penalty_factor: Any, bounds: Any, names: npt.NDArray[np.object_] | None
) -> dict[str, Any]:
    """Put ids in the place of column names in what `make_column_penalties` takes.

    Parameters
    ----------
    penalty_factor, bounds
        As users set them; a mapping may have names among its keys, and a Series with names for index is one. Whatever
        is no such thing is left to `make_column_penalties`.
    names : (n_features,) object array of str, or None
        Of the columns of X.

    Returns
    -------
    rules : dict
        "penalty_factor" and "bounds".

    Raises
    ------
    ValueError
        For a name that no column has or several have, and a column that is named twice.
    """
    if isinstance(bounds, (tuple, list)) and len(bounds) == 2:
        bounds = tuple(
            _by_id(bound, names, f"bounds ({side})") for bound, side in zip(bounds, ("lower", "upper"))
        )
    return {"penalty_factor": _by_id(penalty_factor, names, "penalty_factor"), "bounds": bounds}


def _by_id(values: Any, names: npt.NDArray[np.object_] | None, what: str) -> Any:
    if names is None:
        return values
    if hasattr(values, "index") and hasattr(values, "items") and all(isinstance(key, str) for key in values.index):
        pairs = list(values.items())  # a Series of pandas: its order is its own
    elif isinstance(values, Mapping) and any(isinstance(key, str) for key in values):
        pairs = list(values.items())
    else:
        return values
    wanted = Counter(key for key, _ in pairs if isinstance(key, str))
    places: dict[str, list[int]] = {name: [] for name in wanted}
    for k, name in enumerate(names):
        if name in places:
            places[name].append(k)
    _check_names(places, names, what)
    ids = [places[key][0] if isinstance(key, str) else key for key, _ in pairs]
    twice = [key for key, count in Counter(ids).items() if count > 1]
    if twice:
        raise ValueError(f"{what}: column {twice[0]} is named twice, expected each once")
    return dict(zip(ids, (value for _, value in pairs)))


def _check_names(places: Mapping[str, list[int]], names: npt.NDArray[np.object_], what: str) -> None:
    unknown = [name for name, found in places.items() if not found]
    if unknown:
        raise ValueError(f"{what}: X has no column {_listed(unknown)}, its columns are {_listed(names)}")
    for name, found in places.items():
        if len(found) > 1:
            raise ValueError(f"{what}: {name!r} is the name of {len(found)} columns of X, expected ids, {found}")


def _listed(names: Any) -> str:
    return ", ".join(map(repr, names[:MAX_SHOWN])) + (", ..." if len(names) > MAX_SHOWN else "")
