"""Streaming estimators on dense matrices: the fits of the same data as sparse ones, however they are handed in."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sparsereg import SGDClassifier, SGDRegressor
from sparsereg.inputs.dense_rows import read_rows
from sparsereg.streaming.memory_fit import NO_IDS, _MemoryRows

MODELS = {
    "binary": lambda: SGDClassifier(alpha=1e-3),
    "softmax": lambda: SGDClassifier(alpha=1e-3, algorithm="adagrad"),
    "hinge": lambda: SGDClassifier("squared_hinge", alpha=1e-3, algorithm="prox_sgd", eta0=0.01),
    "threads": lambda: SGDClassifier(alpha=1e-3, n_threads=2),
    "dropout": lambda: SGDClassifier(alpha=1e-3, dropout=0.2, random_state=3),
}
LAYOUTS = {
    "double": np.asarray, "columns": np.asfortranarray, "float": lambda X: X.astype(np.float32), "frame": pd.DataFrame,
    "list": lambda X: X.tolist(),
}


def data(n_rows=150, n_classes=2):
    rng = np.random.default_rng(0)
    # Numbers that float32 has too.
    X = rng.integers(-8, 9, (n_rows, 6)) / 4.0
    X[:, 5] += 3.0
    return X, np.digitize(X[:, 0] + rng.normal(size=n_rows), [0.0, 1.0][: n_classes - 1])


def learn(model, blocks, y):
    start = 0
    for block in blocks:
        stop = start + (block.shape[0] if hasattr(block, "shape") else len(block))
        model.partial_fit(block, y[start:stop], classes=np.unique(y))
        start = stop
    return model


def assert_same(one, other, X):
    np.testing.assert_array_equal(one.coef_, other.coef_)
    np.testing.assert_array_equal(one.intercept_, other.intercept_)
    np.testing.assert_array_equal(one.decision_function(X), other.decision_function(sparse.csr_array(X)))
    np.testing.assert_array_equal(one.decision_function(sparse.csr_array(X)), other.decision_function(X))
    assert one.n_active_ == other.n_active_


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", MODELS)
def test_partial_fit_is_that_of_sparse_rows(kind, layout):
    X, y = data(n_classes=3 if kind == "softmax" else 2)
    parts = [X[:1], X[1:90], X[90:]]
    expected = learn(MODELS[kind](), map(sparse.csr_array, parts), y)
    found = learn(MODELS[kind](), map(LAYOUTS[layout], parts), y)
    assert found.coef_.any()
    assert_same(found, expected, X)
    # One after the other, and by a model that was put away in between.
    mixed = learn(MODELS[kind](), [LAYOUTS[layout](X[:90])], y)
    mixed = pickle.loads(pickle.dumps(copy.deepcopy(mixed)))
    mixed.partial_fit(sparse.csr_array(X[90:]), y[90:])
    other = learn(MODELS[kind](), [sparse.csr_array(X[:90])], y).partial_fit(LAYOUTS[layout](X[90:]), y[90:])
    np.testing.assert_array_equal(mixed.coef_, other.coef_)


def test_streams_of_dense_blocks(tmp_path):
    X, y = data()
    blocks = [(X[:50], y[:50]), (sparse.csr_array(X[50:90]), y[50:90]), (X[90:], y[90:])]
    plain = [(sparse.csr_array(block), target) for block, target in blocks]
    settings = {"validation": (X[:40], y[:40]), "n_passes": 2, "classes": [0, 1]}
    found = SGDClassifier(alpha=1e-3).fit_stream(blocks, checkpoint=tmp_path / "fit.npz", **settings)
    expected = SGDClassifier(alpha=1e-3).fit_stream(plain, **settings)
    assert_same(found, expected, X)
    np.testing.assert_array_equal(found.history_["validation_loss"], expected.history_["validation_loss"])
    resumed = SGDClassifier(alpha=1e-3).fit_stream(
        plain, checkpoint=tmp_path / "fit.npz", resume=True, **{**settings, "n_passes": 3}
    )
    assert_same(resumed, SGDClassifier(alpha=1e-3).fit_stream(blocks, **{**settings, "n_passes": 3}), X)


def test_regression():
    X, _ = data()
    y = X @ np.arange(6.0)
    found = SGDRegressor(alpha=1e-3, eta0=0.5).partial_fit(X, y)
    expected = SGDRegressor(alpha=1e-3, eta0=0.5).partial_fit(sparse.csr_array(X), y)
    np.testing.assert_array_equal(found.coef_, expected.coef_)
    np.testing.assert_array_equal(found.predict(X), expected.predict(sparse.csr_array(X)))


def test_nothing_is_learned_of_what_is_refused():
    X, y = data()
    model = SGDClassifier(alpha=1e-3).partial_fit(X, y, classes=[0, 1])
    before = model.coef_.copy()
    bad = X.copy()
    bad[100, 2] = np.nan
    with pytest.raises(ValueError, match=r"Input X contains NaN.*\(100, 2\)"):
        model.partial_fit(bad, y)
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :5], y)
    with pytest.raises(ValueError, match="NaN"):
        model.predict(bad)
    with pytest.raises(ValueError, match="X has 5 features, but SGDClassifier is expecting 6"):
        model.predict(X[:, :5])
    np.testing.assert_array_equal(model.coef_, before)



FITS = {
    "merged": {}, "as they come": {"shuffle": False}, "no intercept": {"fit_intercept": False},
    "adagrad": {"algorithm": "adagrad"}, "early": {"early_stopping": True}, "dropout": {"dropout": 0.2},
    "counted": {"min_count": 2}, "average": {"algorithm": "prox_sgd", "eta0": 0.01, "average": True},
}


@pytest.mark.filterwarnings("ignore::sparsereg.ConvergenceWarning")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", FITS)
def test_fits_in_memory_are_those_of_sparse_rows(kind, weighted):
    X, y = data()
    # Some rows are equal, and one column is far from zero.
    X, y = np.concatenate([X, X[:20]]), np.concatenate([y, y[:20]])
    weight = np.random.default_rng(2).choice([0.0, 1.0, 2.0], len(y)) if weighted else None
    make = {"alpha": 1e-3, "max_iter": 4, "tol": None, "random_state": 0, **FITS[kind]}
    expected = SGDClassifier(**make).fit(sparse.csr_array(X), y, weight)
    found = SGDClassifier(**make).fit(np.asfortranarray(X), y, weight)
    assert_same(found, expected, X)
    for name, column in expected.history_.items():
        if name not in ("seconds", "nbytes"):
            np.testing.assert_allclose(found.history_[name], column, rtol=1e-12)


def test_default_fits_are_certified():
    X, y = data()
    found, expected = (SGDClassifier(alpha=1e-2, random_state=0).fit(given, y) for given in (X, sparse.csr_array(X)))
    np.testing.assert_array_equal(found.coef_, expected.coef_)
    np.testing.assert_allclose(found.objective_, expected.objective_, rtol=1e-9)
    np.testing.assert_allclose(found.dual_gap_, expected.dual_gap_, rtol=1e-3, atol=1e-6)
    finished = SGDClassifier(alpha=1e-2, finish_tol=1e-6, certify=True).fit(X, y)
    assert finished.dual_gap_ <= 1e-6


def test_ones_and_zeros_have_no_values():
    X, y = data()
    X = (X > 0.0).astype(float)
    found = SGDClassifier(alpha=1e-3, random_state=0).fit(X, y)
    assert_same(found, SGDClassifier(alpha=1e-3, random_state=0).fit(sparse.csr_array(X), y), X)


def test_a_source_may_fill_its_array_again():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40_000, 8))
    y = (X[:, 0] + rng.normal(size=len(X)) > 0.0).astype(int)

    def blocks(buffer=None):
        for start in range(0, len(X), 4_000):
            block = X[start : start + 4_000]
            if buffer is not None:
                buffer[...] = block
                block = buffer
            yield block, y[start : start + 4_000]

    fresh, reused = (SGDClassifier(random_state=0) for _ in range(2))
    fresh.fit_stream(blocks(), classes=[0, 1])
    reused.fit_stream(blocks(np.empty((4_000, 8))), classes=[0, 1])
    np.testing.assert_array_equal(reused.coef_, fresh.coef_)


def test_rows_without_weight_teach_nothing():
    X, y = np.random.default_rng(0).normal(size=(200, 5)), np.arange(200) % 2
    model = SGDClassifier().partial_fit(X, y, classes=[0, 1])
    before = model.coef_.copy()
    model.partial_fit(X[:100], y[:100], sample_weight=np.zeros(100))
    np.testing.assert_array_equal(model.coef_, before)


def test_more_columns_than_a_part_has_entries():
    """Each row is learned from once in a pass, though a part would have less than one."""
    X = np.ones((2, 3_000_000))
    X[0, :7] = 2.0
    model = SGDRegressor(max_iter=3, tol=None, eta0=1e-9, shuffle=False, certify=False, random_state=0)
    model.fit(X, [1.0, -1.0])
    assert model.history_["n_rows"].tolist() == [2, 4, 6]
    rows = _MemoryRows(read_rows(X), NO_IDS, np.arange(2, dtype=np.int32), np.zeros((2, 1)), None)
    assert [part.tolist() for part in rows.parts(np.arange(2))] == [[0], [1]]


def test_a_number_is_no_matrix():
    with pytest.raises(ValueError, match="2D array"):
        SGDClassifier().partial_fit(np.array(5.0), [1], classes=[0, 1])
