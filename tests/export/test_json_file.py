"""Models as JSON: every bit comes back, and the JavaScript of the page scores as Python does."""

import json
import math
import os

import numpy as np
import pytest
from scipy import sparse
from support.exported import javascript
from support.sgd_models import BATCH, TARGETS, THREE, X, make

import sparsereg as sr
from sparsereg.export import to_json
from sparsereg.export.plain import PIECE, pieces_of_json

WIDE = 2**63 - 1
FAR = np.append(np.arange(38) * 2**57, [2**62, 2**63 - 2])


def strict(path):
    """Read JSON as others do: no NaN, no infinity, and every name once."""

    def refuse(word):
        raise AssertionError(word)

    def once(pairs):
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    content = path.read_bytes()
    assert content.isascii()
    return json.loads(content, parse_constant=refuse, object_pairs_hook=once)


def test_all_that_a_model_is(tmp_path):
    model = sr.LogisticRegression(alpha=0.01).fit(X, np.array(["no", "yes\u00e9"])[TARGETS["logistic"]])
    to_json(model, tmp_path / "m.json")
    w = model.sparse_coef_
    assert strict(tmp_path / "m.json") == {
        "format": "sparsereg model", "version": 1, "sparsereg": sr.__version__, "loss": "logistic", "link": "logit",
        "classes": ["no", "yes\u00e9"], "intercepts": [model.intercept_[0]], "n_features": 40, "has_offset": False,
        "offset_slope": 1.0,
        "ids": w.indices.tolist(), "weights": w.data.tolist(), "outputs": None, "transformer": None,
    }  # fmt: skip


def test_integers_beyond_doubles_are_text_and_floats_keep_their_bits(tmp_path):
    ids = np.array([0, 2**53 - 1, 2**53, 2**53 + 1, 2**62, 2**63 - 2])
    values = np.array([5e-324, 1 / 3, 1e300, -1.7976931348623157e308, math.pi, -2.0**-1074 * 3])
    model = sr.Lasso().fit(X, TARGETS["squared"])
    model._coef = sr.coef.SparseCoef.from_active(ids, values, WIDE)
    to_json(model, tmp_path / "m.json")
    found = strict(tmp_path / "m.json")
    assert found["ids"] == [0, 2**53 - 1, 2**53, str(2**53 + 1), str(2**62), str(2**63 - 2)]
    assert np.array(found["weights"]).tobytes() == values.tobytes()
    assert found["n_features"] == str(WIDE)


def test_a_number_that_is_not_finite_is_refused(tmp_path):
    model = sr.Lasso(alpha=0.01).fit(X, TARGETS["squared"])
    model.intercept_ = math.inf
    with pytest.raises(ValueError, match=r"^model: it has numbers that are not finite, which cannot be exported"):
        to_json(model, tmp_path / "m.json")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("n", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_long_lists_are_written_piece_by_piece(n):
    """Between two pieces an interrupt gets through."""
    content = {"a": 1, "ids": [*range(n)], "none": None, "w": [k / 3 for k in range(n)], "deep": {"x": [1, [2.5]]}}
    pieces = [*pieces_of_json(content)]
    assert "".join(pieces) == json.dumps(content, separators=(",", ":"))
    assert max(map(len, pieces)) < 25 * PIECE
    assert len(pieces) >= 2 * n // PIECE
    assert "".join(pieces_of_json({})) == "{}"


@pytest.mark.parametrize(("labels", "written"), [
    ([False, True], [False, True]), ([1.0, 2.0], [1.0, 2.0]), ([-1, 2**62], [-1, str(2**62)]),
    (np.array(["a", "b"], dtype=object), ["a", "b"]),
])  # fmt: skip
def test_labels(labels, written, tmp_path):
    to_json(sr.LinearSVC(alpha=0.01).fit(X, np.asarray(labels)[TARGETS["logistic"]]), tmp_path / "m.json")
    assert strict(tmp_path / "m.json")["classes"] == written


def score(path, ids, values=None, offset=None):
    """Return what the page's `scorer` makes of rows."""
    rows = json.dumps([[list(map(str, row)) for row in ids], values, offset])
    found = javascript(
        f"() => {{ const score = scorer({path.read_text()}), [ids, values, offset] = {rows}; return JSON.stringify("
        "ids.map((row, i) => score(row, values ? values[i] : undefined, offset ? offset[i] : undefined))); }"
    )
    return np.array(json.loads(found))


def rows_of(X):
    return np.split(X.indices, X.indptr[1:-1]), [row.tolist() for row in np.split(X.data, X.indptr[1:-1])]


def mean(model, X, **words):
    if hasattr(model, "predict_proba"):
        p = model.predict_proba(X, **words)
        return p[:, 1] if p.shape[1] == 2 else p
    return (model.decision_function if hasattr(model, "classes_") else model.predict)(X, **words)


@pytest.mark.parametrize("name", [*BATCH, "logistic three", "squared_hinge three", "stream poisson", "stream logistic"])
def test_the_javascript_of_the_page_scores_as_python_does(name, tmp_path):
    loss = name.removeprefix("stream ").removesuffix(" three")
    model = make(loss) if name.startswith("stream") else BATCH[loss](alpha=0.01)
    wide = sparse.csr_array((X.data, FAR[X.indices], X.indptr.astype(np.int64)), shape=(300, WIDE))
    model.fit(wide, THREE if name.endswith("three") else TARGETS[loss])
    to_json(model, tmp_path / "m.json")
    np.testing.assert_allclose(score(tmp_path / "m.json", *rows_of(wide)), mean(model, wide), rtol=1e-12, atol=1e-14)
    ones = wide.copy()
    ones.data[:] = 1.0
    np.testing.assert_allclose(score(tmp_path / "m.json", rows_of(wide)[0]), mean(model, ones), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("is_calibrated", [False, True])
def test_offsets(n_classes, is_calibrated, tmp_path):
    offset = np.random.default_rng(0).normal(size=(300, 3) if n_classes == 3 else 300)
    model = sr.LogisticRegression(alpha=0.01).fit(X, THREE if n_classes == 3 else TARGETS["logistic"], offset=offset)
    if is_calibrated:
        labels = model.predict(X, offset=offset)
        labels[:60] = np.roll(labels[:60], 1)
        model.calibrate(X, labels, offset=offset)
    to_json(model, tmp_path / "m.json")
    found = score(tmp_path / "m.json", *rows_of(X), offset.tolist())
    np.testing.assert_allclose(found, mean(model, X, offset=offset), rtol=1e-12)
    with pytest.raises(Exception, match="RangeError: the model was fitted with an offset"):
        score(tmp_path / "m.json", [[1]])


@pytest.mark.parametrize("words", [
    {"levels": (60, 10, 1)}, {"minutes": 7, "main_effects": False}, {"minutes": 1e-4},
], ids=str)  # fmt: skip
def test_coordinates_in_javascript(words, tmp_path):
    cross, rng = sr.LatLongCross(**words), np.random.default_rng(0)
    levels, _ = cross._layout()
    points = rng.uniform([-90, -180], [90, 360], (300, 2))
    for level in levels:
        k, m = rng.integers(0, level.n_lat, 200), rng.integers(0, level.n_lon, 200)
        edges = np.column_stack([level.lat_edges(k), level.lon_edges(m)])
        points = np.vstack([points, edges, np.nextafter(edges, -1e3), np.nextafter(edges, 1e3)])
    points = np.vstack([points, [(90, 180), (-90, -180), (90, 0), (0, np.nextafter(360, 0))]])
    points = points[(points[:, 0] >= -90) & (points[:, 1] >= -180)]
    X = cross.transform(points)
    model = sr.Ridge(alpha=1e-3).fit(X, rng.normal(size=len(points)))
    to_json(model, tmp_path / "m.json", transformer=cross)
    found = javascript(
        f"() => {{ const model = {(tmp_path / 'm.json').read_text()}, score = scorer(model); return JSON.stringify("
        f"{json.dumps(points.tolist())}.map(([lat, lon]) => {{ const ids = latLongIds(model.transformer, lat, lon); "
        "return [ids.map(String), score(ids)]; })); }"
    )
    ids, scores = zip(*json.loads(found))
    assert np.array_equal(np.array(ids).astype(np.int64), X.indices.reshape(len(points), -1))
    np.testing.assert_allclose(scores, model.predict(X), rtol=1e-12, atol=1e-13)
    for bad in ("NaN, 0", "0, NaN", "90.1, 0", "0, 360", "0, -180.1"):
        with pytest.raises(Exception, match="RangeError"):
            javascript(f"() => latLongIds({json.dumps(strict(tmp_path / 'm.json')['transformer'])}, {bad})")


@pytest.mark.parametrize("hashed", [None, 12, 60])
def test_categories_in_javascript(hashed, tmp_path):
    rng = np.random.default_rng(0)
    rows = np.empty((200, 3), dtype=object)
    drawn = (["phone", "desk", "", "7.0", None], [1, 2, 3, None], [0.5, 1.0, "True", True, "x\u00e9"])
    for j, known in enumerate(drawn):
        for i in range(200):
            rows[i, j] = known[rng.integers(len(known))]
    cross = sr.FeatureCross([0, (0, 1), (2, 0, 1)], hashed=hashed).fit(rows[:40])
    rows[150:, 0] = "unseen"
    X = cross.transform(rows)
    model = sr.Ridge(alpha=1e-3).fit(X, rng.normal(size=200))
    to_json(model, tmp_path / "m.json", transformer=cross)
    found = javascript(
        f"() => {{ const model = {(tmp_path / 'm.json').read_text()}, score = scorer(model); return JSON.stringify("
        f"{json.dumps(rows.tolist())}.map((row) => {{ const ids = categoryIds(model.transformer, row); "
        "return [ids.map(String), score(ids)]; })); }"
    )
    ids, scores = zip(*json.loads(found))
    for row, found in zip(X, ids):
        assert sorted(map(int, found)) == np.repeat(row.indices, row.data.astype(int)).tolist()
    np.testing.assert_allclose(scores, model.predict(X), rtol=1e-12, atol=1e-13)


def test_what_is_refused_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "m.json"
    target.write_bytes(b"old")
    model = sr.Lasso(alpha=0.01).fit(X, TARGETS["squared"])
    for wrong, words, error in (
        (3, {}, TypeError), (sr.Lasso(), {}, ValueError), (model, {"alpha": 1.0}, ValueError),
        (model, {"transformer": 3}, TypeError), (model, {"transformer": sr.LatLongCross()}, ValueError),
    ):  # fmt: skip
        with pytest.raises(error):
            to_json(wrong, target, **words)

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        to_json(model, target)
    assert ([*tmp_path.iterdir()], target.read_bytes()) == ([target], b"old")


def test_a_table_model_has_the_columns_of_the_table(tmp_path):
    cross = sr.FeatureCross([0]).fit(np.array([["a"], ["b"]]))
    kinds = cross.transform(np.array([["a"], ["b"], ["a"], ["a"]])).toarray()
    X = np.column_stack([np.arange(4.0), [0, 0, 1, 0], kinds])
    model = sr.Lasso(0.01).fit(X, [1.0, 2.0, 4.0, 3.0])
    to_json(sr.TableModel(model, ["n", (cross, ["kind"])], missing="indicator"), tmp_path / "m.json")
    made_by = json.loads((tmp_path / "m.json").read_text())["transformer"]
    assert (made_by["kind"], made_by["missing"]) == ("Table", "indicator")
    numbers, categories = made_by["parts"]
    assert numbers == {"columns": ["n"], "start": 0, "transformer": None}
    assert (categories["columns"], categories["start"]) == (["kind"], 2)
    assert categories["transformer"]["kind"] == "FeatureCross"
    to_json(sr.TableModel(sr.Lasso(0.01).fit(X[:, 2:], [1.0, 2.0, 4.0, 3.0]), cross), tmp_path / "m.json")
    assert json.loads((tmp_path / "m.json").read_text())["transformer"]["kind"] == "FeatureCross"
