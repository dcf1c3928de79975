"""``sparsereg export``: files that score as the model does, or a line that says why there is none."""

import json

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from support.saved_models import TEST

from sparsereg.cli.main import main
from sparsereg.export import to_json, to_parquet

pytestmark = pytest.mark.usefixtures("among_models")


def exported(capsys, *arguments):
    assert main(["export", *map(str, arguments)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def run(path):
    session = onnxruntime.InferenceSession(str(path))
    columns = {one.name: one.type for one in session.get_inputs()}
    feed = {
        name: TEST[name].to_numpy().astype(object if kind == "tensor(string)" else np.float64)
        for name, kind in columns.items()
    }
    return dict(zip([one.name for one in session.get_outputs()], session.run(None, feed)))


@pytest.mark.parametrize("name", ["lasso", "cv", "dear", "size", "stream", "pipeline"])
def test_graphs(name, models, tmp_path, capsys):
    target = tmp_path / "a.onnx"
    out = exported(capsys, f"{name}.npz", "-o", target)
    assert out == f"{target.stat().st_size:,} bytes: {target}\n"
    found, model = run(target), models[name]
    if hasattr(model, "predict_proba"):
        np.testing.assert_allclose(found["probabilities"], model.predict_proba(TEST), rtol=1e-9, atol=1e-12)
        assert found["label"].tolist() == model.predict(TEST).tolist()
    else:
        np.testing.assert_allclose(found["variable"][:, 0], model.predict(TEST), rtol=1e-9, atol=1e-12)


def test_paths(models, tmp_path, capsys):
    alpha = models["path"].model.alphas[20]
    exported(capsys, "path.npz", "-o", tmp_path / "a.onnx", "--alpha", f"{alpha:.4g}")
    found = run(tmp_path / "a.onnx")["variable"][:, 0]
    np.testing.assert_allclose(found, models["path"].predict(TEST, alpha), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("ending", "write"), [(".json", to_json), (".parquet", to_parquet)])
def test_files_are_those_of_python(ending, write, models, tmp_path, capsys):
    exported(capsys, "lasso.npz", "-o", tmp_path / f"a{ending}")
    write(models["lasso"], tmp_path / f"b{ending}")
    assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()
    exported(capsys, "lasso.npz", "-o", tmp_path / f"c{ending}", "--ids")
    write(models["lasso"].model, tmp_path / f"d{ending}")
    assert (tmp_path / f"c{ending}").read_bytes() == (tmp_path / f"d{ending}").read_bytes()


def test_names_and_numbers(models, tmp_path, capsys):
    found = json.loads(exported(capsys, "lasso.npz", "-o", tmp_path / "a.parquet", "--json"))
    assert found["file_bytes"] == (tmp_path / "a.parquet").stat().st_size
    frame = models["lasso"].to_frame().sort_values("id")
    table = pd.read_parquet(tmp_path / "a.parquet")
    assert table["name"].tolist() == frame["name"].tolist()
    np.testing.assert_array_equal(table["south"], frame["south"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["path.npz", "-o", "a.json"], "--alpha: path.npz holds a path of 30 alphas"),
        (["lasso.npz", "-o", "a.json", "--alpha", "1"], "alpha: 1.0 is not allowed with Lasso"),
        (["pipeline.npz", "-o", "a.json"], "transformer: an object of type ColumnTransformer is not allowed"),
        (["log-price.npz", "-o", "a.onnx"], "TransformedTargetRegressor is not allowed"),
        (["damaged.npz", "-o", "a.json"], "damaged.npz' cannot be read"),
        (["cross.npz", "-o", "a.json"], "holds a LatLongCross"),
        (["lasso.npz", "-o", "no/a.json"], "no/a.json: there is no folder"),
    ],
)
def test_what_is_refused(arguments, complaint, folder, capsys):
    assert main(["export", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == "" and complaint in err and err.count("\n") == 1
    assert not (folder / arguments[2]).exists()


def test_wrong_arguments(capsys):
    for options in (["-o", "a.txt"], []):
        with pytest.raises(SystemExit) as stop:
            main(["export", "lasso.npz", *options])
        assert stop.value.code == 2
