"""Phases of a fit: what is counted, what fits a worker, what is said where the last phase fails."""

import time
from types import SimpleNamespace

import dask
import numpy as np
import pytest

from sparsereg.dask.cluster import Cluster, ClusterError
from sparsereg.dask.inputs import as_parts
from sparsereg.dask.parts import PartFacts
from sparsereg.dask.reducing import SOLVE_FACTOR, begin, counted, fits_a_worker, merged, solve


def blocks(n_parts, n_rows=40):
    """Return delayed blocks of rows that all parts have."""
    X = np.arange(n_rows)[:, None] % 5 + 1.0
    return [dask.delayed((X, np.full(n_rows, float(k)))) for k in range(n_parts)]


def size_of(reduced):
    return reduced.n_samples, reduced.n_rows


def states_of(client, prefix):
    """Return the states of all tasks of a name."""
    return client.run_on_scheduler(
        lambda dask_scheduler: {task.state for key, task in dask_scheduler.tasks.items() if prefix in str(key)}
    )


def killer(reduced):
    from distributed import KilledWorker

    raise KilledWorker("sparsereg-solve-1", SimpleNamespace(address="tcp://there:1"), 3)


@pytest.mark.parametrize("n_parts", [1, 2, 5, 9])
def test_a_job_gets_all_rows_merged(client, n_parts):
    with Cluster(client) as cluster:
        outcome = solve(cluster, begin(cluster, as_parts(blocks(n_parts)), "squared"), size_of)
    assert outcome.value == (40 * n_parts, 5)
    took = outcome.reduction
    assert (took.where, took.n_parts, took.n_samples, took.n_rows) == ("reduce", n_parts, 40 * n_parts, 5)
    assert took.part_bytes == n_parts * took.nbytes
    # A part goes from one worker to another once on each level, at most.
    assert took.bytes_moved <= took.nbytes * (n_parts + n_parts // 4 + 1)


def test_parts_are_let_go_when_they_are_merged(client):
    with Cluster(client) as cluster:
        reduction = begin(cluster, as_parts(blocks(9)), "squared")
        whole = merged(cluster, reduction)
        assert reduction.parts == []
        assert cluster.result(whole).n_parts == 9
        counted(cluster, reduction, 0)
        for _ in range(100):
            # How they are made is kept, for as long as what was made of them could be lost.
            if states_of(client, "sparsereg-reduce") == {"released"}:
                break
            time.sleep(0.02)
        assert states_of(client, "sparsereg-reduce") == {"released"}
        assert states_of(client, "sparsereg-merge") == {"memory", "released"}


def test_what_fits_a_worker_depends_on_the_smallest():
    facts = [PartFacts("part 0", 9, 9, 100), PartFacts("part 1", 9, 9, 50)]
    need = 2 * SOLVE_FACTOR * 150
    for limits, fits in (((need, 2 * need), True), ((need - 1, 2 * need), False), ((None, None), True)):
        assert fits_a_worker(SimpleNamespace(workers=lambda limits=limits: dict(enumerate(limits))), facts) is fits


def test_what_was_finished_is_said_where_the_solve_kills_workers(client):
    message = r"the merged reduction: 4 workers died that had it to do.*; all 3 parts were reduced"
    with pytest.raises(ClusterError, match=message), Cluster(client) as cluster:
        solve(cluster, begin(cluster, as_parts(blocks(3)), "squared"), killer)


def test_no_rows_at_all_are_refused(client):
    nothing = [dask.delayed((np.empty((0, 2)), np.empty(0))) for _ in range(3)]
    with pytest.raises(ValueError, match="X: no rows in 3 parts, expected at least one"), Cluster(client) as cluster:
        solve(cluster, begin(cluster, as_parts(nothing), "squared"), size_of)
