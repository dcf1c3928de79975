"""Pickles and checkpoints as sparsereg 0.1.0 wrote them, and what each must give in any later version.

python make_frozen.py FOLDER        writes them with the version that is installed, and FOLDER/expected.json

Those in golden/frozen are of sparsereg 0.1.0 as it was before its modules moved.

`frozen.describe` says what a file gives today; expected.json has the same for the day it was written, every float with
all its digits. What passes through the exponential may differ by a few last digits on another machine.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

from frozen import CHECKPOINTS, CLICKS, N_ROWS, OFFSET, PLACES, WEIGHT, Stopped, X, Y, describe, stream

import sparsereg as sr

GRID = {"n_alphas": 6, "eps": 0.03}
FOLDS = {**GRID, "cv": 3}

# What is fitted, to which target, and with what besides.
BATCH = {
    "lasso": (sr.Lasso(0.05), "numbers", {"sample_weight": WEIGHT}),
    "elastic_net": (sr.ElasticNet(0.05, standardize=True, bounds=(-1.0, None)), "numbers", {}),
    "ridge": (sr.Ridge(0.05), "numbers", {}),
    "huber": (sr.HuberRegressor(0.05, delta=0.5), "numbers", {}),
    "poisson": (sr.PoissonRegressor(0.02), "counts", {"offset": OFFSET}),
    "logistic_two": (sr.LogisticRegression(0.02, class_weight="balanced"), "two", {}),
    "logistic_three": (sr.LogisticRegression(0.01, l1_ratio=0.9), "three", {}),
    "linear_svc": (sr.LinearSVC(0.02), "three", {}),
    "lasso_cv": (sr.LassoCV(rule="1se", **FOLDS), "numbers", {}),
    "elastic_net_cv": (sr.ElasticNetCV(l1_ratio=[0.5, 1.0], **FOLDS), "numbers", {}),
    "ridge_cv": (sr.RidgeCV(alphas=[1.0, 0.1, 0.01, 1e-4], cv=3), "numbers", {}),
    "logistic_cv": (sr.LogisticRegressionCV(scoring=["log_loss", "auc"], **FOLDS), "two", {}),
    "poisson_cv": (sr.PoissonRegressorCV(**FOLDS), "counts", {}),
}
STREAMING = {
    "sgd_fit": (sr.SGDClassifier(alpha=0.02, max_iter=3, tol=None, random_state=0), "two", "fit"),
    "sgd_partial": (sr.SGDClassifier(algorithm="adagrad", alpha=0.03, weight_decay=1e-3), "two", "partial_fit"),
    "sgd_three": (
        sr.SGDClassifier(alpha=0.01, label_smoothing=0.1, dropout=0.2, random_state=1),
        "three",
        "partial_fit",
    ),
    "sgd_numbers_partial": (
        sr.SGDRegressor("huber", penalty="mcp", alpha=0.1, drop_stale=30),
        "numbers",
        "partial_fit",
    ),
    "sgd_numbers_stream": (sr.SGDRegressor(algorithm="prox_sgd", average=8), "numbers", "fit_stream"),
}
PATHS = {
    "path_squared": (sr.enet_path, "numbers", {}),
    "path_two": (sr.logistic_path, "two", {"penalty": "mcp"}),
    "path_three": (sr.logistic_path, "three", {}),
    "path_relaxed": (sr.lasso_path, "numbers", {"relax": True}),
}


def fit_streaming(model, kind, method):
    """Fit to the first half of the rows."""
    half = slice(0, N_ROWS // 2)
    classes = {"classes": sorted(set(Y[kind]))} if kind in ("two", "three") and method != "fit" else {}
    if method == "fit_stream":
        return model.fit_stream([(X[half], Y[kind][half])], **classes)
    return getattr(model, method)(X[half], Y[kind][half], **classes)


def make_objects():
    """All that is pickled, by name."""
    made = {name: model.fit(X, Y[kind], **options) for name, (model, kind, options) in BATCH.items()}
    made |= {name: fit_streaming(*case) for name, case in STREAMING.items()}
    made |= {name: make(X, Y[kind], **GRID, **options) for name, (make, kind, options) in PATHS.items()}
    cross = [0, (0, 1), (1, 2)]
    made["crosses"] = [
        sr.LatLongCross(levels=(600, 60)).fit(PLACES),
        sr.FeatureCross(cross).fit(CLICKS),
        sr.FeatureCross(cross, hashed=20).fit(CLICKS),
    ]
    made["records"] = [
        sr.Block([[1.0, 0.0]], [2.0], [0.5]),
        sr.Progress(0.5, 3, 1e-3, 7),
        sr.CVProgress(1, 3, 1.0, 0.5, 2, 6, 7, {"mse": 0.25}),
    ]
    return made


def main(folder):
    """Write all files.

    Parameters
    ----------
    folder : str
        Made where it is missing.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, made in make_objects().items():
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(made, protocol=4))
    for name in CHECKPOINTS:
        try:
            stream(name, folder / f"{name}.npz", resume=False, stop_in=2)
        except Stopped:
            (folder / f"{name}.npz.previous").unlink()
    files = sorted([*folder.glob("*.pickle"), *folder.glob("*.npz")])
    expected = {"written_by": f"sparsereg {sr.__version__}", **{path.name: describe(path) for path in files}}
    lines = (f"{json.dumps(name)}: {json.dumps(facts)}" for name, facts in expected.items())
    (folder / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1])
