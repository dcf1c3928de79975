"""Pools on a cluster: the results of one in this process to the last bit, bytes and passes counted, nothing left."""

import numpy as np
import pytest
from support.reductions import equal_rows, parts_of, target

from sparsereg import Reduced
from sparsereg.dask.cluster import Cluster
from sparsereg.dask.pool import DaskPool
from sparsereg.shards import LocalPool, staying_path
from sparsereg.shards.passes import Point, restrict


def shards():
    X, effect, _ = equal_rows(300)
    return parts_of(X, target("squared", effect), None, (30, 90, 120, 200, 260), loss="squared")


def pool_of(cluster, parts):
    return DaskPool(cluster, [cluster.scatter(part) for part in parts], [f"part {k}" for k in range(len(parts))])


def test_the_path_is_that_of_shards_in_this_process_to_the_last_bit(client):
    local = LocalPool(shards())
    expected = staying_path(local, n_alphas=3, eps=0.1)
    with Cluster(client) as cluster:
        pool = pool_of(cluster, shards())
        found = staying_path(pool, n_alphas=3, eps=0.1)
        pool.release()
    np.testing.assert_array_equal(found.objectives, expected.objectives)
    np.testing.assert_array_equal(found.sparse_coef.values.data, expected.sparse_coef.values.data)
    assert pool.traffic.bytes_moved > 0
    for name in ("passes", "bytes_received", "bytes_sent"):
        assert getattr(pool.traffic, name) == getattr(local.traffic, name), name


def test_large_arrays_are_sent_once(client):
    ids = np.arange(9000)
    with Cluster(client) as cluster:
        pool = pool_of(cluster, shards())
        fewer = pool.apply(restrict, ids, label="few")
        for _ in range(2):
            merged = fewer.gather(restrict, Reduced.merge_all, ids, finish=(restrict, ids), label="fewer")
        assert len(fewer._placed) == 1
        assert fewer.traffic.bytes_sent == ids.nbytes
        assert merged.n_samples == 300
        fewer.release()


def places(shard, point):
    return point.ids.size


def test_what_the_caller_lets_go_of_is_not_kept(client):
    with Cluster(client) as cluster:
        pool = pool_of(cluster, shards())
        for n_sent in (1, 2, 3):
            point = Point(np.arange(6000), np.zeros(6000), 0.0, np.ones(1))
            assert pool.gather(places, sum, point, label="places") == 6 * 6000
            assert len(pool._placed) == 1
            assert pool.traffic.bytes_sent == n_sent * (2 * 6000 + 2) * 8
        pool.release()


def broken(shard):
    raise ValueError(f"no {shard.n_samples}")


def test_errors_of_shards_come_to_the_caller(client):
    with pytest.raises(ValueError, match=r"no \d+"), Cluster(client) as cluster:
        pool_of(cluster, shards()).gather(broken, list, label="break")
    with Cluster(client) as cluster:
        pool = pool_of(cluster, shards())
        assert pool.gather(restrict, Reduced.merge_all, np.arange(3), label="again").n_samples == 300
        pool.release()
