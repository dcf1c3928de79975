"""Collectives over shards on a cluster: the same function for each of them, and all-reduces up a tree of workers."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sparsereg.dask.cluster import Cluster
from sparsereg.dask.parts import worker_address
from sparsereg.readers.blocks import located
from sparsereg.reduction.reduced import Reduced
from sparsereg.shards.pool import FAN, Traffic, bytes_of, is_large


@dataclass(frozen=True, eq=False)
class Carried:
    """A result on its way up a tree.

    Attributes
    ----------
    value : object
    address : str
        Of the worker that made it.
    moved : int
        Bytes that have come from other workers on the way.
    names : tuple of str
        Of the first and the last part that it was made of.
    """

    value: Any
    address: str
    moved: int
    names: tuple[str, str]

    def __sizeof__(self) -> int:
        """Tell Dask's scheduler what it costs to move this."""
        return object.__sizeof__(self) + bytes_of(self.value)


class DaskPool:
    """Shards on the workers of a cluster; see `sparsereg.shards.Pool`.

    Parameters
    ----------
    cluster : Cluster
    shards : list of distributed.Future
        Of `Reduced`.
    names : sequence of str
        Of the parts that the shards were made of, for messages.

    Attributes
    ----------
    traffic : Traffic

    Notes
    -----
    All tasks are pure functions of the shards, which are pure functions of the data: what is lost with a worker is
    computed again, by Dask. Shards are let go when others are made of them by `apply`.
    """

    def __init__(self, cluster: Cluster, shards: Sequence[Any], names: Sequence[str]):
        self._cluster, self._shards, self._names = cluster, list(shards), list(names)
        self._placed: list[tuple[weakref.ref[Any], Any]] = []
        self._n_shards = len(self._shards)
        self.traffic = Traffic()

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        return self._n_shards

    def _place(self, argument: Any) -> Any:
        """Send what is large once, and return what stands for it, as long as the caller keeps it."""
        if not is_large(argument):
            return argument
        self._placed[:] = [(known, future) for known, future in self._placed if known() is not None]
        for known, future in self._placed:
            if known() is argument:
                return future
        self._placed.append((weakref.ref(argument), self._cluster.scatter(argument)))
        return self._placed[-1][1]

    def _map(self, function: Callable[..., Any], arguments: Sequence[Any], label: str, *first: list[Any]) -> list[Any]:
        repeated = [[self._place(argument)] * self.n_shards for argument in arguments]
        return self._cluster.map(function, *first, self._shards, *repeated, label=f"stay-{label}", names=self._names)

    def apply(self, function: Callable[..., Reduced], *arguments: Any, label: str) -> DaskPool:
        """Make another pool of `function(shard, *arguments)`, and let go of the shards; see `Pool`."""
        self.traffic.begin(arguments, self.n_shards)
        pool = DaskPool(self._cluster, self._map(function, arguments, label), self._names)
        pool.traffic, pool._placed = self.traffic, self._placed
        self._shards.clear()
        return pool

    def gather(
        self, function: Callable[..., Any], combine: Callable[[list[Any]], Any], *arguments: Any,
        finish: tuple[Any, ...] | None = None, label: str,
    ) -> Any:
        """Combine `function(shard, *arguments)` of all shards up a tree; see `Pool`."""
        closing = () if finish is None else finish[1:]
        self.traffic.begin((*arguments, *closing), self.n_shards)
        calls = self._map(_called, arguments, label, self._names, [function] * self.n_shards)
        root = self._cluster.tree(partial(_combined, combine), calls, label=f"stay-{label}-sum", fan=FAN)
        if finish is not None:
            root = self._cluster.submit(
                _called_on, root, finish[0], *map(self._place, closing), label=f"stay-{label}-end"
            )
        carried = self._cluster.result(root)
        self.traffic.bytes_received += bytes_of(carried.value)
        self.traffic.bytes_moved += carried.moved
        return carried.value

    def release(self) -> None:
        """Let go of the shards, and of what was sent for them."""
        self._shards.clear()
        self._placed.clear()


def _called(name: str, function: Callable[..., Any], shard: Reduced, *arguments: Any) -> Carried:
    with located(name):
        value = function(shard, *arguments)
    return Carried(value, worker_address(), 0, (name, name))


def _called_on(carried: Carried, function: Callable[..., Any], *arguments: Any) -> Carried:
    address = worker_address()
    moved = carried.moved + (bytes_of(carried.value) if carried.address != address else 0)
    return Carried(function(carried.value, *arguments), address, moved, carried.names)


def _combined(combine: Callable[[list[Any]], Any], parts: list[Carried]) -> Carried:
    address = worker_address()
    moved = sum(part.moved + (bytes_of(part.value) if part.address != address else 0) for part in parts)
    names = parts[0].names[0], parts[-1].names[1]
    try:
        value = combine([part.value for part in parts])
    except (TypeError, ValueError) as error:
        # A combination says what is wrong behind its own numbers of what it was given.
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{names[0]} to {names[1]}: {error.__cause__ or error}") from error
    return Carried(value, address, moved, names)
