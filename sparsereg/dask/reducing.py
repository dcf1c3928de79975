"""Tree reduction: parts merged up a tree of workers, and a fit to the whole on the worker that has it."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sparsereg.dask.cluster import Cluster, ClusterError
from sparsereg.dask.inputs import Parts
from sparsereg.dask.parts import Part, PartFacts, combine_parts, facts_of
from sparsereg.dask.report import DaskReduction
from sparsereg.reduction.reduced import Reduced

# Bytes of a solve, and of the last merge before it, for each byte of the reductions of the parts: their copies in order
# of columns and of rows, the numbering of rows, and vectors as long as either.
SOLVE_FACTOR = 6
# Warnings of a process are recorded by one thread at a time.
_RECORDING = threading.Lock()


@dataclass(frozen=True, eq=False)
class Reduction:
    """Parts on their way to one reduction.

    Attributes
    ----------
    parts : list of distributed.Future
        Of `Part`.
    facts : list of distributed.Future
        Of `PartFacts`, one for each of them.
    """

    parts: list[Any]
    facts: list[Any]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What was made of the whole, and what it took.

    Attributes
    ----------
    value : object
    reduction : DaskReduction
    """

    value: Any
    reduction: DaskReduction


def begin(cluster: Cluster, data: Parts, loss: str, **folds: Any) -> Reduction:
    """Have all parts reduced, and counted.

    Parameters
    ----------
    cluster : Cluster
    data : Parts
    loss : str
    **folds
        `n_folds` and `random_state` of `Parts.reduce`.

    Returns
    -------
    reduction : Reduction
    """
    parts = data.reduce(cluster, loss, **folds)
    return Reduction(parts, cluster.map(facts_of, parts, label="count", names=data.names, priority=1))


def merged(cluster: Cluster, reduction: Reduction) -> Any:
    """Merge parts up a tree; each is dropped when it is merged.

    Parameters
    ----------
    cluster : Cluster
    reduction : Reduction
        Its `parts` are empty afterwards.

    Returns
    -------
    future : distributed.Future
        Of `Part`.
    """
    future = cluster.tree(combine_parts, reduction.parts, label="merge")
    reduction.parts.clear()
    return future


def counted(cluster: Cluster, reduction: Reduction, verbose: int) -> list[PartFacts]:
    """Wait until all parts are reduced.

    Parameters
    ----------
    cluster : Cluster
    reduction : Reduction
    verbose : int
        1 prints a line.

    Returns
    -------
    facts : list of PartFacts

    Raises
    ------
    ValueError
        Where no part has a row.
    """
    facts: list[PartFacts] = cluster.results(reduction.facts)
    if not any(fact.n_samples for fact in facts):
        raise ValueError(f"X: no rows in {len(facts)} parts, expected at least one")
    if verbose:
        n_samples, n_rows = (sum(getattr(fact, name) for fact in facts) for name in ("n_samples", "n_rows"))
        size = sum(fact.nbytes for fact in facts) / 1e6
        print(f"reduced: {len(facts)} parts, {n_samples:,} samples -> {n_rows:,} rows, {size:,.1f} MB")
    return facts


def fits_a_worker(cluster: Cluster, facts: Sequence[PartFacts]) -> bool:
    """Say whether the whole and a solve of it take half the memory of the smallest worker at most.

    Parameters
    ----------
    cluster : Cluster
    facts : sequence of PartFacts
        The whole is taken to be as large as its parts together: it is smaller where they have rows in common.

    Returns
    -------
    fits : bool
    """
    limits = [limit for limit in cluster.workers().values() if limit]
    return not limits or SOLVE_FACTOR * sum(fact.nbytes for fact in facts) <= min(limits) / 2


def solve(cluster: Cluster, reduction: Reduction, job: Callable[[Reduced], Any], verbose: int = 0) -> Outcome:
    """Merge parts, and do something with the whole on the worker that has it.

    Parameters
    ----------
    cluster : Cluster
    reduction : Reduction
        Its `parts` are empty afterwards.
    job : callable
        Of the whole; pure, can be pickled, and returns something small.
    verbose : int, default=0
        1 prints a line for each phase.

    Returns
    -------
    outcome : Outcome

    Warns
    -----
    As the job does.
    """
    shared = cluster.scatter(job)
    solved = cluster.submit(_solve, merged(cluster, reduction), shared, label="solve", name="the merged reduction")
    counted(cluster, reduction, verbose)
    try:
        value, found, caught = cluster.result(solved)
    except ClusterError as error:
        raise ClusterError(f"{error}; all {len(reduction.facts)} parts were reduced") from error
    if verbose:
        print(f"merged and fitted: {found.n_rows:,} rows, {found.nbytes / 1e6:,.1f} MB")
    for message, category in caught:
        warnings.warn(message, category, stacklevel=4)
    return Outcome(value, found)


def report_of(part: Part) -> DaskReduction:
    """Say what a merged reduction was made of.

    Parameters
    ----------
    part : Part

    Returns
    -------
    report : DaskReduction

    Raises
    ------
    ValueError
        Where there is no row.
    """
    reduced = part.reduced
    if reduced is None:
        raise ValueError(f"X: no rows in {part.n_parts} parts, expected at least one")
    return DaskReduction(
        "reduce", part.n_parts, reduced.n_samples, reduced.n_rows, reduced.n_features,
        int(reduced.entries.rows.active.size), part.n_bytes, reduced.nbytes, part.bytes_moved,
    )


def recorded(job: Callable[[], Any]) -> tuple[Any, list[tuple[str, type[Warning]]]]:
    """Do something on a worker, where nobody sees warnings.

    Parameters
    ----------
    job : callable

    Returns
    -------
    value : object
    caught : list of tuple of str and type
        Messages and categories.
    """
    with _RECORDING, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = job()
    return value, [(str(each.message), each.category) for each in caught]


def _solve(part: Part, job: Callable[[Reduced], Any]) -> tuple[Any, DaskReduction, list[tuple[str, type[Warning]]]]:
    found = report_of(part)
    value, caught = recorded(partial(job, part.reduced))
    return value, found, caught
