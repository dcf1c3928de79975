"""Graphs in onnxruntime against predictions of the models that they were made of."""

import json
import os
import sys

import numpy as np
import onnx
import pytest
from scipy import sparse
from support.exported import EXPORTS, blocks, padded, run, session
from support.sgd_models import BATCH, TARGETS, THREE, X, make

import sparsereg as sr
from sparsereg.export import to_onnx

WIDE = 2**63 - 1
FAR = np.append(np.arange(38) * 2**57, [2**62, 2**63 - 2])


def widened(X=X):
    """Return the columns of `X` at ids up to the largest there can be."""
    wide = sparse.csr_array((X.data, FAR[X.indices], X.indptr.astype(np.int64)), shape=(X.shape[0], WIDE))
    return wide


def models():
    for loss, cls in BATCH.items():
        yield loss, cls(alpha=0.01), TARGETS[loss]
        yield f"stream {loss}", make(loss), TARGETS[loss]
    for loss in ("logistic", "squared_hinge"):
        yield f"{loss} three", BATCH[loss](alpha=0.01), THREE
        yield f"stream {loss} three", make(loss), THREE
    yield "lasso cv", sr.LassoCV(n_alphas=5, cv=3), TARGETS["squared"]
    yield "enet cv", sr.ElasticNetCV(n_alphas=5, cv=3), TARGETS["squared"]
    yield "ridge cv", sr.RidgeCV(n_alphas=5, cv=3), TARGETS["squared"]
    yield "ridge", sr.Ridge(alpha=0.1), TARGETS["squared"]
    yield "poisson cv", sr.PoissonRegressorCV(n_alphas=5, cv=3), TARGETS["poisson"]
    yield "logistic cv", sr.LogisticRegressionCV(n_alphas=5, cv=3), TARGETS["logistic"]
    yield "logistic cv three", sr.LogisticRegressionCV(n_alphas=2, cv=2), THREE
    yield "without intercept", sr.Lasso(alpha=0.01, fit_intercept=False), TARGETS["squared"]
    yield "without weights", sr.LogisticRegression(alpha=1e6), TARGETS["logistic"]
    yield "a tie", sr.LinearSVC(alpha=1e6, fit_intercept=False), TARGETS["logistic"]
    yield "a tie of three", sr.LogisticRegression(alpha=1e6, fit_intercept=False), THREE
    yield "without weights three", sr.LogisticRegression(alpha=1e6), THREE


MODELS = {name: (model, y) for name, model, y in models()}


def outputs(model, X, **words):
    """Return what a graph of the model is to give."""
    if not hasattr(model, "classes_"):
        return {"variable": model.predict(X, **words)[:, None]}
    if hasattr(model, "predict_proba"):
        return {"label": model.predict(X, **words), "probabilities": model.predict_proba(X, **words)}
    scores = model.decision_function(X, **words)
    return {"label": model.predict(X, **words), "scores": scores.reshape(len(scores), -1)}


def same(found, expected, tol=1e-13):
    assert {*found} >= {*expected}
    for name, array in expected.items():
        assert found[name].shape == array.shape, name
        if array.dtype.kind == "f":
            np.testing.assert_allclose(found[name], array, rtol=tol, atol=tol, err_msg=name)
        else:
            assert np.array_equal(found[name], array), name


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("wide", [False, True])
def test_every_model_predicts_the_same(name, wide, tmp_path):
    model, y = MODELS[name]
    rows = widened() if wide else X
    model = sr.inputs.sklearn.clone(model).fit(rows, y)
    to_onnx(model, tmp_path / "m.onnx", values=True)
    same(run(tmp_path / "m.onnx", **padded(rows, values=True)), outputs(model, rows))
    ones = rows.copy()
    ones.data[:] = 1.0
    to_onnx(model, tmp_path / "m.onnx")
    same(run(tmp_path / "m.onnx", **padded(ones)), outputs(model, ones))


def test_unknown_ids_and_rows_without_any_give_the_intercept(tmp_path):
    model = sr.Lasso(alpha=0.01).fit(X, TARGETS["squared"])
    to_onnx(model, tmp_path / "m.onnx")
    strange = np.array([[-1, 40, 2**62, -(2**63), 2**63 - 1, -2]])
    assert run(tmp_path / "m.onnx", ids=strange)["variable"].tolist() == [[model.intercept_]]
    assert run(tmp_path / "m.onnx", ids=np.empty((3, 0), np.int64))["variable"].tolist() == [[model.intercept_]] * 3
    assert run(tmp_path / "m.onnx", ids=np.empty((0, 4), np.int64))["variable"].shape == (0, 1)


def test_one_more_id_adds_its_weight(tmp_path):
    model = sr.Lasso(alpha=0.01).fit(X, TARGETS["squared"])
    to_onnx(model, tmp_path / "m.onnx")
    w = model.sparse_coef_
    twice = np.column_stack([w.indices, np.full(w.nnz, -1), w.indices])
    found = run(tmp_path / "m.onnx", ids=twice)["variable"][:, 0]
    assert np.array_equal(found, 2 * w.data + model.intercept_)


@pytest.mark.parametrize(("classes", "kind"), [
    (["no", "yes \u00e9"], "tensor(string)"), ([False, True], "tensor(bool)"), ([-(2**62), 2**62], "tensor(int64)"),
    ([1.0, 2.0], "tensor(double)"), (np.array(["a", "b"], dtype=object), "tensor(string)"),
    (np.array([1, 2], dtype=np.uint8), "tensor(int64)"), (["a", "b", ""], "tensor(string)"),
    ([3, 1, 2], "tensor(int64)"),
])  # fmt: skip
def test_labels_of_every_kind(classes, kind, tmp_path):
    y = np.asarray(classes)[THREE if len(classes) == 3 else TARGETS["logistic"]]
    model = sr.LogisticRegression(alpha=0.01).fit(X, y)
    to_onnx(model, tmp_path / "m.onnx", values=True)
    assert session(tmp_path / "m.onnx").get_outputs()[0].type == kind
    assert run(tmp_path / "m.onnx", **padded(X, values=True))["label"].tolist() == model.predict(X).tolist()


def test_labels_that_onnx_has_no_type_for(tmp_path):
    y = np.array(["2024-01-01", "2024-01-02"], dtype="M8[D]")[TARGETS["logistic"]]
    with pytest.raises(TypeError, match=r"^classes: .*date.* cannot be exported, expected labels that are strings"):
        to_onnx(sr.LogisticRegression(alpha=0.01).fit(X, y), tmp_path / "m.onnx")
    y = np.array([1, 2**63], dtype=np.uint64)[TARGETS["logistic"]]
    with pytest.raises(TypeError, match=r"^classes: labels of type uint64 cannot be part of an ONNX graph"):
        to_onnx(sr.LogisticRegression(alpha=0.01).fit(X, y), tmp_path / "m.onnx")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("y", [TARGETS["poisson"], TARGETS["logistic"], THREE], ids=["poisson", "two", "three"])
def test_models_with_an_offset_take_one(y, tmp_path):
    cls = sr.PoissonRegressor if y is TARGETS["poisson"] else sr.LogisticRegression
    rng = np.random.default_rng(1)
    offset = rng.normal(size=(300, 3) if y is THREE else 300)
    model = cls(alpha=0.01).fit(X, y, offset=offset)
    to_onnx(model, tmp_path / "m.onnx", values=True)
    found = run(tmp_path / "m.onnx", **padded(X, values=True), offset=offset)
    same(found, outputs(model, X, offset=offset))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("method", ["sigmoid", "prior"])
def test_calibration_is_in_the_weights(classes, method, tmp_path):
    rng = np.random.default_rng(1)
    y, offset = THREE if classes == 3 else TARGETS["logistic"], 0.1 * rng.normal(size=(300, 3) if classes == 3 else 300)
    model = sr.LogisticRegression(alpha=0.01).fit(X, y, offset=offset)
    before = outputs(model, X, offset=offset)
    model.calibrate(X[:150], y[:150], offset=offset[:150], method=method)
    to_onnx(model, tmp_path / "m.onnx", values=True)
    found = run(tmp_path / "m.onnx", **padded(X, values=True), offset=offset)
    same(found, outputs(model, X, offset=offset))
    assert np.abs(found["probabilities"] - before["probabilities"]).max() > 1e-3


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
def test_a_path_at_an_alpha_of_its_grid_and_between_two(loss, tmp_path):
    path = sr.regularization_path(X, TARGETS[loss], loss=loss, n_alphas=5)
    for alpha in (path.alphas[2], float(np.mean(path.alphas[2:4]))):
        to_onnx(path, tmp_path / "m.onnx", alpha=alpha, values=True)
        found = run(tmp_path / "m.onnx", **padded(X, values=True))
        mean = found["probabilities"][:, 1] if loss == "logistic" else found["variable"][:, 0]
        np.testing.assert_allclose(mean, path.predict(X, alpha), rtol=1e-13, atol=1e-15)
    with pytest.raises(ValueError, match=r"^alpha: None is not allowed with a path, expected a number in \["):
        to_onnx(path, tmp_path / "m.onnx")
    with pytest.raises(ValueError, match="is outside"):
        to_onnx(path, tmp_path / "m.onnx", alpha=1e9)


@pytest.mark.parametrize("kind", ["shares", "labels", "rows of shares"])
def test_classes_of_a_path(kind, tmp_path):
    y = {"shares": np.linspace(0, 1, 300), "labels": THREE, "rows of shares": np.eye(3)[THREE]}[kind]
    path = sr.logistic_path(X, y, n_alphas=3)
    to_onnx(path, tmp_path / "m.onnx", alpha=path.alphas[-1], values=True)
    found = run(tmp_path / "m.onnx", **padded(X, values=True))
    expected = path.predict(X, path.alphas[-1])
    expected = expected if expected.ndim == 2 else np.column_stack([1 - expected, expected])
    same(found, {"probabilities": expected, "label": expected.argmax(axis=1)})


def test_compressed_weights(tmp_path):
    model = sr.LogisticRegression(alpha=1e-4).fit(X, TARGETS["logistic"])
    for compress, tol in ((None, 1e-14), ("float32", 1e-7)):
        to_onnx(model, tmp_path / f"{compress}.onnx", values=True, compress=compress)
        same(run(tmp_path / f"{compress}.onnx", **padded(X, values=True)), outputs(model, X), tol)
    saved = os.path.getsize(tmp_path / "None.onnx") - os.path.getsize(tmp_path / "float32.onnx")
    assert 4 * model.sparse_coef_.nnz - 60 < saved <= 4 * model.sparse_coef_.nnz + 4
    three = sr.LogisticRegression(alpha=1e-4).fit(X, THREE)
    to_onnx(three, tmp_path / "m.onnx", values=True, compress="float32")
    same(run(tmp_path / "m.onnx", **padded(X, values=True)), outputs(three, X), 1e-6)


def test_the_file_says_where_it_is_from(tmp_path):
    model = sr.PoissonRegressor(alpha=0.01).fit(widened(), TARGETS["poisson"])
    to_onnx(model, tmp_path / "m.onnx")
    read = onnx.load(tmp_path / "m.onnx")
    assert (read.producer_name, read.producer_version) == ("sparsereg", sr.__version__)
    facts = {item.key: json.loads(item.value) for item in read.metadata_props}
    assert facts == {"sparsereg": {"loss": "poisson", "link": "log", "n_features": str(WIDE)}}


def test_what_is_no_model(tmp_path):
    target = tmp_path / "m.onnx"
    with pytest.raises(TypeError, match=r"^model: an object of type int is not allowed, expected a fitted estimator"):
        to_onnx(3, target)
    with pytest.raises(ValueError, match="not fitted"):
        to_onnx(sr.Lasso(), target)
    model = sr.Lasso(alpha=0.01).fit(X, TARGETS["squared"])
    for words, error, message in (
        ({"alpha": 0.1}, ValueError, "^alpha: 0.1 is not allowed with Lasso; only a path needs one"),
        ({"values": 1}, TypeError, "^values: 1 is not allowed, expected True or False"),
        ({"compress": "float16"}, ValueError, r"^compress: 'float16' is not allowed, expected one of \['float32'\]"),
        ({"transformer": 3}, TypeError, "^transformer: an object of type int is not allowed, expected None, a Lat"),
        ({"transformer": sr.LatLongCross()}, ValueError, "^transformer: it makes 233312400 columns, expected 40,"),
        ({"transformer": sr.FeatureCross()}, ValueError, "not fitted"),
    ):
        with pytest.raises(error, match=message):
            to_onnx(model, target, **words)
    assert not [*tmp_path.iterdir()]


def test_weights_beyond_what_a_file_can_hold(tmp_path, monkeypatch):
    model = sr.Lasso(alpha=0.01).fit(X, TARGETS["squared"])
    monkeypatch.setattr("sparsereg.export.onnx.LARGEST", 16 * model.sparse_coef_.nnz - 1)
    with pytest.raises(ValueError, match=r"^model: its weights take \d+ bytes, more than an ONNX file can hold"):
        to_onnx(model, tmp_path / "m.onnx")
    to_onnx(model, tmp_path / "m.onnx", compress="float32")


def test_the_old_file_stays_where_a_new_one_cannot_be_written(tmp_path, monkeypatch):
    model = sr.Lasso(alpha=0.01).fit(X, TARGETS["squared"])
    target = tmp_path / "m.onnx"
    target.write_bytes(b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        to_onnx(model, target)
    assert [*tmp_path.iterdir()] == [target]
    assert target.read_bytes() == b"old"
    with pytest.raises(FileNotFoundError):
        to_onnx(model, tmp_path / "missing" / "m.onnx")
    with pytest.raises(ValueError, match=r"^path: .* is not allowed, expected a file"):
        to_onnx(model, tmp_path)


def test_without_onnx(tmp_path, monkeypatch):
    model = sr.Lasso(alpha=0.01).fit(X, TARGETS["squared"])
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"^to_onnx needs onnx: pip install 'sparsereg-wide\[onnx\]'$"):
        to_onnx(model, tmp_path / "m.onnx")


def test_the_example_of_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cross = sr.LatLongCross(levels=(60, 10))
    points = np.random.default_rng(0).uniform([30, -125], [40, -115], (500, 2))
    model = sr.LogisticRegression(alpha=1e-3).fit(cross.transform(points), points.sum(axis=1) % 4 < 2)
    names = {"model": model, "cross": cross}
    exec(blocks(EXPORTS, "python")[0], names)
    given = np.array([[37.88, -122.23], [90.0, 180.0]])
    assert np.array_equal(names["ids"], cross.transform(given).indices.reshape(2, -1))
    np.testing.assert_allclose(names["probabilities"], model.predict_proba(cross.transform(given)), rtol=1e-14)
    assert np.array_equal(names["the_same"], names["probabilities"])
    assert np.array_equal(names["label"], model.predict(cross.transform(given)))
