"""Data and streams of the files in golden/frozen, and what one of them gives.

Data are whole numbers scaled by powers of two, so that they are the same everywhere.
"""

from __future__ import annotations

import math
import pickle
import shutil
import tempfile
from pathlib import Path

import numpy as np
from scipy import sparse

import sparsereg as sr

N_ROWS, N_COLUMNS, N_PREDICTED = 48, 20, 4
N_FEATURES = 10**12
PLACES = [[51.5, -0.1], [-33.9, 151.2], [90.0, -180.0], [0.0, 181.5]]
CLICKS = [["phone", "7", "north"], ["desk", "007", "south"], ["phone", "8", None], ["watch", "7", "north"]]


def numbers(count, seed):
    """Numbers in [-1, 1) with 23 bits that look like random ones (splitmix64)."""
    x = (np.arange(count, dtype=np.uint64) + np.uint64(1000 * seed + 1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (x >> np.uint64(40)) / 2.0**23 - 1.0


def make_data():
    """Rows of about six entries in a trillion columns, and targets of every kind."""
    values = numbers(N_ROWS * N_COLUMNS, 1).reshape(N_ROWS, N_COLUMNS)
    values[numbers(values.size, 2).reshape(values.shape) > -0.4] = 0.0
    rows, columns = np.nonzero(values)
    ids = np.arange(N_COLUMNS, dtype=np.int64) ** 2 * 2_500_000_003 + 5
    X = sparse.csr_array((values[rows, columns], (rows, ids[columns])), shape=(N_ROWS, N_FEATURES))
    signal = 4.0 * values[:, 0] - 3.0 * values[:, 1] + 2.0 * values[:, 2] + numbers(N_ROWS, 3)
    return X.tocsr(), {
        "numbers": signal,
        "counts": np.floor(np.maximum(signal + 4.0, 0.0)),
        "two": np.where(signal > 0.0, "yes", "no"),
        "three": np.array(["low", "middle", "high"])[(signal > -0.75).astype(int) + (signal > 0.75)],
    }


X, Y = make_data()
KINDS = {0: "numbers", 2: "two", 3: "three"}
WEIGHT = 1.0 + np.arange(N_ROWS) % 3
OFFSET = numbers(N_ROWS, 4)

# Of the versions that made the files.
FORMER_DEFAULTS = {"certify": True}

# The fits that are interrupted: to which target, and how `fit_stream` is called.
PASSES = {"n_passes": 3, "checkpoint_every": 1}
EARLY = {**PASSES, "n_passes": 40, "validation": slice(32, 48)}
CHECKPOINTS = {
    "stream_ftrl": (sr.SGDClassifier(alpha=0.02, dropout=0.1, random_state=2), "two", PASSES),
    "stream_softmax": (sr.SGDClassifier(penalty="scad", alpha=0.02, drop_stale=20, total_weight=9.0), "three", PASSES),
    "stream_prox_sgd": (sr.SGDRegressor(algorithm="prox_sgd", average=True, weight_decay=1e-3), "numbers", PASSES),
    "stream_adagrad": (sr.SGDRegressor("poisson", algorithm="adagrad", alpha=0.02), "counts", PASSES),
    "stream_early": (
        sr.SGDClassifier("squared_hinge", alpha=0.01, early_stopping=True, tol=0.01, n_iter_no_change=2),
        "three",
        EARLY,
    ),
}


class Stopped(Exception):
    """The process is killed here."""


class Blocks:
    """Blocks of eight rows, cut short in the given pass after the third."""

    def __init__(self, kind, stop_in=None):
        self.kind, self.stop_in, self.n_passes = kind, stop_in, 0

    def __iter__(self):
        self.n_passes += 1
        for start in range(0, N_ROWS, 8):
            if self.n_passes == self.stop_in and start == 24:
                raise Stopped
            yield X[start : start + 8], Y[self.kind][start : start + 8], WEIGHT[start : start + 8]


def stream(name, path, *, resume, stop_in=None):
    """Begin or resume the fit of a checkpoint."""
    model, kind, options = CHECKPOINTS[name]
    held = options.get("validation")
    options = {**options, "validation": None if held is None else (X[held], Y[kind][held])}
    classes = None if kind in ("numbers", "counts") else sorted(set(Y[kind]))
    return model.fit_stream(Blocks(kind, stop_in), classes=classes, checkpoint=path, resume=resume, **options)


def plain(value):
    """Turn arrays and matrices into what JSON holds."""
    if sparse.issparse(value):
        value = value.tocoo()
        return {"rows": plain(value.row), "ids": plain(value.col), "values": plain(value.data)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def check_same(found, expected, where, rel=1e-9, least=1e-12):
    """Compare what JSON holds; floats may differ by rounding, because exp and log are not the same everywhere."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for name, value in expected.items():
            check_same(found[name], value, f"{where}.{name}", rel, least)
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for number, value in enumerate(expected):
            check_same(found[number], value, f"{where}[{number}]", rel, least)
    elif isinstance(expected, float):
        both_unknown = math.isnan(expected) and math.isnan(found)
        assert both_unknown or math.isclose(found, expected, rel_tol=rel, abs_tol=least), where
    else:
        assert found == expected, where


def describe_model(model):
    """Coefficients, certificates and predictions of a fitted estimator."""
    names = (
        *("classes_", "sparse_coef_", "intercept_", "objective_", "dual_gap_", "violation_", "n_iter_", "n_active_"),
        *("alpha_", "l1_ratio_", "alphas_", "t_"),
    )
    out = {name: getattr(model, name) for name in names if hasattr(model, name)}
    defaults = type(model)().get_params()
    given = {
        name: repr(value) for name, value in model.get_params().items()
        if repr(value) not in (repr(defaults[name]), repr(FORMER_DEFAULTS.get(name, defaults[name])))
    }
    out |= {"class": type(model).__name__, "params": given}
    for method in ("decision_function", "predict_proba", "predict"):
        if hasattr(model, method):
            out[method] = getattr(model, method)(X[:N_PREDICTED], offset=0.0)
    if hasattr(model, "cv_results_"):
        out["scores"] = {name: column for name, column in model.cv_results_.items() if name.startswith("mean_")}
    if hasattr(model, "history_"):
        # Time and memory are those of the version.
        out["history_"] = {name: column for name, column in model.history_.items() if name not in ("seconds", "nbytes")}
    return out


def describe_path(path):
    """Coefficients, certificates and predictions of a path."""
    names = (
        *("alphas", "coefs", "intercepts", "dual_gaps", "violations", "n_iters", "objectives", "df", "dev_ratio"),
        *("deviances", "n_samples", "n_features", "total_weight", "classes", "certificate"),
    )
    out = {name: getattr(path, name) for name in names}
    between = float(path.alphas[1] + path.alphas[2]) / 2.0
    return out | {
        "repr": repr(path),
        "predict": path.predict(X[:N_PREDICTED]),
        "between": path.decision_function(X[:N_PREDICTED], between),
        "bic": path.criterion("bic"),
    }


def describe_cross(cross):
    """Blocks, names and columns of a transformer."""
    columns = cross.transform(PLACES if isinstance(cross, sr.LatLongCross) else CLICKS)
    out = {"class": type(cross).__name__, "blocks": [tuple(block) for block in cross.blocks_], "columns": columns}
    if getattr(cross, "hashed", None) is None:
        out["names"] = [cross.feature_name(columns.indices)[0], cross.feature_name(columns.indices)[-1]]
    return out


def describe(path):
    """What a file gives.

    Parameters
    ----------
    path : Path
        A pickle, or a checkpoint, which is copied before its fit is resumed.

    Returns
    -------
    facts : dict
        As JSON can hold them. A streaming fit is told twice, the second time after it has learned from more rows.
    """
    name = path.stem
    if path.suffix == ".npz":
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            shutil.copyfile(path, copy)
            return plain(describe_model(stream(name, copy, resume=True)))
    made = pickle.loads(path.read_bytes())
    if name == "crosses":
        return plain({"crosses": [describe_cross(cross) for cross in made]})
    if name == "records":
        return {"records": [repr(record) for record in made]}
    if isinstance(made, sr.RegularizationPath):
        return plain(describe_path(made))
    out = plain(describe_model(made))
    if hasattr(made, "partial_fit"):
        rest, kind = slice(N_ROWS // 2, N_ROWS), KINDS[len(getattr(made, "classes_", ()))]
        further = describe_model(made.partial_fit(X[rest], Y[kind][rest]))
        out["further"] = plain({name: further[name] for name in ("sparse_coef_", "intercept_", "t_", "predict")})
    return out
