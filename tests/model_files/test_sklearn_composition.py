"""Pipelines and column transformers in model files: real tables through them give the same bits, elsewhere too."""

import json
import subprocess
import sys
from collections import UserList

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, PowerTransformer, StandardScaler
from support.packed_values import read, same, there_and_back, written

from sparsereg import FeatureCross, Lasso, LatLongCross, Ridge

rng = np.random.default_rng(0)
N = 60
HOUSES = pd.DataFrame(
    {
        "lat": rng.uniform(32, 42, N), "lon": rng.uniform(-124, -114, N), "rooms": rng.integers(1, 9, N),
        "income": np.where(rng.random(N) < 0.2, np.nan, rng.lognormal(size=N)),
        "kind": rng.choice(["flat", "house"], N), "city": rng.choice(["Oslo", "Rome", "Åre", None], N),
    }
)
CROSSED = [
    ("place", LatLongCross(levels=(60, 1)), ["lat", "lon"]),
    ("cross", FeatureCross([("kind", "city")]), ["kind", "city"]),
    ("income", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["income"]),
]  # fmt: skip
NUMBERS = HOUSES[["lat", "lon", "rooms"]].to_numpy()

COMPOSED = [
    (ColumnTransformer([*CROSSED, ("kind", OneHotEncoder(), ["kind", "city"])], sparse_threshold=1.0), HOUSES),
    (ColumnTransformer(CROSSED, remainder="drop", verbose_feature_names_out=False), HOUSES),
    (ColumnTransformer([("s", StandardScaler(), slice("lat", "rooms")), ("d", "drop", "kind")]), HOUSES),
    (ColumnTransformer([("s", StandardScaler(), HOUSES.columns[:2])], remainder="passthrough"), HOUSES),
    (ColumnTransformer([("s", StandardScaler(), [-1]), ("p", "passthrough", [1])], remainder=MinMaxScaler()), NUMBERS),
    (ColumnTransformer([("s", StandardScaler(), np.array([True, False, True])), ("e", "drop", [])], n_jobs=1), NUMBERS),
    (ColumnTransformer([("s", StandardScaler(), [True, False, False])], remainder="passthrough"), NUMBERS),
    (ColumnTransformer([("s", StandardScaler(), slice(None, 2))], transformer_weights={"s": 2.0}), NUMBERS),
    (ColumnTransformer([("s", "passthrough", ["rooms"])], verbose_feature_names_out="{feature_name}!"), HOUSES),
    (ColumnTransformer([], remainder="drop"), NUMBERS), (ColumnTransformer([]).set_output(transform="pandas"), HOUSES),
    (ColumnTransformer([("s", StandardScaler(), ["lat"])]).set_output(transform="pandas"), HOUSES),
    (ColumnTransformer([("n", ColumnTransformer([("s", "passthrough", [0])]), ["lat", "lon"])]), HOUSES),
    (ColumnTransformer([("s", StandardScaler(), make_column_selector("^l", dtype_include=[np.number]))]), HOUSES),
    (ColumnTransformer([("s", "drop", make_column_selector(dtype_exclude="number"))], remainder="passthrough"), HOUSES),
    (Pipeline([("scale", StandardScaler()), ("nothing", "passthrough"), ("clip", MinMaxScaler())]), NUMBERS),
    (make_union(LatLongCross(), FeatureCross(hashed=9), n_jobs=1), HOUSES[["lat", "lon"]]),
    (FeatureUnion([("s", MinMaxScaler()), ("d", "drop")], transformer_weights={"s": 2}), NUMBERS),
    (Pipeline([("none", None)], verbose=False), NUMBERS),
    (make_pipeline(FunctionTransformer(), make_pipeline(LatLongCross())), HOUSES[["lat", "lon"]]),
]  # fmt: skip


def equal(a, b):
    if isinstance(a, pd.DataFrame):
        return a.equals(b)
    a, b = (x.toarray() if sparse.issparse(x) and x.shape[1] < 10**5 else x for x in (a, b))
    if sparse.issparse(a):
        return type(a) is type(b) and a.shape == b.shape and (a != b).nnz == 0 and same(a.data, b.data)
    return same(a, b)


@pytest.mark.parametrize(("whole", "X"), COMPOSED, ids=lambda x: " ".join(repr(x).split())[:60])
def test_compositions_come_back(whole, X):
    back = there_and_back(whole)
    assert equal(back.fit(X).transform(X), whole.fit(X).transform(X))
    back = there_and_back(whole)
    assert equal(back.transform(X), whole.transform(X))
    assert same(written(back)[0], written(whole)[0])
    try:
        names = whole.get_feature_names_out()
    except (AttributeError, ValueError):  # SciPy's rows with too many columns to name
        return
    assert same(back.get_feature_names_out(), names)


TARGETS = [
    TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp), TransformedTargetRegressor(Lasso(alpha=0.1)),
    TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
    TransformedTargetRegressor(
        make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), Ridge()), func=np.sqrt, inverse_func=np.square
    ),
]  # fmt: skip


@pytest.mark.parametrize("X", [np.abs(NUMBERS), HOUSES[["lat", "rooms"]]], ids=["array", "frame"])
@pytest.mark.parametrize("model", TARGETS, ids=lambda x: " ".join(repr(x).split())[:60])
def test_models_of_transformed_targets_come_back(model, X):
    y, X = HOUSES["rooms"] / 3.0, abs(X)
    back = there_and_back(model)
    assert same(back.fit(X, y).predict(X), model.fit(X, y).predict(X))
    back = there_and_back(model)
    assert same(back.predict(X), model.predict(X))
    assert back.func is model.func
    assert written(back)[0] == written(model)[0]


def test_names_come_back_in_the_right_order():
    whole, X = COMPOSED[2]
    back = there_and_back(whole.fit(X))
    with pytest.raises(ValueError, match=r"columns are missing: \{.lon.\}"):
        back.transform(X.drop(columns="lon"))
    assert equal(back.transform(X[X.columns[::-1]]), whole.transform(X[X.columns[::-1]]))


def test_lists_of_older_versions_become_lists():
    whole = ColumnTransformer([("s", StandardScaler(), [0])], remainder="passthrough").fit(NUMBERS)
    expected = written(whole)[0]
    whole._remainder = (*whole._remainder[:2], UserList([1, 2]))
    whole.transformers_[-1] = (*whole.transformers_[-1][:2], UserList([1, 2]))
    assert written(whole)[0] == expected


def test_another_process_makes_the_same_columns(tmp_path):
    whole = COMPOSED[0][0].fit(HOUSES)
    text, arrays = written(whole)
    np.savez(tmp_path / "arrays.npz", text=text, **arrays)
    HOUSES.to_pickle(tmp_path / "houses.pickle")
    code = (
        "import json\n"
        "import numpy as np, pandas as pd\n"
        "from sparsereg.model_files.kinds import KINDS\n"
        "from sparsereg.model_files.values import Unpacker\n"
        "arrays = dict(np.load('arrays.npz', allow_pickle=False))\n"
        "whole = Unpacker(arrays, KINDS).unpack(json.loads(arrays.pop('text').item()), 'model')\n"
        "rows = whole.transform(pd.read_pickle('houses.pickle'))\n"
        "np.savez('rows.npz', data=rows.data, indices=rows.indices, indptr=rows.indptr)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, check=True)
    rows = whole.transform(HOUSES)
    assert same(dict(np.load(tmp_path / "rows.npz")), {n: getattr(rows, n) for n in ("data", "indices", "indptr")})


@pytest.mark.parametrize(
    ("whole", "message"), [
        (ColumnTransformer([("n", StandardScaler(), lambda X: [0])]), r"^model.transformers\['n'\]\[2\]: <function"),
        (Pipeline([("a", StandardScaler()), ("log", FunctionTransformer(np.add))]),
         r"^model.steps\['log'\]\[1\].func: <ufunc 'add'> cannot be saved"),
        (make_pipeline(StandardScaler(), PowerTransformer()),
         r"^model.steps\['powertransformer'\]\[1\]: PowerTransformer\(\) of type .* cannot be saved, expected plain"),
        (ColumnTransformer([("n", StandardScaler(), [0])], verbose_feature_names_out=lambda *names: "x"),
         r"^model.verbose_feature_names_out: <function"),
    ],
)  # fmt: skip
def test_what_cannot_travel_is_refused_by_the_name_of_its_step(whole, message):
    with pytest.raises(TypeError, match=message):
        written(whole)


@pytest.mark.parametrize(
    ("whole", "message"), [
        (Pipeline([("a", StandardScaler())], memory="cache"), "^model: memory: 'cache' cannot be saved, expected None"),
        (FeatureUnion([("a", 3)]), r"^model: steps: 3 called 'a' is no estimator"),
        (Pipeline([("a", 3)]), r"^model: steps: 3 called 'a' is no estimator"),
        (ColumnTransformer([("a", StandardScaler(), [0])], n_jobs=10**6), r"^model: n_jobs: 1000000 is not allowed"),
        (ColumnTransformer([("a", StandardScaler(), [0.5])]), r"^model: transformers: \[0.5\] of 'a' is not allowed"),
        (ColumnTransformer([("a", StandardScaler(), [0])], verbose_feature_names_out="{feature_name.__class__}"),
         r"^model: verbose_feature_names_out: '\{feature_name.__class__\}' cannot be saved"),
    ],
)  # fmt: skip
def test_parameters_that_are_none_are_refused(whole, message):
    with pytest.raises(ValueError, match=message):
        written(whole)


def tampered(whole, change):
    text, arrays = written(whole)
    packed = json.loads(text)
    change(packed["state"])
    return read(json.dumps(packed), arrays)


def setting(group, name, value):
    return lambda state: state[group].update({name: value})


@pytest.mark.parametrize(
    "change", [
        setting("parameters", "func", {"type": "ufunc", "name": "add"}), setting("parameters", "func", "log"),
        setting("parameters", "func", {"type": "ufunc", "name": ["log"]}), setting("parameters", "func", []),
        setting("parameters", "func", {"type": "ufunc", "name": "log", "kind": 1}),
        setting("parameters", "func", {"type": "ufunc"}),
        setting("parameters", "check_inverse", {"type": "ufunc", "name": "log"}),
        setting("parameters", "regressor", {"type": "ufunc", "name": "log"}),
        setting("fitted", "regressor_", None), setting("fitted", "transformer_", {"type": "class", "name": "int"}),
        setting("fitted", "_training_dim", 0), setting("fitted", "_training_dim", "1"),
        lambda state: state["fitted"].pop("_training_dim"), lambda state: state.update(parameters=[]),
    ],
)  # fmt: skip
def test_what_is_no_model_of_transformed_targets_is_refused(change):
    model = TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp)
    with pytest.raises(ValueError, match=r"^(model|the array)"):
        tampered(model.fit(NUMBERS, HOUSES["rooms"]), change)


@pytest.mark.parametrize(
    "change", [
        setting("parameters", "steps", []), setting("parameters", "steps", [1]), setting("parameters", "steps", "ab"),
        setting("parameters", "memory", "/tmp"), setting("parameters", "steps", [["a", "b"]]),
        setting("parameters", "steps", [["a", {"type": "class", "name": "int"}]]),
        setting("parameters", "steps", [[1, "passthrough"]]), setting("fitted", "steps_", 1),
        setting("parameters", "steps", [["a", {"type": "dict", "items": []}]]),
    ],
)  # fmt: skip
def test_what_is_no_pipeline_is_refused(change):
    with pytest.raises(ValueError, match=r"^(model|the array)"):
        tampered(Pipeline([("scale", StandardScaler())]).fit(NUMBERS), change)


def tuples(*items):
    return {"type": "tuple", "items": [*items]}


def mapping(**items):
    return {"type": "dict", "items": [*map(list, items.items())]}


@pytest.mark.parametrize(
    "change", [
        setting("parameters", "transformers", [tuples("s", "drop")]), setting("parameters", "n_jobs", 10**9),
        setting("parameters", "transformers", [tuples("s", "drop", mapping())]),
        setting("parameters", "transformers", [tuples(1, "drop", [0])]), setting("parameters", "transformers", 1),
        setting("parameters", "remainder", 1), setting("parameters", "sparse_threshold", "all"),
        setting("parameters", "transformer_weights", mapping(s="1")),
        setting("parameters", "verbose_feature_names_out", "{feature_name:>999999999}"),
        setting("parameters", "verbose_feature_names_out", "{"), setting("fitted", "transformers_", [1]),
        setting("fitted", "transformers_", tuples()), setting("fitted", "_columns", [1.5]),
        setting("fitted", "_remainder", ["remainder", "drop", [2]]),
        setting("fitted", "_remainder", tuples("remainder")),
        setting("fitted", "_transformer_to_input_indices", mapping(s=[3])), setting("fitted", "sparse_output_", 1),
        setting("fitted", "_transformer_to_input_indices", mapping(s=[-1])),
        setting("fitted", "_transformer_to_input_indices", mapping(s=[0.0])),
        setting("fitted", "_transformer_to_input_indices", [[0]]),
        setting("fitted", "output_indices_", mapping(s=[0, 2])),
        setting("fitted", "output_indices_", mapping(s={"type": "slice", "start": 0, "stop": "2", "step": None})),
        lambda state: state["fitted"].pop("transformers_"), lambda state: state["fitted"].pop("n_features_in_"),
    ],
)  # fmt: skip
def test_what_is_no_column_transformer_is_refused(change):
    whole = ColumnTransformer([("s", "drop", [0])], remainder="passthrough").fit(NUMBERS)
    with pytest.raises(ValueError, match=r"^(model|the array)"):
        tampered(whole, change)
