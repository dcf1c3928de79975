"""Data that come in blocks, and reading them ahead of their use."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from sparsereg._parameters import check_count

__all__ = ["Block", "as_blocks", "overlapped"]

_EXPECTED = "expected a Block, a tuple (X, y) or a tuple (X, y, sample_weight)"


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows of a stream.

    Attributes
    ----------
    X : matrix of shape (n_samples, n_features)
        Of any kind that estimators accept.
    y : array-like of shape (n_samples,)
    sample_weight : array-like of shape (n_samples,), or None
        None: every row has weight 1.
    """

    X: Any
    y: Any
    sample_weight: Any = None


def as_blocks(source: Iterable[Any]) -> Iterator[Block]:
    """Iterate over a source once, whatever form its blocks have.

    Parameters
    ----------
    source : iterable of Block, (X, y) or (X, y, sample_weight)
        A reader, a list, a generator. One that can be iterated over again allows several passes.

    Returns
    -------
    blocks : iterator of Block
        Takes a block from the source when one is asked for, not before.

    Raises
    ------
    TypeError
        At once for a source that is not iterable; in place of the block that has another form, with its position.
    """
    # A pair of arrays is data, not a stream of them, and would be reported as a block of a strange form.
    if isinstance(source, Block) or not isinstance(source, Iterable):
        raise TypeError(f"source: {type(source).__name__} is not allowed, expected an iterable of blocks")
    return _convert(source)


def _convert(source: Iterable[Any]) -> Iterator[Block]:
    for position, item in enumerate(source):
        if isinstance(item, Block):
            yield item
        elif isinstance(item, tuple) and len(item) in (2, 3):
            yield Block(*item)
        else:
            form = f"tuple of length {len(item)}" if isinstance(item, tuple) else type(item).__name__
            raise TypeError(f"source: block {position} is a {form}, {_EXPECTED}")


@dataclass(frozen=True)
class _Failure:
    """What the reading thread hands over in place of a block when its source raises."""

    error: BaseException


_END = object()


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
    found: SimpleQueue[Any] = SimpleQueue()
    room = threading.Semaphore(depth)
    stopped = threading.Event()
    # A source that never answers, like a silent socket, must not keep the process from ending.
    thread = threading.Thread(target=_fill, args=(blocks, found, room, stopped), daemon=True, name="sparsereg-reader")
    thread.start()
    try:
        while (item := found.get()) is not _END:
            if isinstance(item, _Failure):
                try:
                    raise item.error
                finally:
                    # The traceback holds this frame.
                    del item
            room.release()
            yield item
            # Not to be kept alive while the next one is waited for.
            del item
    finally:
        stopped.set()
        room.release()


def _fill(blocks: Iterable[Any], found: SimpleQueue[Any], room: threading.Semaphore, stopped: threading.Event) -> None:
    """Put blocks where the consumer takes them, while there is room."""
    try:
        source = iter(blocks)
        while room.acquire() and not stopped.is_set():
            # No name here, which would keep the block alive while there is no room for another.
            found.put(next(source))
    except StopIteration:
        found.put(_END)
    except BaseException as error:
        found.put(_Failure(error))
