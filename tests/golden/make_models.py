"""Write the model files in golden/models, and what they predict: `python tests/golden/make_models.py`.

They stay as they are: later versions must load them. A new format gets files of its own beside these.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from golden.frozen import N_PREDICTED, OFFSET, PLACES, WEIGHT, X, Y, plain

import sparsereg as sr

FOLDER = Path(__file__).parent / "models"


def models():
    """Return {name: (model, how it is saved)}, of every form of file."""
    halves = slice(0, 24), slice(24, 48)
    stream = sr.SGDClassifier(alpha=0.01, dropout=0.1, random_state=2, min_count=1)
    for half in halves:
        stream.partial_fit(X[half], Y["three"][half], classes=sorted(set(Y["three"])))
    counts = sr.SGDRegressor("poisson", algorithm="prox_sgd", average=True, eta0=0.01)
    counts.partial_fit(X, Y["counts"], sample_weight=WEIGHT)
    two = sr.LogisticRegression(0.02, class_weight={"yes": 2.0}).fit(X, Y["two"])
    return {
        "lasso": (sr.Lasso(0.05, penalty_factor={5: 0.5}).fit(X, Y["numbers"]), {}),
        "lasso_float16": (sr.Lasso(0.05).fit(X, Y["numbers"]), {"compress": "float16"}),
        "poisson": (sr.PoissonRegressor(0.05).fit(X, Y["counts"], offset=OFFSET), {"compress": "float32"}),
        "two": (two.calibrate(X, Y["two"]), {}),
        "three": (sr.LogisticRegression(0.02).fit(X, Y["three"]), {}),
        "chosen": (sr.ElasticNetCV(l1_ratio=[0.5, 1.0], n_alphas=6, cv=3).fit(X, Y["numbers"]), {}),
        "path": (sr.logistic_path(X, Y["two"], n_alphas=8), {}),
        "path_three": (sr.logistic_path(X, Y["three"], n_alphas=5, eps=0.05), {"compress": "float16"}),
        "stream": (stream, {}),
        "stream_state": (stream, {"state": True}),
        "counts_state": (counts, {"state": True}),
        "cross": (sr.LatLongCross(levels=(60, 10, 1)).fit(np.zeros((1, 2))), {}),
    }


def describe(model):
    """Return what a loaded model gives, as JSON holds it."""
    if hasattr(model, "transform"):
        return plain({"columns": model.transform(PLACES)})
    out = {"class": type(model).__name__}
    for method in ("decision_function", "predict_proba", "predict"):
        if hasattr(model, method):
            out[method] = getattr(model, method)(X[:N_PREDICTED], offset=0.0)
    if isinstance(model, sr.RegularizationPath):
        return plain(out | {"alphas": model.alphas, "coefs": model.coefs, "classes": model.classes})
    names = ("classes_", "sparse_coef_", "intercept_", "objective_", "dual_gap_", "n_iter_", "alpha_", "t_")
    return plain(out | {name: getattr(model, name) for name in names if hasattr(model, name)})


def main():
    expected = {"written_by": f"sparsereg {sr.__version__}"}
    for name, (model, how) in models().items():
        sr.save_model(model, FOLDER / f"{name}.npz", **how)
        expected[name] = describe(sr.load_model(FOLDER / f"{name}.npz"))
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    warnings.simplefilter("ignore")
    main()
