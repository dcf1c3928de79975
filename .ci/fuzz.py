"""Targets of `.ci/fuzz`: svmlight text, and checkpoint files whose contents were changed and sealed again."""

import io
import struct
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sparsereg"]):
    import numpy as np
    from scipy import sparse

    from sparsereg import DivergenceError, SGDClassifier
    from sparsereg.archive import load_archive, save_archive
    from sparsereg.readers.svmlight import SvmlightReader
    from sparsereg.streaming.checkpoint import FORMAT

TEXTS = [
    b"1 3:0.5 7:2\n-1 12:1\n", b"+1 qid:3 1:1e-300 2:-1.5E+10 # words\n\n# nothing\n0 5:inf\n",
    b"nan 1:2\r\n1.5 1:0x1p3\r\n", b"1 9223372036854775807:1\n", b"1 2:3 2:4 1:1\n", b"1 0:1\n", b"1 1:1 1:\n",
    b"\xef\xbb\xbf1 1:1\n", b"1:2 3\n", b"1", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00",
]
FOLDER = Path(tempfile.mkdtemp())


def read(data, block_rows, on_error):
    """Return all that a reader makes of some text, or what it refuses it with."""
    reader = SvmlightReader(io.BytesIO(data), block_rows=block_rows, on_error=on_error)
    try:
        blocks = list(reader)
    except ValueError as error:
        return str(error)
    for block in blocks:
        indptr, indices = block.X.indptr, block.X.indices
        assert indptr[0] == 0 and (np.diff(indptr) >= 0).all() and indptr[-1] == indices.size == block.X.data.size
        assert indices.size == 0 or 0 <= indices.min() <= indices.max() < block.X.shape[1]
        assert np.isfinite(block.X.data).all() and np.isfinite(block.y).all()
        assert block.X.shape[0] == block.y.size <= block_rows
    y = np.concatenate([block.y for block in blocks])
    lengths = np.concatenate([np.diff(block.X.indptr) for block in blocks])
    ids, values = (np.concatenate([getattr(block.X, name) for block in blocks]) for name in ("indices", "data"))
    return y.tobytes() + lengths.astype(np.int64).tobytes() + ids.astype(np.int64).tobytes() + values.tobytes()


def svmlight(data):
    """Any text is read the same in blocks of any size, or refused."""
    for on_error in ("raise", "skip"):
        assert read(data, 2, on_error) == read(data, 1000, on_error)


ALGORITHMS = ("ftrl", "prox_sgd", "adagrad")
MODELS = [*({"algorithm": name} for name in ALGORITHMS), {"algorithm": "prox_sgd", "average": True}]
RNG = np.random.default_rng(0)
X = sparse.random_array((60, 1000), density=0.01, format="csr", rng=RNG)
Y = RNG.integers(0, 2, 60)


def interrupted():
    yield X[:20], Y[:20]
    yield X[20:40], Y[20:40]
    raise KeyboardInterrupt


def fit(settings, path, source, resume):
    model = SGDClassifier(alpha=1e-3, random_state=0, **settings)
    return model.fit_stream(source, classes=[0, 1], checkpoint=path, checkpoint_every=20, resume=resume)


@cache
def saved():
    """Return what was saved of each model half-way."""
    out = []
    for number, settings in enumerate(MODELS):
        path = FOLDER / f"{number}"
        try:
            fit(settings, path, interrupted(), False)
        except KeyboardInterrupt:
            out.append(load_archive(path, FORMAT))
    return out


def checkpoint(data):
    """Changed words of arrays and numbers of the metadata never do more than end the fit with an error."""
    path, number = FOLDER / "mutated", data[0] % len(MODELS) if data else 0
    arrays, meta = ({**part} for part in saved()[number])
    names, keys = sorted(arrays), sorted(meta)
    for start in range(1, len(data) - 11, 12):
        what, where, word = struct.unpack_from("<BHxq", data, start)
        if what % 4 == 0:
            values = (word, float(word), bool(word % 2), str(word), None, [word, word])
            meta[keys[where % len(keys)]] = values[what // 4 % len(values)]
            continue
        name = names[what // 4 % len(names)]
        array = arrays[name] = arrays[name].copy()
        bytes_ = array.reshape(-1).view(np.uint8)
        new = np.frombuffer(struct.pack("<q", word), dtype=np.uint8)
        at = where * 8 % max(bytes_.size, 1)
        bytes_[at : at + 8] = new[: bytes_[at : at + 8].size]
    save_archive(path, arrays, meta, FORMAT)
    try:
        model = fit(MODELS[number], path, [(X[:20], Y[:20]), (X[20:], Y[20:])], True)
    except (ValueError, DivergenceError):
        return
    assert np.isfinite(model.coef_).all() and np.isfinite(model.intercept_).all()


def main():
    """Write seeds, or run a target on a corpus or on one file."""
    target = {"svmlight": svmlight, "checkpoint": checkpoint}[sys.argv[1]]
    if sys.argv[2] == "--seeds":
        seeds = TEXTS if target is svmlight else [bytes([k]) + bytes(range(n)) for k in range(4) for n in (0, 12, 36)]
        for number, seed in enumerate(seeds):
            (Path(sys.argv[3]) / f"{number}").write_bytes(seed)
        return
    warnings.simplefilter("ignore")
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target)
    atheris.Fuzz()


main()
