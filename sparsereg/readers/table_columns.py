"""Column specs: which columns X is made of, as numbers or through a transformer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparsereg.features.buckets import BlockedColumns, block_of, layout
from sparsereg.features.feature_cross import used_columns
from sparsereg.features.names import SIDES

_FEATURES = "expected a transformer or a list of column names and pairs (transformer, column names)"


@dataclass(frozen=True, eq=False)
class ColumnSpec:
    """Neighbouring columns of X: what makes them, None for numbers as they are, and of which columns."""

    transformer: Any
    columns: list[str]

    @property
    def takes_tables(self) -> bool:
        """Whether the transformer takes a table of Arrow's as it is, types and gaps included."""
        return getattr(self.transformer, "_takes_tables", False) and hasattr(self.transformer, "feature_names_in_")

    @property
    def takes_text(self) -> bool | None:
        """Whether columns without a type are text to the transformer, or else numbers; None: it does not say."""
        return getattr(self.transformer, "_takes_text", None)

    @property
    def used(self) -> list[str]:
        """The columns on which X depends: a cross may be given some that take no part in it."""
        if not hasattr(self.transformer, "_members"):
            return self.columns
        return [self.columns[j] for j in used_columns(self.transformer._members) if j < len(self.columns)]

    @property
    def has_cells(self) -> bool:
        """Whether some of its columns stand for cells of latitude and longitude."""
        return hasattr(self.transformer, "cell_bounds")

    def names(self, with_gaps: bool) -> list[str]:
        """Return the names of the columns that numbers make.

        Parameters
        ----------
        with_gaps : bool
            Behind each number stands whether it is missing.

        Returns
        -------
        names : list of str
        """
        return [name for column in self.columns for name in (column, f"{column} is missing")[: 1 + with_gaps]]


def feature_names(parts: list[ColumnSpec], ids: ArrayLike, with_gaps: bool) -> NDArray[np.object_]:
    """Name some of the columns that parts make, side by side.

    Parameters
    ----------
    parts : list of ColumnSpec
    ids : array-like of int, any shape
    with_gaps : bool
        As in `ColumnSpec.names`.

    Returns
    -------
    names : object array of str, same shape

    Raises
    ------
    ValueError
        For ids that are not integers or out of range.
    """
    known, places = _split(parts, ids, with_gaps)
    out = np.empty(known.shape, dtype=object)
    for part, chosen, local in places:
        if hasattr(part.transformer, "feature_name"):
            out[chosen] = part.transformer.feature_name(local)
        elif chosen.any():
            names = part.names(with_gaps) if part.transformer is None else part.transformer.get_feature_names_out()
            out[chosen] = np.asarray(names, dtype=object)[local]
    return out


def cell_bounds(parts: list[ColumnSpec], ids: ArrayLike, with_gaps: bool) -> NDArray[np.void]:
    """Return the cells that some of the columns stand for.

    Parameters
    ----------
    parts, ids, with_gaps
        As in `feature_names`.

    Returns
    -------
    bounds : structured array of the shape of ids
        Fields south, west, north and east, in degrees; NaN for columns that are no cells.

    Raises
    ------
    ValueError
        As `feature_names`.
    """
    known, places = _split(parts, ids, with_gaps)
    out = np.full(known.shape, np.nan, dtype=[(side, np.float64) for side in SIDES])
    for part, chosen, local in places:
        if part.has_cells and chosen.any():
            out[chosen] = part.transformer.cell_bounds(local)
    return out


def width_of(part: ColumnSpec, with_gaps: bool) -> int | None:
    """Count the columns that a part makes, without naming them all where its transformer is one of this package.

    Parameters
    ----------
    part : ColumnSpec
    with_gaps : bool
        As in `ColumnSpec.names`.

    Returns
    -------
    width : int or None
        None: the transformer does not say.
    """
    if part.transformer is None:
        return len(part.columns) * (1 + with_gaps)
    if isinstance(part.transformer, BlockedColumns):
        return part.transformer._blocks()[-1].stop
    if not hasattr(part.transformer, "get_feature_names_out"):
        return None
    return len(part.transformer.get_feature_names_out())


def _split(
    parts: list[ColumnSpec], ids: ArrayLike, with_gaps: bool
) -> tuple[NDArray[np.int64], list[tuple[ColumnSpec, NDArray[np.bool_], NDArray[np.int64]]]]:
    """Check ids; say for each part which of them are its own, and what these are within it."""
    widths = [width_of(part, with_gaps) for part in parts]
    silent = [part.transformer for part, width in zip(parts, widths) if width is None]
    if silent:
        raise ValueError(f"features: a {type(silent[0]).__name__} does not say how many columns it makes")
    blocks = layout([("", width) for width in widths if width is not None])
    known, position = block_of(ids, blocks)
    masks = [position == k for k in range(len(parts))]
    return known, [(part, mask, known[mask] - block.start) for part, mask, block in zip(parts, masks, blocks)]


def as_parts(features: Any) -> list[ColumnSpec]:
    """Read what X is to be made of; neighbouring columns of numbers become one part.

    Parameters
    ----------
    features : transformer, or list of column names and pairs (transformer, column names)

    Returns
    -------
    parts : list of ColumnSpec
        One without columns takes all that are left.

    Raises
    ------
    TypeError, ValueError
        For anything else.
    """
    if hasattr(features, "transform"):
        return [ColumnSpec(features, list(getattr(features, "feature_names_in_", [])))]
    if not isinstance(features, (list, tuple)) or not features:
        raise TypeError(f"features: {features!r} is not allowed, {_FEATURES}")
    parts: list[ColumnSpec] = []
    for plain, entries in groupby(features, key=lambda entry: isinstance(entry, str)):
        if plain:
            parts.append(ColumnSpec(None, list(entries)))
        else:
            parts.extend(_as_part(entry) for entry in entries)
    return parts


def check_name(name: Any, argument: str) -> str:
    """Return the name of a column.

    Parameters
    ----------
    name : str
    argument : str
        Whose value it is, for messages.

    Returns
    -------
    name : str

    Raises
    ------
    TypeError
        For anything else.
    """
    if not isinstance(name, str):
        raise TypeError(f"{argument}: {name!r} is not allowed, expected the name of a column")
    return name


def _as_part(pair: Any) -> ColumnSpec:
    """Read a transformer and its columns."""
    is_pair = isinstance(pair, tuple) and len(pair) == 2 and hasattr(pair[0], "transform")
    if not is_pair or isinstance(pair[1], str) or not isinstance(pair[1], Iterable):
        raise TypeError(f"features: {pair!r} is not allowed, {_FEATURES}")
    columns = [check_name(name, "features") for name in pair[1]]
    if not columns:
        raise ValueError(f"features: {pair!r} is not allowed, expected at least one column")
    return ColumnSpec(pair[0], columns)
