"""Distributed input: data frames, arrays, delayed blocks and files as parts that workers reduce."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np

from sparsereg.dask.cluster import Cluster
from sparsereg.dask.parts import PartSettings, reduce_block, reduce_file, reduce_frame
from sparsereg.inputs.sklearn import feature_names
from sparsereg.readers.files import FilesReader
from sparsereg.readers.svmlight import SvmlightReader
from sparsereg.readers.table_columns import as_parts as as_column_specs
from sparsereg.readers.table_reader import TableReader
from sparsereg.readers.tables import CsvReader, ParquetReader

_EXPECTED = (
    "expected a dask DataFrame, a dask array, a list of delayed blocks or of futures, names of files, or a reader of "
    "files"
)
_PACKED = (".gz", ".bz2", ".xz", ".zst")
_TABLES: Mapping[str, Callable[..., Any]] = {
    ".parquet": ParquetReader, ".pq": ParquetReader, ".csv": CsvReader,
    ".tsv": lambda source, **columns: CsvReader(source, delimiter="\t", **columns),
}
_ROWS = (".svm", ".svmlight", ".libsvm")


@dataclass(frozen=True, eq=False)
class Parts:
    """Parts of data that are somewhere, and what reduces one of them.

    Attributes
    ----------
    function : callable
        Of the settings, the arguments of a part and its number.
    settings : PartSettings
        Without a loss and folds.
    arguments : tuple of list
        One value for each part.
    names : list of str
        Of the parts, for messages.
    is_delayed : bool
        Some arguments are delayed values or futures.
    groups : list or None, default=None
        Groups of the rows of each part, as further argument; None: there are none, or a column has them.
    """

    function: Callable[..., Any]
    settings: PartSettings
    arguments: tuple[list[Any], ...]
    names: list[str]
    is_delayed: bool
    groups: list[Any] | None = None

    def reduce(self, cluster: Cluster, loss: str, n_folds: int | None = None, random_state: int = 0) -> list[Any]:
        """Have every part reduced.

        Parameters
        ----------
        cluster : Cluster
        loss : str
        n_folds : int or None, default=None
            Folds for cross-validation, which rows are dealt to at random, by their place in the data, or groups of rows
            by themselves.
        random_state : int, default=0
            Of the folds.

        Returns
        -------
        futures : list of distributed.Future
            Of `Part`.
        """
        settings = self.settings.with_data(loss=loss, n_folds=n_folds, random_state=random_state)
        n_parts = len(self.names)
        submit = cluster.compute if self.is_delayed else cluster.map
        shared = [cluster.scatter(settings)] * n_parts
        groups = [] if self.groups is None else [self.groups]
        return submit(self.function, shared, *self.arguments, range(n_parts), *groups, label="reduce", names=self.names)


def as_parts(
    X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None, features: Any = None, groups: Any = None
) -> Parts:
    """Divide data into parts, without looking at them.

    Parameters
    ----------
    X : dask DataFrame, dask array, list of delayed blocks or futures, path or list of paths, or reader of files
    y, sample_weight, offset
        Of data frames and files the names of columns, else collections of Dask with the partitions of X, or lists of
        delayed values or futures as long as X; weights and offsets may be numbers.
    features : transformer, list of column names and pairs (transformer, column names), or None
        Of tables.
    groups : as y, default=None
        Of rows that cross-validation holds out together.

    Returns
    -------
    parts : Parts

    Raises
    ------
    TypeError, ValueError
        For anything else, for transformers that are not fitted, and for partitions that do not go together.
    """
    beside = {"y": y, "sample_weight": sample_weight, "offset": offset, "groups": groups}
    if is_frame(X):
        return _of_frame(X, beside, features)
    if is_array(X):
        _refuse_features(features)
        return _of_array(X, beside)
    if isinstance(X, FilesReader):
        return _of_reader(X, beside, features)
    if _is_path(X) or (isinstance(X, (list, tuple)) and len(X) and all(map(_is_path, X))):
        return _of_files(X, beside, features)
    if isinstance(X, (list, tuple)) and len(X) and all(map(is_value, X)):
        _refuse_features(features)
        return _of_blocks(list(X), beside)
    raise TypeError(_refusal(X))


def _refusal(X: Any) -> str:
    if isinstance(X, (list, tuple)):
        kinds = sorted({type(one).__name__ for one in X})
        return f"X: a list of {', '.join(kinds) or 'nothing'} is not allowed, {_EXPECTED}"
    hint = "; rows in memory are for the estimators and paths of sparsereg itself" if hasattr(X, "shape") else ""
    return f"X: {type(X).__name__} is not allowed, {_EXPECTED}{hint}"


def is_frame(X: Any) -> bool:
    """Say whether something is a data frame of Dask's."""
    return hasattr(X, "__dask_graph__") and hasattr(X, "map_partitions") and hasattr(X, "columns")


def is_array(X: Any) -> bool:
    """Say whether something is an array of Dask's."""
    return hasattr(X, "__dask_graph__") and hasattr(X, "map_blocks") and hasattr(X, "chunks")


def is_value(X: Any) -> bool:
    """Say whether something is one delayed value or a future."""
    is_delayed = hasattr(X, "__dask_graph__") and hasattr(X, "dask") and not hasattr(X, "to_delayed")
    return is_delayed or (hasattr(X, "key") and hasattr(X, "client"))


def is_lazy(X: Any) -> bool:
    """Say whether predictions of something are lazy.

    Parameters
    ----------
    X : object

    Returns
    -------
    is_lazy : bool
        A data frame or an array of Dask's.
    """
    return is_frame(X) or is_array(X)


def with_whole_rows(X: Any) -> Any:
    """Give an array of Dask's blocks that are as wide as it is.

    Parameters
    ----------
    X : dask array of shape (n_samples, n_features)

    Returns
    -------
    X : dask array

    Raises
    ------
    ValueError
        For an array that has not two dimensions.
    """
    if X.ndim != 2:
        raise ValueError(f"X: a dask array of {X.ndim} dimensions is not allowed, expected (n_samples, n_features)")
    return X if X.numblocks[1] == 1 else X.rechunk({1: -1})


def check_features(features: Any) -> None:
    """Refuse transformers that have to be fitted first.

    Parameters
    ----------
    features : transformer or list of column names and pairs (transformer, column names)

    Raises
    ------
    TypeError, ValueError
        As `CsvReader`, and for a transformer that is not fitted.
    """
    for part in as_column_specs(features):
        if hasattr(part.transformer, "partial_fit") and not hasattr(part.transformer, "n_features_in_"):
            kind = type(part.transformer).__name__
            raise ValueError(
                f"features: this {kind} is not fitted; fit it first, on a sample, `.fit(frame.head(...))`, or part by "
                "part on all rows, `for part in frame.partitions: transformer.partial_fit(part.compute())`"
            )


def _refuse_features(features: Any) -> None:
    if features is not None:
        raise ValueError("features: not allowed beside matrices, expected None; it is for data frames and files")


def _is_path(X: Any) -> bool:
    return isinstance(X, (str, os.PathLike))


def _of_frame(X: Any, beside: dict[str, Any], features: Any) -> Parts:
    columns = list(X.columns)
    names = {name: value for name, value in beside.items() if isinstance(value, str)}
    for name, value in names.items():
        if value not in columns:
            raise ValueError(f"{name}: there is no column {value!r}, X has {columns[:20]}")
    if features is not None:
        check_features(features)
        used = {name for part in as_column_specs(features) for name in part.columns}
        if names.get("y") in used:
            raise ValueError(f"features: {names['y']!r} is not allowed, it is the target too")
        absent = sorted(used.difference(columns))
        if absent:
            raise ValueError(f"features: there is no column {absent[0]!r}, X has {columns[:20]}")
        takes_all = any(not part.columns for part in as_column_specs(features))
        # What is not needed is not read.
        X = X if takes_all else X[[name for name in columns if name in used or name in names.values()]]
    settings = PartSettings("", features, names.get("y"), names.get("sample_weight"), names.get("offset"))
    settings = settings.with_data(groups=names.get("groups"))
    others = {name: None if name in names else value for name, value in beside.items()}
    if others["y"] is None and "y" not in names:
        raise ValueError("y: None is not allowed, expected the name of a column, a dask Series or a dask array")
    parts = X.to_delayed()
    return _beside(reduce_frame, settings, parts, others, chunks=None)


def _of_array(X: Any, beside: dict[str, Any]) -> Parts:
    X = with_whole_rows(X)
    if beside["y"] is None:
        raise ValueError("y: None is not allowed, expected a dask array with the rows of X")
    parts = X.to_delayed().ravel().tolist()
    return _beside(reduce_block, PartSettings(""), parts, beside, chunks=X.chunks[0])


def _of_blocks(X: list[Any], beside: dict[str, Any]) -> Parts:
    return _beside(reduce_block, PartSettings(""), X, beside, chunks=None)


def _beside(
    function: Callable[..., Any], settings: PartSettings, parts: list[Any], beside: dict[str, Any], chunks: Any
) -> Parts:
    """Put parts of y, of weights and of offsets beside those of X."""
    if not parts:
        raise ValueError("X: there is no partition, expected at least one")
    y, weight, offset, groups = (_companions(name, value, len(parts), chunks) for name, value in beside.items())
    names, arguments = [f"part {k}" for k in range(len(parts))], (parts, y, weight, offset)
    return Parts(function, settings, arguments, names, True, groups if beside["groups"] is not None else None)


def with_chunks_of(name: str, values: Any, chunks: tuple[float, ...]) -> Any:
    """Give values beside an array the blocks of that, where sizes are known.

    Parameters
    ----------
    name : str
        Of the argument, for messages.
    values : dask array of shape (n_samples,) or (n_samples, n_columns)
    chunks : tuple of int, or of NaN
        Rows of the blocks of X.

    Returns
    -------
    values : dask array

    Raises
    ------
    ValueError
        For another number of rows or of blocks.
    """
    values = values.rechunk({1: -1}) if values.ndim == 2 and values.numblocks[1] > 1 else values
    if not np.isnan([*chunks, *values.chunks[0]]).any():
        if sum(chunks) != values.shape[0]:
            raise ValueError(f"{name}: {values.shape[0]:,} rows, where X has {sum(chunks):,}; expected as many")
        return values if values.chunks[0] == chunks else values.rechunk({0: chunks})
    _check_count(name, values.numblocks[0], len(chunks))
    return values


def _companions(name: str, value: Any, n_parts: int, chunks: Any) -> list[Any]:
    if value is None or (np.isscalar(value) and not isinstance(value, str) and name in ("sample_weight", "offset")):
        return [value] * n_parts
    if is_array(value) and chunks is not None:
        value = with_chunks_of(name, value, chunks)
    if hasattr(value, "to_delayed"):
        parts = np.ravel(value.to_delayed()).tolist()
    elif isinstance(value, (list, tuple)) and len(value) and all(map(is_value, value)):
        parts = list(value)
    else:
        raise TypeError(
            f"{name}: {type(value).__name__} is not allowed beside this X, expected a dask Series or array with the "
            "partitions of X, or a list of delayed values as long as X, or, of data frames and files, a column name"
        )
    _check_count(name, len(parts), n_parts)
    return parts


def _check_count(name: str, found: int, expected: int) -> None:
    if found != expected:
        raise ValueError(
            f"{name}: {found} partitions, where X has {expected}; expected the same rows in as many partitions "
            "(repartition or rechunk both alike)"
        )


def _of_files(X: Any, beside: dict[str, Any], features: Any) -> Parts:
    paths = [X] if _is_path(X) else list(X)
    suffix = _suffix_of(paths)
    if suffix in _ROWS:
        return _of_reader(SvmlightReader(paths), beside, features)
    if suffix not in _TABLES:
        raise ValueError(
            f"X: files that end in {suffix!r} are not known, expected {', '.join([*_TABLES, *_ROWS])}; or give a "
            "reader: CsvReader(...), ParquetReader(...), SvmlightReader(...)"
        )
    if features is None:
        raise ValueError("features: None is not allowed with tables in files, expected what X is made of")
    names = _column_names(beside)
    reader = _TABLES[suffix](paths, target=names["y"], weight=names["sample_weight"], features=features)
    return _of_reader(reader, {**names, "y": None, "sample_weight": None}, None)


def _suffix_of(paths: Iterable[Any]) -> str:
    """Return what the names of files end in, all of them alike."""
    names = [PurePath(source.name) for source in _sources_of(paths)]
    found = {(name.with_suffix("") if name.suffix.lower() in _PACKED else name).suffix.lower() for name in names}
    if len(found) != 1:
        raise ValueError(f"X: files that end in {sorted(found)} are not allowed together, expected files of one kind")
    return found.pop()


def _sources_of(paths: Iterable[Any]) -> list[Any]:
    from sparsereg.readers.files import as_sources

    return as_sources(list(paths))


def _column_names(beside: dict[str, Any]) -> dict[str, Any]:
    for name, value in beside.items():
        if value is not None and not isinstance(value, str):
            kind = type(value).__name__
            raise TypeError(f"{name}: {kind} is not allowed beside files, expected the name of a column")
    return beside


def _of_reader(reader: Any, beside: dict[str, Any], features: Any) -> Parts:
    names = _column_names(beside)
    is_table = isinstance(reader, TableReader)
    if features is not None:
        raise ValueError("features: not allowed beside this reader, which knows what X is made of; expected None")
    if names["y"] is not None or names["sample_weight"] is not None:
        raise ValueError("y, sample_weight: not allowed beside a reader, which names its own; expected None")
    for name in ("offset", "groups"):
        if names[name] is not None and not is_table:
            raise ValueError(f"{name}: not allowed beside a {type(reader).__name__}, whose files have no such column")
    if is_table:
        reader._check_target()
        check_features(reader.features)
    sources, template = reader._divided()
    settings = PartSettings("", offset=names["offset"], groups=names["groups"], reader=template)
    labels = [f"part {k} ({source.name})" for k, source in enumerate(sources)]
    return Parts(reduce_file, settings, (sources,), labels, False)


def names_of(X: Any, features: Any) -> Any:
    """Return the names of the columns that a fit to a data frame has; None where features are made of it."""
    return feature_names(X) if is_frame(X) and features is None else None
