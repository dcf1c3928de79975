"""Working sets: columns that were missed are found, rows travel no more often than they must."""

import numpy as np
from support.reductions import equal_rows, parts_of, target

from sparsereg import Reduced, regularization_path
from sparsereg.shards import LocalPool, staying_path
from sparsereg.shards.working_sets import ShardPath


def parts(loss="logistic"):
    X, effect, _ = equal_rows(400)
    return parts_of(X, target(loss, effect), None, (90, 200), loss=loss)


def watch(monkeypatch):
    """Write down the working sets that rows travel for, and the gradients taken."""
    taken, looked = [], []
    take, look = ShardPath._take, ShardPath._look
    monkeypatch.setattr(ShardPath, "_take", lambda self, at, alpha: (taken.append(at), take(self, at, alpha))[1])
    monkeypatch.setattr(ShardPath, "_look", lambda self, at, floor: (looked.append(at), look(self, at, floor))[1])
    return taken, looked


def test_columns_that_were_missed_are_found(monkeypatch):
    """Where hardly any column is thought likely, gradients bring the others in, and the fit is the same."""
    monkeypatch.setattr("sparsereg.shards.working_sets.CAP", 3.0)
    monkeypatch.setattr("sparsereg.shards.working_sets.BESIDE_MISSING", 1.0)
    taken, looked = watch(monkeypatch)
    one = {"loss": "logistic", "alphas": [0.02, 0.005], "tol": 1e-9}
    path, local = staying_path(LocalPool(parts()), **one), regularization_path(Reduced.merge_all(parts()), **one)
    np.testing.assert_allclose(path.objectives, local.objectives, rtol=1e-9)
    assert path.dual_gaps.max() <= 1e-9
    assert len(looked) > 2
    # Within an alpha they only grow.
    assert set(taken[0]) < set(taken[1])


def test_rows_do_not_travel_where_the_working_set_will_do(monkeypatch):
    monkeypatch.setattr("sparsereg.shards.working_sets.AHEAD_SHARE", 1.0)
    taken, looked = watch(monkeypatch)
    path = staying_path(LocalPool(parts()), loss="logistic", n_alphas=8, eps=0.3)
    assert len(taken) < len(looked)
    assert len(looked) <= 2 * path.alphas.size


def test_small_steps_take_little_more_than_a_gradient_each(monkeypatch):
    pool = LocalPool(parts("squared"))
    _, looked = watch(monkeypatch)
    path = staying_path(pool, n_alphas=10, eps=0.8)
    assert len(looked) <= 1.5 * path.alphas.size
    assert pool.traffic.passes <= 3 + 2 * len(looked)
