"""Everything that travels, with anything in its place changed: what loads is harmless, all else is a ValueError."""

import json
import warnings
from itertools import islice

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import PredefinedSplit, RepeatedKFold, StratifiedShuffleSplit, TimeSeriesSplit
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, OneHotEncoder, StandardScaler
from support.packed_values import read, written

from sparsereg import FeatureCross, Lasso, LatLongCross, TableModel
from sparsereg.model_files.kinds import KINDS

TABLE = pd.DataFrame(
    {"lat": [1.0, 2.0, 3.0, 1.5], "lon": [1.0, -2.0, np.nan, 0.0], "kind": ["x", "y", "x", "z"], "n": [1, 2, 1, 1]}
)
OBJECTS = [
    (LatLongCross(levels=(60, 7)), TABLE[["lat", "lat"]].to_numpy()), (FeatureCross([("kind", "n"), "lat"]), TABLE),
    (FeatureCross([("kind", "n")], hashed=9), TABLE), (StandardScaler(), TABLE[["lat", "lon"]]),
    (MinMaxScaler(), TABLE[["lat", "n"]]), (MaxAbsScaler(), TABLE[["lat"]]), (FunctionTransformer(), TABLE),
    (OneHotEncoder(min_frequency=2, drop="if_binary", handle_unknown="infrequent_if_exist"), TABLE[["kind", "n"]]),
    (OneHotEncoder(handle_unknown="ignore", sparse_output=False), TABLE[["n"]].to_numpy()),
    (SimpleImputer(add_indicator=True), TABLE[["lat", "lon"]]),
    (
        make_pipeline(
            ColumnTransformer(
                [("c", FeatureCross(), ["kind", "n"]), ("o", OneHotEncoder(), ["kind"]), ("d", "drop", slice(0, 1))],
                remainder=SimpleImputer(),
            ),
            "passthrough",
        ),
        TABLE,
    ),
    (make_union(MaxAbsScaler(), "drop", n_jobs=1), None), (TfidfVectorizer(), ["a cat", "the dog", "cat"]),
    (DictVectorizer(), [{"a": 1, "b": "x"}]), (StratifiedShuffleSplit(2, test_size=2, random_state=0), None),
    (RepeatedKFold(n_splits=2, n_repeats=2), None),
    (TimeSeriesSplit(2), None), (PredefinedSplit([0, 1, 0, 1]), None),
    (
        TableModel(
            Lasso(0.1).fit(np.eye(4)[:, :3], TABLE["n"]),
            [(FeatureCross(["kind"]).fit(TABLE[["kind"]]), ["kind"])], target="n", sources=["a.csv"], n_samples=4,
            held_out={"n_samples": 2, "r2": 0.5},
        ),
        None,
    ),
]
OTHERS = [
    None, True, False, -1, 0, 1, 3, 2**63, 10**40, 0.5, -1e308, float("nan"), float("inf"), "", "0", "drop", "object",
    [], [0], [[]], {}, {"type": "dict", "items": []}, {"type": "tuple", "items": [1, "a"]},
    {"type": "class", "name": "object"}, {"type": "objects", "items": ["b", "a"], "shape": [2]},
    {"type": "objects", "items": [], "shape": [0]}, {"type": "scalar", "dtype": "int8", "value": -1},
    {"type": "slice", "start": None, "stop": 10**9, "step": -1},
    {"type": "object", "kind": "sklearn.preprocessing.StandardScaler", "state": {}},
]  # fmt: skip
ARRAYS = [
    np.zeros(0), np.array(0), np.zeros((2, 2), dtype=np.int64), np.array([2**62, -1]), np.array([0, 0, 0]),
    np.array([np.nan]), np.array(["a"]), np.array(["2024-01-01"], dtype="M8[D]"), np.array([2, 1, 0], dtype=np.uint8),
]  # fmt: skip


def places(packed, path=()):
    """Yield the way to each value in JSON."""
    yield path
    if isinstance(packed, (dict, list)):
        for key, value in packed.items() if isinstance(packed, dict) else enumerate(packed):
            yield from places(value, (*path, key))


def put(packed, path, value):
    """Return JSON with another value at the end of a way."""
    if not path:
        return value
    changed = packed.copy()
    changed[path[0]] = put(packed[path[0]], path[1:], value)
    return changed


def without(packed, path):
    if len(path) > 1:
        changed = packed.copy()
        changed[path[0]] = without(packed[path[0]], path[1:])
        return changed
    return {key: value for key, value in packed.items() if key != path[0]}


def mutations(packed, arrays):
    """Yield what a hand might make of a file: any value another, any entry gone, any array another."""
    for path in places(packed):
        for value in OTHERS:
            yield path, put(packed, path, value), arrays
        if path and isinstance(path[-1], str):
            yield path, without(packed, path), arrays
    for name, array in arrays.items():
        for value in [*ARRAYS, array[::-1].copy(), array[:-1], np.append(array, array), array.astype(float), -array]:
            yield name, packed, {**arrays, name: value}


def check_harmless(value, X):
    """Use what has been loaded: it may refuse, but rows that come out have ids within their width."""
    if X is None or not hasattr(value, "transform"):
        return
    try:
        rows = value.transform(X)
    except Exception:  # of whatever library; no crash
        return
    if sparse.issparse(rows):
        rows.check_format(full_check=True)


@pytest.mark.parametrize(("whole", "X"), OBJECTS, ids=lambda x: type(x).__name__)
def test_whatever_is_changed_is_refused_or_harmless(whole, X):
    if X is not None:
        whole.fit(X)
    text, arrays = written(whole)
    n_refused = n_loaded = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Every 41st of a large one, which comes to each place and to each value in turn.
        step = 41 if len(text) > 2000 else 1
        for where, packed, changed in islice(mutations(json.loads(text), arrays), 0, None, step):
            try:
                value = read(json.dumps(packed), dict(changed))
            except ValueError as error:
                assert str(error).startswith(("model", "the array")), (where, error)
                n_refused += 1
                continue
            except Exception as error:
                pytest.fail(f"{where}: {error!r} for {packed}")
            n_loaded += 1
            check_harmless(value, X)
    assert n_refused > n_loaded


def test_kinds_have_names_of_their_own():
    names = [kind.name for kind in KINDS]
    assert len({*names}) == len(names)
    for kind in KINDS:
        assert kind.find().__name__ == kind.name.rpartition(".")[2]
