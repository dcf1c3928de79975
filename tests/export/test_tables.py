"""Parquet files of weights, and the join that scores with them."""

import json
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support.exported import EXPORTS, blocks
from support.sgd_models import TARGETS, THREE, X

import sparsereg as sr
from sparsereg.export import to_parquet

WIDE = 2**63 - 1


def read(path):
    table = pyarrow.parquet.read_table(path)
    return table.to_pydict(), json.loads(table.schema.metadata[b"sparsereg"])


def test_one_row_a_nonzero(tmp_path):
    model = sr.LogisticRegression(alpha=0.01).fit(X, np.array(["no", "yes"])[TARGETS["logistic"]])
    to_parquet(model, tmp_path / "m.parquet")
    found, header = read(tmp_path / "m.parquet")
    w = model.sparse_coef_
    assert found == {"id": w.indices.tolist(), "weight": w.data.tolist()}
    assert header == {
        "format": "sparsereg weights", "version": 1, "sparsereg": sr.__version__, "loss": "logistic", "link": "logit",
        "classes": ["no", "yes"], "intercepts": [model.intercept_[0]], "n_features": 40, "has_offset": False,
        "offset_slope": 1.0,
    }  # fmt: skip
    assert [str(kind) for kind in pyarrow.parquet.read_schema(tmp_path / "m.parquet").types] == ["int64", "double"]


@pytest.mark.parametrize("labels", [["a", "b", "c"], [3, -1, 2**62], [False, True, True]])
def test_beyond_two_classes_every_weight_has_its_class(labels, tmp_path):
    if len(set(labels)) < 3:
        labels = np.array(["x", "y", "z"], dtype=object)
    model = sr.LogisticRegression(alpha=0.02).fit(X, np.asarray(labels)[THREE])
    to_parquet(model, tmp_path / "m.parquet")
    found, header = read(tmp_path / "m.parquet")
    w = model.sparse_coef_.tocoo()
    expected = sorted(zip(w.col.tolist(), w.row.tolist(), w.data.tolist()))
    classes = model.classes_.tolist()
    assert [*zip(*found.values())] == [(k, classes[c], x) for k, c, x in expected]
    assert header["intercepts"] == model.intercept_.tolist()


def test_names_and_cells(tmp_path):
    rng = np.random.default_rng(0)
    points = pd.DataFrame(rng.uniform([32, -124], [42, -114], (200, 2)), columns=["lat", "lon"])
    steps = ColumnTransformer([("at", sr.LatLongCross(levels=(60, 10)), ["lat", "lon"]), ("x", "passthrough", ["lat"])])
    pipeline = make_pipeline(steps, sr.Lasso(alpha=1e-2)).fit(points, rng.normal(size=200) + points["lat"] % 2)
    # Of two steps before the model; that no column is divided by anything keeps the weights.
    longer = make_pipeline(steps, StandardScaler(with_mean=False, with_std=False), pipeline[-1])
    longer.steps[1][1].fit(steps.transform(points))
    for model, names in ((pipeline, None), (longer, None), (pipeline[-1], steps), (pipeline[-1], pipeline)):
        to_parquet(model, tmp_path / "m.parquet", names=names)
        table = pyarrow.parquet.read_table(tmp_path / "m.parquet")
        expected = pipeline[-1].to_frame(names=pipeline).sort_values("id", ignore_index=True)
        assert table.column_names == [*expected.columns] == ["id", "name", "weight", "south", "west", "north", "east"]
        pd.testing.assert_frame_equal(table.to_pandas(), expected, check_dtype=False)
    assert table["south"].null_count == 1
    frame = pd.DataFrame(X.toarray(), columns=[f"c{j}" for j in range(40)])
    path = sr.lasso_path(frame, TARGETS["squared"], n_alphas=4)
    for model, alpha in ((sr.Lasso(alpha=0.01).fit(frame, TARGETS["squared"]), None), (path, path.alphas[-1])):
        to_parquet(model, tmp_path / "m.parquet", alpha=alpha)
        found, _ = read(tmp_path / "m.parquet")
        assert found["name"] == [f"c{j}" for j in found["id"]]
    to_parquet(path, tmp_path / "m.parquet", alpha=path.alphas[-1], names=[f"d{j}" for j in range(40)])
    assert read(tmp_path / "m.parquet")[0]["name"] == [f"d{j}" for j in found["id"]]
    with pytest.raises(ValueError, match="39"):
        to_parquet(path, tmp_path / "m.parquet", alpha=path.alphas[-1], names=["d"] * 39)


def test_ids_of_any_width(tmp_path):
    far = np.append(np.arange(38) * 2**57, [2**62, 2**63 - 2])
    wide = sparse.csr_array((X.data, far[X.indices], X.indptr.astype(np.int64)), shape=(300, WIDE))
    path = sr.poisson_path(wide, TARGETS["poisson"], n_alphas=4)
    to_parquet(path, tmp_path / "m.parquet", alpha=path.alphas[-1])
    found, header = read(tmp_path / "m.parquet")
    coef, intercept = path.at(path.alphas[-1])
    assert found == {"id": coef.ids.tolist(), "weight": coef.values.data.tolist()}
    assert (header["n_features"], header["intercepts"], header["classes"]) == (str(WIDE), [intercept], None)


def test_a_model_without_weights(tmp_path):
    to_parquet(sr.Lasso(alpha=1e6).fit(X, TARGETS["squared"]), tmp_path / "m.parquet")
    assert read(tmp_path / "m.parquet")[0] == {"id": [], "weight": []}


def test_what_is_refused_leaves_no_file(tmp_path, monkeypatch):
    target = tmp_path / "m.parquet"
    target.write_bytes(b"old")
    model = sr.Lasso(alpha=0.01).fit(X, TARGETS["squared"])
    dates = np.array(["2024-01-01", "2024-01-02"], dtype="M8[D]")[TARGETS["logistic"]]
    for wrong, words, error in (
        (3, {}, TypeError), (sr.Lasso(), {}, ValueError), (model, {"alpha": 1.0}, ValueError),
        (sr.LogisticRegression(alpha=0.01).fit(X, dates), {}, TypeError),
    ):  # fmt: skip
        with pytest.raises(error):
            to_parquet(wrong, target, **words)

    def full(*arguments, **words):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyarrow.parquet, "write_table", full)
    with pytest.raises(OSError, match="No space left"):
        to_parquet(model, target)
    assert ([*tmp_path.iterdir()], target.read_bytes()) == ([target], b"old")


@pytest.mark.parametrize("name", ["pyarrow", "pyarrow.parquet"])
def test_without_pyarrow(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"^to_parquet needs pyarrow: pip install 'sparsereg-wide\[io\]'$"):
        to_parquet(sr.Lasso(alpha=0.01).fit(X, TARGETS["squared"]), tmp_path / "m.parquet")


def test_the_join_of_the_page_scores(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = X[:200].tocsr()
    model = sr.LogisticRegression(alpha=0.01).fit(X, TARGETS["logistic"])
    names = {"model": model, "X": rows}
    (names["sql"],) = blocks(EXPORTS, "sql")
    for program in blocks(EXPORTS, "python")[2:]:
        exec(program, names)
    names["database"].close()
    has_entries = np.flatnonzero(np.diff(rows.indptr))
    assert [row for row, _ in names["scores"]] == has_entries.tolist()
    found = [score for _, score in names["scores"]]
    np.testing.assert_allclose(found, model.predict_proba(rows)[has_entries, 1], rtol=1e-13)
    known = np.isin(rows.indices, model.sparse_coef_.indices)
    assert any(not known[start:stop].any() for start, stop in zip(rows.indptr[:-1], rows.indptr[1:]) if start < stop)
