"""Sparse matrices in `.npz` files with their targets beside them, read as blocks."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sparsereg.inputs.parameters import check_count
from sparsereg.inputs.rows import MAX_SAMPLES
from sparsereg.readers.blocks import Block, located
from sparsereg.readers.folders import expanded

FORMATS = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix}
MATRIX = ("data", "indices", "indptr", "shape", "format")


class NpzReader:
    """Blocks of rows from files that `scipy.sparse.save_npz` writes, with arrays `y` and `sample_weight` added.

    ``numpy.savez(path, data=X.data, indices=X.indices, indptr=X.indptr, shape=X.shape, format="csr", y=y)`` writes one.

    Parameters
    ----------
    source : path, or list of paths
        A path may also be a folder or a pattern like ``"part-*.npz"``. Several are read one after the other.
    target : path or None, default=None
        A file of `numpy.save` with the targets of all rows, in place of `y` in the files.
    block_rows : int, default=100_000
        Rows of a block.

    Notes
    -----
    Each iteration reads from the start. Memory holds one file: such files cannot be read in parts. Nothing in them is
    ever unpickled. Iteration raises ValueError when all files together have no row, and for what is no such file.
    """

    can_repeat = True

    def __init__(self, source: Any, *, target: str | os.PathLike[str] | None = None, block_rows: int = 100_000) -> None:
        paths = source if isinstance(source, (list, tuple)) else [source]
        if not paths:
            raise ValueError("source: an empty list is not allowed, expected at least one file")
        self.paths = [path for one in paths for path, _ in expanded(os.fsdecode(one))]
        self.target = None if target is None else os.fsdecode(target)
        self.block_rows = check_count(block_rows, "block_rows", MAX_SAMPLES)

    def __iter__(self) -> Iterator[Block]:
        """Read from the start.

        Yields
        ------
        block : Block
            X is a CSR matrix; y and sample_weight are None where there are none.
        """
        first, targets = 0, None if self.target is None else _load_targets(self.target)
        for path in self.paths:
            X, y, weight = _load(path)
            if targets is not None:
                y = targets[first : first + X.shape[0]]
                _check_length(y, X.shape[0], self.target or "", path)
            for start in range(0, X.shape[0], self.block_rows):
                rows = slice(start, start + self.block_rows)
                yield Block(X[rows], None if y is None else y[rows], None if weight is None else weight[rows])
            first += X.shape[0]
        if first == 0:
            raise ValueError(f"{', '.join(self.paths)}: no rows, expected at least one")
        if targets is not None and len(targets) != first:
            raise ValueError(f"{self.target}: {len(targets)} targets for {first} rows, expected one for each")

    def _targets(self) -> Iterator[list[Any]]:
        """Go over the rows once; yield the targets of some at a time, each once."""
        for block in self:
            if block.y is None:
                raise ValueError(f"{self.paths[0]}: no array 'y', expected the targets")
            yield np.unique(block.y).tolist()


def _load(path: str) -> tuple[sparse.csr_matrix, NDArray[Any] | None, NDArray[Any] | None]:
    """Read one file."""
    try:
        # Opened here, because a file that is damaged stays open otherwise.
        with open(path, "rb") as file, zipfile.ZipFile(file), np.load(file, allow_pickle=False) as stored:
            lacking = [name for name in MATRIX if name not in stored.files]
            if lacking:
                raise ValueError(f"no array {lacking[0]!r}, expected a matrix as scipy.sparse.save_npz writes it")
            parts = {name: stored[name] for name in (*MATRIX, "y", "sample_weight") if name in stored.files}
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path}: no .npz file, or a damaged one: {error}") from None
    except (ValueError, EOFError, KeyError) as error:
        raise ValueError(f"{path}: {error}") from None
    with located(path):
        X = _matrix(parts)
    for name in ("y", "sample_weight"):
        if name in parts:
            _check_length(parts[name], X.shape[0], f"array {name!r}", path)
    return X, parts.get("y"), parts.get("sample_weight")


def _matrix(parts: dict[str, NDArray[Any]]) -> sparse.csr_matrix:
    kind = parts["format"].item() if parts["format"].ndim == 0 else parts["format"]
    kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
    if kind not in FORMATS:
        raise ValueError(f"a matrix in the format {kind!r}, expected {' or '.join(map(repr, FORMATS))}")
    if parts["shape"].shape != (2,) or parts["shape"].dtype.kind not in "iu":
        raise ValueError(f"array 'shape' holds {parts['shape']}, expected two whole numbers")
    entries = tuple(parts[name] for name in MATRIX[:3])
    X = FORMATS[kind](entries, shape=tuple(parts["shape"].tolist()))
    if kind != "csr":
        # SciPy's conversions trust ids, and crash on wrong ones.
        X.check_format(full_check=True)
    return X.tocsr()


def _load_targets(path: str) -> NDArray[Any]:
    try:
        targets = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile):
        # NumPy advises to unpickle what it does not know; that would run code.
        raise ValueError(f"{path}: expected an array of targets as numpy.save writes it, of numbers or texts") from None
    if not isinstance(targets, np.ndarray) or targets.ndim == 0:
        raise ValueError(f"{path}: expected an array of targets as numpy.save writes it")
    return targets


def _check_length(values: NDArray[Any], n_rows: int, what: str, path: str) -> None:
    if values.ndim == 0 or len(values) != n_rows:
        n_values = 1 if values.ndim == 0 else len(values)
        raise ValueError(f"{path}: {what} has {n_values} values for {n_rows} rows, expected one for each")
