"""Matrices in .npz files: the rows that were saved, and one clear error for whatever is none."""

import numpy as np
import pytest
from scipy import sparse

from sparsereg.readers.npz import NpzReader


def saved(path, X, **arrays):
    sparse.save_npz(path, X)
    with np.load(path) as stored:
        np.savez(path, **stored, **arrays)
    return path


@pytest.fixture
def X():
    return sparse.random(10, 7, density=0.4, random_state=0, format="csr")


@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_blocks_are_the_rows(tmp_path, X, kind):
    y, weight = np.arange(10.0), np.ones(10)
    path = saved(tmp_path / "a.npz", X.asformat(kind), y=y, sample_weight=weight)
    reader = NpzReader(path, block_rows=4)
    for _ in range(2):
        blocks = [*reader]
        assert [block.X.shape for block in blocks] == [(4, 7), (4, 7), (2, 7)]
        assert (sparse.vstack([block.X for block in blocks]) != X).nnz == 0
        assert np.concatenate([block.y for block in blocks]).tolist() == y.tolist()
        assert np.concatenate([block.sample_weight for block in blocks]).tolist() == weight.tolist()


def test_targets_of_their_own_and_several_files(tmp_path, X):
    first, second = (saved(tmp_path / f"{name}.npz", X, y=np.zeros(10)) for name in "ab")
    np.save(tmp_path / "y.npy", np.arange(20))
    reader = NpzReader([first, second], target=tmp_path / "y.npy", block_rows=8)
    assert np.concatenate([block.y for block in reader]).tolist() == list(range(20))
    assert sorted({one for some in reader._targets() for one in some}) == list(range(20))
    np.save(tmp_path / "y.npy", np.arange(21))
    with pytest.raises(ValueError, match=r"y\.npy: 21 targets for 20 rows"):
        list(reader)
    np.save(tmp_path / "y.npy", np.arange(19))
    with pytest.raises(ValueError, match=r"y\.npy has 9 values for 10 rows"):
        list(reader)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": np.zeros(9)}, "array 'y' has 9 values for 10 rows"),
        ({"sample_weight": np.float64(1)}, "array 'sample_weight' has 1 values for 10 rows"),
        ({"y": np.array([None] * 10)}, "pickle"),
        ({"data": None}, "no array 'data', expected a matrix as scipy.sparse.save_npz"),
        ({"format": np.array("coo")}, "format 'coo', expected 'csr' or 'csc'"),
        ({"shape": np.array([10.0, 7.0])}, "array 'shape' holds"),
        ({"indptr": np.array([0, 1])}, "index pointer"),
    ],
)
def test_what_is_no_matrix(tmp_path, X, arrays, message):
    parts = {"data": X.data, "indices": X.indices, "indptr": X.indptr, "shape": X.shape, "format": "csr"} | arrays
    path = tmp_path / "bad.npz"
    np.savez(path, **{name: part for name, part in parts.items() if part is not None})
    with pytest.raises(ValueError, match=rf"bad\.npz: .*{message}"):
        [*NpzReader(path)]


def test_what_is_no_npz(tmp_path, X):
    path = tmp_path / "bad.npz"
    path.write_bytes(b"not a zip")
    with pytest.raises(ValueError, match=r"bad\.npz: no \.npz file"):
        [*NpzReader(path)]
    path = saved(tmp_path / "cut.npz", X)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"cut\.npz"):
        [*NpzReader(path)]
    with pytest.raises(ValueError, match="no rows"):
        [*NpzReader(saved(tmp_path / "none.npz", X[:0]))]
    with pytest.raises(FileNotFoundError):
        [*NpzReader(tmp_path / "nowhere.npz")]
    with pytest.raises(ValueError, match="no array 'y'"):
        [*NpzReader(saved(tmp_path / "no.npz", X))._targets()]
