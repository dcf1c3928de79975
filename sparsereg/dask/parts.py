"""Partial reductions: what a worker makes of a file, a partition or a block, and of several such parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import LOSSES
from sparsereg.dask.cluster import import_distributed
from sparsereg.inputs.parameters import build
from sparsereg.inputs.sklearn import NotFittedError
from sparsereg.readers.arrow import ArrowReader
from sparsereg.readers.blocks import Block, located
from sparsereg.readers.labels import with_numbers, with_words
from sparsereg.readers.svmlight import SvmlightReader
from sparsereg.readers.table_reader import import_arrow
from sparsereg.reduction.builder import Accumulator
from sparsereg.reduction.folds import fold_numbers
from sparsereg.reduction.reduced import ANY_DELTA, Reduced

# Rows that are made at once of the tables that partitions are.
BLOCK_ROWS = 100_000
# Huber's loss keeps targets apart whatever its delta.
_DELTA = {"delta": ANY_DELTA}

Columns = tuple[Any, Any, Any, Any]


@dataclass(frozen=True, eq=False)
class PartSettings:
    """How parts are reduced; the same for all of them.

    Attributes
    ----------
    loss : str
    features : transformer, list of column names and pairs (transformer, column names), or None
        What the columns of X are made of, of tables.
    target, weight, offset, groups : str or None
        Columns of tables.
    reader : reader or None
        Of files, without any.
    n_folds : int or None
        Folds that rows are dealt to at random, or groups of rows by a hash of each.
    random_state : int
        Of the folds.
    """

    loss: str
    features: Any = None
    target: str | None = None
    weight: str | None = None
    offset: str | None = None
    groups: str | None = None
    reader: Any = None
    n_folds: int | None = None
    random_state: int = 0

    def with_data(self, **where: Any) -> PartSettings:
        """Return the same with other places of the data."""
        return replace(self, **where)


@dataclass(frozen=True, eq=False)
class Part:
    """A reduction on a worker, of one part of the data or of several neighbouring ones.

    Attributes
    ----------
    reduced : Reduced or None
        None: there are no rows.
    name : str
        Of its first part, for messages.
    n_parts : int
        How many parts of the data it was made of.
    n_bytes : int
        Bytes of the reductions of these.
    address : str
        Of the worker that made it.
    bytes_moved : int
        Bytes of reductions that have come from other workers on the way.
    """

    reduced: Reduced | None
    name: str
    n_parts: int
    n_bytes: int
    address: str
    bytes_moved: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return 0 if self.reduced is None else self.reduced.nbytes

    def __sizeof__(self) -> int:
        """Tell Dask's scheduler what it costs to move this."""
        return object.__sizeof__(self) + self.nbytes


@dataclass(frozen=True)
class PartFacts:
    """What the caller is told of a part; see `Part`.

    Attributes
    ----------
    name : str
    n_samples, n_rows, nbytes : int
    has_offset : bool
    labels : tuple
        Of classes, three at most: of so many it is enough to know that they are more than two.
    """

    name: str
    n_samples: int
    n_rows: int
    nbytes: int
    has_offset: bool = False
    labels: tuple[Any, ...] = ()


def facts_of(part: Part) -> PartFacts:
    """Say how large a part is."""
    reduced = part.reduced
    if reduced is None:
        return PartFacts(part.name, 0, 0, 0)
    labels = () if reduced.classes is None else tuple(reduced.classes[:3].tolist())
    return PartFacts(part.name, reduced.n_samples, reduced.n_rows, part.nbytes, reduced.has_offset, labels)


def reduce_file(settings: PartSettings, source: Any, number: int) -> Part:
    """Reduce the rows of a file, block by block.

    Parameters
    ----------
    settings : PartSettings
        With a reader.
    source : Source
    number : int
        Of the part, from 0.

    Returns
    -------
    part : Part
    """
    name = f"part {number} ({source.name})"
    reader = settings.reader._with_file(source)
    try:
        return _reduce(settings, _rows_of_reader(settings, reader), name, number)
    except FileNotFoundError as error:
        told = f"{error.strerror}, on worker {worker_address()}, for {name}; workers open files by these paths"
        raise FileNotFoundError(error.errno, told, error.filename) from error


def reduce_frame(
    settings: PartSettings, frame: Any, y: Any, weight: Any, offset: Any, number: int, groups: Any = None
) -> Part:
    """Reduce the rows of a partition of a data frame.

    Parameters
    ----------
    settings : PartSettings
    frame : pandas.DataFrame
    y, weight, offset : pandas.Series, ndarray, float or None
        None: as the settings say.
    number : int
    groups : as y, default=None

    Returns
    -------
    part : Part
    """
    name = f"part {number}"
    with located(name):
        _check_lengths(frame, {"y": y, "sample_weight": weight, "offset": offset, "groups": groups})
    rows = _rows_of_frame if settings.features is None else _rows_of_table
    return _reduce(settings, rows(settings, frame, (y, weight, offset, groups)), name, number)


def reduce_block(
    settings: PartSettings, X: Any, y: Any, weight: Any, offset: Any, number: int, groups: Any = None
) -> Part:
    """Reduce the rows of a matrix, or what a delayed value has become.

    Parameters
    ----------
    settings : PartSettings
    X : matrix, Block, (X, y), (X, y, sample_weight), Reduced or Part
    y, weight, offset : array-like, float or None
    number : int
    groups : array-like or None, default=None

    Returns
    -------
    part : Part
    """
    name = f"part {number}"
    with located(name):
        if isinstance(X, Reduced):
            _check_reduced(settings, X, (y, weight, offset, groups))
            return Part(X, name, 1, X.nbytes, worker_address())
        if isinstance(X, tuple) and len(X) in (2, 3):
            X = Block(*X)
        if isinstance(X, Block):
            if y is not None or weight is not None:
                raise ValueError("y, sample_weight: not allowed beside blocks, which bring their own; expected None")
            X, y, weight = X.X, X.y, X.sample_weight
        if not hasattr(X, "shape") and not hasattr(X, "__array__") and not isinstance(X, list):
            raise TypeError(
                f"X: {type(X).__name__} is not allowed, expected a matrix, a Block, (X, y), (X, y, sample_weight) or a "
                "Reduced"
            )
        _check_lengths(X, {"y": y, "sample_weight": weight, "offset": offset, "groups": groups})
    return _reduce(settings, iter([(None, Block(X, y, weight), offset, groups)]), name, number)


def combine_parts(parts: list[Part]) -> Part:
    """Reduce the rows of some parts together; those that lack rows leave nothing behind.

    Parameters
    ----------
    parts : list of Part

    Returns
    -------
    part : Part

    Raises
    ------
    ValueError, TypeError
        For a part that does not go with those before, with its name.
    """
    address, taken = worker_address(), []
    moved = sum(part.bytes_moved + (part.nbytes if part.address != address else 0) for part in parts)

    def reductions() -> Iterator[Reduced]:
        for part in parts:
            if part.reduced is not None:
                taken.append(part.name)
                yield part.reduced

    known = [part for part in parts if part.reduced is not None]
    try:
        reduced = Reduced.merge_all(reductions()) if len(known) > 1 else None
    except (ValueError, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{taken[-1]}: {error.__cause__ or error} (in {taken[0]} and on)") from error
    if len(known) == 1:
        reduced = known[0].reduced
    n_parts, n_bytes = sum(part.n_parts for part in parts), sum(part.n_bytes for part in parts)
    return Part(reduced, (known or parts)[0].name, n_parts, n_bytes, address, moved)


def worker_address() -> str:
    """Return the address of the worker that this runs on; none outside of one."""
    try:
        return str(import_distributed().get_worker().address)
    except ValueError:
        return ""


def _reduce(settings: PartSettings, rows: Iterator[Any], name: str, number: int) -> Part:
    """Take blocks of rows in, one after the other; `rows` yields the first row where that is known."""
    loss = build(LOSSES[settings.loss], **_DELTA)
    accumulator: Accumulator | None = None
    while True:
        # Readers name their file themselves.
        with located(f"part {number}"):
            try:
                first, block, offset, groups = next(rows)
            except StopIteration:
                break
            except NotFittedError as error:
                raise ValueError(f"features: {error}") from error
        if np.shape(block.X)[0] == 0:
            continue
        accumulator = accumulator or Accumulator(loss, settings.n_folds is not None, offset is not None)
        place = name if first in (None, 1) else f"{name}, in the block from row {first:,} on"
        with located(place):
            fold = _folds(settings, np.shape(block.X)[0], number, first, groups)
            accumulator.add(block.X, block.y, block.sample_weight, fold, offset=offset)
        del block, offset, groups
    if accumulator is None:
        return Part(None, name, 1, 0, worker_address())
    reduced = Reduced(settings.loss, accumulator.finish())
    return Part(reduced, name, 1, reduced.nbytes, worker_address())


def _folds(
    settings: PartSettings, n_rows: int, number: int, first: int | None, groups: Any
) -> npt.NDArray[np.int64] | None:
    """Deal rows to folds, by where they are and by nothing else; groups by what they are and nothing else."""
    if settings.n_folds is None:
        return None
    if groups is not None:
        return fold_numbers(n_rows, groups=groups, n_folds=settings.n_folds, random_state=settings.random_state)
    generator = np.random.default_rng([settings.random_state, number, first or 0])
    return (generator.permutation(n_rows) + number) % settings.n_folds


def _rows_of_reader(settings: PartSettings, reader: Any) -> Iterator[Any]:
    is_classification = build(LOSSES[settings.loss], **_DELTA).is_classification
    reader = (with_words if is_classification else with_numbers)(reader)
    if not isinstance(reader, SvmlightReader):
        yield from reader._blocks_beside(settings.offset, settings.groups)
        return
    first = 1
    for block in reader:
        yield first, block, None, None
        first += block.X.shape[0]


def _rows_of_table(settings: PartSettings, frame: Any, beside: Columns) -> Iterator[Any]:
    """Make features of a partition, block by block, without its index."""
    if not len(frame):
        return
    table = import_arrow("sparsereg.dask with features=").Table.from_pandas(frame, preserve_index=False)
    reader: Any = ArrowReader(
        table, target=settings.target, features=settings.features, weight=settings.weight, block_rows=BLOCK_ROWS
    )
    if settings.target is not None and not build(LOSSES[settings.loss], **_DELTA).is_classification:
        reader = with_numbers(reader)
    for first, block, offset, groups in reader._blocks_beside(settings.offset, settings.groups):
        rows = slice(first - 1, first - 1 + block.X.shape[0])
        y, weight, given, grouped = (_some(values, rows) for values in beside)
        yield (
            first, Block(block.X, block.y if y is None else y, block.sample_weight if weight is None else weight),
            offset if given is None else given, groups if grouped is None else grouped,
        )


def _rows_of_frame(settings: PartSettings, frame: Any, beside: Columns) -> Iterator[Any]:
    """Take the columns of a partition as the features that they are."""
    named = (settings.target, settings.weight, settings.offset, settings.groups)
    y, weight, offset, groups = (
        values if name is None else frame[name].to_numpy() for name, values in zip(named, beside)
    )
    yield None, Block(frame.drop(columns=[name for name in named if name is not None]), y, weight), offset, groups


def _some(values: Any, rows: slice) -> Any:
    return values if values is None or np.ndim(values) == 0 else np.asarray(values)[rows]


def _check_lengths(X: Any, beside: dict[str, Any]) -> None:
    """Refuse what has another number of rows than X, or another index."""
    n_rows = np.shape(X)[0]
    for name, values in beside.items():
        if values is None or np.ndim(values) == 0:
            continue
        if np.shape(values)[0] != n_rows:
            raise ValueError(f"{name}: {np.shape(values)[0]:,} rows, where X has {n_rows:,}; expected as many")
        if hasattr(X, "index") and hasattr(values, "index") and not X.index.equals(values.index):
            raise ValueError(f"{name}: another index than that of X, expected the same rows in the same order")


def _check_reduced(settings: PartSettings, reduced: Reduced, beside: Columns) -> None:
    if reduced.loss != settings.loss:
        raise ValueError(f"X: this reduction is for loss={reduced.loss!r}, expected one for loss={settings.loss!r}")
    if any(values is not None for values in beside):
        raise ValueError(
            "y, sample_weight, offset, groups: not allowed beside reductions, which have their own; expected None"
        )
