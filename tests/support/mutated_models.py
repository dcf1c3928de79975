"""Model files whose contents were changed and sealed again, one after another; a crash ends the process.

Run as a script: `python mutated_models.py FOLDER SEED NUMBER`. Prints how many were refused, and how many loaded.
"""

import copy
import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from support import model_zoo
from support.mutated_checkpoints import BITS, NUMBERS, STRANGE

import sparsereg as sr
from sparsereg.archive import load_archive, save_archive
from sparsereg.model_files.api import FORMAT

NAMES = (
    "lasso, settings", "logistic, three", "svc, three", "elastic net cv", "names", "calibrated, three",
    "ftrl, three, parts", "averaged, parts", "counts, parts", "stream", "path, three", "path, relaxed", "path, names",
)
WITH_STATE = ("ftrl, three, parts", "averaged, parts", "counts, parts", "adagrad, parts", "stream")


def nodes(tree, way=()):
    """Yield the way to every entry of nested lists and dictionaries."""
    for key in tree if isinstance(tree, dict) else range(len(tree)):
        yield (*way, key)
        if isinstance(tree[key], (dict, list)):
            yield from nodes(tree[key], (*way, key))


def at(tree, way):
    for key in way:
        tree = tree[key]
    return tree


def change_meta(meta, rng):
    """Change, remove, move or rename one entry."""
    ways = list(nodes(meta))
    way = ways[rng.integers(len(ways))]
    parent, key = at(meta, way[:-1]), way[-1]
    kind = rng.integers(5)
    if kind <= 1:
        parent[key] = copy.deepcopy((NUMBERS + STRANGE)[rng.integers(len(NUMBERS) + len(STRANGE))])
    elif kind == 2:
        parent[key] = copy.deepcopy(at(meta, ways[rng.integers(len(ways))]))
    elif kind == 3:
        parent.pop(key)
    elif isinstance(parent, dict):
        parent[f"{key}_"] = parent.pop(key)
    else:
        parent.append(parent[key])


def change_array(arrays, rng):
    """Change, remove, cut, repeat or cast one array, or one number in it."""
    name = sorted(arrays)[rng.integers(len(arrays))]
    array, kind = arrays[name], rng.integers(4)
    if kind == 0:
        arrays.pop(name)
    elif kind == 1:
        wider = [np.float32, np.int64, np.uint64, np.float16][rng.integers(4)]
        with np.errstate(all="ignore"):
            arrays[name] = [
                array.ravel()[:0], array[None], np.concatenate([array.ravel(), array.ravel()]), array.ravel()[1:],
                np.zeros((), dtype=array.dtype), array.astype(wider) if array.dtype.kind not in "US" else array[:1],
            ][rng.integers(6)]
    elif array.size:
        words = arrays[name] = np.ascontiguousarray(array).copy()
        flat = words.reshape(-1)
        if array.dtype.itemsize == 8:
            word = BITS[rng.integers(BITS.size)] if kind == 2 else rng.integers(-(2**63), 2**63 - 1)
            flat.view(np.int64)[rng.integers(flat.size)] = word
        else:
            content = flat.view(np.uint8)
            content[rng.integers(content.size)] = rng.integers(256)


def use(model):
    """Ask a model for all that it says of rows, and let it learn from some more."""
    if not model_zoo.is_fitted(model):
        return
    repr(model)
    str(model)
    getattr(model, "mse_path_", None)
    with suppress(ValueError):  # columns of another name
        for name, array in model_zoo.predictions(model).items():
            assert len(array) == model_zoo.N_ROWS, name
    if hasattr(model, "partial_fit"):
        classes = getattr(model, "classes_", np.zeros(1))
        y = classes[np.arange(model_zoo.N_ROWS) % classes.size]
        # Parameters are checked by what uses them, as those that users set.
        with suppress(ValueError, TypeError, sr.DivergenceError):
            model.partial_fit(model_zoo.X, y)


def main(folder, seed, number):
    rng = np.random.default_rng(seed)
    saved = []
    os.fsync = int  # nothing here has to last
    for name, model in model_zoo.fitted():
        for state in [False] * (name in NAMES) + [True] * (name in WITH_STATE):
            sr.save_model(model, folder / "model.npz", state=state)
            saved.append(load_archive(folder / "model.npz", FORMAT))
    path, refused, loaded = folder / "mutated.npz", 0, 0
    for _ in range(number):
        arrays, meta = saved[rng.integers(len(saved))]
        arrays, meta = dict(arrays), copy.deepcopy(meta)
        if rng.random() < 0.6:
            change_meta(meta, rng)
        else:
            change_array(arrays, rng)
        save_archive(path, arrays, meta, FORMAT)
        try:
            model = sr.load_model(path)
        except ValueError as error:
            assert str(path) in str(error), error
            refused += 1
            continue
        use(model)
        loaded += 1
    sys.stdout.write(f"{refused} {loaded}\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
