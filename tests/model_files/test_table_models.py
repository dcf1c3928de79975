"""Table models in model files: the same predictions, names and facts."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

import sparsereg as sr
from sparsereg import FeatureCross, LatLongCross, TableModel, load_model, model_size, save_model

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"lat": RNG.uniform(0, 3, 60), "lon": RNG.uniform(0, 3, 60), "n": RNG.normal(size=60)})
TABLE["kind"] = RNG.choice(["a", "b"], 60)
TABLE["y"] = TABLE["n"] + (TABLE["kind"] == "a")
TABLE["label"] = np.where(TABLE["y"] > 0.0, "yes", "no")
FEATURES = [
    (LatLongCross(levels=(60,)).fit(TABLE[["lat", "lon"]]), TABLE.columns[:2]), "n",
    (FeatureCross(["kind"]).fit(TABLE[["kind"]]), ("kind",)), (StandardScaler().fit(TABLE[["n"]].to_numpy()), ["n"]),
]  # fmt: skip
HELD_OUT = {"n_samples": 12, "r2": 0.25}


def made(fit, target, **facts):
    (block,) = sr.ArrowReader(TABLE, target=target, features=FEATURES)
    return TableModel(fit(block.X, block.y), FEATURES, target=target, **facts)


MODELS = {
    "batch": made(sr.Lasso(0.01).fit, "y", weight="w", sources=["a.csv", "b.csv"], n_samples=60, held_out=HELD_OUT),
    "chosen": made(sr.LassoCV(n_alphas=5, cv=3).fit, "y"),
    "stream": made(sr.SGDClassifier(alpha=1e-3).fit, "label"),
    "path": made(
        lambda X, y: sr.lasso_path(X, y, n_alphas=3), "y", held_out={"n_samples": 12, "r2": np.array([0.0, 0.1, 0.2])}
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_there_and_back(name, tmp_path):
    model, path = MODELS[name], tmp_path / "model.npz"
    saved = save_model(model, path)
    again = load_model(path)
    assert type(again) is TableModel and type(again.model) is type(model.model)
    np.testing.assert_array_equal(again.predict(TABLE), model.predict(TABLE))
    for fact in ("target", "weight", "missing", "sources", "n_samples", "columns"):
        assert getattr(again, fact) == getattr(model, fact)
    assert repr(again.held_out) == repr(model.held_out)
    assert again.to_frame().equals(model.to_frame())
    assert model_size(again).file == saved.nbytes
    # The transformers' part is in the file alone.
    assert model_size(again).memory == model_size(model.model).memory


def test_compressed_and_with_its_state(tmp_path):
    assert save_model(MODELS["batch"], tmp_path / "a.npz", compress="float16").max_relative_change > 0.0
    save_model(MODELS["stream"], tmp_path / "b.npz", state=True)
    again = load_model(tmp_path / "b.npz")
    (block,) = sr.ArrowReader(TABLE, target="label", features=FEATURES)
    assert again.model.partial_fit(block.X, block.y).t_ == MODELS["stream"].model.t_ + 60


def test_what_cannot_travel_leaves_the_old_file(tmp_path):
    class Strange:
        def transform(self, table):
            return np.asarray(table)

    model = TableModel(sr.Lasso(0.1).fit(TABLE[["n"]].to_numpy(), TABLE["y"]), [(Strange(), ["n"])])
    path = tmp_path / "model.npz"
    path.write_bytes(b"old")
    with pytest.raises(TypeError, match=r"model\.features\[0\]\[0\]: .*Strange"):
        save_model(model, path)
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]
