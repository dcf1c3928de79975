"""Values through JSON and arrays, as model files hold them, and comparisons of what comes back."""

import json
import math

import numpy as np

from sparsereg.model_files.kinds import KINDS
from sparsereg.model_files.values import Packer, Unpacker


def written(value, kinds=KINDS):
    """Return the text and the arrays that stand for a value."""
    packer = Packer(kinds)
    return json.dumps(packer.pack(value, "model")), packer.arrays


def read(text, arrays, kinds=KINDS):
    unpacker = Unpacker(arrays, kinds)
    value = unpacker.unpack(json.loads(text), "model")
    unpacker.finish()
    return value


def there_and_back(value, kinds=KINDS):
    return read(*written(value, kinds), kinds)


def same(a, b):
    """Return whether two values are the same: of one type, and bit for bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        return all(map(same, a.ravel(), b.ravel())) if a.dtype.kind == "O" else a.tobytes() == b.tobytes()
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same([*a.items()], [*b.items()])
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, type) or not hasattr(a, "__dict__"):
        return bool(a == b)
    return same(dict(sorted(vars(a).items())), dict(sorted(vars(b).items())))


def same_matrix(a, b):
    """Return whether two CSR matrices are the same, bit for bit."""
    return a.shape == b.shape and all(same(getattr(a, n), getattr(b, n)) for n in ("data", "indices", "indptr"))
