"""Held-out rows that are read block by block: the same losses as of all of them at once."""

import io
import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

from sparsereg import ArrowReader, CsvReader, SGDClassifier, SGDRegressor, SvmlightReader
from sparsereg.readers.blocks import Block

RNG = np.random.default_rng(0)
X = sparse.random_array((400, 30), density=0.2, format="csr", rng=RNG)
SIGNAL = X @ (3.0 * RNG.standard_normal(30))
Y = (SIGNAL + RNG.logistic(size=400) > 0.0).astype(int)
WEIGHT = RNG.random(400) + 0.5
THREE = np.digitize(SIGNAL, [-0.5, 0.5])
LEARN, HELD = slice(0, 280), slice(280, 400)


def cut(*arrays, size=35):
    """Cut rows into blocks, some of which have no rows or no weight."""
    blocks = [tuple(array[a : a + size] for array in arrays) for a in range(0, arrays[0].shape[0], size)]
    silent = (arrays[0][:3], arrays[1][:3], np.zeros(3))
    return [tuple(array[:0] for array in arrays), *blocks[:2], silent, Block(*blocks[2]), *blocks[3:]]


def losses(model, validation, y, **settings):
    blocks = [(X[LEARN][a : a + 70], y[LEARN][a : a + 70]) for a in range(0, 280, 70)]
    settings = {"n_passes": 3, "progress": False, **settings}
    if isinstance(model, SGDClassifier):
        settings["classes"] = np.unique(y)
    return model.fit_stream(blocks, validation=validation, **settings).history_["validation_loss"]


@pytest.mark.parametrize(("make", "y"), [
    (lambda: SGDClassifier(alpha=0.01), Y),
    (lambda: SGDClassifier(alpha=0.01, class_weight={1: 3.0}, label_smoothing=0.1), Y),
    (lambda: SGDClassifier(alpha=0.01), THREE),
    (lambda: SGDClassifier("squared_hinge", alpha=0.01), THREE),
    (lambda: SGDRegressor(alpha=0.01), SIGNAL),
    (lambda: SGDRegressor("huber", alpha=0.01), SIGNAL),
    (lambda: SGDRegressor("poisson", alpha=0.01, eta0=0.01), Y.astype(float)),
], ids=["logistic", "weighted", "softmax", "hinge", "squared", "huber", "poisson"])
@pytest.mark.parametrize("weights", [(), (WEIGHT[HELD],)], ids=["plain", "weights"])
def test_blocks_are_all_rows(make, y, weights):
    whole = losses(make(), (X[HELD], y[HELD], *weights), y)
    np.testing.assert_allclose(losses(make(), cut(X[HELD], y[HELD], *weights), y), whole, rtol=1e-12)
    np.testing.assert_array_equal(losses(make(), [Block(X[HELD], y[HELD], *weights)], y), whole)


def test_labels_are_read_as_those_of_the_stream():
    """Text where classes are text, and true and false of any letters the classes that are called so."""
    rows = np.round(X[:, :2].toarray(), 3)
    labels = np.where(Y == 1, "true", "false")
    table = pa.table({"y": Y[HELD] == 1, "a": rows[HELD, 0], "b": rows[HELD, 1]})
    reader = ArrowReader(table, target="y", features=["a", "b"], block_rows=13)
    blocks = [(rows[LEARN], labels[LEARN])]
    settings = {"classes": ["true", "false"], "n_passes": 2}
    found = [
        SGDClassifier().fit_stream(blocks, validation=held, **settings).history_["validation_loss"]
        for held in (reader, (rows[HELD], labels[HELD]))
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)
    text = "".join(f"{y} 1:{a}\n" for y, (a, _) in zip(Y[HELD], rows[HELD])).encode()
    held = SvmlightReader(io.BytesIO(text), n_features=2, block_rows=50)
    model = SGDClassifier().fit_stream([(rows[LEARN] * [1.0, 0.0], Y[LEARN])], classes=[0, 1], validation=held)
    expected = -np.mean(model.predict_log_proba(rows[HELD] * [1.0, 0.0])[np.arange(120), Y[HELD]])
    assert model.history_["validation_loss"] == pytest.approx([expected], rel=1e-12)


def test_early_stopping_and_checkpoints(tmp_path):
    settings = {"alpha": 0.0, "eta0": 3.0, "early_stopping": True, "tol": 0.0, "n_iter_no_change": 2}
    whole, parts = SGDClassifier(**settings), SGDClassifier(**settings)
    expected = losses(whole, (X[HELD], Y[HELD]), Y, n_passes=50)
    held = cut(X[HELD], Y[HELD])
    np.testing.assert_allclose(losses(parts, held, Y, n_passes=50), expected, rtol=1e-12)
    np.testing.assert_array_equal(parts.coef_, whole.coef_)
    assert whole.n_iter_ < 50

    class Interrupted(list):
        n_left = 3

        def __iter__(self):
            self.n_left -= 1
            if self.n_left < 0:
                raise KeyboardInterrupt
            return super().__iter__()

    path = tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        losses(SGDClassifier(**settings), Interrupted(held), Y, n_passes=50, checkpoint=path)
    assert path.exists()
    resumed = SGDClassifier(**settings)
    again = losses(resumed, held, Y, n_passes=50, checkpoint=path, resume=True)
    np.testing.assert_allclose(again, expected, rtol=1e-12)
    np.testing.assert_array_equal(resumed.coef_, whole.coef_)


def test_what_is_no_validation():
    held = cut(X[HELD], Y[HELD])
    model = SGDClassifier()
    for validation, error, message in (
        (iter(held), ValueError, "validation: this list_iterator can be iterated over only once"),
        (map(tuple, held), ValueError, "validation: this map can be iterated over only once"),
        (X, TypeError, "validation: csr_array is not allowed, expected a Block"),
        (3, TypeError, "validation: int is not allowed, expected a Block"),
        ((X,), TypeError, "validation: tuple is not allowed, expected a Block"),
        ([X, Y], TypeError, "validation: block 0 is a csr_array, expected a Block"),
        ([], ValueError, "validation: no row of it has a weight"),
        ([(X[:0], [])], ValueError, "validation: no row of it has a weight"),
        ([(X[:, :7], Y)], ValueError, "validation has 7 features, but the stream is expecting 30"),
        ([(X, Y + 1)], ValueError, r"validation: block 0 \(the first is 0\): y: 2 in row"),
        (CsvReader(io.BytesIO(b"x\n1\n"), target=None, features=["x"]), ValueError, "validation: target: None is"),
    ):
        with pytest.raises(error, match=f"^{message}"):
            losses(model, validation, Y)
        assert not model.__sklearn_is_fitted__()
    frame = pd.DataFrame(X.toarray(), columns=[f"x{j}" for j in range(30)])
    other = frame[frame.columns[::-1]]
    for validation in ([(other, Y)], [(frame, Y), (other, Y)]):
        with pytest.raises(ValueError, match=r"^validation: The feature names should match"):
            model.fit_stream([(frame, Y)], classes=[0, 1], validation=validation)


def test_the_reading_thread_ends():
    class Failing(list):
        def __iter__(self):
            yield from super().__iter__()
            raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        losses(SGDClassifier(), Failing(cut(X[HELD], Y[HELD])), Y)
    for thread in threading.enumerate():
        if thread.name == "sparsereg-reader":
            thread.join(20.0)
            assert not thread.is_alive()
