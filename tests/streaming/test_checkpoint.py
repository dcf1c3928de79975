"""Checkpoints: the one before stays, and a killed process goes on with the same bits."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sparsereg.archive import save_archive
from sparsereg.streaming.checkpoint import load_checkpoint, save_checkpoint


def save(path, number):
    save_checkpoint(path, {"number": np.array(number)}, {"number": number})


def number_of(path):
    arrays, meta = load_checkpoint(path)
    assert arrays["number"] == meta["number"]
    return meta["number"]


@pytest.fixture
def path(tmp_path):
    """A checkpoint with two before it."""
    path = tmp_path / "checkpoint.npz"
    for number in range(3):
        save(path, number)
    return path


def test_the_one_before_stays(path):
    assert number_of(path) == 2
    assert number_of(f"{path}.previous") == 1
    assert {item.name for item in path.parent.iterdir()} == {"checkpoint.npz", "checkpoint.npz.previous"}


def test_the_first_one_leaves_nothing_beside_it(tmp_path):
    save(tmp_path / "x", 0)
    assert [item.name for item in tmp_path.iterdir()] == ["x"]


def test_killed_between_the_two_renamings(path):
    path.unlink()
    assert number_of(path) == 1
    save(path, 5)
    assert number_of(path) == 5
    assert number_of(f"{path}.previous") == 1


@pytest.mark.parametrize("content", [lambda old: old[:-100], lambda old: b"", lambda old: old[:99] + old[98:]])
def test_a_damaged_one_names_the_one_before(path, content):
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(ValueError, match=r"checkpoint: it.*; the checkpoint before it, '.*\.previous', loads$"):
        load_checkpoint(path)
    assert number_of(f"{path}.previous") == 1
    Path(f"{path}.previous").write_bytes(b"what is this")
    with pytest.raises(ValueError, match=r"sparsereg checkpoint: it.*; nor does '.*npz.previous' load$"):
        load_checkpoint(path)
    Path(f"{path}.previous").unlink()
    with pytest.raises(ValueError, match=r"sparsereg checkpoint: it.*; there is no '.*npz.previous'$"):
        load_checkpoint(path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"checkpoint.npz'$"):
        load_checkpoint(path)


def test_only_the_one_before_and_damaged(path):
    path.unlink()
    Path(f"{path}.previous").write_bytes(b"what is this")
    with pytest.raises(ValueError, match=r"npz.previous' cannot be read as a sparsereg checkpoint"):
        load_checkpoint(path)


def test_a_model_is_no_checkpoint(tmp_path):
    save_archive(tmp_path / "x", {}, {}, ("model", 1))
    with pytest.raises(ValueError, match="it is of format 'model'"):
        load_checkpoint(tmp_path / "x")


def test_links_keep_both_files_together(tmp_path):
    (tmp_path / "data").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "data" / "x")
    for number in range(2):
        save(link, number)
    assert {item.name for item in (tmp_path / "data").iterdir()} == {"x", "x.previous"}
    (tmp_path / "data" / "x").unlink()
    assert number_of(link) == 0


def test_killed_at_any_moment(tmp_path):
    """A learner that is killed goes on from the last checkpoint, to the bits of one that never was."""
    script = Path(__file__).with_name("killed_streams.py")
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    n_calls, n_kills = map(int, done.stdout.split())
    assert n_calls > 100
    assert n_kills > 20
