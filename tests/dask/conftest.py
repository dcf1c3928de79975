"""A Dask cluster in this process, for all tests of a session."""

import logging

import pytest


@pytest.fixture(scope="session")
def client():
    """Two workers of one thread each, in this process, on loopback."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, silence_logs=logging.CRITICAL
        ) as cluster,
        Client(cluster) as connected,
    ):
        yield connected
