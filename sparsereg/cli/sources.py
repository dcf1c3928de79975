"""Input files of the commands that fit: of which kind they are, and the reader that takes them."""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sparsereg.cli.arguments import count, delimiter
from sparsereg.cli.features import FEATURE_OPTIONS, add_feature_options, chosen_features
from sparsereg.readers.compression import unpacked_name
from sparsereg.readers.files import as_sources
from sparsereg.readers.tables import CsvReader, ParquetReader

TABLES: dict[str, type[CsvReader | ParquetReader]] = {"csv": CsvReader, "parquet": ParquetReader}
KINDS = {
    ".csv": "csv", ".parquet": "parquet", ".svm": "svmlight", ".svmlight": "svmlight", ".libsvm": "svmlight",
    ".npz": "npz",
}
# What only some kinds of files have, by the name that argparse gives it.
_OF_KIND = {
    "delimiter": ("csv",), "types": ("csv",), "zero_based": ("svmlight",), "n_features": ("svmlight",),
    **dict.fromkeys(("weight", "missing", *FEATURE_OPTIONS), tuple(TABLES)),
}


@dataclass(frozen=True)
class Input:
    """Files that are open for as many passes as they allow.

    Attributes
    ----------
    reader : iterable of Block
    kind : str
        A value of `KINDS`.
    names : tuple of str
        Of the files, as they were given.
    features : list or None
        Of a table, as `CsvReader` takes them; their transformers are fitted once `reader.fit_features` has run.
    described : str
        What columns are made of, in words.
    target, weight : str or None
        Columns of a table.
    missing : "error", "indicator" or float
        Of a table.
    """

    reader: Any
    kind: str
    names: tuple[str, ...]
    features: list[Any] | None = None
    described: str = ""
    target: str | None = None
    weight: str | None = None
    missing: str | float = "error"


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add the files and what says how they are read.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument(
        "data", nargs="+", metavar="DATA",
        help="files, folders or patterns: .csv, .parquet, .svm, .svmlight, .libsvm, .npz; text plain or .gz, .bz2, "
        ".xz, .zst; - is the standard input, which tables copy to a temporary file",
    )
    group = parser.add_argument_group("input")
    group.add_argument("--format", choices=sorted(set(KINDS.values())), help="of files whose names do not say")
    group.add_argument(
        "--target", metavar="COLUMN",
        help="what is to be predicted; of .npz files a .npy file, in place of their array y",
    )
    group.add_argument("--weight", metavar="COLUMN", help="weights of the rows")
    add_feature_options(group)
    group.add_argument(
        "--missing", type=_missing, metavar="HOW",
        help="what blanks in columns of numbers do: error, indicator (0, and a column that says so) or the number that "
        "stands for them (default: error)",
    )
    group.add_argument(
        "--delimiter", type=delimiter, metavar="LETTER", help="between the fields of CSV (default: a comma)"
    )
    group.add_argument(
        "--types", type=_column_type, nargs="+", metavar="COLUMN:TYPE",
        help="how columns of CSV are read, like zip:string",
    )
    group.add_argument(
        "--zero-based", action="store_true", default=None, help="ids of svmlight files count from 0, not from 1"
    )
    group.add_argument(
        "--n-features", type=count(1), metavar="N", help="columns of svmlight files, those not in them too"
    )


def open_input(arguments: argparse.Namespace) -> Input:
    """Make the reader of the files.

    Parameters
    ----------
    arguments : argparse.Namespace

    Returns
    -------
    given : Input

    Raises
    ------
    ValueError
        For files of no known kind or of several, options that do not go with theirs, and unknown columns.
    """
    kind = arguments.format or kind_of(arguments.data)
    for name, kinds in _OF_KIND.items():
        if getattr(arguments, name) is not None and kind not in kinds:
            raise ValueError(f"--{name.replace('_', '-')}: not for {kind} files, only for {' and '.join(kinds)}")
    with_copies = argparse.Namespace(**vars(arguments), kind=kind)
    with_copies.data = [_repeatable(path, kind, arguments.command) for path in arguments.data]
    given = _OPENERS[kind](with_copies)
    return replace(given, names=tuple("standard input" if path == "-" else path for path in arguments.data))


def like(given: Input, paths: list[str], arguments: argparse.Namespace) -> Any:
    """Make a reader of further files of the same kind and columns.

    Parameters
    ----------
    given : Input
    paths : list of str
    arguments : argparse.Namespace

    Returns
    -------
    reader : iterable of Block
    """
    other = argparse.Namespace(**{**vars(arguments), "data": paths})
    if given.features is not None:
        return _table_reader(other, given.kind, given.features)
    return _OPENERS[given.kind](other).reader


def hold_pipes(arguments: argparse.Namespace) -> str:
    """Put copies in the place of data that can be read only once: every model and every pass reads them.

    Parameters
    ----------
    arguments : argparse.Namespace
        With `data` and `format`, which are changed.

    Returns
    -------
    kind : str
        Of the data, a value of `KINDS`.
    """
    kind = arguments.format = arguments.format or kind_of(arguments.data)
    arguments.data = [_repeatable(path, kind, arguments.command) for path in arguments.data]
    return str(kind)


class _Copy(io.BufferedReader):
    """A copy on the disk of what can be read only once."""

    name = "standard input"

    def __str__(self) -> str:
        return self.name


def _repeatable(path: Any, kind: str, command: str) -> Any:
    """Copy a pipe to a temporary file where it takes more than one reading; leave all else as it is."""
    if isinstance(path, _Copy):
        path.seek(0)  # readers begin where it is
        return path
    is_pipe = path == "-" or Path(path).is_fifo()
    if not is_pipe or (kind == "svmlight" and command == "stream"):
        return path
    if kind == "npz":
        raise ValueError("a pipe is not allowed for npz files, expected a file")
    if path == "-" and sys.stdin is None:
        raise ValueError("the standard input is closed")
    # It is gone when the last one who reads it is.
    raw: Any = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
    with nullcontext(sys.stdin.buffer) if path == "-" else open(path, "rb") as pipe:
        shutil.copyfileobj(pipe, raw)
    raw.seek(0)
    return _Copy(raw)


def kind_of(paths: list[str]) -> str:
    """Tell the kind of all files by the ends of their names.

    Parameters
    ----------
    paths : list of str

    Returns
    -------
    kind : {"csv", "parquet", "svmlight", "npz"}

    Raises
    ------
    ValueError
        For another ending, and for files of several kinds.
    """
    kinds: dict[str, str] = {}
    for path in paths:
        name = as_sources(path)[0].name if path != "-" else path
        stem = unpacked_name(name)
        ending = next((ending for ending in KINDS if stem.endswith(ending)), None)
        if ending is None:
            what = "the standard input" if path == "-" else repr(name)
            raise ValueError(f"{what}: its kind is not known, expected a name in {', '.join(KINDS)}, or --format")
        kinds.setdefault(KINDS[ending], path)
    if len(kinds) > 1:
        raise ValueError(f"files of several kinds are not allowed, got {' and '.join(kinds.values())}")
    return next(iter(kinds))


def _open_table(arguments: argparse.Namespace) -> Input:
    kind = str(arguments.kind)
    # What all columns are is asked of a reader that takes any.
    probe = _table_reader(arguments, kind, ["?"], alone=True)
    columns = probe.column_kinds()
    known = ", ".join(map(repr, columns))
    if arguments.target is None:
        raise ValueError(f"--target: a table needs the column that is to be predicted; the file has {known}")
    chosen = chosen_features(arguments, columns)
    typed = [name for name, _ in arguments.types or ()]
    for name in (arguments.target, arguments.weight, *chosen.columns, *typed):
        if name is not None and name not in columns:
            raise ValueError(f"{probe._sources[0].name}: no column {name!r}, the file has {known}")
    reader = _table_reader(arguments, kind, chosen.features)
    return Input(
        reader, kind, (), chosen.features, chosen.described, arguments.target, arguments.weight,
        reader.missing,
    )


def _table_reader(
    arguments: argparse.Namespace, kind: str, features: list[Any], alone: bool = False
) -> CsvReader | ParquetReader:
    options: dict[str, Any] = {"target": None, "weight": None}
    if not alone:
        options = {"target": arguments.target, "weight": arguments.weight}
        options |= {} if arguments.missing is None else {"missing": arguments.missing}
    if arguments.delimiter is not None:
        options["delimiter"] = arguments.delimiter
    if arguments.types is not None:
        options["types"] = dict(arguments.types)
    for one in arguments.data:
        if isinstance(one, _Copy):
            # A reader begins where the file is when it is made.
            one.seek(0)
    return TABLES[kind](arguments.data, features=features, **options)


def _open_svmlight(arguments: argparse.Namespace) -> Input:
    from sparsereg.readers.svmlight import SvmlightReader

    if arguments.target is not None:
        raise ValueError("--target: not for svmlight files, whose lines begin with theirs")
    reader = SvmlightReader(
        arguments.data, n_features=arguments.n_features, zero_based=bool(arguments.zero_based)
    )
    return Input(reader, "svmlight", ())


def _open_npz(arguments: argparse.Namespace) -> Input:
    from sparsereg.readers.npz import NpzReader

    return Input(NpzReader(arguments.data, target=arguments.target), "npz", ())


_OPENERS: dict[str, Callable[[argparse.Namespace], Input]] = {
    "csv": _open_table, "parquet": _open_table, "svmlight": _open_svmlight, "npz": _open_npz,
}


def _missing(text: str) -> str | float:
    if text in ("error", "indicator"):
        return text
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be error, indicator or a number, got {text!r}") from None


def _column_type(text: str) -> tuple[str, str]:
    name, colon, kind = text.rpartition(":")
    if not (name and colon and kind):
        raise argparse.ArgumentTypeError(f"must be COLUMN:TYPE, got {text!r}")
    return name, kind
