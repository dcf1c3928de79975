"""``sparsereg predict``: the numbers of the model itself, from every kind of file to every kind of file."""

import json
import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from support.saved_models import TEST

import sparsereg as sr
from sparsereg import CsvReader, ParquetReader
from sparsereg.cli import predict, rows
from sparsereg.cli.main import main

pytestmark = pytest.mark.usefixtures("among_models")


def printed(capsys, *arguments):
    assert main(["predict", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def refused(capsys, *arguments, code=1):
    assert main(["predict", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("sparsereg: ") and err.count("\n") == 1
    return err


@pytest.mark.parametrize("name", ["lasso", "cv", "dear", "size", "stream", "pipeline", "log-price"])
@pytest.mark.parametrize("data", ["new.csv", "new.parquet"])
def test_tables(name, data, models, capsys, monkeypatch):
    """A model of the library, and what scikit-learn composes, block by block."""
    monkeypatch.setitem(rows.TABLES, "csv", partial(CsvReader, block_rows=7))
    monkeypatch.setitem(rows.TABLES, "parquet", partial(ParquetReader, block_rows=7))
    (header, *lines) = printed(capsys, f"{name}.npz", data).splitlines()
    assert header == "prediction"
    expected = models[name].predict(TEST)
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(np.array(lines, dtype=float), expected, rtol=1e-12)
    else:
        assert lines == expected.tolist()


@pytest.mark.parametrize("data", ["X.npz", "X.svm"])
def test_matrices(data, models, capsys):
    lines = printed(capsys, "plain.npz", data).splitlines()[1:]
    np.testing.assert_allclose(np.array(lines, dtype=float), models["lasso"].predict(TEST), rtol=1e-12)


def test_a_model_of_a_frame(models, capsys):
    lines = printed(capsys, "frame.npz", "new.csv").splitlines()[1:]
    np.testing.assert_allclose(np.array(lines, dtype=float), models["frame"].predict(TEST[["rooms"]]), rtol=1e-12)


@pytest.mark.parametrize("name", ["dear", "size"])
def test_probabilities(name, models, tmp_path, capsys):
    printed(capsys, f"{name}.npz", "new.csv", "--proba", "-o", str(tmp_path / "p.csv"))
    table = pd.read_csv(tmp_path / "p.csv")
    assert [*table.columns] == [f"probability_{label}" for label in models[name].classes_]
    np.testing.assert_allclose(table.to_numpy(), models[name].predict_proba(TEST), rtol=1e-12)


def test_paths(models, capsys):
    path = models["path"].model
    alpha = path.alphas[11]
    for text in (repr(float(alpha)), f"{alpha:.4g}"):  # as tables print it
        lines = printed(capsys, "path.npz", "new.csv", "--alpha", text).splitlines()[1:]
        np.testing.assert_allclose(np.array(lines, dtype=float), models["path"].predict(TEST, alpha), rtol=1e-12)
    last = models["cv"].model.path_.alphas[-1]
    lines = printed(capsys, "cv.npz", "new.csv", "--alpha", f"{last:.4g}").splitlines()[1:]
    expected = models["cv"].model.path_.predict(models["cv"].transform(TEST), last)
    np.testing.assert_allclose(np.array(lines, dtype=float), expected, rtol=1e-12)
    alpha = models["dear-path"].model.alphas[2]
    lines = printed(capsys, "dear-path.npz", "new.csv", "--alpha", repr(float(alpha)), "--proba").splitlines()
    assert lines[0] == "probability_no,probability_yes"
    found = np.array([line.split(",") for line in lines[1:]], dtype=float)
    np.testing.assert_allclose(found, models["dear-path"].predict_proba(TEST, alpha), rtol=1e-12)
    lines = printed(capsys, "dear-path.npz", "new.csv", "--alpha", repr(float(alpha))).splitlines()[1:]
    assert lines == np.where(found[:, 1] > 0.5, "yes", "no").tolist()


@pytest.mark.parametrize("ending", ["csv", "parquet", "npz"])
@pytest.mark.parametrize("name", ["lasso", "pipeline", "dear"])
def test_columns_that_are_kept(ending, name, models, tmp_path, capsys):
    """Rows and their keys stay together, and keys the text that they were."""
    target = tmp_path / f"p.{ending}"
    out = printed(capsys, f"{name}.npz", "new.csv", "new.csv", "--keep", "key", "city", "-o", str(target))
    assert out == f"80 rows: {target}\n"
    if ending == "npz":
        with np.load(target) as arrays:
            table = pd.DataFrame({key: arrays[key] for key in arrays.files})
    else:
        table = pd.read_csv(target, dtype={"key": str}) if ending == "csv" else pd.read_parquet(target)
    assert [*table.columns] == ["key", "city", "prediction"]
    twice = pd.concat([TEST, TEST], ignore_index=True)
    keys = twice["key"] if name != "pipeline" else twice["key"].astype(int)
    assert (table["key"].astype(keys.dtype) == keys).all() and (table["city"] == twice["city"]).all()
    expected = models[name].predict(twice)
    assert [*tmp_path.iterdir()] == [target]
    if name == "dear":
        assert table["prediction"].tolist() == expected.tolist()
    else:
        np.testing.assert_allclose(table["prediction"], expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["lasso", "pipeline"])
def test_kept_columns_have_the_types_of_the_table(name, tmp_path, capsys, monkeypatch):
    """A block that holds no value does not say what a column is of."""
    monkeypatch.setitem(rows.TABLES, "parquet", partial(ParquetReader, block_rows=7))
    note, small = [None] * 10 + ["x"] * (len(TEST) - 10), pa.array(range(len(TEST)), pa.int8())
    table = pa.Table.from_pandas(TEST).append_column("note", pa.array(note)).append_column("small", small)
    parquet.write_table(table, tmp_path / "noted.parquet")
    target = tmp_path / "kept.parquet"
    printed(capsys, f"{name}.npz", str(tmp_path / "noted.parquet"), "--keep", "note", "small", "-o", str(target))
    kept = parquet.read_table(target)
    assert kept.column("note").to_pylist() == note
    assert kept.column("small").type == pa.int8()


def test_json(models, tmp_path, capsys):
    found = json.loads(printed(capsys, "lasso.npz", "new.csv", "--keep", "key", "--json"))
    assert found["n_rows"] == len(TEST) and found["key"] == TEST["key"].tolist() and found["warnings"] == []
    np.testing.assert_allclose(found["prediction"], models["lasso"].predict(TEST), rtol=1e-12)
    found = json.loads(printed(capsys, "lasso.npz", "new.csv", "-o", str(tmp_path / "a.csv"), "--json"))
    assert found == {"output": str(tmp_path / "a.csv"), "n_rows": len(TEST), "warnings": []}


def test_labels_that_are_whole_numbers_have_no_point(tmp_path, capsys):
    y = (TEST["price"] > 4.0).astype(float)
    sr.save_model(sr.LogisticRegression(0.01).fit(TEST[["rooms"]], y), tmp_path / "m.npz")
    lines = printed(capsys, str(tmp_path / "m.npz"), "new.csv").splitlines()
    assert set(lines[1:]) == {"0", "1"}
    header = printed(capsys, str(tmp_path / "m.npz"), "new.csv", "--proba").splitlines()[0]
    assert header == "probability_0,probability_1"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["path.npz", "new.csv"], "--alpha: path.npz holds a path of 30 alphas, expected one in ["),
        (["path.npz", "new.csv"], "such as"),
        (["path.npz", "new.csv", "--alpha", "1e9"], "alpha: 1000000000.0 is outside"),
        (["lasso.npz", "new.csv", "--alpha", "1"], "--alpha: lasso.npz holds a Lasso, only a path needs one"),
        (["pipeline.npz", "new.csv", "--alpha", "1"], "--alpha: pipeline.npz holds a Lasso"),
        (["lasso.npz", "new.csv", "--proba"], "--proba: lasso.npz holds a Lasso, which has no probabilities"),
        (["path.npz", "new.csv", "--alpha", "0.1", "--proba"], "holds a path of squared loss, which has no prob"),
        (["pipeline.npz", "new.csv", "--proba"], "--proba: pipeline.npz holds a Lasso"),
        (["lasso.npz", "new.csv", "--keep", "colour"], "no column 'colour', the file has 'key', 'lat', 'lon'"),
        (["plain.npz", "X.npz", "--keep", "key"], "--keep: X.npz is no table"),
        (["plain.npz", "new.csv"], "new.csv: is a table, but plain.npz was fitted to columns without names"),
        (["lasso.npz", "X.svm"], "X.svm: is no table, as lasso.npz was fitted to; expected .csv or .parquet with the"),
        (["plain.npz", "lasso.npz"], "lasso.npz: no array 'data', expected a matrix"),
        (["lasso.npz", "nothing.csv"], "nothing.csv: No such file"),
        (["nothing.npz", "new.csv"], "nothing.npz' cannot be read: No such file"),
        (["lasso.npz", "new.txt"], "new.txt"),
        (["damaged.npz", "new.csv"], "damaged.npz' cannot be read as a sparsereg model"),
        (["new.csv", "new.csv"], "new.csv' cannot be read as a sparsereg model"),
        (["cross.npz", "new.csv"], "cross.npz: holds a LatLongCross, expected a model that predicts"),
        (["lasso.npz", "new.csv", "-o", "lasso.npz"], "lasso.npz: is read by this command and would be replaced"),
        (["lasso.npz", "new.csv", "-o", "no/p.csv"], "no/p.csv: there is no folder"),
        (["lasso.npz", "new.parquet", "--format", "csv"], "new.parquet"),
    ],
)
def test_what_is_refused(arguments, complaint, folder, capsys):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert complaint in refused(capsys, *arguments)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_old_file_stays_where_a_later_block_is_bad(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(predict, "overlapped", lambda blocks: iter([next(blocks), None]))
    target = tmp_path / "p.csv"
    target.write_text("old")
    with pytest.raises(AttributeError):
        main(["predict", "lasso.npz", "new.csv", "-o", str(target)])
    assert target.read_text() == "old" and [*tmp_path.iterdir()] == [target]


@pytest.mark.parametrize("options", [["-o", "p.txt"], ["--alpha", "x"], ["--alpha", "-1"], ["--format", "tsv"]])
def test_wrong_arguments(options, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["predict", "lasso.npz", "new.csv", *options])
    assert stop.value.code == 2
    assert options[0].lstrip("-")[0] in capsys.readouterr().err


def test_rows_come_through_pipes_too(folder, capsys):
    expected = printed(capsys, "lasso.npz", "new.csv")
    command = [sys.executable, "-m", "sparsereg", "predict", "lasso.npz", "-", "--format", "csv"]
    new = (folder / "new.csv").read_bytes()
    done = subprocess.run(command, cwd=folder, input=new, capture_output=True, timeout=120)
    assert (done.returncode, done.stderr, done.stdout.decode()) == (0, b"", expected)


def test_a_pipe_that_closes_early_ends_quietly(folder):
    command = [sys.executable, "-m", "sparsereg", "predict", "lasso.npz", *["new.csv"] * 60]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "prediction\n"
        process.stdout.close()
        assert process.wait(timeout=120) == 0
        assert process.stderr.read() == ""


def test_memory_holds_a_few_blocks(tmp_path, models, monkeypatch):
    """Blocks are predicted as they come: the last one is not read when the first is written."""
    seen = []
    real = predict.read_rows

    def counted(*arguments):
        for one in real(*arguments):
            seen.append("read")
            yield one

    def written(file, blocks):
        for _ in blocks:
            seen.append("written")
        return 0

    monkeypatch.setattr(predict, "read_rows", counted)
    monkeypatch.setitem(predict.WRITERS, ".csv", written)
    assert main(["predict", "lasso.npz", *["new.csv"] * 12, "-o", str(tmp_path / "p.csv")]) == 0
    assert seen.count("read") == seen.count("written") == 12
    assert max(seen[:k].count("read") - seen[:k].count("written") for k in range(len(seen))) <= 3
