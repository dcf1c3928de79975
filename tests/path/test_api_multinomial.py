"""Paths for classes: what y may be, what comes back, and predictions as means for every loss."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, special
from support.multinomial_twins import RawMultinomial
from support.wide_matrices import CROSS_WIDTH, lat_long_cross

from sparsereg import logistic_path, poisson_path, regularization_path
from sparsereg.coef import SparseCoef

RNG = np.random.default_rng(0)
X = RNG.standard_normal((90, 7)) * (RNG.random((90, 7)) < 0.6)
CODES = np.argmax(X[:, :3] + 0.7 * RNG.standard_normal((90, 3)), axis=1)
LABELS = np.array(["fir", "elm", "ash"])[CODES]
SHARES = 0.7 * np.eye(3)[CODES] + 0.1
SETTINGS = {"n_alphas": 6, "eps": 0.01, "tol": 1e-9}
PATH = logistic_path(X, LABELS, **SETTINGS)


def test_shapes():
    np.testing.assert_array_equal(PATH.classes, ["ash", "elm", "fir"])
    assert (PATH.loss, PATH.n_outputs, PATH.n_features) == ("logistic", 3, 7)
    assert PATH.intercepts.shape == (6, 3)
    assert PATH.coefs.shape == (7, 18)
    for name in ("alphas", "dual_gaps", "objectives", "dev_ratio", "n_iters", "df"):
        assert getattr(PATH, name).shape == (6,)
    assert "0 to 7 non-zeros of 7 occupied columns" in repr(PATH)
    used = np.abs(PATH.coefs.toarray()).reshape(7, 6, 3).max(axis=2)
    np.testing.assert_array_equal(PATH.df, np.count_nonzero(used, axis=0))


def test_every_fit_is_certified():
    Y = np.eye(3)[np.searchsorted(PATH.classes, LABELS)]
    coefs = PATH.coefs.toarray().reshape(7, 6, 3)
    assert PATH.df[0] == 0
    for k, alpha in enumerate(PATH.alphas):
        raw = RawMultinomial(X, Y, alpha)
        assert PATH.objectives[k] == pytest.approx(raw.objective(coefs[:, k], PATH.intercepts[k]), rel=1e-12)
        assert raw.violation(coefs[:, k], PATH.intercepts[k]) < 1e-4
        assert PATH.dual_gaps[k] <= 1e-9
        assert PATH.dev_ratio[k] == pytest.approx(1.0 - raw.loss(coefs[:, k], PATH.intercepts[k]) / null(Y), abs=1e-12)


def null(Y):
    frequency = Y.mean(axis=0)
    return -frequency @ np.log(frequency)


def test_labels_codes_and_shares_say_the_same():
    codes = np.searchsorted(PATH.classes, LABELS)
    for y in (codes, codes.astype(float), pd.Series(LABELS), np.eye(3)[codes], pd.DataFrame(np.eye(3)[codes])):
        path = logistic_path(X, y, **SETTINGS)
        np.testing.assert_allclose(path.objectives, PATH.objectives, rtol=1e-12)
        np.testing.assert_array_equal(path.coefs.toarray(), PATH.coefs.toarray())
    np.testing.assert_array_equal(path.classes, [0, 1, 2])
    same = regularization_path(X, np.eye(3)[codes], loss="logistic", **SETTINGS)
    np.testing.assert_array_equal(same.coefs.toarray(), PATH.coefs.toarray())
    assert same.classes is None


def test_two_classes_have_one_predictor():
    codes = (CODES > 0).astype(int)
    expected = logistic_path(X, codes, **SETTINGS)
    assert expected.n_outputs == 1
    np.testing.assert_array_equal(expected.classes, [0, 1])
    names = np.array(["no", "yes"])[codes]
    for y in (codes * 1.0, codes.astype(bool), names, np.eye(2)[codes]):
        path = logistic_path(X, y, **SETTINGS)
        np.testing.assert_array_equal(path.coefs.toarray(), expected.coefs.toarray())
    np.testing.assert_array_equal(logistic_path(X, names, **SETTINGS).classes, ["no", "yes"])
    np.testing.assert_array_equal(
        regularization_path(X, np.eye(2)[codes], loss="logistic", **SETTINGS).coefs.toarray(),
        expected.coefs.toarray(),
    )
    soft = 0.8 * codes + 0.1
    columns = np.stack([1.0 - soft, soft], axis=1)
    np.testing.assert_allclose(
        logistic_path(X, soft, **SETTINGS).objectives, logistic_path(X, columns, **SETTINGS).objectives, rtol=1e-12
    )


def test_classes_without_weight_are_no_classes():
    weight = (LABELS != "fir") * 1.0
    path = logistic_path(X, LABELS, sample_weight=weight, **SETTINGS)
    np.testing.assert_array_equal(path.classes, ["ash", "elm"])
    kept = logistic_path(X[weight > 0], LABELS[weight > 0], **SETTINGS)
    np.testing.assert_allclose(path.objectives, kept.objectives, rtol=1e-9)


def test_at():
    coefs = PATH.coefs.toarray().reshape(7, 6, 3)
    for k, alpha in enumerate(PATH.alphas):
        coef, intercepts = PATH.at(alpha)
        assert isinstance(coef, SparseCoef)
        assert coef.n_columns == 3
        np.testing.assert_array_equal(coef.to_csc().toarray(), coefs[:, k])
        np.testing.assert_array_equal(intercepts, PATH.intercepts[k])
    with pytest.raises(ValueError, match=r"alpha: 1\.5 is outside \["):
        PATH.at(1.5)


def test_predictions():
    decisions = PATH.decision_function(X)
    assert decisions.shape == (90, 6, 3)
    expected = np.einsum("ij,jkc->ikc", X, PATH.coefs.toarray().reshape(7, 6, 3)) + PATH.intercepts
    np.testing.assert_allclose(decisions, expected, atol=1e-12)
    probabilities = PATH.predict(X)
    np.testing.assert_allclose(probabilities, special.softmax(expected, axis=2), atol=1e-12)
    alpha = PATH.alphas[4]
    np.testing.assert_allclose(PATH.decision_function(X, alpha), expected[:, 4], atol=1e-12)
    np.testing.assert_allclose(PATH.predict(sparse.csr_array(X), alpha), probabilities[:, 4], atol=1e-12)
    offset = RNG.standard_normal((90, 3))
    np.testing.assert_allclose(PATH.decision_function(X, offset=offset), expected + offset[:, None], atol=1e-12)
    np.testing.assert_allclose(PATH.decision_function(X, alpha, offset), expected[:, 4] + offset, atol=1e-12)
    with pytest.raises(ValueError, match=r"offset: shape \(90,\) is not allowed, expected \(90, 3\)"):
        PATH.predict(X, offset=offset[:, 0])
    assert np.mean(PATH.classes[PATH.predict(X, PATH.alphas[-1]).argmax(axis=1)] == LABELS) > 0.6


def test_offsets_of_a_fit():
    offset = RNG.standard_normal((90, 3))
    path = logistic_path(X, SHARES, offset=offset, **SETTINGS)
    p = path.predict(X, path.alphas[-1], offset)
    np.testing.assert_allclose(p.mean(axis=0), SHARES.mean(axis=0), atol=1e-4)
    coef, b = path.at(path.alphas[2])
    raw = RawMultinomial(X, SHARES, path.alphas[2], offset=offset)
    assert path.objectives[2] == pytest.approx(raw.objective(coef.to_csc().toarray(), b), rel=1e-12)


def test_frame_plot_and_pickle():
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    frame = PATH.to_frame()
    np.testing.assert_array_equal(frame[["intercept_ash", "intercept_elm", "intercept_fir"]], PATH.intercepts)
    assert "intercept" not in frame
    unnamed = regularization_path(X, SHARES, loss="logistic", n_alphas=3).to_frame()
    assert {"intercept_0", "intercept_1", "intercept_2"} <= {*unnamed}
    ax = PATH.plot(Figure().subplots())
    curves = np.array([line[:, 1] for line in ax.collections[0].get_segments()])
    coefs = PATH.coefs.toarray().reshape(7, 6, 3).transpose(0, 2, 1).reshape(21, 6)
    coefs = coefs[coefs.any(axis=1)]
    np.testing.assert_allclose(curves[np.lexsort(curves.T)], coefs[np.lexsort(coefs.T)])
    again = pickle.loads(pickle.dumps(PATH))
    np.testing.assert_array_equal(again.predict(X), PATH.predict(X))
    np.testing.assert_array_equal(again.classes, PATH.classes)


def test_a_wide_cross():
    cross = lat_long_cross(400, 10)
    y = np.random.default_rng(1).integers(0, 3, 400)
    path = logistic_path(cross, y, n_alphas=4, eps=0.05)
    assert path.n_features == CROSS_WIDTH
    assert path.dual_gaps.max() <= 1e-6
    np.testing.assert_allclose(path.predict(cross).sum(axis=2), 1.0, rtol=1e-12)
    assert path.sparse_coef.nbytes < 1e6


@pytest.mark.parametrize("penalty", ["mcp", "scad", "l0"])
def test_other_penalties_are_for_two_classes(penalty):
    with pytest.raises(ValueError, match=rf"penalty \(beyond two classes\): '{penalty}' is not allowed"):
        logistic_path(X, LABELS, penalty=penalty)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="only one class"):
        logistic_path(X, np.full(90, "elm"))
    with pytest.raises(ValueError, match="no finite intercept is best"):
        regularization_path(X, np.eye(3)[np.zeros(90, int)], loss="logistic")


# Means of every loss.


@pytest.mark.parametrize(
    ("loss", "y", "mean"),
    [
        ("squared", X[:, 0] + 1.0, lambda t: t),
        ("huber", X[:, 0] + 1.0, lambda t: t),
        ("logistic", (CODES > 0) * 1.0, lambda t: 1.0 / (1.0 + np.exp(-t))),
        ("squared_hinge", (CODES > 0) * 1.0, lambda t: t),
        ("poisson", CODES * 1.0, np.exp),
    ],
)
def test_predictions_are_means(loss, y, mean):
    path = regularization_path(X, y, loss=loss, n_alphas=4)
    assert (path.loss, path.n_outputs, path.classes) == (loss, 1, None)
    t = X @ path.coefs.toarray() + path.intercepts
    np.testing.assert_allclose(path.decision_function(X), t, atol=1e-12)
    np.testing.assert_allclose(path.predict(X), mean(t), atol=1e-12)
    np.testing.assert_allclose(path.predict(X, path.alphas[2], 0.5), mean(t[:, 2] + 0.5), atol=1e-12)
    assert isinstance(path.at(path.alphas[1])[0], SparseCoef)


def test_predictions_beyond_float64():
    far = np.full(90, 1e4)
    counts = poisson_path(X, CODES * 1.0, n_alphas=2)
    assert np.all(np.isposinf(counts.predict(X, counts.alphas[0], far)))
    binary = logistic_path(X, CODES > 0, n_alphas=2)
    np.testing.assert_array_equal(binary.predict(X, binary.alphas[0], far), 1.0)
    one = np.outer(far, [0.0, 1.0, -1.0])
    np.testing.assert_allclose(PATH.predict(X, PATH.alphas[0], one), np.eye(3)[np.ones(90, int)])
