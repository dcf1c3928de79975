"""Crosses in a graph: ids as the compiled ones, to the last bit of a coordinate, and what a graph makes of bad rows."""

import json
import os
import tempfile

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.exported import run, session

from sparsereg import FeatureCross, Lasso, LatLongCross, LogisticRegression
from sparsereg.export import to_onnx
from sparsereg.export.crosses import describe

RNG = np.random.default_rng(0)


def fitted(cross, rows):
    """Return a model on the crosses of some rows."""
    y = RNG.normal(size=len(rows))
    return Lasso(alpha=1e-3).fit(cross.transform(rows), y)


def anywhere(n):
    return RNG.uniform([-90, -180], [90, 360], (n, 2))


def around(edges):
    """Return edges with the doubles before and after them."""
    return np.concatenate([edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)])


def odd_points(cross, n):
    """Return points at corners of cells, and where the globe ends."""
    points = []
    for level in cross._layout()[0]:
        k, m = RNG.integers(0, level.n_lat + 1, n), RNG.integers(0, level.n_lon + 1, 2 * n)
        beyond = (m[n:] * level.numerator + 180 * level.denominator) / level.denominator
        lat, lon = level.lat_edges(k), np.append(level.lon_edges(m[:n]), beyond)
        points.append(np.column_stack([np.resize(around(lat), 6 * n), around(lon)]))
    west_and_east = (-180.0, 180.0, np.nextafter(180, 0), np.nextafter(360, 0))
    ends = [(lat, lon) for lat in (-90.0, 90.0, 0.0, -0.0) for lon in west_and_east]
    points = np.vstack([*points, ends])
    return points[(np.abs(points[:, 0]) <= 90) & (points[:, 1] >= -180) & (points[:, 1] < 360)]


@pytest.mark.parametrize("words", [
    {"levels": (60, 10, 1)}, {"minutes": 0.1}, {"minutes": 7}, {"levels": (700, 1 / 3)}, {"minutes": 1e-4},
    {"levels": (10800, 0.013), "main_effects": False}, {"minutes": 10800}, {"levels": (90, 45.5, 0.7, 1e-3)},
], ids=str)  # fmt: skip
def test_ids_of_coordinates_to_the_last_bit(words, tmp_path):
    cross = LatLongCross(**words)
    points = anywhere(300)
    model = fitted(cross, points)
    points = np.vstack([points, odd_points(cross, 1_000), anywhere(3_000)])
    to_onnx(model, tmp_path / "m.onnx", transformer=cross)
    found = run(tmp_path / "m.onnx", points=points)
    assert np.array_equal(found["ids"], as_rows(cross, points))
    np.testing.assert_allclose(found["variable"][:, 0], model.predict(cross.transform(points)), rtol=1e-13, atol=1e-14)


def test_a_hundred_thousand_corners(tmp_path):
    cross = LatLongCross(levels=(60, 10, 1))
    points = odd_points(cross, 9_000)
    assert len(points) > 110_000
    to_onnx(fitted(cross, points[:500]), tmp_path / "m.onnx", transformer=cross)
    assert np.array_equal(run(tmp_path / "m.onnx", points=points)["ids"], as_rows(cross, points))


@settings(max_examples=15)
@given(st.floats(1e-4, 10800))
def test_ids_at_any_width(minutes):
    cross = LatLongCross(minutes)
    points = odd_points(cross, 50)
    with tempfile.TemporaryDirectory() as folder:
        to_onnx(fitted(cross, points[:5]), f"{folder}/m.onnx", transformer=cross)
        assert np.array_equal(run(f"{folder}/m.onnx", points=points)["ids"], as_rows(cross, points))


def as_rows(cross, points):
    return cross.transform(points).indices.reshape(len(points), -1)


def test_the_date_line_is_one_line_and_360_degrees_go_round(tmp_path):
    cross = LatLongCross(levels=(60, 1))
    to_onnx(fitted(cross, anywhere(50)), tmp_path / "m.onnx", transformer=cross)
    east = np.arange(0, 180, 0.25)
    for lat in (-90.0, 12.5, 90.0):
        here = np.column_stack([np.full(east.size, lat), east - 180])
        ids, same = (run(tmp_path / "m.onnx", points=here + [0, turn])["ids"] for turn in (0, 360))
        assert np.array_equal(ids, same)


@pytest.mark.parametrize("classes", [2, 3])
def test_points_that_are_none_give_nan(classes, tmp_path):
    cross = LatLongCross(minutes=60)
    good = anywhere(200)
    model = LogisticRegression(alpha=1e-3).fit(cross.transform(good), np.arange(200) % classes)
    to_onnx(model, tmp_path / "m.onnx", transformer=cross)
    bad = [
        (np.nan, 0), (0, np.nan), (np.inf, 0), (0, -np.inf), (np.nextafter(90, 91), 0), (0, 360),
        (0, np.nextafter(-180, -181)), (1e300, 5), (5, -1e300), (np.nan, np.nan),
    ]  # fmt: skip
    for point in bad:
        with pytest.raises(ValueError, match="must be in"):
            cross.transform([point])
    points = np.vstack([np.array(bad), good])
    found = run(tmp_path / "m.onnx", points=points)
    n = len(bad)
    assert np.isnan(found["probabilities"][:n]).all()
    assert (found["ids"][:n] == -2).all()
    np.testing.assert_allclose(found["probabilities"][n:], model.predict_proba(cross.transform(good)), rtol=1e-12)
    assert (found["label"][n:] == model.predict(cross.transform(good))).all()


def test_a_model_of_a_thousand_weights_with_its_cross_is_small(tmp_path):
    cross = LatLongCross(levels=(60, 10, 1))
    points = RNG.uniform([32, -124], [42, -114], (30_000, 2))
    y = RNG.random(30_000) < 1 / (1 + np.exp(-3 * np.sin(3 * points[:, 0]) * np.cos(2 * points[:, 1])))
    model = LogisticRegression(alpha=1e-4).fit(cross.transform(points), y)
    nnz = model.sparse_coef_.nnz
    assert 500 < nnz < 2000
    for compress, each in ((None, 12.1), ("float32", 8.1)):
        to_onnx(model, tmp_path / "m.onnx", transformer=cross, compress=compress)
        assert os.path.getsize(tmp_path / "m.onnx") < each * nnz + 3_100
        found = run(tmp_path / "m.onnx", points=points)["probabilities"]
        error = np.abs(found - model.predict_proba(cross.transform(points))).max()
        assert error < (1e-15 if compress is None else 1e-7)


CLICKS = [
    ["phone", 7, "Oslo", -3], ["desk", 8, "Rome", 2**63 - 1], ["phone", 7, "", 0],
    ["tablet", 23, "S\u00e3o Paulo", -(2**63)], ["desk", 7, "Oslo", 5], ["phone", 8, "\U0001f600", 5],
]  # fmt: skip
CROSSES = [0, (0, 1), (2, 3, 1), 3]


def clicks(n):
    """Return rows of known and unknown categories, and the inputs of a graph that are the same."""
    rows = np.empty((n, 4), dtype=object)
    for j, new in enumerate(["watch", 9, "oslo", 6]):
        rows[:, j] = RNG.choice(np.array([row[j] for row in CLICKS] + [new], dtype=object), n)
    kinds = (object, np.int64, object, np.int64)
    return rows, {f"x{j}": rows[:, j].astype(kind) for j, kind in enumerate(kinds)}


def as_ids(X, n_blocks, cross):
    """Return the id of each block of each row, -1 where there is none."""
    starts = [block.start for block in cross.blocks_]
    out = np.full((X.shape[0], n_blocks), -1, dtype=np.int64)
    row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    out[row, np.searchsorted(starts, X.indices, side="right") - 1] = X.indices
    return out


def test_ids_of_categories_known_and_unknown(tmp_path):
    cross = FeatureCross(CROSSES).fit(np.array(CLICKS, dtype=object))
    rows, inputs = clicks(400)
    model = fitted(cross, rows)
    to_onnx(model, tmp_path / "m.onnx", transformer=cross)
    types = {given.name: given.type for given in session(tmp_path / "m.onnx").get_inputs()}
    assert types == {f"x{j}": f"tensor({'int64' if j % 2 else 'string'})" for j in range(4)}
    found = run(tmp_path / "m.onnx", **inputs)
    X = cross.transform(rows)
    assert np.array_equal(found["ids"], as_ids(X, len(cross.blocks_), cross))
    assert (found["ids"] == -1).any()
    np.testing.assert_allclose(found["variable"][:, 0], model.predict(X), rtol=1e-13, atol=1e-14)


def test_ids_of_a_cross_of_2_to_the_60_columns(tmp_path):
    rows = RNG.integers(-(2**62), 2**62, (4, 2**15)).T.astype(object)
    cross = FeatureCross([(0, 1, 2, 3), (3, 0)], main_effects=False).fit(rows)
    assert cross.n_features_out_ == 2**60 + 2**30
    rows = np.column_stack([RNG.choice(column, 200) for column in rows.T])
    to_onnx(fitted(cross, rows), tmp_path / "m.onnx", transformer=cross)
    found = run(tmp_path / "m.onnx", **{f"x{j}": rows[:, j].astype(np.int64) for j in range(4)})
    assert np.array_equal(found["ids"], as_ids(cross.transform(rows), 2, cross))


def test_what_transform_refuses_gives_nan(tmp_path):
    cross = FeatureCross(CROSSES, handle_unknown="error").fit(np.array(CLICKS, dtype=object))
    model = fitted(cross, np.array(CLICKS, dtype=object))
    to_onnx(model, tmp_path / "m.onnx", transformer=cross)
    rows, inputs = clicks(400)
    found = run(tmp_path / "m.onnx", **inputs)
    is_known = np.array([all(row[j] in [click[j] for click in CLICKS] for j in range(4)) for row in rows])
    assert 10 < is_known.sum() < 390
    assert np.array_equal(np.isnan(found["variable"][:, 0]), ~is_known)
    assert np.array_equal((found["ids"] == -2).all(axis=1), ~is_known)
    expected = model.predict(cross.transform(rows[is_known]))
    np.testing.assert_allclose(found["variable"][is_known, 0], expected, rtol=1e-12)


def test_texts_that_only_look_like_numbers_stay_texts(tmp_path):
    for odd in ("007", "-0", str(2**63), "1e5", "+1", "1_0", " 1", "\u0663"):
        cross = FeatureCross([0]).fit(np.array([["1"], [odd]], dtype=object))
        to_onnx(fitted(cross, np.array([["1"], [odd]] * 5, dtype=object)), tmp_path / "m.onnx", transformer=cross)
        assert session(tmp_path / "m.onnx").get_inputs()[0].type == "tensor(string)", odd
        found = run(tmp_path / "m.onnx", x0=np.array([odd, "1", "2"], dtype=object))["ids"][:, 0]
        assert found.tolist() == [*cross.transform(np.array([[odd], ["1"]], dtype=object)).indices, -1]


def test_names_of_columns_are_names_of_inputs(tmp_path):
    frame = pd.DataFrame({"city": ["a", "b"], "/2": ["c", "d"], "unused": [1, 2]})
    cross = FeatureCross(["city", "/2"]).fit(frame)
    model = Lasso(alpha=1e-3).fit(cross.transform(frame), [1.0, 2.0])
    to_onnx(model, tmp_path / "m.onnx", transformer=cross)
    row = {"city": "b", "/2": "c"}
    found = run(tmp_path / "m.onnx", **{name: np.array([text], dtype=object) for name, text in row.items()})
    assert found["ids"].tolist() == [cross.transform(pd.DataFrame([row | {"unused": 0}])).indices.tolist()]
    for name in ("ids", "label", "offset", ""):
        frame = pd.DataFrame({name: ["a", "b"]})
        cross = FeatureCross([name]).fit(frame)
        with pytest.raises(ValueError, match=rf"^transformer: the column name {name!r} is not"):
            to_onnx(Lasso(alpha=1e-3).fit(cross.transform(frame), [1.0, 2.0]), tmp_path / "n.onnx", transformer=cross)


def test_a_hashed_cross_leaves_the_ids_to_the_caller(tmp_path):
    cross = FeatureCross(CROSSES, hashed=3).fit(np.array(CLICKS, dtype=object))
    rows, _ = clicks(50)
    model = fitted(cross, rows)
    to_onnx(model, tmp_path / "m.onnx", transformer=cross)
    X = cross.transform(rows)
    assert X.data.max() > 1  # blocks of a row collide, and are given one by one
    ids = np.full((50, int(X.sum(axis=1).max())), -1, dtype=np.int64)
    for i in range(50):
        entries = slice(*X.indptr[i : i + 2])
        all_ids = np.repeat(X.indices[entries], X.data[entries].astype(int))
        ids[i, : all_ids.size] = all_ids
    np.testing.assert_allclose(run(tmp_path / "m.onnx", ids=ids)["variable"][:, 0], model.predict(X), rtol=1e-12)
    (fact,) = onnx.load(tmp_path / "m.onnx").metadata_props
    assert json.loads(fact.value)["transformer"] == describe(cross)


def test_crosses_take_no_values(tmp_path):
    cross = LatLongCross(minutes=60)
    with pytest.raises(ValueError, match=r"^values: True is not allowed with a transformer, which makes them"):
        to_onnx(fitted(cross, anywhere(10)), tmp_path / "m.onnx", transformer=cross, values=True)
