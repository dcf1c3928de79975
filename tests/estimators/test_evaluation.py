"""Models judge themselves: as paths do, and over streams as in memory."""

import gc
import io
import pathlib
import threading
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from scipy import sparse
from sklearn import datasets
from support.sgd_models import BATCH, SIGNAL, TARGETS, THREE, X, each_loss, make

from sparsereg import (
    ArrowReader,
    Block,
    ElasticNetCV,
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearSVC,
    LogisticRegression,
    LogisticRegressionCV,
    ParquetReader,
    PoissonRegressor,
    PoissonRegressorCV,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    SvmlightReader,
    logistic_path,
    metrics,
    regularization_path,
)
from sparsereg.inputs.sklearn import NotFittedError

WEIGHT = np.random.default_rng(1).random(300) + 0.1
LEARN, HELD = slice(0, 200), slice(200, 300)


def cut(*arrays, sizes=(0, 1, 40, 0, 59)):
    ends = np.cumsum(sizes)
    return [tuple(array[end - size : end] for array in arrays) for end, size in zip(ends, sizes)]


def same(found, expected, rel=1e-12):
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, rel=rel, abs=1e-15, nan_ok=True)


# One model as a path.


@pytest.mark.parametrize(("Model", "y"), [
    (LassoCV, TARGETS["squared"]), (RidgeCV, TARGETS["squared"]), (ElasticNetCV, TARGETS["squared"]),
    (LogisticRegressionCV, TARGETS["logistic"]), (LogisticRegressionCV, np.array(["no", "yes"])[TARGETS["logistic"]]),
    (LogisticRegressionCV, THREE), (PoissonRegressorCV, TARGETS["poisson"]),
])
@pytest.mark.parametrize("weight", [None, WEIGHT[HELD]], ids=["plain", "weights"])
def test_a_model_is_judged_as_its_path(Model, y, weight):
    model = Model(n_alphas=5, cv=2, tol=1e-6).fit(X[LEARN], y[LEARN])
    table = model.path_.evaluate(X[HELD], y[HELD], weight)
    k = int(np.argmin(np.abs(table.pop("alpha") - model.alpha_)))
    assert model.evaluate(X[HELD], y[HELD], weight) == {name: column[k] for name, column in table.items()}


@each_loss
def test_batch_and_streaming_models(loss):
    """At the coefficients of a path; offsets and weights included."""
    y, offset = TARGETS[loss], 0.1 * SIGNAL
    settings = {"delta": 0.8} if loss == "huber" else {}
    path = regularization_path(X[LEARN], y[LEARN], loss=loss, n_alphas=3, eps=0.1, offset=offset[LEARN], **settings)
    model = BATCH[loss](**settings).fit(X[LEARN], y[LEARN], offset=offset[LEARN])
    model._coef, model.intercept_ = path.at(path.alphas[2])
    table = path.evaluate(X[HELD], y[HELD], WEIGHT[HELD], offset[HELD])
    expected = {name: column[2] for name, column in table.items() if name != "alpha"}
    assert model.evaluate(X[HELD], y[HELD], WEIGHT[HELD], offset[HELD]) == expected
    stream = make(loss, **settings, max_iter=3, tol=None).fit(X[LEARN], y[LEARN])
    found = stream.evaluate(X[HELD], y[HELD], WEIGHT[HELD])
    t = stream._decision(X[HELD], None)
    target = y[HELD].astype(float)
    names = metrics.METRICS[loss]
    assert found.pop("n_nonzero") == np.count_nonzero(stream.coef_)
    assert found == metrics.measure(names, loss, target, t, WEIGHT[HELD], delta=0.8)
    batch = stream.to_batch().evaluate(X[HELD], y[HELD], WEIGHT[HELD])
    same(batch, stream.evaluate(X[HELD], y[HELD], WEIGHT[HELD]))


def test_squared_hinge_of_several_classes():
    model = LinearSVC(alpha=1e-3).fit(X[LEARN], THREE[LEARN])
    t, one_hot = model.decision_function(X[HELD]), np.eye(3)[THREE[HELD]]
    found = model.evaluate(X[HELD], THREE[HELD], WEIGHT[HELD])
    margins = np.where(one_hot == 1.0, 1.0 - t, 1.0 + t)
    assert found["loss"] == pytest.approx(np.average((np.maximum(margins, 0.0) ** 2).sum(axis=1), weights=WEIGHT[HELD]))
    assert found["accuracy"] == pytest.approx(model.score(X[HELD], THREE[HELD], WEIGHT[HELD]))
    areas = [metrics.auc(one_hot[:, k], t[:, k], WEIGHT[HELD]) for k in range(3)]
    assert found["auc"] == pytest.approx(np.mean(areas))
    same(model.evaluate_stream(cut(X[HELD], THREE[HELD], WEIGHT[HELD])), found)


def test_bad_rows():
    model = LogisticRegression(alpha=0.01).fit(X, TARGETS["logistic"])
    for arguments, message in (
        ((X, THREE), "y: 2 in row"), ((X[:, :9], THREE), "X has 9 features"), ((X, THREE[1:]), "y: length 299"),
        ((X, TARGETS["logistic"], -WEIGHT), "sample_weight: "),
        ((X, TARGETS["logistic"], WEIGHT * 0), "sample_weight: all 300 weights are zero"),
    ):
        with pytest.raises(ValueError, match=message):
            model.evaluate(*arguments)
    for unfitted in (LogisticRegression(), SGDRegressor(), LassoCV()):
        for call in (unfitted.evaluate, lambda X, y, model=unfitted: model.evaluate_stream([(X, y)]),
                     lambda X, y, model=unfitted: model.predict_stream([X])):
            with pytest.raises(NotFittedError):
                call(X, THREE)


# Streams.


MODELS = {
    "lasso": (Lasso(alpha=0.05), TARGETS["squared"]),
    "huber": (HuberRegressor(alpha=0.05, delta=0.6), TARGETS["huber"]),
    "poisson": (PoissonRegressor(alpha=0.05), TARGETS["poisson"]),
    "logistic": (LogisticRegression(alpha=0.01), np.array(["no", "yes"])[TARGETS["logistic"]]),
    "softmax": (LogisticRegression(alpha=0.01), THREE),
    "soft": (LogisticRegression(alpha=0.01), np.abs(TARGETS["logistic"] - 0.125 * (SIGNAL > 1.0))),
    "hinge": (LinearSVC(alpha=0.01), TARGETS["squared_hinge"]),
    "cv": (LogisticRegressionCV(n_alphas=5, cv=2, tol=1e-6), TARGETS["logistic"]),
    "sgd": (SGDClassifier(random_state=0, certify=False), THREE),
    "sgd squares": (SGDRegressor(random_state=0, certify=False), TARGETS["squared"]),
    "sgd counts": (SGDRegressor("poisson", random_state=0, certify=False), TARGETS["poisson"]),
    "sgd hinge": (SGDClassifier("squared_hinge", random_state=0, certify=False), TARGETS["logistic"]),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("weights", [(), (np.where(np.arange(100) % 5, WEIGHT[HELD], 0.0),)], ids=["plain", "weights"])
def test_a_stream_is_judged_as_all_its_rows(name, weights):
    model, y = MODELS[name]
    model.fit(X[LEARN], y[LEARN])
    expected = model.evaluate(X[HELD], y[HELD], *weights)
    blocks = cut(X[HELD], y[HELD], *weights)
    same(model.evaluate_stream(blocks), expected)
    same(model.evaluate_stream(Block(*block) for block in blocks), expected)


@pytest.mark.parametrize("name", MODELS)
def test_predictions_of_a_stream(name):
    model, y = MODELS[name]
    model.fit(X[LEARN], y[LEARN])
    matrices = [block[0] for block in cut(X[HELD], y[HELD])]
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        if not hasattr(model, method):
            with pytest.raises(ValueError, match=f"^method: '{method}' is not allowed, expected one of"):
                model.predict_stream(matrices, method)
            continue
        expected = getattr(model, method)(X[HELD])
        for source in (matrices, iter(cut(X[HELD], y[HELD])), [Block(matrix, None) for matrix in matrices]):
            parts = list(model.predict_stream(source, method))
            assert [len(part) for part in parts] == [0, 1, 40, 0, 59]
            np.testing.assert_array_equal(np.concatenate(parts), expected)
            assert {part.dtype for part in parts} == {expected.dtype}
            assert {part.shape[1:] for part in parts} == {expected.shape[1:]}
    with pytest.raises(ValueError, match="method: 'fit' is not allowed"):
        model.predict_stream(matrices, "fit")


def test_entries_in_any_order():
    """A block is predicted as it is, with the same bits: nothing is sorted or summed up first."""
    rng = np.random.default_rng(0)
    entries = (rng.normal(size=2000), rng.integers(0, 40, 2000), np.arange(0, 2001, 20))
    rows = sparse.csr_matrix(entries, shape=(100, 40))
    for name in ("logistic", "sgd"):
        model, y = MODELS[name]
        expected = model.fit(X, y).decision_function(rows)
        (found,) = model.predict_stream([rows], "decision_function")
        np.testing.assert_array_equal(found, expected)


def table(with_target=True):
    columns = {"a": X[:, [0]].toarray().ravel(), "b": X[:, [1]].toarray().ravel()}
    return pa.table({**columns, "y": TARGETS["logistic"] == 1, "w": WEIGHT} if with_target else columns)


def test_labels_of_files():
    """True and false of a file are the classes called so."""
    rows = X[:, :2].toarray()
    labels = np.array(["false", "true"])[TARGETS["logistic"]]
    model = LogisticRegression(alpha=0.001).fit(rows, labels)
    reader = ArrowReader(table(), target="y", features=["a", "b"], weight="w", block_rows=70)
    same(model.evaluate_stream(reader), model.evaluate(rows, labels, WEIGHT))
    text = "".join(f"{y} 1:{a!r} 2:{b!r}\n" for y, (a, b) in zip(TARGETS["logistic"], rows.tolist())).encode()
    numbers = SGDClassifier(random_state=0, certify=False).fit(rows, TARGETS["logistic"])
    svmlight = SvmlightReader(io.BytesIO(text), n_features=2, block_rows=70)
    same(numbers.evaluate_stream(svmlight), numbers.evaluate(rows, TARGETS["logistic"]))
    with pytest.raises(ValueError, match=r"column 'y' has False, expected one of the classes \['x', 'z'\]"):
        LogisticRegression().fit(rows, np.where(labels == "true", "x", "z")).evaluate_stream(reader)


def test_files_to_predict_have_no_target():
    model = LogisticRegression(alpha=0.001).fit(X[:, :2], TARGETS["logistic"])
    file = io.BytesIO()
    parquet.write_table(table(with_target=False), file)
    expected = model.predict_proba(X[:, :2])
    for settings in ({"target": None}, {"target": "y", "weight": "w"}):
        reader = ParquetReader(file, features=["a", "b"], block_rows=130, **settings)
        parts = list(model.predict_stream(reader, "predict_proba"))
        assert [len(part) for part in parts] == [130, 130, 40]
        np.testing.assert_array_equal(np.concatenate(parts), expected)
    with pytest.raises(ValueError, match="target: None is not allowed for a ParquetReader to learn from"):
        model.evaluate_stream(ParquetReader(file, target=None, features=["a", "b"]))
    with pytest.raises(ValueError, match="no column 'y'"):
        model.evaluate_stream(ParquetReader(file, target="y", features=["a", "b"]))


def test_columns_are_compared():
    frame = pd.DataFrame(X[:, :3].toarray(), columns=["a", "b", "c"])
    other = frame[["b", "a", "c"]]
    for model in (Lasso(alpha=0.01), SGDRegressor(random_state=0, certify=False)):
        model.fit(frame, SIGNAL)
        for fault in (other, frame[["a", "b"]]):
            message = r"^source: block 1 \(the first is 0\): The feature names should match"
            with pytest.raises(ValueError, match=message):
                model.evaluate_stream([(frame, SIGNAL), (fault, SIGNAL)])
            with pytest.raises(ValueError, match=message):
                list(model.predict_stream([frame, fault]))
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            list(model.predict_stream([frame.to_numpy()]))
        halves = [(frame[:100], SIGNAL[:100]), (frame[100:], SIGNAL[100:])]
        same(model.evaluate_stream(halves), model.evaluate(frame, SIGNAL))


def test_streams_that_are_refused():
    model = LogisticRegression(alpha=0.01).fit(X, TARGETS["logistic"])
    y = TARGETS["logistic"]
    for source, error, message in (
        (3, TypeError, "source: int is not allowed"),
        ([X], TypeError, "source: block 0 is a csr_array, expected a Block"),
        ([(X, y), (X, THREE)], ValueError, r"source: block 1 \(the first is 0\): y: 2 in row"),
        ([(X, y), (X[:, :3], y)], ValueError, r"source: block 1 \(the first is 0\): X has 3 features"),
        ([(X, y, -WEIGHT)], ValueError, r"source: block 0 \(the first is 0\): sample_weight"),
        ([(X * np.nan, y)], ValueError, r"source: block 0 \(the first is 0\): Input X contains NaN"),
        ([], ValueError, "source: no row of it has a weight"),
        ([(X[:0], []), (X, y, 0.0 * WEIGHT)], ValueError, "source: no row of it has a weight"),
    ):
        with pytest.raises(error, match=f"^{message}"):
            model.evaluate_stream(source)
    for source in (3, X, X.toarray(), pd.DataFrame(X.toarray()), Block(X, y)):
        with pytest.raises(TypeError, match=r"source: .* is not allowed, expected an iterable of blocks"):
            model.predict_stream(source)
    predictions = model.predict_stream([X, X[:, :3]])
    assert len(next(predictions)) == 300
    with pytest.raises(ValueError, match=r"^source: block 1 \(the first is 0\): X has 3 features"):
        next(predictions)
    assert list(model.predict_stream([])) == []


def test_offsets_of_streams():
    """Blocks carry none."""
    offset, y = SIGNAL, TARGETS["poisson"]
    model = PoissonRegressor(alpha=0.01).fit(X, y, offset=offset)
    for call, source in ((model.evaluate_stream, [(X, y)]), (model.predict_stream, [X])):
        with pytest.raises(ValueError, match="offset: None is not allowed, because this PoissonRegressor was fitted"):
            call(source)
        with pytest.raises(TypeError, match="offset: "):
            call(source, offset=offset)
    for number in (0, 0.5):
        same(model.evaluate_stream(cut(X, y, sizes=(100, 200)), offset=number), model.evaluate(X, y, offset=number))
        (found,) = model.predict_stream([X], offset=number)
        np.testing.assert_array_equal(found, model.predict(X, number))


# The thread that reads.


class Watched:
    """Blocks without end, whose iterator tells when it is closed."""

    def __init__(self):
        self.n_given, self.is_closed = 0, threading.Event()

    def __iter__(self):
        try:
            while True:
                self.n_given += 1
                yield X, TARGETS["logistic"]
        finally:
            self.is_closed.set()


def test_a_generator_that_is_closed_closes_its_source():
    model = LogisticRegression(alpha=0.01).fit(X, TARGETS["logistic"])
    for end in ("close", "forgotten"):
        source = Watched()
        predictions = model.predict_stream(source)
        time.sleep(0.01)
        assert source.n_given == 0
        next(predictions)
        if end == "close":
            predictions.close()
        del predictions
        gc.collect()
        assert source.is_closed.wait(20.0)
        # Read ahead, but no further than a few blocks.
        assert source.n_given <= 5


def test_an_interrupt_ends_an_evaluation():
    model = LogisticRegression(alpha=0.01).fit(X, TARGETS["logistic"])
    closed = threading.Event()

    def interrupted():
        try:
            yield X, TARGETS["logistic"]
            raise KeyboardInterrupt
        finally:
            closed.set()

    with pytest.raises(KeyboardInterrupt):
        model.evaluate_stream(interrupted())
    assert closed.wait(20.0)


def test_a_calibrated_offset_is_compared_with_itself():
    """The null model has it as many times as predictions do; what no column tells explains nothing."""
    y, offset = TARGETS["logistic"], 3.0 * SIGNAL + 1.0
    model = LogisticRegression(alpha=10.0).fit(X[LEARN], y[LEARN], offset=offset[LEARN])
    found = model.evaluate(X[LEARN], y[LEARN], offset=offset[LEARN])
    assert found["deviance_explained"] == pytest.approx(0.0, abs=1e-9)
    model.calibrate(X[HELD], y[HELD], offset=offset[HELD])
    assert abs(model.calibration_.slope - 1.0) > 0.1
    assert model.evaluate(X[HELD], y[HELD], offset=offset[HELD])["deviance_explained"] == pytest.approx(0.0, abs=1e-9)
    constant = model.evaluate(X[HELD], y[HELD], offset=np.full(y[HELD].size, 0.7))
    same(model.evaluate_stream([(X[HELD], y[HELD])], offset=0.7), constant)
    assert constant == model.evaluate(X[HELD], y[HELD], offset=0.7)


def svmlight(matrix, y):
    buffer = io.BytesIO()
    datasets.dump_svmlight_file(matrix, y, buffer, zero_based=False)
    buffer.seek(0)
    return buffer


def test_a_reader_without_a_width_takes_that_of_the_model():
    y = TARGETS["logistic"]
    path = logistic_path(X, y, n_alphas=3)
    models = [LogisticRegression(alpha=0.01).fit(X, y), SGDClassifier(random_state=0).fit(X, y)]
    for model in models:
        reader = SvmlightReader(svmlight(X, y), on_error="skip")
        same(model.evaluate_stream(reader), model.evaluate(X, y))
        assert reader.n_rows_ == 300
        np.testing.assert_array_equal(np.concatenate([*model.predict_stream(reader)]), model.predict(X))
        assert reader.n_features == 2**63 - 1
    same({"auc": path.evaluate_stream(reader)["auc"][1]}, {"auc": path.evaluate(X, y)["auc"][1]})
    fitted = SGDClassifier(random_state=0).fit_stream([(X, y)], classes=[0, 1], validation=reader)
    twin = SGDClassifier(random_state=0).fit_stream([(X, y)], classes=[0, 1], validation=(X, y))
    assert fitted.history_["validation_loss"] == pytest.approx(twin.history_["validation_loss"])


def test_widths_that_no_data_have():
    y = TARGETS["logistic"]
    model, narrow = (SGDClassifier(random_state=0).fit(part, y) for part in (X, X[:, :3]))
    reader = SvmlightReader(svmlight(X, y), on_error="skip")
    message = r"line 1, column \d+: column id \d+ is above 3, the last one with n_features=3, the width of the model"
    for call in (narrow.evaluate_stream, lambda source: list(narrow.predict_stream(source))):
        with pytest.raises(ValueError, match=message):
            call(reader)
    open_model = SGDClassifier(random_state=0).fit_stream(reader)
    n = X.shape[1]
    with pytest.raises(ValueError, match=f"; it was fitted to a reader without n_features: .* n_features={n}"):
        open_model.predict(X)
    (block,) = reader
    with pytest.raises(ValueError, match=f"as input; give the reader n_features={n}"):
        model.predict(block.X)
    with pytest.raises(ValueError, match=f"as input; give the reader n_features={n}"):
        model.evaluate_stream([block])


@pytest.mark.parametrize(("source", "message"), [
    ("file.svm", r"the path 'file.svm' is not allowed, .*; SvmlightReader\(path\) reads"),
    (pathlib.Path("file.svm"), r"the path \w+Path\('file.svm'\) is not allowed, .*; SvmlightReader\(path\) reads"),
    (pd.DataFrame(X.toarray()), r"DataFrame is not allowed, .*; ArrowReader\(table, ...\) reads"),
    (pa.table({"a": [1.0]}), r"Table is not allowed, .*; ArrowReader\(table, ...\) reads"),
    (X.toarray(), "ndarray is not allowed, expected "),
    ({"X": X}, "dict is not allowed, expected "),
])
def test_what_a_reader_is_needed_for(source, message):
    model = SGDClassifier(random_state=0).fit(X, TARGETS["logistic"])
    path = logistic_path(X, TARGETS["logistic"], n_alphas=2)
    stream = [(X, TARGETS["logistic"])]
    for call in (
        model.predict_stream, model.evaluate_stream, path.evaluate_stream, model.fit_stream,
        lambda source: SGDRegressor().fit_stream(source),
        lambda source: SGDRegressor().fit_stream(stream, validation=source),
    ):
        with pytest.raises(TypeError, match=rf"^(source|validation): {message}"):
            call(source)
