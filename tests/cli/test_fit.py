"""``sparsereg fit``: the fits of the library, from files; results for people and programs; what is refused."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from scipy import sparse
from support.commands import run_json

from sparsereg import Lasso, LogisticRegression, SvmlightReader, TableModel, load_model
from sparsereg.cli.main import main

HOUSES = ("houses.csv", "--target", "median_house_value")
PLACES = ("--lat", "latitude", "--lon", "longitude", "--levels", "60", "10")


def test_a_table_is_fitted_as_the_library_fits_it(here, capsys):
    found = run_json(
        capsys, "fit", *HOUSES, *PLACES, "--numeric", "median_income", "--categorical", "ocean_proximity",
        "--alpha", "300", "--save", "model.npz",
    )
    model = load_model(here / "model.npz")
    assert isinstance(model, TableModel)
    assert (model.target, model.sources, model.n_samples) == ("median_house_value", ("houses.csv",), 20_640)
    table = pyarrow.csv.read_csv(here / "houses.csv")
    X, y = model.transform(table), table.column("median_house_value").to_numpy()
    same = Lasso(alpha=300.0).fit(X, y)
    assert found["n_nonzero"] == model.model._coef.ids.size
    assert found["objective"] == pytest.approx(same.objective_, rel=1e-6)
    assert found["train"]["r2"] == pytest.approx(same.evaluate(X, y)["r2"], abs=1e-4)
    assert found["train"]["mse"] == pytest.approx(np.mean((y - model.predict(table)) ** 2), rel=1e-6)
    data = found["data"]
    assert (data["n_samples"], data["n_features"]) == (20_640, X.shape[1])
    assert data["n_occupied"] == np.unique(X.indices).size
    assert data["n_distinct"] == np.unique(X.toarray() if X.shape[1] < 100 else _keys(X)).size
    coef = model.model._coef
    largest = max(zip(coef.ids.tolist(), coef.values.toarray()[:, 0]), key=lambda pair: abs(pair[1]))
    assert (found["largest"][0]["id"], found["largest"][0]["weight"]) == largest
    assert found["largest"][0]["name"] == model.feature_name([largest[0]])[0]
    assert found["saved"]["bytes"] == (here / "model.npz").stat().st_size
    assert model.model.callback is None


def _keys(X):
    return np.array([hash((*X.indices[a:b], *X.data[a:b])) for a, b in zip(X.indptr[:-1], X.indptr[1:])])


def test_classes_svmlight_and_npz_are_fitted_alike(here, capsys):
    (block,) = SvmlightReader(here / "words.svm")
    ids, places = np.unique(block.X.indices, return_inverse=True)
    X = sparse.csr_matrix((block.X.data, places, block.X.indptr), shape=(block.X.shape[0], ids.size))
    sparse.save_npz(here / "X.npz", X)
    np.save(here / "y.npy", block.y)
    expected = LogisticRegression(alpha=0.01).fit(X, block.y)
    rows = run_json(capsys, "fit", "words.svm", "--loss", "logistic", "--alpha", ".01", "--save", "words.npz")
    matrix = run_json(capsys, "fit", "X.npz", "--target", "y.npy", "--loss", "logistic", "--alpha", ".01")
    for found in (rows, matrix):
        assert found["objective"] == pytest.approx(expected.objective_, rel=1e-6)
        assert found["data"]["classes"] == [-1.0, 1.0]
    assert [ids[one["id"]] for one in matrix["largest"]] == [one["id"] for one in rows["largest"]]
    assert isinstance(load_model(here / "words.npz"), LogisticRegression)


def test_rows_held_out_judge_and_do_not_teach(here, capsys):
    arguments = ("fit", *HOUSES, *PLACES, "--alpha", "100", "--holdout", "0.25")
    found = run_json(capsys, *arguments, "--save", "held.npz")
    n_held_out = found["data"]["n_held_out"]
    assert found["data"]["n_samples"] + n_held_out == 20_640
    assert n_held_out == pytest.approx(0.25 * 20_640, rel=0.05)
    assert found["held_out"]["mse"] != found["train"]["mse"]
    assert load_model(here / "held.npz").held_out == {**found["held_out"], "n_samples": n_held_out}
    assert run_json(capsys, *arguments)["held_out"] == found["held_out"]
    assert run_json(capsys, *arguments, "--seed", "1")["held_out"] != found["held_out"]
    assert main(list(arguments)) == 0
    out, _ = capsys.readouterr()
    assert "measure  training rows   held out" in out
    assert f"{n_held_out:,} more held out" in out
    assert max(map(len, out.splitlines())) <= 80


def test_without_a_choice_every_column_is_a_feature(here, capsys):
    how = ("--alpha", "1000", "--missing", "indicator", "--standardize")
    found = run_json(capsys, "fit", *HOUSES, *how, "--save", "all.npz")
    assert "ocean_proximity" in found["data"]["features"]
    assert "(all columns of the table)" in found["data"]["features"]
    # Eight numbers, each with whether it is missing, and five categories.
    assert found["data"]["n_features"] == 2 * 8 + 5
    assert load_model(here / "all.npz").missing == "indicator"


def test_crosses_weights_and_losses(here, capsys):
    table = pyarrow.parquet.read_table(here / "clicks.parquet")
    table = table.append_column("w", [np.linspace(0.5, 2.0, table.num_rows)])
    pyarrow.parquet.write_table(table, here / "weighted.parquet")
    found = run_json(
        capsys, "fit", "weighted.parquet", "--target", "clicked", "--weight", "w", "--loss", "logistic", "--cross",
        "device:hour", "--alpha", "1e-4", "--penalty", "elastic_net", "--l1-ratio", "0.9", "--save", "w.npz",
    )
    model = load_model(here / "w.npz")
    X, y = model.transform(table), table.column("clicked").to_numpy()
    assert model.transform(table).shape[1] == 3 + 24 + 72 == found["data"]["n_features"]
    same = LogisticRegression(alpha=1e-4, l1_ratio=0.9).fit(X, y, sample_weight=table.column("w").to_numpy())
    assert found["objective"] == pytest.approx(same.objective_, rel=1e-6)
    hashed = run_json(
        capsys, "fit", "weighted.parquet", "--target", "clicked", "--loss", "logistic", "--cross", "device:hour",
        "--hash-bits", "18", "--alpha", "1e-4",
    )
    assert hashed["data"]["n_features"] == 2**18


def test_pipes_are_read_as_files_are(here, capsys):
    arguments = ["--target", "median_house_value", "--categorical", "ocean_proximity", "--alpha", "10"]
    of_file = run_json(capsys, "fit", "houses.csv", *arguments)
    done = subprocess.run(
        [sys.executable, "-m", "sparsereg", "fit", "-", "--format", "csv", *arguments, "--json"],
        input=(here / "houses.csv").read_bytes(), capture_output=True, timeout=120, env=None,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    of_pipe = json.loads(done.stdout)
    assert of_pipe["data"].pop("files") == ["standard input"]
    del of_file["data"]["files"]
    assert of_pipe == of_file


@pytest.mark.parametrize(
    ("rows", "arguments", "complaint"),
    [
        ("1,1\n2,3\n5,4\n", ["--types", "b:string"], "no column 'b', the file has 'a', 'y'"),
        ("1,1\n2,3\n5,4\n", ["--holdout", "0.001"], "holdout: 0.001 of 3 rows are 0, expected at least one"),
        ("1,1\n2,3\n5,4\n", ["--holdout", "0.999"], "holdout: 0.999 of 3 rows are 3, expected at least one"),
        ("1,1\n2,3\n5,4\n", ["--cv", "4"], "n_folds: 4 is not allowed for 3 rows, expected no more"),
        ("1,inf\n2,3\n5,4\n", [], "column 'y' has inf, expected a finite number\n"),
        ("1,no\n2,3\n5,4\n", [], "invalid value 'no'; --loss logistic takes texts as classes\n"),
    ],
)
def test_what_small_tables_cannot_do(tmp_path, capsys, rows, arguments, complaint):
    (tmp_path / "few.csv").write_text("a,y\n" + rows)
    alpha = [] if "--cv" in arguments else ["--alpha", "0.1"]
    assert main(["fit", str(tmp_path / "few.csv"), "--target", "y", "--numeric", "a", *alpha, *arguments]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert complaint in err


def test_targets_of_another_kind_of_file(tmp_path, capsys):
    sparse.save_npz(tmp_path / "X.npz", sparse.eye_array(3, format="csr"))
    (tmp_path / "y.csv").write_text("y\n1\n2\n3\n")
    assert main(["fit", str(tmp_path / "X.npz"), "--target", str(tmp_path / "y.csv"), "--alpha", "1"]) == 1
    err = capsys.readouterr().err
    assert "y.csv: expected an array of targets as numpy.save writes it" in err
    assert "pickle" not in err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nope.csv", "--target", "a"], "nope.csv: No such file"),
        (["houses.csv"], "--target: a table needs the column that is to be predicted; the file has 'longitude', "),
        (["houses.csv", "--target", "price"], "houses.csv: no column 'price', the file has 'longitude', 'latitude', "),
        (["words.svm", "--loss", "logistic", "--holdout", "1e-9"], "holdout: 1e-09 of "),
        ([*HOUSES, "--numeric", "income"], "houses.csv: no column 'income', the file has 'longitude', "),
        ([*HOUSES], "column 'total_bedrooms' has no value, expected a number; --missing indicator"),
        (["houses.csv", "--target", "ocean_proximity", "--numeric", "latitude"], "--loss logistic takes texts"),
        (["clicks.parquet", "--target", "clicked", "--numeric", "lat"], "two values, 0 and 1; use --loss logistic"),
        (["clicks.parquet", "--target", "clicked", "--numeric", "device"], "column 'device' holds string"),
        (["houses.csv", "words.svm"], "files of several kinds are not allowed, got houses.csv and words.svm"),
        (["words.svm", "--numeric", "a"], "--numeric: not for svmlight files, only for csv and parquet"),
        (["words.svm", "--target", "a"], "--target: not for svmlight files"),
        (["houses.csv", "--format", "parquet", "--target", "a"], "houses.csv: Parquet magic bytes not found"),
        (["clicks.parquet", "--format", "svmlight"], "clicks.parquet"),
        (["X.npz", "--save", "X.npz"], "X.npz: is read by this command and would be replaced"),
        ([*HOUSES, "--numeric", "median_income", "--label-smoothing", "0.1"], "--label-smoothing: not for Lasso"),
        ([*HOUSES, "--numeric", "median_income", "--save", "none/a.npz"], "none/a.npz: there is no folder"),
        ([*HOUSES, "--numeric", "median_income", "--penalty", "mcp", "--gamma", "0.5"], "gamma: 0.5 is outside"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(here, capsys, arguments, complaint):
    (here / "old.npz").write_text("old")
    (here / "X.npz").touch()
    given = arguments if "--save" in arguments else [*arguments, "--save", "old.npz"]
    assert main(["fit", *given, "--alpha", "1"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("sparsereg: ")
    assert err.count("\n") == 1
    assert complaint in err
    assert (here / "old.npz").read_text() == "old"
    assert [*here.glob("*.tmp")] == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--alpha", "-1"], "--alpha: must be a finite number of at least 0"),
        ([], "one of the arguments --alpha --cv is required"),
        (["--alpha", "1", "--save", "model.txt"], "--save: the name must end in .npz"),
        (["--alpha", "1", "--lat", "latitude"], "--lat and --lon go together"),
        (["--alpha", "1", "--levels", "10"], "--levels: needs --lat and --lon"),
        (["--alpha", "1", *PLACES[:4], "--levels", "10", "60"], "--levels: widths must fall"),
        (["--alpha", "1", "--hash-bits", "8"], "--hash-bits: needs"),
        (["--alpha", "1", "--cross", "a"], "--cross: must be two or more columns"),
        (["--alpha", "1", "--numeric", "a", "--categorical", "a"], "'a' is named twice"),
        (["--alpha", "1", "--l1-ratio", "0.5"], "--l1-ratio: not for --penalty l1"),
        (["--alpha", "1", "--missing", "never"], "--missing: must be error, indicator or a number"),
        (["--alpha", "1", "--types", "zip"], "--types: must be COLUMN:TYPE"),
    ],
)
def test_wrong_arguments(here, capsys, arguments, complaint):
    with pytest.raises(SystemExit) as stop:
        main(["fit", *HOUSES, *arguments])
    assert stop.value.code == 2
    assert complaint in capsys.readouterr().err.splitlines()[-1]


def test_warnings_are_lines_and_data(here, capsys):
    few = ("--alpha", "0.1", "--max-iter", "1")
    assert main(["fit", *HOUSES, *PLACES, "--numeric", "median_income", "population", *few, "--json"]) == 0
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert line == f"sparsereg: warning: {json.loads(out)['warnings'][0]}"


def test_what_is_read_is_not_replaced(here, capsys):
    X, y = sparse.eye_array(6, format="csr"), np.arange(6.0)
    sparse.save_npz(here / "matrix.npz", X)
    with np.load(here / "matrix.npz") as arrays:
        np.savez(here / "rows.npz", **arrays, y=y)
    before = (here / "rows.npz").read_bytes()
    for command in (["fit", "--alpha", "1"], ["cv", "--cv", "2"], ["path"], ["stream"]):
        assert main([command[0], "rows.npz", *command[1:], "--save", "rows.npz"]) == 1
        assert "rows.npz: is read by this command" in capsys.readouterr().err
    for several in ("row?.npz", "."):
        assert main(["fit", several, "--format", "npz", "--alpha", "1", "--save", "rows.npz"]) == 1
        assert "rows.npz: is read by this command" in capsys.readouterr().err
    assert main(["stream", "matrix.npz", "--validation", "rows.npz", "--checkpoint", "rows.npz"]) == 1
    assert "rows.npz: is read by this command" in capsys.readouterr().err
    assert (here / "rows.npz").read_bytes() == before


@pytest.mark.parametrize("moment", ["reading", "fitting"])
def test_an_interrupt_leaves_the_old_file(here, capsys, monkeypatch, moment):
    (here / "old.npz").write_text("old")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    place = {"reading": "sparsereg.readers.table_rows.TableRows.features", "fitting": "sparsereg.Lasso.fit"}[moment]
    monkeypatch.setattr(place, interrupted)
    assert main(["fit", *HOUSES, "--numeric", "median_income", "--alpha", "1", "--save", "old.npz"]) == 130
    assert capsys.readouterr().err == "sparsereg: interrupted\n"
    assert (here / "old.npz").read_text() == "old"


def test_ctrl_c_ends_within_a_second(here):
    # A pipe that never ends is read for ever.
    command = [sys.executable, "-m", "sparsereg", "stream", "-", "--format", "svmlight", "--save", "old.npz"]
    (here / "old.npz").write_text("old")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=here, **pipes) as process:
        for _ in range(40):
            process.stdin.write(b"1 1:1\n2 2:1\n" * 50_000)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        out, err = process.communicate(timeout=60)
        assert time.monotonic() - begun < 5.0  # one, on a machine that has nothing else to do
    assert (process.returncode, out, err) == (130, b"", b"sparsereg: interrupted\n")
    assert (here / "old.npz").read_text() == "old"


def test_tabs_may_be_spelled_out(here, capsys):
    text = "size\tprice\n" + "".join(f"{k}\t{2 * k + k % 3}\n" for k in range(30))
    (here / "tabs.csv").write_text(text)
    (here / "commas.csv").write_text(text.replace("\t", ","))
    options = ("--target", "price", "--alpha", "0.1")
    tabs = run_json(capsys, "fit", "tabs.csv", *options, "--delimiter", "\\t", "--save", "tabs.npz")
    assert tabs["largest"] == run_json(capsys, "fit", "commas.csv", *options)["largest"] != []
    assert main(["predict", "tabs.npz", "tabs.csv", "--delimiter", "\\t"]) == 0
    printed = capsys.readouterr().out
    assert main(["predict", "tabs.npz", "commas.csv"]) == 0
    assert printed == capsys.readouterr().out
