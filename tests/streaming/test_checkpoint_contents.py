"""Checkpoints that are sealed but wrong: whoever can write the file can seal it again."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from sparsereg import SGDClassifier, SGDRegressor
from sparsereg.archive import load_archive, save_archive
from sparsereg.streaming.checkpoint import FORMAT

RNG = np.random.default_rng(0)
X = sparse.random_array((200, 1000), density=0.02, format="csr", rng=RNG)
Y = RNG.integers(0, 2, 200)
SETTINGS = {
    "ftrl": {}, "adagrad": {"algorithm": "adagrad"}, "prox_sgd": {"algorithm": "prox_sgd"},
    "averaged": {"algorithm": "prox_sgd", "average": True}, "stopping": {"early_stopping": True, "tol": 0.0},
}


def blocks(stop=None):
    for number in range(10):
        if number == stop:
            raise KeyboardInterrupt
        yield X[20 * number : 20 * number + 20], Y[20 * number : 20 * number + 20]


class Source:
    """Two passes of ten blocks, less one."""

    def __init__(self):
        self.n_passes = 0

    def __iter__(self):
        self.n_passes += 1
        return blocks(9 if self.n_passes == 2 else None)


def fit(path, name, source, **more):
    held = {"validation": (X[:50], Y[:50])} if name == "stopping" else {}
    model = SGDClassifier(alpha=1e-3, random_state=0, **SETTINGS[name])
    return model.fit_stream(
        source, classes=[0, 1], n_passes=2, checkpoint=path, checkpoint_every=60, **held, **more
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("saved"), {}
    for name in SETTINGS:
        with pytest.raises(KeyboardInterrupt):
            fit(folder / name, name, Source())
        found[name] = load_archive(folder / name, FORMAT)
    return found


def of_meta(**changed):
    def change(arrays, meta):
        meta.update(changed)

    return change


def without(*names):
    def change(arrays, meta):
        for name in names:
            (meta if name in meta else arrays).pop(name)

    return change


def of_array(name, where, value):
    def change(arrays, meta):
        arrays[name] = arrays[name].copy()
        arrays[name][where] = value

    return change


def replaced(name, make):
    def change(arrays, meta):
        arrays[name] = make(arrays[name])

    return change


NAN, MINUS, INF, MILLION, HALF = np.nan, -1.0, np.inf, 1e6, 0.5
NAN32 = np.array([np.nan, 1.0], dtype=np.float32).view(np.float64)[0]
MINUS32 = np.array([1.0, -1.0], dtype=np.float32).view(np.float64)[0]
WRONG = [
    ("ftrl", of_array("now.ids", 0, 10**15), "now.ids: id 1000000000000000 at position 0 is outside"),
    ("ftrl", of_array("now.ids", 2, 2**63 - 1), "now.ids: id 9223372036854775807 at position 2 is outside"),
    ("ftrl", of_array("now.ids", 2, -1), "now.ids: id -1 at position 2 is outside"),
    ("ftrl", replaced("now.ids", lambda old: old[[1, *range(1, old.size)]]), "is there twice"),
    ("ftrl", replaced("now.ids", lambda old: old[:-1].copy()), "now.states: float64 of shape"),
    ("ftrl", replaced("now.ids", lambda old: old.astype(np.int32)), "now.ids: int32 of shape"),
    ("ftrl", replaced("now.states", lambda old: old[:, :0].copy()), "now.states: float64 of shape"),
    ("ftrl", replaced("now.states", lambda old: np.array(3)), "now.states: int64 of shape"),
    ("ftrl", replaced("now.touched", lambda old: np.ones(3, dtype=np.uint8)), "'touched' has shape"),
    ("ftrl", of_array("now.states", (0, 0), NAN32), "now.states: nan at position 0"),
    ("ftrl", of_array("now.states", (1, 0), MINUS32), "now.states: -1.0 at position 1"),
    ("adagrad", of_array("now.states", (0, 0), NAN), "now.states: nan"),
    ("adagrad", of_array("now.states", (0, 1), MILLION), "now.states: 1e[+]06 is a time after the clock's"),
    ("adagrad", of_array("now.states", (0, 1), MINUS), "now.states: -1.0"),
    ("adagrad", of_array("now.states", (0, 2), MINUS), "now.states: -1.0"),
    ("prox_sgd", of_array("now.states", (0, 0), INF), "now.states: inf"),
    ("prox_sgd", of_array("now.clock", 1, 0.0), "now.clock: the scale 0 is not allowed"),
    ("averaged", of_array("now.states", (0, 2), MILLION), "now.states: row 1e[+]06 of the past"),
    ("averaged", of_array("now.states", (0, 2), HALF), "now.states: row .* of the past"),
    ("averaged", of_array("now.states", (0, 2), MINUS), "now.states: -1.0"),
    ("averaged", replaced("now.clock", lambda old: old[:-1].copy()), "of the past is not allowed|clock: "),
    ("averaged", replaced("now.clock", lambda old: old[None]), "now.clock: float64 of shape"),
    ("ftrl", of_array("now.clock", 1, 0.5), "now.clock: 0.5 rows are not allowed"),
    ("ftrl", of_array("now.clock", 1, 1e300), "now.clock: 1e[+]300 rows are not allowed"),
    ("ftrl", of_array("now.clock", 0, np.nan), "now.clock: nan"),
    ("ftrl", of_array("now.intercept", (0, 0), np.inf), "now.intercept: inf"),
    ("ftrl", of_array("now.totals", 0, -1.0), "now.totals: -1.0"),
    ("ftrl", of_array("now.n_rows", 0, -5), "-5 rows are not allowed"),
    ("ftrl", of_array("now.n_rows", 0, 2**63 - 1), "now.n_rows: 9223372036854775807 is not allowed"),
    ("ftrl", of_array("now.n_rows", 0, 7), "n_rows: 180 of pass 1 .* is not allowed after 7 rows"),
    ("ftrl", without("now.totals"), "'totals' is missing"),
    ("ftrl", replaced("now.totals", lambda old: old.astype(np.float32)), "has shape .* float32"),
    ("ftrl", lambda arrays, meta: arrays.update({"now.more": np.zeros(1)}), "'more' is not allowed"),
    ("ftrl", lambda arrays, meta: arrays.update({"then.more": np.zeros(1)}), "'then.more' is not allowed"),
    ("ftrl", without("history.n_rows"), "'n_rows' is missing"),
    ("ftrl", replaced("history.loss", lambda old: old[:-1].copy()), "loss: float64 of shape"),
    ("ftrl", replaced("history.weight", lambda old: np.full_like(old, np.nan)), "weight: nan"),
    ("ftrl", replaced("history.n_rows", lambda old: old.astype(np.float64)), "n_rows: float64 of shape"),
    ("stopping", of_array("best.ids", 0, 10**15), "best.ids: id"),
    ("stopping", without("best.totals"), "'totals' is missing"),
    ("stopping", of_meta(patience=None), "patience: "),
    ("stopping", of_meta(patience=[float("nan"), 1]), "patience: nan"),
    ("stopping", of_meta(patience=[0.5, -1]), "patience: -1"),
    ("stopping", of_meta(patience=3), "patience: 3"),
    ("ftrl", of_meta(seed=-1), "seed: -1 is not allowed, expected a whole number"),
    ("ftrl", of_meta(seed=2**63), "seed: 9223372036854775808 is not allowed"),
    ("ftrl", of_meta(seed=1.0), "seed: 1.0 is not allowed"),
    ("ftrl", of_meta(seed="1"), "seed: '1' is not allowed"),
    ("ftrl", of_meta(seed=True), "seed: True is not allowed"),
    ("ftrl", of_meta(seed=10**4000), r"seed: a whole number of 13288 bits is not allowed"),
    ("ftrl", of_meta(n_rows=1.5), "n_rows: 1.5 is not allowed"),
    ("ftrl", of_meta(n_rows=-3), "n_rows: -3 is not allowed"),
    ("ftrl", of_meta(n_passes=0), "n_rows: 180 of pass 0"),
    ("ftrl", of_meta(n_passes=None), "n_passes: None is not allowed"),
    ("ftrl", of_meta(n_features=0), "n_features: 0 is not allowed"),
    ("ftrl", of_meta(n_entries=-1), "n_entries: -1"),
    ("ftrl", of_meta(seconds=float("inf")), "seconds: inf"),
    ("ftrl", of_meta(seconds="1"), "seconds: '1'"),
    ("ftrl", of_meta(is_over=1), "is_over: 1 is not allowed"),
    ("ftrl", of_meta(weights_seen=[1.5, 1.0]), "weights_seen: "),
    ("ftrl", of_meta(weights_seen=[1e9, 1.0]), "weights_seen: 1e[+]09 rows"),
    ("ftrl", of_meta(weights_seen=[5.0, 0.0]), "weights_seen: "),
    ("ftrl", of_meta(weights_seen=5.0), "weights_seen: "),
    ("ftrl", of_meta(weights_seen=[float("nan"), 1.0]), "weights_seen: nan"),
    *(
        ("ftrl", without(name), f"'?{name}'?.*(missing|not allowed)")
        for name in ("n_features", "seed", "n_rows", "n_passes", "n_entries", "seconds", "is_over", "weights_seen")
    ),
]


@pytest.mark.parametrize(("name", "change", "message"), WRONG)
def test_what_the_run_relies_on_is_checked(tmp_path, saved, name, change, message):
    path = tmp_path / "state.npz"
    arrays, meta = ({**part} for part in saved[name])
    change(arrays, meta)
    save_archive(path, arrays, meta, FORMAT)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"path: '{re.escape(str(path))}' .*({message})"):
        fit(path, name, list(blocks()), resume=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", SETTINGS)
def test_what_was_saved_is_gone_on_from(tmp_path, saved, name):
    path = tmp_path / "state.npz"
    save_archive(path, *saved[name], FORMAT)
    expected = fit(tmp_path / "other", name, list(blocks()))
    np.testing.assert_array_equal(fit(path, name, list(blocks()), resume=True).coef_, expected.coef_)


def test_the_unit_of_weights_is_saved(tmp_path):
    """Whatever the weights, and wherever it was interrupted."""
    weight, path = 1e6 * (0.5 + RNG.random(200)), tmp_path / "state"
    whole = [(X[a : a + 20], Y[a : a + 20], weight[a : a + 20]) for a in range(0, 200, 20)]

    def some():
        yield from whole[:4]
        raise KeyboardInterrupt

    def learn(source, **more):
        return SGDRegressor(algorithm="prox_sgd").fit_stream(source, checkpoint=path, checkpoint_every=40, **more)

    with pytest.raises(KeyboardInterrupt):
        learn(some())
    resumed = learn(whole, resume=True)
    path.unlink()
    np.testing.assert_array_equal(resumed.coef_, learn(whole).coef_)


def test_mutations_never_end_the_process(tmp_path):
    script = Path(__file__).parents[1] / "support" / "mutated_checkpoints.py"
    done = subprocess.run([sys.executable, script, tmp_path, "0", "300"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    refused, resumed = map(int, done.stdout.split())
    assert refused > 150
    assert resumed > 20
