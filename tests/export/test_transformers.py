"""ColumnTransformers and Pipelines in a graph: the predictions of scikit-learn, and a name for what cannot be there."""

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler
from support.exported import javascript, run, session

from sparsereg import (
    ArrowReader,
    FeatureCross,
    Lasso,
    LatLongCross,
    LinearSVC,
    LogisticRegression,
    PoissonRegressor,
    TableModel,
)
from sparsereg.export import to_json, to_onnx, to_parquet

RNG = np.random.default_rng(0)
N = 400
HOUSES = pd.DataFrame({
    "latitude": RNG.uniform(32, 42, N), "longitude": RNG.uniform(-124, -114, N), "rooms": RNG.normal(6, 2, N),
    "age": RNG.integers(1, 52, N), "sea": RNG.choice(["near", "inland", "island"], N),
    "zone": RNG.integers(-2, 3, N), "grade": RNG.choice([0.5, 1.0, 2.5], N), "income": RNG.normal(4, 1, N),
})  # fmt: skip
POINT = ["latitude", "longitude"]
TARGET = HOUSES["latitude"] % 2 + 0.2 * HOUSES["rooms"] + (HOUSES["sea"] == "near") + 0.1 * RNG.normal(size=N)


def table(**words):
    """Return a ColumnTransformer with steps of every kind."""
    return ColumnTransformer([
        ("cells", LatLongCross(levels=(60, 10)), POINT), ("scaled", StandardScaler(), ["rooms", "age"]),
        ("sea", OneHotEncoder(handle_unknown="ignore"), ["sea", "zone"]), ("plain", "passthrough", ["income"]),
        ("crossed", FeatureCross([("sea", "zone")]), ["zone", "sea"]),
        ("grade", OneHotEncoder(drop="first"), ["grade"]),
    ], **words)  # fmt: skip


def inputs(frame):
    """Return the columns as a graph takes them."""
    kinds = {"sea": object, "zone": np.int64}
    return {name: frame[name].to_numpy(dtype=kinds.get(name, np.float64)) for name in frame}


@pytest.mark.parametrize(("model", "y"), [
    (Lasso(alpha=1e-3), TARGET), (LogisticRegression(alpha=1e-3), TARGET > 2),
    (PoissonRegressor(alpha=1e-3), TARGET // 1),
    (LogisticRegression(alpha=1e-3), np.digitize(TARGET, [1.5, 2.5])), (LinearSVC(alpha=1e-3), TARGET > 2),
], ids=["squared", "logistic", "poisson", "softmax", "hinge"])  # fmt: skip
def test_steps_of_every_kind(model, y, tmp_path):
    steps = table().fit(HOUSES)
    model.fit(steps.transform(HOUSES), y.clip(0) if y.dtype.kind == "f" else y)
    to_onnx(model, tmp_path / "m.onnx", transformer=steps)
    rows = HOUSES.copy()
    rows.loc[:20, "sea"] = "sky"
    rows.loc[10:30, "zone"] = 77
    found = run(tmp_path / "m.onnx", **inputs(rows))
    X = steps.transform(rows)
    if hasattr(model, "predict_proba"):
        np.testing.assert_allclose(found["probabilities"], model.predict_proba(X), rtol=1e-11, atol=1e-15)
    elif hasattr(model, "classes_"):
        np.testing.assert_allclose(found["scores"][:, 0], model.decision_function(X), rtol=1e-11, atol=1e-12)
    else:
        np.testing.assert_allclose(found["variable"][:, 0], model.predict(X), rtol=1e-11)
    ones = {*steps.transform(rows).indices[X.data == 1.0]}
    assert {*found["ids"].ravel()} - {-1} <= ones
    assert found["ids"].shape == (N, 4 + 2 + 3 + 1)


def test_rows_that_a_step_refuses_give_nan(tmp_path):
    steps = table().fit(HOUSES)
    model = Lasso(alpha=1e-3).fit(steps.transform(HOUSES), TARGET)
    to_onnx(model, tmp_path / "m.onnx", transformer=steps)
    rows = HOUSES[:6].copy()
    rows.loc[0, "latitude"] = 91.0
    rows.loc[1, "longitude"] = np.nan
    rows.loc[2, "rooms"] = np.nan
    rows.loc[3, "grade"] = 7.0
    for k in (0, 1, 2, 3):
        with pytest.raises(ValueError, match=r"latitude|longitude|NaN|nan|unknown categories"):
            model.predict(steps.transform(rows[k : k + 1]))
    found = run(tmp_path / "m.onnx", **inputs(rows))["variable"][:, 0]
    assert np.isnan(found).tolist() == [True] * 4 + [False] * 2


def test_numbers_alone_and_columns_without_names(tmp_path):
    X = HOUSES[["rooms", "age", "income", "grade"]].to_numpy()
    for steps in (
        ColumnTransformer([("a", StandardScaler(with_mean=False), [2, 0])], remainder="passthrough"),
        ColumnTransformer([("a", StandardScaler(with_std=False), slice(1, 3)), ("b", "drop", [0])]),
        ColumnTransformer([("a", FunctionTransformer(), [True, False, True, False]), ("none", StandardScaler(), [])]),
        ColumnTransformer([("a", StandardScaler(), lambda X: [0, 1])]),
    ):  # fmt: skip
        model = Lasso(alpha=1e-3).fit(steps.fit_transform(X), TARGET)
        to_onnx(model, tmp_path / "m.onnx", transformer=steps)
        wanted = {given.name for given in onnx.load(tmp_path / "m.onnx").graph.input}
        found = run(tmp_path / "m.onnx", **{name: X[:, int(name[1:])] for name in wanted})
        assert {*found} == {"variable"}
        np.testing.assert_allclose(found["variable"][:, 0], model.predict(steps.transform(X)), rtol=1e-12)


def test_names_in_every_way_that_a_column_transformer_takes(tmp_path):
    for chosen, names in (
        (slice("latitude", "longitude"), POINT), (slice(None, "longitude"), POINT), (slice(0, 2), POINT),
        (np.array(POINT), POINT), ([1, 0], POINT[::-1]), (pd.Index(POINT), POINT),
    ):  # fmt: skip
        steps = ColumnTransformer([("a", "passthrough", chosen)]).fit(HOUSES)
        model = Lasso(alpha=1e-3).fit(steps.transform(HOUSES), TARGET)
        to_onnx(model, tmp_path / "m.onnx", transformer=steps)
        found = run(tmp_path / "m.onnx", **{name: HOUSES[name].to_numpy() for name in names})
        np.testing.assert_allclose(found["variable"][:, 0], model.predict(steps.transform(HOUSES)), rtol=1e-12)


def test_what_cannot_be_part_of_a_graph_is_named(tmp_path):
    odd = HOUSES.assign(holes=["a", None] * (N // 2), truth=HOUSES["age"] > 20, gap=[1.0, np.nan] * (N // 2))
    for step, columns, message in (
        (MinMaxScaler(), ["rooms"], "step 'odd', of type MinMaxScaler, cannot be part of an ONNX graph, expected a"),
        (FunctionTransformer(np.log), ["age"], "step 'odd', of type FunctionTransformer, cannot be part"),
        (FeatureCross(hashed=8), ["sea", "zone"], "step 'odd', a FeatureCross that hashes, cannot be part"),
        (OneHotEncoder(min_frequency=5), ["sea"], "infrequent categories of its step 'odd' cannot be part"),
        (OneHotEncoder(), ["truth"], "categories of its step 'odd' of type bool cannot be part"),
        (OneHotEncoder(), ["holes"], "categories of its step 'odd' of type object cannot be part"),
        (OneHotEncoder(), ["gap"], "categories of its step 'odd' of type float64 cannot be part"),
    ):
        steps = ColumnTransformer([("good", LatLongCross(), POINT), ("odd", step, columns)]).fit(odd)
        model = Lasso(alpha=1e-2).fit(steps.transform(odd), TARGET)
        with pytest.raises(TypeError, match=message):
            to_onnx(model, tmp_path / "m.onnx", transformer=steps)
    steps = ColumnTransformer([("a", OneHotEncoder(), ["zone"]), ("b", StandardScaler(), ["zone"])]).fit(HOUSES)
    model = Lasso(alpha=1e-2).fit(steps.transform(HOUSES), TARGET)
    with pytest.raises(ValueError, match=r"^transformer: column 'zone' is used as int64 and as float64, expected"):
        to_onnx(model, tmp_path / "m.onnx", transformer=steps)
    with pytest.raises(ValueError, match=r"^transformer: it makes 1 columns, expected 6, those of the model"):
        to_onnx(model, tmp_path / "m.onnx", transformer=ColumnTransformer([("a", "passthrough", [0])]).fit(HOUSES))
    weighted = table(transformer_weights={"scaled": 3.0}).fit(HOUSES)
    model = Lasso(alpha=1e-2).fit(weighted.transform(HOUSES), TARGET)
    with pytest.raises(TypeError, match=r"^transformer: its transformer_weights \{'scaled': 3.0\} cannot be part"):
        to_onnx(model, tmp_path / "m.onnx", transformer=weighted)
    with pytest.raises(ValueError, match="not fitted"):
        to_onnx(model, tmp_path / "m.onnx", transformer=ColumnTransformer([]))
    with pytest.raises(TypeError, match=r"^transformer: .* ColumnTransformer is not allowed, expected None, a LatLong"):
        to_json(model, tmp_path / "m.json", transformer=steps)
    assert not [*tmp_path.iterdir()]


def test_a_pipeline_is_its_two_steps(tmp_path):
    pipeline = make_pipeline(LatLongCross(levels=(60, 10)), "passthrough", Lasso(alpha=1e-3)).fit(HOUSES[POINT], TARGET)
    to_onnx(pipeline, tmp_path / "m.onnx")
    found = run(tmp_path / "m.onnx", points=HOUSES[POINT].to_numpy())["variable"][:, 0]
    np.testing.assert_allclose(found, pipeline.predict(HOUSES[POINT]), rtol=1e-12)
    to_json(pipeline, tmp_path / "m.json")
    first = ", ".join(map(repr, HOUSES[POINT].to_numpy()[0].tolist()))
    scored = javascript(
        f"() => {{ const model = {(tmp_path / 'm.json').read_text()}; "
        f"return scorer(model)(latLongIds(model.transformer, {first})); }}"
    )
    assert scored == pytest.approx(found[0], rel=1e-12)
    to_parquet(pipeline, tmp_path / "m.parquet")
    assert pd.read_parquet(tmp_path / "m.parquet")["id"].tolist() == pipeline[-1].sparse_coef_.indices.tolist()
    pipeline = Pipeline([("all", table()), ("model", Lasso(alpha=1e-3))]).fit(HOUSES, TARGET)
    to_onnx(pipeline, tmp_path / "m.onnx")
    found = run(tmp_path / "m.onnx", **inputs(HOUSES))["variable"][:, 0]
    np.testing.assert_allclose(found, pipeline.predict(HOUSES), rtol=1e-12)


@pytest.mark.parametrize(("step", "columns"), [
    (OneHotEncoder(drop="first"), ["sea", "zone"]), (StandardScaler(), ["rooms", "income"]),
])  # fmt: skip
def test_one_step_of_scikit_learn_needs_no_table_around_it(step, columns, tmp_path):
    X = HOUSES[columns]
    pipeline = make_pipeline(step, Lasso(alpha=1e-3)).fit(X, TARGET)
    to_onnx(pipeline, tmp_path / "m.onnx")
    found = run(tmp_path / "m.onnx", **inputs(X))["variable"][:, 0]
    np.testing.assert_allclose(found, pipeline.predict(X), rtol=1e-12)
    with pytest.raises(ValueError, match=r"^transformer: it makes \d columns, expected 40"):
        to_onnx(Lasso().fit(np.eye(40), np.arange(40.0)), tmp_path / "m.onnx", transformer=step)
    with pytest.raises(ValueError, match="not fitted"):
        to_onnx(pipeline[-1], tmp_path / "m.onnx", transformer=type(step)())


def test_pipelines_that_cannot_be_exported(tmp_path):
    scaled = make_pipeline(MinMaxScaler(), Lasso(alpha=0.1)).fit(HOUSES[POINT], TARGET)
    with pytest.raises(TypeError, match=r"^transformer: .* MinMaxScaler is not .* OneHotEncoder, .*\[-1\], takes"):
        to_onnx(scaled, tmp_path / "m.onnx")
    with pytest.raises(TypeError, match=r"^transformer: .* MinMaxScaler is not .*to_json\(.* of pipeline\[-1\], takes"):
        to_json(scaled, tmp_path / "m.json")
    twice = make_pipeline(StandardScaler(), MinMaxScaler(), Lasso(alpha=0.1)).fit(HOUSES[POINT], TARGET)
    with pytest.raises(TypeError, match=r"^model: a Pipeline with the steps 'standardscaler', 'minmaxscaler' .*\[-1\]"):
        to_onnx(twice, tmp_path / "m.onnx")
    with pytest.raises(ValueError, match=r"^transformer: it is not allowed with a Pipeline, whose steps"):
        to_onnx(scaled, tmp_path / "m.onnx", transformer=LatLongCross())
    with pytest.raises(TypeError, match=r"^model: an object of type MinMaxScaler is not allowed, expected a fitted"):
        to_onnx(make_pipeline(LatLongCross(), MinMaxScaler()), tmp_path / "m.onnx")


def table_models():
    """A table with gaps, and a model of its numbers beside categories for each way to fill them."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"n": rng.normal(size=60), "m": rng.normal(size=60), "kind": rng.choice(["a", "b"], 60)})
    table["y"] = table["n"] + (table["kind"] == "a")
    table.loc[::7, "n"] = np.nan
    cross = FeatureCross(["kind"]).fit(table[["kind"]])
    for missing in ("indicator", 1.5):
        features = ["n", "m", (cross, ["kind"])]
        (block,) = ArrowReader(table, target="y", features=features, missing=missing)
        yield table, TableModel(Lasso(0.01).fit(block.X, block.y), features, target="y", missing=missing)


def test_table_models_fill_what_is_missing(tmp_path):
    for table, model in table_models():
        to_onnx(model, tmp_path / "m.onnx")
        feed = {"n": table["n"].to_numpy(), "m": table["m"].to_numpy(), "kind": table["kind"].to_numpy(dtype=object)}
        found = session(tmp_path / "m.onnx").run(None, feed)[0]
        np.testing.assert_allclose(found[:, 0], model.predict(table), rtol=1e-12)


def test_a_table_model_of_one_cross_is_exported_as_the_two(tmp_path):
    (table, model), _ = table_models()
    cross = model.features[2][0]
    alone = TableModel(Lasso(0.01).fit(cross.transform(table[["kind"]]), table["y"]), cross)
    to_onnx(alone, tmp_path / "a.onnx")
    to_onnx(alone.model, tmp_path / "b.onnx", transformer=cross)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    with pytest.raises(ValueError, match="transformer: it is not allowed with a TableModel"):
        to_onnx(alone, tmp_path / "a.onnx", transformer=cross)
    hashed = FeatureCross(["kind"], hashed=8).fit(table[["kind"]])
    X = np.column_stack([hashed.transform(table[["kind"]]).toarray(), table["m"]])
    beside = TableModel(Lasso(0.01).fit(X, table["y"]), [(hashed, ["kind"]), "m"])
    with pytest.raises(TypeError, match="a FeatureCross that hashes, cannot be part of an ONNX graph"):
        to_onnx(beside, tmp_path / "c.onnx")
