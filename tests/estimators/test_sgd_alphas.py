"""Streaming estimators at several alphas: each is its single fit, and the best of them is the model."""

import copy
import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from support.sgd_models import TARGETS, THREE, X, first_part, make

import sparsereg as sr
from sparsereg import SGDClassifier, SGDRegressor
from sparsereg.plot import plot_alphas, plot_history
from sparsereg.streaming.alpha_training import AlphaTraining
from sparsereg.streaming.checkpoint import save_checkpoint

ALPHAS = [1e-3, 3e-2, 1e-4]
Y = TARGETS["logistic"]
BLOCKS = [(X[start : start + 100], Y[start : start + 100]) for start in range(0, 300, 100)]


def assert_same(many, alpha, one, resumed=False):
    """The model of one alpha is its single fit: states, clocks, curves, predictions."""
    model = many.at(alpha)
    assert model.alpha == alpha
    found, expected = (fit.training_.learner.state() for fit in (model, one))
    orders = np.argsort(found["ids"]), np.argsort(expected["ids"])
    for name, array in found.items():
        if name in ("ids", "states"):
            array, expected[name] = array[orders[0]], expected[name][orders[1]]
        np.testing.assert_array_equal(array, expected[name], err_msg=name)
    np.testing.assert_array_equal(model.predict(X), one.predict(X))
    np.testing.assert_array_equal(model.sparse_coef_.toarray(), one.sparse_coef_.toarray())
    np.testing.assert_array_equal(model.intercept_, one.intercept_)
    assert (model.n_iter_, model.t_, model.n_active_) == (one.n_iter_, one.t_, one.n_active_)
    assert model.history_.keys() == one.history_.keys()
    for name, column in one.history_.items():
        if name == "loss" and resumed:  # its sums begin anew
            np.testing.assert_allclose(model.history_[name], column, rtol=1e-12)
        elif name not in ("seconds", "nbytes"):
            np.testing.assert_array_equal(model.history_[name], column, err_msg=name)


@pytest.mark.parametrize("n_threads", [None, 2])
@pytest.mark.parametrize("loss", list(TARGETS))
def test_partial_fits(loss, n_threads):
    y = TARGETS[loss]
    many = make(loss, alpha=ALPHAS, n_threads=n_threads)
    singles = {alpha: make(loss, alpha=alpha) for alpha in ALPHAS}
    for model in (many, *singles.values()):
        first_part(model, X[:120], y[:120])
        model.partial_fit(X[120:], y[120:])
    for alpha, one in singles.items():
        assert_same(many, alpha, one)
    losses = [one.history_["progressive_loss"][-1] for one in singles.values()]
    assert many.alpha_ == ALPHAS[int(np.argmin(losses))]
    assert many.alphas_.tolist() == ALPHAS
    np.testing.assert_array_equal(many.sparse_coef_.toarray(), singles[many.alpha_].sparse_coef_.toarray())
    np.testing.assert_array_equal(many.history_["progressive_loss"][-1], losses)
    assert many.history_["n_nonzero"].shape == (len(many.history_["n_rows"]), 3)
    np.testing.assert_array_equal(many.history_["alpha"], ALPHAS)


FITS = {
    "plain": {}, "early": {"early_stopping": True}, "in order": {"shuffle": False},
    "finished": {"finish_tol": 1e-3}, "sampled": {"dropout": 0.2, "max_iter": 4, "tol": None, "certify": True},
}


@pytest.mark.parametrize("name", FITS)
def test_fits_end_at_their_own_passes(name):
    many = SGDClassifier(alpha=ALPHAS, random_state=0, **FITS[name]).fit(X, Y)
    singles = {alpha: SGDClassifier(alpha=alpha, random_state=0, **FITS[name]).fit(X, Y) for alpha in ALPHAS}
    for alpha, one in singles.items():
        assert_same(many, alpha, one)
    best = singles[many.alpha_]
    assert (many.objective_, many.dual_gap_, many.n_iter_) == (best.objective_, best.dual_gap_, best.n_iter_)
    assert many.at(many.alpha_).dual_gap_ == best.dual_gap_
    assert all(np.isnan(many.at(alpha).dual_gap_) for alpha in ALPHAS if alpha != many.alpha_)
    if name == "plain":
        assert len({one.n_iter_ for one in singles.values()}) > 1
        # And go on from there.
        many.partial_fit(X, Y)
        for alpha, one in singles.items():
            one.partial_fit(X, Y)
            assert many.at(alpha).decision_function(X).tolist() == one.decision_function(X).tolist()


def test_three_classes_and_numbers_far_from_zero():
    many = SGDClassifier(alpha=ALPHAS, random_state=0, max_iter=5, tol=None).fit(X, THREE)
    for alpha in ALPHAS:
        assert_same(many, alpha, SGDClassifier(alpha=alpha, random_state=0, max_iter=5, tol=None).fit(X, THREE))
    far = np.column_stack([np.linspace(1e4, 1e4 + 1, 300), X.toarray()[:, :5]])
    y = 1e3 + far[:, 1]
    many = SGDRegressor(alpha=[0.01, 0.1], random_state=0, max_iter=5, tol=None).fit(far, y)
    for alpha in (0.01, 0.1):
        one = SGDRegressor(alpha=alpha, random_state=0, max_iter=5, tol=None).fit(far, y)
        assert many.at(alpha).predict(far).tolist() == one.predict(far).tolist()


STREAMS = {
    "one pass": {}, "passes": {"n_passes": 3}, "validation": {"n_passes": 2, "validation": BLOCKS[:2]},
    "early": {"n_passes": 12, "validation": BLOCKS[0]},
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams_and_their_checkpoints(name, tmp_path):
    settings = {"random_state": 0, "early_stopping": name == "early", "n_iter_no_change": 2, "tol": 1e-3}

    def fit(alpha, **how):
        return SGDClassifier(alpha=alpha, **settings).fit_stream(BLOCKS, classes=[0, 1], **STREAMS[name], **how)

    many, singles = fit(ALPHAS), {alpha: fit(alpha) for alpha in ALPHAS}
    for alpha, one in singles.items():
        assert_same(many, alpha, one)
    by = "validation_loss" if "validation" in STREAMS[name] else "progressive_loss"
    pick = np.nanmin if name == "early" else (lambda losses: losses[-1 if name != "passes" else 0])
    losses = [pick(one.history_[by]) for one in singles.values()]
    assert many.alpha_ == ALPHAS[int(np.argmin(losses))]
    # Killed after each block in turn.
    class Killed(Exception):
        pass

    def broken(n):
        yield from BLOCKS[:n]
        raise Killed

    if name == "one pass":
        for n in (1, 2):
            path = tmp_path / f"{n}.npz"
            with pytest.raises(Killed):
                SGDClassifier(alpha=ALPHAS, **settings).fit_stream(
                    broken(n), classes=[0, 1], checkpoint=path, checkpoint_every=1
                )
            resumed = fit(ALPHAS, checkpoint=path, resume=True)
            for alpha, one in singles.items():
                assert resumed.at(alpha).decision_function(X).tolist() == one.decision_function(X).tolist()
    else:
        path = tmp_path / "whole.npz"
        how = {**STREAMS[name], "n_passes": 1, "checkpoint": path}
        SGDClassifier(alpha=ALPHAS, **settings).fit_stream(BLOCKS, classes=[0, 1], **how)
        resumed = fit(ALPHAS, checkpoint=path, resume=True)
        for alpha, one in singles.items():
            assert_same(resumed, alpha, one, resumed=True)
        assert resumed.alpha_ == many.alpha_
        with pytest.raises(ValueError, match=r"checkpoint: .* was made with alpha="):
            fit(ALPHAS[:2], checkpoint=path, resume=True)


def test_damaged_checkpoints_are_refused(tmp_path):
    from sparsereg.streaming.checkpoint import load_checkpoint

    path = tmp_path / "fit.npz"
    how = {"classes": [0, 1], "n_passes": 2, "validation": BLOCKS[0], "checkpoint": path}
    model = SGDClassifier(alpha=ALPHAS, random_state=0, early_stopping=True)
    model.fit_stream(BLOCKS, **how)
    arrays, meta = load_checkpoint(path)
    states = arrays["now.states"].copy()
    states[0, 2] = np.nan
    for name, wrong in {
        "now.states": states, "now.learning": np.array([2, 1]), "now.intercept": arrays["now.intercept"][:1],
        "best.7.ids": np.zeros(1, dtype=np.int64), "history.loss": arrays["history.loss"][:, 0],
    }.items():
        save_checkpoint(path, {**arrays, name: wrong}, meta)
        with pytest.raises(ValueError, match=re.escape(str(path))):
            clone(model).fit_stream(BLOCKS, **how, resume=True)


@pytest.mark.parametrize("state", [False, True])
def test_files_pickles_and_copies(state, tmp_path):
    many = SGDClassifier(alpha=ALPHAS, random_state=0).fit_stream(BLOCKS, classes=[0, 1], n_passes=2)
    sr.save_model(many, tmp_path / "model.npz", state=state)
    loaded = sr.load_model(tmp_path / "model.npz")
    for other in (loaded, copy.deepcopy(many), pickle.loads(pickle.dumps(many))):
        assert other.alpha_ == many.alpha_
        for alpha in ALPHAS:
            one, same = many.at(alpha), other.at(alpha)
            assert same.decision_function(X).tolist() == one.decision_function(X).tolist()
            assert (same.n_iter_, same.t_, same.n_active_) == (one.n_iter_, one.t_, one.n_active_)
        for name, column in many.history_.items():
            np.testing.assert_array_equal(other.history_[name], column)
    if not state:
        with pytest.raises(ValueError, match="without the state"):
            loaded.partial_fit(X, Y)
        return
    loaded.partial_fit(X, Y)
    many.partial_fit(X, Y)
    for alpha in ALPHAS:
        assert loaded.at(alpha).decision_function(X).tolist() == many.at(alpha).decision_function(X).tolist()


def test_parameters_are_kept_and_searched():
    model = SGDClassifier(alpha=ALPHAS, random_state=0, max_iter=3, tol=None)
    assert model.get_params()["alpha"] is ALPHAS
    assert clone(model).alpha == ALPHAS
    search = GridSearchCV(model, {"alpha": [[1.0, 2.0], ALPHAS]}, cv=2).fit(X, Y)
    assert search.best_params_["alpha"] == ALPHAS
    one, several = (SGDClassifier(alpha=alpha, random_state=0).fit(X, Y) for alpha in ([0.01], 0.01))
    assert_same(one, 0.01, several)
    assert one.history_["loss"].shape == (len(several.history_["loss"]), 1)
    assert one.alphas_.tolist() == [one.alpha_] == [0.01]
    assert not (hasattr(several, "alphas_") or hasattr(several, "alpha_"))
    assert_same(several, 0.01, one.at(0.01))
    given = SGDClassifier(alpha=np.array([0.1, 0.01]), random_state=0).partial_fit(X, Y, classes=[0, 1])
    given.set_params(alpha=[0.1, 0.01]).partial_fit(X, Y)
    with pytest.raises(ValueError, match=r"alpha: \(0\.01, 0\.1\) is not allowed in a fit that was begun with"):
        given.set_params(alpha=[0.01, 0.1]).partial_fit(X, Y)
    assert one.to_batch().alpha == 0.01


def test_warm_starts_start_every_alpha():
    first = SGDClassifier(alpha=ALPHAS, random_state=0, max_iter=3, tol=None, warm_start=True).fit(X, Y)
    start = first.sparse_coef_.copy(), first.intercept_.copy()
    many = first.fit(X, Y)
    for alpha in ALPHAS:
        one = SGDClassifier(alpha=alpha, random_state=0, max_iter=3, tol=None).fit(
            X, Y, coef_init=start[0], intercept_init=start[1]
        )
        assert many.at(alpha).decision_function(X).tolist() == one.decision_function(X).tolist()
    weighted = {"total_weight": 600.0, "random_state": 0}
    weight = np.full(300, 2.0)
    many = SGDClassifier(alpha=ALPHAS, **weighted).partial_fit(X, Y, classes=[0, 1], sample_weight=weight)
    for alpha in ALPHAS:
        one = SGDClassifier(alpha=alpha, **weighted).partial_fit(X, Y, classes=[0, 1], sample_weight=weight)
        assert_same(many, alpha, one)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": []}, r"alpha: shape \(0,\) is not allowed"),
        ({"alpha": [[0.1]]}, r"alpha\[0\]: \[0\.1\] is not allowed"),
        ({"alpha": [0.1, -1.0]}, r"alpha\[1\]: -1\.0 is outside"),
        ({"alpha": [0.1, np.nan]}, r"alpha\[1\]: nan is outside"),
        ({"alpha": [0.1, 0.2], "eta0": "auto"}, "alpha: 2 alphas are not allowed with eta0='auto'"),
        ({"alpha": [0.1, 0.2, 0.1]}, "alpha: 0.1 at position 2 follows 0.1 at position 0, expected each once"),
        ({"alpha": ["a"]}, "alpha"),
        ({"alpha": [0.1, 0.2], "algorithm": "adagrad"}, "alpha: 2 alphas are not allowed with algorithm='adagrad'"),
        ({"alpha": [0.1], "algorithm": "prox_sgd"}, "alpha: 1 alphas are not allowed with algorithm='prox_sgd'"),
        ({"alpha": [0.1, 0.2], "lock_free": True}, "lock_free: True is not allowed with several alphas"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        SGDClassifier(**settings).fit(X, Y)


def test_alphas_that_are_not_there_are_refused():
    many = SGDClassifier(alpha=ALPHAS, random_state=0).partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"alpha: 0\.5 is not allowed, expected one of 0\.001, 0\.03, 0\.0001"):
        many.at(0.5)
    with pytest.raises(ValueError, match=r"alpha: 0\.01 is not allowed, expected one of 0\.00999999977"):
        SGDClassifier(alpha=np.float32([1e-2]), random_state=0).partial_fit(X, Y, classes=[0, 1]).at(1e-2)
    with pytest.raises(ValueError, match="not fitted"):
        SGDClassifier(alpha=ALPHAS).at(1e-3)


@pytest.mark.parametrize("alphas", [[1e-3, "1e-4"], [True], [None], [[1e-3]], {1e-3}, (a for a in ALPHAS)])
def test_each_alpha_is_checked_as_one_alone_is(alphas):
    with pytest.raises(TypeError, match="alpha"):
        SGDClassifier(alpha=alphas).partial_fit(X, Y, classes=[0, 1])


def test_pictures():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    many = SGDClassifier(alpha=[1e-3, 0.0, 3e-2], random_state=0)
    many.fit_stream(BLOCKS, classes=[0, 1], validation=BLOCKS[0])
    ax = plot_alphas(many.history_, figure.add_subplot())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["progressive loss", "held-out loss"]
    line = ax.get_lines()[0]
    np.testing.assert_array_equal(line.get_ydata(), many.history_["progressive_loss"][-1][[1, 0, 2]])
    curves = plot_history({"stream": many.history_}, pytest.importorskip("matplotlib.figure").Figure().add_subplot())
    labels = [text.get_text() for text in curves.get_legend().get_texts()]
    assert labels == ["alpha = 0.001", "alpha = 0", "alpha = 0.03"]
    with pytest.raises(ValueError, match="expected that of a fit with alpha="):
        plot_alphas(many.at(0.0).history_)


@pytest.mark.parametrize("is_stream", [False, True])
def test_after_an_interruption_all_alphas_learn_again(monkeypatch, is_stream):
    """In the middle of passes some of which were over."""
    model = make("logistic", alpha=[1.0, 1e-1, 1e-3], tol=1e-3, max_iter=60, n_iter_no_change=1)
    end_lane = AlphaTraining.end_lane

    def interrupted(training, k):
        end_lane(training, k)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(AlphaTraining, "end_lane", interrupted)
        with pytest.raises(KeyboardInterrupt):
            if is_stream:
                model.set_params(early_stopping=True)
                model.fit_stream(BLOCKS, classes=[0, 1], n_passes=60, validation=BLOCKS[:1])
            else:
                model.fit(X, Y)
    learner = model.training_.learner
    assert learner.learning.size == 2
    before = learner.counters.ravel().copy()
    model.partial_fit(X, Y)
    assert (model.training_.learner.counters.ravel() - before).tolist() == [X.shape[0]] * 3
