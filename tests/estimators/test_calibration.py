"""Calibration: maximum likelihood of shift and slope, applied by everything that predicts."""

import copy
import io
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, sparse, special
from sklearn.linear_model import LogisticRegression as TheirLogisticRegression

from sparsereg import (
    Block,
    ConvergenceWarning,
    LinearSVC,
    LogisticRegression,
    LogisticRegressionCV,
    SGDClassifier,
    SvmlightReader,
    logistic_path,
)
from sparsereg.estimators import calibration
from sparsereg.estimators.calibration import Calibration, fit_calibration
from sparsereg.inputs.sklearn import NotFittedError, clone

RNG = np.random.default_rng(0)
X = sparse.random_array((3000, 40), density=0.2, format="csr", rng=RNG)
SIGNAL = X @ (2.0 * RNG.standard_normal(40))
Y = SIGNAL + RNG.logistic(size=3000) > 3.0
THREE = np.array(["a", "b", "c"])[np.digitize(SIGNAL + RNG.logistic(size=3000), [-1.0, 1.5])]
WEIGHT = RNG.random(3000) + 0.1
LEARN, HELD = slice(0, 1500), slice(1500, 3000)
TWO = np.array([0, 1])


def skewed(y=Y):
    """A model whose probabilities are off."""
    return LogisticRegression(alpha=1e-3, class_weight="balanced", label_smoothing=0.1).fit(X[LEARN], y[LEARN])


def mean_loss(t, y, weight):
    if t.ndim == 1:
        return np.average(np.logaddexp(0.0, t) - y * t, weights=weight)
    return np.average(special.logsumexp(t, axis=1) - (y * t).sum(axis=1), weights=weight)


def gradient(calibration, t, y, weight):
    """Of the mean loss with respect to slope and shifts."""
    u = calibration.apply(t)
    residual = (special.expit(u) if t.ndim == 1 else special.softmax(u, axis=1)) - y
    weight = (np.ones(len(y)) if weight is None else weight) / (len(y) if weight is None else weight.sum())
    return [*np.atleast_1d(weight @ residual), weight @ (residual * t).reshape(len(y), -1).sum(axis=1)]


# Maximum likelihood.


@given(
    seed=st.integers(0, 2**32 - 1), n_classes=st.integers(2, 4), method=st.sampled_from(["prior", "sigmoid"]),
    scale=st.sampled_from([1e-6, 0.1, 1.0, 30.0]), center=st.sampled_from([0.0, -40.0, 1e3]), soft=st.booleans(),
    weighted=st.booleans(),
)
def test_maximum_likelihood(seed, n_classes, method, scale, center, soft, weighted):
    rng = np.random.default_rng(seed)
    t = rng.normal(size=(60, n_classes))
    y = special.softmax(t + rng.gumbel(size=t.shape), axis=1)
    if not soft:
        y = (y == y.max(axis=1, keepdims=True)).astype(float)
        y[:n_classes] = np.eye(n_classes)
        # Classes that overlap.
        y[n_classes : 2 * n_classes], t[n_classes : 2 * n_classes] = np.eye(n_classes)[::-1], t[:n_classes]
    t = center + scale * t
    weight = 10.0 ** rng.uniform(-3, 3, 60) if weighted else None
    if n_classes == 2:
        t, y = t[:, 1] - t[:, 0] + center, np.ascontiguousarray(y[:, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = fit_calibration(method, t, y, weight, np.arange(n_classes))
    slopes = gradient(found, t, y, weight)
    # What the last digits of predictors far from zero are worth.
    rounding = 1e-10 + 1e-14 * abs(center) / scale
    assert np.abs(slopes[:-1]).max() < rounding
    if method == "sigmoid":
        assert abs(slopes[-1]) < rounding * (1.0 + abs(center) + scale)
    else:
        assert found.slope == 1.0
    assert found.shift.shape == (1 if n_classes == 2 else n_classes,)
    if n_classes > 2:
        assert abs(found.shift.sum()) < 1e-9 * max(1.0, np.abs(found.shift).max())


def test_two_oracles():
    """A general minimiser, and scikit-learn's logistic regression on the predictor alone."""
    t, y = RNG.normal(1.0, 2.0, 500), (RNG.random(500) < 0.3).astype(float)
    y[:100] = t[:100] > 0.5
    weight = RNG.random(500)
    found = fit_calibration("sigmoid", t, y, weight, TWO)
    best = optimize.minimize(lambda s: mean_loss(s[0] * t + s[1], y, weight), [1.0, 0.0], tol=1e-12)
    np.testing.assert_allclose([found.slope, found.shift[0]], best.x, rtol=1e-5)
    theirs = TheirLogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(t[:, None], y, weight)
    np.testing.assert_allclose([found.slope, *found.shift], [theirs.coef_[0, 0], *theirs.intercept_], rtol=1e-6)
    scores = RNG.normal(size=(500, 3))
    codes = (scores + RNG.gumbel(size=(500, 3))).argmax(axis=1)
    found = fit_calibration("sigmoid", 3.0 * scores, np.eye(3)[codes], weight, np.arange(3))
    best = optimize.minimize(
        lambda s: mean_loss(3.0 * s[0] * scores + np.append(s[1:], -s[1:].sum()), np.eye(3)[codes], weight),
        [1.0, 0.0, 0.0], tol=1e-12,
    )
    np.testing.assert_allclose([found.slope, *found.shift[:2]], best.x, atol=1e-5)


def test_equivalences():
    t, y, weight = RNG.normal(size=300), (RNG.random(300) < 0.4).astype(float), RNG.integers(0, 4, 300)
    for method in ("prior", "sigmoid"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = fit_calibration(method, t, y, weight.astype(float), TWO)
            repeated = fit_calibration(method, np.repeat(t, weight), np.repeat(y, weight), None, TWO)
            tiny = fit_calibration(method, t, y, weight * 1e-300, TWO)
            huge = fit_calibration(method, t, y, weight * 5e307, TWO)
            pairs = np.column_stack([0 * t, t]), np.column_stack([1 - y, y])
            both = fit_calibration(method, *pairs, weight.astype(float), np.arange(3))
        for other in (repeated, tiny, huge):
            np.testing.assert_allclose([other.slope, *other.shift], [found.slope, *found.shift], rtol=1e-9)
        assert both.slope == pytest.approx(found.slope, rel=1e-9)
        assert both.shift[1] - both.shift[0] == pytest.approx(found.shift[0], rel=1e-9)


def test_predictors_far_out():
    """Probabilities that have rounded to 0 or 1 have no curvature."""
    k = np.arange(50)
    for t, y in ((np.full(50, 700.0), k < 5), (np.where(k < 25, -90.0, 90.0), k % 2)):
        found = fit_calibration("prior", t, y.astype(float), None, TWO)
        assert special.expit(found.apply(t)).mean() == pytest.approx(y.mean(), rel=1e-9)
    t = np.concatenate([np.full(9_999, -25.0), [3.0], RNG.normal(-20.0, 5.0, 10_000)])
    y = (RNG.random(t.size) < 1e-3).astype(float)
    found = fit_calibration("sigmoid", t, y, None, TWO)
    assert np.abs(gradient(found, t, y, None)).max() < 1e-9


def test_separable_rows_are_bounded(monkeypatch):
    t, y = np.array([-2.0, -1.0, 0.5, 1.0, 3.0]), np.array([0.0, 0.0, 1.0, 1.0, 1.0])
    with pytest.warns(ConvergenceWarning, match="calibrate: the linear predictor separates the classes"):
        found = fit_calibration("sigmoid", t, y, None, TWO)
    platt = np.where(y == 1.0, 4.0 / 5.0, 1.0 / 4.0)
    assert np.abs(gradient(found, t, platt, None)).max() < 1e-12
    # A tie on the threshold does not bound it either, nor does a model that is the wrong way round.
    calls, tied = [], (np.array([-1.0, 0.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    with pytest.warns(ConvergenceWarning):
        bounded = fit_calibration("sigmoid", *tied, None, TWO)
    with pytest.warns(UserWarning, match="slope is -"), pytest.warns(ConvergenceWarning):
        reverse = fit_calibration("sigmoid", -tied[0], tied[1], None, TWO)
    assert reverse.slope == pytest.approx(-bounded.slope, rel=1e-12)
    three = 5.0 * np.eye(3)[[0, 1, 2, 0, 1, 2]] + RNG.normal(size=(6, 3))
    with pytest.warns(ConvergenceWarning):
        found = fit_calibration("sigmoid", three, np.eye(3)[[0, 1, 2, 0, 1, 2]], None, np.arange(3))
    platt = np.where(np.eye(3)[[0, 1, 2, 0, 1, 2]] == 1.0, 3.0 / 5.0, 1.0 / 5.0)
    assert np.abs(gradient(found, three, platt, None)).max() < 1e-12
    # Of two classes it is seen before anything is tried.
    with monkeypatch.context() as patched, pytest.warns(ConvergenceWarning):
        patched.setattr(calibration._Rows, "solve", lambda rows, y, is_bounded: calls.append(y) or np.ones(3))
        fit_calibration("sigmoid", *tied, None, TWO)
    np.testing.assert_allclose(calls, [[[0.75, 0.75, 0.25, 0.25], [0.25, 0.25, 0.75, 0.75]]])
    # A shift is bounded whatever they do.
    assert fit_calibration("prior", t, y, None, TWO).slope == 1.0


def test_reversed_predictors_are_told():
    t = RNG.normal(size=200)
    y = (RNG.random(200) < special.expit(-2.0 * t)).astype(float)
    with pytest.warns(UserWarning, match=r"calibrate: the slope is -.*, because the model ranks these rows"):
        assert fit_calibration("sigmoid", t, y, None, TWO).slope < 0.0


# Of estimators.


@pytest.mark.parametrize("y", [Y, THREE], ids=["two", "three"])
@pytest.mark.parametrize("method", ["prior", "sigmoid"])
def test_everything_goes_by_it(y, method):
    model = skewed(y=y)
    plain, coef, intercept = model.decision_function(X[HELD]), model.coef_.copy(), model.intercept_.copy()
    assert model.calibrate(X[HELD], y[HELD], WEIGHT[HELD], method=method) is model
    calibration = model.calibration_
    assert (type(calibration), calibration.method) == (Calibration, method)
    t = calibration.slope * plain + calibration.shift
    np.testing.assert_array_equal(model.decision_function(X[HELD]), t)
    np.testing.assert_array_equal(model.coef_, coef)
    np.testing.assert_array_equal(model.intercept_, intercept)
    p = special.softmax(t, axis=1) if t.ndim == 2 else np.column_stack([special.expit(-t), special.expit(t)])
    np.testing.assert_array_equal(model.predict_proba(X[HELD]), p)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X[HELD])), p, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X[HELD]), model.classes_[p.argmax(axis=1)])
    shares = [np.average(y[HELD] == label, weights=WEIGHT[HELD]) for label in model.classes_]
    np.testing.assert_allclose(np.average(p, axis=0, weights=WEIGHT[HELD]), shares, rtol=1e-10)
    found = model.evaluate(X[HELD], y[HELD])
    assert found["accuracy"] == pytest.approx(model.score(X[HELD], y[HELD]), rel=1e-12)
    stream = [(X[HELD][:700], y[HELD][:700]), (X[HELD][700:], y[HELD][700:])]
    assert model.evaluate_stream(stream) == pytest.approx(found, rel=1e-12)
    np.testing.assert_array_equal(np.concatenate(list(model.predict_stream(stream, "decision_function"))), t)
    folded, b = model._effective()
    np.testing.assert_allclose(folded.decision(X[HELD]) + b, t, atol=1e-12)
    frame = model.to_frame()
    np.testing.assert_allclose(frame["weight"].abs().sum(), np.abs(calibration.slope * coef).sum(), rtol=1e-12)
    named = frame.attrs["intercept"]
    np.testing.assert_array_equal(list(named.values()) if len(b) > 1 else [named], b)
    # Again: from the predictor of the fit.
    again = model.calibrate(X[HELD], y[HELD], WEIGHT[HELD], method=method).calibration_
    np.testing.assert_array_equal([again.slope, *again.shift], [calibration.slope, *calibration.shift])
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
        np.testing.assert_array_equal(twin.decision_function(X[HELD]), t)
    assert not hasattr(clone(model), "calibration_")
    del model.calibration_
    np.testing.assert_array_equal(model.decision_function(X[HELD]), plain)
    np.testing.assert_array_equal(model._effective()[1], intercept)


def test_offsets_are_part_of_the_predictor():
    offset = RNG.normal(size=3000)
    model = LogisticRegression(alpha=1e-3).fit(X[LEARN], Y[LEARN], offset=offset[LEARN])
    with pytest.raises(ValueError, match="offset: None is not allowed"):
        model.calibrate(X[HELD], Y[HELD])
    t = model.decision_function(X[HELD], offset[HELD])
    model.calibrate(X[HELD], Y[HELD], offset=offset[HELD])
    slope, shift = model.calibration_.slope, model.calibration_.shift[0]
    np.testing.assert_allclose(model.decision_function(X[HELD], offset[HELD]), slope * t + shift, rtol=1e-12)
    expected = fit_calibration("sigmoid", t, Y[HELD].astype(float), None, TWO)
    assert (expected.slope, expected.shift[0]) == (slope, shift)


def test_a_class_weighted_model_on_rare_positives():
    rng = np.random.default_rng(0)
    rows = sparse.random_array((20_000, 30), density=0.3, format="csr", rng=rng)
    y = rng.random(20_000) < special.expit(rows @ rng.normal(size=30) - 2.6)
    assert 0.04 < y.mean() < 0.06
    half = slice(0, 10_000), slice(10_000, 15_000), slice(15_000, 20_000)
    model = LogisticRegression(alpha=1e-4, class_weight="balanced").fit(rows[half[0]], y[half[0]])
    before = model.evaluate(rows[half[2]], y[half[2]])
    after = model.calibrate(rows[half[1]], y[half[1]], method="prior").evaluate(rows[half[2]], y[half[2]])
    assert before["calibration_error"] > 0.2
    assert after["calibration_error"] < 0.02
    assert after["auc"] == pytest.approx(before["auc"], rel=1e-9)
    assert after["log_loss"] < 0.6 * before["log_loss"]


def test_fits_discard_it():
    model = skewed()
    model.calibrate(X[HELD], Y[HELD])
    broken = model.calibration_
    with pytest.raises(ValueError, match="length"):
        model.fit(X, Y[1:])
    assert model.calibration_ is broken
    assert not hasattr(model.fit(X, Y), "calibration_")
    chosen = LogisticRegressionCV(n_alphas=4, cv=2, tol=1e-4).fit(X[LEARN], Y[LEARN]).calibrate(X[HELD], Y[HELD])
    assert not hasattr(chosen.fit(X[LEARN], Y[LEARN]), "calibration_")
    stream = SGDClassifier(random_state=0, certify=False).fit(X[LEARN], Y[LEARN]).calibrate(X[HELD], Y[HELD])
    assert not hasattr(stream.fit(X[LEARN], Y[LEARN]), "calibration_")
    calibration = stream.calibrate(X[HELD], Y[HELD]).calibration_
    stream.partial_fit(X[HELD], Y[HELD])
    assert stream.calibration_ is calibration
    batch = stream.to_batch()
    assert batch.calibration_ is calibration
    np.testing.assert_allclose(batch.decision_function(X), stream.decision_function(X), rtol=1e-10)
    stream.fit_stream([(X[LEARN], Y[LEARN])], classes=[False, True])
    assert not hasattr(stream, "calibration_")
    # Fits that start from it start from its coefficients.
    warm = SGDClassifier(max_iter=1, tol=None, random_state=0, certify=False)
    plain = skewed()
    from_plain = warm.fit(X[LEARN], Y[LEARN], coef_init=plain).coef_.copy()
    np.testing.assert_array_equal(
        warm.fit(X[LEARN], Y[LEARN], coef_init=plain.calibrate(X[HELD], Y[HELD])).coef_, from_plain
    )


def test_what_is_refused():
    model = skewed()
    with pytest.raises(NotFittedError):
        LogisticRegression().calibrate(X, Y)
    for arguments, settings, error, message in (
        ((X, Y), {"method": "isotonic"}, ValueError, "method: 'isotonic' is not allowed"),
        ((X, Y[1:]), {}, ValueError, "y: length 2999 does not match the 3000 rows"),
        ((X[:, :7], Y), {}, ValueError, "X has 7 features"),
        ((X, Y.astype(int) + 1), {}, ValueError, "y: 2 in row"),
        ((X, np.ones(3000, dtype=bool)), {}, ValueError, "y: no row of positive weight is of class False"),
        ((X, Y, np.where(Y, 0.0, 1.0)), {"method": "prior"}, ValueError, "y: no row of .* is of class True"),
        ((X, Y, np.zeros(3000)), {}, ValueError, "sample_weight: all 3000 weights are zero"),
        ((X * 0.0, Y), {}, ValueError, "method: 'sigmoid' is not allowed where the linear predictor is the same"),
    ):
        with pytest.raises(error, match=message):
            model.calibrate(*arguments, **settings)
        assert not hasattr(model, "calibration_")
    assert model.calibrate(X * 0.0, Y, method="prior").calibration_.slope == 1.0
    # What has no probabilities has none to calibrate.
    assert not hasattr(LinearSVC(), "calibrate")
    assert not hasattr(SGDClassifier("squared_hinge"), "calibrate")
    assert hasattr(SGDClassifier(), "calibrate")


# Streams.


@pytest.mark.parametrize("method", ["sigmoid", "prior"])
@pytest.mark.parametrize("y", [Y, THREE], ids=["two", "three"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_stream_calibrates_as_all_its_rows(method, y, weighted):
    weight = WEIGHT * (RNG.random(3000) < 0.8) if weighted else None
    arrays = (X, y) if weight is None else (X, y, weight)
    blocks = [tuple(a[start:stop] for a in arrays) for start, stop in ((1500, 1500), (1500, 1501), (1501, 3000))]
    model, twin = skewed(y), skewed(y)
    model.calibrate(X[HELD], y[HELD], None if weight is None else weight[HELD], method=method)
    # Calibrating again begins anew.
    twin.calibrate(X[LEARN], y[LEARN])
    assert twin.calibrate_stream(iter(blocks), method=method) is twin
    found, expected = twin.calibration_, model.calibration_
    assert found.method == method
    assert found.slope == pytest.approx(expected.slope, rel=1e-10)
    np.testing.assert_allclose(found.shift, expected.shift, rtol=1e-10, atol=1e-10)


def test_streams_with_an_offset():
    offset = np.full(1500, 0.5)
    model = LogisticRegression(alpha=1e-3).fit(X[LEARN], Y[LEARN], offset=0.1 * SIGNAL[LEARN])
    expected = copy.copy(model).calibrate(X[HELD], Y[HELD], offset=offset).calibration_
    with pytest.raises(ValueError, match="offset: None is not allowed"):
        model.calibrate_stream([(X[HELD], Y[HELD])])
    found = model.calibrate_stream([(X[HELD], Y[HELD])], offset=0.5).calibration_
    assert (found.slope, *found.shift) == pytest.approx((expected.slope, *expected.shift), rel=1e-10)


def test_streams_that_are_refused():
    with pytest.raises(NotFittedError):
        LogisticRegression().calibrate_stream([(X, Y)])
    model = skewed().calibrate(X[HELD], Y[HELD])
    before = model.calibration_
    for source, error, message in (
        ("held.svm", TypeError, "source: the path 'held.svm' is not allowed"),
        ([], ValueError, "source: no row of it has a weight"),
        ([(X, Y, np.zeros(3000))], ValueError, "source: no row of it has a weight"),
        ([(X, Y), (X[:, :3], Y)], ValueError, r"source: block 1 \(the first is 0\): X has 3 features"),
        ([(X, THREE)], ValueError, r"source: block 0 \(the first is 0\): y"),
        ([(X, np.ones(3000, dtype=bool))], ValueError, "y: no row of positive weight is of class False"),
    ):
        with pytest.raises(error, match=f"^{message}"):
            model.calibrate_stream(source)
    with pytest.raises(ValueError, match="method: "):
        model.calibrate_stream([(X, Y)], method="isotonic")
    assert model.calibration_ is before
    path = logistic_path(X, Y, n_alphas=2)
    reader, block = SvmlightReader(io.BytesIO(b"1 1:1")), Block(X, Y)
    for source in (reader, iter([(X, Y)]), [(X, Y)], [block], block, "held.svm"):
        for call in (model.calibrate, model.evaluate, path.evaluate):
            for targets in ((), (Y,)):
                with pytest.raises(TypeError, match=rf"^X: .* is not allowed, .*; {call.__name__}_stream takes a"):
                    call(source, *targets)
    for call in (model.calibrate, model.evaluate, path.evaluate):
        with pytest.raises(TypeError, match=r"^y: None is not allowed"):
            call(X)
        call([(np.float64(value), *row) for value, *row in X[HELD].toarray().tolist()], Y[HELD])
