"""Paths that are judged on streams, as on all rows at once."""

import numpy as np
import pandas as pd
import pytest

from sparsereg import lasso_path, logistic_path, regularization_path

RNG = np.random.default_rng(0)
X = RNG.standard_normal((90, 6)) * (RNG.random((90, 6)) < 0.6)
SIGNAL = X @ RNG.standard_normal(6)
COUNTS = RNG.poisson(np.exp(0.3 * SIGNAL)).astype(float)
BINARY = (SIGNAL + RNG.logistic(size=90) > 0.0).astype(int)
THREE = np.array(["a", "b", "c"])[np.digitize(SIGNAL + RNG.standard_normal(90), [-0.5, 0.5])]
WEIGHT = RNG.random(90)
LEARN, HELD = slice(0, 60), slice(60, 90)

PATHS = {
    "squared": (lambda y: lasso_path(X[LEARN], y, n_alphas=4, eps=0.1), SIGNAL),
    "huber": (lambda y: regularization_path(X[LEARN], y, loss="huber", delta=0.4, n_alphas=4, eps=0.1), SIGNAL),
    "poisson": (lambda y: regularization_path(X[LEARN], y, loss="poisson", n_alphas=4, eps=0.1), COUNTS),
    "logistic": (lambda y: logistic_path(X[LEARN], y, n_alphas=4, eps=0.1), BINARY),
    "softmax": (lambda y: logistic_path(X[LEARN], y, n_alphas=4, eps=0.1), THREE),
    "squared_hinge": (lambda y: regularization_path(X[LEARN], y, loss="squared_hinge", n_alphas=4, eps=0.1), BINARY),
}


def blocks(*arrays):
    return [tuple(array[a:b] for array in arrays) for a, b in ((0, 1), (1, 1), (1, 20), (20, 30))]


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("weights", [(), (WEIGHT[HELD],)], ids=["plain", "weights"])
def test_a_stream_is_judged_as_all_its_rows(name, weights):
    make, y = PATHS[name]
    path = make(y[LEARN])
    expected = path.evaluate(X[HELD], y[HELD], *weights)
    found = path.evaluate_stream(iter(blocks(X[HELD], y[HELD], *weights)))
    assert list(found) == list(expected)
    for column, values in expected.items():
        np.testing.assert_allclose(found[column], values, rtol=1e-12, atol=1e-15, err_msg=column)
        assert found[column].dtype == values.dtype


def test_what_streams_must_be():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    path = lasso_path(frame, SIGNAL, n_alphas=3, offset=0.5 * SIGNAL)
    stream = [(frame[:40], SIGNAL[:40]), (frame[40:], SIGNAL[40:])]
    with pytest.raises(ValueError, match="offset: None is not allowed, because this RegularizationPath was"):
        path.evaluate_stream(stream)
    for offset in (0, 0.25):
        expected = path.evaluate(frame, SIGNAL, offset=offset)
        np.testing.assert_allclose(path.evaluate_stream(stream, offset=offset)["mse"], expected["mse"], rtol=1e-12)
    for rows in (frame[list("bacdef")], frame[["a"]]):
        with pytest.raises(ValueError, match=r"^source: block 2 \(the first is 0\): The feature names should match"):
            path.evaluate_stream([*stream, (rows, SIGNAL)], offset=0)
    plain = lasso_path(X, SIGNAL, n_alphas=3)
    with pytest.raises(ValueError, match=r"^source: block 0 \(the first is 0\): X has 5 features"):
        plain.evaluate_stream([(X[:, :5], SIGNAL)])
    with pytest.raises(ValueError, match="source: no row of it has a weight"):
        plain.evaluate_stream([])


OFFSET = {"softmax": RNG.standard_normal((90, 3))}


@pytest.mark.parametrize("name", ["squared", "huber", "poisson", "logistic", "softmax"])
def test_shares_are_of_intercept_plus_offset(name):
    """On the rows of the fit they are what the fit itself says, which without its columns explains nothing."""
    y, offset = PATHS[name][1], OFFSET.get(name, RNG.standard_normal(90))
    settings = {"sample_weight": WEIGHT, "offset": offset, "n_alphas": 4, "eps": 0.1}
    if name in ("logistic", "softmax"):
        path = logistic_path(X, y, **settings)
    else:
        path = regularization_path(X, y, loss=name, delta=0.4, **settings)
    table = path.evaluate(X, y, WEIGHT, offset)
    share = table["r2" if name in ("squared", "huber") else "deviance_explained"]
    if name == "huber":
        rest = y - offset
        expected = 1.0 - table["mse"] / np.average((rest - np.average(rest, weights=WEIGHT)) ** 2, weights=WEIGHT)
    else:
        expected = path.dev_ratio
        assert abs(share[0]) < 1e-12
    np.testing.assert_allclose(share, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", PATHS)
def test_streams_are_predicted_as_all_their_rows(name):
    make, y = PATHS[name]
    path = make(y[LEARN])
    methods = ["predict", "decision_function", *(["predict_classes"] if hasattr(path, "labels") else [])]
    for method in methods:
        for alpha in (None, path.alphas[2], 0.5 * (path.alphas[1] + path.alphas[2])):
            stream = blocks(X[HELD], y[HELD]) if alpha is None else [matrix for matrix, _ in blocks(X[HELD], y[HELD])]
            found = [*path.predict_stream(stream, method, alpha=alpha)]
            assert [len(part) for part in found] == [1, 0, 19, 10]
            np.testing.assert_array_equal(np.concatenate(found), getattr(path, method)(X[HELD], alpha))


def test_what_is_refused_when_streams_are_predicted():
    path = lasso_path(X[LEARN], SIGNAL[LEARN], n_alphas=3)
    with pytest.raises(ValueError, match="method: 'fit' is not allowed"):
        path.predict_stream([X[HELD]], "fit")
    with pytest.raises(ValueError, match=r"alpha: .* is outside"):
        path.predict_stream([X[HELD]], alpha=1e9)
    with pytest.raises(TypeError, match="source: ndarray is not allowed"):
        path.predict_stream(X[HELD])
    parts = path.predict_stream([X[HELD], X[HELD, :5]])
    assert next(parts).shape == (30, 3)
    with pytest.raises(ValueError, match=r"block 1 .the first is 0.: "):
        next(parts)


def test_labels_and_probabilities():
    numbers = regularization_path(X, BINARY.astype(float), loss="logistic", n_alphas=3)
    assert numbers.labels.tolist() == [0, 1] and numbers.gives_probabilities
    assert logistic_path(X, THREE, n_alphas=3).labels.tolist() == ["a", "b", "c"]
    assert not regularization_path(X, BINARY, loss="squared_hinge", n_alphas=3).gives_probabilities
    assert not hasattr(lasso_path(X, SIGNAL, n_alphas=3), "labels")
