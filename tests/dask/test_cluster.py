"""Submission: keys, trees, waiting in bounded time, failures."""

import builtins
import gc
import logging
import re
import threading
import time
import weakref
from types import SimpleNamespace

import pytest
from support.checkout import PACKAGE

from sparsereg.dask import DaskLasso
from sparsereg.dask.cluster import SLICE, Cluster, ClusterError, _Watch


def double(x):
    return 2 * x


def joined(texts):
    return "(" + "".join(texts) + ")"


def fail(x):
    if x == 3:
        raise ValueError("three is one too many")
    time.sleep(0.05)
    return x


def killed(x):
    from distributed import KilledWorker

    raise KilledWorker(f"lost-{x}", SimpleNamespace(address="tcp://there:1"), 3)


def slow(x):
    time.sleep(0.2)
    return x


def test_a_tree_has_a_shape_that_depends_on_the_number_of_leaves_alone(client):
    with Cluster(client) as cluster:
        leaves = cluster.map(str, range(10), label="leaf")
        assert cluster.result(cluster.tree(joined, leaves, label="join")) == "((01234567)(89))"
        assert cluster.result(cluster.tree(joined, leaves[:1], label="join")) == "0"
        assert cluster.results(cluster.map(double, [1, 2], label="double")) == [2, 4]


def test_keys_read_well_on_the_dashboard(client):
    from dask.utils import key_split

    with Cluster(client) as cluster:
        several = cluster.map(double, range(3), label="reduce")
        one = cluster.submit(double, 4, label="merge-all")
        assert {key_split(future.key) for future in several} == {"sparsereg-reduce"}
        assert key_split(one.key) == "sparsereg-merge-all"
        assert len({future.key[0] for future in several}) == 1
        assert cluster.name_of(several[2].key) == "reduce of part 2"


def test_a_large_value_is_sent_once_and_without_a_warning(client):
    with Cluster(client) as cluster:
        shared = cluster.scatter(b"x" * 12_000_000)
        assert cluster.results(cluster.map(len, [shared, shared], label="length")) == [12_000_000] * 2


def test_the_first_failure_is_raised_at_once_and_the_rest_cancelled(client):
    before = time.monotonic()
    with pytest.raises(ValueError, match="three is one too many"), Cluster(client) as cluster:
        futures = cluster.map(fail, [3, *range(4, 400)], label="fail")
        cluster.results(futures)
    assert time.monotonic() - before < 5.0
    assert all(future.status in ("cancelled", "error", "finished") for future in futures)
    with Cluster(client) as cluster:
        assert cluster.result(cluster.submit(double, 1, label="double")) == 2


def two_doubled(x):
    with Cluster() as cluster:
        return sum(cluster.results(cluster.map(double, [x, x + 1], label="nested")))


def test_tasks_may_wait_for_tasks_of_their_own(client):
    # As many as there are threads: each gives its own to what it waits for.
    futures = client.map(two_doubled, range(6), pure=False)
    assert [future.result(timeout=20) for future in futures] == [4 * x + 2 for x in range(6)]


def test_an_interrupt_cancels_what_is_not_finished(client):
    with pytest.raises(KeyboardInterrupt), Cluster(client) as cluster:
        futures = cluster.map(slow, range(20), label="slow")
        raise KeyboardInterrupt
    assert not any(future.status == "pending" for future in futures)


def test_what_was_waited_for_is_let_go_without_a_collection_of_garbage(client):
    gc.collect()
    gc.disable()
    try:
        with Cluster(client) as cluster:
            future = cluster.submit(time.sleep, 1.2 * SLICE, label="sleep")
            cluster.wait([future])
        held = weakref.ref(future)
        del future, cluster
        assert held() is None
    finally:
        gc.enable()


def test_cancelling_what_a_tree_is_made_of_leaves_the_client_alone(client):
    with pytest.raises(KeyboardInterrupt), Cluster(client) as cluster:
        futures = cluster.map(slow, range(9), label="slow")
        root = cluster.tree(sum, futures, label="sum")
        raise KeyboardInterrupt
    assert not any(future.status == "pending" for future in [*futures, root])
    with Cluster(client) as cluster:
        assert cluster.result(cluster.submit(double, 1, label="double")) == 2


def test_a_task_that_kills_workers_is_named(client):
    message = r"reduce of b\.csv: 4 workers died that had it to do, the last one tcp://there:1; mostly"
    with pytest.raises(ClusterError, match=message), Cluster(client) as cluster:
        cluster.results(cluster.map(killed, [1], label="reduce", names=["b.csv"]))


def test_what_was_finished_is_known_after_the_client_is_closed(client):
    from distributed import Client

    with Client(client.scheduler.address, set_as_default=False) as other:
        cluster = Cluster(other)
        futures = [*cluster.map(double, range(2), label="double"), cluster.submit(time.sleep, 9.0, label="sleep")]
        with pytest.raises(ClusterError, match="2 of 3 tasks were finished"):
            for position, _ in cluster.as_completed(futures):
                if position == 1:
                    threading.Timer(0.1, other.close).start()


def test_what_others_cancel_is_said(client):
    message = r"slow of part 0: cancelled, because .*; [012] of 9 tasks were finished"
    with pytest.raises(ClusterError, match=message), Cluster(client) as cluster:
        futures = cluster.map(slow, range(9), label="slow")
        client.cancel(futures)
        cluster.results(futures)


def test_waiting_ends_where_there_is_no_worker_and_where_the_client_is_gone():
    from distributed import Client, LocalCluster

    nobody = {"n_workers": 0, "processes": False, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**nobody, silence_logs=logging.CRITICAL) as empty, Client(empty, set_as_default=False) as other:
        cluster, before = Cluster(other, timeout=0.6), time.monotonic()
        futures = cluster.map(double, range(3), label="double")
        with pytest.raises(ClusterError, match=r"no worker was running .* for 0\.6 seconds .*; 0 of 3 tasks were"):
            cluster.results(futures)
        assert time.monotonic() - before < 5.0
        threading.Timer(0.1, other.close).start()
        with pytest.raises(ClusterError, match="it was closed while waiting; double of part 2 was not finished"):
            cluster.results(futures[2:])
        cluster.cancel()
        with pytest.raises(ClusterError, match="client: it is closed, expected one that is connected"):
            Cluster(other)


def test_waiting_ends_where_all_that_is_to_be_done_is_with_workers_that_are_paused():
    running, tasks = {"there": 1}, {"there": [], "paused": ["a task"]}
    client = SimpleNamespace(
        status="running", scheduler=SimpleNamespace(ncores_running=running, processing=tasks),
        sync=lambda answer, **arguments: answer,
    )
    future = SimpleNamespace(status="pending", key="a task")
    watch = _Watch(SimpleNamespace(client=client, timeout=0.01, name_of=str), [future, future])
    watch.look()
    time.sleep(0.02)
    with pytest.raises(ClusterError, match=r"no worker that was running had anything to do .*; 0 of 2 tasks were"):
        watch.look()
    tasks["there"].append("another")
    watch.look()


def test_waiting_ends_where_the_scheduler_is_gone():
    from distributed import Client, LocalCluster

    nobody = {"n_workers": 0, "processes": False, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**nobody, silence_logs=logging.CRITICAL) as empty, Client(empty, set_as_default=False) as other:
        cluster, before = Cluster(other, timeout=0.6), time.monotonic()
        futures = cluster.map(double, range(3), label="double")
        empty.close()
        with pytest.raises(ClusterError, match="0 of 3 tasks were finished"):
            cluster.results(futures)
        assert time.monotonic() - before < 10.0
        cluster.cancel()


def test_clients_that_will_not_do_are_refused(client):
    with pytest.raises(TypeError, match=r"client: str is not allowed, expected a distributed\.Client"):
        Cluster("tcp://127.0.0.1:8786")
    with pytest.raises(ValueError, match="timeout: 0 is outside"):
        Cluster(client, timeout=0)
    assert Cluster().client is client


def test_nothing_of_dask_is_imported_before_it_is_used(monkeypatch):
    modules = [path.read_text("utf-8") for path in (PACKAGE / "dask").glob("*.py")]
    named = {name for text in modules for name in re.findall(r"^(?:import|from) (\w+)", text, flags=re.MULTILINE)}
    assert "sparsereg" in named
    assert not named & {"dask", "distributed", "pandas", "pyarrow"}
    known = builtins.__import__

    def without_dask(name, *arguments, **settings):
        # The cluster goes on in its threads.
        if name == "distributed" and threading.current_thread() is threading.main_thread():
            raise ImportError(name)
        return known(name, *arguments, **settings)

    monkeypatch.setattr(builtins, "__import__", without_dask)
    with pytest.raises(ImportError, match=r"sparsereg.dask needs Dask: pip install 'sparsereg-wide\[dask\]'"):
        DaskLasso(features=["x"]).fit(["a.csv"], "y")
