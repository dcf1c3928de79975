"""Latitude and longitude crosses as users meet them."""

import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from sparsereg.features.latlong_cross import LatLongCross

POINTS = np.array([(37.88, -122.23), (-90, -180), (90, 179.999), (0, 0), (-33.9, 18.4)])
latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180, exclude_max=True)


def ids_of(point, **params):
    return LatLongCross(**params).fit([point]).transform([point]).indices


def test_one_minute_has_233_million_columns_in_three_blocks():
    cross = LatLongCross(minutes=1).fit(POINTS)
    assert cross.n_features_out_ == 233_312_400
    assert cross.blocks_ == (("lat", 0, 10_800), ("lon", 10_800, 21_600), ("cell_1", 32_400, 233_280_000))
    X = cross.transform(POINTS)
    assert X.shape == (5, 233_312_400)
    assert X.indices.dtype == X.indptr.dtype == np.int32
    assert X.data.dtype == np.float64
    assert (X.data == 1).all()
    assert X.has_canonical_format
    assert X.indices[:3].tolist() == [7672, 14_266, 165_751_066]


def test_docstring_example():
    assert ids_of((37.88, -122.23)).tolist() == [7672, 14_266, 165_751_066]


@pytest.mark.parametrize(
    ("params", "blocks"),
    [
        ({"minutes": 60, "main_effects": False}, (("cell_60", 0, 180 * 360),)),
        ({"minutes": 0.5}, (("lat", 0, 21_600), ("lon", 21_600, 43_200), ("cell_0.5", 64_800, 21_600 * 43_200))),
        ({"minutes": 7}, (("lat", 0, 1543), ("lon", 1543, 3086), ("cell_7", 4629, 1543 * 3086))),
        (
            {"levels": (60, 10)},
            (("lat", 0, 1080), ("lon", 1080, 2160), ("cell_60", 3240, 64_800), ("cell_10", 68_040, 1080 * 2160)),
        ),
    ],
)
def test_blocks(params, blocks):
    cross = LatLongCross(**params).fit(POINTS)
    assert cross.blocks_ == blocks
    assert cross.n_features_out_ == blocks[-1][1] + blocks[-1][2]
    for name, start, count in blocks:
        assert cross.block_of([start, start + count - 1]).tolist() == [name, name]


@pytest.mark.parametrize("minutes", [1, 0.5, 2.5, 7, 60, 0.1, 1 / 3, 10_800])
@given(latitude=latitudes, longitude=longitudes)
def test_bounds_of_every_column_hold_the_point(minutes, latitude, longitude):
    cross = LatLongCross(minutes=minutes)
    for cell in cross.cell_bounds(cross.transform([[latitude, longitude]]).indices):
        assert cell["south"] <= latitude
        assert latitude < cell["north"] or latitude == cell["north"] == 90
        assert cell["west"] <= longitude < cell["east"]


@given(latitude=latitudes, longitude=longitudes)
def test_levels_nest_and_ids_ascend(latitude, longitude):
    cross = LatLongCross(levels=(60, 10, 2.5, 0.5))
    ids = cross.transform([[latitude, longitude]]).indices
    assert (np.diff(ids) > 0).all()
    assert cross.block_of(ids).tolist() == ["lat", "lon", "cell_60", "cell_10", "cell_2.5", "cell_0.5"]
    cells = cross.cell_bounds(ids)[2:]
    for coarse, fine in pairwise(cells):
        assert coarse["south"] <= fine["south"] < fine["north"] <= coarse["north"]
        assert coarse["west"] <= fine["west"] < fine["east"] <= coarse["east"]
    assert (
        ids[-1] - cross.fit([[0, 0]]).blocks_[-1].start
        == (LatLongCross(0.5, main_effects=False).transform([[latitude, longitude]]).indices[0])
    )


def test_poles_and_date_line():
    assert ids_of((90, 0))[0] == ids_of((89.999, 0))[0] == 10_799
    assert ids_of((-90, 0))[0] == 0
    for same in (180, -180, 180.0):
        assert ids_of((0, same))[1] == 10_800
    assert ids_of((0, np.nextafter(180, 0)))[1] == 10_800 + 21_599
    assert ids_of((0, np.nextafter(360, 0)))[1] == 10_800 + 10_799
    assert ids_of((0.0, 0.0)).tolist() == ids_of((-0.0, -0.0)).tolist()


@given(st.integers(0, 21_599))
def test_both_conventions_of_longitude_agree_on_every_edge(k):
    east = k / 60
    west = (k - 21_600) / 60 if k >= 10_800 else k / 60
    assert ids_of((0, east)).tolist() == ids_of((0, west)).tolist()


@pytest.mark.parametrize(("minutes", "degrees"), [(6, 0.1), (1, 0.1), (1, 37.9), (3, 0.15), (0.6, -122.23)])
def test_a_decimal_on_an_edge_starts_its_bucket(minutes, degrees):
    cell = LatLongCross(minutes).cell_bounds(ids_of((0, degrees), minutes=minutes)[1])
    assert cell["west"] == degrees


def test_bounds_of_main_effects_and_of_short_last_buckets():
    cross = LatLongCross(7).fit(POINTS)
    last_lat, last_lon, last = (b.start + b.count - 1 for b in cross.blocks_)
    bounds = cross.cell_bounds([0, last_lat, last_lon, last])
    assert bounds[0].item() == (-90, -180, (7 - 5400) / 60, 180)
    assert bounds[1].item() == ((1542 * 7 - 5400) / 60, -180, 90, 180)
    assert bounds[2].item() == (-90, (3085 * 7 - 10_800) / 60, 90, 180)
    assert (bounds[3]["north"], bounds[3]["east"]) == (90, 180)


def test_shapes_of_ids_are_kept():
    cross = LatLongCross(60)
    assert cross.cell_bounds(5).shape == ()
    assert cross.cell_bounds([[1, 2, 3], [4, 5, 6]]).shape == (2, 3)
    assert cross.block_of(np.empty((0, 2), dtype=int)).shape == (0, 2)
    assert cross.cell_bounds([]).shape == (0,)


def test_names():
    cross = LatLongCross(60).fit(POINTS)
    assert cross.feature_name([90, 180, 540]).tolist() == ["lat[0,1)", "lon[-180,-179)", "cell_60[-90,-180]"]
    names = cross.get_feature_names_out()
    assert len(names) == len(set(names)) == cross.n_features_out_
    with pytest.raises(ValueError, match=r"233312400 feature names .* use feature_name\(ids\)"):
        LatLongCross().get_feature_names_out()


def test_dtype_index_type_and_empty_input():
    assert LatLongCross(dtype=np.float32).transform(POINTS).dtype == np.float32
    X = LatLongCross(0.25).fit(POINTS).transform(POINTS)
    assert X.indices.dtype == X.indptr.dtype == np.int64
    assert X[:, int(X.indices[-1])].nnz == 1
    assert LatLongCross().transform(np.empty((0, 2))).shape == (0, 233_312_400)


def test_input_forms_agree_and_stay_as_they_were():
    expected = LatLongCross().transform(POINTS).indices
    before = POINTS.copy()
    wide = np.repeat(POINTS, 2, axis=1)[:, ::2]
    for form in (POINTS.tolist(), np.asfortranarray(POINTS), wide, POINTS.astype(object), pd.DataFrame(POINTS)):
        assert np.array_equal(LatLongCross().fit_transform(form).indices, expected)
    assert np.array_equal(POINTS, before)


def test_sklearn_manners():
    frame = pd.DataFrame(POINTS, columns=["latitude", "longitude"])
    cross = LatLongCross(levels=[60, 10]).fit(frame)
    assert cross.feature_names_in_.tolist() == ["latitude", "longitude"]
    copy = clone(cross)
    assert copy.get_params() == cross.get_params()
    assert not hasattr(copy, "n_features_out_")
    assert (copy.transform(POINTS) != pickle.loads(pickle.dumps(cross)).transform(frame)).nnz == 0
    with pytest.raises(ValueError, match="same order"):
        cross.transform(frame[["longitude", "latitude"]])
    out = make_pipeline(LatLongCross(60), MaxAbsScaler()).fit_transform(POINTS)
    assert out.shape == (5, 65_340)


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ((90.5, 0), r"row 1: latitude must be in \[-90, 90\] degrees, got 90.5"),
        ((np.nan, 0), "row 1: latitude .* got nan"),
        ((-np.inf, 0), "row 1: latitude .* got -inf"),
        ((0, -180.25), r"row 1: longitude must be in \[-180, 360\) degrees, got -180.25"),
        ((0, 360), "row 1: longitude .* got 360.0"),
        ((0, np.nan), "row 1: longitude .* got nan"),
    ],
)
def test_bad_coordinates_are_named_with_their_row(point, message):
    with pytest.raises(ValueError, match=message):
        LatLongCross().transform([(0, 0), point])


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros((3, 3)), ValueError, r"two columns, latitude and longitude in degrees, got shape \(3, 3\)"),
        (np.zeros(2), ValueError, "two columns"),
        ([["north", "east"]], ValueError, "X must be numbers of degrees"),
        (np.zeros((1, 2), dtype=complex), ValueError, "complex"),
        (sparse.csr_matrix((2, 2)), TypeError, "sparse"),
    ],
)
def test_bad_input(X, error, message):
    with pytest.raises(error, match=message):
        LatLongCross().fit(X)
    with pytest.raises(error, match=message):
        LatLongCross().transform(X)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"minutes": 0}, "minutes must be between"),
        ({"minutes": -1}, "got -1"),
        ({"minutes": np.nan}, "got nan"),
        ({"minutes": np.inf}, "got inf"),
        ({"minutes": 1e-5}, "got 1e-05"),
        ({"minutes": "1"}, "got '1'"),
        ({"minutes": None}, "minutes must be a number, got None"),
        ({"minutes": True}, "got True"),
        ({"levels": ()}, "at least one width"),
        ({"levels": (1, 10)}, r"strictly decreasing widths in arc-minutes, got \(1, 10\)"),
        ({"levels": (10, 10)}, "strictly decreasing"),
        ({"levels": (60, -1)}, "levels: each width must be between .*, got -1"),
        ({"levels": -1}, "levels: each width must be between"),
        ({"levels": "60"}, "levels must be a sequence of widths in arc-minutes, got '60'"),
        ({"levels": b"60"}, "levels must be a sequence"),
        ({"levels": ("60", 1)}, "levels: each width must be .*, got '60'"),
        ({"levels": {60: 1}}, "levels: each width must be a number"),
        ({"levels": [[60, 10], [5, 1]]}, "levels: each width must be a number"),
        ({"minutes": b"60"}, "minutes must be between"),
        ({"dtype": np.int32}, "dtype must be float32 or float64"),
        ({"dtype": "nonsense"}, "dtype must be float32 or float64"),
        ({"dtype": None}, "dtype must be float32 or float64"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        LatLongCross(**params).fit(POINTS).transform(POINTS)


@pytest.mark.parametrize("method", ["cell_bounds", "block_of", "feature_name"])
def test_bad_ids(method):
    ask = getattr(LatLongCross(60), method)
    for bad in (-1, 65_340, [0, 10**12]):
        with pytest.raises(ValueError, match=r"ids must be in \[0, 65340\), got"):
            ask(bad)
    with pytest.raises(ValueError, match="ids must be integers, got dtype float64"):
        ask([0.5])
