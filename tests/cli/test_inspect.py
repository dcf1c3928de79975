"""``sparsereg inspect``: what is said of every kind of file is what is in it."""

import json

import numpy as np
import pytest
from support.saved_models import TRAIN, block

import sparsereg as sr
from sparsereg.cli.main import main

pytestmark = pytest.mark.usefixtures("among_models")


def printed(capsys, *arguments):
    assert main(["inspect", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80
    return out


def described(capsys, *arguments):
    assert main(["inspect", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", ["lasso", "cv", "dear", "size", "stream", "pipeline", "log-price", "frame", "plain"])
def test_weights_by_name(name, models, folder, capsys):
    whole = models[name]
    found = described(capsys, f"{name}.npz", "--top", "1000")
    inner = whole.regressor_ if name == "log-price" else whole
    frame = inner.steps[-1][1].to_frame(inner) if hasattr(inner, "steps") else inner.to_frame()
    assert found["n_weights"] == len(found["weights"]) == len(frame)
    for column in frame.columns:
        values = [row[column] for row in found["weights"]]
        assert values == [None if value != value else value for value in frame[column].tolist()]
    assert found["file_bytes"] == (folder / f"{name}.npz").stat().st_size
    assert found["memory_bytes"] == sr.model_size(whole).memory
    text = printed(capsys, f"{name}.npz", "--top", "3")
    assert f"The 3 largest of {len(frame):,} weights" in text or f"All {len(frame)} weights" in text
    if "name" in frame:
        # Ends of long names are shown.
        assert frame["name"][0][:12] in text and frame["name"][0][-8:] in text


def test_facts(models, capsys):
    lasso = models["lasso"]
    found = described(capsys, "lasso.npz")
    assert (found["loss"], found["penalty"], found["alpha"], found["kind"]) == (
        "squared", "elastic_net", 0.01, "TableModel of Lasso",
    )
    for name in ("n_samples", "target"):
        assert found[name] == getattr(lasso, name)
    assert found["sources"] == ["sales.csv"] and found["held_out"] == lasso.held_out
    assert found["n_nonzero"] == lasso.model.sparse_coef_.nnz and found["n_features"] == lasso.n_features
    assert found["dual_gap"] == lasso.model.dual_gap_ and found["intercept"] == lasso.model.intercept_
    first = found["columns"][0]
    assert (first["made_by"], first["of"]) == ("LatLongCross", ["lat", "lon"])
    assert sum(one["n_columns"] for one in first["blocks"]) == 2_400_840
    assert [part["made_by"] for part in found["columns"]] == ["LatLongCross", "numbers", "FeatureCross"]
    text = printed(capsys, "lasso.npz")
    for part in ("L1, alpha 0.01", "cell_10 2,332,800", "40 rows: mse", "150 of sales.csv", "duality gap", "price"):
        assert part in text
    assert "no, yes" in printed(capsys, "dear.npz")
    assert "large, middle, small" in printed(capsys, "size.npz")
    assert "150 rows learned from" in printed(capsys, "stream.npz")
    assert "TransformedTargetRegressor of Pipeline of Lasso" in printed(capsys, "log-price.npz")


def test_paths_and_cross_validations(models, capsys):
    path = models["path"].model
    found = described(capsys, "path.npz")
    assert found["path"]["alpha"] == path.alphas.tolist() and found["path"]["n_nonzero"] == path.df.tolist()
    assert found["path"]["held_out_r2"] == models["path"].held_out["r2"].tolist()
    best = int(np.argmin(models["path"].held_out["mse"]))
    assert found["best_held_out"] == {"measure": "mse", "index": best, "alpha": path.alphas[best]}
    assert "weights" not in found
    text = printed(capsys, "path.npz")
    assert f"at alpha {path.alphas[best]:.4g} (index {best})" in text
    assert "..." in text and f"{path.alphas[-1]:.4g}" in text and f"{path.alphas[12]:.4g}" not in text
    assert "..." not in printed(capsys, "short.npz").split("certificate")[1]
    at = described(capsys, "path.npz", "--alpha", f"{path.alphas[20]:.4g}", "--top", "2")
    frame = models["path"].to_frame(path.alphas[20])
    assert [row["name"] for row in at["weights"]] == frame["name"][:2].tolist()
    assert at["alpha"] == path.alphas[20] and at["intercept"] == [frame.attrs["intercept"]]
    assert str(models["cv"].model) in printed(capsys, "cv.npz")


def test_penalties_and_certificates(tmp_path, capsys):
    X, y = TRAIN[["rooms", "lat"]].to_numpy(), block(TRAIN, "price").y
    for model, words in (
        (sr.ElasticNet(0.1, l1_ratio=0.5), "elastic net, l1_ratio 0.5, alpha 0.1"), (sr.Ridge(0.1), "L2, alpha 0.1"),
        (sr.Lasso(0.1, penalty="mcp"), "mcp, alpha 0.1"), (sr.ElasticNet(0.1, penalty="l0", l1_ratio=0.9), "l0, l1_ra"),
    ):
        sr.save_model(model.fit(X, y), tmp_path / "m.npz")
        text = printed(capsys, str(tmp_path / "m.npz"))
        assert words in text
        assert ("coordinate-wise minimum" in text) is (words[0] in "ml")


def test_what_is_no_model(tmp_path, folder, capsys):
    found = described(capsys, "cross.npz")
    assert found["kind"] == "LatLongCross" and found["columns"][0]["blocks"][2]["name"] == "cell_60"
    assert "cell_60" in printed(capsys, "cross.npz")
    train = block(TRAIN, "dear")
    place = tmp_path / "stream.ckpt"
    sr.SGDClassifier(alpha=1e-3).fit_stream([(train.X, train.y)], classes=["no", "yes"], checkpoint=place)
    found = described(capsys, str(place))
    assert (found["kind"], found["estimator"]) == ("sparsereg checkpoint", "SGDClassifier")
    assert found["n_features"] == train.X.shape[1]
    assert "sparsereg checkpoint of SGDClassifier" in printed(capsys, str(place))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["damaged.npz"], "damaged.npz' cannot be read as a sparsereg model"),
        (["X.npz"], "X.npz' cannot be read as a sparsereg model"), (["new.csv"], "new.csv"),
        (["nothing.npz"], "nothing.npz: No such file"), (["."], ".: Is a directory"),
        (["lasso.npz", "--alpha", "1"], "only a path needs one"), (["path.npz", "--alpha", "1e9"], "is outside"),
    ],
)
def test_what_is_refused(arguments, complaint, capsys):
    assert main(["inspect", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == "" and complaint in err and err.count("\n") == 1
