"""Pools of shards: parts of reduced rows that stay where they are, and what is asked of all of them at once."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sparsereg.reduction.reduced import Reduced

# How many results are combined at once; the shape of the tree depends on the number of shards alone.
FAN = 4
# What has so many bytes is large.
LARGE = 1 << 16


@dataclass
class Traffic:
    """What went between the shards and the caller.

    Attributes
    ----------
    bytes_received, bytes_sent : int
        By the caller. What is large is sent once, all else once for each shard.
    passes : int
        How often all shards were gone over.
    bytes_moved : int
        Up the trees, from one place to another; 0 in one process.
    """

    bytes_received: int = 0
    bytes_sent: int = 0
    passes: int = 0
    bytes_moved: int = 0
    _sent: list[weakref.ref[Any]] = field(default_factory=list, repr=False)

    def begin(self, arguments: Sequence[Any], n_shards: int) -> None:
        """Count a pass, and what is sent for it."""
        self.passes += 1
        self._sent = [sent for sent in self._sent if sent() is not None]
        for argument in arguments:
            if not is_large(argument):
                self.bytes_sent += n_shards * bytes_of(argument)
            elif not any(argument is sent() for sent in self._sent):
                self._sent.append(weakref.ref(argument))
                self.bytes_sent += bytes_of(argument)


class Pool(Protocol):
    """Shards, each a `Reduced`, that functions are sent to.

    Functions are pure, of a module, and can be pickled: whoever runs them may run them again.

    Attributes
    ----------
    traffic : Traffic
        Shared with the pools that `apply` made of this one.
    """

    traffic: Traffic

    @property
    def n_shards(self) -> int:
        """Number of shards."""

    def apply(self, function: Callable[..., Reduced], *arguments: Any, label: str) -> Pool:
        """Make another pool of `function(shard, *arguments)`; results stay where they are made.

        Parameters
        ----------
        function : callable
            Returns a `Reduced`.
        *arguments
        label : str
            Words with ``-`` between them.

        Returns
        -------
        pool : Pool
        """

    def gather(
        self, function: Callable[..., Any], combine: Callable[[list[Any]], Any], *arguments: Any,
        finish: tuple[Any, ...] | None = None, label: str,
    ) -> Any:
        """Combine `function(shard, *arguments)` of all shards up a tree.

        Parameters
        ----------
        function : callable
        combine : callable
            Takes a list of results in the order of the shards, returns one of the same kind.
        *arguments
        finish : tuple (callable, *arguments) or None, default=None
            Called with the combined result before it travels; what it returns comes to the caller.
        label : str

        Returns
        -------
        result
        """

    def release(self) -> None:
        """Let go of what `apply` made; nothing where the shards are the caller's own."""


class LocalPool:
    """Shards in this process, in memory or saved on disk, of which memory then holds one at a time.

    Parameters
    ----------
    shards : iterable of Reduced, str or path-like
        Reductions, and names of files that `Reduced.save` wrote. Where there is a name, what is made of the shards is
        kept in a temporary folder too.
    in_memory : None or bool, default=None
        Whether what is made of the shards stays in memory; None: where all of them are given as reductions.

    Raises
    ------
    ValueError, TypeError
        Without any, and for something else.
    """

    def __init__(self, shards: Iterable[Reduced | str | os.PathLike[str]], *, in_memory: bool | None = None):
        self._shards = list(shards)
        if not self._shards:
            raise ValueError("shards: there is none, expected at least one")
        for position, shard in enumerate(self._shards):
            if not isinstance(shard, (Reduced, str, os.PathLike)):
                raise TypeError(
                    f"shards: shard {position} (the first is 0) is a {type(shard).__name__}, expected a Reduced, or "
                    "the name of a file of one"
                )
        held = all(isinstance(shard, Reduced) for shard in self._shards)
        self._in_memory = held if in_memory is None else in_memory
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.traffic = Traffic()

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        return len(self._shards)

    def _read(self) -> Iterator[Reduced]:
        for shard in self._shards:
            yield shard if isinstance(shard, Reduced) else Reduced.load(shard)

    def apply(self, function: Callable[..., Reduced], *arguments: Any, label: str) -> LocalPool:
        """Make another pool of `function(shard, *arguments)`; see `Pool`."""
        self.traffic.begin(arguments, self.n_shards)
        folder = None if self._in_memory else tempfile.TemporaryDirectory(prefix=f"sparsereg-{label}-")
        made: list[Reduced | str] = []
        for position, shard in enumerate(self._read()):
            result = function(shard, *arguments)
            if folder is not None:
                path = Path(folder.name) / f"shard-{position}.npz"
                result.save(path)
                made.append(str(path))
            else:
                made.append(result)
            del shard, result
        pool = LocalPool(made, in_memory=self._in_memory)
        pool.traffic, pool._folder = self.traffic, folder
        return pool

    def gather(
        self, function: Callable[..., Any], combine: Callable[[list[Any]], Any], *arguments: Any,
        finish: tuple[Any, ...] | None = None, label: str,
    ) -> Any:
        """Combine `function(shard, *arguments)` of all shards up a tree; see `Pool`."""
        self.traffic.begin((*arguments, *(finish or ())[1:]), self.n_shards)
        result = combine_all(combine, (function(shard, *arguments) for shard in self._read()))
        result = result if finish is None else finish[0](result, *finish[1:])
        self.traffic.bytes_received += bytes_of(result)
        return result

    def release(self) -> None:
        """Delete what `apply` made."""
        if self._folder is not None:
            self._folder.cleanup()


def combine_all(combine: Callable[[list[Any]], Any], results: Iterable[Any]) -> Any:
    """Combine results up a tree as they come; a few of each level are held at once.

    Parameters
    ----------
    combine : callable
        Takes a list of at most `FAN` results, in order.
    results : iterable
        At least one.

    Returns
    -------
    result
    """
    levels: list[list[Any]] = [[]]
    for result in results:
        _push(combine, levels, 0, result)
    for depth in range(len(levels)):
        group = levels[depth]
        if depth + 1 == len(levels) and len(group) == 1:
            return group[0]
        if group:
            _push(combine, levels, depth + 1, combine(group))
    return levels[-1][0]


def _push(combine: Callable[[list[Any]], Any], levels: list[list[Any]], depth: int, result: Any) -> None:
    if depth == len(levels):
        levels.append([])
    levels[depth].append(result)
    if len(levels[depth]) == FAN:
        group, levels[depth] = levels[depth], []
        _push(combine, levels, depth + 1, combine(group))


def is_large(value: Any) -> bool:
    """Say whether an array, or a dataclass of some, is sent once, to be taken from there, and not with every task.

    Parameters
    ----------
    value : object

    Returns
    -------
    large : bool
    """
    return (isinstance(value, np.ndarray) or is_dataclass(value)) and bytes_of(value) >= LARGE


def bytes_of(value: Any) -> int:
    """Count the bytes of the arrays in a value, and 8 for every number.

    Parameters
    ----------
    value : object
        Arrays, reductions, numbers, and sequences and dataclasses of them.

    Returns
    -------
    n_bytes : int
    """
    if isinstance(value, (np.ndarray, Reduced)):
        return int(value.nbytes)
    if isinstance(value, (tuple, list)):
        return sum(bytes_of(part) for part in value)
    if is_dataclass(value):
        return sum(bytes_of(getattr(value, part.name)) for part in fields(value))
    return 8
