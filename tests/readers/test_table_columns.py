"""What X is made of, and what its columns are called."""

import numpy as np
import pytest

from sparsereg import ArrowReader, FeatureCross, Lasso, LatLongCross

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")

TABLE = pd.DataFrame({"y": [0, 1], "lat": [1.0, 2.0], "lon": [3.0, 4.0], "city": ["Oslo", "Bern"], "hour": [7, 8]})


def reader(features, **settings):
    return ArrowReader(TABLE, target="y", features=features, **settings)


def names_of_first_row(found):
    X = next(iter(found)).X[0]
    return found.feature_name(X.indices).tolist(), X.shape[1]


def test_names_of_columns_side_by_side():
    cross = FeatureCross().fit(TABLE[["city", "hour"]])
    found = reader(["lat", (LatLongCross(), ["lat", "lon"]), "hour", "lon", (cross, ["city", "hour"])])
    names, width = names_of_first_row(found)
    assert names == [
        "lat", "lat[1,1.01666667)", "lon[3,3.01666667)", "cell_1[1,3]", "hour", "lon", "city=Oslo", "hour=7",
        "city=Oslo & hour=7",
    ]
    assert found.feature_name([[width - 1]]).tolist() == [["city=Oslo & hour=8"]]
    for wrong in (-1, width):
        with pytest.raises(ValueError, match=rf"ids must be in \[0, {width}\), got {wrong}"):
            found.feature_name([wrong])


def test_indicators_have_names():
    cross = FeatureCross(hashed=40).fit(TABLE[["city", "hour"]])
    found = reader(["lat", "lon", (cross, ["city", "hour"]), "hour"], missing="indicator")
    assert found.feature_name([0, 1, 2, 3, 4, 2**40 + 4, 2**40 + 5]).tolist() == [
        "lat", "lat is missing", "lon", "lon is missing", "hash_0", "hour", "hour is missing"
    ]
    assert found.feature_name(np.empty(0)).size == 0


def test_names_of_other_transformers_are_their_own():
    encoder = pytest.importorskip("sklearn.preprocessing").OneHotEncoder().fit(TABLE[["city"]].to_numpy())
    names, width = names_of_first_row(reader(["hour", (encoder, ["city"])]))
    assert (names, width) == (["hour", "x0_Oslo"], 3)


def test_cells_of_columns():
    cross = LatLongCross(levels=(60, 1))
    found = reader(["lat", (cross, ["lat", "lon"]), "hour"], missing="indicator")
    assert found.has_cells and not reader(["lat"]).has_cells
    ids = [0, 1, 2, 10_000, 2 + cross._blocks()[-1].stop]
    bounds = found.cell_bounds(ids)
    assert np.isnan(bounds["south"]).tolist() == [True, True, False, False, True]
    np.testing.assert_array_equal(bounds[2:4], cross.cell_bounds([0, 9_998]))
    with pytest.raises(ValueError, match=r"ids must be in"):
        found.cell_bounds([-1])


def test_frames_have_the_cells_of_a_reader():
    found = reader([(LatLongCross(levels=(60,), main_effects=False), ["lat", "lon"]), "hour"])
    (block,) = found
    frame = Lasso(0.01).fit(block.X, block.y).to_frame(found)
    assert [*frame.columns[-4:]] == ["south", "west", "north", "east"]
    assert frame["south"].isna().sum() == frame["name"].eq("hour").sum()
    assert [*Lasso(0.01).fit(block.X[:, -1:], block.y).to_frame(reader(["hour"])).columns] == ["id", "name", "weight"]
