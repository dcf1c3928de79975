"""Checkpoints: the one before stays, and a killed process goes on with the same bits."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sparsereg import SGDRegressor, save_model
from sparsereg.archive import save_archive
from sparsereg.streaming.checkpoint import check_place, load_checkpoint, save_checkpoint


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
    with pytest.raises(FileNotFoundError, match=r"path: .*checkpoint.npz' cannot be read"):
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
    script = Path(__file__).parents[1] / "support" / "killed_streams.py"
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    n_calls, n_kills = map(int, done.stdout.split())
    assert n_calls > 100
    assert n_kills > 20


@pytest.mark.parametrize(("name", "error", "message"), [
    ("missing/folder/x.npz", FileNotFoundError, r"checkpoint: no file can be written beside '.*missing/folder/x.npz'"),
    ("file/x.npz", NotADirectoryError, r"checkpoint: no file can be written beside"),
    ("folder", ValueError, r"checkpoint: '.*folder' is not allowed, expected a file"),
    ("pipe", ValueError, r"checkpoint: '.*pipe' is not allowed, expected a file"),
    (3.5, TypeError, "checkpoint: 3.5 is not allowed, expected a path"),
])
def test_a_place_that_cannot_be_written_to_is_told_of_before_the_first_row(tmp_path, name, error, message):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    def blocks():
        raise AssertionError("a block was asked for")
        yield

    place = tmp_path / name if isinstance(name, str) else name
    with pytest.raises(error, match=message):
        SGDRegressor().fit_stream(blocks(), checkpoint=place)


@pytest.mark.parametrize("kind", [str, Path, os.fsencode])
def test_a_place_is_found_out_without_a_trace(tmp_path, kind):
    assert check_place(kind(str(tmp_path / "x.npz"))) == tmp_path / "x.npz"
    assert list(tmp_path.iterdir()) == []


def test_nothing_but_a_checkpoint_is_replaced(path):
    X, y = np.eye(4), np.arange(4.0)
    model, other = SGDRegressor(random_state=0).fit(X, y), path.parent / "model.sparsereg"
    save_model(model, other)
    text = path.parent / "notes.txt"
    text.write_text("the only copy")
    for left in (other, text):
        what = f"{'a sparsereg model' if left == other else 'no checkpoint'} and would be replaced; expected"
        kept, cut = left.read_bytes(), path.parent / "cut"
        cut.write_bytes(kept[:-10])
        for place in (left, cut):
            with pytest.raises(ValueError, match=f"checkpoint: .*{place.name}' is {what}"):
                SGDRegressor().fit_stream([(X, y)], checkpoint=place)
        assert left.read_bytes() == kept
        left.rename(path.parent / "new.previous")
        for resume in (False, True):
            with pytest.raises(ValueError, match=r"new\.previous' is "):
                SGDRegressor().fit_stream([(X, y)], checkpoint=path.parent / "new", resume=resume)
        (path.parent / "new.previous").unlink()
    path.write_bytes(path.read_bytes()[:-100])
    (path.parent / "empty").touch()
    for place in (path, path.parent / "empty"):
        SGDRegressor().fit_stream([(X, y)], checkpoint=place)
        assert load_checkpoint(place)[1]["n_passes"] == 1
