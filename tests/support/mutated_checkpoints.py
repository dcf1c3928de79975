"""Checkpoints whose contents were changed and sealed again, one after another; a crash ends the process.

Run as a script: `python mutated_checkpoints.py FOLDER SEED NUMBER`. Prints how many were refused, and how many went on.
"""

import sys
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from scipy import sparse

from sparsereg import DivergenceError, SGDClassifier
from sparsereg.archive import load_archive, save_archive
from sparsereg.streaming.checkpoint import FORMAT

WIDTH = 1000
MODELS = {
    "ftrl": {}, "prox_sgd": {}, "adagrad": {}, "averaged": {"algorithm": "prox_sgd", "average": True},
    "stopping": {"algorithm": "ftrl", "early_stopping": True, "tol": 0.0},
}
NUMBERS = [0, 1, -1, 2, -3, 1.5, 2**31, 10**15, 2**63 - 1, 2**63, 10**400, float("nan"), float("inf"), -0.0, 1e308]
STRANGE = [None, True, False, "text", [], [1], [1, 2, 3], {}, {"a": 1}]
BITS = np.array([0, 1, -1, 2**63 - 1, -(2**63), 10**15, 0x7FF8000000000000, 0x7F800000FF800000], dtype=np.int64)


def blocks():
    rng = np.random.default_rng(0)
    for _ in range(6):
        X = sparse.random_array((40, WIDTH), density=0.01, format="csr", rng=rng)
        yield X, (np.asarray(X.sum(axis=1)).ravel() + 0.3 * rng.standard_normal(40) > 1.0).astype(int)


class Source:
    """Blocks, pass after pass, up to an interruption."""

    def __init__(self, n_left):
        self.n_left = n_left

    def __iter__(self):
        for block in blocks():
            self.n_left -= 1
            if self.n_left < 0:
                raise KeyboardInterrupt
            yield block


def fit(name, path, resume, n_blocks=12):
    settings = {"algorithm": name, "alpha": 1e-3, "random_state": 0, **MODELS[name]}
    model = SGDClassifier(**settings)
    held = next(blocks()) if "early_stopping" in settings else None
    with suppress(KeyboardInterrupt):
        model.fit_stream(
            Source(n_blocks), classes=[0, 1], n_passes=2, validation=held, checkpoint=path, checkpoint_every=40,
            resume=resume,
        )
    return model


def mutate(arrays, meta, rng):
    """Change one thing, of the metadata or of an array."""
    arrays, meta = {name: array.copy() for name, array in arrays.items()}, dict(meta)
    kind = rng.integers(6)
    if kind == 0:
        name = rng.choice(sorted(meta))
        meta[name] = (NUMBERS + STRANGE)[rng.integers(len(NUMBERS) + len(STRANGE))]
    elif kind == 1:
        meta.pop(rng.choice(sorted(meta)))
    elif kind == 2:
        arrays.pop(rng.choice(sorted(arrays)))
    elif kind == 3:
        name = rng.choice(sorted(arrays))
        array = arrays[name]
        arrays[name] = [
            array.astype(np.float32), array.ravel()[:0], array[None], np.zeros((), dtype=array.dtype),
            np.concatenate([array.ravel(), array.ravel()]), np.asfortranarray(np.atleast_2d(array).T),
        ][rng.integers(6)]
    else:
        name = rng.choice([name for name in sorted(arrays) if arrays[name].size])
        words = arrays[name].reshape(-1)
        where = rng.integers(words.size)
        if words.dtype.itemsize == 8:
            word = BITS[rng.integers(BITS.size)] if kind == 4 else rng.integers(-(2**63), 2**63 - 1)
            words.view(np.int64)[where] = word
        else:
            words.view(np.uint8)[where] = rng.integers(256)
    return arrays, meta


def main(folder, seed, number):
    rng = np.random.default_rng(seed)
    saved = []
    for name in MODELS:
        # In the middle of the first pass, and of the second.
        for n_blocks in (2, 8):
            fit(name, folder / name, False, n_blocks)
            saved.append((name, *load_archive(folder / name, FORMAT)))
    refused = resumed = 0
    for _ in range(number):
        name, arrays, meta = saved[rng.integers(len(saved))]
        path = folder / f"mutated-{name}"
        save_archive(path, *mutate(arrays, meta, rng), FORMAT)
        try:
            model = fit(name, path, True)
        except DivergenceError:
            # Finite numbers, and too large to go on from.
            refused += 1
        except ValueError as error:
            assert str(path) in str(error) or str(error).startswith("source"), error
            refused += 1
        else:
            assert np.isfinite(model.coef_).all()
            assert np.isfinite(model.intercept_).all()
            resumed += 1
    sys.stdout.write(f"{refused} {resumed}\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
