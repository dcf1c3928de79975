"""``sparsereg plot``: which picture is drawn, of what, and what is left where none can be."""

import json

import numpy as np
import pytest
from support.saved_models import TEST, TRAIN

import sparsereg as sr
from sparsereg import plot as plots
from sparsereg.cli.main import main

pytestmark = pytest.mark.usefixtures("among_models")

BEGINS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.fixture(scope="module")
def models(served):
    folder, made = served
    # One that was learned in steps, with a curve.
    X = made["dear"].transform(TRAIN)
    stream = sr.SGDClassifier(alpha=1e-3)
    for _ in range(2):
        stream.fit_stream([(X, TRAIN["dear"])] * 3, classes=["no", "yes"], n_passes=3)
    sr.save_model(stream, folder / "curve.npz")
    two = TRAIN[["rooms", "lat"]]
    sr.save_model(sr.lasso_path(two - two.mean(), TRAIN["price"], n_alphas=5), folder / "two.npz")
    (two - two.mean()).assign(price=TRAIN["price"]).to_csv(folder / "two.csv", index=False)
    return made


def drawn(capsys, target, *arguments):
    assert main(["plot", *arguments, "-o", str(target), "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert target.read_bytes().startswith(BEGINS[target.suffix[1:]])
    found = json.loads(out)
    assert found["output"] == str(target)
    return found["kind"]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["cv.npz"], "cv"), (["path.npz"], "path"), (["lasso.npz"], "map"), (["plain.npz"], "weights"),
        (["size.npz"], "weights"), (["pipeline.npz"], "map"), (["curve.npz"], "history"), (["frame.npz"], "weights"),
        (["path.npz", "--data", "test.csv"], "scores"), (["dear.npz", "--data", "test.csv"], "calibration"),
        (["size.npz", "--data", "test.csv"], "calibration"), (["lasso.npz", "dear.npz"], "weights"),
    ],
)
def test_the_picture_that_tells_most(arguments, kind, tmp_path, capsys):
    assert drawn(capsys, tmp_path / "a.svg", *arguments) == kind


def seen(monkeypatch, name):
    """Keep what a picture is drawn of, and the axes."""
    calls, real = [], getattr(plots, name)

    def kept(*arguments, **settings):
        calls.append((arguments, settings, real(*arguments, **settings)))
        return calls[-1][2]

    monkeypatch.setattr(plots, name, kept)
    return calls


def test_scores_are_of_the_rows_held_out_or_given(models, tmp_path, capsys, monkeypatch):
    calls = seen(monkeypatch, "plot_scores")
    drawn(capsys, tmp_path / "a.png", "path.npz", "--kind", "scores", "--metric", "r2")
    drawn(capsys, tmp_path / "b.png", "path.npz", "--data", "test.csv")
    (_, held_out, *_), settings, _ = calls[0]
    assert settings == {"metric": "r2"}
    np.testing.assert_allclose(held_out["mse"], models["path"].evaluate(TEST)["mse"], rtol=1e-12)
    np.testing.assert_allclose(calls[1][0][1]["mse"], held_out["mse"], rtol=1e-12)


def test_calibration_compares_models(models, tmp_path, capsys, monkeypatch):
    calls = seen(monkeypatch, "plot_calibration")
    alpha = f"{models['dear-path'].model.alphas[2]:.4g}"
    drawn(
        capsys, tmp_path / "a.pdf", "dear.npz", "dear-path.npz", "--alpha", alpha, "--kind", "calibration",
        "--data", "test.csv", "--label", "no",
    )  # fmt: skip
    (shares, X, y, _), settings, _ = calls[0]
    assert X is None and y.tolist() == TEST["dear"].tolist() and settings["label"] == "no"
    np.testing.assert_array_equal(settings["sample_weight"], np.ones(len(y)))
    np.testing.assert_allclose(shares["dear"].table, models["dear"].predict_proba(TEST), rtol=1e-12)
    expected = models["dear-path"].predict_proba(TEST, models["dear-path"].model.alphas[2])
    np.testing.assert_allclose(shares["dear-path"].table, expected, rtol=1e-12)


def test_calibration_counts_weights_and_knows_classes_that_no_row_has(models, tmp_path, capsys, monkeypatch):
    calls = seen(monkeypatch, "plot_calibration")
    made = models["dear"]
    sr.save_model(sr.TableModel(made.model, made.features, target="dear", weight="w"), tmp_path / "weighted.npz")
    rows = TEST[TEST["dear"] == "yes"]
    rows = rows.assign(w=np.arange(1.0, len(rows) + 1.0))
    rows.to_csv(tmp_path / "yes.csv", index=False)
    drawn(capsys, tmp_path / "a.svg", str(tmp_path / "weighted.npz"), "--data", str(tmp_path / "yes.csv"))
    (((named, _, labels, _), settings, _),) = calls
    assert set(labels) == {"yes"}
    np.testing.assert_array_equal(settings["sample_weight"], rows["w"])
    np.testing.assert_allclose(named["weighted"].predict_proba(None), made.predict_proba(rows), rtol=1e-12)


def test_weights_paths_maps_and_contours(models, tmp_path, capsys, monkeypatch):
    weights, paths = seen(monkeypatch, "plot_weights"), seen(monkeypatch, "plot_path")
    maps, contours = seen(monkeypatch, "plot_map"), seen(monkeypatch, "plot_contours")
    target, alpha = tmp_path / "a.png", models["path"].model.alphas[25]
    drawn(capsys, target, "lasso.npz", "path.npz", "--kind", "weights", "--alpha", repr(float(alpha)))
    (shown, _), settings, _ = weights[0]
    assert shown["lasso"] is not None and [*shown] == ["lasso", "path"]
    assert shown["path"].ids.tolist() == models["path"].model.at(alpha)[0].ids.tolist()
    assert settings == {"n_active": models["path"].model.n_active}
    drawn(capsys, target, "path.npz", "--x", "norm")
    assert paths[0][1]["x"] == "norm"
    assert any("rooms" in text.get_text() for text in paths[0][2].figure.findobj(lambda a: hasattr(a, "get_text")))
    drawn(capsys, target, "path.npz", "--kind", "map", "--alpha", repr(float(alpha)), "--what", "weights")
    assert maps[0][1] == {"alpha": alpha, "what": "weights", "level": None, "label": None}
    two = repr(float(sr.load_model("two.npz").alphas[2]))
    drawn(capsys, target, "two.npz", "--kind", "contours", "--alpha", two, "--data", "two.csv", "--target", "price")
    np.testing.assert_allclose(contours[0][0][2], TRAIN["price"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["lasso.npz", "--kind", "cv"], "--kind cv: lasso.npz holds a Lasso, which no cross-validation has chosen"),
        (["lasso.npz", "--kind", "path"], "which has no path"), (["plain.npz", "--kind", "map"], "no weights of cells"),
        (["lasso.npz", "--kind", "history"], "which was not learned from a stream"),
        (["short.npz", "--kind", "scores"], "no rows were held out; expected --data"),
        (["dear.npz", "--kind", "calibration"], "expected --data, rows with their labels"),
        (["lasso.npz", "--kind", "calibration"], "which has no probabilities"),
        (["path.npz", "--kind", "contours"], "expected a path of two columns"),
        (["two.npz", "--kind", "contours"], "expected --data"),
        (["two.npz", "--data", "two.csv"], "--target: two.npz does not know the target"),
        (["path.npz", "short.npz", "--kind", "path"], "2 models are not allowed, expected one; calibration, history"),
        (["path.npz", "--kind", "weights"], "--alpha: path.npz holds a path of 30 alphas"),
        (["size.npz", "--kind", "map"], "--kind map"),
        (["size.npz", "--data", "test.csv", "--label", "huge"], "--label: 'huge' is none of the classes large, middle"),
        (["path.npz", "--data", "new.csv"], "no column 'price', the file has"),
        (["path.npz", "--data", "X.npz"], "X.npz: is no table"),
        (["damaged.npz"], "damaged.npz' cannot be read"), (["cross.npz"], "holds a LatLongCross"),
    ],
)
def test_what_is_refused(arguments, complaint, tmp_path, capsys):
    target = tmp_path / "old.png"
    target.write_text("old")
    assert main(["plot", *arguments, "-o", str(target)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and complaint in err and err.count("\n") == 1
    assert target.read_text() == "old" and [*tmp_path.iterdir()] == [target]


def test_wrong_arguments(capsys):
    for options in (["-o", "a.txt"], ["-o", "a.png", "--kind", "pie"], []):
        with pytest.raises(SystemExit) as stop:
            main(["plot", "lasso.npz", *options])
        assert stop.value.code == 2
    assert main(["plot", "lasso.npz", "-o", "no/a.png"]) == 1
    assert "no/a.png: " in capsys.readouterr().err
