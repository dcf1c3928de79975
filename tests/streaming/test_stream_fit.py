"""Fits to streams: passes, validation, history, checkpoints, what is told on the way."""

import itertools
import logging
import signal
import subprocess
import sys
import types

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sparsereg import SGDClassifier, SGDRegressor
from sparsereg.readers.blocks import Block

RNG = np.random.default_rng(0)
X = sparse.random_array((600, 50), density=0.1, format="csr", rng=RNG)
SIGNAL = X @ (3.0 * RNG.standard_normal(50))
Y = (SIGNAL + RNG.logistic(size=600) > 0.0).astype(int)
WEIGHT = RNG.random(600) + 0.5
CURVE = ("n_rows", "weight", "loss", "progressive_loss", "n_nonzero", "n_touched", "nbytes")


def blocks(size=70, stop=600):
    """Cut the rows into blocks, in turn of every form there is."""
    forms = itertools.cycle([tuple, lambda parts: Block(*parts)])
    return [
        form([X[a : min(a + size, stop)], Y[a : min(a + size, stop)], WEIGHT[a : min(a + size, stop)]])
        for form, a in zip(forms, range(0, stop, size), strict=False)
    ]


def make(**settings):
    return SGDClassifier(**{"alpha": 0.01, "random_state": 0, **settings})


def state(model):
    """Return what the fit is, as bytes."""
    learned = model.training_.learner.state()
    return b"".join(array.tobytes() for array in learned.values())


def whole(**settings):
    return make(**settings).partial_fit(X, Y, classes=[0, 1], sample_weight=WEIGHT)


def stop_after(n, items, error=KeyboardInterrupt):
    """Iterate over some items, then raise."""
    yield from items[:n]
    raise error


@pytest.mark.parametrize("algorithm", ["ftrl", "prox_sgd", "adagrad"])
@pytest.mark.parametrize("size", [1, 70, 600])
def test_a_stream_is_its_parts(algorithm, size):
    model = make(algorithm=algorithm, dropout=0.2).fit_stream(blocks(size), classes=[0, 1])
    assert state(model) == state(whole(algorithm=algorithm, dropout=0.2))
    assert (model.n_iter_, model.t_, model.n_features_in_) == (1, 601, 50)
    assert list(model.classes_) == [0, 1]


def test_passes():
    model = make().fit_stream(blocks(), classes=[0, 1], n_passes=3)
    again = whole()
    for _ in range(2):
        again.partial_fit(X, Y, sample_weight=WEIGHT)
    assert state(model) == state(again)
    assert model.n_iter_ == 3
    assert list(model.history_["n_rows"]) == [600, 1200, 1800]
    assert make().fit_stream(iter(blocks()), classes=[0, 1]).t_ == 601
    with pytest.raises(ValueError, match="2 is not allowed with a source that can be iterated over only once"):
        make().fit_stream(iter(blocks()), classes=[0, 1], n_passes=2)


def test_a_stream_begins_anew_unless_it_is_told_to_start_warm():
    model = whole()
    assert state(model.fit_stream(blocks(), classes=[0, 1])) == state(whole())
    warm = model.set_params(warm_start=True).fit_stream(blocks(), classes=[0, 1])
    assert warm.history_["progressive_loss"][-1] < whole().history_["progressive_loss"][-1]


def test_validation():
    held = (X[500:], Y[500:], WEIGHT[500:])
    model = make().fit_stream(blocks(stop=500), classes=[0, 1], n_passes=2, validation=held)
    t = model.decision_function(X[500:])
    loss = np.average(np.logaddexp(0.0, t) - Y[500:] * t, weights=WEIGHT[500:])
    assert model.history_["validation_loss"][-1] == pytest.approx(loss, rel=1e-12)
    same = make().fit_stream(blocks(stop=500), classes=[0, 1], n_passes=2, validation=Block(*held))
    np.testing.assert_array_equal(same.history_["validation_loss"], model.history_["validation_loss"])
    with pytest.raises(ValueError, match="validation has 40 features, but the stream is expecting 50"):
        make().fit_stream(blocks(), classes=[0, 1], validation=(X[:, :40], Y))
    with pytest.raises(TypeError, match="validation: int is not allowed, expected a Block"):
        make().fit_stream(blocks(), classes=[0, 1], validation=3)


def test_early_stopping_goes_by_validation():
    held, settings = (X[500:], Y[500:]), {"alpha": 0.0, "eta0": 3.0, "early_stopping": True, "tol": 0.0}
    model = make(**settings, n_iter_no_change=2)
    model.fit_stream(blocks(stop=500), classes=[0, 1], n_passes=50, validation=held)
    losses = model.history_["validation_loss"]
    best = int(np.argmin(losses))
    assert model.n_iter_ == len(losses) == best + 3
    alone = make(**settings).fit_stream(blocks(stop=500), classes=[0, 1], n_passes=best + 1, validation=held)
    assert state(model) == state(alone)
    with pytest.raises(ValueError, match="early_stopping: True is not allowed without validation"):
        make(**settings).fit_stream(blocks(), classes=[0, 1])


def test_history_of_a_long_stream():
    n, rng = 1 << 16, np.random.default_rng(0)
    rows = sparse.csr_array((np.ones(n), rng.integers(0, 1000, n), np.arange(n + 1)), shape=(n, 1000))
    y = rng.standard_normal(n)
    model = SGDRegressor().fit_stream([(rows, y)] * 3)
    assert list(model.history_["n_rows"]) == [n, 2 * n, 3 * n, 3 * n]
    assert list(model.history_["n_touched"]) == [1000] * 4


@pytest.mark.parametrize(("broken", "message"), [
    ((X, Y[1:]), "length 599 does not match the 600 rows"),
    ((X, Y + 1), "2 in row .* is not among the classes"),
    ("neither", "is a str, expected a Block"),
    ((X,), "is a tuple of length 1"),
])
def test_a_refused_block_is_not_learned_from(broken, message):
    model = make()
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit_stream([(X, Y, WEIGHT), broken], classes=[0, 1])
    assert state(model) == state(whole())
    # The first block: the last fit stays.
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit_stream([broken], classes=[0, 1])
    assert state(model) == state(whole())


def test_a_block_of_other_columns_is_not_learned_from():
    model = make()
    with pytest.raises(ValueError, match="X has 40 features, but SGDClassifier is expecting 50"):
        model.fit_stream([(X, Y, WEIGHT), (X[:, :40], Y)], classes=[0, 1])
    assert state(model) == state(whole())
    frame = pd.DataFrame(X.toarray(), columns=[f"x{j}" for j in range(50)])
    with pytest.raises(ValueError, match="feature names should match"):
        model.fit_stream([(frame, Y, WEIGHT), (frame[frame.columns[::-1]], Y)], classes=[0, 1])
    assert state(model) == state(whole())
    assert list(model.feature_names_in_) == list(frame.columns)


@pytest.mark.parametrize("algorithm", ["ftrl", "prox_sgd", "adagrad"])
def test_blocks_that_teach_nothing_are_passed_over(algorithm):
    """Of weight 0 or without rows, wherever they come: a row is a row to dropout, and nothing else counts."""
    settings = {"algorithm": algorithm, "dropout": 0.2, "drop_stale": 100}
    silent = WEIGHT.copy()
    silent[:140], silent[350:420] = 0.0, 0.0
    expected = make(**settings).partial_fit(X, Y, classes=[0, 1], sample_weight=silent)
    some = [(X[a : a + 70], Y[a : a + 70], silent[a : a + 70]) for a in range(0, 600, 70)]
    nothing = [(X[:0], Y[:0]), (X[:0].toarray(), [], []), Block(pd.DataFrame(X[:0].toarray()), np.empty(0))]
    model = make(**settings).fit_stream([*nothing, *some[:3], *nothing, *some[3:], *nothing], classes=[0, 1])
    assert state(model) == state(expected)
    in_parts = make(**settings)
    for block in (*nothing[:2], *some):
        in_parts.partial_fit(block[0], block[1], [0, 1], *block[2:])
    assert state(in_parts) == state(expected)
    assert model.t_ == in_parts.t_ == 601
    # Rows of weight 0 may hold any target that rows beside others may.
    zeros = make(**settings).partial_fit(X, np.full(600, 7), classes=[0, 1], sample_weight=0.0)
    assert not zeros.coef_.any()
    numbers = SGDRegressor().fit_stream([(X[:0], []), (X, Y, np.zeros(600)), (X, SIGNAL)])
    np.testing.assert_array_equal(numbers.coef_, SGDRegressor().partial_fit(X, SIGNAL).coef_)


def test_a_stream_that_teaches_nothing_at_all():
    model = make().fit_stream([(X[:0], Y[:0]), (X, Y, np.zeros(600))], classes=[0, 1])
    assert not model.coef_.any()
    assert (model.t_, model.n_active_) == (601, 0)
    with pytest.raises(ValueError, match="validation: no row of it has a weight"):
        make().fit_stream(blocks(), classes=[0, 1], validation=(X, Y, np.zeros(600)))
    with pytest.raises(ValueError, match="sample_weight: all 600 weights are zero"):
        make().fit(X, Y, np.zeros(600))
    with pytest.raises(ValueError, match="sample_weight: all 600 weights are zero"):
        SGDRegressor().fit(X, Y, np.zeros(600))
    with pytest.raises(ValueError, match=r"sample_weight: length 600 does not match the 0 rows"):
        make().partial_fit(X[:0], [], [0, 1], np.zeros(600))


@pytest.mark.parametrize(("broken", "message"), [
    ((X, Y[1:]), "y: length 599"),
    ((X, Y, -WEIGHT), "sample_weight: -"),
    ((X[:, :40], Y), "X has 40 features"),
    ((X[:0, :40], []), "X has 40 features"),
    ((X * np.nan, Y), "Input X contains NaN"),
    ((X, np.array([object()] * 600)), "y: "),
    (("text", Y), ""),
])
def test_errors_name_the_block(broken, message):
    source = [(X[:50], Y[:50]), (X[50:], Y[50:]), broken]
    for some, position in ((source, 2), ([*source[:2], *source[:2], broken], 4)):
        with pytest.raises((ValueError, TypeError), match=rf"^source: block {position} \(the first is 0\): {message}"):
            make().fit_stream(some, classes=[0, 1])


def test_streams_that_are_none():
    for source, message in (([], "there is no block in it"), (iter(()), "there is no block in it")):
        with pytest.raises(ValueError, match=message):
            make().fit_stream(source, classes=[0, 1])
    with pytest.raises(TypeError, match="source: int is not allowed"):
        make().fit_stream(3, classes=[0, 1])
    with pytest.raises(ValueError, match="classes: None is not allowed with a stream"):
        make().fit_stream(blocks())
    for name, value in (("n_passes", 0), ("checkpoint_every", 0), ("progress", "often")):
        with pytest.raises(ValueError, match=name):
            make().fit_stream(blocks(), classes=[0, 1], **{name: value})
    with pytest.raises(ValueError, match="resume: True is not allowed without checkpoint"):
        make().fit_stream(blocks(), classes=[0, 1], resume=True)


def test_a_later_pass_without_blocks():
    """A source that says nothing of being over once and for all; what was learned stays."""

    class Once:
        def __init__(self):
            self.blocks = iter(blocks())

        def __iter__(self):
            return self.blocks

    model = make()
    with pytest.raises(ValueError, match=r"^source: there is no block in it in pass 2, expected those of the first"):
        model.fit_stream(Once(), classes=[0, 1], n_passes=3)
    assert state(model) == state(whole())


def test_an_interrupted_stream_leaves_a_model():
    model = make()
    with pytest.raises(KeyboardInterrupt):
        model.fit_stream(stop_after(3, blocks()), classes=[0, 1])
    part = make().partial_fit(X[:210], Y[:210], classes=[0, 1], sample_weight=WEIGHT[:210])
    assert state(model) == state(part)
    np.testing.assert_array_equal(model.predict(X), part.predict(X))


# Checkpoints.


@pytest.mark.parametrize("settings", [
    {}, {"algorithm": "prox_sgd", "average": True}, {"algorithm": "adagrad"}, {"dropout": 0.3}, {"min_count": 2},
    {"drop_stale": 100},
])
@pytest.mark.parametrize("n_read", [1, 4, 9, 12, 17])
def test_resumed_is_uninterrupted(tmp_path, settings, n_read):
    path, arguments = tmp_path / "state", {"classes": [0, 1], "n_passes": 2, "checkpoint_every": 150}
    expected = make(**settings).fit_stream(blocks(), **arguments)

    class Source:
        def __init__(self):
            self.n_left = n_read

        def __iter__(self):
            for block in blocks():
                self.n_left -= 1
                if self.n_left < 0:
                    raise KeyboardInterrupt
                yield block

    with pytest.raises(KeyboardInterrupt):
        make(**settings).fit_stream(Source(), checkpoint=path, **arguments)
    assert path.exists() == (n_read >= 3)
    # The seed of the dropout is that of the checkpoint.
    resumed = make(**settings, **({"random_state": None} if path.exists() else {}))
    resumed.fit_stream(blocks(), checkpoint=path, resume=True, **arguments)
    assert state(resumed) == state(expected)
    assert resumed.n_iter_ == 2
    for name in CURVE:
        np.testing.assert_allclose(resumed.history_[name], expected.history_[name], rtol=1e-9, err_msg=name)


KILLED = """
import os, signal, sys
import numpy as np
from sparsereg import SGDClassifier

def blocks():
    rng = np.random.default_rng(0)
    for k in range(40):
        if k == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        X = (rng.random((50, 30)) < 0.2).astype(float)
        yield X, (X[:, 0] + rng.random(50) > 0.8).astype(int)

model = SGDClassifier(alpha=0.01, dropout=0.1, random_state=0)
model.fit_stream(blocks(), classes=[0, 1], checkpoint=sys.argv[1], checkpoint_every=200, resume=True)
sys.stdout.write(model.coef_.tobytes().hex() + model.intercept_.tobytes().hex())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal here")
def test_killed_is_resumed(tmp_path):
    def run(name, block):
        command = [sys.executable, "-c", KILLED, str(tmp_path / name), str(block)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    expected = run("whole", 99)
    assert expected.returncode == 0, expected.stderr
    for block in (3, 17, 33):
        assert run("killed", block).returncode == -signal.SIGKILL
    assert run("killed", 99).stdout == expected.stdout


def test_resuming_takes_other_blocks(tmp_path):
    path, arguments = tmp_path / "state", {"classes": [0, 1], "checkpoint_every": 100}
    with pytest.raises(KeyboardInterrupt):
        make().fit_stream(stop_after(5, blocks()), checkpoint=path, **arguments)
    resumed = make(alpha=np.float64(0.01)).fit_stream(blocks(33), checkpoint=path, resume=True, **arguments)
    assert state(resumed) == state(whole())
    # A stream that is over has nothing more to give.
    done = make().fit_stream(blocks(), checkpoint=path, resume=True, **arguments)
    assert state(done) == state(whole())


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    path = tmp_path / "state"
    arguments = {"classes": [0, 1], "checkpoint_every": 100, "checkpoint": str(path)}
    with pytest.raises(KeyboardInterrupt):
        make().fit_stream(stop_after(5, blocks()), **arguments)
    for model, classes, message in (
        (make(alpha=0.5), [0, 1], "was made with alpha=0.01, expected 0.5"),
        (make(), [0, 1, 2], r"was made with classes=\[0, 1\], expected \[0, 1, 2\]"),
        (SGDRegressor(alpha=0.01), None, "was made with "),
        (make(label_smoothing=0.1), [0, 1], r"was made with label_smoothing=0\.0, expected 0\.1"),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit_stream(blocks(), **{**arguments, "classes": classes, "resume": True})
    with pytest.raises(ValueError, match="it ends after 100 rows, but the checkpoint had learned from 280"):
        make().fit_stream([(X[:100], Y[:100])], **arguments, resume=True)
    with pytest.raises(ValueError, match="source has 40 features, but the checkpoint is expecting 50"):
        make().fit_stream([(X[:, :40], Y)], **arguments, resume=True)
    assert path.exists()


def test_early_stopping_is_resumed(tmp_path):
    path, held = tmp_path / "state", (X[500:], Y[500:])
    settings = {"alpha": 0.0, "eta0": 3.0, "early_stopping": True, "tol": 0.0, "n_iter_no_change": 3}
    arguments = {"classes": [0, 1], "n_passes": 50, "validation": held}
    expected = make(**settings).fit_stream(blocks(stop=500), **arguments)
    n_best = int(np.argmin(expected.history_["validation_loss"])) + 1

    class Source:
        n_passes = 0

        def __iter__(self):
            self.n_passes += 1
            if self.n_passes > n_best + 1:
                raise KeyboardInterrupt
            return iter(blocks(stop=500))

    with pytest.raises(KeyboardInterrupt):
        make(**settings).fit_stream(Source(), checkpoint=path, **arguments)
    resumed = make(**settings).fit_stream(blocks(stop=500), checkpoint=path, resume=True, **arguments)
    assert state(resumed) == state(expected)
    assert resumed.n_iter_ == expected.n_iter_


# Progress.


MADE = []


class Bar:
    """What is called of tqdm."""

    def __init__(self, **settings):
        self.n, self.words, self.closed = 0, "", False
        MADE.append(self)

    def update(self, n):
        self.n += n

    def set_postfix_str(self, words):
        self.words = words

    def close(self):
        self.closed = True


def test_a_bar_on_a_terminal(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    MADE.clear()
    make().fit_stream(blocks(), classes=[0, 1])
    assert not MADE
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    make().fit_stream(blocks(), classes=[0, 1])
    make().fit_stream(blocks(), classes=[0, 1], progress=False)
    assert [(bar.n, bar.closed) for bar in MADE] == [(600, True)]
    assert "non-zeros" in MADE[0].words
    with pytest.raises(KeyboardInterrupt):
        make().fit_stream(stop_after(2, blocks()), classes=[0, 1])
    assert [(bar.n, bar.closed) for bar in MADE[1:]] == [(140, True)]


def test_lines_elsewhere(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with caplog.at_level(logging.INFO, logger="sparsereg"):
        make().fit_stream(blocks(), classes=[0, 1])
        make(verbose=1).fit_stream(blocks(), classes=[0, 1], progress=False)
        assert not caplog.messages
        make(verbose=1).fit_stream(blocks(), classes=[0, 1])
        make().fit_stream(blocks(), classes=[0, 1], progress=True)
        assert len(caplog.messages) == 2
        make().set_params(max_iter=3, tol=None).fit(X, Y)
        assert len(caplog.messages) == 2
        make(verbose=1).set_params(max_iter=3, tol=None).fit(X, Y)
    assert len(caplog.messages) == 5
    for words in ("rows 600", "rows/s", "progressive", "non-zeros", "MB"):
        assert words in caplog.messages[0]


def test_held_out_rows_have_the_columns_of_the_stream():
    """In another order they would tell nothing, and end a fit by it."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
    y = frame.to_numpy() @ [3.0, -1.0, 0.0]
    settings = {"progress": False, "validation": (frame[["b", "a", "c"]][:20], y[:20])}
    model = SGDRegressor(random_state=0)
    with pytest.raises(ValueError, match=r"^validation: The feature names should match"):
        model.fit_stream([(frame[20:], y[20:])], **settings)
    assert not model.__sklearn_is_fitted__()
    settings["validation"] = (frame[:20], y[:20])
    assert np.isfinite(model.fit_stream([(frame[20:], y[20:])], **settings).history_["validation_loss"]).all()
