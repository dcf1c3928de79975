"""A Dask cluster in this process, for all tests of a module, and rows in seven parts."""

import logging
import warnings

import pytest
from support.distributed_data import table, write_parts


@pytest.fixture(scope="module")
def client():
    """Two workers of one thread each, in this process, on loopback; gone before tests of other folders begin."""
    from distributed import Client, LocalCluster

    with warnings.catch_warnings():
        # Its own, of a port for the dashboard that is not wanted, and of sockets that it closes late.
        warnings.filterwarnings("ignore", category=UserWarning, module="distributed")
        warnings.filterwarnings("ignore", category=ResourceWarning)
        with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as connected,
        ):
            yield connected


@pytest.fixture(scope="session")
def frame():
    return table()


@pytest.fixture(scope="session")
def files(frame, tmp_path_factory):
    return write_parts(frame, tmp_path_factory.mktemp("parts"))


@pytest.fixture(autouse=True)
def nothing_left_behind(request):
    """Every test leaves the cluster without a task of ours: what failed was cancelled, what succeeded let go."""
    yield
    if "client" not in request.fixturenames:
        return
    client = request.getfixturevalue("client")
    import gc
    import time

    def ours(dask_scheduler):
        return [str(key) for key in dask_scheduler.tasks if "sparsereg" in str(key)]

    for attempt in range(100):
        if not (left := client.run_on_scheduler(ours)):
            return
        time.sleep(0.02)
        if attempt == 20:
            gc.collect()
    pytest.fail(f"left on the cluster: {left}")
