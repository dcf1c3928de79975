"""A model that is saved over another again and again, by processes that are killed.

Run as a script: `python killed_saves.py FOLDER`, in a process of its own, because it forks. Prints how many it killed.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
from support.killed_streams import die_at

import sparsereg as sr

N_KILLS = 200


def make_models():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 200))
    y = X[:, :5].sum(axis=1)
    return [sr.Lasso(alpha=alpha).fit(X, y) for alpha in (0.1, 0.01)]


def saved_until_killed(models, path, prepare, after):
    """Save both models in turn in a child that is killed; tell whether it was."""
    child = os.fork()
    if child == 0:
        prepare()
        for _ in range(50):
            for model in models:
                sr.save_model(model, path)
        os._exit(0)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL, status
    return status != 0


def main(folder):
    models, draw, n_kills = make_models(), random.Random(0), 0
    path = folder / "model.npz"
    sr.save_model(models[0], path)
    known = {model.sparse_coef_.data.tobytes() for model in models}
    assert len(known) == 2
    for trial in range(N_KILLS):
        number = draw.randrange(60)
        if trial % 2:
            n_kills += saved_until_killed(models, path, lambda: None, draw.uniform(0.0, 0.02))
        else:
            n_kills += saved_until_killed(models, path, lambda number=number: die_at(number), None)
        assert sr.load_model(path).sparse_coef_.data.tobytes() in known, trial
    sr.save_model(models[1], path)
    assert [item.name for item in folder.iterdir()] == [path.name]
    print(n_kills)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
