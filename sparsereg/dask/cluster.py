"""Task submission: futures on a Dask cluster, combined up trees, awaited in bounded time, cancelled on failure."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from sparsereg.inputs.parameters import check_number

# Seconds between looks at the workers while nothing is finished.
SLICE = 0.5
# How many results are combined at once: less is merged twice than with fewer, and less moves.
FAN = 8
# Tasks that free memory go before those that fill it.
MERGE_PRIORITY = 10


class ClusterError(RuntimeError):
    """A cluster could not do what was asked for: it has no workers, is gone, lost data, or its workers died."""


def import_distributed() -> Any:
    """Import Dask's scheduler.

    Returns
    -------
    module : distributed

    Raises
    ------
    ImportError
        Without it, saying how to get it.
    """
    try:
        import distributed
    except ImportError as error:
        raise ImportError("sparsereg.dask needs Dask: pip install 'sparsereg-wide[dask]'") from error
    return distributed


class Cluster:
    """Pure functions submitted to a Dask cluster; a context manager that leaves nothing running behind an error.

    Parameters
    ----------
    client : distributed.Client, optional
        None: the one that was made last, or that of the worker where this runs in a task.
    timeout : float, default=300.0
        Seconds in which no worker was running, none that was had anything to do, or the scheduler could not be reached,
        after which waiting is given up. As long as workers work, tasks may take any time.

    Raises
    ------
    ImportError
        Without Dask.
    ClusterError
        Without a client, or with one that is closed.
    TypeError, ValueError
        For a client that is none or is asynchronous, and a timeout that is not positive.

    Notes
    -----
    Keys read well on the dashboard: ``sparsereg-<label>``, in one group for each call of `map`. Tasks are pure
    functions of their arguments, so that Dask computes again what is lost with a worker. A task that runs cannot be
    interrupted: after an error or Ctrl-C it runs to its end, and its result is dropped.
    """

    def __init__(self, client: Any = None, timeout: float = 300.0) -> None:
        self.timeout = check_number(timeout, "timeout", "(0, inf)")
        self._distributed = import_distributed()
        self.client = self._check(self._found() if client is None else client)
        self._futures: WeakSet[Any] = WeakSet()
        self._names: dict[Any, str] = {}
        self._has_left_pool = False

    def _found(self) -> Any:
        try:
            return self._distributed.get_client()
        except ValueError as error:
            raise ClusterError(
                "client: there is none; make one first, such as distributed.Client() for the cores of this machine, or "
                "Client(address) for a scheduler, or give client="
            ) from error

    def _check(self, client: Any) -> Any:
        if not isinstance(client, self._distributed.Client):
            raise TypeError(f"client: {type(client).__name__} is not allowed, expected a distributed.Client")
        if client.asynchronous:
            raise ValueError("client: an asynchronous client is not allowed, expected Client(asynchronous=False)")
        if client.status in ("closed", "closing"):
            raise ClusterError("client: it is closed, expected one that is connected")
        return client

    def __enter__(self) -> Cluster:
        """Give the slot of the task that this runs in, if any, to the tasks that it is going to wait for."""
        from distributed.threadpoolexecutor import thread_state

        # False where the task has left before, as in `distributed.worker_client`.
        if getattr(thread_state, "proceed", False):
            self._distributed.secede()
            self._has_left_pool = True
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        """Cancel on an error or Ctrl-C what is not finished; results of the caller stay where all went well."""
        if kind is not None:
            self.cancel()
        if self._has_left_pool:
            self._distributed.rejoin()
            self._has_left_pool = False

    def submit(
        self, function: Callable[..., Any], *arguments: Any, label: str, name: str | None = None, priority: int = 0
    ) -> Any:
        """Have a pure function called on a worker.

        Parameters
        ----------
        function : callable
            Of a module that workers can import.
        *arguments
            Futures, also in lists, stand for their results. Large ones are scattered first, see `scatter`.
        label : str
            One or more words of letters with ``-`` in between, that the dashboard shows.
        name : str, optional
            What messages say the task works on, such as "part 3 (part-003.parquet)".
        priority : int, default=0
            The larger goes first.

        Returns
        -------
        future : distributed.Future
        """
        key = f"sparsereg-{label}-{_token()}"
        future = self.client.submit(function, *arguments, key=key, priority=priority)
        self._names[key] = label if name is None else f"{label} of {name}"
        self._futures.add(future)
        return future

    def map(
        self, function: Callable[..., Any], *iterables: Iterable[Any], label: str, names: Sequence[str] | None = None,
        priority: int = 0,
    ) -> list[Any]:
        """Have a pure function called on workers for each position of some iterables; see `submit`.

        Parameters
        ----------
        function : callable
        *iterables
            Of the arguments, all of one length; at least one.
        label : str
        names : sequence of str, optional
            Of what the tasks work on; None: "part 0", "part 1", ...
        priority : int, default=0

        Returns
        -------
        futures : list of distributed.Future
        """
        rows = list(zip(*map(list, iterables), strict=True))
        names = [f"part {k}" for k in range(len(rows))] if names is None else names
        group = f"sparsereg-{label}-{_token()}"
        keys = [(group, k) for k in range(len(rows))]
        futures = self.client.map(function, *zip(*rows), key=keys, priority=priority) if rows else []
        self._names.update((key, f"{label} of {name}") for key, name in zip(keys, names, strict=True))
        self._futures.update(futures)
        return futures

    def compute(
        self, function: Callable[..., Any], *iterables: Iterable[Any], label: str, names: Sequence[str] | None = None
    ) -> list[Any]:
        """Have a pure function called for each position of some iterables, of which some hold delayed values.

        What a delayed value is made of is done in the same worker and dropped at once.

        Parameters
        ----------
        function : callable
        *iterables
            Of the arguments, all of one length; at least one. Delayed values and futures stand for their results.
        label : str
        names : sequence of str, optional
            As for `map`.

        Returns
        -------
        futures : list of distributed.Future
        """
        from dask import delayed

        rows = list(zip(*map(list, iterables), strict=True))
        names = [f"part {k}" for k in range(len(rows))] if names is None else names
        call, group = delayed(function, pure=False), f"sparsereg-{label}-{_token()}"
        keys = [(group, k) for k in range(len(rows))]
        futures = self.client.compute([call(*row, dask_key_name=key) for key, row in zip(keys, rows)])
        self._names.update((key, f"{label} of {name}") for key, name in zip(keys, names, strict=True))
        self._futures.update(futures)
        return futures

    def scatter(self, value: Any) -> Any:
        """Send a value to a worker once, from where others fetch it.

        Parameters
        ----------
        value : object
            That can be pickled. It is kept in the scheduler too, so that it is not lost with a worker.

        Returns
        -------
        future : distributed.Future
        """
        import dask

        # The warning is about graphs that repeat large data; this is the one place where they are.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TiB"}):
            return self.submit(_given, value, label="share", name=type(value).__name__)

    def tree(self, combine: Callable[[list[Any]], Any], futures: Sequence[Any], *, label: str, fan: int = FAN) -> Any:
        """Combine results up a tree whose shape depends on their number alone, so that rounding is always the same.

        Parameters
        ----------
        combine : callable
            Takes a list of results in order and returns one of the same kind.
        futures : sequence of distributed.Future
            At least one. Workers drop each as soon as it is combined, unless the caller keeps the future.
        label : str
        fan : int, default=8
            How many are combined at once. More of them is less work in all, and more memory.

        Returns
        -------
        future : distributed.Future
        """
        level, depth = list(futures), 0
        while len(level) > 1:
            groups = [level[k : k + fan] for k in range(0, len(level), fan)]
            depth += 1
            names = [f"{len(group)} at level {depth}, from {k * fan}" for k, group in enumerate(groups)]
            level = self.map(combine, groups, label=label, names=names, priority=MERGE_PRIORITY)
        return level[0]

    def result(self, future: Any) -> Any:
        """Wait for a result and fetch it; see `results`."""
        return self.results([future])[0]

    def results(self, futures: Sequence[Any]) -> list[Any]:
        """Wait for results and fetch them.

        Parameters
        ----------
        futures : sequence of distributed.Future

        Returns
        -------
        results : list

        Raises
        ------
        Exception
            That of the first task that failed, at once.
        ClusterError
            Where workers died again and again in a task (usually for want of memory), where none was at work or the
            scheduler was out of reach for `timeout` seconds, and where the client is closed or futures were cancelled.
            It says what was finished.
        """
        self.wait(futures)
        return [self._fetch(future) for future in futures]

    def wait(self, futures: Sequence[Any]) -> None:
        """Wait until all are finished; see `results`, which raises the same."""
        for _ in self._finished(futures):
            pass

    def as_completed(self, futures: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Fetch results as they come; see `results`, which raises the same.

        Parameters
        ----------
        futures : sequence of distributed.Future

        Yields
        ------
        position : int
            Of the future, from 0.
        result : object
        """
        for position in self._finished(futures):
            yield position, self._fetch(futures[position])

    def _finished(self, futures: Sequence[Any]) -> Iterator[int]:
        """Yield positions of futures as they are finished."""
        from concurrent.futures import CancelledError

        pending, watch = dict(enumerate(futures)), _Watch(self, futures)
        while pending:
            try:
                with self.client.as_current():
                    self._distributed.wait(list(pending.values()), timeout=SLICE, return_when="FIRST_COMPLETED")
            except (TimeoutError, CancelledError, RuntimeError) as error:
                # A client that was closed meanwhile has no loop; what was cancelled shows below.
                _forget_frames(error)
                watch.look()
            for future in pending.values():
                self._check_future(future, watch)
            done = [position for position, future in pending.items() if future.status != "pending"]
            if done:
                watch.rest(len(done))
            for position in done:
                del pending[position]
                yield position

    def _fetch(self, future: Any) -> Any:
        watch = _Watch(self, [future])
        while True:
            try:
                return future.result(timeout=self.timeout)
            except TimeoutError as error:
                _forget_frames(error)
                self._check_future(future, watch)
                watch.look()

    def _check_future(self, future: Any, watch: _Watch) -> None:
        """Raise where a task failed or was cancelled."""
        if future.status == "error":
            error = future.exception(timeout=self.timeout)
            if isinstance(error, self._distributed.KilledWorker):
                raise ClusterError(self._describe_killed(error, future)) from error
            if hasattr(error, "add_note"):
                # What delayed values of somebody else raise does not say what it was raised for.
                error.add_note(f"This was raised for: {self.name_of(future.key)}")
            future.result(timeout=self.timeout)
        if future.status in ("cancelled", "lost"):
            raise ClusterError(
                f"{self.name_of(future.key)}: {future.status}, because the client was closed or restarted, or what it "
                f"depends on was lost or cancelled; {watch.finished()}"
            )

    def _describe_killed(self, error: Any, future: Any) -> str:
        name = self._names.get(error.task) or self.name_of(future.key)
        return (
            f"{name}: {error.allowed_failures + 1} workers died that had it to do, the last one "
            f"{error.last_worker.address}; mostly that is for want of memory: give workers more of it, or make parts "
            "smaller"
        )

    def name_of(self, key: Any) -> str:
        """Return what messages call a task."""
        return self._names.get(key, str(key))

    def workers(self) -> dict[str, int | None]:
        """List the workers that run.

        Returns
        -------
        memory : dict of int or None
            By address the bytes that the worker may take; None: no limit is known.
        """
        known = self.client.scheduler_info()["workers"]
        return {
            address: worker.get("memory_limit") or None
            for address, worker in known.items()
            if worker.get("status", "running") == "running"
        }

    def cancel(self) -> None:
        """Cancel what is not finished and let go of all results; nothing where the client is gone."""
        futures = list(self._futures)
        self._futures.clear()
        if self.client.status == "running":
            # Not by `Client.cancel`: it takes the tasks between ours along, such as the sums of a tree, which nobody
            # wants for themselves; the scheduler of 2026.8 fails on them, and drops the connection of the client.
            with suppress(RuntimeError, TimeoutError):
                self.client.sync(_let_go, futures, callback_timeout=self.timeout)


class _Watch:
    """Looks whether there is anybody to wait for."""

    def __init__(self, cluster: Cluster, futures: Sequence[Any]) -> None:
        self._cluster, self._futures = cluster, futures
        self._silent_since: float | None = None
        self._n_finished = 0

    def rest(self, n_finished: int = 0) -> None:
        """Note that somebody is at work, and what was finished."""
        self._silent_since = None
        self._n_finished += n_finished

    def finished(self) -> str:
        """Say what is finished; of a client that was closed futures do not know it."""
        if len(self._futures) == 1:
            return f"{self._cluster.name_of(self._futures[0].key)} was not finished"
        done = max(self._n_finished, sum(future.status == "finished" for future in self._futures))
        return f"{done} of {len(self._futures)} tasks were finished"

    def look(self) -> None:
        """Raise where the client is closed, or where nobody was running for too long."""
        client, timeout = self._cluster.client, self._cluster.timeout
        if client.status in ("closed", "closing"):
            raise ClusterError(f"client: it was closed while waiting; {self.finished()}")
        who = self._who_is_missing(client)
        if who is None:
            self.rest()
            return
        now = time.monotonic()
        self._silent_since = now if self._silent_since is None else self._silent_since
        if now - self._silent_since >= timeout:
            raise ClusterError(f"{who} for {timeout:g} seconds (timeout=); {self.finished()}")

    def _who_is_missing(self, client: Any) -> str | None:
        try:
            patience = max(self._cluster.timeout / 2, SLICE)
            running = client.sync(client.scheduler.ncores_running, callback_timeout=patience)
            tasks = client.sync(client.scheduler.processing, workers=None, callback_timeout=patience)
        except (OSError, TimeoutError, AttributeError, RuntimeError):
            # RuntimeError: its loop is closed; AttributeError: it has no scheduler any more.
            time.sleep(SLICE / 10)
            return "the scheduler could not be reached"
        if not running:
            return "no worker was running (none there, or all paused for want of memory)"
        if any(tasks.get(address) for address in running):
            return None
        # Dask does not take tasks from workers that are paused.
        return "no worker that was running had anything to do (those that had are paused for want of memory)"


class _Unwanted(Exception):
    """A task has been cancelled while it ran."""


def make_check() -> Callable[[Any], None]:
    """Make what ends the task that this runs in, which nothing else can interrupt, once that has been cancelled.

    Returns
    -------
    check : callable
        Takes anything, such as the `Progress` of a solver; raises where nobody waits for the task any more. Outside of
        a task it does nothing.
    """
    try:
        worker = import_distributed().get_worker()
        key = worker.get_current_task()
    except ValueError:
        return lambda _: None

    def check(_: Any) -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":
            raise _Unwanted(f"{key}: cancelled")

    return check


def _token() -> str:
    # Digits first: words of letters alone would be part of the name that the dashboard shows.
    return f"0{uuid.uuid4().hex}"


def _forget_frames(error: BaseException) -> None:
    """Break the cycle of an error and the frame that keeps it, which holds futures, and their results, for long."""
    error.__traceback__ = None


async def _let_go(futures: Sequence[Any]) -> None:
    for future in futures:
        future.release()
    # What they have asked the loop to do comes before this goes on.
    await asyncio.sleep(0)


def _given(value: Any) -> Any:
    return value
