"""Feature crosses in model files: the same columns for every row, names and bounds; what no fit makes is refused."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.packed_values import read, same, same_matrix, there_and_back, written

from sparsereg import FeatureCross, LatLongCross
from sparsereg.model_files import transformers

POINTS = np.array([[37.88, -122.23], [90.0, 0.0], [-90.0, 180.0], [0.1, 359.9], [12.3, -180.0]])
PLACES = pd.DataFrame({"lat": POINTS[:, 0], "lon": POINTS[:, 1]})
CLICKS = pd.DataFrame(
    {
        "city": ["Oslo", "Rome", None, "Åre", "Oslo", ""] * 30, "hour": [7, 8.5, np.nan, -3, 1e20, 7] * 30,
        "user": [f"user {i}" for i in range(180)], "seen": [True, False, True, True, False, True] * 30,
        "day": pd.to_datetime(["2024-05-06", "2024-05-06 07:08:09.5", None] * 60, format="mixed"),
    }
)

LATLONG = [
    LatLongCross(), LatLongCross(0.1), LatLongCross(1, (60, 10, 1), main_effects=False, dtype=np.float32),
    LatLongCross(levels=[np.float64(60), 1 / 3], dtype="float32"), LatLongCross(levels=np.array([600.0, 7.0])),
    LatLongCross(np.float32(5.0), dtype=np.dtype(np.float64)),
]
CROSSES = [
    FeatureCross(), FeatureCross(["city", "user"]), FeatureCross([("city", "hour"), ("user", "day"), "seen"]),
    FeatureCross([("hour", "seen")], main_effects=False, dtype=np.float32), FeatureCross(hashed=20),
    FeatureCross([("city", 1), "user"], hashed=np.int64(62)), FeatureCross([[0, np.int64(3)]], dtype="float32"),
    FeatureCross(handle_unknown="error", hashed=None), FeatureCross(np.array(["city", "hour"], dtype=object)),
]


@pytest.mark.parametrize("cross", LATLONG, ids=repr)
@pytest.mark.parametrize("X", [None, POINTS, PLACES], ids=["unfitted", "array", "frame"])
def test_latlong_crosses_come_back(cross, X):
    cross = LatLongCross(**cross.get_params())
    if X is not None:
        cross.fit(X)
    back = there_and_back(cross)
    assert same(back, cross)
    X = POINTS if X is None else X
    rows = cross.transform(X)
    assert same_matrix(back.transform(X), rows)
    ids = np.unique(rows.indices)
    assert same(back.feature_name(ids), cross.feature_name(ids))
    assert back.cell_bounds(ids).tobytes() == cross.cell_bounds(ids).tobytes()


@pytest.mark.parametrize("cross", CROSSES, ids=repr)
@pytest.mark.parametrize("is_fitted", [True, False])
def test_feature_crosses_come_back(cross, is_fitted):
    cross = FeatureCross(**cross.get_params())
    if not is_fitted:
        assert same(there_and_back(cross), cross)
        return
    whole = CLICKS if cross.handle_unknown == "ignore" else CLICKS.dropna().astype(str)
    cross.fit(whole)
    back = there_and_back(cross)
    assert same(back, cross)
    rows = cross.transform(whole)
    assert rows.nnz
    assert same_matrix(back.transform(whole), rows)
    ids = np.unique(rows.indices)
    assert same(back.feature_name(ids), cross.feature_name(ids))
    assert same(back.block_of(ids), cross.block_of(ids))


TEXTS = st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.integers().map(str), st.floats().map(str))


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=100), st.sampled_from([None, 3, 40]))
def test_any_texts_come_back(rows, bits):
    cross = FeatureCross(hashed=bits).fit(rows)
    back = there_and_back(cross)
    assert same(back, cross)
    assert same_matrix(back.transform(rows), cross.transform(rows))


def test_many_categories_are_arrays():
    text, arrays = written(FeatureCross([("city", "user")]).fit(CLICKS))
    assert len(text) < 1500
    assert sorted(arrays) == ["model.categories_-2", "model.categories_-2-.offsets"]
    assert sum(array.nbytes for array in arrays.values()) < 180 * 20


def test_another_process_makes_the_same_rows(tmp_path):
    cross = FeatureCross([("city", "user"), ("hour", "day")]).fit(CLICKS)
    text, arrays = written(cross)
    np.savez(tmp_path / "arrays.npz", text=text, **arrays)
    CLICKS.to_pickle(tmp_path / "clicks.pickle")
    code = (
        "import json\n"
        "import numpy as np, pandas as pd\n"
        "from sparsereg.model_files.kinds import KINDS\n"
        "from sparsereg.model_files.values import Unpacker\n"
        "arrays = dict(np.load('arrays.npz', allow_pickle=False))\n"
        "cross = Unpacker(arrays, KINDS).unpack(json.loads(arrays.pop('text').item()), 'model')\n"
        "rows = cross.transform(pd.read_pickle('clicks.pickle'))\n"
        "np.savez('rows.npz', data=rows.data, indices=rows.indices, indptr=rows.indptr)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    rows = cross.transform(CLICKS)
    assert same(dict(np.load(tmp_path / "rows.npz")), {n: getattr(rows, n) for n in ("data", "indices", "indptr")})


# What is no cross.


def changed(cross, change):
    """Return what `change` makes of the state of a cross and of its arrays, read again."""
    text, arrays = written(cross)
    packed = json.loads(text)
    change(packed["state"], arrays)
    return read(json.dumps(packed), arrays)


def setting(group, name, value):
    return lambda state, arrays: state[group].update({name: value})


def objects(*items):
    return {"type": "objects", "items": items, "shape": [len(items)]}


def categories(**texts):
    return setting("fitted", "categories_", {"type": "dict", "items": [[int(k[1:]), v] for k, v in texts.items()]})


@pytest.mark.parametrize(
    "change", [
        setting("parameters", "minutes", 0), setting("parameters", "minutes", "1"), setting("parameters", "levels", []),
        setting("parameters", "levels", [1, 60]), setting("parameters", "levels", "60"),
        setting("parameters", "levels", {"type": "dict", "items": []}), setting("parameters", "main_effects", []),
        setting("parameters", "main_effects", "no"), setting("parameters", "dtype", None),
        setting("parameters", "dtype", {"type": "class", "name": "object"}), setting("parameters", "width", 1),
        setting("parameters", "dtype", "f4,(8"), setting("parameters", "dtype", "i4"),
        setting("parameters", "dtype", {"type": "dict", "items": [["names", []], ["formats", 1]]}),
        setting("fitted", "n_features_in_", 3), setting("fitted", "n_features_in_", True),
        setting("fitted", "n_features_in_", 2.0), setting("fitted", "blocks_", []),
        setting("fitted", "feature_names_in_", objects("lat")), setting("fitted", "feature_names_in_", ["lat", "lon"]),
        setting("fitted", "feature_names_in_", objects("lat", 1)), lambda state, arrays: state.pop("fitted"),
        lambda state, arrays: state["fitted"].pop("n_features_in_"),
        lambda state, arrays: state.update(output={"type": "dict", "items": [["transform", "csv"]]}),
        lambda state, arrays: state.update(output={"type": "dict", "items": [["inverse_transform", "pandas"]]}),
        lambda state, arrays: state.update(output=["pandas"]), lambda state, arrays: state.update(parameters=[]),
    ],
)  # fmt: skip
def test_what_is_no_latlong_cross_is_refused(change):
    with pytest.raises(ValueError, match=r"^model"):
        changed(LatLongCross().fit(PLACES), change)


@pytest.mark.parametrize(
    "change", [
        setting("parameters", "crosses", [7]), setting("parameters", "crosses", ["town"]),
        setting("parameters", "crosses", []), setting("parameters", "crosses", "city"),
        setting("parameters", "crosses", ["city", "city"]), setting("parameters", "crosses", [None]),
        setting("parameters", "crosses", ["city"]), setting("parameters", "main_effects", None),
        setting("parameters", "hashed", 63), setting("parameters", "hashed", True), setting("parameters", "hashed", 3),
        setting("parameters", "handle_unknown", "warn"), setting("parameters", "handle_unknown", objects("ignore")),
        setting("fitted", "n_features_in_", 2), setting("fitted", "n_features_in_", 10**15),
        setting("fitted", "feature_names_in_", objects("city", "hour", "user")), setting("fitted", "categories_", None),
        categories(), categories(j0=objects("b")), categories(j0=objects("a"), j1=objects("b"), j2=objects("c")),
        categories(j1=objects("7"), j0=objects("Oslo")), categories(j0=objects("b", "a"), j1=objects("7")),
        categories(j0=objects("a", "a"), j1=objects("7")), categories(j0=objects(), j1=objects("7")),
        categories(j0=objects("a", None), j1=objects("7")), categories(j0=objects(1), j1=objects("7")),
        categories(j0=objects("7.0"), j1=objects("7")), categories(j0=objects("\ud800"), j1=objects("7")),
        categories(j0=objects("a", "7"), j1=objects("7")), categories(j0=["a"], j1=objects("7")),
        categories(j0={"type": "objects", "items": ["a"], "shape": [1, 1]}, j1=objects("7")),
        setting("fitted", "_members", []), lambda state, arrays: state["fitted"].pop("categories_"),
    ],
)  # fmt: skip
def test_what_is_no_feature_cross_is_refused(change):
    with pytest.raises(ValueError, match=r"^model"):
        changed(FeatureCross([("city", "hour")]).fit(CLICKS), change)


def test_too_many_columns_are_refused_before_they_are_made():
    crossed = FeatureCross([(0, 1)], hashed=20).fit(CLICKS.to_numpy())
    with pytest.raises(ValueError, match=r"^model: n_features_in_: 100001 is not allowed"):
        changed(crossed, setting("fitted", "n_features_in_", transformers.MAX_COLUMNS + 1))
    assert changed(crossed, setting("fitted", "n_features_in_", transformers.MAX_COLUMNS)).n_features_out_ == 2**20


def test_names_of_blocks_that_would_fill_the_memory_are_refused():
    table = pd.DataFrame({f"{j}": [0] for j in range(200)})
    crossed = FeatureCross([(0, j) for j in range(1, 200)]).fit(table)
    assert same(there_and_back(crossed), crossed)
    long = [{"type": "objects", "items": ["x" * 10**6, *table.columns[1:]], "shape": [200]}]
    with pytest.raises(ValueError, match=r"^model: feature_names_in_: the names of the blocks have more than"):
        changed(crossed, setting("fitted", "feature_names_in_", *long))


def test_categories_beyond_the_limit_are_refused():
    huge = FeatureCross([tuple(range(13))]).fit([["a"] * 13])
    many = {f"j{j}": objects(*map(str, range(50))) for j in range(13)}
    with pytest.raises(ValueError, match=r"^model: the cross .* more than the limit"):
        changed(huge, categories(**many))


@pytest.mark.parametrize(
    ("cross", "name", "value"), [
        (LatLongCross().fit(POINTS), "minutes", 2.0), (FeatureCross([0, 1]).fit(CLICKS), "crosses", [1, 2]),
        (FeatureCross(hashed=20).fit(CLICKS), "hashed", 21),
        (FeatureCross([(0, 1)]).fit(CLICKS), "main_effects", False),
    ],
)  # fmt: skip
def test_what_was_changed_after_its_fit_is_refused(cross, name, value):
    cross.set_params(**{name: value})
    with pytest.raises(ValueError, match=r"^model: "):
        written(cross)


def test_parameters_of_transform_may_change_after_the_fit():
    cross = FeatureCross([0, 1]).fit(CLICKS).set_params(dtype=np.float32, handle_unknown="error")
    back = there_and_back(cross)
    assert same(back, cross)
    assert back.transform(CLICKS[:1]).dtype == np.float32


def test_attributes_of_ones_own_are_refused():
    cross = LatLongCross().fit(POINTS)
    cross.remark = "mine"
    with pytest.raises(TypeError, match=r"^model: the attribute 'remark' of a LatLongCross cannot be saved"):
        written(cross)


def test_the_output_that_was_asked_for_comes_back():
    cross = FeatureCross([0]).set_output(transform="default").fit(CLICKS)
    assert same(there_and_back(cross), cross)
