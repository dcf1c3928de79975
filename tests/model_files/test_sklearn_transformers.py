"""Transformers of scikit-learn in model files: state and results come back, what could not be right is refused."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from support.packed_values import read, same, there_and_back, written

from sparsereg.inputs.versions import InconsistentVersionWarning
from sparsereg.model_files.kinds import KINDS
from sparsereg.model_files.values import Unpacker

rng = np.random.default_rng(0)
NUMBERS = rng.normal(size=(40, 3))
HOLES = np.where(rng.random((40, 3)) < 0.2, np.nan, NUMBERS)
WORDS = pd.DataFrame(
    {"a": rng.choice(["x", "y", "z"], 40), "b": rng.choice(["u", None], 40), "c": rng.integers(3, size=40)}
)
NONES = WORDS.astype(object).where(WORDS.notna(), None)
TEXT = WORDS[["a"]].to_numpy(dtype=object)

FITTED = [
    (StandardScaler(), NUMBERS), (StandardScaler(), HOLES.astype(np.float32)),
    (StandardScaler(copy=False), WORDS[["c"]]), (StandardScaler(with_mean=False, with_std=False), NUMBERS),
    (StandardScaler(with_mean=False), sparse.eye(3).tocsr()),
    (MaxAbsScaler(), HOLES), (MinMaxScaler((0, 5), clip=True), NUMBERS), (FunctionTransformer(), WORDS),
    (FunctionTransformer(np.expm1, np.log1p, validate=True), NUMBERS), (FunctionTransformer(np.square), WORDS[["c"]]),
    (RobustScaler(quantile_range=(10, 90)), HOLES), (RobustScaler(with_centering=False, with_scaling=False), NUMBERS),
    (Normalizer("l1"), NUMBERS), (Binarizer(threshold=0.5), WORDS[["c"]]),
    (FunctionTransformer(feature_names_out="one-to-one", kw_args={}), WORDS),
    (OneHotEncoder(), WORDS), (OneHotEncoder(dtype=np.float32, sparse_output=False), WORDS[["c"]]),
    (OneHotEncoder(handle_unknown="ignore", dtype="int32"), WORDS.astype(str).to_numpy(dtype=str)),
    (OneHotEncoder(drop="first"), WORDS), (OneHotEncoder(drop="if_binary"), WORDS[["a", "b"]]),
    (OneHotEncoder(drop=["y", None, 1]), NONES),
    (OneHotEncoder(categories=[["z", "y", "x"], [0, 1, 2]]), WORDS[["a", "c"]]),
    (OneHotEncoder(min_frequency=15, handle_unknown="infrequent_if_exist"), WORDS),
    (OneHotEncoder(max_categories=2, drop="first"), WORDS), (OneHotEncoder(), np.round(HOLES)),
    (OneHotEncoder(min_frequency=15, drop=["z", None, 1], feature_name_combiner="concat"), NONES),
    (OneHotEncoder(), np.array([["2024-01-01"], ["2024-01-02"]], dtype="M8[D]")),
    (SimpleImputer(), HOLES), (SimpleImputer(strategy="median", add_indicator=True), HOLES.astype(np.float32)),
    (SimpleImputer(strategy="most_frequent", missing_values=None), NONES[["b"]]),
    (SimpleImputer(strategy="constant", fill_value="none", missing_values="x"), TEXT),
    (SimpleImputer(strategy="constant", fill_value=np.float32(3), keep_empty_features=True), HOLES.astype(np.float32)),
    (MissingIndicator(), HOLES), (MissingIndicator(features="all", sparse=True), HOLES),
]  # fmt: skip


def equal(a, b):
    a, b = (x.toarray() if sparse.issparse(x) else np.asarray(x) for x in (a, b))
    return same(a, b)


@pytest.mark.parametrize(("transformer", "X"), FITTED, ids=lambda x: repr(x)[:50] if hasattr(x, "fit") else "")
def test_transformers_come_back(transformer, X):
    assert same(there_and_back(transformer), transformer)
    transformer.fit(X)
    back = there_and_back(transformer)
    assert same(back, transformer)
    assert equal(back.transform(X), transformer.transform(X))
    if hasattr(transformer, "get_feature_names_out") and not isinstance(transformer, FunctionTransformer):
        assert same(back.get_feature_names_out(), transformer.get_feature_names_out())


def test_unknown_and_infrequent_categories_come_back():
    encoder = OneHotEncoder(min_frequency=15, handle_unknown="infrequent_if_exist").fit(WORDS)
    back = there_and_back(encoder)
    strange = pd.DataFrame({"a": ["new", "x"], "b": ["u", "new"], "c": [7, 0]})
    assert equal(back.transform(strange), encoder.transform(strange))
    assert same(back.infrequent_categories_, encoder.infrequent_categories_)
    rows = encoder.transform(WORDS)
    assert same(back.inverse_transform(rows), encoder.inverse_transform(rows))


@pytest.mark.parametrize(
    ("transformer", "message"), [
        (FunctionTransformer(np.add), r"^model.func: <ufunc 'add'> cannot be saved, expected one of log, log1p, "),
        (FunctionTransformer(np.log, abs), r"^model.inverse_func: <built-in function abs> .* cannot be saved"),
        (FunctionTransformer(kw_args={"out": np.log}), r"^model.kw_args\['out'\]: <ufunc 'log'> .* cannot be saved"),
        (FunctionTransformer(feature_names_out=lambda t, names: names), r"^model.feature_names_out: <function"),
        (SimpleImputer(strategy=np.nanmax), r"^model.strategy: <.*> of type .* cannot be saved"),
        (OneHotEncoder(feature_name_combiner=str.join), r"^model.feature_name_combiner: "),
        (
            PowerTransformer(),
            r"^model: PowerTransformer\(\) of type sklearn.* cannot be saved, expected plain",
        ),
    ],
)  # fmt: skip
def test_what_cannot_travel_is_refused_by_name(transformer, message):
    with pytest.raises(TypeError, match=message):
        written(transformer)


def test_requests_for_metadata_are_refused():
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=True)
    with pytest.raises(TypeError, match=r"^model: the attribute '_metadata_request' of a Standard"):
        written(scaler)


def test_parameters_that_scikit_learn_refuses_are_not_saved():
    with pytest.raises(ValueError, match=r"^model: The 'handle_unknown' parameter of OneHotEncoder must be"):
        written(OneHotEncoder(handle_unknown="guess"))
    with pytest.raises(ValueError, match=r"^model: dtype: 'i4,f8' is not allowed"):
        written(OneHotEncoder(dtype="i4,f8"))


# Other versions, and none.


def test_another_version_is_loaded_with_a_warning():
    text, arrays = written([StandardScaler(), OneHotEncoder()])
    packed = json.loads(text)
    for one in packed:
        one["state"]["scikit-learn"] = "1.6.0"
    unpacker = Unpacker(arrays, KINDS)
    loaded = unpacker.unpack(packed, "model")
    with pytest.warns(InconsistentVersionWarning, match=r"^estimators of scikit-learn '1.6.0' are loaded by") as warned:
        unpacker.finish()
    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert isinstance(loaded[0], StandardScaler)


def test_what_an_older_version_did_not_keep_is_completed():
    imputer = SimpleImputer().fit(HOLES)
    del imputer._fill_dtype
    assert equal(there_and_back(imputer).transform(HOLES), SimpleImputer().fit_transform(HOLES))


def test_without_scikit_learn_it_is_named(tmp_path):
    text, arrays = written(StandardScaler().fit(NUMBERS))
    np.savez(tmp_path / "arrays.npz", text=text, **arrays)
    code = (
        "import json, sys\n"
        "sys.modules['sklearn'] = None\n"
        "import numpy as np\n"
        "from sparsereg.model_files.kinds import KINDS\n"
        "from sparsereg.model_files.values import Unpacker\n"
        "arrays = dict(np.load('arrays.npz', allow_pickle=False))\n"
        "text = arrays.pop('text').item()\n"
        "try:\n"
        "    Unpacker(arrays, KINDS).unpack(json.loads(text), 'model')\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "a StandardScaler needs scikit-learn: pip install 'sparsereg-wide[sklearn]'\n"


# What no fit makes.


def tampered(transformer, change):
    text, arrays = written(transformer)
    packed = json.loads(text)
    arrays = {name: array.copy() for name, array in arrays.items()}
    change(packed["state"], arrays)
    return read(json.dumps(packed), arrays)


def setting(group, name, value):
    return lambda state, arrays: state[group].update({name: value})


def writing(name, values):
    def change(state, arrays):
        assert name in arrays
        arrays[name] = np.asarray(values)

    return change


@pytest.mark.parametrize(
    "change", [
        setting("parameters", "with_mean", "yes"), setting("parameters", "centre", True), setting("fitted", "more", 1),
        setting("fitted", "n_features_in_", 4), setting("fitted", "n_features_in_", -1),
        setting("fitted", "n_samples_seen_", "40"), writing("model.mean_", [1.0, 2.0]),
        writing("model.mean_", [1, 2, 3]), writing("model.var_", [1.0, -1e-9, 1.0]),
        writing("model.scale_", [0.0, 1.0, 1.0]), writing("model.scale_", [1.0, -np.inf, np.nan]),
        writing("model.scale_", [["a"]]), lambda state, arrays: state["fitted"].pop("scale_"),
        lambda state, arrays: state.update({"scikit-learn": 1.6}), lambda state, arrays: state.pop("scikit-learn"),
        lambda state, arrays: state.update(fitted=None), lambda state, arrays: state.update(parameters=[]),
    ],
)  # fmt: skip
def test_what_is_no_scaler_is_refused(change):
    with pytest.raises(ValueError, match=r"^(model|the array)"):
        tampered(StandardScaler().fit(NUMBERS), change)


RARE = OneHotEncoder(min_frequency=15, handle_unknown="infrequent_if_exist", drop="if_binary")
NONE = {"type": "objects", "items": [None, None, None], "shape": [3]}


@pytest.mark.parametrize(
    "change", [
        writing("model.categories_-2", [0, 2, 1]), writing("model.categories_-2", [0, 1, 1]),
        writing("model.categories_-2", [[0, 1, 2]]), writing("model.categories_-2", []),
        writing("model.categories_-2", [0.0, np.nan, 2.0]), writing("model.categories_-2", [0, 1, 2, 3]),
        setting("fitted", "_n_features_outs", [2, 2, 3]), setting("fitted", "_n_features_outs", [2, 2]),
        setting("fitted", "_n_features_outs", [2.0, 2, 2]), setting("fitted", "_n_features_outs", 6),
        setting("fitted", "_infrequent_enabled", False), setting("fitted", "_infrequent_indices", [None] * 3),
        setting("fitted", "_default_to_infrequent_mappings", [None] * 3), setting("fitted", "categories_", []),
        setting("parameters", "min_frequency", None), setting("fitted", "drop_idx_", [None, None, 1]),
        setting("fitted", "_drop_idx_after_grouping", NONE),
        setting("fitted", "drop_idx_", {**NONE, "items": [None, None, 3]}),
        setting("fitted", "_drop_idx_after_grouping", {**NONE, "items": [None, None, -1]}),
        setting("fitted", "_drop_idx_after_grouping", {**NONE, "items": [None, None, "0"]}),
        lambda state, arrays: state["fitted"].pop("_infrequent_indices"),
        setting("parameters", "dtype", {"type": "class", "name": "str"}),
    ],
)  # fmt: skip
def test_what_is_no_encoder_is_refused(change):
    with pytest.raises(ValueError, match=r"^(model|the array)"):
        tampered(RARE.fit(WORDS), change)


@pytest.mark.parametrize("items", [[3, 1, 2], [float("nan"), 1, 2], [1, "a", 0], [2, None, 1], [1.5, True]])
def test_objects_that_are_numbers_out_of_order_are_refused(items):
    """Bisection, which numbers in X are looked up by, might come out behind the last of them."""
    encoder = OneHotEncoder().fit(np.array([[1], [2], [3]], dtype=object))
    with pytest.raises(ValueError, match=r"^model: categories_\[0\]: .* is not allowed, expected ascending numbers"):
        tampered(encoder, setting("fitted", "categories_", [{**NONE, "items": items, "shape": [len(items)]}]))


@pytest.mark.parametrize("name", ["model._infrequent_indices-0", "model._default_to_infrequent_mappings-0"])
@pytest.mark.parametrize("values", [[5], [-1], [0, 0, 0], [1.0], [], [2, 1, 0]])
def test_groups_of_categories_that_do_not_fit_are_refused(name, values):
    with pytest.raises(ValueError, match=r"^model: the infrequent categories of column 0 are not allowed"):
        tampered(OneHotEncoder(max_categories=2).fit(TEXT), writing(name, values))


@pytest.mark.parametrize("positions", [[3], [-1], [0.0], [[0]], ["a"]])
def test_what_is_no_indicator_is_refused(positions):
    imputer = SimpleImputer(add_indicator=True).fit(HOLES)
    with pytest.raises(ValueError, match=r"^model.indicator_: features_: "):
        tampered(imputer, writing("model.indicator_.features_", positions))
    with pytest.raises(ValueError, match=r"^model: indicator_: StandardScaler\(\) is not allowed"):
        scaler = json.loads(written(StandardScaler())[0])

        def change(state, arrays):
            state["fitted"]["indicator_"] = scaler
            del arrays["model.indicator_.features_"]

        tampered(imputer, change)
