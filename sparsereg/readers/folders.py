"""Glob patterns and partitioned folders -> their files, and the values that the names of folders hold."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from urllib.parse import unquote

Partitions = dict[str, "str | int | None"]

# What writers of partitioned folders call a value that is missing.
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_WHOLE = re.compile(r"-?\d{1,18}")


def expanded(path: str) -> list[tuple[str, Partitions]]:
    """List the files that a path stands for, in the order of their names.

    Parameters
    ----------
    path : str
        Of a file, which need not exist; of a folder; or a pattern like ``"part-*.csv"``, in which ``**`` stands for any
        number of folders.

    Returns
    -------
    files : list of (path, partitions)
        Of a folder all that are in it and in the folders in it, but for names that begin with a dot or ``_``, which
        writers use for themselves. The partitions of a file are what folders like ``year=2024`` say: columns whose
        values are whole numbers where they are in every file, else text, or None.

    Raises
    ------
    FileNotFoundError
        For a pattern that no file matches, and a folder without files.
    """
    if os.path.isdir(path):
        root = Path(path)
        found = [file for file in root.rglob("*") if file.is_file() and not _is_hidden(file.relative_to(root))]
    elif glob.has_magic(path) and not os.path.exists(path):
        root = _root_of_pattern(path)
        found = [Path(name) for name in glob.glob(path, recursive=True) if os.path.isfile(name)]
    else:
        return [(path, {})]
    if not found:
        raise FileNotFoundError(f"source: no file in {path!r}, expected at least one")
    found.sort()
    partitions = _as_numbers([_partitions(file.relative_to(root)) for file in found])
    return [(str(file), values) for file, values in zip(found, partitions)]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _root_of_pattern(pattern: str) -> Path:
    """Return the folder that a pattern begins in."""
    plain = []
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            break
        plain.append(part)
    return Path(*plain)


def _partitions(path: Path) -> dict[str, str | None]:
    """Read the names of the folders that a file is in."""
    pairs = [part.partition("=") for part in path.parent.parts if "=" in part]
    return {unquote(name): None if value == _NO_VALUE else unquote(value) for name, _, value in pairs}


def _as_numbers(found: list[dict[str, str | None]]) -> list[Partitions]:
    """Make whole numbers of the columns that hold nothing else, as pyarrow, pandas and DuckDB do."""
    text = {name for one in found for name, value in one.items() if value is not None and not _WHOLE.fullmatch(value)}
    return [
        {name: value if value is None or name in text else int(value) for name, value in one.items()} for one in found
    ]
