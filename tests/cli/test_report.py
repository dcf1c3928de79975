"""sparsereg report: pages of saved models, with rows of every kind of file, and what goes wrong."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support.html_pages import read_page

import sparsereg as sr
from sparsereg.cli.main import main

ROWS = "1 1:1 3:2\n-1 2:1\n1 1:2\n-1 2:3 4:1\n1 1:1 4:1\n-1 2:2\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of rows, and models of them."""
    folder = tmp_path_factory.mktemp("report")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"kind": rng.choice(["a", "b"], 80), "size": rng.normal(size=80)})
    table["price"] = 2.0 * (table["kind"] == "a") + table["size"] + 0.1 * rng.normal(size=80)
    table.to_csv(folder / "rows.csv", index=False)
    table.to_parquet(folder / "rows.parquet")
    features = [(sr.FeatureCross(["kind"]).fit(table[["kind"]]), ["kind"]), "size"]
    (block,) = sr.ArrowReader(table, target="price", features=features)
    lasso = sr.Lasso(0.05).fit(block.X, block.y)
    sr.save_model(sr.TableModel(lasso, features, target="price"), folder / "table.npz")
    makers = ColumnTransformer([("kind", sr.FeatureCross(["kind"]), ["kind"]), ("size", StandardScaler(), ["size"])])
    pipeline = make_pipeline(makers, sr.Lasso(0.05)).fit(table[["kind", "size"]], table["price"])
    sr.save_model(pipeline, folder / "pipeline.npz")
    (folder / "words.svm").write_text(ROWS)
    words = sr.SvmlightReader(str(folder / "words.svm"), n_features=4)
    (rows,) = words
    sr.save_model(sr.logistic_path(rows.X, rows.y, n_alphas=4), folder / "words.npz")
    np.savez(
        folder / "matrix.npz", data=rows.X.data, indices=rows.X.indices, indptr=rows.X.indptr, shape=rows.X.shape,
        format="csr", y=rows.y,
    )  # fmt: skip
    (folder / "damaged.npz").write_bytes((folder / "table.npz").read_bytes()[:-100])
    return folder


def run(folder, *arguments):
    command = [sys.executable, "-W", "error", "-m", "sparsereg", "report", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_page_from_a_shell(folder):
    done = run(folder, "table.npz", "--data", "rows.csv", "-o", "page.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"page.html: {(folder / 'page.html').stat().st_size:,} bytes\n"
    page = read_page(folder / "page.html")
    value = sr.load_model(folder / "table.npz").evaluate(pd.read_csv(folder / "rows.csv"))["r2"]
    assert f"{value:.4g} on rows given to this report" in page.text


@pytest.mark.parametrize(
    ("model", "options", "expected"),
    [
        ("table.npz", ["--data", "rows.parquet"], "kind=a"), ("table.npz", [], "kind=a"),
        ("pipeline.npz", ["--data", "rows.csv", "--target", "price"], "kind__kind=a"),
        ("words.npz", ["--data", "words.svm"], "Whether probabilities come true"),
        ("words.npz", ["--data", "matrix.npz"], "Whether probabilities come true"),
    ],
)  # fmt: skip
def test_every_kind_of_rows(folder, tmp_path, monkeypatch, capsys, model, options, expected):
    monkeypatch.chdir(folder)
    file = tmp_path / "page.html"
    assert main(["report", model, *options, "-o", str(file), "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"output": str(file), "bytes": file.stat().st_size, "warnings": []}
    page = read_page(file)
    assert expected in page.text
    assert ("on rows given to this report" in page.text) == bool(options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["damaged.npz"], "damaged.npz"), (["missing.npz"], "missing.npz"), (["rows.csv"], "rows.csv"),
        (["table.npz", "--data", "words.svm"], "is no table, as table.npz was fitted to; expected .csv or .parquet"),
        (["words.npz", "--data", "rows.csv"], "was fitted to columns without names"),
        (["table.npz", "--data", "rows.csv", "--target", "cost"], "no column 'cost', the file has"),
        (["table.npz", "--data", "missing.csv"], "missing.csv"),
        (["pipeline.npz", "--data", "rows.csv"], "--target: pipeline.npz does not know the target"),
        (["table.npz", "-o", "folder.html"], "folder.html: is no file and cannot be replaced"),
        (["table.npz", "-o", "nowhere/page.html"], "nowhere"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_line(folder, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(folder)
    (folder / "folder.html").mkdir(exist_ok=True)
    (folder / "report.html").write_text("old")
    before = sorted(folder.iterdir())
    assert main(["report", *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert message in printed.err
    assert (folder / "report.html").read_text() == "old"
    assert sorted(folder.iterdir()) == before


def test_wrong_arguments(folder, capsys):
    for arguments in ([], ["table.npz", "-o", "page.pdf"]):
        with pytest.raises(SystemExit) as ended:
            main(["report", *arguments])
        assert ended.value.code == 2
    assert "must end in one of .html .htm" in capsys.readouterr().err


def test_an_interrupted_report_leaves_the_old_file(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    (folder / "report.html").write_text("old")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("sparsereg.report.api._page", interrupt)
    assert main(["report", "table.npz"]) == 130
    assert (folder / "report.html").read_text() == "old"
