"""A stream that is learned from by a process that is killed, and by the one that goes on from the last checkpoint.

Run as a script: `python killed_streams.py FOLDER`, in a process of its own, because it forks.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
from scipy import sparse

from sparsereg import archive
from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import PENALTIES
from sparsereg.inputs.rows import as_rows
from sparsereg.streaming import learner as learners
from sparsereg.streaming.batch import Batch, Sampling
from sparsereg.streaming.checkpoint import load_checkpoint, save_checkpoint
from sparsereg.streaming.learner import Learner
from sparsereg.streaming.optimizer import make_optimizer

N_ROWS, WIDTH = 1050, 2**40
BLOCK, EVERY = 70, 350
# Counters as for 16 million ids would make each of hundreds of checkpoints 16 MB large.
learners.COUNTERS = 1 << 12


def make_learner():
    penalty = PENALTIES["elastic_net"](1e-3, 0.7)
    settings = {"eta0": 0.3, "beta": 1.0, "total_weight": 0.0}
    optimizer = make_optimizer("ftrl", penalty, **settings)
    sampling = Sampling(dropout=0.2, seed=3, min_count=2, drop_stale=300)
    return Learner(LOSSES["logistic"](), penalty, optimizer, sampling=sampling)


def make_stream():
    rng = np.random.default_rng(0)
    ids = np.sort(rng.choice(300, size=(N_ROWS, 4)) * (WIDTH // 300), axis=1)
    X = sparse.csr_array((rng.normal(size=ids.size), ids.ravel(), 4 * np.arange(N_ROWS + 1)), shape=(N_ROWS, WIDTH))
    X.sum_duplicates()
    return X, (rng.random(N_ROWS) < 0.5).astype(np.float64)[:, None]


def learn(path, X, y):
    """Learn from what is left of the stream, with a checkpoint every so many rows."""
    learner = make_learner()
    if path.exists() or Path(f"{path}.previous").exists():
        arrays, meta = load_checkpoint(path)
        learner.restore(arrays)
        assert meta == {"n_rows": learner.n_rows}
    while learner.n_rows < N_ROWS:
        start = learner.n_rows
        learner.learn(Batch(as_rows(X[start : start + BLOCK]), y[start : start + BLOCK]))
        if learner.n_rows % EVERY == 0:
            save_checkpoint(path, learner.state(), {"n_rows": learner.n_rows})
    return learner


def die_at(number):
    """Make the process kill itself before the call of that number to what changes something on the disk."""
    left = number

    def counted(call):
        def wrapper(*arguments):
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments)

        return wrapper

    os.fsync, os.replace, os.unlink = counted(os.fsync), counted(os.replace), counted(os.unlink)
    archive._Hashed.write = counted(archive._Hashed.write)


def killed(path, X, y, prepare=lambda: None, after=None):
    """Learn in a child until something kills it, if anything does; tell whether something did."""
    child = os.fork()
    if child == 0:
        prepare()
        learn(path, X, y)
        os._exit(0)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL, status
    return status != 0


def same(learner, other):
    mine, others = learner.state(), other.state()
    return all(mine[name].tobytes() == others[name].tobytes() for name in mine)


def left_over(path):
    return sorted({item.name for item in path.parent.iterdir()} - {path.name, f"{path.name}.previous"})


def at_random(draw, trial):
    """Return when to kill: at some call in even trials, after some time in odd ones."""
    if trial % 2:
        return {"after": draw.uniform(0.0, 0.1)}
    number = draw.randrange(200)
    return {"prepare": lambda: die_at(number)}


def main(folder):
    X, y = make_stream()
    expected = learn(folder / "uninterrupted", X, y)
    ids, w = expected.coefficients()
    assert ids.size > 20
    assert np.abs(w).max() > 0.01
    # Killed once, at every call in turn.
    number = 0
    while True:
        path = folder / f"at-{number}" / "checkpoint.npz"
        path.parent.mkdir()
        if not killed(path, X, y, prepare=lambda number=number: die_at(number)):
            break
        assert same(learn(path, X, y), expected), f"killed at call {number}"
        number += 1
    # Killed over and over, at some call or at some time, until there is nothing left to do.
    n_kills = 0
    for trial in range(20):
        path = folder / f"often-{trial}" / "checkpoint.npz"
        path.parent.mkdir()
        draw = random.Random(trial)
        while killed(path, X, y, **at_random(draw, trial)):
            n_kills += 1
        save_checkpoint(path, *load_checkpoint(path))
        assert same(learn(path, X, y), expected), f"trial {trial}"
        assert left_over(path) == []
    print(number, n_kills)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
