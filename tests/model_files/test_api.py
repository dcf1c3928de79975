"""Models saved and loaded: the same parameters, attributes and predictions; nothing else is read, nothing is lost."""

import ast
import dataclasses
import errno
import io
import math
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn
from support import model_zoo
from support.model_zoo import FRAME, X, Y, is_fitted, predictions

import sparsereg as sr
from sparsereg import archive
from sparsereg.archive import load_archive, save_archive
from sparsereg.coef import SparseCoef
from sparsereg.model_files import api
from sparsereg.model_files.models import BY_ROW
from sparsereg.streaming.checkpoint import save_checkpoint

SUPPORT = Path(__file__).parents[1] / "support"
ZOO = list(model_zoo.fitted())
every_model = pytest.mark.parametrize("model", [model for _, model in ZOO], ids=[name for name, _ in ZOO])
STREAMED = ("history_", "n_iter_", "t_", "n_active_", "objective_", "dual_gap_", "violation_", "intercept_")


def small():
    return sr.LogisticRegression(0.02).fit(X, Y["two"])


def there_and_back(model, tmp_path, **how):
    sr.save_model(model, tmp_path / "model.npz", **how)
    return sr.load_model(tmp_path / "model.npz")


def check_same(a, b, where="model"):
    """Compare values of any kind, types and bits included."""
    assert type(a) is type(b), where
    if isinstance(a, np.ndarray):
        assert (a.dtype, a.shape) == (b.dtype, b.shape), where
        assert (a.tolist() == b.tolist()) if a.dtype == object else (a.tobytes() == b.tobytes()), where
    elif isinstance(a, SparseCoef):
        check_same((a.ids, a.values.data, a.n_features), (b.ids, b.values.data, b.n_features), where)
        assert (a.values != b.values).nnz == 0, where
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), where
        for k, (one, other) in enumerate(zip(a, b)):
            check_same(one, other, f"{where}[{k}]")
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for name, value in a.items():
            check_same(value, b[name], f"{where}.{name}")
    elif dataclasses.is_dataclass(a):
        check_same(vars(a), vars(b), where)
    else:
        assert a == b or (math.isnan(a) and math.isnan(b)), where


def attributes(model):
    """All that a model holds; of a streaming one what users see of it."""
    if not hasattr(model, "partial_fit"):
        # What there is of every row stays behind.
        return {name: value for name, value in vars(model).items() if name not in ("_table", *BY_ROW)}
    own = {name: value for name, value in vars(model).items() if name != "training_"}
    if not is_fitted(model):
        return own
    training = model.training_
    seen = {name: getattr(model, name) for name in (*STREAMED, "_coef")}
    return {**own, **seen, "settings": training.settings.fixed_while_training, "n_features": training.n_features}


@every_model
def test_a_model_comes_back_as_it_was(model, tmp_path):
    before = predictions(model) if is_fitted(model) else {}
    loaded = there_and_back(model, tmp_path)
    check_same(attributes(loaded), attributes(model))
    if not isinstance(model, sr.RegularizationPath):
        check_same(loaded.get_params(), model.get_params())
        assert repr(loaded) == repr(model)
    for found in (loaded, model):
        check_same(predictions(found) if is_fitted(model) else {}, before)
    assert is_fitted(loaded) == is_fitted(model)


def test_another_process_predicts_the_same_bits(tmp_path):
    for number, (_, model) in enumerate(ZOO):
        np.savez(tmp_path / f"{number}.expected.npz", **(predictions(model) if is_fitted(model) else {}))
        sr.save_model(model, tmp_path / f"{number}.npz")
    call = [sys.executable, SUPPORT / "loaded_models.py", tmp_path]
    done = subprocess.run(call, env={**os.environ, "PYTHONPATH": str(SUPPORT.parent)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 80


@every_model
def test_saved_twice_gives_the_same_bytes(model, tmp_path):
    sr.save_model(model, tmp_path / "first.npz")
    sr.save_model(sr.load_model(tmp_path / "first.npz"), tmp_path / "second.npz")
    content = (tmp_path / "first.npz").read_bytes()
    assert (tmp_path / "second.npz").read_bytes() == content
    assert sr.model_size(model).file == len(content)


def test_a_file_holds_no_more_than_its_non_zeros(tmp_path):
    path = dict(ZOO)["path, ridge"]
    saved = sr.save_model(path, tmp_path / "path.npz")
    assert saved == api.SavedModel((tmp_path / "path.npz").stat().st_size, path.sparse_coef.values.nnz, 0, 0.0, 0.0)
    with np.load(tmp_path / "path.npz", allow_pickle=False) as arrays:
        assert sum(array.nbytes for array in arrays.values()) < 20 * saved.n_nonzero + 12 * 8 * path.alphas.size + 2500
        assert (arrays["model.sparse_coef.ids"] == path.sparse_coef.ids).all()
        assert (arrays["model.sparse_coef.values"] == path.sparse_coef.values.data).all()


def test_every_estimator_is_in_the_zoo():
    offered = {getattr(sr, name) for name in sr.__all__}
    models = {cls for cls in offered if isinstance(cls, type) and hasattr(cls, "predict")}
    # Those of tables, which hold one of the others, are tested in test_table_models.py.
    assert models - {sr.TableModel} == {type(model) for _, model in ZOO}


# Damage.


def check_refused(path, message=""):
    with pytest.raises(ValueError, match=f"(?s)^path: {re.escape(repr(str(path)))} cannot be read as a .*{message}"):
        sr.load_model(path)


def test_every_flipped_byte_and_every_end_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    sr.save_model(sr.Lasso(0.05).fit(X, Y["numbers"]), path)
    content = path.read_bytes()
    flipped = [content[:k] + bytes([content[k] ^ (1 << k % 8)]) + content[k + 1 :] for k in range(len(content))]
    n_refused = 0
    for altered in (*flipped, *(content[:k] for k in range(len(content))), content + b"0"):
        path.write_bytes(altered)
        try:
            sr.load_model(path)
        except ValueError as error:
            n_refused += f"path: {str(path)!r} cannot be read as a sparsereg model: it" in str(error)
    assert n_refused == 2 * len(content) + 1


def test_mutations_never_end_the_process(tmp_path):
    call = [sys.executable, SUPPORT / "mutated_models.py", tmp_path, "0", "500"]
    done = subprocess.run(call, env={**os.environ, "PYTHONPATH": str(SUPPORT.parent)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    refused, loaded = map(int, done.stdout.split())
    assert refused > 300
    assert loaded > 50


def test_what_is_no_model_is_refused(tmp_path):
    path = tmp_path / "file"
    for content in (b"", b"text", b"\x80\x04N.", b"PK\x03\x04" + bytes(200)):
        path.write_bytes(content)
        check_refused(path)
    np.savez(path.with_suffix(".npz"), a=np.zeros(3))
    check_refused(path.with_suffix(".npz"))
    save_checkpoint(path, {}, {})
    check_refused(path, "format 'sparsereg checkpoint'")
    save_archive(path, {}, {}, (api.FORMAT[0], api.FORMAT[1] + 1))
    check_refused(path, "format version 2, written by sparsereg")
    with pytest.raises(FileNotFoundError):
        sr.load_model(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        sr.load_model(tmp_path)


def resealed(path, change):
    """Change what a file holds, and seal it again."""
    arrays, meta = load_archive(path, api.FORMAT)
    change(arrays, meta)
    save_archive(path, arrays, meta, api.FORMAT)


@pytest.mark.parametrize(("change", "message"), [
    (lambda arrays, meta: meta.clear(), "metadata"),
    (lambda arrays, meta: meta.update(more=1), "metadata"),
    (lambda arrays, meta: meta.update(model=[1]), "metadata"),
    (lambda arrays, meta: meta["model"].update(kind="os.system"), "kind 'os.system' is not known"),
    (lambda arrays, meta: meta["model"].update(kind=["sparsereg.Lasso"]), "kind .* is not known"),
    (lambda arrays, meta: arrays.update(more=np.zeros(1)), "'more' is not allowed"),
    (lambda arrays, meta: meta["model"]["state"]["parameters"].update(predict="x"), "'predict' is not allowed"),
    (lambda arrays, meta: meta["model"]["state"]["fitted"].update(predict="x"), "'predict' is not allowed"),
    (lambda arrays, meta: meta["model"]["state"]["fitted"].pop("classes_"), "'classes_' is missing"),
    (lambda arrays, meta: meta["model"]["state"]["fitted"].update(n_features_in_=7), "n_features_in_: 7"),
])
def test_resealed_files_say_what_is_wrong(change, message, tmp_path):
    path = tmp_path / "model.npz"
    sr.save_model(small(), path)
    resealed(path, change)
    check_refused(path, message)


def test_nested_files_are_refused(tmp_path):
    path, nested = tmp_path / "model.npz", []
    for _ in range(500):
        nested = [nested]
    sr.save_model(small(), path)
    resealed(path, lambda arrays, meta: meta["model"]["state"]["parameters"].update(alpha=nested))
    check_refused(path, "nested")


# Writing.


def test_kills_in_a_loop_of_saves_lose_nothing(tmp_path):
    call = [sys.executable, SUPPORT / "killed_saves.py", tmp_path]
    done = subprocess.run(call, env={**os.environ, "PYTHONPATH": str(SUPPORT.parent)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 150


@pytest.mark.parametrize("name", ["missing/model.npz", "file/model.npz"])
def test_a_folder_that_is_none_is_named(name, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=rf"path: '.*{name}' cannot be written: (No such file|Not a directory)"):
        sr.save_model(small(), tmp_path / name)
    assert [item.name for item in tmp_path.iterdir()] == ["file"]
    with pytest.raises(ValueError, match="expected a file or the name of a new one"):
        sr.save_model(small(), tmp_path)


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    sr.save_model(small(), path)
    content = path.read_bytes()

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(archive._Hashed, "write", full)
    with pytest.raises(OSError, match=r"path: '.*model.npz' cannot be written: No space left"):
        sr.save_model(sr.Lasso(), path)
    assert path.read_bytes() == content
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_what_cannot_travel_is_named_and_changes_nothing(tmp_path):
    path, model = tmp_path / "model.npz", small()
    sr.save_model(model, path)
    content = path.read_bytes()
    model.set_params(callback=print)
    with pytest.raises(TypeError, match=r"model\.callback: <built-in.*set_params\(callback=None\) before"):
        sr.save_model(model, path)
    scored = sr.LassoCV(scoring=lambda model, X, y: 0.0)
    with pytest.raises(TypeError, match=r"model\.scoring: <function .*set_params\(scoring=None\)"):
        sr.save_model(scored, path)
    with pytest.raises(TypeError, match=r"model\.random_state: Generator.*set_params\(random_state=None\)"):
        sr.save_model(sr.SGDRegressor(random_state=np.random.default_rng(0)), path)
    model = small()
    model.note = "mine"
    with pytest.raises(TypeError, match="attribute 'note' of a LogisticRegression cannot be saved"):
        sr.save_model(model, path)
    with sklearn.config_context(enable_metadata_routing=True):
        asked = sr.Lasso().set_fit_request(sample_weight=True)
    with pytest.raises(TypeError, match=r"model: what set_fit_request .* cannot be saved; delete the attribute"):
        sr.save_model(asked, path)
    for nothing in (None, 1.0, [model], {"model": sr.Lasso()}):
        with pytest.raises(TypeError, match=r"model: a \w+ is not allowed, expected a model|'note'"):
            sr.save_model(nothing, path)
    assert path.read_bytes() == content


class Mine(sr.Lasso):
    """A class that is not of the package."""


def test_classes_of_others_are_refused(tmp_path):
    with pytest.raises(TypeError, match=r"model: .*Mine cannot be saved"):
        sr.save_model(Mine(), tmp_path / "model.npz")


def test_a_model_that_was_broken_is_not_saved(tmp_path):
    model = small()
    model.intercept_ = np.array([np.nan])
    with pytest.raises(ValueError, match=r"model: it holds what no fit gives.*intercept_: nan"):
        sr.save_model(model, tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())


def test_arguments_are_checked(tmp_path):
    path = tmp_path / "model.npz"
    with pytest.raises(ValueError, match="compress: 'float8' is not allowed"):
        sr.save_model(small(), path, compress="float8")
    with pytest.raises(TypeError, match="state: 1 is not allowed"):
        sr.save_model(small(), path, state=1)
    with pytest.raises(ValueError, match="state: True is not allowed for a LogisticRegression, expected False"):
        sr.save_model(small(), path, state=True)
    with pytest.raises(ValueError, match="state: True is not allowed for a SGDClassifier that is not fitted"):
        sr.save_model(sr.SGDClassifier(), path, state=True)
    with pytest.raises(ValueError, match="compress: 'float16' is not allowed with state=True"):
        sr.save_model(dict(ZOO)["stream"], path, compress="float16", state=True)
    assert not path.exists()


def test_permissions_stay(tmp_path):
    path = tmp_path / "model.npz"
    sr.save_model(small(), path)
    path.chmod(0o640)
    sr.save_model(small(), str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


# Sizes and words.


def test_the_size_says_what_is_needed():
    model = small()
    size, n = sr.model_size(model), model.sparse_coef_.nnz
    slots = 1 << (4 * n - 1).bit_length()
    assert size.memory == 16 * n + 16 * slots + 8
    assert sr.model_size(model, compress="float16").file < size.file
    assert str(size) == f"{size.memory:,} bytes in memory, {size.file:,} bytes in a file"
    assert sr.model_size(sr.Lasso()).memory == 0
    # What a model was chosen from is in its file, and no part of its predictions.
    chosen = dict(ZOO)["lasso cv"]
    assert sr.model_size(chosen).memory < sr.model_size(chosen.path_).memory


def test_what_saving_came_to_is_said_in_words(tmp_path):
    text = str(sr.save_model(small(), tmp_path / "model.npz"))
    assert re.fullmatch(r"[\d,]+ bytes, 12 non-zeros, none changed", text)
    text = str(sr.save_model(small(), tmp_path / "model.npz", compress="float16"))
    assert re.fullmatch(
        r"[\d,]+ bytes, 12 non-zeros, 0 more rounded to zero; coefficients changed by at most \S+, those kept by "
        r"0\.000\d+ of themselves", text
    )


def test_no_pickle_is_imported():
    folder = Path(api.__file__).parent
    for path in [*folder.glob("*.py"), folder.parent / "archive.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"pickle", "marshal", "shelve", "joblib"} & {*names}, path
            assert not (isinstance(node, ast.Name) and node.id in ("eval", "exec", "__import__")), path


def test_what_is_of_every_row_stays_behind(tmp_path):
    model = dict(ZOO)["kept predictions"]
    loaded = there_and_back(model, tmp_path)
    assert len(model.cv_predictions_) == len(model.cv_folds_) == model_zoo.N_ROWS
    assert loaded.cv_predictions_ is loaded.cv_folds_ is None
    assert str(loaded) == str(model)


def test_names_of_columns_travel(tmp_path):
    loaded = there_and_back(sr.Lasso(0.05).fit(FRAME, Y["numbers"]), tmp_path)
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(FRAME[FRAME.columns[::-1]])


def test_a_model_of_other_bytes_order_is_the_same(tmp_path):
    path = tmp_path / "model.npz"
    model = small()
    sr.save_model(model, path)

    def swap(arrays, meta):
        for name, array in arrays.items():
            if array.dtype.kind == "f":
                arrays[name] = array.astype(array.dtype.newbyteorder())

    resealed(path, swap)
    check_same(predictions(sr.load_model(path)), predictions(model))


def test_a_file_can_be_read_without_the_library(tmp_path):
    path = tmp_path / "model.npz"
    sr.save_model(small(), path)
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
        assert arrays["model._coef.ids"].size == arrays["model._coef.values"].size == 12
