"""Pickles and checkpoints that an older version wrote, frozen by golden/make_frozen.py, load and give the same."""

import ast
import importlib
import json
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from golden import frozen
from golden.frozen import check_same

from sparsereg import InconsistentVersionWarning, coef
from sparsereg.inputs import versions

FOLDER = Path(__file__).parent / "golden" / "frozen"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
FILES = sorted(path for path in FOLDER.iterdir() if path.name != "expected.json")


def test_every_file_is_described():
    assert {path.name for path in FILES} == EXPECTED.keys() - {"written_by"}
    assert EXPECTED["written_by"] == "sparsereg 0.1.0"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_gives_what_it_gave(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        facts = frozen.describe(path)
    check_same(json.loads(json.dumps(facts)), EXPECTED[path.name], path.name)


@pytest.mark.parametrize("name", ["lasso.pickle", "sgd_partial.pickle", "crosses.pickle"])
def test_a_new_process_loads_without_an_import(name, tmp_path):
    code = f"import pickle, warnings; warnings.simplefilter('ignore'); pickle.load(open({str(FOLDER / name)!r}, 'rb'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_is_written_names_no_former_module():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        for path in FOLDER.glob("*.pickle"):
            again = pickle.dumps(pickle.loads(path.read_bytes()), protocol=0).decode("latin-1")
            assert not [name for name in versions.MOVED if f"csparsereg.{name}\n" in again], path.name


@pytest.mark.parametrize("former", versions.MOVED)
def test_a_moved_module_is_where_the_table_says(former):
    importlib.import_module(f"sparsereg.{versions.MOVED[former]}")
    folder = Path(versions.__file__).parents[1]
    assert not list(folder.glob(f"{former.replace('.', '/')}*.py*")), "it has not moved"


@pytest.mark.parametrize("former", versions.RENAMED)
def test_a_renamed_class_is_what_the_table_says(former):
    module, name = versions.RENAMED[former]
    now = getattr(importlib.import_module(f"sparsereg.{module}"), name)
    assert versions.moved_class(f"sparsereg.{former[0]}", former[1]) is now
    assert former != (module, name)


def test_former_modules_are_no_place_to_import_from():
    """They hold nothing, nothing names them, and what they do not know they do not have."""
    import sparsereg

    assert not hasattr(sparsereg, "regressors")
    former = sys.modules["sparsereg.regressors"]
    assert vars(former).keys() <= {"__name__", "__doc__", "__package__", "__loader__", "__spec__"}
    for name in ("__file__", "__path__", "_private", "Nothing"):
        assert not hasattr(former, name)
    assert not hasattr(coef, "Nothing")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("sparsereg.nothing")
    for path in Path(sparsereg.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").removeprefix("sparsereg.") not in versions.MOVED, path
