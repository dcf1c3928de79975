"""Blocks of a stream, and a thread that prefetches them."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any
from weakref import WeakSet

from sparsereg.inputs.parameters import check_count
from sparsereg.inputs.sklearn import NotFittedError

_EXPECTED = "expected a Block, a tuple (X, y) or a tuple (X, y, sample_weight)"


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows of a stream.

    Attributes
    ----------
    X : matrix of shape (n_samples, n_features)
        Of any kind that estimators accept.
    y : array-like of shape (n_samples,), or None
        None: not known; these rows are to be predicted.
    sample_weight : array-like of shape (n_samples,), or None
        None: every row has weight 1.
    """

    X: Any
    y: Any
    sample_weight: Any = None


def as_blocks(source: Iterable[Any], name: str = "source") -> Iterator[Block]:
    """Iterate over a source once, whatever form its blocks have.

    Parameters
    ----------
    source : iterable of Block, (X, y) or (X, y, sample_weight)
        A reader, a list, a generator. One that can be iterated over again allows several passes.
    name : str, default="source"
        Of the argument, for messages.

    Returns
    -------
    blocks : iterator of Block
        Takes a block from the source when one is asked for, not before.

    Raises
    ------
    TypeError
        At once for a source that is not iterable; in place of the block that has another form, with its position.
    """
    check_source(source, name)
    return _convert(source, name)


def as_feature_blocks(source: Iterable[Any]) -> Iterator[Any]:
    """Iterate once over the matrices X of a source, which may have no targets.

    Parameters
    ----------
    source : iterable of Block, (X, y), (X, y, sample_weight) or X
        A reader of tables reads neither targets nor weights.

    Returns
    -------
    matrices : iterator of matrix of shape (n_samples, n_features)
        Takes one from the source when it is asked for, not before.

    Raises
    ------
    TypeError
        At once for a source that is not iterable, or is itself a matrix.
    """
    check_source(source)
    if hasattr(source, "_with_features_alone"):
        source = source._with_features_alone()
    return map(_features_of, source)


def check_source(
    source: Any, name: str = "source", expected: str = "expected an iterable of blocks, a reader or a list [(X, y)]"
) -> None:
    """Refuse what is no stream, and say which reader makes one of it.

    Parameters
    ----------
    source : object
    name : str, default="source"
        Of the argument, for messages.
    expected : str
        What the message says is expected.

    Raises
    ------
    TypeError
        For what is not iterable, or is itself a block, a matrix, a table or a path.
    """
    if isinstance(source, (str, bytes, os.PathLike)):
        raise TypeError(
            f"{name}: the path {source!r} is not allowed, {expected}; SvmlightReader(path) reads a file in svmlight "
            "form, CsvReader(path, ...) and ParquetReader(path, ...) read tables"
        )
    is_table = hasattr(source, "__arrow_c_stream__") or (hasattr(source, "columns") and hasattr(source, "shape"))
    if is_table or isinstance(source, (Block, Mapping)) or hasattr(source, "shape") or not isinstance(source, Iterable):
        hint = "; ArrowReader(table, ...) reads tables and data frames" if is_table else ""
        raise TypeError(f"{name}: {type(source).__name__} is not allowed, {expected}{hint}")


def is_stream(X: Any) -> bool:
    """Tell blocks that come one after the other from the rows of a matrix.

    Parameters
    ----------
    X : object

    Returns
    -------
    is_stream : bool
        Of a reader, an iterator, and a list of blocks or of pairs (X, y); not of one block or a path.
    """
    if isinstance(X, (list, tuple)) and len(X) > 0:
        return isinstance(X[0], Block) or (isinstance(X[0], tuple) and any(getattr(x, "shape", ()) for x in X[0]))
    # An array says at once what it is.
    if hasattr(X, "shape") or hasattr(X, "__array__") or hasattr(X, "__arrow_c_stream__") or hasattr(X, "columns"):
        return False
    return isinstance(X, Iterable) and not isinstance(X, (Block, Sequence))


def refuse_stream(X: Any, y: Any, method: str) -> None:
    """Refuse a stream in the place of rows in memory, which go with targets.

    Parameters
    ----------
    X, y : object
    method : str
        That takes streams.

    Raises
    ------
    TypeError
        For a reader, an iterator, a path, a block or a list of blocks, and where there is no y.
    """
    if isinstance(X, (Block, str, os.PathLike)) or is_stream(X):
        raise TypeError(
            f"X: {type(X).__name__} is not allowed, expected the rows of a matrix or data frame; {method} takes a "
            "reader, or an iterable of blocks (X, y)"
        )
    if y is None:
        raise TypeError(f"y: None is not allowed, expected the targets of the rows of X; {method} takes blocks (X, y)")


def with_width(source: Any, n_features: int) -> Any:
    """Have a reader that was not told a width give blocks as wide as a model; others stay as they are.

    Parameters
    ----------
    source : iterable of blocks
    n_features : int

    Returns
    -------
    source : iterable of blocks
    """
    return source._with_width(n_features) if hasattr(source, "_with_width") else source


def _features_of(item: Any) -> Any:
    if isinstance(item, Block):
        return item.X
    return item[0] if isinstance(item, tuple) and len(item) in (2, 3) else item


def can_repeat(source: Iterable[Any]) -> bool:
    """Say whether a source can be iterated over more than once; a reader says so itself.

    Parameters
    ----------
    source : iterable of blocks

    Returns
    -------
    can_repeat : bool
    """
    return not isinstance(source, Iterator) and getattr(source, "can_repeat", True)


@contextmanager
def located(place: str) -> Iterator[None]:
    """Say in an error about data where they are.

    Parameters
    ----------
    place : str
        What the message begins with.

    Raises
    ------
    TypeError, ValueError
        In place of those that are raised inside.
    """
    try:
        yield
    except NotFittedError:
        raise
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{place}: {error}") from error


def _convert(source: Iterable[Any], name: str) -> Iterator[Block]:
    for position, item in enumerate(source):
        if isinstance(item, Block):
            yield item
        elif isinstance(item, tuple) and len(item) in (2, 3):
            yield Block(*item)
        else:
            form = f"tuple of length {len(item)}" if isinstance(item, tuple) else type(item).__name__
            raise TypeError(f"{name}: block {position} is a {form}, {_EXPECTED}")


@dataclass(frozen=True)
class _Failure:
    """What the reading thread hands over in place of a block when its source raises."""

    error: BaseException


_END = object()
# Seconds that the end of the process waits for each block that is being read.
_EXIT_PATIENCE = 2.0


def overlapped(blocks: Iterable[Any], depth: int = 2) -> Generator[Any, None, None]:
    """Iterate over blocks that a thread reads ahead, so that reading and learning overlap.

    Parameters
    ----------
    blocks : iterable
        Iterated over in the thread, once. Only the thread touches it while blocks are taken.
    depth : int, default=2
        At most so many blocks are read but not yet taken, the one that is being read included.

    Returns
    -------
    blocks : generator
        The same blocks in the same order. What the source raises is raised here, with the source's traceback, after the
        blocks before it. The thread starts with the first block asked for and stops when the generator ends or is
        closed, without waiting for a block that is being read; ``with contextlib.closing(...)`` closes it on every way
        out of a loop.
    """
    return _read_ahead(blocks, check_count(depth, "depth"))


def _read_ahead(blocks: Iterable[Any], depth: int) -> Generator[Any, None, None]:
    reader = _Reader(blocks, depth)
    reader.start()
    try:
        while (item := reader.found.get()) is not _END:
            if isinstance(item, _Failure):
                try:
                    raise item.error
                finally:
                    # The traceback holds this frame.
                    del item
            reader.room.release()
            yield item
            # Not to be kept alive while the next one is waited for.
            del item
    finally:
        reader.stop()


class _Reader(threading.Thread):
    """The thread that reads blocks while there is room for them."""

    def __init__(self, blocks: Iterable[Any], depth: int) -> None:
        # A source that never answers, like a silent socket, must not keep the process from ending.
        super().__init__(name="sparsereg-reader", daemon=True)
        self.found: SimpleQueue[Any] = SimpleQueue()
        self.room = threading.Semaphore(depth)
        self._blocks = blocks
        self._stopped = threading.Event()
        _readers.add(self)

    def run(self) -> None:
        """Put blocks where the consumer takes them."""
        try:
            source = iter(self._blocks)
            # The thread's end is the end of a generator, however long someone holds the thread.
            del self._blocks
            while self.room.acquire() and not self._stopped.is_set():
                # No name here, which would keep the block alive while there is no room for another.
                self.found.put(next(source))
        except StopIteration:
            self.found.put(_END)
        except BaseException as error:
            self.found.put(_Failure(error))

    def stop(self) -> None:
        """Have the thread end when it has read the block it is at."""
        self._stopped.set()
        self.room.release()


_readers: WeakSet[_Reader] = WeakSet()


@atexit.register
def _stop_readers() -> None:
    """End the threads of generators that were never closed: one inside compiled code may crash a process that ends."""
    readers = [reader for reader in _readers if reader.is_alive()]
    for reader in readers:
        reader.stop()
    for reader in readers:
        reader.join(_EXIT_PATIENCE)
