"""Features of tables: from the options that name columns to what readers make of them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sparsereg.cli.arguments import width

FEATURE_OPTIONS = ("lat", "lon", "levels", "numeric", "categorical", "cross", "hash_bits")
LEVELS = (60.0, 10.0, 1.0)


@dataclass(frozen=True)
class Chosen:
    """What is made of a table.

    Attributes
    ----------
    features : list
        As `CsvReader` takes them.
    columns : list of str
        Of the table.
    described : str
    """

    features: list[Any]
    columns: list[str]
    described: str


def add_feature_options(group: Any) -> None:
    """Add the options that name the columns of a table.

    Parameters
    ----------
    group : argument group
    """
    group.add_argument("--lat", metavar="COLUMN", help="latitude in degrees")
    group.add_argument("--lon", metavar="COLUMN", help="longitude in degrees")
    group.add_argument(
        "--levels", type=width, nargs="+", metavar="MINUTES",
        help="widths of the nested cells that latitude and longitude cross to, in arc-minutes, coarse to fine "
        f"(default: {' '.join(f'{one:g}' for one in LEVELS)})",
    )
    group.add_argument("--numeric", nargs="+", metavar="COLUMN", help="columns of numbers, a feature each")
    group.add_argument("--categorical", nargs="+", metavar="COLUMN", help="columns of categories, a feature a category")
    group.add_argument(
        "--cross", type=_cross, nargs="+", metavar="A:B",
        help="columns of categories to cross, like device:hour: a feature for each combination, and for each category",
    )
    group.add_argument(
        "--hash-bits", type=int, metavar="BITS",
        help="hash categories and crosses into 2 to the power of so many features, in place of learning them in a pass "
        "of their own",
    )


def chosen_features(arguments: argparse.Namespace, columns: dict[str, str]) -> Chosen:
    """Make the features that the options ask for; without any every other column of the table is one.

    Parameters
    ----------
    arguments : argparse.Namespace
    columns : dict of str
        "number" or "text" by the name of each column.

    Returns
    -------
    chosen : Chosen

    Raises
    ------
    ValueError
        Where nothing is asked for and there is no column beside the target, and for one that is latitude and longitude.
    """
    _check(arguments)
    numeric, categorical = list(arguments.numeric or []), list(arguments.categorical or [])
    crosses, by_default = list(arguments.cross or []), ""
    if arguments.lat is None and not (numeric or categorical or crosses):
        others = {name: kind for name, kind in columns.items() if name not in (arguments.target, arguments.weight)}
        numeric = [name for name, kind in others.items() if kind == "number"]
        categorical = [name for name, kind in others.items() if kind == "text"]
        by_default = " (all columns of the table)"
    features: list[Any] = [*numeric]
    described = [f"numbers {', '.join(numeric)}"] if numeric else []
    if arguments.lat is not None:
        features.append(_cells(arguments))
        levels = ", ".join(f"{one:g}" for one in arguments.levels or LEVELS)
        described.append(f"cells of {levels} arc-minutes of {arguments.lat} and {arguments.lon}")
    if categorical or crosses:
        features.append(_categories(categorical, crosses, arguments.hash_bits))
        names = [*categorical, *(" x ".join(cross) for cross in crosses)]
        hashed = "" if arguments.hash_bits is None else f", hashed to {arguments.hash_bits} bits"
        described.append(f"categories {', '.join(names)}{hashed}")
    if not features:
        raise ValueError("no column is left for features")
    used = [*numeric, *categorical, *(name for cross in crosses for name in cross)]
    used += [] if arguments.lat is None else [arguments.lat, arguments.lon]
    return Chosen(features, [*dict.fromkeys(used)], "; ".join(described) + by_default)


def _check(arguments: argparse.Namespace) -> None:
    """Refuse options that do not go together."""
    error = arguments.parser.error
    if (arguments.lat is None) != (arguments.lon is None):
        error("--lat and --lon go together")
    if arguments.levels is not None:
        if arguments.lat is None:
            error("argument --levels: needs --lat and --lon")
        if any(coarse <= fine for coarse, fine in pairwise(arguments.levels)):
            error("argument --levels: widths must fall from coarse to fine")
    if arguments.hash_bits is not None and not (arguments.categorical or arguments.cross):
        error("argument --hash-bits: needs --categorical or --cross")
    named = [*(arguments.numeric or []), *(arguments.categorical or [])]
    twice = [name for name in named if named.count(name) > 1]
    if twice:
        error(f"column {twice[0]!r} is named twice by --numeric and --categorical")


def _cells(arguments: argparse.Namespace) -> tuple[Any, list[str]]:
    """Make the cells; they learn nothing but the names of their columns."""
    from sparsereg.features.latlong_cross import LatLongCross
    from sparsereg.readers.table_reader import import_arrow

    columns = [arguments.lat, arguments.lon]
    if columns[0] == columns[1]:
        raise ValueError(f"--lon: {columns[1]!r} is --lat too")
    cross = LatLongCross(levels=tuple(arguments.levels or LEVELS))
    return cross.fit(import_arrow("a table").table({name: [0.0] for name in columns})), columns


def _categories(categorical: list[str], crosses: list[tuple[str, ...]], bits: int | None) -> tuple[Any, list[str]]:
    """Make the categories; exact ones are learned by `fit_features` of the reader, hashed ones need no learning."""
    from sparsereg.features.feature_cross import FeatureCross
    from sparsereg.readers.table_reader import import_arrow

    columns = [*dict.fromkeys([*categorical, *(name for cross in crosses for name in cross)])]
    cross = FeatureCross([*categorical, *crosses], hashed=bits)
    if bits is not None:
        cross.fit(import_arrow("a table").table({name: ["a"] for name in columns}))
    return cross, columns


def _cross(text: str) -> tuple[str, ...]:
    names = tuple(text.split(":"))
    if len(names) < 2 or not all(names) or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"must be two or more columns like device:hour, got {text!r}")
    return names
