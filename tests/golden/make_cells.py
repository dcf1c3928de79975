"""Freeze streaming fits half way, by a version that kept ids and states side by side: `python make_cells.py FOLDER`.

Everything is the same in every run. What is written once stays as it is.
"""

import hashlib
import json
import pickle
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
from scipy import sparse

from sparsereg import SGDClassifier

WIDTH = 2**40
RNG = np.random.default_rng(5)
IDS = np.sort(RNG.choice(60, (400, 4)) * (WIDTH // 60), axis=1)
X = sparse.csr_array((RNG.normal(size=IDS.size), IDS.ravel(), np.arange(0, IDS.size + 1, 4)), shape=(400, WIDTH))
X.sum_duplicates()
Y = (RNG.random(400) < 0.5).astype(int)
SETTINGS = {
    "stale": {"drop_stale": 70, "dropout": 0.2},
    "averaged": {"algorithm": "prox_sgd", "average": 50},
    "adagrad": {"algorithm": "adagrad", "drop_stale": 70},
}


def blocks(stop):
    """Blocks of 50 rows, and an interrupt before one of them."""
    for start in range(0, 400, 50):
        if start == stop:
            raise KeyboardInterrupt
        yield X[start : start + 50], Y[start : start + 50]


def fit(name, path, stop=None, resume=False):
    """Fit to all blocks, or to those before one."""
    model = SGDClassifier(alpha=2e-2, random_state=0, **SETTINGS[name])
    with suppress(KeyboardInterrupt):
        model.fit_stream(blocks(stop), classes=[0, 1], checkpoint=path, checkpoint_every=50, resume=resume)
    return model


def checksum(model):
    """Hash what the fit is, in either form of its state."""
    state = model.training_.learner.state()
    if "cells" in state:
        cells = state["cells"]
        state |= {"ids": cells[:, 0] & np.iinfo(np.int64).max, "states": cells[:, 1:].copy().view(np.float64)}
    order = np.argsort(state["ids"])
    arrays = [state["ids"][order], state["states"][order], state["intercept"], state["clock"]]
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


def main(folder):
    """Write checkpoints and pickles after half of the blocks, and checksums after all of them."""
    expected = {}
    for name in SETTINGS:
        fit(name, folder / f"{name}.npz", stop=200)
        half = SGDClassifier(alpha=2e-2, random_state=0, **SETTINGS[name])
        half.partial_fit(X[:200], Y[:200], classes=[0, 1])
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(half))
        half.partial_fit(X[200:], Y[200:])
        whole = fit(name, folder / "whole.npz")
        expected[name] = {"stream": checksum(whole), "pickle": checksum(half)}
        for other in (folder / "whole.npz", folder / "whole.npz.previous", folder / f"{name}.npz.previous"):
            other.unlink(missing_ok=True)
    (folder / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
