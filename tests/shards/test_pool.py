"""A pool in this process: in memory or from files, the same results, every byte and pass counted."""

import weakref
from pathlib import Path

import numpy as np
import pytest
from support.reductions import equal_rows, parts_of, target

from sparsereg import Reduced, regularization_path
from sparsereg.shards import LocalPool, staying_path
from sparsereg.shards.passes import restrict
from sparsereg.shards.pool import FAN, Traffic, bytes_of, combine_all


def shards():
    X, effect, _ = equal_rows(200)
    return parts_of(X, target("squared", effect), None, (30, 90, 120), loss="squared")


@pytest.mark.parametrize("n", [1, 2, 4, 5, 16, 17, 21])
def test_trees_combine_in_order_and_few_at_once(n):
    widths = []

    def combine(parts):
        widths.append(len(parts))
        return [each for part in parts for each in part]

    assert combine_all(combine, ([k] for k in range(n))) == list(range(n))
    assert not widths or max(widths) <= FAN


@pytest.mark.parametrize("n", [1, 3, 4, 5, 9, 16, 17, 21, 64, 70])
def test_trees_have_the_shape_of_those_on_a_cluster(n):
    level = [str(k) for k in range(n)]
    while len(level) > 1:
        level = ["(" + " ".join(level[k : k + FAN]) + ")" for k in range(0, len(level), FAN)]
    assert combine_all(lambda parts: "(" + " ".join(parts) + ")", map(str, range(n))) == level[0]


def test_saved_shards_give_the_same_path_and_leave_no_files(tmp_path, monkeypatch):
    parts, names = shards(), []
    for k, part in enumerate(parts):
        names.append(tmp_path / f"shard-{k}.npz")
        part.save(names[-1])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    saved = staying_path(LocalPool(names), n_alphas=4, eps=0.05)
    held = staying_path(LocalPool(parts), n_alphas=4, eps=0.05)
    np.testing.assert_array_equal(saved.objectives, held.objectives)
    assert sorted(path.name for path in Path(tmp_path).iterdir()) == [f"shard-{k}.npz" for k in range(4)]


def test_memory_holds_one_shard_of_those_on_disk(tmp_path):
    alive, most = weakref.WeakSet(), 0
    for k, part in enumerate(shards()):
        part.save(tmp_path / f"{k}.npz")

    def look(shard):
        nonlocal most
        alive.add(shard.entries)
        most = max(most, len(alive))
        return shard.n_samples

    pool = LocalPool([tmp_path / f"{k}.npz" for k in range(4)])
    assert pool.gather(look, sum, label="count") == 200
    fewer = pool.apply(lambda shard: look(shard) and shard, label="copy")
    fewer.release()
    # One that a loop still names, and the next.
    assert most <= 2


def test_slices_of_a_reduction_are_shards():
    """What is too large for a solve in memory is cut, and the path over the cuts is that of the whole."""
    whole = Reduced.merge_all(shards())
    slices = list(whole.slices(whole.nbytes // 5))
    assert len(slices) > 4
    path, local = (run(n_alphas=4, eps=0.05, tol=1e-9) for run in (
        lambda **one: staying_path(LocalPool(slices, in_memory=False), **one),
        lambda **one: regularization_path(whole, **one),
    ))
    np.testing.assert_allclose(path.objectives, local.objectives, rtol=1e-9)
    np.testing.assert_array_equal(path.df, local.df)
    assert path.dual_gaps.max() <= 1e-9
    assert (path.n_active, path.n_samples) == (local.n_active, local.n_samples)


def test_bytes_and_passes_are_counted():
    pool, ids = LocalPool(shards()), np.arange(9000)
    fewer = pool.apply(restrict, ids, label="few")
    assert fewer.traffic is pool.traffic
    assert (pool.traffic.passes, pool.traffic.bytes_sent, pool.traffic.bytes_received) == (1, ids.nbytes, 0)
    merged = fewer.gather(restrict, Reduced.merge_all, ids, finish=(restrict, np.arange(3)), label="fewer")
    assert pool.traffic.passes == 2
    assert pool.traffic.bytes_sent == ids.nbytes + 4 * 24
    assert pool.traffic.bytes_received == merged.nbytes
    assert (pool.n_shards, fewer.n_shards) == (4, 4)


def test_bytes_are_those_of_arrays_and_numbers():
    assert bytes_of((np.zeros(3), [1, 2.0], None)) == 24 + 3 * 8
    assert bytes_of(shards()[0]) == shards()[0].nbytes
    assert bytes_of(Traffic()) == 8 * 4


def test_pools_of_nothing_and_of_something_else_are_refused(tmp_path):
    with pytest.raises(ValueError, match="shards: there is none"):
        LocalPool([])
    with pytest.raises(TypeError, match=r"shard 1 \(the first is 0\) is a ndarray"):
        LocalPool([shards()[0], np.zeros(3)])
    with pytest.raises(FileNotFoundError):
        staying_path(LocalPool([tmp_path / "none.npz"]))
